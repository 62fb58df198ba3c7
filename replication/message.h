/* replication/message.h -- every message between agents and nodes, on one page.
 *
 * One protocol for agent -> node and node -> node. A message is one ZeroMQ frame holding one
 * MessagePack map with small integer keys. Unknown keys are skipped, unknown types and versions
 * refused with a reason, all sizes bounded.
 *
 *   key 0 is the type; then:
 *   HELLO     1 protocol_min  2 protocol_max  3 role  4 name  5 cluster  6 boot  7 heard_boot
 *             8 known_incarnation  9 wants_snapshot  10 synced  11 machine (an agent's, if told)
 *             12 format (a node's; not told: 1)
 *   SNAPSHOT  1 chunk  2 last  3 [record]
 *   DELTA     3 [record]  4 partner_lacks
 *   VERSIONS  1 chunk  2 last  3 [[kind, name, incarnation, sequence]]
 *   PULL      3 [[kind, name]]
 *   ACK       1 chunk  2 incarnation  3 sequence
 *   record    [kind, name, incarnation, sequence, age_ms, value]; longer arrays are of a later
 *             version, whose further elements are skipped
 *
 * Every key listed here but machine and format is required in its type.
 *
 * Versions. A HELLO tells the range of protocol versions that its speaker knows; the two sides
 * speak the highest in common, or not at all. A later version adds: keys, elements at the end of
 * a record, kinds of records. Who does not know them passes them over, counts them in the space
 * and goes on; so a pair is upgraded one node after the other. What may not be passed over needs
 * a protocol_min above what the other side speaks. */
#ifndef TANDEM_REPLICATION_MESSAGE_H
#define TANDEM_REPLICATION_MESSAGE_H

#include "replication/machine.h"
#include "replication/pack.h"
#include "replication/record.h"

enum {
    MESSAGE_SIZE_MAX = 49152,   /* bytes of one encoded message */
    MESSAGE_RECORDS_MAX = 120,  /* so many of the largest records fit in MESSAGE_SIZE_MAX */
    MESSAGE_VERSIONS_MAX = 380, /* likewise */
    MESSAGE_KEYS_MAX = 380,
    MESSAGE_PROTOCOL_MIN = 1, /* the versions that this program speaks */
    MESSAGE_PROTOCOL_MAX = 1,
};

enum message_type {
    MESSAGE_HELLO = 1,
    MESSAGE_SNAPSHOT = 2,
    MESSAGE_DELTA = 3,
    MESSAGE_VERSIONS = 4,
    MESSAGE_PULL = 5,
    MESSAGE_ACK = 6,
};

enum message_role { MESSAGE_AGENT = 1, MESSAGE_NODE = 2 };

/* First on every connection, in both directions. */
struct message_hello {
    uint64_t protocol_min, protocol_max;
    enum message_role role;
    char name[RECORD_NAME_MAX + 1];    /* of the server or node that speaks */
    char cluster[RECORD_NAME_MAX + 1]; /* both must belong to the same */
    uint64_t boot;                     /* of the speaker; random, never 0 */
    uint64_t heard_boot;               /* of the listener, as the speaker last heard it; 0: never */
    uint64_t known_incarnation; /* the listener's own records must not be of a lower one: one more
                                   than the speaker knew of when the listener's present life began;
                                   0: it knew none */
    bool wants_snapshot;        /* the speaker asks for all records */
    bool synced;                /* the speaker has had its own snapshot, or needs none */
    uint8_t machine[MACHINE_ID_SIZE]; /* of an agent; zeroes: not told */
    uint32_t format; /* of the document: the highest that the speaker reads; 0: not told, it is 1 */
};

/* SNAPSHOT: all records, in chunks; each is acknowledged. DELTA: some records. */
struct message_records {
    uint64_t chunk; /* SNAPSHOT: 0, 1, 2 ... */
    bool last;      /* SNAPSHOT: this is the last chunk */
    bool
        partner_lacks; /* DELTA from an agent: the other node did not acknowledge the predecessor */
    size_t count;      /* 0..MESSAGE_RECORDS_MAX */
    struct record records[MESSAGE_RECORDS_MAX];
};

/* VERSIONS: what the speaker holds. PULL: what the speaker wants (versions unused). */
struct message_versions {
    uint64_t chunk;
    bool last;
    size_t count; /* 0..MESSAGE_VERSIONS_MAX */
    struct message_version {
        struct record_key key;
        struct record_version version;
    } entries[MESSAGE_VERSIONS_MAX];
};

/* Of a SNAPSHOT's chunk, or of an agent's report (its version). */
struct message_ack {
    uint64_t chunk;
    struct record_version version;
};

struct message {
    enum message_type type;
    union {
        struct message_hello hello;
        struct message_records records;   /* SNAPSHOT, DELTA */
        struct message_versions versions; /* VERSIONS, PULL */
        struct message_ack ack;
    };
};

enum message_reason {
    MESSAGE_OK,
    MESSAGE_MALFORMED, /* no MessagePack map: see the pack reason */
    MESSAGE_UNKNOWN_TYPE,
    MESSAGE_MISSING_FIELD,
    MESSAGE_BAD_FIELD, /* of the wrong type or out of its range */
    MESSAGE_BAD_NAME,
    MESSAGE_TOO_MANY_RECORDS,
    MESSAGE_REASON_COUNT
};

const char *message_reason_text(enum message_reason reason);

/* Encode into bytes[MESSAGE_SIZE_MAX]; returns the size. Asserts that the message is within its
 * bounds: such a message always fits. */
size_t message_encode(const struct message *self, uint8_t *bytes);

/* Decode; on anything but MESSAGE_OK *self is undefined. pack_reason (may be NULL) says more about
 * MESSAGE_MALFORMED. What only a later version knows is passed over and counted in the space. */
enum message_reason message_decode(struct message *self, struct pack_space *space,
                                   const uint8_t *bytes, size_t size,
                                   enum pack_reason *pack_reason);

/* The highest protocol version that this program and the speaker have in common; 0: none. */
uint64_t message_protocol(const struct message_hello *hello);

/* One line for traces and story tests, such as "delta [report media1 3.17] partner-lacks"; of an
 * order "3.1": the counter and the writing node's number. Cut at size. */
void message_text(const struct message *self, char *text, size_t size);

#endif
