#include "node/enrolment.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    KEY_IS = 1,
    KEY_DIGEST = 2, /* of a token */
    KEY_KEY = 2,    /* of the others */
    KEY_POOL = 3,
    KEY_USES = 4,
    KEY_CAPACITY = 4,
    KEY_PREFIX = 5,
    KEY_IPV4 = 5,
    KEY_BITS = 6,
    KEY_IPV6 = 6,
    KEY_MACHINE = 7,
    KEY_TOKEN = 8,
    KEY_AUTHOR = 9,
    KEY_GIVEN = 11,
    KEY_UNTIL = 12,
    KEY_TAGS = 13,
    KEY_PREFIX_IPV6 = 14, /* of a token that has both */
    KEY_BITS_IPV6 = 15,
    KEY_SECOND_KEY = 14, /* of a revocation */
};

/* ---- keys ---- */

static void name_key(const char *verb, const char *subject, struct record_key *key)
{
    *key = (struct record_key){.kind = RECORD_ORDER};
    snprintf(key->name, sizeof key->name, "%s%s", verb, subject);
}

/* What follows the verb, into subject[max + 1]. */
static bool split_key(const struct record_key *key, const char *verb, char *subject, size_t max)
{
    size_t size = strlen(verb);
    if (key->kind != RECORD_ORDER || strncmp(key->name, verb, size) != 0)
        return false;
    const char *rest = key->name + size;
    if (rest[0] == '\0' || strlen(rest) > max)
        return false;
    memcpy(subject, rest, strlen(rest) + 1);
    return true;
}

void token_key(const char *id, struct record_key *key)
{
    name_key("token/", id, key);
}

void enrolment_key(const char *server, struct record_key *key)
{
    name_key("enrol/", server, key);
}

void revocation_key(const char *server, struct record_key *key)
{
    name_key("revoke/", server, key);
}

bool enrolment_is_of(const struct record_key *key)
{
    char subject[DOCUMENT_NAME_MAX + 1];
    return split_key(key, "enrol/", subject, DOCUMENT_NAME_MAX) ||
           split_key(key, "revoke/", subject, DOCUMENT_NAME_MAX);
}

/* ---- parts ---- */

static void put_text(struct pack_writer *writer, uint64_t key, const char *text)
{
    pack_uint(writer, key);
    pack_text(writer, text);
}

static void put_number(struct pack_writer *writer, uint64_t key, uint64_t number)
{
    pack_uint(writer, key);
    pack_uint(writer, number);
}

static void put_bytes(struct pack_writer *writer, uint64_t key, const void *bytes, size_t size)
{
    pack_uint(writer, key);
    pack_bytes(writer, bytes, size);
}

static void put_is(struct pack_writer *writer, bool is)
{
    pack_uint(writer, KEY_IS);
    pack_bool(writer, is);
}

static void put_ip(struct pack_writer *writer, uint64_t key, const struct ip *ip)
{
    pack_uint(writer, key);
    pack_ip(writer, ip);
}

static uint64_t number_or_0(const struct msgpack_object *map, uint64_t key)
{
    uint64_t number;
    return pack_get_uint(pack_get(map, key), UINT64_MAX, &number) ? number : 0;
}

/* ---- token ---- */

/* One prefix stands under the same keys whatever its family; who knows no second one lets nobody in
 * by it. */
size_t token_encode(const struct token *self, uint8_t *value)
{
    struct pack_writer writer;
    const struct token_prefix *first = &self->prefixes[self->prefixes[0].address.family == 0];
    bool has_second = first == &self->prefixes[0] && self->prefixes[1].address.family != 0;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, has_second ? 11 : 9);
    put_is(&writer, self->in_force);
    put_bytes(&writer, KEY_DIGEST, self->digest, sizeof self->digest);
    put_text(&writer, KEY_POOL, self->pool);
    put_number(&writer, KEY_USES, self->uses);
    put_ip(&writer, KEY_PREFIX, &first->address);
    put_number(&writer, KEY_BITS, first->bits);
    put_text(&writer, KEY_AUTHOR, self->author);
    put_number(&writer, KEY_GIVEN, self->given_s);
    put_number(&writer, KEY_UNTIL, self->until_s);
    if (has_second) {
        put_ip(&writer, KEY_PREFIX_IPV6, &self->prefixes[1].address);
        put_number(&writer, KEY_BITS_IPV6, self->prefixes[1].bits);
    }
    assert(!writer.overflowed);
    return writer.size;
}

static bool take_prefix(struct token *self, const struct msgpack_object *address,
                        const struct msgpack_object *bits)
{
    struct ip ip;
    uint64_t count;
    if (!pack_copy_ip(address, &ip) || ip.family == 0 ||
        !pack_get_uint(bits, ip.family == 4 ? 32 : 128, &count))
        return false;
    self->prefixes[ip.family == 6] = (struct token_prefix){ip, (uint8_t)count};
    return true;
}

static bool take_prefixes(struct token *self, const struct msgpack_object *map)
{
    const struct msgpack_object *second = pack_get(map, KEY_PREFIX_IPV6);
    return take_prefix(self, pack_get(map, KEY_PREFIX), pack_get(map, KEY_BITS)) &&
           (second == NULL || take_prefix(self, second, pack_get(map, KEY_BITS_IPV6)));
}

bool token_decode(struct token *self, struct pack_space *space, const struct record_key *key,
                  const uint8_t *value, size_t size)
{
    const struct msgpack_object *map;
    uint64_t uses;
    *self = (struct token){0};
    if (!split_key(key, "token/", self->id, JOIN_TOKEN_ID_MAX) ||
        pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_bool(pack_get(map, KEY_IS), &self->in_force) ||
        !pack_copy_bytes(pack_get(map, KEY_DIGEST), self->digest, sizeof self->digest) ||
        !pack_copy_text(pack_get(map, KEY_POOL), '!', self->pool, DOCUMENT_NAME_MAX) ||
        !pack_get_uint(pack_get(map, KEY_USES), TOKEN_USES_MAX, &uses) || uses == 0 ||
        !take_prefixes(self, map) ||
        !pack_copy_text(pack_get(map, KEY_AUTHOR), '!', self->author, ORDER_AUTHOR_MAX))
        return false;
    self->uses = (uint32_t)uses;
    self->given_s = number_or_0(map, KEY_GIVEN);
    self->until_s = number_or_0(map, KEY_UNTIL);
    return true;
}

bool token_has_address(const struct token *self, const struct ip *address)
{
    const struct token_prefix *prefix = &self->prefixes[address->family == 6];
    const uint8_t *bytes = prefix->address.bytes;
    unsigned whole = prefix->bits / 8U, rest = prefix->bits % 8U;
    if (address->family != prefix->address.family || memcmp(address->bytes, bytes, whole) != 0)
        return false;
    return rest == 0 || (address->bytes[whole] ^ bytes[whole]) >> (8U - rest) == 0;
}

/* ---- enrolment ---- */

size_t enrolment_encode(const struct enrolment *self, uint8_t *value)
{
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, 11);
    put_is(&writer, self->is_enrolled);
    put_text(&writer, KEY_KEY, self->key);
    put_text(&writer, KEY_POOL, self->pool);
    put_number(&writer, KEY_CAPACITY, self->capacity);
    put_ip(&writer, KEY_IPV4, &self->addresses[0]);
    put_ip(&writer, KEY_IPV6, &self->addresses[1]);
    put_bytes(&writer, KEY_MACHINE, self->machine, sizeof self->machine);
    put_text(&writer, KEY_TOKEN, self->token);
    put_text(&writer, KEY_AUTHOR, self->author);
    put_number(&writer, KEY_GIVEN, self->given_s);
    put_text(&writer, KEY_TAGS, self->tags);
    assert(!writer.overflowed);
    return writer.size;
}

bool enrolment_decode(struct enrolment *self, struct pack_space *space,
                      const struct record_key *key, const uint8_t *value, size_t size)
{
    const struct msgpack_object *map;
    uint64_t capacity;
    *self = (struct enrolment){0};
    if (!split_key(key, "enrol/", self->server, DOCUMENT_NAME_MAX) ||
        pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_bool(pack_get(map, KEY_IS), &self->is_enrolled) ||
        !pack_copy_text(pack_get(map, KEY_KEY), '!', self->key, DOCUMENT_KEY_SIZE - 1) ||
        strlen(self->key) != DOCUMENT_KEY_SIZE - 1 ||
        !pack_copy_text(pack_get(map, KEY_POOL), '!', self->pool, DOCUMENT_NAME_MAX) ||
        !pack_get_uint(pack_get(map, KEY_CAPACITY), DOCUMENT_CAPACITY_MAX, &capacity) ||
        capacity == 0 || !pack_copy_ip(pack_get(map, KEY_IPV4), &self->addresses[0]) ||
        self->addresses[0].family == 6 ||
        !pack_copy_ip(pack_get(map, KEY_IPV6), &self->addresses[1]) ||
        self->addresses[1].family == 4 ||
        self->addresses[0].family + self->addresses[1].family == 0 ||
        !pack_copy_bytes(pack_get(map, KEY_MACHINE), self->machine, sizeof self->machine) ||
        !pack_copy_text(pack_get(map, KEY_TOKEN), '!', self->token, JOIN_TOKEN_ID_MAX) ||
        !pack_copy_text(pack_get(map, KEY_AUTHOR), '!', self->author, ORDER_AUTHOR_MAX) ||
        !pack_copy_text(pack_get(map, KEY_TAGS), ' ', self->tags, JOIN_TAGS_MAX))
        return false;
    self->capacity = (uint32_t)capacity;
    self->given_s = number_or_0(map, KEY_GIVEN);
    return true;
}

/* ---- revocation ---- */

size_t revocation_encode(const struct revocation *self, uint8_t *value)
{
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    bool has_two = self->keys[1][0] != '\0';
    pack_map(&writer, has_two ? 5 : 4);
    put_is(&writer, self->is_revoked);
    put_text(&writer, KEY_KEY, self->keys[0]);
    if (has_two)
        put_text(&writer, KEY_SECOND_KEY, self->keys[1]);
    put_text(&writer, KEY_AUTHOR, self->author);
    put_number(&writer, KEY_GIVEN, self->given_s);
    assert(!writer.overflowed);
    return writer.size;
}

bool revocation_decode(struct revocation *self, struct pack_space *space,
                       const struct record_key *key, const uint8_t *value, size_t size)
{
    const struct msgpack_object *map;
    *self = (struct revocation){0};
    if (!split_key(key, "revoke/", self->server, DOCUMENT_NAME_MAX) ||
        pack_parse(space, value, size, &map) != PACK_OK ||
        !pack_get_bool(pack_get(map, KEY_IS), &self->is_revoked) ||
        !pack_copy_text(pack_get(map, KEY_KEY), '!', self->keys[0], DOCUMENT_KEY_SIZE - 1) ||
        !pack_copy_text(pack_get(map, KEY_AUTHOR), '!', self->author, ORDER_AUTHOR_MAX))
        return false;
    const struct msgpack_object *second = pack_get(map, KEY_SECOND_KEY);
    if (second != NULL && (!pack_copy_text(second, '!', self->keys[1], DOCUMENT_KEY_SIZE - 1) ||
                           strlen(self->keys[1]) != DOCUMENT_KEY_SIZE - 1))
        return false;
    self->given_s = number_or_0(map, KEY_GIVEN);
    return strlen(self->keys[0]) == DOCUMENT_KEY_SIZE - 1;
}
