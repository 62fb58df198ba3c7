/* failover/address_watch.h -- what others do to the interface and to the service addresses on it.
 *
 * The kernel tells of every change; this keeps what is, compares it with what should be, and hands
 * up the difference. So it does not matter who did what in which order, nor how many changes lie
 * between two readings: this host's own leases and refreshes are no events, and what was undone
 * meanwhile is none either. A reading that the kernel could not keep up with (ENOBUFS) is repeated
 * as a listing of everything.
 *
 * A carrier that is lost is told at once; the kernel itself delays the news of one that flaps by up
 * to a second.
 *
 * Non-blocking; one thread. Needs no capability. No memory but its own. */
#ifndef TANDEM_FAILOVER_ADDRESS_WATCH_H
#define TANDEM_FAILOVER_ADDRESS_WATCH_H

#include <net/if.h>

#include "failover/socket.h"
#include "replication/ip.h"

enum { ADDRESS_WATCH_MAX = 8 /* addresses */ };

enum address_watch_kind {
    ADDRESS_WATCH_GONE,     /* the interface: deleted, or renamed */
    ADDRESS_WATCH_RETURNED, /* it is there again, with the index `interface`; its carrier follows */
    ADDRESS_WATCH_CARRIER,  /* is_up: it is up, and its cable leads somewhere */
    ADDRESS_WATCH_MISSING,  /* ip should be on the interface and is not */
    ADDRESS_WATCH_STRANGE,  /* ip should not be there and is: somebody else added it */
};

struct address_watch_event {
    enum address_watch_kind kind;
    bool is_up;
    int interface;
    struct ip ip;
};

struct address_watch {
    int fd; /* watch it for reading; -1: closed */
    char name[IF_NAMESIZE];
    /* what is, as the kernel told last */
    int interface; /* index; 0: gone */
    bool is_up;
    struct watched_address {
        struct ip ip;
        bool is_present;
        bool is_expected;
        bool is_settling; /* leased, and the kernel has not told of it yet */
        bool is_told;     /* that the two differ */
    } addresses[ADDRESS_WATCH_MAX];
    size_t count;
    /* what was handed up */
    int told_interface;
    bool told_up;
    /* private */
    bool is_listing;   /* addresses come in one by one; nothing is judged before the last */
    bool is_doubtful;  /* news were lost: list again */
    uint32_t sequence; /* of the last request */
    unsigned resyncs;
};

/* Watch the interface of that name, which is there, and these addresses on it, none of which is
 * expected yet. 0, or -errno and a sentence. address_watch_close in either case. */
int address_watch_open(struct address_watch *self, const char *interface, const struct ip *ips,
                       size_t count, char sentence[SOCKET_SENTENCE_SIZE]);
/* Accepts one that is half open, closed, or zeroed but for its descriptor of -1. */
void address_watch_close(struct address_watch *self);

/* The address was leased, or deleted, by this host's own will: say so before the next reading. */
void address_watch_expect(struct address_watch *self, const struct ip *ip, bool is_expected);

/* Was it added just now, and does the kernel not yet take in what is sent to it? Of IPv6 alone, for
 * some milliseconds: the way to a new address is made by work that the kernel queues. */
bool address_watch_is_settling(const struct address_watch *self, const struct ip *ip);

/* 1 and what differs, 0 when nothing does, or -errno. The first reading tells the carrier. Reads at
 * most a few dozen messages. */
int address_watch_read(struct address_watch *self, struct address_watch_event *event);

#endif
