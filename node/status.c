#include "node/status.h"

#include <assert.h>
#include <string.h>

enum {
    KEY_SYNC = 1,
    KEY_UP = 2,
    KEY_HELD = 3,
    KEY_SERVERS = 4,
    KEY_ANSWERS = 5,
    KEY_FROZEN = 6,
    KEY_LAST_RESORT = 7,
    KEY_VERSION = 8,
    KEY_COUNT = 8
};

static void pack_pair(struct pack_writer *writer, uint64_t key, uint64_t value)
{
    pack_uint(writer, key);
    pack_uint(writer, value);
}

size_t status_encode(const struct status *self, uint8_t *value)
{
    assert(self->held_count <= STATUS_HELD_MAX);
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, KEY_COUNT);
    pack_pair(&writer, KEY_SYNC, self->sync);
    pack_pair(&writer, KEY_UP, self->up_s);
    pack_uint(&writer, KEY_HELD);
    pack_array(&writer, (uint32_t)self->held_count);
    for (size_t i = 0; i < self->held_count; i++) {
        const struct status_held *held = &self->held[i];
        pack_array(&writer, 3);
        pack_ip(&writer, &held->address);
        pack_uint(&writer, held->since_s);
        pack_text(&writer, held->reason);
    }
    pack_uint(&writer, KEY_SERVERS);
    pack_array(&writer, STATUS_VERDICTS);
    for (size_t i = 0; i < STATUS_VERDICTS; i++)
        pack_uint(&writer, self->servers[i]);
    pack_pair(&writer, KEY_ANSWERS, self->answers);
    pack_pair(&writer, KEY_FROZEN, self->frozen_pools);
    pack_pair(&writer, KEY_LAST_RESORT, self->last_resort_pools);
    pack_uint(&writer, KEY_VERSION);
    pack_text(&writer, self->version);
    assert(!writer.overflowed);
    return writer.size;
}

static bool get_u32(const struct msgpack_object *object, uint32_t *value)
{
    uint64_t wide;
    if (!pack_get_uint(object, UINT32_MAX, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static bool get_held(const struct msgpack_object *object, struct status_held *held)
{
    if (pack_count(object) < 3 || !pack_copy_ip(pack_at(object, 0), &held->address) ||
        held->address.family == 0)
        return false;
    return get_u32(pack_at(object, 1), &held->since_s) &&
           pack_copy_text(pack_at(object, 2), '!', held->reason, STATUS_REASON_MAX);
}

bool status_decode(struct status *self, struct pack_space *space, const uint8_t *value, size_t size)
{
    *self = (struct status){0};
    const struct msgpack_object *map;
    uint64_t sync;
    if (pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_uint(pack_get(map, KEY_SYNC), REPLICA_SYNCED, &sync) ||
        !get_u32(pack_get(map, KEY_UP), &self->up_s))
        return false;
    self->sync = (enum replica_sync)sync;
    pack_pass_keys(space, PACK_UNKNOWN_VALUE_FIELD, map, pack_keys(KEY_SYNC, KEY_COUNT));
    const struct msgpack_object *held = pack_get(map, KEY_HELD);
    self->held_count = pack_count(held);
    if (self->held_count > STATUS_HELD_MAX)
        return false;
    for (size_t i = 0; i < self->held_count; i++)
        if (!get_held(pack_at(held, i), &self->held[i]))
            return false;
    const struct msgpack_object *servers = pack_get(map, KEY_SERVERS);
    for (size_t i = 0; i < STATUS_VERDICTS && i < pack_count(servers); i++)
        if (!get_u32(pack_at(servers, i), &self->servers[i]))
            return false;
    return pack_get_uint(pack_get(map, KEY_ANSWERS), UINT64_MAX, &self->answers) &&
           get_u32(pack_get(map, KEY_FROZEN), &self->frozen_pools) &&
           get_u32(pack_get(map, KEY_LAST_RESORT), &self->last_resort_pools) &&
           pack_copy_text(pack_get(map, KEY_VERSION), '!', self->version, STATUS_VERSION_MAX);
}
