#include "node/order.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct pack_space space;

static void setup(void)
{
    pack_space_open(&space);
}

static void teardown(void)
{
    pack_space_close(&space);
}

static enum order_reason decode(struct order *order, const char *name, const void *value,
                                size_t size)
{
    struct record_key key = {.kind = RECORD_ORDER};
    strcpy(key.name, name);
    return order_decode(order, &space, &key, value, size);
}

START_TEST(an_order_survives_its_record)
{
    static const struct order orders[] = {
        {.verb = ORDER_DRAIN, .subject = "media7", .draining = true, .author = "root@ns1"},
        {.verb = ORDER_DRAIN, .subject = "media7", .draining = false, .author = ""},
        {.verb = ORDER_GROUP, .subject = "stream", .group_size = 256, .rounds = 1000},
        {.verb = ORDER_GROUP, .subject = "stream", .because = "as the document says"},
        {.verb = ORDER_HANDOVER, .subject = "ns1", .away = true, .until_s = UINT64_MAX},
        {.verb = ORDER_FORCE, .subject = "media7", .force = VERDICT_FORCED_DOWN, .because = "disk"},
        {.verb = ORDER_FORCE, .subject = "media7", .force = VERDICT_UNFORCED, .given_s = 1},
        {.verb = ORDER_WEIGHT, .subject = "media7", .weight = 1, .given_s = 2, .until_s = 3},
    };
    setup();
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct record_key key;
        struct order decoded;
        uint8_t value[RECORD_VALUE_MAX];
        order_key(&orders[i], &key);
        size_t size = order_encode(&orders[i], value);
        ck_assert_int_eq(order_decode(&decoded, &space, &key, value, size), ORDER_OK);
        ck_assert_mem_eq(&decoded, &orders[i], sizeof decoded);
    }
    teardown();
}
END_TEST

START_TEST(the_largest_order_fits_in_a_record)
{
    struct order order = {.verb = ORDER_GROUP, .group_size = 256, .rounds = 1000}, decoded;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    setup();
    memset(order.subject, 's', ORDER_SUBJECT_MAX);
    memset(order.author, 'a', ORDER_AUTHOR_MAX);
    memset(order.because, 'b', ORDER_BECAUSE_MAX);
    order.given_s = order.until_s = UINT64_MAX;
    order_key(&order, &key);
    ck_assert_uint_eq(strlen(key.name), strlen("group/") + ORDER_SUBJECT_MAX);
    size_t size = order_encode(&order, value);
    ck_assert_int_eq(order_decode(&decoded, &space, &key, value, size), ORDER_OK);
    ck_assert_mem_eq(&decoded, &order, sizeof decoded);
    teardown();
}
END_TEST

START_TEST(the_key_names_verb_and_subject)
{
    struct record_key key;
    order_key(&(struct order){.verb = ORDER_GROUP, .subject = "stream"}, &key);
    ck_assert_str_eq(key.name, "group/stream");
}
END_TEST

START_TEST(what_is_no_order_is_refused_by_its_reason)
{
    static const struct {
        const char *name, *value;
        size_t size;
        enum order_reason reason;
    } table[] = {
        {"explode/media1", "\x81\x01\xc3", 3, ORDER_UNKNOWN_VERB},
        {"drain", "\x81\x01\xc3", 3, ORDER_UNKNOWN_VERB},
        {"drain/", "\x81\x01\xc3", 3, ORDER_MALFORMED},
        {"drain/a-name-that-is-longer-than-any-server", "\x81\x01\xc3", 3, ORDER_MALFORMED},
        {"drain/media1", "\x81\x01", 2, ORDER_MALFORMED},
        {"drain/media1", "\x80", 1, ORDER_BAD_FIELD},
        {"drain/media1", "\x81\x01\x01", 3, ORDER_BAD_FIELD},
        {"group/stream", "\x82\x01\x00\x02\x01", 5, ORDER_BAD_FIELD},
        {"group/stream", "\x82\x01\x01\x02\x00", 5, ORDER_BAD_FIELD},
        {"group/stream", "\x82\x01\xcd\x01\x01\x02\x01", 7, ORDER_BAD_FIELD}, /* G = 257 */
        {"force/media1", "\x81\x01\x03", 3, ORDER_BAD_FIELD},
        {"force/media1", "\x81\x01\xc3", 3, ORDER_BAD_FIELD},
        {"weight/media1", "\x81\x01\x00", 3, ORDER_BAD_FIELD},
        {"weight/media1", "\x81\x01\xcd\x03\xe9", 5, ORDER_BAD_FIELD},        /* 1001 % */
        {"group/stream", "\x82\x01\x01\x02\xcd\x03\xe9", 7, ORDER_BAD_FIELD}, /* R = 1001 */
    };
    setup();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct order order;
        ck_assert_msg(decode(&order, table[i].name, table[i].value, table[i].size) ==
                          table[i].reason,
                      "row %zu", i);
    }
    teardown();
}
END_TEST

START_TEST(an_author_is_cut_and_never_holds_control_characters)
{
    struct order order;
    char value[64] = "\x82\x01\xc3\x09\xd9\x28";
    setup();
    memset(value + 6, 'x', 40);
    ck_assert_int_eq(decode(&order, "drain/media1", value, 46), ORDER_OK);
    ck_assert_uint_eq(strlen(order.author), ORDER_AUTHOR_MAX);
    value[8] = '\n';
    ck_assert_int_eq(decode(&order, "drain/media1", value, 46), ORDER_OK);
    ck_assert_str_eq(order.author, "xx");
    teardown();
}
END_TEST

START_TEST(a_reason_holds_spaces_and_no_control_characters)
{
    struct order order;
    char value[64] = "\x82\x01\xc3\x0a\xa6"
                     "a disk";
    setup();
    ck_assert_int_eq(decode(&order, "drain/media1", value, 11), ORDER_OK);
    ck_assert_str_eq(order.because, "a disk");
    value[6] = '\n';
    ck_assert_int_eq(decode(&order, "drain/media1", value, 11), ORDER_OK);
    ck_assert_str_eq(order.because, "a");
    teardown();
}
END_TEST

START_TEST(the_end_of_an_order_is_what_was_before_it)
{
    static const struct {
        struct order order;
        const char *word, *end;
    } table[] = {
        {{.verb = ORDER_DRAIN, .draining = true}, "drain", "undrain"},
        {{.verb = ORDER_FORCE, .force = VERDICT_FORCED_UP}, "force-up", "unforce"},
        {{.verb = ORDER_FORCE, .force = VERDICT_FORCED_DOWN}, "force-down", "unforce"},
        {{.verb = ORDER_WEIGHT, .weight = 50}, "weight-50", "weight-100"},
        {{.verb = ORDER_GROUP, .group_size = 5, .rounds = 2},
         "group-5-rounds-2",
         "group-0-rounds-0"},
        {{.verb = ORDER_HANDOVER, .away = true}, "handover", "handover-back"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct order order = table[i].order, end;
        char word[24];
        snprintf(order.subject, sizeof order.subject, "media7");
        order_end(&order, &end);
        order_word(&order, word, sizeof word);
        ck_assert_str_eq(word, table[i].word);
        order_word(&end, word, sizeof word);
        ck_assert_str_eq(word, table[i].end);
        ck_assert_str_eq(end.subject, "media7");
        ck_assert(order_is_in_force(&order));
        ck_assert(!order_is_in_force(&end));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/order");
    SUITE_CASE(suite, "record", an_order_survives_its_record, the_largest_order_fits_in_a_record,
               the_key_names_verb_and_subject, what_is_no_order_is_refused_by_its_reason,
               an_author_is_cut_and_never_holds_control_characters,
               a_reason_holds_spaces_and_no_control_characters,
               the_end_of_an_order_is_what_was_before_it);
    return suite_run(suite);
}
