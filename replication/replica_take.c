#include "replication/replica_parts.h"

#include <assert.h>
#include <string.h>

static void refuse(struct replica *self, size_t peer, enum replica_reason reason,
                   struct replica_update *update)
{
    assert(reason != REPLICA_TAKEN);
    self->counts[reason]++;
    self->peers[peer].refused++;
    update->reason = reason;
}

static void note_change(struct replica_update *update, struct table_entry *entry)
{
    assert(update->change_count < REPLICA_CHANGES_MAX);
    update->changes[update->change_count++] = entry;
}

/* ---- HELLO ---- */

/* An agent under whose key somebody else speaks, too. Of two lives at once the later one has the
 * place, for as long as it reports; so the two do not drive each other out by turns. */
static enum replica_reason judge_agent(const struct replica_peer *agent, int64_t now_ms,
                                       const struct message_hello *hello)
{
    if (agent->has_machine && memcmp(agent->machine, hello->machine, sizeof agent->machine) != 0)
        return REPLICA_WRONG_MACHINE;
    bool is_displaced = hello->boot == agent->left_boot && hello->boot != agent->boot;
    if (is_displaced && agent->reported_ms != INT64_MIN &&
        now_ms - agent->reported_ms < REPLICA_PLACE_MS)
        return REPLICA_TWO_SESSIONS;
    return REPLICA_TAKEN;
}

static enum replica_reason judge_hello(const struct replica *self, size_t peer,
                                       const struct message_hello *hello)
{
    enum message_role role = peer == REPLICA_PARTNER ? MESSAGE_NODE : MESSAGE_AGENT;
    if (message_protocol(hello) == 0)
        return REPLICA_WRONG_PROTOCOL;
    if (strcmp(hello->cluster, self->config.cluster) != 0)
        return REPLICA_WRONG_CLUSTER;
    if (hello->role != role || strcmp(hello->name, self->peers[peer].name) != 0)
        return REPLICA_WRONG_NAME;
    return REPLICA_TAKEN;
}

/* The highest incarnation in the records this peer wrote; 0: there are none. O(1) for an agent,
 * O(table) for the partner. */
static uint64_t known_incarnation(const struct replica *self, size_t peer)
{
    const char *name = self->peers[peer].name;
    if (peer != REPLICA_PARTNER) {
        struct record_key key = {.kind = RECORD_REPORT};
        strcpy(key.name, name);
        const struct table_entry *entry = table_find(self->table, &key);
        return entry == NULL ? 0 : entry->version.incarnation;
    }
    uint64_t highest = 0;
    for (size_t i = 0; i < self->table->count; i++) {
        const struct table_entry *entry = table_at(self->table, i);
        if (record_kind_is_nodes(entry->key.kind) && entry->version.incarnation > highest &&
            record_is_written_by(&entry->key, name))
            highest = entry->version.incarnation;
    }
    return highest;
}

/* A life of the peer not heard before. All that is known of it stems from earlier ones, so this is
 * the moment to fix where its incarnations have to begin. */
static void meet(struct replica *self, size_t peer, uint64_t boot, struct replica_update *update)
{
    struct replica_peer *known = &self->peers[peer];
    uint64_t highest = known_incarnation(self, peer);
    known->boot = boot;
    known->said = (struct record_version){0};
    known->least_incarnation = highest == 0 ? 0 : replica_next(highest);
    if (peer == REPLICA_PARTNER) {
        self->snapshot_next_in = 0;
        self->snapshot_begun_ms = INT64_MIN;
        if (self->sync == REPLICA_RECEIVING)
            replica_set_sync(self, REPLICA_WAITING, "no-snapshot", update);
    }
}

/* Begin at the first record, unless a snapshot was begun just now and has not been answered yet:
 * the HELLOs of one greeting ask for it more than once. */
static void begin_snapshot(struct replica *self, int64_t now_ms)
{
    if (self->snapshot_acked == 0 && now_ms < self->snapshot_begun_ms + REPLICA_HELLO_MS)
        return;
    self->snapshot_out = true;
    self->snapshot_begun_ms = now_ms;
    self->snapshot_position = 0;
    self->snapshot_chunk = 0;
    self->snapshot_acked = 0;
    self->told_change = self->table->last_change;
}

static void greet_partner(struct replica *self, int64_t now_ms, const struct message_hello *hello)
{
    replica_adopt(self, now_ms, hello->known_incarnation);
    self->versions_position = SIZE_MAX;
    self->versions_due_ms = now_ms;
    if (hello->wants_snapshot) {
        begin_snapshot(self, now_ms);
        self->versions_due_ms += REPLICA_VERSIONS_MS; /* it would not use them now */
    } else
        self->snapshot_out = false;
}

static void take_hello(struct replica *self, int64_t now_ms, size_t peer, uint32_t session,
                       const struct message_hello *hello, struct replica_update *update)
{
    struct replica_peer *speaker = &self->peers[peer];
    enum replica_reason reason = judge_hello(self, peer, hello);
    if (reason == REPLICA_TAKEN && peer != REPLICA_PARTNER) {
        reason = judge_agent(speaker, now_ms, hello);
        if (reason != REPLICA_TAKEN) {
            speaker->impostor_ms = now_ms;
            speaker->impostor = reason;
        }
    }
    if (reason == REPLICA_WRONG_PROTOCOL)
        speaker->foreign =
            (struct replica_foreign){now_ms, hello->protocol_min, hello->protocol_max};
    if (reason != REPLICA_TAKEN) {
        refuse(self, peer, reason, update);
        return;
    }
    bool is_new_life = hello->boot != speaker->boot;
    if (is_new_life) {
        speaker->left_boot = speaker->boot;
        meet(self, peer, hello->boot, update);
    }
    speaker->greeted = true;
    speaker->session = session;
    speaker->protocol = message_protocol(hello);
    speaker->format = hello->format == 0 ? 1 : hello->format;
    speaker->foreign.at_ms = INT64_MIN;
    if (peer == REPLICA_PARTNER) {
        self->partner_heard_ms = now_ms;
        greet_partner(self, now_ms, hello);
        self->answered = hello->heard_boot == self->config.boot &&
                         !(is_new_life && self->peers[peer].least_incarnation > 0);
    }
    bool is_dialler = peer == REPLICA_PARTNER && self->config.dials;
    if (!is_dialler || !self->answered)
        replica_tell_hello(self, now_ms, peer, update);
}

/* ---- an agent's reports ---- */

/* A report below what the table holds. One below what the agent itself said last is merely late.
 * But if the agent goes on to count from there, the table's stems from an earlier life, and its
 * reports would be ignored until their sequence caught up: ask for a higher incarnation. True: say
 * HELLO. */
static bool is_ignored_life(struct replica_peer *agent, struct record_version version,
                            const struct table_entry *entry)
{
    if (record_compare(version, agent->said) <= 0)
        return false;
    /* A version in the table never goes back, so this does not either. */
    agent->least_incarnation = replica_next(entry->version.incarnation);
    return true;
}

static void take_reports(struct replica *self, int64_t now_ms, size_t peer,
                         const struct message_records *delta, struct replica_update *update)
{
    struct replica_peer *agent = &self->peers[peer];
    struct record_version acked = {0};
    bool must_greet = false;
    for (size_t i = 0; i < delta->count; i++) {
        const struct record *record = &delta->records[i];
        if (record->key.kind != RECORD_REPORT || !record_is_written_by(&record->key, agent->name)) {
            refuse(self, peer, REPLICA_NOT_OWNER, update);
            continue;
        }
        struct table_entry *entry;
        enum table_outcome outcome = table_merge(self->table, record, now_ms, &entry);
        if (outcome == TABLE_FULL) {
            refuse(self, peer, REPLICA_TABLE_FULL, update);
            continue;
        }
        if (outcome == TABLE_OLDER) {
            must_greet |= is_ignored_life(agent, record->version, entry);
            agent->said = record->version;
            if (record->version.incarnation < entry->version.incarnation)
                refuse(self, peer, REPLICA_OLD_INCARNATION, update);
            continue;
        }
        if (outcome != TABLE_SAME)
            note_change(update, entry);
        agent->said = record->version;
        if (delta->partner_lacks)
            table_mark(self->table, entry);
        acked = record->version;
    }
    if (record_compare(acked, (struct record_version){0}) > 0) {
        agent->reported_ms = now_ms;
        replica_send(update, peer, MESSAGE_ACK)->ack = (struct message_ack){.version = acked};
    }
    if (must_greet)
        replica_tell_hello(self, now_ms, peer, update);
}

/* ---- the partner's records ---- */

/* A record of this node's own comes back. If it is above what this life has stated, it is of an
 * earlier life after all, and this one has to count on above it. */
static void take_own(struct replica *self, int64_t now_ms, const struct record *record)
{
    const struct table_entry *known = table_find(self->table, &record->key);
    bool is_news = known == NULL || record_compare(record->version, known->version) > 0;
    if (is_news)
        replica_adopt(self, now_ms, replica_next(record->version.incarnation));
}

static void take_records(struct replica *self, int64_t now_ms,
                         const struct message_records *records, struct replica_update *update)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct record *record = &records->records[i];
        bool is_own = replica_is_own(self, &record->key);
        if (is_own)
            take_own(self, now_ms, record);
        if (record->key.kind == RECORD_ORDER && record->version.incarnation > self->lamport)
            self->lamport = record->version.incarnation;
        struct table_entry *entry;
        enum table_outcome outcome = table_merge(self->table, record, now_ms, &entry);
        if (outcome == TABLE_FULL)
            refuse(self, REPLICA_PARTNER, REPLICA_TABLE_FULL, update);
        else if ((outcome == TABLE_ADDED || outcome == TABLE_RAISED) && !is_own)
            note_change(update, entry);
    }
}

static void ack_chunk(struct replica_update *update, uint64_t chunk)
{
    replica_send(update, REPLICA_PARTNER, MESSAGE_ACK)->ack = (struct message_ack){.chunk = chunk};
}

static void take_snapshot(struct replica *self, int64_t now_ms,
                          const struct message_records *snapshot, struct replica_update *update)
{
    take_records(self, now_ms, snapshot, update);
    if (self->sync == REPLICA_SYNCED || snapshot->chunk < self->snapshot_next_in) {
        ack_chunk(update, snapshot->chunk); /* not needed, but its sender is to come to an end */
        return;
    }
    if (snapshot->chunk > self->snapshot_next_in) {
        self->snapshot_gap = true;
        return;
    }
    ack_chunk(update, snapshot->chunk);
    self->snapshot_next_in++;
    self->snapshot_heard_ms = now_ms;
    if (self->sync == REPLICA_WAITING)
        replica_set_sync(self, REPLICA_RECEIVING, "no-snapshot", update);
    if (snapshot->last)
        replica_set_sync(self, REPLICA_SYNCED, "snapshot", update);
}

/* Ask at once for what the partner has and this node lacks: one VERSIONS fits in one PULL. A full
 * table asks for nothing that it could not keep. */
static void take_versions(struct replica *self, const struct message_versions *versions,
                          struct replica_update *update)
{
    static_assert(MESSAGE_VERSIONS_MAX <= MESSAGE_KEYS_MAX, "one VERSIONS, one PULL");
    if (self->sync != REPLICA_SYNCED)
        return;
    struct message_versions *pull = NULL;
    for (size_t i = 0; i < versions->count; i++) {
        const struct message_version *theirs = &versions->entries[i];
        const struct table_entry *mine = table_find(self->table, &theirs->key);
        if (mine == NULL ? self->table->count == self->table->capacity
                         : record_compare(mine->version, theirs->version) >= 0)
            continue;
        if (pull == NULL) {
            pull = &replica_send(update, REPLICA_PARTNER, MESSAGE_PULL)->versions;
            pull->chunk = 0;
            pull->last = false;
            pull->count = 0;
        }
        pull->entries[pull->count++] = (struct message_version){.key = theirs->key};
    }
}

static void take_pull(struct replica *self, int64_t now_ms, const struct message_versions *pull,
                      struct replica_update *update)
{
    static_assert(MESSAGE_KEYS_MAX <= (REPLICA_SENDS_MAX - 1) * MESSAGE_RECORDS_MAX,
                  "the answers to one PULL and a HELLO fit in a step");
    struct message_records *delta = NULL;
    for (size_t i = 0; i < pull->count; i++) {
        const struct table_entry *entry = table_find(self->table, &pull->entries[i].key);
        if (entry == NULL)
            continue;
        if (delta == NULL || delta->count == MESSAGE_RECORDS_MAX) {
            delta = &replica_send(update, REPLICA_PARTNER, MESSAGE_DELTA)->records;
            delta->chunk = 0;
            delta->last = delta->partner_lacks = false;
            delta->count = 0;
        }
        table_record(entry, now_ms, &delta->records[delta->count++]);
    }
}

static void take_ack(struct replica *self, const struct message_ack *ack)
{
    if (ack->chunk < self->snapshot_chunk && ack->chunk >= self->snapshot_acked)
        self->snapshot_acked = ack->chunk + 1;
}

/* ---- by sender and type ---- */

static void take_from_partner(struct replica *self, int64_t now_ms, const struct message *message,
                              struct replica_update *update)
{
    switch (message->type) {
    case MESSAGE_HELLO:
        return;
    case MESSAGE_SNAPSHOT:
        take_snapshot(self, now_ms, &message->records, update);
        return;
    case MESSAGE_DELTA:
        take_records(self, now_ms, &message->records, update);
        return;
    case MESSAGE_VERSIONS:
        take_versions(self, &message->versions, update);
        return;
    case MESSAGE_PULL:
        take_pull(self, now_ms, &message->versions, update);
        return;
    case MESSAGE_ACK:
        take_ack(self, &message->ack);
        return;
    }
}

/* Of messages that come in a burst only the first is answered. */
static void ask_for_greeting(struct replica *self, int64_t now_ms, size_t peer,
                             struct replica_update *update)
{
    refuse(self, peer, REPLICA_NOT_GREETED, update);
    if (peer != REPLICA_PARTNER || now_ms >= self->hello_due_ms)
        replica_tell_hello(self, now_ms, peer, update);
}

void replica_take(struct replica *self, int64_t now_ms, const struct replica_event *event,
                  struct replica_update *update)
{
    size_t peer = event->peer;
    const struct message *message = event->message;
    assert(peer <= self->config.agent_count);
    if (self->peers[peer].name == NULL) /* its agent left while this was on its way */
        refuse(self, peer, REPLICA_WRONG_NAME, update);
    else if (message->type == MESSAGE_HELLO)
        take_hello(self, now_ms, peer, event->session, &message->hello, update);
    else if (peer != REPLICA_PARTNER && message->type != MESSAGE_DELTA)
        refuse(self, peer, REPLICA_NOT_FOR_AGENTS, update);
    else if (!self->peers[peer].greeted ||
             (peer != REPLICA_PARTNER && event->session != self->peers[peer].session))
        ask_for_greeting(self, now_ms, peer, update);
    else if (peer != REPLICA_PARTNER)
        take_reports(self, now_ms, peer, &message->records, update);
    else {
        self->partner_heard_ms = now_ms;
        take_from_partner(self, now_ms, message, update);
    }
    if (update->reason == REPLICA_TAKEN)
        self->counts[REPLICA_TAKEN]++;
}
