#include "failover/tripwire.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "failover/sockaddr.h"

enum {
    TURNS_MAX = 8, /* of one reading: nobody keeps the guardian here */
    BACKLOG = 8,
    IPV4_SOURCE_AT = 12, /* in the IP header */
    IPV6_SOURCE_AT = 8,
};

static const char *const words[] = {
    [TRIPWIRE_NOTHING] = "nothing", [TRIPWIRE_UP] = "up",     [TRIPWIRE_RESET] = "reset",
    [TRIPWIRE_CLOSED] = "closed",   [TRIPWIRE_LOST] = "lost", [TRIPWIRE_REFUSED] = "refused",
};

static int watch(struct tripwire *self, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void hang_up(struct tripwire *self)
{
    socket_close(&self->fd);
    self->is_up = false;
}

/* ---- the secondary's dial ---- */

static void dial_after(struct tripwire *self, int delay_ms)
{
    const struct itimerspec once = {
        .it_value = {.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000L}};
    if (self->timer_fd >= 0)
        timerfd_settime(self->timer_fd, 0, &once, NULL);
}

/* A connection that nobody answers ends after 4 s instead of hours, and one that the partner's host
 * forgot when it was started anew is reset: both make room for the next. */
static int set_connection(int fd, uint8_t family)
{
    const struct socket_option options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 1},
        {IPPROTO_TCP, TCP_KEEPINTVL, 1},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
    };
    int error = socket_set(fd, options, sizeof options / sizeof *options);
    return error < 0 ? error : socket_set_class(fd, family);
}

static int start_dial(struct tripwire *self)
{
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, &self->partner, self->port);
    int error = self->fd =
        socket_open(self->own.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    if (error >= 0)
        error = socket_bind(self->fd, &self->own, 0);
    if (error >= 0)
        error = set_connection(self->fd, self->own.family);
    if (error >= 0 && connect(self->fd, (struct sockaddr *)&name, size) < 0)
        error = errno == EINPROGRESS ? 0 : -errno;
    return error < 0 ? error : watch(self, self->fd, EPOLLOUT | EPOLLIN | EPOLLRDHUP);
}

static enum tripwire_event dial(struct tripwire *self)
{
    uint64_t expirations;
    if (read(self->timer_fd, &expirations, sizeof expirations) < 0 || self->is_up)
        return TRIPWIRE_NOTHING;
    hang_up(self); /* a dial that came to no end */
    dial_after(self, self->redial_ms);
    self->redial_ms =
        self->redial_ms * 2 < TRIPWIRE_REDIAL_MS_MAX ? self->redial_ms * 2 : TRIPWIRE_REDIAL_MS_MAX;
    int error = start_dial(self);
    if (error < 0)
        hang_up(self);
    return error == -ECONNREFUSED ? TRIPWIRE_REFUSED : TRIPWIRE_NOTHING;
}

static enum tripwire_event end_dial(struct tripwire *self)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    struct epoll_event readable = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = self->fd};
    if (error == 0 && epoll_ctl(self->epoll_fd, EPOLL_CTL_MOD, self->fd, &readable) < 0)
        error = errno;
    if (error != 0) {
        hang_up(self);
        return error == ECONNREFUSED ? TRIPWIRE_REFUSED : TRIPWIRE_NOTHING;
    }
    self->is_up = true;
    self->redial_ms = TRIPWIRE_REDIAL_MS_MIN;
    return TRIPWIRE_UP;
}

/* ---- the primary's door ---- */

/* Only segments from the partner reach the listener: a flood of others' wakes nobody. A connection
 * inherits the filter. */
static int admit_partner(const struct tripwire *self)
{
    const size_t words_count = self->partner.family == 4 ? 1 : 4;
    const unsigned source = self->partner.family == 4 ? IPV4_SOURCE_AT : IPV6_SOURCE_AT;
    struct sock_filter filter[10];
    unsigned short count = 0;
    for (size_t i = 0; i < words_count; i++) {
        uint32_t word;
        memcpy(&word, self->partner.bytes + 4 * i, sizeof word);
        filter[count++] = (struct sock_filter)BPF_STMT(
            BPF_LD | BPF_W | BPF_ABS, (unsigned)SKF_NET_OFF + source + 4 * (unsigned)i);
        /* Not this word: skip what is left of the comparisons, and the statement that passes. */
        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0,
                                                       (uint8_t)(2 * (words_count - 1 - i) + 1));
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog program = {count, filter};
    if (setsockopt(self->listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return -errno;
    return 0;
}

static int open_door(struct tripwire *self)
{
    const struct socket_option again = {SOL_SOCKET, SO_REUSEADDR, 1};
    int error = self->listen_fd =
        socket_open(self->own.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    if (error >= 0)
        error = socket_set(self->listen_fd, &again, 1);
    if (error >= 0)
        error = admit_partner(self);
    if (error >= 0)
        error = socket_set_class(self->listen_fd, self->own.family);
    if (error >= 0)
        error = socket_bind(self->listen_fd, &self->own, self->port);
    if (error >= 0 && listen(self->listen_fd, BACKLOG) < 0)
        error = -errno;
    return error < 0 ? error : watch(self, self->listen_fd, EPOLLIN);
}

static enum tripwire_event accept_partner(struct tripwire *self)
{
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    int fd =
        accept4(self->listen_fd, (struct sockaddr *)&name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return TRIPWIRE_NOTHING;
    struct ip from = sockaddr_ip(&name);
    if (!ip_equal(&from, &self->partner) || set_connection(fd, from.family) < 0 ||
        watch(self, fd, EPOLLIN | EPOLLRDHUP) < 0) {
        close(fd);
        return TRIPWIRE_NOTHING;
    }
    hang_up(self); /* the older one is of a dial that its partner has given up */
    self->fd = fd;
    self->is_up = true;
    return TRIPWIRE_UP;
}

/* ---- the connection ---- */

static enum tripwire_event read_connection(struct tripwire *self)
{
    uint8_t bytes[256];
    ssize_t got = recv(self->fd, bytes, sizeof bytes, 0);
    int error = errno;
    if (got > 0) {
        self->bytes_read += (uint64_t)got;
        return TRIPWIRE_NOTHING;
    }
    if (got < 0 && error == EAGAIN)
        return TRIPWIRE_NOTHING;
    hang_up(self);
    dial_after(self, self->redial_ms);
    if (got == 0)
        return TRIPWIRE_CLOSED;
    return error == ECONNRESET ? TRIPWIRE_RESET : TRIPWIRE_LOST;
}

enum tripwire_event tripwire_read(struct tripwire *self)
{
    struct epoll_event ready;
    for (int i = 0; i < TURNS_MAX && epoll_wait(self->epoll_fd, &ready, 1, 0) == 1; i++) {
        enum tripwire_event happened = TRIPWIRE_NOTHING;
        if (ready.data.fd == self->timer_fd)
            happened = dial(self);
        else if (ready.data.fd == self->listen_fd)
            happened = accept_partner(self);
        else if (ready.data.fd == self->fd)
            happened = self->is_up ? read_connection(self) : end_dial(self);
        if (happened != TRIPWIRE_NOTHING)
            return happened;
    }
    return TRIPWIRE_NOTHING;
}

/* ---- open and close ---- */

int tripwire_open(struct tripwire *self, const struct ip *own, const struct ip *partner,
                  uint16_t port, bool listens, char sentence[SOCKET_SENTENCE_SIZE])
{
    assert(own->family == partner->family);
    assert(port != 0);
    *self = (struct tripwire){.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                              .listen_fd = -1,
                              .fd = -1,
                              .timer_fd = -1,
                              .redial_ms = TRIPWIRE_REDIAL_MS_MIN,
                              .own = *own,
                              .partner = *partner,
                              .port = port};
    int error = self->epoll_fd < 0 ? -errno : 0;
    if (error == 0 && listens)
        error = open_door(self);
    if (error == 0 && !listens) {
        self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        error = self->timer_fd < 0 ? -errno : watch(self, self->timer_fd, EPOLLIN);
        dial_after(self, 1); /* almost at once: the caller has not looked yet */
    }
    if (error < 0) {
        char text[IP_TEXT_SIZE];
        return socket_refused(error, sentence, "the tripwire (TCP port %u of %s)", port,
                              ip_text(own, text));
    }
    return 0;
}

void tripwire_close(struct tripwire *self)
{
    hang_up(self);
    socket_close(&self->listen_fd);
    socket_close(&self->timer_fd);
    socket_close(&self->epoll_fd);
}

const char *tripwire_word(enum tripwire_event event)
{
    assert(event < sizeof words / sizeof *words);
    return words[event];
}
