/* failover/guardian.h -- the loop of tandemd: descriptors in, actions out.
 *
 * One thread runs it, woken by signals, the worker's death, its channel, the partner, and the next
 * deadline of the supervisor, the gate or the pair. It waits for nothing else: it opens no file,
 * and a log line that standard error does not take at once is dropped and counted, for a loop that
 * waits loses its addresses. */
#ifndef TANDEM_FAILOVER_GUARDIAN_H
#define TANDEM_FAILOVER_GUARDIAN_H

#include <net/if.h>

#include "failover/channel.h"
#include "failover/gate.h"
#include "failover/partner.h"
#include "failover/probe.h"
#include "failover/rights.h"
#include "failover/supervise.h"
#include "failover/worker.h"
#include "replication/ip.h"

enum {
    GUARDIAN_SENTENCE_SIZE = 512,
    GUARDIAN_NOTES_MAX = 32, /* what happened last, kept for the worker and those after it */
};

struct guardian_settings {
    struct worker_program program;
    char interface[IF_NAMESIZE]; /* "": the addresses are the host's, none is added */
    bool is_check;               /* nothing is started: no key is needed */
    struct rights_user user;     /* as whom both programs run */
    char node_names[PAIR_NODES][32];
    struct partner_settings partner; /* without an interface only own and home are looked at */
};

/* What the worker is told besides the addresses: failover/guardian_tell.h. */
struct guardian_news {
    struct channel_message notes[GUARDIAN_NOTES_MAX]; /* number n at (n - 1) % GUARDIAN_NOTES_MAX */
    uint32_t noted;                                   /* the highest number; 0: none */
    uint32_t told;                /* the highest that the present worker was told */
    uint64_t lost;                /* overwritten before a living worker was told */
    struct channel_message state; /* as told last; kind 0: not yet in this life */
    int64_t state_us;             /* when */
    int64_t counted_us;           /* when counters were told last */
    size_t counting;              /* the next message of their round */
    int64_t same_us; /* when the partner's document was last the same, or no beat was heard */
    enum reception_state reception; /* as noted last */
};

/* What was said last of the service LAN, so that nobody there can fill the log. */
struct guardian_lan {
    struct guardian_told {
        int64_t told_us;              /* INT64_MIN: never */
        struct partner_stranger last; /* whom of */
    } owners[PAIR_NODES], speakers[PAIR_NODES];
    struct partner_said said[PAIR_NODES][2];
    int64_t said_us[PAIR_NODES][2];
};

struct guardian {
    struct guardian_settings settings;
    struct supervise supervise;
    struct worker worker;
    struct probe probe;
    struct gate gate; /* gate.is_fit, gate.reason: may this node hold addresses? */
    struct partner partner;
    uint64_t empties[GATE_THREADS_MAX]; /* as the page read when the last wait for them began */
    bool is_hanging;                    /* the worker, as the supervisor was told last */
    bool holds_addresses;               /* there is an interface: they are ours to add */
    bool is_fit, was_synced;            /* the worker, as the pair was told last */
    int lease_error;           /* -errno of the kernel's last refusal that was logged; 0: none */
    int worker_status;         /* as waitpid gave it, of the life that ended last */
    pid_t worker_pid;          /* the present life, or the one that ended last */
    int64_t started_ms;        /* CLOCK_MONOTONIC of guardian_open */
    bool is_synced;            /* as the worker says */
    bool is_told;              /* the worker has read where the addresses are */
    bool is_locked;            /* all memory */
    bool comes_first;          /* real-time priority */
    struct guardian_news news; /* for the worker */
    struct guardian_lan lan;
    uint64_t wakes_late;       /* as logged */
    int64_t lateness_noted_us; /* when */
    unsigned refused;          /* messages of this life that were refused */
    unsigned lines_lost;       /* log lines dropped since the last one written */
    uint64_t lines_dropped;    /* since the start */
    int epoll_fd, signal_fd;
    int exit_code; /* -1 while running */
};

/* Check that the interface is there and may be changed, and remove service addresses that somebody
 * left on it. Blocks the signals it reads. 0, or EXIT_SYSTEM and one sentence that says what to
 * do. guardian_close in either case. */
int guardian_open(struct guardian *self, const struct guardian_settings *settings,
                  char sentence[GUARDIAN_SENTENCE_SIZE]);
/* Until a stop, or a configuration that the worker refuses at its first start. The exit code. */
int guardian_run(struct guardian *self);
void guardian_close(struct guardian *self);

#endif
