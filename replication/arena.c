#include "replication/arena.h"

#include <assert.h>
#include <string.h>

enum { ARENA_ALIGNMENT = 16 };

void arena_init(struct arena *self, void *base, size_t size_bytes)
{
    assert(base != NULL || size_bytes == 0);
    assert((uintptr_t)base % ARENA_ALIGNMENT == 0);
    *self = (struct arena){.base = base, .size_bytes = size_bytes};
}

void *arena_take(struct arena *self, size_t size_bytes)
{
    assert(self->used_bytes <= self->size_bytes);
    size_t start = (self->used_bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    if (start > self->size_bytes || size_bytes > self->size_bytes - start)
        return NULL;
    self->used_bytes = start + size_bytes;
    return memset(self->base + start, 0, size_bytes);
}

void *arena_take_array(struct arena *self, size_t count, size_t size_bytes)
{
    assert(size_bytes > 0);
    if (count > SIZE_MAX / size_bytes)
        return NULL;
    return arena_take(self, count * size_bytes);
}

char *arena_text(struct arena *self, const char *text, size_t size_bytes)
{
    char *copy = arena_take(self, size_bytes + 1);
    if (copy != NULL)
        memcpy(copy, text, size_bytes);
    return copy;
}
