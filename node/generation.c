#include "node/generation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replication/bundle_draft.h"

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

/* Such a key is nobody's from now on, and who has no other is silent. */
static void withdraw(struct document *document, const struct revocation *revocation)
{
    for (size_t i = 0; i < document->server_count; i++) {
        struct document_server *server = &document->servers[i];
        if (strcmp(server->name, revocation->server) != 0)
            continue;
        if (document_has_key(revocation->keys, server->keys[1]))
            server->keys[1][0] = '\0';
        if (document_has_key(revocation->keys, server->keys[0])) {
            memcpy(server->keys[0], server->keys[1], sizeof server->keys[0]);
            server->keys[1][0] = '\0';
        }
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
        memcpy(list[i].server.keys[0], enrolment->key, sizeof list[i].server.keys[0]);
    }
    for (size_t i = 0; i < roll->revoked_count; i++)
        withdraw(&self->document, &roll->revoked[i]);
    return document_enrol(&self->document, list, roll->enrolled_count, arena);
}

static bool plan(struct generation *self, const struct generation *running, const struct roll *roll,
                 char *error)
{
    struct arena *arena = &self->memory.arena;
    const char *path = self->source.path;
    if (self->text == NULL)
        self->text = load_text(&self->source, &self->memory, &self->size, error);
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
static struct generation *begin(char *error)
{
    struct load_memory memory;
    if (load_memory_open(&memory, MEMORY_SIZE) != 0) {
        snprintf(error, LOAD_ERROR_MAX, "no memory for another document");
        return NULL;
    }
    struct generation *self = arena_take(&memory.arena, sizeof *self);
    self->memory = memory;
    return self;
}

static struct generation *end(struct generation *self, const struct generation *running,
                              const struct roll *roll, char *error)
{
    if (self == NULL || plan(self, running, roll, error))
        return self;
    generation_close(self);
    return NULL;
}

struct generation *generation_open(const char *path, const struct generation *running,
                                   const struct roll *roll, char *error)
{
    struct generation *self = begin(error);
    if (self != NULL)
        self->source.path = path;
    return end(self, running, roll, error);
}

/* Its list of files. */
static bool take_bundle(struct generation *self, const struct archive *archive,
                        const uint8_t *digest)
{
    memcpy(self->digest, digest, sizeof self->digest);
    if (!archive_bundle(archive, digest, &self->bundle, &self->memory.arena))
        return false;
    self->source.archive = archive;
    self->source.bundle = &self->bundle;
    self->source.path = self->bundle.files[0].name;
    return true;
}

struct generation *generation_of_bundle(const struct archive *archive, const uint8_t *bundle,
                                        const struct generation *running, const struct roll *roll,
                                        char *error)
{
    struct generation *self = begin(error);
    if (self != NULL && !take_bundle(self, archive, bundle)) {
        snprintf(error, LOAD_ERROR_MAX, "its files are not kept here: %s", strerror(errno));
        generation_close(self);
        return NULL;
    }
    return end(self, running, roll, error);
}

struct generation *generation_again(const struct generation *running, const struct roll *roll,
                                    char *error)
{
    struct generation *self = begin(error);
    if (self == NULL)
        return NULL;
    self->source.path = running->source.path;
    if (running->source.archive != NULL &&
        !take_bundle(self, running->source.archive, running->digest)) {
        snprintf(error, LOAD_ERROR_MAX, "the files in force cannot be read: %s", strerror(errno));
        generation_close(self);
        return NULL;
    }
    self->text = arena_text(&self->memory.arena, running->text, running->size);
    self->size = running->size;
    return end(self, running, roll, error);
}

void generation_close(struct generation *self)
{
    if (self == NULL)
        return;
    struct load_memory memory = self->memory; /* in which self lies */
    load_memory_close(&memory);
}

/* ---- into the archive ---- */

struct keeper {
    const struct archive *archive;
    struct bundle_draft draft;
    int error;
};

static void keep_file(void *context, const char *name, const char *text, size_t size)
{
    struct keeper *self = context;
    struct bundle_file file = {.name = name, .size = size};
    if (self->error == 0)
        self->error = archive_add(self->archive, text, size, file.digest);
    if (self->error == 0)
        (void)bundle_draft_add(&self->draft, &file);
}

static bool keep_all(struct keeper *self, struct generation *again, const char *node, char *error)
{
    struct load_memory memory;
    const struct view *view;
    keep_file(self, load_name(&again->source), again->text, again->size);
    again->source.read = keep_file;
    again->source.context = self;
    if (!load_view(&again->source, &again->document, node, again->pools, &memory, &view, error))
        return false;
    load_memory_close(&memory);
    return true;
}

bool generation_keep(const struct generation *running, const char *node,
                     const struct archive *archive, uint8_t *bundle, char *error)
{
    struct generation *again = generation_again(running, NULL, error);
    struct load_memory memory;
    struct keeper keeper = {.archive = archive};
    if (again == NULL)
        return false;
    bool is_kept = load_memory_open(&memory, BUNDLE_DRAFT_SIZE) == 0;
    if (is_kept) {
        bundle_draft_init(&keeper.draft, memory.base);
        is_kept = keep_all(&keeper, again, node, error);
        if (is_kept && keeper.error == 0 && keeper.draft.is_full)
            keeper.error = -EFBIG;
        if (is_kept && keeper.error == 0)
            keeper.error = archive_add(archive, keeper.draft.list, keeper.draft.size, bundle);
        load_memory_close(&memory);
    }
    generation_close(again);
    if (is_kept && keeper.error != 0)
        snprintf(error, LOAD_ERROR_MAX, "it cannot be kept: %s", strerror(-keeper.error));
    return is_kept && keeper.error == 0;
}
