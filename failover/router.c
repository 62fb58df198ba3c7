#include "failover/router.h"

#include <assert.h>

#include "failover/pair_rules.h"

static const uint8_t families[ROUTER_FAMILIES] = {4, 6};

static struct router_action *act(struct router_actions *todo, enum router_action_kind kind,
                                 uint8_t home, uint8_t family)
{
    assert(todo->count < ROUTER_ACTIONS_MAX);
    struct router_action *action = &todo->list[todo->count++];
    *action = (struct router_action){.kind = kind, .home = home, .family = family};
    return action;
}

static struct router_home *home_of(struct router *self, uint8_t home, uint8_t family)
{
    assert(home < PAIR_NODES);
    assert(family == 4 || family == 6);
    return &self->homes[home][family == 6];
}

/* ---- what an election does ---- */

static void announce(struct router_home *home, int64_t now_us, uint8_t number, uint8_t family,
                     struct router_actions *todo)
{
    act(todo, ROUTER_ANNOUNCE, number, family);
    home->announced_us = now_us;
}

static void note_move(struct router_home *home, int64_t now_us, const struct vrrp_action *note)
{
    home->reason = note->reason;
    home->since_us = now_us;
    home->is_refused = note->reason == VRRP_ADD_FAILED;
    if (note->is != VRRP_ACTIVE)
        return;
    home->was_held = true;
    home->may_be_answered = home->was_routers && note->reason == VRRP_PARTNER_SILENT;
    home->claimed_us = now_us;
    home->refresh_us = now_us + PAIR_REFRESH_US;
    home->announcements = 1;
    home->announce_us = now_us + pair_announce_after_us(1);
}

/* An event for one election, and what it says to do. */
static void elect(struct router *self, int64_t now_us, uint8_t number, uint8_t family,
                  const struct vrrp_event *event, struct router_actions *todo)
{
    static const enum router_action_kind kinds[] = {[VRRP_ADVERTISE] = ROUTER_ADVERTISE,
                                                    [VRRP_ADD] = ROUTER_ADD,
                                                    [VRRP_DELETE] = ROUTER_DELETE,
                                                    [VRRP_ANNOUNCE] = ROUTER_ANNOUNCE,
                                                    [VRRP_NOTE] = ROUTER_NOTE};
    struct router_home *home = home_of(self, number, family);
    struct vrrp_actions said;
    vrrp_step(&home->vrrp, now_us, event, &said);
    for (size_t i = 0; i < said.count; i++) {
        const struct vrrp_action *one = &said.list[i];
        struct router_action *action = act(todo, kinds[one->kind], number, family);
        action->priority = one->priority;
        action->was = one->was;
        action->is = one->is;
        action->reason = one->reason;
        if (one->kind == VRRP_ANNOUNCE)
            home->announced_us = now_us;
        else if (one->kind == VRRP_NOTE)
            note_move(home, now_us, one);
    }
}

static void elect_kind(struct router *self, int64_t now_us, uint8_t number, uint8_t family,
                       enum vrrp_event_kind kind, struct router_actions *todo)
{
    elect(self, now_us, number, family, &(struct vrrp_event){.kind = kind}, todo);
}

/* ---- what is due ---- */

static bool is_strangers(const struct router_home *home, int64_t now_us)
{
    return !home->was_held && home->foreign_us != INT64_MIN &&
           now_us - home->foreign_us < PAIR_FOREIGN_US;
}

static void judge_fitness(struct router *self, int64_t now_us, uint8_t number, uint8_t family,
                          struct router_actions *todo)
{
    struct router_home *home = home_of(self, number, family);
    bool is_fit = self->worker_fit && self->carrier && !is_strangers(home, now_us);
    if (is_fit == home->is_fit)
        return;
    home->is_fit = is_fit;
    elect_kind(self, now_us, number, family, is_fit ? VRRP_FIT : VRRP_UNFIT, todo);
}

static void judge_active(struct router_home *home, int64_t now_us, uint8_t number, uint8_t family,
                         struct router_actions *todo)
{
    if (now_us >= home->refresh_us) {
        home->refresh_us = now_us + PAIR_REFRESH_US;
        act(todo, ROUTER_REFRESH, number, family);
    }
    if (now_us < home->announce_us)
        return;
    announce(home, now_us, number, family, todo);
    home->announcements++;
    home->announce_us = home->claimed_us + pair_announce_after_us(home->announcements);
    if (home->announce_us <= now_us)
        home->announce_us = now_us + PAIR_ANNOUNCE_EVERY_US;
}

static void judge(struct router *self, int64_t now_us, struct router_actions *todo)
{
    for (uint8_t number = 0; number < PAIR_NODES; number++)
        for (size_t i = 0; i < ROUTER_FAMILIES; i++) {
            struct router_home *home = &self->homes[number][i];
            if (!home->is_there)
                continue;
            judge_fitness(self, now_us, number, families[i], todo);
            elect_kind(self, now_us, number, families[i], VRRP_TIMEOUT, todo);
            if (home->vrrp.state == VRRP_ACTIVE)
                judge_active(home, now_us, number, families[i], todo);
        }
}

/* ---- events ---- */

static void take_advertisement(struct router *self, int64_t now_us,
                               const struct router_event *event, struct router_actions *todo)
{
    struct router_home *home = home_of(self, event->home, event->family);
    /* Priority 0: it says that it has let the address go. */
    home->was_routers = event->priority > 0;
    home->was_held = true;
    if (home->vrrp.state != VRRP_ACTIVE)
        home->may_be_answered = false;
    elect(self, now_us, event->home, event->family,
          &(struct vrrp_event){.kind = VRRP_ADVERTISEMENT,
                               .priority = event->priority,
                               .interval_cs = event->interval_cs,
                               .source = event->source},
          todo);
}

static void take_home_event(struct router *self, int64_t now_us, const struct router_event *event,
                            struct router_actions *todo)
{
    struct router_home *home = home_of(self, event->home, event->family);
    bool is_active = home->vrrp.state == VRRP_ACTIVE;
    if (!home->is_there)
        return;
    switch (event->kind) {
    case ROUTER_EVENT_ADVERTISEMENT:
        take_advertisement(self, now_us, event, todo);
        break;
    case ROUTER_EVENT_FOREIGN:
        home->foreign_us = now_us;
        if (is_active && now_us - home->announced_us >= PAIR_DEFEND_US)
            announce(home, now_us, event->home, event->family, todo);
        break;
    case ROUTER_EVENT_WHO_HAS:
        if (is_active && home->may_be_answered)
            announce(home, now_us, event->home, event->family, todo);
        break;
    case ROUTER_EVENT_ADDED:
        home->is_refused = false;
        break;
    case ROUTER_EVENT_ADD_FAILED:
        elect_kind(self, now_us, event->home, event->family, VRRP_ADDRESS_FAILED, todo);
        break;
    case ROUTER_EVENT_DELETED:
        if (!is_active)
            break;
        act(todo, ROUTER_ADD, event->home, event->family);
        announce(home, now_us, event->home, event->family, todo);
        break;
    default:
        assert(!"a home's event");
    }
}

/* Woke late: the leases may have ended meanwhile, and who backs up listens anew. */
static void take_woke(struct router *self, int64_t now_us, uint8_t number, uint8_t family,
                      struct router_actions *todo)
{
    struct router_home *home = home_of(self, number, family);
    elect_kind(self, now_us, number, family, VRRP_WOKE, todo);
    if (home->vrrp.state != VRRP_ACTIVE)
        return;
    act(todo, ROUTER_REFRESH, number, family);
    announce(home, now_us, number, family, todo);
}

static void take_for_all(struct router *self, int64_t now_us, enum router_event_kind kind,
                         struct router_actions *todo)
{
    for (uint8_t number = 0; number < PAIR_NODES; number++)
        for (size_t i = 0; i < ROUTER_FAMILIES; i++) {
            if (!self->homes[number][i].is_there)
                continue;
            if (kind == ROUTER_EVENT_STOP)
                elect_kind(self, now_us, number, families[i], VRRP_STOP, todo);
            else
                take_woke(self, now_us, number, families[i], todo);
        }
}

/* ---- start, step, deadline ---- */

void router_init(struct router *self, const struct router_config *config, int64_t now_us)
{
    assert(config->self < PAIR_NODES);
    *self = (struct router){.config = *config};
    for (uint8_t number = 0; number < PAIR_NODES; number++)
        for (size_t i = 0; i < ROUTER_FAMILIES; i++) {
            struct router_home *home = &self->homes[number][i];
            const struct vrrp_config election = {
                .priority = number == config->self ? PAIR_PRIORITY_RIGHTFUL : PAIR_PRIORITY_OTHER,
                .interval_cs = config->interval_cs,
                .is_preempting = true,
                .hold_us = PAIR_HOLD_US_MIN,
                .own = config->source[i],
            };
            struct vrrp_actions none;
            *home = (struct router_home){.since_us = now_us, .foreign_us = INT64_MIN};
            home->is_there = config->has_home[number][i] && config->source[i].family != 0;
            if (!home->is_there)
                continue;
            vrrp_init(&home->vrrp, &election);
            vrrp_step(&home->vrrp, now_us, &(struct vrrp_event){.kind = VRRP_START}, &none);
            assert(none.count == 0); /* it is not fit yet */
        }
}

void router_step(struct router *self, int64_t now_us, const struct router_event *event,
                 struct router_actions *todo)
{
    todo->count = 0;
    switch (event->kind) {
    case ROUTER_EVENT_TIMEOUT:
        break;
    case ROUTER_EVENT_FIT:
        self->worker_fit = event->is;
        break;
    case ROUTER_EVENT_CARRIER:
        self->carrier = event->is;
        break;
    case ROUTER_EVENT_STOP:
        self->stopping = true;
        take_for_all(self, now_us, event->kind, todo);
        act(todo, ROUTER_END, self->config.self, 0);
        return;
    case ROUTER_EVENT_WOKE:
        take_for_all(self, now_us, event->kind, todo);
        return;
    default:
        take_home_event(self, now_us, event, todo);
        return; /* what is due is judged when all that waits was read */
    }
    judge(self, now_us, todo);
}

static void earlier(int64_t *due_us, int64_t at_us)
{
    if (at_us < *due_us)
        *due_us = at_us;
}

int64_t router_deadline_us(const struct router *self)
{
    int64_t due_us = INT64_MAX;
    for (uint8_t number = 0; number < PAIR_NODES; number++)
        for (size_t i = 0; i < ROUTER_FAMILIES; i++) {
            const struct router_home *home = &self->homes[number][i];
            if (!home->is_there)
                continue;
            earlier(&due_us, vrrp_deadline_us(&home->vrrp));
            if (home->vrrp.state == VRRP_ACTIVE) {
                earlier(&due_us, home->refresh_us);
                earlier(&due_us, home->announce_us);
            } else if (!home->is_fit && self->worker_fit && self->carrier) {
                earlier(&due_us, home->foreign_us + PAIR_FOREIGN_US);
            }
        }
    return due_us;
}

bool router_is_untouched(const struct router *self, uint8_t home)
{
    assert(home < PAIR_NODES);
    for (size_t i = 0; i < ROUTER_FAMILIES; i++)
        if (self->homes[home][i].was_held)
            return false;
    return true;
}
