/* Who holds an address when an operator orders it, or stops or replaces what runs. */
#include "story/pair_world.h"

START_TEST(a_handover_stands_until_it_is_taken_back)
{
    at_home();
    const struct beat_handover away = {.version = 1, .node = 1}, back = {.version = 2, .node = 0};
    happen(1, &(struct pair_event){.kind = PAIR_EVENT_HANDOVER, .home = 0, .handover = away});
    pass_ms(10000);
    happen(1, &(struct pair_event){.kind = PAIR_EVENT_HANDOVER, .home = 0, .handover = back});
    pass_ms(1000);
    ck_assert_str_eq(said, "1000 ns2 home1 backup>active handover\n"
                           "1001 ns1 home1 active>yielding overlap\n"
                           "1022 ns1 home1 yielding>backup moved\n"
                           "11011 ns1 home1 backup>active handover\n"
                           "11012 ns2 home1 active>yielding overlap\n"
                           "11033 ns2 home1 yielding>backup moved");
}
END_TEST

START_TEST(a_planned_stop_waits_until_the_partner_holds_and_no_query_is_in_hand)
{
    at_home();
    world[0].reads = false;
    happens(0, PAIR_EVENT_STOP);
    pass_ms(10);
    /* Queries may still come: that none is in hand now says nothing. */
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_QUEUE_EMPTY, .home = 0});
    pass_ms(90);
    ck_assert(world[0].holds[0]);
    ck_assert(world[1].holds[0]);
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_QUEUE_EMPTY, .home = 0});
    pass_ms(10);
    ck_assert(!world[0].holds[0]);
    ck_assert(world[0].ended);
}
END_TEST

/* The worker is replaced: nothing of it counts as a flap, and no hold is waited for. */
START_TEST(a_planned_absence_hands_all_over_and_comes_home_at_once)
{
    at_home();
    happens(0, PAIR_EVENT_LEAVE);
    pass_ms(100);
    worker_is(0, false, false);
    pass_ms(400);
    happens(0, PAIR_EVENT_RETURN);
    worker_is(0, true, false);
    pass_ms(100);
    worker_is(0, true, true);
    pass_ms(1000);
    ck_assert_str_eq(said, "1001 ns2 home1 backup>active partner-stopping\n"
                           "1002 ns1 home1 active>yielding overlap\n"
                           "1023 ns1 home1 yielding>backup moved\n"
                           "1023 ns1 left\n"
                           "1600 ns1 home1 backup>active upgraded\n"
                           "1601 ns2 home1 active>yielding overlap\n"
                           "1622 ns2 home1 yielding>backup moved");
    ck_assert_int_eq(world[0].pair.homes[0].hold_us, PAIR_HOLD_US_MIN);
    said[0] = '\0';
    for (int i = 0; i < 3; i++) {
        happens(0, PAIR_EVENT_LEAVE);
        pass_ms(100);
        happens(0, PAIR_EVENT_RETURN);
        pass_ms(100);
    }
    ck_assert(world[0].holds[0]);
    ck_assert(!world[1].holds[0]);
    ck_assert_int_eq(world[0].pair.homes[0].hold_us, PAIR_HOLD_US_MIN);
}
END_TEST

/* It leaves when the last query is answered. */
START_TEST(a_planned_absence_waits_for_empty_queues)
{
    at_home();
    world[0].reads = false;
    happens(0, PAIR_EVENT_LEAVE);
    pass_ms(500);
    ck_assert_ptr_null(strstr(said, "left"));
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_QUEUE_EMPTY, .home = 0});
    pass_ms(10);
    ck_assert_ptr_nonnull(strstr(said, "left"));
}
END_TEST

START_TEST(nobody_leaves_whose_partner_could_not_take_over)
{
    at_home();
    worker_is(1, true, false);
    pass_ms(10);
    said[0] = '\0';
    happens(0, PAIR_EVENT_LEAVE);
    pass_ms(100);
    ck_assert_str_eq(said, "1010 ns1 stayed");
    ck_assert(world[0].holds[0]);
}
END_TEST

/* Its beats say that it leaves, and the partner dies of something else in that instant. */
START_TEST(leaving_is_called_off_when_the_partner_dies)
{
    at_home();
    world[1].runs = false;
    happens(0, PAIR_EVENT_LEAVE);
    pass_ms(500);
    ck_assert_str_eq(said, "1051 ns1 stayed\n"
                           "1052 ns1 home2 backup>active silence");
    ck_assert(world[0].holds[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/pair, by order");
    SUITE_CASE(suite, "orders", a_handover_stands_until_it_is_taken_back,
               a_planned_stop_waits_until_the_partner_holds_and_no_query_is_in_hand,
               a_planned_absence_hands_all_over_and_comes_home_at_once,
               a_planned_absence_waits_for_empty_queues,
               nobody_leaves_whose_partner_could_not_take_over,
               leaving_is_called_off_when_the_partner_dies);
    return suite_run(suite);
}
