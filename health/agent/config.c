#include "health/agent/config.h"

#include <string.h>

#include "replication/document.h"
#include "replication/schema.h"

_Static_assert((int)AGENT_CONFIG_ERROR_MAX == (int)YAML_ERROR_MAX, "one buffer");
_Static_assert((int)AGENT_CONFIG_KEY_SIZE == (int)SCHEMA_KEY_SIZE, "one form of keys");
_Static_assert((int)AGENT_CONFIG_KEYS_MAX == (int)SCHEMA_KEYS_MAX, "as many");

#define NODE(member) SCHEMA_FIELD(struct agent_config_node, member)
#define TOP(member)  SCHEMA_FIELD(struct agent_config, member)

static const struct schema_option node_options[] = {
    {"address", SCHEMA_IP, NODE(address), .required = true,
     .help = "An address that is always on that node."},
    {"port", SCHEMA_NUMBER, NODE(port), .min = 1, .max = UINT16_MAX, .preset = "7353",
     .help = "As replication.port in the document."},
    {"key", SCHEMA_KEYS, NODE(keys), .required = true, .help = "The node's public key."},
    {0},
};

static const struct schema_option step_options[] = {
    {"sockets", SCHEMA_NUMBER, TOP(step_sockets), .min = 1, .max = 1000000, .preset = "10",
     .help = "Of the sockets of one port."},
    {"percent", SCHEMA_NUMBER, TOP(step_percent), .min = 1, .max = 100, .preset = "5",
     .help = "Of processor, memory and disk."},
    {0},
};

static const struct schema_option options[] = {
    {"format", SCHEMA_NUMBER, .min = AGENT_CONFIG_FORMAT, .max = AGENT_CONFIG_FORMAT,
     .required = true, .expected = "1", .help = "The version of this format."},
    {"cluster", SCHEMA_NAME, TOP(cluster), .required = true,
     .help = "The name of the cluster, as in its document."},
    {"server", SCHEMA_NAME, TOP(server), .required = true,
     .help = "The name of this server, as in the document."},
    {"key", SCHEMA_PATH, TOP(key_path), .required = true, .expected = "the path of the secret key",
     .help = "Relative to this file."},
    {"nodes", SCHEMA_ENTRIES, TOP(nodes), SCHEMA_COUNT(struct agent_config, node_count),
     .max = AGENT_CONFIG_NODES_MAX, .required = true, .options = node_options,
     .entry_size = sizeof(struct agent_config_node), .expected = "a map of one or two nodes",
     .help = "Who is told."},
    {"ports", SCHEMA_PORTS, TOP(ports), SCHEMA_COUNT(struct agent_config, port_count),
     .max = AGENT_CONFIG_PORTS_MAX, .required = true,
     .help = "The ports of the service, whose connections are counted."},
    {"interval", SCHEMA_DURATION, TOP(interval_ms), .min = 200, .max = 10000, .unit_ms = 1,
     .preset = "1s", .help = "A report goes out at least so often."},
    {"step", SCHEMA_SECTION, .options = step_options,
     .help = "A figure that moved by so much is told at once."},
    {0},
};

/* Two connections to one node would look like two nodes. */
static bool check_nodes(const struct yaml_file *file, const struct yaml_node *root,
                        const struct agent_config *config)
{
    if (config->node_count < 2)
        return true;
    const struct agent_config_node *first = &config->nodes[0], *second = &config->nodes[1];
    const struct yaml_node *place = yaml_get(root, "nodes")->first->next;
    if (ip_equal(&first->address, &second->address) && first->port == second->port)
        return schema_refuse(file, yaml_get(place, "address"),
                             "found the address of node %s, expected another", first->name);
    bool is_other = !document_has_key(first->keys, second->keys[0]) &&
                    !document_has_key(first->keys, second->keys[1]);
    return is_other || schema_refuse(file, yaml_get(place, "key"),
                                     "found the key of node %s, expected another", first->name);
}

bool agent_config_parse(struct agent_config *config, const char *file, const char *text,
                        size_t size, struct arena *arena, char *error)
{
    struct yaml_file yaml = {.name = file, .arena = arena, .error = error};
    *config = (struct agent_config){0};
    if (size > AGENT_CONFIG_SIZE_MAX)
        return yaml_refuse(&yaml, 1, 1, "found %zu bytes, expected at most %d", size,
                           AGENT_CONFIG_SIZE_MAX);
    const struct yaml_node *root = yaml_parse(&yaml, text, size);
    if (root == NULL || !schema_check_format(&yaml, root, AGENT_CONFIG_FORMAT) ||
        !schema_read(&yaml, root, options, config) || !check_nodes(&yaml, root, config))
        return false;
    config->key_path = document_path(file, config->key_path, arena);
    return config->key_path != NULL || schema_refuse_memory(&yaml, root);
}

size_t agent_config_manual(char *text, size_t size)
{
    return schema_manual(
        "The configuration of an agent: a YAML file on its server. A duration is a "
        "number and its unit, such as 500ms or 1s.",
        options, text, size);
}
