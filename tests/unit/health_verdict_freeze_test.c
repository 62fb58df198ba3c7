/* When a node no longer believes its own ears. */
#include "unit/verdict_lines.h"

START_TEST(one_dead_server_of_three_goes)
{
    begin(3);
    hear_from(0, 0, 2);
    hear_from(1500, 1, 2);
    ck_assert_str_eq(age(2001), "0 up -> stale silent");
}
END_TEST

START_TEST(two_of_three_at_once_freeze_and_stay_up)
{
    begin(3);
    hear_from(0, 0, 2);
    hear(1500, 2);
    ck_assert_str_eq(age(2001), "frozen");
    ck_assert_str_eq(verdicts(), "up up up");
    ck_assert_int_eq(pool.members[0].reason, VERDICT_SILENT_FROZEN);
    ck_assert_int_eq(pool.members[2].reason, VERDICT_LISTENING);
    ck_assert_uint_eq(pool.silent_count, 2);
}
END_TEST

START_TEST(exactly_thirty_percent_do_not_freeze)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_from(1500, 3, 9);
    ck_assert_str_eq(age(2001), "0 up -> stale silent, 1 up -> stale silent, "
                                "2 up -> stale silent");
}
END_TEST

START_TEST(a_node_that_hears_nobody_keeps_the_whole_pool)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_deaf(0, 9);
    ck_assert_str_eq(age(2001), "frozen");
    ck_assert_str_eq(verdicts(), "up up up up up up up up up down");
    ck_assert_str_eq(age(3600000), "frozen");
}
END_TEST

/* Servers 0 to 3 fall silent at 2000, 3000, 4000 and 5000 ms. */
static void fall_silent_one_by_one(void)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_from(1000, 1, 9);
    hear_from(2000, 2, 9);
    ck_assert_str_eq(age(2001), "0 up -> stale silent");
    hear_from(3000, 3, 9);
    ck_assert_str_eq(age(3001), "1 up -> stale silent");
    hear_from(4900, 4, 9);
    ck_assert_str_eq(age(4001), "2 up -> stale silent");
    ck_assert_str_eq(age(5001), "0 stale -> up silent-frozen, 1 stale -> up silent-frozen, "
                                "2 stale -> up silent-frozen; frozen");
}

START_TEST(servers_that_went_one_by_one_within_the_window_come_back)
{
    fall_silent_one_by_one();
    ck_assert_str_eq(verdicts(), "up up up up up up up up up up");
    ck_assert_int_eq(pool.members[0].since_ms, 5001);
}
END_TEST

START_TEST(a_freeze_outlasts_its_window)
{
    begin(10);
    hear_from(0, 0, 9);
    age(2001);
    ck_assert_str_eq(hear(20000, 0), "frozen");
    ck_assert_str_eq(age(22001), "frozen");
    ck_assert_str_eq(verdicts(), "up up up up up up up up up up");
}
END_TEST

START_TEST(silence_counts_from_when_it_began_not_from_when_it_was_seen)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_from(6000, 1, 9);
    hear_from(7000, 4, 9);
    ck_assert_str_eq(age(8001), "0 up -> stale silent, 1 up -> stale silent, "
                                "2 up -> stale silent, 3 up -> stale silent");
}
END_TEST

/* Server 0 falls silent at 2000 ms; 1, 2 and 3 one millisecond before now_ms. */
static const char *see_three_more_silent_at(int64_t now_ms)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_from(2000, 1, 9);
    age(2001);
    hear_from(now_ms - STALE_MS - 1, 1, 9);
    hear_from(now_ms - 1, 4, 9);
    return age(now_ms);
}

START_TEST(the_window_is_five_seconds_and_not_one_millisecond_more)
{
    ck_assert_str_eq(see_three_more_silent_at(7000), "0 stale -> up silent-frozen; frozen");
    ck_assert_str_eq(see_three_more_silent_at(7001),
                     "1 up -> stale silent, 2 up -> stale silent, 3 up -> stale silent");
}
END_TEST

/* The dead of long ago did not fall silent again because the node stood still. */
START_TEST(a_stall_of_the_node_makes_no_old_silence_a_recent_one)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_from(1900, 1, 9);
    ck_assert_str_eq(age(2001), "0 up -> stale silent");
    ck_assert_uint_eq(verdict_age(&pool, 20000, 20000, changes), 0);
    hear_from(20100, 4, 9);
    ck_assert_str_eq(text(verdict_age(&pool, 22001, 20000, changes)),
                     "1 up -> stale silent, 2 up -> stale silent, 3 up -> stale silent");
}
END_TEST

/* Old reports fell silent when they went stale, not when they came. */
START_TEST(a_report_too_old_when_it_comes_was_silent_since_it_went_stale)
{
    begin(3);
    struct report report = report_of(true, true);
    verdict_report(&pool, 12000, 0, &report, 4999, changes);
    ck_assert_str_eq(text(verdict_report(&pool, 12000, 1, &report, 9999, changes)),
                     "1 unknown -> stale silent");
    ck_assert_str_eq(text(verdict_report(&pool, 12000, 2, &report, 5000, changes)),
                     "1 stale -> up silent-frozen, 2 unknown -> up silent-frozen; frozen");
}
END_TEST

/* A node that starts while its partner is deaf learns old reports only. */
START_TEST(reports_too_old_when_they_come_may_freeze_too)
{
    begin(3);
    struct report report = report_of(true, true);
    ck_assert_str_eq(text(verdict_report(&pool, 9000, 0, &report, 6000, changes)),
                     "0 unknown -> stale silent");
    ck_assert_str_eq(text(verdict_report(&pool, 9000, 1, &report, 6000, changes)),
                     "0 stale -> up silent-frozen, 1 unknown -> up silent-frozen; frozen");
}
END_TEST

START_TEST(who_falls_silent_in_a_freeze_keeps_its_verdict)
{
    fall_silent_one_by_one();
    ck_assert_str_eq(age(6901), "frozen");
    ck_assert_str_eq(verdicts(), "up up up up up up up up up up");
}
END_TEST

START_TEST(who_went_before_the_window_stays_stale)
{
    begin(10);
    hear_from(0, 0, 9);
    hear_from(1000, 1, 9);
    age(2001);
    hear_from(6000, 1, 9);
    ck_assert_str_eq(age(8001), "frozen");
    ck_assert_str_eq(verdicts(), "stale up up up up up up up up up");
}
END_TEST

/* One every 2.5 s: never more than three of ten within 5 s, though in the end all are dead. */
START_TEST(servers_that_die_slowly_go_one_after_the_other)
{
    begin(10);
    hear_from(0, 0, 9);
    for (size_t dead = 0; dead < 10; dead++) {
        int64_t now_ms = 2500 * (int64_t)dead;
        if (dead < 9)
            hear_from(now_ms + 2001, dead + 1, 9);
        age(now_ms + 2400);
        ck_assert(!pool.frozen);
        ck_assert_int_eq(pool.members[dead].verdict, VERDICT_STALE);
    }
}
END_TEST

START_TEST(a_freeze_ends_when_enough_report_again_and_who_is_silent_goes)
{
    fall_silent_one_by_one();
    hear_from(5500, 4, 9);
    ck_assert_str_eq(hear(5600, 2),
                     "0 up -> stale silent, 1 up -> stale silent, 3 up -> stale silent");
    ck_assert_str_eq(hear(5700, 0), "0 stale -> up listening");
}
END_TEST

/* Four old dead are no reason to go on with a freeze that keeps nobody any more. */
START_TEST(servers_that_were_stale_before_do_not_prolong_a_freeze)
{
    begin(10);
    hear_from(0, 0, 9);
    for (size_t dead = 0; dead < 4; dead++) {
        hear_from(3000 * (int64_t)dead + 2900, dead + 1, 9);
        age(3000 * (int64_t)dead + 2950);
    }
    ck_assert_str_eq(verdicts(), "stale stale stale stale up up up up up up");
    hear_from(18000, 4, 9);
    ck_assert_str_eq(age(20001), "frozen");
    hear(20100, 4);
    hear(20100, 5);
    ck_assert_str_eq(hear(20100, 6), "7 up -> stale silent, 8 up -> stale silent, "
                                     "9 up -> stale silent");
}
END_TEST

START_TEST(what_a_server_says_itself_holds_in_a_freeze)
{
    fall_silent_one_by_one();
    ck_assert_str_eq(hear_deaf(5100, 4), "4 up -> down not-listening; frozen");
    ck_assert_str_eq(hear(5200, 4), "4 down -> up listening; frozen");
}
END_TEST

START_TEST(a_drain_holds_in_a_freeze_and_undrain_brings_the_frozen_verdict_back)
{
    begin(10);
    hear_from(0, 0, 9);
    age(2001);
    ck_assert_str_eq(drain(2100, 0, true), "0 up -> draining ordered; frozen");
    ck_assert_str_eq(drain(2200, 0, false), "0 draining -> up silent-frozen; frozen");
}
END_TEST

START_TEST(draining_the_dead_ends_a_freeze)
{
    fall_silent_one_by_one();
    ck_assert_str_eq(drain(5100, 0, true),
                     "0 up -> draining ordered, 1 up -> stale silent, 2 up -> stale silent, "
                     "3 up -> stale silent");
    ck_assert_uint_eq(pool.silent_count, 3);
}
END_TEST

START_TEST(servers_drained_and_then_switched_off_freeze_nothing)
{
    begin(10);
    hear_from(0, 0, 9);
    for (size_t member = 0; member < 4; member++)
        drain(100, member, true);
    hear_from(1500, 4, 9);
    ck_assert_str_eq(age(2001), "");
    ck_assert_uint_eq(pool.silent_count, 0);
}
END_TEST

START_TEST(servers_that_said_not_listening_and_were_then_switched_off_freeze_nothing)
{
    begin(10);
    hear_from(0, 0, 9);
    for (size_t member = 0; member < 4; member++)
        hear_deaf(100, member);
    hear_from(1500, 4, 9);
    ck_assert_str_eq(age(2101), "0 down -> stale silent, 1 down -> stale silent, "
                                "2 down -> stale silent, 3 down -> stale silent");
}
END_TEST

START_TEST(members_that_never_reported_do_not_count_as_silent)
{
    begin(10);
    hear_from(0, 0, 2);
    hear(1500, 0);
    hear(1500, 1);
    ck_assert_str_eq(age(2001), "2 up -> stale silent");
    ck_assert_str_eq(age(5000), "0 up -> stale silent, 1 up -> stale silent");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/verdict freeze");
    SUITE_CASE(
        suite, "freeze", one_dead_server_of_three_goes, two_of_three_at_once_freeze_and_stay_up,
        exactly_thirty_percent_do_not_freeze, a_node_that_hears_nobody_keeps_the_whole_pool,
        servers_that_went_one_by_one_within_the_window_come_back, a_freeze_outlasts_its_window,
        silence_counts_from_when_it_began_not_from_when_it_was_seen,
        the_window_is_five_seconds_and_not_one_millisecond_more,
        a_stall_of_the_node_makes_no_old_silence_a_recent_one,
        a_report_too_old_when_it_comes_was_silent_since_it_went_stale,
        reports_too_old_when_they_come_may_freeze_too,
        who_falls_silent_in_a_freeze_keeps_its_verdict, who_went_before_the_window_stays_stale,
        servers_that_die_slowly_go_one_after_the_other,
        a_freeze_ends_when_enough_report_again_and_who_is_silent_goes,
        servers_that_were_stale_before_do_not_prolong_a_freeze);
    SUITE_CASE(suite, "freeze-and-word", what_a_server_says_itself_holds_in_a_freeze,
               a_drain_holds_in_a_freeze_and_undrain_brings_the_frozen_verdict_back,
               draining_the_dead_ends_a_freeze,
               servers_drained_and_then_switched_off_freeze_nothing,
               servers_that_said_not_listening_and_were_then_switched_off_freeze_nothing,
               members_that_never_reported_do_not_count_as_silent);
    return suite_run(suite);
}
