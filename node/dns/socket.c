#include "node/dns/socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FAST_OPEN_QUEUE = 256 };

struct ip socket_ip(const union socket_name *name)
{
    struct ip ip = {.family = 4};
    if (name->any.sa_family == AF_INET) {
        memcpy(ip.bytes, &name->v4.sin_addr, 4);
    } else {
        assert(name->any.sa_family == AF_INET6);
        ip.family = 6;
        memcpy(ip.bytes, &name->v6.sin6_addr, 16);
    }
    return ip;
}

uint16_t socket_port(const union socket_name *name)
{
    return ntohs(name->any.sa_family == AF_INET ? name->v4.sin_port : name->v6.sin6_port);
}

static socklen_t name_of(const struct ip *address, uint16_t port, union socket_name *name)
{
    *name = (union socket_name){0};
    if (address->family == 4) {
        name->v4.sin_family = AF_INET;
        name->v4.sin_port = htons(port);
        memcpy(&name->v4.sin_addr, address->bytes, 4);
        return sizeof name->v4;
    }
    assert(address->family == 6);
    name->v6.sin6_family = AF_INET6;
    name->v6.sin6_port = htons(port);
    memcpy(&name->v6.sin6_addr, address->bytes, 16);
    return sizeof name->v6;
}

void socket_explain(int error_number, const char *protocol, const struct ip *address, uint16_t port,
                    char *error)
{
    char text[IP_TEXT_SIZE];
    ip_text(address, text);
    if (error_number == EADDRINUSE)
        snprintf(error, SOCKET_ERROR_MAX,
                 "%s port %u of %s is in use by another program: stop it or change dns: port",
                 protocol, port, text);
    else if (error_number == EACCES || error_number == EPERM)
        snprintf(error, SOCKET_ERROR_MAX,
                 "no permission for %s port %u of %s: start with CAP_NET_BIND_SERVICE or set "
                 "dns: port to 1024 or above",
                 protocol, port, text);
    else if (error_number == EAFNOSUPPORT)
        snprintf(error, SOCKET_ERROR_MAX,
                 "this system has no IPv%u, needed for %s: turn it on or take the address out of "
                 "the document",
                 address->family, text);
    else if (error_number == EMFILE || error_number == ENFILE)
        snprintf(
            error, SOCKET_ERROR_MAX,
            "too many open files at %s port %u of %s: raise the limit (ulimit -n, LimitNOFILE)",
            protocol, port, text);
    else
        snprintf(error, SOCKET_ERROR_MAX, "cannot serve %s port %u of %s: %s", protocol, port, text,
                 strerror(error_number));
}

static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* What both protocols need before bind. */
static bool prepare(int fd, const struct ip *address)
{
    if (address->family == 4)
        return set(fd, SOL_IP, IP_FREEBIND, 1);
    return set(fd, SOL_IPV6, IPV6_V6ONLY, 1) && set(fd, SOL_IPV6, IPV6_FREEBIND, 1);
}

/* Answers fit the smallest MTU by their size (QUERY_UDP_SIZE_MAX), so path MTU discovery has
 * nothing to give and a forged "fragmentation needed" would only make us send fragments, which a
 * third party can spoil: OMIT ignores it. */
static bool prepare_udp(int fd, const struct ip *address)
{
    set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_RECEIVE_BYTES); /* less is granted: less burst is borne */
    return address->family == 4 ? set(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
                                : set(fd, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
}

static bool prepare_tcp(int fd)
{
    set(fd, SOL_TCP, TCP_FASTOPEN, FAST_OPEN_QUEUE); /* a courtesy: needs a sysctl as well */
    /* Connections of the last run in TIME_WAIT must not keep this one from the port. */
    return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, SOL_TCP, TCP_NODELAY, 1);
}

/* Bind, and tell which port it became. */
static bool bind_to(int fd, const struct ip *address, uint16_t *port)
{
    union socket_name name;
    socklen_t size = name_of(address, *port, &name);
    if (bind(fd, &name.any, size) != 0 || getsockname(fd, &name.any, &size) != 0)
        return false;
    *port = socket_port(&name);
    return true;
}

static int new_socket(int type, const struct ip *address)
{
    return socket(address->family == 4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC,
                  0);
}

/* The descriptor, or what errno says after closing it. */
static int finish(int fd, bool is_good, const char *protocol, const struct ip *address,
                  uint16_t port, char *error)
{
    if (is_good)
        return fd;
    int error_number = errno;
    if (fd >= 0)
        close(fd);
    socket_explain(error_number, protocol, address, port, error);
    return -error_number;
}

int socket_open_udp(const struct ip *address, uint16_t *port, bool is_first, char *error)
{
    assert(address->family == 4 || address->family == 6);
    assert(*port != 0 || is_first);
    int fd = new_socket(SOCK_DGRAM, address);
    /* A socket that was bound alone takes part in a set as soon as it says that it shares. */
    bool is_good = fd >= 0 && prepare(fd, address) && prepare_udp(fd, address) &&
                   (is_first || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
                   bind_to(fd, address, port) && set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    return finish(fd, is_good, "UDP", address, *port, error);
}

int socket_open_tcp(const struct ip *address, uint16_t *port, char *error)
{
    assert(address->family == 4 || address->family == 6);
    int fd = new_socket(SOCK_STREAM, address);
    bool is_good = fd >= 0 && prepare(fd, address) && prepare_tcp(fd) &&
                   bind_to(fd, address, port) && listen(fd, SOCKET_BACKLOG) == 0;
    return finish(fd, is_good, "TCP", address, *port, error);
}
