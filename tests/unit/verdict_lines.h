/* A pool of verdicts, and what changes in it as lines of text. */
#ifndef TANDEM_TESTS_UNIT_VERDICT_LINES_H
#define TANDEM_TESTS_UNIT_VERDICT_LINES_H

#include "health/verdict.h"

#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

enum { MEMBERS_MAX = 20, STALE_MS = 2000, WINDOW_MS = 5000 };

static struct verdict_pool pool;
static struct verdict_change changes[MEMBERS_MAX];
static char line[1024];
static alignas(16) uint8_t memory[16384];

/* A pool on the ports 1755 and 80, at 0 ms. */
static inline void begin(size_t count)
{
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct verdict_config config = {.stale_ms = STALE_MS,
                                    .freeze_window_ms = WINDOW_MS,
                                    .freeze_permille = 300,
                                    .port_count = 2,
                                    .ports = {1755, 80}};
    ck_assert(verdict_init(&pool, &config, count, 0, &arena));
}

/* What changed, as "2 up -> stale silent, 5 ...", and "; frozen" while the verdicts are. */
static inline const char *text(size_t count)
{
    size_t used = 0;
    line[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s%zu %s -> %s %s",
                             i == 0 ? "" : ", ", changes[i].member, verdict_text(changes[i].from),
                             verdict_text(changes[i].to), verdict_reason_text(changes[i].reason));
    if (pool.frozen)
        snprintf(line + used, sizeof line - used, "%sfrozen", used == 0 ? "" : "; ");
    return line;
}

static inline struct report report_of(bool first_listens, bool second_listens)
{
    return (struct report){.service_count = 2,
                           .services = {{.port = 1755, .listening = first_listens},
                                        {.port = 80, .listening = second_listens}}};
}

static inline const char *hear(int64_t now_ms, size_t member)
{
    struct report report = report_of(true, true);
    return text(verdict_report(&pool, now_ms, member, &report, now_ms, changes));
}

static inline const char *hear_deaf(int64_t now_ms, size_t member)
{
    struct report report = report_of(true, false);
    return text(verdict_report(&pool, now_ms, member, &report, now_ms, changes));
}

static inline const char *age(int64_t now_ms)
{
    return text(verdict_age(&pool, now_ms, 0, changes));
}

static inline const char *drain(int64_t now_ms, size_t member, bool draining)
{
    return text(verdict_drain(&pool, now_ms, member, draining, changes));
}

static inline const char *force(int64_t now_ms, size_t member, enum verdict_force forced)
{
    return text(verdict_force(&pool, now_ms, member, forced, changes));
}

static inline void hear_from(int64_t now_ms, size_t first, size_t last)
{
    for (size_t member = first; member <= last; member++)
        hear(now_ms, member);
}

static inline const char *verdicts(void)
{
    size_t used = 0;
    for (size_t i = 0; i < pool.count; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%s", i == 0 ? "" : " ",
                                 verdict_text(pool.members[i].verdict));
    return line;
}

#endif
