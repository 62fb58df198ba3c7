#include <assert.h>

#include "sim/takeover/takeover.h"

enum { PATHS_MAX = 12, SWIZZLED = 8, LOSS_MIN = 20, LOSS_RANGE = 230 };

/* ---- sets of paths ---- */

/* The paths of a fault: the pair link, the LAN between the nodes, a node's to the clients, or all
 * of these; one way from or to the node, or both. */
static size_t paths_of(struct takeover *self, const struct fault *fault, bool is_one_way,
                       struct path *paths[PATHS_MAX])
{
    uint8_t node = fault->node, other = (uint8_t)(1 - node), which = fault->choice % 4;
    bool is_in = (fault->choice & 64) != 0;
    size_t count = 0;
    for (int way = 0; way < 2; way++) {
        if (is_one_way && (way == 1) != is_in)
            continue;
        if (which == 0 || which == 3)
            paths[count++] = &self->pair_link[way == 0 ? node : other];
        if (which == 1 || which == 3)
            paths[count++] = way == 0 ? &self->lan[node][other] : &self->lan[other][node];
        if (which == 2 || which == 3) {
            paths[count++] = way == 0 ? &self->lan[node][CLIENTS] : &self->lan[CLIENTS][node];
            paths[count++] = way == 0 ? &self->lan[node][WITNESSES] : &self->lan[WITNESSES][node];
        }
    }
    return count;
}

static void weather(struct takeover *self, const struct fault *fault, bool begins)
{
    struct path *paths[PATHS_MAX];
    size_t count = paths_of(self, fault, fault->kind == FAULT_ONE_WAY_LOSS, paths);
    uint16_t share = (uint16_t)(LOSS_MIN + fault->amount % LOSS_RANGE);
    for (size_t i = 0; i < count; i++) {
        if (fault->kind == FAULT_DELAY)
            paths[i]->delay_us =
                begins ? (uint32_t)(self->interval_us * (1 + fault->amount % 7)) : 0;
        else if (fault->kind == FAULT_DUPLICATION)
            paths[i]->duplication = begins ? share : 0;
        else if (fault->kind == FAULT_REORDERING)
            paths[i]->reorders = begins;
        else
            paths[i]->loss = (uint16_t)(begins ? paths[i]->loss + share : paths[i]->loss - share);
    }
}

static void cut(struct path *path, bool begins)
{
    assert(begins || path->cuts > 0);
    path->cuts = (uint8_t)(begins ? path->cuts + 1 : path->cuts - 1);
}

static void cut_lan(struct takeover *self, uint8_t node, bool is_in, bool begins)
{
    for (uint8_t place = 0; place < PLACES; place++)
        if (place != node)
            cut(is_in ? &self->lan[place][node] : &self->lan[node][place], begins);
}

static void swizzle(struct takeover *self, uint8_t item, bool begins)
{
    if (item < 2)
        cut(&self->pair_link[item], begins);
    else if (item < 4)
        cut(&self->lan[item - 2][3 - item], begins);
    else
        cut_lan(self, item % 2, item < 6, begins);
}

static void swizzle_again(struct takeover *self, struct fault *fault)
{
    bool is_closing = fault->amount < 6;
    uint8_t first = (uint8_t)takeover_dice(self, SWIZZLED);
    fault->next_us = self->now_us + takeover_draw(self, 20 * MS, 500 * MS);
    fault->amount++;
    for (uint8_t i = 0; i < SWIZZLED; i++) {
        uint8_t item = (uint8_t)((first + i) % SWIZZLED);
        if (((fault->choice >> item & 1) != 0) == is_closing)
            continue;
        fault->choice ^= (uint8_t)(1U << item);
        swizzle(self, item, is_closing);
        takeover_trace(self, "swizzle: path %d %s", item, is_closing ? "cut" : "healed");
        return;
    }
}

static void partition(struct takeover *self, const struct fault *fault, bool begins)
{
    uint8_t node = fault->node, other = (uint8_t)(1 - node);
    bool is_lan = fault->kind != FAULT_PAIR_CUT, is_pair = fault->kind != FAULT_LAN_CUT;
    if (fault->kind == FAULT_ONE_WAY) {
        is_lan = fault->choice % 3 != 0;
        is_pair = fault->choice % 3 != 1;
    }
    if (is_lan)
        cut(&self->lan[node][other], begins);
    if (is_pair)
        cut(&self->pair_link[node], begins);
    if (is_lan && fault->kind != FAULT_ONE_WAY)
        cut(&self->lan[other][node], begins);
    if (is_pair && fault->kind != FAULT_ONE_WAY)
        cut(&self->pair_link[other], begins);
}

static void change_network(struct takeover *self, struct fault *fault, bool begins)
{
    struct host *host = &self->hosts[fault->node];
    int step = begins ? 1 : -1;
    switch (fault->kind) {
    case FAULT_LOSS:
    case FAULT_ONE_WAY_LOSS:
    case FAULT_DELAY:
    case FAULT_DUPLICATION:
    case FAULT_REORDERING:
        weather(self, fault, begins);
        break;
    case FAULT_LAN_CUT:
    case FAULT_PAIR_CUT:
    case FAULT_PARTITION:
    case FAULT_ONE_WAY:
        partition(self, fault, begins);
        break;
    case FAULT_VRRP_BLOCKED:
        self->vrrp_cuts[fault->node] = (uint8_t)(self->vrrp_cuts[fault->node] + step);
        if (fault->choice % 2 == 0)
            self->vrrp_cuts[1 - fault->node] = (uint8_t)(self->vrrp_cuts[1 - fault->node] + step);
        break;
    case FAULT_DEAF:
    case FAULT_MUTE:
        cut_lan(self, fault->node, fault->kind == FAULT_DEAF, begins);
        break;
    case FAULT_UNSENDABLE:
        cut_lan(self, fault->node, false, begins);
        host->sends_fail = begins;
        break;
    case FAULT_CARRIER:
        cut_lan(self, fault->node, true, begins);
        cut_lan(self, fault->node, false, begins);
        kernel_carrier(self, host, !begins);
        break;
    case FAULT_SWIZZLE:
        for (uint8_t item = 0; item < SWIZZLED && !begins; item++)
            if ((fault->choice >> item & 1) != 0)
                swizzle(self, item, false);
        fault->choice = 0;
        fault->amount = 0;
        fault->next_us = self->now_us;
        break;
    case FAULT_WITNESS_DEAD:
        self->witnesses_dead = (uint8_t)(self->witnesses_dead + step);
        break;
    case FAULT_QUIET_LAN:
        self->is_lan_quiet = begins;
        break;
    case FAULT_BUSY_LAN:
        self->is_lan_busy = begins;
        self->busy_since_us = self->now_us;
        self->busy_empty_us = fault->choice % 4 == 0 ? 60 * MS : 3 * SECOND;
        break;
    default:
        assert(!"a fault of the network");
    }
}

/* ---- hosts ---- */

static void hang(struct takeover *self, struct fault *fault, bool begins)
{
    struct worker_model *worker = &self->hosts[fault->node].worker;
    if (fault->kind == FAULT_CONTROL_STALL) {
        worker->is_control_stalled = begins && worker->life == WORKER_ALIVE;
        return;
    }
    worker->is_hung[0] = begins && worker->life == WORKER_ALIVE;
    worker->is_hung[1] = worker->is_hung[0] && fault->choice % 2 == 0;
    worker->hung_us = worker->is_hung[0] ? self->now_us : INT64_MAX;
}

static void lose_facts(struct takeover *self, struct host *host)
{
    host->worker.is_synced = false;
    host->worker.meeting_us = 0;
    host->worker.sync_us = self->now_us + takeover_draw(self, 300 * MS, 3 * SECOND);
    host_wake_by(self, host, self->now_us);
}

static void delete_address(struct takeover *self, struct host *host, uint8_t choice)
{
    uint8_t home = choice % NODES;
    for (uint8_t family = 0; family < FAMILIES; family++)
        if ((choice & 4) == 0 || family == (choice >> 3 & 1))
            host->kernel.leases[home][family].is_present = false;
    host_wake_by(self, host, self->now_us + takeover_draw(self, 20, 300));
}

static void change_host(struct takeover *self, struct host *host, const struct fault *fault)
{
    int64_t restart_us = self->now_us + takeover_draw(self, 50 * MS, 4 * SECOND);
    int64_t sleep_us = takeover_draw(self, 60 * MS, fault->choice % 4 == 0 ? 8 * SECOND : SECOND);
    switch (fault->kind) {
    case FAULT_BOTH_KILL: /* of some, both start at once, and one finds its facts on its disk */
        host->is_prompt = fault->choice % 2 == 0;
        host->is_warm = host->is_prompt && host->self == fault->node;
        if (host->is_prompt)
            restart_us = self->now_us + takeover_draw(self, 50 * MS, 100 * MS);
        host_kill(self, host, restart_us, true);
        break;
    case FAULT_KILL:
        host_kill(self, host, restart_us, true);
        break;
    case FAULT_POWER:
        host_kill(self, host, restart_us + SECOND, false);
        break;
    case FAULT_FREEZE:
    case FAULT_BOTH_FREEZE:
        host_sleep(self, host, self->now_us + sleep_us, true);
        break;
    case FAULT_STALL:
    case FAULT_BOTH_STALL:
        host_sleep(self, host, self->now_us + takeover_draw(self, 20 * MS, 400 * MS), false);
        break;
    case FAULT_WORKER_KILL:
    case FAULT_BOTH_WORKERS_KILL:
        worker_kill(self, host);
        break;
    case FAULT_UNSYNCED:
    case FAULT_BOTH_UNSYNCED:
        lose_facts(self, host);
        break;
    case FAULT_ADDRESS_DELETED:
        delete_address(self, host, fault->choice);
        break;
    case FAULT_STOP: /* now and then somebody else asks for an upgrade as well */
        host->is_stop_asked = true;
        host->upgrades_asked = fault->choice % 4 == 0 && !self->are_routers;
        host_wake_by(self, host, self->now_us);
        break;
    case FAULT_UPGRADE:
        host->upgrades_asked = fault->choice % 4 == 0 ? 2 : 1;
        host_wake_by(self, host, self->now_us);
        break;
    case FAULT_RESET:
        host->is_reset_asked = true;
        host_wake_by(self, host, self->now_us);
        break;
    default:
        assert(!"a fault of a host");
    }
}

/* An operator at this node's worker: the next version of the order for one home. */
static bool order(struct takeover *self, struct host *host, const struct fault *fault)
{
    uint8_t home = fault->choice % NODES;
    if (host->worker.life != WORKER_ALIVE || host->worker.is_control_stalled)
        return false;
    host->disk[home] =
        (struct beat_handover){.version = ++self->orders,
                               .node = fault->kind == FAULT_HANDOVER ? (uint8_t)(1 - home) : home};
    host_wake_by(self, host, self->now_us + takeover_draw(self, 50, 500));
    return true;
}

/* ---- beginnings and ends ---- */

bool fault_begin(struct takeover *self, struct fault *fault)
{
    struct host *host = &self->hosts[fault->node];
    switch (fault->kind) {
    case FAULT_KILL:
    case FAULT_POWER:
    case FAULT_FREEZE:
    case FAULT_STALL:
    case FAULT_WORKER_KILL:
    case FAULT_UNSYNCED:
    case FAULT_ADDRESS_DELETED:
    case FAULT_STOP:
    case FAULT_UPGRADE:
    case FAULT_RESET:
        change_host(self, host, fault);
        return true;
    case FAULT_BOTH_KILL:
    case FAULT_BOTH_FREEZE:
    case FAULT_BOTH_STALL:
    case FAULT_BOTH_WORKERS_KILL:
    case FAULT_BOTH_UNSYNCED:
        change_host(self, &self->hosts[0], fault);
        change_host(self, &self->hosts[1], fault);
        return true;
    case FAULT_HANDOVER:
    case FAULT_HANDOVER_BACK:
        return order(self, host, fault);
    case FAULT_WORKER_HANG:
    case FAULT_CONTROL_STALL:
        hang(self, fault, true);
        return host->worker.life == WORKER_ALIVE;
    case FAULT_ADD_FAILS:
        host->adds_fail = true;
        return true;
    case FAULT_AGENTS_CUT:
        self->agents_cut[fault->node] = (uint8_t)(1 + takeover_dice(self, self->agent_count));
        return true;
    case FAULT_FOREIGN_CLAIM:
    case FAULT_REARP:
    case FAULT_FORGED_BEATS:
    case FAULT_REPLAYED_BEATS:
    case FAULT_FORGED_ADVERTISEMENTS:
    case FAULT_REPLAYED_ADVERTISEMENTS:
        fault->next_us = self->now_us;
        return true;
    default:
        change_network(self, fault, true);
        return true;
    }
}

void fault_end(struct takeover *self, struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_WORKER_HANG:
    case FAULT_CONTROL_STALL:
        hang(self, fault, false);
        break;
    case FAULT_ADD_FAILS:
        self->hosts[fault->node].adds_fail = false;
        break;
    case FAULT_AGENTS_CUT:
        self->agents_cut[fault->node] = 0;
        break;
    default:
        if (!fault_is_strange(fault->kind))
            change_network(self, fault, false);
        break;
    }
}

void fault_again(struct takeover *self, struct fault *fault)
{
    if (fault->kind == FAULT_SWIZZLE) {
        swizzle_again(self, fault);
        return;
    }
    if (fault->kind == FAULT_REARP) {
        client_rearp(self);
        fault->next_us = self->now_us + takeover_draw(self, 20 * MS, 400 * MS);
        return;
    }
    stranger_act(self, fault);
    bool is_slow = fault->kind == FAULT_FOREIGN_CLAIM;
    fault->next_us = self->now_us + (is_slow ? takeover_draw(self, 100 * MS, 800 * MS)
                                             : takeover_draw(self, MS, 2 * self->interval_us));
}
