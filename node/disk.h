/* node/disk.h -- the thread that touches the disk, so that no other one waits for it.
 *
 * It writes log lines, appends orders to the store and lines to the audit, each with fsync, and
 * keeps the warm file. A stalled disk delays the answer to an order and the log, nothing else. */
#ifndef TANDEM_NODE_DISK_H
#define TANDEM_NODE_DISK_H

#include "node/log.h"
#include "replication/record.h"
#include "replication/store.h"

enum {
    DISK_QUEUE_MAX = 1024, /* orders waiting to be stored */
    DISK_AUDIT_MAX = 256,  /* lines of the audit, likewise */
    DISK_MISSED_MAX = 3,   /* warm files that were not taken, until that is told */
};

struct disk;

struct disk_done {
    uint64_t ticket;
    int error; /* 0: it is on disk; -errno */
};

/* Starts the thread. The store and the log are used by it alone from now on (but for log_line and
 * log_limited); the warm file lies in directory, which outlives it. 0 or -errno. */
int disk_open(struct disk **disk, struct store *store, struct log *log, const char *directory);
/* Waits until all that was queued is written. */
void disk_close(struct disk *disk);

/* Readable when disk_next has something. */
int disk_fd(const struct disk *disk);

/* Queue an order. ticket 0: nobody waits for it. -ENOBUFS when the queue is full. Never blocks. */
int disk_store(struct disk *disk, const struct record *record, uint64_t ticket);
/* What the warm file is to hold (warm_end): copied. One that still waits is dropped for it, being
 * older. -ENOMEM: the file stays as it is. Never blocks. */
int disk_keep_warm(struct disk *disk, const uint8_t *bytes, size_t size);
/* A line of the audit (audit_line): copied. -ENOBUFS when DISK_AUDIT_MAX wait. Never blocks. */
int disk_audit(struct disk *disk, const char *line);
/* How it took what the warm file was to hold, which is its pulse: 0; -errno of the last one; or
 * -ETIMEDOUT, when it has taken none of the last DISK_MISSED_MAX. Never blocks. */
int disk_trouble(struct disk *disk);
/* Log lines wait: write them soon. Never blocks. */
void disk_wake(struct disk *disk);

/* One finished order that somebody waits for; false when there is none. */
bool disk_next(struct disk *disk, struct disk_done *done);

#endif
