/* node/handed.h -- how often a node named a server of a pool, to and from its record.
 *
 * The record's name is NODE/POOL/SERVER, its value a MessagePack map: 1 how often since the node's
 * start, which falls when it begins anew, or beyond 2^32. */
#ifndef TANDEM_NODE_HANDED_H
#define TANDEM_NODE_HANDED_H

#include "replication/pack.h"
#include "replication/record.h"

/* Whose total it is: texts within parts. */
struct handed_key {
    char parts[RECORD_NAME_MAX + 1];
    const char *node, *pool, *server;
};

/* False when the name is not of that shape. The key is not to be copied. */
bool handed_split(struct handed_key *self, const char *name);

/* Encode into value[RECORD_VALUE_MAX]; returns the size. */
size_t handed_encode(uint32_t total, uint8_t *value);

/* False when malformed; *total is untouched then. */
bool handed_decode(uint32_t *total, struct pack_space *space, const uint8_t *value, size_t size);

#endif
