#include "replication/history_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static struct revision_name head_name(const struct history *self)
{
    const struct revision *head = history_newest(&self->kept);
    return head == NULL ? (struct revision_name){0} : head->name;
}

/* ---- changes of what is kept ---- */

static void append(struct history *self, const struct revision *revision)
{
    struct history_kept *kept = &self->kept;
    assert(revision->name.index > head_name(self).index);
    if (kept->count == HISTORY_MAX) {
        memmove(kept->revisions, kept->revisions + 1, (HISTORY_MAX - 1) * sizeof *kept->revisions);
        kept->count--;
    }
    kept->revisions[kept->count++] = *revision;
    kept->prepared = (struct revision){0};
}

/* The next one, of this bundle; its other fields are the caller's to fill, and to seal. */
static struct revision next_revision(const struct history *self, const uint8_t *bundle,
                                     uint64_t wall_s)
{
    struct revision revision = {.parent = head_name(self),
                                .term = self->kept.term,
                                .writer = self->config.number,
                                .format = self->config.format,
                                .made_s = wall_s};
    revision.name.index = revision.parent.index + 1;
    memcpy(revision.bundle, bundle, sizeof revision.bundle);
    return revision;
}

void history_end_request(struct history *self, struct history_update *update,
                         enum history_outcome outcome, const char *sentence)
{
    if (self->stage == HISTORY_IDLE)
        return;
    update->reply_ticket = self->request.ticket;
    update->outcome = outcome;
    if (sentence != self->sentence)
        snprintf(self->sentence, sizeof self->sentence, "%s", sentence);
    update->sentence = self->sentence;
    self->stage = HISTORY_IDLE;
}

/* ---- steps: each takes at most one, and says whether what is kept has changed ---- */

/* Of two terms the higher counts. */
static bool yield(struct history *self, struct history_update *update)
{
    const struct history_state *partner = &self->partner;
    struct history_kept *kept = &self->kept;
    if (partner->term < kept->term ||
        (partner->term == kept->term && partner->writer <= kept->writer))
        return false;
    kept->term = partner->term;
    kept->writer = partner->writer;
    if (self->stage == HISTORY_PREPARING)
        history_end_request(self, update, HISTORY_OVERTAKEN, "");
    return true;
}

/* Asks for those of the names that are not known; true: all are. */
static bool learn(struct history *self, int64_t now_ms, const struct revision_name *names,
                  size_t count, struct history_update *update)
{
    size_t wanted = 0;
    bool is_due = now_ms >= self->want_due_ms;
    for (size_t i = 0; i < count && wanted < HISTORY_WANTS_MAX; i++) {
        if (history_learned(self, &names[i]) != NULL)
            continue;
        wanted++;
        if (is_due)
            update->sends[update->send_count++] =
                (struct history_message){.type = HISTORY_WANT, .want = names[i]};
    }
    if (wanted > 0 && is_due)
        self->want_due_ms = now_ms + HISTORY_WANT_MS;
    return wanted == 0;
}

/* Is this bundle known to fit here? Else it is checked, when nothing else is. */
static bool fits(struct history *self, int64_t now_ms, const uint8_t *bundle,
                 struct history_update *update)
{
    if ((self->has_fit && revision_digest_equal(self->fit, bundle)) ||
        (!history_is_none(&self->served) && revision_digest_equal(self->served_bundle, bundle)))
        return true;
    if (self->is_checking || now_ms < self->check_due_ms)
        return false;
    self->is_checking = true;
    memcpy(self->checking, bundle, sizeof self->checking);
    memcpy(update->bundle, bundle, sizeof update->bundle);
    update->check = true;
    return false;
}

static bool is_refused(const struct history *self, int64_t now_ms, const struct revision_name *name)
{
    return revision_name_equal(&self->refused, name) && now_ms < self->refused_until_ms;
}

static bool is_kept(const struct history_kept *kept, const struct revision_name *name)
{
    for (size_t i = 0; i < kept->count; i++)
        if (revision_name_equal(&kept->revisions[i].name, name))
            return true;
    return false;
}

/* The partner's list goes on, or counts for more: it is taken, when its newest fits here. */
static bool catch_up(struct history *self, int64_t now_ms, struct history_update *update)
{
    enum history_relation relation = history_relation(self, now_ms);
    struct revision_name partners_head = history_partners_newest(self), head = head_name(self);
    bool is_due =
        relation == HISTORY_AHEAD || (relation == HISTORY_DIVERGED && !history_is_writer(self) &&
                                      partners_head.index > head.index);
    if (!is_due || is_refused(self, now_ms, &partners_head))
        return false;
    size_t partners, common = history_common(self, &partners);
    const struct revision_name *names = &self->partner.names[partners];
    size_t count = self->partner.count - partners;
    if (!learn(self, now_ms, names, count, update))
        return false;
    const struct revision *newest_one = history_learned(self, &partners_head);
    bool is_prepared = revision_name_equal(&self->kept.prepared.name, &partners_head);
    if (!is_prepared && !fits(self, now_ms, newest_one->bundle, update))
        return false;
    if (relation == HISTORY_DIVERGED) {
        self->kept.set_aside = *history_newest(&self->kept);
        self->was_set_aside = true;
        self->kept.count = common;
    } else {
        self->kept.set_aside = (struct revision){0}; /* somebody went on, at the other node */
    }
    struct revision taken[HISTORY_MAX];
    for (size_t i = 0; i < count; i++)
        taken[i] = *history_learned(self, &names[i]);
    for (size_t i = 0; i < count; i++)
        append(self, &taken[i]);
    /* What it follows is not the newest any more, or it was set aside itself. */
    if (self->stage == HISTORY_PREPARING ||
        (self->stage == HISTORY_ENDING && !is_kept(&self->kept, &self->made)))
        history_end_request(self, update, HISTORY_OVERTAKEN, "");
    return true;
}

/* The writer's list differs from the partner's, and gets the higher index, for the partner to take
 * it. */
static bool outrank(struct history *self, int64_t now_ms, uint64_t wall_s)
{
    const struct revision *head = history_newest(&self->kept);
    uint64_t partners_index = history_partners_newest(self).index;
    if (!history_is_writer(self) || history_relation(self, now_ms) != HISTORY_DIVERGED ||
        head->name.index > partners_index)
        return false;
    struct revision revision = next_revision(self, head->bundle, wall_s);
    revision.name.index = partners_index + 1;
    revision.format = head->format;
    revision.until_s = head->until_s;
    memcpy(revision.author, head->author, sizeof revision.author);
    snprintf(revision.what, sizeof revision.what, "%llu stands over the other node's %llu",
             (unsigned long long)head->name.index, (unsigned long long)partners_index);
    revision_seal(&revision);
    append(self, &revision);
    return true;
}

/* What was asked for is to be in force; its end is told when both nodes serve it. */
static void await_service(struct history *self, int64_t now_ms, const struct revision_name *name)
{
    self->kept.set_aside = (struct revision){0}; /* somebody has looked, and gone on */
    self->made = *name;
    self->stage = HISTORY_ENDING;
    self->until_ms = now_ms + HISTORY_SERVE_MS;
}

static void drop_prepared(struct history *self)
{
    self->kept.prepared = (struct revision){0};
}

/* Told when it is so on the disk: else a crash could bring it back. */
static void drop(struct history *self, enum history_outcome outcome, const char *sentence)
{
    drop_prepared(self);
    if (self->stage != HISTORY_PREPARING)
        return;
    self->stage = HISTORY_DROPPING;
    self->dropped = outcome;
    snprintf(self->sentence, sizeof self->sentence, "%s", sentence);
}

/* What the writer prepared: is it in force, is it dropped, or is the partner waited for? */
static bool settle(struct history *self, int64_t now_ms)
{
    const struct revision *prepared = &self->kept.prepared;
    bool is_ours = self->stage == HISTORY_PREPARING;
    bool is_heard = history_is_heard(self, now_ms);
    if (history_is_none(&prepared->name) || !history_is_writer(self))
        return false;
    bool is_agreed = is_heard && revision_name_equal(&self->partner.prepared, &prepared->name);
    if (is_agreed || (!is_heard && is_ours && self->request.is_alone)) {
        struct revision revision = *prepared;
        append(self, &revision);
        if (is_ours)
            await_service(self, now_ms, &revision.name);
        return true;
    }
    if (is_heard && revision_name_equal(&self->partner.refused, &prepared->name)) {
        drop(self, HISTORY_REFUSED_THERE, self->partner.why);
        return true;
    }
    bool is_lost = !is_heard && now_ms - self->start_ms >= HISTORY_PARTNER_MS;
    if (!is_lost && now_ms < self->until_ms)
        return false;
    drop(self, HISTORY_PARTNER_LATE, "");
    return true;
}

/* What the partner, being the writer, prepares. */
static bool follow(struct history *self, int64_t now_ms, struct history_update *update)
{
    const struct revision_name *name = &self->partner.prepared;
    struct revision_name head = head_name(self);
    if (history_is_writer(self) || history_relation(self, now_ms) != HISTORY_EQUAL ||
        self->partner.writer == self->config.number)
        return false;
    if (!history_is_none(&self->kept.prepared.name) &&
        !revision_name_equal(&self->kept.prepared.name, name)) {
        drop_prepared(self); /* the writer did not put it in force */
        return true;
    }
    if (history_is_none(name) || !history_is_none(&self->kept.prepared.name) ||
        is_refused(self, now_ms, name) || !learn(self, now_ms, name, 1, update))
        return false;
    const struct revision *revision = history_learned(self, name);
    if (!revision_name_equal(&revision->parent, &head) ||
        !fits(self, now_ms, revision->bundle, update))
        return false;
    self->kept.prepared = *revision;
    return true;
}

/* ---- requests ---- */

/* The one that is to be gone back to; NULL: none. */
static const struct revision *find_index(const struct history *self, uint64_t index)
{
    if (index == 0)
        return self->kept.count < 2 ? NULL : &self->kept.revisions[self->kept.count - 2];
    for (size_t i = 0; i < self->kept.count; i++)
        if (self->kept.revisions[i].name.index == index)
            return &self->kept.revisions[i];
    return NULL;
}

static bool make(struct history *self, int64_t now_ms, uint64_t wall_s)
{
    const struct history_request *request = &self->request;
    struct revision revision = next_revision(self, request->bundle, wall_s);
    revision.format = request->format;
    revision.until_s = request->confirm_s == 0 ? 0 : wall_s + request->confirm_s;
    memcpy(revision.author, request->author, sizeof revision.author);
    memcpy(revision.what, request->what, sizeof revision.what);
    revision_seal(&revision);
    /* A confirmation, and what each serves already, needs nobody's check. */
    bool is_agreed = request->verb == HISTORY_CONFIRM || !history_is_heard(self, now_ms);
    if (is_agreed) {
        append(self, &revision);
        await_service(self, now_ms, &revision.name);
        return true;
    }
    self->kept.prepared = revision;
    self->stage = HISTORY_PREPARING;
    return true;
}

/* What was in force before the first revision is one too, so that it can be gone back to. */
static bool make_first(struct history *self, int64_t now_ms, uint64_t wall_s)
{
    struct revision revision = next_revision(self, self->request.first, wall_s);
    snprintf(revision.what, sizeof revision.what, "as it was before the first apply");
    memcpy(revision.author, self->request.author, sizeof revision.author);
    revision_seal(&revision);
    append(self, &revision);
    if (revision_digest_equal(self->request.bundle, self->request.first))
        await_service(self, now_ms, &revision.name);
    return true;
}

static bool take_up(struct history *self, int64_t now_ms, uint64_t wall_s,
                    struct history_update *update)
{
    const struct history_request *request = &self->request;
    if (self->stage != HISTORY_CHECKING)
        return false;
    if (!history_is_writer(self)) {
        history_end_request(self, update, HISTORY_NOT_THE_WRITER, "");
        return false;
    }
    if (!fits(self, now_ms, request->bundle, update))
        return false;
    if (self->kept.count == 0 && request->has_first)
        return make_first(self, now_ms, wall_s);
    enum history_relation relation = history_relation(self, now_ms);
    bool may_be_alone = request->is_alone || !self->config.has_partner;
    bool is_young = now_ms - self->start_ms < HISTORY_PARTNER_MS; /* it may be heard yet */
    if (relation == HISTORY_UNHEARD && is_young && self->config.has_partner)
        return false;
    if (relation == HISTORY_UNHEARD && !may_be_alone && request->verb != HISTORY_CONFIRM) {
        history_end_request(self, update, HISTORY_PARTNER_SILENT, "");
        return false;
    }
    if (relation == HISTORY_EQUAL || relation == HISTORY_UNHEARD)
        return make(self, now_ms, wall_s);
    if (now_ms >= self->until_ms)
        history_end_request(self, update, HISTORY_PARTNER_LATE, "");
    return false;
}

/* Nobody confirmed it in time. */
static bool end_unconfirmed(struct history *self, uint64_t wall_s)
{
    const struct revision *head = history_newest(&self->kept);
    if (!history_is_writer(self) || head == NULL || head->until_s == 0 || wall_s < head->until_s ||
        self->kept.count < 2 || !history_is_none(&self->kept.prepared.name))
        return false;
    const struct revision *before = &self->kept.revisions[self->kept.count - 2];
    struct revision revision = next_revision(self, before->bundle, wall_s);
    revision.format = before->format;
    memcpy(revision.author, head->author, sizeof revision.author);
    snprintf(revision.what, sizeof revision.what, "back to %llu: %llu was not confirmed",
             (unsigned long long)before->name.index, (unsigned long long)head->name.index);
    revision_seal(&revision);
    append(self, &revision);
    return true;
}

/* Why it cannot be; HISTORY_DONE: it can. */
static enum history_outcome judge(struct history *self, const struct history_request *request)
{
    const struct revision *head = history_newest(&self->kept);
    bool is_unconfirmed = head != NULL && head->until_s != 0;
    if (request->verb == HISTORY_PROMOTE)
        return history_is_writer(self) ? HISTORY_NOTHING_TO_DO : HISTORY_DONE;
    if (!history_is_writer(self))
        return HISTORY_NOT_THE_WRITER;
    if (request->verb == HISTORY_CONFIRM)
        return is_unconfirmed ? HISTORY_DONE : HISTORY_NOTHING_TO_DO;
    if (request->verb == HISTORY_APPLY && is_unconfirmed)
        return HISTORY_UNCONFIRMED;
    if (request->verb == HISTORY_ROLLBACK && find_index(self, request->index) == NULL)
        return request->index == 0 ? HISTORY_NOTHING_BEFORE : HISTORY_NO_SUCH;
    if (request->confirm_s > 0 && head == NULL && !request->has_first)
        return HISTORY_NOTHING_BEFORE;
    if (request->format > self->partner_format && self->config.has_partner)
        return HISTORY_PARTNER_OLDER;
    return HISTORY_DONE;
}

/* Into self->request, with what it does not say itself. */
static void fill(struct history *self, const struct history_request *request)
{
    const struct revision *source = NULL;
    self->request = *request;
    if (request->verb == HISTORY_ROLLBACK)
        source = find_index(self, request->index);
    if (request->verb == HISTORY_CONFIRM)
        source = history_newest(&self->kept);
    if (source == NULL)
        return;
    memcpy(self->request.bundle, source->bundle, sizeof self->request.bundle);
    self->request.format = source->format;
    snprintf(self->request.what, sizeof self->request.what, "%s %llu",
             request->verb == HISTORY_ROLLBACK ? "rollback" : "confirm",
             (unsigned long long)source->name.index);
}

static void refuse(const struct history_request *request, enum history_outcome outcome,
                   struct history_update *update)
{
    update->reply_ticket = request->ticket;
    update->outcome = outcome;
    update->sentence = "";
}

void history_ask(struct history *self, int64_t now_ms, const struct history_request *request,
                 struct history_update *update)
{
    const struct revision *head = history_newest(&self->kept);
    bool is_waiting = !history_is_none(&self->kept.prepared.name);
    if (self->stage != HISTORY_IDLE || (is_waiting && request->verb != HISTORY_PROMOTE)) {
        refuse(request, HISTORY_BUSY, update);
        return;
    }
    enum history_outcome outcome = judge(self, request);
    if (outcome != HISTORY_DONE) {
        refuse(request, outcome, update);
        return;
    }
    fill(self, request);
    if (request->verb != HISTORY_CONFIRM && request->verb != HISTORY_PROMOTE && head != NULL &&
        revision_digest_equal(head->bundle, self->request.bundle)) {
        refuse(request, HISTORY_NOTHING_TO_DO, update);
        return;
    }
    self->stage = HISTORY_CHECKING;
    self->until_ms = now_ms + HISTORY_ANSWER_MS;
}

/* A prepared one survives: the partner may have put it in force before it fell silent. */
static bool promote(struct history *self)
{
    struct history_kept *kept = &self->kept;
    if (self->stage != HISTORY_CHECKING || self->request.verb != HISTORY_PROMOTE)
        return false;
    uint64_t term = kept->term;
    if (self->has_heard && self->partner.term > term)
        term = self->partner.term;
    kept->term = term + 1;
    kept->writer = self->config.number;
    if (!history_is_none(&kept->prepared.name)) {
        struct revision prepared = kept->prepared;
        append(self, &prepared);
    }
    self->stage = HISTORY_ENDING;
    return true;
}

/* ---- the end of a request ---- */

void history_finish(struct history *self, int64_t now_ms, struct history_update *update)
{
    if (self->stage != HISTORY_ENDING || self->is_keeping)
        return;
    if (self->request.verb == HISTORY_PROMOTE) {
        history_end_request(self, update, HISTORY_DONE, "");
        return;
    }
    bool is_served = revision_name_equal(&self->served, &self->made);
    bool is_heard = history_is_heard(self, now_ms);
    bool is_there = is_heard && revision_name_equal(&self->partner.served, &self->made);
    bool is_late = now_ms >= self->until_ms && (is_served || self->not_served[0] == '\0');
    if (self->not_served[0] != '\0' && !self->is_serving)
        history_end_request(self, update, HISTORY_NOT_SERVED, self->not_served);
    else if (is_served && (is_there || !self->config.has_partner))
        history_end_request(self, update, HISTORY_DONE, "");
    else if (is_served && !is_heard)
        history_end_request(self, update, HISTORY_DONE_ALONE, "");
    else if (is_late)
        history_end_request(self, update, HISTORY_DONE_LATE, "");
}

/* ---- one step ---- */

bool history_decide(struct history *self, int64_t now_ms, uint64_t wall_s,
                    struct history_update *update)
{
    return (history_is_heard(self, now_ms) && yield(self, update)) || promote(self) ||
           catch_up(self, now_ms, update) || outrank(self, now_ms, wall_s) ||
           settle(self, now_ms) || follow(self, now_ms, update) ||
           take_up(self, now_ms, wall_s, update) || end_unconfirmed(self, wall_s);
}
