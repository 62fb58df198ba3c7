#include "node/reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/suite.h"

enum { WAIT_MS = 20000, LONG_ENOUGH_MS = 30 };

static const char document_text[] = "format: 1\n"
                                    "cluster: lab\n"
                                    "nodes:\n"
                                    "  ns1: {own: 192.0.2.11, home: 192.0.2.51}\n"
                                    "zones: {lab.example: lab.zone}\n";

#define ZONE_OF_THREE                                                                              \
    "$TTL 300\n"                                                                                   \
    "@ SOA ns1 hostmaster 1 3600 600 86400 60\n"                                                   \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.53\n"

static char directory[] = "/tmp/tandem-reload-XXXXXX";
static char document_path_text[64], zone_path[64];
static char error[LOAD_ERROR_MAX];
static struct load_memory memory;
static struct document document;
static struct publisher publisher;
static struct reload *reload;

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(document_path_text, sizeof document_path_text, "%s/tandem.yaml", directory);
    snprintf(zone_path, sizeof zone_path, "%s/lab.zone", directory);
    write_file(document_path_text, document_text);
    write_file(zone_path, ZONE_OF_THREE);
    ck_assert_int_eq(load_memory_open(&memory, 1 << 20), 0);
    ck_assert_msg(load_document(document_path_text, &document, &memory, error), "%s", error);
    struct reload_config config = {
        .path = document_path_text, .node = "ns1", .document = &document, .publisher = &publisher};
    ck_assert_int_eq(reload_open(&reload, &config), 0);
    publish_register();
    publish_offline(); /* a reader that holds a view only where a test says so */
}

static void teardown(void)
{
    reload_close(reload);
    publish_online();
    publish_unregister();
    publish_close(&publisher);
    load_memory_close(&memory);
    unlink(document_path_text);
    unlink(zone_path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static bool has_ended_within(int timeout_ms)
{
    struct pollfd ended = {.fd = reload_fd(reload), .events = POLLIN};
    return poll(&ended, 1, timeout_ms) == 1;
}

/* The records of the view it made; error says why when there is none. */
static size_t reload_now(void)
{
    size_t records = 0;
    ck_assert_int_eq(reload_start(reload), 0);
    ck_assert(has_ended_within(WAIT_MS));
    ck_assert(reload_result(reload, &records, error));
    return records;
}

static size_t published_records(void)
{
    publish_online();
    const struct view *view = publish_view(&publisher);
    size_t records = view == NULL ? 0 : view_record_count(view);
    publish_offline();
    return records;
}

START_TEST(nothing_has_ended_before_a_reload_began)
{
    size_t records;
    setup();
    ck_assert(!has_ended_within(0));
    ck_assert(!reload_result(reload, &records, error));
    ck_assert_uint_eq(published_records(), 0);
    teardown();
}
END_TEST

START_TEST(each_reload_publishes_what_the_zones_say_then)
{
    setup();
    ck_assert_uint_eq(reload_now(), 3);
    ck_assert_str_eq(error, "");
    ck_assert_uint_eq(published_records(), 3);
    write_file(zone_path, ZONE_OF_THREE "www A 192.0.2.80\n");
    ck_assert_uint_eq(published_records(), 3); /* a file alone changes nothing */
    ck_assert_uint_eq(reload_now(), 4);
    ck_assert_uint_eq(published_records(), 4);
    teardown();
}
END_TEST

START_TEST(a_mistake_is_told_and_the_view_from_before_stays)
{
    setup();
    reload_now();
    write_file(zone_path, ZONE_OF_THREE "www A 192.0.2\n");
    reload_now();
    ck_assert_msg(strstr(error, "lab.zone:5: ") != NULL, "%s", error);
    ck_assert_uint_eq(published_records(), 3);
    teardown();
}
END_TEST

START_TEST(a_mistake_corrected_leaves_no_trace)
{
    setup();
    unlink(zone_path);
    reload_now();
    ck_assert_str_ne(error, "");
    write_file(zone_path, ZONE_OF_THREE);
    ck_assert_uint_eq(reload_now(), 3);
    ck_assert_str_eq(error, "");
    teardown();
}
END_TEST

START_TEST(an_end_is_told_once)
{
    size_t records;
    setup();
    reload_now();
    ck_assert(!has_ended_within(0));
    ck_assert(!reload_result(reload, &records, error));
    teardown();
}
END_TEST

/* The builder waits for this thread, which holds a view: it runs for as long as the test says. */
START_TEST(one_reload_runs_at_a_time)
{
    size_t records;
    setup();
    reload_now();
    publish_online();
    ck_assert_int_eq(reload_start(reload), 0);
    ck_assert_int_eq(reload_start(reload), -EBUSY);
    ck_assert(!has_ended_within(LONG_ENOUGH_MS));
    ck_assert(!reload_result(reload, &records, error));
    publish_offline();
    ck_assert(has_ended_within(WAIT_MS));
    ck_assert_int_eq(reload_start(reload), -EBUSY); /* until its result was fetched */
    ck_assert(reload_result(reload, &records, error));
    ck_assert_uint_eq(reload_now(), 3);
    teardown();
}
END_TEST

static void *close_reload(void *is_closed)
{
    reload_close(reload);
    atomic_store((atomic_bool *)is_closed, true);
    return NULL;
}

START_TEST(a_close_waits_for_the_reload_under_way)
{
    setup();
    pthread_t id;
    atomic_bool is_closed = false;
    reload_now();
    publish_online();
    ck_assert_int_eq(reload_start(reload), 0);
    ck_assert_int_eq(pthread_create(&id, NULL, close_reload, &is_closed), 0);
    poll(NULL, 0, LONG_ENOUGH_MS);
    ck_assert(!atomic_load(&is_closed));
    publish_offline();
    pthread_join(id, NULL);
    reload = NULL;
    teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/reload");
    SUITE_CASE(suite, "zones", nothing_has_ended_before_a_reload_began,
               each_reload_publishes_what_the_zones_say_then,
               a_mistake_is_told_and_the_view_from_before_stays,
               a_mistake_corrected_leaves_no_trace);
    SUITE_CASE(suite, "one-at-a-time", an_end_is_told_once, one_reload_runs_at_a_time,
               a_close_waits_for_the_reload_under_way);
    return suite_run(suite);
}
