#include "replication/record.h"

#include <string.h>

#include "unit/suite.h"

START_TEST(the_incarnation_decides_before_the_sequence)
{
    static const struct {
        struct record_version a, b;
        int order;
    } rows[] = {
        {{1, 9}, {2, 1}, -1},
        {{2, 1}, {1, 9}, 1},
        {{3, 4}, {3, 5}, -1},
        {{3, 5}, {3, 4}, 1},
        {{3, 4}, {3, 4}, 0},
        {{0, 0}, {0, 1}, -1},
        {{UINT64_MAX, 0}, {0, UINT64_MAX}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int order = record_compare(rows[i].a, rows[i].b);
        ck_assert_int_eq((order > 0) - (order < 0), rows[i].order);
    }
}
END_TEST

/* The guardian knows a handover by its rank alone. */
START_TEST(ranks_are_in_the_order_of_the_versions)
{
    const uint64_t early = 1, late = UINT64_MAX;
    const struct record_version rising[] = {
        record_order_version(1, 1, early),
        record_order_end(record_order_version(1, 1, early)),
        record_order_version(1, 1, late),
        record_order_end(record_order_version(1, 1, late)),
        record_order_version(1, 2, early),
        record_order_version(1, 2, late),
        record_order_end(record_order_version(1, 2, late)),
        record_order_version(2, 1, early),
        record_order_version(0x7ffffe, 2, late),
        record_order_end(record_order_version(0x7ffffe, 2, late)),
        record_order_version(0x7fffff, 1, early)};
    for (size_t i = 1; i < sizeof rising / sizeof *rising; i++) {
        ck_assert_int_lt(record_compare(rising[i - 1], rising[i]), 0);
        ck_assert_uint_lt(record_order_rank(rising[i - 1]), record_order_rank(rising[i]));
        ck_assert_uint_le(record_order_rank(rising[i]), RECORD_ORDER_RANK_MAX);
    }
    ck_assert_uint_eq(record_order_rank(record_order_version(UINT64_MAX, 2, late)),
                      RECORD_ORDER_RANK_MAX);
    ck_assert_uint_eq(record_order_number(rising[3]), 1);
    ck_assert_uint_eq(record_order_number(rising[4]), 2);
}
END_TEST

START_TEST(a_name_is_printable_ascii_within_its_length)
{
    char longest[RECORD_NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    ck_assert(record_name_is_valid("!", 1));
    ck_assert(record_name_is_valid("ns1/stream/media7~", 18));
    ck_assert(record_name_is_valid(longest, RECORD_NAME_MAX));
    ck_assert(!record_name_is_valid(longest, RECORD_NAME_MAX + 1));
    ck_assert(!record_name_is_valid("", 0));
    ck_assert(!record_name_is_valid("a b", 3));
    ck_assert(!record_name_is_valid("a\0b", 3));
    ck_assert(!record_name_is_valid("\x7f", 1));
    ck_assert(!record_name_is_valid("\xc3\xa9", 2));
}
END_TEST

START_TEST(kinds_beyond_the_list_are_not_known)
{
    ck_assert(!record_kind_is_known(0));
    ck_assert(record_kind_is_known(RECORD_REPORT));
    ck_assert(record_kind_is_known(RECORD_ORDER));
    ck_assert(record_kind_is_known(RECORD_TRANSITION));
    ck_assert(!record_kind_is_known(RECORD_TRANSITION + 1));
    ck_assert(!record_kind_is_known(UINT64_C(0x100000001)));
}
END_TEST

START_TEST(keys_are_equal_by_kind_and_name)
{
    struct record_key a = {RECORD_REPORT, "media1"}, b = {RECORD_NODE, "media1"},
                      c = {RECORD_REPORT, "media2"};
    ck_assert(record_key_equal(&a, &a));
    ck_assert(!record_key_equal(&a, &b));
    ck_assert(!record_key_equal(&a, &c));
}
END_TEST

START_TEST(a_record_belongs_to_its_writer_alone_but_an_order_to_any_node)
{
    static const struct {
        struct record_key key;
        const char *writer;
        bool is_written;
    } rows[] = {
        {{RECORD_REPORT, "media1"}, "media1", true},
        {{RECORD_REPORT, "media1"}, "media", false},
        {{RECORD_REPORT, "media"}, "media1", false},
        {{RECORD_NODE, "ns1"}, "ns1", true},
        {{RECORD_NODE, "ns1"}, "ns2", false},
        {{RECORD_HANDED_OUT, "ns1/stream/media1"}, "ns1", true},
        {{RECORD_HANDED_OUT, "ns10/stream/media1"}, "ns1", false},
        {{RECORD_HANDED_OUT, "ns1"}, "ns1", false},
        {{RECORD_FITNESS, "ns1"}, "ns1", true},
        {{RECORD_FITNESS, "ns1"}, "ns10", false},
        {{RECORD_TRANSITION, "ns1/4"}, "ns1", true},
        {{RECORD_TRANSITION, "ns10/4"}, "ns1", false},
        {{RECORD_ORDER, "drain/media1"}, "ns1", true},
        {{RECORD_ORDER, "drain/media1"}, "ns2", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(record_is_written_by(&rows[i].key, rows[i].writer) == rows[i].is_written,
                      "%s by %s", rows[i].key.name, rows[i].writer);
}
END_TEST

START_TEST(a_key_is_written_with_its_kind_and_cut_at_the_size)
{
    char text[64], cut[9];
    struct record_key key = {RECORD_HANDED_OUT, "ns1/stream/media1"};
    record_key_text(&key, text, sizeof text);
    ck_assert_str_eq(text, "handed-out ns1/stream/media1");
    record_key_text(&(struct record_key){RECORD_REPORT, "media1"}, cut, sizeof cut);
    ck_assert_str_eq(cut, "report m");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/record");
    SUITE_CASE(suite, "version", the_incarnation_decides_before_the_sequence,
               ranks_are_in_the_order_of_the_versions);
    SUITE_CASE(suite, "key", a_name_is_printable_ascii_within_its_length,
               kinds_beyond_the_list_are_not_known, keys_are_equal_by_kind_and_name,
               a_record_belongs_to_its_writer_alone_but_an_order_to_any_node,
               a_key_is_written_with_its_kind_and_cut_at_the_size);
    return suite_run(suite);
}
