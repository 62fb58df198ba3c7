/* node/publish.h -- hand a view to the DNS threads.
 *
 * One writer swaps the pointer; readers never wait. The old view is dropped when every reader has
 * passed a quiescent state (liburcu, QSBR flavour), so reading costs no more than a load. */
#ifndef TANDEM_NODE_PUBLISH_H
#define TANDEM_NODE_PUBLISH_H

#include <stddef.h>

struct view;

struct publication; /* a view and the memory it lies in */

struct publisher {
    struct publication *current;
};

/* memory[size] was got by mmap and holds the view; it is unmapped when the view is dropped. Blocks
 * until no thread reads the one before: call from the builder thread, never from the control
 * thread. 0 or -ENOMEM. */
int publish(struct publisher *self, const struct view *view, void *memory, size_t size);
void publish_close(struct publisher *self);

/* Readers: register once per thread; between publish_quiescent calls the view returned stays valid.
 * publish_offline before blocking for long, publish_online after. */
void publish_register(void);
void publish_unregister(void);
const struct view *publish_view(const struct publisher *self);
void publish_quiescent(void);
void publish_offline(void);
void publish_online(void);

#endif
