/* health/verdict.h -- may this server be named in an answer of this pool, and why.
 *
 *              report: all ports listen                 report older than stale_ms
 *   UNKNOWN ------------------------------> UP ------------------------------------> STALE
 *                        report: a port does not listen |  ^ any fresh report
 *                                                       v  |
 *                                                      DOWN          an order to drain: DRAINING
 *
 * The checker may be blind: when more than freeze_permille of a pool (and at least two servers) go
 * stale within freeze_window_ms, it is more likely that the node has lost its ears than that they
 * all died. Then the verdicts freeze: who went stale in that window, and who goes stale from then
 * on, keeps the verdict it had before, until at most freeze_permille of the pool are silent again.
 * What a server says freshly about itself, and what the operator orders, holds in a freeze too. */
#ifndef TANDEM_HEALTH_VERDICT_H
#define TANDEM_HEALTH_VERDICT_H

#include "health/report.h"
#include "replication/arena.h"

enum verdict {
    VERDICT_UNKNOWN,  /* never reported */
    VERDICT_UP,       /* the only one that is answered */
    VERDICT_DRAINING, /* keeps its connections, gets no new ones */
    VERDICT_STALE,    /* reported once, silent now */
    VERDICT_DOWN,     /* says itself that a port does not listen */
};

enum verdict_reason {
    VERDICT_NEVER_REPORTED,
    VERDICT_LISTENING,     /* every port of the pool has a listener */
    VERDICT_NOT_LISTENING, /* a port of the pool has none */
    VERDICT_SILENT,        /* no report for stale_ms */
    VERDICT_SILENT_FROZEN, /* silent, but so are too many: the verdict from before stands */
    VERDICT_ORDERED,       /* the operator drains it */
    VERDICT_REASON_COUNT
};

const char *verdict_text(enum verdict verdict);
const char *verdict_reason_text(enum verdict_reason reason);

struct verdict_config {
    int32_t stale_ms;
    int32_t freeze_window_ms; /* 5000 */
    uint16_t freeze_permille; /* 300 */
    size_t port_count;        /* 1..REPORT_SERVICES_MAX */
    uint16_t ports[REPORT_SERVICES_MAX];
};

struct verdict_member {
    enum verdict verdict;
    enum verdict_reason reason;
    int64_t since_ms; /* when verdict last changed */
    uint16_t port;    /* of VERDICT_NOT_LISTENING */
    /* private */
    bool reported, draining;
    bool listening;          /* as of the last report */
    int64_t stated_ms;       /* of the last report */
    int64_t silent_since_ms; /* INT64_MAX: not silent */
    enum verdict before;     /* the verdict when it fell silent */
    enum verdict_reason before_reason;
};

struct verdict_pool {
    struct verdict_config config;
    size_t count;
    struct verdict_member *members;
    bool frozen;
    int64_t frozen_since_ms;
    size_t silent_count;
};

struct verdict_change {
    size_t member;
    enum verdict from, to;
    enum verdict_reason reason;
};

/* count >= 1 members, all UNKNOWN at now_ms. False when the arena is full. */
bool verdict_init(struct verdict_pool *self, const struct verdict_config *config, size_t count,
                  int64_t now_ms, struct arena *arena);

/* Each applies one fact at now_ms, writes the verdicts that changed to changes[self->count] and
 * returns how many. verdict_age is to be called at verdict_deadline; ageing counts from the later
 * of stated_ms and hearing_ms: since when this node can hear at all (its start, or the end of its
 * own stall), so that its own absence is not held against the servers. */
size_t verdict_report(struct verdict_pool *self, int64_t now_ms, size_t member,
                      const struct report *report, int64_t stated_ms,
                      struct verdict_change *changes);
size_t verdict_drain(struct verdict_pool *self, int64_t now_ms, size_t member, bool draining,
                     struct verdict_change *changes);
size_t verdict_age(struct verdict_pool *self, int64_t now_ms, int64_t hearing_ms,
                   struct verdict_change *changes);

/* When the next member falls silent, or the freeze ends by itself; INT64_MAX: never. May be early.
 * */
int64_t verdict_deadline(const struct verdict_pool *self, int64_t hearing_ms);

#endif
