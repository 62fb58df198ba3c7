/* hostile: a peer with a good key and bad manners.
 *
 *   hostile KEY-FILE NODE-ADDRESS NODE-KEY CLUSTER SERVER OTHER-SERVER N
 *
 * Greets as SERVER, then sends N of each: bytes of chance, MessagePack that is cut off or has bombs
 * in it, messages only nodes may send, a report for OTHER-SERVER, a greeting of another cluster;
 * then, as no program of ours can, N frames that are too large, N that are empty, N of two parts,
 * and a few so large that ZeroMQ itself refuses them. Prints how many it sent. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "health/report.h"
#include "replication/key.h"
#include "replication/link.h"
#include "replication/message.h"

enum {
    GIANTS = 3, /* each costs a connection */
    SEND_TIMEOUT_MS = 5000
};

static struct link *wire;
static size_t sent;

static void die(const char *sentence)
{
    fprintf(stderr, "hostile: %s\n", sentence);
    exit(111);
}

/* Until the node takes it; what comes back is not read. */
static void send_bytes(const void *bytes, size_t size)
{
    struct link_event event;
    for (int tries = 0; link_send(wire, 0, bytes, size) != 0; tries++) {
        if (tries == 2000)
            die("the node takes nothing any more");
        usleep(1000);
        link_receive(wire, &event);
    }
    sent++;
}

static void send_message(const struct message *message)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    send_bytes(bytes, message_encode(message, bytes));
}

static void wait_for_link(void)
{
    for (int i = 0; i < 500; i++) {
        struct link_event event;
        struct pollfd fd = {.fd = link_fd(wire), .events = POLLIN};
        if (!link_pending(wire))
            poll(&fd, 1, 10);
        link_receive(wire, &event);
        if (event.type == LINK_UP)
            return;
    }
    die("no link: is the key known to the node?");
}

static void greet(struct message *message, const char *cluster, const char *server)
{
    message->type = MESSAGE_HELLO;
    message->hello = (struct message_hello){.protocol_min = MESSAGE_PROTOCOL_MIN,
                                            .protocol_max = MESSAGE_PROTOCOL_MAX,
                                            .role = MESSAGE_AGENT,
                                            .boot = 4711,
                                            .synced = true};
    snprintf(message->hello.name, sizeof message->hello.name, "%s", server);
    snprintf(message->hello.cluster, sizeof message->hello.cluster, "%s", cluster);
    send_message(message);
}

static void report_for(struct message *message, const char *server, uint64_t sequence)
{
    struct record *record = &message->records.records[0];
    message->type = MESSAGE_DELTA;
    message->records.chunk = 0;
    message->records.last = message->records.partner_lacks = false;
    message->records.count = 1;
    *record = (struct record){.key.kind = RECORD_REPORT, .version = {1000000, sequence}};
    snprintf(record->key.name, sizeof record->key.name, "%s", server);
    record->value_size = (uint16_t)report_encode(&(struct report){0}, record->value);
    send_message(message);
}

/* A good greeting, cut off anywhere. */
static void send_cut(struct message *message, unsigned *dice)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    size_t size = message_encode(message, bytes);
    send_bytes(bytes, 1 + (size_t)rand_r(dice) % (size - 1));
}

static void send_bombs(void)
{
    static const uint8_t many[] = {0xdd, 0x7f, 0xff, 0xff, 0xff}; /* an array of 2^31 - 1 */
    static const uint8_t wide[] = {0xdf, 0x04, 0x00, 0x00, 0x00}; /* a map of 64 M */
    uint8_t deep[200];
    memset(deep, 0x91, sizeof deep); /* in a map, arrays of one, 198 deep */
    deep[0] = 0x81;
    deep[1] = 0;
    send_bytes(many, sizeof many);
    send_bytes(wide, sizeof wide);
    send_bytes(deep, sizeof deep);
}

static void send_chance(unsigned *dice)
{
    uint8_t bytes[300];
    size_t size = 1 + (size_t)rand_r(dice) % sizeof bytes;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rand_r(dice);
    send_bytes(bytes, size);
}

static void send_bare(void *socket, const void *bytes, size_t size, int flags)
{
    if (zmq_send(socket, bytes, size, flags) < 0)
        die("the node takes no bare frame any more");
    sent += flags == 0;
}

/* With a socket of our own, for a link refuses to send these. */
static void send_odd_frames(const struct link_config *config, const char *address,
                            const char *node_key, unsigned long count)
{
    static const uint8_t bytes[4 * LINK_FRAME_SIZE_MAX];
    const int timeout_ms = SEND_TIMEOUT_MS;
    char endpoint[64];
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    snprintf(endpoint, sizeof endpoint, "tcp://%s:%u", address, config->peers[0].port);
    zmq_setsockopt(socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(socket, ZMQ_LINGER, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, node_key, LINK_KEY_SIZE);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, config->public_key, LINK_KEY_SIZE);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, config->secret_key, LINK_KEY_SIZE);
    if (zmq_connect(socket, endpoint) != 0)
        die("no bare link");
    for (unsigned long i = 0; i < count; i++) {
        send_bare(socket, bytes, LINK_FRAME_SIZE_MAX + 1, 0);
        send_bare(socket, "", 0, 0);
        send_bare(socket, "one", 3, ZMQ_SNDMORE);
        send_bare(socket, "two", 3, 0);
    }
    for (int i = 0; i < GIANTS; i++)
        send_bare(socket, bytes, sizeof bytes, 0);
    zmq_close(socket);
    zmq_ctx_term(context);
}

int main(int argc, char **argv)
{
    static struct message message;
    struct link_peer peer = {.dial = true, .port = 7353};
    struct link_config config = {.peer_count = 1, .peers = &peer};
    char error[LINK_ERROR_MAX];
    unsigned dice = 20260101;
    unsigned long count;
    if (argc != 8)
        die("usage: hostile KEY-FILE NODE-ADDRESS NODE-KEY CLUSTER SERVER OTHER-SERVER N");
    snprintf(peer.keys[0], sizeof peer.keys[0], "%s", argv[3]);
    if (!ip_parse(argv[2], &peer.address) || key_read(argv[1], config.secret_key, error) != 0 ||
        !link_public_key(config.secret_key, config.public_key) ||
        link_open(&wire, &config, error) != 0)
        die("no link: address or keys");
    count = strtoul(argv[7], NULL, 10);
    wait_for_link();
    greet(&message, argv[4], argv[5]);
    for (unsigned long i = 1; i <= count; i++) {
        send_chance(&dice);
        send_bombs();
        report_for(&message, argv[6], i);
        message.versions.count = 0;
        message.type = MESSAGE_PULL;
        send_message(&message);
        message.type = MESSAGE_VERSIONS;
        send_message(&message);
        greet(&message, "elsewhere", argv[5]);
        send_cut(&message, &dice);
    }
    usleep(300000); /* the last ones are on their way */
    link_close(wire);
    send_odd_frames(&config, argv[2], argv[3], count);
    printf("%zu\n", sent);
    return 0;
}
