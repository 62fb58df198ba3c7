/* node/told.h -- what the guardian has told this worker: failover/channel.h, as it stands now.
 *
 * Pure: it is handed messages and the time, and remembers. It is of one life of the worker. */
#ifndef TANDEM_NODE_TOLD_H
#define TANDEM_NODE_TOLD_H

#include "failover/channel.h"
#include "node/fitness.h"
#include "node/transition.h"

enum {
    TOLD_RISE_MS = 3000,      /* a counter that rose within so long rises: it is told each second */
    TOLD_STRANGER_MS = 10000, /* a stranger's claim is news for so long */
    TOLD_WITNESS_MS =
        15000, /* a witness silent for so long does not answer: it is asked each 5 s */
    TOLD_WITNESSES_MAX = 5,
};

struct told {
    bool has_state;
    struct channel_message state; /* the last STATE */
    int64_t first_ms;             /* when the first one came */
    struct told_count {
        bool is_known;
        uint32_t count;
        int64_t rose_ms; /* when it was last seen to rise; INT64_MIN: never */
    } counts[CHANNEL_GROUPS][CHANNEL_COUNTS_MAX];
    struct told_stranger {
        int64_t heard_ms; /* when last; INT64_MIN: never */
        uint8_t mac[CHANNEL_MAC_SIZE];
    } strangers[PAIR_NODES]; /* by home */
    size_t witness_count;
    struct told_witness {
        struct ip address;
        int64_t heard_ms; /* when last; INT64_MIN: never */
    } witnesses[TOLD_WITNESSES_MAX];
};

void told_init(struct told *self);

/* STATE, COUNTERS, STRANGER or WITNESS; any other kind is ignored. */
void told_take(struct told *self, int64_t now_ms, const struct channel_message *message);

/* Was this counter seen to rise just now? */
bool told_rises(const struct told *self, int64_t now_ms, enum channel_group group, size_t which);
/* Has this witness been silent for too long? Not before there was time to hear it. */
bool told_is_silent(const struct told *self, int64_t now_ms, const struct told_witness *witness);
bool told_has(const struct told *self, enum channel_flag flag);

/* The words of a STATE; wall_ms is left alone. */
void told_fitness(const struct channel_message *state, struct fitness *fitness);

/* A NOTE as a transition of the node `self` of these names. */
void told_transition(const struct channel_message *note, int64_t now_ms,
                     const char *const names[PAIR_NODES], size_t self,
                     struct transition *transition);

/* "beats", and "bad-tag": the names of a group, and of one of its numbers. */
const char *told_group_word(enum channel_group group);
const char *told_count_word(enum channel_group group, size_t which);

#endif
