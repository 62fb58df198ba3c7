#include "node/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log {
    pthread_mutex_t mutex; /* held for a copy of one line at most */
    char lines[LOG_QUEUE_MAX][LOG_LINE_MAX];
    size_t first, count;
    uint64_t dropped;
    /* The control thread's own: */
    struct limit {
        const char *reason;
        int64_t second; /* of now_ms / 1000 */
        uint32_t lines, suppressed;
    } limits[LOG_REASONS_MAX];
    size_t limit_count;
};

int log_open(struct log **log)
{
    struct log *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    int error = pthread_mutex_init(&self->mutex, NULL);
    if (error != 0) {
        free(self);
        return -error;
    }
    *log = self;
    return 0;
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    while (log_write(log)) {
    }
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

static void enqueue(struct log *self, const char *format, va_list arguments)
{
    char line[LOG_LINE_MAX];
    vsnprintf(line, sizeof line, format, arguments);
    pthread_mutex_lock(&self->mutex);
    if (self->count < LOG_QUEUE_MAX)
        memcpy(self->lines[(self->first + self->count++) % LOG_QUEUE_MAX], line, sizeof line);
    else
        self->dropped++;
    pthread_mutex_unlock(&self->mutex);
}

void log_line(struct log *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enqueue(self, format, arguments);
    va_end(arguments);
}

static struct limit *find_limit(struct log *self, const char *reason)
{
    for (size_t i = 0; i < self->limit_count; i++)
        if (strcmp(self->limits[i].reason, reason) == 0)
            return &self->limits[i];
    if (self->limit_count == LOG_REASONS_MAX)
        return &self->limits[LOG_REASONS_MAX - 1];
    struct limit *limit = &self->limits[self->limit_count++];
    limit->reason = reason;
    return limit;
}

static void sum_up(struct log *self, struct limit *limit, int64_t second)
{
    if (limit->second == second)
        return;
    if (limit->suppressed > 0)
        log_line(self, "log reason=%s suppressed=%u in 1 s", limit->reason, limit->suppressed);
    limit->second = second;
    limit->lines = limit->suppressed = 0;
}

void log_limited(struct log *self, int64_t now_ms, const char *reason, const char *format, ...)
{
    struct limit *limit = find_limit(self, reason);
    sum_up(self, limit, now_ms / 1000);
    if (limit->lines == LOG_LIMIT_PER_SECOND) {
        limit->suppressed++;
        return;
    }
    limit->lines++;
    va_list arguments;
    va_start(arguments, format);
    enqueue(self, format, arguments);
    va_end(arguments);
}

void log_sum_up(struct log *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->limit_count; i++)
        sum_up(self, &self->limits[i], now_ms / 1000);
}

static void write_line(const char *line)
{
    char bytes[LOG_LINE_MAX + 1];
    size_t size = strlen(line);
    memcpy(bytes, line, size);
    bytes[size++] = '\n';
    /* There is nowhere to say that saying failed. */
    ssize_t written = write(STDERR_FILENO, bytes, size);
    (void)written;
}

bool log_write(struct log *self)
{
    char line[LOG_LINE_MAX];
    bool wrote = false;
    for (;;) {
        pthread_mutex_lock(&self->mutex);
        uint64_t dropped = self->count == 0 ? self->dropped : 0;
        bool is_empty = self->count == 0;
        if (!is_empty) {
            memcpy(line, self->lines[self->first], sizeof line);
            self->first = (self->first + 1) % LOG_QUEUE_MAX;
            self->count--;
        } else {
            self->dropped = 0;
        }
        pthread_mutex_unlock(&self->mutex);
        if (dropped > 0) {
            snprintf(line, sizeof line, "log reason=queue-full dropped=%llu lines",
                     (unsigned long long)dropped);
            write_line(line);
        }
        if (is_empty)
            return wrote;
        write_line(line);
        wrote = true;
    }
}
