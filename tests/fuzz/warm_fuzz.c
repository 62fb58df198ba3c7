/* Any bytes, with the sum made right so that they are looked at: what warm_next takes is a record
 * that can be written and read again.
 *
 * Decoders: replication/warm.c:warm_open|warm_next */
#include "replication/warm.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { ROOM = 65536 };

static void check_same_after_writing(const struct record *first)
{
    static uint8_t again[WARM_FRAME_SIZE + WARM_RECORD_SIZE_MAX];
    const struct warm_time now = {.wall_ms = 1};
    struct warm_writer writer;
    struct warm_reader reader;
    struct record second;
    assert(record_compare(first->version, (struct record_version){0}) > 0);
    warm_begin(&writer, &now, again, sizeof again);
    assert(warm_add(&writer, first));
    size_t size = warm_end(&writer);
    warm_seal(again, size);
    assert(warm_open(&reader, again, size) && warm_next(&reader, &second));
    assert(record_key_equal(&first->key, &second.key));
    assert(record_compare(first->version, second.version) == 0);
    assert(first->age_ms == second.age_ms && first->value_size == second.value_size);
    assert(memcmp(first->value, second.value, second.value_size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t file[ROOM];
    struct warm_reader reader;
    struct record record;
    assert(!warm_open(&reader, bytes, size) || size >= WARM_FRAME_SIZE);
    if (size < WARM_FRAME_SIZE || size > ROOM)
        return 0;
    memcpy(file, bytes, size);
    memcpy(file, "tandem warm 1\n\0", 16);
    warm_seal(file, size);
    assert(warm_open(&reader, file, size));
    while (warm_next(&reader, &record))
        check_same_after_writing(&record);
    return 0;
}
