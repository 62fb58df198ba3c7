#include "replication/schema.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

/* One option of each type that the documents do not try to the end. */
struct values {
    bool flag;
    uint16_t number;
    int32_t span_ms;
    uint32_t span_s;
    const char *domain;
    struct entry {
        const char *name;
        uint32_t weight;
    } * entries;
    size_t entry_count;
};

static const struct schema_option entry_options[] = {
    {"weight", SCHEMA_NUMBER, SCHEMA_FIELD(struct entry, weight), .max = 9, .preset = "7",
     .help = "W."},
    {0},
};

static const struct schema_option options[] = {
    {"flag", SCHEMA_BOOLEAN, SCHEMA_FIELD(struct values, flag), .preset = "true", .help = "F."},
    {"number", SCHEMA_NUMBER, SCHEMA_FIELD(struct values, number), .max = UINT16_MAX, .help = "N."},
    {"span", SCHEMA_DURATION, SCHEMA_FIELD(struct values, span_ms), .max = 7200000, .unit_ms = 1,
     .help = "S."},
    {"long-span", SCHEMA_DURATION, SCHEMA_FIELD(struct values, span_s), .min = 90000,
     .max = 7200000, .unit_ms = 1000, .help = "L."},
    {"domain", SCHEMA_DOMAIN, SCHEMA_FIELD(struct values, domain), .help = "D."},
    {"entries", SCHEMA_ENTRIES, SCHEMA_FIELD(struct values, entries),
     SCHEMA_COUNT(struct values, entry_count), .max = 3, .options = entry_options,
     .entry_size = sizeof(struct entry), .expected = "a map of entries", .help = "E."},
    {0},
};

static char error[YAML_ERROR_MAX];

static bool read(const char *text, struct values *values)
{
    static _Alignas(16) uint8_t memory[1 << 16];
    static struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct yaml_file file = {.name = "v", .arena = &arena, .error = error};
    *values = (struct values){0};
    error[0] = '\0';
    const struct yaml_node *root = yaml_parse(&file, text, strlen(text));
    return root != NULL && schema_read(&file, root, options, values);
}

START_TEST(a_boolean_is_true_or_false_and_nothing_like_it)
{
    struct values values;
    ck_assert(read("{}", &values));
    ck_assert(values.flag);
    ck_assert(read("flag: false", &values));
    ck_assert(!values.flag);
    static const char *const others[] = {"no", "off", "False", "0", "''"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[32];
        snprintf(text, sizeof text, "flag: %s", others[i]);
        ck_assert_msg(!read(text, &values), "taken: %s", others[i]);
        ck_assert_ptr_nonnull(strstr(error, "expected true or false"));
    }
}
END_TEST

static const struct {
    const char *text;
    int64_t span_ms; /* -1: refused */
} spans[] = {
    {"0s", 0},
    {"1ms", 1},
    {"5s", 5000},
    {"2m", 120000},
    {"2h", 7200000},
    {"120m", 7200000},
    {"7201s", -1},
    {"3h", -1},
    {"5", -1},
    {"s", -1},
    {"05s", -1},
    {"1.5s", -1},
    {"-1s", -1},
    {"5 s", -1},
    {"5S", -1},
    {"5sec", -1},
    {"1m30s", -1},
    {"+5s", -1},
    {"9999999999999h", -1},
};

START_TEST(a_duration_is_a_number_and_one_unit)
{
    struct values values;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        char text[64];
        snprintf(text, sizeof text, "span: %s", spans[i].text);
        ck_assert_msg(read(text, &values) == (spans[i].span_ms >= 0), "%s", spans[i].text);
        if (spans[i].span_ms >= 0)
            ck_assert_int_eq(values.span_ms, spans[i].span_ms);
    }
}
END_TEST

START_TEST(bounds_are_worded_in_the_largest_unit_that_fits)
{
    struct values values;
    ck_assert(!read("long-span: 1500ms", &values));
    ck_assert_str_eq(error,
                     "v:1:12: found '1500ms', expected a duration from 90s to 2h in whole seconds");
    ck_assert(!read("long-span: 90500ms", &values));
    ck_assert(read("long-span: 91000ms", &values));
    ck_assert_uint_eq(values.span_s, 91);
}
END_TEST

START_TEST(both_bounds_of_a_number_are_within)
{
    struct values values;
    ck_assert(read("number: 0", &values));
    ck_assert_uint_eq(values.number, 0);
    ck_assert(read("number: 65535", &values));
    ck_assert_uint_eq(values.number, 65535);
    ck_assert(!read("number: 65536", &values));
    ck_assert(!read("number: 0x10", &values));
    ck_assert(!read("number: 00", &values));
    ck_assert(!read("number: 1_000", &values));
}
END_TEST

START_TEST(entries_lie_in_the_order_of_the_file_with_their_names)
{
    struct values values;
    ck_assert_msg(read("entries: {b: {weight: 0}, a: {}, 0c: {weight: 9}}", &values), "%s", error);
    ck_assert_uint_eq(values.entry_count, 3);
    ck_assert_str_eq(values.entries[0].name, "b");
    ck_assert_uint_eq(values.entries[0].weight, 0);
    ck_assert_str_eq(values.entries[1].name, "a");
    ck_assert_uint_eq(values.entries[1].weight, 7);
    ck_assert_str_eq(values.entries[2].name, "0c");
    ck_assert(read("entries: {}", &values));
    ck_assert_uint_eq(values.entry_count, 0);
    ck_assert(!read("entries: {a: {}, b: {}, c: {}, d: {}}", &values));
    ck_assert_str_eq(error, "v:1:1: found 4 entries, expected at most 3");
    ck_assert(!read("entries: {a: 7}", &values));
    ck_assert_str_eq(error, "v:1:14: found '7', expected a map");
    ck_assert(!read("entries: {-a: {}}", &values));
    ck_assert_str_eq(error,
                     "v:1:11: found '-a', expected a name of 1 to 30 of a-z, 0-9 and inner '-'");
}
END_TEST

static const struct {
    const char *text, *domain; /* NULL: none */
} domains[] = {
    {".", "."},
    {"Example", "example"},
    {"a.Example.", "a.example"},
    {"AZ.az09", "az.az09"},
    {"_dns.0/25.2.0.192.in-addr.arpa", "_dns.0/25.2.0.192.in-addr.arpa"},
    {"", NULL},
    {"..", NULL},
    {".a", NULL},
    {"a..b", NULL},
    {"a..", NULL},
    {"a b", NULL},
    {"a\\.b", NULL},
    {"*.a", "*.a"}, /* an asterisk label is legal in a name (RFC 4592 §2.1) */
    {"\xc3\xa4.example", NULL},
};

START_TEST(a_domain_name_is_lowered_and_loses_its_final_dot)
{
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        char domain[SCHEMA_DOMAIN_SIZE];
        bool is_domain = schema_domain(domains[i].text, domain);
        ck_assert_msg(is_domain == (domains[i].domain != NULL), "%s", domains[i].text);
        if (is_domain)
            ck_assert_str_eq(domain, domains[i].domain);
    }
}
END_TEST

START_TEST(the_longest_domain_name_is_taken_and_no_longer_one)
{
    char text[300], domain[SCHEMA_DOMAIN_SIZE];
    for (size_t i = 0; i < 255; i++)
        text[i] = (char)(i % 64 == 63 ? '.' : 'a');
    text[253] = '\0'; /* labels of 63, 63, 63 and 61 */
    ck_assert(schema_domain(text, domain));
    ck_assert_uint_eq(strlen(domain), 253);
    strcpy(text + 253, ".");
    ck_assert(schema_domain(text, domain));
    strcpy(text + 253, "a");
    ck_assert(!schema_domain(text, domain));
    memset(text, 'a', 64);
    text[63] = '\0';
    ck_assert(schema_domain(text, domain));
    strcpy(text + 63, "a");
    ck_assert(!schema_domain(text, domain));
}
END_TEST

static const struct {
    const char *word, *best; /* NULL: none is near */
} nearest[] = {
    {"grop-size", "group-size"},
    {"group_size", "group-size"},
    {"groupsize", "group-size"},
    {"port", "ports"},
    {"prots", "ports"},
    {"tt", "ttl"},
    {"x", NULL},
    {"xy", NULL}, /* not a letter of "on" */
    {"tl", "ttl"},
    {"policy", NULL},
    {"gruop-szie", NULL},
    {"a-word-of-more-than-thirty-two-letters", NULL},
};

START_TEST(the_nearest_word_is_offered_when_it_is_near)
{
    static const char *const words[] = {"on", "ttl", "ports", "parts", "group-size"};
    for (size_t i = 0; i < sizeof nearest / sizeof *nearest; i++) {
        struct schema_nearest found = {.word = nearest[i].word};
        for (size_t j = 0; j < sizeof words / sizeof *words; j++)
            schema_offer(&found, words[j]);
        ck_assert_pstr_eq(found.best, nearest[i].best);
    }
}
END_TEST

START_TEST(words_of_more_than_32_letters_are_never_near)
{
    static const char longest[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32 */
    static const char longer[] = "abcdefghijklmnopqrstuvwxyz0123456";
    struct schema_nearest found = {.word = "Abcdefghijklmnopqrstuvwxyz012345"};
    schema_offer(&found, longer);
    ck_assert_ptr_null(found.best);
    schema_offer(&found, longest);
    ck_assert_ptr_eq(found.best, longest);
    found = (struct schema_nearest){.word = longer};
    schema_offer(&found, longest);
    ck_assert_ptr_null(found.best);
}
END_TEST

START_TEST(the_longest_name_is_taken_and_no_longer_one)
{
    ck_assert(schema_name("a"));
    ck_assert(schema_name("a-name-of-exactly-thirty-bytes"));
    ck_assert(!schema_name("a-name-of-exactly-thirty1-bytes"));
    ck_assert(!schema_name(""));
    ck_assert(!schema_name("-"));
    ck_assert(!schema_name("a."));
}
END_TEST

/* ---- the manual ---- */

START_TEST(a_line_of_the_manual_has_80_columns_and_no_more)
{
    static const struct schema_option none[] = {{0}};
    static const char words[] = "39-letters-are-so-many-as-in-this-word- "
                                "40-letters-are-so-many-as-in-this-word--";
    char text[256];
    ck_assert_uint_eq(strlen(words), 80);
    schema_manual(words, none, text, sizeof text);
    ck_assert_int_eq(strncmp(text, words, 80), 0);
    ck_assert_str_eq(text + 80, "\n");
    char longer[sizeof words + 1];
    snprintf(longer, sizeof longer, "%s-", words);
    schema_manual(longer, none, text, sizeof text);
    ck_assert_str_eq(text, "39-letters-are-so-many-as-in-this-word-\n"
                           "40-letters-are-so-many-as-in-this-word---\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/schema");
    SUITE_CASE(suite, "values", a_boolean_is_true_or_false_and_nothing_like_it,
               a_duration_is_a_number_and_one_unit, bounds_are_worded_in_the_largest_unit_that_fits,
               both_bounds_of_a_number_are_within, a_domain_name_is_lowered_and_loses_its_final_dot,
               the_longest_domain_name_is_taken_and_no_longer_one);
    SUITE_CASE(suite, "maps", entries_lie_in_the_order_of_the_file_with_their_names,
               the_nearest_word_is_offered_when_it_is_near,
               words_of_more_than_32_letters_are_never_near,
               the_longest_name_is_taken_and_no_longer_one);
    SUITE_CASE(suite, "manual", a_line_of_the_manual_has_80_columns_and_no_more);
    return suite_run(suite);
}
