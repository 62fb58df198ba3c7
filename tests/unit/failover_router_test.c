/* The pair beside a router of another make: 192.0.2.11, at 10 ms, with two homes, IPv4 and IPv6. */
#include "failover/router.h"

#include "unit/said.h"
#include "unit/suite.h"

enum {
    MS = 1000,
    DOWN_US = 3 * 10000 + (256 - 200) * 10000 / 256,        /* of the own home */
    OTHERS_DOWN_US = 3 * 10000 + (256 - 100) * 10000 / 256, /* of the router's */
};

static struct router router;

/* Actions in words: "add 0/4", a home and family behind each. */
static const char *step(int64_t now_us, struct router_event event)
{
    static const char *const words[] = {[ROUTER_ADD] = "add",
                                        [ROUTER_REFRESH] = "refresh",
                                        [ROUTER_DELETE] = "delete",
                                        [ROUTER_ANNOUNCE] = "announce"};
    struct router_actions todo;
    said[0] = '\0';
    router_step(&router, now_us, &event, &todo);
    for (size_t i = 0; i < todo.count; i++) {
        const struct router_action *action = &todo.list[i];
        say("%s", i == 0 ? "" : ", ");
        if (action->kind == ROUTER_END)
            say("end");
        else if (action->kind == ROUTER_NOTE)
            say("%s>%s %s", vrrp_state_word(action->was), vrrp_state_word(action->is),
                vrrp_reason_word(action->reason));
        else if (action->kind == ROUTER_ADVERTISE)
            say("advertise %u", action->priority);
        else
            say("%s", words[action->kind]);
        if (action->kind != ROUTER_END)
            say(" %u/%u", action->home, action->family);
    }
    return said;
}

static const char *happens(int64_t now_us, enum router_event_kind kind)
{
    return step(now_us, (struct router_event){.kind = kind, .home = 0, .family = 4});
}

static const char *timeout(int64_t now_us)
{
    return happens(now_us, ROUTER_EVENT_TIMEOUT);
}

static const char *hears(int64_t now_us, uint8_t home, uint8_t priority)
{
    return step(now_us, (struct router_event){.kind = ROUTER_EVENT_ADVERTISEMENT,
                                              .home = home,
                                              .family = 4,
                                              .priority = priority,
                                              .interval_cs = 1,
                                              .source = {4, {192, 0, 2, 12}}});
}

static const char *is(int64_t now_us, enum router_event_kind kind, bool claim)
{
    return step(now_us, (struct router_event){.kind = kind, .is = claim});
}

/* Of the own home, IPv4 alone, unless more is said. */
static void begin(bool has_others, bool has_ipv6)
{
    struct router_config config = {
        .self = 0,
        .interval_cs = 1,
        .has_home = {{true, has_ipv6}, {has_others, has_others && has_ipv6}},
        .source = {{4, {192, 0, 2, 11}}, {6, {0xfe, 0x80, [15] = 0x11}}},
    };
    router_init(&router, &config, 0);
    ck_assert_str_eq(is(0, ROUTER_EVENT_CARRIER, true), "");
}

/* Active of the own home at DOWN_US, after nobody was heard. */
static void begin_active(void)
{
    begin(false, false);
    is(0, ROUTER_EVENT_FIT, true);
    timeout(DOWN_US);
    ck_assert_int_eq(router.homes[0][0].vrrp.state, VRRP_ACTIVE);
}

START_TEST(each_home_and_family_is_elected_by_itself)
{
    begin(true, true);
    ck_assert_str_eq(is(0, ROUTER_EVENT_FIT, true),
                     "initialize>backup fit 0/4, initialize>backup fit 0/6, "
                     "initialize>backup fit 1/4, initialize>backup fit 1/6");
    hears(20 * MS, 1, 200);
    ck_assert_int_eq(router_deadline_us(&router), DOWN_US);
    ck_assert_str_eq(timeout(DOWN_US),
                     "advertise 200 0/4, add 0/4, announce 0/4, backup>active partner-silent 0/4, "
                     "advertise 200 0/6, add 0/6, announce 0/6, backup>active partner-silent 0/6");
    ck_assert_str_eq(timeout(OTHERS_DOWN_US),
                     "advertise 100 1/6, add 1/6, announce 1/6, backup>active partner-silent 1/6");
}
END_TEST

START_TEST(a_family_without_a_source_is_none)
{
    struct router_config config = {
        .interval_cs = 1, .has_home = {{true, true}}, .source = {{4, {192, 0, 2, 11}}, {0}}};
    router_init(&router, &config, 0);
    is(0, ROUTER_EVENT_CARRIER, true);
    ck_assert_str_eq(is(0, ROUTER_EVENT_FIT, true), "initialize>backup fit 0/4");
    ck_assert_str_eq(step(0, (struct router_event){.kind = ROUTER_EVENT_WHO_HAS, .family = 6}), "");
}
END_TEST

START_TEST(fit_is_whose_worker_is_and_whose_cable_leads_somewhere)
{
    begin_active();
    ck_assert_str_eq(is(DOWN_US + 1, ROUTER_EVENT_CARRIER, false),
                     "advertise 0 0/4, delete 0/4, active>initialize unfit 0/4");
    ck_assert_str_eq(is(DOWN_US + 2, ROUTER_EVENT_FIT, false), "");
    ck_assert_str_eq(is(DOWN_US + 3, ROUTER_EVENT_CARRIER, true), "");
    ck_assert_str_eq(is(DOWN_US + 4, ROUTER_EVENT_FIT, true), "initialize>backup fit 0/4");
}
END_TEST

START_TEST(a_lease_is_refreshed_and_a_claim_announced_again)
{
    begin_active();
    const char *all = "";
    unsigned refreshes = 0, announcements = 0;
    for (int64_t at_us = router_deadline_us(&router); at_us < DOWN_US + 5900 * MS;
         at_us = router_deadline_us(&router)) {
        all = timeout(at_us);
        refreshes += strstr(all, "refresh 0/4") != NULL;
        announcements += strstr(all, "announce 0/4") != NULL;
    }
    ck_assert_uint_eq(refreshes, 19);
    ck_assert_uint_eq(announcements, 51); /* 20, 100, 200 ms ... 5 s */
    ck_assert_int_eq(router.homes[0][0].announce_us, DOWN_US + 65000 * MS);
}
END_TEST

START_TEST(an_address_that_the_kernel_refuses_is_left_to_the_router)
{
    begin_active();
    ck_assert_str_eq(happens(DOWN_US, ROUTER_EVENT_ADD_FAILED),
                     "advertise 0 0/4, delete 0/4, active>backup address-failed 0/4");
    ck_assert(router.homes[0][0].is_refused);
}
END_TEST

START_TEST(an_address_that_somebody_deletes_is_added_again)
{
    begin_active();
    ck_assert_str_eq(happens(DOWN_US + 1, ROUTER_EVENT_DELETED), "add 0/4, announce 0/4");
    hears(DOWN_US + 2, 0, 201);
    ck_assert_str_eq(happens(DOWN_US + 3, ROUTER_EVENT_DELETED), "");
}
END_TEST

START_TEST(an_address_that_a_stranger_has_is_not_claimed_before_it_left)
{
    begin(false, false);
    ck_assert(router_is_untouched(&router, 0));
    ck_assert_str_eq(happens(0, ROUTER_EVENT_FOREIGN), "");
    ck_assert_str_eq(is(1, ROUTER_EVENT_FIT, true), "");
    ck_assert_str_eq(timeout(DOWN_US), "");
    ck_assert_str_eq(happens(500 * MS, ROUTER_EVENT_FOREIGN), "");
    ck_assert_int_eq(router_deadline_us(&router), 1500 * MS);
    ck_assert_str_eq(timeout(1500 * MS - 1), "");
    ck_assert_str_eq(timeout(1500 * MS), "initialize>backup fit 0/4");
    timeout(1500 * MS + DOWN_US);
    ck_assert(!router_is_untouched(&router, 0));
}
END_TEST

START_TEST(what_was_held_is_defended_ten_times_a_second)
{
    begin_active();
    ck_assert_str_eq(happens(DOWN_US + 99 * MS, ROUTER_EVENT_FOREIGN), "");
    ck_assert_str_eq(happens(DOWN_US + 100 * MS, ROUTER_EVENT_FOREIGN), "announce 0/4");
    ck_assert_str_eq(happens(DOWN_US + 101 * MS, ROUTER_EVENT_FOREIGN), "");
    ck_assert(strstr(timeout(DOWN_US + 202 * MS), "initialize") == NULL);
}
END_TEST

START_TEST(what_the_router_held_is_taken_from_a_stranger_too)
{
    begin(false, false);
    is(0, ROUTER_EVENT_FIT, true);
    hears(10 * MS, 0, 200);
    ck_assert_str_eq(happens(20 * MS, ROUTER_EVENT_FOREIGN), "");
    ck_assert_str_eq(timeout(10 * MS + DOWN_US),
                     "advertise 200 0/4, add 0/4, announce 0/4, backup>active partner-silent 0/4");
}
END_TEST

START_TEST(who_took_from_a_silent_router_answers_for_the_address)
{
    begin_active();
    ck_assert_str_eq(happens(DOWN_US + 1, ROUTER_EVENT_WHO_HAS), "");
    hears(40 * MS, 0, 201);
    timeout(40 * MS + DOWN_US);
    ck_assert_str_eq(happens(9000 * MS, ROUTER_EVENT_WHO_HAS), "announce 0/4");
    hears(9001 * MS, 0, 201);
    ck_assert_str_eq(happens(9002 * MS, ROUTER_EVENT_WHO_HAS), "");
    /* It left by its own will: its kernel has the address no more. */
    hears(9003 * MS, 0, 0);
    ck_assert_str_eq(timeout(9013 * MS),
                     "advertise 200 0/4, add 0/4, announce 0/4, backup>active partner-left 0/4");
    ck_assert_str_eq(happens(9014 * MS, ROUTER_EVENT_WHO_HAS), "");
}
END_TEST

START_TEST(home_is_preempted_after_five_seconds_and_not_before)
{
    begin(false, false);
    is(0, ROUTER_EVENT_FIT, true);
    int64_t at_us = 0;
    for (; at_us < 5000 * MS; at_us += 10 * MS) {
        hears(at_us, 0, 100);
        ck_assert_str_eq(timeout(at_us), "");
    }
    hears(at_us, 0, 100);
    ck_assert_str_eq(timeout(at_us + DOWN_US),
                     "advertise 200 0/4, add 0/4, announce 0/4, backup>active preempt 0/4");
}
END_TEST

START_TEST(a_silence_that_was_slept_through_is_none)
{
    begin(true, false);
    is(0, ROUTER_EVENT_FIT, true);
    timeout(DOWN_US);
    hears(30 * MS, 1, 200);
    ck_assert_str_eq(happens(900 * MS, ROUTER_EVENT_WOKE), "refresh 0/4, announce 0/4");
    ck_assert(strstr(timeout(900 * MS), "1/4") == NULL);
    ck_assert(strstr(timeout(900 * MS + OTHERS_DOWN_US - 1), "1/4") == NULL);
    ck_assert(strstr(timeout(900 * MS + OTHERS_DOWN_US), "add 1/4") != NULL);
}
END_TEST

START_TEST(a_planned_stop_says_goodbye_and_ends)
{
    begin_active();
    ck_assert_str_eq(happens(DOWN_US + 1, ROUTER_EVENT_STOP),
                     "advertise 0 0/4, delete 0/4, active>initialize stop 0/4, end");
    ck_assert(router.stopping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/router");
    SUITE_CASE(suite, "elections", each_home_and_family_is_elected_by_itself,
               a_family_without_a_source_is_none,
               fit_is_whose_worker_is_and_whose_cable_leads_somewhere,
               home_is_preempted_after_five_seconds_and_not_before,
               a_silence_that_was_slept_through_is_none, a_planned_stop_says_goodbye_and_ends);
    SUITE_CASE(suite, "addresses", a_lease_is_refreshed_and_a_claim_announced_again,
               an_address_that_the_kernel_refuses_is_left_to_the_router,
               an_address_that_somebody_deletes_is_added_again);
    SUITE_CASE(suite, "strangers", an_address_that_a_stranger_has_is_not_claimed_before_it_left,
               what_was_held_is_defended_ten_times_a_second,
               what_the_router_held_is_taken_from_a_stranger_too,
               who_took_from_a_silent_router_answers_for_the_address);
    return suite_run(suite);
}
