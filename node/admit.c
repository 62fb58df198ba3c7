/* Servers that join: strangers at the link, tokens and removals by tandemctl, and the roll that the
 * document in force is to follow. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/asked.h"
#include "node/worker.h"

enum {
    STRANGERS_A_SECOND = 20,
    TOKEN_ID_SIZE = 8, /* bytes, told in hex */
};

/* ---- strangers ---- */

/* How often one comes is bounded, and how often in all while a token lives: ZeroMQ ends no
 * connection, so that each of them may keep its own. */
void worker_admit(struct worker *self, int64_t now_ms)
{
    if (self->link == NULL)
        return;
    size_t most = node_strangers(&self->node, now_ms);
    self->strangers = most == 0 ? 0 : self->strangers + self->admitted - link_admit(self->link, 0);
    size_t left = most > self->strangers ? most - self->strangers : 0;
    self->admitted = left < STRANGERS_A_SECOND ? (unsigned)left : STRANGERS_A_SECOND;
    link_admit(self->link, self->admitted);
}

/* Whose it is: of a stranger, or of an agent that has a seat. Nobody else asks. */
static const char *key_of(const struct worker *self, const struct link_event *event)
{
    const struct node *node = &self->node;
    if (event->type == LINK_STRANGER)
        return event->stranger.key;
    if (event->peer == REPLICA_PARTNER || node->seats[event->peer - 1].name[0] == '\0')
        return NULL;
    return node->plan.document->servers[node->seats[event->peer - 1].server].keys[0];
}

static uint64_t take_place(struct worker *self, const struct link_event *event, const char *server)
{
    struct joiner *place = joiners_take(&self->joiners);
    place->peer = event->type == LINK_STRANGER ? SIZE_MAX : event->peer;
    place->stranger = event->stranger;
    snprintf(place->server, sizeof place->server, "%s", server);
    return place->ticket;
}

void worker_join(struct worker *self, int64_t now_ms, const struct link_event *event)
{
    struct join join;
    const char *key = key_of(self, event);
    if (key == NULL || !join_decode(&join, &self->node.space, event->bytes, event->size)) {
        log_limited(self->log, now_ms, "bad-join", "refuse join reason=bad-join");
        return;
    }
    struct node_event step = {.type = NODE_JOIN,
                              .join = &join,
                              .key = key,
                              .ticket = take_place(self, event, join.server)};
    worker_step(self, now_ms, &step);
    sodium_memzero(join.secret, sizeof join.secret);
}

static void list_ports(struct worker *self, const char *server, struct join_answer *answer)
{
    struct enrolment enrolment;
    size_t pool = node_enrolment(&self->node, server, &enrolment)
                      ? node_pool(&self->node, enrolment.pool)
                      : SIZE_MAX;
    if (pool == SIZE_MAX)
        return;
    const struct document_pool *configured = &self->served->document.pools[pool];
    answer->port_count = configured->port_count;
    memcpy(answer->ports, configured->ports, sizeof answer->ports);
}

bool worker_answer_join(struct worker *self, int64_t now_ms, uint64_t ticket,
                        enum node_outcome outcome)
{
    if (!joiners_is_ticket(ticket))
        return false;
    struct joiner *place = joiners_find(&self->joiners, ticket);
    if (place == NULL)
        return true;
    uint8_t bytes[JOIN_SIZE_MAX];
    struct join_answer answer = {.is_joined =
                                     outcome == NODE_DONE || outcome == NODE_DONE_PARTNER_AWAY};
    snprintf(answer.server, sizeof answer.server, "%s", place->server);
    /* Who has just got its token may ask a node before the word of it came there. */
    answer.is_for_now = outcome == NODE_JOIN_NO_TOKEN || outcome == NODE_JOIN_NO_CLOCK;
    if (answer.is_joined)
        list_ports(self, place->server, &answer);
    else
        snprintf(answer.sentence, sizeof answer.sentence, "%s", node_outcome_text(outcome));
    if (answer.is_joined)
        log_limited(self->log, now_ms, "joined", "join %s admitted reason=token", place->server);
    else
        log_limited(self->log, now_ms, "join-refused", "join %s refused: %s", place->server,
                    answer.sentence);
    disk_wake(self->disk);
    size_t size = join_answer_encode(&answer, bytes);
    if (place->peer == SIZE_MAX)
        (void)link_answer(self->link, &place->stranger, bytes, size);
    else
        (void)link_send(self->link, place->peer, bytes, size);
    place->ticket = 0;
    return true;
}

/* ---- tandemctl ---- */

/* Its text, which is told once, when it is stored. */
static bool make_token(struct worker *self, struct token *token, char *text)
{
    const struct document *document = &self->served->document;
    uint8_t id[TOKEN_ID_SIZE];
    struct join_token whole = {.node_count = document->has_router ? 1 : document->node_count};
    randombytes_buf(id, sizeof id);
    randombytes_buf(whole.secret, sizeof whole.secret);
    sodium_bin2hex(whole.id, sizeof whole.id, id, sizeof id);
    snprintf(whole.cluster, sizeof whole.cluster, "%s", document->cluster);
    for (size_t i = 0; i < whole.node_count; i++) {
        const struct document_node *node = &document->nodes[i];
        struct join_node *told = &whole.nodes[i];
        snprintf(told->name, sizeof told->name, "%s", node->name);
        told->address = node->own[node->own[0].family == 0];
        told->port = document->replication_port;
        memcpy(told->keys, node->keys, sizeof told->keys);
    }
    memcpy(token->id, whole.id, sizeof token->id);
    join_digest(whole.secret, token->digest);
    bool fits = join_token_text(&whole, text);
    sodium_memzero(&whole, sizeof whole);
    return fits;
}

void worker_request_token(struct worker *self, int64_t now_ms,
                          const struct control_request *request)
{
    struct token token = {0};
    struct worker_token *told =
        &self->tokens[request->ticket % (sizeof self->tokens / sizeof *self->tokens)];
    const char *sentence = self->link == NULL
                               ? "no agent can reach a node that has no key"
                               : asked_token(request->json, (uint64_t)time(NULL), &token);
    if (sentence == NULL && !make_token(self, &token, told->text))
        sentence = "the names of the cluster are too long for a token";
    if (sentence != NULL) {
        worker_refuse(self, request->ticket, sentence);
        return;
    }
    told->ticket = request->ticket;
    worker_author(self, request, token.author);
    worker_step(
        self, now_ms,
        &(struct node_event){.type = NODE_TOKEN, .token = &token, .ticket = request->ticket});
    worker_admit(self, now_ms);
}

void worker_tell_token(struct worker *self, uint64_t ticket, json_t *answer)
{
    struct worker_token *told =
        &self->tokens[ticket % (sizeof self->tokens / sizeof *self->tokens)];
    if (told->ticket == ticket && json_object_get(answer, "outcome") != NULL)
        json_object_set_new(answer, "token", json_string(told->text));
    if (told->ticket == ticket)
        sodium_memzero(told, sizeof *told);
}

void worker_request_revoke(struct worker *self, int64_t now_ms,
                           const struct control_request *request)
{
    struct revocation revocation = {.is_revoked = true, .given_s = (uint64_t)time(NULL)};
    snprintf(revocation.server, sizeof revocation.server, "%s",
             asked_text(request->json, "server"));
    worker_author(self, request, revocation.author);
    worker_step(self, now_ms,
                &(struct node_event){
                    .type = NODE_REVOKE, .revocation = &revocation, .ticket = request->ticket});
}

void worker_request_remove(struct worker *self, int64_t now_ms,
                           const struct control_request *request)
{
    struct enrolment enrolment = {.given_s = (uint64_t)time(NULL)};
    snprintf(enrolment.server, sizeof enrolment.server, "%s", asked_text(request->json, "server"));
    worker_author(self, request, enrolment.author);
    worker_step(self, now_ms,
                &(struct node_event){
                    .type = NODE_REMOVE, .enrolment = &enrolment, .ticket = request->ticket});
}

/* ---- the roll ---- */

/* One reload after the other: what changes meanwhile is in the next, and the roll is not called
 * before that can begin. */
void worker_call_roll(struct worker *self)
{
    if (!self->is_roll_due || reload_is_running(self->reload))
        return;
    struct roll *roll = roll_take(&self->node);
    if (roll != NULL && reload_start(self->reload, RELOAD_AGAIN, self->served, roll, NULL) == 0)
        self->is_roll_due = false;
}
