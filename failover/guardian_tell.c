#include "failover/guardian_tell.h"

#include <stdio.h>
#include <string.h>

enum {
    STATE_US = 100000,     /* between two states */
    COUNTERS_US = 1000000, /* between two rounds of counters */
    DOCUMENT_US = 1000000, /* for so long another one: it is no rolling change */
    COUNTED_STRANGERS = CHANNEL_GROUPS,
    COUNTED_WITNESSES = COUNTED_STRANGERS + PAIR_NODES,
    COUNTED = COUNTED_WITNESSES + PARTNER_WITNESSES_MAX, /* messages of a round, at most */
};

static bool tell(struct guardian *self, const struct channel_message *message)
{
    return channel_send(self->worker.channel, message) == 0;
}

/* ---- addresses ---- */

/* False: the channel is full. */
static bool tell_address(struct guardian *self, const struct ip *ip, bool held, int64_t since_ms,
                         const char *reason)
{
    struct channel_message message = {
        .kind = CHANNEL_ADDRESS, .held = held, .address = *ip, .since_ms = since_ms};
    snprintf(message.reason, sizeof message.reason, "%s", reason);
    return ip->family == 0 || tell(self, &message);
}

static void tell_homes(struct guardian *self)
{
    const struct partner_settings *settings = &self->settings.partner;
    self->is_told = true;
    for (uint8_t i = 0; i < PAIR_NODES; i++) {
        for (size_t family = 0; family < 2; family++) {
            struct partner_holding holding = {i == settings->self, self->started_ms * 1000, "host"};
            if (self->holds_addresses)
                holding = partner_holding(&self->partner, i, family == 0 ? 4 : 6);
            if (!tell_address(self, &settings->home[i][family], holding.is_held,
                              holding.since_us / 1000, holding.reason))
                self->is_told = false;
        }
    }
}

/* ---- notes ---- */

void guardian_keep(struct guardian *self, int64_t now_ms, enum channel_subject subject,
                   const char *from, const char *to, const char *reason)
{
    struct guardian_news *news = &self->news;
    struct channel_message *note = &news->notes[news->noted % GUARDIAN_NOTES_MAX];
    *note = (struct channel_message){
        .kind = CHANNEL_NOTE, .subject = subject, .number = ++news->noted, .since_ms = now_ms};
    snprintf(note->from, sizeof note->from, "%s", from);
    snprintf(note->to, sizeof note->to, "%s", to);
    snprintf(note->reason, sizeof note->reason, "%s", reason);
}

static void tell_notes(struct guardian *self)
{
    struct guardian_news *news = &self->news;
    if (news->noted - news->told > GUARDIAN_NOTES_MAX) {
        news->lost += news->noted - news->told - GUARDIAN_NOTES_MAX;
        news->told = news->noted - GUARDIAN_NOTES_MAX;
    }
    while (news->told < news->noted && tell(self, &news->notes[news->told % GUARDIAN_NOTES_MAX]))
        news->told++;
}

/* ---- state ---- */

static bool is_advertised(const struct partner *partner, unsigned home, int64_t now_us)
{
    int64_t span_us = PAIR_SILENT_INTERVALS * partner->settings.interval_us;
    int64_t heard_us = partner->pair.homes[home].advertised_us;
    return heard_us != INT64_MIN && now_us - heard_us < span_us;
}

static unsigned partner_flags(struct guardian *self, int64_t now_us)
{
    const struct partner *partner = &self->partner;
    const struct pair *pair = &partner->pair;
    bool hears = pair_hears_beats(pair, now_us);
    unsigned flags = CHANNEL_HAS_INTERFACE;
    if (partner->settings.has_partner)
        flags |= CHANNEL_HAS_PARTNER;
    if (hears)
        flags |= CHANNEL_HEARS_BEATS;
    if (hears && pair->last.holds != 0)
        flags |= CHANNEL_PARTNER_HOLDS;
    for (unsigned home = 0; home < PAIR_NODES; home++)
        if (is_advertised(partner, home, now_us))
            flags |= CHANNEL_HEARS_ADVERTISEMENTS | (unsigned)CHANNEL_ADVERTISED_0 << home;
    if (partner_is_robbed(partner, now_us))
        flags |= CHANNEL_DELETED;
    if (pair_partner_is_able(pair, now_us))
        flags |= CHANNEL_PARTNER_ABLE;
    if (partner->tripwire.is_up)
        flags |= CHANNEL_TRIPWIRE_UP;
    if (!hears || pair->last.document == pair->config.document)
        self->news.same_us = now_us;
    if (now_us - self->news.same_us > DOCUMENT_US)
        flags |= CHANNEL_OTHER_DOCUMENT;
    if (pair_is_unconfirmed(pair, now_us))
        flags |= CHANNEL_UNCONFIRMED;
    if (partner_is_spare_refused(partner))
        flags |= CHANNEL_SPARE_REFUSED;
    if (partner_is_spare_taken(partner, now_us))
        flags |= CHANNEL_SPARE_TAKEN;
    return flags;
}

static struct channel_message state_of(struct guardian *self, int64_t now_us)
{
    const struct pair *pair = &self->partner.pair;
    struct channel_message state = {.kind = CHANNEL_STATE, .gate = self->gate.reason};
    state.fault = self->gate.is_fit ? PAIR_SOUND : PAIR_WORKER_UNFIT;
    if (self->is_locked)
        state.flags |= CHANNEL_MEMORY_LOCKED;
    if (self->comes_first)
        state.flags |= CHANNEL_COMES_FIRST;
    if (!self->holds_addresses)
        return state;
    if (self->partner.settings.has_router) { /* no rules of the pair, and no beats */
        const struct router *router = &self->partner.router;
        state.fault = router->stopping ? PAIR_IS_STOPPING : state.fault;
        state.reception = router->carrier ? RECEPTION_PROVEN : RECEPTION_NO_CARRIER;
        state.flags |= CHANNEL_HAS_INTERFACE;
        return state;
    }
    state.fault = pair_fault(pair);
    state.reception = pair->reception.state;
    state.flags |= partner_flags(self, now_us);
    for (size_t i = 0; i < PAIR_NODES; i++)
        state.hold_ms[i] = (uint32_t)(pair->homes[i].hold_us / 1000);
    return state;
}

static bool is_same_state(const struct channel_message *a, const struct channel_message *b)
{
    return a->kind == b->kind && a->fault == b->fault && a->reception == b->reception &&
           a->gate == b->gate && a->flags == b->flags && a->hold_ms[0] == b->hold_ms[0] &&
           a->hold_ms[1] == b->hold_ms[1];
}

static void tell_state(struct guardian *self, int64_t now_us)
{
    struct guardian_news *news = &self->news;
    struct channel_message state = state_of(self, now_us);
    int64_t span_us = is_same_state(&state, &news->state) ? COUNTERS_US : STATE_US;
    if (now_us - news->state_us < span_us)
        return;
    if (!tell(self, &state))
        return;
    news->state = state;
    news->state_us = now_us;
}

/* ---- counters ---- */

static uint32_t at_most(uint64_t count)
{
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static uint64_t count_loop(const struct guardian *self, size_t what)
{
    const struct partner *partner = &self->partner;
    const uint64_t counts[CHANNEL_LOOPS_COUNTED] = {
        [CHANNEL_UNSENT] = partner->unsent,
        [CHANNEL_NOTES_LOST] = partner->notes_lost + self->news.lost,
        [CHANNEL_WAKES_LATE] = partner->wakes_late,
        [CHANNEL_REOPENED] = partner->reopened,
        [CHANNEL_ALARMS] = partner->alarms,
        [CHANNEL_STRANGE] = self->holds_addresses ? beat_socket_strange(&partner->beats) : 0,
        [CHANNEL_UNREAD] = partner->neighbour.lost,
        [CHANNEL_REFUSED] = self->refused,
        [CHANNEL_LINES_LOST] = self->lines_dropped,
    };
    return counts[what];
}

static uint64_t count_of(const struct guardian *self, enum channel_group group, size_t what)
{
    switch (group) {
    case CHANNEL_BEATS:
        return self->partner.beat_refusals[what];
    case CHANNEL_ADVERTISEMENTS:
        return self->partner.advertisement_refusals[what];
    case CHANNEL_NEIGHBOURS:
        return self->partner.neighbour.refused[what];
    default:
        return count_loop(self, what);
    }
}

static bool tell_group(struct guardian *self, enum channel_group group)
{
    struct channel_message message = {.kind = CHANNEL_COUNTERS, .group = group};
    for (size_t i = 0; i < channel_group_size(group); i++)
        message.counts[i] = at_most(count_of(self, group, i));
    return tell(self, &message);
}

static bool tell_stranger(struct guardian *self, uint8_t home)
{
    const struct partner_stranger *owner = &self->partner.owners[home];
    struct channel_message message = {
        .kind = CHANNEL_STRANGER, .home = home, .since_ms = owner->heard_us / 1000};
    memcpy(message.mac, owner->mac, sizeof message.mac);
    return !self->holds_addresses || owner->heard_us == INT64_MIN || tell(self, &message);
}

static bool tell_witness(struct guardian *self, size_t which)
{
    const struct partner *partner = &self->partner;
    if (!self->holds_addresses || which >= partner->settings.witness_count)
        return true;
    int64_t heard_us = partner->witness_us[which];
    bool is_heard = heard_us != INT64_MIN;
    return tell(self, &(struct channel_message){.kind = CHANNEL_WITNESS,
                                                .address = partner->settings.witnesses[which],
                                                .is_heard = is_heard,
                                                .since_ms = is_heard ? heard_us / 1000 : 0});
}

/* A round of messages; where the channel was full it goes on in a later turn. */
static void tell_counters(struct guardian *self, int64_t now_us)
{
    struct guardian_news *news = &self->news;
    if (news->counting == COUNTED && now_us - news->counted_us >= COUNTERS_US) {
        news->counting = 0;
        news->counted_us = now_us;
    }
    for (bool is_told = true; is_told && news->counting < COUNTED;) {
        size_t next = news->counting;
        if (next < COUNTED_STRANGERS)
            is_told = tell_group(self, (enum channel_group)next);
        else if (next < COUNTED_WITNESSES)
            is_told = tell_stranger(self, (uint8_t)(next - COUNTED_STRANGERS));
        else
            is_told = tell_witness(self, next - COUNTED_WITNESSES);
        news->counting += is_told;
    }
}

/* ---- all of it ---- */

void guardian_tell_anew(struct guardian *self)
{
    self->is_told = true; /* until READY */
    self->news.told =
        self->news.noted > GUARDIAN_NOTES_MAX ? self->news.noted - GUARDIAN_NOTES_MAX : 0;
    self->news.state = (struct channel_message){0};
    self->news.state_us = self->news.counted_us = 0;
    self->news.counting = COUNTED;
}

void guardian_tell(struct guardian *self, int64_t now_us)
{
    if (self->supervise.worker != SUPERVISE_ALIVE)
        return;
    if (!self->is_told)
        tell_homes(self);
    tell_notes(self);
    tell_state(self, now_us);
    tell_counters(self, now_us);
}
