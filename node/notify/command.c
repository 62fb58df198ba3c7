#include "node/notify/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 10, WORD_SIZE = 160, ENVIRONMENT_MAX = 200 };

void command_id(const struct outbox_event *event, char *id)
{
    snprintf(id, COMMAND_ID_SIZE, "%s-%" PRId64 "-%" PRId64, event->node, event->number,
             event->at_s);
}

static void describe(const struct outbox *outbox, char words[WORDS][WORD_SIZE])
{
    const struct outbox_event *event = outbox_first(outbox);
    char id[COMMAND_ID_SIZE];
    command_id(event, id);
    snprintf(words[0], WORD_SIZE, "TANDEM_ID=%s", id);
    snprintf(words[1], WORD_SIZE, "TANDEM_AT=%" PRId64, event->at_s);
    snprintf(words[2], WORD_SIZE, "TANDEM_NODE=%s", event->node);
    snprintf(words[3], WORD_SIZE, "TANDEM_AREA=%s", event->area);
    snprintf(words[4], WORD_SIZE, "TANDEM_SUBJECT=%s", event->subject);
    snprintf(words[5], WORD_SIZE, "TANDEM_FROM=%s", event->from);
    snprintf(words[6], WORD_SIZE, "TANDEM_TO=%s", event->to);
    snprintf(words[7], WORD_SIZE, "TANDEM_REASON=%s", event->reason);
    snprintf(words[8], WORD_SIZE, "TANDEM_TRY=%u", outbox->tried);
    snprintf(words[9], WORD_SIZE, "TANDEM_MISSED=%" PRIu64, outbox->missed);
}

static int spawn(struct command *self, const char *path, char **environment)
{
    char *const arguments[] = {(char *)path, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    int error = posix_spawn(&self->pid, path, &files, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return -error;
}

int command_run(struct command *self, const char *path, const struct outbox *outbox)
{
    char words[WORDS][WORD_SIZE];
    char *environment[ENVIRONMENT_MAX + WORDS + 1];
    size_t count = 0;
    describe(outbox, words);
    for (char **word = environ; *word != NULL && count < ENVIRONMENT_MAX; word++)
        if (strncmp(*word, "TANDEM_", 7) != 0)
            environment[count++] = *word;
    for (size_t i = 0; i < WORDS; i++)
        environment[count++] = words[i];
    environment[count] = NULL;
    int error = spawn(self, path, environment);
    if (error == 0)
        self->pid_fd = pidfd_open(self->pid, 0);
    if (error == 0 && self->pid_fd < 0) {
        error = -errno;
        command_kill(self);
        waitpid(self->pid, NULL, 0);
    }
    if (error != 0)
        *self = (struct command){.pid_fd = -1};
    return error;
}

void command_kill(const struct command *self)
{
    if (self->pid > 0)
        kill(-self->pid, SIGKILL);
}

bool command_has_ended(struct command *self, int *status)
{
    int how;
    if (self->pid == 0 || waitpid(self->pid, &how, WNOHANG) != self->pid)
        return false;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    close(self->pid_fd);
    *self = (struct command){.pid_fd = -1};
    return true;
}
