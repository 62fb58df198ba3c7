#include "node/dns/answer.h"

#include <ldns/ldns.h>

#include "served_view.h"
#include "unit/suite.h"

enum { WITH_EDNS = 1, WITH_NSID = 2, WITH_DO = 4, VERSION_1 = 8, OVER_TCP = 16 };

static struct served_view served;

/* ---- a question, and its answer in one line ---- */

static size_t make_query(uint8_t *bytes, const char *name, uint16_t type, unsigned how)
{
    static const uint8_t header[12] = {0x12, 0x34, 1, 0, 0, 1};
    size_t size;
    memcpy(bytes, header, sizeof header);
    ck_assert(name_parse(name, bytes + 12, &size));
    size += 12;
    bytes[size++] = (uint8_t)(type >> 8);
    bytes[size++] = (uint8_t)type;
    bytes[size++] = 0;
    bytes[size++] = 1;
    if (how & (WITH_EDNS | WITH_NSID | WITH_DO | VERSION_1)) {
        uint8_t opt[] = {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0};
        opt[6] = (how & VERSION_1) != 0;
        opt[7] = (how & WITH_DO) != 0 ? 0x80U : 0U;
        opt[10] = (how & WITH_NSID) != 0 ? 4U : 0U;
        memcpy(bytes + size, opt, sizeof opt);
        size += how & WITH_NSID ? 15 : 11;
        bytes[11] = 1;
    }
    return size;
}

static void add_section(char *line, const char *title, const ldns_rr_list *list)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        char *text = ldns_rr2str(ldns_rr_list_rr(list, i));
        for (char *at = text; *at != '\0'; at++)
            *at = *at == '\t' ? ' ' : *at;
        text[strlen(text) - 1] = '\0';
        strcat(line, i == 0 ? title : ", ");
        strcat(line, text);
        free(text);
    }
}

/* "NXDOMAIN aa | au: example. 60 IN SOA ..."; ldns is the judge: what it cannot parse fails. */
static const char *render(const uint8_t *bytes, size_t size)
{
    static char line[4096];
    static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                         "NOTIMP",  "REFUSED", "YXDOMAIN"};
    ldns_pkt *packet;
    if (size == 0)
        return "dropped";
    ck_assert_int_eq(ldns_wire2pkt(&packet, bytes, size), LDNS_STATUS_OK);
    ck_assert_int_eq(ldns_pkt_id(packet), 0x1234);
    ck_assert(ldns_pkt_qr(packet));
    snprintf(line, sizeof line, "%s%s%s", rcodes[ldns_pkt_get_rcode(packet)],
             ldns_pkt_aa(packet) ? " aa" : "", ldns_pkt_tc(packet) ? " tc" : "");
    if (ldns_pkt_edns(packet))
        snprintf(line + strlen(line), 64, " edns%s%s", ldns_pkt_edns_do(packet) ? " do" : "",
                 ldns_pkt_edns_extended_rcode(packet) == 1 ? " badvers" : "");
    if (ldns_pkt_edns(packet) && ldns_pkt_edns_data(packet) != NULL) {
        char *hex = ldns_rdf2str(ldns_pkt_edns_data(packet));
        strcat(line, " ");
        strcat(line, hex);
        free(hex);
    }
    add_section(line, " | ", ldns_pkt_answer(packet));
    add_section(line, " | au: ", ldns_pkt_authority(packet));
    add_section(line, " | ad: ", ldns_pkt_additional(packet));
    ldns_pkt_free(packet);
    return line;
}

static struct answer answer_bytes(const uint8_t *query, size_t size, unsigned how, uint8_t *bytes)
{
    struct answer answer;
    struct answer_request request = {
        .view = served.view, .bytes = query, .size = size, .over_tcp = (how & OVER_TCP) != 0};
    answer_query(&request, bytes, how & OVER_TCP ? ANSWER_SIZE_MAX : QUERY_UDP_SIZE_MAX, &answer);
    return answer;
}

static const char *ask_how(const char *name, uint16_t type, unsigned how)
{
    static uint8_t bytes[ANSWER_SIZE_MAX];
    uint8_t query[400];
    struct answer answer = answer_bytes(query, make_query(query, name, type, how), how, bytes);
    return render(bytes, answer.size);
}

static const char *ask(const char *name, uint16_t type)
{
    return ask_how(name, type, 0);
}

static void open_view(void)
{
    served_view_open(&served, served_zone, POOL_LAST_KNOWN_GOOD);
}

#define SOA "example. 60 IN SOA ns1.example. hostmaster.example. 1 3600 600 86400 60"

/* ---- what the zone says ---- */

START_TEST(the_zone_is_answered_as_the_standards_say)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *answer;
    } dialogue[] = {
        {"ns1.example", 1, "NOERROR aa | ns1.example. 300 IN A 192.0.2.53"},
        {"Ns1.eXample", 1, "NOERROR aa | Ns1.eXample. 300 IN A 192.0.2.53"},
        {"example", 6,
         "NOERROR aa | example. 300 IN SOA ns1.example. hostmaster.example. 1 3600 600 86400 60"},
        {"ns1.example", 28, "NOERROR aa | au: " SOA},
        {"no.example", 1, "NXDOMAIN aa | au: " SOA},
        {"b.example", 1, "NOERROR aa | au: " SOA},
        {"www.example", 1,
         "NOERROR aa | www.example. 300 IN CNAME a.b.example., a.b.example. 300 IN A 192.0.2.1, "
         "a.b.example. 300 IN A 192.0.2.2"},
        {"www.example", 28, "NOERROR aa | www.example. 300 IN CNAME a.b.example. | au: " SOA},
        {"www.example", 5, "NOERROR aa | www.example. 300 IN CNAME a.b.example."},
        {"loop1.example", 1,
         "NOERROR aa | loop1.example. 300 IN CNAME loop2.example., loop2.example. 300 IN CNAME "
         "loop1.example."},
        {"out.example", 1, "NOERROR aa | out.example. 300 IN CNAME www.elsewhere."},
        {"x.y.w.example", 16, "NOERROR aa | x.y.w.example. 300 IN TXT \"wild\""},
        {"x.w.example", 1, "NOERROR aa | au: " SOA},
        {"w.example", 16, "NOERROR aa | au: " SOA},
        {"q.d.example", 1,
         "NOERROR | au: d.example. 300 IN NS ns.d.example. | ad: ns.d.example. 300 IN A 192.0.2.9"},
        {"d.example", 43,
         "NOERROR aa | d.example. 300 IN DS 1 13 2 "
         "0000000000000000000000000000000000000000000000000000000000000000"},
        {"a.dn.example", 1,
         "NOERROR aa | dn.example. 300 IN DNAME b.example., a.dn.example. 300 IN CNAME "
         "a.b.example., a.b.example. 300 IN A 192.0.2.1, a.b.example. 300 IN A 192.0.2.2"},
        {"a.b.example", 255,
         "NOERROR aa | a.b.example. 300 IN A 192.0.2.1, a.b.example. 300 IN A 192.0.2.2"},
        {"elsewhere", 1, "REFUSED"},
        {".", 2, "REFUSED"},
        {"example", 252, "REFUSED"},
    };
    open_view();
    for (size_t i = 0; i < sizeof dialogue / sizeof *dialogue; i++)
        ck_assert_str_eq(ask(dialogue[i].name, dialogue[i].type), dialogue[i].answer);
}
END_TEST

START_TEST(a_name_that_a_dname_makes_too_long_is_yxdomain)
{
    char name[300] = "";
    open_view();
    for (int i = 0; i < 3; i++)
        strcat(name, "012345678901234567890123456789012345678901234567890123456789012.");
    strcat(name, "0123456789012345678901234567890123456789012345.dn.example");
    ck_assert_int_eq(strncmp(ask_how(name, 1, OVER_TCP), "NXDOMAIN aa | dn.example.", 25), 0);
    served_view_open(&served,
                     "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n"
                     "dn DNAME a.very.much.longer.name\n",
                     POOL_ALL);
    ck_assert_int_eq(strncmp(ask_how(name, 1, OVER_TCP), "YXDOMAIN aa | dn.example.", 25), 0);
}
END_TEST

/* ---- EDNS ---- */

START_TEST(edns_is_answered_in_kind)
{
    open_view();
    ck_assert_str_eq(ask_how("ns1.example", 1, WITH_EDNS),
                     "NOERROR aa edns | ns1.example. 300 IN A 192.0.2.53");
    ck_assert_str_eq(ask_how("ns1.example", 1, WITH_DO),
                     "NOERROR aa edns do | ns1.example. 300 IN A 192.0.2.53");
    ck_assert_str_eq(ask_how("ns1.example", 1, VERSION_1), "NOERROR edns badvers");
}
END_TEST

START_TEST(nsid_is_sent_only_when_asked_for)
{
    open_view();
    ck_assert_ptr_nonnull(strstr(ask_how("ns1.example", 1, WITH_NSID), "6e7331"));
    ck_assert_ptr_null(strstr(ask_how("ns1.example", 1, WITH_EDNS), "6e7331"));
}
END_TEST

/* ---- pools ---- */

START_TEST(a_balanced_name_is_answered_from_its_pool)
{
    open_view();
    ck_assert_str_eq(ask("stream.example", 1), "NOERROR aa | stream.example. 5 IN A 192.0.2.101");
    ck_assert_str_eq(ask("stream.example", 1), "NOERROR aa | stream.example. 5 IN A 192.0.2.102");
    ck_assert_str_eq(ask("stream.example", 28),
                     "NOERROR aa | stream.example. 5 IN AAAA 2001:db8::101");
    ck_assert_str_eq(ask("stream.example", 16), "NOERROR aa | au: " SOA);
    ck_assert_ptr_nonnull(strstr(ask("play.example", 1), "CNAME stream.example., stream.example."));
}
END_TEST

START_TEST(a_pool_without_facts_is_servfail_with_extended_error_14)
{
    open_view();
    pool_set_ready(served.pool, false);
    ck_assert_str_eq(ask("stream.example", 1), "SERVFAIL");
    ck_assert_ptr_nonnull(strstr(ask_how("stream.example", 1, WITH_EDNS), "000e"));
}
END_TEST

static void make_unfit(void)
{
    for (size_t i = 0; i < 2; i++)
        pool_set_fitness(served.pool, i, POOL_UNFIT);
}

START_TEST(a_last_resort_is_visible_as_such)
{
    open_view();
    make_unfit();
    /* 000f: extended error, 0000: other; "last resort" */
    ck_assert_ptr_nonnull(strstr(ask_how("stream.example", 1, WITH_EDNS), "6c617374"));
    served_view_open(&served, served_zone, POOL_SERVFAIL);
    make_unfit();
    ck_assert_str_eq(ask("stream.example", 1), "SERVFAIL");
    served_view_open(&served, served_zone, POOL_FIXED);
    make_unfit();
    ck_assert_str_eq(ask("stream.example", 1), "NOERROR aa | stream.example. 5 IN A 192.0.2.200");
    ck_assert_str_eq(ask("stream.example", 28), "NOERROR aa | au: " SOA);
}
END_TEST

/* ---- size ---- */

START_TEST(what_does_not_fit_is_truncated_whole_and_whole_over_tcp)
{
    static char zone[65536];
    int used = snprintf(zone, sizeof zone,
                        "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n");
    for (int i = 0; i < 60; i++)
        used += snprintf(zone + used, sizeof zone - (size_t)used,
                         "many TXT \"%02d012345678901234567890123456789\"\n", i);
    served_view_open(&served, zone, POOL_ALL);
    ck_assert_str_eq(ask("many.example", 16), "NOERROR aa tc");
    ck_assert_str_eq(ask_how("many.example", 16, WITH_EDNS), "NOERROR aa tc edns");
    const char *whole = ask_how("many.example", 16, OVER_TCP);
    ck_assert_int_eq(strncmp(whole, "NOERROR aa | many.example.", 26), 0);
    ck_assert_ptr_nonnull(strstr(whole, "\"59012345678901234567890123456789\""));
}
END_TEST

/* ---- what is no query ---- */

START_TEST(what_is_no_query_is_refused_by_its_kind_or_dropped)
{
    static const struct {
        size_t at;
        uint8_t value;
        size_t size; /* 0: as it is */
        const char *answer;
    } changes[] = {
        {2, 0x81, 0, "dropped"},  /* a response */
        {0, 0x12, 11, "dropped"}, /* shorter than a header */
        {2, 0x29, 0, "NOTIMP"},   /* opcode UPDATE */
        {5, 2, 0, "FORMERR"},     /* two questions */
        {5, 0, 0, "FORMERR"},     /* none */
        {7, 1, 0, "FORMERR"},     /* an answer in a question */
        {12, 0xc0, 0, "FORMERR"}, /* a compressed name */
        {12, 64, 0, "FORMERR"},   /* a label of 64 bytes */
        {11, 1, 0, "FORMERR"},    /* an additional record that is not there */
        {28, 3, 0, "REFUSED"},    /* class CH */
    };
    open_view();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        static uint8_t bytes[ANSWER_SIZE_MAX];
        uint8_t query[400];
        size_t size = make_query(query, "ns1.example", 1, 0);
        query[changes[i].at] = changes[i].value;
        struct answer answer =
            answer_bytes(query, changes[i].size == 0 ? size : changes[i].size, 0, bytes);
        ck_assert_str_eq(render(bytes, answer.size), changes[i].answer);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/answer");
    SUITE_CASE(suite, "zone", the_zone_is_answered_as_the_standards_say,
               a_name_that_a_dname_makes_too_long_is_yxdomain);
    SUITE_CASE(suite, "edns", edns_is_answered_in_kind, nsid_is_sent_only_when_asked_for);
    SUITE_CASE(suite, "pool", a_balanced_name_is_answered_from_its_pool,
               a_pool_without_facts_is_servfail_with_extended_error_14,
               a_last_resort_is_visible_as_such);
    SUITE_CASE(suite, "size", what_does_not_fit_is_truncated_whole_and_whole_over_tcp);
    SUITE_CASE(suite, "malformed", what_is_no_query_is_refused_by_its_kind_or_dropped);
    return suite_run(suite);
}
