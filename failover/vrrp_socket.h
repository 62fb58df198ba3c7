/* failover/vrrp_socket.h -- VRRP's packets on the service LAN, between the nodes' own addresses.
 *
 * A raw socket of IP protocol 112 for each family, unicast to the partner, TTL 255 (RFC 9568
 * §5.1.1.3): what comes with less has crossed a router. Bytes are opaque here. Non-blocking; one
 * thread. Needs CAP_NET_RAW. */
#ifndef TANDEM_FAILOVER_VRRP_SOCKET_H
#define TANDEM_FAILOVER_VRRP_SOCKET_H

#include <sys/types.h>

#include "replication/ip.h"

struct vrrp_socket {
    int fd; /* -1: closed */
    struct ip own, partner;
};

struct vrrp_packet {
    struct ip source;
    uint8_t ttl; /* or hop limit */
    size_t size; /* of the message behind the IP header */
    uint8_t bytes[256];
};

/* 0 or -errno: -EPERM without CAP_NET_RAW. */
int vrrp_socket_open(struct vrrp_socket *self, const char *interface, const struct ip *own,
                     const struct ip *partner);
void vrrp_socket_close(struct vrrp_socket *self);

/* 0 or -errno. */
int vrrp_socket_send(struct vrrp_socket *self, const uint8_t *bytes, size_t size);

/* True and the next packet, whoever sent it; false when none waits. */
bool vrrp_socket_receive(struct vrrp_socket *self, struct vrrp_packet *packet);

#endif
