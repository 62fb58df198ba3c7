#include "failover/advertisement.h"

#include <assert.h>
#include <string.h>

enum {
    AT_VERSION_TYPE = 0,
    AT_VRID = 1,
    AT_PRIORITY = 2,
    AT_COUNT = 3,
    AT_INTERVAL = 4,
    AT_CHECKSUM = 6,
    AT_ADDRESSES = 8,
    VERSION = 3,
    TYPE_ADVERTISEMENT = 1,
};

static const char *const refusal_words[ADVERTISEMENT_REFUSALS] = {
    [ADVERTISEMENT_ACCEPTED] = "accepted",     [ADVERTISEMENT_BAD_TTL] = "ttl",
    [ADVERTISEMENT_BAD_VERSION] = "version",   [ADVERTISEMENT_BAD_TYPE] = "type",
    [ADVERTISEMENT_BAD_LENGTH] = "length",     [ADVERTISEMENT_BAD_CHECKSUM] = "checksum",
    [ADVERTISEMENT_BAD_VRID] = "vrid",         [ADVERTISEMENT_ZERO_INTERVAL] = "interval-zero",
    [ADVERTISEMENT_ZERO_COUNT] = "count-zero", [ADVERTISEMENT_OWN] = "own",
    [ADVERTISEMENT_BAD_SOURCE] = "source",     [ADVERTISEMENT_MULTICAST] = "multicast",
    [ADVERTISEMENT_UNICAST] = "unicast",       [ADVERTISEMENT_UNPROVEN] = "unproven",
};

static size_t address_size(uint8_t family)
{
    assert(family == 4 || family == 6);
    return family == 4 ? 4 : 16;
}

static uint64_t sum_words(const uint8_t *bytes, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += i % 2 == 0 ? (uint64_t)bytes[i] << 8 : bytes[i];
    return sum;
}

/* The same words for both families, whatever the widths of their fields (RFC 8200 §8.1). */
static uint64_t sum_pseudo_header(const struct ip *source, const struct ip *destination,
                                  size_t size)
{
    size_t width = address_size(source->family);
    return sum_words(source->bytes, width) + sum_words(destination->bytes, width) + size +
           ADVERTISEMENT_PROTOCOL;
}

/* One's complement addition of 16-bit words: what overflows comes in again below. */
static uint16_t fold(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

size_t advertisement_encode(const struct advertisement *advertisement, const struct ip *source,
                            const struct ip *destination, enum advertisement_checksum checksum,
                            uint8_t bytes[ADVERTISEMENT_SIZE_MAX])
{
    assert(advertisement->vrid > 0);
    assert(advertisement->interval_cs > 0);
    assert(advertisement->interval_cs <= ADVERTISEMENT_INTERVAL_CS_MAX);
    assert(advertisement->address_count > 0);
    assert(advertisement->address_count <= ADVERTISEMENT_ADDRESSES_MAX);
    assert(source->family == advertisement->family);
    assert(destination->family == advertisement->family);
    size_t width = address_size(advertisement->family);
    size_t size = AT_ADDRESSES + width * advertisement->address_count;

    bytes[AT_VERSION_TYPE] = VERSION << 4 | TYPE_ADVERTISEMENT;
    bytes[AT_VRID] = advertisement->vrid;
    bytes[AT_PRIORITY] = advertisement->priority;
    bytes[AT_COUNT] = advertisement->address_count;
    /* §5.2.6: the reserved bits are zero when sent, and ignored when received. */
    bytes[AT_INTERVAL] = (uint8_t)(advertisement->interval_cs >> 8);
    bytes[AT_INTERVAL + 1] = (uint8_t)advertisement->interval_cs;
    bytes[AT_CHECKSUM] = 0;
    bytes[AT_CHECKSUM + 1] = 0;
    for (size_t i = 0; i < advertisement->address_count; i++) {
        assert(advertisement->addresses[i].family == advertisement->family);
        memcpy(bytes + AT_ADDRESSES + i * width, advertisement->addresses[i].bytes, width);
    }

    uint64_t sum = sum_words(bytes, size);
    if (checksum == ADVERTISEMENT_PSEUDO || advertisement->family == 6)
        sum += sum_pseudo_header(source, destination, size);
    uint16_t complement = (uint16_t)~fold(sum);
    bytes[AT_CHECKSUM] = (uint8_t)(complement >> 8);
    bytes[AT_CHECKSUM + 1] = (uint8_t)complement;
    return size;
}

/* Does the checksum over so many bytes hold in one of the forms? Tells in which. */
static bool is_summed(const uint8_t *bytes, size_t size,
                      const struct advertisement_received *received,
                      enum advertisement_checksum *form)
{
    uint64_t sum = sum_words(bytes, size);
    *form = ADVERTISEMENT_PSEUDO;
    if (fold(sum + sum_pseudo_header(&received->source, &received->destination, size)) == 0xffff)
        return true;
    *form = ADVERTISEMENT_PLAIN;
    return received->source.family == 4 && fold(sum) == 0xffff;
}

/* The checks of §7.1 that the receiver MUST make, in its order. */
static enum advertisement_refusal check_bytes(const uint8_t *bytes, size_t size,
                                              const struct advertisement_received *received,
                                              uint8_t vrid, enum advertisement_checksum *form)
{
    /* "It MUST verify that the IPv4 TTL is 255", "the IPv6 Hop Limit is 255" */
    if (received->ttl != ADVERTISEMENT_TTL)
        return ADVERTISEMENT_BAD_TTL;
    if (size < AT_ADDRESSES)
        return ADVERTISEMENT_BAD_LENGTH;
    /* "the VRRP version is 3" */
    if (bytes[AT_VERSION_TYPE] >> 4 != VERSION)
        return ADVERTISEMENT_BAD_VERSION;
    /* "the VRRP packet type is 1 (ADVERTISEMENT)" */
    if ((bytes[AT_VERSION_TYPE] & 0x0f) != TYPE_ADVERTISEMENT)
        return ADVERTISEMENT_BAD_TYPE;
    /* "the received packet contains the complete VRRP packet (including fixed fields and the IPvX
     * address)" */
    size_t declared = AT_ADDRESSES + bytes[AT_COUNT] * address_size(received->source.family);
    if (size < declared)
        return ADVERTISEMENT_BAD_LENGTH;
    /* "the VRRP checksum": over what the count declares, or over all that came, as the kernel sums
     * IPv6 with whatever trailer it was given. */
    if (!is_summed(bytes, declared, received, form) && !is_summed(bytes, size, received, form))
        return ADVERTISEMENT_BAD_CHECKSUM;
    /* "the VRID is configured on the receiving interface" */
    if (bytes[AT_VRID] != vrid)
        return ADVERTISEMENT_BAD_VRID;
    /* "the Max Advertise Interval is non zero", by erratum 8301 */
    if (((bytes[AT_INTERVAL] & 0x0f) | bytes[AT_INTERVAL + 1]) == 0)
        return ADVERTISEMENT_ZERO_INTERVAL;
    if (bytes[AT_COUNT] == 0)
        return ADVERTISEMENT_ZERO_COUNT;
    return ADVERTISEMENT_ACCEPTED;
}

/* Ours, not the RFC's: one partner, one way of sending. */
static enum advertisement_refusal check_source(const struct advertisement_received *received,
                                               const struct advertisement_expectation *expected)
{
    if (ip_equal(&received->source, &expected->own))
        return ADVERTISEMENT_OWN;
    if (!ip_equal(&received->source, &expected->partner))
        return ADVERTISEMENT_BAD_SOURCE;
    if (received->is_multicast == expected->is_multicast)
        return ADVERTISEMENT_ACCEPTED;
    return received->is_multicast ? ADVERTISEMENT_MULTICAST : ADVERTISEMENT_UNICAST;
}

static void decode_fields(const uint8_t *bytes, uint8_t family, struct advertisement *advertisement)
{
    size_t width = address_size(family);
    *advertisement = (struct advertisement){
        .vrid = bytes[AT_VRID],
        .priority = bytes[AT_PRIORITY],
        /* Without the reserved bits. */
        .interval_cs = (uint16_t)((bytes[AT_INTERVAL] & 0x0f) << 8 | bytes[AT_INTERVAL + 1]),
        .family = family,
        .address_count = bytes[AT_COUNT] < ADVERTISEMENT_ADDRESSES_MAX
                             ? bytes[AT_COUNT]
                             : ADVERTISEMENT_ADDRESSES_MAX,
    };
    for (size_t i = 0; i < advertisement->address_count; i++) {
        advertisement->addresses[i].family = family;
        memcpy(advertisement->addresses[i].bytes, bytes + AT_ADDRESSES + i * width, width);
    }
}

/* Are the configured addresses all there? Nobody lists one twice: then none is besides them, if
 * there are as many. */
static bool has_addresses(const struct advertisement *advertisement,
                          const struct advertisement_expectation *expected)
{
    for (size_t i = 0; i < expected->address_count; i++) {
        bool is_found = false;
        for (size_t j = 0; j < advertisement->address_count; j++)
            is_found |= ip_equal(&advertisement->addresses[j], &expected->addresses[i]);
        if (!is_found)
            return false;
    }
    return true;
}

enum advertisement_refusal advertisement_decode(const uint8_t *bytes, size_t size,
                                                const struct advertisement_received *received,
                                                const struct advertisement_expectation *expected,
                                                struct advertisement_heard *heard)
{
    enum advertisement_checksum form;
    assert(received->source.family == received->destination.family);
    assert(expected->vrid > 0);
    assert(expected->address_count <= ADVERTISEMENT_ADDRESSES_MAX);
    enum advertisement_refusal refusal = check_bytes(bytes, size, received, expected->vrid, &form);
    if (refusal == ADVERTISEMENT_ACCEPTED)
        refusal = check_source(received, expected);
    if (refusal != ADVERTISEMENT_ACCEPTED)
        return refusal;

    decode_fields(bytes, received->source.family, &heard->advertisement);
    heard->checksum = form;
    heard->notes = 0;
    if (heard->advertisement.interval_cs != expected->interval_cs)
        heard->notes |= ADVERTISEMENT_OTHER_INTERVAL;
    if (bytes[AT_COUNT] != expected->address_count ||
        !has_addresses(&heard->advertisement, expected))
        heard->notes |= ADVERTISEMENT_OTHER_ADDRESSES;
    return ADVERTISEMENT_ACCEPTED;
}

const char *advertisement_refusal_word(enum advertisement_refusal refusal)
{
    assert(refusal < ADVERTISEMENT_REFUSALS);
    return refusal_words[refusal];
}
