/* What of a document holds for as long as its node runs: guardian and sockets read it once. */
#include <stdio.h>
#include <string.h>

#include "replication/document.h"

static bool are_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* One key at the least is the same, or neither node has any. */
static bool have_common_key(const struct document_node *a, const struct document_node *b)
{
    return document_has_key(b->keys, a->keys[0]) || document_has_key(b->keys, a->keys[1]) ||
           (a->keys[0][0] == '\0' && b->keys[0][0] == '\0');
}

static bool are_nodes_equal(const struct document_node *a, const struct document_node *b)
{
    bool are_ips_equal = ip_equal(&a->link_local, &b->link_local) && ip_equal(&a->pair, &b->pair);
    for (size_t family = 0; family < 2; family++)
        are_ips_equal = are_ips_equal && ip_equal(&a->own[family], &b->own[family]) &&
                        ip_equal(&a->home[family], &b->home[family]);
    return are_ips_equal && are_equal(a->name, b->name) && are_equal(a->interface, b->interface) &&
           a->vrid == b->vrid && have_common_key(a, b);
}

static bool has_other_nodes(const struct document *a, const struct document *b)
{
    bool is_other = a->node_count != b->node_count;
    for (size_t i = 0; !is_other && i < a->node_count; i++)
        is_other = !are_nodes_equal(&a->nodes[i], &b->nodes[i]);
    return is_other;
}

static bool has_other_witnesses(const struct document *a, const struct document *b)
{
    bool is_other = a->witness_count != b->witness_count;
    for (size_t i = 0; !is_other && i < a->witness_count; i++)
        is_other = !ip_equal(&a->witnesses[i], &b->witnesses[i]);
    return is_other;
}

static void say(const struct document *a, const struct document *b, char *differs)
{
    const struct {
        const char *word;
        bool is_other;
    } parts[] = {
        {"cluster", !are_equal(a->cluster, b->cluster)},
        {"nodes", has_other_nodes(a, b)},
        {"dns", a->dns_port != b->dns_port || a->dns_threads != b->dns_threads},
        {"replication", a->replication_port != b->replication_port},
        {"failover", a->beat_port != b->beat_port || a->tripwire_port != b->tripwire_port ||
                         a->interval_ms != b->interval_ms || a->is_multicast != b->is_multicast ||
                         a->has_router != b->has_router},
        {"paths", !are_equal(a->keys_path, b->keys_path) ||
                      !are_equal(a->state_path, b->state_path) ||
                      !are_equal(a->run_path, b->run_path)},
        {"witness", has_other_witnesses(a, b)},
        {"spare", !ip_equal(&a->spare[0], &b->spare[0]) || !ip_equal(&a->spare[1], &b->spare[1])},
    };
    size_t used = 0;
    differs[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].is_other)
            used += (size_t)snprintf(differs + used, DOCUMENT_DIFFERS_MAX - used, "%s%s",
                                     used == 0 ? "" : ", ", parts[i].word);
}

static bool copy_text(const char **text, const char *from, struct arena *arena)
{
    *text = from == NULL ? NULL : arena_text(arena, from, strlen(from));
    return (*text == NULL) == (from == NULL);
}

bool document_keep_fixed(struct document *self, const struct document *running, struct arena *arena,
                         char *differs)
{
    say(running, self, differs);
    struct document kept = *running;
    kept.server_count = self->server_count;
    kept.pool_count = self->pool_count;
    kept.zone_count = self->zone_count;
    kept.servers = self->servers;
    kept.pools = self->pools;
    kept.zones = self->zones;
    bool fits = copy_text(&kept.cluster, running->cluster, arena) &&
                copy_text(&kept.keys_path, running->keys_path, arena) &&
                copy_text(&kept.state_path, running->state_path, arena) &&
                copy_text(&kept.run_path, running->run_path, arena);
    for (size_t i = 0; i < running->node_count && i < self->node_count; i++)
        if (are_equal(self->nodes[i].name, running->nodes[i].name) &&
            have_common_key(&self->nodes[i], &running->nodes[i]))
            memcpy(kept.nodes[i].keys, self->nodes[i].keys, sizeof kept.nodes[i].keys);
    for (size_t i = 0; fits && i < running->node_count; i++)
        fits = copy_text(&kept.nodes[i].name, running->nodes[i].name, arena) &&
               copy_text(&kept.nodes[i].interface, running->nodes[i].interface, arena);
    *self = kept;
    return fits;
}
