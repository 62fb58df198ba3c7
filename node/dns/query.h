/* node/dns/query.h -- a DNS query, read from bytes of the Internet.
 *
 * Reads the header, one question and an OPT record; passes over other records (TSIG, the SOA of
 * IXFR). Never allocates, never follows a compression pointer, touches each byte at most once.
 * RFC 1035 §4, RFC 6891, RFC 8906. */
#ifndef TANDEM_NODE_DNS_QUERY_H
#define TANDEM_NODE_DNS_QUERY_H

#include "node/dns/name.h"

enum {
    QUERY_HEADER_SIZE = 12,
    QUERY_UDP_SIZE_MIN = 512,  /* without EDNS, RFC 1035 §4.2.1 */
    QUERY_UDP_SIZE_MAX = 1232, /* what we send at most over UDP (DNS flag day 2020) */
};

/* What became of reading it. DROP: no answer at all, else the caller answers with an rcode. */
enum query_reason {
    QUERY_OK,
    QUERY_DROP_SHORT,    /* shorter than a header */
    QUERY_DROP_RESPONSE, /* QR is set: answering it could make two servers loop */
    QUERY_NOTIMP_OPCODE, /* opcode other than QUERY */
    QUERY_FORMERR_COUNT, /* not exactly one question, or records where none belong */
    QUERY_FORMERR_NAME,
    QUERY_FORMERR_RECORD, /* a record behind the question does not parse */
    QUERY_FORMERR_OPT,    /* two OPT records, one not at the root, or malformed options */
    QUERY_FORMERR_TRAILING,
    QUERY_BADVERS, /* EDNS version above 0 */
    QUERY_REASON_COUNT
};

struct query {
    uint16_t id, flags;  /* as received, host order */
    const uint8_t *name; /* the question's name, in the received bytes; NULL if unread */
    size_t name_size;
    uint8_t lower[NAME_SIZE_MAX]; /* lower-cased */
    uint16_t type, class;
    size_t question_end; /* offset just behind the question; QUERY_HEADER_SIZE if unread */
    bool has_edns, wants_dnssec, wants_nsid;
    uint16_t udp_size; /* what the asker can take: at least QUERY_UDP_SIZE_MIN */
};

enum query_reason query_parse(struct query *self, const uint8_t *bytes, size_t size);

const char *query_reason_text(enum query_reason reason);

#endif
