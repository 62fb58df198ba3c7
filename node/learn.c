/* Records that changed, to what they mean for the pools. */
#include <assert.h>
#include <string.h>

#include "node/handed.h"
#include "node/node_parts.h"

/* ---- verdicts to pools ---- */

static enum pool_fitness fitness(const struct verdict_member *member)
{
    if (member->verdict == VERDICT_UP)
        return POOL_FIT;
    /* An operator's word goes before what was last known. */
    if (member->verdict == VERDICT_DRAINING || member->reason == VERDICT_FORCED)
        return POOL_DRAINED;
    return verdict_was_up(member) ? POOL_LAST_GOOD : POOL_UNFIT;
}

void node_apply_verdicts(struct node *self, int64_t now_ms, size_t pool, size_t count,
                         struct node_update *update)
{
    const struct document_pool *configured = &self->plan.document->pools[pool];
    for (size_t i = 0; i < count; i++) {
        const struct verdict_change *change = &self->plan.changes[i];
        struct node_pool *p = &self->plan.pools[pool];
        pool_set_fitness(p->pool, change->member, fitness(&p->verdicts.members[change->member]));
        const struct document_server *server =
            &self->plan.document->servers[configured->members[change->member]];
        node_note(self, update,
                  &(struct node_note){.at_ms = now_ms,
                                      .area = "verdict",
                                      .subject = server->name,
                                      .pool = configured->name,
                                      .from = verdict_text(change->from),
                                      .to = verdict_text(change->to),
                                      .reason = verdict_reason_text(change->reason)});
    }
}

void node_note_pool(struct node *self, int64_t now_ms, size_t pool, const char *from,
                    const char *to, const char *reason, struct node_update *update)
{
    node_note(self, update,
              &(struct node_note){.at_ms = now_ms,
                                  .area = "pool",
                                  .subject = self->plan.document->pools[pool].name,
                                  .from = from,
                                  .to = to,
                                  .reason = reason});
}

/* After any change of verdicts: has the pool come to its last resort, or left it? */
static void watch_last_resort(struct node *self, int64_t now_ms, size_t pool,
                              struct node_update *update)
{
    struct node_pool *p = &self->plan.pools[pool];
    bool at_last_resort = verdict_up_count(&p->verdicts) == 0;
    if (at_last_resort == p->at_last_resort)
        return;
    p->at_last_resort = at_last_resort;
    node_note_pool(self, now_ms, pool, at_last_resort ? "balanced" : "last-resort",
                   at_last_resort ? "last-resort" : "balanced",
                   at_last_resort ? "no-fit-server" : "fit-server", update);
}

static void watch_freeze(struct node *self, int64_t now_ms, size_t pool, struct node_update *update)
{
    struct node_pool *p = &self->plan.pools[pool];
    if (p->frozen == p->verdicts.frozen)
        return;
    p->frozen = p->verdicts.frozen;
    node_note_pool(self, now_ms, pool, p->frozen ? "live" : "frozen", p->frozen ? "frozen" : "live",
                   p->frozen ? "too-many-silent-at-once" : "few-silent", update);
}

void node_age(struct node *self, int64_t now_ms, struct node_update *update)
{
    for (size_t i = 0; i < self->plan.document->pool_count; i++) {
        struct node_pool *p = &self->plan.pools[i];
        size_t count = verdict_age(&p->verdicts, now_ms, self->hearing_ms, self->plan.changes);
        node_apply_verdicts(self, now_ms, i, count, update);
        watch_freeze(self, now_ms, i, update);
        if (self->replica.sync == REPLICA_SYNCED && now_ms - self->start_ms >= NODE_GRACE_MS)
            watch_last_resort(self, now_ms, i, update);
    }
}

/* Is there a server to name, or nothing more to wait for? Of a pool without servers there is: who
 * joined while this node was away is among the records, and in the pool a moment after them. */
static bool is_known(const struct verdict_pool *verdicts)
{
    size_t reported = 0;
    for (size_t i = 0; i < verdicts->count; i++)
        reported += verdicts->members[i].reported;
    return (reported > 0 && reported == verdicts->count) || verdict_up_count(verdicts) > 0;
}

void node_judge_ready(struct node *self, int64_t now_ms)
{
    bool synced = self->replica.sync == REPLICA_SYNCED;
    bool waited = now_ms - self->start_ms >= NODE_GRACE_MS;
    for (size_t i = 0; i < self->plan.document->pool_count; i++) {
        struct node_pool *p = &self->plan.pools[i];
        if (!p->is_ready && synced && (waited || is_known(&p->verdicts))) {
            p->is_ready = true;
            pool_set_ready(p->pool, true);
        }
    }
}

/* ---- records ---- */

/* heard_ms: from when on it ages. update may be NULL: before the start nobody is told. */
static void learn_report(struct node *self, int64_t now_ms, const struct table_entry *entry,
                         int64_t heard_ms, struct node_update *update)
{
    size_t position = node_server(self, entry->key.name);
    if (position == SIZE_MAX) /* the other node's document has a server that ours has not */
        return;
    struct node_server *server = &self->plan.servers[position];
    struct report report;
    enum report_reason reason =
        report_decode(&report, &self->space, entry->value, entry->value_size);
    self->report_reasons[reason]++;
    if (reason != REPORT_OK) {
        if (update != NULL && update->note_count < NODE_NOTES_MAX)
            update->notes[update->note_count++] =
                (struct node_note){.at_ms = now_ms,
                                   .area = "refuse",
                                   .subject = self->plan.document->servers[position].name,
                                   .reason = report_reason_text(reason)};
        return;
    }
    server->report = report;
    server->reported = true;
    server->stated_ms = entry->stated_ms;
    for (size_t i = 0; i < server->membership_count; i++) {
        const struct node_membership *membership = &server->memberships[i];
        struct node_pool *p = &self->plan.pools[membership->pool];
        uint64_t sockets = 0;
        for (size_t port = 0; port < p->verdicts.config.port_count; port++) {
            const struct report_service *service =
                report_service(&report, p->verdicts.config.ports[port]);
            sockets += service == NULL ? 0 : service->sockets;
        }
        pool_set_load(p->pool, membership->member,
                      sockets > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)sockets);
        size_t count = verdict_report(&p->verdicts, now_ms, membership->member, &report, heard_ms,
                                      self->plan.changes);
        node_apply_verdicts(self, now_ms, membership->pool, count, update);
    }
}

static size_t find_member(const struct node *self, size_t pool, const char *server_name)
{
    size_t position = node_server(self, server_name);
    if (pool == SIZE_MAX || position == SIZE_MAX)
        return SIZE_MAX;
    const struct node_server *server = &self->plan.servers[position];
    for (size_t i = 0; i < server->membership_count; i++)
        if (server->memberships[i].pool == pool)
            return server->memberships[i].member;
    return SIZE_MAX;
}

/* The partner's running total. The first one heard tells nothing about when; a total that fell
 * began anew with the partner's restart. */
static void learn_handed(struct node *self, const struct table_entry *entry)
{
    struct handed_key key;
    uint32_t handed;
    if (!handed_split(&key, entry->key.name) || node_partner(self) == NULL ||
        strcmp(key.node, node_partner(self)) != 0 ||
        !handed_decode(&handed, &self->space, entry->value, entry->value_size))
        return;
    size_t pool = node_pool(self, key.pool);
    size_t member = find_member(self, pool, key.server);
    if (member == SIZE_MAX)
        return;
    struct node_pool *p = &self->plan.pools[pool];
    uint32_t before = p->partner_handed[member];
    if (p->partner_known[member])
        pool_add_partner_handed(p->pool, member, handed >= before ? handed - before : handed);
    p->partner_known[member] = true;
    p->partner_handed[member] = handed;
}

static void learn_partner(struct node *self, const struct table_entry *entry)
{
    struct status status;
    if (node_partner(self) == NULL || strcmp(entry->key.name, node_partner(self)) != 0 ||
        !status_decode(&status, &self->space, entry->value, entry->value_size))
        return;
    self->partner = status;
    self->partner_known = true;
    self->partner_stated_ms = entry->stated_ms;
}

static void learn_fitness(struct node *self, const struct table_entry *entry)
{
    struct fitness fitness;
    size_t node = document_node(self->plan.document, entry->key.name);
    if (node == SIZE_MAX || node == self->config.self ||
        !fitness_decode(&fitness, &self->space, entry->value, entry->value_size))
        return;
    self->fitness[node] = (struct node_fitness){.stated_ms = entry->stated_ms, .fitness = fitness};
}

/* "node/slot": the slot only tells its records apart. */
static void learn_transition(struct node *self, const struct table_entry *entry,
                             struct node_update *update)
{
    struct transition told;
    const char *partner = node_partner(self);
    if (partner == NULL || !record_is_written_by(&entry->key, partner) ||
        !transition_decode(&told, &self->space, entry->value, entry->value_size))
        return;
    self->transitions[1 - self->config.self][node_transition_slot(&told)] =
        (struct node_transition){.at_ms = entry->stated_ms - told.earlier_ms, .told = told};
    if (strcmp(told.area, ORDER_AREA) == 0)
        node_audit(1 - self->config.self, entry->stated_ms - told.earlier_ms, &told, update);
}

static void learn(struct node *self, int64_t now_ms, const struct table_entry *entry,
                  struct node_update *update)
{
    switch (entry->key.kind) {
    case RECORD_REPORT:
        learn_report(self, now_ms, entry, entry->stated_ms, update);
        break;
    case RECORD_ORDER:
        node_learn_order_record(self, now_ms, entry, update);
        break;
    case RECORD_HANDED_OUT:
        learn_handed(self, entry);
        break;
    case RECORD_NODE:
        learn_partner(self, entry);
        break;
    case RECORD_FITNESS:
        learn_fitness(self, entry);
        break;
    case RECORD_TRANSITION:
        learn_transition(self, entry, update);
        break;
    }
}

void node_learn_changes(struct node *self, int64_t now_ms, struct node_update *update)
{
    for (size_t i = 0; i < update->replica.change_count; i++)
        learn(self, now_ms, update->replica.changes[i], update);
}

void node_learn_all(struct node *self, int64_t now_ms)
{
    for (size_t i = 0; i < self->table.count; i++) {
        const struct table_entry *entry = table_at(&self->table, i);
        bool was_there = entry->stated_ms > self->hearing_ms;
        struct order order;
        if (entry->key.kind == RECORD_REPORT)
            learn_report(self, now_ms, entry, was_there ? entry->stated_ms : self->hearing_ms,
                         NULL);
        else if (entry->key.kind == RECORD_HANDED_OUT)
            learn_handed(self, entry);
        else if (entry->key.kind == RECORD_ORDER &&
                 order_decode(&order, &self->space, &entry->key, entry->value, entry->value_size) ==
                     ORDER_OK)
            node_learn_order(self, now_ms, &order, entry->version, NULL);
    }
}

void node_restore(struct node *self, int64_t now_ms, const struct record *record)
{
    struct order order;
    if (record->key.kind != RECORD_REPORT && record->key.kind != RECORD_ORDER)
        return;
    const struct table_entry *entry = replica_restore(&self->replica, now_ms, record);
    if (entry == NULL)
        return;
    if (record->key.kind == RECORD_REPORT)
        learn_report(self, now_ms, entry,
                     now_ms - entry->stated_ms <= NODE_WARM_MS ? now_ms : entry->stated_ms, NULL);
    else if (order_decode(&order, &self->space, &entry->key, entry->value, entry->value_size) ==
             ORDER_OK)
        node_learn_order(self, now_ms, &order, entry->version, NULL);
}

/* ---- what is known of them all ---- */

void node_count_agents(const struct node *self, int64_t now_ms, uint16_t *fresh, uint16_t *lost)
{
    *fresh = *lost = 0;
    for (size_t i = 0; i < self->plan.document->server_count; i++) {
        const struct node_server *server = &self->plan.servers[i];
        bool is_fresh =
            server->agent_ms != INT64_MIN && now_ms - server->agent_ms < NODE_AGENT_FRESH_MS;
        *fresh = (uint16_t)(*fresh + is_fresh);
        *lost = (uint16_t)(*lost + (is_fresh && server->lost_partner));
    }
}

bool node_clock_offset(const struct node *self, int64_t *offset_ms)
{
    const struct node_fitness *mine = &self->fitness[self->config.self];
    const struct node_fitness *theirs = &self->fitness[1 - self->config.self];
    bool is_known = mine->fitness.wall_ms > 0 && theirs->fitness.wall_ms > 0;
    *offset_ms = is_known ? (theirs->fitness.wall_ms - theirs->stated_ms) -
                                (mine->fitness.wall_ms - mine->stated_ms)
                          : 0;
    return is_known;
}
