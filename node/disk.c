#include "node/disk.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/audit.h"
#include "replication/warm.h"

struct job {
    struct record record;
    uint64_t ticket;
};

struct warm {
    uint8_t *bytes;
    size_t room, size; /* size 0: nothing to write */
};

struct disk {
    struct store *store;
    struct log *log;
    const char *directory;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    int done_fd;
    bool stopping, woken;
    struct job jobs[DISK_QUEUE_MAX];
    size_t first, count;
    struct disk_done done[DISK_QUEUE_MAX];  /* as many as jobs: a ticket's way back has room */
    size_t done_first, done_count, waiting; /* waiting: tickets queued or done but not fetched */
    char audits[DISK_AUDIT_MAX][AUDIT_LINE_MAX];
    size_t audit_first, audit_count;
    struct warm next_warm;
    unsigned missed;  /* that were to be written, and the next one came first */
    int warm_error;   /* of the last writing */
    struct warm warm; /* of the thread alone */
};

static void finish(struct disk *self, uint64_t ticket, int error)
{
    if (ticket == 0)
        return;
    pthread_mutex_lock(&self->mutex);
    assert(self->done_count < DISK_QUEUE_MAX);
    self->done[(self->done_first + self->done_count++) % DISK_QUEUE_MAX] =
        (struct disk_done){ticket, error};
    pthread_mutex_unlock(&self->mutex);
    uint64_t one = 1;
    ssize_t written = write(self->done_fd, &one, sizeof one);
    (void)written; /* full means it is readable already */
}

/* Under the mutex. */
static void take_warm(struct disk *self)
{
    struct warm written = self->warm;
    written.size = 0;
    self->warm = self->next_warm;
    self->next_warm = written;
}

static void write_warm(struct disk *self)
{
    if (self->warm.size == 0)
        return;
    warm_seal(self->warm.bytes, self->warm.size);
    int error = warm_save(self->directory, self->warm.bytes, self->warm.size);
    if (error != self->warm_error)
        log_line(self->log, "disk warm-file %s reason=%s", error == 0 ? "written" : "not-written",
                 error == 0 ? "has-room" : strerror(-error));
    pthread_mutex_lock(&self->mutex);
    self->warm_error = error;
    pthread_mutex_unlock(&self->mutex);
}

/* One line of the audit; false when there is none. */
static bool take_audit(struct disk *self, char *line)
{
    pthread_mutex_lock(&self->mutex);
    bool has_one = self->audit_count > 0;
    if (has_one) {
        memcpy(line, self->audits[self->audit_first], AUDIT_LINE_MAX);
        self->audit_first = (self->audit_first + 1) % DISK_AUDIT_MAX;
        self->audit_count--;
    }
    pthread_mutex_unlock(&self->mutex);
    return has_one;
}

static void write_audit(struct disk *self)
{
    char line[AUDIT_LINE_MAX];
    while (take_audit(self, line)) {
        int error = audit_append(self->directory, line);
        if (error != 0)
            log_line(self->log, "disk audit line not written: %s", strerror(-error));
    }
}

/* The next job, and when there is none what the warm file is to hold; false when it is time to end.
 * Log lines alone wake it too. */
static bool wait_for_work(struct disk *self, struct job *job, bool *has_job)
{
    pthread_mutex_lock(&self->mutex);
    while (self->count == 0 && !self->woken && !self->stopping)
        pthread_cond_wait(&self->work, &self->mutex);
    *has_job = self->count > 0;
    if (*has_job) {
        *job = self->jobs[self->first];
        self->first = (self->first + 1) % DISK_QUEUE_MAX;
        self->count--;
    } else {
        take_warm(self);
        self->woken = false;
    }
    bool is_over = self->stopping && !*has_job;
    pthread_mutex_unlock(&self->mutex);
    return !is_over;
}

static void *run(void *argument)
{
    struct disk *self = argument;
    struct job job;
    bool has_job;
    pthread_setname_np(pthread_self(), "disk");
    while (wait_for_work(self, &job, &has_job)) {
        log_write(self->log);
        if (!has_job) {
            write_audit(self);
            write_warm(self);
            continue;
        }
        int error = store_append(self->store, &job.record);
        if (error != 0)
            log_line(self->log, "disk order=%s not stored: %s", job.record.key.name,
                     strerror(-error));
        finish(self, job.ticket, error);
        log_write(self->log);
    }
    write_audit(self);
    log_write(self->log);
    return NULL;
}

int disk_open(struct disk **disk, struct store *store, struct log *log, const char *directory)
{
    struct disk *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    self->store = store;
    self->log = log;
    self->directory = directory;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->work, NULL);
    self->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = self->done_fd < 0 ? errno : pthread_create(&self->thread, NULL, run, self);
    if (error != 0) {
        if (self->done_fd >= 0)
            close(self->done_fd);
        free(self);
        return -error;
    }
    *disk = self;
    return 0;
}

void disk_close(struct disk *disk)
{
    if (disk == NULL)
        return;
    pthread_mutex_lock(&disk->mutex);
    disk->stopping = true;
    pthread_cond_signal(&disk->work);
    pthread_mutex_unlock(&disk->mutex);
    pthread_join(disk->thread, NULL);
    close(disk->done_fd);
    pthread_cond_destroy(&disk->work);
    pthread_mutex_destroy(&disk->mutex);
    free(disk->warm.bytes);
    free(disk->next_warm.bytes);
    free(disk);
}

int disk_fd(const struct disk *disk)
{
    return disk->done_fd;
}

int disk_store(struct disk *disk, const struct record *record, uint64_t ticket)
{
    pthread_mutex_lock(&disk->mutex);
    bool is_full =
        disk->count == DISK_QUEUE_MAX || (ticket != 0 && disk->waiting == DISK_QUEUE_MAX);
    if (!is_full) {
        disk->jobs[(disk->first + disk->count++) % DISK_QUEUE_MAX] = (struct job){*record, ticket};
        disk->waiting += ticket != 0;
        pthread_cond_signal(&disk->work);
    }
    pthread_mutex_unlock(&disk->mutex);
    return is_full ? -ENOBUFS : 0;
}

int disk_keep_warm(struct disk *disk, const uint8_t *bytes, size_t size)
{
    pthread_mutex_lock(&disk->mutex);
    struct warm *warm = &disk->next_warm;
    if (size > warm->room) {
        uint8_t *larger = realloc(warm->bytes, size);
        if (larger != NULL)
            *warm = (struct warm){.bytes = larger, .room = size};
    }
    bool fits = size <= warm->room;
    disk->missed = warm->size == 0 ? 0 : disk->missed + 1;
    if (fits) {
        memcpy(warm->bytes, bytes, size);
        warm->size = size;
        disk->woken = true;
        pthread_cond_signal(&disk->work);
    }
    pthread_mutex_unlock(&disk->mutex);
    return fits ? 0 : -ENOMEM;
}

int disk_trouble(struct disk *disk)
{
    pthread_mutex_lock(&disk->mutex);
    int trouble = disk->missed >= DISK_MISSED_MAX ? -ETIMEDOUT : disk->warm_error;
    pthread_mutex_unlock(&disk->mutex);
    return trouble;
}

int disk_audit(struct disk *disk, const char *line)
{
    pthread_mutex_lock(&disk->mutex);
    bool is_full = disk->audit_count == DISK_AUDIT_MAX;
    if (!is_full) {
        char *place = disk->audits[(disk->audit_first + disk->audit_count++) % DISK_AUDIT_MAX];
        snprintf(place, AUDIT_LINE_MAX, "%s", line);
        disk->woken = true;
        pthread_cond_signal(&disk->work);
    }
    pthread_mutex_unlock(&disk->mutex);
    return is_full ? -ENOBUFS : 0;
}

void disk_wake(struct disk *disk)
{
    pthread_mutex_lock(&disk->mutex);
    disk->woken = true;
    pthread_cond_signal(&disk->work);
    pthread_mutex_unlock(&disk->mutex);
}

bool disk_next(struct disk *disk, struct disk_done *done)
{
    uint64_t count;
    ssize_t got = read(disk->done_fd, &count, sizeof count);
    (void)got; /* nothing to read: the queue below tells */
    pthread_mutex_lock(&disk->mutex);
    bool has_one = disk->done_count > 0;
    if (has_one) {
        *done = disk->done[disk->done_first];
        disk->done_first = (disk->done_first + 1) % DISK_QUEUE_MAX;
        disk->done_count--;
        disk->waiting--;
    }
    pthread_mutex_unlock(&disk->mutex);
    return has_one;
}
