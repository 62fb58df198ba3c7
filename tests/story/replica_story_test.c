/* Two nodes and their agents, told as the messages that pass between them. */
#include "story/replica_world.h"

#include "unit/suite.h"

static struct world world;

/* Both nodes are up, greeted and synced; the time is 100 ms. */
static void open_pair(void)
{
    world_open(&world);
    world_start(&world, 0, 11);
    world_start(&world, 1, 21);
    world_step(&world, 0, REPLICA_LINK_UP);
    world_run(&world, 100);
    ck_assert_int_eq(world.nodes[0].replica.sync, REPLICA_SYNCED);
    ck_assert_int_eq(world.nodes[1].replica.sync, REPLICA_SYNCED);
}

static void check_digests_equal(void)
{
    ck_assert_uint_eq(table_digest(&world.nodes[0].table), table_digest(&world.nodes[1].table));
}

static const struct table_entry *find(size_t node, enum record_kind kind, const char *name)
{
    const struct table_entry *entry = fixture_find(&world.nodes[node], kind, name);
    ck_assert_ptr_nonnull(entry);
    return entry;
}

static void begin_trace(void)
{
    world.trace[0] = '\0';
    world.is_traced = true;
}

/* Two empty nodes ask each other; neither has anything; both are synced within a round trip. */
START_TEST(two_empty_nodes_greet_and_are_synced)
{
    world_open(&world);
    begin_trace();
    world_start(&world, 0, 11);
    world_start(&world, 1, 21);
    world_step(&world, 0, REPLICA_LINK_UP);
    ck_assert_str_eq(world_trace(&world, 50),
                     "0 ns1>ns2 hello node ns1 boot 11 heard 0 known 0 wants-snapshot\n"
                     "1 ns2>ns1 hello node ns2 boot 21 heard 11 known 0 wants-snapshot\n"
                     "1 ns2>ns1 snapshot 0 [] last\n"
                     "2 ns1>ns2 snapshot 0 [] last\n"
                     "2 ns1>ns2 ack chunk 0\n"
                     "3 ns2>ns1 ack chunk 0\n");
    world_close(&world);
}
END_TEST

/* ns2 dies with all it knew and starts again: ns1 tells it everything, ns2's own included. */
START_TEST(a_node_that_starts_empty_is_told_everything)
{
    open_pair();
    fixture_write(&world.nodes[0], 100, RECORD_NODE, "ns1");
    fixture_write(&world.nodes[1], 100, RECORD_HANDED_OUT, "ns2/stream/media1");
    world_agent_start(&world, 0, 31);
    world_run(&world, 200);
    world_report(&world, 0, false);
    world_run(&world, 1950);
    check_digests_equal();

    world_step(&world, 0, REPLICA_LINK_DOWN);
    world_start(&world, 1, 22);
    begin_trace();
    world_step(&world, 0, REPLICA_LINK_UP);
    ck_assert_str_eq(world_trace(&world, 1960),
                     "1950 ns1>ns2 hello node ns1 boot 11 heard 21 known 0 synced\n"
                     "1951 ns2>ns1 hello node ns2 boot 22 heard 11 known 0 wants-snapshot\n"
                     "1951 ns2>ns1 versions 0 [] last\n"
                     "1952 ns1>ns2 hello node ns1 boot 11 heard 22 known 2 synced\n"
                     "1952 ns1>ns2 snapshot 0 [node ns1 1.1, handed-out ns2/stream/media1 1.1, "
                     "report media1 1.1] last\n"
                     "1953 ns2>ns1 hello node ns2 boot 22 heard 11 known 0 wants-snapshot\n"
                     "1953 ns2>ns1 versions 0 [] last\n"
                     "1953 ns2>ns1 ack chunk 0\n");
    check_digests_equal();

    /* What it now writes is above what it wrote in its earlier life. */
    fixture_write(&world.nodes[1], 1960, RECORD_HANDED_OUT, "ns2/stream/media1");
    begin_trace();
    ck_assert_str_eq(world_trace(&world, 2030),
                     "1960 ns2>ns1 delta [handed-out ns2/stream/media1 2.1]\n");
    check_digests_equal();
    world_close(&world);
}
END_TEST

/* media1 cannot reach ns2 and says so; ns1 relays at once. Without that word nothing is relayed. */
START_TEST(a_report_that_the_partner_lacks_is_relayed)
{
    open_pair();
    world_agent_start(&world, 0, 31);
    world_run(&world, 200);
    world.is_agent_cut[1][0] = true;
    begin_trace();
    world_report(&world, 0, false);
    ck_assert_str_eq(world_trace(&world, 250), "200 media1>ns1 delta [report media1 1.1]\n"
                                               "200 media1>ns2 delta [report media1 1.1]\n"
                                               "201 ns1>media1 ack 1.1\n");
    begin_trace();
    world.agents[0].sequence--; /* the same report again */
    world_report(&world, 0, true);
    ck_assert_str_eq(world_trace(&world, 300),
                     "250 media1>ns1 delta [report media1 1.1] partner-lacks\n"
                     "250 media1>ns2 delta [report media1 1.1] partner-lacks\n"
                     "251 ns1>media1 ack 1.1\n"
                     "251 ns1>ns2 delta [report media1 1.1]\n");
    check_digests_equal();
    world_close(&world);
}
END_TEST

/* A delta is lost on its way. The next VERSIONS show it, a PULL brings it. */
START_TEST(a_lost_delta_is_repaired_by_versions_and_pull)
{
    open_pair();
    world.is_cut = true; /* silently: no side is told */
    fixture_write(&world.nodes[0], 100, RECORD_NODE, "ns1");
    world_run(&world, 200);
    world.is_cut = false;
    begin_trace();
    ck_assert_str_eq(world_trace(&world, 1100), "1001 ns2>ns1 versions 0 [] last\n"
                                                "1002 ns1>ns2 versions 0 [node ns1 1.1] last\n"
                                                "1003 ns2>ns1 pull [node ns1]\n"
                                                "1004 ns1>ns2 delta [node ns1 1.1]\n");
    check_digests_equal();
    world_close(&world);
}
END_TEST

/* Both sides of a split drain and undrain the same server. ns1 has ordered more often, so its
 * counter is higher: its word stands on both nodes, and on the disk of both. */
START_TEST(after_a_split_the_higher_order_stands_on_both)
{
    open_pair();
    world_cut(&world);
    fixture_write(&world.nodes[0], 100, RECORD_ORDER, "group/stream");
    fixture_write(&world.nodes[0], 100, RECORD_ORDER, "drain/media1");
    fixture_write(&world.nodes[1], 100, RECORD_ORDER, "drain/media1");
    world_run(&world, 150);
    begin_trace();
    world_heal(&world);
    ck_assert_str_eq(
        world_trace(&world, 200),
        "150 ns1>ns2 hello node ns1 boot 11 heard 21 known 0 synced\n"
        "151 ns2>ns1 hello node ns2 boot 21 heard 11 known 0 synced\n"
        "151 ns2>ns1 versions 0 [order drain/media1 1.2] last\n"
        "152 ns1>ns2 delta [order group/stream 1.1, order drain/media1 2.1]\n"
        "152 ns1>ns2 versions 0 [order group/stream 1.1, order drain/media1 2.1] last\n");
    check_digests_equal();
    ck_assert_uint_eq(find(1, RECORD_ORDER, "drain/media1")->version.incarnation, 2);
    ck_assert_uint_eq(record_order_number(find(1, RECORD_ORDER, "drain/media1")->version), 1);

    /* Whoever orders next is above both. */
    fixture_write(&world.nodes[1], 200, RECORD_ORDER, "drain/media1");
    world_run(&world, 300);
    ck_assert_uint_eq(find(0, RECORD_ORDER, "drain/media1")->version.incarnation, 3);
    ck_assert_uint_eq(record_order_number(find(0, RECORD_ORDER, "drain/media1")->version), 2);
    world_close(&world);
}
END_TEST

/* Two orders with the same counter: the node's number decides, the same way on both sides. */
START_TEST(of_two_orders_at_once_one_stands_on_both)
{
    open_pair();
    world_cut(&world);
    fixture_write(&world.nodes[0], 100, RECORD_ORDER, "drain/media1");
    fixture_write(&world.nodes[1], 100, RECORD_ORDER, "drain/media1");
    world_heal(&world);
    world_run(&world, 200);
    for (size_t node = 0; node < 2; node++) {
        ck_assert_uint_eq(find(node, RECORD_ORDER, "drain/media1")->version.incarnation, 1);
        ck_assert_uint_eq(record_order_number(find(node, RECORD_ORDER, "drain/media1")->version),
                          2);
    }
    world_close(&world);
}
END_TEST

/* media1 starts anew and counts from 1 again, as a machine without a clock would: it is told where
 * to go on, and its very next report counts. */
START_TEST(an_agent_that_starts_anew_is_not_ignored)
{
    open_pair();
    world_agent_start(&world, 0, 31);
    world_run(&world, 110);
    world.agents[0].sequence = 500;
    world_report(&world, 0, false);
    world_run(&world, 120);
    begin_trace();
    world_agent_start(&world, 0, 32);
    world_run(&world, 130);
    world_report(&world, 0, false);
    ck_assert_str_eq(world_trace(&world, 140),
                     "120 media1>ns1 hello agent media1 boot 32 heard 0 known 0 synced\n"
                     "120 media1>ns2 hello agent media1 boot 32 heard 0 known 0 synced\n"
                     "121 ns1>media1 hello node ns1 boot 11 heard 32 known 2 synced\n"
                     "121 ns2>media1 hello node ns2 boot 21 heard 32 known 2 synced\n"
                     "130 media1>ns1 delta [report media1 2.1]\n"
                     "130 media1>ns2 delta [report media1 2.1]\n"
                     "131 ns1>media1 ack 2.1\n"
                     "131 ns2>media1 ack 2.1\n");
    world_close(&world);
}
END_TEST

/* media1 starts anew while ns1 does not know its earlier life, and ns2 then tells ns1 of it. */
START_TEST(an_earlier_life_learnt_late_is_outgrown)
{
    open_pair();
    world.is_agent_cut[0][0] = true;
    world_agent_start(&world, 0, 31);
    world_run(&world, 110);
    world.agents[0].sequence = 500;
    world_report(&world, 0, false); /* reaches ns2 alone */
    world_run(&world, 120);
    world.is_agent_cut[0][0] = false;
    world.is_agent_cut[1][0] = true;
    world_agent_start(&world, 0, 32); /* reaches ns1 alone */
    world_run(&world, 130);
    world_report(&world, 0, false);
    world_run(&world, 1300);
    ck_assert_uint_eq(find(0, RECORD_REPORT, "media1")->version.sequence, 501);
    begin_trace();
    world_report(&world, 0, true);
    world_run(&world, 1310);
    world_report(&world, 0, true);
    ck_assert_str_eq(world_trace(&world, 1400),
                     "1300 media1>ns1 delta [report media1 1.2] partner-lacks\n"
                     "1300 media1>ns2 delta [report media1 1.2] partner-lacks\n"
                     "1301 ns1>media1 hello node ns1 boot 11 heard 32 known 2 synced\n"
                     "1310 media1>ns1 delta [report media1 2.3] partner-lacks\n"
                     "1310 media1>ns2 delta [report media1 2.3] partner-lacks\n"
                     "1311 ns1>media1 ack 2.3\n"
                     "1311 ns1>ns2 delta [report media1 2.3]\n");
    check_digests_equal();
    world_close(&world);
}
END_TEST

/* ---- chaos ---- */

enum { SOAK_SEEDS = 100, SOAK_MS = 20000, SOAK_QUIET_MS = 8000 };

static uint64_t boots = 1000;

static void trouble(void)
{
    static const char *const orders[] = {"drain/media1", "drain/media2", "group/stream"};
    static const char *const handed[2][2] = {{"ns1/stream/media1", "ns1/stream/media2"},
                                             {"ns2/stream/media1", "ns2/stream/media2"}};
    size_t node = world_roll(&world, 2), agent = world_roll(&world, 2);
    switch (world_roll(&world, 20)) {
    case 0:
        world_cut(&world);
        break;
    case 1:
    case 2:
        world_heal(&world);
        break;
    case 3: /* a crash that breaks the connection */
        if (world.nodes[0].replica.link_up)
            world_step(&world, 0, REPLICA_LINK_DOWN);
        world_start(&world, node, ++boots);
        world_step(&world, 0, REPLICA_LINK_UP);
        break;
    case 4: /* a crash that ns1's transport did not notice */
        world_start(&world, 1, ++boots);
        break;
    case 5:
        world_agent_start(&world, agent, ++boots);
        break;
    case 6:
        world.is_agent_cut[node][agent] = !world.is_agent_cut[node][agent];
        break;
    case 7:
    case 8:
        fixture_write(&world.nodes[node], world.now_ms, RECORD_ORDER,
                      orders[world_roll(&world, 3)]);
        break;
    case 9:
    case 10:
    case 11:
        fixture_write(&world.nodes[node], world.now_ms, RECORD_HANDED_OUT, handed[node][agent]);
        break;
    default:
        world_report(&world, agent, world_roll(&world, 2) == 0);
    }
}

/* No more faults; both agents report a few times more. */
static void calm(void)
{
    world.dice = 0;
    memset(world.is_agent_cut, 0, sizeof world.is_agent_cut);
    world_heal(&world);
    int64_t end_ms = world.now_ms + SOAK_QUIET_MS;
    while (world.now_ms < end_ms) {
        world_report(&world, 0, true);
        world_report(&world, 1, true);
        world_run(&world, world.now_ms + 500);
    }
}

/* Whatever was lost, doubled, late, cut or crashed: after a few quiet seconds both nodes are synced
 * and hold the same, each agent's newest report among it. */
static void soak(uint64_t seed)
{
    world_open(&world);
    world.dice = 0x9e3779b97f4a7c15 * seed;
    world_start(&world, 0, ++boots);
    world_start(&world, 1, ++boots);
    world_step(&world, 0, REPLICA_LINK_UP);
    world_agent_start(&world, 0, ++boots);
    world_agent_start(&world, 1, ++boots);
    while (world.now_ms < SOAK_MS) {
        world_run(&world, world.now_ms + (int64_t)world_roll(&world, 200));
        trouble();
    }
    ck_assert_uint_gt(world.lost, 10);
    ck_assert_uint_gt(world.doubled, 10);
    calm();
}

static void check_soaked(uint64_t seed)
{
    for (size_t node = 0; node < 2; node++) {
        const struct fixture *fixture = &world.nodes[node];
        ck_assert_msg(fixture->replica.sync == REPLICA_SYNCED, "seed %lu: ns%zu is %s", seed,
                      node + 1, replica_sync_text(fixture->replica.sync));
        ck_assert_msg(replica_behind(&fixture->replica) == 0, "seed %lu: ns%zu is behind", seed,
                      node + 1);
        for (size_t agent = 0; agent < 2; agent++) {
            struct record_version said = {world.agents[agent].incarnation,
                                          world.agents[agent].sequence};
            struct record_version known = find(node, RECORD_REPORT, fixture_agents[agent])->version;
            ck_assert_msg(record_compare(known, said) == 0,
                          "seed %lu: ns%zu knows %lu.%lu of %s, which said %lu.%lu", seed, node + 1,
                          known.incarnation, known.sequence, fixture_agents[agent],
                          said.incarnation, said.sequence);
        }
    }
    const struct table *one = &world.nodes[0].table, *other = &world.nodes[1].table;
    ck_assert_msg(table_digest(one) == table_digest(other), "seed %lu", seed);
    for (size_t i = 0; i < one->count; i++) {
        const struct table_entry *mine = table_at(one, i), *theirs = table_find(other, &mine->key);
        ck_assert_msg(mine->value_size == theirs->value_size &&
                          memcmp(mine->value, theirs->value, mine->value_size) == 0,
                      "seed %lu: %s", seed, mine->key.name);
    }
}

START_TEST(after_any_trouble_both_tables_are_equal)
{
    for (uint64_t seed = 1; seed <= SOAK_SEEDS; seed++) {
        soak(seed);
        check_soaked(seed);
        world_close(&world);
    }
}
END_TEST

int main(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "100", 0); /* the chaos takes some seconds on a busy machine */
    Suite *suite = suite_create("story/replica");
    SUITE_CASE(suite, "sync", two_empty_nodes_greet_and_are_synced,
               a_node_that_starts_empty_is_told_everything);
    SUITE_CASE(suite, "repair", a_report_that_the_partner_lacks_is_relayed,
               a_lost_delta_is_repaired_by_versions_and_pull);
    SUITE_CASE(suite, "orders", after_a_split_the_higher_order_stands_on_both,
               of_two_orders_at_once_one_stands_on_both);
    SUITE_CASE(suite, "lives", an_agent_that_starts_anew_is_not_ignored,
               an_earlier_life_learnt_late_is_outgrown);
    SUITE_CASE(suite, "chaos", after_any_trouble_both_tables_are_equal);
    return suite_run(suite);
}
