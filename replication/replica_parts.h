/* replication/replica_parts.h -- what the replica's three files share; for them alone.
 *
 *   replica.c        the step, the timers, what this node itself states
 *   replica_take.c   what peers say: HELLO, records, versions
 *   replica_tell.c   what is said to peers */
#ifndef TANDEM_REPLICATION_REPLICA_PARTS_H
#define TANDEM_REPLICATION_REPLICA_PARTS_H

#include "replication/replica.h"

/* ---- replica.c ---- */

/* The only way sync changes; asserts that the move is a legal one. */
void replica_set_sync(struct replica *self, enum replica_sync sync, const char *reason,
                      struct replica_update *update);

/* Is this a record that only this node writes? (Orders are not.) */
bool replica_is_own(const struct replica *self, const struct record_key *key);

/* Use at least this incarnation from now on, and state all own records again if it is a new one.
 * O(table) then, O(1) otherwise. */
void replica_adopt(struct replica *self, int64_t now_ms, uint64_t least_incarnation);

/* counter + 1, staying at the highest. */
uint64_t replica_next(uint64_t counter);

/* ---- replica_take.c ---- */

/* Take a MESSAGE event: answers and changes go into *update, refusals are counted. */
void replica_take(struct replica *self, int64_t now_ms, const struct replica_event *event,
                  struct replica_update *update);

/* ---- replica_tell.c ---- */

/* The next message of the update, to be filled in: its type is set, all else is undefined. There
 * must be room. */
struct message *replica_send(struct replica_update *update, size_t peer, enum message_type type);

void replica_tell_hello(struct replica *self, int64_t now_ms, size_t peer,
                        struct replica_update *update);

/* May the partner be told anything but HELLO? */
bool replica_can_tell(const struct replica *self);

/* All that the partner is due to be told and *update has room for. */
void replica_tell_partner(struct replica *self, int64_t now_ms, struct replica_update *update);

/* When replica_tell_partner has something to say; INT64_MAX: never. */
int64_t replica_tell_deadline(const struct replica *self);

#endif
