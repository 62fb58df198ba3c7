/* node/order.h -- an operator's order, to and from a record.
 *
 *   drain/SERVER  {1: draining, 9: author}
 *   group/POOL    {1: group size, 2: rounds, 9: author}
 *   handover/NODE {1: away, 9: author}
 *
 * Either node writes it at any time; the higher version stands (replication/record.h). */
#ifndef TANDEM_NODE_ORDER_H
#define TANDEM_NODE_ORDER_H

#include "replication/pack.h"
#include "replication/record.h"

enum {
    ORDER_AUTHOR_MAX = 32, /* bytes */
    ORDER_SUBJECT_MAX = 30 /* bytes: a server's, pool's or node's name */
};

enum order_verb { ORDER_DRAIN, ORDER_GROUP, ORDER_HANDOVER };

struct order {
    enum order_verb verb;
    char subject[ORDER_SUBJECT_MAX + 1];
    bool draining;                     /* ORDER_DRAIN: false is undrain */
    bool away;                         /* ORDER_HANDOVER: its home is its partner's, or its own */
    uint32_t group_size;               /* ORDER_GROUP: 1..256 */
    uint32_t rounds;                   /* ORDER_GROUP: 1..1000 */
    char author[ORDER_AUTHOR_MAX + 1]; /* who gave it, such as "root@ns1"; printable */
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

void order_key(const struct order *self, struct record_key *key);
/* Encode into value[RECORD_VALUE_MAX]; returns the size. */
size_t order_encode(const struct order *self, uint8_t *value);
/* On anything but ORDER_OK *self is undefined. */
enum order_reason order_decode(struct order *self, struct pack_space *space,
                               const struct record_key *key, const uint8_t *value, size_t size);

#endif
