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

int main(void)
{
    Suite *suite = suite_create("node/status");
    SUITE_CASE(suite, "record", the_largest_status_fits_and_survives_its_record,
               damaged_bytes_are_refused_or_within_bounds);
    return suite_run(suite);
}
