#include "replication/join.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char prefix[] = "tandem1."; /* the token's version */

enum {
    TYPE_JOIN = 16,
    TYPE_ANSWER = 17,
    KEY_TYPE = 0,
    KEY_CLUSTER = 1,
    KEY_TOKEN = 2,
    KEY_SECRET = 3,
    KEY_SERVER = 4,
    KEY_CAPACITY = 5,
    KEY_IPV4 = 6,
    KEY_IPV6 = 7,
    KEY_MACHINE = 8,
    KEY_TAGS = 9,
    KEY_NODES = 4,     /* of a token */
    KEY_IS_JOINED = 1, /* of an answer */
    KEY_SENTENCE = 2,
    KEY_NAME = 3,
    KEY_PORTS = 4,
    KEY_IS_FOR_NOW = 5,
};

/* ---- parts ---- */

static void pack_pair_text(struct pack_writer *writer, uint64_t key, const char *text)
{
    pack_uint(writer, key);
    pack_text(writer, text);
}

static void pack_pair_bytes(struct pack_writer *writer, uint64_t key, const void *bytes,
                            size_t size)
{
    pack_uint(writer, key);
    pack_bytes(writer, bytes, size);
}

/* ---- token ---- */

static void pack_node(struct pack_writer *writer, const struct join_node *node)
{
    bool has_two = node->keys[1][0] != '\0';
    pack_array(writer, has_two ? 5 : 4);
    pack_text(writer, node->name);
    pack_ip(writer, &node->address);
    pack_uint(writer, node->port);
    pack_text(writer, node->keys[0]);
    if (has_two)
        pack_text(writer, node->keys[1]);
}

static bool take_key(const struct msgpack_object *object, char *key)
{
    return pack_copy_text(object, '!', key, DOCUMENT_KEY_SIZE - 1) &&
           strlen(key) == DOCUMENT_KEY_SIZE - 1;
}

static bool take_node(const struct msgpack_object *object, struct join_node *node)
{
    const struct msgpack_object *second = pack_at(object, 4);
    uint64_t port;
    if (!pack_copy_text(pack_at(object, 0), '!', node->name, DOCUMENT_NAME_MAX) ||
        !pack_copy_ip(pack_at(object, 1), &node->address) || node->address.family == 0 ||
        !pack_get_uint(pack_at(object, 2), UINT16_MAX, &port) || port == 0 ||
        !take_key(pack_at(object, 3), node->keys[0]) ||
        (second != NULL && !take_key(second, node->keys[1])))
        return false;
    node->port = (uint16_t)port;
    return true;
}

bool join_token_text(const struct join_token *self, char *text)
{
    uint8_t bytes[JOIN_TEXT_MAX];
    struct pack_writer writer;
    pack_begin(&writer, bytes, sizeof bytes);
    pack_map(&writer, 4);
    pack_pair_text(&writer, KEY_CLUSTER, self->cluster);
    pack_pair_text(&writer, KEY_TOKEN, self->id);
    pack_pair_bytes(&writer, KEY_SECRET, self->secret, sizeof self->secret);
    pack_uint(&writer, KEY_NODES);
    pack_array(&writer, (uint32_t)self->node_count);
    for (size_t i = 0; i < self->node_count; i++)
        pack_node(&writer, &self->nodes[i]);
    size_t used = sizeof prefix - 1;
    bool fits =
        !writer.overflowed &&
        used + sodium_base64_ENCODED_LEN(writer.size, sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
            JOIN_TEXT_MAX;
    if (fits) {
        memcpy(text, prefix, used);
        sodium_bin2base64(text + used, JOIN_TEXT_MAX - used, bytes, writer.size,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    }
    sodium_memzero(bytes, sizeof bytes);
    return fits;
}

static bool take_token(struct join_token *self, const struct msgpack_object *map)
{
    const struct msgpack_object *nodes = pack_get(map, KEY_NODES);
    if (!pack_copy_text(pack_get(map, KEY_CLUSTER), '!', self->cluster, DOCUMENT_NAME_MAX) ||
        !pack_copy_text(pack_get(map, KEY_TOKEN), '!', self->id, JOIN_TOKEN_ID_MAX) ||
        !pack_copy_bytes(pack_get(map, KEY_SECRET), self->secret, sizeof self->secret) ||
        !pack_is_array(nodes) || pack_count(nodes) == 0)
        return false;
    for (size_t i = 0; i < pack_count(nodes) && i < DOCUMENT_NODES_MAX; i++)
        if (!take_node(pack_at(nodes, i), &self->nodes[self->node_count++]))
            return false;
    return true;
}

bool join_token_parse(struct join_token *self, struct pack_space *space, const char *text)
{
    uint8_t bytes[JOIN_TEXT_MAX];
    const struct msgpack_object *map;
    size_t size, used = sizeof prefix - 1;
    *self = (struct join_token){0};
    if (strncmp(text, prefix, used) != 0 ||
        sodium_base642bin(bytes, sizeof bytes, text + used, strlen(text + used), "\n", &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    bool is_token = pack_parse(space, bytes, size, &map) == PACK_OK && take_token(self, map);
    sodium_memzero(bytes, sizeof bytes);
    return is_token;
}

void join_digest(const uint8_t secret[JOIN_SECRET_SIZE], uint8_t digest[JOIN_DIGEST_SIZE])
{
    crypto_generichash(digest, JOIN_DIGEST_SIZE, secret, JOIN_SECRET_SIZE, NULL, 0);
}

/* ---- JOIN ---- */

bool join_is(const uint8_t *bytes, size_t size)
{
    return size > 2 && (bytes[0] & 0xf0) == 0x80 && bytes[1] == KEY_TYPE && bytes[2] == TYPE_JOIN;
}

size_t join_encode(const struct join *self, uint8_t *bytes)
{
    struct pack_writer writer;
    pack_begin(&writer, bytes, JOIN_SIZE_MAX);
    pack_map(&writer, 10);
    pack_uint(&writer, KEY_TYPE);
    pack_uint(&writer, TYPE_JOIN);
    pack_pair_text(&writer, KEY_CLUSTER, self->cluster);
    pack_pair_text(&writer, KEY_TOKEN, self->token);
    pack_pair_bytes(&writer, KEY_SECRET, self->secret, sizeof self->secret);
    pack_pair_text(&writer, KEY_SERVER, self->server);
    pack_uint(&writer, KEY_CAPACITY);
    pack_uint(&writer, self->capacity);
    pack_uint(&writer, KEY_IPV4);
    pack_ip(&writer, &self->addresses[0]);
    pack_uint(&writer, KEY_IPV6);
    pack_ip(&writer, &self->addresses[1]);
    pack_pair_bytes(&writer, KEY_MACHINE, self->machine, sizeof self->machine);
    pack_pair_text(&writer, KEY_TAGS, self->tags);
    assert(!writer.overflowed);
    return writer.size;
}

static bool is_of_type(const struct msgpack_object *map, uint64_t type)
{
    uint64_t found;
    return pack_get_uint(pack_get(map, KEY_TYPE), UINT8_MAX, &found) && found == type;
}

/* As a document has them: [a-z0-9-]. */
static bool is_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && *c != '-')
            return false;
    return name[0] != '\0';
}

bool join_decode(struct join *self, struct pack_space *space, const uint8_t *bytes, size_t size)
{
    const struct msgpack_object *map;
    uint64_t capacity;
    *self = (struct join){0};
    if (size > JOIN_SIZE_MAX || pack_parse(space, bytes, size, &map) != PACK_OK ||
        !is_of_type(map, TYPE_JOIN) ||
        !pack_copy_text(pack_get(map, KEY_CLUSTER), '!', self->cluster, DOCUMENT_NAME_MAX) ||
        !pack_copy_text(pack_get(map, KEY_TOKEN), '!', self->token, JOIN_TOKEN_ID_MAX) ||
        !pack_copy_bytes(pack_get(map, KEY_SECRET), self->secret, sizeof self->secret) ||
        !pack_copy_text(pack_get(map, KEY_SERVER), '!', self->server, DOCUMENT_NAME_MAX) ||
        !pack_get_uint(pack_get(map, KEY_CAPACITY), DOCUMENT_CAPACITY_MAX, &capacity) ||
        !pack_copy_ip(pack_get(map, KEY_IPV4), &self->addresses[0]) ||
        !pack_copy_ip(pack_get(map, KEY_IPV6), &self->addresses[1]) ||
        !pack_copy_bytes(pack_get(map, KEY_MACHINE), self->machine, sizeof self->machine) ||
        !pack_copy_text(pack_get(map, KEY_TAGS), ' ', self->tags, JOIN_TAGS_MAX))
        return false;
    self->capacity = (uint32_t)capacity;
    return is_name(self->server) && capacity > 0 && self->addresses[0].family != 6 &&
           self->addresses[1].family != 4;
}

/* ---- its answer ---- */

size_t join_answer_encode(const struct join_answer *self, uint8_t *bytes)
{
    struct pack_writer writer;
    pack_begin(&writer, bytes, JOIN_SIZE_MAX);
    pack_map(&writer, 6);
    pack_uint(&writer, KEY_TYPE);
    pack_uint(&writer, TYPE_ANSWER);
    pack_uint(&writer, KEY_IS_JOINED);
    pack_bool(&writer, self->is_joined);
    pack_pair_text(&writer, KEY_SENTENCE, self->sentence);
    pack_pair_text(&writer, KEY_NAME, self->server);
    pack_uint(&writer, KEY_PORTS);
    pack_array(&writer, (uint32_t)self->port_count);
    for (size_t i = 0; i < self->port_count; i++)
        pack_uint(&writer, self->ports[i]);
    pack_uint(&writer, KEY_IS_FOR_NOW);
    pack_bool(&writer, self->is_for_now);
    assert(!writer.overflowed);
    return writer.size;
}

bool join_answer_decode(struct join_answer *self, struct pack_space *space, const uint8_t *bytes,
                        size_t size)
{
    const struct msgpack_object *map;
    *self = (struct join_answer){0};
    if (size > JOIN_SIZE_MAX || pack_parse(space, bytes, size, &map) != PACK_OK ||
        !is_of_type(map, TYPE_ANSWER) ||
        !pack_get_bool(pack_get(map, KEY_IS_JOINED), &self->is_joined) ||
        !pack_copy_text(pack_get(map, KEY_SENTENCE), ' ', self->sentence, JOIN_SENTENCE_MAX) ||
        !pack_copy_text(pack_get(map, KEY_NAME), '!', self->server, DOCUMENT_NAME_MAX))
        return false;
    const struct msgpack_object *for_now = pack_get(map, KEY_IS_FOR_NOW);
    if (for_now != NULL && !pack_get_bool(for_now, &self->is_for_now))
        return false;
    const struct msgpack_object *ports = pack_get(map, KEY_PORTS);
    if (!pack_is_array(ports))
        return false;
    for (size_t i = 0; i < pack_count(ports) && i < DOCUMENT_PORTS_MAX; i++) {
        uint64_t port;
        if (!pack_get_uint(pack_at(ports, i), UINT16_MAX, &port) || port == 0)
            return false;
        self->ports[self->port_count++] = (uint16_t)port;
    }
    return true;
}
