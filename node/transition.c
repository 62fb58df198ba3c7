#include "node/transition.h"

#include <assert.h>

enum {
    KEY_NUMBER = 1,
    KEY_EARLIER = 2,
    KEY_AREA = 3,
    KEY_SUBJECT = 4,
    KEY_FROM = 5,
    KEY_TO = 6,
    KEY_REASON = 7,
    KEY_COUNT = 7,
    KEY_AUTHOR = 8, /* these two only when they say something */
    KEY_NOTE = 9,
};

static void pack_word(struct pack_writer *writer, uint64_t key, const char *word)
{
    pack_uint(writer, key);
    pack_text(writer, word);
}

size_t transition_encode(const struct transition *self, uint8_t *value)
{
    assert(self->number > 0);
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    bool has_author = self->author[0] != '\0', has_note = self->note[0] != '\0';
    pack_map(&writer, (uint32_t)(KEY_COUNT + has_author + has_note));
    pack_uint(&writer, KEY_NUMBER);
    pack_uint(&writer, self->number);
    pack_uint(&writer, KEY_EARLIER);
    pack_uint(&writer, self->earlier_ms);
    pack_word(&writer, KEY_AREA, self->area);
    pack_word(&writer, KEY_SUBJECT, self->subject);
    pack_word(&writer, KEY_FROM, self->from);
    pack_word(&writer, KEY_TO, self->to);
    pack_word(&writer, KEY_REASON, self->reason);
    if (has_author)
        pack_word(&writer, KEY_AUTHOR, self->author);
    if (has_note)
        pack_word(&writer, KEY_NOTE, self->note);
    assert(!writer.overflowed);
    return writer.size;
}

bool transition_decode(struct transition *self, struct pack_space *space, const uint8_t *value,
                       size_t size)
{
    *self = (struct transition){0};
    const struct msgpack_object *map;
    uint64_t number, earlier_ms;
    if (pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_uint(pack_get(map, KEY_NUMBER), UINT32_MAX, &number) || number == 0 ||
        !pack_get_uint(pack_get(map, KEY_EARLIER), UINT32_MAX, &earlier_ms))
        return false;
    const struct msgpack_object *author = pack_get(map, KEY_AUTHOR),
                                *note = pack_get(map, KEY_NOTE);
    if ((author != NULL && !pack_copy_text(author, '!', self->author, TRANSITION_AUTHOR_MAX)) ||
        (note != NULL && !pack_copy_text(note, ' ', self->note, TRANSITION_NOTE_MAX)))
        return false;
    self->number = (uint32_t)number;
    self->earlier_ms = (uint32_t)earlier_ms;
    pack_pass_keys(space, PACK_UNKNOWN_VALUE_FIELD, map, pack_keys(KEY_NUMBER, KEY_NOTE));
    return pack_copy_text(pack_get(map, KEY_AREA), '!', self->area, TRANSITION_WORD_MAX) &&
           pack_copy_text(pack_get(map, KEY_SUBJECT), '!', self->subject, TRANSITION_SUBJECT_MAX) &&
           pack_copy_text(pack_get(map, KEY_FROM), '!', self->from, TRANSITION_WORD_MAX) &&
           pack_copy_text(pack_get(map, KEY_TO), '!', self->to, TRANSITION_WORD_MAX) &&
           pack_copy_text(pack_get(map, KEY_REASON), '!', self->reason, TRANSITION_WORD_MAX);
}
