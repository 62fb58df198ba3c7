#include <assert.h>

#include "failover/pair_rules.h"

static void take_handover(struct pair *self, uint8_t number, const struct beat_handover *handover)
{
    struct pair_home *home = &self->homes[number];
    if (handover->version <= home->handover.version || handover->node >= PAIR_NODES)
        return;
    uint8_t was = pair_rightful(self, number);
    home->handover = *handover;
    home->is_ordered = pair_rightful(self, number) != was;
}

/* Who was not heard for long may have claimed meanwhile what is held here, and given it up again:
 * clients that followed it learn where it is. */
static void take_return(struct pair *self, int64_t now_us, int64_t last_us,
                        struct pair_actions *todo)
{
    if (last_us != INT64_MIN &&
        now_us - last_us >= PAIR_SILENT_INTERVALS * self->config.interval_us)
        pair_announce_held(self, now_us, todo);
}

/* It lives, whatever broke. */
static void take_life(struct pair *self, int64_t now_us)
{
    if (now_us - self->broke_us > PAIR_LIFE_US)
        self->broke_us = INT64_MAX;
}

static void take_beat(struct pair *self, int64_t now_us, const struct beat *beat,
                      struct pair_actions *todo)
{
    assert(beat->sender != self->config.self);
    take_return(self, now_us, self->beat_us, todo);
    self->last = *beat;
    self->beat_us = now_us;
    take_life(self, now_us);
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        struct pair_home *home = &self->homes[i];
        bool holds = (beat->holds >> i & 1U) != 0;
        *(holds ? &home->beat_holds_us : &home->beat_lacks_us) = now_us;
        /* Of two that are read in one instant the last one counts. */
        int64_t *other_us = holds ? &home->beat_lacks_us : &home->beat_holds_us;
        if (*other_us == now_us)
            *other_us = now_us - 1;
        take_handover(self, i, &beat->handovers[i]);
    }
}

static void take_advertisement(struct pair *self, int64_t now_us, const struct pair_event *event,
                               struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[event->home];
    take_return(self, now_us, pair_last_advertised_us(self), todo);
    if (event->priority == 0)
        home->goodbye_us = now_us;
    else
        home->advertised_us = now_us;
    take_life(self, now_us);
}

static void take_break(struct pair *self, int64_t now_us, enum pair_reason reason)
{
    if (self->broke_us != INT64_MAX)
        return;
    self->broke_us = now_us;
    self->broke_by = reason;
}

/* Rule 5: after isolation one window is listened; else who was missed is announced at once. */
static void take_reception(struct pair *self, int64_t now_us, const struct pair_event *event,
                           struct pair_actions *todo)
{
    bool was_isolated = reception_is_isolated(&self->reception), was_missed = false;
    if (event->kind == PAIR_EVENT_REPLY)
        was_missed = reception_reply(&self->reception, now_us);
    else if (event->kind == PAIR_EVENT_SENT)
        reception_sent(&self->reception, now_us, event->is);
    else
        reception_frame(&self->reception, now_us);
    if (was_isolated && !reception_is_isolated(&self->reception))
        pair_listen(self, now_us);
    else if (was_missed)
        pair_announce_held(self, now_us, todo);
}

/* Rule 7: before anything is sent, delete what the partner is heard holding; listen. */
static void take_drained(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    self->is_waking = false;
    self->fit_us = INT64_MAX; /* who slept was not fit: the hold begins anew */
    reception_forgive(&self->reception, now_us);
    pair_listen(self, now_us);
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        pair_follow(self, i, now_us);
        if (self->homes[i].state != PAIR_BACKUP && pair_overlap(self, i, now_us) != PAIR_ALONE)
            pair_drop(self, i, now_us, PAIR_WOKE_LATE, todo);
        else if (self->homes[i].state != PAIR_BACKUP)
            pair_act(todo, PAIR_REFRESH, i); /* its lease may have ended meanwhile */
    }
}

static void take_asked(struct pair *self, bool is_answered)
{
    if (!is_answered) {
        self->asks_unanswered++;
        return;
    }
    self->asks_unanswered = 0;
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        self->homes[i].is_kept = false;
}

static void take_home_event(struct pair *self, int64_t now_us, const struct pair_event *event,
                            struct pair_actions *todo)
{
    assert(event->home < PAIR_NODES);
    uint8_t number = event->home;
    struct pair_home *home = &self->homes[number];
    bool is_held = home->state != PAIR_BACKUP;
    switch (event->kind) {
    case PAIR_EVENT_ADVERTISEMENT:
        take_advertisement(self, now_us, event, todo);
        break;
    case PAIR_EVENT_ANNOUNCED:
        home->announced_us = now_us;
        break;
    case PAIR_EVENT_FOREIGN:
        home->foreign_us = now_us;
        pair_act(todo, PAIR_ALARM, number);
        break;
    case PAIR_EVENT_WHO_HAS: /* a frozen kernel may still answer, until its lease ends */
        if (home->state == PAIR_ACTIVE && now_us - home->claimed_us <= PAIR_ANSWER_US)
            pair_announce(self, number, now_us, todo);
        break;
    case PAIR_EVENT_ADDED:
        home->is_refused = false;
        pair_grant(self, number, now_us, todo);
        break;
    case PAIR_EVENT_ADD_FAILED:
        home->is_granted = false;
        home->is_refused = is_held;
        home->refused_us = now_us;
        home->refresh_us = now_us + PAIR_REFRESH_US;
        break;
    case PAIR_EVENT_DELETED:
        home->is_granted = false;
        if (is_held && !self->is_waking) /* who wakes late first hears whether it is to be kept */
            pair_act(todo, PAIR_ADD, number);
        break;
    case PAIR_EVENT_CONFIRMED:
        home->is_confirmed = true;
        break;
    case PAIR_EVENT_QUEUE_EMPTY:
        home->is_queue_empty = home->is_emptying;
        break;
    case PAIR_EVENT_HANDOVER:
        take_handover(self, number, &event->handover);
        break;
    default:
        assert(!"a home's event");
    }
}

static void take_leave(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    if (self->leaving || self->stopping)
        return;
    self->leaving = pair_partner_is_able(self, now_us);
    self->stop_us = now_us + PAIR_STOP_US;
    if (!self->leaving)
        pair_act(todo, PAIR_STAYED, self->config.self);
}

void pair_take(struct pair *self, int64_t now_us, const struct pair_event *event,
               struct pair_actions *todo)
{
    switch (event->kind) {
    case PAIR_EVENT_TIMEOUT:
        self->is_reading = false;
        break;
    case PAIR_EVENT_READING:
        self->is_reading = true;
        break;
    case PAIR_EVENT_WORKER:
        self->worker_fit = event->fit;
        self->synced = event->synced;
        break;
    case PAIR_EVENT_BEAT:
        take_beat(self, now_us, event->beat, todo);
        break;
    case PAIR_EVENT_FRAME:
    case PAIR_EVENT_REPLY:
    case PAIR_EVENT_SENT:
        take_reception(self, now_us, event, todo);
        break;
    case PAIR_EVENT_CARRIER:
        reception_carrier(&self->reception, now_us, event->is);
        if (event->is)
            pair_listen(self, now_us);
        break;
    case PAIR_EVENT_TRIPWIRE:
        if (event->is)
            self->broke_us = INT64_MAX;
        else
            take_break(self, now_us, PAIR_TRIPWIRE);
        break;
    case PAIR_EVENT_REFUSED:
        take_break(self, now_us, PAIR_REFUSED);
        break;
    case PAIR_EVENT_WOKE:
        self->is_waking = true;
        self->lateness_us = event->lateness_us;
        break;
    case PAIR_EVENT_DRAINED:
        take_drained(self, now_us, todo);
        break;
    case PAIR_EVENT_ASKED:
        take_asked(self, event->is);
        break;
    case PAIR_EVENT_AGENTS:
        self->agents_fresh = event->fresh;
        self->agents_lost = event->lost;
        break;
    case PAIR_EVENT_RESET:
        for (uint8_t i = 0; i < PAIR_NODES; i++) {
            self->homes[i].hold_us = PAIR_HOLD_US_MIN;
            self->homes[i].returned_us = INT64_MIN;
        }
        break;
    case PAIR_EVENT_LEAVE:
        take_leave(self, now_us, todo);
        break;
    case PAIR_EVENT_RETURN:
        self->leaving = self->is_away = false;
        break;
    case PAIR_EVENT_STOP:
        self->stopping = true;
        self->stop_us = now_us + PAIR_STOP_US;
        break;
    default:
        take_home_event(self, now_us, event, todo);
        break;
    }
}
