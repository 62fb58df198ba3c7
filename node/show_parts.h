/* node/show_parts.h -- between the files of show: for them alone.
 *
 *   show.c         nodes, addresses, pools, servers, counters
 *   show_alarms.c  sentences about what is not as it should be
 *   show_events.c  what happened, on both nodes
 *   show_orders.c  what operators ordered */
#ifndef TANDEM_NODE_SHOW_PARTS_H
#define TANDEM_NODE_SHOW_PARTS_H

#include "node/show.h"

/* How a node holds this address, or NULL. */
const struct status_held *show_find_held(const struct status *status, const struct ip *address);

/* Though its records may not be heard: its advertisements are, or beats that say that it is fit. */
bool show_partner_lives(const struct told *told);

/* A list of sentences; empty when all is well. */
json_t *show_alarms(const struct node *node, const struct told *told, int64_t now_ms);

/* The last transitions, oldest first. */
json_t *show_transitions(const struct node *node, int64_t now_ms);

#endif
