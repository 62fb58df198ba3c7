/* node/disk.h -- the thread that touches the disk, so that no other one waits for it.
 *
 * It writes log lines and appends orders to the store, each with fsync. A stalled disk delays the
 * answer to an order and the log, nothing else. */
#ifndef TANDEM_NODE_DISK_H
#define TANDEM_NODE_DISK_H

#include "node/log.h"
#include "replication/record.h"
#include "replication/store.h"

enum { DISK_QUEUE_MAX = 1024 }; /* orders waiting to be stored */

struct disk;

struct disk_done {
    uint64_t ticket;
    int error; /* 0: it is on disk; -errno */
};

/* Starts the thread. The store and the log are used by it alone from now on (but for log_line and
 * log_limited). 0 or -errno. */
int disk_open(struct disk **disk, struct store *store, struct log *log);
/* Waits until all that was queued is written. */
void disk_close(struct disk *disk);

/* Readable when disk_next has something. */
int disk_fd(const struct disk *disk);

/* Queue an order. ticket 0: nobody waits for it. -ENOBUFS when the queue is full. Never blocks. */
int disk_store(struct disk *disk, const struct record *record, uint64_t ticket);
/* Log lines wait: write them soon. Never blocks. */
void disk_wake(struct disk *disk);

/* One finished order that somebody waits for; false when there is none. */
bool disk_next(struct disk *disk, struct disk_done *done);

#endif
