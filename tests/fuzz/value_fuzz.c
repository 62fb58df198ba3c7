/* The values of a node's records and of orders, as a relayed record brings them. The first byte
 * says of which; for an order and what was handed out the record's name follows, up to a zero byte.
 * What is taken can be encoded, and is the same when it is read again. (Reports, and the records of
 * who may join, have targets of their own.)
 *
 * Decoders: node/order.c node/status.c node/fitness.c node/transition.c node/handed.c
 * Decoders: replication/pack.c:pack_copy_.+|copy */
#include <assert.h>
#include <string.h>

#include "node/fitness.h"
#include "node/handed.h"
#include "node/order.h"
#include "node/status.h"
#include "node/transition.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct pack_space space;

/* The decoders begin with zeroes, so that what is the same is so byte for byte. */
#define CHECK_VALUE(kind, value, size)                                                             \
    do {                                                                                           \
        struct kind first, second;                                                                 \
        uint8_t encoded[RECORD_VALUE_MAX];                                                         \
        if (!kind##_decode(&first, &space, value, size))                                           \
            break;                                                                                 \
        assert(kind##_decode(&second, &space, encoded, kind##_encode(&first, encoded)));           \
        assert(memcmp(&first, &second, sizeof first) == 0);                                        \
    } while (0)

static void check_order(const struct record_key *key, const uint8_t *value, size_t size)
{
    struct order order, again, end;
    struct record_key same_key;
    uint8_t encoded[RECORD_VALUE_MAX];
    char word[32];
    enum order_reason reason = order_decode(&order, &space, key, value, size);
    assert(order_reason_text(reason)[0] != '\0');
    if (reason != ORDER_OK)
        return;
    order_key(&order, &same_key);
    assert(record_key_equal(key, &same_key));
    assert(order_decode(&again, &space, key, encoded, order_encode(&order, encoded)) == ORDER_OK);
    assert(memcmp(&order, &again, sizeof order) == 0);
    order_word(&order, word, sizeof word);
    assert(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(word));
    order_end(&order, &end);
    assert(!order_is_in_force(&end));
}

static void check_handed(const struct record_key *key, const uint8_t *value, size_t size)
{
    struct handed_key split;
    uint8_t encoded[RECORD_VALUE_MAX];
    uint32_t total, again;
    if (handed_split(&split, key->name))
        assert(strlen(split.node) + strlen(split.pool) + strlen(split.server) + 2 ==
               strlen(key->name));
    if (!handed_decode(&total, &space, value, size))
        return;
    assert(handed_decode(&again, &space, encoded, handed_encode(total, encoded)));
    assert(again == total);
}

/* False when what stands before a zero byte may be no record's name. */
static bool take_name(struct record_key *key, const uint8_t **bytes, size_t *size)
{
    const uint8_t *end = *size == 0 ? NULL : memchr(*bytes, 0, *size);
    if (end == NULL || !record_name_is_valid((const char *)*bytes, (size_t)(end - *bytes)))
        return false;
    memcpy(key->name, *bytes, (size_t)(end - *bytes) + 1);
    *size -= (size_t)(end + 1 - *bytes);
    *bytes = end + 1;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { ORDER, HANDED, STATUS, FITNESS, TRANSITION, KINDS };
    if (space.zone == NULL)
        pack_space_open(&space);
    if (size == 0)
        return 0;
    unsigned kind = bytes[0] % KINDS;
    bytes++;
    size--;
    struct record_key key = {.kind = kind == ORDER ? RECORD_ORDER : RECORD_HANDED_OUT};
    if (kind <= HANDED && !take_name(&key, &bytes, &size))
        return 0;
    if (size > RECORD_VALUE_MAX)
        return 0;
    if (kind == ORDER)
        check_order(&key, bytes, size);
    else if (kind == HANDED)
        check_handed(&key, bytes, size);
    else if (kind == STATUS)
        CHECK_VALUE(status, bytes, size);
    else if (kind == FITNESS)
        CHECK_VALUE(fitness, bytes, size);
    else
        CHECK_VALUE(transition, bytes, size);
    return 0;
}
