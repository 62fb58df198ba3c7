#include <assert.h>

#include "sim/takeover/takeover.h"

enum { PACKETS_SPARE = 256 }; /* more than any instant takes */

/* ---- packets on their way: a heap by arrival, and for those due at once by their order ---- */

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

void clock_push(struct takeover *self, int64_t due_us, uint16_t packet)
{
    assert(self->heap_count < PACKETS_MAX);
    struct timer timer = {.due_us = due_us, .order = self->order++, .packet = packet};
    size_t at = self->heap_count++;
    for (; at > 0 && is_before(&timer, &self->heap[(at - 1) / 2]); at = (at - 1) / 2)
        self->heap[at] = self->heap[(at - 1) / 2];
    self->heap[at] = timer;
}

uint16_t clock_pop(struct takeover *self)
{
    assert(self->heap_count > 0);
    uint16_t packet = self->heap[0].packet;
    struct timer last = self->heap[--self->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->heap_count; at = child) {
        if (child + 1 < self->heap_count && is_before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!is_before(&self->heap[child], &last))
            break;
        self->heap[at] = self->heap[child];
    }
    self->heap[at] = last;
    return packet;
}

/* ---- what comes next ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t host_due_us(const struct host *host)
{
    return host->process == PROCESS_DEAD ? host->restart_us : host->wake_us;
}

static int64_t next_us(const struct takeover *self)
{
    int64_t due_us = sooner(host_due_us(&self->hosts[0]), host_due_us(&self->hosts[1]));
    if (self->heap_count > 0)
        due_us = sooner(due_us, self->heap[0].due_us);
    due_us = sooner(due_us, sooner(self->ask_us, self->tick_us));
    return sooner(due_us, sooner(self->next_fault_us, self->check_us));
}

static void step_host(struct takeover *self, struct host *host)
{
    if (host_due_us(host) > self->now_us)
        return;
    if (host->process == PROCESS_DEAD) {
        host_start(self, host);
        return;
    }
    if (host->process == PROCESS_SLEEPS) {
        takeover_trace(self, "ns%d wakes", host->self + 1);
        self->changed_us = host->woke_us = self->now_us;
    }
    host->process = PROCESS_RUNS;
    host->is_frozen = false;
    host_turn(self, host);
}

/* Ten milliseconds of what has no clock of its own. */
static void tick(struct takeover *self)
{
    self->tick_us = self->now_us + 10 * MS;
    worker_tick(self);
    kernel_dial(self);
}

bool clock_run(struct takeover *self, int64_t until_us)
{
    while (self->failure[0] == '\0') {
        int64_t due_us = next_us(self);
        if (due_us >= until_us)
            break;
        assert(due_us >= self->now_us);
        self->now_us = due_us;
        if (self->free_count < PACKETS_SPARE) {
            takeover_broken(self, ORACLE_BOUNDS, "%d packets are on their way", self->heap_count);
            break;
        }
        while (self->heap_count > 0 && self->heap[0].due_us <= due_us)
            kernel_arrives(self, clock_pop(self));
        if (due_us >= self->next_fault_us)
            fault_step(self);
        step_host(self, &self->hosts[0]);
        step_host(self, &self->hosts[1]);
        if (due_us >= self->tick_us)
            tick(self);
        if (due_us >= self->ask_us)
            client_ask(self);
        if (due_us >= self->check_us)
            oracle_check(self);
    }
    self->now_us = until_us;
    return self->failure[0] == '\0';
}
