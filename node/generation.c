#include "node/generation.h"

#include <stdio.h>

enum { MEMORY_SIZE = 1 << 30 }; /* reserved, taken when touched */

static bool plan(struct generation *self, const char *path, const struct document *running,
                 char *error)
{
    struct arena *arena = &self->memory.arena;
    if (!load_document(path, &self->document, &self->memory, error))
        return false;
    snprintf(error, LOAD_ERROR_MAX, "%s: the cluster is too large for the memory set aside", path);
    if (running != NULL && !document_keep_fixed(&self->document, running, arena, self->differs))
        return false;
    self->pools = arena_take_array(arena, self->document.pool_count + 1, sizeof *self->pools);
    if (self->pools == NULL || !node_plan_init(&self->plan, &self->document, arena))
        return false;
    for (size_t i = 0; i < self->document.pool_count; i++)
        self->pools[i] = self->plan.pools[i].pool;
    error[0] = '\0';
    return true;
}

struct generation *generation_open(const char *path, const struct document *running, char *error)
{
    struct load_memory memory;
    if (load_memory_open(&memory, MEMORY_SIZE) != 0) {
        snprintf(error, LOAD_ERROR_MAX, "%s: no memory for it", path);
        return NULL;
    }
    struct generation *self = arena_take(&memory.arena, sizeof *self);
    self->memory = memory;
    if (plan(self, path, running, error))
        return self;
    generation_close(self);
    return NULL;
}

void generation_close(struct generation *self)
{
    if (self == NULL)
        return;
    struct load_memory memory = self->memory; /* in which self lies */
    load_memory_close(&memory);
}
