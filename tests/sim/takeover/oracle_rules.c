#include <assert.h>
#include <string.h>

#include "sim/takeover/takeover.h"

/* The second opinion of opinion.h, and whether failover/ agrees. */

static void list(const struct pair_actions *todo, struct opinion_acts *acts)
{
    memset(acts, 0, sizeof *acts);
    for (size_t i = 0; i < todo->count; i++) {
        const struct pair_action *action = &todo->list[i];
        acts->counts[action->kind][action->home]++;
        if (action->kind == PAIR_ADVERTISE)
            acts->priorities[action->home] = action->priority;
        if (action->kind == PAIR_NOTE)
            acts->reasons[action->home] = action->reason;
    }
}

static void tell_difference(struct takeover *self, const struct host *host, uint8_t home,
                            const struct opinion_acts *done, const struct opinion_acts *asked)
{
    static const char *const words[OPINION_ACTIONS] = {
        "add", "refresh", "delete", "announce", "confirm", "advertise", "beat", "probe",
        "ask", "empty",   "note",   "alarm",    "left",    "stay",      "end"};
    for (int kind = 0; kind < OPINION_ACTIONS; kind++)
        if (done->counts[kind][home] != asked->counts[kind][home])
            takeover_broken(self, ORACLE_OPINION, "ns%d home%d %s: %d times, by the rules %d",
                            host->self + 1, home + 1, words[kind], done->counts[kind][home],
                            asked->counts[kind][home]);
    if (done->priorities[home] != asked->priorities[home] ||
        done->reasons[home] != asked->reasons[home])
        takeover_broken(self, ORACLE_OPINION,
                        "ns%d home%d priority %d, move by %s; by the rules %d, %s", host->self + 1,
                        home + 1, done->priorities[home], pair_reason_word(done->reasons[home]),
                        asked->priorities[home], pair_reason_word(asked->reasons[home]));
}

void oracle_agrees(struct takeover *self, struct host *host, const struct pair_event *event,
                   const struct pair_actions *todo)
{
    struct opinion_acts done;
    const struct opinion_acts *asked = &host->opinion.acts;
    opinion_step(&host->opinion, self->now_us, event);
    list(todo, &done);
    sums.checks[ORACLE_OPINION]++;
    if (memcmp(&done, asked, sizeof done) == 0)
        return;
    tell_difference(self, host, 0, &done, asked);
    tell_difference(self, host, 1, &done, asked);
    assert(self->failure[0] != '\0');
}

static bool is_same_order(const struct beat_handover *a, const struct beat_handover *b)
{
    return a->version == b->version && a->node == b->node;
}

void oracle_says(struct takeover *self, struct host *host, const struct beat *beat)
{
    struct beat asked;
    opinion_beat(&host->opinion, &asked);
    takeover_check(self, ORACLE_OPINION,
                   beat->sender == asked.sender && beat->flags == asked.flags &&
                       beat->holds == asked.holds &&
                       is_same_order(&beat->handovers[0], &asked.handovers[0]) &&
                       is_same_order(&beat->handovers[1], &asked.handovers[1]),
                   "ns%d says %02x and holds %x, by the rules %02x and %x", host->self + 1,
                   beat->flags, beat->holds, asked.flags, asked.holds);
    takeover_check(
        self, ORACLE_OPINION,
        beat->heard_ago_us == asked.heard_ago_us && beat->lateness_us == asked.lateness_us &&
            beat->unanswered_us == asked.unanswered_us &&
            beat->agents_fresh == asked.agents_fresh && beat->agents_lost == asked.agents_lost,
        "ns%d says heard %u, unanswered for %u us, by the rules %u and %u", host->self + 1,
        beat->heard_ago_us, beat->unanswered_us, asked.heard_ago_us, asked.unanswered_us);
}

void oracle_wakes(struct takeover *self, struct host *host, int64_t deadline_us)
{
    int64_t asked_us = opinion_deadline_us(&host->opinion);
    takeover_check(self, ORACLE_OPINION, deadline_us == asked_us,
                   "ns%d wakes in %lld us, by the rules in %lld", host->self + 1,
                   (long long)(deadline_us - self->now_us), (long long)(asked_us - self->now_us));
}

void oracle_elects(struct takeover *self, struct host *host, uint8_t home, uint8_t family,
                   const struct vrrp_event *event, const struct vrrp_actions *todo)
{
    struct opinion_vrrp *opinion = &host->elections[home][family];
    opinion_vrrp_step(opinion, self->now_us, event);
    bool agrees = todo->count == opinion->acts.count &&
                  vrrp_deadline_us(&host->routers[home][family]) == opinion->timer_us;
    for (size_t i = 0; agrees && i < todo->count; i++) {
        const struct vrrp_action *done = &todo->list[i], *asked = &opinion->acts.list[i];
        agrees = done->kind == asked->kind && done->priority == asked->priority &&
                 done->was == asked->was && done->is == asked->is && done->reason == asked->reason;
    }
    takeover_check(
        self, ORACLE_OPINION, agrees, "ns%d home%d IPv%d, told %d, is %s and by RFC 9568 %s",
        host->self + 1, home + 1, family == 0 ? 4 : 6, event->kind,
        vrrp_state_word(host->routers[home][family].state), vrrp_state_word(opinion->state));
}
