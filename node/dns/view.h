/* node/dns/view.h -- everything that answers are made of, immutable once built.
 *
 *   view -- table: lower-cased owner name -> node of a name
 *        -- zones: origin, apex, SOA for negative answers
 *        -- pools: owner name, members' addresses ready for an answer, the living pool
 *
 * A new view is built when structure changes (zones, pools), handed to the DNS threads by
 * publish.h, and the old one dropped when no thread reads it any more. Loads and verdicts change
 * inside the living pool (node/balance/pool.h), not here.
 *
 * A pool answers A and AAAA at its owner name, which lies within one of the zones and there has no
 * A, AAAA or CNAME of its own. */
#ifndef TANDEM_NODE_DNS_VIEW_H
#define TANDEM_NODE_DNS_VIEW_H

#include "node/balance/pool.h"
#include "node/dns/zone.h"
#include "replication/ip.h"

enum {
    VIEW_ERROR_MAX = 512,
    VIEW_NSID_MAX = 128, /* bytes: an answer must have room for it beside its question */
};

struct view_pool_config {
    const char *name; /* for messages */
    uint8_t owner[NAME_SIZE_MAX];
    uint32_t ttl_s;
    struct pool *pool;               /* outlives the view */
    const struct ip (*addresses)[2]; /* of each member of the pool: [0] IPv4, [1] IPv6 */
    size_t fixed_count;              /* last resort POOL_FIXED */
    const struct ip *fixed;
};

struct view_config {
    size_t zone_count, pool_count;
    const struct zone *zones;
    const struct view_pool_config *pools;
    const char *nsid;     /* this node's name, sent when asked for (RFC 5001); NULL: none */
    uint8_t hash_key[16]; /* random */
};

struct view;

/* Build in the arena, into which zones may have been parsed as well; all that config points to must
 * live as long as the view. NULL: error[VIEW_ERROR_MAX] says why ("pool stream: stream.example is
 * in no zone"). */
const struct view *view_build(const struct view_config *config, struct arena *arena, char *error);

size_t view_zone_count(const struct view *view);
size_t view_record_count(const struct view *view);

#endif
