/* The document and the agent's configuration from any bytes. Whatever they are: a complaint is one
 * line that begins with the place, and what is taken is within its bounds. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "health/agent/config.h"
#include "replication/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MEMORY_SIZE = 4 << 20 };

static void check_error(const char *error)
{
    static const char place[] = "fuzz.yaml:";
    size_t size = strlen(error);
    assert(size < DOCUMENT_ERROR_MAX);
    assert(strncmp(error, place, sizeof place - 1) == 0);
    assert(strtoul(error + sizeof place - 1, NULL, 10) > 0);
    for (size_t i = 0; i < size; i++)
        assert((uint8_t)error[i] >= 0x20);
}

static void check_pool(const struct document *document, const struct document_pool *pool)
{
    assert(strlen(pool->owner) > 0);
    assert(pool->member_count > 0);
    assert(pool->member_count <= document->server_count);
    for (size_t i = 0; i < pool->member_count; i++)
        assert(pool->members[i] < document->server_count);
    assert(pool->group_size >= 1);
    assert(pool->group_size <= pool->member_count);
    assert(pool->rounds >= 1);
    assert(pool->port_count >= 1);
    assert(pool->port_count <= DOCUMENT_PORTS_MAX);
    assert(pool->stale_ms >= 500);
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
    for (size_t i = 0; i < document->server_count; i++)
        assert(document->servers[i].capacity >= 1);
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
        check_error(error);
    arena_init(&arena, memory, sizeof memory);
    if (agent_config_parse(&config, "fuzz.yaml", (const char *)bytes, size, &arena, error))
        assert(config.node_count >= 1 && config.port_count >= 1);
    else
        check_error(error);
    return 0;
}
