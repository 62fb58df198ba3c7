/* health/agent/sample.h -- the text of /proc files to numbers.
 *
 * Pure: the shell reads /proc/stat, /proc/meminfo, /proc/diskstats and /proc/net/dev into memory;
 * here they become counters, and two sets of counters with the time between them become figures.
 * Text is the kernel's but is bounded and checked all the same: a line of an unknown shape is
 * skipped, and its counters are 0. */
#ifndef TANDEM_HEALTH_AGENT_SAMPLE_H
#define TANDEM_HEALTH_AGENT_SAMPLE_H

#include "health/report.h"

enum {
    SAMPLE_DISKS_MAX = 64,     /* the first so many block devices; further ones are not seen */
    SAMPLE_DISK_NAME_MAX = 31, /* as the kernel's own limit */
};

/* Partitions are among them: none is busier than its disk, so they do not change the maximum. */
struct sample_disk {
    char name[SAMPLE_DISK_NAME_MAX + 1];
    uint64_t busy_ms; /* with at least one request under way */
};

struct sample {
    int64_t at_ms;
    uint64_t cpu_busy, cpu_total; /* ticks since boot, all cores; waiting for a disk is not busy,
                                     time that a hypervisor took is */
    uint64_t memory_total_kb, memory_available_kb;
    size_t disk_count;
    struct sample_disk disks[SAMPLE_DISKS_MAX]; /* not loop, ram, zram, floppy and optical ones */
    uint64_t received_bytes, sent_bytes;        /* all interfaces but lo: what crosses a bridge or a
                                                   bond is counted on each */
};

struct sample_texts {
    const char *stat, *meminfo, *diskstats, *net_dev; /* NUL-terminated; "" when unreadable */
};

void sample_read(struct sample *self, int64_t at_ms, const struct sample_texts *texts);

/* Fill the figures of *report that samples know: memory as of the later one, the busiest disk, and
 * rates between the two. Rates need later->at_ms > earlier->at_ms and are 0 otherwise, also when a
 * counter ran backwards. */
void sample_figures(const struct sample *earlier, const struct sample *later,
                    struct report *report);

#endif
