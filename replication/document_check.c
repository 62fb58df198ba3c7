/* What must hold between the nodes and servers of a document. */
#include <assert.h>
#include <string.h>

#include "replication/document_check.h"

enum {
    INTERVAL_MS = 10,        /* to the partner alone */
    INTERVAL_GROUP_MS = 100, /* multicast: every host of the LAN is woken */
};

/* The first entry of a map of the root, or NULL when there is none. */
static const struct yaml_node *first_of(const struct yaml_node *root, const char *key)
{
    const struct yaml_node *map = yaml_get(root, key);
    return map == NULL ? NULL : map->first;
}

/* ---- families ---- */

static bool check_home(const struct yaml_file *file, const struct yaml_node *nodes,
                       const struct document *document, size_t home)
{
    const struct yaml_node *place = nodes;
    for (size_t i = 0; i < home; i++)
        place = place->next;
    for (size_t i = 0; i < document->node_count; i++)
        for (size_t family = 0; family < 2; family++)
            if (document->nodes[home].home[family].family != 0 &&
                document->nodes[i].own[family].family == 0)
                return schema_refuse(file, yaml_get(place, "home"),
                                     "found an IPv%u address, expected node %s to have an own "
                                     "address of that family too, as it may have to hold this one",
                                     document->nodes[home].home[family].family,
                                     document->nodes[i].name);
    return true;
}

static bool check_link_local(const struct yaml_file *file, const struct yaml_node *place,
                             const struct document_node *node)
{
    const struct yaml_node *value = yaml_get(place, "link-local");
    if (value == NULL)
        return true;
    /* RFC 4291 §2.5.6: fe80::/10. */
    if (node->link_local.family != 6 || node->link_local.bytes[0] != 0xfe ||
        (node->link_local.bytes[1] & 0xc0) != 0x80)
        return schema_expected(file, value, "a link-local address, as fe80::53");
    if (node->home[1].family == 0)
        return schema_refuse(file, value, "found '%s' beside no IPv6 home, expected one",
                             value->text);
    return true;
}

static bool check_families(const struct yaml_file *file, const struct yaml_node *root,
                           struct document *document)
{
    const struct yaml_node *nodes = first_of(root, "nodes"), *place = nodes;
    for (size_t i = 0; i < document->node_count; i++, place = place->next) {
        struct document_node *node = &document->nodes[i];
        if (!check_home(file, nodes, document, i) || !check_link_local(file, place, node))
            return false;
        if (document->has_router)
            continue;
        if (node->pair.family == 0)
            node->pair = node->own[node->own[0].family == 0];
        const struct yaml_node *pair = yaml_get(place, "pair");
        if (node->pair.family != document->nodes[0].pair.family)
            return schema_refuse_key(file, pair == NULL ? place : pair,
                                     "found a pair link from IPv%u to IPv%u, expected both ends "
                                     "in one family",
                                     document->nodes[0].pair.family, node->pair.family);
    }
    return true;
}

/* ---- used once ---- */

/* Bytes that stay where they are, in *document, and may be there once. */
static bool use(const struct yaml_file *file, struct seen *seen, const void *bytes, size_t size,
                const struct yaml_node *place, const char *text, const char *expected)
{
    struct seen_word word = {
        .bytes = bytes, .size = size, .line = place->line, .column = place->column};
    return yaml_once(file, seen, &word, text, expected);
}

static bool use_address(const struct yaml_file *file, struct seen *seen, const struct ip *address,
                        const struct yaml_node *place)
{
    return use(file, seen, address, sizeof *address, place, place->text, "each address once");
}

/* One key, or a list of them. */
static bool use_keys(const struct yaml_file *file, struct seen *seen,
                     const char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE],
                     const struct yaml_node *value)
{
    bool is_list = value->kind == YAML_LIST;
    const struct yaml_node *place = is_list ? value->first : value;
    for (size_t i = 0; i < DOCUMENT_KEYS_MAX && keys[i][0] != '\0'; i++) {
        if (!use(file, seen, keys[i], DOCUMENT_KEY_SIZE, place, NULL, "each key once"))
            return false;
        place = place->next;
    }
    return true;
}

/* Use the addresses of one option but those in spared[2], which may be NULL. */
static bool use_addresses(const struct yaml_file *file, struct seen *seen,
                          const struct yaml_node *value, const struct ip *pair,
                          const struct ip *spared)
{
    bool is_list = value->kind == YAML_LIST;
    for (const struct yaml_node *each = is_list ? value->first : value; each != NULL;
         each = is_list ? each->next : NULL) {
        struct ip ip = {0};
        bool is_ip = ip_parse(each->text, &ip);
        assert(is_ip);
        const struct ip *kept = &pair[ip.family == 6];
        assert(ip_equal(kept, &ip));
        if (spared != NULL && ip_equal(&spared[ip.family == 6], &ip))
            continue;
        if (!use_address(file, seen, kept, each))
            return false;
    }
    return true;
}

static bool use_node(const struct yaml_file *file, struct seen *seen, const struct yaml_node *place,
                     const struct document_node *node)
{
    const struct yaml_node *pair = yaml_get(place, "pair");
    /* Without an interface nothing is added or moved, and one address may serve as both. */
    const struct ip *spared = node->interface == NULL ? node->own : NULL;
    const struct yaml_node *link_local = yaml_get(place, "link-local");
    if (!use_addresses(file, seen, yaml_get(place, "own"), node->own, NULL) ||
        !use_addresses(file, seen, yaml_get(place, "home"), node->home, spared) ||
        (link_local != NULL && !use_address(file, seen, &node->link_local, link_local)))
        return false;
    if (pair == NULL || ip_equal(&node->pair, &node->own[node->pair.family == 6]))
        return true;
    return use_address(file, seen, &node->pair, pair);
}

/* A witness proves that others hear us; a node cannot be its own. */
static bool check_witnesses(const struct yaml_file *file, const struct seen *nodes,
                            const struct yaml_node *root, const struct document *document)
{
    const struct yaml_node *place = first_of(root, "witness");
    for (size_t i = 0; i < document->witness_count; i++, place = place->next)
        if (seen_find(nodes, &document->witnesses[i], sizeof document->witnesses[i]) != NULL)
            return schema_expected(file, place, "a host that is none of the nodes");
    return true;
}

static bool check_addresses(const struct yaml_file *file, const struct yaml_node *root,
                            const struct document *document)
{
    enum { NODE_ADDRESSES = 6 };
    struct seen seen;
    if (!seen_init(&seen, NODE_ADDRESSES * document->node_count + 2 * document->server_count + 2,
                   file->arena))
        return schema_refuse_memory(file, root);
    const struct yaml_node *place = first_of(root, "nodes");
    for (size_t i = 0; i < document->node_count; i++, place = place->next)
        if (!use_node(file, &seen, place, &document->nodes[i]))
            return false;
    if (!check_witnesses(file, &seen, root, document))
        return false;
    if (yaml_get(root, "spare") != NULL &&
        !use_addresses(file, &seen, yaml_get(root, "spare"), document->spare, NULL))
        return false;
    place = first_of(root, "servers");
    for (size_t i = 0; i < document->server_count; i++, place = place->next)
        if (!use_addresses(file, &seen, yaml_get(place, "addresses"),
                           document->servers[i].addresses, NULL))
            return false;
    return true;
}

static bool check_keys(const struct yaml_file *file, const struct yaml_node *root,
                       const struct document *document)
{
    bool is_needed = document_has_partner(document) || document->server_count > 0;
    struct seen seen;
    if (!seen_init(&seen, DOCUMENT_KEYS_MAX * (document->node_count + document->server_count),
                   file->arena))
        return schema_refuse_memory(file, root);
    const struct yaml_node *place = first_of(root, "nodes");
    for (size_t i = 0; i < document->node_count; i++, place = place->next) {
        const struct yaml_node *key = yaml_get(place, "key");
        bool is_router = document->has_router && i == 1;
        if (key == NULL && is_needed && !is_router)
            return schema_refuse_key(file, place,
                                     "found no 'key', expected the public key of a node that has "
                                     "a partner or servers");
        if (key != NULL && !use_keys(file, &seen, document->nodes[i].keys, key))
            return false;
    }
    place = first_of(root, "servers");
    for (size_t i = 0; i < document->server_count; i++, place = place->next)
        if (!use_keys(file, &seen, document->servers[i].keys, yaml_get(place, "key")))
            return false;
    return true;
}

/* Where a port is written; one that is its default is not, and then the other of two equal ones. */
static const struct yaml_node *find_port(const struct yaml_node *root, const char *section,
                                         const char *key)
{
    const struct yaml_node *map = yaml_get(root, section);
    return map == NULL ? NULL : yaml_get(map, key);
}

/* All are TCP on the same addresses. */
static bool check_ports(const struct yaml_file *file, const struct yaml_node *root,
                        const struct document *document)
{
    const struct {
        const char *section, *key;
        uint16_t port;
    } ports[] = {{"dns", "port", document->dns_port},
                 {"replication", "port", document->replication_port},
                 {"failover", "tripwire-port", document->tripwire_port}};
    for (size_t i = 1; i < sizeof ports / sizeof *ports; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ports[i].port != ports[j].port)
                continue;
            const struct yaml_node *place = find_port(root, ports[i].section, ports[i].key);
            if (place == NULL)
                place = find_port(root, ports[j].section, ports[j].key);
            return schema_refuse(file, place, "found port %u for %s and %s, expected two ports",
                                 ports[i].port, ports[j].section, ports[i].section);
        }
    }
    return true;
}

static bool check_vrids(const struct yaml_file *file, const struct yaml_node *root,
                        struct document *document)
{
    enum { VRID_FIRST = 53 };
    for (size_t i = 0; i < document->node_count; i++)
        if (document->nodes[i].vrid == 0)
            document->nodes[i].vrid = (uint8_t)(VRID_FIRST + i);
    if (document->node_count < 2 || document->nodes[0].vrid != document->nodes[1].vrid)
        return true;
    const struct yaml_node *place = NULL; /* the second that is written: one of them is */
    for (const struct yaml_node *node = first_of(root, "nodes"); node != NULL; node = node->next)
        if (yaml_get(node, "vrid") != NULL)
            place = yaml_get(node, "vrid");
    return schema_refuse(file, place, "found vrid %u for both nodes, expected two",
                         document->nodes[0].vrid);
}

/* ---- a partner of another make ---- */

/* What a router does not have, and what a node beside one needs. */
static bool check_router(const struct yaml_file *file, const struct yaml_node *root,
                         const struct document *document)
{
    static const char *const absent[] = {"interface", "pair", "key"};
    const struct yaml_node *first = first_of(root, "nodes");
    assert(first != NULL);
    const struct yaml_node *router = first->next;
    assert(router != NULL);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (yaml_get(router, absent[i]) != NULL)
            return schema_refuse_key(file, yaml_get(router, absent[i]),
                                     "found '%s' of %s, expected none, for it is a router of "
                                     "another make",
                                     absent[i], document->nodes[1].name);
    if (yaml_get(first, "pair") != NULL)
        return schema_refuse_key(file, yaml_get(first, "pair"),
                                 "found 'pair', expected none, for there is no link of a pair's "
                                 "own to a router");
    if (document->nodes[0].interface == NULL)
        return schema_refuse_key(file, first,
                                 "found no 'interface', expected that of a node beside a router, "
                                 "whose addresses it is to take over");
    return true;
}

static bool read_partner(const struct yaml_file *file, const struct yaml_node *root,
                         struct document *document)
{
    const struct yaml_node *map = yaml_get(root, "failover");
    const struct yaml_node *value = map == NULL ? NULL : yaml_get(map, "partner");
    if (document->interval_ms == 0)
        document->interval_ms = document->is_multicast ? INTERVAL_GROUP_MS : INTERVAL_MS;
    if (value == NULL)
        return true;
    document->has_router = value->kind == YAML_SCALAR && strcmp(value->text, "vrrp") == 0;
    if (!document->has_router)
        return (value->kind == YAML_SCALAR && strcmp(value->text, "tandem") == 0) ||
               schema_expected(file, value, "tandem or vrrp");
    if (document->node_count < 2)
        return schema_refuse(file, value,
                             "found one node, expected two, of which the second is "
                             "the router");
    return check_router(file, root, document);
}

bool document_check(const struct yaml_file *file, const struct yaml_node *root,
                    struct document *document)
{
    return read_partner(file, root, document) && check_ports(file, root, document) &&
           check_vrids(file, root, document) && check_families(file, root, document) &&
           check_addresses(file, root, document) && check_keys(file, root, document);
}
