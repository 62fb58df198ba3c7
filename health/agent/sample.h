/* health/agent/sample.h -- the text of /proc files to numbers.
 *
 * Pure: the shell reads /proc/stat, /proc/meminfo, /proc/diskstats and /proc/net/dev into memory;
 * here they become counters, and two sets of counters with the time between them become figures.
 * Text is the kernel's but is bounded and checked all the same: a line of an unknown shape is
 * skipped. */
#ifndef TANDEM_HEALTH_AGENT_SAMPLE_H
#define TANDEM_HEALTH_AGENT_SAMPLE_H

#include "health/report.h"

struct sample {
    int64_t at_ms;
    uint64_t cpu_busy, cpu_total; /* ticks since boot, all cores */
    uint64_t memory_total_kb, memory_available_kb;
    uint64_t disk_busy_ms;               /* of the busiest whole disk */
    uint64_t received_bytes, sent_bytes; /* all interfaces but lo */
};

struct sample_texts {
    const char *stat, *meminfo, *diskstats, *net_dev; /* NUL-terminated; "" when unreadable */
};

void sample_read(struct sample *self, int64_t at_ms, const struct sample_texts *texts);

/* Fill the figures of *report that sample knows from an earlier and a later sample; rates need
 * later->at_ms > earlier->at_ms and are 0 otherwise, also when a counter ran backwards. */
void sample_figures(const struct sample *earlier, const struct sample *later,
                    struct report *report);

#endif
