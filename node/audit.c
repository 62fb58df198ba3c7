#include "node/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, TAIL_SIZE = 1 << 16 };

void audit_line(char *line, int64_t wall_ms, const char *node, const struct transition *told)
{
    char at[64];
    struct tm time;
    time_t seconds = wall_ms / 1000;
    gmtime_r(&seconds, &time);
    size_t used = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &time);
    snprintf(at + used, sizeof at - used, ".%03dZ", (int)(wall_ms % 1000));
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "at", at, "node", node, "who",
                               told->author, "what", told->to, "subject", told->subject, "because",
                               told->note[0] == '\0' ? NULL : told->note);
    size_t size = json_dumpb(object, line, AUDIT_LINE_MAX - 2, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(object);
    if (size > AUDIT_LINE_MAX - 2) /* every text in it is bounded, and this is more than all */
        size = 0;
    snprintf(line + size, AUDIT_LINE_MAX - size, "\n");
}

static int write_line(int fd, const char *line)
{
    struct stat before;
    if (fstat(fd, &before) != 0)
        return -errno;
    size_t size = strlen(line);
    ssize_t written = write(fd, line, size);
    int error = written < 0 ? errno : written < (ssize_t)size ? ENOSPC : 0;
    if (error == 0 && fdatasync(fd) != 0)
        error = errno;
    if (error != 0 && ftruncate(fd, before.st_size) != 0)
        return -error; /* half a line: the next reader skips it */
    return -error;
}

int audit_append(const char *directory, const char *line)
{
    char path[PATH_SIZE], older[PATH_SIZE];
    struct stat status;
    if (snprintf(path, sizeof path, "%s/audit", directory) >= (int)sizeof path ||
        snprintf(older, sizeof older, "%s/audit.1", directory) >= (int)sizeof older)
        return -ENAMETOOLONG;
    if (stat(path, &status) == 0 && status.st_size >= AUDIT_SIZE_MAX && rename(path, older) != 0)
        return -errno;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int error = write_line(fd, line);
    close(fd);
    return error;
}

int64_t audit_line_ms(const char *line, size_t size, const char *node)
{
    json_t *object = json_loadb(line, size, 0, NULL);
    const char *at = json_string_value(json_object_get(object, "at"));
    const char *of = json_string_value(json_object_get(object, "node"));
    struct tm time = {0};
    int ms = 0;
    int64_t found = 0;
    const char *rest = at == NULL || of == NULL || strcmp(of, node) != 0
                           ? NULL
                           : strptime(at, "%Y-%m-%dT%H:%M:%S", &time);
    if (rest != NULL && sscanf(rest, ".%3dZ", &ms) == 1)
        found = (int64_t)timegm(&time) * 1000 + ms;
    json_decref(object);
    return found;
}

static int64_t last_of(const char *path, const char *node)
{
    static char tail[TAIL_SIZE + 1];
    int64_t last_ms = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t got = pread(fd, tail, TAIL_SIZE, size > TAIL_SIZE ? size - TAIL_SIZE : 0);
    close(fd);
    tail[got < 0 ? 0 : got] = '\0';
    for (char *line = tail, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        int64_t found_ms = audit_line_ms(line, (size_t)(end - line), node);
        if (found_ms > last_ms)
            last_ms = found_ms;
    }
    return last_ms;
}

int64_t audit_last_ms(const char *directory, const char *node)
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof path, "%s/audit", directory) >= (int)sizeof path)
        return 0;
    int64_t last_ms = last_of(path, node);
    snprintf(path, sizeof path, "%s/audit.1", directory);
    return last_ms > 0 ? last_ms : last_of(path, node);
}
