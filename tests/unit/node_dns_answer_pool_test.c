/* Balanced names in answers: what node/dns/answer.c makes of what a pool says. */
#include "unit/dialogue.h"
#include "unit/suite.h"

static struct dialogue dialogue;

#define SOA "example. 60 SOA ns1.example. admin.example. 7 3600 600 86400 60"

static const char zone[] = "$TTL 300\n"
                           "@          SOA   ns1 admin 7 3600 600 86400 60\n"
                           "@          NS    ns1\n"
                           "ns1        A     192.0.2.53\n"
                           "alias      CNAME stream\n"
                           "text       TXT   \"beside\"\n"
                           "sub        NS    ns1\n"
                           "dn         DNAME tree\n"
                           "addresses  A     192.0.2.1\n"
                           "other      CNAME ns1\n";

enum families { NOBODY = 0, IPV4 = 1, IPV6 = 2, BOTH = 3 };

/* Two members with addresses of these families; NOBODY: no members. */
static struct view_pool_config pool_of(const char *name, const char *owner,
                                       enum pool_last_resort last_resort, enum families families)
{
    static const char *const texts[2][2] = {{"192.0.2.101", "2001:db8::101"},
                                            {"192.0.2.102", "2001:db8::102"}};
    struct view_pool_config config = {.name = name, .ttl_s = 30, .fixed_count = 2};
    struct ip(*addresses)[2] = arena_take_array(&dialogue.arena, 2, sizeof *addresses);
    struct ip *fixed = arena_take_array(&dialogue.arena, 2, sizeof *fixed);
    struct pool_member_config members[2] = {{.capacity = 1}, {.capacity = 1}};
    size_t size;
    for (size_t i = 0; i < 2; i++)
        for (size_t family = 0; family < 2; family++) {
            members[i].has[family] = (families & (1U << family)) != 0;
            if (members[i].has[family])
                ck_assert(ip_parse(texts[i][family], &addresses[i][family]));
        }
    ck_assert(name_parse(owner, config.owner, &size));
    ck_assert(ip_parse("192.0.2.250", &fixed[0]));
    ck_assert(ip_parse("192.0.2.251", &fixed[1]));
    config.addresses = (const struct ip(*)[2])addresses;
    config.fixed = fixed;
    config.pool = pool_init(&(struct pool_config){.member_count = families == NOBODY ? 0 : 2,
                                                  .members = members,
                                                  .group_size = 2,
                                                  .rounds = 1,
                                                  .last_resort = last_resort},
                            &dialogue.arena);
    ck_assert_ptr_nonnull(config.pool);
    return config;
}

/* The zone above with these pools; the complaint, or NULL. */
static const char *build_with(const struct view_pool_config *pools, size_t count)
{
    dialogue_add_zone(&dialogue, "example", zone);
    dialogue.config.pools = pools;
    dialogue.config.pool_count = count;
    return dialogue_build(&dialogue);
}

/* Ready, with as many fit members. */
static void make_ready(struct pool *pool, size_t fit_count)
{
    pool_set_ready(pool, true);
    for (size_t i = 0; i < fit_count; i++)
        pool_set_fitness(pool, i, POOL_FIT);
}

/* One pool at stream.example. */
static struct pool *stream_with(size_t fit_count, enum pool_last_resort last_resort,
                                enum families families)
{
    static struct view_pool_config config;
    dialogue_open(&dialogue);
    config = pool_of("stream", "stream.example", last_resort, families);
    ck_assert_ptr_null(build_with(&config, 1));
    make_ready(config.pool, fit_count);
    return config.pool;
}

START_TEST(a_fit_member_is_answered_with_the_pools_ttl)
{
    stream_with(1, POOL_SERVFAIL, BOTH);
    static const struct dialogue_line lines[] = {
        {"stream.example A", "NOERROR aa | stream.example. 30 A 192.0.2.101"},
        {"StrEam.example AAAA +edns", "NOERROR aa | StrEam.example. 30 AAAA 2001:db8::101 +edns"},
        {"alias.example A",
         "NOERROR aa | alias.example. 300 CNAME stream.example.; stream.example. 30 A 192.0.2.101"},
    };
    dialogue_expect(&dialogue, lines);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_BALANCED);
}
END_TEST

START_TEST(fit_members_take_turns)
{
    stream_with(2, POOL_SERVFAIL, BOTH);
    char first[64];
    snprintf(first, sizeof first, "%s", dialogue_ask(&dialogue, "stream.example A"));
    ck_assert_str_ne(dialogue_ask(&dialogue, "stream.example A"), first);
}
END_TEST

/* RFC 8482: one set, of the family that there is. */
START_TEST(any_at_a_pool_is_one_address)
{
    stream_with(1, POOL_SERVFAIL, BOTH);
    static const struct dialogue_line both[] = {
        {"stream.example ANY", "NOERROR aa | stream.example. 30 A 192.0.2.101"}};
    dialogue_expect(&dialogue, both);
    stream_with(1, POOL_SERVFAIL, IPV6);
    static const struct dialogue_line ipv6[] = {
        {"stream.example ANY", "NOERROR aa | stream.example. 30 AAAA 2001:db8::101"}};
    dialogue_expect(&dialogue, ipv6);
}
END_TEST

START_TEST(a_family_that_no_member_has_is_nodata)
{
    stream_with(2, POOL_SERVFAIL, IPV4);
    static const struct dialogue_line lines[] = {
        {"stream.example AAAA", "NOERROR aa | - | " SOA},
        {"alias.example AAAA", "NOERROR aa | alias.example. 300 CNAME stream.example. | " SOA},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

/* The pool is a name of the zone, though the file does not have it (RFC 4592 §2.2.2). */
START_TEST(other_types_at_a_pool_come_from_the_zone)
{
    struct pool *pool = stream_with(2, POOL_SERVFAIL, BOTH);
    static const struct dialogue_line lines[] = {
        {"stream.example TXT", "NOERROR aa | - | " SOA},
        {"x.stream.example A", "NXDOMAIN aa | - | " SOA},
    };
    dialogue_expect(&dialogue, lines);
    struct pool_state state;
    pool_state(pool, &state);
    ck_assert_uint_eq(state.answers[POOL_CHOSEN], 0);
}
END_TEST

START_TEST(a_pool_stands_beside_records_of_the_zone_and_makes_names_above_it)
{
    static struct view_pool_config pools[3];
    dialogue_open(&dialogue);
    pools[0] = pool_of("text", "text.example", POOL_SERVFAIL, BOTH);
    pools[1] = pool_of("deep", "a.b.example", POOL_SERVFAIL, BOTH);
    pools[2] = pool_of("apex", "example", POOL_SERVFAIL, BOTH);
    ck_assert_ptr_null(build_with(pools, 3));
    for (size_t i = 0; i < 3; i++)
        make_ready(pools[i].pool, 1);
    static const struct dialogue_line lines[] = {
        {"text.example TXT", "NOERROR aa | text.example. 300 TXT \"beside\""},
        {"text.example A", "NOERROR aa | text.example. 30 A 192.0.2.101"},
        {"a.b.example A", "NOERROR aa | a.b.example. 30 A 192.0.2.101"},
        {"b.example A", "NOERROR aa | - | " SOA},
        {"example A", "NOERROR aa | example. 30 A 192.0.2.101"},
        {"example NS", "NOERROR aa | example. 300 NS ns1.example."},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

START_TEST(a_pool_at_a_wildcard_answers_for_every_name)
{
    static struct view_pool_config config;
    dialogue_open(&dialogue);
    config = pool_of("any", "*.example", POOL_SERVFAIL, BOTH);
    ck_assert_ptr_null(build_with(&config, 1));
    make_ready(config.pool, 1);
    static const struct dialogue_line lines[] = {
        {"what.ever.example A", "NOERROR aa | what.ever.example. 30 A 192.0.2.101"},
        {"ns1.example AAAA", "NOERROR aa | - | " SOA},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

/* Not an empty or a wrong answer: the resolver asks the partner. */
START_TEST(a_pool_that_is_not_ready_is_servfail_with_extended_error_14)
{
    pool_set_ready(stream_with(2, POOL_ALL, BOTH), false);
    static const struct dialogue_line lines[] = {
        {"stream.example A", "SERVFAIL"},
        {"stream.example A +edns", "SERVFAIL +edns ede=14(no facts about the servers yet)"},
        {"alias.example A +edns", "SERVFAIL +edns ede=14(no facts about the servers yet)"},
        {"stream.example TXT +edns", "NOERROR aa | - | " SOA " +edns"},
    };
    dialogue_expect(&dialogue, lines);
    dialogue_ask(&dialogue, "stream.example AAAA");
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_SERVFAIL_NOT_READY);
}
END_TEST

START_TEST(without_a_fit_server_the_last_resort_is_answered_and_told)
{
    stream_with(0, POOL_ALL, BOTH);
    const char *heard = dialogue_ask(&dialogue, "stream.example A +edns");
    ck_assert_ptr_eq(strstr(heard, "NOERROR aa | stream.example. 30 A 192.0.2.10"), heard);
    ck_assert_ptr_nonnull(strstr(heard, "+edns ede=0(last resort: no fit server)"));
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_BALANCED_LAST_RESORT);
    stream_with(0, POOL_FIXED, BOTH);
    static const struct dialogue_line fixed[] = {
        {"stream.example A +edns",
         "NOERROR aa | stream.example. 30 A 192.0.2.250; stream.example. 30 A 192.0.2.251 +edns "
         "ede=0(last resort: no fit server)"},
        {"stream.example AAAA", "NOERROR aa | - | " SOA},
    };
    dialogue_expect(&dialogue, fixed);
}
END_TEST

START_TEST(without_a_last_resort_it_is_servfail)
{
    stream_with(0, POOL_SERVFAIL, BOTH);
    static const struct dialogue_line lines[] = {
        {"stream.example A", "SERVFAIL"},
        {"stream.example A +edns", "SERVFAIL +edns ede=0(no fit server)"},
    };
    dialogue_expect(&dialogue, lines);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_SERVFAIL_POOL);
}
END_TEST

START_TEST(a_pool_without_members_is_servfail_or_what_is_fixed)
{
    stream_with(0, POOL_ALL, NOBODY);
    static const struct dialogue_line nobody[] = {
        {"stream.example A +edns", "SERVFAIL +edns ede=0(no fit server)"},
        {"stream.example AAAA +edns", "SERVFAIL +edns ede=0(no fit server)"},
        {"stream.example ANY", "SERVFAIL"},
        {"stream.example TXT", "NOERROR aa | - | " SOA},
    };
    dialogue_expect(&dialogue, nobody);
    stream_with(0, POOL_FIXED, NOBODY);
    static const struct dialogue_line fixed[] = {
        {"stream.example A",
         "NOERROR aa | stream.example. 30 A 192.0.2.250; stream.example. 30 A 192.0.2.251"},
        {"stream.example AAAA", "NOERROR aa | - | " SOA},
        {"stream.example ANY",
         "NOERROR aa | stream.example. 30 A 192.0.2.250; stream.example. 30 A 192.0.2.251"},
    };
    dialogue_expect(&dialogue, fixed);
    ck_assert_int_eq(dialogue.answer.reason, ANSWER_BALANCED_LAST_RESORT);
}
END_TEST

/* A place where nobody would ever be answered is the operator's mistake. */
START_TEST(a_pool_in_the_wrong_place_is_refused_with_a_sentence)
{
    static const struct {
        const char *owner, *sentence;
    } places[] = {
        {"stream.example.org", "pool p: stream.example.org. is in none of the zones"},
        {"sub.example", "pool p: sub.example. is delegated to other name servers"},
        {"x.y.sub.example", "pool p: sub.example. is delegated to other name servers"},
        {"x.dn.example", "pool p: dn.example. has a DNAME, which hides what is below it"},
        {"addresses.example", "pool p: the zone has addresses or a CNAME at addresses.example.: "
                              "remove them there"},
        {"Other.example",
         "pool p: the zone has addresses or a CNAME at other.example.: remove them there"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        static struct view_pool_config config;
        dialogue_open(&dialogue);
        config = pool_of("p", places[i].owner, POOL_ALL, BOTH);
        const char *sentence = build_with(&config, 1);
        ck_assert_ptr_nonnull(sentence);
        ck_assert_str_eq(sentence, places[i].sentence);
    }
}
END_TEST

START_TEST(two_pools_at_one_name_are_refused)
{
    static struct view_pool_config pools[2];
    dialogue_open(&dialogue);
    pools[0] = pool_of("p", "stream.example", POOL_ALL, BOTH);
    pools[1] = pool_of("q", "STREAM.example", POOL_ALL, BOTH);
    const char *sentence = build_with(pools, 2);
    ck_assert_ptr_nonnull(sentence);
    ck_assert_str_eq(sentence, "pool q: pool p answers for stream.example. already");
}
END_TEST

/* The parent's file has an address there, but the name is the child zone's. */
START_TEST(a_pool_below_a_served_childs_apex_is_the_childs)
{
    static struct view_pool_config config;
    dialogue_open(&dialogue);
    dialogue_add_zone(&dialogue, "example",
                      "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\nchild NS a.child\n"
                      "stream.child A 192.0.2.66\na.child A 192.0.2.67\n");
    dialogue_add_zone(&dialogue, "child.example", "$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS a\n");
    config = pool_of("p", "stream.child.example", POOL_ALL, BOTH);
    dialogue.config.pools = &config;
    dialogue.config.pool_count = 1;
    ck_assert_ptr_null(dialogue_build(&dialogue));
    make_ready(config.pool, 1);
    static const struct dialogue_line lines[] = {
        {"stream.child.example A", "NOERROR aa | stream.child.example. 30 A 192.0.2.101"},
    };
    dialogue_expect(&dialogue, lines);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/answer: pools");
    SUITE_CASE(suite, "chosen", a_fit_member_is_answered_with_the_pools_ttl, fit_members_take_turns,
               any_at_a_pool_is_one_address, a_family_that_no_member_has_is_nodata,
               other_types_at_a_pool_come_from_the_zone,
               a_pool_stands_beside_records_of_the_zone_and_makes_names_above_it,
               a_pool_at_a_wildcard_answers_for_every_name);
    SUITE_CASE(suite, "unfit", a_pool_that_is_not_ready_is_servfail_with_extended_error_14,
               without_a_fit_server_the_last_resort_is_answered_and_told,
               without_a_last_resort_it_is_servfail,
               a_pool_without_members_is_servfail_or_what_is_fixed);
    SUITE_CASE(suite, "place", a_pool_in_the_wrong_place_is_refused_with_a_sentence,
               two_pools_at_one_name_are_refused, a_pool_below_a_served_childs_apex_is_the_childs);
    return suite_run(suite);
}
