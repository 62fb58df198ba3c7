/* node/dns/zone.h -- a zone file (RFC 1035 §5) to names and rendered record sets.
 *
 * The line reader is our own: ldns alone accepts a bad $TTL, unclosed quotes and parentheses and
 * out-of-zone names in silence. Each logical line's record is parsed by ldns, its RDATA rendered to
 * wire, and the zone checked as a whole. A mistake refuses the whole zone with "file:line:
 * sentence".
 *
 * Everything lies in the arena; ldns's own allocation ends with the call. */
#ifndef TANDEM_NODE_DNS_ZONE_H
#define TANDEM_NODE_DNS_ZONE_H

#include "node/dns/name.h"
#include "replication/arena.h"

enum {
    ZONE_ERROR_MAX = 512,
    ZONE_TEXT_MAX = 64 << 20, /* bytes of one file */
};

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

/* One record set: same owner, type, class IN; one TTL (RFC 2181 §5.2: the lowest is taken). */
struct zone_rrset {
    uint16_t type;
    uint16_t count;
    uint32_t ttl_s;
    uint32_t rdata_size;  /* bytes of rdata */
    const uint8_t *rdata; /* count times: 16-bit length in network order, RDATA in wire form,
                             uncompressed */
};

struct zone_name {
    const uint8_t *owner; /* wire form, lower-cased */
    uint16_t owner_size;
    uint16_t rrset_count; /* 0: an empty non-terminal */
    struct zone_rrset *rrsets;
};

struct zone {
    const uint8_t *origin; /* wire form, lower-cased */
    size_t origin_size;
    size_t name_count;
    struct zone_name *names; /* each name once, with the empty non-terminals; apex first */
    uint32_t serial;
    size_t record_count;
};

/* Reads another file for $INCLUDE into memory that lives until zone_parse returns; NULL: cannot. */
struct zone_files {
    const char *(*read)(void *context, const char *path, size_t *size);
    void *context;
};

/* Parse text[0..size) as the zone of origin (wire form). file is for messages; files may be NULL:
 * then $INCLUDE is refused. On failure error[ZONE_ERROR_MAX] holds one line and *zone is undefined.
 * */
bool zone_parse(struct zone *zone, const char *file, const char *text, size_t size,
                const uint8_t *origin, const struct zone_files *files, struct arena *arena,
                char *error);

/* The set of this type, or NULL. */
const struct zone_rrset *zone_rrset(const struct zone_name *name, uint16_t type);

#endif
