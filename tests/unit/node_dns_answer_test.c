#include "node/dns/answer.h"

#include "unit/dialogue.h"
#include "unit/suite.h"

static struct dialogue dialogue;

/* The SOA of negative answers: TTL 60, its MINIMUM, which is less than its own TTL. */
#define SOA "example. 60 SOA ns1.example. admin.example. 7 3600 600 86400 60"

static const char zone[] = "$TTL 300\n"
                           "@       SOA   ns1 admin 7 3600 600 86400 60\n"
                           "@       NS    ns1\n"
                           "ns1     A     192.0.2.53\n"
                           "www     A     192.0.2.80\n"
                           "www     A     192.0.2.81\n"
                           "www     TXT   \"hello\"\n"
                           "Mixed   A     192.0.2.82\n"
                           "alias   CNAME www\n"
                           "twice   CNAME alias\n"
                           "away    CNAME www.example.org.\n"
                           "lost    CNAME nosuch\n"
                           "void    CNAME ns1\n"
                           "round   CNAME robin\n"
                           "robin   CNAME round\n"
                           "self    CNAME self\n"
                           "a.ent   A     192.0.2.1\n"
                           "*.wild  TXT   \"any\"\n"
                           "x.wild  A     192.0.2.2\n"
                           "*.star  CNAME www\n"
                           "*.loop  CNAME a.loop\n"
                           "dn      DNAME tree\n"
                           "dn      TXT   \"beside\"\n"
                           "hid.dn  A     192.0.2.66\n"
                           "a.tree  A     192.0.2.3\n"
                           "out     DNAME example.org.\n"
                           "up.down DNAME down\n"
                           "sub     NS    ns1.sub\n"
                           "sub     NS    ns1.example.org.\n"
                           "sub     NS    ns1\n"
                           "sub     DS    1 8 2 00112233\n"
                           "ns1.sub A     192.0.2.54\n"
                           "ns1.sub AAAA  2001:db8::54\n"
                           "sib     NS    ns1.sub\n"
                           "tosub   CNAME x.sub\n"
                           "two     NS    ns.example.org.\n"
                           "two     NS    ns.two\n"
                           "ns.two  A     192.0.2.55\n"
                           "*.every DNAME every\n";

START_TEST(what_is_there_is_answered)
{
    static const struct dialogue_line lines[] = {
        {"www.example A",
         "NOERROR aa | www.example. 300 A 192.0.2.80; www.example. 300 A 192.0.2.81"},
        {"www.example TXT", "NOERROR aa | www.example. 300 TXT \"hello\""},
        {"example SOA",
         "NOERROR aa | example. 300 SOA ns1.example. admin.example. 7 3600 600 86400 60"},
        {"example NS", "NOERROR aa | example. 300 NS ns1.example."},
        {"ns1.example A +rd", "NOERROR aa | ns1.example. 300 A 192.0.2.53"},
        {"ns1.example A +cd", "NOERROR aa | ns1.example. 300 A 192.0.2.53"},
        {"a.ent.example A", "NOERROR aa | a.ent.example. 300 A 192.0.2.1"},
        /* The case of the question is kept; the zone's does not matter. */
        {"WwW.eXample TXT", "NOERROR aa | WwW.eXample. 300 TXT \"hello\""},
        {"mixed.example A", "NOERROR aa | mixed.example. 300 A 192.0.2.82"},
        /* A type nobody has heard of is a type (RFC 3597). */
        {"www.example TYPE65280", "NOERROR aa | - | " SOA},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_NODATA);
}
END_TEST

START_TEST(what_is_not_there_is_denied_with_the_soa)
{
    static const struct dialogue_line lines[] = {
        {"www.example AAAA", "NOERROR aa | - | " SOA},
        {"nosuch.example A", "NXDOMAIN aa | - | " SOA},
        {"a.b.c.nosuch.example A", "NXDOMAIN aa | - | " SOA},
        {"x.www.example A", "NXDOMAIN aa | - | " SOA},
        /* RFC 8020, RFC 4592 §2.2.2: a name with names below it exists. */
        {"ent.example A", "NOERROR aa | - | " SOA},
        {"b.ent.example A", "NXDOMAIN aa | - | " SOA},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_NXDOMAIN);
}
END_TEST

START_TEST(aliases_are_followed_within_the_zone)
{
    static const struct dialogue_line lines[] = {
        {"alias.example TXT",
         "NOERROR aa | alias.example. 300 CNAME www.example.; www.example. 300 TXT \"hello\""},
        {"twice.example TXT",
         "NOERROR aa | twice.example. 300 CNAME alias.example.; alias.example. 300 CNAME "
         "www.example.; www.example. 300 TXT \"hello\""},
        {"alias.example CNAME", "NOERROR aa | alias.example. 300 CNAME www.example."},
        {"alias.example ANY", "NOERROR aa | alias.example. 300 CNAME www.example."},
        {"away.example A", "NOERROR aa | away.example. 300 CNAME www.example.org."},
        /* RFC 6604 §2: the rcode is that of the last name. */
        {"lost.example A", "NXDOMAIN aa | lost.example. 300 CNAME nosuch.example. | " SOA},
        {"void.example TXT", "NOERROR aa | void.example. 300 CNAME ns1.example. | " SOA},
        /* An alias is authoritative, though what it leads to is delegated. */
        {"tosub.example A", "NOERROR aa | tosub.example. 300 CNAME x.sub.example. | sub.example. "
                            "300 NS ns1.sub.example.; "
                            "sub.example. 300 NS ns1.example.org.; sub.example. 300 NS "
                            "ns1.example. | ns1.sub.example. "
                            "300 A 192.0.2.54; ns1.sub.example. 300 AAAA 2001:db8::54"},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(aliases_in_a_circle_are_told_once)
{
    static const struct dialogue_line lines[] = {
        {"round.example A", "NOERROR aa | round.example. 300 CNAME robin.example.; robin.example. "
                            "300 CNAME round.example."},
        {"self.example A", "NOERROR aa | self.example. 300 CNAME self.example."},
        {"b.loop.example A", "NOERROR aa | b.loop.example. 300 CNAME a.loop.example.; "
                             "a.loop.example. 300 CNAME a.loop.example."},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(wildcards_stand_for_names_that_are_not_there)
{
    static const struct dialogue_line lines[] = {
        {"q.wild.example TXT", "NOERROR aa | q.wild.example. 300 TXT \"any\""},
        {"q.r.wild.example TXT", "NOERROR aa | q.r.wild.example. 300 TXT \"any\""},
        {"q.wild.example A", "NOERROR aa | - | " SOA},
        {"x.wild.example TXT", "NOERROR aa | - | " SOA},
        {"q.x.wild.example TXT", "NXDOMAIN aa | - | " SOA},
        {"wild.example TXT", "NOERROR aa | - | " SOA},
        {"*.wild.example TXT", "NOERROR aa | *.wild.example. 300 TXT \"any\""},
        {"q.*.wild.example TXT", "NXDOMAIN aa | - | " SOA},
        {"q.star.example TXT",
         "NOERROR aa | q.star.example. 300 CNAME www.example.; www.example. 300 TXT \"hello\""},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(a_dname_renames_what_is_below_it)
{
    static const struct dialogue_line lines[] = {
        {"a.dn.example A", "NOERROR aa | dn.example. 300 DNAME tree.example.; a.dn.example. 300 "
                           "CNAME a.tree.example.; "
                           "a.tree.example. 300 A 192.0.2.3"},
        {"A.dn.example CNAME", "NOERROR aa | dn.example. 300 DNAME tree.example.; A.dn.example. "
                               "300 CNAME A.tree.example."},
        {"b.dn.example A", "NXDOMAIN aa | dn.example. 300 DNAME tree.example.; b.dn.example. 300 "
                           "CNAME b.tree.example. | " SOA},
        {"x.out.example A", "NOERROR aa | out.example. 300 DNAME example.org.; x.out.example. 300 "
                            "CNAME x.example.org."},
        {"dn.example TXT", "NOERROR aa | dn.example. 300 TXT \"beside\""},
        {"dn.example A", "NOERROR aa | - | " SOA},
        {"dn.example DNAME", "NOERROR aa | dn.example. 300 DNAME tree.example."},
        /* RFC 6672 §2.4: what stands below it is not seen. */
        {"hid.dn.example A", "NXDOMAIN aa | dn.example. 300 DNAME tree.example.; hid.dn.example. "
                             "300 CNAME hid.tree.example. | " SOA},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

/* It leads twice through itself, or to itself: the set is in the answer already. */
START_TEST(a_dname_is_told_once)
{
    static const struct dialogue_line lines[] = {
        {"a.up.up.down.example A",
         "NXDOMAIN aa | up.down.example. 300 DNAME down.example.; a.up.up.down.example. 300 "
         "CNAME a.up.down.example.; a.up.down.example. 300 CNAME a.down.example. | " SOA},
        {"up.up.down.example DNAME",
         "NOERROR aa | up.down.example. 300 DNAME down.example.; up.up.down.example. 300 "
         "CNAME up.down.example."},
        /* A wildcard's is another's when it stands for another name. */
        {"a.*.every.example DNAME",
         "NOERROR aa | *.every.example. 300 DNAME every.example.; a.*.every.example. 300 CNAME "
         "a.every.example.; a.every.example. 300 DNAME every.example."},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

/* Two labels of 63 bytes, 128 bytes in all, under a target of 127 or 128 bytes. */
START_TEST(a_dname_to_a_name_too_long_is_yxdomain)
{
    static const char *const heard[] = {"NOERROR aa | d.example. 300 DNAME",
                                        "YXDOMAIN aa | d.example. 300 DNAME"};
    for (int more = 0; more < 2; more++) {
        char text[1024], question[512];
        snprintf(text, sizeof text, "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\nd DNAME %063d.%0*d.\n",
                 0, 61 + more, 0);
        dialogue_with(&dialogue, "example", text);
        snprintf(question, sizeof question, "%063d.%063d.d.example A +edns", 0, 0);
        const char *said = dialogue_ask(&dialogue, question);
        ck_assert_ptr_eq(strstr(said, heard[more]), said);
        ck_assert_int_eq(strstr(said, "CNAME") != NULL, more == 0);
    }
}
END_TEST

START_TEST(delegations_are_referred_with_glue_and_without_authority)
{
    static const char referral[] =
        "NOERROR | - | sub.example. 300 NS ns1.sub.example.; sub.example. 300 NS ns1.example.org.; "
        "sub.example. 300 NS "
        "ns1.example. | ns1.sub.example. 300 A 192.0.2.54; ns1.sub.example. 300 AAAA 2001:db8::54";
    static const struct dialogue_line lines[] = {
        {"sub.example A", referral},
        {"sub.example NS", referral},
        {"sub.example ANY", referral},
        {"x.y.sub.example TXT", referral},
        {"ns1.sub.example A", referral},
        /* RFC 4035 §3.1.4.1: DS is the parent's. */
        {"sub.example DS", "NOERROR aa | sub.example. 300 DS 1 8 2 00112233"},
        {"sib.example DS", "NOERROR aa | - | " SOA},
        {"x.sub.example DS", referral},
        /* The address of a sibling's server, which nobody else may know (RFC 9471 §2.2). */
        {"two.example A",
         "NOERROR | - | two.example. 300 NS ns.example.org.; two.example. 300 NS ns.two.example. | "
         "ns.two.example. 300 A 192.0.2.55"},
        {"sib.example A +do",
         "NOERROR | - | sib.example. 300 NS ns1.sub.example. | ns1.sub.example. 300 A 192.0.2.54; "
         "ns1.sub.example. 300 AAAA 2001:db8::54 +edns do"},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_REFERRAL);
    const char *heard = dialogue_ask(&dialogue, "x.sub.example A +do");
    ck_assert_ptr_nonnull(strstr(heard, "sub.example. 300 DS 1 8 2 00112233"));
}
END_TEST

START_TEST(any_is_answered_with_one_record_set)
{
    static const struct dialogue_line lines[] = {
        {"www.example ANY",
         "NOERROR aa | www.example. 300 A 192.0.2.80; www.example. 300 A 192.0.2.81"},
        {"ent.example ANY", "NOERROR aa | - | " SOA},
        {"nosuch.example ANY", "NXDOMAIN aa | - | " SOA},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(what_is_not_ours_is_refused)
{
    static const struct dialogue_line lines[] = {
        {"www.example.org A", "REFUSED"},
        {". NS", "REFUSED"},
        {"xexample A", "REFUSED"},
        {"www.example.org A +edns", "REFUSED +edns ede=20"},
        {"www.example A +class=3", "REFUSED"},
        {"www.example A +class=255 +edns", "REFUSED +edns ede=20"},
        {"example AXFR", "REFUSED"},
        {"example AXFR +edns", "REFUSED +edns ede=18"},
        {"example IXFR", "REFUSED"},
        {"example MAILB", "NOTIMPL"},
        {"example TSIG", "NOTIMPL"},
        {"example TYPE41", "NOTIMPL"},
        {"example TYPE0", "NOTIMPL"},
        {"example TYPE128 +edns", "FORMERR +edns ede=30"},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(edns_is_answered_with_edns)
{
    static const struct dialogue_line lines[] = {
        {"www.example TXT +edns", "NOERROR aa | www.example. 300 TXT \"hello\" +edns"},
        {"www.example TXT +do", "NOERROR aa | www.example. 300 TXT \"hello\" +edns do"},
        {"www.example TXT +nsid", "NOERROR aa | www.example. 300 TXT \"hello\" +edns nsid=solo"},
        {"www.example TXT +size=0", "NOERROR aa | www.example. 300 TXT \"hello\" +edns"},
        {"www.example TXT +version=1", "BADVERS +edns"},
        {"www.example TXT +version=1 +nsid", "BADVERS +edns"},
        {"nosuch.example A +nsid +do", "NXDOMAIN aa | - | " SOA " +edns do nsid=solo"},
    };
    dialogue_with(&dialogue, "example", zone);
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(an_answer_that_does_not_fit_is_empty_with_tc)
{
    char text[8192];
    int size = snprintf(text, sizeof text, "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
    for (int i = 0; i < 70; i++)
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "big A 192.0.2.%d\nbig TXT \"text %d\"\n", i, i);
    dialogue_with(&dialogue, "example", text);
    static const struct dialogue_line lines[] = {
        {"big.example A", "NOERROR aa tc"},
        {"big.example A +size=600 +nsid", "NOERROR aa tc +edns nsid=solo"},
    };
    dialogue_expect(&dialogue, lines);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_TRUNCATED);
    dialogue_ask(&dialogue, "big.example TXT +size=4096"); /* what we send at most is less */
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_TRUNCATED);
    dialogue_ask(&dialogue, "big.example A +edns");
    ck_assert_uint_eq(dialogue.answer.size, 12 + 17 + 70 * 16 + 11);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_POSITIVE);
    dialogue_ask(&dialogue, "big.example A +tcp");
    ck_assert_uint_eq(dialogue.answer.size, 12 + 17 + 70 * 16);
}
END_TEST

/* 1232 bytes are taken to the last one: the OPT record claims no more than it needs. */
START_TEST(an_answer_that_just_fits_is_whole)
{
    char text[4096];
    for (int more = 0; more < 2; more++) {
        int size = snprintf(text, sizeof text, "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
        for (int i = 0; i < 4; i++)
            size += snprintf(text + size, sizeof text - (size_t)size, "t TXT \"%d%0250d\"\n", i, 0);
        /* header 12, question 15, OPT 11; 4 x 264 so far: 138 are left, of which 13 for its own */
        snprintf(text + size, sizeof text - (size_t)size, "t TXT \"%0*d\"\n", 125 + more, 0);
        dialogue_with(&dialogue, "example", text);
        dialogue_ask(&dialogue, "t.example TXT +edns");
        ck_assert_int_eq(dialogue.answer.reason, more == 0 ? ANSWER_POSITIVE : ANSWER_TRUNCATED);
        if (more == 0)
            ck_assert_uint_eq(dialogue.answer.size, QUERY_UDP_SIZE_MAX);
    }
}
END_TEST

/* Two bytes point to the question's name, its end or a name in RDATA. */
START_TEST(owners_are_compressed)
{
    dialogue_with(&dialogue, "example", zone);
    dialogue_ask(&dialogue, "nosuch.example A");
    ck_assert_uint_eq(dialogue.answer.size, 12 + 20 + 12 + 13 + 15 + 20);
    dialogue_ask(&dialogue, "x.sib.example A");
    ck_assert_uint_eq(dialogue.answer.size, 12 + 19 + (12 + 17) + (12 + 4) + (12 + 16));
}
END_TEST

START_TEST(the_root_can_be_a_zone)
{
    dialogue_with(&dialogue, ".",
                  "$TTL 300\n. SOA a b 1 2 3 4 5\n. NS a.\norg NS ns.org\nns.org A 192.0.2.1\n");
    static const struct dialogue_line lines[] = {
        {". NS", "NOERROR aa | . 300 NS a."},
        {"nosuch A", "NXDOMAIN aa | - | . 5 SOA a. b. 1 2 3 4 5"},
        {". A", "NOERROR aa | - | . 5 SOA a. b. 1 2 3 4 5"},
        {"www.org A", "NOERROR | - | org. 300 NS ns.org. | ns.org. 300 A 192.0.2.1"},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

/* Asked with bytes, as words cannot be so wrong. */
static struct answer answer_bytes(const uint8_t *bytes, size_t size, uint8_t *reply)
{
    struct answer answer;
    struct answer_request request = {.view = dialogue.view, .bytes = bytes, .size = size};
    answer_query(&request, reply, QUERY_UDP_SIZE_MAX, &answer);
    return answer;
}

START_TEST(what_cannot_be_read_is_answered_as_far_as_it_goes)
{
    uint8_t reply[QUERY_UDP_SIZE_MAX];
    dialogue_with(&dialogue, "example", zone);
    static const uint8_t status[12] = {1, 2, 0x11, 0, 0, 1}; /* opcode STATUS, RD */
    struct answer answer = answer_bytes(status, sizeof status, reply);
    ck_assert_int_eq(answer.reason, ANSWER_NOTIMP);
    ck_assert_uint_eq(answer.size, 12);
    ck_assert_mem_eq(reply, "\1\2\x91\4\0\0\0\0\0\0\0\0", 12);
    static const uint8_t no_question[12] = {1, 2, 0, 0};
    answer = answer_bytes(no_question, sizeof no_question, reply);
    ck_assert_int_eq(answer.reason, ANSWER_FORMERR);
    ck_assert_mem_eq(reply, "\1\2\x80\1\0\0\0\0\0\0\0\0", 12);
    static const uint8_t trailing[] = {1, 2, 0, 0,   0, 1, 0, 0, 0, 0,
                                       0, 0, 1, 'A', 0, 0, 1, 0, 1, 9};
    answer = answer_bytes(trailing, sizeof trailing, reply);
    ck_assert_int_eq(answer.query_reason, QUERY_FORMERR_TRAILING);
    ck_assert_uint_eq(answer.size, sizeof trailing - 1);
    ck_assert_mem_eq(reply, "\1\2\x80\1\0\1\0\0\0\0\0\0\1A\0\0\1\0\1", sizeof trailing - 1);
}
END_TEST

START_TEST(responses_and_scraps_are_dropped)
{
    uint8_t reply[QUERY_UDP_SIZE_MAX];
    static const uint8_t response[12] = {1, 2, 0x80, 0, 0, 1};
    dialogue_with(&dialogue, "example", zone);
    ck_assert_uint_eq(answer_bytes(response, sizeof response, reply).size, 0);
    ck_assert_uint_eq(answer_bytes(response, 11, reply).size, 0);
    ck_assert_int_eq(answer_bytes(response, 0, reply).reason, ANSWER_DROPPED);
}
END_TEST

START_TEST(every_reason_has_a_word_of_its_own)
{
    for (int i = 0; i < ANSWER_REASON_COUNT; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(answer_reason_text((enum answer_reason)i),
                             answer_reason_text((enum answer_reason)j));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/answer");
    SUITE_CASE(suite, "positive", what_is_there_is_answered, any_is_answered_with_one_record_set,
               the_root_can_be_a_zone, owners_are_compressed);
    SUITE_CASE(suite, "negative", what_is_not_there_is_denied_with_the_soa,
               what_is_not_ours_is_refused);
    SUITE_CASE(suite, "alias", aliases_are_followed_within_the_zone,
               aliases_in_a_circle_are_told_once, a_dname_renames_what_is_below_it,
               a_dname_is_told_once, a_dname_to_a_name_too_long_is_yxdomain);
    SUITE_CASE(suite, "wildcard", wildcards_stand_for_names_that_are_not_there);
    SUITE_CASE(suite, "referral", delegations_are_referred_with_glue_and_without_authority);
    SUITE_CASE(suite, "edns", edns_is_answered_with_edns,
               an_answer_that_does_not_fit_is_empty_with_tc, an_answer_that_just_fits_is_whole);
    SUITE_CASE(suite, "bytes", what_cannot_be_read_is_answered_as_far_as_it_goes,
               responses_and_scraps_are_dropped, every_reason_has_a_word_of_its_own);
    return suite_run(suite);
}
