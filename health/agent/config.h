/* health/agent/config.h -- the agent's configuration: a YAML file on its server.
 *
 *   format: 1
 *   cluster: tandem-lab
 *   server: media1                       # its name in the cluster's document
 *   key: media1.key                      # its secret key; relative: to this file
 *   nodes:                               # one or two
 *     ns1: {address: 192.0.2.11, port: 7353, key: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"}
 *     ns2: {address: 192.0.2.12, key: ["...", "..."]}  # while it is changed, now and next
 *   ports: [1755, 80]                    # whose sockets are counted
 *   interval: 1s                         # a report at least so often
 *   step: {sockets: 10, percent: 5}      # a move of a figure by so much is told at once
 *
 * Read like the document (replication/document.h), with the same complaints. */
#ifndef TANDEM_HEALTH_AGENT_CONFIG_H
#define TANDEM_HEALTH_AGENT_CONFIG_H

#include "replication/arena.h"
#include "replication/ip.h"

enum {
    AGENT_CONFIG_FORMAT = 1,
    AGENT_CONFIG_SIZE_MAX = 65536,     /* bytes of the file */
    AGENT_CONFIG_ARENA_SIZE = 8 << 20, /* bytes that are enough for every file of that size */
    AGENT_CONFIG_NODES_MAX = 2,
    AGENT_CONFIG_PORTS_MAX = 8,
    AGENT_CONFIG_KEY_SIZE = 41, /* Z85 text and its NUL */
    AGENT_CONFIG_KEYS_MAX = 2,  /* of a node, while one is changed for another */
    AGENT_CONFIG_ERROR_MAX = 512,
};

struct agent_config_node {
    const char *name;
    struct ip address;
    uint16_t port;                                           /* 1..65535, default 7353 */
    char keys[AGENT_CONFIG_KEYS_MAX][AGENT_CONFIG_KEY_SIZE]; /* public; [1] "": it has one */
};

struct agent_config {
    const char *cluster, *server; /* names as in the document */
    const char *key_path;         /* of the secret key, ready to be opened */
    size_t node_count;            /* 1..AGENT_CONFIG_NODES_MAX, in the order of the file */
    struct agent_config_node nodes[AGENT_CONFIG_NODES_MAX];
    size_t port_count; /* 1..AGENT_CONFIG_PORTS_MAX */
    uint16_t ports[AGENT_CONFIG_PORTS_MAX];
    int32_t interval_ms;   /* 200..10000, default 1000 */
    uint32_t step_sockets; /* 1..1000000, default 10: sockets of one port */
    uint16_t step_percent; /* 1..100, default 5: of CPU, memory, disk */
};

/* Parse and check text[0..size). file is its path, in messages and as the place of the key. On
 * success everything *config points to lies in the arena. On failure error[AGENT_CONFIG_ERROR_MAX]
 * holds one line "file:line:column: found, expected" and *config is undefined. */
bool agent_config_parse(struct agent_config *config, const char *file, const char *text,
                        size_t size, struct arena *arena, char *error);

/* All options in words into text[size]; returns the bytes used. */
size_t agent_config_manual(char *text, size_t size);

#endif
