#include "health/agent/joining.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "health/agent/agent.h"
#include "health/agent/machine.h"
#include "replication/join.h"
#include "replication/link.h"

enum {
    EXIT_REFUSED = 1,
    PATIENCE_MS = 15000, /* until some node has answered */
    ASK_AGAIN_MS = 2000,
    PUT_OFF_MS = 3000, /* until a node that does not know the token is believed */
    PUT_OFF_AGAIN_MS = 100,
    CAPACITY = 1000,
};

struct joining {
    const char *config_path;
    char key_path[PATH_MAX];
    struct join_token token;
    struct join join;
    struct join_answer answer;
    struct pack_space space;
    struct link *link;
    int64_t until_ms, ask_ms;
    bool was_put_off; /* by the answer */
    bool was_refused; /* by a handshake: no token is good there just now */
};

static const char usage[] =
    "usage: tandem-agent join TOKEN [--address A]... [--capacity N] [--name NAME] [--tag K=V]...\n"
    "                         [--config FILE] [--key FILE]\n"
    "  --address   what clients are to be told; within what the token allows, one of each family\n"
    "  --capacity  sockets that this server can hold; 1000\n"
    "  --name      of this server in the cluster; this host's name\n"
    "  --config    is written; /etc/tandem/agent.yaml\n"
    "  --key       its secret key, made if it is not there; beside the configuration\n";

/* ---- arguments ---- */

static bool add_tag(struct joining *self, const char *tag)
{
    char *tags = self->join.tags;
    size_t used = strlen(tags);
    int size =
        snprintf(tags + used, sizeof self->join.tags - used, "%s%s", used > 0 ? " " : "", tag);
    return size > 0 && (size_t)size < sizeof self->join.tags - used;
}

static bool add_address(struct joining *self, const char *text)
{
    struct ip address;
    if (!ip_parse(text, &address))
        return false;
    struct ip *place = &self->join.addresses[address.family == 6];
    bool is_first = place->family == 0;
    *place = address;
    return is_first;
}

/* The host's name up to the first dot, as a server is named. */
static void name_by_host(char *name)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    size_t used = 0;
    for (const char *c = host; *c != '\0' && *c != '.' && used < DOCUMENT_NAME_MAX; c++) {
        char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        bool may = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        name[used++] = may ? lower : '-';
    }
    name[used] = '\0';
}

static int take_option(struct joining *self, int option)
{
    char *end;
    if (option == 'a' && !add_address(self, optarg))
        return agent_fail(AGENT_EXIT_CONFIGURATION,
                          "--address takes an address, one of each family, not \"%s\"", optarg);
    if (option == 't' && !add_tag(self, optarg))
        return agent_fail(AGENT_EXIT_CONFIGURATION, "all tags together take %d characters at most",
                          JOIN_TAGS_MAX);
    if (option == 'n' && strlen(optarg) > DOCUMENT_NAME_MAX)
        return agent_fail(AGENT_EXIT_CONFIGURATION, "a server's name has %d characters at most",
                          DOCUMENT_NAME_MAX);
    if (option == 'n')
        snprintf(self->join.server, sizeof self->join.server, "%s", optarg);
    if (option == 'c') {
        unsigned long capacity = strtoul(optarg, &end, 10);
        if (capacity < 1 || capacity > DOCUMENT_CAPACITY_MAX || *end != '\0')
            return agent_fail(AGENT_EXIT_CONFIGURATION,
                              "--capacity is a number of sockets from 1 to %d",
                              DOCUMENT_CAPACITY_MAX);
        self->join.capacity = (uint32_t)capacity;
    }
    if (option == 'f')
        self->config_path = optarg;
    if (option == 'k' &&
        snprintf(self->key_path, sizeof self->key_path, "%s", optarg) >= (int)sizeof self->key_path)
        return agent_fail(AGENT_EXIT_CONFIGURATION, "%s: the path is too long", optarg);
    return 0;
}

static int take_arguments(struct joining *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'}, {"capacity", required_argument, NULL, 'c'},
        {"name", required_argument, NULL, 'n'},    {"tag", required_argument, NULL, 't'},
        {"config", required_argument, NULL, 'f'},  {"key", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},          {0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? -1 : AGENT_EXIT_CONFIGURATION;
        }
        int status = take_option(self, option);
        if (status != 0)
            return status;
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return AGENT_EXIT_CONFIGURATION;
    }
    bool is_token = join_token_parse(&self->token, &self->space, argv[optind]);
    sodium_memzero(argv[optind], strlen(argv[optind])); /* nobody's ps is to show it any longer */
    if (!is_token)
        return agent_fail(AGENT_EXIT_CONFIGURATION,
                          "that is no token: copy all of what \"tandemctl token\" said");
    if (self->join.addresses[0].family + self->join.addresses[1].family == 0)
        return agent_fail(AGENT_EXIT_CONFIGURATION,
                          "--address says what clients are to be told of this server");
    if (self->join.server[0] == '\0')
        name_by_host(self->join.server);
    return 0;
}

/* ---- the link ---- */

static int open_link(struct joining *self)
{
    struct link_peer peers[DOCUMENT_NODES_MAX] = {0};
    struct link_config config = {.peer_count = self->token.node_count, .peers = peers};
    char error[LINK_ERROR_MAX];
    for (size_t i = 0; i < self->token.node_count; i++) {
        const struct join_node *node = &self->token.nodes[i];
        peers[i] = (struct link_peer){.dial = true, .address = node->address, .port = node->port};
        memcpy(peers[i].keys, node->keys, sizeof peers[i].keys);
    }
    config.quick = true; /* refused handshakes are tried again soon */
    int status = agent_key(self->key_path, true, config.public_key, config.secret_key);
    if (status == 0 && link_open(&self->link, &config, error) != 0)
        status = agent_fail(AGENT_EXIT_SYSTEM, "%s", error);
    explicit_bzero(config.secret_key, sizeof config.secret_key);
    return status;
}

/* ---- asking ---- */

static void ask(struct joining *self, size_t node)
{
    uint8_t bytes[JOIN_SIZE_MAX];
    (void)link_send(self->link, node, bytes, join_encode(&self->join, bytes));
    sodium_memzero(bytes, sizeof bytes);
}

/* True when it is one for good. One for now is kept, and there is not much more patience. */
static bool take_answer(struct joining *self, const struct link_event *event)
{
    struct join_answer answer;
    if (!join_answer_decode(&answer, &self->space, event->bytes, event->size))
        return false;
    int64_t now_ms = agent_now_ms();
    if (answer.is_for_now && !self->was_put_off)
        self->until_ms = now_ms + PUT_OFF_MS;
    self->answer = answer;
    self->was_put_off = answer.is_for_now;
    self->ask_ms = now_ms + PUT_OFF_AGAIN_MS;
    return !answer.is_for_now;
}

/* True when a node has said yes or no, and not for now. */
static bool take_events(struct joining *self, bool *is_up)
{
    struct link_event event;
    do {
        link_receive(self->link, &event);
        if (event.type == LINK_UP) {
            is_up[event.peer] = true;
        } else if (event.type == LINK_DOWN) {
            is_up[event.peer] = false;
            self->was_refused |= event.refused;
        } else if (event.type == LINK_FRAME && take_answer(self, &event)) {
            return true;
        }
    } while (event.type != LINK_NOTHING || link_pending(self->link));
    return false;
}

static bool wait_for_answer(struct joining *self)
{
    bool is_up[DOCUMENT_NODES_MAX] = {0};
    size_t turn = 0;
    self->until_ms = agent_now_ms() + PATIENCE_MS;
    while (agent_now_ms() < self->until_ms) {
        struct pollfd fd = {.fd = link_fd(self->link), .events = POLLIN};
        poll(&fd, 1, link_pending(self->link) ? 0 : 100);
        if (take_events(self, is_up))
            return true;
        /* One node after the other, for either tells its partner. */
        for (size_t i = 0; agent_now_ms() >= self->ask_ms && i < self->token.node_count; i++) {
            size_t node = turn++ % self->token.node_count;
            if (!is_up[node])
                continue;
            ask(self, node);
            self->ask_ms = agent_now_ms() + ASK_AGAIN_MS;
        }
    }
    return self->was_put_off;
}

/* ---- the configuration ---- */

/* The key by a path from the root: one that is not, is taken from where the configuration lies. */
static void print_config(const struct joining *self, FILE *out)
{
    char address[IP_TEXT_SIZE], key_path[PATH_MAX];
    if (realpath(self->key_path, key_path) == NULL)
        snprintf(key_path, sizeof key_path, "%s", self->key_path);
    fprintf(out, "format: 1\ncluster: %s\nserver: %s\nkey: %s\nnodes:\n", self->token.cluster,
            self->answer.server, key_path);
    for (size_t i = 0; i < self->token.node_count; i++) {
        const struct join_node *node = &self->token.nodes[i];
        bool has_two = node->keys[1][0] != '\0';
        fprintf(out, "  %s: {address: \"%s\", port: %u, key: %s\"%s\"%s%s%s}\n", node->name,
                ip_text(&node->address, address), node->port, has_two ? "[" : "", node->keys[0],
                has_two ? ", \"" : "", node->keys[1], has_two ? "\"]" : "");
    }
    fputs("ports: [", out);
    for (size_t i = 0; i < self->answer.port_count; i++)
        fprintf(out, "%s%u", i == 0 ? "" : ", ", self->answer.ports[i]);
    fputs("]\n", out);
}

static int write_config(const struct joining *self)
{
    char next[4096];
    if (snprintf(next, sizeof next, "%s.new", self->config_path) >= (int)sizeof next)
        return -ENAMETOOLONG;
    FILE *out = fopen(next, "w");
    if (out == NULL)
        return -errno;
    print_config(self, out);
    int error = fflush(out) == 0 && fsync(fileno(out)) == 0 ? 0 : -errno;
    if (fclose(out) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(next, self->config_path) != 0)
        error = -errno;
    if (error != 0)
        unlink(next);
    return error;
}

static int conclude(const struct joining *self)
{
    if (!self->answer.is_joined)
        return agent_fail(EXIT_REFUSED, "%s", self->answer.sentence);
    int error = write_config(self);
    if (error != 0)
        return agent_fail(AGENT_EXIT_SYSTEM,
                          "%s joined, but %s cannot be written (%s): join again with another "
                          "--config",
                          self->answer.server, self->config_path, strerror(-error));
    printf("%s joined cluster %s; run: tandem-agent --config %s\n", self->answer.server,
           self->token.cluster, self->config_path);
    return 0;
}

static int run(struct joining *self)
{
    machine_id(self->join.machine);
    memcpy(self->join.cluster, self->token.cluster, sizeof self->join.cluster);
    memcpy(self->join.token, self->token.id, sizeof self->join.token);
    memcpy(self->join.secret, self->token.secret, sizeof self->join.secret);
    int status = open_link(self);
    if (status != 0)
        return status;
    if (wait_for_answer(self))
        return conclude(self);
    return agent_fail(EXIT_REFUSED, self->was_refused
                                        ? "no node lets a stranger in: the token's time may be over"
                                        : "no node of the token can be reached from here");
}

/* Beside the configuration, unless it was said where. */
static void name_key(struct joining *self)
{
    const char *slash = strrchr(self->config_path, '/');
    int size = slash == NULL ? 0 : (int)(slash - self->config_path) + 1;
    if (self->key_path[0] == '\0')
        snprintf(self->key_path, sizeof self->key_path, "%.*sagent.key", size, self->config_path);
}

int joining(int argc, char **argv)
{
    static struct joining self = {.config_path = "/etc/tandem/agent.yaml"};
    self.join.capacity = CAPACITY;
    pack_space_open(&self.space);
    int status = sodium_init() < 0 ? agent_fail(AGENT_EXIT_SYSTEM, "no source of random numbers")
                                   : take_arguments(&self, argc, argv);
    name_key(&self);
    if (status == 0)
        status = run(&self);
    link_close(self.link);
    pack_space_close(&self.space);
    sodium_memzero(&self, sizeof self);
    return status < 0 ? 0 : status;
}
