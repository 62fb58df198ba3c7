/* replication/arena.h -- memory that a core file may take from.
 *
 * Core files never call malloc: what they build lies in an arena that the caller hands in, and is
 * given back all at once when the caller drops the arena. Nothing is ever freed singly.
 * Not thread-safe: one arena, one builder. */
#ifndef TANDEM_REPLICATION_ARENA_H
#define TANDEM_REPLICATION_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *base;     /* the caller's memory, aligned to 16 bytes */
    size_t size_bytes; /* how much of it there is */
    size_t used_bytes; /* 0..size_bytes */
};

void arena_init(struct arena *self, void *base, size_t size_bytes);

/* Zeroed memory aligned to 16 bytes, or NULL when the arena is exhausted (which the caller reports
 * as its own reason, usually "too large"). O(size). */
void *arena_take(struct arena *self, size_t size_bytes);

/* The same for count elements of size_bytes each; NULL also when the product overflows. */
void *arena_take_array(struct arena *self, size_t count, size_t size_bytes);

/* A NUL-terminated copy of size_bytes bytes of text. */
char *arena_text(struct arena *self, const char *text, size_t size_bytes);

#endif
