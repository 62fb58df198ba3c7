#include "unit/node_steps.h"

static struct document documents[4]; /* the one before is still read when the next comes */
static size_t document_count;
static struct node_plan next_plan;

/* The next document: media1..mediaN but for one of them (0: none is left out), some more pools. */
static void read_document(size_t server_count, size_t without, const char *pools)
{
    static char text[131072];
    struct document *next = &documents[document_count++];
    static struct arena arena;
    char error[DOCUMENT_ERROR_MAX];
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "format: 1\ncluster: lab\nnodes:\n"
                                   "  ns1: {own: 192.0.2.11, home: 192.0.2.51, key: \"%040d\"}\n"
                                   "  ns2: {own: 192.0.2.12, home: 192.0.2.52, key: \"%040d\"}\n"
                                   "zones: {lab.example: z}\n%s",
                                   1, 2, server_count == 0 ? "" : "servers:\n");
    for (size_t i = 1; i <= server_count; i++)
        if (i != without)
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "  media%zu: {addresses: [10.0.%zu.%zu], capacity: 1000, "
                                     "key: \"%040zu\"}\n",
                                     i, i / 250, i % 250 + 1, 100 + i);
    used += (size_t)snprintf(text + used, sizeof text - used, "pools:\n%s", pools);
    ck_assert_uint_lt(used, sizeof text);
    void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    arena_init(&arena, memory, MEMORY);
    ck_assert_msg(document_parse(next, "next.yaml", text, strlen(text), &arena, error), "%s",
                  error);
    ck_assert(node_plan_init(&next_plan, next, &arena));
}

#define STREAM "  stream: {name: stream.lab.example, ports: [1755], servers: all}\n"

/* media1 is up with 10 sockets and media2 drained; two answers were given since. */
static void begin_busy(void)
{
    size_t member;
    begin();
    report(10, MEDIA1, 1, true);
    order(20, 3, ORDER_DRAIN, "media2");
    run(3100); /* ready */
    report(3110, MEDIA1, 2, true);
    ck_assert_int_eq(choose(3110, &member), POOL_CHOSEN);
    ck_assert_int_eq(choose(3110, &member), POOL_CHOSEN);
    run(3200);
}

/* ---- what stays ---- */

START_TEST(the_same_document_read_anew_changes_nothing)
{
    begin_busy();
    struct pool_member_state before = member_state(0), after;
    struct verdict_member verdict = node.plan.pools[0].verdicts.members[0];
    uint64_t notes = node.history_count;
    read_document(2, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    after = member_state(0);
    ck_assert_uint_eq(after.sockets, before.sockets);
    ck_assert_uint_eq(after.pending, 2);
    ck_assert_uint_eq(after.handed, before.handed);
    ck_assert_int_eq(after.fitness, POOL_FIT);
    ck_assert_int_eq(member_state(1).fitness, POOL_DRAINED);
    ck_assert(node.plan.servers[1].draining);
    ck_assert_int_eq(node.plan.servers[0].agent_ms, 3110);
    ck_assert_int_eq(node.plan.pools[0].verdicts.members[0].since_ms, verdict.since_ms);
    ck_assert_uint_eq(node.history_count, notes);
    size_t member;
    ck_assert_int_eq(choose(3210, &member), POOL_CHOSEN);
}
END_TEST

START_TEST(a_report_goes_on_as_before)
{
    begin_busy();
    read_document(2, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    report(3300, MEDIA1, 3, false);
    ck_assert_str_eq(last_note(), "verdict media1 up>down not-listening");
    ck_assert_int_eq(member_state(0).fitness, POOL_UNFIT);
}
END_TEST

/* What was handed out in all is told on from where it was. */
START_TEST(the_count_of_what_was_handed_out_goes_on)
{
    size_t member;
    begin_busy();
    read_document(2, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    ck_assert_int_eq(choose(3210, &member), POOL_CHOSEN);
    run(3300);
    struct record_key key = {.kind = RECORD_HANDED_OUT, .name = "ns1/stream/media1"};
    const struct table_entry *entry = table_find(&node.table, &key);
    ck_assert_mem_eq(entry->value, ((uint8_t[]){0x81, 1, 3}), 3);
}
END_TEST

START_TEST(a_partners_count_is_a_difference_still)
{
    begin_busy();
    begin_records(MESSAGE_DELTA);
    add_handed("ns2/stream/media1", 1, 100);
    frame(3201, REPLICA_PARTNER);
    read_document(2, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    begin_records(MESSAGE_DELTA);
    add_handed("ns2/stream/media1", 2, 104);
    frame(3220, REPLICA_PARTNER);
    ck_assert_uint_eq(member_state(0).partner_handed, 4);
}
END_TEST

START_TEST(an_order_of_a_group_holds_over_another_document)
{
    struct pool_state state;
    begin_busy();
    order(3200, 4, ORDER_GROUP, "stream"); /* 2, 3 */
    read_document(2, 0,
                  "  stream: {name: stream.lab.example, ports: [1755], group-size: 1, "
                  "rounds: 9, servers: all}\n");
    node_adopt(&node, 3210, &next_plan);
    pool_state(node.plan.pools[0].pool, &state);
    ck_assert_uint_eq(state.group_size, 2);
    ck_assert_uint_eq(state.rounds, 3);
}
END_TEST

/* ---- what changes ---- */

START_TEST(a_new_server_takes_a_free_seat_and_is_named_once_it_reports)
{
    size_t member;
    begin_busy();
    read_document(3, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    size_t peer = 1 + node.plan.servers[2].seat;
    ck_assert_uint_eq(peer, 3);
    ck_assert_int_eq(node.plan.pools[0].verdicts.members[2].verdict, VERDICT_UNKNOWN);
    hello(3220, peer, "media3");
    begin_records(MESSAGE_DELTA);
    add_report(3, 1, true, 0);
    frame(3230, peer);
    ck_assert_str_eq(last_note(), "verdict media3 unknown>up listening");
    ck_assert_int_eq(choose(3240, &member), POOL_CHOSEN);
    ck_assert_uint_eq(member, 2); /* it has the most room */
}
END_TEST

/* Who joined while this node was away may be among the records to come; after that the last resort
 * answers, until somebody is there, and when nobody is there any more. */
START_TEST(a_pool_without_servers_waits_for_those_that_join)
{
    size_t member;
    begin_of(0);
    run(NODE_GRACE_MS - 1);
    ck_assert_int_eq(choose(NODE_GRACE_MS - 1, &member), POOL_NOT_READY);
    run(3100);
    ck_assert_int_eq(choose(3100, &member), POOL_NOBODY);
    ck_assert(node.plan.pools[0].at_last_resort);
    read_document(1, 0, STREAM);
    node_adopt(&node, 3110, &next_plan);
    hello(3120, MEDIA1, "media1");
    report(3130, MEDIA1, 1, true);
    ck_assert_int_eq(choose(3130, &member), POOL_CHOSEN);
    ck_assert_uint_eq(member, 0);
    run(3200);
    ck_assert(!node.plan.pools[0].at_last_resort);
    read_document(0, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    run(3300);
    ck_assert_int_eq(choose(3300, &member), POOL_NOBODY);
    ck_assert(node.plan.pools[0].at_last_resort);
}
END_TEST

START_TEST(a_new_server_is_given_its_share_step_by_step)
{
    begin_busy();
    read_document(3, 0, STREAM);
    node_adopt(&node, 3210, &next_plan);
    ck_assert_uint_eq(member_state(2).weight, NODE_SLOW_PERCENT);
    ck_assert_uint_eq(member_state(0).weight, 100);
    run(3210 + NODE_SLOW_MS / 2);
    ck_assert_uint_ge(member_state(2).weight, 50);
    ck_assert_uint_le(member_state(2).weight, 56);
    read_document(3, 0, STREAM); /* which changes nothing */
    node_adopt(&node, 3210 + NODE_SLOW_MS / 2, &next_plan);
    ck_assert_uint_ge(member_state(2).weight, 50);
    ck_assert_uint_le(member_state(2).weight, 56);
    run(3210 + NODE_SLOW_MS + 2 * NODE_SLOW_STEP_MS);
    ck_assert_uint_eq(member_state(2).weight, 100);
}
END_TEST

/* The order of servers in a document is nobody's number. */
START_TEST(a_server_that_is_gone_leaves_its_seat_and_the_others_keep_theirs)
{
    begin_busy();
    read_document(2, 1, STREAM);
    node_adopt(&node, 3210, &next_plan);
    ck_assert_uint_eq(node.plan.document->server_count, 1);
    ck_assert_uint_eq(node.plan.servers[0].seat, 1);
    ck_assert_ptr_null(node.replica.peers[MEDIA1].name);
    ck_assert_str_eq(node.replica.peers[MEDIA2].name, "media2");
    ck_assert_int_eq(member_state(0).fitness, POOL_DRAINED);
    read_document(3, 1, STREAM); /* and media3 takes it */
    node_adopt(&node, 3220, &next_plan);
    ck_assert_str_eq(node.replica.peers[MEDIA1].name, "media3");
    ck_assert(!node.replica.peers[MEDIA1].greeted);
}
END_TEST

START_TEST(a_server_that_comes_back_is_what_its_last_report_said)
{
    begin_busy();
    read_document(2, 1, STREAM);
    node_adopt(&node, 3210, &next_plan);
    read_document(2, 0, STREAM);
    node_adopt(&node, 3220, &next_plan);
    ck_assert_int_eq(node.plan.pools[0].verdicts.members[0].verdict, VERDICT_UP);
    ck_assert_uint_eq(member_state(0).sockets, 10);
}
END_TEST

START_TEST(a_new_pool_is_ready_at_once_when_its_servers_are_known)
{
    size_t member;
    begin_busy();
    read_document(2, 0,
                  STREAM "  web: {name: web.lab.example, ports: [1755], servers: [media1]}\n");
    node_adopt(&node, 3210, &next_plan);
    ck_assert_int_eq(pool_choose(node.plan.pools[1].pool, 3210, 0, &member), POOL_CHOSEN);
}
END_TEST

START_TEST(a_port_that_a_pool_asks_for_from_now_on_counts_at_once)
{
    begin_busy();
    read_document(2, 0, "  stream: {name: stream.lab.example, ports: [1755, 80], servers: all}\n");
    node_adopt(&node, 3210, &next_plan);
    ck_assert_int_eq(node.plan.pools[0].verdicts.members[0].verdict, VERDICT_DOWN);
    ck_assert_int_eq(member_state(0).fitness, POOL_UNFIT);
}
END_TEST

/* ---- room ---- */

START_TEST(seats_are_left_for_servers_to_come_and_no_more)
{
    begin();
    read_document(2 + SPARE_SEATS, 0, STREAM);
    ck_assert(node_has_room(&node, next_plan.document));
    node_adopt(&node, 100, &next_plan);
    ck_assert_uint_eq(node.plan.servers[1 + SPARE_SEATS].seat, 1 + SPARE_SEATS);
    read_document(3 + SPARE_SEATS, 0, STREAM);
    ck_assert(!node_has_room(&node, next_plan.document));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/plan");
    SUITE_CASE(suite, "stays", the_same_document_read_anew_changes_nothing,
               a_report_goes_on_as_before, the_count_of_what_was_handed_out_goes_on,
               a_partners_count_is_a_difference_still,
               an_order_of_a_group_holds_over_another_document);
    SUITE_CASE(suite, "changes", a_new_server_takes_a_free_seat_and_is_named_once_it_reports,
               a_pool_without_servers_waits_for_those_that_join,
               a_new_server_is_given_its_share_step_by_step,
               a_server_that_is_gone_leaves_its_seat_and_the_others_keep_theirs,
               a_server_that_comes_back_is_what_its_last_report_said,
               a_new_pool_is_ready_at_once_when_its_servers_are_known,
               a_port_that_a_pool_asks_for_from_now_on_counts_at_once);
    SUITE_CASE(suite, "room", seats_are_left_for_servers_to_come_and_no_more);
    return suite_run(suite);
}
