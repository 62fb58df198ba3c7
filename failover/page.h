/* failover/page.h -- the memory the guardian and the worker share, and how one sees the other die.
 *
 * A worker thread holds the robust mutex in the page for as long as the worker lives. When the
 * worker dies, the kernel sets FUTEX_OWNER_DIED in the lock word and wakes a waiter before it tears
 * the address space down: 0.1 to 0.4 ms after SIGKILL at any size, where pidfd and sockets take
 * 0.1 ms for each MB. The guardian waits with a raw FUTEX_WAIT on the word. It never takes the lock
 * and never runs pthread code on the page: all of the page is untrusted input to it.
 *
 *   guardian: page_create -> (fd inherited) -> worker: page_open, page_live
 *   guardian: page_wait_for_death, in a thread of its own that tells the loop by an eventfd
 *
 * A DNS thread notes the query it has in hand before it answers: one copy, no lock, no system call.
 * After a death the guardian takes the notes that may tell of its cause, and page_create hands them
 * to the next life. The thread that faults says so itself, in a signal handler: the queries that
 * the others had in hand are innocent, and may be those that everybody asks. */
#ifndef TANDEM_FAILOVER_PAGE_H
#define TANDEM_FAILOVER_PAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "failover/poison.h"

enum {
    PAGE_THREADS_MAX = 64,
    PAGE_VERSION = 2,
    PAGE_TCP_NOTE = PAGE_THREADS_MAX, /* position of the TCP thread's note */
    PAGE_NOTES_MAX,                   /* those of the DNS threads before it */
    PAGE_QUERY_SIZE_MAX = 65535,      /* of a query, with its ID */
    PAGE_PROBE_QUERY_MIN = 12,        /* of the query behind a struct page_probe */
    PAGE_PROBE_QUERY_MAX = 512,
    PAGE_PROBE_MAGIC = 0x54505242, /* "TPRB" */
};

/* What a probe and its answer begin with; query or answer follow. In the order of this host's
 * bytes, which it never leaves. */
struct page_probe {
    uint32_t magic;
    uint32_t thread;
    uint64_t boot; /* page.boot: who does not share the page cannot guess it */
    uint64_t nonce;
};

enum page_culprit {
    PAGE_CULPRIT_UNKNOWN = 0,
    PAGE_CULPRIT_FIRST = 1,                                  /* of notes[0], and so on */
    PAGE_CULPRIT_OTHER = PAGE_CULPRIT_FIRST + PAGE_NOTES_MAX /* a thread that has no note */
};

struct page {
    _Atomic uint32_t version;          /* PAGE_VERSION, set by page_create */
    _Atomic uint32_t state;            /* enum page_state */
    _Atomic int32_t lock_offset;       /* of the lock word in this page, as the worker found it */
    _Atomic uint32_t thread_count;     /* DNS threads, set by the worker before it is ready */
    _Atomic uint32_t culprit;          /* enum page_culprit, set by the thread that faults */
    _Atomic uint64_t control_progress; /* rises with each turn of the control thread */
    struct page_thread {
        _Alignas(64) _Atomic uint64_t answers; /* rises with each batch of a DNS thread */
        _Atomic uint64_t empties;    /* rises with each poll that found a probe and no query */
        _Atomic uint32_t probe_port; /* UDP, on the node's own address; 0: not bound yet */
    } threads[PAGE_THREADS_MAX];
    struct page_note {                      /* the query that a thread has in hand */
        _Alignas(64) _Atomic uint32_t size; /* as in struct poison_note; 0: none */
        uint8_t bytes[POISON_BYTES_MAX];
    } notes[PAGE_NOTES_MAX];
    pthread_mutex_t alive; /* robust, process-shared; the worker's business alone */

    /* written by page_create */
    uint64_t boot;        /* of this life, random */
    struct poison poison; /* queries that earlier lives died of */
};

enum page_state { PAGE_STARTING, PAGE_ALIVE };

/* Guardian: a sealed memory file of one struct page, mapped at *page, with the boot id of the life
 * to come and the queries it shall not answer. Returns its descriptor (to be inherited by the
 * worker) or -errno. */
int page_create(struct page **page, uint64_t boot, const struct poison *poison);
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

/* ---- the query in hand ---- */

/* Worker: from now on a thread that faults (page_is_fault) says so in the page before it dies. */
void page_catch_faults(struct page *page);
/* Worker: the calling thread's note from now on; position < PAGE_NOTES_MAX. Unblocks in it the
 * signals of a fault: a blocked one kills before any handler runs. */
struct page_note *page_own_note(struct page *page, size_t position);

/* Worker: the thread begins, and ends, to answer a query. Note NULL: nothing. */
static inline void page_note_begin(struct page_note *note, const uint8_t *query, size_t size)
{
    if (note == NULL || size <= POISON_SKIPPED)
        return;
    size -= POISON_SKIPPED;
    memcpy(note->bytes, query + POISON_SKIPPED, size < POISON_BYTES_MAX ? size : POISON_BYTES_MAX);
    atomic_store_explicit(&note->size, (uint32_t)size, memory_order_release);
    /* Nothing of the answer may be done before: a note must stand when its query kills. */
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void page_note_end(struct page_note *note)
{
    if (note != NULL)
        atomic_store_explicit(&note->size, 0, memory_order_release);
}

/* Is it a signal that a thread brings upon itself: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
 * SIGTRAP or SIGSYS? */
bool page_is_fault(int signal);

/* Guardian, of a worker that is dead: take its notes into *poison; returns how many were new. After
 * a fault that of the thread that faulted, or, if none said so, all that were in hand. */
unsigned page_blame_fault(const struct page *page, struct poison *poison);
/* After a hang those of the DNS threads in the mask (bit 0: thread 0). */
unsigned page_blame_threads(const struct page *page, uint64_t threads, struct poison *poison);

#endif
