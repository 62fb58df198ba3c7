#include "node/dns/zone.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "node/dns/zone_draft.h"
#include "node/dns/zone_lines.h"

enum { INCLUDE_DEPTH_MAX = 8 };

static const uint32_t ttl_max_s = 0x7fffffff; /* RFC 2181 §8 */

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
    unsigned depth;
};

__attribute__((format(printf, 3, 4))) static bool refuse(struct parser *self, uint32_t line,
                                                         const char *format, ...)
{
    int used = snprintf(self->draft.error, ZONE_ERROR_MAX, "%s:%u: ", self->draft.file, line);
    if (used < 0 || used >= ZONE_ERROR_MAX)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->draft.error + used, ZONE_ERROR_MAX - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- words ---- */

/* "3600", "1h30m" (the units of BIND); false when it is no TTL. */
static bool read_ttl(const char *word, uint32_t *ttl_s)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t total = 0;
    if (*word < '0' || *word > '9')
        return false;
    while (*word != '\0') {
        uint64_t number = 0;
        if (*word < '0' || *word > '9')
            return false;
        for (; *word >= '0' && *word <= '9'; word++) {
            number = number * 10 + (uint64_t)(*word - '0');
            if (number > ttl_max_s)
                return false;
        }
        uint64_t seconds = *word == '\0' ? 1 : 0;
        for (size_t i = 0; i < sizeof units / sizeof *units && *word != '\0'; i++)
            if ((*word | 0x20) == units[i].unit)
                seconds = units[i].seconds;
        if (seconds == 0)
            return false;
        word += *word != '\0';
        total += number * seconds;
        if (total > ttl_max_s)
            return false;
    }
    *ttl_s = (uint32_t)total;
    return true;
}

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

/* Cut [TTL] [class] type, the first two in either order, off *rest. NULL with a complaint. */
static const char *read_type(struct parser *self, struct context *context, uint32_t line,
                             char **rest)
{
    bool has_ttl = false, has_class = false;
    for (char *word; (word = zone_lines_word(rest)) != NULL;) {
        if (!has_ttl && read_ttl(word, &context->ttl_s)) {
            has_ttl = context->has_ttl = true;
        } else if (!has_class && is_class(word)) {
            has_class = true;
            if (strcasecmp(word, "IN") != 0 && strcasecmp(word, "CLASS1") != 0) {
                refuse(self, line, "found class '%s', expected IN", word);
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
    refuse(self, line, "found no record type");
    return NULL;
}

/* The record's RDATA in wire form, by ldns. False with a complaint. */
static bool render(struct parser *self, const struct context *context, uint32_t line,
                   const char *type, const char *rdata, ldns_rr **rr, ldns_buffer **buffer)
{
    char origin[NAME_TEXT_MAX];
    char text[ZONE_LINE_MAX + 32];
    ldns_rdf *origin_rdf =
        ldns_rdf_new_frm_str(LDNS_RDF_TYPE_DNAME, name_text(context->origin, origin));
    snprintf(text, sizeof text, "owner. 0 IN %s %s", type, rdata);
    ldns_status status = ldns_rr_new_frm_str(rr, text, 0, origin_rdf, NULL);
    ldns_rdf_deep_free(origin_rdf);
    if (status != LDNS_STATUS_OK) {
        *rr = NULL;
        return refuse(self, line, "found '%s %.80s', expected the data of a %s record (%s)", type,
                      rdata, type, ldns_get_errorstr_by_id(status));
    }
    *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
    if (*buffer == NULL || ldns_rr_rdata2buffer_wire(*buffer, *rr) != LDNS_STATUS_OK ||
        ldns_buffer_position(*buffer) > UINT16_MAX)
        return refuse(self, line, "the data of the %s record is too large", type);
    return true;
}

static bool add_record(struct parser *self, const struct context *context, uint32_t line,
                       const char *type, const char *rdata)
{
    ldns_rr *rr = NULL;
    ldns_buffer *buffer = NULL;
    bool added = render(self, context, line, type, rdata, &rr, &buffer);
    if (added) {
        uint8_t lower[NAME_SIZE_MAX];
        size_t size = name_lower(context->owner, lower);
        added = zone_draft_add(&self->draft, lower, size, (uint16_t)ldns_rr_get_type(rr),
                               context->ttl_s, line, ldns_buffer_begin(buffer),
                               ldns_buffer_position(buffer)) ||
                refuse(self, line, "the zone takes more memory than expected");
    }
    if (buffer != NULL)
        ldns_buffer_free(buffer);
    ldns_rr_free(rr);
    return added;
}

/* The TTL of a SOA without any is its own MINIMUM's place: RFC 1035 has no other default. */
static bool check_ttl(struct parser *self, const struct context *context, uint32_t line)
{
    return context->has_ttl ||
           refuse(self, line, "found no TTL, expected one in this record or in $TTL before it");
}

static bool parse_record(struct parser *self, struct context *context, struct zone_lines *lines)
{
    char *rest = lines->bytes;
    if (!lines->begins_blank) {
        const char *owner = zone_lines_word(&rest);
        if (!read_name(owner, context->origin, context->owner))
            return refuse(self, lines->start_line, "found '%.80s', expected a domain name", owner);
        context->has_owner = true;
    }
    if (!context->has_owner)
        return refuse(self, lines->start_line,
                      "found a blank owner in the first record, expected a domain name");
    if (!name_is_within(context->owner, self->draft.origin)) {
        char text[NAME_TEXT_MAX];
        return refuse(self, lines->start_line, "found %.250s, expected a name within the zone",
                      name_text(context->owner, text));
    }
    const char *type = read_type(self, context, lines->start_line, &rest);
    return type != NULL && check_ttl(self, context, lines->start_line) &&
           add_record(self, context, lines->start_line, type, rest);
}

/* ---- directives ---- */

static bool parse_file(struct parser *self, const char *file, const char *text, size_t size,
                       struct context *context);

static bool parse_include(struct parser *self, const struct context *context, uint32_t line,
                          char *rest)
{
    char *path = zone_lines_word(&rest), *origin = zone_lines_word(&rest);
    struct context inner = *context;
    size_t size;
    if (path == NULL)
        return refuse(self, line, "found no path after $INCLUDE");
    if (origin != NULL && !read_name(origin, context->origin, inner.origin))
        return refuse(self, line, "found '%.80s', expected a domain name", origin);
    if (self->files == NULL || self->depth == INCLUDE_DEPTH_MAX)
        return refuse(self, line,
                      self->files == NULL ? "$INCLUDE is not possible here"
                                          : "found $INCLUDE nested too deeply");
    const char *text = self->files->read(self->files->context, path, &size);
    if (text == NULL)
        return refuse(self, line, "found $INCLUDE '%.200s', which cannot be read", path);
    const char *file = self->draft.file;
    char *included = arena_text(self->draft.arena, path, strlen(path));
    self->depth++;
    bool parsed = parse_file(self, included == NULL ? file : included, text, size, &inner);
    self->depth--;
    if (parsed)
        self->draft.file = file;
    return parsed;
}

static bool parse_directive(struct parser *self, struct context *context, uint32_t line, char *rest)
{
    const char *directive = zone_lines_word(&rest);
    if (strcasecmp(directive, "$INCLUDE") == 0)
        return parse_include(self, context, line, rest);
    const char *word = zone_lines_word(&rest);
    if (zone_lines_word(&rest) != NULL)
        return refuse(self, line, "found more than one word after %s", directive);
    if (strcasecmp(directive, "$ORIGIN") == 0)
        return (word != NULL && read_name(word, context->origin, context->origin)) ||
               refuse(self, line, "found '%.80s' after $ORIGIN, expected a domain name",
                      word == NULL ? "" : word);
    if (strcasecmp(directive, "$TTL") == 0) {
        context->has_default_ttl = word != NULL && read_ttl(word, &context->default_ttl_s);
        return context->has_default_ttl ||
               refuse(self, line, "found '%.80s' after $TTL, expected a time such as 3600 or 1h",
                      word == NULL ? "" : word);
    }
    return refuse(self, line, "found '%.80s', expected $ORIGIN, $TTL or $INCLUDE", directive);
}

static bool parse_file(struct parser *self, const char *file, const char *text, size_t size,
                       struct context *context)
{
    struct zone_lines lines;
    self->draft.file = file;
    zone_lines_open(&lines, text, size);
    for (;;) {
        switch (zone_lines_next(&lines)) {
        case ZONE_LINES_END:
            return true;
        case ZONE_LINES_MISTAKE:
            return refuse(self, lines.start_line, "%s", lines.mistake);
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
    if (!zone_draft_open(&parser.draft, origin, arena)) {
        snprintf(error, ZONE_ERROR_MAX, "%s:1: the zone takes more memory than expected", file);
        return false;
    }
    parser.draft.error = error;
    memcpy(context.origin, origin, name_size(origin, NAME_SIZE_MAX));
    return parse_file(&parser, file, text, size, &context) &&
           zone_draft_finish(&parser.draft, zone);
}
