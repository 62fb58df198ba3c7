#include "replication/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- complaints ---- */

__attribute__((format(printf, 4, 0))) static void refuse(const struct yaml_file *file, size_t line,
                                                         size_t column, const char *format,
                                                         va_list arguments)
{
    char sentence[YAML_ERROR_MAX];
    vsnprintf(sentence, sizeof sentence, format, arguments);
    yaml_refuse(file, line, column, "%s", sentence);
}

bool schema_refuse(const struct yaml_file *file, const struct yaml_node *value, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    refuse(file, value->line, value->column, format, arguments);
    va_end(arguments);
    return false;
}

bool schema_refuse_key(const struct yaml_file *file, const struct yaml_node *value,
                       const char *format, ...)
{
    bool has_key = value->key != NULL;
    va_list arguments;
    va_start(arguments, format);
    refuse(file, has_key ? value->key_line : value->line,
           has_key ? value->key_column : value->column, format, arguments);
    va_end(arguments);
    return false;
}

bool schema_expected(const struct yaml_file *file, const struct yaml_node *value,
                     const char *expected)
{
    if (value->kind != YAML_SCALAR)
        return schema_refuse(file, value, "found %s %s, expected %s",
                             value->count == 0 ? "an empty" : "a",
                             value->kind == YAML_LIST ? "list" : "map", expected);
    if (value->text[0] == '\0')
        return schema_refuse(file, value, "found nothing, expected %s", expected);
    return schema_refuse(file, value, "found '%.64s', expected %s", value->text, expected);
}

bool schema_expected_key(const struct yaml_file *file, const struct yaml_node *value,
                         const char *expected)
{
    assert(value->key != NULL);
    return schema_refuse_key(file, value, "found '%.64s', expected %s", value->key, expected);
}

bool schema_refuse_memory(const struct yaml_file *file, const struct yaml_node *value)
{
    return schema_refuse(file, value,
                         "found more than fits in %zu bytes of memory, expected a smaller file",
                         file->arena->size_bytes);
}

/* ---- suggestions ---- */

enum { WORD_MAX = 32, DISTANCE_MAX = 2 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added or left out to make a of b (Levenshtein); one row of the
 * matrix at a time. More than DISTANCE_MAX for long words. */
static unsigned distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return DISTANCE_MAX + 1;
    unsigned row[WORD_MAX + 1];
    for (unsigned j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_size];
}

void schema_offer(struct schema_nearest *self, const char *candidate)
{
    unsigned offered = distance(self->word, candidate);
    bool is_near = offered <= DISTANCE_MAX && offered < strlen(self->word);
    if (!is_near || (self->best != NULL && self->distance <= offered))
        return;
    self->best = candidate;
    self->distance = offered;
}

static bool refuse_unknown(const struct yaml_file *file, const struct yaml_node *value,
                           const struct schema_option *options)
{
    struct schema_nearest nearest = {.word = value->key};
    char known[256] = "";
    size_t used = 0;
    for (const struct schema_option *option = options; option->key != NULL; option++) {
        schema_offer(&nearest, option->key);
        assert(used < sizeof known);
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used == 0 ? "" : ", ",
                                 option->key);
    }
    if (nearest.best != NULL)
        return schema_refuse_key(file, value, "found unknown key '%.64s', did you mean '%s'?",
                                 value->key, nearest.best);
    return schema_refuse_key(file, value, "found unknown key '%.64s', expected %s%s", value->key,
                             strchr(known, ',') == NULL ? "" : "one of ", known);
}

/* ---- maps ---- */

static bool read_entries(const struct yaml_file *file, const struct yaml_node *value,
                         const struct schema_option *option, void *target)
{
    static const struct schema_option name = {.type = SCHEMA_NAME};
    if (value->kind != YAML_MAP)
        return schema_expected(file, value, option->expected);
    if (value->count == 0)
        return !option->required || schema_expected(file, value, option->expected);
    if (value->count > (size_t)option->max)
        return schema_refuse_key(file, value, "found %zu %s, expected at most %" PRId64,
                                 value->count, option->key, option->max);
    uint8_t *field = (uint8_t *)target + option->offset;
    uint8_t *entry = field;
    if (option->size < (size_t)option->max * option->entry_size) {
        assert(option->size == sizeof entry);
        entry = arena_take_array(file->arena, value->count, option->entry_size);
        if (entry == NULL)
            return schema_refuse_memory(file, value);
        memcpy(field, &entry, sizeof entry);
    }
    memcpy((uint8_t *)target + option->count_offset, &value->count, sizeof value->count);
    for (const struct yaml_node *each = value->first; each != NULL; each = each->next) {
        if (!schema_name(each->key))
            return schema_expected_key(file, each, schema_words(&name, NULL));
        memcpy(entry, &each->key, sizeof each->key);
        if (!schema_read(file, each, option->options, entry))
            return false;
        entry += option->entry_size;
    }
    return true;
}

static bool read_option(const struct yaml_file *file, const struct yaml_node *value,
                        const struct schema_option *option, void *target)
{
    if (option->type == SCHEMA_LATER)
        return true;
    if (option->type == SCHEMA_SECTION)
        return schema_read(file, value, option->options, target);
    if (option->type == SCHEMA_ENTRIES)
        return read_entries(file, value, option, target);
    return schema_value(file, value, option, target);
}

/* What an option is when it is not there. A default is read as if it were written. */
static bool read_absent(const struct yaml_file *file, const struct yaml_node *map,
                        const struct schema_option *option, void *target)
{
    char words[SCHEMA_EXPECTED_SIZE];
    if (option->required)
        return schema_refuse_key(file, map, "found no '%s', expected %s", option->key,
                                 schema_words(option, words));
    struct yaml_node absent = {.kind = YAML_MAP, .line = map->line, .column = map->column};
    if (option->type == SCHEMA_SECTION)
        return schema_read(file, &absent, option->options, target);
    if (option->preset == NULL || option->type == SCHEMA_LATER)
        return true;
    absent.kind = YAML_SCALAR;
    absent.text = option->preset;
    return schema_value(file, &absent, option, target);
}

bool schema_read(const struct yaml_file *file, const struct yaml_node *map,
                 const struct schema_option *options, void *target)
{
    if (map->kind != YAML_MAP)
        return schema_expected(file, map, "a map");
    for (const struct yaml_node *value = map->first; value != NULL; value = value->next) {
        const struct schema_option *option = options;
        while (option->key != NULL && strcmp(option->key, value->key) != 0)
            option++;
        if (option->key == NULL)
            return refuse_unknown(file, value, options);
        if (!read_option(file, value, option, target))
            return false;
    }
    for (const struct schema_option *option = options; option->key != NULL; option++)
        if (yaml_get(map, option->key) == NULL && !read_absent(file, map, option, target))
            return false;
    return true;
}

bool schema_check_format(const struct yaml_file *file, const struct yaml_node *root, unsigned ours)
{
    struct {
        uint32_t format;
    } read = {0};
    const struct schema_option format = {.type = SCHEMA_NUMBER,
                                         .size = sizeof read.format,
                                         .min = 1,
                                         .max = UINT32_MAX,
                                         .expected = "the number of the format"};
    if (root->kind != YAML_MAP)
        return schema_expected(file, root, "a map");
    const struct yaml_node *value = yaml_get(root, "format");
    if (value == NULL)
        return schema_refuse(file, root, "found no 'format', expected 'format: %u'", ours);
    if (!schema_value(file, value, &format, &read))
        return false;
    if (read.format > ours)
        return schema_refuse(file, value,
                             "found format %u, expected %u: this file is for a newer Tandem than "
                             "this " TANDEM_VERSION "; upgrade it first, or write format %u",
                             read.format, ours, ours);
    return read.format == ours ||
           schema_refuse(file, value, "found format %u, expected %u", read.format, ours);
}

/* ---- the manual ---- */

enum { PAGE_COLUMNS = 80, PAGE_MARGIN = 18, PAGE_INDENT = 2 };

struct page {
    char *text;
    size_t size, used; /* used < size: a NUL is behind it */
    size_t column;     /* where the next byte stands, from 0 */
};

/* Cut when it does not fit. */
static void append(struct page *page, const char *bytes, size_t size)
{
    assert(page->used < page->size);
    size_t left = page->size - 1 - page->used;
    memcpy(page->text + page->used, bytes, size < left ? size : left);
    page->used += size < left ? size : left;
    page->text[page->used] = '\0';
    page->column += size;
}

static void append_blanks(struct page *page, size_t column)
{
    while (page->column < column)
        append(page, " ", 1);
}

static void append_line_end(struct page *page)
{
    append(page, "\n", 1);
    page->column = 0;
}

/* The words of a text from the margin on, in as many lines as they need; the last one goes on. */
static void append_words(struct page *page, size_t margin, const char *words)
{
    for (const char *word = words; *word != '\0';) {
        size_t size = strcspn(word, " ");
        if (page->column > margin && page->column + 1 + size > PAGE_COLUMNS)
            append_line_end(page);
        else if (page->column > margin)
            append(page, " ", 1);
        append_blanks(page, margin);
        append(page, word, size);
        word += size + (word[size] == ' ');
    }
}

static void append_option(struct page *page, const struct schema_option *option, size_t indent)
{
    char words[SCHEMA_EXPECTED_SIZE];
    append_blanks(page, indent);
    append(page, option->key, strlen(option->key));
    append_blanks(page, PAGE_MARGIN);
    append_words(page, PAGE_MARGIN, schema_words(option, words));
    if (option->required)
        append_words(page, PAGE_MARGIN, "(required)");
    if (option->preset != NULL) {
        append_words(page, PAGE_MARGIN, "(default:");
        append_words(page, PAGE_MARGIN, option->preset);
        append(page, ")", 1);
    }
    append_line_end(page);
    append_words(page, PAGE_MARGIN, option->help);
    append_line_end(page);
}

/* Recursion is as deep as the tables are. */
static void append_options(struct page *page, const struct schema_option *options, size_t indent)
{
    for (const struct schema_option *option = options; option->key != NULL; option++) {
        if (indent == 0)
            append_line_end(page);
        append_option(page, option, indent);
        if (option->type == SCHEMA_ENTRIES) {
            append_blanks(page, indent + PAGE_INDENT);
            append(page, "NAME", strlen("NAME"));
            append_line_end(page);
            append_options(page, option->options, indent + 2 * PAGE_INDENT);
        } else if (option->type == SCHEMA_SECTION) {
            append_options(page, option->options, indent + PAGE_INDENT);
        }
    }
}

size_t schema_manual(const char *introduction, const struct schema_option *options, char *text,
                     size_t size)
{
    assert(size > 0);
    struct page page = {.text = text, .size = size};
    text[0] = '\0';
    append_words(&page, 0, introduction);
    append_line_end(&page);
    append_options(&page, options, 0);
    return page.used;
}
