/* forge: what somebody sends who is on the pair's link or on the service LAN, and means ill.
 *
 *   forge beats KEY-FILE CLUSTER NODE FROM TO SECONDS
 *         beats of node NODE (0 or 1) to TO, as if from FROM, with the pair's own key: each wrong
 *         in one way, or right but for a boot that nobody has proven
 *   forge advertisements VRID HOME FROM TO SECONDS
 *         advertisements for the IPv4 address HOME to TO, as if from FROM: each wrong in one way
 *   forge goodbyes VRID HOME FROM TO SECONDS
 *         advertisements without a fault: by turns "I stop" and "I hold it"
 *   forge recording SECONDS INTERFACE...
 *         records all that leaves by the interfaces, says "recorded N", and at a line on standard
 *         input plays it back, as it came and again and again, until its standard input ends
 *
 * The first three send a packet each EVERY_MS, each kind in its turn, and print how many; SIGTERM
 * ends them sooner. */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "failover/advertisement.h"
#include "failover/beat.h"
#include "replication/key.h"

enum {
    EVERY_MS = 3,
    BEAT_PORT = 7353,
    PAYLOAD_MAX = 256,
    FRAMES_MAX = 200000,
    FRAME_SIZE_MAX = 1514,
    INTERFACES_MAX = 4,
    MEMORY_SIZE = 64 << 20,
    ALL_FRAMES = 0x0003, /* ETH_P_ALL */
};

static int raw;
static volatile sig_atomic_t is_over;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(111);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wait_until_us(int64_t at_us)
{
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* ---- packets of IPv4 from whatever source ---- */

struct packet {
    const char *from, *to;
    uint8_t protocol, ttl;
    size_t size; /* of the payload; 0: this kind is left out */
    uint8_t payload[PAYLOAD_MAX];
};

static void send_packet(const struct packet *packet)
{
    uint8_t bytes[sizeof(struct iphdr) + PAYLOAD_MAX];
    struct iphdr header = {.version = 4,
                           .ihl = 5,
                           .ttl = packet->ttl,
                           .protocol = packet->protocol,
                           .saddr = inet_addr(packet->from),
                           .daddr = inet_addr(packet->to)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = header.daddr};
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, packet->payload, packet->size);
    if (sendto(raw, bytes, sizeof header + packet->size, 0, (struct sockaddr *)&to, sizeof to) < 0)
        die("cannot send");
}

/* forge_one(context, turn, packet) makes the packet of that turn. */
static void send_all(int seconds, const void *context, const char *from, const char *to,
                     void (*forge_one)(const void *, unsigned, struct packet *))
{
    const int64_t began_us = now_us();
    unsigned turn = 0, sent = 0;
    raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (raw < 0)
        die("raw socket");
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL);
    for (; turn < (unsigned)seconds * 1000 / EVERY_MS && !is_over; turn++) {
        struct packet packet = {.from = from, .to = to, .ttl = 255};
        forge_one(context, turn, &packet);
        if (packet.size > 0) {
            send_packet(&packet);
            sent++;
        }
        wait_until_us(began_us + (int64_t)(turn + 1) * EVERY_MS * 1000);
    }
    printf("%u\n", sent);
}

/* ---- beats ---- */

struct beat_forger {
    uint8_t key[BEAT_KEY_SIZE];
    uint32_t cluster;
    uint8_t node;
};

enum beat_kind {
    BEAT_CUT,
    BEAT_OTHER_VERSION,
    BEAT_ALTERED,
    BEAT_OTHER_KEY,
    BEAT_OTHER_CLUSTER,
    BEAT_OWN_NAME, /* of the receiver */
    BEAT_OUT_OF_RANGE,
    BEAT_UNKNOWN_BOOT,
    BEAT_KINDS
};

static void forge_beat(const void *context, unsigned turn, struct packet *packet)
{
    const struct beat_forger *forger = context;
    enum beat_kind kind = turn % BEAT_KINDS;
    uint8_t key[BEAT_KEY_SIZE], *bytes = packet->payload + sizeof(struct udphdr);
    struct beat beat = {.sender = forger->node,
                        .flags = BEAT_STOPPING, /* the partner would take at once */
                        .cluster = forger->cluster,
                        .boot = 1 + turn,
                        .sequence = 1 + turn,
                        .echo_boot = 1,
                        .echo_sequence = 1};
    size_t size = kind == BEAT_CUT ? BEAT_SIZE / 2 : BEAT_SIZE;
    memcpy(key, forger->key, sizeof key);
    key[0] ^= kind == BEAT_OTHER_KEY;
    beat.cluster += kind == BEAT_OTHER_CLUSTER;
    beat.sender ^= kind == BEAT_OWN_NAME;
    beat_encode(&beat, key, bytes);
    if (kind == BEAT_OUT_OF_RANGE) { /* a third home; signed anew */
        bytes[3] = 0x80;
        crypto_generichash(bytes + BEAT_SIZE - BEAT_TAG_SIZE, BEAT_TAG_SIZE, bytes,
                           BEAT_SIZE - BEAT_TAG_SIZE, key, sizeof key);
    }
    bytes[0] ^= kind == BEAT_OTHER_VERSION ? 2 : 0;
    bytes[20] ^= kind == BEAT_ALTERED;
    struct udphdr header = {.source = htons(BEAT_PORT),
                            .dest = htons(BEAT_PORT),
                            .len = htons((uint16_t)(sizeof header + size))};
    memcpy(packet->payload, &header, sizeof header);
    packet->protocol = IPPROTO_UDP;
    packet->size = sizeof header + size;
}

static void send_beats(char **arguments)
{
    char text[KEY_SIZE], error[KEY_ERROR_MAX];
    struct beat_forger forger = {.cluster = beat_cluster(arguments[1]),
                                 .node = (uint8_t)atoi(arguments[2])};
    if (key_read(arguments[0], text, error) < 0) {
        fprintf(stderr, "%s\n", error);
        exit(111);
    }
    crypto_generichash(forger.key, sizeof forger.key, (const uint8_t *)text, strlen(text), NULL, 0);
    send_all(atoi(arguments[5]), &forger, arguments[3], arguments[4], forge_beat);
}

/* ---- advertisements ---- */

struct advertisement_forger {
    struct ip home, from, to;
    uint8_t vrid;
    bool is_right;
};

enum advertisement_kind {
    ADVERTISEMENT_ROUTED, /* of a TTL that a router has diminished */
    ADVERTISEMENT_OTHER_VERSION,
    ADVERTISEMENT_OTHER_TYPE,
    ADVERTISEMENT_CUT,
    ADVERTISEMENT_ALTERED,
    ADVERTISEMENT_OTHER_VRID,
    ADVERTISEMENT_NO_INTERVAL,
    ADVERTISEMENT_NO_ADDRESS,
    ADVERTISEMENT_FROM_RECEIVER,
    ADVERTISEMENT_FROM_STRANGER,
    ADVERTISEMENT_KINDS
};

/* Sums anew what was altered behind the encoder's back (RFC 1071). */
static void sum_up(uint8_t *bytes, size_t size)
{
    uint32_t sum = 0;
    bytes[6] = bytes[7] = 0;
    for (size_t i = 0; i < size; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = ~((sum >> 16) + (sum & 0xffff));
    bytes[6] = (uint8_t)(sum >> 8);
    bytes[7] = (uint8_t)sum;
}

static void forge_advertisement(const void *context, unsigned turn, struct packet *packet)
{
    const struct advertisement_forger *forger = context;
    enum advertisement_kind kind =
        forger->is_right ? ADVERTISEMENT_KINDS : turn % ADVERTISEMENT_KINDS;
    const struct advertisement advertisement = {.vrid = forger->vrid,
                                                .priority = turn % 2 == 0 ? 0 : 200,
                                                .interval_cs = 1,
                                                .family = 4,
                                                .address_count = 1,
                                                .addresses = {forger->home}};
    uint8_t *bytes = packet->payload;
    packet->protocol = ADVERTISEMENT_PROTOCOL;
    packet->size = advertisement_encode(&advertisement, &forger->from, &forger->to,
                                        ADVERTISEMENT_PLAIN, bytes);
    packet->ttl ^= kind == ADVERTISEMENT_ROUTED;
    bytes[0] ^= kind == ADVERTISEMENT_OTHER_VERSION ? 0x10 : 0;
    bytes[0] ^= kind == ADVERTISEMENT_OTHER_TYPE ? 2 : 0;
    bytes[1] ^= kind == ADVERTISEMENT_OTHER_VRID ? 0x80 : 0;
    if (kind == ADVERTISEMENT_NO_INTERVAL)
        bytes[4] = bytes[5] = 0;
    if (kind == ADVERTISEMENT_NO_ADDRESS)
        bytes[3] = 0;
    if (kind == ADVERTISEMENT_CUT || kind == ADVERTISEMENT_NO_ADDRESS)
        packet->size = kind == ADVERTISEMENT_CUT ? 10 : 8;
    sum_up(bytes, packet->size);
    bytes[2] ^= kind == ADVERTISEMENT_ALTERED;
    if (kind == ADVERTISEMENT_FROM_RECEIVER)
        packet->from = packet->to;
    if (kind == ADVERTISEMENT_FROM_STRANGER)
        packet->from = "192.0.2.77";
}

static void send_advertisements(char **arguments, bool is_right)
{
    struct advertisement_forger forger = {.vrid = (uint8_t)atoi(arguments[0]),
                                          .is_right = is_right};
    if (!ip_parse(arguments[1], &forger.home) || !ip_parse(arguments[2], &forger.from) ||
        !ip_parse(arguments[3], &forger.to))
        exit(100);
    send_all(atoi(arguments[4]), &forger, arguments[2], arguments[3], forge_advertisement);
}

/* ---- recordings ---- */

static struct frame {
    int64_t after_us; /* since the recording began */
    int fd;
    size_t at, size; /* in memory */
} frames[FRAMES_MAX];
static uint8_t memory[MEMORY_SIZE];
static size_t frame_count, used;

static int open_interface(const char *name)
{
    struct sockaddr_ll where = {.sll_family = AF_PACKET,
                                .sll_protocol = htons(ALL_FRAMES),
                                .sll_ifindex = (int)if_nametoindex(name)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof where) < 0)
        die(name);
    return fd;
}

/* The sender's kernel leaves the checksum to the link; UDP over IPv4 needs none. */
static void complete(uint8_t *frame, size_t size)
{
    enum { AT_TYPE = 12, AT_IP = 14, AT_PROTOCOL = 23, AT_CHECKSUM = 40 };
    if (size >= AT_CHECKSUM + 2 && frame[AT_TYPE] == 8 && frame[AT_TYPE + 1] == 0 &&
        frame[AT_IP] == 0x45 && frame[AT_PROTOCOL] == IPPROTO_UDP)
        frame[AT_CHECKSUM] = frame[AT_CHECKSUM + 1] = 0;
}

static void record(int fd, int64_t after_us)
{
    while (frame_count < FRAMES_MAX && used + FRAME_SIZE_MAX <= sizeof memory) {
        struct sockaddr_ll where;
        socklen_t size = sizeof where;
        ssize_t got =
            recvfrom(fd, memory + used, FRAME_SIZE_MAX, 0, (struct sockaddr *)&where, &size);
        if (got < 0)
            return;
        if (where.sll_pkttype != PACKET_OUTGOING)
            continue;
        complete(memory + used, (size_t)got);
        frames[frame_count++] = (struct frame){after_us, fd, used, (size_t)got};
        used += (size_t)got;
    }
}

static bool is_input_over(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void play_back(void)
{
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL)
        return;
    for (;;) {
        const int64_t began_us = now_us();
        for (size_t i = 0; i < frame_count; i++) {
            wait_until_us(began_us + frames[i].after_us);
            if (is_input_over())
                return;
            /* What a link that is down or a full queue refuses is lost, as a frame is. */
            (void)!write(frames[i].fd, memory + frames[i].at, frames[i].size);
        }
    }
}

static void keep_recording(int seconds, char **names, int count)
{
    struct pollfd fds[INTERFACES_MAX];
    const int64_t began_us = now_us();
    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = open_interface(names[i]), .events = POLLIN};
    while (now_us() < began_us + (int64_t)seconds * 1000000) {
        poll(fds, (nfds_t)count, 10);
        for (int i = 0; i < count; i++)
            record(fds[i].fd, now_us() - began_us);
    }
    printf("recorded %zu\n", frame_count);
    fflush(stdout);
    if (frame_count > 0)
        play_back();
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (sodium_init() < 0)
        return 111;
    if (strcmp(verb, "beats") == 0 && argc == 8)
        send_beats(argv + 2);
    else if (strcmp(verb, "advertisements") == 0 && argc == 7)
        send_advertisements(argv + 2, false);
    else if (strcmp(verb, "goodbyes") == 0 && argc == 7)
        send_advertisements(argv + 2, true);
    else if (strcmp(verb, "recording") == 0 && argc > 3 && argc <= 3 + INTERFACES_MAX)
        keep_recording(atoi(argv[2]), argv + 3, argc - 3);
    else
        return 100;
    return 0;
}
