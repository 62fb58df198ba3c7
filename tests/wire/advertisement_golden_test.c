/* The bytes of advertisements as keepalived 2.2.7 sent them, both ways: VRID 51, priority 200, an
 * interval of 10 cs. The last one is the first with the checksum of RFC 9568. */
#include "failover/advertisement.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static const struct golden {
    const char *what;
    const char *source, *destination;
    enum advertisement_checksum checksum;
    const char *addresses[3];
    const char *hex;
} goldens[] = {
    {"IPv4 multicast",
     "10.0.0.1",
     "224.0.0.18",
     ADVERTISEMENT_PSEUDO,
     {"10.0.0.100"},
     "3133c801000a11cd0a000064"},
    {"IPv4 unicast",
     "10.0.0.1",
     "10.0.0.2",
     ADVERTISEMENT_PSEUDO,
     {"10.0.0.100"},
     "3133c801000ae7dd0a000064"},
    {"IPv6 multicast",
     "fe80::5eff:fe10:2001",
     "ff02::12",
     ADVERTISEMENT_PSEUDO,
     {"fe80::100", "fd00::100"},
     "3133c802000a8dfe"
     "fe800000000000000000000000000100"
     "fd000000000000000000000000000100"},
    {"IPv4 without pseudo-header",
     "10.0.0.1",
     "224.0.0.18",
     ADVERTISEMENT_PLAIN,
     {"10.0.0.100"},
     "3133c801000afc5c0a000064"},
};

enum { GOLDENS = sizeof goldens / sizeof *goldens };

static struct ip ip(const char *text)
{
    struct ip parsed;
    ck_assert(ip_parse(text, &parsed));
    return parsed;
}

static struct advertisement said(const struct golden *golden)
{
    struct advertisement made = {
        .vrid = 51, .priority = 200, .interval_cs = 10, .family = ip(golden->source).family};
    for (size_t i = 0; golden->addresses[i] != NULL; i++)
        made.addresses[made.address_count++] = ip(golden->addresses[i]);
    return made;
}

START_TEST(an_advertisement_is_exactly_these_bytes)
{
    for (size_t i = 0; i < GOLDENS; i++) {
        uint8_t bytes[ADVERTISEMENT_SIZE_MAX];
        char hex[2 * ADVERTISEMENT_SIZE_MAX + 1];
        struct advertisement advertisement = said(&goldens[i]);
        struct ip source = ip(goldens[i].source), destination = ip(goldens[i].destination);
        size_t size =
            advertisement_encode(&advertisement, &source, &destination, goldens[i].checksum, bytes);
        for (size_t j = 0; j < size; j++)
            snprintf(hex + 2 * j, 3, "%02x", bytes[j]);
        ck_assert_str_eq(hex, goldens[i].hex);
    }
}
END_TEST

static void check_decoded(const struct golden *golden)
{
    uint8_t bytes[ADVERTISEMENT_SIZE_MAX];
    size_t size = strlen(golden->hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        ck_assert_int_eq(sscanf(golden->hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    struct advertisement expected = said(golden);
    struct advertisement_received received = {
        .ttl = 255, .source = ip(golden->source), .destination = ip(golden->destination)};
    struct advertisement_expectation expectation = {.vrid = 51,
                                                    .interval_cs = 10,
                                                    .partner = received.source,
                                                    .address_count = expected.address_count};
    memcpy(expectation.addresses, expected.addresses, sizeof expected.addresses);
    struct advertisement_heard heard;
    ck_assert_int_eq(advertisement_decode(bytes, size, &received, &expectation, &heard),
                     ADVERTISEMENT_ACCEPTED);
    ck_assert_int_eq(heard.checksum, golden->checksum);
    ck_assert_uint_eq(heard.notes, 0);
    ck_assert_uint_eq(heard.advertisement.vrid, 51);
    ck_assert_uint_eq(heard.advertisement.priority, 200);
    ck_assert_uint_eq(heard.advertisement.interval_cs, 10);
    ck_assert_uint_eq(heard.advertisement.family, expected.family);
    ck_assert_uint_eq(heard.advertisement.address_count, expected.address_count);
    for (size_t i = 0; i < expected.address_count; i++)
        ck_assert(ip_equal(&heard.advertisement.addresses[i], &expected.addresses[i]));
}

START_TEST(these_bytes_are_exactly_that_advertisement)
{
    for (size_t i = 0; i < GOLDENS; i++)
        check_decoded(&goldens[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the advertisement's bytes");
    SUITE_CASE(suite, "advertisement", an_advertisement_is_exactly_these_bytes,
               these_bytes_are_exactly_that_advertisement);
    return suite_run(suite);
}
