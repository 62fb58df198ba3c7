/* node/load.h -- files to a document and to a view. The only reader of both; never in the control
 * thread once that runs. */
#ifndef TANDEM_NODE_LOAD_H
#define TANDEM_NODE_LOAD_H

#include "node/dns/view.h"
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

/* Each is true, or false with one sentence in error[LOAD_ERROR_MAX]; load_view leaves it empty when
 * true. */
bool load_document(const char *path, struct document *document, struct load_memory *memory,
                   char *error);
/* The document's text into the memory, NUL-terminated; NULL with a sentence. */
const char *load_text(const char *path, struct load_memory *memory, size_t *size, char *error);

/* Read all zones of the document and build the view. pools[i] is the living pool of
 * document.pools[i] and outlives the view. path is the document's: relative paths are beside it.
 * Opens *memory; the caller closes it, or hands it to publish(). */
bool load_view(const char *path, const struct document *document, const char *node,
               struct pool *const *pools, struct load_memory *memory, const struct view **view,
               char *error);

#endif
