#include "failover/supervise.h"

#include <assert.h>

static const char *const worker_words[] = {
    [SUPERVISE_IDLE] = "idle",         [SUPERVISE_STARTING] = "starting",
    [SUPERVISE_ALIVE] = "alive",       [SUPERVISE_DEAD] = "dead",
    [SUPERVISE_WAITING] = "waiting",   [SUPERVISE_REPLACING] = "replacing",
    [SUPERVISE_STOPPING] = "stopping", [SUPERVISE_ENDED] = "ended",
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
    [SUPERVISE_HANG] = "hang",
    [SUPERVISE_UPGRADE] = "upgrade",
};

#define BIT(state) (1u << (state))

/* Which states may follow a state: the drawing in the header, as a table. */
static const unsigned worker_next[] = {
    [SUPERVISE_IDLE] = BIT(SUPERVISE_STARTING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_STARTING] = BIT(SUPERVISE_ALIVE) | BIT(SUPERVISE_DEAD) | BIT(SUPERVISE_WAITING) |
                           BIT(SUPERVISE_STOPPING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_ALIVE] = BIT(SUPERVISE_DEAD) | BIT(SUPERVISE_WAITING) | BIT(SUPERVISE_REPLACING) |
                        BIT(SUPERVISE_STOPPING),
    [SUPERVISE_DEAD] = BIT(SUPERVISE_WAITING) | BIT(SUPERVISE_STOPPING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_WAITING] = BIT(SUPERVISE_STARTING) | BIT(SUPERVISE_ENDED),
    [SUPERVISE_REPLACING] = BIT(SUPERVISE_STARTING) | BIT(SUPERVISE_STOPPING),
    [SUPERVISE_STOPPING] = BIT(SUPERVISE_ENDED),
    [SUPERVISE_ENDED] = 0,
};

void supervise_init(struct supervise *self)
{
    *self = (struct supervise){
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
    note->was = self->worker;
    note->is = next;
    note->reason = reason;
    self->worker = next;
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
    self->hang_at_ms = INT64_MAX;
    self->is_first_start = false;
    add(todo, SUPERVISE_TELL_HOMES);
    if (self->is_reload_wanted)
        add(todo, SUPERVISE_TELL_RELOAD);
    self->is_reload_wanted = false;
}

/* The worker no longer answers. One that did for long starts anew without delay. */
static void end_service(struct supervise *self, int64_t now_ms)
{
    if (self->worker == SUPERVISE_ALIVE && now_ms - self->alive_at_ms >= SUPERVISE_PROVEN_MS)
        self->back_off_ms = SUPERVISE_BACK_OFF_MS_MIN;
}

static void on_died(struct supervise *self, int64_t now_ms, enum supervise_reason reason,
                    struct supervise_actions *todo)
{
    if (self->worker != SUPERVISE_STARTING && self->worker != SUPERVISE_ALIVE)
        return;
    end_service(self, now_ms);
    move(self, SUPERVISE_DEAD, reason, todo);
    /* Also when its page says it is dead: a worker can write that and live on. */
    add(todo, SUPERVISE_KILL)->reason = reason;
}

/* The clock runs from the first time it is said. */
static void on_hangs(struct supervise *self, int64_t now_ms)
{
    if (self->worker == SUPERVISE_ALIVE && self->hang_at_ms == INT64_MAX)
        self->hang_at_ms = now_ms + SUPERVISE_HANG_MS;
}

/* No worker is left and none shall follow. */
static void end(struct supervise *self, int code, enum supervise_reason reason,
                struct supervise_actions *todo)
{
    move(self, SUPERVISE_ENDED, reason, todo);
    add(todo, SUPERVISE_EXIT)->code = code;
}

static void on_reaped(struct supervise *self, int64_t now_ms, const struct supervise_event *event,
                      struct supervise_actions *todo)
{
    if (self->worker == SUPERVISE_STOPPING) {
        end(self, 0, event->reason, todo);
        return;
    }
    if (self->worker == SUPERVISE_REPLACING) {
        spawn(self, SUPERVISE_UPGRADE, todo);
        return;
    }
    if (self->worker != SUPERVISE_STARTING && self->worker != SUPERVISE_ALIVE &&
        self->worker != SUPERVISE_DEAD)
        return;
    /* The worker has said what is wrong in one sentence; who started us gets a status to match. */
    if (self->is_first_start &&
        (event->exit_code == EXIT_CONFIGURATION || event->exit_code == EXIT_SYSTEM)) {
        end(self, event->exit_code,
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

static void on_stop(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    if (self->worker == SUPERVISE_STOPPING || self->worker == SUPERVISE_ENDED)
        return;
    if (self->worker == SUPERVISE_IDLE || self->worker == SUPERVISE_WAITING) {
        end(self, 0, SUPERVISE_STOP_ASKED, todo);
        return;
    }
    if (self->worker != SUPERVISE_DEAD && self->worker != SUPERVISE_REPLACING)
        add(todo, SUPERVISE_TELL_STOP);
    move(self, SUPERVISE_STOPPING, SUPERVISE_STOP_ASKED, todo);
    self->kill_at_ms = now_ms + SUPERVISE_STOP_MS;
}

static void on_replace(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    if (self->worker != SUPERVISE_ALIVE) /* another one follows anyway */
        return;
    end_service(self, now_ms);
    add(todo, SUPERVISE_TELL_STOP);
    move(self, SUPERVISE_REPLACING, SUPERVISE_UPGRADE, todo);
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

/* Told to end: SIGKILL follows. */
static bool is_ending(const struct supervise *self)
{
    return self->worker == SUPERVISE_STOPPING || self->worker == SUPERVISE_REPLACING;
}

static void on_timeout(struct supervise *self, int64_t now_ms, struct supervise_actions *todo)
{
    if (self->worker == SUPERVISE_WAITING && now_ms >= self->restart_at_ms)
        spawn(self, SUPERVISE_BACK_OFF_OVER, todo);
    if (self->worker == SUPERVISE_ALIVE && now_ms >= self->hang_at_ms)
        on_died(self, now_ms, SUPERVISE_HANG, todo);
    if (is_ending(self) && now_ms >= self->kill_at_ms) {
        struct supervise_action *note = add(todo, SUPERVISE_NOTE_WORKER);
        note->was = note->is = self->worker;
        note->reason = SUPERVISE_STOP_TIMEOUT;
        self->kill_at_ms = INT64_MAX;
        add(todo, SUPERVISE_KILL)->reason = SUPERVISE_STOP_TIMEOUT;
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
    case SUPERVISE_HANGS:
        on_hangs(self, now_ms);
        break;
    case SUPERVISE_MOVES:
        self->hang_at_ms = INT64_MAX;
        break;
    case SUPERVISE_REAPED:
        on_reaped(self, now_ms, event, todo);
        break;
    case SUPERVISE_RELOAD:
        on_reload(self, todo);
        break;
    case SUPERVISE_REPLACE:
        on_replace(self, now_ms, todo);
        break;
    case SUPERVISE_RESET:
        self->back_off_ms = SUPERVISE_BACK_OFF_MS_MIN;
        break;
    case SUPERVISE_STOP:
        on_stop(self, now_ms, todo);
        break;
    case SUPERVISE_TIMEOUT:
        on_timeout(self, now_ms, todo);
        break;
    }
}

int64_t supervise_deadline_ms(const struct supervise *self)
{
    if (self->worker == SUPERVISE_WAITING)
        return self->restart_at_ms;
    if (self->worker == SUPERVISE_ALIVE)
        return self->hang_at_ms;
    return is_ending(self) ? self->kill_at_ms : INT64_MAX;
}

const char *supervise_worker_word(enum supervise_worker worker)
{
    assert(worker <= SUPERVISE_ENDED);
    return worker_words[worker];
}

const char *supervise_reason_word(enum supervise_reason reason)
{
    assert(reason <= SUPERVISE_UPGRADE);
    return reason_words[reason];
}
