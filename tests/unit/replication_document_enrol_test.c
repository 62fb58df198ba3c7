#include "replication/document.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static const char text[] = "format: 1\ncluster: lab\nnodes:\n"
                           "  ns1: {own: 192.0.2.11, home: 192.0.2.51, key: "
                           "\"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"}\n"
                           "zones: {lab.example: z}\nservers:\n"
                           "  m1: {addresses: [192.0.2.101], capacity: 5, key: "
                           "\"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"}\n"
                           "pools:\n  s: {name: s.lab.example, ports: [80], servers: all}\n"
                           "  t: {name: t.lab.example, ports: [80], servers: all}\n";

static struct document document;
static _Alignas(16) uint8_t memory[1 << 20];
static struct arena arena;

static void read_text(const char *yaml)
{
    char error[DOCUMENT_ERROR_MAX];
    arena_init(&arena, memory, sizeof memory);
    ck_assert_msg(document_parse(&document, "t.yaml", yaml, strlen(yaml), &arena, error), "%s",
                  error);
}

static void setup(void)
{
    read_text(text);
}

static struct document_enrolment server(const char *name, const char *address, const char *key,
                                        const char *pool)
{
    struct document_enrolment enrolment = {.server = {.name = name, .capacity = 7}, .pool = pool};
    ck_assert(ip_parse(address, &enrolment.server.addresses[0]));
    snprintf(enrolment.server.keys[0], sizeof enrolment.server.keys[0], "%s", key);
    return enrolment;
}

START_TEST(who_joined_is_a_server_of_its_pool_and_of_no_other)
{
    setup();
    char name[] = "m9";
    struct document_enrolment list[] = {server(name, "192.0.2.109", "key9", "s"),
                                        server("m8", "192.0.2.108", "key8", "t")};
    uint8_t machine[MACHINE_ID_SIZE] = "mine";
    list[0].server.machine = machine;
    ck_assert(document_enrol(&document, list, 2, &arena));
    name[0] = 'x'; /* it was copied, */
    machine[0] = 'x';
    ck_assert_mem_eq(document.servers[1].machine, "mine", 5);
    ck_assert_ptr_null(document.servers[2].machine);
    ck_assert_uint_eq(document.server_count, 3);
    ck_assert_str_eq(document.servers[0].name, "m1");
    ck_assert_str_eq(document.servers[1].name, "m9");
    ck_assert_uint_eq(document.servers[1].capacity, 7);
    ck_assert_uint_eq(document.pools[0].member_count, 2);
    ck_assert_uint_eq(document.pools[0].members[1], 1);
    ck_assert_uint_eq(document.pools[1].member_count, 2);
    ck_assert_uint_eq(document.pools[1].members[1], 2);
}
END_TEST

START_TEST(the_document_and_who_came_first_go_before)
{
    setup();
    struct document_enrolment list[] = {
        server("m1", "192.0.2.109", "key9", "s"),
        server("m9", "192.0.2.101", "key9", "s"),
        server("m9", "192.0.2.109", document.servers[0].keys[0], "s"),
        server("m9", "192.0.2.109", "key9", "u"),
        server("m9", "192.0.2.11", "key9", "s"),
        server("m9", "192.0.2.51", "key9", "s"),
        server("m9", "192.0.2.109", "key9", "s"),
        server("m10", "192.0.2.109", "key10", "s")};
    ck_assert(document_enrol(&document, list, sizeof list / sizeof *list, &arena));
    ck_assert_uint_eq(document.server_count, 2);
    ck_assert_str_eq(document.servers[1].name, "m9");
    ck_assert_uint_eq(document.pools[0].member_count, 2);
}
END_TEST

START_TEST(of_two_keys_neither_is_anothers)
{
    setup();
    strcpy(document.servers[0].keys[1], "key9");
    struct document_enrolment list[] = {server("m8", "192.0.2.108", "key9", "s"),
                                        server("m9", "192.0.2.109", "key8", "s"),
                                        server("m10", "192.0.2.110", "key10", "s")};
    strcpy(list[1].server.keys[1], document.servers[0].keys[0]);
    ck_assert(document_enrol(&document, list, sizeof list / sizeof *list, &arena));
    ck_assert_uint_eq(document.server_count, 2);
    ck_assert_str_eq(document.servers[1].name, "m10");
}
END_TEST

/* Keys that are withdrawn are empty, and so is one of the two addresses of most. */
START_TEST(what_two_have_not_is_not_the_same)
{
    setup();
    document.servers[0].keys[0][0] = '\0';
    struct document_enrolment list[] = {server("m8", "192.0.2.108", "", "s"),
                                        server("m9", "192.0.2.109", "", "s")};
    ck_assert(document_enrol(&document, list, 2, &arena));
    ck_assert_uint_eq(document.server_count, 3);
}
END_TEST

static void enrol_into(const char *pool, size_t count)
{
    static char names[20][32], addresses[20][32], keys[20][32];
    struct document_enrolment list[20];
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "j%zu", i);
        snprintf(addresses[i], sizeof addresses[i], "192.0.2.%zu", 120 + i);
        snprintf(keys[i], sizeof keys[i], "key%zu", i);
        list[i] = server(names[i], addresses[i], keys[i], pool);
    }
    ck_assert(document_enrol(&document, list, count, &arena));
}

#define EMPTY                                                                                      \
    "format: 1\ncluster: lab\nnodes: {ns1: {own: 192.0.2.11, home: 192.0.2.51}}\n"                 \
    "zones: {lab.example: z}\npools:\n"                                                            \
    "  s: {name: s.lab.example, ports: [80]}\n"                                                    \
    "  t: {name: t.lab.example, ports: [80], group-size: 3}\n"

/* What is written holds as soon as there are so many; what is not is a fifth of all. */
START_TEST(a_group_grows_with_those_that_join)
{
    static const struct {
        size_t count;
        uint32_t unwritten, written;
    } table[] = {{0, 1, 1}, {1, 1, 1}, {2, 2, 2}, {4, 2, 3}, {15, 3, 3}, {20, 4, 3}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        read_text(EMPTY);
        enrol_into("s", table[i].count);
        ck_assert_uint_eq(document.pools[0].member_count, table[i].count);
        ck_assert_uint_eq(document.pools[0].group_size, table[i].unwritten);
        ck_assert_uint_eq(document.pools[1].group_size, 1);
        read_text(EMPTY);
        enrol_into("t", table[i].count);
        ck_assert_uint_eq(document.pools[1].group_size, table[i].written);
    }
}
END_TEST

START_TEST(nobody_joined_and_an_arena_too_small)
{
    struct arena none;
    setup();
    ck_assert(document_enrol(&document, NULL, 0, &arena));
    ck_assert_uint_eq(document.server_count, 1);
    struct document_enrolment list[] = {server("m9", "192.0.2.109", "key9", "s")};
    arena_init(&none, memory, 16);
    ck_assert(!document_enrol(&document, list, 1, &none));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/document_enrol");
    SUITE_CASE(suite, "enrol", who_joined_is_a_server_of_its_pool_and_of_no_other,
               the_document_and_who_came_first_go_before, of_two_keys_neither_is_anothers,
               what_two_have_not_is_not_the_same, a_group_grows_with_those_that_join,
               nobody_joined_and_an_arena_too_small);
    return suite_run(suite);
}
