#include "unit/link_ends.h"

/* ---- speaking ---- */

START_TEST(an_agent_and_a_node_exchange_frames)
{
    make_keys(2);
    struct end node = open_node(0), agent = open_agent(&agent_keys[1], link_port(node.link));
    TURN_UNTIL(agent.seen_count == 1, &node, &agent);
    ck_assert_str_eq(agent.seen[0], "up 0");
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(node.seen_count == 1, &node, &agent);
    ck_assert_str_eq(node.seen[0], "frame 1 report");
    ck_assert_int_eq(say(&node, 1, "ack"), 0);
    ck_assert_int_eq(say(&node, 1, "hello"), 0);
    TURN_UNTIL(agent.seen_count == 3, &node, &agent);
    ck_assert_str_eq(agent.seen[1], "frame 0 ack");
    ck_assert_str_eq(agent.seen[2], "frame 0 hello");
    ck_assert_uint_eq(counts(&node).odd_frames + counts(&node).refused_keys, 0);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(both_families_are_bound_and_dialled)
{
    make_keys(2);
    struct ip addresses[] = {loopback(4), loopback(6)};
    struct end node, agents[2];
    ck_assert_msg(try_node(&node, addresses, 2, 0, 2) == 0, "%s", error);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(try_dialler(&agents[i], &agent_keys[i], node_keys.public_key, addresses[i],
                                     link_port(node.link)),
                         0);
    TURN_UNTIL(agents[0].seen_count + agents[1].seen_count == 2, &node, &agents[0], &agents[1]);
    ck_assert(saw(&agents[0], "up 0"));
    ck_assert(saw(&agents[1], "up 0"));
    link_close(agents[0].link);
    link_close(agents[1].link);
    link_close(node.link);
}
END_TEST

START_TEST(a_frame_of_the_largest_size_passes)
{
    make_keys(2);
    struct end node = open_node(0), agent = open_agent(&agent_keys[0], link_port(node.link));
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    static uint8_t bytes[LINK_FRAME_SIZE_MAX];
    memset(bytes, 'x', sizeof bytes);
    ck_assert_int_eq(link_send(agent.link, 0, bytes, sizeof bytes), 0);
    TURN_UNTIL(node.seen_count == 1, &node, &agent);
    ck_assert_str_eq(node.seen[0], "frame 0 xxxxxxxxxxxxxxxxxxxxxxxx");
    ck_assert_uint_eq(agent.seen_count, 1);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(of_two_connections_with_one_key_the_last_that_spoke_is_answered)
{
    make_keys(2);
    struct end node = open_node(0);
    struct end first = open_agent(&agent_keys[0], link_port(node.link));
    struct end second = open_agent(&agent_keys[0], link_port(node.link));
    TURN_UNTIL(saw(&first, "up 0") && saw(&second, "up 0"), &node, &first, &second);
    ck_assert_int_eq(say(&first, 0, "from first"), 0);
    TURN_UNTIL(saw(&node, "frame 0 from first"), &node);
    ck_assert_int_eq(say(&second, 0, "from second"), 0);
    TURN_UNTIL(saw(&node, "frame 0 from second"), &node);
    ck_assert_int_eq(say(&node, 0, "to second"), 0);
    TURN_UNTIL(saw(&second, "frame 0 to second"), &node, &first, &second);
    ck_assert_int_eq(say(&first, 0, "first again"), 0);
    TURN_UNTIL(saw(&node, "frame 0 first again"), &node);
    ck_assert_int_eq(say(&node, 0, "to first"), 0);
    TURN_UNTIL(saw(&first, "frame 0 to first"), &node, &first, &second);
    ck_assert_uint_eq(first.seen_count, 2);
    ck_assert_uint_eq(second.seen_count, 2);
    link_close(second.link);
    link_close(first.link);
    link_close(node.link);
}
END_TEST

/* Two hundred agents at once, each of which says who it is until it is answered so. */
static void two_hundred_speak(struct end *node)
{
    void *context = zmq_ctx_new(), *agents[PEERS_MAX];
    for (size_t i = 0; i < PEERS_MAX; i++) {
        agents[i] =
            open_bare_agent(context, &agent_keys[i], node_keys.public_key, link_port(node->link));
    }
    bool sent[PEERS_MAX] = {false}, answered[PEERS_MAX] = {false};
    size_t done = 0;
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (done < PEERS_MAX) {
        ck_assert_int_lt(now_ms(), deadline);
        node->seen_count = 0;
        turn(&node, 1);
        for (size_t i = 0; i < node->seen_count; i++) {
            size_t peer, name;
            ck_assert_int_eq(sscanf(node->seen[i], "frame %zu agent %zu", &peer, &name), 2);
            ck_assert_uint_eq(peer, name);
            ck_assert_int_eq(say(node, peer, node->seen[i]), 0);
        }
        for (size_t i = 0; i < PEERS_MAX; i++) {
            char text[48];
            int size = snprintf(text, sizeof text, "agent %zu", i);
            if (!sent[i] && zmq_send(agents[i], text, (size_t)size, ZMQ_DONTWAIT) == size)
                sent[i] = true;
            size = zmq_recv(agents[i], text, sizeof text - 1, ZMQ_DONTWAIT);
            if (size > 0) {
                char expected[48];
                text[size] = '\0';
                snprintf(expected, sizeof expected, "frame %zu agent %zu", i, i);
                ck_assert_str_eq(text, expected);
                ck_assert(!answered[i]);
                answered[i] = true;
                done++;
            }
        }
    }
    for (size_t i = 0; i < PEERS_MAX; i++)
        zmq_close(agents[i]);
    zmq_ctx_term(context);
}

static struct end open_large_node(void)
{
    struct end node;
    struct ip address = loopback(4);
    make_keys(PEERS_MAX);
    ck_assert_int_eq(try_node(&node, &address, 1, 0, PEERS_MAX), 0);
    return node;
}

START_TEST(two_hundred_agents_are_told_apart_and_answered)
{
    struct end node = open_large_node();
    two_hundred_speak(&node);
    link_close(node.link);
}
END_TEST

/* As when the network between was gone: each is answered on its new connection, none is refused,
 * and the old connections are let go. */
START_TEST(two_hundred_agents_that_come_back_at_once_are_answered)
{
    struct end node = open_large_node();
    two_hundred_speak(&node);
    two_hundred_speak(&node);
    TURN_UNTIL(counts(&node).ended_connections == 2 * PEERS_MAX, &node);
    ck_assert_uint_eq(counts(&node).unsendable + counts(&node).refused_keys, 0);
    ck_assert_uint_eq(counts(&node).odd_frames, 0);
    link_close(node.link);
}
END_TEST

/* ---- coming and going ---- */

/* An agent's link in a context of others. */
static struct end open_agent_in(void *context, const struct pair *own, uint16_t port)
{
    struct end end = {0};
    struct link_peer node = {.dial = true, .address = loopback(4), .port = port};
    strcpy(node.keys[0], node_keys.public_key);
    struct link_config config = {.peer_count = 1, .peers = &node, .context = context};
    strcpy(config.public_key, own->public_key);
    strcpy(config.secret_key, own->secret_key);
    ck_assert_msg(link_open(&end.link, &config, error) == 0, "%s", error);
    return end;
}

/* Their sockets and monitors have names of their own, and so has a link that follows on another at
 * once. */
START_TEST(links_of_one_context_speak_each_for_itself_and_end_without_it)
{
    make_keys(2);
    struct end node = open_node(0);
    void *context = zmq_ctx_new();
    struct end first = open_agent_in(context, &agent_keys[0], link_port(node.link));
    struct end second = open_agent_in(context, &agent_keys[1], link_port(node.link));
    for (int life = 0; life < 20; life++) {
        TURN_UNTIL(saw(&first, "up 0") && saw(&second, "up 0"), &node, &first, &second);
        node.seen_count = 0;
        ck_assert_int_eq(say(&first, 0, "first"), 0);
        ck_assert_int_eq(say(&second, 0, "second"), 0);
        TURN_UNTIL(saw(&node, "frame 0 first") && saw(&node, "frame 1 second"), &node);
        link_close(first.link);
        first = open_agent_in(context, &agent_keys[0], link_port(node.link));
    }
    link_close(first.link);
    link_close(second.link);
    link_close(node.link);
    ck_assert_int_eq(zmq_ctx_term(context), 0);
}
END_TEST

START_TEST(an_absent_peer_cannot_be_sent_to)
{
    make_keys(2);
    struct end node = open_node(0);
    struct end agent = open_agent(&agent_keys[0], link_port(node.link));
    ck_assert_int_eq(say(&node, 0, "who are you"), -EHOSTUNREACH);
    ck_assert_int_eq(say(&agent, 0, "too early"), -EHOSTUNREACH);
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    ck_assert_int_eq(say(&node, 0, "who are you"), -EHOSTUNREACH);
    ck_assert_uint_eq(counts(&node).unsendable, 2);
    ck_assert_uint_eq(counts(&agent).unsendable, 1);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(node.seen_count == 1, &node, &agent);
    ck_assert_str_eq(node.seen[0], "frame 0 report");
    link_close(agent.link);
    TURN_UNTIL(say(&node, 0, "are you there") == -EHOSTUNREACH, &node);
    link_close(node.link);
}
END_TEST

/* Peer 1 loses its key, which peer 0 has from then on beside a new one of its own. */
START_TEST(keys_are_replaced_while_connections_stand)
{
    make_keys(2);
    struct link_peer peers[2] = {0};
    struct end node = open_node(0), agent = open_agent(&agent_keys[1], link_port(node.link));
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(saw(&node, "frame 1 report"), &node, &agent);
    strcpy(peers[0].keys[0], agent_keys[0].public_key);
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), 0);
    ck_assert_int_eq(say(&node, 1, "ack"), -EHOSTUNREACH);
    ck_assert_int_eq(say(&agent, 0, "withdrawn"), 0);
    TURN_UNTIL(counts(&node).odd_frames == 1, &node, &agent);
    strcpy(peers[0].keys[0], agent_keys[1].public_key); /* a seat changes hands */
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), 0);
    ck_assert_int_eq(say(&agent, 0, "again"), 0);
    TURN_UNTIL(saw(&node, "frame 0 again"), &node, &agent);
    strcpy(peers[1].keys[0], "no key");
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), -EINVAL);
    ck_assert_int_eq(say(&node, 0, "still known"), 0);
    TURN_UNTIL(saw(&agent, "frame 0 still known"), &node, &agent);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_key_that_is_added_may_come_in)
{
    make_keys(2);
    struct link_peer peers[2] = {0};
    struct end node = open_node(0), agent = open_agent(&stranger_keys, link_port(node.link));
    TURN_UNTIL(saw(&agent, "down 0 refused"), &node, &agent);
    strcpy(peers[1].keys[0], stranger_keys.public_key);
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), 0);
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_restarted_node_is_down_then_up_and_gets_nothing_stale)
{
    make_keys(2);
    struct end node = open_node(0), agent = open_agent(&agent_keys[0], link_port(node.link));
    uint16_t port = link_port(node.link);
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    ck_assert_int_eq(say(&agent, 0, "report 1"), 0);
    TURN_UNTIL(node.seen_count == 1, &node, &agent);
    ck_assert_int_eq(say(&node, 0, "last words"), 0);
    TURN_UNTIL(saw(&agent, "frame 0 last words"), &node, &agent);
    link_close(node.link);
    say(&agent, 0, "stale, unless refused");
    TURN_UNTIL(saw(&agent, "down 0"), &agent);
    ck_assert_int_eq(say(&agent, 0, "stale"), -EHOSTUNREACH);
    node = open_node(port);
    TURN_UNTIL(agent.seen_count == 4, &node, &agent);
    ck_assert_int_eq(say(&agent, 0, "report 2"), 0);
    TURN_UNTIL(node.seen_count > 0, &node, &agent);
    ck_assert_str_eq(node.seen[0], "frame 0 report 2");
    ck_assert_str_eq(agent.seen[0], "up 0");
    ck_assert_str_eq(agent.seen[1], "frame 0 last words");
    ck_assert_str_eq(agent.seen[2], "down 0");
    ck_assert_str_eq(agent.seen[3], "up 0");
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(a_node_that_comes_later_is_found)
{
    make_keys(2);
    struct end node = open_node(0);
    uint16_t port = link_port(node.link);
    link_close(node.link);
    struct end agent = open_agent(&agent_keys[0], port);
    int64_t start_ms = now_ms();
    TURN_UNTIL(now_ms() - start_ms > 200, &agent);
    ck_assert_uint_eq(agent.seen_count, 0);
    node = open_node(port);
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

static uint16_t bind_bare(void *socket)
{
    char endpoint[64];
    size_t size = sizeof endpoint;
    ck_assert_int_eq(zmq_bind(socket, "tcp://127.0.0.1:*"), 0);
    ck_assert_int_eq(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    return (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
}

/* A node speaks only when spoken to; this one does at once, and its frame waits behind the UP. Each
 * round has a node of its own: an old one may still send to the agent that just went. */
START_TEST(up_comes_before_the_first_frame)
{
    make_keys(2);
    void *context = zmq_ctx_new();
    int one = 1, zero = 0;
    for (int i = 0; i < 20; i++) {
        void *bare = zmq_socket(context, ZMQ_DEALER);
        zmq_setsockopt(bare, ZMQ_LINGER, &zero, sizeof zero);
        zmq_setsockopt(bare, ZMQ_CURVE_SERVER, &one, sizeof one);
        zmq_setsockopt(bare, ZMQ_CURVE_SECRETKEY, node_keys.secret_key, LINK_KEY_SIZE);
        struct end agent = open_agent(&agent_keys[0], bind_bare(bare));
        ck_assert_int_eq(zmq_send(bare, "first", 5, 0), 5);
        TURN_UNTIL(agent.seen_count == 2, &agent);
        ck_assert_str_eq(agent.seen[0], "up 0");
        ck_assert_str_eq(agent.seen[1], "frame 0 first");
        link_close(agent.link);
        zmq_close(bare);
    }
    zmq_ctx_term(context);
}
END_TEST

/* What ZeroMQ itself never mends: the node breaks the protocol, here by too large a frame. */
START_TEST(a_connection_that_zeromq_gave_up_is_dialled_again)
{
    make_keys(2);
    void *context = zmq_ctx_new(), *bare = zmq_socket(context, ZMQ_ROUTER);
    int one = 1, zero = 0;
    zmq_setsockopt(bare, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(bare, ZMQ_CURVE_SERVER, &one, sizeof one);
    zmq_setsockopt(bare, ZMQ_CURVE_SECRETKEY, node_keys.secret_key, LINK_KEY_SIZE);
    struct end agent = open_agent(&agent_keys[0], bind_bare(bare));
    char id[16];
    TURN_UNTIL(saw(&agent, "up 0"), &agent);
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    int id_size = zmq_recv(bare, id, sizeof id, 0);
    static uint8_t bytes[2 * LINK_FRAME_SIZE_MAX + 1];
    ck_assert_int_eq(zmq_send(bare, id, (size_t)id_size, ZMQ_SNDMORE), id_size);
    ck_assert_int_eq(zmq_send(bare, bytes, sizeof bytes, 0), sizeof bytes);
    TURN_UNTIL(agent.seen_count == 3, &agent);
    ck_assert_str_eq(agent.seen[1], "down 0");
    ck_assert_str_eq(agent.seen[2], "up 0");
    link_close(agent.link);
    zmq_close(bare);
    zmq_ctx_term(context);
}
END_TEST

/* ---- a key that is changed for another ---- */

START_TEST(a_peer_with_two_keys_is_heard_under_either_until_one_is_withdrawn)
{
    make_keys(2);
    struct link_peer peers[2] = {0};
    struct end node = open_node(0);
    struct end before = open_agent(&agent_keys[0], link_port(node.link));
    struct end next = open_agent(&stranger_keys, link_port(node.link));
    TURN_UNTIL(saw(&next, "down 0 refused") && saw(&before, "up 0"), &node, &before, &next);
    strcpy(peers[0].keys[0], agent_keys[0].public_key);
    strcpy(peers[0].keys[1], stranger_keys.public_key);
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), 0);
    TURN_UNTIL(saw(&next, "up 0"), &node, &before, &next);
    ck_assert_int_eq(say(&before, 0, "before"), 0);
    ck_assert_int_eq(say(&next, 0, "next"), 0);
    TURN_UNTIL(saw(&node, "frame 0 before") && saw(&node, "frame 0 next"), &node, &before, &next);
    strcpy(peers[0].keys[0], stranger_keys.public_key);
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), -EINVAL); /* twice the same */
    peers[0].keys[1][0] = '\0';
    ck_assert_int_eq(link_replace_keys(node.link, peers, error), 0);
    ck_assert_int_eq(say(&before, 0, "withdrawn"), 0);
    ck_assert_int_eq(say(&next, 0, "still"), 0);
    TURN_UNTIL(saw(&node, "frame 0 still") && counts(&node).odd_frames == 1, &node, &before, &next);
    link_close(before.link);
    before = open_agent(&agent_keys[0], link_port(node.link));
    TURN_UNTIL(saw(&before, "down 0 refused"), &node, &before, &next);
    ck_assert_uint_ge(counts(&node).refused_keys, 2);
    link_close(before.link);
    link_close(next.link);
    link_close(node.link);
}
END_TEST

/* Both as nodes dial and as agents do. */
START_TEST(of_two_keys_the_one_that_a_node_has_is_found_at_once)
{
    make_keys(2);
    for (int i = 0; i < 4; i++) {
        struct end node = open_node(0);
        bool is_first = i % 2 == 0;
        struct end agent = open_agent_of_two(
            &agent_keys[0], is_first ? node_keys.public_key : stranger_keys.public_key,
            is_first ? stranger_keys.public_key : node_keys.public_key, link_port(node.link),
            i < 2);
        int64_t since_ms = now_ms();
        TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
        ck_assert_int_lt(now_ms() - since_ms, 200); /* less than a turn; some ms are usual */
        ck_assert_uint_eq(counts(&agent).failed_handshakes, is_first ? 0 : 1);
        ck_assert_int_eq(say(&agent, 0, "report"), 0);
        TURN_UNTIL(saw(&node, "frame 0 report"), &node, &agent);
        link_close(agent.link);
        link_close(node.link);
    }
}
END_TEST

START_TEST(a_node_that_comes_back_with_its_other_key_is_found_and_so_is_the_way_back)
{
    make_keys(2);
    struct end node = open_node(0);
    uint16_t port = link_port(node.link);
    struct end agent = open_agent_of_two(&agent_keys[0], node_keys.public_key,
                                         stranger_keys.public_key, port, true);
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    for (int i = 0; i < 3; i++) {
        struct pair before = node_keys;
        link_close(node.link);
        TURN_UNTIL(saw(&agent, "down 0"), &agent);
        agent.seen_count = 0;
        node_keys = stranger_keys;
        stranger_keys = before;
        node = open_node(port);
        TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    }
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(where_neither_key_is_the_nodes_they_go_on_by_turns_and_not_in_haste)
{
    make_keys(2);
    struct end node = open_node(0);
    struct end agent = open_agent_of_two(&agent_keys[0], agent_keys[1].public_key,
                                         stranger_keys.public_key, link_port(node.link), true);
    int64_t start_ms = now_ms();
    TURN_UNTIL(now_ms() - start_ms > 1100, &node, &agent);
    /* Two with each turn of 250 ms. */
    ck_assert_uint_ge(counts(&node).failed_handshakes, 4);
    ck_assert_uint_le(counts(&node).failed_handshakes, 10);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

START_TEST(who_was_dialled_under_a_key_that_is_withdrawn_is_dialled_anew)
{
    make_keys(2);
    struct end node = open_node(0);
    struct end agent =
        open_agent_of_two(&agent_keys[0], node_keys.public_key, "", link_port(node.link), true);
    struct link_peer peer = {.dial = true};
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    strcpy(peer.keys[0], stranger_keys.public_key);
    strcpy(peer.keys[1], node_keys.public_key);
    ck_assert_int_eq(link_replace_keys(agent.link, &peer, error), 0); /* its own stays */
    ck_assert_int_eq(say(&agent, 0, "report"), 0);
    TURN_UNTIL(saw(&node, "frame 0 report"), &node, &agent);
    ck_assert(!saw(&agent, "down 0"));
    peer.keys[1][0] = '\0';
    ck_assert_int_eq(link_replace_keys(agent.link, &peer, error), 0);
    TURN_UNTIL(saw(&agent, "down 0"), &node, &agent);
    agent.seen_count = 0;
    TURN_UNTIL(counts(&node).failed_handshakes >= 2, &node, &agent);
    ck_assert(!saw(&agent, "up 0"));
    strcpy(peer.keys[0], node_keys.public_key);
    ck_assert_int_eq(link_replace_keys(agent.link, &peer, error), 0);
    TURN_UNTIL(saw(&agent, "up 0"), &node, &agent);
    link_close(agent.link);
    link_close(node.link);
}
END_TEST

/* ---- configuration ---- */

START_TEST(a_start_that_cannot_work_is_refused_with_a_sentence)
{
    make_keys(2);
    struct end node = open_node(0), second;
    struct ip address = loopback(4), absent;
    ck_assert(ip_parse("192.0.2.77", &absent));
    ck_assert_int_eq(try_node(&second, &address, 1, link_port(node.link), 2), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, "stop what listens there already"));
    ck_assert_int_eq(try_node(&second, &absent, 1, 0, 2), -EADDRNOTAVAIL);
    ck_assert_ptr_nonnull(strstr(error, "192.0.2.77"));
    ck_assert_ptr_nonnull(strstr(error, "give this machine that address first"));
    agent_keys[1] = agent_keys[0];
    ck_assert_int_eq(try_node(&second, &address, 1, 0, 2), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "have the same key"));
    strcpy(agent_keys[1].public_key, "too short");
    ck_assert_int_eq(try_node(&second, &address, 1, 0, 2), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "public key of peer 1"));
    struct pair mixed = node_keys;
    strcpy(mixed.public_key, stranger_keys.public_key);
    ck_assert_int_eq(try_dialler(&second, &mixed, node_keys.public_key, address, 1), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, node_keys.public_key));
    ck_assert_ptr_null(strstr(error, node_keys.secret_key));
    strcpy(mixed.secret_key, "nonsense");
    ck_assert_int_eq(try_dialler(&second, &mixed, node_keys.public_key, address, 1), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "secret key is not 40 Z85 characters"));
    ck_assert_int_eq(try_dialler(&second, &node_keys, stranger_keys.public_key, address, 0),
                     -EINVAL);
    ck_assert_ptr_nonnull(strstr(error, "no address or port"));
    link_close(node.link);
}
END_TEST

START_TEST(a_public_key_follows_from_its_secret_one)
{
    make_keys(0);
    char public_key[LINK_KEY_SIZE];
    ck_assert(link_public_key(node_keys.secret_key, public_key));
    ck_assert_str_eq(public_key, node_keys.public_key);
    ck_assert(!link_public_key("", public_key));
    ck_assert(!link_public_key("#####################################JTK", public_key));
    /* ZeroMQ RFC 26's own test vector. */
    ck_assert(link_public_key("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs", public_key));
    ck_assert_str_eq(public_key, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
}
END_TEST

int main(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* seconds; the waits give up before */
    Suite *suite = suite_create("replication/link");
    SUITE_CASE(suite, "speak", an_agent_and_a_node_exchange_frames,
               both_families_are_bound_and_dialled, a_frame_of_the_largest_size_passes,
               of_two_connections_with_one_key_the_last_that_spoke_is_answered,
               two_hundred_agents_that_come_back_at_once_are_answered,
               two_hundred_agents_are_told_apart_and_answered);
    SUITE_CASE(suite, "one-context", links_of_one_context_speak_each_for_itself_and_end_without_it);
    SUITE_CASE(suite, "come-and-go", an_absent_peer_cannot_be_sent_to,
               a_restarted_node_is_down_then_up_and_gets_nothing_stale,
               a_node_that_comes_later_is_found, up_comes_before_the_first_frame,
               a_connection_that_zeromq_gave_up_is_dialled_again);
    SUITE_CASE(suite, "keys", keys_are_replaced_while_connections_stand,
               a_key_that_is_added_may_come_in);
    SUITE_CASE(suite, "change", a_peer_with_two_keys_is_heard_under_either_until_one_is_withdrawn,
               of_two_keys_the_one_that_a_node_has_is_found_at_once,
               a_node_that_comes_back_with_its_other_key_is_found_and_so_is_the_way_back,
               where_neither_key_is_the_nodes_they_go_on_by_turns_and_not_in_haste,
               who_was_dialled_under_a_key_that_is_withdrawn_is_dialled_anew);
    SUITE_CASE(suite, "configuration", a_start_that_cannot_work_is_refused_with_a_sentence,
               a_public_key_follows_from_its_secret_one);
    return suite_run(suite);
}
