#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

enum {
    CHECK_MS = 100,
    CHECKS_PER_LOOK = 4,   /* at orders in force: dear, and they move seldom */
    QUIET_LEAST_MS = 5000, /* after so much quiet both tables are equal */
    BLAME_MS = 1500,       /* after a stall every server has so long to be heard */
    RELAY_MS = 300,        /* lack_ms, a delta's gathering, and the way, twice */
    SETTLED_MS = 1500, /* a connection clean for so long has greeted: HELLO is said each second */
};

static const char *const oracle_texts[SIM_ORACLES] = {
    [SIM_PARSES] = "answer-parses",
    [SIM_READY] = "ready-after-snapshot",
    [SIM_EMPTY] = "empty-pool-names-nobody",
    [SIM_FIT] = "named-is-fit",
    [SIM_LAST_RESORT] = "last-resort-is-last",
    [SIM_FREEZE] = "deaf-node-answers",
    [SIM_STALL] = "stall-not-blamed",
    [SIM_CLOSED] = "closed-port-unnamed",
    [SIM_SILENT] = "dead-agent-unnamed",
    [SIM_DRAINED] = "drained-unnamed",
    [SIM_RELAYED] = "report-arrives",
    [SIM_VERSIONS] = "version-never-back",
    [SIM_ROOM] = "table-within-room",
    [SIM_IN_FORCE] = "order-in-force",
    [SIM_ENDS] = "order-ends",
    [SIM_DIGESTS] = "quiet-makes-equal",
    [SIM_SURVIVES] = "done-order-survives",
    [SIM_ONE_WINNER] = "one-winner",
    [SIM_WHOLE] = "whole-after-quiet",
    [SIM_NEXT] = "versions-mix",
    [SIM_GREETED] = "greeted-in-time",
    [SIM_ALONE] = "alone-in-time",
    [SIM_TELLS] = "tells-all-in-time",
    [SIM_SPARING] = "tells-no-more",
    [SIM_ANSWERS] = "answers-as-due",
    [SIM_REFUSED] = "misspoken-is-refused",
};

const char *sim_oracle_text(enum sim_oracle oracle)
{
    assert(oracle < SIM_ORACLES);
    return oracle_texts[oracle];
}

/* ---- at every moment ---- */

/* What a node states itself is above all that it states in the table, be it of an earlier life. */
static void judge_counter(struct sim *self, size_t number, const struct table_entry *entry)
{
    const struct replica *replica = &self->nodes[number].node.replica;
    uint64_t counter = entry->key.kind == RECORD_ORDER ? replica->lamport : replica->incarnation;
    if (entry->key.kind != RECORD_ORDER && !sim_is_of_node(self, &entry->key, number))
        return;
    sim_check(self, SIM_VERSIONS, entry->version.incarnation <= counter,
              "ns%zu counts from %llu, below %s", number + 1, (unsigned long long)counter,
              entry->key.name);
}

/* A guardian knows an order by its rank alone: that rises with the version, up to the last counter
 * that a rank tells apart. */
static void judge_rank(struct sim *self, size_t number, const struct table_entry *entry,
                       struct record_version before)
{
    uint32_t rank = record_order_rank(entry->version), was = record_order_rank(before);
    bool is_later = entry->version.incarnation > before.incarnation &&
                    before.incarnation < SIM_RANKED_COUNTER_MAX;
    sim_check(self, SIM_VERSIONS,
              rank <= RECORD_ORDER_RANK_MAX && (is_later ? rank > was : rank >= was),
              "ns%zu: the rank of %s went from %u to %u", number + 1, entry->key.name, was, rank);
}

/* A record's version never goes back within a node's life, and the table never outgrows its room.
 */
static void judge_table(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    const struct table *table = &node->node.table;
    sim_check(self, SIM_SPARING,
              node->node.replica.incarnation <= node->lives || sim_has_history(self),
              "ns%zu counts from %llu in its life %llu", number + 1,
              (unsigned long long)node->node.replica.incarnation, (unsigned long long)node->lives);
    sim_check(self, SIM_ROOM, table->count <= table->capacity,
              "ns%zu holds %zu records of at most %zu", number + 1, table->count, table->capacity);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_entry *entry = table_at(table, i);
        if (i < node->seen_count)
            sim_check(self, SIM_VERSIONS, record_compare(entry->version, node->seen[i]) >= 0,
                      "ns%zu: %s went back", number + 1, entry->key.name);
        if (i < node->seen_count && entry->key.kind == RECORD_ORDER)
            judge_rank(self, number, entry, node->seen[i]);
        node->seen[i] = entry->version;
        judge_counter(self, number, entry);
    }
    node->seen_count = table->count;
}

/* What stands in the table is what is obeyed, however it came: by an operator here or there, in a
 * snapshot, or from the disk. */
static void judge_in_force(struct sim *self, size_t number)
{
    const struct node *node = &self->nodes[number].node;
    struct order order;
    for (size_t i = 0; i < self->agent_count; i++) {
        bool draining =
            sim_find_order(self, number, ORDER_DRAIN, self->document.servers[i].name, &order) &&
            order.draining;
        sim_check(self, SIM_IN_FORCE, node->plan.servers[i].draining == draining,
                  "ns%zu: media%zu is drained in the table or in force, not both", number + 1,
                  i + 1);
        bool is_forced =
            sim_find_order(self, number, ORDER_FORCE, self->document.servers[i].name, &order);
        sim_check(self, SIM_IN_FORCE,
                  node->plan.servers[i].force == (is_forced ? order.force : VERDICT_UNFORCED),
                  "ns%zu: media%zu is forced in the table or in force, not both", number + 1,
                  i + 1);
    }
    for (size_t i = 0; i < self->document.pool_count; i++) {
        const struct document_pool *pool = &node->plan.document->pools[i];
        struct pool_state state;
        pool_state(node->plan.pools[i].pool, &state);
        bool is_ordered = sim_find_order(self, number, ORDER_GROUP, pool->name, &order) &&
                          order_is_in_force(&order);
        sim_check(self, SIM_IN_FORCE,
                  state.group_size == (is_ordered ? order.group_size : pool->group_size) &&
                      state.rounds == (is_ordered ? order.rounds : pool->rounds),
                  "ns%zu: pool %s has another group than ordered", number + 1, pool->name);
    }
}

/* An order is over some seconds after its time: by the node that took it, or by the other. */
static void judge_ends(struct sim *self, size_t number)
{
    enum {
        ENDED_MS = NODE_PARTNERS_END_S * 1000 + 2 * NODE_END_ORDERS_MS + 2 * SIM_SKEW_MS + 1000
    };
    const struct sim_node *node = &self->nodes[number];
    const struct table *table = &node->node.table;
    for (size_t i = 0; i < table->count; i++) {
        const struct table_entry *entry = table_at(table, i);
        struct order order;
        if (entry->key.kind != RECORD_ORDER ||
            order_decode(&order, &self->space, &entry->key, entry->value, entry->value_size) !=
                ORDER_OK ||
            order.until_s == 0)
            continue;
        int64_t over_ms = SIM_WALL_MS + self->now_ms - (int64_t)order.until_s * 1000;
        bool has_had_time = over_ms > ENDED_MS && self->now_ms - node->clean_ms > ENDED_MS &&
                            self->now_ms - entry->stated_ms > ENDED_MS;
        sim_check(self, SIM_ENDS, !has_had_time || !order_is_in_force(&order),
                  "ns%zu: %s is in force %lld ms after its time", number + 1, entry->key.name,
                  (long long)over_ms);
    }
}

static const struct table_entry *find_report(const struct sim *self, size_t node, size_t agent)
{
    struct record_key key = {.kind = RECORD_REPORT};
    snprintf(key.name, sizeof key.name, "%s", self->document.servers[agent].name);
    return table_find(&self->nodes[node].node.table, &key);
}

/* The partner may bring a report of the agent's earlier life, above all that its present one has
 * said so far: it stands until the agent was told to count from higher, and spoke again. */
static bool is_of_earlier_life(const struct sim *self, size_t node, size_t agent)
{
    const struct table_entry *entry = find_report(self, node, agent);
    return entry != NULL && entry->stated_ms < self->agents[agent].alive_since_ms + SETTLED_MS;
}

/* Who was up when the node fell asleep, and could reach it all the time, is not stale as soon as it
 * wakes: it was the node that did not listen. */
static void judge_stall(struct sim *self, size_t number)
{
    const struct sim_node *node = &self->nodes[number];
    if (node->woke_ms == INT64_MIN || self->now_ms - node->woke_ms > BLAME_MS ||
        node->woke_ms - node->slept_ms < NODE_STALL_MS + NODE_TICK_MS)
        return;
    for (size_t i = 0; i < self->agent_count; i++) {
        const struct sim_connection *connection =
            &self->connections[sim_agent_connection(self, i, number)];
        if ((node->up_before & 1U << i) == 0 || connection->sound_since_ms > node->slept_ms ||
            is_of_earlier_life(self, number, i))
            continue;
        sim_check(self, SIM_STALL,
                  node->node.plan.pools[0].verdicts.members[i].verdict != VERDICT_STALE,
                  "ns%zu slept, and holds media%zu for stale", number + 1, i + 1);
    }
}

/* A report is on a node RELAY_MS after it was told, when the way from the agent is clean, or that
 * through the partner is: so also an agent that is cut off from a node reaches it. */
static void judge_arrival(struct sim *self, size_t agent, size_t node)
{
    int64_t since_ms = SETTLED_MS + self->now_ms - self->agents[agent].told_ms;
    bool is_direct = sim_is_clean(self, sim_agent_connection(self, agent, node), since_ms);
    bool is_relayed = sim_is_clean(self, sim_agent_connection(self, agent, 1 - node), since_ms) &&
                      sim_is_clean(self, SIM_PARTNER_CONNECTION, since_ms);
    for (size_t i = 0; i < SIM_NODES; i++)
        if (!self->nodes[i].alive || self->nodes[i].node.replica.sync != REPLICA_SYNCED)
            return;
    if (!is_direct && !is_relayed)
        return;
    const struct table_entry *entry = find_report(self, node, agent);
    sim_sums.relays += !is_direct;
    sim_check(self, SIM_RELAYED,
              entry != NULL && record_compare(entry->version, self->agents[agent].awaited) >= 0,
              "ns%zu lacks the report of media%zu, told %lld ms ago, %s", node + 1, agent + 1,
              (long long)(self->now_ms - self->agents[agent].told_ms),
              is_direct ? "on a clean way" : "that its partner has to relay");
}

static void step_arrivals(struct sim *self)
{
    for (size_t agent = 0; agent < self->agent_count; agent++) {
        if (!self->agents[agent].awaits || self->now_ms - self->agents[agent].told_ms < RELAY_MS)
            continue;
        for (size_t node = 0; node < SIM_NODES; node++)
            judge_arrival(self, agent, node);
        self->agents[agent].awaits = false;
    }
}

void sim_oracles_step(struct sim *self)
{
    step_arrivals(self);
    if (self->now_ms >= SIM_MS + QUIET_LEAST_MS)
        self->digests_met |=
            table_digest(&self->nodes[0].node.table) == table_digest(&self->nodes[1].node.table);
    if (self->now_ms < self->next_check_ms)
        return;
    self->next_check_ms = self->now_ms + CHECK_MS;
    bool looks = self->check_count++ % CHECKS_PER_LOOK == 0;
    for (size_t node = 0; node < SIM_NODES; node++)
        if (self->nodes[node].alive && !self->nodes[node].stalled) {
            judge_table(self, node);
            judge_stall(self, node);
            if (looks) {
                judge_in_force(self, node);
                judge_ends(self, node);
            }
        }
}

/* ---- the end ---- */

/* Orders that were answered with "done" are on both nodes, in that version or a newer one. */
static void judge_orders(struct sim *self)
{
    for (size_t i = 0; i < self->order_count; i++)
        for (size_t node = 0; node < SIM_NODES && self->orders[i].done; node++) {
            const struct table_entry *entry =
                table_find(&self->nodes[node].node.table, &self->orders[i].key);
            sim_check(self, SIM_SURVIVES,
                      entry != NULL && record_compare(entry->version, self->orders[i].version) >= 0,
                      "ns%zu lost the order %s", node + 1, self->orders[i].key.name);
        }
}

/* Of several orders on one record the same stands on both nodes, and of what was answered with
 * "done" none that is newer was lost to it (judge_orders). */
static void judge_winners(struct sim *self)
{
    for (size_t i = 0; i < self->order_count; i++) {
        const struct table_entry *entries[SIM_NODES];
        for (size_t node = 0; node < SIM_NODES; node++)
            entries[node] = table_find(&self->nodes[node].node.table, &self->orders[i].key);
        if (entries[0] == NULL && entries[1] == NULL)
            continue; /* neither had stored it when it crashed, and nobody was told "done" */
        bool is_same = entries[0] != NULL && entries[1] != NULL &&
                       record_compare(entries[0]->version, entries[1]->version) == 0 &&
                       entries[0]->value_size == entries[1]->value_size &&
                       memcmp(entries[0]->value, entries[1]->value, entries[0]->value_size) == 0;
        sim_check(self, SIM_ONE_WINNER, is_same, "the nodes differ in the order %s, %s",
                  self->orders[i].key.name,
                  entries[0] == NULL || entries[1] == NULL ||
                          record_compare(entries[0]->version, entries[1]->version) != 0
                      ? "and in its version"
                      : "in one version");
    }
}

static enum verdict expected_of(const struct node_server *server)
{
    if (server->draining)
        return VERDICT_DRAINING;
    return server->force == VERDICT_FORCED_DOWN ? VERDICT_DOWN : VERDICT_UP;
}

/* Every server is up or, by an order, draining or down; nothing is frozen. */
static void judge_verdicts(struct sim *self, size_t number)
{
    const struct node *node = &self->nodes[number].node;
    for (size_t pool = 0; pool < self->document.pool_count; pool++) {
        const struct verdict_pool *verdicts = &node->plan.pools[pool].verdicts;
        sim_check(self, SIM_WHOLE, !verdicts->frozen, "ns%zu: pool %s is frozen at the end",
                  number + 1, self->document.pools[pool].name);
        sim_check(self, SIM_WHOLE, node->plan.document == &self->document,
                  "ns%zu has not read of its servers at the end", number + 1);
        for (size_t i = 0; i < verdicts->count; i++) {
            size_t server = self->document.pools[pool].members[i];
            enum verdict expected = expected_of(&node->plan.servers[server]);
            sim_check(self, SIM_WHOLE, verdicts->members[i].verdict == expected,
                      "ns%zu holds media%zu for %s at the end, it is %s", number + 1, server + 1,
                      verdict_text(verdicts->members[i].verdict), verdict_text(expected));
        }
    }
}

/* Of kinds the misspoken tell in every seed; of an order that a node of the next version gave its
 * partner, when that tells it again. */
static void judge_next(struct sim *self, size_t number)
{
    const struct node *node = &self->nodes[number].node;
    bool hears_next = sim_is_next(self, (int)(1 - number));
    for (size_t agent = 0; agent < self->agent_count; agent++)
        hears_next |= sim_is_next(self, (int)(SIM_NODES + agent));
    for (int what = 0; what < PACK_UNKNOWN_COUNT; what++) {
        bool is_own = what == PACK_UNKNOWN_VALUE_FIELD && sim_is_next(self, (int)number);
        bool is_told = (what == PACK_UNKNOWN_KIND || is_own) && !hears_next;
        sim_check(self, SIM_NEXT, is_told || (node->unknown[what] > 0) == hears_next,
                  "ns%zu passed over %llu times %s", number + 1,
                  (unsigned long long)node->unknown[what],
                  pack_unknown_text((enum pack_unknown)what));
    }
    sim_check(self, SIM_NEXT, node->replica.peers[REPLICA_PARTNER].protocol == 1,
              "ns%zu speaks protocol %llu with its partner", number + 1,
              (unsigned long long)node->replica.peers[REPLICA_PARTNER].protocol);
}

void sim_oracles_end(struct sim *self)
{
    for (size_t node = 0; node < SIM_NODES; node++) {
        bool is_synced =
            self->nodes[node].alive && self->nodes[node].node.replica.sync == REPLICA_SYNCED;
        sim_check(self, SIM_WHOLE, is_synced, "ns%zu is not synced at the end", node + 1);
        if (!is_synced)
            return;
    }
    sim_check(self, SIM_DIGESTS, self->digests_met, "the tables differ after %d ms of quiet",
              QUIET_LEAST_MS);
    judge_orders(self);
    judge_winners(self);
    for (size_t node = 0; node < SIM_NODES; node++)
        judge_verdicts(self, node);
    for (size_t node = 0; node < SIM_NODES; node++)
        judge_next(self, node);
}
