#include "node/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

#define ADVICE ": name a file that the user of tandem-worker may read"

static const char document_text[] =
    "format: 1\n"
    "cluster: lab\n"
    "nodes:\n"
    "  ns1: {own: 192.0.2.11, home: 192.0.2.51, key: "
    "\"0000000000000000000000000000000000000001\"}\n"
    "zones: {lab.example: zones/lab}\n"
    "servers:\n"
    "  media1: {addresses: [192.0.2.101, \"2001:db8::101\"], capacity: 1000, key: "
    "\"0000000000000000000000000000000000000003\"}\n"
    "pools:\n"
    "  stream: {name: stream.lab.example, ports: [1755], servers: all}\n";

static const char zone_text[] = "$TTL 300\n"
                                "@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
                                "@ NS ns1\n"
                                "ns1 A 192.0.2.53\n";

static char directory[] = "/tmp/tandem-load-XXXXXX";
static char path[64]; /* of the document */
static char error[LOAD_ERROR_MAX];
static struct load_memory memory, view_memory;
static struct document document;
static const struct view *view;

static const char *in_directory(const char *name)
{
    static char whole[128];
    snprintf(whole, sizeof whole, "%s/%s", directory, name);
    return whole;
}

static void write_file(const char *name, const char *text)
{
    FILE *out = fopen(in_directory(name), "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

/* A file of that size without a byte on disk. */
static void make_large(const char *name, off_t size)
{
    write_file(name, "");
    ck_assert_int_eq(truncate(in_directory(name), size), 0);
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(mkdir(in_directory("zones"), 0700), 0);
    snprintf(path, sizeof path, "%s/tandem.yaml", directory);
    ck_assert_int_eq(load_memory_open(&memory, 1 << 20), 0);
}

static void teardown(void)
{
    static const char *const names[] = {"tandem.yaml", "zones/lab", "zones/hosts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_directory(names[i]));
    ck_assert_int_eq(rmdir(in_directory("zones")), 0);
    ck_assert_int_eq(rmdir(directory), 0);
    load_memory_close(&memory);
}

static bool load_document(const char *from)
{
    struct load_source source = {.path = from};
    size_t size;
    const char *text = load_text(&source, &memory, &size, error);
    return text != NULL && document_parse(&document, from, text, size, &memory.arena, error);
}

static bool load_all(void)
{
    struct load_source source = {.path = path};
    write_file("tandem.yaml", document_text);
    ck_assert_msg(load_document(path), "%s", error);
    struct pool_member_config member = {.capacity = 1000, .has = {true, true}};
    struct pool_config config = {.member_count = 1,
                                 .members = &member,
                                 .group_size = 1,
                                 .rounds = 1,
                                 .last_resort = POOL_SERVFAIL};
    struct pool *pool = pool_init(&config, &memory.arena);
    ck_assert_ptr_nonnull(pool);
    return load_view(&source, &document, "ns1", &pool, &view_memory, &view, error);
}

/* The sentence without the temporary directory. */
static const char *complaint(void)
{
    ck_assert_msg(strncmp(error, directory, strlen(directory)) == 0, "%s", error);
    return error + strlen(directory) + 1;
}

START_TEST(a_document_is_read_from_its_file)
{
    setup();
    write_file("tandem.yaml", document_text);
    ck_assert_msg(load_document(path), "%s", error);
    ck_assert_str_eq(document.cluster, "lab");
    teardown();
}
END_TEST

START_TEST(a_missing_document_is_told)
{
    setup();
    ck_assert(!load_document(path));
    ck_assert_str_eq(complaint(), "tandem.yaml cannot be read (No such file or directory)" ADVICE);
    teardown();
}
END_TEST

START_TEST(a_document_that_is_too_large_is_not_read)
{
    setup();
    make_large("tandem.yaml", DOCUMENT_SIZE_MAX + 1);
    ck_assert(!load_document(path));
    ck_assert_str_eq(complaint(), "tandem.yaml: is larger than Tandem reads");
    teardown();
}
END_TEST

START_TEST(what_is_no_file_is_not_read)
{
    setup();
    ck_assert(!load_document(in_directory("zones")));
    ck_assert_str_eq(complaint(), "zones cannot be read (Invalid argument)" ADVICE);
    teardown();
}
END_TEST

START_TEST(a_pipe_in_the_place_of_a_file_does_not_block)
{
    setup();
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(!load_document(path));
    ck_assert_str_eq(complaint(), "tandem.yaml cannot be read (Invalid argument)" ADVICE);
    teardown();
}
END_TEST

START_TEST(a_zone_is_read_beside_its_document)
{
    setup();
    write_file("zones/lab", zone_text);
    ck_assert_msg(load_all(), "%s", error);
    ck_assert_str_eq(error, "");
    ck_assert_uint_eq(view_zone_count(view), 1);
    ck_assert_uint_eq(view_record_count(view), 3);
    load_memory_close(&view_memory);
    teardown();
}
END_TEST

START_TEST(an_include_is_read_beside_its_zone)
{
    char text[512];
    setup();
    snprintf(text, sizeof text, "%s$INCLUDE hosts\n", zone_text);
    write_file("zones/lab", text);
    write_file("zones/hosts", "www A 192.0.2.80\nftp A 192.0.2.81\n");
    ck_assert_msg(load_all(), "%s", error);
    ck_assert_uint_eq(view_record_count(view), 5);
    load_memory_close(&view_memory);
    teardown();
}
END_TEST

START_TEST(a_zone_that_cannot_be_is_told_and_costs_no_memory)
{
    static const struct {
        const char *text, *complaint;
    } table[] = {
        {NULL, "zones/lab cannot be read (No such file or directory)" ADVICE},
        {"$TTL 300\n", "zones/lab:1: found no SOA, expected one at lab.example."},
        {"$INCLUDE missing\n", "zones/lab:1: found $INCLUDE 'missing', which cannot be read"},
        {"$INCLUDE lab\n", "lab:1: found $INCLUDE nested more than 8 deep"},
    };
    setup();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].text != NULL)
            write_file("zones/lab", table[i].text);
        ck_assert(!load_all());
        ck_assert_msg(strstr(error, table[i].complaint) != NULL, "%s", error);
        ck_assert_ptr_null(view_memory.base);
    }
    teardown();
}
END_TEST

START_TEST(a_zone_that_is_too_large_is_not_read)
{
    setup();
    make_large("zones/lab", LOAD_ZONE_SIZE_MAX + 1);
    ck_assert(!load_all());
    ck_assert_str_eq(complaint(), "zones/lab: is larger than Tandem reads");
    teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/load");
    SUITE_CASE(suite, "document", a_document_is_read_from_its_file, a_missing_document_is_told,
               a_document_that_is_too_large_is_not_read, what_is_no_file_is_not_read,
               a_pipe_in_the_place_of_a_file_does_not_block);
    SUITE_CASE(
        suite, "zones", a_zone_is_read_beside_its_document, an_include_is_read_beside_its_zone,
        a_zone_that_cannot_be_is_told_and_costs_no_memory, a_zone_that_is_too_large_is_not_read);
    return suite_run(suite);
}
