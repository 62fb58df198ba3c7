/* node/dns/stream.h -- the DNS messages of one TCP connection (RFC 7766): read, answer, send.
 *
 * Each message has its length in two bytes before it. Queries are answered in the order in which
 * they came; while answers wait to be taken nothing more is read, so the peer sets the pace and
 * what is held for it stays bounded. A peer that sends no more still gets its answers. */
#ifndef TANDEM_NODE_DNS_STREAM_H
#define TANDEM_NODE_DNS_STREAM_H

#include "node/dns/udp.h"

enum {
    STREAM_MESSAGE_BYTES = 2 + ANSWER_SIZE_MAX, /* the longest, with its length */
    STREAM_PAGE_BYTES = 4096,
    /* One message; and one more answer behind at most one message of answers. Whole pages. */
    STREAM_IN_BYTES = (STREAM_MESSAGE_BYTES / STREAM_PAGE_BYTES + 1) * STREAM_PAGE_BYTES,
    STREAM_OUT_BYTES = (2 * STREAM_MESSAGE_BYTES / STREAM_PAGE_BYTES + 1) * STREAM_PAGE_BYTES,
    STREAM_BYTES = STREAM_IN_BYTES + STREAM_OUT_BYTES,
};

struct stream {
    int fd;
    struct ip client;
    bool is_sending;            /* answers wait for room in the socket, so nothing is read */
    bool is_over;               /* the peer sends no more */
    bool is_refused;            /* a message came that gets no answer; nothing after it is read */
    uint8_t *in, *out;          /* STREAM_IN_BYTES, STREAM_OUT_BYTES */
    size_t in_size;             /* received and not yet answered: in[0..in_size) */
    size_t out_start, out_size; /* answers not yet sent: out[out_start..out_size) */
    size_t in_peak, out_peak;   /* the most of each buffer that was in use */
};

/* What the streams of one thread share. */
struct stream_service {
    const struct publisher *publisher;
    struct udp_counts *counts;
    struct page_note *note;      /* the query in hand; NULL: noted nowhere */
    const struct poison *poison; /* queries that are not answered */
    uint64_t dice;
    int64_t now_ms;
};

enum stream_outcome {
    STREAM_READS,   /* call again when there is more to read */
    STREAM_SENDS,   /* call again when there is room to send */
    STREAM_LEFT,    /* to be closed: the peer has ended it, or it is broken */
    STREAM_REFUSED, /* to be closed: a message came that gets no answer */
};

/* memory: STREAM_BYTES, aligned to a page; it stays the stream's for the next connection. */
void stream_init(struct stream *self, int fd, const struct ip *client, uint8_t *memory);

/* Go on until the peer must do something. *is_active: a whole query came, or answers that had been
 * waiting were all taken. The calling thread is a registered reader of the publisher. */
enum stream_outcome stream_progress(struct stream *self, struct stream_service *service,
                                    bool *is_active);

/* Give all but the first page of each buffer back to the system. The descriptor is the caller's. */
void stream_forget(struct stream *self);

#endif
