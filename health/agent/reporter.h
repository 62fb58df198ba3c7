/* health/agent/reporter.h -- when an agent says what to which node.
 *
 * Pure. A report goes to both nodes once each interval, and at once when a figure moved by its
 * step or a port stopped or began to listen, but never sooner than gap_ms after the last.
 *
 *   agent                    node
 *     | HELLO ---------------> |   as soon as the link is up, and each second until it is answered
 *     | <-------------- HELLO  |
 *     | DELTA [report] ------> |   at once: the newest figures as a new statement
 *     | <---------------- ACK  |
 *
 * Each node acknowledges each report; when one has not done so within lack_ms, the other is told
 * the same report again with partner_lacks, so that it relays it, and all that follow until the
 * silent node acknowledges again. Nothing is queued for a node that is away: what matters is now.
 * Nor for one that does not read: when its queue is full, what is told when there is room again,
 * looked at each gap_ms, is the newest report; those before it are dropped.
 *
 * A report is the truth: when the newest figures are older than two intervals (whoever takes them
 * is stuck), nothing is reported, and the nodes see the server fall silent. The age that travels
 * with a report is that of its figures.
 *
 * Lives. An agent counts from incarnation 1. A node that knows reports of an earlier life tells in
 * its HELLO the least incarnation this one has to use; the reporter raises its own to that and
 * states its figures again. */
#ifndef TANDEM_HEALTH_AGENT_REPORTER_H
#define TANDEM_HEALTH_AGENT_REPORTER_H

#include "health/report.h"
#include "replication/message.h"

enum {
    REPORTER_NODES_MAX = 2,
    REPORTER_SENDS_MAX = REPORTER_NODES_MAX,
    REPORTER_HELLO_MS = 1000, /* an unanswered HELLO is repeated */
};

struct reporter_config {
    const char *cluster, *server;     /* outlive the reporter */
    size_t node_count;                /* 1..REPORTER_NODES_MAX */
    uint64_t boot;                    /* random, not 0 */
    uint8_t machine[MACHINE_ID_SIZE]; /* zeroes: not told */
    int32_t interval_ms;              /* 1000 */
    int32_t gap_ms;                   /* 100; not above interval_ms */
    int32_t lack_ms;                  /* 100 */
    uint32_t socket_step;             /* sockets on one port: a move by so many is told at once */
    uint16_t permille_step;           /* likewise cpu, memory, disk; both at least 1 */
};

enum reporter_event_type {
    REPORTER_LINK_UP,   /* node */
    REPORTER_LINK_DOWN, /* node */
    REPORTER_MESSAGE,   /* node, message */
    REPORTER_SAMPLE,    /* report: the newest figures */
    REPORTER_UNSENT,    /* node: what was said to it just now found its queue full */
    REPORTER_STOP,      /* the agent is to end: a last report, as soon as the gap allows */
    REPORTER_TIMEOUT,
};

struct reporter_event {
    enum reporter_event_type type;
    size_t node;
    const struct message *message; /* valid during the call */
    const struct report *report;   /* likewise */
};

/* What became of a message. */
enum reporter_reason {
    REPORTER_TAKEN,
    REPORTER_WRONG_PROTOCOL, /* no version in common */
    REPORTER_WRONG_CLUSTER,
    REPORTER_NOT_A_NODE, /* says that it is another agent */
    REPORTER_UNEXPECTED, /* not for agents, before HELLO, or an ACK of what was never said */
    REPORTER_REASON_COUNT
};

struct reporter_update {
    size_t send_count;
    struct reporter_send {
        size_t node;
        struct message message;  /* HELLO, or DELTA of one record */
    } sends[REPORTER_SENDS_MAX]; /* a DELTA that finds a full queue comes back as UNSENT; else one
                                    that fails to be sent is simply lost */
    enum reporter_reason reason; /* of REPORTER_MESSAGE */
};

struct reporter {
    struct reporter_config config;
    struct reporter_node {
        bool connected;
        bool greeted;                /* it answered HELLO in the present connection */
        bool lacks;                  /* it did not acknowledge in time, and has not since */
        bool told_partner_lacks;     /* so said the last report to it */
        bool unsent;                 /* its queue was full: the newest report is yet to go */
        uint64_t boot;               /* of the node, as last heard; 0: never */
        struct record_version acked; /* newest report it acknowledged */
        int64_t hello_due_ms;        /* while connected and not greeted */
        int64_t unsent_due_ms;       /* while unsent: tried again */
    } nodes[REPORTER_NODES_MAX];
    struct report latest, told;       /* newest figures; those of the last report */
    int64_t latest_ms, told_taken_ms; /* when each was taken */
    bool sampled;                     /* latest is the truth: not older than two intervals */
    struct record_version version;    /* of the last report; sequence 0: none yet in this life */
    int64_t told_ms;                  /* when it was sent; INT64_MIN: never */
    int64_t due_ms;                   /* the next report, if there is somebody to tell */
    struct record_version awaited;    /* the report whose acknowledgements are awaited */
    int64_t lack_due_ms;              /* they are looked at; INT64_MAX: they were */
};

void reporter_init(struct reporter *self, const struct reporter_config *config);

/* Apply one event at now_ms (monotonic) and overwrite *update. */
void reporter_step(struct reporter *self, int64_t now_ms, const struct reporter_event *event,
                   struct reporter_update *update);

/* Was there a report since that time that each node which answers has acknowledged? Also when none
 * answers. */
bool reporter_is_heard(const struct reporter *self, int64_t since_ms);

/* Time at which REPORTER_TIMEOUT is due; INT64_MAX: never. */
int64_t reporter_deadline(const struct reporter *self);

const char *reporter_reason_text(enum reporter_reason reason);

#endif
