#include "node/publish.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <urcu-qsbr.h>

struct publication {
    const struct view *view;
    void *memory;
    size_t size;
};

/* Nobody reads it any more. */
static void drop_publication(struct publication *publication)
{
    if (publication == NULL)
        return;
    int unmapped = munmap(publication->memory, publication->size);
    assert(unmapped == 0); /* else memory was no mapping */
    free(publication);
}

/* Swap, then wait until each reader has let go of the one before. */
static void replace(struct publisher *self, struct publication *next)
{
    struct publication *before = atomic_exchange(&self->current, next);
    synchronize_rcu();
    drop_publication(before);
}

int publish(struct publisher *self, const struct view *view, void *memory, size_t size)
{
    assert(view != NULL);
    assert(memory != NULL);
    assert(size > 0);
    struct publication *next = malloc(sizeof *next);
    if (next == NULL)
        return -ENOMEM;
    *next = (struct publication){.view = view, .memory = memory, .size = size};
    replace(self, next);
    return 0;
}

void publish_close(struct publisher *self)
{
    replace(self, NULL);
}

void publish_register(void)
{
    rcu_register_thread();
}

void publish_unregister(void)
{
    rcu_unregister_thread();
}

const struct view *publish_view(const struct publisher *self)
{
    const struct publication *current = atomic_load_explicit(&self->current, memory_order_acquire);
    return current == NULL ? NULL : current->view;
}

void publish_quiescent(void)
{
    rcu_quiescent_state();
}

void publish_offline(void)
{
    rcu_thread_offline();
}

void publish_online(void)
{
    rcu_thread_online();
}
