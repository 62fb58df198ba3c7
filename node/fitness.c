#include "node/fitness.h"

#include <assert.h>

enum { KEY_FAULT = 1, KEY_GATE = 2, KEY_RECEPTION = 3, KEY_WALL = 4, KEY_COUNT = 4 };

size_t fitness_encode(const struct fitness *self, uint8_t *value)
{
    assert(self->wall_ms >= 0);
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, KEY_COUNT);
    pack_uint(&writer, KEY_FAULT);
    pack_text(&writer, self->fault);
    pack_uint(&writer, KEY_GATE);
    pack_text(&writer, self->gate);
    pack_uint(&writer, KEY_RECEPTION);
    pack_text(&writer, self->reception);
    pack_uint(&writer, KEY_WALL);
    pack_uint(&writer, (uint64_t)self->wall_ms);
    assert(!writer.overflowed);
    return writer.size;
}

bool fitness_decode(struct fitness *self, struct pack_space *space, const uint8_t *value,
                    size_t size)
{
    *self = (struct fitness){0};
    const struct msgpack_object *map;
    uint64_t wall_ms;
    if (pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_uint(pack_get(map, KEY_WALL), INT64_MAX, &wall_ms))
        return false;
    self->wall_ms = (int64_t)wall_ms;
    pack_pass_keys(space, PACK_UNKNOWN_VALUE_FIELD, map, pack_keys(KEY_FAULT, KEY_COUNT));
    return pack_copy_text(pack_get(map, KEY_FAULT), '!', self->fault, FITNESS_WORD_MAX) &&
           pack_copy_text(pack_get(map, KEY_GATE), '!', self->gate, FITNESS_WORD_MAX) &&
           pack_copy_text(pack_get(map, KEY_RECEPTION), '!', self->reception, FITNESS_WORD_MAX);
}
