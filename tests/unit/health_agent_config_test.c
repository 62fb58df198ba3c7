#include "health/agent/config.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

#define KEY1 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY2 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY3 "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static const char good[] = "format: 1\n"
                           "cluster: tandem-lab\n"
                           "server: media1\n"
                           "key: media1.key\n"
                           "nodes:\n"
                           "  ns1: {address: 192.0.2.11, port: 7363, key: \"" KEY1 "\"}\n"
                           "  ns2: {address: 2001:db8:53::12, key: \"" KEY2 "\"}\n"
                           "ports: [1755, 80]\n"
                           "interval: 500ms\n"
                           "step: {sockets: 20, percent: 7}\n";

static char error[AGENT_CONFIG_ERROR_MAX];

static bool parse_in(struct agent_config *config, const char *text, size_t memory_size)
{
    static uint8_t *memory;
    static struct arena arena;
    if (memory == NULL)
        memory = malloc(AGENT_CONFIG_ARENA_SIZE);
    arena_init(&arena, memory, memory_size);
    error[0] = '\0';
    return agent_config_parse(config, "/etc/tandem/agent.yaml", text, strlen(text), &arena, error);
}

static bool parse(struct agent_config *config, const char *text)
{
    return parse_in(config, text, AGENT_CONFIG_ARENA_SIZE);
}

static const char *with(const char *from, const char *to)
{
    static char text[2048];
    const char *at = strstr(good, from);
    ck_assert_msg(at != NULL, "the good file has no %s", from);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return text;
}

START_TEST(a_full_file_is_read_as_written)
{
    struct agent_config config;
    char text[IP_TEXT_SIZE];
    ck_assert_msg(parse(&config, good), "%s", error);
    ck_assert_str_eq(config.cluster, "tandem-lab");
    ck_assert_str_eq(config.server, "media1");
    ck_assert_str_eq(config.key_path, "/etc/tandem/media1.key");
    ck_assert_uint_eq(config.node_count, 2);
    ck_assert_str_eq(config.nodes[0].name, "ns1");
    ck_assert_str_eq(ip_text(&config.nodes[0].address, text), "192.0.2.11");
    ck_assert_uint_eq(config.nodes[0].port, 7363);
    ck_assert_str_eq(config.nodes[0].keys[0], KEY1);
    ck_assert_str_eq(config.nodes[1].name, "ns2");
    ck_assert_str_eq(ip_text(&config.nodes[1].address, text), "2001:db8:53::12");
    ck_assert_uint_eq(config.nodes[1].port, 7353);
    ck_assert_uint_eq(config.port_count, 2);
    ck_assert_uint_eq(config.ports[0], 1755);
    ck_assert_uint_eq(config.ports[1], 80);
    ck_assert_int_eq(config.interval_ms, 500);
    ck_assert_uint_eq(config.step_sockets, 20);
    ck_assert_uint_eq(config.step_percent, 7);
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
    struct agent_config config;
    ck_assert_msg(parse(&config, with("interval: 500ms\nstep: {sockets: 20, percent: 7}\n", "")),
                  "%s", error);
    ck_assert_int_eq(config.interval_ms, 1000);
    ck_assert_uint_eq(config.step_sockets, 10);
    ck_assert_uint_eq(config.step_percent, 5);
    ck_assert_msg(parse(&config, with("{sockets: 20, percent: 7}", "{sockets: 20}")), "%s", error);
    ck_assert_uint_eq(config.step_sockets, 20);
    ck_assert_uint_eq(config.step_percent, 5);
}
END_TEST

START_TEST(two_nodes_may_share_an_address_on_two_ports)
{
    struct agent_config config;
    ck_assert_msg(parse(&config, with("2001:db8:53::12", "192.0.2.11")), "%s", error);
}
END_TEST

START_TEST(one_node_is_enough)
{
    struct agent_config config;
    ck_assert_msg(
        parse(&config, with("  ns2: {address: 2001:db8:53::12, key: \"" KEY2 "\"}\n", "")), "%s",
        error);
    ck_assert_uint_eq(config.node_count, 1);
}
END_TEST

START_TEST(an_absolute_key_stays_where_it_is)
{
    struct agent_config config;
    ck_assert_msg(parse(&config, with("media1.key", "/root/media1.key")), "%s", error);
    ck_assert_str_eq(config.key_path, "/root/media1.key");
    ck_assert_str_eq(config.nodes[0].keys[1], "");
    ck_assert_msg(parse(&config, with("\"" KEY1 "\"", "[\"" KEY3 "\", \"" KEY1 "\"]")), "%s",
                  error);
    ck_assert_str_eq(config.nodes[0].keys[0], KEY3);
    ck_assert_str_eq(config.nodes[0].keys[1], KEY1);
}
END_TEST

#define AT "/etc/tandem/agent.yaml:"

static const struct {
    const char *from, *to, *error;
} mistakes[] = {
    {"format: 1", "format: 2",
     AT "1:9: found format 2, expected 1: this file is for a newer Tandem than this 0.1.0; "
        "upgrade it first, or write format 1"},
    {"format: 1\n", "", AT "1:1: found no 'format', expected 'format: 1'"},
    {"cluster: tandem-lab\n", "",
     AT "1:1: found no 'cluster', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"key: media1.key\n", "", AT "1:1: found no 'key', expected the path of the secret key"},
    {", key: \"" KEY2 "\"", "",
     AT "7:3: found no 'key', expected a public key as tandemctl keygen prints it: 40 characters "
        "of Z85, in quotes, or a list of two while one is exchanged for the other"},
    {"server: media1\n", "",
     AT "1:1: found no 'server', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"server: media1\n", "server: media1.example\n",
     AT "3:9: found 'media1.example', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"key: media1.key", "key:", AT "4:5: found nothing, expected the path of the secret key"},
    {"nodes:\n", "nodes: {}\nnode:\n",
     AT "5:8: found an empty map, expected a map of one or two nodes"},
    {"nodes:\n", "nodes:\n  ns0: {address: 10.0.0.1, key: k}\n",
     AT "5:1: found 3 nodes, expected at most 2"},
    {"address: 192.0.2.11", "adress: 192.0.2.11",
     AT "6:9: found unknown key 'adress', did you mean 'address'?"},
    {"address: 192.0.2.11, ", "",
     AT "6:3: found no 'address', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11", "ns1.example",
     AT "6:18: found 'ns1.example', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11, port: 7363", "'2001:db8:53::12'",
     AT "7:18: found the address of node ns1, expected another"},
    {KEY2, KEY1, AT "7:40: found the key of node ns1, expected another"},
    {"\"" KEY2 "\"", "[\"" KEY3 "\", \"" KEY1 "\"]",
     AT "7:40: found the key of node ns1, expected another"},
    {"\"" KEY1 "\"", "[\"" KEY3 "\", \"" KEY2 "\"]",
     AT "7:40: found the key of node ns1, expected another"},
    {"\"" KEY2 "\"", "media1.key",
     AT "7:40: found 10 characters, expected a public key as tandemctl keygen prints it: 40 "
        "characters of Z85, in quotes"},
    {"[1755, 80]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]",
     AT "8:8: found a list of 9, expected a list of 1 to 8 ports"},
    {"ports: [1755, 80]\n", "", AT "1:1: found no 'ports', expected a list of 1 to 8 ports"},
    {"500ms", "199ms", AT "9:11: found '199ms', expected a duration from 200ms to 10s"},
    {"500ms", "11s", AT "9:11: found '11s', expected a duration from 200ms to 10s"},
    {"sockets: 20", "sockets: 0", AT "10:17: found '0', expected a number from 1 to 1000000"},
    {"percent: 7", "percent: 7%", AT "10:30: found '7%', expected a number from 1 to 100"},
    {"step: {sockets: 20, percent: 7}", "step: 20", AT "10:7: found '20', expected a map"},
};

START_TEST(every_mistake_is_told_at_its_word)
{
    struct agent_config config;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        ck_assert_msg(!parse(&config, with(mistakes[i].from, mistakes[i].to)), "taken: %s",
                      mistakes[i].to);
        ck_assert_str_eq(error, mistakes[i].error);
    }
}
END_TEST

START_TEST(a_file_that_is_too_large_is_refused_unread)
{
    static char text[AGENT_CONFIG_SIZE_MAX + 2];
    struct agent_config config;
    memset(text, '\n', AGENT_CONFIG_SIZE_MAX + 1);
    memcpy(text, good, sizeof good - 1);
    ck_assert(!parse(&config, text));
    ck_assert_str_eq(error, AT "1:1: found 65537 bytes, expected at most 65536");
    text[AGENT_CONFIG_SIZE_MAX] = '\0';
    ck_assert_msg(parse(&config, text), "%s", error);
}
END_TEST

START_TEST(an_exhausted_arena_is_told_at_every_size)
{
    struct agent_config config;
    size_t size = 0;
    while (!parse_in(&config, good, size)) {
        ck_assert_msg(strstr(error, "memory") != NULL, "%s", error);
        size += 16;
    }
    ck_assert_uint_lt(size, AGENT_CONFIG_ARENA_SIZE);
}
END_TEST

START_TEST(the_manual_has_an_entry_for_every_option)
{
    char text[4096] = "what was there before";
    ck_assert_uint_eq(agent_config_manual(text, sizeof text), strlen(text));
    ck_assert_ptr_null(strstr(text, "before"));
    ck_assert_ptr_nonnull(strstr(text,
                                 "\n    port          a number from 1 to 65535 (default: 7353)\n"
                                 "                  As replication.port in the document.\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "\n  percent         a number from 1 to 100 (default: 5)\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/agent/config");
    SUITE_CASE(suite, "right", a_full_file_is_read_as_written, what_is_not_said_has_its_default,
               an_absolute_key_stays_where_it_is, two_nodes_may_share_an_address_on_two_ports,
               one_node_is_enough, the_manual_has_an_entry_for_every_option);
    SUITE_CASE(suite, "mistakes", every_mistake_is_told_at_its_word,
               a_file_that_is_too_large_is_refused_unread,
               an_exhausted_arena_is_told_at_every_size);
    return suite_run(suite);
}
