/* failover/pair.h -- which of two nodes holds a service address: the rules of the pair.
 *
 * Each node is home to one set of service addresses (one of each family, moved together). Between
 * the nodes go beats (failover/beat.h, on the pair link) and VRRP advertisements (RFC 9568, on the
 * service LAN); both are signs of life, and say what their sender holds. Of each home a node is:
 *
 *              claim: rules 1-4 and 6
 *     BACKUP ------------------------> ACTIVE ---- lost against the partner: rule 8 ---> YIELDING
 *        ^                               ^  ^                                              | |
 *        |                               |  +---- the partner's signs ceased --------------+ |
 *        |                               |                                                   |
 *        +--------- 20 ms later, and then its queue empty: deleted --------------------------+
 *        +--------- woke late, and the partner holds it: rule 7 ------------ (from ACTIVE)
 *
 * Two holders for a moment are harmless, for both answer the same; no holder is an outage. So
 * taking is quick and giving back is slow. README.md tells the rules, 1 to 9; the functions of
 * pair_rules.c have their numbers.
 *
 * Pure: no clock, no socket. Tell it what happened and when; it answers with what to do, in order.
 * Call again no later than pair_deadline_us(). Microseconds of a clock that never goes back. */
#ifndef TANDEM_FAILOVER_PAIR_H
#define TANDEM_FAILOVER_PAIR_H

#include "failover/beat.h"
#include "failover/reception.h"

enum {
    PAIR_NODES = 2,
    PAIR_ACTIONS_MAX = 48,
    PAIR_PRIORITY_RIGHTFUL = 200, /* RFC 9568 §5.2.4: never 255, never equal */
    PAIR_PRIORITY_OTHER = 100,
    PAIR_SILENT_INTERVALS = 5,   /* without a sign: silent; also the listening window */
    PAIR_REFRESH_US = 300000,    /* of a lease of one second */
    PAIR_YIELD_US = 20000,       /* what is on its way when an address moves still arrives */
    PAIR_YIELD_MAX_US = 1000000, /* longest wait for empty queues */
    PAIR_HOLD_US_MIN = 5000000,  /* fit for so long before home is taken back */
    PAIR_HOLD_US_MAX = 300000000,
    PAIR_FLAP_US = 60000000,   /* lost again within so long of its return: the hold doubles */
    PAIR_DEFEND_US = 100000,   /* between announcements against another's */
    PAIR_UNTOLD_INTERVALS = 2, /* announced for so long, and no sign that the partner holds it */
    PAIR_LIFE_US = 200000,     /* a sign so long after the tripwire broke: no death */
    PAIR_ANSWER_US = 3000000,  /* after a claim who-has is answered with an announcement */
    PAIR_ASK_US = 100000,      /* rule 4: between queries to the partner */
    PAIR_ASK_AFTER_US = 10000000,
    PAIR_ASKS_MAX = 3,              /* unanswered in a row */
    PAIR_STOP_US = 3000000,         /* longest wait for a partner to take over as planned */
    PAIR_RETRY_US = 1000000,        /* what the kernel refused is not taken from a partner sooner */
    PAIR_FOREIGN_US = 1000000,      /* a stranger's claim heard so lately defers a first claim */
    PAIR_ANNOUNCE_AGAIN_US = 20000, /* rule 9: the second announcement, so long after the first, */
    PAIR_ANNOUNCE_NEXT_US = 100000, /* the further ones, */
    PAIR_ANNOUNCE_UNTIL_US = 5000000, /* until then, */
    PAIR_UNCONFIRMED_US = 1000000,    /* and while no witness confirms it; */
    PAIR_ANNOUNCE_EVERY_US = 60000000,
};

enum pair_state { PAIR_BACKUP, PAIR_ACTIVE, PAIR_YIELDING };

/* Why: the same word in the log, the status, the events and the tests. */
enum pair_reason {
    PAIR_STARTED,          /* "start" */
    PAIR_GOODBYE,          /* "goodbye": an advertisement of priority 0 (rule 1) */
    PAIR_PARTNER_UNFIT,    /* "partner-unfit": its beat says so (rules 1 and 3) */
    PAIR_PARTNER_ISOLATED, /* "partner-isolated" */
    PAIR_PARTNER_STOPPING, /* "partner-stopping" */
    PAIR_TRIPWIRE,         /* "tripwire": it broke, and a sign was missed (rule 1) */
    PAIR_REFUSED,          /* "port-refused" (rule 1) */
    PAIR_SILENCE,          /* "silence": of beats and advertisements (rule 2) */
    PAIR_UNHEARD,          /* "unheard": no witness answers the partner, one answers me (rule 3) */
    PAIR_AGENTS_LOST_IT,   /* "agents-lost-it": most agents lost the partner (rule 3) */
    PAIR_UNANSWERED,       /* "unanswered": the partner's DNS, for 10 s without beats (rule 4) */
    PAIR_VACANT,           /* "vacant": nobody held it (rule 6) */
    PAIR_PARTNER_UNSYNCED, /* "partner-unsynced": home takes it at once (rule 6) */
    PAIR_GIVE_BACK,        /* "give-back": home was fit for its hold (rule 6) */
    PAIR_HANDOVER,         /* "handover": an order (rule 6) */
    PAIR_UPGRADED,         /* "upgraded": back from a planned absence (rule 6) */
    PAIR_OVERLAP,          /* "overlap": the partner holds it too, and by better right (rule 8) */
    PAIR_PREVAILED,        /* "prevailed": the partner's signs ceased while I yielded */
    PAIR_MOVED,            /* "moved": the partner has it, my queues are empty: deleted */
    PAIR_WOKE_LATE,        /* "woke-late": the partner took it meanwhile (rule 7) */
    PAIR_STOPPED,          /* "stop": the end of a planned stop */
    PAIR_REASONS,
};

/* Of this node: why it is not fit. */
enum pair_fault {
    PAIR_SOUND,           /* "sound" */
    PAIR_WORKER_UNFIT,    /* "worker-unfit": the gate says why */
    PAIR_IS_ISOLATED,     /* "isolated" */
    PAIR_ADDRESS_REFUSED, /* "address-failed": the kernel does not take it */
    PAIR_IS_LEAVING,      /* "leaving": its worker is replaced by order */
    PAIR_IS_STOPPING,     /* "stopping" */
    PAIR_FAULT_LAST = PAIR_IS_STOPPING,
};

struct pair_config {
    uint8_t self; /* 0: the primary, 1: the secondary; and the home of its number is its own */
    bool has_partner;
    bool has_witness;
    int64_t interval_us; /* of beats and of advertisements */
    int64_t flap_us;     /* lost again within so long of its return: the hold doubles, */
    int64_t hold_us_max; /* up to this */
    uint64_t document;   /* a hash of the cluster's document: the partner's is to be the same */
};

struct pair_home {
    enum pair_state state;
    enum pair_reason reason; /* of that state */
    int64_t since_us;        /* of that state */
    /* the partner's word about it */
    int64_t advertised_us; /* its last advertisement above priority 0; INT64_MIN: never */
    int64_t goodbye_us;    /* its last of priority 0 */
    int64_t beat_holds_us; /* its last beat that said that it holds it */
    int64_t beat_lacks_us; /* its last beat that said that it does not */
    int64_t announced_us;  /* it announced it */
    int64_t foreign_us;    /* neither it nor this node did */
    bool was_partners;     /* it held it once, in this node's life */
    bool is_partners;      /* the partner holds it, or did when it fell silent */
    int64_t vacant_us;     /* nobody holds it since; INT64_MAX: somebody does */
    /* holding */
    int64_t claimed_us;                           /* INT64_MIN: never */
    int64_t refresh_us, announce_us, defended_us; /* next; next; last */
    int64_t announce_from_us;                     /* the schedule's zero */
    uint8_t announcements;                        /* of the schedule */
    int64_t countered_us;                         /* the last against another's; INT64_MIN: never */
    bool is_confirmed;                            /* by a witness, since the schedule began */
    bool is_granted;                              /* the kernel took it, and has it still */
    bool is_refused;                              /* it did not */
    int64_t refused_us;                           /* when last; INT64_MIN: never */
    bool is_kept;                                 /* rule 4: until the partner's DNS answers */
    bool is_contested; /* rule 8: the partner held it too, by less right */
    /* yielding */
    bool is_emptying; /* PAIR_EMPTY was said */
    bool is_queue_empty;
    /* giving back */
    int64_t hold_us;     /* so long fit before it returns */
    int64_t returned_us; /* when it did last; INT64_MIN: never */
    struct beat_handover handover;
    bool is_ordered; /* an order moved it: no hold */
    bool is_left;    /* a planned absence did: likewise */
};

struct pair {
    struct pair_config config;
    struct reception reception;
    bool worker_fit, synced, stopping;
    bool leaving;        /* from LEAVE to RETURN or STAYED: a planned absence */
    bool is_away;        /* leaving, and LEFT was said */
    bool is_reading;     /* between READING and TIMEOUT: likewise */
    bool is_waking;      /* between WOKE and DRAINED: nothing is decided or sent */
    int64_t listen_us;   /* nothing is claimed before, and silence counts from then */
    int64_t fit_us;      /* fit and synced since; INT64_MAX: not */
    int64_t now_us;      /* of the last event */
    int64_t beat_due_us; /* next beat and advertisements */
    int64_t stop_us;     /* stopping: the end at the latest; leaving: the try's */
    int64_t lateness_us;
    uint16_t agents_fresh, agents_lost;
    struct beat last; /* the partner's last beat */
    int64_t beat_us;  /* when it came; INT64_MIN: never */
    int64_t broke_us; /* the tripwire, or its port refused; INT64_MAX: neither since a sign */
    enum pair_reason broke_by;
    int64_t asked_us; /* rule 4: the last query; INT64_MIN: none */
    unsigned asks_unanswered;
    bool partner_answers; /* rule 4: the last query was answered */
    uint8_t said;         /* flags and holds of my last beat: a change is said at once */
    uint8_t said_holds;
    struct pair_home homes[PAIR_NODES];
};

enum pair_event_kind {
    PAIR_EVENT_TIMEOUT, /* judge now; ends READING */
    /* sockets are being read: until TIMEOUT nothing is decided, for what is read last may be the
     * sign that was missed */
    PAIR_EVENT_READING,
    PAIR_EVENT_WORKER,        /* fit, synced */
    PAIR_EVENT_BEAT,          /* beat: authentic and new */
    PAIR_EVENT_ADVERTISEMENT, /* home, priority: the partner's */
    PAIR_EVENT_ANNOUNCED,     /* home: the partner announced it */
    PAIR_EVENT_FOREIGN,       /* home: somebody else claims it */
    PAIR_EVENT_WHO_HAS,       /* home: somebody asks for it */
    PAIR_EVENT_FRAME,         /* any frame on the service LAN */
    PAIR_EVENT_REPLY,         /* a witness answered */
    PAIR_EVENT_SENT,          /* is: the kernel sent what it was given for the LAN, or none of it */
    PAIR_EVENT_CARRIER,       /* is */
    PAIR_EVENT_TRIPWIRE,      /* is: up or broken */
    PAIR_EVENT_REFUSED,       /* the partner's port */
    PAIR_EVENT_WOKE,          /* late: lateness_us; then every socket is drained */
    PAIR_EVENT_DRAINED,
    PAIR_EVENT_ADDED,       /* home: the kernel took an ADD or REFRESH; only then it is announced */
    PAIR_EVENT_ADD_FAILED,  /* home: it did not */
    PAIR_EVENT_DELETED,     /* home: somebody else deleted it */
    PAIR_EVENT_CONFIRMED,   /* home: a witness that was asked in its name answered to it */
    PAIR_EVENT_QUEUE_EMPTY, /* home: no DNS thread has a query of it left */
    PAIR_EVENT_ASKED,       /* is: the partner's DNS answered, or did not */
    PAIR_EVENT_HANDOVER,    /* home, handover: an order, as this node's worker knows it */
    PAIR_EVENT_AGENTS,      /* fresh, lost: agents that this node hears; who lost the partner */
    PAIR_EVENT_RESET,       /* forget flaps */
    PAIR_EVENT_LEAVE,       /* hand all to the partner for a while: LEFT or STAYED follows */
    PAIR_EVENT_RETURN,      /* LEFT is over: what was left comes home as soon as this is fit */
    PAIR_EVENT_STOP,
};

struct pair_event {
    enum pair_event_kind kind;
    uint8_t home;
    uint8_t priority;
    bool is;
    bool fit, synced;
    uint16_t fresh, lost;
    int64_t lateness_us;
    struct beat_handover handover;
    const struct beat *beat; /* lent for the call */
};

enum pair_action_kind {
    PAIR_ADD,       /* home: lease its addresses; ADDED or ADD_FAILED follows */
    PAIR_REFRESH,   /* home: likewise */
    PAIR_DELETE,    /* home */
    PAIR_ANNOUNCE,  /* home: gratuitous ARP, unsolicited NA */
    PAIR_CONFIRM,   /* home: ask every witness in its name; CONFIRMED may follow */
    PAIR_ADVERTISE, /* home, priority; both families */
    PAIR_BEAT,      /* now: pair_beat() has its content */
    PAIR_PROBE,     /* ask every witness, and the partner's LAN address */
    PAIR_ASK,       /* a DNS query to the partner's own address; ASKED follows */
    PAIR_EMPTY,     /* home: QUEUE_EMPTY when no DNS thread has a query of it left */
    PAIR_NOTE,      /* home, was, is, reason: log and remember it, tell the worker */
    PAIR_ALARM,     /* home: a stranger claims it; reason is unused */
    PAIR_LEFT,      /* the partner holds all: the worker may go */
    PAIR_STAYED,    /* the partner cannot take over: nothing comes of leaving */
    PAIR_END,       /* the planned stop is over */
};

struct pair_action {
    enum pair_action_kind kind;
    uint8_t home;
    uint8_t priority;
    enum pair_state was, is;
    enum pair_reason reason;
};

struct pair_actions {
    size_t count;
    struct pair_action list[PAIR_ACTIONS_MAX];
};

/* now_us >= 0 is the start: the first claims are made one listening window later. */
void pair_init(struct pair *self, const struct pair_config *config, int64_t now_us);

/* Apply one event at now_us, not below the last, and overwrite *todo. Never fails. */
void pair_step(struct pair *self, int64_t now_us, const struct pair_event *event,
               struct pair_actions *todo);

int64_t pair_deadline_us(const struct pair *self);

/* What a beat sent at now_us says; its sender adds cluster, boot, sequence and echo. */
void pair_beat(const struct pair *self, int64_t now_us, struct beat *beat);

/* Whose addresses are these by right: the home's own node, or the one an order names. */
uint8_t pair_rightful(const struct pair *self, uint8_t home);
enum pair_fault pair_fault(const struct pair *self);
/* Is the partner's beat heard? */
bool pair_hears_beats(const struct pair *self, int64_t now_us);
/* And does it say that it could hold all addresses: fit, synced, and neither isolated nor about to
 * stop? */
bool pair_partner_is_able(const struct pair *self, int64_t now_us);

/* Is an address held that no witness has confirmed, though they were asked for
 * PAIR_ANNOUNCE_UNTIL_US? */
bool pair_is_unconfirmed(const struct pair *self, int64_t now_us);

const char *pair_state_word(enum pair_state state);
const char *pair_reason_word(enum pair_reason reason);
const char *pair_fault_word(enum pair_fault fault);

#endif
