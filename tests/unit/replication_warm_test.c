#include "replication/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

static const struct warm_time noon = {.boot = "0123456789abcde", .boot_ms = 50000, .wall_ms = 9000};

static uint8_t bytes[4096];
static size_t size;
static char directory[64], sentence[WARM_SENTENCE_MAX];
static struct record taken[8];
static size_t taken_count;

static struct record report_of(const char *name, uint32_t age_ms)
{
    struct record record = {.key.kind = RECORD_REPORT,
                            .version = {UINT64_MAX, 7},
                            .age_ms = age_ms,
                            .value_size = 3,
                            .value = {0x81, 1, 2}};
    snprintf(record.key.name, sizeof record.key.name, "%s", name);
    return record;
}

/* Two reports, half a second old and of the greatest age. */
static void write_two(void)
{
    struct warm_writer writer;
    warm_begin(&writer, &noon, bytes, sizeof bytes);
    struct record young = report_of("media1", 500), old = report_of("m", RECORD_AGE_MS_MAX);
    ck_assert(warm_add(&writer, &young));
    ck_assert(warm_add(&writer, &old));
    size = warm_end(&writer);
    warm_seal(bytes, size);
}

static void take(void *context, const struct record *record)
{
    ck_assert_ptr_null(context);
    ck_assert_uint_lt(taken_count, 8);
    taken[taken_count++] = *record;
}

/* So many ms after noon, in the same life of the kernel or another. */
static size_t load_after(int64_t passed_ms, bool is_same_boot)
{
    struct warm_time now = noon;
    now.boot_ms = is_same_boot ? noon.boot_ms + passed_ms : 10;
    now.wall_ms = is_same_boot ? 0 : noon.wall_ms + passed_ms;
    now.boot[0] = is_same_boot ? now.boot[0] : 'x';
    taken_count = 0;
    return warm_load(directory, &now, take, NULL, sentence);
}

static void make_directory(void)
{
    strcpy(directory, "/tmp/tandem-warm-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void remove_directory(void)
{
    unlink(path_of("warm"));
    unlink(path_of("warm.damaged"));
    ck_assert_int_eq(rmdir(directory), 0);
}

/* ---- bytes ---- */

START_TEST(what_is_written_is_read)
{
    struct warm_reader reader;
    struct record record, young = report_of("media1", 500);
    write_two();
    ck_assert(warm_open(&reader, bytes, size));
    ck_assert(warm_next(&reader, &record));
    ck_assert(record_key_equal(&record.key, &young.key));
    ck_assert_int_eq(record_compare(record.version, young.version), 0);
    ck_assert_uint_eq(record.age_ms, 500);
    ck_assert_uint_eq(record.value_size, young.value_size);
    ck_assert_mem_eq(record.value, young.value, young.value_size);
    ck_assert(warm_next(&reader, &record));
    ck_assert_str_eq(record.key.name, "m");
    ck_assert_uint_eq(record.age_ms, RECORD_AGE_MS_MAX);
    ck_assert(!warm_next(&reader, &record));
    ck_assert_uint_eq(reader.left, 0);
    ck_assert_mem_eq(&reader.written, &noon, sizeof noon);
}
END_TEST

START_TEST(no_byte_can_be_changed_and_none_be_missing)
{
    struct warm_reader reader;
    write_two();
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        ck_assert(!warm_open(&reader, bytes, size));
        bytes[i] ^= 1;
        ck_assert(!warm_open(&reader, bytes, i));
    }
    ck_assert(warm_open(&reader, bytes, size));
}
END_TEST

START_TEST(what_does_not_fit_is_not_added)
{
    struct warm_writer writer;
    struct record record = report_of("media1", 0);
    size_t needed = WARM_FRAME_SIZE + 24 + strlen("media1") + record.value_size;
    warm_begin(&writer, &noon, bytes, needed - 1);
    ck_assert(!warm_add(&writer, &record));
    ck_assert_uint_eq(warm_end(&writer), WARM_FRAME_SIZE);
    warm_begin(&writer, &noon, bytes, needed);
    ck_assert(warm_add(&writer, &record));
    ck_assert_uint_eq(warm_end(&writer), needed);
}
END_TEST

/* A sum is no proof of sense: another version of the program may have written it. */
START_TEST(reading_ends_at_what_is_no_record)
{
    static const struct {
        size_t at;
        uint8_t value;
    } table[] = {{0, 0}, {0, 99}, {1, 0}, {1, 255}, {3, 2}, {7, 255}, {24, ' '}};
    struct warm_reader reader;
    struct record record;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        write_two();
        bytes[56 + table[i].at] = table[i].value;
        warm_seal(bytes, size);
        ck_assert(warm_open(&reader, bytes, size));
        ck_assert(!warm_next(&reader, &record));
        ck_assert_uint_eq(reader.left, 2);
    }
}
END_TEST

/* ---- time ---- */

/* {0, 0} is "nothing known", which no table takes. */
START_TEST(reading_ends_at_a_record_without_a_version)
{
    struct warm_reader reader;
    struct record record;
    write_two();
    memset(bytes + 56 + 8, 0, 16);
    warm_seal(bytes, size);
    ck_assert(warm_open(&reader, bytes, size));
    ck_assert(!warm_next(&reader, &record));
    ck_assert_uint_eq(reader.left, 2);
}
END_TEST

START_TEST(within_one_boot_the_kernel_says_how_long_ago_it_was_else_the_wall_clocks)
{
    struct warm_time later = noon;
    later.boot_ms += 70;
    later.wall_ms = 1; /* it was set back meanwhile */
    ck_assert_uint_eq(warm_away_ms(&noon, &later), 70);
    later.boot[3] = 'x';
    ck_assert_uint_eq(warm_away_ms(&noon, &later), RECORD_AGE_MS_MAX);
    later.wall_ms = noon.wall_ms + 90;
    ck_assert_uint_eq(warm_away_ms(&noon, &later), 90);
    later.wall_ms = noon.wall_ms + RECORD_AGE_MS_MAX + 1;
    ck_assert_uint_eq(warm_away_ms(&noon, &later), RECORD_AGE_MS_MAX);
}
END_TEST

START_TEST(without_a_boot_id_the_wall_clocks_say_it)
{
    struct warm_time then = {.boot_ms = 5, .wall_ms = 100}, now = {.boot_ms = 6, .wall_ms = 300};
    ck_assert_uint_eq(warm_away_ms(&then, &now), 200);
}
END_TEST

START_TEST(this_machine_has_a_boot_id_and_its_time_goes_on)
{
    struct warm_time first, second;
    const uint8_t none[sizeof first.boot] = {0};
    warm_boot(&first);
    warm_now(&first);
    ck_assert_mem_ne(first.boot, none, sizeof none);
    second = first;
    usleep(20000);
    warm_now(&second);
    ck_assert_uint_ge(warm_away_ms(&first, &second), 10);
    ck_assert_uint_lt(warm_away_ms(&first, &second), 20000);
}
END_TEST

/* ---- the file ---- */

START_TEST(a_later_life_reads_each_report_as_old_as_it_is_then)
{
    make_directory();
    write_two();
    ck_assert_int_eq(warm_save(directory, bytes, size), 0);
    struct stat status;
    ck_assert_int_eq(stat(path_of("warm"), &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    ck_assert_uint_eq(load_after(3000, true), 2);
    ck_assert_str_eq(sentence, "");
    ck_assert_uint_eq(taken[0].age_ms, 3500);
    ck_assert_uint_eq(taken[1].age_ms, RECORD_AGE_MS_MAX);
    ck_assert_uint_eq(load_after(4000, false), 2);
    ck_assert_uint_eq(taken[0].age_ms, 4500);
    ck_assert_int_eq(access(path_of("warm.new"), F_OK), -1);
    remove_directory();
}
END_TEST

START_TEST(no_file_is_nothing_amiss)
{
    make_directory();
    ck_assert_uint_eq(load_after(0, true), 0);
    ck_assert_str_eq(sentence, "");
    remove_directory();
}
END_TEST

START_TEST(of_a_damaged_file_nothing_is_taken_and_it_is_set_aside)
{
    make_directory();
    write_two();
    bytes[60]++;
    ck_assert_int_eq(warm_save(directory, bytes, size), 0);
    ck_assert_uint_eq(load_after(0, true), 0);
    ck_assert_uint_eq(taken_count, 0);
    ck_assert_ptr_nonnull(strstr(sentence, "/warm is damaged, it is now warm.damaged"));
    ck_assert_int_eq(access(path_of("warm"), F_OK), -1);
    ck_assert_int_eq(access(path_of("warm.damaged"), F_OK), 0);
    remove_directory();
}
END_TEST

START_TEST(a_file_too_large_is_not_read)
{
    make_directory();
    int fd = open(path_of("warm"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(fd, WARM_FILE_SIZE_MAX + 1L), 0);
    close(fd);
    ck_assert_uint_eq(load_after(0, true), 0);
    ck_assert_ptr_nonnull(strstr(sentence, "damaged"));
    remove_directory();
}
END_TEST

START_TEST(where_nothing_can_be_written_the_file_is_as_before)
{
    make_directory();
    write_two();
    ck_assert_int_eq(warm_save(directory, bytes, size), 0);
    ck_assert_int_eq(mkdir(path_of("warm.new"), 0700), 0);
    ck_assert_int_eq(warm_save(directory, bytes, WARM_FRAME_SIZE), -EISDIR);
    ck_assert_uint_eq(load_after(0, true), 2);
    ck_assert_int_eq(rmdir(path_of("warm.new")), 0);
    remove_directory();
    ck_assert_int_eq(warm_save("/tmp/tandem-no-such-directory", bytes, size), -ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/warm");
    SUITE_CASE(suite, "bytes", what_is_written_is_read, no_byte_can_be_changed_and_none_be_missing,
               what_does_not_fit_is_not_added, reading_ends_at_what_is_no_record,
               reading_ends_at_a_record_without_a_version);
    SUITE_CASE(
        suite, "time", within_one_boot_the_kernel_says_how_long_ago_it_was_else_the_wall_clocks,
        without_a_boot_id_the_wall_clocks_say_it, this_machine_has_a_boot_id_and_its_time_goes_on);
    SUITE_CASE(suite, "file", a_later_life_reads_each_report_as_old_as_it_is_then,
               no_file_is_nothing_amiss, of_a_damaged_file_nothing_is_taken_and_it_is_set_aside,
               a_file_too_large_is_not_read, where_nothing_can_be_written_the_file_is_as_before);
    return suite_run(suite);
}
