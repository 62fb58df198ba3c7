#include "failover/gate.h"

#include <assert.h>

static const char *const reason_words[] = {
    [GATE_NO_WORKER] = "no-worker",
    [GATE_UNPROVEN] = "unproven",
    [GATE_READY] = "ready",
    [GATE_THREAD_SILENT] = "thread-silent",
    [GATE_CONTROL_STALLED] = "control-stalled",
    [GATE_WORKER_DEAD] = "worker-dead",
    [GATE_STOPPING] = "stopping",
};

static uint64_t bit(size_t thread)
{
    assert(thread < GATE_THREADS_MAX);
    return (uint64_t)1 << thread;
}

static uint64_t all_threads(const struct gate *self)
{
    return UINT64_MAX >> (GATE_THREADS_MAX - self->thread_count);
}

static struct gate_round *round_of(struct gate *self, uint64_t nonce)
{
    return &self->rounds[nonce % GATE_ROUNDS_MAX];
}

/* Every change of the verdict goes through here. */
static void move(struct gate *self, enum gate_reason reason)
{
    if (self->is_fit && reason != GATE_READY)
        self->proven = 0;
    self->reason = reason;
    self->is_fit = reason == GATE_READY;
}

void gate_init(struct gate *self)
{
    assert(self != NULL);
    *self = (struct gate){.reason = GATE_NO_WORKER};
}

void gate_begin(struct gate *self, int64_t now_ms, size_t thread_count, uint64_t control_progress)
{
    assert(!self->has_life);
    assert(thread_count >= 1);
    assert(thread_count <= GATE_THREADS_MAX);
    /* Nonces go on, so that what was asked of one life is never taken for an answer of the next. */
    *self = (struct gate){
        .reason = GATE_UNPROVEN,
        .has_life = true,
        .was_heard = self->was_heard,
        .thread_count = thread_count,
        .judged_ms = now_ms,
        .ask_ms = now_ms,
        .control_ms = now_ms,
        .control_progress = control_progress,
        .nonce = self->nonce,
    };
}

void gate_end(struct gate *self, enum gate_reason reason)
{
    assert(self->has_life);
    assert(reason == GATE_WORKER_DEAD || reason == GATE_STOPPING);
    self->has_life = false;
    move(self, reason);
}

bool gate_answered(struct gate *self, size_t thread, uint64_t nonce)
{
    struct gate_round *round = round_of(self, nonce);
    bool is_awaited = self->has_life && thread < self->thread_count &&
                      self->nonce - nonce < GATE_ROUNDS_MAX && round->is_open;
    if (!is_awaited)
        return false;
    round->answered |= bit(thread);
    self->was_heard = true;
    self->proven |= bit(thread);
    self->silent &= ~bit(thread);
    self->failures[thread] = 0;
    return true;
}

/* The judge overslept, and so perhaps did the worker: what it has not done proves nothing. */
static void forgive(struct gate *self, int64_t now_ms)
{
    for (size_t i = 0; i < GATE_ROUNDS_MAX; i++)
        self->rounds[i].is_open = false;
    for (size_t thread = 0; thread < self->thread_count; thread++)
        self->failures[thread] = 0;
    self->control_ms = now_ms;
}

static void judge_thread(struct gate *self, const struct gate_round *round, size_t thread,
                         uint64_t answers)
{
    if ((round->answered & bit(thread)) != 0 || round->answers[thread] != answers) {
        self->failures[thread] = 0;
        self->silent &= ~bit(thread);
        return;
    }
    if ((round->unsent & bit(thread)) != 0 || !self->was_heard)
        return;
    if (self->failures[thread] < GATE_FAILURES)
        self->failures[thread]++;
    if (self->failures[thread] == GATE_FAILURES)
        self->silent |= bit(thread);
}

/* Rounds whose time is over, oldest first: failures count in a row. */
static void judge_rounds(struct gate *self, int64_t now_ms, const struct gate_reading *reading)
{
    for (uint64_t ago = GATE_ROUNDS_MAX; ago-- > 0;) {
        struct gate_round *round = round_of(self, self->nonce - ago);
        if (!round->is_open || now_ms - round->sent_ms < GATE_ANSWER_MS)
            continue;
        round->is_open = false;
        for (size_t thread = 0; thread < self->thread_count; thread++)
            judge_thread(self, round, thread, reading->answers[thread]);
    }
}

static void judge_control(struct gate *self, int64_t now_ms, uint64_t progress)
{
    if (progress != self->control_progress) {
        self->control_progress = progress;
        self->control_ms = now_ms;
        self->is_stalled = false;
    } else if (now_ms - self->control_ms >= GATE_CONTROL_MS) {
        self->is_stalled = true;
    }
}

static void conclude(struct gate *self)
{
    if (self->silent != 0) {
        self->thread = (size_t)__builtin_ctzll(self->silent);
        move(self, GATE_THREAD_SILENT);
    } else if (self->is_stalled) {
        move(self, GATE_CONTROL_STALLED);
    } else if (self->proven == all_threads(self)) {
        move(self, GATE_READY);
    }
}

static bool begin_round(struct gate *self, int64_t now_ms, const struct gate_reading *reading,
                        uint64_t *nonce)
{
    if (now_ms < self->ask_ms)
        return false;
    struct gate_round *round = round_of(self, ++self->nonce);
    assert(!round->is_open); /* it began two intervals ago or more, so it was judged */
    *round = (struct gate_round){.is_open = true, .sent_ms = now_ms};
    for (size_t thread = 0; thread < self->thread_count; thread++)
        round->answers[thread] = reading->answers[thread];
    self->ask_ms = now_ms + GATE_INTERVAL_MS;
    *nonce = self->nonce;
    return true;
}

bool gate_judge(struct gate *self, int64_t now_ms, const struct gate_reading *reading,
                uint64_t *nonce)
{
    assert(now_ms >= self->judged_ms);
    if (!self->has_life)
        return false;
    if (now_ms - self->judged_ms > GATE_LATE_MS)
        forgive(self, now_ms);
    self->judged_ms = now_ms;
    judge_rounds(self, now_ms, reading);
    judge_control(self, now_ms, reading->control_progress);
    conclude(self);
    return begin_round(self, now_ms, reading, nonce);
}

void gate_unsent(struct gate *self, size_t thread)
{
    round_of(self, self->nonce)->unsent |= bit(thread);
}

bool gate_is_hanging(const struct gate *self)
{
    return self->has_life && (self->silent != 0 || self->is_stalled);
}

uint64_t gate_stuck_threads(const struct gate *self)
{
    return self->is_stalled ? 0 : self->silent;
}

int64_t gate_deadline_ms(const struct gate *self)
{
    if (!self->has_life)
        return INT64_MAX;
    int64_t deadline_ms = self->ask_ms;
    for (size_t i = 0; i < GATE_ROUNDS_MAX; i++) {
        const struct gate_round *round = &self->rounds[i];
        if (round->is_open && round->sent_ms + GATE_ANSWER_MS < deadline_ms)
            deadline_ms = round->sent_ms + GATE_ANSWER_MS;
    }
    return deadline_ms;
}

const char *gate_reason_word(enum gate_reason reason)
{
    assert(reason <= GATE_STOPPING);
    return reason_words[reason];
}
