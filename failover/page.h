/* failover/page.h -- the memory the guardian and the worker share, and how one sees the other die.
 *
 * A worker thread holds the robust mutex in the page for as long as the worker lives. When the
 * worker dies, the kernel sets FUTEX_OWNER_DIED in the lock word and wakes a waiter before it tears
 * the address space down: 0.1 to 0.4 ms after SIGKILL at any size, where pidfd and sockets take
 * 0.1 ms for each MB. The guardian waits with a raw FUTEX_WAIT on the word. It never takes the lock
 * and never runs pthread code on the page: all of the page is untrusted input to it.
 *
 *   guardian: page_create -> (fd inherited) -> worker: page_open, page_live
 *   guardian: page_wait_for_death, in a thread of its own that tells the loop by an eventfd */
#ifndef TANDEM_FAILOVER_PAGE_H
#define TANDEM_FAILOVER_PAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PAGE_THREADS_MAX = 64, PAGE_VERSION = 1 };

struct page {
    _Atomic uint32_t version;          /* PAGE_VERSION, set by page_create */
    _Atomic uint32_t state;            /* enum page_state */
    _Atomic int32_t lock_offset;       /* of the lock word in this page, as the worker found it */
    _Atomic uint64_t control_progress; /* rises with each turn of the control thread */
    struct page_thread {
        _Alignas(64) _Atomic uint64_t answers; /* rises with each batch of a DNS thread */
    } threads[PAGE_THREADS_MAX];
    pthread_mutex_t alive; /* robust, process-shared; the worker's business alone */
};

enum page_state { PAGE_STARTING, PAGE_ALIVE };

/* Guardian: a sealed memory file of one struct page, mapped at *page. Returns its descriptor (to be
 * inherited by the worker) or -errno. */
int page_create(struct page **page);
void page_close(struct page *page, int fd);

/* Worker: map the inherited page. 0 or -errno. */
int page_open(int fd, struct page **page);
/* Worker: take the mutex in the calling thread, which must live as long as the process. 0 or
 * -errno. */
int page_live(struct page *page);

enum page_death {
    PAGE_DIED,    /* the kernel marked the lock: the worker is dead */
    PAGE_TIMEOUT, /* timeout_ms went by */
    PAGE_NOT_LIVE /* the worker has not called page_live yet, or the page makes no sense */
};

/* Guardian: wait for the worker's death. Never trusts the page: a bad offset is NOT_LIVE. */
enum page_death page_wait_for_death(const struct page *page, int timeout_ms);

#endif
