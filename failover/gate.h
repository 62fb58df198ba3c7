/* failover/gate.h -- is the worker of this node fit: does every DNS thread of it answer?
 *
 * Pure. Every 20 ms each DNS thread is asked one query, a round of probes. The gate is told what
 * was answered and what the shared page reads, and judges:
 *
 *   a probe has failed        unanswered for 40 ms
 *   a failure counts          when the thread's answer counter also stood still since the probe
 *                             was sent: a flood makes no node unfit
 *   a thread is silent        after two counted failures in a row: 60 to 80 ms after it hung
 *   the control thread stalls when its progress stands still for 1 s
 *
 *            life begins             every thread answered
 *   unfit --------------> unfit ----------------------------> fit
 *   no-worker             unproven                             | thread-silent, control-stalled:
 *   worker-dead              ^                                 | unfit until every thread has
 *   stopping                 +-- life ends, the next begins -- + answered once more
 *
 * Whoever judges late was perhaps asleep together with the worker: then silence counts afresh. And
 * as long as no thread of any life has ever answered, none is called silent: the way to it may be
 * blocked (a firewall on the node's own address), and to kill a worker for that would help nobody.
 *
 * Times are milliseconds of a clock that never goes back. All that is read of the page is what an
 * untrusted process wrote there; any values are survived. */
#ifndef TANDEM_FAILOVER_GATE_H
#define TANDEM_FAILOVER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GATE_THREADS_MAX = 64,
    GATE_INTERVAL_MS = 20,
    GATE_ANSWER_MS = 40,
    GATE_ROUNDS_MAX = GATE_ANSWER_MS / GATE_INTERVAL_MS, /* open at a time */
    GATE_FAILURES = 2,                                   /* counted, in a row: silent */
    GATE_CONTROL_MS = 1000,
    GATE_LATE_MS = 40, /* more between two judgements: late */
};

/* Why it is fit or not: the same word in the log and in the tests. */
enum gate_reason {
    GATE_NO_WORKER,       /* "no-worker": none was ready yet */
    GATE_UNPROVEN,        /* "unproven": ready, but not every thread has answered a probe yet */
    GATE_READY,           /* "ready": the only one that is fit */
    GATE_THREAD_SILENT,   /* "thread-silent" */
    GATE_CONTROL_STALLED, /* "control-stalled" */
    GATE_WORKER_DEAD,     /* "worker-dead" */
    GATE_STOPPING,        /* "stopping": the worker was told to end */
};

/* What the page reads now. */
struct gate_reading {
    uint64_t control_progress;
    uint64_t answers[GATE_THREADS_MAX]; /* those below thread_count */
};

struct gate {
    bool is_fit;
    enum gate_reason reason;
    size_t thread; /* THREAD_SILENT: the first that is */

    /* private */
    bool has_life;
    bool was_heard; /* some thread of this life or one before has answered a probe */
    size_t thread_count;
    int64_t judged_ms;         /* when last */
    int64_t ask_ms;            /* when the next round begins */
    int64_t control_ms;        /* when control_progress was last seen to move */
    uint64_t control_progress; /* as seen then */
    bool is_stalled;
    uint64_t nonce;  /* of the last round, never used twice */
    uint64_t proven; /* threads that have answered since the gate was last unfit; bit 0: thread 0 */
    uint64_t silent; /* threads that are; one whose counter moves again is not, though unproven */
    uint8_t failures[GATE_THREADS_MAX]; /* counted, in a row */
    struct gate_round {
        bool is_open;      /* not judged yet */
        int64_t sent_ms;   /* when */
        uint64_t answered; /* by which threads */
        uint64_t unsent;   /* to which threads the kernel did not take it: proves nothing */
        uint64_t answers[GATE_THREADS_MAX]; /* each thread's counter then */
    } rounds[GATE_ROUNDS_MAX];              /* at nonce modulo GATE_ROUNDS_MAX */
};

void gate_init(struct gate *self);

/* A worker is ready: its life begins, with 1..GATE_THREADS_MAX DNS threads. */
void gate_begin(struct gate *self, int64_t now_ms, size_t thread_count, uint64_t control_progress);
/* It ends: WORKER_DEAD or STOPPING. */
void gate_end(struct gate *self, enum gate_reason reason);

/* An answer to a probe has come. Ignored, false, when no open round of this life asked for it. */
bool gate_answered(struct gate *self, size_t thread, uint64_t nonce);

/* Judge at now_ms, after every answer that waited was handed in. True: a round begins, send each
 * thread a probe with *nonce. */
bool gate_judge(struct gate *self, int64_t now_ms, const struct gate_reading *reading,
                uint64_t *nonce);
/* The present round's probe to this thread could not be sent. */
void gate_unsent(struct gate *self, size_t thread);

/* Does the worker live and yet not do its work? Not while it is only unproven. */
bool gate_is_hanging(const struct gate *self);
/* The threads that are silent while control goes on: what each has in hand may be why. */
uint64_t gate_stuck_threads(const struct gate *self);

/* When to judge next; INT64_MAX without a life. */
int64_t gate_deadline_ms(const struct gate *self);

const char *gate_reason_word(enum gate_reason reason);

#endif
