#include "failover/rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/suite.h"

/* Check runs each test in a process of its own: what it gives away is gone for it alone. What only
 * root has to give away is tested when root runs this; tests/system asserts all of it. */

enum { NOBODY = 65534 };

static char sentence[RIGHTS_SENTENCE_SIZE];

/* A line of a process's status as a number of that base: "CapEff", "Uid". */
static unsigned long long status_of(pid_t pid, const char *field, int base)
{
    char path[32], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    unsigned long long value = ~0ULL;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':')
            value = strtoull(line + strlen(field) + 1, NULL, base);
    fclose(file);
    return value;
}

static unsigned long long capabilities(const char *set)
{
    return status_of(getpid(), set, 16);
}

static bool is_root(void)
{
    return geteuid() == 0 && (capabilities("CapEff") & 1ULL << CAP_SETPCAP) != 0;
}

/* Root to a user without any capability; another stays who it is. */
static void become_nobody(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

START_TEST(who_is_not_root_stays_who_it_is)
{
    become_nobody();
    struct rights_user user;
    ck_assert_int_eq(rights_user(&user, sentence), 0);
    ck_assert(!user.is_root);
    ck_assert_uint_eq(user.uid, geteuid());
    ck_assert_int_eq(rights_guard(&user, false, sentence), 0);
    ck_assert_uint_eq(geteuid(), user.uid);
}
END_TEST

START_TEST(an_interface_without_the_right_to_change_it_is_refused)
{
    become_nobody();
    struct rights_user user;
    ck_assert_int_eq(rights_user(&user, sentence), 0);
    ck_assert_int_eq(rights_guard(&user, true, sentence), -EPERM);
    ck_assert_ptr_nonnull(strstr(sentence, "CAP_NET_ADMIN and CAP_NET_RAW"));
    ck_assert_ptr_nonnull(strstr(sentence, "deploy/tandem.service"));
}
END_TEST

START_TEST(root_becomes_the_user_with_four_capabilities_and_one_to_pass_on)
{
    if (!is_root())
        return;
    const struct rights_user user = {.uid = 4321, .gid = 4322, .is_root = true};
    ck_assert_int_eq(setgroups(1, &(gid_t){4323}), 0);
    ck_assert_int_eq(rights_guard(&user, true, sentence), 0);
    ck_assert_uint_eq(getuid(), 4321);
    ck_assert_uint_eq(getgid(), 4322);
    ck_assert_int_eq(getgroups(0, NULL), 0);
    const unsigned long long guardian =
        1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW | 1ULL << CAP_IPC_LOCK | 1ULL << CAP_SYS_NICE;
    const unsigned long long worker = 1ULL << CAP_NET_BIND_SERVICE;
    ck_assert_uint_eq(capabilities("CapEff"), guardian);
    ck_assert_uint_eq(capabilities("CapPrm"), guardian | worker);
    ck_assert_uint_eq(capabilities("CapInh"), worker);
    ck_assert_uint_eq(capabilities("CapAmb"), worker);
    ck_assert_uint_eq(capabilities("CapBnd"), 0);
    ck_assert_uint_eq(capabilities("NoNewPrivs"), 1);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
}
END_TEST

START_TEST(what_the_guardian_starts_has_the_one_capability)
{
    if (!is_root())
        return;
    const struct rights_user user = {.uid = 4321, .gid = 4322, .is_root = true};
    ck_assert_int_eq(rights_guard(&user, true, sentence), 0);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("sleep", "sleep", "60", NULL);
        _exit(1);
    }
    char name[16] = "";
    while (strcmp(name, "sleep\n") != 0) { /* until it is that program */
        char path[32];
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_ptr_nonnull(fgets(name, sizeof name, file));
        fclose(file);
    }
    ck_assert_uint_eq(status_of(pid, "CapPrm", 16), 1ULL << CAP_NET_BIND_SERVICE);
    ck_assert_uint_eq(status_of(pid, "CapEff", 16), 1ULL << CAP_NET_BIND_SERVICE);
    ck_assert_uint_eq(status_of(pid, "CapBnd", 16), 0);
    ck_assert_uint_eq(status_of(pid, "NoNewPrivs", 10), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_worker_ends_with_none_in_any_set)
{
    rights_serve();
    ck_assert_int_eq(rights_end(), 0);
    ck_assert_uint_eq(capabilities("CapPrm"), 0);
    ck_assert_uint_eq(capabilities("CapEff"), 0);
    ck_assert_uint_eq(capabilities("CapInh"), 0);
    ck_assert_uint_eq(capabilities("CapAmb"), 0);
    ck_assert_uint_eq(capabilities("NoNewPrivs"), 1);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
}
END_TEST

START_TEST(what_comes_first_passes_that_on_to_nobody)
{
    if (!is_root())
        return;
    ck_assert_int_eq(rights_come_first(), 0);
    struct sched_param priority;
    ck_assert_int_eq(sched_getscheduler(0), SCHED_FIFO | SCHED_RESET_ON_FORK);
    ck_assert_int_eq(sched_getparam(0, &priority), 0);
    ck_assert_int_eq(priority.sched_priority, RIGHTS_PRIORITY);
    pid_t pid = fork();
    if (pid == 0)
        _exit(sched_getscheduler(0) == SCHED_OTHER ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(what_is_not_allowed_is_said)
{
    become_nobody();
    ck_assert_int_eq(rights_come_first(), -EPERM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failover/rights");
    SUITE_CASE(suite, "guardian", who_is_not_root_stays_who_it_is,
               an_interface_without_the_right_to_change_it_is_refused,
               root_becomes_the_user_with_four_capabilities_and_one_to_pass_on,
               what_the_guardian_starts_has_the_one_capability);
    SUITE_CASE(suite, "worker", a_worker_ends_with_none_in_any_set);
    SUITE_CASE(suite, "priority", what_comes_first_passes_that_on_to_nobody,
               what_is_not_allowed_is_said);
    return suite_run(suite);
}
