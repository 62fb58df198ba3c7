/* node/dns/zone_rdata.h -- the data of one record, from text to wire form, by ldns.
 *
 * ldns does the tedious part: some seventy types. What it lets pass in silence is refused here:
 * numbers that do not fit their field (it would serve MX 99999 as 34463), types that no zone can
 * hold, and data given as bytes (RFC 3597) that its type cannot be. So whoever serves it may rely
 * on its form: an A has 4 bytes, a CNAME is one whole name. */
#ifndef TANDEM_NODE_DNS_ZONE_RDATA_H
#define TANDEM_NODE_DNS_ZONE_RDATA_H

#include "node/dns/name.h"

enum { ZONE_RDATA_MISTAKE_MAX = 256 };

struct zone_rdata {
    uint16_t type, size;
    uint8_t bytes[UINT16_MAX];
    char mistake[ZONE_RDATA_MISTAKE_MAX]; /* a sentence, when zone_rdata_read said false */
};

/* Read text, the data of a record of this type; names in it that do not end in a dot are relative
 * to origin. ldns's own allocation ends with the call. */
bool zone_rdata_read(struct zone_rdata *self, const char *type, const char *text,
                     const uint8_t *origin);

#endif
