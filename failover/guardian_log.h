/* failover/guardian_log.h -- the guardian's lines: whole ones to standard error, or none. What is a
 * transition is kept for the worker too, which shows it to an operator.
 *
 * A line that standard error does not take at once is dropped and counted, for a loop that waits
 * loses its addresses. */
#ifndef TANDEM_FAILOVER_GUARDIAN_LOG_H
#define TANDEM_FAILOVER_GUARDIAN_LOG_H

#include "failover/guardian.h"

__attribute__((format(printf, 2, 3))) void guardian_note(struct guardian *self, const char *format,
                                                         ...);

/* A move of the worker, and what is known of it. */
void guardian_note_worker(struct guardian *self, int64_t now_ms,
                          const struct supervise_action *action);
/* The gate's verdict, and what it was. */
void guardian_note_gate(struct guardian *self, int64_t now_ms, bool was_fit);
/* The queries that the last death added to the poison. */
void guardian_note_poison(struct guardian *self);
/* What moved of the addresses since the last call, and what the kernel refused. */
void guardian_note_moves(struct guardian *self, int64_t now_ms);
/* That this node is isolated, and why, or no more. */
void guardian_note_reception(struct guardian *self, int64_t now_ms);
/* A worker is being replaced by order, or was, or cannot be. */
void guardian_note_upgrade(struct guardian *self, int64_t now_ms, const char *from, const char *to,
                           const char *reason);
/* That the loop was woken late; at most once a second. */
void guardian_note_lateness(struct guardian *self, int64_t now_us);

#endif
