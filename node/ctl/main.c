/* tandemctl: what an operator asks of a node, and orders.
 *
 * Speaks to the worker through its socket (node/control.h) and prints the answer for people, or the
 * JSON as it came with --json. Exit status: what the answer says; 100 usage, 111 the system. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/ctl/ask.h"
#include "node/ctl/doctor.h"
#include "node/ctl/documents.h"
#include "node/ctl/print.h"
#include "node/ctl/request.h"
#include "node/order.h"
#include "replication/document.h"
#include "replication/key.h"
#include "replication/link.h"

enum {
    EXIT_UNREACHABLE = 2, /* of status: the asked node does not answer */
    WAIT_S = 5,
    WAIT_DOCUMENT_S = 60, /* both nodes check it */
};

static const char usage[] =
    "usage: tandemctl [--socket PATH] [--json] COMMAND\n"
    "\n"
    "  status                     the pair: who holds which address, servers, alarms; exit 0\n"
    "                             healthy, 1 degraded, 2 an address unserved or a node away\n"
    "  servers                    each server: verdict, reason, load\n"
    "  counters                   what was answered and what was refused, by reason\n"
    "  drain SERVER               no new answers name it, on both nodes\n"
    "  undrain SERVER\n"
    "  force SERVER up|down       so it is, whatever is reported of it\n"
    "  unforce SERVER\n"
    "  weight SERVER PERCENT      of its capacity counts: 1 to 1000; 100 is as configured\n"
    "  set POOL group-size=N rounds=N\n"
    "  unset POOL                 as the document says\n"
    "  token --pool POOL --uses N --prefix ADDRESS/BITS... [--for TIME]\n"
    "                             with it so many servers may join the pool (tandem-agent join),\n"
    "                             whose addresses lie there, a prefix for each family; an hour,\n"
    "                             without --for\n"
    "  revoke SERVER              its key is no key any more, from its next message on\n"
    "  remove SERVER              one that joined is there no more\n"
    "  handover [NODE]            that node's addresses to its partner, until --back;\n"
    "                             without NODE the asked one's\n"
    "  handover --back [NODE]     and home again\n"
    "  orders                     those in force: who gave them, why, until when\n"
    "    with each order: --for TIME (90s, 30m, 2h, 7d), and then it ends by itself;\n"
    "    --because TEXT, for those who read orders\n"
    "  audit                      who had which node do what, a line of JSON each\n"
    "  failover reset             forget flaps and deaths: home is given back after 5 s again, "
    "and\n"
    "                             a worker that dies restarted after 0.1 s\n"
    "  doctor                     is this node set up well: a line each, and what to do; exit 0\n"
    "                             all ok, 1 a warning, 2 a failure\n"
    "  upgrade                    replace the worker by its program as it is now: the partner\n"
    "                             answers meanwhile, and no query is lost\n"
    "  events                     the last changes and their reasons, oldest first\n"
    "  reload                     read document and zones anew, until the first apply\n"
    "\n"
    "  check FILE                 could this document be in force? With all its zones\n"
    "  diff [FILE]                what it would change; without FILE that of the node\n"
    "  apply FILE [--confirm TIME] [--alone]\n"
    "                             in force on both nodes, or on neither; with --confirm until "
    "then,\n"
    "                             unless \"confirm\" is given; --alone: though the partner is "
    "silent\n"
    "  confirm                    what was applied with --confirm stays\n"
    "  history                    the documents that were in force\n"
    "  rollback [REVISION]        back to it, or to the one before\n"
    "  promote                    this node writes the document from now on\n"
    "  export FOLDER [REVISION]   its files\n"
    "\n"
    "  keygen FILE                a new secret key into FILE, its public key to the output\n"
    "  keygen pair FOLDER         ns1.key, ns2.key and beat.key, which both nodes have alike\n"
    "  manual                     the options of the configuration\n"
    "  version\n"
    "\n"
    "Without --socket the node is the one that runs here (/run/tandem/*.sock).\n";

/* ---- without a node ---- */

/* A new key into the file; its public one into public_key[LINK_KEY_SIZE]. */
static int make_key(const char *path, char *public_key)
{
    char secret_key[LINK_KEY_SIZE], error[KEY_ERROR_MAX];
    link_keygen(public_key, secret_key);
    int result = key_write(path, secret_key, error);
    explicit_bzero(secret_key, sizeof secret_key);
    return result == 0 ? 0 : print_failure(PRINT_SYSTEM, "%s", error);
}

/* Both nodes' keys and that of their beats into a folder; what is there stays. */
static int keygen_pair(const char *folder)
{
    static const char *const names[] = {"ns1", "ns2", "beat"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096], public_key[LINK_KEY_SIZE];
        if (snprintf(path, sizeof path, "%s/%s.key", folder, names[i]) >= (int)sizeof path)
            return print_failure(PRINT_REFUSED, "%s: the path is too long", folder);
        int status = make_key(path, public_key);
        if (status != 0)
            return status;
        if (strcmp(names[i], "beat") != 0) /* of that there is no public half to tell */
            printf("%s: {key: \"%s\"}\n", names[i], public_key);
    }
    return 0;
}

static int keygen(const struct arguments *arguments)
{
    char public_key[LINK_KEY_SIZE];
    if (arguments->count == 2 && strcmp(arguments->words[0], "pair") == 0)
        return keygen_pair(arguments->words[1]);
    if (arguments->count != 1)
        return print_failure(PRINT_REFUSED,
                             "keygen takes the file for the secret key, or: pair FOLDER");
    int status = make_key(arguments->words[0], public_key);
    if (status == 0)
        puts(public_key);
    return status;
}

static int manual(void)
{
    static char text[16384];
    fwrite(text, 1, document_manual(text, sizeof text), stdout);
    return 0;
}

/* ---- words ---- */

/* "90s", "30m", "2h", "7d" in seconds; 0 when it is none of these. */
static long duration_s(const char *text)
{
    static const struct {
        char letter;
        long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || errno != 0 || number < 1 || number > ORDER_FOR_MAX_S || end[0] == '\0' ||
        end[1] != '\0')
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*end == units[i].letter && number <= ORDER_FOR_MAX_S / units[i].seconds)
            return number * units[i].seconds;
    return 0;
}

/* ---- the socket ---- */

static int find_socket(const struct arguments *arguments, char *path, size_t size)
{
    if (arguments->socket != NULL) {
        snprintf(path, size, "%s", arguments->socket);
        return 0;
    }
    size_t count = ask_find(path, size);
    if (count == 1)
        return 0;
    return print_failure(PRINT_REFUSED,
                         count == 0
                             ? "no node runs here (no socket in /run/tandem): start tandemd, or "
                               "name its socket with --socket"
                             : "several nodes run here: name one with --socket");
}

static int show(const struct arguments *arguments, json_t *answer)
{
    const char *const *words = (const char *const *)arguments->words;
    if (strcmp(arguments->command, "doctor") == 0)
        doctor_add_key(answer);
    int status = (int)json_integer_value(json_object_get(answer, "exit"));
    if (status == 0 && strcmp(arguments->command, "diff") == 0)
        return documents_diff(answer, arguments->count == 0 ? NULL : words[0]);
    if (status == 0 && strcmp(arguments->command, "export") == 0)
        return documents_export(answer, words[0],
                                arguments->count < 2 ? 0 : strtoll(words[1], NULL, 10));
    if (arguments->json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        putchar('\n');
        return status;
    }
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (error != NULL)
        return print_failure(status, "%s", error);
    print_answer(arguments->command, answer);
    return status;
}

static int talk_with(const struct arguments *arguments, const json_t *request, int passed_fd)
{
    bool is_status = strcmp(arguments->command, "status") == 0;
    bool is_document = json_object_get(request, "alone") != NULL;
    int wait_s = is_document ? WAIT_DOCUMENT_S : WAIT_S;
    int no_answer = is_status ? EXIT_UNREACHABLE : PRINT_SYSTEM;
    char path[4096];
    int status = find_socket(arguments, path, sizeof path);
    if (status != 0)
        return status;
    int fd = ask_connect(path, wait_s);
    if (fd < 0)
        return print_failure(no_answer, "%s: no worker answers there (%s): is tandemd running?",
                             path, strerror(-fd));
    json_t *answer = ask(fd, request, passed_fd);
    if (answer == NULL)
        status =
            print_failure(no_answer, "%s: the worker did not answer within %d s", path, wait_s);
    else
        status = show(arguments, answer);
    json_decref(answer);
    close(fd);
    return status;
}

static int talk(const struct arguments *arguments)
{
    json_t *request = make_request(arguments);
    int fd = -1, status = 0;
    if (request == NULL) {
        fputs(usage, stderr);
        return PRINT_REFUSED;
    }
    if (arguments->because != NULL)
        json_object_set_new(request, "because", json_string(arguments->because));
    if (arguments->for_s > 0)
        json_object_set_new(request, "for_s", json_integer(arguments->for_s));
    if (strcmp(arguments->command, "apply") == 0)
        status = documents_pack(arguments->words[0], &fd);
    if (status == 0)
        status = talk_with(arguments, request, fd);
    if (fd >= 0)
        close(fd);
    json_decref(request);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {"back", no_argument, NULL, 'b'},         {"because", required_argument, NULL, 'w'},
        {"for", required_argument, NULL, 'f'},    {"pool", required_argument, NULL, 'p'},
        {"uses", required_argument, NULL, 'u'},   {"prefix", required_argument, NULL, 'x'},
        {"alone", no_argument, NULL, 'a'},        {"confirm", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct arguments arguments = {0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's') {
            arguments.socket = optarg;
        } else if (option == 'j') {
            arguments.json = true;
        } else if (option == 'b') {
            arguments.back = true;
        } else if (option == 'w') {
            arguments.because = optarg;
        } else if (option == 'p') {
            arguments.pool = optarg;
        } else if (option == 'u') {
            arguments.uses = optarg;
        } else if (option == 'x') {
            if (arguments.prefixes[1] != NULL)
                return print_failure(PRINT_REFUSED, "--prefix is given once for each family");
            arguments.prefixes[arguments.prefixes[0] != NULL] = optarg;
        } else if (option == 'a') {
            arguments.alone = true;
        } else if (option == 'f' || option == 'c') {
            long seconds = duration_s(optarg);
            if (seconds == 0)
                return print_failure(PRINT_REFUSED,
                                     "--%s takes a time such as 90s, 30m, 2h or 7d, not \"%s\"",
                                     option == 'f' ? "for" : "confirm", optarg);
            *(option == 'f' ? &arguments.for_s : &arguments.confirm_s) = seconds;
        } else {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : PRINT_REFUSED;
        }
    }
    if (optind == argc) {
        fputs(usage, stderr);
        return PRINT_REFUSED;
    }
    arguments.command = argv[optind];
    arguments.count = argc - optind - 1;
    arguments.words = argv + optind + 1;
    if (strcmp(arguments.command, "keygen") == 0)
        return keygen(&arguments);
    if (strcmp(arguments.command, "manual") == 0)
        return manual();
    if (strcmp(arguments.command, "check") == 0 && arguments.count == 1)
        return documents_check(arguments.words[0]);
    return talk(&arguments);
}
