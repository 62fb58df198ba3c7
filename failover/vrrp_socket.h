/* failover/vrrp_socket.h -- VRRP's packets on the service LAN (RFC 9568 §5.1), one socket a family.
 *
 * A raw socket of IP protocol 112, bound to the interface: what others say there is handed up with
 * its source, destination and TTL, for the receiver's checks; an own packet never is. Payloads are
 * opaque, checksum included. What is sent has TTL 255, network control as its class, and goes to
 * the partner or to the group, as its destination says. The group is joined in either case: a
 * stranger with a VRID of ours speaks to it.
 *
 * RFC 9568 §5.1.2.1 asks for the interface's link-local address as the source of IPv6, and of IPv4
 * for its primary address. So `source` is the link-local address where the interface has one when
 * this is opened (not one of 128 bits, which is a service address), and the configured own address
 * otherwise and for IPv4. A receiver that believes one source alone must know which it is; Tandem's
 * nodes know each other's configured addresses, so they may name those as the source instead.
 *
 * An interface that was deleted and made anew needs a new socket: close and open.
 *
 * Non-blocking; one thread. Needs CAP_NET_RAW. About 2 microseconds a packet. */
#ifndef TANDEM_FAILOVER_VRRP_SOCKET_H
#define TANDEM_FAILOVER_VRRP_SOCKET_H

#include "failover/socket.h"
#include "replication/ip.h"

enum {
    VRRP_SOCKET_BATCH = 4, /* packets of one reading */
    VRRP_SOCKET_PAYLOAD_MAX =
        8 + 255 * 16, /* an advertisement of as many addresses as there can be */
    VRRP_SOCKET_PACKET_MAX = 60 + VRRP_SOCKET_PAYLOAD_MAX, /* with the header of IPv4 */
};

struct vrrp_socket {
    int fd;        /* watch it for reading; -1: closed */
    int interface; /* its index */
    struct ip source;
};

/* Source and destination are of the socket's family. What the kernel does not say of a packet is
 * zero, which the checks of RFC 9568 §7.1 refuse: TTL 0, or the checksum of another destination. */
struct vrrp_packet {
    struct ip source, destination;
    bool is_multicast;      /* it came to a group */
    uint8_t ttl;            /* or hop limit */
    size_t size;            /* of the payload, cut to VRRP_SOCKET_PAYLOAD_MAX */
    const uint8_t *payload; /* in bytes */
    uint8_t bytes[VRRP_SOCKET_PACKET_MAX];
};

struct vrrp_batch {
    size_t count;
    bool is_more; /* may wait: receive again */
    struct vrrp_packet packets[VRRP_SOCKET_BATCH];
};

/* own: the node's address on that LAN, whose family is the socket's. 0, or -errno and a sentence.
 * vrrp_socket_close in either case. */
int vrrp_socket_open(struct vrrp_socket *self, const char *interface, const struct ip *own,
                     char sentence[SOCKET_SENTENCE_SIZE]);
/* Accepts one that is half open, closed, or zeroed but for its descriptor of -1. */
void vrrp_socket_close(struct vrrp_socket *self);

/* The group of all VRRP routers: 224.0.0.18 or ff02::12 (RFC 9568 §5.1.1.2, §5.1.2.2). */
struct ip vrrp_socket_group(uint8_t family);

/* source: an address of this host. 0 or -errno: -EINVAL or -EADDRNOTAVAIL when it is none,
 * -ENETUNREACH without a way, -EPERM when a packet filter of this host refuses, -EAGAIN when the
 * interface's queue is full. */
int vrrp_socket_send(struct vrrp_socket *self, const struct ip *source,
                     const struct ip *destination, const uint8_t *bytes, size_t size);

/* What came, in order. 0 or -errno. */
int vrrp_socket_receive(struct vrrp_socket *self, struct vrrp_batch *batch);

#endif
