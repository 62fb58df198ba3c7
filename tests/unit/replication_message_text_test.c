#include "replication/message.h"

#include <string.h>

#include "replica_fixture.h"
#include "unit/suite.h"

static const char *text_of(const struct message *message)
{
    static char text[256];
    message_text(message, text, sizeof text);
    return text;
}

START_TEST(a_message_is_one_readable_line)
{
    struct message *hello = hello_of("media1", 7, 8, 9);
    ck_assert_str_eq(text_of(hello), "hello agent media1 boot 7 heard 8 known 9 synced");
    hello->hello.wants_snapshot = true;
    hello->hello.synced = false;
    ck_assert_str_eq(text_of(hello), "hello agent media1 boot 7 heard 8 known 9 wants-snapshot");

    struct message *delta = report_of("media1", 3, 17);
    ck_assert_str_eq(text_of(delta), "delta [report media1 3.17]");
    delta->records.partner_lacks = true;
    delta->records.count = 2;
    delta->records.records[1] = record_of(RECORD_ORDER, "drain/media2", 4, 1);
    ck_assert_str_eq(text_of(delta),
                     "delta [report media1 3.17, order drain/media2 4.1] partner-lacks");
    delta->records.count = 0;
    delta->records.partner_lacks = false;
    delta->records.last = true;
    delta->type = MESSAGE_SNAPSHOT;
    ck_assert_str_eq(text_of(delta), "snapshot 0 [] last");

    ck_assert_str_eq(text_of(versions_of(MESSAGE_VERSIONS, RECORD_NODE, "ns1", 2, 5)),
                     "versions 0 [node ns1 2.5] last");
    ck_assert_str_eq(text_of(versions_of(MESSAGE_PULL, RECORD_HANDED_OUT, "ns1/p/s", 0, 0)),
                     "pull [handed-out ns1/p/s]");
    ck_assert_str_eq(text_of(ack_of_chunk(4)), "ack chunk 4");
    struct message ack = {.type = MESSAGE_ACK, .ack = {.version = {3, 17}}};
    ck_assert_str_eq(text_of(&ack), "ack 3.17");
}
END_TEST

START_TEST(a_line_is_cut_at_its_size_and_ends)
{
    char text[300];
    for (size_t size = 1; size <= 26; size++) {
        memset(text, '#', sizeof text);
        message_text(report_of("media1", 3, 17), text, size);
        ck_assert_uint_eq(strlen(text), size - 1);
        ck_assert(strncmp(text, "delta [report media1 3.17]", size - 1) == 0);
        ck_assert_int_eq(text[size], '#');
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/message_text");
    SUITE_CASE(suite, "text", a_message_is_one_readable_line, a_line_is_cut_at_its_size_and_ends);
    return suite_run(suite);
}
