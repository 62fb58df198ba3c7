#include "failover/page.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit/suite.h"

/* One page as the guardian sees it and as a worker (here: the test) may write it. */
static struct page *page;
static struct page *writable;
static int page_fd;

static void create_page(void)
{
    page_fd = page_create(&page, 0, &(struct poison){0});
    ck_assert_int_ge(page_fd, 0);
    ck_assert_int_eq(page_open(page_fd, &writable), 0);
}

static void close_page(void)
{
    munmap(writable, sizeof *writable);
    page_close(page, page_fd);
}

/* A child that lives on the page, and has said so. */
static pid_t start_worker(void)
{
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct page *mine;
        if (page_open(page_fd, &mine) != 0 || page_live(mine) != 0)
            _exit(1);
        if (write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void reap(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* The lock word as a hostile worker would write it. */
static _Atomic uint32_t *forge_lock(int32_t offset, uint32_t word)
{
    _Atomic uint32_t *lock = (_Atomic uint32_t *)((char *)writable + offset);
    atomic_store(lock, word);
    atomic_store(&writable->lock_offset, offset);
    return lock;
}

START_TEST(a_killed_worker_is_seen_within_a_second)
{
    create_page();
    pid_t pid = start_worker();
    ck_assert_int_eq(page_wait_for_death(page, 0), PAGE_TIMEOUT);
    kill(pid, SIGKILL);
    ck_assert_int_eq(page_wait_for_death(page, 1000), PAGE_DIED);
    reap(pid);
    close_page();
}
END_TEST

/* The waiter must sleep in the kernel when the worker dies: without the waiters bit nobody would
 * wake it, and it would see the death only at its timeout. */
START_TEST(a_death_wakes_a_waiter_that_sleeps)
{
    create_page();
    pid_t pid = start_worker();
    pid_t killer = fork();
    if (killer == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000L}, NULL);
        kill(pid, SIGKILL);
        _exit(0);
    }
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    ck_assert_int_eq(page_wait_for_death(page, 3000), PAGE_DIED);
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_lt(
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 1000);
    reap(killer);
    reap(pid);
    close_page();
}
END_TEST

START_TEST(a_dead_worker_stays_dead)
{
    create_page();
    pid_t pid = start_worker();
    reap(pid);
    ck_assert_int_eq(page_wait_for_death(page, 0), PAGE_DIED);
    ck_assert_int_eq(page_wait_for_death(page, 0), PAGE_DIED);
    close_page();
}
END_TEST

START_TEST(a_worker_that_exits_is_dead_too)
{
    create_page();
    pid_t pid = fork();
    if (pid == 0)
        exit(page_live(writable) == 0 ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(page_wait_for_death(page, 1000), PAGE_DIED);
    close_page();
}
END_TEST

START_TEST(a_worker_that_never_lived_is_not_live)
{
    create_page();
    ck_assert_int_eq(page_wait_for_death(page, 1000), PAGE_NOT_LIVE);
    ck_assert_uint_eq(atomic_load(&page->state), PAGE_STARTING);
    close_page();
}
END_TEST

START_TEST(a_living_worker_times_out)
{
    create_page();
    pid_t pid = start_worker();
    ck_assert_uint_eq(atomic_load(&page->state), PAGE_ALIVE);
    ck_assert_int_eq(page_wait_for_death(page, 20), PAGE_TIMEOUT);
    reap(pid);
    close_page();
}
END_TEST

static const int32_t senseless_offsets[] = {
    INT32_MIN,
    -1,
    0,
    (int32_t)offsetof(struct page, alive) - 4,
    (int32_t)offsetof(struct page, alive) + 1,
    (int32_t)(offsetof(struct page, alive) + sizeof(pthread_mutex_t) - 3),
    (int32_t)(offsetof(struct page, alive) + sizeof(pthread_mutex_t)),
    (int32_t)sizeof(struct page),
    INT32_MAX,
};

START_TEST(an_offset_outside_the_lock_is_not_live)
{
    create_page();
    /* Every word says "died" and would be believed, were the offset. */
    memset(writable, 0xff, sizeof *writable);
    for (size_t i = 0; i < sizeof senseless_offsets / sizeof *senseless_offsets; i++) {
        atomic_store(&writable->lock_offset, senseless_offsets[i]);
        ck_assert_int_eq(page_wait_for_death(page, 1000), PAGE_NOT_LIVE);
    }
    close_page();
}
END_TEST

static const uint32_t senseless_words[] = {
    0,                   /* unlocked */
    FUTEX_WAITERS,       /* nobody owns it */
    1234,                /* nobody would be woken */
    FUTEX_TID_MASK >> 1, /* likewise */
};

START_TEST(garbage_in_the_lock_word_is_not_live)
{
    create_page();
    for (size_t i = 0; i < sizeof senseless_words / sizeof *senseless_words; i++) {
        forge_lock(offsetof(struct page, alive), senseless_words[i]);
        ck_assert_int_eq(page_wait_for_death(page, 1000), PAGE_NOT_LIVE);
    }
    close_page();
}
END_TEST

START_TEST(a_forged_owner_holds_nobody_longer_than_the_timeout)
{
    create_page();
    forge_lock(offsetof(struct page, alive), FUTEX_WAITERS | FUTEX_TID_MASK);
    ck_assert_int_eq(page_wait_for_death(page, 20), PAGE_TIMEOUT);
    close_page();
}
END_TEST

START_TEST(a_lock_word_that_keeps_changing_is_not_live)
{
    create_page();
    _Atomic uint32_t *word = forge_lock(offsetof(struct page, alive), FUTEX_WAITERS | 1);
    pid_t pid = fork();
    if (pid == 0)
        for (uint32_t owner = 1;; owner = owner % 1000 + 1)
            atomic_store(word, FUTEX_WAITERS | owner);
    ck_assert_int_eq(page_wait_for_death(page, 2000), PAGE_NOT_LIVE);
    reap(pid);
    close_page();
}
END_TEST

START_TEST(the_worker_cannot_cut_the_page)
{
    create_page();
    ck_assert_int_eq(ftruncate(page_fd, 0), -1);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(fcntl(page_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close_page();
}
END_TEST

START_TEST(only_a_page_of_this_version_is_opened)
{
    create_page();
    struct page *other = NULL;
    int file = memfd_create("other", MFD_CLOEXEC);
    ck_assert_int_eq(page_open(file, &other), -EPROTO);
    ck_assert_int_eq(page_open(-1, &other), -EBADF);
    atomic_store(&writable->version, PAGE_VERSION + 1);
    ck_assert_int_eq(page_open(page_fd, &other), -EPROTO);
    ck_assert_ptr_null(other);
    close(file);
    close_page();
}
END_TEST

/* ---- the query in hand ---- */

static const uint8_t evil[] = "\1\2\0\0\0\1\0\0\0\0\0\0\4evil\0\0\1\0\1";
static const uint8_t good[] = "\3\4\0\0\0\1\0\0\0\0\0\0\4good\0\0\1\0\1";

static void note(size_t position, const uint8_t *query, size_t size)
{
    page_note_begin(&writable->notes[position], query, size);
}

static bool is_blamed(const struct poison *poison, const uint8_t *query)
{
    return poison_is_match(poison, query, sizeof evil);
}

/* The DNS thread at position 5 has evil in hand and faults. Threads are born with all signals
 * blocked, as the worker's are. */
static void *fault(void *signal)
{
    struct page_note *own = page_own_note(writable, 5);
    page_note_begin(own, evil, sizeof evil);
    raise(*(int *)signal);
    return NULL;
}

static int end_of_worker_that_faults(int signal, bool in_dns_thread)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        pthread_t thread;
        sigset_t all;
        page_catch_faults(writable);
        note(4, good, sizeof good);
        if (!in_dns_thread)
            raise(signal);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, NULL);
        if (pthread_create(&thread, NULL, fault, &signal) == 0)
            pthread_join(thread, NULL);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

START_TEST(a_fault_blames_the_query_of_the_thread_that_faulted_alone)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct poison poison = {0};
        create_page();
        ck_assert(page_is_fault(faults[i]));
        ck_assert_int_eq(end_of_worker_that_faults(faults[i], true), faults[i]);
        ck_assert_uint_eq(page_blame_fault(page, &poison), 1);
        ck_assert_uint_eq(poison.count, 1);
        ck_assert(is_blamed(&poison, evil));
        close_page();
    }
    ck_assert(!page_is_fault(SIGKILL));
    ck_assert(!page_is_fault(SIGTERM));
}
END_TEST

START_TEST(a_fault_of_another_thread_blames_no_query)
{
    struct poison poison = {0};
    create_page();
    ck_assert_int_eq(end_of_worker_that_faults(SIGSEGV, false), SIGSEGV);
    ck_assert_uint_eq(page_blame_fault(page, &poison), 0);
    ck_assert_uint_eq(poison.count, 0);
    close_page();
}
END_TEST

/* As when its stack is what broke: no handler can run. */
START_TEST(a_fault_that_no_thread_owned_up_to_blames_all_in_hand)
{
    struct poison poison = {0};
    create_page();
    note(0, good, sizeof good);
    note(PAGE_TCP_NOTE, evil, sizeof evil);
    ck_assert_uint_eq(page_blame_fault(page, &poison), 2);
    ck_assert(is_blamed(&poison, good));
    ck_assert(is_blamed(&poison, evil));
    ck_assert_uint_eq(page_blame_fault(page, &poison), 0); /* none is new */
    close_page();
}
END_TEST

START_TEST(a_query_that_was_answered_is_not_in_hand)
{
    struct poison poison = {0};
    create_page();
    note(0, evil, sizeof evil);
    page_note_end(&writable->notes[0]);
    ck_assert_uint_eq(page_blame_fault(page, &poison), 0);
    page_note_begin(NULL, evil, sizeof evil);
    page_note_end(NULL);
    for (size_t size = 0; size <= POISON_SKIPPED; size++)
        note(0, evil, size);
    ck_assert_uint_eq(page_blame_fault(page, &poison), 0);
    close_page();
}
END_TEST

START_TEST(a_hang_blames_the_threads_that_hung)
{
    struct poison poison = {0};
    create_page();
    note(0, good, sizeof good);
    note(63, evil, sizeof evil);
    note(PAGE_TCP_NOTE, good, sizeof good);
    ck_assert_uint_eq(page_blame_threads(page, (uint64_t)1 << 63 | 2, &poison), 1);
    ck_assert(is_blamed(&poison, evil));
    ck_assert(!is_blamed(&poison, good));
    close_page();
}
END_TEST

START_TEST(the_longest_query_is_noted_by_its_size_and_beginning)
{
    static uint8_t query[PAGE_QUERY_SIZE_MAX];
    struct poison poison = {0};
    create_page();
    for (size_t size = 3; size <= sizeof query; size += size < 600 ? 1 : 999) {
        memset(query, (int)size, sizeof query);
        note(0, query, size);
        ck_assert_uint_eq(page_blame_fault(page, &poison), 1);
        ck_assert(poison_is_match(&poison, query, size));
        ck_assert(size < sizeof query - 999 || size == sizeof query - 999 || size == sizeof query);
    }
    close_page();
}
END_TEST

START_TEST(a_senseless_note_or_culprit_blames_nobody)
{
    struct poison poison = {0};
    create_page();
    const uint32_t sizes[] = {PAGE_QUERY_SIZE_MAX - 1, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        atomic_store(&writable->notes[0].size, sizes[i]);
        ck_assert_uint_eq(page_blame_fault(page, &poison), 0);
        ck_assert_uint_eq(page_blame_threads(page, 1, &poison), 0);
    }
    note(0, evil, sizeof evil);
    const uint32_t culprits[] = {PAGE_CULPRIT_FIRST + 1, PAGE_CULPRIT_FIRST + PAGE_TCP_NOTE,
                                 PAGE_CULPRIT_OTHER, PAGE_CULPRIT_OTHER + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof culprits / sizeof *culprits; i++) {
        atomic_store(&writable->culprit, culprits[i]);
        ck_assert_uint_eq(page_blame_fault(page, &poison), 0);
    }
    close_page();
}
END_TEST

START_TEST(the_next_life_is_told_its_boot_id_and_what_killed_the_last)
{
    struct poison poison = {0};
    struct page *next, *worker;
    create_page();
    note(3, evil, sizeof evil);
    page_blame_fault(page, &poison);
    int fd = page_create(&next, 0x1122334455667788, &poison);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(page_open(fd, &worker), 0);
    ck_assert_uint_eq(worker->boot, 0x1122334455667788);
    ck_assert(is_blamed(&worker->poison, evil));
    ck_assert_uint_eq(atomic_load(&worker->notes[3].size), 0);
    munmap(worker, sizeof *worker);
    page_close(next, fd);
    close_page();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/page");
    SUITE_CASE(suite, "death", a_killed_worker_is_seen_within_a_second,
               a_death_wakes_a_waiter_that_sleeps, a_dead_worker_stays_dead,
               a_worker_that_exits_is_dead_too, a_worker_that_never_lived_is_not_live,
               a_living_worker_times_out);
    SUITE_CASE(suite, "hostile", an_offset_outside_the_lock_is_not_live,
               garbage_in_the_lock_word_is_not_live,
               a_forged_owner_holds_nobody_longer_than_the_timeout,
               a_lock_word_that_keeps_changing_is_not_live, the_worker_cannot_cut_the_page,
               only_a_page_of_this_version_is_opened);
    SUITE_CASE(suite, "note", a_fault_blames_the_query_of_the_thread_that_faulted_alone,
               a_fault_of_another_thread_blames_no_query,
               a_fault_that_no_thread_owned_up_to_blames_all_in_hand,
               a_query_that_was_answered_is_not_in_hand, a_hang_blames_the_threads_that_hung,
               the_longest_query_is_noted_by_its_size_and_beginning,
               a_senseless_note_or_culprit_blames_nobody,
               the_next_life_is_told_its_boot_id_and_what_killed_the_last);
    return suite_run(suite);
}
