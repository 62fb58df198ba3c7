#include "failover/guardian_log.h"

#include <assert.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failover/guardian_tell.h"

enum {
    GUARDIAN_LATENESS_US = 1000000, /* between lines about it */
    GUARDIAN_LINE_MAX = 512 /* bytes; below PIPE_BUF, so poll tells whether a write would wait */
};

/* ---- the log: whole lines to standard error, or none ---- */

void guardian_note(struct guardian *self, const char *format, ...)
{
    char line[GUARDIAN_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    size_t size = (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[size++] = '\n';
    struct pollfd error_stream = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&error_stream, 1, 0) != 1 || (error_stream.revents & POLLOUT) == 0 ||
        write(STDERR_FILENO, line, size) < 0) {
        self->lines_lost++;
        self->lines_dropped++;
        return;
    }
    if (self->lines_lost > 0) {
        unsigned lost = self->lines_lost;
        self->lines_lost = 0;
        guardian_note(self, "guardian log lost -> written reason=stderr-full lines=%u", lost);
    }
}

void guardian_note_worker(struct guardian *self, int64_t now_ms,
                          const struct supervise_action *action)
{
    char detail[96] = "";
    int length = 0;
    int status = self->worker_status;
    const int size = (int)sizeof detail;
    if (action->is != SUPERVISE_STARTING) /* it has no pid before it is spawned */
        length = snprintf(detail, sizeof detail, " pid=%d", self->worker_pid);
    if (action->reason == SUPERVISE_SIGNALLED)
        length +=
            snprintf(detail + length, (size_t)(size - length), " signal=%d", WTERMSIG(status));
    if (action->reason == SUPERVISE_EXITED || action->reason == SUPERVISE_CONFIGURATION ||
        action->reason == SUPERVISE_SYSTEM)
        length +=
            snprintf(detail + length, (size_t)(size - length), " status=%d", WEXITSTATUS(status));
    if (action->is == SUPERVISE_WAITING)
        snprintf(detail + length, (size_t)(size - length), " delay_ms=%lld",
                 (long long)(self->supervise.restart_at_ms - now_ms));
    guardian_note(self, "guardian worker %s -> %s reason=%s%s", supervise_worker_word(action->was),
                  supervise_worker_word(action->is), supervise_reason_word(action->reason), detail);
    guardian_keep(self, now_ms, CHANNEL_WORKER, supervise_worker_word(action->was),
                  supervise_worker_word(action->is), supervise_reason_word(action->reason));
}

void guardian_note_gate(struct guardian *self, int64_t now_ms, bool was_fit)
{
    const struct gate *gate = &self->gate;
    char thread[24] = "";
    if (gate->reason == GATE_THREAD_SILENT)
        snprintf(thread, sizeof thread, " thread=%zu", gate->thread);
    guardian_note(self, "guardian gate %s -> %s reason=%s%s pid=%d", was_fit ? "fit" : "unfit",
                  gate->is_fit ? "fit" : "unfit", gate_reason_word(gate->reason), thread,
                  self->worker_pid);
    guardian_keep(self, now_ms, CHANNEL_GATE, was_fit ? "fit" : "unfit",
                  gate->is_fit ? "fit" : "unfit", gate_reason_word(gate->reason));
}

void guardian_note_poison(struct guardian *self)
{
    const struct poison *poison = &self->worker.poison;
    assert(self->worker.notes_added <= poison->count);
    for (unsigned i = 0; i < self->worker.notes_added; i++) {
        char text[POISON_TEXT_SIZE];
        guardian_note(self,
                      "guardian query answered -> dropped reason=poison-query pid=%d query=%s",
                      self->worker_pid, poison_text(&poison->notes[i], text));
    }
}

/* What moved, and why: the line that an operator looks for after a night. */
void guardian_note_moves(struct guardian *self, int64_t now_ms)
{
    struct partner *partner = &self->partner;
    for (size_t i = 0; i < partner->note_count; i++) {
        const struct partner_note *moved = &partner->notes[i];
        const char *family = moved->family == 0   ? ""
                             : moved->family == 4 ? " family=IPv4"
                                                  : " family=IPv6";
        guardian_note(self, "guardian home %s -> %s reason=%s home=%s%s interface=%s", moved->was,
                      moved->is, moved->reason, self->settings.node_names[moved->home], family,
                      self->settings.interface);
        guardian_keep(self, now_ms, moved->home == 0 ? CHANNEL_HOME_0 : CHANNEL_HOME_1, moved->was,
                      moved->is, moved->reason);
    }
    partner->note_count = 0;
    if (partner->address_error == self->lease_error)
        return;
    if (partner->address_error != 0)
        guardian_note(self,
                      "guardian address held -> failed reason=lease-failed interface=%s error=%s",
                      self->settings.interface, strerrorname_np(-partner->address_error));
    else
        guardian_note(self, "guardian address failed -> held reason=lease-restored interface=%s",
                      self->settings.interface);
    self->lease_error = partner->address_error;
}

void guardian_note_reception(struct guardian *self, int64_t now_ms)
{
    const struct reception *reception = &self->partner.pair.reception;
    if (reception->state == self->news.reception)
        return;
    const char *was = self->news.reception == RECEPTION_PROVEN ? "heard" : "isolated";
    const char *is = reception_is_isolated(reception) ? "isolated" : "heard";
    const char *reason = reception_word(reception->state);
    guardian_note(self, "guardian lan %s -> %s reason=%s interface=%s", was, is, reason,
                  self->settings.interface);
    guardian_keep(self, now_ms, CHANNEL_RECEPTION, was, is, reason);
    self->news.reception = reception->state;
}

void guardian_note_upgrade(struct guardian *self, int64_t now_ms, const char *from, const char *to,
                           const char *reason)
{
    guardian_note(self, "guardian upgrade %s -> %s reason=%s pid=%d", from, to, reason,
                  self->worker_pid);
    guardian_keep(self, now_ms, CHANNEL_GUARDIAN, from, to, reason);
}

/* A host that lets the guardian wait is what an operator has to know; once a second. */
void guardian_note_lateness(struct guardian *self, int64_t now)
{
    uint64_t times = self->partner.wakes_late - self->wakes_late;
    if (times == 0 || now - self->lateness_noted_us < GUARDIAN_LATENESS_US)
        return;
    guardian_note(self, "guardian loop on-time -> late reason=woke-late late_ms=%lld times=%llu",
                  (long long)(self->partner.lateness_us / 1000), (unsigned long long)times);
    guardian_keep(self, now / 1000, CHANNEL_LOOP, "on-time", "late", "woke-late");
    self->wakes_late = self->partner.wakes_late;
    self->lateness_noted_us = now;
}
