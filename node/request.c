/* tandemctl's requests: what only reads is answered here, an order becomes an event. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/asked.h"
#include "node/show.h"
#include "node/show_history.h"
#include "node/worker.h"

void worker_refuse(struct worker *self, uint64_t ticket, const char *sentence)
{
    control_answer(self->control, ticket, json_pack("{s:s, s:i}", "error", sentence, "exit", 100));
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

/* NULL, or why the order is not given. A pool that is not ours is left to the machine to refuse. */
static const char *complete(const struct worker *self, const struct control_request *request,
                            const char *command, struct order *order)
{
    if (strcmp(command, "handover") == 0 && !document_has_partner(&self->served->document))
        return "there is no partner to hand over to";
    size_t pool = node_pool(&self->node, order->subject);
    if (strcmp(command, "set") != 0 || pool == SIZE_MAX)
        return NULL;
    struct pool_state state = {0};
    pool_state(self->node.plan.pools[pool].pool, &state);
    return asked_group(request->json, state.group_size, state.rounds, order);
}

static void request_order(struct worker *self, int64_t now_ms,
                          const struct control_request *request, const char *command)
{
    struct order order = {0};
    if (strcmp(command, "handover") == 0)
        snprintf(order.subject, sizeof order.subject, "%s", self->node_name);
    const char *sentence = asked_order(request->json, (uint64_t)time(NULL), &order);
    if (sentence == NULL)
        sentence = complete(self, request, command, &order);
    if (sentence != NULL) {
        worker_refuse(self, request->ticket, sentence);
        return;
    }
    worker_author(self, request, order.author);
    worker_step(
        self, now_ms,
        &(struct node_event){.type = NODE_COMMAND, .order = &order, .ticket = request->ticket});
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

static void add_disk_alarm(struct worker *self, json_t *status)
{
    int trouble = disk_trouble(self->disk);
    if (trouble == -ETIMEDOUT)
        show_add_alarm(status,
                       "the disk of %s does not answer: what is ordered is in force, but not kept",
                       self->node_name);
    else if (trouble != 0)
        show_add_alarm(status,
                       "the disk of %s refuses what is written (%s): what is ordered is in force, "
                       "but not kept",
                       self->node_name, strerror(-trouble));
}

static void request_status(struct worker *self, int64_t now_ms, uint64_t ticket)
{
    const char *names[DOCUMENT_NODES_MAX];
    json_t *status = show_status(&self->node, &self->told, now_ms);
    name_nodes(self, names);
    add_disk_alarm(self, status);
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
    else if (asked_is_order(command))
        request_order(self, now_ms, request, command);
    else if (strcmp(command, "status") == 0)
        request_status(self, now_ms, request->ticket);
    else if (strcmp(command, "history") == 0)
        request_history(self, now_ms, request->ticket);
    else if (strcmp(command, "servers") == 0)
        control_answer(self->control, request->ticket, show_servers(&self->node, now_ms));
    else if (strcmp(command, "counters") == 0)
        request_counters(self, request->ticket);
    else if (strcmp(command, "token") == 0)
        worker_request_token(self, now_ms, request);
    else if (strcmp(command, "revoke") == 0)
        worker_request_revoke(self, now_ms, request);
    else if (strcmp(command, "remove") == 0)
        worker_request_remove(self, now_ms, request);
    else if (strcmp(command, "audit") == 0)
        request_audit(self, request->ticket);
    else if (strcmp(command, "orders") == 0)
        control_answer(self->control, request->ticket, show_orders(&self->node, now_ms));
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
