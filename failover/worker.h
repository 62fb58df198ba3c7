/* failover/worker.h -- the worker as the guardian's child: start it, see it die, reap it.
 *
 * Each life has a page and a channel of its own, so that nothing a dead worker left in them is read
 * as the next one's. A thread waits on the page and writes an eventfd at the worker's death; it
 * ends by itself then, and worker_reap waits for it: at most 0.1 s, and only if the page was
 * tampered with. One thread owns a struct worker. */
#ifndef TANDEM_FAILOVER_WORKER_H
#define TANDEM_FAILOVER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "failover/page.h"

struct worker {
    pid_t pid;    /* 0: none */
    int channel;  /* our end of failover/channel.h, or -1 */
    int death_fd; /* eventfd, readable once the watch has ended; for as long as the guardian runs */
    int page_fd;  /* or -1 */
    uint64_t boot;        /* of the present life, random; probes carry it */
    struct poison poison; /* what lives died of: the next one shall not answer it */
    uint64_t stuck;       /* DNS threads that were, when it was killed for hanging (bit 0: 0) */
    unsigned notes_added; /* to poison by the death that was reaped last */
    struct page *page;
    pthread_t watch;
    bool is_watched;
    atomic_bool is_over; /* tells the watch that the worker was reaped */
};

struct worker_program {
    const char *path; /* of tandem-worker */
    const char *config;
    const char *node;
};

/* 0 or -errno. */
int worker_open(struct worker *self);
/* After the last life was reaped. */
void worker_close(struct worker *self);

/* Start a life; none may be left. The child gets SIGTERM when the guardian dies: a worker alone
 * would serve addresses that nobody refreshes, and keep the ports from the next one. It starts with
 * no signal blocked, in a process group of its own (a terminal's ^C is the guardian's to pass on),
 * and with the one capability that failover/rights.h passes on. 0 or -errno. */
int worker_spawn(struct worker *self, const struct worker_program *program);

/* The worker says it is ready: wait for its death from now on. 0, -EPROTO when its page does not
 * show a life, or -errno. */
int worker_watch(struct worker *self);

/* What is known of the death of a watched worker, in the instant of the call: the kernel marks the
 * page before it closes a descriptor or sends SIGCHLD, so whichever wakes the guardian first, the
 * page tells why. PAGE_TIMEOUT: it lives. Rearms death_fd. */
enum page_death worker_sighting(struct worker *self);

void worker_signal(const struct worker *self, int signal);

/* Kill it because it hangs: what these DNS threads have in hand may be why. */
void worker_kill_hung(struct worker *self, uint64_t stuck);

/* Reap the worker if it has ended, and close its page and channel. The query in hand counts as
 * poison when a fault of the worker's own ended it, or worker_kill_hung did; not when it exited,
 * nor when somebody killed it, for then whatever it had in hand is innocent. Returns its pid and
 * *status as waitpid gives it, or 0 while it lives. */
pid_t worker_reap(struct worker *self, int *status);

/* Run `program --check` to its end: its exit code, or -errno, or -EINTR if a signal ended it. */
int worker_check(const struct worker_program *program);

#endif
