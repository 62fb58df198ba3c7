/* failover/partner_read.h -- private to partner.c: what waits on its sockets, as events. */
#ifndef TANDEM_FAILOVER_PARTNER_READ_H
#define TANDEM_FAILOVER_PARTNER_READ_H

#include "failover/partner.h"

/* Bits of partner.ready. */
enum {
    PARTNER_BEATS = 1,
    PARTNER_TRIPWIRE = 2,
    PARTNER_VRRP = 4,
    PARTNER_NEIGHBOURS = 8,
    PARTNER_WATCH = 16,
    PARTNER_ANSWERS = 32,
};

/* Bind the sockets of the service LAN anew. */
void partner_reopen(struct partner *self);

/* Read what is marked, signs of life first. */
void partner_read(struct partner *self, int64_t now_us);

#endif
