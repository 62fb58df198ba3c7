/* tests/unit/node_steps.h -- one node, and its peers played by hand: their frames are bytes. */
#ifndef TANDEM_TESTS_UNIT_NODE_STEPS_H
#define TANDEM_TESTS_UNIT_NODE_STEPS_H

#include "node/node.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "unit/suite.h"

enum {
    MEMORY = 32 << 20,
    SERVERS_MAX = 80,
    SPARE_SEATS = 4,
    MEDIA1 = 1,
    MEDIA2 = 2,
    PARTNER_BOOT = 99
};

static struct document document;
static struct node node;
static struct node_update update;
static struct message message;
static char note[400]; /* see last_note() */

/* ---- the node ---- */

static inline void write_document(char *text, size_t size, size_t node_count, size_t server_count)
{
    size_t used = (size_t)snprintf(text, size, "format: 1\ncluster: lab\nnodes:\n");
    for (size_t i = 1; i <= node_count; i++)
        used += (size_t)snprintf(
            text + used, size - used,
            "  ns%zu: {own: 192.0.2.1%zu, home: 192.0.2.5%zu, key: \"%040zu\"}\n", i, i, i, i);
    used += (size_t)snprintf(text + used, size - used, "zones: {lab.example: z}\n%s",
                             server_count == 0 ? "" : "servers:\n");
    for (size_t i = 1; i <= server_count; i++)
        used += (size_t)snprintf(
            text + used, size - used,
            "  media%zu: {addresses: [192.0.2.%zu], capacity: 1000, key: \"%040zu\"}\n", i, 100 + i,
            100 + i);
    used += (size_t)snprintf(
        text + used, size - used,
        "pools:\n  stream: {name: stream.lab.example, ports: [1755], servers: all}\n");
    ck_assert_uint_lt(used, size);
}

/* A node that has not started: of ns1 and ns2 (self 0 or 1), or of ns1 alone. */
static inline void init(size_t node_count, size_t self, size_t server_count)
{
    static char text[16384];
    static struct arena arena;
    char error[DOCUMENT_ERROR_MAX];
    void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    arena_init(&arena, memory, MEMORY);
    write_document(text, sizeof text, node_count, server_count);
    ck_assert_msg(document_parse(&document, "test.yaml", text, strlen(text), &arena, error), "%s",
                  error);
    struct node_config config = {
        .self = self, .spare_seats = SPARE_SEATS, .boot = 7, .version = "1.2.3"};
    struct node_plan plan;
    ck_assert(node_plan_init(&plan, &document, &arena));
    ck_assert(node_init(&node, &config, &plan, &arena));
}

static inline void step(int64_t now_ms, struct node_event event)
{
    node_step(&node, now_ms, &event, &update);
}

static inline void frame(int64_t now_ms, size_t peer)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    size_t size = message_encode(&message, bytes);
    step(now_ms,
         (struct node_event){.type = NODE_FRAME, .peer = peer, .bytes = bytes, .size = size});
}

/* All timers up to and including that time. */
static inline void run(int64_t until_ms)
{
    while (node_deadline(&node) <= until_ms)
        step(node_deadline(&node), (struct node_event){.type = NODE_TIMEOUT});
}

static inline void order(int64_t now_ms, uint64_t ticket, enum order_verb verb, const char *subject)
{
    struct order given = {
        .verb = verb, .draining = true, .group_size = 2, .rounds = 3, .author = "root@ns1"};
    strcpy(given.subject, subject);
    step(now_ms, (struct node_event){.type = NODE_COMMAND, .order = &given, .ticket = ticket});
}

static inline void stored(int64_t now_ms, uint64_t ticket, int error)
{
    step(now_ms, (struct node_event){.type = NODE_STORED, .ticket = ticket, .error = error});
}

/* ---- its peers ---- */

static inline void hello(int64_t now_ms, size_t peer, const char *name)
{
    message = (struct message){.type = MESSAGE_HELLO,
                               .hello = {.protocol_min = 1,
                                         .protocol_max = 1,
                                         .role = peer == 0 ? MESSAGE_NODE : MESSAGE_AGENT,
                                         .cluster = "lab",
                                         .boot = peer == 0 ? PARTNER_BOOT : 40 + peer,
                                         .heard_boot = 7,
                                         .synced = true}};
    strcpy(message.hello.name, name);
    frame(now_ms, peer);
}

static inline void begin_records(enum message_type type)
{
    message = (struct message){.type = type, .records = {.last = true}};
}

static inline struct record *add_record(enum record_kind kind, const char *name,
                                        uint64_t incarnation, uint64_t sequence)
{
    struct record *record = &message.records.records[message.records.count++];
    *record = (struct record){.key = {.kind = kind}, .version = {incarnation, sequence}};
    strcpy(record->key.name, name);
    return record;
}

static inline void add_report(size_t server, uint64_t sequence, bool listening, uint32_t sockets)
{
    char name[32];
    struct report report = {
        .service_count = 1,
        .services = {{.port = 1755, .listening = listening, .sockets = sockets}}};
    snprintf(name, sizeof name, "media%zu", server);
    struct record *record = add_record(RECORD_REPORT, name, 1, sequence);
    record->value_size = (uint16_t)report_encode(&report, record->value);
}

static inline void report(int64_t now_ms, size_t server, uint64_t sequence, bool listening)
{
    begin_records(MESSAGE_DELTA);
    add_report(server, sequence, listening, 10);
    frame(now_ms, server);
}

static inline void add_drain(const char *name, uint64_t counter)
{
    struct order given = {.verb = ORDER_DRAIN, .draining = true, .author = "root@ns2"};
    struct record *record = add_record(RECORD_ORDER, name, counter, 2);
    record->value_size = (uint16_t)order_encode(&given, record->value);
}

static inline void add_handed(const char *name, uint64_t sequence, uint8_t handed)
{
    struct record *record = add_record(RECORD_HANDED_OUT, name, 1, sequence);
    memcpy(record->value, (uint8_t[]){0x81, 1, handed}, 3);
    record->value_size = 3;
}

/* ns1, greeted by ns2, and synced by an empty snapshot. */
static inline void begin_of(size_t server_count)
{
    init(2, 0, server_count);
    step(0, (struct node_event){.type = NODE_START});
    hello(0, REPLICA_PARTNER, "ns2");
    begin_records(MESSAGE_SNAPSHOT);
    frame(0, REPLICA_PARTNER);
    ck_assert_int_eq(node.replica.sync, REPLICA_SYNCED);
}

/* Of two servers, greeted by media1 too. */
static inline void begin(void)
{
    begin_of(2);
    hello(0, MEDIA1, "media1");
}

/* ---- what came out ---- */

static inline const char *note_text(size_t position)
{
    ck_assert_uint_lt(position, update.note_count);
    const struct node_note *n = &update.notes[position];
    snprintf(note, sizeof note, "%s %s %s>%s %s", n->area, n->subject,
             n->from == NULL ? "" : n->from, n->to == NULL ? "" : n->to, n->reason);
    return note;
}

static inline const char *last_note(void)
{
    return note_text(update.note_count - 1);
}

static inline size_t sent(enum message_type type, size_t peer)
{
    size_t count = 0;
    for (size_t i = 0; i < update.replica.send_count; i++)
        count +=
            update.replica.sends[i].message.type == type && update.replica.sends[i].peer == peer;
    return count;
}

static inline enum pool_reason choose(int64_t now_ms, size_t *member)
{
    return pool_choose(node.plan.pools[0].pool, now_ms, 0, member);
}

static inline struct pool_member_state member_state(size_t member)
{
    struct pool_member_state state;
    pool_member_state(node.plan.pools[0].pool, member, &state);
    return state;
}

#endif
