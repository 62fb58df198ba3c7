#include "node/fitness.h"

#include <string.h>

#include "unit/suite.h"

static const struct fitness largest = {.fault = "abcdefghijklmnopqrstuvw",
                                       .gate = "abcdefghijklmnopqrstuvw",
                                       .reception = "abcdefghijklmnopqrstuvw",
                                       .wall_ms = INT64_MAX};

START_TEST(the_largest_fitness_fits_and_comes_back)
{
    struct pack_space space;
    struct fitness decoded;
    uint8_t value[RECORD_VALUE_MAX];
    size_t size = fitness_encode(&largest, value);
    pack_space_open(&space);
    ck_assert(fitness_decode(&decoded, &space, value, size));
    ck_assert_str_eq(decoded.fault, largest.fault);
    ck_assert_str_eq(decoded.gate, largest.gate);
    ck_assert_str_eq(decoded.reception, largest.reception);
    ck_assert_int_eq(decoded.wall_ms, INT64_MAX);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert(!fitness_decode(&decoded, &space, value, cut));
    pack_space_close(&space);
}
END_TEST

/* Byte for byte: what is right in the first row is wrong in one place in each other. */
START_TEST(what_is_no_fitness_is_refused)
{
    static const struct {
        const char *name, *value;
        size_t size;
        bool is_fitness;
    } table[] = {
#define ROW(name, value, is_fitness) {name, value, sizeof value - 1, is_fitness}
        ROW("right", "\x84\x01\xa5sound\x02\xa0\x03\xa0\x04\x07", true),
        ROW("no map", "\x90", false),
        ROW("a space in a word", "\x84\x01\xa5so nd\x02\xa0\x03\xa0\x04\x07", false),
        ROW("a word of 24 bytes",
            "\x84\x01\xb8"
            "abcdefghijklmnopqrstuvwx\x02\xa0\x03\xa0\x04\x07",
            false),
        ROW("a number as a word", "\x84\x01\x05\x02\xa0\x03\xa0\x04\x07", false),
        ROW("no gate", "\x83\x01\xa5sound\x03\xa0\x04\x07", false),
        ROW("a clock below zero", "\x84\x01\xa5sound\x02\xa0\x03\xa0\x04\xff", false),
        ROW("a clock beyond its range",
            "\x84\x01\xa5sound\x02\xa0\x03\xa0\x04\xcf\x80\x00\x00\x00\x00\x00\x00\x00", false),
#undef ROW
    };
    struct pack_space space;
    pack_space_open(&space);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fitness fitness;
        ck_assert_msg(fitness_decode(&fitness, &space, (const uint8_t *)table[i].value,
                                     table[i].size) == table[i].is_fitness,
                      "%s", table[i].name);
    }
    pack_space_close(&space);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/fitness");
    SUITE_CASE(suite, "record", the_largest_fitness_fits_and_comes_back,
               what_is_no_fitness_is_refused);
    return suite_run(suite);
}
