#include "node/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_SIZE = 1 << 30 }; /* reserved, taken when touched */

struct roll *roll_take(struct node *node)
{
    size_t max = node->table.count;
    struct roll *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->enrolled = calloc(max + 1, sizeof *self->enrolled);
    self->revoked = calloc(max + 1, sizeof *self->revoked);
    if (self->enrolled == NULL || self->revoked == NULL) {
        roll_free(self);
        return NULL;
    }
    self->enrolled_count = node_enrolments(node, self->enrolled, max);
    self->revoked_count = node_revocations(node, self->revoked, max);
    return self;
}

void roll_free(struct roll *self)
{
    if (self == NULL)
        return;
    free(self->enrolled);
    free(self->revoked);
    free(self);
}

/* Its key is nobody's from now on, and it is silent. */
static void withdraw(struct document *document, const struct revocation *revocation)
{
    for (size_t i = 0; i < document->server_count; i++) {
        struct document_server *server = &document->servers[i];
        if (strcmp(server->name, revocation->server) == 0 &&
            strcmp(server->key, revocation->key) == 0)
            server->key[0] = '\0';
    }
}

static bool call_roll(struct generation *self, const struct roll *roll)
{
    struct arena *arena = &self->memory.arena;
    struct document_enrolment *list =
        arena_take_array(arena, roll->enrolled_count + 1, sizeof *list);
    if (list == NULL)
        return false;
    for (size_t i = 0; i < roll->enrolled_count; i++) {
        const struct enrolment *enrolment = &roll->enrolled[i];
        list[i] = (struct document_enrolment){
            .server = {.name = enrolment->server,
                       .addresses = {enrolment->addresses[0], enrolment->addresses[1]},
                       .capacity = enrolment->capacity,
                       .machine = enrolment->machine},
            .pool = enrolment->pool};
        memcpy(list[i].server.key, enrolment->key, sizeof list[i].server.key);
    }
    for (size_t i = 0; i < roll->revoked_count; i++)
        withdraw(&self->document, &roll->revoked[i]);
    return document_enrol(&self->document, list, roll->enrolled_count, arena);
}

static bool plan(struct generation *self, const char *path, const struct generation *running,
                 const struct roll *roll, char *error)
{
    struct arena *arena = &self->memory.arena;
    if (self->text == NULL)
        self->text = load_text(path, &self->memory, &self->size, error);
    if (self->text == NULL ||
        !document_parse(&self->document, path, self->text, self->size, arena, error))
        return false;
    snprintf(error, LOAD_ERROR_MAX, "%s: the cluster is too large for the memory set aside", path);
    if (running != NULL &&
        !document_keep_fixed(&self->document, &running->document, arena, self->differs))
        return false;
    if (roll != NULL && !call_roll(self, roll))
        return false;
    self->pools = arena_take_array(arena, self->document.pool_count + 1, sizeof *self->pools);
    if (self->pools == NULL || !node_plan_init(&self->plan, &self->document, arena))
        return false;
    for (size_t i = 0; i < self->document.pool_count; i++)
        self->pools[i] = self->plan.pools[i].pool;
    error[0] = '\0';
    return true;
}

/* Its memory, in which it lies itself. */
static struct generation *begin(const char *path, char *error)
{
    struct load_memory memory;
    if (load_memory_open(&memory, MEMORY_SIZE) != 0) {
        snprintf(error, LOAD_ERROR_MAX, "%s: no memory for it", path);
        return NULL;
    }
    struct generation *self = arena_take(&memory.arena, sizeof *self);
    self->memory = memory;
    return self;
}

static struct generation *end(struct generation *self, const char *path,
                              const struct generation *running, const struct roll *roll,
                              char *error)
{
    if (self == NULL || plan(self, path, running, roll, error))
        return self;
    generation_close(self);
    return NULL;
}

struct generation *generation_open(const char *path, const struct generation *running,
                                   const struct roll *roll, char *error)
{
    return end(begin(path, error), path, running, roll, error);
}

struct generation *generation_again(const char *path, const struct generation *running,
                                    const struct roll *roll, char *error)
{
    struct generation *self = begin(path, error);
    if (self != NULL) {
        self->text = arena_text(&self->memory.arena, running->text, running->size);
        self->size = running->size;
    }
    return end(self, path, running, roll, error);
}

void generation_close(struct generation *self)
{
    if (self == NULL)
        return;
    struct load_memory memory = self->memory; /* in which self lies */
    load_memory_close(&memory);
}
