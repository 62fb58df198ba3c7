#include "node/dns/udp_probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/dns/dice.h"

enum {
    PROBES_MAX = 4, /* of one turn: whoever sends more delays no query */
    PROBE_SIZE_MAX = sizeof(struct page_probe) + PAGE_PROBE_QUERY_MAX,
};

int udp_probe_open(struct udp_probe *self, const struct ip *address, struct page *page,
                   size_t thread, char *error)
{
    uint16_t port = 0;
    *self = (struct udp_probe){
        .fd = socket_open_udp(address, &port, true, error),
        .address = *address,
        .thread = (uint32_t)thread,
        .boot = page->boot,
    };
    if (self->fd < 0)
        return self->fd;
    /* The host's traffic to itself passes there, and nobody else's. The guardian hears no answer
     * that comes otherwise: to the kernel it would have come in on the address's interface. */
    static const char loopback[] = "lo";
    if (setsockopt(self->fd, SOL_SOCKET, SO_BINDTODEVICE, loopback, sizeof loopback) < 0) {
        int failed = -errno;
        snprintf(error, SOCKET_ERROR_MAX,
                 "cannot bind to device lo (%s): see that the kernel is Linux 5.10 or newer",
                 strerror(-failed));
        udp_probe_close(self);
        return failed;
    }
    atomic_store(&page->threads[thread].probe_port, port);
    return 0;
}

void udp_probe_close(struct udp_probe *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

/* From the node's own address, of this life, and meant for this thread. */
static bool is_probe(const struct udp_probe *self, const uint8_t *bytes, ssize_t size,
                     const union socket_name *from)
{
    const ssize_t least = (ssize_t)sizeof(struct page_probe) + PAGE_PROBE_QUERY_MIN;
    struct ip source = socket_ip(from);
    if (size < least || size > PROBE_SIZE_MAX || !ip_equal(&source, &self->address))
        return false;
    struct page_probe probe;
    memcpy(&probe, bytes, sizeof probe);
    return probe.magic == PAGE_PROBE_MAGIC && probe.boot == self->boot &&
           probe.thread == self->thread;
}

/* The answer goes behind what the probe begins with. Without a view there is none. */
static size_t answer_probe(const struct udp_probe *self, const struct publisher *publisher,
                           uint64_t *dice, const uint8_t *bytes, size_t size, uint8_t *out)
{
    struct answer_request request = {
        .view = publish_view(publisher),
        .bytes = bytes + sizeof(struct page_probe),
        .size = size - sizeof(struct page_probe),
        .client = self->address,
        .now_ms = udp_now_ms(),
        .dice = dice_throw(dice),
    };
    struct answer answer = {0};
    if (request.view != NULL)
        answer_query(&request, out + sizeof(struct page_probe), QUERY_UDP_SIZE_MAX, &answer);
    if (answer.size == 0)
        return 0;
    memcpy(out, bytes, sizeof(struct page_probe));
    return sizeof(struct page_probe) + answer.size;
}

void udp_probe_serve(struct udp_probe *self, const struct publisher *publisher, uint64_t *dice,
                     struct udp_counts *counts)
{
    for (int i = 0; i < PROBES_MAX; i++) {
        uint8_t bytes[PROBE_SIZE_MAX + 1]; /* one more: what is too long shows */
        uint8_t out[sizeof(struct page_probe) + QUERY_UDP_SIZE_MAX];
        union socket_name from;
        socklen_t from_size = sizeof from;
        ssize_t size = recvfrom(self->fd, bytes, sizeof bytes, MSG_DONTWAIT, &from.any, &from_size);
        if (size < 0)
            return;
        if (!is_probe(self, bytes, size, &from)) {
            udp_add(&counts->probes_malformed, 1);
            continue;
        }
        size_t out_size = answer_probe(self, publisher, dice, bytes, (size_t)size, out);
        bool is_sent = out_size > 0 && sendto(self->fd, out, out_size, MSG_DONTWAIT, &from.any,
                                              from_size) == (ssize_t)out_size;
        udp_add(is_sent ? &counts->probes : &counts->probes_unanswered, 1);
    }
}
