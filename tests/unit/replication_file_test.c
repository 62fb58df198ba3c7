#include "replication/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

static char folder[64], path[96], beside[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/tandem-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(beside, sizeof beside, "%s/beside", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(beside);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_whole(const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(file_write(fd, bytes, size), 0);
    close(fd);
}

static void assert_unreadable(const char *name, int flags, size_t size_max, int error)
{
    size_t size;
    errno = 0;
    ck_assert_ptr_null(file_read(name, flags, size_max, &size));
    ck_assert_int_eq(errno, error);
}

START_TEST(what_is_written_is_read_whole_and_ends_with_nul)
{
    size_t size = 0;
    make_folder();
    write_whole("a\0b", 3);
    char *bytes = file_read(path, O_NOFOLLOW, 3, &size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(bytes, "a\0b", 4);
    free(bytes);
    write_whole("", 0);
    bytes = file_read(path, 0, 0, &size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(size, 0);
    ck_assert_str_eq(bytes, "");
    free(bytes);
    remove_folder();
}
END_TEST

START_TEST(a_file_too_large_or_none_is_told_by_its_reason)
{
    make_folder();
    assert_unreadable(path, 0, 10, ENOENT);
    write_whole("12345", 5);
    assert_unreadable(path, 0, 4, EFBIG);
    assert_unreadable(folder, 0, 10, EINVAL);
    ck_assert_int_eq(mkfifo(beside, 0600), 0);
    assert_unreadable(beside, 0, 10, EINVAL); /* and its writer is not waited for */
    remove_folder();
}
END_TEST

START_TEST(a_link_is_followed_unless_it_may_not_be)
{
    size_t size;
    make_folder();
    write_whole("12345", 5);
    ck_assert_int_eq(symlink(path, beside), 0);
    char *bytes = file_read(beside, 0, 10, &size);
    ck_assert_ptr_nonnull(bytes);
    free(bytes);
    assert_unreadable(beside, O_NOFOLLOW, 10, ELOOP);
    remove_folder();
}
END_TEST

START_TEST(what_cannot_be_written_is_told)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(file_write(fd, "1", 1), -ENOSPC);
    close(fd);
    ck_assert_int_eq(file_write(fd, "1", 1), -EBADF);
}
END_TEST

START_TEST(what_is_set_aside_takes_the_first_free_name)
{
    char aside[128], expected[128];
    make_folder();
    for (int number = 1; number <= 2; number++) {
        write_whole("1", 1);
        ck_assert_int_eq(file_set_aside(path, aside, sizeof aside), 0);
        snprintf(expected, sizeof expected, "%s.damaged-%d", path, number);
        ck_assert_str_eq(aside, expected);
        ck_assert_int_eq(access(expected, F_OK), 0);
    }
    ck_assert_int_eq(file_set_aside(path, aside, sizeof aside), -ENOENT);
    ck_assert_int_eq(file_set_aside(path, aside, 10), -ENAMETOOLONG);
    unlink(expected);
    snprintf(aside, sizeof aside, "%s.damaged-1", path);
    unlink(aside);
    ck_assert_int_eq(file_sync_folder(folder), 0);
    ck_assert_int_eq(file_sync_folder(path), -ENOENT);
    remove_folder();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/file");
    SUITE_CASE(suite, "file", what_is_written_is_read_whole_and_ends_with_nul,
               a_file_too_large_or_none_is_told_by_its_reason,
               a_link_is_followed_unless_it_may_not_be, what_cannot_be_written_is_told,
               what_is_set_aside_takes_the_first_free_name);
    return suite_run(suite);
}
