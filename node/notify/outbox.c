#include "node/notify/outbox.h"

#include <assert.h>
#include <string.h>

void outbox_init(struct outbox *self, const struct outbox_config *config)
{
    assert(config->tries > 0);
    *self = (struct outbox){.config = *config, .retry_ms = OUTBOX_RETRY_MS};
}

static bool is_same(const struct outbox_event *a, const struct outbox_event *b)
{
    int64_t apart_s = a->at_s > b->at_s ? a->at_s - b->at_s : b->at_s - a->at_s;
    return a->number == b->number && apart_s <= OUTBOX_SAME_S && strcmp(a->node, b->node) == 0 &&
           strcmp(a->area, b->area) == 0 && strcmp(a->subject, b->subject) == 0 &&
           strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

static bool is_known(const struct outbox *self, const struct outbox_event *event)
{
    size_t count =
        self->known_total < OUTBOX_KNOWN_MAX ? (size_t)self->known_total : OUTBOX_KNOWN_MAX;
    for (size_t i = 0; i < count; i++)
        if (is_same(&self->known[i], event))
            return true;
    return false;
}

static struct outbox_event *place(struct outbox *self, size_t number)
{
    return &self->events[(self->first + number) % OUTBOX_WAITING_MAX];
}

/* The first one stays while it is told, or waits to be told again. */
static void make_room(struct outbox *self)
{
    bool is_begun = self->state != OUTBOX_IDLE;
    self->missed++;
    self->waiting--;
    if (is_begun)
        *place(self, 1) = *place(self, 0);
    self->first = (self->first + 1) % OUTBOX_WAITING_MAX;
}

bool outbox_see(struct outbox *self, const struct outbox_event *event, bool is_told)
{
    if (is_known(self, event))
        return false;
    self->known[self->known_total++ % OUTBOX_KNOWN_MAX] = *event;
    if (is_told)
        return true;
    if (self->waiting == OUTBOX_WAITING_MAX)
        make_room(self);
    *place(self, self->waiting++) = *event;
    return true;
}

enum outbox_action outbox_step(struct outbox *self, int64_t now_ms)
{
    if (self->state == OUTBOX_RUNNING && now_ms >= self->due_ms) {
        self->state = OUTBOX_ENDING;
        return OUTBOX_KILL;
    }
    bool is_due = self->state == OUTBOX_RESTING && now_ms >= self->due_ms;
    if (self->waiting == 0 || (self->state != OUTBOX_IDLE && !is_due))
        return OUTBOX_NOTHING;
    self->state = OUTBOX_RUNNING;
    self->due_ms = now_ms + self->config.timeout_ms;
    self->tried++;
    return OUTBOX_RUN;
}

bool outbox_ended(struct outbox *self, int64_t now_ms, bool is_well)
{
    assert(self->state == OUTBOX_RUNNING || self->state == OUTBOX_ENDING);
    assert(self->waiting > 0);
    if (!is_well && self->tried < self->config.tries) {
        self->state = OUTBOX_RESTING;
        self->due_ms = now_ms + self->retry_ms;
        self->retry_ms *= 2;
        if (self->retry_ms > OUTBOX_RETRY_MS_MAX)
            self->retry_ms = OUTBOX_RETRY_MS_MAX;
        return false;
    }
    self->given_up += !is_well;
    self->state = OUTBOX_IDLE;
    self->retry_ms = OUTBOX_RETRY_MS;
    self->tried = 0;
    self->first = (self->first + 1) % OUTBOX_WAITING_MAX;
    self->waiting--;
    return true;
}

const struct outbox_event *outbox_first(const struct outbox *self)
{
    return self->waiting == 0 ? NULL : &self->events[self->first];
}

int64_t outbox_deadline_ms(const struct outbox *self)
{
    if (self->state == OUTBOX_IDLE && self->waiting > 0)
        return 0;
    bool has_one = self->state == OUTBOX_RUNNING || self->state == OUTBOX_RESTING;
    return has_one ? self->due_ms : INT64_MAX;
}
