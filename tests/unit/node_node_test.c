/* The worker as one machine: what node.h promises of each event. */
#include "unit/node_steps.h"

#include <errno.h>

/* ---- start ---- */

START_TEST(a_cluster_of_one_is_synced_at_once)
{
    init(1, 0, 2);
    step(0, (struct node_event){.type = NODE_START});
    ck_assert_str_eq(last_note(), "sync ns1 >synced only-node");
    ck_assert_ptr_null(node_partner(&node));
}
END_TEST

START_TEST(a_node_that_has_a_partner_names_nobody_before_its_snapshot)
{
    size_t member;
    init(2, 0, 2);
    step(0, (struct node_event){.type = NODE_START});
    hello(0, MEDIA1, "media1");
    report(1, MEDIA1, 1, true);
    ck_assert_int_eq(choose(1, &member), POOL_NOT_READY);
    hello(2, REPLICA_PARTNER, "ns2");
    begin_records(MESSAGE_SNAPSHOT);
    frame(3, REPLICA_PARTNER);
    ck_assert_str_eq(last_note(), "sync ns1 >synced snapshot");
    ck_assert_int_eq(choose(3, &member), POOL_CHOSEN);
    ck_assert_uint_eq(member, 0);
}
END_TEST

START_TEST(a_partner_that_stays_silent_is_not_waited_for_beyond_a_second)
{
    init(2, 0, 2);
    step(0, (struct node_event){.type = NODE_START});
    run(REPLICA_ALONE_MS - 1);
    ck_assert_int_eq(node.replica.sync, REPLICA_WAITING);
    run(REPLICA_ALONE_MS);
    ck_assert_str_eq(replica_sync_reason(&node.replica), "alone");
}
END_TEST

START_TEST(nobody_reports_and_the_pool_waits_for_its_grace_before_a_last_resort)
{
    size_t member;
    init(1, 0, 2);
    step(0, (struct node_event){.type = NODE_START});
    run(NODE_GRACE_MS - 1);
    ck_assert_int_eq(choose(NODE_GRACE_MS - 1, &member), POOL_NOT_READY);
    run(NODE_GRACE_MS);
    ck_assert_int_eq(choose(NODE_GRACE_MS, &member), POOL_CHOSEN_ANY);
}
END_TEST

START_TEST(an_order_from_the_disk_is_in_force_and_is_not_stored_again)
{
    init(2, 0, 2);
    begin_records(MESSAGE_DELTA);
    add_drain("drain/media2", 5);
    node_restore(&node, 0, &message.records.records[0]);
    ck_assert(node.plan.servers[1].draining);
    ck_assert_str_eq(node.plan.servers[1].drain_author, "root@ns2");
    step(0, (struct node_event){.type = NODE_START});
    ck_assert_uint_eq(update.store_count, 0);
    order(1, 3, ORDER_DRAIN, "media1"); /* and orders count on above it */
    ck_assert_uint_eq(update.stores[0].record.version.incarnation, 6);
}
END_TEST

START_TEST(a_record_of_another_kind_on_the_disk_is_passed_over)
{
    struct record record = {.key = {RECORD_FITNESS, "ns2"}, .version = {1, 1}};
    init(2, 0, 2);
    node_restore(&node, 0, &record);
    ck_assert_uint_eq(node.table.count, 0);
    record.key.kind = RECORD_ORDER;
    node_restore(&node, 0, &record);
    ck_assert_uint_eq(node.table.count, 1);
}
END_TEST

/* The next life of a node whose partner is dead: what media1 said so long ago, and its answer. */
static enum pool_reason answer_warm(uint32_t age_ms, size_t *member)
{
    init(1, 0, 1);
    begin_records(MESSAGE_DELTA);
    add_report(MEDIA1, 4, true, 30);
    message.records.records[0].age_ms = age_ms;
    node_restore(&node, 100000, &message.records.records[0]);
    step(100100, (struct node_event){.type = NODE_START});
    run(100200);
    return choose(100200, member);
}

START_TEST(a_node_begins_with_what_it_was_told_before_its_start)
{
    size_t member;
    ck_assert_int_eq(answer_warm(NODE_WARM_MS, &member), POOL_CHOSEN);
    ck_assert_uint_eq(member, 0);
    ck_assert_uint_eq(member_state(0).sockets, 30);
    ck_assert_int_eq(node.plan.servers[0].stated_ms, 100000 - NODE_WARM_MS);
    const struct verdict_member *verdict = &node.plan.pools[0].verdicts.members[0];
    ck_assert_int_eq(verdict->verdict, VERDICT_UP);
    run(100000 + 60000); /* nobody says it again */
    ck_assert_int_eq(verdict->verdict, VERDICT_STALE);
}
END_TEST

START_TEST(what_is_older_tells_only_who_was_up_last)
{
    size_t member;
    ck_assert_int_eq(answer_warm(NODE_WARM_MS + 1, &member), POOL_CHOSEN_LAST_GOOD);
    ck_assert_int_eq(node.plan.pools[0].verdicts.members[0].verdict, VERDICT_STALE);
    ck_assert_int_eq(member_state(0).fitness, POOL_LAST_GOOD);
}
END_TEST

START_TEST(too_small_an_arena_is_refused_at_every_size)
{
    static _Alignas(16) uint8_t memory[8 << 20];
    init(2, 0, 2);
    struct node_config config = node.config;
    struct node_plan plan;
    struct arena arena;
    node_close(&node);
    arena_init(&arena, memory, sizeof memory);
    ck_assert(node_plan_init(&plan, &document, &arena));
    size_t planned = arena.used_bytes;
    ck_assert(node_init(&node, &config, &plan, &arena));
    size_t needed = arena.used_bytes;
    node_close(&node);
    for (size_t size = 0; size < needed; size += size < planned + 4096 ? 16 : needed / 60) {
        arena_init(&arena, memory, size);
        ck_assert_int_eq(node_plan_init(&plan, &document, &arena), size >= planned);
        ck_assert(size < planned || !node_init(&node, &config, &plan, &arena));
    }
}
END_TEST

/* ---- links ---- */

START_TEST(the_second_node_greets_as_soon_as_its_link_is_up)
{
    init(2, 1, 2);
    step(0, (struct node_event){.type = NODE_START});
    ck_assert_uint_eq(update.replica.send_count, 0);
    step(5, (struct node_event){.type = NODE_LINK_UP});
    ck_assert_uint_eq(sent(MESSAGE_HELLO, REPLICA_PARTNER), 1);
}
END_TEST

START_TEST(nothing_is_told_to_a_partner_whose_link_is_down)
{
    init(2, 1, 2);
    step(0, (struct node_event){.type = NODE_START});
    step(0, (struct node_event){.type = NODE_LINK_UP});
    hello(0, REPLICA_PARTNER, "ns1");
    order(10, 3, ORDER_DRAIN, "media1");
    run(60);
    ck_assert_uint_eq(replica_behind(&node.replica), 0);
    step(61, (struct node_event){.type = NODE_LINK_DOWN});
    order(70, 4, ORDER_DRAIN, "media2");
    for (int64_t now_ms = 70; now_ms < 400; now_ms += 10) {
        step(now_ms, (struct node_event){.type = NODE_TIMEOUT});
        ck_assert_uint_eq(update.replica.send_count, 0);
    }
}
END_TEST

/* ---- frames ---- */

START_TEST(a_frame_that_is_no_message_is_counted_by_its_reason_and_changes_nothing)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum message_reason reason;
        const char *note;
    } table[] = {
        {"\xc1", 1, MESSAGE_MALFORMED, NULL},
        {"\x81\x00", 2, MESSAGE_MALFORMED, NULL},
        {"\x81\x00\x63", 3, MESSAGE_UNKNOWN_TYPE, "refuse media1 > unknown-type"},
        {"\x81\x00\x06", 3, MESSAGE_MISSING_FIELD, "refuse media1 > missing-field"},
    };
    begin();
    uint64_t digest = table_digest(&node.table);
    uint64_t history = node.history_count;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint64_t before = node.message_reasons[table[i].reason];
        step(1, (struct node_event){.type = NODE_FRAME,
                                    .peer = MEDIA1,
                                    .bytes = (const uint8_t *)table[i].bytes,
                                    .size = table[i].size});
        ck_assert_uint_eq(node.message_reasons[table[i].reason], before + 1);
        ck_assert_uint_eq(update.note_count, 1);
        if (table[i].note != NULL)
            ck_assert_str_eq(last_note(), table[i].note);
        ck_assert_uint_eq(update.replica.send_count, 0);
    }
    uint64_t malformed = 0;
    for (size_t i = 0; i < PACK_REASON_COUNT; i++)
        malformed += node.pack_reasons[i];
    ck_assert_uint_eq(malformed, 2);
    ck_assert_uint_eq(table_digest(&node.table), digest);
    ck_assert_uint_eq(node.history_count, history); /* a refusal is no transition */
}
END_TEST

/* ---- commands ---- */

START_TEST(an_order_is_in_force_at_once_and_answered_when_it_is_stored)
{
    size_t member;
    begin();
    report(10, MEDIA1, 1, true);
    order(20, 3, ORDER_DRAIN, "media1");
    ck_assert_uint_eq(update.reply_ticket, 0);
    ck_assert_uint_eq(update.store_count, 1);
    ck_assert_uint_eq(update.stores[0].ticket, 3);
    ck_assert_int_ne(choose(20, &member), POOL_CHOSEN);
    stored(30, 3, 0);
    ck_assert_uint_eq(update.reply_ticket, 3);
    ck_assert_int_eq(update.reply, NODE_DONE);
}
END_TEST

START_TEST(an_order_sets_the_group)
{
    struct pool_state state;
    begin();
    order(20, 3, ORDER_GROUP, "stream");
    ck_assert_str_eq(last_note(), "pool stream >group ordered");
    pool_state(node.plan.pools[0].pool, &state);
    ck_assert_uint_eq(state.group_size, 2);
    ck_assert_uint_eq(state.rounds, 3);
}
END_TEST

START_TEST(an_order_is_told_to_the_partner_with_the_next_delta)
{
    begin();
    run(100);
    order(110, 3, ORDER_DRAIN, "media1");
    step(110, (struct node_event){.type = NODE_TIMEOUT});
    size_t deltas = sent(MESSAGE_DELTA, REPLICA_PARTNER);
    while (deltas == 0 && node_deadline(&node) <= 110 + REPLICA_DELTA_MS) {
        step(node_deadline(&node), (struct node_event){.type = NODE_TIMEOUT});
        deltas = sent(MESSAGE_DELTA, REPLICA_PARTNER);
    }
    ck_assert_uint_eq(deltas, 1);
}
END_TEST

START_TEST(an_order_on_what_is_not_there_is_refused_at_once)
{
    begin();
    order(20, 3, ORDER_DRAIN, "media9");
    ck_assert_uint_eq(update.reply_ticket, 3);
    ck_assert_int_eq(update.reply, NODE_NO_SUCH_SERVER);
    ck_assert_uint_eq(update.store_count, 0);
    order(20, 4, ORDER_GROUP, "media1");
    ck_assert_uint_eq(update.reply_ticket, 4);
    ck_assert_int_eq(update.reply, NODE_NO_SUCH_POOL);
    ck_assert_uint_eq(update.store_count, 0);
}
END_TEST

START_TEST(an_operator_hears_what_became_of_the_order)
{
    begin();
    stored(NODE_PARTNER_MS, 3, 0);
    ck_assert_int_eq(update.reply, NODE_DONE);
    stored(NODE_PARTNER_MS + 1, 4, 0); /* the partner was last heard at 0 */
    ck_assert_int_eq(update.reply, NODE_DONE_PARTNER_AWAY);
    stored(NODE_PARTNER_MS + 1, 5, -EIO);
    ck_assert_int_eq(update.reply, NODE_NOT_STORED);
    ck_assert_uint_eq(update.reply_ticket, 5);
    node_close(&node);
    init(1, 0, 2);
    step(0, (struct node_event){.type = NODE_START});
    stored(NODE_PARTNER_MS + 1, 6, 0);
    ck_assert_int_eq(update.reply, NODE_DONE); /* there is nobody to learn it */
}
END_TEST

START_TEST(a_full_table_refuses_new_orders_and_obeys_those_on_known_records)
{
    begin();
    order(1, 3, ORDER_DRAIN, "media1");
    for (size_t i = 0; node.table.count < node.table.capacity; i += MESSAGE_RECORDS_MAX) {
        begin_records(MESSAGE_DELTA);
        for (size_t k = 0; k < MESSAGE_RECORDS_MAX; k++) {
            char name[32];
            snprintf(name, sizeof name, "drain/other%zu", i + k);
            add_drain(name, 9);
        }
        frame(2, REPLICA_PARTNER);
    }
    order(3, 4, ORDER_DRAIN, "media2");
    ck_assert_uint_eq(update.reply_ticket, 4);
    ck_assert_int_eq(update.reply, NODE_TABLE_FULL);
    ck_assert(!node.plan.servers[1].draining);
    order(3, 5, ORDER_DRAIN, "media1");
    ck_assert_uint_eq(update.store_count, 1);
    ck_assert_uint_eq(node.table.count, node.table.capacity);
}
END_TEST

/* ---- held addresses, time ---- */

START_TEST(what_the_guardian_holds_is_in_the_status_with_its_age)
{
    struct status held = {.held_count = 1, .held = {{.since_s = 2, .reason = "home"}}};
    struct status told;
    begin();
    ck_assert(ip_parse("192.0.2.51", &held.held[0].address));
    run(10000);
    step(10001, (struct node_event){.type = NODE_HOLDS, .status = &held});
    run(12900);
    struct record_key key = {.kind = RECORD_NODE, .name = "ns1"};
    const struct table_entry *entry = table_find(&node.table, &key);
    ck_assert_ptr_nonnull(entry);
    ck_assert(status_decode(&told, &node.space, entry->value, entry->value_size));
    ck_assert_uint_eq(told.held_count, 1);
    ck_assert_uint_eq(told.held[0].since_s, 4); /* as of 12800, since 8001 */
    ck_assert_str_eq(told.held[0].reason, "home");
    ck_assert_str_eq(told.version, "1.2.3");
}
END_TEST

START_TEST(a_timer_is_always_due_within_a_tick)
{
    begin();
    for (int64_t now_ms = 0; now_ms < 1000; now_ms += NODE_TICK_MS) {
        run(now_ms);
        ck_assert_int_gt(node_deadline(&node), now_ms);
        ck_assert_int_le(node_deadline(&node), now_ms + NODE_TICK_MS);
    }
}
END_TEST

START_TEST(a_server_is_stale_with_the_tick_after_its_bound)
{
    begin();
    report(10, MEDIA1, 1, true);
    run(2010);
    ck_assert_int_eq(member_state(0).fitness, POOL_FIT);
    run(2010 + NODE_TICK_MS);
    ck_assert_int_eq(member_state(0).fitness, POOL_LAST_GOOD);
}
END_TEST

START_TEST(a_tick_that_comes_late_is_this_nodes_fault)
{
    begin();
    report(10, MEDIA1, 1, true);
    run(50);
    int64_t woke_ms = 100 + NODE_STALL_MS + 9000;
    step(woke_ms, (struct node_event){.type = NODE_TIMEOUT});
    ck_assert_int_eq(member_state(0).fitness, POOL_FIT);
    run(woke_ms + 2000);
    ck_assert_int_eq(member_state(0).fitness, POOL_FIT);
    run(woke_ms + 2000 + NODE_TICK_MS);
    ck_assert_int_eq(member_state(0).fitness, POOL_LAST_GOOD);
}
END_TEST

START_TEST(what_was_handed_out_is_told_with_the_tick)
{
    size_t member;
    begin();
    report(10, MEDIA1, 1, true);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(choose(11, &member), POOL_CHOSEN);
    run(NODE_TICK_MS);
    struct record_key key = {.kind = RECORD_HANDED_OUT, .name = "ns1/stream/media1"};
    const struct table_entry *entry = table_find(&node.table, &key);
    ck_assert_ptr_nonnull(entry);
    ck_assert_mem_eq(entry->value, "\x81\x01\x03", 3);
    uint64_t sequence = entry->version.sequence;
    run(4 * NODE_TICK_MS);
    ck_assert_uint_eq(entry->version.sequence, sequence); /* nothing new, nothing told */
}
END_TEST

START_TEST(a_silent_partner_is_noted_once)
{
    begin();
    run(NODE_TICK_MS);
    ck_assert(node.partner_heard);
    size_t notes = 0;
    while (node_deadline(&node) < 3 * NODE_PARTNER_MS) {
        step(node_deadline(&node), (struct node_event){.type = NODE_TIMEOUT});
        for (size_t i = 0; i < update.note_count; i++)
            notes += strcmp(note_text(i), "partner ns2 heard>silent no-message") == 0;
    }
    ck_assert_uint_eq(notes, 1);
}
END_TEST

/* ---- bounds ---- */

START_TEST(notes_beyond_what_an_update_holds_are_counted)
{
    init(2, 0, SERVERS_MAX);
    step(0, (struct node_event){.type = NODE_START});
    hello(0, REPLICA_PARTNER, "ns2");
    begin_records(MESSAGE_DELTA);
    for (size_t i = 1; i <= SERVERS_MAX; i++)
        add_report(i, 1, true, 10);
    frame(1, REPLICA_PARTNER);
    ck_assert_uint_eq(update.note_count, NODE_NOTES_MAX);
    ck_assert_uint_eq(node.notes_dropped, SERVERS_MAX - NODE_NOTES_MAX);
    ck_assert_uint_eq(node.history_count, SERVERS_MAX);
    ck_assert_int_eq(member_state(SERVERS_MAX - 1).fitness, POOL_FIT); /* only its line is lost */
}
END_TEST

START_TEST(names_are_found_by_their_place_in_the_document)
{
    init(2, 0, SERVERS_MAX);
    for (size_t i = 0; i < SERVERS_MAX; i++)
        ck_assert_uint_eq(node_server(&node, document.servers[i].name), i);
    ck_assert_uint_eq(node_pool(&node, "stream"), 0);
    ck_assert_uint_eq(node_server(&node, "media"), SIZE_MAX);
    ck_assert_uint_eq(node_server(&node, "zzz"), SIZE_MAX);
    ck_assert_uint_eq(node_pool(&node, "media1"), SIZE_MAX);
    ck_assert_str_eq(node_partner(&node), "ns2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/node");
    SUITE_CASE(suite, "start", a_cluster_of_one_is_synced_at_once,
               a_node_that_has_a_partner_names_nobody_before_its_snapshot,
               a_partner_that_stays_silent_is_not_waited_for_beyond_a_second,
               nobody_reports_and_the_pool_waits_for_its_grace_before_a_last_resort,
               an_order_from_the_disk_is_in_force_and_is_not_stored_again,
               a_record_of_another_kind_on_the_disk_is_passed_over,
               a_node_begins_with_what_it_was_told_before_its_start,
               what_is_older_tells_only_who_was_up_last,
               too_small_an_arena_is_refused_at_every_size);
    SUITE_CASE(suite, "links", the_second_node_greets_as_soon_as_its_link_is_up,
               nothing_is_told_to_a_partner_whose_link_is_down);
    SUITE_CASE(suite, "frames",
               a_frame_that_is_no_message_is_counted_by_its_reason_and_changes_nothing);
    SUITE_CASE(suite, "commands", an_order_is_in_force_at_once_and_answered_when_it_is_stored,
               an_order_sets_the_group, an_order_is_told_to_the_partner_with_the_next_delta,
               an_order_on_what_is_not_there_is_refused_at_once,
               an_operator_hears_what_became_of_the_order,
               a_full_table_refuses_new_orders_and_obeys_those_on_known_records);
    SUITE_CASE(suite, "time", what_the_guardian_holds_is_in_the_status_with_its_age,
               a_timer_is_always_due_within_a_tick, a_server_is_stale_with_the_tick_after_its_bound,
               a_tick_that_comes_late_is_this_nodes_fault,
               what_was_handed_out_is_told_with_the_tick, a_silent_partner_is_noted_once);
    SUITE_CASE(suite, "bounds", notes_beyond_what_an_update_holds_are_counted,
               names_are_found_by_their_place_in_the_document);
    return suite_run(suite);
}
