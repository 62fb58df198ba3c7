#include "failover/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failover/channel.h"
#include "failover/rights.h"
#include "failover/supervise.h"

enum {
    WORKER_WATCH_MS = 100,           /* how late the watch may see that its worker was reaped */
    WORKER_WATCH_STACK = 256 * 1024, /* bytes; enough for the sanitizers too */
    WORKER_FD_TEXT_SIZE = 12,
    /* Nine times an ordinary program's share of a busy CPU: a DNS thread that gets none for 80 ms
     * is silent, and costs the node its addresses. */
    WORKER_NICE = -10,
};

int worker_open(struct worker *self)
{
    *self = (struct worker){.channel = -1, .page_fd = -1};
    self->death_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return self->death_fd < 0 ? -errno : 0;
}

void worker_close(struct worker *self)
{
    assert(self->pid == 0);
    close(self->death_fd);
    self->death_fd = -1;
}

static void end_life(struct worker *self)
{
    if (self->is_watched) {
        atomic_store(&self->is_over, true);
        pthread_join(self->watch, NULL);
    }
    self->is_watched = false;
    page_close(self->page, self->page_fd);
    if (self->channel >= 0)
        close(self->channel);
    self->page = NULL;
    self->page_fd = self->channel = -1;
    self->pid = 0;
    self->stuck = 0;
    /* A death that nobody has read belongs to this life, not to the next. */
    eventfd_t times;
    eventfd_read(self->death_fd, &times);
}

/* In the child, between fork and exec: system calls only, as other threads' locks may be held. */
static void __attribute__((noreturn))
become(const char *const argv[], pid_t guardian, const int kept[2])
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    (void)setpriority(PRIO_PROCESS, 0, WORKER_NICE); /* a wish, as CAP_SYS_NICE may lack */
    /* The signal is for the guardian's death from now on; it may have died before. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != guardian)
        _exit(EXIT_SYSTEM);
    for (int i = 0; i < 2; i++)
        if (kept[i] >= 0 && fcntl(kept[i], F_SETFD, 0) < 0)
            _exit(EXIT_SYSTEM);
    execv(argv[0], (char *const *)argv);
    static const char sentence[] = "tandemd: tandem-worker cannot be executed: install it beside "
                                   "tandemd, or name it with --worker\n";
    ssize_t written = write(STDERR_FILENO, sentence, sizeof sentence - 1);
    (void)written; /* the exit code says it too */
    _exit(EXIT_SYSTEM);
}

static pid_t fork_worker(const char *const argv[], int page_fd, int channel_fd)
{
    pid_t guardian = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(argv, guardian, (const int[2]){page_fd, channel_fd});
    return pid < 0 ? -errno : pid;
}

int worker_spawn(struct worker *self, const struct worker_program *program)
{
    assert(self->pid == 0);
    /* Without blocking: early in a boot the kernel has none yet. */
    if (getrandom(&self->boot, sizeof self->boot, GRND_NONBLOCK) != sizeof self->boot)
        return -EAGAIN;
    int worker_end = -1;
    int error = channel_open_pair(&self->channel, &worker_end);
    if (error < 0)
        return error;
    self->page_fd = page_create(&self->page, self->boot, &self->poison);
    error = self->page_fd;
    if (self->page_fd >= 0) {
        char page_text[WORKER_FD_TEXT_SIZE], channel_text[WORKER_FD_TEXT_SIZE];
        snprintf(page_text, sizeof page_text, "%d", self->page_fd);
        snprintf(channel_text, sizeof channel_text, "%d", worker_end);
        const char *const argv[] = {program->path, "--config",  program->config, "--node",
                                    program->node, "--page-fd", page_text,       "--channel-fd",
                                    channel_text,  NULL};
        error = self->pid = fork_worker(argv, self->page_fd, worker_end);
    }
    close(worker_end);
    if (error < 0) {
        end_life(self);
        return error;
    }
    return 0;
}

static void *watch_page(void *argument)
{
    struct worker *self = argument;
    rights_come_first(); /* or ordinary: the loop has said so at the start */
    enum page_death death = PAGE_TIMEOUT;
    while (death == PAGE_TIMEOUT && !atomic_load(&self->is_over))
        death = page_wait_for_death(self->page, WORKER_WATCH_MS);
    eventfd_write(self->death_fd, 1);
    return NULL;
}

int worker_watch(struct worker *self)
{
    assert(self->pid > 0);
    assert(!self->is_watched);
    if (page_wait_for_death(self->page, 0) == PAGE_NOT_LIVE)
        return -EPROTO;
    atomic_store(&self->is_over, false);
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return -error;
    pthread_attr_setstacksize(&attributes, WORKER_WATCH_STACK);
    error = pthread_create(&self->watch, &attributes, watch_page, self);
    pthread_attr_destroy(&attributes);
    self->is_watched = error == 0;
    return -error;
}

enum page_death worker_sighting(struct worker *self)
{
    eventfd_t times;
    eventfd_read(self->death_fd, &times);
    return self->is_watched ? page_wait_for_death(self->page, 0) : PAGE_TIMEOUT;
}

void worker_signal(const struct worker *self, int signal)
{
    if (self->pid > 0)
        kill(self->pid, signal);
}

void worker_kill_hung(struct worker *self, uint64_t stuck)
{
    self->stuck = stuck;
    worker_signal(self, SIGKILL);
}

static unsigned blame(struct worker *self, int status)
{
    if (!WIFSIGNALED(status))
        return 0;
    if (page_is_fault(WTERMSIG(status)))
        return page_blame_fault(self->page, &self->poison);
    return page_blame_threads(self->page, self->stuck, &self->poison);
}

pid_t worker_reap(struct worker *self, int *status)
{
    if (self->pid == 0)
        return 0;
    pid_t pid = waitpid(self->pid, status, WNOHANG);
    if (pid <= 0)
        return 0;
    self->notes_added = blame(self, *status);
    end_life(self);
    return pid;
}

int worker_check(const struct worker_program *program)
{
    const char *const argv[] = {program->path, "--config", program->config, "--node", program->node,
                                "--check",     NULL};
    int status;
    pid_t pid = fork_worker(argv, -1, -1);
    if (pid < 0)
        return pid;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
