#include "node/order.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { KEY_DRAINING = 1, KEY_AWAY = 1, KEY_GROUP_SIZE = 1, KEY_ROUNDS = 2, KEY_AUTHOR = 9 };

static const char *const reason_texts[ORDER_REASON_COUNT] = {
    [ORDER_OK] = "ok",
    [ORDER_UNKNOWN_VERB] = "unknown-verb",
    [ORDER_MALFORMED] = "malformed",
    [ORDER_BAD_FIELD] = "bad-field",
};

static const char *const verb_texts[] = {
    [ORDER_DRAIN] = "drain", [ORDER_GROUP] = "group", [ORDER_HANDOVER] = "handover"};

const char *order_reason_text(enum order_reason reason)
{
    assert(reason < ORDER_REASON_COUNT);
    return reason_texts[reason];
}

const char *order_verb_text(enum order_verb verb)
{
    assert(verb <= ORDER_HANDOVER);
    return verb_texts[verb];
}

void order_key(const struct order *self, struct record_key *key)
{
    assert(self->subject[0] != '\0');
    *key = (struct record_key){.kind = RECORD_ORDER};
    snprintf(key->name, sizeof key->name, "%s/%s", order_verb_text(self->verb), self->subject);
}

size_t order_encode(const struct order *self, uint8_t *value)
{
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, self->verb == ORDER_GROUP ? 3 : 2);
    if (self->verb == ORDER_DRAIN) {
        pack_uint(&writer, KEY_DRAINING);
        pack_bool(&writer, self->draining);
    } else if (self->verb == ORDER_HANDOVER) {
        pack_uint(&writer, KEY_AWAY);
        pack_bool(&writer, self->away);
    } else {
        pack_uint(&writer, KEY_GROUP_SIZE);
        pack_uint(&writer, self->group_size);
        pack_uint(&writer, KEY_ROUNDS);
        pack_uint(&writer, self->rounds);
    }
    pack_uint(&writer, KEY_AUTHOR);
    pack_text(&writer, self->author);
    assert(!writer.overflowed);
    return writer.size;
}

/* "drain/media1" to verb and subject. */
static enum order_reason split_key(struct order *self, const char *name)
{
    for (size_t verb = 0; verb < sizeof verb_texts / sizeof *verb_texts; verb++) {
        size_t size = strlen(verb_texts[verb]);
        if (strncmp(name, verb_texts[verb], size) != 0 || name[size] != '/')
            continue;
        size_t subject_size = strlen(name + size + 1);
        if (subject_size == 0 || subject_size > ORDER_SUBJECT_MAX)
            return ORDER_MALFORMED;
        self->verb = (enum order_verb)verb;
        memcpy(self->subject, name + size + 1, subject_size + 1);
        return ORDER_OK;
    }
    return ORDER_UNKNOWN_VERB;
}

/* An author is for people to read: it is cut to what fits, and never control characters. */
static void take_author(struct order *self, const char *text, size_t size)
{
    size_t taken = 0;
    while (taken < size && taken < ORDER_AUTHOR_MAX && text[taken] > ' ' && text[taken] <= '~') {
        self->author[taken] = text[taken];
        taken++;
    }
}

enum order_reason order_decode(struct order *self, struct pack_space *space,
                               const struct record_key *key, const uint8_t *value, size_t size)
{
    assert(key->kind == RECORD_ORDER);
    *self = (struct order){0};
    enum order_reason reason = split_key(self, key->name);
    if (reason != ORDER_OK)
        return reason;
    const struct msgpack_object *map;
    if (pack_parse(space, value, size, &map) != PACK_OK)
        return ORDER_MALFORMED;
    if (self->verb == ORDER_DRAIN) {
        if (!pack_get_bool(pack_get(map, KEY_DRAINING), &self->draining))
            return ORDER_BAD_FIELD;
    } else if (self->verb == ORDER_HANDOVER) {
        if (!pack_get_bool(pack_get(map, KEY_AWAY), &self->away))
            return ORDER_BAD_FIELD;
    } else {
        uint64_t group_size, rounds;
        if (!pack_get_uint(pack_get(map, KEY_GROUP_SIZE), 256, &group_size) || group_size == 0 ||
            !pack_get_uint(pack_get(map, KEY_ROUNDS), 1000, &rounds) || rounds == 0)
            return ORDER_BAD_FIELD;
        self->group_size = (uint32_t)group_size;
        self->rounds = (uint32_t)rounds;
    }
    const char *author;
    size_t author_size;
    if (pack_get_text(pack_get(map, KEY_AUTHOR), &author, &author_size))
        take_author(self, author, author_size);
    return ORDER_OK;
}
