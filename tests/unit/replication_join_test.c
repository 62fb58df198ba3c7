#include "replication/join.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

#define NEXT "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define KEY  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static struct pack_space space;
static uint8_t bytes[JOIN_SIZE_MAX];

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(text, &ip));
    return ip;
}

static struct join_token token_of_two(void)
{
    struct join_token token = {.cluster = "lab", .id = "0123456789abcdef", .node_count = 2};
    memset(token.secret, 0xa5, sizeof token.secret);
    for (size_t i = 0; i < 2; i++) {
        token.nodes[i] = (struct join_node){
            .name = "ns1", .address = ip_of(i == 0 ? "192.0.2.11" : "2001:db8::12"), .port = 7353};
        strcpy(token.nodes[i].keys[0], KEY);
    }
    return token;
}

static struct join join_of_both_families(void)
{
    struct join join = {.cluster = "lab",
                        .token = "0123456789abcdef",
                        .server = "media9",
                        .capacity = 1000,
                        .addresses = {ip_of("192.0.2.109"), ip_of("2001:db8::109")},
                        .machine = "fifteen letters",
                        .tags = "rack=7 row=b"};
    memset(join.secret, 0x5a, sizeof join.secret);
    return join;
}

/* ---- token ---- */

START_TEST(a_token_survives_its_text)
{
    struct join_token token = token_of_two(), read;
    char text[JOIN_TEXT_MAX];
    pack_space_open(&space);
    ck_assert(join_token_text(&token, text));
    ck_assert_uint_eq(
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."),
        strlen(text));
    ck_assert(join_token_parse(&read, &space, text));
    ck_assert_str_eq(read.cluster, "lab");
    ck_assert_str_eq(read.id, token.id);
    ck_assert_mem_eq(read.secret, token.secret, sizeof read.secret);
    ck_assert_uint_eq(read.node_count, 2);
    ck_assert(ip_equal(&read.nodes[1].address, &token.nodes[1].address));
    ck_assert_uint_eq(read.nodes[1].port, 7353);
    ck_assert_str_eq(read.nodes[0].keys[0], KEY);
    pack_space_close(&space);
}
END_TEST

START_TEST(a_token_tells_both_keys_of_a_node_whose_key_is_changed)
{
    struct join_token token = token_of_two(), read;
    char text[JOIN_TEXT_MAX];
    strcpy(token.nodes[0].keys[1], NEXT);
    pack_space_open(&space);
    ck_assert(join_token_text(&token, text));
    ck_assert(join_token_parse(&read, &space, text));
    ck_assert_str_eq(read.nodes[0].keys[0], KEY);
    ck_assert_str_eq(read.nodes[0].keys[1], NEXT);
    ck_assert_str_eq(read.nodes[1].keys[1], "");
    strcpy(token.nodes[0].keys[1], "too short");
    ck_assert(join_token_text(&token, text));
    ck_assert(!join_token_parse(&read, &space, text));
    pack_space_close(&space);
}
END_TEST

START_TEST(the_longest_names_fit_in_a_token)
{
    struct join_token token = token_of_two();
    char text[JOIN_TEXT_MAX];
    strcpy(token.nodes[0].keys[1], NEXT);
    strcpy(token.nodes[1].keys[1], NEXT);
    memset(token.cluster, 'c', DOCUMENT_NAME_MAX);
    memset(token.nodes[0].name, 'n', DOCUMENT_NAME_MAX);
    memset(token.nodes[1].name, 'n', DOCUMENT_NAME_MAX);
    ck_assert(join_token_text(&token, text));
}
END_TEST

START_TEST(what_is_cut_or_altered_is_no_token)
{
    struct join_token token = token_of_two(), read;
    char text[JOIN_TEXT_MAX], other[JOIN_TEXT_MAX + 8];
    pack_space_open(&space);
    ck_assert(join_token_text(&token, text));
    for (size_t size = 0; size < strlen(text); size++) {
        snprintf(other, sizeof other, "%.*s", (int)size, text);
        ck_assert(!join_token_parse(&read, &space, other));
    }
    snprintf(other, sizeof other, "tandem2.%s", text + strlen("tandem1."));
    ck_assert(!join_token_parse(&read, &space, other));
    snprintf(other, sizeof other, "%s=", text);
    ck_assert(!join_token_parse(&read, &space, other));
    pack_space_close(&space);
}
END_TEST

START_TEST(a_digest_tells_secrets_apart)
{
    uint8_t secret[JOIN_SECRET_SIZE] = {0}, first[JOIN_DIGEST_SIZE], second[JOIN_DIGEST_SIZE];
    join_digest(secret, first);
    join_digest(secret, second);
    ck_assert_mem_eq(first, second, sizeof first);
    secret[31] = 1;
    join_digest(secret, second);
    ck_assert_mem_ne(first, second, sizeof first);
}
END_TEST

/* ---- JOIN ---- */

START_TEST(a_join_survives_its_bytes)
{
    struct join join = join_of_both_families(), read;
    pack_space_open(&space);
    size_t size = join_encode(&join, bytes);
    ck_assert(join_is(bytes, size));
    ck_assert(join_decode(&read, &space, bytes, size));
    ck_assert_str_eq(read.cluster, join.cluster);
    ck_assert_str_eq(read.token, join.token);
    ck_assert_mem_eq(read.secret, join.secret, sizeof read.secret);
    ck_assert_str_eq(read.server, join.server);
    ck_assert_uint_eq(read.capacity, 1000);
    ck_assert(ip_equal(&read.addresses[0], &join.addresses[0]));
    ck_assert(ip_equal(&read.addresses[1], &join.addresses[1]));
    ck_assert_mem_eq(read.machine, join.machine, sizeof read.machine);
    ck_assert_str_eq(read.tags, "rack=7 row=b");
    pack_space_close(&space);
}
END_TEST

/* What decides is what is alone wrong in each. */
START_TEST(a_join_that_states_nonsense_is_refused)
{
    struct join read,
        wrong[] = {join_of_both_families(), join_of_both_families(), join_of_both_families(),
                   join_of_both_families(), join_of_both_families(), join_of_both_families()};
    strcpy(wrong[0].server, "Media9");
    strcpy(wrong[1].server, "media/9");
    strcpy(wrong[2].server, "");
    wrong[3].capacity = 0;
    wrong[4].capacity = DOCUMENT_CAPACITY_MAX + 1;
    wrong[5].addresses[0] = ip_of("2001:db8::1");
    pack_space_open(&space);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert(!join_decode(&read, &space, bytes, join_encode(&wrong[i], bytes)));
    struct join right = join_of_both_families();
    size_t size = join_encode(&right, bytes);
    for (size_t i = 0; i < size; i++)
        ck_assert(!join_decode(&read, &space, bytes, i));
    bytes[2]++; /* another type */
    ck_assert(!join_decode(&read, &space, bytes, size));
    pack_space_close(&space);
}
END_TEST

/* ---- its answer ---- */

START_TEST(an_answer_survives_its_bytes)
{
    struct join_answer answer = {.is_joined = true,
                                 .server = "media9",
                                 .port_count = 2,
                                 .ports = {1755, 80}},
                       refusal = {.is_for_now = true,
                                  .sentence = "the token's time is over: ask for a new one"},
                       read;
    pack_space_open(&space);
    ck_assert(join_answer_decode(&read, &space, bytes, join_answer_encode(&answer, bytes)));
    ck_assert(read.is_joined && !read.is_for_now);
    ck_assert_str_eq(read.server, "media9");
    ck_assert_uint_eq(read.port_count, 2);
    ck_assert_uint_eq(read.ports[1], 80);
    size_t size = join_answer_encode(&refusal, bytes);
    ck_assert(join_answer_decode(&read, &space, bytes, size));
    ck_assert(!read.is_joined && read.is_for_now);
    ck_assert_str_eq(read.sentence, refusal.sentence);
    for (size_t i = 0; i < size; i++)
        ck_assert(!join_answer_decode(&read, &space, bytes, i));
    pack_space_close(&space);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/join");
    SUITE_CASE(suite, "token", a_token_survives_its_text,
               a_token_tells_both_keys_of_a_node_whose_key_is_changed,
               the_longest_names_fit_in_a_token, what_is_cut_or_altered_is_no_token,
               a_digest_tells_secrets_apart);
    SUITE_CASE(suite, "join", a_join_survives_its_bytes, a_join_that_states_nonsense_is_refused);
    SUITE_CASE(suite, "answer", an_answer_survives_its_bytes);
    return suite_run(suite);
}
