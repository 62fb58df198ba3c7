/* The document and the agent's configuration from any bytes. Whatever they are: a complaint is one
 * line that begins with the place, and what is taken is within its bounds.
 *
 * Decoders: replication/yaml.c replication/schema_value.c replication/document_check.c
 * Decoders: replication/schema.c:-append|append_.+|schema_manual replication/document_pools.c
 * Decoders: replication/document.c:-document_manual health/agent/config.c:-agent_config_manual */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "health/agent/config.h"
#include "replication/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MEMORY_SIZE = 4 << 20 };

/* At most so many lines has the text: libyaml ends one at each of these, and before the end. */
static size_t lines_max(const char *bytes, size_t size)
{
    size_t lines = 2;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n' || bytes[i] == '\r' ||
                 (i + 1 < size && memcmp(bytes + i, "\xc2\x85", 2) == 0) ||
                 (i + 2 < size && memcmp(bytes + i, "\xe2\x80", 2) == 0 &&
                  (bytes[i + 2] & '\xfe') == '\xa8');
    return lines;
}

/* "fuzz.yaml:LINE:COLUMN: found ...", in one line, of a place that the text has. */
static void check_error(const char *error, const char *bytes, size_t size)
{
    size_t line, column;
    int place_size = 0;
    assert(strlen(error) < DOCUMENT_ERROR_MAX);
    int fields = sscanf(error, "fuzz.yaml:%zu:%zu: found %n", &line, &column, &place_size);
    assert(fields == 2);
    assert(place_size > 0);
    assert(error[place_size] != '\0');
    assert(line >= 1);
    assert(line <= lines_max(bytes, size));
    assert(column >= 1);
    assert(column <= size + 1);
    for (const char *at = error; *at != '\0'; at++)
        assert((uint8_t)*at >= 0x20 && *at != 0x7f);
}

static void check_pool(const struct document *document, const struct document_pool *pool)
{
    assert(strlen(pool->owner) > 0);
    assert(pool->member_count <= document->server_count);
    for (size_t i = 0; i < pool->member_count; i++) {
        assert(pool->members[i] < document->server_count);
        for (size_t j = 0; j < i; j++)
            assert(pool->members[i] != pool->members[j]);
    }
    assert(pool->group_size >= 1);
    assert(pool->group_size <= pool->member_count || pool->group_size == 1);
    assert(pool->group_size <= 256);
    assert(pool->rounds >= 1);
    assert(pool->rounds <= 1000);
    assert(pool->ttl_s <= 86400);
    assert(pool->port_count >= 1);
    assert(pool->port_count <= DOCUMENT_PORTS_MAX);
    assert(pool->stale_ms >= 500);
    assert(pool->stale_ms <= 60000);
    assert(pool->fixed_count <= DOCUMENT_FIXED_MAX);
    assert((pool->fixed_count > 0) == (pool->last_resort == DOCUMENT_FIXED));
}

static void check_document(const struct document *document)
{
    assert(document->node_count >= 1);
    assert(document->node_count <= DOCUMENT_NODES_MAX);
    assert(document->dns_threads >= 1);
    for (size_t i = 0; i < document->node_count; i++) {
        const struct document_node *node = &document->nodes[i];
        assert(document_node(document, node->name) == i);
        assert(node->own[0].family == 4 || node->own[1].family == 6);
        assert(node->home[0].family == 4 || node->home[1].family == 6);
        assert(node->pair.family == document->nodes[0].pair.family);
    }
    assert(document->dns_threads <= 64);
    assert(document->dns_port != document->replication_port);
    assert(document->witness_count <= DOCUMENT_WITNESSES_MAX);
    for (size_t i = 0; i < document->server_count; i++) {
        const struct document_server *server = &document->servers[i];
        assert(server->capacity >= 1);
        assert(server->capacity <= 10000000);
        assert(server->addresses[0].family == 4 || server->addresses[1].family == 6);
        assert(strlen(server->keys[0]) == DOCUMENT_KEY_SIZE - 1);
        assert(strcmp(server->keys[0], server->keys[1]) != 0);
    }
    for (size_t i = 0; i < document->zone_count; i++)
        assert(strlen(document->zones[i].origin) > 0 && strlen(document->zones[i].path) > 0);
    for (size_t i = 0; i < document->pool_count; i++)
        check_pool(document, &document->pools[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static _Alignas(16) uint8_t memory[MEMORY_SIZE];
    struct arena arena;
    struct document document;
    struct agent_config config;
    char error[DOCUMENT_ERROR_MAX] = "";
    arena_init(&arena, memory, sizeof memory);
    if (document_parse(&document, "fuzz.yaml", (const char *)bytes, size, &arena, error))
        check_document(&document);
    else
        check_error(error, (const char *)bytes, size);
    arena_init(&arena, memory, sizeof memory);
    if (agent_config_parse(&config, "fuzz.yaml", (const char *)bytes, size, &arena, error))
        assert(config.node_count >= 1 && config.port_count >= 1);
    else
        check_error(error, (const char *)bytes, size);
    return 0;
}
