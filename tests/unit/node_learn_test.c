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
    ck_assert_uint_eq(node.servers[0].report.services[0].sockets, 10);
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
    ck_assert(!node.servers[1].reported);
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
               the_partners_status_is_known_with_its_age);
    return suite_run(suite);
}
