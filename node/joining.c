/* Who may join, who did, and whose key is withdrawn. */
#include <assert.h>
#include <string.h>

#include "node/node_parts.h"

/* ---- what the records say ---- */

static const struct table_entry *find(const struct node *self, const struct record_key *key)
{
    return table_find(&self->table, key);
}

static bool find_token(struct node *self, const char *id, struct token *token)
{
    struct record_key key;
    token_key(id, &key);
    const struct table_entry *entry = find(self, &key);
    return entry != NULL &&
           token_decode(token, &self->space, &key, entry->value, entry->value_size);
}

bool node_enrolment(struct node *self, const char *server, struct enrolment *enrolment)
{
    struct record_key key;
    enrolment_key(server, &key);
    const struct table_entry *entry = find(self, &key);
    return entry != NULL &&
           enrolment_decode(enrolment, &self->space, &key, entry->value, entry->value_size);
}

/* The record, of the table's `position`, as an enrolment. */
static bool enrolment_at(struct node *self, size_t position, struct enrolment *enrolment)
{
    const struct table_entry *entry = table_at(&self->table, position);
    return entry->key.kind == RECORD_ORDER &&
           enrolment_decode(enrolment, &self->space, &entry->key, entry->value, entry->value_size);
}

bool node_is_revoked(struct node *self, const char *server, const char *key)
{
    struct record_key name;
    struct revocation revocation;
    revocation_key(server, &name);
    const struct table_entry *entry = find(self, &name);
    return entry != NULL &&
           revocation_decode(&revocation, &self->space, &name, entry->value, entry->value_size) &&
           revocation.is_revoked && document_has_key(revocation.keys, key);
}

size_t node_enrolments(struct node *self, struct enrolment *list, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->table.count && count < max; i++) {
        struct enrolment *enrolment = &list[count];
        count += enrolment_at(self, i, enrolment) && enrolment->is_enrolled &&
                 !node_is_revoked(self, enrolment->server, enrolment->key);
    }
    return count;
}

size_t node_revocations(struct node *self, struct revocation *list, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->table.count && count < max; i++) {
        const struct table_entry *entry = table_at(&self->table, i);
        count += entry->key.kind == RECORD_ORDER &&
                 revocation_decode(&list[count], &self->space, &entry->key, entry->value,
                                   entry->value_size) &&
                 list[count].is_revoked;
    }
    return count;
}

/* Of all that ever joined by it: who was removed counts too. */
static size_t count_uses(struct node *self, const char *token)
{
    struct enrolment enrolment;
    size_t count = 0;
    for (size_t i = 0; i < self->table.count; i++)
        count += enrolment_at(self, i, &enrolment) && strcmp(enrolment.token, token) == 0;
    return count;
}

static bool is_live(const struct node *self, int64_t now_ms, const struct token *token)
{
    int64_t wall_s = (now_ms + self->wall_offset_ms) / 1000;
    return token->in_force && wall_s >= 0 && (uint64_t)wall_s < token->until_s;
}

size_t node_strangers(struct node *self, int64_t now_ms)
{
    struct token token;
    size_t count = 0;
    for (size_t i = 0; self->knows_wall && i < self->table.count; i++) {
        const struct table_entry *entry = table_at(&self->table, i);
        if (entry->key.kind == RECORD_ORDER &&
            token_decode(&token, &self->space, &entry->key, entry->value, entry->value_size) &&
            is_live(self, now_ms, &token))
            count += NODE_STRANGERS + 2 * (size_t)token.uses;
    }
    return count;
}

/* ---- is it to be let in? ---- */

static bool is_same_digest(const uint8_t *a, const uint8_t *b)
{
    unsigned difference = 0; /* in a time that does not tell where */
    for (size_t i = 0; i < JOIN_DIGEST_SIZE; i++)
        difference |= (unsigned)(a[i] ^ b[i]);
    return difference == 0;
}

static enum node_outcome judge_token(struct node *self, int64_t now_ms, const struct join *join,
                                     struct token *token)
{
    uint8_t digest[JOIN_DIGEST_SIZE];
    if (strcmp(join->cluster, self->replica.config.cluster) != 0)
        return NODE_JOIN_OTHER_CLUSTER;
    join_digest(join->secret, digest);
    if (!find_token(self, join->token, token) || !token->in_force ||
        !is_same_digest(digest, token->digest))
        return NODE_JOIN_NO_TOKEN;
    if (!self->knows_wall)
        return NODE_JOIN_NO_CLOCK;
    return is_live(self, now_ms, token) ? NODE_DONE : NODE_JOIN_EXPIRED;
}

/* The address is what was stated, never where it comes from: it may come through another's. */
static enum node_outcome judge_addresses(const struct node *self, const struct join *join,
                                         const struct token *token)
{
    const struct document *document = self->plan.document;
    if (join->addresses[0].family + join->addresses[1].family == 0)
        return NODE_JOIN_ADDRESS;
    for (size_t family = 0; family < 2; family++) {
        const struct ip *address = &join->addresses[family];
        if (address->family != 0 && !token_has_address(token, address))
            return NODE_JOIN_ADDRESS;
        if (address->family != 0 && document_is_of_node(document, address))
            return NODE_JOIN_ADDRESS_TAKEN;
        for (size_t i = 0; address->family != 0 && i < document->server_count; i++)
            if (ip_equal(&document->servers[i].addresses[family], address) &&
                strcmp(document->servers[i].name, join->server) != 0)
                return NODE_JOIN_ADDRESS_TAKEN;
    }
    return NODE_DONE;
}

static enum node_outcome judge_name_and_key(struct node *self, const struct join *join,
                                            const char *key)
{
    const struct document *document = self->plan.document;
    if (node_is_revoked(self, join->server, key))
        return NODE_JOIN_REVOKED;
    for (size_t i = 0; i < document->server_count; i++) {
        bool has_name = strcmp(document->servers[i].name, join->server) == 0;
        bool has_key = document_has_key(document->servers[i].keys, key);
        if (has_name != has_key)
            return has_name ? NODE_JOIN_NAME_TAKEN : NODE_JOIN_KEY_TAKEN;
    }
    return NODE_DONE;
}

/* Whoever asks again, as one does who did not hear the answer, is enrolled already. */
static bool is_enrolled(struct node *self, const struct join *join, const char *key)
{
    struct enrolment enrolment;
    return node_enrolment(self, join->server, &enrolment) && enrolment.is_enrolled &&
           strcmp(enrolment.key, key) == 0 && strcmp(enrolment.token, join->token) == 0 &&
           memcmp(enrolment.machine, join->machine, sizeof enrolment.machine) == 0;
}

static enum node_outcome judge(struct node *self, int64_t now_ms, const struct join *join,
                               const char *key, struct token *token)
{
    enum node_outcome outcome = judge_token(self, now_ms, join, token);
    if (outcome == NODE_DONE)
        outcome = judge_addresses(self, join, token);
    if (outcome == NODE_DONE)
        outcome = judge_name_and_key(self, join, key);
    if (outcome != NODE_DONE || is_enrolled(self, join, key))
        return outcome;
    struct enrolment enrolment;
    if (node_enrolment(self, join->server, &enrolment) && enrolment.is_enrolled &&
        !node_is_revoked(self, enrolment.server, enrolment.key))
        return NODE_JOIN_NAME_TAKEN;
    if (node_pool(self, token->pool) == SIZE_MAX)
        return NODE_NO_SUCH_POOL;
    if (count_uses(self, token->id) >= token->uses)
        return NODE_JOIN_USED_UP;
    return self->plan.document->server_count < self->seat_count ? NODE_DONE : NODE_JOIN_NO_ROOM;
}

/* ---- orders ---- */

static enum node_outcome give(struct node *self, int64_t now_ms, const struct record_key *key,
                              const uint8_t *value, size_t size, uint64_t ticket,
                              struct node_update *update)
{
    const struct table_entry *entry = replica_write(&self->replica, now_ms, key, value, size);
    if (entry == NULL)
        return NODE_TABLE_FULL;
    node_store(now_ms, entry, ticket, update);
    update->has_other_servers |= enrolment_is_of(key);
    return NODE_DONE;
}

static enum node_outcome let_join(struct node *self, int64_t now_ms, const struct node_event *event,
                                  struct node_update *update)
{
    const struct join *asked = event->join;
    struct token token;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    enum node_outcome outcome = judge(self, now_ms, asked, event->key, &token);
    if (outcome != NODE_DONE)
        return outcome;
    struct enrolment enrolment = {.is_enrolled = true,
                                  .capacity = asked->capacity,
                                  .addresses = {asked->addresses[0], asked->addresses[1]},
                                  .given_s = (uint64_t)(now_ms + self->wall_offset_ms) / 1000};
    memcpy(enrolment.server, asked->server, sizeof enrolment.server);
    memcpy(enrolment.key, event->key, sizeof enrolment.key);
    memcpy(enrolment.pool, token.pool, sizeof enrolment.pool);
    memcpy(enrolment.machine, asked->machine, sizeof enrolment.machine);
    memcpy(enrolment.token, token.id, sizeof enrolment.token);
    memcpy(enrolment.tags, asked->tags, sizeof enrolment.tags);
    memcpy(enrolment.author, token.author, sizeof enrolment.author);
    enrolment_key(enrolment.server, &key);
    outcome =
        give(self, now_ms, &key, value, enrolment_encode(&enrolment, value), event->ticket, update);
    if (outcome == NODE_DONE)
        node_speak_server(self, now_ms, enrolment.server, "joined", enrolment.author, update);
    return outcome;
}

static enum node_outcome give_token(struct node *self, int64_t now_ms,
                                    const struct node_event *event, struct node_update *update)
{
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    if (event->token->in_force && node_pool(self, event->token->pool) == SIZE_MAX)
        return NODE_NO_SUCH_POOL;
    token_key(event->token->id, &key);
    enum node_outcome outcome =
        give(self, now_ms, &key, value, token_encode(event->token, value), event->ticket, update);
    if (outcome == NODE_DONE)
        node_speak_server(self, now_ms, event->token->pool, "token", event->token->author, update);
    return outcome;
}

static enum node_outcome revoke(struct node *self, int64_t now_ms, const struct node_event *event,
                                struct node_update *update)
{
    struct revocation revocation = *event->revocation;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    size_t position = node_server(self, revocation.server);
    if (position == SIZE_MAX)
        return NODE_NO_SUCH_SERVER;
    memcpy(revocation.keys, self->plan.document->servers[position].keys, sizeof revocation.keys);
    if (revocation.keys[0][0] == '\0') /* it is so already */
        return NODE_DONE;
    revocation_key(revocation.server, &key);
    enum node_outcome outcome = give(self, now_ms, &key, value,
                                     revocation_encode(&revocation, value), event->ticket, update);
    if (outcome == NODE_DONE)
        node_speak_server(self, now_ms, revocation.server, "revoked", revocation.author, update);
    return outcome;
}

static enum node_outcome remove_server(struct node *self, int64_t now_ms,
                                       const struct node_event *event, struct node_update *update)
{
    struct enrolment enrolment;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    if (!node_enrolment(self, event->enrolment->server, &enrolment) || !enrolment.is_enrolled)
        return node_server(self, event->enrolment->server) == SIZE_MAX ? NODE_NO_SUCH_SERVER
                                                                       : NODE_NOT_ENROLLED;
    enrolment.is_enrolled = false;
    enrolment.given_s = event->enrolment->given_s;
    memcpy(enrolment.author, event->enrolment->author, sizeof enrolment.author);
    enrolment_key(enrolment.server, &key);
    enum node_outcome outcome =
        give(self, now_ms, &key, value, enrolment_encode(&enrolment, value), event->ticket, update);
    if (outcome == NODE_DONE)
        node_speak_server(self, now_ms, enrolment.server, "removed", enrolment.author, update);
    return outcome;
}

void node_step_joining(struct node *self, int64_t now_ms, const struct node_event *event,
                       struct node_update *update)
{
    assert(event->ticket != 0);
    switch (event->type) {
    case NODE_JOIN:
        update->reply = let_join(self, now_ms, event, update);
        break;
    case NODE_TOKEN:
        update->reply = give_token(self, now_ms, event, update);
        break;
    case NODE_REVOKE:
        update->reply = revoke(self, now_ms, event, update);
        break;
    default:
        update->reply = remove_server(self, now_ms, event, update);
        break;
    }
    update->reply_ticket = update->store_count > 0 ? 0 : event->ticket;
}
