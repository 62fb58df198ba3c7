/* failover/poison.h -- queries a worker died of: the notes of them, and which query equals one.
 *
 * Each DNS thread notes the query it has in hand in the shared page. When a worker dies in the
 * middle of one, the guardian keeps the note and hands it to the next life, which drops the query's
 * repeats: a query of death cannot empty the pair. Pure; all memory is the caller's.
 *
 * A note is a query from offset 2 on, for every repeat has another ID. Of a longer one than
 * POISON_BYTES_MAX only so many bytes and the size are kept and compared. */
#ifndef TANDEM_FAILOVER_POISON_H
#define TANDEM_FAILOVER_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    POISON_NOTES_MAX = 16, /* a seventeenth pushes the oldest out */
    POISON_BYTES_MAX = 512,
    POISON_SKIPPED = 2, /* bytes of a query before its note: the ID */
    POISON_TEXT_SIZE = 80,
};

struct poison_note {
    uint32_t size; /* of the query without its ID; 1 or more */
    uint8_t bytes[POISON_BYTES_MAX];
};

/* Newest first, no two alike. Zeroes: none. */
struct poison {
    uint32_t count; /* 0..POISON_NOTES_MAX */
    struct poison_note notes[POISON_NOTES_MAX];
};

/* Take in a note. One that is there already comes to the front: false. */
bool poison_add(struct poison *self, const struct poison_note *note);

/* Does the query equal a note, ASCII letters of the question's name compared without their case
 * (RFC 4343)? Nearly always answered by the sizes alone. */
bool poison_is_match(const struct poison *self, const uint8_t *query, size_t size);

/* "www.example. type=1", what is not printable as '?'; a note that holds no whole name and type
 * only says so. Returns text. */
const char *poison_text(const struct poison_note *note, char text[POISON_TEXT_SIZE]);

#endif
