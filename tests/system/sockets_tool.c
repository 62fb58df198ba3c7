/* tests/system/sockets_tool.c -- the guardian's sockets from the command line, for sockets.sh.
 *
 *   beat OWN PARTNER PORT            | tripwire OWN PARTNER PORT listen|dial
 *   vrrp INTERFACE OWN TO|group [SOURCE]
 *   announce INTERFACE ADDRESS       | neighbour INTERFACE [OWN TARGET]
 *   watch INTERFACE ADDRESS...       | time INTERFACE ADDRESS
 *
 * Each but announce and time runs until SIGTERM, acts every 10 ms, and prints what happens as it
 * happens: microseconds of the wall clock, and words. Figures come at the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failover/address.h"
#include "failover/address_watch.h"
#include "failover/beat_socket.h"
#include "failover/neighbour.h"
#include "failover/tripwire.h"
#include "failover/vrrp_socket.h"

static volatile sig_atomic_t is_over;

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    printf("%lld ", (long long)clock_us(CLOCK_REALTIME));
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};
    if (!ip_parse(text, &ip)) {
        fprintf(stderr, "%s: not an address\n", text);
        exit(100);
    }
    return ip;
}

static int refused(const char *sentence)
{
    puts(sentence);
    return 111;
}

/* Wait until fd is readable or it is time to act again. True: readable. */
static bool wait_10_ms(int fd, int64_t *next_us)
{
    int64_t left_us = *next_us - clock_us(CLOCK_MONOTONIC);
    struct pollfd one = {.fd = fd, .events = POLLIN};
    if (left_us <= 0) {
        *next_us = clock_us(CLOCK_MONOTONIC) + 10000;
        return false;
    }
    return poll(&one, 1, (int)(left_us / 1000) + 1) > 0;
}

static int beat(char **words)
{
    struct ip own = ip_of(words[0]), partner = ip_of(words[1]);
    struct beat_socket socket;
    struct beat_batch batch;
    char sentence[SOCKET_SENTENCE_SIZE];
    unsigned sent = 0, got = 0, refusals = 0;
    int64_t next_us = 0;
    int error = beat_socket_open(&socket, &own, &partner, (uint16_t)atoi(words[2]), sentence);
    while (error == 0 && !is_over) {
        if (wait_10_ms(socket.fd, &next_us))
            beat_socket_receive(&socket, &batch);
        else {
            sent += beat_socket_send(&socket, (const uint8_t *)"beat", 4) == 0;
            batch.count = 0;
        }
        if (batch.count > 0 && got == 0)
            say("beat of %zu", batch.datagrams[0].size);
        if (batch.count > 0)
            refusals = 0;
        got += (unsigned)batch.count;
        if (beat_socket_refused(&socket) && refusals++ == 0)
            say("refused");
    }
    if (error == 0)
        say("sent %u got %u strange %u", sent, got, beat_socket_strange(&socket));
    beat_socket_close(&socket);
    return error == 0 ? 0 : refused(sentence);
}

static int tripwire(char **words)
{
    struct ip own = ip_of(words[0]), partner = ip_of(words[1]);
    struct tripwire wire;
    char sentence[SOCKET_SENTENCE_SIZE];
    int64_t next_us = 0;
    int error = tripwire_open(&wire, &own, &partner, (uint16_t)atoi(words[2]),
                              strcmp(words[3], "listen") == 0, sentence);
    while (error == 0 && !is_over) {
        if (!wait_10_ms(wire.epoll_fd, &next_us))
            continue;
        for (enum tripwire_event event; (event = tripwire_read(&wire)) != TRIPWIRE_NOTHING;)
            say("%s", tripwire_word(event));
    }
    tripwire_close(&wire);
    return error == 0 ? 0 : refused(sentence);
}

static int vrrp(char **words)
{
    struct ip own = ip_of(words[1]);
    struct vrrp_socket socket;
    static struct vrrp_batch batch;
    char sentence[SOCKET_SENTENCE_SIZE], last[160] = "";
    int64_t next_us = 0;
    int error = vrrp_socket_open(&socket, words[0], &own, sentence);
    struct ip to = strcmp(words[2], "group") == 0 ? vrrp_socket_group(own.family) : ip_of(words[2]);
    struct ip from = words[3] != NULL ? ip_of(words[3]) : socket.source;
    while (error == 0 && !is_over) {
        if (!wait_10_ms(socket.fd, &next_us)) {
            vrrp_socket_send(&socket, &from, &to, (const uint8_t *)"advertisement", 13);
            continue;
        }
        vrrp_socket_receive(&socket, &batch);
        for (size_t i = 0; i < batch.count; i++) {
            const struct vrrp_packet *packet = &batch.packets[i];
            char line[sizeof last], source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];
            snprintf(line, sizeof line, "%s to %s ttl %u %s %.*s", ip_text(&packet->source, source),
                     ip_text(&packet->destination, destination), packet->ttl,
                     packet->is_multicast ? "multicast" : "unicast",
                     packet->size < 20 ? (int)packet->size : 20, (const char *)packet->payload);
            if (strcmp(line, last) != 0)
                say("%s", line);
            memcpy(last, line, sizeof last);
        }
    }
    vrrp_socket_close(&socket);
    return error == 0 ? 0 : refused(sentence);
}

static int announce(char **words)
{
    struct neighbour neighbour;
    struct ip ip = ip_of(words[1]);
    char sentence[SOCKET_SENTENCE_SIZE];
    int error = neighbour_open(&neighbour, words[0], sentence);
    if (error == 0 && neighbour_announce(&neighbour, &ip) < 0)
        puts("not sent");
    neighbour_close(&neighbour);
    return error == 0 ? 0 : refused(sentence);
}

static void print_neighbour(const struct neighbour_event *event)
{
    static const char *const kinds[] = {"who-has", "reply", "announced"};
    static char last[160];
    char line[sizeof last], sender[IP_TEXT_SIZE], target[IP_TEXT_SIZE];
    const uint8_t *mac = event->mac;
    snprintf(line, sizeof line, "%s %s %s %02x:%02x:%02x:%02x:%02x:%02x%s", kinds[event->kind],
             ip_text(&event->sender, sender), ip_text(&event->target, target), mac[0], mac[1],
             mac[2], mac[3], mac[4], mac[5], event->is_ours ? " ours" : "");
    if (strcmp(line, last) != 0)
        say("%s", line);
    memcpy(last, line, sizeof last);
}

static int neighbour(char **words)
{
    struct neighbour self;
    struct neighbour_event event;
    char sentence[SOCKET_SENTENCE_SIZE];
    int64_t next_us = 0;
    unsigned wakes = 0, heard = 0, asked = 0;
    int error = neighbour_open(&self, words[0], sentence);
    while (error == 0 && !is_over) {
        if (wait_10_ms(self.fd, &next_us)) {
            wakes++;
            while (neighbour_receive(&self, &event) == 1)
                print_neighbour(&event);
            continue;
        }
        asked++;
        heard += neighbour_heard(&self);
        if (words[1] != NULL) {
            struct ip own = ip_of(words[1]), target = ip_of(words[2]);
            neighbour_solicit(&self, &own, &target);
        }
    }
    if (error == 0)
        say("wakes %u heard %u of %u", wakes, heard, asked);
    neighbour_close(&self);
    return error == 0 ? 0 : refused(sentence);
}

static void print_watched(const struct address_watch_event *event)
{
    char text[IP_TEXT_SIZE];
    switch (event->kind) {
    case ADDRESS_WATCH_GONE:
        say("gone");
        break;
    case ADDRESS_WATCH_RETURNED:
        say("returned");
        break;
    case ADDRESS_WATCH_CARRIER:
        say("carrier %s", event->is_up ? "up" : "down");
        break;
    case ADDRESS_WATCH_MISSING:
        say("missing %s", ip_text(&event->ip, text));
        break;
    case ADDRESS_WATCH_STRANGE:
        say("strange %s", ip_text(&event->ip, text));
        break;
    }
}

/* Holds every address but the last, and says what others do. */
static int watch(char **words)
{
    struct address_watch self;
    struct address address = {0};
    struct address_watch_event event;
    struct ip ips[ADDRESS_WATCH_MAX];
    size_t count = 0, held;
    char sentence[SOCKET_SENTENCE_SIZE];
    int64_t next_us = 0, lease_us = 0;
    for (; words[1 + count] != NULL && count < ADDRESS_WATCH_MAX; count++)
        ips[count] = ip_of(words[1 + count]);
    held = count - 1;
    int error = address_watch_open(&self, words[0], ips, count, sentence);
    if (error == 0 && address_open(&address) < 0)
        error = -EIO;
    while (error == 0 && !is_over) {
        if (clock_us(CLOCK_MONOTONIC) >= lease_us) {
            lease_us = clock_us(CLOCK_MONOTONIC) + 300000;
            for (size_t i = 0; i < held && self.interface > 0; i++)
                if (address_lease(&address, self.interface, &ips[i], 5) == 0)
                    address_watch_expect(&self, &ips[i], true);
        }
        wait_10_ms(self.fd, &next_us);
        while (address_watch_read(&self, &event) == 1)
            print_watched(&event);
    }
    for (size_t i = 0; error == 0 && i < held; i++) {
        address_delete(&address, self.interface, &ips[i]);
        address_watch_expect(&self, &ips[i], false);
    }
    while (error == 0 && address_watch_read(&self, &event) == 1)
        print_watched(&event);
    if (error == 0)
        say("resyncs %u", self.resyncs);
    address_close(&address);
    address_watch_close(&self);
    return error == 0 ? 0 : refused(sentence);
}

enum { TIMES = 2000 };

static int by_length(const void *a, const void *b)
{
    const int64_t *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static void print_times(const char *what, int64_t *ns)
{
    qsort(ns, TIMES, sizeof *ns, by_length);
    printf("%s p50 %.1f p99 %.1f max %.1f us\n", what, (double)ns[TIMES / 2] / 1000,
           (double)ns[TIMES * 99 / 100] / 1000, (double)ns[TIMES - 1] / 1000);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* What a lease, a refresh and a deletion cost, in pairs of leasing and deleting. */
static int time_leases(char **words)
{
    static int64_t lease[TIMES], refresh[TIMES], removal[TIMES];
    struct address address = {0};
    struct ip ip = ip_of(words[1]);
    int interface = address_interface(words[0]);
    if (interface < 0 || address_open(&address) < 0)
        return 111;
    for (size_t i = 0; i < TIMES; i++) {
        int64_t at[4] = {now_ns()};
        address_lease(&address, interface, &ip, 5);
        at[1] = now_ns();
        address_lease(&address, interface, &ip, 5);
        at[2] = now_ns();
        address_delete(&address, interface, &ip);
        at[3] = now_ns();
        lease[i] = at[1] - at[0];
        refresh[i] = at[2] - at[1];
        removal[i] = at[3] - at[2];
    }
    address_close(&address);
    print_times("lease", lease);
    print_times("refresh", refresh);
    print_times("delete", removal);
    return 0;
}

static const struct {
    const char *name;
    int words_min;
    int (*run)(char **words);
} verbs[] = {
    {"beat", 3, beat},         {"tripwire", 4, tripwire},   {"vrrp", 3, vrrp},
    {"announce", 2, announce}, {"neighbour", 1, neighbour}, {"watch", 2, watch},
    {"time", 2, time_leases},
};

int main(int argc, char **argv)
{
    const struct sigaction ending = {.sa_handler = end};
    sigaction(SIGTERM, &ending, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].words_min)
            return verbs[i].run(argv + 2);
    return 100;
}
