#include "failover/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/suite.h"

static const struct channel_message held = {
    .kind = CHANNEL_ADDRESS,
    .held = true,
    .address = {.family = 4, .bytes = {192, 0, 2, 53}},
    .since_ms = 0x0102030405060708,
    .reason = "worker-ready",
};

static bool is_equal(const struct channel_message *a, const struct channel_message *b)
{
    return a->kind == b->kind && a->synced == b->synced && a->held == b->held &&
           a->away == b->away && a->home == b->home && a->version == b->version &&
           ip_equal(&a->address, &b->address) && a->since_ms == b->since_ms &&
           memcmp(a->reason, b->reason, sizeof a->reason) == 0;
}

static enum channel_refusal decode_with(size_t position, uint8_t value)
{
    uint8_t bytes[CHANNEL_SIZE];
    struct channel_message decoded;
    channel_encode(&held, bytes);
    bytes[position] = value;
    return channel_decode(bytes, sizeof bytes, &decoded);
}

START_TEST(every_kind_comes_back_as_it_was)
{
    struct channel_message all[] = {
        {.kind = CHANNEL_READY},
        {.kind = CHANNEL_SYNC},
        {.kind = CHANNEL_SYNC, .synced = true},
        {.kind = CHANNEL_STOP},
        {.kind = CHANNEL_RESET},
        {.kind = CHANNEL_HANDOVER, .home = 1, .version = CHANNEL_VERSION_MAX},
        {.kind = CHANNEL_HANDOVER, .away = true, .version = 0x01020304},
        {.kind = CHANNEL_ADDRESS, .address = {.family = 4}, .reason = "x"},
        {.kind = CHANNEL_ADDRESS,
         .held = true,
         .address = {.family = 6, .bytes = {0x20, [15] = 0x53}},
         .since_ms = INT64_MAX,
         .reason = "abcdefghijklmnopqrstu-9"},
        held,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint8_t bytes[CHANNEL_SIZE];
        struct channel_message decoded = {0};
        channel_encode(&all[i], bytes);
        ck_assert_int_eq(channel_decode(bytes, sizeof bytes, &decoded), CHANNEL_ACCEPTED);
        ck_assert(is_equal(&decoded, &all[i]));
    }
}
END_TEST

START_TEST(the_bytes_are_these)
{
    const uint8_t golden[CHANNEL_SIZE] = {
        1,   3, 1, 4,  0,          0,   0,   0,   1,   2,   3,   4,   5,   6,   7,   8,
        192, 0, 2, 53, [32] = 'w', 'o', 'r', 'k', 'e', 'r', '-', 'r', 'e', 'a', 'd', 'y'};
    uint8_t bytes[CHANNEL_SIZE];
    channel_encode(&held, bytes);
    ck_assert_mem_eq(bytes, golden, sizeof golden);
}
END_TEST

START_TEST(what_does_not_decode_says_why_and_changes_nothing)
{
    struct channel_message kept = held;
    uint8_t bytes[CHANNEL_SIZE + 1] = {0};
    channel_encode(&(struct channel_message){.kind = CHANNEL_READY}, bytes);
    ck_assert_int_eq(channel_decode(bytes, CHANNEL_SIZE - 1, &kept), CHANNEL_BAD_SIZE);
    ck_assert_int_eq(channel_decode(bytes, CHANNEL_SIZE + 1, &kept), CHANNEL_BAD_SIZE);
    bytes[2] = 1;
    ck_assert_int_eq(channel_decode(bytes, CHANNEL_SIZE, &kept), CHANNEL_BAD_FIELD);
    bytes[2] = 0;
    bytes[63] = 1;
    ck_assert_int_eq(channel_decode(bytes, CHANNEL_SIZE, &kept), CHANNEL_BAD_FIELD);
    ck_assert(is_equal(&kept, &held));
}
END_TEST

START_TEST(each_field_is_checked)
{
    const struct {
        size_t position;
        uint8_t value;
        enum channel_refusal expected;
    } rows[] = {
        {0, 0, CHANNEL_BAD_VERSION},   {0, 2, CHANNEL_BAD_VERSION},
        {1, 0, CHANNEL_BAD_KIND},      {1, 7, CHANNEL_BAD_KIND},
        {2, 2, CHANNEL_BAD_FIELD},                                 /* a flag is 0 or 1 */
        {3, 0, CHANNEL_BAD_FIELD},     {3, 5, CHANNEL_BAD_FIELD},  /* no such family */
        {4, 1, CHANNEL_BAD_FIELD},     {7, 1, CHANNEL_BAD_FIELD},  /* padding */
        {8, 0x80, CHANNEL_BAD_FIELD},                              /* before the boot */
        {20, 1, CHANNEL_BAD_FIELD},    {31, 1, CHANNEL_BAD_FIELD}, /* an IPv4 address has 4 bytes */
        {32, 0, CHANNEL_BAD_FIELD},                                /* no reason */
        {33, ' ', CHANNEL_BAD_FIELD},  {33, 'A', CHANNEL_BAD_FIELD},
        {33, 0xff, CHANNEL_BAD_FIELD},                               /* not a word */
        {34, 0, CHANNEL_BAD_FIELD},    {55, 'x', CHANNEL_BAD_FIELD}, /* bytes behind its end */
        {56, 1, CHANNEL_BAD_FIELD},    {63, 1, CHANNEL_BAD_FIELD},
        {31, 0, CHANNEL_ACCEPTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(decode_with(rows[i].position, rows[i].value) == rows[i].expected,
                      "byte %zu = %u", rows[i].position, rows[i].value);
}
END_TEST

START_TEST(a_reason_must_end)
{
    uint8_t bytes[CHANNEL_SIZE];
    struct channel_message decoded;
    channel_encode(&held, bytes);
    memset(bytes + 32, 'x', CHANNEL_REASON_SIZE);
    ck_assert_int_eq(channel_decode(bytes, sizeof bytes, &decoded), CHANNEL_BAD_FIELD);
}
END_TEST

START_TEST(messages_arrive_in_order_and_then_none)
{
    int guardian, worker;
    struct channel_message received;
    ck_assert_int_eq(channel_open_pair(&guardian, &worker), 0);
    ck_assert_int_eq(channel_open_worker(worker), 0);
    ck_assert_int_eq(channel_receive(worker, &received), 0);
    ck_assert_int_eq(channel_send(guardian, &held), 0);
    ck_assert_int_eq(channel_send(guardian, &(struct channel_message){.kind = CHANNEL_STOP}), 0);
    ck_assert_int_eq(channel_receive(worker, &received), 1);
    ck_assert(is_equal(&received, &held));
    ck_assert_int_eq(channel_receive(worker, &received), 1);
    ck_assert_int_eq(received.kind, CHANNEL_STOP);
    ck_assert_int_eq(channel_receive(worker, &received), 0);
    close(guardian);
    ck_assert_int_eq(channel_receive(worker, &received), -EPIPE);
    ck_assert_int_eq(channel_send(worker, &held), -EPIPE);
    close(worker);
}
END_TEST

START_TEST(an_oversized_message_is_dropped_alone)
{
    int guardian, worker;
    struct channel_message received;
    uint8_t bytes[CHANNEL_SIZE + 1];
    memset(bytes, 0, sizeof bytes);
    ck_assert_int_eq(channel_open_pair(&guardian, &worker), 0);
    channel_encode(&held, bytes);
    ck_assert_int_eq(send(worker, bytes, sizeof bytes, 0), sizeof bytes);
    ck_assert_int_eq(send(worker, bytes, 3, 0), 3);
    ck_assert_int_eq(channel_send(worker, &held), 0);
    ck_assert_int_eq(channel_receive(guardian, &received), -EBADMSG);
    ck_assert_int_eq(channel_receive(guardian, &received), -EBADMSG);
    ck_assert_int_eq(channel_receive(guardian, &received), 1);
    close(guardian);
    close(worker);
}
END_TEST

START_TEST(an_end_that_does_not_read_blocks_nobody)
{
    int guardian, worker, sent = 0;
    ck_assert_int_eq(channel_open_pair(&guardian, &worker), 0);
    while (sent < 100000 && channel_send(guardian, &held) == 0)
        sent++;
    ck_assert_int_eq(channel_send(guardian, &held), -EAGAIN);
    close(guardian);
    close(worker);
}
END_TEST

START_TEST(only_such_a_socket_is_a_channel)
{
    int fds[2], stream[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, stream), 0);
    ck_assert_int_eq(channel_open_worker(fds[0]), -EPROTOTYPE);
    ck_assert_int_eq(channel_open_worker(stream[0]), -EPROTOTYPE);
    ck_assert_int_eq(channel_open_worker(-1), -EBADF);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/channel");
    SUITE_CASE(suite, "bytes", every_kind_comes_back_as_it_was, the_bytes_are_these,
               what_does_not_decode_says_why_and_changes_nothing, each_field_is_checked,
               a_reason_must_end);
    SUITE_CASE(suite, "socketpair", messages_arrive_in_order_and_then_none,
               an_oversized_message_is_dropped_alone, an_end_that_does_not_read_blocks_nobody,
               only_such_a_socket_is_a_channel);
    return suite_run(suite);
}
