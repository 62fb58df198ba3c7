/* failover/beat_socket.h -- the datagrams between the guardians, on the pair link.
 *
 * One UDP socket of the own pair address; only what comes from the partner's address and port is
 * handed up. A port that nobody listens on is told as soon as the partner's kernel says so
 * (ICMP port unreachable): its guardian is gone, its host is not. Non-blocking; one thread. */
#ifndef TANDEM_FAILOVER_BEAT_SOCKET_H
#define TANDEM_FAILOVER_BEAT_SOCKET_H

#include <sys/types.h>

#include "replication/ip.h"

struct beat_socket {
    int fd; /* -1: closed */
    uint16_t port;
    struct ip partner;
};

/* The address need not be there yet. 0 or -errno. */
int beat_socket_open(struct beat_socket *self, const struct ip *own, const struct ip *partner,
                     uint16_t port);
void beat_socket_close(struct beat_socket *self);

/* 0 or -errno. -ECONNREFUSED: of an earlier one, nobody listened there; this one was not sent. */
int beat_socket_send(struct beat_socket *self, const uint8_t *bytes, size_t size);

/* The size of the next datagram of the partner (cut to size), 0 when none waits, -ECONNREFUSED as
 * above, or -errno. Datagrams from elsewhere are counted in *strange and dropped. */
ssize_t beat_socket_receive(struct beat_socket *self, uint8_t *bytes, size_t size,
                            uint64_t *strange);

#endif
