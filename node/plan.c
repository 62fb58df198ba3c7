/* A document, to what the node makes of it; and from one to the next while the node runs. */
#include <assert.h>
#include <string.h>

#include "node/node_parts.h"

/* ---- names ---- */

/* Positions 0..count-1 sorted by the name at each: heap sort, as an arena has room for nothing
 * else. */
static void sort_by_name(uint32_t *positions, size_t count, const char *const *names)
{
    for (size_t i = 0; i < count; i++)
        positions[i] = (uint32_t)i;
    for (size_t i = 1; i < count; i++) {
        uint32_t taken = positions[i];
        size_t low = 0, high = i;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (strcmp(names[positions[middle]], names[taken]) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        memmove(&positions[low + 1], &positions[low], (i - low) * sizeof *positions);
        positions[low] = taken;
    }
}

static uint32_t *index_names(size_t count, const char *const *names, struct arena *arena)
{
    uint32_t *positions = arena_take_array(arena, count + 1, sizeof *positions);
    if (positions != NULL)
        sort_by_name(positions, count, names);
    return positions;
}

/* ---- pools ---- */

static enum pool_last_resort last_resort(enum document_last_resort configured)
{
    switch (configured) {
    case DOCUMENT_LAST_KNOWN_GOOD:
        return POOL_LAST_KNOWN_GOOD;
    case DOCUMENT_ALL:
        return POOL_ALL;
    case DOCUMENT_FIXED:
        return POOL_FIXED;
    case DOCUMENT_SERVFAIL:
        break;
    }
    return POOL_SERVFAIL;
}

static bool init_pool(struct node_pool *self, const struct document *document,
                      const struct document_pool *configured, struct arena *arena)
{
    size_t count = configured->member_count;
    struct pool_member_config *members = arena_take_array(arena, count, sizeof *members);
    self->told_handed = arena_take_array(arena, count, sizeof *self->told_handed);
    self->partner_handed = arena_take_array(arena, count, sizeof *self->partner_handed);
    self->partner_known = arena_take_array(arena, count, sizeof *self->partner_known);
    if (members == NULL || self->told_handed == NULL || self->partner_handed == NULL ||
        self->partner_known == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct document_server *server = &document->servers[configured->members[i]];
        members[i].capacity = server->capacity;
        for (size_t family = 0; family < 2; family++)
            members[i].has[family] = server->addresses[family].family != 0;
    }
    self->pool =
        pool_init(&(struct pool_config){.member_count = count,
                                        .members = members,
                                        .group_size = configured->group_size,
                                        .rounds = configured->rounds,
                                        .last_resort = last_resort(configured->last_resort)},
                  arena);
    struct verdict_config verdicts = {.stale_ms = configured->stale_ms,
                                      .freeze_window_ms = 5000,
                                      .freeze_permille = 300,
                                      .port_count = configured->port_count};
    memcpy(verdicts.ports, configured->ports, sizeof verdicts.ports);
    return self->pool != NULL && verdict_init(&self->verdicts, &verdicts, count, 0, arena);
}

static bool init_memberships(struct node_plan *self, struct arena *arena)
{
    const struct document *document = self->document;
    for (size_t pool = 0; pool < document->pool_count; pool++)
        for (size_t member = 0; member < document->pools[pool].member_count; member++)
            self->servers[document->pools[pool].members[member]].membership_count++;
    for (size_t i = 0; i < document->server_count; i++) {
        struct node_server *server = &self->servers[i];
        server->memberships =
            arena_take_array(arena, server->membership_count, sizeof *server->memberships);
        if (server->memberships == NULL)
            return false;
        server->membership_count = 0;
    }
    for (size_t pool = 0; pool < document->pool_count; pool++)
        for (size_t member = 0; member < document->pools[pool].member_count; member++) {
            struct node_server *server = &self->servers[document->pools[pool].members[member]];
            server->memberships[server->membership_count++] =
                (struct node_membership){(uint32_t)pool, (uint32_t)member};
        }
    return true;
}

static bool init_pools(struct node_plan *self, struct arena *arena)
{
    const struct document *document = self->document;
    size_t most = 1;
    for (size_t i = 0; i < document->pool_count; i++) {
        if (!init_pool(&self->pools[i], document, &document->pools[i], arena))
            return false;
        if (document->pools[i].member_count > most)
            most = document->pools[i].member_count;
    }
    self->changes = arena_take_array(arena, most, sizeof *self->changes);
    return self->changes != NULL && init_memberships(self, arena);
}

bool node_plan_init(struct node_plan *self, const struct document *document, struct arena *arena)
{
    *self = (struct node_plan){.document = document};
    const char **servers = arena_take_array(arena, document->server_count + 1, sizeof *servers);
    const char **pools = arena_take_array(arena, document->pool_count + 1, sizeof *pools);
    self->servers = arena_take_array(arena, document->server_count + 1, sizeof *self->servers);
    self->pools = arena_take_array(arena, document->pool_count + 1, sizeof *self->pools);
    if (servers == NULL || pools == NULL || self->servers == NULL || self->pools == NULL)
        return false;
    for (size_t i = 0; i < document->server_count; i++) {
        servers[i] = document->servers[i].name;
        self->servers[i].agent_ms = self->servers[i].slow_ms = INT64_MIN;
        self->servers[i].weight = 100;
    }
    for (size_t i = 0; i < document->pool_count; i++)
        pools[i] = document->pools[i].name;
    self->servers_by_name = index_names(document->server_count, servers, arena);
    self->pools_by_name = index_names(document->pool_count, pools, arena);
    return self->servers_by_name != NULL && self->pools_by_name != NULL && init_pools(self, arena);
}

/* The position at whose name it is, of those sorted by name; SIZE_MAX: none. */
static size_t find_name(const struct node_plan *self, const uint32_t *positions, size_t count,
                        const char *name, const char *(*name_at)(const struct document *, size_t))
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name_at(self->document, positions[middle]), name);
        if (order == 0)
            return positions[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static const char *server_name(const struct document *document, size_t position)
{
    return document->servers[position].name;
}

static const char *pool_name(const struct document *document, size_t position)
{
    return document->pools[position].name;
}

static size_t find_server(const struct node_plan *self, const char *name)
{
    return find_name(self, self->servers_by_name, self->document->server_count, name, server_name);
}

static size_t find_pool(const struct node_plan *self, const char *name)
{
    return find_name(self, self->pools_by_name, self->document->pool_count, name, pool_name);
}

size_t node_server(const struct node *self, const char *name)
{
    return find_server(&self->plan, name);
}

size_t node_pool(const struct node *self, const char *name)
{
    return find_pool(&self->plan, name);
}

/* ---- seats ---- */

/* A server's agent has a seat, which is its number among the peers, for as long as any document
 * names it. Seats are filled from the front. */
static void seat(struct node *self, struct node_plan *plan, size_t position, size_t number)
{
    struct node_seat *taken = &self->seats[number];
    const char *name = plan->document->servers[position].name;
    plan->servers[position].seat = (uint32_t)number;
    taken->server = (uint32_t)position;
    if (taken->name[0] == '\0') {
        memcpy(taken->name, name, strlen(name) + 1);
        replica_seat(&self->replica, number, taken->name);
    }
    replica_bind(&self->replica, number, plan->document->servers[position].machine);
}

static void leave_seats(struct node *self, const struct node_plan *next)
{
    for (size_t i = 0; i < self->seat_count; i++) {
        struct node_seat *left = &self->seats[i];
        if (left->name[0] == '\0' || find_server(next, left->name) != SIZE_MAX)
            continue;
        replica_seat(&self->replica, i, NULL);
        left->name[0] = '\0';
    }
}

/* Who has a seat keeps it; the others take what is free. */
static void take_seats(struct node *self, struct node_plan *next)
{
    for (size_t i = 0; i < next->document->server_count; i++)
        next->servers[i].seat = NODE_NO_SEAT;
    for (size_t i = 0; i < self->seat_count; i++)
        if (self->seats[i].name[0] != '\0')
            seat(self, next, find_server(next, self->seats[i].name), i);
    size_t number = 0;
    for (size_t i = 0; i < next->document->server_count; i++) {
        if (next->servers[i].seat != NODE_NO_SEAT)
            continue;
        while (self->seats[number].name[0] != '\0')
            number++;
        seat(self, next, i, number);
    }
}

void node_seat_all(struct node *self)
{
    take_seats(self, &self->plan);
}

/* ---- from one document to the next ---- */

/* since_ms: of its slow start, when it is new. */
static void inherit_server(const struct node_plan *from, struct node_plan *next, size_t position,
                           int64_t since_ms)
{
    size_t before = find_server(from, next->document->servers[position].name);
    if (before == SIZE_MAX) {
        next->servers[position].slow_ms = since_ms;
        return;
    }
    next->servers[position].slow_ms = from->servers[before].slow_ms;
    next->servers[position].agent_ms = from->servers[before].agent_ms;
    next->servers[position].lost_partner = from->servers[before].lost_partner;
}

/* The member of `from` that is the same server; SIZE_MAX: none. */
static size_t member_before(const struct node_plan *from, size_t pool, const char *server)
{
    size_t position = find_server(from, server);
    if (position == SIZE_MAX)
        return SIZE_MAX;
    const struct node_server *before = &from->servers[position];
    for (size_t i = 0; i < before->membership_count; i++)
        if (before->memberships[i].pool == pool)
            return before->memberships[i].member;
    return SIZE_MAX;
}

typedef void inherit_member(struct node_pool *self, size_t member, const struct node_pool *from,
                            size_t from_member);

static void each_member(const struct node_plan *from, struct node_plan *next,
                        inherit_member *inherit)
{
    for (size_t i = 0; i < next->document->pool_count; i++) {
        const struct document_pool *configured = &next->document->pools[i];
        size_t before = find_pool(from, configured->name);
        for (size_t member = 0; before != SIZE_MAX && member < configured->member_count; member++) {
            const char *server = next->document->servers[configured->members[member]].name;
            size_t from_member = member_before(from, before, server);
            if (from_member != SIZE_MAX)
                inherit(&next->pools[i], member, &from->pools[before], from_member);
        }
    }
}

/* Before the records are read again: what they do not hold. */
static void inherit_verdict(struct node_pool *self, size_t member, const struct node_pool *from,
                            size_t from_member)
{
    struct pool_member_state state;
    verdict_inherit(&self->verdicts, member, &from->verdicts, from_member);
    pool_member_state(from->pool, from_member, &state);
    pool_set_fitness(self->pool, member, state.fitness);
    self->told_handed[member] = from->told_handed[from_member];
    self->partner_handed[member] = from->partner_handed[from_member];
    self->partner_known[member] = from->partner_known[from_member];
}

/* And after: a load that is read again hides no answer that was given since. */
static void inherit_load(struct node_pool *self, size_t member, const struct node_pool *from,
                         size_t from_member)
{
    pool_inherit(self->pool, member, from->pool, from_member);
}

static void inherit_pools(const struct node_plan *from, struct node_plan *next)
{
    for (size_t i = 0; i < next->document->pool_count; i++) {
        size_t position = find_pool(from, next->document->pools[i].name);
        if (position == SIZE_MAX)
            continue;
        struct node_pool *pool = &next->pools[i];
        const struct node_pool *before = &from->pools[position];
        verdict_inherit_freeze(&pool->verdicts, &before->verdicts);
        pool_inherit_answers(pool->pool, before->pool);
        pool_set_ready(pool->pool, before->is_ready);
        pool->is_ready = before->is_ready;
        pool->at_last_resort = before->at_last_resort;
        pool->frozen = before->frozen;
    }
}

void node_date_members(struct node *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->plan.document->pool_count; i++)
        for (size_t member = 0; member < self->plan.pools[i].verdicts.count; member++) {
            struct verdict_member *m = &self->plan.pools[i].verdicts.members[member];
            if (m->reason == VERDICT_NEVER_REPORTED && m->since_ms == 0)
                m->since_ms = now_ms;
        }
}

bool node_has_room(const struct node *self, const struct document *document)
{
    return document->server_count <= self->seat_count;
}

void node_adopt(struct node *self, int64_t now_ms, const struct node_plan *plan)
{
    struct node_plan from = self->plan, next = *plan;
    assert(node_has_room(self, next.document));
    node_judge_stall(self, now_ms);
    bool is_running = self->tick_due_ms > 0; /* before the start nobody is new */
    for (size_t i = 0; i < next.document->server_count; i++)
        inherit_server(&from, &next, i, is_running ? now_ms : INT64_MIN);
    leave_seats(self, &next);
    take_seats(self, &next);
    each_member(&from, &next, inherit_verdict);
    inherit_pools(&from, &next);
    self->plan = next;
    node_date_members(self, now_ms);
    for (size_t i = 0; i < next.document->server_count; i++)
        node_weigh(self, now_ms, i);
    node_learn_all(self, now_ms);
    each_member(&from, &self->plan, inherit_load);
    node_judge_ready(self, now_ms);
}
