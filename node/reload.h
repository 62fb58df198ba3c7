/* node/reload.h -- the builder thread: zones read anew and published while answers go on.
 *
 * A mistake in any zone refuses the whole reload; the view from before stays. */
#ifndef TANDEM_NODE_RELOAD_H
#define TANDEM_NODE_RELOAD_H

#include "node/load.h"
#include "node/publish.h"

struct reload;

struct reload_config {
    const char *path, *node;
    const struct document *document;
    struct pool *const *pools;
    struct publisher *publisher; /* written by the builder alone while it runs */
};

/* 0 or -errno; the texts and pointers outlive it. */
int reload_open(struct reload **reload, const struct reload_config *config);
void reload_close(struct reload *reload); /* waits for a running one */

/* Begin; -EBUSY when one is running. */
int reload_start(struct reload *reload);

/* Readable when one has ended. */
int reload_fd(const struct reload *reload);

/* True when one has ended: *records of the new view, or error[LOAD_ERROR_MAX] not empty. */
bool reload_result(struct reload *reload, size_t *records, char *error);

#endif
