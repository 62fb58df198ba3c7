/* replication/replica.h -- one node's side of sharing records.
 *
 * A node talks to peers: its partner and the agents. The transport authenticates them and names
 * each by a number: 0 is the partner, 1 + i the agent of server i. Pure: events in, an update out.
 *
 *   agent                       node                          partner
 *     | HELLO ------------------> |                              |
 *     | <----------------- HELLO  |   (highest incarnation known: the agent adopts one more)
 *     | DELTA [report] ---------> | merge                        |
 *     | <------------------- ACK  |                              |
 *     | DELTA partner_lacks ----> | merge, mark -- DELTA ------> |  (relayed within 50 ms)
 *     |                           |                              |
 *     |                           | HELLO wants_snapshot ------> |
 *     |                           | <---------------- HELLO      |
 *     |                           | <--- SNAPSHOT 0,1,2.. last   |  (4 chunks unacknowledged)
 *     |                           | ACK -----------------------> |
 *     |                           | VERSIONS each second ------> |  PULL what it lacks
 *
 * Repair rests on VERSIONS alone: any message may be lost, doubled, late or out of order, and
 * within a second of quiet both tables are equal. Everything else is speed.
 *
 * A node is synced when it has its first snapshot, or when its partner stayed silent for
 * REPLICA_ALONE_MS after the start, or when there is no partner. */
#ifndef TANDEM_REPLICATION_REPLICA_H
#define TANDEM_REPLICATION_REPLICA_H

#include "replication/message.h"
#include "replication/table.h"

enum {
    REPLICA_PARTNER = 0,        /* the partner's peer number; agents follow */
    REPLICA_SENDS_MAX = 8,      /* messages out of one step */
    REPLICA_CHANGES_MAX = 128,  /* records changed in one step */
    REPLICA_DELTA_MS = 50,      /* changes are gathered at least so long */
    REPLICA_VERSIONS_MS = 1000, /* between two full version vectors */
    REPLICA_HELLO_MS = 200,     /* an unanswered HELLO is repeated */
    REPLICA_ALONE_MS = 1000,    /* silence after the start until "there is nobody to ask" */
    REPLICA_SNAPSHOT_MS = 5000, /* a snapshot without progress for so long is asked for anew */
    REPLICA_CREDIT = 4,         /* snapshot chunks under way */
};

enum replica_sync {
    REPLICA_WAITING,   /* asked, nothing heard yet */
    REPLICA_RECEIVING, /* the snapshot is under way */
    REPLICA_SYNCED,
};

/* Why a message or record was not taken, or what happened; each counted. */
enum replica_reason {
    REPLICA_TAKEN,
    REPLICA_NOT_GREETED, /* no HELLO came first; answered with one */
    REPLICA_WRONG_CLUSTER,
    REPLICA_WRONG_NAME,     /* the name in HELLO is not the one its key belongs to */
    REPLICA_WRONG_PROTOCOL, /* no version in common */
    REPLICA_NOT_OWNER,      /* a record that this peer may not write */
    REPLICA_NOT_FOR_AGENTS, /* a message only nodes may send */
    REPLICA_TABLE_FULL,
    REPLICA_OLD_INCARNATION, /* a report of an earlier life of this agent */
    REPLICA_REASON_COUNT
};

struct replica_config {
    const char *cluster, *name;
    const char *partner; /* NULL: a cluster of one */
    uint8_t number;      /* of this node: 1 or 2, in document order */
    bool dials;          /* this node opens the connection to its partner */
    uint64_t boot;       /* random, not 0, new at each start */
    size_t agent_count;
    const char *const *agents; /* server names; agents[i] is peer 1 + i */
};

enum replica_event_type {
    REPLICA_START,
    REPLICA_LINK_UP,   /* the transport to the partner that this node dials is connected */
    REPLICA_LINK_DOWN, /* likewise: gone */
    REPLICA_MESSAGE,   /* peer, message */
    REPLICA_TIMEOUT,   /* replica_deadline has come */
};

struct replica_event {
    enum replica_event_type type;
    size_t peer;
    const struct message *message; /* valid during the call */
};

struct replica_update {
    size_t send_count;
    struct replica_send {
        size_t peer;
        struct message message;
    } sends[REPLICA_SENDS_MAX]; /* in this order; one that fails to be sent is simply lost */
    size_t change_count;
    struct table_entry *changes[REPLICA_CHANGES_MAX]; /* added or raised by the event */
    enum replica_reason
        reason; /* of a MESSAGE event; the last refusal if some records were refused */
    bool sync_changed;
};

struct replica; /* fields in replica.c's part below; read through the functions */

struct replica_peer {
    bool greeted;     /* a HELLO came in this session */
    uint64_t boot;    /* of the peer, as last heard; 0: never */
    int64_t heard_ms; /* when anything came last; INT64_MIN: never */
    uint64_t refused; /* messages and records refused */
};

struct replica {
    struct replica_config config;
    struct table *table;
    struct replica_peer *peers; /* 1 + agent_count */
    enum replica_sync sync;
    uint64_t incarnation; /* of this node's own records */
    uint64_t sequence;
    uint64_t lamport; /* highest order counter seen */
    uint64_t counts[REPLICA_REASON_COUNT];
    /* private: towards the partner */
    bool link_up, answered;
    uint64_t told_change; /* the partner has been told all changes up to here */
    int64_t start_ms, delta_due_ms, versions_due_ms, hello_due_ms;
    size_t versions_position; /* where the VERSIONS being sent go on; SIZE_MAX: none under way */
    uint64_t versions_chunk;
    bool snapshot_out; /* the partner is being sent a snapshot */
    size_t snapshot_position;
    uint64_t snapshot_chunk, snapshot_acked;
    uint64_t snapshot_next_in; /* the chunk expected next */
    int64_t snapshot_heard_ms;
    struct message_versions *pull; /* what VERSIONS showed to be missing, yet to be asked for */
};

/* The table is the caller's and is also read by it. False when the arena is too small. The texts of
 * config must outlive the replica. */
bool replica_init(struct replica *self, const struct replica_config *config, struct table *table,
                  struct arena *arena);

/* Apply one event at now_ms (monotonic) and overwrite *update. Where one step cannot hold all that
 * is to be sent, replica_deadline() is now_ms: step again with REPLICA_TIMEOUT. */
void replica_step(struct replica *self, int64_t now_ms, const struct replica_event *event,
                  struct replica_update *update);

/* Time at which REPLICA_TIMEOUT is due; INT64_MAX: never. */
int64_t replica_deadline(const struct replica *self);

/* State a record of this node's own, or an order, as its next version; the partner is told with the
 * next delta. Returns the entry, or NULL when the table is full. */
struct table_entry *replica_write(struct replica *self, int64_t now_ms,
                                  const struct record_key *key, const uint8_t *value, size_t size);

/* Take back a record that this node had stored (an order read from disk at start). */
struct table_entry *replica_restore(struct replica *self, int64_t now_ms,
                                    const struct record *record);

/* How many changes the partner has yet to be told; 0 when it is not heard. */
size_t replica_behind(const struct replica *self);

/* When the partner was last heard; INT64_MIN: never. */
int64_t replica_partner_heard_ms(const struct replica *self);

const char *replica_reason_text(enum replica_reason reason);
const char *replica_sync_text(enum replica_sync sync);

#endif
