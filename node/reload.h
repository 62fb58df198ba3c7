/* node/reload.h -- the builder thread: document and zones read anew while answers go on.
 *
 *   control:  reload_start            adopts the plan, reload_publish            takes the result
 *                  |                          ^            |                            ^
 *   builder:       reads, plans, renders -----+            publishes, waits for the ----+
 *                                                          readers, frees what was
 *
 * A mistake in the document or in any zone refuses the whole reload; what was served stays. A check
 * goes the same way up to there, and drops what it built. */
#ifndef TANDEM_NODE_RELOAD_H
#define TANDEM_NODE_RELOAD_H

#include "node/generation.h"
#include "node/publish.h"

struct reload;

struct reload_config {
    const char *path, *node;
    const struct archive *archive;
    size_t servers_max;          /* a document with more is refused, */
    const char *public_key;      /* and one without this key of the node; NULL: it has none */
    struct publisher *publisher; /* written by the builder alone while it runs */
};

enum reload_stage {
    RELOAD_NOTHING,  /* no news */
    RELOAD_PREPARED, /* it waits for reload_publish */
    RELOAD_ENDED,    /* one way or the other */
};

/* 0 or -errno; the texts and the publisher outlive it. */
int reload_open(struct reload **reload, const struct reload_config *config);
void reload_close(struct reload *reload); /* waits for a running one; what is prepared is dropped */

enum reload_what {
    RELOAD_FILE,   /* the document is read from its file */
    RELOAD_AGAIN,  /* it is the running one, with another roll */
    RELOAD_BUNDLE, /* it is one of the archive's */
    RELOAD_CHECK,  /* likewise, and dropped: it ends without the stage PREPARED */
    RELOAD_KEEP,   /* the running one's files go into the archive; likewise */
};

/* Begin; -EBUSY while one runs, until its end was told. bundle: of RELOAD_BUNDLE and RELOAD_CHECK.
 * running outlives the stage PREPARED, or the end; roll is taken over, whatever comes of it. */
int reload_start(struct reload *reload, enum reload_what what, const struct generation *running,
                 struct roll *roll, const uint8_t *bundle);
/* Of the one that runs, or ended last; the bundle that was given, or is kept. */
enum reload_what reload_what(const struct reload *reload);
const uint8_t *reload_bundle(const struct reload *reload);

/* Does one run, so that none can begin? */
bool reload_is_running(const struct reload *reload);

/* Readable when there is news. */
int reload_fd(const struct reload *reload);

/* What became of it, each stage once. PREPARED: *generation, the caller's when it is published.
 * ENDED: *records of the new view, or error[LOAD_ERROR_MAX] is not empty. */
enum reload_stage reload_result(struct reload *reload, struct generation **generation,
                                size_t *records, char *error);

/* It is adopted: publish its view; once no thread reads the one before, `before` is closed (NULL:
 * there is none). */
void reload_publish(struct reload *reload, struct generation *before);

#endif
