/* health/agent/reporter.h -- when an agent says what to which node.
 *
 * Pure. A report goes to both nodes once each interval, and at once when a figure moved by its
 * step or a port stopped or began to listen, but never sooner than gap_ms after the last.
 * Each node acknowledges each report; when one has not done so within lack_ms, the other is told
 * the same report again with partner_lacks, so that it relays it, and all that follow until the
 * silent node acknowledges again. Nothing is queued for a node that is away: what matters is now.
 * */
#ifndef TANDEM_HEALTH_AGENT_REPORTER_H
#define TANDEM_HEALTH_AGENT_REPORTER_H

#include "health/report.h"
#include "replication/message.h"

enum {
    REPORTER_NODES_MAX = 2,
    REPORTER_SENDS_MAX = 4,
    REPORTER_HELLO_MS = 1000, /* an unanswered HELLO is repeated */
};

struct reporter_config {
    const char *cluster, *server;
    size_t node_count;      /* 1..REPORTER_NODES_MAX */
    uint64_t boot;          /* random, not 0 */
    int32_t interval_ms;    /* 1000 */
    int32_t gap_ms;         /* 100 */
    int32_t lack_ms;        /* 100 */
    uint32_t socket_step;   /* sockets on one port: a move by so many is told at once */
    uint16_t permille_step; /* likewise cpu, memory, disk */
};

enum reporter_event_type {
    REPORTER_START,
    REPORTER_LINK_UP,   /* node */
    REPORTER_LINK_DOWN, /* node */
    REPORTER_MESSAGE,   /* node, message */
    REPORTER_SAMPLE,    /* report: the newest figures */
    REPORTER_TIMEOUT,
};

struct reporter_event {
    enum reporter_event_type type;
    size_t node;
    const struct message *message;
    const struct report *report;
};

struct reporter_update {
    size_t send_count;
    struct reporter_send {
        size_t node;
        struct message message; /* HELLO, or DELTA of one record */
    } sends[REPORTER_SENDS_MAX];
};

struct reporter {
    struct reporter_config config;
    struct reporter_node {
        bool connected, greeted;
        uint64_t boot;               /* of the node, as last heard */
        struct record_version acked; /* newest report it acknowledged */
        int64_t hello_due_ms;
    } nodes[REPORTER_NODES_MAX];
    struct report latest, told; /* newest figures; those of the last report */
    bool sampled;
    struct record_version version; /* of the last report; sequence 0: none yet */
    int64_t told_ms;               /* when it was sent */
    bool urgent, lack_told;
};

void reporter_init(struct reporter *self, const struct reporter_config *config);
void reporter_step(struct reporter *self, int64_t now_ms, const struct reporter_event *event,
                   struct reporter_update *update);
int64_t reporter_deadline(const struct reporter *self);

#endif
