#include "failover/guardian_gate.h"

#include <errno.h>

#include "failover/guardian_log.h"

enum {
    ANSWERS_MAX = 4 * GATE_THREADS_MAX /* taken in at once: a flood delays no refresh */
};

_Static_assert((int)GATE_THREADS_MAX == (int)PAGE_THREADS_MAX, "the gate reads the whole page");

/* The page is the worker's to write: whatever it says, 1 to GATE_THREADS_MAX. */
static size_t thread_count(const struct page *page)
{
    uint32_t count = atomic_load(&page->thread_count);
    if (count < 1)
        return 1;
    return count < GATE_THREADS_MAX ? count : GATE_THREADS_MAX;
}

static void follow_worker(struct guardian *self, int64_t now_ms)
{
    enum supervise_worker worker = self->supervise.worker;
    bool is_told = worker == SUPERVISE_STOPPING || worker == SUPERVISE_REPLACING;
    if (self->gate.has_life && worker != SUPERVISE_ALIVE)
        gate_end(&self->gate, is_told ? GATE_STOPPING : GATE_WORKER_DEAD);
    else if (!self->gate.has_life && worker == SUPERVISE_ALIVE)
        gate_begin(&self->gate, now_ms, thread_count(self->worker.page),
                   atomic_load(&self->worker.page->control_progress));
}

static void take_answers(struct guardian *self)
{
    for (int i = 0; i < ANSWERS_MAX; i++) {
        struct probe_answer answer;
        int received = probe_receive(&self->probe, self->worker.boot, &answer);
        if (received == 1)
            gate_answered(&self->gate, answer.thread, answer.nonce);
        else if (received != -EBADMSG)
            return;
    }
}

static void ask_all(struct guardian *self, uint64_t nonce)
{
    for (uint32_t thread = 0; thread < self->gate.thread_count; thread++) {
        uint32_t port = atomic_load(&self->worker.page->threads[thread].probe_port);
        if (probe_send(&self->probe, self->worker.boot, thread, port, nonce) < 0)
            gate_unsent(&self->gate, thread);
    }
}

static void judge(struct guardian *self, int64_t now_ms)
{
    struct gate_reading reading;
    const struct page *page = self->worker.page;
    uint64_t nonce;
    take_answers(self);
    reading.control_progress = atomic_load(&page->control_progress);
    for (size_t thread = 0; thread < self->gate.thread_count; thread++)
        reading.answers[thread] = atomic_load(&page->threads[thread].answers);
    if (gate_judge(&self->gate, now_ms, &reading, &nonce))
        ask_all(self, nonce);
}

void guardian_step_gate(struct guardian *self, int64_t now_ms)
{
    bool was_fit = self->gate.is_fit;
    enum gate_reason was = self->gate.reason;
    follow_worker(self, now_ms);
    if (gate_deadline_ms(&self->gate) <= now_ms)
        judge(self, now_ms);
    if (self->gate.reason != was)
        guardian_note_gate(self, now_ms, was_fit);
}

void guardian_watch_queues(struct guardian *self, int64_t now_us)
{
    const struct page *page = self->worker.page;
    uint8_t homes = self->partner.emptying;
    if (homes == 0 || page == NULL)
        return;
    bool is_new = self->partner.empties_anew, are_empty = true;
    self->partner.empties_anew = false;
    for (size_t i = 0; i < self->gate.thread_count; i++) {
        uint64_t empties = atomic_load(&page->threads[i].empties);
        if (is_new)
            self->empties[i] = empties;
        are_empty &= empties != self->empties[i];
    }
    if (is_new || !are_empty)
        return;
    self->partner.emptying = 0;
    for (uint8_t home = 0; home < PAIR_NODES; home++)
        if ((homes & 1U << home) != 0)
            partner_tell(&self->partner, now_us,
                         &(struct pair_event){.kind = PAIR_EVENT_QUEUE_EMPTY, .home = home});
}
