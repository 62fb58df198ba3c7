/* failover/partner_router.h -- private to partner.c: the router's elections in place of the pair's
 * rules, when the document says that the partner is a router of another make. */
#ifndef TANDEM_FAILOVER_PARTNER_ROUTER_H
#define TANDEM_FAILOVER_PARTNER_ROUTER_H

#include "failover/partner.h"

/* After the sockets were opened. */
void partner_router_init(struct partner *self, int64_t now_us);
/* What the guardian tells, and what was read: what no election asks for is left out. */
void partner_router_tell(struct partner *self, int64_t now_us, const struct pair_event *event);
/* FOREIGN, WHO_HAS or DELETED: of one family, 4 or 6. */
void partner_router_hears(struct partner *self, int64_t now_us, enum pair_event_kind kind,
                          uint8_t home, uint8_t family);
void partner_router_advertised(struct partner *self, int64_t now_us, uint8_t home,
                               const struct advertisement *advertisement, const struct ip *source);

#endif
