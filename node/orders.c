/* An operator's orders: what they mean for servers, pools and homes, and how they end. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "node/node_parts.h"

/* ---- what they mean ---- */

static void order_server(struct node *self, int64_t now_ms, const struct order *order,
                         struct node_update *update)
{
    size_t position = node_server(self, order->subject);
    if (position == SIZE_MAX)
        return;
    struct node_server *server = &self->plan.servers[position];
    if (order->verb == ORDER_DRAIN) {
        server->draining = order->draining;
        memcpy(server->drain_author, order->author, sizeof server->drain_author);
    } else if (order->verb == ORDER_FORCE) {
        server->force = order->force;
    } else {
        server->weight = order->weight;
        node_weigh(self, now_ms, position);
    }
    for (size_t i = 0; i < server->membership_count; i++) {
        const struct node_membership *membership = &server->memberships[i];
        struct node_pool *p = &self->plan.pools[membership->pool];
        size_t count = 0;
        if (order->verb == ORDER_DRAIN)
            count = verdict_drain(&p->verdicts, now_ms, membership->member, order->draining,
                                  self->plan.changes);
        else if (order->verb == ORDER_FORCE)
            count = verdict_force(&p->verdicts, now_ms, membership->member, order->force,
                                  self->plan.changes);
        node_apply_verdicts(self, now_ms, membership->pool, count, update);
    }
}

/* Percent: as ordered, but of a new server a tenth at first, and a little more each second. */
static uint32_t weight_of(const struct node_server *server, int64_t now_ms)
{
    if (server->slow_ms == INT64_MIN || now_ms - server->slow_ms >= NODE_SLOW_MS)
        return server->weight;
    int64_t percent =
        NODE_SLOW_PERCENT + (100 - NODE_SLOW_PERCENT) * (now_ms - server->slow_ms) / NODE_SLOW_MS;
    uint32_t weight = server->weight * (uint32_t)percent / 100;
    return weight == 0 ? 1 : weight;
}

void node_weigh(struct node *self, int64_t now_ms, size_t position)
{
    const struct node_server *server = &self->plan.servers[position];
    for (size_t i = 0; i < server->membership_count; i++)
        pool_set_weight(self->plan.pools[server->memberships[i].pool].pool,
                        server->memberships[i].member, weight_of(server, now_ms));
}

void node_weigh_new(struct node *self, int64_t now_ms)
{
    if (now_ms < self->slow_due_ms)
        return;
    self->slow_due_ms = now_ms + NODE_SLOW_STEP_MS;
    for (size_t i = 0; i < self->plan.document->server_count; i++) {
        struct node_server *server = &self->plan.servers[i];
        if (server->slow_ms == INT64_MIN)
            continue;
        node_weigh(self, now_ms, i);
        if (now_ms - server->slow_ms >= NODE_SLOW_MS)
            server->slow_ms = INT64_MIN;
    }
}

static void order_group(struct node *self, int64_t now_ms, const struct order *order,
                        struct node_update *update)
{
    size_t pool = node_pool(self, order->subject);
    if (pool == SIZE_MAX)
        return;
    const struct document_pool *configured = &self->plan.document->pools[pool];
    bool is_configured = order->group_size == 0;
    pool_set_group(self->plan.pools[pool].pool,
                   is_configured ? configured->group_size : order->group_size,
                   is_configured ? configured->rounds : order->rounds);
    node_note_pool(self, now_ms, pool, NULL, "group", "ordered", update);
}

/* Whose the home is; the guardians are told, which have no records. */
static void order_handover(struct node *self, int64_t now_ms, const struct order *order,
                           struct record_version version, struct node_update *update)
{
    size_t home = document_node(self->plan.document, order->subject);
    if (home == SIZE_MAX)
        return;
    struct node_handover *handover = &self->handovers[home];
    handover->version = version;
    handover->away = order->away;
    memcpy(handover->author, order->author, sizeof handover->author);
    node_note(self, update,
              &(struct node_note){.at_ms = now_ms,
                                  .area = "handover",
                                  .subject = self->plan.document->nodes[home].name,
                                  .to = order->away ? "away" : "back",
                                  .reason = "ordered"});
}

void node_learn_order(struct node *self, int64_t now_ms, const struct order *order,
                      struct record_version version, struct node_update *update)
{
    switch (order->verb) {
    case ORDER_HANDOVER:
        order_handover(self, now_ms, order, version, update);
        break;
    case ORDER_GROUP:
        order_group(self, now_ms, order, update);
        break;
    default:
        order_server(self, now_ms, order, update);
        break;
    }
}

void node_store(int64_t now_ms, const struct table_entry *entry, uint64_t ticket,
                struct node_update *update)
{
    assert(update->store_count < REPLICA_CHANGES_MAX);
    struct node_store *store = &update->stores[update->store_count++];
    table_record(entry, now_ms, &store->record);
    store->ticket = ticket;
}

void node_learn_order_record(struct node *self, int64_t now_ms, const struct table_entry *entry,
                             struct node_update *update)
{
    struct order order;
    enum order_reason reason =
        order_decode(&order, &self->space, &entry->key, entry->value, entry->value_size);
    if (enrolment_is_of(&entry->key))
        update->has_other_servers = true;
    else
        self->order_reasons[reason]++;
    if (reason == ORDER_OK)
        node_learn_order(self, now_ms, &order, entry->version, update);
    /* Kept whether understood or not: a later version of this program may obey it. */
    node_store(now_ms, entry, 0, update);
}

/* ---- giving them ---- */

/* NODE_DONE: there is such a server, pool or node. */
static enum node_outcome find_subject(const struct node *self, const struct order *order)
{
    if (order->verb == ORDER_GROUP)
        return node_pool(self, order->subject) == SIZE_MAX ? NODE_NO_SUCH_POOL : NODE_DONE;
    if (order->verb == ORDER_HANDOVER)
        return document_node(self->plan.document, order->subject) == SIZE_MAX ? NODE_NO_SUCH_NODE
                                                                              : NODE_DONE;
    return node_server(self, order->subject) == SIZE_MAX ? NODE_NO_SUCH_SERVER : NODE_DONE;
}

/* An order that was written here. */
static void enforce(struct node *self, int64_t now_ms, const struct order *order,
                    const struct table_entry *entry, uint64_t ticket, struct node_update *update)
{
    node_learn_order(self, now_ms, order, entry->version, update);
    node_speak_order(self, now_ms, order, update);
    node_store(now_ms, entry, ticket, update);
}

enum node_outcome node_give_order(struct node *self, int64_t now_ms, const struct order *order,
                                  uint64_t ticket, struct node_update *update)
{
    enum node_outcome found = find_subject(self, order);
    if (found != NODE_DONE)
        return found;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    order_key(order, &key);
    const struct table_entry *entry =
        replica_write(&self->replica, now_ms, &key, value, order_encode(order, value));
    if (entry == NULL)
        return NODE_TABLE_FULL;
    enforce(self, now_ms, order, entry, ticket, update);
    return NODE_DONE;
}

/* ---- their end ---- */

/* Both nodes see the end come, by clocks that differ a little; the one that took the order writes
 * it, and the other only when that one does not. Where both do it is the same. */
static bool is_over(const struct node *self, int64_t wall_s, const struct table_entry *entry,
                    const struct order *order)
{
    bool is_mine = record_order_number(entry->version) == self->replica.config.number;
    int64_t patience_s = is_mine ? 0 : NODE_PARTNERS_END_S;
    return order->until_s != 0 && order_is_in_force(order) && wall_s - patience_s >= 0 &&
           (uint64_t)(wall_s - patience_s) >= order->until_s;
}

static void end_order(struct node *self, int64_t now_ms, const struct table_entry *entry,
                      const struct order *order, struct node_update *update)
{
    struct order end;
    uint8_t value[RECORD_VALUE_MAX];
    order_end(order, &end);
    memcpy(end.author, order->author, sizeof end.author);
    snprintf(end.because, sizeof end.because, "its time was over");
    end.given_s = order->until_s;
    enforce(self, now_ms, &end,
            replica_end_order(&self->replica, now_ms, entry, value, order_encode(&end, value)), 0,
            update);
}

void node_end_orders(struct node *self, int64_t now_ms, struct node_update *update)
{
    if (!self->knows_wall || now_ms < self->orders_due_ms)
        return;
    self->orders_due_ms = now_ms + NODE_END_ORDERS_MS;
    int64_t wall_s = (now_ms + self->wall_offset_ms) / 1000;
    for (size_t i = 0; i < self->table.count && update->store_count < REPLICA_CHANGES_MAX; i++) {
        const struct table_entry *entry = table_at(&self->table, i);
        struct order order;
        if (entry->key.kind != RECORD_ORDER ||
            order_decode(&order, &self->space, &entry->key, entry->value, entry->value_size) !=
                ORDER_OK ||
            !is_over(self, wall_s, entry, &order))
            continue;
        end_order(self, now_ms, entry, &order, update);
    }
}
