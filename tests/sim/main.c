/* tandem-sim: seeds of trouble for two workers' cores and their agents; the map is sim.h,
 * the words are of seeds.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/seeds.h"
#include "sim/sim.h"

enum { SEEDS_FOR_COUNT = 200 };

struct sim_sums sim_sums;

uint64_t sim_dice(struct sim *self, uint64_t sides)
{
    return seeds_roll(&self->dice, sides);
}

void sim_trace(const struct sim *self, const char *format, ...)
{
    if (!self->trace)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("%6lld  ", (long long)self->now_ms);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

void sim_check(struct sim *self, enum sim_oracle oracle, bool holds, const char *format, ...)
{
    char sentence[300];
    sim_sums.checks[oracle]++;
    if (holds)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    sim_trace(self, "BROKEN %s: %s", sim_oracle_text(oracle), sentence);
    if (self->failure[0] == '\0')
        snprintf(self->failure, sizeof self->failure, "at %lld ms, %s: %s", (long long)self->now_ms,
                 sim_oracle_text(oracle), sentence);
}

static bool run_seed(struct sim *self, uint64_t seed, bool trace)
{
    struct sim_room room = self->room;
    memset(self, 0, sizeof *self);
    self->room = room;
    self->seed = self->dice = self->other_dice = seed;
    self->trace = trace;
    pack_space_open(&self->space);
    sim_hosts_open(self);
    sim_network_open(self);
    self->next_fault_ms = self->next_order_ms = self->next_misspoken_ms = 1000;
    for (; self->now_ms < SIM_MS + SIM_QUIET_MS && self->failure[0] == '\0'; self->now_ms++) {
        sim_faults_step(self);
        sim_network_step(self);
        sim_hosts_step(self);
        sim_misspoken_step(self);
        sim_answers_step(self);
        sim_oracles_step(self);
    }
    if (self->failure[0] == '\0')
        sim_oracles_end(self);
    sim_network_close(self);
    sim_hosts_close(self);
    pack_space_close(&self->space);
    if (self->failure[0] == '\0' && self->fault_total < SIM_FAULTS_LEAST)
        snprintf(self->failure, sizeof self->failure, "only %zu faults", self->fault_total);
    if (self->failure[0] != '\0')
        printf("seed %llu FAILED %s\n", (unsigned long long)seed, self->failure);
    return self->failure[0] == '\0';
}

static bool print_sums(uint64_t seeds, double seconds)
{
    bool all_enough = true;
    for (int i = 0; i < SIM_FAULTS; i++)
        all_enough &= seeds_print_count("fault", sim_fault_text((enum sim_fault_kind)i),
                                        sim_sums.faults[i], seeds, SEEDS_FOR_COUNT);
    for (int i = 0; i < SIM_ORACLES; i++)
        all_enough &= seeds_print_count("oracle", sim_oracle_text((enum sim_oracle)i),
                                        sim_sums.checks[i], seeds, SEEDS_FOR_COUNT);
    printf("%llu answers (%llu last resort, %llu not ready), %llu frames, %llu reports relayed, "
           "%llu orders done\n",
           (unsigned long long)sim_sums.answers, (unsigned long long)sim_sums.last_resort,
           (unsigned long long)sim_sums.not_ready, (unsigned long long)sim_sums.frames,
           (unsigned long long)sim_sums.relays, (unsigned long long)sim_sums.orders_done);
    printf("%llu seeds of %d simulated seconds in %.1f s, %.1f a second\n",
           (unsigned long long)seeds, (SIM_MS + SIM_QUIET_MS) / 1000, seconds,
           (double)seeds / seconds);
    return all_enough;
}

static bool run(void *self, uint64_t seed, bool is_traced)
{
    return run_seed(self, seed, is_traced);
}

int main(int argc, char **argv)
{
    static struct sim sim;
    const struct seeds_simulator simulator = {"tandem-sim", &sim, run, print_sums};
    sim_room_take(&sim.room);
    int status = seeds_main(&simulator, argc, argv);
    sim_room_leave(&sim.room);
    return status;
}
