#include "node/dns/cpu.h"

#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit/suite.h"

/* As sched_getattr(2) tells it. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

static struct attributes attributes(void)
{
    struct attributes is = {.size = sizeof is};
    ck_assert_int_eq(syscall(SYS_sched_getattr, 0, &is, sizeof is, 0U), 0);
    return is;
}

START_TEST(a_thread_gets_the_cpu_at_its_position)
{
    cpu_set_t allowed, own;
    ck_assert_int_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    size_t count = (size_t)CPU_COUNT(&allowed);
    cpu_own(count - 1, count);
    ck_assert_int_eq(sched_getaffinity(0, sizeof own, &own), 0);
    ck_assert_int_eq(CPU_COUNT(&own), 1);
    size_t last = 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            last = cpu;
    ck_assert_int_ne(CPU_ISSET(last, &own), 0);
}
END_TEST

START_TEST(where_threads_outnumber_cpus_all_are_left_to_the_scheduler)
{
    cpu_set_t allowed, still;
    ck_assert_int_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    cpu_own(0, (size_t)CPU_COUNT(&allowed) + 1);
    ck_assert_int_eq(sched_getaffinity(0, sizeof still, &still), 0);
    ck_assert_int_ne(CPU_EQUAL(&allowed, &still), 0);
}
END_TEST

START_TEST(turns_are_short_and_niceness_is_kept)
{
    ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, 3), 0);
    uint64_t before_ns = attributes().runtime_ns;
    cpu_short_turns();
    struct attributes is = attributes();
    ck_assert_uint_eq(is.policy, SCHED_OTHER);
    ck_assert_int_eq(is.nice, 3);
    if (before_ns != 0) /* this kernel has turns */
        ck_assert_uint_eq(is.runtime_ns, CPU_TURN_NS);
}
END_TEST

START_TEST(a_policy_that_somebody_chose_is_kept)
{
    struct sched_param none = {0};
    ck_assert_int_eq(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    cpu_short_turns();
    ck_assert_int_eq(sched_getscheduler(0), SCHED_BATCH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node/dns/cpu");
    SUITE_CASE(suite, "own", a_thread_gets_the_cpu_at_its_position,
               where_threads_outnumber_cpus_all_are_left_to_the_scheduler);
    SUITE_CASE(suite, "turns", turns_are_short_and_niceness_is_kept,
               a_policy_that_somebody_chose_is_kept);
    return suite_run(suite);
}
