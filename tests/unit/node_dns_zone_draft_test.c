#include "node/dns/zone_draft.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static alignas(16) uint8_t memory[4 << 20];
static struct arena arena;
static struct zone_draft draft;
static char error[ZONE_ERROR_MAX];

/* Add a record at line 7; the sentence, or "added". */
static const char *add(const char *owner, const char *type, const char *data)
{
    static struct zone_rdata rdata;
    uint8_t name[NAME_SIZE_MAX];
    size_t size;
    ck_assert(name_parse(owner, name, &size));
    ck_assert_msg(zone_rdata_read(&rdata, type, data, (const uint8_t *)"\1z"), "%s", rdata.mistake);
    return zone_draft_add(&draft, 7, name, 300, &rdata) ? "added" : error;
}

/* A new draft with what every zone has. */
static void begin(void)
{
    arena_init(&arena, memory, sizeof memory);
    error[0] = '\0';
    ck_assert(zone_draft_open(&draft, "f", (const uint8_t *)"\1Z", &arena, error));
    ck_assert_str_eq(add("z", "SOA", "a b 1 2 3 4 5"), "added");
    ck_assert_str_eq(add("z", "NS", "n"), "added");
}

START_TEST(a_record_that_is_there_already_is_dropped)
{
    struct zone zone;
    begin();
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(add("z", "SOA", "a b 1 2 3 4 5"), "added");
        ck_assert_str_eq(add("z", "NS", i == 0 ? "N" : "n"), "added");
        ck_assert_str_eq(add("a.z", "A", "1.2.3.4"), "added");
        ck_assert_str_eq(add("c.z", "CNAME", i == 0 ? "X" : "x"), "added");
        ck_assert_str_eq(add("t.z", "TXT", i == 0 ? "X" : "x"), "added");
    }
    ck_assert(zone_draft_finish(&draft, &zone));
    ck_assert_uint_eq(zone.record_count, 6); /* the texts are two */
}
END_TEST

START_TEST(an_alias_stands_alone)
{
    static const char sentence[] =
        "f:7: found a CNAME beside other records, expected it alone at a.z.";
    begin();
    ck_assert_str_eq(add("a.z", "CNAME", "x"), "added");
    ck_assert_str_eq(add("a.z", "A", "1.2.3.4"), sentence);
    ck_assert_str_eq(add("a.z", "DNAME", "x"), sentence);
    ck_assert_str_eq(add("a.z", "CNAME", "y"), "f:7: found a second CNAME, expected one at a.z.");
    /* RFC 4034 §2.4: but its signature and proof. */
    ck_assert_str_eq(add("a.z", "NSEC", "b.z. CNAME RRSIG NSEC"), "added");
    begin();
    ck_assert_str_eq(add("a.z", "NSEC", "b.z. CNAME RRSIG NSEC"), "added");
    ck_assert_str_eq(add("a.z", "CNAME", "x"), "added");
    begin();
    ck_assert_str_eq(add("a.z", "A", "1.2.3.4"), "added");
    ck_assert_str_eq(add("a.z", "CNAME", "x"), sentence);
    ck_assert_str_eq(add("z", "CNAME", "x"),
                     "f:7: found a CNAME beside other records, expected it alone at z.");
}
END_TEST

START_TEST(a_name_has_one_dname_and_a_zone_one_soa)
{
    begin();
    ck_assert_str_eq(add("a.z", "DNAME", "x"), "added");
    ck_assert_str_eq(add("a.z", "DNAME", "y"), "f:7: found a second DNAME, expected one at a.z.");
    ck_assert_str_eq(add("z", "SOA", "a b 2 2 3 4 5"),
                     "f:7: found a second SOA, expected one at z.");
    ck_assert_str_eq(add("a.z", "SOA", "a b 2 2 3 4 5"),
                     "f:7: found a SOA at a.z., expected it at the zone's own name only");
}
END_TEST

/* What no answer could hold is not taken: 62000 bytes are 245 texts of 253 bytes. */
START_TEST(a_record_set_is_bounded)
{
    char text[256];
    const char *said = "added";
    int count = 0;
    begin();
    for (; count < 1000 && strcmp(said, "added") == 0; count++) {
        snprintf(text, sizeof text, "%0240d", count);
        said = add("a.z", "TXT", text);
    }
    ck_assert_int_eq(count - 1, 245);
    ck_assert_str_eq(
        said, "f:7: found more records of one type at a.z. than fit an answer (62000 bytes)");
}
END_TEST

/* RFC 4592 §2.2.2. */
START_TEST(names_above_a_name_exist)
{
    struct zone zone;
    size_t empty_count = 0;
    begin();
    ck_assert_str_eq(add("a.b.c.z", "A", "1.2.3.4"), "added");
    ck_assert_str_eq(add("x.b.c.z", "A", "1.2.3.4"), "added");
    ck_assert_str_eq(add("c.z", "A", "1.2.3.4"), "added");
    ck_assert(zone_draft_finish(&draft, &zone));
    ck_assert_uint_eq(zone.name_count, 5);
    for (size_t i = 0; i < zone.name_count; i++)
        empty_count += zone.names[i].rrset_count == 0;
    ck_assert_uint_eq(empty_count, 1);
}
END_TEST

START_TEST(many_names_are_each_found_once)
{
    enum { NAMES = 2000 };
    static bool is_seen[NAMES];
    char owner[32];
    struct zone zone;
    begin();
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NAMES; i++) {
            snprintf(owner, sizeof owner, "n%d.z", i);
            ck_assert_str_eq(add(owner, "A", round == 0 ? "1.2.3.4" : "1.2.3.5"), "added");
        }
    ck_assert(zone_draft_finish(&draft, &zone));
    ck_assert_uint_eq(zone.name_count, NAMES + 1);
    for (size_t i = 1; i < zone.name_count; i++) {
        unsigned number;
        char text[NAME_TEXT_MAX];
        ck_assert_int_eq(sscanf(name_text(zone.names[i].owner, text), "n%u.z.", &number), 1);
        ck_assert_uint_lt(number, NAMES);
        ck_assert(!is_seen[number]);
        is_seen[number] = true;
        ck_assert_uint_eq(zone.names[i].rrsets[0].count, 2);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/zone_draft");
    SUITE_CASE(suite, "add", a_record_that_is_there_already_is_dropped, an_alias_stands_alone,
               a_name_has_one_dname_and_a_zone_one_soa, a_record_set_is_bounded);
    SUITE_CASE(suite, "finish", names_above_a_name_exist, many_names_are_each_found_once);
    return suite_run(suite);
}
