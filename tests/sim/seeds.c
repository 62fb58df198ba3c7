#include "sim/seeds.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COUNT_MIN = 100 };

struct run {
    const struct seeds_simulator *simulator;
    uint64_t passed, failed;
};

uint64_t seeds_roll(uint64_t *dice, uint64_t sides)
{
    assert(sides > 0);
    uint64_t z = *dice += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % sides;
}

bool seeds_print_count(const char *what, const char *text, uint64_t count, uint64_t seeds,
                       uint64_t seeds_for_count)
{
    bool is_enough = count >= COUNT_MIN || seeds < seeds_for_count;
    printf("%-8s %-24.60s %10llu%s\n", what, text, (unsigned long long)count,
           is_enough ? "" : "  TOO SELDOM");
    return is_enough;
}

static void run_one(struct run *self, uint64_t seed, bool is_traced)
{
    bool held = self->simulator->run(self->simulator->self, seed, is_traced);
    self->passed += held;
    self->failed += !held;
}

/* The first word of each line that is no comment. */
static bool run_kept(struct run *self, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[400];
    if (file == NULL) {
        fprintf(stderr, "%s: %s cannot be read\n", self->simulator->name, path);
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line)
            run_one(self, seed, false);
    }
    fclose(file);
    return true;
}

static double spent_s(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

int seeds_main(const struct seeds_simulator *simulator, int argc, char **argv)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"kept", required_argument, NULL, 'k'},
        {"trace", no_argument, NULL, 't'},       {0}};
    struct run run = {.simulator = simulator};
    uint64_t seeds = 0, from = 1;
    bool is_traced = false;
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
            is_traced = true;
        else
            return 100;
    }
    double began_s = spent_s();
    if (kept != NULL && !run_kept(&run, kept))
        return 111;
    for (uint64_t i = 0; i < seeds; i++)
        run_one(&run, from + i, is_traced);
    run.failed += !simulator->print_sums(run.passed + run.failed, spent_s() - began_s);
    printf("%llu passed, %llu failed\n", (unsigned long long)run.passed,
           (unsigned long long)run.failed);
    return run.failed == 0 && run.passed > 0 ? 0 : 1;
}
