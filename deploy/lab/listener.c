/* tandem-lab-listener PORT...: a server of the lab.
 *
 * Listens on every port named, in IPv4 and IPv6, accepts every connection, holds it until its
 * client closes it, and throws away what arrives. Says "listening" on stdout once all ports are
 * open. It ends with SIGTERM; a port is closed by ending the process that was given this port. */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/lab/limits.h"

enum {
    EVENTS_MAX = 256,
    ACCEPT_MAX = 64, /* accepted in one turn, so that the other port is not kept waiting */
    EXIT_USAGE = 100,
    EXIT_SYSTEM = 111,
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "tandem-lab-listener: %s: %s\n", what, strerror(errno));
    exit(EXIT_SYSTEM);
}

/* The event's datum is the descriptor; this bit tells a listening one from a connection. */
static const uint64_t LISTENING = UINT64_C(1) << 32;

static void watch(int poll, int fd, uint64_t mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = mark | (uint32_t)fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("cannot watch a socket");
}

static void listen_on(int poll, int family, uint16_t port)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("cannot open a socket");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const void *address = &v4;
    socklen_t size = sizeof v4;
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        address = &v6;
        size = sizeof v6;
    }
    char what[64];
    snprintf(what, sizeof what, "cannot listen on IPv%d port %u", family == AF_INET ? 4 : 6, port);
    if (bind(fd, address, size) != 0 || listen(fd, SOMAXCONN) != 0)
        fail(what);
    watch(poll, fd, LISTENING);
}

static void accept_waiting(int poll, int listening)
{
    for (int i = 0; i < ACCEPT_MAX; i++) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            watch(poll, fd, 0);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            fail("cannot hold another connection");
        else if (errno == EAGAIN)
            return;
    }
}

/* Throw away what came; close the connection that its client closed. */
static void read_away(int fd)
{
    char bytes[4096];
    ssize_t size = read(fd, bytes, sizeof bytes);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
        close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: tandem-lab-listener PORT...\n", stderr);
        return EXIT_USAGE;
    }
    limits_raise_descriptors();
    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0)
        fail("cannot open epoll");
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        unsigned long port = strtoul(argv[i], &end, 10);
        if (*end != '\0' || port == 0 || port > UINT16_MAX) {
            fprintf(stderr, "tandem-lab-listener: \"%s\" is not a port (1 to 65535)\n", argv[i]);
            return EXIT_USAGE;
        }
        listen_on(poll, AF_INET, (uint16_t)port);
        listen_on(poll, AF_INET6, (uint16_t)port);
    }
    puts("listening");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = (int)(uint32_t)events[i].data.u64;
            if ((events[i].data.u64 & LISTENING) != 0)
                accept_waiting(poll, fd);
            else
                read_away(fd);
        }
    }
}
