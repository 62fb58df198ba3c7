/* tests/sim/history/history.h -- two nodes' histories, an operator and trouble, in virtual time.
 *
 *   main.c     seeds, sums, --trace
 *   host.c     a node's shell: its disk, its checks, what it serves; crashes
 *   fault.c    the network, what goes wrong, what the operator asks for
 *   oracle.c   what must hold, each a function with its promise
 *
 * A bundle is a number, and its digest. Some do not fit on one node, some are not fetched at once.
 * What crosses the network is bytes. */
#ifndef TANDEM_TESTS_SIM_HISTORY_HISTORY_H
#define TANDEM_TESTS_SIM_HISTORY_HISTORY_H

#include "replication/history.h"

enum {
    SIM_HOSTS = 2,
    SIM_BUNDLES = 6,
    SIM_MS = 120000,
    SIM_QUIET_MS = 40000, /* enough for what waits for a confirmation, and for each retry */
    SIM_STEP_MS = 5,
    SIM_PACKETS_MAX = 256,
    SIM_MADE_MAX = 512,
    SIM_TICKETS_MAX = 1024,
};

enum sim_fault {
    FAULT_LOSS,
    FAULT_DELAY,
    FAULT_TWICE,
    FAULT_CUT,
    FAULT_CRASH,
    FAULT_BOTH_CRASH,
    FAULT_DISK,
    FAULT_UNFIT,
    FAULT_STALL,
    ASK_APPLY,
    ASK_ALONE,
    ASK_UNCONFIRMED,
    ASK_CONFIRM,
    ASK_ROLLBACK,
    ASK_PROMOTE,
    FAULTS
};

enum sim_oracle {
    ORACLE_EQUAL,   /* after quiet both have the same, and serve it */
    ORACLE_BACK,    /* an index never goes back, on any node, whatever it lives through */
    ORACLE_DONE,    /* what is told as done on both nodes is on both disks */
    ORACLE_NOTHING, /* what is told to have changed nothing never comes in force */
    ORACLE_LOST,    /* what was told as done is in the list, or was set aside with an alarm */
    ORACLE_UNFIT,   /* no node serves what does not fit there */
    ORACLE_END,     /* each request has an end, in time */
    ORACLE_SERVED,  /* what a node says it serves it answers by */
    ORACLE_WRITER,  /* of one term one node writes */
    ORACLE_CONFIRM, /* what nobody confirms does not stay in force */
    ORACLES
};

struct sim_host {
    bool is_up;
    int64_t up_due_ms;
    struct history history;
    struct history_kept disk;
    bool has_disk; /* anything was ever stored */
    bool has_bundle[SIM_BUNDLES], is_unfit[SIM_BUNDLES];
    int64_t keep_ms, check_ms, serve_ms; /* their ends; 0: not under way */
    uint8_t checking[REVISION_DIGEST_SIZE];
    uint8_t serving_bundle[REVISION_DIGEST_SIZE];
    size_t answers_by; /* the bundle; SIM_BUNDLES: the file's */
    int64_t disk_bad_until_ms, stalled_until_ms;
    uint64_t ticket; /* of the request under way; 0: none */
    int64_t asked_ms;
    struct revision_name newest; /* in force on the disk, ever */
};

struct sim_made { /* each revision that was ever on a disk */
    struct revision revision;
    bool is_done, was_set_aside;
};

struct sim_packet {
    int64_t due_ms; /* 0: free */
    size_t to;
    size_t size;
    uint8_t bytes[4096];
};

struct sim {
    uint64_t seed, dice;
    bool trace;
    int64_t now_ms;
    struct sim_host hosts[SIM_HOSTS];
    struct sim_packet packets[SIM_PACKETS_MAX];
    int64_t loss_until_ms, delay_until_ms, twice_until_ms, cut_until_ms, next_fault_ms;
    uint64_t tickets;
    char nothing[SIM_TICKETS_MAX][REVISION_WHAT_MAX + 1]; /* of requests told to have changed it */
    size_t made_count;
    struct sim_made made[SIM_MADE_MAX];
    struct pack_space space;
    char failure[400];
};

extern uint64_t sim_faults[FAULTS], sim_checks[ORACLES], sim_outcomes[HISTORY_OUTCOME_COUNT];

uint64_t sim_dice(struct sim *self, uint64_t sides);
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim *self, const char *format,
                                                     ...);
__attribute__((format(printf, 4, 5))) void sim_check(struct sim *self, enum sim_oracle oracle,
                                                     bool holds, const char *format, ...);

uint64_t sim_wall_s(const struct sim *self);
void sim_bundle(size_t number, uint8_t *digest);
size_t sim_bundle_number(const uint8_t *digest);

void sim_start(struct sim *self, size_t host);
void sim_crash(struct sim *self, size_t host, int64_t for_ms);
void sim_step_host(struct sim *self, size_t host);
void sim_give(struct sim *self, size_t host, struct history_event *event);

void sim_step_network(struct sim *self);
void sim_send(struct sim *self, size_t from, const struct history_message *message);
void sim_step_faults(struct sim *self);

struct sim_made *sim_find_made(struct sim *self, const struct revision_name *name);
void sim_see_disk(struct sim *self, size_t host);
void sim_see_reply(struct sim *self, size_t host, const struct history_update *update);
void sim_see_aside(struct sim *self, size_t host, const struct history_kept *before);
void sim_step_oracles(struct sim *self);
void sim_end_oracles(struct sim *self);

#endif
