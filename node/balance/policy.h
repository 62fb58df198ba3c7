/* node/balance/policy.h -- what a policy sees of a pool: the living state itself.
 *
 * Included by the files of this folder alone. The control thread writes `news`, the counts of fit
 * members and each member's fitness and load; DNS threads write `handed` and the rounds. All of it
 * is relaxed atomics: a reader may see a load that is a moment old, never a member that does not
 * exist. */
#ifndef TANDEM_NODE_BALANCE_POLICY_H
#define TANDEM_NODE_BALANCE_POLICY_H

#include "node/balance/pool.h"

struct policy_member {
    uint32_t capacity;
    bool has[2];
    _Atomic uint32_t weight;         /* percent */
    _Atomic uint8_t fitness;         /* enum pool_fitness */
    _Atomic uint32_t sockets;        /* of the last report */
    _Atomic uint32_t handed;         /* by this node */
    _Atomic uint32_t partner_handed; /* by the partner, as far as it told */
    _Atomic uint32_t seen;           /* handed + partner_handed when the last report came */
};

/* A group and the place in it. Two groups, used in turn, so that a thread still reading the old one
 * is not disturbed by the one that forms the new. */
struct policy_round {
    _Alignas(64) _Atomic uint64_t place; /* generation << 32 | answers given in it */
    _Atomic bool forming;                /* some thread forms the next group */
    struct policy_group {
        _Atomic int64_t formed_ms;
        _Atomic uint32_t news;   /* pool.news at that time */
        _Atomic uint32_t count;  /* 0: never formed */
        _Atomic uint8_t fitness; /* enum pool_fitness that its members had at least */
        _Atomic uint16_t members[POOL_GROUP_MAX];
    } groups[2];
};

struct pool {
    size_t member_count;
    enum pool_last_resort last_resort;
    struct policy_member *members;
    size_t has_count[2]; /* members with an address, by family */
    _Atomic bool is_ready;
    _Atomic uint64_t group;                     /* group size << 32 | rounds */
    _Atomic uint32_t news;                      /* rises when a report was a surprise */
    _Atomic uint32_t counts[2][POOL_FITNESSES]; /* members by family and fitness */
    _Atomic uint64_t answers[POOL_REASON_COUNT];
    struct policy_round rounds[2]; /* by family */
};

/* Answers of both nodes that the last report could not have shown. */
static inline uint32_t policy_pending(const struct policy_member *member)
{
    return atomic_load_explicit(&member->handed, memory_order_relaxed) +
           atomic_load_explicit(&member->partner_handed, memory_order_relaxed) -
           atomic_load_explicit(&member->seen, memory_order_relaxed);
}

/* The next member in the round, among those of the family that are at least so fit; at least one
 * is. */
size_t least_connection_group_next(struct pool *pool, int64_t now_ms, unsigned family,
                                   enum pool_fitness fitness);

#endif
