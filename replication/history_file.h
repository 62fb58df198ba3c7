/* replication/history_file.h -- the history as bytes, for the disk.
 *
 *   "tandem history 1\n" | 0 term  1 writer  2 [revision]  3 prepared  4 set aside | BLAKE2b-256
 *
 * The digest is of all before it. Pure; replication/archive.h writes it. */
#ifndef TANDEM_REPLICATION_HISTORY_FILE_H
#define TANDEM_REPLICATION_HISTORY_FILE_H

#include "replication/history.h"

enum { HISTORY_FILE_MAX = 64 + (HISTORY_MAX + 2) * REVISION_SIZE_MAX };

/* Into bytes[HISTORY_FILE_MAX]; returns the size. */
size_t history_file_encode(const struct history_kept *kept, uint8_t *bytes);

enum history_file_reason {
    HISTORY_FILE_OK,
    HISTORY_FILE_LATER, /* of a later version of this program */
    HISTORY_FILE_DAMAGED,
};
enum history_file_reason history_file_decode(struct history_kept *kept, struct pack_space *space,
                                             const uint8_t *bytes, size_t size);

#endif
