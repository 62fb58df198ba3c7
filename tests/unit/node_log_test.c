#include "node/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/suite.h"

enum { TEXT_MAX = 512 * 1024 };

static struct log *journal;
static int written;
static char text[TEXT_MAX];

/* Standard error of this test's process goes to memory. */
static void setup(void)
{
    written = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(written, 0);
    ck_assert_int_eq(dup2(written, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(log_open(&journal), 0);
}

static void teardown(void)
{
    log_close(journal);
    close(written);
}

/* All that was written until now. */
static const char *lines(void)
{
    log_write(journal);
    ssize_t size = pread(written, text, TEXT_MAX - 1, 0);
    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    return text;
}

static size_t count_of(const char *word)
{
    size_t count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        count++;
    return count;
}

START_TEST(lines_are_written_in_their_order_when_asked_to)
{
    setup();
    log_line(journal, "first %d", 1);
    log_line(journal, "second");
    ck_assert_int_eq(lseek(written, 0, SEEK_END), 0);
    ck_assert(log_write(journal));
    ck_assert(!log_write(journal));
    ck_assert_str_eq(lines(), "first 1\nsecond\n");
    teardown();
}
END_TEST

START_TEST(a_long_line_is_cut)
{
    char longer[2 * LOG_LINE_MAX] = "";
    setup();
    memset(longer, 'x', sizeof longer - 1);
    log_line(journal, "%s", longer);
    ck_assert_uint_eq(strlen(lines()), LOG_LINE_MAX);
    ck_assert_int_eq(text[LOG_LINE_MAX - 1], '\n');
    teardown();
}
END_TEST

START_TEST(a_full_queue_drops_and_says_how_many)
{
    setup();
    for (int i = 0; i < LOG_QUEUE_MAX + 7; i++)
        log_line(journal, "line");
    lines();
    ck_assert_uint_eq(count_of("line\n"), LOG_QUEUE_MAX);
    ck_assert_uint_eq(count_of("log reason=queue-full dropped=7 lines\n"), 1);

    log_line(journal, "there is room again");
    lines();
    ck_assert_uint_eq(count_of("there is room again\n"), 1);
    ck_assert_uint_eq(count_of("queue-full"), 1);
    teardown();
}
END_TEST

START_TEST(a_reason_gets_ten_lines_a_second_then_a_sum)
{
    setup();
    for (int i = 0; i < 25; i++)
        log_limited(journal, 4000 + i * 39, "not-greeted", "refuse %d", i);
    lines();
    ck_assert_uint_eq(count_of("refuse "), LOG_LIMIT_PER_SECOND);
    ck_assert_uint_eq(count_of("refuse 9\n"), 1);
    ck_assert_uint_eq(count_of("suppressed"), 0);

    log_limited(journal, 5000, "not-greeted", "refuse again");
    lines();
    ck_assert_ptr_nonnull(
        strstr(text, "log reason=not-greeted suppressed=15 in 1 s\nrefuse again\n"));
    teardown();
}
END_TEST

START_TEST(a_flood_that_ended_is_summed_up_too)
{
    setup();
    for (int i = 0; i < 11; i++)
        log_limited(journal, 4000, "flood", "one of many");
    log_sum_up(journal, 4999);
    lines();
    ck_assert_uint_eq(count_of("suppressed"), 0);
    log_sum_up(journal, 5000);
    log_sum_up(journal, 6000);
    lines();
    ck_assert_uint_eq(count_of("log reason=flood suppressed=1 in 1 s\n"), 1);
    teardown();
}
END_TEST

START_TEST(one_reason_does_not_silence_another)
{
    setup();
    for (int i = 0; i < 50; i++)
        log_limited(journal, 4000, "loud", "loud");
    log_limited(journal, 4000, "quiet", "quiet");
    lines();
    ck_assert_uint_eq(count_of("loud\n"), LOG_LIMIT_PER_SECOND);
    ck_assert_uint_eq(count_of("quiet\n"), 1);
    teardown();
}
END_TEST

/* The reasons beyond the table share its last place: bounded, whatever comes. */
START_TEST(more_reasons_than_places_are_limited_together)
{
    static char reasons[LOG_REASONS_MAX + 20][16];
    setup();
    for (int i = 0; i < LOG_REASONS_MAX + 20; i++) {
        snprintf(reasons[i], sizeof reasons[i], "r%d", i);
        log_limited(journal, 4000, reasons[i], "said");
    }
    lines();
    ck_assert_uint_eq(count_of("said\n"), LOG_REASONS_MAX - 1 + LOG_LIMIT_PER_SECOND);
    teardown();
}
END_TEST

START_TEST(closing_writes_what_waits)
{
    setup();
    log_line(journal, "last words");
    log_close(journal);
    ck_assert_int_eq(lseek(written, 0, SEEK_END), (int)strlen("last words\n"));
    close(written);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/log");
    SUITE_CASE(suite, "queue", lines_are_written_in_their_order_when_asked_to, a_long_line_is_cut,
               a_full_queue_drops_and_says_how_many, closing_writes_what_waits);
    SUITE_CASE(suite, "limit", a_reason_gets_ten_lines_a_second_then_a_sum,
               a_flood_that_ended_is_summed_up_too, one_reason_does_not_silence_another,
               more_reasons_than_places_are_limited_together);
    return suite_run(suite);
}
