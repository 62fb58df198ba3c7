#include "replication/replica_parts.h"

#include <assert.h>
#include <string.h>

static bool has_room(const struct replica_update *update)
{
    return update->send_count < REPLICA_SENDS_MAX;
}

struct message *replica_send(struct replica_update *update, size_t peer, enum message_type type)
{
    assert(has_room(update));
    struct replica_send *send = &update->sends[update->send_count++];
    send->peer = peer;
    send->message.type = type;
    return &send->message;
}

void replica_tell_hello(struct replica *self, int64_t now_ms, size_t peer,
                        struct replica_update *update)
{
    bool wants_snapshot = peer == REPLICA_PARTNER && self->sync != REPLICA_SYNCED;
    struct message_hello *hello = &replica_send(update, peer, MESSAGE_HELLO)->hello;
    *hello = (struct message_hello){.protocol_min = MESSAGE_PROTOCOL_MIN,
                                    .protocol_max = MESSAGE_PROTOCOL_MAX,
                                    .role = MESSAGE_NODE,
                                    .boot = self->config.boot,
                                    .heard_boot = self->peers[peer].boot,
                                    .known_incarnation = self->peers[peer].least_incarnation,
                                    .wants_snapshot = wants_snapshot,
                                    .synced = self->sync == REPLICA_SYNCED,
                                    .format = peer == REPLICA_PARTNER ? self->config.format : 0};
    strcpy(hello->name, self->config.name);
    strcpy(hello->cluster, self->config.cluster);
    if (peer != REPLICA_PARTNER)
        return;
    self->hello_due_ms = now_ms + REPLICA_HELLO_MS;
    self->snapshot_gap = false;
    self->snapshot_heard_ms = now_ms;
}

bool replica_can_tell(const struct replica *self)
{
    return self->peers[REPLICA_PARTNER].greeted && (!self->config.dials || self->link_up);
}

static bool has_changes(const struct replica *self)
{
    const struct table_entry *newest = self->table->newest_change;
    return newest != NULL && newest->change > self->told_change;
}

/* Everything marked since the last delta, each record once and as it is now. */
static void tell_changes(struct replica *self, int64_t now_ms, struct replica_update *update)
{
    if (now_ms < self->delta_due_ms || !has_changes(self))
        return;
    const struct table_entry *entry = table_changed_after(self->table, self->told_change);
    while (entry != NULL && has_room(update)) {
        struct message_records *delta =
            &replica_send(update, REPLICA_PARTNER, MESSAGE_DELTA)->records;
        delta->chunk = 0;
        delta->last = delta->partner_lacks = false;
        delta->count = 0;
        for (; entry != NULL && delta->count < MESSAGE_RECORDS_MAX; entry = entry->later) {
            table_record(entry, now_ms, &delta->records[delta->count++]);
            self->told_change = entry->change;
        }
    }
    if (entry == NULL)
        self->delta_due_ms = now_ms + REPLICA_DELTA_MS;
}

static bool snapshot_is_due(const struct replica *self)
{
    return self->snapshot_out && self->snapshot_chunk < self->snapshot_acked + REPLICA_CREDIT;
}

/* Chunk n is always the positions from n x MESSAGE_RECORDS_MAX on, so chunks of a snapshot that was
 * begun anew are as good as those of the first. What is added meanwhile comes at the end. */
static void tell_snapshot(struct replica *self, int64_t now_ms, struct replica_update *update)
{
    while (snapshot_is_due(self) && has_room(update)) {
        struct message_records *snapshot =
            &replica_send(update, REPLICA_PARTNER, MESSAGE_SNAPSHOT)->records;
        snapshot->chunk = self->snapshot_chunk++;
        snapshot->partner_lacks = false;
        snapshot->count = 0;
        while (snapshot->count < MESSAGE_RECORDS_MAX &&
               self->snapshot_position < self->table->count)
            table_record(table_at(self->table, self->snapshot_position++), now_ms,
                         &snapshot->records[snapshot->count++]);
        snapshot->last = self->snapshot_position == self->table->count;
        self->snapshot_out = !snapshot->last;
    }
}

static void tell_versions(struct replica *self, int64_t now_ms, struct replica_update *update)
{
    if (now_ms >= self->versions_due_ms) {
        self->versions_position = 0;
        self->versions_chunk = 0;
        self->versions_due_ms = now_ms + REPLICA_VERSIONS_MS;
    }
    while (self->versions_position != SIZE_MAX && has_room(update)) {
        struct message_versions *versions =
            &replica_send(update, REPLICA_PARTNER, MESSAGE_VERSIONS)->versions;
        versions->chunk = self->versions_chunk++;
        versions->count = 0;
        while (versions->count < MESSAGE_VERSIONS_MAX &&
               self->versions_position < self->table->count) {
            const struct table_entry *entry = table_at(self->table, self->versions_position++);
            versions->entries[versions->count++] =
                (struct message_version){.key = entry->key, .version = entry->version};
        }
        versions->last = self->versions_position == self->table->count;
        if (versions->last)
            self->versions_position = SIZE_MAX;
    }
}

void replica_tell_partner(struct replica *self, int64_t now_ms, struct replica_update *update)
{
    if (!replica_can_tell(self))
        return;
    tell_changes(self, now_ms, update);
    tell_snapshot(self, now_ms, update);
    tell_versions(self, now_ms, update);
}

int64_t replica_tell_deadline(const struct replica *self)
{
    if (!replica_can_tell(self))
        return INT64_MAX;
    int64_t due_ms = self->versions_due_ms;
    if (self->versions_position != SIZE_MAX || snapshot_is_due(self))
        due_ms = self->stepped_ms;
    if (has_changes(self) && self->delta_due_ms < due_ms)
        due_ms = self->delta_due_ms;
    return due_ms < self->stepped_ms ? self->stepped_ms : due_ms;
}
