/* node/fitness.h -- how a node's guardian finds its node, to and from its record.
 *
 * Each node writes one, so that status, asked on one node, tells why the other one is not fit.
 *
 * MessagePack map: 1 fault, 2 gate, 3 reception, 4 wall_ms. */
#ifndef TANDEM_NODE_FITNESS_H
#define TANDEM_NODE_FITNESS_H

#include "replication/pack.h"
#include "replication/record.h"

enum { FITNESS_WORD_MAX = 23 /* bytes */ };

/* Words as the guardian's log has them; "" is not known. */
struct fitness {
    char fault[FITNESS_WORD_MAX + 1];     /* why it may not hold addresses: "sound", "isolated" */
    char gate[FITNESS_WORD_MAX + 1];      /* its worker: "ready", "thread-silent" */
    char reception[FITNESS_WORD_MAX + 1]; /* "proven", "no-carrier", "no-frame" ... */
    int64_t wall_ms;                      /* its wall clock, as of the record's age; 0: not known */
};

/* Encode into value[RECORD_VALUE_MAX]; returns the size. Always fits. */
size_t fitness_encode(const struct fitness *self, uint8_t *value);

/* False when malformed; *self is undefined then. */
bool fitness_decode(struct fitness *self, struct pack_space *space, const uint8_t *value,
                    size_t size);

#endif
