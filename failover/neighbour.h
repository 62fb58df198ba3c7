/* failover/neighbour.h -- ARP and neighbour discovery on the service LAN: announcing, asking and
 * hearing.
 *
 *   every frame that comes in ──┬─► fd: a filter passes ARP and neighbour discovery alone;
 *                               │        wakes the guardian
 *                               └─► tap_fd: full after a few frames and never read; the kernel
 *                                        drops the rest, and counts; wakes nobody
 *
 * "Any frame proves reception" is asked of the tap, once an interval, by one system call. It counts
 * what the interface hands to this host at the moment it does, whatever the driver: the counters of
 * an interface (rx_packets) are refreshed by some drivers only once a second. Frames that this host
 * sends are not counted. At 20,000 queries a second nobody is woken for them, and a frame costs
 * what it costs the kernel to find a queue full.
 *
 * An interface that was deleted and made anew, or got another MAC, needs a new one: close and open.
 *
 * Non-blocking; one thread. Needs CAP_NET_RAW. */
#ifndef TANDEM_FAILOVER_NEIGHBOUR_H
#define TANDEM_FAILOVER_NEIGHBOUR_H

#include "failover/neighbour_frame.h"
#include "failover/socket.h"

struct neighbour {
    int fd;                               /* watch it for reading; -1: closed */
    int tap_fd;                           /* not to be watched */
    uint8_t mac[NEIGHBOUR_MAC_SIZE];      /* of the interface */
    uint64_t refused[NEIGHBOUR_REFUSALS]; /* what was not believed, by reason */
    uint64_t lost;                        /* what came faster than it was read */
};

/* 0, or -errno and a sentence; -EPROTONOSUPPORT: not Ethernet. neighbour_close in either case. */
int neighbour_open(struct neighbour *self, const char *interface,
                   char sentence[SOCKET_SENTENCE_SIZE]);
/* Accepts one that is half open, closed, or zeroed but for its descriptors of -1. */
void neighbour_close(struct neighbour *self);

/* Tell the LAN that ip is here. 0 or -errno: -ENETDOWN when the interface is down, -ENOBUFS or
 * -EAGAIN when its queue is full. About 3 microseconds; so do the next two. */
int neighbour_announce(struct neighbour *self, const struct ip *ip);

/* Ask where target is, as source, an address of this node's of the same family. */
int neighbour_solicit(struct neighbour *self, const struct ip *source, const struct ip *target);

/* Ask whether anybody has target, without a claim to it. */
int neighbour_probe(struct neighbour *self, const struct ip *target);

/* 1 and what was heard next, 0 when nothing waits, or -errno. What is refused is skipped, and
 * counted; skips at most a few dozen frames, and then says 0. */
int neighbour_receive(struct neighbour *self, struct neighbour_event *event);

/* Has any frame come in since this was asked last? About 0.3 microseconds. */
bool neighbour_heard(struct neighbour *self);

#endif
