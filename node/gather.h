/* node/gather.h -- what node/doctor.h judges: asked of the kernel, of the guardian's words and of
 * the node as it is now.
 *
 * Reads a few files of /proc and asks for an interface's flags, which waits for no disk: about
 * 0.1 ms, in the control thread, when an operator wants it. */
#ifndef TANDEM_NODE_GATHER_H
#define TANDEM_NODE_GATHER_H

#include "node/doctor.h"
#include "node/node.h"
#include "node/told.h"

/* The texts of *facts are the document's. */
void gather_facts(const struct node *node, const struct told *told, int64_t now_ms,
                  struct doctor_facts *facts);

#endif
