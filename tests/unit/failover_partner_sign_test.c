/* An advertisement counts when what stands behind its addresses proves that the partner sends it
 * now. */
#include "failover/partner_sign.h"

#include <string.h>

#include "unit/suite.h"

static struct partner nodes[PAIR_NODES];
static uint8_t bytes[ADVERTISEMENT_SIZE_MAX + BEAT_SIZE];
static size_t size;
static struct advertisement said;

static void start_life(uint8_t number, uint64_t boot)
{
    nodes[number] = (struct partner){.settings = {.self = number, .cluster = 7}, .boot = boot};
    nodes[number].settings.beat_key_count = 1;
    memset(nodes[number].settings.beat_keys[0], 9, BEAT_KEY_SIZE);
    partner_derive_keys(&nodes[number]);
}

static void both_start(void)
{
    start_life(0, 100);
    start_life(1, 200);
}

/* An advertisement of that node, as it leaves. */
static void advertise(uint8_t number)
{
    said = (struct advertisement){
        .vrid = 53, .priority = 200, .interval_cs = 1, .family = 4, .address_count = 1};
    size = partner_sign(&nodes[number], 0, &said, bytes, 12);
    ck_assert_uint_eq(size, 12 + BEAT_SIZE);
}

static bool counts_for(uint8_t number)
{
    return partner_is_signed(&nodes[number], 0, &said, bytes, size);
}

/* Both are started, and each hears the other until it is echoed. */
static void greet(void)
{
    both_start();
    for (int i = 0; i < 3; i++) {
        advertise(0);
        ck_assert(counts_for(1));
        advertise(1);
        ck_assert(counts_for(0));
    }
}

START_TEST(the_partners_advertisement_counts_once)
{
    greet();
    advertise(1);
    ck_assert(counts_for(0));
    ck_assert(!counts_for(0));
}
END_TEST

START_TEST(one_without_proof_does_not_count)
{
    greet();
    advertise(1);
    size = 12;
    ck_assert(!counts_for(0));
    size = BEAT_SIZE + 11; /* a byte is missing */
    ck_assert(!counts_for(0));
}
END_TEST

START_TEST(what_was_altered_does_not_count)
{
    greet();
    advertise(1);
    said.priority = 0;
    ck_assert(!counts_for(0));
    advertise(1);
    said.vrid = 54;
    ck_assert(!counts_for(0));
    advertise(1);
    bytes[size - 1] ^= 1;
    ck_assert(!counts_for(0));
}
END_TEST

START_TEST(a_beat_of_the_pairs_link_proves_nothing_here)
{
    greet();
    memcpy(nodes[1].advertisement_keys[0], nodes[1].settings.beat_keys[0], BEAT_KEY_SIZE);
    advertise(1);
    ck_assert(!counts_for(0));
}
END_TEST

static void give_keys(uint8_t number, int first, int second)
{
    struct partner_settings *settings = &nodes[number].settings;
    settings->beat_key_count = second == 0 ? 1 : 2;
    memset(settings->beat_keys[0], first, BEAT_KEY_SIZE);
    memset(settings->beat_keys[1], second, BEAT_KEY_SIZE);
    partner_derive_keys(&nodes[number]);
}

START_TEST(while_the_key_is_changed_two_are_believed_and_the_first_signs)
{
    greet();
    give_keys(0, 9, 8);
    advertise(1); /* under 9 */
    ck_assert(counts_for(0));
    give_keys(1, 8, 9);
    advertise(1);
    ck_assert(counts_for(0));
    advertise(0); /* still under 9 */
    ck_assert(counts_for(1));
    give_keys(0, 9, 0);
    advertise(1);
    ck_assert(!counts_for(0));
    give_keys(0, 7, 9);
    advertise(1);
    ck_assert(!counts_for(0));
    advertise(0);
    ck_assert(!counts_for(1));
}
END_TEST

START_TEST(its_own_advertisement_does_not_count)
{
    greet();
    advertise(0);
    ck_assert(!counts_for(0));
}
END_TEST

/* A partner that was started anew, and has heard me. */
START_TEST(the_partners_next_life_counts_and_its_last_does_not)
{
    uint8_t recorded[sizeof bytes];
    greet();
    advertise(1);
    memcpy(recorded, bytes, sizeof bytes);
    start_life(1, 201);
    for (int i = 0; i < BEAT_MISSED; i++) {
        advertise(0);
        ck_assert(counts_for(1)); /* it knows nobody yet */
    }
    advertise(1);
    ck_assert(counts_for(0));
    memcpy(bytes, recorded, sizeof bytes);
    ck_assert(!counts_for(0));
}
END_TEST

/* Who has advertised for two seconds would be echoed by a partner that lives. */
START_TEST(a_recording_is_believed_for_no_longer_than_a_greeting_takes)
{
    both_start();
    advertise(1); /* of a life that I have never heard */
    ck_assert(counts_for(0));
    uint8_t recorded[sizeof bytes];
    memcpy(recorded, bytes, sizeof bytes);
    for (int i = 0; i < BEAT_RECENT; i++)
        advertise(0);
    memcpy(bytes, recorded, sizeof bytes);
    ck_assert(!counts_for(0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/partner_sign");
    SUITE_CASE(suite, "proof", the_partners_advertisement_counts_once,
               one_without_proof_does_not_count, what_was_altered_does_not_count,
               a_beat_of_the_pairs_link_proves_nothing_here,
               while_the_key_is_changed_two_are_believed_and_the_first_signs,
               its_own_advertisement_does_not_count);
    SUITE_CASE(suite, "lives", the_partners_next_life_counts_and_its_last_does_not,
               a_recording_is_believed_for_no_longer_than_a_greeting_takes);
    return suite_run(suite);
}
