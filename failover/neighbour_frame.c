#include "failover/neighbour_frame.h"

#include <assert.h>
#include <string.h>

enum {
    ETHERNET_SIZE = 14,
    ETHERNET_FROM_AT = 6,
    ETHERNET_TYPE_AT = 12,
    TYPE_ARP = 0x0806,
    TYPE_IPV6 = 0x86dd,
    /* RFC 826, behind the Ethernet header */
    ARP_SIZE = 28,
    ARP_OPERATION_AT = 6,
    ARP_SENDER_MAC_AT = 8,
    ARP_SENDER_AT = 14,
    ARP_TARGET_MAC_AT = 18,
    ARP_TARGET_AT = 24,
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
    /* RFC 8200, behind the Ethernet header */
    IPV6_SIZE = 40,
    IPV6_LENGTH_AT = 4,
    IPV6_NEXT_AT = 6,
    IPV6_HOPS_AT = 7,
    IPV6_SOURCE_AT = 8,
    IPV6_DESTINATION_AT = 24,
    NEXT_ICMPV6 = 58,
    HOPS = 255,
    /* RFC 4861 §4.3 and §4.4, behind the IPv6 header */
    ND_SIZE = 24, /* without options */
    ND_CODE_AT = 1,
    ND_CHECKSUM_AT = 2,
    ND_FLAGS_AT = 4,
    ND_TARGET_AT = 8,
    ND_SOLICITATION = 135,
    ND_ADVERTISEMENT = 136,
    ND_SOLICITED = 0x40,
    ND_OVERRIDE = 0x20,
    OPTION_NONE = 0,
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    OPTION_SIZE = 8, /* the unit of an option's length, and the size of one with a MAC */
    GROUP = 1,       /* bit of a MAC's first byte */
};

/* Hardware Ethernet, protocol IPv4, and their sizes. */
static const uint8_t arp_begin[ARP_OPERATION_AT] = {0, 1, 8, 0, 6, 4};
static const uint8_t everybody[NEIGHBOUR_MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static const uint8_t unknown[NEIGHBOUR_MAC_SIZE] = {0};

static const char *const refusal_words[] = {
    [NEIGHBOUR_ACCEPTED] = "accepted",
    [NEIGHBOUR_OTHER] = "other",
    [NEIGHBOUR_SHORT] = "short",
    [NEIGHBOUR_BAD_FORM] = "bad-form",
    [NEIGHBOUR_BAD_HOPS] = "bad-hop-limit",
    [NEIGHBOUR_BAD_CHECKSUM] = "bad-checksum",
    [NEIGHBOUR_BAD_ADDRESS] = "bad-address",
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t add_words(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 1 < size; i += 2)
        sum += get16(bytes + i);
    return size % 2 == 0 ? sum : sum + ((uint32_t)bytes[size - 1] << 8);
}

/* One's complement sum over pseudo-header (RFC 8200 §8.1) and message: 0xffff when the checksum in
 * it is right, the complement of the right one when it is 0. size < 65536. */
static unsigned sum_icmpv6(const uint8_t *ipv6, const uint8_t *message, size_t size)
{
    uint32_t sum = add_words(0, ipv6 + IPV6_SOURCE_AT, 32);
    sum += (uint32_t)size + NEXT_ICMPV6;
    sum = add_words(sum, message, size);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* ---- encoding ---- */

static void put_ethernet(uint8_t *bytes, const uint8_t *to, const uint8_t *from, unsigned type)
{
    memcpy(bytes, to, NEIGHBOUR_MAC_SIZE);
    memcpy(bytes + ETHERNET_FROM_AT, from, NEIGHBOUR_MAC_SIZE);
    put16(bytes + ETHERNET_TYPE_AT, type);
}

static size_t encode_arp(const uint8_t *mac, const uint8_t *sender, const uint8_t *target,
                         const uint8_t *target_mac, uint8_t *bytes)
{
    uint8_t *arp = bytes + ETHERNET_SIZE;
    put_ethernet(bytes, everybody, mac, TYPE_ARP);
    memcpy(arp, arp_begin, sizeof arp_begin);
    put16(arp + ARP_OPERATION_AT, ARP_REQUEST);
    memcpy(arp + ARP_SENDER_MAC_AT, mac, NEIGHBOUR_MAC_SIZE);
    memcpy(arp + ARP_SENDER_AT, sender, 4);
    memcpy(arp + ARP_TARGET_MAC_AT, target_mac, NEIGHBOUR_MAC_SIZE);
    memcpy(arp + ARP_TARGET_AT, target, 4);
    return ETHERNET_SIZE + ARP_SIZE;
}

/* destination: a group; its frame goes to 33:33 and the last four bytes (RFC 2464 §7). */
static size_t encode_nd(const uint8_t *mac, const uint8_t *source, const uint8_t *destination,
                        uint8_t type, uint8_t flags, const uint8_t *target, uint8_t option,
                        uint8_t *bytes)
{
    uint8_t *ipv6 = bytes + ETHERNET_SIZE, *nd = ipv6 + IPV6_SIZE;
    const uint8_t to[NEIGHBOUR_MAC_SIZE] = {
        0x33, 0x33, destination[12], destination[13], destination[14], destination[15]};
    const size_t size = option == OPTION_NONE ? ND_SIZE : ND_SIZE + OPTION_SIZE;
    put_ethernet(bytes, to, mac, TYPE_IPV6);
    memset(ipv6, 0, IPV6_SIZE + ND_SIZE);
    ipv6[0] = 6 << 4;
    put16(ipv6 + IPV6_LENGTH_AT, (unsigned)size);
    ipv6[IPV6_NEXT_AT] = NEXT_ICMPV6;
    ipv6[IPV6_HOPS_AT] = HOPS;
    memcpy(ipv6 + IPV6_SOURCE_AT, source, 16);
    memcpy(ipv6 + IPV6_DESTINATION_AT, destination, 16);
    nd[0] = type;
    nd[ND_FLAGS_AT] = flags;
    memcpy(nd + ND_TARGET_AT, target, 16);
    if (option != OPTION_NONE) {
        nd[ND_SIZE] = option;
        nd[ND_SIZE + 1] = 1; /* its length in units of 8 bytes */
        memcpy(nd + ND_SIZE + 2, mac, NEIGHBOUR_MAC_SIZE);
    }
    put16(nd + ND_CHECKSUM_AT, 0xffff - sum_icmpv6(ipv6, nd, size));
    return ETHERNET_SIZE + IPV6_SIZE + size;
}

size_t neighbour_frame_announce(const uint8_t mac[NEIGHBOUR_MAC_SIZE], const struct ip *ip,
                                uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX])
{
    static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
    assert(ip->family == 4 || ip->family == 6);
    if (ip->family == 4)
        return encode_arp(mac, ip->bytes, ip->bytes, everybody, bytes);
    /* Not the Router flag: a node forwards nothing, and clients would take it for a router. */
    return encode_nd(mac, ip->bytes, all_nodes, ND_ADVERTISEMENT, ND_OVERRIDE, ip->bytes,
                     OPTION_TARGET_MAC, bytes);
}

/* option: with the MAC, or OPTION_NONE. */
static size_t encode_solicitation(const uint8_t *mac, const uint8_t *source, uint8_t option,
                                  const struct ip *target, uint8_t *bytes)
{
    /* The target's solicited-node address (RFC 4291 §2.7.1). */
    uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff};
    memcpy(group + 13, target->bytes + 13, 3);
    return encode_nd(mac, source, group, ND_SOLICITATION, 0, target->bytes, option, bytes);
}

size_t neighbour_frame_solicit(const uint8_t mac[NEIGHBOUR_MAC_SIZE], const struct ip *source,
                               const struct ip *target, uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX])
{
    assert(source->family == 4 || source->family == 6);
    assert(source->family == target->family);
    if (source->family == 4)
        return encode_arp(mac, source->bytes, target->bytes, unknown, bytes);
    return encode_solicitation(mac, source->bytes, OPTION_SOURCE_MAC, target, bytes);
}

size_t neighbour_frame_probe(const uint8_t mac[NEIGHBOUR_MAC_SIZE], const struct ip *target,
                             uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX])
{
    static const uint8_t nobody[16] = {0};
    assert(target->family == 4 || target->family == 6);
    if (target->family == 4)
        return encode_arp(mac, nobody, target->bytes, unknown, bytes);
    return encode_solicitation(mac, nobody, OPTION_NONE, target, bytes);
}

/* ---- decoding ---- */

static struct ip ip_of(uint8_t family, const uint8_t *bytes)
{
    struct ip ip = {.family = family};
    memcpy(ip.bytes, bytes, family == 4 ? 4 : 16);
    return ip;
}

static bool is_nobody(const struct ip *ip)
{
    static const uint8_t zero[16] = {0};
    return memcmp(ip->bytes, zero, sizeof zero) == 0;
}

/* Of IPv4 the multicast groups and the broadcast address (224.0.0.0 and above). */
static bool is_group(const struct ip *ip)
{
    return ip->family == 4 ? ip->bytes[0] >= 224 : ip->bytes[0] == 0xff;
}

/* What holds of every event: nobody is at a group's MAC, and no group asks or is asked for. */
static enum neighbour_refusal judge(const struct neighbour_event *event)
{
    bool is_said_to_be = event->kind != NEIGHBOUR_WHO_HAS;
    if ((event->mac[0] & GROUP) != 0 || is_group(&event->sender))
        return NEIGHBOUR_BAD_ADDRESS;
    if (is_said_to_be && is_nobody(&event->sender))
        return NEIGHBOUR_BAD_ADDRESS;
    if (!is_said_to_be && (is_group(&event->target) || is_nobody(&event->target)))
        return NEIGHBOUR_BAD_ADDRESS;
    return NEIGHBOUR_ACCEPTED;
}

static enum neighbour_refusal decode_arp(const uint8_t *arp, size_t size,
                                         struct neighbour_event *event)
{
    if (size < ARP_SIZE)
        return NEIGHBOUR_SHORT;
    unsigned operation = get16(arp + ARP_OPERATION_AT);
    if (memcmp(arp, arp_begin, sizeof arp_begin) != 0 ||
        (operation != ARP_REQUEST && operation != ARP_REPLY))
        return NEIGHBOUR_BAD_FORM;
    event->sender = ip_of(4, arp + ARP_SENDER_AT);
    event->target = ip_of(4, arp + ARP_TARGET_AT);
    memcpy(event->mac, arp + ARP_SENDER_MAC_AT, sizeof event->mac);
    if (ip_equal(&event->sender, &event->target))
        event->kind = NEIGHBOUR_ANNOUNCED;
    else
        event->kind = operation == ARP_REQUEST ? NEIGHBOUR_WHO_HAS : NEIGHBOUR_REPLY;
    return judge(event);
}

/* Find the MAC in the options; left alone where there is none. False: an option of length 0, or
 * one that ends behind the message (RFC 4861 §7.1.1, §7.1.2). */
static bool read_options(const uint8_t *options, size_t size, uint8_t wanted, const uint8_t **mac)
{
    size_t at = 0;
    while (at < size) {
        if (size - at < OPTION_SIZE || options[at + 1] == 0 ||
            options[at + 1] * (size_t)OPTION_SIZE > size - at)
            return false;
        if (options[at] == wanted)
            *mac = options + at + 2;
        at += options[at + 1] * (size_t)OPTION_SIZE;
    }
    return true;
}

/* RFC 4861 §7.1.1: a solicitation from nobody goes to a solicited-node address and has no MAC. */
static bool is_solicitation_right(const uint8_t *ipv6, const struct ip *source, bool has_mac)
{
    static const uint8_t solicited_node[13] = {0xff, 2, [11] = 1, [12] = 0xff};
    return !is_nobody(source) || (!has_mac && memcmp(ipv6 + IPV6_DESTINATION_AT, solicited_node,
                                                     sizeof solicited_node) == 0);
}

/* What the message says, once it is known to be whole. from: the frame's own source, which stands
 * for a MAC that an advertisement to a neighbour may omit (RFC 4861 §4.4). */
static enum neighbour_refusal decode_nd(const uint8_t *from, const uint8_t *ipv6, const uint8_t *nd,
                                        size_t size, struct neighbour_event *event)
{
    bool is_solicitation = nd[0] == ND_SOLICITATION;
    bool is_solicited = (nd[ND_FLAGS_AT] & ND_SOLICITED) != 0;
    struct ip source = ip_of(6, ipv6 + IPV6_SOURCE_AT), target = ip_of(6, nd + ND_TARGET_AT);
    const uint8_t *mac = NULL;
    if (nd[ND_CODE_AT] != 0 ||
        !read_options(nd + ND_SIZE, size - ND_SIZE,
                      is_solicitation ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC, &mac))
        return NEIGHBOUR_BAD_FORM;
    if (is_solicitation && !is_solicitation_right(ipv6, &source, mac != NULL))
        return NEIGHBOUR_BAD_FORM;
    /* RFC 4861 §7.1.2: what goes to a group was not solicited. */
    if (!is_solicitation && is_solicited && ipv6[IPV6_DESTINATION_AT] == 0xff)
        return NEIGHBOUR_BAD_FORM;
    memcpy(event->mac, mac != NULL ? mac : from, sizeof event->mac);
    event->sender = is_solicitation ? source : target;
    event->target = target;
    event->kind = is_solicitation ? NEIGHBOUR_WHO_HAS : NEIGHBOUR_ANNOUNCED;
    if (!is_solicitation && is_solicited) {
        event->kind = NEIGHBOUR_REPLY;
        event->target = ip_of(6, ipv6 + IPV6_DESTINATION_AT);
    }
    return judge(event);
}

static enum neighbour_refusal decode_ipv6(const uint8_t *from, const uint8_t *ipv6, size_t size,
                                          struct neighbour_event *event)
{
    const uint8_t *nd = ipv6 + IPV6_SIZE;
    if (size < IPV6_SIZE)
        return NEIGHBOUR_SHORT;
    /* Behind an extension header none is looked for: nobody sends one, and a fragment must not be
     * believed (RFC 6980 §5). */
    size_t length = get16(ipv6 + IPV6_LENGTH_AT);
    if (ipv6[0] >> 4 != 6 || ipv6[IPV6_NEXT_AT] != NEXT_ICMPV6)
        return NEIGHBOUR_OTHER;
    if (length > size - IPV6_SIZE || length < 1)
        return NEIGHBOUR_SHORT;
    if (nd[0] != ND_SOLICITATION && nd[0] != ND_ADVERTISEMENT)
        return NEIGHBOUR_OTHER;
    if (length < ND_SIZE)
        return NEIGHBOUR_SHORT;
    if (ipv6[IPV6_HOPS_AT] != HOPS)
        return NEIGHBOUR_BAD_HOPS;
    if (sum_icmpv6(ipv6, nd, length) != 0xffff)
        return NEIGHBOUR_BAD_CHECKSUM;
    return decode_nd(from, ipv6, nd, length, event);
}

enum neighbour_refusal neighbour_frame_decode(const uint8_t *bytes, size_t size,
                                              struct neighbour_event *event)
{
    struct neighbour_event read = {0};
    enum neighbour_refusal refusal = NEIGHBOUR_OTHER;
    if (size < ETHERNET_SIZE)
        return NEIGHBOUR_SHORT;
    const uint8_t *message = bytes + ETHERNET_SIZE;
    if (get16(bytes + ETHERNET_TYPE_AT) == TYPE_ARP)
        refusal = decode_arp(message, size - ETHERNET_SIZE, &read);
    else if (get16(bytes + ETHERNET_TYPE_AT) == TYPE_IPV6)
        refusal = decode_ipv6(bytes + ETHERNET_FROM_AT, message, size - ETHERNET_SIZE, &read);
    if (refusal == NEIGHBOUR_ACCEPTED)
        *event = read;
    return refusal;
}

const char *neighbour_refusal_word(enum neighbour_refusal refusal)
{
    assert(refusal < NEIGHBOUR_REFUSALS);
    return refusal_words[refusal];
}
