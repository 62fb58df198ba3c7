/* tandem-sim: seeds of trouble for two workers' cores and their agents; the map is sim.h.
 *
 *   tandem-sim --seeds N [--from S] [--kept FILE]    FILE: seeds that failed once, a line each
 *   tandem-sim --seed S [--trace] */
#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/sim.h"

enum { COUNT_MIN = 100, SEEDS_FOR_COUNT = 200 };

struct sim_sums sim_sums;

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t sim_dice(struct sim *self, uint64_t sides)
{
    assert(sides > 0);
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

/* The first word of each line that is no comment. */
static void run_kept(struct sim *self, const char *path, uint64_t *passed, uint64_t *failed)
{
    FILE *file = fopen(path, "r");
    char line[400];
    if (file == NULL) {
        fprintf(stderr, "tandem-sim: %s cannot be read\n", path);
        exit(111);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end == line)
            continue;
        bool held = run_seed(self, seed, false);
        *passed += held;
        *failed += !held;
    }
    fclose(file);
}

/* One line of the sums; in a run of many seeds a fault that hardly ever fires, or an oracle that
 * hardly ever looks, is a failure itself. */
static bool print_count(const char *what, const char *text, uint64_t count, uint64_t seeds)
{
    bool is_enough = count >= COUNT_MIN || seeds < SEEDS_FOR_COUNT;
    printf("%-6s %-24s %9llu%s\n", what, text, (unsigned long long)count,
           is_enough ? "" : "  TOO SELDOM");
    return is_enough;
}

static bool print_sums(uint64_t seeds, double seconds)
{
    bool all_enough = true;
    for (int i = 0; i < SIM_FAULTS; i++)
        all_enough &=
            print_count("fault", sim_fault_text((enum sim_fault_kind)i), sim_sums.faults[i], seeds);
    for (int i = 0; i < SIM_ORACLES; i++)
        all_enough &=
            print_count("oracle", sim_oracle_text((enum sim_oracle)i), sim_sums.checks[i], seeds);
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

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"kept", required_argument, NULL, 'k'},
        {"trace", no_argument, NULL, 't'},       {0}};
    static struct sim sim;
    uint64_t seeds = 0, from = 1, passed = 0, failed = 0;
    bool trace = false;
    const char *kept = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n')
            seeds = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            from = strtoull(optarg, NULL, 10);
        else if (option == 's')
            from = strtoull(optarg, NULL, 10), seeds = 1;
        else if (option == 'k')
            kept = optarg;
        else if (option == 't')
            trace = true;
        else
            return 100;
    }
    sim_room_take(&sim.room);
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (kept != NULL)
        run_kept(&sim, kept, &passed, &failed);
    for (uint64_t i = 0; i < seeds; i++) {
        bool held = run_seed(&sim, from + i, trace);
        passed += held;
        failed += !held;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double seconds =
        (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
    bool all_enough = print_sums(passed + failed, seconds);
    sim_room_leave(&sim.room);
    failed += !all_enough;
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
