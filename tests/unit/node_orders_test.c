#include "unit/node_steps.h"

enum { WALL_S = 1000000 };

static void give(int64_t now_ms, struct order order)
{
    snprintf(order.author, sizeof order.author, "root@ns1");
    step(now_ms, (struct node_event){.type = NODE_COMMAND, .order = &order, .ticket = 3});
}

/* The wall clock says WALL_S at 0 ms. */
static void know_wall(int64_t now_ms)
{
    step(now_ms, (struct node_event){.type = NODE_CLOCK, .wall_ms = WALL_S * 1000LL + now_ms});
}

static struct order drain_until(uint64_t until_s)
{
    return (struct order){
        .verb = ORDER_DRAIN, .subject = "media1", .draining = true, .until_s = until_s};
}

/* ---- what they mean ---- */

START_TEST(a_server_that_is_forced_down_is_not_named_and_one_forced_up_is)
{
    size_t member;
    begin();
    report(10, MEDIA1, 1, true);
    give(20,
         (struct order){.verb = ORDER_FORCE, .subject = "media1", .force = VERDICT_FORCED_DOWN});
    ck_assert_str_eq(last_note(), "verdict media1 up>down forced");
    ck_assert_int_ne(choose(20, &member), POOL_CHOSEN);
    give(30, (struct order){.verb = ORDER_FORCE, .subject = "media2", .force = VERDICT_FORCED_UP});
    ck_assert_int_eq(choose(30, &member), POOL_CHOSEN);
    ck_assert_uint_eq(member, 1);
    give(40, (struct order){.verb = ORDER_FORCE, .subject = "media1"});
    ck_assert_str_eq(last_note(), "verdict media1 down>up listening");
}
END_TEST

START_TEST(a_weight_is_of_the_server_in_each_of_its_pools)
{
    begin();
    give(20, (struct order){.verb = ORDER_WEIGHT, .subject = "media2", .weight = 30});
    ck_assert_uint_eq(update.store_count, 1);
    ck_assert_uint_eq(member_state(1).weight, 30);
    ck_assert_uint_eq(member_state(0).weight, 100);
}
END_TEST

START_TEST(a_group_that_is_ordered_no_more_is_the_documents)
{
    struct pool_state before, state;
    begin();
    pool_state(node.plan.pools[0].pool, &before);
    give(20,
         (struct order){.verb = ORDER_GROUP, .subject = "stream", .group_size = 7, .rounds = 9});
    pool_state(node.plan.pools[0].pool, &state);
    ck_assert_uint_eq(state.group_size, 7);
    give(30, (struct order){.verb = ORDER_GROUP, .subject = "stream"});
    pool_state(node.plan.pools[0].pool, &state);
    ck_assert_uint_eq(state.group_size, before.group_size);
    ck_assert_uint_eq(state.rounds, before.rounds);
}
END_TEST

START_TEST(an_order_is_an_event_of_the_node_that_took_it)
{
    begin();
    give(20, drain_until(0));
    const struct transition *told = &node.transitions[0][NODE_TRANSITIONS_MAX + 1].told;
    ck_assert_str_eq(told->area, "order");
    ck_assert_str_eq(told->subject, "media1");
    ck_assert_str_eq(told->to, "drain");
    ck_assert_str_eq(told->reason, "ordered");
    run(1000); /* and a record, for the partner */
    struct record_key key = {.kind = RECORD_TRANSITION};
    snprintf(key.name, sizeof key.name, "ns1/%d", NODE_TRANSITIONS_MAX + 1);
    ck_assert_ptr_nonnull(table_find(&node.table, &key));
}
END_TEST

START_TEST(what_was_ordered_here_or_there_is_for_the_audit)
{
    begin();
    give(20, (struct order){.verb = ORDER_FORCE,
                            .subject = "media1",
                            .force = VERDICT_FORCED_DOWN,
                            .because = "its disk"});
    ck_assert_uint_eq(update.audit_count, 1);
    ck_assert_uint_eq(update.audits[0].node, 0);
    ck_assert_str_eq(update.audits[0].told.to, "force-down");
    ck_assert_str_eq(update.audits[0].told.author, "root@ns1");
    ck_assert_str_eq(update.audits[0].told.note, "its disk");

    struct transition theirs = {.number = 1,
                                .area = ORDER_AREA,
                                .subject = "ns2",
                                .to = "reload",
                                .reason = "ordered",
                                .author = "root@ns2"};
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_TRANSITION, "ns2/33", 1, 1);
    record->age_ms = 15;
    record->value_size = (uint16_t)transition_encode(&theirs, record->value);
    frame(40, REPLICA_PARTNER);
    ck_assert_uint_eq(update.audit_count, 1);
    ck_assert_uint_eq(update.audits[0].node, 1);
    ck_assert_int_eq(update.audits[0].at_ms, 25);
    ck_assert_str_eq(update.audits[0].told.author, "root@ns2");
    frame(50, REPLICA_PARTNER); /* which is the same again */
    ck_assert_uint_eq(update.audit_count, 0);

    struct transition deed = {.subject = "ns1", .to = "reload", .author = "root@ns1"};
    step(60, (struct node_event){.type = NODE_DID, .transition = &deed});
    ck_assert_uint_eq(update.audit_count, 1);
    ck_assert_str_eq(update.audits[0].told.area, ORDER_AREA);
}
END_TEST

/* ---- their end ---- */

START_TEST(an_order_ends_when_its_time_is_over)
{
    begin();
    know_wall(0);
    give(20, drain_until(WALL_S + 10));
    run(9990);
    ck_assert(node.plan.servers[0].draining);
    run(12000);
    ck_assert(!node.plan.servers[0].draining);
    struct order order;
    struct record_key key = {.kind = RECORD_ORDER, .name = "drain/media1"};
    const struct table_entry *entry = table_find(&node.table, &key);
    ck_assert_int_eq(order_decode(&order, &node.space, &key, entry->value, entry->value_size),
                     ORDER_OK);
    ck_assert(!order_is_in_force(&order));
    ck_assert_str_eq(order.author, "root@ns1");
    ck_assert_str_eq(order.because, "its time was over");
}
END_TEST

START_TEST(its_end_goes_to_the_disk_like_any_order)
{
    begin();
    know_wall(0);
    give(20, drain_until(WALL_S + 1));
    size_t stores = 0;
    while (node_deadline(&node) <= 5000) {
        step(node_deadline(&node), (struct node_event){.type = NODE_TIMEOUT});
        stores += update.store_count;
    }
    ck_assert_uint_eq(stores, 1);
}
END_TEST

/* The partner's order of that counter arrives. */
static void hear_order(int64_t now_ms, uint64_t counter, struct order order)
{
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_ORDER, "drain/media1", counter, 2);
    record->version = record_order_version(counter, 2, PARTNER_BOOT);
    record->value_size = (uint16_t)order_encode(&order, record->value);
    frame(now_ms, REPLICA_PARTNER);
}

START_TEST(the_partners_order_is_ended_here_when_the_partner_does_not)
{
    begin();
    know_wall(0);
    hear_order(20, 9, drain_until(WALL_S + 10));
    run(10000 + NODE_PARTNERS_END_S * 1000 - 10);
    ck_assert(node.plan.servers[0].draining);
    run(12000 + NODE_PARTNERS_END_S * 1000);
    ck_assert(!node.plan.servers[0].draining);
}
END_TEST

/* It was given on the other side of a split, while here its predecessor came to its end. */
START_TEST(an_end_stands_over_no_order_that_was_given_since)
{
    begin();
    know_wall(0);
    hear_order(20, 9, drain_until(WALL_S + 1));
    run(2000 + NODE_PARTNERS_END_S * 1000);
    ck_assert(!node.plan.servers[0].draining);
    hear_order(9000, 10, drain_until(0));
    ck_assert(node.plan.servers[0].draining);
}
END_TEST

START_TEST(without_a_wall_clock_no_order_ends)
{
    begin();
    give(20, drain_until(1));
    run(5000);
    ck_assert(node.plan.servers[0].draining);
    know_wall(5000);
    run(7000);
    ck_assert(!node.plan.servers[0].draining);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/orders");
    SUITE_CASE(suite, "meaning", a_server_that_is_forced_down_is_not_named_and_one_forced_up_is,
               a_weight_is_of_the_server_in_each_of_its_pools,
               a_group_that_is_ordered_no_more_is_the_documents,
               an_order_is_an_event_of_the_node_that_took_it,
               what_was_ordered_here_or_there_is_for_the_audit);
    SUITE_CASE(
        suite, "end", an_order_ends_when_its_time_is_over, its_end_goes_to_the_disk_like_any_order,
        the_partners_order_is_ended_here_when_the_partner_does_not,
        an_end_stands_over_no_order_that_was_given_since, without_a_wall_clock_no_order_ends);
    return suite_run(suite);
}
