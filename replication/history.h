/* replication/history.h -- which document is in force on both nodes, and which were before it.
 *
 * Each node keeps a list of revisions, of which the newest is in force. One node, the writer, adds
 * to it; the first node of the document at the beginning, and whoever was promoted last.
 *
 *   writer                                  partner
 *     | apply: check here                     |
 *     | keep it as prepared                   |
 *     | STATE prepared 7 -------------------> | learn it, fetch its files, check it here
 *     |                                       | keep it as prepared (or refuse it, with a sentence)
 *     | <------------------- STATE prepared 7 |
 *     | keep 7 as in force; serve it          |
 *     | STATE 7 ----------------------------> | keep 7 as in force; serve it
 *     | <------------------------- STATE 7, 7 | and "done" is told
 *
 * Every message is the whole state of who speaks, told when it changed and each second. Each node
 * compares it with its own and takes one step, so any message may be lost, doubled or late. What a
 * node tells it has on its disk.
 *
 * Promotion raises the term; of two terms the higher counts, and of one term that two nodes took
 * the second node's. A node that is promoted puts in force what it had prepared: its partner may
 * have done so before it died.
 *
 * After a split. The shorter of two lists that begin alike is continued. Of two that differ, the
 * writer's stands: the other node sets its own revisions aside, as one that an operator has to look
 * at, and takes the writer's, which has a higher index than any that either had in force: an index
 * never goes back, on either node.
 *
 * A revision made with --confirm ends by itself, when nobody confirms it: the one before it is in
 * force again, as a new revision.
 *
 * Pure: events in, an update out. The shell fetches files, builds, keeps and serves. */
#ifndef TANDEM_REPLICATION_HISTORY_H
#define TANDEM_REPLICATION_HISTORY_H

#include "replication/history_message.h"

enum {
    HISTORY_STATE_MS = 1000,   /* between two words of the whole state */
    HISTORY_PARTNER_MS = 3000, /* a partner unheard for so long is silent */
    HISTORY_ANSWER_MS = 20000, /* a request waits so long for the partner's check, */
    HISTORY_SERVE_MS = 5000,   /* and so long for the partner to serve what is in force */
    HISTORY_WANT_MS = 300,     /* a revision that did not come is asked for again */
    HISTORY_RETRY_MS = 5000,   /* what did not fit, or could not be kept, is tried again */
    HISTORY_LOOK_MS = 100,     /* between two looks at what is under way */
    HISTORY_WANTS_MAX = 4,     /* revisions asked for at once */
    HISTORY_SENDS_MAX = 1 + HISTORY_WANTS_MAX + 1,
    HISTORY_CONFIRM_S_MAX = 86400,
};

/* What is on the disk. */
struct history_kept {
    uint64_t term;  /* >= 1 */
    uint8_t writer; /* 1 or 2 */
    size_t count;
    struct revision revisions[HISTORY_MAX]; /* the newest last, which is in force */
    struct revision prepared;               /* name.index 0: none; it follows the newest */
    struct revision set_aside;              /* the newest that differed; name.index 0: none */
};

enum history_verb { HISTORY_APPLY, HISTORY_ROLLBACK, HISTORY_CONFIRM, HISTORY_PROMOTE };

/* Of an operator. */
struct history_request {
    uint64_t ticket; /* not 0 */
    enum history_verb verb;
    uint8_t bundle[REVISION_DIGEST_SIZE]; /* APPLY */
    uint32_t format;                      /* likewise */
    bool has_first;                       /* likewise: what is in force now, in case that this */
    uint8_t first[REVISION_DIGEST_SIZE];  /* is the first revision */
    uint64_t index;                       /* ROLLBACK: to that one; 0: the one before */
    uint32_t confirm_s;                   /* APPLY, ROLLBACK: 0: it needs no confirmation */
    bool is_alone;                        /* also while the partner is silent */
    char author[REVISION_AUTHOR_MAX + 1];
    char what[REVISION_WHAT_MAX + 1];
};

enum history_outcome {
    HISTORY_DONE,           /* in force on both nodes */
    HISTORY_DONE_ALONE,     /* in force here; the partner will follow */
    HISTORY_DONE_LATE,      /* in force; the partner has not said yet that it serves it */
    HISTORY_NOT_THE_WRITER, /* ask the other node, or promote this one */
    HISTORY_BUSY,           /* another request is under way */
    HISTORY_UNCONFIRMED,    /* the one in force waits for its confirmation */
    HISTORY_NOTHING_TO_DO,  /* it is in force already; nothing waits for a confirmation */
    HISTORY_NO_SUCH,        /* no revision of that index is kept */
    HISTORY_NOTHING_BEFORE, /* to go back to, when nobody confirms */
    HISTORY_PARTNER_SILENT, /* and --alone was not said */
    HISTORY_PARTNER_OLDER,  /* it does not understand this format */
    HISTORY_REFUSED_HERE,   /* the sentence says why */
    HISTORY_REFUSED_THERE,  /* likewise, the partner's */
    HISTORY_PARTNER_LATE,   /* it did not answer in time: not in force, unless it is promoted */
    HISTORY_OVERTAKEN,      /* the partner's revisions came first */
    HISTORY_NOT_KEPT,       /* the disk refused it */
    HISTORY_NOT_KEPT_YET,   /* the same, but it is prepared, and comes in force later */
    HISTORY_NOT_SERVED,     /* in force, but it could not be served here: the sentence */
    HISTORY_OUTCOME_COUNT
};

const char *history_outcome_text(enum history_outcome outcome);

enum history_event_type {
    HISTORY_START,        /* kept: what the disk held; NULL: nothing. Its newest is served, or the
                             sentence says why not. Once, at first */
    HISTORY_HEARD,        /* message: of the partner; STATE, WANT or REVISION */
    HISTORY_PARTNER_LOST, /* the connection to it ended, or is a new one */
    HISTORY_ASKED,        /* request */
    HISTORY_CHECKED,      /* bundle; sentence: "" it can be served here, NULL: it is not known, as
                             its files could not be had */
    HISTORY_KEPT,         /* error: 0 or -errno */
    HISTORY_IS_SERVED,    /* what was to be served; sentence: "" or why it is not */
    HISTORY_TIMEOUT,      /* history_deadline has come */
};

struct history_event {
    enum history_event_type type;
    uint64_t wall_s; /* since 1970 */
    const struct history_kept *kept;
    const struct history_message *message;
    const struct history_request *request;
    const uint8_t *bundle;
    const char *sentence;
    int error;
};

/* What is to be done, in this order. */
struct history_update {
    size_t send_count;
    struct history_message sends[HISTORY_SENDS_MAX];
    bool keep;                            /* self->kept, durably: HISTORY_KEPT tells the end */
    bool check;                           /* fetch what lacks of this bundle, build it, drop it: */
    uint8_t bundle[REVISION_DIGEST_SIZE]; /* HISTORY_CHECKED */
    bool serve;                           /* self->serving_bundle: HISTORY_IS_SERVED */
    bool set_aside;                       /* kept.set_aside, for people to look at */
    uint64_t reply_ticket;                /* 0: nobody is answered */
    enum history_outcome outcome;
    const char *sentence; /* of the outcome; valid until the next step */
};

struct history_config {
    uint8_t number;   /* of this node: 1 or 2 */
    bool has_partner; /* that runs Tandem */
    uint32_t format;  /* the newest that this program reads */
};

enum history_stage {
    HISTORY_IDLE,
    HISTORY_CHECKING,  /* here; and until both lists are equal */
    HISTORY_PREPARING, /* there */
    HISTORY_ENDING,    /* it is in force, or on its way to the disk */
    HISTORY_DROPPING,  /* likewise, that it is prepared no more; then `dropped` is told */
};

struct history {
    struct history_config config;
    struct history_kept kept;    /* as it is to be */
    struct history_kept durable; /* as it is on the disk */
    bool is_known;               /* HISTORY_START came */
    bool is_keeping;
    bool was_set_aside;  /* by what is being kept */
    int64_t keep_due_ms; /* the disk refused: nothing changes before */
    int64_t start_ms, stepped_ms;
    /* of the partner */
    bool has_heard;
    struct history_state partner;
    int64_t heard_ms;
    uint32_t partner_format; /* the newest that it reads; the caller keeps it up to date */
    /* what was learned of its revisions */
    size_t learned_count;
    struct revision learned[HISTORY_MAX];
    int64_t want_due_ms;
    /* checks */
    bool is_checking, has_fit;
    uint8_t checking[REVISION_DIGEST_SIZE];
    uint8_t fit[REVISION_DIGEST_SIZE]; /* checked last, and it fits */
    int64_t check_due_ms;              /* none before */
    struct revision_name refused;      /* of the partner's, */
    int64_t refused_until_ms;          /* until then; index 0: none */
    char why[HISTORY_SENTENCE_MAX + 1];
    /* what is answered by */
    bool is_serving;
    struct revision_name serving; /* what is to be served, or is: until the next one */
    uint8_t serving_bundle[REVISION_DIGEST_SIZE];
    int64_t serve_due_ms;        /* it could not be served: not tried before */
    struct revision_name served; /* index 0: what the file says */
    uint8_t served_bundle[REVISION_DIGEST_SIZE];
    char not_served[HISTORY_SENTENCE_MAX + 1]; /* "": what is in force is served, or will be */
    /* the request under way */
    enum history_stage stage;
    struct history_request request;
    struct revision_name made;
    enum history_outcome dropped;
    int64_t until_ms; /* its patience */
    bool is_told_due; /* the state changed, and is to be told */
    int64_t state_due_ms;
    char sentence[HISTORY_SENTENCE_MAX + 1];
};

void history_init(struct history *self, const struct history_config *config);

/* Apply one event at now_ms (monotonic) and overwrite *update. */
void history_step(struct history *self, int64_t now_ms, const struct history_event *event,
                  struct history_update *update);

/* Time at which HISTORY_TIMEOUT is due; INT64_MAX: never. */
int64_t history_deadline(const struct history *self);

/* What is in force, as it is on the disk; NULL: what each node's file says. */
const struct revision *history_head(const struct history *self);

/* Has the partner spoken within HISTORY_PARTNER_MS? */
bool history_is_heard(const struct history *self, int64_t now_ms);

/* How the partner's list is to this node's. */
enum history_relation {
    HISTORY_UNHEARD, /* it is silent */
    HISTORY_EQUAL,
    HISTORY_AHEAD,  /* it goes on where this one ends */
    HISTORY_BEHIND, /* and the other way round */
    HISTORY_DIVERGED
};
enum history_relation history_relation(const struct history *self, int64_t now_ms);

bool history_is_writer(const struct history *self);

#endif
