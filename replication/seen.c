#include "replication/seen.h"

#include <assert.h>
#include <string.h>

enum { SLOTS_MIN = 8 };

bool seen_init(struct seen *self, size_t count_max, struct arena *arena)
{
    assert(count_max < SIZE_MAX / 4);
    *self = (struct seen){.slot_count = SLOTS_MIN, .count_max = count_max};
    while (self->slot_count < 2 * count_max)
        self->slot_count *= 2;
    self->slots = arena_take_array(arena, self->slot_count, sizeof *self->slots);
    return self->slots != NULL;
}

/* FNV-1a, its high bits folded into the low ones that choose the slot. */
static size_t hash_of(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

/* The slot of the word, or the empty one where it belongs. There always is an empty one. */
static struct seen_word *slot_of(const struct seen *self, const void *bytes, size_t size)
{
    size_t slot = hash_of(bytes, size) & (self->slot_count - 1);
    while (self->slots[slot].bytes != NULL &&
           (self->slots[slot].size != size || memcmp(self->slots[slot].bytes, bytes, size) != 0))
        slot = (slot + 1) & (self->slot_count - 1);
    return &self->slots[slot];
}

const struct seen_word *seen_add(struct seen *self, const struct seen_word *word)
{
    assert(word->bytes != NULL);
    struct seen_word *slot = slot_of(self, word->bytes, word->size);
    if (slot->bytes != NULL)
        return slot;
    assert(self->count < self->count_max);
    self->count++;
    *slot = *word;
    return NULL;
}

const struct seen_word *seen_find(const struct seen *self, const void *bytes, size_t size)
{
    assert(bytes != NULL);
    const struct seen_word *slot = slot_of(self, bytes, size);
    return slot->bytes == NULL ? NULL : slot;
}
