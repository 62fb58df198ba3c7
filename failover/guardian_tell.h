/* failover/guardian_tell.h -- what the guardian tells its worker, for an operator to see.
 *
 *   addresses   at once, each time who holds what has changed
 *   notes       at once, in order, also those from before this worker lived
 *   state       at once when it changes, but not within a tenth of a second; else once a second
 *   counters    once a second, and with them strangers and witnesses: the newest, nothing queued
 *
 * A channel that is full is tried again in a later turn; nobody waits for it, and a beat that is
 * due goes first. */
#ifndef TANDEM_FAILOVER_GUARDIAN_TELL_H
#define TANDEM_FAILOVER_GUARDIAN_TELL_H

#include "failover/guardian.h"

/* Keep a note for the worker; words as in failover/channel.h. */
void guardian_keep(struct guardian *self, int64_t now_ms, enum channel_subject subject,
                   const char *from, const char *to, const char *reason);

/* Another worker starts: it knows nothing yet. */
void guardian_tell_anew(struct guardian *self);

/* At the end of each turn of the loop: all that is due and finds room. Nothing while no worker is
 * alive. */
void guardian_tell(struct guardian *self, int64_t now_us);

#endif
