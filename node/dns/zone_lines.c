#include "node/dns/zone_lines.h"

#include <assert.h>

void zone_lines_open(struct zone_lines *self, const char *text, size_t size)
{
    self->text = text;
    self->end = text + size;
    self->line = 1;
    self->mistake = NULL;
}

/* What the reader is in the midst of. */
struct within {
    unsigned parentheses;
    bool quotes;
};

static enum zone_lines_result mistake(struct zone_lines *self, const char *sentence)
{
    self->mistake = sentence;
    return ZONE_LINES_MISTAKE;
}

static bool append(struct zone_lines *self, char byte)
{
    if (self->size == ZONE_LINE_MAX)
        return false;
    self->bytes[self->size++] = byte;
    return true;
}

static void skip_comment(struct zone_lines *self)
{
    while (self->text < self->end && *self->text != '\n')
        self->text++;
}

/* An escape keeps the byte behind it from meaning anything here. */
static bool append_escape(struct zone_lines *self)
{
    if (self->text == self->end || *self->text == '\n')
        return false;
    return append(self, '\\') && append(self, *self->text++);
}

/* Take in one byte; NULL, or the sentence of a mistake. */
static const char *take(struct zone_lines *self, struct within *within, char byte)
{
    static const char too_long[] = "the line is longer than 10000 bytes";
    if (byte == '\0')
        return "found a zero byte, expected text";
    if (byte == '\\')
        return append_escape(self) ? NULL : "found a '\\' at the end of the line";
    if (byte == '"')
        within->quotes = !within->quotes;
    if (within->quotes || byte == '"')
        return append(self, byte) ? NULL : too_long;
    if (byte == ';') {
        skip_comment(self);
        return NULL;
    }
    if (byte == ')' && within->parentheses == 0)
        return "found ')' without '('";
    if (byte == '(' || byte == ')')
        within->parentheses += byte == '(' ? 1 : -1U;
    bool is_blank =
        byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == '(' || byte == ')';
    if (is_blank && (self->size == 0 || self->bytes[self->size - 1] == ' '))
        return NULL;
    return append(self, is_blank ? ' ' : byte) ? NULL : too_long;
}

/* One logical line, perhaps empty. */
static enum zone_lines_result read_line(struct zone_lines *self)
{
    struct within within = {0};
    self->start_line = self->line;
    self->size = 0;
    self->begins_blank = *self->text == ' ' || *self->text == '\t';
    while (self->text < self->end) {
        char byte = *self->text++;
        if (byte == '\n') {
            self->line++;
            if (within.quotes)
                return mistake(self, "found a quote that is not closed in its line");
            if (within.parentheses == 0)
                break;
            if (self->size == 0) /* nothing but an opening parenthesis yet */
                self->start_line = self->line;
        }
        const char *sentence = take(self, &within, byte);
        if (sentence != NULL)
            return mistake(self, sentence);
    }
    if (within.quotes)
        return mistake(self, "found a quote that is not closed");
    if (within.parentheses > 0)
        return mistake(self, "found '(' that is not closed");
    while (self->size > 0 && self->bytes[self->size - 1] == ' ' &&
           (self->size == 1 || self->bytes[self->size - 2] != '\\'))
        self->size--;
    self->bytes[self->size] = '\0';
    return ZONE_LINES_LINE;
}

enum zone_lines_result zone_lines_next(struct zone_lines *self)
{
    while (self->text < self->end) {
        enum zone_lines_result result = read_line(self);
        if (result != ZONE_LINES_LINE || self->size > 0)
            return result;
    }
    return ZONE_LINES_END;
}

char *zone_lines_word(char **rest)
{
    char *at = *rest;
    while (*at == ' ')
        at++;
    if (*at == '\0')
        return NULL;
    char *word = at;
    bool quotes = false;
    for (; *at != '\0' && (quotes || *at != ' '); at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quotes = !quotes;
    }
    if (*at == ' ')
        *at++ = '\0';
    *rest = at;
    return word;
}
