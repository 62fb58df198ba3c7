/* node/dns/udp.h -- DNS over UDP: recvmmsg -> answer_query -> sendmmsg.
 *
 * Each thread has one socket for every address (SO_REUSEPORT: the kernel spreads the clients),
 * bound with IP_FREEBIND so that an address may come and go without the socket noticing: takeover
 * needs no word to these threads. Per batch: one poll, one receive, one send; nothing else. An
 * answer that the kernel does not take at once is dropped and counted: the client asks again.
 *
 * With a page, a thread also notes there the query it has in hand, drops those that an earlier life
 * died of, and answers the guardian's probes on a socket of its own (udp_probe.h).
 *
 * Memory: about 100 KB a thread and, in the kernel, up to SOCKET_RECEIVE_BYTES a socket. */
#ifndef TANDEM_NODE_DNS_UDP_H
#define TANDEM_NODE_DNS_UDP_H

#include "failover/page.h"
#include "node/dns/answer.h"
#include "node/dns/socket.h"
#include "node/publish.h"

enum {
    UDP_ADDRESSES_MAX = 16,
    UDP_THREADS_MAX = PAGE_THREADS_MAX,
    UDP_BATCH = 32,            /* queries of one receive */
    UDP_QUERY_SIZE_MAX = 1472, /* a longer query is cut, which makes it a malformed one */
};

/* Written by one thread each, read by anyone. Every query received is in exactly one of by_reason,
 * from_port_zero, unready and poison; a probe is no query. */
struct udp_counts {
    _Alignas(64) _Atomic uint64_t by_reason[ANSWER_REASON_COUNT];
    _Atomic uint64_t by_query_reason[QUERY_REASON_COUNT];
    _Atomic uint64_t from_port_zero;             /* dropped: nobody can be answered there */
    _Atomic uint64_t unready;                    /* dropped: no view was published yet */
    _Atomic uint64_t poison;                     /* dropped: an earlier life died of it */
    _Atomic uint64_t probes;                     /* of the guardian, answered */
    _Atomic uint64_t probes_unanswered;          /* likewise, but there was nothing to say */
    _Atomic uint64_t probes_malformed;           /* or from elsewhere: dropped */
    _Atomic uint64_t receive_failed;             /* calls that failed */
    _Atomic uint64_t send_failed;                /* answers that were not sent */
    _Atomic uint64_t received_bytes, sent_bytes; /* of DNS messages */
};

struct udp_config {
    size_t address_count; /* 1..UDP_ADDRESSES_MAX */
    const struct ip *addresses;
    uint16_t port;       /* 0: the kernel chooses one, the same for all addresses */
    size_t thread_count; /* 1..UDP_THREADS_MAX */
    const struct publisher *publisher;
    struct page *page;              /* answers are counted and queries noted there; NULL: nowhere */
    const struct ip *probe_address; /* with a page: the guardian probes there */
    int64_t tcp_idle_ms;            /* 0: TCP_IDLE_MS */
};

struct udp;

/* Binds all sockets. Publisher and page must outlive it, the rest of the configuration is copied.
 * 0, or -errno with a sentence in error[SOCKET_ERROR_MAX] that says what to do ("UDP port 53 of
 * 192.0.2.53 is in use by another program: stop it or change dns: port"). */
int udp_open(struct udp **udp, const struct udp_config *config, char *error);
/* Starts the threads, with all signals blocked, once: what has come meanwhile waits in the sockets.
 * Apart from udp_open so that the right to bind can be given away before there is a second thread.
 * 0, or -errno with a sentence. */
int udp_start(struct udp *udp, char *error);
/* Stops the threads after what they have received is answered. NULL is fine. */
void udp_close(struct udp *udp);

/* The port that all addresses are bound to. */
uint16_t udp_port(const struct udp *udp);

/* Of thread < thread_count. */
const struct udp_counts *udp_counts(const struct udp *udp, size_t thread);

/* ---- for the threads that count, here and in tcp.c ---- */

/* Add to a count of the calling thread's own: no other writes it, so no bus lock is needed. */
static inline void udp_add(_Atomic uint64_t *count, uint64_t more)
{
    uint64_t sum = atomic_load_explicit(count, memory_order_relaxed) + more;
    atomic_store_explicit(count, sum, memory_order_relaxed);
}

/* The time of queries, CLOCK_MONOTONIC. */
int64_t udp_now_ms(void);

/* Count an answer by its reasons. */
void udp_count(struct udp_counts *counts, const struct answer *answer);

#endif
