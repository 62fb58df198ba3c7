/* health/agent/agent.h -- the shell around health/agent/reporter.h: samples and frames in, frames
 * out.
 *
 * One thread. Each AGENT_TICK_MS it looks at the listeners; sockets are counted as often, unless
 * counting takes long: then so seldom that it costs no more than a twentieth of a core, but once in
 * AGENT_COUNT_MS_MAX. Rates are of the last second. What could not be taken is not told. */
#ifndef TANDEM_HEALTH_AGENT_AGENT_H
#define TANDEM_HEALTH_AGENT_AGENT_H

#include "health/agent/config.h"
#include "health/agent/reporter.h"
#include "health/agent/sample.h"
#include "health/agent/sockets.h"
#include "replication/link.h"

enum {
    AGENT_TICK_MS = 100,       /* between two looks at the listeners */
    AGENT_COUNT_SHARE = 20,    /* counting may take one part in so many of the time */
    AGENT_COUNT_MS_MAX = 1000, /* sockets are counted at least so often */
    AGENT_FIGURES_MS = 200,    /* between two readings of /proc */
    AGENT_FIGURES_KEPT = 6,    /* readings: what spans one second */
    AGENT_GAP_MS = 100,        /* no two reports are nearer */
    AGENT_LACK_MS = 100,       /* as long a node has to acknowledge one */
    AGENT_HELLO_MS_MAX = 5000, /* a node that is connected but does not greet for so long is told */
    AGENT_STOP_MS = 250,       /* as long the last report may take to be acknowledged */
    AGENT_LOG_MS = 60000,      /* between two lines about the same trouble */
};

/* What keeps an agent from being heard. Each is logged when it begins, then once in AGENT_LOG_MS.
 * */
enum agent_trouble {
    AGENT_KEY_REFUSED,
    AGENT_NOT_GREETED,
    AGENT_MESSAGE_REFUSED,
    AGENT_SOCKETS_UNKNOWN,
    AGENT_QUEUE_FULL,
    AGENT_TROUBLE_COUNT
};

struct agent {
    struct agent_config config;
    struct link *link;
    struct sockets *sockets;
    struct reporter reporter;
    struct reporter_update update;
    struct report report; /* the newest figures */
    struct sample samples[AGENT_FIGURES_KEPT];
    size_t sample_count; /* ever; the newest is at (count - 1) % AGENT_FIGURES_KEPT */
    struct pack_space space;
    struct message message; /* the one being read */
    int signal_fd, epoll_fd;
    int64_t tick_due_ms, count_due_ms, figures_due_ms;
    int64_t counted_ms; /* sockets were counted last */
    int64_t stopped_ms; /* when it was told to stop; 0: not yet */
    bool up[AGENT_CONFIG_NODES_MAX];
    int64_t greeted_ms[AGENT_CONFIG_NODES_MAX]; /* when it last was greeted, or away */
    int64_t logged_ms[AGENT_CONFIG_NODES_MAX][AGENT_TROUBLE_COUNT];   /* INT64_MIN: never */
    uint64_t not_logged[AGENT_CONFIG_NODES_MAX][AGENT_TROUBLE_COUNT]; /* since then */
};

enum { AGENT_EXIT_CONFIGURATION = 100, AGENT_EXIT_SYSTEM = 111 };

/* One sentence for whoever started it; returns status. */
__attribute__((format(printf, 2, 3))) int agent_fail(int status, const char *format, ...);

/* The key of a file, which is made first if it is not there and is_made says so, into
 * public_key and secret_key [LINK_KEY_SIZE]. 0, or the exit status after a sentence. */
int agent_key(const char *path, bool is_made, char *public_key, char *secret_key);

/* Since the kernel's boot. */
int64_t agent_now_ms(void);

/* The configuration is read and the link open. 0 or -errno; -ENOENT: the kernel has no inet_diag.
 * */
int agent_open(struct agent *self);
/* Until told to stop. 0 or -errno. */
int agent_loop(struct agent *self);
/* A half-open agent is fine. */
void agent_close(struct agent *self);

#endif
