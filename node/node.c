#include "node/node.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "node/node_parts.h"

static const char *const outcome_texts[NODE_OUTCOME_COUNT] = {
    [NODE_DONE] = "done",
    [NODE_DONE_PARTNER_AWAY] = "done; the partner will learn",
    [NODE_NO_SUCH_SERVER] = "no such server",
    [NODE_NO_SUCH_POOL] = "no such pool",
    [NODE_NO_SUCH_NODE] = "no such node",
    [NODE_TABLE_FULL] = "the table of orders is full",
    [NODE_JOIN_OTHER_CLUSTER] = "the token is of another cluster",
    [NODE_JOIN_NO_TOKEN] = "the token is not known here: ask for a new one",
    [NODE_JOIN_NO_CLOCK] = "the node does not know the time yet: try again",
    [NODE_JOIN_EXPIRED] = "the token's time is over: ask for a new one",
    [NODE_JOIN_USED_UP] =
        "as many servers joined by this token as it is good for: ask for a new one",
    [NODE_JOIN_ADDRESS] = "the address is not within what the token allows: state another with "
                          "--address",
    [NODE_JOIN_ADDRESS_TAKEN] = "another server has that address, or a node: state another with "
                                "--address",
    [NODE_JOIN_NAME_TAKEN] = "another server has that name: choose another with --name, or have "
                             "that one removed",
    [NODE_JOIN_KEY_TAKEN] = "another server has that key: remove the key file, and join again",
    [NODE_JOIN_REVOKED] = "that key was withdrawn: remove the key file, and join again",
    [NODE_JOIN_NO_ROOM] = "the nodes have no room for another server until their workers are "
                          "upgraded",
    [NODE_NOT_ENROLLED] = "that server is in the document: take it out there",
    [NODE_NOT_YET_DURABLE] = "in force, but not yet durable: the disk does not answer",
    [NODE_NOT_STORED] = "in force, but not stored: the disk refused it",
};

const char *node_outcome_text(enum node_outcome outcome)
{
    assert(outcome < NODE_OUTCOME_COUNT);
    return outcome_texts[outcome];
}

/* ---- start ---- */

/* Room for a report of each server, both nodes' counts of each member, what both nodes say of
 * themselves, and orders; and for servers that join. */
static size_t table_capacity(const struct document *document, size_t spare_seats)
{
    size_t nodes_own = DOCUMENT_NODES_MAX * (2 + NODE_SLOTS);
    size_t capacity = document->server_count + nodes_own + NODE_ORDERS_MAX;
    for (size_t i = 0; i < document->pool_count; i++)
        capacity += DOCUMENT_NODES_MAX * document->pools[i].member_count;
    return capacity + spare_seats * (1 + DOCUMENT_NODES_MAX * NODE_SPARE_POOLS);
}

static bool init_replica(struct node *self, const struct document *document, struct arena *arena)
{
    const char *name = document->nodes[self->config.self].name, *partner = node_partner(self);
    struct replica_config config = {
        .cluster = arena_text(arena, document->cluster, strlen(document->cluster)),
        .name = arena_text(arena, name, strlen(name)),
        .partner = partner == NULL ? NULL : arena_text(arena, partner, strlen(partner)),
        .number = (uint8_t)(self->config.self + 1),
        /* The second of the document dials, so that there is one connection and no doubt which. */
        .dials = self->config.self == 1,
        .boot = self->config.boot,
        .format = DOCUMENT_FORMAT,
        .agent_count = self->seat_count,
    };
    return config.cluster != NULL && config.name != NULL &&
           (config.partner != NULL) == (partner != NULL) &&
           table_init(&self->table, arena, table_capacity(document, self->config.spare_seats),
                      self->config.hash_key) &&
           replica_init(&self->replica, &config, &self->table, arena);
}

static bool init_seats(struct node *self, const struct document *document, struct arena *arena)
{
    self->seat_count = document->server_count + self->config.spare_seats;
    self->seats = arena_take_array(arena, self->seat_count, sizeof *self->seats);
    return self->seats != NULL;
}

bool node_init(struct node *self, const struct node_config *config, const struct node_plan *plan,
               struct arena *arena)
{
    assert(config->self < plan->document->node_count);
    assert(config->boot != 0);
    *self = (struct node){.config = *config, .plan = *plan};
    self->message = arena_take(arena, sizeof *self->message);
    if (self->message == NULL || !init_seats(self, plan->document, arena) ||
        !init_replica(self, plan->document, arena))
        return false;
    for (size_t i = 0; i < DOCUMENT_NODES_MAX; i++)
        self->fitness[i].stated_ms = INT64_MIN;
    strncpy(self->status.version, config->version, STATUS_VERSION_MAX);
    pack_space_open(&self->space);
    node_seat_all(self);
    return true;
}

void node_close(struct node *self)
{
    pack_space_close(&self->space);
}

const char *node_partner(const struct node *self)
{
    const struct document *document = self->plan.document;
    return document_has_partner(document) ? document->nodes[1 - self->config.self].name : NULL;
}

/* ---- notes ---- */

void node_note(struct node *self, struct node_update *update, const struct node_note *note)
{
    if (update == NULL)
        return;
    struct node_memory *kept = &self->history[self->history_count++ % NODE_HISTORY_MAX];
    kept->note = *note;
    snprintf(kept->subject, sizeof kept->subject, "%s", note->subject);
    snprintf(kept->pool, sizeof kept->pool, "%s", note->pool == NULL ? "" : note->pool);
    kept->note.subject = kept->subject;
    kept->note.pool = note->pool == NULL ? NULL : kept->pool;
    if (update->note_count < NODE_NOTES_MAX)
        update->notes[update->note_count++] = *note;
    else
        self->notes_dropped++;
}

static const char *peer_name(const struct node *self, size_t peer)
{
    return peer == REPLICA_PARTNER ? node_partner(self) : self->seats[peer - 1].name;
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
    assert(event->peer <= self->seat_count);
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
                 &(struct replica_event){.type = REPLICA_MESSAGE,
                                         .peer = event->peer,
                                         .session = event->session,
                                         .message = self->message},
                 update);
    if (event->peer != REPLICA_PARTNER && self->message->type == MESSAGE_DELTA &&
        update->replica.reason == REPLICA_TAKEN) {
        struct node_server *server = &self->plan.servers[self->seats[event->peer - 1].server];
        server->agent_ms = now_ms;
        server->lost_partner = self->message->records.partner_lacks;
    }
}

/* What is read again later, such as an order that stands, is counted as it comes in alone. */
static void count_unknown(struct node *self, const struct pack_space *before)
{
    for (size_t i = 0; i < PACK_UNKNOWN_COUNT; i++)
        self->unknown[i] += self->space.unknown[i] - before->unknown[i];
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

/* Woke late: nothing was heard because nothing was listened to. The frames that waited are read
 * before the next tick; until then nobody is silent. */
void node_judge_stall(struct node *self, int64_t now_ms)
{
    if (now_ms - self->tick_due_ms > NODE_STALL_MS)
        self->hearing_ms = now_ms;
}

static void step_tick(struct node *self, int64_t now_ms, struct node_update *update)
{
    node_judge_stall(self, now_ms);
    self->tick_due_ms = now_ms + NODE_TICK_MS;
    node_age(self, now_ms, update);
    watch_partner(self, now_ms, update);
    node_judge_ready(self, now_ms);
    node_speak_handed(self, now_ms);
    node_end_orders(self, now_ms, update);
    node_weigh_new(self, now_ms);
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
    node_date_members(self, now_ms);
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
    update->has_other_servers = false;
    update->audit_count = 0;
    const struct pack_space before = self->space;
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
        count_unknown(self, &before);
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
    case NODE_JOIN:
    case NODE_TOKEN:
    case NODE_REVOKE:
    case NODE_REMOVE:
        node_step_joining(self, now_ms, event, update);
        break;
    case NODE_DID:
        node_speak_deed(self, now_ms, event->transition, update);
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
