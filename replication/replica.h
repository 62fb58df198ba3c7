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
 * REPLICA_ALONE_MS, or when there is no partner. Until then it pulls nothing: the snapshot brings
 * the same.
 *
 * Greeting. The side that is dialled answers every HELLO; the dialler answers only one that does
 * not carry its own boot, or that begins a life of the partner of which it holds older records (see
 * below). What is dialled always echoes the boot it has just heard, so an exchange ends by itself.
 * Anything else from a peer that has not said HELLO, to this process and on this
 * connection, is dropped and answered with a HELLO, so that the peer greets.
 *
 * Lives. A writer that starts anew counts from incarnation 1; what its earlier life wrote must not
 * beat it. Hence a HELLO tells the listener the least incarnation it has to use (in
 * known_incarnation): one more than the speaker knew of it when it first heard the listener's
 * present boot. The listener raises its own to that and states its records again. A node's own
 * records of earlier lives come back with the snapshot as plain history, below all it writes now,
 * so that both tables are equal; they are not in update.changes.
 *
 * A partner's new boot does not reset what it has been told: if it wants a snapshot, that is the
 * walk over all records and deltas go on with what is marked after its start; if it wants none, the
 * VERSIONS exchanged at once find the rest. Nothing is told while the partner has not greeted, and
 * told_change then stands still. */
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
    REPLICA_ALONE_MS = 1000,    /* the partner's silence until "there is nobody to ask" */
    REPLICA_SNAPSHOT_MS = 5000, /* a snapshot without progress for so long is asked for anew */
    REPLICA_PLACE_MS = 5000, /* who reported so lately keeps its place against who had it before */
    REPLICA_CREDIT = 4,      /* snapshot chunks under way */
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
    REPLICA_WRONG_NAME,     /* name or role in HELLO are not those its key belongs to */
    REPLICA_WRONG_PROTOCOL, /* no version in common */
    REPLICA_NOT_OWNER,      /* a record that this peer may not write */
    REPLICA_NOT_FOR_AGENTS, /* a message only nodes may send */
    REPLICA_TABLE_FULL,
    REPLICA_OLD_INCARNATION, /* a report of an earlier life of this agent */
    REPLICA_WRONG_MACHINE,   /* the agent's key is bound to another machine */
    REPLICA_TWO_SESSIONS,    /* an agent whose place another took under its key, and has still */
    REPLICA_REASON_COUNT
};

struct replica_config {
    const char *cluster, *name;
    const char *partner; /* NULL: a cluster of one */
    uint8_t number;      /* of this node: 1 or 2, in document order */
    bool dials;          /* this node opens the connection to its partner */
    uint64_t boot;       /* random, not 0, new at each start */
    uint32_t format;     /* of the document: the highest this node reads; HELLO tells the partner */
    size_t agent_count;  /* room for so many; replica_seat names them */
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
    uint32_t session;              /* which connection of that peer; any number */
    const struct message *message; /* valid during the call */
};

struct replica_update {
    size_t send_count;
    struct replica_send {
        size_t peer;
        struct message message;
    } sends[REPLICA_SENDS_MAX]; /* in this order; one that fails to be sent is simply lost */
    size_t change_count;
    struct table_entry *changes[REPLICA_CHANGES_MAX]; /* added or raised by what peers said; not
                                                         this node's own records */
    enum replica_reason
        reason; /* of a MESSAGE event; the last refusal if some records were refused */
    bool sync_changed;
};

struct replica_peer {
    const char *name;    /* NULL: nobody has this number */
    bool greeted;        /* a HELLO came in this session */
    uint64_t boot;       /* of the peer, as last heard; 0: never */
    uint64_t refused;    /* messages and records refused */
    int64_t impostor_ms; /* a HELLO under this key was refused as another's; INT64_MIN: never */
    enum replica_reason impostor; /* why */
    uint64_t protocol;            /* spoken with it since it last greeted; 0: it never did */
    uint32_t format;              /* the highest of the document it reads; 0: it never greeted */
    struct replica_foreign {      /* its last HELLO that was refused as wrong-protocol */
        int64_t at_ms;            /* INT64_MIN: none, or it greeted since */
        uint64_t min, max;        /* the versions it speaks */
    } foreign;
    /* private */
    bool has_machine; /* it says the same in each HELLO, or is not it */
    uint8_t machine[MACHINE_ID_SIZE];
    uint32_t session;           /* the connection on which it greeted */
    uint64_t left_boot;         /* whose place it took; 0: nobody's */
    int64_t reported_ms;        /* INT64_MIN: never */
    uint64_t least_incarnation; /* told in HELLO: what the peer must use at least; 0: anything */
    struct record_version said; /* the last report the agent itself told */
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
    const char *sync_reason;
    /* private: towards the partner */
    bool link_up;              /* the side that dials: between LINK_UP and LINK_DOWN */
    bool answered;             /* the partner's last HELLO called for no other in return */
    uint64_t told_change;      /* the partner has been told all changes up to here */
    int64_t start_ms;          /* INT64_MAX: not yet */
    int64_t partner_heard_ms;  /* when what was not refused came last; INT64_MIN: never */
    int64_t stepped_ms;        /* time of the last step */
    int64_t delta_due_ms;      /* no delta before */
    int64_t versions_due_ms;   /* the next version vector begins */
    int64_t hello_due_ms;      /* no HELLO of this node's own accord before */
    size_t versions_position;  /* where the VERSIONS being sent go on; SIZE_MAX: none under way */
    uint64_t versions_chunk;   /* the next one's number */
    bool snapshot_out;         /* the partner is being sent a snapshot */
    int64_t snapshot_begun_ms; /* INT64_MIN: none in the partner's present life */
    size_t snapshot_position;  /* where it goes on */
    uint64_t snapshot_chunk;   /* the next one's number */
    uint64_t snapshot_acked;   /* so many chunks were acknowledged */
    uint64_t snapshot_next_in; /* the chunk expected next */
    bool snapshot_gap;         /* a later one came: ask anew */
    int64_t snapshot_heard_ms; /* when one came in order, or was asked for */
};

/* The table is the caller's and is also read by it. False when the arena is too small. The texts of
 * config must outlive the replica. */
bool replica_init(struct replica *self, const struct replica_config *config, struct table *table,
                  struct arena *arena);

/* The machine that agent is bound to; NULL: any. Holds from its next HELLO on. */
void replica_bind(struct replica *self, size_t agent, const uint8_t *machine);

/* Who agent i, which is peer 1 + i, is from now on: a server's name, which outlives its stay; NULL:
 * nobody. What was known of a session with that number is forgotten. */
void replica_seat(struct replica *self, size_t agent, const char *name);

/* Apply one event at now_ms (monotonic) and overwrite *update. Where one step cannot hold all that
 * is to be sent, replica_deadline() is now_ms: step again with REPLICA_TIMEOUT. */
void replica_step(struct replica *self, int64_t now_ms, const struct replica_event *event,
                  struct replica_update *update);

/* Time at which REPLICA_TIMEOUT is due; INT64_MAX: never. */
int64_t replica_deadline(const struct replica *self);

/* State a record of this node's own, or an order, as its next version; the partner is told with the
 * next delta. value is not NULL. Returns the entry, or NULL when the table is full.
 * replica_deadline may be sooner after it. O(1). */
struct table_entry *replica_write(struct replica *self, int64_t now_ms,
                                  const struct record_key *key, const uint8_t *value, size_t size);

/* The end that an order said it would come to: of the version directly above it, so that it stands
 * over no order that was given since. Both nodes may write it: the value has to be the same for
 * both. Returns the entry. */
struct table_entry *replica_end_order(struct replica *self, int64_t now_ms,
                                      const struct table_entry *order, const uint8_t *value,
                                      size_t size);

/* Take back an order, or a report, read from disk at start; the partner is told of an order, while
 * the servers tell it themselves. Returns the entry, which may be
 * of a higher version, or NULL when the table is full. */
struct table_entry *replica_restore(struct replica *self, int64_t now_ms,
                                    const struct record *record);

/* How many changes the partner has yet to be told (a record changed twice counts twice); 0 when it
 * has not greeted. */
size_t replica_behind(const struct replica *self);

/* When the partner was last heard; INT64_MIN: never. */
int64_t replica_partner_heard_ms(const struct replica *self);

/* The highest format of the document that the partner reads, as it said last, also when it is away;
 * 0: it never greeted, or there is no partner. */
uint32_t replica_partner_format(const struct replica *self);

const char *replica_reason_text(enum replica_reason reason);
const char *replica_sync_text(enum replica_sync sync);
/* Why the replica is synced: "snapshot", "alone" (nobody to ask) or "only-node"; else
 * "no-snapshot". */
const char *replica_sync_reason(const struct replica *self);

#endif
