#include <assert.h>

#include "sim/takeover/opinion_parts.h"

static void announce_held(struct opinion *self)
{
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].state == PAIR_ACTIVE)
            opinion_announce_anew(self, i);
}

static void take_order(struct opinion *self, uint8_t number, const struct beat_handover *order)
{
    struct opinion_home *home = &self->homes[number];
    uint8_t was = opinion_rightful(self, number);
    if (order->node > 1 || order->version <= home->order.version)
        return;
    home->order = *order;
    home->is_ordered = opinion_rightful(self, number) != was;
}

/* Rule 8: clients that followed the other learn where it is, when that one is heard again. */
static void hear_again(struct opinion *self, int64_t last_us)
{
    if (last_us != OPINION_NEVER && self->now_us - last_us >= self->window_us)
        announce_held(self);
}

/* Rule 1: whoever speaks so long after what broke was not dead. */
static void hear_life(struct opinion *self)
{
    if (self->now_us - self->broke_us > PAIR_LIFE_US)
        self->broke_us = OPINION_NEVER;
}

static void hear_beat(struct opinion *self, const struct beat *beat)
{
    hear_again(self, self->beat_us);
    hear_life(self);
    self->beat = *beat;
    self->beat_us = self->now_us;
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        self->homes[i].is_said_held = (beat->holds & 1U << i) != 0;
        take_order(self, i, &beat->handovers[i]);
    }
}

static void hear_advertisement(struct opinion *self, const struct pair_event *event)
{
    struct opinion_home *homes = self->homes, *home = &homes[event->home];
    hear_again(self, homes[0].advertised_us > homes[1].advertised_us ? homes[0].advertised_us
                                                                     : homes[1].advertised_us);
    hear_life(self);
    *(event->priority == 0 ? &home->goodbye_us : &home->advertised_us) = self->now_us;
}

static void hear_break(struct opinion *self, enum pair_reason reason)
{
    if (self->broke_us != OPINION_NEVER)
        return;
    self->broke_us = self->now_us;
    self->broke_by = reason;
}

/* ---- reception ---- */

/* What did not come while nobody looked proves nothing. */
static void forgive(struct opinion *self)
{
    self->frame_us = self->now_us;
    self->questions = 0;
    if (self->asking_us != OPINION_NEVER)
        self->asking_us = self->now_us;
    if (self->unsent_us != OPINION_NEVER)
        self->unsent_us = self->now_us;
}

/* Rule 5: who was isolated listens first. Who missed replies announces at once. */
static void hear_lan(struct opinion *self, bool is_reply)
{
    bool was_isolated = opinion_is_isolated(self);
    int64_t asked_us = self->asking_us > self->reply_us ? self->asking_us : self->reply_us;
    bool was_missed = is_reply && self->asking_us != OPINION_NEVER &&
                      self->now_us - asked_us >= 4 * self->interval_us;
    self->frame_us = self->now_us;
    if (is_reply) {
        self->reply_us = self->now_us;
        self->unsent_us = OPINION_NEVER;
        self->questions = 0;
    }
    bool is_by_reply =
        self->reception == RECEPTION_NO_REPLY || self->reception == RECEPTION_NO_SEND;
    if (self->reception == RECEPTION_NO_FRAME || (is_by_reply && is_reply))
        self->reception = RECEPTION_PROVEN;
    if (was_isolated && !opinion_is_isolated(self))
        opinion_listen(self);
    else if (was_missed)
        announce_held(self);
}

static void hear_kernel(struct opinion *self, bool is_sent)
{
    if (!is_sent && self->unsent_us == OPINION_NEVER)
        self->unsent_us = self->now_us;
    if (!is_sent)
        return;
    self->unsent_us = OPINION_NEVER;
    if (self->reception != RECEPTION_NO_SEND)
        return;
    self->reception = RECEPTION_PROVEN;
    opinion_listen(self);
}

static void plug(struct opinion *self, bool is_up)
{
    if (is_up && !self->carrier)
        forgive(self);
    if (is_up != self->carrier)
        self->reception = is_up ? RECEPTION_PROVEN : RECEPTION_NO_CARRIER;
    self->carrier = is_up;
    if (is_up)
        opinion_listen(self);
}

/* Rule 7: what the partner holds is deleted, the rest is kept; then one window of listening. */
static void wake(struct opinion *self)
{
    self->is_waking = false;
    self->sound_us = OPINION_NEVER;
    forgive(self);
    opinion_listen(self);
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        opinion_follow(self, i);
        if (self->homes[i].state == PAIR_BACKUP)
            continue;
        if (opinion_is_shared(self, i))
            opinion_drop(self, i, PAIR_WOKE_LATE);
        else
            opinion_act(self, PAIR_REFRESH, i);
    }
}

/* ---- the kernel and the LAN, of one home ---- */

static void take_granted(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    bool is_new = home->state != PAIR_BACKUP && !home->is_granted;
    home->is_refused = false;
    home->is_granted |= is_new;
    if (!is_new || home->state != PAIR_ACTIVE || self->is_waking)
        return;
    opinion_advertise(self, number);
    opinion_announce_anew(self, number);
}

static void take_refused(struct opinion *self, struct opinion_home *home)
{
    home->is_granted = false;
    home->is_refused = home->state != PAIR_BACKUP;
    home->refused_us = self->now_us;
    home->refresh_us = self->now_us + PAIR_REFRESH_US;
}

static void take_deleted(struct opinion *self, uint8_t number)
{
    self->homes[number].is_granted = false;
    if (self->homes[number].state != PAIR_BACKUP && !self->is_waking)
        opinion_act(self, PAIR_ADD, number);
}

static void take_of_home(struct opinion *self, const struct pair_event *event)
{
    struct opinion_home *home = &self->homes[event->home];
    switch (event->kind) {
    case PAIR_EVENT_ADVERTISEMENT:
        hear_advertisement(self, event);
        break;
    case PAIR_EVENT_ANNOUNCED:
        home->announced_us = self->now_us;
        break;
    case PAIR_EVENT_FOREIGN:
        home->foreign_us = self->now_us;
        opinion_act(self, PAIR_ALARM, event->home);
        break;
    case PAIR_EVENT_WHO_HAS: /* rule 8: for 3 s after a claim */
        if (home->state == PAIR_ACTIVE && self->now_us - home->claimed_us <= PAIR_ANSWER_US)
            opinion_announce(self, event->home);
        break;
    case PAIR_EVENT_ADDED:
        take_granted(self, event->home);
        break;
    case PAIR_EVENT_ADD_FAILED:
        take_refused(self, home);
        break;
    case PAIR_EVENT_DELETED:
        take_deleted(self, event->home);
        break;
    case PAIR_EVENT_CONFIRMED:
        home->is_confirmed = true;
        break;
    case PAIR_EVENT_QUEUE_EMPTY:
        home->is_queue_empty = home->state == PAIR_YIELDING && home->is_asked;
        break;
    case PAIR_EVENT_HANDOVER:
        take_order(self, event->home, &event->handover);
        break;
    default:
        assert(!"an event of a home");
    }
}

/* ---- operators ---- */

static void reset(struct opinion *self)
{
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        self->homes[i].hold_us = PAIR_HOLD_US_MIN;
        self->homes[i].returned_us = OPINION_NEVER;
    }
}

static void leave(struct opinion *self)
{
    if (self->leaving || self->stopping)
        return;
    self->end_us = self->now_us + PAIR_STOP_US;
    self->leaving = opinion_is_able(self);
    if (!self->leaving)
        opinion_act(self, PAIR_STAYED, self->self);
}

static void take_answer(struct opinion *self, bool is_answered)
{
    self->unanswered = is_answered ? 0 : self->unanswered + 1;
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        self->homes[i].is_kept &= !is_answered;
}

void opinion_take(struct opinion *self, const struct pair_event *event)
{
    switch (event->kind) {
    case PAIR_EVENT_TIMEOUT:
    case PAIR_EVENT_READING:
        self->is_reading = event->kind == PAIR_EVENT_READING;
        break;
    case PAIR_EVENT_WORKER:
        self->worker_fit = event->fit;
        self->synced = event->synced;
        break;
    case PAIR_EVENT_BEAT:
        hear_beat(self, event->beat);
        break;
    case PAIR_EVENT_FRAME:
    case PAIR_EVENT_REPLY:
        hear_lan(self, event->kind == PAIR_EVENT_REPLY);
        break;
    case PAIR_EVENT_SENT:
        hear_kernel(self, event->is);
        break;
    case PAIR_EVENT_CARRIER:
        plug(self, event->is);
        break;
    case PAIR_EVENT_TRIPWIRE:
        if (event->is)
            self->broke_us = OPINION_NEVER;
        else
            hear_break(self, PAIR_TRIPWIRE);
        break;
    case PAIR_EVENT_REFUSED:
        hear_break(self, PAIR_REFUSED);
        break;
    case PAIR_EVENT_WOKE:
        self->is_waking = true;
        self->lateness_us = event->lateness_us;
        break;
    case PAIR_EVENT_DRAINED:
        wake(self);
        break;
    case PAIR_EVENT_ASKED:
        take_answer(self, event->is);
        break;
    case PAIR_EVENT_AGENTS:
        self->agents_fresh = event->fresh;
        self->agents_lost = event->lost;
        break;
    case PAIR_EVENT_RESET:
        reset(self);
        break;
    case PAIR_EVENT_LEAVE:
        leave(self);
        break;
    case PAIR_EVENT_RETURN:
        self->leaving = self->is_away = false;
        break;
    case PAIR_EVENT_STOP:
        self->stopping = true;
        self->end_us = self->now_us + PAIR_STOP_US;
        break;
    default:
        take_of_home(self, event);
        break;
    }
}
