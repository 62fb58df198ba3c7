/* What a node says to its partner, step by step: in order, in time, as often as promised and no
 * oftener. A small model of it, from what was heard and said alone, stands in struct sim_talk. */
#include <string.h>

#include "sim/sim.h"

static bool is_heard(const struct sim_step *step, enum message_type type)
{
    return step->heard != NULL && step->peer == REPLICA_PARTNER && step->heard->type == type;
}

static size_t count_said(const struct sim_step *step, size_t peer, enum message_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < step->said->send_count; i++)
        count += step->said->sends[i].peer == peer && step->said->sends[i].message.type == type;
    return count;
}

static bool is_full(const struct sim_step *step)
{
    return step->said->send_count == REPLICA_SENDS_MAX;
}

bool sim_is_of_node(const struct sim *self, const struct record_key *key, size_t number)
{
    const char *name = self->document.nodes[number].name;
    size_t size = strlen(name);
    bool is_whole = key->kind == RECORD_NODE || key->kind == RECORD_FITNESS;
    return key->kind != RECORD_ORDER && key->kind != RECORD_REPORT &&
           strncmp(key->name, name, size) == 0 && key->name[size] == (is_whole ? '\0' : '/');
}

/* ---- HELLO ---- */

/* What the partner's new life has to begin with: above all that is known of its earlier ones. */
static uint64_t least_incarnation(const struct sim *self, const struct sim_step *step)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < step->replica->table->count; i++) {
        const struct table_entry *entry = table_at(step->replica->table, i);
        if (sim_is_of_node(self, &entry->key, 1 - step->number) &&
            entry->version.incarnation > highest)
            highest = entry->version.incarnation;
    }
    return highest == 0 ? 0 : highest + 1;
}

/* Who is told to count from higher does so, and states all that is its own again. */
static void judge_adoption(struct sim *self, const struct sim_step *step)
{
    uint64_t known = step->heard->hello.known_incarnation;
    uint64_t least = known > step->was_incarnation ? known : step->was_incarnation;
    const struct replica *replica = step->replica;
    sim_check(self, SIM_ANSWERS, replica->incarnation == least, "ns%zu counts from %llu, not %llu",
              step->number + 1, (unsigned long long)replica->incarnation,
              (unsigned long long)least);
    sim_check(self, SIM_SPARING,
              least > step->was_incarnation || replica->sequence == step->was_sequence,
              "ns%zu states its own again for nothing", step->number + 1);
    for (size_t i = 0; least > step->was_incarnation && i < replica->table->count; i++) {
        const struct table_entry *entry = table_at(replica->table, i);
        if (sim_is_of_node(self, &entry->key, step->number))
            sim_check(self, SIM_ANSWERS, entry->version.incarnation == least,
                      "ns%zu does not state %s again", step->number + 1, entry->key.name);
    }
}

/* A HELLO says whom it has heard, what is to be above, and whether the speaker is synced. */
static void judge_words(struct sim *self, struct sim_step *step)
{
    const struct sim_talk *talk = step->talk;
    bool is_synced = step->replica->sync == REPLICA_SYNCED;
    for (size_t i = 0; i < step->said->send_count; i++) {
        const struct replica_send *send = &step->said->sends[i];
        if (send->peer != REPLICA_PARTNER || send->message.type != MESSAGE_HELLO)
            continue;
        const struct message_hello *hello = &send->message.hello;
        sim_check(self, SIM_ANSWERS,
                  hello->heard_boot == talk->boot && hello->known_incarnation == talk->least &&
                      hello->wants_snapshot != hello->synced &&
                      (hello->synced == is_synced || step->was != step->replica->sync),
                  "ns%zu says HELLO with other words", step->number + 1);
    }
}

/* When a node says HELLO of its own accord: on a new connection until it is answered; then, while
 * it is not synced, until a snapshot begins, and when that has a gap, makes no progress or its
 * sender is silent. */
static int64_t due_ms(const struct sim_step *step)
{
    const struct sim_talk *talk = step->talk;
    int64_t again_ms = talk->hello_ms + REPLICA_HELLO_MS;
    if (talk->is_link_up && !talk->is_answered)
        return again_ms;
    if (step->replica->sync == REPLICA_SYNCED || !step->can_tell)
        return INT64_MAX;
    if (talk->next_in == 0 || talk->has_gap)
        return again_ms;
    int64_t stalled_ms = talk->progress_ms + REPLICA_SNAPSHOT_MS;
    int64_t silent_ms = talk->heard_ms + REPLICA_HELLO_MS;
    int64_t least_ms = stalled_ms < silent_ms ? stalled_ms : silent_ms;
    return least_ms > again_ms ? least_ms : again_ms;
}

/* The listener answers each HELLO, the dialler only one that has not heard of its present life, or
 * that begins a life which is to count from higher. */
static void judge_answer(struct sim *self, struct sim_step *step, size_t hellos)
{
    if (step->number == 0 || step->heard->hello.heard_boot != step->replica->config.boot)
        sim_check(self, SIM_GREETED, hellos == 1, "ns%zu answers a HELLO with %zu",
                  step->number + 1, hellos);
    else if (!step->is_new_life || step->talk->least == 0)
        sim_check(self, SIM_SPARING, hellos == (self->now_ms >= due_ms(step)),
                  "ns2 answers an answer");
    else
        sim_check(self, SIM_ANSWERS, hellos == 1, "ns2 does not tell what to begin above");
}

static void judge_hello(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    size_t hellos = count_said(step, REPLICA_PARTNER, MESSAGE_HELLO);
    bool is_asked = is_heard(step, MESSAGE_HELLO);
    /* Who speaks without a greeting is asked for it. */
    bool is_stranger = step->heard != NULL && step->peer == REPLICA_PARTNER && !talk->is_greeted &&
                       self->now_ms >= talk->hello_ms + REPLICA_HELLO_MS;
    if (is_asked) {
        judge_answer(self, step, hellos);
        judge_adoption(self, step);
    } else
        sim_check(self, SIM_SPARING, hellos == (is_stranger || self->now_ms >= due_ms(step)),
                  "ns%zu says %zu HELLO, the last one was at %lld ms", step->number + 1, hellos,
                  (long long)talk->hello_ms);
    judge_words(self, step);
    if (hellos == 0)
        return;
    talk->hello_ms = self->now_ms;
    talk->has_gap = false;
    talk->progress_ms = self->now_ms;
}

/* ---- SNAPSHOT ---- */

/* One is begun for each HELLO that asks, but not for the two of one greeting. */
static void hear_hello(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    bool wants = step->heard->hello.wants_snapshot;
    talk->is_greeted = true;
    talk->is_answered = step->heard->hello.heard_boot == step->replica->config.boot &&
                        !(step->is_new_life && talk->least > 0);
    if (step->is_new_life) {
        talk->next_in = 0;
        talk->begun_ms = INT64_MIN;
    }
    talk->versions_due_ms = self->now_ms + (wants ? REPLICA_VERSIONS_MS : 0);
    talk->is_walking = false;
    talk->is_snapshot_out &= wants;
    if (!wants || (talk->acked == 0 && self->now_ms < talk->begun_ms + REPLICA_HELLO_MS))
        return;
    talk->is_snapshot_out = true;
    talk->begun_ms = self->now_ms;
    talk->next_out = talk->acked = 0;
}

static void hear_ack(struct sim_talk *talk, uint64_t chunk)
{
    if (talk->is_greeted && chunk < talk->next_out && chunk >= talk->acked)
        talk->acked = chunk + 1;
}

/* Chunks go out in order, as far as their credit, and at once. */
static void judge_snapshot_out(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    for (size_t i = 0; i < step->said->send_count; i++) {
        const struct message *message = &step->said->sends[i].message;
        if (message->type != MESSAGE_SNAPSHOT)
            continue;
        const struct message_records *snapshot = &message->records;
        sim_check(self, SIM_SPARING,
                  talk->is_snapshot_out && snapshot->chunk == talk->next_out &&
                      snapshot->chunk < talk->acked + REPLICA_CREDIT,
                  "ns%zu sends chunk %llu, %llu were acknowledged", step->number + 1,
                  (unsigned long long)snapshot->chunk, (unsigned long long)talk->acked);
        talk->next_out++;
        talk->is_snapshot_out = !snapshot->last;
        size_t told = snapshot->chunk * MESSAGE_RECORDS_MAX + snapshot->count;
        sim_check(self, SIM_TELLS,
                  snapshot->last ? told == step->replica->table->count
                                 : snapshot->count == MESSAGE_RECORDS_MAX,
                  "ns%zu ends its snapshot at record %zu", step->number + 1, told);
    }
    sim_check(self, SIM_TELLS,
              !talk->is_snapshot_out || talk->next_out >= talk->acked + REPLICA_CREDIT ||
                  is_full(step) || !step->can_tell,
              "ns%zu holds chunk %llu back", step->number + 1, (unsigned long long)talk->next_out);
}

/* What comes in order or again is acknowledged; a gap is not. */
static void judge_snapshot_in(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    bool is_mine = is_heard(step, MESSAGE_SNAPSHOT) && talk->is_greeted;
    size_t acks = count_said(step, REPLICA_PARTNER, MESSAGE_ACK);
    bool was_synced = step->was == REPLICA_SYNCED;
    bool is_next = is_mine && !was_synced && step->heard->records.chunk == talk->next_in;
    bool is_known = is_mine && (was_synced || step->heard->records.chunk <= talk->next_in);
    sim_check(self, SIM_ANSWERS, acks == is_known, "ns%zu says ACK %zu times", step->number + 1,
              acks);
    talk->next_in += is_next;
    if (is_next)
        talk->progress_ms = self->now_ms;
    else if (is_mine && !is_known)
        talk->has_gap = true;
    enum replica_sync due = talk->next_in > 0 ? REPLICA_RECEIVING : REPLICA_WAITING;
    bool is_last = is_next && step->heard->records.last;
    sim_check(self, SIM_ANSWERS,
              step->replica->sync == REPLICA_SYNCED || (step->replica->sync == due && !is_last),
              "ns%zu is %s after %llu chunks of its snapshot", step->number + 1,
              replica_sync_text(step->replica->sync), (unsigned long long)talk->next_in);
}

/* ---- VERSIONS, PULL ---- */

/* All versions go each REPLICA_VERSIONS_MS, and at a greeting. */
static void judge_versions(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    for (size_t i = 0; i < step->said->send_count; i++) {
        const struct message_versions *versions = &step->said->sends[i].message.versions;
        if (step->said->sends[i].message.type != MESSAGE_VERSIONS)
            continue;
        if (!talk->is_walking) {
            sim_check(self, SIM_SPARING, self->now_ms >= talk->versions_due_ms,
                      "ns%zu says VERSIONS too early", step->number + 1);
            talk->walked = talk->walk_chunk = 0;
            talk->versions_due_ms = self->now_ms + REPLICA_VERSIONS_MS;
        }
        talk->walked += versions->count;
        sim_check(self, SIM_TELLS,
                  versions->chunk == talk->walk_chunk &&
                      versions->last == (talk->walked == step->replica->table->count) &&
                      (versions->last || versions->count == MESSAGE_VERSIONS_MAX),
                  "ns%zu says VERSIONS %llu, %zu of %zu", step->number + 1,
                  (unsigned long long)versions->chunk, talk->walked, step->replica->table->count);
        talk->walk_chunk++;
        talk->is_walking = !versions->last;
    }
    sim_check(self, SIM_TELLS,
              (self->now_ms < talk->versions_due_ms && !talk->is_walking) || is_full(step) ||
                  !step->can_tell,
              "ns%zu says VERSIONS too late", step->number + 1);
}

static size_t count_lacking(const struct sim_step *step)
{
    const struct message_versions *versions = &step->heard->versions;
    size_t lacking = 0;
    for (size_t i = 0; i < versions->count; i++) {
        const struct table_entry *entry =
            table_find(step->replica->table, &versions->entries[i].key);
        lacking +=
            entry == NULL || record_compare(entry->version, versions->entries[i].version) < 0;
    }
    return lacking;
}

static size_t count_known(const struct sim_step *step)
{
    size_t known = 0;
    for (size_t i = 0; i < step->heard->versions.count; i++)
        known += table_find(step->replica->table, &step->heard->versions.entries[i].key) != NULL;
    return known;
}

/* A node that is synced asks at once for all that it lacks, and is answered with all of it. */
static void judge_pull(struct sim *self, struct sim_step *step)
{
    size_t pulled = 0, told = 0, deltas = 0;
    for (size_t i = 0; i < step->said->send_count; i++) {
        const struct message *message = &step->said->sends[i].message;
        pulled += message->type == MESSAGE_PULL ? message->versions.count : 0;
        told += message->type == MESSAGE_DELTA ? message->records.count : 0;
        deltas += message->type == MESSAGE_DELTA;
    }
    bool is_asking =
        is_heard(step, MESSAGE_VERSIONS) && step->talk->is_greeted && step->was == REPLICA_SYNCED;
    size_t lacking = is_asking ? count_lacking(step) : 0;
    sim_check(self, SIM_ANSWERS, pulled == lacking, "ns%zu lacks %zu records and asks for %zu",
              step->number + 1, lacking, pulled);
    if (!is_heard(step, MESSAGE_PULL) || !step->talk->is_greeted || step->was_behind)
        return;
    size_t known = count_known(step);
    sim_check(self, SIM_ANSWERS,
              told == known && deltas == (known + MESSAGE_RECORDS_MAX - 1) / MESSAGE_RECORDS_MAX,
              "ns%zu is asked for %zu records and tells %zu", step->number + 1, known, told);
}

/* ---- DELTA ---- */

/* The first change goes at once, the next are gathered for REPLICA_DELTA_MS, then all go. */
static void judge_delta(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    bool is_behind = step->replica->told_change < step->replica->table->last_change;
    size_t deltas = count_said(step, REPLICA_PARTNER, MESSAGE_DELTA);
    for (size_t i = 0; i < step->said->send_count; i++)
        sim_check(self, SIM_SPARING,
                  step->said->sends[i].message.type != MESSAGE_DELTA ||
                      step->said->sends[i].message.records.count > 0,
                  "ns%zu says an empty DELTA", step->number + 1);
    if (deltas > 0 && !is_heard(step, MESSAGE_PULL)) {
        sim_check(self, SIM_SPARING, self->now_ms >= talk->delta_due_ms,
                  "ns%zu says DELTA too early", step->number + 1);
        talk->delta_due_ms = is_behind ? self->now_ms : self->now_ms + REPLICA_DELTA_MS;
    } else if (deltas > 0 && step->was_behind && !is_behind) {
        talk->delta_due_ms = self->now_ms + REPLICA_DELTA_MS;
    }
    sim_check(self, SIM_TELLS,
              !is_behind || self->now_ms < talk->delta_due_ms || is_full(step) || !step->can_tell,
              "ns%zu says DELTA too late", step->number + 1);
    sim_check(self, SIM_TELLS, replica_deadline(step->replica) >= self->now_ms,
              "ns%zu was due before now", step->number + 1);
    uint64_t behind = step->replica->table->last_change - step->replica->told_change;
    sim_check(self, SIM_TELLS, replica_behind(step->replica) == (step->can_tell ? behind : 0),
              "ns%zu is behind by %zu", step->number + 1, replica_behind(step->replica));
}

/* ---- alone ---- */

/* A node that its partner leaves alone for REPLICA_ALONE_MS is synced, and not a moment earlier. */
static void judge_alone(struct sim *self, struct sim_step *step)
{
    const struct sim_talk *talk = step->talk;
    int64_t since_ms = talk->heard_ms > talk->start_ms ? talk->heard_ms : talk->start_ms;
    bool is_alone = self->now_ms - since_ms >= REPLICA_ALONE_MS;
    bool is_synced = step->replica->sync == REPLICA_SYNCED;
    bool had_all = is_heard(step, MESSAGE_SNAPSHOT) && step->heard->records.last;
    sim_check(self, SIM_ALONE, is_synced || !is_alone, "ns%zu waits for nobody", step->number + 1);
    sim_check(self, SIM_ALONE, !is_synced || step->was == REPLICA_SYNCED || is_alone || had_all,
              "ns%zu does not wait for its partner", step->number + 1);
    sim_check(self, SIM_ALONE, replica_partner_heard_ms(step->replica) == talk->heard_ms,
              "ns%zu heard its partner at %lld ms, it says", step->number + 1,
              (long long)replica_partner_heard_ms(step->replica));
}

/* On a connection without a fault the greeting is over, a snapshot begun, and no life told anew. */
static void judge_greeted(struct sim *self, struct sim_step *step)
{
    if (!sim_is_clean(self, SIM_PARTNER_CONNECTION, SIM_GREETED_MS))
        return;
    sim_check(self, SIM_GREETED, step->talk->is_greeted, "ns%zu is not greeted", step->number + 1);
    sim_check(self, SIM_GREETED, step->replica->sync != REPLICA_WAITING,
              "ns%zu waits for its snapshot", step->number + 1);
    if (sim_is_clean(self, SIM_PARTNER_CONNECTION, SIM_GREETED_MS + REPLICA_SNAPSHOT_MS))
        sim_check(self, SIM_GREETED, step->replica->sync == REPLICA_SYNCED, "ns%zu is not synced",
                  step->number + 1);
}

/* What a node states itself is no news to it, whoever brings it. */
static void judge_changes(struct sim *self, const struct sim_step *step)
{
    for (size_t i = 0; i < step->said->change_count; i++)
        sim_check(self, SIM_ANSWERS,
                  !sim_is_of_node(self, &step->said->changes[i]->key, step->number),
                  "ns%zu learns what it states itself", step->number + 1);
}

void sim_talk_judge(struct sim *self, struct sim_step *step)
{
    struct sim_talk *talk = step->talk;
    if (step->type == NODE_LINK_UP || step->type == NODE_LINK_DOWN) {
        talk->is_link_up = step->type == NODE_LINK_UP;
        talk->is_greeted = talk->is_answered = false;
        talk->hello_ms = self->now_ms - REPLICA_HELLO_MS;
    }
    if (is_heard(step, MESSAGE_HELLO)) {
        step->is_new_life = step->heard->hello.boot != talk->boot;
        talk->boot = step->heard->hello.boot;
        if (step->is_new_life)
            talk->least = least_incarnation(self, step);
        hear_hello(self, step);
    }
    if (is_heard(step, MESSAGE_ACK))
        hear_ack(talk, step->heard->ack.chunk);
    if (step->peer == REPLICA_PARTNER && step->heard != NULL && talk->is_greeted)
        talk->heard_ms = self->now_ms;
    step->can_tell = talk->is_greeted && (step->number == 0 || talk->is_link_up);
    size_t told = 0;
    for (size_t i = 0; i < step->said->send_count; i++)
        told += step->said->sends[i].peer == REPLICA_PARTNER &&
                step->said->sends[i].message.type != MESSAGE_HELLO;
    sim_check(self, SIM_SPARING, told == 0 || step->can_tell, "ns%zu tells who has not greeted",
              step->number + 1);
    judge_snapshot_in(self, step);
    judge_hello(self, step);
    judge_snapshot_out(self, step);
    judge_versions(self, step);
    judge_pull(self, step);
    judge_delta(self, step);
    judge_changes(self, step);
    judge_alone(self, step);
    judge_greeted(self, step);
}
