#include "replication/replica.h"

#include "replica_fixture.h"
#include "unit/suite.h"

enum { CAPACITY = 64 };

static struct fixture ns1, ns2;

START_TEST(a_cluster_of_one_is_synced_at_once_and_has_nothing_to_do)
{
    fixture_start(&ns1, 1, 11, CAPACITY);
    ns1.replica.config.partner = NULL;
    ns1.replica.config.dials = false;
    ck_assert_int_eq(replica_deadline(&ns1.replica), INT64_MAX);
    ck_assert_str_eq(fixture_step(&ns1, 5, REPLICA_START), "");
    ck_assert(ns1.update.sync_changed);
    ck_assert_str_eq(replica_sync_reason(&ns1.replica), "only-node");
    fixture_write(&ns1, 5, RECORD_NODE, "ns1");
    ck_assert_int_eq(replica_deadline(&ns1.replica), INT64_MAX);
    ck_assert_uint_eq(replica_behind(&ns1.replica), 0);
}
END_TEST

START_TEST(silence_after_the_start_means_there_is_nobody_to_ask)
{
    fixture_start(&ns2, 2, 21, CAPACITY);
    fixture_step(&ns2, 5, REPLICA_START);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 5 + REPLICA_ALONE_MS);
    fixture_step(&ns2, 4 + REPLICA_ALONE_MS, REPLICA_TIMEOUT);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_WAITING);
    ck_assert(!ns2.update.sync_changed);
    fixture_step(&ns2, 5 + REPLICA_ALONE_MS, REPLICA_TIMEOUT);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_SYNCED);
    ck_assert(ns2.update.sync_changed);
    ck_assert_str_eq(replica_sync_reason(&ns2.replica), "alone");
    fixture_step(&ns2, 6 + REPLICA_ALONE_MS, REPLICA_TIMEOUT);
    ck_assert(!ns2.update.sync_changed);
}
END_TEST

/* The partner lives, so its snapshot is awaited, asked for every 200 ms; then it dies too. */
START_TEST(a_partner_that_was_heard_is_waited_for_until_it_falls_silent)
{
    fixture_start(&ns2, 2, 21, CAPACITY);
    fixture_step(&ns2, 0, REPLICA_START);
    fixture_hear(&ns2, 900, REPLICA_PARTNER, hello_of("ns1", 11, 0, 0));
    ck_assert_int_eq(replica_deadline(&ns2.replica), 900 + REPLICA_HELLO_MS);
    ck_assert_str_eq(fixture_step(&ns2, 1100, REPLICA_TIMEOUT),
                     "ns1: hello node ns2 boot 21 heard 11 known 0 wants-snapshot");
    ck_assert_int_eq(ns2.replica.sync, REPLICA_WAITING);
    fixture_step(&ns2, 1899, REPLICA_TIMEOUT);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_WAITING);
    fixture_step(&ns2, 1900, REPLICA_TIMEOUT);
    ck_assert_str_eq(replica_sync_reason(&ns2.replica), "alone");
}
END_TEST

START_TEST(the_dialler_says_hello_until_it_is_answered)
{
    fixture_start(&ns1, 1, 11, CAPACITY);
    ck_assert_str_eq(fixture_step(&ns1, 0, REPLICA_START), "");
    const char *hello = "ns2: hello node ns1 boot 11 heard 0 known 0 wants-snapshot";
    ck_assert_str_eq(fixture_step(&ns1, 10, REPLICA_LINK_UP), hello);
    ck_assert_str_eq(fixture_step(&ns1, 209, REPLICA_TIMEOUT), "");
    ck_assert_int_eq(replica_deadline(&ns1.replica), 210);
    ck_assert_str_eq(fixture_step(&ns1, 210, REPLICA_TIMEOUT), hello);
    fixture_hear(&ns1, 220, REPLICA_PARTNER, hello_of("ns2", 21, 11, 0));
    fixture_hear(&ns1, 230, REPLICA_PARTNER,
                 records_of(MESSAGE_SNAPSHOT, record_of(RECORD_NODE, "ns2", 1, 1)));
    ck_assert_int_eq(ns1.replica.sync, REPLICA_RECEIVING);
    ck_assert_str_eq(fixture_step(&ns1, 420, REPLICA_TIMEOUT), "");
    ck_assert_str_eq(fixture_step(&ns1, 421, REPLICA_LINK_DOWN), "");
    ck_assert_str_eq(fixture_step(&ns1, 900, REPLICA_TIMEOUT), "");
    ck_assert_str_eq(fixture_step(&ns1, 901, REPLICA_LINK_UP),
                     "ns2: hello node ns1 boot 11 heard 21 known 0 wants-snapshot");
}
END_TEST

START_TEST(own_records_count_up_within_the_incarnation)
{
    fixture_start(&ns1, 1, 11, CAPACITY);
    struct table_entry *node = fixture_write(&ns1, 0, RECORD_NODE, "ns1");
    ck_assert_uint_eq(node->version.incarnation, 1);
    ck_assert_uint_eq(node->version.sequence, 1);
    ck_assert_int_eq(node->stated_ms, 0);
    ck_assert_ptr_eq(fixture_write(&ns1, 7, RECORD_NODE, "ns1"), node);
    ck_assert_uint_eq(node->version.sequence, 2);
    ck_assert_int_eq(node->stated_ms, 7);
    ck_assert_uint_eq(fixture_write(&ns1, 7, RECORD_HANDED_OUT, "ns1/p/s")->version.sequence, 3);
}
END_TEST

/* The first life told its partner of an order that its own disk refused, and died. */
START_TEST(no_life_gives_a_version_that_an_earlier_one_gave)
{
    struct record_version versions[2];
    for (uint64_t life = 0; life < 2; life++) {
        fixture_start(&ns2, 2, 21 + 4 * life, CAPACITY);
        versions[life] = fixture_write(&ns2, 0, RECORD_ORDER, "drain/media1")->version;
    }
    ck_assert_uint_eq(versions[0].incarnation, versions[1].incarnation);
    ck_assert_int_ne(record_compare(versions[0], versions[1]), 0);
}
END_TEST

START_TEST(an_order_is_above_every_order_seen)
{
    fixture_start(&ns2, 2, 21, CAPACITY);
    struct record stored = record_of(RECORD_ORDER, "drain/media1", 41, 1);
    struct table_entry *restored = replica_restore(&ns2.replica, 0, &stored);
    ck_assert_uint_eq(restored->version.incarnation, 41);
    ck_assert_ptr_eq(ns2.table.newest_change, restored);
    struct table_entry *written = fixture_write(&ns2, 0, RECORD_ORDER, "drain/media2");
    ck_assert_uint_eq(written->version.incarnation, 42);
    ck_assert_uint_eq(record_order_number(written->version), 2);
    stored.version.incarnation = 40;
    ck_assert_ptr_eq(replica_restore(&ns2.replica, 0, &stored), restored);
    ck_assert_uint_eq(restored->version.incarnation, 41);

    fixture_hear(&ns2, 0, REPLICA_PARTNER, hello_of("ns1", 11, 21, 0));
    fixture_hear(&ns2, 0, REPLICA_PARTNER,
                 records_of(MESSAGE_DELTA, record_of(RECORD_ORDER, "group/p", 90, 1)));
    ck_assert_uint_eq(fixture_write(&ns2, 0, RECORD_ORDER, "drain/media1")->version.incarnation,
                      91);
}
END_TEST

START_TEST(a_full_table_refuses_a_write_and_counts_it)
{
    fixture_start(&ns1, 1, 11, 1);
    struct record order = record_of(RECORD_ORDER, "drain/media1", 1, 1);
    ck_assert_ptr_nonnull(fixture_write(&ns1, 0, RECORD_NODE, "ns1"));
    ck_assert_ptr_null(fixture_write(&ns1, 0, RECORD_ORDER, "drain/media1"));
    ck_assert_ptr_null(replica_restore(&ns1.replica, 0, &order));
    ck_assert_uint_eq(ns1.replica.counts[REPLICA_TABLE_FULL], 2);
    ck_assert_ptr_nonnull(fixture_write(&ns1, 0, RECORD_NODE, "ns1"));
}
END_TEST

START_TEST(behind_counts_what_the_partner_has_yet_to_be_told)
{
    fixture_start(&ns2, 2, 21, CAPACITY);
    fixture_step(&ns2, 0, REPLICA_START);
    fixture_write(&ns2, 0, RECORD_NODE, "ns2");
    ck_assert_uint_eq(replica_behind(&ns2.replica), 0); /* nobody is heard */
    ck_assert_int_eq(replica_partner_heard_ms(&ns2.replica), INT64_MIN);
    fixture_hear(&ns2, 10, REPLICA_PARTNER, hello_of("ns1", 11, 21, 0));
    ck_assert_int_eq(replica_partner_heard_ms(&ns2.replica), 10);
    ck_assert_uint_eq(replica_behind(&ns2.replica), 0); /* told at once */
    fixture_write(&ns2, 20, RECORD_NODE, "ns2");
    fixture_write(&ns2, 20, RECORD_ORDER, "drain/media1");
    ck_assert_uint_eq(replica_behind(&ns2.replica), 2);
    fixture_step(&ns2, 10 + REPLICA_DELTA_MS, REPLICA_TIMEOUT);
    ck_assert_uint_eq(replica_behind(&ns2.replica), 0);
}
END_TEST

START_TEST(an_arena_too_small_is_refused)
{
    struct arena arena;
    struct replica replica;
    static _Alignas(16) uint8_t memory[64];
    fixture_start(&ns1, 1, 11, CAPACITY);
    arena_init(&arena, memory, sizeof memory);
    ck_assert(!replica_init(&replica, &ns1.config, &ns1.table, &arena));
}
END_TEST

START_TEST(every_reason_and_state_has_its_word)
{
    for (int i = 0; i < REPLICA_REASON_COUNT; i++)
        ck_assert_ptr_nonnull(replica_reason_text((enum replica_reason)i));
    for (int i = 0; i <= REPLICA_SYNCED; i++)
        ck_assert_ptr_nonnull(replica_sync_text((enum replica_sync)i));
}
END_TEST

static void end(void)
{
    fixture_end(&ns1);
    fixture_end(&ns2);
}

int main(void)
{
    Suite *suite = suite_create("replication/replica");
    SUITE_CASE(suite, "sync", a_cluster_of_one_is_synced_at_once_and_has_nothing_to_do,
               silence_after_the_start_means_there_is_nobody_to_ask,
               a_partner_that_was_heard_is_waited_for_until_it_falls_silent,
               the_dialler_says_hello_until_it_is_answered);
    SUITE_CASE(suite, "write", own_records_count_up_within_the_incarnation,
               no_life_gives_a_version_that_an_earlier_one_gave, an_order_is_above_every_order_seen,
               a_full_table_refuses_a_write_and_counts_it,
               behind_counts_what_the_partner_has_yet_to_be_told, an_arena_too_small_is_refused,
               every_reason_and_state_has_its_word);
    int status = suite_run(suite);
    end();
    return status;
}
