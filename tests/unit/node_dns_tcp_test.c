#include "node/dns/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "unit/served.h"
#include "unit/suite.h"

enum { A = 1, TXT = 16, PIPELINED = 200 };

static struct publisher publisher;
static struct tcp *tcp;
static const struct tcp_connections *connections;
static struct page *page; /* NULL: no guardian */

static void start(int64_t idle_ms)
{
    struct ip addresses[] = {served_ip("127.0.0.1"), served_ip("::1")};
    struct udp_config config = {.address_count = 2,
                                .addresses = addresses,
                                .thread_count = 1,
                                .publisher = &publisher,
                                .page = page,
                                .tcp_idle_ms = idle_ms};
    char error[SOCKET_ERROR_MAX] = "";
    served_publish(&publisher);
    ck_assert_msg(tcp_open(&tcp, &config, error) == 0, "%s", error);
    ck_assert_msg(tcp_start(tcp, error) == 0, "%s", error);
    connections = tcp_connections(tcp);
}

static void stop(void)
{
    tcp_close(tcp);
    publish_close(&publisher);
}

static int client_from(const char *address)
{
    bool is_v4 = strchr(address, ':') == NULL;
    return served_connect(SOCK_STREAM, address, is_v4 ? "127.0.0.1" : "::1", tcp_port(tcp));
}

static void ask(int fd, uint16_t id, const char *label, uint16_t type)
{
    uint8_t bytes[66] = {0};
    size_t size = served_query(bytes + 2, id, label, type);
    bytes[1] = (uint8_t)size;
    served_send(fd, bytes, 2 + size);
}

/* Receive one answer; returns its size. */
static size_t take_answer(int fd, uint16_t id)
{
    static uint8_t answer[ANSWER_SIZE_MAX];
    uint8_t length[2];
    ck_assert_int_eq(recv(fd, length, 2, MSG_WAITALL), 2);
    size_t size = served_u16(length);
    ck_assert_int_eq(recv(fd, answer, size, MSG_WAITALL), (ssize_t)size);
    ck_assert_uint_eq(served_u16(answer), id);
    return size;
}

/* The server ends the connection: soon, or a time limit of the socket fails the test. */
static bool has_ended(int fd)
{
    uint8_t byte;
    ssize_t received = recv(fd, &byte, 1, 0);
    return received == 0 || (received < 0 && errno == ECONNRESET);
}

START_TEST(both_families_are_answered)
{
    start(0);
    const char *from[] = {"127.0.0.1", "::1"};
    for (int i = 0; i < 2; i++) {
        int fd = client_from(from[i]);
        ask(fd, 1, "www", A);
        take_answer(fd, 1);
        close(fd);
    }
    served_wait(&connections->ended_by_peer, 2);
    ck_assert_uint_eq(served_count(&tcp_counts(tcp)->by_reason[ANSWER_POSITIVE]), 2);
    ck_assert_uint_eq(served_count(&connections->open), 0);
    stop();
}
END_TEST

START_TEST(pipelined_queries_are_answered_in_order)
{
    start(0);
    int fd = client_from("127.0.0.1");
    for (uint16_t i = 0; i < PIPELINED; i++)
        ask(fd, i, "www", A);
    for (uint16_t i = 0; i < PIPELINED; i++)
        take_answer(fd, i);
    close(fd);
    stop();
}
END_TEST

START_TEST(a_query_may_come_byte_by_byte)
{
    start(0);
    int fd = client_from("::1");
    uint8_t bytes[66] = {0};
    size_t size = 2 + served_query(bytes + 2, 3, "www", A);
    bytes[1] = (uint8_t)(size - 2);
    int yes = 1;
    setsockopt(fd, SOL_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (size_t i = 0; i < size; i++)
        served_send(fd, bytes + i, 1);
    take_answer(fd, 3);
    close(fd);
    stop();
}
END_TEST

START_TEST(large_answers_wait_for_a_client_that_reads_late)
{
    start(0);
    int fd = client_from("127.0.0.1");
    for (uint16_t i = 0; i < PIPELINED; i++) /* 12 MB of answers */
        ask(fd, i, "big", TXT);
    for (uint16_t i = 0; i < PIPELINED; i++)
        ck_assert_uint_ge(take_answer(fd, i), SERVED_BIG_MIN);
    close(fd);
    stop();
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answers_and_then_the_end)
{
    start(0);
    int fd = client_from("127.0.0.1");
    for (uint16_t i = 0; i < PIPELINED; i++)
        ask(fd, i, "www", A);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    for (uint16_t i = 0; i < PIPELINED; i++)
        take_answer(fd, i);
    ck_assert(has_ended(fd));
    close(fd);
    served_wait(&connections->ended_by_peer, 1);
    stop();
}
END_TEST

START_TEST(a_client_without_a_whole_query_in_time_is_ended)
{
    start(100);
    int silent = client_from("127.0.0.1"), dripping = client_from("127.0.0.2");
    const uint8_t beginning[] = {0, 33, 0, 1};
    for (size_t i = 0; i < sizeof beginning; i++) {
        send(dripping, beginning + i, 1, MSG_NOSIGNAL);
        nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL);
    }
    ck_assert(has_ended(silent));
    ck_assert(has_ended(dripping));
    served_wait(&connections->ended_idle, 2);
    close(silent);
    close(dripping);
    stop();
}
END_TEST

START_TEST(a_client_that_asks_again_in_time_is_kept)
{
    start(1000);
    int fd = client_from("127.0.0.1");
    for (uint16_t i = 0; i < 6; i++) {
        ask(fd, i, "www", A);
        take_answer(fd, i);
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    ask(fd, 6, "www", A);
    take_answer(fd, 6);
    ck_assert_uint_eq(served_count(&connections->ended_idle), 0);
    close(fd);
    stop();
}
END_TEST

START_TEST(a_client_that_does_not_take_its_answers_is_ended)
{
    start(200);
    int fd = client_from("127.0.0.1");
    for (uint16_t i = 0; i < PIPELINED; i++)
        ask(fd, i, "big", TXT);
    served_wait(&connections->ended_slow, 1);
    close(fd);
    stop();
}
END_TEST

START_TEST(an_unanswerable_message_ends_the_connection)
{
    start(0);
    int fd = client_from("127.0.0.1");
    ask(fd, 1, "www", A);
    served_send(fd, "\0\0", 2);
    take_answer(fd, 1);
    ck_assert(has_ended(fd));
    served_wait(&connections->ended_unanswered, 1);
    close(fd);
    stop();
}
END_TEST

static void raise_limit_of_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_ge(limit.rlim_cur, 3000);
}

START_TEST(above_the_limit_the_oldest_idle_makes_room)
{
    enum { SOURCES = 24, EACH = 50, ALL = SOURCES * EACH, MORE = ALL - TCP_CONNECTIONS_MAX };
    raise_limit_of_files();
    start(60000);
    static int fds[ALL];
    for (int i = 0; i < ALL; i++) {
        char from[IP_TEXT_SIZE];
        snprintf(from, sizeof from, "127.0.1.%d", 1 + i % SOURCES);
        fds[i] = client_from(from);
        if (i == TCP_CONNECTIONS_MAX - 1) { /* the first is no longer the oldest idle */
            ask(fds[0], 1, "www", A);
            take_answer(fds[0], 1);
        }
    }
    served_wait(&connections->accepted, ALL);
    served_wait(&connections->ended_evicted, MORE);
    ck_assert_uint_eq(served_count(&connections->open), TCP_CONNECTIONS_MAX);
    for (int i = 1; i <= MORE; i++)
        ck_assert(has_ended(fds[i]));
    const int kept[] = {0, MORE + 1, ALL - 1};
    for (int i = 0; i < 3; i++) {
        ask(fds[kept[i]], 2, "www", A);
        take_answer(fds[kept[i]], 2);
    }
    stop();
}
END_TEST

START_TEST(one_source_has_at_most_its_share)
{
    start(60000);
    enum { REFUSED = 6 };
    int fds[TCP_SOURCE_CONNECTIONS_MAX + REFUSED];
    for (int i = 0; i < TCP_SOURCE_CONNECTIONS_MAX + REFUSED; i++)
        fds[i] = client_from("127.0.0.1");
    served_wait(&connections->refused_source, REFUSED);
    ck_assert_uint_eq(served_count(&connections->open), TCP_SOURCE_CONNECTIONS_MAX);
    ck_assert(has_ended(fds[TCP_SOURCE_CONNECTIONS_MAX]));
    ask(fds[TCP_SOURCE_CONNECTIONS_MAX - 1], 1, "www", A);
    take_answer(fds[TCP_SOURCE_CONNECTIONS_MAX - 1], 1);

    int other = client_from("127.0.0.2"), other_family = client_from("::1");
    ask(other, 2, "www", A);
    take_answer(other, 2);
    ask(other_family, 3, "www", A);
    take_answer(other_family, 3);
    close(fds[0]);
    served_wait(&connections->open, TCP_SOURCE_CONNECTIONS_MAX + 1);
    fds[0] = client_from("127.0.0.1");
    ask(fds[0], 4, "www", A);
    take_answer(fds[0], 4);
    stop();
}
END_TEST

/* A connected client, after whom this process, in which the server is, has no descriptor left. */
static int last_client(struct rlimit *before)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    getrlimit(RLIMIT_NOFILE, before);
    struct rlimit tight = {.rlim_cur = (rlim_t)fd + 1, .rlim_max = before->rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
    union socket_name name = {.v4 = {.sin_family = AF_INET,
                                     .sin_port = htons(tcp_port(tcp)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    ck_assert_int_eq(connect(fd, &name.any, sizeof name.v4), 0);
    return fd;
}

static int64_t cpu_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* A listener stays readable while accept fails for want of descriptors. */
START_TEST(without_descriptors_accepting_pauses_and_goes_on_later)
{
    start(60000);
    int client = client_from("127.0.0.1");
    ask(client, 1, "www", A);
    take_answer(client, 1);
    close(client);
    served_wait(&connections->ended_by_peer, 1);

    struct rlimit before;
    int second = last_client(&before);
    ask(second, 2, "www", A);
    int64_t cpu_before_ms = cpu_ms();
    nanosleep(&(struct timespec){.tv_nsec = 350000000}, NULL);
    uint64_t failed = served_count(&connections->accept_failed);
    ck_assert_uint_ge(failed, 1);
    ck_assert_uint_le(failed, 10);
    ck_assert_int_lt(cpu_ms() - cpu_before_ms, 150);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    take_answer(second, 2);
    close(second);
    stop();
}
END_TEST

START_TEST(without_descriptors_the_oldest_makes_room)
{
    start(60000);
    int first = client_from("127.0.0.1");
    ask(first, 1, "www", A);
    take_answer(first, 1);
    struct rlimit before;
    int second = last_client(&before);
    ask(second, 2, "www", A);
    take_answer(second, 2);
    ck_assert(has_ended(first));
    ck_assert_uint_eq(served_count(&connections->ended_evicted), 1);
    setrlimit(RLIMIT_NOFILE, &before);
    close(first);
    close(second);
    stop();
}
END_TEST

START_TEST(what_was_received_before_a_stop_is_answered)
{
    start(0);
    int fd = client_from("127.0.0.1");
    ask(fd, 0, "www", A);
    take_answer(fd, 0);
    for (uint16_t i = 1; i < PIPELINED; i++)
        ask(fd, i, "www", A);
    stop();
    for (uint16_t i = 1; i < PIPELINED; i++)
        take_answer(fd, i);
    ck_assert(has_ended(fd));
    close(fd);
}
END_TEST

START_TEST(a_port_in_use_is_refused_with_a_sentence)
{
    start(0);
    struct ip address = served_ip("::1");
    struct udp_config config = {.address_count = 1,
                                .addresses = &address,
                                .port = tcp_port(tcp),
                                .thread_count = 1,
                                .publisher = &publisher};
    struct tcp *second = tcp;
    char error[SOCKET_ERROR_MAX] = "", expected[SOCKET_ERROR_MAX];
    ck_assert_int_eq(tcp_open(&second, &config, error), -EADDRINUSE);
    ck_assert_ptr_null(second);
    snprintf(expected, sizeof expected,
             "TCP port %u of ::1 is in use by another program: stop it or change dns: port",
             tcp_port(tcp));
    ck_assert_str_eq(error, expected);
    stop();
}
END_TEST

START_TEST(what_an_earlier_life_died_of_ends_the_connection_unanswered)
{
    static struct page shared;
    struct poison_note note = {0};
    uint8_t query[64];
    note.size = (uint32_t)served_query(query, 1, "www", A) - POISON_SKIPPED;
    memcpy(note.bytes, query + POISON_SKIPPED, note.size);
    poison_add(&shared.poison, &note);
    page = &shared;
    start(0);
    int fd = client_from("127.0.0.1");
    ask(fd, 1, "big", TXT);
    take_answer(fd, 1);
    ask(fd, 2, "www", A);
    ck_assert(has_ended(fd));
    ck_assert_uint_eq(served_count(&tcp_counts(tcp)->poison), 1);
    close(fd);
    stop();
    size_t size = served_query(query, 1, "big", TXT);
    const struct page_note *hand = &shared.notes[PAGE_TCP_NOTE];
    ck_assert_uint_eq(atomic_load(&hand->size), 0);
    ck_assert_mem_eq(hand->bytes, query + POISON_SKIPPED, size - POISON_SKIPPED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/tcp");
    SUITE_CASE(suite, "answers", both_families_are_answered,
               pipelined_queries_are_answered_in_order, a_query_may_come_byte_by_byte,
               large_answers_wait_for_a_client_that_reads_late,
               a_half_closed_client_gets_its_answers_and_then_the_end);
    SUITE_CASE(suite, "time", a_client_without_a_whole_query_in_time_is_ended,
               a_client_that_asks_again_in_time_is_kept,
               a_client_that_does_not_take_its_answers_is_ended);
    SUITE_CASE(suite, "limits", above_the_limit_the_oldest_idle_makes_room,
               one_source_has_at_most_its_share,
               without_descriptors_accepting_pauses_and_goes_on_later,
               without_descriptors_the_oldest_makes_room);
    SUITE_CASE(suite, "end", an_unanswerable_message_ends_the_connection,
               what_was_received_before_a_stop_is_answered,
               a_port_in_use_is_refused_with_a_sentence);
    SUITE_CASE(suite, "poison", what_an_earlier_life_died_of_ends_the_connection_unanswered);
    return suite_run(suite);
}
