/* tandemctl's requests: what only reads is answered here, an order becomes an event. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/show.h"
#include "node/show_history.h"
#include "node/worker.h"

void worker_refuse(struct worker *self, uint64_t ticket, const char *sentence)
{
    control_answer(self->control, ticket, json_pack("{s:s, s:i}", "error", sentence, "exit", 100));
}

static bool take_subject(const struct control_request *request, const char *key,
                         struct order *order)
{
    const char *name = json_string_value(json_object_get(request->json, key));
    if (name == NULL || strlen(name) == 0 || strlen(name) > ORDER_SUBJECT_MAX)
        return false;
    strcpy(order->subject, name);
    return true;
}

void worker_author(const struct worker *self, const struct control_request *request, char *author)
{
    if (request->uid == 0)
        snprintf(author, ORDER_AUTHOR_MAX + 1, "root@%.26s", self->node_name);
    else
        snprintf(author, ORDER_AUTHOR_MAX + 1, "uid%u@%.16s", request->uid, self->node_name);
}

void worker_did(struct worker *self, int64_t now_ms, const struct control_request *request,
                const char *deed)
{
    struct transition told = {0};
    snprintf(told.subject, sizeof told.subject, "%s", self->node_name);
    snprintf(told.to, sizeof told.to, "%s", deed);
    worker_author(self, request, told.author);
    worker_step(self, now_ms, &(struct node_event){.type = NODE_DID, .transition = &told});
}

/* Where the audit lies: tandemctl reads it, for this thread reads no file. */
static void request_audit(struct worker *self, uint64_t ticket)
{
    char path[sizeof self->state_path + sizeof "/audit"];
    snprintf(path, sizeof path, "%s/audit", self->state_path);
    control_answer(self->control, ticket, json_pack("{s:s, s:i}", "audit", path, "exit", 0));
}

/* Why, and until when; false when they are not what they must be, and that was said. */
static bool take_terms(struct worker *self, const struct control_request *request,
                       struct order *order)
{
    const char *because = json_string_value(json_object_get(request->json, "because"));
    json_int_t for_s = json_integer_value(json_object_get(request->json, "for_s"));
    order->given_s = (uint64_t)time(NULL);
    if (for_s < 0 || for_s > ORDER_FOR_MAX_S) {
        worker_refuse(self, request->ticket, "an order that ends does so within a year");
        return false;
    }
    if (for_s > 0)
        order->until_s = order->given_s + (uint64_t)for_s;
    for (size_t i = 0; because != NULL && because[i] != '\0'; i++) {
        if (i == ORDER_BECAUSE_MAX || because[i] < ' ' || because[i] > '~') {
            worker_refuse(self, request->ticket,
                          "a reason has at most 80 characters, all of ASCII");
            return false;
        }
        order->because[i] = because[i];
    }
    return true;
}

static void give_order(struct worker *self, int64_t now_ms, const struct control_request *request,
                       struct order *order)
{
    if (!take_terms(self, request, order))
        return;
    worker_author(self, request, order->author);
    worker_step(
        self, now_ms,
        &(struct node_event){.type = NODE_COMMAND, .order = order, .ticket = request->ticket});
}

static void request_drain(struct worker *self, int64_t now_ms,
                          const struct control_request *request, bool draining)
{
    struct order order = {.verb = ORDER_DRAIN, .draining = draining};
    if (!take_subject(request, "server", &order))
        worker_refuse(self, request->ticket, "no server is named");
    else
        give_order(self, now_ms, request, &order);
}

static void request_force(struct worker *self, int64_t now_ms,
                          const struct control_request *request, bool ends)
{
    struct order order = {.verb = ORDER_FORCE};
    const char *force = json_string_value(json_object_get(request->json, "force"));
    if (!ends && force != NULL && strcmp(force, "up") == 0)
        order.force = VERDICT_FORCED_UP;
    else if (!ends && force != NULL && strcmp(force, "down") == 0)
        order.force = VERDICT_FORCED_DOWN;
    if (!take_subject(request, "server", &order))
        worker_refuse(self, request->ticket, "no server is named");
    else if (!ends && order.force == VERDICT_UNFORCED)
        worker_refuse(self, request->ticket, "a server is forced up or down");
    else
        give_order(self, now_ms, request, &order);
}

static void request_weight(struct worker *self, int64_t now_ms,
                           const struct control_request *request)
{
    struct order order = {.verb = ORDER_WEIGHT};
    const char *text = json_string_value(json_object_get(request->json, "weight"));
    char *end = NULL;
    long weight = text == NULL ? 0 : strtol(text, &end, 10);
    if (!take_subject(request, "server", &order))
        worker_refuse(self, request->ticket, "no server is named");
    else if (weight < 1 || weight > POOL_WEIGHT_MAX || *end != '\0')
        worker_refuse(self, request->ticket, "a weight is a number of percent from 1 to 1000");
    else {
        order.weight = (uint32_t)weight;
        give_order(self, now_ms, request, &order);
    }
}

static void request_unset(struct worker *self, int64_t now_ms,
                          const struct control_request *request)
{
    struct order order = {.verb = ORDER_GROUP};
    if (!take_subject(request, "pool", &order))
        worker_refuse(self, request->ticket, "no pool is named");
    else
        give_order(self, now_ms, request, &order);
}

static void request_handover(struct worker *self, int64_t now_ms,
                             const struct control_request *request)
{
    struct order order = {.verb = ORDER_HANDOVER,
                          .away = !json_is_true(json_object_get(request->json, "back"))};
    if (json_object_get(request->json, "node") == NULL)
        snprintf(order.subject, sizeof order.subject, "%s", self->node_name);
    else if (!take_subject(request, "node", &order)) {
        worker_refuse(self, request->ticket, "node is the name of a node");
        return;
    }
    if (!document_has_partner(&self->served->document))
        worker_refuse(self, request->ticket, "there is no partner to hand over to");
    else
        give_order(self, now_ms, request, &order);
}

/* Forget how often homes were lost: the next give-back waits as if it were the first. */
static void request_reset(struct worker *self, int64_t now_ms,
                          const struct control_request *request)
{
    const struct channel_message message = {.kind = CHANNEL_RESET};
    if (self->channel_fd < 0 || channel_send(self->channel_fd, &message) != 0) {
        worker_refuse(self, request->ticket,
                      "no guardian listens: the worker was started by itself");
        return;
    }
    worker_did(self, now_ms, request, "failover-reset");
    control_answer(self->control, request->ticket,
                   json_pack("{s:s, s:i}", "outcome", "done on this node", "exit", 0));
}

/* With the path of the pair's key: the disk it lies on is tandemctl's to wait for, not ours. */
static void request_doctor(struct worker *self, int64_t now_ms, uint64_t ticket)
{
    json_t *answer = show_doctor(&self->node, &self->told, now_ms);
    if (self->served->document.node_count > 1 && self->beat_key_path[0] != '\0')
        json_object_set_new(answer, "beat_key", json_string(self->beat_key_path));
    control_answer(self->control, ticket, answer);
}

/* Why the worker cannot be replaced without a lost query; NULL: it can. */
static const char *no_upgrade(const struct worker *self)
{
    if (self->channel_fd < 0 || !self->told.has_state)
        return "no guardian listens: the worker was started by itself, or just now";
    if (!told_has(&self->told, CHANNEL_HAS_INTERFACE))
        return "the addresses are this host's own: restart tandemd instead";
    if (!told_has(&self->told, CHANNEL_HAS_PARTNER))
        return "there is no partner to answer meanwhile: restart tandemd instead";
    if (!told_has(&self->told, CHANNEL_PARTNER_ABLE))
        return "the partner could not answer meanwhile: it is not heard, not fit or not synced; "
               "see status";
    return NULL;
}

static void request_upgrade(struct worker *self, int64_t now_ms,
                            const struct control_request *request)
{
    const struct channel_message message = {.kind = CHANNEL_UPGRADE};
    const char *sentence = no_upgrade(self);
    if (sentence == NULL && channel_send(self->channel_fd, &message) != 0)
        sentence = "the guardian does not read: look at its log";
    if (sentence != NULL) {
        worker_refuse(self, request->ticket, sentence);
        return;
    }
    worker_did(self, now_ms, request, "upgrade");
    control_answer(
        self->control, request->ticket,
        json_pack("{s:s, s:i}", "outcome", "the worker is being replaced; see events", "exit", 0));
}

/* A number of the request, or what holds now when it is not given; 0 when it is no number. */
static uint32_t number_or(const struct control_request *request, const char *key, uint32_t now)
{
    const json_t *value = json_object_get(request->json, key);
    if (value == NULL)
        return now;
    json_int_t number = json_integer_value(value);
    return number < 0 || number > UINT32_MAX ? 0 : (uint32_t)number;
}

static void request_set(struct worker *self, int64_t now_ms, const struct control_request *request)
{
    struct order order = {.verb = ORDER_GROUP};
    if (!take_subject(request, "pool", &order)) {
        worker_refuse(self, request->ticket, "no pool is named");
        return;
    }
    size_t pool = node_pool(&self->node, order.subject);
    struct pool_state state = {0};
    if (pool != SIZE_MAX)
        pool_state(self->node.plan.pools[pool].pool, &state);
    order.group_size = number_or(request, "group-size", state.group_size);
    order.rounds = number_or(request, "rounds", state.rounds);
    if (pool != SIZE_MAX && (order.group_size == 0 || order.group_size > POOL_GROUP_MAX))
        worker_refuse(self, request->ticket, "group-size is a number from 1 to 256");
    else if (pool != SIZE_MAX && (order.rounds == 0 || order.rounds > 1000))
        worker_refuse(self, request->ticket, "rounds is a number from 1 to 1000");
    else
        give_order(self, now_ms, request, &order);
}

int worker_reload(struct worker *self)
{
    if (self->documents.history.kept.count > 0)
        return -EEXIST;
    return reload_start(self->reload, RELOAD_FILE, self->served, roll_take(&self->node), NULL);
}

static void request_reload(struct worker *self, int64_t now_ms,
                           const struct control_request *request)
{
    int error = worker_reload(self);
    if (error == -EEXIST)
        worker_refuse(self, request->ticket,
                      "a revision of the history is in force, not the file: give \"tandemctl apply "
                      "FILE\"");
    else if (error == -EBUSY)
        worker_refuse(self, request->ticket, "a reload is under way: wait for its end");
    else if (error != 0)
        worker_refuse(self, request->ticket, strerror(-error));
    if (error != 0)
        return;
    self->reload_ticket = request->ticket;
    worker_did(self, now_ms, request, "reload");
}

/* Answers of all threads together, by reason. */
static json_t *show_dns(const struct worker *self)
{
    json_t *answers = json_object(), *queries = json_object();
    uint64_t by_reason[ANSWER_REASON_COUNT] = {0}, by_query_reason[QUERY_REASON_COUNT] = {0};
    uint64_t poison = 0, probes = 0, unanswered = 0, malformed = 0;
    for (size_t thread = 0; thread <= self->served->document.dns_threads; thread++) {
        const struct udp_counts *counts = thread < self->served->document.dns_threads
                                              ? udp_counts(self->udp, thread)
                                              : tcp_counts(self->tcp);
        for (size_t i = 0; i < ANSWER_REASON_COUNT; i++)
            by_reason[i] += counts->by_reason[i];
        for (size_t i = 0; i < QUERY_REASON_COUNT; i++)
            by_query_reason[i] += counts->by_query_reason[i];
        poison += counts->poison;
        probes += counts->probes;
        unanswered += counts->probes_unanswered;
        malformed += counts->probes_malformed;
    }
    for (int i = 0; i < ANSWER_REASON_COUNT; i++)
        json_object_set_new(answers, answer_reason_text((enum answer_reason)i),
                            json_integer((json_int_t)by_reason[i]));
    for (int i = QUERY_OK + 1; i < QUERY_REASON_COUNT; i++)
        json_object_set_new(queries, query_reason_text((enum query_reason)i),
                            json_integer((json_int_t)by_query_reason[i]));
    json_object_set_new(queries, "poison-query", json_integer((json_int_t)poison));
    return json_pack("{s:o, s:o, s:{s:I, s:I, s:I}}", "answers", answers, "queries_refused",
                     queries, "probes", "answered", (json_int_t)probes, "unanswered",
                     (json_int_t)unanswered, "malformed", (json_int_t)malformed);
}

static json_t *show_link(const struct worker *self)
{
    struct link_counts counts = {0};
    if (self->link != NULL)
        link_counts(self->link, &counts);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "refused_keys",
                     (json_int_t)counts.refused_keys, "failed_handshakes",
                     (json_int_t)counts.failed_handshakes, "ended_connections",
                     (json_int_t)counts.ended_connections, "unsendable",
                     (json_int_t)counts.unsendable, "odd_frames", (json_int_t)counts.odd_frames,
                     "oversized_frames", (json_int_t)counts.oversized_frames);
}

static void request_counters(struct worker *self, uint64_t ticket)
{
    control_answer(self->control, ticket,
                   json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "exit", 0, "asked", self->node_name,
                             "node", show_counters(&self->node), "dns", show_dns(self), "link",
                             show_link(self), "guardian", show_guardian(&self->told)));
}

/* Of both; NULL where there is no second. */
static void name_nodes(const struct worker *self, const char **names)
{
    const struct document *document = &self->served->document;
    for (size_t i = 0; i < DOCUMENT_NODES_MAX; i++)
        names[i] = i < document->node_count ? document->nodes[i].name : NULL;
}

static void request_status(struct worker *self, int64_t now_ms, uint64_t ticket)
{
    const char *names[DOCUMENT_NODES_MAX];
    json_t *status = show_status(&self->node, &self->told, now_ms);
    name_nodes(self, names);
    show_add_document(status, &self->documents, now_ms, names, self->served->differs);
    control_answer(self->control, ticket, status);
}

static void request_history(struct worker *self, int64_t now_ms, uint64_t ticket)
{
    const char *names[DOCUMENT_NODES_MAX];
    name_nodes(self, names);
    control_answer(
        self->control, ticket,
        show_history(&self->documents, now_ms, names, self->config_path, self->served->differs));
}

void worker_request(struct worker *self, int64_t now_ms, const struct control_request *request)
{
    const char *command = json_string_value(json_object_get(request->json, "command"));
    if (command == NULL)
        worker_refuse(self, request->ticket, "the request has no command");
    else if (strcmp(command, "status") == 0)
        request_status(self, now_ms, request->ticket);
    else if (strcmp(command, "history") == 0)
        request_history(self, now_ms, request->ticket);
    else if (strcmp(command, "servers") == 0)
        control_answer(self->control, request->ticket, show_servers(&self->node, now_ms));
    else if (strcmp(command, "counters") == 0)
        request_counters(self, request->ticket);
    else if (strcmp(command, "drain") == 0)
        request_drain(self, now_ms, request, true);
    else if (strcmp(command, "undrain") == 0)
        request_drain(self, now_ms, request, false);
    else if (strcmp(command, "force") == 0)
        request_force(self, now_ms, request, false);
    else if (strcmp(command, "unforce") == 0)
        request_force(self, now_ms, request, true);
    else if (strcmp(command, "weight") == 0)
        request_weight(self, now_ms, request);
    else if (strcmp(command, "set") == 0)
        request_set(self, now_ms, request);
    else if (strcmp(command, "token") == 0)
        worker_request_token(self, now_ms, request);
    else if (strcmp(command, "revoke") == 0)
        worker_request_revoke(self, now_ms, request);
    else if (strcmp(command, "remove") == 0)
        worker_request_remove(self, now_ms, request);
    else if (strcmp(command, "unset") == 0)
        request_unset(self, now_ms, request);
    else if (strcmp(command, "audit") == 0)
        request_audit(self, request->ticket);
    else if (strcmp(command, "orders") == 0)
        control_answer(self->control, request->ticket, show_orders(&self->node, now_ms));
    else if (strcmp(command, "handover") == 0)
        request_handover(self, now_ms, request);
    else if (strcmp(command, "failover reset") == 0)
        request_reset(self, now_ms, request);
    else if (strcmp(command, "doctor") == 0)
        request_doctor(self, now_ms, request->ticket);
    else if (strcmp(command, "upgrade") == 0)
        request_upgrade(self, now_ms, request);
    else if (strcmp(command, "events") == 0)
        control_answer(self->control, request->ticket, show_events(&self->node, now_ms));
    else if (strcmp(command, "reload") == 0)
        request_reload(self, now_ms, request);
    else if (strcmp(command, "version") == 0)
        control_answer(self->control, request->ticket,
                       json_pack("{s:s, s:s, s:i}", "version", TANDEM_VERSION, "asked",
                                 self->node_name, "exit", 0));
    else if (!worker_request_document(self, now_ms, request))
        worker_refuse(self, request->ticket, "the command is unknown to this version");
}
