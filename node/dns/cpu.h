/* node/dns/cpu.h -- how a DNS thread shares the CPUs with what else the host does.
 *
 * Both are wishes: where the kernel does not grant one, the thread runs as any other. */
#ifndef TANDEM_NODE_DNS_CPU_H
#define TANDEM_NODE_DNS_CPU_H

#include <stddef.h>

/* Turns of the calling thread, in nanoseconds: the least that the kernel grants. */
enum { CPU_TURN_NS = 100 * 1000 };

/* The calling thread alone on the CPU at this position (0..thread_count - 1) of those that it may
 * use, when there are enough of them for all thread_count threads. */
void cpu_own(size_t position, size_t thread_count);

/* Short turns for the calling thread: a thread with short turns is let in before the turn of one
 * with longer ones is over (EEVDF, Linux 6.12 and later; earlier ones change nothing). It gets no
 * more of the CPU than its share. */
void cpu_short_turns(void);

/* The calling thread is an ordinary program's again, where the worker comes before others: for work
 * that may wait. */
void cpu_give_way(void);

#endif
