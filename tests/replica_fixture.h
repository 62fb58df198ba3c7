/* tests/replica_fixture.h -- a replica with its table, and messages, for tests to speak with.
 *
 * What a step sends is compared as text: "ns2: hello node ns1 boot 11 heard 0 known 0 synced", one
 * line for each message (message_text). */
#ifndef TANDEM_TESTS_REPLICA_FIXTURE_H
#define TANDEM_TESTS_REPLICA_FIXTURE_H

#include "replication/replica.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_LINES_MAX = 4096, FIXTURE_MEDIA1 = 1, FIXTURE_MEDIA2 = 2 };

static const char *const fixture_agents[] = {"media1", "media2"};

struct fixture {
    struct replica_config config;
    struct replica replica;
    struct table table;
    struct replica_update update;
    void *memory;
    char lines[FIXTURE_LINES_MAX];
};

/* A new life of node ns1 (which dials) or ns2. Ends an earlier one. */
static inline void fixture_start(struct fixture *self, uint8_t number, uint64_t boot,
                                 size_t capacity)
{
    static const uint8_t hash_key[16] = "fixture";
    struct arena arena;
    size_t size = capacity * 600 + 4096;
    free(self->memory);
    self->memory = aligned_alloc(16, (size + 15) / 16 * 16);
    arena_init(&arena, self->memory, size);
    self->config = (struct replica_config){.cluster = "lab",
                                           .format = 1,
                                           .name = number == 1 ? "ns1" : "ns2",
                                           .partner = number == 1 ? "ns2" : "ns1",
                                           .number = number,
                                           .dials = number == 1,
                                           .boot = boot,
                                           .agent_count = 2};
    ck_assert(table_init(&self->table, &arena, capacity, hash_key));
    ck_assert(replica_init(&self->replica, &self->config, &self->table, &arena));
    for (size_t i = 0; i < 2; i++)
        replica_seat(&self->replica, i, fixture_agents[i]);
}

static inline void fixture_end(struct fixture *self)
{
    free(self->memory);
    self->memory = NULL;
}

/* What the last step sent, as text. */
static inline const char *fixture_lines(struct fixture *self)
{
    size_t used = 0;
    self->lines[0] = '\0';
    for (size_t i = 0; i < self->update.send_count; i++) {
        const struct replica_send *send = &self->update.sends[i];
        const char *to = self->replica.peers[send->peer].name;
        char text[400]; /* so that all of a step fits */
        message_text(&send->message, text, sizeof text);
        used += (size_t)snprintf(self->lines + used, sizeof self->lines - used, "%s%s: %s",
                                 i == 0 ? "" : "\n", to, text);
    }
    return self->lines;
}

static inline const char *fixture_step(struct fixture *self, int64_t now_ms,
                                       enum replica_event_type type)
{
    replica_step(&self->replica, now_ms, &(struct replica_event){.type = type}, &self->update);
    return fixture_lines(self);
}

static inline const char *fixture_hear(struct fixture *self, int64_t now_ms, size_t peer,
                                       const struct message *message)
{
    replica_step(&self->replica, now_ms,
                 &(struct replica_event){.type = REPLICA_MESSAGE, .peer = peer, .message = message},
                 &self->update);
    return fixture_lines(self);
}

/* ---- messages; each call overwrites the last of its kind ---- */

static inline struct message *hello_of(const char *name, uint64_t boot, uint64_t heard_boot,
                                       uint64_t known_incarnation)
{
    static struct message message;
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = 1,
                                           .protocol_max = 1,
                                           .role = name[0] == 'n' ? MESSAGE_NODE : MESSAGE_AGENT,
                                           .boot = boot,
                                           .heard_boot = heard_boot,
                                           .known_incarnation = known_incarnation,
                                           .synced = true};
    strcpy(message.hello.name, name);
    strcpy(message.hello.cluster, "lab");
    return &message;
}

/* Of an order: the writing node's number in the sequence's place. */
static inline struct record_version version_of(enum record_kind kind, uint64_t incarnation,
                                               uint64_t sequence)
{
    if (kind == RECORD_ORDER)
        return record_order_version(incarnation, (uint8_t)sequence, 0);
    return (struct record_version){incarnation, sequence};
}

static inline struct record record_of(enum record_kind kind, const char *name, uint64_t incarnation,
                                      uint64_t sequence)
{
    struct record record = {.key = {.kind = kind},
                            .version = version_of(kind, incarnation, sequence)};
    snprintf(record.key.name, sizeof record.key.name, "%s", name);
    record.value_size = 1;
    record.value[0] = (uint8_t)sequence;
    return record;
}

static inline struct message *records_of(enum message_type type, struct record record)
{
    static struct message message;
    message.type = type;
    message.records.chunk = 0;
    message.records.last = message.records.partner_lacks = false;
    message.records.count = 1;
    message.records.records[0] = record;
    return &message;
}

static inline struct message *report_of(const char *name, uint64_t incarnation, uint64_t sequence)
{
    return records_of(MESSAGE_DELTA, record_of(RECORD_REPORT, name, incarnation, sequence));
}

static inline struct message *versions_of(enum message_type type, enum record_kind kind,
                                          const char *name, uint64_t incarnation, uint64_t sequence)
{
    static struct message message;
    message.type = type;
    message.versions.chunk = 0;
    message.versions.last = type == MESSAGE_VERSIONS;
    message.versions.count = 1;
    message.versions.entries[0] = (struct message_version){
        .key = record_of(kind, name, 1, 1).key, .version = version_of(kind, incarnation, sequence)};
    return &message;
}

static inline struct message *ack_of_chunk(uint64_t chunk)
{
    static struct message message;
    message.type = MESSAGE_ACK;
    message.ack = (struct message_ack){.chunk = chunk};
    return &message;
}

/* Write a record of this node's own, or an order. */
static inline struct table_entry *fixture_write(struct fixture *self, int64_t now_ms,
                                                enum record_kind kind, const char *name)
{
    struct record_key key = record_of(kind, name, 1, 1).key;
    /* A value that no other life of the node writes. */
    uint8_t value[8];
    memcpy(value, &self->config.boot, sizeof value);
    return replica_write(&self->replica, now_ms, &key, value, sizeof value);
}

static inline const struct table_entry *fixture_find(const struct fixture *self,
                                                     enum record_kind kind, const char *name)
{
    struct record_key key = record_of(kind, name, 1, 1).key;
    return table_find(&self->table, &key);
}

#endif
