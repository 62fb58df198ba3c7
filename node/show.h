/* node/show.h -- what tandemctl asks for, as JSON (jansson), from the node's state as it is now.
 *
 * Every duration is an age in milliseconds or seconds, by its name; instants are of no use to a
 * reader on another machine. The caller owns what is returned (json_decref). */
#ifndef TANDEM_NODE_SHOW_H
#define TANDEM_NODE_SHOW_H

#include <jansson.h>

#include "node/node.h"
#include "node/told.h"

/* The whole picture, for the pair:
 *   health: healthy, degraded, or unserved (an address) or alone; exit: 0, 1, 2 likewise
 *   nodes, addresses, pools, servers (counted by verdict), alarms (sentences), transitions,
 *   witnesses */
json_t *show_status(const struct node *node, const struct told *told, int64_t now_ms);

/* One more sentence among the alarms of a status; a healthy pair is degraded by it. */
void show_add_alarm(json_t *status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What happened last, on both nodes, oldest first: who holds what, workers, servers. */
json_t *show_events(const struct node *node, int64_t now_ms);

/* The orders that are in force, and until when. */
json_t *show_orders(const struct node *node, int64_t now_ms);

/* Each server with each of its pools: verdict, reason, load. */
json_t *show_servers(const struct node *node, int64_t now_ms);

/* What came in and was refused, by reason. */
json_t *show_counters(const struct node *node);
/* The guardian's, by group. */
json_t *show_guardian(const struct told *told);

/* What the doctor found:
 *   checks: name, level, sentence; exit: 0 all ok, 1 a warning, 2 a failure */
json_t *show_doctor(const struct node *node, const struct told *told, int64_t now_ms);

#endif
