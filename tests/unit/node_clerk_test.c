#include "node/clerk.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/suite.h"

static char folder[] = "/tmp/tandem-clerk-XXXXXX";
static struct archive archive;
static struct clerk *clerk;

static void setup(void)
{
    char sentence[ARCHIVE_SENTENCE_MAX];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(archive_open(&archive, folder, sentence), 0);
    ck_assert_int_eq(clerk_open(&clerk, &archive), 0);
}

static void teardown(void)
{
    char command[128];
    clerk_close(clerk);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const struct clerk_job *wait_for_job(void)
{
    const struct clerk_job *job;
    struct pollfd done = {.fd = clerk_fd(clerk), .events = POLLIN};
    while ((job = clerk_next(clerk)) == NULL)
        ck_assert_int_eq(poll(&done, 1, 20000), 1);
    return job;
}

START_TEST(jobs_are_done_in_their_order)
{
    uint8_t digest[REVISION_DIGEST_SIZE];
    setup();
    ck_assert_int_eq(archive_add(&archive, "abcd", 4, digest), 0);
    for (uint64_t offset = 0; offset < 4; offset++) {
        struct clerk_job *job = clerk_take(clerk);
        job->kind = CLERK_READ;
        memcpy(job->piece.digest, digest, sizeof digest);
        job->piece.offset = offset;
        clerk_do(clerk, job);
    }
    for (uint64_t offset = 0; offset < 4; offset++) {
        const struct clerk_job *job = wait_for_job();
        ck_assert_int_eq(job->error, 0);
        ck_assert_uint_eq(job->piece.offset, offset);
        ck_assert_uint_eq(job->piece.size, 4 - offset);
        ck_assert_int_eq(job->piece.bytes[0], 'a' + (int)offset);
    }
    ck_assert_ptr_null(clerk_next(clerk));
    teardown();
}
END_TEST

START_TEST(a_full_queue_takes_no_more_until_one_was_fetched)
{
    size_t count = 0;
    setup();
    for (struct clerk_job *job; (job = clerk_take(clerk)) != NULL; count++) {
        job->kind = CLERK_LACKS;
        clerk_do(clerk, job);
    }
    ck_assert_uint_eq(count, CLERK_JOBS_MAX);
    ck_assert_uint_eq(wait_for_job()->lack_count, 1);
    ck_assert_ptr_null(clerk_take(clerk)); /* it may still be read */
    for (size_t i = 1; i < count; i++)
        wait_for_job();
    ck_assert_ptr_null(clerk_next(clerk));
    ck_assert_ptr_nonnull(clerk_take(clerk));
    teardown();
}
END_TEST

START_TEST(what_is_queued_is_done_before_the_end)
{
    struct history_kept read;
    char sentence[ARCHIVE_SENTENCE_MAX];
    setup();
    struct clerk_job *job = clerk_take(clerk);
    job->kind = CLERK_KEEP;
    job->kept = (struct history_kept){.term = 5, .writer = 1};
    clerk_do(clerk, job);
    clerk_close(clerk);
    clerk = NULL;
    ck_assert_int_eq(archive_load(&archive, &read, sentence), 1);
    ck_assert_uint_eq(read.term, 5);
    teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/clerk");
    SUITE_CASE(suite, "clerk", jobs_are_done_in_their_order,
               a_full_queue_takes_no_more_until_one_was_fetched,
               what_is_queued_is_done_before_the_end);
    return suite_run(suite);
}
