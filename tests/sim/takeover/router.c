#include "failover/pair_rules.h"
#include "sim/takeover/takeover.h"

enum { CENTISECOND_US = 10 * MS, HOLD_US = 5 * SECOND };

/* failover/vrrp.h on both hosts: one machine for each home and family. Its shell is to be written;
 * this is what vrrp.h asks of one: sockets are drained before timers are looked at, leases are
 * refreshed, an address that cannot be added is not announced. */

static bool lease(struct takeover *self, struct host *host, uint8_t home, uint8_t family)
{
    if (host->adds_fail)
        return false;
    host->kernel.leases[home][family] = (struct lease){
        .is_present = true,
        .expires_us = self->now_us + takeover_draw(self, LEASE_US_MIN, LEASE_US_MAX)};
    return true;
}

static void plan_announcement(struct takeover *self, struct host *host, uint8_t home,
                              uint8_t family)
{
    unsigned number = ++host->router_announcements[home][family];
    int64_t after_us = pair_announce_after_us(number);
    host->router_announce_us[home][family] = host->router_claimed_us[home][family] + after_us;
    takeover_check(self, ORACLE_OPINION, after_us == opinion_announce_after_us(number),
                   "announcement %u is made %lld us after a claim", number, (long long)after_us);
}

static void note(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                 const struct vrrp_action *action)
{
    takeover_trace(self, "ns%d home%d IPv%d %s > %s %s", host->self + 1, home + 1,
                   family == 0 ? 4 : 6, vrrp_state_word(action->was), vrrp_state_word(action->is),
                   vrrp_reason_word(action->reason));
    sums.router_reasons[action->reason]++;
    self->claims += action->is == VRRP_ACTIVE;
    if (action->is != VRRP_ACTIVE)
        return;
    host->router_claimed_us[home][family] = self->now_us;
    host->router_announcements[home][family] = 0;
    plan_announcement(self, host, home, family);
}

static void tell_failed(struct takeover *self, struct host *host, uint8_t home, uint8_t family);

static void tell(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                 const struct vrrp_event *event)
{
    struct vrrp_actions todo;
    bool has_failed = false;
    vrrp_step(&host->routers[home][family], self->now_us, event, &todo);
    if (self->has_opinion)
        oracle_elects(self, host, home, family, event, &todo);
    for (size_t i = 0; i < todo.count; i++) {
        const struct vrrp_action *action = &todo.list[i];
        oracle_router(self, host, home, family, action);
        switch (action->kind) {
        case VRRP_ADVERTISE:
            host_send_advertisement(self, host, home, (uint8_t)(1U << family), action->priority);
            break;
        case VRRP_ADD:
            has_failed = !lease(self, host, home, family);
            break;
        case VRRP_DELETE:
            host->kernel.leases[home][family].is_present = false;
            break;
        case VRRP_ANNOUNCE:
            if (!has_failed)
                host_announce(self, host, home, (uint8_t)(1U << family));
            break;
        case VRRP_NOTE:
            note(self, host, home, family, action);
            break;
        }
    }
    if (has_failed)
        tell_failed(self, host, home, family);
}

/* Of some, the node wakes late just then. */
static void tell_failed(struct takeover *self, struct host *host, uint8_t home, uint8_t family)
{
    tell(self, host, home, family, &(struct vrrp_event){.kind = VRRP_ADDRESS_FAILED});
    if (self->seed % 3 == 0)
        tell(self, host, home, family, &(struct vrrp_event){.kind = VRRP_WOKE});
}

static void tell_all(struct takeover *self, struct host *host, enum vrrp_event_kind kind)
{
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++)
            tell(self, host, home, family, &(struct vrrp_event){.kind = kind});
}

void router_start(struct takeover *self, struct host *host)
{
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++) {
            struct vrrp_config config = {.priority = self->are_equal      ? PAIR_PRIORITY_OTHER
                                                     : home == host->self ? PAIR_PRIORITY_RIGHTFUL
                                                                          : PAIR_PRIORITY_OTHER,
                                         .interval_cs =
                                             (uint16_t)(self->interval_us / CENTISECOND_US),
                                         .is_preempting = !self->are_patient,
                                         .hold_us = HOLD_US,
                                         .own = host_address(host->self, family)};
            vrrp_init(&host->routers[home][family], &config);
            opinion_vrrp_start(&host->elections[home][family], &config);
        }
    host->router_refresh_us = self->now_us;
    host->router_echo_us = self->are_equal ? self->now_us : INT64_MAX;
    if (self->seed % 2 == 0) /* else when it is fit: in either order */
        tell_all(self, host, VRRP_START);
}

void router_fit(struct takeover *self, struct host *host, bool is_fit)
{
    tell_all(self, host, is_fit ? VRRP_FIT : VRRP_UNFIT);
    if (is_fit)
        tell_all(self, host, VRRP_START);
}

void router_stop(struct takeover *self, struct host *host)
{
    tell_all(self, host, VRRP_STOP);
}

void router_hears(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                  uint8_t priority, uint16_t interval_cs)
{
    tell(self, host, home, family,
         &(struct vrrp_event){.kind = VRRP_ADVERTISEMENT,
                              .priority = priority,
                              .interval_cs = interval_cs,
                              .source = host_address((uint8_t)(1 - host->self), family)});
}

/* What the kernel says of an address that was given up meanwhile has to be ignored. */
static void refresh(struct takeover *self, struct host *host, uint8_t home, uint8_t family)
{
    if (host->routers[home][family].state != VRRP_ACTIVE)
        tell(self, host, home, family, &(struct vrrp_event){.kind = VRRP_ADDRESS_FAILED});
    else if (!lease(self, host, home, family))
        tell_failed(self, host, home, family);
}

/* As after a claim of the pair's. */
static void announce(struct takeover *self, struct host *host, uint8_t home, uint8_t family)
{
    if (host->routers[home][family].state != VRRP_ACTIVE ||
        self->now_us < host->router_announce_us[home][family])
        return;
    host_announce(self, host, home, (uint8_t)(1U << family));
    plan_announcement(self, host, home, family);
}

/* What it says comes back to it, as in a LAN with a loop: nobody is stronger than itself. */
static void echo(struct takeover *self, struct host *host)
{
    host->router_echo_us = self->now_us + VRRP_REASSERT_US;
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++)
            if (host->routers[home][family].state == VRRP_ACTIVE)
                tell(self, host, home, family,
                     &(struct vrrp_event){.kind = VRRP_ADVERTISEMENT,
                                          .priority = PAIR_PRIORITY_OTHER,
                                          .interval_cs =
                                              (uint16_t)(self->interval_us / CENTISECOND_US),
                                          .source = host_address(host->self, family)});
}

void router_turn(struct takeover *self, struct host *host, bool is_late)
{
    host_read(self, host, true);
    if (is_late)
        tell_all(self, host, VRRP_WOKE);
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++) {
            /* Before the deadline this has to be ignored. */
            tell(self, host, home, family, &(struct vrrp_event){.kind = VRRP_TIMEOUT});
            if (host->router_refresh_us <= self->now_us)
                refresh(self, host, home, family);
            announce(self, host, home, family);
        }
    if (host->router_refresh_us <= self->now_us)
        host->router_refresh_us = self->now_us + PAIR_REFRESH_US;
    if (host->router_echo_us <= self->now_us)
        echo(self, host);
}

/* Somebody else deleted it. */
void router_lost(struct takeover *self, struct host *host, uint8_t home)
{
    for (uint8_t family = 0; family < FAMILIES; family++)
        refresh(self, host, home, family);
}

int64_t router_deadline_us(const struct host *host)
{
    int64_t due_us = host->router_refresh_us < host->router_echo_us ? host->router_refresh_us
                                                                    : host->router_echo_us;
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++)
            if (vrrp_deadline_us(&host->routers[home][family]) < due_us)
                due_us = vrrp_deadline_us(&host->routers[home][family]);
    return due_us;
}
