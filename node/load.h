/* node/load.h -- files to a document and to a view: those that lie about, or those of the archive.
 * The only reader of both; never in the control thread once that runs. */
#ifndef TANDEM_NODE_LOAD_H
#define TANDEM_NODE_LOAD_H

#include "node/dns/view.h"
#include "replication/archive.h"
#include "replication/document.h"

enum {
    LOAD_ERROR_MAX = 768,
    LOAD_ZONE_SIZE_MAX = 64 << 20 /* bytes of one zone file */
};

/* Memory got at once, given back at once; pages are taken from the system when touched. */
struct load_memory {
    void *base;
    size_t size;
    struct arena arena;
};

/* 0 or -ENOMEM. */
int load_memory_open(struct load_memory *self, size_t size);
void load_memory_close(struct load_memory *self);

/* Where a document's files are read. */
struct load_source {
    const char *path;              /* of the document; relative paths are beside it */
    const struct archive *archive; /* NULL: the files as they lie there; else those of a bundle, */
    const struct bundle *bundle;   /* which are found by what the document calls them */
    /* NULL, or told of each that was read, the document first, under its name in a bundle. */
    void (*read)(void *context, const char *name, const char *text, size_t size);
    void *context;
};

/* What the document is called in a bundle: the last part of its path. */
const char *load_name(const struct load_source *source);

/* The document's text into the memory, NUL-terminated; NULL with a sentence in
 * error[LOAD_ERROR_MAX]. */
const char *load_text(const struct load_source *source, struct load_memory *memory, size_t *size,
                      char *error);

/* Read all zones of the document and build the view. pools[i] is the living pool of
 * document.pools[i] and outlives the view. True with an empty error, or false with one sentence in
 * error[LOAD_ERROR_MAX]. Opens *memory; the caller closes it, or hands it to publish(). */
bool load_view(const struct load_source *source, const struct document *document, const char *node,
               struct pool *const *pools, struct load_memory *memory, const struct view **view,
               char *error);

#endif
