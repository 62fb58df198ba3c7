#include "sim/takeover/opinion_parts.h"

#include <string.h>

/* ---- what is said ---- */

static uint8_t holds(const struct opinion *self)
{
    uint8_t bits = 0;
    for (unsigned i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].is_granted)
            bits |= (uint8_t)(1U << i);
    return bits;
}

static unsigned flags(const struct opinion *self)
{
    const struct opinion_home *theirs = &self->homes[1 - self->self];
    bool is_keeping = theirs->state == PAIR_ACTIVE && !theirs->was_theirs;
    return (opinion_is_fit(self) ? BEAT_FIT : 0U) | (self->synced ? BEAT_SYNCED : 0U) |
           (opinion_is_isolated(self) ? BEAT_ISOLATED : 0U) |
           (self->stopping || self->leaving ? BEAT_STOPPING : 0U) |
           (self->asking_us != OPINION_NEVER ? BEAT_PROBING : 0U) |
           (opinion_has_reply(self) ? BEAT_ANSWERED : 0U) | (is_keeping ? BEAT_KEEPING : 0U);
}

/* ---- what is done ---- */

void opinion_act(struct opinion *self, enum pair_action_kind kind, uint8_t home)
{
    self->acts.counts[kind][home]++;
}

/* Priority 0: who is not fit says so. */
void opinion_advertise(struct opinion *self, uint8_t home)
{
    opinion_act(self, PAIR_ADVERTISE, home);
    self->acts.priorities[home] = !opinion_is_fit(self)             ? 0
                                  : opinion_is_rightful(self, home) ? 200
                                                                    : 100;
}

static void move(struct opinion *self, uint8_t number, enum pair_state state,
                 enum pair_reason reason)
{
    opinion_act(self, PAIR_NOTE, number);
    self->acts.reasons[number] = reason;
    self->homes[number].state = state;
    self->homes[number].since_us = self->now_us;
    opinion_follow(self, number);
}

/* Rules 5 and 7: not while isolated, nor awake by half. */
static void announce(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    if (opinion_is_isolated(self) || self->is_waking || !home->is_granted)
        return;
    home->defended_us = self->now_us;
    opinion_act(self, PAIR_ANNOUNCE, number);
}

/* Nor before what follows that was listened to. */
void opinion_announce(struct opinion *self, uint8_t number)
{
    if (self->now_us >= self->listens_us)
        announce(self, number);
}

/* Rule 9: two, 20 ms apart, then one in 100 ms until 5 s; and then every minute. */
enum { ANNOUNCEMENTS = 52, MINUTE_US = 60000000 };

int64_t opinion_announce_after_us(unsigned announcements)
{
    if (announcements == 1)
        return 20000;
    if (announcements < ANNOUNCEMENTS)
        return announcements * INT64_C(100000) - (announcements > 0 ? 100000 : 0);
    return 5000000 + (announcements - ANNOUNCEMENTS + 1) * (int64_t)MINUTE_US;
}

/* Of the schedule; then in a second while no witness of those there are has answered. */
static void plan_announcement(const struct opinion *self, struct opinion_home *home)
{
    bool is_open = self->has_witness && !home->is_confirmed;
    if (home->announcements < ANNOUNCEMENTS)
        home->announce_us = home->from_us + opinion_announce_after_us(home->announcements);
    else
        home->announce_us = self->now_us + (is_open ? 1000000 : MINUTE_US);
}

bool opinion_is_unconfirmed(const struct opinion *self, int64_t now_us)
{
    for (size_t i = 0; i < PAIR_NODES; i++) {
        const struct opinion_home *home = &self->homes[i];
        bool is_asked_for = self->has_witness && home->state == PAIR_ACTIVE && home->is_granted;
        if (is_asked_for && !home->is_confirmed && now_us - home->from_us > 5000000)
            return true;
    }
    return false;
}

/* And witnesses are asked, until one has answered. */
static void announce_and_ask(struct opinion *self, uint8_t number)
{
    uint8_t before = self->acts.counts[PAIR_ANNOUNCE][number];
    opinion_announce(self, number);
    bool is_announced = self->acts.counts[PAIR_ANNOUNCE][number] != before;
    if (is_announced && self->has_witness && !self->homes[number].is_confirmed)
        opinion_act(self, PAIR_CONFIRM, number);
}

/* From now, or from the end of listening. */
void opinion_announce_anew(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    home->from_us = opinion_later(self->now_us, self->listens_us);
    home->announcements = self->now_us >= self->listens_us;
    home->is_confirmed = false;
    plan_announcement(self, home);
    announce_and_ask(self, number);
}

static void announce_in_time(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    if (home->announce_us > self->now_us)
        return;
    home->announcements += home->announcements < ANNOUNCEMENTS;
    plan_announcement(self, home);
    announce_and_ask(self, number);
}

void opinion_listen(struct opinion *self)
{
    self->listens_us = self->now_us + self->window_us;
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        self->homes[i].announcements = 0;
        self->homes[i].is_confirmed = false;
        self->homes[i].from_us = self->homes[i].announce_us = self->listens_us;
    }
}

void opinion_drop(struct opinion *self, uint8_t number, enum pair_reason reason)
{
    struct opinion_home *home = &self->homes[number];
    opinion_act(self, PAIR_DELETE, number);
    home->is_granted = home->is_refused = home->is_kept = false;
    home->is_left = self->leaving && opinion_is_rightful(self, number);
    if (number == self->self && !self->leaving && home->returned_us != OPINION_NEVER) {
        bool is_flap = opinion_since_us(self, home->returned_us) < self->flap_us;
        int64_t twice_us = home->hold_us * 2;
        home->hold_us = !is_flap                       ? PAIR_HOLD_US_MIN
                        : twice_us < self->hold_us_max ? twice_us
                                                       : self->hold_us_max;
    }
    move(self, number, PAIR_BACKUP, reason);
}

static void claim(struct opinion *self, uint8_t number, enum pair_reason reason)
{
    struct opinion_home *home = &self->homes[number];
    opinion_act(self, PAIR_ADD, number);
    home->claimed_us = self->now_us;
    home->refresh_us = self->now_us + PAIR_REFRESH_US;
    home->is_kept = reason == PAIR_UNANSWERED;
    home->is_granted = home->is_contested = home->is_ordered = home->is_left = false;
    if (reason == PAIR_GIVE_BACK || reason == PAIR_PARTNER_UNSYNCED || reason == PAIR_HANDOVER)
        home->returned_us = self->now_us;
    move(self, number, PAIR_ACTIVE, reason);
}

/* ---- reception ---- */

/* A sign is missed by two intervals and a half, or the partner asks itself. */
static bool is_in_doubt(const struct opinion *self)
{
    int64_t patience_us = 5 * self->interval_us / 2;
    bool is_any_theirs = false, is_unadvertised = false;
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        const struct opinion_home *home = &self->homes[i];
        bool is_theirs = home->is_theirs && home->state != PAIR_ACTIVE;
        is_any_theirs |= is_theirs;
        is_unadvertised |= is_theirs && opinion_since_us(self, home->advertised_us) > patience_us;
    }
    bool is_unheard =
        self->beat_us != OPINION_NEVER && opinion_since_us(self, self->beat_us) >= patience_us;
    return self->has_partner && ((opinion_hears(self) && opinion_says(self, BEAT_PROBING)) ||
                                 is_unadvertised || (is_any_theirs && is_unheard));
}

static void judge_isolation(struct opinion *self)
{
    bool is_partner_of_use = opinion_hears(self) && !opinion_says(self, BEAT_ISOLATED);
    if (self->reception == RECEPTION_NO_REPLY && !is_partner_of_use)
        self->reception = RECEPTION_PROVEN;
    bool is_unsent = self->unsent_us != OPINION_NEVER;
    bool is_asking =
        is_in_doubt(self) || opinion_is_quiet(self, 2) || opinion_is_isolated(self) || is_unsent;
    if (is_asking && self->asking_us == OPINION_NEVER) {
        self->asking_us = self->question_us = self->now_us;
        self->questions = 0;
    }
    if (!is_asking)
        self->asking_us = OPINION_NEVER;
    bool is_refused = is_unsent && opinion_since_us(self, self->unsent_us) >= 5 * self->interval_us;
    if (is_refused && (!opinion_is_isolated(self) || self->reception == RECEPTION_NO_REPLY))
        self->reception = RECEPTION_NO_SEND;
    if (opinion_is_isolated(self))
        return;
    bool has_partner_reply = is_partner_of_use && opinion_says(self, BEAT_ANSWERED) &&
                             opinion_since_us(self, self->beat_us) <= 2 * self->interval_us;
    if (has_partner_reply && self->questions >= 4 &&
        opinion_unanswered_us(self) >= 4 * self->interval_us)
        self->reception = RECEPTION_NO_REPLY;
    else if (self->has_witness && self->questions >= 3 &&
             opinion_is_quiet(self, is_partner_of_use ? 10 : 5))
        self->reception = RECEPTION_NO_FRAME;
}

static void judge_reception(struct opinion *self)
{
    bool was_isolated = opinion_is_isolated(self);
    judge_isolation(self);
    if (was_isolated && !opinion_is_isolated(self))
        opinion_listen(self);
    if (self->asking_us == OPINION_NEVER || self->now_us < self->question_us)
        return;
    self->questions++;
    self->question_us = self->now_us + self->interval_us;
    opinion_act(self, PAIR_PROBE, self->self);
}

/* ---- each home, each step ---- */

static void refresh_in_time(struct opinion *self, uint8_t number)
{
    if (self->homes[number].refresh_us > self->now_us)
        return;
    self->homes[number].refresh_us = self->now_us + PAIR_REFRESH_US;
    opinion_act(self, PAIR_REFRESH, number);
}

static void yield(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    if (!opinion_hears(self) && home->is_granted)
        opinion_advertise(self, number);
    home->is_asked = home->is_queue_empty = false;
    move(self, number, PAIR_YIELDING, PAIR_OVERLAP);
}

/* Rule 8: the better one announces when the other does, and when that one is gone; rule 5: while it
 * listens, when it hears that the other is there. */
static void defend(struct opinion *self, uint8_t number, bool is_better, bool is_worse)
{
    struct opinion_home *home = &self->homes[number];
    bool is_listening = self->now_us < self->listens_us, is_heard = opinion_hears(self);
    bool is_news = !home->is_contested || home->announced_us > home->defended_us;
    if (is_better && is_news && is_listening && is_heard)
        announce(self, number);
    if (home->is_contested && !is_better && !is_worse)
        opinion_announce_anew(self, number);
    home->is_contested = is_better && (!is_listening || is_heard);
    bool is_others =
        home->announced_us > home->defended_us &&
        (is_better || opinion_since_us(self, home->announced_us) > 2 * self->interval_us);
    if ((is_others || home->foreign_us > home->defended_us) && opinion_is_fit(self) &&
        opinion_since_us(self, home->countered_us) >= PAIR_DEFEND_US) {
        home->countered_us = self->now_us;
        opinion_announce_anew(self, number);
    }
}

static void judge_active(struct opinion *self, uint8_t number)
{
    bool is_shared = opinion_is_shared(self, number);
    bool is_worse = is_shared && !opinion_is_better(self, number);
    refresh_in_time(self, number);
    if (is_worse && self->now_us >= self->listens_us) {
        yield(self, number);
        return;
    }
    defend(self, number, is_shared && !is_worse, is_worse);
    announce_in_time(self, number);
}

static void judge_yielding(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    refresh_in_time(self, number);
    if (!opinion_is_shared(self, number) || opinion_is_better(self, number)) {
        move(self, number, PAIR_ACTIVE, PAIR_PREVAILED);
        home->claimed_us = self->now_us;
        opinion_announce_anew(self, number);
        return;
    }
    int64_t waited_us = opinion_since_us(self, home->since_us);
    if (waited_us < PAIR_YIELD_US)
        return;
    if (self->worker_fit && !home->is_asked) {
        opinion_act(self, PAIR_EMPTY, number);
        home->is_asked = true;
    }
    if (home->is_queue_empty || !self->worker_fit || waited_us >= PAIR_YIELD_MAX_US)
        opinion_drop(self, number, PAIR_MOVED);
}

static void judge_home(struct opinion *self, uint8_t number)
{
    enum pair_reason reason;
    opinion_follow(self, number);
    if (self->homes[number].state == PAIR_ACTIVE)
        judge_active(self, number);
    else if (self->homes[number].state == PAIR_YIELDING)
        judge_yielding(self, number);
    else if (opinion_claims(self, number, &reason))
        claim(self, number, reason);
}

/* Rule 4: after ten seconds without beats, while it is said to hold something. */
static void ask(struct opinion *self)
{
    const struct opinion_home *homes = self->homes;
    bool is_of_use = homes[0].is_theirs || homes[1].is_theirs;
    if (self->beat_us == OPINION_NEVER ||
        opinion_since_us(self, self->beat_us) < PAIR_ASK_AFTER_US || opinion_is_isolated(self) ||
        !is_of_use) {
        self->unanswered = 0;
    } else if (opinion_since_us(self, self->asked_us) >= PAIR_ASK_US) {
        self->asked_us = self->now_us;
        opinion_act(self, PAIR_ASK, self->self);
    }
}

static void stop(struct opinion *self)
{
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].state != PAIR_BACKUP &&
            (!opinion_hears(self) || self->now_us >= self->end_us))
            opinion_drop(self, i, PAIR_STOPPED);
    if (holds(self) == 0)
        opinion_act(self, PAIR_END, self->self);
}

static void leave(struct opinion *self)
{
    if (holds(self) == 0) {
        self->is_away = true;
        opinion_act(self, PAIR_LEFT, self->self);
    } else if (self->now_us >= self->end_us || !opinion_is_able(self)) {
        self->leaving = false;
        opinion_act(self, PAIR_STAYED, self->self);
    }
}

/* Each interval, and at once when what it says changed. */
static void speak(struct opinion *self)
{
    unsigned saying = flags(self) & ~(unsigned)(BEAT_ANSWERED | BEAT_KEEPING);
    unsigned said = saying | (unsigned)holds(self) << 8;
    bool is_due = self->now_us >= self->beat_due_us;
    bool is_worse = (self->said & BEAT_FIT) > (said & BEAT_FIT);
    if (!is_due && said == self->said)
        return;
    self->said = said;
    if (self->has_partner)
        opinion_act(self, PAIR_BEAT, self->self);
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].state == PAIR_ACTIVE && self->homes[i].is_granted &&
            (is_due || is_worse))
            opinion_advertise(self, i);
    while (self->beat_due_us <= self->now_us)
        self->beat_due_us += self->interval_us;
}

void opinion_step(struct opinion *self, int64_t now_us, const struct pair_event *event)
{
    self->now_us = now_us;
    memset(&self->acts, 0, sizeof self->acts);
    opinion_take(self, event);
    if (self->is_waking || self->is_reading)
        return;
    judge_reception(self);
    if (!opinion_is_fit(self) || !self->synced)
        self->sound_us = OPINION_NEVER;
    else if (self->sound_us == OPINION_NEVER)
        self->sound_us = now_us;
    ask(self);
    judge_home(self, 0);
    judge_home(self, 1);
    if (self->stopping)
        stop(self);
    if (self->leaving && !self->is_away)
        leave(self);
    speak(self);
}

/* ---- what is said, and when ---- */

static uint32_t bounded(int64_t us)
{
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void opinion_beat(const struct opinion *self, struct beat *beat)
{
    *beat = (struct beat){.sender = self->self,
                          .flags = (uint8_t)flags(self),
                          .holds = holds(self),
                          .lateness_us = bounded(self->lateness_us),
                          .heard_ago_us = bounded(opinion_since_us(self, self->beat_us)),
                          .unanswered_us = bounded(opinion_unanswered_us(self)),
                          .handovers = {self->homes[0].order, self->homes[1].order},
                          .agents_fresh = self->agents_fresh,
                          .agents_lost = self->agents_lost};
}

static void sooner(const struct opinion *self, int64_t *due_us, int64_t at_us)
{
    if (at_us > self->now_us && at_us < *due_us)
        *due_us = at_us;
}

/* A beat, a question, the end of listening, and what a silence means: a sign missed, a doubt, and
 * silence. */
int64_t opinion_deadline_us(const struct opinion *self)
{
    int64_t due_us = self->beat_due_us, spoken_us = opinion_spoke_us(self);
    if (self->is_waking)
        return self->now_us;
    sooner(self, &due_us,
           self->asking_us == OPINION_NEVER ? self->frame_us + 2 * self->interval_us
                                            : self->question_us);
    sooner(self, &due_us, spoken_us + 3 * self->interval_us / 2);
    sooner(self, &due_us, spoken_us + 5 * self->interval_us / 2);
    sooner(self, &due_us, spoken_us + self->window_us);
    sooner(self, &due_us, self->listens_us);
    return due_us;
}

void opinion_start(struct opinion *self, const struct pair_config *config, int64_t now_us)
{
    const struct opinion_home home = {.since_us = now_us,
                                      .advertised_us = OPINION_NEVER,
                                      .goodbye_us = OPINION_NEVER,
                                      .announced_us = OPINION_NEVER,
                                      .countered_us = OPINION_NEVER,
                                      .foreign_us = OPINION_NEVER,
                                      .vacant_us = now_us,
                                      .claimed_us = OPINION_NEVER,
                                      .refused_us = OPINION_NEVER,
                                      .hold_us = PAIR_HOLD_US_MIN,
                                      .returned_us = OPINION_NEVER};
    *self = (struct opinion){.self = config->self,
                             .has_partner = config->has_partner,
                             .has_witness = config->has_witness,
                             .interval_us = config->interval_us,
                             .window_us = 5 * config->interval_us,
                             .flap_us = config->flap_us,
                             .hold_us_max = config->hold_us_max,
                             .now_us = now_us,
                             .listens_us = now_us + 5 * config->interval_us,
                             .sound_us = OPINION_NEVER,
                             .beat_due_us = now_us,
                             .beat_us = OPINION_NEVER,
                             .broke_us = OPINION_NEVER,
                             .asked_us = OPINION_NEVER,
                             .carrier = true,
                             .frame_us = now_us,
                             .reply_us = OPINION_NEVER,
                             .unsent_us = OPINION_NEVER,
                             .asking_us = OPINION_NEVER,
                             .homes = {home, home}};
}
