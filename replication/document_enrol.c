/* Servers that joined, beside those of the document. */
#include <string.h>

#include "replication/document.h"

static size_t find_pool(const struct document *document, const char *name)
{
    size_t i = 0;
    while (i < document->pool_count && strcmp(document->pools[i].name, name) != 0)
        i++;
    return i;
}

/* The document is the operator's own word: it goes before. */
static bool is_taken(const struct document *document, const struct document_server *server)
{
    for (size_t i = 0; i < document->server_count; i++) {
        const struct document_server *other = &document->servers[i];
        if (strcmp(other->name, server->name) == 0 || strcmp(other->key, server->key) == 0)
            return true;
        for (size_t family = 0; family < 2; family++)
            if (server->addresses[family].family != 0 &&
                ip_equal(&other->addresses[family], &server->addresses[family]))
                return true;
    }
    return false;
}

static bool add_member(struct document_pool *pool, uint32_t server, struct arena *arena)
{
    uint32_t *members = arena_take_array(arena, pool->member_count + 1, sizeof *members);
    if (members == NULL)
        return false;
    memcpy(members, pool->members, pool->member_count * sizeof *members);
    members[pool->member_count++] = server;
    pool->members = members;
    return true;
}

bool document_enrol(struct document *self, const struct document_enrolment *list, size_t count,
                    struct arena *arena)
{
    struct document_server *servers =
        arena_take_array(arena, self->server_count + count, sizeof *servers);
    if (servers == NULL && count > 0)
        return false;
    if (count > 0)
        memcpy(servers, self->servers, self->server_count * sizeof *servers);
    for (size_t i = 0; i < count; i++) {
        size_t pool = find_pool(self, list[i].pool);
        self->servers = servers;
        if (pool == self->pool_count || self->server_count == DOCUMENT_SERVERS_MAX ||
            is_taken(self, &list[i].server))
            continue;
        struct document_server *server = &servers[self->server_count];
        *server = list[i].server;
        server->name = arena_text(arena, list[i].server.name, strlen(list[i].server.name));
        uint8_t *machine = arena_take(arena, DOCUMENT_MACHINE_SIZE);
        if (machine != NULL && server->machine != NULL)
            server->machine = memcpy(machine, server->machine, DOCUMENT_MACHINE_SIZE);
        if (server->name == NULL || machine == NULL ||
            !add_member(&self->pools[pool], (uint32_t)self->server_count, arena))
            return false;
        self->server_count++;
    }
    return true;
}
