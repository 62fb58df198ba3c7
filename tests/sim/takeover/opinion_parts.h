/* tests/sim/takeover/opinion_parts.h -- private to the second opinion: its parts.
 *
 *   opinion_take.c    an event, into what is known
 *   opinion_rules.c   what the rules say of what is known
 *   opinion.c         what follows from that */
#ifndef TANDEM_TESTS_SIM_TAKEOVER_OPINION_PARTS_H
#define TANDEM_TESTS_SIM_TAKEOVER_OPINION_PARTS_H

#include "sim/takeover/opinion.h"

static inline int64_t opinion_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t opinion_since_us(const struct opinion *self, int64_t then_us)
{
    return self->now_us - then_us;
}

static inline bool opinion_hears(const struct opinion *self)
{
    return opinion_since_us(self, self->beat_us) < self->window_us;
}

static inline bool opinion_says(const struct opinion *self, unsigned flag)
{
    return (self->beat.flags & flag) != 0;
}

static inline bool opinion_is_isolated(const struct opinion *self)
{
    return self->reception != RECEPTION_PROVEN;
}

static inline bool opinion_is_quiet(const struct opinion *self, int64_t intervals)
{
    return opinion_since_us(self, self->frame_us) >= intervals * self->interval_us;
}

/* opinion_take.c */
void opinion_take(struct opinion *self, const struct pair_event *event);

/* opinion_rules.c */
bool opinion_is_able(const struct opinion *self);
int64_t opinion_spoke_us(const struct opinion *self);
void opinion_follow(struct opinion *self, uint8_t number);
uint8_t opinion_rightful(const struct opinion *self, uint8_t home);
bool opinion_is_rightful(const struct opinion *self, uint8_t home);
bool opinion_is_fit(const struct opinion *self);
bool opinion_has_reply(const struct opinion *self);
int64_t opinion_unanswered_us(const struct opinion *self);
bool opinion_is_better(const struct opinion *self, uint8_t number);
bool opinion_is_shared(const struct opinion *self, uint8_t number);
bool opinion_claims(struct opinion *self, uint8_t number, enum pair_reason *reason);

/* opinion.c */
void opinion_act(struct opinion *self, enum pair_action_kind kind, uint8_t home);
void opinion_advertise(struct opinion *self, uint8_t home);
void opinion_announce(struct opinion *self, uint8_t home);
void opinion_announce_anew(struct opinion *self, uint8_t home);
void opinion_drop(struct opinion *self, uint8_t home, enum pair_reason reason);
void opinion_listen(struct opinion *self);

#endif
