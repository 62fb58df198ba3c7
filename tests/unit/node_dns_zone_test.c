#include "node/dns/zone.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static alignas(16) uint8_t memory[8 << 20];
static struct zone zone;
static char error[ZONE_ERROR_MAX];

/* What every zone of these tests begins with: two lines. */
#define HEAD "@ 300 SOA ns1 admin 7 3600 600 86400 60\n@ 300 NS ns1\n"

static bool parse_with(const char *text, const struct zone_files *files)
{
    struct arena arena;
    static const uint8_t origin[] = "\7Example";
    arena_init(&arena, memory, sizeof memory);
    error[0] = '\0';
    return zone_parse(&zone, "example.zone", text, strlen(text), origin, files, &arena, error);
}

/* The record sets of a name: "300:1x1 60:16x2" is one A of TTL 300 and two TXT of TTL 60. */
static const char *sets_of(const char *owner)
{
    static char said[1024];
    uint8_t name[NAME_SIZE_MAX];
    size_t size, used = 0;
    ck_assert(name_parse(owner, name, &size));
    for (size_t i = 0; i < zone.name_count; i++) {
        const struct zone_name *each = &zone.names[i];
        if (!name_equal(each->owner, name))
            continue;
        said[0] = '\0';
        for (size_t set = 0; set < each->rrset_count; set++)
            used += (size_t)snprintf(said + used, sizeof said - used, "%s%u:%ux%u",
                                     used == 0 ? "" : " ", each->rrsets[set].ttl_s,
                                     each->rrsets[set].type, each->rrsets[set].count);
        return said;
    }
    return "nothing";
}

static void expect(const char *text, const char *owner, const char *sets)
{
    char whole[4096];
    snprintf(whole, sizeof whole, HEAD "%s", text);
    ck_assert_msg(parse_with(whole, NULL), "%s", error);
    ck_assert_msg(strcmp(sets_of(owner), sets) == 0, "%s\n  %s has %s\n  expected %s", text, owner,
                  sets_of(owner), sets);
}

static void refuse(const char *text, const char *sentence)
{
    char whole[4096], expected[ZONE_ERROR_MAX];
    snprintf(whole, sizeof whole, HEAD "%s", text);
    snprintf(expected, sizeof expected, "example.zone:%s", sentence);
    ck_assert_msg(!parse_with(whole, NULL), "%s", text);
    ck_assert_str_eq(error, expected);
}

START_TEST(a_zone_is_its_names_apex_first)
{
    ck_assert(parse_with(HEAD "www A 192.0.2.1\nWWW A 192.0.2.2\nx.y.z TXT t\n", NULL));
    ck_assert_uint_eq(zone.origin_size, 9);
    ck_assert_mem_eq(zone.origin, "\7example", 9);
    ck_assert_uint_eq(zone.serial, 7);
    ck_assert_uint_eq(zone.record_count, 5);
    ck_assert_uint_eq(zone.name_count, 5); /* with y.z and z, which are empty */
    ck_assert_mem_eq(zone.names[0].owner, "\7example", 9);
    ck_assert_str_eq(sets_of("example"), "300:6x1 300:2x1");
    ck_assert_str_eq(sets_of("www.example"), "300:1x2");
    ck_assert_str_eq(sets_of("y.z.example"), "");
    ck_assert_str_eq(sets_of("z.example"), "");
    ck_assert_ptr_nonnull(zone_rrset(&zone.names[0], ZONE_SOA));
    ck_assert_ptr_null(zone_rrset(&zone.names[0], ZONE_A));
}
END_TEST

START_TEST(data_lies_with_its_length_in_the_order_of_the_file)
{
    size_t found = 0;
    ck_assert(parse_with(HEAD "a A 192.0.2.2\na A 192.0.2.1\n", NULL));
    for (size_t i = 0; i < zone.name_count; i++) {
        const struct zone_rrset *rrset = zone_rrset(&zone.names[i], ZONE_A);
        if (rrset == NULL)
            continue;
        found++;
        ck_assert_uint_eq(rrset->rdata_size, 12);
        ck_assert_mem_eq(rrset->rdata, "\0\4\300\0\2\2\0\4\300\0\2\1", 12);
    }
    ck_assert_uint_eq(found, 1);
}
END_TEST

START_TEST(owners_are_relative_absolute_blank_or_the_origin)
{
    expect("a A 1.2.3.4\n  TXT t\n\tMX 1 m\n", "a.example", "300:1x1 300:16x1 300:15x1");
    expect("a.example. A 1.2.3.4\n", "a.example", "300:1x1");
    expect("a.b\\. A 1.2.3.4\n", "a.b\\..example", "300:1x1");
    expect("@ TXT t\n", "example", "300:6x1 300:2x1 300:16x1");
    expect("$ORIGIN sub\na A 1.2.3.4\n@ TXT t\n", "a.sub.example", "300:1x1");
    expect("$ORIGIN sub\n$ORIGIN sub\na A 1.2.3.4\n", "a.sub.sub.example", "300:1x1");
    expect("$ORIGIN b.example.\na A 1.2.3.4\n", "a.b.example", "300:1x1");
    expect("$ORIGIN .\na.example A 1.2.3.4\n", "a.example", "300:1x1");
}
END_TEST

/* RFC 1035 §5.1, RFC 2308 §4: the record's, else $TTL's, else the last. */
START_TEST(a_ttl_is_the_records_or_the_default_or_the_last)
{
    expect("a 60 A 1.2.3.4\n", "a.example", "60:1x1");
    expect("a IN 60 A 1.2.3.4\n", "a.example", "60:1x1");
    expect("a 1h IN A 1.2.3.4\n", "a.example", "3600:1x1");
    expect("a 0 A 1.2.3.4\n", "a.example", "0:1x1");
    expect("a 60 A 1.2.3.4\nb A 1.2.3.4\n", "b.example", "60:1x1");
    expect("$TTL 5m\na 60 A 1.2.3.4\nb A 1.2.3.4\n", "b.example", "300:1x1");
    expect("$TTL 5\na A 1.2.3.4\n$TTL 6\nb A 1.2.3.4\n", "b.example", "6:1x1");
    expect("a 60 A 1.2.3.4\na 30 A 1.2.3.5\na 90 A 1.2.3.6\n", "a.example", "30:1x3");
}
END_TEST

START_TEST(classes_but_in_are_refused)
{
    expect("a CLASS1 A 1.2.3.4\n", "a.example", "300:1x1");
    refuse("a CH A 1.2.3.4\n", "3: found class 'CH', expected IN");
    refuse("a 60 CLASS3 TXT x\n", "3: found class 'CLASS3', expected IN");
}
END_TEST

/* Beside the mistakes of lines and of data, which their own tests have. */
START_TEST(every_mistake_is_told_with_its_line)
{
    refuse("a A 1.2.3.4\n\nb A 1.2.3\n",
           "5: found 'A 1.2.3', expected the data of a record of type A (Syntax error, could not "
           "parse the RR's rdata)");
    refuse("a A (\n1.2.3.4\nb ; c\n)\n",
           "3: found 'A 1.2.3.4 b', expected the data of a record of type A (Syntax error, "
           "superfluous text present)");
    refuse("a (\nA 1.2.3.4\n", "3: found '(' that is not closed");
    refuse("a..b A 1.2.3.4\n", "3: found 'a..b', expected a domain name");
    refuse("a.example.org. A 1.2.3.4\n",
           "3: found a.example.org., expected a name within the zone");
    refuse("a\\.example. A 1.2.3.4\n", "3: found a\\.example., expected a name within the zone");
    refuse("$ORIGIN org.\na A 1.2.3.4\n", "4: found a.org., expected a name within the zone");
    refuse("a\n", "3: found no record type, expected one");
    refuse("a 60 IN\n", "3: found no record type, expected one");
    refuse("a BOGUS 1\n", "3: found 'BOGUS', expected a record type");
    refuse("a 4294967296 A 1.2.3.4\n", "3: found '4294967296', expected a TTL such as 3600 or 1h");
    refuse("a 60 60 A 1.2.3.4\n", "3: found '60', expected a record type");
    refuse("$TTL abc\n", "3: found 'abc' after $TTL, expected a time such as 3600 or 1h");
    refuse("$TTL\n", "3: found '' after $TTL, expected a time such as 3600 or 1h");
    refuse("$TTL 1 2\n", "3: found more than one word after $TTL");
    refuse("$ORIGIN a..b\n", "3: found 'a..b' after $ORIGIN, expected a domain name");
    refuse("$BOGUS\n", "3: found '$BOGUS', expected $ORIGIN, $TTL or $INCLUDE");
    refuse("$GENERATE 1-2 a$ A 1.2.3.$\n",
           "3: found '$GENERATE', expected $ORIGIN, $TTL or $INCLUDE");
    refuse("$INCLUDE x\n", "3: $INCLUDE is not possible here");
    refuse("$INCLUDE\n", "3: expected a path and perhaps an origin after $INCLUDE");
    refuse("$INCLUDE a b c\n", "3: expected a path and perhaps an origin after $INCLUDE");
}
END_TEST

/* 3 x 64 + 54 bytes and the 9 of example. are 255. */
START_TEST(a_relative_name_is_bounded_with_its_origin)
{
    char line[512], sentence[256];
    snprintf(line, sizeof line, "%063d.%063d.%063d.%053d A 1.2.3.4\n", 0, 0, 0, 0);
    expect(line, "nosuch", "nothing");
    snprintf(line, sizeof line, "%063d.%063d.%063d.%054d A 1.2.3.4\n", 0, 0, 0, 0);
    snprintf(sentence, sizeof sentence, "3: found '%063d.%016d', expected a domain name", 0, 0);
    refuse(line, sentence);
}
END_TEST

START_TEST(what_a_zone_must_have)
{
    ck_assert(!parse_with(" A 1.2.3.4\n", NULL));
    ck_assert_str_eq(error, "example.zone:1: found a blank owner in the first record, expected a "
                            "domain name");
    ck_assert(!parse_with("@ SOA a b 1 2 3 4 5\n", NULL));
    ck_assert_str_eq(error, "example.zone:1: found no TTL, expected one in this record or in $TTL "
                            "before it");
    ck_assert(!parse_with("", NULL));
    ck_assert_str_eq(error, "example.zone:1: found no SOA, expected one at example.");
    ck_assert(!parse_with("\n\n@ 60 SOA a b 1 2 3 4 5\na A 1.2.3.4\n", NULL));
    ck_assert_str_eq(error, "example.zone:3: found no NS record, expected at least one at "
                            "example.");
}
END_TEST

START_TEST(a_zone_that_does_not_fit_its_memory_is_refused)
{
    static const uint8_t origin[] = "\7example";
    static const char text[] = HEAD "a.b.c.d A 1.2.3.4\n";
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    ck_assert(zone_parse(&zone, "f", text, strlen(text), origin, NULL, &arena, error));
    size_t needed = arena.used_bytes;
    for (size_t size = 0; size < needed; size += 16) {
        arena_init(&arena, memory, size);
        ck_assert(!zone_parse(&zone, "f", text, strlen(text), origin, NULL, &arena, error));
        ck_assert_str_eq(error, "f:1: the zone takes more memory than expected");
    }
}
END_TEST

/* ---- $INCLUDE ---- */

static unsigned reads;

static const char *read_file(void *context, const char *path, size_t *size)
{
    static const struct {
        const char *path, *text;
    } files[] = {
        {"hosts", "a A 1.2.3.4\n$ORIGIN deep\n$TTL 5\nb A 1.2.3.4\n"},
        {"blank", " TXT t\n"},
        {"two words", "c A 1.2.3.4\n"},
        {"wrong", "\na A 1.2.3\n"},
        {"alias", "\n\na CNAME b\n"},
        {"soa", "\n@ 60 SOA a b 1 2 3 4 5\n"},
        {"endless", "$INCLUDE endless\n"},
    };
    ck_assert_ptr_null(context);
    reads++;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].path, path) == 0) {
            *size = strlen(files[i].text);
            return files[i].text;
        }
    return NULL;
}

static const struct zone_files files = {read_file, NULL};

static void include(const char *text, const char *owner, const char *sets)
{
    char whole[4096];
    snprintf(whole, sizeof whole, HEAD "%s", text);
    ck_assert_msg(parse_with(whole, &files), "%s", error);
    ck_assert_str_eq(sets_of(owner), sets);
}

START_TEST(a_file_is_included_and_changes_nothing_behind_it)
{
    include("$INCLUDE hosts\n", "a.example", "300:1x1");
    include("$INCLUDE hosts\n", "b.deep.example", "5:1x1");
    include("$INCLUDE hosts\nc A 1.2.3.4\n", "c.example", "300:1x1");
    include("$INCLUDE hosts sub\n", "a.sub.example", "300:1x1");
    include("x A 1.2.3.4\n$INCLUDE blank\n MX 1 m\n", "x.example", "300:1x1 300:16x1 300:15x1");
    include("$INCLUDE \"two words\"\n", "c.example", "300:1x1");
}
END_TEST

static void refuse_include(const char *text, const char *sentence)
{
    char whole[4096];
    snprintf(whole, sizeof whole, HEAD "%s", text);
    ck_assert_msg(!parse_with(whole, &files), "%s", text);
    ck_assert_str_eq(error, sentence);
}

START_TEST(a_mistake_in_an_included_file_is_told_with_that_file)
{
    refuse_include("$INCLUDE wrong\n",
                   "wrong:2: found 'A 1.2.3', expected the data of a record of type A (Syntax "
                   "error, could not parse the RR's rdata)");
    refuse_include("a A 1.2.3.4\n$INCLUDE alias\n",
                   "alias:3: found a CNAME beside other records, expected it alone at a.example.");
    refuse_include("$INCLUDE hosts\na CNAME b\n",
                   "example.zone:4: found a CNAME beside other records, expected it alone at "
                   "a.example.");
    refuse_include("$INCLUDE nosuch\n",
                   "example.zone:3: found $INCLUDE 'nosuch', which cannot be read");
    refuse_include("$INCLUDE hosts a..b\n", "example.zone:3: found 'a..b', expected a domain name");
    reads = 0;
    refuse_include("$INCLUDE endless\n", "endless:1: found $INCLUDE nested more than 8 deep");
    ck_assert_uint_eq(reads, 8);
    ck_assert(!parse_with("$INCLUDE soa\n", &files));
    ck_assert_str_eq(error, "soa:2: found no NS record, expected at least one at example.");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/zone");
    SUITE_CASE(suite, "read", a_zone_is_its_names_apex_first,
               data_lies_with_its_length_in_the_order_of_the_file,
               owners_are_relative_absolute_blank_or_the_origin,
               a_ttl_is_the_records_or_the_default_or_the_last);
    SUITE_CASE(suite, "mistakes", classes_but_in_are_refused, every_mistake_is_told_with_its_line,
               a_relative_name_is_bounded_with_its_origin, what_a_zone_must_have,
               a_zone_that_does_not_fit_its_memory_is_refused);
    SUITE_CASE(suite, "include", a_file_is_included_and_changes_nothing_behind_it,
               a_mistake_in_an_included_file_is_told_with_that_file);
    return suite_run(suite);
}
