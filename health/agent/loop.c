/* The agent's one thread: frames, then figures, then timers. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "health/agent/agent.h"
#include "health/agent/machine.h"
#include "health/agent/say.h"

enum { PROC_SIZE_MAX = 65536, FRAMES_PER_TURN = 64 };

static int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t agent_now_ms(void)
{
    return clock_us() / 1000;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t later(int64_t a_ms, int64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

/* ---- lines for the operator ---- */

/* One line a minute about each trouble with each node, with the number of those passed over. */
__attribute__((format(printf, 5, 6))) static void log_trouble(struct agent *self, int64_t now_ms,
                                                              size_t node,
                                                              enum agent_trouble trouble,
                                                              const char *format, ...)
{
    int64_t *logged_ms = &self->logged_ms[node][trouble];
    uint64_t *not_logged = &self->not_logged[node][trouble];
    if (*logged_ms != INT64_MIN && now_ms - *logged_ms < AGENT_LOG_MS) {
        ++*not_logged;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (*not_logged > 0)
        fprintf(stderr, " (and %" PRIu64 " times since the last such line)", *not_logged);
    fputc('\n', stderr);
    *logged_ms = now_ms;
    *not_logged = 0;
}

static void forget_trouble(struct agent *self, size_t node, enum agent_trouble trouble)
{
    self->logged_ms[node][trouble] = INT64_MIN;
    self->not_logged[node][trouble] = 0;
}

/* ---- out ---- */

static void step(struct agent *self, int64_t now_ms, const struct reporter_event *event)
{
    say_step(&self->reporter, self->link, now_ms, event, &self->update);
}

/* ---- figures ---- */

static const char *read_proc(const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t got = fd < 0 ? 0 : 1;
    while (got > 0 && size < PROC_SIZE_MAX) {
        got = read(fd, text + size, PROC_SIZE_MAX - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    text[size] = '\0';
    return text;
}

static void take_figures(struct agent *self, int64_t now_ms)
{
    if (now_ms < self->figures_due_ms)
        return;
    self->figures_due_ms = now_ms + AGENT_FIGURES_MS;
    static char texts[4][PROC_SIZE_MAX + 1];
    struct sample_texts read = {.stat = read_proc("/proc/stat", texts[0]),
                                .meminfo = read_proc("/proc/meminfo", texts[1]),
                                .diskstats = read_proc("/proc/diskstats", texts[2]),
                                .net_dev = read_proc("/proc/net/dev", texts[3])};
    struct sample *newest = &self->samples[self->sample_count++ % AGENT_FIGURES_KEPT];
    sample_read(newest, now_ms, &read);
    size_t oldest =
        self->sample_count <= AGENT_FIGURES_KEPT ? 0 : self->sample_count % AGENT_FIGURES_KEPT;
    sample_figures(&self->samples[oldest], newest, &self->report);
}

static int count_sockets(struct agent *self, int64_t now_ms)
{
    if (now_ms < self->count_due_ms)
        return 0;
    int64_t began_us = clock_us();
    int error = sockets_established(self->sockets, &self->report);
    int64_t took_ms = (clock_us() - began_us) / 1000;
    self->count_due_ms =
        now_ms + earlier(later(took_ms * AGENT_COUNT_SHARE, AGENT_TICK_MS), AGENT_COUNT_MS_MAX);
    if (error == 0)
        self->counted_ms = now_ms;
    return error;
}

static void tick(struct agent *self, int64_t now_ms)
{
    if (now_ms < self->tick_due_ms)
        return;
    self->tick_due_ms = now_ms + AGENT_TICK_MS;
    take_figures(self, now_ms);
    int listening_error = sockets_listening(self->sockets, &self->report);
    int count_error = count_sockets(self, now_ms);
    int error = listening_error != 0 ? listening_error : count_error;
    if (error != 0)
        log_trouble(self, now_ms, 0, AGENT_SOCKETS_UNKNOWN,
                    "sockets unknown reason=no-dump: the kernel does not tell: %s",
                    strerror(-error));
    /* A count that failed just now may stand a while; who listens must be known. */
    if (listening_error == 0 && now_ms - self->counted_ms <= 2 * AGENT_COUNT_MS_MAX)
        step(self, now_ms,
             &(struct reporter_event){.type = REPORTER_SAMPLE, .report = &self->report});
}

/* ---- frames ---- */

static void note_up(struct agent *self, size_t node)
{
    if (!self->up[node])
        fprintf(stderr, "link %s down -> up\n", self->config.nodes[node].name);
    self->up[node] = true;
    forget_trouble(self, node, AGENT_KEY_REFUSED);
}

static void note_down(struct agent *self, int64_t now_ms, const struct link_event *event)
{
    const char *name = self->config.nodes[event->peer].name;
    if (self->up[event->peer])
        fprintf(stderr, "link %s up -> down reason=%s\n", name,
                event->refused ? "unknown-key" : "connection-lost");
    self->up[event->peer] = false;
    if (event->refused)
        log_trouble(self, now_ms, event->peer, AGENT_KEY_REFUSED,
                    "link %s refused reason=unknown-key: put this server's public key into the "
                    "cluster's document, or the right secret key into %s",
                    name, self->config.key_path);
}

/* Connected but not greeted: a node does not answer a stranger's HELLO. */
static void watch_greeting(struct agent *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->config.node_count; i++) {
        if (!self->up[i] || self->reporter.nodes[i].greeted)
            self->greeted_ms[i] = now_ms;
        else if (now_ms - self->greeted_ms[i] >= AGENT_HELLO_MS_MAX)
            log_trouble(self, now_ms, i, AGENT_NOT_GREETED,
                        "link %s silent reason=no-hello: in the cluster's document this server's "
                        "key may belong to another name than \"%s\", or the cluster is not \"%s\"",
                        self->config.nodes[i].name, self->config.server, self->config.cluster);
        if (self->reporter.nodes[i].unsent)
            log_trouble(self, now_ms, i, AGENT_QUEUE_FULL,
                        "link %s full reason=not-reading: it gets the newest report when it reads "
                        "again",
                        self->config.nodes[i].name);
    }
}

static void take_frame(struct agent *self, int64_t now_ms, const struct link_event *event)
{
    enum message_reason reason =
        message_decode(&self->message, &self->space, event->bytes, event->size, NULL);
    const char *text = message_reason_text(reason);
    if (reason == MESSAGE_OK) {
        step(self, now_ms,
             &(struct reporter_event){
                 .type = REPORTER_MESSAGE, .node = event->peer, .message = &self->message});
        if (self->update.reason == REPORTER_TAKEN)
            return;
        text = reporter_reason_text(self->update.reason);
    }
    const char *name = self->config.nodes[event->peer].name;
    const struct message_hello *hello = &self->message.hello;
    if (reason == MESSAGE_OK && self->update.reason == REPORTER_WRONG_PROTOCOL)
        log_trouble(self, now_ms, event->peer, AGENT_MESSAGE_REFUSED,
                    "refuse %s reason=%s: it speaks protocol %" PRIu64 " to %" PRIu64
                    ", this agent %d to %d: upgrade the one of the lower version",
                    name, text, hello->protocol_min, hello->protocol_max, MESSAGE_PROTOCOL_MIN,
                    MESSAGE_PROTOCOL_MAX);
    else
        log_trouble(self, now_ms, event->peer, AGENT_MESSAGE_REFUSED, "refuse %s reason=%s", name,
                    text);
}

static void take_frames(struct agent *self)
{
    struct link_event event;
    for (size_t i = 0; i < FRAMES_PER_TURN; i++) {
        link_receive(self->link, &event);
        int64_t now_ms = agent_now_ms();
        switch (event.type) {
        case LINK_NOTHING:
        case LINK_STRANGER: /* an agent listens to nobody */
            return;
        case LINK_UP:
            note_up(self, event.peer);
            step(self, now_ms,
                 &(struct reporter_event){.type = REPORTER_LINK_UP, .node = event.peer});
            break;
        case LINK_DOWN:
            note_down(self, now_ms, &event);
            step(self, now_ms,
                 &(struct reporter_event){.type = REPORTER_LINK_DOWN, .node = event.peer});
            break;
        case LINK_FRAME:
            take_frame(self, now_ms, &event);
            break;
        }
    }
}

/* ---- the loop ---- */

static int watch(struct agent *self, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int agent_open(struct agent *self)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->signal_fd < 0 || self->epoll_fd < 0)
        return -errno;
    struct reporter_config config = {
        .cluster = self->config.cluster,
        .server = self->config.server,
        .node_count = self->config.node_count,
        .interval_ms = self->config.interval_ms,
        .gap_ms = AGENT_GAP_MS,
        .lack_ms = AGENT_LACK_MS,
        .socket_step = self->config.step_sockets,
        .permille_step = (uint16_t)(self->config.step_percent * 10),
    };
    while (config.boot == 0)
        randombytes_buf(&config.boot, sizeof config.boot);
    machine_id(config.machine);
    reporter_init(&self->reporter, &config);
    self->report.service_count = self->config.port_count;
    for (size_t i = 0; i < self->config.port_count; i++)
        self->report.services[i].port = self->config.ports[i];
    for (size_t i = 0; i < self->config.node_count; i++)
        for (size_t j = 0; j < AGENT_TROUBLE_COUNT; j++)
            forget_trouble(self, i, (enum agent_trouble)j);
    pack_space_open(&self->space);
    int error = sockets_open(&self->sockets, self->config.ports, self->config.port_count);
    if (error == 0)
        error = sockets_listening(self->sockets, &self->report); /* can this kernel tell? */
    if (error == 0)
        error = watch(self, self->signal_fd);
    if (error == 0)
        error = watch(self, link_fd(self->link));
    return error;
}

static int sleep_ms(struct agent *self, int64_t now_ms)
{
    if (link_pending(self->link))
        return 0;
    int64_t due_ms = earlier(self->tick_due_ms, reporter_deadline(&self->reporter));
    return due_ms <= now_ms ? 0 : (int)(due_ms - now_ms);
}

/* A stop is announced by a last report, so that who is started anew has all the time until that is
 * stale; then the acknowledgements are awaited, though not for long. */
static bool is_over(struct agent *self)
{
    struct signalfd_siginfo signal;
    int64_t now_ms = agent_now_ms();
    if (self->stopped_ms == 0 && read(self->signal_fd, &signal, sizeof signal) == sizeof signal) {
        self->stopped_ms = now_ms;
        step(self, now_ms, &(struct reporter_event){.type = REPORTER_STOP});
    }
    return self->stopped_ms != 0 && (now_ms - self->stopped_ms >= AGENT_STOP_MS ||
                                     reporter_is_heard(&self->reporter, self->stopped_ms));
}

int agent_loop(struct agent *self)
{
    while (!is_over(self)) {
        struct epoll_event events[2];
        int ready = epoll_wait(self->epoll_fd, events, 2, sleep_ms(self, agent_now_ms()));
        if (ready < 0 && errno != EINTR)
            return -errno;
        take_frames(self);
        int64_t now_ms = agent_now_ms();
        tick(self, now_ms);
        watch_greeting(self, now_ms);
        if (now_ms >= reporter_deadline(&self->reporter))
            step(self, now_ms, &(struct reporter_event){.type = REPORTER_TIMEOUT});
    }
    return 0;
}

void agent_close(struct agent *self)
{
    sockets_close(self->sockets);
    link_close(self->link);
    if (self->space.zone != NULL)
        pack_space_close(&self->space);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
}
