#include <assert.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

enum {
    ASK_MS = 40,
    CHECK_MS = 100,
    /* From a port's closing to its last naming, on a clean path: sample, gap, and some way. */
    CLOSED_MS = 700,
    /* From an agent's last word: stale after 2 s, on the way for up to 360 ms, and a tick. */
    SILENT_MS = 3000,
    /* From "done" to the other node on a clean path: at most one version vector. */
    ORDER_MS = 2500,
};

/* ---- answers ---- */

static size_t make_query(const char *owner, uint16_t type, uint8_t *bytes)
{
    static const uint8_t header[12] = {0x12, 0x34, 1, 0, 0, 1};
    size_t size;
    memcpy(bytes, header, sizeof header);
    assert(name_parse(owner, bytes + 12, &size));
    size += 12;
    bytes[size] = 0;
    bytes[size + 1] = (uint8_t)type;
    bytes[size + 2] = 0;
    bytes[size + 3] = 1;
    return size + 4;
}

/* Every answer parses by ldns, has the query's id and exactly the records its rcode calls for.
 * Returns the server that is named, or SIZE_MAX. */
static size_t judge_packet(struct sim *self, const uint8_t *bytes, size_t size, bool is_balanced)
{
    ldns_pkt *packet = NULL;
    size_t server = SIZE_MAX;
    if (ldns_wire2pkt(&packet, bytes, size) != LDNS_STATUS_OK) {
        sim_fail(self, "an answer of %zu bytes does not parse", size);
        return server;
    }
    size_t count = ldns_rr_list_rr_count(ldns_pkt_answer(packet));
    if (ldns_pkt_id(packet) != 0x1234 || !ldns_pkt_qr(packet))
        sim_fail(self, "an answer has another id, or is none");
    if (count != (is_balanced ? 1U : 0U))
        sim_fail(self, "an answer has %zu records", count);
    if (count == 1) {
        const ldns_rdf *address = ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(packet), 0), 0);
        const uint8_t *data = ldns_rdf_data(address);
        /* 192.0.2.101 and 2001:db8::101 (hexadecimal) are media1. */
        server = ldns_rdf_size(address) == 4
                     ? data[3] - 101U
                     : (size_t)(data[14] >> 4) * 1000 + (size_t)(data[14] & 15) * 100 +
                           (size_t)(data[15] >> 4) * 10 + (data[15] & 15) - 101U;
        if (server >= self->agent_count)
            sim_fail(self, "an answer names nobody's address");
    }
    ldns_pkt_free(packet);
    return server;
}

/* A server whose port has been closed for long is not named by a node that its agent can reach. */
static void judge_closed(struct sim *self, size_t node, size_t server, size_t pool)
{
    const struct sim_agent *agent = &self->agents[server];
    bool is_told = agent->alive && self->now_ms - agent->alive_since_ms > CLOSED_MS &&
                   agent->clean_ms[node] != INT64_MAX &&
                   self->now_ms - agent->clean_ms[node] > CLOSED_MS;
    if (pool == 0 && !agent->listening && is_told &&
        self->now_ms - agent->listening_since_ms > CLOSED_MS)
        sim_fail(self, "ns%zu names media%zu, whose port has been closed for %lld ms", node + 1,
                 server + 1, (long long)(self->now_ms - agent->listening_since_ms));
}

/* A server whose agent has been dead for long is not named, unless too many fell silent at once. */
static void judge_silent(struct sim *self, size_t node, size_t server, size_t pool)
{
    const struct sim_agent *agent = &self->agents[server];
    const struct sim_node *n = &self->nodes[node];
    if (!agent->alive && self->now_ms - agent->alive_since_ms > SILENT_MS &&
        self->now_ms - n->clean_ms > SILENT_MS && !n->node.pools[pool].verdicts.frozen)
        sim_fail(self, "ns%zu names media%zu, silent for %lld ms", node + 1, server + 1,
                 (long long)(self->now_ms - agent->alive_since_ms));
}

static const struct sim_order *newest_drain(const struct sim *self, size_t server)
{
    const struct sim_order *newest = NULL;
    for (size_t i = 0; i < self->order_count; i++)
        if (self->orders[i].server == server &&
            (newest == NULL || record_compare(self->orders[i].version, newest->version) > 0))
            newest = &self->orders[i];
    return newest;
}

/* A server that an operator drains is not named: by the node that said "done" from then on, by the
 * other once it could hear of it. */
static void judge_drained(struct sim *self, size_t node, size_t server)
{
    const struct sim_order *order = newest_drain(self, server);
    if (order == NULL || !order->done || !order->draining)
        return;
    bool is_known = order->node == node || (self->now_ms - order->done_ms > ORDER_MS &&
                                            self->partner_clean_ms != INT64_MAX &&
                                            self->now_ms - self->partner_clean_ms > ORDER_MS);
    if (is_known)
        sim_fail(self, "ns%zu names media%zu, drained for %lld ms", node + 1, server + 1,
                 (long long)(self->now_ms - order->done_ms));
}

static void ask(struct sim *self, size_t node, size_t pool, uint16_t type)
{
    uint8_t query[300], bytes[QUERY_UDP_SIZE_MAX];
    struct answer answer;
    struct answer_request request = {.view = self->nodes[node].view,
                                     .bytes = query,
                                     .now_ms = self->now_ms,
                                     .dice = sim_dice(self, UINT32_MAX)};
    request.size = make_query(self->document.pools[pool].owner, type, query);
    answer_query(&request, bytes, sizeof bytes, &answer);
    bool is_balanced =
        answer.reason == ANSWER_BALANCED || answer.reason == ANSWER_BALANCED_LAST_RESORT;
    size_t server = judge_packet(self, bytes, answer.size, is_balanced);
    sim_sums.answers++;
    sim_sums.balanced += answer.reason == ANSWER_BALANCED;
    sim_sums.last_resort += answer.reason == ANSWER_BALANCED_LAST_RESORT;
    sim_sums.not_ready += answer.reason == ANSWER_SERVFAIL_NOT_READY;
    if (answer.reason != ANSWER_BALANCED || server >= self->agent_count)
        return;
    judge_closed(self, node, server, pool);
    judge_silent(self, node, server, pool);
    judge_drained(self, node, server);
}

/* ---- tables ---- */

/* A record's version never goes back within a node's life, and the table never outgrows its room.
 * */
static void judge_table(struct sim *self, size_t number)
{
    struct sim_node *node = &self->nodes[number];
    const struct table *table = &node->node.table;
    if (table->count > table->capacity)
        sim_fail(self, "ns%zu holds %zu records of at most %zu", number + 1, table->count,
                 table->capacity);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_entry *entry = table_at(table, i);
        if (i < node->seen_count && record_compare(entry->version, node->seen[i]) < 0)
            sim_fail(self, "ns%zu: %s went back", number + 1, entry->key.name);
        node->seen[i] = entry->version;
        sim_sums.checks++;
    }
    node->seen_count = table->count;
}

static void watch_partner_path(struct sim *self)
{
    const struct sim_connection *connection = &self->connections[SIM_PARTNER_CONNECTION];
    bool is_clean = connection->up && sim_is_open(self, connection, true) &&
                    sim_is_open(self, connection, false) && sim_is_awake(self, 0) &&
                    sim_is_awake(self, 1) && !sim_has_fault(self, SIM_LOSS) &&
                    !sim_has_fault(self, SIM_DELAY) && !sim_has_fault(self, SIM_REORDERING);
    if (!is_clean)
        self->partner_clean_ms = INT64_MAX;
    else if (self->partner_clean_ms == INT64_MAX)
        self->partner_clean_ms = self->now_ms;
}

void sim_oracles_step(struct sim *self)
{
    watch_partner_path(self);
    bool checks = self->now_ms >= self->next_check_ms;
    /* At the end clients are quiet too: what is handed out is a fact that nodes share. */
    bool asks = self->now_ms >= self->next_ask_ms && self->now_ms < SIM_MS + SIM_QUIET_MS - 3000;
    if (asks)
        self->next_ask_ms = self->now_ms + ASK_MS;
    if (checks)
        self->next_check_ms = self->now_ms + CHECK_MS;
    for (size_t node = 0; node < SIM_NODES; node++) {
        if (!self->nodes[node].alive || self->nodes[node].stalled)
            continue;
        if (asks)
            ask(self, node, sim_dice(self, self->document.pool_count),
                sim_dice(self, 3) == 0 ? 28 : 1);
        if (checks)
            judge_table(self, node);
    }
    if (self->now_ms > SIM_MS + SIM_QUIET_MS - 2000)
        self->digests_met |=
            table_digest(&self->nodes[0].node.table) == table_digest(&self->nodes[1].node.table);
}

/* ---- the end ---- */

/* Orders that were answered with "done" are on both nodes, in that version or a newer one. */
static void judge_orders(struct sim *self)
{
    for (size_t i = 0; i < self->order_count; i++)
        for (size_t node = 0; node < SIM_NODES && self->orders[i].done; node++) {
            const struct table_entry *entry =
                table_find(&self->nodes[node].node.table, &self->orders[i].key);
            if (entry == NULL || record_compare(entry->version, self->orders[i].version) < 0)
                sim_fail(self, "ns%zu lost the order %s", node + 1, self->orders[i].key.name);
            sim_sums.checks++;
        }
}

/* Both nodes say the same of every server and pool, and it is the truth. */
static void judge_verdicts(struct sim *self)
{
    const struct node *a = &self->nodes[0].node, *b = &self->nodes[1].node;
    for (size_t i = 0; i < self->agent_count; i++) {
        if (a->servers[i].draining != b->servers[i].draining)
            sim_fail(self, "media%zu is drained on one node only", i + 1);
        enum verdict expected = a->servers[i].draining ? VERDICT_DRAINING : VERDICT_UP;
        for (size_t node = 0; node < SIM_NODES; node++) {
            enum verdict found = self->nodes[node].node.pools[0].verdicts.members[i].verdict;
            if (found != expected)
                sim_fail(self, "ns%zu holds media%zu for %s at the end, it is %s", node + 1, i + 1,
                         verdict_text(found), verdict_text(expected));
        }
    }
    for (size_t i = 0; i < self->document.pool_count; i++) {
        struct pool_state left, right;
        pool_state(a->pools[i].pool, &left);
        pool_state(b->pools[i].pool, &right);
        if (left.group_size != right.group_size || left.rounds != right.rounds)
            sim_fail(self, "pool %s has two groups", self->document.pools[i].name);
        if (a->pools[i].verdicts.frozen || b->pools[i].verdicts.frozen)
            sim_fail(self, "pool %s is frozen at the end", self->document.pools[i].name);
    }
}

void sim_oracles_end(struct sim *self)
{
    for (size_t node = 0; node < SIM_NODES; node++)
        if (!self->nodes[node].alive || self->nodes[node].node.replica.sync != REPLICA_SYNCED) {
            sim_fail(self, "ns%zu is not synced at the end", node + 1);
            return;
        }
    /* What both hold is equal after some seconds of quiet. */
    if (!self->digests_met)
        sim_fail(self, "the tables differ after the quiet");
    judge_orders(self);
    judge_verdicts(self);
    if (self->fault_total < 10)
        sim_fail(self, "only %zu faults", self->fault_total);
}
