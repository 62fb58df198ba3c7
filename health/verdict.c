#include "health/verdict.h"

#include <assert.h>

static const char *const texts[] = {
    [VERDICT_UNKNOWN] = "unknown", [VERDICT_UP] = "up",     [VERDICT_DRAINING] = "draining",
    [VERDICT_STALE] = "stale",     [VERDICT_DOWN] = "down",
};

static const char *const reason_texts[VERDICT_REASON_COUNT] = {
    [VERDICT_NEVER_REPORTED] = "never-reported",
    [VERDICT_LISTENING] = "listening",
    [VERDICT_NOT_LISTENING] = "not-listening",
    [VERDICT_SILENT] = "silent",
    [VERDICT_SILENT_FROZEN] = "silent-frozen",
    [VERDICT_ORDERED] = "ordered",
    [VERDICT_FORCED] = "forced",
};

const char *verdict_text(enum verdict verdict)
{
    assert(verdict <= VERDICT_DOWN);
    return texts[verdict];
}

const char *verdict_reason_text(enum verdict_reason reason)
{
    assert(reason < VERDICT_REASON_COUNT);
    return reason_texts[reason];
}

bool verdict_init(struct verdict_pool *self, const struct verdict_config *config, size_t count,
                  int64_t now_ms, struct arena *arena)
{
    assert(config->port_count >= 1);
    assert(config->port_count <= REPORT_SERVICES_MAX);
    assert(config->stale_ms > 0);
    *self = (struct verdict_pool){.config = *config, .count = count};
    self->members = arena_take_array(arena, count, sizeof *self->members);
    if (self->members == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        self->members[i] = (struct verdict_member){.verdict = VERDICT_UNKNOWN,
                                                   .reason = VERDICT_NEVER_REPORTED,
                                                   .since_ms = now_ms,
                                                   .silent_since_ms = INT64_MAX};
    return true;
}

/* ---- what holds ---- */

static bool is_silent(const struct verdict_member *member)
{
    return member->silent_since_ms != INT64_MAX;
}

/* What the member's last report said. */
static enum verdict stated(const struct verdict_member *member)
{
    return member->listening ? VERDICT_UP : VERDICT_DOWN;
}

static void judge(const struct verdict_pool *self, const struct verdict_member *member,
                  enum verdict *verdict, enum verdict_reason *reason)
{
    if (member->draining) {
        *verdict = VERDICT_DRAINING;
        *reason = VERDICT_ORDERED;
    } else if (member->force != VERDICT_UNFORCED) {
        *verdict = member->force == VERDICT_FORCED_UP ? VERDICT_UP : VERDICT_DOWN;
        *reason = VERDICT_FORCED;
    } else if (!member->reported) {
        *verdict = VERDICT_UNKNOWN;
        *reason = VERDICT_NEVER_REPORTED;
    } else if (!is_silent(member)) {
        *verdict = stated(member);
        *reason = member->listening ? VERDICT_LISTENING : VERDICT_NOT_LISTENING;
    } else if (self->frozen && member->silent_since_ms >= self->frozen_from_ms) {
        *verdict = stated(member);
        *reason = VERDICT_SILENT_FROZEN;
    } else {
        *verdict = VERDICT_STALE;
        *reason = VERDICT_SILENT;
    }
}

/* Bring one member's verdict up to what holds; returns the number of changes, 0 or 1. */
static size_t settle(struct verdict_pool *self, int64_t now_ms, size_t position,
                     struct verdict_change *change)
{
    struct verdict_member *member = &self->members[position];
    enum verdict from = member->verdict;
    bool was_forced = member->reason == VERDICT_FORCED;
    judge(self, member, &member->verdict, &member->reason);
    if (member->verdict == from && was_forced == (member->reason == VERDICT_FORCED))
        return 0;
    member->since_ms = now_ms;
    *change = (struct verdict_change){position, from, member->verdict, member->reason};
    return 1;
}

static size_t settle_all(struct verdict_pool *self, int64_t now_ms, struct verdict_change *changes)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += settle(self, now_ms, i, &changes[count]);
    return count;
}

/* ---- silence ---- */

static bool is_silent_unannounced(const struct verdict_member *member)
{
    return is_silent(member) && member->listening && !member->draining &&
           member->force == VERDICT_UNFORCED;
}

static bool are_too_many(const struct verdict_pool *self, size_t silent)
{
    return silent >= 2 && silent * 1000 > self->count * self->config.freeze_permille;
}

/* A silence began, ended or was announced: begin or end the freeze; true if it did either. */
static bool judge_freeze(struct verdict_pool *self, int64_t now_ms)
{
    int64_t from_ms = self->frozen ? self->frozen_from_ms : now_ms - self->config.freeze_window_ms;
    size_t recent = 0;
    self->silent_count = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!is_silent_unannounced(&self->members[i]))
            continue;
        self->silent_count++;
        recent += self->members[i].silent_since_ms >= from_ms;
    }
    if (are_too_many(self, recent) == self->frozen)
        return false;
    self->frozen = !self->frozen;
    self->frozen_from_ms = from_ms;
    return true;
}

/* ---- another configuration ---- */

void verdict_inherit(struct verdict_pool *self, size_t member, const struct verdict_pool *from,
                     size_t from_member)
{
    assert(member < self->count);
    assert(from_member < from->count);
    self->members[member] = from->members[from_member];
}

void verdict_inherit_freeze(struct verdict_pool *self, const struct verdict_pool *from)
{
    self->frozen = from->frozen;
    self->frozen_from_ms = from->frozen_from_ms;
    self->silent_count = from->silent_count;
}

/* ---- facts ---- */

static bool find_deaf_port(const struct verdict_pool *self, const struct report *report,
                           uint16_t *port)
{
    for (size_t i = 0; i < self->config.port_count; i++) {
        const struct report_service *service = report_service(report, self->config.ports[i]);
        if (service != NULL && service->listening)
            continue;
        *port = self->config.ports[i];
        return true;
    }
    return false;
}

size_t verdict_report(struct verdict_pool *self, int64_t now_ms, size_t member,
                      const struct report *report, int64_t stated_ms,
                      struct verdict_change *changes)
{
    assert(member < self->count);
    struct verdict_member *m = &self->members[member];
    bool was_silent = is_silent(m);
    bool is_late = now_ms - stated_ms > self->config.stale_ms;
    m->reported = true;
    m->stated_ms = stated_ms;
    m->listening = !find_deaf_port(self, report, &m->port);
    m->silent_since_ms = is_late ? stated_ms + self->config.stale_ms : INT64_MAX;
    if ((was_silent || is_late) && judge_freeze(self, now_ms))
        return settle_all(self, now_ms, changes);
    return settle(self, now_ms, member, changes);
}

/* An order was given or ended: a silence may be announced by it. */
static size_t settle_ordered(struct verdict_pool *self, int64_t now_ms, size_t member,
                             struct verdict_change *changes)
{
    if (is_silent(&self->members[member]) && judge_freeze(self, now_ms))
        return settle_all(self, now_ms, changes);
    return settle(self, now_ms, member, changes);
}

size_t verdict_drain(struct verdict_pool *self, int64_t now_ms, size_t member, bool draining,
                     struct verdict_change *changes)
{
    assert(member < self->count);
    self->members[member].draining = draining;
    return settle_ordered(self, now_ms, member, changes);
}

size_t verdict_force(struct verdict_pool *self, int64_t now_ms, size_t member,
                     enum verdict_force force, struct verdict_change *changes)
{
    assert(member < self->count);
    self->members[member].force = force;
    return settle_ordered(self, now_ms, member, changes);
}

size_t verdict_age(struct verdict_pool *self, int64_t now_ms, int64_t hearing_ms,
                   struct verdict_change *changes)
{
    bool changed = false;
    for (size_t i = 0; i < self->count; i++) {
        struct verdict_member *member = &self->members[i];
        if (!member->reported || is_silent(member))
            continue;
        int64_t heard_ms = member->stated_ms > hearing_ms ? member->stated_ms : hearing_ms;
        if (now_ms - heard_ms <= self->config.stale_ms)
            continue;
        member->silent_since_ms = heard_ms + self->config.stale_ms;
        changed = true;
    }
    if (!changed)
        return 0;
    judge_freeze(self, now_ms);
    return settle_all(self, now_ms, changes);
}

bool verdict_was_up(const struct verdict_member *self)
{
    return self->verdict == VERDICT_STALE && stated(self) == VERDICT_UP;
}

size_t verdict_up_count(const struct verdict_pool *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->members[i].verdict == VERDICT_UP;
    return count;
}
