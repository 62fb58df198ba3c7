/* failover/supervise.h -- what the guardian does about its worker and the home addresses.
 *
 * Pure: no clock, no process, no address. Tell it what happened and when; it answers with what to
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
 * The home addresses are held while the worker serves, refreshed every 300 ms. When the worker has
 * been gone for a second they are refreshed no more, and the kernel lets them lapse; at the next
 * READY they are held again. A worker that is back within that second loses nothing. */
#ifndef TANDEM_FAILOVER_SUPERVISE_H
#define TANDEM_FAILOVER_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SUPERVISE_LEASE_S = 1,           /* lifetime of an address in the kernel */
    SUPERVISE_REFRESH_MS = 300,      /* three times in a lease */
    SUPERVISE_KEEP_MS = 1000,        /* refreshed for so long without a worker */
    SUPERVISE_BACK_OFF_MS_MIN = 100, /* before the first restart; doubles */
    SUPERVISE_BACK_OFF_MS_MAX = 30000,
    SUPERVISE_PROVEN_MS = 60000, /* alive for so long: the back-off begins anew */
    SUPERVISE_STOP_MS = 3000,    /* for a worker to end by itself */
    SUPERVISE_ADDRESSES_MAX = 2, /* one of each family */
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
    SUPERVISE_STOPPING,
    SUPERVISE_ENDED,
};

enum supervise_address {
    SUPERVISE_ABSENT,
    SUPERVISE_HELD,
    SUPERVISE_FAILED, /* to be held, but the kernel refused */
    SUPERVISE_LAPSED, /* refreshed no more; gone 2.6 s later at the latest */
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
    SUPERVISE_LEASE_REFUSED, /* "lease-failed" */
    SUPERVISE_LEASE_BACK,    /* "lease-restored" */
    SUPERVISE_WORKER_DOWN,   /* "worker-down" for longer than a second */
};

struct supervise {
    size_t address_count; /* home addresses that are ours to add: 0..2 */
    enum supervise_worker worker;
    int64_t alive_at_ms;    /* when ALIVE began */
    int64_t restart_at_ms;  /* WAITING: until */
    int64_t kill_at_ms;     /* STOPPING: until; INT64_MAX once killed */
    int64_t back_off_ms;    /* before the next restart */
    bool is_first_start;    /* no worker was alive or has ended yet */
    bool is_reload_wanted;  /* SIGHUP came while STARTING */
    bool is_holding;        /* the addresses are being refreshed */
    int64_t refresh_at_ms;  /* is_holding: the next refresh */
    int64_t hold_until_ms;  /* is_holding: INT64_MAX while the worker serves */
    struct supervise_home { /* one home address */
        enum supervise_address state;
        int64_t since_ms; /* of that state */
        enum supervise_reason reason;
    } homes[SUPERVISE_ADDRESSES_MAX];
};

enum supervise_event_kind {
    SUPERVISE_START,
    SUPERVISE_READY,        /* the worker said so, and its page agrees */
    SUPERVISE_DIED,         /* reason: OWNER_DIED, PAGE_BROKEN or CHANNEL_ENDED */
    SUPERVISE_REAPED,       /* reason: EXITED, SIGNALLED or SPAWN_FAILED; exit_code */
    SUPERVISE_LEASED,       /* address: the LEASE of it was granted */
    SUPERVISE_LEASE_FAILED, /* address: it was refused */
    SUPERVISE_RELOAD,       /* SIGHUP */
    SUPERVISE_STOP,         /* SIGTERM, SIGINT */
    SUPERVISE_TIMEOUT,      /* the deadline has come */
};

struct supervise_event {
    enum supervise_event_kind kind;
    enum supervise_reason reason;
    int exit_code; /* EXITED: 0..255; else 0 */
    size_t address;
};

enum supervise_action_kind {
    SUPERVISE_SPAWN,       /* start a worker; failure: REAPED with SPAWN_FAILED */
    SUPERVISE_KILL,        /* SIGKILL the worker */
    SUPERVISE_TELL_STOP,   /* by the channel */
    SUPERVISE_TELL_RELOAD, /* SIGHUP the worker */
    SUPERVISE_TELL_HOMES,  /* by the channel: every home address, its state, since and reason */
    SUPERVISE_LEASE,       /* add or refresh every home address; LEASED or LEASE_FAILED each */
    SUPERVISE_RELEASE,     /* delete this home address */
    SUPERVISE_NOTE_WORKER, /* log it: was -> worker, reason */
    SUPERVISE_NOTE_HOME,   /* log it: was -> homes[address], reason */
    SUPERVISE_EXIT,        /* end tandemd with code */
};

struct supervise_action {
    enum supervise_action_kind kind;
    size_t address; /* RELEASE, NOTE_HOME */
    int was;        /* NOTE_WORKER: enum supervise_worker; NOTE_HOME: enum supervise_address */
    int is;         /* likewise */
    enum supervise_reason reason;
    int code; /* EXIT */
};

struct supervise_actions {
    size_t count;
    struct supervise_action list[SUPERVISE_ACTIONS_MAX];
};

/* address_count 0..SUPERVISE_ADDRESSES_MAX; 0 when the addresses are the host's. */
void supervise_init(struct supervise *self, size_t address_count);

/* Apply one event at now_ms (monotonic) and overwrite *todo. Never fails; what the present state
 * does not expect is ignored. */
void supervise_step(struct supervise *self, int64_t now_ms, const struct supervise_event *event,
                    struct supervise_actions *todo);

/* When TIMEOUT is due, or INT64_MAX. */
int64_t supervise_deadline_ms(const struct supervise *self);

const char *supervise_worker_word(enum supervise_worker worker);
const char *supervise_address_word(enum supervise_address address);
const char *supervise_reason_word(enum supervise_reason reason);

#endif
