#include "replication/document.h"

#include <stdio.h>
#include <string.h>

#include "replication/document_check.h"

_Static_assert((int)DOCUMENT_ERROR_MAX == (int)YAML_ERROR_MAX, "one buffer for every complaint");
_Static_assert((int)DOCUMENT_KEY_SIZE == (int)SCHEMA_KEY_SIZE, "one form of keys");
_Static_assert((int)DOCUMENT_KEYS_MAX == (int)SCHEMA_KEYS_MAX, "as many");
_Static_assert((int)DOCUMENT_NAME_MAX == (int)SCHEMA_NAME_MAX, "one form of names");

/* ---- the options ---- */

#define NODE(member)   SCHEMA_FIELD(struct document_node, member)
#define SERVER(member) SCHEMA_FIELD(struct document_server, member)
#define POOL(member)   SCHEMA_FIELD(struct document_pool, member)
#define TOP(member)    SCHEMA_FIELD(struct document, member)

static const struct schema_option node_options[] = {
    {"interface", SCHEMA_INTERFACE, NODE(interface),
     .help = "Where the home addresses are added. Without it they are the host's own, and one may "
             "be both own and home."},
    {"own", SCHEMA_IP_PAIR, NODE(own), .required = true,
     .help = "The addresses that are always on this node, at most one of each family."},
    {"home", SCHEMA_IP_PAIR, NODE(home), .required = true,
     .help = "The service address that resolvers ask, at most one of each family. It moves when "
             "the node dies."},
    {"pair", SCHEMA_IP, NODE(pair),
     .help =
         "The node's end of the link between the nodes. Without it an own address, IPv4 first."},
    {"link-local", SCHEMA_IP, NODE(link_local), .expected = "a link-local address, as fe80::53",
     .help = "A link-local address that moves with an IPv6 home and comes first in its "
             "advertisements, as RFC 9568 (5.2.9) asks of a router. No DNS is answered on it."},
    {"vrid", SCHEMA_NUMBER, NODE(vrid), .min = 0, .max = UINT8_MAX, .preset = "0",
     .help = "The virtual router ID (RFC 9568) of its home: 1 to 255, no other's on this network. "
             "0: 53 for the first node, 54 for the second."},
    {"key", SCHEMA_KEYS, NODE(keys),
     .help = "The node's public key. A router has none; a single node without servers needs none."},
    {0},
};

static const struct schema_option dns_options[] = {
    {"port", SCHEMA_NUMBER, TOP(dns_port), .min = 1, .max = UINT16_MAX, .preset = "53",
     .help = "The port of UDP and TCP."},
    {"threads", SCHEMA_NUMBER, TOP(dns_threads), .min = 1, .max = 64, .preset = "2",
     .help = "How many threads answer queries."},
    {0},
};

static const struct schema_option replication_options[] = {
    {"port", SCHEMA_NUMBER, TOP(replication_port), .min = 1024, .max = UINT16_MAX, .preset = "7353",
     .help = "The TCP port that agents and the partner connect to; another than that of dns."},
    {0},
};

static const struct schema_option failover_options[] = {
    {"interval", SCHEMA_DURATION, TOP(interval_ms), .min = 10, .max = 1000, .unit_ms = 1,
     .help = "Between two beats, and two VRRP advertisements. Five of them without a sign of the "
             "partner are its silence. Without it 10ms, and with multicast 100ms."},
    {"beat-port", SCHEMA_NUMBER, TOP(beat_port), .min = 1024, .max = UINT16_MAX, .preset = "7353",
     .help = "The UDP port of the nodes' beats."},
    {"tripwire-port", SCHEMA_NUMBER, TOP(tripwire_port), .min = 1024, .max = UINT16_MAX,
     .preset = "7354",
     .help = "The TCP port of the idle connection between the nodes; another than replication's."},
    {"multicast", SCHEMA_BOOLEAN, TOP(is_multicast), .preset = "false",
     .help = "Whether advertisements go to the group of all VRRP routers. Without it they go to "
             "the partner alone."},
    {"partner", SCHEMA_LATER, .preset = "tandem", .expected = "tandem or vrrp",
     .help = "What the second node is. vrrp: a VRRPv3 router of another make, as keepalived, which "
             "decides by advertisements alone; own is where they come from (of IPv6 often a "
             "link-local address), home what it holds, and it has no interface, pair or key."},
    {0},
};

static const struct schema_option path_options[] = {
    {"keys", SCHEMA_PATH, TOP(keys_path), .preset = "keys",
     .help = "The folder of the secret keys."},
    {"state", SCHEMA_PATH, TOP(state_path), .preset = "/var/lib/tandem",
     .help = "The folder where orders are kept."},
    {"run", SCHEMA_PATH, TOP(run_path), .preset = "/run/tandem",
     .help = "The folder of the socket that tandemctl speaks to."},
    {0},
};

static const struct schema_option server_options[] = {
    {"addresses", SCHEMA_IP_PAIR, SERVER(addresses), .required = true,
     .help = "What answers name, at most one of each family."},
    {"capacity", SCHEMA_NUMBER, SERVER(capacity), .min = 1, .max = DOCUMENT_CAPACITY_MAX,
     .required = true, .help = "How many connections it can serve. Loads are divided by it."},
    {"key", SCHEMA_KEYS, SERVER(keys), .required = true, .help = "The public key of its agent."},
    {0},
};

static const struct schema_option pool_options[] = {
    {"name", SCHEMA_DOMAIN, POOL(owner), .required = true,
     .expected = "a domain name within one of the zones",
     .help = "The name that is balanced; no other pool's."},
    {"policy", SCHEMA_WORD, .expected = "least-connection-group",
     .preset = "least-connection-group",
     .help =
         "How servers are chosen: those with the least load form a group, which is gone round."},
    {"group-size", SCHEMA_NUMBER, POOL(group_written), .min = 1, .max = 256,
     .help = "G: so many servers form the group. Without it a fifth of the pool, at least two. "
             "Never more than the pool has."},
    {"rounds", SCHEMA_NUMBER, POOL(rounds), .min = 1, .max = 1000, .preset = "1",
     .help = "R: so many times the group is gone round before it is formed anew."},
    {"ports", SCHEMA_PORTS, POOL(ports), SCHEMA_COUNT(struct document_pool, port_count),
     .max = DOCUMENT_PORTS_MAX, .required = true,
     .help = "A server is up while all of them listen. Its load is their connections."},
    {"ttl", SCHEMA_DURATION, POOL(ttl_s), .max = 86400000, .unit_ms = 1000, .preset = "5s",
     .help = "How long resolvers may keep an answer."},
    {"stale", SCHEMA_DURATION, POOL(stale_ms), .min = 500, .max = 60000, .unit_ms = 1,
     .preset = "2s", .help = "A report older than this is no report."},
    {"last-resort", SCHEMA_LATER, .preset = "last-known-good",
     .expected = "last-known-good, all, servfail or a list of addresses",
     .help = "What is answered when no server is fit: those that were fit last, all, an error, or "
             "1 to 8 addresses."},
    {"servers", SCHEMA_LATER, .expected = "a list of servers, or all",
     .help = "The members. A server may be in several pools. Without it those alone that join."},
    {0},
};

static const struct schema_option options[] = {
    {"format", SCHEMA_NUMBER, .min = DOCUMENT_FORMAT, .max = DOCUMENT_FORMAT, .required = true,
     .expected = "1", .help = "The version of this format."},
    {"cluster", SCHEMA_NAME, TOP(cluster), .required = true,
     .help = "Nodes and agents of another cluster are refused."},
    {"nodes", SCHEMA_ENTRIES, TOP(nodes), SCHEMA_COUNT(struct document, node_count),
     .max = DOCUMENT_NODES_MAX, .required = true, .options = node_options,
     .entry_size = sizeof(struct document_node), .expected = "a map of one or two nodes",
     .help = "The first is the primary."},
    {"dns", SCHEMA_SECTION, .options = dns_options, .help = "How queries are answered."},
    {"replication", SCHEMA_SECTION, .options = replication_options,
     .help = "How reports and orders travel."},
    {"failover", SCHEMA_SECTION, .options = failover_options,
     .help = "How a node sees that its partner died."},
    {"paths", SCHEMA_SECTION, .options = path_options, .help = "Where things are kept."},
    {"spare", SCHEMA_IP_PAIR, TOP(spare),
     .help = "An address of the service network that is nobody's, at most one of each family. Each "
             "node asks the witnesses in its name: so doctor can say whether a switch or a cloud "
             "lets an address move."},
    {"witness", SCHEMA_IPS, TOP(witnesses), SCHEMA_COUNT(struct document, witness_count),
     .max = DOCUMENT_WITNESSES_MAX,
     .help = "Hosts other than the nodes, such as the gateway, that prove that a node is heard."},
    {"zones", SCHEMA_LATER, .expected = "a map of zones to their files",
     .help = "Each domain name with its zone file, as in example: example.zone."},
    {"servers", SCHEMA_ENTRIES, TOP(servers), SCHEMA_COUNT(struct document, server_count),
     .max = DOCUMENT_SERVERS_MAX, .options = server_options,
     .entry_size = sizeof(struct document_server), .expected = "a map of servers",
     .help = "Who may be named in answers."},
    {"pools", SCHEMA_ENTRIES, TOP(pools), SCHEMA_COUNT(struct document, pool_count),
     .max = DOCUMENT_POOLS_MAX, .options = pool_options, .entry_size = sizeof(struct document_pool),
     .expected = "a map of pools", .help = "Servers behind one name."},
    {0},
};

/* ---- the document ---- */

bool document_parse(struct document *document, const char *file, const char *text, size_t size,
                    struct arena *arena, char *error)
{
    struct yaml_file yaml = {.name = file, .arena = arena, .error = error};
    *document = (struct document){0};
    if (size > DOCUMENT_SIZE_MAX)
        return yaml_refuse(&yaml, 1, 1, "found %zu bytes, expected at most %d", size,
                           DOCUMENT_SIZE_MAX);
    const struct yaml_node *root = yaml_parse(&yaml, text, size);
    return root != NULL && schema_check_format(&yaml, root, DOCUMENT_FORMAT) &&
           schema_read(&yaml, root, options, document) && document_check(&yaml, root, document) &&
           document_read_pools(&yaml, root, document);
}

size_t document_manual(char *text, size_t size)
{
    return schema_manual(
        "The configuration of a cluster: one YAML file, the same on both nodes. For each option: "
        "what it takes, and what it is for. What is below an option is indented; NAME is a name of "
        "your choice. A duration is a number and its unit: 500ms, 5s, 2m or 1h. A path that does "
        "not begin with / begins in the folder of the file.",
        options, text, size);
}

bool document_has_key(const char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE], const char *key)
{
    return key[0] != '\0' && (strcmp(keys[0], key) == 0 || strcmp(keys[1], key) == 0);
}

bool document_has_partner(const struct document *document)
{
    return document->node_count > 1 && !document->has_router;
}

size_t document_node(const struct document *document, const char *name)
{
    for (size_t i = 0; i < document->node_count; i++)
        if (strcmp(document->nodes[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

const char *document_path(const char *file, const char *path, struct arena *arena)
{
    const char *slash = strrchr(file, '/');
    size_t folder_size = slash == NULL || path[0] == '/' ? 0 : (size_t)(slash - file) + 1;
    size_t path_size = strlen(path);
    char *whole = arena_take(arena, folder_size + path_size + 1);
    if (whole == NULL)
        return NULL;
    memcpy(whole, file, folder_size);
    memcpy(whole + folder_size, path, path_size + 1);
    return whole;
}
