#include "failover/pair_rules.h"

#include <assert.h>

enum {
    AGENTS_LEAST = 3,      /* fresh, for two thirds of them to decide */
    UNHEARD_INTERVALS = 2, /* of the partner's asking without a reply, rule 3 */
    OVERLAP_INTERVALS = 2, /* so fresh is a sign that the partner holds it, rule 8 */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* now_us - then_us, where INT64_MIN is never. */
static bool is_within(int64_t now_us, int64_t then_us, int64_t span_us)
{
    return then_us != INT64_MIN && now_us - then_us <= span_us;
}

static bool says(const struct pair *self, enum beat_flag flag)
{
    return (self->last.flags & flag) != 0;
}

enum pair_fault pair_fault(const struct pair *self)
{
    if (self->stopping)
        return PAIR_IS_STOPPING;
    if (self->leaving)
        return PAIR_IS_LEAVING;
    if (!self->worker_fit)
        return PAIR_WORKER_UNFIT;
    if (reception_is_isolated(&self->reception))
        return PAIR_IS_ISOLATED;
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].is_refused)
            return PAIR_ADDRESS_REFUSED;
    return PAIR_SOUND;
}

bool pair_is_fit(const struct pair *self)
{
    return pair_fault(self) == PAIR_SOUND;
}

bool pair_is_fit_and_synced(const struct pair *self)
{
    return pair_is_fit(self) && self->synced;
}

bool pair_hears_beats(const struct pair *self, int64_t now_us)
{
    return is_within(now_us, self->beat_us, PAIR_SILENT_INTERVALS * self->config.interval_us - 1);
}

/* Who is isolated or stopping does not say that it is fit. */
static bool is_partner_sound(const struct pair *self)
{
    return says(self, BEAT_FIT);
}

bool pair_partner_is_able(const struct pair *self, int64_t now_us)
{
    return pair_hears_beats(self, now_us) && is_partner_sound(self) && says(self, BEAT_SYNCED);
}

int64_t pair_last_advertised_us(const struct pair *self)
{
    return later(self->homes[0].advertised_us, self->homes[1].advertised_us);
}

int64_t pair_last_sign_us(const struct pair *self)
{
    return later(self->beat_us, pair_last_advertised_us(self));
}

enum reception_partner pair_reception_partner(const struct pair *self, int64_t now_us)
{
    if (!pair_hears_beats(self, now_us) || says(self, BEAT_ISOLATED))
        return RECEPTION_PARTNER_SILENT;
    bool is_fresh = is_within(now_us, self->beat_us, UNHEARD_INTERVALS * self->config.interval_us);
    return is_fresh && says(self, BEAT_ANSWERED) ? RECEPTION_PARTNER_REPLIED
                                                 : RECEPTION_PARTNER_SPEAKS;
}

/* The last time the partner said that it holds this home. While authentic beats live they overrule
 * VRRP, which anybody on the service LAN can forge. */
static int64_t held_us(const struct pair *self, const struct pair_home *home, int64_t now_us)
{
    if (pair_hears_beats(self, now_us))
        return home->beat_holds_us;
    return later(home->advertised_us, later(home->goodbye_us, home->beat_holds_us));
}

/* Silence counts from the last sign, but not from before the end of a listening window: what did
 * not come while I was not there to hear it is no silence of the partner's. */
static int64_t silent_for_us(const struct pair *self, int64_t sign_us, int64_t now_us)
{
    int64_t window_us = PAIR_SILENT_INTERVALS * self->config.interval_us;
    return now_us - later(sign_us, self->listen_us - window_us);
}

static bool is_advertising(const struct pair *self, const struct pair_home *home, int64_t now_us)
{
    return silent_for_us(self, later(home->advertised_us, home->goodbye_us), now_us) <
           PAIR_SILENT_INTERVALS * self->config.interval_us;
}

static bool are_beats_silent(const struct pair *self, int64_t now_us)
{
    return silent_for_us(self, self->beat_us, now_us) >=
           PAIR_SILENT_INTERVALS * self->config.interval_us;
}

/* It holds it, and I could take it, or am about to leave it to the partner. */
static bool is_entrusted(const struct pair_home *home)
{
    return home->is_partners && home->state != PAIR_ACTIVE;
}

bool pair_is_in_doubt(const struct pair *self, int64_t now_us)
{
    /* Two missing, and half an interval for them to be late. */
    int64_t patience_us = self->config.interval_us * 5 / 2;
    if (pair_hears_beats(self, now_us) && says(self, BEAT_PROBING))
        return true;
    /* Who holds nothing that I could take, and is silent: there is nothing to find out. */
    if (!is_entrusted(&self->homes[0]) && !is_entrusted(&self->homes[1]))
        return false;
    if (self->beat_us != INT64_MIN && now_us - self->beat_us >= patience_us)
        return true;
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (is_entrusted(&self->homes[i]) &&
            !is_within(now_us, self->homes[i].advertised_us, patience_us))
            return true;
    return false;
}

void pair_follow(struct pair *self, uint8_t number, int64_t now_us)
{
    struct pair_home *home = &self->homes[number];
    int64_t holds_us = held_us(self, home, now_us);
    /* Who fell silent holds it still, for all that is known: rules 2 and 3 are for that. */
    home->is_partners = holds_us > home->beat_lacks_us;
    home->was_partners |= home->is_partners;
    if (home->is_partners || home->state != PAIR_BACKUP)
        home->vacant_us = INT64_MAX;
    else if (home->vacant_us == INT64_MAX)
        home->vacant_us = now_us;
}

/* ---- the better of two ---- */

static bool most_lost_it(uint16_t fresh, uint16_t lost)
{
    return fresh >= AGENTS_LEAST && lost * 3 >= fresh * 2;
}

/* 3. No witness answers the partner, and one answers me; or none does, and most agents lost it. Who
 * is isolated has no say. */
static bool is_partner_unheard(const struct pair *self, int64_t now_us, enum pair_reason *reason)
{
    bool mine = reception_has_reply(&self->reception, now_us);
    *reason = mine ? PAIR_UNHEARD : PAIR_AGENTS_LOST_IT;
    return !reception_is_isolated(&self->reception) && !says(self, BEAT_ANSWERED) &&
           self->last.unanswered_us >= UNHEARD_INTERVALS * self->config.interval_us &&
           (mine || most_lost_it(self->agents_fresh, self->agents_lost));
}

/* The same of me, as the partner sees it. */
static bool am_i_unheard(const struct pair *self, int64_t now_us)
{
    return !says(self, BEAT_ISOLATED) && !reception_has_reply(&self->reception, now_us) &&
           reception_unanswered_us(&self->reception, now_us) >=
               UNHEARD_INTERVALS * self->config.interval_us &&
           (says(self, BEAT_ANSWERED) ||
            most_lost_it(self->last.agents_fresh, self->last.agents_lost));
}

/* 8. The better of (fit, synced, rightful). Without beats the partner's priority tells. */
static bool is_mine(const struct pair *self, uint8_t number, int64_t now_us)
{
    const struct pair_home *home = &self->homes[number];
    bool is_rightful = pair_rightful(self, number) == self->config.self;
    bool fit = pair_is_fit(self);
    if (!pair_hears_beats(self, now_us)) {
        bool partner_fit = home->goodbye_us < home->advertised_us && !home->is_kept;
        return fit != partner_fit ? fit : is_rightful;
    }
    /* Who is unheard while the other is heard is not fit. */
    enum pair_reason unheard;
    bool partner_fit = is_partner_sound(self) && !is_partner_unheard(self, now_us, &unheard);
    fit = fit && !am_i_unheard(self, now_us);
    if (fit != partner_fit)
        return fit;
    bool partner_synced = says(self, BEAT_SYNCED);
    return self->synced != partner_synced ? self->synced : is_rightful;
}

/* ---- the rules that claim ---- */

/* 1. Take at once on goodbye. */
static bool claims_by_goodbye(const struct pair *self, const struct pair_home *home, int64_t now_us,
                              enum pair_reason *reason)
{
    bool is_heard = pair_hears_beats(self, now_us);
    if (!is_heard && home->goodbye_us >= home->advertised_us &&
        is_within(now_us, home->goodbye_us, PAIR_SILENT_INTERVALS * self->config.interval_us)) {
        *reason = PAIR_GOODBYE;
        return true;
    }
    if (!is_heard || is_partner_sound(self))
        return false;
    *reason = says(self, BEAT_STOPPING)   ? PAIR_PARTNER_STOPPING
              : says(self, BEAT_ISOLATED) ? PAIR_PARTNER_ISOLATED
                                          : PAIR_PARTNER_UNFIT;
    return true;
}

/* 1. Or when the tripwire broke and one more beat and advertisement are missed. */
static bool claims_by_tripwire(const struct pair *self, int64_t now_us, enum pair_reason *reason)
{
    *reason = self->broke_by;
    return now_us >= self->broke_us &&
           silent_for_us(self, pair_last_sign_us(self), now_us) >= self->config.interval_us * 3 / 2;
}

/* 2. A frame after the second missed sign, and no longer ago than a silence takes: who was unfit
 * meanwhile may have become deaf. Unless nobody has to send one. */
static bool is_reception_proven(const struct pair *self, int64_t now_us)
{
    int64_t frame_us = self->reception.frame_us, interval_us = self->config.interval_us;
    return !self->config.has_witness ||
           (frame_us >= later(pair_last_sign_us(self), self->listen_us) + 2 * interval_us &&
            now_us - frame_us < PAIR_SILENT_INTERVALS * interval_us);
}

/* 4. Beats silent, VRRP alive: only if its DNS does not answer, while a witness answers me. */
static bool claims_unanswered(struct pair *self, struct pair_home *home, int64_t now_us)
{
    if (self->asks_unanswered < PAIR_ASKS_MAX || !reception_has_reply(&self->reception, now_us))
        return false;
    home->is_kept = true;
    return true;
}

/* 6. An address that nobody holds. */
static bool claims_vacant(const struct pair *self, uint8_t number, int64_t now_us)
{
    const struct pair_home *home = &self->homes[number];
    int64_t window_us = PAIR_SILENT_INTERVALS * self->config.interval_us;
    int64_t since_us = later(home->vacant_us, self->listen_us - window_us);
    bool rightful = pair_rightful(self, number) == self->config.self;
    /* The other one does not wait for a rightful that is worse than itself. */
    bool is_rightful_able = !pair_hears_beats(self, now_us) ||
                            (is_partner_sound(self) && (says(self, BEAT_SYNCED) || !self->synced));
    if (!self->synced && pair_partner_is_able(self, now_us))
        return false;
    int64_t windows = rightful || !is_rightful_able ? 1 : 2;
    return now_us - since_us >= windows * window_us;
}

/* 6. Home takes back what the partner holds for it. */
static bool claims_back(const struct pair *self, uint8_t number, int64_t now_us,
                        enum pair_reason *reason)
{
    const struct pair_home *home = &self->homes[number];
    /* Who does not hear me would not give it up, nor know when to announce it again. */
    bool am_i_heard = self->last.heard_ago_us < PAIR_SILENT_INTERVALS * self->config.interval_us;
    if (pair_rightful(self, number) != self->config.self || !pair_hears_beats(self, now_us) ||
        !am_i_heard)
        return false;
    *reason = PAIR_PARTNER_UNSYNCED;
    if (!says(self, BEAT_SYNCED))
        return true;
    if (!self->synced)
        return false;
    *reason = home->is_left ? PAIR_UPGRADED : home->is_ordered ? PAIR_HANDOVER : PAIR_GIVE_BACK;
    /* Who never had it since the partner started did not lose it, and cannot be flapping: both were
     * started, and the partner was quicker. */
    bool is_first = says(self, BEAT_KEEPING) && number == self->config.self;
    return home->is_left || home->is_ordered || is_first || now_us - self->fit_us >= home->hold_us;
}

/* Claimed by the partner, or it did when it fell silent. */
static bool claims_from_partner(struct pair *self, uint8_t number, int64_t now_us,
                                enum pair_reason *reason)
{
    struct pair_home *home = &self->homes[number];
    if (claims_by_tripwire(self, now_us, reason))
        return true;
    /* What rule 8 would take from me at once is not taken: the two would fight for ever. */
    if (pair_hears_beats(self, now_us) && !is_mine(self, number, now_us))
        return false;
    if (claims_by_goodbye(self, home, now_us, reason) || claims_back(self, number, now_us, reason))
        return true;
    bool is_vrrp_silent = !is_advertising(self, home, now_us);
    bool is_beat_silent = are_beats_silent(self, now_us);
    if (is_vrrp_silent && is_beat_silent) {
        *reason = PAIR_SILENCE;
        return is_reception_proven(self, now_us);
    }
    if (is_vrrp_silent)
        return is_partner_unheard(self, now_us, reason); /* 3. it lives, but is it heard? */
    *reason = PAIR_UNANSWERED;
    return claims_unanswered(self, home, now_us);
}

bool pair_claims(struct pair *self, uint8_t number, int64_t now_us, enum pair_reason *reason)
{
    struct pair_home *home = &self->homes[number];
    assert(home->state == PAIR_BACKUP);
    bool is_there = self->config.has_partner || number == self->config.self;
    if (!is_there || !pair_is_fit(self) || now_us < self->listen_us)
        return false;
    if (home->is_partners)
        return !is_within(now_us, home->refused_us, PAIR_RETRY_US) &&
               claims_from_partner(self, number, now_us, reason);
    /* A stranger may not be robbed at the first claim; what the pair held, it defends. */
    if (home->foreign_us != INT64_MIN && now_us - home->foreign_us < PAIR_FOREIGN_US &&
        home->claimed_us == INT64_MIN && !home->was_partners) {
        home->vacant_us = now_us; /* it is the stranger's until then */
        return false;
    }
    *reason = PAIR_VACANT;
    return claims_vacant(self, number, now_us);
}

/* ---- two holders ---- */

enum pair_overlap pair_overlap(const struct pair *self, uint8_t number, int64_t now_us)
{
    const struct pair_home *home = &self->homes[number];
    int64_t sign_us = held_us(self, home, now_us);
    if (!home->is_partners || sign_us <= home->claimed_us ||
        !is_within(now_us, sign_us, OVERLAP_INTERVALS * self->config.interval_us))
        return PAIR_ALONE;
    return is_mine(self, number, now_us) ? PAIR_BETTER : PAIR_WORSE;
}
