/* What this node states itself. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "node/handed.h"
#include "node/node_parts.h"

static void speak_member(struct node *self, int64_t now_ms, size_t pool, size_t member,
                         uint32_t handed)
{
    const struct document *document = self->plan.document;
    const struct document_pool *configured = &document->pools[pool];
    struct record_key key = {.kind = RECORD_HANDED_OUT};
    snprintf(key.name, sizeof key.name, "%s/%s/%s", self->replica.config.name, configured->name,
             document->servers[configured->members[member]].name);
    uint8_t value[RECORD_VALUE_MAX];
    /* A full table has its own counter, and costs only that the partner knows less. */
    replica_write(&self->replica, now_ms, &key, value, handed_encode(handed, value));
}

void node_speak_handed(struct node *self, int64_t now_ms)
{
    if (node_partner(self) == NULL)
        return;
    for (size_t pool = 0; pool < self->plan.document->pool_count; pool++) {
        struct node_pool *p = &self->plan.pools[pool];
        for (size_t member = 0; member < p->verdicts.count; member++) {
            uint32_t handed = pool_handed(p->pool, member);
            if (handed == p->told_handed[member])
                continue;
            p->told_handed[member] = handed;
            speak_member(self, now_ms, pool, member, handed);
        }
    }
}

static void speak_fitness(struct node *self, int64_t now_ms)
{
    const struct node_fitness *known = &self->fitness[self->config.self];
    if (known->stated_ms == INT64_MIN)
        return;
    struct fitness fitness = known->fitness;
    if (fitness.wall_ms > 0)
        fitness.wall_ms += now_ms - known->stated_ms;
    struct record_key key = {.kind = RECORD_FITNESS};
    snprintf(key.name, sizeof key.name, "%s", self->replica.config.name);
    uint8_t value[RECORD_VALUE_MAX];
    replica_write(&self->replica, now_ms, &key, value, fitness_encode(&fitness, value));
}

size_t node_transition_slot(const struct transition *transition)
{
    bool is_order = strcmp(transition->area, ORDER_AREA) == 0;
    return is_order ? NODE_TRANSITIONS_MAX + transition->number % NODE_ORDER_EVENTS_MAX
                    : transition->number % NODE_TRANSITIONS_MAX;
}

static void speak_in_slot(struct node *self, int64_t now_ms, const struct transition *transition)
{
    size_t slot = node_transition_slot(transition);
    self->transitions[self->config.self][slot] =
        (struct node_transition){.at_ms = now_ms - transition->earlier_ms, .told = *transition};
    struct record_key key = {.kind = RECORD_TRANSITION};
    snprintf(key.name, sizeof key.name, "%s/%zu", self->replica.config.name, slot);
    uint8_t value[RECORD_VALUE_MAX];
    replica_write(&self->replica, now_ms, &key, value, transition_encode(transition, value));
}

void node_audit(size_t node, int64_t at_ms, const struct transition *told,
                struct node_update *update)
{
    if (update->audit_count < NODE_ORDER_EVENTS_MAX)
        update->audits[update->audit_count++] = (struct node_audit){node, at_ms, *told};
}

void node_speak_transition(struct node *self, int64_t now_ms, const struct transition *transition)
{
    size_t slot = node_transition_slot(transition);
    if (self->transitions[self->config.self][slot].told.number != transition->number)
        speak_in_slot(self, now_ms, transition);
}

void node_speak_deed(struct node *self, int64_t now_ms, const struct transition *deed,
                     struct node_update *update)
{
    struct transition told = *deed;
    told.number = ++self->orders_told;
    told.earlier_ms = 0;
    snprintf(told.area, sizeof told.area, "%s", ORDER_AREA);
    if (told.reason[0] == '\0')
        snprintf(told.reason, sizeof told.reason, "ordered");
    speak_in_slot(self, now_ms, &told);
    node_audit(self->config.self, now_ms, &told, update);
}

void node_speak_order(struct node *self, int64_t now_ms, const struct order *order,
                      struct node_update *update)
{
    struct transition deed = {0};
    order_word(order, deed.to, sizeof deed.to);
    snprintf(deed.subject, sizeof deed.subject, "%s", order->subject);
    snprintf(deed.reason, sizeof deed.reason, "%s", order->until_s > 0 ? "until" : "ordered");
    snprintf(deed.author, sizeof deed.author, "%s", order->author);
    snprintf(deed.note, sizeof deed.note, "%.*s", TRANSITION_NOTE_MAX, order->because);
    node_speak_deed(self, now_ms, &deed, update);
}

void node_speak_server(struct node *self, int64_t now_ms, const char *server, const char *word,
                       const char *author, struct node_update *update)
{
    struct transition deed = {0};
    snprintf(deed.subject, sizeof deed.subject, "%s", server);
    snprintf(deed.to, sizeof deed.to, "%s", word);
    snprintf(deed.author, sizeof deed.author, "%s", author);
    node_speak_deed(self, now_ms, &deed, update);
}

void node_speak_status(struct node *self, int64_t now_ms)
{
    struct status *status = &self->status;
    status->sync = self->replica.sync;
    status->up_s = (uint32_t)((now_ms - self->start_ms) / 1000);
    for (size_t i = 0; i < status->held_count; i++)
        status->held[i].since_s = (uint32_t)((now_ms - self->held_since_ms[i]) / 1000);
    status->answers = 0;
    status->frozen_pools = status->last_resort_pools = 0;
    for (size_t i = 0; i < STATUS_VERDICTS; i++)
        status->servers[i] = 0;
    for (size_t i = 0; i < self->plan.document->pool_count; i++) {
        const struct node_pool *p = &self->plan.pools[i];
        struct pool_state state;
        pool_state(p->pool, &state);
        for (size_t reason = 0; reason < POOL_REASON_COUNT; reason++)
            status->answers += state.answers[reason];
        status->frozen_pools += p->verdicts.frozen;
        status->last_resort_pools += p->at_last_resort;
        for (size_t member = 0; member < p->verdicts.count; member++)
            status->servers[p->verdicts.members[member].verdict]++;
    }
    struct record_key key = {.kind = RECORD_NODE};
    snprintf(key.name, sizeof key.name, "%s", self->replica.config.name);
    uint8_t value[RECORD_VALUE_MAX];
    replica_write(&self->replica, now_ms, &key, value, status_encode(status, value));
    speak_fitness(self, now_ms);
}
