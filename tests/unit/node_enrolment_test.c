#include "node/enrolment.h"

#include <string.h>

#include "unit/suite.h"

#define KEY2 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static struct pack_space space;
static struct record_key key;
static uint8_t value[RECORD_VALUE_MAX];

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(text, &ip));
    return ip;
}

START_TEST(a_token_survives_its_record_and_the_largest_fits)
{
    struct token token = {.in_force = true,
                          .digest = "thirty-two bytes of a digest...",
                          .uses = TOKEN_USES_MAX,
                          .prefixes = {{ip_of("192.0.2.96"), 27}, {ip_of("2001:db8::"), 128}},
                          .given_s = UINT64_MAX,
                          .until_s = UINT64_MAX},
                 read;
    memset(token.id, 'f', JOIN_TOKEN_ID_MAX);
    memset(token.pool, 'p', DOCUMENT_NAME_MAX);
    memset(token.author, 'a', ORDER_AUTHOR_MAX);
    pack_space_open(&space);
    token_key(token.id, &key);
    ck_assert_str_eq(key.name, "token/ffffffffffffffff");
    ck_assert(!enrolment_is_of(&key));
    ck_assert(token_decode(&read, &space, &key, value, token_encode(&token, value)));
    ck_assert_str_eq(read.id, token.id);
    ck_assert(read.in_force);
    ck_assert_mem_eq(read.digest, token.digest, sizeof read.digest);
    ck_assert_str_eq(read.pool, token.pool);
    ck_assert_uint_eq(read.uses, TOKEN_USES_MAX);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(ip_equal(&read.prefixes[i].address, &token.prefixes[i].address));
        ck_assert_uint_eq(read.prefixes[i].bits, token.prefixes[i].bits);
    }
    ck_assert_str_eq(read.author, token.author);
    ck_assert(read.until_s == UINT64_MAX);
    pack_space_close(&space);
}
END_TEST

/* As written by a node of either version: of one prefix, whatever its family, nothing changed. */
START_TEST(a_token_may_have_a_prefix_of_one_family_alone)
{
    static const struct {
        const char *address;
        uint8_t bits;
    } table[] = {{"192.0.2.96", 27}, {"2001:db8::", 64}};
    pack_space_open(&space);
    for (size_t i = 0; i < 2; i++) {
        struct token token = {.id = "f", .pool = "p", .uses = 1, .author = "a"}, read;
        token.prefixes[i] = (struct token_prefix){ip_of(table[i].address), table[i].bits};
        token_key(token.id, &key);
        size_t size = token_encode(&token, value);
        ck_assert_uint_eq(value[0], 0x89); /* a map of nine */
        ck_assert(token_decode(&read, &space, &key, value, size));
        ck_assert(ip_equal(&read.prefixes[i].address, &token.prefixes[i].address));
        ck_assert_uint_eq(read.prefixes[i].bits, table[i].bits);
        ck_assert_uint_eq(read.prefixes[1 - i].address.family, 0);
        value[size - 1] = 0xc1; /* no MessagePack */
        ck_assert(!token_decode(&read, &space, &key, value, size));
    }
    pack_space_close(&space);
}
END_TEST

START_TEST(an_enrolment_survives_its_record_and_the_largest_fits)
{
    struct enrolment enrolment = {.is_enrolled = true,
                                  .key = KEY,
                                  .capacity = DOCUMENT_CAPACITY_MAX,
                                  .addresses = {ip_of("192.0.2.109"), ip_of("2001:db8::9")},
                                  .machine = "sixteen letters",
                                  .given_s = UINT64_MAX},
                     read;
    memset(enrolment.server, 's', DOCUMENT_NAME_MAX);
    memset(enrolment.pool, 'p', DOCUMENT_NAME_MAX);
    memset(enrolment.token, 't', JOIN_TOKEN_ID_MAX);
    memset(enrolment.tags, 'g', JOIN_TAGS_MAX);
    memset(enrolment.author, 'a', ORDER_AUTHOR_MAX);
    pack_space_open(&space);
    enrolment_key(enrolment.server, &key);
    ck_assert(enrolment_is_of(&key));
    ck_assert(enrolment_decode(&read, &space, &key, value, enrolment_encode(&enrolment, value)));
    ck_assert_str_eq(read.server, enrolment.server);
    ck_assert_str_eq(read.key, KEY);
    ck_assert_str_eq(read.pool, enrolment.pool);
    ck_assert_uint_eq(read.capacity, DOCUMENT_CAPACITY_MAX);
    ck_assert(ip_equal(&read.addresses[0], &enrolment.addresses[0]));
    ck_assert(ip_equal(&read.addresses[1], &enrolment.addresses[1]));
    ck_assert_mem_eq(read.machine, enrolment.machine, sizeof read.machine);
    ck_assert_str_eq(read.token, enrolment.token);
    ck_assert_str_eq(read.tags, enrolment.tags);
    enrolment.addresses[0] = enrolment.addresses[1] = (struct ip){0};
    ck_assert(!enrolment_decode(&read, &space, &key, value, enrolment_encode(&enrolment, value)));
    pack_space_close(&space);
}
END_TEST

START_TEST(a_revocation_survives_its_record)
{
    struct revocation revocation = {.server = "media1", .is_revoked = true, .keys = {KEY}}, read;
    pack_space_open(&space);
    revocation_key("media1", &key);
    ck_assert(enrolment_is_of(&key));
    ck_assert(revocation_decode(&read, &space, &key, value, revocation_encode(&revocation, value)));
    ck_assert(read.is_revoked);
    ck_assert_str_eq(read.server, "media1");
    ck_assert_str_eq(read.keys[0], KEY);
    ck_assert_str_eq(read.keys[1], "");
    struct token token;
    ck_assert(!token_decode(&token, &space, &key, value, sizeof value));
    strcpy(revocation.keys[1], KEY2);
    ck_assert(revocation_decode(&read, &space, &key, value, revocation_encode(&revocation, value)));
    ck_assert_str_eq(read.keys[0], KEY);
    ck_assert_str_eq(read.keys[1], KEY2);
    strcpy(revocation.keys[1], "too short");
    ck_assert(
        !revocation_decode(&read, &space, &key, value, revocation_encode(&revocation, value)));
    pack_space_close(&space);
}
END_TEST

START_TEST(an_address_lies_in_a_prefix_by_its_bits)
{
    static const struct {
        const char *prefix;
        uint8_t bits;
        const char *address;
        bool is_within;
    } table[] = {
        {"192.0.2.96", 27, "192.0.2.96", true},      {"192.0.2.96", 27, "192.0.2.127", true},
        {"192.0.2.96", 27, "192.0.2.128", false},    {"192.0.2.96", 27, "192.0.2.95", false},
        {"192.0.2.97", 32, "192.0.2.97", true},      {"192.0.2.97", 32, "192.0.2.96", false},
        {"0.0.0.0", 0, "203.0.113.9", true},         {"192.0.2.0", 24, "192.0.3.0", false},
        {"192.0.2.96", 27, "2001:db8::1", false},    {"2001:db8::", 64, "2001:db8::ffff", true},
        {"2001:db8::", 64, "2001:db8:0:1::", false}, {"2001:db8::", 127, "2001:db8::1", true},
        {"2001:db8::", 127, "2001:db8::2", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ip prefix = ip_of(table[i].prefix), address = ip_of(table[i].address);
        struct token token = {0};
        token.prefixes[prefix.family == 6] = (struct token_prefix){prefix, table[i].bits};
        ck_assert_msg(token_has_address(&token, &address) == table[i].is_within, "%s in %s/%u",
                      table[i].address, table[i].prefix, table[i].bits);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/enrolment");
    SUITE_CASE(suite, "record", a_token_survives_its_record_and_the_largest_fits,
               a_token_may_have_a_prefix_of_one_family_alone,
               an_enrolment_survives_its_record_and_the_largest_fits,
               a_revocation_survives_its_record);
    SUITE_CASE(suite, "prefix", an_address_lies_in_a_prefix_by_its_bits);
    return suite_run(suite);
}
