#include "node/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

static char directory[] = "/tmp/tandem-audit-XXXXXX";
static char line[AUDIT_LINE_MAX];

static const int64_t noon_ms = 1764244800123; /* 2025-11-27T12:00:00.123Z */

static struct transition deed_of(const char *subject)
{
    struct transition deed = {.number = 1, .area = "order", .to = "drain", .author = "root@ns1"};
    snprintf(deed.subject, sizeof deed.subject, "%s", subject);
    return deed;
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void make_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
    unlink(path_of("audit"));
    unlink(path_of("audit.1"));
    ck_assert_int_eq(rmdir(directory), 0);
}

static int append(int64_t wall_ms, const char *node)
{
    struct transition deed = deed_of("media1");
    audit_line(line, wall_ms, node, &deed);
    return audit_append(directory, line);
}

START_TEST(a_line_says_who_had_which_node_do_what)
{
    struct transition deed = deed_of("media1");
    audit_line(line, noon_ms, "ns1", &deed);
    ck_assert_str_eq(line, "{\"at\":\"2025-11-27T12:00:00.123Z\",\"node\":\"ns1\","
                           "\"who\":\"root@ns1\",\"what\":\"drain\",\"subject\":\"media1\"}\n");
    strcpy(deed.note, "a \"disk\"");
    audit_line(line, noon_ms, "ns1", &deed);
    ck_assert_ptr_nonnull(strstr(line, ",\"because\":\"a \\\"disk\\\"\"}\n"));
}
END_TEST

START_TEST(the_longest_line_fits)
{
    struct transition deed = {.number = 1};
    memset(deed.to, 't', TRANSITION_WORD_MAX);
    memset(deed.subject, 's', TRANSITION_SUBJECT_MAX);
    memset(deed.author, 'a', TRANSITION_AUTHOR_MAX);
    memset(deed.note, '"', TRANSITION_NOTE_MAX); /* each of them as two */
    audit_line(line, noon_ms, "ns1", &deed);
    ck_assert_str_eq(line + strlen(line) - 2, "}\n");
}
END_TEST

START_TEST(lines_are_appended_and_nobody_else_may_read_them)
{
    struct stat status;
    make_directory();
    ck_assert_int_eq(append(noon_ms, "ns1"), 0);
    size_t size = strlen(line);
    ck_assert_int_eq(append(noon_ms + 5, "ns2"), 0);
    ck_assert_int_eq(stat(path_of("audit"), &status), 0);
    ck_assert_int_eq(status.st_size, (off_t)(2 * size));
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(audit_last_ms(directory, "ns1"), noon_ms);
    ck_assert_int_eq(audit_last_ms(directory, "ns2"), noon_ms + 5);
    ck_assert_int_eq(audit_last_ms(directory, "ns3"), 0);
    remove_directory();
}
END_TEST

START_TEST(a_full_file_makes_room_for_the_next_and_is_kept)
{
    struct stat status;
    make_directory();
    ck_assert_int_eq(append(noon_ms, "ns1"), 0);
    ck_assert_int_eq(truncate(path_of("audit"), AUDIT_SIZE_MAX), 0);
    ck_assert_int_eq(append(noon_ms + 9, "ns2"), 0);
    ck_assert_int_eq(stat(path_of("audit.1"), &status), 0);
    ck_assert_int_eq(status.st_size, AUDIT_SIZE_MAX);
    ck_assert_int_eq(stat(path_of("audit"), &status), 0);
    ck_assert_int_lt(status.st_size, AUDIT_LINE_MAX);
    ck_assert_int_eq(audit_last_ms(directory, "ns2"), noon_ms + 9);
    remove_directory();
}
END_TEST

START_TEST(what_is_no_line_is_skipped)
{
    make_directory();
    ck_assert_int_eq(append(noon_ms, "ns1"), 0);
    int fd = open(path_of("audit"), O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "{\"at\":7}\nrubbish\n{\"at\":\"2025", 29), 29);
    close(fd);
    ck_assert_int_eq(audit_last_ms(directory, "ns1"), noon_ms);
    remove_directory();
}
END_TEST

START_TEST(without_a_folder_there_is_no_audit)
{
    ck_assert_int_eq(audit_last_ms("/tmp/tandem-no-such-directory", "ns1"), 0);
    ck_assert_int_eq(audit_append("/tmp/tandem-no-such-directory", "{}\n"), -ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/audit");
    SUITE_CASE(suite, "line", a_line_says_who_had_which_node_do_what, the_longest_line_fits);
    SUITE_CASE(suite, "file", lines_are_appended_and_nobody_else_may_read_them,
               a_full_file_makes_room_for_the_next_and_is_kept, what_is_no_line_is_skipped,
               without_a_folder_there_is_no_audit);
    return suite_run(suite);
}
