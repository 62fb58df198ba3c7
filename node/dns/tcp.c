#include "node/dns/tcp.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "node/dns/cpu.h"
#include "node/dns/dice.h"
#include "node/dns/stream.h"

/* What an epoll event is about: the position of a connection, or one of these. */
enum { EVENT_LISTENER = TCP_CONNECTIONS_MAX, EVENT_STOP = EVENT_LISTENER + UDP_ADDRESSES_MAX };

enum {
    EVENTS_MAX = 256,
    ACCEPTS_MAX = 64, /* of one listener in one turn, so that the open ones are served between */
};

struct connection {
    struct connection *older, *newer; /* open: by active_ms; free: newer is the next free one */
    int64_t active_ms; /* when a whole query last came or a backlog of answers was last taken */
    struct stream stream;
};

struct tcp {
    struct udp_counts counts;
    struct tcp_connections connections;
    struct stream_service service;
    struct page *page;    /* NULL: no guardian */
    struct poison poison; /* as the page had it at the start */
    int64_t idle_ms;
    size_t address_count;
    uint16_t port;
    int listeners[UDP_ADDRESSES_MAX];
    int epoll_fd, stop_fd;
    pthread_t id;
    bool is_started;
    int64_t accept_again_ms; /* accepting pauses until then; 0: it does not */
    struct connection *oldest, *newest, *free;
    uint8_t *memory;
    struct connection all[TCP_CONNECTIONS_MAX];
};

static const size_t MEMORY_BYTES = (size_t)STREAM_BYTES * TCP_CONNECTIONS_MAX;

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- open connections in the order of their activity ---- */

static void unlink_connection(struct tcp *self, struct connection *c)
{
    *(c->older == NULL ? &self->oldest : &c->older->newer) = c->newer;
    *(c->newer == NULL ? &self->newest : &c->newer->older) = c->older;
}

static void link_newest(struct tcp *self, struct connection *c)
{
    c->older = self->newest;
    c->newer = NULL;
    *(self->newest == NULL ? &self->oldest : &self->newest->newer) = c;
    self->newest = c;
    c->active_ms = self->service.now_ms;
}

static void touch(struct tcp *self, struct connection *c)
{
    unlink_connection(self, c);
    link_newest(self, c);
}

static uint32_t position(const struct tcp *self, const struct connection *c)
{
    return (uint32_t)(c - self->all);
}

static void end(struct tcp *self, struct connection *c, _Atomic uint64_t *why)
{
    udp_add(why, 1);
    udp_add(&self->connections.open, (uint64_t)-1);
    close(c->stream.fd);
    stream_forget(&c->stream);
    unlink_connection(self, c);
    c->newer = self->free;
    self->free = c;
}

/* ---- one connection ---- */

static bool watch(struct tcp *self, int operation, int fd, uint32_t events, uint32_t what)
{
    struct epoll_event event = {.events = events, .data.u32 = what};
    return epoll_ctl(self->epoll_fd, operation, fd, &event) == 0;
}

/* How the connection is to end, or NULL when it goes on. */
static _Atomic uint64_t *progress(struct tcp *self, struct connection *c)
{
    bool is_active, was_sending = c->stream.is_sending;
    enum stream_outcome outcome = stream_progress(&c->stream, &self->service, &is_active);
    if (is_active)
        touch(self, c);
    if (outcome == STREAM_LEFT)
        return &self->connections.ended_by_peer;
    if (outcome == STREAM_REFUSED)
        return &self->connections.ended_unanswered;
    bool is_sending = outcome == STREAM_SENDS;
    if (is_sending == was_sending || watch(self, EPOLL_CTL_MOD, c->stream.fd,
                                           is_sending ? EPOLLOUT : EPOLLIN, position(self, c)))
        return NULL;
    return &self->connections.ended_failed;
}

static void serve(struct tcp *self, struct connection *c)
{
    _Atomic uint64_t *why = progress(self, c);
    if (why != NULL)
        end(self, c, why);
}

/* ---- accepting ---- */

/* A host has a whole /64 of IPv6 to itself. */
static bool is_same_source(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 8) == 0;
}

/* O(open connections): some microseconds, beside an accept that costs as much. */
static bool is_source_full(const struct tcp *self, const struct ip *client)
{
    size_t count = 0;
    for (const struct connection *c = self->oldest; c != NULL; c = c->newer)
        count += is_same_source(&c->stream.client, client);
    return count >= TCP_SOURCE_CONNECTIONS_MAX;
}

static void admit(struct tcp *self, int fd, const struct ip *client)
{
    udp_add(&self->connections.accepted, 1);
    if (is_source_full(self, client)) {
        udp_add(&self->connections.refused_source, 1);
        close(fd);
        return;
    }
    if (self->free == NULL)
        end(self, self->oldest, &self->connections.ended_evicted);
    struct connection *c = self->free;
    self->free = c->newer;
    stream_init(&c->stream, fd, client, self->memory + position(self, c) * (size_t)STREAM_BYTES);
    link_newest(self, c);
    udp_add(&self->connections.open, 1);
    if (!watch(self, EPOLL_CTL_ADD, fd, EPOLLIN, position(self, c)))
        end(self, c, &self->connections.ended_failed);
}

static void watch_listeners(struct tcp *self, uint32_t events)
{
    for (uint32_t i = 0; i < self->address_count; i++)
        watch(self, EPOLL_CTL_MOD, self->listeners[i], events, EVENT_LISTENER + i);
}

/* Without a descriptor or memory accept would fail again and again while the listener stays
 * readable: the oldest connection makes room, or accepting pauses. True: try again at once. */
static bool make_room(struct tcp *self, int error_number)
{
    udp_add(&self->connections.accept_failed, 1);
    if (error_number == EMFILE && self->oldest != NULL) {
        end(self, self->oldest, &self->connections.ended_evicted);
        return true;
    }
    self->accept_again_ms = self->service.now_ms + TCP_ACCEPT_PAUSE_MS;
    watch_listeners(self, 0);
    return false;
}

static bool is_out_of_room(int error_number)
{
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
           error_number == ENOMEM;
}

/* accept wants room before it looks whether anybody waits, so only its first failure in a turn,
 * right after the listener was found readable, is a client without room. Other errors are of a
 * connection that failed before it was ours (accept(2), error handling). */
static void accept_some(struct tcp *self, int listener)
{
    bool has_accepted = false;
    for (int i = 0; i < ACCEPTS_MAX && self->accept_again_ms == 0; i++) {
        union socket_name name;
        socklen_t size = sizeof name;
        int fd = accept4(listener, &name.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct ip client = socket_ip(&name);
            admit(self, fd, &client);
            has_accepted = true;
        } else if (errno == EAGAIN) {
            return;
        } else if (is_out_of_room(errno) && (has_accepted || !make_room(self, errno))) {
            return;
        }
    }
}

/* ---- the thread ---- */

static int wait_ms(const struct tcp *self)
{
    int64_t due_ms = INT64_MAX;
    if (self->oldest != NULL)
        due_ms = self->oldest->active_ms + self->idle_ms;
    if (self->accept_again_ms != 0 && self->accept_again_ms < due_ms)
        due_ms = self->accept_again_ms;
    if (due_ms == INT64_MAX)
        return -1;
    int64_t left_ms = due_ms - self->service.now_ms;
    return left_ms < 0 ? 0 : (int)(left_ms < INT_MAX ? left_ms : INT_MAX);
}

static void do_what_is_due(struct tcp *self)
{
    while (self->oldest != NULL && self->service.now_ms - self->oldest->active_ms >= self->idle_ms)
        end(self, self->oldest,
            self->oldest->stream.is_sending ? &self->connections.ended_slow
                                            : &self->connections.ended_idle);
    if (self->accept_again_ms != 0 && self->service.now_ms >= self->accept_again_ms) {
        self->accept_again_ms = 0;
        watch_listeners(self, EPOLLIN);
    }
}

/* Wait, then serve the connections that are ready, and only then accept: accepting may end an old
 * connection, whose event could still be among those in hand. False at the order to stop. */
static bool turn(struct tcp *self)
{
    struct epoll_event events[EVENTS_MAX];
    publish_offline();
    int count = epoll_wait(self->epoll_fd, events, EVENTS_MAX, wait_ms(self));
    publish_online();
    self->service.now_ms = clock_ms();
    bool is_stopping = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == EVENT_STOP)
            is_stopping = true;
        else if (events[i].data.u32 < EVENT_LISTENER)
            serve(self, &self->all[events[i].data.u32]);
    }
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 >= EVENT_LISTENER && events[i].data.u32 != EVENT_STOP)
            accept_some(self, self->listeners[events[i].data.u32 - EVENT_LISTENER]);
    }
    do_what_is_due(self);
    return !is_stopping;
}

static void *run(void *context)
{
    struct tcp *self = context;
    pthread_setname_np(pthread_self(), "dns-tcp");
    cpu_short_turns();
    publish_register();
    if (self->page != NULL)
        self->service.note = page_own_note(self->page, PAGE_TCP_NOTE);
    while (turn(self))
        ;
    for (struct connection *c = self->oldest, *newer; c != NULL; c = newer) {
        newer = c->newer;
        _Atomic uint64_t *why = progress(self, c);
        end(self, c, why != NULL ? why : &self->connections.ended_stop);
    }
    publish_unregister();
    return NULL;
}

/* ---- opening and closing ---- */

static int explain(int error_number, const char *what, char *error)
{
    snprintf(error, SOCKET_ERROR_MAX, "cannot %s: %s", what, strerror(error_number));
    return -error_number;
}

static int open_sockets(struct tcp *self, const struct udp_config *config, char *error)
{
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->stop_fd < 0)
        return explain(errno, "make an eventfd", error);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll_fd < 0 || !watch(self, EPOLL_CTL_ADD, self->stop_fd, EPOLLIN, EVENT_STOP))
        return explain(errno, "poll for DNS over TCP", error);
    for (uint32_t i = 0; i < self->address_count; i++) {
        int fd = socket_open_tcp(&config->addresses[i], &self->port, error);
        if (fd < 0)
            return fd;
        self->listeners[i] = fd;
        if (!watch(self, EPOLL_CTL_ADD, fd, EPOLLIN, EVENT_LISTENER + i))
            return explain(errno, "poll a DNS socket", error);
    }
    return 0;
}

/* Pages of the reserved memory become real when they are first written. */
static struct tcp *create(const struct udp_config *config)
{
    struct tcp *self = aligned_alloc(_Alignof(struct tcp), sizeof *self);
    if (self == NULL)
        return NULL;
    *self = (struct tcp){.service = {.publisher = config->publisher,
                                     .counts = &self->counts,
                                     .poison = &self->poison,
                                     .dice = dice_seed(),
                                     .now_ms = clock_ms()},
                         .page = config->page,
                         .idle_ms = config->tcp_idle_ms == 0 ? TCP_IDLE_MS : config->tcp_idle_ms,
                         .address_count = config->address_count,
                         .port = config->port,
                         .epoll_fd = -1,
                         .stop_fd = -1};
    if (self->page != NULL)
        self->poison = self->page->poison;
    self->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (self->memory == MAP_FAILED) {
        free(self);
        return NULL;
    }
    for (size_t i = 0; i < UDP_ADDRESSES_MAX; i++)
        self->listeners[i] = -1;
    for (size_t i = 0; i < TCP_CONNECTIONS_MAX; i++) {
        self->all[i].newer = self->free;
        self->free = &self->all[i];
    }
    return self;
}

int tcp_open(struct tcp **opened, const struct udp_config *config, char *error)
{
    assert(config->address_count >= 1);
    assert(config->address_count <= UDP_ADDRESSES_MAX);
    assert(config->publisher != NULL);
    assert(config->tcp_idle_ms >= 0);
    *opened = NULL;
    struct tcp *self = create(config);
    if (self == NULL)
        return explain(ENOMEM, "reserve memory for DNS over TCP", error);
    int result = open_sockets(self, config, error);
    if (result != 0) {
        tcp_close(self);
        return result;
    }
    *opened = self;
    return 0;
}

int tcp_start(struct tcp *self, char *error)
{
    assert(!self->is_started);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* what a thread inherits */
    int result = pthread_create(&self->id, NULL, run, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0)
        return explain(result, "start the thread for DNS over TCP", error);
    self->is_started = true;
    return 0;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void tcp_close(struct tcp *self)
{
    if (self == NULL)
        return;
    if (self->is_started) {
        eventfd_write(self->stop_fd, 1);
        pthread_join(self->id, NULL);
    }
    for (size_t i = 0; i < self->address_count; i++)
        close_if_open(self->listeners[i]);
    close_if_open(self->epoll_fd);
    close_if_open(self->stop_fd);
    munmap(self->memory, MEMORY_BYTES);
    free(self);
}

uint16_t tcp_port(const struct tcp *self)
{
    return self->port;
}

const struct udp_counts *tcp_counts(const struct tcp *self)
{
    return &self->counts;
}

const struct tcp_connections *tcp_connections(const struct tcp *self)
{
    return &self->connections;
}
