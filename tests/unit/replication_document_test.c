#include "unit/document_example.h"

#include <time.h>

static const char *ip(const struct ip *address)
{
    static char texts[4][IP_TEXT_SIZE];
    static size_t next;
    return ip_text(address, texts[next++ % 4]);
}

START_TEST(a_full_document_is_read_as_written)
{
    struct document document;
    ck_assert_msg(parse(&document, good), "%s", error);
    ck_assert_str_eq(document.cluster, "tandem-lab");
    ck_assert_uint_eq(document.node_count, 2);
    const struct document_node *ns1 = &document.nodes[0], *ns2 = &document.nodes[1];
    ck_assert_str_eq(ns1->name, "ns1");
    ck_assert_str_eq(ns1->interface, "lan");
    ck_assert_str_eq(ip(&ns1->own[0]), "192.0.2.11");
    ck_assert_str_eq(ip(&ns1->own[1]), "2001:db8:53::11");
    ck_assert_str_eq(ip(&ns1->home[0]), "192.0.2.53");
    ck_assert_str_eq(ip(&ns1->home[1]), "2001:db8:53::53");
    ck_assert_str_eq(ip(&ns1->pair), "198.51.100.1");
    ck_assert_str_eq(ns1->keys[0], KEY1);
    ck_assert_str_eq(ns2->name, "ns2");
    ck_assert_ptr_null(ns2->interface);
    ck_assert_str_eq(ip(&ns2->own[0]), "192.0.2.12");
    ck_assert_str_eq(ip(&ns2->own[1]), "2001:db8:53::12");
    ck_assert_str_eq(ip(&ns2->home[0]), "192.0.2.54");
    ck_assert_str_eq(ip(&ns2->home[1]), "none");
    ck_assert_str_eq(ip(&ns2->pair), "192.0.2.12");
    ck_assert_str_eq(ns2->keys[0], KEY2);
    ck_assert_uint_eq(document.dns_port, 5353);
    ck_assert_uint_eq(document.dns_threads, 4);
    ck_assert_uint_eq(document.replication_port, 7363);
    ck_assert_str_eq(document.keys_path, "secret");
    ck_assert_str_eq(document.state_path, "state");
    ck_assert_str_eq(document.run_path, "/tmp/run");
    ck_assert_uint_eq(document.witness_count, 1);
    ck_assert_str_eq(ip(&document.witnesses[0]), "192.0.2.1");
    ck_assert_uint_eq(document.zone_count, 2);
    ck_assert_str_eq(document.zones[0].origin, "tandem.example");
    ck_assert_str_eq(document.zones[0].path, "tandem.example.zone");
    ck_assert_str_eq(document.zones[1].origin, "deep.tandem.example");
    ck_assert_str_eq(document.zones[1].path, "deep.zone");
    ck_assert_uint_eq(document_node(&document, "ns1"), 0);
    ck_assert_uint_eq(document_node(&document, "ns2"), 1);
    ck_assert_uint_eq(document_node(&document, "ns3"), SIZE_MAX);
}
END_TEST

START_TEST(servers_are_read_as_written)
{
    struct document document;
    ck_assert_msg(parse(&document, good), "%s", error);
    ck_assert_uint_eq(document.server_count, 2);
    const struct document_server *media1 = &document.servers[0], *media2 = &document.servers[1];
    ck_assert_str_eq(media1->name, "media1");
    ck_assert_str_eq(ip(&media1->addresses[0]), "192.0.2.101");
    ck_assert_str_eq(ip(&media1->addresses[1]), "2001:db8:53::101");
    ck_assert_uint_eq(media1->capacity, 1000);
    ck_assert_str_eq(media1->keys[0], KEY3);
    ck_assert_str_eq(media2->name, "media2");
    ck_assert_str_eq(ip(&media2->addresses[0]), "192.0.2.102");
    ck_assert_str_eq(ip(&media2->addresses[1]), "none");
    ck_assert_uint_eq(media2->capacity, 500);
    ck_assert_str_eq(media2->keys[0], "0000000000000000000000000000000000000000");
}
END_TEST

START_TEST(a_pool_is_read_as_written)
{
    struct document document;
    ck_assert_msg(parse(&document, good), "%s", error);
    ck_assert_uint_eq(document.pool_count, 2);
    const struct document_pool *pool = &document.pools[0];
    ck_assert_str_eq(pool->name, "stream");
    ck_assert_str_eq(pool->owner, "stream.tandem.example");
    ck_assert_uint_eq(pool->group_size, 1);
    ck_assert_uint_eq(pool->rounds, 3);
    ck_assert_uint_eq(pool->port_count, 2);
    ck_assert_uint_eq(pool->ports[0], 1755);
    ck_assert_uint_eq(pool->ports[1], 80);
    ck_assert_uint_eq(pool->ttl_s, 60);
    ck_assert_int_eq(pool->stale_ms, 1500);
    ck_assert_int_eq(pool->last_resort, DOCUMENT_FIXED);
    ck_assert_uint_eq(pool->fixed_count, 2);
    ck_assert_str_eq(ip(&pool->fixed[0]), "203.0.113.1");
    ck_assert_str_eq(ip(&pool->fixed[1]), "2001:db8::1");
    ck_assert_uint_eq(pool->member_count, 2);
    ck_assert_uint_eq(pool->members[0], 1);
    ck_assert_uint_eq(pool->members[1], 0);
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
    struct document document;
    ck_assert_msg(parse(&document, good), "%s", error);
    const struct document_pool *pool = &document.pools[1];
    ck_assert_str_eq(pool->name, "web");
    ck_assert_str_eq(pool->owner, "web.tandem.example");
    ck_assert_uint_eq(pool->port_count, 1);
    ck_assert_uint_eq(pool->ports[0], 80);
    ck_assert_uint_eq(pool->fixed_count, 0);
    ck_assert_uint_eq(pool->group_size, 2);
    ck_assert_uint_eq(pool->rounds, 1);
    ck_assert_uint_eq(pool->ttl_s, 5);
    ck_assert_int_eq(pool->stale_ms, 2000);
    ck_assert_int_eq(pool->last_resort, DOCUMENT_LAST_KNOWN_GOOD);
    ck_assert_uint_eq(pool->member_count, 2);
    ck_assert_uint_eq(pool->members[0], 0);
    ck_assert_uint_eq(pool->members[1], 1);
}
END_TEST

START_TEST(a_cluster_of_one_is_a_plain_name_server)
{
    struct document document;
    ck_assert_msg(parse(&document, "format: 1\n"
                                   "cluster: solo\n"
                                   "nodes: {ns1: {own: 192.0.2.1, home: 192.0.2.1}}\n"
                                   "zones: {example: example.zone, .: root.zone}\n"),
                  "%s", error);
    ck_assert_uint_eq(document.node_count, 1);
    ck_assert_str_eq(document.nodes[0].keys[0], "");
    ck_assert_str_eq(ip(&document.nodes[0].pair), "192.0.2.1");
    ck_assert_str_eq(document.zones[1].origin, ".");
    ck_assert_uint_eq(document.pool_count, 0);
    ck_assert_uint_eq(document.server_count, 0);
    ck_assert_uint_eq(document.witness_count, 0);
    ck_assert_uint_eq(document.dns_port, 53);
    ck_assert_uint_eq(document.dns_threads, 2);
    ck_assert_uint_eq(document.replication_port, 7353);
    ck_assert_str_eq(document.keys_path, "keys");
    ck_assert_str_eq(document.state_path, "/var/lib/tandem");
    ck_assert_str_eq(document.run_path, "/run/tandem");
}
END_TEST

START_TEST(a_pair_link_that_is_not_said_is_between_own_addresses)
{
    struct document document;
    ck_assert_msg(parse(&document, "format: 1\n"
                                   "cluster: solo\n"
                                   "nodes: {ns1: {own: ['2001:db8::1'], home: 2001:db8::2}}\n"),
                  "%s", error);
    ck_assert_str_eq(ip(&document.nodes[0].pair), "2001:db8::1");
    ck_assert_msg(parse(&document, with("pair: 198.51.100.1", "pair: 192.0.2.11")), "%s", error);
    ck_assert_str_eq(ip(&document.nodes[0].pair), "192.0.2.11");
}
END_TEST

START_TEST(a_router_of_another_make_has_addresses_and_neither_key_nor_pair_link)
{
    struct document document;
    ck_assert_msg(
        parse(&document,
              "format: 1\n"
              "cluster: beside\n"
              "nodes:\n"
              "  ns1: {interface: lan, own: [192.0.2.11, '2001:db8::11'], home: 192.0.2.53}\n"
              "  ns2: {own: [192.0.2.12, 'fe80::12'], home: [192.0.2.54, '2001:db8::54'],\n"
              "        link-local: 'fe80::54'}\n"
              "failover: {partner: vrrp, multicast: true}\n"),
        "%s", error);
    ck_assert(document.has_router);
    ck_assert(!document_has_partner(&document));
    ck_assert(document.is_multicast);
    ck_assert_uint_eq(document.interval_ms, 100);
    ck_assert_str_eq(ip(&document.nodes[1].own[1]), "fe80::12");
    ck_assert_str_eq(ip(&document.nodes[1].link_local), "fe80::54");
    ck_assert_uint_eq(document.nodes[1].pair.family, 0);
    ck_assert_uint_eq(document.nodes[1].vrid, 54);
}
END_TEST

START_TEST(an_interval_that_is_not_said_is_that_of_the_way_advertisements_go)
{
    struct document document;
    ck_assert_msg(parse(&document, good), "%s", error);
    ck_assert(!document.is_multicast);
    ck_assert(document_has_partner(&document));
    ck_assert_uint_eq(document.interval_ms, 10);
    ck_assert(parse(&document, with("dns: {", "failover: {multicast: true}\ndns: {")));
    ck_assert_uint_eq(document.interval_ms, 100);
    ck_assert(
        parse(&document, with("dns: {", "failover: {multicast: true, interval: 20ms}\ndns: {")));
    ck_assert_uint_eq(document.interval_ms, 20);
}
END_TEST

START_TEST(a_server_may_be_in_several_pools)
{
    struct document document;
    ck_assert_msg(parse(&document, with("servers: all", "servers: [media1]")), "%s", error);
    ck_assert_uint_eq(document.pools[1].member_count, 1);
    ck_assert_uint_eq(document.pools[1].members[0], 0);
    ck_assert_uint_eq(document.pools[1].group_size, 1);
}
END_TEST

/* They are to join. */
START_TEST(a_pool_may_have_no_servers_and_so_may_the_document)
{
    static const char *const servers[] = {"", ", servers: []", ", servers: all"};
    struct document document;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        snprintf(text, sizeof text,
                 "format: 1\ncluster: c\nnodes: {n: {own: 10.9.0.1, home: 10.9.0.2}}\n"
                 "zones: {e: e}\npools: {p: {name: p.e, ports: [80], group-size: 7%s}}\n",
                 servers[i]);
        ck_assert_msg(parse(&document, text), "%s", error);
        ck_assert_uint_eq(document.server_count, 0);
        ck_assert_uint_eq(document.pools[0].member_count, 0);
        ck_assert_uint_eq(document.pools[0].group_written, 7);
        ck_assert_uint_eq(document.pools[0].group_size, 1);
    }
    ck_assert_msg(parse(&document, with("    servers: [media2, media1]\n", "")), "%s", error);
    ck_assert_uint_eq(document.pools[0].member_count, 0);
    ck_assert_uint_eq(document.pools[1].member_count, 2);
}
END_TEST

START_TEST(lists_may_be_as_long_as_their_bound)
{
    struct document document;
    ck_assert_msg(parse(&document, with("[1755, 80]", "[1, 2, 3, 4, 5, 6, 7, 65535]")), "%s",
                  error);
    ck_assert_uint_eq(document.pools[0].port_count, DOCUMENT_PORTS_MAX);
    ck_assert_uint_eq(document.pools[0].ports[7], 65535);
    ck_assert_msg(
        parse(&document, with("[192.0.2.1]", "[10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5]")),
        "%s", error);
    ck_assert_uint_eq(document.witness_count, DOCUMENT_WITNESSES_MAX);
    ck_assert_str_eq(ip(&document.witnesses[4]), "10.0.0.5");
    ck_assert(parse(&document, with("dns: {", "spare: [192.0.2.55, 2001:db8::55]\ndns: {")));
    ck_assert_str_eq(ip(&document.spare[0]), "192.0.2.55");
    ck_assert_str_eq(ip(&document.spare[1]), "2001:db8::55");
    ck_assert(!parse(&document, with("dns: {", "spare: 192.0.2.53\ndns: {"))); /* a home */
    ck_assert_msg(parse(&document, with("[203.0.113.1, 2001:db8::1]",
                                        "[10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, "
                                        "10.0.0.6, 10.0.0.7, 10.0.0.8]")),
                  "%s", error);
    ck_assert_uint_eq(document.pools[0].fixed_count, DOCUMENT_FIXED_MAX);
    ck_assert_str_eq(ip(&document.pools[0].fixed[7]), "10.0.0.8");
}
END_TEST

/* Five characters of Z85 may say more than four bytes can hold (ZeroMQ RFC 32). */
START_TEST(the_largest_key_is_taken_and_no_larger_one)
{
    struct document document;
    ck_assert_msg(parse(&document, with(KEY1, "%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0")), "%s",
                  error);
    ck_assert(!parse(&document, with(KEY1, "%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc1")));
    ck_assert_str_eq(error, "lab.yaml:9:10: found 40 characters that are no Z85, expected a public "
                            "key as tandemctl keygen prints it: 40 characters of Z85, in quotes");
}
END_TEST

START_TEST(a_node_and_a_server_may_have_two_keys)
{
    struct document document;
    ck_assert_msg(parse(&document, with("\"" KEY1 "\"", "[\"" KEY1 "\", \"" KEY4 "\"]")), "%s",
                  error);
    ck_assert_str_eq(document.nodes[0].keys[0], KEY1);
    ck_assert_str_eq(document.nodes[0].keys[1], KEY4);
    ck_assert_str_eq(document.nodes[1].keys[1], "");
    ck_assert(document_has_key(document.nodes[0].keys, KEY1));
    ck_assert(document_has_key(document.nodes[0].keys, KEY4));
    ck_assert(!document_has_key(document.nodes[0].keys, KEY2));
    ck_assert(!document_has_key(document.nodes[1].keys, ""));
    ck_assert_msg(parse(&document, with("\"" KEY3 "\"", "[\"" KEY4 "\", \"" KEY3 "\"]")), "%s",
                  error);
    ck_assert_str_eq(document.servers[0].keys[0], KEY4);
    ck_assert_str_eq(document.servers[0].keys[1], KEY3);
}
END_TEST

static const struct {
    const char *from, *to, *complaint;
} key_mistakes[] = {
    {"\"" KEY1 "\"", "[\"" KEY1 "\", '']",
     "lab.yaml:9:55: found nothing, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"\"" KEY1 "\"", "[\"" KEY1 "\", [a]]",
     "lab.yaml:9:55: found a list, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"\"" KEY1 "\"", "[]",
     "lab.yaml:9:10: found an empty list, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes, or a list of two while one is exchanged for the other"},
    {"\"" KEY1 "\"", "{a: b}",
     "lab.yaml:9:10: found a map, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes, or a list of two while one is exchanged for the other"},
    {"\"" KEY1 "\"", "[\"" KEY1 "\", \"" KEY4 "\", \"" KEY5 "\"]",
     "lab.yaml:9:10: found a list, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes, or a list of two while one is exchanged for the other"},
    {"\"" KEY1 "\"", "[\"" KEY1 "\", \"" KEY1 "\"]",
     "lab.yaml:9:55: found the first key again, expected another"},
    {"\"" KEY1 "\"", "[\"" KEY4 "\", \"" KEY2 "\"]",
     "lab.yaml:13:10: found this a second time, expected each key once; the first is in line 9"},
    {"\"0000000000000000000000000000000000000000\"", "[\"" KEY4 "\", \"" KEY2 "\"]",
     "lab.yaml:26:55: found this a second time, expected each key once; the first is in line 13"},
};

START_TEST(a_mistake_in_a_list_of_keys_is_told_at_its_word_and_no_key_is_repeated)
{
    struct document document;
    for (size_t i = 0; i < sizeof key_mistakes / sizeof *key_mistakes; i++) {
        ck_assert(!parse(&document, with(key_mistakes[i].from, key_mistakes[i].to)));
        ck_assert_str_eq(error, key_mistakes[i].complaint);
    }
}
END_TEST

START_TEST(each_last_resort_has_its_word)
{
    struct document document;
    static const struct {
        const char *word;
        enum document_last_resort last_resort;
    } words[] = {{"last-known-good", DOCUMENT_LAST_KNOWN_GOOD},
                 {"all", DOCUMENT_ALL},
                 {"servfail", DOCUMENT_SERVFAIL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        ck_assert_msg(parse(&document, with("[203.0.113.1, 2001:db8::1]", words[i].word)), "%s",
                      error);
        ck_assert_int_eq(document.pools[0].last_resort, words[i].last_resort);
        ck_assert_uint_eq(document.pools[0].fixed_count, 0);
    }
}
END_TEST

START_TEST(a_pool_may_be_of_a_name_in_any_zone_above_it)
{
    struct document document;
    static const char *const names[] = {"tandem.example", "a.b.TANDEM.example",
                                        "x.deep.tandem.example", "_sip._udp.tandem.example."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(parse(&document, with("Stream.tandem.example.", names[i])), "%s", error);
    ck_assert_msg(parse(&document, with("tandem.example: tandem", ".: tandem")), "%s", error);
}
END_TEST

/* A pool of `count` servers with the line of its group size, or none. */
static uint32_t group_size_of(size_t count, const char *line)
{
    struct document document;
    size_t used = (size_t)snprintf(
        text, sizeof text,
        "format: 1\ncluster: c\nnodes: {n: {own: 10.9.0.1, home: 10.9.0.2, key: \"" KEY1 "\"}}\n"
        "zones: {e: e}\npools: {p: {name: p.e, ports: [80], servers: all%s}}\nservers:\n",
        line);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "  media%zu: {addresses: [10.0.%zu.%zu, 2001:db8::1:%zx], "
                                 "capacity: 1000, key: \"%040zu\"}\n",
                                 i, i / 250, i % 250, i, i);
    ck_assert_msg(parse(&document, text), "%s", error);
    ck_assert_uint_eq(document.server_count, count);
    return document.pools[0].group_size;
}

START_TEST(a_group_is_a_fifth_of_the_pool_unless_said_and_never_more_than_it)
{
    ck_assert_uint_eq(group_size_of(1, ""), 1);
    ck_assert_uint_eq(group_size_of(2, ""), 2);
    ck_assert_uint_eq(group_size_of(14, ""), 2);
    ck_assert_uint_eq(group_size_of(15, ""), 3);
    ck_assert_uint_eq(group_size_of(2000, ""), 256);
    ck_assert_uint_eq(group_size_of(3, ", group-size: 7"), 3);
    ck_assert_uint_eq(group_size_of(300, ", group-size: 256"), 256);
}
END_TEST

START_TEST(ten_thousand_servers_are_read_in_well_under_a_second_of_processor_time)
{
    clock_t begin = clock();
    ck_assert_uint_eq(group_size_of(10000, ""), 256);
    ck_assert_int_lt((clock() - begin) / (CLOCKS_PER_SEC / 1000), 3000 /* with sanitizers, ms */);
}
END_TEST

START_TEST(a_path_is_beside_the_file_unless_absolute)
{
    static _Alignas(16) uint8_t room[256];
    struct arena arena;
    arena_init(&arena, room, sizeof room);
    ck_assert_str_eq(document_path("/etc/tandem/lab.yaml", "keys", &arena), "/etc/tandem/keys");
    ck_assert_str_eq(document_path("/etc/tandem/lab.yaml", "/keys", &arena), "/keys");
    ck_assert_str_eq(document_path("lab.yaml", "keys", &arena), "keys");
    arena_init(&arena, room, 16);
    ck_assert_ptr_null(document_path("/etc/tandem/lab.yaml", "keys", &arena));
}
END_TEST

/* ---- the manual ---- */

START_TEST(the_manual_says_of_each_option_what_it_takes_and_what_it_is_for)
{
    static const char *const entries[] = {
        "The configuration of a cluster: one YAML file, the same on both nodes. For each\noption: ",
        "\n\nformat            1 (required)\n                  The version of this "
        "format.\n\ncluster ",
        "\n\nnodes             a map of one or two nodes (required)\n"
        "                  The first is the primary.\n"
        "  NAME\n"
        "    interface     the name of a network interface, of 1 to 15 characters\n",
        "\n    own           an address, or a list of one IPv4 and one IPv6 address\n"
        "                  (required)\n"
        "                  The addresses that are always on this node, at most one of\n"
        "                  each family.\n",
        "\n\ndns               a map\n"
        "                  How queries are answered.\n"
        "  port            a number from 1 to 65535 (default: 53)\n",
        "\n    ports         a list of 1 to 8 ports (required)\n",
        "\n    ttl           a duration from 0s to 24h in whole seconds (default: 5s)\n"
        "                  How long resolvers may keep an answer.\n",
        "\n    last-resort   last-known-good, all, servfail or a list of addresses\n"
        "                  (default: last-known-good)\n",
    };
    enum { SIZE = 8192 };
    size_t used = document_manual(text, SIZE);
    ck_assert_uint_eq(used, strlen(text));
    ck_assert_uint_lt(used, SIZE - 1);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        ck_assert_msg(strstr(text, entries[i]) != NULL, "no %s in\n%s", entries[i], text);
}
END_TEST

START_TEST(the_manual_is_80_columns_wide_and_ends_no_line_with_a_blank)
{
    size_t widest = 0;
    document_manual(text, sizeof text);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        size_t size = strcspn(line, "\n");
        ck_assert_msg(size <= 80, "%.*s", (int)size, line);
        ck_assert_msg(size == 0 || line[size - 1] != ' ', "%.*s", (int)size, line);
        widest = size > widest ? size : widest;
    }
    ck_assert_uint_ge(widest, 75); /* it uses the columns it has */
}
END_TEST

START_TEST(a_manual_that_does_not_fit_is_cut)
{
    char whole[8192], part[8192];
    size_t size = document_manual(whole, sizeof whole);
    for (size_t room = 1; room <= size + 2; room += 97) {
        memset(part, '?', sizeof part);
        size_t used = document_manual(part, room);
        ck_assert_uint_eq(used, room <= size ? room - 1 : size);
        ck_assert_uint_eq(used, strlen(part));
        ck_assert_int_eq(strncmp(whole, part, used), 0);
        ck_assert_int_eq(part[room], '?');
    }
}
END_TEST

/* The example in the comment of replication/document.h, into text. */
static void read_header_example(void)
{
    static const char first[] = " *   format: 1\n", end[] = " *\n";
    char path[512], line[256];
    const char *tests = strstr(__FILE__, "tests/unit/");
    ck_assert_ptr_nonnull(tests);
    snprintf(path, sizeof path, "%.*sreplication/document.h", (int)(tests - __FILE__), __FILE__);
    FILE *header = fopen(path, "r");
    ck_assert_msg(header != NULL, "no %s", path);
    text[0] = '\0';
    while (fgets(line, sizeof line, header) != NULL && strcmp(line, first) != 0)
        ;
    while (strcmp(line, end) != 0) {
        strcat(text, line + strlen(" *   "));
        ck_assert_ptr_nonnull(fgets(line, sizeof line, header));
    }
    fclose(header);
}

START_TEST(the_example_of_the_header_is_a_document_with_every_option_of_the_manual)
{
    struct document document;
    char manual[8192], key[40];
    size_t count = 0;
    read_header_example();
    ck_assert_msg(parse(&document, text), "%s", error);
    document_manual(manual, sizeof manual);
    for (const char *line = strstr(manual, "\n\n"); line != NULL; line = strchr(line + 1, '\n')) {
        if (line[1] == '\n' || strspn(line + 1, " ") >= 18 || sscanf(line, " %31[a-z-]", key) != 1)
            continue;
        strcat(key, ":");
        const char *at = strstr(text, key);
        while (at != NULL && at > text && strchr("\n {", at[-1]) == NULL)
            at = strstr(at + 1, key);
        ck_assert_msg(at != NULL, "%s is not in the example", key);
        count++;
    }
    ck_assert_uint_eq(count, 42);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/document");
    SUITE_CASE(suite, "right", a_full_document_is_read_as_written, servers_are_read_as_written,
               a_pool_is_read_as_written, what_is_not_said_has_its_default,
               a_cluster_of_one_is_a_plain_name_server,
               a_pair_link_that_is_not_said_is_between_own_addresses,
               a_router_of_another_make_has_addresses_and_neither_key_nor_pair_link,
               an_interval_that_is_not_said_is_that_of_the_way_advertisements_go,
               a_server_may_be_in_several_pools, a_pool_may_have_no_servers_and_so_may_the_document,
               lists_may_be_as_long_as_their_bound, the_largest_key_is_taken_and_no_larger_one,
               a_node_and_a_server_may_have_two_keys,
               a_mistake_in_a_list_of_keys_is_told_at_its_word_and_no_key_is_repeated,
               each_last_resort_has_its_word, a_pool_may_be_of_a_name_in_any_zone_above_it,
               a_group_is_a_fifth_of_the_pool_unless_said_and_never_more_than_it);
    SUITE_CASE(suite, "large",
               ten_thousand_servers_are_read_in_well_under_a_second_of_processor_time);
    SUITE_CASE(suite, "path", a_path_is_beside_the_file_unless_absolute);
    SUITE_CASE(suite, "manual", the_manual_says_of_each_option_what_it_takes_and_what_it_is_for,
               the_manual_is_80_columns_wide_and_ends_no_line_with_a_blank,
               a_manual_that_does_not_fit_is_cut,
               the_example_of_the_header_is_a_document_with_every_option_of_the_manual);
    return suite_run(suite);
}
