/* tests/sim/takeover/opinion.h -- a second opinion: what the rules make of what a guardian is told.
 *
 * failover/README.md once more, written from its sentences and not from failover/pair*.c: whatever
 * the pair is told, this is told, too, and has to come to the same, action by action, to the
 * microsecond. So a clause that is left out, or a limit that is one off, is seen where it first
 * decides something, and not only where it ends in an outage. What both have wrong, the oracles of
 * oracle.c find, which know nothing of rules. */
#ifndef TANDEM_TESTS_SIM_TAKEOVER_OPINION_H
#define TANDEM_TESTS_SIM_TAKEOVER_OPINION_H

#include "failover/pair.h"

enum { OPINION_ACTIONS = PAIR_END + 1 };
#define OPINION_NEVER (-(INT64_C(1) << 60)) /* longer ago than anything, or not at all */

struct opinion_home {
    enum pair_state state;
    int64_t since_us;                          /* of that state */
    int64_t advertised_us, goodbye_us;         /* the partner's advertisements */
    bool is_said_held;                         /* by its last beat */
    int64_t announced_us, foreign_us;          /* by the partner, by a stranger */
    bool is_theirs, was_theirs;                /* the partner's, now and ever */
    int64_t vacant_us;                         /* nobody's since; OPINION_NEVER: somebody's */
    int64_t claimed_us, refused_us;            /* last */
    int64_t refresh_us;                        /* the lease's next */
    int64_t defended_us, announce_us, from_us; /* announced last, next, and by which schedule */
    unsigned announcements;                    /* of that schedule */
    int64_t countered_us;                      /* against another's, last */
    bool is_confirmed;                         /* a witness answered to it since */
    bool is_granted, is_refused;               /* by the kernel */
    bool is_kept;                              /* rule 4 */
    bool is_contested;                         /* the partner held it too, by less right */
    bool is_asked, is_queue_empty;
    int64_t hold_us, returned_us;
    struct beat_handover order;
    bool is_ordered, is_left; /* comes home without a hold */
};

/* What is done by one event: how often, and in which words. */
struct opinion_acts {
    uint8_t counts[OPINION_ACTIONS][PAIR_NODES]; /* by enum pair_action_kind and home */
    uint8_t priorities[PAIR_NODES];
    enum pair_reason reasons[PAIR_NODES];
};

struct opinion {
    uint8_t self;
    bool has_partner, has_witness;
    int64_t interval_us, window_us; /* a window is of five intervals */
    int64_t flap_us, hold_us_max;
    bool worker_fit, synced, stopping, leaving, is_away, is_waking, is_reading;
    int64_t now_us, listens_us; /* until then */
    int64_t sound_us;           /* fit and synced since; OPINION_NEVER: not */
    int64_t beat_due_us, end_us, lateness_us;
    struct beat beat; /* the partner's last */
    int64_t beat_us;  /* when it came */
    int64_t broke_us; /* the tripwire, or its port refused, and no life since */
    enum pair_reason broke_by;
    int64_t asked_us;
    unsigned unanswered;
    uint16_t agents_fresh, agents_lost;
    unsigned said; /* by my last beat */
    /* reception */
    enum reception_state reception;
    bool carrier;
    int64_t frame_us, reply_us;
    int64_t unsent_us;   /* nothing was sent since; OPINION_NEVER: it is */
    int64_t asking_us;   /* witnesses are asked since; OPINION_NEVER: they are not */
    int64_t question_us; /* the next */
    unsigned questions;  /* since the last reply */
    struct opinion_home homes[PAIR_NODES];
    struct opinion_acts acts; /* by the last event */
};

void opinion_start(struct opinion *self, const struct pair_config *config, int64_t now_us);
void opinion_step(struct opinion *self, int64_t now_us, const struct pair_event *event);
/* What a beat has to say that the last event led to. */
void opinion_beat(const struct opinion *self, struct beat *beat);
/* When the next announcement is due after a claim of which so many were made: 1.. */
int64_t opinion_announce_after_us(unsigned announcements);
/* Rule 9: is there a holding of which no witness has said anything for its first 5 s? */
bool opinion_is_unconfirmed(const struct opinion *self, int64_t now_us);
/* When the next event is due. */
int64_t opinion_deadline_us(const struct opinion *self);

#endif
