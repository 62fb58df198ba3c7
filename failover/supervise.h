/* failover/supervise.h -- what the guardian does about its worker.
 *
 * Pure: no clock, no process. Tell it what happened and when; it answers with what to
 * do, in order. Call again no later than supervise_deadline_ms().
 *
 *          start             READY            died, or broke a promise
 *   IDLE --------> STARTING --------> ALIVE --------------------------> DEAD
 *                    ^   |                                               | reaped
 *                    |   +------------------- reaped ----------------->  v
 *                    +----------------- back-off over ---------------- WAITING
 *
 *   stop, in any state: STOPPING --------> reaped, or killed after 3 s and reaped: ENDED
 *
 *   replace: ALIVE --------> REPLACING --------> reaped, or killed after 3 s and reaped: STARTING,
 *   at once
 *
 * A worker that hangs (failover/gate.h says so) is killed after 3 s, to be started anew. */
#ifndef TANDEM_FAILOVER_SUPERVISE_H
#define TANDEM_FAILOVER_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SUPERVISE_BACK_OFF_MS_MIN = 100, /* before the first restart; doubles */
    SUPERVISE_BACK_OFF_MS_MAX = 30000,
    SUPERVISE_PROVEN_MS = 60000, /* alive for so long: the back-off begins anew */
    SUPERVISE_STOP_MS = 3000,    /* for a worker to end by itself */
    SUPERVISE_HANG_MS = 3000,    /* for a worker that hangs to go on */
    SUPERVISE_ACTIONS_MAX = 8,
};

enum {
    EXIT_CONFIGURATION = 100, /* of every program of Tandem: usage, document, zones */
    EXIT_SYSTEM = 111         /* what the system refused */
};

enum supervise_worker {
    SUPERVISE_IDLE,
    SUPERVISE_STARTING,
    SUPERVISE_ALIVE,
    SUPERVISE_DEAD, /* not reaped yet: its sockets may still be open */
    SUPERVISE_WAITING,
    SUPERVISE_REPLACING, /* told to end, for another to follow at once */
    SUPERVISE_STOPPING,
    SUPERVISE_ENDED,
};

/* Why: the same word in the log, in the channel and in the tests. */
enum supervise_reason {
    SUPERVISE_STARTED,       /* "start": tandemd was started */
    SUPERVISE_READY_HEARD,   /* "ready" */
    SUPERVISE_OWNER_DIED,    /* "owner-died": the kernel marked the lock in the page */
    SUPERVISE_PAGE_BROKEN,   /* "page-broken": READY, but the page makes no sense */
    SUPERVISE_CHANNEL_ENDED, /* "channel-ended": it lives, but its end of the channel is closed */
    SUPERVISE_EXITED,        /* "exited" */
    SUPERVISE_SIGNALLED,     /* "signal": ended by one */
    SUPERVISE_SPAWN_FAILED,  /* "spawn-failed" */
    SUPERVISE_CONFIGURATION, /* "configuration": exit 100 at its first start */
    SUPERVISE_SYSTEM,        /* "system": exit 111 before it was ever ready */
    SUPERVISE_BACK_OFF_OVER, /* "back-off": it is over */
    SUPERVISE_STOP_ASKED,    /* "stop" */
    SUPERVISE_STOP_TIMEOUT,  /* "stop-timeout": told to stop, it did not */
    SUPERVISE_HANG,          /* "hang": it lived and did nothing for 3 s */
    SUPERVISE_UPGRADE,       /* "upgrade": an operator wants it replaced */
};

struct supervise {
    enum supervise_worker worker;
    int64_t alive_at_ms;   /* when ALIVE began */
    int64_t restart_at_ms; /* WAITING: until */
    int64_t kill_at_ms;    /* STOPPING, REPLACING: until; INT64_MAX once killed */
    int64_t hang_at_ms;    /* ALIVE: hung until then it is killed; INT64_MAX: it does not hang */
    int64_t back_off_ms;   /* before the next restart */
    bool is_first_start;   /* no worker was alive or has ended yet */
    bool is_reload_wanted; /* SIGHUP came while STARTING */
};

enum supervise_event_kind {
    SUPERVISE_START,
    SUPERVISE_READY,   /* the worker said so, and its page agrees */
    SUPERVISE_DIED,    /* reason: OWNER_DIED, PAGE_BROKEN or CHANNEL_ENDED */
    SUPERVISE_HANGS,   /* the worker lives and does nothing */
    SUPERVISE_MOVES,   /* it does again */
    SUPERVISE_REAPED,  /* reason: EXITED, SIGNALLED or SPAWN_FAILED; exit_code */
    SUPERVISE_RELOAD,  /* SIGHUP */
    SUPERVISE_REPLACE, /* the partner answers meanwhile: end the worker, start another */
    SUPERVISE_RESET,   /* forget how often it died: the next restart is the first */
    SUPERVISE_STOP,    /* SIGTERM, SIGINT */
    SUPERVISE_TIMEOUT, /* the deadline has come */
};

struct supervise_event {
    enum supervise_event_kind kind;
    enum supervise_reason reason;
    int exit_code; /* EXITED: 0..255; else 0 */
};

enum supervise_action_kind {
    SUPERVISE_SPAWN,       /* start a worker; failure: REAPED with SPAWN_FAILED */
    SUPERVISE_KILL,        /* SIGKILL the worker; reason: why, as noted */
    SUPERVISE_TELL_STOP,   /* by the channel */
    SUPERVISE_TELL_RELOAD, /* SIGHUP the worker */
    SUPERVISE_TELL_HOMES,  /* by the channel: every service address, held or not, since and why */
    SUPERVISE_NOTE_WORKER, /* log it: was -> worker, reason */
    SUPERVISE_EXIT,        /* end tandemd with code */
};

struct supervise_action {
    enum supervise_action_kind kind;
    enum supervise_worker was, is; /* NOTE_WORKER */
    enum supervise_reason reason;
    int code; /* EXIT */
};

struct supervise_actions {
    size_t count;
    struct supervise_action list[SUPERVISE_ACTIONS_MAX];
};

void supervise_init(struct supervise *self);

/* Apply one event at now_ms (monotonic) and overwrite *todo. Never fails; what the present state
 * does not expect is ignored. */
void supervise_step(struct supervise *self, int64_t now_ms, const struct supervise_event *event,
                    struct supervise_actions *todo);

/* When TIMEOUT is due, or INT64_MAX. */
int64_t supervise_deadline_ms(const struct supervise *self);

const char *supervise_worker_word(enum supervise_worker worker);
const char *supervise_reason_word(enum supervise_reason reason);

#endif
