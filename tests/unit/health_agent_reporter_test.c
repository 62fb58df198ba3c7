#include "unit/reporter_lines.h"

/* ---- greeting ---- */

START_TEST(a_link_that_comes_up_is_greeted_at_once_and_each_second_until_it_answers)
{
    begin_with(2);
    sample(0);
    ck_assert_str_eq(up(5, NS1), "at 5: ns1 hello agent media1 boot 7 heard 0 known 0 synced");
    ck_assert_str_eq(update.sends[0].message.hello.cluster, "lab");
    ck_assert_int_eq(reporter_deadline(&reporter), 1005);
    ck_assert_str_eq(timeout(1004), "at 1004: -");
    ck_assert_str_eq(timeout(1005),
                     "at 1005: ns1 hello agent media1 boot 7 heard 0 known 0 synced");
    hello(1010, NS1, 0);
    ck_assert_str_eq(timeout(2005), "at 2005: -");
}
END_TEST

START_TEST(each_node_is_greeted_by_its_own_time)
{
    begin_with(2);
    up(0, NS1);
    ck_assert_str_eq(up(300, NS2), "at 300: ns2 hello agent media1 boot 7 heard 0 known 0 synced");
    hello(400, NS1, 0);
    ck_assert_int_eq(reporter_deadline(&reporter), 1300);
    ck_assert_str_eq(timeout(1300),
                     "at 1300: ns2 hello agent media1 boot 7 heard 0 known 0 synced");
}
END_TEST

START_TEST(nothing_is_reported_before_the_node_answered_in_this_connection)
{
    begin_with(1);
    up(0, NS1);
    ck_assert_str_eq(sample(10), "at 10: -");
    ck_assert_str_eq(hello(20, NS1, 0), "at 20: ns1 delta [report media1 1.1]");
    down(30, NS1);
    figures.services[0].listening = false;
    ck_assert_str_eq(sample(200), "at 200: -");
    ck_assert_str_eq(up(300, NS1), "at 300: ns1 hello agent media1 boot 7 heard 11 known 0 synced");
    ck_assert_str_eq(sample(400), "at 400: -");
    ck_assert_str_eq(hello(410, NS1, 0), "at 410: ns1 delta [report media1 1.2]");
    ck_assert(!report_service(&reporter.told, 1755)->listening);
}
END_TEST

START_TEST(an_answer_brings_a_new_statement_at_once_also_within_the_gap)
{
    begin();
    down(20, NS1);
    up(40, NS1);
    ck_assert_str_eq(hello(50, NS1, 0),
                     "at 50: ns1 delta [report media1 1.3], ns2 delta [report media1 1.3]");
    ck_assert_str_eq(hello(51, NS1, 0), "at 51: -"); /* it was greeted before */
}
END_TEST

START_TEST(without_figures_an_answer_brings_nothing)
{
    begin_with(1);
    up(0, NS1);
    ck_assert_str_eq(hello(1, NS1, 0), "at 1: -");
    ck_assert_int_eq(reporter_deadline(&reporter), INT64_MAX);
    ck_assert_str_eq(sample(2), "at 2: ns1 delta [report media1 1.1]");
}
END_TEST

START_TEST(a_node_that_knows_of_an_earlier_life_raises_the_incarnation_once)
{
    begin_with(2);
    sample(0);
    up(0, NS1);
    up(0, NS2);
    ck_assert_str_eq(hello(10, NS1, 3), "at 10: ns1 delta [report media1 3.1] partner-lacks");
    ck_assert_str_eq(hello(20, NS2, 3),
                     "at 20: ns1 delta [report media1 3.2], ns2 delta [report media1 3.2]");
    ck_assert_str_eq(hello(30, NS2, 2), "at 30: -");
    ck_assert_int_eq(reporter.due_ms, 1020);
}
END_TEST

START_TEST(a_link_that_comes_up_anew_is_greeted_anew)
{
    begin();
    ck_assert_str_eq(up(50, NS1), "at 50: ns1 hello agent media1 boot 7 heard 11 known 0 synced");
    ck_assert_str_eq(sample(1000), "at 1000: ns2 delta [report media1 1.3] partner-lacks");
}
END_TEST

/* Nothing was said in the new life before its first report, so nobody can lack it. */
START_TEST(a_raised_incarnation_begins_with_a_new_statement_or_with_none)
{
    begin();
    sample(900);
    for (uint64_t told = 3; told <= 4; told++) {
        timeout(1000 * ((int64_t)told - 2));
        ack(1000 * ((int64_t)told - 2), NS1, 1, told);
        ack(1000 * ((int64_t)told - 2), NS2, 1, told);
    }
    down(2880, NS1);
    up(2880, NS1);
    ck_assert_str_eq(hello(2890, NS1, 0),
                     "at 2890: ns1 delta [report media1 1.5], ns2 delta [report media1 1.5]");
    hello(2895, NS2, 9);
    ck_assert_str_eq(timeout(2990), "at 2990: -"); /* its figures are too old by now */
    ck_assert_str_eq(sample(3000),
                     "at 3000: ns1 delta [report media1 9.1], ns2 delta [report media1 9.1]");
}
END_TEST

/* The nodes knew different things: the later answer raises what the earlier one was told. */
START_TEST(a_raised_incarnation_is_told_to_both_when_the_gap_allows)
{
    begin();
    ck_assert_str_eq(hello(50, NS2, 9), "at 50: -");
    ck_assert_int_eq(reporter_deadline(&reporter), 100);
    ck_assert_str_eq(timeout(100),
                     "at 100: ns1 delta [report media1 9.1], ns2 delta [report media1 9.1]");
}
END_TEST

START_TEST(a_node_that_has_not_heard_this_life_is_greeted_again_but_not_without_end)
{
    begin();
    timeout(100);
    struct message stranger = hello_of(0, 0);
    ck_assert_str_eq(hear(500, NS1, &stranger),
                     "at 500: ns1 hello agent media1 boot 7 heard 11 known 0 synced");
    ck_assert_str_eq(hear(501, NS1, &stranger), "at 501: -");
    ck_assert_int_eq(reporter_deadline(&reporter), 600);
    ck_assert_str_eq(timeout(600), "at 600: ns1 hello agent media1 boot 7 heard 11 known 0 synced");
    ck_assert_str_eq(sample(1000), "at 1000: ns2 delta [report media1 1.3] partner-lacks");
}
END_TEST

START_TEST(a_hello_of_a_stranger_is_refused_with_its_reason)
{
    begin_with(1);
    sample(0);
    up(0, NS1);
    struct message message = hello_of(BOOT, 5);
    strcpy(message.hello.cluster, "other");
    hear(1, NS1, &message);
    ck_assert_str_eq(reporter_reason_text(update.reason), "wrong-cluster");
    message = hello_of(BOOT, 5);
    message.hello.role = MESSAGE_AGENT;
    hear(1, NS1, &message);
    ck_assert_str_eq(reporter_reason_text(update.reason), "not-a-node");
    message = hello_of(BOOT, 5);
    message.hello.protocol_min = message.hello.protocol_max = 2;
    hear(1, NS1, &message);
    ck_assert_str_eq(reporter_reason_text(update.reason), "wrong-protocol");
    message.hello.protocol_min = message.hello.protocol_max = 0;
    hear(1, NS1, &message);
    ck_assert_str_eq(reporter_reason_text(update.reason), "wrong-protocol");
    message.type = MESSAGE_PULL;
    hear(1, NS1, &message);
    ck_assert_str_eq(reporter_reason_text(update.reason), "unexpected");
    ck_assert(!reporter.nodes[NS1].greeted);
    ck_assert_uint_eq(reporter.version.incarnation, 1);
}
END_TEST

START_TEST(a_message_after_the_link_went_down_counts_for_nothing)
{
    begin();
    down(10, NS1);
    ck_assert_str_eq(hello(11, NS1, 5), "at 11: -");
    ck_assert_str_eq(reporter_reason_text(update.reason), "unexpected");
    ck_assert(!reporter.nodes[NS1].greeted);
}
END_TEST

/* ---- reports ---- */

START_TEST(a_report_goes_to_both_nodes_once_each_interval)
{
    begin();
    ck_assert_int_eq(reporter_deadline(&reporter), 100); /* are there acknowledgements? */
    ck_assert_str_eq(timeout(100), "at 100: -");
    ck_assert_str_eq(sample(900), "at 900: -");
    ck_assert_int_eq(reporter_deadline(&reporter), 1000);
    ck_assert_str_eq(timeout(1000),
                     "at 1000: ns1 delta [report media1 1.3], ns2 delta [report media1 1.3]");
    ck_assert_uint_eq(sent(0)->age_ms, 100);
    ck_assert_uint_eq(sent(0)->key.kind, RECORD_REPORT);
    ck_assert_uint_eq(update.sends[0].message.records.chunk, 0);
    ck_assert(!update.sends[0].message.records.last);
}
END_TEST

START_TEST(a_report_holds_the_newest_figures)
{
    begin();
    figures.services[0].sockets = 9;
    figures.cpu_permille = 49;
    sample(990);
    timeout(1000);
    struct pack_space space;
    struct report report;
    pack_space_open(&space);
    ck_assert_int_eq(report_decode(&report, &space, sent(1)->value, sent(1)->value_size),
                     REPORT_OK);
    pack_space_close(&space);
    ck_assert_uint_eq(report_service(&report, 1755)->sockets, 9);
    ck_assert_uint_eq(report.cpu_permille, 49);
}
END_TEST

START_TEST(a_port_that_stops_listening_is_told_at_once)
{
    begin();
    figures.services[1].listening = false;
    ck_assert_str_eq(sample(500),
                     "at 500: ns1 delta [report media1 1.3], ns2 delta [report media1 1.3]");
    ck_assert_int_eq(reporter.due_ms, 1500);
}
END_TEST

START_TEST(nothing_is_told_sooner_than_the_gap_after_the_last)
{
    begin();
    figures.services[1].listening = false;
    ck_assert_str_eq(sample(99), "at 99: -");
    ck_assert_int_eq(reporter_deadline(&reporter), 100);
    ck_assert_str_eq(timeout(100),
                     "at 100: ns1 delta [report media1 1.3], ns2 delta [report media1 1.3]");
}
END_TEST

/* After begin(), whose figures are all 0. */
static bool is_told_at_once(uint32_t sockets, uint16_t cpu, uint16_t memory, uint16_t disk)
{
    begin();
    figures.services[1].sockets = sockets;
    figures.cpu_permille = cpu;
    figures.memory_permille = memory;
    figures.disk_permille = disk;
    figures.services[0].queue = 100;
    figures.received_bytes_per_s = figures.sent_bytes_per_s = 1000000;
    sample(500);
    return update.send_count == 2;
}

START_TEST(a_figure_that_moved_by_its_step_is_told_at_once_and_by_less_is_not)
{
    ck_assert(!is_told_at_once(9, 49, 49, 49));
    ck_assert(is_told_at_once(10, 0, 0, 0));
    ck_assert(is_told_at_once(0, 50, 0, 0));
    ck_assert(is_told_at_once(0, 0, 50, 0));
    ck_assert(is_told_at_once(0, 0, 0, 50));
}
END_TEST

START_TEST(another_set_of_ports_is_told_at_once)
{
    begin();
    figures.services[1].port = 8080;
    sample(500);
    ck_assert_uint_eq(reporter.version.sequence, 3);
    figures.service_count = 1;
    sample(1000);
    ck_assert_uint_eq(reporter.version.sequence, 4);
}
END_TEST

START_TEST(a_figure_moves_from_what_was_told_last_up_or_down)
{
    begin();
    figures.services[0].sockets = 500;
    sample(500);
    ack(501, NS1, 1, 3);
    ack(501, NS2, 1, 3);
    figures.services[0].sockets = 509;
    ck_assert_str_eq(sample(700), "at 700: -");
    figures.services[0].sockets = 491;
    ck_assert_str_eq(sample(800), "at 800: -");
    figures.services[0].sockets = 490;
    ck_assert_str_eq(sample(900),
                     "at 900: ns1 delta [report media1 1.4], ns2 delta [report media1 1.4]");
}
END_TEST

START_TEST(figures_older_than_two_intervals_are_not_reported)
{
    begin();
    sample(900);
    timeout(1000);
    timeout(2000);
    ck_assert_uint_eq(update.send_count, 2);
    ck_assert_uint_eq(sent(0)->age_ms, 1100);
    timeout(2900);
    ck_assert(reporter.sampled); /* two intervals old, not older */
    ck_assert_str_eq(timeout(3000), "at 3000: -");
    ck_assert_int_eq(reporter_deadline(&reporter), INT64_MAX);
    ck_assert_str_eq(sample(5000), "at 5000: ns1 delta [report media1 1.5] partner-lacks, "
                                   "ns2 delta [report media1 1.5] partner-lacks");
}
END_TEST

/* So that an agent that is started anew has all the time until this one is stale. */
START_TEST(a_stop_is_preceded_by_a_last_report_that_is_heard)
{
    begin();
    sample(50);
    ck_assert_str_eq(step(60, (struct reporter_event){.type = REPORTER_STOP}), "at 60: -");
    ck_assert(!reporter_is_heard(&reporter, 60));
    ck_assert_int_eq(reporter_deadline(&reporter), 100);
    ck_assert_str_eq(timeout(100),
                     "at 100: ns1 delta [report media1 1.3], ns2 delta [report media1 1.3]");
    ck_assert(!reporter_is_heard(&reporter, 60));
    ack(101, NS1, 1, 3);
    ck_assert(!reporter_is_heard(&reporter, 60));
    ack(101, NS2, 1, 3);
    ck_assert(reporter_is_heard(&reporter, 60));
    ck_assert(!reporter_is_heard(&reporter, 101));
    down(102, NS2);
    ck_assert(!reporter_is_heard(&reporter, 101));
    down(102, NS1);
    ck_assert(reporter_is_heard(&reporter, 101));
    sample(500);
    ck_assert_str_eq(step(500, (struct reporter_event){.type = REPORTER_STOP}), "at 500: -");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/agent/reporter");
    SUITE_CASE(suite, "greeting",
               a_link_that_comes_up_is_greeted_at_once_and_each_second_until_it_answers,
               each_node_is_greeted_by_its_own_time,
               nothing_is_reported_before_the_node_answered_in_this_connection,
               an_answer_brings_a_new_statement_at_once_also_within_the_gap,
               without_figures_an_answer_brings_nothing,
               a_node_that_knows_of_an_earlier_life_raises_the_incarnation_once,
               a_link_that_comes_up_anew_is_greeted_anew,
               a_raised_incarnation_begins_with_a_new_statement_or_with_none,
               a_raised_incarnation_is_told_to_both_when_the_gap_allows,
               a_node_that_has_not_heard_this_life_is_greeted_again_but_not_without_end,
               a_hello_of_a_stranger_is_refused_with_its_reason,
               a_message_after_the_link_went_down_counts_for_nothing);
    SUITE_CASE(suite, "report", a_report_goes_to_both_nodes_once_each_interval,
               a_report_holds_the_newest_figures, a_port_that_stops_listening_is_told_at_once,
               nothing_is_told_sooner_than_the_gap_after_the_last,
               a_figure_that_moved_by_its_step_is_told_at_once_and_by_less_is_not,
               another_set_of_ports_is_told_at_once,
               a_figure_moves_from_what_was_told_last_up_or_down,
               figures_older_than_two_intervals_are_not_reported,
               a_stop_is_preceded_by_a_last_report_that_is_heard);
    return suite_run(suite);
}
