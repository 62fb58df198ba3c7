/* tests/unit/link_ends.h -- nodes and agents for the tests of replication/link.
 *
 * Real sockets on loopback. Every wait is for a condition, with a deadline that only a failure
 * reaches. A node here has the peers agent_keys[0], [1], ... */
#ifndef TANDEM_TESTS_UNIT_LINK_ENDS_H
#define TANDEM_TESTS_UNIT_LINK_ENDS_H

#include "replication/link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "unit/suite.h"

enum { DEADLINE_MS = 20000, PEERS_MAX = 200, SEEN_MAX = 256 };

struct pair {
    char public_key[LINK_KEY_SIZE], secret_key[LINK_KEY_SIZE];
};

static struct pair node_keys, agent_keys[PEERS_MAX], stranger_keys;
static char error[LINK_ERROR_MAX];

/* A link and what it told since the last look, as text: "up 0", "frame 1 hello" ... */
struct end {
    struct link *link;
    size_t seen_count;
    char seen[SEEN_MAX][48];
    struct link_stranger stranger; /* the last */
};

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline struct ip loopback(uint8_t family)
{
    struct ip ip;
    ck_assert(ip_parse(family == 6 ? "::1" : "127.0.0.1", &ip));
    return ip;
}

static inline void make_keys(size_t agent_count)
{
    link_keygen(node_keys.public_key, node_keys.secret_key);
    link_keygen(stranger_keys.public_key, stranger_keys.secret_key);
    for (size_t i = 0; i < agent_count; i++)
        link_keygen(agent_keys[i].public_key, agent_keys[i].secret_key);
}

static inline int try_node(struct end *end, const struct ip *addresses, size_t address_count,
                           uint16_t port, size_t agent_count)
{
    static struct link_peer peers[PEERS_MAX];
    for (size_t i = 0; i < agent_count; i++) {
        peers[i] = (struct link_peer){.dial = false};
        strcpy(peers[i].keys[0], agent_keys[i].public_key);
    }
    struct link_config config = {.bind_count = address_count,
                                 .bind_addresses = addresses,
                                 .bind_port = port,
                                 .peer_count = agent_count,
                                 .peers = peers};
    strcpy(config.public_key, node_keys.public_key);
    strcpy(config.secret_key, node_keys.secret_key);
    *end = (struct end){0};
    return link_open(&end->link, &config, error);
}

static inline struct end open_node(uint16_t port)
{
    struct end end;
    struct ip address = loopback(4);
    ck_assert_msg(try_node(&end, &address, 1, port, 2) == 0, "%s", error);
    return end;
}

static inline int try_dialler(struct end *end, const struct pair *own, const char *node_key,
                              struct ip address, uint16_t port)
{
    struct link_peer node = {.dial = true, .address = address, .port = port};
    snprintf(node.keys[0], sizeof node.keys[0], "%s", node_key);
    struct link_config config = {.peer_count = 1, .peers = &node, .quick = true};
    strcpy(config.public_key, own->public_key);
    strcpy(config.secret_key, own->secret_key);
    *end = (struct end){0};
    return link_open(&end->link, &config, error);
}

/* It dials a node whose key is one of two. */
static inline struct end open_agent_of_two(const struct pair *own, const char *first,
                                           const char *second, uint16_t port, bool quick)
{
    struct end end = {0};
    struct link_peer node = {.dial = true, .address = loopback(4), .port = port};
    strcpy(node.keys[0], first);
    strcpy(node.keys[1], second);
    struct link_config config = {.peer_count = 1, .peers = &node, .quick = quick};
    strcpy(config.public_key, own->public_key);
    strcpy(config.secret_key, own->secret_key);
    ck_assert_msg(link_open(&end.link, &config, error) == 0, "%s", error);
    return end;
}

static inline struct end open_agent(const struct pair *own, uint16_t port)
{
    struct end end;
    ck_assert_msg(try_dialler(&end, own, node_keys.public_key, loopback(4), port) == 0, "%s",
                  error);
    return end;
}

static inline void note(struct end *end, const struct link_event *event)
{
    ck_assert_uint_lt(end->seen_count, SEEN_MAX);
    char *text = end->seen[end->seen_count++];
    size_t size = sizeof end->seen[0];
    if (event->type == LINK_UP)
        snprintf(text, size, "up %zu", event->peer);
    else if (event->type == LINK_DOWN)
        snprintf(text, size, "down %zu%s", event->peer, event->refused ? " refused" : "");
    else if (event->type == LINK_STRANGER)
        snprintf(text, size, "stranger %.*s", (int)(event->size < 24 ? event->size : 24),
                 (const char *)event->bytes);
    else
        snprintf(text, size, "frame %zu %.*s", event->peer,
                 (int)(event->size < 24 ? event->size : 24), (const char *)event->bytes);
}

/* Take all that waits. */
static inline void drain(struct end *end)
{
    struct link_event event;
    do {
        link_receive(end->link, &event);
        if (event.type == LINK_STRANGER)
            end->stranger = event.stranger;
        if (event.type != LINK_NOTHING)
            note(end, &event);
    } while (event.type != LINK_NOTHING || link_pending(end->link));
}

/* Wait as a program does: on the descriptor, and not at all when something is pending. */
static inline void turn(struct end *ends[], size_t count)
{
    struct pollfd fds[4];
    ck_assert_uint_le(count, 4);
    bool pending = false;
    for (size_t i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = link_fd(ends[i]->link), .events = POLLIN};
        pending |= link_pending(ends[i]->link);
    }
    poll(fds, count, pending ? 0 : 20);
    for (size_t i = 0; i < count; i++)
        drain(ends[i]);
}

/* clang-format off */
#define TURN_UNTIL(condition, ...)                                                                 \
    do {                                                                                           \
        struct end *ends_[] = {__VA_ARGS__};                                                       \
        int64_t deadline_ = now_ms() + DEADLINE_MS;                                                \
        while (!(condition)) {                                                                     \
            ck_assert_msg(now_ms() < deadline_, "never: %s", #condition);                          \
            turn(ends_, sizeof ends_ / sizeof *ends_);                                             \
        }                                                                                          \
    } while (0)
/* clang-format on */

static inline bool saw(const struct end *end, const char *text)
{
    for (size_t i = 0; i < end->seen_count; i++) {
        if (strcmp(end->seen[i], text) == 0)
            return true;
    }
    return false;
}

static inline int say(struct end *end, size_t peer, const char *text)
{
    return link_send(end->link, peer, (const uint8_t *)text, strlen(text));
}

static inline struct link_counts counts(const struct end *end)
{
    struct link_counts counted;
    link_counts(end->link, &counted);
    return counted;
}

/* Fill the way to a peer that does not read until nothing more goes for a while; the bytes that
 * were taken, which is what it can cost. */
static inline size_t fill(struct end *from, size_t peer)
{
    static uint8_t bytes[LINK_FRAME_SIZE_MAX];
    size_t taken = 0;
    memset(bytes, 'x', sizeof bytes);
    struct end *ends[] = {from};
    int64_t last_ms = now_ms();
    while (now_ms() - last_ms < 300 && taken < (256u << 20)) {
        int failed = link_send(from->link, peer, bytes, sizeof bytes);
        ck_assert(failed == 0 || failed == -EAGAIN);
        if (failed == 0) {
            taken += sizeof bytes;
            last_ms = now_ms();
        } else {
            turn(ends, 1);
        }
    }
    return taken;
}

/* An agent as a bare ZeroMQ socket: for what a link never does, and because 200 links would be 200
 * contexts. */
static inline void *open_bare_agent(void *context, const struct pair *own, const char *node_key,
                                    uint16_t port)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    ck_assert_ptr_nonnull(socket);
    int zero = 0, one = 1;
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_IMMEDIATE, &one, sizeof one);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, node_key, LINK_KEY_SIZE);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, LINK_KEY_SIZE);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, LINK_KEY_SIZE);
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port);
    ck_assert_int_eq(zmq_connect(socket, endpoint), 0);
    return socket;
}

#endif
