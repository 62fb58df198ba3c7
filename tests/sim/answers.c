/* Clients ask both nodes, and each answer is judged twice: by the facts that the answering node
 * holds in its table, read here anew, and by the truth, which the facts must follow in time. */
#include <assert.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

enum {
    ASK_MS = 40,
    AGE_SLACK_MS = 60,    /* verdicts age with each tick, of 50 ms */
    FRESH_SLACK_MS = 700, /* so much younger than stale is certainly not stale */
    SETTLED_MS = 1500, /* a connection clean for so long has greeted: HELLO is said each second */
    CLOSED_MS = 300,   /* from a port's closing to its last naming: sample, gap, the way */
    SILENT_MS = 3000,  /* from an agent's death: stale after 2 s, on the way for up to 360 ms */
    ORDER_MS = 200,    /* from "done" to the partner on a clean path */
    ORDER_REPAIR_MS = 2500 /* ... on a path that became clean later: one version vector, and some */
};

/* ---- facts ---- */

/* What the node's own table says of a server, as a member of a pool. */
struct facts {
    bool reported, listening, drained; /* drained: or forced down */
    bool forced;                       /* up: as if it had reported just now */
    int64_t stated_ms;
    int64_t silent_ms; /* since its last report, or since the node can hear */
};

bool sim_find_order(struct sim *self, size_t node, enum order_verb verb, const char *subject,
                    struct order *order)
{
    struct record_key key;
    struct order asked = {.verb = verb};
    snprintf(asked.subject, sizeof asked.subject, "%s", subject);
    order_key(&asked, &key);
    const struct table_entry *entry = table_find(&self->nodes[node].node.table, &key);
    return entry != NULL &&
           order_decode(order, &self->space, &key, entry->value, entry->value_size) == ORDER_OK;
}

static struct facts look(struct sim *self, size_t number, size_t pool, size_t server)
{
    const struct sim_node *node = &self->nodes[number];
    const char *name = self->document.servers[server].name;
    struct facts facts = {0};
    struct order order;
    facts.drained = sim_find_order(self, number, ORDER_DRAIN, name, &order) && order.draining;
    if (sim_find_order(self, number, ORDER_FORCE, name, &order)) {
        facts.drained |= order.force == VERDICT_FORCED_DOWN;
        facts.forced = !facts.drained && order.force == VERDICT_FORCED_UP;
    }
    if (facts.forced) {
        facts.reported = facts.listening = true;
        facts.stated_ms = self->now_ms;
        return facts;
    }
    struct record_key key = {.kind = RECORD_REPORT};
    snprintf(key.name, sizeof key.name, "%s", name);
    const struct table_entry *entry = table_find(&node->node.table, &key);
    struct report report;
    if (entry == NULL ||
        report_decode(&report, &self->space, entry->value, entry->value_size) != REPORT_OK)
        return facts;
    const struct report_service *service =
        report_service(&report, self->document.pools[pool].ports[0]);
    facts.reported = true;
    facts.listening = service != NULL && service->listening;
    /* As it first arrived: the table lets a copy that comes later make it younger. */
    facts.stated_ms = node->node.plan.servers[server].stated_ms;
    int64_t heard_ms = facts.stated_ms > node->clean_ms ? facts.stated_ms : node->clean_ms;
    facts.silent_ms = self->now_ms - heard_ms;
    return facts;
}

static size_t server_of(const struct sim *self, size_t pool, size_t member)
{
    return self->document.pools[pool].members[member];
}

/* More than 30 % and at least two, as health/verdict.h says of a freeze. */
static bool are_many(const struct sim *self, size_t pool, size_t count)
{
    return count >= 2 && count * 1000 > self->document.pools[pool].member_count * 300;
}

/* Have so many fallen silent, who said that they listen, that the node may doubt its ears? */
static bool are_many_silent(struct sim *self, size_t node, size_t pool)
{
    size_t silent = 0;
    for (size_t i = 0; i < self->document.pools[pool].member_count; i++) {
        struct facts facts = look(self, node, pool, server_of(self, pool, i));
        silent += facts.reported && facts.listening && !facts.drained &&
                  facts.silent_ms > self->document.pools[pool].stale_ms;
    }
    return are_many(self, pool, silent);
}

/* ---- one query ---- */

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
        sim_check(self, SIM_PARSES, false, "an answer of %zu bytes does not", size);
        return server;
    }
    size_t count = ldns_rr_list_rr_count(ldns_pkt_answer(packet));
    sim_check(self, SIM_PARSES, ldns_pkt_id(packet) == 0x1234 && ldns_pkt_qr(packet),
              "an answer has another id, or is none");
    sim_check(self, SIM_PARSES, count == (is_balanced ? 1U : 0U), "an answer has %zu records",
              count);
    if (count == 1) {
        const ldns_rdf *address = ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(packet), 0), 0);
        const uint8_t *data = ldns_rdf_data(address);
        /* 192.0.2.101 and 2001:db8::101 (hexadecimal) are media1. */
        server = ldns_rdf_size(address) == 4
                     ? data[3] - 101U
                     : (size_t)(data[14] >> 4) * 1000 + (size_t)(data[14] & 15) * 100 +
                           (size_t)(data[15] >> 4) * 10 + (data[15] & 15) - 101U;
        sim_check(self, SIM_PARSES, server < self->agent_count, "an answer names nobody's address");
    }
    ldns_pkt_free(packet);
    return server;
}

/* ---- by the node's own facts ---- */

/* Who is named as fit is not drained by an order that the node holds, its port not closed by the
 * report that it holds, and it is not silent longer than its bound, unless too many are at once. */
static void judge_named(struct sim *self, size_t node, size_t pool, size_t server)
{
    struct facts facts = look(self, node, pool, server);
    sim_check(self, SIM_FIT, !facts.drained, "ns%zu names media%zu, drained", node + 1, server + 1);
    sim_check(self, SIM_FIT, facts.reported && facts.listening,
              "ns%zu names media%zu, whose port is closed", node + 1, server + 1);
    sim_check(self, SIM_FIT,
              facts.silent_ms <= self->document.pools[pool].stale_ms + AGE_SLACK_MS ||
                  are_many_silent(self, node, pool),
              "ns%zu names media%zu, silent for %lld ms", node + 1, server + 1,
              (long long)facts.silent_ms);
}

/* Has the node read which servers its pools have? */
static bool has_servers(const struct sim *self, size_t node)
{
    return self->nodes[node].node.plan.document == &self->document;
}

/* The last resort, or nobody, is the answer only when no server is fit. */
static void judge_last_resort(struct sim *self, size_t node, size_t pool)
{
    for (size_t i = 0; i < self->document.pools[pool].member_count; i++) {
        size_t server = server_of(self, pool, i);
        struct facts facts = look(self, node, pool, server);
        bool is_fit =
            facts.reported && facts.listening && !facts.drained &&
            self->now_ms - facts.stated_ms < self->document.pools[pool].stale_ms - FRESH_SLACK_MS;
        sim_check(self, SIM_LAST_RESORT, !is_fit, "ns%zu has nobody to name, but media%zu is fit",
                  node + 1, server + 1);
    }
}

/* An operator who undrains a server that has long been silent is shown the truth beneath. */
static bool was_ordered(const struct sim *self, size_t server, int64_t since_ms)
{
    for (size_t i = 0; i < self->order_count; i++)
        if (self->orders[i].server == server && self->orders[i].given_ms >= since_ms)
            return true;
    return false;
}

/* A node that suddenly hears nobody goes on naming those that were well: not they all have died, it
 * is the node that is deaf. */
static void judge_freeze(struct sim *self, size_t node, size_t pool, enum answer_reason reason)
{
    const struct sim_fault *deaf = sim_find_fault(self, SIM_NODE_DEAF, node);
    if (deaf == NULL || deaf->other == 0 || self->nodes[node].clean_ms > deaf->since_ms ||
        self->nodes[node].node.replica.sync != REPLICA_SYNCED)
        return;
    size_t well = 0;
    for (size_t i = 0; i < self->document.pools[pool].member_count; i++) {
        size_t server = server_of(self, pool, i);
        struct facts facts = look(self, node, pool, server);
        well += facts.reported && facts.listening && !facts.drained &&
                facts.stated_ms > deaf->since_ms - SETTLED_MS &&
                !was_ordered(self, server, deaf->since_ms - SETTLED_MS);
    }
    if (are_many(self, pool, well))
        sim_check(self, SIM_FREEZE, reason == ANSWER_BALANCED,
                  "ns%zu, deaf for %lld ms, answers pool %s: %s", node + 1,
                  (long long)(self->now_ms - deaf->since_ms), self->document.pools[pool].name,
                  answer_reason_text(reason));
}

/* ---- by the truth ---- */

/* A server whose port has been closed is not named by a node that its agent can reach. */
static void judge_closed(struct sim *self, size_t node, size_t pool, size_t server, bool is_named)
{
    const struct sim_agent *agent = &self->agents[server];
    if (look(self, node, pool, server).forced)
        return;
    int64_t closed_ms = self->now_ms - agent->ports[pool].since_ms;
    if (!agent->ports[pool].listening && closed_ms > CLOSED_MS && agent->alive &&
        self->now_ms - agent->alive_since_ms > SETTLED_MS + CLOSED_MS &&
        sim_is_clean(self, sim_agent_connection(self, server, node), SETTLED_MS + CLOSED_MS))
        sim_check(self, SIM_CLOSED, !is_named, "ns%zu names media%zu, closed for %lld ms", node + 1,
                  server + 1, (long long)closed_ms);
}

/* A server whose agent has been dead for long is not named, unless too many fell silent at once. */
static void judge_silent(struct sim *self, size_t node, size_t pool, size_t server, bool is_named)
{
    const struct sim_agent *agent = &self->agents[server];
    if (look(self, node, pool, server).forced)
        return;
    int64_t silent_ms = self->now_ms - agent->alive_since_ms;
    if (!agent->alive && silent_ms > SILENT_MS &&
        self->now_ms - self->nodes[node].clean_ms > SILENT_MS)
        sim_check(self, SIM_SILENT, !is_named || are_many_silent(self, node, pool),
                  "ns%zu names media%zu, dead for %lld ms", node + 1, server + 1,
                  (long long)silent_ms);
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
static void judge_drained(struct sim *self, size_t node, size_t server, bool is_named)
{
    const struct sim_order *order = newest_drain(self, server);
    if (order == NULL || !order->done || !order->draining ||
        self->now_ms >= order->until_ms - SIM_SKEW_MS)
        return;
    int64_t done_ms = self->now_ms - order->done_ms;
    bool is_told = done_ms > ORDER_MS && sim_is_clean(self, SIM_PARTNER_CONNECTION,
                                                      self->now_ms - order->given_ms + SETTLED_MS);
    bool is_repaired =
        done_ms > ORDER_REPAIR_MS && sim_is_clean(self, SIM_PARTNER_CONNECTION, ORDER_REPAIR_MS);
    if (order->node == node || is_told || is_repaired)
        sim_check(self, SIM_DRAINED, !is_named, "ns%zu names media%zu, drained for %lld ms",
                  node + 1, server + 1, (long long)done_ms);
}

/* ---- clients ---- */

static void judge(struct sim *self, size_t node, size_t pool, size_t named,
                  enum answer_reason reason)
{
    bool is_synced = self->nodes[node].node.replica.sync == REPLICA_SYNCED;
    sim_check(self, SIM_READY, is_synced || reason == ANSWER_SERVFAIL_NOT_READY,
              "ns%zu has no snapshot, but answers: %s", node + 1, answer_reason_text(reason));
    if (!has_servers(self, node)) {
        sim_check(self, SIM_EMPTY,
                  reason == ANSWER_SERVFAIL_NOT_READY || reason == ANSWER_SERVFAIL_POOL,
                  "ns%zu has no servers, but answers: %s", node + 1, answer_reason_text(reason));
        return;
    }
    judge_freeze(self, node, pool, reason);
    if (reason == ANSWER_BALANCED_LAST_RESORT || reason == ANSWER_SERVFAIL_POOL)
        judge_last_resort(self, node, pool);
    if (reason != ANSWER_BALANCED || named >= self->agent_count)
        return;
    judge_named(self, node, pool, named);
    for (size_t i = 0; i < self->document.pools[pool].member_count; i++) {
        size_t server = server_of(self, pool, i);
        judge_closed(self, node, pool, server, server == named);
        judge_silent(self, node, pool, server, server == named);
        judge_drained(self, node, server, server == named);
    }
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
    size_t named = judge_packet(self, bytes, answer.size, is_balanced);
    sim_sums.answers++;
    sim_sums.last_resort += answer.reason == ANSWER_BALANCED_LAST_RESORT;
    sim_sums.not_ready += answer.reason == ANSWER_SERVFAIL_NOT_READY;
    judge(self, node, pool, named, answer.reason);
}

/* In the quiet clients are quiet too: what is handed out is a fact that the nodes share. */
void sim_answers_step(struct sim *self)
{
    if (self->now_ms < self->next_ask_ms || self->now_ms >= SIM_MS)
        return;
    self->next_ask_ms = self->now_ms + ASK_MS;
    for (size_t node = 0; node < SIM_NODES; node++)
        if (self->nodes[node].alive && !self->nodes[node].stalled)
            ask(self, node, sim_dice(self, self->document.pool_count),
                sim_dice(self, 3) == 0 ? LDNS_RR_TYPE_AAAA : LDNS_RR_TYPE_A);
}
