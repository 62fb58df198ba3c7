/* The bytes of a beat, both ways. They are the contract with programs of other versions: a change
 * here is a change of the protocol. The tag was made by another implementation of BLAKE2b. */
#include "failover/beat.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static const char golden[] = "010135025d7c66691122334455667788"
                             "010203040506070899aabbccddeeff00"
                             "111213141516171800002328000000fa"
                             "00009c40212223242526272840000007"
                             "3fffffff03e8029bd23529677c743a68"
                             "428ab048984467ae";

static uint8_t key[1][BEAT_KEY_SIZE];

static void make_key(void)
{
    for (size_t i = 0; i < BEAT_KEY_SIZE; i++)
        key[0][i] = (uint8_t)i;
}

static struct beat said(void)
{
    return (struct beat){
        .sender = 1,
        .flags = BEAT_FIT | BEAT_ISOLATED | BEAT_PROBING | BEAT_ANSWERED,
        .holds = 2,
        .cluster = beat_cluster("music"),
        .boot = 0x1122334455667788,
        .sequence = 0x0102030405060708,
        .echo_boot = 0x99aabbccddeeff00,
        .echo_sequence = 0x1112131415161718,
        .heard_ago_us = 9000,
        .lateness_us = 250,
        .unanswered_us = 40000,
        .document = 0x2122232425262728,
        .handovers = {{7, 1}, {BEAT_HANDOVER_MAX, 0}},
        .agents_fresh = 1000,
        .agents_lost = 667,
    };
}

START_TEST(a_beat_is_exactly_these_bytes)
{
    uint8_t bytes[BEAT_SIZE];
    char hex[2 * BEAT_SIZE + 1];
    struct beat beat = said();
    make_key();
    beat_encode(&beat, key[0], bytes);
    for (size_t i = 0; i < BEAT_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    ck_assert_str_eq(hex, golden);
}
END_TEST

START_TEST(these_bytes_are_exactly_that_beat)
{
    uint8_t bytes[BEAT_SIZE];
    struct beat heard, expected = said();
    struct beat_memory memory = {0};
    struct beat_expectation expectation = {.cluster = beat_cluster("music"),
                                           .sender = 1,
                                           .boot = expected.echo_boot,
                                           .sequence = expected.echo_sequence};
    make_key();
    for (size_t i = 0; i < BEAT_SIZE; i++) {
        unsigned byte;
        ck_assert_int_eq(sscanf(golden + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    ck_assert_int_eq(beat_decode(bytes, sizeof bytes, key, 1, &expectation, &memory, &heard),
                     BEAT_ACCEPTED);
    ck_assert_uint_eq(heard.sender, expected.sender);
    ck_assert_uint_eq(heard.flags, expected.flags);
    ck_assert_uint_eq(heard.holds, expected.holds);
    ck_assert_uint_eq(heard.cluster, expected.cluster);
    ck_assert_uint_eq(heard.boot, expected.boot);
    ck_assert_uint_eq(heard.sequence, expected.sequence);
    ck_assert_uint_eq(heard.echo_boot, expected.echo_boot);
    ck_assert_uint_eq(heard.echo_sequence, expected.echo_sequence);
    ck_assert_uint_eq(heard.heard_ago_us, expected.heard_ago_us);
    ck_assert_uint_eq(heard.lateness_us, expected.lateness_us);
    ck_assert_uint_eq(heard.unanswered_us, expected.unanswered_us);
    ck_assert_uint_eq(heard.document, expected.document);
    for (size_t home = 0; home < 2; home++) {
        ck_assert_uint_eq(heard.handovers[home].version, expected.handovers[home].version);
        ck_assert_uint_eq(heard.handovers[home].node, expected.handovers[home].node);
    }
    ck_assert_uint_eq(heard.agents_fresh, expected.agents_fresh);
    ck_assert_uint_eq(heard.agents_lost, expected.agents_lost);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the beat's bytes");
    SUITE_CASE(suite, "beat", a_beat_is_exactly_these_bytes, these_bytes_are_exactly_that_beat);
    return suite_run(suite);
}
