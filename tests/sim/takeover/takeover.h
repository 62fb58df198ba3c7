/* tests/sim/takeover/takeover.h -- two guardians' cores, their kernels, workers, LAN and pair link,
 * in one process and in virtual time.
 *
 *   main.c      seeds, sums, --trace
 *   clock.c     what happens next
 *   host.c      a guardian as its shell composes it: sockets drained, cores stepped, actions done
 *   worker.c    the worker as its guardian sees it, and the gate and supervisor beside it
 *   kernel.c    leases, ARP and neighbour discovery; they go on while processes are frozen
 *   path.c      packets on their way: lost, doubled, late, out of order, cut
 *   client.c    clients with an ARP cache, who ask every address
 *   fault.c     what goes wrong, by the seed's dice; fault_do.c how
 *   stranger.c  forged and replayed beats, advertisements and claims, as bytes
 *   router.c    the same host with failover/vrrp.c in place of the pair
 *   oracle.c    what must hold, each a function with its promise; oracle_act.c of what is sent
 *   clause.c    which clause of the rules is at work
 *   opinion.c   the rules once more: what the pair does is compared with it, by oracle_rules.c
 *
 *            service LAN: advertisements, ARP and ND, queries, witnesses, agents
 *     ┌────────┬───────────┬───────────┬──────────┐
 *   ns1       ns2       clients    witnesses   a stranger
 *     └────────┘
 *     pair link: beats, tripwire, refused ports
 *
 * Everything follows from the seed. Nothing is allocated, and no step of time is taken in which
 * nothing happens. Authentic beats and advertisements travel as structs, in every sixteenth seed as
 * bytes; what strangers send always travels as bytes. Not here, but in tests/sim: the oracles of
 * facts and answers (digests, versions, merging, members that are down, messages that parse). */
#ifndef TANDEM_TESTS_SIM_TAKEOVER_TAKEOVER_H
#define TANDEM_TESTS_SIM_TAKEOVER_TAKEOVER_H

#include "failover/advertisement.h"
#include "failover/beat.h"
#include "failover/gate.h"
#include "failover/pair.h"
#include "failover/supervise.h"
#include "failover/vrrp.h"
#include "sim/takeover/opinion.h"
#include "sim/takeover/opinion_vrrp.h"

enum {
    NODES = PAIR_NODES,
    FAMILIES = 2,
    FAMILIES_ALL = 3, /* as bits */
    THREADS = 2,      /* of DNS, in each worker */
    WITNESSES_MAX = 2,
    AGENTS_MAX = 6,
    PACKETS_MAX = 8192, /* on their way and unread at once */
    QUEUE_MAX = 550,    /* datagrams in one socket: SOCKET_RECEIVE_BYTES, as rmem_max allows */
    RECORDINGS_MAX = 64,
    FAULTS_STANDING_MAX = 8,
    FAULTS_LEAST = 10, /* in each seed */
    MS = 1000,         /* in microseconds */
    SECOND = 1000000,
    TROUBLE_US = 60 * SECOND, /* of trouble in each seed */
    QUIET_US = 12 * SECOND,   /* and of quiet after it */
    LEASE_US_MIN = SECOND,    /* a lease of one second ends so long after its refresh */
    LEASE_US_MAX = 2600 * MS,
    LATE_INTERVALS = 5,
};

/* Who sends and receives on the LAN. */
enum place { NS1, NS2, CLIENTS, WITNESSES, STRANGER, PLACES, NOBODY = PLACES };

enum fault_kind {
    /* of paths */
    FAULT_LOSS,         /* a share of what passes between two places is lost, both ways */
    FAULT_ONE_WAY_LOSS, /* one way */
    FAULT_DELAY,        /* and so late that some of it comes after five intervals */
    FAULT_DUPLICATION,  /* a share comes twice */
    FAULT_REORDERING,   /* packets overtake each other */
    FAULT_LAN_CUT,      /* the nodes do not hear each other on the LAN */
    FAULT_PAIR_CUT,     /* nor on the pair link: this alone */
    FAULT_PARTITION,    /* neither here nor there */
    FAULT_ONE_WAY,      /* one node does not hear the other, on one or both */
    FAULT_SWIZZLE,      /* paths are cut one by one and healed in another order */
    FAULT_VRRP_BLOCKED, /* advertisements alone, one way or both */
    FAULT_DEAF,         /* nothing comes in from the LAN */
    FAULT_MUTE,         /* nothing goes out to it */
    FAULT_UNSENDABLE,   /* likewise, and the kernel says so of each frame */
    FAULT_CARRIER,      /* the LAN's cable is pulled, and the kernel says so */
    FAULT_WITNESS_DEAD, /* every witness */
    FAULT_QUIET_LAN,    /* no client sends a frame */
    FAULT_BUSY_LAN,     /* a flood: queues of queries are seldom empty */
    FAULT_AGENTS_CUT,   /* some agents and one node do not hear each other */
    /* of hosts */
    FAULT_KILL,      /* both processes of a node, by SIGKILL: the kernel closes what they had */
    FAULT_BOTH_KILL, /* of both nodes: both start anew without facts */
    FAULT_POWER,     /* a host is off: no kernel says anything */
    FAULT_FREEZE,    /* both processes, by SIGSTOP; the kernel answers ARP; they wake late */
    FAULT_BOTH_FREEZE,
    FAULT_STALL, /* a guardian alone sleeps for 20 to 400 ms */
    FAULT_BOTH_STALL,
    FAULT_WORKER_KILL,
    FAULT_BOTH_WORKERS_KILL,
    FAULT_WORKER_HANG,   /* one DNS thread, or all */
    FAULT_CONTROL_STALL, /* the control thread */
    FAULT_UNSYNCED,      /* a worker loses its facts and lives */
    FAULT_BOTH_UNSYNCED,
    /* of addresses */
    FAULT_ADD_FAILS,       /* the kernel refuses it */
    FAULT_ADDRESS_DELETED, /* by somebody else, on the holder */
    FAULT_FOREIGN_CLAIM,   /* a foreign host announces a service address, again and again */
    FAULT_REARP,           /* clients forget their caches, and ask anew every 20 ms */
    /* of operators */
    FAULT_HANDOVER,
    FAULT_HANDOVER_BACK,
    FAULT_STOP,    /* planned, of a node; it starts again */
    FAULT_UPGRADE, /* a worker is replaced, while the partner answers */
    FAULT_RESET,
    /* of strangers */
    FAULT_FORGED_BEATS,            /* another key, altered, of my own name, of another cluster */
    FAULT_REPLAYED_BEATS,          /* of either life of the partner */
    FAULT_FORGED_ADVERTISEMENTS,   /* from elsewhere, altered, of another VRID or TTL */
    FAULT_REPLAYED_ADVERTISEMENTS, /* from the partner's address, 0 or 200 or 255 */
    FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    int64_t until_us;
    uint8_t node;   /* or direction */
    uint8_t choice; /* by kind */
    uint32_t amount;
    int64_t next_us; /* of those that act again and again */
};

struct path {
    uint8_t cuts;         /* faults that cut it */
    uint16_t loss;        /* of 1000 */
    uint16_t duplication; /* of 1000 */
    uint32_t delay_us;    /* added, up to so much */
    bool reorders;
    int64_t last_us; /* arrival of the last packet: without reordering none comes before it */
};

enum packet_kind {
    PACKET_BEAT,
    PACKET_BEAT_BYTES,
    PACKET_REFUSED,  /* the partner's port is unreachable */
    PACKET_TRIPWIRE, /* is: up; else broken */
    PACKET_DIAL_REFUSED,
    PACKET_ADVERTISEMENT,
    PACKET_ADVERTISEMENT_BYTES,
    PACKET_ANNOUNCEMENT, /* home, families */
    PACKET_WHO_HAS,      /* home, families: broadcast by clients */
    PACKET_PROBE,        /* for the partner's own address, and for the witnesses': a frame */
    PACKET_REPLY,        /* to it; of both, is: in the name of a home */
    PACKET_ARP_ANSWER,   /* to WHO_HAS, by a kernel */
    PACKET_QUERY,        /* rule 4: to the partner's DNS */
    PACKET_ANSWER,
};

struct packet {
    uint8_t kind, from, to, ttl;
    bool is_double;                           /* comes twice: this is the second */
    uint8_t home, priority, families, source; /* source: whose address, ANNOUNCEMENT: whose MAC */
    bool is;
    uint32_t connection; /* TRIPWIRE: of which */
    uint16_t size;
    union {
        struct beat beat;
        uint8_t bytes[ADVERTISEMENT_SIZE_MAX];
    };
};

struct queue { /* of packets in a socket, by their index */
    uint16_t at, count;
    uint16_t packets[QUEUE_MAX];
};

struct lease {
    bool is_present;
    int64_t expires_us;
};

struct kernel {
    bool is_on;                              /* the host has power */
    struct lease leases[NODES][FAMILIES];    /* by home */
    bool is_expected[NODES], is_told[NODES]; /* as address_watch keeps them */
    bool carrier;
};

enum worker_life { WORKER_NONE, WORKER_STARTING, WORKER_ALIVE, WORKER_DEAD };

struct worker_model {
    enum worker_life life;
    int64_t at_us;      /* STARTING: ready; DEAD: reaped */
    int64_t death_us;   /* DEAD: when the page tells of it */
    bool is_death_told; /* the page told of it */
    bool is_hung[THREADS], is_control_stalled;
    bool is_synced;
    int64_t sync_us;    /* not synced before */
    int64_t silent_us;  /* the partner's worker was heard last */
    int64_t meeting_us; /* likewise first, without facts as well; 0: never */
    uint64_t answers[THREADS], progress, empties;
    int64_t hung_us; /* since; INT64_MAX: it does not hang */
};

enum process { PROCESS_DEAD, PROCESS_RUNS, PROCESS_SLEEPS };

struct host {
    uint8_t self;
    enum process process;
    bool is_frozen;     /* SLEEPS: the worker too */
    int64_t restart_us; /* DEAD: until */
    int64_t wake_us;    /* RUNS: its next turn; SLEEPS: its end */
    int64_t started_us;
    struct kernel kernel;
    struct worker_model worker;
    /* the guardian */
    struct supervise supervise;
    struct gate gate;
    struct pair pair;
    struct pair_home beyond; /* what follows the pair's homes: neither read nor written */
    struct opinion opinion;  /* of the oracle */
    struct vrrp routers[NODES][FAMILIES];
    struct opinion_vrrp elections[NODES][FAMILIES]; /* of the oracle */
    int64_t router_refresh_us, router_echo_us;
    int64_t router_claimed_us[NODES][FAMILIES], router_announce_us[NODES][FAMILIES];
    uint8_t router_announcements[NODES][FAMILIES];
    struct beat_memory memory;
    uint64_t boot, sequence;
    struct queue beats, vrrp, neighbours, tripwire, answers;
    int64_t deadline_us;      /* of the pair, as told last */
    int64_t upgrade_us;       /* asked for again, not before */
    int64_t learn_us, tap_us; /* tap_us: when a client's frame comes in next */
    uint64_t nonce;           /* of the round of probes under way */
    bool knows_mac, is_asking, is_stop_asked, is_carrier_told, has_left, is_over;
    bool is_hanging, is_fit, is_synced, was_synced; /* as in failover/guardian.h */
    uint8_t emptying, upgrades_asked;
    bool empties_anew;
    uint64_t empties;
    struct beat_handover disk[NODES]; /* orders, as the worker keeps them */
    struct beat_handover told[NODES];
    uint32_t connection; /* the tripwire's, as this end knows it; 0: none */
    bool adds_fail, sends_fail;
    bool has_sent, has_not_sent; /* as in failover/partner.h */
    bool is_prompt, is_warm; /* its next worker is ready soon; and finds its facts on its disk */
    uint16_t agents_fresh, agents_lost;
    bool is_draining; /* of the oracle: it woke late, and nothing may be sent */
    int64_t died_us;  /* or fell asleep */
    /* of the oracles */
    int64_t able_us, sound_us;   /* able since; fit and synced since; INT64_MAX: not */
    int64_t deaf_us;             /* nothing comes in from the LAN since; INT64_MAX: it does */
    int64_t woke_us, listens_us; /* it woke last; nothing may be announced before */
    int64_t yielded_us[NODES];
    int64_t homecoming_us, hold_us;  /* its home's last return, and its hold as damping has it */
    uint32_t clauses;                /* as sampled last */
    enum pair_event_kind told_event; /* last */
    bool is_reset_asked;
};

struct client_entry {
    uint8_t place;       /* of the MAC; NOBODY: none */
    int64_t locked_us;   /* until then an ARP answer does not replace it */
    int64_t answered_us; /* last */
    int64_t rearp_us;    /* when to ask again, if nothing is answered */
};

enum oracle_kind {
    ORACLE_ANSWERED,  /* while a node is able, every address is answered within the bound */
    ORACLE_OVERLAP,   /* two holders only while they cannot hear each other */
    ORACLE_MOVES,     /* role changes are bounded by the faults */
    ORACLE_STEADY,    /* I2: quiet means exactly one holder, of both families */
    ORACLE_STILL,     /* nothing moves without a fault, whatever strangers send */
    ORACLE_FIT,       /* I3: who advertises above priority 0 passes its gate */
    ORACLE_ANNOUNCES, /* I6: who announces holds it */
    ORACLE_ISOLATED,  /* and is not isolated, nor listening after it */
    ORACLE_WAKING,    /* who woke late sends nothing before its sockets are empty */
    ORACLE_BREAKS,    /* a planned move makes before it breaks */
    ORACLE_LEASE,     /* a dead or frozen node's kernel holds nothing after 2.6 s */
    ORACLE_HOME,      /* after quiet each address is home */
    ORACLE_ORDER,     /* or where the order that stands says */
    ORACLE_DAMPING,   /* who lost its home soon after its return waits twice as long */
    ORACLE_DEAF,      /* who hears nothing takes nothing by silence */
    ORACLE_UNSYNCED,  /* who has no facts takes nothing from one who has */
    ORACLE_OPINION,   /* each action is what the rules, read once more, ask for */
    ORACLE_BOUNDS,    /* nothing is written beyond a pair's homes */
    ORACLE_KINDS
};

/* Clauses of the rules that are told apart by what happened, beyond the reasons of the moves. */
enum clause {
    CLAUSE_PROBED,     /* reception: witnesses were asked */
    CLAUSE_NO_CARRIER, /* isolated */
    CLAUSE_NO_FRAME,
    CLAUSE_NO_REPLY,
    CLAUSE_NO_SEND,
    CLAUSE_GOODBYE_KEPT,     /* 1: who said goodbye keeps the address */
    CLAUSE_UNFIT_TAKES_NONE, /* 1: only a fit node takes */
    CLAUSE_UNPROVEN,         /* 2: both silent, and no frame came: held back */
    CLAUSE_DOUBT_HELD,       /* 3: held, as the partner has a witness or nobody says it is lost */
    CLAUSE_BEATS_SILENT,     /* 4: nothing moves */
    CLAUSE_ASKED,            /* 4: the partner's DNS */
    CLAUSE_ASK_ANSWERED,     /* 4: and it answered */
    CLAUSE_ISOLATED_KEPT,    /* 5: isolated, it keeps what it holds */
    CLAUSE_LISTENED,         /* 5: reception returned, one window of listening */
    CLAUSE_SECOND_WINDOW,    /* 6: the one not rightful claims after two windows */
    CLAUSE_FIRST_WINDOW,     /* 6: or after one, for the rightful is worse */
    CLAUSE_UNSYNCED_WAITS,   /* 6: unsynced claims nothing beside one that is synced */
    CLAUSE_KEPT_FOR_ME,      /* 6: home at once, for the holder never heard it held */
    CLAUSE_DAMPED,           /* 6: the hold doubled */
    CLAUSE_QUEUE_WAITED,     /* 6: the holder waited for its queues */
    CLAUSE_QUEUE_TIMEOUT,    /* 6: for as long as it does */
    CLAUSE_WOKE_KEPT,        /* 7: woke late, and keeps what the partner does not hold */
    CLAUSE_BY_FIT,           /* 8: two holders, decided by fit, */
    CLAUSE_BY_SYNCED,        /* 8: by synced, */
    CLAUSE_BY_RIGHT,         /* 8: by right */
    CLAUSE_DEFENDED,         /* 8: the better one announced against the other */
    CLAUSE_WHO_HAS,          /* 8: who-has answered by an announcement */
    CLAUSE_CONFIRMED,        /* 9: by a witness */
    CLAUSE_UNCONFIRMED,      /* 9: by none for five seconds */
    CLAUSE_REASSERTED,       /* deleted by somebody else, and added again */
    CLAUSE_FOREIGN_DEFERRED, /* a stranger has it: not claimed at first */
    CLAUSES
};

struct sums {
    uint64_t faults[FAULT_KINDS], checks[ORACLE_KINDS], reasons[PAIR_REASONS], clauses[CLAUSES];
    uint64_t router_reasons[VRRP_ADD_FAILED + 1];
    uint64_t beat_refusals[BEAT_REFUSALS], advertisement_refusals[ADVERTISEMENT_REFUSALS];
    uint64_t turns, packets, asks, answered;
    int64_t longest_us[FAULT_KINDS]; /* unanswered after it, while a node was able */
};
extern struct sums sums;

struct timer { /* of the heap */
    int64_t due_us;
    uint32_t order;
    uint16_t packet;
};

struct takeover {
    uint64_t seed, dice;
    bool is_traced;
    bool travels_as_bytes, are_routers, is_lan_quiet, is_lan_busy, has_witness;
    bool are_equal, are_patient; /* routers: of one priority; they do not preempt */
    bool is_alone;               /* a cluster of one: ns2 is none */
    bool has_opinion;            /* it takes a third of a seed's time: every other has it */
    bool is_resetting;           /* at the end of trouble damping is cleared */
    uint8_t witness_count, witnesses_dead; /* dead: faults standing */
    uint8_t agent_count;
    uint8_t agents_cut[NODES]; /* so many do not hear it */
    int64_t now_us, interval_us, flap_us, hold_us_max;
    int64_t busy_since_us; /* or no longer busy */
    int64_t busy_empty_us; /* busy: between two moments at which a thread has no query */
    struct host hosts[NODES];
    struct path pair_link[NODES];    /* by sender */
    struct path lan[PLACES][PLACES]; /* by sender and receiver */
    uint8_t vrrp_cuts[NODES];        /* by sender */
    struct client_entry entries[NODES][FAMILIES];
    int64_t ask_us, check_us, dial_us, agents_us, next_fault_us, throw_us, tick_us;
    uint32_t connections;    /* of the tripwire, so far */
    uint32_t closing[NODES]; /* whose end the kernel still says; 0: none */
    struct fault standing[FAULTS_STANDING_MAX];
    uint8_t standing_count;
    uint32_t fault_total;
    int64_t changed_us;   /* the last begin or end of a fault that is not a stranger's */
    int64_t disturbed_us; /* likewise; and the end of what it may still lead to */
    enum fault_kind changed_by;
    bool is_single;                  /* it came out of a calm, and nothing else since */
    uint32_t claims;                 /* moves from backup to active */
    uint32_t orders;                 /* versions of handovers given */
    int64_t two_us[NODES];           /* two holders that hear each other since; INT64_MAX: not so */
    int64_t one_us[NODES][FAMILIES]; /* less than two holders in the kernels, last */
    int64_t apart_us;                /* were so last */
    int64_t strangers_us[NODES];     /* a stranger had it, and was not robbed, last */
    int64_t forged_us;               /* somebody on the LAN spoke for the partner, last */
    bool are_apart;                  /* they did not hear each other, and have not since */
    uint32_t recorded, heard;
    char failure[400]; /* the first broken promise, or "" */
    uint16_t free_count, heap_count;
    uint32_t order;
    /* What follows is not cleared for each seed. */
    struct packet recordings[RECORDINGS_MAX];
    struct packet packets[PACKETS_MAX];
    uint16_t free[PACKETS_MAX];
    struct timer heap[PACKETS_MAX];
};

/* What host.beyond is: were it read as a home, it would be seen. */
extern const struct pair_home host_beyond;
extern const uint8_t takeover_key[BEAT_KEY_SIZE];
extern const uint8_t takeover_vrid[NODES];

/* main.c */
uint64_t takeover_dice(struct takeover *self, uint64_t sides);
/* least <= drawn < most */
int64_t takeover_draw(struct takeover *self, int64_t least, int64_t most);
__attribute__((format(printf, 2, 3))) void takeover_trace(const struct takeover *self,
                                                          const char *format, ...);
/* One check; unless it holds, the oracle's promise is broken, and the seed fails. */
#define takeover_check(self, oracle, holds, ...)                                                   \
    do {                                                                                           \
        sums.checks[oracle]++;                                                                     \
        if (!(holds))                                                                              \
            takeover_broken(self, oracle, __VA_ARGS__);                                            \
    } while (0)
__attribute__((format(printf, 3, 4))) void
takeover_broken(struct takeover *self, enum oracle_kind oracle, const char *format, ...);

/* clock.c */
void clock_push(struct takeover *self, int64_t due_us, uint16_t packet);
uint16_t clock_pop(struct takeover *self);
/* Until so long; false when a promise was broken. */
bool clock_run(struct takeover *self, int64_t until_us);

/* path.c */
void path_open(struct takeover *self);
/* Send on the pair link, or on the LAN; NULL when it is lost at once, of every family. */
struct packet *path_pair(struct takeover *self, uint8_t from, enum packet_kind kind);
struct packet *path_lan(struct takeover *self, uint8_t from, uint8_t to, enum packet_kind kind,
                        uint8_t families);
bool path_is_open(const struct takeover *self, uint8_t from, uint8_t to);
/* Neither cut nor worse: what is sent arrives, soon. */
bool path_is_clean(const struct path *path);
struct packet *path_take(struct takeover *self);
void path_free(struct takeover *self, uint16_t packet);
uint16_t path_index(const struct takeover *self, const struct packet *packet);

/* kernel.c */
bool kernel_holds(const struct takeover *self, const struct host *host, uint8_t home,
                  uint8_t family);
bool kernel_lease(struct takeover *self, struct host *host, uint8_t home);
void kernel_release(struct host *host, uint8_t home);
void kernel_start(struct host *host);
void kernel_arrives(struct takeover *self, uint16_t packet);
void kernel_carrier(struct takeover *self, struct host *host, bool is_up);
/* The processes ended by a signal: what they had is closed. */
void kernel_close_all(struct takeover *self, struct host *host);
bool kernel_has_news(const struct takeover *self, const struct host *host);
void kernel_dial(struct takeover *self);

/* host.c */
void host_start(struct takeover *self, struct host *host);
void host_turn(struct takeover *self, struct host *host);
void host_wake_by(const struct takeover *self, struct host *host, int64_t at_us);
void host_kill(struct takeover *self, struct host *host, int64_t restart_us, bool keeps_power);
void host_exit(struct takeover *self, struct host *host);
void host_sleep(struct takeover *self, struct host *host, int64_t until_us, bool is_frozen);
void host_tell(struct takeover *self, struct host *host, const struct pair_event *event);
void host_happens(struct takeover *self, struct host *host, enum pair_event_kind kind,
                  uint8_t home);
void host_send_advertisement(struct takeover *self, struct host *host, uint8_t home,
                             uint8_t families, uint8_t priority);
void host_announce(struct takeover *self, struct host *host, uint8_t home, uint8_t families);
struct ip host_address(uint8_t place, uint8_t family);
struct ip host_home(uint8_t home, uint8_t family);

/* host_read.c */
void host_read(struct takeover *self, struct host *host, bool is_late);

/* worker.c */
void worker_start(struct host *host);
void worker_turn(struct takeover *self, struct host *host);
int64_t worker_deadline_us(const struct host *host);
void worker_kill(struct takeover *self, struct host *host);
void worker_dispatch(struct takeover *self, struct host *host, enum supervise_event_kind kind,
                     enum supervise_reason reason);
/* Answers a query now. */
bool worker_answers(const struct host *host);
void worker_judge(struct takeover *self, struct host *host);
/* Was every thread of a worker that answers seen without a query since then? */
bool worker_was_empty(const struct takeover *self, int64_t since_us);
uint64_t worker_empties(const struct takeover *self, struct host *host);
void worker_tick(struct takeover *self);

/* router.c */
void router_start(struct takeover *self, struct host *host);
void router_turn(struct takeover *self, struct host *host, bool is_late);
int64_t router_deadline_us(const struct host *host);
void router_hears(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                  uint8_t priority, uint16_t interval_cs);
void router_fit(struct takeover *self, struct host *host, bool is_fit);
void router_stop(struct takeover *self, struct host *host);
void router_lost(struct takeover *self, struct host *host, uint8_t home);

/* client.c */
void client_open(struct takeover *self);
void client_ask(struct takeover *self);
void client_arrives(struct takeover *self, const struct packet *packet);
void client_rearp(struct takeover *self);

/* fault.c, fault_do.c */
const char *fault_text(enum fault_kind kind);
bool fault_is_strange(enum fault_kind kind);
/* How long this fault alone may leave an address unanswered; INT64_MAX: no bound of its own. */
int64_t fault_bound_us(const struct takeover *self, enum fault_kind kind);
const struct fault *fault_find(const struct takeover *self, enum fault_kind kind);
void fault_step(struct takeover *self);
void fault_heal(struct takeover *self);
bool fault_begin(struct takeover *self, struct fault *fault);
void fault_end(struct takeover *self, struct fault *fault);
void fault_again(struct takeover *self, struct fault *fault);

/* stranger.c */
void stranger_record(struct takeover *self, const struct packet *packet);
void stranger_act(struct takeover *self, const struct fault *fault);

/* oracle.c, oracle_act.c */
const char *oracle_text(enum oracle_kind kind);

void oracle_check(struct takeover *self);
void oracle_end(struct takeover *self);
bool oracle_is_able(const struct takeover *self, const struct host *host);
bool oracle_holds(const struct takeover *self, const struct host *host, uint8_t home,
                  uint8_t family);
/* A machine of vrrp.h was told this, and is about to do that. */
void oracle_elects(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                   const struct vrrp_event *event, const struct vrrp_actions *todo);
/* Of these, one after the other. */
void oracle_router(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                   const struct vrrp_action *action);
/* An event was told: what it changed of reception. */
void oracle_told(struct takeover *self, struct host *host, bool was_isolated);
/* And what was done by it; what a beat says; and when the pair wants to be told next. */
void oracle_agrees(struct takeover *self, struct host *host, const struct pair_event *event,
                   const struct pair_actions *todo);
void oracle_says(struct takeover *self, struct host *host, const struct beat *beat);
void oracle_wakes(struct takeover *self, struct host *host, int64_t deadline_us);
void oracle_act(struct takeover *self, struct host *host, const struct pair_action *action);

/* clause.c */
const char *clause_text(enum clause clause);
void clause_sample(struct takeover *self, struct host *host);

#endif
