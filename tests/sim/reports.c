/* What a node says to agents, and what it makes of words that no peer may say. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

/* ---- agents ---- */

static const struct message *said_to(const struct sim_step *step, enum message_type type,
                                     size_t *count)
{
    const struct message *last = NULL;
    *count = 0;
    for (size_t i = 0; i < step->said->send_count; i++)
        if (step->said->sends[i].peer == step->peer && step->said->sends[i].message.type == type) {
            last = &step->said->sends[i].message;
            (*count)++;
        }
    return last;
}

static const struct table_entry *report_of(const struct sim *self, const struct sim_step *step)
{
    struct record_key key = {.kind = RECORD_REPORT};
    snprintf(key.name, sizeof key.name, "%s", self->document.servers[step->peer - 1].name);
    return table_find(step->replica->table, &key);
}

/* Each HELLO of an agent is answered; to a new life it says what it has to be above. */
static void judge_hello(struct sim *self, struct sim_step *step, struct sim_hearing *hearing)
{
    const struct message_hello *heard = &step->heard->hello;
    size_t hellos;
    const struct message *said = said_to(step, MESSAGE_HELLO, &hellos);
    if (!hearing->is_greeted || heard->boot != hearing->boot) {
        const struct table_entry *known = report_of(self, step);
        *hearing =
            (struct sim_hearing){.is_greeted = true,
                                 .boot = heard->boot,
                                 .least = known == NULL ? 0 : known->version.incarnation + 1};
    }
    sim_check(self, SIM_ANSWERS, hellos == 1 && said->hello.known_incarnation == hearing->least,
              "ns%zu answers media%zu with %zu HELLO", step->number + 1, step->peer, hellos);
}

/* What the table holds of a report is acknowledged, and marked for a partner that lacks it; who
 * would be ignored is told so. */
static void judge_report(struct sim *self, struct sim_step *step, struct sim_hearing *hearing)
{
    const struct message_records *delta = &step->heard->records;
    const struct record *record = &delta->records[delta->count - 1];
    const struct table_entry *entry = report_of(self, step);
    size_t acks, hellos;
    const struct message *ack = said_to(step, MESSAGE_ACK, &acks);
    const struct message *hello = said_to(step, MESSAGE_HELLO, &hellos);
    if (!hearing->is_greeted) {
        sim_check(self, SIM_ANSWERS, hellos == 1 && acks == 0,
                  "ns%zu does not ask media%zu to greet", step->number + 1, step->peer);
        return;
    }
    sim_check(self, SIM_ANSWERS, entry != NULL, "ns%zu does not take a report", step->number + 1);
    if (entry == NULL)
        return;
    bool is_older = record_compare(record->version, entry->version) < 0;
    bool is_early = record->version.incarnation < entry->version.incarnation;
    bool is_ignored = is_older && record_compare(record->version, hearing->said) > 0;
    hearing->said = record->version;
    if (is_ignored && hearing->least <= entry->version.incarnation)
        hearing->least = entry->version.incarnation + 1;
    sim_check(self, SIM_ANSWERS,
              acks == !is_older &&
                  (is_older || record_compare(ack->ack.version, record->version) == 0),
              "ns%zu says ACK to media%zu %zu times", step->number + 1, step->peer, acks);
    sim_check(self, SIM_ANSWERS,
              hellos == is_ignored &&
                  (!is_ignored || hello->hello.known_incarnation == hearing->least),
              "ns%zu says HELLO to media%zu %zu times", step->number + 1, step->peer, hellos);
    sim_check(self, SIM_ANSWERS,
              step->said->reason == (is_early ? REPLICA_OLD_INCARNATION : REPLICA_TAKEN),
              "ns%zu takes a report of media%zu for %s", step->number + 1, step->peer,
              replica_reason_text(step->said->reason));
    bool is_raised = table_digest(step->replica->table) != step->was_digest;
    sim_check(self, SIM_ANSWERS, step->said->change_count == is_raised,
              "ns%zu learns %zu changes from a report", step->number + 1, step->said->change_count);
    sim_check(self, SIM_TELLS,
              (step->replica->table->last_change > step->was_change) ==
                  (delta->partner_lacks && !is_older),
              "ns%zu relays a report, or not, against the word of media%zu", step->number + 1,
              step->peer);
}

/* Every message is counted, by one reason or as taken. */
static void judge_counts(struct sim *self, const struct sim_step *step)
{
    uint64_t counted = 0;
    for (int i = 0; i < REPLICA_REASON_COUNT; i++)
        counted += step->replica->counts[i] - step->was_counted[i];
    enum replica_reason reason = step->said->reason;
    sim_check(self, SIM_ANSWERS,
              counted == 1 && step->replica->counts[reason] == step->was_counted[reason] + 1,
              "ns%zu counts a message %llu times", step->number + 1, (unsigned long long)counted);
}

void sim_reports_judge(struct sim *self, struct sim_step *step)
{
    for (size_t i = 0; i < step->said->send_count; i++) {
        const struct replica_send *send = &step->said->sends[i];
        if (send->peer == REPLICA_PARTNER)
            continue;
        sim_check(self, SIM_SPARING, step->heard != NULL && send->peer == step->peer,
                  "ns%zu speaks to an agent unasked", step->number + 1);
        if (send->message.type == MESSAGE_HELLO)
            sim_check(self, SIM_SPARING, !send->message.hello.wants_snapshot,
                      "ns%zu asks an agent for a snapshot", step->number + 1);
    }
    if (step->heard == NULL)
        return;
    judge_counts(self, step);
    if (step->peer == REPLICA_PARTNER)
        return;
    struct sim_hearing *hearing = &step->talk->agents[step->peer - 1];
    if (step->heard->type == MESSAGE_HELLO)
        judge_hello(self, step, hearing);
    else
        judge_report(self, step, hearing);
}

/* ---- what no peer may say ---- */

enum {
    MISSPOKEN_MS = 500,
    NAME_PLACE = 2, /* of a kind, before a short name in its bytes */
};

/* A frame with a fault, and by which reason it is refused. */
struct misspoken {
    size_t peer, size;
    uint8_t bytes[MESSAGE_SIZE_MAX];
    enum message_reason message_reason;
    enum replica_reason reason;
};

/* Names at the borders of what a name may be; a name that cannot be encoded replaces another. */
static const struct {
    const char *said, *becomes;
    enum message_reason reason;
} names[] = {
    {"!~", "!~", MESSAGE_OK},       {"x", "x", MESSAGE_OK},       {"qx", "q\x7f", MESSAGE_BAD_NAME},
    {"qx", "q ", MESSAGE_BAD_NAME}, {"qx", "", MESSAGE_BAD_NAME}, {"qx", " q", MESSAGE_BAD_NAME},
};

static const uint8_t *find(const struct misspoken *self, const char *name)
{
    const uint8_t *found = memmem(self->bytes, self->size, name, strlen(name));
    assert(found != NULL);
    return found;
}

/* MessagePack: the size of a text shorter than 32 bytes stands in the byte before it. */
static void rename_to(struct misspoken *self, const char *name, const char *becomes)
{
    uint8_t *at = self->bytes + (find(self, name) - self->bytes);
    size_t was = strlen(name), is = strlen(becomes);
    memmove(at + is, at + was, self->size - (size_t)(at - self->bytes) - was);
    memcpy(at, becomes, is);
    at[-1] = (uint8_t)(0xa0 | is);
    self->size = self->size - was + is;
}

/* The longest name, and a byte more: its size stands in a byte of its own. */
static void make_longer(struct misspoken *self, const char *name)
{
    uint8_t *at = self->bytes + (find(self, name) - self->bytes);
    memmove(at + 1, at, self->size - (size_t)(at - self->bytes));
    at[-1]++;
    self->size++;
}

static void say_hello(struct sim *self, const struct replica *replica, struct misspoken *misspoken)
{
    static const char longest[] = "longest-longest-longest-longest-longest-longest-longest-longest"
                                  "-longest-longest-longest-longest";
    static_assert(sizeof longest == RECORD_NAME_MAX + 1, "the longest name");
    bool is_node = misspoken->peer == REPLICA_PARTNER;
    struct message message = {.type = MESSAGE_HELLO};
    struct message_hello *hello = &message.hello;
    *hello = (struct message_hello){.protocol_min = MESSAGE_PROTOCOL_MIN,
                                    .protocol_max = MESSAGE_PROTOCOL_MAX,
                                    .role = is_node ? MESSAGE_NODE : MESSAGE_AGENT,
                                    .cluster = "sim",
                                    .boot = 1 + sim_dice(self, UINT32_MAX)};
    snprintf(hello->name, sizeof hello->name, "%s", replica->peers[misspoken->peer].name);
    size_t fault = sim_dice(self, 6), name = sim_dice(self, sizeof names / sizeof *names);
    bool is_longer = sim_dice(self, 2) == 0;
    misspoken->reason = REPLICA_WRONG_NAME;
    if (fault == 0) {
        hello->protocol_min = hello->protocol_max = MESSAGE_PROTOCOL_MAX + 1;
        misspoken->reason = REPLICA_WRONG_PROTOCOL;
    } else if (fault == 1) {
        hello->protocol_min = hello->protocol_max = MESSAGE_PROTOCOL_MIN - 1;
        misspoken->reason = REPLICA_WRONG_PROTOCOL;
    } else if (fault == 2) {
        snprintf(hello->cluster, sizeof hello->cluster, is_longer ? "simulated" : "aim");
        misspoken->reason = REPLICA_WRONG_CLUSTER;
    } else if (fault == 3)
        hello->role = is_node ? MESSAGE_AGENT : MESSAGE_NODE;
    else
        snprintf(hello->name, sizeof hello->name, "%s", fault == 4 ? names[name].said : longest);
    misspoken->size = message_encode(&message, misspoken->bytes);
    if (fault == 4 && names[name].reason != MESSAGE_OK) {
        rename_to(misspoken, names[name].said, names[name].becomes);
        misspoken->message_reason = names[name].reason;
    } else if (fault == 5 && is_longer) {
        make_longer(misspoken, longest);
        misspoken->message_reason = MESSAGE_BAD_NAME;
    }
}

/* An agent states what is not its own, or says what only nodes may. */
static void say_as_node(struct sim *self, struct misspoken *misspoken)
{
    static struct message message;
    static const enum message_type types[] = {MESSAGE_SNAPSHOT, MESSAGE_VERSIONS, MESSAGE_PULL,
                                              MESSAGE_ACK, MESSAGE_DELTA};
    static const enum record_kind kinds[] = {RECORD_REPORT, RECORD_NODE, RECORD_HANDED_OUT,
                                             RECORD_ORDER};
    memset(&message, 0, sizeof message);
    message.type = types[sim_dice(self, 5)];
    misspoken->reason = REPLICA_NOT_FOR_AGENTS;
    if (message.type == MESSAGE_DELTA) {
        struct record *record = &message.records.records[message.records.count++];
        record->key.kind = kinds[sim_dice(self, 4)];
        const char *own = self->document.servers[misspoken->peer - 1].name;
        snprintf(record->key.name, sizeof record->key.name,
                 record->key.kind == RECORD_REPORT ? "%s1" : "%s", own);
        record->version = (struct record_version){1U << 30, 1};
        misspoken->reason = REPLICA_NOT_OWNER;
    }
    misspoken->size = message_encode(&message, misspoken->bytes);
}

/* The partner, of a later version, states a kind of record that this one does not know, or asks for
 * a record that nobody knows: that is passed over, and the message taken. */
static void say_unknown(struct sim *self, struct misspoken *misspoken)
{
    static struct message message;
    memset(&message, 0, sizeof message);
    misspoken->reason = REPLICA_TAKEN;
    if (sim_dice(self, 2) == 0) {
        message.type = MESSAGE_PULL;
        message.versions.entries[message.versions.count++].key =
            (struct record_key){.kind = RECORD_ORDER, .name = "of-nobody"};
        misspoken->size = message_encode(&message, misspoken->bytes);
        return;
    }
    message.type = MESSAGE_DELTA;
    struct record *record = &message.records.records[message.records.count++];
    record->key = (struct record_key){.kind = RECORD_NODE, .name = "of-later"};
    record->version = (struct record_version){1, 1};
    misspoken->size = message_encode(&message, misspoken->bytes);
    misspoken->bytes[find(misspoken, "of-later") - misspoken->bytes - NAME_PLACE] =
        sim_dice(self, 2) == 0 ? RECORD_REPORT - 1 : RECORD_TRANSITION + 1;
}

static void judge_refused(struct sim *self, struct sim_node *node, size_t number,
                          const struct misspoken *misspoken)
{
    struct node *core = &node->node;
    const struct replica_update *update = &self->room.update->replica;
    bool is_decoded = misspoken->message_reason == MESSAGE_OK;
    uint64_t *counted = is_decoded ? &core->replica.counts[misspoken->reason]
                                   : &core->message_reasons[misspoken->message_reason];
    uint64_t was_counted = *counted, was_digest = table_digest(&core->table);
    uint64_t was_refused = core->replica.peers[misspoken->peer].refused;
    uint64_t was_lamport = core->replica.lamport, was_incarnation = core->replica.incarnation;
    struct node_event event = {.type = NODE_FRAME,
                               .peer = misspoken->peer,
                               .bytes = misspoken->bytes,
                               .size = misspoken->size};
    node_step(core, self->now_ms, &event, self->room.update);
    node->due_ms = node_deadline(core);
    sim_check(self, SIM_REFUSED, *counted == was_counted + 1,
              "ns%zu does not refuse what peer %zu says: %s", number + 1, misspoken->peer,
              is_decoded ? replica_reason_text(misspoken->reason)
                         : message_reason_text(misspoken->message_reason));
    bool is_refused = is_decoded && misspoken->reason != REPLICA_TAKEN;
    sim_check(self, SIM_REFUSED,
              table_digest(&core->table) == was_digest && update->send_count == 0 &&
                  update->change_count == 0 &&
                  core->replica.peers[misspoken->peer].refused == was_refused + is_refused &&
                  core->replica.lamport == was_lamport &&
                  core->replica.incarnation == was_incarnation,
              "ns%zu is moved by what peer %zu may not say", number + 1, misspoken->peer);
}

static void hear(struct sim *self, size_t number, size_t peer, const struct message *message)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    size_t size = message_encode(message, bytes);
    sim_node_event(
        self, number,
        &(struct node_event){.type = NODE_FRAME, .peer = peer, .bytes = bytes, .size = size});
}

/* Who speaks without a greeting is asked for one, as sim_talk_judge and judge_report have it. */
static void hear_stranger(struct sim *self, size_t number, size_t peer)
{
    static struct message message;
    memset(&message, 0, sizeof message);
    message.type = MESSAGE_DELTA;
    if (peer != REPLICA_PARTNER) {
        struct record *record = &message.records.records[message.records.count++];
        record->key.kind = RECORD_REPORT;
        strcpy(record->key.name, self->document.servers[peer - 1].name);
        record->version = (struct record_version){1, 1};
    }
    hear(self, number, peer, &message);
}

/* The partner says HELLO before it has heard of this node's present life. */
static void hear_hello(struct sim *self, const struct sim_node *node, size_t number)
{
    const struct replica_config *config = &node->node.replica.config;
    bool is_synced = self->nodes[1 - number].node.replica.sync == REPLICA_SYNCED;
    struct message message = {.type = MESSAGE_HELLO,
                              .hello = {.protocol_min = MESSAGE_PROTOCOL_MIN,
                                        .protocol_max = MESSAGE_PROTOCOL_MAX,
                                        .role = MESSAGE_NODE,
                                        .boot = node->talk.boot,
                                        .wants_snapshot = !is_synced,
                                        .synced = is_synced}};
    strcpy(message.hello.name, config->partner);
    strcpy(message.hello.cluster, config->cluster);
    hear(self, number, REPLICA_PARTNER, &message);
}

/* A node's own record comes back, as a frame would that was long on its way. Is it above what this
 * life has stated, the node counts on above it; it is never news. */
static void judge_late(struct sim *self, struct sim_node *node, size_t number)
{
    static struct message message;
    struct node *core = &node->node;
    struct record_key key = {.kind = RECORD_NODE};
    snprintf(key.name, sizeof key.name, "%s", core->replica.config.name);
    const struct table_entry *known = table_find(&core->table, &key);
    if (known == NULL)
        return;
    size_t above = sim_dice(self, 4);
    memset(&message, 0, sizeof message);
    message.type = MESSAGE_DELTA;
    struct record *record = &message.records.records[message.records.count++];
    table_record(known, self->now_ms, record);
    uint64_t expected = core->replica.incarnation, lamport = core->replica.lamport;
    if (above == 1)
        record->version.incarnation--;
    else if (above == 2)
        record->version.sequence = core->replica.sequence + 1;
    else if (above == 3)
        record->version.incarnation = expected + 1000;
    if (record->version.incarnation == 0)
        return;
    if (above >= 2)
        expected = record->version.incarnation + 1;
    hear(self, number, REPLICA_PARTNER, &message);
    sim_check(self, SIM_ANSWERS,
              core->replica.incarnation == expected && core->replica.lamport == lamport &&
                  self->room.update->replica.change_count == 0,
              "ns%zu counts from %llu, not %llu", number + 1,
              (unsigned long long)core->replica.incarnation, (unsigned long long)expected);
}

static void misspeak(struct sim *self)
{
    static struct misspoken misspoken;
    size_t number = sim_dice(self, SIM_NODES);
    struct sim_node *node = &self->nodes[number];
    const struct replica *replica = &node->node.replica;
    misspoken.peer = sim_dice(self, 1 + self->agent_count);
    misspoken.message_reason = MESSAGE_OK;
    if (!node->alive || node->stalled || self->now_ms >= node->due_ms)
        return;
    bool is_greeted = misspoken.peer == REPLICA_PARTNER
                          ? node->talk.is_greeted
                          : node->talk.agents[misspoken.peer - 1].is_greeted;
    if (sim_has_history(self) && !is_greeted) {
        hear_stranger(self, number, misspoken.peer);
        return;
    }
    if (sim_has_history(self) && node->talk.is_greeted && sim_dice(self, 2) == 0) {
        if (sim_dice(self, 4) == 0)
            hear_hello(self, node, number);
        else
            judge_late(self, node, number);
        return;
    }
    if (!is_greeted || sim_dice(self, 2) == 0)
        say_hello(self, replica, &misspoken);
    else if (misspoken.peer == REPLICA_PARTNER) {
        say_unknown(self, &misspoken);
        node->talk.heard_ms = self->now_ms;
    } else
        say_as_node(self, &misspoken);
    judge_refused(self, node, number, &misspoken);
}

/* With other dice, so that a seed's schedule is as it would be without; but one with a history is
 * moved by what is said in it. */
void sim_misspoken_step(struct sim *self)
{
    if (self->now_ms < self->next_misspoken_ms)
        return;
    self->next_misspoken_ms = self->now_ms + MISSPOKEN_MS;
    uint64_t dice = self->dice;
    self->dice = self->other_dice;
    misspeak(self);
    self->other_dice = self->dice;
    self->dice = dice;
}
