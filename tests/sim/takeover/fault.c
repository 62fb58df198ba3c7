#include <assert.h>

#include "sim/takeover/takeover.h"

enum { CALM_US = 3 * SECOND };

static const char *const texts[FAULT_KINDS] = {
    [FAULT_LOSS] = "loss",
    [FAULT_ONE_WAY_LOSS] = "one-way-loss",
    [FAULT_DELAY] = "delay",
    [FAULT_DUPLICATION] = "duplication",
    [FAULT_REORDERING] = "reordering",
    [FAULT_LAN_CUT] = "lan-cut",
    [FAULT_PAIR_CUT] = "pair-link-cut",
    [FAULT_PARTITION] = "partition",
    [FAULT_ONE_WAY] = "one-way-partition",
    [FAULT_SWIZZLE] = "swizzle-clog",
    [FAULT_VRRP_BLOCKED] = "vrrp-blocked",
    [FAULT_DEAF] = "deaf-node",
    [FAULT_MUTE] = "mute-node",
    [FAULT_UNSENDABLE] = "unsendable",
    [FAULT_CARRIER] = "carrier-down",
    [FAULT_WITNESS_DEAD] = "dead-witness",
    [FAULT_QUIET_LAN] = "quiet-lan",
    [FAULT_BUSY_LAN] = "busy-lan",
    [FAULT_AGENTS_CUT] = "agents-cut",
    [FAULT_KILL] = "kill",
    [FAULT_BOTH_KILL] = "both-kill",
    [FAULT_POWER] = "power-off",
    [FAULT_FREEZE] = "freeze",
    [FAULT_BOTH_FREEZE] = "both-freeze",
    [FAULT_STALL] = "stall",
    [FAULT_BOTH_STALL] = "both-stall",
    [FAULT_WORKER_KILL] = "worker-kill",
    [FAULT_BOTH_WORKERS_KILL] = "both-workers-kill",
    [FAULT_WORKER_HANG] = "worker-hang",
    [FAULT_CONTROL_STALL] = "control-stall",
    [FAULT_UNSYNCED] = "unsynced",
    [FAULT_BOTH_UNSYNCED] = "both-unsynced",
    [FAULT_ADD_FAILS] = "address-add-fails",
    [FAULT_ADDRESS_DELETED] = "address-deleted",
    [FAULT_FOREIGN_CLAIM] = "foreign-claim",
    [FAULT_REARP] = "clients-re-arp",
    [FAULT_HANDOVER] = "handover",
    [FAULT_HANDOVER_BACK] = "handover-back",
    [FAULT_STOP] = "planned-stop",
    [FAULT_UPGRADE] = "worker-upgrade",
    [FAULT_RESET] = "reset",
    [FAULT_FORGED_BEATS] = "forged-beats",
    [FAULT_REPLAYED_BEATS] = "replayed-beats",
    [FAULT_FORGED_ADVERTISEMENTS] = "forged-advertisements",
    [FAULT_REPLAYED_ADVERTISEMENTS] = "partner-forged",
};

const char *fault_text(enum fault_kind kind)
{
    assert(kind < FAULT_KINDS);
    return texts[kind];
}

/* Of strangers, on the network alone: it must move nothing. */
bool fault_is_strange(enum fault_kind kind)
{
    return kind >= FAULT_FORGED_BEATS || kind == FAULT_FOREIGN_CLAIM || kind == FAULT_REARP;
}

const struct fault *fault_find(const struct takeover *self, enum fault_kind kind)
{
    for (uint8_t i = 0; i < self->standing_count; i++)
        if (self->standing[i].kind == kind)
            return &self->standing[i];
    return NULL;
}

/* What one fault alone may cost, in intervals and milliseconds; the rest is of rules that README.md
 * tells. One interval of each is the grain of the clients' questions. */
int64_t fault_bound_us(const struct takeover *self, enum fault_kind kind)
{
    static const struct {
        uint8_t intervals, ms;
    } costs[FAULT_KINDS] = {
        [FAULT_KILL] = {4, 10},          /* the tripwire, and one missed sign: rule 1 */
        [FAULT_POWER] = {8, 10},         /* five intervals of silence, and a frame: rule 2 */
        [FAULT_FREEZE] = {8, 10},        /* likewise */
        [FAULT_STALL] = {8, 10},         /* likewise, if it is long; its worker answers */
        [FAULT_MUTE] = {10, 10},         /* five intervals without VRRP, and two unheard: rule 3 */
        [FAULT_UNSENDABLE] = {10, 10},   /* or until its kernel isolates it: rule 5 */
        [FAULT_DEAF] = {16, 10},         /* until no frame or no reply isolates it: rule 5 */
        [FAULT_CARRIER] = {3, 10},       /* it says so: rule 1 */
        [FAULT_WORKER_KILL] = {3, 10},   /* likewise */
        [FAULT_WORKER_HANG] = {4, 110},  /* failover/gate.h: 60 to 80 ms, then likewise */
        [FAULT_CONTROL_STALL] = {3, 10}, /* nothing is lost by these */
        [FAULT_UNSYNCED] = {3, 10},
        [FAULT_LAN_CUT] = {3, 10},
        [FAULT_PAIR_CUT] = {3, 10},
        [FAULT_VRRP_BLOCKED] = {3, 10},
        [FAULT_HANDOVER] = {3, 10},
        [FAULT_HANDOVER_BACK] = {3, 10},
        [FAULT_STOP] = {3, 10},
        [FAULT_UPGRADE] = {3, 10},
        [FAULT_ADDRESS_DELETED] = {3, 10},
    };
    return costs[kind].intervals == 0
               ? INT64_MAX
               : costs[kind].intervals * self->interval_us + costs[kind].ms * MS;
}

/* ---- dice ---- */

static bool is_instant(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_KILL:
    case FAULT_BOTH_KILL:
    case FAULT_POWER:
    case FAULT_FREEZE:
    case FAULT_BOTH_FREEZE:
    case FAULT_STALL:
    case FAULT_BOTH_STALL:
    case FAULT_WORKER_KILL:
    case FAULT_BOTH_WORKERS_KILL:
    case FAULT_UNSYNCED:
    case FAULT_BOTH_UNSYNCED:
    case FAULT_ADDRESS_DELETED:
    case FAULT_HANDOVER:
    case FAULT_HANDOVER_BACK:
    case FAULT_STOP:
    case FAULT_UPGRADE:
    case FAULT_RESET:
        return true;
    default:
        return false;
    }
}

static bool is_possible(const struct takeover *self, const struct fault *fault)
{
    bool is_of_both = fault->kind == FAULT_BOTH_KILL || fault->kind == FAULT_BOTH_FREEZE ||
                      fault->kind == FAULT_BOTH_STALL || fault->kind == FAULT_BOTH_WORKERS_KILL ||
                      fault->kind == FAULT_BOTH_UNSYNCED;
    bool is_of_pair = fault->kind == FAULT_HANDOVER || fault->kind == FAULT_HANDOVER_BACK ||
                      fault->kind == FAULT_RESET || fault->kind == FAULT_UPGRADE ||
                      fault->kind == FAULT_REPLAYED_ADVERTISEMENTS ||
                      fault->kind == FAULT_FOREIGN_CLAIM || fault->kind == FAULT_DELAY;
    bool is_of_two = fault->kind == FAULT_HANDOVER || fault->kind == FAULT_HANDOVER_BACK ||
                     fault->kind >= FAULT_FORGED_BEATS;
    if ((self->are_routers && is_of_pair) || (self->is_alone && is_of_two))
        return false;
    if (!is_instant(fault->kind))
        return fault_find(self, fault->kind) == NULL &&
               (fault->kind != FAULT_WITNESS_DEAD || self->witness_count > 0) &&
               (fault->kind != FAULT_AGENTS_CUT || self->agent_count > 0);
    if (is_of_both && self->hosts[1 - fault->node].process != PROCESS_RUNS)
        return false;
    return self->hosts[fault->node].process == PROCESS_RUNS;
}

/* is_first: out of a calm in which everything was at its place. */
static void change(struct takeover *self, enum fault_kind kind, bool is_first)
{
    bool is_alone = self->standing_count == 0 && !fault_is_strange(kind);
    self->is_single = is_first && is_alone && self->now_us - self->disturbed_us > CALM_US &&
                      self->now_us - self->changed_us > CALM_US;
    if (fault_is_strange(kind))
        return;
    self->changed_us = self->now_us;
    self->changed_by = kind;
}

/* Mostly any; but what only two together bring about is thrown more often. */
static enum fault_kind throw_kind(struct takeover *self)
{
    static const enum fault_kind favourites[] = {
        FAULT_KILL,     FAULT_FREEZE,   FAULT_PAIR_CUT,      FAULT_BOTH_KILL,
        FAULT_BUSY_LAN, FAULT_HANDOVER, FAULT_HANDOVER_BACK, FAULT_REPLAYED_ADVERTISEMENTS};
    if (takeover_dice(self, 4) == 0)
        return favourites[takeover_dice(self, sizeof favourites / sizeof *favourites)];
    return (enum fault_kind)takeover_dice(self, FAULT_KINDS);
}

static bool throw_fault(struct takeover *self)
{
    bool is_first = self->fault_total == 0 && self->seed % 6 == 0 && !self->are_routers;
    struct fault fault = {.kind = is_first ? FAULT_FOREIGN_CLAIM : throw_kind(self),
                          .node = (uint8_t)takeover_dice(self, NODES),
                          .choice = (uint8_t)takeover_dice(self, 256),
                          .amount = (uint32_t)takeover_dice(self, 1000),
                          .next_us = INT64_MAX};
    /* More often than by chance: whose partner's kernel refuses addresses is upgraded. */
    const struct fault *refusal = fault_find(self, FAULT_ADD_FAILS);
    if (refusal != NULL && fault.kind == FAULT_RESET && !self->are_routers) {
        fault.kind = FAULT_UPGRADE;
        fault.node = (uint8_t)(1 - refusal->node);
    }
    fault.until_us = self->now_us + takeover_draw(self, 200 * MS, 6 * SECOND);
    /* Long enough for rules 4 and 9, now and then. */
    if (((fault.kind == FAULT_PAIR_CUT || fault.kind == FAULT_REPLAYED_ADVERTISEMENTS) &&
         fault.choice % 4 < 2) ||
        (fault.kind == FAULT_WITNESS_DEAD && fault.choice % 8 < 3))
        fault.until_us += 12 * SECOND;
    if (fault.until_us > TROUBLE_US)
        fault.until_us = TROUBLE_US;
    if (self->standing_count == FAULTS_STANDING_MAX || !is_possible(self, &fault))
        return false;
    takeover_trace(self, "begins: %s ns%d (%d)", fault_text(fault.kind), fault.node + 1,
                   fault.choice);
    if (!fault_begin(self, &fault))
        return false;
    sums.faults[fault.kind]++;
    self->fault_total++;
    change(self, fault.kind, true);
    if (!is_instant(fault.kind))
        self->standing[self->standing_count++] = fault;
    return true;
}

/* ---- as time goes ---- */

static void end_at(struct takeover *self, uint8_t place)
{
    struct fault fault = self->standing[place];
    self->standing[place] = self->standing[--self->standing_count];
    takeover_trace(self, "ends: %s ns%d", fault_text(fault.kind), fault.node + 1);
    fault_end(self, &fault);
    change(self, fault.kind, false);
}

static void plan_next(struct takeover *self)
{
    self->next_fault_us = self->throw_us;
    for (uint8_t i = 0; i < self->standing_count; i++) {
        const struct fault *fault = &self->standing[i];
        int64_t due_us = fault->next_us < fault->until_us ? fault->next_us : fault->until_us;
        if (due_us < self->next_fault_us)
            self->next_fault_us = due_us;
    }
}

void fault_step(struct takeover *self)
{
    for (uint8_t i = 0; i < self->standing_count;) {
        if (self->now_us >= self->standing[i].until_us) {
            end_at(self, i);
            continue;
        }
        if (self->now_us >= self->standing[i].next_us) {
            fault_again(self, &self->standing[i]);
            change(self, self->standing[i].kind, false);
        }
        i++;
    }
    if (self->now_us >= self->throw_us) {
        bool is_thrown = throw_fault(self);
        self->throw_us = self->now_us + (is_thrown ? takeover_draw(self, 20 * MS, 4 * SECOND)
                                                   : takeover_draw(self, MS, 20 * MS));
        if (self->throw_us >= TROUBLE_US)
            self->throw_us = INT64_MAX;
    }
    plan_next(self);
}

/* Trouble is over: what is down comes back soon, and orders of the seed's kind are given. */
void fault_heal(struct takeover *self)
{
    while (self->standing_count > 0)
        end_at(self, 0);
    self->throw_us = INT64_MAX;
    plan_next(self);
    for (uint8_t i = 0; i < NODES; i++) {
        struct host *host = &self->hosts[i];
        host->is_reset_asked = self->is_resetting;
        host_wake_by(self, host, self->now_us);
        if (host->process == PROCESS_DEAD && host->restart_us != INT64_MAX &&
            host->restart_us > self->now_us + 500 * MS)
            host->restart_us = self->now_us + 500 * MS;
        if (host->process == PROCESS_SLEEPS && host->wake_us > self->now_us + 500 * MS)
            host->wake_us = self->now_us + 500 * MS;
    }
    self->changed_us = self->now_us;
}
