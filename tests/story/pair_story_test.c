/* Who holds an address when something breaks, told line by line: failover/README.md's rules. When
 * somebody orders it: pair_orders_story_test.c; where two hold it: pair_split_story_test.c. */
#include "story/pair_world.h"

START_TEST(both_nodes_that_start_together_hold_their_homes)
{
    now_ms = 0;
    witness_lives = true;
    said[0] = '\0';
    start_node(0, true);
    start_node(1, true);
    worker_is(0, true, false);
    worker_is(1, true, false);
    pass_ms(500);
    ck_assert_str_eq(said, "50 ns1 home1 backup>active vacant\n"
                           "50 ns2 home2 backup>active vacant");
}
END_TEST

/* Rule 6: the quicker one takes what nobody holds, and the other's comes home when that is fit. */
START_TEST(a_home_that_its_partner_kept_for_it_comes_home_at_once)
{
    now_ms = 0;
    witness_lives = true;
    said[0] = '\0';
    start_node(0, true);
    start_node(1, true);
    worker_is(0, true, true);
    pass_ms(200);
    worker_is(1, true, true);
    pass_ms(200);
    ck_assert_str_eq(said, "50 ns1 home1 backup>active vacant\n"
                           "50 ns1 home2 backup>active vacant\n"
                           "200 ns2 home2 backup>active give-back\n"
                           "201 ns1 home2 active>yielding overlap\n"
                           "222 ns1 home2 yielding>backup moved");
}
END_TEST

/* Rule 1. It keeps the address until it hears the partner hold it, and takes it back after 5 s. */
START_TEST(a_worker_that_dies_costs_a_millisecond_and_its_home_for_five_seconds)
{
    at_home();
    worker_is(0, false, false);
    pass_ms(100);
    worker_is(0, true, true);
    pass_ms(6000);
    ck_assert_str_eq(said, "1001 ns2 home1 backup>active partner-unfit\n"
                           "1002 ns1 home1 active>yielding overlap\n"
                           "1022 ns1 home1 yielding>backup moved\n"
                           "6100 ns1 home1 backup>active give-back\n"
                           "6101 ns2 home1 active>yielding overlap\n"
                           "6122 ns2 home1 yielding>backup moved");
}
END_TEST

/* Rule 1: the tripwire broke, and one more beat and advertisement are missed. */
START_TEST(a_killed_guardian_is_replaced_after_one_missed_sign)
{
    at_home();
    pass_ms(4);
    kill_node(0);
    pass_ms(500);
    ck_assert_str_eq(said, "1016 ns2 home1 backup>active tripwire");
}
END_TEST

/* Rule 2: nothing tells of it but the silence. */
START_TEST(a_frozen_node_is_replaced_after_five_silent_intervals)
{
    at_home();
    pass_ms(4);
    world[0].runs = false;
    pass_ms(500);
    ck_assert_str_eq(said, "1051 ns2 home1 backup>active silence");
}
END_TEST

/* Rule 7: the first thing it does is to delete what its partner took. */
START_TEST(a_node_that_wakes_late_deletes_what_its_partner_holds)
{
    at_home();
    world[0].runs = false;
    pass_ms(1000);
    said[0] = '\0';
    world[0].runs = true; /* the last of what waited to be read */
    pass_ms(0);
    for (int i = 0; i < 3; i++) {
        struct sign sign = {.is_beat = true};
        pair_beat(&world[1].pair, now_ms * 1000, &sign.beat);
        send_sign(0, &sign);
    }
    now_ms++;
    wake_node(0, 1000);
    ck_assert(!world[0].holds[0]);
    ck_assert_str_eq(said, "2001 ns1 home1 active>backup woke-late");
    pass_ms(4000);
    ck_assert(world[1].holds[0]);
}
END_TEST

/* Rule 7: that its lease ended meanwhile is no reason to draw clients to itself. */
START_TEST(a_node_that_wakes_late_announces_nothing_that_its_partner_took)
{
    at_home();
    world[0].runs = false;
    pass_ms(1000);
    world[0].runs = true;
    world[0].holds[0] = false;
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_WOKE, .lateness_us = 1000000});
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_DELETED, .home = 0});
    struct sign sign = {.is_beat = true};
    pair_beat(&world[1].pair, now_ms * 1000, &sign.beat);
    send_sign(0, &sign);
    now_ms++;
    read_signs(0);
    happens(0, PAIR_EVENT_DRAINED);
    pass_ms(1000);
    ck_assert(!world[0].holds[0]);
    ck_assert_int_lt(world[1].pair.homes[0].announced_us, 1000 * 1000);
}
END_TEST

/* Rule 4: what it asked while nothing could reach it counts no more when it is plugged in again. */
START_TEST(a_node_that_was_cut_off_for_long_takes_nothing_when_its_lan_returns)
{
    at_home();
    world[0].lan_in = world[0].lan_out = world[0].link = false;
    for (int i = 0; i < 300; i++) { /* thirty seconds, in which each question goes unanswered */
        happen(0, &(struct pair_event){.kind = PAIR_EVENT_ASKED, .is = false});
        pass_ms(100);
    }
    world[0].lan_in = world[0].lan_out = true;
    pass_ms(200);
    ck_assert(!world[0].holds[1]);
    ck_assert(world[1].holds[1]);
}
END_TEST

/* Rule 2: without a frame, the silence may be mine. */
START_TEST(a_node_that_hears_nothing_at_all_takes_nothing)
{
    at_home();
    world[1].lan_in = false;
    world[1].link = false;
    pass_ms(1000);
    ck_assert(!world[1].holds[0]);
    ck_assert(world[0].holds[0]);
}
END_TEST

/* Rules 3 and 5: the link still works, and each says what it hears of the LAN. */
START_TEST(an_unplugged_node_says_so_and_is_replaced_at_once)
{
    at_home();
    world[0].lan_in = world[0].lan_out = false;
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_CARRIER, .is = false});
    pass_ms(1000);
    ck_assert_str_eq(said, "1001 ns2 home1 backup>active partner-isolated\n"
                           "1002 ns1 home1 active>yielding overlap\n"
                           "1023 ns1 home1 yielding>backup moved");
}
END_TEST

START_TEST(a_mute_node_is_found_by_its_witness_and_replaced)
{
    at_home();
    world[0].lan_out = false;
    pass_ms(1000);
    ck_assert_str_eq(said, "1042 ns2 home1 backup>active partner-isolated\n"
                           "1043 ns1 home1 active>yielding overlap\n"
                           "1064 ns1 home1 yielding>backup moved");
}
END_TEST

START_TEST(a_deaf_node_is_found_by_its_witness_and_replaced)
{
    at_home();
    world[0].lan_in = false;
    pass_ms(1000);
    ck_assert_str_eq(said, "1042 ns2 home1 backup>active partner-isolated\n"
                           "1043 ns1 home1 active>yielding overlap\n"
                           "1064 ns1 home1 yielding>backup moved");
}
END_TEST

/* No partner to ask any more: five intervals, and the next beat that says so. */
START_TEST(a_node_that_is_deaf_on_all_paths_is_replaced_after_five_intervals)
{
    at_home();
    world[0].lan_in = world[0].link_in = false;
    pass_ms(40);
    ck_assert_str_eq(said, "");
    pass_ms(960);
    ck_assert_str_eq(said, "1052 ns2 home1 backup>active partner-isolated");
    ck_assert(world[1].holds[0]);
}
END_TEST

/* Rule 4. */
START_TEST(a_pair_link_that_breaks_moves_nothing)
{
    at_home();
    world[0].link = world[1].link = false;
    pass_ms(9000);
    ck_assert_str_eq(said, "");
    world[0].link = world[1].link = true;
    pass_ms(9000);
    ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_dead_witness_moves_nothing)
{
    at_home();
    witness_lives = false;
    pass_ms(9000);
    ck_assert_str_eq(said, "");
}
END_TEST

/* Rule 3, with neither a witness nor the partner on the LAN: the agents decide. */
START_TEST(most_agents_decide_where_no_witness_answers_anybody)
{
    for (uint16_t lost = 1; lost <= 2; lost++) {
        at_home();
        witness_lives = false;
        world[0].lan_in = world[0].lan_out = false;
        happen(1, &(struct pair_event){.kind = PAIR_EVENT_AGENTS, .fresh = 3, .lost = lost});
        pass_ms(500);
        ck_assert_int_eq(world[1].holds[0], lost == 2);
        if (lost == 2)
            ck_assert_ptr_nonnull(strstr(said, "ns2 home1 backup>active agents-lost-it"));
    }
}
END_TEST

/* Forged: authentic beats say that it lives and holds it. */
START_TEST(a_forged_goodbye_moves_nothing_while_beats_live)
{
    at_home();
    for (int i = 0; i < 100; i++) {
        happen(1, &(struct pair_event){.kind = PAIR_EVENT_ADVERTISEMENT, .home = 0, .priority = 0});
        happen(1,
               &(struct pair_event){.kind = PAIR_EVENT_ADVERTISEMENT, .home = 1, .priority = 250});
        pass_ms(5);
    }
    ck_assert_str_eq(said, "");
}
END_TEST

/* As when what it announced in its last life is played back. */
START_TEST(a_dead_partners_announcement_is_answered_by_one_of_the_holder)
{
    at_home();
    kill_node(0);
    pass_ms(1000);
    ck_assert(world[1].holds[0]);
    happen(1, &(struct pair_event){.kind = PAIR_EVENT_ANNOUNCED, .home = 0});
    pass_ms(2 * PAIR_SILENT_INTERVALS * INTERVAL_MS);
    ck_assert_int_gt(world[1].pair.homes[0].defended_us, 2000 * 1000);
    ck_assert_int_lt(world[1].pair.homes[0].announce_from_us, 2000 * 1000);
}
END_TEST

START_TEST(an_address_that_somebody_deletes_is_added_again)
{
    at_home();
    world[0].holds[0] = false;
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_DELETED, .home = 0});
    ck_assert(world[0].holds[0]);
}
END_TEST

/* A stranger answers every half second, to each node. */
static void stranger_has_home1(int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 500) {
        for (size_t node = 0; node < 2; node++)
            if (world[node].runs)
                happen(node, &(struct pair_event){.kind = PAIR_EVENT_FOREIGN, .home = 0});
        pass_ms(500);
    }
}

/* Before the first claim nothing shows whose it is: the configuration may be wrong. */
START_TEST(an_address_that_a_stranger_has_is_claimed_a_second_after_it_left)
{
    now_ms = 0;
    witness_lives = true;
    said[0] = '\0';
    start_node(0, true);
    start_node(1, true);
    worker_is(0, true, true);
    worker_is(1, true, true);
    stranger_has_home1(2000);
    pass_ms(1000);
    ck_assert_str_eq(said, "50 ns2 home2 backup>active vacant\n"
                           "2549 ns1 home1 backup>active vacant");
}
END_TEST

/* What the pair held is the pair's, though its holder is dead and this node never claimed it. */
START_TEST(a_stranger_delays_no_takeover)
{
    at_home();
    pass_ms(4);
    happen(1, &(struct pair_event){.kind = PAIR_EVENT_FOREIGN, .home = 0});
    kill_node(0);
    pass_ms(500);
    ck_assert_str_eq(said, "1016 ns2 home1 backup>active tripwire");
}
END_TEST

/* ---- what tandem-takeover-sim found, each as the shortest story that shows it ---- */

/* Rule 7: between its waking and its last socket it adds and announces nothing, whatever it reads
 * there; and then listens for a window. */
START_TEST(a_node_that_woke_late_is_silent_until_it_has_listened)
{
    at_home();
    world[0].announcements = 0;
    now_ms += 1000;
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_WOKE, .lateness_us = 1000000});
    world[0].holds[0] = false; /* its lease ended */
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_DELETED, .home = 0});
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_WHO_HAS, .home = 0});
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_FOREIGN, .home = 0});
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_REPLY});
    ck_assert(!world[0].holds[0]);
    happens(0, PAIR_EVENT_DRAINED);
    ck_assert(world[0].holds[0]);
    world[1].runs = false;
    pass_ms(49);
    ck_assert_uint_eq(world[0].announcements, 0);
    pass_ms(2);
    ck_assert_uint_eq(world[0].announcements, 1);
}
END_TEST

/* Rule 5: it may have been away for long. */
START_TEST(reception_that_returns_is_followed_by_a_window_of_listening)
{
    at_home();
    world[1].runs = false;
    set_lan(0, false, false);
    pass_ms(200);
    ck_assert_int_eq(pair_fault(&world[0].pair), PAIR_IS_ISOLATED);
    world[0].announcements = 0;
    set_lan(0, true, true);
    pass_with_clients_ms(45);
    ck_assert_uint_eq(world[0].announcements, 0);
    ck_assert_str_eq(said, "");
    pass_with_clients_ms(60);
    ck_assert_uint_gt(world[0].announcements, 0);
    ck_assert_str_eq(said, "1271 ns1 home2 backup>active silence");
}
END_TEST

/* Clients would follow it to where nothing receives them. */
START_TEST(what_the_kernel_refuses_is_not_announced)
{
    at_home();
    pass_ms(10000); /* its own home is announced once a minute now */
    world[1].refuses = true;
    world[1].announcements = 0;
    kill_node(0);
    pass_ms(100);
    ck_assert(!world[1].holds[0]);
    ck_assert_uint_eq(world[1].announcements, 0);
    world[1].refuses = false;
    pass_ms(400);
    ck_assert(world[1].holds[0]);
    ck_assert_uint_gt(world[1].announcements, 0);
}
END_TEST

/* Rule 5: its interface is there, and what it is given does not leave. No witness is needed; one
 * answers yet what it was asked before. */
START_TEST(a_node_whose_kernel_sends_nothing_says_so_and_is_replaced)
{
    at_home();
    witness_lives = false;
    set_lan(0, true, false);
    for (int interval = 0; interval < 6; interval++) {
        ck_assert(world[0].pair.reception.state == RECEPTION_PROVEN);
        happen(0, &(struct pair_event){.kind = PAIR_EVENT_SENT, .is = false});
        pass_with_clients_ms(10);
    }
    pass_with_clients_ms(3);
    ck_assert_int_eq(world[0].pair.reception.state, RECEPTION_NO_SEND);
    ck_assert_str_eq(said, "1061 ns2 home1 backup>active partner-isolated\n"
                           "1062 ns1 home1 active>yielding overlap");
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_SENT, .is = true});
    ck_assert(world[0].pair.reception.state == RECEPTION_PROVEN);
}
END_TEST

/* Without another witness the partner's own address is the only one: who does not answer any more
 * because it is dead must not make the survivor doubt itself for ever. */
START_TEST(the_death_of_the_only_witness_isolates_nobody)
{
    at_home();
    witness_lives = false;
    for (size_t i = 0; i < PAIR_NODES; i++)
        world[i].pair.config.has_witness = world[i].pair.reception.has_witness = false;
    world[1].runs = false;
    set_lan(1, false, false);
    struct beat last;
    pair_beat(&world[1].pair, now_ms * 1000, &last);
    last.flags |= BEAT_PROBING | BEAT_ANSWERED;
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_BEAT, .beat = &last});
    pass_ms(1000);
    ck_assert_str_eq(said, "1051 ns1 home2 backup>active silence");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/pair, as stories");
    SUITE_CASE(suite, "start", both_nodes_that_start_together_hold_their_homes,
               a_home_that_its_partner_kept_for_it_comes_home_at_once);
    SUITE_CASE(suite, "death", a_worker_that_dies_costs_a_millisecond_and_its_home_for_five_seconds,
               a_killed_guardian_is_replaced_after_one_missed_sign,
               a_frozen_node_is_replaced_after_five_silent_intervals,
               a_node_that_wakes_late_deletes_what_its_partner_holds,
               a_node_that_wakes_late_announces_nothing_that_its_partner_took);
    SUITE_CASE(suite, "network", a_node_that_hears_nothing_at_all_takes_nothing,
               an_unplugged_node_says_so_and_is_replaced_at_once,
               a_mute_node_is_found_by_its_witness_and_replaced,
               a_deaf_node_is_found_by_its_witness_and_replaced,
               a_node_whose_kernel_sends_nothing_says_so_and_is_replaced,
               a_node_that_is_deaf_on_all_paths_is_replaced_after_five_intervals,
               a_node_that_was_cut_off_for_long_takes_nothing_when_its_lan_returns,
               a_pair_link_that_breaks_moves_nothing, a_dead_witness_moves_nothing,
               most_agents_decide_where_no_witness_answers_anybody);
    SUITE_CASE(suite, "strangers", a_forged_goodbye_moves_nothing_while_beats_live,
               an_address_that_a_stranger_has_is_claimed_a_second_after_it_left,
               a_stranger_delays_no_takeover,
               a_dead_partners_announcement_is_answered_by_one_of_the_holder,
               an_address_that_somebody_deletes_is_added_again);
    SUITE_CASE(suite, "silence", a_node_that_woke_late_is_silent_until_it_has_listened,
               reception_that_returns_is_followed_by_a_window_of_listening,
               what_the_kernel_refuses_is_not_announced,
               the_death_of_the_only_witness_isolates_nobody);
    return suite_run(suite);
}
