/* node/generation.h -- a document as it is served: what was read, what the node makes of it, and
 * the pools that DNS threads answer from. All of it lies in memory of its own, which is given back
 * when the next generation has taken its place. */
#ifndef TANDEM_NODE_GENERATION_H
#define TANDEM_NODE_GENERATION_H

#include "node/load.h"
#include "node/node.h"

struct generation {
    struct load_memory memory; /* this struct lies in it too */
    struct document document;
    struct node_plan plan;
    struct pool **pools;                /* by the document's position */
    char differs[DOCUMENT_DIFFERS_MAX]; /* from the running document: takes a restart */
};

/* Reads the document and plans it. running: what must not change while the node runs is taken from
 * it; NULL at the start. NULL, with a sentence in error[LOAD_ERROR_MAX]. Waits for the disk; any
 * thread. */
struct generation *generation_open(const char *path, const struct document *running, char *error);
void generation_close(struct generation *self); /* NULL is fine */

#endif
