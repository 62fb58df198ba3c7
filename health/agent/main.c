/* tandem-agent: tells both nodes how its server is.
 *
 *   tandem-agent --config FILE [--check]
 *   tandem-agent join TOKEN ...            see health/agent/joining.h
 *   tandem-agent key FILE                  the public key of a secret one, made if it is not there
 *
 * Needs no privilege. Starts whether or not a node can be reached, and goes on trying. Exit status:
 * 0 told to stop, 100 usage or configuration, 111 the system. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "health/agent/agent.h"
#include "health/agent/joining.h"
#include "replication/key.h"

int agent_fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tandem-agent: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

int agent_key(const char *path, bool is_made, char *public_key, char *secret_key)
{
    char error[KEY_ERROR_MAX];
    int failed = 0;
    if (is_made && access(path, F_OK) != 0) {
        link_keygen(public_key, secret_key);
        failed = key_write(path, secret_key, error);
    }
    if (failed == 0)
        failed = key_read(path, secret_key, error);
    if (failed != 0)
        return agent_fail(AGENT_EXIT_SYSTEM, "%s", error);
    if (!link_public_key(secret_key, public_key))
        return agent_fail(AGENT_EXIT_CONFIGURATION, "%s: holds no key", path);
    return 0;
}

static int tell_key(const char *path)
{
    char public_key[LINK_KEY_SIZE], secret_key[LINK_KEY_SIZE];
    int status = agent_key(path, true, public_key, secret_key);
    explicit_bzero(secret_key, sizeof secret_key);
    if (status == 0)
        puts(public_key);
    return status;
}

/* The whole file into text; its size, or -1 with errno. */
static ssize_t read_file(const char *path, char *text, size_t size_max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t size = 0;
    ssize_t got = 1;
    while (size < size_max && got > 0) {
        got = read(fd, text + size, size_max - size);
        size += got > 0 ? (size_t)got : 0;
    }
    int saved = errno;
    close(fd);
    errno = got < 0 ? saved : EFBIG;
    return got < 0 || size == size_max ? -1 : (ssize_t)size;
}

static int load(struct agent *self, const char *path)
{
    static _Alignas(16) uint8_t memory[AGENT_CONFIG_ARENA_SIZE];
    static char text[AGENT_CONFIG_SIZE_MAX + 1];
    char error[AGENT_CONFIG_ERROR_MAX];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    ssize_t size = read_file(path, text, sizeof text);
    if (size < 0)
        return agent_fail(AGENT_EXIT_CONFIGURATION,
                          "%s cannot be read (%s): --config must name a file that the user of "
                          "tandem-agent may read",
                          path, strerror(errno));
    if (!agent_config_parse(&self->config, path, text, (size_t)size, &arena, error))
        return agent_fail(AGENT_EXIT_CONFIGURATION, "%s", error);
    return 0;
}

static int open_link(struct agent *self)
{
    struct link_peer peers[AGENT_CONFIG_NODES_MAX] = {0};
    struct link_config config = {.peer_count = self->config.node_count, .peers = peers};
    char error[LINK_ERROR_MAX];
    for (size_t i = 0; i < self->config.node_count; i++) {
        const struct agent_config_node *node = &self->config.nodes[i];
        peers[i] = (struct link_peer){.dial = true, .address = node->address, .port = node->port};
        memcpy(peers[i].keys, node->keys, sizeof peers[i].keys);
    }
    int opened = 0;
    int status = agent_key(self->config.key_path, false, config.public_key, config.secret_key);
    if (status == 0)
        opened = link_open(&self->link, &config, error);
    if (opened != 0)
        status = agent_fail(opened == -EINVAL ? AGENT_EXIT_CONFIGURATION : AGENT_EXIT_SYSTEM, "%s",
                            error);
    explicit_bzero(config.secret_key, sizeof config.secret_key);
    return status;
}

static int run(struct agent *self)
{
    int status = open_link(self);
    if (status != 0)
        return status;
    int error = agent_open(self);
    if (error == -ENOENT)
        return agent_fail(AGENT_EXIT_SYSTEM,
                          "the kernel does not tell of sockets: load its module inet_diag");
    if (error == 0)
        error = agent_loop(self);
    return error == 0 ? 0 : agent_fail(AGENT_EXIT_SYSTEM, "the agent ended: %s", strerror(-error));
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'}, {0}};
    static struct agent agent = {.signal_fd = -1, .epoll_fd = -1};
    const char *path = NULL;
    bool check = false;
    key_hide();
    if (argc > 1 && strcmp(argv[1], "join") == 0)
        return joining(argc - 1, argv + 1);
    if (argc == 3 && strcmp(argv[1], "key") == 0)
        return tell_key(argv[2]);
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c')
            path = optarg;
        else if (option == 'k')
            check = true;
        else
            return AGENT_EXIT_CONFIGURATION;
    }
    if (path == NULL || optind != argc)
        return agent_fail(
            AGENT_EXIT_CONFIGURATION,
            "usage: tandem-agent --config FILE [--check], or: "
            "tandem-agent join TOKEN ..., see join --help, or: tandem-agent key FILE");
    if (sodium_init() < 0)
        return agent_fail(AGENT_EXIT_SYSTEM, "no source of random numbers");
    int status = load(&agent, path);
    if (status == 0 && check)
        printf("%s: ok\n", path);
    else if (status == 0)
        status = run(&agent);
    agent_close(&agent);
    return status;
}
