#include "node/dns/stream.h"

#include "unit/served.h"
#include "unit/suite.h"

enum { A = 1, TXT = 16, PIPELINED = 40 };

static struct publisher publisher;
static struct udp_counts counts;
static struct poison poison;
static struct stream_service service = {
    .publisher = &publisher, .counts = &counts, .poison = &poison};
static struct stream stream;
static int peer; /* the other end of the stream's connection */
static bool is_active;

static void open_without_zone(void)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    uint8_t *memory =
        mmap(NULL, STREAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    struct ip client = served_ip("192.0.2.201");
    stream_init(&stream, fds[0], &client, memory);
    peer = fds[1];
    publish_register();
}

static void open_stream(void)
{
    served_publish(&publisher);
    open_without_zone();
}

static void close_stream(void)
{
    publish_unregister();
    publish_close(&publisher);
    munmap(stream.in, STREAM_BYTES);
    close(stream.fd);
    close(peer);
}

static enum stream_outcome progress(void)
{
    return stream_progress(&stream, &service, &is_active);
}

/* A query with its length before it into bytes[66]. */
static size_t framed(uint8_t *bytes, uint16_t id, const char *label, uint16_t type)
{
    size_t size = served_query(bytes + 2, id, label, type);
    bytes[0] = 0;
    bytes[1] = (uint8_t)size;
    return 2 + size;
}

static void send_query(uint16_t id, const char *label, uint16_t type)
{
    uint8_t bytes[66];
    served_send(peer, bytes, framed(bytes, id, label, type));
}

/* Receive one answer from the peer's end; returns its size. */
static size_t take_answer(uint16_t id)
{
    static uint8_t answer[ANSWER_SIZE_MAX];
    uint8_t length[2];
    ck_assert_int_eq(recv(peer, length, 2, MSG_WAITALL), 2);
    size_t size = served_u16(length);
    ck_assert_int_eq(recv(peer, answer, size, MSG_WAITALL), (ssize_t)size);
    ck_assert_uint_ge(size, 12);
    ck_assert_uint_eq(served_u16(answer), id);
    return size;
}

static bool nothing_was_sent(void)
{
    uint8_t byte;
    return recv(peer, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

START_TEST(a_query_is_answered_at_its_last_byte)
{
    open_stream();
    uint8_t bytes[66];
    size_t size = framed(bytes, 7, "www", A);
    for (size_t i = 0; i < size; i++) {
        ck_assert(nothing_was_sent());
        served_send(peer, bytes + i, 1);
        ck_assert_int_eq(progress(), STREAM_READS);
        ck_assert(is_active == (i == size - 1));
    }
    take_answer(7);
    ck_assert(nothing_was_sent());
    close_stream();
}
END_TEST

START_TEST(pipelined_queries_are_answered_in_order)
{
    open_stream();
    for (uint16_t i = 0; i < PIPELINED; i++)
        send_query(i, i % 2 == 0 ? "www" : "absent", A);
    uint8_t half[66];
    size_t size = framed(half, PIPELINED, "www", A);
    served_send(peer, half, size / 2);
    ck_assert_int_eq(progress(), STREAM_READS);
    served_send(peer, half + size / 2, size - size / 2);
    ck_assert_int_eq(progress(), STREAM_READS);
    for (uint16_t i = 0; i <= PIPELINED; i++)
        take_answer(i);
    ck_assert(nothing_was_sent());
    ck_assert_uint_eq(served_count(&counts.by_reason[ANSWER_POSITIVE]), PIPELINED / 2 + 1);
    ck_assert_uint_eq(served_count(&counts.by_reason[ANSWER_NXDOMAIN]), PIPELINED / 2);
    close_stream();
}
END_TEST

/* 40 answers of 60 KB are far more than the buffers of both ends hold. */
START_TEST(a_peer_that_takes_its_answers_late_gets_them_whole_and_in_order)
{
    open_stream();
    for (uint16_t i = 0; i < PIPELINED; i++)
        send_query(i, "big", TXT);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    ck_assert(is_active);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    ck_assert(!is_active);
    for (uint16_t i = 0; i < PIPELINED; i++) {
        ck_assert_uint_ge(take_answer(i), SERVED_BIG_MIN);
        progress();
    }
    ck_assert_int_eq(progress(), STREAM_READS);
    ck_assert(nothing_was_sent());
    close_stream();
}
END_TEST

START_TEST(taking_the_last_of_a_backlog_is_activity)
{
    open_stream();
    for (uint16_t i = 0; i < 4; i++)
        send_query(i, "big", TXT);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    for (uint16_t i = 0; i < 3; i++)
        take_answer(i);
    ck_assert_uint_eq(stream.in_size, 0);
    ck_assert_int_eq(progress(), STREAM_READS);
    ck_assert(is_active);
    ck_assert_int_eq(progress(), STREAM_READS);
    ck_assert(!is_active);
    close_stream();
}
END_TEST

START_TEST(nothing_is_read_while_answers_wait)
{
    open_stream();
    for (uint16_t i = 0; i < PIPELINED; i++)
        send_query(i, "big", TXT);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    size_t waiting = stream.in_size;
    send_query(PIPELINED, "www", A);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    ck_assert_uint_eq(stream.in_size, waiting);
    close_stream();
}
END_TEST

START_TEST(a_half_closed_peer_gets_its_answers_and_then_the_end)
{
    open_stream();
    for (uint16_t i = 0; i < 3; i++)
        send_query(i, "www", A);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    ck_assert_int_eq(progress(), STREAM_READS);
    ck_assert_int_eq(progress(), STREAM_LEFT);
    for (uint16_t i = 0; i < 3; i++)
        take_answer(i);
    close_stream();
}
END_TEST

START_TEST(a_half_closed_peer_that_is_slow_gets_its_answers)
{
    open_stream();
    for (uint16_t i = 0; i < PIPELINED; i++)
        send_query(i, "big", TXT);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    for (uint16_t i = 0; i < PIPELINED; i++) {
        take_answer(i);
        enum stream_outcome outcome = progress();
        ck_assert(outcome != STREAM_LEFT || stream.in_size == 0);
    }
    ck_assert_int_eq(progress(), STREAM_LEFT);
    close_stream();
}
END_TEST

START_TEST(a_message_without_an_answer_ends_it_after_the_answers_before)
{
    const uint8_t unanswerable[][16] = {
        {0, 0},                       /* empty */
        {0, 3, 1, 2, 3},              /* shorter than a header */
        {0, 12, 0, 9, 0x80, 0, 0, 1}, /* a response */
    };
    for (size_t i = 0; i < 3; i++) {
        open_stream();
        send_query(1, "www", A);
        served_send(peer, unanswerable[i], 2 + (size_t)unanswerable[i][1]);
        send_query(2, "www", A);
        ck_assert_int_eq(progress(), STREAM_REFUSED);
        take_answer(1);
        ck_assert(nothing_was_sent());
        close_stream();
    }
}
END_TEST

START_TEST(the_longest_query_is_read)
{
    open_stream();
    static uint8_t bytes[STREAM_MESSAGE_BYTES];
    served_query(bytes + 2, 5, "www", A);
    bytes[0] = bytes[1] = 0xff;
    for (size_t sent = 0; sent < sizeof bytes;) {
        ssize_t more = send(peer, bytes + sent, sizeof bytes - sent, MSG_DONTWAIT);
        if (more > 0)
            sent += (size_t)more;
        ck_assert_int_eq(progress(), STREAM_READS);
    }
    while (nothing_was_sent())
        ck_assert_int_eq(progress(), STREAM_READS);
    take_answer(5);
    ck_assert_uint_eq(served_count(&counts.by_reason[ANSWER_FORMERR]), 1);
    ck_assert_uint_eq(served_count(&counts.received_bytes), ANSWER_SIZE_MAX);

    stream_forget(&stream);
    send_query(6, "www", A);
    ck_assert_int_eq(progress(), STREAM_READS);
    take_answer(6);
    close_stream();
}
END_TEST

START_TEST(a_broken_connection_is_left)
{
    open_stream();
    close(peer);
    peer = -1;
    ck_assert_int_eq(progress(), STREAM_LEFT);
    close_stream();

    open_stream();
    for (uint16_t i = 0; i < PIPELINED; i++)
        send_query(i, "big", TXT);
    ck_assert_int_eq(progress(), STREAM_SENDS);
    close(peer);
    peer = -1;
    ck_assert_int_eq(progress(), STREAM_LEFT);
    close_stream();
}
END_TEST

START_TEST(without_a_view_it_is_refused)
{
    open_without_zone();
    send_query(1, "www", A);
    ck_assert_int_eq(progress(), STREAM_REFUSED);
    ck_assert_uint_eq(served_count(&counts.unready), 1);
    close_stream();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/stream");
    SUITE_CASE(suite, "answers", a_query_is_answered_at_its_last_byte,
               pipelined_queries_are_answered_in_order, the_longest_query_is_read);
    SUITE_CASE(suite, "pace", a_peer_that_takes_its_answers_late_gets_them_whole_and_in_order,
               taking_the_last_of_a_backlog_is_activity, nothing_is_read_while_answers_wait,
               a_half_closed_peer_that_is_slow_gets_its_answers);
    SUITE_CASE(suite, "end", a_half_closed_peer_gets_its_answers_and_then_the_end,
               a_message_without_an_answer_ends_it_after_the_answers_before,
               a_broken_connection_is_left, without_a_view_it_is_refused);
    return suite_run(suite);
}
