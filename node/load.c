#include "node/load.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replication/file.h"

enum {
    FILES_MAX = 1024,       /* read for one zone, $INCLUDE and all */
    VIEW_MEMORY_FACTOR = 24 /* of the text: names, sets and tables take at most so much more */
};

int load_memory_open(struct load_memory *self, size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    *self = (struct load_memory){.base = base, .size = size};
    arena_init(&self->arena, base, size);
    return 0;
}

void load_memory_close(struct load_memory *self)
{
    if (self->base != NULL)
        munmap(self->base, self->size);
    *self = (struct load_memory){0};
}

static void say_unreadable(const char *path, char *error)
{
    if (errno == EFBIG)
        snprintf(error, LOAD_ERROR_MAX, "%s: is larger than Tandem reads", path);
    else
        snprintf(error, LOAD_ERROR_MAX,
                 "%s cannot be read (%s): name a file that the user of tandem-worker may read",
                 path, strerror(errno));
}

/* The file of that name, from malloc; NULL with a sentence. */
static char *read_named(const struct load_source *source, const char *name, const char *path,
                        size_t size_max, size_t *size, char *error)
{
    const struct bundle_file *file =
        source->archive == NULL ? NULL : bundle_find(source->bundle, name);
    char *text = NULL;
    if (source->archive == NULL)
        text = file_read(path, 0, size_max, size);
    else if (file != NULL)
        text = archive_read(source->archive, file->digest, size);
    else
        errno = ENOENT;
    if (text == NULL)
        say_unreadable(path, error);
    else if (source->read != NULL)
        source->read(source->context, name, text, *size);
    return text;
}

const char *load_name(const struct load_source *source)
{
    const char *slash = strrchr(source->path, '/');
    return slash == NULL ? source->path : slash + 1;
}

const char *load_text(const struct load_source *source, struct load_memory *memory, size_t *size,
                      char *error)
{
    char *text =
        read_named(source, load_name(source), source->path, DOCUMENT_SIZE_MAX, size, error);
    if (text == NULL)
        return NULL;
    const char *kept = arena_text(&memory->arena, text, *size);
    if (kept == NULL)
        snprintf(error, LOAD_ERROR_MAX, "%s: no memory for it", source->path);
    free(text);
    return kept;
}

/* ---- zones ---- */

/* The texts of one zone's files, kept until it is parsed. */
struct files {
    const struct load_source *source;
    char *texts[FILES_MAX];
    size_t count;
    const char *zone_name;
    struct arena *arena;
};

/* Where a file lies that is called so; in a bundle that is its name. */
static const char *locate(const struct load_source *source, const char *name, struct arena *arena)
{
    return source->archive == NULL ? document_path(source->path, name, arena) : name;
}

static const char *read_include(void *context, const char *path, size_t *size)
{
    struct files *files = context;
    char error[LOAD_ERROR_MAX];
    const char *name = document_path(files->zone_name, path, files->arena);
    const char *whole = name == NULL ? NULL : locate(files->source, name, files->arena);
    if (whole == NULL || files->count == FILES_MAX)
        return NULL;
    char *text = read_named(files->source, name, whole, LOAD_ZONE_SIZE_MAX, size, error);
    if (text != NULL)
        files->texts[files->count++] = text;
    return text;
}

static bool load_zone(const struct load_source *source, const struct document_zone *configured,
                      struct zone *zone, struct arena *arena, char *error)
{
    uint8_t origin[NAME_SIZE_MAX];
    size_t origin_size, size;
    if (!name_parse(configured->origin, origin, &origin_size)) {
        snprintf(error, LOAD_ERROR_MAX, "%s: zone '%s' is no domain name", source->path,
                 configured->origin);
        return false;
    }
    struct files files = {.source = source, .zone_name = configured->path, .arena = arena};
    const char *path = locate(source, configured->path, arena);
    if (path == NULL) {
        snprintf(error, LOAD_ERROR_MAX, "zone %s: no memory", configured->origin);
        return false;
    }
    char *text = read_named(source, configured->path, path, LOAD_ZONE_SIZE_MAX, &size, error);
    if (text == NULL)
        return false;
    struct zone_files reader = {read_include, &files};
    bool parsed = zone_parse(zone, path, text, size, origin, &reader, arena, error);
    for (size_t i = 0; i < files.count; i++)
        free(files.texts[i]);
    free(text);
    return parsed;
}

/* ---- the view ---- */

static bool describe_pool(const struct document *document, const struct document_pool *configured,
                          struct pool *pool, struct view_pool_config *config, struct arena *arena)
{
    struct ip(*addresses)[2] = arena_take_array(arena, configured->member_count, sizeof *addresses);
    size_t owner_size;
    if (addresses == NULL || !name_parse(configured->owner, config->owner, &owner_size))
        return false;
    for (size_t i = 0; i < configured->member_count; i++)
        memcpy(addresses[i], document->servers[configured->members[i]].addresses,
               sizeof addresses[i]);
    config->name = configured->name;
    config->ttl_s = configured->ttl_s;
    config->pool = pool;
    config->addresses = (const struct ip(*)[2])addresses;
    config->fixed_count = configured->fixed_count;
    config->fixed = configured->fixed;
    return true;
}

/* Bytes of the file; 0: not known. */
static size_t file_size(const struct load_source *source, const char *name)
{
    _Alignas(16) uint8_t room[8192];
    struct arena arena;
    struct stat status;
    if (source->archive != NULL) {
        const struct bundle_file *file = bundle_find(source->bundle, name);
        return file == NULL ? 0 : (size_t)file->size;
    }
    arena_init(&arena, room, sizeof room);
    const char *whole = document_path(source->path, name, &arena);
    return whole != NULL && stat(whole, &status) == 0 && status.st_size > 0 ? (size_t)status.st_size
                                                                            : 0;
}

/* Room for what the zones' files can become: their size is all there is to go by. */
static size_t guess_memory(const struct load_source *source, const struct document *document)
{
    size_t size = 64 << 20;
    for (size_t i = 0; i < document->zone_count; i++)
        size += file_size(source, document->zones[i].path) * VIEW_MEMORY_FACTOR + 65536;
    return size;
}

static bool build(const struct load_source *source, const struct document *document,
                  const char *node, struct pool *const *pools, struct arena *arena,
                  const struct view **view, char *error)
{
    struct zone *zones = arena_take_array(arena, document->zone_count + 1, sizeof *zones);
    struct view_pool_config *configs =
        arena_take_array(arena, document->pool_count + 1, sizeof *configs);
    char *nsid = arena_text(arena, node, strlen(node));
    snprintf(error, LOAD_ERROR_MAX, "%s: the zones take more memory than expected", source->path);
    if (zones == NULL || configs == NULL || nsid == NULL)
        return false;
    for (size_t i = 0; i < document->zone_count; i++)
        if (!load_zone(source, &document->zones[i], &zones[i], arena, error))
            return false;
    for (size_t i = 0; i < document->pool_count; i++)
        if (!describe_pool(document, &document->pools[i], pools[i], &configs[i], arena))
            return false;
    struct view_config config = {.zone_count = document->zone_count,
                                 .pool_count = document->pool_count,
                                 .zones = zones,
                                 .pools = configs,
                                 .nsid = nsid};
    randombytes_buf(config.hash_key, sizeof config.hash_key);
    *view = view_build(&config, arena, error);
    return *view != NULL;
}

bool load_view(const struct load_source *source, const struct document *document, const char *node,
               struct pool *const *pools, struct load_memory *memory, const struct view **view,
               char *error)
{
    if (load_memory_open(memory, guess_memory(source, document)) != 0) {
        snprintf(error, LOAD_ERROR_MAX, "%s: no memory for its zones", source->path);
        return false;
    }
    if (!build(source, document, node, pools, &memory->arena, view, error)) {
        load_memory_close(memory);
        return false;
    }
    error[0] = '\0'; /* the sentence that build keeps ready for want of memory */
    return true;
}
