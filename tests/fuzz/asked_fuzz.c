/* A line of tandemctl's socket: whatever it asks, an order or a token that comes of it is within
 * its bounds, and is the same in its record.
 *
 * Decoders: node/asked.c */
#include "node/asked.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { NOW_S = 1764244800 };

static struct pack_space space;

static void check_order(const json_t *json)
{
    struct order order = {.subject = "ns1"}, again;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX], same[RECORD_VALUE_MAX];
    if (asked_order(json, NOW_S, &order) != NULL)
        return;
    if (strcmp(asked_text(json, "command"), "set") == 0 && asked_group(json, 2, 1, &order) != NULL)
        return;
    assert(order.given_s == NOW_S);
    assert(order.until_s <= NOW_S + (uint64_t)ORDER_FOR_MAX_S);
    strcpy(order.author, "root@ns1");
    order_key(&order, &key);
    size_t encoded = order_encode(&order, value);
    assert(order_decode(&again, &space, &key, value, encoded) == ORDER_OK);
    assert(strcmp(order.subject, again.subject) == 0);
    assert(order_encode(&again, same) == encoded);
    assert(memcmp(value, same, encoded) == 0);
}

static void check_token(const json_t *json)
{
    struct token token = {0}, again;
    struct record_key key;
    uint8_t value[RECORD_VALUE_MAX];
    if (asked_token(json, NOW_S, &token) != NULL)
        return;
    assert(token.uses >= 1);
    assert(token.uses <= TOKEN_USES_MAX);
    assert(token.until_s > token.given_s);
    strcpy(token.id, "id");
    token_key(token.id, &key);
    size_t encoded = token_encode(&token, value);
    if (!record_name_is_valid(token.pool, strlen(token.pool)))
        return; /* no pool has such a name */
    assert(token_decode(&again, &space, &key, value, encoded));
    assert(memcmp(&again.prefixes, &token.prefixes, sizeof token.prefixes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (space.zone == NULL)
        pack_space_open(&space);
    json_t *json = asked_parse((const char *)bytes, size);
    if (json == NULL)
        return 0;
    if (asked_is_order(asked_text(json, "command")))
        check_order(json);
    check_token(json);
    json_decref(json);
    return 0;
}
