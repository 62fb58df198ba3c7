/* tandem-history-sim: seeds of trouble for two nodes' histories; the map is history.h, the
 * words are of seeds.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/history/history.h"
#include "sim/seeds.h"

enum { SEEDS_FOR_COUNT = 200 };

uint64_t sim_faults[FAULTS], sim_checks[ORACLES], sim_outcomes[HISTORY_OUTCOME_COUNT];

static const char *const fault_texts[FAULTS] = {
    "loss",  "delay", "twice", "cut",         "crash",   "both-crash", "disk",   "unfit",
    "stall", "apply", "alone", "unconfirmed", "confirm", "rollback",   "promote"};
static const char *const oracle_texts[ORACLES] = {
    "equal-after-quiet", "no-index-goes-back", "done-is-on-both", "refused-is-nowhere",
    "nothing-is-lost",   "nothing-unfit",      "each-has-an-end", "served-is-answered-by",
    "one-writer-a-term", "unconfirmed-ends"};

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
    sim_checks[oracle]++;
    if (holds)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    sim_trace(self, "BROKEN %s: %s", oracle_texts[oracle], sentence);
    if (self->failure[0] == '\0')
        snprintf(self->failure, sizeof self->failure, "at %lld ms, %s: %s", (long long)self->now_ms,
                 oracle_texts[oracle], sentence);
}

static bool run_seed(struct sim *self, uint64_t seed, bool trace)
{
    memset(self, 0, sizeof *self);
    self->seed = self->dice = seed;
    self->trace = trace;
    self->next_fault_ms = 2000;
    pack_space_open(&self->space);
    for (size_t host = 0; host < SIM_HOSTS; host++)
        sim_start(self, host);
    for (; self->now_ms < SIM_MS + SIM_QUIET_MS && self->failure[0] == '\0';
         self->now_ms += SIM_STEP_MS) {
        sim_step_faults(self);
        sim_step_network(self);
        for (size_t host = 0; host < SIM_HOSTS; host++)
            sim_step_host(self, host);
        sim_step_oracles(self);
    }
    if (self->failure[0] == '\0')
        sim_end_oracles(self);
    pack_space_close(&self->space);
    if (self->failure[0] != '\0')
        printf("seed %llu FAILED %s\n", (unsigned long long)seed, self->failure);
    return self->failure[0] == '\0';
}

/* That of a partner that reads no such format is asked for by the unit tests alone. */
static bool print_sums(uint64_t seeds, double seconds)
{
    bool all_enough = true;
    for (int i = 0; i < FAULTS; i++)
        all_enough &=
            seeds_print_count("fault", fault_texts[i], sim_faults[i], seeds, SEEDS_FOR_COUNT);
    for (int i = 0; i < ORACLES; i++)
        all_enough &=
            seeds_print_count("oracle", oracle_texts[i], sim_checks[i], seeds, SEEDS_FOR_COUNT);
    for (int i = 0; i < HISTORY_OUTCOME_COUNT; i++)
        seeds_print_count("outcome", history_outcome_text((enum history_outcome)i), sim_outcomes[i],
                          0, 1);
    printf("%llu seeds of %d simulated seconds in %.1f s\n", (unsigned long long)seeds,
           (SIM_MS + SIM_QUIET_MS) / 1000, seconds);
    return all_enough;
}

static bool run(void *self, uint64_t seed, bool is_traced)
{
    return run_seed(self, seed, is_traced);
}

int main(int argc, char **argv)
{
    static struct sim sim;
    const struct seeds_simulator simulator = {"tandem-history-sim", &sim, run, print_sums};
    return seeds_main(&simulator, argc, argv);
}
