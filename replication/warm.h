/* replication/warm.h -- what a node knew a second ago, in a file that its next life begins with.
 *
 * A node that is restarted while its partner is dead has nobody to ask. It begins with the reports
 * of this file, each as old as it is by now. Written anew each second, beside the old file and
 * renamed over it: a program that dies leaves one of the two. It is not synced, for it is worth
 * nothing by the time a machine has booted; what a loss of power leaves is found by its sum.
 *
 *   warm          0 "tandem warm 1\n", zero to 16 | 16 the kernel's boot id | 32 time since that
 *                 boot u64 ms | 40 wall clock u64 ms | 48 count u32 | 52 zero to 56 | records |
 *                 BLAKE2b-256 of all before
 *   record        0 kind u8 | 1 name size u8 | 2 value size u16 | 4 age u32 ms |
 *                 8 incarnation u64 | 16 sequence u64 | 24 name | value; numbers little-endian
 *   warm.damaged  the last one that was found damaged
 *
 * The writer and the reader are pure; warm_save and warm_load wait for the disk. */
#ifndef TANDEM_REPLICATION_WARM_H
#define TANDEM_REPLICATION_WARM_H

#include "replication/record.h"

enum {
    WARM_RECORD_SIZE_MAX = 24 + RECORD_NAME_MAX + RECORD_VALUE_MAX, /* bytes */
    WARM_FRAME_SIZE = 56 + 32,                                      /* bytes besides the records */
    WARM_FILE_SIZE_MAX = 1 << 26, /* bytes; a larger file is damaged */
    WARM_SENTENCE_MAX = 512,      /* bytes, with the NUL */
};

/* What time it is, so that a later life can say how long ago that was. */
struct warm_time {
    uint8_t boot[16];
    int64_t boot_ms; /* since the kernel's boot, suspension included */
    int64_t wall_ms; /* since 1970 */
};

/* Reads the boot id, once; zeroes, which equal none, when there is none to read. */
void warm_boot(struct warm_time *now);
/* Sets the time to this moment's. */
void warm_now(struct warm_time *now);

/* How long ago `then` was: exactly within one boot, else by the wall clocks. RECORD_AGE_MS_MAX when
 * it is longer ago, or when they cannot tell. */
uint32_t warm_away_ms(const struct warm_time *then, const struct warm_time *now);

struct warm_writer {
    uint8_t *bytes;
    size_t room, size;
    uint32_t count;
};

/* room >= WARM_FRAME_SIZE. */
void warm_begin(struct warm_writer *self, const struct warm_time *now, uint8_t *bytes, size_t room);
/* False, and nothing is added, when it does not fit. */
bool warm_add(struct warm_writer *self, const struct record *record);
/* The size, with the sum, which is yet to be written: warm_seal, O(size). */
size_t warm_end(struct warm_writer *self);
void warm_seal(uint8_t *bytes, size_t size);

struct warm_reader {
    const uint8_t *bytes;
    size_t size, position;
    uint32_t left;
    struct warm_time written;
};

/* Is it whole, and of this version? Then warm_next gives what it holds. */
bool warm_open(struct warm_reader *self, const uint8_t *bytes, size_t size);
/* The next record, of the age that it had when it was written. False at the end, or where a record
 * is not one: then left is not 0. */
bool warm_next(struct warm_reader *self, struct record *record);

/* Put it in the place of directory/warm. 0 or -errno; the file is as before. */
int warm_save(const char *directory, const uint8_t *bytes, size_t size);

/* Hands each record of directory/warm, as old as it is now, to take; returns how many. Of a damaged
 * file none: it becomes warm.damaged. sentence[WARM_SENTENCE_MAX] says what was amiss, or is "";
 * that there is no file is nothing amiss. */
size_t warm_load(const char *directory, const struct warm_time *now,
                 void (*take)(void *context, const struct record *record), void *context,
                 char *sentence);

#endif
