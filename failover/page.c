#include "failover/page.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE_NO_LOCK = -1,       /* lock_offset before page_live */
    PAGE_IDLE_WAKES_MAX = 64 /* wakes without a change of the word, in one page_wait_for_death */
};

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { FAULT_SIGNALS = sizeof fault_signals / sizeof *fault_signals };

int page_create(struct page **page, uint64_t boot, const struct poison *poison)
{
    assert(page != NULL);
    assert(poison->count <= POISON_NOTES_MAX);
    struct page *mapped = MAP_FAILED;
    int error;
    int fd = memfd_create("tandem-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    /* Sealed: a worker that shortened the file would make our next read of it a SIGBUS. */
    if (ftruncate(fd, sizeof *mapped) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        goto failed;
    mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        goto failed;
    atomic_store(&mapped->version, PAGE_VERSION);
    atomic_store(&mapped->state, PAGE_STARTING);
    atomic_store(&mapped->lock_offset, PAGE_NO_LOCK);
    mapped->boot = boot;
    mapped->poison = *poison;
    /* From here on the guardian only reads it, and cannot do otherwise by mistake. */
    if (mprotect(mapped, sizeof *mapped, PROT_READ) < 0)
        goto failed;
    *page = mapped;
    return fd;
failed:
    error = errno;
    page_close(mapped == MAP_FAILED ? NULL : mapped, fd);
    return -error;
}

void page_close(struct page *page, int fd)
{
    if (page != NULL)
        munmap(page, sizeof *page);
    if (fd >= 0)
        close(fd);
}

int page_open(int fd, struct page **page)
{
    assert(page != NULL);
    struct stat file;
    if (fstat(fd, &file) < 0)
        return -errno;
    if (file.st_size != sizeof **page)
        return -EPROTO;
    struct page *mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    if (atomic_load(&mapped->version) != PAGE_VERSION) {
        munmap(mapped, sizeof *mapped);
        return -EPROTO;
    }
    *page = mapped;
    return 0;
}

/* The lock word of the robust mutex that the calling thread locked last, found as the kernel will
 * find it when the thread dies: the newest entry of the thread's robust list plus the offset that
 * the C library registered (get_robust_list(2)). So nothing here knows the inside of a mutex. */
static _Atomic uint32_t *lock_word(pthread_mutex_t *mutex)
{
    struct robust_list_head *head = NULL;
    size_t size_bytes = 0;
    if (syscall(SYS_get_robust_list, 0, &head, &size_bytes) < 0 || head == NULL)
        return NULL;
    uintptr_t entry = (uintptr_t)head->list.next & ~(uintptr_t)1; /* the low bit marks PI */
    uintptr_t word = entry + (uintptr_t)head->futex_offset;
    uintptr_t first = (uintptr_t)mutex;
    if (word < first || word > first + sizeof *mutex - sizeof(uint32_t) || word % 4 != 0)
        return NULL;
    return (_Atomic uint32_t *)word;
}

/* A mutex that other processes see and whose owner's death the kernel marks. 0 or -errno. */
static int init_robust(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    if (error != 0)
        return -error;
    error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (error == 0)
        error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (error == 0)
        error = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -error;
}

int page_live(struct page *page)
{
    assert(page != NULL);
    assert(atomic_load(&page->lock_offset) == PAGE_NO_LOCK);
    int error = init_robust(&page->alive);
    if (error == 0)
        error = -pthread_mutex_lock(&page->alive);
    if (error != 0)
        return error;
    _Atomic uint32_t *word = lock_word(&page->alive);
    if (word == NULL || (atomic_load(word) & FUTEX_TID_MASK) != (uint32_t)gettid()) {
        pthread_mutex_unlock(&page->alive);
        return -ENOTSUP;
    }
    /* At the owner's death the kernel wakes a waiter only if this bit is set. Who waits is the
     * guardian, and it must not write here, so the owner says on its behalf that it waits. */
    atomic_fetch_or(word, FUTEX_WAITERS);
    atomic_store(&page->lock_offset, (int32_t)((char *)word - (char *)page));
    atomic_store(&page->state, PAGE_ALIVE);
    return 0;
}

/* Where the page says the lock word is, or NULL: only inside the mutex, only aligned. */
static const _Atomic uint32_t *claimed_word(const struct page *page)
{
    int32_t offset = atomic_load(&page->lock_offset);
    const int32_t first = offsetof(struct page, alive);
    const int32_t last = first + (int32_t)(sizeof page->alive - sizeof(uint32_t));
    if (offset < first || offset > last || offset % 4 != 0)
        return NULL;
    return (const _Atomic uint32_t *)((const char *)page + offset);
}

/* timeout_ms from now on CLOCK_MONOTONIC, which FUTEX_WAIT_BITSET measures against. */
static struct timespec deadline_after(int timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

enum page_death page_wait_for_death(const struct page *page, int timeout_ms)
{
    assert(page != NULL);
    assert(timeout_ms >= 0);
    const _Atomic uint32_t *word = claimed_word(page);
    if (word == NULL)
        return PAGE_NOT_LIVE;
    const uint32_t seen = atomic_load(word);
    if ((seen & FUTEX_OWNER_DIED) != 0)
        return PAGE_DIED;
    if ((seen & FUTEX_TID_MASK) == 0 || (seen & FUTEX_WAITERS) == 0)
        return PAGE_NOT_LIVE;

    /* The word of a living worker changes once, at its death. A worker that changes it otherwise,
     * or keeps waking us, would only burn our time: its page makes no sense any more. */
    struct timespec until = deadline_after(timeout_ms);
    for (int wakes = 0; wakes < PAGE_IDLE_WAKES_MAX; wakes++) {
        long waited =
            syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, &until, NULL, FUTEX_BITSET_MATCH_ANY);
        int error = waited < 0 ? errno : 0;
        uint32_t now = atomic_load(word);
        if ((now & FUTEX_OWNER_DIED) != 0)
            return PAGE_DIED;
        if (now != seen)
            return PAGE_NOT_LIVE;
        if (error == ETIMEDOUT)
            return PAGE_TIMEOUT;
    }
    return PAGE_NOT_LIVE;
}

/* ---- the query in hand ---- */

/* Of the handler below, which can be given nothing. */
static struct page *fault_page;
static _Thread_local uint32_t own_culprit = PAGE_CULPRIT_OTHER;

/* SA_RESETHAND: the signal's next delivery, as soon as we return, kills. Raised anew, because one
 * that somebody sent (kill -SEGV) would not come again by itself. */
static void on_fault(int signal)
{
    atomic_store(&fault_page->culprit, own_culprit);
    raise(signal);
}

void page_catch_faults(struct page *page)
{
    assert(page != NULL);
    fault_page = page;
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        sigaction(fault_signals[i], &action, NULL);
}

struct page_note *page_own_note(struct page *page, size_t position)
{
    assert(position < PAGE_NOTES_MAX);
    sigset_t faults;
    sigemptyset(&faults);
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        sigaddset(&faults, fault_signals[i]);
    pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
    own_culprit = PAGE_CULPRIT_FIRST + (uint32_t)position;
    return &page->notes[position];
}

bool page_is_fault(int signal)
{
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        if (fault_signals[i] == signal)
            return true;
    return false;
}

/* One that makes no sense is passed over. */
static unsigned take_note(const struct page_note *note, struct poison *poison)
{
    struct poison_note taken = {.size = atomic_load(&note->size)};
    if (taken.size == 0 || taken.size > PAGE_QUERY_SIZE_MAX - POISON_SKIPPED)
        return 0;
    size_t kept = taken.size < sizeof taken.bytes ? taken.size : sizeof taken.bytes;
    memcpy(taken.bytes, note->bytes, kept);
    return poison_add(poison, &taken);
}

unsigned page_blame_fault(const struct page *page, struct poison *poison)
{
    uint32_t culprit = atomic_load(&page->culprit);
    if (culprit >= PAGE_CULPRIT_OTHER)
        return 0;
    if (culprit != PAGE_CULPRIT_UNKNOWN)
        return take_note(&page->notes[culprit - PAGE_CULPRIT_FIRST], poison);
    unsigned count = 0;
    for (size_t i = 0; i < PAGE_NOTES_MAX; i++)
        count += take_note(&page->notes[i], poison);
    return count;
}

unsigned page_blame_threads(const struct page *page, uint64_t threads, struct poison *poison)
{
    unsigned count = 0;
    for (size_t i = 0; i < PAGE_THREADS_MAX; i++)
        if ((threads >> i & 1) != 0)
            count += take_note(&page->notes[i], poison);
    return count;
}
