#include "replication/yaml.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
    const struct yaml_file *file;
    const char *text;
    size_t size, given;  /* bytes of text; how many libyaml has */
    size_t given_before; /* of them when the last event came */
    bool is_stretched;   /* it asked for too many without an event */
    yaml_mark_t end;     /* of the last event */
    size_t nodes;
    yaml_parser_t parser;
};

/* ---- complaints ---- */

bool yaml_refuse(const struct yaml_file *file, size_t line, size_t column, const char *format, ...)
{
    enum { NAME_SIZE_MAX = 200 }; /* the end of a long path, so that the sentence has room */
    size_t name_size = strlen(file->name);
    const char *name = file->name + (name_size > NAME_SIZE_MAX ? name_size - NAME_SIZE_MAX : 0);
    int used = snprintf(file->error, YAML_ERROR_MAX, "%s:%zu:%zu: ", name, line, column);
    assert(used > 0);
    assert(used < YAML_ERROR_MAX);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(file->error + used, YAML_ERROR_MAX - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

bool yaml_once(const struct yaml_file *file, struct seen *seen, const struct seen_word *word,
               const char *text, const char *expected)
{
    const struct seen_word *first = seen_add(seen, word);
    if (first == NULL)
        return true;
    return yaml_refuse(file, word->line, word->column,
                       "found %s%.64s%s a second time, expected %s; the first is in line %u",
                       text == NULL ? "this" : "'", text == NULL ? "" : text,
                       text == NULL ? "" : "'", expected, first->line);
}

static bool refuse_at(const struct reader *self, yaml_mark_t mark, const char *sentence)
{
    return yaml_refuse(self->file, mark.line + 1, mark.column + 1, "%s", sentence);
}

static bool refuse_memory(const struct reader *self, yaml_mark_t mark)
{
    return yaml_refuse(self->file, mark.line + 1, mark.column + 1,
                       "found more than fits in %zu bytes of memory, expected a smaller file",
                       self->file->arena->size_bytes);
}

static bool is_first_of_character(char byte)
{
    return ((uint8_t)byte & 0xc0) != 0x80;
}

/* Of the byte at a mark, which counts characters. The size of the text for its end. */
static size_t offset_of(const struct reader *self, yaml_mark_t mark)
{
    size_t offset = 0;
    for (size_t characters = 0; offset < self->size; offset++) {
        characters += is_first_of_character(self->text[offset]);
        if (characters > mark.index)
            break;
    }
    return offset;
}

/* libyaml tells where a byte is no text by its offset alone. */
static bool refuse_byte(const struct reader *self, size_t offset)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset && i < self->size; i++) {
        column = self->text[i] == '\n' ? 1 : column + is_first_of_character(self->text[i]);
        line += self->text[i] == '\n';
    }
    return yaml_refuse(self->file, line, column,
                       "found a byte that no text has, expected printable UTF-8");
}

static const char tab[] = "found a tab, expected spaces";
static const char anchor[] = "found an anchor or alias, expected the value itself (a text that "
                             "begins with & or * needs quotes)";
static const char tag[] = "found a tag, expected the value itself (a text that begins with ! needs "
                          "quotes)";
static const char directive[] = "found a directive (%), expected none";
static const char bracket[] = "found neither ',' nor the closing bracket, expected one of them";
static const char lines[] = "found a text that goes on in the next line, expected its end in this "
                            "one (a quote, comma, colon or bracket may be missing, or the next "
                            "line indented too far)";

/* What libyaml says and what an operator can use: first by its problem, which is told where it was
 * met, then by what libyaml was doing, which is told where that began. */
struct misread {
    const char *words, *sentence;
    const char *part; /* where it began helps to find the mistake; NULL: it does not */
};

static const struct misread problems[] = {
    {"found a tab character that violates indentation", tab, NULL},
    {"found character that cannot start any token",
     "found a character that begins no text, expected quotes around the text", NULL},
    {"mapping values are not allowed in this context",
     "found ':' within a value, expected quotes around the value, or a line for each key", NULL},
    {"block sequence entries are not allowed in this context",
     "found '-' within a line, expected a line for each element", NULL},
    {"did not find expected key",
     "found no key, expected one in the same column as the others of its map", "map"},
    {"did not find expected '-' indicator",
     "found no '-', expected one in the same column as the others of its list", "list"},
    {"did not find expected ',' or ']'", bracket, "list"},
    {"did not find expected ',' or '}'", bracket, "map"},
    {"did not find expected node content",
     "found a comma or bracket, expected a value (a text that begins with one needs quotes)", NULL},
    {"did not find expected <document start>",
     "found more behind the end of the document, expected nothing", NULL},
    {"found undefined tag handle", tag, NULL},
    {NULL},
};

static const struct misread doings[] = {
    {"while scanning a simple key", "found a text without ': ' behind it, expected 'key: value'",
     NULL},
    {"while scanning a tag", tag, NULL},
    {"while parsing a tag", tag, NULL},
    {"while scanning an anchor", anchor, NULL},
    {"while scanning an alias", anchor, NULL},
    {"while scanning a block scalar",
     "found a text that begins with | or >, expected quotes around it", NULL},
    {"while scanning a quoted scalar",
     "found a quote without its end, expected another in the same line", NULL},
    {"while parsing a quoted scalar",
     "found no escape that YAML knows, expected ' instead of \" around a text with \\", NULL},
    {"while scanning a directive", directive, NULL},
    {NULL},
};

static const struct misread *find_misread(const struct misread *misread, const char *words)
{
    for (; words != NULL && misread->words != NULL; misread++)
        if (strcmp(misread->words, words) == 0)
            return misread;
    return NULL;
}

static bool refuse_misread(const struct reader *self)
{
    const yaml_parser_t *parser = &self->parser;
    yaml_mark_t mark = parser->problem_mark, beginning = parser->context_mark;
    const struct misread *problem = find_misread(problems, parser->problem);
    const struct misread *doing = find_misread(doings, parser->context);
    size_t offset = offset_of(self, mark);
    if (offset < self->size && self->text[offset] == '\t')
        return refuse_at(self, mark, tab);
    if (problem == NULL && doing != NULL)
        return refuse_at(self, beginning, doing->sentence);
    if (problem == NULL)
        return yaml_refuse(self->file, mark.line + 1, mark.column + 1,
                           "found what YAML cannot read (%s), expected a key, a list or a text",
                           parser->problem);
    if (problem->part == NULL)
        return refuse_at(self, mark, problem->sentence);
    if (offset == self->size) /* the end of the file is not where it is missing */
        return refuse_at(self, beginning, problem->sentence);
    return yaml_refuse(self->file, mark.line + 1, mark.column + 1, "%s; the %s begins in line %zu",
                       problem->sentence, problem->part, beginning.line + 1);
}

static bool refuse_syntax(const struct reader *self)
{
    const yaml_parser_t *parser = &self->parser;
    if (self->is_stretched)
        return yaml_refuse(self->file, self->end.line + 1, self->end.column + 1,
                           "found %d bytes without a value behind this place, expected fewer",
                           YAML_STRETCH_MAX);
    if (parser->error == YAML_READER_ERROR)
        return refuse_byte(self, parser->problem_offset);
    if (parser->error == YAML_MEMORY_ERROR)
        return refuse_at(self, self->end, "found no memory to read on, expected more of it");
    return refuse_misread(self);
}

/* ---- events ---- */

/* libyaml's reader. The bound of what it gets between two events bounds each token, and with it
 * loops that are quadratic in a token's size: libyaml clears its buffer of white space, as large as
 * it ever was, at each line of a text. */
static int give(void *data, unsigned char *buffer, size_t size, size_t *size_read)
{
    struct reader *self = data;
    self->is_stretched = self->given - self->given_before > YAML_STRETCH_MAX;
    if (self->is_stretched)
        return 0;
    size_t left = self->size - self->given;
    *size_read = size < left ? size : left;
    memcpy(buffer, self->text + self->given, *size_read);
    self->given += *size_read;
    return 1;
}

/* The next event, which the caller deletes; false with a complaint leaves nothing to delete. */
static bool next(struct reader *self, yaml_event_t *event)
{
    if (!yaml_parser_parse(&self->parser, event))
        return refuse_syntax(self);
    self->given_before = self->given;
    self->end = event->end_mark;
    return true;
}

/* Anchors, aliases and tags hide what stands where. */
static bool check_plain(const struct reader *self, const yaml_event_t *event)
{
    const yaml_char_t *name = NULL, *type = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        name = event->data.scalar.anchor;
        type = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        name = event->data.sequence_start.anchor;
        type = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        name = event->data.mapping_start.anchor;
        type = event->data.mapping_start.tag;
    }
    if (event->type == YAML_ALIAS_EVENT || name != NULL)
        return refuse_at(self, event->start_mark, anchor);
    return type == NULL || refuse_at(self, event->start_mark, tag);
}

/* A control character, also one of C1 in UTF-8: it would reach terminals and logs. */
static bool has_control(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i], after = i + 1 < size ? (uint8_t)text[i + 1] : 0;
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && after >= 0x80 && after < 0xa0))
            return true;
    }
    return false;
}

static bool take_text(const struct reader *self, const yaml_event_t *event, const char **text)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (event->start_mark.line != event->end_mark.line)
        return refuse_at(self, event->start_mark, lines);
    if (size > YAML_TEXT_MAX)
        return yaml_refuse(self->file, event->start_mark.line + 1, event->start_mark.column + 1,
                           "found a text of %zu bytes, expected at most %d", size, YAML_TEXT_MAX);
    if (has_control(value, size))
        return refuse_at(self, event->start_mark,
                         "found a control character in a text, expected none");
    *text = arena_text(self->file->arena, value, size);
    return *text != NULL || refuse_memory(self, event->start_mark);
}

/* ---- the tree ---- */

static bool read_node(struct reader *self, const yaml_event_t *event, unsigned depth,
                      struct yaml_node *node);

static struct yaml_node *add_child(struct reader *self, yaml_mark_t mark, struct yaml_node *parent,
                                   struct yaml_node **last)
{
    if (++self->nodes > YAML_NODES_MAX) {
        yaml_refuse(self->file, mark.line + 1, mark.column + 1,
                    "found more than %d values, expected fewer", YAML_NODES_MAX);
        return NULL;
    }
    struct yaml_node *child = arena_take(self->file->arena, sizeof *child);
    if (child == NULL) {
        refuse_memory(self, mark);
        return NULL;
    }
    if (*last == NULL)
        parent->first = child;
    else
        (*last)->next = child;
    *last = child;
    parent->count++;
    return child;
}

static bool read_list(struct reader *self, unsigned depth, struct yaml_node *node)
{
    struct yaml_node *last = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next(self, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        struct yaml_node *child = add_child(self, event.start_mark, node, &last);
        bool is_read = child != NULL && read_node(self, &event, depth + 1, child);
        yaml_event_delete(&event);
        if (!is_read)
            return false;
    }
}

static bool read_key(const struct reader *self, const yaml_event_t *event, struct yaml_node *child)
{
    if (!check_plain(self, event))
        return false;
    if (event->type != YAML_SCALAR_EVENT)
        return refuse_at(self, event->start_mark, "found a list or map as a key, expected a word");
    child->key_line = (uint32_t)event->start_mark.line + 1;
    child->key_column = (uint32_t)event->start_mark.column + 1;
    return take_text(self, event, &child->key);
}

/* libyaml is content with the same key twice. */
static bool check_keys(const struct reader *self, const struct yaml_node *map)
{
    struct seen seen;
    size_t used_bytes = self->file->arena->used_bytes;
    if (!seen_init(&seen, map->count, self->file->arena))
        return refuse_memory(self, self->end);
    for (const struct yaml_node *node = map->first; node != NULL; node = node->next) {
        struct seen_word key = {.bytes = node->key,
                                .size = strlen(node->key),
                                .line = node->key_line,
                                .column = node->key_column};
        if (!yaml_once(self->file, &seen, &key, node->key, "it once"))
            return false;
    }
    /* The table was the last thing taken and ends here; a map of thousands would hoard them. */
    self->file->arena->used_bytes = used_bytes;
    return true;
}

static bool read_map(struct reader *self, unsigned depth, struct yaml_node *node)
{
    struct yaml_node *last = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next(self, &event))
            return false;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return check_keys(self, node);
        }
        struct yaml_node *child = add_child(self, event.start_mark, node, &last);
        bool is_read = child != NULL && read_key(self, &event, child);
        yaml_event_delete(&event);
        if (!is_read || !next(self, &event))
            return false;
        is_read = read_node(self, &event, depth + 1, child);
        yaml_event_delete(&event);
        if (!is_read)
            return false;
    }
}

/* Recursion ends at YAML_DEPTH_MAX. */
static bool read_node(struct reader *self, const yaml_event_t *event, unsigned depth,
                      struct yaml_node *node)
{
    if (!check_plain(self, event))
        return false;
    if (depth >= YAML_DEPTH_MAX)
        return yaml_refuse(self->file, event->start_mark.line + 1, event->start_mark.column + 1,
                           "found more than %d levels, expected fewer", YAML_DEPTH_MAX);
    node->line = (uint32_t)event->start_mark.line + 1;
    node->column = (uint32_t)event->start_mark.column + 1;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        node->kind = YAML_SCALAR;
        return take_text(self, event, &node->text);
    case YAML_SEQUENCE_START_EVENT:
        node->kind = YAML_LIST;
        return read_list(self, depth, node);
    case YAML_MAPPING_START_EVENT:
        node->kind = YAML_MAP;
        return read_map(self, depth, node);
    default:
        assert(false); /* libyaml's grammar has no other event here */
        return false;
    }
}

/* ---- the frame around it ---- */

static bool read_start(struct reader *self)
{
    yaml_event_t event;
    if (!next(self, &event))
        return false;
    assert(event.type == YAML_STREAM_START_EVENT);
    yaml_event_delete(&event);
    if (!next(self, &event))
        return false;
    bool is_right = true;
    if (event.type != YAML_DOCUMENT_START_EVENT)
        is_right = refuse_at(self, event.start_mark, "found nothing, expected a map");
    else if (event.data.document_start.version_directive != NULL ||
             event.data.document_start.tag_directives.start !=
                 event.data.document_start.tag_directives.end)
        is_right = refuse_at(self, event.start_mark, directive);
    yaml_event_delete(&event);
    return is_right;
}

static bool read_end(struct reader *self)
{
    yaml_event_t event;
    if (!next(self, &event))
        return false;
    assert(event.type == YAML_DOCUMENT_END_EVENT);
    yaml_event_delete(&event);
    if (!next(self, &event))
        return false;
    bool is_end = event.type == YAML_STREAM_END_EVENT ||
                  refuse_at(self, event.start_mark, "found a second document, expected one");
    yaml_event_delete(&event);
    return is_end;
}

static bool read_root(struct reader *self, struct yaml_node *root)
{
    yaml_event_t event;
    if (!read_start(self) || !next(self, &event))
        return false;
    bool is_read = read_node(self, &event, 0, root);
    yaml_event_delete(&event);
    return is_read && read_end(self);
}

const struct yaml_node *yaml_parse(const struct yaml_file *file, const char *text, size_t size)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'}; /* some editors begin UTF-8 with it */
    size_t skip = size >= sizeof mark && memcmp(text, mark, sizeof mark) == 0 ? sizeof mark : 0;
    struct reader reader = {.file = file, .text = text + skip, .size = size - skip};
    struct yaml_node *root = arena_take(file->arena, sizeof *root);
    if (root == NULL || !yaml_parser_initialize(&reader.parser)) {
        yaml_refuse(file, 1, 1, "found no memory to read it, expected more of it");
        return NULL;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input(&reader.parser, give, &reader);
    bool is_read = read_root(&reader, root);
    yaml_parser_delete(&reader.parser);
    return is_read ? root : NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    assert(map->kind == YAML_MAP);
    for (const struct yaml_node *node = map->first; node != NULL; node = node->next)
        if (strcmp(node->key, key) == 0)
            return node;
    return NULL;
}
