#include "node/reload.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/dns/cpu.h"

enum decision { UNDECIDED, TO_PUBLISH, TO_DROP };

struct reload {
    struct reload_config config;
    pthread_t thread;
    bool is_running; /* the thread is to be joined */
    int news_fd;
    const struct generation *running;
    enum reload_what what;
    uint8_t bundle[REVISION_DIGEST_SIZE];
    struct roll *roll;
    pthread_mutex_t mutex;
    pthread_cond_t decided;
    enum decision decision;
    enum reload_stage stage; /* as not yet told */
    struct generation *generation, *before;
    size_t records;
    char error[LOAD_ERROR_MAX];
};

static void tell(struct reload *self, enum reload_stage stage)
{
    pthread_mutex_lock(&self->mutex);
    self->stage = stage;
    pthread_mutex_unlock(&self->mutex);
    uint64_t one = 1;
    ssize_t written = write(self->news_fd, &one, sizeof one);
    assert(written == sizeof one);
}

/* True: it is to be published. */
static bool wait_for_decision(struct reload *self)
{
    tell(self, RELOAD_PREPARED);
    pthread_mutex_lock(&self->mutex);
    while (self->decision == UNDECIDED)
        pthread_cond_wait(&self->decided, &self->mutex);
    bool is_to_publish = self->decision == TO_PUBLISH;
    pthread_mutex_unlock(&self->mutex);
    return is_to_publish;
}

/* A generation that was adopted is in use, whatever becomes of its view: without memory for that
 * the one before goes on being answered from, and both stay. */
static void publish_prepared(struct reload *self, const struct view *view,
                             struct load_memory *memory)
{
    self->records = view_record_count(view);
    if (publish(self->config.publisher, view, memory->base, memory->size) == 0) {
        generation_close(self->before);
        return;
    }
    snprintf(self->error, sizeof self->error, "no memory to publish the zones");
    load_memory_close(memory);
}

static struct generation *open_generation(struct reload *self)
{
    if (self->what == RELOAD_FILE)
        return generation_open(self->config.path, self->running, self->roll, self->error);
    if (self->what == RELOAD_AGAIN)
        return generation_again(self->running, self->roll, self->error);
    return generation_of_bundle(self->config.archive, self->bundle, self->running, self->roll,
                                self->error);
}

/* Room for its servers, and the key that the node runs with: else a sentence. */
static bool may_be_served(struct reload *self)
{
    const struct document *document = &self->generation->document;
    const struct document_node *own = &document->nodes[document_node(document, self->config.node)];
    const char *key = self->config.public_key;
    bool has_room = document->server_count <= self->config.servers_max;
    if (!has_room)
        snprintf(self->error, sizeof self->error,
                 "it has more servers than this worker has room for: %s",
                 self->what == RELOAD_FILE
                     ? "give \"tandemctl upgrade\", which begins with it"
                     : "leave some for the next one, after \"tandemctl upgrade\" on both nodes");
    if (!has_room || key == NULL || document_has_key(own->keys, key))
        return has_room;
    snprintf(self->error, sizeof self->error,
             "nodes.%s.key: %s is not there, with which it runs: put the next key into its file "
             "and give \"tandemctl upgrade\" before you drop this one",
             self->config.node, key);
    return false;
}

static void build(struct reload *self)
{
    struct load_memory memory;
    const struct view *view;
    self->generation = open_generation(self);
    if (self->generation == NULL)
        return;
    if (!may_be_served(self) ||
        !load_view(&self->generation->source, &self->generation->document, self->config.node,
                   self->generation->pools, &memory, &view, self->error)) {
        generation_close(self->generation);
        return;
    }
    if (self->what != RELOAD_CHECK && wait_for_decision(self)) {
        publish_prepared(self, view, &memory);
    } else {
        load_memory_close(&memory);
        generation_close(self->generation);
    }
}

static void *run(void *argument)
{
    struct reload *self = argument;
    pthread_setname_np(pthread_self(), "builder");
    cpu_give_way();
    if (self->what == RELOAD_KEEP)
        (void)generation_keep(self->running, self->config.node, self->config.archive, self->bundle,
                              self->error);
    else
        build(self);
    roll_free(self->roll);
    tell(self, RELOAD_ENDED);
    return NULL;
}

int reload_open(struct reload **reload, const struct reload_config *config)
{
    struct reload *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    self->config = *config;
    self->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->news_fd < 0) {
        free(self);
        return -errno;
    }
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->decided, NULL);
    *reload = self;
    return 0;
}

static void decide(struct reload *self, enum decision decision)
{
    pthread_mutex_lock(&self->mutex);
    if (self->decision == UNDECIDED)
        self->decision = decision;
    pthread_cond_signal(&self->decided);
    pthread_mutex_unlock(&self->mutex);
}

void reload_close(struct reload *reload)
{
    if (reload == NULL)
        return;
    if (reload->is_running) {
        decide(reload, TO_DROP);
        pthread_join(reload->thread, NULL);
    }
    close(reload->news_fd);
    pthread_cond_destroy(&reload->decided);
    pthread_mutex_destroy(&reload->mutex);
    free(reload);
}

int reload_start(struct reload *reload, enum reload_what what, const struct generation *running,
                 struct roll *roll, const uint8_t *bundle)
{
    if (reload->is_running) {
        roll_free(roll);
        return -EBUSY;
    }
    reload->roll = roll;
    reload->what = what;
    if (bundle != NULL)
        memcpy(reload->bundle, bundle, sizeof reload->bundle);
    reload->running = running;
    reload->decision = UNDECIDED;
    reload->before = NULL;
    reload->error[0] = '\0';
    int error = pthread_create(&reload->thread, NULL, run, reload);
    if (error != 0) {
        roll_free(roll);
        return -error;
    }
    reload->is_running = true;
    return 0;
}

enum reload_what reload_what(const struct reload *reload)
{
    return reload->what;
}

const uint8_t *reload_bundle(const struct reload *reload)
{
    return reload->bundle;
}

bool reload_is_running(const struct reload *reload)
{
    return reload->is_running;
}

int reload_fd(const struct reload *reload)
{
    return reload->news_fd;
}

enum reload_stage reload_result(struct reload *reload, struct generation **generation,
                                size_t *records, char *error)
{
    uint64_t count;
    if (read(reload->news_fd, &count, sizeof count) != sizeof count)
        return RELOAD_NOTHING;
    pthread_mutex_lock(&reload->mutex);
    enum reload_stage stage = reload->stage;
    reload->stage = RELOAD_NOTHING;
    pthread_mutex_unlock(&reload->mutex);
    if (stage == RELOAD_PREPARED)
        *generation = reload->generation;
    if (stage != RELOAD_ENDED)
        return stage;
    pthread_join(reload->thread, NULL);
    reload->is_running = false;
    *records = reload->records;
    memcpy(error, reload->error, LOAD_ERROR_MAX);
    return stage;
}

void reload_publish(struct reload *reload, struct generation *before)
{
    reload->before = before; /* the mutex of decide hands it over */
    decide(reload, TO_PUBLISH);
}
