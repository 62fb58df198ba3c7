/* failover/neighbour_frame.h -- the bytes of ARP (RFC 826) and neighbour discovery (RFC 4861).
 *
 * Whole Ethernet frames, without a VLAN tag:
 *
 *   ARP   0: to, from, 0x0806   14: hardware 1, protocol 0x0800, 6, 4, operation 1 or 2
 *         22: sender MAC and IPv4   32: target MAC and IPv4                            42 bytes
 *   ND    0: to, from, 0x86dd   14: IPv6 header, next header 58, hop limit 255
 *         54: type 135 or 136, code 0, checksum, flags  62: target  78: options  86 bytes as sent
 *
 * What is read comes from whoever is on the LAN. It is believed no further than the link layer can
 * be: everything here can be forged by a neighbour, and is by some. */
#ifndef TANDEM_FAILOVER_NEIGHBOUR_FRAME_H
#define TANDEM_FAILOVER_NEIGHBOUR_FRAME_H

#include "replication/ip.h"

enum {
    NEIGHBOUR_MAC_SIZE = 6,
    NEIGHBOUR_FRAME_SIZE_MAX = 86, /* of what is sent */
};

enum neighbour_kind {
    NEIGHBOUR_WHO_HAS,   /* sender asks for target; sender 0.0.0.0 or :: looks for a duplicate */
    NEIGHBOUR_REPLY,     /* sender is at mac: ARP reply, solicited advertisement */
    NEIGHBOUR_ANNOUNCED, /* likewise, but nobody asked: gratuitous ARP, unsolicited advertisement */
};

struct neighbour_event {
    enum neighbour_kind kind;
    struct ip sender; /* who asks; REPLY and ANNOUNCED: the address that is at mac */
    struct ip target; /* what is asked for; REPLY: who is told; ANNOUNCED: as sender */
    uint8_t mac[NEIGHBOUR_MAC_SIZE]; /* of the sender, as the message has it */
    bool is_ours;                    /* mac is this interface's: a reflection, or a bridge's loop */
};

/* One reason for each outcome; each is counted. */
enum neighbour_refusal {
    NEIGHBOUR_ACCEPTED,
    NEIGHBOUR_OTHER,        /* neither ARP nor neighbour solicitation or advertisement */
    NEIGHBOUR_SHORT,        /* ends before its message does */
    NEIGHBOUR_BAD_FORM,     /* not of Ethernet and IPv4; code, options or flags that must not be */
    NEIGHBOUR_BAD_HOPS,     /* of a hop limit below 255: it crossed a router (RFC 4861 §7.1) */
    NEIGHBOUR_BAD_CHECKSUM, /* of ICMPv6 */
    NEIGHBOUR_BAD_ADDRESS,  /* a group as MAC, sender or target; or nobody is at mac */
    NEIGHBOUR_REFUSALS,     /* their number */
};

/* The announcement that ip is at mac: an ARP request for itself (RFC 5227 §3: a reply would be
 * ignored by Linux for a second after another update), or an unsolicited advertisement with the
 * Override flag alone (RFC 4861 §7.2.6), from ip itself, to all nodes. Returns its size. */
size_t neighbour_frame_announce(const uint8_t mac[NEIGHBOUR_MAC_SIZE], const struct ip *ip,
                                uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX]);

/* The question where target is, by source, which is at mac; both of one family. Its size. */
size_t neighbour_frame_solicit(const uint8_t mac[NEIGHBOUR_MAC_SIZE], const struct ip *source,
                               const struct ip *target, uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX]);

/* The question whether anybody has target, by a host that does not claim it yet: an ARP Probe (RFC
 * 5227 §2.1.1), or a solicitation from nobody (RFC 4862 §5.4.2). Nobody learns an address of it.
 * Its size. */
size_t neighbour_frame_probe(const uint8_t mac[NEIGHBOUR_MAC_SIZE], const struct ip *target,
                             uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX]);

/* Decode a frame that came. *event is overwritten only when ACCEPTED; its is_ours is false. Bytes
 * behind the message are skipped: a short frame's padding. Costs less than a microsecond. */
enum neighbour_refusal neighbour_frame_decode(const uint8_t *bytes, size_t size,
                                              struct neighbour_event *event);

const char *neighbour_refusal_word(enum neighbour_refusal refusal);

#endif
