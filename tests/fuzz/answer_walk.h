/* tests/fuzz/answer_walk.h -- what every answer's bytes must be, read by a walk of its own.
 *
 * Strict where a resolver may be lenient: pointers lead backwards only, counts and lengths fit to
 * the byte, RDATA that is a name is one whole name, OPT is last and at the root. */
#ifndef TANDEM_TESTS_FUZZ_ANSWER_WALK_H
#define TANDEM_TESTS_FUZZ_ANSWER_WALK_H

#include <assert.h>
#include <string.h>

#include "node/dns/answer.h"

static inline unsigned walk_u16(const uint8_t *bytes)
{
    return (unsigned)(bytes[0] << 8 | bytes[1]);
}

/* The offset behind the name at this offset; its labels, however pointed to, are whole. */
static inline size_t walk_name(const uint8_t *bytes, size_t size, size_t at)
{
    size_t end = 0, name_bytes = 0, lowest = at;
    for (;;) {
        assert(at < size);
        unsigned label = bytes[at];
        if (label >= 0xc0) {
            assert(at + 2 <= size);
            end = end == 0 ? at + 2 : end;
            at = walk_u16(bytes + at) & 0x3fff;
            assert(at >= QUERY_HEADER_SIZE);
            assert(at < lowest);
            lowest = at;
            continue;
        }
        assert(label <= NAME_LABEL_MAX);
        name_bytes += 1 + label;
        assert(name_bytes <= NAME_SIZE_MAX);
        at += 1 + label;
        if (label == 0)
            return end == 0 ? at : end;
    }
}

/* The offset behind the record at this offset. */
static inline size_t walk_record(const uint8_t *bytes, size_t size, size_t at, bool is_last)
{
    bool is_root = bytes[at] == 0;
    at = walk_name(bytes, size, at);
    assert(at + 10 <= size);
    unsigned type = walk_u16(bytes + at), class = walk_u16(bytes + at + 2);
    size_t rdata_size = walk_u16(bytes + at + 8);
    at += 10;
    assert(rdata_size <= size - at);
    if (type == 41)
        assert(is_last && is_root);
    else
        assert(class == 1);
    if (type == 2 || type == 5 || type == 39)
        assert(walk_name(bytes, at + rdata_size, at) == at + rdata_size);
    if (type == 1)
        assert(rdata_size == 4);
    if (type == 28)
        assert(rdata_size == 16);
    return at + rdata_size;
}

/* An answer to these bytes of a query, at most limit bytes long. */
static inline void walk_answer(const uint8_t *query, const uint8_t *bytes, size_t size,
                               size_t limit)
{
    assert(size >= QUERY_HEADER_SIZE);
    assert(size <= limit);
    assert(memcmp(bytes, query, 2) == 0);
    assert((bytes[2] & 0x80) != 0);                 /* QR */
    assert((bytes[2] & 0x79) == (query[2] & 0x79)); /* opcode and RD as asked */
    assert((bytes[3] & 0xe0) == 0);                 /* no RA, Z, AD */
    unsigned questions = walk_u16(bytes + 4), records = 0;
    assert(questions <= 1);
    size_t at = QUERY_HEADER_SIZE;
    if (questions == 1) {
        at = walk_name(bytes, size, at) + 4;
        assert(at <= size);
        assert(memcmp(bytes + 12, query + 12, at - 12) == 0);
    }
    for (size_t section = 0; section < 3; section++)
        records += walk_u16(bytes + 6 + 2 * section);
    for (; records > 0; records--)
        at = walk_record(bytes, size, at, records == 1);
    assert(at == size);
    if (bytes[2] & 2) /* TC: nothing but question and OPT */
        assert(walk_u16(bytes + 6) == 0 && walk_u16(bytes + 8) == 0);
}

/* Ask over UDP and TCP, and walk what comes. The reason of the second. */
static inline enum answer_reason walk_ask(const struct view *view, const uint8_t *query,
                                          size_t size)
{
    static uint8_t bytes[ANSWER_SIZE_MAX];
    struct answer answer;
    for (int over_tcp = 0; over_tcp < 2; over_tcp++) {
        struct answer_request request = {
            .view = view, .bytes = query, .size = size, .over_tcp = over_tcp == 1};
        size_t limit = over_tcp ? ANSWER_SIZE_MAX : QUERY_UDP_SIZE_MAX;
        answer_query(&request, bytes, limit, &answer);
        assert((answer.size == 0) == (answer.reason == ANSWER_DROPPED));
        if (answer.size > 0)
            walk_answer(query, bytes, answer.size, limit);
    }
    return answer.reason;
}

#endif
