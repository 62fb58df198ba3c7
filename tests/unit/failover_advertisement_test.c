#include "failover/advertisement.h"

#include <string.h>

#include "unit/suite.h"

enum { PACKET_MAX = 1500 };

static struct ip ip(const char *text)
{
    struct ip parsed;
    ck_assert(ip_parse(text, &parsed));
    return parsed;
}

/* The partner's advertisement as it comes from the LAN, and what I expect of it. */
static struct packet {
    struct advertisement_received received;
    size_t size;
    uint8_t bytes[PACKET_MAX];
} packet;
static struct advertisement_expectation expected;
static struct advertisement_heard heard;

static struct advertisement advertisement4(void)
{
    return (struct advertisement){.vrid = 51,
                                  .priority = 100,
                                  .interval_cs = 1,
                                  .family = 4,
                                  .address_count = 2,
                                  .addresses = {ip("192.0.2.53"), ip("192.0.2.54")}};
}

static void send_in(enum advertisement_checksum checksum, const struct advertisement *said)
{
    packet.size = advertisement_encode(said, &packet.received.source, &packet.received.destination,
                                       checksum, packet.bytes);
}

static void setup4(void)
{
    struct advertisement said = advertisement4();
    memset(&packet, 0, sizeof packet);
    packet.received = (struct advertisement_received){
        .ttl = 255, .source = ip("192.0.2.12"), .destination = ip("192.0.2.11")};
    expected =
        (struct advertisement_expectation){.vrid = 51,
                                           .interval_cs = 1,
                                           .own = ip("192.0.2.11"),
                                           .partner = ip("192.0.2.12"),
                                           .address_count = 2,
                                           .addresses = {said.addresses[0], said.addresses[1]}};
    send_in(ADVERTISEMENT_PLAIN, &said);
}

static void setup6(void)
{
    struct advertisement said = {.vrid = 51,
                                 .priority = 100,
                                 .interval_cs = 1,
                                 .family = 6,
                                 .address_count = 2,
                                 .addresses = {ip("fe80::53"), ip("2001:db8::53")}};
    memset(&packet, 0, sizeof packet);
    packet.received = (struct advertisement_received){
        .ttl = 255, .source = ip("fe80::12"), .destination = ip("fe80::11")};
    expected =
        (struct advertisement_expectation){.vrid = 51,
                                           .interval_cs = 1,
                                           .own = ip("fe80::11"),
                                           .partner = ip("fe80::12"),
                                           .address_count = 2,
                                           .addresses = {said.addresses[0], said.addresses[1]}};
    send_in(ADVERTISEMENT_PSEUDO, &said);
}

static const char *judge(void)
{
    return advertisement_refusal_word(
        advertisement_decode(packet.bytes, packet.size, &packet.received, &expected, &heard));
}

/* Give the altered packet a right checksum over so many bytes, in the form of RFC 9568. */
static void sum_anew(size_t size)
{
    uint32_t sum = 0;
    packet.bytes[6] = packet.bytes[7] = 0;
    for (size_t i = 0; i < size; i++)
        sum += (uint32_t)packet.bytes[i] << (i % 2 == 0 ? 8 : 0);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    packet.bytes[6] = (uint8_t)(~sum >> 8);
    packet.bytes[7] = (uint8_t)~sum;
}

START_TEST(the_partners_advertisement_is_accepted)
{
    setup4();
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, 0);
    ck_assert_uint_eq(heard.advertisement.priority, 100);
    setup6();
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, 0);
    ck_assert_uint_eq(heard.advertisement.address_count, 2);
}
END_TEST

START_TEST(a_packet_that_crossed_a_router_is_refused)
{
    setup4();
    packet.received.ttl = 254;
    ck_assert_str_eq(judge(), "ttl");
    setup6();
    packet.received.ttl = 0;
    ck_assert_str_eq(judge(), "ttl");
}
END_TEST

START_TEST(another_version_is_refused)
{
    setup4();
    packet.bytes[0] = 0x21;
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "version");
    packet.bytes[0] = 0x41;
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "version");
}
END_TEST

START_TEST(another_type_is_refused)
{
    setup4();
    packet.bytes[0] = 0x32;
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "type");
}
END_TEST

START_TEST(an_incomplete_packet_is_refused_at_every_size)
{
    setup4();
    size_t whole = packet.size;
    for (packet.size = 0; packet.size < whole; packet.size++)
        ck_assert_str_eq(judge(), "length");
    setup6();
    whole = packet.size;
    for (packet.size = 0; packet.size < whole; packet.size++)
        ck_assert_str_eq(judge(), "length");
}
END_TEST

START_TEST(a_bit_altered_on_the_way_is_found_by_the_checksum)
{
    setup6();
    for (size_t i = 6; i < packet.size; i++) {
        packet.bytes[i] ^= 0x04;
        ck_assert_str_eq(judge(), "checksum");
        packet.bytes[i] ^= 0x04;
    }
    ck_assert_str_eq(judge(), "accepted");
}
END_TEST

START_TEST(the_checksum_of_ipv6_needs_the_pseudo_header)
{
    setup6();
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "checksum");
}
END_TEST

START_TEST(the_form_of_an_ipv4_checksum_is_told)
{
    struct advertisement said = advertisement4();
    setup4();
    send_in(ADVERTISEMENT_PLAIN, &said);
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_int_eq(heard.checksum, ADVERTISEMENT_PLAIN);
    send_in(ADVERTISEMENT_PSEUDO, &said);
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_int_eq(heard.checksum, ADVERTISEMENT_PSEUDO);
    setup6();
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_int_eq(heard.checksum, ADVERTISEMENT_PSEUDO);
}
END_TEST

START_TEST(a_pseudo_header_of_other_addresses_is_refused)
{
    struct advertisement said = advertisement4();
    setup4();
    send_in(ADVERTISEMENT_PSEUDO, &said);
    packet.received.destination = ip("224.0.0.18");
    ck_assert_str_eq(judge(), "checksum");
}
END_TEST

START_TEST(a_vrid_that_is_not_configured_is_refused)
{
    setup4();
    expected.vrid = 52;
    ck_assert_str_eq(judge(), "vrid");
}
END_TEST

START_TEST(an_interval_of_zero_is_refused)
{
    setup4();
    packet.bytes[4] = 0xf0; /* the reserved bits are no part of it */
    packet.bytes[5] = 0;
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "interval-zero");
}
END_TEST

START_TEST(an_advertisement_of_no_address_is_refused)
{
    setup4();
    packet.bytes[3] = 0;
    sum_anew(8);
    ck_assert_str_eq(judge(), "count-zero");
    packet.size = 8;
    ck_assert_str_eq(judge(), "count-zero");
}
END_TEST

START_TEST(my_own_advertisement_is_not_the_partners)
{
    setup4();
    packet.received.source = expected.own;
    ck_assert_str_eq(judge(), "own");
}
END_TEST

START_TEST(whoever_else_uses_the_vrid_is_not_believed)
{
    setup4();
    packet.received.source = ip("192.0.2.13");
    ck_assert_str_eq(judge(), "source");
    /* He is told apart from a partner that is configured otherwise. */
    packet.received.is_multicast = true;
    ck_assert_str_eq(judge(), "source");
}
END_TEST

START_TEST(multicast_is_refused_where_unicast_is_configured_and_the_reverse)
{
    setup4();
    packet.received.is_multicast = true;
    ck_assert_str_eq(judge(), "multicast");
    expected.is_multicast = true;
    ck_assert_str_eq(judge(), "accepted");
    packet.received.is_multicast = false;
    ck_assert_str_eq(judge(), "unicast");
}
END_TEST

START_TEST(the_first_check_that_fails_gives_the_reason)
{
    setup4();
    /* All is wrong; each line rights one thing. */
    packet.received = (struct advertisement_received){.ttl = 1,
                                                      .source = ip("192.0.2.11"),
                                                      .destination = ip("224.0.0.18"),
                                                      .is_multicast = true};
    memcpy(packet.bytes, (const uint8_t[]){0x22, 9, 100, 0, 0, 0, 1, 1}, 8);
    packet.bytes[3] = 3;
    ck_assert_str_eq(judge(), "ttl");
    packet.received.ttl = 255;
    ck_assert_str_eq(judge(), "version");
    packet.bytes[0] = 0x32;
    ck_assert_str_eq(judge(), "type");
    packet.bytes[0] = 0x31;
    ck_assert_str_eq(judge(), "length");
    packet.bytes[3] = 0;
    ck_assert_str_eq(judge(), "checksum");
    sum_anew(8);
    ck_assert_str_eq(judge(), "vrid");
    packet.bytes[1] = 51;
    sum_anew(8);
    ck_assert_str_eq(judge(), "interval-zero");
    packet.bytes[4] = 1;
    sum_anew(8);
    ck_assert_str_eq(judge(), "count-zero");
    packet.bytes[3] = 1;
    sum_anew(12);
    ck_assert_str_eq(judge(), "own");
    packet.received.source = ip("192.0.2.13");
    ck_assert_str_eq(judge(), "source");
    packet.received.source = expected.partner;
    ck_assert_str_eq(judge(), "multicast");
    packet.received.is_multicast = false;
    ck_assert_str_eq(judge(), "accepted");
}
END_TEST

START_TEST(a_refused_advertisement_leaves_the_last_one)
{
    setup4();
    judge();
    packet.bytes[2] = 255;
    ck_assert_str_eq(judge(), "checksum");
    ck_assert_uint_eq(heard.advertisement.priority, 100);
    packet.received.source = ip("192.0.2.13");
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "source");
    ck_assert_uint_eq(heard.advertisement.priority, 100);
}
END_TEST

START_TEST(an_interval_that_differs_is_noted)
{
    setup4();
    expected.interval_cs = 2;
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, ADVERTISEMENT_OTHER_INTERVAL);
    ck_assert_uint_eq(heard.advertisement.interval_cs, 1);
}
END_TEST

START_TEST(the_longest_interval_is_read_without_the_reserved_bits)
{
    setup4();
    packet.bytes[4] = 0xff;
    packet.bytes[5] = 0xff;
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.advertisement.interval_cs, ADVERTISEMENT_INTERVAL_CS_MAX);
}
END_TEST

START_TEST(addresses_that_differ_are_noted)
{
    setup4();
    expected.addresses[1] = ip("192.0.2.55");
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, ADVERTISEMENT_OTHER_ADDRESSES);
    expected.address_count = 1;
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, ADVERTISEMENT_OTHER_ADDRESSES);
}
END_TEST

START_TEST(the_order_of_addresses_is_free)
{
    setup4();
    expected.addresses[0] = ip("192.0.2.54");
    expected.addresses[1] = ip("192.0.2.53");
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, 0);
}
END_TEST

START_TEST(of_too_many_addresses_the_first_are_kept)
{
    setup4();
    packet.bytes[3] = 255;
    packet.size = 8 + 4 * 255;
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, ADVERTISEMENT_OTHER_ADDRESSES);
    ck_assert_uint_eq(heard.advertisement.address_count, ADVERTISEMENT_ADDRESSES_MAX);
    ck_assert(ip_equal(&heard.advertisement.addresses[1], &expected.addresses[1]));
}
END_TEST

START_TEST(as_many_addresses_as_fit_come_through)
{
    struct advertisement said = advertisement4();
    setup4();
    said.address_count = ADVERTISEMENT_ADDRESSES_MAX;
    for (uint8_t i = 0; i < ADVERTISEMENT_ADDRESSES_MAX; i++)
        said.addresses[i] = (struct ip){.family = 4, .bytes = {192, 0, 2, i}};
    send_in(ADVERTISEMENT_PLAIN, &said);
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.advertisement.address_count, ADVERTISEMENT_ADDRESSES_MAX);
    ck_assert(ip_equal(&heard.advertisement.addresses[ADVERTISEMENT_ADDRESSES_MAX - 1],
                       &said.addresses[ADVERTISEMENT_ADDRESSES_MAX - 1]));
}
END_TEST

START_TEST(bytes_behind_the_addresses_are_skipped)
{
    /* The checksum covers what the count declares, or the trailer, too. */
    setup4();
    memset(packet.bytes + packet.size, 0x5a, 28);
    packet.size += 28;
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_uint_eq(heard.notes, 0);
    sum_anew(packet.size);
    ck_assert_str_eq(judge(), "accepted");
    ck_assert_int_eq(heard.checksum, ADVERTISEMENT_PLAIN);
    sum_anew(packet.size - 2);
    ck_assert_str_eq(judge(), "checksum");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/advertisement");
    SUITE_CASE(
        suite, "musts", the_partners_advertisement_is_accepted,
        a_packet_that_crossed_a_router_is_refused, another_version_is_refused,
        another_type_is_refused, an_incomplete_packet_is_refused_at_every_size,
        a_bit_altered_on_the_way_is_found_by_the_checksum, a_vrid_that_is_not_configured_is_refused,
        an_interval_of_zero_is_refused, an_advertisement_of_no_address_is_refused,
        the_first_check_that_fails_gives_the_reason, a_refused_advertisement_leaves_the_last_one);
    SUITE_CASE(suite, "checksums", the_checksum_of_ipv6_needs_the_pseudo_header,
               the_form_of_an_ipv4_checksum_is_told, a_pseudo_header_of_other_addresses_is_refused,
               bytes_behind_the_addresses_are_skipped);
    SUITE_CASE(suite, "sources", my_own_advertisement_is_not_the_partners,
               whoever_else_uses_the_vrid_is_not_believed,
               multicast_is_refused_where_unicast_is_configured_and_the_reverse);
    SUITE_CASE(suite, "notes", an_interval_that_differs_is_noted,
               the_longest_interval_is_read_without_the_reserved_bits,
               addresses_that_differ_are_noted, the_order_of_addresses_is_free,
               of_too_many_addresses_the_first_are_kept, as_many_addresses_as_fit_come_through);
    return suite_run(suite);
}
