/* Who acknowledges what, and what the other node is told of it. */
#include "unit/reporter_lines.h"

START_TEST(a_report_not_acknowledged_in_time_is_told_again_to_the_other)
{
    begin();
    sample(1000);
    ack(1001, NS2, 1, 3);
    ck_assert_int_eq(reporter_deadline(&reporter), 1100);
    ck_assert_str_eq(timeout(1099), "at 1099: -");
    ck_assert_str_eq(timeout(1100), "at 1100: ns2 delta [report media1 1.3] partner-lacks");
    ck_assert_uint_eq(sent(0)->age_ms, 100);
    ck_assert_str_eq(timeout(1101), "at 1101: -");
}
END_TEST

START_TEST(each_node_is_told_what_the_other_lacks)
{
    begin();
    sample(1000);
    ack(1001, NS1, 1, 3);
    ck_assert_str_eq(timeout(1100), "at 1100: ns1 delta [report media1 1.3] partner-lacks");
}
END_TEST

START_TEST(two_silent_nodes_are_each_asked_to_relay)
{
    begin();
    sample(1000);
    ck_assert_str_eq(timeout(1100), "at 1100: ns1 delta [report media1 1.3] partner-lacks, "
                                    "ns2 delta [report media1 1.3] partner-lacks");
}
END_TEST

START_TEST(what_follows_says_so_until_the_silent_node_acknowledges_again)
{
    begin();
    sample(1000);
    ack(1001, NS2, 1, 3);
    timeout(1100);
    ck_assert_str_eq(sample(2000), "at 2000: ns1 delta [report media1 1.4], "
                                   "ns2 delta [report media1 1.4] partner-lacks");
    ack(2001, NS2, 1, 4);
    ck_assert_str_eq(timeout(2100), "at 2100: -"); /* ns2 knows already */
    ack(2150, NS1, 1, 4);
    ck_assert_str_eq(sample(3000),
                     "at 3000: ns1 delta [report media1 1.5], ns2 delta [report media1 1.5]");
}
END_TEST

/* Figures that move with each sample: reports follow each other as closely as the gap allows. */
START_TEST(a_lack_is_noticed_also_when_a_report_follows_at_that_moment)
{
    begin();
    sample(1000);
    ack(1001, NS2, 1, 3);
    figures.services[0].sockets += 20;
    ck_assert_str_eq(sample(1100), "at 1100: ns1 delta [report media1 1.4], "
                                   "ns2 delta [report media1 1.4] partner-lacks");
}
END_TEST

START_TEST(reports_that_follow_do_not_put_off_the_look_at_acknowledgements)
{
    begin();
    reporter.config.lack_ms = 250;
    sample(1000);
    for (int64_t now_ms = 1100; now_ms <= 1200; now_ms += 100) {
        figures.services[0].sockets += 20;
        sample(now_ms);
        ack(now_ms + 1, NS2, 1, (uint64_t)now_ms / 100 - 7); /* 1.4, 1.5 */
    }
    ck_assert_int_eq(reporter_deadline(&reporter), 1250);
    ck_assert_str_eq(timeout(1250), "at 1250: ns2 delta [report media1 1.5] partner-lacks");
    ck_assert_int_eq(reporter_deadline(&reporter), 1450); /* of 1.5, told at 1200 */
}
END_TEST

START_TEST(a_node_that_is_away_lacks_from_the_first_telling)
{
    begin();
    down(500, NS1);
    ck_assert_str_eq(sample(1000), "at 1000: ns2 delta [report media1 1.3] partner-lacks");
    ck_assert_str_eq(timeout(1100), "at 1100: -");
}
END_TEST

START_TEST(a_report_that_both_acknowledge_is_told_once)
{
    begin();
    sample(1000);
    ack(1001, NS1, 1, 3);
    ack(1099, NS2, 1, 3);
    ck_assert_str_eq(timeout(1100), "at 1100: -");
}
END_TEST

START_TEST(with_one_node_nobody_is_asked_to_relay)
{
    begin_with(1);
    up(0, NS1);
    hello(0, NS1, 0);
    ck_assert_str_eq(sample(0), "at 0: ns1 delta [report media1 1.1]");
    ck_assert_int_eq(reporter_deadline(&reporter), 1000);
    ck_assert_str_eq(sample(1000), "at 1000: ns1 delta [report media1 1.2]");
}
END_TEST

START_TEST(an_acknowledgement_of_what_was_never_said_is_refused)
{
    begin();
    ack(10, NS1, 1, 3);
    ck_assert_str_eq(reporter_reason_text(update.reason), "unexpected");
    sample(1000);
    ack(1001, NS2, 1, 3);
    ck_assert_str_eq(timeout(1100), "at 1100: ns2 delta [report media1 1.3] partner-lacks");
    ack(1110, NS1, 1, 2); /* an old one, doubled: not a sign that it hears again */
    ck_assert_str_eq(reporter_reason_text(update.reason), "taken");
    ck_assert(reporter.nodes[NS1].lacks);
}
END_TEST

/* ---- a full queue ---- */

START_TEST(what_a_full_queue_kept_back_is_told_each_gap_until_it_goes)
{
    begin_with(1);
    up(0, NS1);
    sample(0);
    hello(10, NS1, 0);
    ck_assert_str_eq(step(10, (struct reporter_event){.type = REPORTER_UNSENT}), "at 10: -");
    ck_assert_int_eq(reporter_deadline(&reporter), 110);
    ck_assert_str_eq(timeout(109), "at 109: -");
    ck_assert_str_eq(timeout(110), "at 110: ns1 delta [report media1 1.1]");
    step(110, (struct reporter_event){.type = REPORTER_UNSENT});
    /* A newer one takes its place, and is not told twice. */
    figures.services[0].sockets = 100;
    ck_assert_str_eq(sample(150), "at 150: ns1 delta [report media1 1.2]");
    ck_assert_str_eq(timeout(210), "at 210: -");
    ck_assert_int_eq(reporter_deadline(&reporter), 1150);
}
END_TEST

START_TEST(what_is_no_longer_the_truth_or_of_another_connection_is_not_told_late)
{
    begin_with(1);
    up(0, NS1);
    sample(0);
    hello(10, NS1, 0);
    timeout(1010);
    step(1950, (struct reporter_event){.type = REPORTER_UNSENT});
    ck_assert_str_eq(timeout(2050), "at 2050: -"); /* figures of two intervals ago */
    sample(2200);
    step(2200, (struct reporter_event){.type = REPORTER_UNSENT});
    down(2210, NS1);
    up(2220, NS1);
    ck_assert(!reporter.nodes[NS1].unsent);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/agent/reporter lack");
    SUITE_CASE(suite, "acknowledgement",
               a_report_not_acknowledged_in_time_is_told_again_to_the_other,
               each_node_is_told_what_the_other_lacks, two_silent_nodes_are_each_asked_to_relay,
               what_follows_says_so_until_the_silent_node_acknowledges_again,
               a_lack_is_noticed_also_when_a_report_follows_at_that_moment,
               reports_that_follow_do_not_put_off_the_look_at_acknowledgements,
               a_node_that_is_away_lacks_from_the_first_telling,
               a_report_that_both_acknowledge_is_told_once, with_one_node_nobody_is_asked_to_relay,
               an_acknowledgement_of_what_was_never_said_is_refused);
    SUITE_CASE(suite, "full", what_a_full_queue_kept_back_is_told_each_gap_until_it_goes,
               what_is_no_longer_the_truth_or_of_another_connection_is_not_told_late);
    return suite_run(suite);
}
