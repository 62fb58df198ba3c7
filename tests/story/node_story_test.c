/* Two whole nodes and their agents: from what a server says of itself to what is answered. */
#include "story/node_world.h"

#include "unit/suite.h"

static struct world world;

/* Both nodes run since 0, all four agents since 100; the time is 1000 and all is well. */
static void open_lab(void)
{
    world_open(&world);
    world_start(&world, 0, 11);
    world_start(&world, 1, 21);
    world_run(&world, 100);
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        world_agent_start(&world, i, 31 + i);
    world_run(&world, 1000);
}

static void check_trace(int64_t until_ms, const char *expected)
{
    ck_assert_str_eq(world_trace(&world, until_ms), expected);
}

static struct pool *pool_of(size_t node)
{
    return world.nodes[node].node.plan.pools[0].pool;
}

static struct pool_member_state member_of(size_t node, size_t member)
{
    struct pool_member_state state;
    pool_member_state(pool_of(node), member, &state);
    return state;
}

static enum pool_reason answer(size_t node, size_t *member)
{
    return pool_choose(pool_of(node), world.now_ms, 0, member);
}

START_TEST(a_report_reaches_both_nodes_and_their_pools)
{
    open_lab();
    world_run(&world, 1510);
    world.agents[2].sockets = 70;
    world_begin_trace(&world, true);
    world_sample(&world, 2);
    check_trace(1512, "1510 media3 to ns1: delta [report media3 1.4]\n"
                      "1510 media3 to ns2: delta [report media3 1.4]\n"
                      "1511 ns1 to media3: ack 1.4\n"
                      "1511 ns2 to media3: ack 1.4\n");
    for (size_t node = 0; node < 2; node++) {
        ck_assert_uint_eq(member_of(node, 2).sockets, 70);
        ck_assert_int_eq(member_of(node, 2).fitness, POOL_FIT);
    }
    world_close(&world);
}
END_TEST

/* media1 is cut off from ns1 and notices by the missing acknowledgement; ns2 relays its word. */
START_TEST(an_agent_cut_from_one_node_is_right_there_through_the_other)
{
    open_lab();
    world.is_agent_cut[0][0] = true;
    world_run(&world, 3450);
    world.agents[0].sockets = 70;
    world_sample(&world, 0);
    world_run(&world, 3650);
    ck_assert_uint_eq(member_of(0, 0).sockets, 70);

    /* It stays fit as long as the partner hears it. */
    world_begin_trace(&world, false);
    check_trace(9000, "");
    ck_assert_int_eq(member_of(0, 0).fitness, POOL_FIT);
    world_close(&world);
}
END_TEST

/* Also when the cut is new, and nobody knows of it yet. */
START_TEST(the_first_change_after_a_cut_is_told_within_200_ms)
{
    open_lab();
    world_run(&world, 1450);
    world.is_agent_cut[0][0] = true;
    world.agents[0].listening = false;
    world_begin_trace(&world, false);
    world_sample(&world, 0);
    check_trace(1650, "1451 ns2 verdict media1 up>down not-listening\n"
                      "1601 ns1 verdict media1 up>down not-listening\n");
    ck_assert_int_eq(member_of(0, 0).fitness, POOL_UNFIT);
    world_close(&world);
}
END_TEST

START_TEST(a_drain_on_one_node_is_on_the_other_with_the_next_delta)
{
    open_lab();
    world_begin_trace(&world, false);
    world_drain(&world, 0, 7, "media2");
    check_trace(1000 + REPLICA_DELTA_MS + 1, "1000 ns1 verdict media2 up>draining ordered\n"
                                             "1001 ns2 verdict media2 up>draining ordered\n");
    ck_assert_int_eq(member_of(1, 1).fitness, POOL_DRAINED);
    world_close(&world);
}
END_TEST

/* The partner stores it too, though nobody waits for that. */
START_TEST(an_order_is_answered_when_it_is_stored_not_before)
{
    open_lab();
    world_begin_trace(&world, false);
    world_drain(&world, 0, 7, "media2");
    world_run(&world, 2000);
    ck_assert_uint_eq(world.nodes[1].store_count, 1);
    world_store(&world, 1, 0);
    world_run(&world, 2010);
    world_store(&world, 0, 0);
    check_trace(2010, "1000 ns1 verdict media2 up>draining ordered\n"
                      "1001 ns2 verdict media2 up>draining ordered\n"
                      "2010 ns1 answers 7: done\n");
    world_close(&world);
}
END_TEST

START_TEST(an_order_that_cannot_be_is_answered_at_once)
{
    struct order order = {.verb = ORDER_GROUP, .subject = "video", .group_size = 2, .rounds = 1};
    open_lab();
    world_begin_trace(&world, false);
    world_drain(&world, 0, 7, "media9");
    world_order(&world, 0, 8, &order);
    world_drain(&world, 0, 9, "media1");
    world_store(&world, 0, -5);
    check_trace(1000, "1000 ns1 answers 7: no such server\n"
                      "1000 ns1 answers 8: no such pool\n"
                      "1000 ns1 verdict media1 up>draining ordered\n"
                      "1000 ns1 answers 9: in force, but not stored: the disk refused it\n");
    world_close(&world);
}
END_TEST

/* ns2 is dead; ns1 takes the order, says so, and ns2 learns it when it is back. */
START_TEST(an_order_while_the_partner_is_away_is_learned_later)
{
    open_lab();
    world_kill(&world, 1);
    world_run(&world, 3000);
    world_begin_trace(&world, false);
    world_drain(&world, 0, 7, "media2");
    world_store(&world, 0, 0);
    check_trace(3000, "3000 ns1 verdict media2 up>draining ordered\n"
                      "3000 ns1 answers 7: done; the partner will learn\n");
    world_begin_trace(&world, false);
    world_start(&world, 1, 22);
    check_trace(3100, "3001 ns2 refuse ns1 > not-greeted\n"
                      "3002 ns2 sync ns2 >synced snapshot\n"
                      "3002 ns2 verdict media1 unknown>up listening\n"
                      "3002 ns2 verdict media2 unknown>up listening\n"
                      "3002 ns2 verdict media3 unknown>up listening\n"
                      "3002 ns2 verdict media4 unknown>up listening\n"
                      "3002 ns2 verdict media2 up>draining ordered\n"
                      "3050 ns1 partner ns2 silent>heard greeted\n"
                      "3050 ns2 partner ns1 silent>heard greeted\n");
    ck_assert_int_eq(member_of(1, 1).fitness, POOL_DRAINED);
    world_close(&world);
}
END_TEST

/* Both nodes die; what was stored on one alone holds on both again. */
START_TEST(an_order_outlives_both_nodes)
{
    open_lab();
    world_drain(&world, 0, 7, "media2");
    world_store(&world, 0, 0);
    world_run(&world, 1100);
    world_kill(&world, 0);
    world_kill(&world, 1);
    world_start(&world, 0, 12);
    world_start(&world, 1, 22);
    world_run(&world, 1200);
    for (size_t node = 0; node < 2; node++)
        ck_assert_int_eq(member_of(node, 1).fitness, POOL_DRAINED);
    world_close(&world);
}
END_TEST

/* The agents cannot reach ns2, so that all it knows comes with the snapshot. */
START_TEST(a_node_that_starts_empty_is_not_ready_before_its_snapshot)
{
    size_t member;
    open_lab();
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        world.is_agent_cut[1][i] = true;
    world_kill(&world, 1);
    world_run(&world, 1500);
    world_start(&world, 1, 22);
    ck_assert_int_eq(answer(1, &member), POOL_NOT_READY);
    world_begin_trace(&world, false);
    check_trace(1501, "");
    ck_assert_int_eq(answer(1, &member), POOL_NOT_READY);
    world_begin_trace(&world, false);
    check_trace(1510, "1502 ns2 sync ns2 >synced snapshot\n"
                      "1502 ns2 verdict media1 unknown>up listening\n"
                      "1502 ns2 verdict media2 unknown>up listening\n"
                      "1502 ns2 verdict media3 unknown>up listening\n"
                      "1502 ns2 verdict media4 unknown>up listening\n");
    ck_assert_int_eq(answer(1, &member), POOL_CHOSEN);
    world_close(&world);
}
END_TEST

/* Alone, a node waits for its partner for a second, then answers what the agents told it. */
START_TEST(a_node_without_a_partner_is_ready_within_a_second)
{
    size_t member;
    world_open(&world);
    world_start(&world, 0, 11);
    world_agent_start(&world, 0, 31);
    world_begin_trace(&world, false);
    world_run(&world, REPLICA_ALONE_MS - 1);
    ck_assert_int_eq(answer(0, &member), POOL_NOT_READY);
    check_trace(REPLICA_ALONE_MS + NODE_TICK_MS, "3 ns1 verdict media1 unknown>up listening\n"
                                                 "1000 ns1 sync ns1 >synced alone\n");
    ck_assert_int_eq(answer(0, &member), POOL_CHOSEN);
    world_close(&world);
}
END_TEST

/* Nobody reports to it: it is synced with nothing, but gives the agents time to come. */
START_TEST(a_node_to_which_nobody_reports_waits_before_its_last_resort)
{
    size_t member;
    world_open(&world);
    world_start(&world, 0, 11);
    world_begin_trace(&world, false);
    world_run(&world, NODE_GRACE_MS - 1);
    ck_assert_int_eq(answer(0, &member), POOL_NOT_READY);
    check_trace(NODE_GRACE_MS + NODE_TICK_MS,
                "1000 ns1 sync ns1 >synced alone\n"
                "3000 ns1 pool stream balanced>last-resort no-fit-server\n");
    ck_assert_int_ne(answer(0, &member), POOL_NOT_READY);
    world_close(&world);
}
END_TEST

/* It is more likely that the nodes lost their ears than that all servers died. */
START_TEST(a_pool_whose_servers_all_fall_silent_freezes_and_answers)
{
    size_t member;
    open_lab();
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        world.agents[i].runs = false;
    world_begin_trace(&world, false);
    check_trace(20000, "2150 ns1 pool stream live>frozen too-many-silent-at-once\n"
                       "2150 ns2 pool stream live>frozen too-many-silent-at-once\n");
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        ck_assert_int_eq(member_of(0, i).fitness, POOL_FIT);
    ck_assert_int_eq(answer(0, &member), POOL_CHOSEN);
    ck_assert_uint_eq(world.nodes[1].node.partner.frozen_pools, 1);

    /* Three speak again: one of four is silent, and dead. */
    world_begin_trace(&world, false);
    for (size_t i = 0; i < 3; i++)
        world_agent_start(&world, i, 41 + i);
    check_trace(20100, "20003 ns1 verdict media4 up>stale silent\n"
                       "20003 ns2 verdict media4 up>stale silent\n"
                       "20050 ns1 pool stream frozen>live few-silent\n"
                       "20050 ns2 pool stream frozen>live few-silent\n");
    ck_assert_int_eq(member_of(0, 3).fitness, POOL_LAST_GOOD);
    world_close(&world);
}
END_TEST

START_TEST(one_silent_server_of_four_is_stale)
{
    open_lab();
    world.agents[0].runs = false;
    world_begin_trace(&world, false);
    check_trace(6000, "2150 ns1 verdict media1 up>stale silent\n"
                      "2150 ns2 verdict media1 up>stale silent\n");
    world_close(&world);
}
END_TEST

/* ns1 stands still for ten seconds; media4 dies meanwhile, all others spoke all the time. */
START_TEST(a_stall_of_the_node_is_not_held_against_the_others)
{
    open_lab();
    world.nodes[0].stands_still = true;
    world.agents[3].runs = false;
    world_run(&world, 11000);
    world.nodes[0].stands_still = false;
    world_begin_trace(&world, false);
    world_host_step(&world, 0); /* the tick that is late comes before what waits to be read */
    check_trace(12000, "11050 ns2 partner ns1 silent>heard greeted\n");
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        ck_assert_int_eq(member_of(0, i).fitness, POOL_FIT);

    world_begin_trace(&world, false);
    check_trace(16000, "13050 ns1 verdict media4 up>stale silent\n");
    world_close(&world);
}
END_TEST

START_TEST(a_last_resort_is_noted_when_no_server_is_fit)
{
    size_t member;
    open_lab();
    world_run(&world, 4000);
    world_begin_trace(&world, false);
    for (size_t i = 0; i < WORLD_AGENTS; i++) {
        world.agents[i].listening = false;
        world_sample(&world, i);
    }
    check_trace(4100, "4001 ns1 verdict media1 up>down not-listening\n"
                      "4001 ns2 verdict media1 up>down not-listening\n"
                      "4001 ns1 verdict media2 up>down not-listening\n"
                      "4001 ns2 verdict media2 up>down not-listening\n"
                      "4001 ns1 verdict media3 up>down not-listening\n"
                      "4001 ns2 verdict media3 up>down not-listening\n"
                      "4001 ns1 verdict media4 up>down not-listening\n"
                      "4001 ns2 verdict media4 up>down not-listening\n"
                      "4050 ns1 pool stream balanced>last-resort no-fit-server\n"
                      "4050 ns2 pool stream balanced>last-resort no-fit-server\n");
    ck_assert_int_ne(answer(0, &member), POOL_CHOSEN);

    world_begin_trace(&world, false);
    world.agents[1].listening = true;
    world_sample(&world, 1);
    check_trace(4200, "4101 ns1 verdict media2 down>up listening\n"
                      "4101 ns2 verdict media2 down>up listening\n"
                      "4150 ns1 pool stream last-resort>balanced fit-server\n"
                      "4150 ns2 pool stream last-resort>balanced fit-server\n");
    ck_assert_int_eq(answer(0, &member), POOL_CHOSEN);
    world_close(&world);
}
END_TEST

static uint32_t partner_handed(size_t node)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        sum += member_of(node, i).partner_handed;
    return sum;
}

static void give_answers(size_t node, size_t count)
{
    size_t member;
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(answer(node, &member), POOL_CHOSEN);
}

/* ns2 has answered with each server more than 3 times, so that ns1 knows a total of each. */
static void open_lab_with_totals(void)
{
    open_lab();
    for (size_t i = 0; i < 20; i++) {
        give_answers(1, 4);
        world_run(&world, world.now_ms + 100);
    }
    for (size_t i = 0; i < WORLD_AGENTS; i++)
        ck_assert_uint_gt(pool_handed(pool_of(1), i), 3);
}

/* 5 answers, a restart, 3 answers: 8 in all, though the partner begins again at 1. */
START_TEST(a_partners_restart_does_not_count_its_answers_twice)
{
    open_lab_with_totals();
    uint32_t before = partner_handed(0);
    give_answers(1, 5);
    world_run(&world, 3200);
    ck_assert_uint_eq(partner_handed(0) - before, 5);

    world_start(&world, 1, 22);
    world_run(&world, 3400);
    ck_assert_uint_eq(partner_handed(0) - before, 5);
    give_answers(1, 3);
    world_run(&world, 3600);
    ck_assert_uint_eq(partner_handed(0) - before, 8);
    world_close(&world);
}
END_TEST

/* ns1 starts anew and hears large totals of ns2 at once: they were handed out long ago. */
START_TEST(an_own_restart_does_not_count_the_partners_answers_again)
{
    open_lab_with_totals();
    world_run(&world, 3200);
    world_start(&world, 0, 12);
    world_run(&world, 3400);
    ck_assert_uint_eq(partner_handed(0), 0);
    give_answers(1, 4);
    world_run(&world, 3600);
    ck_assert_uint_eq(partner_handed(0), 4);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node_story");
    SUITE_CASE(suite, "reports", a_report_reaches_both_nodes_and_their_pools,
               an_agent_cut_from_one_node_is_right_there_through_the_other,
               the_first_change_after_a_cut_is_told_within_200_ms);
    SUITE_CASE(suite, "orders", a_drain_on_one_node_is_on_the_other_with_the_next_delta,
               an_order_is_answered_when_it_is_stored_not_before,
               an_order_that_cannot_be_is_answered_at_once,
               an_order_while_the_partner_is_away_is_learned_later, an_order_outlives_both_nodes);
    SUITE_CASE(suite, "start", a_node_to_which_nobody_reports_waits_before_its_last_resort,
               a_node_that_starts_empty_is_not_ready_before_its_snapshot,
               a_node_without_a_partner_is_ready_within_a_second);
    SUITE_CASE(suite, "silence", a_pool_whose_servers_all_fall_silent_freezes_and_answers,
               one_silent_server_of_four_is_stale,
               a_stall_of_the_node_is_not_held_against_the_others,
               a_last_resort_is_noted_when_no_server_is_fit);
    SUITE_CASE(suite, "handed-out", an_own_restart_does_not_count_the_partners_answers_again,
               a_partners_restart_does_not_count_its_answers_twice);
    return suite_run(suite);
}
