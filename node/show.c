#include "node/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/gather.h"
#include "node/show_parts.h"

enum { ALARM_SIZE = 800 };

static const struct document_node *document_self(const struct node *node)
{
    return &node->plan.document->nodes[node->config.self];
}

static json_t *age_ms(int64_t now_ms, int64_t then_ms)
{
    return then_ms == INT64_MIN ? json_null() : json_integer(now_ms - then_ms);
}

/* ---- nodes ---- */

static json_t *show_held(const struct status *status, int64_t older_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < status->held_count; i++) {
        char text[IP_TEXT_SIZE];
        const struct status_held *held = &status->held[i];
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:s}", "address", ip_text(&held->address, text), "since_s",
                            (json_int_t)(held->since_s + older_ms / 1000), "reason", held->reason));
    }
    return list;
}

static json_t *show_node(const char *name, const struct status *status, bool reachable,
                         int64_t older_ms)
{
    json_t *servers = json_object();
    for (size_t i = 0; i < STATUS_VERDICTS; i++)
        json_object_set_new(servers, verdict_text((enum verdict)i),
                            json_integer(status->servers[i]));
    return json_pack("{s:s, s:b, s:s, s:I, s:s, s:o, s:o, s:I, s:I, s:I}", "name", name,
                     "reachable", reachable, "sync", replica_sync_text(status->sync), "up_s",
                     (json_int_t)(status->up_s + older_ms / 1000), "version", status->version,
                     "held", show_held(status, older_ms), "servers", servers, "answers",
                     (json_int_t)status->answers, "frozen_pools", (json_int_t)status->frozen_pools,
                     "last_resort_pools", (json_int_t)status->last_resort_pools);
}

/* What its guardian says; where none does, the node is as fit as its worker. */
static void add_fitness(json_t *shown, const struct node *node, size_t position)
{
    const struct fitness *fitness = &node->fitness[position].fitness;
    bool is_known = fitness->fault[0] != '\0';
    json_object_update_new(shown,
                           json_pack("{s:b, s:s, s:s, s:s}", "fit",
                                     !is_known || strcmp(fitness->fault, "sound") == 0, "fault",
                                     is_known ? fitness->fault : "unguarded", "gate", fitness->gate,
                                     "reception", fitness->reception));
}

static json_t *show_nodes(const struct node *node, const struct told *told, int64_t now_ms)
{
    json_t *self = show_node(document_self(node)->name, &node->status, true, 0);
    add_fitness(self, node, node->config.self);
    json_object_set_new(self, "sync", json_string(replica_sync_text(node->replica.sync)));
    json_object_set_new(self, "sync_reason", json_string(replica_sync_reason(&node->replica)));
    json_object_set_new(self, "behind_records", json_integer(0));
    json_t *list = json_pack("[o]", self);
    if (node_partner(node) == NULL)
        return list;
    json_t *partner = show_node(node_partner(node), &node->partner, node->partner_heard,
                                now_ms - node->partner_stated_ms);
    if (!node->partner_known)
        json_object_set_new(partner, "sync", json_string("unknown"));
    add_fitness(partner, node, 1 - node->config.self);
    json_object_set_new(partner, "lives",
                        json_boolean(node->partner_heard || show_partner_lives(told)));
    int64_t offset_ms;
    if (node_clock_offset(node, &offset_ms))
        json_object_set_new(partner, "clock_offset_ms", json_integer(offset_ms));
    json_object_set_new(partner, "behind_records",
                        json_integer((json_int_t)replica_behind(&node->replica)));
    json_object_set_new(partner, "heard_ms",
                        age_ms(now_ms, replica_partner_heard_ms(&node->replica)));
    const struct replica_peer *peer = &node->replica.peers[REPLICA_PARTNER];
    json_object_set_new(partner, "protocol",
                        peer->protocol == 0 ? json_null()
                                            : json_integer((json_int_t)peer->protocol));
    json_object_set_new(partner, "document_format",
                        peer->format == 0 ? json_null() : json_integer(peer->format));
    json_array_append_new(list, partner);
    return list;
}

/* ---- addresses ---- */

const struct status_held *show_find_held(const struct status *status, const struct ip *address)
{
    for (size_t i = 0; i < status->held_count; i++)
        if (ip_equal(&status->held[i].address, address))
            return &status->held[i];
    return NULL;
}

/* Of the home of this number. */
static json_t *show_address(const struct node *node, const struct told *told, int64_t now_ms,
                            size_t number, const struct ip *address, size_t *unserved)
{
    const char *home = node->plan.document->nodes[number].name;
    char text[IP_TEXT_SIZE];
    const struct status_held *held = show_find_held(&node->status, address);
    const char *holder = document_self(node)->name;
    int64_t older_ms = 0;
    if (held == NULL && node->partner_heard) {
        held = show_find_held(&node->partner, address);
        holder = node_partner(node);
        older_ms = now_ms - node->partner_stated_ms;
    }
    if (held == NULL && node->plan.document->has_router) /* else it would be taken from it */
        return json_pack("{s:s, s:s, s:s, s:s}", "address", ip_text(address, text), "home", home,
                         "holder", node->plan.document->nodes[1].name, "reason", "backup");
    if (held == NULL && !node->partner_heard &&
        told_has(told, number == 0 ? CHANNEL_ADVERTISED_0 : CHANNEL_ADVERTISED_1))
        return json_pack("{s:s, s:s, s:s, s:s}", "address", ip_text(address, text), "home", home,
                         "holder", node_partner(node), "reason", "advertised");
    if (held == NULL) {
        ++*unserved;
        return json_pack("{s:s, s:s, s:n}", "address", ip_text(address, text), "home", home,
                         "holder");
    }
    return json_pack("{s:s, s:s, s:s, s:I, s:s}", "address", ip_text(address, text), "home", home,
                     "holder", holder, "since_s", (json_int_t)(held->since_s + older_ms / 1000),
                     "reason", held->reason);
}

static json_t *show_addresses(const struct node *node, const struct told *told, int64_t now_ms,
                              size_t *unserved)
{
    json_t *list = json_array();
    const struct document *document = node->plan.document;
    for (size_t i = 0; i < document->node_count; i++)
        for (size_t family = 0; family < 2; family++)
            if (document->nodes[i].home[family].family != 0)
                json_array_append_new(list,
                                      show_address(node, told, now_ms, i,
                                                   &document->nodes[i].home[family], unserved));
    return list;
}

/* ---- pools ---- */

static const char *last_resort_text(enum pool_last_resort last_resort)
{
    static const char *const texts[] = {[POOL_LAST_KNOWN_GOOD] = "last-known-good",
                                        [POOL_ALL] = "all",
                                        [POOL_FIXED] = "fixed",
                                        [POOL_SERVFAIL] = "servfail"};
    return texts[last_resort];
}

static json_t *show_pool(const struct node *node, size_t position)
{
    const struct node_pool *pool = &node->plan.pools[position];
    const struct document_pool *configured = &node->plan.document->pools[position];
    struct pool_state state;
    pool_state(pool->pool, &state);
    json_t *answers = json_object();
    for (size_t i = 0; i < POOL_REASON_COUNT; i++)
        if (state.answers[i] > 0)
            json_object_set_new(answers, pool_reason_text((enum pool_reason)i),
                                json_integer((json_int_t)state.answers[i]));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:s, s:o}", "name",
                     configured->name, "answers_for", configured->owner, "members",
                     (json_int_t)state.member_count, "up", (json_int_t)state.fit_count,
                     "group_size", (json_int_t)state.group_size, "rounds", (json_int_t)state.rounds,
                     "ready", state.is_ready, "frozen", pool->verdicts.frozen, "at_last_resort",
                     pool->at_last_resort, "last_resort", last_resort_text(state.last_resort),
                     "answers", answers);
}

/* ---- status ---- */

/* Null without a guardian that asks them. */
static json_t *show_witnesses(const struct told *told, int64_t now_ms)
{
    if (!told_has(told, CHANNEL_HAS_INTERFACE))
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < told->witness_count; i++) {
        char text[IP_TEXT_SIZE];
        const struct told_witness *witness = &told->witnesses[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:o}", "address", ip_text(&witness->address, text),
                                        "heard_ms", age_ms(now_ms, witness->heard_ms)));
    }
    return list;
}

json_t *show_status(const struct node *node, const struct told *told, int64_t now_ms)
{
    const struct document *document = node->plan.document;
    size_t unserved = 0;
    json_t *addresses = show_addresses(node, told, now_ms, &unserved);
    json_t *pools = json_array();
    for (size_t i = 0; i < document->pool_count; i++)
        json_array_append_new(pools, show_pool(node, i));
    json_t *alarms = show_alarms(node, told, now_ms);
    /* An address nobody holds, or a node that is gone: 2. Anything else to look at: 1. */
    bool is_alone = node_partner(node) != NULL && !node->partner_heard && !show_partner_lives(told);
    int status = unserved > 0 || is_alone ? 2 : json_array_size(alarms) > 0 ? 1 : 0;
    const char *const healths[] = {"healthy", "degraded", unserved > 0 ? "unserved" : "alone"};
    return json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "cluster",
                     document->cluster, "asked", document_self(node)->name, "health",
                     healths[status], "exit", status, "nodes", show_nodes(node, told, now_ms),
                     "addresses", addresses, "pools", pools, "alarms", alarms, "transitions",
                     show_transitions(node, now_ms), "witnesses", show_witnesses(told, now_ms));
}

void show_add_alarm(json_t *status, const char *format, ...)
{
    char line[ALARM_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    json_array_append_new(json_object_get(status, "alarms"), json_string(line));
    if (json_integer_value(json_object_get(status, "exit")) != 0)
        return;
    json_object_set_new(status, "health", json_string("degraded"));
    json_object_set_new(status, "exit", json_integer(1));
}

/* ---- servers ---- */

static json_t *show_membership(const struct node *node, int64_t now_ms,
                               const struct node_membership *membership)
{
    const struct node_pool *pool = &node->plan.pools[membership->pool];
    const struct verdict_member *member = &pool->verdicts.members[membership->member];
    struct pool_member_state state;
    pool_member_state(pool->pool, membership->member, &state);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "pool",
                     node->plan.document->pools[membership->pool].name, "verdict",
                     verdict_text(member->verdict), "reason", verdict_reason_text(member->reason),
                     "since_ms", (json_int_t)(now_ms - member->since_ms), "sockets",
                     (json_int_t)state.sockets, "pending", (json_int_t)state.pending, "handed",
                     (json_int_t)state.handed, "partner_handed", (json_int_t)state.partner_handed,
                     "in_group", state.in_group);
}

static json_t *show_report(const struct node_server *server, int64_t now_ms)
{
    const struct report *report = &server->report;
    json_t *services = json_array();
    for (size_t i = 0; i < report->service_count; i++) {
        const struct report_service *service = &report->services[i];
        json_array_append_new(services, json_pack("{s:i, s:b, s:I, s:I, s:I}", "port",
                                                  service->port, "listening", service->listening,
                                                  "sockets", (json_int_t)service->sockets, "queue",
                                                  (json_int_t)service->queue, "queue_max",
                                                  (json_int_t)service->queue_max));
    }
    return json_pack("{s:I, s:o, s:i, s:i, s:i, s:I, s:I}", "age_ms",
                     (json_int_t)(now_ms - server->stated_ms), "services", services, "cpu_permille",
                     report->cpu_permille, "memory_permille", report->memory_permille,
                     "disk_permille", report->disk_permille, "received_bytes_per_s",
                     (json_int_t)report->received_bytes_per_s, "sent_bytes_per_s",
                     (json_int_t)report->sent_bytes_per_s);
}

static json_t *show_server(const struct node *node, int64_t now_ms, size_t position)
{
    const struct document_server *configured = &node->plan.document->servers[position];
    const struct node_server *server = &node->plan.servers[position];
    json_t *addresses = json_array();
    for (size_t family = 0; family < 2; family++) {
        char text[IP_TEXT_SIZE];
        if (configured->addresses[family].family != 0)
            json_array_append_new(addresses,
                                  json_string(ip_text(&configured->addresses[family], text)));
    }
    json_t *pools = json_array();
    for (size_t i = 0; i < server->membership_count; i++)
        json_array_append_new(pools, show_membership(node, now_ms, &server->memberships[i]));
    return json_pack("{s:s, s:o, s:I, s:b, s:o, s:o}", "name", configured->name, "addresses",
                     addresses, "capacity", (json_int_t)configured->capacity, "draining",
                     server->draining, "report",
                     server->reported ? show_report(server, now_ms) : json_null(), "pools", pools);
}

json_t *show_servers(const struct node *node, int64_t now_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < node->plan.document->server_count;
         i++) /* those that joined are in any */
        json_array_append_new(list, show_server(node, now_ms, node->plan.servers_by_name[i]));
    return json_pack("{s:s, s:i, s:o}", "asked", document_self(node)->name, "exit", 0, "servers",
                     list);
}

/* ---- doctor ---- */

json_t *show_doctor(const struct node *node, const struct told *told, int64_t now_ms)
{
    struct doctor_facts facts;
    struct doctor_check checks[DOCTOR_CHECKS_MAX];
    gather_facts(node, told, now_ms, &facts);
    size_t count = doctor_examine(&facts, checks);
    json_t *list = json_array();
    enum doctor_level worst = DOCTOR_OK;
    for (size_t i = 0; i < count; i++) {
        const struct doctor_check *check = &checks[i];
        worst = check->level > worst ? check->level : worst;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", check->name, "level",
                                              doctor_level_word(check->level), "sentence",
                                              check->sentence));
    }
    return json_pack("{s:s, s:i, s:o}", "asked", document_self(node)->name, "exit", (int)worst,
                     "checks", list);
}

/* ---- counters ---- */

json_t *show_guardian(const struct told *told)
{
    json_t *groups = json_object();
    for (size_t group = 0; group < CHANNEL_GROUPS; group++) {
        json_t *counts = json_object();
        for (size_t i = 0; i < channel_group_size((enum channel_group)group); i++)
            json_object_set_new(counts, told_count_word((enum channel_group)group, i),
                                json_integer((json_int_t)told->counts[group][i].count));
        json_object_set_new(groups, told_group_word((enum channel_group)group), counts);
    }
    return groups;
}

json_t *show_counters(const struct node *node)
{
    json_t *messages = json_object(), *records = json_object(), *reports = json_object();
    json_t *orders = json_object(), *unknown = json_object();
    for (int i = MESSAGE_OK + 1; i < MESSAGE_REASON_COUNT; i++)
        json_object_set_new(messages, message_reason_text((enum message_reason)i),
                            json_integer((json_int_t)node->message_reasons[i]));
    for (int i = PACK_OK + 1; i < PACK_REASON_COUNT; i++)
        json_object_set_new(messages, pack_reason_text((enum pack_reason)i),
                            json_integer((json_int_t)node->pack_reasons[i]));
    for (int i = REPLICA_TAKEN + 1; i < REPLICA_REASON_COUNT; i++)
        json_object_set_new(records, replica_reason_text((enum replica_reason)i),
                            json_integer((json_int_t)node->replica.counts[i]));
    for (int i = REPORT_OK + 1; i < REPORT_REASON_COUNT; i++)
        json_object_set_new(reports, report_reason_text((enum report_reason)i),
                            json_integer((json_int_t)node->report_reasons[i]));
    for (int i = ORDER_OK + 1; i < ORDER_REASON_COUNT; i++)
        json_object_set_new(orders, order_reason_text((enum order_reason)i),
                            json_integer((json_int_t)node->order_reasons[i]));
    for (int i = 0; i < PACK_UNKNOWN_COUNT; i++)
        json_object_set_new(unknown, pack_unknown_text((enum pack_unknown)i),
                            json_integer((json_int_t)node->unknown[i]));
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "frames", (json_int_t)node->frames,
                     "records", (json_int_t)node->table.count, "notes_dropped",
                     (json_int_t)node->notes_dropped, "messages_refused", messages,
                     "records_refused", records, "reports_refused", reports, "orders_refused",
                     orders, "passed_over", unknown);
}
