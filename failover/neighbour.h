/* failover/neighbour.h -- ARP (RFC 826) and neighbour discovery (RFC 4861) on the service LAN.
 *
 * Announcements move clients to this node: the gratuitous ARP request of RFC 5227 §3 (a reply is
 * ignored by Linux for a second after another update) and the unsolicited neighbour advertisement
 * with Override set (RFC 4861 §7.2.6). Solicitations ask a witness for a sign. What others say of
 * addresses is handed up. Non-blocking; one thread. Needs CAP_NET_RAW. */
#ifndef TANDEM_FAILOVER_NEIGHBOUR_H
#define TANDEM_FAILOVER_NEIGHBOUR_H

#include "replication/ip.h"

enum { NEIGHBOUR_MAC_SIZE = 6 };

struct neighbour {
    int arp_fd, icmp_fd; /* -1: closed */
    int interface;
    uint8_t mac[NEIGHBOUR_MAC_SIZE]; /* of the interface */
    struct ip own[2];                /* family 0: none */
};

struct neighbour_event {
    enum neighbour_kind {
        NEIGHBOUR_IS_AT,  /* ip is at mac: a reply, or an announcement */
        NEIGHBOUR_WHO_HAS /* somebody asks for ip; mac is the asker's */
    } kind;
    struct ip ip;
    uint8_t mac[NEIGHBOUR_MAC_SIZE];
};

/* 0 or -errno: -EPERM without CAP_NET_RAW, -ENODEV. */
int neighbour_open(struct neighbour *self, const char *interface, const struct ip own[2]);
void neighbour_close(struct neighbour *self);

/* 0 or -errno. The address must be on the interface already, if it is of IPv6. */
int neighbour_announce(struct neighbour *self, const struct ip *ip);
int neighbour_solicit(struct neighbour *self, const struct ip *ip);

/* True and what was heard next on fd, one of the two; false when nothing waits. A frame that is
 * malformed, or of this host's own, is dropped. */
bool neighbour_receive(struct neighbour *self, int fd, struct neighbour_event *event);

#endif
