#include "node/joiners.h"

#include "unit/suite.h"

static struct joiners joiners;

START_TEST(who_waits_is_found_by_its_ticket_until_it_is_answered)
{
    joiners = (struct joiners){0};
    struct joiner *first = joiners_take(&joiners), *second = joiners_take(&joiners);
    uint64_t ticket = first->ticket;
    ck_assert(joiners_is_ticket(ticket));
    ck_assert(!joiners_is_ticket(1));
    ck_assert_uint_ne(ticket, second->ticket);
    ck_assert_ptr_eq(joiners_find(&joiners, ticket), first);
    first->ticket = 0;
    ck_assert_ptr_null(joiners_find(&joiners, ticket));
    ck_assert_ptr_eq(joiners_find(&joiners, second->ticket), second);
}
END_TEST

START_TEST(one_beyond_the_limit_takes_the_place_of_who_waits_longest)
{
    uint64_t tickets[JOINERS_MAX + 1];
    joiners = (struct joiners){0};
    for (size_t i = 0; i <= JOINERS_MAX; i++) {
        struct joiner *place = joiners_take(&joiners);
        tickets[i] = place->ticket;
        place->peer = i;
    }
    ck_assert_ptr_null(joiners_find(&joiners, tickets[0]));
    for (size_t i = 1; i <= JOINERS_MAX; i++) {
        ck_assert_ptr_nonnull(joiners_find(&joiners, tickets[i]));
        ck_assert_uint_eq(joiners_find(&joiners, tickets[i])->peer, i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/joiners");
    SUITE_CASE(suite, "places", who_waits_is_found_by_its_ticket_until_it_is_answered,
               one_beyond_the_limit_takes_the_place_of_who_waits_longest);
    return suite_run(suite);
}
