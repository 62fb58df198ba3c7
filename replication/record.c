#include "replication/record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    NODE_SHIFT = 63,      /* of an order's sequence */
    RANK_WRITER_BITS = 6, /* which node, and 5 of its life */
    RANK_BELOW_BITS = RANK_WRITER_BITS + 1,
    RANK_COUNTER_MAX = RECORD_ORDER_RANK_MAX >> RANK_BELOW_BITS
};

static const uint64_t order_is_end = 1; /* of an order's sequence */

static const char *const kind_names[] = {
    [RECORD_REPORT] = "report",   [RECORD_HANDED_OUT] = "handed-out",
    [RECORD_NODE] = "node",       [RECORD_ORDER] = "order",
    [RECORD_FITNESS] = "fitness", [RECORD_TRANSITION] = "transition",
};

struct record_version record_order_version(uint64_t counter, uint8_t number, uint64_t boot)
{
    assert(counter > 0 && (number == 1 || number == 2));
    uint64_t sequence = (uint64_t)(number - 1) << NODE_SHIFT | boot >> 1;
    return (struct record_version){counter, sequence & ~order_is_end};
}

struct record_version record_order_end(struct record_version version)
{
    return (struct record_version){version.incarnation, version.sequence | order_is_end};
}

uint8_t record_order_number(struct record_version version)
{
    return (uint8_t)(1 + (version.sequence >> NODE_SHIFT));
}

uint32_t record_order_rank(struct record_version version)
{
    if (version.incarnation >= RANK_COUNTER_MAX)
        return RECORD_ORDER_RANK_MAX;
    return (uint32_t)(version.incarnation << RANK_BELOW_BITS |
                      version.sequence >> (64 - RANK_WRITER_BITS) << 1 |
                      (version.sequence & order_is_end));
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int record_compare(struct record_version a, struct record_version b)
{
    int by_incarnation = compare(a.incarnation, b.incarnation);
    return by_incarnation != 0 ? by_incarnation : compare(a.sequence, b.sequence);
}

bool record_name_is_valid(const char *name, size_t size)
{
    if (size == 0 || size > RECORD_NAME_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return true;
}

bool record_kind_is_known(uint64_t kind)
{
    return kind >= RECORD_REPORT && kind <= RECORD_TRANSITION;
}

bool record_kind_is_nodes(enum record_kind kind)
{
    return kind != RECORD_REPORT && kind != RECORD_ORDER;
}

bool record_key_equal(const struct record_key *a, const struct record_key *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

bool record_is_written_by(const struct record_key *key, const char *writer)
{
    size_t size = strlen(writer);
    assert(size > 0);
    switch (key->kind) {
    case RECORD_REPORT:
    case RECORD_NODE:
    case RECORD_FITNESS:
        return strcmp(key->name, writer) == 0;
    case RECORD_HANDED_OUT:
    case RECORD_TRANSITION:
        return strncmp(key->name, writer, size) == 0 && key->name[size] == '/';
    case RECORD_ORDER:
        return true;
    }
    return false;
}

void record_key_text(const struct record_key *key, char *text, size_t size)
{
    assert(size > 0);
    assert(record_kind_is_known(key->kind));
    snprintf(text, size, "%s %s", kind_names[key->kind], key->name);
}
