/* tests/sim/seeds.h -- what every simulator has in common: its dice, its words, its sums.
 *
 *   PROGRAM --seeds N [--from S] [--kept FILE]    FILE: seeds that failed once, a line each
 *   PROGRAM --seed S [--trace] */
#ifndef TANDEM_TESTS_SIM_SEEDS_H
#define TANDEM_TESTS_SIM_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

/* The next number, below sides: SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t seeds_roll(uint64_t *dice, uint64_t sides);

struct seeds_simulator {
    const char *name;
    void *self;
    bool (*run)(void *self, uint64_t seed,
                bool is_traced); /* false: it failed, and that was said */
    /* After all of them, in so much time of this process; false: something hardly ever was. */
    bool (*print_sums)(uint64_t seeds, double seconds);
};

/* The whole program, but for what is opened before and closed after; returns its exit status. */
int seeds_main(const struct seeds_simulator *simulator, int argc, char **argv);

/* One line of the sums. In a run of so many seeds or more, what fired less than 100 times is a
 * failure itself: false. */
bool seeds_print_count(const char *what, const char *text, uint64_t count, uint64_t seeds,
                       uint64_t seeds_for_count);

#endif
