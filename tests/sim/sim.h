/* tests/sim/sim.h -- two workers' cores, agents and a network, in one process and in virtual time.
 *
 *   main.c      seeds, sums, --trace
 *   network.c   connections, and frames on their way: lost, doubled, late, out of order, cut
 *   hosts.c     nodes and agents: start, crash, stall, step
 *   faults.c    what goes wrong, by the seed's dice; operators' orders among it
 *   answers.c   clients ask; what must hold of each answer
 *   talk.c      what nodes say to each other: a model of its order and time
 *   reports.c   what agents are answered, and what no peer may say
 *   oracles.c   what else must hold, each a function with its promise
 *
 * Everything that happens follows from the seed: time goes in steps of a millisecond, the hosts in
 * a fixed order, and no address or clock of the real machine is looked at. What crosses the network
 * is bytes: every frame is encoded and decoded as in the product, every answer is a DNS message
 * that ldns must parse. */
#ifndef TANDEM_TESTS_SIM_SIM_H
#define TANDEM_TESTS_SIM_SIM_H

#include "health/agent/reporter.h"
#include "next/next.h"
#include "node/dns/answer.h"
#include "node/node.h"

enum {
    SIM_NODES = 2,
    SIM_AGENTS_MAX = 8,
    SIM_CONNECTIONS_MAX = 1 + SIM_NODES * SIM_AGENTS_MAX,
    SIM_FRAMES_MAX = 8192, /* on their way at once */
    SIM_MS = 60000,        /* of trouble in each seed; then SIM_QUIET_MS of quiet */
    SIM_QUIET_MS = 6000,
    SIM_FAULTS_LEAST = 10, /* in each seed, orders not counted */
    SIM_ORDERS_MAX = 256,
    SIM_DISK_MAX = 1024, /* records on a node's disk */
    SIM_HISTORY = 900,   /* of them orders of former times, in one seed of SIM_HISTORY_SEEDS */
    SIM_HISTORY_SEEDS = 16,
    SIM_RANKED_COUNTER_MAX = (1 << 23) - 1, /* of orders: a rank tells no later ones apart */
    SIM_CUTS_MAX = 8,                       /* snapshots cut short in such a seed */
};

/* ---- faults ---- */

enum sim_fault_kind {
    /* of a path, or of all at once */
    SIM_LOSS,        /* a share of the frames is lost */
    SIM_DELAY,       /* frames take up to 300 ms longer */
    SIM_DUPLICATION, /* a share of the frames comes twice */
    SIM_REORDERING,  /* frames overtake each other */
    SIM_ONE_WAY,     /* one end does not hear the other */
    /* of the network */
    SIM_PARTITION,  /* the nodes do not hear each other */
    SIM_AGENT_CUT,  /* an agent and one node do not hear each other */
    SIM_AGENT_LOST, /* an agent and both nodes */
    SIM_NODE_DEAF,  /* a node and all agents; in half of all cases also its partner */
    /* of hosts */
    SIM_NODE_CRASH,   /* memory lost, disk kept but for the end of what was not yet synced */
    SIM_BOTH_CRASH,   /* both nodes */
    SIM_NODE_STALL,   /* a node does nothing, then wakes late; in half of all cases its timers
                         come before what waited to be read */
    SIM_AGENT_CRASH,  /* an agent starts anew */
    SIM_PORT_CLOSED,  /* a server's service does not listen */
    SIM_DISK_FAILURE, /* a node cannot store orders */
    SIM_ORDER,        /* an operator drains, undrains or sets the group */
    SIM_FAULTS
};

struct sim_fault {
    enum sim_fault_kind kind;
    int64_t since_ms, until_ms;
    size_t subject; /* node, agent, or connection (SIZE_MAX: all), by kind */
    size_t other;   /* node, port's position, direction, or with the partner, by kind */
};

/* ---- talk ---- */

enum {
    SIM_GREETED_MS = 700, /* so long without a fault, and the nodes know each other */
    SIM_CALM_MS = 3000,   /* ... and what was on its way from before has come */
};

/* What a node has heard from its partner and said to it in this life; times are due or were. */
struct sim_talk {
    bool is_link_up, is_greeted, is_answered;
    uint64_t boot, least; /* of the partner; what its incarnation must be at least */
    int64_t start_ms, heard_ms, hello_ms, delta_due_ms, versions_due_ms;
    int64_t begun_ms;    /* the snapshot; INT64_MIN: none in the partner's life */
    int64_t progress_ms; /* of the snapshot that comes in, or when it was asked for */
    bool is_snapshot_out, is_walking, has_gap;
    uint64_t next_out, acked, next_in; /* chunks */
    uint64_t walk_chunk;
    size_t walked; /* records, by the VERSIONS under way */
    struct sim_hearing {
        bool is_greeted;
        uint64_t boot, least;
        struct record_version said;
    } agents[SIM_AGENTS_MAX];
};

/* One step of a node's replica: what came, what was before, and what is said. */
struct sim_step {
    size_t number;
    enum node_event_type type;
    size_t peer;
    const struct message *heard; /* NULL: nothing */
    const struct replica *replica;
    const struct replica_update *said;
    struct sim_talk *talk;
    enum replica_sync was;
    uint64_t was_incarnation, was_sequence, was_change, was_digest,
        was_counted[REPLICA_REASON_COUNT];
    bool was_behind, is_new_life, can_tell;
};

/* ---- hosts ---- */

struct sim_node {
    bool alive, stalled;
    int64_t restart_ms; /* when dead: alive again */
    int64_t clean_ms;   /* alive and awake since */
    int64_t due_ms;     /* of its deadline */
    int64_t skew_ms;    /* by which its wall clock is wrong */
    int64_t clock_ms;   /* when it is told of that clock next */
    int64_t slept_ms;   /* at the begin of its last stall */
    int64_t woke_ms;    /* at its end; INT64_MIN: none in this life */
    uint32_t up_before; /* members of the first pool that were up when it began: bits */
    uint64_t lives;
    struct node node;
    struct sim_talk talk;
    const struct view *view;
    struct record disk[SIM_DISK_MAX];
    size_t disk_count;
    struct record warm[SIM_AGENTS_MAX]; /* the reports, as of warm_ms */
    size_t warm_count;
    int64_t warm_ms;
    int64_t read_ms; /* when it reads the document anew next */
    unsigned reads;
    struct sim_write { /* an order on its way to the disk */
        struct record record;
        uint64_t ticket;
        int64_t due_ms;
    } writes[SIM_DISK_MAX];
    size_t write_count;
    struct record_version *seen; /* by table position: for the oracle */
    size_t seen_count;
};

enum { SIM_PORTS = 2 }; /* 1755 of pool stream, 80 of pool web */

struct sim_agent {
    bool alive;
    int64_t restart_ms;
    struct reporter reporter;
    int64_t sample_due_ms, due_ms; /* due_ms: of its deadline */
    uint32_t sockets;
    struct sim_port {
        bool listening;
        int64_t since_ms;
    } ports[SIM_PORTS];
    int64_t alive_since_ms; /* or dead since */
    /* A report whose arrival the oracle waits for. */
    bool awaits;
    struct record_version awaited;
    int64_t told_ms;
};

enum {
    SIM_WALL_MS = 1000000000, /* what every right wall clock says at the begin */
    SIM_SKEW_MS = 1000,       /* by which one is wrong, at most */
};

/* An order that was answered with "done": it must survive. */
struct sim_order {
    uint64_t ticket;
    size_t node, server; /* server: of a drain; SIZE_MAX: the group */
    struct record_key key;
    struct record_version version;
    bool draining, done;
    int64_t given_ms, done_ms;
    int64_t until_ms; /* of virtual time; INT64_MAX: it has no end */
};

/* ---- network ---- */

struct sim_connection {
    int dialler;     /* node number, or SIM_NODES + agent */
    size_t listener; /* node number */
    bool up;
    int64_t change_due_ms;  /* INT64_MAX: no change under way */
    uint64_t epoch;         /* one more for each time it is up: old frames are dropped */
    uint32_t weather;       /* faults standing on it: 1 << kind, the first four */
    bool is_open[2];        /* can be crossed: [0] towards the dialler, [1] the listener */
    bool is_dead;           /* an end is */
    bool is_whole;          /* nothing keeps it from being up */
    int64_t sound_since_ms; /* up, open, no weather; INT64_MAX: not so */
    int64_t clean_since_ms; /* up, open, no weather, both ends awake; INT64_MAX: not so */
};

struct sim_frame {
    int64_t due_ms;
    uint64_t order; /* of sending: for frames due at once */
    size_t connection;
    bool to_listener;
    uint64_t epoch;
    uint32_t size;
    uint8_t *bytes; /* malloc'd */
};

struct sim {
    uint64_t seed, dice;
    bool trace;
    int64_t now_ms;
    struct document document;
    struct document empty; /* the same, but that its pools have no servers */
    size_t agent_count, connection_count;
    struct sim_node nodes[SIM_NODES];
    struct sim_agent agents[SIM_AGENTS_MAX];
    struct sim_connection connections[SIM_CONNECTIONS_MAX];
    struct sim_frame frames[SIM_FRAMES_MAX]; /* a heap by due_ms, order */
    size_t frame_count;
    uint64_t frame_order;
    struct sim_fault faults[8]; /* standing */
    size_t fault_count, fault_total, cuts;
    bool weather_changed; /* a fault began or ended, a host died, woke or came */
    int64_t next_fault_ms, next_order_ms, next_ask_ms, next_check_ms, next_misspoken_ms;
    uint64_t other_dice; /* of what must leave the seed's schedule as it is */
    uint64_t check_count;
    bool digests_met; /* equal at some moment at the end of the quiet */
    struct sim_order orders[SIM_ORDERS_MAX];
    size_t order_count;
    uint64_t last_ticket;
    struct pack_space space;
    struct sim_room { /* taken once, for all seeds and lives */
        char *text;   /* of the document */
        void *document, *nodes[SIM_NODES], *plans[SIM_NODES][2];
        struct node_update *update;
        struct reporter_update *reporter_update;
        struct message *message;
    } room;
    char failure[400]; /* the first broken promise, or "" */
};

/* What must hold; each is a function in answers.c or oracles.c. */
enum sim_oracle {
    SIM_PARSES,      /* an answer parses by ldns */
    SIM_READY,       /* a node without its snapshot names nobody */
    SIM_EMPTY,       /* nor one whose pools have no servers */
    SIM_FIT,         /* who is named is fit by the facts that the node holds */
    SIM_LAST_RESORT, /* ... or else nobody is */
    SIM_FREEZE,      /* a deaf node keeps answering */
    SIM_STALL,       /* a stall of the node is not held against servers */
    SIM_CLOSED,      /* the truth arrives: a closed port, */
    SIM_SILENT,      /* a dead agent, */
    SIM_DRAINED,     /* and an order */
    SIM_RELAYED,     /* a report reaches also the node that its agent cannot reach */
    SIM_VERSIONS,    /* a record's version never goes back */
    SIM_ROOM,        /* a table never exceeds its capacity */
    SIM_IN_FORCE,    /* the order that stands in the table is the one obeyed */
    SIM_ENDS,        /* and none does long after its time */
    SIM_DIGESTS,     /* quiet makes both tables equal */
    SIM_SURVIVES,    /* an order answered with "done" is on both nodes */
    SIM_ONE_WINNER,  /* of orders in conflict the same stands on both */
    SIM_WHOLE,       /* after the quiet every verdict is the truth */
    SIM_NEXT,        /* what the next version alone knows is counted; this one says none of it */
    SIM_GREETED,     /* nodes greet when they can, */
    SIM_ALONE,       /* do not wait for a partner that is silent, and wait for one that is not, */
    SIM_TELLS,       /* tell everything in time, */
    SIM_SPARING,     /* and nothing too often or to the wrong peer; */
    SIM_ANSWERS,     /* each message is answered as it must be */
    SIM_REFUSED,     /* what no peer may say is refused, and changes nothing */
    SIM_ORACLES
};

/* What happened over all seeds. */
struct sim_sums {
    uint64_t faults[SIM_FAULTS], checks[SIM_ORACLES];
    uint64_t answers, last_resort, not_ready, frames, relays, orders_done;
};
extern struct sim_sums sim_sums;

/* main.c */
uint64_t sim_dice(struct sim *self, uint64_t sides);
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim *self, const char *format,
                                                     ...);
/* One check of the oracle; unless holds, its promise is broken, and the seed fails. */
__attribute__((format(printf, 4, 5))) void sim_check(struct sim *self, enum sim_oracle oracle,
                                                     bool holds, const char *format, ...);

/* network.c */
void sim_network_open(struct sim *self);
void sim_network_close(struct sim *self);
/* A new life of the host begins: it has none of the connections of the last. */
void sim_network_break(struct sim *self, int host);
/* Deliver what is due, let connections come and go. */
void sim_network_step(struct sim *self);
/* Does this host (a node, or SIM_NODES + agent) speak as the next version? */
bool sim_is_next(const struct sim *self, int host);
void sim_send(struct sim *self, size_t connection, bool to_listener, const struct message *message);
/* The connection between an agent and a node, and that between the nodes. */
size_t sim_agent_connection(const struct sim *self, size_t agent, size_t node);
enum { SIM_PARTNER_CONNECTION = 0 };
/* Nothing has been wrong with the connection, both ends included, for the last ms. */
bool sim_is_clean(const struct sim *self, size_t connection, int64_t ms);

/* hosts.c */
void sim_room_take(struct sim_room *self);
void sim_room_leave(struct sim_room *self);
void sim_hosts_open(struct sim *self);
void sim_hosts_close(struct sim *self);
void sim_hosts_step(struct sim *self);
void sim_node_crash(struct sim *self, size_t node, int64_t restart_ms);
void sim_agent_crash(struct sim *self, size_t agent, int64_t restart_ms);
void sim_node_event(struct sim *self, size_t node, const struct node_event *event);
void sim_agent_event(struct sim *self, size_t agent, const struct reporter_event *event);
bool sim_is_dead(const struct sim *self, int host);
bool sim_is_awake(const struct sim *self, int host);
/* Does a node begin with SIM_HISTORY orders on its disk? */
bool sim_has_history(const struct sim *self);

/* faults.c */
const char *sim_fault_text(enum sim_fault_kind kind);
void sim_faults_step(struct sim *self);
/* The standing fault of that kind and subject, or NULL. */
const struct sim_fault *sim_find_fault(const struct sim *self, enum sim_fault_kind kind,
                                       size_t subject);

/* answers.c */
void sim_answers_step(struct sim *self);
/* The order on this record in the node's table; false when there is none. */
bool sim_find_order(struct sim *self, size_t node, enum order_verb verb, const char *subject,
                    struct order *order);

/* talk.c */
void sim_talk_judge(struct sim *self, struct sim_step *step);
/* Is the record the node's own: of its name, or of that, a slash and more? */
bool sim_is_of_node(const struct sim *self, const struct record_key *key, size_t number);

/* reports.c */
void sim_reports_judge(struct sim *self, struct sim_step *step);
/* A peer says what it may not. */
void sim_misspoken_step(struct sim *self);

/* oracles.c */
const char *sim_oracle_text(enum sim_oracle oracle);
void sim_oracles_step(struct sim *self);
/* After the quiet: everything is whole again. */
void sim_oracles_end(struct sim *self);

#endif
