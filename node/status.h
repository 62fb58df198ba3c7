/* node/status.h -- what a node says about itself, to and from its record.
 *
 * Each node writes one such record; that is how status, asked on one node, speaks for the pair.
 * Ages, never instants: the record's own age is to be added to each.
 *
 * MessagePack map: 1 sync, 2 up_s, 3 held [[address, since_s, reason]], 4 servers by verdict,
 * 5 answers, 6 pools frozen, 7 pools at their last resort, 8 version. */
#ifndef TANDEM_NODE_STATUS_H
#define TANDEM_NODE_STATUS_H

#include "health/verdict.h"
#include "replication/ip.h"
#include "replication/pack.h"
#include "replication/record.h"
#include "replication/replica.h"

enum {
    STATUS_HELD_MAX = 4,    /* two homes in two families */
    STATUS_REASON_MAX = 23, /* bytes of a word */
    STATUS_VERSION_MAX = 15,
    STATUS_VERDICTS = VERDICT_DOWN + 1
};

/* A service address that the node holds. */
struct status_held {
    struct ip address;
    uint32_t since_s;
    char reason[STATUS_REASON_MAX + 1]; /* why: "home" */
};

struct status {
    enum replica_sync sync;
    uint32_t up_s;
    size_t held_count;
    struct status_held held[STATUS_HELD_MAX];
    uint32_t servers[STATUS_VERDICTS]; /* memberships in pools, by verdict */
    uint64_t answers;                  /* from pools, since the start */
    uint32_t frozen_pools, last_resort_pools;
    char version[STATUS_VERSION_MAX + 1];
};

/* Encode into value[RECORD_VALUE_MAX]; returns the size. Always fits. */
size_t status_encode(const struct status *self, uint8_t *value);

/* False when malformed; *self is undefined then. */
bool status_decode(struct status *self, struct pack_space *space, const uint8_t *value,
                   size_t size);

#endif
