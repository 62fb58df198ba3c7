#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

static const char *const fault_texts[SIM_FAULTS] = {
    [SIM_LOSS] = "loss",
    [SIM_DELAY] = "delay",
    [SIM_DUPLICATION] = "duplication",
    [SIM_REORDERING] = "reordering",
    [SIM_PARTITION] = "partition",
    [SIM_ONE_WAY] = "one-way-partition",
    [SIM_AGENT_CUT] = "agent-cut-from-one-node",
    [SIM_AGENT_LOST] = "agent-cut-from-both",
    [SIM_NODE_CRASH] = "node-crash",
    [SIM_BOTH_CRASH] = "both-nodes-crash",
    [SIM_NODE_STALL] = "node-stall",
    [SIM_AGENT_CRASH] = "agent-crash",
    [SIM_PORT_CLOSED] = "port-closed",
    [SIM_ORDER] = "order",
    [SIM_DISK_FAILURE] = "disk-failure",
};

const char *sim_fault_text(enum sim_fault_kind kind)
{
    assert(kind < SIM_FAULTS);
    return fault_texts[kind];
}

bool sim_has_fault(const struct sim *self, enum sim_fault_kind kind)
{
    for (size_t i = 0; i < self->fault_count; i++)
        if (self->faults[i].kind == kind)
            return true;
    return false;
}

static int64_t in_ms(struct sim *self, int64_t least, int64_t most)
{
    return self->now_ms + least + (int64_t)sim_dice(self, (uint64_t)(most - least));
}

/* ---- orders ---- */

static void give_order(struct sim *self, size_t node)
{
    if (self->order_count == SIM_ORDERS_MAX)
        return;
    struct order order = {.author = "operator"};
    struct sim_order *kept = &self->orders[self->order_count++];
    *kept = (struct sim_order){.ticket = ++self->last_ticket, .node = node, .server = SIZE_MAX};
    if (sim_dice(self, 4) == 0) {
        order.verb = ORDER_GROUP;
        order.group_size = 1 + (uint32_t)sim_dice(self, 4);
        order.rounds = 1 + (uint32_t)sim_dice(self, 3);
        snprintf(order.subject, sizeof order.subject, "stream");
    } else {
        kept->server = sim_dice(self, self->agent_count);
        order.verb = ORDER_DRAIN;
        order.draining = kept->draining = sim_dice(self, 2) == 0;
        snprintf(order.subject, sizeof order.subject, "media%zu", kept->server + 1);
    }
    order_key(&order, &kept->key);
    sim_trace(self, "operator orders on ns%zu: %s %s", node + 1, kept->key.name,
              kept->draining ? "on" : "off");
    sim_node_event(
        self, node,
        &(struct node_event){.type = NODE_COMMAND, .order = &order, .ticket = kept->ticket});
}

/* ---- beginnings and ends ---- */

static void begin(struct sim *self, struct sim_fault *fault)
{
    size_t node = fault->subject;
    switch (fault->kind) {
    case SIM_NODE_CRASH:
        sim_node_crash(self, node, in_ms(self, 50, 4000));
        break;
    case SIM_BOTH_CRASH:
        sim_node_crash(self, 0, in_ms(self, 50, 3000));
        sim_node_crash(self, 1, in_ms(self, 50, 3000));
        break;
    case SIM_NODE_STALL:
        self->nodes[node].stalled = self->nodes[node].alive;
        break;
    case SIM_AGENT_CRASH:
        sim_agent_crash(self, node, in_ms(self, 50, 6000));
        break;
    case SIM_PORT_CLOSED:
        self->agents[node].listening = false;
        self->agents[node].listening_since_ms = self->now_ms;
        break;
    case SIM_ORDER:
        give_order(self, node);
        break;
    default:
        break;
    }
}

static void end(struct sim *self, const struct sim_fault *fault)
{
    struct sim_node *node = &self->nodes[fault->subject % SIM_NODES];
    sim_trace(self, "ends: %s %zu %zu", sim_fault_text(fault->kind), fault->subject, fault->other);
    if (fault->kind == SIM_NODE_STALL && node->stalled) {
        node->stalled = false;
        node->clean_ms = self->now_ms;
    }
    if (fault->kind == SIM_PORT_CLOSED) {
        self->agents[fault->subject].listening = true;
        self->agents[fault->subject].listening_since_ms = self->now_ms;
    }
}

static bool concerns_agent(enum sim_fault_kind kind)
{
    return kind == SIM_AGENT_CUT || kind == SIM_AGENT_LOST || kind == SIM_AGENT_CRASH ||
           kind == SIM_PORT_CLOSED;
}

/* Some things cannot happen twice at once to the same host. */
static bool is_possible(const struct sim *self, const struct sim_fault *fault)
{
    const struct sim_node *node = &self->nodes[fault->subject % SIM_NODES];
    if (fault->kind == SIM_ORDER)
        return node->alive && !node->stalled;
    if (fault->kind == SIM_NODE_STALL || fault->kind == SIM_NODE_CRASH ||
        fault->kind == SIM_BOTH_CRASH)
        return self->nodes[0].alive && self->nodes[1].alive && !sim_has_fault(self, SIM_NODE_STALL);
    if (fault->kind == SIM_AGENT_CRASH && !self->agents[fault->subject].alive)
        return false;
    for (size_t i = 0; i < self->fault_count; i++)
        if (self->faults[i].kind == fault->kind && self->faults[i].subject == fault->subject)
            return false;
    return true;
}

static void throw_dice(struct sim *self)
{
    if (self->fault_count == sizeof self->faults / sizeof *self->faults)
        return;
    struct sim_fault fault = {.kind = (enum sim_fault_kind)sim_dice(self, SIM_FAULTS)};
    fault.subject = sim_dice(self, concerns_agent(fault.kind) ? self->agent_count : SIM_NODES);
    fault.other = sim_dice(self, SIM_NODES);
    fault.until_ms = in_ms(self, 200, 6000);
    if (!is_possible(self, &fault))
        return;
    sim_trace(self, "begins: %s %zu %zu", sim_fault_text(fault.kind), fault.subject, fault.other);
    sim_sums.faults[fault.kind]++;
    self->fault_total++;
    begin(self, &fault);
    if (fault.kind != SIM_NODE_CRASH && fault.kind != SIM_BOTH_CRASH &&
        fault.kind != SIM_AGENT_CRASH && fault.kind != SIM_ORDER)
        self->faults[self->fault_count++] = fault;
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
        if (self->now_ms >= self->faults[i].until_ms || self->now_ms >= SIM_MS) {
            end(self, &self->faults[i]);
            self->faults[i] = self->faults[--self->fault_count];
        } else {
            i++;
        }
    if (self->now_ms >= SIM_MS) {
        heal_all(self);
    } else if (self->now_ms >= self->next_fault_ms) {
        self->next_fault_ms = in_ms(self, 500, 4000);
        throw_dice(self);
    }
}
