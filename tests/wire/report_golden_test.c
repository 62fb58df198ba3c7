/* The bytes of a report, both ways: a change here is a change of what agents and nodes of other
 * versions read. */
#include "health/report.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static const char *hex_of(const uint8_t *from, size_t size)
{
    static char hex[2 * RECORD_VALUE_MAX + 1];
    hex[0] = '\0';
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, sizeof hex - 2 * i, "%02x", from[i]);
    return hex;
}

static void check_golden(const struct report *report, const char *hex)
{
    struct pack_space space;
    struct report decoded;
    uint8_t value[RECORD_VALUE_MAX];
    size_t size = report_encode(report, value);
    ck_assert_str_eq(hex_of(value, size), hex);
    pack_space_open(&space);
    memset(&decoded, 0xa5, sizeof decoded);
    ck_assert_int_eq(report_decode(&decoded, &space, value, size), REPORT_OK);
    pack_space_close(&space);
    ck_assert_str_eq(hex_of(value, report_encode(&decoded, value)), hex);
}

START_TEST(a_report_of_two_services_has_these_bytes)
{
    struct report report = {
        .service_count = 2,
        .services = {{1755, true, 300, 1, 128}, {80, false, 0, 0, 0}},
        .cpu_permille = 125,
        .memory_permille = 1000,
        .disk_permille = 0,
        .received_bytes_per_s = 1250000,
        .sent_bytes_per_s = 125000000000,
    };
    check_golden(&report, "86"
                          "01"
                          "92"
                          "95"
                          "cd06db"
                          "c3"
                          "cd012c"
                          "01"
                          "cc80"
                          "95"
                          "50"
                          "c2"
                          "00"
                          "00"
                          "00"
                          "027d"
                          "03cd03e8"
                          "0400"
                          "05ce001312d0"
                          "06cf0000001d1a94a200");
}
END_TEST

START_TEST(a_report_without_services_has_these_bytes)
{
    struct report report = {0};
    check_golden(&report, "86"
                          "0190"
                          "0200"
                          "0300"
                          "0400"
                          "0500"
                          "0600");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire/report");
    SUITE_CASE(suite, "bytes", a_report_of_two_services_has_these_bytes,
               a_report_without_services_has_these_bytes);
    return suite_run(suite);
}
