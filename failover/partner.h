/* failover/partner.h -- the rules of the pair on the wire: sockets in, the pair's actions out.
 *
 * Owns what a node has towards its partner and the service LAN: beats, the tripwire, VRRP, ARP and
 * neighbour discovery, and the service addresses in the kernel. failover/pair.h decides; this
 * carries out, in order, and counts what it refuses. One thread, which waits for nothing here: a
 * call to the kernel for an address takes about 0.1 ms. */
#ifndef TANDEM_FAILOVER_PARTNER_H
#define TANDEM_FAILOVER_PARTNER_H

#include <net/if.h>

#include "failover/address.h"
#include "failover/address_watch.h"
#include "failover/advertisement.h"
#include "failover/beat.h"
#include "failover/beat_socket.h"
#include "failover/neighbour.h"
#include "failover/pair.h"
#include "failover/tripwire.h"
#include "failover/vrrp_socket.h"

enum {
    PARTNER_FDS_MAX = 7,
    PARTNER_WITNESSES_MAX = 5,
    PARTNER_NOTES_MAX = 64,
    PARTNER_SENTENCE_SIZE = SOCKET_SENTENCE_SIZE,
};

struct partner_settings {
    uint8_t self; /* position of this node */
    bool has_partner;
    char interface[IF_NAMESIZE];
    struct ip own[PAIR_NODES][2];  /* by node and family; family 0: none */
    struct ip home[PAIR_NODES][2]; /* likewise */
    struct ip pair[PAIR_NODES];
    uint8_t vrid[PAIR_NODES];
    struct ip witnesses[PARTNER_WITNESSES_MAX];
    size_t witness_count;
    int64_t interval_us;
    uint16_t beat_port, tripwire_port, dns_port;
    uint32_t cluster;
    uint8_t beat_key[BEAT_KEY_SIZE];
};

/* A change of who holds what, for the log and the status. */
struct partner_note {
    uint8_t home;
    enum pair_state was, is;
    enum pair_reason reason;
};

struct partner {
    struct partner_settings settings;
    struct pair pair;
    struct beat_memory memory;
    uint64_t boot, sequence;
    struct address address;
    struct beat_socket beats;
    struct tripwire tripwire;
    struct vrrp_socket vrrp[2];
    struct neighbour neighbour;
    struct address_watch watch;
    int ask_fd;                           /* UDP: rule 4 asks the partner's DNS */
    bool is_asking;                       /* no answer to the last query yet */
    enum advertisement_checksum checksum; /* of IPv4, as the partner sends it */
    uint8_t partner_mac[NEIGHBOUR_MAC_SIZE];
    bool knows_mac;
    unsigned ready;      /* sockets that partner_turn is to read */
    int64_t learn_us;    /* when to ask for its MAC next */
    int64_t deadline_us; /* as told last: later than that is late */
    bool is_late;        /* it woke so */
    int address_error;   /* -errno of the last that failed */
    uint8_t emptying;    /* homes, as bits, whose queries in hand are waited for */
    bool empties_anew;   /* one more, or again, since the guardian looked */
    bool is_over;        /* the planned stop came to its end */
    bool is_reopened;    /* descriptors are others: watch them anew */
    bool is_changed;     /* who holds what, since it was read last */
    struct partner_note notes[PARTNER_NOTES_MAX];
    size_t note_count; /* not read yet; what does not fit is counted */
    uint64_t beat_refusals[BEAT_REFUSALS];
    uint64_t advertisement_refusals[ADVERTISEMENT_REFUSALS];
    uint64_t unsent, reopened, notes_lost, alarms, wakes_late;
};

/* 0, or -errno and a sentence that says what to do. partner_close in either case. */
int partner_open(struct partner *self, const struct partner_settings *settings, int64_t now_us,
                 char sentence[PARTNER_SENTENCE_SIZE]);
void partner_close(struct partner *self);

/* The descriptors to be watched for reading; their number. */
size_t partner_fds(const struct partner *self, int fds[PARTNER_FDS_MAX]);

/* This descriptor is readable: the next turn reads it. */
void partner_mark(struct partner *self, int fd);

/* The wait is over, and nothing was told or marked yet: looks whether it ends late. Then nothing is
 * decided or sent before the turn has read all that came meanwhile. */
void partner_wake(struct partner *self, int64_t now_us);

/* Read what is marked, or all of it when it woke late, then do what is due: between the wait that
 * marked and this call nothing else may wait. */
void partner_turn(struct partner *self, int64_t now_us);
int64_t partner_deadline_us(struct partner *self);

/* Something happened elsewhere: the worker's state, an order, a stop. */
void partner_tell(struct partner *self, int64_t now_us, const struct pair_event *event);

#endif
