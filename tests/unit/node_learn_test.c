/* What records of agents and of the partner mean to a node. */
#include "unit/node_steps.h"

START_TEST(a_report_makes_its_server_fit_and_is_acknowledged)
{
    size_t member;
    begin();
    report(10, MEDIA1, 1, true);
    ck_assert_str_eq(last_note(), "verdict media1 unknown>up listening");
    ck_assert_uint_eq(sent(MESSAGE_ACK, MEDIA1), 1);
    ck_assert_int_eq(member_state(0).fitness, POOL_FIT);
    ck_assert_uint_eq(member_state(0).sockets, 10);
    ck_assert_int_eq(choose(10, &member), POOL_CHOSEN);
    report(20, MEDIA1, 2, false);
    ck_assert_str_eq(last_note(), "verdict media1 up>down not-listening");
    ck_assert_int_ne(choose(20, &member), POOL_CHOSEN);
}
END_TEST

START_TEST(a_report_that_cannot_be_read_is_counted_and_the_last_one_stands)
{
    begin();
    report(10, MEDIA1, 1, true);
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_REPORT, "media1", 1, 2);
    record->value[0] = 0x80;
    record->value_size = 1;
    frame(20, MEDIA1);
    ck_assert_str_eq(last_note(), "refuse media1 > report-missing-field");
    ck_assert_uint_eq(node.report_reasons[REPORT_MISSING_FIELD], 1);
    ck_assert_uint_eq(node.plan.servers[0].report.services[0].sockets, 10);
    ck_assert_int_eq(member_state(0).fitness, POOL_FIT);
}
END_TEST

START_TEST(an_agent_speaks_for_its_own_server_only)
{
    begin();
    begin_records(MESSAGE_DELTA);
    add_report(2, 1, true, 10);
    frame(10, MEDIA1);
    ck_assert_str_eq(last_note(), "refuse media1 > not-owner");
    ck_assert(!node.plan.servers[1].reported);
}
END_TEST

START_TEST(the_partners_order_is_in_force_and_goes_to_the_disk)
{
    begin();
    begin_records(MESSAGE_DELTA);
    add_drain("drain/media2", 4);
    frame(10, REPLICA_PARTNER);
    ck_assert_str_eq(last_note(), "verdict media2 unknown>draining ordered");
    ck_assert_uint_eq(update.store_count, 1);
    ck_assert_str_eq(update.stores[0].record.key.name, "drain/media2");
    ck_assert_uint_eq(update.stores[0].ticket, 0);
    ck_assert_uint_eq(update.reply_ticket, 0);
}
END_TEST

START_TEST(an_order_of_a_later_version_is_kept_but_not_obeyed)
{
    begin();
    begin_records(MESSAGE_DELTA);
    add_drain("explode/media2", 4);
    frame(10, REPLICA_PARTNER);
    ck_assert_uint_eq(node.order_reasons[ORDER_UNKNOWN_VERB], 1);
    ck_assert_uint_eq(update.note_count, 0);
    ck_assert_uint_eq(update.store_count, 1);
}
END_TEST

START_TEST(what_the_partner_handed_out_counts_from_the_second_total_on)
{
    static const struct {
        uint8_t total;
        uint32_t counted;
    } table[] = {{40, 0}, {45, 5}, {45, 5}, {3, 8}}; /* 3: it began anew */
    begin();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        begin_records(MESSAGE_DELTA);
        add_handed("ns2/stream/media1", i + 1, table[i].total);
        frame(10 + (int64_t)i, REPLICA_PARTNER);
        ck_assert_uint_eq(member_state(0).partner_handed, table[i].counted);
    }
}
END_TEST

START_TEST(what_is_handed_out_of_no_pool_or_server_of_ours_counts_nothing)
{
    static const char *const names[] = {"ns2/nopool/media1", "ns2/stream/nobody", "ns2/stream",
                                        "ns2/stream/media1/more"};
    begin();
    for (uint64_t total = 1; total < 3; total++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            begin_records(MESSAGE_DELTA);
            add_handed(names[i], total, (uint8_t)total);
            frame(10, REPLICA_PARTNER);
        }
    for (size_t i = 0; i < 2; i++)
        ck_assert_uint_eq(member_state(i).partner_handed, 0);
}
END_TEST

START_TEST(the_partners_status_is_known_with_its_age)
{
    struct status status = {.sync = REPLICA_SYNCED, .up_s = 17, .answers = 1000};
    begin();
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_NODE, "ns2", 1, 1);
    record->age_ms = 4;
    record->value_size = (uint16_t)status_encode(&status, record->value);
    frame(10, REPLICA_PARTNER);
    ck_assert(node.partner_known);
    ck_assert_uint_eq(node.partner.up_s, 17);
    ck_assert_int_eq(node.partner_stated_ms, 6);
}
END_TEST

START_TEST(the_partners_fitness_and_its_clock_are_known)
{
    struct fitness theirs = {.fault = "isolated", .reception = "no-reply", .wall_ms = 1005000};
    struct fitness mine = {.fault = "sound", .wall_ms = 1000000};
    int64_t offset_ms;
    begin();
    ck_assert(!node_clock_offset(&node, &offset_ms));
    step(100, (struct node_event){.type = NODE_FITNESS, .fitness = &mine});
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_FITNESS, "ns2", 1, 1);
    record->age_ms = 20;
    record->value_size = (uint16_t)fitness_encode(&theirs, record->value);
    frame(320, REPLICA_PARTNER); /* stated at 300: 200 ms after mine */
    ck_assert_str_eq(node.fitness[1].fitness.fault, "isolated");
    ck_assert(node_clock_offset(&node, &offset_ms));
    ck_assert_int_eq(offset_ms, 4800);
}
END_TEST

static void partner_tells(int64_t now_ms, uint32_t number, uint64_t sequence)
{
    struct transition happened = {.number = number,
                                  .earlier_ms = 40,
                                  .area = "address",
                                  .subject = "ns1",
                                  .to = "active",
                                  .reason = "silence"};
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_TRANSITION, "ns2/5", 1, sequence);
    record->age_ms = 4;
    record->value_size = (uint16_t)transition_encode(&happened, record->value);
    frame(now_ms, REPLICA_PARTNER);
}

START_TEST(what_happened_to_the_partner_is_known_when_it_was)
{
    begin();
    partner_tells(100, 5, 1);
    const struct node_transition *kept = &node.transitions[1][5];
    ck_assert_uint_eq(kept->told.number, 5);
    ck_assert_int_eq(kept->at_ms, 56);
    ck_assert_str_eq(kept->told.reason, "silence");
    partner_tells(200, 5 + NODE_TRANSITIONS_MAX, 2); /* its slot is written anew */
    ck_assert_uint_eq(kept->told.number, 5 + NODE_TRANSITIONS_MAX);
}
END_TEST

START_TEST(what_happened_here_is_told_once_however_often_the_guardian_says_it)
{
    struct transition happened = {
        .number = 3, .earlier_ms = 10, .area = "worker", .subject = "ns1", .to = "dead"};
    struct record_key key = {.kind = RECORD_TRANSITION, .name = "ns1/3"};
    begin();
    step(50, (struct node_event){.type = NODE_HAPPENED, .transition = &happened});
    const struct table_entry *entry = table_find(&node.table, &key);
    ck_assert_ptr_nonnull(entry);
    uint64_t sequence = entry->version.sequence;
    happened.earlier_ms = 60;
    step(100, (struct node_event){.type = NODE_HAPPENED, .transition = &happened});
    ck_assert_uint_eq(table_find(&node.table, &key)->version.sequence, sequence);
    ck_assert_int_eq(node.transitions[0][3].at_ms, 40);
}
END_TEST

static void agents_are(int64_t now_ms, unsigned fresh, unsigned lost)
{
    uint16_t counted_fresh, counted_lost;
    node_count_agents(&node, now_ms, &counted_fresh, &counted_lost);
    ck_assert_uint_eq(counted_fresh, fresh);
    ck_assert_uint_eq(counted_lost, lost);
}

START_TEST(agents_that_lost_the_partner_are_counted_while_they_are_heard)
{
    begin();
    hello(0, MEDIA2, "media2");
    agents_are(0, 0, 0);
    report(100, MEDIA1, 1, true);
    agents_are(100, 1, 0);
    begin_records(MESSAGE_DELTA);
    add_report(2, 1, true, 10);
    message.records.partner_lacks = true;
    frame(300, MEDIA2);
    agents_are(300, 2, 1);
    agents_are(2099, 2, 1);
    agents_are(2100, 1, 1); /* media1 is not heard any more */
    report(2200, MEDIA2, 2, true);
    agents_are(2200, 1, 0);
}
END_TEST

/* What it would say of another's server is refused, and counts as no word of its own. */
START_TEST(an_agent_that_is_refused_is_not_counted)
{
    begin();
    begin_records(MESSAGE_DELTA);
    add_report(2, 1, true, 10);
    message.records.partner_lacks = true;
    frame(10, MEDIA1);
    agents_are(10, 0, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/learn");
    SUITE_CASE(suite, "agents", a_report_makes_its_server_fit_and_is_acknowledged,
               a_report_that_cannot_be_read_is_counted_and_the_last_one_stands,
               an_agent_speaks_for_its_own_server_only);
    SUITE_CASE(suite, "partner", the_partners_order_is_in_force_and_goes_to_the_disk,
               an_order_of_a_later_version_is_kept_but_not_obeyed,
               what_the_partner_handed_out_counts_from_the_second_total_on,
               what_is_handed_out_of_no_pool_or_server_of_ours_counts_nothing,
               the_partners_status_is_known_with_its_age,
               the_partners_fitness_and_its_clock_are_known,
               what_happened_to_the_partner_is_known_when_it_was);
    SUITE_CASE(suite, "guardian",
               what_happened_here_is_told_once_however_often_the_guardian_says_it,
               agents_that_lost_the_partner_are_counted_while_they_are_heard,
               an_agent_that_is_refused_is_not_counted);
    return suite_run(suite);
}
