#include "node/dns/query.h"

#include <string.h>

#include "unit/suite.h"

/* A query put together piece by piece. */
struct pieces {
    uint8_t bytes[1024];
    size_t size;
};

static void put(struct pieces *self, const void *bytes, size_t size)
{
    ck_assert_uint_le(self->size + size, sizeof self->bytes);
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

#define PUT(self, literal) put(self, literal, sizeof(literal) - 1)

/* The header with these counts, and "WWW.example A IN". */
static struct pieces question(uint8_t authority_count, uint8_t additional_count)
{
    struct pieces pieces = {.size = 0};
    const uint8_t header[12] = {
        0xab, 0xcd, 1, 0x10, 0, 1, 0, 0, 0, authority_count, 0, additional_count};
    put(&pieces, header, sizeof header);
    PUT(&pieces, "\3WWW\7example\0\0\1\0\1");
    return pieces;
}

/* From a copy of exactly this size, so that the sanitizer sees a read behind it. */
static enum query_reason parse(const struct pieces *pieces, struct query *query)
{
    uint8_t *bytes = malloc(pieces->size + 1);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes + 1, pieces->bytes, pieces->size);
    enum query_reason reason = query_parse(query, bytes + 1, pieces->size);
    query->name = NULL;
    free(bytes);
    return reason;
}

static enum query_reason reason_of(const struct pieces *pieces)
{
    struct query query;
    return parse(pieces, &query);
}

START_TEST(a_plain_question_is_read)
{
    struct query query;
    struct pieces pieces = question(0, 0);
    ck_assert_int_eq(query_parse(&query, pieces.bytes, pieces.size), QUERY_OK);
    ck_assert_uint_eq(query.id, 0xabcd);
    ck_assert_uint_eq(query.flags, 0x0110);
    ck_assert_uint_eq(query.type, 1);
    ck_assert_uint_eq(query.class, 1);
    ck_assert_ptr_eq(query.name, pieces.bytes + 12);
    ck_assert_uint_eq(query.name_size, 13);
    ck_assert_mem_eq(query.lower, "\3www\7example", 13);
    ck_assert_uint_eq(query.question_end, pieces.size);
    ck_assert_uint_eq(query.udp_size, QUERY_UDP_SIZE_MIN);
    ck_assert(!query.has_edns && !query.wants_dnssec && !query.wants_nsid);
}
END_TEST

START_TEST(what_is_no_query_is_dropped)
{
    struct pieces pieces = question(0, 0);
    pieces.size = 11;
    ck_assert_int_eq(reason_of(&pieces), QUERY_DROP_SHORT);
    pieces = question(0, 0);
    pieces.bytes[2] |= 0x80;
    ck_assert_int_eq(reason_of(&pieces), QUERY_DROP_RESPONSE);
    pieces.bytes[2] = 0x20; /* STATUS */
    ck_assert_int_eq(reason_of(&pieces), QUERY_NOTIMP_OPCODE);
}
END_TEST

/* Cut anywhere behind the header, a query is malformed and never read beyond its end. */
START_TEST(a_query_cut_anywhere_is_malformed)
{
    struct pieces whole = question(0, 1);
    PUT(&whole, "\0\0\51\4\320\0\0\200\0\0\4\0\3\0\0");
    ck_assert_int_eq(reason_of(&whole), QUERY_OK);
    for (struct pieces cut = whole; cut.size-- > 12;)
        ck_assert_int_eq(reason_of(&cut),
                         cut.size < 12 + 17 ? QUERY_FORMERR_NAME : QUERY_FORMERR_RECORD);
}
END_TEST

START_TEST(counts_must_be_those_of_a_query)
{
    struct pieces pieces = question(0, 0);
    pieces.bytes[5] = 0;
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_COUNT);
    pieces.bytes[5] = 2;
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_COUNT);
    pieces = question(0, 0);
    pieces.bytes[7] = 1; /* an answer */
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_COUNT);
    pieces = question(1, 0);
    PUT(&pieces, "\0\0\6\0\1\0\0\0\0\0\0");
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_COUNT);
    for (uint8_t count = 16; count <= 17; count++) {
        pieces = question(0, count);
        for (int i = 0; i < count; i++)
            PUT(&pieces, "\0\0\1\0\1\0\0\0\0\0\0");
        ck_assert_int_eq(reason_of(&pieces), count == 16 ? QUERY_OK : QUERY_FORMERR_COUNT);
    }
    pieces = question(0, 0);
    PUT(&pieces, "\0");
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_TRAILING);
}
END_TEST

/* RFC 1995 §3: the SOA that the asker has; its owner may point to the question. */
START_TEST(ixfr_may_carry_its_soa)
{
    struct query query;
    struct pieces pieces = question(1, 1);
    pieces.bytes[12 + 13 + 1] = 251;
    PUT(&pieces, "\300\14\0\6\0\1\0\0\0\0\0\2xx");
    PUT(&pieces, "\0\0\51\4\320\0\0\0\0\0\0");
    ck_assert_int_eq(parse(&pieces, &query), QUERY_OK);
    ck_assert(query.has_edns);
    pieces.bytes[9] = 2;
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_COUNT);
}
END_TEST

START_TEST(names_must_be_whole_and_not_compressed)
{
    static const char *const names[] = {"\300\14", "\100a", "\77a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct pieces pieces = question(0, 0);
        pieces.size = 12;
        put(&pieces, names[i], strlen(names[i]));
        PUT(&pieces, "\0\0\1\0\1");
        ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_NAME);
    }
}
END_TEST

START_TEST(edns_is_read)
{
    struct query query;
    struct pieces pieces = question(0, 1);
    /* 4096 bytes, DO; options COOKIE, NSID and an unknown one */
    PUT(&pieces, "\0\0\51\20\0\0\0\200\0\0\16\0\12\0\2ab\0\3\0\0\377\377\0\0");
    ck_assert_int_eq(parse(&pieces, &query), QUERY_OK);
    ck_assert_uint_eq(query.udp_size, 4096);
    ck_assert(query.has_edns && query.wants_dnssec && query.wants_nsid);
    /* RFC 6891 §6.2.5: less than 512 is 512. */
    pieces = question(0, 1);
    PUT(&pieces, "\0\0\51\0\1\0\0\0\0\0\0");
    ck_assert_int_eq(parse(&pieces, &query), QUERY_OK);
    ck_assert_uint_eq(query.udp_size, 512);
    ck_assert(!query.wants_dnssec && !query.wants_nsid);
}
END_TEST

START_TEST(a_newer_edns_is_badvers)
{
    struct query query;
    struct pieces pieces = question(0, 1);
    PUT(&pieces, "\0\0\51\4\320\0\1\200\0\0\0");
    ck_assert_int_eq(parse(&pieces, &query), QUERY_BADVERS);
    ck_assert(query.has_edns);
}
END_TEST

START_TEST(a_malformed_opt_is_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } opts[] = {
        {"\1a\0\0\51\4\320\0\0\0\0\0\0", 13},       /* not at the root */
        {"\0\0\51\4\320\0\0\0\0\0\3\0\3\0", 14},    /* an option cut */
        {"\0\0\51\4\320\0\0\0\0\0\5\0\3\0\2a", 16}, /* an option longer than the record */
        {"\300\14\0\51\4\320\0\0\0\0\0\0", 12},     /* owned by a pointer */
    };
    for (size_t i = 0; i < sizeof opts / sizeof *opts; i++) {
        struct pieces pieces = question(0, 1);
        put(&pieces, opts[i].bytes, opts[i].size);
        ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_OPT);
    }
    struct pieces two = question(0, 2);
    PUT(&two, "\0\0\51\4\320\0\0\0\0\0\0\0\0\51\4\320\0\0\0\0\0\0");
    ck_assert_int_eq(reason_of(&two), QUERY_FORMERR_OPT);
}
END_TEST

START_TEST(other_records_are_passed_over)
{
    struct query query;
    struct pieces pieces = question(0, 2);
    PUT(&pieces, "\3key\0\0\372\0\377\0\0\0\0\0\3abc"); /* TSIG */
    PUT(&pieces, "\0\0\51\4\320\0\0\0\0\0\0");
    ck_assert_int_eq(parse(&pieces, &query), QUERY_OK);
    ck_assert(query.has_edns);
    pieces.bytes[12 + 17] = 0x40; /* neither a label nor a pointer */
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_RECORD);
}
END_TEST

START_TEST(a_pointer_cut_at_the_end_is_malformed)
{
    struct pieces pieces = question(0, 1);
    PUT(&pieces, "\300");
    ck_assert_int_eq(reason_of(&pieces), QUERY_FORMERR_RECORD);
}
END_TEST

START_TEST(every_reason_has_a_word_of_its_own)
{
    for (int i = 0; i < QUERY_REASON_COUNT; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(query_reason_text((enum query_reason)i),
                             query_reason_text((enum query_reason)j));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/query");
    SUITE_CASE(suite, "question", a_plain_question_is_read, what_is_no_query_is_dropped,
               a_query_cut_anywhere_is_malformed, counts_must_be_those_of_a_query,
               ixfr_may_carry_its_soa, names_must_be_whole_and_not_compressed);
    SUITE_CASE(suite, "edns", edns_is_read, a_newer_edns_is_badvers, a_malformed_opt_is_refused,
               other_records_are_passed_over, a_pointer_cut_at_the_end_is_malformed,
               every_reason_has_a_word_of_its_own);
    return suite_run(suite);
}
