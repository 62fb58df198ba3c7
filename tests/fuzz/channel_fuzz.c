/* What the guardian reads from its worker: a message that is accepted is written back as the same
 * bytes, so no byte of it goes unread.
 *
 * Decoders: failover/channel.c:-put|encode_.+|channel_(encode|open_.+|send|receive) */
#include "failover/channel.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct channel_message message;
    uint8_t again[CHANNEL_SIZE];
    if (channel_decode(bytes, size, &message) != CHANNEL_ACCEPTED)
        return 0;
    channel_encode(&message, again);
    assert(memcmp(bytes, again, sizeof again) == 0);
    return 0;
}
