/* tandem-notify: runs a command for what happens to the node that runs here.
 *
 *   tandem-notify --command PATH [--socket PATH] [--state FILE] [--areas AREA,...]
 *                 [--timeout SECONDS] [--tries N]
 *
 * Asks the node for its events twice a second, and tells each to the command (command.h): one at a
 * time, in order, again when it fails, and never a second time when it did not. Nothing of the pair
 * waits for it. A node that does not answer for five seconds is an event too. What happened before
 * its first start it does not tell. Exit status: 0 told to stop, 100 usage, 111 the system. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "node/ctl/ask.h"
#include "node/notify/command.h"
#include "node/notify/memory.h"

enum {
    EXIT_USAGE = 100,
    EXIT_SYSTEM = 111,
    POLL_MS = 500,
    SILENT_MS = 5000,
    WAIT_S = 2, /* for an answer */
    TIMEOUT_S = 10,
    TRIES = 8,
};

struct notify {
    const char *command_path, *socket, *state, *areas;
    struct outbox outbox;
    struct command command;
    int signal_fd;
    bool is_first;  /* nothing is known of an earlier life: what has happened is not told */
    bool is_silent; /* that is told */
    bool is_unsaved;
    char node[OUTBOX_WORD_MAX + 1]; /* "": it has not answered yet */
    int64_t answered_ms, asked_ms, number;
};

static const char usage[] =
    "usage: tandem-notify --command PATH [--socket PATH] [--state FILE] [--areas AREA,...]\n"
    "                     [--timeout SECONDS] [--tries N]\n"
    "  --command  is run for each event, which its environment tells: TANDEM_ID, TANDEM_NODE,\n"
    "             TANDEM_AREA, TANDEM_SUBJECT, TANDEM_FROM, TANDEM_TO, TANDEM_REASON, TANDEM_AT\n"
    "  --socket   of the node; the only one of /run/tandem\n"
    "  --state    what was told already; /var/lib/tandem/notify\n"
    "  --areas    of events; address,partner,pool,worker,gate,lan,node\n"
    "  --timeout  for one run: then it is killed, and tried again; 10\n"
    "  --tries    before an event is given up; 8\n";

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tandem-notify: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

/* ---- what happened ---- */

/* One of the comma-separated words? */
static bool is_wanted(const struct notify *self, const char *area)
{
    size_t size = strlen(area);
    for (const char *at = self->areas; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, area, size) == 0 && (at[size] == '\0' || at[size] == ','))
            return true;
    }
    return false;
}

static void copy_word(char *word, const json_t *json)
{
    const char *text = json_string_value(json);
    snprintf(word, OUTBOX_WORD_MAX + 1, "%s", text == NULL ? "" : text);
}

static void see(struct notify *self, const struct outbox_event *event)
{
    bool is_told = self->is_first || !is_wanted(self, event->area);
    self->is_unsaved |= outbox_see(&self->outbox, event, is_told);
}

/* A pool's is of this node's; those of the partner its own notifier tells. */
static void take_events(struct notify *self, const json_t *answer)
{
    const json_t *one;
    size_t i;
    int64_t wall_ms = (int64_t)time(NULL) * 1000;
    copy_word(self->node, json_object_get(answer, "asked"));
    json_array_foreach (json_object_get(answer, "events"), i, one) {
        struct outbox_event event = {.number = json_integer_value(json_object_get(one, "number"))};
        int64_t age_ms = json_integer_value(json_object_get(one, "age_ms"));
        event.at_s = (wall_ms - age_ms) / 1000;
        copy_word(event.node, json_object_get(one, "node"));
        copy_word(event.area, json_object_get(one, "area"));
        copy_word(event.subject, json_object_get(one, "subject"));
        copy_word(event.from, json_object_get(one, "from"));
        copy_word(event.to, json_object_get(one, "to"));
        copy_word(event.reason, json_object_get(one, "reason"));
        if (strcmp(event.node, self->node) == 0)
            see(self, &event);
    }
    self->is_first = false;
}

/* It is down, and nobody else here would say so. */
static void tell_silence(struct notify *self, bool is_silent)
{
    struct outbox_event event = {.number = ++self->number,
                                 .at_s = (int64_t)time(NULL),
                                 .area = "node",
                                 .reason = "no-answer"};
    snprintf(event.node, sizeof event.node, "%s", self->node);
    snprintf(event.subject, sizeof event.subject, "%s", self->node);
    snprintf(event.from, sizeof event.from, "%s", is_silent ? "answering" : "silent");
    snprintf(event.to, sizeof event.to, "%s", is_silent ? "silent" : "answering");
    if (!is_silent)
        snprintf(event.reason, sizeof event.reason, "answered");
    see(self, &event);
    self->is_silent = is_silent;
}

static json_t *ask_events(const struct notify *self)
{
    char path[PATH_MAX];
    if (self->socket == NULL && ask_find(path, sizeof path) != 1)
        return NULL;
    int fd = ask_connect(self->socket == NULL ? path : self->socket, WAIT_S);
    if (fd < 0)
        return NULL;
    json_t *request = json_pack("{s:s}", "command", "events");
    json_t *answer = ask(fd, request, -1);
    json_decref(request);
    close(fd);
    return answer;
}

static void look(struct notify *self)
{
    json_t *answer = ask_events(self);
    int64_t now = now_ms();
    self->asked_ms = now;
    if (answer != NULL) {
        self->answered_ms = now;
        if (self->is_silent)
            tell_silence(self, false);
        take_events(self, answer);
    } else if (!self->is_silent && self->node[0] != '\0' && now - self->answered_ms >= SILENT_MS) {
        tell_silence(self, true);
    }
    json_decref(answer);
}

/* ---- the command ---- */

static void end_run(struct notify *self, int64_t now, int status, const char *why)
{
    const struct outbox_event event = *outbox_first(&self->outbox);
    char id[COMMAND_ID_SIZE];
    unsigned tried = self->outbox.tried;
    bool is_dealt_with = outbox_ended(&self->outbox, now, status == 0);
    command_id(&event, id);
    if (status == 0)
        fprintf(stderr, "told %s: %s %s %s\n", id, event.area, event.subject, event.to);
    else
        fprintf(stderr, "not told %s: try %u: %s%d%s\n", id, tried, why, status,
                is_dealt_with ? ": given up" : "");
    self->is_unsaved |= is_dealt_with;
}

static void act(struct notify *self)
{
    int status, error;
    if (command_has_ended(&self->command, &status))
        end_run(self, now_ms(), status, "exit status ");
    switch (outbox_step(&self->outbox, now_ms())) {
    case OUTBOX_RUN:
        error = command_run(&self->command, self->command_path, &self->outbox);
        if (error != 0)
            end_run(self, now_ms(), -error, "it cannot be run: error ");
        break;
    case OUTBOX_KILL:
        command_kill(&self->command);
        break;
    case OUTBOX_NOTHING:
        break;
    }
}

/* ---- the loop ---- */

static void save(struct notify *self)
{
    if (!self->is_unsaved)
        return;
    self->is_unsaved = false;
    int error = memory_save(&self->outbox, self->state);
    if (error != 0)
        fail(0, "%s: %s: after a restart events may be told again", self->state, strerror(-error));
}

static bool is_told_to_stop(const struct notify *self)
{
    struct signalfd_siginfo signal;
    return read(self->signal_fd, &signal, sizeof signal) == sizeof signal;
}

static void rest(const struct notify *self)
{
    int64_t now = now_ms(), due_ms = self->asked_ms + POLL_MS;
    if (outbox_deadline_ms(&self->outbox) < due_ms)
        due_ms = outbox_deadline_ms(&self->outbox);
    struct pollfd fds[] = {{.fd = self->signal_fd, .events = POLLIN},
                           {.fd = self->command.pid_fd, .events = POLLIN}};
    poll(fds, 2, due_ms <= now ? 0 : (int)(due_ms - now));
}

static int run(struct notify *self)
{
    int loaded = memory_load(&self->outbox, self->state);
    if (loaded == -EBADMSG)
        fail(0, "%s: is damaged: what happened until now is not told", self->state);
    else if (loaded != 0 && loaded != -ENOENT)
        return fail(EXIT_SYSTEM, "%s: %s", self->state, strerror(-loaded));
    self->is_first = loaded != 0;
    while (!is_told_to_stop(self)) {
        if (now_ms() - self->asked_ms >= POLL_MS)
            look(self);
        save(self);
        act(self);
        save(self);
        rest(self);
    }
    command_kill(&self->command); /* its event waits for the next start */
    return 0;
}

static bool take_options(struct notify *self, int argc, char **argv)
{
    static const struct option options[] = {{"command", required_argument, NULL, 'c'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"state", required_argument, NULL, 't'},
                                            {"areas", required_argument, NULL, 'a'},
                                            {"timeout", required_argument, NULL, 'o'},
                                            {"tries", required_argument, NULL, 'n'},
                                            {0}};
    long timeout_s = TIMEOUT_S, tries = TRIES;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c')
            self->command_path = optarg;
        else if (option == 's')
            self->socket = optarg;
        else if (option == 't')
            self->state = optarg;
        else if (option == 'a')
            self->areas = optarg;
        else if (option == 'o')
            timeout_s = strtol(optarg, NULL, 10);
        else if (option == 'n')
            tries = strtol(optarg, NULL, 10);
        else
            return false;
    }
    if (self->command_path == NULL || optind != argc || timeout_s < 1 || timeout_s > 3600 ||
        tries < 1 || tries > 1000)
        return false;
    outbox_init(&self->outbox,
                &(struct outbox_config){.timeout_ms = timeout_s * 1000, .tries = (unsigned)tries});
    return true;
}

int main(int argc, char **argv)
{
    static struct notify self = {.state = "/var/lib/tandem/notify",
                                 .areas = "address,partner,pool,worker,gate,lan,node",
                                 .command = {.pid_fd = -1}};
    sigset_t signals;
    if (!take_options(&self, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (access(self.command_path, X_OK) != 0)
        return fail(EXIT_USAGE, "%s cannot be run (%s): --command names a program",
                    self.command_path, strerror(errno));
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self.signal_fd < 0)
        return fail(EXIT_SYSTEM, "no signals: %s", strerror(errno));
    self.answered_ms = now_ms();
    return run(&self);
}
