/* node/dns/udp.h -- DNS over UDP: recvmmsg -> answer_query -> sendmmsg.
 *
 * Each thread has one socket for every address (SO_REUSEPORT: the kernel spreads the clients),
 * bound with IP_FREEBIND so that an address may come and go without the socket noticing: takeover
 * needs no word to these threads. Per batch: one poll, one receive, one send; nothing else. */
#ifndef TANDEM_NODE_DNS_UDP_H
#define TANDEM_NODE_DNS_UDP_H

#include "failover/page.h"
#include "node/dns/answer.h"
#include "node/publish.h"

enum { UDP_ADDRESSES_MAX = 16, UDP_THREADS_MAX = PAGE_THREADS_MAX };

/* Written by one thread each, read by anyone. */
struct udp_counts {
    _Alignas(64) _Atomic uint64_t by_reason[ANSWER_REASON_COUNT];
    _Atomic uint64_t by_query_reason[QUERY_REASON_COUNT];
    _Atomic uint64_t send_failed, received_bytes, sent_bytes;
};

struct udp_config {
    size_t address_count; /* 1..UDP_ADDRESSES_MAX */
    const struct ip *addresses;
    uint16_t port;
    size_t thread_count; /* 1..UDP_THREADS_MAX */
    const struct publisher *publisher;
    struct page *page; /* answers are counted there; NULL: nowhere */
};

struct udp;

/* Binds all sockets, then starts the threads. 0, or -errno with a sentence in error[256] that says
 * what to do ("port 53 of 192.0.2.53 is in use by another program: stop it or change dns: port").
 * */
int udp_open(struct udp **udp, const struct udp_config *config, char *error);
/* Stops the threads after what they have received is answered. NULL is fine. */
void udp_close(struct udp *udp);

/* Of thread < thread_count. */
const struct udp_counts *udp_counts(const struct udp *udp, size_t thread);

#endif
