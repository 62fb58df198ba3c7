#include "failover/poison.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_OFFSET = 12 - POISON_SKIPPED, /* of the first question's name (RFC 1035 §4.1.2) */
    LABEL_MAX = 63,
};

static size_t kept(uint32_t size)
{
    return size < POISON_BYTES_MAX ? size : POISON_BYTES_MAX;
}

/* Read the question's name in bytes[0..size): *end is the offset behind it, or where it stops being
 * a name without compression, false. */
static bool read_name(const uint8_t *bytes, size_t size, size_t *end)
{
    size_t at = NAME_OFFSET;
    while (at < size && bytes[at] != 0 && bytes[at] <= LABEL_MAX)
        at += 1 + (size_t)bytes[at];
    bool is_whole = at < size && bytes[at] == 0;
    *end = at >= size ? size : at + is_whole;
    return is_whole;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* Lengths of labels are below every letter, so folding leaves them as they are. */
static bool is_same_name(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static bool is_same(const struct poison_note *note, const uint8_t *bytes, size_t size)
{
    if (note->size != size)
        return false;
    size = kept(note->size);
    if (size <= NAME_OFFSET)
        return memcmp(note->bytes, bytes, size) == 0;
    size_t end;
    read_name(note->bytes, size, &end);
    return memcmp(note->bytes, bytes, NAME_OFFSET) == 0 &&
           is_same_name(note->bytes + NAME_OFFSET, bytes + NAME_OFFSET, end - NAME_OFFSET) &&
           memcmp(note->bytes + end, bytes + end, size - end) == 0;
}

bool poison_add(struct poison *self, const struct poison_note *note)
{
    assert(self->count <= POISON_NOTES_MAX);
    assert(note->size > 0);
    uint32_t at = 0;
    while (at < self->count && !is_same(&self->notes[at], note->bytes, note->size))
        at++;
    bool is_new = at == self->count;
    if (is_new && self->count < POISON_NOTES_MAX)
        self->count++;
    else if (is_new)
        at--; /* full: the oldest goes */
    memmove(self->notes + 1, self->notes, at * sizeof *self->notes);
    self->notes[0] = *note;
    return is_new;
}

bool poison_is_match(const struct poison *self, const uint8_t *query, size_t size)
{
    if (self->count == 0 || size <= POISON_SKIPPED)
        return false;
    for (uint32_t i = 0; i < self->count; i++)
        if (is_same(&self->notes[i], query + POISON_SKIPPED, size - POISON_SKIPPED))
            return true;
    return false;
}

static char printable(uint8_t byte)
{
    return byte > ' ' && byte < 0x7f ? (char)byte : '?';
}

const char *poison_text(const struct poison_note *note, char text[POISON_TEXT_SIZE])
{
    const size_t room = POISON_TEXT_SIZE - sizeof " type=65535";
    size_t size = kept(note->size), used = 0, end;
    if (!read_name(note->bytes, size, &end) || end + 2 > size) {
        snprintf(text, POISON_TEXT_SIZE, "no question");
        return text;
    }
    for (size_t at = NAME_OFFSET; note->bytes[at] != 0; at += 1 + (size_t)note->bytes[at]) {
        for (size_t i = 1; i <= note->bytes[at] && used < room - 1; i++)
            text[used++] = printable(note->bytes[at + i]);
        if (used < room - 1)
            text[used++] = '.';
    }
    if (used == 0)
        text[used++] = '.';
    snprintf(text + used, POISON_TEXT_SIZE - used, " type=%u",
             (unsigned)note->bytes[end] << 8 | note->bytes[end + 1]);
    return text;
}
