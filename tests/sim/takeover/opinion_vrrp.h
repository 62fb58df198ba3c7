/* tests/sim/takeover/opinion_vrrp.h -- a second opinion of vrrp.h: RFC 9568 §6.4 once more.
 *
 * Whatever a machine of vrrp.h is told, this is told, too, and has to come to the same actions in
 * the same order. */
#ifndef TANDEM_TESTS_SIM_TAKEOVER_OPINION_VRRP_H
#define TANDEM_TESTS_SIM_TAKEOVER_OPINION_VRRP_H

#include "failover/vrrp.h"

struct opinion_vrrp {
    struct vrrp_config config;
    enum vrrp_state state;
    bool is_started, is_fit;
    int64_t interval_us;      /* Active_Adver_Interval */
    int64_t timer_us;         /* INT64_MAX: none */
    int64_t backup_us;        /* in BACKUP since */
    int64_t asserted_us;      /* announced against the partner's claim, or claimed, last */
    enum vrrp_reason because; /* BACKUP: why the timer runs */
    struct vrrp_actions acts; /* by the last event */
};

void opinion_vrrp_start(struct opinion_vrrp *self, const struct vrrp_config *config);
void opinion_vrrp_step(struct opinion_vrrp *self, int64_t now_us, const struct vrrp_event *event);

#endif
