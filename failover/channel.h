/* failover/channel.h -- what the guardian and the worker say to each other.
 *
 * One SOCK_SEQPACKET socketpair, messages of one fixed size, no answer expected to any of them:
 *
 *   worker   -> guardian   READY     sockets are bound, page_live was called, queries are answered
 *                          SYNC      does the worker hold the partner's snapshot?
 *                          HANDOVER  whose a home is by an order, and the order's version
 *                          RESET     an operator wants flaps forgotten
 *   guardian -> worker     ADDRESS   is this service address held, since when and why
 *                          STOP      finish and exit 0; SIGKILL follows after 3 s
 *
 * The end of the channel is a message too: a worker that reads -EPIPE has lost its guardian and
 * stops. The guardian believes no byte of it; what does not decode is refused, counted and changes
 * nothing. Both ends are non-blocking.
 *
 *   byte  0        1      2                     3                   4..7
 *         version  kind   flag: synced or held  family: 0, 4 or 6   zero
 *         8..15                       16..31    32..55              56..63
 *         since_ms, big-endian        address   reason, NUL-padded  zero
 *
 * HANDOVER has its home in byte 3, whether it is away in byte 2 and its version in 4..7. */
#ifndef TANDEM_FAILOVER_CHANNEL_H
#define TANDEM_FAILOVER_CHANNEL_H

#include "replication/ip.h"

enum {
    CHANNEL_VERSION = 1,
    CHANNEL_VERSION_MAX = 0x3fffffff,
    CHANNEL_SIZE = 64,       /* bytes of every message */
    CHANNEL_REASON_SIZE = 24 /* bytes of a reason word and at least one NUL */
};

enum channel_kind {
    CHANNEL_READY = 1,
    CHANNEL_SYNC,
    CHANNEL_ADDRESS,
    CHANNEL_STOP,
    CHANNEL_HANDOVER,
    CHANNEL_RESET,
};

struct channel_message {
    enum channel_kind kind;
    bool synced;                      /* SYNC */
    bool held;                        /* ADDRESS */
    bool away;                        /* HANDOVER: to the home's partner, or back */
    uint8_t home;                     /* HANDOVER: 0 or 1 */
    uint32_t version;                 /* HANDOVER: 0..CHANNEL_VERSION_MAX */
    struct ip address;                /* ADDRESS; family 4 or 6 */
    int64_t since_ms;                 /* ADDRESS: CLOCK_MONOTONIC of this host, >= 0 */
    char reason[CHANNEL_REASON_SIZE]; /* ADDRESS: one word of [a-z0-9-], the same as in the log */
};

enum channel_refusal {
    CHANNEL_ACCEPTED,
    CHANNEL_BAD_SIZE,
    CHANNEL_BAD_VERSION,
    CHANNEL_BAD_KIND,
    CHANNEL_BAD_FIELD /* a value out of range, or a field that this kind does not have */
};

/* Pure. The message must be valid: a kind, and for ADDRESS an address and a reason. */
void channel_encode(const struct channel_message *message, uint8_t bytes[CHANNEL_SIZE]);
/* Pure. *message is overwritten only when CHANNEL_ACCEPTED. */
enum channel_refusal channel_decode(const uint8_t *bytes, size_t size,
                                    struct channel_message *message);

/* Guardian: both ends, closed on exec. 0 or -errno. */
int channel_open_pair(int *guardian_fd, int *worker_fd);
/* Worker: check that the inherited descriptor is such a channel and make it non-blocking and closed
 * on exec. 0 or -errno; -EPROTOTYPE when it is something else. */
int channel_open_worker(int fd);

/* 0, -EAGAIN when the other end does not read, -EPIPE when it is gone, or another -errno. */
int channel_send(int fd, const struct channel_message *message);
/* 1 and a message; 0: none waits; -EBADMSG: one was refused and dropped, read on; -EPIPE: the other
 * end is gone; or another -errno. */
int channel_receive(int fd, struct channel_message *message);

#endif
