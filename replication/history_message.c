#include "replication/history_message.h"

#include <assert.h>
#include <string.h>

enum {
    KEY_TYPE = 0,
    KEY_TERM = 1, /* of STATE */
    KEY_WRITER = 2,
    KEY_NAMES = 3,
    KEY_PREPARED = 4,
    KEY_REFUSED = 5,
    KEY_WHY = 6,
    KEY_SERVED = 7,
    KEY_SUBJECT = 1, /* of WANT and REVISION */
    KEY_DIGEST = 1,  /* of WANT_PIECE and PIECE */
    KEY_OFFSET = 2,
    KEY_SIZE = 3,
    KEY_BYTES = 4,
};

bool history_message_is(const uint8_t *bytes, size_t size)
{
    return size > 2 && (bytes[0] & 0xf0) == 0x80 && bytes[1] == KEY_TYPE &&
           bytes[2] >= HISTORY_STATE && bytes[2] <= HISTORY_PIECE;
}

/* ---- out ---- */

static void pack_name(struct pack_writer *writer, uint64_t key, const struct revision_name *name)
{
    if (name->index == 0)
        return;
    pack_uint(writer, key);
    revision_pack_name(writer, name);
}

static void encode_state(struct pack_writer *writer, const struct history_state *self)
{
    assert(self->count <= HISTORY_MAX);
    uint32_t named = 0;
    named += self->prepared.index != 0;
    named += self->refused.index != 0;
    named += self->served.index != 0;
    pack_map(writer, 5 + named);
    pack_uint(writer, KEY_TYPE);
    pack_uint(writer, HISTORY_STATE);
    pack_uint(writer, KEY_TERM);
    pack_uint(writer, self->term);
    pack_uint(writer, KEY_WRITER);
    pack_uint(writer, self->writer);
    pack_uint(writer, KEY_NAMES);
    pack_array(writer, (uint32_t)self->count);
    for (size_t i = 0; i < self->count; i++)
        revision_pack_name(writer, &self->names[i]);
    pack_name(writer, KEY_PREPARED, &self->prepared);
    pack_name(writer, KEY_REFUSED, &self->refused);
    pack_uint(writer, KEY_WHY);
    pack_text(writer, self->why);
    pack_name(writer, KEY_SERVED, &self->served);
}

static void encode_piece(struct pack_writer *writer, const struct history_message *self)
{
    const struct history_piece *piece = &self->piece;
    bool is_told = self->type == HISTORY_PIECE;
    pack_map(writer, is_told ? 5 : 3);
    pack_uint(writer, KEY_TYPE);
    pack_uint(writer, self->type);
    pack_uint(writer, KEY_DIGEST);
    pack_bytes(writer, piece->digest, sizeof piece->digest);
    pack_uint(writer, KEY_OFFSET);
    pack_uint(writer, piece->offset);
    if (!is_told)
        return;
    assert(piece->size <= HISTORY_PIECE_MAX);
    pack_uint(writer, KEY_SIZE);
    pack_uint(writer, piece->file_size);
    pack_uint(writer, KEY_BYTES);
    pack_bytes(writer, piece->bytes, piece->size);
}

static void encode_revision(struct pack_writer *writer, const struct history_message *self)
{
    pack_map(writer, 2);
    pack_uint(writer, KEY_TYPE);
    pack_uint(writer, self->type);
    pack_uint(writer, KEY_SUBJECT);
    if (self->type == HISTORY_WANT)
        revision_pack_name(writer, &self->want);
    else
        revision_pack(writer, &self->revision);
}

size_t history_message_encode(const struct history_message *self, uint8_t *bytes)
{
    struct pack_writer writer;
    pack_begin(&writer, bytes, HISTORY_MESSAGE_SIZE_MAX);
    switch (self->type) {
    case HISTORY_STATE:
        encode_state(&writer, &self->state);
        break;
    case HISTORY_WANT:
    case HISTORY_REVISION:
        encode_revision(&writer, self);
        break;
    case HISTORY_WANT_PIECE:
    case HISTORY_PIECE:
        encode_piece(&writer, self);
        break;
    }
    assert(!writer.overflowed);
    return writer.size;
}

/* ---- in ---- */

/* One that is absent is none. */
static bool copy_name(const struct msgpack_object *object, struct revision_name *name)
{
    *name = (struct revision_name){0};
    return object == NULL || (revision_copy_name(object, name) && name->index != 0);
}

/* Their indexes rise. */
static bool copy_names(const struct msgpack_object *list, struct history_state *self)
{
    if (!pack_is_array(list) || pack_count(list) > HISTORY_MAX)
        return false;
    for (self->count = 0; self->count < pack_count(list); self->count++) {
        struct revision_name *name = &self->names[self->count];
        uint64_t before = self->count == 0 ? 0 : name[-1].index;
        if (!revision_copy_name(pack_at(list, self->count), name) || name->index <= before)
            return false;
    }
    return true;
}

static bool decode_state(const struct msgpack_object *map, struct history_state *self)
{
    uint64_t writer;
    *self = (struct history_state){0};
    if (!pack_get_uint(pack_get(map, KEY_TERM), UINT64_MAX, &self->term) ||
        !pack_get_uint(pack_get(map, KEY_WRITER), 2, &writer) || writer == 0 ||
        !copy_names(pack_get(map, KEY_NAMES), self) ||
        !copy_name(pack_get(map, KEY_PREPARED), &self->prepared) ||
        !copy_name(pack_get(map, KEY_REFUSED), &self->refused) ||
        !pack_copy_text(pack_get(map, KEY_WHY), ' ', self->why, HISTORY_SENTENCE_MAX) ||
        !copy_name(pack_get(map, KEY_SERVED), &self->served))
        return false;
    self->writer = (uint8_t)writer;
    return true;
}

static bool decode_piece(const struct msgpack_object *map, struct history_message *self)
{
    struct history_piece *piece = &self->piece;
    *piece = (struct history_piece){0};
    if (!pack_copy_bytes(pack_get(map, KEY_DIGEST), piece->digest, sizeof piece->digest) ||
        !pack_get_uint(pack_get(map, KEY_OFFSET), HISTORY_FILE_SIZE_MAX, &piece->offset))
        return false;
    if (self->type == HISTORY_WANT_PIECE)
        return true;
    return pack_get_uint(pack_get(map, KEY_SIZE), HISTORY_FILE_SIZE_MAX, &piece->file_size) &&
           pack_get_bytes(pack_get(map, KEY_BYTES), &piece->bytes, &piece->size) &&
           piece->size <= HISTORY_PIECE_MAX && piece->offset <= piece->file_size &&
           piece->size <= piece->file_size - piece->offset;
}

bool history_message_decode(struct history_message *self, struct pack_space *space,
                            const uint8_t *bytes, size_t size)
{
    const struct msgpack_object *map;
    uint64_t type;
    if (size > HISTORY_MESSAGE_SIZE_MAX || pack_parse(space, bytes, size, &map) != PACK_OK ||
        !pack_get_uint(pack_get(map, KEY_TYPE), HISTORY_PIECE, &type))
        return false;
    self->type = (enum history_message_type)type;
    switch (type) {
    case HISTORY_STATE:
        return decode_state(map, &self->state);
    case HISTORY_WANT:
        return revision_copy_name(pack_get(map, KEY_SUBJECT), &self->want);
    case HISTORY_REVISION:
        return revision_copy(pack_get(map, KEY_SUBJECT), &self->revision);
    case HISTORY_WANT_PIECE:
    case HISTORY_PIECE:
        return decode_piece(map, self);
    default:
        return false;
    }
}
