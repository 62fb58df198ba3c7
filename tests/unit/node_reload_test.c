#include "node/reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit/suite.h"

#define KEY4 "4444444444444444444444444444444444444444"
#define KEY5 "5555555555555555555555555555555555555555"
#define KEY6 "6666666666666666666666666666666666666666"

enum { WAIT_MS = 20000, LONG_ENOUGH_MS = 30 };

static const char document_text[] = "format: 1\n"
                                    "cluster: lab\n"
                                    "nodes:\n"
                                    "  ns1: {own: 192.0.2.11, home: 192.0.2.51, "
                                    "key: \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"}\n"
                                    "zones: {lab.example: lab.zone}\n";

#define ZONE_OF_THREE                                                                              \
    "$TTL 300\n"                                                                                   \
    "@ SOA ns1 hostmaster 1 3600 600 86400 60\n"                                                   \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.53\n"

static const char document_with_a_server[] =
    "format: 1\ncluster: lab\nnodes: {ns1: {own: 127.0.0.1, home: 127.0.0.2, "
    "key: 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'}}\n"
    "zones: {tandem.example: lab.zone}\n"
    "servers: {media1: {addresses: 192.0.2.101, capacity: 10, "
    "key: 'D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs'}}\n"
    "pools: {stream: {name: stream.tandem.example, ports: [80], servers: all}}\n";
static char directory[] = "/tmp/tandem-reload-XXXXXX";
static char document_path_text[64], zone_path[64];
static char error[LOAD_ERROR_MAX];
static struct generation *served;
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
    served = generation_open(document_path_text, NULL, NULL, error);
    ck_assert_msg(served != NULL, "%s", error);
    struct reload_config config = {
        .path = document_path_text, .node = "ns1", .servers_max = 100, .publisher = &publisher};
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
    generation_close(served);
    unlink(document_path_text);
    unlink(zone_path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static bool has_news_within(int timeout_ms)
{
    struct pollfd ended = {.fd = reload_fd(reload), .events = POLLIN};
    return poll(&ended, 1, timeout_ms) == 1;
}

static enum reload_stage next_stage(size_t *records, struct generation **generation)
{
    ck_assert(has_news_within(WAIT_MS));
    return reload_result(reload, generation, records, error);
}

static void start(void)
{
    ck_assert_int_eq(reload_start(reload, RELOAD_FILE, served, NULL, NULL), 0);
}

/* It is prepared: as a worker does, take it over and have it published. */
static void adopt(void)
{
    struct generation *prepared, *before = served;
    size_t records;
    ck_assert_int_eq(next_stage(&records, &prepared), RELOAD_PREPARED);
    served = prepared;
    reload_publish(reload, before);
}

static size_t wait_ended(void)
{
    struct generation *none;
    size_t records = 0;
    ck_assert_int_eq(next_stage(&records, &none), RELOAD_ENDED);
    return records;
}

/* The records of the view it made. */
static size_t reload_now(void)
{
    start();
    adopt();
    return wait_ended();
}

/* error says why there is none. */
static void reload_in_vain(void)
{
    start();
    wait_ended();
    ck_assert_str_ne(error, "");
}

static size_t published_records(void)
{
    publish_online();
    const struct view *view = publish_view(&publisher);
    size_t records = view == NULL ? 0 : view_record_count(view);
    publish_offline();
    return records;
}

static void expect_no_news(void)
{
    struct generation *none;
    size_t records;
    ck_assert(!has_news_within(0));
    ck_assert_int_eq(reload_result(reload, &none, &records, error), RELOAD_NOTHING);
}

START_TEST(there_is_no_news_before_a_reload_began)
{
    setup();
    expect_no_news();
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
    reload_in_vain();
    ck_assert_msg(strstr(error, "lab.zone:5: ") != NULL, "%s", error);
    ck_assert_uint_eq(published_records(), 3);
    teardown();
}
END_TEST

START_TEST(a_mistake_corrected_leaves_no_trace)
{
    setup();
    unlink(zone_path);
    reload_in_vain();
    write_file(zone_path, ZONE_OF_THREE);
    ck_assert_uint_eq(reload_now(), 3);
    ck_assert_str_eq(error, "");
    teardown();
}
END_TEST

/* ---- the document ---- */

#define SERVERS_AND_POOL                                                                           \
    "servers:\n"                                                                                   \
    "  media1: {addresses: [192.0.2.101], capacity: 10, key: \"%040d\"}\n"                         \
    "pools:\n"                                                                                     \
    "  stream: {name: stream.lab.example, ports: [80], servers: all}\n"

START_TEST(a_document_is_read_anew_with_its_servers_and_pools)
{
    char text[1024];
    setup();
    reload_now();
    ck_assert_uint_eq(served->document.pool_count, 0);
    snprintf(text, sizeof text, "%s" SERVERS_AND_POOL, document_text, 1);
    write_file(document_path_text, text);
    reload_now();
    ck_assert_str_eq(error, "");
    ck_assert_uint_eq(served->document.server_count, 1);
    ck_assert_str_eq(served->document.pools[0].name, "stream");
    ck_assert_ptr_eq(served->pools[0], served->plan.pools[0].pool);
    ck_assert_str_eq(served->differs, "");
    teardown();
}
END_TEST

/* How many keys media1 has, after these were withdrawn, and the first. */
static size_t keys_left(const char *withdrawn, const char *also, const char **first)
{
    struct revocation revocation = {.server = "media1", .is_revoked = true};
    struct roll roll = {.revoked_count = 1, .revoked = &revocation};
    strcpy(revocation.keys[0], withdrawn);
    strcpy(revocation.keys[1], also);
    generation_close(served);
    served = generation_open(document_path_text, NULL, &roll, error);
    ck_assert_msg(served != NULL, "%s", error);
    const struct document_server *server = &served->document.servers[0];
    *first = server->keys[0];
    return (size_t)(server->keys[0][0] != '\0') + (server->keys[1][0] != '\0');
}

START_TEST(of_two_keys_those_that_are_withdrawn_are_gone)
{
    char text[1024];
    const char *first;
    setup();
    snprintf(text, sizeof text,
             "%sservers:\n  media1: {addresses: 192.0.2.101, capacity: 9, key: [\"" KEY4
             "\", \"" KEY5 "\"]}\n",
             document_text);
    write_file(document_path_text, text);
    ck_assert_uint_eq(keys_left(KEY6, "", &first), 2);
    ck_assert_str_eq(first, KEY4);
    ck_assert_uint_eq(keys_left(KEY5, "", &first), 1);
    ck_assert_str_eq(first, KEY4);
    ck_assert_uint_eq(keys_left(KEY4, "", &first), 1);
    ck_assert_str_eq(first, KEY5);
    ck_assert_uint_eq(keys_left(KEY6, KEY4, &first), 1);
    ck_assert_str_eq(first, KEY5);
    ck_assert_uint_eq(keys_left(KEY5, KEY4, &first), 0);
    ck_assert_str_eq(first, "");
    teardown();
}
END_TEST

START_TEST(a_mistake_in_the_document_is_told_and_the_one_from_before_stays)
{
    setup();
    reload_now();
    struct generation *before = served;
    write_file(document_path_text, "format: 1\nclustre: lab\n");
    reload_in_vain();
    ck_assert_msg(strstr(error, "tandem.yaml:2:1: ") != NULL, "%s", error);
    ck_assert_ptr_eq(served, before);
    ck_assert_uint_eq(published_records(), 3);
    teardown();
}
END_TEST

START_TEST(what_is_read_once_stays_and_is_named)
{
    char text[1024];
    setup();
    snprintf(text, sizeof text, "%sdns: {port: 54}\nwitness: [192.0.2.1]\n", document_text);
    write_file(document_path_text, text);
    reload_now();
    ck_assert_str_eq(served->differs, "dns, witness");
    ck_assert_uint_eq(served->document.dns_port, 53);
    teardown();
}
END_TEST

START_TEST(a_document_with_more_servers_than_there_is_room_for_is_refused)
{
    setup();
    reload_now();
    reload_close(reload);
    struct reload_config config = {
        .path = document_path_text, .node = "ns1", .servers_max = 0, .publisher = &publisher};
    ck_assert_int_eq(reload_open(&reload, &config), 0);
    write_file(document_path_text, document_with_a_server);
    reload_in_vain();
    ck_assert_msg(strstr(error, "more servers") != NULL, "%s", error);
    ck_assert_uint_eq(published_records(), 3);
    teardown();
}
END_TEST

/* ---- one at a time ---- */

START_TEST(an_end_is_told_once)
{
    setup();
    reload_now();
    expect_no_news();
    teardown();
}
END_TEST

/* The builder waits for this thread, which holds a view: it runs for as long as the test says. */
START_TEST(one_reload_runs_at_a_time)
{
    setup();
    reload_now();
    publish_online();
    start();
    adopt();
    ck_assert(reload_is_running(reload));
    ck_assert_int_eq(reload_start(reload, RELOAD_FILE, served, NULL, NULL), -EBUSY);
    ck_assert(!has_news_within(LONG_ENOUGH_MS));
    publish_offline();
    ck_assert(has_news_within(WAIT_MS));
    ck_assert_int_eq(reload_start(reload, RELOAD_FILE, served, NULL, NULL),
                     -EBUSY); /* until its end was told */
    ck_assert_uint_eq(wait_ended(), 3);
    ck_assert(!reload_is_running(reload));
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
    start();
    adopt();
    ck_assert_int_eq(pthread_create(&id, NULL, close_reload, &is_closed), 0);
    poll(NULL, 0, LONG_ENOUGH_MS);
    ck_assert(!atomic_load(&is_closed));
    publish_offline();
    pthread_join(id, NULL);
    reload = NULL;
    teardown();
}
END_TEST

START_TEST(a_close_drops_what_is_prepared)
{
    setup();
    reload_now();
    start();
    ck_assert(has_news_within(WAIT_MS));
    reload_close(reload);
    reload = NULL;
    teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/reload");
    SUITE_CASE(suite, "zones", there_is_no_news_before_a_reload_began,
               each_reload_publishes_what_the_zones_say_then,
               a_mistake_is_told_and_the_view_from_before_stays,
               a_mistake_corrected_leaves_no_trace);
    SUITE_CASE(suite, "document", a_document_is_read_anew_with_its_servers_and_pools,
               of_two_keys_those_that_are_withdrawn_are_gone,
               a_mistake_in_the_document_is_told_and_the_one_from_before_stays,
               what_is_read_once_stays_and_is_named,
               a_document_with_more_servers_than_there_is_room_for_is_refused);
    SUITE_CASE(suite, "one-at-a-time", an_end_is_told_once, one_reload_runs_at_a_time,
               a_close_waits_for_the_reload_under_way, a_close_drops_what_is_prepared);
    return suite_run(suite);
}
