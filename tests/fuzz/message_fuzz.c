/* Any bytes: message_decode takes them or says why not, asks for little memory, and what it takes
 * is the same after encoding and decoding.
 *
 * Decoders: replication/message.c:read_.+|field|refuse|decode_.+|message_decode
 * Decoders: replication/pack.c:head_of|bytes_left|scan|scan_.+|pack_(parse|is_array|count|at)
 * Decoders: replication/pack.c:pack_get|pack_get_.+ */
#include "replication/message.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Of the sanitizers' runtime; absent in a build without them. */
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

enum { ALLOCATED_MAX = 6 << 20 };

static struct message first, second;
static uint8_t encoded[MESSAGE_SIZE_MAX], again[MESSAGE_SIZE_MAX];

/* Reading a value as other parts do: every getter on every element must be harmless. */
static void walk(const struct msgpack_object *object, int depth)
{
    uint64_t number;
    bool truth;
    const char *text;
    const uint8_t *bytes;
    size_t size;
    assert(depth <= PACK_DEPTH_MAX + 1); /* what lies in the innermost container */
    pack_get_uint(object, UINT64_MAX, &number);
    pack_get_bool(object, &truth);
    if (pack_get_text(object, &text, &size) && size > 0)
        (void)memchr(text, '\0', size);
    if (pack_get_bytes(object, &bytes, &size) && size > 0)
        (void)memchr(bytes, 0, size);
    if (pack_count(object) == 0)
        return;
    for (size_t i = 0; pack_is_array(object) && i < pack_count(object); i++)
        walk(pack_at(object, i), depth + 1);
    for (uint64_t key = 0; !pack_is_array(object) && key <= PACK_KEY_MAX; key++)
        if (pack_get(object, key) != NULL)
            walk(pack_get(object, key), depth + 1);
}

static void check_same_after_encoding(struct pack_space *space)
{
    char text[512];
    size_t size = message_encode(&first, encoded);
    assert(message_decode(&second, space, encoded, size, NULL) == MESSAGE_OK);
    assert(message_encode(&second, again) == size);
    assert(memcmp(encoded, again, size) == 0);
    message_text(&first, text, sizeof text);
    assert(strlen(text) < sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct pack_space space;
    if (space.zone == NULL)
        pack_space_open(&space);
    size_t before = 0;
    if (__sanitizer_get_current_allocated_bytes != NULL)
        before = __sanitizer_get_current_allocated_bytes();
    enum pack_reason pack_reason;
    enum message_reason reason = message_decode(&first, &space, bytes, size, &pack_reason);
    if (__sanitizer_get_current_allocated_bytes != NULL)
        assert(__sanitizer_get_current_allocated_bytes() <= before + ALLOCATED_MAX);
    assert((reason == MESSAGE_MALFORMED) == (pack_reason != PACK_OK));
    if (reason == MESSAGE_OK)
        check_same_after_encoding(&space);
    const struct msgpack_object *map;
    if (pack_parse(&space, bytes, size, &map) == PACK_OK)
        walk(map, 1);
    return 0;
}
