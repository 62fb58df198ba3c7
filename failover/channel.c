#include "failover/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    AT_VERSION = 0,
    AT_KIND = 1,
    AT_FLAG = 2,
    AT_FAMILY = 3,
    AT_PAD = 4,
    AT_SINCE = 8,
    AT_ADDRESS = 16,
    AT_REASON = 32,
    AT_END = 56 /* of the fields; zeroes up to CHANNEL_SIZE */
};

_Static_assert(AT_END - AT_REASON == (int)CHANNEL_REASON_SIZE, "the reason ends the fields");

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}

/* One word of [a-z0-9-], ended by a NUL, with nothing but NULs behind it. */
static bool is_reason(const char reason[CHANNEL_REASON_SIZE])
{
    size_t length = strnlen(reason, CHANNEL_REASON_SIZE);
    if (length == 0 || length == CHANNEL_REASON_SIZE)
        return false;
    if (strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
        return false;
    return is_zero((const uint8_t *)reason + length, CHANNEL_REASON_SIZE - length);
}

static bool is_address(const struct ip *ip)
{
    if (ip->family == 4)
        return is_zero(ip->bytes + 4, sizeof ip->bytes - 4);
    return ip->family == 6;
}

static void encode_handover(const struct channel_message *message, uint8_t bytes[CHANNEL_SIZE])
{
    assert(message->home <= 1);
    assert(message->version <= CHANNEL_VERSION_MAX);
    bytes[AT_FLAG] = message->away;
    bytes[AT_FAMILY] = message->home;
    for (int i = 0; i < 4; i++)
        bytes[AT_PAD + i] = (uint8_t)(message->version >> (24 - 8 * i));
}

static bool decode_handover(const uint8_t bytes[CHANNEL_SIZE], struct channel_message *message)
{
    message->away = bytes[AT_FLAG];
    message->home = bytes[AT_FAMILY];
    for (int i = 0; i < 4; i++)
        message->version = message->version << 8 | bytes[AT_PAD + i];
    return message->home <= 1 && message->version <= CHANNEL_VERSION_MAX &&
           is_zero(bytes + AT_SINCE, CHANNEL_SIZE - AT_SINCE);
}

void channel_encode(const struct channel_message *message, uint8_t bytes[CHANNEL_SIZE])
{
    assert(message->kind >= CHANNEL_READY);
    assert(message->kind <= CHANNEL_RESET);
    memset(bytes, 0, CHANNEL_SIZE);
    bytes[AT_VERSION] = CHANNEL_VERSION;
    bytes[AT_KIND] = (uint8_t)message->kind;
    if (message->kind == CHANNEL_SYNC)
        bytes[AT_FLAG] = message->synced;
    if (message->kind == CHANNEL_HANDOVER)
        encode_handover(message, bytes);
    if (message->kind != CHANNEL_ADDRESS)
        return;
    assert(is_address(&message->address));
    assert(message->since_ms >= 0);
    assert(is_reason(message->reason));
    bytes[AT_FLAG] = message->held;
    bytes[AT_FAMILY] = message->address.family;
    for (int i = 0; i < 8; i++)
        bytes[AT_SINCE + i] = (uint8_t)((uint64_t)message->since_ms >> (56 - 8 * i));
    memcpy(bytes + AT_ADDRESS, message->address.bytes, sizeof message->address.bytes);
    memcpy(bytes + AT_REASON, message->reason, CHANNEL_REASON_SIZE);
}

/* The fields of ADDRESS; false when one is out of range. */
static bool decode_address(const uint8_t bytes[CHANNEL_SIZE], struct channel_message *message)
{
    uint64_t since = 0;
    for (int i = 0; i < 8; i++)
        since = since << 8 | bytes[AT_SINCE + i];
    if (since > INT64_MAX || !is_zero(bytes + AT_PAD, AT_SINCE - AT_PAD))
        return false;
    message->since_ms = (int64_t)since;
    message->held = bytes[AT_FLAG];
    message->address.family = bytes[AT_FAMILY];
    memcpy(message->address.bytes, bytes + AT_ADDRESS, sizeof message->address.bytes);
    memcpy(message->reason, bytes + AT_REASON, CHANNEL_REASON_SIZE);
    return is_address(&message->address) && is_reason(message->reason) &&
           is_zero(bytes + AT_END, CHANNEL_SIZE - AT_END);
}

enum channel_refusal channel_decode(const uint8_t *bytes, size_t size,
                                    struct channel_message *message)
{
    assert(message != NULL);
    if (size != CHANNEL_SIZE)
        return CHANNEL_BAD_SIZE;
    if (bytes[AT_VERSION] != CHANNEL_VERSION)
        return CHANNEL_BAD_VERSION;
    if (bytes[AT_KIND] < CHANNEL_READY || bytes[AT_KIND] > CHANNEL_RESET)
        return CHANNEL_BAD_KIND;
    if (bytes[AT_FLAG] > 1)
        return CHANNEL_BAD_FIELD;

    struct channel_message decoded = {.kind = bytes[AT_KIND]};
    if (decoded.kind == CHANNEL_ADDRESS) {
        if (!decode_address(bytes, &decoded))
            return CHANNEL_BAD_FIELD;
    } else if (decoded.kind == CHANNEL_HANDOVER) {
        if (!decode_handover(bytes, &decoded))
            return CHANNEL_BAD_FIELD;
    } else {
        decoded.synced = bytes[AT_FLAG];
        if (decoded.synced && decoded.kind != CHANNEL_SYNC)
            return CHANNEL_BAD_FIELD;
        if (!is_zero(bytes + AT_FAMILY, CHANNEL_SIZE - AT_FAMILY))
            return CHANNEL_BAD_FIELD;
    }
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
