/* node/node_parts.h -- between node.c, learn.c and speak.c: one machine in three files.
 *
 *   node.c    events, timers, commands
 *   learn.c   records that changed -> verdicts, loads, orders, the partner
 *   speak.c   what this node states itself: handed out, its status */
#ifndef TANDEM_NODE_NODE_PARTS_H
#define TANDEM_NODE_NODE_PARTS_H

#include "node/node.h"

/* Add a line to the history and, unless it is NULL, to the update. */
void node_note(struct node *self, struct node_update *update, const struct node_note *note);

/* Take in what replica.changes of this update name. */
void node_learn_changes(struct node *self, int64_t now_ms, struct node_update *update);
/* update may be NULL: before the start nobody is told. */
void node_learn_order(struct node *self, int64_t now_ms, const struct order *order,
                      struct record_version version, struct node_update *update);
/* Let verdicts age; say what became of the pools. */
void node_age(struct node *self, int64_t now_ms, struct node_update *update);
/* A pool may be answered from once this node is synced and knows a server to name, or that none is
 * fit, or has waited enough. */
void node_judge_ready(struct node *self, int64_t now_ms);

void node_speak_handed(struct node *self, int64_t now_ms);
void node_speak_status(struct node *self, int64_t now_ms);
/* Take it in, and state it. One that was told before changes nothing. */
void node_speak_transition(struct node *self, int64_t now_ms, const struct transition *transition);

#endif
