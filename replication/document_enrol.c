/* Servers that joined, beside those of the document. */
#include <string.h>

#include "replication/document_check.h"
#include "replication/seen.h"

/* What only one server may have, of all that were taken. */
struct taken {
    struct seen names, keys, addresses;
};

static bool open_taken(struct taken *self, size_t server_count, struct arena *arena)
{
    return seen_init(&self->names, server_count, arena) &&
           seen_init(&self->keys, DOCUMENT_KEYS_MAX * server_count, arena) &&
           seen_init(&self->addresses, 2 * server_count, arena);
}

bool document_is_of_node(const struct document *self, const struct ip *address)
{
    for (size_t i = 0; i < self->node_count; i++) {
        const struct document_node *node = &self->nodes[i];
        const struct ip *its[] = {&node->own[0],  &node->own[1],     &node->home[0],
                                  &node->home[1], &node->link_local, &node->pair};
        for (size_t j = 0; j < sizeof its / sizeof *its; j++)
            if (its[j]->family != 0 && ip_equal(its[j], address))
                return true;
    }
    return false;
}

static bool has_taken_key(const struct taken *self, const struct document_server *server)
{
    for (size_t i = 0; i < DOCUMENT_KEYS_MAX; i++)
        if (server->keys[i][0] != '\0' &&
            seen_find(&self->keys, server->keys[i], strlen(server->keys[i])) != NULL)
            return true;
    return false;
}

/* False: somebody has its name, its key or one of its addresses; nothing is taken then. */
static bool take(struct taken *self, const struct document *document,
                 const struct document_server *server)
{
    const struct ip *addresses = server->addresses;
    bool is_free = seen_find(&self->names, server->name, strlen(server->name)) == NULL &&
                   !has_taken_key(self, server);
    for (size_t family = 0; is_free && family < 2; family++)
        is_free = addresses[family].family == 0 ||
                  (seen_find(&self->addresses, &addresses[family], sizeof *addresses) == NULL &&
                   !document_is_of_node(document, &addresses[family]));
    if (!is_free)
        return false;
    seen_add(&self->names,
             &(struct seen_word){.bytes = server->name, .size = strlen(server->name)});
    for (size_t i = 0; i < DOCUMENT_KEYS_MAX && server->keys[i][0] != '\0'; i++)
        seen_add(&self->keys,
                 &(struct seen_word){.bytes = server->keys[i], .size = strlen(server->keys[i])});
    for (size_t family = 0; family < 2; family++)
        if (addresses[family].family != 0)
            seen_add(&self->addresses,
                     &(struct seen_word){.bytes = &addresses[family], .size = sizeof *addresses});
    return true;
}

/* Each pool's members with room for those of the list that name it. */
static bool make_room(struct document *self, const struct seen *pools,
                      const struct document_enrolment *list, size_t count, struct arena *arena)
{
    size_t *joining = arena_take_array(arena, self->pool_count + 1, sizeof *joining);
    if (joining == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct seen_word *pool = seen_find(pools, list[i].pool, strlen(list[i].pool));
        if (pool != NULL)
            joining[pool->position]++;
    }
    for (size_t i = 0; i < self->pool_count; i++) {
        struct document_pool *pool = &self->pools[i];
        if (joining[i] == 0)
            continue;
        uint32_t *members =
            arena_take_array(arena, pool->member_count + joining[i], sizeof *members);
        if (members == NULL)
            return false;
        if (pool->member_count > 0)
            memcpy(members, pool->members, pool->member_count * sizeof *members);
        pool->members = members;
    }
    return true;
}

/* False when the arena is exhausted. */
static bool add(struct document *self, const struct document_server *joined,
                struct document_pool *pool, struct arena *arena)
{
    struct document_server *server = &self->servers[self->server_count];
    uint8_t *machine = arena_take(arena, MACHINE_ID_SIZE);
    *server = *joined;
    server->name = arena_text(arena, joined->name, strlen(joined->name));
    if (server->name == NULL || machine == NULL)
        return false;
    if (joined->machine != NULL)
        server->machine = memcpy(machine, joined->machine, MACHINE_ID_SIZE);
    pool->members[pool->member_count++] = (uint32_t)self->server_count++;
    return true;
}

bool document_enrol(struct document *self, const struct document_enrolment *list, size_t count,
                    struct arena *arena)
{
    struct taken taken;
    struct seen pools;
    if (count == 0)
        return true;
    struct document_server *servers =
        arena_take_array(arena, self->server_count + count, sizeof *servers);
    if (servers == NULL || !open_taken(&taken, self->server_count + count, arena) ||
        !seen_init(&pools, self->pool_count + 1, arena))
        return false;
    if (self->server_count > 0)
        memcpy(servers, self->servers, self->server_count * sizeof *servers);
    self->servers = servers;
    for (size_t i = 0; i < self->server_count; i++) /* the operator's own word goes before */
        take(&taken, self, &servers[i]);
    for (size_t i = 0; i < self->pool_count; i++)
        seen_add(&pools, &(struct seen_word){.bytes = self->pools[i].name,
                                             .size = strlen(self->pools[i].name),
                                             .position = (uint32_t)i});
    if (!make_room(self, &pools, list, count, arena))
        return false;
    for (size_t i = 0; i < count && self->server_count < DOCUMENT_SERVERS_MAX; i++) {
        const struct seen_word *pool = seen_find(&pools, list[i].pool, strlen(list[i].pool));
        if (pool == NULL || !take(&taken, self, &list[i].server))
            continue;
        if (!add(self, &list[i].server, &self->pools[pool->position], arena))
            return false;
    }
    document_settle_groups(self);
    return true;
}
