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
#include "failover/router.h"
#include "failover/tripwire.h"
#include "failover/vrrp_socket.h"

enum {
    PARTNER_FDS_MAX = 7,
    PARTNER_WITNESSES_MAX = 5,
    PARTNER_HOME_MAX = 3, /* addresses of one home */
    PARTNER_NOTES_MAX = 64,
    PARTNER_SENTENCE_SIZE = SOCKET_SENTENCE_SIZE,
};

struct partner_settings {
    uint8_t self; /* position of this node */
    bool has_partner;
    bool has_router; /* it is a router of another make: no beats, no tripwire, no key */
    char interface[IF_NAMESIZE];
    struct ip own[PAIR_NODES][2]; /* by node and family; family 0: none */
    /* IPv4, IPv6, and a link-local address of IPv6; likewise */
    struct ip home[PAIR_NODES][PARTNER_HOME_MAX];
    struct ip pair[PAIR_NODES];
    uint8_t vrid[PAIR_NODES];
    bool is_multicast; /* advertisements go to the group, and come to it */
    struct ip witnesses[PARTNER_WITNESSES_MAX];
    size_t witness_count;
    struct ip spare[2]; /* of each family; nobody's, or none */
    int64_t interval_us;
    uint16_t beat_port, tripwire_port, dns_port;
    uint32_t cluster;
    uint64_t document; /* a hash of its bytes: both nodes are to have the same */
    uint8_t beat_keys[BEAT_KEYS_MAX][BEAT_KEY_SIZE]; /* the first signs, each is believed */
    size_t beat_key_count;                           /* 1 or 2; 0: there is no partner */
};

_Static_assert(PARTNER_HOME_MAX *PAIR_NODES <= ADDRESS_WATCH_MAX, "each address is watched");

/* A change of who holds what, for the log and the status. */
struct partner_note {
    uint8_t home;
    uint8_t family; /* 4 or 6; 0: all its addresses */
    const char *was, *is, *reason;
};

/* Does this node hold the addresses of a home and family? */
struct partner_holding {
    bool is_held;
    int64_t since_us; /* of that state */
    const char *reason;
};

/* Who is neither node, and says on the service LAN what only they may: of each home the one heard
 * last. For the log, the status and alarms. */
struct partner_stranger {
    int64_t heard_us;                /* INT64_MIN: never; 1 s later it is gone */
    uint64_t times;                  /* that any was heard */
    struct ip ip;                    /* an owner's: the service address; a speaker's: its own */
    uint8_t mac[NEIGHBOUR_MAC_SIZE]; /* an owner's */
};

/* What the partner's last advertisement of a home and family said beside its priority. */
struct partner_said {
    bool is_heard;
    uint16_t interval_cs;
    unsigned notes; /* bits of enum advertisement_note: where it is not what is configured here */
};

/* Addresses that this node holds and somebody on its host deleted: within one minute. */
struct partner_deletions {
    int64_t begun_us, noted_us; /* the minute; the last line about it; INT64_MIN: never */
    unsigned count;
};

/* The spare address: it is sought now and then, and a second later, if nobody has it, the witnesses
 * are asked in its name, which is a claim to it. */
struct partner_spare {
    int64_t seek_us, claim_us; /* next; INT64_MAX: not */
    int64_t taken_us;          /* somebody else had it; INT64_MIN: never */
    unsigned unanswered;       /* claims since a witness answered to it */
};

struct partner {
    struct partner_settings settings;
    struct pair pair;     /* decides, unless the partner is */
    struct router router; /* a router of another make */
    struct beat_memory memory;
    uint64_t boot, sequence;
    uint8_t advertisement_keys[BEAT_KEYS_MAX][BEAT_KEY_SIZE]; /* of the beats', in their order */
    struct beat_memory advertisers[2]; /* by family: who sends the partner's advertisements */
    uint64_t advertised[2];            /* by family: how many were sent */
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
    int64_t lan_us;    /* since when the LAN is there */
    int64_t frame_us;  /* when one of those that are read came in there */
    bool is_counting;  /* those that are not, too */
    int64_t owners_us; /* when to ask next who has the homes that are yet to be claimed */
    struct partner_stranger owners[PAIR_NODES];   /* who has a service address */
    struct partner_stranger speakers[PAIR_NODES]; /* who advertises with its VRID */
    struct partner_said said[PAIR_NODES][2];      /* by home and family */
    unsigned ready;                               /* sockets that partner_turn is to read */
    int64_t learn_us; /* when to ask for its MAC, and how the witnesses are, next */
    int64_t witness_us[PARTNER_WITNESSES_MAX]; /* their last replies; INT64_MIN: never */
    int64_t deadline_us;                       /* as told last: later than that is late */
    bool is_late;                              /* it woke so */
    int64_t lateness_us;                       /* of the last late turn */
    int address_error;                         /* -errno of the last that failed */
    uint8_t emptying;  /* homes, as bits, whose queries in hand are waited for */
    bool has_left;     /* the partner holds all, as planned; read once */
    bool has_stayed;   /* or it cannot; read once */
    bool empties_anew; /* one more, or again, since the guardian looked */
    bool is_over;      /* the planned stop came to its end */
    bool is_reopened;  /* descriptors are others: watch them anew */
    bool is_changed;   /* who holds what, since it was read last */
    struct partner_note notes[PARTNER_NOTES_MAX];
    size_t note_count; /* not read yet; what does not fit is counted */
    uint64_t beat_refusals[BEAT_REFUSALS];
    uint64_t advertisement_refusals[ADVERTISEMENT_REFUSALS];
    struct partner_deletions deletions;
    struct partner_spare spare;
    bool has_sent, has_not_sent; /* frames to the LAN, since the pair was told */
    uint64_t unsent, reopened, notes_lost, alarms, wakes_late;
};

/* 0, or -errno and a sentence that says what to do. partner_close in either case. */
int partner_open(struct partner *self, const struct partner_settings *settings, int64_t now_us,
                 char sentence[PARTNER_SENTENCE_SIZE]);
void partner_close(struct partner *self);

/* Does somebody delete the addresses that it holds more than three times a minute? */
bool partner_is_robbed(const struct partner *self, int64_t now_us);

/* Has somebody else the spare address; or does no witness answer to it, asked three times? */
bool partner_is_spare_taken(const struct partner *self, int64_t now_us);
bool partner_is_spare_refused(const struct partner *self);

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

struct partner_holding partner_holding(const struct partner *self, uint8_t home, uint8_t family);

/* Was a stop told of? */
bool partner_is_stopping(const struct partner *self);

/* Was this home never held by either node, as far as this one knows? Then a stranger who has it is
 * left alone; otherwise it is defended. */
bool partner_is_untouched(const struct partner *self, uint8_t home);

/* Something happened elsewhere: the worker's state, an order, a stop. */
void partner_tell(struct partner *self, int64_t now_us, const struct pair_event *event);

#endif
