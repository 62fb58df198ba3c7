/* node/doctor.h -- is this node set up so that it can do what it promises?
 *
 * Pure: what was found out goes in (node/gather.h), sentences come out, each with what to do. */
#ifndef TANDEM_NODE_DOCTOR_H
#define TANDEM_NODE_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/ip.h"

enum {
    DOCTOR_CHECKS_MAX = 24,
    DOCTOR_SENTENCE_SIZE = 256,
    DOCTOR_WITNESSES_MAX = 5,
    DOCTOR_OFFSET_MS = 1000, /* clocks may differ by so much */
    DOCTOR_UNREAD = -1,      /* a setting that could not be read */
};

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL }; /* the exit status too */

struct doctor_facts {
    bool is_guarded;       /* a guardian speaks to the worker */
    const char *interface; /* NULL: the addresses are the host's */
    const char *partner;   /* its name; NULL: a cluster of one */
    bool has_family[2];    /* this node's home: [0] IPv4, [1] IPv6 */
    size_t witness_count;
    struct doctor_witness {
        struct ip address;
        bool is_silent;
    } witnesses[DOCTOR_WITNESSES_MAX];
    const char *interface_error; /* why it cannot be looked at; NULL: it can */
    bool is_up, has_carrier, is_ethernet;
    /* of the kernel, for that interface; DOCTOR_UNREAD */
    int arp_ignore, arp_announce, drop_gratuitous_arp, drop_unsolicited_na, rp_filter;
    /* the guardian's process */
    bool are_rights_read;
    uint64_t rights; /* its effective capabilities, as bits */
    bool is_locked, comes_first;
    /* the partner, as the guardian hears it */
    bool hears_beats, hears_advertisements, partner_holds, is_tripwire_up, is_other_document;
    bool is_unconfirmed; /* no witness answers to an address that this node holds */
    bool has_spare, is_spare_refused, is_spare_taken;
    bool is_partner_heard; /* by the worker: its records */
    bool is_offset_known;
    int64_t offset_ms; /* the partner's wall clock is ahead by so much */
};

struct doctor_check {
    const char *name; /* "arp-ignore" */
    enum doctor_level level;
    char sentence[DOCTOR_SENTENCE_SIZE]; /* what is, and what to do where it is not well */
};

/* All that applies to this node, in a fixed order; their number. */
size_t doctor_examine(const struct doctor_facts *facts,
                      struct doctor_check checks[DOCTOR_CHECKS_MAX]);

/* The file of a key: error is NULL, or why it cannot be looked at; mode its permission bits. */
void doctor_judge_key(const char *path, const char *error, unsigned mode,
                      struct doctor_check *check);

const char *doctor_level_word(enum doctor_level level);

#endif
