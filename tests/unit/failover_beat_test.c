#include "failover/beat.h"

#include <sodium.h>
#include <string.h>

#include "unit/suite.h"

static const uint8_t keys[3][BEAT_KEY_SIZE] = {{1}, {2}, {3}};

/* A node as its beats see it: a life, its last sequence, and what it remembers of the other. */
struct node {
    uint8_t position;
    uint64_t boot, sequence;
    struct beat_memory memory;
};

struct datagram {
    uint8_t bytes[BEAT_SIZE];
};

static struct node a, b;
static struct beat heard;

static void start(struct node *node, uint8_t position, uint64_t boot)
{
    *node = (struct node){.position = position, .boot = boot};
}

static struct beat next_beat(struct node *node)
{
    struct beat beat = {.sender = node->position,
                        .flags = BEAT_FIT,
                        .cluster = 77,
                        .boot = node->boot,
                        .sequence = ++node->sequence};
    beat_echo(&node->memory, &beat.echo_boot, &beat.echo_sequence);
    return beat;
}

static struct datagram sends(struct node *node)
{
    struct datagram datagram;
    struct beat beat = next_beat(node);
    beat_encode(&beat, keys[0], datagram.bytes);
    return datagram;
}

static struct beat_expectation expectation_of(const struct node *node)
{
    return (struct beat_expectation){.cluster = 77,
                                     .sender = (uint8_t)(1 - node->position),
                                     .boot = node->boot,
                                     .sequence = node->sequence};
}

static const char *hears(struct node *node, struct datagram datagram)
{
    struct beat_expectation expected = expectation_of(node);
    return beat_refusal_word(
        beat_decode(datagram.bytes, BEAT_SIZE, keys, 1, &expected, &node->memory, &heard));
}

static const char *hears_beat(struct node *node, struct beat beat)
{
    struct datagram datagram;
    beat_encode(&beat, keys[0], datagram.bytes);
    return hears(node, datagram);
}

/* Each sends a beat and hears the other's, so many times. */
static void converse(size_t rounds)
{
    for (size_t i = 0; i < rounds; i++) {
        struct datagram from_a = sends(&a);
        struct datagram from_b = sends(&b);
        hears(&a, from_b);
        hears(&b, from_a);
    }
}

/* Altered bytes with a right tag. */
static void tag_anew(struct datagram *datagram)
{
    size_t tag_at = BEAT_SIZE - BEAT_TAG_SIZE;
    crypto_generichash(datagram->bytes + tag_at, BEAT_TAG_SIZE, datagram->bytes, tag_at, keys[0],
                       BEAT_KEY_SIZE);
}

/* Two nodes that have proven each other. */
static void meet(void)
{
    start(&a, 0, 0xa1);
    start(&b, 1, 0xb1);
    converse(5);
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
}

START_TEST(a_cluster_is_told_apart_by_its_name)
{
    ck_assert_uint_eq(beat_cluster("music"), beat_cluster("music"));
    ck_assert_uint_ne(beat_cluster("music"), beat_cluster("musid"));
    ck_assert_uint_ne(beat_cluster(""), beat_cluster("music"));
}
END_TEST

START_TEST(a_beat_of_any_other_size_is_refused)
{
    uint8_t bytes[BEAT_SIZE + 1] = {0};
    meet();
    struct datagram datagram = sends(&b);
    struct beat_expectation expected = expectation_of(&a);
    memcpy(bytes, datagram.bytes, BEAT_SIZE);
    for (size_t size = 0; size <= BEAT_SIZE + 1; size++) {
        enum beat_refusal refusal = beat_decode(bytes, size, keys, 1, &expected, &a.memory, &heard);
        ck_assert_int_eq(refusal, size == BEAT_SIZE ? BEAT_ACCEPTED : BEAT_BAD_SIZE);
    }
}
END_TEST

START_TEST(another_version_is_told_before_the_tag)
{
    meet();
    struct datagram datagram = sends(&b);
    datagram.bytes[0]++;
    ck_assert_str_eq(hears(&a, datagram), "bad-version");
}
END_TEST

START_TEST(a_beat_altered_in_any_byte_is_refused)
{
    meet();
    struct datagram datagram = sends(&b);
    for (size_t i = 1; i < BEAT_SIZE; i++) {
        datagram.bytes[i] ^= 0x10;
        ck_assert_str_eq(hears(&a, datagram), "bad-tag");
        datagram.bytes[i] ^= 0x10;
    }
    ck_assert_str_eq(hears(&a, datagram), "accepted");
}
END_TEST

START_TEST(while_a_key_is_exchanged_two_are_valid_and_no_third)
{
    meet();
    for (size_t key = 0; key < 3; key++) {
        struct datagram datagram;
        struct beat beat = next_beat(&b);
        struct beat_expectation expected = expectation_of(&a);
        struct beat_memory memory = a.memory;
        beat_encode(&beat, keys[key], datagram.bytes);
        ck_assert_int_eq(
            beat_decode(datagram.bytes, BEAT_SIZE, keys, 1, &expected, &memory, &heard),
            key < 1 ? BEAT_ACCEPTED : BEAT_BAD_TAG);
        memory = a.memory;
        ck_assert_int_eq(
            beat_decode(datagram.bytes, BEAT_SIZE, keys, 2, &expected, &memory, &heard),
            key < 2 ? BEAT_ACCEPTED : BEAT_BAD_TAG);
    }
}
END_TEST

START_TEST(a_beat_of_another_pair_with_the_same_key_is_refused)
{
    meet();
    struct beat beat = next_beat(&b);
    beat.cluster++;
    ck_assert_str_eq(hears_beat(&a, beat), "bad-cluster");
}
END_TEST

START_TEST(a_second_node_of_my_own_name_is_refused)
{
    meet();
    struct beat beat = next_beat(&b);
    beat.sender = 0;
    ck_assert_str_eq(hears_beat(&a, beat), "bad-sender");
    ck_assert_str_eq(hears(&a, sends(&a)), "bad-sender");
}
END_TEST

/* Encode refuses to write these, so the bytes are altered and tagged anew: the tag's key is the
 * partner's, but a program of its version may be wrong. */
static const struct alteration {
    const char *what;
    size_t at, size;
    uint8_t to;
    const char *word;
} alterations[] = {
    {"a third home held", 3, 1, 4, "bad-field"},
    {"no boot", 8, 8, 0, "bad-field"},
    {"no sequence", 16, 8, 0, "bad-field"},
    {"an echo of a sequence without boot", 24, 8, 0, "bad-field"},
    {"an echo of a boot without sequence", 32, 8, 0, "bad-field"},
    {"the first home handed to a third node", 60, 1, 0x80, "bad-field"},
    {"the second home handed to a fourth node", 64, 1, 0xc0, "bad-field"},
    {"more agents lost than there are", 71, 1, 4, "bad-field"},
    {"both homes held", 3, 1, 3, "accepted"},
    {"unknown flags", 2, 1, 0xc1, "accepted"},
    {"the first home handed to the second node", 60, 1, 0x40, "accepted"},
    {"all agents lost", 71, 1, 3, "accepted"},
};

START_TEST(a_field_out_of_range_is_refused)
{
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
        const struct alteration *alteration = &alterations[i];
        meet();
        struct beat beat = next_beat(&b);
        struct datagram datagram;
        beat.agents_fresh = 3;
        beat_encode(&beat, keys[0], datagram.bytes);
        memset(datagram.bytes + alteration->at, alteration->to, alteration->size);
        tag_anew(&datagram);
        ck_assert_msg(strcmp(hears(&a, datagram), alteration->word) == 0, "%s", alteration->what);
    }
    ck_assert_uint_eq(heard.flags, BEAT_FIT);
}
END_TEST

START_TEST(a_refused_beat_changes_neither_beat_nor_memory)
{
    meet();
    struct beat_memory before = a.memory;
    struct datagram old = sends(&b), wrong = old;
    hears(&a, old);
    before = a.memory;
    memset(&heard, 0x5a, sizeof heard);
    struct beat untouched = heard;
    wrong.bytes[BEAT_SIZE - 1] ^= 1;
    ck_assert_str_eq(hears(&a, wrong), "bad-tag");
    ck_assert_str_eq(hears(&a, old), "replayed");
    ck_assert_mem_eq(&heard, &untouched, sizeof heard);
    ck_assert_mem_eq(&a.memory, &before, sizeof before);
}
END_TEST

START_TEST(a_beat_overtaken_by_a_later_one_is_refused)
{
    meet();
    struct datagram first = sends(&b), second = sends(&b);
    ck_assert_str_eq(hears(&a, second), "accepted");
    ck_assert_str_eq(hears(&a, first), "replayed");
    ck_assert_str_eq(hears(&a, second), "replayed");
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
}
END_TEST

/* A life of the partner, as somebody on the link wrote it down. */
enum { RECORDED = 300 };
static struct datagram recording[RECORDED];

/* The two meet; every beat of b from its first is recorded. */
static void meet_recorded(void)
{
    start(&a, 0, 0xa1);
    start(&b, 1, 0xb1);
    for (size_t i = 0; i < RECORDED; i++) {
        hears(&b, sends(&a));
        recording[i] = sends(&b);
        hears(&a, recording[i]);
    }
}

static void check_whole_recording_is_refused(const char *word)
{
    for (size_t i = 0; i < RECORDED; i++) {
        ck_assert_str_eq(hears(&a, recording[i]), word);
        sends(&a);
    }
}

START_TEST(a_recording_means_nothing_to_who_heard_it_live)
{
    meet_recorded();
    check_whole_recording_is_refused("replayed");
}
END_TEST

START_TEST(a_recording_means_nothing_to_a_restarted_node)
{
    meet_recorded();
    start(&a, 0, 0xa2);
    sends(&a);
    check_whole_recording_is_refused("unproven");
    /* Also when its sequence has come to where the recorded echoes are. */
    a.sequence = RECORDED;
    check_whole_recording_is_refused("unproven");
}
END_TEST

START_TEST(a_recording_of_the_former_life_means_nothing_beside_the_present_one)
{
    meet_recorded();
    start(&b, 1, 0xb2);
    converse(2);
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
    /* Its last beats echo sequences of mine that are recent still. */
    for (size_t i = 0; i < RECORDED; i++)
        ck_assert_str_eq(hears(&a, recording[i]), "unproven");
    ck_assert_uint_eq(a.memory.boot, 0xb2);
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
}
END_TEST

START_TEST(a_recording_never_hides_a_living_partner_from_itself)
{
    uint64_t boot, sequence;
    meet_recorded();
    start(&b, 1, 0xb2);
    converse(4);
    for (size_t i = 0; i < RECORDED; i++) {
        hears(&a, recording[i]);
        beat_echo(&a.memory, &boot, &sequence);
        ck_assert_uint_eq(boot, 0xb2);
        ck_assert_uint_eq(sequence, b.sequence);
        converse(1);
    }
}
END_TEST

START_TEST(a_recording_does_not_keep_out_a_partner_that_returns)
{
    meet_recorded();
    /* Ten beats long there is nothing but the recording, and it goes on. */
    for (size_t i = 0; i < 10; i++) {
        hears(&a, recording[i]);
        sends(&a);
    }
    start(&b, 1, 0xb2);
    for (size_t i = 0; i < 2; i++) {
        hears(&b, sends(&a));
        hears(&a, sends(&b));
        hears(&a, recording[i]);
    }
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
    ck_assert_str_eq(hears(&b, sends(&a)), "accepted");
}
END_TEST

START_TEST(a_restarted_partner_counts_as_soon_as_it_echoes_me)
{
    meet();
    start(&b, 1, 0xb2);
    ck_assert_str_eq(hears(&a, sends(&b)), "unproven");
    ck_assert_uint_eq(a.memory.boot, 0xb1);
    hears(&b, sends(&a));
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
    ck_assert_uint_eq(a.memory.boot, 0xb2);
    ck_assert_str_eq(hears(&b, sends(&a)), "accepted");
}
END_TEST

START_TEST(both_restarted_at_once_prove_each_other_within_three_beats)
{
    meet();
    start(&a, 0, 0xa2);
    start(&b, 1, 0xb2);
    converse(2);
    struct datagram from_a = sends(&a), from_b = sends(&b);
    ck_assert_str_eq(hears(&a, from_b), "accepted");
    ck_assert_str_eq(hears(&b, from_a), "accepted");
}
END_TEST

/* a has sent 1000 beats and b's new life echoes one of them. */
static const char *hears_echo_of(uint64_t boot, uint64_t sequence)
{
    meet();
    a.sequence = 1000;
    struct beat beat = {.sender = 1,
                        .cluster = 77,
                        .boot = 0xb2,
                        .sequence = 1,
                        .echo_boot = boot,
                        .echo_sequence = sequence};
    return hears_beat(&a, beat);
}

START_TEST(only_an_echo_of_a_recent_beat_of_this_life_is_a_proof)
{
    ck_assert_str_eq(hears_echo_of(0xa1, 1000), "accepted");
    ck_assert_str_eq(hears_echo_of(0xa1, 1000 - BEAT_RECENT), "accepted");
    ck_assert_str_eq(hears_echo_of(0xa1, 1000 - BEAT_RECENT - 1), "unproven");
    ck_assert_str_eq(hears_echo_of(0xa1, 1001), "unproven");
    ck_assert_str_eq(hears_echo_of(0xa0, 1000), "unproven");
    ck_assert_str_eq(hears_echo_of(0, 0), "unproven");
}
END_TEST

START_TEST(an_echo_heard_before_proves_no_second_life)
{
    meet();
    uint64_t echoed = a.memory.proof;
    struct beat beat = next_beat(&b);
    beat.boot = 0xb2;
    beat.echo_sequence = echoed;
    ck_assert_str_eq(hears_beat(&a, beat), "unproven");
    beat.echo_sequence = echoed + 1;
    sends(&a);
    ck_assert_str_eq(hears_beat(&a, beat), "accepted");
}
END_TEST

START_TEST(a_candidate_is_echoed_after_five_beats_without_the_proven_boot)
{
    uint64_t boot, sequence;
    meet();
    start(&b, 1, 0xb2);
    for (size_t i = 1; i <= BEAT_MISSED; i++) {
        sends(&a);
        ck_assert_str_eq(hears(&a, sends(&b)), "unproven");
        beat_echo(&a.memory, &boot, &sequence);
        ck_assert_uint_eq(boot, i < BEAT_MISSED ? 0xb1 : 0xb2);
    }
    ck_assert_uint_eq(sequence, b.sequence);
}
END_TEST

START_TEST(a_candidate_is_echoed_by_its_latest_sequence)
{
    uint64_t boot, sequence;
    start(&a, 0, 0xa1);
    start(&b, 1, 0xb1);
    struct datagram first = sends(&b), second = sends(&b);
    hears(&a, second);
    hears(&a, first);
    beat_echo(&a.memory, &boot, &sequence);
    ck_assert_uint_eq(boot, 0xb1);
    ck_assert_uint_eq(sequence, 2);
}
END_TEST

START_TEST(a_later_candidate_takes_the_place_of_a_former_one)
{
    uint64_t boot, sequence;
    start(&a, 0, 0xa1);
    start(&b, 1, 0xb1);
    b.sequence = 1000;
    hears(&a, sends(&b));
    start(&b, 1, 0xb2);
    hears(&a, sends(&b));
    beat_echo(&a.memory, &boot, &sequence);
    ck_assert_uint_eq(boot, 0xb2);
    ck_assert_uint_eq(sequence, 1);
}
END_TEST

START_TEST(an_echo_of_another_life_or_of_the_future_raises_no_bar)
{
    meet();
    struct beat beat = next_beat(&b);
    beat.echo_boot = 0xa0;
    beat.echo_sequence = 1000000;
    ck_assert_str_eq(hears_beat(&a, beat), "accepted");
    beat.echo_boot = 0xa1;
    beat.sequence++;
    ck_assert_str_eq(hears_beat(&a, beat), "accepted");
    start(&b, 1, 0xb2);
    hears(&b, sends(&a));
    ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
}
END_TEST

START_TEST(a_node_that_heard_nobody_echoes_nobody)
{
    uint64_t boot = 1, sequence = 1;
    start(&a, 0, 0xa1);
    beat_echo(&a.memory, &boot, &sequence);
    ck_assert_uint_eq(boot, 0);
    ck_assert_uint_eq(sequence, 0);
}
END_TEST

START_TEST(a_partner_that_no_longer_hears_me_is_still_heard)
{
    meet();
    /* Its echo stands still while my sequence goes on. */
    for (size_t i = 0; i < 3 * BEAT_RECENT; i++) {
        sends(&a);
        ck_assert_str_eq(hears(&a, sends(&b)), "accepted");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/beat");
    SUITE_CASE(suite, "fields", a_cluster_is_told_apart_by_its_name,
               a_field_out_of_range_is_refused);
    SUITE_CASE(suite, "refusals", a_beat_of_any_other_size_is_refused,
               another_version_is_told_before_the_tag, a_beat_altered_in_any_byte_is_refused,
               while_a_key_is_exchanged_two_are_valid_and_no_third,
               a_beat_of_another_pair_with_the_same_key_is_refused,
               a_second_node_of_my_own_name_is_refused,
               a_refused_beat_changes_neither_beat_nor_memory,
               a_beat_overtaken_by_a_later_one_is_refused);
    SUITE_CASE(suite, "recordings", a_recording_means_nothing_to_who_heard_it_live,
               a_recording_means_nothing_to_a_restarted_node,
               a_recording_of_the_former_life_means_nothing_beside_the_present_one,
               a_recording_never_hides_a_living_partner_from_itself,
               a_recording_does_not_keep_out_a_partner_that_returns);
    SUITE_CASE(suite, "proofs", a_restarted_partner_counts_as_soon_as_it_echoes_me,
               both_restarted_at_once_prove_each_other_within_three_beats,
               only_an_echo_of_a_recent_beat_of_this_life_is_a_proof,
               an_echo_heard_before_proves_no_second_life,
               a_candidate_is_echoed_after_five_beats_without_the_proven_boot,
               a_candidate_is_echoed_by_its_latest_sequence,
               a_later_candidate_takes_the_place_of_a_former_one,
               an_echo_of_another_life_or_of_the_future_raises_no_bar,
               a_node_that_heard_nobody_echoes_nobody,
               a_partner_that_no_longer_hears_me_is_still_heard);
    return suite_run(suite);
}
