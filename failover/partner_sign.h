/* failover/partner_sign.h -- private to partner.c: what makes an advertisement the partner's own.
 *
 * VRRPv3 has no authentication (RFC 9568 §9), so anybody on the LAN could evict a holder, or keep a
 * dead node alive. Between Tandem's nodes an advertisement carries, behind its addresses, where
 * receivers of every make skip what follows, a beat of its own:
 *
 *   advertisement (advertisement.h) | beat (beat.h), whose document is VRID << 8 | priority
 *
 * Its key is derived from the pair's, so that it is worth nothing on the pair's link, and its
 * sequence is counted for each family. Sender, boot, echo and sequence prove it as they prove a
 * beat: a recording is worthless here too. */
#ifndef TANDEM_FAILOVER_PARTNER_SIGN_H
#define TANDEM_FAILOVER_PARTNER_SIGN_H

#include "failover/partner.h"

void partner_derive_keys(struct partner *self);

/* Append what proves it to an advertisement of size bytes; the new size. family: 0 or 1, IPv6. */
size_t partner_sign(struct partner *self, size_t family, const struct advertisement *advertisement,
                    uint8_t bytes[ADVERTISEMENT_SIZE_MAX + BEAT_SIZE], size_t size);

/* Is a decoded advertisement proven by what came with it? Who hears a partner for the first time in
 * its life believes the key alone, until it has said enough itself to be echoed. */
bool partner_is_signed(struct partner *self, size_t family,
                       const struct advertisement *advertisement, const uint8_t *bytes,
                       size_t size);

#endif
