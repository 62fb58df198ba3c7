#include "unit/verdict_lines.h"

/* ---- one server ---- */

START_TEST(a_server_that_never_reported_is_unknown_and_does_not_age)
{
    begin(3);
    ck_assert_str_eq(age(3600000), "");
    ck_assert_str_eq(verdicts(), "unknown unknown unknown");
    ck_assert_uint_eq(verdict_up_count(&pool), 0);
}
END_TEST

START_TEST(every_member_begins_unknown_when_the_pool_does)
{
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct verdict_config config = {.stale_ms = STALE_MS, .port_count = 1, .ports = {80}};
    ck_assert(verdict_init(&pool, &config, MEMBERS_MAX, 77, &arena));
    for (size_t member = 0; member < MEMBERS_MAX; member++) {
        ck_assert_int_eq(pool.members[member].since_ms, 77);
        ck_assert_int_eq(pool.members[member].reason, VERDICT_NEVER_REPORTED);
    }
}
END_TEST

START_TEST(a_pool_without_members_is_never_silent)
{
    begin(0);
    ck_assert_str_eq(age(3600000), "");
    ck_assert(!pool.frozen);
    ck_assert_uint_eq(verdict_up_count(&pool), 0);
}
END_TEST

START_TEST(a_report_of_listeners_brings_a_server_up_and_a_second_changes_nothing)
{
    begin(1);
    ck_assert_str_eq(hear(1000, 0), "0 unknown -> up listening");
    ck_assert_str_eq(hear(2000, 0), "");
    ck_assert_int_eq(pool.members[0].since_ms, 1000);
    ck_assert_uint_eq(verdict_up_count(&pool), 1);
}
END_TEST

START_TEST(those_that_are_up_are_counted_wherever_they_stand)
{
    begin(4);
    hear_from(0, 1, 3);
    hear_deaf(0, 2);
    ck_assert_uint_eq(verdict_up_count(&pool), 2);
}
END_TEST

START_TEST(a_port_of_the_pool_without_listener_takes_a_server_down)
{
    begin(1);
    hear(1000, 0);
    ck_assert_str_eq(hear_deaf(1100, 0), "0 up -> down not-listening");
    ck_assert_uint_eq(pool.members[0].port, 80);
    ck_assert_int_eq(pool.members[0].since_ms, 1100);
    ck_assert_str_eq(hear(1200, 0), "0 down -> up listening");
}
END_TEST

START_TEST(a_port_that_the_report_does_not_name_does_not_listen)
{
    begin(1);
    struct report report = {.service_count = 1, .services = {{.port = 80, .listening = true}}};
    ck_assert_str_eq(text(verdict_report(&pool, 5, 0, &report, 5, changes)),
                     "0 unknown -> down not-listening");
    ck_assert_uint_eq(pool.members[0].port, 1755);
}
END_TEST

START_TEST(a_server_goes_stale_after_stale_ms_and_not_sooner)
{
    begin(3);
    hear_from(1000, 0, 2);
    hear_from(1500, 1, 2);
    ck_assert_str_eq(age(3000), "");
    ck_assert_str_eq(age(3001), "0 up -> stale silent");
    ck_assert(verdict_was_up(&pool.members[0]));
    ck_assert_str_eq(hear(3100, 0), "0 stale -> up listening");
    ck_assert(!verdict_was_up(&pool.members[0]));
}
END_TEST

START_TEST(a_server_that_was_down_when_it_fell_silent_is_no_last_known_good)
{
    begin(3);
    hear_deaf(1000, 0);
    ck_assert_str_eq(age(3001), "0 down -> stale silent");
    ck_assert(!verdict_was_up(&pool.members[0]));
}
END_TEST

START_TEST(time_in_which_the_node_could_not_hear_is_not_held_against_servers)
{
    begin(1);
    hear(1000, 0);
    ck_assert_uint_eq(verdict_age(&pool, 9000, 8000, changes), 0);
    ck_assert_uint_eq(verdict_age(&pool, 10000, 8000, changes), 0);
    ck_assert_uint_eq(verdict_age(&pool, 10001, 8000, changes), 1);
}
END_TEST

START_TEST(a_report_counts_from_when_it_was_stated_not_from_when_it_came)
{
    begin(3);
    struct report report = report_of(true, true);
    verdict_report(&pool, 5000, 0, &report, 3500, changes);
    ck_assert_str_eq(age(5500), "");
    ck_assert_str_eq(age(5501), "0 up -> stale silent");
}
END_TEST

START_TEST(a_report_too_old_when_it_comes_is_of_a_silent_server)
{
    begin(3);
    struct report report = report_of(true, true);
    ck_assert_str_eq(text(verdict_report(&pool, 9000, 1, &report, 7000, changes)),
                     "1 unknown -> up listening");
    ck_assert_str_eq(text(verdict_report(&pool, 9001, 0, &report, 7000, changes)),
                     "0 unknown -> stale silent");
    ck_assert_str_eq(hear(10100, 0), "0 stale -> up listening");
}
END_TEST

/* ---- orders ---- */

START_TEST(an_order_to_drain_shows_over_up_down_stale_and_unknown)
{
    begin(5);
    hear(0, 0);
    hear_deaf(0, 1);
    hear(0, 2);
    for (size_t member = 0; member < 4; member++)
        drain(100, member, true);
    hear(2050, 0);
    hear_deaf(2050, 1);
    age(2100);
    ck_assert_str_eq(verdicts(), "draining draining draining draining unknown");
    ck_assert_int_eq(pool.members[0].reason, VERDICT_ORDERED);
    ck_assert_uint_eq(verdict_up_count(&pool), 0);
}
END_TEST

START_TEST(undrain_shows_the_truth_beneath)
{
    begin(5);
    hear(0, 2);
    for (size_t member = 0; member < 4; member++)
        drain(100, member, true);
    hear(2050, 0);
    hear_deaf(2050, 1);
    age(2100);
    ck_assert_str_eq(drain(2200, 0, false), "0 draining -> up listening");
    ck_assert_str_eq(drain(2200, 1, false), "1 draining -> down not-listening");
    ck_assert_str_eq(drain(2200, 2, false), "2 draining -> stale silent");
    ck_assert_str_eq(drain(2200, 3, false), "3 draining -> unknown never-reported");
    ck_assert_str_eq(drain(2300, 3, false), "");
}
END_TEST

/* ---- limits ---- */

START_TEST(a_forced_server_is_what_the_order_says_and_not_what_it_says_itself)
{
    begin(3);
    hear(0, 0);
    ck_assert_str_eq(force(10, 0, VERDICT_FORCED_DOWN), "0 up -> down forced");
    ck_assert_str_eq(hear(20, 0), "");
    ck_assert_str_eq(force(30, 1, VERDICT_FORCED_UP), "1 unknown -> up forced");
    ck_assert_str_eq(hear_deaf(40, 1), "");
    ck_assert_str_eq(drain(50, 1, true), "1 up -> draining ordered");
    ck_assert_str_eq(drain(60, 1, false), "1 draining -> up forced");
    ck_assert_str_eq(force(70, 1, VERDICT_UNFORCED), "1 up -> down not-listening");
    ck_assert_str_eq(force(80, 1, VERDICT_FORCED_DOWN), "1 down -> down forced");
    ck_assert_str_eq(force(90, 0, VERDICT_UNFORCED), "0 down -> up listening");
}
END_TEST

/* Who is forced is spoken for: its silence tells nothing of this node's ears. */
START_TEST(the_silence_of_forced_servers_freezes_nothing)
{
    begin(4);
    hear_from(0, 0, 3);
    force(10, 0, VERDICT_FORCED_UP);
    force(10, 1, VERDICT_FORCED_DOWN);
    hear_from(1000, 2, 3);
    ck_assert_str_eq(age(2500), "");
    ck_assert_str_eq(text(0), "");
}
END_TEST

START_TEST(an_arena_too_small_is_told)
{
    struct arena arena;
    arena_init(&arena, memory, 64);
    struct verdict_config config = {.stale_ms = STALE_MS, .port_count = 1, .ports = {80}};
    ck_assert(!verdict_init(&pool, &config, MEMBERS_MAX, 0, &arena));
}
END_TEST

START_TEST(every_verdict_and_reason_has_a_word)
{
    for (int verdict = 0; verdict <= VERDICT_DOWN; verdict++)
        ck_assert_uint_gt(strlen(verdict_text((enum verdict)verdict)), 0);
    for (int reason = 0; reason < VERDICT_REASON_COUNT; reason++)
        ck_assert_uint_gt(strlen(verdict_reason_text((enum verdict_reason)reason)), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/verdict");
    SUITE_CASE(suite, "server", a_server_that_never_reported_is_unknown_and_does_not_age,
               every_member_begins_unknown_when_the_pool_does,
               a_pool_without_members_is_never_silent,
               a_report_of_listeners_brings_a_server_up_and_a_second_changes_nothing,
               those_that_are_up_are_counted_wherever_they_stand,
               a_port_of_the_pool_without_listener_takes_a_server_down,
               a_port_that_the_report_does_not_name_does_not_listen,
               a_server_goes_stale_after_stale_ms_and_not_sooner,
               a_server_that_was_down_when_it_fell_silent_is_no_last_known_good,
               time_in_which_the_node_could_not_hear_is_not_held_against_servers,
               a_report_counts_from_when_it_was_stated_not_from_when_it_came,
               a_report_too_old_when_it_comes_is_of_a_silent_server);
    SUITE_CASE(suite, "order", an_order_to_drain_shows_over_up_down_stale_and_unknown,
               undrain_shows_the_truth_beneath,
               a_forced_server_is_what_the_order_says_and_not_what_it_says_itself,
               the_silence_of_forced_servers_freezes_nothing);
    SUITE_CASE(suite, "limits", an_arena_too_small_is_told, every_verdict_and_reason_has_a_word);
    return suite_run(suite);
}
