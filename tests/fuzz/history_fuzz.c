/* Any bytes, as what a node says of its documents, as a history on the disk and as a bundle's list:
 * what is taken is the same after encoding and decoding.
 *
 * Decoders: replication/history_message.c:history_message_decode|copy_.+|decode_.+
 * Decoders: replication/history_file.c:history_file_decode|copy_.+
 * Decoders: replication/revision.c:revision_copy.?.?.?.?.?
 * Decoders: replication/bundle.c:bundle_parse|take_.+|sort|bundle_find */
#include "replication/bundle.h"
#include "replication/history_file.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct pack_space space;

static void check_message(const uint8_t *bytes, size_t size)
{
    static uint8_t again[HISTORY_MESSAGE_SIZE_MAX], twice[HISTORY_MESSAGE_SIZE_MAX];
    static struct history_message first, second;
    if (!history_message_decode(&first, &space, bytes, size))
        return;
    size_t encoded = history_message_encode(&first, again);
    assert(history_message_decode(&second, &space, again, encoded));
    assert(history_message_encode(&second, twice) == encoded && memcmp(again, twice, encoded) == 0);
}

/* With the digest that its bytes have: else nothing gets beyond it. */
static void check_file(const uint8_t *bytes, size_t size)
{
    static uint8_t file[HISTORY_FILE_MAX + 1], again[HISTORY_FILE_MAX];
    static struct history_kept first, second;
    if (size < REVISION_DIGEST_SIZE || size > sizeof file)
        return;
    memcpy(file, bytes, size);
    bundle_digest(file, size - REVISION_DIGEST_SIZE, file + size - REVISION_DIGEST_SIZE);
    if (history_file_decode(&first, &space, file, size) != HISTORY_FILE_OK)
        return;
    size_t encoded = history_file_encode(&first, again);
    assert(history_file_decode(&second, &space, again, encoded) == HISTORY_FILE_OK);
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void check_bundle(const uint8_t *bytes, size_t size)
{
    static _Alignas(16) uint8_t room[1 << 20];
    char line[BUNDLE_LINE_MAX + 1];
    struct arena arena;
    struct bundle bundle;
    arena_init(&arena, room, sizeof room);
    if (!bundle_parse(&bundle, (const char *)bytes, size, &arena))
        return;
    size_t at = bundle_begin(line);
    for (size_t i = 0; i < bundle.count; i++) {
        assert(bundle_find(&bundle, bundle.files[i].name) == &bundle.files[i]);
        at += bundle_line(line, &bundle.files[i]);
    }
    assert(at <= size); /* a size may be told with zeroes before it */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (space.zone == NULL)
        pack_space_open(&space);
    check_message(bytes, size);
    check_file(bytes, size);
    check_bundle(bytes, size);
    return 0;
}
