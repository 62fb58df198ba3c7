/* What is advertised of a home, in which order, and from where. */
#include "failover/partner_act.h"

#include "unit/suite.h"

static struct ip ip(const char *text)
{
    struct ip value = {0};
    ck_assert_msg(ip_parse(text, &value), "%s", text);
    return value;
}

static struct partner partner_of_two(void)
{
    struct partner partner = {.settings = {.interval_us = 100000}};
    partner.settings.own[0][0] = ip("192.0.2.11");
    partner.settings.own[0][1] = ip("2001:db8:53::11");
    partner.settings.home[1][0] = ip("192.0.2.54");
    partner.settings.home[1][1] = ip("2001:db8:53::54");
    partner.settings.home[1][2] = ip("fe80::54");
    partner.vrrp[0].source = ip("192.0.2.11");
    partner.vrrp[1].source = ip("fe80::11");
    return partner;
}

static const char *text_of(const struct ip *address)
{
    static char text[IP_TEXT_SIZE];
    return ip_text(address, text);
}

/* RFC 9568 §5.2.9 */
START_TEST(a_link_local_address_is_advertised_first)
{
    struct partner partner = partner_of_two();
    struct ip addresses[PARTNER_HOME_MAX];
    ck_assert_uint_eq(partner_addresses(&partner.settings, 1, 6, addresses), 2);
    ck_assert_str_eq(text_of(&addresses[0]), "fe80::54");
    ck_assert_str_eq(text_of(&addresses[1]), "2001:db8:53::54");
}
END_TEST

START_TEST(each_family_advertises_its_own_addresses_alone)
{
    struct partner partner = partner_of_two();
    struct ip addresses[PARTNER_HOME_MAX];
    ck_assert_uint_eq(partner_addresses(&partner.settings, 1, 4, addresses), 1);
    ck_assert_str_eq(text_of(&addresses[0]), "192.0.2.54");
    ck_assert_uint_eq(partner_addresses(&partner.settings, 0, 4, addresses), 0);
    ck_assert_uint_eq(partner_interval_cs(&partner.settings), 10);
}
END_TEST

START_TEST(only_a_group_of_routers_is_spoken_to_from_the_link_local_address)
{
    struct partner partner = partner_of_two();
    ck_assert_str_eq(text_of(partner_source(&partner, 6)), "2001:db8:53::11");
    partner.settings.is_multicast = true;
    ck_assert_str_eq(text_of(partner_source(&partner, 6)), "2001:db8:53::11");
    partner.settings.has_router = true;
    ck_assert_str_eq(text_of(partner_source(&partner, 6)), "fe80::11");
    ck_assert_str_eq(text_of(partner_source(&partner, 4)), "192.0.2.11");
    partner.settings.is_multicast = false;
    ck_assert_str_eq(text_of(partner_source(&partner, 6)), "2001:db8:53::11");
}
END_TEST

START_TEST(a_note_too_many_is_counted_and_the_others_stay)
{
    static struct partner partner;
    const struct partner_note note = {.home = 1, .was = "backup", .is = "active", .reason = "stop"};
    for (size_t i = 0; i < PARTNER_NOTES_MAX + 2; i++)
        partner_keep_note(&partner, &note);
    ck_assert_uint_eq(partner.note_count, PARTNER_NOTES_MAX);
    ck_assert_uint_eq(partner.notes_lost, 2);
    ck_assert(partner.is_changed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/partner_act");
    SUITE_CASE(suite, "advertised", a_link_local_address_is_advertised_first,
               each_family_advertises_its_own_addresses_alone,
               only_a_group_of_routers_is_spoken_to_from_the_link_local_address);
    SUITE_CASE(suite, "notes", a_note_too_many_is_counted_and_the_others_stay);
    return suite_run(suite);
}
