/* A reporter, and what it says as lines of text. */
#ifndef TANDEM_TESTS_UNIT_REPORTER_LINES_H
#define TANDEM_TESTS_UNIT_REPORTER_LINES_H

#include "health/agent/reporter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

enum { BOOT = 7, NS1 = 0, NS2 = 1 };

static struct reporter reporter;
static struct reporter_update update;
static struct report figures;
static char line[1024];

static inline struct reporter_config config_of(size_t node_count)
{
    return (struct reporter_config){.cluster = "lab",
                                    .server = "media1",
                                    .node_count = node_count,
                                    .boot = BOOT,
                                    .interval_ms = 1000,
                                    .gap_ms = 100,
                                    .lack_ms = 100,
                                    .socket_step = 10,
                                    .permille_step = 50};
}

static inline void begin_with(size_t node_count)
{
    struct reporter_config config = config_of(node_count);
    reporter_init(&reporter, &config);
    figures = (struct report){
        .service_count = 2,
        .services = {{.port = 1755, .listening = true}, {.port = 80, .listening = true}}};
}

/* "at 1000: ns1 delta [report media1 3.1], ns2 delta [report media1 3.1]", or "at 1000: -". */
static inline const char *text(int64_t now_ms)
{
    size_t used = (size_t)snprintf(line, sizeof line, "at %" PRId64 ":", now_ms);
    for (size_t i = 0; i < update.send_count; i++) {
        char message[512];
        message_text(&update.sends[i].message, message, sizeof message);
        used += (size_t)snprintf(line + used, sizeof line - used, "%s ns%zu %s", i == 0 ? "" : ",",
                                 update.sends[i].node + 1, message);
    }
    if (update.send_count == 0)
        snprintf(line + used, sizeof line - used, " -");
    return line;
}

static inline const char *step(int64_t now_ms, struct reporter_event event)
{
    reporter_step(&reporter, now_ms, &event, &update);
    return text(now_ms);
}

static inline const char *up(int64_t now_ms, size_t node)
{
    return step(now_ms, (struct reporter_event){.type = REPORTER_LINK_UP, .node = node});
}

static inline const char *down(int64_t now_ms, size_t node)
{
    return step(now_ms, (struct reporter_event){.type = REPORTER_LINK_DOWN, .node = node});
}

static inline const char *sample(int64_t now_ms)
{
    return step(now_ms, (struct reporter_event){.type = REPORTER_SAMPLE, .report = &figures});
}

static inline const char *timeout(int64_t now_ms)
{
    return step(now_ms, (struct reporter_event){.type = REPORTER_TIMEOUT});
}

static inline const char *hear(int64_t now_ms, size_t node, const struct message *message)
{
    return step(now_ms, (struct reporter_event){
                            .type = REPORTER_MESSAGE, .node = node, .message = message});
}

static inline struct message hello_of(uint64_t heard_boot, uint64_t known_incarnation)
{
    return (struct message){.type = MESSAGE_HELLO,
                            .hello = {.protocol_min = 1,
                                      .protocol_max = 1,
                                      .role = MESSAGE_NODE,
                                      .name = "ns1",
                                      .cluster = "lab",
                                      .boot = 11,
                                      .heard_boot = heard_boot,
                                      .known_incarnation = known_incarnation}};
}

static inline const char *hello(int64_t now_ms, size_t node, uint64_t known_incarnation)
{
    struct message message = hello_of(BOOT, known_incarnation);
    return hear(now_ms, node, &message);
}

static inline const char *ack(int64_t now_ms, size_t node, uint64_t incarnation, uint64_t sequence)
{
    struct message message = {.type = MESSAGE_ACK, .ack = {.version = {incarnation, sequence}}};
    return hear(now_ms, node, &message);
}

/* Both nodes have greeted and acknowledged the first report of 0 ms, 1.2. */
static inline void begin(void)
{
    begin_with(2);
    sample(0);
    up(0, NS1);
    up(0, NS2);
    hello(0, NS1, 0);
    ck_assert_str_eq(hello(0, NS2, 0),
                     "at 0: ns1 delta [report media1 1.2], ns2 delta [report media1 1.2]");
    ack(1, NS1, 1, 2);
    ack(1, NS2, 1, 2);
}

static inline const struct record *sent(size_t send)
{
    ck_assert_uint_lt(send, update.send_count);
    return &update.sends[send].message.records.records[0];
}

#endif
