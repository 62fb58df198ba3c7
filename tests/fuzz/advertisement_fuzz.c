/* What a guardian reads from the service LAN. The first byte says how: bit 0, IPv6; bit 1, a right
 * checksum is put in first, so that every field is reached; bits 2 and 3, its form and extent.
 *
 * Decoders: failover/advertisement.c:-advertisement_(refusal_word|encode) */
#include "failover/advertisement.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { IS_IPV6 = 1, IS_SUMMED = 2, IS_PSEUDO = 4, IS_WHOLE = 8, PACKET_MAX = 2048 };

static struct ip host(uint8_t family, uint8_t last)
{
    struct ip ip = {.family = family, .bytes = {[0] = family == 4 ? 10 : 0xfe, [1] = 0x80}};
    ip.bytes[family == 4 ? 3 : 15] = last;
    return ip;
}

static uint32_t sum(const uint8_t *bytes, size_t size)
{
    uint32_t total = 0;
    for (size_t i = 0; i < size; i++)
        total += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    return total;
}

/* A second opinion on the checksum: added up word for word, by another way of folding. */
static void put_checksum(uint8_t *bytes, size_t size, uint8_t how,
                         const struct advertisement_received *received)
{
    size_t declared = 8 + (size_t)bytes[3] * (how & IS_IPV6 ? 16 : 4);
    if (declared > size || how & IS_WHOLE)
        declared = size;
    bytes[6] = bytes[7] = 0;
    uint32_t total = sum(bytes, declared);
    if (how & (IS_IPV6 | IS_PSEUDO))
        total += sum(received->source.bytes, 16) + sum(received->destination.bytes, 16) +
                 (uint32_t)declared + ADVERTISEMENT_PROTOCOL;
    total = 0xffff - (total % 0xffff);
    bytes[6] = (uint8_t)(total >> 8);
    bytes[7] = (uint8_t)total;
}

/* What was heard can be said again, and is heard again as the same. */
static void check_again(const struct advertisement_heard *heard,
                        const struct advertisement_received *received,
                        const struct advertisement_expectation *expected)
{
    uint8_t again[ADVERTISEMENT_SIZE_MAX];
    static struct advertisement_heard twice;
    memset(&twice, 0, sizeof twice);
    size_t size = advertisement_encode(&heard->advertisement, &received->source,
                                       &received->destination, heard->checksum, again);
    assert(advertisement_decode(again, size, received, expected, &twice) == ADVERTISEMENT_ACCEPTED);
    assert(memcmp(&twice.advertisement, &heard->advertisement, sizeof heard->advertisement) == 0);
    /* Of more addresses than are kept the first may be the configured ones. */
    assert((twice.notes & ~heard->notes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct advertisement_heard heard;
    static uint8_t copy[PACKET_MAX];
    if (size < 1 || size > PACKET_MAX)
        return 0;
    uint8_t how = bytes[0], family = how & IS_IPV6 ? 6 : 4;
    struct advertisement_received received = {
        .ttl = 255, .source = host(family, 12), .destination = host(family, 11)};
    struct advertisement_expectation expected = {.vrid = 51,
                                                 .interval_cs = 1,
                                                 .own = host(family, 11),
                                                 .partner = host(family, 12),
                                                 .address_count = 1,
                                                 .addresses = {host(family, 53)}};
    memset(&heard, 0, sizeof heard);
    if (!(how & IS_SUMMED) || size < 1 + 8) {
        /* As it came, so that the sanitizer sees a read behind its end. */
        if (advertisement_decode(bytes + 1, size - 1, &received, &expected, &heard) ==
            ADVERTISEMENT_ACCEPTED)
            check_again(&heard, &received, &expected);
        return 0;
    }
    memcpy(copy, bytes + 1, size - 1);
    put_checksum(copy, size - 1, how, &received);
    enum advertisement_refusal refusal =
        advertisement_decode(copy, size - 1, &received, &expected, &heard);
    assert(refusal != ADVERTISEMENT_BAD_CHECKSUM);
    if (refusal == ADVERTISEMENT_ACCEPTED)
        check_again(&heard, &received, &expected);
    return 0;
}
