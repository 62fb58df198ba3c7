/* tandem-takeover-sim: seeds of trouble for two guardians' cores; the map is
 * takeover.h, the words are of seeds.h. */
#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/seeds.h"
#include "sim/takeover/takeover.h"

enum { SEEDS_FOR_COUNT = 1000 };

struct sums sums;

uint64_t takeover_dice(struct takeover *self, uint64_t sides)
{
    return seeds_roll(&self->dice, sides);
}

int64_t takeover_draw(struct takeover *self, int64_t least, int64_t most)
{
    return least + (int64_t)takeover_dice(self, (uint64_t)(most - least));
}

void takeover_trace(const struct takeover *self, const char *format, ...)
{
    if (!self->is_traced)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%6lld.%03lld  ", (long long)self->now_us / MS, (long long)self->now_us % MS);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

/* What each node thinks. */
static void trace_hosts(const struct takeover *self)
{
    for (uint8_t i = 0; i < NODES && !self->are_routers; i++) {
        const struct host *host = &self->hosts[i];
        const struct pair *pair = &host->pair;
        takeover_trace(
            self, "  ns%d %s %s%s reception %s; beat %lld, listens %lld, frame %lld, reply %lld ms",
            i + 1, host->process == PROCESS_RUNS ? "runs" : "does not run",
            pair_fault_word(pair_fault(pair)), pair->synced ? " synced" : "",
            reception_word(pair->reception.state), (long long)(self->now_us - pair->beat_us) / MS,
            (long long)(pair->listen_us - self->now_us) / MS,
            (long long)(self->now_us - pair->reception.frame_us) / MS,
            (long long)(self->now_us - pair->reception.reply_us) / MS);
        for (uint8_t home = 0; home < NODES; home++)
            takeover_trace(
                self,
                "    home%d %s %s%s; advertised %lld, goodbye %lld, holds %lld, lacks %lld ms",
                home + 1, pair_state_word(pair->homes[home].state),
                kernel_holds(self, host, home, 0) ? "in kernel " : "",
                pair->homes[home].is_partners ? "partner's" : "",
                (long long)(self->now_us - pair->homes[home].advertised_us) / MS,
                (long long)(self->now_us - pair->homes[home].goodbye_us) / MS,
                (long long)(self->now_us - pair->homes[home].beat_holds_us) / MS,
                (long long)(self->now_us - pair->homes[home].beat_lacks_us) / MS);
    }
}

void takeover_broken(struct takeover *self, enum oracle_kind oracle, const char *format, ...)
{
    char sentence[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    takeover_trace(self, "BROKEN %s: %s", oracle_text(oracle), sentence);
    if (self->is_traced && self->failure[0] == '\0')
        trace_hosts(self);
    if (self->failure[0] == '\0')
        snprintf(self->failure, sizeof self->failure, "at %lld ms, %s: %s",
                 (long long)self->now_us / MS, oracle_text(oracle), sentence);
}

/* ---- a seed ---- */

/* One seed of ten is a pair of routers; most are of longer intervals, which take less time. */
static void draw_settings(struct takeover *self)
{
    static const int intervals_ms[] = {10, 20, 20, 50, 50, 50, 100, 100, 100, 100};
    uint64_t which = takeover_dice(self, sizeof intervals_ms / sizeof *intervals_ms);
    self->interval_us = intervals_ms[which] * MS;
    self->are_routers = takeover_dice(self, 10) == 0;
    self->is_alone = !self->are_routers && self->seed % 32 == 5;
    self->has_opinion = self->are_routers || self->seed % 2 == 1;
    if (self->are_routers && self->seed % 4 == 2)
        self->interval_us = 400 * MS; /* Active_Down_Interval is longer than VRRP_RETRY_US */
    self->are_equal = self->are_routers && self->seed % 4 == 0;
    self->are_patient = self->are_routers && self->seed % 4 == 1;
    self->travels_as_bytes = takeover_dice(self, 16) == 0;
    self->witness_count = (uint8_t)takeover_dice(self, WITNESSES_MAX + 1);
    self->agent_count = (uint8_t)takeover_dice(self, AGENTS_MAX + 1);
    /* What takes minutes otherwise comes about within these seeds. */
    bool is_soon = (self->seed + 1) % 8 < 3;
    self->flap_us = is_soon ? 10 * SECOND : PAIR_FLAP_US;
    self->hold_us_max = is_soon ? 12 * SECOND : PAIR_HOLD_US_MAX;
    self->is_resetting = takeover_dice(self, 3) != 0;
}

static void start(struct takeover *self)
{
    self->apart_us = self->forged_us = -TROUBLE_US;
    path_open(self);
    client_open(self);
    for (uint8_t i = 0; i < NODES; i++) {
        struct host *host = &self->hosts[i];
        self->two_us[i] = INT64_MAX;
        host->self = i;
        host->process = PROCESS_DEAD;
        host->kernel.is_on = host->kernel.carrier = true;
        host->hold_us = PAIR_HOLD_US_MIN;
        host->homecoming_us = INT64_MIN;
        host->restart_us = takeover_draw(self, 0, takeover_dice(self, 2) == 0 ? 50 * MS : SECOND);
    }
    if (self->is_alone) {
        self->hosts[1].restart_us = INT64_MAX;
        self->hosts[1].kernel.is_on = false;
    }
    self->throw_us = self->seed % 6 == 0 ? 0 : takeover_draw(self, 0, 3 * SECOND);
    self->next_fault_us = self->throw_us;
}

static bool run_seed(struct takeover *self, uint64_t seed, bool is_traced)
{
    memset(self, 0, offsetof(struct takeover, recordings));
    self->seed = self->dice = seed;
    self->is_traced = is_traced;
    draw_settings(self);
    start(self);
    takeover_trace(self, "seed %llu: %s, interval %lld ms, %d witnesses, %d agents",
                   (unsigned long long)seed, self->are_routers ? "routers" : "pair",
                   (long long)self->interval_us / MS, self->witness_count, self->agent_count);
    if (clock_run(self, TROUBLE_US)) {
        fault_heal(self);
        if (clock_run(self, TROUBLE_US + QUIET_US))
            oracle_end(self);
    }
    if (self->failure[0] == '\0' && self->fault_total < FAULTS_LEAST)
        snprintf(self->failure, sizeof self->failure, "only %u faults", self->fault_total);
    if (self->failure[0] != '\0')
        printf("seed %llu FAILED %s\n", (unsigned long long)seed, self->failure);
    return self->failure[0] == '\0';
}

/* ---- sums ---- */

static bool print_count(const char *what, const char *text, uint64_t count, uint64_t seeds)
{
    return seeds_print_count(what, text, count, seeds, SEEDS_FOR_COUNT);
}

static bool print_counts(uint64_t seeds)
{
    bool all_enough = true;
    for (int i = 0; i < FAULT_KINDS; i++)
        all_enough &= print_count("fault", fault_text((enum fault_kind)i), sums.faults[i], seeds);
    for (int i = 1; i < PAIR_REASONS; i++)
        all_enough &=
            print_count("reason", pair_reason_word((enum pair_reason)i), sums.reasons[i], seeds);
    for (int i = 0; i < CLAUSES; i++)
        all_enough &= print_count("clause", clause_text((enum clause)i), sums.clauses[i], seeds);
    for (int i = 0; i <= VRRP_ADD_FAILED; i++)
        all_enough &= print_count("vrrp", vrrp_reason_word((enum vrrp_reason)i),
                                  sums.router_reasons[i], seeds);
    for (int i = 0; i < BEAT_REFUSALS; i++)
        if (i != BEAT_BAD_VERSION && i != BEAT_BAD_FIELD) /* the pair's key vouches for both */
            all_enough &= print_count("beat", beat_refusal_word((enum beat_refusal)i),
                                      sums.beat_refusals[i], seeds);
    for (int i = 0; i < ORACLE_KINDS; i++)
        all_enough &=
            print_count("oracle", oracle_text((enum oracle_kind)i), sums.checks[i], seeds);
    return all_enough;
}

static bool print_sums(uint64_t seeds, double seconds)
{
    bool all_enough = print_counts(seeds);
    printf("%llu turns, %llu packets, %llu queries (%llu answered)\n",
           (unsigned long long)sums.turns, (unsigned long long)sums.packets,
           (unsigned long long)sums.asks, (unsigned long long)sums.answered);
    printf("%llu seeds of %d simulated seconds in %.1f s, %.1f ms each\n",
           (unsigned long long)seeds, (TROUBLE_US + QUIET_US) / SECOND, seconds,
           seconds * 1000 / (double)seeds);
    return all_enough;
}

static bool run(void *self, uint64_t seed, bool is_traced)
{
    return run_seed(self, seed, is_traced);
}

int main(int argc, char **argv)
{
    static struct takeover takeover;
    const struct seeds_simulator simulator = {"tandem-takeover-sim", &takeover, run, print_sums};
    return sodium_init() < 0 ? 111 : seeds_main(&simulator, argc, argv);
}
