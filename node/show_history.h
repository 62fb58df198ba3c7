/* node/show_history.h -- the documents that were in force, and what is not as it should be with
 * them, as JSON. */
#ifndef TANDEM_NODE_SHOW_HISTORY_H
#define TANDEM_NODE_SHOW_HISTORY_H

#include <jansson.h>

#include "node/documents.h"

/* revisions, oldest first; term, writer (a node's name), prepared, partner, served; the archive's
 * state folder, and the document's file. names: of both nodes; NULL where there is none. */
json_t *show_history(const struct documents *documents, int64_t now_ms, const char *const *names,
                     const char *file, const char *differs);

/* Into the answer to status: "document", and its alarms, by which healthy becomes degraded. */
void show_add_document(json_t *status, const struct documents *documents, int64_t now_ms,
                       const char *const *names, const char *differs);

#endif
