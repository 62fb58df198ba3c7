/* Bytes of the Internet to query_parse and answer_query: bounded, to this query, well counted. */
#include <assert.h>

#include "served_view.h"

static struct served_view served;

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* The size of a name that may end in a pointer; 0: it leaves the message. */
static size_t skip_name(const uint8_t *bytes, size_t size, size_t at)
{
    size_t start = at;
    while (at < size && bytes[at] != 0 && bytes[at] < 64)
        at += 1U + bytes[at];
    if (at >= size)
        return 0;
    at += bytes[at] >= 0xc0 ? 2 : 1;
    return at <= size ? at - start : 0;
}

/* Exactly as many records as the header says, and nothing behind them. */
static void walk(const uint8_t *bytes, size_t size)
{
    size_t at = 12;
    size_t questions = read_u16(bytes + 4);
    size_t records = (size_t)read_u16(bytes + 6) + read_u16(bytes + 8) + read_u16(bytes + 10);
    assert(questions <= 1);
    for (size_t i = 0; i < questions + records; i++) {
        size_t name = skip_name(bytes, size, at);
        assert(name > 0);
        at += name + 4;
        if (i >= questions) {
            assert(at + 6 <= size);
            at += 6U + read_u16(bytes + at + 4);
        }
        assert(at <= size);
    }
    assert(at == size);
}

static void check(const uint8_t *query, size_t size, bool over_tcp)
{
    static uint8_t bytes[ANSWER_SIZE_MAX];
    struct answer answer;
    struct answer_request request = {
        .view = served.view, .bytes = query, .size = size, .over_tcp = over_tcp};
    answer_query(&request, bytes, over_tcp ? ANSWER_SIZE_MAX : QUERY_UDP_SIZE_MAX, &answer);
    assert((answer.size == 0) == (answer.reason == ANSWER_DROPPED));
    if (answer.size == 0)
        return;
    assert(answer.size <= (over_tcp ? (size_t)ANSWER_SIZE_MAX : (size_t)QUERY_UDP_SIZE_MAX));
    assert(read_u16(bytes) == read_u16(query));
    assert(bytes[2] & 0x80);
    walk(bytes, answer.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (served.view == NULL)
        served_view_open(&served, served_zone, POOL_ALL);
    check(bytes, size, false);
    check(bytes, size, true);
    return 0;
}
