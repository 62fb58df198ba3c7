/* failover/pair_rules.h -- private to the pair: its parts.
 *
 *   pair_take.c    an event, into what is known
 *   pair_rules.c   what the rules say of one home, now: functions of what is known alone
 *   pair.c         acts on what they say
 *   pair_announce.c   tells the LAN where what is held is
 *   pair_words.c   states, reasons and faults as words */
#ifndef TANDEM_FAILOVER_PAIR_RULES_H
#define TANDEM_FAILOVER_PAIR_RULES_H

#include "failover/pair.h"

/* Fit: may hold addresses, for all this node can tell of itself. */
bool pair_is_fit(const struct pair *self);
bool pair_is_fit_and_synced(const struct pair *self);

/* The last sign of the partner's life: a beat, an advertisement of any home. INT64_MIN: never. */
int64_t pair_last_sign_us(const struct pair *self);
int64_t pair_last_advertised_us(const struct pair *self);

/* What its last beat says of its witnesses, if that is of now. */
enum reception_partner pair_reception_partner(const struct pair *self, int64_t now_us);

/* Is something the partner would have sent missing, or does it probe? Then witnesses are asked. */
bool pair_is_in_doubt(const struct pair *self, int64_t now_us);

/* Rules 1 to 4 and 6: is this home, which I do not hold, to be claimed now, and why? */
bool pair_claims(struct pair *self, uint8_t home, int64_t now_us, enum pair_reason *reason);

/* Rule 8: the partner holds what I hold too. Is it to be mine? */
enum pair_overlap { PAIR_ALONE, PAIR_BETTER, PAIR_WORSE };
enum pair_overlap pair_overlap(const struct pair *self, uint8_t home, int64_t now_us);

/* Follow the partner's word about who holds this home. */
void pair_follow(struct pair *self, uint8_t home, int64_t now_us);

/* Apply an event; what it leads to is judged afterwards. */
void pair_take(struct pair *self, int64_t now_us, const struct pair_event *event,
               struct pair_actions *todo);

struct pair_action *pair_act(struct pair_actions *todo, enum pair_action_kind kind, uint8_t home);
/* pair_announce.c. Nothing is announced while isolated, nor what the kernel does not have; */
void pair_announce_at_once(struct pair *self, uint8_t home, int64_t now_us,
                           struct pair_actions *todo);
/* nor before what follows was listened to for one window: rules 5, 7. */
void pair_announce(struct pair *self, uint8_t home, int64_t now_us, struct pair_actions *todo);
/* Rule 9: begin the schedule of a home, now or at the end of the listening window; */
void pair_announce_anew(struct pair *self, uint8_t home, int64_t now_us, struct pair_actions *todo);
void pair_announce_after_listening(struct pair *self, uint8_t home);
/* and follow it. */
void pair_announce_in_time(struct pair *self, uint8_t home, int64_t now_us,
                           struct pair_actions *todo);
/* When the next announcement is due after a claim of which so many were made: 1.. */
int64_t pair_announce_after_us(unsigned announcements);
/* Begin the announcements of all that is held anew. */
void pair_announce_held(struct pair *self, int64_t now_us, struct pair_actions *todo);
/* The kernel took it: advertise and announce, unless it had it already. */
void pair_grant(struct pair *self, uint8_t home, int64_t now_us, struct pair_actions *todo);
void pair_drop(struct pair *self, uint8_t home, int64_t now_us, enum pair_reason reason,
               struct pair_actions *todo);
/* Claim nothing for one window; then announce what is still held. */
void pair_listen(struct pair *self, int64_t now_us);

#endif
