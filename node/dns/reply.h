/* node/dns/reply.h -- an answer while it is written: sections in order, bounded by what the asker
 * takes.
 *
 * Owners are compression pointers into the question or into RDATA already written (RFC 1035
 * §4.1.4); records are copied as the view has them. What does not fit marks the reply as full;
 * reply_finish then gives an empty answer with TC, so that no record set is ever cut (RFC 2181 §9).
 * */
#ifndef TANDEM_NODE_DNS_REPLY_H
#define TANDEM_NODE_DNS_REPLY_H

#include "node/dns/query.h"
#include "node/dns/view_parts.h"

/* RFC 1035 §4.1.1, RFC 2136, RFC 6891 */
enum reply_rcode {
    REPLY_NOERROR = 0,
    REPLY_FORMERR = 1,
    REPLY_SERVFAIL = 2,
    REPLY_NXDOMAIN = 3,
    REPLY_NOTIMP = 4,
    REPLY_REFUSED = 5,
    REPLY_YXDOMAIN = 6,
    REPLY_BADVERS = 16,
};

/* RFC 8914 §5.2 */
enum reply_extended {
    REPLY_OTHER = 0,
    REPLY_NOT_READY = 14,
    REPLY_PROHIBITED = 18,
    REPLY_NOT_AUTHORITATIVE = 20,
    REPLY_INVALID_TYPE = 30, /* RFC 9824 §3.5 */
};

enum reply_section { REPLY_ANSWER, REPLY_AUTHORITY, REPLY_ADDITIONAL };

enum {
    REPLY_QUESTION_NAME = QUERY_HEADER_SIZE, /* the owner at this offset: the question's name */
    REPLY_POINTER_MAX = 0x3fff, /* the last offset that a pointer reaches, RFC 1035 §4.1.4 */
    REPLY_EXTENDED_TEXT_MAX = 32
};

struct reply {
    uint8_t *bytes;
    size_t size, size_max;
    const struct query *query;
    const char *nsid;
    uint16_t counts[3]; /* by section */
    uint16_t rcode;
    bool authoritative, full;
    bool has_extended; /* an extended error goes with it */
    uint16_t extended;
    const char *extended_text;
};

/* Begin with the header's room and the question as it was asked. */
void reply_begin(struct reply *self, const struct query *query, const uint8_t *question,
                 const char *nsid, uint8_t *bytes, size_t size_max);

/* Drop what was added. */
void reply_clear(struct reply *self);

/* Add a record set with its owner at an offset of this reply. Returns the offset of the first
 * record's RDATA, or 0 when it did not fit. */
size_t reply_add(struct reply *self, enum reply_section section, size_t owner,
                 const struct view_rrset *rrset);

/* One record of its own making. Returns the offset of its RDATA, or 0. */
size_t reply_add_record(struct reply *self, enum reply_section section, size_t owner, uint16_t type,
                        uint32_t ttl_s, const uint8_t *rdata, size_t rdata_size);

void reply_extend(struct reply *self, enum reply_extended extended, const char *text);

/* Header and OPT, for which room is made by TC if need be; returns the size. *truncated: so it was.
 * */
size_t reply_finish(struct reply *self, bool *truncated);

#endif
