#include <assert.h>

#include "sim/takeover/takeover.h"

static const char *const texts[CLAUSES] = {
    [CLAUSE_PROBED] = "witnesses-asked",
    [CLAUSE_NO_CARRIER] = "isolated: no carrier",
    [CLAUSE_NO_FRAME] = "isolated: no frame",
    [CLAUSE_NO_REPLY] = "isolated: no reply",
    [CLAUSE_NO_SEND] = "isolated: no send",
    [CLAUSE_GOODBYE_KEPT] = "1: goodbye, but kept",
    [CLAUSE_UNFIT_TAKES_NONE] = "1: unfit takes nothing",
    [CLAUSE_UNPROVEN] = "2: no frame, no take",
    [CLAUSE_DOUBT_HELD] = "3: in doubt, held back",
    [CLAUSE_BEATS_SILENT] = "4: beats silent",
    [CLAUSE_ASKED] = "4: its DNS asked",
    [CLAUSE_ASK_ANSWERED] = "4: it answered",
    [CLAUSE_ISOLATED_KEPT] = "5: isolated, but kept",
    [CLAUSE_LISTENED] = "5: heard again, listens",
    [CLAUSE_SECOND_WINDOW] = "6: after two windows",
    [CLAUSE_FIRST_WINDOW] = "6: rightful is worse",
    [CLAUSE_UNSYNCED_WAITS] = "6: unsynced waits",
    [CLAUSE_KEPT_FOR_ME] = "6: kept for home",
    [CLAUSE_DAMPED] = "6: hold doubled",
    [CLAUSE_QUEUE_WAITED] = "6: queues waited for",
    [CLAUSE_QUEUE_TIMEOUT] = "6: but not for ever",
    [CLAUSE_WOKE_KEPT] = "7: woke late, kept",
    [CLAUSE_BY_FIT] = "8: by fit",
    [CLAUSE_BY_SYNCED] = "8: by synced",
    [CLAUSE_BY_RIGHT] = "8: by right",
    [CLAUSE_DEFENDED] = "8: announced against",
    [CLAUSE_WHO_HAS] = "8: who-has answered",
    [CLAUSE_CONFIRMED] = "9: confirmed",
    [CLAUSE_UNCONFIRMED] = "9: unconfirmed",
    [CLAUSE_REASSERTED] = "deleted, added again",
    [CLAUSE_FOREIGN_DEFERRED] = "a stranger's, deferred",
};

const char *clause_text(enum clause clause)
{
    assert(clause < CLAUSES);
    return texts[clause];
}

static uint32_t bit(enum clause clause, bool is)
{
    return is ? 1U << clause : 0;
}

static bool is_within(int64_t now_us, int64_t then_us, int64_t span_us)
{
    return then_us != INT64_MIN && now_us - then_us < span_us;
}

static uint32_t sample_home(const struct takeover *self, const struct host *host, uint8_t number)
{
    const struct pair *pair = &host->pair;
    const struct pair_home *home = &pair->homes[number];
    int64_t now_us = self->now_us, window_us = PAIR_SILENT_INTERVALS * self->interval_us;
    bool hears = pair_hears_beats(pair, now_us), is_fit = pair_fault(pair) == PAIR_SOUND;
    bool is_other_fit = hears && (pair->last.flags & BEAT_FIT) != 0;
    bool is_advertised = is_within(now_us, home->advertised_us, window_us);
    bool is_isolated = reception_is_isolated(&pair->reception);
    bool is_theirs = home->state == PAIR_BACKUP && home->is_partners;
    return bit(CLAUSE_GOODBYE_KEPT, home->state == PAIR_ACTIVE && !is_fit) |
           bit(CLAUSE_UNFIT_TAKES_NONE, is_theirs && hears && !is_fit && !is_other_fit) |
           bit(CLAUSE_UNPROVEN, is_theirs && is_fit && !hears && !is_advertised &&
                                    now_us > pair->listen_us + window_us) |
           bit(CLAUSE_DOUBT_HELD, is_theirs && is_other_fit && is_fit && !is_advertised &&
                                      now_us > pair->listen_us + window_us) |
           bit(CLAUSE_BEATS_SILENT, is_theirs && !hears && is_advertised) |
           bit(CLAUSE_ISOLATED_KEPT, is_isolated && home->state == PAIR_ACTIVE) |
           bit(CLAUSE_UNSYNCED_WAITS, home->state == PAIR_BACKUP && !home->is_partners && is_fit &&
                                          !pair->synced && is_other_fit &&
                                          (pair->last.flags & BEAT_SYNCED) != 0 &&
                                          now_us > pair->listen_us) |
           bit(CLAUSE_CONFIRMED, home->state == PAIR_ACTIVE && home->is_confirmed) |
           bit(CLAUSE_UNCONFIRMED, home->state == PAIR_ACTIVE && home->is_granted &&
                                       pair->config.has_witness && !home->is_confirmed &&
                                       now_us > home->announce_from_us + PAIR_ANNOUNCE_UNTIL_US) |
           bit(CLAUSE_FOREIGN_DEFERRED, home->state == PAIR_BACKUP && !home->is_partners &&
                                            is_within(now_us, home->foreign_us, PAIR_FOREIGN_US));
}

/* Count what began since the last sample. */
void clause_sample(struct takeover *self, struct host *host)
{
    enum reception_state reception = host->pair.reception.state;
    uint32_t bits = bit(CLAUSE_NO_CARRIER, reception == RECEPTION_NO_CARRIER) |
                    bit(CLAUSE_NO_FRAME, reception == RECEPTION_NO_FRAME) |
                    bit(CLAUSE_NO_REPLY, reception == RECEPTION_NO_REPLY) |
                    bit(CLAUSE_NO_SEND, reception == RECEPTION_NO_SEND) |
                    sample_home(self, host, 0) | sample_home(self, host, 1);
    for (uint32_t begun = bits & ~host->clauses; begun != 0; begun &= begun - 1)
        sums.clauses[__builtin_ctz(begun)]++;
    host->clauses = bits;
}
