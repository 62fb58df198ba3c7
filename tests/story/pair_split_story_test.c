/* Where two nodes hold one address: who keeps it, and whom clients follow. */
#include "story/pair_world.h"

/* Rule 8: the loser deletes, then the winner announces: for the clients that learned the other. */
START_TEST(after_a_split_the_winner_announces_when_the_loser_has_deleted)
{
    at_home();
    part(true);
    pass_with_clients_ms(200);
    ck_assert(world[1].holds[0]);
    ck_assert(world[0].holds[1]);
    part(false);
    while (world[1].holds[0])
        pass_ms(1);
    world[0].announcements = 0;
    pass_ms(3);
    ck_assert_uint_gt(world[0].announcements, 0);
}
END_TEST

/* Rule 5: who was deaf and kept what its partner took draws the clients to itself again before the
 * partner, which follows rule 8 when it hears it, deletes what they follow. */
START_TEST(who_was_deaf_announces_before_its_partner_deletes)
{
    at_home();
    world[0].lan_in = world[0].link_in = false;
    pass_ms(1000);
    ck_assert(world[0].holds[0]);
    ck_assert(world[1].holds[0]);
    world[0].announcements = 0;
    said[0] = '\0';
    world[0].lan_in = world[0].link_in = true;
    while (world[0].announcements == 0) {
        ck_assert(world[1].holds[0]);
        pass_ms(1);
    }
    pass_ms(200);
    ck_assert(world[0].holds[0]);
    ck_assert_str_eq(said, "2021 ns2 home1 active>yielding overlap\n"
                           "2042 ns2 home1 yielding>backup moved");
}
END_TEST

START_TEST(a_stranger_that_claims_twice_is_answered_twice)
{
    at_home();
    pass_ms(10000);
    world[0].announcements = 0;
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_FOREIGN, .home = 0});
    pass_ms(150); /* again after 20 and 100 ms, as after every claim */
    ck_assert_uint_eq(world[0].announcements, 3);
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_FOREIGN, .home = 0});
    pass_ms(210);
    ck_assert_uint_gt(world[0].announcements, 3);
}
END_TEST

/* Rule 9. The node's own home was confirmed long ago. */
START_TEST(an_address_is_announced_again_and_again_until_a_witness_confirms_it)
{
    at_home();
    pass_ms(10000);
    witness_lives = false;
    world[1].confirmations = world[1].announcements = 0;
    kill_node(0);
    while (!world[1].holds[0])
        pass_ms(1);
    pass_ms(5000); /* at 0, 20, 100, 200 ms ... 5 s */
    ck_assert_uint_eq(world[1].announcements, 52);
    ck_assert_uint_eq(world[1].confirmations, 52);
    pass_ms(10000);
    ck_assert_uint_eq(world[1].confirmations, 62);
    witness_lives = true;
    pass_ms(59000);
    ck_assert_uint_eq(world[1].confirmations, 63);
    world[1].announcements = 0;
    pass_ms(3000); /* a minute after the last one */
    ck_assert_uint_gt(world[1].announcements, 0);
    ck_assert_uint_eq(world[1].confirmations, 63);
}
END_TEST

/* Rules 3 and 8 judge alike: a mute node whose agents lost it leaves what the other takes. */
START_TEST(what_the_agents_decided_is_not_fought_over)
{
    at_home();
    witness_lives = false;
    set_lan(1, true, false);
    happen(0, &(struct pair_event){.kind = PAIR_EVENT_AGENTS, .fresh = 3, .lost = 3});
    pass_with_clients_ms(2000);
    ck_assert_str_eq(said, "1051 ns1 home2 backup>active agents-lost-it\n"
                           "1052 ns2 home2 active>yielding overlap\n"
                           "1073 ns2 home2 yielding>backup moved");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/pair, where two hold an address");
    SUITE_CASE(suite, "clients", after_a_split_the_winner_announces_when_the_loser_has_deleted,
               who_was_deaf_announces_before_its_partner_deletes,
               a_stranger_that_claims_twice_is_answered_twice,
               an_address_is_announced_again_and_again_until_a_witness_confirms_it);
    SUITE_CASE(suite, "quarrel", what_the_agents_decided_is_not_fought_over);
    return suite_run(suite);
}
