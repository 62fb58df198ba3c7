/* What peers say: refusals, greetings, reports, the partner's records. */
#include "replica_fixture.h"
#include "unit/suite.h"

enum { CAPACITY = 64 };

/* ns2 is dialled, has greeted ns1 (boot 11) and is synced; the time is 100 ms. */
static struct fixture ns2;

static void setup_with(size_t capacity)
{
    struct message *last;
    fixture_start(&ns2, 2, 21, capacity);
    fixture_step(&ns2, 0, REPLICA_START);
    fixture_hear(&ns2, 100, REPLICA_PARTNER, hello_of("ns1", 11, 21, 0));
    last = records_of(MESSAGE_SNAPSHOT, record_of(RECORD_NODE, "ns1", 1, 1));
    last->records.last = true;
    fixture_hear(&ns2, 100, REPLICA_PARTNER, last);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_SYNCED);
}

static void setup(void)
{
    setup_with(CAPACITY);
}

static void teardown(void)
{
    fixture_end(&ns2);
}

static const char *hear(size_t peer, const struct message *message)
{
    return fixture_hear(&ns2, 100, peer, message);
}

/* ---- greeting ---- */

START_TEST(a_hello_that_does_not_fit_is_refused_unanswered)
{
    static const struct {
        size_t peer;
        const char *name, *cluster;
        uint64_t protocol_min, protocol_max;
        enum replica_reason reason;
    } rows[] = {
        {0, "ns1", "lab", 2, 9, REPLICA_WRONG_PROTOCOL},
        {0, "ns1", "lab", 0, 0, REPLICA_WRONG_PROTOCOL},
        {0, "ns1", "other", 1, 1, REPLICA_WRONG_CLUSTER},
        {0, "ns2", "lab", 1, 1, REPLICA_WRONG_NAME},
        {0, "media1", "lab", 1, 1, REPLICA_WRONG_NAME},
        {1, "media2", "lab", 1, 1, REPLICA_WRONG_NAME},
        {1, "ns1", "lab", 1, 1, REPLICA_WRONG_NAME},
    };
    setup();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct message *hello = hello_of(rows[i].name, 99, 0, 7);
        strcpy(hello->hello.cluster, rows[i].cluster);
        hello->hello.protocol_min = rows[i].protocol_min;
        hello->hello.protocol_max = rows[i].protocol_max;
        ck_assert_str_eq(hear(rows[i].peer, hello), "");
        ck_assert_msg(ns2.update.reason == rows[i].reason, "row %zu", i);
        ck_assert_uint_ne(ns2.replica.peers[rows[i].peer].boot, 99);
        ck_assert_uint_eq(ns2.replica.incarnation, 1);
    }
    ck_assert_uint_eq(ns2.replica.counts[REPLICA_WRONG_NAME], 4);
    ck_assert_uint_eq(ns2.replica.peers[REPLICA_PARTNER].refused, 5);
}
END_TEST

/* What media1's agent says on one of its connections, at that time. */
static enum replica_reason say(int64_t now_ms, uint32_t session, const struct message *message)
{
    replica_step(&ns2.replica, now_ms,
                 &(struct replica_event){.type = REPLICA_MESSAGE,
                                         .peer = FIXTURE_MEDIA1,
                                         .session = session,
                                         .message = message},
                 &ns2.update);
    return ns2.update.reason;
}

static const struct message *hello_from(const char *machine, uint64_t boot)
{
    struct message *hello = hello_of("media1", boot, 21, 0);
    memset(hello->hello.machine, 0, sizeof hello->hello.machine);
    memcpy(hello->hello.machine, machine, strlen(machine));
    return hello;
}

START_TEST(a_key_that_is_bound_to_a_machine_is_no_others)
{
    const uint8_t machine[MACHINE_ID_SIZE] = "mine";
    setup();
    replica_bind(&ns2.replica, 0, machine);
    ck_assert_int_eq(say(100, 1, hello_from("its clone", 31)), REPLICA_WRONG_MACHINE);
    ck_assert_int_eq(say(100, 1, hello_from("", 31)), REPLICA_WRONG_MACHINE);
    ck_assert(!ns2.replica.peers[FIXTURE_MEDIA1].greeted);
    ck_assert_int_eq(ns2.replica.peers[FIXTURE_MEDIA1].impostor_ms, 100);
    ck_assert_int_eq(ns2.replica.peers[FIXTURE_MEDIA1].impostor, REPLICA_WRONG_MACHINE);
    ck_assert_int_eq(say(100, 2, hello_from("mine", 31)), REPLICA_TAKEN);
    /* Nor does the other speak on behalf of the one that greeted. */
    ck_assert_int_eq(say(110, 1, report_of("media1", 1, 1)), REPLICA_NOT_GREETED);
    ck_assert_int_eq(say(110, 2, report_of("media1", 1, 1)), REPLICA_TAKEN);
    replica_bind(&ns2.replica, 0, NULL);
    ck_assert_int_eq(say(120, 3, hello_from("another", 32)), REPLICA_TAKEN);
}
END_TEST

START_TEST(who_has_left_is_not_heard)
{
    setup();
    ck_assert_int_eq(say(100, 1, hello_from("", 31)), REPLICA_TAKEN);
    ns2.replica.peers[FIXTURE_MEDIA1].name = NULL;
    ck_assert_int_eq(say(110, 1, report_of("media1", 1, 1)), REPLICA_WRONG_NAME);
    ck_assert_int_eq(say(110, 2, hello_from("", 32)), REPLICA_WRONG_NAME);
    ck_assert_uint_eq(ns2.replica.peers[FIXTURE_MEDIA1].refused, 2);
}
END_TEST

START_TEST(an_agent_that_dials_again_greets_and_goes_on)
{
    setup();
    ck_assert_int_eq(say(100, 1, hello_from("", 31)), REPLICA_TAKEN);
    ck_assert_int_eq(say(110, 1, report_of("media1", 1, 1)), REPLICA_TAKEN);
    ck_assert_int_eq(say(120, 2, report_of("media1", 1, 2)), REPLICA_NOT_GREETED);
    ck_assert_int_eq(say(120, 2, hello_from("", 31)), REPLICA_TAKEN);
    ck_assert_int_eq(say(130, 2, report_of("media1", 1, 2)), REPLICA_TAKEN);
    ck_assert_int_eq(say(140, 3, hello_from("", 32)), REPLICA_TAKEN); /* and in another life */
}
END_TEST

/* The later one has the place while it reports; the two do not drive each other out by turns. */
START_TEST(of_two_agents_with_one_key_one_is_heard)
{
    setup();
    ck_assert_int_eq(say(100, 1, hello_from("", 31)), REPLICA_TAKEN);
    ck_assert_int_eq(say(110, 1, report_of("media1", 1, 1)), REPLICA_TAKEN);
    ck_assert_int_eq(say(200, 2, hello_from("", 32)), REPLICA_TAKEN);
    ck_assert_int_eq(say(210, 2, report_of("media1", 2, 1)), REPLICA_TAKEN);
    for (int64_t now_ms = 300; now_ms < 3000; now_ms += 100) {
        ck_assert_int_eq(say(now_ms, 1, report_of("media1", 1, 2)), REPLICA_NOT_GREETED);
        ck_assert_int_eq(say(now_ms, 1, hello_from("", 31)), REPLICA_TWO_SESSIONS);
    }
    ck_assert_int_eq(ns2.replica.peers[FIXTURE_MEDIA1].impostor, REPLICA_TWO_SESSIONS);
    ck_assert_int_eq(say(3000, 2, report_of("media1", 2, 2)), REPLICA_TAKEN);
    /* Once that one is silent the other may come back. */
    ck_assert_int_eq(say(3000 + REPLICA_PLACE_MS - 1, 1, hello_from("", 31)), REPLICA_TWO_SESSIONS);
    ck_assert_int_eq(say(3000 + REPLICA_PLACE_MS, 1, hello_from("", 31)), REPLICA_TAKEN);
}
END_TEST

START_TEST(a_role_must_fit_the_key)
{
    setup();
    struct message *hello = hello_of("media1", 31, 0, 0);
    hello->hello.role = MESSAGE_NODE;
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, hello), "");
    ck_assert_int_eq(ns2.update.reason, REPLICA_WRONG_NAME);
}
END_TEST

START_TEST(who_has_not_greeted_is_asked_to)
{
    setup();
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 1)),
                     "media1: hello node ns2 boot 21 heard 0 known 0 synced");
    ck_assert_int_eq(ns2.update.reason, REPLICA_NOT_GREETED);
    ck_assert_ptr_null(fixture_find(&ns2, RECORD_REPORT, "media1"));
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0)),
                     "media1: hello node ns2 boot 21 heard 31 known 0 synced");
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 1)), "media1: ack 1.1");
}
END_TEST

/* Of a burst of messages from a partner that has not greeted only the first is answered. */
START_TEST(a_partner_is_asked_to_greet_once_in_200_ms)
{
    const char *hello = "ns1: hello node ns2 boot 22 heard 0 known 0 wants-snapshot";
    fixture_start(&ns2, 2, 22, CAPACITY);
    fixture_step(&ns2, 0, REPLICA_START);
    ck_assert_str_eq(hear(REPLICA_PARTNER, ack_of_chunk(0)), hello);
    ck_assert_str_eq(hear(REPLICA_PARTNER, ack_of_chunk(0)), "");
    ck_assert_str_eq(fixture_hear(&ns2, 300, REPLICA_PARTNER, ack_of_chunk(0)), hello);
    ck_assert_uint_eq(ns2.replica.counts[REPLICA_NOT_GREETED], 3);
}
END_TEST

START_TEST(the_dialled_side_answers_every_hello_and_the_dialler_only_what_calls_for_it)
{
    setup();
    ns2.replica.versions_due_ms = 5000;
    ck_assert(strstr(hear(REPLICA_PARTNER, hello_of("ns1", 11, 21, 0)),
                     "ns1: hello node ns2 boot 21 heard 11 known 0 synced") != NULL);

    static struct fixture ns1;
    fixture_start(&ns1, 1, 11, CAPACITY);
    fixture_step(&ns1, 0, REPLICA_START);
    fixture_step(&ns1, 0, REPLICA_LINK_UP);
    const char *answer = "ns2: hello node ns1 boot 11 heard 21 known 0 wants-snapshot";
    ck_assert(strstr(fixture_hear(&ns1, 1, 0, hello_of("ns2", 21, 11, 0)), "hello") == NULL);
    ck_assert(strstr(fixture_hear(&ns1, 2, 0, hello_of("ns2", 21, 0, 0)), answer) != NULL);
    ck_assert(strstr(fixture_hear(&ns1, 3, 0, hello_of("ns2", 21, 10, 0)), answer) != NULL);
    fixture_hear(&ns1, 4, 0, records_of(MESSAGE_DELTA, record_of(RECORD_NODE, "ns2", 4, 1)));
    answer = "ns2: hello node ns1 boot 11 heard 22 known 5 wants-snapshot";
    ck_assert(strstr(fixture_hear(&ns1, 5, 0, hello_of("ns2", 22, 11, 0)), answer) != NULL);
    ck_assert(strstr(fixture_hear(&ns1, 6, 0, hello_of("ns2", 22, 11, 0)), "hello") == NULL);
    fixture_end(&ns1);
}
END_TEST

/* ---- incarnations ---- */

START_TEST(a_higher_incarnation_is_adopted_and_own_records_are_stated_anew)
{
    setup();
    fixture_write(&ns2, 100, RECORD_NODE, "ns2");
    fixture_write(&ns2, 100, RECORD_HANDED_OUT, "ns2/p/s");
    fixture_write(&ns2, 100, RECORD_ORDER, "drain/media1");
    fixture_step(&ns2, 150, REPLICA_TIMEOUT);
    ck_assert_uint_eq(replica_behind(&ns2.replica), 0);
    fixture_hear(&ns2, 160, REPLICA_PARTNER, hello_of("ns1", 11, 21, 6));
    ck_assert_uint_eq(ns2.replica.incarnation, 6);
    ck_assert_uint_eq(replica_behind(&ns2.replica), 2);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_NODE, "ns2")->version.incarnation, 6);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_HANDED_OUT, "ns2/p/s")->version.incarnation, 6);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_NODE, "ns1")->version.incarnation, 1);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_ORDER, "drain/media1")->version.incarnation, 1);
    ck_assert_int_eq(fixture_find(&ns2, RECORD_NODE, "ns2")->stated_ms, 100);
    fixture_hear(&ns2, 160, REPLICA_PARTNER, hello_of("ns1", 11, 21, 5));
    ck_assert_uint_eq(ns2.replica.incarnation, 6);
}
END_TEST

START_TEST(what_is_told_to_be_least_is_fixed_when_a_life_begins)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    hear(FIXTURE_MEDIA1, report_of("media1", 7, 500));
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, hello_of("media1", 31, 21, 0)),
                     "media1: hello node ns2 boot 21 heard 31 known 0 synced");
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, hello_of("media1", 32, 0, 0)),
                     "media1: hello node ns2 boot 21 heard 32 known 8 synced");
    hear(FIXTURE_MEDIA1, report_of("media1", 8, 1));
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, hello_of("media1", 32, 0, 0)),
                     "media1: hello node ns2 boot 21 heard 32 known 8 synced");
}
END_TEST

START_TEST(the_partners_next_life_is_told_above_its_own_records_alone)
{
    setup();
    struct record records[] = {
        record_of(RECORD_NODE, "ns1", 4, 1), record_of(RECORD_HANDED_OUT, "ns1/p/s", 5, 1),
        record_of(RECORD_REPORT, "media1", 70, 1), record_of(RECORD_ORDER, "drain/media1", 80, 1)};
    for (size_t i = 0; i < 4; i++)
        hear(REPLICA_PARTNER, records_of(MESSAGE_DELTA, records[i]));
    fixture_write(&ns2, 100, RECORD_NODE, "ns2");
    ck_assert(strstr(hear(REPLICA_PARTNER, hello_of("ns1", 12, 0, 60)), "known 6") != NULL);
}
END_TEST

/* The partner knows what ns2 wrote in an earlier life: that returns as history, below all that this
 * life writes, and is no news for who reads the changes. */
START_TEST(own_records_of_an_earlier_life_come_back_as_history)
{
    setup();
    fixture_write(&ns2, 100, RECORD_NODE, "ns2");
    hear(REPLICA_PARTNER, records_of(MESSAGE_DELTA, record_of(RECORD_HANDED_OUT, "ns2/p/s", 4, 9)));
    ck_assert_uint_eq(ns2.replica.incarnation, 5);
    ck_assert_uint_eq(ns2.update.change_count, 0);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_HANDED_OUT, "ns2/p/s")->version.incarnation, 4);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_NODE, "ns2")->version.incarnation, 5);
    ck_assert_uint_eq(fixture_write(&ns2, 100, RECORD_HANDED_OUT, "ns2/p/s")->version.incarnation,
                      5);
    hear(REPLICA_PARTNER, records_of(MESSAGE_DELTA, record_of(RECORD_NODE, "ns2", 1, 1)));
    ck_assert_uint_eq(ns2.replica.incarnation, 5); /* its own echo */
}
END_TEST

/* ---- agents ---- */

START_TEST(an_agent_writes_its_own_report_and_nothing_else)
{
    struct record forbidden[] = {
        record_of(RECORD_REPORT, "media2", 1, 1), record_of(RECORD_NODE, "media1", 1, 1),
        record_of(RECORD_ORDER, "drain/media2", 1, 1), record_of(RECORD_NODE, "ns1", 9, 9),
        record_of(RECORD_HANDED_OUT, "media1/p/s", 1, 1)};
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    uint64_t digest = table_digest(&ns2.table);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        ck_assert_str_eq(hear(FIXTURE_MEDIA1, records_of(MESSAGE_DELTA, forbidden[i])), "");
        ck_assert_int_eq(ns2.update.reason, REPLICA_NOT_OWNER);
    }
    ck_assert_uint_eq(table_digest(&ns2.table), digest);
    ck_assert_uint_eq(ns2.replica.counts[REPLICA_NOT_OWNER], 5);
    ck_assert_uint_eq(ns2.replica.peers[FIXTURE_MEDIA1].refused, 5);
}
END_TEST

START_TEST(messages_between_nodes_are_not_for_agents)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    const struct message *forbidden[] = {
        records_of(MESSAGE_SNAPSHOT, record_of(RECORD_REPORT, "media1", 1, 1)),
        versions_of(MESSAGE_PULL, RECORD_NODE, "ns1", 1, 1), ack_of_chunk(0)};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(hear(FIXTURE_MEDIA1, forbidden[i]), "");
        ck_assert_int_eq(ns2.update.reason, REPLICA_NOT_FOR_AGENTS);
    }
    hear(FIXTURE_MEDIA1, versions_of(MESSAGE_VERSIONS, RECORD_NODE, "ns9", 1, 1));
    ck_assert_int_eq(ns2.update.reason, REPLICA_NOT_FOR_AGENTS);
}
END_TEST

START_TEST(a_report_is_acknowledged_when_the_table_holds_it)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 2, 5)), "media1: ack 2.5");
    ck_assert_uint_eq(ns2.update.change_count, 1);
    ck_assert_str_eq(ns2.update.changes[0]->key.name, "media1");
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 2, 5)), "media1: ack 2.5");
    ck_assert_uint_eq(ns2.update.change_count, 0);
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 2, 4)), ""); /* late */
    ck_assert_int_eq(ns2.update.reason, REPLICA_TAKEN);
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 900)), "");
    ck_assert_int_eq(ns2.update.reason, REPLICA_OLD_INCARNATION);
    ck_assert_uint_eq(fixture_find(&ns2, RECORD_REPORT, "media1")->version.sequence, 5);
}
END_TEST

START_TEST(only_what_the_partner_lacks_is_relayed_even_when_known)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    uint64_t change = ns2.table.last_change;
    struct message *report = report_of("media1", 1, 1);
    hear(FIXTURE_MEDIA1, report);
    ck_assert_uint_eq(ns2.table.last_change, change);
    report->records.partner_lacks = true;
    hear(FIXTURE_MEDIA1, report);
    ck_assert_uint_eq(ns2.table.last_change, change + 1);
    ck_assert_str_eq(ns2.table.newest_change->key.name, "media1");
}
END_TEST

/* The table knows of an earlier life by way of the partner; this one counts on below it. */
START_TEST(an_agent_that_would_be_ignored_is_told_a_higher_incarnation)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 32, 0, 0));
    hear(REPLICA_PARTNER, report_of("media1", 1, 500));
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 1)),
                     "media1: hello node ns2 boot 21 heard 32 known 2 synced");
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 1)), ""); /* the same again */
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 2, 2)), "media1: ack 2.2");
}
END_TEST

/* A late report of an earlier connection slips in between: that must not end the asking. */
START_TEST(a_straggler_of_an_earlier_life_does_not_hide_the_present_one)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 32, 0, 0));
    hear(FIXTURE_MEDIA1, report_of("media1", 8, 1));
    hear(FIXTURE_MEDIA1, report_of("media1", 1, 15));
    ck_assert_int_eq(ns2.update.reason, REPLICA_OLD_INCARNATION);
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 16)),
                     "media1: hello node ns2 boot 21 heard 32 known 9 synced");
}
END_TEST

START_TEST(one_message_of_many_reports_gets_one_answer)
{
    setup();
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    struct message *delta = report_of("media1", 1, 1);
    delta->records.count = MESSAGE_RECORDS_MAX;
    for (size_t i = 0; i < MESSAGE_RECORDS_MAX; i++)
        delta->records.records[i] = record_of(RECORD_REPORT, "media1", 1, i + 1);
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, delta), "media1: ack 1.120");
    ck_assert_uint_eq(ns2.update.change_count, MESSAGE_RECORDS_MAX);
}
END_TEST

START_TEST(a_full_table_refuses_and_does_not_acknowledge)
{
    setup_with(1);
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    ck_assert_str_eq(hear(FIXTURE_MEDIA1, report_of("media1", 1, 1)), "");
    ck_assert_int_eq(ns2.update.reason, REPLICA_TABLE_FULL);
    hear(REPLICA_PARTNER, report_of("media2", 1, 1));
    ck_assert_int_eq(ns2.update.reason, REPLICA_TABLE_FULL);
    ck_assert_uint_eq(ns2.replica.counts[REPLICA_TABLE_FULL], 2);
    ck_assert_str_eq(
        hear(REPLICA_PARTNER, versions_of(MESSAGE_VERSIONS, RECORD_REPORT, "media2", 1, 1)), "");
    ck_assert_str_eq(hear(REPLICA_PARTNER, versions_of(MESSAGE_VERSIONS, RECORD_NODE, "ns1", 1, 2)),
                     "ns1: pull [node ns1]");
}
END_TEST

/* ---- the partner ---- */

START_TEST(what_the_partner_tells_is_a_change_but_never_told_back)
{
    setup();
    uint64_t change = ns2.table.last_change;
    ck_assert_str_eq(hear(REPLICA_PARTNER, report_of("media1", 3, 4)), "");
    ck_assert_uint_eq(ns2.update.change_count, 1);
    hear(REPLICA_PARTNER, report_of("media1", 3, 4));
    ck_assert_uint_eq(ns2.update.change_count, 0);
    ck_assert_uint_eq(ns2.table.last_change, change);
}
END_TEST

START_TEST(versions_are_answered_with_a_pull_of_what_is_lacking_or_older)
{
    setup();
    ck_assert_str_eq(hear(REPLICA_PARTNER, versions_of(MESSAGE_VERSIONS, RECORD_NODE, "ns1", 1, 1)),
                     "");
    ck_assert_str_eq(hear(REPLICA_PARTNER, versions_of(MESSAGE_VERSIONS, RECORD_NODE, "ns1", 1, 2)),
                     "ns1: pull [node ns1]");
    ck_assert_str_eq(
        hear(REPLICA_PARTNER, versions_of(MESSAGE_VERSIONS, RECORD_REPORT, "media1", 1, 1)),
        "ns1: pull [report media1]");
}
END_TEST

START_TEST(a_pull_is_answered_with_what_is_known)
{
    setup();
    ck_assert_str_eq(hear(REPLICA_PARTNER, versions_of(MESSAGE_PULL, RECORD_NODE, "ns1", 0, 0)),
                     "ns1: delta [node ns1 1.1]");
    ck_assert_str_eq(hear(REPLICA_PARTNER, versions_of(MESSAGE_PULL, RECORD_NODE, "ns9", 0, 0)),
                     "");
}
END_TEST

START_TEST(the_largest_pull_fits_in_one_step)
{
    setup();
    struct message *pull = versions_of(MESSAGE_PULL, RECORD_NODE, "ns1", 0, 0);
    pull->versions.count = MESSAGE_KEYS_MAX;
    for (size_t i = 0; i < MESSAGE_KEYS_MAX; i++)
        pull->versions.entries[i] = pull->versions.entries[0];
    hear(REPLICA_PARTNER, pull);
    size_t told = 0;
    for (size_t i = 0; i < ns2.update.send_count; i++)
        told += ns2.update.sends[i].message.records.count;
    ck_assert_uint_eq(ns2.update.send_count, 4);
    ck_assert_uint_eq(told, MESSAGE_KEYS_MAX);
}
END_TEST

/* ---- the snapshot ---- */

static const char *hear_chunk(int64_t now_ms, uint64_t chunk, bool last)
{
    struct message *snapshot =
        records_of(MESSAGE_SNAPSHOT, record_of(RECORD_REPORT, "media1", 1, chunk + 1));
    snapshot->records.chunk = chunk;
    snapshot->records.last = last;
    return fixture_hear(&ns2, now_ms, REPLICA_PARTNER, snapshot);
}

static void setup_waiting(void)
{
    fixture_start(&ns2, 2, 21, CAPACITY);
    fixture_step(&ns2, 0, REPLICA_START);
    fixture_hear(&ns2, 0, REPLICA_PARTNER, hello_of("ns1", 11, 0, 0));
}

START_TEST(a_snapshot_in_order_makes_synced_with_its_last_chunk)
{
    setup_waiting();
    ck_assert_str_eq(hear_chunk(10, 0, false), "ns1: ack chunk 0");
    ck_assert_int_eq(ns2.replica.sync, REPLICA_RECEIVING);
    ck_assert(ns2.update.sync_changed);
    ck_assert_str_eq(hear_chunk(10, 0, false), "ns1: ack chunk 0"); /* doubled */
    ck_assert_str_eq(hear_chunk(10, 1, true), "ns1: ack chunk 1");
    ck_assert_int_eq(ns2.replica.sync, REPLICA_SYNCED);
    ck_assert_str_eq(replica_sync_reason(&ns2.replica), "snapshot");
    ck_assert_str_eq(hear_chunk(10, 7, true), "ns1: ack chunk 7"); /* nobody needs it any more */
}
END_TEST

START_TEST(a_gap_is_not_acknowledged_and_asked_about_once)
{
    const char *hello = "ns1: hello node ns2 boot 21 heard 11 known 0 wants-snapshot";
    setup_waiting();
    hear_chunk(300, 0, false);
    ck_assert_str_eq(hear_chunk(301, 2, true), hello);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_RECEIVING);
    ck_assert_str_eq(hear_chunk(302, 3, true), "");
    ck_assert_str_eq(hear_chunk(400, 1, false), "ns1: ack chunk 1");
    fixture_hear(&ns2, 501, REPLICA_PARTNER, report_of("media2", 1, 1));
    ck_assert(strstr(fixture_lines(&ns2), "hello") != NULL); /* chunk 3 came after that HELLO */
    fixture_hear(&ns2, 700, REPLICA_PARTNER, report_of("media2", 1, 1));
    fixture_hear(&ns2, 800, REPLICA_PARTNER, report_of("media2", 1, 1));
    ck_assert_str_eq(fixture_lines(&ns2), "");
    ck_assert_str_eq(hear_chunk(801, 2, true), "ns1: ack chunk 2");
    ck_assert_int_eq(ns2.replica.sync, REPLICA_SYNCED);
}
END_TEST

START_TEST(nothing_is_pulled_before_the_snapshot_is_complete)
{
    setup_waiting();
    hear_chunk(10, 0, false);
    ck_assert_str_eq(fixture_hear(&ns2, 10, REPLICA_PARTNER,
                                  versions_of(MESSAGE_VERSIONS, RECORD_NODE, "ns1", 9, 9)),
                     "");
}
END_TEST

/* Messages come, but not the next chunk. */
START_TEST(a_snapshot_without_progress_is_asked_for_anew)
{
    setup_waiting();
    hear_chunk(300, 0, false);
    for (int64_t now_ms = 400; now_ms < 300 + REPLICA_SNAPSHOT_MS; now_ms += 100)
        ck_assert(strstr(fixture_hear(&ns2, now_ms, REPLICA_PARTNER, report_of("media1", 1, 9)),
                         "hello") == NULL);
    ck_assert(strstr(fixture_step(&ns2, 300 + REPLICA_SNAPSHOT_MS, REPLICA_TIMEOUT),
                     "wants-snapshot") != NULL);
    for (int64_t after_ms = 100; after_ms < 1000; after_ms += 100)
        ck_assert(strstr(fixture_hear(&ns2, 300 + REPLICA_SNAPSHOT_MS + after_ms, REPLICA_PARTNER,
                                      report_of("media1", 1, 9)),
                         "hello") == NULL);
}
END_TEST

START_TEST(a_partner_silent_within_its_snapshot_is_asked_and_then_given_up)
{
    setup_waiting();
    hear_chunk(300, 0, false);
    ck_assert_int_eq(replica_deadline(&ns2.replica), 500);
    ck_assert(strstr(fixture_step(&ns2, 500, REPLICA_TIMEOUT), "wants-snapshot") != NULL);
    fixture_step(&ns2, 1299, REPLICA_TIMEOUT);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_RECEIVING);
    fixture_step(&ns2, 1300, REPLICA_TIMEOUT);
    ck_assert_str_eq(replica_sync_reason(&ns2.replica), "alone");
}
END_TEST

START_TEST(a_new_life_of_the_partner_begins_its_snapshot_anew)
{
    setup_waiting();
    hear_chunk(10, 0, false);
    ck_assert(strstr(fixture_hear(&ns2, 20, REPLICA_PARTNER, hello_of("ns1", 12, 0, 0)),
                     "ns1: hello node ns2 boot 21 heard 12 known 0 wants-snapshot") != NULL);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_WAITING);
    hear_chunk(30, 1, true);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_WAITING);
    hear_chunk(30, 0, true);
    ck_assert_int_eq(ns2.replica.sync, REPLICA_SYNCED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/replica_take");
    SUITE_CASE(suite, "greeting", a_hello_that_does_not_fit_is_refused_unanswered,
               a_key_that_is_bound_to_a_machine_is_no_others, who_has_left_is_not_heard,
               who_has_left_is_not_heard, an_agent_that_dials_again_greets_and_goes_on,
               of_two_agents_with_one_key_one_is_heard, a_role_must_fit_the_key,
               who_has_not_greeted_is_asked_to, a_partner_is_asked_to_greet_once_in_200_ms,
               the_dialled_side_answers_every_hello_and_the_dialler_only_what_calls_for_it);
    SUITE_CASE(suite, "lives", a_higher_incarnation_is_adopted_and_own_records_are_stated_anew,
               what_is_told_to_be_least_is_fixed_when_a_life_begins,
               the_partners_next_life_is_told_above_its_own_records_alone,
               own_records_of_an_earlier_life_come_back_as_history);
    SUITE_CASE(
        suite, "agents", an_agent_writes_its_own_report_and_nothing_else,
        messages_between_nodes_are_not_for_agents, a_report_is_acknowledged_when_the_table_holds_it,
        only_what_the_partner_lacks_is_relayed_even_when_known,
        an_agent_that_would_be_ignored_is_told_a_higher_incarnation,
        a_straggler_of_an_earlier_life_does_not_hide_the_present_one,
        one_message_of_many_reports_gets_one_answer, a_full_table_refuses_and_does_not_acknowledge);
    SUITE_CASE(suite, "partner", what_the_partner_tells_is_a_change_but_never_told_back,
               versions_are_answered_with_a_pull_of_what_is_lacking_or_older,
               a_pull_is_answered_with_what_is_known, the_largest_pull_fits_in_one_step);
    SUITE_CASE(suite, "snapshot", a_snapshot_in_order_makes_synced_with_its_last_chunk,
               a_gap_is_not_acknowledged_and_asked_about_once,
               nothing_is_pulled_before_the_snapshot_is_complete,
               a_snapshot_without_progress_is_asked_for_anew,
               a_partner_silent_within_its_snapshot_is_asked_and_then_given_up,
               a_new_life_of_the_partner_begins_its_snapshot_anew);
    int status = suite_run(suite);
    teardown();
    return status;
}
