#include "replication/pack.h"

#include <string.h>

#include "unit/suite.h"

static struct pack_space space;
static const struct msgpack_object *map;

static enum pack_reason parse(const char *bytes, size_t size)
{
    map = NULL;
    return pack_parse(&space, (const uint8_t *)bytes, size, &map);
}

/* A literal without its NUL. */
#define PARSE(literal) parse(literal, sizeof(literal) - 1)

START_TEST(what_is_written_is_read)
{
    uint8_t bytes[128];
    struct pack_writer writer;
    pack_begin(&writer, bytes, sizeof bytes);
    pack_map(&writer, 4);
    pack_uint(&writer, 0);
    pack_uint(&writer, UINT64_MAX);
    pack_uint(&writer, 1);
    pack_bool(&writer, true);
    pack_uint(&writer, PACK_KEY_MAX);
    pack_text(&writer, "ns1");
    pack_uint(&writer, 3);
    pack_array(&writer, 2);
    pack_bytes(&writer, "\0\xff", 2);
    pack_bytes(&writer, NULL, 0);
    ck_assert(!writer.overflowed);
    ck_assert_int_eq(parse((char *)bytes, writer.size), PACK_OK);

    uint64_t number;
    bool truth;
    const char *text;
    const uint8_t *value;
    size_t size;
    ck_assert(pack_get_uint(pack_get(map, 0), UINT64_MAX, &number));
    ck_assert_uint_eq(number, UINT64_MAX);
    ck_assert(pack_get_bool(pack_get(map, 1), &truth));
    ck_assert(truth);
    ck_assert(pack_get_text(pack_get(map, PACK_KEY_MAX), &text, &size));
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(text, "ns1", 3);
    ck_assert(pack_is_array(pack_get(map, 3)));
    ck_assert_uint_eq(pack_count(pack_get(map, 3)), 2);
    ck_assert(pack_get_bytes(pack_at(pack_get(map, 3), 0), &value, &size));
    ck_assert_uint_eq(size, 2);
    ck_assert_mem_eq(value, "\0\xff", 2);
    ck_assert(pack_get_bytes(pack_at(pack_get(map, 3), 1), &value, &size));
    ck_assert_uint_eq(size, 0);
    ck_assert_ptr_null(pack_at(pack_get(map, 3), 2));
    ck_assert_ptr_null(pack_get(map, 4));
    ck_assert_uint_eq(pack_count(map), 4);
}
END_TEST

START_TEST(an_overflow_is_remembered_and_nothing_is_written_beyond)
{
    uint8_t bytes[6] = {0};
    struct pack_writer writer;
    pack_begin(&writer, bytes, 5);
    pack_text(&writer, "abcd");
    ck_assert(!writer.overflowed);
    ck_assert_uint_eq(writer.size, 5);
    pack_uint(&writer, 1);
    ck_assert(writer.overflowed);
    ck_assert_uint_eq(bytes[5], 0);

    pack_begin(&writer, bytes, 3);
    pack_text(&writer, "abcd"); /* its head would fit */
    pack_bool(&writer, true);   /* and so would this */
    ck_assert(writer.overflowed);
    ck_assert_uint_le(writer.size, 3);
}
END_TEST

START_TEST(a_getter_of_another_type_or_range_leaves_its_output_alone)
{
    uint64_t number = 7;
    bool truth = true;
    const char *text = "x";
    const uint8_t *value = NULL;
    size_t size = 9;
    ck_assert_int_eq(PARSE("\x84\x00\xff\x01\xa1y\x02\x81\x05\x05\x03\xcc\xc8"), PACK_OK);
    ck_assert(!pack_get_uint(pack_get(map, 0), UINT64_MAX, &number)); /* -1 */
    ck_assert(!pack_get_uint(pack_get(map, 1), UINT64_MAX, &number));
    ck_assert(!pack_get_uint(pack_get(map, 3), 199, &number));
    ck_assert(!pack_get_uint(NULL, UINT64_MAX, &number));
    ck_assert(!pack_get_bool(pack_get(map, 1), &truth));
    ck_assert(!pack_get_bool(NULL, &truth));
    ck_assert(!pack_get_text(pack_get(map, 0), &text, &size));
    ck_assert(!pack_get_text(NULL, &text, &size));
    ck_assert(!pack_get_bytes(pack_get(map, 1), &value, &size));
    ck_assert(!pack_get_bytes(NULL, &value, &size));
    ck_assert_uint_eq(number, 7);
    ck_assert_uint_eq(size, 9);
    ck_assert(pack_get_uint(pack_get(map, 3), 200, &number));
    ck_assert(!pack_is_array(pack_get(map, 2)));
    ck_assert_uint_eq(pack_count(pack_get(map, 2)), 1);
    ck_assert_uint_eq(pack_count(pack_get(map, 0)), 0);
    ck_assert_uint_eq(pack_count(NULL), 0);
    ck_assert_ptr_null(pack_get(NULL, 0));
    ck_assert_ptr_null(pack_get(pack_get(map, 0), 0));
    ck_assert_ptr_null(pack_at(NULL, 0));
    ck_assert_ptr_null(pack_at(map, 0));
}
END_TEST

START_TEST(every_element_type_but_extensions_is_let_through)
{
    static const struct {
        const char *bytes;
        size_t size;
    } values[] = {
        {"\x00", 1},
        {"\x7f", 1},
        {"\xe0", 1},
        {"\x80", 1},
        {"\x90", 1},
        {"\xa0", 1},
        {"\xbf-------------------------------", 32},
        {"\xc0", 1},
        {"\xc2", 1},
        {"\xc3", 1},
        {"\xc4\x01x", 3},
        {"\xc5\x00\x01x", 4},
        {"\xc6\x00\x00\x00\x01x", 6},
        {"\xca\x00\x00\x00\x00", 5},
        {"\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 9},
        {"\xcc\x00", 2},
        {"\xcd\x00\x00", 3},
        {"\xce\x00\x00\x00\x00", 5},
        {"\xcf\x00\x00\x00\x00\x00\x00\x00\x00", 9},
        {"\xd0\x00", 2},
        {"\xd1\x00\x00", 3},
        {"\xd2\x00\x00\x00\x00", 5},
        {"\xd3\x00\x00\x00\x00\x00\x00\x00\x00", 9},
        {"\xd9\x01x", 3},
        {"\xda\x00\x01x", 4},
        {"\xdb\x00\x00\x00\x01x", 6},
        {"\xdc\x00\x01\xc0", 4},
        {"\xdd\x00\x00\x00\x01\xc0", 6},
        {"\xde\x00\x01\x00\xc0", 5},
        {"\xdf\x00\x00\x00\x01\x00\xc0", 7},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char bytes[64] = "\x81\x05";
        memcpy(bytes + 2, values[i].bytes, values[i].size);
        ck_assert_msg(parse(bytes, 2 + values[i].size) == PACK_OK, "row %zu", i);
        ck_assert_ptr_nonnull(pack_get(map, 5));
        for (size_t cut = 1; cut < 2 + values[i].size; cut++) {
            enum pack_reason reason = parse(bytes, cut);
            ck_assert_msg(reason == PACK_TRUNCATED || reason == PACK_TOO_MANY,
                          "row %zu cut at %zu: %s", i, cut, pack_reason_text(reason));
        }
        bytes[2 + values[i].size] = '\0';
        ck_assert_int_eq(parse(bytes, 3 + values[i].size), PACK_TRAILING);
    }
}
END_TEST

START_TEST(each_fault_has_its_reason)
{
    ck_assert_int_eq(PARSE(""), PACK_EMPTY);
    ck_assert_int_eq(PARSE("\x91\x00"), PACK_NOT_A_MAP);
    ck_assert_int_eq(PARSE("\x05"), PACK_NOT_A_MAP);
    ck_assert_int_eq(PARSE("\x81\xa1x\x00"), PACK_NOT_A_MAP);    /* a text as key */
    ck_assert_int_eq(PARSE("\x81\xcc\x05\x00"), PACK_NOT_A_MAP); /* 5 in two bytes */
    ck_assert_int_eq(PARSE("\x81\xff\x00"), PACK_NOT_A_MAP);     /* -1 */
    ck_assert_int_eq(PARSE("\x81\x00\x81\xa1x\x00"), PACK_NOT_A_MAP);
    ck_assert_int_eq(PARSE("\x82\x05\x00\x05\x00"), PACK_DUPLICATE_KEY);
    ck_assert_int_eq(PARSE("\x82\x7f\x00\x7f\x00"), PACK_DUPLICATE_KEY);
    ck_assert_int_eq(PARSE("\x82\x05\x00\x45\x00"), PACK_OK); /* 5 and 69 */
    ck_assert_int_eq(PARSE("\x81\x00\x82\x01\x00\x01\x00"), PACK_DUPLICATE_KEY);
    ck_assert_int_eq(PARSE("\x82\x01\x81\x02\x00\x02\x00"), PACK_OK); /* in different maps */
    ck_assert_int_eq(PARSE("\x81\x00\xc1"), PACK_TYPE);
    ck_assert_int_eq(PARSE("\x81\x00\xd4\x01\x00"), PACK_TYPE);
    ck_assert_int_eq(PARSE("\x81\x00\xc7\x00\x01"), PACK_TYPE);
    ck_assert_int_eq(PARSE("\x80\x00"), PACK_TRAILING);
    ck_assert_int_eq(PARSE("\x80"), PACK_OK);
}
END_TEST

START_TEST(eight_levels_are_read_and_nine_refused)
{
    ck_assert_int_eq(PARSE("\x81\x00\x91\x91\x91\x91\x91\x91\x91\x00"), PACK_OK);
    ck_assert_int_eq(PARSE("\x81\x00\x91\x91\x91\x91\x91\x91\x91\x91\x00"), PACK_TOO_DEEP);
    ck_assert_int_eq(PARSE("\x81\x00\x91\x91\x91\x91\x91\x91\x91\x90"), PACK_TOO_DEEP);
}
END_TEST

START_TEST(counts_that_the_bytes_could_not_hold_are_refused_before_allocation)
{
    ck_assert_int_eq(PARSE("\x81\x00\xdd\xff\xff\xff\xff"), PACK_TOO_MANY);
    ck_assert_int_eq(PARSE("\x81\x00\xdd\x01\x00\x00\x00"), PACK_TOO_MANY);
    ck_assert_int_eq(PARSE("\xdf\xff\xff\xff\xff"), PACK_TOO_MANY);
    ck_assert_int_eq(PARSE("\x81\x00\x92\x00"), PACK_TOO_MANY);
    ck_assert_int_eq(PARSE("\x81\x00\x81\x00"), PACK_TOO_MANY);
    ck_assert_int_eq(PARSE("\x81\x00\xdb\xff\xff\xff\xff"), PACK_TRUNCATED);
}
END_TEST

/* Six arrays inside each other that each claim all the bytes behind them: every single one could be
 * true, together they would multiply. */
START_TEST(nested_counts_share_one_budget)
{
    static char bytes[60000] = "\x81\x00";
    size_t at = 2;
    for (int i = 0; i < 6; i++) {
        size_t left = sizeof bytes - at - 3;
        bytes[at++] = (char)0xdc;
        bytes[at++] = (char)(left >> 8);
        bytes[at++] = (char)left;
    }
    ck_assert_int_eq(parse(bytes, sizeof bytes), PACK_TOO_MANY);
}
END_TEST

START_TEST(the_size_is_bounded)
{
    static char bytes[PACK_SIZE_MAX + 1] = "\x81\x00\xc6";
    size_t body = PACK_SIZE_MAX - 7;
    for (size_t i = 0; i < 4; i++)
        bytes[3 + i] = (char)(body >> (24 - 8 * i));
    ck_assert_int_eq(parse(bytes, PACK_SIZE_MAX), PACK_OK);
    ck_assert_int_eq(parse(bytes, PACK_SIZE_MAX + 1), PACK_TOO_LARGE);
}
END_TEST

START_TEST(every_reason_has_its_word)
{
    for (int i = 0; i < PACK_REASON_COUNT; i++)
        ck_assert_ptr_nonnull(pack_reason_text((enum pack_reason)i));
    ck_assert_str_eq(pack_reason_text(PACK_TOO_DEEP), "too-deep");
}
END_TEST

int main(void)
{
    pack_space_open(&space);
    Suite *suite = suite_create("replication/pack");
    SUITE_CASE(suite, "write", what_is_written_is_read,
               an_overflow_is_remembered_and_nothing_is_written_beyond);
    SUITE_CASE(suite, "read", a_getter_of_another_type_or_range_leaves_its_output_alone,
               every_element_type_but_extensions_is_let_through, every_reason_has_its_word);
    SUITE_CASE(suite, "hostile", each_fault_has_its_reason, eight_levels_are_read_and_nine_refused,
               counts_that_the_bytes_could_not_hold_are_refused_before_allocation,
               nested_counts_share_one_budget, the_size_is_bounded);
    int status = suite_run(suite);
    pack_space_close(&space);
    return status;
}
