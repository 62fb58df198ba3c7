#include "unit/node_steps.h"

enum { WALL_S = 1000000, HOUR_S = 3600 };

#define KEY9  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY10 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(text, &ip));
    return ip;
}

static struct token token_for(const char *id, uint32_t uses)
{
    struct token token = {.in_force = true,
                          .pool = "stream",
                          .uses = uses,
                          .prefixes = {{ip_of("192.0.2.64"), 26}},
                          .author = "root@ns1",
                          .until_s = WALL_S + HOUR_S};
    const uint8_t secret[JOIN_SECRET_SIZE] = "secret";
    snprintf(token.id, sizeof token.id, "%s", id);
    join_digest(secret, token.digest);
    return token;
}

static void know_wall(int64_t now_ms)
{
    step(now_ms, (struct node_event){.type = NODE_CLOCK, .wall_ms = WALL_S * 1000LL + now_ms});
}

/* ns1 at WALL_S, with a token for two servers. */
static void begin_with_token(void)
{
    struct token token = token_for("t1", 2);
    begin();
    know_wall(0);
    step(10, (struct node_event){.type = NODE_TOKEN, .token = &token, .ticket = 1});
    ck_assert_uint_eq(update.store_count, 1);
    ck_assert_uint_eq(update.reply_ticket, 0); /* not before it is on disk */
}

static struct join join_of(const char *server, const char *address)
{
    struct join join = {.cluster = "lab",
                        .token = "t1",
                        .secret = "secret",
                        .capacity = 500,
                        .addresses = {ip_of(address)},
                        .machine = "a machine"};
    snprintf(join.server, sizeof join.server, "%s", server);
    return join;
}

/* What a stranger hears; NODE_DONE while the disk is yet to answer. */
static enum node_outcome ask(int64_t now_ms, struct join join, const char *key)
{
    step(now_ms, (struct node_event){.type = NODE_JOIN, .join = &join, .key = key, .ticket = 7});
    ck_assert_int_eq(update.reply_ticket == 7, update.store_count == 0);
    return update.reply;
}

static struct enrolment enrolled(const char *server)
{
    struct enrolment enrolment;
    ck_assert(node_enrolment(&node, server, &enrolment));
    return enrolment;
}

/* ---- who joins ---- */

START_TEST(who_has_the_token_is_enrolled_and_both_nodes_will_know)
{
    begin_with_token();
    ck_assert_uint_eq(node_strangers(&node, 20), NODE_STRANGERS + 4);
    ck_assert_int_eq(ask(20, join_of("media9", "192.0.2.109"), KEY9), NODE_DONE);
    ck_assert(update.has_other_servers);
    struct enrolment enrolment = enrolled("media9");
    ck_assert(enrolment.is_enrolled);
    ck_assert_str_eq(enrolment.key, KEY9);
    ck_assert_str_eq(enrolment.pool, "stream");
    ck_assert_str_eq(enrolment.author, "root@ns1");
    ck_assert_uint_eq(enrolment.capacity, 500);
    stored(30, 7, 0);
    ck_assert_uint_eq(update.reply_ticket, 7);
    ck_assert_int_eq(update.reply, NODE_DONE);
    struct enrolment list[4];
    ck_assert_uint_eq(node_enrolments(&node, list, 4), 1);
}
END_TEST

/* It did not hear the answer, or hears two. */
START_TEST(who_asks_again_is_told_the_same_and_takes_no_other_use)
{
    begin_with_token();
    for (int64_t now_ms = 20; now_ms < 25; now_ms++)
        ck_assert_int_eq(ask(now_ms, join_of("media9", "192.0.2.109"), KEY9), NODE_DONE);
    ck_assert_int_eq(ask(30, join_of("media10", "192.0.2.110"), KEY10), NODE_DONE);
}
END_TEST

START_TEST(each_reason_to_refuse_is_told)
{
    begin_with_token();
    struct join join = join_of("media9", "192.0.2.109");
    strcpy(join.cluster, "other");
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_OTHER_CLUSTER);
    join = join_of("media9", "192.0.2.109");
    strcpy(join.token, "t2");
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_NO_TOKEN);
    join = join_of("media9", "192.0.2.109");
    join.secret[31] = 1;
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_NO_TOKEN);
    ck_assert_int_eq(ask(20, join_of("media9", "192.0.2.128"), KEY9), NODE_JOIN_ADDRESS);
    join = join_of("media9", "192.0.2.109");
    join.addresses[1] = ip_of("2001:db8::9"); /* the token allows none of this family */
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_ADDRESS);
    join.addresses[0] = join.addresses[1] = (struct ip){0};
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_ADDRESS);
    ck_assert_int_eq(ask(20, join_of("media9", "192.0.2.101"), KEY9), NODE_JOIN_ADDRESS_TAKEN);
    ck_assert_int_eq(ask(20, join_of("media1", "192.0.2.101"), KEY9), NODE_JOIN_NAME_TAKEN);
    struct token wide = token_for("t3", 2);
    wide.prefixes[0].bits = 0;
    step(20, (struct node_event){.type = NODE_TOKEN, .token = &wide, .ticket = 2});
    join = join_of("media9", "192.0.2.12"); /* ns2's */
    strcpy(join.token, "t3");
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_ADDRESS_TAKEN);
    ck_assert_int_eq(ask(20, join_of("media9", "192.0.2.109"), document.servers[0].keys[0]),
                     NODE_JOIN_KEY_TAKEN);
    struct enrolment list[1];
    ck_assert_uint_eq(node_enrolments(&node, list, 1), 0);
}
END_TEST

START_TEST(each_address_lies_in_the_prefix_of_its_family)
{
    struct token token = token_for("t1", 2);
    token.prefixes[1] = (struct token_prefix){ip_of("2001:db8::"), 64};
    begin();
    know_wall(0);
    step(10, (struct node_event){.type = NODE_TOKEN, .token = &token, .ticket = 1});
    struct join join = join_of("media9", "192.0.2.109");
    join.addresses[1] = ip_of("2001:db8:1::9");
    ck_assert_int_eq(ask(20, join, KEY9), NODE_JOIN_ADDRESS);
    join.addresses[1] = ip_of("2001:db8::9");
    ck_assert_int_eq(ask(20, join, KEY9), NODE_DONE);
    ck_assert(ip_equal(&enrolled("media9").addresses[1], &join.addresses[1]));
}
END_TEST

START_TEST(a_token_is_good_for_so_many_also_when_one_was_removed)
{
    begin_with_token();
    ck_assert_int_eq(ask(20, join_of("media8", "192.0.2.108"), KEY9), NODE_DONE);
    struct enrolment gone = {.server = "media8", .author = "root@ns1"};
    step(30, (struct node_event){.type = NODE_REMOVE, .enrolment = &gone, .ticket = 8});
    ck_assert(!enrolled("media8").is_enrolled);
    ck_assert(update.has_other_servers);
    ck_assert_int_eq(ask(40, join_of("media9", "192.0.2.109"), KEY9), NODE_DONE);
    ck_assert_int_eq(ask(50, join_of("media10", "192.0.2.110"), KEY10), NODE_JOIN_USED_UP);
}
END_TEST

START_TEST(a_token_has_an_end)
{
    begin_with_token();
    know_wall(HOUR_S * 1000LL - 1);
    ck_assert_uint_gt(node_strangers(&node, HOUR_S * 1000LL - 1), 0);
    ck_assert_uint_eq(node_strangers(&node, HOUR_S * 1000LL), 0);
    ck_assert_int_eq(ask(HOUR_S * 1000LL, join_of("media9", "192.0.2.109"), KEY9),
                     NODE_JOIN_EXPIRED);
}
END_TEST

START_TEST(a_node_that_does_not_know_the_time_admits_nobody)
{
    struct token token = token_for("t1", 2);
    begin();
    step(10, (struct node_event){.type = NODE_TOKEN, .token = &token, .ticket = 1});
    ck_assert_uint_eq(node_strangers(&node, 20), 0);
    ck_assert_int_eq(ask(20, join_of("media9", "192.0.2.109"), KEY9), NODE_JOIN_NO_CLOCK);
}
END_TEST

START_TEST(another_machine_or_key_of_that_name_is_another_server)
{
    begin_with_token();
    ck_assert_int_eq(ask(20, join_of("media9", "192.0.2.109"), KEY9), NODE_DONE);
    struct join clone = join_of("media9", "192.0.2.109");
    memcpy(clone.machine, "its clone", sizeof "its clone");
    ck_assert_int_eq(ask(30, clone, KEY9), NODE_JOIN_NAME_TAKEN);
    ck_assert_int_eq(ask(30, join_of("media9", "192.0.2.110"), KEY10), NODE_JOIN_NAME_TAKEN);
}
END_TEST

/* ---- who goes ---- */

START_TEST(revocation_beats_enrolment)
{
    begin_with_token();
    struct revocation revocation = {.server = "media1", .is_revoked = true, .author = "root@ns1"};
    step(20, (struct node_event){.type = NODE_REVOKE, .revocation = &revocation, .ticket = 9});
    ck_assert(update.has_other_servers);
    ck_assert(node_is_revoked(&node, "media1", document.servers[0].keys[0]));
    ck_assert(!node_is_revoked(&node, "media1", KEY9)); /* another key may join */
    struct revocation list[2];
    ck_assert_uint_eq(node_revocations(&node, list, 2), 1);

    /* Of one that joined: whatever is enrolled later under that key, as on the other side of a
     * split, is not among those that are. */
    begin_records(MESSAGE_DELTA);
    struct enrolment enrolment = {
        .is_enrolled = true, .pool = "stream", .capacity = 1, .addresses = {ip_of("192.0.2.109")}};
    memcpy(enrolment.key, document.servers[0].keys[0], sizeof enrolment.key);
    struct record *record = add_record(RECORD_ORDER, "enrol/media1", 1000, 2);
    record->version = record_order_version(1000, 2, PARTNER_BOOT);
    record->value_size = (uint16_t)enrolment_encode(&enrolment, record->value);
    frame(30, REPLICA_PARTNER);
    ck_assert(update.has_other_servers);
    ck_assert_uint_eq(update.store_count, 1);
    struct enrolment known[2];
    ck_assert_uint_eq(node_enrolments(&node, known, 2), 0);
}
END_TEST

START_TEST(of_a_server_with_two_keys_both_are_withdrawn)
{
    begin_with_token();
    strcpy(document.servers[0].keys[1], KEY9);
    struct join join = join_of("media9", "192.0.2.109");
    ck_assert_int_eq(ask(15, join, KEY9), NODE_JOIN_KEY_TAKEN);
    struct revocation revocation = {.server = "media1", .is_revoked = true, .author = "root@ns1"};
    step(20, (struct node_event){.type = NODE_REVOKE, .revocation = &revocation, .ticket = 9});
    ck_assert(node_is_revoked(&node, "media1", document.servers[0].keys[0]));
    ck_assert(node_is_revoked(&node, "media1", KEY9));
    ck_assert(!node_is_revoked(&node, "media1", KEY10));
    ck_assert(!node_is_revoked(&node, "media1", ""));
}
END_TEST

START_TEST(only_who_joined_is_removed)
{
    begin_with_token();
    struct enrolment gone = {.server = "media1"};
    step(20, (struct node_event){.type = NODE_REMOVE, .enrolment = &gone, .ticket = 8});
    ck_assert_int_eq(update.reply, NODE_NOT_ENROLLED);
    ck_assert_uint_eq(update.reply_ticket, 8);
    strcpy(gone.server, "media77");
    step(20, (struct node_event){.type = NODE_REMOVE, .enrolment = &gone, .ticket = 8});
    ck_assert_int_eq(update.reply, NODE_NO_SUCH_SERVER);
    struct revocation revocation = {.server = "media77", .is_revoked = true};
    step(20, (struct node_event){.type = NODE_REVOKE, .revocation = &revocation, .ticket = 8});
    ck_assert_int_eq(update.reply, NODE_NO_SUCH_SERVER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/joining");
    SUITE_CASE(suite, "join", who_has_the_token_is_enrolled_and_both_nodes_will_know,
               who_asks_again_is_told_the_same_and_takes_no_other_use,
               each_reason_to_refuse_is_told, each_address_lies_in_the_prefix_of_its_family,
               a_token_is_good_for_so_many_also_when_one_was_removed, a_token_has_an_end,
               a_node_that_does_not_know_the_time_admits_nobody,
               another_machine_or_key_of_that_name_is_another_server);
    SUITE_CASE(suite, "go", revocation_beats_enrolment,
               of_a_server_with_two_keys_both_are_withdrawn, only_who_joined_is_removed);
    return suite_run(suite);
}
