/* The bytes of every message, both ways. They are the contract with programs of other versions:
 * a change here is a change of the protocol. */
#include "replication/message.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct message message, decoded;
static uint8_t bytes[MESSAGE_SIZE_MAX];

static const char *hex_of(const uint8_t *from, size_t size)
{
    static char hex[1024];
    hex[0] = '\0';
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, sizeof hex - 2 * i, "%02x", from[i]);
    return hex;
}

static size_t bytes_of(const char *hex, uint8_t *to)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        to[i] = (uint8_t)byte;
    }
    return size;
}

/* message encodes to exactly these bytes, and they decode to something that does so again. */
static void check_golden(const char *hex, const char *text)
{
    struct pack_space space;
    uint8_t golden[512];
    char line[512];
    ck_assert_str_eq(hex_of(bytes, message_encode(&message, bytes)), hex);
    pack_space_open(&space);
    memset(&decoded, 0xa5, sizeof decoded);
    ck_assert_int_eq(message_decode(&decoded, &space, golden, bytes_of(hex, golden), NULL),
                     MESSAGE_OK);
    pack_space_close(&space);
    message_text(&decoded, line, sizeof line);
    ck_assert_str_eq(line, text);
    ck_assert_str_eq(hex_of(bytes, message_encode(&decoded, bytes)), hex);
}

static struct record record(enum record_kind kind, const char *name, uint64_t incarnation,
                            uint64_t sequence, uint32_t age_ms, const char *value)
{
    struct record made = {.key = {.kind = kind},
                          .version = {incarnation, sequence},
                          .age_ms = age_ms,
                          .value_size = (uint16_t)strlen(value)};
    strcpy(made.key.name, name);
    memcpy(made.value, value, made.value_size);
    return made;
}

START_TEST(hello_of_a_node)
{
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = 1,
                                           .protocol_max = 1,
                                           .role = MESSAGE_NODE,
                                           .name = "ns1",
                                           .cluster = "lab",
                                           .boot = 0x1122334455667788,
                                           .heard_boot = 300,
                                           .known_incarnation = 5,
                                           .wants_snapshot = true};
    check_golden("8b"   /* map of 11 */
                 "0001" /* type HELLO */
                 "0101"
                 "0201"                 /* protocol 1 to 1 */
                 "0302"                 /* role node */
                 "04a36e7331"           /* name */
                 "05a36c6162"           /* cluster */
                 "06cf1122334455667788" /* boot */
                 "07cd012c"             /* heard boot */
                 "0805"                 /* known incarnation */
                 "09c3"                 /* wants a snapshot */
                 "0ac2",                /* is not synced */
                 "hello node ns1 boot 1234605616436508552 heard 300 known 5 wants-snapshot");
}
END_TEST

/* What is at the end is of a later version than the bytes above, which still stand. */
START_TEST(hello_of_a_node_that_tells_its_format)
{
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = 1,
                                           .protocol_max = 1,
                                           .role = MESSAGE_NODE,
                                           .name = "ns1",
                                           .cluster = "lab",
                                           .boot = 1,
                                           .synced = true,
                                           .format = 1};
    check_golden("8c00010101020103"
                 "0204a36e7331"
                 "05a36c6162"
                 "06010700080009c20ac3"
                 "0c01", /* reads documents of format 1 */
                 "hello node ns1 boot 1 heard 0 known 0 synced");
}
END_TEST

START_TEST(hello_of_an_agent)
{
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = 1,
                                           .protocol_max = 2,
                                           .role = MESSAGE_AGENT,
                                           .name = "media1",
                                           .cluster = "lab",
                                           .boot = 9,
                                           .synced = true};
    check_golden("8b00010101020203"
                 "0104a66d6564696131"
                 "05a36c6162"
                 "06090700080009c20ac3",
                 "hello agent media1 boot 9 heard 0 known 0 synced");
}
END_TEST

START_TEST(hello_of_an_agent_that_tells_its_machine)
{
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = 1,
                                           .protocol_max = 1,
                                           .role = MESSAGE_AGENT,
                                           .name = "m",
                                           .cluster = "lab",
                                           .boot = 9,
                                           .synced = true,
                                           .machine = {0xaa, [15] = 0xbb}};
    check_golden("8c00010101020103"
                 "0104a16d"
                 "05a36c6162"
                 "06090700080009c20ac3"
                 "0bc410aa0000000000000000000000000000bb",
                 "hello agent m boot 9 heard 0 known 0 synced");
}
END_TEST

START_TEST(snapshot_is_these_bytes)
{
    message.type = MESSAGE_SNAPSHOT;
    message.records.chunk = 2;
    message.records.last = true;
    message.records.partner_lacks = false;
    message.records.count = 2;
    message.records.records[0] = record(RECORD_NODE, "ns1", 3, 4, 0, "\x80");
    message.records.records[1] = record(RECORD_ORDER, "drain/media1", 200, 1, 86400000, "");
    check_golden("84"   /* map of 4 */
                 "0002" /* type SNAPSHOT */
                 "0102" /* chunk 2 */
                 "02c3" /* the last */
                 "0392" /* two records */
                 "9603a36e73310304"
                 "00c40180"
                 "9604ac647261696e2f6d65646961"
                 "31ccc801ce05265c00c400",
                 "snapshot 2 [node ns1 3.4, order drain/media1 200.1 end] last");
}
END_TEST

START_TEST(delta_is_these_bytes)
{
    message.type = MESSAGE_DELTA;
    message.records.chunk = 0;
    message.records.last = false;
    message.records.partner_lacks = true;
    message.records.count = 1;
    message.records.records[0] = record(RECORD_REPORT, "media1", 3, 17, 1500, "ab");
    check_golden("83"   /* map of 3 */
                 "0003" /* type DELTA */
                 "0391" /* one record */
                 "9601a66d65646961310311"
                 "cd05dcc4026162"
                 "04c3", /* the partner lacks the predecessor */
                 "delta [report media1 3.17] partner-lacks");
}
END_TEST

START_TEST(versions_is_these_bytes)
{
    message.type = MESSAGE_VERSIONS;
    message.versions.chunk = 1;
    message.versions.last = false;
    message.versions.count = 2;
    message.versions.entries[0] =
        (struct message_version){{RECORD_HANDED_OUT, "ns1/p/s"}, {1, 70000}};
    message.versions.entries[1] = (struct message_version){{RECORD_NODE, "ns2"}, {2, 1}};
    check_golden("84"   /* map of 4 */
                 "0004" /* type VERSIONS */
                 "0101"
                 "02c2" /* chunk 1, not the last */
                 "0392"
                 "9402a76e73312f702f7301ce00011170"
                 "9403a36e73320201",
                 "versions 1 [handed-out ns1/p/s 1.70000, node ns2 2.1]");
}
END_TEST

START_TEST(pull_is_these_bytes)
{
    message.type = MESSAGE_PULL;
    message.versions.count = 1;
    message.versions.entries[0].key = (struct record_key){RECORD_REPORT, "media1"};
    check_golden("82"   /* map of 2 */
                 "0005" /* type PULL */
                 "0391"
                 "9201a66d6564696131",
                 "pull [report media1]");
}
END_TEST

START_TEST(ack_of_a_chunk_and_of_a_report)
{
    message.type = MESSAGE_ACK;
    message.ack = (struct message_ack){.chunk = 7};
    check_golden("840006010702000300", "ack chunk 7");
    message.ack = (struct message_ack){.version = {3, 17}};
    check_golden("840006010002030311", "ack 3.17");
}
END_TEST

/* What a later version adds is skipped: a key, an element of a record, a kind of record. */
START_TEST(what_a_later_version_adds_is_skipped)
{
    struct pack_space space;
    uint8_t later[512];
    char line[512];
    size_t size = bytes_of("84"
                           "0003"
                           "0392"
                           "9709a3787878010100c4008100c0"                   /* a record of kind 9 */
                           "9701a66d65646961310311cd05dcc4026162a46d6f7265" /* a seventh element */
                           "04c2"
                           "79a36e6577", /* key 121 */
                           later);
    pack_space_open(&space);
    ck_assert_int_eq(message_decode(&decoded, &space, later, size, NULL), MESSAGE_OK);
    pack_space_close(&space);
    message_text(&decoded, line, sizeof line);
    ck_assert_str_eq(line, "delta [report media1 3.17]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/message");
    SUITE_CASE(suite, "golden", hello_of_a_node, hello_of_a_node_that_tells_its_format,
               hello_of_an_agent, hello_of_an_agent_that_tells_its_machine, snapshot_is_these_bytes,
               delta_is_these_bytes, versions_is_these_bytes, pull_is_these_bytes,
               ack_of_a_chunk_and_of_a_report);
    SUITE_CASE(suite, "later", what_a_later_version_adds_is_skipped);
    return suite_run(suite);
}
