#include "node/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit/suite.h"

static char directory[] = "/tmp/tandem-disk-XXXXXX";
static struct store *store;
static struct log *journal;
static struct disk *disk;

static void open_store(void)
{
    char sentence[STORE_SENTENCE_MAX];
    ck_assert_int_eq(store_open(&store, directory, sentence), 0);
    ck_assert_str_eq(sentence, "");
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    open_store();
    ck_assert_int_eq(log_open(&journal), 0);
    ck_assert_int_eq(disk_open(&disk, store, journal, directory), 0);
}

static void close_disk(void)
{
    disk_close(disk);
    log_close(journal);
    store_close(store);
}

static void remove_directory(void)
{
    char path[sizeof directory + sizeof "/orders"];
    snprintf(path, sizeof path, "%s/orders", directory);
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static struct record order_of(const char *name, uint64_t sequence)
{
    struct record record = {.key.kind = RECORD_ORDER,
                            .version = {.incarnation = 1, .sequence = sequence},
                            .value_size = 1,
                            .value = {0x80}};
    strcpy(record.key.name, name);
    return record;
}

/* The next finished order; waits for the disk's thread, but not for ever. */
static struct disk_done wait_done(void)
{
    struct disk_done done;
    struct pollfd waiting = {.fd = disk_fd(disk), .events = POLLIN};
    while (!disk_next(disk, &done))
        ck_assert_int_eq(poll(&waiting, 1, 20000), 1);
    return done;
}

/* So many have been stored, and wait to be fetched. */
static void wait_stored(uint64_t count)
{
    struct pollfd waiting = {.fd = disk_fd(disk), .events = POLLIN};
    for (uint64_t stored = 0, more; stored < count; stored += more) {
        ck_assert_int_eq(poll(&waiting, 1, 20000), 1);
        ck_assert_int_eq(read(disk_fd(disk), &more, sizeof more), sizeof more);
    }
}

static size_t taken_count;
static struct record taken[8];

static void take(void *context, const struct record *record)
{
    (void)context;
    ck_assert_uint_lt(taken_count, 8);
    taken[taken_count++] = *record;
}

START_TEST(tickets_come_back_in_the_order_of_the_orders)
{
    struct disk_done done;
    setup();
    for (uint64_t ticket = 1; ticket <= 20; ticket++) {
        struct record record = order_of("drain/media1", ticket);
        ck_assert_int_eq(disk_store(disk, &record, ticket), 0);
    }
    for (uint64_t ticket = 1; ticket <= 20; ticket++) {
        done = wait_done();
        ck_assert_uint_eq(done.ticket, ticket);
        ck_assert_int_eq(done.error, 0);
    }
    ck_assert(!disk_next(disk, &done));
    close_disk();
    remove_directory();
}
END_TEST

START_TEST(closing_waits_until_all_is_on_disk)
{
    setup();
    for (uint64_t sequence = 1; sequence <= 10; sequence++) {
        struct record first = order_of("drain/media1", sequence);
        struct record second = order_of("drain/media2", sequence);
        ck_assert_int_eq(disk_store(disk, &first, 0), 0);
        ck_assert_int_eq(disk_store(disk, &second, 0), 0);
    }
    close_disk();

    open_store();
    store_load(store, take, NULL);
    ck_assert_uint_eq(taken_count, 2);
    ck_assert_str_eq(taken[0].key.name, "drain/media1");
    ck_assert_uint_eq(taken[0].version.sequence, 10);
    ck_assert_uint_eq(taken[1].version.sequence, 10);
    store_close(store);
    remove_directory();
}
END_TEST

/* The size of the warm file, once it is of this one; it is written by the disk's thread. */
static bool is_warm_of(off_t size)
{
    char path[sizeof directory + sizeof "/warm"];
    struct stat status;
    snprintf(path, sizeof path, "%s/warm", directory);
    return stat(path, &status) == 0 && status.st_size == size;
}

static void keep_warm(size_t size)
{
    static uint8_t bytes[512];
    ck_assert_int_eq(disk_keep_warm(disk, bytes, size), 0);
}

START_TEST(what_is_kept_warm_is_in_the_file_and_the_next_in_its_place)
{
    char path[sizeof directory + sizeof "/warm"];
    setup();
    for (size_t size = 100; size <= 500; size += 100) {
        keep_warm(size);
        for (int i = 0; i < 2000 && !is_warm_of((off_t)size); i++)
            poll(NULL, 0, 10);
        ck_assert(is_warm_of((off_t)size));
    }
    close_disk();
    snprintf(path, sizeof path, "%s/warm", directory);
    unlink(path);
    remove_directory();
}
END_TEST

/* Orders that wait go first, however many. */
START_TEST(a_warm_file_waits_for_orders_and_delays_none)
{
    char path[sizeof directory + sizeof "/warm"];
    setup();
    for (uint64_t ticket = 1; ticket <= 50; ticket++) {
        struct record record = order_of("drain/media1", ticket);
        keep_warm(100 + ticket);
        ck_assert_int_eq(disk_store(disk, &record, ticket), 0);
    }
    for (uint64_t ticket = 1; ticket <= 50; ticket++)
        ck_assert_uint_eq(wait_done().ticket, ticket);
    for (int i = 0; i < 2000 && !is_warm_of(150); i++)
        poll(NULL, 0, 10);
    ck_assert(is_warm_of(150)); /* the last one */
    close_disk();
    snprintf(path, sizeof path, "%s/warm", directory);
    unlink(path);
    remove_directory();
}
END_TEST

START_TEST(lines_of_the_audit_are_in_the_file_in_their_order)
{
    char path[sizeof directory + sizeof "/audit"], text[64] = "";
    setup();
    ck_assert_int_eq(disk_audit(disk, "one\n"), 0);
    ck_assert_int_eq(disk_audit(disk, "two\n"), 0);
    ck_assert_int_eq(disk_audit(disk, "three\n"), 0);
    close_disk(); /* which waits for them */
    snprintf(path, sizeof path, "%s/audit", directory);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(text, 1, sizeof text - 1, file), strlen("one\ntwo\nthree\n"));
    fclose(file);
    ck_assert_str_eq(text, "one\ntwo\nthree\n");
    unlink(path);
    remove_directory();
}
END_TEST

/* Waits for the disk's thread, but not for ever. */
static bool is_trouble(int trouble)
{
    for (int i = 0; i < 2000 && disk_trouble(disk) != trouble; i++)
        poll(NULL, 0, 10);
    return disk_trouble(disk) == trouble;
}

START_TEST(a_disk_that_refuses_or_does_not_answer_is_told_of)
{
    char path[sizeof directory + sizeof "/warm.new"];
    setup();
    ck_assert_int_eq(disk_trouble(disk), 0);
    snprintf(path, sizeof path, "%s/warm.new", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    keep_warm(100);
    ck_assert(is_trouble(-EISDIR));
    ck_assert_int_eq(rmdir(path), 0);
    keep_warm(100);
    ck_assert(is_trouble(0));

    ck_assert_int_eq(mkfifo(path, 0600), 0); /* opening it waits for a reader */
    for (int i = 0; i < 2000 && disk_trouble(disk) == 0; i++) {
        keep_warm(100);
        poll(NULL, 0, 10);
    }
    ck_assert_int_eq(disk_trouble(disk), -ETIMEDOUT);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 2000 && disk_trouble(disk) != 0; i++) {
        keep_warm(100);
        poll(NULL, 0, 10);
    }
    ck_assert_int_eq(disk_trouble(disk), 0);
    close_disk();
    close(reader);
    snprintf(path, sizeof path, "%s/warm", directory);
    unlink(path);
    remove_directory();
}
END_TEST

/* Faster than any disk: lines are dropped then, the new ones, and those before them are whole. */
START_TEST(a_full_audit_refuses_and_takes_again)
{
    char path[sizeof directory + sizeof "/audit"];
    setup();
    struct timespec instant = {.tv_nsec = 1000000};
    size_t taken_lines = 0;
    int refused = 0;
    for (; refused == 0 && taken_lines < 100 * DISK_AUDIT_MAX; taken_lines += refused == 0)
        refused = disk_audit(disk, "line\n");
    ck_assert_int_eq(refused, -ENOBUFS);
    while (disk_audit(disk, "last\n") != 0)
        nanosleep(&instant, NULL);
    close_disk();
    snprintf(path, sizeof path, "%s/audit", directory);
    struct stat written;
    ck_assert_int_eq(stat(path, &written), 0);
    ck_assert_uint_eq((size_t)written.st_size, (taken_lines + 1) * strlen("line\n"));
    unlink(path);
    remove_directory();
}
END_TEST

START_TEST(an_order_without_a_ticket_tells_nobody)
{
    struct record record = order_of("drain/media1", 1);
    setup();
    ck_assert_int_eq(disk_store(disk, &record, 0), 0);
    ck_assert_int_eq(disk_store(disk, &record, 7), 0);
    ck_assert_uint_eq(wait_done().ticket, 7);
    close_disk();
    remove_directory();
}
END_TEST

/* All is on disk but nobody fetched the answers: there is no place for a further ticket. */
START_TEST(a_full_queue_is_refused_and_takes_again_after_a_fetch)
{
    struct record record = order_of("drain/media1", 1);
    setup();
    for (uint64_t ticket = 1; ticket <= DISK_QUEUE_MAX; ticket++)
        ck_assert_int_eq(disk_store(disk, &record, ticket), 0);
    wait_stored(DISK_QUEUE_MAX);
    ck_assert_int_eq(disk_store(disk, &record, 5000), -ENOBUFS);
    ck_assert_uint_eq(wait_done().ticket, 1);
    ck_assert_int_eq(disk_store(disk, &record, 5001), 0);
    for (uint64_t ticket = 2; ticket <= DISK_QUEUE_MAX; ticket++)
        ck_assert_uint_eq(wait_done().ticket, ticket);
    ck_assert_uint_eq(wait_done().ticket, 5001);
    close_disk();
    remove_directory();
}
END_TEST

/* The file may grow no more: the system refuses the write. */
START_TEST(what_the_disk_refuses_comes_back_with_its_error_and_a_line)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = RLIM_INFINITY};
    struct record record = order_of("drain/media1", 1);
    char text[256] = "";
    int written = memfd_create("log", MFD_CLOEXEC);
    signal(SIGXFSZ, SIG_IGN);
    setup();
    ck_assert_int_eq(dup2(written, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(disk_store(disk, &record, 7), 0);
    struct disk_done done = wait_done();
    ck_assert_uint_eq(done.ticket, 7);
    ck_assert_int_eq(done.error, -EFBIG);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    close_disk();
    ck_assert_int_gt(pread(written, text, sizeof text - 1, 0), 0);
    ck_assert_str_eq(text, "disk order=drain/media1 not stored: File too large\n");
    close(written);
    remove_directory();
}
END_TEST

START_TEST(a_wake_writes_the_lines_that_wait)
{
    int ends[2];
    char text[64] = "";
    setup();
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    log_line(journal, "hear");
    disk_wake(disk);
    struct pollfd waiting = {.fd = ends[0], .events = POLLIN};
    ck_assert_int_eq(poll(&waiting, 1, 20000), 1);
    ck_assert_int_eq(read(ends[0], text, sizeof text - 1), 5);
    ck_assert_str_eq(text, "hear\n");
    close_disk();
    close(ends[0]);
    close(ends[1]);
    remove_directory();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/disk");
    SUITE_CASE(suite, "orders", tickets_come_back_in_the_order_of_the_orders,
               closing_waits_until_all_is_on_disk, an_order_without_a_ticket_tells_nobody,
               a_full_queue_is_refused_and_takes_again_after_a_fetch,
               what_the_disk_refuses_comes_back_with_its_error_and_a_line);
    SUITE_CASE(suite, "warm", what_is_kept_warm_is_in_the_file_and_the_next_in_its_place,
               a_warm_file_waits_for_orders_and_delays_none,
               a_disk_that_refuses_or_does_not_answer_is_told_of);
    SUITE_CASE(suite, "audit", a_full_audit_refuses_and_takes_again,
               lines_of_the_audit_are_in_the_file_in_their_order);
    SUITE_CASE(suite, "log", a_wake_writes_the_lines_that_wait);
    return suite_run(suite);
}
