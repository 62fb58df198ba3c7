#include "failover/vrrp_socket.h"

#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "failover/sockaddr.h"

enum {
    PROTOCOL_VRRP = 112,
    TTL = 255,          /* RFC 9568 §5.1.1.3, §5.1.2.3 */
    CONTROL_SIZE = 128, /* bytes, of what the kernel says of a packet */
    IPV4_HEADER_MIN = 20,
    IPV4_TTL_AT = 8,
    IPV4_DESTINATION_AT = 16,
};

struct ip vrrp_socket_group(uint8_t family)
{
    assert(family == 4 || family == 6);
    if (family == 4)
        return (struct ip){.family = 4, .bytes = {224, 0, 0, 18}};
    return (struct ip){.family = 6, .bytes = {0xff, 2, [15] = 0x12}};
}

/* ---- open and close ---- */

/* The first link-local address of the interface; family 0: it has none. */
static struct ip link_local(const char *interface)
{
    struct ip found = {0};
    struct ifaddrs *all;
    if (getifaddrs(&all) < 0)
        return found;
    for (const struct ifaddrs *one = all; one != NULL && found.family == 0; one = one->ifa_next) {
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET6 ||
            strcmp(one->ifa_name, interface) != 0)
            continue;
        struct sockaddr_in6 name, mask = {0};
        memcpy(&name, one->ifa_addr, sizeof name);
        if (one->ifa_netmask != NULL)
            memcpy(&mask, one->ifa_netmask, sizeof mask);
        /* One of 128 bits is a service address: it may be gone in a moment. */
        bool is_leased = mask.sin6_addr.s6_addr[15] == 0xff;
        if (!IN6_IS_ADDR_LINKLOCAL(&name.sin6_addr) || is_leased)
            continue;
        found.family = 6;
        memcpy(found.bytes, &name.sin6_addr, 16);
    }
    freeifaddrs(all);
    return found;
}

static int set_ipv4(const struct vrrp_socket *self)
{
    const struct socket_option options[] = {
        {IPPROTO_IP, IP_TTL, TTL},
        {IPPROTO_IP, IP_MULTICAST_TTL, TTL},
        {IPPROTO_IP, IP_MULTICAST_LOOP, 0},
        {IPPROTO_IP, IP_MULTICAST_ALL, 0}, /* not what others here have joined */
    };
    int error = socket_set(self->fd, options, sizeof options / sizeof *options);
    struct ip group = vrrp_socket_group(4);
    struct ip_mreqn request = {.imr_ifindex = self->interface};
    memcpy(&request.imr_multiaddr, group.bytes, 4);
    if (error == 0 &&
        (setsockopt(self->fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) < 0 ||
         setsockopt(self->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0))
        error = -errno;
    return error;
}

static int set_ipv6(const struct vrrp_socket *self)
{
    const struct socket_option options[] = {
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, TTL},
        {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL},
        {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
        {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0},
        {IPPROTO_IPV6, IPV6_MULTICAST_IF, self->interface},
        {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
        {IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
    };
    int error = socket_set(self->fd, options, sizeof options / sizeof *options);
    struct ip group = vrrp_socket_group(6);
    struct ipv6_mreq request = {.ipv6mr_interface = (unsigned)self->interface};
    memcpy(&request.ipv6mr_multiaddr, group.bytes, 16);
    if (error == 0 &&
        setsockopt(self->fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &request, sizeof request) < 0)
        error = -errno;
    return error;
}

static int set_options(const struct vrrp_socket *self, const char *interface, uint8_t family)
{
    const struct socket_option room = {SOL_SOCKET, SO_RCVBUF, SOCKET_RECEIVE_BYTES};
    if (setsockopt(self->fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) <
        0)
        return -errno;
    int error = family == 4 ? set_ipv4(self) : set_ipv6(self);
    if (error == 0)
        error = socket_set(self->fd, &room, 1);
    return error < 0 ? error : socket_set_class(self->fd, family);
}

int vrrp_socket_open(struct vrrp_socket *self, const char *interface, const struct ip *own,
                     char sentence[SOCKET_SENTENCE_SIZE])
{
    assert(own->family == 4 || own->family == 6);
    *self =
        (struct vrrp_socket){.fd = -1, .interface = (int)if_nametoindex(interface), .source = *own};
    int error = self->interface == 0 ? -ENODEV : 0;
    if (error == 0)
        error = self->fd =
            socket_open(own->family == 4 ? AF_INET : AF_INET6, SOCK_RAW, PROTOCOL_VRRP);
    if (error >= 0)
        error = set_options(self, interface, own->family);
    if (error < 0)
        return socket_refused(error, sentence, "the socket for VRRP over IPv%u on interface %s",
                              own->family, interface);
    struct ip local = own->family == 6 ? link_local(interface) : *own;
    if (local.family != 0)
        self->source = local;
    return 0;
}

void vrrp_socket_close(struct vrrp_socket *self)
{
    socket_close(&self->fd);
}

/* ---- packets ---- */

union source_control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* The source as ancillary bytes of the message, in *control. */
static void put_source(struct msghdr *message, union source_control *control, int interface,
                       const struct ip *source)
{
    struct in_pktinfo ipv4 = {.ipi_ifindex = interface};
    struct in6_pktinfo ipv6 = {.ipi6_ifindex = (unsigned)interface};
    bool is_ipv4 = source->family == 4;
    size_t size = is_ipv4 ? sizeof ipv4 : sizeof ipv6;
    memset(control, 0, sizeof *control);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *one = CMSG_FIRSTHDR(message);
    one->cmsg_level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    one->cmsg_type = is_ipv4 ? IP_PKTINFO : IPV6_PKTINFO;
    one->cmsg_len = CMSG_LEN(size);
    memcpy(&ipv4.ipi_spec_dst, source->bytes, 4);
    memcpy(&ipv6.ipi6_addr, source->bytes, 16);
    memcpy(CMSG_DATA(one), is_ipv4 ? (void *)&ipv4 : (void *)&ipv6, size);
}

int vrrp_socket_send(struct vrrp_socket *self, const struct ip *source,
                     const struct ip *destination, const uint8_t *bytes, size_t size)
{
    assert(source->family == destination->family);
    assert(source->family == self->source.family);
    struct sockaddr_storage name;
    union source_control control;
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_name = &name,
                             .msg_namelen = sockaddr_make(&name, destination, 0),
                             .msg_iov = &part,
                             .msg_iovlen = 1};
    put_source(&message, &control, self->interface, source);
    return sendmsg(self->fd, &message, 0) < 0 ? -errno : 0;
}

/* IPv4 hands up its header, too: TTL and destination are there, and the payload behind it. */
static void strip_ipv4(struct vrrp_packet *packet)
{
    size_t header = (packet->bytes[0] & 0x0fU) * 4U;
    if (packet->size < IPV4_HEADER_MIN || header < IPV4_HEADER_MIN || header > packet->size)
        return;
    packet->ttl = packet->bytes[IPV4_TTL_AT];
    packet->destination = (struct ip){.family = 4};
    memcpy(packet->destination.bytes, packet->bytes + IPV4_DESTINATION_AT, 4);
    packet->is_multicast = packet->destination.bytes[0] >= 224;
    packet->payload += header;
    packet->size -= header;
}

static void read_ipv6(struct msghdr *message, struct vrrp_packet *packet)
{
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL;
         one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_HOPLIMIT) {
            int hops;
            memcpy(&hops, CMSG_DATA(one), sizeof hops);
            packet->ttl = (uint8_t)hops;
        } else if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(one), sizeof info);
            packet->destination = (struct ip){.family = 6};
            memcpy(packet->destination.bytes, &info.ipi6_addr, 16);
        }
    }
    packet->is_multicast = packet->destination.bytes[0] == 0xff;
}

int vrrp_socket_receive(struct vrrp_socket *self, struct vrrp_batch *batch)
{
    struct sockaddr_storage names[VRRP_SOCKET_BATCH];
    _Alignas(struct cmsghdr) uint8_t controls[VRRP_SOCKET_BATCH][CONTROL_SIZE];
    struct iovec parts[VRRP_SOCKET_BATCH];
    struct mmsghdr messages[VRRP_SOCKET_BATCH];
    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < VRRP_SOCKET_BATCH; i++) {
        parts[i] = (struct iovec){batch->packets[i].bytes, sizeof batch->packets[i].bytes};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i],
                                              .msg_namelen = sizeof names[i],
                                              .msg_iov = &parts[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i],
                                              .msg_controllen = sizeof controls[i]};
    }
    int got = recvmmsg(self->fd, messages, VRRP_SOCKET_BATCH, MSG_DONTWAIT, NULL);
    batch->count = got < 0 ? 0 : (size_t)got;
    batch->is_more = got == VRRP_SOCKET_BATCH;
    for (size_t i = 0; i < batch->count; i++) {
        struct vrrp_packet *packet = &batch->packets[i];
        packet->source = sockaddr_ip(&names[i]);
        packet->destination = (struct ip){.family = self->source.family};
        packet->ttl = 0; /* unless the kernel says, both of them */
        packet->payload = packet->bytes;
        packet->size = messages[i].msg_len;
        if (self->source.family == 4)
            strip_ipv4(packet);
        else
            read_ipv6(&messages[i].msg_hdr, packet);
    }
    return got < 0 && errno != EAGAIN ? -errno : 0;
}
