/* node/log.h -- the only writer of log lines: one line for each event an operator could act on.
 *
 *   verdict media1 pool=stream up -> stale reason=silent
 *
 * A line is formatted where it happens and written to standard error by the disk thread, so that a
 * stalled terminal or journal delays nothing. The queue is bounded; what does not fit is counted
 * and said when there is room again. Lines that the network can provoke go through log_limited. */
#ifndef TANDEM_NODE_LOG_H
#define TANDEM_NODE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOG_LINE_MAX = 240,        /* bytes, the NUL included; longer lines are cut */
    LOG_QUEUE_MAX = 256,       /* lines waiting to be written */
    LOG_LIMIT_PER_SECOND = 10, /* lines for each reason; then a sum */
    LOG_REASONS_MAX = 64       /* reasons told apart; more share the last place */
};

struct log;

/* 0 or -errno. */
int log_open(struct log **log);
void log_close(struct log *log); /* writes what waits */

/* From any thread; never blocks on the disk. */
__attribute__((format(printf, 2, 3))) void log_line(struct log *self, const char *format, ...);

/* Control thread: at most LOG_LIMIT_PER_SECOND lines a second for this reason (a constant text);
 * the sum of the others follows when the second is over. */
__attribute__((format(printf, 4, 5))) void log_limited(struct log *self, int64_t now_ms,
                                                       const char *reason, const char *format, ...);
/* Control thread, about once a second: say what was suppressed. */
void log_sum_up(struct log *self, int64_t now_ms);

/* The disk thread: write all lines that wait; true if there were any. */
bool log_write(struct log *self);

#endif
