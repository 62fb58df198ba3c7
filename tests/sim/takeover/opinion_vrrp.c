#include "sim/takeover/opinion_vrrp.h"

#include <string.h>

enum { CENTISECOND_US = 10000 };

static struct vrrp_action *act(struct opinion_vrrp *self, enum vrrp_action_kind kind)
{
    struct vrrp_action *action = &self->acts.list[self->acts.count++];
    *action = (struct vrrp_action){.kind = kind};
    return action;
}

static void advertise(struct opinion_vrrp *self, uint8_t priority)
{
    act(self, VRRP_ADVERTISE)->priority = priority;
}

static void move(struct opinion_vrrp *self, enum vrrp_state state, enum vrrp_reason reason)
{
    struct vrrp_action *note = act(self, VRRP_NOTE);
    note->was = self->state;
    note->is = self->state = state;
    note->reason = reason;
}

static int64_t skew_us(const struct opinion_vrrp *self)
{
    return (256 - self->config.priority) * self->interval_us / 256;
}

static int64_t down_us(const struct opinion_vrrp *self)
{
    return 3 * self->interval_us + skew_us(self);
}

static void become_backup(struct opinion_vrrp *self, int64_t now_us, int64_t wait_us,
                          enum vrrp_reason reason)
{
    self->backup_us = now_us;
    self->timer_us = now_us + wait_us;
    self->because = VRRP_PARTNER_SILENT;
    move(self, VRRP_BACKUP, reason);
}

static void start(struct opinion_vrrp *self, int64_t now_us, enum vrrp_reason reason)
{
    if (self->state != VRRP_INITIALIZE || !self->is_fit || !self->is_started)
        return;
    self->interval_us = self->config.interval_cs * CENTISECOND_US;
    become_backup(self, now_us, down_us(self), reason);
}

static void end(struct opinion_vrrp *self, enum vrrp_reason reason)
{
    if (self->state == VRRP_ACTIVE) {
        advertise(self, 0);
        act(self, VRRP_DELETE);
    }
    if (self->state != VRRP_INITIALIZE)
        move(self, VRRP_INITIALIZE, reason);
    self->timer_us = INT64_MAX;
}

/* §6.4.2. Who is weaker is listened to until the hold is over, and then passed over. */
static void hear_as_backup(struct opinion_vrrp *self, int64_t now_us,
                           const struct vrrp_event *heard)
{
    bool is_held = now_us < self->backup_us + self->config.hold_us;
    bool is_weaker = heard->priority < self->config.priority;
    if (heard->priority > 0 && is_weaker && self->config.is_preempting && !is_held) {
        self->because = VRRP_PREEMPTED;
        return;
    }
    if (heard->priority > 0)
        self->interval_us = heard->interval_cs * CENTISECOND_US;
    self->because = heard->priority == 0 ? VRRP_PARTNER_LEFT : VRRP_PARTNER_SILENT;
    self->timer_us = now_us + (heard->priority == 0 ? skew_us(self) : down_us(self));
}

/* §6.4.3, and what vrrp.h has beyond it: who is stronger announces, in 100 ms once; who is weaker
 * speaks once more. */
static void hear_as_active(struct opinion_vrrp *self, int64_t now_us,
                           const struct vrrp_event *heard)
{
    int by_address =
        memcmp(heard->source.bytes, self->config.own.bytes, sizeof heard->source.bytes);
    int by_priority = heard->priority - self->config.priority;
    bool is_stronger = by_priority > 0 || (by_priority == 0 && by_address > 0);
    if (heard->priority == 0)
        self->timer_us = now_us + self->config.interval_cs * CENTISECOND_US;
    if (is_stronger) {
        act(self, VRRP_DELETE);
        self->interval_us = heard->interval_cs * CENTISECOND_US;
    }
    advertise(self, self->config.priority);
    if (is_stronger) {
        become_backup(self, now_us, down_us(self),
                      by_priority > 0 ? VRRP_HIGHER_PRIORITY : VRRP_HIGHER_ADDRESS);
    } else if (heard->priority > 0 && now_us >= self->asserted_us) {
        act(self, VRRP_ANNOUNCE);
        self->asserted_us = now_us + VRRP_REASSERT_US;
    }
}

static void time_out(struct opinion_vrrp *self, int64_t now_us)
{
    if (self->timer_us > now_us)
        return;
    self->timer_us = now_us + self->config.interval_cs * CENTISECOND_US;
    advertise(self, self->config.priority);
    if (self->state == VRRP_ACTIVE)
        return;
    act(self, VRRP_ADD);
    act(self, VRRP_ANNOUNCE);
    self->asserted_us = now_us;
    move(self, VRRP_ACTIVE, self->because);
}

static void fail(struct opinion_vrrp *self, int64_t now_us)
{
    if (self->state != VRRP_ACTIVE)
        return;
    int64_t down = down_us(self);
    advertise(self, 0);
    act(self, VRRP_DELETE);
    become_backup(self, now_us, down > VRRP_RETRY_US ? down : VRRP_RETRY_US, VRRP_ADD_FAILED);
}

void opinion_vrrp_step(struct opinion_vrrp *self, int64_t now_us, const struct vrrp_event *event)
{
    self->acts.count = 0;
    switch (event->kind) {
    case VRRP_START:
        self->is_started = true;
        start(self, now_us, VRRP_STARTED);
        break;
    case VRRP_STOP:
        self->is_started = false;
        end(self, VRRP_STOPPED);
        break;
    case VRRP_FIT:
        self->is_fit = true;
        start(self, now_us, VRRP_IS_FIT);
        break;
    case VRRP_UNFIT:
        self->is_fit = false;
        end(self, VRRP_IS_UNFIT);
        break;
    case VRRP_TIMEOUT:
        time_out(self, now_us);
        break;
    case VRRP_ADVERTISEMENT:
        if (self->state == VRRP_BACKUP)
            hear_as_backup(self, now_us, event);
        else if (self->state == VRRP_ACTIVE)
            hear_as_active(self, now_us, event);
        break;
    case VRRP_ADDRESS_FAILED:
        fail(self, now_us);
        break;
    case VRRP_WOKE:
        if (self->state == VRRP_BACKUP && self->timer_us < now_us + down_us(self))
            self->timer_us = now_us + down_us(self);
        break;
    }
}

void opinion_vrrp_start(struct opinion_vrrp *self, const struct vrrp_config *config)
{
    *self = (struct opinion_vrrp){.config = *config, .timer_us = INT64_MAX};
}
