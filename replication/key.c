#include "replication/key.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replication/file.h"

enum { TEXT_SIZE = KEY_SIZE - 1 };

__attribute__((format(printf, 3, 4))) static int fail(char *error, int code, const char *format,
                                                      ...)
{
    assert(code < 0);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, KEY_ERROR_MAX, format, arguments);
    va_end(arguments);
    return code;
}

void key_hide(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static int check_status(int fd, const char *path, uid_t owner, char *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fail(
            error, -errno,
            "cannot read %s: %s; give the file and its directory to the user that runs this", path,
            strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail(error, -EINVAL, "%s is not a regular file", path);
    if (status.st_uid != 0 && status.st_uid != owner)
        return fail(error, -EPERM, "%s belongs to user %u: run chown %u %s, or give it to root",
                    path, status.st_uid, owner, path);
    if ((status.st_mode & 077) != 0)
        return fail(error, -EPERM, "%s is open to others (mode %04o): run chmod 600 %s", path,
                    status.st_mode & 07777, path);
    return 0;
}

/* ZeroMQ RFC 32. Which of these texts exceed 32 bits a group is for who decodes them. */
static bool is_z85(const char *text, size_t size)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    for (size_t i = 0; i < size; i++) {
        if (memchr(alphabet, text[i], sizeof alphabet - 1) == NULL)
            return false;
    }
    return true;
}

bool key_is_line(const char *line, size_t size)
{
    bool has_end = size == TEXT_SIZE + 1 && line[TEXT_SIZE] == '\n';
    return (size == TEXT_SIZE || has_end) && is_z85(line, TEXT_SIZE);
}

/* Reads up to size bytes; fewer only at the end of the file. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, bytes + used, size - used);
        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)used;
}

static int read_text(int fd, const char *path, char *secret, char *error)
{
    char line[TEXT_SIZE + 2]; /* with the end of the line, and one byte too many */
    int failed = 0;
    ssize_t size = read_all(fd, line, sizeof line);
    if (size < 0)
        failed = fail(error, (int)size, "cannot read %s: %s", path, strerror((int)-size));
    else if (!key_is_line(line, (size_t)size))
        failed = fail(error, -EINVAL,
                      "%s is no key file: it must be one line of 40 Z85 characters; make one "
                      "under another name: tandemctl keygen FILE",
                      path);
    else
        memcpy(secret, line, TEXT_SIZE);
    explicit_bzero(line, sizeof line);
    return failed;
}

int key_read(const char *path, char *secret, char *error)
{
    return key_read_for(path, geteuid(), secret, error);
}

int key_read_for(const char *path, uid_t owner, char *secret, char *error)
{
    memset(secret, 0, KEY_SIZE);
    /* Not blocking, or a FIFO of that name would hold up the start for ever. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return fail(error, -ENOENT, "there is no key file %s: make one with tandemctl keygen %s",
                    path, path);
    if (fd < 0 && errno == ELOOP)
        return fail(error, -EINVAL, "%s is a symbolic link: name the file itself", path);
    if (fd < 0)
        return fail(
            error, -errno,
            "cannot read %s: %s; give the file and its directory to the user that runs this", path,
            strerror(errno));
    int failed = check_status(fd, path, owner, error);
    if (failed == 0)
        failed = read_text(fd, path, secret, error);
    close(fd);
    return failed;
}

static int sync_folder_of(const char *path)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy)
        return -ENAMETOOLONG;
    strcpy(copy, path);
    return file_sync_folder(dirname(copy));
}

int key_write(const char *path, const char *secret, char *error)
{
    assert(strlen(secret) == TEXT_SIZE);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(error, -EEXIST, "%s exists and is not overwritten: choose another name", path);
    if (fd < 0)
        return fail(error, -errno, "cannot make %s: %s", path, strerror(errno));
    char line[KEY_SIZE];
    memcpy(line, secret, TEXT_SIZE);
    line[TEXT_SIZE] = '\n';
    int failed = file_write(fd, line, sizeof line);
    if (failed == 0 && fsync(fd) != 0)
        failed = -errno;
    explicit_bzero(line, sizeof line);
    close(fd);
    if (failed == 0)
        failed = sync_folder_of(path);
    if (failed != 0) {
        unlink(path);
        return fail(error, failed, "cannot write %s: %s", path, strerror(-failed));
    }
    return 0;
}
