/* What a guardian reads from the pair link. The first byte says how: odd, the rest is a beat as it
 * came; even, it gets a right tag and version first, as an enemy would give it who has the key, so
 * that every field is reached. The two bytes behind it are what the receiver had before.
 *
 * Decoders: failover/beat.c:-beat_(refusal_word|encode|cluster)|put */
#include "failover/beat.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const uint8_t keys[2][BEAT_KEY_SIZE] = {{1}, {2}};

/* An accepted beat is written back as the same bytes, but for its tag and unknown flags. */
static void check_again(const struct beat *beat, uint8_t bytes[BEAT_SIZE])
{
    uint8_t again[BEAT_SIZE];
    beat_encode(beat, keys[0], again);
    bytes[2] = again[2];
    assert(memcmp(bytes, again, BEAT_SIZE - BEAT_TAG_SIZE) == 0);
}

static void check_accepted(const struct beat_memory *before, const struct beat_memory *after,
                           const struct beat *beat, const struct beat_expectation *expected)
{
    uint64_t boot, sequence;
    assert(beat->sender == expected->sender && beat->cluster == expected->cluster);
    assert(beat->boot != before->boot || beat->sequence > before->sequence);
    assert(beat->boot == before->boot || beat->echo_boot == expected->boot);
    assert(after->boot == beat->boot && after->sequence == beat->sequence);
    assert(after->proof >= before->proof);
    beat_echo(after, &boot, &sequence);
    assert(boot == beat->boot && sequence == beat->sequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 3)
        return 0;
    struct beat_expectation expected = {.cluster = 0x41414141, .boot = 0x4141414141414141};
    struct beat_memory memory = {.boot = bytes[1], .sequence = bytes[1]};
    struct beat_memory before;
    struct beat beat;
    uint8_t copy[BEAT_SIZE];
    expected.sequence = bytes[2];
    before = memory;
    if (bytes[0] % 2 == 1 || size - 3 != BEAT_SIZE) {
        beat_decode(bytes + 3, size - 3, keys, 2, &expected, &memory, &beat);
        return 0;
    }
    memcpy(copy, bytes + 3, BEAT_SIZE);
    copy[0] = BEAT_VERSION;
    crypto_generichash(copy + BEAT_SIZE - BEAT_TAG_SIZE, BEAT_TAG_SIZE, copy,
                       BEAT_SIZE - BEAT_TAG_SIZE, keys[1], BEAT_KEY_SIZE);
    enum beat_refusal refusal = beat_decode(copy, BEAT_SIZE, keys, 2, &expected, &memory, &beat);
    assert(refusal != BEAT_BAD_SIZE && refusal != BEAT_BAD_VERSION && refusal != BEAT_BAD_TAG);
    if (refusal == BEAT_ACCEPTED) {
        check_again(&beat, copy);
        check_accepted(&before, &memory, &beat, &expected);
    } else if (refusal == BEAT_UNPROVEN) {
        assert(memory.boot == before.boot && memory.sequence == before.sequence);
    } else {
        assert(memcmp(&memory, &before, sizeof memory) == 0);
    }
    return 0;
}
