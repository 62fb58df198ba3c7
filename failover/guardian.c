#include "failover/guardian.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "failover/channel.h"

enum {
    GUARDIAN_EVENTS_MAX = 4,    /* signals, death, channel, and one to spare */
    GUARDIAN_MESSAGES_MAX = 16, /* read from the channel in one turn: a flood delays no refresh */
    GUARDIAN_SIGNALS_MAX = 8,
    GUARDIAN_LINE_MAX = 512 /* bytes; below PIPE_BUF, so poll tells whether a write would wait */
};

static void dispatch(struct guardian *self, const struct supervise_event *event);

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the log: whole lines to standard error, or none ---- */

static void __attribute__((format(printf, 2, 3)))
note(struct guardian *self, const char *format, ...)
{
    char line[GUARDIAN_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    size_t size = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[size++] = '\n';
    struct pollfd error_stream = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&error_stream, 1, 0) != 1 || (error_stream.revents & POLLOUT) == 0 ||
        write(STDERR_FILENO, line, size) < 0) {
        self->lines_lost++;
        return;
    }
    if (self->lines_lost > 0) {
        unsigned lost = self->lines_lost;
        self->lines_lost = 0;
        note(self, "guardian log lost -> written reason=stderr-full lines=%u", lost);
    }
}

static void note_worker(struct guardian *self, const struct supervise_action *action)
{
    char detail[96] = "";
    int length = 0;
    int status = self->worker_status;
    const int size = (int)sizeof detail;
    if (action->is != SUPERVISE_STARTING) /* it has no pid before it is spawned */
        length = snprintf(detail, sizeof detail, " pid=%d", self->worker_pid);
    if (action->reason == SUPERVISE_SIGNALLED)
        length +=
            snprintf(detail + length, (size_t)(size - length), " signal=%d", WTERMSIG(status));
    if (action->reason == SUPERVISE_EXITED || action->reason == SUPERVISE_CONFIGURATION ||
        action->reason == SUPERVISE_SYSTEM)
        length +=
            snprintf(detail + length, (size_t)(size - length), " status=%d", WEXITSTATUS(status));
    if (action->is == SUPERVISE_WAITING)
        snprintf(detail + length, (size_t)(size - length), " delay_ms=%lld",
                 (long long)(self->supervise.restart_at_ms - now_ms()));
    note(self, "guardian worker %s -> %s reason=%s%s",
         supervise_worker_word((enum supervise_worker)action->was),
         supervise_worker_word((enum supervise_worker)action->is),
         supervise_reason_word(action->reason), detail);
}

static void note_home(struct guardian *self, const struct supervise_action *action)
{
    char text[IP_TEXT_SIZE];
    const char *error = action->is == SUPERVISE_FAILED ? strerrorname_np(-self->lease_error) : NULL;
    note(self, "guardian address %s -> %s reason=%s address=%s interface=%s%s%s",
         supervise_address_word((enum supervise_address)action->was),
         supervise_address_word((enum supervise_address)action->is),
         supervise_reason_word(action->reason), ip_text(&self->homes[action->address], text),
         self->settings.interface, error != NULL ? " error=" : "", error != NULL ? error : "");
}

/* ---- actions ---- */

static void spawn(struct guardian *self)
{
    int error = worker_spawn(&self->worker, &self->settings.program);
    self->refused = 0;
    self->is_synced = false;
    self->is_told = true;
    if (error == 0) {
        struct epoll_event channel = {.events = EPOLLIN, .data.fd = self->worker.channel};
        self->worker_pid = self->worker.pid;
        if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->worker.channel, &channel) == 0)
            return;
        error = -errno;
        worker_signal(&self->worker, SIGKILL);
        note(self, "guardian channel open -> deaf reason=system error=%s", strerrorname_np(-error));
        return; /* it is reaped like any other death */
    }
    note(self, "guardian worker starting -> starting reason=spawn-failed error=%s",
         strerrorname_np(-error));
    dispatch(self,
             &(struct supervise_event){.kind = SUPERVISE_REAPED, .reason = SUPERVISE_SPAWN_FAILED});
}

/* Tell the worker of every home address; if its channel is full, again in the next turn. */
static void tell_homes(struct guardian *self)
{
    self->is_told = true;
    for (size_t i = 0; i < self->home_count; i++) {
        const struct supervise_home *home = &self->supervise.homes[i];
        bool is_hosts = self->supervise.address_count == 0;
        struct channel_message message = {
            .kind = CHANNEL_ADDRESS,
            .held = is_hosts || home->state == SUPERVISE_HELD,
            .address = self->homes[i],
            .since_ms =
                is_hosts || home->state == SUPERVISE_ABSENT ? self->started_ms : home->since_ms,
        };
        snprintf(message.reason, sizeof message.reason, "%s",
                 is_hosts ? "host" : supervise_reason_word(home->reason));
        if (channel_send(self->worker.channel, &message) < 0)
            self->is_told = false;
    }
}

static void lease(struct guardian *self)
{
    /* By name each time: an interface that was made anew has another index. */
    int interface = address_interface(self->settings.interface);
    for (size_t i = 0; i < self->supervise.address_count; i++) {
        const struct ip *home = &self->homes[i];
        int error = interface;
        if (interface > 0)
            error = address_lease(&self->address, interface, home, SUPERVISE_LEASE_S);
        if (error < 0)
            self->lease_error = error;
        dispatch(self, &(struct supervise_event){
                           .kind = error < 0 ? SUPERVISE_LEASE_FAILED : SUPERVISE_LEASED,
                           .address = i,
                       });
    }
}

static void release(struct guardian *self, size_t address)
{
    int interface = address_interface(self->settings.interface);
    int error =
        interface < 0 ? 0 : address_delete(&self->address, interface, &self->homes[address]);
    char text[IP_TEXT_SIZE];
    if (error < 0 && error != -EADDRNOTAVAIL)
        note(self, "guardian address held -> lapsed reason=delete-failed address=%s error=%s",
             ip_text(&self->homes[address], text), strerrorname_np(-error));
}

static void perform(struct guardian *self, const struct supervise_action *action)
{
    switch (action->kind) {
    case SUPERVISE_SPAWN:
        spawn(self);
        break;
    case SUPERVISE_KILL:
        worker_signal(&self->worker, SIGKILL);
        break;
    case SUPERVISE_TELL_STOP:
        /* A worker whose channel takes nothing hears of it as any process does. */
        if (channel_send(self->worker.channel, &(struct channel_message){.kind = CHANNEL_STOP}) < 0)
            worker_signal(&self->worker, SIGTERM);
        break;
    case SUPERVISE_TELL_RELOAD:
        worker_signal(&self->worker, SIGHUP);
        break;
    case SUPERVISE_TELL_HOMES:
        self->is_told = false; /* at the end of the turn, when both families have had theirs */
        break;
    case SUPERVISE_LEASE:
        lease(self);
        break;
    case SUPERVISE_RELEASE:
        release(self, action->address);
        break;
    case SUPERVISE_NOTE_WORKER:
        note_worker(self, action);
        break;
    case SUPERVISE_NOTE_HOME:
        note_home(self, action);
        break;
    case SUPERVISE_EXIT:
        self->exit_code = action->code;
        break;
    }
}

/* Step the supervisor and carry out what it says. Comes back here with the outcome of SPAWN and
 * LEASE only, whose own actions are neither: two levels deep at most. */
static void dispatch(struct guardian *self, const struct supervise_event *event)
{
    struct supervise_actions todo;
    supervise_step(&self->supervise, now_ms(), event, &todo);
    for (size_t i = 0; i < todo.count; i++)
        perform(self, &todo.list[i]);
}

static void dispatch_kind(struct guardian *self, enum supervise_event_kind kind,
                          enum supervise_reason reason)
{
    dispatch(self, &(struct supervise_event){.kind = kind, .reason = reason});
}

/* ---- events ---- */

static void on_ready(struct guardian *self)
{
    if (self->supervise.worker != SUPERVISE_STARTING)
        return;
    int error = worker_watch(&self->worker);
    if (error == 0)
        dispatch_kind(self, SUPERVISE_READY, 0);
    else
        dispatch_kind(self, SUPERVISE_DIED, SUPERVISE_PAGE_BROKEN);
}

/* What a worker may not say is refused like what does not decode: once a life in the log. */
static void refuse(struct guardian *self)
{
    if (self->refused++ == 0)
        note(self, "guardian channel message -> refused reason=malformed pid=%d", self->worker_pid);
}

static void on_message(struct guardian *self, const struct channel_message *message)
{
    switch (message->kind) {
    case CHANNEL_READY:
        on_ready(self);
        break;
    case CHANNEL_SYNC:
        if (message->synced != self->is_synced)
            note(self, "guardian sync %s -> %s reason=worker-says pid=%d",
                 self->is_synced ? "synced" : "unsynced", message->synced ? "synced" : "unsynced",
                 self->worker_pid);
        self->is_synced = message->synced;
        break;
    case CHANNEL_ADDRESS:
    case CHANNEL_STOP:
        refuse(self);
        break;
    }
}

static void on_death(struct guardian *self)
{
    enum page_death death = worker_sighting(&self->worker);
    if (death == PAGE_DIED)
        dispatch_kind(self, SUPERVISE_DIED, SUPERVISE_OWNER_DIED);
    else if (death == PAGE_NOT_LIVE)
        dispatch_kind(self, SUPERVISE_DIED, SUPERVISE_PAGE_BROKEN);
}

static void on_channel(struct guardian *self)
{
    for (int i = 0; i < GUARDIAN_MESSAGES_MAX && self->worker.channel >= 0; i++) {
        struct channel_message message;
        int received = channel_receive(self->worker.channel, &message);
        if (received == 0)
            return;
        if (received == 1) {
            on_message(self, &message);
        } else if (received == -EBADMSG) {
            refuse(self);
        } else {
            /* Off the list: the end of a channel stays readable until the worker is reaped. */
            epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, self->worker.channel, NULL);
            on_death(self); /* if that is why it ended */
            dispatch_kind(self, SUPERVISE_DIED, SUPERVISE_CHANNEL_ENDED);
            return;
        }
    }
}

static void on_child(struct guardian *self)
{
    int status;
    on_death(self); /* before its page is closed */
    if (worker_reap(&self->worker, &status) == 0)
        return;
    self->worker_status = status;
    bool is_exited = WIFEXITED(status);
    dispatch(self, &(struct supervise_event){
                       .kind = SUPERVISE_REAPED,
                       .reason = is_exited ? SUPERVISE_EXITED : SUPERVISE_SIGNALLED,
                       .exit_code = is_exited ? WEXITSTATUS(status) : 0,
                   });
}

static void on_signals(struct guardian *self)
{
    struct signalfd_siginfo signals[GUARDIAN_SIGNALS_MAX];
    ssize_t size = read(self->signal_fd, signals, sizeof signals);
    for (ssize_t i = 0; i < size / (ssize_t)sizeof *signals; i++) {
        if (signals[i].ssi_signo == SIGCHLD)
            on_child(self);
        else if (signals[i].ssi_signo == SIGHUP)
            dispatch_kind(self, SUPERVISE_RELOAD, 0);
        else
            dispatch_kind(self, SUPERVISE_STOP, SUPERVISE_STOP_ASKED);
    }
}

static int wait_ms(const struct guardian *self)
{
    int64_t deadline_ms = supervise_deadline_ms(&self->supervise);
    if (!self->is_told && deadline_ms > now_ms() + SUPERVISE_REFRESH_MS)
        return SUPERVISE_REFRESH_MS;
    if (deadline_ms == INT64_MAX)
        return -1;
    int64_t left_ms = deadline_ms - now_ms();
    return left_ms <= 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

int guardian_run(struct guardian *self)
{
    dispatch_kind(self, SUPERVISE_START, SUPERVISE_STARTED);
    while (self->exit_code < 0) {
        struct epoll_event events[GUARDIAN_EVENTS_MAX];
        int count = epoll_wait(self->epoll_fd, events, GUARDIAN_EVENTS_MAX, wait_ms(self));
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == self->worker.death_fd)
                on_death(self);
            else if (events[i].data.fd == self->signal_fd)
                on_signals(self);
            else
                on_channel(self);
        }
        if (supervise_deadline_ms(&self->supervise) <= now_ms())
            dispatch_kind(self, SUPERVISE_TIMEOUT, 0);
        if (!self->is_told && self->supervise.worker == SUPERVISE_ALIVE)
            tell_homes(self);
    }
    return self->exit_code;
}

/* ---- start and end ---- */

/* Remove the service addresses that an earlier life or a person left on the interface: only what we
 * hold may be there. EXIT_SYSTEM and a sentence when they cannot be changed. */
static int remove_residuals(struct guardian *self, int interface, char *sentence)
{
    const struct guardian_settings *settings = &self->settings;
    const struct ip *all[] = {&settings->home[0], &settings->home[1], &settings->partner_home[0],
                              &settings->partner_home[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[IP_TEXT_SIZE];
        if (all[i]->family == 0)
            continue;
        int removed = address_remove_residual(&self->address, interface, all[i]);
        if (removed > 0)
            note(self, "guardian address present -> absent reason=residual address=%s interface=%s",
                 ip_text(all[i], text), settings->interface);
        if (removed == -EPERM) {
            snprintf(sentence, GUARDIAN_SENTENCE_SIZE,
                     "no permission to add addresses to interface %s: start tandemd as root or "
                     "with CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)",
                     settings->interface);
            return EXIT_SYSTEM;
        }
        if (removed < 0) {
            snprintf(
                sentence, GUARDIAN_SENTENCE_SIZE,
                "service address %s stands on interface %s and cannot be removed (%s): take it "
                "out of the system's configuration, for tandemd adds it",
                ip_text(all[i], text), settings->interface, strerror(-removed));
            return EXIT_SYSTEM;
        }
    }
    return 0;
}

/* An own address that the host lacks is only said: it may still come, and DNS does not wait for it.
 * A worker that is to be reported to cannot listen there for agents, and ends the start itself. */
static void note_missing_own(struct guardian *self)
{
    for (size_t i = 0; i < 2; i++) {
        char text[IP_TEXT_SIZE];
        const struct ip *own = &self->settings.own[i];
        if (own->family != 0 && address_is_present(&self->address, own) == 0)
            note(self, "guardian own configured -> missing reason=not-on-this-host address=%s",
                 ip_text(own, text));
    }
}

static int check_interface(struct guardian *self, char *sentence)
{
    const char *name = self->settings.interface;
    int interface = address_interface(name);
    if (interface < 0) {
        snprintf(sentence, GUARDIAN_SENTENCE_SIZE,
                 "interface %s of node %s cannot be used (%s): create it, or correct "
                 "nodes.%s.interface in %s",
                 name, self->settings.program.node, strerror(-interface),
                 self->settings.program.node, self->settings.program.config);
        return EXIT_SYSTEM;
    }
    return remove_residuals(self, interface, sentence);
}

static int open_loop(struct guardian *self)
{
    sigset_t blocked, read;
    sigemptyset(&read);
    sigaddset(&read, SIGTERM);
    sigaddset(&read, SIGINT);
    sigaddset(&read, SIGHUP);
    sigaddset(&read, SIGCHLD);
    blocked = read;
    sigaddset(&blocked, SIGPIPE); /* a reader of the log that went away is no reason to die */
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    self->signal_fd = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->signal_fd < 0 || self->epoll_fd < 0)
        return -errno;
    const int fds[] = {self->signal_fd, self->worker.death_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        struct epoll_event readable = {.events = EPOLLIN, .data.fd = fds[i]};
        if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fds[i], &readable) < 0)
            return -errno;
    }
    return 0;
}

int guardian_open(struct guardian *self, const struct guardian_settings *settings,
                  char sentence[GUARDIAN_SENTENCE_SIZE])
{
    *self = (struct guardian){
        .settings = *settings,
        .started_ms = now_ms(),
        .is_told = true,
        .epoll_fd = -1,
        .signal_fd = -1,
        .exit_code = -1,
    };
    for (size_t i = 0; i < SUPERVISE_ADDRESSES_MAX; i++)
        if (settings->home[i].family != 0)
            self->homes[self->home_count++] = settings->home[i];
    bool is_ours = settings->interface[0] != '\0';
    supervise_init(&self->supervise, is_ours ? self->home_count : 0);

    int error = worker_open(&self->worker);
    if (error == 0)
        error = open_loop(self);
    if (error == 0)
        error = address_open(&self->address);
    if (error < 0) {
        snprintf(
            sentence, GUARDIAN_SENTENCE_SIZE,
            "the system refuses what the guardian needs (%s): raise its limits and start again",
            strerror(-error));
        return EXIT_SYSTEM;
    }
    note_missing_own(self);
    return is_ours ? check_interface(self, sentence) : 0;
}

void guardian_close(struct guardian *self)
{
    address_close(&self->address);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    worker_close(&self->worker);
}
