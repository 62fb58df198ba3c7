/* replication/archive.h -- the documents that are kept, on disk: their files, and the history.
 *
 *   STATE/history          replication/history_file.h
 *   STATE/history.damaged-1, -2 ...   one that was found damaged; nothing of it is believed
 *   STATE/archive/HEX      a file, or a bundle's list, by its digest
 *   STATE/archive/new      one that is being written
 *   STATE/archive/fetched  one of the partner's, piece by piece
 *   STATE/set-aside-7/     a revision that differed from the writer's, for people to look at
 *
 * Each file is written beside, synced and renamed: at any moment a crash leaves whole ones. What is
 * read is compared with its digest. Every call waits for the disk; reading whole files is any
 * thread's, writing is one thread's at a time: the clerk's, or while it has nothing to do that of
 * who builds the first bundle. */
#ifndef TANDEM_REPLICATION_ARCHIVE_H
#define TANDEM_REPLICATION_ARCHIVE_H

#include "replication/bundle.h"
#include "replication/history.h"

enum {
    ARCHIVE_PATH_MAX = 4096,
    ARCHIVE_SENTENCE_MAX = HISTORY_SENTENCE_MAX + 1,
    ARCHIVE_LACKS_MAX = 64, /* files told as lacking at once */
};

struct archive {
    char state[ARCHIVE_PATH_MAX];
};

/* Makes STATE/archive if it is not there. 0 or -errno, with a sentence. */
int archive_open(struct archive *self, const char *state, char *sentence);

/* ---- files ---- */

/* All of it, NUL-terminated, from malloc; NULL with errno: EBADMSG when it is not what its digest
 * says. */
char *archive_read(const struct archive *self, const uint8_t *digest, size_t *size);
/* 0 or -errno; *digest is its name from then on. */
int archive_add(const struct archive *self, const void *bytes, size_t size, uint8_t *digest);
/* piece->digest and offset are given, the rest is found; bytes go into buffer[HISTORY_PIECE_MAX].
 * 0 or -errno. */
int archive_piece(const struct archive *self, struct history_piece *piece, uint8_t *buffer);
/* The next piece of one that is fetched: 0, and it is there when its last came; -EBADMSG: it is
 * not what its digest says, or another piece was due; or -errno. */
int archive_take_piece(const struct archive *self, const struct history_piece *piece);

/* ---- bundles ---- */

/* Its list, into the arena. False: it is not kept, or is no list. */
bool archive_bundle(const struct archive *self, const uint8_t *digest, struct bundle *bundle,
                    struct arena *arena);
/* Up to ARCHIVE_LACKS_MAX files that are not here, or damaged, of the bundle or its list itself;
 * how many. Reads all of them. */
size_t archive_lacks(const struct archive *self, const uint8_t *bundle,
                     uint8_t lacks[][REVISION_DIGEST_SIZE]);
/* A list and then its files, one after the other, from a descriptor: each compared with its digest
 * and kept. 0 with the bundle's digest, or -errno with a sentence. */
int archive_take_in(const struct archive *self, int fd, uint8_t *bundle, char *sentence);
/* All its files, by their names, into a folder that is made. Names that leave it are put beneath
 * it. 0 or -errno with a sentence. */
int archive_export(const struct archive *self, const uint8_t *bundle, const char *folder,
                   char *sentence);

/* ---- the history ---- */

/* 1: there is one; 0: none, or it was damaged, and the sentence says so; -errno with a sentence:
 * -EPROTONOSUPPORT: a later version's. */
int archive_load(const struct archive *self, struct history_kept *kept, char *sentence);
/* 0 or -errno, and the one before is as it was. */
int archive_keep(const struct archive *self, const struct history_kept *kept);
/* Removes what no revision of it needs. */
void archive_sweep(const struct archive *self, const struct history_kept *kept);

#endif
