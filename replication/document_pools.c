/* The zones and pools of a document: which names it answers for, and with which servers. */
#include <assert.h>
#include <string.h>

#include "replication/document_check.h"

struct reader {
    const struct yaml_file *file;
    struct document *document;
    struct seen zones, owners, servers; /* by name */
    uint32_t *all;                      /* every server, shared by the pools that have all */
    uint32_t *member_of;                /* per server: the last pool it joined, from 1 */
};

/* ---- zones ---- */

static bool read_zone(struct reader *self, const struct yaml_node *value,
                      struct document_zone *zone)
{
    static const struct schema_option path = {
        .type = SCHEMA_PATH, SCHEMA_FIELD(struct document_zone, path), .expected = "a zone file"};
    char origin[SCHEMA_DOMAIN_SIZE];
    if (!schema_domain(value->key, origin))
        return schema_expected_key(self->file, value, "the domain name of a zone");
    zone->origin = arena_text(self->file->arena, origin, strlen(origin));
    if (zone->origin == NULL)
        return schema_refuse_memory(self->file, value);
    struct seen_word word = {.bytes = zone->origin,
                             .size = strlen(zone->origin),
                             .line = value->key_line,
                             .column = value->key_column};
    return yaml_once(self->file, &self->zones, &word, zone->origin, "each zone once") &&
           schema_value(self->file, value, &path, zone);
}

static bool read_zones(struct reader *self, const struct yaml_node *map)
{
    struct document *document = self->document;
    size_t count = map == NULL ? 0 : map->count;
    if (map != NULL && map->kind != YAML_MAP)
        return schema_expected(self->file, map, "a map of zones to their files");
    if (count > DOCUMENT_ZONES_MAX)
        return schema_refuse_key(self->file, map, "found %zu zones, expected at most %d", count,
                                 DOCUMENT_ZONES_MAX);
    document->zones = arena_take_array(self->file->arena, count, sizeof *document->zones);
    if (document->zones == NULL || !seen_init(&self->zones, count, self->file->arena))
        return schema_refuse_memory(self->file, map);
    const struct yaml_node *each = map == NULL ? NULL : map->first;
    for (; each != NULL; each = each->next)
        if (!read_zone(self, each, &document->zones[document->zone_count++]))
            return false;
    return true;
}

/* Is there a zone that the name is in? */
static bool is_within_a_zone(const struct reader *self, const char *name)
{
    for (const char *suffix = name; suffix != NULL && *suffix != '\0';) {
        if (seen_find(&self->zones, suffix, strlen(suffix)) != NULL)
            return true;
        const char *dot = strchr(suffix, '.');
        suffix = dot == NULL ? NULL : dot + 1;
    }
    return seen_find(&self->zones, ".", 1) != NULL;
}

/* ---- members ---- */

static bool index_servers(struct reader *self, const struct yaml_node *map)
{
    const struct document *document = self->document;
    struct arena *arena = self->file->arena;
    self->all = arena_take_array(arena, document->server_count, sizeof *self->all);
    self->member_of = arena_take_array(arena, document->server_count, sizeof *self->member_of);
    if (self->all == NULL || self->member_of == NULL ||
        !seen_init(&self->servers, document->server_count, arena))
        return schema_refuse_memory(self->file, map);
    for (uint32_t i = 0; i < document->server_count; i++) {
        const char *name = document->servers[i].name;
        struct seen_word word = {.bytes = name, .size = strlen(name), .position = i};
        const struct seen_word *first = seen_add(&self->servers, &word);
        assert(first == NULL);
        self->all[i] = i;
    }
    return true;
}

static bool refuse_server(const struct reader *self, const struct yaml_node *value)
{
    if (value->kind != YAML_SCALAR)
        return schema_expected(self->file, value, "the name of a server");
    struct schema_nearest nearest = {.word = value->text};
    for (size_t i = 0; i < self->document->server_count; i++)
        schema_offer(&nearest, self->document->servers[i].name);
    if (nearest.best == NULL)
        return schema_expected(self->file, value, "one of the servers");
    return schema_refuse(self->file, value, "found unknown server '%.64s', did you mean '%s'?",
                         value->text, nearest.best);
}

static bool read_members(struct reader *self, const struct yaml_node *value,
                         struct document_pool *pool)
{
    uint32_t pool_number = (uint32_t)(pool - self->document->pools) + 1;
    pool->members = arena_take_array(self->file->arena, value->count, sizeof *pool->members);
    if (pool->members == NULL)
        return schema_refuse_memory(self->file, value);
    for (const struct yaml_node *each = value->first; each != NULL; each = each->next) {
        const struct seen_word *server =
            each->kind == YAML_SCALAR ? seen_find(&self->servers, each->text, strlen(each->text))
                                      : NULL;
        if (server == NULL)
            return refuse_server(self, each);
        if (self->member_of[server->position] == pool_number)
            return schema_refuse(self->file, each, "found '%s' a second time, expected it once",
                                 each->text);
        self->member_of[server->position] = pool_number;
        pool->members[pool->member_count++] = server->position;
    }
    return true;
}

static bool read_servers(struct reader *self, const struct yaml_node *value,
                         struct document_pool *pool)
{
    if (value == NULL) /* none but those that join */
        return true;
    bool is_all = value->kind == YAML_SCALAR && strcmp(value->text, "all") == 0;
    if (!is_all && value->kind != YAML_LIST)
        return schema_expected(self->file, value, "a list of servers, or all");
    if (!is_all)
        return read_members(self, value, pool);
    pool->members = self->all;
    pool->member_count = self->document->server_count;
    return true;
}

/* ---- pools ---- */

static bool read_last_resort(struct reader *self, const struct yaml_node *value,
                             struct document_pool *pool)
{
    static const char *const words[] = {[DOCUMENT_LAST_KNOWN_GOOD] = "last-known-good",
                                        [DOCUMENT_ALL] = "all",
                                        [DOCUMENT_FIXED] = "",
                                        [DOCUMENT_SERVFAIL] = "servfail"};
    static const struct schema_option fixed = {.type = SCHEMA_IPS,
                                               .max = DOCUMENT_FIXED_MAX,
                                               SCHEMA_FIELD(struct document_pool, fixed),
                                               SCHEMA_COUNT(struct document_pool, fixed_count)};
    if (value->kind == YAML_LIST) {
        pool->last_resort = DOCUMENT_FIXED;
        return schema_value(self->file, value, &fixed, pool);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (value->kind == YAML_SCALAR && value->text[0] != '\0' &&
            strcmp(value->text, words[i]) == 0) {
            pool->last_resort = (enum document_last_resort)i;
            return true;
        }
    return schema_expected(self->file, value,
                           "last-known-good, all, servfail or a list of addresses");
}

/* Not written: a fifth of the pool, at least two. Never more than there are, or than 256. */
static uint32_t group_size(const struct document_pool *pool)
{
    enum { GROUP_MAX = 256, GROUP_MIN = 2, POOL_PER_GROUP = 5 };
    size_t size = pool->group_written != 0 ? pool->group_written
                  : pool->member_count < GROUP_MIN * POOL_PER_GROUP
                      ? GROUP_MIN
                      : pool->member_count / POOL_PER_GROUP;
    size_t most = pool->member_count < GROUP_MAX ? pool->member_count : GROUP_MAX;
    size = size < most ? size : most;
    return size == 0 ? 1 : (uint32_t)size; /* also of a pool that is empty */
}

void document_settle_groups(struct document *document)
{
    for (size_t i = 0; i < document->pool_count; i++)
        document->pools[i].group_size = group_size(&document->pools[i]);
}

static bool read_pool(struct reader *self, const struct yaml_node *map, struct document_pool *pool)
{
    const struct yaml_node *name = yaml_get(map, "name");
    const struct yaml_node *last_resort = yaml_get(map, "last-resort");
    struct seen_word owner = {.bytes = pool->owner,
                              .size = strlen(pool->owner),
                              .line = name->line,
                              .column = name->column};
    if (!is_within_a_zone(self, pool->owner))
        return schema_expected(self->file, name, "a domain name within one of the zones");
    if (!yaml_once(self->file, &self->owners, &owner, pool->owner, "one pool for a name"))
        return false;
    if (last_resort != NULL && !read_last_resort(self, last_resort, pool))
        return false;
    return read_servers(self, yaml_get(map, "servers"), pool);
}

bool document_read_pools(const struct yaml_file *file, const struct yaml_node *root,
                         struct document *document)
{
    struct reader reader = {.file = file, .document = document};
    const struct yaml_node *pools = yaml_get(root, "pools");
    if (!read_zones(&reader, yaml_get(root, "zones")) || !index_servers(&reader, root))
        return false;
    if (!seen_init(&reader.owners, document->pool_count, file->arena))
        return schema_refuse_memory(file, root);
    const struct yaml_node *map = pools == NULL ? NULL : pools->first;
    for (size_t i = 0; i < document->pool_count; i++, map = map->next)
        if (!read_pool(&reader, map, &document->pools[i]))
            return false;
    document_settle_groups(document);
    return true;
}
