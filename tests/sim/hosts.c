#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/sim.h"

enum { NODE_MEMORY = 16 << 20, DOCUMENT_MEMORY = 1 << 20, PLAN_MEMORY = 4 << 20, TEXT_SIZE = 8192 };
enum {
    READ_EVERY_MS = 701, /* in every fourth seed */
    EMPTY_MS = 4003, /* so long nodes have no servers in every eighth: longer than their grace */
};

static const char zone_text[] = "$TTL 300\n"
                                "@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
                                "@ NS ns1\n"
                                "ns1 A 192.0.2.53\n"
                                "www CNAME stream\n";

/* ---- room ---- */

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(memory != MAP_FAILED);
    return memory;
}

void sim_room_take(struct sim_room *self)
{
    self->text = map(TEXT_SIZE);
    self->document = map(DOCUMENT_MEMORY);
    for (size_t i = 0; i < SIM_NODES; i++) {
        self->nodes[i] = map(NODE_MEMORY);
        self->plans[i][0] = map(PLAN_MEMORY);
        self->plans[i][1] = map(PLAN_MEMORY);
    }
    self->update = map(sizeof *self->update);
    self->reporter_update = map(sizeof *self->reporter_update);
    self->message = map(sizeof *self->message);
}

void sim_room_leave(struct sim_room *self)
{
    munmap(self->text, TEXT_SIZE);
    munmap(self->document, DOCUMENT_MEMORY);
    for (size_t i = 0; i < SIM_NODES; i++) {
        munmap(self->nodes[i], NODE_MEMORY);
        munmap(self->plans[i][0], PLAN_MEMORY);
        munmap(self->plans[i][1], PLAN_MEMORY);
    }
    munmap(self->update, sizeof *self->update);
    munmap(self->reporter_update, sizeof *self->reporter_update);
    munmap(self->message, sizeof *self->message);
}

/* ---- the document ---- */

static void write_document(struct sim *self, bool is_empty)
{
    FILE *out = fmemopen(self->room.text, TEXT_SIZE, "w");
    assert(out != NULL);
    fprintf(out, "format: 1\ncluster: sim\nnodes:\n");
    /* In every other seed one name begins as the other: what is its own is told by all of it. */
    for (int i = 1; i <= SIM_NODES; i++)
        fprintf(out, "  %s: {own: 192.0.2.1%d, home: 192.0.2.5%d, key: \"%040d\"}\n",
                i == 2                ? "ns2"
                : self->seed % 2 == 0 ? "ns1"
                                      : "ns",
                i, i, i);
    fprintf(out, "zones: {sim.example: z}\nservers:\n");
    for (size_t i = 0; i < self->agent_count; i++)
        fprintf(out,
                "  media%zu: {addresses: [192.0.2.%zu, \"2001:db8::%zu\"], capacity: 1000, "
                "key: \"%040zu\"}\n",
                i + 1, 101 + i, 101 + i, 101 + i);
    fprintf(out, "pools:\n  stream: {name: stream.sim.example, ports: [1755]%s}\n",
            is_empty ? "" : ", servers: all");
    if (self->agent_count > 2)
        fprintf(out, "  web: {name: web.sim.example, ports: [80]%s, last-resort: servfail}\n",
                is_empty ? "" : ", servers: [media1, media2]");
    fclose(out);
}

static void read_document(struct sim *self, bool is_empty, struct document *document,
                          struct arena *arena)
{
    char error[DOCUMENT_ERROR_MAX];
    write_document(self, is_empty);
    if (!document_parse(document, "sim.yaml", self->room.text, strlen(self->room.text), arena,
                        error)) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
}

static void open_documents(struct sim *self)
{
    struct arena arena;
    arena_init(&arena, self->room.document, DOCUMENT_MEMORY);
    read_document(self, true, &self->empty, &arena);
    read_document(self, false, &self->document, &arena);
}

/* ---- nodes ---- */

static const struct view *build_view(const struct node_plan *plan, struct arena *arena)
{
    const struct document *document = plan->document;
    char error[ZONE_ERROR_MAX + VIEW_ERROR_MAX];
    uint8_t origin[NAME_SIZE_MAX];
    size_t size;
    struct zone *zone = arena_take(arena, sizeof *zone);
    struct view_pool_config *pools = arena_take_array(arena, document->pool_count, sizeof *pools);
    assert(name_parse("sim.example", origin, &size));
    if (!zone_parse(zone, "z", zone_text, sizeof zone_text - 1, origin, NULL, arena, error))
        abort();
    for (size_t i = 0; i < document->pool_count; i++) {
        const struct document_pool *pool = &document->pools[i];
        struct ip(*addresses)[2] = arena_take_array(arena, pool->member_count, sizeof *addresses);
        for (size_t member = 0; member < pool->member_count; member++)
            memcpy(addresses[member], document->servers[pool->members[member]].addresses,
                   sizeof addresses[member]);
        pools[i] = (struct view_pool_config){.name = pool->name,
                                             .ttl_s = pool->ttl_s,
                                             .pool = plan->pools[i].pool,
                                             .addresses = (const struct ip(*)[2])addresses};
        assert(name_parse(pool->owner, pools[i].owner, &size));
    }
    struct view_config config = {.zone_count = 1,
                                 .pool_count = document->pool_count,
                                 .zones = zone,
                                 .pools = pools,
                                 .nsid = "sim"};
    const struct view *view = view_build(&config, arena, error);
    if (view == NULL) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    return view;
}

/* What the disk holds is to be told to the partner; of a record that it holds twice, the newer. */
static void restore(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    for (size_t i = 0; i < node->disk_count; i++)
        node_restore(&node->node, self->now_ms, &node->disk[i]);
    for (size_t i = 0; i < node->disk_count; i++) {
        struct record older = node->disk[i];
        if (--older.version.incarnation > 0)
            node_restore(&node->node, self->now_ms, &older);
    }
    sim_check(self, SIM_TELLS, node->node.table.last_change == node->disk_count,
              "ns%zu restores %zu orders and marks %llu", number + 1, node->disk_count,
              (unsigned long long)node->node.table.last_change);
    for (size_t i = 0; i < node->warm_count; i++) {
        struct record report = node->warm[i];
        report.age_ms += (uint32_t)(self->now_ms - node->warm_ms);
        node_restore(&node->node, self->now_ms, &report);
    }
    sim_check(self, SIM_ALONE, replica_deadline(&node->node.replica) == INT64_MAX,
              "ns%zu is due before its start", number + 1);
}

/* In every fourth seed a node starts with pools that have no servers, and reads of them a little
 * later, as those that joined are known by the partner's records alone. */
static bool begins_empty(const struct sim *self)
{
    return self->seed % 4 == 3;
}

static void start_node(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    struct node_config config = {
        .self = number, .spare_seats = 2, .boot = 1 + sim_dice(self, UINT32_MAX), .version = "sim"};
    struct node_plan plan;
    struct arena arena;
    arena_init(&arena, self->room.nodes[number], NODE_MEMORY);
    if (!node_plan_init(&plan, begins_empty(self) ? &self->empty : &self->document, &arena) ||
        !node_init(&node->node, &config, &plan, &arena))
        abort();
    node->view = build_view(&plan, &arena);
    node->seen = arena_take_array(&arena, node->node.table.capacity, sizeof *node->seen);
    assert(node->seen != NULL);
    node->seen_count = 0;
    node->write_count = 0;
    node->alive = true;
    node->stalled = false;
    node->clean_ms = self->now_ms;
    node->woke_ms = INT64_MIN;
    node->talk = (struct sim_talk){.start_ms = self->now_ms,
                                   .heard_ms = INT64_MIN,
                                   .hello_ms = -REPLICA_HELLO_MS,
                                   .begun_ms = INT64_MIN};
    sim_network_break(self, (int)number);
    node->lives++;
    self->weather_changed = true;
    restore(self, number);
    sim_trace(self, "ns%zu starts, life %llu, %zu orders on disk", number + 1,
              (unsigned long long)node->lives, node->disk_count);
    sim_node_event(self, number, &(struct node_event){.type = NODE_START});
    node->skew_ms = (int64_t)sim_dice(self, 2 * SIM_SKEW_MS) - SIM_SKEW_MS;
    node->clock_ms = self->now_ms;
    node->read_ms = self->now_ms + (self->seed % 8 == 7 ? EMPTY_MS : READ_EVERY_MS);
}

/* The same document read anew, as often as not in the midst of trouble: nobody may see it. And once
 * the one that has the servers. */
static void read_anew(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    struct node_plan plan;
    struct arena arena;
    bool is_due = self->seed % 4 == 1 || node->node.plan.document == &self->empty;
    if (!is_due || self->now_ms < node->read_ms)
        return;
    node->read_ms = self->now_ms + READ_EVERY_MS;
    arena_init(&arena, self->room.plans[number][node->reads++ % 2], PLAN_MEMORY);
    if (!node_plan_init(&plan, &self->document, &arena))
        abort();
    const struct view *view = build_view(&plan, &arena);
    node_adopt(&node->node, self->now_ms, &plan);
    node->view = view;
}

static void tell_clock(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    if (self->now_ms < node->clock_ms)
        return;
    node->clock_ms = self->now_ms + 1000;
    sim_node_event(self, number,
                   &(struct node_event){.type = NODE_CLOCK,
                                        .wall_ms = SIM_WALL_MS + self->now_ms + node->skew_ms});
}

bool sim_is_dead(const struct sim *self, int host)
{
    return host < SIM_NODES ? !self->nodes[host].alive : !self->agents[host - SIM_NODES].alive;
}

bool sim_is_awake(const struct sim *self, int host)
{
    return host >= SIM_NODES || !self->nodes[host].stalled;
}

/* On the disk: the newest of each key, as the store keeps it. */
static void write_disk(struct sim_node *node, const struct record *record)
{
    for (size_t i = 0; i < node->disk_count; i++)
        if (record_key_equal(&node->disk[i].key, &record->key)) {
            if (record_compare(record->version, node->disk[i].version) > 0)
                node->disk[i] = *record;
            return;
        }
    assert(node->disk_count < SIM_DISK_MAX);
    node->disk[node->disk_count++] = *record;
}

static bool is_disk_failing(const struct sim *self, size_t number)
{
    return sim_find_fault(self, SIM_DISK_FAILURE, number) != NULL;
}

/* What it was told of its servers, each second; a disk that fails leaves it as it was. */
static void keep_warm(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    if (self->now_ms - node->warm_ms < 1000 || is_disk_failing(self, number))
        return;
    node->warm_ms = self->now_ms;
    node->warm_count = 0;
    for (size_t i = 0; i < node->node.table.count; i++) {
        const struct table_entry *entry = table_at(&node->node.table, i);
        if (entry->key.kind == RECORD_REPORT)
            table_record(entry, self->now_ms, &node->warm[node->warm_count++]);
    }
}

static void step_disk(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    while (node->write_count > 0 && node->writes[0].due_ms <= self->now_ms) {
        struct sim_write write = node->writes[0];
        memmove(&node->writes[0], &node->writes[1], --node->write_count * sizeof node->writes[0]);
        bool failing = is_disk_failing(self, number);
        if (!failing)
            write_disk(node, &write.record);
        if (write.ticket != 0)
            sim_node_event(self, number,
                           &(struct node_event){.type = NODE_STORED,
                                                .ticket = write.ticket,
                                                .error = failing ? -EIO : 0});
    }
}

/* Of what was not yet synced any beginning may have reached the disk, though nobody was told. */
void sim_node_crash(struct sim *self, size_t number, int64_t restart_ms)
{
    struct sim_node *node = &self->nodes[number];
    if (!node->alive)
        return;
    size_t landed = is_disk_failing(self, number) ? 0 : sim_dice(self, node->write_count + 1);
    sim_trace(self, "ns%zu crashes; %zu of %zu writes reached the disk", number + 1, landed,
              node->write_count);
    for (size_t i = 0; i < landed; i++)
        write_disk(node, &node->writes[i].record);
    node_close(&node->node);
    node->alive = node->stalled = false;
    node->restart_ms = restart_ms;
    self->weather_changed = true;
}

static void take_reply(struct sim *self, uint64_t ticket, enum node_outcome outcome)
{
    for (size_t i = 0; i < self->order_count; i++) {
        struct sim_order *order = &self->orders[i];
        if (order->ticket != ticket)
            continue;
        sim_trace(self, "ns%zu says %s: %s", order->node + 1, order->key.name,
                  node_outcome_text(outcome));
        sim_check(self, SIM_ROOM, outcome != NODE_TABLE_FULL, "ns%zu has no room for an order",
                  order->node + 1);
        order->done = outcome == NODE_DONE || outcome == NODE_DONE_PARTNER_AWAY;
        order->done_ms = self->now_ms;
        sim_sums.orders_done += order->done;
    }
}

static void perform(struct sim *self, size_t number)
{
    const struct node_update *update = self->room.update;
    struct sim_node *node = &self->nodes[number];
    for (size_t i = 0; i < update->replica.send_count; i++) {
        const struct replica_send *send = &update->replica.sends[i];
        if (self->trace) {
            char text[200];
            message_text(&send->message, text, sizeof text);
            sim_trace(self, "ns%zu to peer %zu: %s", number + 1, send->peer, text);
        }
        if (send->peer == REPLICA_PARTNER)
            sim_send(self, SIM_PARTNER_CONNECTION, number == 1, &send->message);
        else
            sim_send(self, sim_agent_connection(self, send->peer - 1, number), false,
                     &send->message);
    }
    for (size_t i = 0; i < update->store_count; i++) {
        assert(node->write_count < sizeof node->writes / sizeof *node->writes);
        int64_t due_ms = self->now_ms + 1 + (int64_t)sim_dice(self, 15);
        if (node->write_count > 0 && node->writes[node->write_count - 1].due_ms > due_ms)
            due_ms = node->writes[node->write_count - 1].due_ms;
        node->writes[node->write_count++] =
            (struct sim_write){update->stores[i].record, update->stores[i].ticket, due_ms};
        for (size_t order = 0; order < self->order_count; order++)
            if (self->orders[order].ticket == update->stores[i].ticket)
                self->orders[order].version = update->stores[i].record.version;
    }
    for (size_t i = 0; self->trace && i < update->note_count; i++) {
        const struct node_note *note = &update->notes[i];
        sim_trace(self, "ns%zu notes %s %s %s reason=%s", number + 1, note->area, note->subject,
                  note->to == NULL ? "" : note->to, note->reason);
    }
    if (update->reply_ticket != 0)
        take_reply(self, update->reply_ticket, update->reply);
}

void sim_node_event(struct sim *self, size_t number, const struct node_event *event)
{
    struct sim_node *node = &self->nodes[number];
    const struct replica *replica = &node->node.replica;
    assert(node->alive);
    struct sim_step step = {.number = number,
                            .type = event->type,
                            .peer = event->peer,
                            .heard = event->type == NODE_FRAME ? node->node.message : NULL,
                            .replica = replica,
                            .said = &self->room.update->replica,
                            .talk = &node->talk,
                            .was = replica->sync,
                            .was_incarnation = replica->incarnation,
                            .was_sequence = replica->sequence,
                            .was_digest = table_digest(replica->table),
                            .was_change = replica->table->last_change,
                            .was_behind = replica->told_change < replica->table->last_change};
    memcpy(step.was_counted, replica->counts, sizeof step.was_counted);
    node_step(&node->node, self->now_ms, event, self->room.update);
    node->due_ms = node_deadline(&node->node);
    if (event->type <= NODE_FRAME || event->type == NODE_TIMEOUT) {
        sim_reports_judge(self, &step);
        sim_talk_judge(self, &step);
    }
    perform(self, number);
}

/* ---- agents ---- */

static void start_agent(struct sim *self, size_t number)
{
    struct sim_agent *agent = &self->agents[number];
    struct reporter_config config = {.cluster = "sim",
                                     .server = self->document.servers[number].name,
                                     .node_count = SIM_NODES,
                                     .boot = 1 + sim_dice(self, UINT32_MAX),
                                     .interval_ms = 1000,
                                     .gap_ms = 100,
                                     .lack_ms = 100,
                                     .socket_step = 10,
                                     .permille_step = 50};
    reporter_init(&agent->reporter, &config);
    agent->alive = true;
    agent->awaits = false;
    agent->due_ms = reporter_deadline(&agent->reporter);
    sim_network_break(self, (int)(SIM_NODES + number));
    self->weather_changed = true;
    agent->alive_since_ms = self->now_ms;
    agent->sample_due_ms = self->now_ms + (int64_t)sim_dice(self, 100);
    sim_trace(self, "media%zu starts", number + 1);
}

void sim_agent_crash(struct sim *self, size_t number, int64_t restart_ms)
{
    struct sim_agent *agent = &self->agents[number];
    if (!agent->alive)
        return;
    sim_trace(self, "media%zu crashes", number + 1);
    agent->alive = agent->awaits = false;
    self->weather_changed = true;
    agent->alive_since_ms = self->now_ms;
    agent->restart_ms = restart_ms;
}

void sim_agent_event(struct sim *self, size_t number, const struct reporter_event *event)
{
    struct sim_agent *agent = &self->agents[number];
    assert(agent->alive);
    reporter_step(&agent->reporter, self->now_ms, event, self->room.reporter_update);
    agent->due_ms = reporter_deadline(&agent->reporter);
    if (!agent->awaits && record_compare(agent->reporter.version, agent->awaited) != 0 &&
        agent->reporter.told_ms == self->now_ms) {
        agent->awaits = true;
        agent->awaited = agent->reporter.version;
        agent->told_ms = self->now_ms;
    }
    for (size_t i = 0; i < self->room.reporter_update->send_count; i++) {
        const struct reporter_send *send = &self->room.reporter_update->sends[i];
        if (self->trace) {
            char text[200];
            message_text(&send->message, text, sizeof text);
            sim_trace(self, "media%zu to ns%zu: %s", number + 1, send->node + 1, text);
        }
        sim_send(self, sim_agent_connection(self, number, send->node), true, &send->message);
    }
}

static void sample_agent(struct sim *self, size_t number)
{
    struct sim_agent *agent = &self->agents[number];
    agent->sample_due_ms = self->now_ms + 100;
    /* In the quiet the load rests, and with it the reports that changes hurry. */
    uint64_t move = self->now_ms < SIM_MS ? sim_dice(self, 8) : 2;
    agent->sockets = move == 0 && agent->sockets >= 12 ? agent->sockets - 12
                     : move == 1                       ? agent->sockets + 15
                                                       : agent->sockets;
    struct report report = {
        .service_count = 2,
        .services = {
            {.port = 1755, .listening = agent->ports[0].listening, .sockets = agent->sockets},
            {.port = 80, .listening = agent->ports[1].listening}}};
    sim_agent_event(self, number,
                    &(struct reporter_event){.type = REPORTER_SAMPLE, .report = &report});
}

static void step_agent(struct sim *self, size_t number)
{
    struct sim_agent *agent = &self->agents[number];
    if (!agent->alive && self->now_ms >= agent->restart_ms)
        start_agent(self, number);
    if (agent->alive && self->now_ms >= agent->sample_due_ms)
        sample_agent(self, number);
    if (agent->alive && self->now_ms >= agent->due_ms)
        sim_agent_event(self, number, &(struct reporter_event){.type = REPORTER_TIMEOUT});
}

/* ---- all ---- */

bool sim_has_history(const struct sim *self)
{
    return self->seed % SIM_HISTORY_SEEDS == 11;
}

/* Orders on servers that are gone: so many records that a snapshot has more chunks than credit. */
static void write_history(struct sim *self, struct sim_node *node)
{
    struct order order = {.verb = ORDER_DRAIN, .author = "operator"};
    while (node->disk_count < SIM_HISTORY) {
        struct record *record = &node->disk[node->disk_count++];
        snprintf(order.subject, sizeof order.subject, "gone%zu", node->disk_count);
        order_key(&order, &record->key);
        /* So many were given that ranks are about to be one and the same. */
        record->version =
            record_order_version(SIM_RANKED_COUNTER_MAX - 60 + sim_dice(self, 50), 1, 4);
        record->value_size = (uint16_t)order_encode(&order, record->value);
    }
}

void sim_hosts_open(struct sim *self)
{
    self->agent_count = 2 + sim_dice(self, SIM_AGENTS_MAX - 1);
    open_documents(self);
    for (size_t i = 0; i < self->agent_count; i++) {
        for (size_t port = 0; port < SIM_PORTS; port++)
            self->agents[i].ports[port].listening = true;
        self->agents[i].sockets = (uint32_t)sim_dice(self, 100);
        self->agents[i].restart_ms = (int64_t)sim_dice(self, 1500);
    }
    for (size_t i = 0; i < SIM_NODES; i++)
        self->nodes[i].restart_ms = (int64_t)sim_dice(self, 300);
    if (sim_has_history(self)) {
        struct sim_node *node = &self->nodes[sim_dice(self, SIM_NODES)];
        write_history(self, node);
        /* In half of all cases its partner is synced when it comes, and has to ask for each. */
        if (sim_dice(self, 2) == 0)
            node->restart_ms += 2 * REPLICA_ALONE_MS;
    }
}

void sim_hosts_close(struct sim *self)
{
    for (size_t i = 0; i < SIM_NODES; i++)
        if (self->nodes[i].alive)
            node_close(&self->nodes[i].node);
}

void sim_hosts_step(struct sim *self)
{
    for (size_t i = 0; i < SIM_NODES; i++) {
        struct sim_node *node = &self->nodes[i];
        if (!node->alive && self->now_ms >= node->restart_ms)
            start_node(self, i);
        if (!node->alive || node->stalled)
            continue;
        step_disk(self, i);
        tell_clock(self, i);
        keep_warm(self, i);
        read_anew(self, i);
        for (int turn = 0; self->now_ms >= node->due_ms; turn++) {
            assert(turn < 1000);
            sim_node_event(self, i, &(struct node_event){.type = NODE_TIMEOUT});
        }
    }
    for (size_t i = 0; i < self->agent_count; i++)
        step_agent(self, i);
}
