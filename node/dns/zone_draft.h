/* node/dns/zone_draft.h -- a zone while it is read: names and record sets that still grow.
 *
 * Between zone.c (records in) and zone_check.c (checked, and finished to struct zone). */
#ifndef TANDEM_NODE_DNS_ZONE_DRAFT_H
#define TANDEM_NODE_DNS_ZONE_DRAFT_H

#include "node/dns/zone.h"

/* The types that the structure of a zone depends on (IANA, DNS parameters). */
enum zone_type {
    ZONE_A = 1,
    ZONE_NS = 2,
    ZONE_CNAME = 5,
    ZONE_SOA = 6,
    ZONE_AAAA = 28,
    ZONE_DNAME = 39,
    ZONE_DS = 43,
    ZONE_RRSIG = 46,
    ZONE_NSEC = 47,
    ZONE_NSEC3 = 50,
};

struct draft_rdata {
    struct draft_rdata *next;
    uint16_t size;
    uint8_t bytes[];
};

struct draft_rrset {
    struct draft_rrset *next;
    uint16_t type, count;
    uint32_t ttl_s, line, size; /* line: of the first record; size: of all RDATA */
    struct draft_rdata *first, *last;
};

struct draft_name {
    uint64_t hash;
    uint16_t owner_size, rrset_count;
    struct draft_rrset *rrsets;
    uint8_t owner[]; /* lower-cased */
};

struct zone_draft {
    const char *file; /* for messages: of the record at hand */
    struct arena *arena;
    char *error;
    const uint8_t *origin;
    size_t origin_size;
    struct draft_name **slots;
    size_t slot_count, name_count, record_count;
};

bool zone_draft_open(struct zone_draft *self, const uint8_t *origin, struct arena *arena);

/* NULL when the name has nothing. */
struct draft_name *zone_draft_find(const struct zone_draft *self, const uint8_t *lower,
                                   size_t size);

/* Add one record; one that is there already is dropped (RFC 2181 §5). False: no memory. */
bool zone_draft_add(struct zone_draft *self, const uint8_t *lower, size_t owner_size, uint16_t type,
                    uint32_t ttl_s, uint32_t line, const uint8_t *rdata, size_t rdata_size);

struct draft_rrset *zone_draft_rrset(const struct draft_name *name, uint16_t type);

/* Check the whole, add the empty non-terminals, finish. False with a sentence in draft->error. */
bool zone_draft_finish(struct zone_draft *self, struct zone *zone);

#endif
