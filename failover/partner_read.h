/* failover/partner_read.h -- private to partner.c: what waits on its sockets, as events. */
#ifndef TANDEM_FAILOVER_PARTNER_READ_H
#define TANDEM_FAILOVER_PARTNER_READ_H

#include "failover/partner.h"

/* Read what is marked, signs of life first. */
void partner_read(struct partner *self, int64_t now_us);

#endif
