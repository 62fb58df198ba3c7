#include "sim/takeover/takeover.h"

/* ---- what is about to be sent or done ---- */

/* I3. No node advertises above priority 0 unless its gate passes: every thread answered a probe
 * lately. Who slept may not have seen it yet. */
static void judge_fit(struct takeover *self, struct host *host, uint8_t home, uint8_t priority)
{
    const int64_t gate_us = 2 * 60 * MS + self->interval_us * 2;
    if (priority == 0)
        return;
    int64_t hung_us = host->worker.hung_us > host->woke_us ? host->worker.hung_us : host->woke_us;
    bool is_hanging = host->worker.life == WORKER_ALIVE && host->worker.is_hung[0] &&
                      !self->is_lan_busy && self->now_us - hung_us > gate_us;
    takeover_check(self, ORACLE_FIT, host->is_fit && !is_hanging,
                   "ns%d advertises home%d with priority %d and its worker does not answer",
                   host->self + 1, home + 1, priority);
}

/* I6. Who announces an address holds it, in its kernel, and is heard: nothing is announced while
 * isolated, nor within one listening window of its end, unless the partner's beat says that it
 * holds the same. */
static void judge_announcement(struct takeover *self, struct host *host, uint8_t home)
{
    const struct pair *pair = &host->pair;
    bool has_listened =
        self->now_us >= host->listens_us ||
        pair->homes[home].beat_holds_us >= self->now_us - 2 * pair->config.interval_us;
    takeover_check(self, ORACLE_ANNOUNCES,
                   kernel_holds(self, host, home, 0) || kernel_holds(self, host, home, 1) ||
                       kernel_has_news(self, host), /* somebody deleted it just now */
                   "ns%d announces home%d and does not hold it", host->self + 1, home + 1);
    takeover_check(self, ORACLE_ISOLATED, !reception_is_isolated(&pair->reception) && has_listened,
                   "ns%d announces home%d while isolated, or before it listened", host->self + 1,
                   home + 1);
}

/* Rule 7: who woke late sends nothing before its sockets are empty and what the partner holds is
 * deleted. */
static void judge_waking(struct takeover *self, struct host *host, const struct pair_action *action)
{
    bool is_sent = action->kind == PAIR_BEAT || action->kind == PAIR_ADVERTISE ||
                   action->kind == PAIR_ANNOUNCE || action->kind == PAIR_CONFIRM ||
                   action->kind == PAIR_ADD;
    if (is_sent)
        takeover_check(self, ORACLE_WAKING, !host->is_draining,
                       "ns%d woke late and sends (%d) before it has read its sockets",
                       host->self + 1, action->kind);
}

/* ---- moves ---- */

static bool is_planned(enum pair_reason reason)
{
    return reason == PAIR_GIVE_BACK || reason == PAIR_HANDOVER || reason == PAIR_UPGRADED ||
           reason == PAIR_PARTNER_UNSYNCED || reason == PAIR_OVERLAP || reason == PAIR_MOVED;
}

/* Nothing moves without a fault, whatever strangers send; what follows a fault ends, but for homes
 * that come home when their hold is over, and orders. */
static void judge_still(struct takeover *self, struct host *host, const struct pair_action *action)
{
    bool is_quiet = self->now_us - self->disturbed_us > 4 * SECOND &&
                    self->now_us - self->changed_us > 4 * SECOND;
    /* What was a stranger's is claimed when that one is gone. */
    bool is_left = action->reason == PAIR_VACANT &&
                   self->now_us - self->strangers_us[action->home] < 2 * SECOND;
    takeover_check(self, ORACLE_STILL, !is_quiet || is_left || is_planned(action->reason),
                   "ns%d moves home%d to %s for no reason but %s", host->self + 1, action->home + 1,
                   pair_state_word(action->is), pair_reason_word(action->reason));
}

/* A home lost soon after its return has to be fit twice as long before the next: counted
 * here once more, from the moves alone. An order, a planned absence, and a holder that never heard
 * it held, do not wait. */
static void judge_damping(struct takeover *self, struct host *host,
                          const struct pair_action *action)
{
    const struct pair *pair = &host->pair;
    if (action->home != host->self)
        return;
    if (action->is == PAIR_BACKUP) {
        if (host->homecoming_us != INT64_MIN && !pair->leaving) {
            bool is_flapping = self->now_us - host->homecoming_us < self->flap_us;
            sums.clauses[CLAUSE_DAMPED] += is_flapping;
            host->hold_us = is_flapping ? host->hold_us * 2 : PAIR_HOLD_US_MIN;
            host->hold_us = host->hold_us > self->hold_us_max ? self->hold_us_max : host->hold_us;
        }
        return;
    }
    if (action->was != PAIR_BACKUP)
        return;
    bool is_kept = pair_hears_beats(pair, self->now_us) && (pair->last.flags & BEAT_KEEPING) != 0;
    if (action->reason == PAIR_GIVE_BACK && is_kept)
        sums.clauses[CLAUSE_KEPT_FOR_ME]++;
    else if (action->reason == PAIR_GIVE_BACK)
        takeover_check(
            self, ORACLE_DAMPING,
            host->sound_us != INT64_MAX && self->now_us - host->sound_us >= host->hold_us,
            "ns%d returns home after %lld ms of its hold of %lld", host->self + 1,
            (long long)(self->now_us - host->sound_us) / MS, (long long)host->hold_us / MS);
    if (is_planned(action->reason) && action->reason != PAIR_UPGRADED)
        host->homecoming_us = self->now_us;
}

/* Who gives an address up to a partner that took it back, does so when that one holds it. */
static void judge_break(struct takeover *self, struct host *host, const struct pair_action *action)
{
    const struct host *other = &self->hosts[1 - host->self];
    if (action->was != PAIR_YIELDING || action->reason != PAIR_MOVED)
        return;
    bool is_recent = self->now_us - self->changed_us < 10 * self->interval_us + 40 * MS;
    takeover_check(self, ORACLE_BREAKS,
                   is_recent || fault_find(self, FAULT_DELAY) != NULL ||
                       fault_find(self, FAULT_REORDERING) != NULL ||
                       oracle_holds(self, other, action->home, 0) ||
                       !pair_hears_beats(&host->pair, self->now_us),
                   "ns%d deletes home%d and its partner does not hold it", host->self + 1,
                   action->home + 1);
    int64_t waited_us = self->now_us - host->yielded_us[action->home];
    /* 20 ms for what is on its way, and then every thread was seen without a query, if there is a
     * worker to have one. */
    int64_t last_us = host->yielded_us[action->home] + PAIR_YIELD_US;
    bool is_waited =
        waited_us >= PAIR_YIELD_US && (worker_was_empty(self, last_us) ||
                                       waited_us >= PAIR_YIELD_MAX_US || !host->pair.worker_fit);
    takeover_check(self, ORACLE_BREAKS, is_waited || !host->is_fit,
                   "ns%d deletes home%d and did not wait for its queries", host->self + 1,
                   action->home + 1);
    sums.clauses[CLAUSE_QUEUE_WAITED] += waited_us > PAIR_YIELD_US + 2 * self->interval_us;
    sums.clauses[CLAUSE_QUEUE_TIMEOUT] += waited_us >= PAIR_YIELD_MAX_US;
}

static void judge_claim(struct takeover *self, struct host *host, const struct pair_action *action)
{
    const struct pair *pair = &host->pair;
    bool hears = pair_hears_beats(pair, self->now_us);
    uint8_t flags = pair->last.flags;
    if (action->was != PAIR_BACKUP)
        return;
    /* Rule 6: unsynced claims nothing beside a partner that is fit and synced. */
    bool is_partner_better = hears && (flags & BEAT_FIT) != 0 && (flags & BEAT_SYNCED) != 0;
    takeover_check(self, ORACLE_UNSYNCED,
                   pair->synced || !is_partner_better || action->reason == PAIR_TRIPWIRE ||
                       action->reason == PAIR_REFUSED || action->reason == PAIR_UNHEARD ||
                       action->reason == PAIR_AGENTS_LOST_IT,
                   "ns%d has no facts and claims home%d (%s) from one that has", host->self + 1,
                   action->home + 1, pair_reason_word(action->reason));
    /* Rule 2: the silence may be my own. */
    bool is_prompt =
        fault_find(self, FAULT_DELAY) == NULL && fault_find(self, FAULT_REORDERING) == NULL;
    if (action->reason == PAIR_SILENCE && self->witness_count > 0 && is_prompt)
        takeover_check(self, ORACLE_DEAF,
                       host->deaf_us == INT64_MAX || path_is_open(self, CLIENTS, host->self) ||
                           path_is_open(self, WITNESSES, host->self) ||
                           self->now_us - host->deaf_us < 5 * self->interval_us,
                       "ns%d hears nothing for %lld ms and claims home%d", host->self + 1,
                       (long long)(self->now_us - host->deaf_us) / MS, action->home + 1);
    /* Rules 5 and 7: nothing is claimed while isolated, nor before the window is over. */
    takeover_check(self, ORACLE_ISOLATED,
                   !reception_is_isolated(&pair->reception) && self->now_us >= host->listens_us,
                   "ns%d claims home%d while isolated, or before it listened", host->self + 1,
                   action->home + 1);
    if (action->reason == PAIR_VACANT && pair_rightful(pair, action->home) != host->self)
        sums.clauses[hears && ((flags & BEAT_FIT) == 0 || (flags & BEAT_SYNCED) == 0)
                         ? CLAUSE_FIRST_WINDOW
                         : CLAUSE_SECOND_WINDOW]++;
}

static void count_overlap(struct takeover *self, struct host *host,
                          const struct pair_action *action)
{
    const struct pair *pair = &host->pair;
    if (action->reason != PAIR_OVERLAP)
        return;
    host->yielded_us[action->home] = self->now_us;
    bool is_fit = pair_fault(pair) == PAIR_SOUND, is_synced = (pair->last.flags & BEAT_SYNCED) != 0;
    bool is_partner_fit = (pair->last.flags & BEAT_FIT) != 0;
    if (!pair_hears_beats(pair, self->now_us))
        return;
    sums.clauses[is_fit != is_partner_fit    ? CLAUSE_BY_FIT
                 : pair->synced != is_synced ? CLAUSE_BY_SYNCED
                                             : CLAUSE_BY_RIGHT]++;
}

static void judge_move(struct takeover *self, struct host *host, const struct pair_action *action)
{
    judge_still(self, host, action);
    judge_damping(self, host, action);
    judge_break(self, host, action);
    judge_claim(self, host, action);
    count_overlap(self, host, action);
}

static void count_action(struct takeover *self, struct host *host, const struct pair_action *action)
{
    bool is_announced = action->kind == PAIR_ANNOUNCE;
    sums.clauses[CLAUSE_DEFENDED] +=
        is_announced && host->told_event == PAIR_EVENT_TIMEOUT &&
        host->pair.homes[action->home].announced_us != INT64_MIN &&
        self->now_us - host->pair.homes[action->home].announced_us < PAIR_DEFEND_US;
    sums.clauses[CLAUSE_WHO_HAS] += is_announced && host->told_event == PAIR_EVENT_WHO_HAS;
    sums.clauses[CLAUSE_WOKE_KEPT] +=
        action->kind == PAIR_REFRESH && host->told_event == PAIR_EVENT_DRAINED;
}

void oracle_act(struct takeover *self, struct host *host, const struct pair_action *action)
{
    judge_waking(self, host, action);
    count_action(self, host, action);
    switch (action->kind) {
    case PAIR_ADVERTISE:
        judge_fit(self, host, action->home, action->priority);
        break;
    case PAIR_ANNOUNCE:
    case PAIR_CONFIRM:
        judge_announcement(self, host, action->home);
        break;
    case PAIR_NOTE:
        judge_move(self, host, action);
        break;
    default:
        break;
    }
}

void oracle_router(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                   const struct vrrp_action *action)
{
    const struct vrrp *router = &host->routers[home][family];
    if (action->kind == VRRP_ADVERTISE)
        judge_fit(self, host, home, action->priority);
    if (action->kind == VRRP_ANNOUNCE)
        takeover_check(self, ORACLE_ANNOUNCES, router->state == VRRP_ACTIVE,
                       "ns%d announces home%d as %s", host->self + 1, home + 1,
                       vrrp_state_word(router->state));
}

/* ---- around each event ---- */

/* Reception that returned is followed by one window of listening. */
void oracle_told(struct takeover *self, struct host *host, bool was_isolated)
{
    bool is_isolated = reception_is_isolated(&host->pair.reception);
    if (was_isolated && !is_isolated) {
        host->listens_us = self->now_us + PAIR_SILENT_INTERVALS * self->interval_us;
        sums.clauses[CLAUSE_LISTENED]++;
    }
}
