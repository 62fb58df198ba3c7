#include "node/dns/zone_lines.h"

#include <assert.h>

static const char zero_byte[] = "found a zero byte, expected text";

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

/* NULL, or the sentence of a mistake. */
static const char *append(struct zone_lines *self, char byte)
{
    if (self->size == ZONE_LINE_MAX)
        return "the line is longer than 10000 bytes";
    self->bytes[self->size++] = byte;
    self->after_blank = false;
    return NULL;
}

/* However many blanks there are, one space keeps the words apart, and none begins the line. */
static const char *append_blank(struct zone_lines *self)
{
    if (self->after_blank)
        return NULL;
    const char *sentence = append(self, ' ');
    self->after_blank = true;
    return sentence;
}

/* A zero byte ends it too, so that it is found in a comment as anywhere. */
static void skip_comment(struct zone_lines *self)
{
    while (self->text < self->end && *self->text != '\n' && *self->text != '\0')
        self->text++;
}

/* An escape keeps the byte behind it from meaning anything here. */
static const char *append_escape(struct zone_lines *self)
{
    if (self->text == self->end || *self->text == '\n' || *self->text == '\r')
        return "found a '\\' at the end of the line";
    if (*self->text == '\0')
        return zero_byte;
    const char *sentence = append(self, '\\');
    return sentence != NULL ? sentence : append(self, *self->text++);
}

/* Take in one byte; NULL, or the sentence of a mistake. */
static const char *take(struct zone_lines *self, struct within *within, char byte)
{
    if (byte == '\0')
        return zero_byte;
    if (byte == '\\')
        return append_escape(self);
    if (byte == '"')
        within->quotes = !within->quotes;
    if (within->quotes || byte == '"')
        return append(self, byte);
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
    return is_blank ? append_blank(self) : append(self, byte);
}

/* One logical line, perhaps empty. */
static enum zone_lines_result read_line(struct zone_lines *self)
{
    struct within within = {0};
    self->start_line = self->line;
    self->size = 0;
    self->after_blank = true;
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
    if (self->size > 0 && self->after_blank)
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

bool zone_lines_seconds(const char *word, uint32_t *seconds)
{
    static const uint64_t seconds_max = 0x7fffffff;
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t total = 0;
    do {
        uint64_t number = 0;
        if (*word < '0' || *word > '9')
            return false;
        for (; *word >= '0' && *word <= '9'; word++) {
            number = number * 10 + (uint64_t)(*word - '0');
            if (number > seconds_max)
                return false;
        }
        uint32_t unit = *word == '\0' ? 1 : 0;
        for (size_t i = 0; i < sizeof units / sizeof *units && *word != '\0'; i++)
            if ((*word | 0x20) == units[i].unit)
                unit = units[i].seconds;
        if (unit == 0)
            return false;
        word += *word != '\0';
        total += number * unit;
        if (total > seconds_max)
            return false;
    } while (*word != '\0');
    *seconds = (uint32_t)total;
    return true;
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
