#include "replication/message.h"

#include <string.h>

#include "replica_fixture.h"
#include "unit/suite.h"

static struct pack_space space;
static struct message message, decoded;
static uint8_t bytes[MESSAGE_SIZE_MAX];

/* Every field at its largest. */
static struct record largest_record(void)
{
    struct record record = {.key = {.kind = RECORD_ORDER},
                            .version = {UINT64_MAX, UINT64_MAX},
                            .age_ms = RECORD_AGE_MS_MAX,
                            .value_size = RECORD_VALUE_MAX};
    memset(record.key.name, 'x', RECORD_NAME_MAX);
    memset(record.value, 0xff, RECORD_VALUE_MAX);
    return record;
}

START_TEST(the_largest_messages_fit_and_come_back)
{
    message.type = MESSAGE_SNAPSHOT;
    message.records.chunk = UINT64_MAX;
    message.records.count = MESSAGE_RECORDS_MAX;
    for (size_t i = 0; i < MESSAGE_RECORDS_MAX; i++)
        message.records.records[i] = largest_record();
    size_t size = message_encode(&message, bytes);
    ck_assert_int_eq(message_decode(&decoded, &space, bytes, size, NULL), MESSAGE_OK);
    ck_assert_uint_eq(decoded.records.count, MESSAGE_RECORDS_MAX);
    ck_assert_uint_eq(decoded.records.chunk, UINT64_MAX);
    const struct record *last = &decoded.records.records[MESSAGE_RECORDS_MAX - 1];
    ck_assert(record_key_equal(&last->key, &message.records.records[0].key));
    ck_assert_uint_eq(last->version.sequence, UINT64_MAX);
    ck_assert_uint_eq(last->age_ms, RECORD_AGE_MS_MAX);
    ck_assert_uint_eq(last->value[RECORD_VALUE_MAX - 1], 0xff);

    message.type = MESSAGE_VERSIONS;
    message.versions.chunk = UINT64_MAX;
    message.versions.last = true;
    message.versions.count = MESSAGE_VERSIONS_MAX;
    for (size_t i = 0; i < MESSAGE_VERSIONS_MAX; i++)
        message.versions.entries[i] =
            (struct message_version){largest_record().key, {UINT64_MAX, UINT64_MAX}};
    size = message_encode(&message, bytes);
    ck_assert_int_eq(message_decode(&decoded, &space, bytes, size, NULL), MESSAGE_OK);
    ck_assert_uint_eq(decoded.versions.count, MESSAGE_VERSIONS_MAX);
}
END_TEST

/* Of a HELLO written by hand: 11 fields, each of which is left out and then made a nil. */
static size_t encode_hello_but(size_t field, bool as_nil)
{
    struct pack_writer writer;
    pack_begin(&writer, bytes, sizeof bytes);
    pack_map(&writer, as_nil ? 11 : 10);
    for (size_t key = 0; key < 11; key++) {
        if (key == field && !as_nil)
            continue;
        pack_uint(&writer, key);
        if (key == field)
            pack_array(&writer, 0);
        else if (key == 4 || key == 5)
            pack_text(&writer, "ns1");
        else if (key >= 9)
            pack_bool(&writer, false);
        else
            pack_uint(&writer, 1);
    }
    return writer.size;
}

START_TEST(every_field_of_hello_is_required_and_typed)
{
    for (size_t field = 0; field < 11; field++) {
        size_t size = encode_hello_but(field, false);
        ck_assert_int_eq(message_decode(&decoded, &space, bytes, size, NULL),
                         MESSAGE_MISSING_FIELD);
        size = encode_hello_but(field, true);
        ck_assert_int_eq(message_decode(&decoded, &space, bytes, size, NULL), MESSAGE_BAD_FIELD);
    }
}
END_TEST

static enum message_reason decode(const char *from, size_t size)
{
    return message_decode(&decoded, &space, (const uint8_t *)from, size, NULL);
}

#define DECODE(literal) decode(literal, sizeof(literal) - 1)

START_TEST(each_fault_has_its_reason)
{
    enum pack_reason pack_reason;
    ck_assert_int_eq(message_decode(&decoded, &space, (const uint8_t *)"\x91", 1, &pack_reason),
                     MESSAGE_MALFORMED);
    ck_assert_int_eq(pack_reason, PACK_NOT_A_MAP);
    ck_assert_int_eq(DECODE("\x80"), MESSAGE_MISSING_FIELD);
    ck_assert_int_eq(DECODE("\x81\x00\x00"), MESSAGE_UNKNOWN_TYPE);
    ck_assert_int_eq(DECODE("\x81\x00\x07"), MESSAGE_UNKNOWN_TYPE);
    ck_assert_int_eq(DECODE("\x81\x00\xa1x"), MESSAGE_BAD_FIELD);
    ck_assert_int_eq(DECODE("\x81\x00\x05"), MESSAGE_MISSING_FIELD); /* a PULL without its list */
    ck_assert_int_eq(DECODE("\x82\x00\x05\x03\x01"), MESSAGE_BAD_FIELD);
    ck_assert_int_eq(DECODE("\x82\x00\x05\x03\x90"), MESSAGE_OK);
    ck_assert_int_eq(DECODE("\x82\x00\x05\x03\x91\x01"), MESSAGE_BAD_FIELD);
    ck_assert_int_eq(DECODE("\x82\x00\x05\x03\x91\x90"), MESSAGE_MISSING_FIELD);
    ck_assert_int_eq(DECODE("\x82\x00\x05\x03\x91\x92\x01\xa1 "), MESSAGE_BAD_NAME);
    ck_assert_int_eq(DECODE("\x82\x00\x05\x03\x91\x92\x01\xa0"), MESSAGE_BAD_NAME);
    ck_assert_int_eq(DECODE("\x84\x00\x06\x01\x00\x02\x00\x03\xff"), MESSAGE_BAD_FIELD);
    /* nothing may state version 0.0 */
    ck_assert_int_eq(DECODE("\x84\x00\x04\x01\x00\x02\xc3\x03\x91\x94\x01\xa1x\x00\x00"),
                     MESSAGE_BAD_FIELD);
    ck_assert_int_eq(DECODE("\x84\x00\x04\x01\x00\x02\xc3\x03\x91\x94\x01\xa1x\x00\x01"),
                     MESSAGE_OK);
    ck_assert_int_eq(DECODE("\x84\x00\x04\x01\x00\x02\xc3\x03\x91\x93\x01\xa1x\x00"),
                     MESSAGE_MISSING_FIELD);
}
END_TEST

/* Of a DELTA with one record: its age, the type of its value and the size of its value. */
static enum message_reason decode_record(uint64_t age_ms, bool as_text, size_t value_size)
{
    static const uint8_t value[RECORD_VALUE_MAX + 1];
    struct pack_writer writer;
    pack_begin(&writer, bytes, sizeof bytes);
    pack_map(&writer, 3);
    pack_uint(&writer, 0);
    pack_uint(&writer, MESSAGE_DELTA);
    pack_uint(&writer, 4);
    pack_bool(&writer, false);
    pack_uint(&writer, 3);
    pack_array(&writer, 1);
    pack_array(&writer, 6);
    pack_uint(&writer, RECORD_NODE);
    pack_text(&writer, "ns1");
    pack_uint(&writer, 1);
    pack_uint(&writer, 1);
    pack_uint(&writer, age_ms);
    if (as_text)
        pack_text(&writer, "x");
    else
        pack_bytes(&writer, value, value_size);
    return message_decode(&decoded, &space, bytes, writer.size, NULL);
}

START_TEST(age_and_value_of_a_record_are_bounded)
{
    ck_assert_int_eq(decode_record(RECORD_AGE_MS_MAX, false, RECORD_VALUE_MAX), MESSAGE_OK);
    ck_assert_int_eq(decode_record(RECORD_AGE_MS_MAX + 1, false, 0), MESSAGE_BAD_FIELD);
    ck_assert_int_eq(decode_record(UINT64_C(1) << 32, false, 0), MESSAGE_BAD_FIELD);
    ck_assert_int_eq(decode_record(0, false, RECORD_VALUE_MAX + 1), MESSAGE_BAD_FIELD);
    ck_assert_int_eq(decode_record(0, true, 0), MESSAGE_BAD_FIELD);
}
END_TEST

/* What the decoder passed over: fields, elements, kinds, fields of values. */
static const char *passed_over(void)
{
    static char line[80];
    snprintf(line, sizeof line, "%llu %llu %llu %llu", (unsigned long long)space.unknown[0],
             (unsigned long long)space.unknown[1], (unsigned long long)space.unknown[2],
             (unsigned long long)space.unknown[3]);
    memset(space.unknown, 0, sizeof space.unknown);
    return line;
}

START_TEST(what_only_a_later_version_knows_is_passed_over_and_counted)
{
    passed_over();
    /* a PULL: a key 9 and a key 100; of its elements one is longer, one of the kind 99 */
    ck_assert_int_eq(DECODE("\x84\x00\x05\x09\xc0\x64\x81\x01\x02\x03\x92"
                            "\x93\x01\xa1x\xc2\x92\x63\xa1y"),
                     MESSAGE_OK);
    ck_assert_uint_eq(decoded.versions.count, 1);
    ck_assert_str_eq(decoded.versions.entries[0].key.name, "x");
    ck_assert_str_eq(passed_over(), "2 1 1 0");
    /* a VERSIONS: two elements more */
    ck_assert_int_eq(DECODE("\x84\x00\x04\x01\x00\x02\xc3\x03\x91\x96\x01\xa1x\x00\x01\xc0\xc0"),
                     MESSAGE_OK);
    ck_assert_str_eq(passed_over(), "0 2 0 0");
    /* a DELTA: chunk and last are of a SNAPSHOT alone; a record longer, one of kind 7 */
    ck_assert_int_eq(DECODE("\x85\x00\x03\x01\x00\x02\xc2\x04\xc2\x03\x92"
                            "\x97\x01\xa1x\x01\x01\x00\xc4\x00\x01\x91\x07"),
                     MESSAGE_OK);
    ck_assert_uint_eq(decoded.records.count, 1);
    ck_assert_str_eq(passed_over(), "2 1 1 0");
    /* an ACK, a HELLO */
    ck_assert_int_eq(DECODE("\x85\x00\x06\x01\x00\x02\x00\x03\x00\x04\x00"), MESSAGE_OK);
    ck_assert_str_eq(passed_over(), "1 0 0 0");
    message = *hello_of("ns1", 1, 0, 0);
    message.hello.format = 7;
    size_t size = message_encode(&message, bytes);
    bytes[0]++;
    memcpy(bytes + size, "\x0d\xc0", 2);
    ck_assert_int_eq(message_decode(&decoded, &space, bytes, size + 2, NULL), MESSAGE_OK);
    ck_assert_uint_eq(decoded.hello.format, 7);
    ck_assert_str_eq(passed_over(), "1 0 0 0");
}
END_TEST

/* A SNAPSHOT, VERSIONS and ACK as this version writes them hold nothing unknown. */
START_TEST(what_this_version_writes_it_knows)
{
    static const enum message_type types[] = {MESSAGE_HELLO,    MESSAGE_SNAPSHOT, MESSAGE_DELTA,
                                              MESSAGE_VERSIONS, MESSAGE_PULL,     MESSAGE_ACK};
    passed_over();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        memset(&message, 0, sizeof message);
        message.type = types[i];
        if (message.type == MESSAGE_HELLO) {
            message = *hello_of("ns1", 1, 0, 0);
            message.hello.machine[0] = 1;
            message.hello.format = 1;
        }
        if (message.type == MESSAGE_SNAPSHOT || message.type == MESSAGE_DELTA)
            message.records.records[message.records.count++] = largest_record();
        size_t size = message_encode(&message, bytes);
        ck_assert_int_eq(message_decode(&decoded, &space, bytes, size, NULL), MESSAGE_OK);
        ck_assert_str_eq(passed_over(), "0 0 0 0");
    }
}
END_TEST

START_TEST(the_highest_version_in_common_is_spoken)
{
    static const struct {
        uint64_t min, max, spoken;
    } rows[] = {{MESSAGE_PROTOCOL_MIN, MESSAGE_PROTOCOL_MAX, MESSAGE_PROTOCOL_MAX},
                {MESSAGE_PROTOCOL_MIN, MESSAGE_PROTOCOL_MAX + 1, MESSAGE_PROTOCOL_MAX},
                {0, UINT64_MAX, MESSAGE_PROTOCOL_MAX},
                {0, MESSAGE_PROTOCOL_MIN, MESSAGE_PROTOCOL_MIN},
                {0, MESSAGE_PROTOCOL_MIN - 1, 0},
                {MESSAGE_PROTOCOL_MAX + 1, UINT64_MAX, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct message_hello hello = {.protocol_min = rows[i].min,
                                            .protocol_max = rows[i].max};
        ck_assert_msg(message_protocol(&hello) == rows[i].spoken, "row %zu", i);
    }
}
END_TEST

static enum message_reason decode_keys(enum message_type type, size_t count)
{
    struct pack_writer writer;
    pack_begin(&writer, bytes, sizeof bytes);
    pack_map(&writer, 5);
    pack_uint(&writer, 0);
    pack_uint(&writer, type);
    pack_uint(&writer, 1);
    pack_uint(&writer, 0);
    pack_uint(&writer, 2);
    pack_bool(&writer, true);
    pack_uint(&writer, 4);
    pack_bool(&writer, false);
    pack_uint(&writer, 3);
    pack_array(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        pack_array(&writer, 6);
        pack_uint(&writer, RECORD_NODE);
        pack_text(&writer, "ns1");
        for (int number = 0; number < 3; number++)
            pack_uint(&writer, 1);
        pack_bytes(&writer, "", 0);
    }
    return message_decode(&decoded, &space, bytes, writer.size, NULL);
}

START_TEST(a_list_longer_than_its_bound_is_refused)
{
    static const struct {
        enum message_type type;
        size_t max;
    } rows[] = {{MESSAGE_SNAPSHOT, MESSAGE_RECORDS_MAX},
                {MESSAGE_DELTA, MESSAGE_RECORDS_MAX},
                {MESSAGE_VERSIONS, MESSAGE_VERSIONS_MAX},
                {MESSAGE_PULL, MESSAGE_KEYS_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(decode_keys(rows[i].type, rows[i].max), MESSAGE_OK);
        ck_assert_int_eq(decode_keys(rows[i].type, rows[i].max + 1), MESSAGE_TOO_MANY_RECORDS);
    }
}
END_TEST

START_TEST(a_hello_must_make_sense)
{
    static const struct {
        uint64_t boot, role, protocol_min, protocol_max;
        enum message_reason reason;
    } rows[] = {
        {1, MESSAGE_AGENT, 1, 1, MESSAGE_OK},
        {0, MESSAGE_AGENT, 1, 1, MESSAGE_BAD_FIELD},
        {1, 0, 1, 1, MESSAGE_BAD_FIELD},
        {1, MESSAGE_NODE + 1, 1, 1, MESSAGE_BAD_FIELD},
        {1, MESSAGE_NODE, 2, 1, MESSAGE_BAD_FIELD},
        {1, MESSAGE_NODE, 2, 9, MESSAGE_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        message = *hello_of("ns1", 1, 0, 0);
        size_t size = message_encode(&message, bytes);
        /* the values stand at fixed places: see tests/wire */
        bytes[4] = (uint8_t)rows[i].protocol_min;
        bytes[6] = (uint8_t)rows[i].protocol_max;
        bytes[8] = (uint8_t)rows[i].role;
        bytes[20] = (uint8_t)rows[i].boot;
        ck_assert_int_eq(bytes[19], 6);
        ck_assert_msg(message_decode(&decoded, &space, bytes, size, NULL) == rows[i].reason,
                      "row %zu", i);
    }
}
END_TEST

START_TEST(every_reason_has_its_word)
{
    for (int i = 0; i < MESSAGE_REASON_COUNT; i++)
        ck_assert_ptr_nonnull(message_reason_text((enum message_reason)i));
}
END_TEST

int main(void)
{
    pack_space_open(&space);
    Suite *suite = suite_create("replication/message");
    SUITE_CASE(suite, "bounds", the_largest_messages_fit_and_come_back,
               a_list_longer_than_its_bound_is_refused, age_and_value_of_a_record_are_bounded);
    SUITE_CASE(suite, "refuse", every_field_of_hello_is_required_and_typed,
               each_fault_has_its_reason, a_hello_must_make_sense, every_reason_has_its_word);
    SUITE_CASE(suite, "versions", what_only_a_later_version_knows_is_passed_over_and_counted,
               what_this_version_writes_it_knows, the_highest_version_in_common_is_spoken);
    int status = suite_run(suite);
    pack_space_close(&space);
    return status;
}
