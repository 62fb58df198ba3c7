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
           memcmp(a->reason, b->reason, sizeof a->reason) == 0 && a->fresh == b->fresh &&
           a->lost == b->lost && a->subject == b->subject && a->number == b->number &&
           strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 && a->fault == b->fault &&
           a->reception == b->reception && a->gate == b->gate && a->flags == b->flags &&
           memcmp(a->hold_ms, b->hold_ms, sizeof a->hold_ms) == 0 && a->group == b->group &&
           memcmp(a->counts, b->counts, sizeof a->counts) == 0 &&
           memcmp(a->mac, b->mac, sizeof a->mac) == 0 && a->is_heard == b->is_heard;
}

static const struct channel_message note = {.kind = CHANNEL_NOTE,
                                            .subject = CHANNEL_HOME_1,
                                            .number = 0x01020304,
                                            .since_ms = 0x05060708,
                                            .from = "backup",
                                            .to = "active",
                                            .reason = "silence"};
static const struct channel_message state = {.kind = CHANNEL_STATE,
                                             .fault = PAIR_IS_ISOLATED,
                                             .reception = RECEPTION_NO_REPLY,
                                             .gate = GATE_READY,
                                             .flags = 0x0201,
                                             .hold_ms = {5000, 300000}};
static const struct channel_message agents = {.kind = CHANNEL_AGENTS, .fresh = 300, .lost = 200};
static const struct channel_message stranger = {
    .kind = CHANNEL_STRANGER, .home = 1, .since_ms = 0x0102, .mac = {2, 0, 0, 0, 0, 7}};
static const struct channel_message witness = {.kind = CHANNEL_WITNESS,
                                               .is_heard = true,
                                               .since_ms = 0x0102,
                                               .address = {.family = 4, .bytes = {192, 0, 2, 1}}};
static const struct channel_message counters = {.kind = CHANNEL_COUNTERS,
                                                .group = CHANNEL_NEIGHBOURS,
                                                .counts = {UINT32_MAX, 0, 1, [6] = 0x0a0b0c0d}};

static enum channel_refusal decode_with(const struct channel_message *message, size_t position,
                                        uint8_t value)
{
    uint8_t bytes[CHANNEL_SIZE];
    struct channel_message decoded;
    channel_encode(message, bytes);
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
        {.kind = CHANNEL_UPGRADE},
        {.kind = CHANNEL_AGENTS, .fresh = UINT16_MAX, .lost = UINT16_MAX},
        {.kind = CHANNEL_NOTE,
         .subject = CHANNEL_GUARDIAN,
         .number = 1,
         .to = "abcdefghi-9",
         .reason = "start"},
        {.kind = CHANNEL_STATE,
         .fault = PAIR_FAULT_LAST,
         .reception = RECEPTION_PROVEN,
         .gate = GATE_STOPPING,
         .flags = CHANNEL_FLAGS},
        {.kind = CHANNEL_COUNTERS, .group = CHANNEL_ADVERTISEMENTS, .counts = {[12] = 7}},
        {.kind = CHANNEL_STRANGER, .home = 0},
        {.kind = CHANNEL_WITNESS, .address = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}}},
        held,
        note,
        state,
        agents,
        counters,
        stranger,
        witness,
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

START_TEST(the_bytes_of_what_the_guardian_tells_are_these)
{
    static const struct {
        const struct channel_message *message;
        uint8_t bytes[CHANNEL_SIZE];
    } rows[] = {
        {&agents, {1, 7, 0, 0, 1, 44, 0, 200}},
        {&note, {1,   9,   0,   1,   1,          2,   3,   4,   0,   0,   0,          0,
                 5,   6,   7,   8,   'b',        'a', 'c', 'k', 'u', 'p', [28] = 'a', 'c',
                 't', 'i', 'v', 'e', [40] = 's', 'i', 'l', 'e', 'n', 'c', 'e'}},
        {&state, {1, 10, 0, 2, 3, 2, 2, 1, 0, 0, 0x13, 0x88, 0, 4, 0x93, 0xe0}},
        {&counters, {1, 11, 0, 2, [8] = 255, 255, 255, 255, [19] = 1, [32] = 10, 11, 12, 13}},
        {&stranger, {1, 12, 0, 1, [14] = 1, 2, 2, 0, 0, 0, 0, 7}},
        {&witness, {1, 13, 1, 4, [14] = 1, 2, 192, 0, 2, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[CHANNEL_SIZE];
        channel_encode(rows[i].message, bytes);
        for (size_t at = 0; at < sizeof bytes; at++)
            ck_assert_msg(bytes[at] == rows[i].bytes[at], "row %zu byte %zu is %u", i, at,
                          bytes[at]);
    }
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
        {1, 0, CHANNEL_BAD_KIND},      {1, CHANNEL_KINDS, CHANNEL_BAD_KIND},
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
        ck_assert_msg(decode_with(&held, rows[i].position, rows[i].value) == rows[i].expected,
                      "byte %zu = %u", rows[i].position, rows[i].value);
}
END_TEST

START_TEST(each_field_of_each_kind_is_checked)
{
    static const struct {
        const struct channel_message *message;
        size_t position;
        uint8_t value;
    } rows[] = {
        {&agents, 2, 1}, /* each row: no such field, or a value beyond the last */
        {&agents, 3, 1},
        {&agents, 8, 1},
        {&agents, 4, 0}, /* more lost than there are */
        {&note, 2, 1},
        {&note, 3, CHANNEL_SUBJECTS},
        {&note, 8, 0x80},
        {&note, 16, 'B'},
        {&note, 27, 'b'},
        {&note, 28, 0},
        {&note, 39, 'a'},
        {&note, 40, 0},
        {&note, 63, 's'},
        {&state, 2, 1},
        {&state, 3, PAIR_FAULT_LAST + 1},
        {&state, 4, RECEPTION_STATE_LAST + 1},
        {&state, 5, GATE_STOPPING + 1},
        {&state, 16, 1},
        {&state, 63, 1},
        {&counters, 2, 1},
        {&counters, 3, CHANNEL_GROUPS},
        {&counters, 4, 1},
        {&counters, 36, 1}, /* behind the group's last */
        {&counters, 63, 1},
        {&stranger, 2, 1},
        {&stranger, 3, 2},
        {&stranger, 4, 1},
        {&stranger, 8, 0x80},
        {&stranger, 22, 1},
        {&stranger, 63, 1},
        {&witness, 2, 2},
        {&witness, 3, 5},
        {&witness, 4, 1},
        {&witness, 8, 0x80},
        {&witness, 20, 1},
        {&witness, 32, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(decode_with(rows[i].message, rows[i].position, rows[i].value) ==
                          CHANNEL_BAD_FIELD,
                      "row %zu", i);
}
END_TEST

START_TEST(a_note_has_a_number)
{
    struct channel_message first = note;
    first.number = 1;
    ck_assert_int_eq(decode_with(&first, 7, 0), CHANNEL_BAD_FIELD);
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
               the_bytes_of_what_the_guardian_tells_are_these,
               what_does_not_decode_says_why_and_changes_nothing, each_field_is_checked,
               each_field_of_each_kind_is_checked, a_note_has_a_number, a_reason_must_end);
    SUITE_CASE(suite, "socketpair", messages_arrive_in_order_and_then_none,
               an_oversized_message_is_dropped_alone, an_end_that_does_not_read_blocks_nobody,
               only_such_a_socket_is_a_channel);
    return suite_run(suite);
}
