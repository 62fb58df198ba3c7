#include "failover/socket.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "failover/sockaddr.h"

int socket_open(int domain, int type, int protocol)
{
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    return fd < 0 ? -errno : fd;
}

int socket_set(int fd, const struct socket_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                       sizeof options[i].value) < 0)
            return -errno;
    return 0;
}

int socket_set_class(int fd, uint8_t family)
{
    assert(family == 4 || family == 6);
    const struct socket_option options[] = {
        {family == 4 ? IPPROTO_IP : IPPROTO_IPV6, family == 4 ? IP_TOS : IPV6_TCLASS,
         SOCKET_TRAFFIC_CLASS},
        {SOL_SOCKET, SO_PRIORITY, SOCKET_PRIORITY},
    };
    return socket_set(fd, options, sizeof options / sizeof *options);
}

int socket_bind(int fd, const struct ip *ip, uint16_t port)
{
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, ip, port);
    const struct socket_option early = {ip->family == 4 ? IPPROTO_IP : IPPROTO_IPV6,
                                        ip->family == 4 ? IP_FREEBIND : IPV6_FREEBIND, 1};
    int error = socket_set(fd, &early, 1);
    if (error == 0 && bind(fd, (struct sockaddr *)&name, size) < 0)
        error = -errno;
    return error;
}

void socket_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static const char *advice(int error)
{
    switch (-error) {
    case EPERM:
    case EACCES:
        return "start tandemd as root or with CAP_NET_RAW and CAP_NET_ADMIN (systemd: "
               "AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN)";
    case EADDRINUSE:
        return "another tandemd runs here, or another program has this port: stop it";
    case EADDRNOTAVAIL:
        return "it is not an address of a host: correct it in the document";
    case ENODEV:
    case ENXIO:
        return "create the interface, or correct nodes.NAME.interface in the document";
    case EAFNOSUPPORT:
        return "this kernel lacks the protocol: enable it, or take its addresses out of the "
               "document";
    case EPROTONOSUPPORT:
        return "only Ethernet can carry a service address: name another interface";
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return "raise the limits of tandemd and of the system, and start again";
    default:
        return "see that the kernel is Linux 5.10 or newer";
    }
}

int socket_refused(int error, char sentence[SOCKET_SENTENCE_SIZE], const char *what, ...)
{
    assert(error < 0);
    char subject[SOCKET_SENTENCE_SIZE / 2];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(subject, sizeof subject, what, arguments);
    va_end(arguments);
    snprintf(sentence, SOCKET_SENTENCE_SIZE, "%s cannot be opened (%s): %s", subject,
             strerror(-error), advice(error));
    return error;
}
