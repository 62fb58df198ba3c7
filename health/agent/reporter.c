#include "health/agent/reporter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const reason_texts[REPORTER_REASON_COUNT] = {
    [REPORTER_TAKEN] = "taken",
    [REPORTER_WRONG_PROTOCOL] = "wrong-protocol",
    [REPORTER_WRONG_CLUSTER] = "wrong-cluster",
    [REPORTER_NOT_A_NODE] = "not-a-node",
    [REPORTER_UNEXPECTED] = "unexpected",
};

const char *reporter_reason_text(enum reporter_reason reason)
{
    assert(reason < REPORTER_REASON_COUNT);
    return reason_texts[reason];
}

void reporter_init(struct reporter *self, const struct reporter_config *config)
{
    assert(config->node_count >= 1);
    assert(config->node_count <= REPORTER_NODES_MAX);
    assert(config->boot != 0);
    assert(config->gap_ms > 0);
    assert(config->gap_ms <= config->interval_ms);
    assert(config->lack_ms > 0);
    assert(config->socket_step >= 1);
    assert(config->permille_step >= 1);
    assert(record_name_is_valid(config->server, strlen(config->server)));
    assert(record_name_is_valid(config->cluster, strlen(config->cluster)));
    *self = (struct reporter){.config = *config,
                              .version = {.incarnation = 1},
                              .told_ms = INT64_MIN,
                              .due_ms = INT64_MIN,
                              .lack_due_ms = INT64_MAX};
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t later(int64_t a_ms, int64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

/* ---- sending ---- */

static struct message *add_send(struct reporter_update *update, size_t node)
{
    assert(update->send_count < REPORTER_SENDS_MAX);
    struct reporter_send *send = &update->sends[update->send_count++];
    send->node = node;
    return &send->message;
}

static void send_hello(const struct reporter *self, size_t node, struct reporter_update *update)
{
    struct message *message = add_send(update, node);
    message->type = MESSAGE_HELLO;
    message->hello = (struct message_hello){.protocol_min = MESSAGE_PROTOCOL_MIN,
                                            .protocol_max = MESSAGE_PROTOCOL_MAX,
                                            .role = MESSAGE_AGENT,
                                            .boot = self->config.boot,
                                            .heard_boot = self->nodes[node].boot,
                                            .synced = true};
    memcpy(message->hello.machine, self->config.machine, sizeof message->hello.machine);
    snprintf(message->hello.name, sizeof message->hello.name, "%s", self->config.server);
    snprintf(message->hello.cluster, sizeof message->hello.cluster, "%s", self->config.cluster);
}

/* The last report, as it was first told but for its age. */
static void send_report(struct reporter *self, int64_t now_ms, size_t node, bool partner_lacks,
                        struct reporter_update *update)
{
    assert(self->nodes[node].greeted);
    struct message *message = add_send(update, node);
    struct message_records *delta = &message->records;
    message->type = MESSAGE_DELTA;
    delta->chunk = 0;
    delta->last = false;
    delta->partner_lacks = partner_lacks;
    delta->count = 1;
    struct record *record = &delta->records[0];
    record->key.kind = RECORD_REPORT;
    snprintf(record->key.name, sizeof record->key.name, "%s", self->config.server);
    record->version = self->version;
    record->age_ms = (uint32_t)earlier(now_ms - self->told_taken_ms, RECORD_AGE_MS_MAX);
    record->value_size = (uint16_t)report_encode(&self->told, record->value);
    self->nodes[node].told_partner_lacks = partner_lacks;
    self->nodes[node].unsent = false;
}

/* ---- who lacks what ---- */

static bool is_any_greeted(const struct reporter *self)
{
    for (size_t i = 0; i < self->config.node_count; i++)
        if (self->nodes[i].greeted)
            return true;
    return false;
}

/* Does the node's partner have to be told by it? */
static bool does_partner_lack(const struct reporter *self, size_t node)
{
    if (self->config.node_count < 2)
        return false;
    const struct reporter_node *partner = &self->nodes[1 - node];
    return partner->lacks || !partner->greeted;
}

/* Is a report kept back that is still the truth? */
static bool is_unsent(const struct reporter *self, size_t node)
{
    return self->nodes[node].unsent && self->nodes[node].greeted && self->sampled;
}

/* From now on the acknowledgements of the last report are awaited. */
static void await(struct reporter *self)
{
    self->awaited = self->version;
    self->lack_due_ms = self->told_ms + self->config.lack_ms;
}

/* A report that follows while acknowledgements are awaited does not put off their being looked at:
 * else a server whose figures move all the time would never notice. */
static void tell(struct reporter *self, int64_t now_ms, struct reporter_update *update)
{
    self->told = self->latest;
    self->told_taken_ms = self->latest_ms;
    self->version.sequence++;
    self->told_ms = now_ms;
    self->due_ms = now_ms + self->config.interval_ms;
    if (self->config.node_count > 1 && self->lack_due_ms == INT64_MAX)
        await(self);
    for (size_t i = 0; i < self->config.node_count; i++)
        if (self->nodes[i].greeted)
            send_report(self, now_ms, i, does_partner_lack(self, i), update);
}

/* lack_ms after a report: who has not acknowledged it? */
static void judge_lacks(struct reporter *self)
{
    for (size_t i = 0; i < self->config.node_count; i++)
        if (record_compare(self->nodes[i].acked, self->awaited) < 0)
            self->nodes[i].lacks = true;
    self->lack_due_ms = INT64_MAX;
    if (record_compare(self->awaited, self->version) < 0)
        await(self);
}

/* Tell the other, unless it knows. */
static void tell_lacks(struct reporter *self, int64_t now_ms, struct reporter_update *update)
{
    for (size_t i = 0; i < self->config.node_count; i++)
        if (self->nodes[i].greeted && !self->nodes[i].told_partner_lacks &&
            does_partner_lack(self, i))
            send_report(self, now_ms, i, true, update);
}

/* What a full queue kept back, as it is by now; unless this step has told it anyway. */
static void tell_unsent(struct reporter *self, int64_t now_ms, struct reporter_update *update)
{
    for (size_t i = 0; i < self->config.node_count; i++)
        if (is_unsent(self, i) && now_ms >= self->nodes[i].unsent_due_ms)
            send_report(self, now_ms, i, does_partner_lack(self, i), update);
}

/* ---- what comes in ---- */

static bool is_moved(uint32_t from, uint32_t to, uint32_t step)
{
    return (from < to ? to - from : from - to) >= step;
}

static bool has_moved(const struct reporter *self)
{
    const struct report *from = &self->told, *to = &self->latest;
    if (from->service_count != to->service_count)
        return true;
    for (size_t i = 0; i < to->service_count; i++) {
        const struct report_service *service = report_service(from, to->services[i].port);
        if (service == NULL || service->listening != to->services[i].listening ||
            is_moved(service->sockets, to->services[i].sockets, self->config.socket_step))
            return true;
    }
    return is_moved(from->cpu_permille, to->cpu_permille, self->config.permille_step) ||
           is_moved(from->memory_permille, to->memory_permille, self->config.permille_step) ||
           is_moved(from->disk_permille, to->disk_permille, self->config.permille_step);
}

/* The next report goes as soon as the gap allows. */
static void hurry(struct reporter *self)
{
    if (self->told_ms != INT64_MIN)
        self->due_ms = earlier(self->due_ms, self->told_ms + self->config.gap_ms);
}

static void take_sample(struct reporter *self, int64_t now_ms, const struct report *report)
{
    self->latest = *report;
    self->latest_ms = now_ms;
    self->sampled = true;
    if (has_moved(self))
        hurry(self);
}

static enum reporter_reason judge_hello(const struct reporter *self,
                                        const struct message_hello *hello)
{
    if (message_protocol(hello) == 0)
        return REPORTER_WRONG_PROTOCOL;
    if (strcmp(hello->cluster, self->config.cluster) != 0)
        return REPORTER_WRONG_CLUSTER;
    return hello->role == MESSAGE_NODE ? REPORTER_TAKEN : REPORTER_NOT_A_NODE;
}

static enum reporter_reason take_hello(struct reporter *self, int64_t now_ms,
                                       struct reporter_node *node,
                                       const struct message_hello *hello)
{
    enum reporter_reason reason = judge_hello(self, hello);
    if (reason != REPORTER_TAKEN)
        return reason;
    node->boot = hello->boot;
    if (hello->known_incarnation > self->version.incarnation) {
        self->version = (struct record_version){.incarnation = hello->known_incarnation};
        self->lack_due_ms = INT64_MAX; /* nobody lacks what was not yet said in this life */
        hurry(self);
    }
    if (hello->heard_boot != self->config.boot) {
        /* It does not know of this life: greet again, but let no node make us chatter. */
        node->greeted = false;
        node->hello_due_ms =
            later(now_ms, node->hello_due_ms - REPORTER_HELLO_MS + self->config.gap_ms);
    } else if (!node->greeted) {
        node->greeted = true;
        self->due_ms = now_ms;
    }
    return REPORTER_TAKEN;
}

static enum reporter_reason take_ack(const struct reporter *self, struct reporter_node *node,
                                     struct record_version version)
{
    if (!node->greeted || record_compare(version, self->version) > 0)
        return REPORTER_UNEXPECTED;
    if (record_compare(version, node->acked) > 0) {
        node->acked = version;
        node->lacks = false;
    }
    return REPORTER_TAKEN;
}

static enum reporter_reason take_message(struct reporter *self, int64_t now_ms,
                                         struct reporter_node *node, const struct message *message)
{
    if (!node->connected)
        return REPORTER_UNEXPECTED;
    switch (message->type) {
    case MESSAGE_HELLO:
        return take_hello(self, now_ms, node, &message->hello);
    case MESSAGE_ACK:
        return take_ack(self, node, message->ack.version);
    case MESSAGE_SNAPSHOT:
    case MESSAGE_DELTA:
    case MESSAGE_VERSIONS:
    case MESSAGE_PULL:
        break;
    }
    return REPORTER_UNEXPECTED;
}

/* ---- the machine ---- */

static void take(struct reporter *self, int64_t now_ms, const struct reporter_event *event,
                 struct reporter_update *update)
{
    assert(event->node < self->config.node_count);
    struct reporter_node *node = &self->nodes[event->node];
    switch (event->type) {
    case REPORTER_LINK_UP:
        node->connected = true;
        node->greeted = node->unsent = false;
        node->hello_due_ms = now_ms;
        return;
    case REPORTER_LINK_DOWN:
        node->connected = node->greeted = node->unsent = false;
        return;
    case REPORTER_MESSAGE:
        update->reason = take_message(self, now_ms, node, event->message);
        return;
    case REPORTER_SAMPLE:
        take_sample(self, now_ms, event->report);
        return;
    case REPORTER_UNSENT:
        node->unsent = true;
        node->unsent_due_ms = now_ms + self->config.gap_ms;
        return;
    case REPORTER_STOP:
        hurry(self);
        return;
    case REPORTER_TIMEOUT:
        return;
    }
}

void reporter_step(struct reporter *self, int64_t now_ms, const struct reporter_event *event,
                   struct reporter_update *update)
{
    update->send_count = 0;
    update->reason = REPORTER_TAKEN;
    take(self, now_ms, event, update);
    if (now_ms - self->latest_ms > 2 * self->config.interval_ms)
        self->sampled = false;
    for (size_t i = 0; i < self->config.node_count; i++) {
        struct reporter_node *node = &self->nodes[i];
        if (!node->connected || node->greeted || now_ms < node->hello_due_ms)
            continue;
        send_hello(self, i, update);
        node->hello_due_ms = now_ms + REPORTER_HELLO_MS;
    }
    bool is_judged = now_ms >= self->lack_due_ms;
    while (now_ms >= self->lack_due_ms) /* twice at most, when woken late */
        judge_lacks(self);
    if (self->sampled && is_any_greeted(self) && now_ms >= self->due_ms)
        tell(self, now_ms, update); /* which says who lacks what */
    else if (is_judged)
        tell_lacks(self, now_ms, update);
    tell_unsent(self, now_ms, update);
}

bool reporter_is_heard(const struct reporter *self, int64_t since_ms)
{
    for (size_t i = 0; i < self->config.node_count; i++) {
        const struct reporter_node *node = &self->nodes[i];
        if (node->greeted &&
            (self->told_ms < since_ms || record_compare(node->acked, self->version) < 0))
            return false;
    }
    return true;
}

int64_t reporter_deadline(const struct reporter *self)
{
    int64_t deadline_ms = self->lack_due_ms;
    for (size_t i = 0; i < self->config.node_count; i++)
        if (self->nodes[i].connected && !self->nodes[i].greeted)
            deadline_ms = earlier(deadline_ms, self->nodes[i].hello_due_ms);
    for (size_t i = 0; i < self->config.node_count; i++)
        if (is_unsent(self, i))
            deadline_ms = earlier(deadline_ms, self->nodes[i].unsent_due_ms);
    if (self->sampled && is_any_greeted(self))
        deadline_ms = earlier(deadline_ms, self->due_ms);
    return deadline_ms;
}
