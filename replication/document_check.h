/* replication/document_check.h -- between document.c (the tables of options), document_pools.c
 * (zones, pools and their members) and document_check.c (what must hold between nodes and servers).
 *
 * All take the root of the tree and the document read from it so far, whose entries are in the
 * order of the tree, and are false with a complaint. */
#ifndef TANDEM_REPLICATION_DOCUMENT_CHECK_H
#define TANDEM_REPLICATION_DOCUMENT_CHECK_H

#include "replication/document.h"
#include "replication/schema.h"

/* Families in order, addresses and keys used once, keys where they are needed. Reads what the
 * partner is; fills in the ends of the pair link and the interval. O(nodes + servers). */
bool document_check(const struct yaml_file *file, const struct yaml_node *root,
                    struct document *document);

/* Read the zones, and of the pools what names zones and servers. O(zones + members). */
bool document_read_pools(const struct yaml_file *file, const struct yaml_node *root,
                         struct document *document);

/* The size of each pool's group, by what is written and its members; anew when servers joined. */
void document_settle_groups(struct document *document);

#endif
