#include "node/order.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { KEY_WHAT = 1, KEY_ROUNDS = 2, KEY_AUTHOR = 9, KEY_BECAUSE, KEY_GIVEN, KEY_UNTIL };

static const char *const reason_texts[ORDER_REASON_COUNT] = {
    [ORDER_OK] = "ok",
    [ORDER_UNKNOWN_VERB] = "unknown-verb",
    [ORDER_MALFORMED] = "malformed",
    [ORDER_BAD_FIELD] = "bad-field",
};

static const char *const verb_texts[ORDER_VERBS] = {
    [ORDER_DRAIN] = "drain", [ORDER_GROUP] = "group",   [ORDER_HANDOVER] = "handover",
    [ORDER_FORCE] = "force", [ORDER_WEIGHT] = "weight",
};

const char *order_reason_text(enum order_reason reason)
{
    assert(reason < ORDER_REASON_COUNT);
    return reason_texts[reason];
}

const char *order_verb_text(enum order_verb verb)
{
    assert(verb < ORDER_VERBS);
    return verb_texts[verb];
}

void order_key(const struct order *self, struct record_key *key)
{
    assert(self->subject[0] != '\0');
    *key = (struct record_key){.kind = RECORD_ORDER};
    snprintf(key->name, sizeof key->name, "%s/%s", order_verb_text(self->verb), self->subject);
}

void order_end(const struct order *self, struct order *end)
{
    *end = (struct order){.verb = self->verb, .weight = self->verb == ORDER_WEIGHT ? 100 : 0};
    memcpy(end->subject, self->subject, sizeof end->subject);
}

bool order_is_in_force(const struct order *self)
{
    struct order end;
    order_end(self, &end);
    return self->draining != end.draining || self->away != end.away ||
           self->group_size != end.group_size || self->rounds != end.rounds ||
           self->force != end.force || self->weight != end.weight;
}

void order_word(const struct order *self, char *word, size_t size)
{
    static const char *const forces[] = {[VERDICT_UNFORCED] = "unforce",
                                         [VERDICT_FORCED_UP] = "force-up",
                                         [VERDICT_FORCED_DOWN] = "force-down"};
    switch (self->verb) {
    case ORDER_DRAIN:
        snprintf(word, size, "%s", self->draining ? "drain" : "undrain");
        break;
    case ORDER_HANDOVER:
        snprintf(word, size, "%s", self->away ? "handover" : "handover-back");
        break;
    case ORDER_FORCE:
        snprintf(word, size, "%s", forces[self->force]);
        break;
    case ORDER_WEIGHT:
        snprintf(word, size, "weight-%u", self->weight);
        break;
    default:
        snprintf(word, size, "group-%u-rounds-%u", self->group_size, self->rounds);
        break;
    }
}

static void pack_what(struct pack_writer *writer, const struct order *self)
{
    pack_uint(writer, KEY_WHAT);
    switch (self->verb) {
    case ORDER_DRAIN:
        pack_bool(writer, self->draining);
        break;
    case ORDER_HANDOVER:
        pack_bool(writer, self->away);
        break;
    case ORDER_FORCE:
        pack_uint(writer, self->force);
        break;
    case ORDER_WEIGHT:
        pack_uint(writer, self->weight);
        break;
    default:
        pack_uint(writer, self->group_size);
        pack_uint(writer, KEY_ROUNDS);
        pack_uint(writer, self->rounds);
        break;
    }
}

size_t order_encode(const struct order *self, uint8_t *value)
{
    struct pack_writer writer;
    bool has_because = self->because[0] != '\0';
    int fields =
        2 + (self->verb == ORDER_GROUP) + has_because + (self->given_s != 0) + (self->until_s != 0);
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, (uint32_t)fields);
    pack_what(&writer, self);
    pack_uint(&writer, KEY_AUTHOR);
    pack_text(&writer, self->author);
    if (has_because) {
        pack_uint(&writer, KEY_BECAUSE);
        pack_text(&writer, self->because);
    }
    if (self->given_s != 0) {
        pack_uint(&writer, KEY_GIVEN);
        pack_uint(&writer, self->given_s);
    }
    if (self->until_s != 0) {
        pack_uint(&writer, KEY_UNTIL);
        pack_uint(&writer, self->until_s);
    }
    assert(!writer.overflowed);
    return writer.size;
}

/* "drain/media1" to verb and subject. */
static enum order_reason split_key(struct order *self, const char *name)
{
    for (size_t verb = 0; verb < ORDER_VERBS; verb++) {
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

/* For people to read: it is cut to what fits, and at the first character that is not printable. */
static void take_text(const struct msgpack_object *map, uint64_t key, char first, char *taken,
                      size_t max)
{
    const char *text;
    size_t size;
    if (!pack_get_text(pack_get(map, key), &text, &size))
        return;
    for (size_t i = 0; i < size && i < max && text[i] >= first && text[i] <= '~'; i++)
        taken[i] = text[i];
}

static bool take_number(const struct msgpack_object *map, uint64_t key, uint32_t least,
                        uint32_t most, uint32_t *number)
{
    uint64_t found;
    if (!pack_get_uint(pack_get(map, key), most, &found) || found < least)
        return false;
    *number = (uint32_t)found;
    return true;
}

static bool take_what(struct order *self, const struct msgpack_object *map)
{
    uint32_t force;
    switch (self->verb) {
    case ORDER_DRAIN:
        return pack_get_bool(pack_get(map, KEY_WHAT), &self->draining);
    case ORDER_HANDOVER:
        return pack_get_bool(pack_get(map, KEY_WHAT), &self->away);
    case ORDER_FORCE:
        if (!take_number(map, KEY_WHAT, VERDICT_UNFORCED, VERDICT_FORCED_DOWN, &force))
            return false;
        self->force = (enum verdict_force)force;
        return true;
    case ORDER_WEIGHT:
        return take_number(map, KEY_WHAT, 1, POOL_WEIGHT_MAX, &self->weight);
    default:
        return take_number(map, KEY_WHAT, 0, POOL_GROUP_MAX, &self->group_size) &&
               take_number(map, KEY_ROUNDS, 0, ORDER_ROUNDS_MAX, &self->rounds) &&
               (self->group_size == 0) == (self->rounds == 0);
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
    if (!take_what(self, map))
        return ORDER_BAD_FIELD;
    pack_pass_keys(space, PACK_UNKNOWN_VALUE_FIELD, map,
                   pack_keys(KEY_WHAT, KEY_ROUNDS) | pack_keys(KEY_AUTHOR, KEY_UNTIL));
    take_text(map, KEY_AUTHOR, '!', self->author, ORDER_AUTHOR_MAX);
    take_text(map, KEY_BECAUSE, ' ', self->because, ORDER_BECAUSE_MAX);
    if (!pack_get_uint(pack_get(map, KEY_GIVEN), UINT64_MAX, &self->given_s))
        self->given_s = 0;
    if (!pack_get_uint(pack_get(map, KEY_UNTIL), UINT64_MAX, &self->until_s))
        self->until_s = 0;
    return ORDER_OK;
}
