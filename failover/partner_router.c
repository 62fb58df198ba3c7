#include "failover/partner_router.h"

#include "failover/partner_act.h"
#include "failover/partner_read.h"

enum { OUTCOMES_MAX = 8 }; /* of ADD and REFRESH, in one call: two homes, two families */

static void keep_note(struct partner *self, const struct router_action *action)
{
    partner_keep_note(self, &(struct partner_note){.home = action->home,
                                                   .family = action->family,
                                                   .was = vrrp_state_word(action->was),
                                                   .is = vrrp_state_word(action->is),
                                                   .reason = vrrp_reason_word(action->reason)});
}

/* Carry out one action; true with *event when its outcome is to be told. */
static bool perform(struct partner *self, const struct router_action *action,
                    struct router_event *event)
{
    switch (action->kind) {
    case ROUTER_ADD:
    case ROUTER_REFRESH:
        *event = (struct router_event){.kind = partner_lease(self, action->home, action->family) < 0
                                                   ? ROUTER_EVENT_ADD_FAILED
                                                   : ROUTER_EVENT_ADDED,
                                       .home = action->home,
                                       .family = action->family};
        return true;
    case ROUTER_DELETE:
        partner_release(self, action->home, action->family);
        break;
    case ROUTER_ANNOUNCE:
        partner_announce(self, action->home, action->family);
        break;
    case ROUTER_ADVERTISE:
        partner_advertise(self, action->home, action->family, action->priority);
        break;
    case ROUTER_NOTE:
        keep_note(self, action);
        break;
    case ROUTER_END:
        self->is_over = true;
        break;
    }
    return false;
}

/* An address that the kernel refused a moment ago is not announced. */
static bool is_vain(const struct router_action *action, const struct router_event *outcome)
{
    return action->kind == ROUTER_ANNOUNCE && outcome->kind == ROUTER_EVENT_ADD_FAILED &&
           outcome->home == action->home && outcome->family == action->family;
}

/* One event, and what follows from its outcomes, which lead to no further ones. */
static void tell(struct partner *self, int64_t now_us, const struct router_event *event)
{
    struct router_event queue[1 + OUTCOMES_MAX] = {*event};
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        struct router_actions todo;
        router_step(&self->router, now_us, &queue[i], &todo);
        for (size_t j = 0; j < todo.count; j++) {
            struct router_event outcome;
            if (count > 1 && is_vain(&todo.list[j], &queue[count - 1]))
                continue;
            if (perform(self, &todo.list[j], &outcome) && count <= OUTCOMES_MAX)
                queue[count++] = outcome;
        }
    }
}

void partner_router_init(struct partner *self, int64_t now_us)
{
    const struct partner_settings *settings = &self->settings;
    struct router_config config = {.self = settings->self,
                                   .interval_cs = partner_interval_cs(settings)};
    for (size_t i = 0; i < ROUTER_FAMILIES; i++) {
        for (size_t home = 0; home < PAIR_NODES; home++)
            config.has_home[home][i] = settings->home[home][i].family != 0;
        if (self->vrrp[i].fd >= 0)
            config.source[i] = *partner_source(self, i == 0 ? 4 : 6);
    }
    router_init(&self->router, &config, now_us);
}

void partner_router_tell(struct partner *self, int64_t now_us, const struct pair_event *event)
{
    struct router_event one = {.is = event->is};
    switch (event->kind) {
    case PAIR_EVENT_TIMEOUT:
        one.kind = ROUTER_EVENT_TIMEOUT;
        break;
    case PAIR_EVENT_WORKER:
        one.kind = ROUTER_EVENT_FIT;
        one.is = event->fit;
        break;
    case PAIR_EVENT_CARRIER:
        one.kind = ROUTER_EVENT_CARRIER;
        break;
    case PAIR_EVENT_DRAINED:
        one.kind = ROUTER_EVENT_WOKE;
        break;
    case PAIR_EVENT_STOP:
        one.kind = ROUTER_EVENT_STOP;
        break;
    default:
        return;
    }
    tell(self, now_us, &one);
}

void partner_router_hears(struct partner *self, int64_t now_us, enum pair_event_kind kind,
                          uint8_t home, uint8_t family)
{
    struct router_event one = {.home = home, .family = family};
    switch (kind) {
    case PAIR_EVENT_FOREIGN:
        one.kind = ROUTER_EVENT_FOREIGN;
        self->alarms++;
        break;
    case PAIR_EVENT_WHO_HAS:
        one.kind = ROUTER_EVENT_WHO_HAS;
        break;
    case PAIR_EVENT_DELETED:
        one.kind = ROUTER_EVENT_DELETED;
        break;
    default:
        return;
    }
    tell(self, now_us, &one);
}

void partner_router_advertised(struct partner *self, int64_t now_us, uint8_t home,
                               const struct advertisement *advertisement, const struct ip *source)
{
    tell(self, now_us,
         &(struct router_event){.kind = ROUTER_EVENT_ADVERTISEMENT,
                                .home = home,
                                .family = advertisement->family,
                                .priority = advertisement->priority,
                                .interval_cs = advertisement->interval_cs,
                                .source = *source});
}
