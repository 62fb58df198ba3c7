#include "node/notify/outbox.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct outbox outbox;

static void begin(void)
{
    outbox_init(&outbox, &(struct outbox_config){.timeout_ms = 5000, .tries = 3});
}

static struct outbox_event event_of(int64_t number, int64_t at_s)
{
    struct outbox_event event = {.number = number, .at_s = at_s, .node = "ns1", .area = "address"};
    strcpy(event.subject, "ns1");
    strcpy(event.from, "backup");
    strcpy(event.to, "active");
    strcpy(event.reason, "silence");
    return event;
}

static bool see(int64_t number, int64_t at_s)
{
    struct outbox_event event = event_of(number, at_s);
    return outbox_see(&outbox, &event, false);
}

static int64_t first(void)
{
    return outbox_first(&outbox) == NULL ? 0 : outbox_first(&outbox)->number;
}

START_TEST(events_are_told_one_after_the_other_in_their_order)
{
    begin();
    ck_assert_int_eq(outbox_step(&outbox, 1000), OUTBOX_NOTHING);
    ck_assert(see(1, 100));
    ck_assert(see(2, 101));
    ck_assert_int_eq(outbox_deadline_ms(&outbox), 0);
    ck_assert_int_eq(outbox_step(&outbox, 1000), OUTBOX_RUN);
    ck_assert_int_eq(first(), 1);
    ck_assert_int_eq(outbox_step(&outbox, 1001), OUTBOX_NOTHING);
    ck_assert(outbox_ended(&outbox, 1100, true));
    ck_assert_int_eq(outbox_step(&outbox, 1100), OUTBOX_RUN);
    ck_assert_int_eq(first(), 2);
    ck_assert(outbox_ended(&outbox, 1200, true));
    ck_assert_int_eq(first(), 0);
    ck_assert_int_eq(outbox_deadline_ms(&outbox), INT64_MAX);
}
END_TEST

START_TEST(what_was_seen_is_known_again_though_its_age_wavers)
{
    begin();
    ck_assert(see(1, 100));
    ck_assert(!see(1, 100));
    ck_assert(!see(1, 101));
    ck_assert(!see(1, 98));
    ck_assert(see(1, 103)); /* the same number in another life */
    ck_assert(see(2, 100)); /* twice within a second */
    struct outbox_event other = event_of(1, 100);
    strcpy(other.to, "yielding");
    ck_assert(outbox_see(&outbox, &other, false));
}
END_TEST

START_TEST(what_need_not_be_told_is_known_and_does_not_wait)
{
    begin();
    struct outbox_event event = event_of(1, 100);
    ck_assert(outbox_see(&outbox, &event, true));
    ck_assert_int_eq(first(), 0);
    ck_assert(!outbox_see(&outbox, &event, false));
    ck_assert_int_eq(first(), 0);
}
END_TEST

START_TEST(a_failure_is_tried_again_later_and_given_up_at_last)
{
    begin();
    see(1, 100);
    see(2, 100);
    int64_t now_ms = 1000;
    for (int64_t retry_ms = 1000; retry_ms <= 2000; retry_ms *= 2) {
        ck_assert_int_eq(outbox_step(&outbox, now_ms), OUTBOX_RUN);
        ck_assert(!outbox_ended(&outbox, now_ms, false));
        ck_assert_int_eq(outbox_deadline_ms(&outbox), now_ms + retry_ms);
        now_ms += retry_ms - 1;
        ck_assert_int_eq(outbox_step(&outbox, now_ms), OUTBOX_NOTHING);
        now_ms++;
    }
    ck_assert_int_eq(outbox_step(&outbox, now_ms), OUTBOX_RUN);
    ck_assert_int_eq(first(), 1);
    ck_assert(outbox_ended(&outbox, now_ms, false));
    ck_assert_uint_eq(outbox.given_up, 1);
    ck_assert_int_eq(outbox_step(&outbox, now_ms), OUTBOX_RUN);
    ck_assert_int_eq(first(), 2);
}
END_TEST

START_TEST(one_that_is_too_slow_is_killed_once_and_tried_again)
{
    begin();
    see(1, 100);
    ck_assert_int_eq(outbox_step(&outbox, 1000), OUTBOX_RUN);
    ck_assert_int_eq(outbox_deadline_ms(&outbox), 6000);
    ck_assert_int_eq(outbox_step(&outbox, 5999), OUTBOX_NOTHING);
    ck_assert_int_eq(outbox_step(&outbox, 6000), OUTBOX_KILL);
    ck_assert_int_eq(outbox_step(&outbox, 6001), OUTBOX_NOTHING);
    ck_assert(!outbox_ended(&outbox, 6002, false));
    ck_assert_int_eq(outbox_step(&outbox, 7002), OUTBOX_RUN);
}
END_TEST

START_TEST(of_too_many_the_oldest_goes_that_is_not_being_told)
{
    begin();
    see(1, 100);
    ck_assert_int_eq(outbox_step(&outbox, 1000), OUTBOX_RUN);
    for (int64_t number = 2; number <= OUTBOX_WAITING_MAX + 2; number++)
        see(number, 100);
    ck_assert_uint_eq(outbox.missed, 2);
    ck_assert_int_eq(first(), 1);
    ck_assert(outbox_ended(&outbox, 1001, true));
    for (int64_t number = 4; number <= OUTBOX_WAITING_MAX + 2; number++) {
        ck_assert_int_eq(first(), number);
        ck_assert_int_eq(outbox_step(&outbox, 1002), OUTBOX_RUN);
        ck_assert(outbox_ended(&outbox, 1002, true));
    }
    ck_assert_int_eq(first(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/notify/outbox");
    SUITE_CASE(suite, "order", events_are_told_one_after_the_other_in_their_order,
               of_too_many_the_oldest_goes_that_is_not_being_told);
    SUITE_CASE(suite, "once", what_was_seen_is_known_again_though_its_age_wavers,
               what_need_not_be_told_is_known_and_does_not_wait);
    SUITE_CASE(suite, "again", a_failure_is_tried_again_later_and_given_up_at_last,
               one_that_is_too_slow_is_killed_once_and_tried_again);
    return suite_run(suite);
}
