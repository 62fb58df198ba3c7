/* failover/vrrp.h -- the election of VRRPv3 (RFC 9568 §6) beside a router of another make.
 *
 * For `partner: vrrp`, where a keepalived or a router stands on the other side: no beats, no facts,
 * advertisements alone decide. One struct vrrp for each VRID and family (failover/router.h). Pure:
 * it has no socket, no clock and no memory of its own. Tell it what happened and when; it answers
 * with what to do, in order. Call again no later than vrrp_deadline_us().
 *
 *                 started and fit              partner silent, or leaving
 *   INITIALIZE ----------------------> BACKUP ---------------------------> ACTIVE
 *       ^                                | ^                                 | |
 *       |<-------- stop, unfit ----------+ +-- higher priority or address, --+ |
 *       |                                     address-failed                   |
 *       +<------------------- stop, unfit: says priority 0 -------------------+
 *
 * What §6.4 leaves open is decided so: a node is never the owner of an address (priority 255), so
 * it always listens first; it preempts only when it was Backup for hold_us; an address that cannot
 * be added is left to the partner and tried again after VRRP_RETRY_US. Times are microseconds
 * throughout: at an interval of 10 ms Skew_Time is less than a centisecond. */
#ifndef TANDEM_FAILOVER_VRRP_H
#define TANDEM_FAILOVER_VRRP_H

#include "replication/ip.h"

enum {
    VRRP_ACTIONS_MAX = 4,
    VRRP_RETRY_US = 1000000,   /* after an address could not be added; the partner may be silent */
    VRRP_REASSERT_US = 200000, /* between announcements against a partner that claims it, too */
};

enum vrrp_state {
    VRRP_INITIALIZE, /* not started, or unfit */
    VRRP_BACKUP,     /* listens */
    VRRP_ACTIVE,     /* holds the addresses */
};

enum vrrp_reason {
    VRRP_STARTED,         /* "start" */
    VRRP_STOPPED,         /* "stop" */
    VRRP_IS_FIT,          /* "fit" */
    VRRP_IS_UNFIT,        /* "unfit" */
    VRRP_PARTNER_SILENT,  /* "partner-silent": for Active_Down_Interval */
    VRRP_PARTNER_LEFT,    /* "partner-left": it said priority 0 */
    VRRP_PREEMPTED,       /* "preempt": it speaks, but its priority is lower */
    VRRP_HIGHER_PRIORITY, /* "higher-priority" */
    VRRP_HIGHER_ADDRESS,  /* "higher-address": of two with the same priority */
    VRRP_ADD_FAILED,      /* "address-failed" */
};

struct vrrp_config {
    uint8_t priority;     /* 1..254, higher wins */
    uint16_t interval_cs; /* 1..4095: Advertisement_Interval */
    bool is_preempting;   /* Preempt_Mode: may I take from a partner of lower priority? */
    int64_t hold_us;      /* >= 0: Backup for so long before that */
    struct ip own;        /* the source of my advertisements, for ties */
};

struct vrrp {
    struct vrrp_config config;
    /* read-only */
    enum vrrp_state state;
    uint16_t active_interval_cs; /* Active_Adver_Interval: the partner's, as learned */
    /* private */
    bool is_started;
    bool is_fit;
    int64_t timer_us;               /* Active_Down_Timer or Adver_Timer; INT64_MAX: none */
    int64_t preempt_at_us;          /* BACKUP: until then a lower priority counts as higher */
    int64_t reassert_at_us;         /* ACTIVE: until then no announcement against a claim */
    enum vrrp_reason timeout_means; /* BACKUP: why I would take now */
};

enum vrrp_event_kind {
    VRRP_START,
    VRRP_STOP,
    VRRP_TIMEOUT,        /* the deadline has come */
    VRRP_ADVERTISEMENT,  /* one that was accepted; priority, interval_cs, source */
    VRRP_FIT,            /* may hold the addresses; unfit until this is said */
    VRRP_UNFIT,          /* may not */
    VRRP_ADDRESS_FAILED, /* ADD was refused by the system */
    VRRP_WOKE,           /* late: a silence that I slept through is none */
};

struct vrrp_event {
    enum vrrp_event_kind kind;
    uint8_t priority;
    uint16_t interval_cs; /* 1..4095 */
    struct ip source;
};

enum vrrp_action_kind {
    VRRP_ADVERTISE, /* send one of this priority, and my own interval */
    VRRP_ADD,       /* the addresses, all of them; failure: no ANNOUNCE, then ADDRESS_FAILED */
    VRRP_DELETE,
    VRRP_ANNOUNCE, /* gratuitous ARP, or unsolicited neighbour advertisements, for each */
    VRRP_NOTE,     /* log it: was -> is, reason */
};

struct vrrp_action {
    enum vrrp_action_kind kind;
    uint8_t priority;        /* ADVERTISE */
    enum vrrp_state was, is; /* NOTE */
    enum vrrp_reason reason; /* NOTE */
};

struct vrrp_actions {
    size_t count;
    struct vrrp_action list[VRRP_ACTIONS_MAX];
};

void vrrp_init(struct vrrp *self, const struct vrrp_config *config);

/* Apply one event at now_us (monotonic, never decreasing) and overwrite *todo. Never fails; what
 * the present state does not expect is ignored, a TIMEOUT before the deadline, too. */
void vrrp_step(struct vrrp *self, int64_t now_us, const struct vrrp_event *event,
               struct vrrp_actions *todo);

/* When TIMEOUT is due, or INT64_MAX. BACKUP: 3 x the partner's interval + skew after it was heard,
 * skew = (256 - my priority) x the partner's interval / 256. ACTIVE: my next advertisement. */
int64_t vrrp_deadline_us(const struct vrrp *self);

const char *vrrp_state_word(enum vrrp_state state);
const char *vrrp_reason_word(enum vrrp_reason reason);

#endif
