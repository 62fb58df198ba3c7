#include "next/next.h"

#include <assert.h>
#include <string.h>

enum { AT_PROTOCOL_MAX = 6, FIXMAP = 0x80, FIXMAP_MAX = 0x8f };

size_t next_value(uint8_t *value, size_t size)
{
    static const uint8_t more[] = {NEXT_VALUE_KEY, 0xc3};
    bool is_there =
        size > sizeof more && memcmp(value + size - sizeof more, more, sizeof more) == 0;
    if (is_there || size == 0 || size + sizeof more > RECORD_VALUE_MAX || value[0] < FIXMAP ||
        value[0] >= FIXMAP_MAX)
        return size;
    memcpy(value + size, more, sizeof more);
    value[0]++;
    return size + sizeof more;
}

static void put_head(struct pack_writer *writer, uint32_t elements, uint64_t kind, const char *name,
                     struct record_version version)
{
    pack_array(writer, elements);
    pack_uint(writer, kind);
    pack_text(writer, name);
    pack_uint(writer, version.incarnation);
    pack_uint(writer, version.sequence);
}

static void put_record(struct pack_writer *writer, uint64_t kind, const struct record *record)
{
    uint8_t value[RECORD_VALUE_MAX];
    memcpy(value, record->value, record->value_size);
    size_t size = record->value_size;
    if (kind != RECORD_ORDER)
        size = next_value(value, size);
    put_head(writer, 7, kind, record->key.name, record->version);
    pack_uint(writer, record->age_ms);
    pack_bytes(writer, value, size);
    pack_bool(writer, true);
}

static const struct record unknown_record = {
    .key.name = "next/1", .version = {1, 1}, .value_size = 1, .value = {FIXMAP}};

static void put_records(struct pack_writer *writer, const struct message_records *self)
{
    bool has_room = self->count < MESSAGE_RECORDS_MAX;
    pack_array(writer, (uint32_t)self->count + has_room);
    if (has_room)
        put_record(writer, NEXT_KIND, &unknown_record);
    for (size_t i = 0; i < self->count; i++)
        put_record(writer, self->records[i].key.kind, &self->records[i]);
}

static void put_versions(struct pack_writer *writer, const struct message_versions *self)
{
    bool has_room = self->count < MESSAGE_VERSIONS_MAX;
    pack_array(writer, (uint32_t)self->count + has_room);
    for (size_t i = 0; i < self->count; i++) {
        put_head(writer, 5, self->entries[i].key.kind, self->entries[i].key.name,
                 self->entries[i].version);
        pack_bool(writer, true);
    }
    if (has_room) {
        put_head(writer, 5, NEXT_KIND, unknown_record.key.name, unknown_record.version);
        pack_bool(writer, true);
    }
}

/* What stands before the list is the same as far as message.h's page. */
static size_t put_list(const struct message *message, uint8_t *bytes)
{
    struct pack_writer writer;
    bool is_delta = message->type == MESSAGE_DELTA, is_versions = message->type == MESSAGE_VERSIONS;
    pack_begin(&writer, bytes, MESSAGE_SIZE_MAX);
    pack_map(&writer, is_delta ? 3 : 4);
    pack_uint(&writer, 0);
    pack_uint(&writer, message->type);
    if (is_delta) {
        pack_uint(&writer, 4);
        pack_bool(&writer, message->records.partner_lacks);
    } else {
        pack_uint(&writer, 1);
        pack_uint(&writer, is_versions ? message->versions.chunk : message->records.chunk);
        pack_uint(&writer, 2);
        pack_bool(&writer, is_versions ? message->versions.last : message->records.last);
    }
    pack_uint(&writer, 3);
    if (is_versions)
        put_versions(&writer, &message->versions);
    else
        put_records(&writer, &message->records);
    assert(!writer.overflowed);
    return writer.size;
}

size_t next_message(const struct message *message, uint8_t *bytes, size_t size)
{
    if (message->type == MESSAGE_HELLO)
        bytes[AT_PROTOCOL_MAX] = NEXT_PROTOCOL;
    else if (message->type != MESSAGE_PULL && message->type != MESSAGE_ACK)
        size = put_list(message, bytes);
    assert(bytes[0] >= FIXMAP);
    assert(bytes[0] < FIXMAP_MAX);
    assert(size + 2 <= MESSAGE_SIZE_MAX);
    bytes[0]++;
    bytes[size] = NEXT_KEY;
    bytes[size + 1] = 0xc0;
    return size + 2;
}
