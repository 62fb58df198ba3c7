/* tests/unit/served.h -- a small published zone, queries for it, and sockets to ask with.
 *
 *   www.example.  A 192.0.2.80      big.example.  TXT, an answer of about 60 KB */
#ifndef TANDEM_TESTS_UNIT_SERVED_H
#define TANDEM_TESTS_UNIT_SERVED_H

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "node/dns/socket.h"
#include "node/dns/udp.h"

enum { SERVED_BYTES = 4 << 20, SERVED_BIG_MIN = 50000 };

/* Publish the zone. */
static inline void served_publish(struct publisher *publisher)
{
    static char text[100000];
    size_t size = (size_t)snprintf(text, sizeof text,
                                   "$TTL 300\n@ SOA ns1 admin 1 3600 600 86400 60\n@ NS ns1\n"
                                   "ns1 A 192.0.2.53\nwww A 192.0.2.80\n");
    for (int i = 0; i < 240; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "big TXT \"%0240d\"\n", i);
    void *memory =
        mmap(NULL, SERVED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    struct arena arena;
    arena_init(&arena, memory, SERVED_BYTES);
    struct zone zone;
    char error[ZONE_ERROR_MAX + VIEW_ERROR_MAX] = "";
    static const uint8_t origin[] = "\7example";
    ck_assert_msg(zone_parse(&zone, "test", text, size, origin, NULL, &arena, error), "%s", error);
    struct view_config config = {.zone_count = 1, .zones = &zone, .nsid = "test"};
    const struct view *view = view_build(&config, &arena, error);
    ck_assert_msg(view != NULL, "%s", error);
    ck_assert_int_eq(publish(publisher, view, memory, SERVED_BYTES), 0);
}

/* A query for LABEL.example without EDNS into bytes[64]; returns its size. */
static inline size_t served_query(uint8_t *bytes, uint16_t id, const char *label, uint16_t type)
{
    size_t label_size = strlen(label), size = 0;
    ck_assert_uint_le(label_size, 30);
    const uint8_t header[12] = {(uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 1};
    memcpy(bytes, header, sizeof header);
    size += sizeof header;
    bytes[size++] = (uint8_t)label_size;
    memcpy(bytes + size, label, label_size);
    size += label_size;
    const uint8_t rest[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, (uint8_t)type, 0, 1};
    memcpy(bytes + size, rest, sizeof rest);
    return size + sizeof rest;
}

static inline uint16_t served_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline unsigned served_rcode(const uint8_t *answer)
{
    return answer[3] & 15;
}

static inline struct ip served_ip(const char *text)
{
    struct ip ip;
    ck_assert(ip_parse(text, &ip));
    return ip;
}

/* A socket from the local address (any port) connected to the server, blocking, with a time limit
 * that only a failing test meets. */
static inline int served_connect(int type, const char *from, const char *to, uint16_t port)
{
    union socket_name names[2] = {0};
    const struct ip ips[2] = {served_ip(from), served_ip(to)};
    for (int i = 0; i < 2; i++) {
        if (ips[i].family == 4) {
            names[i].v4.sin_family = AF_INET;
            memcpy(&names[i].v4.sin_addr, ips[i].bytes, 4);
            names[i].v4.sin_port = htons(i == 0 ? 0 : port);
        } else {
            names[i].v6.sin6_family = AF_INET6;
            memcpy(&names[i].v6.sin6_addr, ips[i].bytes, 16);
            names[i].v6.sin6_port = htons(i == 0 ? 0 : port);
        }
    }
    int fd = socket(names[1].any.sa_family, type | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    const struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ck_assert_int_eq(bind(fd, &names[0].any, sizeof names[0]), 0);
    ck_assert_int_eq(connect(fd, &names[1].any, sizeof names[1]), 0);
    return fd;
}

static inline void served_send(int fd, const void *bytes, size_t size)
{
    ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static inline uint64_t served_count(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* Wait for another thread's count to reach a value; fails after 10 s. */
static inline void served_wait(const _Atomic uint64_t *count, uint64_t value)
{
    for (int i = 0; i < 10000 && served_count(count) != value; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ck_assert_uint_eq(served_count(count), value);
}

#endif
