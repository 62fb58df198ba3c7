/* failover/beat.h -- the bytes by which a guardian proves to its partner that it lives.
 *
 * A datagram of one fixed size, sent on the pair link every interval and at once when what it says
 * changes. It says the truth about its sender, whatever the sender does about it. Whoever reads it
 * believes it only with the tag of the pair's key (BLAKE2b, RFC 7693, keyed, 16 bytes), the
 * version, cluster and sender that are expected, and a sequence above the last one of that boot.
 *
 * A recording is worthless: a boot not heard before counts once it echoes my present boot and a
 * recent sequence of mine, which only a living partner can have heard (BEAT_RECENT). It must be a
 * higher one than any accepted beat echoed, so that not even the last seconds of the partner's
 * former life count again.
 *
 *   byte 0        1       2        3         4..7         8..15    16..23
 *        version  sender  flags    holds     cluster      boot     sequence
 *        24..31      32..39          40..43       44..47       48..51         52..59
 *        echo boot   echo sequence   heard ago    lateness     unanswered     document
 *        60..63           64..67           68..69         70..71       72..87
 *        handover home 0  handover home 1  agents fresh   agents lost  tag
 *
 * A handover is its node << 30 | version. All numbers are big-endian; times are microseconds, the
 * largest value also for all above. */
#ifndef TANDEM_FAILOVER_BEAT_H
#define TANDEM_FAILOVER_BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BEAT_VERSION = 1,
    BEAT_SIZE = 88,
    BEAT_TAG_SIZE = 16,
    BEAT_KEY_SIZE = 32,
    BEAT_KEYS_MAX = 2, /* while one is changed for another */
    BEAT_RECENT = 200, /* an echo of a sequence so far behind, or less, is recent: 2 s at 10 ms */
    BEAT_MISSED = 5,   /* my beats without one of its: the proven boot may be over */
    BEAT_HANDOVER_MAX = 0x3fffffff,
};

enum beat_flag {
    BEAT_FIT = 1,       /* may hold addresses, as far as the sender itself can tell */
    BEAT_SYNCED = 2,    /* its worker has the facts */
    BEAT_ISOLATED = 4,  /* its reception on the service LAN is not proven */
    BEAT_STOPPING = 8,  /* a planned end */
    BEAT_PROBING = 16,  /* it asks its witnesses */
    BEAT_ANSWERED = 32, /* one of them answered in this probing */
    BEAT_KEEPING = 64,  /* it holds the receiver's home, which it never heard the receiver hold */
};

/* A standing order for a home: its addresses belong to node, whosever home they are. The higher
 * version stands. */
struct beat_handover {
    uint32_t version; /* 0: never; at most BEAT_HANDOVER_MAX */
    uint8_t node;     /* 0 or 1; the home's own node: the order is over */
};

struct beat {
    uint8_t sender;     /* 0: the primary, 1: the secondary */
    uint8_t flags;      /* enum beat_flag */
    uint8_t holds;      /* bit h: the sender holds the addresses of home h */
    uint32_t cluster;   /* beat_cluster() of its name: a beat of another pair is told apart */
    uint64_t boot;      /* drawn at start, never 0 */
    uint64_t sequence;  /* from 1 */
    uint64_t echo_boot; /* the receiver's, as the sender heard it last; 0: never */
    uint64_t echo_sequence;
    uint32_t heard_ago_us;  /* since that beat of the receiver came; UINT32_MAX: never, or longer */
    uint32_t lateness_us;   /* how late its loop woke last */
    uint32_t unanswered_us; /* PROBING: for how long no witness answered */
    uint64_t document;      /* version of the cluster's document */
    struct beat_handover handovers[2];
    uint16_t agents_fresh; /* agents it hears, and */
    uint16_t agents_lost;  /* how many of them say that they lost the receiver */
};

/* One reason for each outcome; each is counted. */
enum beat_refusal {
    BEAT_ACCEPTED,
    BEAT_BAD_SIZE,
    BEAT_BAD_VERSION, /* of a newer or older program: said before the tag is looked at */
    BEAT_BAD_TAG,     /* another key, or altered on the way */
    BEAT_BAD_CLUSTER,
    BEAT_BAD_SENDER, /* not the partner: above all, a second node of my own name */
    BEAT_BAD_FIELD,  /* out of range; unknown flags are ignored */
    BEAT_UNPROVEN,   /* an unknown boot that does not echo me: it may be a recording */
    BEAT_REPLAYED,   /* not above the last sequence of its boot */
    BEAT_REFUSALS,   /* their number */
};

/* What a receiver knows of the sender of beats, in this life of its own. Zeroed: nothing. */
struct beat_memory {
    uint64_t boot, sequence; /* of the last accepted beat; 0: none yet */
    uint64_t candidate;      /* a boot heard that is not proven yet: echoed, so that it can be */
    uint64_t candidate_sequence;
    uint64_t proof;       /* the highest sequence of mine that an accepted beat echoed */
    uint64_t accepted_at; /* the sequence of my last beat when the last one was accepted */
};

struct beat_expectation {
    uint32_t cluster;
    uint8_t sender;
    uint64_t boot;     /* mine */
    uint64_t sequence; /* of my last beat */
};

uint32_t beat_cluster(const char *name);

void beat_encode(const struct beat *beat, const uint8_t key[BEAT_KEY_SIZE],
                 uint8_t bytes[BEAT_SIZE]);

/* Decode and judge. *beat is overwritten only when BEAT_ACCEPTED; *memory then, and when UNPROVEN.
 * Keys: two may be valid while one is exchanged for another; key_count 1 or 2. A beat costs about
 * 1 microsecond for each key that is tried, whoever sent it. */
enum beat_refusal beat_decode(const uint8_t *bytes, size_t size,
                              const uint8_t (*keys)[BEAT_KEY_SIZE], size_t key_count,
                              const struct beat_expectation *expected, struct beat_memory *memory,
                              struct beat *beat);

/* The judgement alone, of a beat whose tag was found good: may it count? *memory changes when
 * ACCEPTED and when UNPROVEN. */
enum beat_refusal beat_accept(const struct beat *beat, const struct beat_expectation *expected,
                              struct beat_memory *memory);

/* What my next beat echoes: the last proven boot, or a candidate that is newer: heard when the
 * proven boot was silent for BEAT_MISSED of my beats, so that a recording, which may become a
 * candidate, never hides a living partner from itself. */
void beat_echo(const struct beat_memory *memory, uint64_t *boot, uint64_t *sequence);

const char *beat_refusal_word(enum beat_refusal refusal);

#endif
