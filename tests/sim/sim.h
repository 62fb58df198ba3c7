/* tests/sim/sim.h -- two workers' cores, agents and a network, in one process and in virtual time.
 *
 *   main.c      seeds, sums, --trace
 *   network.c   connections, and frames on their way: lost, doubled, late, out of order, cut
 *   hosts.c     nodes and agents: start, crash, stall, step
 *   faults.c    what goes wrong, by the seed's dice; operators' orders among it
 *   oracles.c   what must hold, each a function with its promise
 *
 * Everything that happens follows from the seed: time goes in steps of a millisecond, the hosts in
 * a fixed order, and no address or clock of the real machine is looked at. What crosses the network
 * is bytes: every frame is encoded and decoded as in the product, every answer is a DNS message
 * that ldns must parse. */
#ifndef TANDEM_TESTS_SIM_SIM_H
#define TANDEM_TESTS_SIM_SIM_H

#include "health/agent/reporter.h"
#include "node/dns/answer.h"
#include "node/node.h"

enum {
    SIM_NODES = 2,
    SIM_AGENTS_MAX = 6,
    SIM_CONNECTIONS_MAX = 1 + SIM_NODES * SIM_AGENTS_MAX,
    SIM_FRAMES_MAX = 8192, /* on their way at once */
    SIM_MS = 60000,        /* of trouble in each seed; then SIM_QUIET_MS of quiet */
    SIM_QUIET_MS = 8000,
    SIM_ORDERS_MAX = 256,
    SIM_DISK_MAX = 1024, /* records on a node's disk */
};

/* ---- faults ---- */

enum sim_fault_kind {
    SIM_LOSS,         /* a share of all frames is lost */
    SIM_DELAY,        /* frames take up to 300 ms longer */
    SIM_DUPLICATION,  /* a share of all frames comes twice */
    SIM_REORDERING,   /* frames overtake each other */
    SIM_PARTITION,    /* the nodes do not hear each other */
    SIM_ONE_WAY,      /* one node does not hear the other */
    SIM_AGENT_CUT,    /* an agent and one node do not hear each other */
    SIM_AGENT_LOST,   /* an agent and both nodes */
    SIM_NODE_CRASH,   /* memory lost, disk kept */
    SIM_BOTH_CRASH,   /* both nodes */
    SIM_NODE_STALL,   /* a node does nothing, then wakes late */
    SIM_AGENT_CRASH,  /* an agent starts anew */
    SIM_PORT_CLOSED,  /* a server's service does not listen */
    SIM_ORDER,        /* an operator drains, undrains or sets the group */
    SIM_DISK_FAILURE, /* a node cannot store orders */
    SIM_FAULTS
};

struct sim_fault {
    enum sim_fault_kind kind;
    int64_t until_ms;
    size_t subject, other; /* node or agent, by kind */
};

/* ---- hosts ---- */

struct sim_node {
    bool alive, stalled;
    int64_t restart_ms; /* when dead: alive again */
    int64_t clean_ms;   /* alive, awake and its disk well since */
    uint64_t lives;
    struct node node;
    void *memory; /* of node, view and all */
    size_t memory_size;
    const struct view *view;
    struct pool **pools;
    struct record disk[SIM_DISK_MAX];
    size_t disk_count;
    struct sim_write { /* an order on its way to the disk */
        struct record record;
        uint64_t ticket;
        int64_t due_ms;
    } writes[64];
    size_t write_count;
    struct record_version *seen; /* by table position: for the oracle */
    size_t seen_count;
};

struct sim_agent {
    bool alive;
    int64_t restart_ms;
    struct reporter reporter;
    int64_t sample_due_ms;
    uint32_t sockets;
    bool listening;
    int64_t listening_since_ms, alive_since_ms; /* of the present state */
    int64_t
        clean_ms[SIM_NODES]; /* its connection to the node has been whole since; INT64_MAX: not */
};

/* An order that was answered with "done": it must survive. */
struct sim_order {
    uint64_t ticket;
    size_t node, server; /* server: of a drain; SIZE_MAX: the group */
    struct record_key key;
    struct record_version version;
    bool draining, done;
    int64_t done_ms;
};

/* ---- network ---- */

struct sim_connection {
    int dialler;     /* node number, or SIM_NODES + agent */
    size_t listener; /* node number */
    bool up;
    int64_t change_due_ms; /* INT64_MAX: no change under way */
    uint64_t epoch;        /* one more for each time it is up: old frames are dropped */
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
    char *text; /* of the document */
    struct document document;
    void *document_memory;
    size_t agent_count, connection_count;
    struct sim_node nodes[SIM_NODES];
    struct sim_agent agents[SIM_AGENTS_MAX];
    struct sim_connection connections[SIM_CONNECTIONS_MAX];
    struct sim_frame frames[SIM_FRAMES_MAX]; /* a heap by due_ms, order */
    size_t frame_count;
    uint64_t frame_order;
    struct sim_fault faults[8]; /* standing */
    size_t fault_count, fault_total;
    int64_t next_fault_ms, next_ask_ms, next_check_ms;
    int64_t partner_clean_ms; /* the nodes' connection has been whole since; INT64_MAX: not */
    bool digests_met;         /* equal at some moment at the end of the quiet */
    struct sim_order orders[SIM_ORDERS_MAX];
    size_t order_count;
    uint64_t last_ticket;
    struct node_update *update;
    struct reporter_update *reporter_update;
    struct message *message;
    struct pack_space space;
    char failure[400]; /* the first broken promise, or "" */
};

/* What happened over all seeds. */
struct sim_sums {
    uint64_t faults[SIM_FAULTS], answers, balanced, last_resort, not_ready, checks, frames,
        orders_done;
};
extern struct sim_sums sim_sums;

/* main.c */
uint64_t sim_dice(struct sim *self, uint64_t sides);
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim *self, const char *format,
                                                     ...);
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *self, const char *format, ...);

/* network.c */
void sim_network_open(struct sim *self);
void sim_network_close(struct sim *self);
/* Deliver what is due, let connections come and go. */
void sim_network_step(struct sim *self);
void sim_send(struct sim *self, size_t connection, bool to_listener, const struct message *message);
/* The connection between an agent and a node, and that between the nodes. */
size_t sim_agent_connection(const struct sim *self, size_t agent, size_t node);
enum { SIM_PARTNER_CONNECTION = 0 };
/* Can frames go from dialler to listener (or back) at this moment, but for random loss? */
bool sim_is_open(const struct sim *self, const struct sim_connection *connection, bool to_listener);

/* hosts.c */
bool sim_hosts_open(struct sim *self);
void sim_hosts_close(struct sim *self);
void sim_hosts_step(struct sim *self);
void sim_node_crash(struct sim *self, size_t node, int64_t restart_ms);
void sim_agent_crash(struct sim *self, size_t agent, int64_t restart_ms);
void sim_node_event(struct sim *self, size_t node, const struct node_event *event);
void sim_agent_event(struct sim *self, size_t agent, const struct reporter_event *event);
bool sim_is_awake(const struct sim *self, int host);

/* faults.c */
const char *sim_fault_text(enum sim_fault_kind kind);
void sim_faults_step(struct sim *self);
bool sim_has_fault(const struct sim *self, enum sim_fault_kind kind);

/* oracles.c */
void sim_oracles_step(struct sim *self);
/* After the quiet: everything is whole again. */
void sim_oracles_end(struct sim *self);

#endif
