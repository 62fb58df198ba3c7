#include "node/dns/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/suite.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(text, &ip));
    return ip;
}

START_TEST(port_0_becomes_the_port_that_the_kernel_chose)
{
    char error[SOCKET_ERROR_MAX] = "";
    struct ip local = ip_of("127.0.0.1");
    uint16_t port = 0;
    int first = socket_open_udp(&local, &port, true, error);
    ck_assert_msg(first >= 0, "%s", error);
    ck_assert_uint_ne(port, 0);
    uint16_t same = port;
    int second = socket_open_udp(&local, &same, false, error);
    ck_assert_msg(second >= 0, "%s", error);
    ck_assert_uint_eq(same, port);
    close(first);
    close(second);
}
END_TEST

START_TEST(an_address_may_be_served_before_it_is_there)
{
    char error[SOCKET_ERROR_MAX] = "";
    struct ip absent[] = {ip_of("192.0.2.53"), ip_of("2001:db8:53::53")};
    for (size_t i = 0; i < 2; i++) {
        uint16_t port = 0;
        int udp = socket_open_udp(&absent[i], &port, true, error);
        ck_assert_msg(udp >= 0, "%s", error);
        int tcp = socket_open_tcp(&absent[i], &port, error);
        ck_assert_msg(tcp >= 0, "%s", error);
        close(udp);
        close(tcp);
    }
}
END_TEST

/* Another instance run by the same user would be let in by SO_REUSEPORT and take half of the
 * queries. */
START_TEST(a_second_program_on_the_port_is_refused_even_if_both_would_share)
{
    char error[SOCKET_ERROR_MAX] = "", expected[SOCKET_ERROR_MAX];
    struct ip local = ip_of("127.0.0.1");
    uint16_t port = 0;
    int udp = socket_open_udp(&local, &port, true, error);
    int tcp = socket_open_tcp(&local, &port, error);
    ck_assert_int_ge(udp, 0);
    ck_assert_int_ge(tcp, 0);
    ck_assert_int_eq(socket_open_udp(&local, &port, true, error), -EADDRINUSE);
    snprintf(expected, sizeof expected,
             "UDP port %u of 127.0.0.1 is in use by another program: stop it or change dns: port",
             port);
    ck_assert_str_eq(error, expected);
    ck_assert_int_eq(socket_open_tcp(&local, &port, error), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, "TCP port "));
    close(udp);
    close(tcp);
}
END_TEST

START_TEST(a_port_below_1024_needs_a_capability_and_the_sentence_names_it)
{
    char error[SOCKET_ERROR_MAX] = "";
    struct ip local = ip_of("127.0.0.1");
    uint16_t port = 53;
    if (geteuid() == 0)
        ck_assert_int_eq(setuid(65534), 0); /* the test has a process of its own */
    ck_assert_int_eq(socket_open_udp(&local, &port, true, error), -EACCES);
    ck_assert_str_eq(error, "no permission for UDP port 53 of 127.0.0.1: start with "
                            "CAP_NET_BIND_SERVICE or set dns: port to 1024 or above");
}
END_TEST

START_TEST(other_failures_are_told_with_what_to_do)
{
    const struct {
        int error_number;
        const char *sentence;
    } cases[] = {
        {EAFNOSUPPORT, "this system has no IPv6, needed for 2001:db8::53: turn it on or take the "
                       "address out of the document"},
        {EMFILE, "too many open files at TCP port 53 of 2001:db8::53: raise the limit (ulimit -n, "
                 "LimitNOFILE)"},
        {ENOMEM, "cannot serve TCP port 53 of 2001:db8::53: Cannot allocate memory"},
    };
    struct ip address = ip_of("2001:db8::53");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[SOCKET_ERROR_MAX];
        socket_explain(cases[i].error_number, "TCP", &address, 53, error);
        ck_assert_str_eq(error, cases[i].sentence);
    }
}
END_TEST

START_TEST(a_client_is_known_by_address_and_port)
{
    union socket_name name = {.v4 = {.sin_family = AF_INET, .sin_port = htons(1053)}};
    struct ip expected = ip_of("192.0.2.1");
    memcpy(&name.v4.sin_addr, expected.bytes, 4);
    struct ip ip = socket_ip(&name);
    ck_assert(ip_equal(&ip, &expected));
    ck_assert_uint_eq(socket_port(&name), 1053);

    name = (union socket_name){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(1054)}};
    expected = ip_of("2001:db8::1");
    memcpy(&name.v6.sin6_addr, expected.bytes, 16);
    ip = socket_ip(&name);
    ck_assert(ip_equal(&ip, &expected));
    ck_assert_uint_eq(socket_port(&name), 1054);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/socket");
    SUITE_CASE(suite, "bind", port_0_becomes_the_port_that_the_kernel_chose,
               an_address_may_be_served_before_it_is_there);
    SUITE_CASE(suite, "refusal", a_second_program_on_the_port_is_refused_even_if_both_would_share,
               a_port_below_1024_needs_a_capability_and_the_sentence_names_it,
               other_failures_are_told_with_what_to_do);
    SUITE_CASE(suite, "client", a_client_is_known_by_address_and_port);
    return suite_run(suite);
}
