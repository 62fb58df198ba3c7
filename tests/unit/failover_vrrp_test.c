#include "failover/vrrp.h"

#include <stdio.h>
#include <string.h>

#include "unit/said.h"
#include "unit/suite.h"

enum { SECOND_US = 1000000 };

static struct vrrp router;

/* One action in words; a note as "was>is reason". */
static void say_action(const struct vrrp_action *action)
{
    static const char *const words[] = {
        [VRRP_ADD] = "add", [VRRP_DELETE] = "delete", [VRRP_ANNOUNCE] = "announce"};
    if (said[0] != '\0')
        say(", ");
    if (action->kind == VRRP_NOTE)
        say("%s>%s %s", vrrp_state_word(action->was), vrrp_state_word(action->is),
            vrrp_reason_word(action->reason));
    else if (action->kind == VRRP_ADVERTISE)
        say("advertise %u", action->priority);
    else
        say("%s", words[action->kind]);
}

static const char *step(int64_t now_us, struct vrrp_event event)
{
    struct vrrp_actions todo;
    said[0] = '\0';
    vrrp_step(&router, now_us, &event, &todo);
    for (size_t i = 0; i < todo.count; i++)
        say_action(&todo.list[i]);
    return said;
}

static const char *happens(int64_t now_us, enum vrrp_event_kind kind)
{
    return step(now_us, (struct vrrp_event){.kind = kind});
}

static const char *timeout(int64_t now_us)
{
    return happens(now_us, VRRP_TIMEOUT);
}

static struct ip host(uint8_t last)
{
    return (struct ip){.family = 4, .bytes = {192, 0, 2, last}};
}

static const char *hears_from(int64_t now_us, uint8_t last, uint8_t priority, uint16_t interval_cs)
{
    return step(now_us, (struct vrrp_event){.kind = VRRP_ADVERTISEMENT,
                                            .priority = priority,
                                            .interval_cs = interval_cs,
                                            .source = host(last)});
}

/* The partner, 192.0.2.12, at my own interval. */
static const char *hears(int64_t now_us, uint8_t priority)
{
    return hears_from(now_us, 12, priority, router.config.interval_cs);
}

/* 192.0.2.11, started and fit at 0. */
static void backup(uint8_t priority, uint16_t interval_cs)
{
    struct vrrp_config config = {
        .priority = priority, .interval_cs = interval_cs, .is_preempting = true, .own = host(11)};
    vrrp_init(&router, &config);
    happens(0, VRRP_FIT);
    ck_assert_str_eq(happens(0, VRRP_START), "initialize>backup start");
}

/* The same that has been active since a moment; its next advertisement is due after an interval. */
static int64_t active(uint8_t priority, uint16_t interval_cs)
{
    backup(priority, interval_cs);
    int64_t now_us = vrrp_deadline_us(&router);
    timeout(now_us);
    ck_assert_int_eq(router.state, VRRP_ACTIVE);
    return now_us;
}

/* ---- §6.1: the intervals ---- */

START_TEST(skew_and_down_interval_are_exact_to_the_microsecond)
{
    static const struct {
        uint8_t priority;
        uint16_t interval_cs;
        int64_t down_us;
    } rows[] = {
        {100, 100, 3609375}, {100, 1, 36093},        {254, 1, 30078},      {200, 1, 32187},
        {1, 1, 39960},       {254, 4095, 123169921}, {1, 4095, 163640039},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        backup(rows[i].priority, rows[i].interval_cs);
        ck_assert_int_eq(vrrp_deadline_us(&router), rows[i].down_us);
    }
}
END_TEST

/* ---- §6.4.1: Initialize ---- */

START_TEST(whoever_is_not_started_does_nothing)
{
    struct vrrp_config config = {.priority = 100, .interval_cs = 1, .own = host(11)};
    vrrp_init(&router, &config);
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
    ck_assert_str_eq(hears(0, 200), "");
    ck_assert_str_eq(hears(0, 0), "");
    ck_assert_str_eq(timeout(SECOND_US), "");
    ck_assert_str_eq(happens(SECOND_US, VRRP_STOP), "");
    ck_assert_str_eq(happens(SECOND_US, VRRP_UNFIT), "");
    ck_assert_str_eq(happens(SECOND_US, VRRP_ADDRESS_FAILED), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
}
END_TEST

START_TEST(a_start_waits_for_fitness_and_fitness_for_a_start)
{
    struct vrrp_config config = {.priority = 100, .interval_cs = 100, .own = host(11)};
    vrrp_init(&router, &config);
    ck_assert_str_eq(happens(0, VRRP_START), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
    ck_assert_str_eq(happens(SECOND_US, VRRP_FIT), "initialize>backup fit");
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 3609375);
    vrrp_init(&router, &config);
    ck_assert_str_eq(happens(0, VRRP_FIT), "");
    ck_assert_str_eq(happens(SECOND_US, VRRP_START), "initialize>backup start");
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 3609375);
}
END_TEST

START_TEST(a_second_start_changes_nothing)
{
    backup(100, 100);
    ck_assert_str_eq(happens(SECOND_US, VRRP_START), "");
    ck_assert_str_eq(happens(SECOND_US, VRRP_FIT), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), 3609375);
}
END_TEST

START_TEST(a_restart_forgets_the_learned_interval)
{
    backup(100, 100);
    hears_from(0, 12, 200, 1);
    ck_assert_int_eq(vrrp_deadline_us(&router), 36093);
    happens(1000, VRRP_STOP);
    happens(2000, VRRP_START);
    ck_assert_int_eq(vrrp_deadline_us(&router), 2000 + 3609375);
}
END_TEST

/* ---- §6.4.2: Backup ---- */

START_TEST(a_backup_that_hears_nothing_takes_after_the_down_interval)
{
    backup(100, 100);
    ck_assert_str_eq(timeout(3609374), "");
    ck_assert_str_eq(timeout(3609375),
                     "advertise 100, add, announce, backup>active partner-silent");
    ck_assert_int_eq(vrrp_deadline_us(&router), 3609375 + SECOND_US);
}
END_TEST

START_TEST(a_backup_told_to_stop_says_nothing)
{
    backup(100, 100);
    ck_assert_str_eq(happens(5, VRRP_STOP), "backup>initialize stop");
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
    ck_assert_str_eq(timeout(5 * SECOND_US), "");
}
END_TEST

START_TEST(a_goodbye_shortens_the_wait_to_the_skew)
{
    backup(100, 100);
    hears(SECOND_US, 200);
    ck_assert_str_eq(hears(2 * SECOND_US, 0), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), 2 * SECOND_US + 609375);
    ck_assert_str_eq(timeout(2 * SECOND_US + 609375),
                     "advertise 100, add, announce, backup>active partner-left");
}
END_TEST

START_TEST(who_returns_after_a_goodbye_is_obeyed_again)
{
    backup(100, 100);
    hears(0, 0);
    hears(1000, 200);
    ck_assert_int_eq(vrrp_deadline_us(&router), 1000 + 3609375);
    ck_assert_str_eq(timeout(1000 + 3609375),
                     "advertise 100, add, announce, backup>active partner-silent");
}
END_TEST

START_TEST(a_higher_or_equal_priority_restarts_the_wait)
{
    backup(100, 100);
    ck_assert_str_eq(hears(SECOND_US, 101), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 3609375);
    ck_assert_str_eq(hears(2 * SECOND_US, 100), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), 2 * SECOND_US + 3609375);
}
END_TEST

START_TEST(the_active_ones_interval_is_learned)
{
    backup(100, 100);
    hears_from(SECOND_US, 12, 200, 10);
    ck_assert_uint_eq(router.active_interval_cs, 10);
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 360937);
    /* A goodbye is answered by its skew, not by mine. */
    hears_from(SECOND_US, 12, 0, 10);
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 60937);
    /* My own advertisements keep my own interval. */
    timeout(SECOND_US + 60937);
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 60937 + SECOND_US);
}
END_TEST

START_TEST(a_goodbyes_interval_is_not_learned)
{
    backup(100, 100);
    hears_from(0, 12, 0, 4095);
    ck_assert_int_eq(vrrp_deadline_us(&router), 609375);
}
END_TEST

START_TEST(a_lower_priority_is_preempted_when_the_timer_fires)
{
    backup(200, 100);
    ck_assert_str_eq(hears(SECOND_US, 199), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), 3218750);
    ck_assert_str_eq(timeout(3218750), "advertise 200, add, announce, backup>active preempt");
}
END_TEST

START_TEST(an_interval_of_a_lower_priority_is_not_learned)
{
    backup(200, 100);
    hears_from(0, 12, 100, 1);
    ck_assert_uint_eq(router.active_interval_cs, 100);
}
END_TEST

START_TEST(without_preemption_a_lower_priority_is_obeyed)
{
    backup(200, 100);
    router.config.is_preempting = false;
    hears_from(SECOND_US, 12, 100, 10);
    ck_assert_int_eq(vrrp_deadline_us(&router), SECOND_US + 321875);
}
END_TEST

START_TEST(a_lower_priority_is_obeyed_until_the_hold_is_over)
{
    backup(200, 100);
    happens(0, VRRP_STOP);
    router.config.hold_us = 5 * SECOND_US;
    happens(1, VRRP_START);
    hears(5 * SECOND_US, 100);
    ck_assert_int_eq(vrrp_deadline_us(&router), 5 * SECOND_US + 3218750);
    hears(5 * SECOND_US + 1, 100);
    ck_assert_int_eq(vrrp_deadline_us(&router), 5 * SECOND_US + 3218750);
    ck_assert_str_eq(timeout(5 * SECOND_US + 3218750),
                     "advertise 200, add, announce, backup>active preempt");
}
END_TEST

START_TEST(a_hold_does_not_delay_a_take_from_the_silent)
{
    backup(200, 100);
    router.config.hold_us = 500 * (int64_t)SECOND_US;
    happens(0, VRRP_STOP);
    happens(0, VRRP_START);
    ck_assert_int_eq(vrrp_deadline_us(&router), 3218750);
    ck_assert_str_eq(timeout(3218750),
                     "advertise 200, add, announce, backup>active partner-silent");
}
END_TEST

START_TEST(a_backup_that_woke_late_waits_for_the_down_interval_anew)
{
    backup(100, 100);
    ck_assert_str_eq(happens(9 * SECOND_US, VRRP_WOKE), "");
    ck_assert_int_eq(vrrp_deadline_us(&router), 9 * SECOND_US + 3609375);
    step(9 * SECOND_US, (struct vrrp_event){.kind = VRRP_UNFIT});
    happens(9 * SECOND_US, VRRP_WOKE);
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
}
END_TEST

START_TEST(a_backup_that_is_unfit_claims_nothing)
{
    backup(200, 100);
    ck_assert_str_eq(happens(1, VRRP_UNFIT), "backup>initialize unfit");
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
    ck_assert_str_eq(happens(2, VRRP_FIT), "initialize>backup fit");
}
END_TEST

/* ---- §6.4.3: Active ---- */

START_TEST(an_active_one_advertises_each_interval)
{
    int64_t now_us = active(100, 1);
    ck_assert_str_eq(timeout(now_us + 9999), "");
    ck_assert_str_eq(timeout(now_us + 10000), "advertise 100");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 20000);
    /* Woken late, it does not make up for what it missed. */
    ck_assert_str_eq(timeout(now_us + 70000), "advertise 100");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 80000);
}
END_TEST

START_TEST(an_active_one_told_to_stop_says_goodbye)
{
    int64_t now_us = active(100, 1);
    ck_assert_str_eq(happens(now_us + 1, VRRP_STOP), "advertise 0, delete, active>initialize stop");
    ck_assert_int_eq(vrrp_deadline_us(&router), INT64_MAX);
}
END_TEST

START_TEST(an_active_one_that_is_unfit_says_goodbye_and_returns_when_fit)
{
    int64_t now_us = active(100, 100);
    ck_assert_str_eq(happens(now_us + 1, VRRP_UNFIT),
                     "advertise 0, delete, active>initialize unfit");
    ck_assert_str_eq(hears(now_us + 2, 50), "");
    ck_assert_str_eq(happens(now_us + 3, VRRP_FIT), "initialize>backup fit");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 3 + 3609375);
}
END_TEST

START_TEST(an_active_one_stopped_while_unfit_does_not_return)
{
    int64_t now_us = active(100, 100);
    happens(now_us, VRRP_UNFIT);
    ck_assert_str_eq(happens(now_us, VRRP_STOP), "");
    ck_assert_str_eq(happens(now_us, VRRP_FIT), "");
    ck_assert_int_eq(router.state, VRRP_INITIALIZE);
}
END_TEST

START_TEST(a_goodbye_is_answered_by_an_advertisement_at_once)
{
    int64_t now_us = active(100, 1);
    ck_assert_str_eq(hears(now_us + 4000, 0), "advertise 100");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 14000);
}
END_TEST

START_TEST(a_higher_priority_makes_the_active_one_backup)
{
    int64_t now_us = active(100, 100);
    ck_assert_str_eq(hears_from(now_us + 1, 12, 101, 10),
                     "delete, advertise 100, active>backup higher-priority");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 1 + 360937);
}
END_TEST

START_TEST(of_equal_priorities_the_greater_address_wins)
{
    int64_t now_us = active(100, 100);
    ck_assert_str_eq(hears_from(now_us, 10, 100, 100), "advertise 100, announce");
    ck_assert_str_eq(hears_from(now_us, 11, 100, 100), "advertise 100");
    ck_assert_str_eq(hears_from(now_us, 200, 100, 10),
                     "delete, advertise 100, active>backup higher-address");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 360937);
}
END_TEST

START_TEST(addresses_are_compared_from_their_first_byte)
{
    int64_t now_us = active(100, 100);
    struct vrrp_event event = {
        .kind = VRRP_ADVERTISEMENT, .priority = 100, .interval_cs = 100, .source = host(255)};
    event.source.bytes[0] = 191;
    ck_assert_str_eq(step(now_us, event), "advertise 100, announce");
    event.source = host(1);
    event.source.bytes[0] = 193;
    ck_assert_str_eq(step(now_us, event), "delete, advertise 100, active>backup higher-address");
}
END_TEST

START_TEST(a_lower_priority_is_answered_at_once_and_the_timer_runs_on)
{
    int64_t now_us = active(100, 1);
    ck_assert_str_eq(hears_from(now_us + 4000, 200, 99, 4095), "advertise 100, announce");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 10000);
    ck_assert_uint_eq(router.active_interval_cs, 1);
}
END_TEST

START_TEST(a_partner_that_is_deaf_is_announced_against_five_times_a_second)
{
    int64_t now_us = active(100, 100);
    ck_assert_str_eq(hears(now_us, 50), "advertise 100, announce");
    ck_assert_str_eq(hears(now_us + VRRP_REASSERT_US - 1, 50), "advertise 100");
    ck_assert_str_eq(hears(now_us + VRRP_REASSERT_US, 50), "advertise 100, announce");
}
END_TEST

/* ---- beyond §6.4 ---- */

START_TEST(an_address_that_cannot_be_added_is_left_to_the_partner)
{
    int64_t now_us = active(200, 1);
    ck_assert_str_eq(happens(now_us, VRRP_ADDRESS_FAILED),
                     "advertise 0, delete, active>backup address-failed");
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + VRRP_RETRY_US);
    hears(now_us + 9000, 200);
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 9000 + 32187);
    ck_assert_str_eq(happens(now_us + 9001, VRRP_ADDRESS_FAILED), "");
}
END_TEST

START_TEST(after_a_failed_add_preemption_waits_for_the_hold_again)
{
    int64_t now_us = active(200, 1);
    router.config.hold_us = 5 * SECOND_US;
    happens(now_us, VRRP_ADDRESS_FAILED);
    hears(now_us + 9000, 100);
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 9000 + 32187);
    hears(now_us + 19000, 100);
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 19000 + 32187);
}
END_TEST

START_TEST(a_failed_add_waits_no_less_than_the_down_interval)
{
    int64_t now_us = active(100, 100);
    happens(now_us, VRRP_ADDRESS_FAILED);
    ck_assert_int_eq(vrrp_deadline_us(&router), now_us + 3609375);
    ck_assert_str_eq(timeout(now_us + 3609375),
                     "advertise 100, add, announce, backup>active partner-silent");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/vrrp");
    SUITE_CASE(suite, "intervals", skew_and_down_interval_are_exact_to_the_microsecond);
    SUITE_CASE(suite, "initialize", whoever_is_not_started_does_nothing,
               a_start_waits_for_fitness_and_fitness_for_a_start, a_second_start_changes_nothing,
               a_restart_forgets_the_learned_interval);
    SUITE_CASE(suite, "backup", a_backup_that_hears_nothing_takes_after_the_down_interval,
               a_backup_told_to_stop_says_nothing, a_goodbye_shortens_the_wait_to_the_skew,
               who_returns_after_a_goodbye_is_obeyed_again,
               a_higher_or_equal_priority_restarts_the_wait, the_active_ones_interval_is_learned,
               a_goodbyes_interval_is_not_learned,
               a_lower_priority_is_preempted_when_the_timer_fires,
               an_interval_of_a_lower_priority_is_not_learned,
               without_preemption_a_lower_priority_is_obeyed,
               a_lower_priority_is_obeyed_until_the_hold_is_over,
               a_backup_that_woke_late_waits_for_the_down_interval_anew,
               a_hold_does_not_delay_a_take_from_the_silent, a_backup_that_is_unfit_claims_nothing);
    SUITE_CASE(suite, "active", an_active_one_advertises_each_interval,
               an_active_one_told_to_stop_says_goodbye,
               an_active_one_that_is_unfit_says_goodbye_and_returns_when_fit,
               an_active_one_stopped_while_unfit_does_not_return,
               a_goodbye_is_answered_by_an_advertisement_at_once,
               a_higher_priority_makes_the_active_one_backup,
               of_equal_priorities_the_greater_address_wins,
               addresses_are_compared_from_their_first_byte,
               a_lower_priority_is_answered_at_once_and_the_timer_runs_on,
               a_partner_that_is_deaf_is_announced_against_five_times_a_second);
    SUITE_CASE(suite, "failures", an_address_that_cannot_be_added_is_left_to_the_partner,
               after_a_failed_add_preemption_waits_for_the_hold_again,
               a_failed_add_waits_no_less_than_the_down_interval);
    return suite_run(suite);
}
