#include "failover/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failover/advertisement.h"
#include "failover/neighbour_frame.h"

enum {
    AT_VERSION = 0,
    AT_KIND = 1,
    AT_FLAG = 2,
    AT_FAMILY = 3, /* or what else is one of a few */
    AT_PAD = 4,
    AT_SINCE = 8,
    AT_ADDRESS = 16,
    AT_REASON = 32,
    AT_END = 56, /* of the fields; zeroes up to CHANNEL_SIZE */
    AT_FRESH = 4,
    AT_LOST = 6,
    AT_RECEPTION = 4,
    AT_GATE = 5,
    AT_FLAGS = 6,
    AT_HOLD = 8,
    AT_FROM = 16,
    AT_TO = AT_FROM + CHANNEL_WORD_SIZE,
    AT_WHY = AT_TO + CHANNEL_WORD_SIZE,
    AT_COUNTS = 8,
};

_Static_assert(AT_END - AT_REASON == (int)CHANNEL_REASON_SIZE, "the reason ends the fields");
_Static_assert(CHANNEL_SIZE - AT_WHY == (int)CHANNEL_REASON_SIZE, "a note's reason ends it");
_Static_assert(CHANNEL_SIZE - AT_COUNTS == 4 * CHANNEL_COUNTS_MAX, "counts end the message");
_Static_assert((int)BEAT_REFUSALS <= (int)CHANNEL_COUNTS_MAX &&
                   (int)ADVERTISEMENT_REFUSALS <= (int)CHANNEL_COUNTS_MAX &&
                   (int)NEIGHBOUR_REFUSALS <= (int)CHANNEL_COUNTS_MAX,
               "a group is one message");

size_t channel_group_size(enum channel_group group)
{
    static const size_t sizes[CHANNEL_GROUPS] = {
        [CHANNEL_BEATS] = BEAT_REFUSALS,
        [CHANNEL_ADVERTISEMENTS] = ADVERTISEMENT_REFUSALS,
        [CHANNEL_NEIGHBOURS] = NEIGHBOUR_REFUSALS,
        [CHANNEL_LOOPS] = CHANNEL_LOOPS_COUNTED,
    };
    assert(group < CHANNEL_GROUPS);
    return sizes[group];
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}

static void put(uint8_t *bytes, int size, uint64_t value)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get(const uint8_t *bytes, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* One word of [a-z0-9-], ended by a NUL, with nothing but NULs behind it. */
static bool is_word(const char *word, size_t size)
{
    size_t length = strnlen(word, size);
    if (length == 0 || length == size)
        return false;
    if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
        return false;
    return is_zero((const uint8_t *)word + length, size - length);
}

static bool is_word_or_none(const char *word, size_t size)
{
    return is_word(word, size) || is_zero((const uint8_t *)word, size);
}

static bool is_address(const struct ip *ip)
{
    if (ip->family == 4)
        return is_zero(ip->bytes + 4, sizeof ip->bytes - 4);
    return ip->family == 6;
}

/* ---- each kind's fields; a decoder is false when one is out of range or must be zero ---- */

static bool get_since(const uint8_t *bytes, struct channel_message *message)
{
    uint64_t since = get(bytes + AT_SINCE, 8);
    message->since_ms = (int64_t)since;
    return since <= INT64_MAX;
}

static void encode_sync(const struct channel_message *message, uint8_t *bytes)
{
    bytes[AT_FLAG] = message->synced;
}

static bool decode_sync(const uint8_t *bytes, struct channel_message *message)
{
    message->synced = bytes[AT_FLAG];
    return is_zero(bytes + AT_FAMILY, CHANNEL_SIZE - AT_FAMILY);
}

static void encode_nothing(const struct channel_message *message, uint8_t *bytes)
{
    (void)message;
    (void)bytes;
}

static bool decode_nothing(const uint8_t *bytes, struct channel_message *message)
{
    (void)message;
    return is_zero(bytes + AT_FLAG, CHANNEL_SIZE - AT_FLAG);
}

static void encode_handover(const struct channel_message *message, uint8_t *bytes)
{
    assert(message->home <= 1);
    assert(message->version <= CHANNEL_VERSION_MAX);
    bytes[AT_FLAG] = message->away;
    bytes[AT_FAMILY] = message->home;
    put(bytes + AT_PAD, 4, message->version);
}

static bool decode_handover(const uint8_t *bytes, struct channel_message *message)
{
    message->away = bytes[AT_FLAG];
    message->home = bytes[AT_FAMILY];
    message->version = (uint32_t)get(bytes + AT_PAD, 4);
    return message->home <= 1 && message->version <= CHANNEL_VERSION_MAX &&
           is_zero(bytes + AT_SINCE, CHANNEL_SIZE - AT_SINCE);
}

static void encode_address(const struct channel_message *message, uint8_t *bytes)
{
    assert(is_address(&message->address));
    assert(message->since_ms >= 0);
    assert(is_word(message->reason, CHANNEL_REASON_SIZE));
    bytes[AT_FLAG] = message->held;
    bytes[AT_FAMILY] = message->address.family;
    put(bytes + AT_SINCE, 8, (uint64_t)message->since_ms);
    memcpy(bytes + AT_ADDRESS, message->address.bytes, sizeof message->address.bytes);
    memcpy(bytes + AT_REASON, message->reason, CHANNEL_REASON_SIZE);
}

static bool decode_address(const uint8_t *bytes, struct channel_message *message)
{
    message->held = bytes[AT_FLAG];
    message->address.family = bytes[AT_FAMILY];
    memcpy(message->address.bytes, bytes + AT_ADDRESS, sizeof message->address.bytes);
    memcpy(message->reason, bytes + AT_REASON, CHANNEL_REASON_SIZE);
    return get_since(bytes, message) && is_zero(bytes + AT_PAD, AT_SINCE - AT_PAD) &&
           is_address(&message->address) && is_word(message->reason, CHANNEL_REASON_SIZE) &&
           is_zero(bytes + AT_END, CHANNEL_SIZE - AT_END);
}

static void encode_agents(const struct channel_message *message, uint8_t *bytes)
{
    assert(message->lost <= message->fresh);
    put(bytes + AT_FRESH, 2, message->fresh);
    put(bytes + AT_LOST, 2, message->lost);
}

static bool decode_agents(const uint8_t *bytes, struct channel_message *message)
{
    message->fresh = (uint16_t)get(bytes + AT_FRESH, 2);
    message->lost = (uint16_t)get(bytes + AT_LOST, 2);
    return message->lost <= message->fresh && is_zero(bytes + AT_FLAG, AT_PAD - AT_FLAG) &&
           is_zero(bytes + AT_SINCE, CHANNEL_SIZE - AT_SINCE);
}

static void encode_note(const struct channel_message *message, uint8_t *bytes)
{
    assert(message->subject < CHANNEL_SUBJECTS);
    assert(message->number > 0);
    assert(message->since_ms >= 0);
    assert(is_word_or_none(message->from, CHANNEL_WORD_SIZE));
    assert(is_word(message->to, CHANNEL_WORD_SIZE));
    assert(is_word(message->reason, CHANNEL_REASON_SIZE));
    bytes[AT_FAMILY] = (uint8_t)message->subject;
    put(bytes + AT_PAD, 4, message->number);
    put(bytes + AT_SINCE, 8, (uint64_t)message->since_ms);
    memcpy(bytes + AT_FROM, message->from, CHANNEL_WORD_SIZE);
    memcpy(bytes + AT_TO, message->to, CHANNEL_WORD_SIZE);
    memcpy(bytes + AT_WHY, message->reason, CHANNEL_REASON_SIZE);
}

static bool decode_note(const uint8_t *bytes, struct channel_message *message)
{
    message->subject = bytes[AT_FAMILY];
    message->number = (uint32_t)get(bytes + AT_PAD, 4);
    memcpy(message->from, bytes + AT_FROM, CHANNEL_WORD_SIZE);
    memcpy(message->to, bytes + AT_TO, CHANNEL_WORD_SIZE);
    memcpy(message->reason, bytes + AT_WHY, CHANNEL_REASON_SIZE);
    return bytes[AT_FLAG] == 0 && message->subject < CHANNEL_SUBJECTS && message->number > 0 &&
           get_since(bytes, message) && is_word_or_none(message->from, CHANNEL_WORD_SIZE) &&
           is_word(message->to, CHANNEL_WORD_SIZE) && is_word(message->reason, CHANNEL_REASON_SIZE);
}

static void encode_state(const struct channel_message *message, uint8_t *bytes)
{
    assert(message->fault <= PAIR_FAULT_LAST);
    assert(message->reception <= RECEPTION_STATE_LAST);
    assert(message->gate <= GATE_STOPPING);
    assert(message->flags <= CHANNEL_FLAGS);
    bytes[AT_FAMILY] = (uint8_t)message->fault;
    bytes[AT_RECEPTION] = (uint8_t)message->reception;
    bytes[AT_GATE] = (uint8_t)message->gate;
    put(bytes + AT_FLAGS, 2, message->flags);
    for (int i = 0; i < PAIR_NODES; i++)
        put(bytes + AT_HOLD + 4 * i, 4, message->hold_ms[i]);
}

static bool decode_state(const uint8_t *bytes, struct channel_message *message)
{
    message->fault = bytes[AT_FAMILY];
    message->reception = bytes[AT_RECEPTION];
    message->gate = bytes[AT_GATE];
    message->flags = (unsigned)get(bytes + AT_FLAGS, 2);
    for (int i = 0; i < PAIR_NODES; i++)
        message->hold_ms[i] = (uint32_t)get(bytes + AT_HOLD + 4 * i, 4);
    return bytes[AT_FLAG] == 0 && message->fault <= PAIR_FAULT_LAST &&
           message->reception <= RECEPTION_STATE_LAST && message->gate <= GATE_STOPPING &&
           message->flags <= CHANNEL_FLAGS &&
           is_zero(bytes + AT_ADDRESS, CHANNEL_SIZE - AT_ADDRESS);
}

static void encode_counters(const struct channel_message *message, uint8_t *bytes)
{
    bytes[AT_FAMILY] = (uint8_t)message->group;
    for (size_t i = 0; i < channel_group_size(message->group); i++)
        put(bytes + AT_COUNTS + 4 * i, 4, message->counts[i]);
}

static bool decode_counters(const uint8_t *bytes, struct channel_message *message)
{
    message->group = bytes[AT_FAMILY];
    if (message->group >= CHANNEL_GROUPS || bytes[AT_FLAG] != 0)
        return false;
    size_t count = channel_group_size(message->group);
    for (size_t i = 0; i < count; i++)
        message->counts[i] = (uint32_t)get(bytes + AT_COUNTS + 4 * i, 4);
    return is_zero(bytes + AT_PAD, AT_COUNTS - AT_PAD) &&
           is_zero(bytes + AT_COUNTS + 4 * count, CHANNEL_SIZE - AT_COUNTS - 4 * count);
}

static void encode_stranger(const struct channel_message *message, uint8_t *bytes)
{
    assert(message->home <= 1);
    assert(message->since_ms >= 0);
    bytes[AT_FAMILY] = message->home;
    put(bytes + AT_SINCE, 8, (uint64_t)message->since_ms);
    memcpy(bytes + AT_ADDRESS, message->mac, CHANNEL_MAC_SIZE);
}

static bool decode_stranger(const uint8_t *bytes, struct channel_message *message)
{
    const int end = AT_ADDRESS + CHANNEL_MAC_SIZE;
    message->home = bytes[AT_FAMILY];
    memcpy(message->mac, bytes + AT_ADDRESS, CHANNEL_MAC_SIZE);
    return bytes[AT_FLAG] == 0 && message->home <= 1 && get_since(bytes, message) &&
           is_zero(bytes + AT_PAD, AT_SINCE - AT_PAD) && is_zero(bytes + end, CHANNEL_SIZE - end);
}

static void encode_witness(const struct channel_message *message, uint8_t *bytes)
{
    assert(is_address(&message->address));
    assert(message->since_ms >= 0);
    bytes[AT_FLAG] = message->is_heard;
    bytes[AT_FAMILY] = message->address.family;
    put(bytes + AT_SINCE, 8, (uint64_t)message->since_ms);
    memcpy(bytes + AT_ADDRESS, message->address.bytes, sizeof message->address.bytes);
}

static bool decode_witness(const uint8_t *bytes, struct channel_message *message)
{
    message->is_heard = bytes[AT_FLAG];
    message->address.family = bytes[AT_FAMILY];
    memcpy(message->address.bytes, bytes + AT_ADDRESS, sizeof message->address.bytes);
    return get_since(bytes, message) && is_zero(bytes + AT_PAD, AT_SINCE - AT_PAD) &&
           is_address(&message->address) && is_zero(bytes + AT_REASON, CHANNEL_SIZE - AT_REASON);
}

static const struct {
    void (*encode)(const struct channel_message *message, uint8_t *bytes);
    bool (*decode)(const uint8_t *bytes, struct channel_message *message);
} codecs[CHANNEL_KINDS] = {
    [CHANNEL_READY] = {encode_nothing, decode_nothing},
    [CHANNEL_SYNC] = {encode_sync, decode_sync},
    [CHANNEL_ADDRESS] = {encode_address, decode_address},
    [CHANNEL_STOP] = {encode_nothing, decode_nothing},
    [CHANNEL_HANDOVER] = {encode_handover, decode_handover},
    [CHANNEL_RESET] = {encode_nothing, decode_nothing},
    [CHANNEL_AGENTS] = {encode_agents, decode_agents},
    [CHANNEL_UPGRADE] = {encode_nothing, decode_nothing},
    [CHANNEL_NOTE] = {encode_note, decode_note},
    [CHANNEL_STATE] = {encode_state, decode_state},
    [CHANNEL_COUNTERS] = {encode_counters, decode_counters},
    [CHANNEL_STRANGER] = {encode_stranger, decode_stranger},
    [CHANNEL_WITNESS] = {encode_witness, decode_witness},
};

void channel_encode(const struct channel_message *message, uint8_t bytes[CHANNEL_SIZE])
{
    assert(message->kind >= CHANNEL_READY);
    assert(message->kind < CHANNEL_KINDS);
    memset(bytes, 0, CHANNEL_SIZE);
    bytes[AT_VERSION] = CHANNEL_VERSION;
    bytes[AT_KIND] = (uint8_t)message->kind;
    codecs[message->kind].encode(message, bytes);
}

enum channel_refusal channel_decode(const uint8_t *bytes, size_t size,
                                    struct channel_message *message)
{
    assert(message != NULL);
    if (size != CHANNEL_SIZE)
        return CHANNEL_BAD_SIZE;
    if (bytes[AT_VERSION] != CHANNEL_VERSION)
        return CHANNEL_BAD_VERSION;
    if (bytes[AT_KIND] < CHANNEL_READY || bytes[AT_KIND] >= CHANNEL_KINDS)
        return CHANNEL_BAD_KIND;
    struct channel_message decoded = {.kind = bytes[AT_KIND]};
    if (bytes[AT_FLAG] > 1 || !codecs[decoded.kind].decode(bytes, &decoded))
        return CHANNEL_BAD_FIELD;
    *message = decoded;
    return CHANNEL_ACCEPTED;
}

int channel_open_pair(int *guardian_fd, int *worker_fd)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return -errno;
    *guardian_fd = fds[0];
    *worker_fd = fds[1];
    return 0;
}

int channel_open_worker(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return errno == ENOTSOCK ? -EPROTOTYPE : -errno;
    if (type != SOCK_SEQPACKET)
        return -EPROTOTYPE;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

int channel_send(int fd, const struct channel_message *message)
{
    uint8_t bytes[CHANNEL_SIZE];
    channel_encode(message, bytes);
    return send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int channel_receive(int fd, struct channel_message *message)
{
    uint8_t bytes[CHANNEL_SIZE];
    /* MSG_TRUNC: the true length also of a message that was longer than it may be. Descriptors
     * that a hostile worker attaches are closed by the kernel, as we ask for none. */
    ssize_t size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    /* Nobody sends empty messages, so an empty one is the end. */
    if (size == 0)
        return -EPIPE;
    return channel_decode(bytes, (size_t)size, message) == CHANNEL_ACCEPTED ? 1 : -EBADMSG;
}
