/* failover/main.c -- tandemd: what an operator starts on a node.
 *
 * It reads the document and its key, gives away every right that it does not need, starts
 * tandem-worker and guards it. The guardian's loop is in failover/guardian.h. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failover/guardian.h"
#include "failover/guardian_log.h"
#include "replication/document.h"
#include "replication/key.h"

enum {
    ARENA_SIZE =
        256 << 20 /* bytes reserved to parse in; memory is taken only where it is touched */
};

struct options {
    const char *config, *node, *worker;
    bool is_check;
};

static const char usage[] =
    "usage: tandemd --config FILE --node NAME [--check] [--worker PATH]\n"
    "  --config FILE   the cluster's document\n"
    "  --node NAME     which of its nodes this is\n"
    "  --check         check the document and its zones as who you are, and start nothing\n"
    "  --worker PATH   the worker's program; default: tandem-worker beside tandemd\n"
    "exit status: 0 stopped or checked, 100 usage or configuration, 111 system\n";

static int __attribute__((format(printf, 2, 3))) fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tandemd: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return code;
}

/* 0, or the exit code after the usage was printed. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {
        {"config", required_argument, NULL, 'c'},
        {"node", required_argument, NULL, 'n'},
        {"check", no_argument, NULL, 'k'},
        {"worker", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (option == 'c')
            options->config = optarg;
        else if (option == 'n')
            options->node = optarg;
        else if (option == 'w')
            options->worker = optarg;
        else if (option == 'k')
            options->is_check = true;
        else
            break;
    }
    if (optind < argc || options->config == NULL || options->node == NULL) {
        fputs(usage, stderr);
        return EXIT_CONFIGURATION;
    }
    return 0;
}

/* Memory that goes back to the system as a whole, so that the guardian stays small whatever the
 * size of the document was. NULL when there is none. */
static void *borrow(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* The whole file into text[DOCUMENT_SIZE_MAX]. 0 and its size, or -errno; -EFBIG: too long. */
static int read_file(const char *path, char *text, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = 0;
    size_t length = 0;
    for (;;) {
        char beyond; /* a byte more than may be there */
        bool is_full = length == DOCUMENT_SIZE_MAX;
        ssize_t got =
            read(fd, is_full ? &beyond : text + length, is_full ? 1 : DOCUMENT_SIZE_MAX - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (got > 0 && is_full))
            error = got < 0 ? -errno : -EFBIG;
        if (got <= 0 || error < 0)
            break;
        length += (size_t)got;
    }
    close(fd);
    *size = length;
    return error;
}

/* What both nodes are, whichever this one is. */
static void take_pair(const struct document *document, uint8_t self,
                      struct guardian_settings *settings)
{
    struct partner_settings *partner = &settings->partner;
    partner->self = self;
    partner->has_partner = document->node_count > 1;
    partner->has_router = document->has_router;
    partner->is_multicast = document->is_multicast;
    partner->interval_us = (int64_t)document->interval_ms * 1000;
    partner->beat_port = document->beat_port;
    partner->tripwire_port = document->tripwire_port;
    partner->dns_port = document->dns_port;
    partner->cluster = beat_cluster(document->cluster);
    partner->witness_count = document->witness_count;
    memcpy(partner->witnesses, document->witnesses, sizeof partner->witnesses);
    memcpy(partner->spare, document->spare, sizeof partner->spare);
    for (size_t i = 0; i < document->node_count; i++) {
        const struct document_node *node = &document->nodes[i];
        snprintf(settings->node_names[i], sizeof settings->node_names[i], "%s", node->name);
        memcpy(partner->own[i], node->own, sizeof node->own);
        memcpy(partner->home[i], node->home, sizeof node->home);
        partner->home[i][PARTNER_HOME_MAX - 1] = node->link_local;
        partner->pair[i] = node->pair;
        partner->vrid[i] = node->vrid;
    }
}

/* The key of a file of the folder: a hash of its text, whatever 40 characters both nodes have. 0,
 * or -errno and a sentence. */
static int read_key(const char *folder, const char *name, uid_t owner, uint8_t key[BEAT_KEY_SIZE],
                    char error[KEY_ERROR_MAX])
{
    char path[PATH_MAX], text[KEY_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int failed = key_read_for(path, owner, text, error);
    if (failed == 0)
        crypto_generichash(key, BEAT_KEY_SIZE, (const uint8_t *)text, strlen(text), NULL, 0);
    sodium_memzero(text, sizeof text);
    return failed;
}

/* beat.key, under which this node signs; and beside it beat.key.also, if it is there: beats and
 * advertisements of the partner are believed under either. 0, or EXIT_SYSTEM. */
static int read_beat_keys(const char *folder, uid_t owner, struct partner_settings *partner)
{
    char error[KEY_ERROR_MAX];
    if (read_key(folder, "beat.key", owner, partner->beat_keys[0], error) != 0)
        return fail(EXIT_SYSTEM,
                    "%s (make it on one node by tandemctl keygen, and give both the "
                    "same file)",
                    error);
    int failed = read_key(folder, "beat.key.also", owner, partner->beat_keys[1], error);
    if (failed != 0 && failed != -ENOENT)
        return fail(EXIT_SYSTEM, "%s", error);
    partner->beat_key_count = failed == 0 ? 2 : 1;
    return 0;
}

/* Copy what the guardian needs of the document. 0, or the exit code after a sentence. */
static int take_settings(const struct document *document, struct arena *arena,
                         struct guardian_settings *settings)
{
    const struct worker_program *program = &settings->program;
    size_t position = document_node(document, program->node);
    if (position == SIZE_MAX) {
        const char *second = document->node_count > 1 ? document->nodes[1].name : NULL;
        return fail(EXIT_CONFIGURATION, "%s has no node %s: --node must be %s%s%s", program->config,
                    program->node, document->nodes[0].name, second != NULL ? " or " : "",
                    second != NULL ? second : "");
    }
    const struct document_node *node = &document->nodes[position];
    if (document->has_router && position == 1)
        return fail(EXIT_CONFIGURATION,
                    "node %s of %s is a router of another make, where no Tandem runs: --node must "
                    "be %s",
                    node->name, program->config, document->nodes[0].name);
    take_pair(document, (uint8_t)position, settings);
    if (node->interface == NULL)
        return 0;
    if (strlen(node->interface) >= sizeof settings->interface)
        return fail(EXIT_CONFIGURATION,
                    "%s: nodes.%s.interface: %s is longer than a name of an "
                    "interface can be (%zu bytes)",
                    program->config, node->name, node->interface, sizeof settings->interface - 1);
    memcpy(settings->interface, node->interface, strlen(node->interface) + 1);
    memcpy(settings->partner.interface, settings->interface, sizeof settings->interface);
    bool is_key_needed = document_has_partner(document) && !settings->is_check;
    return is_key_needed
               ? read_beat_keys(document_path(program->config, document->keys_path, arena),
                                settings->user.uid, &settings->partner)
               : 0;
}

/* Read the file into text[DOCUMENT_SIZE_MAX], parse it in memory[ARENA_SIZE] and keep the settings.
 * 0, or the exit code after a sentence. */
static int parse(char *text, void *memory, struct guardian_settings *settings)
{
    const char *file = settings->program.config;
    size_t size = 0;
    int error = read_file(file, text, &size);
    if (error < 0)
        return fail(EXIT_CONFIGURATION,
                    "%s cannot be read (%s): --config must name the document, which the user of "
                    "tandemd may read",
                    file, strerror(-error));
    struct arena arena;
    struct document document;
    uint8_t hash[crypto_generichash_BYTES_MIN];
    char sentence[DOCUMENT_ERROR_MAX];
    arena_init(&arena, memory, ARENA_SIZE);
    crypto_generichash(hash, sizeof hash, (const uint8_t *)text, size, NULL, 0);
    for (size_t i = 0; i < sizeof hash; i++)
        settings->partner.document = settings->partner.document << 8 | hash[i];
    if (document_parse(&document, file, text, size, &arena, sentence))
        return take_settings(&document, &arena, settings);
    fprintf(stderr, "%s\n", sentence);
    return EXIT_CONFIGURATION;
}

/* The same, in memory that is given back. */
static int read_document(struct guardian_settings *settings)
{
    int code;
    char *text = borrow(DOCUMENT_SIZE_MAX);
    void *memory = borrow(ARENA_SIZE);
    if (text != NULL && memory != NULL)
        code = parse(text, memory, settings);
    else
        code = fail(EXIT_SYSTEM, "no address space to read %s in: raise RLIMIT_AS",
                    settings->program.config);
    if (memory != NULL)
        munmap(memory, ARENA_SIZE);
    if (text != NULL)
        munmap(text, DOCUMENT_SIZE_MAX);
    malloc_trim(0); /* what libyaml took and freed */
    return code;
}

/* tandem-worker beside this very program. 0 or -errno. */
static int find_worker(char path[PATH_MAX])
{
    static const char name[] = "tandem-worker";
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof name);
    if (length < 0)
        return -errno;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return -ENOENT;
    memcpy(slash + 1, name, sizeof name);
    return 0;
}

/* Let the worker check what it alone can read, the zones; it says itself what is wrong. */
static int check(const struct worker_program *program)
{
    int code = worker_check(program);
    if (code < 0)
        return fail(EXIT_SYSTEM, "%s --check did not end by itself (%s): run it by hand to see why",
                    program->path, strerror(-code));
    if (code == 0)
        printf("%s: ok\n", program->config);
    return code;
}

/* Where the system does not allow it the node still works, a little later under load: it is said,
 * and that is all. */
static void be_prompt(struct guardian *guardian)
{
    int error = rights_lock_memory();
    guardian->is_locked = error == 0;
    if (error < 0)
        guardian_note(guardian,
                      "guardian memory wanted -> unlocked reason=not-allowed error=%s: grant "
                      "CAP_IPC_LOCK, or beats may wait for a disk",
                      strerrorname_np(-error));
    error = rights_come_first();
    guardian->comes_first = error == 0;
    if (error < 0)
        guardian_note(guardian,
                      "guardian priority wanted -> ordinary reason=not-allowed error=%s: grant "
                      "CAP_SYS_NICE, or beats may wait for other programs",
                      strerrorname_np(-error));
}

/* Takes the keys from settings: the one who needs them has a copy. */
static int run(struct guardian_settings *settings)
{
    static struct guardian guardian;
    char sentence[GUARDIAN_SENTENCE_SIZE];
    int code = guardian_open(&guardian, settings, sentence);
    sodium_memzero(settings->partner.beat_keys, sizeof settings->partner.beat_keys);
    if (code == 0) {
        be_prompt(&guardian);
        code = guardian_run(&guardian);
    } else {
        fail(code, "%s", sentence);
    }
    guardian_close(&guardian);
    return code;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    key_hide();
    int code = read_options(argc, argv, &options);
    if (code != 0)
        return code;
    struct guardian_settings settings = {
        .program = {.path = options.worker, .config = options.config, .node = options.node},
        .is_check = options.is_check};
    char sentence[RIGHTS_SENTENCE_SIZE];
    if (!options.is_check && rights_user(&settings.user, sentence) < 0)
        return fail(EXIT_SYSTEM, "%s", sentence);
    code = read_document(&settings);
    if (code != 0)
        return code;
    bool has_interface = settings.interface[0] != '\0';
    if (!options.is_check && rights_guard(&settings.user, has_interface, sentence) < 0)
        return fail(EXIT_SYSTEM, "%s", sentence);

    char path[PATH_MAX];
    int error = 0;
    if (options.worker == NULL) {
        error = find_worker(path);
        settings.program.path = path;
    }
    if (error == 0 && access(settings.program.path, X_OK) < 0)
        error = -errno;
    if (error < 0)
        return fail(EXIT_SYSTEM,
                    "%s cannot be executed (%s): install it beside tandemd, or name "
                    "it with --worker",
                    settings.program.path, strerror(-error));
    return options.is_check ? check(&settings.program) : run(&settings);
}
