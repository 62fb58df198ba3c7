#include "replication/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

enum { HEADER_SIZE = 16, SLOT_SIZE = 512 };

static char directory[64], path[96], sentence[STORE_SENTENCE_MAX];
static struct store *store;

/* ---- the directory ---- */

static void make_directory(void)
{
    strcpy(directory, "/tmp/tandem-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/orders", directory);
}

static void empty_directory(void)
{
    DIR *folder = opendir(directory);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

static void remove_directory(void)
{
    store_close(store);
    empty_directory();
    ck_assert_int_eq(rmdir(directory), 0);
}

static bool exists(const char *name)
{
    char other[160];
    snprintf(other, sizeof other, "%s/%s", directory, name);
    return access(other, F_OK) == 0;
}

static size_t read_file(uint8_t *bytes, size_t size_max)
{
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, size_max);
    close(fd);
    ck_assert_int_ge(size, 0);
    return (size_t)size;
}

static void write_file(const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static size_t file_size(void)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* ---- orders ---- */

static struct record order(const char *name, uint64_t counter, const char *value)
{
    struct record record = {.key.kind = RECORD_ORDER, .version = {counter, 2}, .age_ms = 7};
    strcpy(record.key.name, name);
    record.value_size = (uint16_t)strlen(value);
    memcpy(record.value, value, record.value_size);
    return record;
}

static int append(const char *name, uint64_t counter, const char *value)
{
    struct record record = order(name, counter, value);
    return store_append(store, &record);
}

static void open_store(void)
{
    ck_assert_msg(store_open(&store, directory, sentence) == 0, "%s", sentence);
}

static void reopen_store(void)
{
    store_close(store);
    open_store();
}

static void add_text(void *context, const struct record *record)
{
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, 512 - used, "%s %llu.%llu %.*s; ", record->key.name,
             (unsigned long long)record->version.incarnation,
             (unsigned long long)record->version.sequence, record->value_size, record->value);
}

/* "drain/media1 3.2 on; drain/media2 ..." */
static const char *all_orders(void)
{
    static char text[512];
    text[0] = '\0';
    store_load(store, add_text, text);
    return text;
}

/* ---- what is stored ---- */

START_TEST(orders_are_there_after_a_restart_each_in_its_newest_version)
{
    make_directory();
    open_store();
    ck_assert_str_eq(sentence, "");
    ck_assert_str_eq(all_orders(), "");
    ck_assert_int_eq(append("drain/media1", 1, "on"), 0);
    ck_assert_int_eq(append("group/stream", 2, ""), 0);
    ck_assert_int_eq(append("drain/media1", 3, "off"), 0);
    const char expected[] = "drain/media1 3.2 off; group/stream 2.2 ; ";
    ck_assert_str_eq(all_orders(), expected);
    reopen_store();
    ck_assert_str_eq(sentence, "");
    ck_assert_str_eq(all_orders(), expected);
    ck_assert_uint_eq(store_count(store), 2);
    remove_directory();
}
END_TEST

static void take_one(void *context, const struct record *record)
{
    *(struct record *)context = *record;
}

START_TEST(the_largest_order_comes_back_whole)
{
    make_directory();
    open_store();
    struct record largest = {.key.kind = RECORD_ORDER,
                             .version = {UINT64_MAX, UINT64_MAX - 1},
                             .age_ms = RECORD_AGE_MS_MAX,
                             .value_size = RECORD_VALUE_MAX};
    memset(largest.key.name, '~', RECORD_NAME_MAX);
    for (size_t i = 0; i < RECORD_VALUE_MAX; i++)
        largest.value[i] = (uint8_t)(255 - i);
    ck_assert_int_eq(store_append(store, &largest), 0);
    reopen_store();
    struct record back;
    store_load(store, take_one, &back);
    ck_assert_str_eq(back.key.name, largest.key.name);
    ck_assert_uint_eq(back.version.incarnation, UINT64_MAX);
    ck_assert_uint_eq(back.version.sequence, UINT64_MAX - 1);
    ck_assert_uint_eq(back.age_ms, RECORD_AGE_MS_MAX);
    ck_assert_uint_eq(back.value_size, RECORD_VALUE_MAX);
    ck_assert_mem_eq(back.value, largest.value, RECORD_VALUE_MAX);
    remove_directory();
}
END_TEST

START_TEST(an_older_version_is_not_written)
{
    make_directory();
    open_store();
    ck_assert_int_eq(append("drain/media1", 5, "new"), 0);
    size_t size = file_size();
    ck_assert_int_eq(append("drain/media1", 5, "same"), 0);
    ck_assert_int_eq(append("drain/media1", 4, "old"), 0);
    ck_assert_uint_eq(file_size(), size);
    ck_assert_str_eq(all_orders(), "drain/media1 5.2 new; ");
    remove_directory();
}
END_TEST

START_TEST(a_file_has_these_bytes)
{
    static const uint8_t expected[] = {
        't', 'a', 'n', 'd', 'e', 'm', ' ', 'o', 'r', 'd', 'e', 'r', 's', ' ', '1', '\n',
        3,   1,   0,   0,   0,   0,   0,   0,   2,   0,   0,   0,   0,   0,   0,   0, /* version */
        7,   0,   0,   0,   2,   0,   7,   0,   'd', 'r', 'a', 'i', 'n', '/', 'a', 0,
    };
    make_directory();
    open_store();
    ck_assert_int_eq(append("drain/a", 259, "on"), 0);
    uint8_t bytes[HEADER_SIZE + SLOT_SIZE + 1];
    ck_assert_uint_eq(read_file(bytes, sizeof bytes), HEADER_SIZE + SLOT_SIZE);
    ck_assert_mem_eq(bytes, expected, sizeof expected);
    ck_assert_mem_eq(bytes + HEADER_SIZE + 119, "on\0", 3);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    remove_directory();
}
END_TEST

START_TEST(the_log_is_shortened_and_keeps_every_order)
{
    make_directory();
    open_store();
    size_t largest = 0;
    for (uint64_t i = 1; i <= 100; i++) {
        ck_assert_int_eq(append("drain/media1", i, "x"), 0);
        ck_assert_int_eq(append("drain/media2", i, "y"), 0);
        ck_assert_int_eq(append("drain/media3", i, "z"), 0);
        largest = file_size() > largest ? file_size() : largest;
    }
    ck_assert_uint_le(largest, HEADER_SIZE + STORE_LOG_SLOTS_MIN * SLOT_SIZE);
    ck_assert(!exists("orders.new"));
    reopen_store();
    ck_assert_str_eq(all_orders(), "drain/media1 100.2 x; drain/media2 100.2 y; "
                                   "drain/media3 100.2 z; ");
    remove_directory();
}
END_TEST

/* ---- what a crash or a disk can do ---- */

/* A file of three orders into bytes; returns its size. */
static size_t three_orders(uint8_t *bytes, size_t size_max)
{
    open_store();
    ck_assert_int_eq(append("drain/a", 1, "on"), 0);
    ck_assert_int_eq(append("drain/b", 2, "on"), 0);
    ck_assert_int_eq(append("drain/c", 3, "on"), 0);
    size_t size = read_file(bytes, size_max);
    ck_assert_uint_eq(size, HEADER_SIZE + 3 * SLOT_SIZE);
    return size;
}

static const char *const first_orders[] = {"", "drain/a 1.2 on; ",
                                           "drain/a 1.2 on; drain/b 2.2 on; ",
                                           "drain/a 1.2 on; drain/b 2.2 on; drain/c 3.2 on; "};

START_TEST(a_file_cut_at_any_byte_gives_all_whole_orders_and_goes_on)
{
    uint8_t bytes[HEADER_SIZE + 4 * SLOT_SIZE];
    make_directory();
    size_t size = three_orders(bytes, sizeof bytes);
    for (size_t cut = HEADER_SIZE; cut <= size; cut++) {
        write_file(bytes, cut);
        reopen_store();
        size_t whole = (cut - HEADER_SIZE) / SLOT_SIZE;
        bool is_torn = (cut - HEADER_SIZE) % SLOT_SIZE != 0;
        ck_assert_str_eq(all_orders(), first_orders[whole]);
        ck_assert_int_eq(strstr(sentence, "it is cut off") != NULL, is_torn);
        ck_assert_uint_eq(file_size(), HEADER_SIZE + whole * SLOT_SIZE);
    }
    write_file(bytes, size - 1);
    reopen_store();
    ck_assert_int_eq(append("drain/c", 3, "on"), 0);
    reopen_store();
    ck_assert_str_eq(sentence, "");
    ck_assert_str_eq(all_orders(), first_orders[3]);
    remove_directory();
}
END_TEST

START_TEST(a_last_slot_of_zeros_is_cut_off)
{
    uint8_t bytes[HEADER_SIZE + 4 * SLOT_SIZE] = {0};
    make_directory();
    three_orders(bytes, sizeof bytes);
    write_file(bytes, sizeof bytes); /* the size reached the disk, the bytes did not */
    reopen_store();
    ck_assert_str_eq(all_orders(), first_orders[3]);
    ck_assert_ptr_nonnull(strstr(sentence, "it is cut off"));
    remove_directory();
}
END_TEST

/* Every byte in turn; a bad slot at the end cannot be told from a torn one. */
START_TEST(a_file_with_a_wrong_byte_is_never_believed)
{
    uint8_t bytes[HEADER_SIZE + 4 * SLOT_SIZE];
    make_directory();
    size_t size = three_orders(bytes, sizeof bytes);
    for (size_t at = 0; at < size; at += at < HEADER_SIZE + 32 ? 1 : 5) {
        bytes[at] ^= 0x80;
        empty_directory();
        write_file(bytes, size);
        reopen_store();
        bool is_last = at >= HEADER_SIZE + 2 * SLOT_SIZE;
        ck_assert_str_eq(all_orders(), first_orders[is_last ? 2 : 0]);
        ck_assert_int_eq(exists("orders.damaged-1"), !is_last);
        ck_assert_int_eq(strstr(sentence, "orders.damaged-1") != NULL, !is_last);
        bytes[at] ^= 0x80;
    }
    remove_directory();
}
END_TEST

START_TEST(damaged_files_are_kept_side_by_side)
{
    make_directory();
    static const char *const contents[] = {"", "tandem", "tandem orders 0\n", "something else.."};
    for (size_t i = 0; i < 4; i++) {
        write_file((const uint8_t *)contents[i], strlen(contents[i]));
        open_store();
        ck_assert_str_eq(all_orders(), "");
        ck_assert_int_eq(append("drain/a", 1, "on"), 0);
        store_close(store);
    }
    ck_assert(exists("orders.damaged-1"));
    ck_assert(exists("orders.damaged-4"));
    ck_assert(!exists("orders.damaged-5"));
    open_store();
    ck_assert_str_eq(all_orders(), first_orders[1]);
    remove_directory();
}
END_TEST

START_TEST(a_file_of_a_later_version_is_refused_and_left_alone)
{
    make_directory();
    write_file((const uint8_t *)"tandem orders 2\nwhatever", 24);
    ck_assert_int_eq(store_open(&store, directory, sentence), -EPROTONOSUPPORT);
    ck_assert_ptr_nonnull(strstr(sentence, "a later version"));
    ck_assert_uint_eq(file_size(), 24);
    store = NULL;
    remove_directory();
}
END_TEST

static void limit_file_size(rlim_t size)
{
    struct rlimit limit = {.rlim_cur = size, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}

START_TEST(a_full_disk_refuses_an_order_and_loses_none)
{
    make_directory();
    open_store();
    ck_assert_int_eq(append("drain/a", 1, "on"), 0);
    ck_assert_int_eq(append("drain/b", 2, "on"), 0);
    size_t size = file_size();
    for (size_t room = 0; room < SLOT_SIZE; room += 73) {
        /* Check writes a file too: nothing is asserted while files are limited. */
        limit_file_size(size + room);
        int raised = append("drain/b", 3, "off"), added = append("drain/c", 3, "on");
        limit_file_size(RLIM_INFINITY);
        ck_assert_int_eq(raised, -EFBIG);
        ck_assert_int_eq(added, -EFBIG);
        ck_assert_uint_eq(file_size(), size);
        ck_assert_str_eq(all_orders(), first_orders[2]);
    }
    reopen_store();
    ck_assert_str_eq(sentence, "");
    ck_assert_str_eq(all_orders(), first_orders[2]);
    ck_assert_int_eq(append("drain/c", 3, "on"), 0);
    reopen_store();
    ck_assert_str_eq(all_orders(), first_orders[3]);
    remove_directory();
}
END_TEST

START_TEST(a_log_that_cannot_be_shortened_stays_as_it_is)
{
    make_directory();
    open_store();
    for (uint64_t i = 1; i <= STORE_LOG_SLOTS_MIN; i++)
        ck_assert_int_eq(append("drain/a", i, "on"), 0);
    size_t size = file_size();
    limit_file_size(100);
    int result = append("drain/a", 1000, "off");
    limit_file_size(RLIM_INFINITY);
    ck_assert_int_eq(result, -EFBIG);
    ck_assert_uint_eq(file_size(), size);
    ck_assert(!exists("orders.new"));
    reopen_store();
    ck_assert_str_eq(all_orders(), "drain/a 64.2 on; ");
    remove_directory();
}
END_TEST

START_TEST(a_log_that_cannot_be_shortened_still_takes_orders)
{
    char obstacle[128];
    make_directory();
    snprintf(obstacle, sizeof obstacle, "%s/orders.new", directory);
    open_store();
    ck_assert_int_eq(mkdir(obstacle, 0700), 0);
    for (uint64_t i = 1; i <= STORE_LOG_SLOTS_MIN + 3; i++)
        ck_assert_int_eq(append("drain/a", i, "on"), 0);
    ck_assert_uint_eq(file_size(), HEADER_SIZE + (STORE_LOG_SLOTS_MIN + 3) * SLOT_SIZE);
    ck_assert_int_eq(rmdir(obstacle), 0);
    ck_assert_int_eq(append("drain/a", 100, "off"), 0);
    ck_assert_uint_eq(file_size(), HEADER_SIZE + 2 * SLOT_SIZE);
    reopen_store();
    ck_assert_str_eq(all_orders(), "drain/a 100.2 off; ");
    remove_directory();
}
END_TEST

START_TEST(a_directory_that_is_missing_is_refused_with_its_name)
{
    ck_assert_int_eq(store_open(&store, "/tmp/tandem-no-such-directory", sentence), -ENOENT);
    ck_assert_ptr_nonnull(strstr(sentence, "/tmp/tandem-no-such-directory"));
}
END_TEST

int main(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* seconds, for a disk that is slow to sync */
    Suite *suite = suite_create("replication/store");
    SUITE_CASE(suite, "stored", orders_are_there_after_a_restart_each_in_its_newest_version,
               the_largest_order_comes_back_whole, an_older_version_is_not_written,
               a_file_has_these_bytes, the_log_is_shortened_and_keeps_every_order);
    SUITE_CASE(suite, "crash", a_file_cut_at_any_byte_gives_all_whole_orders_and_goes_on,
               a_last_slot_of_zeros_is_cut_off, a_file_with_a_wrong_byte_is_never_believed,
               damaged_files_are_kept_side_by_side,
               a_file_of_a_later_version_is_refused_and_left_alone);
    SUITE_CASE(suite, "disk", a_full_disk_refuses_an_order_and_loses_none,
               a_log_that_cannot_be_shortened_stays_as_it_is,
               a_log_that_cannot_be_shortened_still_takes_orders,
               a_directory_that_is_missing_is_refused_with_its_name);
    return suite_run(suite);
}
