#include <assert.h>

#include "failover/pair_rules.h"

/* Rule 9: of the schedule, which begins with 0, 20, 100 and 200 ms and ends at 5 s. */
enum { ANNOUNCEMENTS = PAIR_ANNOUNCE_UNTIL_US / PAIR_ANNOUNCE_NEXT_US + 2 };

static int64_t scheduled_us(unsigned announcements)
{
    if (announcements <= 1)
        return announcements * (int64_t)PAIR_ANNOUNCE_AGAIN_US;
    return (announcements - 1) * (int64_t)PAIR_ANNOUNCE_NEXT_US;
}

int64_t pair_announce_after_us(unsigned announcements)
{
    assert(announcements > 0);
    if (announcements < ANNOUNCEMENTS)
        return scheduled_us(announcements);
    return PAIR_ANNOUNCE_UNTIL_US +
           (int64_t)(announcements - ANNOUNCEMENTS + 1) * PAIR_ANNOUNCE_EVERY_US;
}

void pair_announce_at_once(struct pair *self, uint8_t home, int64_t now_us,
                           struct pair_actions *todo)
{
    if (reception_is_isolated(&self->reception) || self->is_waking || !self->homes[home].is_granted)
        return;
    self->homes[home].defended_us = now_us;
    pair_act(todo, PAIR_ANNOUNCE, home);
}

void pair_announce(struct pair *self, uint8_t home, int64_t now_us, struct pair_actions *todo)
{
    if (now_us >= self->listen_us)
        pair_announce_at_once(self, home, now_us, todo);
}

/* And a witness is asked in its name: whose answer comes has learned where it is, and the way there
 * and back lets it pass. */
static void announce_and_ask(struct pair *self, uint8_t number, int64_t now_us,
                             struct pair_actions *todo)
{
    size_t before = todo->count;
    pair_announce(self, number, now_us, todo);
    if (todo->count > before && self->config.has_witness && !self->homes[number].is_confirmed)
        pair_act(todo, PAIR_CONFIRM, number);
}

/* The first one now, or at the end of the listening window. */
void pair_announce_anew(struct pair *self, uint8_t number, int64_t now_us,
                        struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    bool is_listening = now_us < self->listen_us;
    home->is_confirmed = false;
    announce_and_ask(self, number, now_us, todo);
    home->announcements = is_listening ? 0 : 1;
    home->announce_from_us = is_listening ? self->listen_us : now_us;
    home->announce_us = home->announce_from_us + scheduled_us(home->announcements);
}

void pair_announce_in_time(struct pair *self, uint8_t number, int64_t now_us,
                           struct pair_actions *todo)
{
    struct pair_home *home = &self->homes[number];
    if (now_us < home->announce_us)
        return;
    announce_and_ask(self, number, now_us, todo);
    bool is_unconfirmed = self->config.has_witness && !home->is_confirmed;
    if (home->announcements + 1 < ANNOUNCEMENTS)
        home->announce_us = home->announce_from_us + scheduled_us(++home->announcements);
    else
        home->announce_us =
            now_us + (is_unconfirmed ? PAIR_UNCONFIRMED_US : PAIR_ANNOUNCE_EVERY_US);
}

void pair_announce_held(struct pair *self, int64_t now_us, struct pair_actions *todo)
{
    for (uint8_t i = 0; i < PAIR_NODES; i++)
        if (self->homes[i].state == PAIR_ACTIVE)
            pair_announce_anew(self, i, now_us, todo);
}

void pair_announce_after_listening(struct pair *self, uint8_t number)
{
    struct pair_home *home = &self->homes[number];
    home->announcements = 0;
    home->is_confirmed = false;
    home->announce_from_us = self->listen_us;
    home->announce_us = self->listen_us;
}

bool pair_is_unconfirmed(const struct pair *self, int64_t now_us)
{
    bool is_unconfirmed = false;
    for (size_t i = 0; i < PAIR_NODES && self->config.has_witness; i++) {
        const struct pair_home *home = &self->homes[i];
        is_unconfirmed |= home->state == PAIR_ACTIVE && home->is_granted && !home->is_confirmed &&
                          now_us - home->announce_from_us > PAIR_ANNOUNCE_UNTIL_US;
    }
    return is_unconfirmed;
}
