#include "node/dns/zone_rdata.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static struct zone_rdata rdata;

/* "TYPE data" relative to example: the bytes in hex, or the sentence of the mistake. */
static const char *read(const char *record)
{
    static const uint8_t origin[] = "\7example";
    static char said[2 * UINT16_MAX];
    char type[64] = "";
    size_t type_size = strcspn(record, " ");
    snprintf(type, sizeof type, "%.*s", (int)type_size, record);
    const char *text = record + type_size + (record[type_size] == ' ' ? 1 : 0);
    if (!zone_rdata_read(&rdata, type, text, origin))
        return rdata.mistake;
    said[0] = '\0';
    for (size_t i = 0; i < rdata.size; i++)
        snprintf(said + 2 * i, 3, "%02x", rdata.bytes[i]);
    return said;
}

START_TEST(data_is_rendered_uncompressed)
{
    static const struct {
        const char *record, *hex;
        uint16_t type;
    } records[] = {
        {"A 192.0.2.1", "c0000201", 1},
        {"AAAA 2001:db8::1", "20010db8000000000000000000000001", 28},
        {"NS ns1", "036e7331076578616d706c6500", 2},
        {"ns @", "076578616d706c6500", 2},
        {"CNAME .", "00", 5},
        {"MX 10 m.", "000a016d00", 15},
        {"TXT \"a;b\" \"(\" c", "03613b6201280163", 16},
        {"TXT a\\;b \\200", "03613b6201c8", 16},
        {"SRV 1 2 65535 .", "00010002ffff00", 33},
        {"CAA 0 issue \"x\"", "0005697373756578", 257},
        {"DS 1 8 2 00 11", "000108020011", 43},
        {"DS 1 RSASHA256 2 0011", "000108020011", 43},
        {"SOA a. b. 4294967295 1h 1m 1w 0", "016100016200ffffffff00000e100000003c00093a8000000000",
         6},
        {"HTTPS 1 . port=443", "0001000003000201bb", 65},
        {"TYPE65280 \\# 3 01 0203", "010203", 65280},
        {"TYPE1 \\# 4 c0000201", "c0000201", 1},
        {"A \\# 4 c0000201", "c0000201", 1},
        {"TYPE65280 \\# 0", "", 65280},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const char *said = read(records[i].record);
        ck_assert_msg(strcmp(said, records[i].hex) == 0, "%s: %s", records[i].record, said);
        ck_assert_uint_eq(rdata.type, records[i].type);
    }
}
END_TEST

/* All of these ldns alone takes, and serves as something else. */
START_TEST(a_number_that_does_not_fit_its_field_is_refused)
{
    static const struct {
        const char *record, *found;
    } records[] = {
        {"MX 99999 m", "99999"},
        {"MX 65536 m", "65536"},
        {"MX +5 m", "+5"},
        {"SRV 1 2 99999 t", "99999"},
        {"SRV 1 2 -1 t", "-1"},
        {"NAPTR 1 99999 \"a\" \"b\" \"c\" .", "99999"},
        {"TLSA 256 1 1 aa", "256"},
        {"DS 1 8 256 aa", "256"},
        {"DS 1 300 1 aa", "300"},
        {"CAA 300 issue \"x\"", "300"},
        {"URI 1 70000 \"x\"", "70000"},
        {"DNSKEY 256 3 300 aaaa", "300"},
        {"SSHFP 1 300 aa", "300"},
        {"CERT 99999 2 3 aaaa", "99999"},
        {"SOA a b 4294967296 1 1 1 1", "4294967296"},
        {"SOA a b 1 1 1 1 4294967296", "4294967296"},
        {"SOA a b 1 1 1 9999w 1", "9999w"},
        {"MX 99999999999999999999999999999999999999 m", "9999999999999999999999999999999"},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "found '%s', expected a number that its field can hold",
                 records[i].found);
        ck_assert_msg(strcmp(read(records[i].record), expected) == 0, "%s: %s", records[i].record,
                      rdata.mistake);
    }
    ck_assert_str_eq(read("HTTPS 1 . port=99999"),
                     "found 'port=99999', expected a port up to 65535");
    ck_assert_str_eq(read("SVCB 1 . alpn=h2 port=65536"),
                     "found 'port=65536', expected a port up to 65535");
}
END_TEST

START_TEST(the_largest_number_of_a_field_is_taken)
{
    static const char *const records[] = {
        "MX 65535 m",
        "MX 010 m",
        "DS 1 255 255 aa",
        "CAA 255 issue \"x\"",
        "SOA a b 4294967295 1 1 1 2147483647",
        "HTTPS 65535 . port=\"65535\"",
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        ck_assert_msg(strncmp(read(records[i]), "found", 5) != 0, "%s", rdata.mistake);
}
END_TEST

START_TEST(what_is_no_type_of_a_zone_is_refused)
{
    static const char *const types[] = {"BOGUS", "OPT",     "TYPE41",    "ANY",       "TYPE255",
                                        "AXFR",  "TYPE0",   "TYPE65535", "TYPE65536", "TYPE1x",
                                        "TYPE",  "TYPE128", "TYPE65537", "TYPE-1",    "TSIG",
                                        "MAILB", "IN",      ""};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char record[64], expected[96];
        snprintf(record, sizeof record, "%s \\# 0", types[i]);
        snprintf(expected, sizeof expected, "found '%s', expected a record type", types[i]);
        ck_assert_str_eq(read(record), expected);
    }
}
END_TEST

START_TEST(data_that_is_not_of_its_type_is_refused)
{
    static const char *const records[] = {
        "A",
        "A 192.0.2",
        "A 192.0.2.1 192.0.2.2",
        "A 192.0.2.256",
        "AAAA ::g",
        "MX 10",
        "MX m 10",
        "CNAME a b",
        "CNAME a..b",
        "TXT",
        "TXT \"\\300\"",
        "NS aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaab",
        "SOA a b 1 2 3 4",
        "HTTPS 1 . port=",
        "TYPE65280 1 2 3",
        "TYPE65280 \\# 4 010203",
        "TYPE65280 \\# 2 010203",
        /* RFC 3597 §5: also bytes must be those of the type. */
        "A \\# 0",
        "A \\# 3 c00002",
        "A \\# 5 c000020101",
        "AAAA \\# 4 c0000201",
        "CNAME \\# 0",
        "NS \\# 2 c00c",
        "NS \\# 3 ffffff",
        "DNAME \\# 2 0000",
        "MX \\# 4 00010000",
        "SOA \\# 0",
        "SOA \\# 2 0000",
        "SRV \\# 6 000100020003",
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        const char *said = read(records[i]);
        ck_assert_msg(strncmp(said, "found '", 7) == 0, "%s: %s", records[i], said);
        ck_assert_msg(strstr(said, ", expected ") != NULL, "%s: %s", records[i], said);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/zone_rdata");
    SUITE_CASE(suite, "read", data_is_rendered_uncompressed,
               the_largest_number_of_a_field_is_taken);
    SUITE_CASE(suite, "mistakes", a_number_that_does_not_fit_its_field_is_refused,
               what_is_no_type_of_a_zone_is_refused, data_that_is_not_of_its_type_is_refused);
    return suite_run(suite);
}
