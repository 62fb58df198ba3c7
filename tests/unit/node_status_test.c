#include "node/status.h"

#include <string.h>

#include "unit/suite.h"

/* All there can be, at its largest. */
static struct status full_status(void)
{
    struct status status = {.sync = REPLICA_SYNCED,
                            .up_s = UINT32_MAX,
                            .held_count = STATUS_HELD_MAX,
                            .answers = UINT64_MAX,
                            .frozen_pools = UINT32_MAX,
                            .last_resort_pools = UINT32_MAX};
    static const char *const addresses[] = {"192.0.2.53", "192.0.2.54", "2001:db8::53",
                                            "2001:db8::54"};
    for (size_t i = 0; i < STATUS_HELD_MAX; i++) {
        ck_assert(ip_parse(addresses[i], &status.held[i].address));
        status.held[i].since_s = UINT32_MAX;
        memset(status.held[i].reason, 'r', STATUS_REASON_MAX);
    }
    for (size_t i = 0; i < STATUS_VERDICTS; i++)
        status.servers[i] = UINT32_MAX;
    memset(status.version, '9', STATUS_VERSION_MAX);
    return status;
}

START_TEST(the_largest_status_fits_and_survives_its_record)
{
    struct pack_space space;
    struct status status = full_status(), decoded;
    uint8_t value[RECORD_VALUE_MAX];
    pack_space_open(&space);
    size_t size = status_encode(&status, value);
    ck_assert_uint_le(size, RECORD_VALUE_MAX);
    ck_assert(status_decode(&decoded, &space, value, size));
    ck_assert_uint_eq(decoded.held_count, STATUS_HELD_MAX);
    for (size_t i = 0; i < STATUS_HELD_MAX; i++) {
        ck_assert(ip_equal(&decoded.held[i].address, &status.held[i].address));
        ck_assert_str_eq(decoded.held[i].reason, status.held[i].reason);
    }
    ck_assert_mem_eq(decoded.servers, status.servers, sizeof decoded.servers);
    ck_assert_uint_eq(decoded.answers, UINT64_MAX);
    ck_assert_str_eq(decoded.version, status.version);
    pack_space_close(&space);
}
END_TEST

/* Each byte cut off the end, and each byte changed, is refused or read; never believed beyond
 * bounds. */
START_TEST(damaged_bytes_are_refused_or_within_bounds)
{
    struct pack_space space;
    struct status status = full_status(), decoded;
    uint8_t value[RECORD_VALUE_MAX];
    pack_space_open(&space);
    size_t size = status_encode(&status, value);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert(!status_decode(&decoded, &space, value, cut));
    for (size_t at = 0; at < size; at++) {
        uint8_t kept = value[at];
        for (unsigned byte = 0; byte < 256; byte += 17) {
            value[at] = (uint8_t)byte;
            if (status_decode(&decoded, &space, value, size))
                ck_assert_uint_le(decoded.held_count, STATUS_HELD_MAX);
        }
        value[at] = kept;
    }
    pack_space_close(&space);
}
END_TEST

/* Byte for byte: what is here in one row right is wrong in one place in each other. */
START_TEST(what_is_no_status_is_refused)
{
#define HEAD    "\x88\x01\x02\x02\x05" /* synced, up 5 s */
#define HOME    "\x93\xc4\x04\xc0\x00\x02\x35\x07\xa4home"
#define HELD    "\x03\x91" HOME
#define TAIL    "\x04\x90\x05\x09\x06\x00\x07\x00"
#define VERSION "\x08\xa3v.1"
    static const struct {
        const char *name, *value;
        size_t size;
        bool is_status;
    } table[] = {
#define ROW(name, value, is_status) {name, value, sizeof value - 1, is_status}
        ROW("right", HEAD HELD TAIL VERSION, true),
        ROW("empty", "\x80", false),
        ROW("no map", "\x90", false),
        ROW("sync beyond the last", "\x88\x01\x03\x02\x05" HELD TAIL VERSION, false),
        ROW("up is a truth value", "\x88\x01\x02\x02\xc3" HELD TAIL VERSION, false),
        ROW("address of 3 bytes", HEAD "\x03\x91\x93\xc4\x03\xc0\x00\x02\x07\xa4home" TAIL VERSION,
            false),
        ROW("held of 2 elements", HEAD "\x03\x91\x92\xc4\x04\xc0\x00\x02\x35\x07" TAIL VERSION,
            false),
        ROW("held five times", HEAD "\x03\x95" HOME HOME HOME HOME HOME TAIL VERSION, false),
        ROW("a line's end in the version", HEAD HELD TAIL "\x08\xa3v\n1", false),
        ROW("a version that is too long", HEAD HELD TAIL "\x08\xb0version-16-bytes", false),
        ROW("no version", "\x87\x01\x02\x02\x05" HELD TAIL, false),
        ROW("a server count that is text",
            HEAD HELD "\x04\x91\xa1x\x05\x09\x06\x00\x07\x00\x08\xa3v.1", false),
    };
    struct pack_space space;
    pack_space_open(&space);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct status status;
        ck_assert_msg(status_decode(&status, &space, (const uint8_t *)table[i].value,
                                    table[i].size) == table[i].is_status,
                      "%s", table[i].name);
    }
    pack_space_close(&space);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/status");
    SUITE_CASE(suite, "record", the_largest_status_fits_and_survives_its_record,
               what_is_no_status_is_refused, damaged_bytes_are_refused_or_within_bounds);
    return suite_run(suite);
}
