#include "replication/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAMAGED_MAX = 99 }; /* then somebody must look */

static char *read_open_file(int fd, size_t size_max, size_t *size)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return NULL;
    if (!S_ISREG(status.st_mode) || status.st_size < 0 || (size_t)status.st_size > size_max) {
        errno = S_ISREG(status.st_mode) ? EFBIG : EINVAL;
        return NULL;
    }
    char *text = malloc((size_t)status.st_size + 1);
    if (text == NULL)
        return NULL;
    *size = 0;
    while (*size < (size_t)status.st_size) {
        ssize_t got = read(fd, text + *size, (size_t)status.st_size - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(text);
            return NULL;
        }
        if (got == 0) /* it shrank meanwhile */
            break;
        *size += (size_t)got;
    }
    text[*size] = '\0';
    return text;
}

char *file_read(const char *path, int flags, size_t size_max, size_t *size)
{
    /* A pipe would otherwise wait for its writer, and a reload with it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    if (fd < 0)
        return NULL;
    char *text = read_open_file(fd, size_max, size);
    int saved = errno;
    close(fd);
    errno = saved;
    return text;
}

int file_write(int fd, const void *bytes, size_t size)
{
    const uint8_t *next = bytes;
    while (size > 0) {
        ssize_t written = write(fd, next, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            next += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

int file_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return error;
}

int file_set_aside(const char *path, char *aside, size_t size)
{
    int error = -EEXIST;
    for (int number = 1; error == -EEXIST && number <= DAMAGED_MAX; number++) {
        if (snprintf(aside, size, "%s.damaged-%d", path, number) >= (int)size)
            return -ENAMETOOLONG;
        error = renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) == 0 ? 0 : -errno;
    }
    return error;
}
