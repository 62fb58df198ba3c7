#include <assert.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "sim/takeover/takeover.h"

enum {
    AGENTS_US = 2500 * MS, /* until most of them tell, worker.c */
    ASKING_US = PAIR_ASK_AFTER_US + 4 * PAIR_ASK_US,
    CLIENT_US = 1500 * MS + SECOND + 2600 * MS, /* client.c's patience, arp's lock, a lease */
};

static const char *const texts[ORACLE_KINDS] = {
    [ORACLE_ANSWERED] = "answered-in-time",
    [ORACLE_OVERLAP] = "two-holders-end",
    [ORACLE_MOVES] = "moves-are-bounded",
    [ORACLE_STEADY] = "one-holder-when-quiet",
    [ORACLE_STILL] = "still-without-a-fault",
    [ORACLE_FIT] = "fit-who-advertises",
    [ORACLE_ANNOUNCES] = "holder-announces",
    [ORACLE_ISOLATED] = "isolated-is-silent",
    [ORACLE_WAKING] = "reads-before-it-sends",
    [ORACLE_BREAKS] = "makes-before-it-breaks",
    [ORACLE_LEASE] = "lease-ends",
    [ORACLE_HOME] = "home-after-quiet",
    [ORACLE_ORDER] = "order-obeyed",
    [ORACLE_DAMPING] = "flapping-is-damped",
    [ORACLE_DEAF] = "deaf-takes-nothing",
    [ORACLE_UNSYNCED] = "facts-before-claims",
    [ORACLE_OPINION] = "by-the-rules",
    [ORACLE_BOUNDS] = "within-its-bounds",
};

const char *oracle_text(enum oracle_kind kind)
{
    assert(kind < ORACLE_KINDS);
    return texts[kind];
}

bool oracle_holds(const struct takeover *self, const struct host *host, uint8_t home,
                  uint8_t family)
{
    if (host->process != PROCESS_RUNS)
        return false;
    return self->are_routers
               ? host->routers[home][family].state == VRRP_ACTIVE
               : host->pair.homes[home].state != PAIR_BACKUP && host->pair.homes[home].is_granted;
}

/* ---- 1. answered ---- */

static bool are_lan_paths_clean(const struct takeover *self, const struct host *host)
{
    uint8_t node = host->self, other = (uint8_t)(1 - node);
    return path_is_clean(&self->lan[node][CLIENTS]) && path_is_clean(&self->lan[CLIENTS][node]) &&
           path_is_clean(&self->lan[node][WITNESSES]) &&
           path_is_clean(&self->lan[WITNESSES][node]) && self->lan[node][other].loss == 0 &&
           self->lan[other][node].loss == 0;
}

/* Able to answer for any address, and to know it: it runs, its gate passes, the LAN carries its
 * frames both ways, somebody on it sends some, and its kernel takes addresses. */
bool oracle_is_able(const struct takeover *self, const struct host *host)
{
    /* With every witness dead, and few frames of others, reception is not proven in time. */
    bool is_lan_alive = self->witnesses_dead == 0 || (self->is_lan_busy && !self->is_lan_quiet);
    bool is_ending = self->are_routers
                         ? host->supervise.worker == SUPERVISE_STOPPING
                         : host->pair.stopping || host->pair.leaving || host->is_stop_asked;
    return host->process == PROCESS_RUNS && host->is_fit && worker_answers(host) &&
           host->kernel.carrier && !host->adds_fail && !is_ending && is_lan_alive &&
           are_lan_paths_clean(self, host);
}

static bool is_pair_whole(const struct takeover *self)
{
    return self->pair_link[0].cuts == 0 && self->pair_link[1].cuts == 0 && !self->are_routers;
}

static bool is_vrrp_whole(const struct takeover *self)
{
    return self->lan[0][1].cuts == 0 && self->lan[1][0].cuts == 0 && self->vrrp_cuts[0] == 0 &&
           self->vrrp_cuts[1] == 0;
}

/* A holder that cannot hear the other does not know that clients follow that one, and announcements
 * may be lost: then they find out by themselves, when they ask for the MAC anew. */
static bool are_clients_lost(const struct takeover *self)
{
    bool is_lossy = false;
    for (uint8_t i = 0; i < NODES; i++)
        is_lossy |= self->lan[i][CLIENTS].loss > 0 || self->lan[CLIENTS][i].loss > 0;
    return is_lossy || self->are_routers || self->now_us - self->apart_us < CLIENT_US;
}

static bool is_lan_cut(const struct takeover *self, const struct host *host)
{
    uint8_t node = host->self;
    return host->kernel.carrier &&
           (self->lan[CLIENTS][node].cuts > 0 || self->lan[node][CLIENTS].cuts > 0);
}

/* Could the nodes know? A node that is mute or deaf is found by a witness; one that is mute by
 * three agents, too, unless a reply that came to it late made the other call itself isolated; by
 * VRRP alone it is not found at all. */
static bool is_knowable(const struct takeover *self)
{
    if (self->witness_count > 0 && self->witnesses_dead == 0 && !self->are_routers)
        return true;
    for (uint8_t node = 0; node < NODES; node++) {
        bool is_deaf = self->lan[CLIENTS][node].cuts > 0;
        bool has_agents = !self->are_routers && self->agents_cut[0] + self->agents_cut[1] == 0 &&
                          self->agent_count >= 3 && is_pair_whole(self) &&
                          self->hosts[1 - node].pair.reception.state != RECEPTION_NO_REPLY;
        if (is_lan_cut(self, &self->hosts[node]) && (is_deaf || !has_agents))
            return false;
    }
    return true;
}

static bool is_by_agents(const struct takeover *self)
{
    bool has_witness = self->witness_count > 0 && self->witnesses_dead == 0;
    return !has_witness && (is_lan_cut(self, &self->hosts[0]) || is_lan_cut(self, &self->hosts[1]));
}

/* Of paths. */
static unsigned network_faults(const struct takeover *self)
{
    unsigned count = 0;
    for (uint8_t i = 0; i < self->standing_count; i++)
        count += self->standing[i].kind <= FAULT_CARRIER;
    return count;
}

/* Apart: they do not hear each other, or two faults hide from one what the other does, until all of
 * it is over and both run. */
static void follow_parting(struct takeover *self)
{
    bool is_whole = is_pair_whole(self) || is_vrrp_whole(self);
    bool are_running =
        self->hosts[0].process == PROCESS_RUNS && self->hosts[1].process == PROCESS_RUNS;
    unsigned faults = network_faults(self);
    bool was_apart = self->are_apart && (!are_running || faults > 0);
    self->are_apart = !is_whole || faults > 1 || was_apart;
    if (self->are_apart || is_by_agents(self) || !is_knowable(self))
        self->apart_us = self->now_us;
    if (fault_find(self, FAULT_REPLAYED_ADVERTISEMENTS) != NULL)
        self->forged_us = self->now_us;
}

/* How long an address may be unanswered while a node is able, counted from the last change of what
 * is wrong:
 *   5 intervals of silence, the longest way to a take (rule 2), and one more of phase;
 *   10 until a node finds that nothing comes in, or out, and 5 of listening (rules 5 and 6);
 *   120 ms for a thread that hangs (failover/gate.h); the way, the kernel and the client: 30 ms;
 *   ten seconds and three queries, if a forger on the LAN speaks for a dead partner (rule 4);
 *   2.5 s until agents tell (rule 3), where no witness does;
 *   a second after a kernel that refused an address;
 *   and what clients need by themselves, where nobody can tell them. */
static int64_t bound_us(const struct takeover *self)
{
    int64_t bound = 25 * self->interval_us + 150 * MS;
    int64_t refused_us = self->now_us - 2 * PAIR_RETRY_US;
    bool is_retrying = false;
    if (self->now_us - self->forged_us < 20 * self->interval_us)
        bound += ASKING_US;
    for (uint8_t i = 0; i < NODES; i++)
        for (uint8_t home = 0; home < NODES; home++)
            is_retrying |= self->hosts[i].pair.homes[home].refused_us > refused_us;
    if (is_retrying)
        bound += PAIR_RETRY_US;
    if (is_by_agents(self))
        return bound + AGENTS_US;
    if (are_clients_lost(self))
        return bound + CLIENT_US;
    int64_t single = self->is_single ? fault_bound_us(self, self->changed_by) : INT64_MAX;
    return single < bound ? single : bound;
}

/* A stranger had it before this life of either node: it is not robbed. */
static bool is_strangers(const struct takeover *self, uint8_t home)
{
    for (uint8_t i = 0; i < NODES && !self->are_routers; i++)
        if (oracle_holds(self, &self->hosts[i], home, 0))
            return false;
    for (uint8_t i = 0; i < NODES && !self->are_routers; i++) {
        int64_t foreign_us = self->hosts[i].pair.homes[home].foreign_us;
        if (foreign_us != INT64_MIN && self->now_us - foreign_us < 2 * PAIR_FOREIGN_US)
            return true;
    }
    return false;
}

static void judge_answered(struct takeover *self, uint8_t home, uint8_t family)
{
    const struct client_entry *entry = &self->entries[home][family];
    int64_t since_us = INT64_MAX;
    for (uint8_t i = 0; i < NODES; i++)
        if (self->hosts[i].able_us < since_us)
            since_us = self->hosts[i].able_us;
    bool is_unasked = self->is_lan_quiet && entry->place >= NODES;
    if (is_strangers(self, home))
        self->strangers_us[home] = self->now_us;
    if (since_us == INT64_MAX || is_unasked || !is_knowable(self))
        return;
    since_us = since_us > entry->answered_us ? since_us : entry->answered_us;
    since_us = since_us > self->changed_us ? since_us : self->changed_us;
    since_us = since_us > self->strangers_us[home] ? since_us : self->strangers_us[home];
    int64_t out_us = self->now_us - since_us;
    if (out_us > sums.longest_us[self->changed_by])
        sums.longest_us[self->changed_by] = out_us;
    int64_t asking_us = entry->place == NOBODY ? CLIENT_US : 0; /* it asks for the MAC by itself */
    takeover_check(self, ORACLE_ANSWERED, out_us <= bound_us(self) + asking_us,
                   "home%d IPv%d is not answered for %lld ms after %s", home + 1,
                   family == 0 ? 4 : 6, (long long)out_us / MS, fault_text(self->changed_by));
}

/* ---- 2. two holders ---- */

static bool do_they_hear(const struct takeover *self)
{
    bool by_beats = path_is_clean(&self->pair_link[0]) && path_is_clean(&self->pair_link[1]);
    bool by_vrrp = path_is_clean(&self->lan[0][1]) && path_is_clean(&self->lan[1][0]) &&
                   self->vrrp_cuts[0] == 0 && self->vrrp_cuts[1] == 0;
    return (self->are_routers ? by_vrrp : by_beats) && self->hosts[0].process == PROCESS_RUNS &&
           self->hosts[1].process == PROCESS_RUNS;
}

/* Two holders that hear each other's beats are one soon after: a window if one was listening, two
 * intervals of signs, 20 ms and the queues of a planned move: 1 s at the most, and once more when
 * what makes one the better changed meanwhile. */
static void judge_overlap(struct takeover *self, uint8_t home)
{
    bool are_two = oracle_holds(self, &self->hosts[0], home, 0) &&
                   oracle_holds(self, &self->hosts[1], home, 0) && do_they_hear(self);
    if (!are_two) {
        self->two_us[home] = INT64_MAX;
        return;
    }
    if (self->two_us[home] == INT64_MAX || self->two_us[home] < self->changed_us)
        self->two_us[home] = self->now_us;
    int64_t bound = 20 * self->interval_us + (self->is_lan_busy ? 2400 : 200) * MS;
    takeover_check(self, ORACLE_OVERLAP, self->now_us - self->two_us[home] <= bound,
                   "both hold home%d for %lld ms and hear each other", home + 1,
                   (long long)(self->now_us - self->two_us[home]) / MS);
}

/* ---- the lease ---- */

/* A node that is dead, frozen or asleep holds nothing 2.6 s later, whatever its partner does. */
static void judge_lease(struct takeover *self, struct host *host)
{
    if (host->process == PROCESS_RUNS || self->now_us - host->died_us <= LEASE_US_MAX)
        return;
    for (uint8_t home = 0; home < NODES; home++)
        takeover_check(self, ORACLE_LEASE, !kernel_holds(self, host, home, 0),
                       "ns%d holds home%d %lld ms after its end", host->self + 1, home + 1,
                       (long long)(self->now_us - host->died_us) / MS);
}

/* ---- quiet ---- */

static bool is_disturbed(const struct takeover *self)
{
    for (uint8_t i = 0; i < self->standing_count; i++)
        if (!fault_is_strange(self->standing[i].kind))
            return true;
    for (uint8_t i = 0; i < (self->is_alone ? 1 : NODES); i++)
        if (self->hosts[i].process != PROCESS_RUNS || !self->hosts[i].is_fit ||
            !self->hosts[i].is_synced)
            return true;
    return false;
}

/* I2. Quiet means one holder of each address, in the kernels, of both families; two only while one
 * moves. */
static void judge_steady(struct takeover *self, uint8_t home)
{
    int64_t since_us =
        self->changed_us > self->disturbed_us ? self->changed_us : self->disturbed_us;
    for (uint8_t family = 0; family < FAMILIES; family++)
        if (!kernel_holds(self, &self->hosts[0], home, family) ||
            !kernel_holds(self, &self->hosts[1], home, family))
            self->one_us[home][family] = self->now_us;
    if (self->now_us - since_us < 2 * SECOND || is_strangers(self, home))
        return;
    for (uint8_t family = 0; family < FAMILIES; family++) {
        int holders = kernel_holds(self, &self->hosts[0], home, family) +
                      kernel_holds(self, &self->hosts[1], home, family);
        takeover_check(self, ORACLE_STEADY,
                       holders >= 1 && self->now_us - self->one_us[home][family] < 400 * MS,
                       "home%d IPv%d has %d holders", home + 1, family == 0 ? 4 : 6, holders);
    }
}

/* ---- at every interval ---- */

static void follow_host(struct takeover *self, struct host *host)
{
    uint8_t node = host->self, other = (uint8_t)(1 - node);
    bool is_deaf = self->lan[CLIENTS][node].cuts > 0 && self->lan[WITNESSES][node].cuts > 0 &&
                   self->lan[other][node].cuts > 0 && self->lan[STRANGER][node].cuts > 0;
    if (!is_deaf)
        host->deaf_us = INT64_MAX;
    else if (host->deaf_us == INT64_MAX)
        host->deaf_us = self->now_us;
    bool is_able = oracle_is_able(self, host);
    if (!is_able)
        host->able_us = INT64_MAX;
    else if (host->able_us == INT64_MAX)
        host->able_us = self->now_us;
    judge_lease(self, host);
    if (self->are_routers || host->process != PROCESS_RUNS)
        return;
    clause_sample(self, host);
    bool is_unconfirmed = pair_is_unconfirmed(&host->pair, self->now_us);
    takeover_check(self, ORACLE_OPINION,
                   !self->has_opinion ||
                       is_unconfirmed == opinion_is_unconfirmed(&host->opinion, self->now_us),
                   "ns%d says %d of what no witness confirms", host->self + 1, is_unconfirmed);
    takeover_check(self, ORACLE_BOUNDS,
                   memcmp(&host->beyond, &host_beyond, sizeof host_beyond) == 0,
                   "ns%d writes beyond its homes", host->self + 1);
}

void oracle_check(struct takeover *self)
{
    self->check_us = self->now_us + self->interval_us;
    follow_parting(self);
    if (is_disturbed(self))
        self->disturbed_us = self->now_us;
    for (uint8_t i = 0; i < NODES; i++)
        follow_host(self, &self->hosts[i]);
    for (uint8_t home = 0; home < (self->is_alone ? 1 : NODES); home++) {
        judge_answered(self, home, 0);
        judge_answered(self, home, 1);
        judge_overlap(self, home);
        judge_steady(self, home);
    }
}

/* ---- after the quiet ---- */

static void judge_home(struct takeover *self, uint8_t home)
{
    const struct host *first = &self->hosts[0];
    const struct beat_handover *mine = &first->disk[home], *other = &self->hosts[1].disk[home];
    const struct beat_handover *order = mine->version > other->version ? mine : other;
    uint8_t rightful = self->are_routers || order->version == 0 ? home : order->node;
    const struct host *holder = &self->hosts[rightful];
    enum oracle_kind oracle = rightful == home ? ORACLE_HOME : ORACLE_ORDER;
    if (self->now_us - self->disturbed_us < PAIR_HOLD_US_MIN + 2 * SECOND || self->are_equal ||
        self->are_patient)
        return; /* routers of one priority, or patient ones, leave it where it is */
    if (!self->are_routers)
        takeover_check(self, ORACLE_ORDER,
                       pair_rightful(&first->pair, home) == rightful &&
                           pair_rightful(&self->hosts[1].pair, home) == rightful,
                       "a node does not obey the last order for home%d", home + 1);
    if (!self->are_routers && holder->pair.homes[home].hold_us > PAIR_HOLD_US_MIN)
        return; /* its hold is longer than the quiet */
    for (uint8_t family = 0; family < FAMILIES; family++)
        takeover_check(self, oracle,
                       kernel_holds(self, holder, home, family) &&
                           !kernel_holds(self, &self->hosts[1 - rightful], home, family),
                       "home%d is not where it belongs, at ns%d", home + 1, rightful + 1);
}

/* Each fault may move both homes and what it moved comes home again; start and end likewise. */
static void judge_moves(struct takeover *self)
{
    uint32_t families = self->are_routers ? FAMILIES : 1;
    uint32_t most = families * (8 + 6 * self->fault_total);
    takeover_check(self, ORACLE_MOVES, self->claims <= most, "%u claims by %u faults, at most %u",
                   self->claims, self->fault_total, most);
}

void oracle_end(struct takeover *self)
{
    judge_moves(self);
    for (uint8_t home = 0; home < (self->is_alone ? 1 : NODES); home++)
        judge_home(self, home);
}
