/* replication/store.h -- the orders on disk, so that they outlive both nodes.
 *
 * A log: each order is appended and synced before store_append returns. Of each key the newest
 * counts; when the log is four times as long as that, it is written anew beside the old one, synced
 * and renamed over it. At any moment a crash leaves a file that holds all that was stored.
 *
 *   orders          "tandem orders 1\n", then slots of 512 bytes
 *   slot            0 incarnation u64 | 8 sequence u64 | 16 age_ms u32 | 20 value size u16 |
 *                   22 name size u8 | 23 zero | 24 name | 119 value | 375 zero | 480 BLAKE2b-256
 *                   of bytes 0..479; numbers little-endian
 *   orders.new      the next file, until it is renamed
 *   orders.damaged-1, -2 ...   files that were found damaged
 *
 * Slots are of one size so that a torn end and damage can be told apart: only the last slot can be
 * torn, being the only one not yet synced. It is cut off. A bad slot before it is damage, and
 * nothing of such a file is believed: it is set aside, and the partner tells the orders again.
 *
 * Every call may wait for the disk; owned by one thread, the disk thread. About 800 bytes of memory
 * for each order. */
#ifndef TANDEM_REPLICATION_STORE_H
#define TANDEM_REPLICATION_STORE_H

#include "replication/record.h"

enum {
    STORE_ORDERS_MAX = 65536,
    STORE_LOG_FACTOR = 4,     /* the log may be so many times as long as its orders, */
    STORE_LOG_SLOTS_MIN = 64, /* but need not be shorter than this */
    STORE_SENTENCE_MAX = 512, /* bytes, with the NUL */
};

struct store;

/* Opens directory/orders or makes it. 0, and sentence[STORE_SENTENCE_MAX] says what was mended, or
 * is ""; or -errno, and it says what to do, the file being untouched (-EPROTONOSUPPORT: a later
 * version's). The directory must exist. */
int store_open(struct store **store, const char *directory, char *sentence);
void store_close(struct store *store); /* NULL is fine */

size_t store_count(const struct store *store);

/* Hands each order in its newest version to take, in the order of their names. Ages are those at
 * the time of writing: how long the node was away is not known. take must not call the store. */
void store_load(const struct store *store, void (*take)(void *context, const struct record *record),
                void *context);

/* 0 when this order, or a newer one with its key, is on disk; else -errno (-ENOSPC also for more
 * than STORE_ORDERS_MAX), and the file is as before. May be called again. */
int store_append(struct store *store, const struct record *record);

#endif
