#include "node/dns/zone_lines.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

/* The logical lines of text: "1:a b|3: c" with their first lines and, of a blank owner, " ". */
static const char *lines_of(const char *text, size_t size)
{
    static char said[4 * ZONE_LINE_MAX];
    static struct zone_lines lines;
    size_t used = 0;
    said[0] = '\0';
    zone_lines_open(&lines, text, size);
    for (;;) {
        const char *bar = used == 0 ? "" : "|";
        enum zone_lines_result result = zone_lines_next(&lines);
        if (result == ZONE_LINES_END)
            return said;
        used += (size_t)snprintf(said + used, sizeof said - used, "%s%u:%s%s", bar,
                                 lines.start_line, lines.begins_blank ? " " : "",
                                 result == ZONE_LINES_LINE ? lines.bytes : lines.mistake);
        if (result == ZONE_LINES_MISTAKE)
            return said;
    }
}

struct lines_case {
    const char *text, *lines;
};

static void expect(const struct lines_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *said = lines_of(cases[i].text, strlen(cases[i].text));
        ck_assert_msg(strcmp(said, cases[i].lines) == 0, "%s\n  read     %s\n  expected %s",
                      cases[i].text, said, cases[i].lines);
    }
}

START_TEST(a_line_is_its_words)
{
    static const struct lines_case cases[] = {
        {"", ""},
        {"\n\n", ""},
        {"a  A\t1.2.3.4  \n", "1:a A 1.2.3.4"},
        {"a A", "1:a A"},
        {" A 1\n\tB 2", "1: A 1|2: B 2"},
        {"a A\r\n b B\r\n", "1:a A|2: b B"},
        {"\n\na b", "3:a b"},
    };
    expect(cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(comments_are_dropped)
{
    static const struct lines_case cases[] = {
        {"; all\n  ; of it\n", ""},
        {"a ; b \" ( \\\nc", "1:a|2:c"},
        {"a;b\n", "1:a"},
        {"a \"x;y\" \\; z", "1:a \"x;y\" \\; z"},
    };
    expect(cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(parentheses_join_lines)
{
    static const struct lines_case cases[] = {
        {"a ( b\n c ; d\n) e\nf", "1:a b c e|4:f"},
        {"a (b(c)\n)d", "1:a b c d"},
        {"a \"(\" \\( b", "1:a \"(\" \\( b"},
        {"(\n\na b)", "3:a b"},
        {"a ( b\n", "1:found '(' that is not closed"},
        {"a\nb ) c\n", "1:a|2:found ')' without '('"},
    };
    expect(cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(quotes_and_escapes_keep_what_they_protect)
{
    static const struct lines_case cases[] = {
        {"a \"b  c\"  d", "1:a \"b  c\" d"},
        {"a \"b\\\"  c\"", "1:a \"b\\\"  c\""},
        {"a b\\   c", "1:a b\\  c"},
        {"a b\\  \n", "1:a b\\ "},
        {"a b\\\\  \n", "1:a b\\\\"},
        {"a \"b\nc\"", "1:found a quote that is not closed in its line"},
        {"a ( \"b\nc\" )", "1:found a quote that is not closed in its line"},
        {"a \"b", "1:found a quote that is not closed"},
        {"a\nb \\\nc", "1:a|2:found a '\\' at the end of the line"},
        {"b \\\r\nc", "1:found a '\\' at the end of the line"},
        {"b \\", "1:found a '\\' at the end of the line"},
    };
    expect(cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(a_zero_byte_is_a_mistake_wherever_it_stands)
{
    static const char sentence[] = "1:found a zero byte, expected text";
    ck_assert_str_eq(lines_of("a\0b", 3), sentence);
    ck_assert_str_eq(lines_of("a \"\0\"", 5), sentence);
    ck_assert_str_eq(lines_of("a \\\0b", 5), sentence);
    ck_assert_str_eq(lines_of("a ; \0b", 6), sentence);
}
END_TEST

START_TEST(a_line_is_bounded)
{
    static char text[ZONE_LINE_MAX + 8];
    static const char sentence[] = "1:the line is longer than 10000 bytes";
    memset(text, 'a', sizeof text);
    ck_assert_uint_eq(strlen(lines_of(text, ZONE_LINE_MAX)), 2 + ZONE_LINE_MAX);
    ck_assert_str_eq(lines_of(text, ZONE_LINE_MAX + 1), sentence);
    text[ZONE_LINE_MAX - 1] = '\\';
    ck_assert_str_eq(lines_of(text, ZONE_LINE_MAX + 1), sentence);
    memset(text + ZONE_LINE_MAX - 1, ' ', 9); /* blanks at the end are not kept */
    ck_assert_uint_eq(strlen(lines_of(text, sizeof text)), 2 + ZONE_LINE_MAX - 1);
}
END_TEST

START_TEST(words_are_cut_at_spaces_outside_of_quotes)
{
    char text[] = "a  \"b c\" d\\ e \"f\\\" g\"";
    static const char *const words[] = {"a", "\"b c\"", "d\\ e", "\"f\\\" g\""};
    char *rest = text;
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(zone_lines_word(&rest), words[i]);
    ck_assert_ptr_null(zone_lines_word(&rest));
    ck_assert_ptr_null(zone_lines_word(&rest));
}
END_TEST

START_TEST(times_are_seconds_or_have_units)
{
    static const struct {
        const char *word;
        int64_t seconds; /* -1: none */
    } times[] = {
        {"0", 0},
        {"3600", 3600},
        {"1h", 3600},
        {"1H30m", 5400},
        {"1w2d3h4m5s", 788645},
        {"1m30", 90},
        {"2147483647", 2147483647},
        {"2147483648", -1},
        {"3550w", 2147040000},
        {"3551w", -1},
        {"24855d4h", -1},
        {"99999999999999999999", -1},
        {"", -1},
        {"h", -1},
        {"1x", -1},
        {"-1", -1},
        {"1h h", -1},
        {"1.5h", -1},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint32_t seconds = 0;
        bool is_time = zone_lines_seconds(times[i].word, &seconds);
        ck_assert_msg((is_time ? (int64_t)seconds : -1) == times[i].seconds, "%s", times[i].word);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/zone_lines");
    SUITE_CASE(suite, "lines", a_line_is_its_words, comments_are_dropped, parentheses_join_lines,
               quotes_and_escapes_keep_what_they_protect,
               a_zero_byte_is_a_mistake_wherever_it_stands, a_line_is_bounded);
    SUITE_CASE(suite, "words", words_are_cut_at_spaces_outside_of_quotes,
               times_are_seconds_or_have_units);
    return suite_run(suite);
}
