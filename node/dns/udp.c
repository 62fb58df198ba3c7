#include "node/dns/udp.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "node/dns/cpu.h"
#include "node/dns/dice.h"
#include "node/dns/udp_probe.h"

enum {
    EVENTS_MAX = UDP_ADDRESSES_MAX + 2, /* the sockets, the probes' and the order to stop */
    LAST_BATCHES_MAX = 256,             /* per socket at a stop: a flood must not prolong it */
};

/* One query and its answer. Sizes are odd multiples of a cache line, so that the beginnings of 32
 * neighbours do not fall into the same few sets of the cache. */
struct slot {
    _Alignas(64) uint8_t query[UDP_QUERY_SIZE_MAX];
    _Alignas(64) uint8_t answer[QUERY_UDP_SIZE_MAX];
    union socket_name client;
    struct iovec into, from;
};

/* What one thread owns; only its counts are read by others. */
struct thread {
    struct udp_counts counts;
    struct udp *udp;
    size_t position;
    _Atomic uint64_t *progress; /* in the page; NULL: nowhere */
    struct page_note *note;     /* likewise: the query in hand */
    struct udp_probe probe;
    int epoll_fd;
    int fds[UDP_ADDRESSES_MAX]; /* one for each address */
    char name[16];              /* set by the thread: without a dump only root may name another */
    pthread_t id;
    uint64_t dice;
    struct mmsghdr queries[UDP_BATCH];
    struct mmsghdr answers[UDP_BATCH]; /* those to be sent, without a gap */
    struct slot slots[UDP_BATCH];
};

struct udp {
    const struct publisher *publisher;
    struct page *page;    /* NULL: no guardian */
    struct poison poison; /* as the page had it at the start */
    size_t address_count, thread_count, started_count;
    uint16_t port;
    int stop_fd; /* readable: end */
    struct thread threads[];
};

void udp_count(struct udp_counts *counts, const struct answer *answer)
{
    assert(answer->reason < ANSWER_REASON_COUNT);
    assert(answer->query_reason < QUERY_REASON_COUNT);
    udp_add(&counts->by_reason[answer->reason], 1);
    udp_add(&counts->by_query_reason[answer->query_reason], 1);
}

/* ---- one batch ---- */

/* How many queries came; 0 when none waits. */
static unsigned receive(struct thread *self, int fd)
{
    int received = recvmmsg(fd, self->queries, UDP_BATCH, MSG_DONTWAIT, NULL);
    if (received >= 0)
        return (unsigned)received;
    if (errno != EAGAIN && errno != EINTR)
        udp_add(&self->counts.receive_failed, 1);
    return 0;
}

/* The answer to the query in slot, or an answer of size 0. */
static void answer_one(struct thread *self, const struct answer_request *request, struct slot *slot,
                       struct answer *answer)
{
    if (socket_port(&slot->client) == 0) {
        udp_add(&self->counts.from_port_zero, 1);
    } else if (request->view == NULL) {
        udp_add(&self->counts.unready, 1);
    } else if (poison_is_match(&self->udp->poison, request->bytes, request->size)) {
        udp_add(&self->counts.poison, 1);
    } else {
        page_note_begin(self->note, request->bytes, request->size);
        answer_query(request, slot->answer, sizeof slot->answer, answer);
        page_note_end(self->note);
        assert(answer->size <= sizeof slot->answer);
        udp_count(&self->counts, answer);
    }
}

int64_t udp_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Fill self->answers; returns how many there are. */
static unsigned answer_batch(struct thread *self, unsigned query_count)
{
    struct answer_request request = {
        .view = publish_view(self->udp->publisher),
        .now_ms = udp_now_ms(),
    };
    uint64_t bytes = 0;
    unsigned answer_count = 0;
    for (unsigned i = 0; i < query_count; i++) {
        struct slot *slot = &self->slots[i];
        struct msghdr *query = &self->queries[i].msg_hdr;
        request.bytes = slot->query;
        request.size = self->queries[i].msg_len;
        request.client = socket_ip(&slot->client);
        request.dice = dice_throw(&self->dice);
        bytes += request.size;
        struct answer answer = {0};
        answer_one(self, &request, slot, &answer);
        if (answer.size > 0) {
            struct msghdr *out = &self->answers[answer_count++].msg_hdr;
            slot->from.iov_len = answer.size;
            out->msg_name = &slot->client;
            out->msg_namelen = query->msg_namelen;
            out->msg_iov = &slot->from;
        }
        query->msg_namelen = sizeof slot->client; /* receive wrote there */
    }
    udp_add(&self->counts.received_bytes, bytes);
    return answer_count;
}

/* Never waits. A full buffer drops all that is left, any other failure (a firewall, no route, an
 * address that has just gone) the one answer that it stands for. */
static void send_batch(struct thread *self, int fd, unsigned answer_count)
{
    uint64_t bytes = 0;
    for (unsigned done = 0; done < answer_count;) {
        int sent = sendmmsg(fd, &self->answers[done], answer_count - done, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0) {
            bool is_full = errno == EAGAIN || errno == ENOBUFS;
            unsigned lost = is_full ? answer_count - done : 1;
            udp_add(&self->counts.send_failed, lost);
            done += lost;
            continue;
        }
        for (int i = 0; i < sent; i++)
            bytes += self->answers[done++].msg_len;
    }
    udp_add(&self->counts.sent_bytes, bytes);
}

/* Returns how many queries were received. */
static unsigned serve_batch(struct thread *self, int fd)
{
    unsigned query_count = receive(self, fd);
    if (query_count == 0)
        return 0;
    unsigned answer_count = answer_batch(self, query_count);
    send_batch(self, fd, answer_count);
    if (self->progress != NULL)
        udp_add(self->progress, query_count);
    return query_count;
}

/* ---- a thread ---- */

/* Serve what waits in the sockets, then nothing more. */
static void serve_last(struct thread *self)
{
    for (size_t i = 0; i < self->udp->address_count; i++) {
        for (int batches = 0; batches < LAST_BATCHES_MAX; batches++) {
            if (serve_batch(self, self->fds[i]) == 0)
                break;
        }
    }
}

/* The guardian waits for it before it deletes an address that its partner has taken. */
static void note_empty(struct thread *self)
{
    _Atomic uint64_t *empties = &self->udp->page->threads[self->position].empties;
    atomic_store(empties, atomic_load(empties) + 1);
}

/* One batch of each socket that has one, then the next poll, which does not sleep while a socket
 * has more: so no address can starve another. */
static void *run(void *context)
{
    struct thread *self = context;
    pthread_setname_np(pthread_self(), self->name);
    cpu_own(self->position, self->udp->thread_count);
    cpu_short_turns();
    publish_register();
    if (self->udp->page != NULL)
        self->note = page_own_note(self->udp->page, self->position);
    for (bool is_stopping = false; !is_stopping;) {
        struct epoll_event events[EVENTS_MAX];
        publish_offline();
        int count = epoll_wait(self->epoll_fd, events, EVENTS_MAX, -1);
        publish_online();
        if (count == 1 && events[0].data.fd == self->probe.fd)
            note_empty(self);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == self->udp->stop_fd)
                is_stopping = true;
            else if (events[i].data.fd == self->probe.fd)
                udp_probe_serve(&self->probe, self->udp->publisher, &self->dice, &self->counts);
            else
                serve_batch(self, events[i].data.fd);
        }
    }
    serve_last(self);
    publish_unregister();
    return NULL;
}

static bool watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void init_thread(struct thread *self, struct udp *udp, size_t position)
{
    self->udp = udp;
    self->position = position;
    self->progress = udp->page == NULL ? NULL : &udp->page->threads[position].answers;
    self->probe.fd = -1;
    self->epoll_fd = -1;
    self->dice = dice_seed();
    for (size_t i = 0; i < UDP_ADDRESSES_MAX; i++)
        self->fds[i] = -1;
    for (size_t i = 0; i < UDP_BATCH; i++) {
        struct slot *slot = &self->slots[i];
        slot->into = (struct iovec){.iov_base = slot->query, .iov_len = sizeof slot->query};
        slot->from = (struct iovec){.iov_base = slot->answer};
        self->queries[i].msg_hdr = (struct msghdr){.msg_name = &slot->client,
                                                   .msg_namelen = sizeof slot->client,
                                                   .msg_iov = &slot->into,
                                                   .msg_iovlen = 1};
        self->answers[i].msg_hdr.msg_iovlen = 1;
    }
}

/* ---- all threads ---- */

static int explain(int error_number, const char *what, char *error)
{
    snprintf(error, SOCKET_ERROR_MAX, "cannot %s: %s", what, strerror(error_number));
    return -error_number;
}

static int open_sockets(struct udp *udp, const struct udp_config *config, char *error)
{
    for (size_t i = 0; i < udp->thread_count; i++) {
        struct thread *thread = &udp->threads[i];
        thread->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (thread->epoll_fd < 0 || !watch(thread->epoll_fd, udp->stop_fd))
            return explain(errno, "poll for the DNS threads", error);
        for (size_t k = 0; k < udp->address_count; k++) {
            int fd = socket_open_udp(&config->addresses[k], &udp->port, i == 0, error);
            if (fd < 0)
                return fd;
            thread->fds[k] = fd;
            if (!watch(thread->epoll_fd, fd))
                return explain(errno, "poll a DNS socket", error);
        }
    }
    return 0;
}

/* Without a guardian there are none. */
static int open_probes(struct udp *udp, const struct ip *address, char *error)
{
    for (size_t i = 0; udp->page != NULL && i < udp->thread_count; i++) {
        struct thread *thread = &udp->threads[i];
        int result = udp_probe_open(&thread->probe, address, udp->page, i, error);
        if (result != 0)
            return result;
        if (!watch(thread->epoll_fd, thread->probe.fd))
            return explain(errno, "poll for probes", error);
    }
    if (udp->page != NULL)
        atomic_store(&udp->page->thread_count, (uint32_t)udp->thread_count);
    return 0;
}

static struct udp *create(const struct udp_config *config)
{
    size_t size = sizeof(struct udp) + config->thread_count * sizeof(struct thread);
    struct udp *udp = aligned_alloc(_Alignof(struct udp), size);
    if (udp == NULL)
        return NULL;
    memset(udp, 0, size);
    udp->publisher = config->publisher;
    udp->page = config->page;
    if (udp->page != NULL)
        udp->poison = udp->page->poison;
    udp->address_count = config->address_count;
    udp->thread_count = config->thread_count;
    udp->port = config->port;
    for (size_t i = 0; i < udp->thread_count; i++)
        init_thread(&udp->threads[i], udp, i);
    udp->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return udp;
}

int udp_open(struct udp **opened, const struct udp_config *config, char *error)
{
    assert(config->address_count >= 1);
    assert(config->address_count <= UDP_ADDRESSES_MAX);
    assert(config->thread_count >= 1);
    assert(config->thread_count <= UDP_THREADS_MAX);
    assert(config->publisher != NULL);
    assert(config->page == NULL || config->probe_address != NULL);
    *opened = NULL;
    struct udp *udp = create(config);
    if (udp == NULL)
        return explain(ENOMEM, "hold the DNS threads", error);
    int result = udp->stop_fd < 0 ? explain(errno, "make an eventfd", error)
                                  : open_sockets(udp, config, error);
    if (result == 0)
        result = open_probes(udp, config->probe_address, error);
    if (result != 0) {
        udp_close(udp);
        return result;
    }
    *opened = udp;
    return 0;
}

int udp_start(struct udp *udp, char *error)
{
    assert(udp->started_count == 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* what a thread inherits */
    int result = 0;
    for (size_t i = 0; i < udp->thread_count && result == 0; i++) {
        struct thread *thread = &udp->threads[i];
        snprintf(thread->name, sizeof thread->name, "dns%u", (unsigned)i);
        result = pthread_create(&thread->id, NULL, run, thread);
        if (result != 0)
            break;
        udp->started_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result == 0 ? 0 : explain(result, "start a DNS thread", error);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void udp_close(struct udp *udp)
{
    if (udp == NULL)
        return;
    if (udp->started_count > 0)
        eventfd_write(udp->stop_fd, 1);
    for (size_t i = 0; i < udp->started_count; i++)
        pthread_join(udp->threads[i].id, NULL);
    for (size_t i = 0; i < udp->thread_count; i++) {
        struct thread *thread = &udp->threads[i];
        for (size_t k = 0; k < udp->address_count; k++)
            close_if_open(thread->fds[k]);
        udp_probe_close(&thread->probe);
        close_if_open(thread->epoll_fd);
    }
    close_if_open(udp->stop_fd);
    free(udp);
}

uint16_t udp_port(const struct udp *udp)
{
    return udp->port;
}

const struct udp_counts *udp_counts(const struct udp *udp, size_t thread)
{
    assert(thread < udp->thread_count);
    return &udp->threads[thread].counts;
}
