/* node/dns/view_parts.h -- what a view is made of, for answer.c; immutable once view_build is done.
 *
 * One table holds every name that we answer for. Where a parent and a child zone are both served,
 * the names at and below the child's apex are the child's, and the parent's records there are not
 * in the table; what the parent has at that very name (DS) hangs from the apex. So the first hit on
 * the way up from a query's name is its closest encloser, in the right zone: at most as many
 * look-ups as the deepest name has labels. */
#ifndef TANDEM_NODE_DNS_VIEW_PARTS_H
#define TANDEM_NODE_DNS_VIEW_PARTS_H

#include "node/dns/view.h"

/* A record set ready to be copied behind its owner: for each record type, class, TTL, length and
 * RDATA. */
struct view_rrset {
    uint16_t type, count;
    uint32_t size; /* of bytes */
    const uint8_t *bytes;
};

struct view_zone {
    const uint8_t *origin;
    size_t origin_size;
    struct view_rrset soa; /* as negative answers have it: TTL at most MINIMUM, RFC 2308 §3 */
    struct view_node *apex;
};

/* Addresses of a name server, for referrals (RFC 9471). Their owner is the name in that server's
 * NS record, so that two bytes point to it. */
struct view_glue {
    uint32_t offset; /* of that record's RDATA, from the first one's in the NS set */
    const struct view_rrset *rrset;
};

struct view_pool {
    const char *name;
    struct pool *pool;
    uint32_t ttl_s;
    bool has_ipv4;      /* has any member an IPv4 address? */
    uint8_t (*ipv4)[4]; /* by member */
    uint8_t (*ipv6)[16];
    size_t fixed_count[2];
    uint8_t (*fixed_ipv4)[4];
    uint8_t (*fixed_ipv6)[16];
};

struct view_node {
    uint64_t hash;
    const uint8_t *owner; /* lower-cased */
    uint16_t owner_size, rrset_count;
    struct view_rrset *rrsets;
    struct view_zone *zone;
    struct view_node *parent;      /* in the zone; NULL at the apex */
    struct view_node *wildcard;    /* the child "*", or NULL */
    struct view_node *cut;         /* the delegation at or above it that hides it, or NULL */
    struct view_node *dname;       /* the DNAME above it that hides it, or NULL */
    struct view_node *parent_side; /* at an apex: what the parent zone, served too, has there */
    const struct view_pool *pool;  /* or NULL */
    size_t glue_count;             /* at a delegation */
    struct view_glue *glue;
};

struct view {
    size_t zone_count, record_count, node_count, labels_max;
    struct view_zone *zones;
    struct view_node **slots;
    size_t slot_count;
    const char *nsid;
    uint8_t hash_key[16];
};

/* The node with this lower-cased name, or NULL. */
struct view_node *view_find(const struct view *self, const uint8_t *lower, size_t size);

const struct view_rrset *view_rrset(const struct view_node *node, uint16_t type);

#endif
