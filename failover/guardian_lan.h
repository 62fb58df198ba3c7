/* failover/guardian_lan.h -- what the guardian says of the service LAN: who is neither node and has
 * a service address or speaks with its VRID, and where the partner advertises otherwise than here.
 *
 * Whoever is on the LAN can cause these lines, so each is said once a minute at most, of somebody
 * new after five seconds; a partner's difference is said when it changes, once a second at most. */
#ifndef TANDEM_FAILOVER_GUARDIAN_LAN_H
#define TANDEM_FAILOVER_GUARDIAN_LAN_H

#include "failover/guardian.h"

void guardian_lan_init(struct guardian_lan *self);
void guardian_note_lan(struct guardian *self, int64_t now_us);

#endif
