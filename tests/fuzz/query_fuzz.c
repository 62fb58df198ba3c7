/* Any bytes as a query, over a view that has something of everything.
 *
 * Decoders: node/dns/query.c:-query_reason_text node/dns/name.c:name_size|name_lower|lower_byte */
#include <stdalign.h>
#include <stdlib.h>

#include "fuzz/answer_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char parent_text[] =
    "$TTL 300\n@ SOA ns1 admin 7 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n"
    "www A 192.0.2.80\nwww AAAA 2001:db8::80\nwww TXT \"hello\"\nalias CNAME www\n"
    "lost CNAME nosuch\nround CNAME robin\nrobin CNAME round\na.ent A 192.0.2.1\n"
    "*.wild TXT any\n*.star CNAME x.wild\n*.loop CNAME a.loop\ndn DNAME tree\na.tree A 192.0.2.3\n"
    "up DNAME up.up\nup.down DNAME down\nhid.dn A 192.0.2.4\nsub NS ns1.sub\nsub DS 1 8 2 0011\n"
    "ns1.sub A 192.0.2.54\nchild NS ns.child\nchild DS 2 8 2 0011\nns.child A 192.0.2.55\n"
    "s CNAME stream\n*.pool CNAME fixed\n";
static const char child_text[] = "$TTL 5\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.55\n";

static struct zone zones[2];
static struct view_pool_config pools[3];
static const struct view *view;

static void parse(struct zone *zone, const char *origin, const char *text, struct arena *arena)
{
    uint8_t name[NAME_SIZE_MAX];
    size_t size;
    char error[ZONE_ERROR_MAX];
    if (!name_parse(origin, name, &size) ||
        !zone_parse(zone, "zone", text, strlen(text), name, NULL, arena, error))
        abort();
}

/* A pool at a name: fit, with nobody fit and fixed addresses, or not ready. */
static void make_pool(struct view_pool_config *config, const char *owner, bool is_ready,
                      bool is_fit, struct arena *arena)
{
    static const struct ip addresses[1][2] = {{{4, {192, 0, 2, 101}}, {6, {0x20, 1}}}};
    static const struct ip fixed[2] = {{4, {192, 0, 2, 250}}, {6, {0x20, 2}}};
    static const struct pool_member_config member = {.capacity = 1, .has = {true, true}};
    size_t size;
    config->name = owner;
    config->ttl_s = 30;
    config->addresses = addresses;
    config->fixed = fixed;
    config->fixed_count = 2;
    config->pool = pool_init(&(struct pool_config){.member_count = 1,
                                                   .members = &member,
                                                   .group_size = 1,
                                                   .rounds = 1,
                                                   .last_resort = POOL_FIXED},
                             arena);
    if (config->pool == NULL || !name_parse(owner, config->owner, &size))
        abort();
    pool_set_ready(config->pool, is_ready);
    if (is_fit)
        pool_set_fitness(config->pool, 0, POOL_FIT);
}

static void open_view(void)
{
    static alignas(64) uint8_t memory[4 << 20];
    static char error[VIEW_ERROR_MAX];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    parse(&zones[0], "example", parent_text, &arena);
    parse(&zones[1], "child.example", child_text, &arena);
    make_pool(&pools[0], "stream.example", true, true, &arena);
    make_pool(&pools[1], "fixed.example", true, false, &arena);
    make_pool(&pools[2], "early.child.example", false, false, &arena);
    const struct view_config config = {
        .zone_count = 2, .zones = zones, .pool_count = 3, .pools = pools, .nsid = "fuzz"};
    view = view_build(&config, &arena, error);
    if (view == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct query query;
    if (view == NULL)
        open_view();
    if (query_parse(&query, bytes, size) == QUERY_OK) {
        assert(query.name == bytes + QUERY_HEADER_SIZE);
        assert(query.question_end == QUERY_HEADER_SIZE + query.name_size + 4);
        assert(name_equal(query.name, query.lower));
        assert(query.udp_size >= QUERY_UDP_SIZE_MIN);
    }
    walk_ask(view, bytes, size);
    return 0;
}
