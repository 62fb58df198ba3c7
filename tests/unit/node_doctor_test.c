#include "node/doctor.h"

#include <stdio.h>
#include <string.h>

#include "unit/said.h"
#include "unit/suite.h"

static struct doctor_check checks[DOCTOR_CHECKS_MAX];

/* A node of a pair with which all is well. */
static struct doctor_facts healthy(void)
{
    return (struct doctor_facts){
        .is_guarded = true,
        .interface = "lan",
        .partner = "ns2",
        .has_family = {true, true},
        .witness_count = 2,
        .witnesses = {{.address = {.family = 4, .bytes = {192, 0, 2, 1}}},
                      {.address = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}}}},
        .is_up = true,
        .has_carrier = true,
        .is_ethernet = true,
        .arp_ignore = 1,
        .arp_announce = 2,
        .are_rights_read = true,
        .rights = 1U << 12 | 1U << 13,
        .is_locked = true,
        .comes_first = true,
        .hears_beats = true,
        .hears_advertisements = true,
        .partner_holds = true,
        .is_tripwire_up = true,
        .has_spare = true,
        .is_partner_heard = true,
        .is_offset_known = true,
        .offset_ms = 1000,
    };
}

/* What is not ok, as "name level, ". */
static const char *complaints(const struct doctor_facts *facts)
{
    size_t count = doctor_examine(facts, checks);
    said[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (checks[i].level != DOCTOR_OK)
            say("%s%s %s", said[0] == '\0' ? "" : ", ", checks[i].name,
                doctor_level_word(checks[i].level));
    return said;
}

static const char *sentence(const char *name)
{
    for (size_t i = 0; i < DOCTOR_CHECKS_MAX && checks[i].name != NULL; i++)
        if (strcmp(checks[i].name, name) == 0)
            return checks[i].sentence;
    ck_abort_msg("no check %s", name);
    return "";
}

START_TEST(a_healthy_node_has_no_complaint)
{
    struct doctor_facts facts = healthy();
    ck_assert_uint_eq(doctor_examine(&facts, checks), 20);
    ck_assert_str_eq(complaints(&facts), "");
    facts.partner_holds = facts.hears_advertisements = false;
    ck_assert_str_eq(complaints(&facts), ""); /* it has nothing to advertise */
}
END_TEST

#define CHANGED(change, expected)                                                                  \
    do {                                                                                           \
        struct doctor_facts facts = healthy();                                                     \
        change;                                                                                    \
        ck_assert_str_eq(complaints(&facts), expected);                                            \
    } while (0)

START_TEST(each_fact_has_its_complaint)
{
    CHANGED(facts.interface_error = "No such device", "interface fail");
    CHANGED(facts.is_up = false, "interface fail");
    CHANGED(facts.has_carrier = false, "interface fail");
    CHANGED(facts.is_ethernet = false, "interface fail");
    CHANGED(facts.arp_ignore = 0, "arp-ignore warn");
    CHANGED(facts.arp_announce = 1, "arp-announce warn");
    CHANGED(facts.arp_announce = DOCTOR_UNREAD, "arp-announce warn");
    CHANGED(facts.drop_gratuitous_arp = 1, "gratuitous-arp warn");
    CHANGED(facts.drop_unsolicited_na = 1, "unsolicited-na warn");
    CHANGED(facts.rp_filter = 1, "");
    CHANGED(facts.rights = 1U << 12, "capabilities fail");
    CHANGED(facts.rights = 1U << 13, "capabilities fail");
    CHANGED(facts.are_rights_read = false, "capabilities warn");
    CHANGED(facts.is_locked = false, "memory warn");
    CHANGED(facts.comes_first = false, "priority warn");
    CHANGED(facts.witness_count = 0, "witness-ipv4 warn, witness-ipv6 warn");
    CHANGED(facts.witness_count = 1, "witness-ipv6 warn");
    CHANGED(facts.witnesses[1].is_silent = true, "witness-ipv6 fail");
    CHANGED(facts.hears_beats = false, "beats fail");
    CHANGED(facts.hears_advertisements = false, "advertisements fail");
    CHANGED(facts.is_tripwire_up = false, "tripwire warn");
    CHANGED(facts.is_unconfirmed = true, "confirmed fail");
    CHANGED(facts.is_spare_refused = true, "spare fail");
    CHANGED(facts.is_spare_taken = true, "spare warn");
    CHANGED(facts.is_partner_heard = false, "records fail");
    CHANGED(facts.is_other_document = true, "document fail");
    CHANGED(facts.is_offset_known = false, "clock warn");
    CHANGED(facts.offset_ms = 1001, "clock warn");
    CHANGED(facts.offset_ms = -1001, "clock warn");
}
END_TEST

START_TEST(one_of_two_silent_witnesses_is_a_warning)
{
    struct doctor_facts facts = healthy();
    facts.witnesses[1] = (struct doctor_witness){.address = {.family = 4, .bytes = {192, 0, 2, 9}},
                                                 .is_silent = true};
    facts.has_family[1] = false;
    ck_assert_str_eq(complaints(&facts), "witness-ipv4 warn");
    ck_assert_str_eq(sentence("witness-ipv4"), "192.0.2.9 does not answer: is that host there?");
}
END_TEST

START_TEST(what_does_not_apply_is_not_examined)
{
    struct doctor_facts facts = healthy();
    facts.partner = NULL;
    facts.hears_beats = false;
    ck_assert_str_eq(complaints(&facts), "");
    facts.interface = NULL;
    ck_assert_str_eq(complaints(&facts), "");
    facts.is_guarded = false;
    ck_assert_uint_eq(doctor_examine(&facts, checks), 1);
    ck_assert_str_eq(complaints(&facts), "guardian fail");
}
END_TEST

START_TEST(a_sentence_says_what_to_do)
{
    struct doctor_facts facts = healthy();
    facts.arp_ignore = 0;
    complaints(&facts);
    ck_assert_str_eq(sentence("arp-ignore"),
                     "arp_ignore is 0: this host answers on the LAN for addresses of its other "
                     "interfaces: sysctl -w net.ipv4.conf.lan.arp_ignore=1");
}
END_TEST

START_TEST(a_key_is_its_owners_alone)
{
    doctor_judge_key("/k/beat.key", NULL, 0100600, &checks[0]);
    ck_assert_int_eq(checks[0].level, DOCTOR_OK);
    doctor_judge_key("/k/beat.key", NULL, 0100640, &checks[0]);
    ck_assert_int_eq(checks[0].level, DOCTOR_FAIL);
    ck_assert_str_eq(checks[0].sentence,
                     "/k/beat.key is open to others (mode 0640): chmod 600 /k/beat.key");
    doctor_judge_key("/k/beat.key", "No such file or directory", 0, &checks[0]);
    ck_assert_int_eq(checks[0].level, DOCTOR_FAIL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/doctor");
    SUITE_CASE(suite, "examine", a_healthy_node_has_no_complaint, each_fact_has_its_complaint,
               one_of_two_silent_witnesses_is_a_warning, what_does_not_apply_is_not_examined,
               a_sentence_says_what_to_do, a_key_is_its_owners_alone);
    return suite_run(suite);
}
