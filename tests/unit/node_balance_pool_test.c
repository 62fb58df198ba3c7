#include "node/balance/pool.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

enum { MEMBERS = 4 };

static alignas(64) uint8_t memory[1 << 20];

/* A ready pool of fit servers 0, 1, 2 ... with these loads, each of capacity 1000. */
static struct pool *pool_of(size_t count, const uint32_t *loads, uint32_t group_size,
                            uint32_t rounds, enum pool_last_resort last_resort)
{
    struct pool_member_config members[64];
    ck_assert_uint_le(count, 64);
    for (size_t i = 0; i < count; i++)
        members[i] = (struct pool_member_config){.capacity = 1000, .has = {true, true}};
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct pool *pool = pool_init(&(struct pool_config){.member_count = count,
                                                        .members = members,
                                                        .group_size = group_size,
                                                        .rounds = rounds,
                                                        .last_resort = last_resort},
                                  &arena);
    ck_assert_ptr_nonnull(pool);
    pool_set_ready(pool, true);
    for (size_t i = 0; i < count; i++) {
        pool_set_fitness(pool, i, POOL_FIT);
        pool_set_load(pool, i, loads[i]);
    }
    return pool;
}

/* The next `count` answers, servers numbered from 1: "1 2 1 2". */
static const char *answers(struct pool *pool, int64_t now_ms, size_t count)
{
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t member = SIZE_MAX;
        enum pool_reason reason = pool_choose(pool, now_ms, 0, &member);
        char one[32];
        if (reason <= POOL_CHOSEN_ANY)
            snprintf(one, sizeof one, "%s%zu", i == 0 ? "" : " ", member + 1);
        else
            snprintf(one, sizeof one, "%s%s", i == 0 ? "" : " ", pool_reason_text(reason));
        strcat(text, one);
    }
    return text;
}

/* G=2, R=3 over loads 1, 2, 3, 4: servers 1 and 2 in turn for six answers; then they have 4 and 5
 * and the group is formed anew of 3 (load 3) and, of the two with load 4, the first. */
START_TEST(the_group_goes_round_r_times_and_counts_what_was_handed_out)
{
    struct pool *pool = pool_of(4, (uint32_t[]){1, 2, 3, 4}, 2, 3, POOL_ALL);
    ck_assert_str_eq(answers(pool, 0, 6), "1 2 1 2 1 2");
    ck_assert_str_eq(answers(pool, 0, 6), "3 1 3 1 3 1");
    ck_assert_str_eq(answers(pool, 0, 6), "4 2 4 2 4 2");
}
END_TEST

/* Of twelve answers a server of half the weight gets four, when both begin empty. */
START_TEST(a_weight_scales_the_capacity)
{
    struct pool *pool = pool_of(2, (uint32_t[]){0, 0}, 1, 1, POOL_ALL);
    pool_set_weight(pool, 1, 50);
    answers(pool, 0, 12);
    ck_assert_uint_eq(pool_handed(pool, 0), 8);
    ck_assert_uint_eq(pool_handed(pool, 1), 4);
    struct pool_member_state state;
    pool_member_state(pool, 1, &state);
    ck_assert_uint_eq(state.weight, 50);
    ck_assert_uint_eq(state.capacity, 1000);
}
END_TEST

START_TEST(load_is_divided_by_capacity)
{
    struct pool_member_config members[] = {{.capacity = 100, .has = {true, true}},
                                           {.capacity = 1000, .has = {true, true}}};
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct pool *pool = pool_init(
        &(struct pool_config){.member_count = 2, .members = members, .group_size = 1, .rounds = 1},
        &arena);
    pool_set_ready(pool, true);
    for (size_t i = 0; i < 2; i++)
        pool_set_fitness(pool, i, POOL_FIT);
    pool_set_load(pool, 0, 20); /* a fifth */
    pool_set_load(pool, 1, 150);
    ck_assert_str_eq(answers(pool, 0, 3), "2 2 2");
    pool_set_load(pool, 1, 500); /* a half */
    ck_assert_str_eq(answers(pool, 0, 3), "1 1 1");
}
END_TEST

START_TEST(a_confirming_report_lets_the_round_run_on)
{
    struct pool *pool = pool_of(4, (uint32_t[]){10, 20, 30, 40}, 2, 10, POOL_ALL);
    ck_assert_str_eq(answers(pool, 0, 4), "1 2 1 2");
    pool_set_load(pool, 0, 12);
    pool_set_load(pool, 1, 22);
    ck_assert_str_eq(answers(pool, 0, 3), "1 2 1");
}
END_TEST

START_TEST(a_surprising_report_ends_the_round_at_once)
{
    struct pool *pool = pool_of(4, (uint32_t[]){10, 20, 30, 40}, 2, 10, POOL_ALL);
    ck_assert_str_eq(answers(pool, 0, 2), "1 2");
    pool_set_load(pool, 0, 500);
    ck_assert_str_eq(answers(pool, 0, 2), "2 3");
}
END_TEST

START_TEST(a_group_does_not_grow_older_than_its_time)
{
    struct pool *pool = pool_of(2, (uint32_t[]){0, 1}, 1, 1000, POOL_ALL);
    ck_assert_str_eq(answers(pool, 0, 3), "1 1 1");
    ck_assert_str_eq(answers(pool, POOL_GROUP_MS - 1, 1), "1");
    ck_assert_str_eq(answers(pool, POOL_GROUP_MS, 1), "2");
}
END_TEST

START_TEST(a_server_that_is_no_longer_fit_is_skipped_within_the_round)
{
    struct pool *pool = pool_of(3, (uint32_t[]){0, 1, 9}, 2, 100, POOL_ALL);
    ck_assert_str_eq(answers(pool, 0, 2), "1 2");
    pool_set_fitness(pool, 0, POOL_UNFIT);
    ck_assert_str_eq(answers(pool, 0, 4), "2 2 2 2");
    pool_set_fitness(pool, 1, POOL_LAST_GOOD);
    ck_assert_str_eq(answers(pool, 0, 2), "3 3");
}
END_TEST

START_TEST(the_partners_answers_count_as_load)
{
    struct pool *pool = pool_of(2, (uint32_t[]){0, 5}, 1, 1, POOL_ALL);
    pool_add_partner_handed(pool, 0, 10);
    ck_assert_str_eq(answers(pool, 0, 5), "2 2 2 2 2");
    struct pool_member_state state;
    pool_member_state(pool, 0, &state);
    ck_assert_uint_eq(state.pending, 10);
    pool_set_load(pool, 0, 3);
    pool_member_state(pool, 0, &state);
    ck_assert_uint_eq(state.pending, 0);
}
END_TEST

START_TEST(changed_group_and_rounds_hold_from_the_next_answer)
{
    struct pool *pool = pool_of(4, (uint32_t[]){1, 2, 30, 40}, 1, 1000, POOL_ALL);
    ck_assert_str_eq(answers(pool, 0, 2), "1 1");
    pool_set_group(pool, 2, 1);
    ck_assert_str_eq(answers(pool, 0, 4), "2 1 2 1");
    struct pool_state state;
    pool_state(pool, &state);
    ck_assert_uint_eq(state.group_size, 2);
    ck_assert_uint_eq(state.rounds, 1);
}
END_TEST

START_TEST(last_known_good_are_those_that_fell_silent_not_those_that_said_no)
{
    struct pool *pool = pool_of(3, (uint32_t[]){0, 0, 0}, 3, 1, POOL_LAST_KNOWN_GOOD);
    pool_set_fitness(pool, 0, POOL_UNFIT);
    pool_set_fitness(pool, 1, POOL_LAST_GOOD);
    pool_set_fitness(pool, 2, POOL_LAST_GOOD);
    ck_assert_str_eq(answers(pool, 0, 4), "2 3 2 3");
    struct pool_state state;
    pool_state(pool, &state);
    ck_assert_uint_eq(state.answers[POOL_CHOSEN_LAST_GOOD], 4);
    pool_set_fitness(pool, 1, POOL_UNFIT);
    pool_set_fitness(pool, 2, POOL_UNFIT);
    size_t member;
    ck_assert_int_eq(pool_choose(pool, 0, 0, &member), POOL_CHOSEN_ANY);
    pool_set_fitness(pool, 2, POOL_FIT);
    ck_assert_str_eq(answers(pool, 0, 2), "3 3");
}
END_TEST

START_TEST(a_drained_server_is_named_only_when_all_are)
{
    struct pool *pool = pool_of(2, (uint32_t[]){0, 9}, 2, 1, POOL_LAST_KNOWN_GOOD);
    pool_set_fitness(pool, 0, POOL_DRAINED);
    pool_set_fitness(pool, 1, POOL_UNFIT);
    ck_assert_str_eq(answers(pool, 0, 3), "2 2 2");
    pool_set_fitness(pool, 1, POOL_DRAINED);
    ck_assert_str_eq(answers(pool, 0, 2), "1 2");
}
END_TEST

START_TEST(each_last_resort_does_what_it_says)
{
    static const struct {
        enum pool_last_resort last_resort;
        const char *answers;
    } table[] = {{POOL_ALL, "1 2"}, {POOL_FIXED, "fixed fixed"}, {POOL_SERVFAIL, "nobody nobody"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct pool *pool = pool_of(2, (uint32_t[]){0, 0}, 2, 1, table[i].last_resort);
        pool_set_fitness(pool, 0, POOL_UNFIT);
        pool_set_fitness(pool, 1, POOL_UNFIT);
        ck_assert_str_eq(answers(pool, 0, 2), table[i].answers);
    }
}
END_TEST

/* A last resort of members is none where there are none; in either family. */
START_TEST(a_pool_without_members_answers_nobody_or_what_is_fixed)
{
    static const struct {
        enum pool_last_resort last_resort;
        enum pool_reason reason;
    } table[] = {{POOL_LAST_KNOWN_GOOD, POOL_NOBODY},
                 {POOL_ALL, POOL_NOBODY},
                 {POOL_SERVFAIL, POOL_NOBODY},
                 {POOL_FIXED, POOL_CHOSEN_FIXED}};
    size_t member;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct pool *pool = pool_of(0, NULL, 1, 1, table[i].last_resort);
        struct pool_state state;
        for (unsigned family = 0; family < 2; family++)
            ck_assert_int_eq(pool_choose(pool, 0, family, &member), table[i].reason);
        pool_state(pool, &state);
        ck_assert_uint_eq(state.member_count + state.fit_count, 0);
        ck_assert_uint_eq(state.answers[table[i].reason], 2);
        pool_set_ready(pool, false);
        ck_assert_int_eq(pool_choose(pool, 0, 0, &member), POOL_NOT_READY);
    }
}
END_TEST

START_TEST(a_pool_without_facts_is_not_ready)
{
    struct pool *pool = pool_of(2, (uint32_t[]){0, 0}, 2, 1, POOL_ALL);
    pool_set_ready(pool, false);
    ck_assert_str_eq(answers(pool, 0, 1), "not-ready");
}
END_TEST

START_TEST(a_family_is_answered_from_those_that_have_it)
{
    struct pool_member_config members[] = {{.capacity = 1000, .has = {true, false}},
                                           {.capacity = 1000, .has = {true, false}}};
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct pool_config config = {
        .member_count = 2, .members = members, .group_size = 2, .rounds = 1};
    struct pool *pool = pool_init(&config, &arena);
    pool_set_ready(pool, true);
    pool_set_fitness(pool, 0, POOL_FIT);
    pool_set_fitness(pool, 1, POOL_FIT);
    size_t member;
    ck_assert_int_eq(pool_choose(pool, 0, 1, &member), POOL_NO_ADDRESS);
    members[1].has[1] = true;
    pool = pool_init(&config, &arena);
    pool_set_ready(pool, true);
    pool_set_fitness(pool, 0, POOL_FIT);
    pool_set_fitness(pool, 1, POOL_FIT);
    ck_assert_int_eq(pool_choose(pool, 0, 1, &member), POOL_CHOSEN);
    ck_assert_uint_eq(member, 1);
}
END_TEST

START_TEST(no_arena_no_pool)
{
    struct arena arena;
    arena_init(&arena, memory, 64);
    struct pool_member_config member = {.capacity = 1, .has = {true, true}};
    ck_assert_ptr_null(pool_init(
        &(struct pool_config){.member_count = 1, .members = &member, .group_size = 1, .rounds = 1},
        &arena));
}
END_TEST

enum { THREADS = 4, ANSWERS = 20000 };

static void *ask(void *pool)
{
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t member;
        ck_assert_int_eq(pool_choose(pool, 0, 0, &member), POOL_CHOSEN);
    }
    return NULL;
}

/* Threads that race for places and groups lose no answer and keep the servers level. */
START_TEST(threads_together_hand_out_evenly)
{
    uint32_t loads[10] = {0};
    struct pool *pool = pool_of(10, loads, 3, 1, POOL_ALL);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, pool), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    uint32_t total = 0, least = UINT32_MAX, most = 0;
    for (size_t i = 0; i < 10; i++) {
        struct pool_member_state state;
        pool_member_state(pool, i, &state);
        total += state.handed;
        least = state.handed < least ? state.handed : least;
        most = state.handed > most ? state.handed : most;
    }
    ck_assert_uint_eq(total, THREADS * ANSWERS);
    ck_assert_uint_le(most - least, total / 10 / 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/balance/pool");
    SUITE_CASE(
        suite, "group", the_group_goes_round_r_times_and_counts_what_was_handed_out,
        a_weight_scales_the_capacity, load_is_divided_by_capacity,
        a_confirming_report_lets_the_round_run_on, a_surprising_report_ends_the_round_at_once,
        a_group_does_not_grow_older_than_its_time,
        a_server_that_is_no_longer_fit_is_skipped_within_the_round,
        the_partners_answers_count_as_load, changed_group_and_rounds_hold_from_the_next_answer);
    SUITE_CASE(
        suite, "last-resort", last_known_good_are_those_that_fell_silent_not_those_that_said_no,
        a_drained_server_is_named_only_when_all_are, each_last_resort_does_what_it_says,
        a_pool_without_members_answers_nobody_or_what_is_fixed, a_pool_without_facts_is_not_ready,
        a_family_is_answered_from_those_that_have_it, no_arena_no_pool);
    SUITE_CASE(suite, "threads", threads_together_hand_out_evenly);
    return suite_run(suite);
}
