/* replication/seen.h -- what was seen before, and where: for everything that may occur once.
 *
 * A hash table of fixed size in an arena. The hash has no key: the words are an operator's own.
 * The bytes are not copied. O(1) a call. */
#ifndef TANDEM_REPLICATION_SEEN_H
#define TANDEM_REPLICATION_SEEN_H

#include <stdbool.h>

#include "replication/arena.h"

struct seen_word {
    const void *bytes;
    size_t size;
    uint32_t line, column; /* of the text, where it was seen first */
    uint32_t position;     /* what the caller wants to find again, such as an index */
};

struct seen {
    struct seen_word *slots; /* bytes NULL: empty */
    size_t slot_count;       /* a power of two, at least twice count_max */
    size_t count, count_max;
};

/* For at most count_max words; false when the arena is exhausted. */
bool seen_init(struct seen *self, size_t count_max, struct arena *arena);

/* Add a word; when it was there before it stays as it was and is returned, else NULL. */
const struct seen_word *seen_add(struct seen *self, const struct seen_word *word);

/* The word as it was added, or NULL. */
const struct seen_word *seen_find(const struct seen *self, const void *bytes, size_t size);

#endif
