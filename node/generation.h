/* node/generation.h -- a document as it is served: what was read, what the node makes of it, and
 * the pools that DNS threads answer from. All of it lies in memory of its own, which is given back
 * when the next generation has taken its place. */
#ifndef TANDEM_NODE_GENERATION_H
#define TANDEM_NODE_GENERATION_H

#include "node/load.h"
#include "node/node.h"

struct generation {
    struct load_memory memory; /* this struct lies in it too */
    struct load_source source;
    uint8_t digest[REVISION_DIGEST_SIZE]; /* of the bundle, when it is of the archive */
    struct bundle bundle;
    const char *text; /* that the document was read from */
    size_t size;
    struct document document;
    struct node_plan plan;
    struct pool **pools;                /* by the document's position */
    char differs[DOCUMENT_DIFFERS_MAX]; /* from the running document: takes a restart */
};

/* Who joined, and whose keys are withdrawn, as records say at that moment. */
struct roll {
    size_t enrolled_count, revoked_count;
    struct enrolment *enrolled;
    struct revocation *revoked;
};

/* From malloc; NULL without memory. Control thread. */
struct roll *roll_take(struct node *node);
void roll_free(struct roll *self); /* NULL is fine */

/* Plans the document of the file, of a bundle that is kept (archive outlives it), or of this
 * generation again, as it was read then: with the servers that joined (NULL: none); what must not
 * change while the node runs is taken from running (NULL: at the start). NULL, with a sentence in
 * error[LOAD_ERROR_MAX]. Waits for the disk; any thread. */
struct generation *generation_open(const char *path, const struct generation *running,
                                   const struct roll *roll, char *error);
struct generation *generation_of_bundle(const struct archive *archive, const uint8_t *bundle,
                                        const struct generation *running, const struct roll *roll,
                                        char *error);
struct generation *generation_again(const struct generation *running, const struct roll *roll,
                                    char *error);
void generation_close(struct generation *self); /* NULL is fine */

/* All its files into the archive, as they are now. False: they are not what can be served, or the
 * disk refused. */
bool generation_keep(const struct generation *running, const char *node,
                     const struct archive *archive, uint8_t *bundle, char *error);

#endif
