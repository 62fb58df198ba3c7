/* tests/story/node_world.h -- two nodes, four agents and a network in one process.
 *
 * Time jumps from event to event. Every message travels as bytes and takes 1 ms. The disk is slow:
 * it stores nothing until the story says so. What the nodes note, answer and (if asked for) say is
 * kept as a trace, one line for each: "3301 ns1 verdict media1 up>stale silent". */
#ifndef TANDEM_TESTS_STORY_NODE_WORLD_H
#define TANDEM_TESTS_STORY_NODE_WORLD_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/agent/reporter.h"
#include "node/node.h"

enum {
    WORLD_AGENTS = 4,
    WORLD_FLIGHTS_MAX = 1024,
    WORLD_TRACE_MAX = 16384,
    WORLD_STORES_MAX = 64,
    WORLD_NODE_MEMORY = 16 << 20,
    WORLD_DOCUMENT_MEMORY = 1 << 20,
    WORLD_SAMPLE_MS = 100,
};

static const char world_document[] =
    "format: 1\n"
    "cluster: lab\n"
    "nodes:\n"
    "  ns1: {own: 192.0.2.11, home: 192.0.2.51, key: "
    "\"0000000000000000000000000000000000000001\"}\n"
    "  ns2: {own: 192.0.2.12, home: 192.0.2.52, key: "
    "\"0000000000000000000000000000000000000002\"}\n"
    "zones: {lab.example: z}\n"
    "servers:\n"
    "  media1: {addresses: [192.0.2.101], capacity: 1000, "
    "key: \"0000000000000000000000000000000000000003\"}\n"
    "  media2: {addresses: [192.0.2.102], capacity: 1000, "
    "key: \"0000000000000000000000000000000000000004\"}\n"
    "  media3: {addresses: [192.0.2.103], capacity: 1000, "
    "key: \"0000000000000000000000000000000000000005\"}\n"
    "  media4: {addresses: [192.0.2.104], capacity: 1000, "
    "key: \"0000000000000000000000000000000000000006\"}\n"
    "pools:\n"
    "  stream: {name: stream.lab.example, ports: [1755], servers: all}\n";

struct world_node {
    struct node node;
    void *memory; /* NULL: it does not run */
    bool stands_still;
    struct node_store stores[WORLD_STORES_MAX]; /* under way to the disk */
    size_t store_count;
    struct record disk[WORLD_STORES_MAX];
    size_t disk_count;
};

struct world_agent {
    struct reporter reporter;
    bool runs, listening;
    uint32_t sockets;
    int64_t sample_due_ms;
};

/* A message under way. Positions 0 and 1 are the nodes, 2 to 5 the agents. */
struct world_flight {
    int64_t at_ms;
    uint64_t order; /* of two at the same time the first sent comes first */
    size_t from, to, size;
    uint8_t *bytes; /* NULL: a free place */
};

struct world {
    int64_t now_ms;
    void *document_memory;
    struct document document;
    struct world_node nodes[2];
    struct world_agent agents[WORLD_AGENTS];
    struct pack_space space;
    struct world_flight flights[WORLD_FLIGHTS_MAX];
    uint64_t sent;
    bool is_cut;                        /* between the nodes, both ways */
    bool is_agent_cut[2][WORLD_AGENTS]; /* [node][agent] */
    bool is_traced, traces_messages;
    char trace[WORLD_TRACE_MAX];
    struct node_update node_update;
    struct reporter_update reporter_update;
};

static const char *const world_names[] = {"ns1", "ns2", "media1", "media2", "media3", "media4"};

/* ---- the trace ---- */

__attribute__((format(printf, 3, 4))) static inline void world_tell(struct world *self, size_t who,
                                                                    const char *format, ...)
{
    if (!self->is_traced)
        return;
    size_t used = strlen(self->trace);
    used += (size_t)snprintf(self->trace + used, sizeof self->trace - used, "%d %s ",
                             (int)self->now_ms, world_names[who]);
    va_list arguments;
    va_start(arguments, format);
    used += (size_t)vsnprintf(self->trace + used, sizeof self->trace - used, format, arguments);
    va_end(arguments);
    ck_assert_uint_lt(used + 1, sizeof self->trace);
    strcat(self->trace, "\n");
}

static inline void world_tell_note(struct world *self, size_t who, const struct node_note *note)
{
    world_tell(self, who, "%s %s %s>%s %s", note->area, note->subject,
               note->from == NULL ? "" : note->from, note->to == NULL ? "" : note->to,
               note->reason);
}

static inline void world_begin_trace(struct world *self, bool with_messages)
{
    self->trace[0] = '\0';
    self->is_traced = true;
    self->traces_messages = with_messages;
}

/* ---- the network ---- */

static inline bool world_is_cut(const struct world *self, size_t from, size_t to)
{
    if (from < 2 && to < 2)
        return self->is_cut;
    return from < 2 ? self->is_agent_cut[from][to - 2] : self->is_agent_cut[to][from - 2];
}

static inline void world_send(struct world *self, size_t from, size_t to,
                              const struct message *message)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    if (self->is_traced && self->traces_messages) {
        char text[400];
        message_text(message, text, sizeof text);
        world_tell(self, from, "to %s: %s", world_names[to], text);
    }
    if (world_is_cut(self, from, to))
        return;
    struct world_flight *flight = self->flights;
    while (flight->bytes != NULL)
        flight++;
    ck_assert(flight < self->flights + WORLD_FLIGHTS_MAX);
    size_t size = message_encode(message, bytes);
    *flight = (struct world_flight){.at_ms = self->now_ms + 1,
                                    .order = self->sent++,
                                    .from = from,
                                    .to = to,
                                    .size = size,
                                    .bytes = malloc(size)};
    memcpy(flight->bytes, bytes, size);
}

/* ---- nodes ---- */

static inline void world_perform(struct world *self, size_t number)
{
    const struct node_update *update = &self->node_update;
    struct world_node *node = &self->nodes[number];
    for (size_t i = 0; i < update->replica.send_count; i++) {
        const struct replica_send *send = &update->replica.sends[i];
        world_send(self, number, send->peer == REPLICA_PARTNER ? 1 - number : 1 + send->peer,
                   &send->message);
    }
    for (size_t i = 0; i < update->store_count; i++) {
        ck_assert_uint_lt(node->store_count, WORLD_STORES_MAX);
        node->stores[node->store_count++] = update->stores[i];
    }
    for (size_t i = 0; i < update->note_count; i++)
        world_tell_note(self, number, &update->notes[i]);
    if (update->reply_ticket != 0)
        world_tell(self, number, "answers %d: %s", (int)update->reply_ticket,
                   node_outcome_text(update->reply));
}

static inline void world_event(struct world *self, size_t number, const struct node_event *event)
{
    node_step(&self->nodes[number].node, self->now_ms, event, &self->node_update);
    world_perform(self, number);
}

/* All that is under way to the disk of this node arrives there, or is refused with error. */
static inline void world_store(struct world *self, size_t number, int error)
{
    struct world_node *node = &self->nodes[number];
    for (size_t i = 0; i < node->store_count; i++) {
        const struct node_store *store = &node->stores[i];
        ck_assert_uint_lt(node->disk_count, WORLD_STORES_MAX);
        if (error == 0)
            node->disk[node->disk_count++] = store->record;
        if (store->ticket != 0)
            world_event(
                self, number,
                &(struct node_event){.type = NODE_STORED, .ticket = store->ticket, .error = error});
    }
    node->store_count = 0;
}

static inline void world_kill(struct world *self, size_t number)
{
    struct world_node *node = &self->nodes[number];
    if (node->memory == NULL)
        return;
    node_close(&node->node);
    free(node->memory);
    node->memory = NULL;
    node->store_count = 0;
}

/* The socket between the nodes connects, or is gone: ns2 dials. */
static inline void world_link(struct world *self, bool is_up)
{
    if (self->nodes[1].memory != NULL && self->nodes[1].node.replica.link_up != is_up)
        world_event(self, 1, &(struct node_event){.type = is_up ? NODE_LINK_UP : NODE_LINK_DOWN});
}

static inline void world_agent_event(struct world *self, size_t agent,
                                     const struct reporter_event *event);

static inline void world_agent_link(struct world *self, size_t agent, size_t node, bool is_up)
{
    if (self->agents[agent].runs)
        world_agent_event(self, agent,
                          &(struct reporter_event){
                              .type = is_up ? REPORTER_LINK_UP : REPORTER_LINK_DOWN, .node = node});
}

/* A new life of a node, which has nothing but the orders its disk holds. */
static inline void world_start(struct world *self, size_t number, uint64_t boot)
{
    struct world_node *node = &self->nodes[number];
    struct node_config config = {.self = number, .boot = boot, .version = "story"};
    struct node_plan plan;
    struct arena arena;
    world_kill(self, number);
    node->memory = aligned_alloc(16, WORLD_NODE_MEMORY);
    ck_assert_ptr_nonnull(node->memory);
    arena_init(&arena, node->memory, WORLD_NODE_MEMORY);
    ck_assert(node_plan_init(&plan, &self->document, &arena));
    ck_assert(node_init(&node->node, &config, &plan, &arena));
    for (size_t i = 0; i < node->disk_count; i++)
        node_restore(&node->node, self->now_ms, &node->disk[i]);
    world_event(self, number, &(struct node_event){.type = NODE_START});
    if (!self->is_cut && self->nodes[1 - number].memory != NULL) {
        world_link(self, false);
        world_link(self, true);
    }
    for (size_t i = 0; i < WORLD_AGENTS; i++) {
        world_agent_link(self, i, number, false);
        world_agent_link(self, i, number, true);
    }
}

static inline void world_order(struct world *self, size_t number, uint64_t ticket,
                               const struct order *order)
{
    world_event(self, number,
                &(struct node_event){.type = NODE_COMMAND, .order = order, .ticket = ticket});
}

static inline void world_drain(struct world *self, size_t number, uint64_t ticket,
                               const char *server)
{
    struct order order = {.verb = ORDER_DRAIN, .draining = true, .author = "root@lab"};
    strcpy(order.subject, server);
    world_order(self, number, ticket, &order);
}

/* ---- agents ---- */

static inline void world_agent_event(struct world *self, size_t agent,
                                     const struct reporter_event *event)
{
    reporter_step(&self->agents[agent].reporter, self->now_ms, event, &self->reporter_update);
    for (size_t i = 0; i < self->reporter_update.send_count; i++)
        world_send(self, 2 + agent, self->reporter_update.sends[i].node,
                   &self->reporter_update.sends[i].message);
}

static inline void world_sample(struct world *self, size_t number)
{
    struct world_agent *agent = &self->agents[number];
    agent->sample_due_ms = self->now_ms + WORLD_SAMPLE_MS;
    struct report report = {
        .service_count = 1,
        .services = {{.port = 1755, .listening = agent->listening, .sockets = agent->sockets}}};
    world_agent_event(self, number,
                      &(struct reporter_event){.type = REPORTER_SAMPLE, .report = &report});
}

static inline void world_agent_start(struct world *self, size_t number, uint64_t boot)
{
    struct world_agent *agent = &self->agents[number];
    struct reporter_config config = {.cluster = "lab",
                                     .server = world_names[2 + number],
                                     .node_count = 2,
                                     .boot = boot,
                                     .interval_ms = 1000,
                                     .gap_ms = 100,
                                     .lack_ms = 100,
                                     .socket_step = 10,
                                     .permille_step = 50};
    reporter_init(&agent->reporter, &config);
    agent->runs = agent->listening = true;
    for (size_t node = 0; node < 2; node++)
        if (self->nodes[node].memory != NULL)
            world_agent_link(self, number, node, true);
    world_sample(self, number);
}

/* ---- time ---- */

static inline void world_deliver(struct world *self, struct world_flight *flight)
{
    static struct message message;
    size_t from = flight->from, to = flight->to;
    uint8_t *bytes = flight->bytes;
    flight->bytes = NULL;
    if (world_is_cut(self, from, to)) {
        free(bytes);
        return;
    }
    if (to < 2 && self->nodes[to].memory != NULL) {
        world_event(self, to,
                    &(struct node_event){.type = NODE_FRAME,
                                         .peer = from < 2 ? REPLICA_PARTNER : from - 1,
                                         .bytes = bytes,
                                         .size = flight->size});
    } else if (to >= 2 && self->agents[to - 2].runs) {
        ck_assert_int_eq(message_decode(&message, &self->space, bytes, flight->size, NULL),
                         MESSAGE_OK);
        world_agent_event(
            self, to - 2,
            &(struct reporter_event){.type = REPORTER_MESSAGE, .node = from, .message = &message});
    }
    free(bytes);
}

/* What waits at a node that stands still is read when it wakes. */
static inline struct world_flight *world_next_flight(struct world *self)
{
    struct world_flight *next = NULL;
    for (size_t i = 0; i < WORLD_FLIGHTS_MAX; i++) {
        struct world_flight *flight = &self->flights[i];
        if (flight->bytes == NULL || (flight->to < 2 && self->nodes[flight->to].stands_still))
            continue;
        if (next == NULL || flight->at_ms < next->at_ms ||
            (flight->at_ms == next->at_ms && flight->order < next->order))
            next = flight;
    }
    return next;
}

/* The host whose turn is first, and when: positions as in a flight. */
static inline size_t world_next_host(const struct world *self, int64_t *at_ms)
{
    size_t host = SIZE_MAX;
    *at_ms = INT64_MAX;
    for (size_t i = 0; i < 2 + WORLD_AGENTS; i++) {
        int64_t due_ms = INT64_MAX;
        if (i < 2 && self->nodes[i].memory != NULL && !self->nodes[i].stands_still)
            due_ms = node_deadline(&self->nodes[i].node);
        if (i >= 2 && self->agents[i - 2].runs) {
            due_ms = reporter_deadline(&self->agents[i - 2].reporter);
            if (self->agents[i - 2].sample_due_ms < due_ms)
                due_ms = self->agents[i - 2].sample_due_ms;
        }
        if (due_ms < *at_ms) {
            *at_ms = due_ms;
            host = i;
        }
    }
    return host;
}

static inline void world_host_step(struct world *self, size_t host)
{
    if (host < 2)
        world_event(self, host, &(struct node_event){.type = NODE_TIMEOUT});
    else if (self->now_ms >= self->agents[host - 2].sample_due_ms)
        world_sample(self, host - 2);
    else
        world_agent_event(self, host - 2, &(struct reporter_event){.type = REPORTER_TIMEOUT});
}

/* All that happens up to and including that time. */
static inline void world_run(struct world *self, int64_t until_ms)
{
    for (size_t steps = 0;; steps++) {
        ck_assert_msg(steps < 1000000, "time stands still");
        struct world_flight *flight = world_next_flight(self);
        int64_t at_ms;
        size_t host = world_next_host(self, &at_ms);
        bool is_flight = flight != NULL && flight->at_ms <= at_ms;
        if (is_flight)
            at_ms = flight->at_ms;
        if (at_ms > until_ms)
            break;
        self->now_ms = at_ms > self->now_ms ? at_ms : self->now_ms;
        if (is_flight)
            world_deliver(self, flight);
        else
            world_host_step(self, host);
    }
    self->now_ms = until_ms;
}

/* The trace up to that time. */
static inline const char *world_trace(struct world *self, int64_t until_ms)
{
    world_run(self, until_ms);
    self->is_traced = false;
    return self->trace;
}

static inline void world_open(struct world *self)
{
    struct arena arena;
    char error[DOCUMENT_ERROR_MAX];
    memset(self, 0, sizeof *self);
    pack_space_open(&self->space);
    self->document_memory = aligned_alloc(16, WORLD_DOCUMENT_MEMORY);
    ck_assert_ptr_nonnull(self->document_memory);
    arena_init(&arena, self->document_memory, WORLD_DOCUMENT_MEMORY);
    ck_assert_msg(document_parse(&self->document, "lab.yaml", world_document,
                                 sizeof world_document - 1, &arena, error),
                  "%s", error);
}

static inline void world_close(struct world *self)
{
    for (size_t i = 0; i < WORLD_FLIGHTS_MAX; i++)
        free(self->flights[i].bytes);
    world_kill(self, 0);
    world_kill(self, 1);
    pack_space_close(&self->space);
    free(self->document_memory);
}

#endif
