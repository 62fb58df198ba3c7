#include "failover/tripwire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "failover/sockaddr.h"

enum { EVENTS_MAX = 8 /* in one reading: nobody keeps the guardian here */ };

static void watch(struct tripwire *self, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void dial_later(struct tripwire *self)
{
    const struct itimerspec later = {.it_value.tv_nsec = TRIPWIRE_REDIAL_MS * 1000000L};
    timerfd_settime(self->timer_fd, 0, &later, NULL);
}

/* A partner whose host was started anew knows nothing of the old connection, and says so when it is
 * asked. This is not how its death is found out: it only makes room for the next connection. */
static void keep_alive(int fd)
{
    const int on = 1, idle_s = 1, count = 3;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static int open_socket(const struct ip *own, uint16_t port)
{
    bool is_ipv4 = own->family == 4;
    const int on = 1;
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, own, port);
    int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, is_ipv4 ? IP_FREEBIND : IPV6_FREEBIND,
                   &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&name, size) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

int tripwire_open(struct tripwire *self, const struct ip *own, const struct ip *partner,
                  uint16_t port, bool listens)
{
    assert(own->family == partner->family);
    *self = (struct tripwire){
        .listen_fd = -1, .fd = -1, .timer_fd = -1, .own = *own, .partner = *partner, .port = port};
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (self->epoll_fd < 0 || self->timer_fd < 0)
        return -errno;
    watch(self, self->timer_fd, EPOLLIN);
    if (!listens) {
        dial_later(self);
        return 0;
    }
    self->listen_fd = open_socket(own, port);
    if (self->listen_fd < 0)
        return self->listen_fd;
    if (listen(self->listen_fd, 8) < 0)
        return -errno;
    watch(self, self->listen_fd, EPOLLIN);
    return 0;
}

static void hang_up(struct tripwire *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    self->is_up = false;
}

void tripwire_close(struct tripwire *self)
{
    hang_up(self);
    const int fds[] = {self->listen_fd, self->timer_fd, self->epoll_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    self->listen_fd = self->timer_fd = self->epoll_fd = -1;
}

static void dial(struct tripwire *self)
{
    uint64_t expirations;
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, &self->partner, self->port);
    if (read(self->timer_fd, &expirations, sizeof expirations) < 0 || self->is_up)
        return;
    hang_up(self); /* a dial that came to no end */
    dial_later(self);
    self->fd = open_socket(&self->own, 0);
    if (self->fd < 0)
        return;
    if (connect(self->fd, (struct sockaddr *)&name, size) < 0 && errno != EINPROGRESS) {
        hang_up(self);
        return;
    }
    watch(self, self->fd, EPOLLOUT | EPOLLIN | EPOLLRDHUP);
}

/* The secondary's dial came to an end. */
static enum tripwire_event take_dial(struct tripwire *self)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        hang_up(self);
        return error == ECONNREFUSED ? TRIPWIRE_REFUSED : TRIPWIRE_NOTHING;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = self->fd};
    epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
    keep_alive(self->fd);
    self->is_up = true;
    return TRIPWIRE_UP;
}

static enum tripwire_event take_connection(struct tripwire *self)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    int fd =
        accept4(self->listen_fd, (struct sockaddr *)&name, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return TRIPWIRE_NOTHING;
    struct ip from = sockaddr_ip(&name);
    if (!ip_equal(&from, &self->partner)) {
        close(fd);
        return TRIPWIRE_NOTHING;
    }
    hang_up(self); /* the older one is of a life that is over */
    self->fd = fd;
    keep_alive(self->fd);
    self->is_up = true;
    watch(self, fd, EPOLLIN | EPOLLRDHUP);
    return TRIPWIRE_UP;
}

static enum tripwire_event take_bytes(struct tripwire *self)
{
    uint8_t bytes[256];
    ssize_t got = recv(self->fd, bytes, sizeof bytes, 0);
    if (got > 0 || (got < 0 && errno == EAGAIN))
        return TRIPWIRE_NOTHING;
    hang_up(self);
    if (self->listen_fd < 0)
        dial_later(self);
    return TRIPWIRE_BROKEN;
}

enum tripwire_event tripwire_read(struct tripwire *self)
{
    struct epoll_event event;
    for (int i = 0; i < EVENTS_MAX && epoll_wait(self->epoll_fd, &event, 1, 0) == 1; i++) {
        enum tripwire_event happened = TRIPWIRE_NOTHING;
        if (event.data.fd == self->timer_fd)
            dial(self);
        else if (event.data.fd == self->listen_fd)
            happened = take_connection(self);
        else if (event.data.fd == self->fd)
            happened = self->is_up ? take_bytes(self) : take_dial(self);
        if (happened != TRIPWIRE_NOTHING)
            return happened;
    }
    return TRIPWIRE_NOTHING;
}
