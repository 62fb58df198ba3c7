#include "node/dns/reply.h"

#include <string.h>

#include "unit/suite.h"

enum { SIZE = 64 };

/* Two A records of a set, as a view has them. */
static const uint8_t set_bytes[] = {0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1,
                                    0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 2};
static const struct view_rrset set = {
    .type = 1, .count = 2, .size = sizeof set_bytes, .bytes = set_bytes};

static uint8_t bytes[SIZE + 1];
static struct query query;
static struct reply reply;

/* A reply of at most this size to the question "a. A", 7 bytes behind the header. */
static void begin(size_t size_max, bool has_edns)
{
    static const uint8_t question[] = "\1a\0\0\1\0\1";
    query = (struct query){.id = 0x1234, .question_end = 12 + 7, .has_edns = has_edns};
    memset(bytes, 0xee, sizeof bytes);
    reply_begin(&reply, &query, question, NULL, bytes, size_max);
}

START_TEST(a_reply_is_header_question_and_records)
{
    bool truncated;
    begin(SIZE, false);
    reply.authoritative = true;
    reply.rcode = REPLY_NXDOMAIN;
    query.flags = 0x0110; /* RD, CD */
    ck_assert_uint_eq(reply_add(&reply, REPLY_ANSWER, REPLY_QUESTION_NAME, &set), 19 + 12);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19 + 2 * 16);
    ck_assert(!truncated);
    ck_assert_mem_eq(bytes, "\x12\x34\x85\x13\0\1\0\2\0\0\0\0\1a\0\0\1\0\1", 19);
    ck_assert_mem_eq(bytes + 19, "\300\14\0\1\0\1\0\0\1\54\0\4\300\0\2\1", 16);
    ck_assert_mem_eq(bytes + 35, "\300\14\0\1\0\1\0\0\1\54\0\4\300\0\2\2", 16);
}
END_TEST

START_TEST(a_record_of_its_own_making_is_written_out)
{
    bool truncated;
    begin(SIZE, false);
    ck_assert_uint_eq(
        reply_add_record(&reply, REPLY_AUTHORITY, 12, 5, 0x01020304, (const uint8_t *)"\1b", 3),
        19 + 12);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19 + 15);
    ck_assert_mem_eq(bytes + 19, "\300\14\0\5\0\1\1\2\3\4\0\3\1b", 15);
    ck_assert_mem_eq(bytes + 4, "\0\1\0\0\0\1\0\0", 8);
}
END_TEST

/* 19 + 32 bytes: to the byte, and nothing is written beyond. */
START_TEST(a_set_fits_whole_or_not_at_all)
{
    bool truncated;
    begin(51, false);
    ck_assert_uint_ne(reply_add(&reply, REPLY_ANSWER, 12, &set), 0);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 51);
    ck_assert(!truncated);
    begin(50, false);
    ck_assert_uint_eq(reply_add(&reply, REPLY_ANSWER, 12, &set), 0);
    /* What would fit is not added either, once something did not. */
    ck_assert_uint_eq(reply_add_record(&reply, REPLY_ANSWER, 12, 1, 0, set_bytes, 4), 0);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19);
    ck_assert(truncated);
    ck_assert_uint_eq(bytes[2], 0x82);
    ck_assert_uint_eq(bytes[7], 0);
    ck_assert_uint_eq(bytes[19], 0xee);
}
END_TEST

/* RFC 6891 §7: the OPT record is there even so; records give way to it. */
START_TEST(records_give_way_to_the_opt_record)
{
    bool truncated;
    begin(51 + 11, true);
    ck_assert_uint_ne(reply_add(&reply, REPLY_ANSWER, 12, &set), 0);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 62);
    ck_assert(!truncated);
    ck_assert_mem_eq(bytes + 51, "\0\0\51\4\320\0\0\0\0\0\0", 11);
    ck_assert_uint_eq(bytes[11], 1);
    begin(51 + 10, true);
    ck_assert_uint_ne(reply_add(&reply, REPLY_ANSWER, 12, &set), 0);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19 + 11);
    ck_assert(truncated);
    ck_assert_uint_eq(bytes[11], 1);
}
END_TEST

START_TEST(the_opt_record_carries_the_rest_of_the_rcode_and_options)
{
    bool truncated;
    begin(SIZE, true);
    query.wants_nsid = query.wants_dnssec = true;
    reply.nsid = "me";
    reply.rcode = REPLY_BADVERS;
    reply_extend(&reply, REPLY_NOT_READY, "no");
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19 + 11 + 6 + 8);
    ck_assert_uint_eq(bytes[3] & 15, 0);
    ck_assert_mem_eq(bytes + 19, "\0\0\51\4\320\1\0\200\0\0\16\0\3\0\2me\0\17\0\4\0\16no", 25);
}
END_TEST

START_TEST(without_edns_nothing_is_extended)
{
    bool truncated;
    begin(SIZE, false);
    reply_extend(&reply, REPLY_NOT_READY, "no");
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19);
}
END_TEST

/* RFC 1035 §4.1.4: 14 bits. */
START_TEST(an_owner_out_of_a_pointers_reach_does_not_fit)
{
    begin(SIZE, false);
    ck_assert_uint_eq(reply_add_record(&reply, REPLY_ANSWER, 0x4000, 1, 0, set_bytes, 4), 0);
    ck_assert(reply.full);
    begin(SIZE, false);
    ck_assert_uint_eq(reply_add(&reply, REPLY_ANSWER, 0x4000, &set), 0);
    begin(SIZE, false);
    ck_assert_uint_ne(reply_add_record(&reply, REPLY_ANSWER, 0x3fff, 1, 0, set_bytes, 4), 0);
    ck_assert_mem_eq(bytes + 19, "\377\377", 2);
}
END_TEST

START_TEST(a_cleared_reply_is_its_question)
{
    bool truncated;
    begin(SIZE, false);
    reply_add(&reply, REPLY_ANSWER, 12, &set);
    reply_clear(&reply);
    ck_assert_uint_eq(reply_finish(&reply, &truncated), 19);
    ck_assert_mem_eq(bytes + 4, "\0\1\0\0\0\0\0\0", 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/reply");
    SUITE_CASE(suite, "records", a_reply_is_header_question_and_records,
               a_record_of_its_own_making_is_written_out, a_set_fits_whole_or_not_at_all,
               an_owner_out_of_a_pointers_reach_does_not_fit, a_cleared_reply_is_its_question);
    SUITE_CASE(suite, "opt", records_give_way_to_the_opt_record,
               the_opt_record_carries_the_rest_of_the_rcode_and_options,
               without_edns_nothing_is_extended);
    return suite_run(suite);
}
