#include "node/told.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "failover/advertisement.h"
#include "failover/neighbour_frame.h"

void told_init(struct told *self)
{
    *self = (struct told){0};
    for (size_t group = 0; group < CHANNEL_GROUPS; group++)
        for (size_t i = 0; i < CHANNEL_COUNTS_MAX; i++)
            self->counts[group][i].rose_ms = INT64_MIN;
    for (size_t home = 0; home < PAIR_NODES; home++)
        self->strangers[home].heard_ms = INT64_MIN;
}

static void take_counters(struct told *self, int64_t now_ms, const struct channel_message *message)
{
    for (size_t i = 0; i < channel_group_size(message->group); i++) {
        struct told_count *count = &self->counts[message->group][i];
        /* What was counted before this worker lived is not known to rise. */
        if (count->is_known && message->counts[i] > count->count)
            count->rose_ms = now_ms;
        count->count = message->counts[i];
        count->is_known = true;
    }
}

static void take_witness(struct told *self, const struct channel_message *message)
{
    size_t at = 0;
    while (at < self->witness_count && !ip_equal(&self->witnesses[at].address, &message->address))
        at++;
    if (at == TOLD_WITNESSES_MAX)
        return;
    if (at == self->witness_count)
        self->witness_count++;
    self->witnesses[at] = (struct told_witness){
        .address = message->address, .heard_ms = message->is_heard ? message->since_ms : INT64_MIN};
}

void told_take(struct told *self, int64_t now_ms, const struct channel_message *message)
{
    switch (message->kind) {
    case CHANNEL_STATE:
        if (!self->has_state)
            self->first_ms = now_ms;
        self->has_state = true;
        self->state = *message;
        break;
    case CHANNEL_COUNTERS:
        take_counters(self, now_ms, message);
        break;
    case CHANNEL_STRANGER: {
        struct told_stranger *stranger = &self->strangers[message->home];
        stranger->heard_ms = message->since_ms;
        memcpy(stranger->mac, message->mac, sizeof stranger->mac);
        break;
    }
    case CHANNEL_WITNESS:
        take_witness(self, message);
        break;
    default:
        break;
    }
}

bool told_rises(const struct told *self, int64_t now_ms, enum channel_group group, size_t which)
{
    assert(which < channel_group_size(group));
    int64_t rose_ms = self->counts[group][which].rose_ms;
    return rose_ms != INT64_MIN && now_ms - rose_ms < TOLD_RISE_MS;
}

bool told_is_silent(const struct told *self, int64_t now_ms, const struct told_witness *witness)
{
    int64_t since_ms = self->first_ms;
    if (witness->heard_ms != INT64_MIN && witness->heard_ms > since_ms)
        since_ms = witness->heard_ms;
    return now_ms - since_ms > TOLD_WITNESS_MS;
}

bool told_has(const struct told *self, enum channel_flag flag)
{
    return self->has_state && (self->state.flags & (unsigned)flag) != 0;
}

void told_fitness(const struct channel_message *state, struct fitness *fitness)
{
    assert(state->kind == CHANNEL_STATE);
    snprintf(fitness->fault, sizeof fitness->fault, "%s", pair_fault_word(state->fault));
    snprintf(fitness->gate, sizeof fitness->gate, "%s", gate_reason_word(state->gate));
    snprintf(fitness->reception, sizeof fitness->reception, "%s", reception_word(state->reception));
}

void told_transition(const struct channel_message *note, int64_t now_ms,
                     const char *const names[PAIR_NODES], size_t self,
                     struct transition *transition)
{
    static const char *const areas[CHANNEL_SUBJECTS] = {
        [CHANNEL_HOME_0] = "address",    [CHANNEL_HOME_1] = "address", [CHANNEL_WORKER] = "worker",
        [CHANNEL_GATE] = "gate",         [CHANNEL_RECEPTION] = "lan",  [CHANNEL_LOOP] = "loop",
        [CHANNEL_GUARDIAN] = "guardian",
    };
    assert(note->kind == CHANNEL_NOTE);
    int64_t earlier_ms = now_ms - note->since_ms;
    size_t subject = note->subject <= CHANNEL_HOME_1 ? (size_t)note->subject : self;
    *transition = (struct transition){
        .number = note->number,
        .earlier_ms = earlier_ms < 0            ? 0
                      : earlier_ms > UINT32_MAX ? UINT32_MAX
                                                : (uint32_t)earlier_ms,
    };
    snprintf(transition->area, sizeof transition->area, "%s", areas[note->subject]);
    snprintf(transition->subject, sizeof transition->subject, "%s",
             names[subject] == NULL ? "" : names[subject]);
    memcpy(transition->from, note->from, sizeof note->from);
    memcpy(transition->to, note->to, sizeof note->to);
    memcpy(transition->reason, note->reason, sizeof note->reason);
}

const char *told_group_word(enum channel_group group)
{
    static const char *const words[CHANNEL_GROUPS] = {"beats", "advertisements", "neighbours",
                                                      "loop"};
    assert(group < CHANNEL_GROUPS);
    return words[group];
}

const char *told_count_word(enum channel_group group, size_t which)
{
    static const char *const words[CHANNEL_LOOPS_COUNTED] = {
        [CHANNEL_UNSENT] = "unsent",         [CHANNEL_NOTES_LOST] = "notes-lost",
        [CHANNEL_WAKES_LATE] = "wakes-late", [CHANNEL_REOPENED] = "reopened",
        [CHANNEL_ALARMS] = "alarms",         [CHANNEL_STRANGE] = "strange-datagrams",
        [CHANNEL_UNREAD] = "unread-frames",  [CHANNEL_REFUSED] = "refused-messages",
        [CHANNEL_LINES_LOST] = "lines-lost",
    };
    assert(which < channel_group_size(group));
    switch (group) {
    case CHANNEL_BEATS:
        return beat_refusal_word((enum beat_refusal)which);
    case CHANNEL_ADVERTISEMENTS:
        return advertisement_refusal_word((enum advertisement_refusal)which);
    case CHANNEL_NEIGHBOURS:
        return neighbour_refusal_word((enum neighbour_refusal)which);
    default:
        return words[which];
    }
}
