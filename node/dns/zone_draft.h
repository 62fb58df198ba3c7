/* node/dns/zone_draft.h -- a zone while it is read: names and record sets that still grow.
 *
 * Between zone.c, which puts records in, and struct zone, to which the draft is finished. A record
 * that cannot stand beside those before it is refused when it comes, so that the mistake is told
 * with its own line. */
#ifndef TANDEM_NODE_DNS_ZONE_DRAFT_H
#define TANDEM_NODE_DNS_ZONE_DRAFT_H

#include "node/dns/zone.h"
#include "node/dns/zone_rdata.h"

/* Bytes of a record set as an answer has them. What is larger would fit no answer, not even over
 * TCP; this leaves room for its question, OPT record and some aliases. */
enum { ZONE_RRSET_SIZE_MAX = 62000 };

struct draft_rdata {
    struct draft_rdata *next;
    uint16_t size;
    uint8_t bytes[];
};

struct draft_rrset {
    struct draft_rrset *next;
    uint16_t type, count;
    uint32_t ttl_s, size; /* size: of all RDATA, each with its length */
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
    const char *soa_file; /* where the SOA stands */
    uint32_t soa_line;
};

/* Begin; a sentence of a mistake goes to error[ZONE_ERROR_MAX]. False, with one: no memory. */
bool zone_draft_open(struct zone_draft *self, const char *file, const uint8_t *origin,
                     struct arena *arena, char *error);

/* "file:line: sentence" into error; false, for the caller to return. */
__attribute__((format(printf, 3, 4))) bool zone_draft_refuse(struct zone_draft *self, uint32_t line,
                                                             const char *format, ...);

/* Add one record; one that is there already is dropped (RFC 2181 §5). False with a sentence. */
bool zone_draft_add(struct zone_draft *self, uint32_t line, const uint8_t *lower, uint32_t ttl_s,
                    const struct zone_rdata *rdata);

/* Check the whole, add the empty non-terminals, finish. False with a sentence. */
bool zone_draft_finish(struct zone_draft *self, struct zone *zone);

#endif
