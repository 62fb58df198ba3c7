#include "replication/key.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

#define SECRET "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

static char folder[64], path[96], secret[KEY_SIZE], error[KEY_ERROR_MAX];

static void make_folder(void)
{
    strcpy(folder, "/tmp/tandem-key-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ns1.key", folder);
    strcpy(secret, "left from before");
    strcpy(error, "");
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_file(const char *bytes, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void assert_refused(int code, const char *sentence)
{
    ck_assert_int_eq(key_read(path, secret, error), code);
    ck_assert_msg(strstr(error, sentence) != NULL, "\"%s\" lacks \"%s\"", error, sentence);
    ck_assert_ptr_nonnull(strstr(error, path));
    ck_assert_str_eq(secret, "");
}

START_TEST(a_key_that_was_written_is_read_again)
{
    make_folder();
    ck_assert_int_eq(key_write(path, SECRET, error), 0);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_eq(status.st_size, KEY_SIZE);
    ck_assert_int_eq(key_read(path, secret, error), 0);
    ck_assert_str_eq(secret, SECRET);
    remove_folder();
}
END_TEST

START_TEST(the_end_of_the_line_may_be_missing)
{
    make_folder();
    write_file(SECRET, strlen(SECRET), 0400);
    ck_assert_int_eq(key_read(path, secret, error), 0);
    ck_assert_str_eq(secret, SECRET);
    remove_folder();
}
END_TEST

START_TEST(a_missing_file_is_refused_with_the_command_that_makes_it)
{
    make_folder();
    char command[160];
    snprintf(command, sizeof command, "tandemctl keygen %s", path);
    assert_refused(-ENOENT, command);
    remove_folder();
}
END_TEST

START_TEST(a_file_open_to_others_is_refused_with_the_command_that_closes_it)
{
    make_folder();
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(SECRET "\n", KEY_SIZE, modes[i]);
        char mode[16];
        snprintf(mode, sizeof mode, "(mode %04o)", modes[i]);
        assert_refused(-EPERM, mode);
        ck_assert_ptr_nonnull(strstr(error, "run chmod 600 "));
    }
    remove_folder();
}
END_TEST

START_TEST(a_file_of_another_user_is_refused)
{
    make_folder();
    write_file(SECRET "\n", KEY_SIZE, 0600);
    if (geteuid() == 0) { /* only root can make such a file */
        ck_assert_int_eq(chown(path, 4321, 4321), 0);
        assert_refused(-EPERM, "belongs to user 4321");
    }
    remove_folder();
}
END_TEST

START_TEST(a_key_of_the_user_to_be_is_read_before_becoming_that_user)
{
    make_folder();
    write_file(SECRET "\n", KEY_SIZE, 0600);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(path, 4321, 4321), 0);
        ck_assert_int_eq(key_read_for(path, 4321, secret, error), 0);
        ck_assert_str_eq(secret, SECRET);
        ck_assert_int_eq(chown(path, 4322, 4322), 0);
    }
    ck_assert_int_eq(key_read_for(path, 4321, secret, error), -EPERM);
    ck_assert_ptr_nonnull(strstr(error, "run chown 4321 "));
    ck_assert_str_eq(secret, "");
    remove_folder();
}
END_TEST

START_TEST(who_hides_leaves_no_core)
{
    struct rlimit limit;
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
    key_hide();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 0);
    ck_assert_uint_eq(limit.rlim_max, 0);
}
END_TEST

START_TEST(anything_but_a_regular_file_is_refused)
{
    make_folder();
    ck_assert_int_eq(symlink("/dev/null", path), 0);
    assert_refused(-EINVAL, "is a symbolic link");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_refused(-EINVAL, "is not a regular file");
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_refused(-EINVAL, "is not a regular file");
    rmdir(path);
    remove_folder();
}
END_TEST

START_TEST(wrong_content_is_refused_and_not_shown)
{
    make_folder();
    static const char *const contents[] = {
        "",
        "\n",
        "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh\n",   /* 39 */
        SECRET "6\n",                                  /* 41 */
        SECRET "\n\n",                                 /* a second line */
        SECRET "\r",                                   /* a foreign end of line */
        "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh \n",  /* no Z85 */
        "\"TKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\n", /* no Z85 */
    };
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        write_file(contents[i], strlen(contents[i]), 0600);
        assert_refused(-EINVAL, "must be one line of 40 Z85 characters");
        ck_assert_ptr_null(strstr(error, "TKVSB"));
    }
    write_file("JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh\0\n", KEY_SIZE, 0600);
    assert_refused(-EINVAL, "must be one line of 40 Z85 characters");
    remove_folder();
}
END_TEST

START_TEST(a_key_file_is_never_overwritten)
{
    make_folder();
    write_file("precious", 8, 0600);
    ck_assert_int_eq(key_write(path, SECRET, error), -EEXIST);
    ck_assert_ptr_nonnull(strstr(error, "is not overwritten"));
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 8);
    unlink(path);
    ck_assert_int_eq(symlink("nowhere", path), 0);
    ck_assert_int_eq(key_write(path, SECRET, error), -EEXIST);
    remove_folder();
}
END_TEST

START_TEST(a_key_that_does_not_fit_on_the_disk_leaves_nothing_behind)
{
    make_folder();
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 20, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(key_write(path, SECRET, error), -EFBIG);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_ptr_null(strstr(error, SECRET));
    remove_folder();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/key");
    SUITE_CASE(suite, "read", a_key_that_was_written_is_read_again,
               the_end_of_the_line_may_be_missing,
               a_missing_file_is_refused_with_the_command_that_makes_it,
               a_file_open_to_others_is_refused_with_the_command_that_closes_it,
               a_file_of_another_user_is_refused,
               a_key_of_the_user_to_be_is_read_before_becoming_that_user, who_hides_leaves_no_core,
               anything_but_a_regular_file_is_refused, wrong_content_is_refused_and_not_shown);
    SUITE_CASE(suite, "write", a_key_file_is_never_overwritten,
               a_key_that_does_not_fit_on_the_disk_leaves_nothing_behind);
    return suite_run(suite);
}
