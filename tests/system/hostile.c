/* hostile: a peer with a good key and bad manners.
 *
 *   hostile KEY-FILE NODE-ADDRESS NODE-KEY CLUSTER SERVER OTHER-SERVER N
 *
 * Greets as SERVER, then sends N of each: bytes of chance, truncated and bombed MessagePack,
 * messages only nodes may send, a report for OTHER-SERVER, a greeting of another cluster. Prints
 * what it sent. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "health/report.h"
#include "replication/key.h"
#include "replication/link.h"
#include "replication/message.h"

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
    message->hello = (struct message_hello){.protocol_min = MESSAGE_PROTOCOL,
                                            .protocol_max = MESSAGE_PROTOCOL,
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

int main(int argc, char **argv)
{
    static struct message message;
    struct link_peer peer = {.dial = true, .port = 7353};
    struct link_config config = {.peer_count = 1, .peers = &peer};
    char error[LINK_ERROR_MAX];
    unsigned dice = 20260101;
    if (argc != 8)
        die("usage: hostile KEY-FILE NODE-ADDRESS NODE-KEY CLUSTER SERVER OTHER-SERVER N");
    snprintf(peer.key, sizeof peer.key, "%s", argv[3]);
    if (!ip_parse(argv[2], &peer.address) || key_read(argv[1], config.secret_key, error) != 0 ||
        !link_public_key(config.secret_key, config.public_key) ||
        link_open(&wire, &config, error) != 0)
        die("no link: address or keys");
    wait_for_link();
    greet(&message, argv[4], argv[5]);
    for (unsigned long i = 1; i <= strtoul(argv[7], NULL, 10); i++) {
        send_chance(&dice);
        send_bombs();
        report_for(&message, argv[6], i);
        message.type = MESSAGE_PULL;
        message.versions.count = 0;
        send_message(&message);
        greet(&message, "elsewhere", argv[5]);
    }
    usleep(300000); /* the last ones are on their way */
    link_close(wire);
    printf("%zu\n", sent);
    return 0;
}
