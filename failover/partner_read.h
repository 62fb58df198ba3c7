/* failover/partner_read.h -- private to partner.c: what waits on its sockets, as events. */
#ifndef TANDEM_FAILOVER_PARTNER_READ_H
#define TANDEM_FAILOVER_PARTNER_READ_H

#include "failover/partner.h"

/* Bits of partner.ready. */
enum {
    PARTNER_BEATS = 1,
    PARTNER_TRIPWIRE = 2,
    PARTNER_VRRP = 4, /* of IPv4; of IPv6 the next bit */
    PARTNER_NEIGHBOURS = 16,
    PARTNER_WATCH = 32,
    PARTNER_ANSWERS = 64,
};

/* Bind the sockets of the service LAN anew. */
void partner_reopen(struct partner *self);

/* The LAN is there, perhaps anew: ask who the partner is, and who has the service addresses. */
void partner_ask_again(struct partner *self, int64_t now_us);

/* An event that has no more to it than its home. */
void partner_happens(struct partner *self, int64_t now_us, enum pair_event_kind kind, uint8_t home);

/* A frame came in on the service LAN, and was read. */
void partner_hears_frame(struct partner *self, int64_t now_us);

/* What one address of a home was heard to be: FOREIGN, ANNOUNCED, WHO_HAS or DELETED. */
void partner_hears(struct partner *self, int64_t now_us, enum pair_event_kind kind, uint8_t home,
                   uint8_t family);

/* The partner's own address that is asked by DNS: IPv4's, if it has one. */
const struct ip *partner_asked(const struct partner_settings *settings);

/* Read what is marked, signs of life first. is_late: read each socket empty, however much waits,
 * for a bounded part of it would be the oldest. */
void partner_read(struct partner *self, int64_t now_us, bool is_late);

#endif
