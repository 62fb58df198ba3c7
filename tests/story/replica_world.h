/* tests/story/replica_world.h -- two replicas, their agents and a network in one process.
 *
 * Time jumps from event to event. Every message travels as bytes, so each is encoded and decoded.
 * What is sent is kept as a trace, one line for each message: "12 ns1>ns2 hello ...". */
#ifndef TANDEM_TESTS_STORY_REPLICA_WORLD_H
#define TANDEM_TESTS_STORY_REPLICA_WORLD_H

#include "replica_fixture.h"

enum { WORLD_FLIGHTS_MAX = 512, WORLD_TRACE_MAX = 16384, WORLD_ORDERS_MAX = 64 };

/* A message under way. Positions 0 and 1 are the nodes, 2 and 3 the agents media1 and media2. */
struct world_flight {
    int64_t at_ms;
    uint64_t order; /* of two at the same time the first sent comes first */
    size_t from, to, size;
    uint8_t *bytes; /* NULL: a free place */
};

/* An agent as far as the replica sees it: it greets, adopts, reports. */
struct world_agent {
    uint64_t boot, incarnation, sequence;
};

struct world {
    int64_t now_ms;
    struct fixture nodes[2];
    struct world_agent agents[2];
    struct pack_space space;
    struct world_flight flights[WORLD_FLIGHTS_MAX];
    uint64_t sent;
    bool is_cut;             /* between the nodes, both ways */
    bool is_agent_cut[2][2]; /* [node][agent] */
    uint64_t dice;           /* 0: a perfect network with a delay of 1 ms */
    uint64_t lost, doubled;
    bool is_traced;
    char trace[WORLD_TRACE_MAX];
};

static const char *const world_names[] = {"ns1", "ns2", "media1", "media2"};

static inline uint64_t world_roll(struct world *self, uint64_t sides)
{
    self->dice ^= self->dice << 13;
    self->dice ^= self->dice >> 7;
    self->dice ^= self->dice << 17;
    return self->dice % sides;
}

static inline void world_note(struct world *self, size_t from, size_t to,
                              const struct message *message)
{
    char text[400];
    if (!self->is_traced)
        return;
    message_text(message, text, sizeof text);
    size_t used = strlen(self->trace);
    snprintf(self->trace + used, sizeof self->trace - used, "%d %s>%s %s\n", (int)self->now_ms,
             world_names[from], world_names[to], text);
}

static inline bool world_is_cut(const struct world *self, size_t from, size_t to)
{
    if (from < 2 && to < 2)
        return self->is_cut;
    return from < 2 ? self->is_agent_cut[from][to - 2] : self->is_agent_cut[to][from - 2];
}

static inline void world_fly(struct world *self, size_t from, size_t to,
                             const struct message *message, int64_t delay_ms)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    struct world_flight *flight = self->flights;
    while (flight->bytes != NULL)
        flight++;
    ck_assert(flight < self->flights + WORLD_FLIGHTS_MAX);
    size_t size = message_encode(message, bytes);
    *flight = (struct world_flight){.at_ms = self->now_ms + delay_ms,
                                    .order = self->sent++,
                                    .from = from,
                                    .to = to,
                                    .size = size,
                                    .bytes = malloc(size)};
    memcpy(flight->bytes, bytes, size);
}

/* With dice: one in eight is lost, one in eight comes twice, and each takes 0 to 30 ms. */
static inline void world_send(struct world *self, size_t from, size_t to,
                              const struct message *message)
{
    world_note(self, from, to, message);
    if (world_is_cut(self, from, to))
        return;
    if (self->dice == 0) {
        world_fly(self, from, to, message, 1);
        return;
    }
    if (world_roll(self, 8) == 0) {
        self->lost++;
        return;
    }
    world_fly(self, from, to, message, (int64_t)world_roll(self, 31));
    if (world_roll(self, 8) == 0) {
        self->doubled++;
        world_fly(self, from, to, message, (int64_t)world_roll(self, 31));
    }
}

static inline void world_send_update(struct world *self, size_t node)
{
    const struct replica_update *update = &self->nodes[node].update;
    for (size_t i = 0; i < update->send_count; i++) {
        const struct replica_send *send = &update->sends[i];
        world_send(self, node, send->peer == REPLICA_PARTNER ? 1 - node : 1 + send->peer,
                   &send->message);
    }
}

static inline void world_step(struct world *self, size_t node, enum replica_event_type type)
{
    fixture_step(&self->nodes[node], self->now_ms, type);
    world_send_update(self, node);
}

/* A new life of a node, which has nothing but the orders its disk held. */
static inline void world_start(struct world *self, size_t node, uint64_t boot)
{
    struct fixture *fixture = &self->nodes[node];
    struct record orders[WORLD_ORDERS_MAX];
    size_t count = 0;
    for (size_t i = 0; fixture->memory != NULL && i < fixture->table.count; i++)
        if (table_at(&fixture->table, i)->key.kind == RECORD_ORDER)
            table_record(table_at(&fixture->table, i), self->now_ms, &orders[count++]);
    fixture_start(fixture, (uint8_t)(node + 1), boot, 512);
    for (size_t i = 0; i < count; i++)
        replica_restore(&fixture->replica, self->now_ms, &orders[i]);
    world_step(self, node, REPLICA_START);
}

static inline void world_cut(struct world *self)
{
    self->is_cut = true;
    if (self->nodes[0].replica.link_up)
        world_step(self, 0, REPLICA_LINK_DOWN);
}

static inline void world_heal(struct world *self)
{
    self->is_cut = false;
    world_step(self, 0, REPLICA_LINK_UP);
}

/* ---- agents ---- */

static inline void world_agent_hello(struct world *self, size_t agent, size_t node)
{
    world_send(self, 2 + agent, node,
               hello_of(world_names[2 + agent], self->agents[agent].boot, 0, 0));
}

static inline void world_agent_start(struct world *self, size_t agent, uint64_t boot)
{
    self->agents[agent] = (struct world_agent){.boot = boot, .incarnation = 1};
    world_agent_hello(self, agent, 0);
    world_agent_hello(self, agent, 1);
}

static inline void world_report(struct world *self, size_t agent, bool partner_lacks)
{
    struct world_agent *speaker = &self->agents[agent];
    struct message *report =
        report_of(world_names[2 + agent], speaker->incarnation, ++speaker->sequence);
    report->records.partner_lacks = partner_lacks;
    world_send(self, 2 + agent, 0, report);
    world_send(self, 2 + agent, 1, report);
}

static inline void world_agent_hear(struct world *self, size_t agent, size_t node,
                                    const struct message *message)
{
    struct world_agent *listener = &self->agents[agent];
    if (message->type != MESSAGE_HELLO)
        return;
    if (message->hello.known_incarnation > listener->incarnation)
        listener->incarnation = message->hello.known_incarnation;
    if (message->hello.heard_boot != listener->boot)
        world_agent_hello(self, agent, node);
}

/* ---- time ---- */

static inline struct world_flight *world_next_flight(struct world *self)
{
    struct world_flight *next = NULL;
    for (size_t i = 0; i < WORLD_FLIGHTS_MAX; i++) {
        struct world_flight *flight = &self->flights[i];
        if (flight->bytes != NULL &&
            (next == NULL || flight->at_ms < next->at_ms ||
             (flight->at_ms == next->at_ms && flight->order < next->order)))
            next = flight;
    }
    return next;
}

static inline void world_deliver(struct world *self, struct world_flight *flight)
{
    static struct message message;
    size_t from = flight->from, to = flight->to;
    ck_assert_int_eq(message_decode(&message, &self->space, flight->bytes, flight->size, NULL),
                     MESSAGE_OK);
    free(flight->bytes);
    flight->bytes = NULL;
    if (world_is_cut(self, from, to))
        return;
    if (to >= 2) {
        world_agent_hear(self, to - 2, from, &message);
        return;
    }
    fixture_hear(&self->nodes[to], self->now_ms, from < 2 ? REPLICA_PARTNER : from - 1, &message);
    world_send_update(self, to);
}

/* All that happens up to and including that time. */
static inline void world_run(struct world *self, int64_t until_ms)
{
    for (size_t steps = 0;; steps++) {
        ck_assert_msg(steps < 1000000, "time stands still");
        struct world_flight *flight = world_next_flight(self);
        int64_t at_ms = flight == NULL ? INT64_MAX : flight->at_ms;
        size_t due = SIZE_MAX;
        for (size_t node = 0; node < 2; node++)
            if (self->nodes[node].memory != NULL &&
                replica_deadline(&self->nodes[node].replica) < at_ms) {
                due = node;
                at_ms = replica_deadline(&self->nodes[node].replica);
            }
        if (at_ms > until_ms)
            break;
        self->now_ms = at_ms > self->now_ms ? at_ms : self->now_ms;
        if (due != SIZE_MAX)
            world_step(self, due, REPLICA_TIMEOUT);
        else
            world_deliver(self, flight);
    }
    self->now_ms = until_ms;
}

/* The trace up to that time, beginning now. */
static inline const char *world_trace(struct world *self, int64_t until_ms)
{
    self->is_traced = true;
    world_run(self, until_ms);
    self->is_traced = false;
    return self->trace;
}

static inline void world_open(struct world *self)
{
    memset(self, 0, sizeof *self);
    pack_space_open(&self->space);
}

static inline void world_close(struct world *self)
{
    for (size_t i = 0; i < WORLD_FLIGHTS_MAX; i++)
        free(self->flights[i].bytes);
    fixture_end(&self->nodes[0]);
    fixture_end(&self->nodes[1]);
    pack_space_close(&self->space);
}

#endif
