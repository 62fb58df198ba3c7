#include "replication/archive.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replication/archive_parts.h"
#include "replication/file.h"
#include "replication/history_file.h"

int archive_open(struct archive *self, const char *state, char *sentence)
{
    char folder[ARCHIVE_PATH_MAX];
    sentence[0] = '\0';
    if (snprintf(self->state, sizeof self->state, "%s", state) >= (int)sizeof self->state - 100) {
        snprintf(sentence, ARCHIVE_SENTENCE_MAX, "the path of the state is too long");
        return -ENAMETOOLONG;
    }
    archive_path(self, "archive", folder);
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return 0;
    int error = -errno;
    snprintf(sentence, ARCHIVE_SENTENCE_MAX,
             "%.300s cannot be made (%s): give the folder above it to the user of tandem-worker, "
             "or change paths: state",
             folder, strerror(-error));
    return error;
}

void archive_path(const struct archive *self, const char *name, char *path)
{
    int size = snprintf(path, ARCHIVE_PATH_MAX, "%s/%s", self->state, name);
    assert(size < ARCHIVE_PATH_MAX);
}

void archive_file_path(const struct archive *self, const uint8_t *digest, char *path)
{
    char name[sizeof "archive/" + BUNDLE_HEX_SIZE] = "archive/";
    bundle_hex(digest, name + strlen(name));
    archive_path(self, name, path);
}

/* ---- whole files ---- */

char *archive_read(const struct archive *self, const uint8_t *digest, size_t *size)
{
    char path[ARCHIVE_PATH_MAX];
    uint8_t found[REVISION_DIGEST_SIZE];
    archive_file_path(self, digest, path);
    char *text = file_read(path, O_NOFOLLOW, HISTORY_FILE_SIZE_MAX, size);
    if (text == NULL)
        return NULL;
    bundle_digest(text, *size, found);
    if (memcmp(found, digest, sizeof found) == 0)
        return text;
    free(text);
    errno = EBADMSG;
    return NULL;
}

/* Written beside, synced, and renamed to its name, of which the folder is synced. */
static int replace(const struct archive *self, const char *folder, const char *beside,
                   const char *path, const void *bytes, size_t size)
{
    char new_path[ARCHIVE_PATH_MAX], folder_path[ARCHIVE_PATH_MAX];
    archive_path(self, beside, new_path);
    archive_path(self, folder, folder_path);
    int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int error = file_write(fd, bytes, size);
    if (error == 0 && fsync(fd) != 0)
        error = -errno;
    if (close(fd) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(new_path, path) != 0)
        error = -errno;
    if (error == 0)
        error = file_sync_folder(folder_path);
    else
        unlink(new_path);
    return error;
}

int archive_add(const struct archive *self, const void *bytes, size_t size, uint8_t *digest)
{
    char path[ARCHIVE_PATH_MAX];
    size_t kept_size;
    bundle_digest(bytes, size, digest);
    archive_file_path(self, digest, path);
    if (size > HISTORY_FILE_SIZE_MAX)
        return -EFBIG;
    char *kept = archive_read(self, digest, &kept_size);
    free(kept);
    if (kept != NULL) /* and undamaged */
        return 0;
    return replace(self, "archive", "archive/new", path, bytes, size);
}

/* ---- pieces ---- */

int archive_piece(const struct archive *self, struct history_piece *piece, uint8_t *buffer)
{
    char path[ARCHIVE_PATH_MAX];
    struct stat status;
    archive_file_path(self, piece->digest, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, &status) != 0 ? -errno : 0;
    ssize_t got = error == 0 ? pread(fd, buffer, HISTORY_PIECE_MAX, (off_t)piece->offset) : 0;
    if (got < 0)
        error = -errno;
    close(fd);
    if (error != 0)
        return error;
    piece->file_size = (uint64_t)status.st_size;
    piece->bytes = buffer;
    piece->size = (size_t)got;
    return piece->offset + piece->size <= piece->file_size &&
                   piece->file_size <= HISTORY_FILE_SIZE_MAX
               ? 0
               : -EBADMSG;
}

/* All pieces are there: is it what was asked for? */
static int end_fetch(const struct archive *self, const char *fetched, const uint8_t *digest)
{
    char path[ARCHIVE_PATH_MAX];
    uint8_t found[REVISION_DIGEST_SIZE];
    size_t size;
    char *text = file_read(fetched, O_NOFOLLOW, HISTORY_FILE_SIZE_MAX, &size);
    if (text == NULL)
        return -errno;
    bundle_digest(text, size, found);
    free(text);
    if (memcmp(found, digest, sizeof found) != 0) {
        unlink(fetched);
        return -EBADMSG;
    }
    archive_file_path(self, digest, path);
    if (rename(fetched, path) != 0)
        return -errno;
    archive_path(self, "archive", path);
    return file_sync_folder(path);
}

int archive_take_piece(const struct archive *self, const struct history_piece *piece)
{
    char path[ARCHIVE_PATH_MAX];
    struct stat status;
    bool is_first = piece->offset == 0;
    archive_path(self, "archive/fetched", path);
    int fd =
        open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (is_first ? O_TRUNC : 0), 0600);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, &status) != 0 ? -errno : 0;
    if (error == 0 && (uint64_t)status.st_size != piece->offset)
        error = -EBADMSG;
    if (error == 0 && lseek(fd, 0, SEEK_END) < 0)
        error = -errno;
    if (error == 0)
        error = file_write(fd, piece->bytes, piece->size);
    bool is_last = piece->offset + piece->size == piece->file_size;
    if (error == 0 && is_last && fsync(fd) != 0)
        error = -errno;
    close(fd);
    return error == 0 && is_last ? end_fetch(self, path, piece->digest) : error;
}

/* ---- the history ---- */

static void set_damaged_aside(const char *path, char *sentence)
{
    char aside[ARCHIVE_PATH_MAX + 20];
    int error = file_set_aside(path, aside, sizeof aside);
    if (error == 0)
        snprintf(sentence, ARCHIVE_SENTENCE_MAX,
                 "%.200s was damaged: it is now %.200s, and the documents are awaited from the "
                 "partner",
                 path, aside);
    else
        snprintf(sentence, ARCHIVE_SENTENCE_MAX, "%.300s is damaged and cannot be renamed: %s",
                 path, strerror(-error));
}

int archive_load(const struct archive *self, struct history_kept *kept, char *sentence)
{
    char path[ARCHIVE_PATH_MAX];
    struct pack_space space;
    size_t size;
    sentence[0] = '\0';
    archive_path(self, "history", path);
    char *bytes = file_read(path, O_NOFOLLOW, HISTORY_FILE_MAX, &size);
    if (bytes == NULL && errno == ENOENT)
        return 0;
    if (bytes == NULL && errno != EFBIG) {
        int error = -errno;
        snprintf(sentence, ARCHIVE_SENTENCE_MAX, "%.300s cannot be read: %s", path,
                 strerror(-error));
        return error;
    }
    pack_space_open(&space);
    enum history_file_reason reason =
        bytes == NULL ? HISTORY_FILE_DAMAGED
                      : history_file_decode(kept, &space, (const uint8_t *)bytes, size);
    pack_space_close(&space);
    free(bytes);
    if (reason == HISTORY_FILE_DAMAGED)
        set_damaged_aside(path, sentence);
    if (reason != HISTORY_FILE_LATER)
        return reason == HISTORY_FILE_OK;
    snprintf(sentence, ARCHIVE_SENTENCE_MAX,
             "%.300s is of a later version of this program: start that one", path);
    return -EPROTONOSUPPORT;
}

int archive_keep(const struct archive *self, const struct history_kept *kept)
{
    uint8_t *bytes = malloc(HISTORY_FILE_MAX);
    char path[ARCHIVE_PATH_MAX];
    if (bytes == NULL)
        return -ENOMEM;
    archive_path(self, "history", path);
    int error = replace(self, ".", "history.new", path, bytes, history_file_encode(kept, bytes));
    free(bytes);
    return error;
}
