/* replication/document.h -- the cluster's configuration: one YAML file, the same on both nodes.
 *
 *   format: 1
 *   cluster: tandem-lab
 *   nodes:                              # one or two; the first is the primary
 *     ns1:
 *       interface: lan                  # where home is added; absent: all addresses are the
 *                                       # host's, and one may be both own and home
 *       own: [192.0.2.11, 2001:db8:53::11]   # always on this node; at most one of each family
 *       home: [192.0.2.53, 2001:db8:53::53]  # its service address; moves with takeover
 *       pair: 198.51.100.1              # its end of the pair link; absent: own, IPv4 first
 *       link-local: fe80::53            # a third address of its home, of IPv6; moves along
 *       vrid: 53                        # of its home (RFC 9568); absent: 53, and 54
 *       key: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"  # public, in Z85; while it is
 *                                        # changed [now, next]: both hold. So a server's
 *     ns2:
 *       interface: lan
 *       own: [192.0.2.12, 2001:db8:53::12]
 *       home: 192.0.2.54
 *       pair: 198.51.100.2
 *       key: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
 *   dns: {port: 53, threads: 2}
 *   replication: {port: 7353}
 *   failover: {interval: 10ms, beat-port: 7353, tripwire-port: 7354, multicast: false,
 *              partner: tandem}         # or: vrrp, a router of another make
 *   paths: {keys: keys, state: /var/lib/tandem, run: /run/tandem}  # relative: to this file
 *   witness: [192.0.2.1]                # up to 5
 *   spare: 192.0.2.55                   # nobody's: may an address move here?
 *   zones:
 *     tandem.example: tandem.example.zone  # relative: to this file
 *   servers:
 *     media1:
 *       addresses: [192.0.2.101, 2001:db8:53::101]
 *       capacity: 1000
 *       key: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
 *   pools:
 *     stream:
 *       name: stream.tandem.example
 *       policy: least-connection-group
 *       group-size: 2
 *       rounds: 1
 *       ports: [1755, 80]
 *       ttl: 5s
 *       stale: 2s
 *       last-resort: last-known-good    # all, servfail, or a list of addresses
 *       servers: [media1]               # or: all; absent: those that join
 *
 * Every mistake is refused with file:line:column, what was found and what was expected; unknown and
 * duplicate keys are mistakes. An address is used once over all nodes and servers. Options are rows
 * of one table each (replication/schema.h), which drives parsing, checking and the manual. Pure but
 * for libyaml's own allocation, which ends with the call. */
#ifndef TANDEM_REPLICATION_DOCUMENT_H
#define TANDEM_REPLICATION_DOCUMENT_H

#include "replication/arena.h"
#include "replication/ip.h"
#include "replication/machine.h"

enum {
    DOCUMENT_FORMAT = 1,
    DOCUMENT_SIZE_MAX = 16 << 20,    /* bytes of the file */
    DOCUMENT_ARENA_SIZE = 256 << 20, /* bytes that are enough to parse every document within these
                                        limits: to be reserved, as a common one touches 1 MB */
    DOCUMENT_NODES_MAX = 2,
    DOCUMENT_SERVERS_MAX = 16384,
    DOCUMENT_POOLS_MAX = 1024,
    DOCUMENT_ZONES_MAX = 65536,
    DOCUMENT_PORTS_MAX = 8,
    DOCUMENT_WITNESSES_MAX = 5,
    DOCUMENT_FIXED_MAX = 8, /* last-resort addresses */
    DOCUMENT_NAME_MAX = 30, /* bytes of a node, pool or server name: [a-z0-9-], as in host names;
                                   three of them and two slashes fit in a record's name */
    DOCUMENT_CAPACITY_MAX = 10000000, /* sockets of a server */
    DOCUMENT_KEY_SIZE = 41,           /* Z85 text of a public key and its NUL */
    DOCUMENT_KEYS_MAX = 2,            /* of a node or server, while one is changed for another */
    DOCUMENT_ERROR_MAX = 512,
    DOCUMENT_DIFFERS_MAX = 80, /* bytes of a list of words, with its NUL */
};

enum document_last_resort {
    DOCUMENT_LAST_KNOWN_GOOD, /* the servers that were up last */
    DOCUMENT_ALL,
    DOCUMENT_FIXED,
    DOCUMENT_SERVFAIL,
};

struct document_node {
    const char *name;
    const char *interface; /* NULL: addresses are not Tandem's to add */
    struct ip own[2];      /* [0] IPv4, [1] IPv6; family 0: none. At least one of the two */
    struct ip home[2];     /* likewise; every node has an own address of its families */
    struct ip link_local;  /* of fe80::/10, with an IPv6 home only; family 0: none */
    struct ip pair;        /* both nodes' of one family; of a router: none */
    uint8_t vrid;          /* of its home, RFC 9568; the nodes' differ */
    /* It runs with either. [0] "": of a router, or in a cluster of one without agents; [1] "": it
     * has one. */
    char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE];
};

struct document_server {
    const char *name;
    struct ip addresses[2]; /* [0] IPv4, [1] IPv6; at least one */
    uint32_t capacity;      /* 1..10,000,000 sockets */
    /* Its agent speaks under either. [0] "": withdrawn; [1] "": it has one. */
    char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE];
    const uint8_t *machine; /* MACHINE_ID_SIZE bytes that its key is bound to; NULL: none */
};

struct document_pool {
    const char *name;  /* "stream" */
    const char *owner; /* "stream.tandem.example": the domain name it answers for, in lower case
                            without the final dot, within a zone, no other pool's */
    uint32_t group_written; /* the group-size that is written, 1..256; 0: none is */
    uint32_t group_size;    /* what comes of it: at most 256 and member_count, at least 1; without
                               one a fifth of member_count, at least 2 */
    uint32_t rounds;        /* 1..1000 */
    size_t port_count;      /* 1..DOCUMENT_PORTS_MAX */
    uint16_t ports[DOCUMENT_PORTS_MAX];
    uint32_t ttl_s;   /* 0..86400 */
    int32_t stale_ms; /* 500..60000: a report older than this is no report */
    enum document_last_resort last_resort;
    size_t fixed_count;
    struct ip fixed[DOCUMENT_FIXED_MAX];
    size_t member_count; /* 0: who joins is the first */
    uint32_t *members;   /* positions in document.servers, each once; pools of all share one */
};

struct document_zone {
    const char *origin; /* lower case, absolute, without the final dot; "." for the root */
    const char *path;   /* as given; document_path makes it absolute */
};

struct document {
    const char *cluster;
    size_t node_count, server_count, pool_count, zone_count, witness_count;
    struct document_node nodes[DOCUMENT_NODES_MAX];
    struct document_server *servers; /* NULL: none */
    struct document_pool *pools;
    struct document_zone *zones;
    struct ip witnesses[DOCUMENT_WITNESSES_MAX];
    struct ip spare[2]; /* of each family; family 0: none */
    uint16_t dns_port, replication_port;
    uint16_t beat_port;     /* UDP, between the guardians */
    uint16_t tripwire_port; /* TCP, likewise */
    uint32_t interval_ms;   /* 10..1000: of beats and advertisements */
    bool is_multicast;      /* advertisements go to the group of all VRRP routers */
    bool has_router; /* the second node is a VRRP router of another make, where no Tandem runs */
    uint16_t dns_threads; /* 1..64; default 2 */
    const char *keys_path, *state_path, *run_path;
};

/* Parse and check text[0..size). file is used in messages only. On success everything *document
 * points to lies in the arena, or is a literal. On failure error[DOCUMENT_ERROR_MAX] holds one line
 * "file:line:column: found, expected" and *document is undefined. */
bool document_parse(struct document *document, const char *file, const char *text, size_t size,
                    struct arena *arena, char *error);

struct document_enrolment {
    struct document_server server; /* its name and its machine are copied */
    const char *pool;
};

/* Is this an address of a node: its own, its home, or its end of the pair link? */
bool document_is_of_node(const struct document *self, const struct ip *address);

/* Adds servers that joined, each to its pool, whose group grows with it. Who has a name, a key or
 * an address that the document gives to another, or names no pool of it, is left out. list outlives
 * the call alone. False when the arena is exhausted. O(servers + count). */
bool document_enrol(struct document *self, const struct document_enrolment *list, size_t count,
                    struct arena *arena);

/* What the guardian and the sockets read once, at their start, stays that of the running document:
 * all but servers, pools, zones, and a node's keys, of which one may come or go while the other
 * stays. differs[DOCUMENT_DIFFERS_MAX] says what is another in this one ("nodes, witness"), or is
 * "". The texts are copied to the arena; false when that is exhausted. */
bool document_keep_fixed(struct document *self, const struct document *running, struct arena *arena,
                         char *differs);

/* All options in words, 80 columns wide, into text[size], of which 8,192 bytes are enough. Returns
 * the bytes used without the NUL. */
size_t document_manual(char *text, size_t size);

/* Is this public key one of the two? "" is nobody's. */
bool document_has_key(const char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE], const char *key);

/* Position of the node, or SIZE_MAX. */
size_t document_node(const struct document *document, const char *name);

/* Is there a second node that runs Tandem? */
bool document_has_partner(const struct document *document);

/* path as it is if absolute, else beside the document's file. In the arena; NULL when that is
 * exhausted. */
const char *document_path(const char *file, const char *path, struct arena *arena);

#endif
