/* Peers of other versions: what is spoken with them, and what they read. */
#include "replica_fixture.h"
#include "unit/suite.h"

static struct fixture ns2;

static void begin(void)
{
    fixture_start(&ns2, 2, 21, 64);
    fixture_step(&ns2, 0, REPLICA_START);
}

static void hear(size_t peer, const struct message *message)
{
    fixture_hear(&ns2, 100, peer, message);
}

START_TEST(the_version_in_common_is_kept_for_each_peer)
{
    begin();
    const struct replica_peer *agent = &ns2.replica.peers[FIXTURE_MEDIA1];
    ck_assert_uint_eq(agent->protocol, 0);
    struct message *hello = hello_of("media1", 31, 21, 0);
    hello->hello.protocol_min = 2;
    hello->hello.protocol_max = 3;
    hear(FIXTURE_MEDIA1, hello);
    ck_assert_int_eq(agent->foreign.at_ms, 100);
    ck_assert_uint_eq(agent->foreign.min, 2);
    ck_assert_uint_eq(agent->foreign.max, 3);
    hello = hello_of("media1", 31, 21, 0);
    hello->hello.protocol_max = 3;
    hear(FIXTURE_MEDIA1, hello);
    ck_assert_uint_eq(agent->protocol, 1);
    ck_assert_int_eq(agent->foreign.at_ms, INT64_MIN);
}
END_TEST

/* Which document may be given to the pair. */
START_TEST(the_partner_tells_which_format_of_the_document_it_reads)
{
    begin();
    ck_assert_uint_eq(replica_partner_format(&ns2.replica), 0);
    struct message *hello = hello_of("ns1", 11, 0, 0);
    hear(REPLICA_PARTNER, hello);
    ck_assert_uint_eq(replica_partner_format(&ns2.replica), 1); /* not told */
    ck_assert_uint_eq(ns2.update.sends[0].message.hello.format, 1);
    hello = hello_of("ns1", 12, 21, 0);
    hello->hello.format = 2;
    hear(REPLICA_PARTNER, hello);
    ck_assert_uint_eq(replica_partner_format(&ns2.replica), 2);
    /* An agent reads none, and is told none. */
    hear(FIXTURE_MEDIA1, hello_of("media1", 31, 0, 0));
    ck_assert_uint_eq(ns2.update.sends[0].message.hello.format, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/replica_version");
    SUITE_CASE(suite, "versions", the_version_in_common_is_kept_for_each_peer,
               the_partner_tells_which_format_of_the_document_it_reads);
    int status = suite_run(suite);
    fixture_end(&ns2);
    return status;
}
