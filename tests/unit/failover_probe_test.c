#include "failover/probe.h"

#include <errno.h>

#include "failover/page.h"
#include "unit/served.h"
#include "unit/suite.h"

enum { BOOT = 5, THREAD = 3, NONCE = 0x12345 };

static struct probe probe;
static int thread_fd; /* what a DNS thread has */
static uint16_t thread_port;

static void open_on(const char *address)
{
    char error[SOCKET_ERROR_MAX];
    struct ip ip = served_ip(address);
    thread_port = 0;
    thread_fd = socket_open_udp(&ip, &thread_port, true, error);
    ck_assert_int_ge(thread_fd, 0);
    ck_assert_int_eq(probe_open(&probe, &ip), 0);
}

static void close_both(void)
{
    close(thread_fd);
    probe_close(&probe);
    probe_close(&probe);
}

/* What the thread got, into bytes[64]; connects it to who sent it. */
static ssize_t take(uint8_t *bytes)
{
    union socket_name from;
    socklen_t from_size = sizeof from;
    ssize_t size = recvfrom(thread_fd, bytes, 64, 0, &from.any, &from_size);
    ck_assert_int_gt(size, 0);
    ck_assert_int_eq(connect(thread_fd, &from.any, from_size), 0);
    return size;
}

static int receive(struct probe_answer *answer)
{
    return probe_receive(&probe, BOOT, answer);
}

static void ask_and_answer_on(const char *address)
{
    uint8_t bytes[64];
    struct page_probe start;
    struct probe_answer answer;
    open_on(address);
    ck_assert_int_eq(receive(&answer), 0);
    ck_assert_int_eq(probe_send(&probe, BOOT, THREAD, thread_port, NONCE), 0);
    ssize_t size = take(bytes);
    memcpy(&start, bytes, sizeof start);
    ck_assert_uint_eq(start.magic, PAGE_PROBE_MAGIC);
    ck_assert_uint_eq(start.thread, THREAD);
    ck_assert_uint_eq(start.boot, BOOT);
    ck_assert_uint_eq(start.nonce, NONCE);
    static const uint8_t query[] = {0x23, 0x45, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1};
    ck_assert_int_eq(size, (ssize_t)(sizeof start + sizeof query));
    ck_assert_mem_eq(bytes + sizeof start, query, sizeof query);

    bytes[sizeof start + 2] = 0x80;
    served_send(thread_fd, bytes, (size_t)size);
    ck_assert_int_eq(receive(&answer), 1);
    ck_assert_uint_eq(answer.thread, THREAD);
    ck_assert_uint_eq(answer.nonce, NONCE);
    ck_assert_int_eq(receive(&answer), 0);
    ck_assert_uint_eq(probe.refused, 0);
    close_both();
}

START_TEST(a_thread_is_asked_and_its_answer_heard_in_both_families)
{
    ask_and_answer_on("127.0.0.1");
    ask_and_answer_on("::1");
}
END_TEST

START_TEST(what_is_no_answer_of_this_life_is_refused_and_counted)
{
    enum { DNS = sizeof(struct page_probe) };
    static const struct {
        size_t position; /* of a byte to change; beyond: none */
        size_t size;
    } rows[] = {
        {0, DNS + 12},       /* magic */
        {8, DNS + 12},       /* boot id */
        {16, DNS + 12},      /* nonce: the ID does not go with it */
        {DNS, DNS + 12},     /* the ID */
        {DNS + 1, DNS + 12}, /* likewise */
        {DNS + 2, DNS + 12}, /* QR */
        {99, DNS + 11},      {99, DNS}, {99, DNS - 1}, {99, 0},
    };
    uint8_t bytes[64], odd[64];
    struct probe_answer answer = {.thread = 9, .nonce = 9};
    open_on("127.0.0.1");
    probe_send(&probe, BOOT, THREAD, thread_port, NONCE);
    take(bytes);
    bytes[DNS + 2] = 0x80;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(odd, bytes, sizeof odd);
        if (rows[i].position < sizeof odd)
            odd[rows[i].position] ^= 0x80;
        served_send(thread_fd, odd, rows[i].size);
        ck_assert_int_eq(receive(&answer), -EBADMSG);
        ck_assert_uint_eq(probe.refused, i + 1);
    }
    ck_assert_uint_eq(answer.thread, 9);
    served_send(thread_fd, bytes, DNS + 12);
    ck_assert_int_eq(receive(&answer), 1);
    close_both();
}
END_TEST

START_TEST(a_senseless_port_is_a_thread_that_does_not_answer)
{
    const uint32_t ports[] = {0, UINT16_MAX + 1, UINT32_MAX};
    open_on("127.0.0.1");
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(probe_send(&probe, BOOT, THREAD, ports[i], NONCE), 0);
    uint8_t byte;
    ck_assert_int_eq(recv(thread_fd, &byte, 1, MSG_DONTWAIT), -1);
    close_both();
}
END_TEST

/* The address may come later; until then the kernel says why nothing is sent. */
START_TEST(an_address_that_is_not_there_is_no_threads_fault)
{
    struct ip absent = served_ip("192.0.2.1");
    ck_assert_int_eq(probe_open(&probe, &absent), 0);
    ck_assert_int_lt(probe_send(&probe, BOOT, THREAD, 1053, NONCE), 0);
    probe_close(&probe);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/probe");
    SUITE_CASE(suite, "probe", a_thread_is_asked_and_its_answer_heard_in_both_families,
               what_is_no_answer_of_this_life_is_refused_and_counted,
               a_senseless_port_is_a_thread_that_does_not_answer,
               an_address_that_is_not_there_is_no_threads_fault);
    return suite_run(suite);
}
