#include <assert.h>

#include "sim/takeover/takeover.h"

enum {
    ALONE_US = SECOND,  /* REPLICA_ALONE_MS: the partner's silence, then there is nobody to ask */
    EMPTY_US = 300,     /* between two moments at which a thread has no query */
    DEATH_US_MIN = 100, /* until the page tells of it */
    DEATH_US_MAX = 400,
};

/* ---- the process ---- */

void worker_start(struct host *host)
{
    host->worker = (struct worker_model){.life = WORKER_NONE, .is_death_told = true};
}

static void spawn(struct takeover *self, struct host *host)
{
    struct worker_model *worker = &host->worker;
    *worker = (struct worker_model){
        .life = WORKER_STARTING,
        .at_us = self->now_us + takeover_draw(self, 30 * MS, host->is_prompt ? 50 * MS : 400 * MS),
        .is_death_told = true,
        .hung_us = INT64_MAX,
        .answers = {worker->answers[0], worker->answers[1]},
        .progress = worker->progress,
    };
    if (takeover_dice(self, 2) == 0) /* many facts, or a slow link */
        worker->sync_us = worker->at_us + takeover_draw(self, 0, 2 * SECOND);
    host->is_prompt = host->is_synced = false;
    for (uint8_t home = 0; home < NODES; home++)
        host->told[home].version = 0;
}

static void end_life(struct takeover *self, struct host *host, bool is_told)
{
    struct worker_model *worker = &host->worker;
    worker->life = WORKER_DEAD;
    worker->at_us = self->now_us + takeover_draw(self, MS, 80 * MS);
    worker->death_us = self->now_us + takeover_draw(self, DEATH_US_MIN, DEATH_US_MAX);
    worker->is_death_told = is_told;
}

void worker_kill(struct takeover *self, struct host *host)
{
    if (host->worker.life != WORKER_STARTING && host->worker.life != WORKER_ALIVE)
        return;
    end_life(self, host, host->worker.life == WORKER_STARTING);
    host_wake_by(self, host, host->worker.death_us);
}

bool worker_answers(const struct host *host)
{
    const struct worker_model *worker = &host->worker;
    return host->kernel.is_on && worker->life == WORKER_ALIVE && !host->is_frozen &&
           !worker->is_hung[0] && !worker->is_hung[1];
}

/* As the page tells it of the slowest thread: it stands still while that one hangs. */
uint64_t worker_empties(const struct takeover *self, struct host *host)
{
    int64_t empty_us = self->is_lan_busy ? self->busy_empty_us : EMPTY_US;
    if (worker_answers(host))
        host->worker.empties = (uint64_t)(self->now_us / empty_us);
    return host->worker.empties;
}

bool worker_was_empty(const struct takeover *self, int64_t since_us)
{
    int64_t empty_us = self->is_lan_busy ? self->busy_empty_us : EMPTY_US;
    bool has_changed = self->busy_since_us >= since_us;
    return has_changed || self->now_us / empty_us != since_us / empty_us;
}

/* ---- the supervisor's hands ---- */

static void perform(struct takeover *self, struct host *host, const struct supervise_action *action)
{
    switch (action->kind) {
    case SUPERVISE_SPAWN:
        spawn(self, host);
        break;
    case SUPERVISE_KILL:
        if (host->worker.life == WORKER_STARTING || host->worker.life == WORKER_ALIVE)
            end_life(self, host, true);
        break;
    case SUPERVISE_TELL_STOP:
        end_life(self, host, true);
        break;
    case SUPERVISE_NOTE_WORKER:
        takeover_trace(self, "ns%d worker %s > %s %s", host->self + 1,
                       supervise_worker_word(action->was), supervise_worker_word(action->is),
                       supervise_reason_word(action->reason));
        break;
    case SUPERVISE_EXIT:
        host_exit(self, host);
        break;
    case SUPERVISE_TELL_RELOAD:
    case SUPERVISE_TELL_HOMES:
        break;
    }
}

void worker_dispatch(struct takeover *self, struct host *host, enum supervise_event_kind kind,
                     enum supervise_reason reason)
{
    struct supervise_actions todo;
    const struct supervise_event event = {.kind = kind, .reason = reason};
    if (host->process != PROCESS_RUNS)
        return;
    supervise_step(&host->supervise, self->now_us / MS, &event, &todo);
    for (size_t i = 0; i < todo.count; i++)
        perform(self, host, &todo.list[i]);
}

/* ---- what wakes the guardian of it ---- */

static void tell_order(struct takeover *self, struct host *host, uint8_t home,
                       const struct beat_handover *order)
{
    host_tell(self, host,
              &(struct pair_event){.kind = PAIR_EVENT_HANDOVER, .home = home, .handover = *order});
}

/* Before each order one that names no node: it is passed over. */
static void tell_orders(struct takeover *self, struct host *host)
{
    const struct beat_handover no_node = {.version = BEAT_HANDOVER_MAX, .node = NODES};
    for (uint8_t home = 0; home < NODES; home++) {
        if (host->disk[home].version == host->told[home].version)
            continue;
        host->told[home] = host->disk[home];
        tell_order(self, host, home, &no_node);
        tell_order(self, host, home, &host->disk[home]);
    }
}

void worker_turn(struct takeover *self, struct host *host)
{
    struct worker_model *worker = &host->worker;
    if (worker->life == WORKER_DEAD && !worker->is_death_told && self->now_us >= worker->death_us) {
        worker->is_death_told = true;
        worker_dispatch(self, host, SUPERVISE_DIED, SUPERVISE_OWNER_DIED);
    }
    if (worker->life == WORKER_DEAD && self->now_us >= worker->at_us) {
        worker->life = WORKER_NONE;
        bool is_exited = host->supervise.worker == SUPERVISE_STOPPING ||
                         host->supervise.worker == SUPERVISE_REPLACING;
        worker_dispatch(self, host, SUPERVISE_REAPED,
                        is_exited ? SUPERVISE_EXITED : SUPERVISE_SIGNALLED);
    }
    if (worker->life == WORKER_STARTING && self->now_us >= worker->at_us) {
        worker->life = WORKER_ALIVE;
        worker->is_synced = host->is_warm;
        host->is_warm = false;
        worker->silent_us = self->now_us;
        worker_dispatch(self, host, SUPERVISE_READY, 0);
        if (host->pair.is_away)
            host_happens(self, host, PAIR_EVENT_RETURN, 0);
    }
    if (worker->life != WORKER_ALIVE || worker->is_control_stalled)
        return;
    if (worker->is_synced != host->is_synced)
        takeover_trace(self, "ns%d %s", host->self + 1, worker->is_synced ? "synced" : "unsynced");
    host->is_synced = worker->is_synced;
    if (self->are_routers)
        return;
    if (host->is_reset_asked) {
        host->is_reset_asked = false;
        host->hold_us = PAIR_HOLD_US_MIN;
        host->homecoming_us = INT64_MIN;
        host_happens(self, host, PAIR_EVENT_RESET, 0);
    }
    tell_orders(self, host);
    if (host->pair.agents_fresh != host->agents_fresh ||
        host->pair.agents_lost != host->agents_lost)
        host_tell(self, host,
                  &(struct pair_event){.kind = PAIR_EVENT_AGENTS,
                                       .fresh = host->agents_fresh,
                                       .lost = host->agents_lost});
}

/* Probes, as failover/guardian_gate.c: answered at once by a thread that does not hang. */
static void judge_gate(struct takeover *self, struct host *host)
{
    struct worker_model *worker = &host->worker;
    struct gate_reading reading;
    int64_t now_ms = self->now_us / MS;
    uint64_t nonce;
    if (!worker->is_control_stalled && worker->life == WORKER_ALIVE)
        worker->progress++;
    reading.control_progress = worker->progress;
    for (uint8_t thread = 0; thread < THREADS; thread++) {
        bool lives = worker->life == WORKER_ALIVE && !worker->is_hung[thread];
        if (lives && host->nonce != 0)
            gate_answered(&host->gate, thread, host->nonce);
        worker->answers[thread] += lives && self->is_lan_busy;
        reading.answers[thread] = worker->answers[thread];
    }
    if (gate_judge(&host->gate, now_ms, &reading, &nonce))
        host->nonce = nonce;
}

static void follow_worker(struct takeover *self, struct host *host)
{
    enum supervise_worker worker = host->supervise.worker;
    if (host->gate.has_life && worker != SUPERVISE_ALIVE)
        gate_end(&host->gate, worker == SUPERVISE_STOPPING || worker == SUPERVISE_REPLACING
                                  ? GATE_STOPPING
                                  : GATE_WORKER_DEAD);
    else if (!host->gate.has_life && worker == SUPERVISE_ALIVE)
        gate_begin(&host->gate, self->now_us / MS, THREADS, host->worker.progress);
}

void worker_judge(struct takeover *self, struct host *host)
{
    enum gate_reason was = host->gate.reason;
    follow_worker(self, host);
    if (gate_deadline_ms(&host->gate) <= self->now_us / MS)
        judge_gate(self, host);
    if (host->gate.reason != was)
        takeover_trace(self, "ns%d gate %s > %s", host->self + 1, gate_reason_word(was),
                       gate_reason_word(host->gate.reason));
    bool is_hanging = gate_is_hanging(&host->gate);
    if (is_hanging != host->is_hanging)
        worker_dispatch(self, host, is_hanging ? SUPERVISE_HANGS : SUPERVISE_MOVES, 0);
    host->is_hanging = is_hanging;
}

int64_t worker_deadline_us(const struct host *host)
{
    int64_t due_ms = supervise_deadline_ms(&host->supervise);
    int64_t gate_ms = gate_deadline_ms(&host->gate);
    if (gate_ms < due_ms)
        due_ms = gate_ms;
    int64_t due_us = due_ms == INT64_MAX ? INT64_MAX : due_ms * MS;
    const struct worker_model *worker = &host->worker;
    if (worker->life == WORKER_DEAD && !worker->is_death_told && worker->death_us < due_us)
        due_us = worker->death_us;
    if ((worker->life == WORKER_DEAD || worker->life == WORKER_STARTING) && worker->at_us < due_us)
        due_us = worker->at_us;
    return due_us;
}

/* ---- facts ---- */

static bool is_talking(const struct host *host)
{
    return host->worker.life == WORKER_ALIVE && !host->is_frozen &&
           !host->worker.is_control_stalled;
}

/* Synced by the partner's snapshot, or when the partner's worker was silent long enough. */
static void learn(struct takeover *self, struct host *host, bool is_heard)
{
    struct worker_model *worker = &host->worker;
    const struct worker_model *other = &self->hosts[1 - host->self].worker;
    if (worker->is_synced || !is_talking(host))
        return;
    if (is_heard && !other->is_synced && worker->meeting_us == 0)
        worker->meeting_us = self->now_us;
    worker->silent_us = is_heard ? self->now_us : worker->silent_us;
    bool has_snapshot = is_heard && other->is_synced && takeover_dice(self, 8) == 0;
    bool is_alone = self->now_us - worker->silent_us >= ALONE_US;
    bool are_both_new = is_heard && !other->is_synced && worker->meeting_us != 0 &&
                        self->now_us - worker->meeting_us >= ALONE_US;
    if (self->now_us < worker->sync_us || !(has_snapshot || is_alone || are_both_new))
        return;
    worker->is_synced = true;
    host_wake_by(self, host, self->now_us);
}

static void share_orders(struct takeover *self)
{
    for (uint8_t home = 0; home < NODES; home++) {
        struct beat_handover *a = &self->hosts[0].disk[home], *b = &self->hosts[1].disk[home];
        *(a->version < b->version ? a : b) = a->version < b->version ? *b : *a;
    }
}

/* They find out one after the other. */
static void tell_agents(struct takeover *self, struct host *host)
{
    const struct host *other = &self->hosts[1 - host->self];
    bool hears = path_is_open(self, CLIENTS, host->self) && path_is_open(self, host->self, CLIENTS);
    bool hears_other = is_talking(other) && path_is_open(self, CLIENTS, other->self) &&
                       path_is_open(self, other->self, CLIENTS);
    uint8_t cut = self->agents_cut[host->self], other_cut = self->agents_cut[other->self];
    uint16_t fresh = hears && is_talking(host) ? (uint16_t)(self->agent_count - cut) : 0;
    uint16_t lost = !hears_other ? fresh : other_cut < fresh ? other_cut : fresh;
    uint16_t known = (uint16_t)(host->agents_lost + 1 + self->seed % 3);
    lost = lost < known ? lost : known;
    bool is_news = host->agents_fresh != fresh || host->agents_lost != lost;
    host->agents_fresh = fresh;
    host->agents_lost = lost;
    if (is_news)
        host_wake_by(self, host, self->now_us);
}

void worker_tick(struct takeover *self)
{
    bool is_heard = is_talking(&self->hosts[0]) && is_talking(&self->hosts[1]) &&
                    self->pair_link[0].cuts == 0 && self->pair_link[1].cuts == 0;
    for (uint8_t i = 0; i < NODES; i++)
        learn(self, &self->hosts[i], is_heard);
    if (is_heard)
        share_orders(self);
    if (self->now_us < self->agents_us || self->are_routers)
        return;
    self->agents_us = self->now_us + takeover_draw(self, 200 * MS, 600 * MS);
    for (uint8_t i = 0; i < NODES; i++)
        tell_agents(self, &self->hosts[i]);
}
