/* node/balance/pool.h -- the living state of a pool, and the choice of a server.
 *
 * The one thing that the control thread writes and all DNS threads read and write: a fixed array of
 * atomics. The control thread stores loads and verdicts; DNS threads count what they hand out and
 * form the group. Nobody waits for anybody.
 *
 * Least connection group (Npia IP Master, 2003): take the G servers with the least utilisation, go
 * round them R times, form the group anew. Utilisation = (sockets at the last report + answers
 * handed out since) / (capacity x weight), so that the answers of one report interval do not all
 * meet the same servers. A group also ends after POOL_GROUP_MS, and when a report is a surprise: it
 * differs from what was expected. A report that merely confirms what was handed out lets the round
 * run on. A server that stops being up is skipped at once, in the midst of a round.
 *
 * A group is formed by the one thread that took its last place, O(members); as G x R answers share
 * that cost and G grows with the pool, it is O(1) amortised for an answer. */
#ifndef TANDEM_NODE_BALANCE_POOL_H
#define TANDEM_NODE_BALANCE_POOL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "replication/arena.h"

enum {
    POOL_GROUP_MAX = 256,
    POOL_GROUP_MS = 1000, /* a group is not older than this */
    POOL_MEMBERS_MAX = 16384,
    POOL_WEIGHT_MAX = 1000,
};

enum pool_last_resort { POOL_LAST_KNOWN_GOOD, POOL_ALL, POOL_FIXED, POOL_SERVFAIL };

/* Why this choice. */
enum pool_reason {
    POOL_CHOSEN,           /* a fit server */
    POOL_CHOSEN_LAST_GOOD, /* none is fit: one that was last */
    POOL_CHOSEN_ANY,       /* none is fit: any */
    POOL_CHOSEN_FIXED,     /* none is fit: the fixed addresses */
    POOL_NOBODY,           /* none is fit: SERVFAIL; also of a pool without members, unless its
                              last resort is fixed */
    POOL_NO_ADDRESS,       /* there are members, and none has an address of this family */
    POOL_NOT_READY,        /* the facts have not arrived yet */
    POOL_REASON_COUNT
};

const char *pool_reason_text(enum pool_reason reason);

/* Families are numbered as everywhere: 0 is IPv4, 1 is IPv6. */
struct pool_member_config {
    uint32_t capacity; /* >= 1 */
    bool has[2];       /* an address of the family */
};

struct pool_config {
    size_t member_count; /* 0..POOL_MEMBERS_MAX */
    const struct pool_member_config *members;
    uint32_t group_size; /* 1..POOL_GROUP_MAX */
    uint32_t rounds;     /* 1..1000 */
    enum pool_last_resort last_resort;
};

struct pool;

/* Everything from the arena, NULL when it is full. No member is fit and the pool not ready. */
struct pool *pool_init(const struct pool_config *config, struct arena *arena);

/* ---- by the control thread alone ---- */

/* How good a member is for an answer. */
enum pool_fitness {
    POOL_DRAINED, /* an operator's word: answered only when all are drained and none is fit */
    POOL_UNFIT,
    POOL_LAST_GOOD, /* was fit when it fell silent: answered only when no member is fit */
    POOL_FIT,
    POOL_FITNESSES
};

void pool_set_ready(struct pool *self, bool is_ready);
/* Takes effect with the next group. Ranges as in struct pool_config. */
void pool_set_group(struct pool *self, uint32_t group_size, uint32_t rounds);
/* Takes effect with the next answer. */
void pool_set_fitness(struct pool *self, size_t member, enum pool_fitness fitness);
/* Takes effect with the next group: percent of its capacity, 1..POOL_WEIGHT_MAX; 100 at first. */
void pool_set_weight(struct pool *self, size_t member, uint32_t percent);
/* A report: sockets established as of now. What was pending for the member is taken as seen. */
void pool_set_load(struct pool *self, size_t member, uint32_t sockets);
/* So many more answers were handed out by the partner. */
void pool_add_partner_handed(struct pool *self, size_t member, uint32_t count);

/* ---- by anyone ---- */

/* The load and the counts of a member of another pool, and what that answered in all: when this one
 * takes its place. Not its fitness, nor what is configured or ordered. */
void pool_inherit(struct pool *self, size_t member, const struct pool *from, size_t from_member);
void pool_inherit_answers(struct pool *self, const struct pool *from);

/* Choose for an answer of this family at now_ms and count it. On POOL_CHOSEN* but FIXED *member is
 * set. Wait-free. */
enum pool_reason pool_choose(struct pool *self, int64_t now_ms, unsigned family, size_t *member);

/* Answers that named the member since the start, by this node. Wraps around. O(1). */
uint32_t pool_handed(const struct pool *self, size_t member);

struct pool_member_state {
    uint32_t sockets, handed, partner_handed; /* handed: answers since the start, by this node */
    uint32_t capacity;
    uint32_t weight;  /* percent */
    uint32_t pending; /* answers of both nodes since the last report */
    enum pool_fitness fitness;
    bool in_group; /* of either family */
};

/* For status: O(group). */
void pool_member_state(const struct pool *self, size_t member, struct pool_member_state *state);

struct pool_state {
    size_t member_count, fit_count;
    uint32_t group_size, rounds;
    bool is_ready;
    enum pool_last_resort last_resort;
    uint64_t answers[POOL_REASON_COUNT]; /* by reason, since the start */
};

void pool_state(const struct pool *self, struct pool_state *state);

#endif
