/* replication/file.h -- whole files: what store, warm file, key files and documents have in common.
 *
 * Both wait for the disk. */
#ifndef TANDEM_REPLICATION_FILE_H
#define TANDEM_REPLICATION_FILE_H

#include <stddef.h>

/* All of a regular file, NUL-terminated, from malloc; NULL with errno: EFBIG when it has more than
 * size_max bytes, EINVAL when it is no regular file, else the system's. flags: those of open(2) for
 * a file that must be more, such as O_NOFOLLOW; 0. */
char *file_read(const char *path, int flags, size_t size_max, size_t *size);

/* A name in this folder is on the disk only when the folder is. 0 or -errno. */
int file_sync_folder(const char *path);

/* Gives the file the first name of path.damaged-1, -2 ... -99 that is free, so that none that was
 * set aside before is lost; into aside[size]. 0 or -errno. */
int file_set_aside(const char *path, char *aside, size_t size);

/* All of it, from where the descriptor stands. 0 or -errno. */
int file_write(int fd, const void *bytes, size_t size);

#endif
