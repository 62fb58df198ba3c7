#include "failover/vrrp_socket.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "failover/sockaddr.h"

enum {
    PROTOCOL_VRRP = 112,
    TTL = 255,
    PRIORITY = 6,
    IPV4_HEADER_MIN = 20,
    IPV4_TTL_AT = 8,
};

static int set_options(struct vrrp_socket *self, const char *interface)
{
    const int on = 1, ttl = TTL, class = TRAFFIC_CLASS, priority = PRIORITY;
    bool is_ipv4 = self->own.family == 4;
    int level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    if (setsockopt(self->fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) <
            0 ||
        setsockopt(self->fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority) < 0 ||
        setsockopt(self->fd, level, is_ipv4 ? IP_FREEBIND : IPV6_FREEBIND, &on, sizeof on) < 0 ||
        setsockopt(self->fd, level, is_ipv4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl, sizeof ttl) < 0 ||
        setsockopt(self->fd, level, is_ipv4 ? IP_TOS : IPV6_TCLASS, &class, sizeof class) < 0)
        return -errno;
    if (!is_ipv4 && setsockopt(self->fd, level, IPV6_RECVHOPLIMIT, &on, sizeof on) < 0)
        return -errno;
    return 0;
}

int vrrp_socket_open(struct vrrp_socket *self, const char *interface, const struct ip *own,
                     const struct ip *partner)
{
    *self = (struct vrrp_socket){.fd = -1, .own = *own, .partner = *partner};
    int domain = own->family == 4 ? AF_INET : AF_INET6;
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, own, 0);
    self->fd = socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, PROTOCOL_VRRP);
    if (self->fd < 0)
        return -errno;
    int error = set_options(self, interface);
    if (error == 0 && bind(self->fd, (struct sockaddr *)&name, size) < 0)
        error = -errno;
    return error;
}

void vrrp_socket_close(struct vrrp_socket *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

int vrrp_socket_send(struct vrrp_socket *self, const uint8_t *bytes, size_t size)
{
    struct sockaddr_storage name;
    socklen_t name_size = sockaddr_make(&name, &self->partner, 0);
    return sendto(self->fd, bytes, size, 0, (struct sockaddr *)&name, name_size) < 0 ? -errno : 0;
}

/* IPv4 hands up its header too: the TTL is there, and the message behind it. */
static bool strip_ipv4(struct vrrp_packet *packet)
{
    size_t header = (packet->bytes[0] & 0x0fU) * 4U;
    if (packet->size < IPV4_HEADER_MIN || header < IPV4_HEADER_MIN || header > packet->size)
        return false;
    packet->ttl = packet->bytes[IPV4_TTL_AT];
    packet->size -= header;
    memmove(packet->bytes, packet->bytes + header, packet->size);
    return true;
}

static void read_hop_limit(struct msghdr *message, struct vrrp_packet *packet)
{
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL;
         one = CMSG_NXTHDR(message, one)) {
        int hops;
        if (one->cmsg_level != IPPROTO_IPV6 || one->cmsg_type != IPV6_HOPLIMIT)
            continue;
        memcpy(&hops, CMSG_DATA(one), sizeof hops);
        packet->ttl = (uint8_t)hops;
    }
}

bool vrrp_socket_receive(struct vrrp_socket *self, struct vrrp_packet *packet)
{
    for (;;) {
        struct sockaddr_storage name;
        uint8_t control[64];
        struct iovec part = {packet->bytes, sizeof packet->bytes};
        struct msghdr message = {.msg_name = &name,
                                 .msg_namelen = sizeof name,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t got = recvmsg(self->fd, &message, 0);
        if (got < 0)
            return false;
        packet->size = (size_t)got;
        packet->source = sockaddr_ip(&name);
        packet->ttl = 0;
        if (self->own.family == 6)
            read_hop_limit(&message, packet);
        if (self->own.family == 6 || strip_ipv4(packet))
            return true;
    }
}
