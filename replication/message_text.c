#include "replication/message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* A line that is cut at its size and stays terminated. */
struct line {
    char *text;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void append(struct line *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(self->text + self->used, self->size - self->used, format, arguments);
    va_end(arguments);
    assert(written >= 0);
    self->used += (size_t)written;
    if (self->used >= self->size)
        self->used = self->size - 1;
}

static void append_hello(struct line *line, const struct message_hello *hello)
{
    append(line, "hello %s %s boot %" PRIu64 " heard %" PRIu64 " known %" PRIu64,
           hello->role == MESSAGE_AGENT ? "agent" : "node", hello->name, hello->boot,
           hello->heard_boot, hello->known_incarnation);
    if (hello->wants_snapshot)
        append(line, " wants-snapshot");
    if (hello->synced)
        append(line, " synced");
}

static void append_entry(struct line *line, size_t position, const struct record_key *key,
                         const struct record_version *version)
{
    char text[RECORD_NAME_MAX + 16];
    record_key_text(key, text, sizeof text);
    append(line, "%s%s", position == 0 ? "" : ", ", text);
    if (version == NULL)
        return;
    bool is_order = key->kind == RECORD_ORDER;
    bool is_end = is_order && record_compare(*version, record_order_end(*version)) == 0;
    append(line, " %" PRIu64 ".%" PRIu64 "%s", version->incarnation,
           is_order ? record_order_number(*version) : version->sequence, is_end ? " end" : "");
}

static void append_records(struct line *line, const struct message_records *self)
{
    append(line, "[");
    for (size_t i = 0; i < self->count; i++)
        append_entry(line, i, &self->records[i].key, &self->records[i].version);
    append(line, "]%s%s", self->last ? " last" : "", self->partner_lacks ? " partner-lacks" : "");
}

static void append_versions(struct line *line, const struct message_versions *self, bool is_pull)
{
    append(line, "[");
    for (size_t i = 0; i < self->count; i++)
        append_entry(line, i, &self->entries[i].key, is_pull ? NULL : &self->entries[i].version);
    append(line, "]%s", self->last ? " last" : "");
}

static void append_ack(struct line *line, const struct message_ack *ack)
{
    if (ack->version.incarnation == 0 && ack->version.sequence == 0)
        append(line, "ack chunk %" PRIu64, ack->chunk);
    else
        append(line, "ack %" PRIu64 ".%" PRIu64, ack->version.incarnation, ack->version.sequence);
}

void message_text(const struct message *self, char *text, size_t size)
{
    assert(size > 0);
    struct line line = {.text = text, .size = size};
    switch (self->type) {
    case MESSAGE_HELLO:
        append_hello(&line, &self->hello);
        return;
    case MESSAGE_SNAPSHOT:
        append(&line, "snapshot %" PRIu64 " ", self->records.chunk);
        append_records(&line, &self->records);
        return;
    case MESSAGE_DELTA:
        append(&line, "delta ");
        append_records(&line, &self->records);
        return;
    case MESSAGE_VERSIONS:
        append(&line, "versions %" PRIu64 " ", self->versions.chunk);
        append_versions(&line, &self->versions, false);
        return;
    case MESSAGE_PULL:
        append(&line, "pull ");
        append_versions(&line, &self->versions, true);
        return;
    case MESSAGE_ACK:
        append_ack(&line, &self->ack);
        return;
    }
}
