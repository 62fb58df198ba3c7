/* node/dns/answer.h -- a query's bytes to an answer's bytes.
 *
 * Reads like RFC 1034 §4.3.2. Pure: no allocation, lock, log or system call; O(labels of the name)
 * whatever the size of zones and pools. Safe to call from any number of threads on one view. */
#ifndef TANDEM_NODE_DNS_ANSWER_H
#define TANDEM_NODE_DNS_ANSWER_H

#include "node/dns/query.h"
#include "node/dns/view.h"

enum { ANSWER_SIZE_MAX = 65535 }; /* over TCP; over UDP QUERY_UDP_SIZE_MAX */

/* One per outcome: the word in metrics and tests. */
enum answer_reason {
    ANSWER_POSITIVE,
    ANSWER_BALANCED,             /* from a pool */
    ANSWER_BALANCED_LAST_RESORT, /* from a pool that has no fit server */
    ANSWER_REFERRAL,
    ANSWER_NODATA,
    ANSWER_NXDOMAIN,
    ANSWER_TRUNCATED,          /* TC: whole over TCP */
    ANSWER_REFUSED_ZONE,       /* in none of our zones */
    ANSWER_REFUSED_CLASS,      /* no class but IN */
    ANSWER_REFUSED_TRANSFER,   /* AXFR, IXFR */
    ANSWER_SERVFAIL_NOT_READY, /* pool known, facts not yet: extended error 14 */
    ANSWER_SERVFAIL_POOL,      /* no fit server and last-resort: servfail */
    ANSWER_NOTIMP,
    ANSWER_FORMERR,
    ANSWER_BADVERS,
    ANSWER_DROPPED, /* no answer is sent */
    ANSWER_REASON_COUNT
};

const char *answer_reason_text(enum answer_reason reason);

struct answer_request {
    const struct view *view;
    const uint8_t *bytes; /* the query */
    size_t size;
    bool over_tcp;
    struct ip client;
    int64_t now_ms; /* monotonic */
    uint64_t dice;  /* fresh random bits */
};

struct answer {
    size_t size; /* bytes to send; 0: none */
    uint16_t rcode;
    enum answer_reason reason;
    enum query_reason query_reason; /* more about NOTIMP, FORMERR, BADVERS and DROPPED */
};

/* Write the answer into bytes[size_max], size_max at least QUERY_UDP_SIZE_MAX over UDP and
 * ANSWER_SIZE_MAX over TCP. bytes must not overlap the query. */
void answer_query(const struct answer_request *request, uint8_t *bytes, size_t size_max,
                  struct answer *answer);

#endif
