/* node/node_parts.h -- between plan.c, node.c, learn.c, orders.c and speak.c: one machine in six
 * files.
 *
 *   plan.c    a document -> servers, pools, seats; from one document to the next
 *   node.c    events, timers, commands
 *   learn.c   records that changed -> verdicts, loads, the partner
 *   joining.c who may join, who did
 *   orders.c  orders -> drains, forces, weights, groups, homes; their end
 *   speak.c   what this node states itself: handed out, its status */
#ifndef TANDEM_NODE_NODE_PARTS_H
#define TANDEM_NODE_NODE_PARTS_H

#include "node/node.h"

/* Add a line to the history and to the update. NULL: what is learnt is no news, nobody is told. */
void node_note(struct node *self, struct node_update *update, const struct node_note *note);

/* A seat for each server of the plan. */
void node_seat_all(struct node *self);
/* Verdicts that were never given are of now. */
void node_date_members(struct node *self, int64_t now_ms);
/* What the whole table means for servers and pools, without news. */
void node_learn_all(struct node *self, int64_t now_ms);
/* Take in what replica.changes of this update name. */
void node_learn_changes(struct node *self, int64_t now_ms, struct node_update *update);
/* What the verdicts that changed (self->changes) mean for the pool. */
void node_apply_verdicts(struct node *self, int64_t now_ms, size_t pool, size_t count,
                         struct node_update *update);
void node_note_pool(struct node *self, int64_t now_ms, size_t pool, const char *from,
                    const char *to, const char *reason, struct node_update *update);

/* Give it: in force here at once, on its way to the disk (with the ticket) and to the partner.
 * NODE_DONE when the disk is yet to answer; anything else refuses it. */
enum node_outcome node_give_order(struct node *self, int64_t now_ms, const struct order *order,
                                  uint64_t ticket, struct node_update *update);
/* A record of an order that was written here: on its way to the disk, with the ticket. */
void node_store(int64_t now_ms, const struct table_entry *entry, uint64_t ticket,
                struct node_update *update);
/* JOIN, token, revoke, remove. */
void node_step_joining(struct node *self, int64_t now_ms, const struct node_event *event,
                       struct node_update *update);
void node_learn_order_record(struct node *self, int64_t now_ms, const struct table_entry *entry,
                             struct node_update *update);
/* Its weight in each of its pools: as ordered, and less while it is new. */
void node_weigh(struct node *self, int64_t now_ms, size_t server);
/* Those of new servers, once a second. */
void node_weigh_new(struct node *self, int64_t now_ms);
/* Ends those whose time is over, once a second while the wall clock is known. */
void node_end_orders(struct node *self, int64_t now_ms, struct node_update *update);
/* update may be NULL: before the start nobody is told. */
void node_learn_order(struct node *self, int64_t now_ms, const struct order *order,
                      struct record_version version, struct node_update *update);
/* Before any silence is judged: was it this node that stood still? */
void node_judge_stall(struct node *self, int64_t now_ms);
/* Let verdicts age; say what became of the pools. */
void node_age(struct node *self, int64_t now_ms, struct node_update *update);
/* A pool may be answered from once this node is synced and knows a server to name, or that none is
 * fit, or has waited enough. */
void node_judge_ready(struct node *self, int64_t now_ms);

void node_speak_handed(struct node *self, int64_t now_ms);
void node_speak_status(struct node *self, int64_t now_ms);
/* Those of orders have places of their own, so that neither sort drives out the other. */
size_t node_transition_slot(const struct transition *transition);
/* Take it in, and state it. One that was told before changes nothing. */
void node_speak_transition(struct node *self, int64_t now_ms, const struct transition *transition);
/* That somebody had this node do something, so that both nodes tell of it also when another order
 * stands: of deed subject, to, author, note and, unless it is "", reason are read. */
void node_speak_deed(struct node *self, int64_t now_ms, const struct transition *deed,
                     struct node_update *update);
void node_speak_order(struct node *self, int64_t now_ms, const struct order *order,
                      struct node_update *update);
void node_speak_server(struct node *self, int64_t now_ms, const char *server, const char *word,
                       const char *author, struct node_update *update);
/* One more line for the audit. */
void node_audit(size_t node, int64_t at_ms, const struct transition *told,
                struct node_update *update);

#endif
