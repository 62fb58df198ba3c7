#include "failover/poison.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

enum { QUERY_SIZE = 12 + 13 + 4 };

static struct poison poison;

/* A query of type A for LABEL.example, label of four letters, into bytes[QUERY_SIZE]. */
static uint8_t *query(const char *label, uint16_t id)
{
    static uint8_t bytes[QUERY_SIZE + 1];
    static const uint8_t empty[] = "\0\0\0\0\0\1\0\0\0\0\0\0\4....\7example\0\0\1\0\1";
    memcpy(bytes, empty, QUERY_SIZE);
    memcpy(bytes + 13, label, 4);
    bytes[0] = (uint8_t)(id >> 8);
    bytes[1] = (uint8_t)id;
    return bytes;
}

static struct poison_note note_of(const uint8_t *bytes, size_t size)
{
    struct poison_note note = {.size = (uint32_t)size - POISON_SKIPPED};
    size_t kept = note.size < POISON_BYTES_MAX ? note.size : POISON_BYTES_MAX;
    memcpy(note.bytes, bytes + POISON_SKIPPED, kept);
    return note;
}

static bool add(const char *label)
{
    struct poison_note note = note_of(query(label, 1), QUERY_SIZE);
    return poison_add(&poison, &note);
}

static bool is_match(const char *label)
{
    return poison_is_match(&poison, query(label, 7), QUERY_SIZE);
}

static void clear(void)
{
    poison = (struct poison){0};
}

START_TEST(a_repeat_with_another_id_matches)
{
    clear();
    ck_assert(!is_match("evil"));
    ck_assert(add("evil"));
    ck_assert(is_match("evil"));
    ck_assert(!is_match("good"));
}
END_TEST

START_TEST(the_case_of_the_name_does_not_matter_and_that_of_all_else_does)
{
    clear();
    add("eZIa");
    ck_assert(is_match("EziA"));
    uint8_t *bytes = query("ezia", 1);
    for (size_t i = POISON_SKIPPED; i < QUERY_SIZE; i++) {
        bytes[i] ^= 0x20;
        bool is_letter = (bytes[i] & 0xdf) >= 'A' && (bytes[i] & 0xdf) <= 'Z';
        bool is_name = i >= 12 && i < QUERY_SIZE - 4;
        ck_assert_int_eq(poison_is_match(&poison, bytes, QUERY_SIZE), is_letter && is_name);
        bytes[i] ^= 0x20;
    }
    /* HTTPS, type 65, is 'A'; 97 is 'a' and another type. */
    bytes[QUERY_SIZE - 3] = 65;
    struct poison_note note = note_of(bytes, QUERY_SIZE);
    poison_add(&poison, &note);
    bytes[QUERY_SIZE - 3] = 97;
    ck_assert(!poison_is_match(&poison, bytes, QUERY_SIZE));
}
END_TEST

START_TEST(a_query_longer_or_shorter_by_a_byte_does_not_match)
{
    clear();
    add("evil");
    ck_assert(poison_is_match(&poison, query("evil", 1), QUERY_SIZE));
    ck_assert(!poison_is_match(&poison, query("evil", 1), QUERY_SIZE - 1));
    for (size_t size = 0; size <= POISON_SKIPPED; size++)
        ck_assert(!poison_is_match(&poison, query("evil", 1), size));
    ck_assert(!poison_is_match(&poison, query("evil", 1), QUERY_SIZE + 1));
}
END_TEST

START_TEST(every_size_is_noted_and_matched)
{
    for (size_t size = 0; size <= 700; size++) {
        uint8_t bytes[700];
        memset(bytes, 63, sizeof bytes); /* labels up to the end, if the header is there */
        clear();
        ck_assert(!poison_is_match(&poison, bytes, size));
        if (size <= POISON_SKIPPED)
            continue;
        struct poison_note note = note_of(bytes, size);
        poison_add(&poison, &note);
        ck_assert(poison_is_match(&poison, bytes, size));
        bytes[size - 1] = 62;
        bool is_kept = size - 1 < POISON_BYTES_MAX + POISON_SKIPPED;
        ck_assert_int_eq(poison_is_match(&poison, bytes, size), !is_kept);
        ck_assert(!poison_is_match(&poison, bytes, 1));
    }
}
END_TEST

START_TEST(the_oldest_of_seventeen_is_forgotten_and_the_newest_is_first)
{
    char label[12];
    clear();
    for (int i = 0; i <= POISON_NOTES_MAX; i++) {
        snprintf(label, sizeof label, "%04d", i);
        ck_assert(add(label));
        ck_assert(is_match(label));
    }
    ck_assert_uint_eq(poison.count, POISON_NOTES_MAX);
    ck_assert(!is_match("0000"));
    ck_assert(is_match("0001"));
    ck_assert_mem_eq(poison.notes[0].bytes + 11, "0016", 4);
    ck_assert_mem_eq(poison.notes[15].bytes + 11, "0001", 4);
}
END_TEST

START_TEST(a_note_that_is_there_comes_to_the_front)
{
    clear();
    add("aaaa");
    add("bbbb");
    add("cccc");
    ck_assert(!add("AAAA"));
    ck_assert_uint_eq(poison.count, 3);
    ck_assert_mem_eq(poison.notes[0].bytes + 11, "AAAA", 4);
    ck_assert_mem_eq(poison.notes[1].bytes + 11, "cccc", 4);
    ck_assert_mem_eq(poison.notes[2].bytes + 11, "bbbb", 4);
}
END_TEST

#define TEXT_CASE(bytes, expected)                                                                 \
    {                                                                                              \
        (const uint8_t *)(bytes), sizeof(bytes) - 1, expected                                      \
    }
#define HEADER "\0\0\0\0\0\1\0\0\0\0\0\0"

START_TEST(a_note_is_shown_as_name_and_type)
{
    static const struct {
        const uint8_t *query;
        size_t size;
        const char *expected;
    } rows[] = {
        TEXT_CASE(HEADER "\3www\7example\0\0\34\0\1", "www.example. type=28"),
        TEXT_CASE(HEADER "\0\377\377\0\1", ". type=65535"),
        TEXT_CASE(HEADER "\3a\n\200\0\0\1\0\1", "a??. type=1"),
        TEXT_CASE(HEADER "\3www\7example\0\0", "no question"),
        TEXT_CASE(HEADER "\3www", "no question"),
        TEXT_CASE(HEADER "\300\14\0\1\0\1", "no question"),
        TEXT_CASE(HEADER "\1\0\300\14\0\1\0\1", "no question"),
        TEXT_CASE(HEADER, "no question"),
        TEXT_CASE("\0\0\1", "no question"),
        TEXT_CASE(HEADER "\077aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                         "\077bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\0"
                         "\377\377\0\1",
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbb type=65535"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[POISON_TEXT_SIZE];
        struct poison_note note = note_of(rows[i].query, rows[i].size);
        ck_assert_str_eq(poison_text(&note, text), rows[i].expected);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/poison");
    SUITE_CASE(suite, "match", a_repeat_with_another_id_matches,
               the_case_of_the_name_does_not_matter_and_that_of_all_else_does,
               a_query_longer_or_shorter_by_a_byte_does_not_match, every_size_is_noted_and_matched);
    SUITE_CASE(suite, "keep", the_oldest_of_seventeen_is_forgotten_and_the_newest_is_first,
               a_note_that_is_there_comes_to_the_front);
    SUITE_CASE(suite, "text", a_note_is_shown_as_name_and_type);
    return suite_run(suite);
}
