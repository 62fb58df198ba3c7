#include "failover/probe.h"

#include <errno.h>
#include <unistd.h>

#include "failover/page.h"
#include "failover/sockaddr.h"

enum {
    QUERY_SIZE = 17,       /* a header, the root, type and class */
    ANSWER_SIZE_MIN = 12,  /* a DNS header */
    ANSWER_SIZE_MAX = 1500 /* more is cut, and its beginning still tells */
};

int probe_open(struct probe *self, const struct ip *address)
{
    static const char loopback[] = "lo";
    const int yes = 1;
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, address, 0);
    bool is_v4 = address->family == 4;
    *self = (struct probe){.address = *address};
    self->fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return -errno;
    if (setsockopt(self->fd, SOL_SOCKET, SO_BINDTODEVICE, loopback, sizeof loopback) < 0 ||
        setsockopt(self->fd, is_v4 ? SOL_IP : SOL_IPV6, is_v4 ? IP_FREEBIND : IPV6_FREEBIND, &yes,
                   sizeof yes) < 0 ||
        bind(self->fd, (struct sockaddr *)&name, size) < 0) {
        int error = -errno;
        probe_close(self);
        return error;
    }
    return 0;
}

void probe_close(struct probe *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

int probe_send(struct probe *self, uint64_t boot, uint32_t thread, uint32_t port, uint64_t nonce)
{
    if (port == 0 || port > UINT16_MAX)
        return 0;
    struct page_probe start = {PAGE_PROBE_MAGIC, thread, boot, nonce};
    /* RFC 1035 §4.1: the ID, no flags, one question: the root, SOA, IN. It is in nobody's zones or
     * in ours; any answer proves the same. */
    uint8_t bytes[sizeof start + QUERY_SIZE] = {0}, *query = bytes + sizeof start;
    memcpy(bytes, &start, sizeof start);
    query[0] = (uint8_t)(nonce >> 8);
    query[1] = (uint8_t)nonce;
    query[5] = 1;
    query[14] = 6;
    query[16] = 1;
    struct sockaddr_storage to;
    socklen_t size = sockaddr_make(&to, &self->address, (uint16_t)port);
    ssize_t sent =
        sendto(self->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&to, size);
    return sent < 0 ? -errno : 0;
}

/* Is it an answer, QR set (RFC 1035 §4.1.1), to the query that goes with the nonce? */
static bool is_answer(const uint8_t *dns, size_t size, uint64_t nonce)
{
    return size >= ANSWER_SIZE_MIN && dns[0] == (uint8_t)(nonce >> 8) && dns[1] == (uint8_t)nonce &&
           (dns[2] & 0x80) != 0;
}

int probe_receive(struct probe *self, uint64_t boot, struct probe_answer *answer)
{
    struct page_probe start;
    uint8_t bytes[sizeof start + ANSWER_SIZE_MAX];
    ssize_t size = recv(self->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0)
        return errno == EAGAIN ? 0 : -errno;
    if ((size_t)size >= sizeof start) {
        memcpy(&start, bytes, sizeof start);
        if (start.magic == PAGE_PROBE_MAGIC && start.boot == boot &&
            is_answer(bytes + sizeof start, (size_t)size - sizeof start, start.nonce)) {
            *answer = (struct probe_answer){.thread = start.thread, .nonce = start.nonce};
            return 1;
        }
    }
    self->refused++;
    return -EBADMSG;
}
