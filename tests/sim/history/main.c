/* tandem-history-sim: seeds of trouble for two nodes' histories; the map is history.h.
 *
 *   tandem-history-sim --seeds N [--from S]
 *   tandem-history-sim --seed S [--trace] */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/history/history.h"

enum { COUNT_MIN = 100, SEEDS_FOR_COUNT = 200 };

uint64_t sim_faults[FAULTS], sim_checks[ORACLES], sim_outcomes[HISTORY_OUTCOME_COUNT];

static const char *const fault_texts[FAULTS] = {
    "loss",  "delay", "twice", "cut",         "crash",   "both-crash", "disk",   "unfit",
    "stall", "apply", "alone", "unconfirmed", "confirm", "rollback",   "promote"};
static const char *const oracle_texts[ORACLES] = {
    "equal-after-quiet",  "no-index-goes-back", "done-is-on-both",
    "refused-is-nowhere", "nothing-is-lost",    "nothing-unfit",
    "each-has-an-end",    "served-is-answered-by", "one-writer-a-term",
    "unconfirmed-ends"};

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t sim_dice(struct sim *self, uint64_t sides)
{
    uint64_t z = self->dice += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % sides;
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

/* What hardly ever happens in a run of many seeds is a failure itself. */
static bool print_count(const char *what, const char *text, uint64_t count, uint64_t seeds)
{
    bool is_enough = count >= COUNT_MIN || seeds < SEEDS_FOR_COUNT;
    printf("%-7s %-50.50s %9llu%s\n", what, text, (unsigned long long)count,
           is_enough ? "" : "  TOO SELDOM");
    return is_enough;
}

/* That of a partner that reads no such format is asked for by the unit tests alone. */
static bool print_sums(uint64_t seeds)
{
    bool all_enough = true;
    for (int i = 0; i < FAULTS; i++)
        all_enough &= print_count("fault", fault_texts[i], sim_faults[i], seeds);
    for (int i = 0; i < ORACLES; i++)
        all_enough &= print_count("oracle", oracle_texts[i], sim_checks[i], seeds);
    for (int i = 0; i < HISTORY_OUTCOME_COUNT; i++)
        print_count("outcome", history_outcome_text((enum history_outcome)i), sim_outcomes[i], 0);
    return all_enough;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"trace", no_argument, NULL, 't'},
                                            {0}};
    static struct sim sim;
    uint64_t seeds = 0, from = 1, passed = 0, failed = 0;
    bool trace = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n')
            seeds = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            from = strtoull(optarg, NULL, 10);
        else if (option == 's')
            from = strtoull(optarg, NULL, 10), seeds = 1;
        else if (option == 't')
            trace = true;
        else
            return 100;
    }
    for (uint64_t seed = from; seed < from + seeds; seed++) {
        bool held = run_seed(&sim, seed, trace);
        passed += held;
        failed += !held;
    }
    bool all_enough = print_sums(seeds);
    printf("%llu passed, %llu failed, 0 skipped\n", (unsigned long long)passed,
           (unsigned long long)failed);
    return failed == 0 && all_enough ? 0 : 1;
}
