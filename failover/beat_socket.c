#include "failover/beat_socket.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failover/sockaddr.h"

enum { PRIORITY = 6 /* SO_PRIORITY: before all else that this host sends */ };

int beat_socket_open(struct beat_socket *self, const struct ip *own, const struct ip *partner,
                     uint16_t port)
{
    assert(own->family == partner->family);
    *self = (struct beat_socket){.fd = -1, .port = port, .partner = *partner};
    bool is_ipv4 = own->family == 4;
    const int on = 1, class = TRAFFIC_CLASS, priority = PRIORITY;
    int level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, own, port);
    self->fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0)
        return -errno;
    if (setsockopt(self->fd, level, is_ipv4 ? IP_FREEBIND : IPV6_FREEBIND, &on, sizeof on) < 0 ||
        setsockopt(self->fd, level, is_ipv4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on) < 0 ||
        setsockopt(self->fd, level, is_ipv4 ? IP_TOS : IPV6_TCLASS, &class, sizeof class) < 0 ||
        setsockopt(self->fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority) < 0 ||
        bind(self->fd, (struct sockaddr *)&name, size) < 0)
        return -errno;
    return 0;
}

void beat_socket_close(struct beat_socket *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

/* Read the queue of errors empty, or the socket stays readable for them. */
static void drop_errors(struct beat_socket *self)
{
    uint8_t bytes[64];
    while (recv(self->fd, bytes, sizeof bytes, MSG_ERRQUEUE) >= 0) {
    }
}

int beat_socket_send(struct beat_socket *self, const uint8_t *bytes, size_t size)
{
    struct sockaddr_storage name;
    socklen_t name_size = sockaddr_make(&name, &self->partner, self->port);
    if (sendto(self->fd, bytes, size, 0, (struct sockaddr *)&name, name_size) >= 0)
        return 0;
    int error = -errno;
    drop_errors(self);
    return error;
}

ssize_t beat_socket_receive(struct beat_socket *self, uint8_t *bytes, size_t size,
                            uint64_t *strange)
{
    for (;;) {
        struct sockaddr_storage name;
        socklen_t name_size = sizeof name;
        ssize_t got = recvfrom(self->fd, bytes, size, 0, (struct sockaddr *)&name, &name_size);
        if (got < 0) {
            int error = errno;
            drop_errors(self);
            return error == EAGAIN ? 0 : -error;
        }
        if (sockaddr_is(&name, &self->partner, self->port))
            return got;
        ++*strange;
    }
}
