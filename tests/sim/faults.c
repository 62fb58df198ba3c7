#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

static const char *const fault_texts[SIM_FAULTS] = {
    [SIM_LOSS] = "loss",
    [SIM_DELAY] = "delay",
    [SIM_DUPLICATION] = "duplication",
    [SIM_REORDERING] = "reordering",
    [SIM_ONE_WAY] = "one-way-partition",
    [SIM_PARTITION] = "partition",
    [SIM_AGENT_CUT] = "agent-cut-from-one-node",
    [SIM_AGENT_LOST] = "agent-cut-from-both",
    [SIM_NODE_DEAF] = "node-deaf",
    [SIM_NODE_CRASH] = "node-crash",
    [SIM_BOTH_CRASH] = "both-nodes-crash",
    [SIM_NODE_STALL] = "node-stall",
    [SIM_AGENT_CRASH] = "agent-crash",
    [SIM_PORT_CLOSED] = "port-closed",
    [SIM_DISK_FAILURE] = "disk-failure",
    [SIM_ORDER] = "order",
};

const char *sim_fault_text(enum sim_fault_kind kind)
{
    assert(kind < SIM_FAULTS);
    return fault_texts[kind];
}

const struct sim_fault *sim_find_fault(const struct sim *self, enum sim_fault_kind kind,
                                       size_t subject)
{
    for (size_t i = 0; i < self->fault_count; i++)
        if (self->faults[i].kind == kind && self->faults[i].subject == subject)
            return &self->faults[i];
    return NULL;
}

static int64_t in_ms(struct sim *self, int64_t least, int64_t most)
{
    return self->now_ms + least + (int64_t)sim_dice(self, (uint64_t)(most - least));
}

/* ---- orders ---- */

static void choose_group(struct sim *self, struct order *order)
{
    snprintf(order->subject, sizeof order->subject, "stream");
    order->verb = ORDER_GROUP;
    if (sim_dice(self, 4) == 0) /* as the document says */
        return;
    order->group_size = 1 + (uint32_t)sim_dice(self, 4);
    order->rounds = 1 + (uint32_t)sim_dice(self, 3);
}

static struct order choose_order(struct sim *self, struct sim_order *kept)
{
    struct order order = {.author = "operator"};
    size_t server = sim_dice(self, self->agent_count);
    uint64_t kind = sim_dice(self, 8);
    snprintf(order.subject, sizeof order.subject, "media%zu", server + 1);
    if (kind < 2) {
        choose_group(self, &order);
    } else if (kind == 2) {
        order.verb = ORDER_FORCE;
        order.force = (enum verdict_force)sim_dice(self, VERDICT_FORCED_DOWN + 1);
    } else if (kind == 3) {
        order.verb = ORDER_WEIGHT;
        order.weight = 1 + (uint32_t)sim_dice(self, POOL_WEIGHT_MAX);
    } else {
        kept->server = server;
        order.verb = ORDER_DRAIN;
        order.draining = kept->draining = sim_dice(self, 3) == 0;
    }
    if (order_is_in_force(&order) && sim_dice(self, 2) == 0) {
        order.until_s = (uint64_t)(SIM_WALL_MS + self->now_ms) / 1000 + 1 + sim_dice(self, 20);
        kept->until_ms = (int64_t)order.until_s * 1000 - SIM_WALL_MS;
    }
    return order;
}

static void give_order(struct sim *self)
{
    size_t node = sim_dice(self, SIM_NODES);
    if (self->order_count == SIM_ORDERS_MAX || !self->nodes[node].alive ||
        self->nodes[node].stalled)
        return;
    struct sim_order *kept = &self->orders[self->order_count++];
    *kept = (struct sim_order){.ticket = ++self->last_ticket,
                               .node = node,
                               .server = SIZE_MAX,
                               .given_ms = self->now_ms,
                               .until_ms = INT64_MAX};
    struct order order = choose_order(self, kept);
    char word[32];
    order_key(&order, &kept->key);
    order_word(&order, word, sizeof word);
    sim_trace(self, "operator orders on ns%zu: %s %s until %lld", node + 1, kept->key.name, word,
              kept->until_ms == INT64_MAX ? 0LL : (long long)kept->until_ms);
    sim_sums.faults[SIM_ORDER]++;
    sim_node_event(
        self, node,
        &(struct node_event){.type = NODE_COMMAND, .order = &order, .ticket = kept->ticket});
}

/* ---- beginnings and ends ---- */

static void set_port(struct sim *self, const struct sim_fault *fault, bool listening)
{
    self->agents[fault->subject].ports[fault->other] =
        (struct sim_port){.listening = listening, .since_ms = self->now_ms};
}

static void stall(const struct sim *self, struct sim_node *node)
{
    const struct verdict_pool *verdicts = &node->node.plan.pools[0].verdicts;
    node->stalled = true;
    node->slept_ms = self->now_ms;
    node->up_before = 0;
    for (size_t i = 0; i < verdicts->count; i++)
        node->up_before |= (uint32_t)(verdicts->members[i].verdict == VERDICT_UP) << i;
}

/* Does what begins go on, or is it over at once? */
static bool begin(struct sim *self, const struct sim_fault *fault)
{
    size_t subject = fault->subject;
    switch (fault->kind) {
    case SIM_NODE_CRASH:
        sim_node_crash(self, subject, in_ms(self, 50, 4000));
        return false;
    case SIM_BOTH_CRASH:
        sim_node_crash(self, 0, in_ms(self, 50, 3000));
        sim_node_crash(self, 1, in_ms(self, 50, 3000));
        return false;
    case SIM_AGENT_CRASH:
        sim_agent_crash(self, subject, in_ms(self, 50, 6000));
        return false;
    case SIM_NODE_STALL:
        stall(self, &self->nodes[subject]);
        return true;
    case SIM_PORT_CLOSED:
        set_port(self, fault, false);
        return true;
    default:
        return true;
    }
}

static void end(struct sim *self, const struct sim_fault *fault)
{
    sim_trace(self, "ends: %s %zd %zu", sim_fault_text(fault->kind), (ssize_t)fault->subject,
              fault->other);
    self->weather_changed = true;
    if (fault->kind == SIM_PORT_CLOSED)
        set_port(self, fault, true);
    if (fault->kind != SIM_NODE_STALL)
        return;
    struct sim_node *node = &self->nodes[fault->subject];
    node->stalled = false;
    node->clean_ms = node->woke_ms = self->now_ms;
}

/* ---- dice ---- */

/* Some things cannot happen twice at once to the same host. */
static bool is_possible(const struct sim *self, const struct sim_fault *fault)
{
    switch (fault->kind) {
    case SIM_NODE_STALL:
    case SIM_NODE_CRASH:
    case SIM_BOTH_CRASH:
        for (size_t i = 0; i < SIM_NODES; i++)
            if (!self->nodes[i].alive || self->nodes[i].stalled)
                return false;
        return true;
    case SIM_AGENT_CRASH:
        return self->agents[fault->subject].alive;
    default:
        return sim_find_fault(self, fault->kind, fault->subject) == NULL;
    }
}

static size_t throw_subject(struct sim *self, enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_LOSS:
    case SIM_DELAY:
    case SIM_DUPLICATION:
    case SIM_REORDERING:
        if (sim_dice(self, 3) == 0)
            return SIZE_MAX;
        /* fall through */
    case SIM_ONE_WAY: /* as often between the nodes as with any agent */
        return sim_dice(self, 2) == 0 ? SIM_PARTNER_CONNECTION
                                      : sim_dice(self, self->connection_count);
    case SIM_AGENT_CUT:
    case SIM_AGENT_LOST:
    case SIM_AGENT_CRASH:
    case SIM_PORT_CLOSED:
        return sim_dice(self, self->agent_count);
    default:
        return sim_dice(self, SIM_NODES);
    }
}

static bool throw_fault(struct sim *self)
{
    if (self->fault_count == sizeof self->faults / sizeof *self->faults)
        return false;
    struct sim_fault fault = {.kind = (enum sim_fault_kind)sim_dice(self, SIM_ORDER),
                              .since_ms = self->now_ms};
    fault.subject = throw_subject(self, fault.kind);
    fault.other = sim_dice(self, 2);
    /* A deaf node has to be so for longer than reports take to be stale. */
    fault.until_ms = fault.kind == SIM_NODE_DEAF ? in_ms(self, 2500, 9000) : in_ms(self, 200, 6000);
    if (fault.until_ms > SIM_MS)
        fault.until_ms = SIM_MS;
    if (!is_possible(self, &fault))
        return false;
    sim_trace(self, "begins: %s %zd %zu", sim_fault_text(fault.kind), (ssize_t)fault.subject,
              fault.other);
    sim_sums.faults[fault.kind]++;
    self->fault_total++;
    self->weather_changed = true;
    if (begin(self, &fault))
        self->faults[self->fault_count++] = fault;
    return true;
}

/* A snapshot is soon over, and no throw of a crash would meet one. Where it takes many chunks its
 * sender or receiver dies in the midst, and often comes back before the other has missed it. */
static void cut_snapshot(struct sim *self)
{
    bool is_under_way = false;
    for (size_t i = 0; i < SIM_NODES; i++)
        is_under_way |=
            self->nodes[i].alive && self->nodes[i].node.replica.sync == REPLICA_RECEIVING;
    if (!is_under_way || self->cuts == SIM_CUTS_MAX || sim_dice(self, 5) != 0)
        return;
    self->cuts++;
    sim_sums.faults[SIM_NODE_CRASH]++;
    sim_node_crash(self, sim_dice(self, SIM_NODES), in_ms(self, 20, 300));
}

/* Trouble is over: everything comes back within the first part of the quiet. */
static void heal_all(struct sim *self)
{
    for (size_t i = 0; i < SIM_NODES; i++)
        if (self->nodes[i].restart_ms > self->now_ms)
            self->nodes[i].restart_ms = self->now_ms;
    for (size_t i = 0; i < self->agent_count; i++)
        if (self->agents[i].restart_ms > self->now_ms)
            self->agents[i].restart_ms = self->now_ms;
}

void sim_faults_step(struct sim *self)
{
    for (size_t i = 0; i < self->fault_count;)
        if (self->now_ms >= self->faults[i].until_ms) {
            struct sim_fault over = self->faults[i];
            self->faults[i] = self->faults[--self->fault_count];
            end(self, &over);
        } else {
            i++;
        }
    if (self->now_ms >= SIM_MS) {
        heal_all(self);
        return;
    }
    if (sim_has_history(self))
        cut_snapshot(self);
    if (self->now_ms >= self->next_fault_ms)
        self->next_fault_ms = throw_fault(self) ? in_ms(self, 300, 4000) : in_ms(self, 50, 200);
    if (self->now_ms >= self->next_order_ms) {
        self->next_order_ms = in_ms(self, 20, 6000);
        give_order(self);
    }
}
