#include "replication/message.h"

#include <assert.h>
#include <string.h>

/* The keys of message.h's page. A number has one meaning within a type. */
enum {
    KEY_TYPE = 0,
    KEY_CHUNK = 1,
    KEY_LAST = 2,
    KEY_LIST = 3, /* of records, versions or keys */
    KEY_PARTNER_LACKS = 4,
    KEY_ACK_INCARNATION = 2,
    KEY_ACK_SEQUENCE = 3,
};

enum {
    KEY_PROTOCOL_MIN = 1,
    KEY_PROTOCOL_MAX = 2,
    KEY_ROLE = 3,
    KEY_NAME = 4,
    KEY_CLUSTER = 5,
    KEY_BOOT = 6,
    KEY_HEARD_BOOT = 7,
    KEY_KNOWN_INCARNATION = 8,
    KEY_WANTS_SNAPSHOT = 9,
    KEY_SYNCED = 10,
    KEY_MACHINE = 11,
    KEY_FORMAT = 12,
};

/* The largest forms: a head of a list 3 bytes, of an element 1, a kind 1, a name 2 + 95, a 64-bit
 * number 9, an age 5, a value 3 + 256; the rest of a message is below 64 bytes. */
enum {
    KEY_BYTES_MAX = 1 + 1 + 2 + RECORD_NAME_MAX,
    VERSION_BYTES_MAX = KEY_BYTES_MAX + 2 * 9,
    RECORD_BYTES_MAX = VERSION_BYTES_MAX + 5 + 3 + RECORD_VALUE_MAX,
};
static_assert(MESSAGE_RECORDS_MAX * RECORD_BYTES_MAX + 64 <= MESSAGE_SIZE_MAX, "records fit");
static_assert(MESSAGE_VERSIONS_MAX * VERSION_BYTES_MAX + 64 <= MESSAGE_SIZE_MAX, "versions fit");
static_assert(MESSAGE_KEYS_MAX <= MESSAGE_VERSIONS_MAX, "keys share the versions' array");
static_assert((int)MESSAGE_SIZE_MAX <= (int)PACK_SIZE_MAX, "every message can be parsed");

const char *message_reason_text(enum message_reason reason)
{
    static const char *const texts[MESSAGE_REASON_COUNT] = {
        [MESSAGE_OK] = "ok",
        [MESSAGE_MALFORMED] = "malformed",
        [MESSAGE_UNKNOWN_TYPE] = "unknown-type",
        [MESSAGE_MISSING_FIELD] = "missing-field",
        [MESSAGE_BAD_FIELD] = "bad-field",
        [MESSAGE_BAD_NAME] = "bad-name",
        [MESSAGE_TOO_MANY_RECORDS] = "too-many-records",
    };
    assert(reason < MESSAGE_REASON_COUNT);
    return texts[reason];
}

/* ---- encoding ---- */

static void encode_uint(struct pack_writer *writer, uint64_t key, uint64_t value)
{
    pack_uint(writer, key);
    pack_uint(writer, value);
}

static void encode_bool(struct pack_writer *writer, uint64_t key, bool value)
{
    pack_uint(writer, key);
    pack_bool(writer, value);
}

static void encode_text(struct pack_writer *writer, uint64_t key, const char *text)
{
    assert(record_name_is_valid(text, strlen(text)));
    pack_uint(writer, key);
    pack_text(writer, text);
}

static void encode_hello(struct pack_writer *writer, const struct message_hello *hello)
{
    static const uint8_t untold[MACHINE_ID_SIZE];
    bool has_machine = memcmp(hello->machine, untold, sizeof untold) != 0;
    assert(hello->boot != 0);
    bool has_format = hello->format != 0;
    pack_map(writer, 11U + has_machine + has_format);
    encode_uint(writer, KEY_TYPE, MESSAGE_HELLO);
    encode_uint(writer, KEY_PROTOCOL_MIN, hello->protocol_min);
    encode_uint(writer, KEY_PROTOCOL_MAX, hello->protocol_max);
    encode_uint(writer, KEY_ROLE, hello->role);
    encode_text(writer, KEY_NAME, hello->name);
    encode_text(writer, KEY_CLUSTER, hello->cluster);
    encode_uint(writer, KEY_BOOT, hello->boot);
    encode_uint(writer, KEY_HEARD_BOOT, hello->heard_boot);
    encode_uint(writer, KEY_KNOWN_INCARNATION, hello->known_incarnation);
    encode_bool(writer, KEY_WANTS_SNAPSHOT, hello->wants_snapshot);
    encode_bool(writer, KEY_SYNCED, hello->synced);
    if (has_machine) {
        pack_uint(writer, KEY_MACHINE);
        pack_bytes(writer, hello->machine, sizeof hello->machine);
    }
    if (has_format)
        encode_uint(writer, KEY_FORMAT, hello->format);
}

static void encode_key(struct pack_writer *writer, const struct record_key *key)
{
    assert(record_kind_is_known(key->kind));
    assert(record_name_is_valid(key->name, strlen(key->name)));
    pack_uint(writer, key->kind);
    pack_text(writer, key->name);
}

static void encode_version(struct pack_writer *writer, struct record_version version)
{
    pack_uint(writer, version.incarnation);
    pack_uint(writer, version.sequence);
}

static void encode_records(struct pack_writer *writer, const struct message_records *self)
{
    assert(self->count <= MESSAGE_RECORDS_MAX);
    pack_uint(writer, KEY_LIST);
    pack_array(writer, (uint32_t)self->count);
    for (size_t i = 0; i < self->count; i++) {
        const struct record *record = &self->records[i];
        assert(record->age_ms <= RECORD_AGE_MS_MAX);
        assert(record->value_size <= RECORD_VALUE_MAX);
        pack_array(writer, 6);
        encode_key(writer, &record->key);
        encode_version(writer, record->version);
        pack_uint(writer, record->age_ms);
        pack_bytes(writer, record->value, record->value_size);
    }
}

static void encode_snapshot(struct pack_writer *writer, const struct message_records *self)
{
    pack_map(writer, 4);
    encode_uint(writer, KEY_TYPE, MESSAGE_SNAPSHOT);
    encode_uint(writer, KEY_CHUNK, self->chunk);
    encode_bool(writer, KEY_LAST, self->last);
    encode_records(writer, self);
}

static void encode_delta(struct pack_writer *writer, const struct message_records *self)
{
    pack_map(writer, 3);
    encode_uint(writer, KEY_TYPE, MESSAGE_DELTA);
    encode_records(writer, self);
    encode_bool(writer, KEY_PARTNER_LACKS, self->partner_lacks);
}

static void encode_versions(struct pack_writer *writer, const struct message_versions *self)
{
    assert(self->count <= MESSAGE_VERSIONS_MAX);
    pack_map(writer, 4);
    encode_uint(writer, KEY_TYPE, MESSAGE_VERSIONS);
    encode_uint(writer, KEY_CHUNK, self->chunk);
    encode_bool(writer, KEY_LAST, self->last);
    pack_uint(writer, KEY_LIST);
    pack_array(writer, (uint32_t)self->count);
    for (size_t i = 0; i < self->count; i++) {
        pack_array(writer, 4);
        encode_key(writer, &self->entries[i].key);
        encode_version(writer, self->entries[i].version);
    }
}

static void encode_pull(struct pack_writer *writer, const struct message_versions *self)
{
    assert(self->count <= MESSAGE_KEYS_MAX);
    pack_map(writer, 2);
    encode_uint(writer, KEY_TYPE, MESSAGE_PULL);
    pack_uint(writer, KEY_LIST);
    pack_array(writer, (uint32_t)self->count);
    for (size_t i = 0; i < self->count; i++) {
        pack_array(writer, 2);
        encode_key(writer, &self->entries[i].key);
    }
}

static void encode_ack(struct pack_writer *writer, const struct message_ack *ack)
{
    pack_map(writer, 4);
    encode_uint(writer, KEY_TYPE, MESSAGE_ACK);
    encode_uint(writer, KEY_CHUNK, ack->chunk);
    encode_uint(writer, KEY_ACK_INCARNATION, ack->version.incarnation);
    encode_uint(writer, KEY_ACK_SEQUENCE, ack->version.sequence);
}

size_t message_encode(const struct message *self, uint8_t *bytes)
{
    struct pack_writer writer;
    pack_begin(&writer, bytes, MESSAGE_SIZE_MAX);
    switch (self->type) {
    case MESSAGE_HELLO:
        encode_hello(&writer, &self->hello);
        break;
    case MESSAGE_SNAPSHOT:
        encode_snapshot(&writer, &self->records);
        break;
    case MESSAGE_DELTA:
        encode_delta(&writer, &self->records);
        break;
    case MESSAGE_VERSIONS:
        encode_versions(&writer, &self->versions);
        break;
    case MESSAGE_PULL:
        encode_pull(&writer, &self->versions);
        break;
    case MESSAGE_ACK:
        encode_ack(&writer, &self->ack);
        break;
    }
    assert(writer.size > 0);
    assert(!writer.overflowed);
    return writer.size;
}

/* ---- decoding ---- */

/* Reads field after field and keeps the first thing that was wrong, so that a decoder is a plain
 * list of fields and is checked once at its end. */
struct reader {
    const struct msgpack_object *map;
    enum message_reason reason;
    struct pack_space *space; /* where is counted what was passed over */
};

static void refuse(struct reader *self, enum message_reason reason)
{
    if (self->reason == MESSAGE_OK)
        self->reason = reason;
}

static uint64_t read_uint(struct reader *self, const struct msgpack_object *object, uint64_t max)
{
    uint64_t value = 0;
    if (!pack_get_uint(object, max, &value))
        refuse(self, object == NULL ? MESSAGE_MISSING_FIELD : MESSAGE_BAD_FIELD);
    return value;
}

static bool read_bool(struct reader *self, const struct msgpack_object *object)
{
    bool value = false;
    if (!pack_get_bool(object, &value))
        refuse(self, object == NULL ? MESSAGE_MISSING_FIELD : MESSAGE_BAD_FIELD);
    return value;
}

/* Into name[RECORD_NAME_MAX + 1]. */
static void read_name(struct reader *self, const struct msgpack_object *object, char *name)
{
    const char *text = NULL;
    size_t size = 0;
    if (!pack_get_text(object, &text, &size))
        refuse(self, object == NULL ? MESSAGE_MISSING_FIELD : MESSAGE_BAD_FIELD);
    else if (!record_name_is_valid(text, size))
        refuse(self, MESSAGE_BAD_NAME);
    else {
        memcpy(name, text, size);
        name[size] = '\0';
    }
}

static const struct msgpack_object *field(const struct reader *self, uint64_t key)
{
    return pack_get(self->map, key);
}

static uint32_t read_format(struct reader *reader)
{
    const struct msgpack_object *object = field(reader, KEY_FORMAT);
    uint32_t format = object == NULL ? 0 : (uint32_t)read_uint(reader, object, UINT32_MAX);
    if (object != NULL && format == 0)
        refuse(reader, MESSAGE_BAD_FIELD);
    return format;
}

static void decode_hello(struct reader *reader, struct message_hello *hello)
{
    hello->protocol_min = read_uint(reader, field(reader, KEY_PROTOCOL_MIN), UINT64_MAX);
    hello->protocol_max = read_uint(reader, field(reader, KEY_PROTOCOL_MAX), UINT64_MAX);
    hello->role = (enum message_role)read_uint(reader, field(reader, KEY_ROLE), MESSAGE_NODE);
    read_name(reader, field(reader, KEY_NAME), hello->name);
    read_name(reader, field(reader, KEY_CLUSTER), hello->cluster);
    hello->boot = read_uint(reader, field(reader, KEY_BOOT), UINT64_MAX);
    hello->heard_boot = read_uint(reader, field(reader, KEY_HEARD_BOOT), UINT64_MAX);
    hello->known_incarnation = read_uint(reader, field(reader, KEY_KNOWN_INCARNATION), UINT64_MAX);
    hello->wants_snapshot = read_bool(reader, field(reader, KEY_WANTS_SNAPSHOT));
    hello->synced = read_bool(reader, field(reader, KEY_SYNCED));
    memset(hello->machine, 0, sizeof hello->machine);
    if (!pack_copy_bytes(field(reader, KEY_MACHINE), hello->machine, sizeof hello->machine) &&
        field(reader, KEY_MACHINE) != NULL)
        refuse(reader, MESSAGE_BAD_FIELD);
    hello->format = read_format(reader);
    if (hello->role < MESSAGE_AGENT || hello->boot == 0 ||
        hello->protocol_min > hello->protocol_max)
        refuse(reader, MESSAGE_BAD_FIELD);
}

/* The list of the message, refused when it is none or longer than max. */
static const struct msgpack_object *read_list(struct reader *reader, size_t max)
{
    const struct msgpack_object *list = field(reader, KEY_LIST);
    if (list == NULL)
        refuse(reader, MESSAGE_MISSING_FIELD);
    else if (!pack_is_array(list))
        refuse(reader, MESSAGE_BAD_FIELD);
    else if (pack_count(list) > max)
        refuse(reader, MESSAGE_TOO_MANY_RECORDS);
    return reader->reason == MESSAGE_OK ? list : NULL;
}

/* Reads the kind and the name an element begins with. False: it is to be skipped, being of a kind
 * that only a later version knows, or it was refused. */
static bool read_key(struct reader *reader, const struct msgpack_object *object,
                     struct record_key *key)
{
    if (!pack_is_array(object)) {
        refuse(reader, MESSAGE_BAD_FIELD);
        return false;
    }
    uint64_t kind = read_uint(reader, pack_at(object, 0), UINT64_MAX);
    if (reader->reason != MESSAGE_OK)
        return false;
    if (!record_kind_is_known(kind)) {
        reader->space->unknown[PACK_UNKNOWN_KIND]++;
        return false;
    }
    key->kind = (enum record_kind)kind;
    read_name(reader, pack_at(object, 1), key->name);
    return reader->reason == MESSAGE_OK;
}

static void read_version(struct reader *reader, const struct msgpack_object *object,
                         struct record_version *version)
{
    version->incarnation = read_uint(reader, pack_at(object, 2), UINT64_MAX);
    version->sequence = read_uint(reader, pack_at(object, 3), UINT64_MAX);
    if (version->incarnation == 0 && version->sequence == 0)
        refuse(reader, MESSAGE_BAD_FIELD);
}

static void decode_records(struct reader *reader, struct message_records *self)
{
    const struct msgpack_object *list = read_list(reader, MESSAGE_RECORDS_MAX);
    self->count = 0;
    for (size_t i = 0; i < pack_count(list) && reader->reason == MESSAGE_OK; i++) {
        const struct msgpack_object *object = pack_at(list, i);
        struct record *record = &self->records[self->count];
        if (!read_key(reader, object, &record->key))
            continue;
        read_version(reader, object, &record->version);
        record->age_ms = (uint32_t)read_uint(reader, pack_at(object, 4), RECORD_AGE_MS_MAX);
        const uint8_t *value = NULL;
        size_t size = 0;
        if (!pack_get_bytes(pack_at(object, 5), &value, &size))
            refuse(reader, pack_at(object, 5) == NULL ? MESSAGE_MISSING_FIELD : MESSAGE_BAD_FIELD);
        else if (size > RECORD_VALUE_MAX)
            refuse(reader, MESSAGE_BAD_FIELD);
        else if (size > 0)
            memcpy(record->value, value, size);
        record->value_size = (uint16_t)size;
        pack_pass_elements(reader->space, object, 6);
        self->count++;
    }
}

static void decode_versions(struct reader *reader, struct message_versions *self, bool is_pull)
{
    const struct msgpack_object *list =
        read_list(reader, is_pull ? MESSAGE_KEYS_MAX : MESSAGE_VERSIONS_MAX);
    self->count = 0;
    for (size_t i = 0; i < pack_count(list) && reader->reason == MESSAGE_OK; i++) {
        struct message_version *entry = &self->entries[self->count];
        if (!read_key(reader, pack_at(list, i), &entry->key))
            continue;
        if (is_pull)
            entry->version = (struct record_version){0};
        else
            read_version(reader, pack_at(list, i), &entry->version);
        pack_pass_elements(reader->space, pack_at(list, i), is_pull ? 2 : 4);
        self->count++;
    }
}

static void decode_chunk(struct reader *reader, uint64_t *chunk, bool *last)
{
    *chunk = read_uint(reader, field(reader, KEY_CHUNK), UINT64_MAX);
    *last = read_bool(reader, field(reader, KEY_LAST));
}

static void decode_ack(struct reader *reader, struct message_ack *ack)
{
    ack->chunk = read_uint(reader, field(reader, KEY_CHUNK), UINT64_MAX);
    ack->version.incarnation = read_uint(reader, field(reader, KEY_ACK_INCARNATION), UINT64_MAX);
    ack->version.sequence = read_uint(reader, field(reader, KEY_ACK_SEQUENCE), UINT64_MAX);
}

/* The keys of each type's map. */
static uint64_t known_keys(enum message_type type)
{
    switch (type) {
    case MESSAGE_HELLO:
        return pack_keys(KEY_TYPE, KEY_FORMAT);
    case MESSAGE_SNAPSHOT:
    case MESSAGE_VERSIONS:
    case MESSAGE_ACK: /* KEY_ACK_SEQUENCE is the last, too */
        return pack_keys(KEY_TYPE, KEY_LIST);
    case MESSAGE_DELTA:
        return pack_keys(KEY_TYPE, KEY_TYPE) | pack_keys(KEY_LIST, KEY_PARTNER_LACKS);
    case MESSAGE_PULL:
        return pack_keys(KEY_TYPE, KEY_TYPE) | pack_keys(KEY_LIST, KEY_LIST);
    }
    return 0;
}

static void decode_body(struct reader *reader, struct message *self)
{
    switch (self->type) {
    case MESSAGE_HELLO:
        decode_hello(reader, &self->hello);
        return;
    case MESSAGE_SNAPSHOT:
        self->records.partner_lacks = false;
        decode_chunk(reader, &self->records.chunk, &self->records.last);
        decode_records(reader, &self->records);
        return;
    case MESSAGE_DELTA:
        self->records.chunk = 0;
        self->records.last = false;
        self->records.partner_lacks = read_bool(reader, field(reader, KEY_PARTNER_LACKS));
        decode_records(reader, &self->records);
        return;
    case MESSAGE_VERSIONS:
        decode_chunk(reader, &self->versions.chunk, &self->versions.last);
        decode_versions(reader, &self->versions, false);
        return;
    case MESSAGE_PULL:
        self->versions.chunk = 0;
        self->versions.last = false;
        decode_versions(reader, &self->versions, true);
        return;
    case MESSAGE_ACK:
        decode_ack(reader, &self->ack);
        return;
    }
    refuse(reader, MESSAGE_UNKNOWN_TYPE);
}

enum message_reason message_decode(struct message *self, struct pack_space *space,
                                   const uint8_t *bytes, size_t size, enum pack_reason *pack_reason)
{
    struct reader reader = {.reason = MESSAGE_OK, .space = space};
    enum pack_reason parsed = pack_parse(space, bytes, size, &reader.map);
    if (pack_reason != NULL)
        *pack_reason = parsed;
    if (parsed != PACK_OK)
        return MESSAGE_MALFORMED;
    uint64_t type = read_uint(&reader, field(&reader, KEY_TYPE), UINT64_MAX);
    if (reader.reason != MESSAGE_OK)
        return reader.reason;
    if (type < MESSAGE_HELLO || type > MESSAGE_ACK)
        return MESSAGE_UNKNOWN_TYPE;
    self->type = (enum message_type)type;
    decode_body(&reader, self);
    pack_pass_keys(space, PACK_UNKNOWN_FIELD, reader.map, known_keys(self->type));
    return reader.reason;
}

uint64_t message_protocol(const struct message_hello *hello)
{
    uint64_t highest =
        hello->protocol_max < MESSAGE_PROTOCOL_MAX ? hello->protocol_max : MESSAGE_PROTOCOL_MAX;
    return highest < MESSAGE_PROTOCOL_MIN || highest < hello->protocol_min ? 0 : highest;
}
