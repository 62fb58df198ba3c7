#include "replication/arena.h"

#include <stdalign.h>

#include "unit/suite.h"

static alignas(16) uint8_t memory[256];

START_TEST(memory_is_zeroed_and_aligned)
{
    struct arena arena;
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = 0xff;
    arena_init(&arena, memory, sizeof memory);
    ck_assert_ptr_nonnull(arena_take(&arena, 1));
    uint8_t *second = arena_take(&arena, 3);
    ck_assert_uint_eq((uintptr_t)second % 16, 0);
    ck_assert_uint_eq(second[0] | second[1] | second[2], 0);
}
END_TEST

START_TEST(an_exhausted_arena_gives_null_and_stays_usable)
{
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    ck_assert_ptr_null(arena_take(&arena, sizeof memory + 1));
    ck_assert_ptr_null(arena_take_array(&arena, SIZE_MAX / 2, 4));
    ck_assert_ptr_nonnull(arena_take(&arena, sizeof memory));
    ck_assert_ptr_null(arena_take(&arena, 1));
}
END_TEST

START_TEST(text_is_copied_with_its_end)
{
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    ck_assert_str_eq(arena_text(&arena, "media1xxx", 6), "media1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/arena");
    SUITE_CASE(suite, "take", memory_is_zeroed_and_aligned,
               an_exhausted_arena_gives_null_and_stays_usable, text_is_copied_with_its_end);
    return suite_run(suite);
}
