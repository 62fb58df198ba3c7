#include "node/dns/zone.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "node/dns/zone_draft.h"
#include "node/dns/zone_lines.h"

enum { INCLUDE_DEPTH_MAX = 8 };

/* What a file's lines refer to; $INCLUDE gives the included file a copy. */
struct context {
    uint8_t origin[NAME_SIZE_MAX]; /* $ORIGIN: what relative names end in */
    uint8_t owner[NAME_SIZE_MAX];  /* of the record before, for lines that begin blank */
    bool has_owner, has_default_ttl, has_ttl;
    uint32_t default_ttl_s; /* $TTL */
    uint32_t ttl_s;         /* of the record before */
};

struct parser {
    struct zone_draft draft;
    const struct zone_files *files;
    unsigned depth; /* of $INCLUDE */
    struct zone_rdata rdata;
};

/* A name as written: absolute, "@", or relative to the origin. */
static bool read_name(const char *word, const uint8_t *origin, uint8_t *name)
{
    uint8_t read[NAME_SIZE_MAX];
    size_t size;
    if (strcmp(word, "@") == 0) {
        memcpy(name, origin, name_size(origin, NAME_SIZE_MAX));
        return true;
    }
    if (!name_parse(word, read, &size))
        return false;
    size_t text_size = strlen(word);
    bool is_absolute = word[text_size - 1] == '.';
    /* A final dot that is escaped is a byte of the last label. */
    for (size_t i = text_size - 1; is_absolute && i > 0 && word[i - 1] == '\\'; i--)
        if (i == text_size - 1 || word[i] == '\\')
            is_absolute = (text_size - i) % 2 == 0;
    if (!is_absolute) {
        size_t origin_size = name_size(origin, NAME_SIZE_MAX);
        if (size - 1 + origin_size > NAME_SIZE_MAX)
            return false;
        memcpy(read + size - 1, origin, origin_size);
        size += origin_size - 1;
    }
    memcpy(name, read, size);
    return true;
}

/* ---- one record ---- */

static bool is_class(const char *word)
{
    return strcasecmp(word, "IN") == 0 || strcasecmp(word, "CH") == 0 ||
           strcasecmp(word, "HS") == 0 || strncasecmp(word, "CLASS", 5) == 0;
}

/* Cut [TTL] [class] type, the first two in either order, off *rest. NULL with a sentence. */
static const char *read_type(struct parser *self, struct context *context, uint32_t line,
                             char **rest)
{
    bool has_ttl = false, has_class = false;
    for (char *word; (word = zone_lines_word(rest)) != NULL;) {
        if (!has_class && is_class(word)) {
            has_class = true;
            if (strcasecmp(word, "IN") != 0 && strcasecmp(word, "CLASS1") != 0) {
                zone_draft_refuse(&self->draft, line, "found class '%.80s', expected IN", word);
                return NULL;
            }
        } else if (!has_ttl && *word >= '0' && *word <= '9') { /* no type begins with a digit */
            has_ttl = context->has_ttl = true;
            if (!zone_lines_seconds(word, &context->ttl_s)) {
                zone_draft_refuse(&self->draft, line,
                                  "found '%.80s', expected a TTL such as 3600 or 1h", word);
                return NULL;
            }
        } else {
            if (!has_ttl && context->has_default_ttl) {
                context->ttl_s = context->default_ttl_s;
                context->has_ttl = true;
            }
            return word;
        }
    }
    zone_draft_refuse(&self->draft, line, "found no record type, expected one");
    return NULL;
}

static bool read_owner(struct parser *self, struct context *context, struct zone_lines *lines,
                       char **rest)
{
    uint32_t line = lines->start_line;
    if (!lines->begins_blank) {
        const char *owner = zone_lines_word(rest);
        if (!read_name(owner, context->origin, context->owner))
            return zone_draft_refuse(&self->draft, line, "found '%.80s', expected a domain name",
                                     owner);
        context->has_owner = true;
    }
    if (!context->has_owner)
        return zone_draft_refuse(&self->draft, line,
                                 "found a blank owner in the first record, expected a domain name");
    if (!name_is_within(context->owner, self->draft.origin)) {
        char text[NAME_TEXT_MAX];
        return zone_draft_refuse(&self->draft, line,
                                 "found %.200s, expected a name within the zone",
                                 name_text(context->owner, text));
    }
    return true;
}

/* RFC 1035 §5.1 and RFC 2308 §4: the TTL is the record's, else $TTL's, else that of the record
 * before. */
static bool parse_record(struct parser *self, struct context *context, struct zone_lines *lines)
{
    uint32_t line = lines->start_line;
    char *rest = lines->bytes;
    if (!read_owner(self, context, lines, &rest))
        return false;
    const char *type = read_type(self, context, line, &rest);
    if (type == NULL)
        return false;
    if (!context->has_ttl)
        return zone_draft_refuse(&self->draft, line,
                                 "found no TTL, expected one in this record or in $TTL before it");
    if (!zone_rdata_read(&self->rdata, type, rest, context->origin))
        return zone_draft_refuse(&self->draft, line, "%s", self->rdata.mistake);
    uint8_t lower[NAME_SIZE_MAX];
    name_lower(context->owner, lower);
    return zone_draft_add(&self->draft, line, lower, context->ttl_s, &self->rdata);
}

/* ---- directives ---- */

static bool parse_file(struct parser *self, const char *file, const char *text, size_t size,
                       struct context *context);

/* The quotes around a word, if it has any, are not part of it. */
static char *unquoted(char *word)
{
    size_t size = strlen(word);
    if (size < 2 || word[0] != '"' || word[size - 1] != '"')
        return word;
    word[size - 1] = '\0';
    return word + 1;
}

/* RFC 1035 §5.1: the included file begins with this file's origin and owner, or the origin given;
 * what it changes ends with it. */
static bool parse_include(struct parser *self, const struct context *context, uint32_t line,
                          char *rest)
{
    struct zone_draft *draft = &self->draft;
    char *path = zone_lines_word(&rest), *origin = zone_lines_word(&rest);
    struct context inner = *context;
    size_t size;
    if (path == NULL || zone_lines_word(&rest) != NULL)
        return zone_draft_refuse(draft, line,
                                 "expected a path and perhaps an origin after $INCLUDE");
    if (origin != NULL && !read_name(origin, context->origin, inner.origin))
        return zone_draft_refuse(draft, line, "found '%.80s', expected a domain name", origin);
    if (self->files == NULL)
        return zone_draft_refuse(draft, line, "$INCLUDE is not possible here");
    if (self->depth == INCLUDE_DEPTH_MAX)
        return zone_draft_refuse(draft, line, "found $INCLUDE nested more than %d deep",
                                 INCLUDE_DEPTH_MAX);
    path = unquoted(path);
    const char *text = self->files->read(self->files->context, path, &size);
    if (text == NULL)
        return zone_draft_refuse(draft, line, "found $INCLUDE '%.200s', which cannot be read",
                                 path);
    const char *file = draft->file;
    char *included = arena_text(draft->arena, path, strlen(path));
    self->depth++;
    bool parsed = parse_file(self, included == NULL ? file : included, text, size, &inner);
    self->depth--;
    if (parsed)
        draft->file = file;
    return parsed;
}

/* $ORIGIN and $TTL have one word. */
static bool parse_directive(struct parser *self, struct context *context, uint32_t line, char *rest)
{
    const char *directive = zone_lines_word(&rest);
    bool is_origin = strcasecmp(directive, "$ORIGIN") == 0;
    if (strcasecmp(directive, "$INCLUDE") == 0)
        return parse_include(self, context, line, rest);
    if (!is_origin && strcasecmp(directive, "$TTL") != 0)
        return zone_draft_refuse(&self->draft, line,
                                 "found '%.80s', expected $ORIGIN, $TTL or $INCLUDE", directive);
    const char *word = zone_lines_word(&rest);
    if (zone_lines_word(&rest) != NULL)
        return zone_draft_refuse(&self->draft, line, "found more than one word after %s",
                                 directive);
    if (word == NULL)
        word = "";
    if (is_origin)
        return read_name(word, context->origin, context->origin) ||
               zone_draft_refuse(&self->draft, line,
                                 "found '%.80s' after $ORIGIN, expected a domain name", word);
    context->has_default_ttl = zone_lines_seconds(word, &context->default_ttl_s);
    return context->has_default_ttl ||
           zone_draft_refuse(&self->draft, line,
                             "found '%.80s' after $TTL, expected a time such as 3600 or 1h", word);
}

static bool parse_file(struct parser *self, const char *file, const char *text, size_t size,
                       struct context *context)
{
    struct zone_lines lines;
    self->draft.file = file;
    if (size > ZONE_TEXT_MAX)
        return zone_draft_refuse(&self->draft, 1, "found more than %d bytes", ZONE_TEXT_MAX);
    zone_lines_open(&lines, text, size);
    for (;;) {
        switch (zone_lines_next(&lines)) {
        case ZONE_LINES_END:
            return true;
        case ZONE_LINES_MISTAKE:
            return zone_draft_refuse(&self->draft, lines.start_line, "%s", lines.mistake);
        case ZONE_LINES_LINE:
            break;
        }
        bool parsed = lines.bytes[0] == '$'
                          ? parse_directive(self, context, lines.start_line, lines.bytes)
                          : parse_record(self, context, &lines);
        if (!parsed)
            return false;
    }
}

bool zone_parse(struct zone *zone, const char *file, const char *text, size_t size,
                const uint8_t *origin, const struct zone_files *files, struct arena *arena,
                char *error)
{
    struct parser parser = {.files = files};
    struct context context = {0};
    if (!zone_draft_open(&parser.draft, file, origin, arena, error))
        return false;
    memcpy(context.origin, origin, name_size(origin, NAME_SIZE_MAX));
    return parse_file(&parser, file, text, size, &context) &&
           zone_draft_finish(&parser.draft, zone);
}
