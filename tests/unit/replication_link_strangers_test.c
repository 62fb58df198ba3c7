#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/link_ends.h"

/* ---- strangers ---- */

START_TEST(an_unknown_key_is_refused_counted_and_dialled_again)
{
    make_keys(2);
    struct end node = open_node(0);
    struct end stranger = open_agent(&stranger_keys, link_port(node.link));
    ck_assert_str_eq(link_last_refused(node.link), "");
    TURN_UNTIL(stranger.seen_count == 2, &node, &stranger); /* the second is our own redial */
    ck_assert_str_eq(stranger.seen[0], "down 0 refused");
    ck_assert_str_eq(stranger.seen[1], "down 0 refused");
    ck_assert_uint_eq(counts(&node).refused_keys, 2);
    ck_assert_str_eq(link_last_refused(node.link), "127.0.0.1");
    ck_assert_uint_eq(counts(&stranger).failed_handshakes, 2);
    ck_assert_int_eq(say(&stranger, 0, "let me in"), -EHOSTUNREACH);
    ck_assert_uint_eq(node.seen_count, 0);
    link_close(stranger.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_stranger_that_is_admitted_speaks_and_is_answered)
{
    make_keys(2);
    struct end node = open_node(0);
    link_admit(node.link, 1);
    struct end stranger = open_agent(&stranger_keys, link_port(node.link));
    TURN_UNTIL(saw(&stranger, "up 0"), &node, &stranger);
    ck_assert_int_eq(say(&stranger, 0, "let me in"), 0);
    TURN_UNTIL(saw(&node, "stranger let me in"), &node, &stranger);
    ck_assert_str_eq(node.stranger.key, stranger_keys.public_key);
    ck_assert_int_eq(link_answer(node.link, &node.stranger, (const uint8_t *)"no", 2), 0);
    TURN_UNTIL(saw(&stranger, "frame 0 no"), &node, &stranger);
    ck_assert_int_eq(say(&stranger, 0, "but please"), 0); /* once is what was admitted */
    TURN_UNTIL(counts(&node).odd_frames == 1, &node, &stranger);
    ck_assert_uint_eq(counts(&node).refused_keys, 0);
    ck_assert_uint_eq(link_admit(node.link, 7), 0); /* it came in */
    ck_assert_uint_eq(link_admit(node.link, 0), 7);
    link_close(stranger.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_stranger_that_becomes_known_is_heard_on_its_connection)
{
    make_keys(2);
    struct link_peer peers[2] = {0};
    struct end node = open_node(0);
    link_admit(node.link, 1);
    struct end stranger = open_agent(&stranger_keys, link_port(node.link));
    TURN_UNTIL(saw(&stranger, "up 0"), &node, &stranger);
    strcpy(peers[1].keys[0], stranger_keys.public_key);
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), 0);
    ck_assert_int_eq(say(&stranger, 0, "report"), 0);
    TURN_UNTIL(saw(&node, "frame 1 report"), &node, &stranger);
    link_close(stranger.link);
    link_close(node.link);
}
END_TEST

START_TEST(no_more_strangers_come_in_than_are_admitted)
{
    make_keys(2);
    struct end node = open_node(0);
    link_admit(node.link, 1);
    struct end first = open_agent(&stranger_keys, link_port(node.link));
    TURN_UNTIL(saw(&first, "up 0"), &node, &first);
    struct pair other;
    link_keygen(other.public_key, other.secret_key);
    struct end second = open_agent(&other, link_port(node.link));
    TURN_UNTIL(saw(&second, "down 0 refused"), &node, &first, &second);
    link_admit(node.link, 1);
    TURN_UNTIL(saw(&second, "up 0"), &node, &first, &second);
    link_close(first.link);
    link_close(second.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_stranger_says_little)
{
    make_keys(2);
    static uint8_t bytes[LINK_STRANGER_SIZE_MAX + 1];
    struct end node = open_node(0);
    link_admit(node.link, 20);
    struct end stranger = open_agent(&stranger_keys, link_port(node.link));
    TURN_UNTIL(saw(&stranger, "up 0"), &node, &stranger);
    ck_assert_int_eq(link_send(stranger.link, 0, bytes, sizeof bytes), 0);
    TURN_UNTIL(counts(&node).odd_frames == 1, &node, &stranger);
    ck_assert_int_eq(link_send(stranger.link, 0, bytes, sizeof bytes - 1), 0);
    TURN_UNTIL(node.seen_count == 1, &node, &stranger);
    link_close(stranger.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_key_that_was_withdrawn_is_no_strangers)
{
    make_keys(2);
    struct link_peer none[2] = {0};
    struct end node = open_node(0), agent = open_agent(&agent_keys[0], link_port(node.link));
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    ck_assert_int_eq(link_replace_keys(node.link, none, error), 0);
    link_admit(node.link, 20);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(counts(&node).odd_frames == 1, &node, &agent);
    ck_assert_uint_eq(node.seen_count, 0);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_node_with_the_wrong_key_is_never_up)
{
    make_keys(2);
    struct end node = open_node(0), agent;
    ck_assert_int_eq(try_dialler(&agent, &agent_keys[0], stranger_keys.public_key, loopback(4),
                                 link_port(node.link)),
                     0);
    TURN_UNTIL(counts(&node).failed_handshakes > 2 && counts(&agent).failed_handshakes > 2, &node,
               &agent);
    ck_assert_uint_eq(agent.seen_count, 0);
    ck_assert_uint_eq(node.seen_count, 0);
    ck_assert_uint_eq(counts(&node).refused_keys, 0);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

static int connect_raw(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* ZMTP 3.1 (ZeroMQ RFC 37): signature, version, mechanism, as-server 0, filler. */
static const uint8_t greeting[64] = {0xff, 0, 0, 0,   0,   0,   0,   0,  1,
                                     0x7f, 3, 1, 'C', 'U', 'R', 'V', 'E'};

static long peak_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "re");
    ck_assert_ptr_nonnull(status);
    while (fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmPeak: %ld kB", &kib) == 1)
            break;
    }
    fclose(status);
    return kib;
}

/* Wait until the node closes the raw connection; whatever it said before is ignored. */
static void assert_closed_by_node(struct end *node, int fd)
{
    struct end *ends[] = {node};
    int64_t deadline = now_ms() + DEADLINE_MS;
    char bytes[256];
    for (;;) {
        ssize_t size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN))
            break;
        ck_assert_int_lt(now_ms(), deadline);
        turn(ends, 1);
    }
    close(fd);
}

START_TEST(a_stranger_that_announces_a_gigabyte_is_cut_off_and_costs_nothing)
{
    make_keys(2);
    struct end node = open_node(0);
    struct end *ends[] = {&node};
    turn(ends, 1);
    long before_kib = peak_kib();
    int fd = connect_raw(link_port(node.link));
    const uint8_t header[9] = {0x06, 0, 0, 0, 0, 0x40, 0, 0, 0}; /* a long command of 1 GiB */
    ck_assert_int_eq(send(fd, greeting, sizeof greeting, 0), sizeof greeting);
    ck_assert_int_eq(send(fd, header, sizeof header, 0), sizeof header);
    assert_closed_by_node(&node, fd);
    ck_assert_int_lt(peak_kib() - before_kib, 512 * 1024);
    link_close(node.link);
}
END_TEST

START_TEST(strangers_of_every_kind_do_no_harm)
{
    make_keys(2);
    struct end node = open_node(0);
    static const uint8_t zeros[512];
    uint8_t version_1[16] = {1}, plain[64], noise[4096];
    memcpy(plain, greeting, sizeof plain);
    memcpy(plain + 12, "PLAIN", 5);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * 2654435761u >> 13);
    const struct {
        const void *bytes;
        size_t size;
    } openings[] = {
        {"GET / HTTP/1.0\r\n\r\n", 18}, {zeros, sizeof zeros}, {version_1, sizeof version_1},
        {plain, sizeof plain},          {noise, sizeof noise}, {"\xff\0\0\0\0\0\0\0\1\x7f\2", 11},
    };
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        int fd = connect_raw(link_port(node.link));
        ck_assert_int_gt(send(fd, openings[i].bytes, openings[i].size, MSG_NOSIGNAL), 0);
        shutdown(fd, SHUT_WR);
        assert_closed_by_node(&node, fd);
    }
    /* These stay, having said nothing, or their greeting alone. */
    int silent = connect_raw(link_port(node.link)), greeted = connect_raw(link_port(node.link));
    ck_assert_int_eq(send(greeted, greeting, sizeof greeting, 0), sizeof greeting);
    struct end agent = open_agent(&agent_keys[0], link_port(node.link));
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(node.seen_count > 0, &node, &agent);
    ck_assert_str_eq(node.seen[0], "frame 0 report");
    ck_assert_uint_eq(counts(&node).refused_keys, 0);
    close(silent);
    close(greeted);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

/* ---- peers that misbehave ---- */

/* Send one message, once the bare agent is connected. */
static void bare_send(struct end *node, void *agent, const void *bytes, size_t size, int flags)
{
    struct end *ends[] = {node};
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (zmq_send(agent, bytes, size, flags | ZMQ_DONTWAIT) < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        ck_assert_int_lt(now_ms(), deadline);
        turn(ends, 1);
    }
}

START_TEST(an_oversized_frame_is_dropped_and_counted)
{
    make_keys(1);
    struct end node = open_node(0);
    void *context = zmq_ctx_new();
    void *bare =
        open_bare_agent(context, &agent_keys[0], node_keys.public_key, link_port(node.link));
    static uint8_t bytes[2 * LINK_FRAME_SIZE_MAX];
    bare_send(&node, bare, bytes, LINK_FRAME_SIZE_MAX + 1, 0);
    bare_send(&node, bare, bytes, sizeof bytes, 0);
    bare_send(&node, bare, "whole", 5, 0);
    TURN_UNTIL(node.seen_count > 0, &node);
    ck_assert_str_eq(node.seen[0], "frame 0 whole");
    ck_assert_uint_eq(counts(&node).oversized_frames, 2);
    ck_assert_uint_eq(counts(&node).odd_frames + counts(&node).ended_connections, 0);
    zmq_close(bare);
    zmq_ctx_term(context);
    link_close(node.link);
}
END_TEST

START_TEST(a_frame_too_large_ends_its_connection_alone)
{
    make_keys(2);
    struct end node = open_node(0), agent = open_agent(&agent_keys[1], link_port(node.link));
    void *context = zmq_ctx_new();
    void *bare =
        open_bare_agent(context, &agent_keys[0], node_keys.public_key, link_port(node.link));
    void *events = zmq_socket(context, ZMQ_PAIR);
    zmq_socket_monitor(bare, "inproc://bare", ZMQ_EVENT_DISCONNECTED);
    zmq_connect(events, "inproc://bare");
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    static uint8_t bytes[2 * LINK_FRAME_SIZE_MAX + 1];
    bare_send(&node, bare, bytes, sizeof bytes, 0);
    zmq_msg_t event;
    zmq_msg_init(&event);
    TURN_UNTIL(zmq_msg_recv(&event, events, ZMQ_DONTWAIT) >= 0, &node, &agent);
    zmq_msg_close(&event);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(node.seen_count > 0, &node, &agent);
    ck_assert_uint_eq(node.seen_count, 1);
    ck_assert_str_eq(node.seen[0], "frame 1 report");
    ck_assert_uint_eq(agent.seen_count, 1);
    TURN_UNTIL(counts(&node).ended_connections == 1, &node);
    zmq_socket_monitor(bare, NULL, 0);
    zmq_close(events);
    zmq_close(bare);
    zmq_ctx_term(context);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(frames_of_several_parts_and_empty_ones_are_dropped_and_counted)
{
    make_keys(2);
    struct end node = open_node(0);
    void *context = zmq_ctx_new();
    void *bare =
        open_bare_agent(context, &agent_keys[0], node_keys.public_key, link_port(node.link));
    bare_send(&node, bare, "one", 3, ZMQ_SNDMORE);
    bare_send(&node, bare, "two", 3, ZMQ_SNDMORE);
    bare_send(&node, bare, "three", 5, 0);
    bare_send(&node, bare, "", 0, 0);
    bare_send(&node, bare, "whole", 5, 0);
    TURN_UNTIL(node.seen_count > 0, &node);
    ck_assert_uint_eq(node.seen_count, 1);
    ck_assert_str_eq(node.seen[0], "frame 0 whole");
    ck_assert_uint_eq(counts(&node).odd_frames, 2);
    zmq_close(bare);
    zmq_ctx_term(context);
    link_close(node.link);
}
END_TEST

START_TEST(a_peer_that_brings_its_own_routing_id_is_not_heard)
{
    make_keys(2);
    struct end node = open_node(0);
    void *context = zmq_ctx_new(), *bare = zmq_socket(context, ZMQ_DEALER);
    int zero = 0;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", link_port(node.link));
    zmq_setsockopt(bare, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(bare, ZMQ_ROUTING_ID, "somebody", 8);
    zmq_setsockopt(bare, ZMQ_CURVE_SERVERKEY, node_keys.public_key, LINK_KEY_SIZE);
    zmq_setsockopt(bare, ZMQ_CURVE_PUBLICKEY, agent_keys[0].public_key, LINK_KEY_SIZE);
    zmq_setsockopt(bare, ZMQ_CURVE_SECRETKEY, agent_keys[0].secret_key, LINK_KEY_SIZE);
    ck_assert_int_eq(zmq_connect(bare, endpoint), 0);
    bare_send(&node, bare, "report", 6, 0);
    TURN_UNTIL(counts(&node).odd_frames == 1, &node);
    ck_assert_uint_eq(node.seen_count, 0);
    ck_assert_int_eq(say(&node, 0, "ack"), -EHOSTUNREACH);
    zmq_close(bare);
    zmq_ctx_term(context);
    link_close(node.link);
}
END_TEST

START_TEST(a_peer_that_stops_reading_costs_a_bounded_queue)
{
    make_keys(2);
    struct end node = open_node(0), agent = open_agent(&agent_keys[0], link_port(node.link));
    struct end other = open_agent(&agent_keys[1], link_port(node.link));
    TURN_UNTIL(saw(&agent, "up 0") && saw(&other, "up 0"), &node, &agent, &other);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    ck_assert_int_eq(say(&other, 0, "report"), 0);
    TURN_UNTIL(saw(&node, "frame 0 report") && saw(&node, "frame 1 report"), &node);
    ck_assert_uint_lt(fill(&node, 0), 64u << 20);
    ck_assert_uint_gt(counts(&node).unsendable, 0);
    ck_assert_int_eq(say(&node, 1, "ack"), 0);
    TURN_UNTIL(saw(&other, "frame 0 ack"), &node, &other);
    link_close(other.link);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_node_that_stops_reading_costs_a_bounded_queue)
{
    make_keys(2);
    struct end node = open_node(0), agent = open_agent(&agent_keys[0], link_port(node.link));
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    ck_assert_uint_lt(fill(&agent, 0), 64u << 20);
    ck_assert_uint_gt(counts(&agent).unsendable, 0);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

int main(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* seconds; the waits give up before */
    Suite *suite = suite_create("replication/link: strangers");
    SUITE_CASE(suite, "admitted", a_stranger_that_is_admitted_speaks_and_is_answered,
               a_stranger_that_becomes_known_is_heard_on_its_connection,
               no_more_strangers_come_in_than_are_admitted, a_stranger_says_little,
               a_key_that_was_withdrawn_is_no_strangers);
    SUITE_CASE(suite, "strangers", an_unknown_key_is_refused_counted_and_dialled_again,
               a_node_with_the_wrong_key_is_never_up,
               a_stranger_that_announces_a_gigabyte_is_cut_off_and_costs_nothing,
               strangers_of_every_kind_do_no_harm);
    SUITE_CASE(suite, "misbehave", an_oversized_frame_is_dropped_and_counted,
               a_frame_too_large_ends_its_connection_alone,
               frames_of_several_parts_and_empty_ones_are_dropped_and_counted,
               a_peer_that_brings_its_own_routing_id_is_not_heard,
               a_peer_that_stops_reading_costs_a_bounded_queue,
               a_node_that_stops_reading_costs_a_bounded_queue);
    return suite_run(suite);
}
