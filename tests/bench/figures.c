/* tandem-figures: what an agent costs its server, and how soon it tells of a listener that is gone.
 *
 * Plays both nodes on loopback, starts the agent that it is given with a configuration of its own,
 * holds N connections to one listener and closes and opens another one. A figure counts when the
 * later of the two nodes has it. Run by tests/bench/figures. */
#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "health/report.h"
#include "replication/key.h"
#include "replication/link.h"
#include "replication/message.h"

enum { NODES = 2, COST_US = 20000000, GIVE_UP_US = 5000000, PAUSE_US = 300000, BACKLOG = 4096 };

struct node {
    struct link *link;
    char key[LINK_KEY_SIZE]; /* public */
    struct report report;    /* the newest */
    uint64_t report_count;
};

struct bench {
    struct node nodes[NODES];
    struct message message;
    struct pack_space space;
    uint16_t held_port, moved_port; /* of the connections; of the listener that goes and comes */
    int moved;
    pid_t agent;
    char directory[32];
};

static struct bench bench;

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void clean_up(void)
{
    char path[64];
    if (bench.agent > 0) {
        kill(bench.agent, SIGTERM);
        waitpid(bench.agent, NULL, 0);
    }
    snprintf(path, sizeof path, "%s/key", bench.directory);
    unlink(path);
    snprintf(path, sizeof path, "%s/agent.yaml", bench.directory);
    unlink(path);
    rmdir(bench.directory);
}

static void die(const char *sentence)
{
    fprintf(stderr, "tandem-figures: %s\n", sentence);
    clean_up();
    exit(111);
}

/* ---- the nodes ---- */

static void send_message(struct node *node)
{
    static uint8_t frame[MESSAGE_SIZE_MAX];
    (void)link_send(node->link, 0, frame, message_encode(&bench.message, frame));
}

static void answer_hello(struct node *node)
{
    struct message_hello *hello = &bench.message.hello;
    hello->role = MESSAGE_NODE;
    hello->heard_boot = hello->boot;
    hello->boot = 1 + (uint64_t)(node - bench.nodes);
    hello->known_incarnation = 0;
    snprintf(hello->name, sizeof hello->name, "ns%u", (unsigned)hello->boot);
    send_message(node);
}

static void take_report(struct node *node)
{
    const struct record *record = &bench.message.records.records[0];
    struct report report;
    if (report_decode(&report, &bench.space, record->value, record->value_size) != REPORT_OK)
        die("a report cannot be read");
    node->report = report;
    node->report_count++;
    struct record_version version = record->version; /* they share their memory */
    bench.message.type = MESSAGE_ACK;
    bench.message.ack = (struct message_ack){.version = version};
    send_message(node);
}

static void take_frames(struct node *node)
{
    struct link_event event;
    for (link_receive(node->link, &event); event.type != LINK_NOTHING;
         link_receive(node->link, &event)) {
        if (event.type != LINK_FRAME || message_decode(&bench.message, &bench.space, event.bytes,
                                                       event.size, NULL) != MESSAGE_OK)
            continue;
        if (bench.message.type == MESSAGE_HELLO)
            answer_hello(node);
        else if (bench.message.type == MESSAGE_DELTA && bench.message.records.count == 1)
            take_report(node);
    }
}

/* Be both nodes for at most so long. */
static void serve(int timeout_ms)
{
    struct pollfd fds[NODES];
    bool pending = false;
    for (size_t i = 0; i < NODES; i++) {
        fds[i] = (struct pollfd){.fd = link_fd(bench.nodes[i].link), .events = POLLIN};
        pending |= link_pending(bench.nodes[i].link);
    }
    if (!pending)
        poll(fds, NODES, timeout_ms);
    for (size_t i = 0; i < NODES; i++)
        take_frames(&bench.nodes[i]);
}

static void serve_for(int64_t duration_us)
{
    for (int64_t end_us = now_us(CLOCK_MONOTONIC) + duration_us; now_us(CLOCK_MONOTONIC) < end_us;)
        serve(10);
}

/* ---- what both nodes know ---- */

static bool do_both_count(uint32_t sockets)
{
    for (size_t i = 0; i < NODES; i++) {
        const struct report_service *held = report_service(&bench.nodes[i].report, bench.held_port);
        if (held == NULL || held->sockets != sockets)
            return false;
    }
    return true;
}

static bool do_both_hear(bool listening)
{
    for (size_t i = 0; i < NODES; i++) {
        const struct report_service *moved =
            report_service(&bench.nodes[i].report, bench.moved_port);
        if (moved == NULL || moved->listening != listening)
            return false;
    }
    return true;
}

/* ---- the server ---- */

/* port 0: the kernel chooses. */
static int listen_on(uint16_t *port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        die("no listener on 127.0.0.1");
    *port = ntohs(at.sin_port);
    return fd;
}

/* Both ends are of this process and end with it. */
static void hold_connections(int listener, size_t count)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(bench.held_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
            accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
            die("not so many connections: raise the limit of open files (ulimit -n)");
    }
}

/* ---- the agent ---- */

static void open_node(struct node *node, const char *agent_key)
{
    struct link_peer peer = {.dial = false};
    struct ip loopback;
    char error[LINK_ERROR_MAX];
    snprintf(peer.keys[0], sizeof peer.keys[0], "%s", agent_key);
    if (!ip_parse("127.0.0.1", &loopback))
        die("127.0.0.1 is no address");
    struct link_config config = {
        .bind_count = 1, .bind_addresses = &loopback, .peer_count = 1, .peers = &peer};
    link_keygen(config.public_key, config.secret_key);
    memcpy(node->key, config.public_key, sizeof node->key);
    if (link_open(&node->link, &config, error) != 0)
        die(error);
}

static void write_configuration(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        die("no configuration can be written to /tmp");
    fprintf(file, "format: 1\ncluster: bench\nserver: media1\nkey: key\nnodes:\n");
    for (size_t i = 0; i < NODES; i++)
        fprintf(file, "  ns%zu: {address: 127.0.0.1, port: %u, key: \"%s\"}\n", i + 1,
                link_port(bench.nodes[i].link), bench.nodes[i].key);
    fprintf(file, "ports: [%u, %u]\n", bench.held_port, bench.moved_port);
    if (fclose(file) != 0)
        die("no configuration can be written to /tmp");
}

static void start_agent(const char *program, const char *secret_key)
{
    char path[64], error[KEY_ERROR_MAX];
    snprintf(path, sizeof path, "%s/key", bench.directory);
    if (key_write(path, secret_key, error) != 0)
        die(error);
    snprintf(path, sizeof path, "%s/agent.yaml", bench.directory);
    write_configuration(path);
    bench.agent = fork();
    if (bench.agent == 0) {
        execl(program, "tandem-agent", "--config", path, (char *)NULL);
        _exit(111);
    }
    if (bench.agent < 0)
        die("no process for the agent");
}

/* ---- the figures ---- */

static void measure_cost(size_t sockets)
{
    clockid_t clock;
    if (clock_getcpuclockid(bench.agent, &clock) != 0)
        die("the agent is gone");
    uint64_t reports = bench.nodes[0].report_count;
    int64_t used_us = now_us(clock), began_us = now_us(CLOCK_MONOTONIC);
    serve_for(COST_US);
    used_us = now_us(clock) - used_us;
    double took_us = (double)(now_us(CLOCK_MONOTONIC) - began_us);
    reports = bench.nodes[0].report_count - reports;
    printf("%zu sockets: %.2f %% of a core, %.1f reports/s to each node\n", sockets,
           100 * (double)used_us / took_us, 1e6 * (double)reports / took_us);
}

static int64_t wait_to_hear(bool listening)
{
    int64_t began_us = now_us(CLOCK_MONOTONIC);
    while (!do_both_hear(listening)) {
        serve(1);
        if (now_us(CLOCK_MONOTONIC) - began_us > GIVE_UP_US)
            die("the agent does not tell who listens");
    }
    return now_us(CLOCK_MONOTONIC) - began_us;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void measure_news(size_t count)
{
    int64_t *times = calloc(count, sizeof *times);
    if (times == NULL)
        die("no memory");
    for (size_t i = 0; i < count; i++) {
        /* Out of step with every tick of the agent. */
        serve_for(PAUSE_US + randombytes_uniform(PAUSE_US));
        close(bench.moved);
        times[i] = wait_to_hear(false);
        bench.moved = listen_on(&bench.moved_port);
        wait_to_hear(true);
    }
    qsort(times, count, sizeof *times, compare);
    printf("a listener closed, both nodes know: N=%zu  p50 %.1f ms  p99 %.1f ms  max %.1f ms\n",
           count, (double)times[count / 2] / 1000, (double)times[count * 99 / 100] / 1000,
           (double)times[count - 1] / 1000);
    free(times);
}

int main(int argc, char **argv)
{
    size_t sockets = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (count == 0) {
        fputs("usage: tandem-figures AGENT SOCKETS N\n", stderr);
        return 100;
    }
    char public_key[LINK_KEY_SIZE], secret_key[LINK_KEY_SIZE];
    struct rlimit files = {2 * sockets + 100, 2 * sockets + 100};
    strcpy(bench.directory, "/tmp/tandem-figures-XXXXXX");
    if (sodium_init() < 0 || mkdtemp(bench.directory) == NULL)
        return 111;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* hold_connections says so when it was not enough */
    pack_space_open(&bench.space);
    link_keygen(public_key, secret_key);
    for (size_t i = 0; i < NODES; i++)
        open_node(&bench.nodes[i], public_key);
    int held = listen_on(&bench.held_port);
    bench.moved = listen_on(&bench.moved_port);
    hold_connections(held, sockets);
    start_agent(argv[1], secret_key);
    wait_to_hear(true);
    if (!do_both_count((uint32_t)sockets))
        die("the agent counts other sockets than there are");
    measure_cost(sockets);
    measure_news(count);
    clean_up();
    for (size_t i = 0; i < NODES; i++)
        link_close(bench.nodes[i].link);
    pack_space_close(&bench.space);
    return 0;
}
