#include "sim/takeover/opinion_parts.h"

/* ---- the partner, as it is heard ---- */

static bool is_partner_fit(const struct opinion *self)
{
    return (self->beat.flags & (BEAT_FIT | BEAT_ISOLATED | BEAT_STOPPING)) == BEAT_FIT;
}

bool opinion_is_able(const struct opinion *self)
{
    return opinion_hears(self) && is_partner_fit(self) && opinion_says(self, BEAT_SYNCED);
}

int64_t opinion_spoke_us(const struct opinion *self)
{
    return opinion_later(self->beat_us,
                         opinion_later(self->homes[0].advertised_us, self->homes[1].advertised_us));
}

/* Nothing is silent before a window in which it was listened for. */
static int64_t silence_us(const struct opinion *self, int64_t sign_us)
{
    return opinion_since_us(self, opinion_later(sign_us, self->listens_us - self->window_us));
}

/* While beats are heard they alone say what the partner holds. */
static int64_t held_us(const struct opinion *self, const struct opinion_home *home)
{
    int64_t vrrp_us = opinion_later(home->advertised_us, home->goodbye_us);
    int64_t beat_us = home->is_said_held ? self->beat_us : OPINION_NEVER;
    return opinion_hears(self) ? beat_us : opinion_later(vrrp_us, beat_us);
}

void opinion_follow(struct opinion *self, uint8_t number)
{
    struct opinion_home *home = &self->homes[number];
    int64_t vrrp_us = opinion_later(home->advertised_us, home->goodbye_us);
    home->is_theirs = home->is_said_held || (!opinion_hears(self) && vrrp_us > self->beat_us);
    home->was_theirs |= home->is_theirs;
    if (home->is_theirs || home->state != PAIR_BACKUP)
        home->vacant_us = OPINION_NEVER;
    else if (home->vacant_us == OPINION_NEVER)
        home->vacant_us = self->now_us;
}

/* ---- this node ---- */

uint8_t opinion_rightful(const struct opinion *self, uint8_t home)
{
    return self->homes[home].order.version == 0 ? home : self->homes[home].order.node;
}

bool opinion_is_rightful(const struct opinion *self, uint8_t home)
{
    return opinion_rightful(self, home) == self->self;
}

bool opinion_is_fit(const struct opinion *self)
{
    bool is_refused = self->homes[0].is_refused || self->homes[1].is_refused;
    return self->worker_fit && !opinion_is_isolated(self) && !is_refused && !self->stopping &&
           !self->leaving;
}

bool opinion_has_reply(const struct opinion *self)
{
    return self->asking_us != OPINION_NEVER &&
           opinion_since_us(self, self->reply_us) <= 2 * self->interval_us;
}

int64_t opinion_unanswered_us(const struct opinion *self)
{
    return self->asking_us == OPINION_NEVER
               ? 0
               : opinion_since_us(self, opinion_later(self->asking_us, self->reply_us));
}

/* ---- rules 3 and 8: who is heard, and who is the better ---- */

static bool have_most_lost_it(unsigned fresh, unsigned lost)
{
    return fresh >= 3 && 3 * lost >= 2 * fresh;
}

static bool is_partner_unheard(const struct opinion *self)
{
    return opinion_says(self, BEAT_PROBING) && !opinion_says(self, BEAT_ANSWERED) &&
           !opinion_is_isolated(self) && self->beat.unanswered_us >= 2 * self->interval_us &&
           (opinion_has_reply(self) || have_most_lost_it(self->agents_fresh, self->agents_lost));
}

static bool am_i_unheard(const struct opinion *self)
{
    return !opinion_says(self, BEAT_ISOLATED) && !opinion_has_reply(self) &&
           opinion_unanswered_us(self) >= 2 * self->interval_us &&
           (opinion_says(self, BEAT_ANSWERED) ||
            have_most_lost_it(self->beat.agents_fresh, self->beat.agents_lost));
}

/* The better of (fit, synced, rightful). */
bool opinion_is_better(const struct opinion *self, uint8_t number)
{
    const struct opinion_home *home = &self->homes[number];
    bool by_beats = opinion_hears(self), mine = opinion_is_fit(self), theirs;
    if (by_beats) {
        mine = mine && !am_i_unheard(self);
        theirs = is_partner_fit(self) && !is_partner_unheard(self);
    } else {
        theirs = home->advertised_us > home->goodbye_us && !home->is_kept;
    }
    if (mine != theirs)
        return mine;
    if (by_beats && self->synced != opinion_says(self, BEAT_SYNCED))
        return self->synced;
    return opinion_is_rightful(self, number);
}

/* Rule 8: the partner holds what I hold too, by a sign after my claim and of now. */
bool opinion_is_shared(const struct opinion *self, uint8_t number)
{
    const struct opinion_home *home = &self->homes[number];
    int64_t sign_us = held_us(self, home);
    return home->is_theirs && sign_us > home->claimed_us &&
           opinion_since_us(self, sign_us) <= 2 * self->interval_us;
}

/* ---- rules 1 to 4 and 6: claims ---- */

static bool claims_by_goodbye(const struct opinion *self, const struct opinion_home *home,
                              enum pair_reason *reason)
{
    if (!opinion_hears(self)) {
        *reason = PAIR_GOODBYE;
        return home->goodbye_us >= home->advertised_us &&
               opinion_since_us(self, home->goodbye_us) <= self->window_us;
    }
    *reason = opinion_says(self, BEAT_STOPPING)   ? PAIR_PARTNER_STOPPING
              : opinion_says(self, BEAT_ISOLATED) ? PAIR_PARTNER_ISOLATED
                                                  : PAIR_PARTNER_UNFIT;
    return !is_partner_fit(self);
}

static bool claims_by_break(const struct opinion *self)
{
    return self->broke_us != OPINION_NEVER &&
           2 * silence_us(self, opinion_spoke_us(self)) >= 3 * self->interval_us;
}

static bool claims_back(const struct opinion *self, uint8_t number, enum pair_reason *reason)
{
    const struct opinion_home *home = &self->homes[number];
    if (!opinion_is_rightful(self, number) || !opinion_hears(self) ||
        self->beat.heard_ago_us >= self->window_us)
        return false;
    bool is_untold = opinion_says(self, BEAT_KEEPING) && number == self->self;
    bool is_held_off =
        !home->is_left && !home->is_ordered && !is_untold &&
        (self->sound_us == OPINION_NEVER || opinion_since_us(self, self->sound_us) < home->hold_us);
    *reason = !opinion_says(self, BEAT_SYNCED) ? PAIR_PARTNER_UNSYNCED
              : home->is_left                  ? PAIR_UPGRADED
              : home->is_ordered               ? PAIR_HANDOVER
                                               : PAIR_GIVE_BACK;
    return !opinion_says(self, BEAT_SYNCED) || (self->synced && !is_held_off);
}

/* A frame after the second missed sign, and within the last five intervals. */
static bool is_reception_proven(const struct opinion *self)
{
    return !self->has_witness ||
           (self->frame_us >=
                opinion_later(opinion_spoke_us(self), self->listens_us) + 2 * self->interval_us &&
            !opinion_is_quiet(self, 5));
}

static bool claims_by_silence(struct opinion *self, uint8_t number, enum pair_reason *reason)
{
    struct opinion_home *home = &self->homes[number];
    bool is_vrrp_silent =
        silence_us(self, opinion_later(home->advertised_us, home->goodbye_us)) >= self->window_us;
    bool are_beats_silent = silence_us(self, self->beat_us) >= self->window_us;
    if (is_vrrp_silent && are_beats_silent) {
        *reason = PAIR_SILENCE;
        return is_reception_proven(self);
    }
    if (is_vrrp_silent) {
        *reason = opinion_has_reply(self) ? PAIR_UNHEARD : PAIR_AGENTS_LOST_IT;
        return is_partner_unheard(self);
    }
    *reason = PAIR_UNANSWERED;
    return are_beats_silent && self->unanswered >= 3 && opinion_has_reply(self);
}

static bool claims_theirs(struct opinion *self, uint8_t number, enum pair_reason *reason)
{
    struct opinion_home *home = &self->homes[number];
    if (opinion_since_us(self, home->refused_us) <= PAIR_RETRY_US)
        return false;
    if (claims_by_break(self)) {
        *reason = self->broke_by;
        return true;
    }
    if (opinion_hears(self) && !opinion_is_better(self, number))
        return false;
    return claims_by_goodbye(self, home, reason) || claims_back(self, number, reason) ||
           claims_by_silence(self, number, reason);
}

/* Rule 6: one window, for the one not rightful two, unless the rightful is worse. */
static bool claims_vacant(const struct opinion *self, uint8_t number)
{
    const struct opinion_home *home = &self->homes[number];
    bool is_worse = opinion_hears(self) &&
                    (!is_partner_fit(self) || (self->synced && !opinion_says(self, BEAT_SYNCED)));
    int64_t windows = opinion_is_rightful(self, number) || is_worse ? 1 : 2;
    if (home->vacant_us == OPINION_NEVER || (!self->synced && opinion_is_able(self)))
        return false;
    return silence_us(self, home->vacant_us) >= windows * self->window_us;
}

bool opinion_claims(struct opinion *self, uint8_t number, enum pair_reason *reason)
{
    struct opinion_home *home = &self->homes[number];
    bool may_be_mine = self->has_partner || number == self->self;
    if (!may_be_mine || !opinion_is_fit(self) || self->now_us < self->listens_us)
        return false;
    if (home->is_theirs)
        return claims_theirs(self, number, reason);
    bool is_pairs = home->was_theirs || home->claimed_us != OPINION_NEVER;
    if (!is_pairs && opinion_since_us(self, home->foreign_us) < PAIR_FOREIGN_US) {
        home->vacant_us = self->now_us;
        return false;
    }
    *reason = PAIR_VACANT;
    return claims_vacant(self, number);
}
