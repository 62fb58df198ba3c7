#include "replication/replica_parts.h"

#include <assert.h>
#include <string.h>

bool replica_init(struct replica *self, const struct replica_config *config, struct table *table,
                  struct arena *arena)
{
    assert(record_name_is_valid(config->name, strlen(config->name)));
    assert(record_name_is_valid(config->cluster, strlen(config->cluster)));
    assert(config->boot != 0);
    assert(config->number == 1 || config->number == 2);
    assert(config->format >= 1);
    assert(config->partner != NULL || !config->dials);
    *self = (struct replica){
        .config = *config,
        .table = table,
        .sync = REPLICA_WAITING,
        .sync_reason = "no-snapshot",
        .incarnation = 1,
        .start_ms = INT64_MAX,
        .partner_heard_ms = INT64_MIN,
        .stepped_ms = INT64_MIN,
        .delta_due_ms = INT64_MIN,
        .hello_due_ms = INT64_MIN,
        .versions_position = SIZE_MAX,
        .snapshot_begun_ms = INT64_MIN,
    };
    self->peers = arena_take_array(arena, 1 + config->agent_count, sizeof *self->peers);
    if (self->peers == NULL)
        return false;
    self->peers[REPLICA_PARTNER] =
        (struct replica_peer){.name = config->partner, .foreign.at_ms = INT64_MIN};
    return true;
}

void replica_seat(struct replica *self, size_t agent, const char *name)
{
    assert(agent < self->config.agent_count);
    self->peers[1 + agent] = (struct replica_peer){.name = name,
                                                   .impostor_ms = INT64_MIN,
                                                   .reported_ms = INT64_MIN,
                                                   .foreign.at_ms = INT64_MIN};
}

void replica_bind(struct replica *self, size_t agent, const uint8_t *machine)
{
    assert(agent < self->config.agent_count);
    struct replica_peer *peer = &self->peers[1 + agent];
    peer->has_machine = machine != NULL;
    if (machine != NULL)
        memcpy(peer->machine, machine, sizeof peer->machine);
}

/* ---- sync ---- */

void replica_set_sync(struct replica *self, enum replica_sync sync, const char *reason,
                      struct replica_update *update)
{
    static const bool may_follow[][3] = {
        [REPLICA_WAITING] = {[REPLICA_RECEIVING] = true, [REPLICA_SYNCED] = true},
        [REPLICA_RECEIVING] = {[REPLICA_WAITING] = true, [REPLICA_SYNCED] = true},
        [REPLICA_SYNCED] = {false},
    };
    assert(may_follow[self->sync][sync]);
    self->sync = sync;
    self->sync_reason = reason;
    update->sync_changed = true;
}

/* When the partner's silence means that there is nobody to ask. */
static int64_t alone_ms(const struct replica *self)
{
    if (self->sync == REPLICA_SYNCED || self->start_ms == INT64_MAX)
        return INT64_MAX;
    int64_t heard_ms = self->partner_heard_ms;
    return (heard_ms > self->start_ms ? heard_ms : self->start_ms) + REPLICA_ALONE_MS;
}

/* When this node says HELLO of its own accord: on a new connection until it is answered; then,
 * while it has no snapshot, until one begins, and again when that has a gap, makes no progress, or
 * the partner has fallen silent altogether. */
static int64_t hello_ms(const struct replica *self)
{
    if (self->link_up && !self->answered)
        return self->hello_due_ms;
    if (self->sync == REPLICA_SYNCED || !replica_can_tell(self))
        return INT64_MAX;
    if (self->sync == REPLICA_WAITING || self->snapshot_gap)
        return self->hello_due_ms;
    int64_t stalled_ms = self->snapshot_heard_ms + REPLICA_SNAPSHOT_MS;
    int64_t silent_ms = self->partner_heard_ms + REPLICA_HELLO_MS;
    int64_t due_ms = stalled_ms < silent_ms ? stalled_ms : silent_ms;
    return due_ms > self->hello_due_ms ? due_ms : self->hello_due_ms;
}

/* ---- the step ---- */

static void take_event(struct replica *self, int64_t now_ms, const struct replica_event *event,
                       struct replica_update *update)
{
    struct replica_peer *partner = &self->peers[REPLICA_PARTNER];
    switch (event->type) {
    case REPLICA_START:
        assert(self->start_ms == INT64_MAX);
        self->start_ms = now_ms;
        if (self->config.partner == NULL)
            replica_set_sync(self, REPLICA_SYNCED, "only-node", update);
        return;
    case REPLICA_LINK_UP:
    case REPLICA_LINK_DOWN:
        assert(self->config.dials);
        self->link_up = event->type == REPLICA_LINK_UP;
        self->answered = partner->greeted = false;
        self->hello_due_ms = now_ms;
        return;
    case REPLICA_MESSAGE:
        replica_take(self, now_ms, event, update);
        return;
    case REPLICA_TIMEOUT:
        return;
    }
}

void replica_step(struct replica *self, int64_t now_ms, const struct replica_event *event,
                  struct replica_update *update)
{
    assert(now_ms >= self->stepped_ms);
    self->stepped_ms = now_ms;
    update->send_count = 0;
    update->change_count = 0;
    update->reason = REPLICA_TAKEN;
    update->sync_changed = false;
    take_event(self, now_ms, event, update);
    if (now_ms >= alone_ms(self))
        replica_set_sync(self, REPLICA_SYNCED, "alone", update);
    if (now_ms >= hello_ms(self))
        replica_tell_hello(self, now_ms, REPLICA_PARTNER, update);
    replica_tell_partner(self, now_ms, update);
}

int64_t replica_deadline(const struct replica *self)
{
    int64_t due_ms = replica_tell_deadline(self);
    if (hello_ms(self) < due_ms)
        due_ms = hello_ms(self);
    return alone_ms(self) < due_ms ? alone_ms(self) : due_ms;
}

/* ---- what this node states ---- */

uint64_t replica_next(uint64_t counter)
{
    return counter == UINT64_MAX ? counter : counter + 1;
}

bool replica_is_own(const struct replica *self, const struct record_key *key)
{
    return record_kind_is_nodes(key->kind) && record_is_written_by(key, self->config.name);
}

void replica_adopt(struct replica *self, int64_t now_ms, uint64_t least_incarnation)
{
    if (least_incarnation <= self->incarnation)
        return;
    self->incarnation = least_incarnation;
    for (size_t i = 0; i < self->table->count; i++) {
        const struct table_entry *known = table_at(self->table, i);
        if (!replica_is_own(self, &known->key))
            continue;
        struct record record;
        table_record(known, now_ms, &record);
        record.version = (struct record_version){self->incarnation, ++self->sequence};
        struct table_entry *entry;
        table_merge(self->table, &record, now_ms, &entry);
        table_mark(self->table, entry);
    }
}

static struct table_entry *write(struct replica *self, int64_t now_ms, const struct record_key *key,
                                 struct record_version version, const uint8_t *value, size_t size)
{
    assert(record_name_is_valid(key->name, strlen(key->name)));
    assert(size <= RECORD_VALUE_MAX);
    struct record record = {.key = *key, .version = version, .value_size = (uint16_t)size};
    memcpy(record.value, value, size);
    struct table_entry *entry;
    if (table_merge(self->table, &record, now_ms, &entry) == TABLE_FULL) {
        self->counts[REPLICA_TABLE_FULL]++;
        return NULL;
    }
    table_mark(self->table, entry);
    return entry;
}

struct table_entry *replica_write(struct replica *self, int64_t now_ms,
                                  const struct record_key *key, const uint8_t *value, size_t size)
{
    struct record_version version;
    if (key->kind == RECORD_ORDER) {
        self->lamport = replica_next(self->lamport);
        version = record_order_version(self->lamport, self->config.number, self->config.boot);
    } else {
        assert(replica_is_own(self, key));
        version = (struct record_version){self->incarnation, ++self->sequence};
    }
    return write(self, now_ms, key, version, value, size);
}

struct table_entry *replica_end_order(struct replica *self, int64_t now_ms,
                                      const struct table_entry *order, const uint8_t *value,
                                      size_t size)
{
    assert(order->key.kind == RECORD_ORDER);
    const struct record_key key = order->key; /* the entry is about to be written */
    return write(self, now_ms, &key, record_order_end(order->version), value, size);
}

struct table_entry *replica_restore(struct replica *self, int64_t now_ms,
                                    const struct record *record)
{
    assert(record->key.kind == RECORD_ORDER || record->key.kind == RECORD_REPORT);
    bool is_order = record->key.kind == RECORD_ORDER;
    if (is_order && record->version.incarnation > self->lamport)
        self->lamport = record->version.incarnation;
    struct table_entry *entry;
    enum table_outcome outcome = table_merge(self->table, record, now_ms, &entry);
    if (outcome == TABLE_FULL) {
        self->counts[REPLICA_TABLE_FULL]++;
        return NULL;
    }
    if (outcome != TABLE_OLDER && is_order)
        table_mark(self->table, entry);
    return entry;
}

/* ---- what others read ---- */

size_t replica_behind(const struct replica *self)
{
    if (!replica_can_tell(self))
        return 0;
    return (size_t)(self->table->last_change - self->told_change);
}

int64_t replica_partner_heard_ms(const struct replica *self)
{
    return self->partner_heard_ms;
}

uint32_t replica_partner_format(const struct replica *self)
{
    return self->peers[REPLICA_PARTNER].format;
}

const char *replica_reason_text(enum replica_reason reason)
{
    static const char *const texts[REPLICA_REASON_COUNT] = {
        [REPLICA_TAKEN] = "taken",
        [REPLICA_NOT_GREETED] = "not-greeted",
        [REPLICA_WRONG_CLUSTER] = "wrong-cluster",
        [REPLICA_WRONG_NAME] = "wrong-name",
        [REPLICA_WRONG_PROTOCOL] = "wrong-protocol",
        [REPLICA_NOT_OWNER] = "not-owner",
        [REPLICA_NOT_FOR_AGENTS] = "not-for-agents",
        [REPLICA_TABLE_FULL] = "table-full",
        [REPLICA_OLD_INCARNATION] = "old-incarnation",
        [REPLICA_WRONG_MACHINE] = "wrong-machine",
        [REPLICA_TWO_SESSIONS] = "two-sessions",
    };
    assert(reason < REPLICA_REASON_COUNT);
    return texts[reason];
}

const char *replica_sync_text(enum replica_sync sync)
{
    static const char *const texts[] = {
        [REPLICA_WAITING] = "waiting",
        [REPLICA_RECEIVING] = "receiving",
        [REPLICA_SYNCED] = "synced",
    };
    assert(sync <= REPLICA_SYNCED);
    return texts[sync];
}

const char *replica_sync_reason(const struct replica *self)
{
    return self->sync_reason;
}
