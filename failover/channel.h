/* failover/channel.h -- what the guardian and the worker say to each other.
 *
 * One SOCK_SEQPACKET socketpair, messages of one fixed size, no answer expected to any of them:
 *
 *   worker   -> guardian   READY     sockets are bound, page_live was called, queries are answered
 *                          SYNC      does the worker hold the partner's snapshot?
 *                          HANDOVER  whose a home is by an order, and the order's version
 *                          RESET     an operator wants flaps forgotten
 *                          AGENTS    how many are heard, and how many of them lost the partner
 *                          UPGRADE   an operator wants this worker replaced, and no query lost
 *   guardian -> worker     ADDRESS   is this service address held, since when and why
 *                          STOP      finish and exit 0; SIGKILL follows after 3 s
 *                          NOTE      what happened, when and why: a line of the events
 *                          STATE     how the guardian and its partner are
 *                          COUNTERS  one group of what it counts
 *                          STRANGER  somebody else claims the addresses of a home
 *                          WITNESS   one of them, and when it was heard last
 *
 * The end of the channel is a message too: a worker that reads -EPIPE has lost its guardian and
 * stops. The guardian believes no byte of it; what does not decode is refused, counted and changes
 * nothing, so that either program may be newer than the other. Both ends are non-blocking.
 *
 *   byte  0        1      2                     3                   4..7
 *         version  kind   flag: synced or held  family: 0, 4 or 6   zero
 *         8..15                       16..31    32..55              56..63
 *         since_ms, big-endian        address   reason, NUL-padded  zero
 *
 * Other kinds have other fields in place of these; all else is zero:
 *
 *   HANDOVER   2 away   3 home     4..7 version
 *   AGENTS                         4..5 fresh  6..7 lost
 *   NOTE       3 subject  4..7 number  8..15 when  16..27 from  28..39 to  40..63 reason
 *   STATE      3 fault  4 reception  5 gate  6..7 flags   8..11, 12..15 hold of each home, ms
 *   COUNTERS   3 group             8..63 fourteen numbers of 4 bytes
 *   STRANGER   3 home              8..15 when last   16..21 its MAC, zero when it is not known
 *   WITNESS    2 was it ever heard  3 family   8..15 when last   16..31 address */
#ifndef TANDEM_FAILOVER_CHANNEL_H
#define TANDEM_FAILOVER_CHANNEL_H

#include "failover/gate.h"
#include "failover/pair.h"
#include "replication/ip.h"

enum {
    CHANNEL_VERSION = 1,
    CHANNEL_VERSION_MAX = 0x3fffffff,
    CHANNEL_SIZE = 64,        /* bytes of every message */
    CHANNEL_REASON_SIZE = 24, /* bytes of a reason word and at least one NUL */
    CHANNEL_WORD_SIZE = 12,   /* likewise of a state */
    CHANNEL_COUNTS_MAX = 14,
    CHANNEL_MAC_SIZE = 6,
};

enum channel_kind {
    CHANNEL_READY = 1,
    CHANNEL_SYNC,
    CHANNEL_ADDRESS,
    CHANNEL_STOP,
    CHANNEL_HANDOVER,
    CHANNEL_RESET,
    CHANNEL_AGENTS,
    CHANNEL_UPGRADE,
    CHANNEL_NOTE,
    CHANNEL_STATE,
    CHANNEL_COUNTERS,
    CHANNEL_STRANGER,
    CHANNEL_WITNESS,
    CHANNEL_KINDS, /* their number, and one */
};

/* What a NOTE is about. */
enum channel_subject {
    CHANNEL_HOME_0,    /* the primary's addresses; from, to, reason of failover/pair.h */
    CHANNEL_HOME_1,    /* the secondary's */
    CHANNEL_WORKER,    /* of failover/supervise.h */
    CHANNEL_GATE,      /* of failover/gate.h */
    CHANNEL_RECEPTION, /* of failover/reception.h */
    CHANNEL_LOOP,      /* woken late */
    CHANNEL_GUARDIAN,  /* start, stop, upgrade */
    CHANNEL_SUBJECTS,
};

/* What is counted together, each number since the guardian's start; it stays at the highest. */
enum channel_group {
    CHANNEL_BEATS,          /* by enum beat_refusal */
    CHANNEL_ADVERTISEMENTS, /* by enum advertisement_refusal */
    CHANNEL_NEIGHBOURS,     /* by enum neighbour_refusal */
    CHANNEL_LOOPS,          /* by enum channel_loop */
    CHANNEL_GROUPS,
};

enum channel_loop {
    CHANNEL_UNSENT,     /* datagrams and frames that the kernel did not take */
    CHANNEL_NOTES_LOST, /* of what happened more than is kept */
    CHANNEL_WAKES_LATE,
    CHANNEL_REOPENED, /* sockets, for the interface was made anew */
    CHANNEL_ALARMS,   /* claims of strangers on an address */
    CHANNEL_STRANGE,  /* datagrams to the port for beats, not from the partner */
    CHANNEL_UNREAD,   /* frames of neighbours that came faster than they were read */
    CHANNEL_REFUSED,  /* messages of this worker */
    CHANNEL_LINES_LOST,
    CHANNEL_LOOPS_COUNTED,
};

/* What is so of the guardian, in STATE. */
enum channel_flag {
    CHANNEL_HAS_PARTNER = 1,
    CHANNEL_HAS_INTERFACE = 2, /* addresses are the guardian's to add */
    CHANNEL_HEARS_BEATS = 4,
    CHANNEL_HEARS_ADVERTISEMENTS = 8,
    CHANNEL_PARTNER_HOLDS = 16, /* its beat says that it holds an address */
    CHANNEL_PARTNER_ABLE = 32,  /* it is fit and synced: it could hold all of them */
    CHANNEL_TRIPWIRE_UP = 64,
    CHANNEL_OTHER_DOCUMENT = 128, /* for over a second its beat names another one */
    CHANNEL_MEMORY_LOCKED = 256,
    CHANNEL_COMES_FIRST = 512,   /* real-time priority */
    CHANNEL_UNCONFIRMED = 1024,  /* no witness confirms an address that this node holds */
    CHANNEL_DELETED = 2048,      /* somebody on this host deletes its addresses again and again */
    CHANNEL_ADVERTISED_0 = 4096, /* the partner's advertisements of the first home are heard */
    CHANNEL_ADVERTISED_1 = 8192,
    CHANNEL_SPARE_REFUSED = 16384, /* no witness answers to the spare address */
    CHANNEL_SPARE_TAKEN = 32768,   /* somebody else has it */
    CHANNEL_FLAGS = 65535,         /* all of them */
};

struct channel_message {
    enum channel_kind kind;
    bool synced;                      /* SYNC */
    bool held;                        /* ADDRESS */
    bool away;                        /* HANDOVER: to the home's partner, or back */
    uint8_t home;                     /* HANDOVER, STRANGER: 0 or 1 */
    uint32_t version;                 /* HANDOVER: 0..CHANNEL_VERSION_MAX */
    struct ip address;                /* ADDRESS, WITNESS; family 4 or 6 */
    int64_t since_ms;                 /* ADDRESS; NOTE: when it was; STRANGER, WITNESS: when heard
                                         last: CLOCK_MONOTONIC of this host, >= 0 */
    char reason[CHANNEL_REASON_SIZE]; /* ADDRESS, NOTE: one word of [a-z0-9-], the same as in the
                                         log */
    uint16_t fresh, lost;             /* AGENTS: lost <= fresh */
    enum channel_subject subject;     /* NOTE */
    uint32_t number;                  /* NOTE: from 1, without gaps but for what was lost */
    char from[CHANNEL_WORD_SIZE],
        to[CHANNEL_WORD_SIZE]; /* NOTE: words as a reason; from may be "" */
    enum pair_fault fault;     /* STATE, and all up to hold_ms */
    enum reception_state reception;
    enum gate_reason gate;
    unsigned flags; /* enum channel_flag */
    uint32_t hold_ms[PAIR_NODES];
    enum channel_group group;            /* COUNTERS */
    uint32_t counts[CHANNEL_COUNTS_MAX]; /* COUNTERS: those of its group, else 0 */
    uint8_t mac[CHANNEL_MAC_SIZE];       /* STRANGER */
    bool is_heard;                       /* WITNESS: ever */
};

enum channel_refusal {
    CHANNEL_ACCEPTED,
    CHANNEL_BAD_SIZE,
    CHANNEL_BAD_VERSION,
    CHANNEL_BAD_KIND,
    CHANNEL_BAD_FIELD /* a value out of range, or a field that this kind does not have */
};

/* How many numbers a group has, at most CHANNEL_COUNTS_MAX. */
size_t channel_group_size(enum channel_group group);

/* Pure. The message must be valid: a kind, and its fields within their ranges. */
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
