#include "node/told.h"

#include <string.h>

#include "failover/advertisement.h"
#include "unit/suite.h"

static struct told told;

static void tell(int64_t now_ms, struct channel_message message)
{
    told_take(&told, now_ms, &message);
}

static void count(int64_t now_ms, uint32_t bad_tags)
{
    struct channel_message message = {.kind = CHANNEL_COUNTERS, .group = CHANNEL_BEATS};
    message.counts[BEAT_BAD_TAG] = bad_tags;
    tell(now_ms, message);
}

START_TEST(what_was_counted_before_is_no_news_and_what_rises_is_for_three_seconds)
{
    told_init(&told);
    count(1000, 7);
    ck_assert(!told_rises(&told, 1000, CHANNEL_BEATS, BEAT_BAD_TAG));
    count(2000, 7);
    ck_assert(!told_rises(&told, 2000, CHANNEL_BEATS, BEAT_BAD_TAG));
    count(3000, 8);
    ck_assert(told_rises(&told, 3000, CHANNEL_BEATS, BEAT_BAD_TAG));
    ck_assert(!told_rises(&told, 3000, CHANNEL_BEATS, BEAT_BAD_CLUSTER));
    count(4000, 8);
    ck_assert(told_rises(&told, 5999, CHANNEL_BEATS, BEAT_BAD_TAG));
    ck_assert(!told_rises(&told, 6000, CHANNEL_BEATS, BEAT_BAD_TAG));
    ck_assert_uint_eq(told.counts[CHANNEL_BEATS][BEAT_BAD_TAG].count, 8);
}
END_TEST

START_TEST(a_witness_has_fifteen_seconds_to_answer)
{
    struct channel_message witness = {.kind = CHANNEL_WITNESS,
                                      .address = {.family = 4, .bytes = {192, 0, 2, 1}}};
    told_init(&told);
    tell(1000, (struct channel_message){.kind = CHANNEL_STATE});
    tell(1000, witness);
    ck_assert_uint_eq(told.witness_count, 1);
    ck_assert(!told_is_silent(&told, 16000, &told.witnesses[0]));
    ck_assert(told_is_silent(&told, 16001, &told.witnesses[0]));
    witness.is_heard = true;
    witness.since_ms = 20000;
    tell(20000, witness);
    ck_assert_uint_eq(told.witness_count, 1);
    ck_assert(!told_is_silent(&told, 35000, &told.witnesses[0]));
    ck_assert(told_is_silent(&told, 35001, &told.witnesses[0]));
}
END_TEST

START_TEST(more_witnesses_than_there_can_be_are_left_out)
{
    told_init(&told);
    for (uint8_t i = 0; i < 9; i++)
        tell(0, (struct channel_message){.kind = CHANNEL_WITNESS,
                                         .address = {.family = 4, .bytes = {192, 0, 2, i}}});
    ck_assert_uint_eq(told.witness_count, TOLD_WITNESSES_MAX);
}
END_TEST

START_TEST(a_stranger_is_known_by_home_and_mac)
{
    told_init(&told);
    ck_assert_int_eq(told.strangers[1].heard_ms, INT64_MIN);
    tell(50, (struct channel_message){
                 .kind = CHANNEL_STRANGER, .home = 1, .since_ms = 40, .mac = {2, [5] = 9}});
    ck_assert_int_eq(told.strangers[1].heard_ms, 40);
    ck_assert_uint_eq(told.strangers[1].mac[5], 9);
    ck_assert_int_eq(told.strangers[0].heard_ms, INT64_MIN);
}
END_TEST

START_TEST(a_state_is_said_in_the_words_of_the_log)
{
    struct fitness fitness = {.wall_ms = 5};
    told_init(&told);
    ck_assert(!told_has(&told, CHANNEL_HEARS_BEATS));
    tell(1, (struct channel_message){.kind = CHANNEL_STATE,
                                     .fault = PAIR_IS_ISOLATED,
                                     .reception = RECEPTION_NO_REPLY,
                                     .gate = GATE_READY,
                                     .flags = CHANNEL_HEARS_BEATS});
    told_fitness(&told.state, &fitness);
    ck_assert_str_eq(fitness.fault, "isolated");
    ck_assert_str_eq(fitness.reception, "no-reply");
    ck_assert_str_eq(fitness.gate, "ready");
    ck_assert_int_eq(fitness.wall_ms, 5);
    ck_assert(told_has(&told, CHANNEL_HEARS_BEATS));
    ck_assert(!told_has(&told, CHANNEL_TRIPWIRE_UP));
}
END_TEST

START_TEST(a_note_becomes_a_transition_of_the_node_it_is_about)
{
    static const char *const names[PAIR_NODES] = {"ns1", "ns2"};
    struct channel_message note = {.kind = CHANNEL_NOTE,
                                   .subject = CHANNEL_HOME_0,
                                   .number = 4,
                                   .since_ms = 700,
                                   .from = "backup",
                                   .to = "active",
                                   .reason = "silence"};
    struct transition transition;
    told_transition(&note, 1000, names, 1, &transition);
    ck_assert_str_eq(transition.area, "address");
    ck_assert_str_eq(transition.subject, "ns1");
    ck_assert_str_eq(transition.from, "backup");
    ck_assert_str_eq(transition.to, "active");
    ck_assert_str_eq(transition.reason, "silence");
    ck_assert_uint_eq(transition.earlier_ms, 300);
    note.subject = CHANNEL_WORKER;
    note.since_ms = 2000; /* the two clocks are one; but who can know */
    told_transition(&note, 1000, names, 1, &transition);
    ck_assert_str_eq(transition.area, "worker");
    ck_assert_str_eq(transition.subject, "ns2");
    ck_assert_uint_eq(transition.earlier_ms, 0);
}
END_TEST

START_TEST(each_number_has_a_name_of_its_own)
{
    for (size_t group = 0; group < CHANNEL_GROUPS; group++)
        for (size_t i = 0; i < channel_group_size((enum channel_group)group); i++)
            for (size_t other = 0; other < i; other++)
                ck_assert_str_ne(told_count_word((enum channel_group)group, i),
                                 told_count_word((enum channel_group)group, other));
    ck_assert_str_eq(told_group_word(CHANNEL_BEATS), "beats");
    ck_assert_str_eq(told_count_word(CHANNEL_BEATS, BEAT_BAD_TAG), "bad-tag");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/told");
    SUITE_CASE(
        suite, "guardian", what_was_counted_before_is_no_news_and_what_rises_is_for_three_seconds,
        a_witness_has_fifteen_seconds_to_answer, more_witnesses_than_there_can_be_are_left_out,
        a_stranger_is_known_by_home_and_mac, a_state_is_said_in_the_words_of_the_log,
        a_note_becomes_a_transition_of_the_node_it_is_about, each_number_has_a_name_of_its_own);
    return suite_run(suite);
}
