/* Least connection group: the G members with the least utilisation, gone round R times. */
#include <assert.h>

#include "node/balance/policy.h"

struct candidate {
    uint64_t utilisation; /* connections << 32 / (capacity x weight) */
    uint16_t member;
};

static bool is_admitted(const struct policy_member *member, unsigned family,
                        enum pool_fitness fitness)
{
    return member->has[family] &&
           atomic_load_explicit(&member->fitness, memory_order_relaxed) >= fitness;
}

static uint64_t utilisation(const struct policy_member *member)
{
    uint64_t load = atomic_load_explicit(&member->sockets, memory_order_relaxed);
    load += policy_pending(member);
    uint64_t weight = atomic_load_explicit(&member->weight, memory_order_relaxed);
    return (load << 32) / (member->capacity * weight);
}

/* Is a worse than b? Among equals the later member is, so that the order is one. */
static bool is_worse(const struct candidate *a, const struct candidate *b)
{
    if (a->utilisation != b->utilisation)
        return a->utilisation > b->utilisation;
    return a->member > b->member;
}

/* heap[0] is the worst of count candidates; it was replaced and sinks to its place. */
static void sink(struct candidate *heap, size_t count)
{
    size_t at = 0;
    for (;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (is_worse(&heap[child], &heap[worst]))
                worst = child;
        if (worst == at)
            return;
        struct candidate swapped = heap[at];
        heap[at] = heap[worst];
        heap[worst] = swapped;
        at = worst;
    }
}

static void rise(struct candidate *heap, size_t at)
{
    while (at > 0 && is_worse(&heap[at], &heap[(at - 1) / 2])) {
        struct candidate swapped = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = swapped;
        at = (at - 1) / 2;
    }
}

/* The size best of the admitted members into best[], best first; returns how many there are. */
static size_t select_best(const struct pool *pool, unsigned family, enum pool_fitness fitness,
                          size_t size, struct candidate *best)
{
    size_t count = 0;
    for (size_t i = 0; i < pool->member_count; i++) {
        const struct policy_member *member = &pool->members[i];
        if (!is_admitted(member, family, fitness))
            continue;
        struct candidate candidate = {utilisation(member), (uint16_t)i};
        if (count < size) {
            best[count] = candidate;
            rise(best, count++);
        } else if (is_worse(&best[0], &candidate)) {
            best[0] = candidate;
            sink(best, count);
        }
    }
    for (size_t left = count; left > 1; left--) {
        struct candidate worst = best[0];
        best[0] = best[left - 1];
        best[left - 1] = worst;
        sink(best, left - 1);
    }
    return count;
}

/* Form the group of the next generation and take its first place. The caller holds round->forming.
 * */
static size_t form(struct pool *pool, struct policy_round *round, int64_t now_ms, unsigned family,
                   enum pool_fitness fitness)
{
    struct candidate best[POOL_GROUP_MAX];
    uint32_t news = atomic_load_explicit(&pool->news, memory_order_relaxed);
    size_t size = atomic_load_explicit(&pool->group, memory_order_relaxed) >> 32;
    size_t count = select_best(pool, family, fitness, size, best);
    if (count == 0) /* the last fit member left this very moment */
        return SIZE_MAX;
    uint64_t generation = (atomic_load_explicit(&round->place, memory_order_relaxed) >> 32) + 1;
    struct policy_group *group = &round->groups[generation % 2];
    for (size_t i = 0; i < count; i++)
        atomic_store_explicit(&group->members[i], best[i].member, memory_order_relaxed);
    atomic_store_explicit(&group->count, (uint32_t)count, memory_order_relaxed);
    atomic_store_explicit(&group->news, news, memory_order_relaxed);
    atomic_store_explicit(&group->fitness, (uint8_t)fitness, memory_order_relaxed);
    atomic_store_explicit(&group->formed_ms, now_ms, memory_order_relaxed);
    atomic_store_explicit(&round->place, generation << 32 | 1, memory_order_release);
    return best[0].member;
}

static bool is_over(const struct pool *pool, const struct policy_group *group, uint32_t position,
                    int64_t now_ms, enum pool_fitness fitness)
{
    uint32_t count = atomic_load_explicit(&group->count, memory_order_relaxed);
    uint64_t rounds = (uint32_t)atomic_load_explicit(&pool->group, memory_order_relaxed);
    return position >= count * rounds ||
           now_ms - atomic_load_explicit(&group->formed_ms, memory_order_relaxed) >=
               POOL_GROUP_MS ||
           atomic_load_explicit(&group->fitness, memory_order_relaxed) != fitness ||
           atomic_load_explicit(&group->news, memory_order_relaxed) !=
               atomic_load_explicit(&pool->news, memory_order_relaxed);
}

/* The member at this place of the group, or the next admitted one; SIZE_MAX when none is. */
static size_t take(const struct pool *pool, const struct policy_group *group, uint32_t position,
                   unsigned family, enum pool_fitness fitness)
{
    uint32_t count = atomic_load_explicit(&group->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t member =
            atomic_load_explicit(&group->members[(position + i) % count], memory_order_relaxed);
        if (is_admitted(&pool->members[member], family, fitness))
            return member;
    }
    return SIZE_MAX;
}

/* Form the next group unless some thread has done so since `place` was taken, or does so now. */
static size_t form_after(struct pool *pool, struct policy_round *round, uint64_t place,
                         int64_t now_ms, unsigned family, enum pool_fitness fitness)
{
    size_t member = SIZE_MAX;
    if (atomic_exchange_explicit(&round->forming, true, memory_order_acquire))
        return member;
    if (atomic_load_explicit(&round->place, memory_order_relaxed) >> 32 == place >> 32)
        member = form(pool, round, now_ms, family, fitness);
    atomic_store_explicit(&round->forming, false, memory_order_release);
    return member;
}

size_t least_connection_group_next(struct pool *pool, int64_t now_ms, unsigned family,
                                   enum pool_fitness fitness)
{
    struct policy_round *round = &pool->rounds[family];
    uint64_t place = atomic_fetch_add_explicit(&round->place, 1, memory_order_acquire);
    const struct policy_group *group = &round->groups[(place >> 32) % 2];
    size_t member = SIZE_MAX;
    if (!is_over(pool, group, (uint32_t)place, now_ms, fitness))
        member = take(pool, group, (uint32_t)place, family, fitness);
    if (member == SIZE_MAX)
        member = form_after(pool, round, place, now_ms, family, fitness);
    /* Another thread forms the group: one more from the old one does no harm, nobody waits. */
    if (member == SIZE_MAX)
        member = take(pool, group, (uint32_t)place, family, fitness);
    struct candidate best[1];
    if (member == SIZE_MAX && select_best(pool, family, fitness, 1, best) == 1)
        member = best[0].member;
    /* Nobody is as fit as was asked any more: the facts changed under this answer. */
    if (member == SIZE_MAX && select_best(pool, family, POOL_DRAINED, 1, best) == 1)
        member = best[0].member;
    assert(member != SIZE_MAX);
    return member;
}
