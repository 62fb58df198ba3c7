/* node/order.h -- an operator's order, to and from a record.
 *
 *   drain/SERVER  {1: draining}
 *   force/SERVER  {1: 0 as reported, 1 up, 2 down}
 *   weight/SERVER {1: percent of its capacity}
 *   group/POOL    {1: group size, 2: rounds}
 *   handover/NODE {1: away}
 *
 * and in each {9: author, 10: because, 11: given, 12: until}; what is empty or 0 is left out.
 *
 * Either node writes it at any time; the higher version stands (replication/record.h). An order
 * that has an end is followed by its own end, which is an order like any other (order_end): what
 * stands is always what the records say, on both nodes, whatever their clocks say. */
#ifndef TANDEM_NODE_ORDER_H
#define TANDEM_NODE_ORDER_H

#include "health/verdict.h"
#include "node/balance/pool.h"
#include "replication/pack.h"
#include "replication/record.h"

enum {
    ORDER_AUTHOR_MAX = 32,  /* bytes */
    ORDER_BECAUSE_MAX = 80, /* bytes */
    ORDER_SUBJECT_MAX = 30, /* bytes: a server's, pool's or node's name */
    ORDER_ROUNDS_MAX = 1000,
    ORDER_FOR_MAX_S = 366 * 86400, /* until its end */
};

#define ORDER_AREA "order" /* of transitions that tell of one */

enum order_verb {
    ORDER_DRAIN,
    ORDER_GROUP,
    ORDER_HANDOVER,
    ORDER_FORCE,
    ORDER_WEIGHT,
    ORDER_VERBS
};

struct order {
    enum order_verb verb;
    char subject[ORDER_SUBJECT_MAX + 1];
    bool draining;       /* ORDER_DRAIN: false is undrain */
    bool away;           /* ORDER_HANDOVER: its home is its partner's, or its own */
    uint32_t group_size; /* ORDER_GROUP: 1..POOL_GROUP_MAX, or 0 as the document says */
    uint32_t rounds;     /* ORDER_GROUP: 1..ORDER_ROUNDS_MAX, or 0 */
    enum verdict_force force;
    uint32_t weight;                     /* ORDER_WEIGHT: 1..POOL_WEIGHT_MAX percent */
    char author[ORDER_AUTHOR_MAX + 1];   /* who gave it, such as "root@ns1"; printable */
    char because[ORDER_BECAUSE_MAX + 1]; /* why, for people; printable, "" when none was given */
    uint64_t given_s;                    /* wall clock of the node that took it; 0: not known */
    uint64_t until_s;                    /* wall clock; 0: it has no end */
};

enum order_reason {
    ORDER_OK,
    ORDER_UNKNOWN_VERB, /* a later version's: kept and relayed, not obeyed */
    ORDER_MALFORMED,
    ORDER_BAD_FIELD,
    ORDER_REASON_COUNT
};

const char *order_reason_text(enum order_reason reason);
const char *order_verb_text(enum order_verb verb);

/* What was so before anybody gave an order of this kind: undrain, unforce, a weight of 100, the
 * document's group, back home. Without author, reason and end. */
void order_end(const struct order *self, struct order *end);
/* Does it say anything else than its end does? */
bool order_is_in_force(const struct order *self);
/* What it orders, in one word of [a-z0-9-]: "drain", "force-down", "weight-50". */
void order_word(const struct order *self, char *word, size_t size);

void order_key(const struct order *self, struct record_key *key);
/* Encode into value[RECORD_VALUE_MAX]; returns the size. */
size_t order_encode(const struct order *self, uint8_t *value);
/* On anything but ORDER_OK *self is undefined. */
enum order_reason order_decode(struct order *self, struct pack_space *space,
                               const struct record_key *key, const uint8_t *value, size_t size);

#endif
