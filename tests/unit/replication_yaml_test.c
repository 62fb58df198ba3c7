#include "replication/yaml.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "unit/suite.h"

enum { MEMORY_SIZE = 200 << 20 };

static char error[YAML_ERROR_MAX];
static struct arena arena;

static const struct yaml_node *parse_in(const char *text, size_t size, size_t memory_size)
{
    static uint8_t *memory;
    if (memory == NULL)
        memory = malloc(MEMORY_SIZE);
    arena_init(&arena, memory, memory_size);
    struct yaml_file file = {.name = "a.yaml", .arena = &arena, .error = error};
    char *copy = malloc(size); /* exact, so that a read behind its end is seen */
    memcpy(copy, text, size);
    error[0] = '\0';
    const struct yaml_node *root = yaml_parse(&file, copy, size);
    free(copy);
    return root;
}

static const struct yaml_node *parse(const char *text)
{
    return parse_in(text, strlen(text), MEMORY_SIZE);
}

/* ---- the tree ---- */

/* "line:column key@line:column [..]" of a node and what is below it. */
static void describe(const struct yaml_node *node, char *text, size_t size)
{
    size_t used = strlen(text);
    if (node->key != NULL)
        used += (size_t)snprintf(text + used, size - used, "%s@%u:%u=", node->key, node->key_line,
                                 node->key_column);
    used += (size_t)snprintf(text + used, size - used, "%s@%u:%u",
                             node->kind == YAML_SCALAR ? node->text
                             : node->kind == YAML_LIST ? "list"
                                                       : "map",
                             node->line, node->column);
    if (node->kind == YAML_SCALAR)
        return;
    snprintf(text + used, size - used, "(");
    size_t count = 0;
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next, count++) {
        if (count > 0)
            strcat(text, " ");
        describe(each, text, size);
    }
    ck_assert_uint_eq(count, node->count);
    strcat(text, ")");
}

static const struct {
    const char *text, *tree;
} trees[] = {
    {"a: b", "map@1:1(a@1:1=b@1:4)"},
    {"a:\n  b: [c, 'd e']\n  f: {g: \"h\"}\n",
     "map@1:1(a@1:1=map@2:3(b@2:3=list@2:6(c@2:7 d e@2:10) f@3:3=map@3:6(g@3:7=h@3:10)))"},
    {"- a\n- - b\n  - c\n- d:\n", "list@1:1(a@1:3 list@2:3(b@2:5 c@3:5) map@4:3(d@4:3=@4:5))"},
    {"# why\n---\na: b # and\n...\n# end\n", "map@3:1(a@3:1=b@3:4)"},
    {"\xef\xbb\xbfk\xc3\xa4se: \xc3\xa4 \xc3\xb6\nb: \"\\u00e4\"\n",
     "map@1:1(k\xc3\xa4se@1:1=\xc3\xa4 \xc3\xb6@1:7 b@2:1=\xc3\xa4@2:4)"},
    {"{}", "map@1:1()"},
    {"\xc3\x84: \"\\_\"", "map@1:1(\xc3\x84@1:1=\xc2\xa0@1:4)"},
    {"word", "word@1:1"},
    {"a: 'don''t'\r\nb: c\r\n", "map@1:1(a@1:1=don't@1:4 b@2:1=c@2:4)"},
};

START_TEST(every_node_knows_its_place)
{
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        char tree[512] = "";
        const struct yaml_node *root = parse(trees[i].text);
        ck_assert_msg(root != NULL, "%s", error);
        describe(root, tree, sizeof tree);
        ck_assert_str_eq(tree, trees[i].tree);
    }
}
END_TEST

START_TEST(a_key_is_found_or_not)
{
    const struct yaml_node *root = parse("a: 1\nb: 2\n");
    ck_assert_str_eq(yaml_get(root, "b")->text, "2");
    ck_assert_ptr_null(yaml_get(root, "c"));
}
END_TEST

/* ---- what is refused ---- */

static const struct {
    const char *text, *error;
} mistakes[] = {
    {"", "a.yaml:1:1: found nothing, expected a map"},
    {"# only a comment\n", "a.yaml:2:1: found nothing, expected a map"},
    {"a: [b,\nc d\n",
     "a.yaml:1:4: found neither ',' nor the closing bracket, expected one of them"},
    {"a: b\n  c: d\n",
     "a.yaml:1:4: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"a: [b]\n  c: d\n", "a.yaml:2:3: found no key, expected one in the same column as the others "
                         "of its map; the map begins in line 1"},
    {"a: 'b\n", "a.yaml:1:4: found a quote without its end, expected another in the same line"},
    {"a:\n\tb: c\n", "a.yaml:2:1: found a tab, expected spaces"},
    {"\xc3\xa4: b\n\tc: d\n", "a.yaml:2:1: found a tab, expected spaces"},
    {"a: [\xc3\xa4, \t%]\n",
     "a.yaml:1:9: found a character that begins no text, expected quotes around the text"},
    {"a: @b\n",
     "a.yaml:1:4: found a character that begins no text, expected quotes around the text"},
    {"a: b: c\n", "a.yaml:1:5: found ':' within a value, expected quotes around the value, or a "
                  "line for each key"},
    {"\na: ? b\n", "a.yaml:2:4: found what YAML cannot read (mapping keys are not allowed in this "
                   "context), expected a key, a list or a text"},
    {"a: - b\n", "a.yaml:1:4: found '-' within a line, expected a line for each element"},
    {"a: \"b\" c\n", "a.yaml:1:8: found no key, expected one in the same column as the others of "
                     "its map; the map begins in line 1"},
    {"a: b\nc:\n  - d\n  e: f\n", "a.yaml:4:3: found no '-', expected one in the same column as "
                                  "the others of its list; the list begins in line 3"},
    {"- [b \"c\",\n d\n  ",
     "a.yaml:1:3: found neither ',' nor the closing bracket, expected one of them"},
    {"- [\"b\"\n \"c\"]\n", "a.yaml:2:2: found neither ',' nor the closing bracket, expected one "
                            "of them; the list begins in line 1"},
    {"a:\n - {b: \"c\" d}\n", "a.yaml:2:12: found neither ',' nor the closing bracket, expected "
                              "one of them; the map begins in line 2"},
    {"a: {b\n", "a.yaml:1:4: found neither ',' nor the closing bracket, expected one of them"},
    {"a: [b,,c]\n", "a.yaml:1:7: found a comma or bracket, expected a value (a text that begins "
                    "with one needs quotes)"},
    {"{a: b} c\n", "a.yaml:1:8: found more behind the end of the document, expected nothing"},
    {"a: b\n...\nc: d\n",
     "a.yaml:3:1: found more behind the end of the document, expected nothing"},
    {"a: *\n", "a.yaml:1:4: found an anchor or alias, expected the value itself (a text that "
               "begins with & or * needs quotes)"},
    {"a: &\n", "a.yaml:1:4: found an anchor or alias, expected the value itself (a text that "
               "begins with & or * needs quotes)"},
    {"a: !<\n",
     "a.yaml:1:4: found a tag, expected the value itself (a text that begins with ! needs quotes)"},
    {"a: !b<c>\n",
     "a.yaml:1:4: found a tag, expected the value itself (a text that begins with ! needs quotes)"},
    {"a: !b!c d\n",
     "a.yaml:1:4: found a tag, expected the value itself (a text that begins with ! needs quotes)"},
    {"a: >b\n", "a.yaml:1:4: found a text that begins with | or >, expected quotes around it"},
    {"a: \"b\\qc\"\n",
     "a.yaml:1:4: found no escape that YAML knows, expected ' instead of \" around a text with \\"},
    {"a: \"b\n---\nc: d\n",
     "a.yaml:1:4: found a quote without its end, expected another in the same line"},
    {"a: \"b\nc: \"d\"\n",
     "a.yaml:1:4: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"cluster lab\nnodes: x\n",
     "a.yaml:1:1: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"a: [b, c\nd: e\n",
     "a.yaml:1:8: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"%a\n", "a.yaml:1:1: found a directive (%), expected none"},
    {"a: b\na: c\n",
     "a.yaml:2:1: found 'a' a second time, expected it once; the first is in line 1"},
    {"x: {a: b,\n  'a': c}",
     "a.yaml:2:3: found 'a' a second time, expected it once; the first is in line 1"},
    {"[a]: b\n", "a.yaml:1:1: found a list or map as a key, expected a word"},
    {"? |\n  a\n: b\n",
     "a.yaml:1:3: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"a: &b c\n", "a.yaml:1:4: found an anchor or alias, expected the value itself (a text that "
                  "begins with & or * needs quotes)"},
    {"&a b: c\n", "a.yaml:1:1: found an anchor or alias, expected the value itself (a text that "
                  "begins with & or * needs quotes)"},
    {"a: *b\n", "a.yaml:1:4: found an anchor or alias, expected the value itself (a text that "
                "begins with & or * needs quotes)"},
    {"a: &b [c]\n", "a.yaml:1:4: found an anchor or alias, expected the value itself (a text that "
                    "begins with & or * needs quotes)"},
    {"a: !b {c: d}\n",
     "a.yaml:1:4: found a tag, expected the value itself (a text that begins with ! needs quotes)"},
    {"a: !!int 5\n",
     "a.yaml:1:4: found a tag, expected the value itself (a text that begins with ! needs quotes)"},
    {"%YAML 1.1\n---\na: b\n", "a.yaml:1:1: found a directive (%), expected none"},
    {"%TAG !a! b\n---\na: b\n", "a.yaml:1:1: found a directive (%), expected none"},
    {"a: b\nc:d\ne: f\n", "a.yaml:2:1: found a text without ': ' behind it, expected 'key: value'"},
    {"a: b\n---\nc: d\n", "a.yaml:2:1: found a second document, expected one"},
    {"a: b\n  c\n",
     "a.yaml:1:4: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"a: \"b\\0c\"\n", "a.yaml:1:4: found a control character in a text, expected none"},
    {"a: \"\\e[2J\"\n", "a.yaml:1:4: found a control character in a text, expected none"},
    {"a: \"b\\x7f\"\n", "a.yaml:1:4: found a control character in a text, expected none"},
    {"a: \"\\x80\"\n", "a.yaml:1:4: found a control character in a text, expected none"},
    {"a: \"\\x9f\"\n", "a.yaml:1:4: found a control character in a text, expected none"},
    {"a: \"\\N\"\n", "a.yaml:1:4: found a control character in a text, expected none"},
    {"\"\\t\": b\n", "a.yaml:1:1: found a control character in a text, expected none"},
    {"a: \xc3\xa4\nb: \xc3\xa4\xff\n",
     "a.yaml:2:5: found a byte that no text has, expected printable UTF-8"},
    {"a: b\nc: \033[2J\n", "a.yaml:2:4: found a byte that no text has, expected printable UTF-8"},
    {"[[[[[[[[a]]]]]]]]", "a.yaml:1:9: found more than 8 levels, expected fewer"},
    {"a: {b: {c: {d: {e: {f: {g: {h: i}}}}}}}",
     "a.yaml:1:32: found more than 8 levels, expected fewer"},
};

START_TEST(what_no_configuration_needs_is_refused_at_its_place)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        ck_assert_msg(parse(mistakes[i].text) == NULL, "taken: %s", mistakes[i].text);
        ck_assert_str_eq(error, mistakes[i].error);
    }
}
END_TEST

START_TEST(what_may_occur_once_is_told_with_its_first_line)
{
    struct seen seen;
    struct yaml_file file = {.name = "a.yaml", .arena = &arena, .error = error};
    ck_assert_ptr_nonnull(parse("a: b\n"));
    ck_assert(seen_init(&seen, 2, &arena));
    struct seen_word first = {"word", 4, .line = 3, .column = 5};
    struct seen_word second = {"word", 4, .line = 7, .column = 9};
    ck_assert(yaml_once(&file, &seen, &first, "Word", "each word once"));
    ck_assert(!yaml_once(&file, &seen, &second, "Word", "each word once"));
    ck_assert_str_eq(error, "a.yaml:7:9: found 'Word' a second time, expected each word once; the "
                            "first is in line 3");
    ck_assert(!yaml_once(&file, &seen, &second, NULL, "each secret once"));
    ck_assert_str_eq(error, "a.yaml:7:9: found this a second time, expected each secret once; the "
                            "first is in line 3");
}
END_TEST

START_TEST(a_zero_byte_does_not_end_the_text)
{
    ck_assert_ptr_null(parse_in("a: b\n\0c: d\n", 11, MEMORY_SIZE));
    ck_assert_str_eq(error, "a.yaml:2:1: found a byte that no text has, expected printable UTF-8");
}
END_TEST

START_TEST(a_long_file_name_leaves_room_for_the_sentence)
{
    char name[1000];
    memset(name, 'x', sizeof name);
    strcpy(name + sizeof name - 8, "/a.yaml");
    struct yaml_file file = {.name = name, .arena = &arena, .error = error};
    yaml_refuse(&file, 4294967295, 4294967295, "%s", "end");
    ck_assert_str_eq(strstr(error, "/a.yaml"), "/a.yaml:4294967295:4294967295: end");
    ck_assert_uint_eq(strlen(error), 200 + strlen(":4294967295:4294967295: end"));
}
END_TEST

/* ---- bounds ---- */

/* `count` times `part` between head and tail. */
static char *repeat(const char *head, const char *part, size_t count, const char *tail)
{
    size_t part_size = strlen(part), used = strlen(head);
    char *text = malloc(used + count * part_size + strlen(tail) + 1);
    memcpy(text, head, used);
    for (size_t i = 0; i < count; i++, used += part_size)
        memcpy(text + used, part, part_size);
    strcpy(text + used, tail);
    return text;
}

static void refuse(char *text, const char *expected)
{
    clock_t begin = clock();
    ck_assert_ptr_null(parse(text));
    ck_assert_str_eq(error, expected);
    /* Without its bound each of these takes minutes. */
    ck_assert_int_lt((clock() - begin) / CLOCKS_PER_SEC, 10);
    free(text);
}

START_TEST(the_largest_text_is_taken_and_one_byte_more_is_not)
{
    char *text = repeat("a: ", "x", YAML_TEXT_MAX, "\n");
    ck_assert_ptr_nonnull(parse(text));
    free(text);
    refuse(repeat("a: ", "x", YAML_TEXT_MAX + 1, "\n"),
           "a.yaml:1:4: found a text of 1025 bytes, expected at most 1024");
}
END_TEST

START_TEST(hostile_sizes_end_early)
{
    refuse(repeat("a: ", "x", 8 << 20, "\n"),
           "a.yaml:1:2: found 131072 bytes without a value behind this place, expected fewer");
    refuse(repeat("", "[", 8 << 20, ""), "a.yaml:1:9: found more than 8 levels, expected fewer");
    refuse(repeat("", "- ", 4 << 20, ""), "a.yaml:1:17: found more than 8 levels, expected fewer");
    refuse(repeat("a: [", "b,", YAML_NODES_MAX, "]"),
           "a.yaml:1:2097155: found more than 1048576 values, expected fewer");
}
END_TEST

/* libyaml compares each tag directive with all before it. */
START_TEST(many_directives_end_early)
{
    enum { COUNT = 1 << 19, LINE_SIZE = sizeof "%TAG !1234567! b\n" - 1 };
    char *text = malloc(COUNT * LINE_SIZE + 1);
    for (size_t i = 0; i < COUNT; i++)
        snprintf(text + i * LINE_SIZE, LINE_SIZE + 1, "%%TAG !%07zu! b\n", i);
    refuse(text,
           "a.yaml:1:1: found 131072 bytes without a value behind this place, expected fewer");
}
END_TEST

/* Each line of a text makes libyaml clear a buffer as large as the longest run of blank lines. */
START_TEST(white_space_that_libyaml_reads_in_quadratic_time_ends_early)
{
    char *blank = repeat("a: b", "\n", 4 << 20, "");
    refuse(repeat(blank, "\n c", 3 << 20, "\n"),
           "a.yaml:1:2: found 131072 bytes without a value behind this place, expected fewer");
    free(blank);
}
END_TEST

START_TEST(a_page_of_comments_is_no_hostile_size)
{
    char *text = repeat("a: b\n", "# why this is so\n", 4000, "c: d\n");
    ck_assert_msg(parse(text) != NULL, "%s", error);
    free(text);
}
END_TEST

START_TEST(a_map_leaves_nothing_in_the_arena_but_its_nodes)
{
    enum { COUNT = 1000, MAP_SIZE = 2 * sizeof(struct yaml_node) + 2 * 16 };
    char *text = repeat("", "- {a: b}\n", COUNT, "");
    ck_assert_ptr_nonnull(parse(text));
    ck_assert_uint_le(arena.used_bytes, (COUNT + 1) * MAP_SIZE);
    free(text);
}
END_TEST

START_TEST(an_exhausted_arena_is_told_at_what_did_not_fit)
{
    enum { ROOT_AND_KEY = 2 * sizeof(struct yaml_node) + 16 };
    ck_assert_ptr_null(parse_in("\n a: b\n", 7, ROOT_AND_KEY));
    char expected[YAML_ERROR_MAX];
    snprintf(expected, sizeof expected,
             "a.yaml:2:5: found more than fits in %d bytes of memory, expected a smaller file",
             (int)ROOT_AND_KEY);
    ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(an_exhausted_arena_is_told_at_every_size)
{
    static const char text[] = "a: [b, {c: d}]\ne: f\n";
    size_t size = 0;
    while (parse_in(text, strlen(text), size) == NULL) {
        ck_assert_msg(strstr(error, "memory") != NULL, "%s", error);
        size += 16;
    }
    ck_assert_uint_gt(size, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/yaml");
    SUITE_CASE(suite, "tree", every_node_knows_its_place, a_key_is_found_or_not);
    SUITE_CASE(suite, "refused", what_no_configuration_needs_is_refused_at_its_place,
               what_may_occur_once_is_told_with_its_first_line, a_zero_byte_does_not_end_the_text,
               a_long_file_name_leaves_room_for_the_sentence);
    SUITE_CASE(
        suite, "bounds", the_largest_text_is_taken_and_one_byte_more_is_not,
        hostile_sizes_end_early, many_directives_end_early,
        white_space_that_libyaml_reads_in_quadratic_time_ends_early,
        a_page_of_comments_is_no_hostile_size, a_map_leaves_nothing_in_the_arena_but_its_nodes,
        an_exhausted_arena_is_told_at_what_did_not_fit, an_exhausted_arena_is_told_at_every_size);
    return suite_run(suite);
}
