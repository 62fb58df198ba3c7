#include "replication/seen.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static _Alignas(16) uint8_t memory[1 << 18];

static struct seen seen_of(size_t count_max)
{
    struct seen seen;
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    ck_assert(seen_init(&seen, count_max, &arena));
    return seen;
}

START_TEST(a_word_seen_again_gives_its_first_place)
{
    struct seen seen = seen_of(2);
    ck_assert_ptr_null(seen_add(&seen, &(struct seen_word){"media1", 6, .line = 3, .position = 7}));
    ck_assert_ptr_null(seen_add(&seen, &(struct seen_word){"media2", 6, .line = 4, .position = 8}));
    const struct seen_word *first = seen_add(&seen, &(struct seen_word){"media1", 6, .line = 9});
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(first->line, 3);
    ck_assert_uint_eq(first->position, 7);
    ck_assert_uint_eq(seen_find(&seen, "media2", 6)->position, 8);
}
END_TEST

START_TEST(words_differ_by_their_size_too)
{
    struct seen seen = seen_of(2);
    ck_assert_ptr_null(seen_find(&seen, "media", 5));
    ck_assert_ptr_null(seen_add(&seen, &(struct seen_word){"media1", 6, .line = 1}));
    ck_assert_ptr_null(seen_find(&seen, "media1", 5));
    ck_assert_ptr_null(seen_add(&seen, &(struct seen_word){"media1", 5, .line = 1}));
    ck_assert_uint_eq(seen_find(&seen, "media", 5)->size, 5);
}
END_TEST

START_TEST(each_beginning_of_a_word_is_a_word_of_its_own)
{
    enum { COUNT = 200 };
    static char word[COUNT + 1];
    struct seen seen = seen_of(COUNT);
    memset(word, 'a', COUNT);
    for (uint32_t size = COUNT; size > 0; size--)
        ck_assert_ptr_null(
            seen_add(&seen, &(struct seen_word){word, size, .line = 1, .position = size}));
    for (uint32_t size = COUNT; size > 0; size--)
        ck_assert_uint_eq(seen_find(&seen, word, size)->position, size);
}
END_TEST

START_TEST(a_full_table_still_finds_every_word_and_no_other)
{
    enum { COUNT = 1000 };
    static char words[COUNT][8];
    struct seen seen = seen_of(COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(words[i], sizeof words[i], "m%u", i);
        ck_assert_ptr_null(
            seen_add(&seen, &(struct seen_word){words[i], strlen(words[i]), .position = i}));
    }
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_uint_eq(seen_find(&seen, words[i], strlen(words[i]))->position, i);
    ck_assert_ptr_null(seen_find(&seen, "m1000", 5));
}
END_TEST

START_TEST(an_exhausted_arena_is_told)
{
    struct seen seen;
    struct arena arena;
    arena_init(&arena, memory, 64);
    ck_assert(!seen_init(&seen, 1, &arena));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/seen");
    SUITE_CASE(suite, "seen", a_word_seen_again_gives_its_first_place,
               words_differ_by_their_size_too, each_beginning_of_a_word_is_a_word_of_its_own,
               a_full_table_still_finds_every_word_and_no_other, an_exhausted_arena_is_told);
    return suite_run(suite);
}
