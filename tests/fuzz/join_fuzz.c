/* Any bytes, as a stranger's JOIN, as its answer, as a token's text and as the records of who may
 * join: what is taken is the same after encoding and decoding. */
#include "node/enrolment.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct pack_space space;

static void check_join(const uint8_t *bytes, size_t size)
{
    uint8_t again[JOIN_SIZE_MAX], twice[JOIN_SIZE_MAX];
    struct join first, second;
    if (!join_decode(&first, &space, bytes, size))
        return;
    size_t encoded = join_encode(&first, again);
    assert(join_decode(&second, &space, again, encoded));
    assert(join_encode(&second, twice) == encoded && memcmp(again, twice, encoded) == 0);
}

static void check_answer(const uint8_t *bytes, size_t size)
{
    uint8_t again[JOIN_SIZE_MAX];
    struct join_answer first, second;
    if (join_answer_decode(&first, &space, bytes, size))
        assert(join_answer_decode(&second, &space, again, join_answer_encode(&first, again)));
}

static void check_token(const uint8_t *bytes, size_t size)
{
    char text[JOIN_TEXT_MAX + 1], again[JOIN_TEXT_MAX];
    struct join_token token;
    if (size > JOIN_TEXT_MAX)
        return;
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (join_token_parse(&token, &space, text))
        assert(join_token_text(&token, again));
}

static void check_records(const uint8_t *bytes, size_t size)
{
    uint8_t value[RECORD_VALUE_MAX];
    struct record_key key;
    struct token token;
    struct enrolment enrolment;
    struct revocation revocation;
    if (size > RECORD_VALUE_MAX)
        return;
    token_key("t", &key);
    if (token_decode(&token, &space, &key, bytes, size))
        assert(token_decode(&token, &space, &key, value, token_encode(&token, value)));
    enrolment_key("s", &key);
    if (enrolment_decode(&enrolment, &space, &key, bytes, size))
        assert(
            enrolment_decode(&enrolment, &space, &key, value, enrolment_encode(&enrolment, value)));
    revocation_key("s", &key);
    if (revocation_decode(&revocation, &space, &key, bytes, size))
        assert(revocation_decode(&revocation, &space, &key, value,
                                 revocation_encode(&revocation, value)));
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
