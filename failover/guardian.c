#include "failover/guardian.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "failover/channel.h"
#include "failover/guardian_gate.h"
#include "failover/guardian_lan.h"
#include "failover/guardian_log.h"
#include "failover/guardian_start.h"
#include "failover/guardian_tell.h"

enum {
    GUARDIAN_EVENTS_MAX = 16,   /* signals, death, channel, the partner's, and some to spare */
    GUARDIAN_MESSAGES_MAX = 16, /* read from the channel in one turn: a flood delays no refresh */
    GUARDIAN_SIGNALS_MAX = 8,
    GUARDIAN_WAIT_US = 60000000, /* the longest wait */
};

static void dispatch(struct guardian *self, const struct supervise_event *event);

static int64_t now_ms(void)
{
    return guardian_now_us() / 1000;
}

/* ---- actions ---- */

static void spawn(struct guardian *self)
{
    int error = worker_spawn(&self->worker, &self->settings.program);
    self->refused = 0;
    self->is_synced = false;
    guardian_tell_anew(self);
    if (error == 0) {
        struct epoll_event channel = {.events = EPOLLIN, .data.fd = self->worker.channel};
        self->worker_pid = self->worker.pid;
        if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->worker.channel, &channel) == 0)
            return;
        error = -errno;
        worker_signal(&self->worker, SIGKILL);
        guardian_note(self, "guardian channel open -> deaf reason=system error=%s",
                      strerrorname_np(-error));
        return; /* it is reaped like any other death */
    }
    guardian_note(self, "guardian worker starting -> starting reason=spawn-failed error=%s",
                  strerrorname_np(-error));
    dispatch(self,
             &(struct supervise_event){.kind = SUPERVISE_REAPED, .reason = SUPERVISE_SPAWN_FAILED});
}

static void perform(struct guardian *self, const struct supervise_action *action)
{
    switch (action->kind) {
    case SUPERVISE_SPAWN:
        spawn(self);
        break;
    case SUPERVISE_KILL:
        if (action->reason == SUPERVISE_HANG)
            worker_kill_hung(&self->worker, gate_stuck_threads(&self->gate));
        else
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
    case SUPERVISE_NOTE_WORKER:
        guardian_note_worker(self, now_ms(), action);
        break;
    case SUPERVISE_EXIT:
        self->exit_code = action->code;
        break;
    }
}

/* Step the supervisor and carry out what it says. Comes back here with the outcome of SPAWN
 * only, whose own actions do not: two levels deep at most. */
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

/* Something of the pair's, without more to it. */
static void tell_partner(struct guardian *self, enum pair_event_kind kind)
{
    if (self->holds_addresses)
        partner_tell(&self->partner, guardian_now_us(), &(struct pair_event){.kind = kind});
}

static void on_ready(struct guardian *self)
{
    if (self->supervise.worker != SUPERVISE_STARTING)
        return;
    int error = worker_watch(&self->worker);
    if (error < 0) {
        dispatch_kind(self, SUPERVISE_DIED, SUPERVISE_PAGE_BROKEN);
        return;
    }
    dispatch_kind(self, SUPERVISE_READY, 0);
    if (!self->partner.pair.is_away)
        return;
    guardian_note_upgrade(self, now_ms(), "upgrading", "running", "ready");
    tell_partner(self, PAIR_EVENT_RETURN);
}

/* What a worker may not say is refused like what does not decode: once a life in the log. */
static void refuse(struct guardian *self)
{
    if (self->refused++ == 0)
        guardian_note(self, "guardian channel message -> refused reason=malformed pid=%d",
                      self->worker_pid);
}

static void on_handover(struct guardian *self, const struct channel_message *message)
{
    uint8_t node = message->away ? (uint8_t)(1 - message->home) : message->home;
    if (self->holds_addresses)
        partner_tell(&self->partner, guardian_now_us(),
                     &(struct pair_event){
                         .kind = PAIR_EVENT_HANDOVER,
                         .home = message->home,
                         .handover = {.version = message->version, .node = node},
                     });
}

/* Rule 3: those that this node hears, and how many of them lost the partner. */
static void tell_agents(struct guardian *self, uint16_t fresh, uint16_t lost)
{
    if (self->holds_addresses)
        partner_tell(&self->partner, guardian_now_us(),
                     &(struct pair_event){.kind = PAIR_EVENT_AGENTS, .fresh = fresh, .lost = lost});
}

static void on_message(struct guardian *self, const struct channel_message *message)
{
    switch (message->kind) {
    case CHANNEL_READY:
        on_ready(self);
        break;
    case CHANNEL_SYNC:
        if (message->synced != self->is_synced)
            guardian_note(self, "guardian sync %s -> %s reason=worker-says pid=%d",
                          self->is_synced ? "synced" : "unsynced",
                          message->synced ? "synced" : "unsynced", self->worker_pid);
        self->is_synced = message->synced;
        break;
    case CHANNEL_HANDOVER:
        on_handover(self, message);
        break;
    case CHANNEL_RESET:
        tell_partner(self, PAIR_EVENT_RESET);
        dispatch_kind(self, SUPERVISE_RESET, 0);
        break;
    case CHANNEL_UPGRADE:
        guardian_note_upgrade(self, now_ms(), "running", "upgrading", "ordered");
        tell_partner(self, PAIR_EVENT_LEAVE);
        break;
    case CHANNEL_AGENTS:
        tell_agents(self, message->fresh, message->lost);
        break;
    default:
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
    guardian_note_poison(self);
    tell_agents(self, 0, 0); /* nobody counts them now */
    bool is_exited = WIFEXITED(status);
    dispatch(self, &(struct supervise_event){
                       .kind = SUPERVISE_REAPED,
                       .reason = is_exited ? SUPERVISE_EXITED : SUPERVISE_SIGNALLED,
                       .exit_code = is_exited ? WEXITSTATUS(status) : 0,
                   });
}

/* First the partner takes over, then the worker ends. Asked again: at once. */
static void on_stop(struct guardian *self)
{
    bool is_asked_again = self->holds_addresses && partner_is_stopping(&self->partner);
    guardian_keep(self, now_ms(), CHANNEL_GUARDIAN, "running", "stopping", "stop");
    if (self->holds_addresses && !is_asked_again)
        tell_partner(self, PAIR_EVENT_STOP);
    else
        dispatch_kind(self, SUPERVISE_STOP, SUPERVISE_STOP_ASKED);
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
            on_stop(self);
    }
}

/* The worker's state, as soon as it changed: its death is the partner's cue. */
static void tell_fitness(struct guardian *self)
{
    bool is_fit = self->supervise.worker == SUPERVISE_ALIVE && self->gate.is_fit;
    if (!self->holds_addresses || (is_fit == self->is_fit && self->is_synced == self->was_synced))
        return;
    self->is_fit = is_fit;
    self->was_synced = self->is_synced;
    partner_tell(
        &self->partner, guardian_now_us(),
        &(struct pair_event){.kind = PAIR_EVENT_WORKER, .fit = is_fit, .synced = self->is_synced});
}

/* The supervisor hears of a hang when it begins and when it ends. */
static void step_gate(struct guardian *self)
{
    guardian_step_gate(self, now_ms());
    bool is_hanging = gate_is_hanging(&self->gate);
    if (is_hanging != self->is_hanging)
        dispatch_kind(self, is_hanging ? SUPERVISE_HANGS : SUPERVISE_MOVES, 0);
    self->is_hanging = is_hanging;
}

/* How long nothing is due. */
static struct timespec wait_time(struct guardian *self)
{
    int64_t now = guardian_now_us(), deadline_ms = supervise_deadline_ms(&self->supervise);
    if (gate_deadline_ms(&self->gate) < deadline_ms)
        deadline_ms = gate_deadline_ms(&self->gate);
    int64_t due_us = deadline_ms == INT64_MAX ? INT64_MAX : deadline_ms * 1000;
    if (self->holds_addresses && partner_deadline_us(&self->partner) < due_us)
        due_us = self->partner.deadline_us;
    int64_t left_us = due_us <= now ? 0 : due_us - now;
    if (left_us > GUARDIAN_WAIT_US)
        left_us = GUARDIAN_WAIT_US;
    return (struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
}

static void on_event(struct guardian *self, int fd)
{
    if (fd == self->worker.death_fd)
        on_death(self);
    else if (fd == self->signal_fd)
        on_signals(self);
    else if (fd == self->worker.channel)
        on_channel(self);
    else
        partner_mark(&self->partner, fd);
    tell_fitness(self);
}

/* The partner holds all: the worker is replaced. Or it cannot: nothing comes of it. */
static void follow_upgrade(struct guardian *self)
{
    if (self->partner.has_left)
        dispatch_kind(self, SUPERVISE_REPLACE, 0);
    if (self->partner.has_stayed)
        guardian_note_upgrade(self, now_ms(), "upgrading", "running", "partner-unable");
    self->partner.has_left = self->partner.has_stayed = false;
}

/* The partner's turn, whatever it was that woke us. */
static void turn_partner(struct guardian *self)
{
    if (!self->holds_addresses)
        return;
    partner_turn(&self->partner, guardian_now_us());
    guardian_note_lateness(self, guardian_now_us());
    guardian_note_lan(self, guardian_now_us());
    if (self->partner.is_reopened)
        guardian_watch_partner(self);
    if (self->partner.is_changed || self->partner.address_error != self->lease_error)
        self->is_told = false;
    self->partner.is_changed = false;
    guardian_note_moves(self, now_ms());
    guardian_note_reception(self, now_ms());
    follow_upgrade(self);
    if (self->partner.is_over)
        dispatch_kind(self, SUPERVISE_STOP, SUPERVISE_STOP_ASKED);
}

int guardian_run(struct guardian *self)
{
    guardian_keep(self, now_ms(), CHANNEL_GUARDIAN, "", "running", "start");
    dispatch_kind(self, SUPERVISE_START, SUPERVISE_STARTED);
    while (self->exit_code < 0) {
        struct epoll_event events[GUARDIAN_EVENTS_MAX];
        struct timespec wait = wait_time(self);
        int count = epoll_pwait2(self->epoll_fd, events, GUARDIAN_EVENTS_MAX, &wait, NULL);
        if (self->holds_addresses)
            partner_wake(&self->partner, guardian_now_us());
        for (int i = 0; i < count; i++)
            on_event(self, events[i].data.fd);
        turn_partner(self);
        step_gate(self);
        guardian_watch_queues(self, guardian_now_us());
        if (supervise_deadline_ms(&self->supervise) <= now_ms())
            dispatch_kind(self, SUPERVISE_TIMEOUT, 0);
        tell_fitness(self);
        guardian_tell(self, guardian_now_us());
    }
    return self->exit_code;
}
