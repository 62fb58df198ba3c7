#include "replication/ip.h"

#include <string.h>

#include "unit/suite.h"

START_TEST(both_families_are_read_and_written_in_their_canonical_form)
{
    static const struct {
        const char *text, *canonical;
        uint8_t family;
    } rows[] = {
        {"192.0.2.53", "192.0.2.53", 4},
        {"0.0.0.0", "0.0.0.0", 4},
        {"2001:DB8:0:0::53", "2001:db8::53", 6},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", 6},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ip ip;
        char text[IP_TEXT_SIZE];
        ck_assert(ip_parse(rows[i].text, &ip));
        ck_assert_uint_eq(ip.family, rows[i].family);
        ck_assert_str_eq(ip_text(&ip, text), rows[i].canonical);
    }
}
END_TEST

START_TEST(what_is_no_address_is_refused_and_leaves_the_value_alone)
{
    static const char *const texts[] = {"",           "192.0.2",     "192.0.2.256", "192.0.2.1 ",
                                        "192.0.2.01", "2001:db8:",   "1::2::3",     "fe80::1%eth0",
                                        "ns1",        "192.0.2.1/24"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ip ip = {.family = 4, .bytes = {1, 2, 3, 4}};
        ck_assert_msg(!ip_parse(texts[i], &ip), "%s", texts[i]);
        ck_assert_uint_eq(ip.family, 4);
        ck_assert_uint_eq(ip.bytes[3], 4);
    }
}
END_TEST

START_TEST(no_address_is_written_as_none)
{
    char text[IP_TEXT_SIZE];
    ck_assert_str_eq(ip_text(&(struct ip){0}, text), "none");
}
END_TEST

START_TEST(addresses_are_equal_by_family_and_bytes)
{
    struct ip four, same, other, six;
    ck_assert(ip_parse("1.2.3.4", &four));
    ck_assert(ip_parse("1.2.3.4", &same));
    ck_assert(ip_parse("1.2.3.5", &other));
    ck_assert(ip_parse("102:304::", &six)); /* the same sixteen bytes */
    ck_assert(ip_equal(&four, &same));
    ck_assert(!ip_equal(&four, &other));
    ck_assert(!ip_equal(&four, &six));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/ip");
    SUITE_CASE(suite, "text", both_families_are_read_and_written_in_their_canonical_form,
               what_is_no_address_is_refused_and_leaves_the_value_alone,
               no_address_is_written_as_none);
    SUITE_CASE(suite, "equal", addresses_are_equal_by_family_and_bytes);
    return suite_run(suite);
}
