#include "failover/neighbour.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "failover/sockaddr.h"

enum {
    HOPS = 255, /* RFC 4861 §7.1: what has less is not of this link */
    PRIORITY = 6,
};

/* RFC 826, for Ethernet and IPv4. */
struct arp {
    uint16_t hardware, protocol;
    uint8_t hardware_size, protocol_size;
    uint16_t operation;
    uint8_t sender_mac[6], sender_ip[4], target_mac[6], target_ip[4];
} __attribute__((packed));
_Static_assert(sizeof(struct arp) == 28, "as on the wire");

/* A solicitation or advertisement with the one option that we send. */
struct discovery {
    struct nd_neighbor_advert message; /* a solicitation has the same shape */
    uint8_t option_type, option_units, mac[6];
} __attribute__((packed));
_Static_assert(sizeof(struct discovery) == 32, "as on the wire");

/* ---- open and close ---- */

static int read_mac(struct neighbour *self, const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (ioctl(self->arp_fd, SIOCGIFHWADDR, &request) < 0)
        return -errno;
    memcpy(self->mac, request.ifr_hwaddr.sa_data, sizeof self->mac);
    return 0;
}

static int open_arp(struct neighbour *self, const char *interface)
{
    const int priority = PRIORITY;
    struct sockaddr_ll name = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = self->interface};
    self->arp_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
    if (self->arp_fd < 0)
        return -errno;
    setsockopt(self->arp_fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
    if (bind(self->arp_fd, (struct sockaddr *)&name, sizeof name) < 0)
        return -errno;
    return read_mac(self, interface);
}

static int open_icmp(struct neighbour *self, const char *interface)
{
    const int hops = HOPS, on = 1, off = 0, priority = PRIORITY;
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_NEIGHBOR_SOLICIT, &filter);
    ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
    self->icmp_fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (self->icmp_fd < 0)
        return -errno;
    setsockopt(self->icmp_fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority);
    if (setsockopt(self->icmp_fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
                   (socklen_t)strlen(interface)) < 0 ||
        setsockopt(self->icmp_fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0 ||
        setsockopt(self->icmp_fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) < 0 ||
        setsockopt(self->icmp_fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) < 0 ||
        setsockopt(self->icmp_fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off) < 0 ||
        setsockopt(self->icmp_fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) < 0)
        return -errno;
    return 0;
}

int neighbour_open(struct neighbour *self, const char *interface, const struct ip own[2])
{
    *self = (struct neighbour){.arp_fd = -1, .icmp_fd = -1, .own = {own[0], own[1]}};
    self->interface = (int)if_nametoindex(interface);
    if (self->interface == 0)
        return -ENODEV;
    int error = open_arp(self, interface);
    if (error == 0 && own[1].family != 0)
        error = open_icmp(self, interface);
    return error;
}

void neighbour_close(struct neighbour *self)
{
    if (self->arp_fd >= 0)
        close(self->arp_fd);
    if (self->icmp_fd >= 0)
        close(self->icmp_fd);
    self->arp_fd = self->icmp_fd = -1;
}

/* ---- ARP ---- */

static int send_arp(struct neighbour *self, const uint8_t sender[4], const uint8_t target[4],
                    uint8_t target_mac)
{
    struct arp arp = {
        .hardware = htons(ARPHRD_ETHER),
        .protocol = htons(ETH_P_IP),
        .hardware_size = 6,
        .protocol_size = 4,
        .operation = htons(ARPOP_REQUEST),
    };
    struct sockaddr_ll name = {.sll_family = AF_PACKET,
                               .sll_protocol = htons(ETH_P_ARP),
                               .sll_ifindex = self->interface,
                               .sll_halen = 6};
    memset(name.sll_addr, 0xff, 6);
    memcpy(arp.sender_mac, self->mac, 6);
    memcpy(arp.sender_ip, sender, 4);
    memset(arp.target_mac, target_mac, 6);
    memcpy(arp.target_ip, target, 4);
    ssize_t sent = sendto(self->arp_fd, &arp, sizeof arp, 0, (struct sockaddr *)&name, sizeof name);
    return sent < 0 ? -errno : 0;
}

static struct ip ipv4(const uint8_t bytes[4])
{
    struct ip ip = {.family = 4};
    memcpy(ip.bytes, bytes, 4);
    return ip;
}

/* False: no ARP of Ethernet and IPv4, or nothing to hand up. */
static bool read_arp(const struct arp *arp, size_t size, struct neighbour_event *event)
{
    static const uint8_t nobody[4] = {0};
    if (size < sizeof *arp || arp->hardware != htons(ARPHRD_ETHER) ||
        arp->protocol != htons(ETH_P_IP) || arp->hardware_size != 6 || arp->protocol_size != 4)
        return false;
    memcpy(event->mac, arp->sender_mac, 6);
    bool is_request = arp->operation == htons(ARPOP_REQUEST);
    bool is_gratuitous = memcmp(arp->sender_ip, arp->target_ip, 4) == 0;
    if (!is_request && arp->operation != htons(ARPOP_REPLY))
        return false;
    if (is_request && !is_gratuitous) {
        event->kind = NEIGHBOUR_WHO_HAS;
        event->ip = ipv4(arp->target_ip);
        return true;
    }
    event->kind = NEIGHBOUR_IS_AT;
    event->ip = ipv4(arp->sender_ip);
    return memcmp(arp->sender_ip, nobody, 4) != 0;
}

static bool receive_arp(struct neighbour *self, struct neighbour_event *event)
{
    for (;;) {
        union {
            struct arp arp;
            uint8_t bytes[64];
        } frame;
        struct sockaddr_ll name;
        socklen_t name_size = sizeof name;
        ssize_t got =
            recvfrom(self->arp_fd, &frame, sizeof frame, 0, (struct sockaddr *)&name, &name_size);
        if (got < 0)
            return false;
        if (name.sll_pkttype != PACKET_OUTGOING && read_arp(&frame.arp, (size_t)got, event) &&
            memcmp(event->mac, self->mac, 6) != 0)
            return true;
    }
}

/* ---- neighbour discovery ---- */

/* From a source of ours that need not be the kernel's choice. */
static int send_icmp(struct neighbour *self, const struct discovery *discovery,
                     const uint8_t source[16], const uint8_t destination[16])
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                                .sin6_scope_id = (uint32_t)self->interface};
    struct iovec part = {(void *)(uintptr_t)discovery, sizeof *discovery};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
    struct msghdr message = {.msg_name = &name,
                             .msg_namelen = sizeof name,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)self->interface};
    struct cmsghdr *one = CMSG_FIRSTHDR(&message);
    memcpy(&name.sin6_addr, destination, 16);
    memcpy(&info.ipi6_addr, source, 16);
    one->cmsg_level = IPPROTO_IPV6;
    one->cmsg_type = IPV6_PKTINFO;
    one->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(one), &info, sizeof info);
    return sendmsg(self->icmp_fd, &message, 0) < 0 ? -errno : 0;
}

static struct discovery discovery_of(const struct neighbour *self, uint8_t type, uint32_t flags,
                                     uint8_t option, const uint8_t target[16])
{
    struct discovery discovery = {.option_type = option, .option_units = 1};
    discovery.message.nd_na_hdr.icmp6_type = type;
    discovery.message.nd_na_flags_reserved = flags;
    memcpy(&discovery.message.nd_na_target, target, 16);
    memcpy(discovery.mac, self->mac, 6);
    return discovery;
}

static const uint8_t *find_mac(const uint8_t *bytes, size_t size, uint8_t option)
{
    for (size_t at = sizeof(struct nd_neighbor_advert); at + 8 <= size && bytes[at + 1] != 0;
         at += bytes[at + 1] * 8U)
        if (bytes[at] == option)
            return bytes + at + 2;
    return NULL;
}

static bool read_icmp(const uint8_t *bytes, size_t size, struct neighbour_event *event)
{
    struct nd_neighbor_advert message;
    if (size < sizeof message)
        return false;
    memcpy(&message, bytes, sizeof message);
    bool is_advertisement = message.nd_na_hdr.icmp6_type == ND_NEIGHBOR_ADVERT;
    const uint8_t *mac =
        find_mac(bytes, size, is_advertisement ? ND_OPT_TARGET_LINKADDR : ND_OPT_SOURCE_LINKADDR);
    event->kind = is_advertisement ? NEIGHBOUR_IS_AT : NEIGHBOUR_WHO_HAS;
    event->ip = (struct ip){.family = 6};
    memcpy(event->ip.bytes, &message.nd_na_target, 16);
    memset(event->mac, 0, sizeof event->mac);
    if (mac != NULL)
        memcpy(event->mac, mac, sizeof event->mac);
    return true;
}

static bool has_crossed_a_router(struct msghdr *message)
{
    int hops = 0;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL; one = CMSG_NXTHDR(message, one))
        if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_HOPLIMIT)
            memcpy(&hops, CMSG_DATA(one), sizeof hops);
    return hops != HOPS;
}

static bool receive_icmp(struct neighbour *self, struct neighbour_event *event)
{
    for (;;) {
        uint8_t bytes[256], control[64];
        struct iovec part = {bytes, sizeof bytes};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t got = recvmsg(self->icmp_fd, &message, 0);
        if (got < 0)
            return false;
        if (!has_crossed_a_router(&message) && read_icmp(bytes, (size_t)got, event) &&
            memcmp(event->mac, self->mac, 6) != 0)
            return true;
    }
}

/* ---- both ---- */

int neighbour_announce(struct neighbour *self, const struct ip *ip)
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
    if (ip->family == 4) /* sender and target are the address; RFC 5227 §3 */
        return send_arp(self, ip->bytes, ip->bytes, 0xff);
    if (self->icmp_fd < 0)
        return -ENOTCONN;
    struct discovery advertisement = discovery_of(self, ND_NEIGHBOR_ADVERT, ND_NA_FLAG_OVERRIDE,
                                                  ND_OPT_TARGET_LINKADDR, ip->bytes);
    return send_icmp(self, &advertisement, ip->bytes, all_nodes);
}

int neighbour_solicit(struct neighbour *self, const struct ip *ip)
{
    if (ip->family == 4)
        return self->own[0].family == 0 ? -EADDRNOTAVAIL
                                        : send_arp(self, self->own[0].bytes, ip->bytes, 0);
    if (self->icmp_fd < 0)
        return -ENOTCONN;
    /* The solicited-node address of RFC 4291 §2.7.1. */
    uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff};
    memcpy(group + 13, ip->bytes + 13, 3);
    struct discovery solicitation =
        discovery_of(self, ND_NEIGHBOR_SOLICIT, 0, ND_OPT_SOURCE_LINKADDR, ip->bytes);
    return send_icmp(self, &solicitation, self->own[1].bytes, group);
}

bool neighbour_receive(struct neighbour *self, int fd, struct neighbour_event *event)
{
    return fd == self->arp_fd ? receive_arp(self, event) : receive_icmp(self, event);
}
