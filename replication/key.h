/* replication/key.h -- key files: one line of 40 Z85 characters that nobody else may read.
 *
 * A sentence never shows what the file holds. Wipe a secret (explicit_bzero) once it was passed
 * on, and begin a program that reads one with key_hide. */
#ifndef TANDEM_REPLICATION_KEY_H
#define TANDEM_REPLICATION_KEY_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    KEY_SIZE = 41,       /* Z85 text of 32 bytes, and its NUL */
    KEY_ERROR_MAX = 256, /* bytes of a sentence, with its NUL; a long path is cut */
};

/* No core dump of this process is written, and no other of its user reads its memory. To be said
 * again after a change of user. */
void key_hide(void);

/* Reads the file into secret[KEY_SIZE]. 0, or -errno with a sentence in error[KEY_ERROR_MAX] that
 * says what to do, and secret empty. Refused: a symbolic link or anything but a regular file
 * (-EINVAL), an owner that is neither root nor the effective user or any right for group or others
 * (-EPERM), any other content (-EINVAL). */
int key_read(const char *path, char *secret, char *error);
/* The same by root, for a program that becomes user `owner` later: who may own the file is root or
 * that user. */
int key_read_for(const char *path, uid_t owner, char *secret, char *error);

/* Is that all of a key file: 40 Z85 characters, and at most the end of their line? Pure. */
bool key_is_line(const char *line, size_t size);

/* Makes the file, mode 0600, and has it on disk before it returns. 0, or -errno with a sentence;
 * then nothing is left behind. Never overwrites (-EEXIST). */
int key_write(const char *path, const char *secret, char *error);

#endif
