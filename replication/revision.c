#include "replication/revision.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum {
    KEY_INDEX = 0,
    KEY_ID = 1,
    KEY_PARENT = 2,
    KEY_TERM = 3,
    KEY_WRITER = 4,
    KEY_FORMAT = 5,
    KEY_MADE = 6,
    KEY_UNTIL = 7,
    KEY_BUNDLE = 8,
    KEY_AUTHOR = 9,
    KEY_WHAT = 10,
    FIELDS = 11,
};

bool revision_digest_equal(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, REVISION_DIGEST_SIZE) == 0;
}

bool revision_name_equal(const struct revision_name *a, const struct revision_name *b)
{
    return a->index == b->index && memcmp(a->id, b->id, sizeof a->id) == 0;
}

void revision_pack_name(struct pack_writer *writer, const struct revision_name *name)
{
    pack_array(writer, 2);
    pack_uint(writer, name->index);
    pack_bytes(writer, name->id, sizeof name->id);
}

bool revision_copy_name(const struct msgpack_object *object, struct revision_name *name)
{
    return pack_get_uint(pack_at(object, 0), UINT64_MAX, &name->index) &&
           pack_copy_bytes(pack_at(object, 1), name->id, sizeof name->id);
}

static void pack_with_id(struct pack_writer *writer, const struct revision *self, const uint8_t *id)
{
    pack_map(writer, FIELDS);
    pack_uint(writer, KEY_INDEX);
    pack_uint(writer, self->name.index);
    pack_uint(writer, KEY_ID);
    pack_bytes(writer, id, REVISION_ID_SIZE);
    pack_uint(writer, KEY_PARENT);
    revision_pack_name(writer, &self->parent);
    pack_uint(writer, KEY_TERM);
    pack_uint(writer, self->term);
    pack_uint(writer, KEY_WRITER);
    pack_uint(writer, self->writer);
    pack_uint(writer, KEY_FORMAT);
    pack_uint(writer, self->format);
    pack_uint(writer, KEY_MADE);
    pack_uint(writer, self->made_s);
    pack_uint(writer, KEY_UNTIL);
    pack_uint(writer, self->until_s);
    pack_uint(writer, KEY_BUNDLE);
    pack_bytes(writer, self->bundle, sizeof self->bundle);
    pack_uint(writer, KEY_AUTHOR);
    pack_text(writer, self->author);
    pack_uint(writer, KEY_WHAT);
    pack_text(writer, self->what);
}

/* Of its bytes, with zeroes in the place of the id. */
static void digest(const struct revision *self, uint8_t *id)
{
    static const uint8_t none[REVISION_ID_SIZE];
    uint8_t bytes[REVISION_SIZE_MAX];
    struct pack_writer writer;
    pack_begin(&writer, bytes, sizeof bytes);
    pack_with_id(&writer, self, none);
    assert(!writer.overflowed);
    crypto_generichash(id, REVISION_ID_SIZE, bytes, writer.size, NULL, 0);
}

void revision_seal(struct revision *self)
{
    assert(self->name.index > self->parent.index);
    digest(self, self->name.id);
}

bool revision_is_sealed(const struct revision *self)
{
    uint8_t id[REVISION_ID_SIZE];
    digest(self, id);
    return memcmp(id, self->name.id, sizeof id) == 0;
}

void revision_pack(struct pack_writer *writer, const struct revision *self)
{
    pack_with_id(writer, self, self->name.id);
}

bool revision_copy(const struct msgpack_object *object, struct revision *self)
{
    uint64_t writer, format;
    *self = (struct revision){0};
    if (!pack_get_uint(pack_get(object, KEY_INDEX), UINT64_MAX, &self->name.index) ||
        !pack_copy_bytes(pack_get(object, KEY_ID), self->name.id, sizeof self->name.id) ||
        !revision_copy_name(pack_get(object, KEY_PARENT), &self->parent) ||
        !pack_get_uint(pack_get(object, KEY_TERM), UINT64_MAX, &self->term) ||
        !pack_get_uint(pack_get(object, KEY_WRITER), 2, &writer) || writer == 0 ||
        !pack_get_uint(pack_get(object, KEY_FORMAT), UINT32_MAX, &format) ||
        !pack_get_uint(pack_get(object, KEY_MADE), UINT64_MAX, &self->made_s) ||
        !pack_get_uint(pack_get(object, KEY_UNTIL), UINT64_MAX, &self->until_s) ||
        !pack_copy_bytes(pack_get(object, KEY_BUNDLE), self->bundle, sizeof self->bundle) ||
        !pack_copy_text(pack_get(object, KEY_AUTHOR), ' ', self->author, REVISION_AUTHOR_MAX) ||
        !pack_copy_text(pack_get(object, KEY_WHAT), ' ', self->what, REVISION_WHAT_MAX))
        return false;
    self->writer = (uint8_t)writer;
    self->format = (uint32_t)format;
    return self->name.index > self->parent.index && revision_is_sealed(self);
}
