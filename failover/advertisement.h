/* failover/advertisement.h -- the bytes of a VRRPv3 advertisement (RFC 9568 §5), IPv4 and IPv6.
 *
 *   byte 0: version 3, type 1   1: VRID   2: priority   3: number of addresses
 *        4..5: 4 bits reserved, 12 bits interval in centiseconds   6..7: checksum
 *        8..: the addresses, 4 or 16 bytes each, of the family of the IP header
 *
 * This is the IP payload: the header, protocol 112, is the kernel's. What comes from the LAN is
 * believed only when all checks of §7.1 hold and it comes from the partner.
 *
 * The checksum of IPv6 covers a pseudo-header, too. That of IPv4 does not by RFC 9568 (§5.2.8), and
 * does in RFC 5798 as keepalived and FRRouting read it: either is accepted, and told, so that the
 * answer can be given in the form that the partner understands. */
#ifndef TANDEM_FAILOVER_ADVERTISEMENT_H
#define TANDEM_FAILOVER_ADVERTISEMENT_H

#include "replication/ip.h"

enum {
    ADVERTISEMENT_PROTOCOL = 112,         /* of the IP header (§5.1.1.4, §5.1.2.4) */
    ADVERTISEMENT_TTL = 255,              /* no router lies between (§5.1.1.3, §5.1.2.3) */
    ADVERTISEMENT_INTERVAL_CS_MAX = 4095, /* 40.95 s: 12 bits */
    ADVERTISEMENT_ADDRESSES_MAX = 8,      /* that are sent or kept; a partner may name 255 */
    ADVERTISEMENT_SIZE_MAX = 8 + 16 * ADVERTISEMENT_ADDRESSES_MAX,
};

struct advertisement {
    uint8_t vrid;          /* 1..255 */
    uint8_t priority;      /* 0: I stop; 255: the owner, which a node never is */
    uint16_t interval_cs;  /* 1..ADVERTISEMENT_INTERVAL_CS_MAX */
    uint8_t family;        /* 4 or 6, also of every address */
    uint8_t address_count; /* 1..ADVERTISEMENT_ADDRESSES_MAX */
    struct ip addresses[ADVERTISEMENT_ADDRESSES_MAX]; /* IPv6: a link-local one first (§5.2.9) */
};

enum advertisement_checksum {
    ADVERTISEMENT_PSEUDO, /* over the pseudo-header, too; IPv6: always */
    ADVERTISEMENT_PLAIN,  /* over the message alone */
};

/* What the kernel tells of a packet. */
struct advertisement_received {
    uint8_t ttl; /* IPv6: the hop limit */
    struct ip source;
    struct ip destination;
    bool is_multicast; /* sent to the group */
};

/* What is configured for one VRID and family. */
struct advertisement_expectation {
    uint8_t vrid;
    uint16_t interval_cs;
    bool is_multicast;
    struct ip own;     /* the address that my own are sent from */
    struct ip partner; /* the only source that is believed */
    uint8_t address_count;
    struct ip addresses[ADVERTISEMENT_ADDRESSES_MAX];
};

/* One reason for each outcome, in the order of the checks; each is counted. */
enum advertisement_refusal {
    ADVERTISEMENT_ACCEPTED,
    ADVERTISEMENT_BAD_TTL,
    ADVERTISEMENT_BAD_VERSION,
    ADVERTISEMENT_BAD_TYPE,
    ADVERTISEMENT_BAD_LENGTH, /* incomplete */
    ADVERTISEMENT_BAD_CHECKSUM,
    ADVERTISEMENT_BAD_VRID,
    ADVERTISEMENT_ZERO_INTERVAL, /* erratum 8301 */
    ADVERTISEMENT_ZERO_COUNT,    /* erratum 8299 */
    ADVERTISEMENT_OWN,           /* looped back to me, or sent by a host with my address */
    ADVERTISEMENT_BAD_SOURCE,    /* all else is right: somebody else uses this VRID */
    ADVERTISEMENT_MULTICAST,     /* from the partner, but unicast is configured */
    ADVERTISEMENT_UNICAST,       /* the reverse */
    ADVERTISEMENT_UNPROVEN,      /* nothing proves that the partner sent it now: partner_sign.h */
    ADVERTISEMENT_REFUSALS,      /* their number */
};

/* What §7.1 wants logged, though the advertisement counts. */
enum advertisement_note {
    ADVERTISEMENT_OTHER_INTERVAL = 1,
    ADVERTISEMENT_OTHER_ADDRESSES = 2, /* not the configured ones, in whatever order */
};

struct advertisement_heard {
    struct advertisement advertisement; /* of too many addresses, the first ones are kept */
    enum advertisement_checksum checksum;
    unsigned notes; /* bits of enum advertisement_note */
};

/* The IP payload into bytes; its size. IPv6 disregards checksum: it is PSEUDO. */
size_t advertisement_encode(const struct advertisement *advertisement, const struct ip *source,
                            const struct ip *destination, enum advertisement_checksum checksum,
                            uint8_t bytes[ADVERTISEMENT_SIZE_MAX]);

/* Decode the IP payload and judge it. Bytes behind the addresses are skipped: a short frame's
 * padding, or an authentication trailer of keepalived 2.4. *heard is overwritten only when
 * ACCEPTED. Source and destination are of one family. */
enum advertisement_refusal advertisement_decode(const uint8_t *bytes, size_t size,
                                                const struct advertisement_received *received,
                                                const struct advertisement_expectation *expected,
                                                struct advertisement_heard *heard);

const char *advertisement_refusal_word(enum advertisement_refusal refusal);

#endif
