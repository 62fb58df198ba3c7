#include "replication/store_slot.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct record order_of(uint64_t counter)
{
    struct record record = {.key = {RECORD_ORDER, "drain/media1"},
                            .version = {counter, 1},
                            .age_ms = RECORD_AGE_MS_MAX,
                            .value_size = RECORD_VALUE_MAX};
    memset(record.value, 0xee, sizeof record.value);
    return record;
}

START_TEST(an_order_survives_its_slot)
{
    struct record order = order_of(UINT64_MAX), decoded;
    uint8_t slot[STORE_SLOT_SIZE];
    memset(order.key.name, 'n', RECORD_NAME_MAX);
    store_slot_encode(&order, slot);
    ck_assert(store_slot_decode(slot, &decoded));
    ck_assert(record_key_equal(&decoded.key, &order.key));
    ck_assert_int_eq(record_compare(decoded.version, order.version), 0);
    ck_assert_uint_eq(decoded.age_ms, RECORD_AGE_MS_MAX);
    ck_assert_uint_eq(decoded.value_size, RECORD_VALUE_MAX);
    ck_assert_mem_eq(decoded.value, order.value, RECORD_VALUE_MAX);
}
END_TEST

/* A sum is no proof of sense: another version of the program may have written it. */
START_TEST(a_right_sum_does_not_make_an_order_of_anything)
{
    static const struct {
        size_t at;
        uint8_t value;
    } table[] = {{19, 0xff}, {21, 0xff}, {22, 0}, {22, RECORD_NAME_MAX + 1}, {24, ' '}};
    struct record order = order_of(1), decoded;
    uint8_t slot[STORE_SLOT_SIZE];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        store_slot_encode(&order, slot);
        slot[table[i].at] = table[i].value;
        ck_assert(!store_slot_decode(slot, &decoded));
        store_slot_seal(slot);
        ck_assert(!store_slot_decode(slot, &decoded));
    }
}
END_TEST

/* {0, 0} is "nothing known", which no table takes. */
START_TEST(a_slot_without_a_version_is_no_order)
{
    struct record order = order_of(0), decoded;
    uint8_t slot[STORE_SLOT_SIZE];
    store_slot_encode(&order, slot);
    ck_assert(store_slot_decode(slot, &decoded));
    order.version.sequence = 0;
    store_slot_encode(&order, slot);
    ck_assert(!store_slot_decode(slot, &decoded));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/store_slot");
    SUITE_CASE(suite, "slot", an_order_survives_its_slot,
               a_right_sum_does_not_make_an_order_of_anything,
               a_slot_without_a_version_is_no_order);
    return suite_run(suite);
}
