/* node/reload.h -- the builder thread: document and zones read anew while answers go on.
 *
 *   control:  reload_start            adopts the plan, reload_publish            takes the result
 *                  |                          ^            |                            ^
 *   builder:       reads, plans, renders -----+            publishes, waits for the ----+
 *                                                          readers, frees what was
 *
 * A mistake in the document or in any zone refuses the whole reload; what was served stays. */
#ifndef TANDEM_NODE_RELOAD_H
#define TANDEM_NODE_RELOAD_H

#include "node/generation.h"
#include "node/publish.h"

struct reload;

struct reload_config {
    const char *path, *node;
    struct publisher *publisher; /* written by the builder alone while it runs */
};

enum reload_stage {
    RELOAD_NOTHING,  /* no news */
    RELOAD_PREPARED, /* it waits for reload_publish or reload_refuse */
    RELOAD_ENDED,    /* one way or the other */
};

/* 0 or -errno; the texts and the publisher outlive it. */
int reload_open(struct reload **reload, const struct reload_config *config);
void reload_close(struct reload *reload); /* waits for a running one; what is prepared is dropped */

/* Begin; -EBUSY while one runs, until its end was told. is_anew: the document is read from its
 * file; else it is the running one again, with another roll. running outlives the stage PREPARED;
 * roll is taken over, whatever comes of it. */
int reload_start(struct reload *reload, const struct generation *running, struct roll *roll,
                 bool is_anew);

/* Readable when there is news. */
int reload_fd(const struct reload *reload);

/* What became of it, each stage once. PREPARED: *generation, the caller's when it is published.
 * ENDED: *records of the new view, or error[LOAD_ERROR_MAX] is not empty. */
enum reload_stage reload_result(struct reload *reload, struct generation **generation,
                                size_t *records, char *error);

/* It is adopted: publish its view; once no thread reads the one before, `before` is closed (NULL:
 * there is none). */
void reload_publish(struct reload *reload, struct generation *before);
/* It is not: drop it, and end with this sentence. */
void reload_refuse(struct reload *reload, const char *sentence);

#endif
