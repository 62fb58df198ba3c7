#include "replication/history_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *history_outcome_text(enum history_outcome outcome)
{
    static const char *const texts[HISTORY_OUTCOME_COUNT] = {
        [HISTORY_DONE] = "done",
        [HISTORY_DONE_ALONE] = "done; the partner will follow",
        [HISTORY_DONE_LATE] = "done here; the partner does not serve it yet: see status",
        [HISTORY_NOT_THE_WRITER] =
            "the other node writes the document: ask it, or give \"tandemctl promote\" here",
        [HISTORY_BUSY] = "another document is on its way: wait for its end",
        [HISTORY_UNCONFIRMED] = "the document in force waits for \"tandemctl confirm\" or "
                                "\"tandemctl rollback\" first",
        [HISTORY_NOTHING_TO_DO] = "nothing to do: it is so already",
        [HISTORY_NO_SUCH] = "no revision of this number is kept: see \"tandemctl history\"",
        [HISTORY_NOTHING_BEFORE] = "there is no revision before it to go back to",
        [HISTORY_PARTNER_SILENT] =
            "the partner is silent: with --alone it comes in force here, and "
            "the partner will follow",
        [HISTORY_PARTNER_OLDER] = "the partner does not read this format of the document: upgrade "
                                  "it first",
        [HISTORY_REFUSED_HERE] = "it cannot be in force on this node, nothing has changed",
        [HISTORY_REFUSED_THERE] = "it cannot be in force on the partner, nothing has changed",
        [HISTORY_PARTNER_LATE] = "the partner did not answer in time, nothing has changed (but it "
                                 "may hold it prepared, and it comes in force if it is promoted)",
        [HISTORY_OVERTAKEN] = "the partner had other revisions: see \"tandemctl history\"",
        [HISTORY_NOT_KEPT] = "the disk refused it, nothing has changed: see the log",
        [HISTORY_NOT_KEPT_YET] = "the disk refused it: it is prepared, and comes in force when the "
                                 "disk takes it: see the log",
        [HISTORY_NOT_SERVED] = "it is in force, but this node cannot serve it",
    };
    return texts[outcome];
}

void history_init(struct history *self, const struct history_config *config)
{
    assert(config->number == 1 || config->number == 2);
    *self = (struct history){.config = *config, .partner_format = config->format};
    self->kept.term = 1;
    self->kept.writer = 1;
    self->durable = self->kept;
    self->keep_due_ms = self->check_due_ms = self->serve_due_ms = INT64_MIN;
    self->want_due_ms = self->stepped_ms = self->state_due_ms = INT64_MIN;
}

bool history_is_writer(const struct history *self)
{
    return self->kept.writer == self->config.number;
}

/* ---- what is known ---- */

bool history_is_none(const struct revision_name *name)
{
    return name->index == 0;
}

const struct revision *history_newest(const struct history_kept *kept)
{
    return kept->count == 0 ? NULL : &kept->revisions[kept->count - 1];
}

const struct revision *history_head(const struct history *self)
{
    return history_newest(&self->durable);
}

bool history_is_heard(const struct history *self, int64_t now_ms)
{
    return self->config.has_partner && self->has_heard &&
           now_ms - self->heard_ms < HISTORY_PARTNER_MS;
}

struct revision_name history_partners_newest(const struct history *self)
{
    const struct history_state *partner = &self->partner;
    return partner->count == 0 ? (struct revision_name){0} : partner->names[partner->count - 1];
}

size_t history_common(const struct history *self, size_t *partners)
{
    for (size_t i = self->kept.count; i > 0; i--)
        for (size_t j = self->partner.count; j > 0; j--)
            if (revision_name_equal(&self->kept.revisions[i - 1].name,
                                    &self->partner.names[j - 1])) {
                *partners = j;
                return i;
            }
    *partners = 0;
    return 0;
}

enum history_relation history_relation(const struct history *self, int64_t now_ms)
{
    size_t partners, common;
    if (!history_is_heard(self, now_ms))
        return HISTORY_UNHEARD;
    common = history_common(self, &partners);
    if (common == self->kept.count && partners == self->partner.count)
        return HISTORY_EQUAL;
    if (common == self->kept.count)
        return HISTORY_AHEAD;
    return partners == self->partner.count ? HISTORY_BEHIND : HISTORY_DIVERGED;
}

const struct revision *history_learned(const struct history *self, const struct revision_name *name)
{
    if (revision_name_equal(&self->kept.prepared.name, name))
        return &self->kept.prepared;
    for (size_t i = 0; i < self->learned_count; i++)
        if (revision_name_equal(&self->learned[i].name, name))
            return &self->learned[i];
    return NULL;
}

/* ---- events ---- */

/* What was to be served is, or cannot be: then the sentence says why. */
static void note_served(struct history *self, int64_t now_ms, const char *sentence)
{
    self->is_serving = false;
    self->is_told_due = true;
    snprintf(self->not_served, sizeof self->not_served, "%s", sentence);
    if (sentence[0] != '\0') {
        self->serve_due_ms = now_ms + HISTORY_RETRY_MS;
        return;
    }
    self->served = self->serving;
    memcpy(self->served_bundle, self->serving_bundle, sizeof self->served_bundle);
}

static void begin_serving(struct history *self, const struct revision *revision)
{
    self->is_serving = true;
    self->serving = revision->name;
    memcpy(self->serving_bundle, revision->bundle, sizeof self->serving_bundle);
}

static void take_start(struct history *self, int64_t now_ms, const struct history_event *event,
                       struct history_update *update)
{
    assert(!self->is_known);
    if (event->kept != NULL)
        self->kept = self->durable = *event->kept;
    const struct revision *newest = history_head(self);
    if (newest != NULL) {
        begin_serving(self, newest);
        note_served(self, now_ms, event->sentence);
    }
    /* A crash may have come between the file of the history and theirs. */
    update->set_aside = !history_is_none(&self->kept.set_aside.name);
    self->is_known = self->is_told_due = true;
    self->start_ms = now_ms;
    self->until_ms = now_ms + HISTORY_ANSWER_MS; /* of one that was prepared */
}

/* One that is asked for, of those on the disk. */
static void tell_revision(const struct history *self, const struct revision_name *name,
                          struct history_update *update)
{
    const struct history_kept *kept = &self->durable;
    const struct revision *found =
        revision_name_equal(&kept->prepared.name, name) ? &kept->prepared : NULL;
    for (size_t i = 0; i < kept->count; i++)
        if (revision_name_equal(&kept->revisions[i].name, name))
            found = &kept->revisions[i];
    if (found != NULL)
        update->sends[update->send_count++] =
            (struct history_message){.type = HISTORY_REVISION, .revision = *found};
}

/* In the place of the oldest that was learned, when there is no room. */
static void take_revision(struct history *self, const struct revision *revision)
{
    if (history_learned(self, &revision->name) != NULL)
        return;
    if (self->learned_count == HISTORY_MAX) {
        memmove(self->learned, self->learned + 1, (HISTORY_MAX - 1) * sizeof *self->learned);
        self->learned_count--;
    }
    self->learned[self->learned_count++] = *revision;
    self->want_due_ms = INT64_MIN;
}

/* What it does not offer any more is not refused any more; what is in force there all the same is
 * tried again. */
static void forget_refusal(struct history *self, int64_t now_ms)
{
    struct revision_name newest = history_partners_newest(self);
    if (history_is_none(&self->refused) ||
        revision_name_equal(&self->refused, &self->partner.prepared))
        return;
    if (revision_name_equal(&self->refused, &newest)) {
        if (self->refused_until_ms == INT64_MAX)
            self->refused_until_ms = now_ms + HISTORY_RETRY_MS;
        return;
    }
    self->refused = (struct revision_name){0};
    self->why[0] = '\0';
    self->is_told_due = true;
}

static void take_heard(struct history *self, int64_t now_ms, const struct history_message *message,
                       struct history_update *update)
{
    if (message->type == HISTORY_WANT && self->is_known)
        tell_revision(self, &message->want, update);
    if (message->type == HISTORY_REVISION)
        take_revision(self, &message->revision);
    if (message->type != HISTORY_STATE)
        return;
    if (!self->has_heard)
        self->is_told_due = true;
    self->has_heard = true;
    self->heard_ms = now_ms;
    self->partner = message->state;
    forget_refusal(self, now_ms);
}

/* The disk refused a change; the request under way ends, if it was one of its own. */
static void end_unkept(struct history *self, struct history_update *update)
{
    const struct history_kept *kept = &self->durable;
    bool is_prepared = !history_is_none(&kept->prepared.name);
    if (self->stage == HISTORY_CHECKING || (self->stage == HISTORY_PREPARING && is_prepared))
        return;
    for (size_t i = 0; i < kept->count && self->request.verb != HISTORY_PROMOTE; i++)
        if (self->stage == HISTORY_ENDING &&
            revision_name_equal(&kept->revisions[i].name, &self->made))
            return;
    bool is_to_come = is_prepared && self->request.verb != HISTORY_PROMOTE;
    history_end_request(self, update, is_to_come ? HISTORY_NOT_KEPT_YET : HISTORY_NOT_KEPT, "");
}

static void take_kept(struct history *self, int64_t now_ms, int error,
                      struct history_update *update)
{
    assert(self->is_keeping);
    self->is_keeping = false;
    if (error == 0) {
        self->durable = self->kept;
        update->set_aside = self->was_set_aside;
        self->is_told_due = true;
        if (self->stage == HISTORY_DROPPING)
            history_end_request(self, update, self->dropped, self->sentence);
    } else {
        self->kept = self->durable;
        self->keep_due_ms = now_ms + HISTORY_RETRY_MS;
        end_unkept(self, update);
    }
    self->was_set_aside = false;
}

/* A sentence as messages carry it: what a person wrote into a document may be any bytes. */
static void copy_printable(char *to, const char *sentence)
{
    size_t size = 0;
    for (; sentence[size] != '\0' && size < HISTORY_SENTENCE_MAX; size++)
        to[size] = sentence[size] < ' ' || sentence[size] > '~' ? '?' : sentence[size];
    to[size] = '\0';
}

/* The partner's revision of that bundle, in force there or prepared, cannot be so here. */
static void refuse_partners(struct history *self, int64_t now_ms, const uint8_t *bundle,
                            const char *sentence)
{
    struct revision_name newest = history_partners_newest(self);
    const struct revision_name *const names[] = {&newest, &self->partner.prepared};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct revision *revision = history_learned(self, names[i]);
        if (history_is_none(names[i]) || revision == NULL ||
            !revision_digest_equal(revision->bundle, bundle))
            continue;
        /* What is only prepared was told as refused: that stands. */
        bool is_final = revision_name_equal(names[i], &self->partner.prepared);
        self->refused = *names[i];
        self->refused_until_ms = is_final ? INT64_MAX : now_ms + HISTORY_RETRY_MS;
        copy_printable(self->why, sentence);
        self->is_told_due = true;
    }
}

static void take_checked(struct history *self, int64_t now_ms, const struct history_event *event,
                         struct history_update *update)
{
    bool is_asked = self->stage == HISTORY_CHECKING &&
                    revision_digest_equal(event->bundle, self->request.bundle);
    if (!self->is_checking || !revision_digest_equal(event->bundle, self->checking))
        return;
    self->is_checking = false;
    if (event->sentence != NULL && event->sentence[0] == '\0') {
        self->has_fit = true;
        memcpy(self->fit, event->bundle, sizeof self->fit);
    } else if (is_asked) {
        history_end_request(self, update, HISTORY_REFUSED_HERE,
                            event->sentence != NULL ? event->sentence
                                                    : "its files are not kept here any more");
    } else if (event->sentence != NULL) {
        refuse_partners(self, now_ms, event->bundle, event->sentence);
    } else {
        self->check_due_ms = now_ms + HISTORY_WANT_MS;
    }
}

/* ---- the machine ---- */

static void serve(struct history *self, int64_t now_ms, struct history_update *update)
{
    const struct revision *head = history_head(self);
    if (head == NULL || self->is_serving || revision_name_equal(&head->name, &self->served))
        return;
    if (!history_is_none(&self->served) &&
        revision_digest_equal(head->bundle, self->served_bundle)) {
        self->served = head->name;
        self->not_served[0] = '\0';
        self->is_told_due = true;
    } else if (now_ms >= self->serve_due_ms) {
        begin_serving(self, head);
        update->serve = true;
    }
}

static void tell_state(struct history *self, int64_t now_ms, struct history_update *update)
{
    const struct history_kept *kept = &self->durable;
    if (!self->config.has_partner || !self->is_known ||
        (!self->is_told_due && now_ms < self->state_due_ms))
        return;
    struct history_message *message = &update->sends[update->send_count++];
    message->type = HISTORY_STATE;
    message->state = (struct history_state){.term = kept->term,
                                            .writer = kept->writer,
                                            .count = kept->count,
                                            .prepared = kept->prepared.name,
                                            .refused = self->refused,
                                            .served = self->served};
    for (size_t i = 0; i < kept->count; i++)
        message->state.names[i] = kept->revisions[i].name;
    memcpy(message->state.why, self->why, sizeof self->why);
    self->is_told_due = false;
    self->state_due_ms = now_ms + HISTORY_STATE_MS;
}

static void take(struct history *self, int64_t now_ms, const struct history_event *event,
                 struct history_update *update)
{
    switch (event->type) {
    case HISTORY_START:
        take_start(self, now_ms, event, update);
        break;
    case HISTORY_HEARD:
        take_heard(self, now_ms, event->message, update);
        break;
    case HISTORY_PARTNER_LOST:
        self->has_heard = false;
        self->is_told_due = true; /* whoever listens now */
        break;
    case HISTORY_ASKED:
        history_ask(self, now_ms, event->request, update);
        break;
    case HISTORY_CHECKED:
        take_checked(self, now_ms, event, update);
        break;
    case HISTORY_KEPT:
        take_kept(self, now_ms, event->error, update);
        break;
    case HISTORY_IS_SERVED:
        note_served(self, now_ms, event->sentence);
        break;
    case HISTORY_TIMEOUT:
        break;
    }
}

void history_step(struct history *self, int64_t now_ms, const struct history_event *event,
                  struct history_update *update)
{
    assert(now_ms >= self->stepped_ms);
    self->stepped_ms = now_ms;
    *update = (struct history_update){0};
    take(self, now_ms, event, update);
    if (self->is_known && !self->is_keeping && now_ms >= self->keep_due_ms &&
        history_decide(self, now_ms, event->wall_s, update))
        self->is_keeping = update->keep = true;
    serve(self, now_ms, update);
    history_finish(self, now_ms, update);
    tell_state(self, now_ms, update);
}

/* While something is under way it looks again in a tenth of a second. */
int64_t history_deadline(const struct history *self)
{
    const struct revision *head = history_head(self);
    bool is_waiting = self->stage != HISTORY_IDLE || !history_is_none(&self->kept.prepared.name) ||
                      (head != NULL && !revision_name_equal(&head->name, &self->served)) ||
                      (history_relation(self, self->stepped_ms) > HISTORY_EQUAL);
    if (!self->is_known)
        return INT64_MAX;
    int64_t due_ms = self->stepped_ms + (is_waiting ? HISTORY_LOOK_MS : HISTORY_STATE_MS);
    return self->config.has_partner && self->state_due_ms < due_ms ? self->state_due_ms : due_ms;
}
