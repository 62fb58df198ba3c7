#include "health/report.h"

#include <string.h>

#include "unit/suite.h"

static struct pack_space space;
static struct report report;

static struct report largest(void)
{
    struct report made = {.service_count = REPORT_SERVICES_MAX,
                          .cpu_permille = 1000,
                          .memory_permille = 1000,
                          .disk_permille = 1000,
                          .received_bytes_per_s = UINT64_MAX,
                          .sent_bytes_per_s = UINT64_MAX};
    for (size_t i = 0; i < REPORT_SERVICES_MAX; i++)
        made.services[i] = (struct report_service){(uint16_t)(UINT16_MAX - i), true, UINT32_MAX,
                                                   UINT32_MAX, UINT32_MAX};
    return made;
}

START_TEST(the_largest_report_fits_and_comes_back)
{
    struct report sent = largest();
    uint8_t value[RECORD_VALUE_MAX];
    size_t size = report_encode(&sent, value);
    ck_assert_uint_eq(size, 195);
    ck_assert_int_eq(report_decode(&report, &space, value, size), REPORT_OK);
    ck_assert_uint_eq(report.service_count, REPORT_SERVICES_MAX);
    for (size_t i = 0; i < REPORT_SERVICES_MAX; i++) {
        ck_assert_uint_eq(report.services[i].port, sent.services[i].port);
        ck_assert(report.services[i].listening);
        ck_assert_uint_eq(report.services[i].sockets, UINT32_MAX);
        ck_assert_uint_eq(report.services[i].queue, UINT32_MAX);
        ck_assert_uint_eq(report.services[i].queue_max, UINT32_MAX);
    }
    ck_assert_uint_eq(report.cpu_permille, 1000);
    ck_assert_uint_eq(report.memory_permille, 1000);
    ck_assert_uint_eq(report.disk_permille, 1000);
    ck_assert_uint_eq(report.received_bytes_per_s, UINT64_MAX);
    ck_assert_uint_eq(report.sent_bytes_per_s, UINT64_MAX);
}
END_TEST

START_TEST(a_service_is_found_by_its_port)
{
    report = (struct report){.service_count = 2, .services = {{.port = 1755}, {.port = 80}}};
    ck_assert_ptr_eq(report_service(&report, 80), &report.services[1]);
    ck_assert_ptr_null(report_service(&report, 443));
    report.service_count = 1;
    ck_assert_ptr_null(report_service(&report, 80));
}
END_TEST

static const char *decode(const char *bytes, size_t size)
{
    return report_reason_text(report_decode(&report, &space, (const uint8_t *)bytes, size));
}

/* Of a report with these services, given as bytes, and all else 0. */
static const char *decode_services(const char *services, size_t size)
{
    static const char rest[] = "\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00";
    char value[RECORD_VALUE_MAX] = "\x86\x01";
    memcpy(value + 2, services, size);
    memcpy(value + 2 + size, rest, sizeof rest - 1);
    return decode(value, 2 + size + sizeof rest - 1);
}

#define SERVICES(literal) decode_services(literal, sizeof(literal) - 1)

START_TEST(each_fault_of_a_service_has_its_reason)
{
    ck_assert_str_eq(SERVICES("\x91\x95\x50\xc3\x00\x00\x00"), "ok");
    ck_assert_str_eq(SERVICES("\x90"), "ok");
    ck_assert_str_eq(SERVICES("\x80"), "report-bad-field"); /* a map */
    ck_assert_str_eq(SERVICES("\x91\x50"), "report-bad-field");
    ck_assert_str_eq(SERVICES("\x91\x94\x50\xc3\x00\x00"), "report-missing-field");
    ck_assert_str_eq(SERVICES("\x91\x95\x00\xc3\x00\x00\x00"), "report-bad-field"); /* port 0 */
    ck_assert_str_eq(SERVICES("\x91\x95\xce\x00\x01\x00\x00\xc3\x00\x00\x00"),
                     "report-bad-field"); /* port 65536 */
    ck_assert_str_eq(SERVICES("\x91\x95\x50\x01\x00\x00\x00"), "report-bad-field");
    ck_assert_str_eq(SERVICES("\x91\x95\x50\xc3\xff\x00\x00"), "report-bad-field"); /* -1 */
    ck_assert_str_eq(SERVICES("\x91\x95\x50\xc3\x00\xa1x\x00"), "report-bad-field");
    ck_assert_str_eq(SERVICES("\x91\x95\x50\xc3\x00\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
                     "report-bad-field"); /* 2^32 */
    ck_assert_str_eq(SERVICES("\x92\x95\x50\xc3\x00\x00\x00\x95\x50\xc2\x00\x00\x00"),
                     "report-duplicate-port");
}
END_TEST

/* A map has a count as an array has. */
START_TEST(a_map_in_place_of_a_service_is_refused)
{
    ck_assert_str_eq(SERVICES("\x91\x85\x00\x50\x01\xc3\x02\x00\x03\x00\x04\x00"),
                     "report-bad-field");
}
END_TEST

START_TEST(more_services_than_fit_are_refused)
{
    char services[1 + 9 * 6] = "\x99";
    for (size_t i = 0; i < 9; i++)
        memcpy(services + 1 + 6 * i, (char[]){(char)0x95, (char)(i + 1), (char)0xc3, 0, 0, 0}, 6);
    ck_assert_str_eq(decode_services(services, sizeof services), "report-bad-field");
    services[0] = (char)0x98;
    ck_assert_str_eq(decode_services(services, sizeof services - 6), "ok");
    ck_assert_uint_eq(report.service_count, 8);
}
END_TEST

/* Keys 1 to 6, of which one is left out or has another value. */
static const char *decode_without(uint64_t field, bool is_left_out, uint64_t value)
{
    struct pack_writer writer;
    uint8_t bytes[RECORD_VALUE_MAX];
    pack_begin(&writer, bytes, sizeof bytes);
    pack_map(&writer, is_left_out ? 5 : 6);
    for (uint64_t key = 1; key <= 6; key++) {
        if (key == field && is_left_out)
            continue;
        pack_uint(&writer, key);
        if (key == 1 && key != field)
            pack_array(&writer, 0);
        else
            pack_uint(&writer, key == field ? value : 0);
    }
    return decode((const char *)bytes, writer.size);
}

START_TEST(every_field_is_required_and_bounded)
{
    for (uint64_t field = 1; field <= 6; field++)
        ck_assert_str_eq(decode_without(field, true, 0), "report-missing-field");
    ck_assert_str_eq(decode_without(1, false, 0), "report-bad-field");
    for (uint64_t field = 2; field <= 4; field++) {
        ck_assert_str_eq(decode_without(field, false, 1000), "ok");
        ck_assert_str_eq(decode_without(field, false, 1001), "report-bad-field");
    }
    for (uint64_t field = 5; field <= 6; field++)
        ck_assert_str_eq(decode_without(field, false, UINT64_MAX), "ok");
}
END_TEST

START_TEST(what_a_later_version_adds_is_skipped)
{
    static const char later[] = "\x87\x01\x91\x96\x50\xc3\x07\x00\x00\xa1x"
                                "\x02\x00\x03\x00\x04\x00\x05\x00\x06\x00\x07\x93\x01\x02\x03";
    ck_assert_str_eq(decode(later, sizeof later - 1), "ok");
    ck_assert_uint_eq(report_service(&report, 80)->sockets, 7);
}
END_TEST

START_TEST(bytes_that_are_no_map_are_malformed)
{
    ck_assert_str_eq(decode("", 0), "report-malformed");
    ck_assert_str_eq(decode("\x90", 1), "report-malformed");
    ck_assert_str_eq(decode("\xdf\xff\xff\xff\xff", 5), "report-malformed");
    ck_assert_str_eq(decode("\x80", 1), "report-missing-field");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/report");
    SUITE_CASE(suite, "encode", the_largest_report_fits_and_comes_back,
               a_service_is_found_by_its_port);
    SUITE_CASE(suite, "decode", each_fault_of_a_service_has_its_reason,
               a_map_in_place_of_a_service_is_refused, more_services_than_fit_are_refused,
               every_field_is_required_and_bounded, what_a_later_version_adds_is_skipped,
               bytes_that_are_no_map_are_malformed);
    pack_space_open(&space);
    int status = suite_run(suite);
    pack_space_close(&space);
    return status;
}
