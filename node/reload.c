#include "node/reload.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct reload {
    struct reload_config config;
    pthread_t thread;
    bool is_running; /* the thread is to be joined */
    int done_fd;
    size_t records;
    char error[LOAD_ERROR_MAX];
};

static void *run(void *argument)
{
    struct reload *self = argument;
    const struct reload_config *config = &self->config;
    struct load_memory memory;
    const struct view *view;
    pthread_setname_np(pthread_self(), "builder");
    self->error[0] = '\0';
    if (load_view(config->path, config->document, config->node, config->pools, &memory, &view,
                  self->error)) {
        self->records = view_record_count(view);
        if (publish(config->publisher, view, memory.base, memory.size) != 0) {
            snprintf(self->error, sizeof self->error, "no memory to publish the zones");
            load_memory_close(&memory);
        }
    }
    uint64_t one = 1;
    ssize_t written = write(self->done_fd, &one, sizeof one);
    assert(written == sizeof one);
    return NULL;
}

int reload_open(struct reload **reload, const struct reload_config *config)
{
    struct reload *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    self->config = *config;
    self->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->done_fd < 0) {
        free(self);
        return -errno;
    }
    *reload = self;
    return 0;
}

void reload_close(struct reload *reload)
{
    if (reload == NULL)
        return;
    if (reload->is_running)
        pthread_join(reload->thread, NULL);
    close(reload->done_fd);
    free(reload);
}

int reload_start(struct reload *reload)
{
    if (reload->is_running)
        return -EBUSY;
    int error = pthread_create(&reload->thread, NULL, run, reload);
    if (error != 0)
        return -error;
    reload->is_running = true;
    return 0;
}

int reload_fd(const struct reload *reload)
{
    return reload->done_fd;
}

bool reload_result(struct reload *reload, size_t *records, char *error)
{
    uint64_t count;
    if (read(reload->done_fd, &count, sizeof count) != sizeof count)
        return false;
    pthread_join(reload->thread, NULL);
    reload->is_running = false;
    *records = reload->records;
    memcpy(error, reload->error, LOAD_ERROR_MAX);
    return true;
}
