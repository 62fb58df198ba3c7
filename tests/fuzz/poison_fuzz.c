/* The notes of queries that a worker leaves in the shared page, one after the other: two bytes with
 * the size that it says, two with how much is noted, and that. Whatever it is, its text is
 * printable, and the query that it is of is known again.
 *
 * Decoders: failover/poison.c */
#include "failover/poison.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { SIZES = 4, QUERY_MAX = 2048 };

static size_t number(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

static void check_text(const struct poison_note *note)
{
    char text[POISON_TEXT_SIZE];
    assert(poison_text(note, text) == text);
    assert(strlen(text) < sizeof text);
    for (const char *at = text; *at != '\0'; at++)
        assert((uint8_t)*at >= ' ' && (uint8_t)*at < 0x7f);
}

/* The query of a note, with any ID; of a long one the end is not known, and does not count. */
static void check_known(const struct poison *poison, const struct poison_note *note)
{
    static uint8_t query[POISON_SKIPPED + QUERY_MAX];
    size_t kept = note->size < POISON_BYTES_MAX ? note->size : POISON_BYTES_MAX;
    memcpy(query + POISON_SKIPPED, note->bytes, kept);
    assert(poison_is_match(poison, query, POISON_SKIPPED + note->size));
    assert(!poison_is_match(poison, query, POISON_SKIPPED));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct poison poison;
    memset(&poison, 0, sizeof poison);
    assert(!poison_is_match(&poison, bytes, size));
    while (size >= SIZES) {
        struct poison_note note = {.size = (uint32_t)(1 + number(bytes) % QUERY_MAX)};
        size_t noted = number(bytes + 2) % (POISON_BYTES_MAX + 1);
        bytes += SIZES;
        size -= SIZES;
        if (noted > size)
            noted = size;
        memcpy(note.bytes, bytes, noted);
        bytes += noted;
        size -= noted;
        uint32_t before = poison.count;
        bool is_new = poison_add(&poison, &note);
        assert(poison.count == before + (is_new && before < POISON_NOTES_MAX));
        assert(!poison_add(&poison, &note));
        check_text(&note);
        check_known(&poison, &note);
    }
    poison_is_match(&poison, bytes, size);
    return 0;
}
