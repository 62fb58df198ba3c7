/* failover/beat_socket.h -- the datagrams between the guardians, on the pair link.
 *
 * UDP between the nodes' pair addresses, the same port on both sides:
 *
 *   partner's address and port ──► connected socket ──► beat_socket_receive(), wakes the guardian
 *   anybody else ────────────────► second socket, whose filter lets nothing pass: the kernel drops
 *                                  and counts it, and a flood of strangers wakes nobody
 *
 * The kernel of a partner whose guardian is gone says that its port is unreachable (ICMP): told as
 * an event of its own, only when it comes from the partner's own address. A beat is never lost to
 * such news: what could not be sent because of it is sent again. Linux sends a host six of these
 * messages at once and then one a second (icmp_ratelimit): a guardian that dies soon after its port
 * was refused is not told of so.
 *
 * No time stamps of the kernel: they are of the wall clock, which jumps. The caller reads its own
 * clock once before it reads; by how much that is late it measures itself.
 *
 * Non-blocking; one thread. Needs no capability. About 2 microseconds a datagram. */
#ifndef TANDEM_FAILOVER_BEAT_SOCKET_H
#define TANDEM_FAILOVER_BEAT_SOCKET_H

#include "failover/socket.h"
#include "replication/ip.h"

enum {
    BEAT_SOCKET_BATCH = 16,          /* datagrams of one reading */
    BEAT_SOCKET_DATAGRAM_SIZE = 128, /* what is longer is cut: no beat is */
};

struct beat_socket {
    int fd;         /* watch it for reading; -1: closed */
    int strange_fd; /* not to be watched */
    struct ip own, partner;
    uint16_t port;
    bool is_connected; /* the way to the partner was known once */
    bool is_refused;   /* not told yet */
};

struct beat_batch {
    size_t count;
    bool is_more; /* may wait: receive again */
    struct beat_datagram {
        size_t size;
        uint8_t bytes[BEAT_SOCKET_DATAGRAM_SIZE];
    } datagrams[BEAT_SOCKET_BATCH];
};

/* The addresses are of one family; the own one need not be there yet, nor a way to the partner. 0,
 * or -errno and a sentence. beat_socket_close in either case. */
int beat_socket_open(struct beat_socket *self, const struct ip *own, const struct ip *partner,
                     uint16_t port, char sentence[SOCKET_SENTENCE_SIZE]);
/* Accepts one that is half open, closed, or zeroed but for its descriptors of -1. */
void beat_socket_close(struct beat_socket *self);

/* 0 or -errno: -ENETUNREACH, -EINVAL without an own address or a way to the partner; -EPERM when a
 * packet filter of this host refuses; -EAGAIN when the interface's queue is full. */
int beat_socket_send(struct beat_socket *self, const uint8_t *bytes, size_t size);

/* What came from the partner, in order. 0 or -errno. */
int beat_socket_receive(struct beat_socket *self, struct beat_batch *batch);

/* True once after the partner's kernel said that nobody listens. Ask after every send and
 * receive. */
bool beat_socket_refused(struct beat_socket *self);

/* Datagrams to this port from elsewhere, since it was opened; wraps at 32 bits. */
uint32_t beat_socket_strange(const struct beat_socket *self);

#endif
