#include "node/joiners.h"

#include <assert.h>

#define MARK ((uint64_t)1 << 63)

struct joiner *joiners_take(struct joiners *self)
{
    uint64_t number = ++self->count;
    struct joiner *place = &self->places[number % JOINERS_MAX];
    *place = (struct joiner){.ticket = MARK | number};
    return place;
}

bool joiners_is_ticket(uint64_t ticket)
{
    return (ticket & MARK) != 0;
}

struct joiner *joiners_find(struct joiners *self, uint64_t ticket)
{
    assert(joiners_is_ticket(ticket));
    struct joiner *place = &self->places[(ticket & ~MARK) % JOINERS_MAX];
    return place->ticket == ticket ? place : NULL;
}
