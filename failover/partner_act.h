/* failover/partner_act.h -- private to partner.c and partner_router.c: what they do to the kernel's
 * addresses and say on the service LAN, whoever decided it.
 *
 * family is 4 or 6, and 0 for both: of a pair both move together, beside a router each alone. */
#ifndef TANDEM_FAILOVER_PARTNER_ACT_H
#define TANDEM_FAILOVER_PARTNER_ACT_H

#include "failover/partner.h"

/* Add or refresh the addresses of a home. 0, or -errno when any is refused, also kept in
 * address_error. */
int partner_lease(struct partner *self, uint8_t home, uint8_t family);
void partner_release(struct partner *self, uint8_t home, uint8_t family);

void partner_advertise(struct partner *self, uint8_t home, uint8_t family, uint8_t priority);
void partner_announce(struct partner *self, uint8_t home, uint8_t family);
/* Ask where every witness is, in the name of the home's addresses. */
void partner_confirm(struct partner *self, uint8_t home);
/* Ask where every witness is, in the name of the sources, an address of each family or none. */
void partner_ask_witnesses(struct partner *self, const struct ip *sources);
/* Seek and claim the spare address, in its time; a witness answered to it. */
void partner_try_spare(struct partner *self, int64_t now_us);
void partner_spare_answered(struct partner *self, int64_t now_us);
/* When that is; INT64_MAX: there is none. */
int64_t partner_spare_deadline_us(const struct partner *self);
/* Ask where every witness is, and always the partner's own addresses. */
void partner_probe(struct partner *self);

/* For the log; is_changed then says so. */
void partner_keep_note(struct partner *self, const struct partner_note *note);

/* An error of sending, counted; */
void partner_count_unsent(struct partner *self, int error);
/* and of a frame to the LAN, for what it says of reception. */
void partner_count_frame(struct partner *self, int error);

/* Where this node's advertisements of that family come from: its configured address, which a
 * partner that is told of one source knows; to a group of routers, what RFC 9568 §5.1.2.1 asks
 * for. */
const struct ip *partner_source(const struct partner *self, uint8_t family);
/* The addresses of a home in the order of an advertisement: a link-local one first (§5.2.9). */
uint8_t partner_addresses(const struct partner_settings *settings, uint8_t home, uint8_t family,
                          struct ip addresses[PARTNER_HOME_MAX]);
/* As advertisements have it: centiseconds. */
uint16_t partner_interval_cs(const struct partner_settings *settings);

#endif
