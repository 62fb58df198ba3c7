#include "node/transition.h"

#include <string.h>

#include "unit/suite.h"

static const struct transition largest = {.number = UINT32_MAX,
                                          .earlier_ms = UINT32_MAX,
                                          .area = "abcdefghijklmnopqrstuvw",
                                          .subject = "abcdefghijklmnopqrstuvwxyz-123",
                                          .from = "abcdefghijklmnopqrstuvw",
                                          .to = "abcdefghijklmnopqrstuvw",
                                          .reason = "abcdefghijklmnopqrstuvw"};

START_TEST(the_largest_transition_fits_and_comes_back)
{
    struct pack_space space;
    struct transition decoded;
    uint8_t value[RECORD_VALUE_MAX];
    size_t size = transition_encode(&largest, value);
    pack_space_open(&space);
    ck_assert(transition_decode(&decoded, &space, value, size));
    ck_assert_mem_eq(&decoded, &largest, sizeof decoded);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert(!transition_decode(&decoded, &space, value, cut));
    pack_space_close(&space);
}
END_TEST

/* Byte for byte: what is right in the first row is wrong in one place in each other. */
START_TEST(what_is_no_transition_is_refused)
{
#define WORDS "\x03\xa4gate\x04\xa3ns1\x05\xa0\x06\xa3"
    static const struct {
        const char *name, *value;
        size_t size;
        bool is_transition;
    } table[] = {
#define ROW(name, value, is_transition) {name, value, sizeof value - 1, is_transition}
        ROW("right", "\x87\x01\x07\x02\x00" WORDS "fit\x07\xa5ready", true),
        ROW("number 0", "\x87\x01\x00\x02\x00" WORDS "fit\x07\xa5ready", false),
        ROW("a number beyond its range",
            "\x87\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x00\x02\x00" WORDS "fit\x07\xa5ready", false),
        ROW("text as an age", "\x87\x01\x07\x02\xa1x" WORDS "fit\x07\xa5ready", false),
        ROW("a line's end", "\x87\x01\x07\x02\x00" WORDS "f\nt\x07\xa5ready", false),
        ROW("no reason", "\x86\x01\x07\x02\x00" WORDS "fit", false),
#undef ROW
#undef WORDS
    };
    struct pack_space space;
    pack_space_open(&space);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct transition transition;
        ck_assert_msg(transition_decode(&transition, &space, (const uint8_t *)table[i].value,
                                        table[i].size) == table[i].is_transition,
                      "%s", table[i].name);
    }
    pack_space_close(&space);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/transition");
    SUITE_CASE(suite, "record", the_largest_transition_fits_and_comes_back,
               what_is_no_transition_is_refused);
    return suite_run(suite);
}
