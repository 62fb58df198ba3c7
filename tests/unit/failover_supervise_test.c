#include "failover/supervise.h"

#include <stdio.h>
#include <string.h>

#include "unit/said.h"
#include "unit/suite.h"

static struct supervise guardian;

/* One action in words; a note as "was>is reason". */
static void say_action(const struct supervise_action *action)
{
    static const char *const words[] = {
        [SUPERVISE_SPAWN] = "spawn",         [SUPERVISE_KILL] = "kill",
        [SUPERVISE_TELL_STOP] = "tell-stop", [SUPERVISE_TELL_RELOAD] = "tell-reload",
        [SUPERVISE_TELL_HOMES] = "tell",
    };
    if (said[0] != '\0')
        say(", ");
    if (action->kind == SUPERVISE_NOTE_WORKER)
        say("%s>%s %s", supervise_worker_word(action->was), supervise_worker_word(action->is),
            supervise_reason_word(action->reason));
    else if (action->kind == SUPERVISE_EXIT)
        say("exit %d", action->code);
    else
        say("%s", words[action->kind]);
}

static const char *step(int64_t now_ms, struct supervise_event event)
{
    struct supervise_actions todo;
    said[0] = '\0';
    supervise_step(&guardian, now_ms, &event, &todo);
    for (size_t i = 0; i < todo.count; i++)
        say_action(&todo.list[i]);
    return said;
}

static const char *happens(int64_t now_ms, enum supervise_event_kind kind)
{
    return step(now_ms, (struct supervise_event){.kind = kind});
}

static const char *timeout(int64_t now_ms)
{
    return happens(now_ms, SUPERVISE_TIMEOUT);
}

static const char *died(int64_t now_ms)
{
    return step(now_ms,
                (struct supervise_event){.kind = SUPERVISE_DIED, .reason = SUPERVISE_OWNER_DIED});
}

static const char *killed(int64_t now_ms)
{
    return step(now_ms,
                (struct supervise_event){.kind = SUPERVISE_REAPED, .reason = SUPERVISE_SIGNALLED});
}

static const char *exits(int64_t now_ms, int code)
{
    return step(now_ms, (struct supervise_event){.kind = SUPERVISE_REAPED,
                                                 .reason = SUPERVISE_EXITED,
                                                 .exit_code = code});
}

/* A guardian whose worker serves since 0 ms. */
static void serve(void)
{
    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    happens(0, SUPERVISE_READY);
}

START_TEST(a_worker_that_is_ready_is_told_of_the_addresses)
{
    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(happens(0, SUPERVISE_READY), "starting>alive ready, tell");
    ck_assert_int_eq(supervise_deadline_ms(&guardian), INT64_MAX);
    happens(1, SUPERVISE_STOP);
    ck_assert_str_eq(exits(2, 0), "stopping>ended exited, exit 0");
}
END_TEST

START_TEST(the_back_off_doubles_to_its_limit)
{
    int64_t now_ms = 0;
    supervise_init(&guardian);
    happens(now_ms, SUPERVISE_START);
    const int64_t expected_ms[] = {100,  200,   400,   800,   1600, 3200,
                                   6400, 12800, 25600, 30000, 30000};
    for (size_t i = 0; i < sizeof expected_ms / sizeof *expected_ms; i++) {
        exits(now_ms, 1);
        ck_assert_int_eq(supervise_deadline_ms(&guardian) - now_ms, expected_ms[i]);
        ck_assert_str_eq(timeout(now_ms + expected_ms[i] - 1), "");
        now_ms += expected_ms[i];
        ck_assert_str_eq(timeout(now_ms), "waiting>starting back-off, spawn");
    }
}
END_TEST

START_TEST(a_reset_forgives_earlier_deaths)
{
    serve();
    killed(0);
    timeout(100);
    happens(100, SUPERVISE_READY);
    happens(200, SUPERVISE_RESET);
    killed(300);
    ck_assert_int_eq(supervise_deadline_ms(&guardian), 400);
}
END_TEST

START_TEST(a_minute_alive_forgives_earlier_deaths)
{
    const struct {
        int64_t alive_ms, expected_ms;
        bool is_seen_dead_first;
    } rows[] = {{59999, 200, true}, {60000, 100, true}, {59999, 200, false}, {60000, 100, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        supervise_init(&guardian);
        happens(0, SUPERVISE_START);
        killed(0);
        timeout(100);
        happens(100, SUPERVISE_READY);
        int64_t now_ms = 100 + rows[i].alive_ms;
        if (rows[i].is_seen_dead_first)
            died(now_ms);
        killed(now_ms);
        ck_assert_int_eq(supervise_deadline_ms(&guardian) - now_ms, rows[i].expected_ms);
    }
}
END_TEST

START_TEST(what_cannot_start_ends_only_the_first_start)
{
    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(exits(5, EXIT_CONFIGURATION), "starting>ended configuration, exit 100");

    /* Its channel ends a moment before it can be reaped. */
    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    died(5);
    ck_assert_str_eq(exits(5, EXIT_CONFIGURATION), "dead>ended configuration, exit 100");

    serve();
    ck_assert_str_eq(exits(5, EXIT_CONFIGURATION), "alive>waiting exited");

    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(exits(5, EXIT_SYSTEM), "starting>ended system, exit 111");

    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(exits(5, 1), "starting>waiting exited");
    timeout(105);
    ck_assert_str_eq(exits(110, EXIT_CONFIGURATION), "starting>waiting exited");
    timeout(310);
    ck_assert_str_eq(exits(320, EXIT_SYSTEM), "starting>waiting exited");
}
END_TEST

START_TEST(a_worker_that_hangs_for_three_seconds_is_killed_and_restarted)
{
    serve();
    ck_assert_int_eq(supervise_deadline_ms(&guardian), INT64_MAX);
    ck_assert_str_eq(happens(1000, SUPERVISE_HANGS), "");
    ck_assert_str_eq(happens(2000, SUPERVISE_HANGS), "");
    ck_assert_int_eq(supervise_deadline_ms(&guardian), 4000);
    ck_assert_str_eq(timeout(3999), "");
    ck_assert_str_eq(timeout(4000), "alive>dead hang, kill");
    ck_assert_str_eq(happens(4001, SUPERVISE_HANGS), "");
    ck_assert_str_eq(killed(4010), "dead>waiting signal");
    ck_assert_str_eq(timeout(4110), "waiting>starting back-off, spawn");
    happens(4200, SUPERVISE_READY);
    ck_assert_str_eq(timeout(8000), "");
}
END_TEST

START_TEST(a_worker_that_goes_on_in_time_is_not_killed)
{
    serve();
    happens(1000, SUPERVISE_HANGS);
    happens(3999, SUPERVISE_MOVES);
    ck_assert_str_eq(timeout(4000), "");
    happens(4100, SUPERVISE_HANGS);
    ck_assert_str_eq(timeout(7099), "");
    ck_assert_str_eq(timeout(7100), "alive>dead hang, kill");
}
END_TEST

START_TEST(a_hang_changes_nothing_while_the_worker_is_told_to_stop)
{
    serve();
    happens(1000, SUPERVISE_HANGS);
    happens(2000, SUPERVISE_STOP);
    ck_assert_str_eq(timeout(4000), "");
    ck_assert_str_eq(timeout(5000), "stopping>stopping stop-timeout, kill");
}
END_TEST

START_TEST(a_stop_waits_for_the_worker)
{
    serve();
    ck_assert_str_eq(happens(100, SUPERVISE_STOP), "tell-stop, alive>stopping stop");
    ck_assert_str_eq(timeout(300), "");
    ck_assert_str_eq(died(350), "");
    ck_assert_str_eq(exits(400, 0), "stopping>ended exited, exit 0");
    ck_assert_int_eq(supervise_deadline_ms(&guardian), INT64_MAX);
}
END_TEST

START_TEST(a_worker_that_does_not_stop_is_killed_after_three_seconds)
{
    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(happens(100, SUPERVISE_STOP), "tell-stop, starting>stopping stop");
    ck_assert_str_eq(happens(200, SUPERVISE_STOP), "");
    ck_assert_str_eq(timeout(3099), "");
    ck_assert_str_eq(timeout(3100), "stopping>stopping stop-timeout, kill");
    ck_assert_str_eq(timeout(3200), "");
    ck_assert_str_eq(killed(3201), "stopping>ended signal, exit 0");
}
END_TEST

START_TEST(a_stop_between_two_workers_ends_at_once)
{
    serve();
    died(100);
    ck_assert_str_eq(happens(110, SUPERVISE_STOP), "dead>stopping stop");
    ck_assert_str_eq(killed(130), "stopping>ended signal, exit 0");
    serve();
    killed(100);
    ck_assert_str_eq(happens(110, SUPERVISE_STOP), "waiting>ended stop, exit 0");
}
END_TEST

START_TEST(a_reload_reaches_a_worker_that_is_still_starting)
{
    supervise_init(&guardian);
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(happens(1, SUPERVISE_RELOAD), "");
    ck_assert_str_eq(happens(2, SUPERVISE_READY), "starting>alive ready, tell, tell-reload");
    ck_assert_str_eq(happens(3, SUPERVISE_RELOAD), "tell-reload");
    killed(4);
    ck_assert_str_eq(happens(5, SUPERVISE_RELOAD), "");
    timeout(104);
    ck_assert_str_eq(happens(105, SUPERVISE_READY), "starting>alive ready, tell");
}
END_TEST

START_TEST(what_comes_too_late_is_ignored)
{
    serve();
    ck_assert_str_eq(happens(1, SUPERVISE_START), "");
    ck_assert_str_eq(happens(1, SUPERVISE_READY), "");
    died(2);
    ck_assert_str_eq(died(3), "");
    ck_assert_str_eq(happens(3, SUPERVISE_READY), "");
    killed(4);
    ck_assert_str_eq(killed(5), "");
    ck_assert_str_eq(died(5), "");
}
END_TEST

START_TEST(a_worker_that_is_replaced_is_followed_at_once_by_another)
{
    serve();
    ck_assert_str_eq(happens(10, SUPERVISE_REPLACE), "tell-stop, alive>replacing upgrade");
    ck_assert_int_eq(supervise_deadline_ms(&guardian), 10 + SUPERVISE_STOP_MS);
    ck_assert_str_eq(died(20), ""); /* its end was wanted */
    ck_assert_str_eq(exits(30, 0), "replacing>starting upgrade, spawn");
    ck_assert_str_eq(happens(40, SUPERVISE_READY), "starting>alive ready, tell");
    ck_assert_int_eq(guardian.back_off_ms, SUPERVISE_BACK_OFF_MS_MIN);
}
END_TEST

START_TEST(a_worker_that_does_not_make_room_is_killed_after_3_s)
{
    serve();
    happens(0, SUPERVISE_REPLACE);
    ck_assert_str_eq(timeout(SUPERVISE_STOP_MS - 1), "");
    ck_assert_str_eq(timeout(SUPERVISE_STOP_MS), "replacing>replacing stop-timeout, kill");
    ck_assert_int_eq(supervise_deadline_ms(&guardian), INT64_MAX);
    ck_assert_str_eq(killed(SUPERVISE_STOP_MS + 1), "replacing>starting upgrade, spawn");
}
END_TEST

START_TEST(a_stop_ends_a_replacement_too)
{
    serve();
    happens(0, SUPERVISE_REPLACE);
    ck_assert_str_eq(happens(5, SUPERVISE_STOP), "replacing>stopping stop");
    ck_assert_str_eq(exits(6, 0), "stopping>ended exited, exit 0");
}
END_TEST

/* It is on its way anyway. */
START_TEST(only_a_living_worker_is_replaced)
{
    supervise_init(&guardian);
    ck_assert_str_eq(happens(0, SUPERVISE_REPLACE), "");
    happens(0, SUPERVISE_START);
    ck_assert_str_eq(happens(0, SUPERVISE_REPLACE), "");
    happens(0, SUPERVISE_READY);
    died(1);
    ck_assert_str_eq(happens(1, SUPERVISE_REPLACE), "");
    killed(2);
    ck_assert_str_eq(happens(2, SUPERVISE_REPLACE), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/supervise");
    SUITE_CASE(suite, "ready", a_worker_that_is_ready_is_told_of_the_addresses);
    SUITE_CASE(suite, "restart", the_back_off_doubles_to_its_limit, a_reset_forgives_earlier_deaths,
               a_minute_alive_forgives_earlier_deaths, what_cannot_start_ends_only_the_first_start,
               a_reload_reaches_a_worker_that_is_still_starting, what_comes_too_late_is_ignored);
    SUITE_CASE(suite, "hang", a_worker_that_hangs_for_three_seconds_is_killed_and_restarted,
               a_worker_that_goes_on_in_time_is_not_killed,
               a_hang_changes_nothing_while_the_worker_is_told_to_stop);
    SUITE_CASE(suite, "stop", a_stop_waits_for_the_worker,
               a_worker_that_does_not_stop_is_killed_after_three_seconds,
               a_stop_between_two_workers_ends_at_once);
    SUITE_CASE(suite, "replace", a_worker_that_is_replaced_is_followed_at_once_by_another,
               a_worker_that_does_not_make_room_is_killed_after_3_s, a_stop_ends_a_replacement_too,
               only_a_living_worker_is_replaced);
    return suite_run(suite);
}
