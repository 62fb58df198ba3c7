/* node/node.h -- the worker as one machine: events in, an update out.
 *
 * Composes the replica (what both nodes know), the verdicts (which server may be named) and the
 * living pools (what DNS threads read). Pure: no clock, no socket, no file; two of these, some
 * agents and a network run in one process in tests/sim.
 *
 *   frames, links --> replica --> records changed --+--> verdict --> pool: fitness
 *                                                   +--> report  --> pool: load
 *                                                   +--> order   --> drain, group; to be stored
 *                                                   +--> partner's handed out, status
 *   pool: handed out --> own record --> replica --> partner
 *
 * Owned by the control thread; only the pools are shared, with DNS threads. */
#ifndef TANDEM_NODE_NODE_H
#define TANDEM_NODE_NODE_H

#include "node/balance/pool.h"
#include "node/enrolment.h"
#include "node/fitness.h"
#include "node/order.h"
#include "node/status.h"
#include "node/transition.h"
#include "replication/document.h"
#include "replication/replica.h"

enum {
    NODE_TICK_MS = 50,      /* handed out is told, verdicts age */
    NODE_STATUS_MS = 250,   /* the node's own record is written anew */
    NODE_PARTNER_MS = 1000, /* a partner of whom nothing came for so long is silent */
    NODE_STALL_MS = 500,    /* a tick so late means this node itself stood still */
    NODE_GRACE_MS = 3000, /* so long after the start reports are waited for before a last resort */
    NODE_ORDERS_MAX = 4096,     /* records of orders that fit in the table */
    NODE_NOTES_MAX = 64,        /* out of one step; what is beyond is counted */
    NODE_HISTORY_MAX = 64,      /* last transitions kept for status */
    NODE_TRANSITIONS_MAX = 32,  /* of each node, as its guardian told them: records */
    NODE_ORDER_EVENTS_MAX = 64, /* likewise, of the orders that were given to it */
    NODE_SLOTS = NODE_TRANSITIONS_MAX + NODE_ORDER_EVENTS_MAX,
    NODE_END_ORDERS_MS = 1000, /* between two looks at the end of orders */
    NODE_PARTNERS_END_S = 5,   /* so long the end of an order is left to the node that took it */
    NODE_SPARE_POOLS = 4,      /* that a server of a later document is a member of, on average */
    NODE_STRANGERS = 100,
    NODE_SLOW_MS = 30000, /* a server that joined is given its share step by step for so long, */
    NODE_SLOW_STEP_MS = 1000,
    NODE_SLOW_PERCENT = 10, /* from so little on */
    NODE_WARM_MS = 60000,   /* a report so old at the start still speaks for its server at first */
    NODE_AGENT_FRESH_MS = 2000, /* an agent that reported here within so long is heard */
};

struct node_config {
    size_t self;          /* position in document.nodes */
    size_t spare_seats;   /* for servers that later documents name */
    uint64_t boot;        /* random, not 0 */
    uint8_t hash_key[16]; /* random */
    const char *version;
};

enum node_event_type {
    NODE_START,     /* once, after node_restore of what the disk held */
    NODE_LINK_UP,   /* to the partner */
    NODE_LINK_DOWN, /* likewise */
    NODE_FRAME,     /* peer, bytes, size */
    NODE_COMMAND,   /* order, ticket */
    NODE_STORED,    /* ticket, error: an order is on disk, or could not be written */
    NODE_HOLDS,     /* status.held and held_count: what the guardian says is held, since_s as of
                       now */
    NODE_FITNESS,   /* fitness, as of now */
    NODE_JOIN,      /* join, key, ticket: a stranger's JOIN under that key */
    NODE_TOKEN,     /* token, ticket */
    NODE_REVOKE,    /* revocation, ticket: its server's key, whatever it is, is to be withdrawn */
    NODE_REMOVE,    /* enrolment, ticket: its server is to be there no more */
    NODE_DID,       /* transition, of which subject, to, author and note are read: somebody had this
                       node do something that is no record */
    NODE_HAPPENED,  /* transition: the guardian tells of it, perhaps again */
    NODE_CLOCK,     /* wall_ms, as of now: at the start, and then every second or so */
    NODE_TIMEOUT,   /* node_deadline has come */
};

struct node_event {
    enum node_event_type type;
    size_t peer;          /* as in replication/replica.h */
    uint32_t session;     /* likewise */
    const uint8_t *bytes; /* valid during the call */
    size_t size;
    const struct order *order;
    const struct status *status;
    const struct fitness *fitness;
    const struct transition *transition;
    const struct join *join;
    const char *key;
    const struct token *token;
    const struct revocation *revocation;
    const struct enrolment *enrolment;
    int64_t wall_ms; /* since 1970 */
    uint64_t ticket; /* the caller's number for a command, not 0 */
    int error;       /* 0 or -errno */
};

/* What an operator hears of a command. */
enum node_outcome {
    NODE_DONE,              /* stored here, the partner is being told */
    NODE_DONE_PARTNER_AWAY, /* stored here, the partner will learn */
    NODE_NO_SUCH_SERVER,
    NODE_NO_SUCH_POOL,
    NODE_NO_SUCH_NODE,
    NODE_TABLE_FULL,
    NODE_JOIN_OTHER_CLUSTER,
    NODE_JOIN_NO_TOKEN,
    NODE_JOIN_NO_CLOCK,
    NODE_JOIN_EXPIRED,
    NODE_JOIN_USED_UP,
    NODE_JOIN_ADDRESS,
    NODE_JOIN_ADDRESS_TAKEN,
    NODE_JOIN_NAME_TAKEN,
    NODE_JOIN_KEY_TAKEN,
    NODE_JOIN_REVOKED,
    NODE_JOIN_NO_ROOM,
    NODE_NOT_ENROLLED,    /* to be removed: the document names it */
    NODE_NOT_YET_DURABLE, /* in force; the disk has not answered for a while */
    NODE_NOT_STORED,      /* in force, but the disk refused it: gone with a restart of both */
    NODE_OUTCOME_COUNT
};

const char *node_outcome_text(enum node_outcome outcome);

/* One line for the log. All texts are constants or the document's. */
struct node_note {
    int64_t at_ms;
    const char *area;    /* verdict, pool, partner, sync, order, refuse */
    const char *subject; /* server, pool or peer */
    const char *pool;    /* NULL: none */
    const char *from, *to;
    const char *reason;
};

/* One that is remembered, whatever documents follow. */
struct node_memory {
    struct node_note note; /* subject and pool: those below */
    char subject[DOCUMENT_NAME_MAX + 1], pool[DOCUMENT_NAME_MAX + 1];
};

struct node_update {
    struct replica_update replica; /* messages to be sent: see replica.sends */
    size_t store_count;
    struct node_store {
        struct record record;
        uint64_t ticket; /* 0: nobody waits */
    } stores[REPLICA_CHANGES_MAX];
    size_t note_count;
    struct node_note notes[NODE_NOTES_MAX];
    uint64_t reply_ticket; /* 0: no reply */
    enum node_outcome reply;
    size_t audit_count; /* what somebody ordered, here or at the partner: for the audit */
    struct node_audit {
        size_t node;   /* position in the document */
        int64_t at_ms; /* on this node's clock */
        struct transition told;
    } audits[NODE_ORDER_EVENTS_MAX];
    bool has_other_servers; /* who is enrolled, or whose key is withdrawn, changed */
};

#define NODE_NO_SEAT UINT32_MAX

struct node_server {
    uint32_t seat;
    bool reported;
    struct report report;
    int64_t stated_ms;
    int64_t agent_ms;  /* when its agent itself reported here last; INT64_MIN: never */
    bool lost_partner; /* and whether it said that the partner did not acknowledge */
    bool draining;
    enum verdict_force force;
    uint32_t weight; /* percent, by an order; 100 */
    int64_t slow_ms; /* since when it is new, and gets less; INT64_MIN: it is not */
    char drain_author[ORDER_AUTHOR_MAX + 1];
    size_t membership_count;
    struct node_membership {
        uint32_t pool, member;
    } * memberships;
};

struct node_pool {
    struct pool *pool;
    struct verdict_pool verdicts;
    uint32_t *told_handed;    /* by member: what this node's record says */
    uint32_t *partner_handed; /* by member: what the partner's record said last */
    bool *partner_known;      /* by member: it said something */
    bool at_last_resort, is_ready;
    bool frozen; /* as noted last: a report or a drain can end a freeze between two ticks */
};

/* A document, and what the node makes of it: for as long as that document holds. */
struct node_plan {
    const struct document *document;
    struct node_server *servers;
    struct node_pool *pools;
    uint32_t *servers_by_name, *pools_by_name;
    struct verdict_change *changes; /* room for the largest pool */
};

struct node_seat {
    char name[DOCUMENT_NAME_MAX + 1]; /* of a server; "": free */
    uint32_t server;                  /* position in the document */
};

struct node {
    struct node_config config;
    struct node_plan plan;
    size_t seat_count;
    struct node_seat *seats; /* peer 1 + i is the agent of whoever has seat i */
    struct table table;
    struct replica replica;
    struct pack_space space;
    struct message *message;           /* the one being read */
    struct status status, partner;     /* partner: as it last said */
    struct node_handover {             /* of each node's home, by an order */
        struct record_version version; /* zero: never ordered */
        bool away;
        char author[ORDER_AUTHOR_MAX + 1];
    } handovers[DOCUMENT_NODES_MAX];
    int64_t held_since_ms[STATUS_HELD_MAX]; /* of status.held, on this node's clock */
    bool partner_known, partner_heard;
    int64_t partner_stated_ms;
    struct node_fitness {
        int64_t stated_ms; /* on this node's clock; INT64_MIN: never */
        struct fitness fitness;
    } fitness[DOCUMENT_NODES_MAX];
    struct node_transition {
        int64_t at_ms; /* on this node's clock */
        struct transition told;
    } transitions[DOCUMENT_NODES_MAX][NODE_SLOTS]; /* by slot; number 0: none */
    uint32_t orders_told;                          /* in this life, as transitions */
    bool knows_wall;
    int64_t wall_offset_ms; /* of the wall clock to this node's */
    int64_t orders_due_ms;  /* when to look for the end of orders */
    int64_t slow_due_ms;    /* when the weights of new servers rise next */
    int64_t start_ms, hearing_ms, tick_due_ms, status_due_ms;
    struct node_memory history[NODE_HISTORY_MAX];
    uint64_t history_count; /* ever; the newest is at (count - 1) % NODE_HISTORY_MAX */
    uint64_t notes_dropped;
    uint64_t frames, pack_reasons[PACK_REASON_COUNT], message_reasons[MESSAGE_REASON_COUNT],
        report_reasons[REPORT_REASON_COUNT], order_reasons[ORDER_REASON_COUNT],
        unknown[PACK_UNKNOWN_COUNT]; /* passed over in what came in */
};

/* Allocates what a node needs for this document, which outlives the plan; any thread may do it
 * ahead. False when the arena is too small. */
bool node_plan_init(struct node_plan *self, const struct document *document, struct arena *arena);

/* Everything else from the arena; false when it is too small. The caller closes with node_close. */
bool node_init(struct node *self, const struct node_config *config, const struct node_plan *plan,
               struct arena *arena);
void node_close(struct node *self);

/* From now on it is this document, of the same nodes. What is known of servers and pools of the
 * same names stays known: verdicts, loads, what was handed out, who is ready; what records say of
 * new ones is read from the table. The plan before is no longer used, but for its pools, by whoever
 * answers from them. node_has_room said so before. O(records + servers). */
void node_adopt(struct node *self, int64_t now_ms, const struct node_plan *plan);
/* Is there a seat for each of its servers? */
bool node_has_room(const struct node *self, const struct document *document);

/* An order, or a report, as the disk held it; before NODE_START. What was said up to NODE_WARM_MS
 * ago ages from the start, like all that was heard before a stall: this node's own absence is not
 * held against the server. What is older tells who was up last, for a last resort. A record of
 * another kind is passed over: the file may be a later version's. */
void node_restore(struct node *self, int64_t now_ms, const struct record *record);

void node_step(struct node *self, int64_t now_ms, const struct node_event *event,
               struct node_update *update);

/* Time at which NODE_TIMEOUT is due. */
int64_t node_deadline(const struct node *self);

/* Positions in the document, or SIZE_MAX. O(log n). */
size_t node_server(const struct node *self, const char *name);
size_t node_pool(const struct node *self, const char *name);

/* Agents that report to this node, and how many of them said last that they lost the partner. At
 * most UINT16_MAX of either. O(servers). */
void node_count_agents(const struct node *self, int64_t now_ms, uint16_t *fresh, uint16_t *lost);

/* How many strangers may come in while these tokens live, to join or in vain: twice as many as they
 * are good for, and NODE_STRANGERS each; 0: no token lives. O(records). */
size_t node_strangers(struct node *self, int64_t now_ms);
/* Those that are enrolled, and whose keys are not withdrawn, into list[max]; the keys that are;
 * each returns how many. One alone, also when it was removed. And is this key withdrawn? */
size_t node_enrolments(struct node *self, struct enrolment *list, size_t max);
size_t node_revocations(struct node *self, struct revocation *list, size_t max);
bool node_enrolment(struct node *self, const char *server, struct enrolment *enrolment);
bool node_is_revoked(struct node *self, const char *server, const char *key);

/* By how much the partner's wall clock is ahead of this node's, to about the time that a record
 * takes; 0 and false when it is not known. */
bool node_clock_offset(const struct node *self, int64_t *offset_ms);

/* The partner's name, or NULL in a cluster of one. */
const char *node_partner(const struct node *self);

#endif
