/* node/notify/outbox.h -- what is told to somebody by a command, and what of it was.
 *
 *   a node's events ──► see ──► waiting, in order ──► run, one at a time
 *                                   ▲                      │ failed, or too slow
 *                                   └──── again, later ────┘
 *
 * Each event is told at least once, in the order in which it happened, or given up after so many
 * tries; the next waits until then. It is told by one id, however often: who hears the same id
 * twice has heard it already. An event is known again by what it says and when it was, to
 * OUTBOX_SAME_S: the list is read again and again, and gives each event's age, and numbers begin
 * anew with a node.
 *
 * Pure: time is an argument. Milliseconds of a clock that never goes back; seconds since 1970. */
#ifndef TANDEM_NODE_NOTIFY_OUTBOX_H
#define TANDEM_NODE_NOTIFY_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OUTBOX_WORD_MAX = 63,
    OUTBOX_KNOWN_MAX = 256, /* more than a node lists */
    OUTBOX_WAITING_MAX = 64,
    OUTBOX_SAME_S = 2,
    OUTBOX_RETRY_MS = 1000, /* before the second try; doubles */
    OUTBOX_RETRY_MS_MAX = 60000,
};

struct outbox_event {
    int64_t number; /* as the node counts them */
    int64_t at_s;
    char node[OUTBOX_WORD_MAX + 1], area[OUTBOX_WORD_MAX + 1], subject[OUTBOX_WORD_MAX + 1];
    char from[OUTBOX_WORD_MAX + 1], to[OUTBOX_WORD_MAX + 1], reason[OUTBOX_WORD_MAX + 1];
};

struct outbox_config {
    int64_t timeout_ms; /* for one run */
    unsigned tries;     /* 1.. */
};

enum outbox_state { OUTBOX_IDLE, OUTBOX_RUNNING, OUTBOX_ENDING, OUTBOX_RESTING };

struct outbox {
    struct outbox_config config;
    enum outbox_state state;
    int64_t due_ms; /* of RUNNING and RESTING */
    int64_t retry_ms;
    unsigned tried; /* of the first that waits */
    size_t first, waiting;
    struct outbox_event events[OUTBOX_WAITING_MAX]; /* a ring */
    uint64_t known_total;
    struct outbox_event known[OUTBOX_KNOWN_MAX]; /* a ring of those seen: waiting, told, given up */
    uint64_t missed;                             /* dropped, as too many waited */
    uint64_t given_up;
};

enum outbox_action {
    OUTBOX_NOTHING,
    OUTBOX_RUN,  /* the command, for outbox_first */
    OUTBOX_KILL, /* it, with all that it started; outbox_ended follows */
};

void outbox_init(struct outbox *self, const struct outbox_config *config);

/* One of the node's list, oldest first. True: it was not known; it waits now, unless is_told, for
 * what is told already, or need not be. When too many wait the oldest is dropped that is not being
 * told, and counted. */
bool outbox_see(struct outbox *self, const struct outbox_event *event, bool is_told);

/* What to do now. Call again at outbox_deadline_ms, and after outbox_see and outbox_ended. */
enum outbox_action outbox_step(struct outbox *self, int64_t now_ms);

/* The command ended, well or not. True: its event is dealt with, told or given up. */
bool outbox_ended(struct outbox *self, int64_t now_ms, bool is_well);

/* Which is first; NULL: nothing waits. */
const struct outbox_event *outbox_first(const struct outbox *self);
/* INT64_MAX: nothing is due. */
int64_t outbox_deadline_ms(const struct outbox *self);

#endif
