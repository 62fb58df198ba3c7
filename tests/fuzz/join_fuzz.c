/* Any bytes, as a stranger's JOIN, as its answer, as a token's text and as the records of who may
 * join: what is taken is the same after encoding and decoding.
 *
 * Decoders: replication/join.c node/enrolment.c */
#include "node/enrolment.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct pack_space space;

/* The decoders begin with zeroes, so that what is the same is so byte for byte. */
static void check_join(const uint8_t *bytes, size_t size)
{
    uint8_t again[JOIN_SIZE_MAX];
    struct join first, second;
    if (!join_decode(&first, &space, bytes, size))
        return;
    assert(join_decode(&second, &space, again, join_encode(&first, again)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void check_answer(const uint8_t *bytes, size_t size)
{
    uint8_t again[JOIN_SIZE_MAX];
    struct join_answer first, second;
    if (!join_answer_decode(&first, &space, bytes, size))
        return;
    assert(join_answer_decode(&second, &space, again, join_answer_encode(&first, again)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void check_token(const uint8_t *bytes, size_t size)
{
    char text[JOIN_TEXT_MAX + 1], again[JOIN_TEXT_MAX];
    struct join_token first, second;
    if (size > JOIN_TEXT_MAX)
        return;
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (!join_token_parse(&first, &space, text))
        return;
    assert(join_token_text(&first, again));
    assert(join_token_parse(&second, &space, again));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

/* Both of a record's value. */
#define CHECK_RECORD(kind, key, bytes, size)                                                       \
    do {                                                                                           \
        struct kind first, second;                                                                 \
        uint8_t again[RECORD_VALUE_MAX];                                                           \
        if (!kind##_decode(&first, &space, key, bytes, size))                                      \
            break;                                                                                 \
        assert(kind##_decode(&second, &space, key, again, kind##_encode(&first, again)));          \
        assert(memcmp(&first, &second, sizeof first) == 0);                                        \
    } while (0)

static void check_records(const uint8_t *bytes, size_t size)
{
    struct record_key key;
    if (size > RECORD_VALUE_MAX)
        return;
    token_key("t", &key);
    CHECK_RECORD(token, &key, bytes, size);
    enrolment_key("s", &key);
    CHECK_RECORD(enrolment, &key, bytes, size);
    revocation_key("s", &key);
    CHECK_RECORD(revocation, &key, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (space.zone == NULL)
        pack_space_open(&space);
    check_join(bytes, size);
    check_answer(bytes, size);
    check_token(bytes, size);
    check_records(bytes, size);
    return 0;
}
