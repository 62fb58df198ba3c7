/* tests/bench/crowd.c -- a thousand agents in one process, to see what becomes of two nodes under
 * them.
 *
 *   tandem-crowd keys FOLDER N
 *       makes FOLDER/crowd1.key .. crowdN.key where they are missing, and prints the servers' part
 *       of a document, below "servers:", that lists them: crowdI has the address I of 10.53.0.0/16
 *   tandem-crowd run AGENT.yaml FOLDER N [SEED]
 *       speaks for crowd1 .. crowdN, each under its own key in a session of its own with each node.
 *       Cluster, nodes, ports, interval and steps are those of AGENT.yaml, a file of tandem-agent's
 *
 * To the nodes each is an agent: it is the agent's own reporter and link, though the links share
 * one ZeroMQ context and its threads. Nothing listens at their addresses: what they report is made
 * up, all ports listening, with sockets that move by less than a step.
 *
 *   up agents=1000 took_ms=2345 spread_ms=1200
 *       all that live are greeted by both nodes: so long after the first was not (or after the
 *       beginning), and so long after the first of them was again
 *   lost node=ns1
 *       the first that is no longer
 *
 * and takes from standard input, a pipe, a line each:
 *
 *   die K              the first K that live say no more, and close at once
 *   restart SECONDS    each, also who died, ends as an agent does that is told to stop, and begins
 *                      anew, spread over so many seconds; 20 at once at the most, as at the
 *                      beginning
 *   quit               as the end of standard input
 *
 * It stands for machines elsewhere, which take no processor time from the nodes, so it leaves them
 * what they want. Six sockets of ZeroMQ's, eleven descriptors and 140 KiB an agent; a thousand take
 * about a third of a core for their reports, and one for some seconds for the handshakes when a
 * node is back. */
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "deploy/lab/limits.h"
#include "health/agent/config.h"
#include "health/agent/say.h"
#include "replication/key.h"

enum {
    AGENTS_MAX = 4096,
    DESCRIPTORS_EACH = 12,
    IO_THREADS = 4,
    TICK_MS = 10,    /* between two looks at who has something to say */
    SAMPLE_MS = 500, /* a figure is new so often: twice in the shortest common interval */
    GAP_MS = 100,    /* these three as in health/agent/agent.h */
    LACK_MS = 100,
    STOP_MS = 250,
    NICE = 10,
    LEAST_SOCKETS = 100,
    MOST_SOCKETS = 300,
    UNDER_WAY_MAX = 20, /* agents that begin or end, and are not greeted by all nodes */
    EVENTS_MAX = 256,
    PATH_SIZE = 512,
    NAME_SIZE = 16,
    EXIT_USAGE = 100,
    EXIT_SYSTEM = 111,
};

/* One agent. */
struct member {
    char name[NAME_SIZE];
    char public_key[LINK_KEY_SIZE], secret_key[LINK_KEY_SIZE];
    struct link *link; /* NULL: it does not live */
    struct reporter reporter;
    struct report report;
    uint32_t least_sockets;
    int64_t begin_ms, stop_ms;        /* is to begin, to stop, then; INT64_MAX: not */
    int64_t stopped_ms;               /* was told to stop then; INT64_MAX: it was not */
    int64_t sample_ms;                /* has a new figure then */
    bool has_sent;                    /* what its descriptors told may be gone (link.h) */
    bool greeted[REPORTER_NODES_MAX]; /* as counted in the crowd */
};

struct crowd {
    struct agent_config agent;
    struct link_peer peers[REPORTER_NODES_MAX];
    void *context;
    int epoll_fd, tick_fd;
    struct pack_space space;
    struct message message;        /* the one being read */
    struct reporter_update update; /* the one being said */
    uint64_t dice;
    size_t greeted[REPORTER_NODES_MAX]; /* agents, by that node */
    size_t wanted;                      /* agents that live or are to begin again */
    size_t pending;                     /* agents that are yet to begin, or to begin anew */
    size_t room;                        /* so many more may set out, see tick */
    bool is_up;
    int64_t lost_ms;  /* since when not all are greeted */
    int64_t again_ms; /* when the first was greeted since then; INT64_MAX: none was */
    size_t count;
    struct member members[AGENTS_MAX];
};

static _Noreturn void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "tandem-crowd: %s: %s\n", what, why);
    exit(status);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* xorshift64*: below `bound`. */
static uint32_t roll(struct crowd *self, uint32_t bound)
{
    self->dice ^= self->dice >> 12;
    self->dice ^= self->dice << 25;
    self->dice ^= self->dice >> 27;
    return (uint32_t)((self->dice * 0x2545f4914f6cdd1d) >> 33) % bound;
}

/* ---- names and keys ---- */

static size_t read_count(const char *text)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    if (*end != '\0' || count < 1 || count > AGENTS_MAX)
        fail(EXIT_USAGE, text, "is no number of agents from 1 to 4096");
    return count;
}

/* Of agent number 1.. */
static void name_member(struct member *self, size_t number)
{
    snprintf(self->name, sizeof self->name, "crowd%zu", number);
}

static void key_path(const struct member *self, const char *folder, char *path)
{
    if (snprintf(path, PATH_SIZE, "%s/%s.key", folder, self->name) >= PATH_SIZE)
        fail(EXIT_USAGE, folder, "is too long a path");
}

static void read_key(struct member *self, const char *path)
{
    char error[KEY_ERROR_MAX];
    if (key_read(path, self->secret_key, error) != 0)
        fail(EXIT_SYSTEM, "key", error);
    if (!link_public_key(self->secret_key, self->public_key))
        fail(EXIT_USAGE, path, "holds no key");
}

static int write_keys(const char *folder, size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        struct member member = {0};
        char path[PATH_SIZE], error[KEY_ERROR_MAX];
        name_member(&member, i);
        key_path(&member, folder, path);
        if (access(path, F_OK) != 0) {
            link_keygen(member.public_key, member.secret_key);
            if (key_write(path, member.secret_key, error) != 0)
                fail(EXIT_SYSTEM, "key", error);
        }
        read_key(&member, path);
        printf("  %s: {addresses: [10.53.%zu.%zu], capacity: 1000, key: \"%s\"}\n", member.name,
               i >> 8, i & 255, member.public_key);
    }
    return EXIT_SUCCESS;
}

/* ---- who is greeted ---- */

/* What the last step has changed. */
static void count_greetings(struct crowd *self, struct member *member)
{
    for (size_t i = 0; i < self->agent.node_count; i++) {
        bool greeted = member->link != NULL && member->reporter.nodes[i].greeted;
        if (greeted == member->greeted[i])
            continue;
        member->greeted[i] = greeted;
        self->greeted[i] += greeted ? 1 : (size_t)-1;
        if (greeted && self->again_ms == INT64_MAX)
            self->again_ms = now_ms();
        if (greeted || !self->is_up)
            continue;
        self->is_up = false;
        self->lost_ms = now_ms();
        self->again_ms = INT64_MAX;
        printf("lost node=%s\n", self->agent.nodes[i].name);
    }
}

static void tell_when_up(struct crowd *self)
{
    for (size_t i = 0; i < self->agent.node_count; i++)
        if (self->is_up || self->pending > 0 || self->greeted[i] != self->wanted)
            return;
    const int64_t now = now_ms();
    self->is_up = true;
    printf("up agents=%zu took_ms=%lld spread_ms=%lld\n", self->wanted,
           (long long)(now - self->lost_ms),
           (long long)(self->again_ms == INT64_MAX ? 0 : now - self->again_ms));
}

/* ---- one agent ---- */

static void step(struct crowd *self, struct member *member, const struct reporter_event *event)
{
    say_step(&member->reporter, member->link, now_ms(), event, &self->update);
    count_greetings(self, member);
    member->has_sent |= self->update.send_count > 0;
}

static void take_event(struct crowd *self, struct member *member, const struct link_event *event)
{
    struct reporter_event said = {.node = event->peer};
    switch (event->type) {
    case LINK_UP:
        said.type = REPORTER_LINK_UP;
        break;
    case LINK_DOWN:
        if (event->refused)
            fprintf(stderr, "tandem-crowd: %s does not know the key of %s\n",
                    self->agent.nodes[event->peer].name, member->name);
        said.type = REPORTER_LINK_DOWN;
        break;
    case LINK_FRAME:
        said.type = REPORTER_MESSAGE;
        said.message = &self->message;
        if (message_decode(&self->message, &self->space, event->bytes, event->size, NULL) !=
            MESSAGE_OK)
            return;
        break;
    case LINK_NOTHING:
    case LINK_STRANGER:
        return;
    }
    step(self, member, &said);
}

/* Until there is nothing: every socket was asked then, and its descriptor will tell of what comes
 * later. */
static void serve(struct crowd *self, struct member *member)
{
    struct link_event event;
    do {
        link_receive(member->link, &event);
        take_event(self, member, &event);
    } while (event.type != LINK_NOTHING);
}

static void sample(struct crowd *self, struct member *member)
{
    for (size_t i = 0; i < member->report.service_count; i++)
        member->report.services[i].sockets =
            member->least_sockets + roll(self, self->agent.step_sockets);
    step(self, member,
         &(struct reporter_event){.type = REPORTER_SAMPLE, .report = &member->report});
}

static void begin(struct crowd *self, struct member *member)
{
    struct link_config link = {
        .peer_count = self->agent.node_count, .peers = self->peers, .context = self->context};
    struct reporter_config config = {.cluster = self->agent.cluster,
                                     .server = member->name,
                                     .node_count = self->agent.node_count,
                                     .interval_ms = self->agent.interval_ms,
                                     .gap_ms = GAP_MS,
                                     .lack_ms = LACK_MS,
                                     .socket_step = self->agent.step_sockets,
                                     .permille_step = (uint16_t)(self->agent.step_percent * 10)};
    char error[LINK_ERROR_MAX];
    memcpy(link.public_key, member->public_key, sizeof link.public_key);
    memcpy(link.secret_key, member->secret_key, sizeof link.secret_key);
    if (link_open(&member->link, &link, error) != 0)
        fail(EXIT_SYSTEM, member->name, error);
    while (config.boot == 0)
        randombytes_buf(&config.boot, sizeof config.boot);
    memcpy(config.machine, member->public_key,
           sizeof config.machine); /* each a machine of its own */
    reporter_init(&member->reporter, &config);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = member};
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, link_fd(member->link), &interest) != 0)
        fail(EXIT_SYSTEM, member->name, strerror(errno));
    member->begin_ms = member->stop_ms = member->stopped_ms = INT64_MAX;
    member->sample_ms = now_ms() + roll(self, SAMPLE_MS);
    sample(self, member);
    serve(self, member);
}

static void end(struct crowd *self, struct member *member)
{
    link_close(member->link);
    member->link = NULL;
    member->stop_ms = member->stopped_ms = INT64_MAX;
    count_greetings(self, member);
}

/* A last report, which is awaited for a moment: as tandem-agent ends. */
static void stop(struct crowd *self, struct member *member, int64_t now)
{
    member->stop_ms = INT64_MAX;
    member->stopped_ms = now;
    step(self, member, &(struct reporter_event){.type = REPORTER_STOP});
}

static bool is_stopped(const struct member *member, int64_t now)
{
    return member->stopped_ms != INT64_MAX &&
           (now - member->stopped_ms >= STOP_MS ||
            reporter_is_heard(&member->reporter, member->stopped_ms));
}

static void tick_member(struct crowd *self, struct member *member, int64_t now)
{
    member->has_sent = false;
    if (self->room > 0 && (now >= member->begin_ms || now >= member->stop_ms)) {
        self->room--;
        if (member->link == NULL)
            begin(self, member);
        else
            stop(self, member, now);
    }
    if (member->link == NULL)
        return;
    if (now >= member->sample_ms) {
        member->sample_ms = now + SAMPLE_MS;
        sample(self, member);
    }
    if (now >= reporter_deadline(&member->reporter))
        step(self, member, &(struct reporter_event){.type = REPORTER_TIMEOUT});
    if (member->has_sent && link_pending(member->link))
        serve(self, member);
    if (is_stopped(member, now)) {
        end(self, member);
        member->begin_ms = now;
    }
}

/* ---- orders ---- */

static void die(struct crowd *self, size_t count)
{
    for (size_t i = 0; i < self->count && count > 0; i++) {
        struct member *member = &self->members[i];
        if (member->link == NULL && member->begin_ms == INT64_MAX)
            continue;
        member->begin_ms = INT64_MAX;
        if (member->link != NULL)
            end(self, member);
        self->wanted--;
        count--;
    }
}

static void restart(struct crowd *self, double seconds)
{
    const int64_t now = now_ms();
    for (size_t i = 0; i < self->count; i++) {
        struct member *member = &self->members[i];
        int64_t at_ms = now + (int64_t)(seconds * 1000 * (double)i / (double)self->count);
        if (member->link != NULL)
            member->stop_ms = at_ms;
        else
            member->begin_ms = at_ms;
    }
    self->wanted = self->pending = self->count;
    self->is_up = false;
    self->lost_ms = now;
    self->again_ms = INT64_MAX;
}

/* Reads a line and obeys it; false at the end. */
static bool obey(struct crowd *self)
{
    char line[64];
    size_t count;
    double seconds;
    if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "quit\n") == 0)
        return false;
    if (sscanf(line, "die %zu\n", &count) == 1)
        die(self, count);
    else if (sscanf(line, "restart %lf\n", &seconds) == 1 && seconds >= 0 && seconds < 3600)
        restart(self, seconds);
    else
        fail(EXIT_USAGE, line, "is not die K, restart SECONDS or quit");
    return true;
}

/* ---- the crowd ---- */

static void read_agent(struct crowd *self, const char *path)
{
    static _Alignas(16) uint8_t memory[AGENT_CONFIG_ARENA_SIZE];
    static char text[AGENT_CONFIG_SIZE_MAX];
    char error[AGENT_CONFIG_ERROR_MAX];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail(EXIT_USAGE, path, strerror(errno));
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    if (!agent_config_parse(&self->agent, path, text, size, &arena, error))
        fail(EXIT_USAGE, "agent", error);
    for (size_t i = 0; i < self->agent.node_count; i++) {
        const struct agent_config_node *node = &self->agent.nodes[i];
        self->peers[i] =
            (struct link_peer){.dial = true, .address = node->address, .port = node->port};
        memcpy(self->peers[i].keys, node->keys, sizeof self->peers[i].keys);
    }
}

static void gather(struct crowd *self, const char *folder, size_t count)
{
    const int64_t now = now_ms();
    for (size_t i = 0; i < count; i++) {
        struct member *member = &self->members[i];
        char path[PATH_SIZE];
        name_member(member, i + 1);
        key_path(member, folder, path);
        read_key(member, path);
        member->least_sockets = LEAST_SOCKETS + roll(self, MOST_SOCKETS - LEAST_SOCKETS);
        member->report.service_count = self->agent.port_count;
        for (size_t j = 0; j < self->agent.port_count; j++)
            member->report.services[j] = (struct report_service){
                .port = self->agent.ports[j], .listening = true, .queue_max = 128};
        member->report.cpu_permille = (uint16_t)roll(self, 500);
        member->report.memory_permille = (uint16_t)roll(self, 500);
        member->begin_ms = now;
        member->stop_ms = member->stopped_ms = INT64_MAX;
    }
    self->count = self->wanted = self->pending = count;
    self->lost_ms = now;
    self->again_ms = INT64_MAX;
}

static void open_crowd(struct crowd *self)
{
    if (limits_raise_descriptors() < self->count * DESCRIPTORS_EACH)
        fail(EXIT_SYSTEM, "descriptors", "fewer than 12 for each agent: run it as root");
    self->context = zmq_ctx_new();
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec each = {.it_interval = {.tv_nsec = TICK_MS * 1000000L},
                              .it_value = {.tv_nsec = TICK_MS * 1000000L}};
    struct epoll_event tick = {.events = EPOLLIN, .data.ptr = &self->tick_fd};
    struct epoll_event orders = {.events = EPOLLIN, .data.ptr = stdin};
    if (self->context == NULL || zmq_ctx_set(self->context, ZMQ_IO_THREADS, IO_THREADS) != 0 ||
        zmq_ctx_set(self->context, ZMQ_MAX_SOCKETS, zmq_ctx_get(self->context, ZMQ_SOCKET_LIMIT)) !=
            0)
        fail(EXIT_SYSTEM, "ZeroMQ", strerror(errno));
    if (self->tick_fd < 0 || timerfd_settime(self->tick_fd, 0, &each, NULL) != 0 ||
        epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->tick_fd, &tick) != 0 ||
        epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &orders) != 0)
        fail(EXIT_SYSTEM, "standard input must be a pipe", strerror(errno));
    pack_space_open(&self->space);
    setvbuf(stdin, NULL, _IONBF, 0); /* epoll sees the lines that are left */
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static bool is_pending(const struct member *member)
{
    return member->begin_ms != INT64_MAX || member->stop_ms != INT64_MAX ||
           member->stopped_ms != INT64_MAX;
}

/* Begins, or ends to begin anew, and is not yet greeted by all nodes that greet others. */
static bool is_under_way(const struct crowd *self, const struct member *member)
{
    bool some = false, lacks = false;
    for (size_t i = 0; i < self->agent.node_count; i++) {
        some |= member->greeted[i];
        lacks |= !member->greeted[i] && self->greeted[i] > 0;
    }
    return member->link != NULL && (member->stopped_ms != INT64_MAX || lacks || !some);
}

/* No more are under way at once than get through their handshakes in time, one process being all
 * agents, on the nodes' own machine. */
static void tick(struct crowd *self)
{
    uint64_t expired;
    if (read(self->tick_fd, &expired, sizeof expired) != sizeof expired)
        return;
    const int64_t now = now_ms();
    self->room = UNDER_WAY_MAX;
    for (size_t i = 0; i < self->count; i++)
        self->room -= self->room > 0 && is_under_way(self, &self->members[i]);
    self->pending = 0;
    for (size_t i = 0; i < self->count; i++) {
        tick_member(self, &self->members[i], now);
        self->pending += is_pending(&self->members[i]);
    }
}

static int run(struct crowd *self)
{
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(self->epoll_fd, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR)
            fail(EXIT_SYSTEM, "epoll", strerror(errno));
        for (int i = 0; i < count; i++) {
            struct member *member = events[i].data.ptr;
            if (events[i].data.ptr == &self->tick_fd)
                tick(self);
            else if (events[i].data.ptr == stdin && !obey(self))
                return EXIT_SUCCESS;
            else if (events[i].data.ptr != stdin && member->link != NULL)
                serve(self, member);
        }
        tell_when_up(self);
    }
}

int main(int argc, char **argv)
{
    static struct crowd crowd;
    if (sodium_init() < 0)
        fail(EXIT_SYSTEM, "random numbers", "there is no source of them");
    if (argc == 4 && strcmp(argv[1], "keys") == 0)
        return write_keys(argv[2], read_count(argv[3]));
    if ((argc != 5 && argc != 6) || strcmp(argv[1], "run") != 0)
        fail(EXIT_USAGE, "usage",
             "tandem-crowd keys FOLDER N, or: tandem-crowd run AGENT.yaml FOLDER N [SEED]");
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    crowd.dice = argc == 6 ? strtoull(argv[5], NULL, 10) + 1 : 1;
    read_agent(&crowd, argv[2]);
    gather(&crowd, argv[3], read_count(argv[4]));
    open_crowd(&crowd);
    int status = run(&crowd);
    for (size_t i = 0; i < crowd.count; i++)
        link_close(crowd.members[i].link);
    while (zmq_ctx_term(crowd.context) != 0 && errno == EINTR)
        ;
    pack_space_close(&crowd.space);
    return status;
}
