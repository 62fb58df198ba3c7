/* node/dns/tcp.h -- DNS over TCP (RFC 7766): one thread, one epoll.
 *
 * Pipelined queries are answered in order (stream.h). A connection ends after TCP_IDLE_MS without a
 * whole query, when it has not taken all its answers for TCP_IDLE_MS, oldest idle first when a new
 * one would be more than TCP_CONNECTIONS_MAX, and after a message that gets no answer at all.
 *
 * Memory: STREAM_BYTES for each of TCP_CONNECTIONS_MAX connections are reserved at the start
 * (200 MB of address space). A connection makes two pages (8 KB) of it real unless it sends or gets
 * more at once; beyond those two it gives all back when it ends. */
#ifndef TANDEM_NODE_DNS_TCP_H
#define TANDEM_NODE_DNS_TCP_H

#include "node/dns/udp.h"

enum {
    TCP_CONNECTIONS_MAX = 1024,
    TCP_SOURCE_CONNECTIONS_MAX = 64, /* of one IPv4 address or IPv6 /64 */
    TCP_IDLE_MS = 10000,
    TCP_ACCEPT_PAUSE_MS = 100, /* after the system had no descriptor or memory for another */
};

/* Written by the TCP thread, read by anyone. Every accepted connection is open, or refused, or
 * ended by one of the reasons after it. */
struct tcp_connections {
    _Atomic uint64_t open;             /* at the moment */
    _Atomic uint64_t accepted;         /* by the kernel's accept, also those refused then */
    _Atomic uint64_t refused_source;   /* its source has TCP_SOURCE_CONNECTIONS_MAX open */
    _Atomic uint64_t ended_by_peer;    /* closed or reset */
    _Atomic uint64_t ended_unanswered; /* a message came that gets no answer */
    _Atomic uint64_t ended_idle;
    _Atomic uint64_t ended_slow;    /* did not take its answers */
    _Atomic uint64_t ended_evicted; /* the oldest idle made room */
    _Atomic uint64_t ended_stop;
    _Atomic uint64_t ended_failed;  /* the kernel refused to watch it */
    _Atomic uint64_t accept_failed; /* calls that failed for want of descriptors or memory */
};

struct tcp;

/* Binds; takes the addresses, port, publisher, page and tcp_idle_ms of the configuration. 0, or
 * -errno
 * with a sentence in error[SOCKET_ERROR_MAX]. The caller's limit of open files should leave
 * TCP_CONNECTIONS_MAX free; below that the oldest idle connections make room sooner. */
int tcp_open(struct tcp **tcp, const struct udp_config *config, char *error);
/* Starts the thread, once; apart from tcp_open as in udp.h. 0, or -errno with a sentence. */
int tcp_start(struct tcp *tcp, char *error);
/* Answers what has been received, then closes every connection. NULL is fine. */
void tcp_close(struct tcp *tcp);

/* The port that all addresses are bound to. */
uint16_t tcp_port(const struct tcp *tcp);

const struct udp_counts *tcp_counts(const struct tcp *tcp);
const struct tcp_connections *tcp_connections(const struct tcp *tcp);

#endif
