#include "failover/pair.h"

#include <assert.h>

#include "failover/pair_rules.h"

/* ---- what is ---- */

uint8_t pair_rightful(const struct pair *self, uint8_t home)
{
    assert(home < PAIR_NODES);
    const struct beat_handover *order = &self->homes[home].handover;
    return order->version == 0 ? home : order->node;
}

static uint8_t holds(const struct pair *self)
{
    uint8_t bits = 0;
    for (unsigned i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].is_granted)
            bits |= (uint8_t)(1U << i);
    return bits;
}

static uint8_t flags(const struct pair *self, int64_t now_us)
{
    enum pair_fault fault = pair_fault(self);
    unsigned bits = 0;
    if (fault == PAIR_SOUND)
        bits |= BEAT_FIT;
    if (self->synced)
        bits |= BEAT_SYNCED;
    if (reception_is_isolated(&self->reception))
        bits |= BEAT_ISOLATED;
    if (self->stopping || self->leaving)
        bits |= BEAT_STOPPING;
    if (self->reception.probing_us != INT64_MAX)
        bits |= BEAT_PROBING;
    if (reception_has_reply(&self->reception, now_us))
        bits |= BEAT_ANSWERED;
    const struct pair_home *theirs = &self->homes[1 - self->config.self];
    if (theirs->state == PAIR_ACTIVE && !theirs->was_partners)
        bits |= BEAT_KEEPING;
    return (uint8_t)bits;
}

static uint32_t capped(int64_t us)
{
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void pair_beat(const struct pair *self, int64_t now_us, struct beat *beat)
{
    *beat = (struct beat){
        .sender = self->config.self,
        .flags = flags(self, now_us),
        .holds = holds(self),
        .lateness_us = capped(self->lateness_us),
        .heard_ago_us = self->beat_us == INT64_MIN ? UINT32_MAX : capped(now_us - self->beat_us),
        .unanswered_us = capped(reception_unanswered_us(&self->reception, now_us)),
        .document = self->config.document,
        .handovers = {self->homes[0].handover, self->homes[1].handover},
        .agents_fresh = self->agents_fresh,
        .agents_lost = self->agents_lost,
    };
}

/* ---- what is done ---- */

struct pair_action *pair_act(struct pair_actions *todo, enum pair_action_kind kind, uint8_t home)
{
    assert(todo->count < PAIR_ACTIONS_MAX);
    struct pair_action *action = &todo->list[todo->count++];
    *action = (struct pair_action){.kind = kind, .home = home};
    return action;
}

static void advertise(struct pair *self, uint8_t home, struct pair_actions *todo)
{
    bool is_rightful = pair_rightful(self, home) == self->config.self;
    uint8_t priority = is_rightful ? PAIR_PRIORITY_RIGHTFUL : PAIR_PRIORITY_OTHER;
    pair_act(todo, PAIR_ADVERTISE, home)->priority = pair_is_fit(self) ? priority : 0;
}

/* All moves pass here: what may follow what, and what must be true of it. */
static void move(struct pair *self, uint8_t number, int64_t now_us, enum pair_state state,
                 enum pair_reason reason, struct pair_actions *todo)
{
    static const bool may[3][3] = {
        [PAIR_BACKUP] = {[PAIR_ACTIVE] = true},
        [PAIR_ACTIVE] = {[PAIR_YIELDING] = true, [PAIR_BACKUP] = true},
        [PAIR_YIELDING] = {[PAIR_BACKUP] = true, [PAIR_ACTIVE] = true},
    };
    struct pair_home *home = &self->homes[number];
    assert(may[home->state][state]);
    struct pair_action *note = pair_act(todo, PAIR_NOTE, number);
    note->was = home->state;
    note->is = state;
    note->reason = reason;
    home->state = state;
    home->reason = reason;
    home->since_us = now_us;
    pair_follow(self, number, now_us);
    assert(state == PAIR_BACKUP || home->vacant_us == INT64_MAX);
}

/* A home that is lost again soon after its return has to be fit for longer before the next. */
static void count_flap(const struct pair_config *config, struct pair_home *home, int64_t now_us)
{
    if (home->returned_us == INT64_MIN)
        return;
    bool is_flap = now_us - home->returned_us < config->flap_us;
    home->hold_us = is_flap ? home->hold_us * 2 : PAIR_HOLD_US_MIN;
    if (home->hold_us > config->hold_us_max)
        home->hold_us = config->hold_us_max;
}

/* It is advertised and announced when the kernel took it: whom it refused would draw to itself
 * what it cannot receive. */
static void claim(struct pair *self, uint8_t number, int64_t now_us, enum pair_reason reason,
                  struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    pair_act(todo, PAIR_ADD, number);
    home->claimed_us = now_us;
    home->refresh_us = now_us + PAIR_REFRESH_US;
    home->is_kept = reason == PAIR_UNANSWERED;
    if (reason == PAIR_GIVE_BACK || reason == PAIR_PARTNER_UNSYNCED || reason == PAIR_HANDOVER)
        home->returned_us = now_us;
    home->is_ordered = home->is_left = false;
    home->is_granted = false;
    home->is_contested = false;
    move(self, number, now_us, PAIR_ACTIVE, reason, todo);
}

void pair_grant(struct pair *self, uint8_t number, int64_t now_us, struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    if (home->state == PAIR_BACKUP || home->is_granted)
        return;
    home->is_granted = true;
    if (self->is_waking || home->state != PAIR_ACTIVE)
        return;
    advertise(self, number, todo);
    pair_announce_anew(self, number, now_us, todo);
}

void pair_drop(struct pair *self, uint8_t number, int64_t now_us, enum pair_reason reason,
               struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    pair_act(todo, PAIR_DELETE, number);
    home->is_granted = false;
    home->is_refused = false;
    home->is_kept = false;
    home->is_left = self->leaving && pair_rightful(self, number) == self->config.self;
    if (number == self->config.self && !self->leaving)
        count_flap(&self->config, home, now_us);
    move(self, number, now_us, PAIR_BACKUP, reason, todo);
}

/* ---- each home in its state ---- */

static void judge_backup(struct pair *self, uint8_t number, int64_t now_us,
                         struct pair_actions *todo)
{
    enum pair_reason reason;
    if (pair_claims(self, number, now_us, &reason))
        claim(self, number, now_us, reason, todo);
}

static void refresh_in_time(struct pair *self, uint8_t number, int64_t now_us,
                            struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    if (now_us < home->refresh_us)
        return;
    home->refresh_us = now_us + PAIR_REFRESH_US;
    pair_act(todo, PAIR_REFRESH, number);
}

static void judge_active(struct pair *self, uint8_t number, int64_t now_us,
                         struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    enum pair_overlap overlap = pair_overlap(self, number, now_us);
    refresh_in_time(self, number, now_us, todo);
    if (overlap == PAIR_WORSE && now_us >= self->listen_us) {
        /* Once more: the better one may not know that it has to announce. */
        if (!pair_hears_beats(self, now_us) && home->is_granted)
            advertise(self, number, todo);
        home->is_emptying = home->is_queue_empty = false;
        move(self, number, now_us, PAIR_YIELDING, PAIR_OVERLAP, todo);
        return;
    }
    /* Rule 5: who is back is learned before the other deletes it, if that holds it too. Not by its
     * advertisements: they do not say whether it hears that I am back. */
    bool was_contested = home->is_contested, is_listening = now_us < self->listen_us;
    home->is_contested =
        overlap == PAIR_BETTER && (!is_listening || pair_hears_beats(self, now_us));
    bool is_countered = home->announced_us <= home->defended_us;
    if (is_listening && home->is_contested && (!was_contested || !is_countered))
        pair_announce_at_once(self, number, now_us, todo);
    /* Rule 8: who has learned the other's MAC has to learn mine when that one deleted it, */
    if (was_contested && overlap == PAIR_ALONE)
        pair_announce_anew(self, number, now_us, todo);
    /* and whenever the other announces - if it is the other: its beat says so just as soon - or a
     * stranger; again soon after, for theirs may arrive after the first of mine. */
    int64_t interval_us = self->config.interval_us;
    bool is_disputed = home->announced_us > home->defended_us &&
                       (overlap == PAIR_BETTER ||
                        now_us - home->announced_us > PAIR_UNTOLD_INTERVALS * interval_us);
    bool is_claimed = is_disputed || home->foreign_us > home->defended_us;
    if (is_claimed && pair_is_fit(self) &&
        (home->countered_us == INT64_MIN || now_us - home->countered_us >= PAIR_DEFEND_US)) {
        home->countered_us = now_us;
        pair_announce_anew(self, number, now_us, todo);
    }
    pair_announce_in_time(self, number, now_us, todo);
}

static void judge_yielding(struct pair *self, uint8_t number, int64_t now_us,
                           struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    refresh_in_time(self, number, now_us, todo);
    if (pair_overlap(self, number, now_us) != PAIR_WORSE) {
        move(self, number, now_us, PAIR_ACTIVE, PAIR_PREVAILED, todo);
        home->claimed_us = now_us;
        pair_announce_anew(self, number, now_us, todo);
        return;
    }
    int64_t yielded_us = now_us - home->since_us;
    if (yielded_us < PAIR_YIELD_US)
        return;
    /* Only now, when the last query has come: one that is in hand when the address goes has no
     * answer. A dead worker has none in hand. */
    if (!home->is_emptying && self->worker_fit) {
        home->is_emptying = true;
        pair_act(todo, PAIR_EMPTY, number);
    }
    if (home->is_queue_empty || !self->worker_fit || yielded_us >= PAIR_YIELD_MAX_US)
        pair_drop(self, number, now_us, PAIR_MOVED, todo);
}

static void judge_home(struct pair *self, uint8_t number, int64_t now_us, struct pair_actions *todo)
{
    pair_follow(self, number, now_us);
    switch (self->homes[number].state) {
    case PAIR_BACKUP:
        judge_backup(self, number, now_us, todo);
        break;
    case PAIR_ACTIVE:
        judge_active(self, number, now_us, todo);
        break;
    case PAIR_YIELDING:
        judge_yielding(self, number, now_us, todo);
        break;
    }
}

/* ---- the node as a whole ---- */

/* Rule 5: reception returned. Listen for one window; then announce what is still held. */
void pair_listen(struct pair *self, int64_t now_us)
{
    self->listen_us = now_us + PAIR_SILENT_INTERVALS * self->config.interval_us;
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        pair_announce_after_listening(self, i);
}

static void judge_reception(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    bool was_isolated = reception_is_isolated(&self->reception);
    reception_judge(&self->reception, now_us, pair_is_in_doubt(self, now_us),
                    pair_reception_partner(self, now_us));
    if (was_isolated && !reception_is_isolated(&self->reception))
        pair_listen(self, now_us);
    if (reception_ask(&self->reception, now_us))
        pair_act(todo, PAIR_PROBE, self->config.self);
}

static void judge_fitness(struct pair *self, int64_t now_us)
{
    if (!pair_is_fit_and_synced(self))
        self->fit_us = INT64_MAX;
    else if (self->fit_us == INT64_MAX)
        self->fit_us = now_us;
}

/* Rule 4: after ten seconds without beats, while advertisements come, its DNS is asked. What an
 * isolated node does not hear proves nothing, also when its isolation ends. */
static void ask_partner(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    bool is_lone = self->beat_us == INT64_MIN || now_us - self->beat_us < PAIR_ASK_AFTER_US;
    bool holds_any = self->homes[0].is_partners || self->homes[1].is_partners;
    if (is_lone || reception_is_isolated(&self->reception) || !holds_any) {
        self->asks_unanswered = 0;
        return;
    }
    if (self->asked_us != INT64_MIN && now_us - self->asked_us < PAIR_ASK_US)
        return;
    self->asked_us = now_us;
    pair_act(todo, PAIR_ASK, self->config.self);
}

static void judge_stop(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    if (!self->stopping)
        return;
    bool is_alone = !pair_hears_beats(self, now_us);
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].state != PAIR_BACKUP && (is_alone || now_us >= self->stop_us))
            pair_drop(self, i, now_us, PAIR_STOPPED, todo);
    if (holds(self) == 0)
        pair_act(todo, PAIR_END, self->config.self);
}

/* A planned absence begins when the partner holds all, and is called off when it cannot. */
static void judge_leave(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    if (!self->leaving || self->is_away)
        return;
    self->is_away = holds(self) == 0;
    if (self->is_away) {
        pair_act(todo, PAIR_LEFT, self->config.self);
    } else if (now_us >= self->stop_us || !pair_partner_is_able(self, now_us)) {
        self->leaving = false;
        pair_act(todo, PAIR_STAYED, self->config.self);
    }
}

/* Beats and advertisements go together, each interval and when what they say changed. */
static void speak(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    const unsigned telling = BEAT_FIT | BEAT_SYNCED | BEAT_ISOLATED | BEAT_STOPPING | BEAT_PROBING;
    uint8_t said = flags(self, now_us) & (uint8_t)telling, said_holds = holds(self);
    bool is_news = said != self->said || said_holds != self->said_holds;
    if (now_us < self->beat_due_us && !is_news)
        return;
    bool is_due = now_us >= self->beat_due_us;
    bool is_worse = (self->said & BEAT_FIT) != 0 && (said & BEAT_FIT) == 0;
    self->said = said;
    self->said_holds = said_holds;
    if (self->config.has_partner)
        pair_act(todo, PAIR_BEAT, self->config.self);
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].state == PAIR_ACTIVE && self->homes[i].is_granted &&
            (is_due || is_worse))
            advertise(self, i, todo);
    if (is_due) /* on the beat, also when it came late */
        self->beat_due_us += ((now_us - self->beat_due_us) / self->config.interval_us + 1) *
                             self->config.interval_us;
}

static void judge(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    if (self->is_waking || self->is_reading)
        return;
    judge_reception(self, now_us, todo);
    judge_fitness(self, now_us);
    ask_partner(self, now_us, todo);
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        judge_home(self, i, now_us, todo);
    judge_stop(self, now_us, todo);
    judge_leave(self, now_us, todo);
    speak(self, now_us, todo);
}

/* ---- start, step, deadline ---- */

void pair_init(struct pair *self, const struct pair_config *config, int64_t now_us)
{
    assert(config->self < PAIR_NODES);
    assert(config->interval_us > 0);
    assert(config->flap_us > 0);
    assert(config->hold_us_max >= PAIR_HOLD_US_MIN);
    assert(now_us >= 0);
    *self = (struct pair){
        .config = *config,
        .now_us = now_us,
        .listen_us = now_us + PAIR_SILENT_INTERVALS * config->interval_us,
        .fit_us = INT64_MAX,
        .beat_due_us = now_us,
        .beat_us = INT64_MIN,
        .broke_us = INT64_MAX,
        .asked_us = INT64_MIN,
    };
    reception_init(&self->reception, now_us, config->interval_us, config->has_witness);
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        self->homes[i] = (struct pair_home){
            .since_us = now_us,
            .advertised_us = INT64_MIN,
            .goodbye_us = INT64_MIN,
            .beat_holds_us = INT64_MIN,
            .beat_lacks_us = INT64_MIN,
            .announced_us = INT64_MIN,
            .countered_us = INT64_MIN,
            .foreign_us = INT64_MIN,
            .vacant_us = now_us,
            .claimed_us = INT64_MIN,
            .refused_us = INT64_MIN,
            .hold_us = PAIR_HOLD_US_MIN,
            .returned_us = INT64_MIN,
        };
}

void pair_step(struct pair *self, int64_t now_us, const struct pair_event *event,
               struct pair_actions *todo)
{
    assert(now_us >= self->now_us);
    self->now_us = now_us;
    todo->count = 0;
    pair_take(self, now_us, event, todo);
    judge(self, now_us, todo);
}

int64_t pair_deadline_us(const struct pair *self)
{
    if (self->is_waking)
        return self->now_us;
    int64_t due_us = self->beat_due_us;
    int64_t ask_us = reception_deadline_us(&self->reception);
    int64_t interval_us = self->config.interval_us;
    if (ask_us < due_us)
        due_us = ask_us;
    /* Each instant at which the partner's silence means something. */
    const int64_t silences_us[] = {interval_us * 3 / 2, interval_us * 5 / 2,
                                   PAIR_SILENT_INTERVALS * interval_us};
    int64_t sign_us = pair_last_sign_us(self);
    for (size_t i = 0; i < sizeof silences_us / sizeof *silences_us; i++)
        if (sign_us + silences_us[i] > self->now_us && sign_us + silences_us[i] < due_us)
            due_us = sign_us + silences_us[i];
    if (self->listen_us > self->now_us && self->listen_us < due_us)
        due_us = self->listen_us;
    return due_us;
}
