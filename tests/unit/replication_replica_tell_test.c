/* What the partner is told, and when. */
#include "replica_fixture.h"
#include "unit/suite.h"

enum { CAPACITY = 4096 };

static struct fixture ns2;

/* ns2 is dialled and synced; ns1 greets at 1000 ms, wanting a snapshot or not. */
static const char *greet(bool wants_snapshot)
{
    struct message *hello = hello_of("ns1", 11, 21, 0);
    hello->hello.wants_snapshot = wants_snapshot;
    return fixture_hear(&ns2, 1000, REPLICA_PARTNER, hello);
}

static void setup(size_t reports)
{
    char name[32];
    fixture_start(&ns2, 2, 21, CAPACITY);
    for (size_t i = 0; i < reports; i++) {
        struct table_entry *entry;
        snprintf(name, sizeof name, "media%zu", i);
        struct record record = record_of(RECORD_REPORT, name, 1, 1);
        table_merge(&ns2.table, &record, 0, &entry);
    }
    fixture_step(&ns2, 0, REPLICA_START);
    fixture_step(&ns2, 1000, REPLICA_TIMEOUT);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_SYNCED);
}

/* "3 snapshot 0..2" and so on: how many messages of the type the last step sent, and records. */
static size_t sent(enum message_type type, size_t *entries)
{
    size_t messages = 0;
    *entries = 0;
    for (size_t i = 0; i < ns2.update.send_count; i++) {
        const struct message *message = &ns2.update.sends[i].message;
        if (message->type != type)
            continue;
        messages++;
        *entries += type == MESSAGE_VERSIONS ? message->versions.count : message->records.count;
    }
    return messages;
}

START_TEST(the_first_change_goes_at_once_and_the_next_are_gathered)
{
    setup(0);
    greet(false);
    fixture_write(&ns2, 1010, RECORD_NODE, "ns2");
    ck_assert_int_eq(replica_deadline(&ns2.replica), 1000);
    ck_assert_str_eq(fixture_step(&ns2, 1010, REPLICA_TIMEOUT), "ns1: delta [node ns2 1.1]");
    fixture_write(&ns2, 1015, RECORD_NODE, "ns2");
    ck_assert_int_eq(replica_deadline(&ns2.replica), 1010 + REPLICA_DELTA_MS);
    fixture_write(&ns2, 1020, RECORD_ORDER, "drain/media1");
    fixture_write(&ns2, 1025, RECORD_NODE, "ns2");
    ck_assert_str_eq(fixture_step(&ns2, 1059, REPLICA_TIMEOUT), "");
    ck_assert_str_eq(fixture_step(&ns2, 1060, REPLICA_TIMEOUT),
                     "ns1: delta [order drain/media1 1.2, node ns2 1.3]");
    ck_assert_str_eq(fixture_step(&ns2, 1110, REPLICA_TIMEOUT), "");
}
END_TEST

START_TEST(nothing_is_told_before_the_partner_greets_and_then_all_of_it)
{
    setup(0);
    fixture_write(&ns2, 1000, RECORD_NODE, "ns2");
    ck_assert_str_eq(fixture_step(&ns2, 1000, REPLICA_TIMEOUT), "");
    ck_assert_int_eq(replica_deadline(&ns2.replica), INT64_MAX);
    ck_assert_str_eq(greet(false), "ns1: hello node ns2 boot 21 heard 11 known 0 synced\n"
                                   "ns1: delta [node ns2 1.1]\n"
                                   "ns1: versions 0 [node ns2 1.1] last");
}
END_TEST

START_TEST(many_changes_go_in_several_deltas_and_steps)
{
    enum { CHANGES = 9 * MESSAGE_RECORDS_MAX };
    char name[32];
    size_t told;
    setup(0);
    greet(false);
    for (size_t i = 0; i < CHANGES; i++) {
        snprintf(name, sizeof name, "drain/media%zu", i);
        fixture_write(&ns2, 1100, RECORD_ORDER, name);
    }
    fixture_step(&ns2, 1100, REPLICA_TIMEOUT);
    ck_assert_uint_eq(sent(MESSAGE_DELTA, &told), REPLICA_SENDS_MAX);
    ck_assert_uint_eq(told, REPLICA_SENDS_MAX * MESSAGE_RECORDS_MAX);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 1100);
    fixture_step(&ns2, 1100, REPLICA_TIMEOUT);
    ck_assert_uint_eq(sent(MESSAGE_DELTA, &told), 1);
    ck_assert_uint_eq(told, MESSAGE_RECORDS_MAX);
    ck_assert_uint_eq(replica_behind(&ns2.replica), 0);
    ck_assert_int_gt(replica_deadline(&ns2.replica), 1100);
}
END_TEST

START_TEST(versions_go_at_the_greeting_and_each_second)
{
    setup(1);
    ck_assert(strstr(greet(false), "ns1: versions 0 [report media0 1.1] last") != NULL);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 2000);
    ck_assert_str_eq(fixture_step(&ns2, 1999, REPLICA_TIMEOUT), "");
    ck_assert_str_eq(fixture_step(&ns2, 2000, REPLICA_TIMEOUT),
                     "ns1: versions 0 [report media0 1.1] last");
    ck_assert_int_eq(replica_deadline(&ns2.replica), 3000);
}
END_TEST

START_TEST(many_versions_go_in_chunks_over_several_steps)
{
    size_t entries;
    setup(4000); /* 11 chunks */
    greet(false);
    ck_assert_uint_eq(sent(MESSAGE_VERSIONS, &entries), REPLICA_SENDS_MAX - 1);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 1000);
    size_t first = entries;
    fixture_step(&ns2, 1000, REPLICA_TIMEOUT);
    ck_assert_uint_eq(sent(MESSAGE_VERSIONS, &entries), 4);
    ck_assert_uint_eq(first + entries, 4000);
    const struct message_versions *last = &ns2.update.sends[3].message.versions;
    ck_assert(last->last);
    ck_assert_uint_eq(last->chunk, 10);
    ck_assert(!ns2.update.sends[2].message.versions.last);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 2000);
}
END_TEST

START_TEST(an_empty_table_is_a_snapshot_of_one_empty_chunk)
{
    setup(0);
    ck_assert_str_eq(greet(true), "ns1: hello node ns2 boot 21 heard 11 known 0 synced\n"
                                  "ns1: snapshot 0 [] last");
}
END_TEST

START_TEST(a_snapshot_goes_as_far_as_its_credit)
{
    size_t records;
    setup(6 * MESSAGE_RECORDS_MAX + 1);
    greet(true);
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), REPLICA_CREDIT);
    ck_assert_uint_eq(records, REPLICA_CREDIT * MESSAGE_RECORDS_MAX);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 2000); /* nothing before an ACK */
    fixture_hear(&ns2, 1001, REPLICA_PARTNER, ack_of_chunk(1));
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), 2);
    fixture_hear(&ns2, 1001, REPLICA_PARTNER, ack_of_chunk(0)); /* late */
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), 0);
    ck_assert_uint_eq(ns2.replica.snapshot_acked, 2);
    fixture_hear(&ns2, 1001, REPLICA_PARTNER, ack_of_chunk(99)); /* of nothing that was sent */
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), 0);
    fixture_hear(&ns2, 1002, REPLICA_PARTNER, ack_of_chunk(5));
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), 1);
    ck_assert_uint_eq(records, 1);
    ck_assert_uint_eq(ns2.update.sends[0].message.records.chunk, 6);
    ck_assert(ns2.update.sends[0].message.records.last);
}
END_TEST

START_TEST(a_snapshot_asked_for_twice_in_one_greeting_is_begun_once)
{
    size_t records;
    setup(6 * MESSAGE_RECORDS_MAX);
    greet(true);
    greet(true);
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), 0);
    struct message *hello = hello_of("ns1", 11, 21, 0);
    hello->hello.wants_snapshot = true;
    fixture_hear(&ns2, 1000 + REPLICA_HELLO_MS, REPLICA_PARTNER, hello);
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), REPLICA_CREDIT);
    fixture_hear(&ns2, 1201, REPLICA_PARTNER, ack_of_chunk(0));
    fixture_hear(&ns2, 1202, REPLICA_PARTNER, hello); /* it got one and lost the next */
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), REPLICA_CREDIT);
    hello->hello.boot = 12;
    fixture_hear(&ns2, 1203, REPLICA_PARTNER, hello);
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), REPLICA_CREDIT);
}
END_TEST

START_TEST(a_snapshot_that_had_no_room_goes_on_at_once)
{
    char name[32];
    size_t records;
    setup(6 * MESSAGE_RECORDS_MAX);
    greet(true);
    for (size_t i = 0; i < REPLICA_SENDS_MAX * MESSAGE_RECORDS_MAX; i++) {
        snprintf(name, sizeof name, "drain/media%zu", i);
        fixture_write(&ns2, 1100, RECORD_ORDER, name);
    }
    fixture_hear(&ns2, 1100, REPLICA_PARTNER, ack_of_chunk(3));
    ck_assert_uint_eq(sent(MESSAGE_DELTA, &records), REPLICA_SENDS_MAX);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 1100);
    fixture_step(&ns2, 1100, REPLICA_TIMEOUT);
    ck_assert_uint_eq(sent(MESSAGE_SNAPSHOT, &records), REPLICA_CREDIT);
}
END_TEST

/* Marked before the snapshot: it is in there. Marked while it goes: a delta tells. */
START_TEST(a_change_during_a_snapshot_is_told_by_delta)
{
    setup(0);
    fixture_write(&ns2, 1000, RECORD_NODE, "ns2");
    ck_assert_str_eq(greet(true), "ns1: hello node ns2 boot 21 heard 11 known 0 synced\n"
                                  "ns1: snapshot 0 [node ns2 1.1] last");
    fixture_write(&ns2, 1010, RECORD_NODE, "ns2");
    ck_assert_str_eq(fixture_step(&ns2, 1010, REPLICA_TIMEOUT), "ns1: delta [node ns2 1.2]");
}
END_TEST

START_TEST(a_dialler_whose_link_is_down_keeps_its_changes)
{
    static struct fixture ns1;
    fixture_start(&ns1, 1, 11, 16);
    fixture_step(&ns1, 0, REPLICA_START);
    fixture_step(&ns1, 0, REPLICA_LINK_UP);
    fixture_hear(&ns1, 1, REPLICA_PARTNER, hello_of("ns2", 21, 11, 0));
    fixture_step(&ns1, 2, REPLICA_LINK_DOWN);
    fixture_write(&ns1, 3, RECORD_ORDER, "drain/media1");
    ck_assert_str_eq(fixture_step(&ns1, 500, REPLICA_TIMEOUT), "");
    /* A HELLO that was still under way changes nothing. */
    fixture_hear(&ns1, 501, REPLICA_PARTNER, hello_of("ns2", 21, 11, 0));
    ck_assert_str_eq(fixture_lines(&ns1), "");
    ck_assert_uint_eq(replica_behind(&ns1.replica), 0);
    fixture_step(&ns1, 600, REPLICA_LINK_UP);
    ck_assert(strstr(fixture_hear(&ns1, 601, REPLICA_PARTNER, hello_of("ns2", 21, 11, 0)),
                     "ns2: delta [order drain/media1 1.1]\nns2: versions") != NULL);
    fixture_end(&ns1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/replica_tell");
    SUITE_CASE(suite, "delta", the_first_change_goes_at_once_and_the_next_are_gathered,
               nothing_is_told_before_the_partner_greets_and_then_all_of_it,
               many_changes_go_in_several_deltas_and_steps,
               a_dialler_whose_link_is_down_keeps_its_changes);
    SUITE_CASE(suite, "versions", versions_go_at_the_greeting_and_each_second,
               many_versions_go_in_chunks_over_several_steps);
    SUITE_CASE(suite, "snapshot", an_empty_table_is_a_snapshot_of_one_empty_chunk,
               a_snapshot_goes_as_far_as_its_credit, a_snapshot_that_had_no_room_goes_on_at_once,
               a_snapshot_asked_for_twice_in_one_greeting_is_begun_once,
               a_change_during_a_snapshot_is_told_by_delta);
    int status = suite_run(suite);
    fixture_end(&ns2);
    return status;
}
