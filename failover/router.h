/* failover/router.h -- the pair beside a router of another make: which addresses this node holds.
 *
 * For `partner: vrrp`. One election of RFC 9568 (failover/vrrp.h) for each home and family: they
 * move each by itself, for the router elects them so. This feeds them, and adds what they leave to
 * their caller: leases are refreshed, announcements repeated, and
 *
 *   - an address is this node's to hold while its worker is fit and its cable leads somewhere, and
 *     not before its first claim while a stranger has it;
 *   - who woke late listens for a whole Active_Down_Interval before it takes the silence that it
 *     slept through for the router's;
 *   - a router that was killed may leave its address in its kernel, which goes on answering for
 *     it. So who took an address from a silent router answers each question for it, too.
 *
 * Priority 200 at home, 100 for the router's home, and home preempts when it was fit for 5 s.
 *
 * Pure: no clock, no socket. Tell it what happened and when; it answers with what to do, in order.
 * Call again no later than router_deadline_us(). */
#ifndef TANDEM_FAILOVER_ROUTER_H
#define TANDEM_FAILOVER_ROUTER_H

#include "failover/pair.h"
#include "failover/vrrp.h"

enum {
    ROUTER_FAMILIES = 2,     /* [0] IPv4, [1] IPv6 */
    ROUTER_ACTIONS_MAX = 32, /* of four elections, and what is due of each */
};

struct router_config {
    uint8_t self;         /* whose home is this node's own */
    uint16_t interval_cs; /* 1..4095 */
    bool has_home[PAIR_NODES][ROUTER_FAMILIES];
    struct ip source[ROUTER_FAMILIES]; /* of this node's advertisements; family 0: none */
};

/* One home of one family. */
struct router_home {
    struct vrrp vrrp;
    bool is_there;           /* configured */
    enum vrrp_reason reason; /* of its state */
    int64_t since_us;        /* of its state */
    bool is_refused;         /* the kernel did not take it */
    bool is_fit;             /* as the election was told last */
    bool was_held;           /* by either, in this node's life: it is defended */
    bool was_routers;        /* by the router */
    bool may_be_answered;    /* by a router that fell silent holding it */
    int64_t foreign_us;      /* a stranger had it; INT64_MIN: never */
    int64_t claimed_us;
    int64_t refresh_us, announce_us, announced_us; /* ACTIVE: next; next; last */
    unsigned announcements;                        /* since the claim */
};

struct router {
    struct router_config config;
    bool worker_fit, carrier, stopping;
    struct router_home homes[PAIR_NODES][ROUTER_FAMILIES];
};

enum router_event_kind {
    ROUTER_EVENT_TIMEOUT,       /* the deadline has come */
    ROUTER_EVENT_FIT,           /* is: the worker */
    ROUTER_EVENT_CARRIER,       /* is */
    ROUTER_EVENT_ADVERTISEMENT, /* home, family, priority, interval_cs, source: accepted */
    ROUTER_EVENT_FOREIGN,       /* home, family: a stranger has it */
    ROUTER_EVENT_WHO_HAS,       /* home, family: somebody asks for it */
    ROUTER_EVENT_ADDED,         /* home, family: the kernel took an ADD or REFRESH */
    ROUTER_EVENT_ADD_FAILED,    /* home, family: it did not; the ANNOUNCE behind it is left out */
    ROUTER_EVENT_DELETED,       /* home, family: somebody else deleted it */
    ROUTER_EVENT_WOKE,          /* late, and every socket was read since */
    ROUTER_EVENT_STOP,
};

struct router_event {
    enum router_event_kind kind;
    uint8_t home;
    uint8_t family; /* 4 or 6 */
    uint8_t priority;
    uint16_t interval_cs;
    bool is;
    struct ip source;
};

enum router_action_kind {
    ROUTER_ADD,     /* lease its addresses; ADDED or ADD_FAILED follows */
    ROUTER_REFRESH, /* likewise */
    ROUTER_DELETE,
    ROUTER_ANNOUNCE,
    ROUTER_ADVERTISE, /* priority */
    ROUTER_NOTE,      /* was, is, reason: log it, tell the worker */
    ROUTER_END,       /* the planned stop is over */
};

/* Of a home and family, but END. */
struct router_action {
    enum router_action_kind kind;
    uint8_t home;
    uint8_t family;
    uint8_t priority;
    enum vrrp_state was, is;
    enum vrrp_reason reason;
};

struct router_actions {
    size_t count;
    struct router_action list[ROUTER_ACTIONS_MAX];
};

void router_init(struct router *self, const struct router_config *config, int64_t now_us);

/* Apply one event at now_us (monotonic, never decreasing) and overwrite *todo. Never fails. */
void router_step(struct router *self, int64_t now_us, const struct router_event *event,
                 struct router_actions *todo);

/* When TIMEOUT is due, or INT64_MAX. */
int64_t router_deadline_us(const struct router *self);

/* Was it never held, by this node or the router? Then a stranger who has it is left alone. */
bool router_is_untouched(const struct router *self, uint8_t home);

#endif
