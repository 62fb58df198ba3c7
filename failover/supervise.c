#include "failover/supervise.h"

#include <assert.h>

static const char *const worker_words[] = {
    [SUPERVISE_IDLE] = "idle",       [SUPERVISE_STARTING] = "starting",
    [SUPERVISE_ALIVE] = "alive",     [SUPERVISE_DEAD] = "dead",
    [SUPERVISE_WAITING] = "waiting", [SUPERVISE_STOPPING] = "stopping",
    [SUPERVISE_ENDED] = "ended",
};

static const char *const address_words[] = {
    [SUPERVISE_ABSENT] = "absent",
    [SUPERVISE_HELD] = "held",
    [SUPERVISE_FAILED] = "failed",
    [SUPERVISE_LAPSED] = "lapsed",
};

static const char *const reason_words[] = {
    [SUPERVISE_STARTED] = "start",
    [SUPERVISE_READY_HEARD] = "ready",
    [SUPERVISE_OWNER_DIED] = "owner-died",
    [SUPERVISE_PAGE_BROKEN] = "page-broken",
    [SUPERVISE_CHANNEL_ENDED] = "channel-ended",
    [SUPERVISE_EXITED] = "exited",
    [SUPERVISE_SIGNALLED] = "signal",
    [SUPERVISE_SPAWN_FAILED] = "spawn-failed",
    [SUPERVISE_CONFIGURATION] = "configuration",
    [SUPERVISE_SYSTEM] = "system",
    [SUPERVISE_BACK_OFF_OVER] = "back-off",
    [SUPERVISE_STOP_ASKED] = "stop",
    [SUPERVISE_STOP_TIMEOUT] = "stop-timeout",
    [SUPERVISE_LEASE_REFUSED] = "lease-failed",
    [SUPERVISE_LEASE_BACK] = "lease-restored",
    [SUPERVISE_WORKER_DOWN] = "worker-down",
};

#define BIT(state) (1u << (state))

/* Which states may follow a state: the drawing in the header, as a table. */
static const unsigned worker_next[] = {
    [SUPERVISE_IDLE] = BIT(SUPERVISE_STARTING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_STARTING] = BIT(SUPERVISE_ALIVE) | BIT(SUPERVISE_DEAD) | BIT(SUPERVISE_WAITING) |
                           BIT(SUPERVISE_STOPPING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_ALIVE] = BIT(SUPERVISE_DEAD) | BIT(SUPERVISE_WAITING) | BIT(SUPERVISE_STOPPING),
    [SUPERVISE_DEAD] = BIT(SUPERVISE_WAITING) | BIT(SUPERVISE_STOPPING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_WAITING] = BIT(SUPERVISE_STARTING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_STOPPING] = BIT(SUPERVISE_ENDED),
    [SUPERVISE_ENDED] = 0,
};

void supervise_init(struct supervise *self, size_t address_count)
{
    assert(address_count <= SUPERVISE_ADDRESSES_MAX);
    *self = (struct supervise){
        .address_count = address_count,
        .back_off_ms = SUPERVISE_BACK_OFF_MS_MIN,
        .is_first_start = true,
    };
}

static struct supervise_action *add(struct supervise_actions *todo, enum supervise_action_kind kind)
{
    assert(todo->count < SUPERVISE_ACTIONS_MAX);
    struct supervise_action *action = &todo->list[todo->count++];
    *action = (struct supervise_action){.kind = kind};
    return action;
}

/* Every change of the worker's state goes through here. */
static void move(struct supervise *self, enum supervise_worker next, enum supervise_reason reason,
                 struct supervise_actions *todo)
{
    assert((worker_next[self->worker] & BIT(next)) != 0);
    struct supervise_action *note = add(todo, SUPERVISE_NOTE_WORKER);
    note->was = (int)self->worker;
    note->is = (int)next;
    note->reason = reason;
    self->worker = next;
}

/* Every change of an address's state goes through here. */
static void move_home(struct supervise *self, size_t address, enum supervise_address next,
                      enum supervise_reason reason, int64_t now_ms, struct supervise_actions *todo)
{
    assert(address < self->address_count);
    struct supervise_home *home = &self->homes[address];
    struct supervise_action *note = add(todo, SUPERVISE_NOTE_HOME);
    note->address = address;
    note->was = (int)home->state;
    note->is = (int)next;
    note->reason = reason;
    *home = (struct supervise_home){.state = next, .since_ms = now_ms, .reason = reason};
}

static void refresh(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    assert(self->is_holding);
    self->refresh_at_ms = now_ms + SUPERVISE_REFRESH_MS;
    add(todo, SUPERVISE_LEASE);
}

static void spawn(struct supervise *self, enum supervise_reason reason,
                  struct supervise_actions *todo)
{
    move(self, SUPERVISE_STARTING, reason, todo);
    add(todo, SUPERVISE_SPAWN);
}

static void on_ready(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    if (self->worker != SUPERVISE_STARTING)
        return;
    move(self, SUPERVISE_ALIVE, SUPERVISE_READY_HEARD, todo);
    self->alive_at_ms = now_ms;
    self->is_first_start = false;
    if (self->address_count > 0) {
        self->is_holding = true;
        self->hold_until_ms = INT64_MAX;
        refresh(self, now_ms, todo);
    }
    add(todo, SUPERVISE_TELL_HOMES);
    if (self->is_reload_wanted)
        add(todo, SUPERVISE_TELL_RELOAD);
    self->is_reload_wanted = false;
}

/* The worker no longer answers: the second in which it may come back begins, once. */
static void end_service(struct supervise *self, int64_t now_ms)
{
    if (self->worker != SUPERVISE_ALIVE)
        return;
    if (now_ms - self->alive_at_ms >= SUPERVISE_PROVEN_MS)
        self->back_off_ms = SUPERVISE_BACK_OFF_MS_MIN;
    if (self->is_holding)
        self->hold_until_ms = now_ms + SUPERVISE_KEEP_MS;
}

static void lapse(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    self->is_holding = false;
    for (size_t i = 0; i < self->address_count; i++)
        move_home(self, i, SUPERVISE_LAPSED, SUPERVISE_WORKER_DOWN, now_ms, todo);
}

static void on_died(struct supervise *self, int64_t now_ms, enum supervise_reason reason,
                    struct supervise_actions *todo)
{
    if (self->worker != SUPERVISE_STARTING && self->worker != SUPERVISE_ALIVE)
        return;
    end_service(self, now_ms);
    move(self, SUPERVISE_DEAD, reason, todo);
    /* Also when its page says it is dead: a worker can write that and live on. */
    add(todo, SUPERVISE_KILL);
}

/* No worker is left and none shall follow. */
static void end(struct supervise *self, int64_t now_ms, int code, enum supervise_reason reason,
                struct supervise_actions *todo)
{
    self->is_holding = false;
    move(self, SUPERVISE_ENDED, reason, todo);
    for (size_t i = 0; i < self->address_count; i++) {
        if (self->homes[i].state == SUPERVISE_ABSENT)
            continue;
        add(todo, SUPERVISE_RELEASE)->address = i;
        move_home(self, i, SUPERVISE_ABSENT, SUPERVISE_STOP_ASKED, now_ms, todo);
    }
    add(todo, SUPERVISE_EXIT)->code = code;
}

static void on_reaped(struct supervise *self, int64_t now_ms, const struct supervise_event *event,
                      struct supervise_actions *todo)
{
    if (self->worker == SUPERVISE_STOPPING) {
        end(self, now_ms, 0, event->reason, todo);
        return;
    }
    if (self->worker != SUPERVISE_STARTING && self->worker != SUPERVISE_ALIVE &&
        self->worker != SUPERVISE_DEAD)
        return;
    /* The worker has said what is wrong in one sentence; who started us gets a status to match. */
    if (self->is_first_start &&
        (event->exit_code == EXIT_CONFIGURATION || event->exit_code == EXIT_SYSTEM)) {
        end(self, now_ms, event->exit_code,
            event->exit_code == EXIT_SYSTEM ? SUPERVISE_SYSTEM : SUPERVISE_CONFIGURATION, todo);
        return;
    }
    end_service(self, now_ms);
    move(self, SUPERVISE_WAITING, event->reason, todo);
    self->is_first_start = false;
    self->restart_at_ms = now_ms + self->back_off_ms;
    self->back_off_ms *= 2;
    if (self->back_off_ms > SUPERVISE_BACK_OFF_MS_MAX)
        self->back_off_ms = SUPERVISE_BACK_OFF_MS_MAX;
}

static void on_lease(struct supervise *self, int64_t now_ms, const struct supervise_event *event,
                     struct supervise_actions *todo)
{
    bool is_granted = event->kind == SUPERVISE_LEASED;
    enum supervise_address next = is_granted ? SUPERVISE_HELD : SUPERVISE_FAILED;
    enum supervise_address was = self->homes[event->address].state;
    if (!self->is_holding || was == next)
        return;
    enum supervise_reason reason = SUPERVISE_LEASE_REFUSED;
    if (is_granted)
        reason = was == SUPERVISE_FAILED ? SUPERVISE_LEASE_BACK : SUPERVISE_READY_HEARD;
    move_home(self, event->address, next, reason, now_ms, todo);
    if (self->worker == SUPERVISE_ALIVE)
        add(todo, SUPERVISE_TELL_HOMES);
}

static void on_stop(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    if (self->worker == SUPERVISE_STOPPING || self->worker == SUPERVISE_ENDED)
        return;
    if (self->worker == SUPERVISE_IDLE || self->worker == SUPERVISE_WAITING) {
        end(self, now_ms, 0, SUPERVISE_STOP_ASKED, todo);
        return;
    }
    if (self->worker != SUPERVISE_DEAD)
        add(todo, SUPERVISE_TELL_STOP);
    move(self, SUPERVISE_STOPPING, SUPERVISE_STOP_ASKED, todo);
    self->kill_at_ms = now_ms + SUPERVISE_STOP_MS;
}

static void on_reload(struct supervise *self, struct supervise_actions *todo)
{
    if (self->worker == SUPERVISE_ALIVE)
        add(todo, SUPERVISE_TELL_RELOAD);
    /* It may have read its files before they changed, and may not yet catch the signal. */
    else if (self->worker == SUPERVISE_STARTING)
        self->is_reload_wanted = true;
}

static void on_timeout(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    if (self->is_holding && now_ms >= self->hold_until_ms)
        lapse(self, now_ms, todo);
    if (self->is_holding && now_ms >= self->refresh_at_ms)
        refresh(self, now_ms, todo);
    if (self->worker == SUPERVISE_WAITING && now_ms >= self->restart_at_ms)
        spawn(self, SUPERVISE_BACK_OFF_OVER, todo);
    if (self->worker == SUPERVISE_STOPPING && now_ms >= self->kill_at_ms) {
        struct supervise_action *note = add(todo, SUPERVISE_NOTE_WORKER);
        note->was = note->is = SUPERVISE_STOPPING;
        note->reason = SUPERVISE_STOP_TIMEOUT;
        self->kill_at_ms = INT64_MAX;
        add(todo, SUPERVISE_KILL);
    }
}

void supervise_step(struct supervise *self, int64_t now_ms, const struct supervise_event *event,
                    struct supervise_actions *todo)
{
    assert(self != NULL);
    assert(todo != NULL);
    todo->count = 0;
    switch (event->kind) {
    case SUPERVISE_START:
        if (self->worker == SUPERVISE_IDLE)
            spawn(self, SUPERVISE_STARTED, todo);
        break;
    case SUPERVISE_READY:
        on_ready(self, now_ms, todo);
        break;
    case SUPERVISE_DIED:
        on_died(self, now_ms, event->reason, todo);
        break;
    case SUPERVISE_REAPED:
        on_reaped(self, now_ms, event, todo);
        break;
    case SUPERVISE_LEASED:
    case SUPERVISE_LEASE_FAILED:
        on_lease(self, now_ms, event, todo);
        break;
    case SUPERVISE_RELOAD:
        on_reload(self, todo);
        break;
    case SUPERVISE_STOP:
        on_stop(self, now_ms, todo);
        break;
    case SUPERVISE_TIMEOUT:
        on_timeout(self, now_ms, todo);
        break;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t supervise_deadline_ms(const struct supervise *self)
{
    int64_t deadline_ms = INT64_MAX;
    if (self->is_holding)
        deadline_ms = earlier(self->refresh_at_ms, self->hold_until_ms);
    if (self->worker == SUPERVISE_WAITING)
        deadline_ms = earlier(deadline_ms, self->restart_at_ms);
    if (self->worker == SUPERVISE_STOPPING)
        deadline_ms = earlier(deadline_ms, self->kill_at_ms);
    return deadline_ms;
}

const char *supervise_worker_word(enum supervise_worker worker)
{
    assert(worker <= SUPERVISE_ENDED);
    return worker_words[worker];
}

const char *supervise_address_word(enum supervise_address address)
{
    assert(address <= SUPERVISE_LAPSED);
    return address_words[address];
}

const char *supervise_reason_word(enum supervise_reason reason)
{
    assert(reason <= SUPERVISE_WORKER_DOWN);
    return reason_words[reason];
}
