/* What an operator reads: sentences of status, lines of events. */
#include "node/show.h"

#include "failover/advertisement.h"
#include "unit/node_steps.h"

static struct told told;

static void begin_told(void)
{
    begin();
    told_init(&told);
}

static void tell(int64_t now_ms, struct channel_message said)
{
    told_take(&told, now_ms, &said);
}

/* A state with which all is well, but for what is given. */
static struct channel_message state(unsigned flags)
{
    return (struct channel_message){.kind = CHANNEL_STATE,
                                    .gate = GATE_READY,
                                    .flags = CHANNEL_HAS_PARTNER | CHANNEL_HAS_INTERFACE |
                                             CHANNEL_HEARS_BEATS | flags};
}

static void fitness_is(int64_t now_ms, const char *fault, const char *gate, const char *reception)
{
    struct fitness fitness = {0};
    strcpy(fitness.fault, fault);
    strcpy(fitness.gate, gate);
    strcpy(fitness.reception, reception);
    step(now_ms, (struct node_event){.type = NODE_FITNESS, .fitness = &fitness});
}

/* Is this an alarm of status? */
static bool alarms(int64_t now_ms, const char *sentence)
{
    json_t *status = show_status(&node, &told, now_ms), *alarm;
    bool found = false;
    size_t i;
    json_array_foreach (json_object_get(status, "alarms"), i, alarm) {
        found |= strcmp(json_string_value(alarm), sentence) == 0;
    }
    json_decref(status);
    return found;
}

START_TEST(why_a_node_is_not_fit_is_said)
{
    begin_told();
    fitness_is(10, "isolated", "ready", "no-reply");
    ck_assert(alarms(10, "ns1 is isolated: no witness answers (no-reply)"));
    fitness_is(20, "isolated", "ready", "no-carrier");
    ck_assert(alarms(20, "ns1 is isolated: its interface has no carrier (no-carrier)"));
    fitness_is(30, "worker-unfit", "thread-silent", "proven");
    ck_assert(
        alarms(30, "ns1 is not fit: a DNS thread of its worker does not answer (thread-silent)"));
    fitness_is(40, "address-failed", "ready", "proven");
    ck_assert(alarms(40, "ns1 is not fit: its kernel refuses the addresses (address-failed)"));
    fitness_is(50, "leaving", "ready", "proven");
    ck_assert(alarms(50, "ns1 is not fit: its worker is being replaced (leaving)"));
}
END_TEST

START_TEST(a_stranger_is_named_for_ten_seconds)
{
    const char *sentence = "somebody else (02:00:00:00:00:07) answers for 192.0.2.52: find that "
                           "host, and take it off the LAN";
    begin_told();
    tell(10, state(0));
    tell(20, (struct channel_message){
                 .kind = CHANNEL_STRANGER, .home = 1, .since_ms = 15, .mac = {2, [5] = 7}});
    ck_assert(alarms(20, sentence));
    ck_assert(alarms(10015, sentence));
    ck_assert(!alarms(10016, sentence));
}
END_TEST

START_TEST(what_is_refused_again_and_again_says_what_is_wrong_with_the_partner)
{
    static const struct {
        enum channel_group group;
        size_t which;
        const char *sentence;
    } rows[] = {
        {CHANNEL_BEATS, BEAT_BAD_CLUSTER,
         "the partner ns2 says another cluster name (bad-cluster): give both nodes one document"},
        {CHANNEL_BEATS, BEAT_BAD_TAG,
         "the partner ns2 has another key (bad-tag): give both nodes the same beat.key"},
        {CHANNEL_BEATS, BEAT_BAD_VERSION,
         "the partner ns2 is of another version (bad-version): upgrade the older one"},
        {CHANNEL_BEATS, BEAT_BAD_SENDER,
         "the partner says my own name (bad-sender): start it with --node ns2"},
        {CHANNEL_ADVERTISEMENTS, ADVERTISEMENT_BAD_SOURCE,
         "somebody else than ns2 advertises the VRID of this pair (source): give one of them "
         "another vrid"},
    };
    begin_told();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct channel_message counters = {.kind = CHANNEL_COUNTERS, .group = rows[i].group};
        told_init(&told);
        tell(10, state(0));
        tell(10, counters);
        ck_assert(!alarms(10, rows[i].sentence));
        counters.counts[rows[i].which] = 100;
        tell(1010, counters);
        ck_assert_msg(alarms(1010, rows[i].sentence), "no alarm: %s", rows[i].sentence);
    }
}
END_TEST

START_TEST(another_document_a_silent_witness_and_flaps_are_alarms)
{
    struct channel_message now = state(CHANNEL_OTHER_DOCUMENT);
    begin_told();
    now.hold_ms[0] = 20000;
    tell(10, now);
    tell(10, (struct channel_message){.kind = CHANNEL_WITNESS,
                                      .address = {.family = 4, .bytes = {192, 0, 2, 1}}});
    ck_assert(alarms(10, "the partner ns2 has another document: give both nodes the same file, and "
                         "restart the one that is behind"));
    ck_assert(alarms(10, "ns1 lost its home soon after its return: it takes it back when it was "
                         "fit for 20 s; \"failover reset\" forgets that"));
    ck_assert(!alarms(10, "the witness 192.0.2.1 does not answer"));
    ck_assert(alarms(15011, "the witness 192.0.2.1 does not answer"));
}
END_TEST

START_TEST(an_address_that_no_living_witness_confirms_is_an_alarm)
{
    static const char sentence[] =
        "no witness answers to a service address that ns1 holds: does a switch or a cloud keep it "
        "from ns1's MAC (port security, ARP inspection)?";
    begin_told();
    tell(10, state(CHANNEL_UNCONFIRMED));
    tell(10, (struct channel_message){.kind = CHANNEL_WITNESS,
                                      .address = {.family = 4, .bytes = {192, 0, 2, 1}}});
    ck_assert(alarms(10, sentence));
    ck_assert(!alarms(15011, sentence)); /* it does not answer at all */
    tell(15012, state(0));
    ck_assert(!alarms(15012, sentence));
}
END_TEST

/* The node's own words, of an address and of itself. */
static const char *held_by(int64_t now_ms, size_t position, int *status)
{
    json_t *shown = show_status(&node, &told, now_ms);
    const json_t *address = json_array_get(json_object_get(shown, "addresses"), position);
    static char holder[32];
    const char *text = json_string_value(json_object_get(address, "holder"));
    snprintf(holder, sizeof holder, "%s", text == NULL ? "" : text);
    *status = (int)json_integer_value(json_object_get(shown, "exit"));
    json_decref(shown);
    return holder;
}

START_TEST(a_partner_whose_records_are_silent_is_told_by_its_other_signs)
{
    int status;
    begin_told();
    node.partner_heard = false;
    tell(10, (struct channel_message){.kind = CHANNEL_STATE,
                                      .flags = CHANNEL_HAS_PARTNER | CHANNEL_HAS_INTERFACE});
    ck_assert(alarms(10, "the partner ns2 is not heard"));
    ck_assert_str_eq(held_by(10, 1, &status), "");
    ck_assert_int_eq(status, 2);
    tell(20, (struct channel_message){.kind = CHANNEL_STATE,
                                      .flags = CHANNEL_HAS_PARTNER | CHANNEL_HAS_INTERFACE |
                                               CHANNEL_HEARS_ADVERTISEMENTS | CHANNEL_ADVERTISED_0 |
                                               CHANNEL_ADVERTISED_1});
    ck_assert(alarms(20, "the partner ns2 is not heard, but its advertisements are: look at the "
                         "pair link"));
    ck_assert_str_eq(held_by(20, 0, &status), "ns2");
    ck_assert_str_eq(held_by(20, 1, &status), "ns2");
    ck_assert_int_eq(status, 1);
    tell(30, state(CHANNEL_PARTNER_ABLE));
    ck_assert(alarms(30, "the partner ns2 is not heard, but its beats are: look at TCP port 7353 "
                         "of the pair link"));
    tell(40, state(0));
    ck_assert(alarms(40, "the partner ns2 is not heard, and its beats say that it is not fit: see "
                         "the log of its tandemd"));
    ck_assert_str_eq(held_by(40, 1, &status), "");
    ck_assert_int_eq(status, 2);
}
END_TEST

START_TEST(addresses_that_are_deleted_again_and_again_are_an_alarm)
{
    begin_told();
    tell(10, state(CHANNEL_DELETED));
    ck_assert(alarms(10, "something on ns1 deletes its service addresses again and again: keep "
                         "NetworkManager, systemd-networkd (KeepConfiguration=) and the like off "
                         "them"));
}
END_TEST

START_TEST(a_partner_heard_on_one_way_alone_is_an_alarm)
{
    begin_told();
    tell(10, state(CHANNEL_PARTNER_HOLDS));
    ck_assert(alarms(10, "advertisements of ns2 are not heard, its beats are: look at the service "
                         "LAN, and for a filter of protocol 112"));
    run(100); /* its records were heard */
    ck_assert(node.partner_heard);
    tell(110, (struct channel_message){.kind = CHANNEL_STATE,
                                       .flags = CHANNEL_HAS_PARTNER | CHANNEL_HAS_INTERFACE});
    ck_assert(alarms(110, "beats of ns2 are not heard, its records are: look at UDP port 7353 of "
                          "the pair link"));
}
END_TEST

static void hello_of_range(int64_t now_ms, uint64_t min, uint64_t max)
{
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = min,
                                           .protocol_max = max,
                                           .role = MESSAGE_NODE,
                                           .name = "ns2",
                                           .cluster = "lab",
                                           .boot = 22,
                                           .heard_boot = 11,
                                           .synced = true,
                                           .format = 3};
    frame(now_ms, REPLICA_PARTNER);
}

START_TEST(a_partner_without_a_version_in_common_is_an_alarm_that_says_whom_to_upgrade)
{
    begin_told();
    hello_of_range(200, 2, 9);
    ck_assert(alarms(200, "ns2 speaks protocol 2 to 9, ns1 speaks 1 to 1 (wrong-protocol): upgrade "
                          "ns1"));
    hello_of_range(300, 0, 0);
    const char *older =
        "ns2 speaks protocol 0 to 0, ns1 speaks 1 to 1 (wrong-protocol): upgrade ns2";
    ck_assert(alarms(300, older));
    ck_assert(alarms(3300, older));
    ck_assert(!alarms(3301, older));
    hello_of_range(3302, 0, 0);
    ck_assert(alarms(3302, older));
    hello_of_range(3303, 1, 9);
    ck_assert(!alarms(3303, older));
}
END_TEST

static json_t *shown_partner(int64_t now_ms)
{
    json_t *status = show_status(&node, &told, now_ms);
    json_t *partner = json_incref(json_array_get(json_object_get(status, "nodes"), 1));
    json_decref(status);
    return partner;
}

START_TEST(what_the_partner_speaks_and_reads_is_shown)
{
    init(2, 0, 2);
    told_init(&told);
    step(0, (struct node_event){.type = NODE_START});
    json_t *partner = shown_partner(10);
    ck_assert(json_is_null(json_object_get(partner, "protocol")));
    ck_assert(json_is_null(json_object_get(partner, "document_format")));
    json_decref(partner);
    hello_of_range(20, 1, 9);
    partner = shown_partner(30);
    ck_assert_int_eq(json_integer_value(json_object_get(partner, "protocol")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(partner, "document_format")), 3);
    json_decref(partner);
}
END_TEST

static json_int_t passed_over(enum pack_unknown what)
{
    json_t *shown = show_counters(&node);
    json_int_t count = json_integer_value(
        json_object_get(json_object_get(shown, "passed_over"), pack_unknown_text(what)));
    json_decref(shown);
    return count;
}

/* An order of a later version, which says one thing more: counted when it comes, and not each time
 * that it is read again. */
START_TEST(what_was_passed_over_is_shown_and_counted_once)
{
    struct order order = {.verb = ORDER_DRAIN, .subject = "media1", .draining = true};
    begin_told();
    strcpy(order.author, "carol");
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_ORDER, "drain/media1", 1, 1);
    size_t size = order_encode(&order, record->value);
    record->value[0]++;
    memcpy(record->value + size, "\x7f\xc3", 2);
    record->value_size = (uint16_t)(size + 2);
    frame(96, REPLICA_PARTNER);
    ck_assert_int_eq(passed_over(PACK_UNKNOWN_VALUE_FIELD), 1);
    ck_assert_int_eq(passed_over(PACK_UNKNOWN_FIELD), 0);
    step(100, (struct node_event){.type = NODE_CLOCK, .wall_ms = 1000000});
    run(3000); /* looked at for its end, each second */
    begin_records(MESSAGE_SNAPSHOT);
    frame(3001, REPLICA_PARTNER);
    ck_assert_int_eq(passed_over(PACK_UNKNOWN_VALUE_FIELD), 1);
    ck_assert(node.plan.servers[0].draining);
}
END_TEST

static const char *event_text(const json_t *event)
{
    static char line[200];
    snprintf(line, sizeof line, "%lld %s %s %s %s",
             (long long)json_integer_value(json_object_get(event, "age_ms")),
             json_string_value(json_object_get(event, "node")),
             json_string_value(json_object_get(event, "subject")),
             json_string_value(json_object_get(event, "to")),
             json_string_value(json_object_get(event, "reason")));
    return line;
}

START_TEST(a_pool_without_servers_says_how_they_come)
{
    begin_of(0);
    told_init(&told);
    run(3100);
    ck_assert(alarms(3100, "pool stream has no servers: \"tandemctl token --pool stream\" lets "
                           "them join"));
    json_t *status = show_status(&node, &told, 3100), *servers = show_servers(&node, 3100);
    const json_t *pool = json_array_get(json_object_get(status, "pools"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(pool, "members")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(pool, "group_size")), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(servers, "servers")), 0);
    json_decref(status);
    json_decref(servers);
}
END_TEST

START_TEST(events_of_both_nodes_stand_in_the_order_in_which_they_were)
{
    struct transition mine = {.number = 1,
                              .earlier_ms = 5,
                              .area = "address",
                              .subject = "ns2",
                              .to = "active",
                              .reason = "silence"};
    struct transition theirs = mine;
    begin_told();
    strcpy(theirs.to, "backup");
    strcpy(theirs.reason, "woke-late");
    begin_records(MESSAGE_DELTA);
    struct record *record = add_record(RECORD_TRANSITION, "ns2/1", 1, 1);
    record->value_size = (uint16_t)transition_encode(&theirs, record->value);
    frame(96, REPLICA_PARTNER);
    step(100, (struct node_event){.type = NODE_HAPPENED, .transition = &mine});
    json_t *shown = show_events(&node, 200), *events = json_object_get(shown, "events");
    size_t count = json_array_size(events);
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(event_text(json_array_get(events, 0)), "200 ns1 ns1 synced snapshot");
    ck_assert_str_eq(event_text(json_array_get(events, 1)), "109 ns2 ns2 backup woke-late");
    ck_assert_str_eq(event_text(json_array_get(events, 2)), "105 ns1 ns2 active silence");
    json_decref(shown);
}
END_TEST

START_TEST(counters_of_the_guardian_have_names)
{
    struct channel_message counters = {.kind = CHANNEL_COUNTERS, .group = CHANNEL_BEATS};
    begin_told();
    counters.counts[BEAT_BAD_TAG] = 12;
    tell(10, counters);
    json_t *shown = show_guardian(&told);
    const json_t *count = json_object_get(json_object_get(shown, "beats"), "bad-tag");
    ck_assert_int_eq(json_integer_value(count), 12);
    json_decref(shown);
}
END_TEST

START_TEST(an_alarm_more_degrades_what_is_healthy_and_betters_nothing)
{
    json_t *status = json_pack("{s:s, s:i, s:[]}", "health", "healthy", "exit", 0, "alarms");
    show_add_alarm(status, "the disk of %s does not answer", "ns1");
    ck_assert_str_eq(json_string_value(json_object_get(status, "health")), "degraded");
    ck_assert_int_eq(json_integer_value(json_object_get(status, "exit")), 1);
    json_object_set_new(status, "exit", json_integer(2));
    show_add_alarm(status, "another");
    ck_assert_int_eq(json_integer_value(json_object_get(status, "exit")), 2);
    const json_t *alarms = json_object_get(status, "alarms");
    ck_assert_uint_eq(json_array_size(alarms), 2);
    ck_assert_str_eq(json_string_value(json_array_get(alarms, 0)),
                     "the disk of ns1 does not answer");
    json_decref(status);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/show");
    SUITE_CASE(suite, "alarms", why_a_node_is_not_fit_is_said, a_stranger_is_named_for_ten_seconds,
               what_is_refused_again_and_again_says_what_is_wrong_with_the_partner,
               another_document_a_silent_witness_and_flaps_are_alarms,
               a_partner_heard_on_one_way_alone_is_an_alarm,
               a_partner_whose_records_are_silent_is_told_by_its_other_signs,
               addresses_that_are_deleted_again_and_again_are_an_alarm,
               an_address_that_no_living_witness_confirms_is_an_alarm,
               a_pool_without_servers_says_how_they_come,
               an_alarm_more_degrades_what_is_healthy_and_betters_nothing,
               a_partner_without_a_version_in_common_is_an_alarm_that_says_whom_to_upgrade);
    SUITE_CASE(suite, "versions", what_the_partner_speaks_and_reads_is_shown,
               what_was_passed_over_is_shown_and_counted_once);
    SUITE_CASE(suite, "events", events_of_both_nodes_stand_in_the_order_in_which_they_were,
               counters_of_the_guardian_have_names);
    return suite_run(suite);
}
