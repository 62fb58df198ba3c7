#include "node/clerk.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/dns/cpu.h"

/* A ring: [first, first + done) are done, the next todo ones are to be, of which the first is being
 * done. The rest are free. */
struct clerk {
    const struct archive *archive;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    int done_fd;
    bool is_stopping;
    bool is_told; /* the first that is done was handed out */
    size_t first, done, todo;
    struct clerk_job jobs[CLERK_JOBS_MAX];
};

static void set_aside(const struct archive *archive, struct clerk_job *job)
{
    char folder[ARCHIVE_PATH_MAX + 40];
    snprintf(folder, sizeof folder, "%s/set-aside-%llu", archive->state,
             (unsigned long long)job->index);
    job->error = archive_export(archive, job->bundle, folder, job->sentence);
}

static void carry_out(const struct archive *archive, struct clerk_job *job)
{
    switch (job->kind) {
    case CLERK_KEEP:
        job->error = archive_keep(archive, &job->kept);
        if (job->error == 0 && job->is_swept)
            archive_sweep(archive, &job->kept);
        break;
    case CLERK_TAKE_IN:
        job->error = archive_take_in(archive, job->fd, job->bundle, job->sentence);
        close(job->fd);
        break;
    case CLERK_LACKS:
        job->lack_count = archive_lacks(archive, job->bundle, job->lacks);
        break;
    case CLERK_READ:
        job->error = archive_piece(archive, &job->piece, job->buffer);
        break;
    case CLERK_TAKE:
        job->error = archive_take_piece(archive, &job->piece);
        break;
    case CLERK_SET_ASIDE:
        set_aside(archive, job);
        break;
    }
}

/* NULL: it is time to end, and nothing is left to do. */
static struct clerk_job *wait_for_job(struct clerk *self)
{
    pthread_mutex_lock(&self->mutex);
    while (self->todo == 0 && !self->is_stopping)
        pthread_cond_wait(&self->work, &self->mutex);
    struct clerk_job *job =
        self->todo == 0 ? NULL : &self->jobs[(self->first + self->done) % CLERK_JOBS_MAX];
    pthread_mutex_unlock(&self->mutex);
    return job;
}

static void *run(void *argument)
{
    struct clerk *self = argument;
    pthread_setname_np(pthread_self(), "clerk");
    cpu_give_way();
    for (struct clerk_job *job; (job = wait_for_job(self)) != NULL;) {
        carry_out(self->archive, job);
        pthread_mutex_lock(&self->mutex);
        self->done++;
        self->todo--;
        pthread_mutex_unlock(&self->mutex);
        uint64_t one = 1;
        ssize_t written = write(self->done_fd, &one, sizeof one);
        (void)written; /* full means it is readable already */
    }
    return NULL;
}

int clerk_open(struct clerk **clerk, const struct archive *archive)
{
    struct clerk *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    self->archive = archive;
    self->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = self->done_fd < 0 ? errno : 0;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->work, NULL);
    if (error == 0)
        error = pthread_create(&self->thread, NULL, run, self);
    if (error != 0) {
        if (self->done_fd >= 0)
            close(self->done_fd);
        free(self);
        return -error;
    }
    *clerk = self;
    return 0;
}

void clerk_close(struct clerk *clerk)
{
    if (clerk == NULL)
        return;
    pthread_mutex_lock(&clerk->mutex);
    clerk->is_stopping = true;
    pthread_cond_signal(&clerk->work);
    pthread_mutex_unlock(&clerk->mutex);
    pthread_join(clerk->thread, NULL);
    close(clerk->done_fd);
    pthread_cond_destroy(&clerk->work);
    pthread_mutex_destroy(&clerk->mutex);
    free(clerk);
}

struct clerk_job *clerk_take(struct clerk *clerk)
{
    pthread_mutex_lock(&clerk->mutex);
    size_t used = clerk->done + clerk->todo;
    struct clerk_job *job =
        used == CLERK_JOBS_MAX ? NULL : &clerk->jobs[(clerk->first + used) % CLERK_JOBS_MAX];
    pthread_mutex_unlock(&clerk->mutex);
    if (job != NULL)
        memset(job, 0, offsetof(struct clerk_job, buffer));
    return job;
}

void clerk_do(struct clerk *clerk, struct clerk_job *job)
{
    pthread_mutex_lock(&clerk->mutex);
    assert(job == &clerk->jobs[(clerk->first + clerk->done + clerk->todo) % CLERK_JOBS_MAX]);
    job->error = 0;
    job->sentence[0] = '\0';
    clerk->todo++;
    pthread_cond_signal(&clerk->work);
    pthread_mutex_unlock(&clerk->mutex);
}

int clerk_fd(const struct clerk *clerk)
{
    return clerk->done_fd;
}

const struct clerk_job *clerk_next(struct clerk *clerk)
{
    uint64_t count;
    ssize_t got = read(clerk->done_fd, &count, sizeof count);
    (void)got; /* what counts is the ring */
    pthread_mutex_lock(&clerk->mutex);
    if (clerk->is_told) {
        clerk->first = (clerk->first + 1) % CLERK_JOBS_MAX;
        clerk->done--;
    }
    clerk->is_told = clerk->done > 0;
    const struct clerk_job *job = clerk->is_told ? &clerk->jobs[clerk->first] : NULL;
    pthread_mutex_unlock(&clerk->mutex);
    return job;
}
