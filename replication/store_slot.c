#include "replication/store_slot.h"

#include <sodium.h>
#include <string.h>

#include "replication/little_endian.h"

enum {
    SLOT_NAME = 24,
    SLOT_VALUE = SLOT_NAME + RECORD_NAME_MAX,
    SLOT_END = SLOT_VALUE + RECORD_VALUE_MAX,
    SLOT_SUM = 480,
    SUM_SIZE = STORE_SLOT_SIZE - SLOT_SUM,
};
_Static_assert(SLOT_END <= SLOT_SUM, "a record fits in a slot");

void store_slot_seal(uint8_t slot[STORE_SLOT_SIZE])
{
    crypto_generichash(slot + SLOT_SUM, SUM_SIZE, slot, SLOT_SUM, NULL, 0);
}

void store_slot_encode(const struct record *record, uint8_t slot[STORE_SLOT_SIZE])
{
    size_t name_size = strlen(record->key.name);
    memset(slot, 0, STORE_SLOT_SIZE);
    put_number(slot, 8, record->version.incarnation);
    put_number(slot + 8, 8, record->version.sequence);
    put_number(slot + 16, 4, record->age_ms);
    put_number(slot + 20, 2, record->value_size);
    put_number(slot + 22, 1, name_size);
    memcpy(slot + SLOT_NAME, record->key.name, name_size);
    memcpy(slot + SLOT_VALUE, record->value, record->value_size);
    store_slot_seal(slot);
}

bool store_slot_decode(const uint8_t slot[STORE_SLOT_SIZE], struct record *record)
{
    uint8_t sum[SUM_SIZE];
    crypto_generichash(sum, sizeof sum, slot, SLOT_SUM, NULL, 0);
    if (memcmp(sum, slot + SLOT_SUM, sizeof sum) != 0)
        return false;
    size_t value_size = get_number(slot + 20, 2), name_size = get_number(slot + 22, 1);
    *record = (struct record){
        .key.kind = RECORD_ORDER,
        .version = {get_number(slot, 8), get_number(slot + 8, 8)},
        .age_ms = (uint32_t)get_number(slot + 16, 4),
        .value_size = (uint16_t)value_size,
    };
    if (record_compare(record->version, (struct record_version){0}) == 0 ||
        value_size > RECORD_VALUE_MAX || record->age_ms > RECORD_AGE_MS_MAX ||
        !record_name_is_valid((const char *)slot + SLOT_NAME, name_size))
        return false;
    memcpy(record->key.name, slot + SLOT_NAME, name_size);
    memcpy(record->value, slot + SLOT_VALUE, value_size);
    return true;
}
