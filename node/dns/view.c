#include "node/dns/view.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/dns/view_parts.h"

struct builder {
    struct view *view;
    struct arena *arena;
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct builder *self, const char *format,
                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->error, VIEW_ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

static bool refuse_memory(struct builder *self)
{
    return refuse(self, "the zones take more memory than expected");
}

/* ---- the table ---- */

static struct view_node **find_slot(const struct view *self, const uint8_t *lower, size_t size,
                                    uint64_t hash)
{
    size_t slot = hash & (self->slot_count - 1);
    while (self->slots[slot] != NULL &&
           (self->slots[slot]->hash != hash || self->slots[slot]->owner_size != size ||
            memcmp(self->slots[slot]->owner, lower, size) != 0))
        slot = (slot + 1) & (self->slot_count - 1);
    return &self->slots[slot];
}

struct view_node *view_find(const struct view *self, const uint8_t *lower, size_t size)
{
    return *find_slot(self, lower, size, name_hash(lower, size, self->hash_key));
}

const struct view_rrset *view_rrset(const struct view_node *node, uint16_t type)
{
    for (size_t i = 0; i < node->rrset_count; i++)
        if (node->rrsets[i].type == type)
            return &node->rrsets[i];
    return NULL;
}

static bool open_table(struct builder *self, const struct view_config *config)
{
    size_t names = 1;
    for (size_t i = 0; i < config->zone_count; i++)
        names += config->zones[i].name_count;
    /* A pool's name, and the empty non-terminals above it, may be in no zone file. */
    names += config->pool_count * NAME_LABELS_MAX;
    self->view->slot_count = 16;
    while (self->view->slot_count < 2 * names)
        self->view->slot_count *= 2;
    self->view->slots =
        arena_take_array(self->arena, self->view->slot_count, sizeof *self->view->slots);
    return self->view->slots != NULL || refuse_memory(self);
}

/* ---- record sets ---- */

static void put_u16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
    put_u16(bytes, value >> 16);
    put_u16(bytes + 2, value);
}

static bool render_rrset(struct builder *self, const struct zone_rrset *source, uint32_t ttl_s,
                         struct view_rrset *rrset)
{
    enum { FIXED_SIZE = 8 }; /* type, class, TTL; the length is part of the source */
    rrset->type = source->type;
    rrset->count = source->count;
    rrset->size = source->rdata_size + FIXED_SIZE * source->count;
    uint8_t *bytes = arena_take(self->arena, rrset->size);
    if (bytes == NULL)
        return refuse_memory(self);
    rrset->bytes = bytes;
    const uint8_t *rdata = source->rdata;
    for (size_t i = 0; i < source->count; i++) {
        size_t size = 2U + (size_t)(rdata[0] << 8 | rdata[1]);
        put_u16(bytes, source->type);
        put_u16(bytes + 2, 1); /* IN */
        put_u32(bytes + 4, ttl_s);
        memcpy(bytes + FIXED_SIZE, rdata, size);
        bytes += FIXED_SIZE + size;
        rdata += size;
    }
    return true;
}

/* RFC 2308 §3: the TTL of a negative answer is the lower of the SOA's TTL and its MINIMUM field,
 * the last four bytes of its RDATA. */
static bool render_negative_soa(struct builder *self, const struct zone *source,
                                struct view_zone *zone)
{
    const struct zone_rrset *soa = zone_rrset(&source->names[0], ZONE_SOA);
    assert(soa != NULL);
    const uint8_t *end = soa->rdata + soa->rdata_size;
    uint32_t minimum_s =
        (uint32_t)end[-4] << 24 | (uint32_t)end[-3] << 16 | (uint32_t)end[-2] << 8 | end[-1];
    return render_rrset(self, soa, minimum_s < soa->ttl_s ? minimum_s : soa->ttl_s, &zone->soa);
}

/* ---- nodes ---- */

static struct view_node *make_node(struct builder *self, const uint8_t *owner, size_t size,
                                   struct view_zone *zone)
{
    struct view_node *node = arena_take(self->arena, sizeof *node);
    if (node == NULL) {
        refuse_memory(self);
        return NULL;
    }
    node->owner = owner;
    node->owner_size = (uint16_t)size;
    node->zone = zone;
    node->hash = name_hash(owner, size, self->view->hash_key);
    size_t labels = name_label_count(owner);
    if (labels > self->view->labels_max)
        self->view->labels_max = labels;
    return node;
}

static struct view_node *render_node(struct builder *self, const struct zone_name *source,
                                     struct view_zone *zone)
{
    struct view_node *node = make_node(self, source->owner, source->owner_size, zone);
    if (node == NULL)
        return NULL;
    node->rrset_count = source->rrset_count;
    node->rrsets = arena_take_array(self->arena, source->rrset_count, sizeof *node->rrsets);
    if (node->rrsets == NULL) {
        refuse_memory(self);
        return NULL;
    }
    for (size_t i = 0; i < source->rrset_count; i++)
        if (!render_rrset(self, &source->rrsets[i], source->rrsets[i].ttl_s, &node->rrsets[i]))
            return NULL;
    return node;
}

static void enter(struct view *self, struct view_node *node)
{
    struct view_node **slot = find_slot(self, node->owner, node->owner_size, node->hash);
    assert(*slot == NULL);
    *slot = node;
    self->node_count++;
}

/* The served zone whose apex is the longest suffix of this name, by the table as it is. */
static struct view_zone *zone_of(const struct view *self, const uint8_t *lower, size_t size)
{
    for (;; size -= 1U + lower[0], lower += 1U + lower[0]) {
        const struct view_node *node = view_find(self, lower, size);
        if (node != NULL && node == node->zone->apex)
            return node->zone;
        if (size == 1)
            return NULL;
    }
}

/* A name of this zone: its own, the parent's side of a child's apex, or hidden by a child zone. */
static bool add_name(struct builder *self, const struct zone_name *source, struct view_zone *zone)
{
    const uint8_t *owner = source->owner, *above = owner + 1 + owner[0];
    const struct view_zone *served_by = zone_of(self->view, owner, source->owner_size);
    struct view_node *apex = served_by == zone ? NULL : served_by->apex;
    /* The parent's side is of the zone that answers for the name above. */
    if (apex != NULL && zone_of(self->view, above, source->owner_size - 1U - owner[0]) != zone)
        return true;
    struct view_node *node = render_node(self, source, zone);
    if (node == NULL)
        return false;
    if (apex != NULL)
        apex->parent_side = node;
    else
        enter(self->view, node);
    return true;
}

static bool add_zone(struct builder *self, const struct zone *source, struct view_zone *zone)
{
    char text[NAME_TEXT_MAX];
    zone->origin = source->origin;
    zone->origin_size = source->origin_size;
    self->view->record_count += source->record_count;
    if (view_find(self->view, source->origin, source->origin_size) != NULL)
        return refuse(self, "zone %.250s is there twice", name_text(zone->origin, text));
    if (!render_negative_soa(self, source, zone))
        return false;
    zone->apex = render_node(self, &source->names[0], zone);
    if (zone->apex == NULL)
        return false;
    enter(self->view, zone->apex);
    for (size_t i = 1; i < source->name_count; i++)
        if (!add_name(self, &source->names[i], zone))
            return false;
    return true;
}

/* Child zones come before their parents, so that they take their names first. */
static bool add_zones(struct builder *self, const struct view_config *config)
{
    for (size_t size = NAME_SIZE_MAX; size > 0; size--)
        for (size_t i = 0; i < config->zone_count; i++)
            if (config->zones[i].origin_size == size &&
                !add_zone(self, &config->zones[i], &self->view->zones[i]))
                return false;
    return true;
}

/* ---- what hangs together ---- */

static void find_parent(const struct view *self, struct view_node *node)
{
    if (node == node->zone->apex)
        return;
    const uint8_t *above = node->owner + 1 + node->owner[0];
    node->parent = view_find(self, above, node->owner_size - 1U - node->owner[0]);
    assert(node->parent != NULL);
    assert(node->parent->zone == node->zone);
    if (node->owner[0] == 1 && node->owner[1] == '*')
        node->parent->wildcard = node;
}

/* The highest delegation at or above the node (RFC 1034 §4.2), which the apex is not, or DNAME
 * above it (RFC 6672 §2.4) hides it. */
static void find_cover(struct view_node *node)
{
    for (struct view_node *at = node; at != NULL; at = at->parent) {
        bool is_cut = at->parent != NULL && view_rrset(at, ZONE_NS) != NULL;
        bool is_dname = at != node && view_rrset(at, ZONE_DNAME) != NULL;
        if (is_cut || is_dname) {
            node->cut = is_cut ? at : NULL;
            node->dname = is_cut ? NULL : at;
        }
    }
}

/* ---- glue ---- */

/* Does a referral from this zone need the server's address? Those below a cut, its own or another,
 * are asked for nowhere else (RFC 9471 §2); a child zone that is served too has them for us. */
static bool needs_glue(const struct view_zone *zone, const struct view_node *server)
{
    return server->zone == zone ? server->cut != NULL
                                : name_is_within(server->zone->origin, zone->origin);
}

static bool find_glue(struct builder *self, struct view_node *node)
{
    enum { HEAD_SIZE = 10, POINTER_SIZE = 2 }; /* what stands before RDATA, owner included */
    const struct view_rrset *ns = view_rrset(node, ZONE_NS);
    if (node->cut != node || ns == NULL)
        return true;
    node->glue = arena_take_array(self->arena, 2U * ns->count, sizeof *node->glue);
    if (node->glue == NULL)
        return refuse_memory(self);
    const uint8_t *record = ns->bytes;
    uint32_t offset = 0;
    for (size_t i = 0; i < ns->count; i++) {
        static const uint16_t types[] = {ZONE_A, ZONE_AAAA};
        uint8_t lower[NAME_SIZE_MAX];
        size_t size = name_lower(record + HEAD_SIZE, lower);
        const struct view_node *server = view_find(self->view, lower, size);
        for (size_t type = 0; server != NULL && type < 2; type++) {
            const struct view_rrset *rrset = view_rrset(server, types[type]);
            if (rrset != NULL && needs_glue(node->zone, server))
                node->glue[node->glue_count++] = (struct view_glue){offset, rrset};
        }
        record += HEAD_SIZE + size;
        offset += (uint32_t)(POINTER_SIZE + HEAD_SIZE + size);
    }
    return true;
}

/* ---- pools ---- */

/* The node at the pool's name; it and those above it are made where the zone file has none. */
static struct view_node *make_pool_node(struct builder *self, const uint8_t *lower, size_t size,
                                        struct view_zone *zone)
{
    uint8_t *owner = arena_take(self->arena, size);
    if (owner == NULL) {
        refuse_memory(self);
        return NULL;
    }
    memcpy(owner, lower, size);
    struct view_node *lowest = NULL;
    for (; view_find(self->view, owner, size) == NULL;
         size -= 1U + owner[0], owner += 1U + owner[0]) {
        struct view_node *node = make_node(self, owner, size, zone);
        if (node == NULL)
            return NULL;
        enter(self->view, node);
        if (lowest == NULL)
            lowest = node;
    }
    return lowest != NULL ? lowest : view_find(self->view, owner, size);
}

static bool copy_addresses(struct builder *self, const struct view_pool_config *config,
                           size_t member_count, struct view_pool *pool)
{
    pool->ipv4 = arena_take_array(self->arena, member_count, sizeof *pool->ipv4);
    pool->ipv6 = arena_take_array(self->arena, member_count, sizeof *pool->ipv6);
    pool->fixed_ipv4 = arena_take_array(self->arena, config->fixed_count, sizeof *pool->fixed_ipv4);
    pool->fixed_ipv6 = arena_take_array(self->arena, config->fixed_count, sizeof *pool->fixed_ipv6);
    if (pool->ipv4 == NULL || pool->ipv6 == NULL || pool->fixed_ipv4 == NULL ||
        pool->fixed_ipv6 == NULL)
        return refuse_memory(self);
    for (size_t i = 0; i < member_count; i++) {
        pool->has_ipv4 |= config->addresses[i][0].family != 0;
        memcpy(pool->ipv4[i], config->addresses[i][0].bytes, 4);
        memcpy(pool->ipv6[i], config->addresses[i][1].bytes, 16);
    }
    for (size_t i = 0; i < config->fixed_count; i++) {
        if (config->fixed[i].family == 4)
            memcpy(pool->fixed_ipv4[pool->fixed_count[0]++], config->fixed[i].bytes, 4);
        else
            memcpy(pool->fixed_ipv6[pool->fixed_count[1]++], config->fixed[i].bytes, 16);
    }
    if (member_count == 0) /* what it answers then */
        pool->has_ipv4 = pool->fixed_count[0] > 0;
    return true;
}

static bool add_pool(struct builder *self, const struct view_pool_config *config)
{
    char text[NAME_TEXT_MAX];
    uint8_t lower[NAME_SIZE_MAX];
    size_t size = name_lower(config->owner, lower);
    name_text(lower, text);
    struct view_zone *zone = zone_of(self->view, lower, size);
    if (zone == NULL)
        return refuse(self, "pool %s: %.250s is in none of the zones", config->name, text);
    struct view_node *node = make_pool_node(self, lower, size, zone);
    if (node == NULL)
        return false;
    if (node->pool != NULL)
        return refuse(self, "pool %s: pool %s answers for %.250s already", config->name,
                      node->pool->name, text);
    if (view_rrset(node, ZONE_CNAME) != NULL || view_rrset(node, ZONE_A) != NULL ||
        view_rrset(node, ZONE_AAAA) != NULL)
        return refuse(self,
                      "pool %s: the zone has addresses or a CNAME at %.250s: remove them there",
                      config->name, text);
    struct pool_state state;
    struct view_pool *pool = arena_take(self->arena, sizeof *pool);
    if (pool == NULL)
        return refuse_memory(self);
    pool_state(config->pool, &state);
    pool->name = config->name;
    pool->pool = config->pool;
    pool->ttl_s = config->ttl_s;
    node->pool = pool;
    return copy_addresses(self, config, state.member_count, pool);
}

/* Nobody would ever be answered there. */
static bool check_pool_place(struct builder *self, const struct view_pool_config *config)
{
    char text[NAME_TEXT_MAX];
    uint8_t lower[NAME_SIZE_MAX];
    size_t size = name_lower(config->owner, lower);
    const struct view_node *node = view_find(self->view, lower, size);
    if (node->cut != NULL)
        return refuse(self, "pool %s: %.250s is delegated to other name servers", config->name,
                      name_text(node->cut->owner, text));
    if (node->dname != NULL)
        return refuse(self, "pool %s: %.250s has a DNAME, which hides what is below it",
                      config->name, name_text(node->dname->owner, text));
    return true;
}

/* ---- the whole ---- */

/* Each pass needs what the one before has found for all nodes. */
static bool hang_together(struct builder *self)
{
    const struct view *view = self->view;
    for (size_t i = 0; i < view->slot_count; i++)
        for (struct view_node *node = view->slots[i]; node != NULL; node = node->parent_side)
            find_parent(view, node);
    for (size_t i = 0; i < view->slot_count; i++)
        for (struct view_node *node = view->slots[i]; node != NULL; node = node->parent_side)
            find_cover(node);
    for (size_t i = 0; i < view->slot_count; i++)
        if (view->slots[i] != NULL && !find_glue(self, view->slots[i]))
            return false;
    return true;
}

static bool build(struct builder *self, const struct view_config *config)
{
    if (config->nsid != NULL && strlen(config->nsid) > VIEW_NSID_MAX)
        return refuse(self, "the node's name is longer than %d bytes", VIEW_NSID_MAX);
    if (!open_table(self, config) || !add_zones(self, config))
        return false;
    for (size_t i = 0; i < config->pool_count; i++)
        if (!add_pool(self, &config->pools[i]))
            return false;
    if (!hang_together(self))
        return false;
    for (size_t i = 0; i < config->pool_count; i++)
        if (!check_pool_place(self, &config->pools[i]))
            return false;
    return true;
}

const struct view *view_build(const struct view_config *config, struct arena *arena, char *error)
{
    struct view *view = arena_take(arena, sizeof *view);
    struct builder builder = {view, arena, error};
    if (view == NULL) {
        refuse_memory(&builder);
        return NULL;
    }
    memcpy(view->hash_key, config->hash_key, sizeof view->hash_key);
    view->nsid = config->nsid;
    view->zone_count = config->zone_count;
    view->zones = arena_take_array(arena, config->zone_count, sizeof *view->zones);
    if (view->zones == NULL) {
        refuse_memory(&builder);
        return NULL;
    }
    return build(&builder, config) ? view : NULL;
}

size_t view_zone_count(const struct view *view)
{
    return view->zone_count;
}

size_t view_record_count(const struct view *view)
{
    return view->record_count;
}
