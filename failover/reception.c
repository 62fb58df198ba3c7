#include "failover/reception.h"

#include <assert.h>

void reception_init(struct reception *self, int64_t now_us, int64_t interval_us, bool has_witness)
{
    assert(interval_us > 0);
    *self = (struct reception){
        .interval_us = interval_us,
        .has_witness = has_witness,
        .carrier = true,
        .frame_us = now_us,
        .reply_us = INT64_MIN,
        .unsent_us = INT64_MAX,
        .probing_us = INT64_MAX,
        .ask_us = INT64_MAX,
    };
}

void reception_forgive(struct reception *self, int64_t now_us)
{
    self->frame_us = now_us;
    self->asked = 0;
    if (self->probing_us != INT64_MAX)
        self->probing_us = now_us;
    if (self->unsent_us != INT64_MAX)
        self->unsent_us = now_us;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void reception_frame(struct reception *self, int64_t now_us)
{
    assert(now_us >= 0);
    self->frame_us = later(self->frame_us, now_us);
    if (self->state == RECEPTION_NO_FRAME)
        self->state = RECEPTION_PROVEN;
}

bool reception_reply(struct reception *self, int64_t now_us)
{
    bool was_missed =
        reception_unanswered_us(self, now_us) >= RECEPTION_REPLY_INTERVALS * self->interval_us;
    reception_frame(self, now_us);
    self->reply_us = later(self->reply_us, now_us);
    self->asked = 0;
    reception_sent(self, now_us, true);
    if (self->state == RECEPTION_NO_REPLY)
        self->state = RECEPTION_PROVEN;
    return was_missed;
}

void reception_sent(struct reception *self, int64_t now_us, bool is_sent)
{
    if (is_sent)
        self->unsent_us = INT64_MAX;
    else if (self->unsent_us == INT64_MAX)
        self->unsent_us = now_us;
    if (is_sent && self->state == RECEPTION_NO_SEND)
        self->state = RECEPTION_PROVEN;
}

void reception_carrier(struct reception *self, int64_t now_us, bool is_up)
{
    if (self->carrier == is_up)
        return;
    self->carrier = is_up;
    self->state = is_up ? RECEPTION_PROVEN : RECEPTION_NO_CARRIER;
    if (is_up)
        reception_forgive(self, now_us);
}

void reception_judge(struct reception *self, int64_t now_us, bool in_doubt,
                     enum reception_partner partner)
{
    if (self->state == RECEPTION_NO_REPLY && partner == RECEPTION_PARTNER_SILENT)
        self->state = RECEPTION_PROVEN;
    bool is_quiet = now_us - self->frame_us >= RECEPTION_DOUBT_INTERVALS * self->interval_us;
    bool is_unsent = self->unsent_us != INT64_MAX;
    bool probes = in_doubt || is_quiet || is_unsent || self->state != RECEPTION_PROVEN;
    if (probes && self->probing_us == INT64_MAX) {
        self->probing_us = now_us;
        self->ask_us = now_us;
        self->asked = 0;
    } else if (!probes) {
        self->probing_us = INT64_MAX;
        self->ask_us = INT64_MAX;
    }
    /* It explains why no witness replies, and does not end with the partner's beats. */
    if (is_unsent && now_us - self->unsent_us >= RECEPTION_SEND_INTERVALS * self->interval_us &&
        (self->state == RECEPTION_PROVEN || self->state == RECEPTION_NO_REPLY))
        self->state = RECEPTION_NO_SEND;
    if (self->state != RECEPTION_PROVEN)
        return;
    int64_t intervals =
        partner == RECEPTION_PARTNER_SILENT ? RECEPTION_ALONE_INTERVALS : RECEPTION_FRAME_INTERVALS;
    /* Counted in questions too: who was kept from asking has no answers to miss. */
    if (partner == RECEPTION_PARTNER_REPLIED && self->asked >= RECEPTION_REPLY_INTERVALS &&
        reception_unanswered_us(self, now_us) >= RECEPTION_REPLY_INTERVALS * self->interval_us)
        self->state = RECEPTION_NO_REPLY;
    else if (self->has_witness && self->asked >= RECEPTION_FRAME_QUESTIONS &&
             now_us - self->frame_us >= intervals * self->interval_us)
        self->state = RECEPTION_NO_FRAME;
}

bool reception_ask(struct reception *self, int64_t now_us)
{
    if (now_us < self->ask_us)
        return false;
    self->asked++;
    self->ask_us = now_us + self->interval_us;
    return true;
}

bool reception_is_isolated(const struct reception *self)
{
    return self->state != RECEPTION_PROVEN;
}

bool reception_has_reply(const struct reception *self, int64_t now_us)
{
    return self->probing_us != INT64_MAX && self->reply_us != INT64_MIN &&
           now_us - self->reply_us <= RECEPTION_FRESH_INTERVALS * self->interval_us;
}

int64_t reception_unanswered_us(const struct reception *self, int64_t now_us)
{
    if (self->probing_us == INT64_MAX)
        return 0;
    return now_us - later(self->probing_us, self->reply_us);
}

int64_t reception_deadline_us(const struct reception *self)
{
    int64_t doubt_us = self->frame_us + RECEPTION_DOUBT_INTERVALS * self->interval_us;
    return self->probing_us == INT64_MAX ? doubt_us : self->ask_us;
}

const char *reception_word(enum reception_state state)
{
    static const char *const words[] = {"proven", "no-carrier", "no-frame", "no-reply", "no-send"};
    assert(state <= RECEPTION_STATE_LAST);
    return words[state];
}
