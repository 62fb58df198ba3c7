/* failover/guardian_start.h -- private to the guardian: what it watches. Its start and end, of
 * failover/guardian.h, are in guardian_start.c. */
#ifndef TANDEM_FAILOVER_GUARDIAN_START_H
#define TANDEM_FAILOVER_GUARDIAN_START_H

#include "failover/guardian.h"

/* CLOCK_MONOTONIC. */
int64_t guardian_now_us(void);

/* Wait for the partner's sockets too; again when they were opened anew. */
void guardian_watch_partner(struct guardian *self);

#endif
