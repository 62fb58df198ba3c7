/* node/transition.h -- something that happened to a node, to and from a record.
 *
 * A node keeps its last ones in as many records as it has slots, each in turn; so its partner can
 * tell of them also when the node is dead.
 *
 * MessagePack map: 1 number, 2 earlier_ms, 3 area, 4 subject, 5 from, 6 to, 7 reason; of what
 * somebody ordered 8 author, 9 note. */
#ifndef TANDEM_NODE_TRANSITION_H
#define TANDEM_NODE_TRANSITION_H

#include "replication/pack.h"
#include "replication/record.h"

enum {
    TRANSITION_WORD_MAX = 23,    /* bytes */
    TRANSITION_SUBJECT_MAX = 30, /* bytes: a node's name */
    TRANSITION_AUTHOR_MAX = 32,
    TRANSITION_NOTE_MAX = 60,
};

struct transition {
    uint32_t number;                          /* from 1, in one life of the node's guardian */
    uint32_t earlier_ms;                      /* than the record was stated */
    char area[TRANSITION_WORD_MAX + 1];       /* address, worker, gate, lan, loop, guardian */
    char subject[TRANSITION_SUBJECT_MAX + 1]; /* a node: whose address or whose worker */
    char from[TRANSITION_WORD_MAX + 1];       /* "": it is not said */
    char to[TRANSITION_WORD_MAX + 1];
    char reason[TRANSITION_WORD_MAX + 1];
    char author[TRANSITION_AUTHOR_MAX + 1]; /* "": nobody ordered it */
    char note[TRANSITION_NOTE_MAX + 1];     /* why, for people; printable */
};

/* Encode into value[RECORD_VALUE_MAX]; returns the size. Always fits. */
size_t transition_encode(const struct transition *self, uint8_t *value);

/* False when malformed; *self is undefined then. */
bool transition_decode(struct transition *self, struct pack_space *space, const uint8_t *value,
                       size_t size);

#endif
