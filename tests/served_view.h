/* tests/served_view.h -- a small view over one zone and one pool, for tests and fuzz targets. */
#ifndef TANDEM_TESTS_SERVED_VIEW_H
#define TANDEM_TESTS_SERVED_VIEW_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/dns/answer.h"

static const char served_zone[] =
    "$TTL 300\n"
    "@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
    "@ NS ns1\n"
    "ns1 A 192.0.2.53\n"
    "www CNAME a.b\n"
    "a.b A 192.0.2.1\n"
    "a.b A 192.0.2.2\n"
    "play CNAME stream\n"
    "loop1 CNAME loop2\n"
    "loop2 CNAME loop1\n"
    "out CNAME www.elsewhere.\n"
    "*.w TXT \"wild\"\n"
    "d NS ns.d\n"
    "d DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\n"
    "ns.d A 192.0.2.9\n"
    "dn DNAME b\n"
    "big TXT ( \"0123456789012345678901234567890123456789\" )\n";

/* What a view is made of; static: one at a time. */
struct served_view {
    struct arena arena;
    struct pool *pool;
    const struct view *view;
};

static inline void served_view_die(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    abort();
}

/* A pool of two servers, 192.0.2.101 and .102 (the first with IPv6 as well), both fit, ready. */
static inline void served_view_open(struct served_view *self, const char *zone_text,
                                    enum pool_last_resort last_resort)
{
    static _Alignas(64) uint8_t memory[8 << 20];
    static struct zone zone;
    static struct ip addresses[2][2], fixed[1];
    static struct pool_member_config members[2];
    char error[ZONE_ERROR_MAX + VIEW_ERROR_MAX];
    uint8_t origin[NAME_SIZE_MAX];
    size_t size;
    arena_init(&self->arena, memory, sizeof memory);
    ip_parse("192.0.2.101", &addresses[0][0]);
    ip_parse("2001:db8::101", &addresses[0][1]);
    ip_parse("192.0.2.102", &addresses[1][0]);
    ip_parse("192.0.2.200", &fixed[0]);
    members[0] = (struct pool_member_config){.capacity = 1000, .has = {true, true}};
    members[1] = (struct pool_member_config){.capacity = 1000, .has = {true, false}};
    self->pool = pool_init(&(struct pool_config){.member_count = 2,
                                                 .members = members,
                                                 .group_size = 2,
                                                 .rounds = 1,
                                                 .last_resort = last_resort},
                           &self->arena);
    pool_set_ready(self->pool, true);
    for (size_t i = 0; i < 2; i++)
        pool_set_fitness(self->pool, i, POOL_FIT);
    struct view_pool_config pool = {.name = "stream",
                                    .ttl_s = 5,
                                    .pool = self->pool,
                                    .addresses = (const struct ip(*)[2])addresses,
                                    .fixed_count = 1,
                                    .fixed = fixed};
    name_parse("stream.example", pool.owner, &size);
    name_parse("example", origin, &size);
    if (!zone_parse(&zone, "example.zone", zone_text, strlen(zone_text), origin, NULL, &self->arena,
                    error))
        served_view_die(error);
    struct view_config config = {
        .zone_count = 1, .pool_count = 1, .zones = &zone, .pools = &pool, .nsid = "ns1"};
    self->view = view_build(&config, &self->arena, error);
    if (self->view == NULL)
        served_view_die(error);
}

#endif
