/* tandem-news: how long news takes from an agent's send to the first DNS answer that reflects it.
 *
 * Speaks as one server's agent, with its key: reports a high and a low load in turn, and asks the
 * node for the balanced name from the moment of sending until the answer has changed. All other
 * servers must be loaded in between, and the group be of one. Run by tests/bench/news in the lab.
 * */
#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "health/report.h"
#include "node/dns/name.h"
#include "replication/key.h"
#include "replication/link.h"
#include "replication/message.h"

enum { HIGH = 900, LOW = 0, ASK_US = 100, GIVE_UP_US = 1000000, PAUSE_US = 60000 };

struct news {
    const char *cluster, *server, *own_address;
    struct link *link;
    struct message message;
    uint64_t boot;
    struct record_version version;
    int dns;
    uint8_t query[300];
    size_t query_size;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *sentence)
{
    fprintf(stderr, "tandem-news: %s\n", sentence);
    exit(111);
}

static void send_message(struct news *self)
{
    static uint8_t frame[MESSAGE_SIZE_MAX];
    if (link_send(self->link, 0, frame, message_encode(&self->message, frame)) != 0)
        die("the node does not take a message");
}

static void send_hello(struct news *self)
{
    self->message.type = MESSAGE_HELLO;
    self->message.hello = (struct message_hello){.protocol_min = MESSAGE_PROTOCOL_MIN,
                                                 .protocol_max = MESSAGE_PROTOCOL_MAX,
                                                 .role = MESSAGE_AGENT,
                                                 .boot = self->boot,
                                                 .synced = true};
    snprintf(self->message.hello.name, sizeof self->message.hello.name, "%s", self->server);
    snprintf(self->message.hello.cluster, sizeof self->message.hello.cluster, "%s", self->cluster);
    send_message(self);
}

/* Until the link is up and the node has greeted; then its incarnation is ours. */
static void greet(struct news *self)
{
    struct pack_space space;
    pack_space_open(&space);
    for (int64_t end_us = now_us() + 5 * GIVE_UP_US; now_us() < end_us;) {
        struct link_event event;
        struct pollfd fd = {.fd = link_fd(self->link), .events = POLLIN};
        if (!link_pending(self->link))
            poll(&fd, 1, 10);
        link_receive(self->link, &event);
        if (event.type == LINK_UP)
            send_hello(self);
        if (event.type == LINK_FRAME &&
            message_decode(&self->message, &space, event.bytes, event.size, NULL) == MESSAGE_OK &&
            self->message.type == MESSAGE_HELLO) {
            self->version.incarnation = self->message.hello.known_incarnation + 1;
            pack_space_close(&space);
            return;
        }
    }
    die("the node does not greet");
}

static void drain_link(struct news *self)
{
    struct link_event event;
    do
        link_receive(self->link, &event);
    while (event.type != LINK_NOTHING);
}

static void report(struct news *self, uint32_t sockets)
{
    struct report report = {.service_count = 2,
                            .services = {{.port = 1755, .listening = true, .sockets = sockets},
                                         {.port = 80, .listening = true}}};
    struct record *record = &self->message.records.records[0];
    self->message.type = MESSAGE_DELTA;
    self->message.records.chunk = 0;
    self->message.records.last = false;
    self->message.records.partner_lacks = true;
    self->message.records.count = 1;
    self->version.sequence++;
    *record = (struct record){.key.kind = RECORD_REPORT, .version = self->version};
    snprintf(record->key.name, sizeof record->key.name, "%s", self->server);
    record->value_size = (uint16_t)report_encode(&report, record->value);
    send_message(self);
}

/* Does the node name this server now? Without EDNS its address is the last four bytes. */
static bool is_named(struct news *self)
{
    uint8_t answer[512];
    struct pollfd fd = {.fd = self->dns, .events = POLLIN};
    if (send(self->dns, self->query, self->query_size, 0) < 0 || poll(&fd, 1, 200) != 1)
        die("the node does not answer");
    ssize_t size = recv(self->dns, answer, sizeof answer, 0);
    struct in_addr own;
    if (size < 16 || answer[7] != 1 || inet_pton(AF_INET, self->own_address, &own) != 1)
        die("the node's answer names no server");
    return memcmp(answer + size - 4, &own, 4) == 0;
}

/* Microseconds from the send to the first answer that reflects it; GIVE_UP_US: never. */
static int64_t measure(struct news *self, uint32_t sockets)
{
    bool expected = sockets == LOW;
    int64_t sent_us = now_us();
    report(self, sockets);
    while (is_named(self) != expected) {
        if (now_us() - sent_us > GIVE_UP_US)
            return GIVE_UP_US;
        usleep(ASK_US);
    }
    return now_us() - sent_us;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void open_dns(struct news *self, const char *address, const char *name)
{
    static const uint8_t header[12] = {0x12, 0x34, 0, 0, 0, 1};
    static const uint8_t type_a_in[4] = {0, 1, 0, 1};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    size_t size;
    memcpy(self->query, header, sizeof header);
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        !name_parse(name, self->query + sizeof header, &size))
        die("no address, or no name");
    memcpy(self->query + sizeof header + size, type_a_in, sizeof type_a_in);
    self->query_size = sizeof header + size + sizeof type_a_in;
    self->dns = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (self->dns < 0 || connect(self->dns, (struct sockaddr *)&to, sizeof to) != 0)
        die("no way to the node");
}

static void open_link(struct news *self, const char *address, const char *node_key,
                      const char *key_path)
{
    struct link_peer peer = {.dial = true, .port = 7353};
    struct link_config config = {.peer_count = 1, .peers = &peer};
    char error[LINK_ERROR_MAX];
    snprintf(peer.keys[0], sizeof peer.keys[0], "%s", node_key);
    if (!ip_parse(address, &peer.address) || key_read(key_path, config.secret_key, error) != 0 ||
        !link_public_key(config.secret_key, config.public_key) ||
        link_open(&self->link, &config, error) != 0)
        die("no link to the node: address or keys");
}

int main(int argc, char **argv)
{
    static struct news news;
    if (argc != 10) {
        fputs("usage: tandem-news CLUSTER SERVER OWN-ADDRESS KEY-FILE NODE-ADDRESS NODE-KEY "
              "DNS-ADDRESS NAME N\n",
              stderr);
        return 100;
    }
    size_t count = strtoul(argv[9], NULL, 10);
    int64_t *times = calloc(count, sizeof *times);
    if (times == NULL || count == 0 || sodium_init() < 0)
        die("N is a number above 0");
    news.cluster = argv[1];
    news.server = argv[2];
    news.own_address = argv[3];
    while (news.boot == 0)
        randombytes_buf(&news.boot, sizeof news.boot);
    open_link(&news, argv[5], argv[6], argv[4]);
    open_dns(&news, argv[7], argv[8]);
    greet(&news);
    measure(&news, HIGH); /* the first one only sets the stage */
    for (size_t i = 0; i < count; i++) {
        /* Out of step with every tick of the node. */
        usleep(PAUSE_US + (useconds_t)randombytes_uniform(PAUSE_US));
        drain_link(&news);
        times[i] = measure(&news, i % 2 == 0 ? LOW : HIGH);
    }
    qsort(times, count, sizeof *times, compare);
    printf("N=%zu  p50 %.2f ms  p99 %.2f ms  max %.2f ms\n", count, (double)times[count / 2] / 1000,
           (double)times[count * 99 / 100] / 1000, (double)times[count - 1] / 1000);
    link_close(news.link);
    close(news.dns);
    free(times);
    return 0;
}
