#include "node/handed.h"

#include <string.h>

#include "unit/suite.h"

START_TEST(a_name_is_split_into_node_pool_and_server)
{
    struct handed_key key;
    ck_assert(handed_split(&key, "ns2/stream/media1"));
    ck_assert_str_eq(key.node, "ns2");
    ck_assert_str_eq(key.pool, "stream");
    ck_assert_str_eq(key.server, "media1");
    ck_assert(!handed_split(&key, "ns2"));
    ck_assert(!handed_split(&key, "ns2/stream"));
    ck_assert(!handed_split(&key, "ns2/stream/media1/more"));
}
END_TEST

START_TEST(a_total_survives_its_record)
{
    static const uint32_t totals[] = {0, 127, 128, 65536, UINT32_MAX};
    struct pack_space space;
    uint8_t value[RECORD_VALUE_MAX];
    uint32_t total = 1;
    pack_space_open(&space);
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        size_t size = handed_encode(totals[i], value);
        ck_assert(handed_decode(&total, &space, value, size));
        ck_assert_uint_eq(total, totals[i]);
        ck_assert(!handed_decode(&total, &space, value, size - 1));
    }
    ck_assert(!handed_decode(&total, &space, (const uint8_t *)"\x81\x01\xcf\0\0\0\1\0\0\0\0", 11));
    ck_assert(!handed_decode(&total, &space, (const uint8_t *)"\x80", 1));
    ck_assert_uint_eq(total, UINT32_MAX);
    pack_space_close(&space);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/handed");
    SUITE_CASE(suite, "record", a_name_is_split_into_node_pool_and_server,
               a_total_survives_its_record);
    return suite_run(suite);
}
