#include "replication/history_file.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char first_line[] = "tandem history 1\n"; /* written without its NUL */

enum {
    FIRST_SIZE = sizeof first_line - 1,
    COMMON_SIZE = sizeof "tandem history " - 1, /* what every version begins with */
    SUM_SIZE = 32,
    KEY_TERM = 0,
    KEY_WRITER = 1,
    KEY_REVISIONS = 2,
    KEY_PREPARED = 3,
    KEY_SET_ASIDE = 4,
};

static void pack_one(struct pack_writer *writer, uint64_t key, const struct revision *revision)
{
    if (revision->name.index == 0)
        return;
    pack_uint(writer, key);
    revision_pack(writer, revision);
}

size_t history_file_encode(const struct history_kept *kept, uint8_t *bytes)
{
    struct pack_writer writer;
    uint32_t pairs = 3;
    pairs += kept->prepared.name.index != 0;
    pairs += kept->set_aside.name.index != 0;
    memcpy(bytes, first_line, FIRST_SIZE);
    pack_begin(&writer, bytes + FIRST_SIZE, HISTORY_FILE_MAX - FIRST_SIZE - SUM_SIZE);
    pack_map(&writer, pairs);
    pack_uint(&writer, KEY_TERM);
    pack_uint(&writer, kept->term);
    pack_uint(&writer, KEY_WRITER);
    pack_uint(&writer, kept->writer);
    pack_uint(&writer, KEY_REVISIONS);
    pack_array(&writer, (uint32_t)kept->count);
    for (size_t i = 0; i < kept->count; i++)
        revision_pack(&writer, &kept->revisions[i]);
    pack_one(&writer, KEY_PREPARED, &kept->prepared);
    pack_one(&writer, KEY_SET_ASIDE, &kept->set_aside);
    assert(!writer.overflowed);
    size_t size = FIRST_SIZE + writer.size;
    crypto_generichash(bytes + size, SUM_SIZE, bytes, size, NULL, 0);
    return size + SUM_SIZE;
}

/* ---- reading ---- */

static bool copy_one(const struct msgpack_object *object, struct revision *revision)
{
    *revision = (struct revision){0};
    return object == NULL || revision_copy(object, revision);
}

static bool copy_kept(const struct msgpack_object *map, struct history_kept *kept)
{
    const struct msgpack_object *list = pack_get(map, KEY_REVISIONS);
    uint64_t writer;
    if (!pack_get_uint(pack_get(map, KEY_TERM), UINT64_MAX, &kept->term) || kept->term == 0 ||
        !pack_get_uint(pack_get(map, KEY_WRITER), 2, &writer) || writer == 0 ||
        !copy_one(pack_get(map, KEY_PREPARED), &kept->prepared) ||
        !copy_one(pack_get(map, KEY_SET_ASIDE), &kept->set_aside) || !pack_is_array(list) ||
        pack_count(list) > HISTORY_MAX)
        return false;
    kept->writer = (uint8_t)writer;
    for (uint64_t index = 0; kept->count < pack_count(list); kept->count++) {
        struct revision *revision = &kept->revisions[kept->count];
        if (!revision_copy(pack_at(list, kept->count), revision) || revision->name.index <= index)
            return false;
        index = revision->name.index;
    }
    return true;
}

enum history_file_reason history_file_decode(struct history_kept *kept, struct pack_space *space,
                                             const uint8_t *bytes, size_t size)
{
    uint8_t sum[SUM_SIZE];
    const struct msgpack_object *map;
    *kept = (struct history_kept){0};
    if (size < FIRST_SIZE + SUM_SIZE || memcmp(bytes, first_line, COMMON_SIZE) != 0)
        return HISTORY_FILE_DAMAGED;
    if (memcmp(bytes, first_line, FIRST_SIZE) != 0)
        return HISTORY_FILE_LATER;
    size -= SUM_SIZE;
    crypto_generichash(sum, SUM_SIZE, bytes, size, NULL, 0);
    if (size > HISTORY_FILE_MAX || memcmp(sum, bytes + size, SUM_SIZE) != 0 ||
        pack_parse(space, bytes + FIRST_SIZE, size - FIRST_SIZE, &map) != PACK_OK ||
        !copy_kept(map, kept))
        return HISTORY_FILE_DAMAGED;
    return HISTORY_FILE_OK;
}
