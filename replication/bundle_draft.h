/* replication/bundle_draft.h -- the list of a bundle, file by file. Pure. */
#ifndef TANDEM_REPLICATION_BUNDLE_DRAFT_H
#define TANDEM_REPLICATION_BUNDLE_DRAFT_H

#include "replication/bundle.h"
#include "replication/seen.h"

enum {
    BUNDLE_DRAFT_NAMES_SIZE = 16 << 20, /* of the table of names */
    BUNDLE_DRAFT_SIZE = BUNDLE_DRAFT_NAMES_SIZE + BUNDLE_LIST_SIZE_MAX,
};

struct bundle_draft {
    char *list;
    size_t size;
    struct seen names; /* they lie in the list */
    struct arena arena;
    bool is_full; /* one did not fit, or had a name that cannot be listed */
};

/* Memory of BUNDLE_DRAFT_SIZE bytes, aligned to 16, that outlives the draft: to be reserved, as the
 * table and the lines alone are touched. */
void bundle_draft_init(struct bundle_draft *self, void *memory);

/* True: it is listed anew. False: its name was already, or the draft is full. */
bool bundle_draft_add(struct bundle_draft *self, const struct bundle_file *file);

#endif
