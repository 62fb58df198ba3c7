/* failover/guardian.h -- the loop of tandemd: descriptors in, the supervisor's actions out.
 *
 * One thread runs it, woken by signals, the worker's death, its channel and the supervisor's next
 * deadline. It waits for nothing else: it opens no file, and a log line that standard error does
 * not take at once is dropped and counted, for a loop that waits loses its addresses. */
#ifndef TANDEM_FAILOVER_GUARDIAN_H
#define TANDEM_FAILOVER_GUARDIAN_H

#include <net/if.h>

#include "failover/address.h"
#include "failover/supervise.h"
#include "failover/worker.h"
#include "replication/ip.h"

enum { GUARDIAN_SENTENCE_SIZE = 512 };

struct guardian_settings {
    struct worker_program program;
    char interface[IF_NAMESIZE]; /* "": the addresses are the host's, none is added */
    struct ip own[2];            /* this node's; family 0: none */
    struct ip home[2];
    struct ip partner_home[2];
};

struct guardian {
    struct guardian_settings settings;
    struct supervise supervise;
    struct worker worker;
    struct address address;
    struct ip homes[SUPERVISE_ADDRESSES_MAX]; /* those of settings.home that there are */
    size_t home_count;
    int lease_error;     /* -errno of the lease that failed last, for the log */
    int worker_status;   /* as waitpid gave it, of the life that ended last */
    pid_t worker_pid;    /* the present life, or the one that ended last */
    int64_t started_ms;  /* CLOCK_MONOTONIC of guardian_open */
    bool is_synced;      /* as the worker says */
    bool is_told;        /* the worker has read where the addresses are */
    unsigned refused;    /* messages of this life that were refused */
    unsigned lines_lost; /* log lines dropped since the last one written */
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
