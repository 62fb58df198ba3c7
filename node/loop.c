/* The control thread: what comes in becomes an event, in this order: frames, the guardian, the
 * disk, requests, and only then timers, so that silence is judged after all that waited was heard.
 * */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "node/worker.h"

enum {
    FRAMES_PER_TURN = 1024,
    HOUSEKEEPING_MS = 1000, /* sums in the log */
    AGENTS_MS = 250,        /* between two words to the guardian about them */
    SLEEP_MS_MAX = 100,     /* the guardian wants to see progress within a second */
};

_Static_assert((uint32_t)RECORD_ORDER_RANK_MAX == (uint32_t)CHANNEL_VERSION_MAX,
               "a rank is told as a version");

int64_t worker_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static int sleep_ms(struct worker *self, int64_t now_ms)
{
    if (self->link != NULL && link_pending(self->link))
        return 0;
    int64_t due_ms = earlier(node_deadline(&self->node), self->housekeeping_due_ms);
    due_ms = earlier(due_ms, control_deadline(self->control));
    due_ms = earlier(due_ms, worker_documents_deadline(self));
    if (due_ms <= now_ms)
        return 0;
    return (int)earlier(due_ms - now_ms, SLEEP_MS_MAX);
}

/* What its history was; that is told at once on a new connection. */
static void forget_partner(struct worker *self)
{
    worker_history(self, worker_now_ms(), &(struct history_event){.type = HISTORY_PARTNER_LOST});
}

static void take_frames(struct worker *self)
{
    struct link_event event;
    for (size_t i = 0; self->link != NULL && i < FRAMES_PER_TURN; i++) {
        link_receive(self->link, &event);
        struct node_event step = {
            .peer = event.peer, .session = event.session, .bytes = event.bytes, .size = event.size};
        switch (event.type) {
        case LINK_NOTHING:
            return;
        case LINK_UP:
            step.type = NODE_LINK_UP;
            forget_partner(self);
            break;
        case LINK_DOWN:
            step.type = NODE_LINK_DOWN;
            forget_partner(self);
            break;
        case LINK_FRAME:
            if (join_is(event.bytes, event.size)) {
                worker_join(self, worker_now_ms(), &event);
                continue;
            }
            if (event.peer == REPLICA_PARTNER && history_message_is(event.bytes, event.size)) {
                worker_take_history(self, worker_now_ms(), event.bytes, event.size);
                continue;
            }
            step.type = NODE_FRAME;
            break;
        case LINK_STRANGER:
            worker_join(self, worker_now_ms(), &event);
            continue;
        }
        worker_step(self, worker_now_ms(), &step);
    }
}

/* ---- the guardian ---- */

/* What the guardian says of one address, into the list of all that are held. */
static void note_held(struct worker *self, int64_t now_ms, const struct channel_message *message)
{
    /* The list as the node keeps it: its ages are of now. */
    struct status held = self->node.status;
    for (size_t i = 0; i < held.held_count; i++)
        held.held[i].since_s = (uint32_t)((now_ms - self->node.held_since_ms[i]) / 1000);
    size_t at = 0;
    while (at < held.held_count && !ip_equal(&held.held[at].address, &message->address))
        at++;
    if (message->held && at < STATUS_HELD_MAX) {
        struct status_held *entry = &held.held[at];
        int64_t since_ms = now_ms - message->since_ms;
        entry->address = message->address;
        entry->since_s = since_ms < 0 ? 0 : (uint32_t)(since_ms / 1000);
        snprintf(entry->reason, sizeof entry->reason, "%s", message->reason);
        if (at == held.held_count)
            held.held_count++;
    } else if (!message->held && at < held.held_count) {
        held.held[at] = held.held[--held.held_count];
    }
    worker_step(self, now_ms, &(struct node_event){.type = NODE_HOLDS, .status = &held});
}

int64_t worker_wall_ms(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec > 0 ? wall.tv_sec * 1000 + wall.tv_nsec / 1000000 : 0;
}

/* Its state, and the time of day, for the partner. */
static void note_fitness(struct worker *self, int64_t now_ms)
{
    struct fitness fitness = {.wall_ms = worker_wall_ms()};
    if (self->told.has_state)
        told_fitness(&self->told.state, &fitness);
    worker_step(self, now_ms, &(struct node_event){.type = NODE_FITNESS, .fitness = &fitness});
}

static void note_happened(struct worker *self, int64_t now_ms,
                          const struct channel_message *message)
{
    const struct document *document = &self->served->document;
    const char *const names[PAIR_NODES] = {
        document->nodes[0].name, document->node_count > 1 ? document->nodes[1].name : NULL};
    struct transition transition;
    told_transition(message, now_ms, names, self->node.config.self, &transition);
    worker_step(self, now_ms,
                &(struct node_event){.type = NODE_HAPPENED, .transition = &transition});
}

static void take_message(struct worker *self, int64_t now_ms, const struct channel_message *message)
{
    told_take(&self->told, now_ms, message);
    if (message->kind == CHANNEL_ADDRESS)
        note_held(self, now_ms, message);
    else if (message->kind == CHANNEL_NOTE)
        note_happened(self, now_ms, message);
    else if (message->kind == CHANNEL_STATE)
        note_fitness(self, now_ms);
    else if (message->kind == CHANNEL_STOP)
        self->is_stopping = true;
}

static void take_guardian(struct worker *self, int64_t now_ms)
{
    if (self->channel_fd < 0)
        return;
    struct channel_message message;
    for (;;) {
        int got = channel_receive(self->channel_fd, &message);
        if (got == -EBADMSG)
            continue;
        if (got == 1) {
            take_message(self, now_ms, &message);
            continue;
        }
        if (got == -EPIPE && !self->is_stopping) {
            log_line(self->log, "worker %s stops reason=guardian-gone", self->node_name);
            self->is_stopping = true;
        }
        return;
    }
}

static void tell_guardian_sync(struct worker *self, enum replica_sync *told)
{
    if (self->channel_fd < 0 || *told == self->node.replica.sync)
        return;
    struct channel_message message = {.kind = CHANNEL_SYNC,
                                      .synced = self->node.replica.sync == REPLICA_SYNCED};
    if (channel_send(self->channel_fd, &message) == 0)
        *told = self->node.replica.sync;
}

/* Rule 3 of the pair: a few times a second at most, and only news. */
static void tell_guardian_agents(struct worker *self, int64_t now_ms)
{
    struct channel_message message = {.kind = CHANNEL_AGENTS};
    if (self->channel_fd < 0 || now_ms < self->agents_due_ms)
        return;
    self->agents_due_ms = now_ms + AGENTS_MS;
    node_count_agents(&self->node, now_ms, &message.fresh, &message.lost);
    if (message.fresh == self->told_agents.fresh && message.lost == self->told_agents.lost)
        return;
    if (channel_send(self->channel_fd, &message) == 0)
        self->told_agents = message;
}

/* The guardian keeps no records: it is told whose the homes are, again in each of its lives. */
static void tell_guardian_handovers(struct worker *self)
{
    for (size_t i = 0; i < self->served->document.node_count && self->channel_fd >= 0; i++) {
        const struct node_handover *handover = &self->node.handovers[i];
        if (record_compare(handover->version, self->told_handovers[i]) == 0)
            continue;
        struct channel_message message = {.kind = CHANNEL_HANDOVER,
                                          .home = (uint8_t)i,
                                          .away = handover->away,
                                          .version = record_order_rank(handover->version)};
        if (channel_send(self->channel_fd, &message) == 0)
            self->told_handovers[i] = handover->version;
    }
}

/* ---- disk, reload, requests, signals ---- */

static void take_stored(struct worker *self, int64_t now_ms)
{
    struct disk_done done;
    while (disk_next(self->disk, &done))
        worker_step(
            self, now_ms,
            &(struct node_event){.type = NODE_STORED, .ticket = done.ticket, .error = done.error});
}

/* What was read is in force from here on; DNS threads see it a moment later. */
static void adopt(struct worker *self, int64_t now_ms, struct generation *next)
{
    struct generation *before = self->served;
    char error[LINK_ERROR_MAX];
    node_adopt(&self->node, now_ms, &next->plan);
    self->served = next;
    worker_describe_peers(self, self->peers);
    if (self->link != NULL && link_replace_keys(self->link, self->peers, error) != 0)
        log_line(self->log, "link keys kept reason=refused %s", error);
    reload_publish(self->reload, before);
}

static void end_reload(struct worker *self, size_t records, const char *error)
{
    bool is_done = error[0] == '\0';
    const char *differs = self->served->differs;
    char outcome[DOCUMENT_DIFFERS_MAX + 64] = "done";
    if (is_done)
        log_line(self->log, "document reloaded reason=ordered records=%zu servers=%zu pools=%zu",
                 records, self->served->document.server_count, self->served->document.pool_count);
    else
        log_line(self->log, "document kept reason=refused %s", error);
    if (differs[0] != '\0')
        snprintf(outcome, sizeof outcome, "done; restart needed for: %s", differs);
    disk_wake(self->disk);
    if (self->reload_ticket != 0)
        control_answer(self->control, self->reload_ticket,
                       json_pack("{s:s, s:i}", is_done ? "outcome" : "error",
                                 is_done ? outcome : error, "exit", is_done ? 0 : 100));
    self->reload_ticket = 0;
}

static void take_reload(struct worker *self, int64_t now_ms)
{
    struct generation *prepared;
    size_t records;
    char error[LOAD_ERROR_MAX];
    enum reload_stage stage = reload_result(self->reload, &prepared, &records, error);
    if (stage == RELOAD_PREPARED)
        adopt(self, now_ms, prepared);
    else if (stage == RELOAD_ENDED && !worker_end_build(self, now_ms, error))
        end_reload(self, records, error);
}

static void take_requests(struct worker *self, int64_t now_ms)
{
    struct control_request request;
    while (control_next(self->control, now_ms, &request))
        worker_request(self, now_ms, &request);
}

static void reload_by_signal(struct worker *self)
{
    int error = worker_reload(self);
    if (error != 0)
        log_line(self->log, "document kept reason=%s",
                 error == -EEXIST ? "history: give \"tandemctl apply FILE\"" : strerror(-error));
    disk_wake(self->disk);
}

static void take_signals(struct worker *self)
{
    struct signalfd_siginfo signal;
    while (read(self->signal_fd, &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGHUP)
            reload_by_signal(self);
        else
            self->is_stopping = true;
    }
}

/* ---- timers ---- */

static void log_refused_links(struct worker *self, int64_t now_ms)
{
    struct link_counts counts;
    link_counts(self->link, &counts);
    uint64_t keys = counts.refused_keys - self->link_counts.refused_keys;
    uint64_t handshakes = counts.failed_handshakes - self->link_counts.failed_handshakes;
    uint64_t odd = counts.odd_frames - self->link_counts.odd_frames;
    uint64_t oversized = counts.oversized_frames - self->link_counts.oversized_frames;
    if (keys > 0)
        log_limited(self->log, now_ms, "unknown-key",
                    "refuse %s reason=unknown-key count=%llu in 1 s: its public key is not in "
                    "the document",
                    link_last_refused(self->link), (unsigned long long)keys);
    if (handshakes > 0)
        log_limited(self->log, now_ms, "failed-handshake",
                    "refuse %s reason=failed-handshake count=%llu in 1 s",
                    link_last_refused(self->link), (unsigned long long)handshakes);
    if (odd > 0)
        log_limited(self->log, now_ms, "odd-frame",
                    "refuse link reason=odd-frame count=%llu in 1 s: not one part with content, or "
                    "not from a key of the document",
                    (unsigned long long)odd);
    if (oversized > 0)
        log_limited(self->log, now_ms, "oversized-frame",
                    "refuse link reason=oversized-frame count=%llu in 1 s: more than %d bytes",
                    (unsigned long long)oversized, LINK_FRAME_SIZE_MAX);
    self->link_counts = counts;
}

/* Queries dropped because an earlier life of the worker died of them. */
static void log_poison(struct worker *self, int64_t now_ms)
{
    uint64_t count = tcp_counts(self->tcp)->poison;
    for (size_t thread = 0; thread < self->served->document.dns_threads; thread++)
        count += udp_counts(self->udp, thread)->poison;
    if (count > self->poison_logged)
        log_limited(self->log, now_ms, "poison-query",
                    "refuse query reason=poison-query count=%llu in 1 s: a worker died of it",
                    (unsigned long long)(count - self->poison_logged));
    self->poison_logged = count;
}

/* What the servers said last, for the next life of this worker. */
static void keep_warm(struct worker *self, int64_t now_ms)
{
    struct warm_writer writer;
    warm_now(&self->warm_time);
    warm_begin(&writer, &self->warm_time, self->warm, self->warm_room);
    for (size_t i = 0; i < self->node.table.count; i++) {
        const struct table_entry *entry = table_at(&self->node.table, i);
        struct record record;
        if (entry->key.kind != RECORD_REPORT)
            continue;
        table_record(entry, now_ms, &record);
        (void)warm_add(&writer, &record); /* there is room for each seat */
    }
    if (disk_keep_warm(self->disk, self->warm, warm_end(&writer)) != 0)
        log_limited(self->log, now_ms, "warm-file", "disk warm-file not-written reason=no-memory");
}

static void keep_house(struct worker *self, int64_t now_ms)
{
    if (now_ms < self->housekeeping_due_ms)
        return;
    self->housekeeping_due_ms = now_ms + HOUSEKEEPING_MS;
    worker_step(self, now_ms,
                &(struct node_event){.type = NODE_CLOCK, .wall_ms = worker_wall_ms()});
    worker_admit(self, now_ms);
    if (self->link != NULL)
        log_refused_links(self, now_ms);
    log_poison(self, now_ms);
    keep_warm(self, now_ms);
    log_sum_up(self->log, now_ms);
    disk_wake(self->disk);
}

/* ---- the loop ---- */

static int watch(struct worker *self, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return fd < 0 || epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int watch_all(struct worker *self)
{
    const int fds[] = {self->link == NULL ? -1 : link_fd(self->link),
                       self->channel_fd,
                       disk_fd(self->disk),
                       reload_fd(self->reload),
                       clerk_fd(self->documents.clerk),
                       control_fd(self->control),
                       self->signal_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        int error = watch(self, fds[i]);
        if (error != 0)
            return error;
    }
    return 0;
}

static void turn(struct worker *self)
{
    take_frames(self);
    int64_t now_ms = worker_now_ms();
    take_guardian(self, now_ms);
    take_stored(self, now_ms);
    take_reload(self, now_ms);
    worker_take_clerk(self, now_ms);
    take_requests(self, now_ms);
    take_signals(self);
    worker_end_waits(self, now_ms);
    worker_turn_documents(self, now_ms);
    worker_call_roll(self);
    if (now_ms >= node_deadline(&self->node))
        worker_step(self, now_ms, &(struct node_event){.type = NODE_TIMEOUT});
    keep_house(self, now_ms);
    if (self->page != NULL)
        atomic_fetch_add_explicit(&self->page->control_progress, 1, memory_order_relaxed);
}

/* Without an interface the home addresses are the host's own: always held, by nobody's doing. */
static void hold_host_addresses(struct worker *self, int64_t now_ms)
{
    const struct document_node *node = &self->served->document.nodes[self->node.config.self];
    struct status held = {0};
    for (size_t family = 0; node->interface == NULL && family < 2; family++)
        if (node->home[family].family != 0)
            held.held[held.held_count++] =
                (struct status_held){.address = node->home[family], .reason = "host"};
    worker_step(self, now_ms, &(struct node_event){.type = NODE_HOLDS, .status = &held});
}

int worker_loop(struct worker *self)
{
    int error = watch_all(self);
    if (error != 0)
        return error;
    enum replica_sync told_sync = REPLICA_WAITING;
    told_init(&self->told);
    worker_step(self, worker_now_ms(), &(struct node_event){.type = NODE_START});
    hold_host_addresses(self, worker_now_ms());
    worker_start_documents(self, worker_now_ms());
    while (!self->is_stopping) {
        struct epoll_event events[8];
        int ready = epoll_wait(self->epoll_fd, events, 8, sleep_ms(self, worker_now_ms()));
        if (ready < 0 && errno != EINTR)
            return -errno;
        turn(self);
        tell_guardian_sync(self, &told_sync);
        tell_guardian_handovers(self);
        tell_guardian_agents(self, worker_now_ms());
    }
    return 0;
}
