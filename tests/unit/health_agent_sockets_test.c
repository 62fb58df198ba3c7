/* With the kernel's own sockets on loopback. */
#include "health/agent/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/suite.h"

enum { BACKLOG = 16 };

static struct sockets *sockets;
static struct report report;

static int listen_on(const char *address, uint16_t *port)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6};
    struct sockaddr_in at4 = {.sin_family = AF_INET};
    bool is_ipv4 = inet_pton(AF_INET, address, &at4.sin_addr) == 1;
    ck_assert(is_ipv4 || inet_pton(AF_INET6, address, &at.sin6_addr) == 1);
    struct sockaddr *any = is_ipv4 ? (struct sockaddr *)&at4 : (struct sockaddr *)&at;
    socklen_t size = is_ipv4 ? sizeof at4 : sizeof at;
    int fd = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, any, size), 0);
    ck_assert_int_eq(listen(fd, BACKLOG), 0);
    ck_assert_int_eq(getsockname(fd, any, &size), 0);
    *port = ntohs(is_ipv4 ? at4.sin_port : at.sin6_port);
    return fd;
}

static void connect_to(int listener, size_t count)
{
    struct sockaddr_storage at;
    for (size_t i = 0; i < count; i++) {
        socklen_t size = sizeof at;
        ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &size), 0);
        int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, size), 0);
    }
}

static void accept_from(int listener, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_int_ge(accept(listener, NULL, NULL), 0);
}

static void begin(const uint16_t *ports, size_t port_count)
{
    report = (struct report){.service_count = port_count};
    for (size_t i = 0; i < port_count; i++)
        report.services[i].port = ports[i];
    ck_assert_int_eq(sockets_open(&sockets, ports, port_count), 0);
}

static void look(void)
{
    ck_assert_int_eq(sockets_listening(sockets, &report), 0);
    ck_assert_int_eq(sockets_established(sockets, &report), 0);
}

START_TEST(a_listener_is_seen_and_missed_when_it_is_closed)
{
    uint16_t port;
    int listener = listen_on("127.0.0.1", &port);
    begin(&port, 1);
    look();
    ck_assert(report.services[0].listening);
    ck_assert_uint_eq(report.services[0].queue, 0);
    ck_assert_uint_eq(report.services[0].queue_max, BACKLOG);
    close(listener);
    look();
    ck_assert(!report.services[0].listening);
    ck_assert_uint_eq(report.services[0].queue_max, 0);
    sockets_close(sockets);
}
END_TEST

START_TEST(the_accept_queue_is_what_waits_to_be_accepted)
{
    uint16_t port;
    int listener = listen_on("127.0.0.1", &port);
    begin(&port, 1);
    connect_to(listener, 5);
    look();
    ck_assert_uint_eq(report.services[0].queue, 5);
    accept_from(listener, 3);
    look();
    ck_assert_uint_eq(report.services[0].queue, 2);
    sockets_close(sockets);
}
END_TEST

/* Eight listeners, of which every second is asked for; each with as many sockets as its number. The
 * clients' ends, whose local ports are others, do not count. */
START_TEST(sockets_are_counted_by_their_local_port_in_both_families)
{
    uint16_t asked[REPORT_SERVICES_MAX / 2], other;
    for (size_t i = 0; i < REPORT_SERVICES_MAX; i++) {
        int listener = listen_on(i < 4   ? "127.0.0.1"
                                 : i < 6 ? "::1"
                                         : "::",
                                 i % 2 == 0 ? &asked[i / 2] : &other);
        connect_to(listener, i + 1);
        accept_from(listener, i + 1);
    }
    begin(asked, REPORT_SERVICES_MAX / 2);
    look();
    for (size_t i = 0; i < REPORT_SERVICES_MAX / 2; i++) {
        ck_assert(report.services[i].listening);
        ck_assert_uint_eq(report.services[i].sockets, 2 * i + 1);
    }
    sockets_close(sockets);
}
END_TEST

START_TEST(eight_ports_fit_in_the_kernels_filter)
{
    uint16_t ports[REPORT_SERVICES_MAX];
    for (size_t i = 0; i < REPORT_SERVICES_MAX; i++)
        connect_to(listen_on("127.0.0.1", &ports[i]), i + 1);
    begin(ports, REPORT_SERVICES_MAX);
    look();
    for (size_t i = 0; i < REPORT_SERVICES_MAX; i++)
        ck_assert_uint_eq(report.services[i].sockets, i + 1);
    sockets_close(sockets);
}
END_TEST

START_TEST(more_sockets_than_one_message_holds_are_counted)
{
    uint16_t port;
    int listener = listen_on("127.0.0.1", &port);
    for (size_t i = 0; i < 400; i++) {
        connect_to(listener, 1);
        accept_from(listener, 1);
    }
    begin(&port, 1);
    look();
    ck_assert_uint_eq(report.services[0].sockets, 400);
    sockets_close(sockets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/agent/sockets");
    SUITE_CASE(suite, "listening", a_listener_is_seen_and_missed_when_it_is_closed,
               the_accept_queue_is_what_waits_to_be_accepted);
    SUITE_CASE(suite, "established", sockets_are_counted_by_their_local_port_in_both_families,
               eight_ports_fit_in_the_kernels_filter,
               more_sockets_than_one_message_holds_are_counted);
    return suite_run(suite);
}
