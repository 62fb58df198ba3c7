/* node/publish.h -- hand a view to the DNS threads.
 *
 * One writer swaps the pointer; readers never wait. The old view is dropped when every reader has
 * passed a quiescent state (liburcu, QSBR flavour), so reading costs no more than a load.
 *
 *   builder:  publish(v1) ............. publish(v2) --waits for the slowest reader--> v1 unmapped
 *   reader:   view v1, view v1, quiescent, view v2, offline, (blocks in epoll) online, view v2 */
#ifndef TANDEM_NODE_PUBLISH_H
#define TANDEM_NODE_PUBLISH_H

#include <stddef.h>

struct view;

struct publication; /* a view and the memory it lies in */

struct publisher {
    _Atomic(struct publication *) current; /* private; NULL until the first publish */
};

/* memory[size] was got by mmap and holds the view; it is unmapped when the view is dropped. Blocks
 * until no thread reads the one before: call from the builder thread, never from the control
 * thread. 0 or -ENOMEM: then memory stays the caller's and what was published stays. */
int publish(struct publisher *self, const struct view *view, void *memory, size_t size);
/* Drop what is published, after the last reader has unregistered. */
void publish_close(struct publisher *self);

/* Readers: register once per thread; between publish_quiescent calls the view returned stays valid.
 * publish_offline before blocking for long, publish_online after. */
void publish_register(void);
void publish_unregister(void);
/* NULL until the first publish. */
const struct view *publish_view(const struct publisher *self);
void publish_quiescent(void);
void publish_offline(void);
void publish_online(void);

#endif
