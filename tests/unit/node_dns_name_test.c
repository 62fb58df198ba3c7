#include "node/dns/name.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

/* The wire form of text, which must be a name. */
static const uint8_t *wire(const char *text)
{
    static uint8_t names[4][NAME_SIZE_MAX];
    static size_t next;
    size_t size;
    uint8_t *name = names[next++ % 4];
    ck_assert_msg(name_parse(text, name, &size), "%s", text);
    ck_assert_uint_eq(name_size(name, NAME_SIZE_MAX), size);
    return name;
}

START_TEST(text_becomes_labels_and_back)
{
    static const struct {
        const char *text, *wire, *back;
    } names[] = {
        {".", "", "."},
        {"www.example", "\3www\7example", "www.example."},
        {"www.example.", "\3www\7example", "www.example."},
        {"a\\.b.c", "\3a.b\1c", "a\\.b.c."},
        {"\\065b", "\2Ab", "Ab."},
        {"\\000\\255 x", "\4\0\377 x", "\\000\\255\\032x."},
        {"\\\\x", "\2\\x", "\\\\x."},
        {"*.a", "\1*\1a", "*.a."},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[NAME_TEXT_MAX];
        const uint8_t *name = wire(names[i].text);
        ck_assert_mem_eq(name, names[i].wire, name_size(name, NAME_SIZE_MAX));
        ck_assert_str_eq(name_text(name, text), names[i].back);
        ck_assert(name_equal(wire(text), name));
    }
}
END_TEST

START_TEST(text_that_is_no_name_is_refused)
{
    static const char *const texts[] = {"",     "..",    ".a",    "a..b",  "\\",   "a\\",
                                        "\\12", "\\1x2", "\\256", "\\999", "a.\\", "a.."};
    uint8_t name[NAME_SIZE_MAX];
    size_t size;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(!name_parse(texts[i], name, &size), "%s", texts[i]);
}
END_TEST

START_TEST(labels_and_names_are_bounded)
{
    char text[600];
    uint8_t name[NAME_SIZE_MAX];
    size_t size;
    snprintf(text, sizeof text, "%063d", 0);
    ck_assert(name_parse(text, name, &size));
    snprintf(text, sizeof text, "%064d", 0);
    ck_assert(!name_parse(text, name, &size));
    /* 3 x 64 + 62 + 1 = 255, with or without the final dot; a byte more is too long. */
    snprintf(text, sizeof text, "%063d.%063d.%063d.%061d", 0, 0, 0, 0);
    ck_assert(name_parse(text, name, &size));
    ck_assert_uint_eq(size, NAME_SIZE_MAX);
    strcat(text, ".");
    ck_assert(name_parse(text, name, &size));
    snprintf(text, sizeof text, "%063d.%063d.%063d.%062d", 0, 0, 0, 0);
    ck_assert(!name_parse(text, name, &size));
    /* 127 labels, and one more. */
    for (size_t i = 0; i < 128; i++)
        memcpy(text + 2 * i, "a.", 3);
    ck_assert(!name_parse(text, name, &size));
    text[2 * 127] = '\0';
    ck_assert(name_parse(text, name, &size));
    ck_assert_uint_eq(name_label_count(name), NAME_LABELS_MAX);
}
END_TEST

/* The worst for name_text: every byte needs four. */
START_TEST(the_longest_text_form_fits)
{
    uint8_t name[NAME_SIZE_MAX] = {0};
    char text[NAME_TEXT_MAX];
    for (size_t at = 0; at < 192; at += 64)
        name[at] = 63;
    name[192] = 61;
    ck_assert_uint_eq(name_size(name, sizeof name), NAME_SIZE_MAX);
    ck_assert_uint_eq(strlen(name_text(name, text)), (3 * 63 + 61) * 4 + 4);
}
END_TEST

START_TEST(bytes_that_are_no_name_have_no_size)
{
    ck_assert_uint_eq(name_size((const uint8_t *)"\3www", 5), 5);
    ck_assert_uint_eq(name_size((const uint8_t *)"\3www", 4), 0);
    ck_assert_uint_eq(name_size((const uint8_t *)"\3ww", 3), 0);
    ck_assert_uint_eq(name_size((const uint8_t *)"", 0), 0);
    ck_assert_uint_eq(name_size((const uint8_t *)"", 1), 1);
    ck_assert_uint_eq(name_size((const uint8_t *)"\300\14", 3), 0);
    uint8_t endless[300] = {64}; /* a label of 64 bytes, all there */
    ck_assert_uint_eq(name_size(endless, sizeof endless), 0);
    for (size_t i = 0; i < sizeof endless; i += 2)
        memcpy(endless + i, "\1a", 2);
    endless[254] = 0;
    ck_assert_uint_eq(name_size(endless, sizeof endless), 255);
    memcpy(endless + 254, "\1a", 3);
    ck_assert_uint_eq(name_size(endless, sizeof endless), 0);
    memcpy(endless + 252, "\2aa", 4); /* 256 bytes with the root label */
    ck_assert_uint_eq(name_size(endless, sizeof endless), 0);
}
END_TEST

START_TEST(case_does_not_matter_and_only_of_ascii_letters)
{
    uint8_t lower[NAME_SIZE_MAX];
    ck_assert(name_equal(wire("WWW.Example"), wire("www.eXAMPLE")));
    ck_assert(!name_equal(wire("www.example"), wire("wwx.example")));
    ck_assert(!name_equal(wire("a.b"), wire("a.b.c")));
    ck_assert(!name_equal(wire("a.b"), wire("a\\.b")));
    ck_assert(!name_equal(wire("@"), wire("`")));
    ck_assert(!name_equal(wire("["), wire("{")));
    ck_assert(!name_equal(wire("\\192"), wire("\\224")));
    ck_assert_uint_eq(name_lower(wire("AZ@[.az"), lower), 9);
    ck_assert_mem_eq(lower, "\4az@[\2az", 9);
}
END_TEST

START_TEST(a_name_is_within_its_ancestors_and_itself)
{
    ck_assert(name_is_within(wire("www.example"), wire("EXAMPLE")));
    ck_assert(name_is_within(wire("example"), wire("example")));
    ck_assert(name_is_within(wire("example"), wire(".")));
    ck_assert(name_is_within(wire("."), wire(".")));
    ck_assert(!name_is_within(wire("example"), wire("www.example")));
    ck_assert(!name_is_within(wire("xexample"), wire("example")));
    ck_assert(!name_is_within(wire("www.example.org"), wire("example")));
    /* The bytes of an ancestor at the end, but not from a label's start. */
    ck_assert(!name_is_within(wire("a\\007example"), wire("example")));
}
END_TEST

START_TEST(the_hash_depends_on_name_and_key)
{
    static const uint8_t key[16] = {1}, other[16] = {2};
    const uint8_t *name = wire("www.example");
    size_t size = name_size(name, NAME_SIZE_MAX);
    ck_assert_uint_eq(name_hash(name, size, key), name_hash(wire("www.example"), size, key));
    ck_assert_uint_ne(name_hash(name, size, key), name_hash(name, size, other));
    ck_assert_uint_ne(name_hash(name, size, key), name_hash(wire("wwx.example"), size, key));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/name");
    SUITE_CASE(suite, "text", text_becomes_labels_and_back, text_that_is_no_name_is_refused,
               labels_and_names_are_bounded, the_longest_text_form_fits);
    SUITE_CASE(suite, "bytes", bytes_that_are_no_name_have_no_size,
               case_does_not_matter_and_only_of_ascii_letters,
               a_name_is_within_its_ancestors_and_itself, the_hash_depends_on_name_and_key);
    return suite_run(suite);
}
