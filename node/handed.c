#include "node/handed.h"

#include <assert.h>
#include <string.h>

enum { KEY_TOTAL = 1 };

/* The text up to the slash, which becomes its end; *rest is what follows. False without one. */
static bool take_part(char **rest, const char **part)
{
    char *slash = strchr(*rest, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    *part = *rest;
    *rest = slash + 1;
    return true;
}

bool handed_split(struct handed_key *self, const char *name)
{
    char *rest = self->parts;
    size_t size = strlen(name);
    assert(size <= RECORD_NAME_MAX);
    memcpy(self->parts, name, size + 1);
    if (!take_part(&rest, &self->node) || !take_part(&rest, &self->pool))
        return false;
    self->server = rest;
    return strchr(rest, '/') == NULL;
}

size_t handed_encode(uint32_t total, uint8_t *value)
{
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, 1);
    pack_uint(&writer, KEY_TOTAL);
    pack_uint(&writer, total);
    assert(!writer.overflowed);
    return writer.size;
}

bool handed_decode(uint32_t *total, struct pack_space *space, const uint8_t *value, size_t size)
{
    const struct msgpack_object *map;
    uint64_t found;
    if (pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_uint(pack_get(map, KEY_TOTAL), UINT32_MAX, &found))
        return false;
    *total = (uint32_t)found;
    return true;
}
