/* failover/sockaddr.h -- addresses of ours as the socket calls want them. */
#ifndef TANDEM_FAILOVER_SOCKADDR_H
#define TANDEM_FAILOVER_SOCKADDR_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "replication/ip.h"

/* Into *name; returns its size. port 0: any. */
static inline socklen_t sockaddr_make(struct sockaddr_storage *name, const struct ip *ip,
                                      uint16_t port)
{
    assert(ip->family == 4 || ip->family == 6);
    memset(name, 0, sizeof *name);
    if (ip->family == 4) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)name;
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        memcpy(&ipv4->sin_addr, ip->bytes, 4);
        return sizeof *ipv4;
    }
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)name;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
    memcpy(&ipv6->sin6_addr, ip->bytes, 16);
    return sizeof *ipv6;
}

/* The address in *name; family 0 when it is of neither. */
static inline struct ip sockaddr_ip(const struct sockaddr_storage *name)
{
    struct ip ip = {0};
    if (name->ss_family == AF_INET) {
        ip.family = 4;
        memcpy(ip.bytes, &((const struct sockaddr_in *)name)->sin_addr, 4);
    } else if (name->ss_family == AF_INET6) {
        ip.family = 6;
        memcpy(ip.bytes, &((const struct sockaddr_in6 *)name)->sin6_addr, 16);
    }
    return ip;
}

static inline bool sockaddr_is(const struct sockaddr_storage *name, const struct ip *ip,
                               uint16_t port)
{
    struct ip theirs = sockaddr_ip(name);
    uint16_t their_port = name->ss_family == AF_INET
                              ? ((const struct sockaddr_in *)name)->sin_port
                              : ((const struct sockaddr_in6 *)name)->sin6_port;
    return ip_equal(&theirs, ip) && ntohs(their_port) == port;
}

#endif
