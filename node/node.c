#include "node/node.h"

#include <assert.h>
#include <string.h>

#include "node/node_parts.h"

static const char *const outcome_texts[NODE_OUTCOME_COUNT] = {
    [NODE_DONE] = "done",
    [NODE_DONE_PARTNER_AWAY] = "done; the partner will learn",
    [NODE_NO_SUCH_SERVER] = "no such server",
    [NODE_NO_SUCH_POOL] = "no such pool",
    [NODE_NO_SUCH_NODE] = "no such node",
    [NODE_TABLE_FULL] = "the table of orders is full",
    [NODE_NOT_STORED] = "in force, but not stored: the disk refused it",
};

const char *node_outcome_text(enum node_outcome outcome)
{
    assert(outcome < NODE_OUTCOME_COUNT);
    return outcome_texts[outcome];
}

/* ---- start ---- */

/* Positions 0..count-1 sorted by the name at each: heap sort, as an arena has room for nothing
 * else. */
static void sort_by_name(uint32_t *positions, size_t count, const char *const *names)
{
    for (size_t i = 0; i < count; i++)
        positions[i] = (uint32_t)i;
    for (size_t i = 1; i < count; i++) {
        uint32_t taken = positions[i];
        size_t low = 0, high = i;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (strcmp(names[positions[middle]], names[taken]) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        memmove(&positions[low + 1], &positions[low], (i - low) * sizeof *positions);
        positions[low] = taken;
    }
}

static uint32_t *index_names(size_t count, const char *const *names, struct arena *arena)
{
    uint32_t *positions = arena_take_array(arena, count + 1, sizeof *positions);
    if (positions != NULL)
        sort_by_name(positions, count, names);
    return positions;
}

static enum pool_last_resort last_resort(enum document_last_resort configured)
{
    switch (configured) {
    case DOCUMENT_LAST_KNOWN_GOOD:
        return POOL_LAST_KNOWN_GOOD;
    case DOCUMENT_ALL:
        return POOL_ALL;
    case DOCUMENT_FIXED:
        return POOL_FIXED;
    case DOCUMENT_SERVFAIL:
        break;
    }
    return POOL_SERVFAIL;
}

static bool init_pool(struct node_pool *self, const struct document *document,
                      const struct document_pool *configured, struct arena *arena)
{
    size_t count = configured->member_count;
    struct pool_member_config *members = arena_take_array(arena, count, sizeof *members);
    self->told_handed = arena_take_array(arena, count, sizeof *self->told_handed);
    self->partner_handed = arena_take_array(arena, count, sizeof *self->partner_handed);
    self->partner_known = arena_take_array(arena, count, sizeof *self->partner_known);
    if (members == NULL || self->told_handed == NULL || self->partner_handed == NULL ||
        self->partner_known == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct document_server *server = &document->servers[configured->members[i]];
        members[i].capacity = server->capacity;
        for (size_t family = 0; family < 2; family++)
            members[i].has[family] = server->addresses[family].family != 0;
    }
    self->pool =
        pool_init(&(struct pool_config){.member_count = count,
                                        .members = members,
                                        .group_size = configured->group_size,
                                        .rounds = configured->rounds,
                                        .last_resort = last_resort(configured->last_resort)},
                  arena);
    struct verdict_config verdicts = {.stale_ms = configured->stale_ms,
                                      .freeze_window_ms = 5000,
                                      .freeze_permille = 300,
                                      .port_count = configured->port_count};
    memcpy(verdicts.ports, configured->ports, sizeof verdicts.ports);
    return self->pool != NULL && verdict_init(&self->verdicts, &verdicts, count, 0, arena);
}

static bool init_memberships(struct node *self, struct arena *arena)
{
    const struct document *document = self->config.document;
    for (size_t pool = 0; pool < document->pool_count; pool++)
        for (size_t member = 0; member < document->pools[pool].member_count; member++)
            self->servers[document->pools[pool].members[member]].membership_count++;
    for (size_t i = 0; i < document->server_count; i++) {
        struct node_server *server = &self->servers[i];
        server->memberships =
            arena_take_array(arena, server->membership_count, sizeof *server->memberships);
        if (server->memberships == NULL)
            return false;
        server->membership_count = 0;
    }
    for (size_t pool = 0; pool < document->pool_count; pool++)
        for (size_t member = 0; member < document->pools[pool].member_count; member++) {
            struct node_server *server = &self->servers[document->pools[pool].members[member]];
            server->memberships[server->membership_count++] =
                (struct node_membership){(uint32_t)pool, (uint32_t)member};
        }
    return true;
}

static bool init_pools(struct node *self, struct arena *arena)
{
    const struct document *document = self->config.document;
    size_t most = 1;
    for (size_t i = 0; i < document->pool_count; i++) {
        if (!init_pool(&self->pools[i], document, &document->pools[i], arena))
            return false;
        if (document->pools[i].member_count > most)
            most = document->pools[i].member_count;
    }
    self->changes = arena_take_array(arena, most, sizeof *self->changes);
    return self->changes != NULL && init_memberships(self, arena);
}

/* Room for a report of each server, both nodes' counts of each member, what both nodes say of
 * themselves, and orders. */
static size_t table_capacity(const struct document *document)
{
    size_t nodes_own = DOCUMENT_NODES_MAX * (2 + NODE_SLOTS);
    size_t capacity = document->server_count + nodes_own + NODE_ORDERS_MAX;
    for (size_t i = 0; i < document->pool_count; i++)
        capacity += DOCUMENT_NODES_MAX * document->pools[i].member_count;
    return capacity;
}

static bool init_replica(struct node *self, const char *const *servers, struct arena *arena)
{
    const struct document *document = self->config.document;
    struct replica_config config = {
        .cluster = document->cluster,
        .name = document->nodes[self->config.self].name,
        .partner = node_partner(self),
        .number = (uint8_t)(self->config.self + 1),
        /* The second of the document dials, so that there is one connection and no doubt which. */
        .dials = self->config.self == 1,
        .boot = self->config.boot,
        .agent_count = document->server_count,
        .agents = servers,
    };
    return table_init(&self->table, arena, table_capacity(document), self->config.hash_key) &&
           replica_init(&self->replica, &config, &self->table, arena);
}

bool node_init(struct node *self, const struct node_config *config, struct arena *arena)
{
    const struct document *document = config->document;
    assert(config->self < document->node_count);
    assert(config->boot != 0);
    *self = (struct node){.config = *config};
    const char **servers = arena_take_array(arena, document->server_count + 1, sizeof *servers);
    const char **pools = arena_take_array(arena, document->pool_count + 1, sizeof *pools);
    self->message = arena_take(arena, sizeof *self->message);
    self->servers = arena_take_array(arena, document->server_count + 1, sizeof *self->servers);
    self->pools = arena_take_array(arena, document->pool_count + 1, sizeof *self->pools);
    if (servers == NULL || pools == NULL || self->message == NULL || self->servers == NULL ||
        self->pools == NULL)
        return false;
    for (size_t i = 0; i < document->server_count; i++) {
        servers[i] = document->servers[i].name;
        self->servers[i].agent_ms = INT64_MIN;
    }
    for (size_t i = 0; i < DOCUMENT_NODES_MAX; i++)
        self->fitness[i].stated_ms = INT64_MIN;
    for (size_t i = 0; i < document->pool_count; i++)
        pools[i] = document->pools[i].name;
    self->servers_by_name = index_names(document->server_count, servers, arena);
    self->pools_by_name = index_names(document->pool_count, pools, arena);
    if (self->servers_by_name == NULL || self->pools_by_name == NULL)
        return false;
    strncpy(self->status.version, config->version, STATUS_VERSION_MAX);
    if (!init_replica(self, servers, arena) || !init_pools(self, arena))
        return false;
    pack_space_open(&self->space);
    return true;
}

void node_close(struct node *self)
{
    pack_space_close(&self->space);
}

const char *node_partner(const struct node *self)
{
    const struct document *document = self->config.document;
    return document_has_partner(document) ? document->nodes[1 - self->config.self].name : NULL;
}

size_t node_server(const struct node *self, const char *name)
{
    const struct document *document = self->config.document;
    size_t low = 0, high = document->server_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        size_t position = self->servers_by_name[middle];
        int order = strcmp(document->servers[position].name, name);
        if (order == 0)
            return position;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

size_t node_pool(const struct node *self, const char *name)
{
    const struct document *document = self->config.document;
    size_t low = 0, high = document->pool_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        size_t position = self->pools_by_name[middle];
        int order = strcmp(document->pools[position].name, name);
        if (order == 0)
            return position;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* ---- notes ---- */

void node_note(struct node *self, struct node_update *update, const struct node_note *note)
{
    self->history[self->history_count++ % NODE_HISTORY_MAX] = *note;
    if (update == NULL)
        return;
    if (update->note_count < NODE_NOTES_MAX)
        update->notes[update->note_count++] = *note;
    else
        self->notes_dropped++;
}

static const char *peer_name(const struct node *self, size_t peer)
{
    return peer == REPLICA_PARTNER ? node_partner(self)
                                   : self->config.document->servers[peer - 1].name;
}

/* A message that was refused is no transition: it is logged (at a bounded rate), not remembered. */
static void note_refused(struct node *self, int64_t now_ms, size_t peer, const char *reason,
                         struct node_update *update)
{
    if (update->note_count < NODE_NOTES_MAX)
        update->notes[update->note_count++] = (struct node_note){
            .at_ms = now_ms, .area = "refuse", .subject = peer_name(self, peer), .reason = reason};
    else
        self->notes_dropped++;
}

/* ---- events ---- */

static void step_replica(struct node *self, int64_t now_ms, const struct replica_event *event,
                         struct node_update *update)
{
    replica_step(&self->replica, now_ms, event, &update->replica);
    if (update->replica.reason != REPLICA_TAKEN)
        note_refused(self, now_ms, event->peer, replica_reason_text(update->replica.reason),
                     update);
    if (update->replica.sync_changed)
        node_note(self, update,
                  &(struct node_note){.at_ms = now_ms,
                                      .area = "sync",
                                      .subject = self->replica.config.name,
                                      .to = replica_sync_text(self->replica.sync),
                                      .reason = replica_sync_reason(&self->replica)});
    node_learn_changes(self, now_ms, update);
    node_judge_ready(self, now_ms);
}

static void step_frame(struct node *self, int64_t now_ms, const struct node_event *event,
                       struct node_update *update)
{
    assert(event->peer <= self->config.document->server_count);
    self->frames++;
    enum pack_reason pack_reason = PACK_OK;
    enum message_reason reason =
        message_decode(self->message, &self->space, event->bytes, event->size, &pack_reason);
    if (reason != MESSAGE_OK) {
        self->message_reasons[reason]++;
        if (reason == MESSAGE_MALFORMED)
            self->pack_reasons[pack_reason]++;
        note_refused(self, now_ms, event->peer,
                     reason == MESSAGE_MALFORMED ? pack_reason_text(pack_reason)
                                                 : message_reason_text(reason),
                     update);
        return;
    }
    step_replica(self, now_ms,
                 &(struct replica_event){
                     .type = REPLICA_MESSAGE, .peer = event->peer, .message = self->message},
                 update);
    if (event->peer != REPLICA_PARTNER && self->message->type == MESSAGE_DELTA &&
        update->replica.reason == REPLICA_TAKEN) {
        struct node_server *server = &self->servers[event->peer - 1];
        server->agent_ms = now_ms;
        server->lost_partner = self->message->records.partner_lacks;
    }
}

static void step_command(struct node *self, int64_t now_ms, const struct node_event *event,
                         struct node_update *update)
{
    assert(event->ticket != 0);
    update->reply = node_give_order(self, now_ms, event->order, event->ticket, update);
    update->reply_ticket = update->reply == NODE_DONE ? 0 : event->ticket; /* not before the disk */
}

static bool is_partner_heard(const struct node *self, int64_t now_ms)
{
    int64_t heard_ms = replica_partner_heard_ms(&self->replica);
    return heard_ms != INT64_MIN && now_ms - heard_ms <= NODE_PARTNER_MS;
}

static void step_stored(struct node *self, int64_t now_ms, const struct node_event *event,
                        struct node_update *update)
{
    update->reply_ticket = event->ticket;
    if (event->error != 0)
        update->reply = NODE_NOT_STORED;
    else if (node_partner(self) == NULL || is_partner_heard(self, now_ms))
        update->reply = NODE_DONE;
    else
        update->reply = NODE_DONE_PARTNER_AWAY;
}

static void watch_partner(struct node *self, int64_t now_ms, struct node_update *update)
{
    bool heard = is_partner_heard(self, now_ms);
    if (heard == self->partner_heard)
        return;
    /* Nor is a stall of this node held against the partner, whose messages wait to be read. */
    if (!heard && now_ms - self->hearing_ms <= NODE_PARTNER_MS)
        return;
    self->partner_heard = heard;
    node_note(self, update,
              &(struct node_note){.at_ms = now_ms,
                                  .area = "partner",
                                  .subject = node_partner(self),
                                  .from = heard ? "silent" : "heard",
                                  .to = heard ? "heard" : "silent",
                                  .reason = heard ? "greeted" : "no-message"});
}

static void step_tick(struct node *self, int64_t now_ms, struct node_update *update)
{
    /* Woke late: nothing was heard because nothing was listened to. The frames that waited are read
     * before the next tick; until then nobody is silent. */
    if (now_ms - self->tick_due_ms > NODE_STALL_MS)
        self->hearing_ms = now_ms;
    self->tick_due_ms = now_ms + NODE_TICK_MS;
    node_age(self, now_ms, update);
    watch_partner(self, now_ms, update);
    node_judge_ready(self, now_ms);
    node_speak_handed(self, now_ms);
    node_end_orders(self, now_ms, update);
    if (now_ms >= self->status_due_ms) {
        self->status_due_ms = now_ms + NODE_STATUS_MS;
        node_speak_status(self, now_ms);
    }
}

static void step_timeout(struct node *self, int64_t now_ms, struct node_update *update)
{
    if (now_ms >= self->tick_due_ms)
        step_tick(self, now_ms, update);
    if (now_ms >= replica_deadline(&self->replica))
        step_replica(self, now_ms, &(struct replica_event){.type = REPLICA_TIMEOUT}, update);
}

static void step_start(struct node *self, int64_t now_ms, struct node_update *update)
{
    self->start_ms = self->hearing_ms = now_ms;
    self->tick_due_ms = now_ms + NODE_TICK_MS;
    self->status_due_ms = now_ms;
    step_replica(self, now_ms, &(struct replica_event){.type = REPLICA_START}, update);
}

static void step_holds(struct node *self, int64_t now_ms, const struct status *held)
{
    assert(held->held_count <= STATUS_HELD_MAX);
    memcpy(self->status.held, held->held, sizeof self->status.held);
    self->status.held_count = held->held_count;
    for (size_t i = 0; i < held->held_count; i++)
        self->held_since_ms[i] = now_ms - (int64_t)held->held[i].since_s * 1000;
    self->status_due_ms = now_ms;
}

void node_step(struct node *self, int64_t now_ms, const struct node_event *event,
               struct node_update *update)
{
    update->replica.send_count = 0;
    update->replica.change_count = 0;
    update->store_count = 0;
    update->note_count = 0;
    update->reply_ticket = 0;
    switch (event->type) {
    case NODE_START:
        step_start(self, now_ms, update);
        break;
    case NODE_LINK_UP:
        step_replica(self, now_ms, &(struct replica_event){.type = REPLICA_LINK_UP}, update);
        break;
    case NODE_LINK_DOWN:
        step_replica(self, now_ms, &(struct replica_event){.type = REPLICA_LINK_DOWN}, update);
        break;
    case NODE_FRAME:
        step_frame(self, now_ms, event, update);
        break;
    case NODE_COMMAND:
        step_command(self, now_ms, event, update);
        break;
    case NODE_STORED:
        step_stored(self, now_ms, event, update);
        break;
    case NODE_HOLDS:
        step_holds(self, now_ms, event->status);
        break;
    case NODE_FITNESS:
        self->fitness[self->config.self] =
            (struct node_fitness){.stated_ms = now_ms, .fitness = *event->fitness};
        self->status_due_ms = now_ms;
        break;
    case NODE_HAPPENED:
        node_speak_transition(self, now_ms, event->transition);
        break;
    case NODE_CLOCK:
        self->knows_wall = true;
        self->wall_offset_ms = event->wall_ms - now_ms;
        break;
    case NODE_TIMEOUT:
        step_timeout(self, now_ms, update);
        break;
    }
}

int64_t node_deadline(const struct node *self)
{
    int64_t replica_ms = replica_deadline(&self->replica);
    return replica_ms < self->tick_due_ms ? replica_ms : self->tick_due_ms;
}
