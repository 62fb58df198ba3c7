/* tandem-worker: answers DNS, listens to agents and the partner, obeys tandemctl.
 *
 *   tandem-worker --config FILE --node NAME [--check] [--page-fd N --channel-fd N]
 *
 * tandemd starts it with the two descriptors; without them it runs by itself, which is all that a
 * cluster of one on addresses of the host needs. Exit status: 0 told to stop, 100 usage or
 * configuration, 111 the system. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failover/rights.h"
#include "node/audit.h"
#include "node/worker.h"
#include "replication/key.h"

enum {
    EXIT_CONFIGURATION = 100,
    EXIT_SYSTEM = 111,
    MEMORY_SIZE = 1 << 30, /* of the node: reserved, taken when touched */
    SPARE_SEATS = 1024,    /* for servers that join it */
};

struct arguments {
    const char *config, *node;
    bool check;
    int page_fd, channel_fd;
};

/* One sentence for whoever started it. */
__attribute__((format(printf, 2, 3))) static int fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tandem-worker: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"node", required_argument, NULL, 'n'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"page-fd", required_argument, NULL, 'p'},
                                            {"channel-fd", required_argument, NULL, 'f'},
                                            {0}};
    *arguments = (struct arguments){.page_fd = -1, .channel_fd = -1};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c')
            arguments->config = optarg;
        else if (option == 'n')
            arguments->node = optarg;
        else if (option == 'k')
            arguments->check = true;
        else if (option == 'p')
            arguments->page_fd = atoi(optarg);
        else if (option == 'f')
            arguments->channel_fd = atoi(optarg);
        else
            return EXIT_CONFIGURATION;
    }
    if (arguments->config == NULL || arguments->node == NULL || optind != argc)
        return fail(EXIT_CONFIGURATION, "usage: tandem-worker --config FILE --node NAME [--check]");
    return 0;
}

/* ---- configuration ---- */

static int load(struct worker *self, const struct arguments *arguments)
{
    char error[LOAD_ERROR_MAX];
    self->config_path = arguments->config;
    self->node_name = arguments->node;
    if (load_memory_open(&self->memory, MEMORY_SIZE) != 0)
        return fail(EXIT_SYSTEM, "no memory");
    self->served = generation_open(arguments->config, NULL, NULL, error);
    if (self->served == NULL)
        return fail(EXIT_CONFIGURATION, "%s", error);
    size_t position = document_node(&self->served->document, arguments->node);
    if (position == SIZE_MAX)
        return fail(EXIT_CONFIGURATION, "%s: no node is named '%s'", arguments->config,
                    arguments->node);
    struct node_config config = {
        .self = position, .spare_seats = SPARE_SEATS, .version = TANDEM_VERSION};
    while (config.boot == 0)
        randombytes_buf(&config.boot, sizeof config.boot);
    randombytes_buf(config.hash_key, sizeof config.hash_key);
    self->update = arena_take(&self->memory.arena, sizeof *self->update);
    self->frame = arena_take(&self->memory.arena, MESSAGE_SIZE_MAX);
    if (self->update == NULL || self->frame == NULL ||
        !node_init(&self->node, &config, &self->served->plan, &self->memory.arena))
        return fail(EXIT_SYSTEM, "%s: the cluster is too large for the memory set aside",
                    arguments->config);
    self->warm_room = WARM_FRAME_SIZE + self->node.seat_count * WARM_RECORD_SIZE_MAX;
    self->warm = arena_take(&self->memory.arena, self->warm_room);
    self->peers =
        arena_take_array(&self->memory.arena, 1 + self->node.seat_count, sizeof *self->peers);
    return self->warm != NULL && self->peers != NULL ? 0 : fail(EXIT_SYSTEM, "no memory");
}

static int publish_zones(struct worker *self, char *error)
{
    struct load_memory memory;
    const struct view *view;
    if (!load_view(&self->served->source, &self->served->document, self->node_name,
                   self->served->pools, &memory, &view, error))
        return EXIT_CONFIGURATION;
    if (publish(&self->publisher, view, memory.base, memory.size) == 0)
        return 0;
    snprintf(error, LOAD_ERROR_MAX, "no memory for the zones");
    return EXIT_SYSTEM;
}

/* Of the revision in force; where this program cannot serve it, of the node's own file. */
static int load_zones(struct worker *self)
{
    char error[LOAD_ERROR_MAX];
    int status = publish_zones(self, error);
    if (status != 0 && worker_return_to_file(self, error)) {
        fail(0, "the revision in force cannot be served, the file is: %s", error);
        status = publish_zones(self, error);
    }
    worker_forget_file(self);
    return status == 0 ? 0 : fail(status, "%s", error);
}

/* DIR/NODE, made if it is not there. */
static int open_folder(const char *parent, const char *name, char *path, size_t size)
{
    if (snprintf(path, size, "%s/%s", parent, name) >= (int)size)
        return fail(EXIT_CONFIGURATION, "%s: the path is too long", parent);
    if ((mkdir(parent, 0755) != 0 && errno != EEXIST) ||
        (mkdir(path, 0700) != 0 && errno != EEXIST))
        return fail(
            EXIT_SYSTEM,
            "%s cannot be made (%s): make it for the user of tandem-worker, or change paths: state",
            path, strerror(errno));
    return 0;
}

static const char *beside_config(struct worker *self, const char *path)
{
    return document_path(self->config_path, path, &self->memory.arena);
}

/* What is in force by the history, in the place of the file. */
static int load_history(struct worker *self)
{
    char error[LOAD_ERROR_MAX];
    int status = open_folder(beside_config(self, self->served->document.state_path),
                             self->node_name, self->state_path, sizeof self->state_path);
    if (status != 0)
        return status;
    int result = worker_load_documents(self, error);
    return error[0] == '\0' ? 0 : fail(result == 0 ? 0 : EXIT_SYSTEM, "%s", error);
}

/* Those that joined in an earlier life, by the orders on the disk, before anybody may speak. */
static int call_roll(struct worker *self)
{
    char error[LOAD_ERROR_MAX];
    struct generation *before = self->served;
    struct roll *roll = roll_take(&self->node);
    if (roll != NULL && roll->enrolled_count + roll->revoked_count > 0)
        self->served = generation_again(before, roll, error);
    roll_free(roll);
    if (self->served == before)
        return 0;
    if (self->served == NULL)
        return fail(EXIT_CONFIGURATION, "%s", error);
    if (!node_has_room(&self->node, &self->served->document))
        return fail(EXIT_SYSTEM, "more servers joined than this worker has room for");
    node_adopt(&self->node, worker_now_ms(), &self->served->plan);
    int status = load_zones(self);
    generation_close(before);
    return status;
}

/* ---- what is opened, in order ---- */

static void take_record(void *context, const struct record *record)
{
    struct worker *self = context;
    node_restore(&self->node, worker_now_ms(), record);
}

/* What the servers said last in an earlier life, for as long as nobody says anything else. */
static void begin_warm(struct worker *self)
{
    char sentence[WARM_SENTENCE_MAX];
    warm_boot(&self->warm_time);
    warm_now(&self->warm_time);
    warm_load(self->state_path, &self->warm_time, take_record, self, sentence);
    if (sentence[0] != '\0')
        fail(0, "%s", sentence);
}

static int open_store(struct worker *self)
{
    char sentence[STORE_SENTENCE_MAX];
    if (store_open(&self->store, self->state_path, sentence) != 0)
        return fail(EXIT_SYSTEM, "%s", sentence);
    /* A torn end or a damaged file that was set aside: not fatal, but to be known. */
    if (sentence[0] != '\0')
        fail(0, "%s", sentence);
    store_load(self->store, take_record, self);
    for (size_t i = 0; i < self->served->document.node_count; i++)
        self->audited_ms[i] = audit_last_ms(self->state_path, self->served->document.nodes[i].name);
    int status = call_roll(self);
    if (status == 0)
        begin_warm(self);
    return status;
}

void worker_describe_peers(const struct worker *self, struct link_peer *peers)
{
    const struct document *document = &self->served->document;
    memset(peers, 0, (1 + self->node.seat_count) * sizeof *peers);
    if (document_has_partner(document)) {
        const struct document_node *partner = &document->nodes[1 - self->node.config.self];
        memcpy(peers[0].keys, partner->keys, sizeof peers[0].keys);
        peers[0].dial = self->node.config.self == 1;
        peers[0].address = partner->pair;
        peers[0].port = document->replication_port;
    }
    for (size_t i = 0; i < document->server_count; i++)
        memcpy(peers[1 + self->node.plan.servers[i].seat].keys, document->servers[i].keys,
               sizeof peers->keys);
}

static bool is_in(const struct ip *ips, size_t count, const struct ip *ip)
{
    for (size_t i = 0; i < count; i++)
        if (ip_equal(&ips[i], ip))
            return true;
    return false;
}

static void name_beat_key(struct worker *self)
{
    const struct document_node *node = &self->served->document.nodes[self->node.config.self];
    if (node->interface != NULL)
        snprintf(self->beat_key_path, sizeof self->beat_key_path, "%s/beat.key",
                 beside_config(self, self->served->document.keys_path));
}

static int read_own_key(struct worker *self, struct link_config *config)
{
    char path[4096], error[KEY_ERROR_MAX];
    const struct document_node *node = &self->served->document.nodes[self->node.config.self];
    snprintf(path, sizeof path, "%s/%s.key", beside_config(self, self->served->document.keys_path),
             self->node_name);
    if (key_read(path, config->secret_key, error) != 0)
        return fail(EXIT_SYSTEM, "%s", error);
    if (!link_public_key(config->secret_key, config->public_key))
        return fail(EXIT_SYSTEM, "%s: holds no key", path);
    if (!document_has_key(node->keys, config->public_key))
        return fail(EXIT_CONFIGURATION,
                    "%s: belongs to the public key %s, but %s gives node %s another: put that "
                    "one there, or the right file here",
                    path, config->public_key, self->config_path, self->node_name);
    memcpy(self->public_key, config->public_key, sizeof self->public_key);
    return 0;
}

static int open_link(struct worker *self)
{
    const struct document_node *node = &self->served->document.nodes[self->node.config.self];
    struct ip binds[3];
    struct link_config config = {.bind_addresses = binds,
                                 .bind_port = self->served->document.replication_port,
                                 .quick = true};
    char error[256];
    if (node->keys[0][0] == '\0') /* a cluster of one that nobody reports to */
        return 0;
    const struct ip candidates[] = {node->own[0], node->own[1], node->pair};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        if (candidates[i].family != 0 && !is_in(binds, config.bind_count, &candidates[i]))
            binds[config.bind_count++] = candidates[i];
    name_beat_key(self);
    worker_describe_peers(self, self->peers);
    config.peers = self->peers;
    config.peer_count = 1 + self->node.seat_count;
    int status = read_own_key(self, &config);
    if (status == 0 && link_open(&self->link, &config, error) != 0)
        status = fail(EXIT_SYSTEM, "%s", error);
    explicit_bzero(config.secret_key, sizeof config.secret_key);
    return status;
}

static int open_control(struct worker *self)
{
    char path[4096], error[CONTROL_ERROR_MAX];
    const char *folder = beside_config(self, self->served->document.run_path);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return fail(
            EXIT_SYSTEM,
            "%s cannot be made (%s): make it for the user of tandem-worker, or change paths: run",
            folder, strerror(errno));
    snprintf(path, sizeof path, "%s/%s.sock", folder, self->node_name);
    if (control_open(&self->control, path, error) != 0)
        return fail(EXIT_SYSTEM, "%s", error[0] == '\0' ? "no memory" : error);
    return 0;
}

/* All service addresses, the partner's too: their sockets wait for the address (IP_FREEBIND). */
static size_t list_addresses(const struct worker *self, struct ip *addresses)
{
    const struct document *document = &self->served->document;
    const struct document_node *self_node = &document->nodes[self->node.config.self];
    size_t count = 0;
    for (size_t family = 0; family < 2; family++) {
        const struct ip *own = &self_node->own[family];
        if (own->family != 0)
            addresses[count++] = *own;
    }
    for (size_t i = 0; i < document->node_count; i++)
        for (size_t family = 0; family < 2; family++) {
            const struct ip *home = &document->nodes[i].home[family];
            if (home->family != 0 && !is_in(addresses, count, home))
                addresses[count++] = *home;
        }
    return count;
}

static int open_dns(struct worker *self)
{
    const struct ip *own = self->served->document.nodes[self->node.config.self].own;
    struct ip addresses[UDP_ADDRESSES_MAX];
    char error[256];
    struct udp_config config = {.address_count = list_addresses(self, addresses),
                                .addresses = addresses,
                                .port = self->served->document.dns_port,
                                .thread_count = self->served->document.dns_threads,
                                .publisher = &self->publisher,
                                .page = self->page,
                                .probe_address = &own[own[0].family == 0]};
    if (udp_open(&self->udp, &config, error) != 0 || tcp_open(&self->tcp, &config, error) != 0)
        return fail(EXIT_SYSTEM, "%s", error);
    /* No other port is privileged, no port is bound later, and this is still the only thread. */
    int dropped = rights_end();
    return dropped == 0
               ? 0
               : fail(EXIT_SYSTEM, "capabilities cannot be given away: %s", strerror(-dropped));
}

static int start_dns(struct worker *self)
{
    char error[SOCKET_ERROR_MAX];
    if (udp_start(self->udp, error) != 0 || tcp_start(self->tcp, error) != 0)
        return fail(EXIT_SYSTEM, "%s", error);
    return 0;
}

static int open_guardian(struct worker *self, const struct arguments *arguments)
{
    self->channel_fd = -1;
    if (arguments->page_fd < 0 && arguments->channel_fd < 0)
        return 0;
    int error = page_open(arguments->page_fd, &self->page);
    if (error == 0)
        error = channel_open_worker(arguments->channel_fd);
    if (error != 0)
        return fail(EXIT_SYSTEM, "the guardian's descriptors are not usable: %s", strerror(-error));
    self->channel_fd = arguments->channel_fd;
    page_catch_faults(self->page);
    return 0;
}

/* Signals come through a descriptor; every thread is started with them blocked. */
static int open_signals(struct worker *self)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    self->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->signal_fd < 0 || self->epoll_fd < 0)
        return fail(EXIT_SYSTEM, "no descriptors: %s", strerror(errno));
    return 0;
}

static int open_threads(struct worker *self)
{
    struct reload_config reload = {.path = self->config_path,
                                   .node = self->node_name,
                                   .archive = &self->documents.archive,
                                   .servers_max = self->node.seat_count,
                                   .public_key = self->link == NULL ? NULL : self->public_key,
                                   .publisher = &self->publisher};
    if (log_open(&self->log) != 0 ||
        disk_open(&self->disk, self->store, self->log, self->state_path) != 0 ||
        reload_open(&self->reload, &reload) != 0 || worker_open_documents(self) != 0)
        return fail(EXIT_SYSTEM, "no memory or no threads");
    return 0;
}

/* From here on the guardian may count on the page, and on answers. */
static int announce_ready(struct worker *self)
{
    if (self->page == NULL)
        return 0;
    int error = page_live(self->page);
    struct channel_message ready = {.kind = CHANNEL_READY};
    if (error == 0)
        error = channel_send(self->channel_fd, &ready);
    if (error != 0)
        return fail(EXIT_SYSTEM, "the guardian does not listen: %s", strerror(-error));
    return 0;
}

static int run(struct worker *self, const struct arguments *arguments)
{
    int status = open_signals(self);
    if (status == 0)
        status = open_guardian(self, arguments);
    if (status == 0)
        status = open_dns(self);
    if (status == 0)
        status = load_history(self);
    if (status == 0)
        status = load_zones(self);
    if (status == 0)
        status = open_store(self);
    if (status == 0) /* ZeroMQ's context before any thread of ours */
        status = open_link(self);
    if (status == 0)
        status = open_control(self);
    if (status == 0)
        status = open_threads(self);
    if (status == 0)
        status = start_dns(self);
    if (status == 0)
        status = announce_ready(self);
    if (status != 0)
        return status;
    int error = worker_loop(self);
    return error == 0 ? 0 : fail(EXIT_SYSTEM, "the control loop ended: %s", strerror(-error));
}

static void close_all(struct worker *self)
{
    tcp_close(self->tcp);
    udp_close(self->udp);
    reload_close(self->reload);
    worker_close_documents(self);
    disk_close(self->disk);
    log_close(self->log);
    control_close(self->control);
    link_close(self->link);
    store_close(self->store);
    publish_close(&self->publisher);
    if (self->node.space.zone != NULL)
        node_close(&self->node);
    generation_close(self->served);
    load_memory_close(&self->memory);
}

int main(int argc, char **argv)
{
    static struct worker worker = {.channel_fd = -1, .signal_fd = -1, .epoll_fd = -1};
    struct arguments arguments;
    int status = read_arguments(argc, argv, &arguments);
    if (status != 0)
        return status;
    rights_serve();
    if (sodium_init() < 0)
        return fail(EXIT_SYSTEM, "no source of random numbers");
    status = load(&worker, &arguments);
    if (status == 0 && arguments.check)
        status = load_zones(&worker);
    if (status == 0 && arguments.check)
        printf("%s: ok\n", arguments.config);
    else if (status == 0)
        status = run(&worker, &arguments);
    close_all(&worker);
    return status;
}
