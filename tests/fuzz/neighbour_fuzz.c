/* What comes from the service LAN. Each input is decoded as it is, and once more with the checksum
 * of ICMPv6 made right, so that what lies behind it is reached. What is accepted makes sense; what
 * this node would send about it is accepted again, and says the same.
 *
 * Decoders: failover/neighbour_frame.c:-put.+|encode_.+|.+_(announce|solicit|probe|word) */
#include "failover/neighbour_frame.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { FRAME_SIZE_MAX = 1514, ND_AT = 54, LENGTH_AT = 18 };

static void check_answer(const struct neighbour_event *event)
{
    uint8_t again[NEIGHBOUR_FRAME_SIZE_MAX];
    struct neighbour_event told;
    size_t size = neighbour_frame_announce(event->mac, &event->sender, again);
    assert(neighbour_frame_decode(again, size, &told) == NEIGHBOUR_ACCEPTED);
    assert(told.kind == NEIGHBOUR_ANNOUNCED);
    assert(ip_equal(&told.sender, &event->sender));
    assert(ip_equal(&told.target, &event->sender));
    assert(memcmp(told.mac, event->mac, sizeof told.mac) == 0);
    size = neighbour_frame_probe(event->mac, &event->sender, again);
    assert(neighbour_frame_decode(again, size, &told) == NEIGHBOUR_ACCEPTED);
    assert(told.kind == NEIGHBOUR_WHO_HAS);
    assert(ip_equal(&told.target, &event->sender));
    if (ip_equal(&event->sender, &event->target))
        return;
    size = neighbour_frame_solicit(event->mac, &event->sender, &event->target, again);
    enum neighbour_refusal refusal = neighbour_frame_decode(again, size, &told);
    if (refusal == NEIGHBOUR_BAD_ADDRESS) /* a reply may be told to nobody, or to a group */
        return;
    assert(refusal == NEIGHBOUR_ACCEPTED);
    assert(told.kind == NEIGHBOUR_WHO_HAS);
    assert(ip_equal(&told.sender, &event->sender));
    assert(ip_equal(&told.target, &event->target));
}

static void check(const uint8_t *bytes, size_t size)
{
    static const uint8_t nobody[16] = {0};
    struct neighbour_event event;
    if (neighbour_frame_decode(bytes, size, &event) != NEIGHBOUR_ACCEPTED)
        return;
    assert(event.sender.family == 4 || event.sender.family == 6);
    assert(event.target.family == event.sender.family);
    assert(event.kind <= NEIGHBOUR_ANNOUNCED);
    assert((event.mac[0] & 1) == 0);
    assert(!event.is_ours);
    if (event.kind == NEIGHBOUR_ANNOUNCED)
        assert(ip_equal(&event.sender, &event.target));
    if (memcmp(event.sender.bytes, nobody, sizeof nobody) == 0)
        assert(event.kind == NEIGHBOUR_WHO_HAS);
    else
        check_answer(&event);
}

/* RFC 1071 by the letter, over as much as the IPv6 header says. */
static void seal(uint8_t *frame, size_t size)
{
    size_t length = (size_t)frame[LENGTH_AT] << 8 | frame[LENGTH_AT + 1];
    if (length < 4 || length > size - ND_AT)
        return;
    uint64_t sum = 58 + length;
    frame[ND_AT + 2] = frame[ND_AT + 3] = 0;
    for (size_t i = 22; i < ND_AT + length; i++)
        sum += i % 2 == 0 ? (uint64_t)frame[i] << 8 : frame[i];
    sum = 0xffff - sum % 0xffff;
    frame[ND_AT + 2] = (uint8_t)(sum >> 8);
    frame[ND_AT + 3] = (uint8_t)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t sealed[FRAME_SIZE_MAX];
    check(bytes, size);
    if (size > sizeof sealed || size < ND_AT)
        return 0;
    memcpy(sealed, bytes, size);
    seal(sealed, size);
    check(sealed, size);
    return 0;
}
