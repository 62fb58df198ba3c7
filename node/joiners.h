/* node/joiners.h -- who waits for the answer to a JOIN, while it is on its way to the disk.
 *
 * So many at once; one more takes the place of the one that waits longest, which is answered
 * no more: who joins asks again. */
#ifndef TANDEM_NODE_JOINERS_H
#define TANDEM_NODE_JOINERS_H

#include "replication/document.h"
#include "replication/link.h"

enum { JOINERS_MAX = 64 };

struct joiners {
    uint64_t count; /* JOINs ever */
    struct joiner {
        uint64_t ticket; /* 0: nobody waits */
        size_t peer;     /* SIZE_MAX: a stranger */
        struct link_stranger stranger;
        char server[DOCUMENT_NAME_MAX + 1];
    } places[JOINERS_MAX];
};

/* One more that waits; its ticket is like no other. */
struct joiner *joiners_take(struct joiners *self);
/* Is the ticket a joiner's, not one of tandemctl's clients, which are lower? */
bool joiners_is_ticket(uint64_t ticket);
/* NULL: it was answered, or waits no more. */
struct joiner *joiners_find(struct joiners *self, uint64_t ticket);

#endif
