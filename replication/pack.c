#include "replication/pack.h"

#include <assert.h>
#include <msgpack/pack.h>
#include <msgpack/unpack.h>
#include <string.h>

/* One chunk holds the objects of nearly every message, so that parsing does not allocate. */
enum { ZONE_CHUNK_BYTES = 65536 };

const char *pack_reason_text(enum pack_reason reason)
{
    static const char *const texts[PACK_REASON_COUNT] = {
        [PACK_OK] = "ok",
        [PACK_EMPTY] = "empty",
        [PACK_TOO_LARGE] = "too-large",
        [PACK_TOO_DEEP] = "too-deep",
        [PACK_TOO_MANY] = "too-many",
        [PACK_TRUNCATED] = "truncated",
        [PACK_TRAILING] = "trailing",
        [PACK_TYPE] = "bad-type",
        [PACK_DUPLICATE_KEY] = "duplicate-key",
        [PACK_NOT_A_MAP] = "not-a-map",
    };
    assert(reason < PACK_REASON_COUNT);
    return texts[reason];
}

const char *pack_unknown_text(enum pack_unknown what)
{
    static const char *const texts[PACK_UNKNOWN_COUNT] = {
        [PACK_UNKNOWN_FIELD] = "unknown-field",
        [PACK_UNKNOWN_ELEMENT] = "unknown-element",
        [PACK_UNKNOWN_KIND] = "unknown-kind",
        [PACK_UNKNOWN_VALUE_FIELD] = "unknown-value-field",
    };
    assert(what < PACK_UNKNOWN_COUNT);
    return texts[what];
}

/* ---- writing ---- */

void pack_begin(struct pack_writer *self, uint8_t *bytes, size_t size_max)
{
    *self = (struct pack_writer){.bytes = bytes, .size_max = size_max};
}

/* msgpack-c's write callback: all or nothing, and nothing more after the first overflow. */
static int append(void *writer, const char *bytes, size_t size)
{
    struct pack_writer *self = writer;
    if (self->overflowed || size > self->size_max - self->size) {
        self->overflowed = true;
        return -1;
    }
    if (size > 0)
        memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
    return 0;
}

void pack_map(struct pack_writer *self, uint32_t pairs)
{
    msgpack_pack_map(&(msgpack_packer){.data = self, .callback = append}, pairs);
}

void pack_array(struct pack_writer *self, uint32_t elements)
{
    msgpack_pack_array(&(msgpack_packer){.data = self, .callback = append}, elements);
}

void pack_uint(struct pack_writer *self, uint64_t value)
{
    msgpack_pack_uint64(&(msgpack_packer){.data = self, .callback = append}, value);
}

void pack_bool(struct pack_writer *self, bool value)
{
    msgpack_packer packer = {.data = self, .callback = append};
    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void pack_text(struct pack_writer *self, const char *text)
{
    msgpack_pack_str_with_body(&(msgpack_packer){.data = self, .callback = append}, text,
                               strlen(text));
}

void pack_bytes(struct pack_writer *self, const void *bytes, size_t size)
{
    msgpack_pack_bin_with_body(&(msgpack_packer){.data = self, .callback = append}, bytes, size);
}

/* ---- the scan before msgpack-c sees the bytes ---- */

enum shape { NONE, FIXED, SIZED, ARRAY, MAP };

/* What the first byte of an element says. */
struct head {
    enum shape shape;
    uint8_t length_bytes; /* SIZED, ARRAY, MAP: the count follows in so many bytes; 0: in count */
    uint8_t count;        /* FIXED: bytes that follow; ARRAY: elements; MAP: pairs */
};

/* The MessagePack specification's first bytes 0xc0..0xdf. */
static const struct head heads[32] = {
    [0x00] = {FIXED, 0, 0},                                                 /* nil */
    [0x02] = {FIXED, 0, 0},                                                 /* false */
    [0x03] = {FIXED, 0, 0},                                                 /* true */
    [0x04] = {SIZED, 1, 0},                                                 /* bin 8, 16, 32 */
    [0x05] = {SIZED, 2, 0}, [0x06] = {SIZED, 4, 0}, [0x0a] = {FIXED, 0, 4}, /* float 32, 64 */
    [0x0b] = {FIXED, 0, 8}, [0x0c] = {FIXED, 0, 1},                         /* uint 8 ... 64 */
    [0x0d] = {FIXED, 0, 2}, [0x0e] = {FIXED, 0, 4}, [0x0f] = {FIXED, 0, 8},
    [0x10] = {FIXED, 0, 1}, /* int 8 ... 64 */
    [0x11] = {FIXED, 0, 2}, [0x12] = {FIXED, 0, 4}, [0x13] = {FIXED, 0, 8},
    [0x19] = {SIZED, 1, 0},                                                 /* str 8, 16, 32 */
    [0x1a] = {SIZED, 2, 0}, [0x1b] = {SIZED, 4, 0}, [0x1c] = {ARRAY, 2, 0}, /* array 16, 32 */
    [0x1d] = {ARRAY, 4, 0}, [0x1e] = {MAP, 2, 0},                           /* map 16, 32 */
    [0x1f] = {MAP, 4, 0},
};

static struct head head_of(uint8_t first)
{
    if (first <= 0x7f || first >= 0xe0)
        return (struct head){FIXED, 0, 0}; /* small integers */
    if (first <= 0x8f)
        return (struct head){MAP, 0, first & 0x0f};
    if (first <= 0x9f)
        return (struct head){ARRAY, 0, first & 0x0f};
    if (first <= 0xbf)
        return (struct head){FIXED, 0, first & 0x1f}; /* short text */
    return heads[first - 0xc0];
}

struct scan {
    const uint8_t *at, *end;
    size_t budget; /* elements that may still be declared in all */
    size_t depth;
    struct scan_level {
        size_t left; /* elements still to come; in a map keys and values alternate */
        bool is_map;
        uint64_t keys_seen[2]; /* one bit for each key of a map */
    } levels[PACK_DEPTH_MAX];
};

static size_t bytes_left(const struct scan *self)
{
    return (size_t)(self->end - self->at);
}

/* A container of so many elements begins. The budget over the whole message is what keeps nested
 * containers from each claiming all the bytes that are left. */
static enum pack_reason scan_container(struct scan *self, bool is_map, size_t elements)
{
    if (self->depth == PACK_DEPTH_MAX)
        return PACK_TOO_DEEP;
    if (elements > bytes_left(self) || elements > self->budget)
        return PACK_TOO_MANY;
    self->budget -= elements;
    self->levels[self->depth++] = (struct scan_level){.left = elements, .is_map = is_map};
    return PACK_OK;
}

static enum pack_reason scan_element(struct scan *self)
{
    if (bytes_left(self) == 0)
        return PACK_TRUNCATED;
    struct head head = head_of(*self->at++);
    if (head.shape == NONE)
        return PACK_TYPE;
    if (head.length_bytes > bytes_left(self))
        return PACK_TRUNCATED;
    size_t count = head.count;
    for (size_t i = 0; i < head.length_bytes; i++)
        count = count << 8 | *self->at++;
    if (head.shape == MAP)
        return scan_container(self, true, 2 * count);
    if (head.shape == ARRAY)
        return scan_container(self, false, count);
    if (count > bytes_left(self))
        return PACK_TRUNCATED;
    self->at += count;
    return PACK_OK;
}

/* Every key is one byte, 0..PACK_KEY_MAX: that makes "twice" a matter of one bit. */
static enum pack_reason scan_key(struct scan *self, struct scan_level *level)
{
    if (bytes_left(self) == 0)
        return PACK_TRUNCATED;
    uint8_t key = *self->at++;
    if (key > PACK_KEY_MAX)
        return PACK_NOT_A_MAP;
    uint64_t bit = UINT64_C(1) << (key % 64);
    if ((level->keys_seen[key / 64] & bit) != 0)
        return PACK_DUPLICATE_KEY;
    level->keys_seen[key / 64] |= bit;
    return PACK_OK;
}

static enum pack_reason scan_next(struct scan *self)
{
    struct scan_level *level = &self->levels[self->depth - 1];
    if (level->left == 0) {
        self->depth--;
        return PACK_OK;
    }
    bool is_key = level->is_map && level->left % 2 == 0;
    level->left--;
    return is_key ? scan_key(self, level) : scan_element(self);
}

static enum pack_reason scan(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return PACK_EMPTY;
    if (size > PACK_SIZE_MAX)
        return PACK_TOO_LARGE;
    if (head_of(bytes[0]).shape != MAP)
        return PACK_NOT_A_MAP;
    struct scan scan = {.at = bytes, .end = bytes + size, .budget = size};
    enum pack_reason reason = scan_element(&scan);
    while (reason == PACK_OK && scan.depth > 0)
        reason = scan_next(&scan);
    if (reason == PACK_OK && scan.at != scan.end)
        return PACK_TRAILING;
    return reason;
}

/* ---- reading ---- */

void pack_space_open(struct pack_space *self)
{
    *self = (struct pack_space){.zone = msgpack_zone_new(ZONE_CHUNK_BYTES)};
    assert(self->zone != NULL);
}

void pack_space_close(struct pack_space *self)
{
    msgpack_zone_free(self->zone);
    self->zone = NULL;
}

enum pack_reason pack_parse(struct pack_space *space, const uint8_t *bytes, size_t size,
                            const struct msgpack_object **map)
{
    assert(space->zone != NULL);
    enum pack_reason reason = scan(bytes, size);
    if (reason != PACK_OK)
        return reason;
    msgpack_zone_clear(space->zone);
    msgpack_object *root = msgpack_zone_malloc(space->zone, sizeof *root);
    if (root == NULL)
        return PACK_TOO_LARGE;
    msgpack_unpack_return result =
        msgpack_unpack((const char *)bytes, size, NULL, space->zone, root);
    if (result == MSGPACK_UNPACK_NOMEM_ERROR)
        return PACK_TOO_LARGE;
    /* What the scan lets through msgpack-c accepts: tests/fuzz/message_fuzz.c looks for a
     * difference. */
    assert(result == MSGPACK_UNPACK_SUCCESS);
    assert(root->type == MSGPACK_OBJECT_MAP);
    *map = root;
    return PACK_OK;
}

const struct msgpack_object *pack_get(const struct msgpack_object *map, uint64_t key)
{
    if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (size_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type == MSGPACK_OBJECT_POSITIVE_INTEGER && pair->key.via.u64 == key)
            return &pair->val;
    }
    return NULL;
}

bool pack_get_uint(const struct msgpack_object *object, uint64_t max, uint64_t *value)
{
    if (object == NULL || object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > max)
        return false;
    *value = object->via.u64;
    return true;
}

bool pack_get_bool(const struct msgpack_object *object, bool *value)
{
    if (object == NULL || object->type != MSGPACK_OBJECT_BOOLEAN)
        return false;
    *value = object->via.boolean;
    return true;
}

bool pack_get_text(const struct msgpack_object *object, const char **text, size_t *size)
{
    if (object == NULL || object->type != MSGPACK_OBJECT_STR)
        return false;
    *text = object->via.str.ptr;
    *size = object->via.str.size;
    return true;
}

bool pack_get_bytes(const struct msgpack_object *object, const uint8_t **bytes, size_t *size)
{
    if (object == NULL || object->type != MSGPACK_OBJECT_BIN)
        return false;
    *bytes = (const uint8_t *)object->via.bin.ptr;
    *size = object->via.bin.size;
    return true;
}

bool pack_is_array(const struct msgpack_object *object)
{
    return object != NULL && object->type == MSGPACK_OBJECT_ARRAY;
}

size_t pack_count(const struct msgpack_object *object)
{
    if (object == NULL)
        return 0;
    if (object->type == MSGPACK_OBJECT_ARRAY)
        return object->via.array.size;
    return object->type == MSGPACK_OBJECT_MAP ? object->via.map.size : 0;
}

const struct msgpack_object *pack_at(const struct msgpack_object *array, size_t position)
{
    if (!pack_is_array(array) || position >= array->via.array.size)
        return NULL;
    return &array->via.array.ptr[position];
}

/* ---- what a later version says besides ---- */

void pack_pass_keys(struct pack_space *self, enum pack_unknown what,
                    const struct msgpack_object *map, uint64_t known)
{
    assert(map->type == MSGPACK_OBJECT_MAP);
    for (size_t i = 0; i < map->via.map.size; i++) {
        uint64_t key = map->via.map.ptr[i].key.via.u64; /* the scan lets no other key through */
        self->unknown[what] += key > 63 || (known >> key & 1) == 0;
    }
}

void pack_pass_elements(struct pack_space *self, const struct msgpack_object *array, size_t known)
{
    size_t count = pack_count(array);
    self->unknown[PACK_UNKNOWN_ELEMENT] += count > known ? count - known : 0;
}

/* ---- copies ---- */

/* msgpack-c says that nothing lies nowhere. */
static void copy(void *to, const void *from, size_t size)
{
    if (size > 0)
        memcpy(to, from, size);
}

bool pack_copy_text(const struct msgpack_object *object, char first, char *text, size_t max)
{
    const char *found;
    size_t size;
    if (!pack_get_text(object, &found, &size) || size > max)
        return false;
    for (size_t i = 0; i < size; i++)
        if (found[i] < first || found[i] > '~')
            return false;
    copy(text, found, size);
    text[size] = '\0';
    return true;
}

bool pack_copy_bytes(const struct msgpack_object *object, uint8_t *bytes, size_t size)
{
    const uint8_t *found;
    size_t found_size;
    if (!pack_get_bytes(object, &found, &found_size) || found_size != size)
        return false;
    copy(bytes, found, size);
    return true;
}

void pack_ip(struct pack_writer *self, const struct ip *ip)
{
    pack_bytes(self, ip->bytes, ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0);
}

bool pack_copy_ip(const struct msgpack_object *object, struct ip *ip)
{
    const uint8_t *bytes;
    size_t size;
    if (!pack_get_bytes(object, &bytes, &size) || (size != 0 && size != 4 && size != 16))
        return false;
    *ip = (struct ip){.family = size == 4 ? 4 : size == 16 ? 6 : 0};
    copy(ip->bytes, bytes, size);
    return true;
}
