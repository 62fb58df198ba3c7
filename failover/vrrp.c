#include "failover/vrrp.h"

#include <assert.h>
#include <string.h>

enum { INTERVAL_CS_MAX = 4095, CENTISECOND_US = 10000, PRIORITY_MAX = 254 };

static const char *const state_words[] = {
    [VRRP_INITIALIZE] = "initialize",
    [VRRP_BACKUP] = "backup",
    [VRRP_ACTIVE] = "active",
};

static const char *const reason_words[] = {
    [VRRP_STARTED] = "start",
    [VRRP_STOPPED] = "stop",
    [VRRP_IS_FIT] = "fit",
    [VRRP_IS_UNFIT] = "unfit",
    [VRRP_PARTNER_SILENT] = "partner-silent",
    [VRRP_PARTNER_LEFT] = "partner-left",
    [VRRP_PREEMPTED] = "preempt",
    [VRRP_HIGHER_PRIORITY] = "higher-priority",
    [VRRP_HIGHER_ADDRESS] = "higher-address",
    [VRRP_ADD_FAILED] = "address-failed",
};

#define BIT(value) (1u << (value))

/* For which reasons a state may follow a state; 0: never. The drawing in the header, as a table. */
static const unsigned moves[3][3] = {
    [VRRP_INITIALIZE][VRRP_BACKUP] = BIT(VRRP_STARTED) | BIT(VRRP_IS_FIT),
    [VRRP_BACKUP][VRRP_INITIALIZE] = BIT(VRRP_STOPPED) | BIT(VRRP_IS_UNFIT),
    [VRRP_BACKUP][VRRP_ACTIVE] =
        BIT(VRRP_PARTNER_SILENT) | BIT(VRRP_PARTNER_LEFT) | BIT(VRRP_PREEMPTED),
    [VRRP_ACTIVE][VRRP_INITIALIZE] = BIT(VRRP_STOPPED) | BIT(VRRP_IS_UNFIT),
    [VRRP_ACTIVE][VRRP_BACKUP] =
        BIT(VRRP_HIGHER_PRIORITY) | BIT(VRRP_HIGHER_ADDRESS) | BIT(VRRP_ADD_FAILED),
};

static void check_invariant(const struct vrrp *self)
{
    bool is_running = self->state != VRRP_INITIALIZE;
    assert(is_running == (self->is_started && self->is_fit));
    assert(is_running == (self->timer_us != INT64_MAX));
    assert(self->active_interval_cs > 0);
    assert(self->active_interval_cs <= INTERVAL_CS_MAX);
}

void vrrp_init(struct vrrp *self, const struct vrrp_config *config)
{
    assert(config->priority > 0);
    assert(config->priority <= PRIORITY_MAX);
    assert(config->interval_cs > 0);
    assert(config->interval_cs <= INTERVAL_CS_MAX);
    assert(config->hold_us >= 0);
    assert(config->own.family != 0);
    *self = (struct vrrp){
        .config = *config,
        .active_interval_cs = config->interval_cs,
        .timer_us = INT64_MAX,
    };
    check_invariant(self);
}

static struct vrrp_action *add(struct vrrp_actions *todo, enum vrrp_action_kind kind)
{
    assert(todo->count < VRRP_ACTIONS_MAX);
    struct vrrp_action *action = &todo->list[todo->count++];
    *action = (struct vrrp_action){.kind = kind};
    return action;
}

static void advertise(const struct vrrp *self, struct vrrp_actions *todo)
{
    add(todo, VRRP_ADVERTISE)->priority = self->config.priority;
}

/* Every change of state goes through here. */
static void move(struct vrrp *self, enum vrrp_state next, enum vrrp_reason reason, int64_t timer_us,
                 struct vrrp_actions *todo)
{
    assert((moves[self->state][next] & BIT(reason)) != 0);
    struct vrrp_action *note = add(todo, VRRP_NOTE);
    note->was = self->state;
    note->is = next;
    note->reason = reason;
    self->state = next;
    self->timer_us = timer_us;
}

/* §6.1: "Skew_Time: (((256 - Priority) * Active_Adver_Interval) / 256)" */
static int64_t skew_us(const struct vrrp *self)
{
    return (256 - self->config.priority) * (int64_t)self->active_interval_cs * CENTISECOND_US / 256;
}

/* §6.1: "Active_Down_Interval: (3 * Active_Adver_Interval) + Skew_Time" */
static int64_t down_us(const struct vrrp *self)
{
    return 3 * (int64_t)self->active_interval_cs * CENTISECOND_US + skew_us(self);
}

static int64_t adver_us(const struct vrrp *self)
{
    return (int64_t)self->config.interval_cs * CENTISECOND_US;
}

static void enter_backup(struct vrrp *self, int64_t now_us, int64_t timer_us,
                         enum vrrp_reason reason, struct vrrp_actions *todo)
{
    self->preempt_at_us = now_us + self->config.hold_us;
    self->timeout_means = VRRP_PARTNER_SILENT;
    move(self, VRRP_BACKUP, reason, timer_us, todo);
}

/* §6.4.1 Initialize: "If a Startup event is received" -- here: started and fit, whichever comes
 * last. We are never the owner of the addresses. */
static void start_up(struct vrrp *self, int64_t now_us, enum vrrp_reason reason,
                     struct vrrp_actions *todo)
{
    if (self->state != VRRP_INITIALIZE || !self->is_started || !self->is_fit)
        return;
    /* "Set Active_Adver_Interval to Advertisement_Interval" */
    self->active_interval_cs = self->config.interval_cs;
    /* "Set the Active_Down_Timer to Active_Down_Interval", "Transition to the {Backup} state" */
    enter_backup(self, now_us, now_us + down_us(self), reason, todo);
}

/* Say so, so that the partner waits for its Skew_Time only, and drop the addresses. */
static void leave(struct vrrp_actions *todo)
{
    add(todo, VRRP_ADVERTISE)->priority = 0;
    add(todo, VRRP_DELETE);
}

/* §6.4.2 and §6.4.3: "If a Shutdown event is received" */
static void shut_down(struct vrrp *self, enum vrrp_reason reason, struct vrrp_actions *todo)
{
    if (self->state == VRRP_INITIALIZE)
        return;
    /* Active: "Send an ADVERTISEMENT with Priority = 0" */
    if (self->state == VRRP_ACTIVE)
        leave(todo);
    /* "Cancel the" timer, "Transition to the {Initialize} state" */
    move(self, VRRP_INITIALIZE, reason, INT64_MAX, todo);
}

/* §6.4.2 Backup: "If the Active_Down_Timer fires". The order matters: whoever holds the addresses
 * in error is to let them go before they are announced. */
static void become_active(struct vrrp *self, int64_t now_us, struct vrrp_actions *todo)
{
    /* "Send an ADVERTISEMENT" */
    advertise(self, todo);
    add(todo, VRRP_ADD);
    /* "broadcast a gratuitous ARP message", "send an unsolicited ND Neighbor Advertisement" */
    add(todo, VRRP_ANNOUNCE);
    self->reassert_at_us = now_us;
    /* "Set the Adver_Timer to Advertisement_Interval", "Transition to the {Active} state" */
    move(self, VRRP_ACTIVE, self->timeout_means, now_us + adver_us(self), todo);
}

static void learn_interval(struct vrrp *self, const struct vrrp_event *heard)
{
    assert(heard->interval_cs > 0);
    assert(heard->interval_cs <= INTERVAL_CS_MAX);
    self->active_interval_cs = heard->interval_cs;
}

/* §6.4.2 Backup: "If an ADVERTISEMENT is received" */
static void backup_hears(struct vrrp *self, int64_t now_us, const struct vrrp_event *heard)
{
    /* "If the Priority in the ADVERTISEMENT is 0, then: Set the Active_Down_Timer to Skew_Time" */
    if (heard->priority == 0) {
        self->timeout_means = VRRP_PARTNER_LEFT;
        self->timer_us = now_us + skew_us(self);
        return;
    }
    /* "If Preempt_Mode is False, or if the Priority in the ADVERTISEMENT is greater than or equal
     * to the local Priority" -- before the hold is over, Preempt_Mode is False. */
    bool may_preempt = self->config.is_preempting && now_us >= self->preempt_at_us;
    if (!may_preempt || heard->priority >= self->config.priority) {
        learn_interval(self, heard);
        self->timeout_means = VRRP_PARTNER_SILENT;
        self->timer_us = now_us + down_us(self);
        return;
    }
    /* "else // preempt was true and priority was less than the local priority: Discard the
     * ADVERTISEMENT" -- the timer runs on. */
    self->timeout_means = VRRP_PREEMPTED;
}

/* Does the sender win against me? Addresses are compared as "an unsigned integer comparison of the
 * IPvX addresses in network byte order". */
static bool is_stronger(const struct vrrp *self, const struct vrrp_event *heard)
{
    if (heard->priority != self->config.priority)
        return heard->priority > self->config.priority;
    return memcmp(heard->source.bytes, self->config.own.bytes, sizeof heard->source.bytes) > 0;
}

/* "Discard the ADVERTISEMENT, Send an ADVERTISEMENT immediately to assert the {Active} state" --
 * the Adver_Timer runs on. We have no virtual router MAC, so who asked for an address meanwhile may
 * have learned the partner's: announce too, but not at the pace of a partner that is deaf to us. */
static void assert_active(struct vrrp *self, int64_t now_us, struct vrrp_actions *todo)
{
    advertise(self, todo);
    if (now_us < self->reassert_at_us)
        return;
    add(todo, VRRP_ANNOUNCE);
    self->reassert_at_us = now_us + VRRP_REASSERT_US;
}

/* §6.4.3 Active: "If an ADVERTISEMENT is received" */
static void active_hears(struct vrrp *self, int64_t now_us, const struct vrrp_event *heard,
                         struct vrrp_actions *todo)
{
    /* "If the Priority in the ADVERTISEMENT is 0, then: Send an ADVERTISEMENT, Reset the
     * Adver_Timer to Advertisement_Interval" */
    if (heard->priority == 0) {
        advertise(self, todo);
        self->timer_us = now_us + adver_us(self);
        return;
    }
    if (!is_stronger(self, heard)) {
        assert_active(self, now_us, todo);
        return;
    }
    /* "Cancel Adver_Timer, Set the Active_Adver_Interval to the Max Advertise Interval contained in
     * the ADVERTISEMENT, Recompute the Skew_Time, Recompute the Active_Down_Interval, Set the
     * Active_Down_Timer to Active_Down_Interval, Transition to the {Backup} state" */
    learn_interval(self, heard);
    add(todo, VRRP_DELETE);
    /* Once more, beyond the RFC: who is stronger asserts itself against it, and announces. It may
     * never have heard me before, and who listened to me would not learn of it for minutes. */
    advertise(self, todo);
    enter_backup(
        self, now_us, now_us + down_us(self),
        heard->priority > self->config.priority ? VRRP_HIGHER_PRIORITY : VRRP_HIGHER_ADDRESS, todo);
}

static void on_advertisement(struct vrrp *self, int64_t now_us, const struct vrrp_event *heard,
                             struct vrrp_actions *todo)
{
    assert(heard->source.family == self->config.own.family);
    if (self->state == VRRP_BACKUP)
        backup_hears(self, now_us, heard);
    else if (self->state == VRRP_ACTIVE)
        active_hears(self, now_us, heard, todo);
}

static void on_timeout(struct vrrp *self, int64_t now_us, struct vrrp_actions *todo)
{
    if (now_us < self->timer_us)
        return;
    if (self->state == VRRP_BACKUP) {
        become_active(self, now_us, todo);
        return;
    }
    /* §6.4.3: "If the Adver_Timer fires, then: Send an ADVERTISEMENT, Reset the Adver_Timer to
     * Advertisement_Interval" */
    advertise(self, todo);
    self->timer_us = now_us + adver_us(self);
}

/* The partner's turn. With none there, try again, but not at the pace of the interval. */
static void on_address_failed(struct vrrp *self, int64_t now_us, struct vrrp_actions *todo)
{
    if (self->state != VRRP_ACTIVE)
        return;
    int64_t wait_us = down_us(self) > VRRP_RETRY_US ? down_us(self) : VRRP_RETRY_US;
    leave(todo);
    enter_backup(self, now_us, now_us + wait_us, VRRP_ADD_FAILED, todo);
}

void vrrp_step(struct vrrp *self, int64_t now_us, const struct vrrp_event *event,
               struct vrrp_actions *todo)
{
    assert(self != NULL);
    assert(now_us >= 0);
    todo->count = 0;
    switch (event->kind) {
    case VRRP_START:
        self->is_started = true;
        start_up(self, now_us, VRRP_STARTED, todo);
        break;
    case VRRP_STOP:
        self->is_started = false;
        shut_down(self, VRRP_STOPPED, todo);
        break;
    case VRRP_TIMEOUT:
        on_timeout(self, now_us, todo);
        break;
    case VRRP_ADVERTISEMENT:
        on_advertisement(self, now_us, event, todo);
        break;
    case VRRP_FIT:
        self->is_fit = true;
        start_up(self, now_us, VRRP_IS_FIT, todo);
        break;
    case VRRP_UNFIT:
        self->is_fit = false;
        shut_down(self, VRRP_IS_UNFIT, todo);
        break;
    case VRRP_ADDRESS_FAILED:
        on_address_failed(self, now_us, todo);
        break;
    case VRRP_WOKE:
        if (self->state == VRRP_BACKUP && self->timer_us < now_us + down_us(self))
            self->timer_us = now_us + down_us(self);
        break;
    }
    check_invariant(self);
}

int64_t vrrp_deadline_us(const struct vrrp *self)
{
    return self->timer_us;
}

const char *vrrp_state_word(enum vrrp_state state)
{
    assert(state <= VRRP_ACTIVE);
    return state_words[state];
}

const char *vrrp_reason_word(enum vrrp_reason reason)
{
    assert(reason <= VRRP_ADD_FAILED);
    return reason_words[reason];
}
