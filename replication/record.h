/* replication/record.h -- one replicated fact: a key, one writer, a version, a value.
 *
 * Everything that must be on both nodes is a record. Of two records with the same key the one
 * with the higher version stands (record_compare). That merge commutes, associates and may be
 * repeated, so loss, reordering, duplication and relaying do no harm.
 *
 * No clock is compared: a record carries its age, how long ago its writer stated it as far as the
 * sender knows, and the receiver turns it into an instant of its own clock.
 *
 * The value is opaque here (MessagePack, see pack.h): who reads it knows it, who relays it need
 * not. That is how a node of one version relays the fields of the next. */
#ifndef TANDEM_REPLICATION_RECORD_H
#define TANDEM_REPLICATION_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_NAME_MAX = 95,        /* bytes, without the NUL */
    RECORD_VALUE_MAX = 256,      /* bytes */
    RECORD_AGE_MS_MAX = 86400000 /* one day; older is told as this */
};

/* What a record states. The numbers are on the wire: never reuse one. */
enum record_kind {
    RECORD_REPORT = 1,     /* name: server.            Writer: that server's agent. */
    RECORD_HANDED_OUT = 2, /* name: node/pool/server.  Writer: that node. */
    RECORD_NODE = 3,       /* name: node.              Writer: that node. */
    RECORD_ORDER = 4,      /* name: verb/subject, such as drain/media7 or group/stream.
                              Writer: either node at any time. */
    RECORD_FITNESS = 5,    /* name: node.              Writer: that node. */
    RECORD_TRANSITION = 6, /* name: node/slot.         Writer: that node. */
};

struct record_key {
    enum record_kind kind;
    char name[RECORD_NAME_MAX + 1]; /* printable ASCII without space, NUL-terminated */
};

/* Compared by incarnation, then sequence. {0, 0} is "nothing known" and never in a table.
 * Orders: incarnation is the Lamport counter; sequence is which node, in its highest bit, which
 * life of it wrote it, and, in its lowest bit, whether it is the end that this order said it
 * would come to. So two orders written at once on both sides of a split have one winner, a count
 * that a crash made the writer forget is not given to another order, and the end of an order
 * stands over that order alone: never over one that a person gave since, whoever had heard of
 * it. */
struct record_version {
    uint64_t incarnation; /* one more for each life of the writer */
    uint64_t sequence;    /* one more for each statement in that life */
};

struct record {
    struct record_key key;
    struct record_version version;
    uint32_t age_ms; /* 0..RECORD_AGE_MS_MAX */
    uint16_t value_size;
    uint8_t value[RECORD_VALUE_MAX];
};

/* counter >= 1; number, of the writing node: 1 or 2; boot names its life. */
struct record_version record_order_version(uint64_t counter, uint8_t number, uint64_t boot);
/* The version of its end: directly above it. */
struct record_version record_order_end(struct record_version version);
/* The number of the node that wrote an order of this version. */
uint8_t record_order_number(struct record_version version);

/* The same order of all orders in 30 bits, for the guardian: 23 of the counter, which node, 5 of
 * its life, and whether it is the end. From the counter 2^23 - 1 on it is one and the same. */
enum { RECORD_ORDER_RANK_MAX = 0x3fffffff };
uint32_t record_order_rank(struct record_version version);

/* <0, 0, >0 as a is older than, the same as, newer than b. */
int record_compare(struct record_version a, struct record_version b);

/* May this be the name of a record? 1..RECORD_NAME_MAX bytes of printable ASCII, no space. */
bool record_name_is_valid(const char *name, size_t size);

bool record_kind_is_known(uint64_t kind);
/* Is it one that a node alone writes, of itself? Orders are of both. */
bool record_kind_is_nodes(enum record_kind kind);

bool record_key_equal(const struct record_key *a, const struct record_key *b);

/* Does a record with this key belong to the named writer (a server for reports, a node for the
 * node's own)? Orders belong to either node: true for every node's name. */
bool record_is_written_by(const struct record_key *key, const char *writer);

/* "report media1", for logs and traces; at most size bytes with the NUL. */
void record_key_text(const struct record_key *key, char *text, size_t size);

#endif
