/* node/notify/memory.h -- the outbox on disk, so that who notifies may be restarted: what waits is
 * told by the next one, by the same id, and what was told is not told again.
 *
 * One JSON object: told and waiting, each a list of events. Both calls wait for the disk. */
#ifndef TANDEM_NODE_NOTIFY_MEMORY_H
#define TANDEM_NODE_NOTIFY_MEMORY_H

#include "node/notify/outbox.h"

/* What the file holds, into an outbox that is new. 0; -ENOENT: there is no file; -EBADMSG: it is
 * none of these; else -errno. Then the outbox is as it was. */
int memory_load(struct outbox *outbox, const char *path);

/* Written beside, synced and renamed: 0 or -errno, and then the old one stands. */
int memory_save(const struct outbox *outbox, const char *path);

#endif
