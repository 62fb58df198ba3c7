/* health/verdict.h -- may this server be named in an answer of this pool, and why.
 *
 *              report: all ports listen                 report older than stale_ms
 *   UNKNOWN ------------------------------> UP ------------------------------------> STALE
 *                        report: a port does not listen |  ^ any fresh report
 *                                                       v  |
 *                                                      DOWN          an order to drain: DRAINING
 *
 * The checker may be blind: when more than freeze_permille of a pool (and at least two servers, so
 * that one dead server of three goes) fall silent unannounced within freeze_window_ms, it is more
 * likely that the node has lost its ears than that they all died. Then the verdicts freeze: who
 * fell silent in that window, also one after the other, gets back the verdict it had before, and
 * who falls silent from then on keeps it. The freeze ends when no more than freeze_permille of the
 * pool are kept so; who is silent then is STALE at once.
 *
 * Silence is unannounced when the server's last words were that it listens, and no order drains it.
 * So servers that were taken out in good order and then switched off freeze nothing, and in a
 * freeze the operator drains those he knows to be dead: they are out, and it ends by itself.
 *
 * What a server says freshly about itself, and what the operator orders, holds in a freeze too. An
 * order is visible whatever else: a draining server is DRAINING also when it is down or silent, and
 * one that is forced is what the order says whatever is reported of it; draining goes before
 * forced. Undrain, or an end of the force, shows the truth beneath. Members that never reported are
 * not silent. */
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
    VERDICT_FORCED,        /* the operator says that it is up, or down */
    VERDICT_REASON_COUNT
};

/* What an operator says of a server, against whatever is reported. The numbers are in records. */
enum verdict_force { VERDICT_UNFORCED, VERDICT_FORCED_UP, VERDICT_FORCED_DOWN };

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
    enum verdict_force force;
    bool listening;          /* every port had a listener, as of the last report */
    int64_t stated_ms;       /* of the last report */
    int64_t silent_since_ms; /* INT64_MAX: not silent */
};

struct verdict_pool {
    struct verdict_config config;
    size_t count;
    struct verdict_member *members;
    bool frozen;
    int64_t frozen_from_ms; /* who fell silent from then on keeps the verdict from before */
    size_t silent_count;    /* members that are silent unannounced, however long */
};

struct verdict_change {
    size_t member;
    enum verdict from, to;
    enum verdict_reason reason;
};

/* count members, also none, all UNKNOWN at now_ms. False when the arena is full. */
bool verdict_init(struct verdict_pool *self, const struct verdict_config *config, size_t count,
                  int64_t now_ms, struct arena *arena);

/* What is known of a member, and then of the pool as a whole, from one of another configuration;
 * before any fact. Nothing of it is told as a change. */
void verdict_inherit(struct verdict_pool *self, size_t member, const struct verdict_pool *from,
                     size_t from_member);
void verdict_inherit_freeze(struct verdict_pool *self, const struct verdict_pool *from);

/* Each applies one fact at now_ms, writes the verdicts that changed, or became or ceased to be
 * forced, to changes[self->count] and returns how many. verdict_age is to be called every few
 * dozen milliseconds; ageing counts from the later of stated_ms and hearing_ms: since when this
 * node can hear at all (its start, or the end of its own stall), so that its own absence is not
 * held against the servers. Who is silent stays so until it reports, and a report that is too
 * old when it arrives (from the partner's snapshot) is of a silent server at once. Cost: a
 * report O(1) unless a silence begins or ends, ageing O(count). */
size_t verdict_report(struct verdict_pool *self, int64_t now_ms, size_t member,
                      const struct report *report, int64_t stated_ms,
                      struct verdict_change *changes);
size_t verdict_drain(struct verdict_pool *self, int64_t now_ms, size_t member, bool draining,
                     struct verdict_change *changes);
size_t verdict_force(struct verdict_pool *self, int64_t now_ms, size_t member,
                     enum verdict_force force, struct verdict_change *changes);
size_t verdict_age(struct verdict_pool *self, int64_t now_ms, int64_t hearing_ms,
                   struct verdict_change *changes);

/* Fell silent, but was up until then: the last known good. */
bool verdict_was_up(const struct verdict_member *self);
/* Members that are up. O(count). */
size_t verdict_up_count(const struct verdict_pool *self);

#endif
