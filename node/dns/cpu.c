#include "node/dns/cpu.h"

#include <assert.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As sched_setattr(2) has it; its header cannot stand beside the C library's. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns; /* of an ordinary thread: the length of its turns */
    uint64_t deadline_ns, period_ns;
};

void cpu_own(size_t position, size_t thread_count)
{
    assert(position < thread_count);
    cpu_set_t allowed, own;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 ||
        (size_t)CPU_COUNT(&allowed) < thread_count)
        return;
    CPU_ZERO(&own);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && position-- == 0) {
            CPU_SET(cpu, &own);
            (void)sched_setaffinity(0, sizeof own, &own);
            return;
        }
    }
}

void cpu_give_way(void)
{
    if (getpriority(PRIO_PROCESS, 0) < 0)
        (void)setpriority(PRIO_PROCESS, 0, 0); /* of this thread alone: setpriority(2), NOTES */
}

void cpu_short_turns(void)
{
    if (sched_getscheduler(0) != SCHED_OTHER)
        return; /* somebody gave it a priority of its own */
    struct attributes turns = {
        .size = sizeof turns,
        .policy = SCHED_OTHER,
        .nice = getpriority(PRIO_PROCESS, 0),
        .runtime_ns = CPU_TURN_NS,
    };
    (void)syscall(SYS_sched_setattr, 0, &turns, 0U);
}
