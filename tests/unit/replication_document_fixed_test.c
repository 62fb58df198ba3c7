#include "replication/document.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

#define NEXT "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define KEY  "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static const char nodes_text[] = "nodes:\n"
                                 "  ns1: {own: 192.0.2.11, home: 192.0.2.51, key: \"" KEY "\"}\n";

static struct document running, next;
static char differs[DOCUMENT_DIFFERS_MAX];
static _Alignas(16) uint8_t memory[2][1 << 20];
static struct arena arenas[2];

static void parse(struct document *document, size_t arena, const char *nodes, const char *rest)
{
    char text[2048], error[DOCUMENT_ERROR_MAX];
    snprintf(text, sizeof text, "format: 1\ncluster: lab\n%szones: {lab.example: z}\n%s", nodes,
             rest);
    arena_init(&arenas[arena], memory[arena], sizeof memory[arena]);
    ck_assert_msg(document_parse(document, "t.yaml", text, strlen(text), &arenas[arena], error),
                  "%s", error);
}

/* What is said to differ when the running document has `rest` no more, but this. */
static const char *difference(const char *nodes, const char *rest)
{
    parse(&running, 0, nodes_text, "");
    parse(&next, 1, nodes, rest);
    ck_assert(document_keep_fixed(&next, &running, &arenas[1], differs));
    return differs;
}

START_TEST(what_takes_a_restart_is_named_and_stays)
{
    ck_assert_str_eq(difference(nodes_text, ""), "");
    ck_assert_str_eq(difference(nodes_text, "dns: {port: 54}\n"), "dns");
    ck_assert_uint_eq(next.dns_port, 53);
    ck_assert_str_eq(difference(nodes_text, "replication: {port: 7000}\n"), "replication");
    ck_assert_str_eq(difference(nodes_text, "failover: {interval: 20ms}\n"), "failover");
    ck_assert_uint_eq(next.interval_ms, running.interval_ms);
    ck_assert_str_eq(difference(nodes_text, "paths: {run: /run/other}\n"), "paths");
    ck_assert_str_eq(next.run_path, running.run_path);
    ck_assert_str_eq(difference(nodes_text, "witness: [192.0.2.1]\n"), "witness");
    ck_assert_str_eq(difference(nodes_text, "spare: 192.0.2.55\n"), "spare");
    ck_assert_uint_eq(next.witness_count, 0);
    ck_assert_str_eq(difference("nodes:\n  ns1: {own: 192.0.2.12, home: 192.0.2.51, key: \"" KEY
                                "\"}\n",
                                "dns: {threads: 3}\nwitness: [192.0.2.1]\n"),
                     "nodes, dns, witness");
    ck_assert(ip_equal(&next.nodes[0].own[0], &running.nodes[0].own[0]));
}
END_TEST

/* ns1 with that key, as YAML. */
static const char *with_key(const char *key)
{
    static char nodes[256];
    snprintf(nodes, sizeof nodes, "nodes:\n  ns1: {own: 192.0.2.11, home: 192.0.2.51, key: %s}\n",
             key);
    return nodes;
}

START_TEST(of_a_nodes_keys_one_may_come_or_go_while_the_other_stays)
{
    ck_assert_str_eq(difference(with_key("[\"" KEY "\", \"" NEXT "\"]"), ""), "");
    ck_assert_str_eq(next.nodes[0].keys[0], KEY);
    ck_assert_str_eq(next.nodes[0].keys[1], NEXT);
    parse(&running, 0, with_key("[\"" KEY "\", \"" NEXT "\"]"), "");
    parse(&next, 1, with_key("\"" NEXT "\""), "");
    ck_assert(document_keep_fixed(&next, &running, &arenas[1], differs));
    ck_assert_str_eq(differs, "");
    ck_assert_str_eq(next.nodes[0].keys[0], NEXT);
    ck_assert_str_eq(next.nodes[0].keys[1], "");
    ck_assert_str_eq(difference(with_key("[\"" NEXT "\", \"" KEY "\"]"), ""), "");
    ck_assert_str_eq(next.nodes[0].keys[0], NEXT);
    ck_assert_str_eq(difference(with_key("\"" NEXT "\""), ""), "nodes"); /* none stays */
    ck_assert_str_eq(next.nodes[0].keys[0], KEY);
    ck_assert_str_eq(difference("nodes:\n  nsa: {own: 192.0.2.11, home: 192.0.2.51, key: "
                                "[\"" KEY "\", \"" NEXT "\"]}\n",
                                ""),
                     "nodes"); /* of another node */
    ck_assert_str_eq(next.nodes[0].keys[1], "");
}
END_TEST

START_TEST(a_node_that_is_added_or_renamed_is_another)
{
    ck_assert_str_eq(
        difference("nodes:\n  nsa: {own: 192.0.2.11, home: 192.0.2.51, key: \"" KEY "\"}\n", ""),
        "nodes");
    ck_assert_str_eq(next.nodes[0].name, "ns1");
    ck_assert_ptr_ne(next.nodes[0].name, running.nodes[0].name); /* which may go */
}
END_TEST

START_TEST(servers_pools_and_zones_are_those_of_the_next)
{
    ck_assert_str_eq(difference(nodes_text,
                                "servers:\n"
                                "  m1: {addresses: [192.0.2.101], capacity: 5, key: "
                                "\"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"}\n"
                                "pools:\n"
                                "  s: {name: s.lab.example, ports: [80], servers: all}\n"),
                     "");
    ck_assert_uint_eq(next.server_count, 1);
    ck_assert_str_eq(next.pools[0].name, "s");
    ck_assert_str_eq(next.zones[0].origin, "lab.example");
}
END_TEST

START_TEST(an_arena_too_small_is_told)
{
    struct arena none;
    parse(&running, 0, nodes_text, "");
    parse(&next, 1, nodes_text, "");
    arena_init(&none, memory[1], 16);
    ck_assert(!document_keep_fixed(&next, &running, &none, differs));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/document_fixed");
    SUITE_CASE(suite, "fixed", what_takes_a_restart_is_named_and_stays,
               of_a_nodes_keys_one_may_come_or_go_while_the_other_stays,
               a_node_that_is_added_or_renamed_is_another,
               servers_pools_and_zones_are_those_of_the_next, an_arena_too_small_is_told);
    return suite_run(suite);
}
