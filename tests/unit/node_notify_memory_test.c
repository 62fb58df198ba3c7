#include "node/notify/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/suite.h"

static char folder[] = "/tmp/tandem-notify-XXXXXX";
static char path[64];
static struct outbox outbox, read_back;

static void begin(void)
{
    const struct outbox_config config = {.timeout_ms = 1000, .tries = 2};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/notify", folder);
    outbox_init(&outbox, &config);
    outbox_init(&read_back, &config);
}

static void end(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static struct outbox_event event_of(int64_t number)
{
    struct outbox_event event = {.number = number, .at_s = 1795829183, .node = "ns1"};
    strcpy(event.area, "address");
    strcpy(event.to, "active \"quoted\"");
    return event;
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(what_waits_waits_again_and_what_was_told_is_known)
{
    begin();
    for (int64_t number = 1; number <= OUTBOX_KNOWN_MAX + 5; number++) {
        struct outbox_event event = event_of(number);
        outbox_see(&outbox, &event, number <= OUTBOX_KNOWN_MAX + 2);
    }
    ck_assert_int_eq(memory_save(&outbox, path), 0);
    ck_assert_int_eq(memory_load(&read_back, path), 0);
    ck_assert_uint_eq(read_back.waiting, 3);
    ck_assert_mem_eq(outbox_first(&read_back), outbox_first(&outbox), sizeof(struct outbox_event));
    struct outbox_event told = event_of(OUTBOX_KNOWN_MAX), waits = event_of(OUTBOX_KNOWN_MAX + 5);
    ck_assert(!outbox_see(&read_back, &told, false));
    ck_assert(!outbox_see(&read_back, &waits, false));
    ck_assert_uint_eq(read_back.waiting, 3);
    end();
}
END_TEST

START_TEST(a_file_that_is_none_leaves_all_as_it_was)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"told\": [], \"waiting\": 1}",
        "{\"told\": [{\"number\": 1}], \"waiting\": []}",
        "{\"told\": [{\"number\":1,\"at_s\":1,\"node\":\"0123456789012345678901234567890123456789"
        "012345678901234567890123456789\",\"area\":\"\",\"subject\":\"\",\"from\":\"\",\"to\":\"\","
        "\"reason\":\"\"}], \"waiting\": []}"};
    begin();
    ck_assert_int_eq(memory_load(&read_back, path), -ENOENT);
    struct outbox_event event = event_of(1);
    outbox_see(&read_back, &event, false);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_text(texts[i]);
        ck_assert_int_eq(memory_load(&read_back, path), -EBADMSG);
        ck_assert_uint_eq(read_back.waiting, 1);
    }
    ck_assert_int_eq(memory_save(&outbox, "/tmp/no-such-folder/notify"), -ENOENT);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/notify/memory");
    SUITE_CASE(suite, "file", what_waits_waits_again_and_what_was_told_is_known,
               a_file_that_is_none_leaves_all_as_it_was);
    return suite_run(suite);
}
