#include "node/balance/pool.h"

#include <assert.h>

#include "node/balance/policy.h"

static const char *const reason_texts[POOL_REASON_COUNT] = {
    [POOL_CHOSEN] = "chosen",       [POOL_CHOSEN_LAST_GOOD] = "last-known-good",
    [POOL_CHOSEN_ANY] = "any",      [POOL_CHOSEN_FIXED] = "fixed",
    [POOL_NOBODY] = "nobody",       [POOL_NO_ADDRESS] = "no-address",
    [POOL_NOT_READY] = "not-ready",
};

const char *pool_reason_text(enum pool_reason reason)
{
    assert(reason < POOL_REASON_COUNT);
    return reason_texts[reason];
}

struct pool *pool_init(const struct pool_config *config, struct arena *arena)
{
    assert(config->member_count <= POOL_MEMBERS_MAX);
    /* The rounds are aligned to a cache line, which is more than an arena promises. */
    uint8_t *room = arena_take(arena, sizeof(struct pool) + _Alignof(struct pool));
    struct policy_member *members =
        arena_take_array(arena, config->member_count, sizeof(struct policy_member));
    if (room == NULL || members == NULL)
        return NULL;
    uintptr_t misfit = (uintptr_t)room % _Alignof(struct pool);
    struct pool *self = (void *)(room + (misfit == 0 ? 0 : _Alignof(struct pool) - misfit));
    self->member_count = config->member_count;
    self->last_resort = config->last_resort;
    self->members = members;
    for (size_t i = 0; i < config->member_count; i++) {
        assert(config->members[i].capacity >= 1);
        members[i].capacity = config->members[i].capacity;
        members[i].fitness = POOL_UNFIT;
        members[i].weight = 100;
        for (unsigned family = 0; family < 2; family++) {
            members[i].has[family] = config->members[i].has[family];
            self->has_count[family] += config->members[i].has[family];
            self->counts[family][POOL_UNFIT] += config->members[i].has[family];
        }
    }
    pool_set_group(self, config->group_size, config->rounds);
    return self;
}

void pool_set_ready(struct pool *self, bool is_ready)
{
    atomic_store_explicit(&self->is_ready, is_ready, memory_order_relaxed);
}

void pool_set_group(struct pool *self, uint32_t group_size, uint32_t rounds)
{
    assert(group_size >= 1);
    assert(group_size <= POOL_GROUP_MAX);
    assert(rounds >= 1);
    atomic_store_explicit(&self->group, (uint64_t)group_size << 32 | rounds, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->news, 1, memory_order_relaxed);
}

void pool_set_fitness(struct pool *self, size_t member, enum pool_fitness fitness)
{
    assert(member < self->member_count);
    struct policy_member *m = &self->members[member];
    enum pool_fitness before = atomic_load_explicit(&m->fitness, memory_order_relaxed);
    if (before == fitness)
        return;
    atomic_store_explicit(&m->fitness, (uint8_t)fitness, memory_order_relaxed);
    for (unsigned family = 0; family < 2; family++) {
        if (!m->has[family])
            continue;
        atomic_fetch_sub_explicit(&self->counts[family][before], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&self->counts[family][fitness], 1, memory_order_relaxed);
    }
    /* A member that became fit belongs in the next group; one that left is skipped anyway. */
    if (fitness == POOL_FIT)
        atomic_fetch_add_explicit(&self->news, 1, memory_order_relaxed);
}

void pool_set_weight(struct pool *self, size_t member, uint32_t percent)
{
    assert(member < self->member_count);
    assert(percent >= 1);
    assert(percent <= POOL_WEIGHT_MAX);
    atomic_store_explicit(&self->members[member].weight, percent, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->news, 1, memory_order_relaxed);
}

/* A report is a surprise when it differs from what was expected by more than an eighth, and by more
 * than the two or three connections that are always on their way. */
static bool is_surprise(uint32_t expected, uint32_t reported)
{
    uint32_t difference = expected > reported ? expected - reported : reported - expected;
    return difference > 2 && difference > expected / 8;
}

void pool_set_load(struct pool *self, size_t member, uint32_t sockets)
{
    assert(member < self->member_count);
    struct policy_member *m = &self->members[member];
    uint32_t pending = policy_pending(m);
    uint32_t expected = atomic_load_explicit(&m->sockets, memory_order_relaxed) + pending;
    atomic_store_explicit(&m->sockets, sockets, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->seen, pending, memory_order_relaxed);
    if (is_surprise(expected, sockets))
        atomic_fetch_add_explicit(&self->news, 1, memory_order_relaxed);
}

void pool_add_partner_handed(struct pool *self, size_t member, uint32_t count)
{
    assert(member < self->member_count);
    atomic_fetch_add_explicit(&self->members[member].partner_handed, count, memory_order_relaxed);
}

void pool_inherit(struct pool *self, size_t member, const struct pool *from, size_t from_member)
{
    assert(member < self->member_count);
    assert(from_member < from->member_count);
    struct policy_member *to = &self->members[member], *m = &from->members[from_member];
    atomic_store_explicit(&to->sockets, atomic_load_explicit(&m->sockets, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&to->handed, atomic_load_explicit(&m->handed, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&to->partner_handed,
                          atomic_load_explicit(&m->partner_handed, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&to->seen, atomic_load_explicit(&m->seen, memory_order_relaxed),
                          memory_order_relaxed);
}

void pool_inherit_answers(struct pool *self, const struct pool *from)
{
    for (size_t i = 0; i < POOL_REASON_COUNT; i++)
        atomic_store_explicit(&self->answers[i],
                              atomic_load_explicit(&from->answers[i], memory_order_relaxed),
                              memory_order_relaxed);
}

static bool has_some(const struct pool *self, unsigned family, enum pool_fitness fitness)
{
    return atomic_load_explicit(&self->counts[family][fitness], memory_order_relaxed) > 0;
}

/* No member is fit: who is answered, and under which name. */
static enum pool_reason admit_unfit(const struct pool *self, unsigned family,
                                    enum pool_fitness *fitness)
{
    bool has_good = has_some(self, family, POOL_LAST_GOOD);
    if (self->member_count == 0) /* they are to join yet, or all were removed */
        return self->last_resort == POOL_FIXED ? POOL_CHOSEN_FIXED : POOL_NOBODY;
    switch (self->last_resort) {
    case POOL_LAST_KNOWN_GOOD:
        if (has_good) {
            *fitness = POOL_LAST_GOOD;
            return POOL_CHOSEN_LAST_GOOD;
        }
        break;
    case POOL_ALL:
        break;
    case POOL_FIXED:
        return POOL_CHOSEN_FIXED;
    case POOL_SERVFAIL:
        return POOL_NOBODY;
    }
    *fitness = has_good || has_some(self, family, POOL_UNFIT) ? POOL_UNFIT : POOL_DRAINED;
    return POOL_CHOSEN_ANY;
}

/* Which members may be answered, and under which name. */
static enum pool_reason admit(const struct pool *self, unsigned family, enum pool_fitness *fitness)
{
    *fitness = POOL_FIT;
    if (!atomic_load_explicit(&self->is_ready, memory_order_relaxed))
        return POOL_NOT_READY;
    if (self->member_count > 0 && self->has_count[family] == 0)
        return POOL_NO_ADDRESS;
    return has_some(self, family, POOL_FIT) ? POOL_CHOSEN : admit_unfit(self, family, fitness);
}

enum pool_reason pool_choose(struct pool *self, int64_t now_ms, unsigned family, size_t *member)
{
    assert(family < 2);
    enum pool_fitness fitness;
    enum pool_reason reason = admit(self, family, &fitness);
    if (reason <= POOL_CHOSEN_ANY) {
        *member = least_connection_group_next(self, now_ms, family, fitness);
        assert(*member < self->member_count);
        atomic_fetch_add_explicit(&self->members[*member].handed, 1, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&self->answers[reason], 1, memory_order_relaxed);
    return reason;
}

uint32_t pool_handed(const struct pool *self, size_t member)
{
    assert(member < self->member_count);
    return atomic_load_explicit(&self->members[member].handed, memory_order_relaxed);
}

static bool is_in_group(const struct policy_round *round, size_t member)
{
    uint64_t place = atomic_load_explicit(&round->place, memory_order_relaxed);
    const struct policy_group *group = &round->groups[(place >> 32) % 2];
    uint32_t count = atomic_load_explicit(&group->count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load_explicit(&group->members[i], memory_order_relaxed) == member)
            return true;
    return false;
}

void pool_member_state(const struct pool *self, size_t member, struct pool_member_state *state)
{
    assert(member < self->member_count);
    const struct policy_member *m = &self->members[member];
    *state = (struct pool_member_state){
        .sockets = atomic_load_explicit(&m->sockets, memory_order_relaxed),
        .handed = atomic_load_explicit(&m->handed, memory_order_relaxed),
        .partner_handed = atomic_load_explicit(&m->partner_handed, memory_order_relaxed),
        .capacity = m->capacity,
        .weight = atomic_load_explicit(&m->weight, memory_order_relaxed),
        .pending = policy_pending(m),
        .fitness = atomic_load_explicit(&m->fitness, memory_order_relaxed),
        .in_group = is_in_group(&self->rounds[0], member) || is_in_group(&self->rounds[1], member),
    };
}

void pool_state(const struct pool *self, struct pool_state *state)
{
    uint64_t group = atomic_load_explicit(&self->group, memory_order_relaxed);
    *state = (struct pool_state){
        .member_count = self->member_count,
        .group_size = (uint32_t)(group >> 32),
        .rounds = (uint32_t)group,
        .is_ready = atomic_load_explicit(&self->is_ready, memory_order_relaxed),
        .last_resort = self->last_resort,
    };
    for (size_t i = 0; i < self->member_count; i++)
        state->fit_count +=
            atomic_load_explicit(&self->members[i].fitness, memory_order_relaxed) == POOL_FIT;
    for (size_t i = 0; i < POOL_REASON_COUNT; i++)
        state->answers[i] = atomic_load_explicit(&self->answers[i], memory_order_relaxed);
}
