/* What must hold, each with its promise. */
#include <stdio.h>
#include <string.h>

#include "sim/history/history.h"

struct sim_made *sim_find_made(struct sim *self, const struct revision_name *name)
{
    for (size_t i = 0; i < self->made_count; i++)
        if (revision_name_equal(&self->made[i].revision.name, name))
            return &self->made[i];
    return NULL;
}

static struct sim_made *note(struct sim *self, const struct revision *revision)
{
    struct sim_made *made = sim_find_made(self, &revision->name);
    if (made != NULL || self->made_count == SIM_MADE_MAX)
        return made;
    made = &self->made[self->made_count++];
    *made = (struct sim_made){.revision = *revision};
    return made;
}

static bool has(const struct history_kept *kept, const struct revision_name *name)
{
    for (size_t i = 0; i < kept->count; i++)
        if (revision_name_equal(&kept->revisions[i].name, name))
            return true;
    return false;
}

/* What is told to have changed nothing never comes in force. */
static void see_nothing(struct sim *self, const struct revision *revision)
{
    for (uint64_t i = 1; i <= self->tickets && i < SIM_TICKETS_MAX; i++)
        sim_check(self, ORACLE_NOTHING, strcmp(self->nothing[i], revision->what) != 0,
                  "%s was told to have changed nothing, and is in force", revision->what);
}

/* Of one term one node writes. */
static void see_writer(struct sim *self, const struct revision *revision)
{
    for (size_t i = 0; i < self->made_count; i++) {
        const struct revision *other = &self->made[i].revision;
        sim_check(
            self, ORACLE_WRITER, other->term != revision->term || other->writer == revision->writer,
            "%llu and %llu, of term %llu, are of two nodes", (unsigned long long)other->name.index,
            (unsigned long long)revision->name.index, (unsigned long long)revision->term);
    }
}

/* An index never goes back on any node. */
void sim_see_disk(struct sim *self, size_t host)
{
    struct sim_host *h = &self->hosts[host];
    if (h->disk.count == 0)
        return;
    const struct revision *head = &h->disk.revisions[h->disk.count - 1];
    for (size_t i = 0; i < h->disk.count; i++) {
        see_writer(self, &h->disk.revisions[i]);
        note(self, &h->disk.revisions[i]);
    }
    sim_check(self, ORACLE_BACK,
              head->name.index > h->newest.index || revision_name_equal(&head->name, &h->newest),
              "node %zu had %llu in force and has %llu", host + 1,
              (unsigned long long)h->newest.index, (unsigned long long)head->name.index);
    if (!revision_name_equal(&head->name, &h->newest))
        sim_trace(self, "%zu has %llu in force (%s)", host + 1,
                  (unsigned long long)head->name.index, head->what);
    h->newest = head->name;
    for (size_t i = 0; i < h->disk.count; i++)
        see_nothing(self, &h->disk.revisions[i]);
}

/* What differs from the writer's is set aside, all from where they part. */
void sim_see_aside(struct sim *self, size_t host, const struct history_kept *before)
{
    const struct history_kept *after = &self->hosts[host].disk;
    sim_trace(self, "%zu sets aside %llu", host + 1,
              (unsigned long long)after->set_aside.name.index);
    for (size_t i = 0; i < before->count; i++) {
        struct sim_made *made = sim_find_made(self, &before->revisions[i].name);
        if (made != NULL && !has(after, &made->revision.name))
            made->was_set_aside = true;
    }
}

static bool is_done(enum history_outcome outcome)
{
    return outcome == HISTORY_DONE || outcome == HISTORY_DONE_ALONE ||
           outcome == HISTORY_DONE_LATE || outcome == HISTORY_NOT_SERVED;
}

static bool has_changed_nothing(enum history_outcome outcome)
{
    return outcome == HISTORY_REFUSED_HERE || outcome == HISTORY_REFUSED_THERE ||
           outcome == HISTORY_NOT_KEPT || outcome == HISTORY_PARTNER_SILENT;
}

void sim_see_reply(struct sim *self, size_t host, const struct history_update *update)
{
    struct sim_host *h = &self->hosts[host];
    const struct history *history = &h->history;
    sim_outcomes[update->outcome]++;
    sim_trace(self, "%zu answers: %s %s", host + 1, history_outcome_text(update->outcome),
              update->sentence);
    if (h->ticket == update->reply_ticket)
        h->ticket = 0;
    if (history->request.ticket != update->reply_ticket ||
        history->request.verb == HISTORY_PROMOTE || update->outcome == HISTORY_BUSY ||
        update->outcome == HISTORY_NOTHING_TO_DO)
        return;
    if (has_changed_nothing(update->outcome) && history->request.verb == HISTORY_APPLY)
        memcpy(self->nothing[update->reply_ticket], history->request.what, sizeof self->nothing[0]);
    struct sim_made *made = sim_find_made(self, &history->made);
    if (is_done(update->outcome)) {
        sim_check(self, ORACLE_DONE, made != NULL && has(&h->disk, &history->made),
                  "done is told of %llu on %zu, which has it not",
                  (unsigned long long)history->made.index, host + 1);
        if (made != NULL)
            made->is_done = true;
    }
    if (update->outcome == HISTORY_DONE)
        sim_check(self, ORACLE_DONE, has(&self->hosts[1 - host].disk, &history->made),
                  "done is told of %llu, which the partner has not",
                  (unsigned long long)history->made.index);
}

/* What the writer prepared, and the partner refused, must not come in force. */
static void see_refused(struct sim *self)
{
    for (size_t host = 0; host < SIM_HOSTS; host++) {
        const struct history *history = &self->hosts[host].history;
        if (!self->hosts[host].is_up || history->refused.index == 0 ||
            history->refused_until_ms <= self->now_ms)
            continue;
        sim_check(self, ORACLE_UNFIT, !has(&self->hosts[host].disk, &history->refused),
                  "node %zu refused %llu and has it in force", host + 1,
                  (unsigned long long)history->refused.index);
    }
}

/* What a node says it serves it answers by. */
static void see_served(struct sim *self, size_t host)
{
    const struct sim_host *h = &self->hosts[host];
    const struct sim_made *served = sim_find_made(self, &h->history.served);
    sim_check(self, ORACLE_SERVED,
              served == NULL || sim_bundle_number(served->revision.bundle) == h->answers_by,
              "node %zu says that it serves %llu, and answers by bundle %zu", host + 1,
              (unsigned long long)h->history.served.index, h->answers_by);
}

void sim_step_oracles(struct sim *self)
{
    see_refused(self);
    for (size_t host = 0; host < SIM_HOSTS; host++) {
        const struct sim_host *h = &self->hosts[host];
        if (h->is_up)
            see_served(self, host);
        int64_t most = HISTORY_ANSWER_MS + HISTORY_SERVE_MS + 12000; /* stalled meanwhile */
        sim_check(self, ORACLE_END, h->ticket == 0 || self->now_ms - h->asked_ms < most,
                  "node %zu did not answer for %lld ms", host + 1,
                  (long long)(self->now_ms - h->asked_ms));
    }
}

static void end_host(struct sim *self, size_t host)
{
    const struct sim_host *h = &self->hosts[host];
    const struct revision *head = history_head(&h->history);
    if (head == NULL)
        return;
    sim_check(self, ORACLE_EQUAL, revision_name_equal(&head->name, &h->history.served),
              "node %zu has %llu and serves %llu: %s", host + 1,
              (unsigned long long)head->name.index, (unsigned long long)h->history.served.index,
              h->history.not_served);
    sim_check(self, ORACLE_CONFIRM,
              head->until_s == 0 || head->until_s > sim_wall_s(self) || h->disk.count < 2,
              "%llu on node %zu was to be confirmed long ago", (unsigned long long)head->name.index,
              host + 1);
    sim_check(self, ORACLE_EQUAL, h->history.kept.prepared.name.index == 0,
              "node %zu still has %llu prepared", host + 1,
              (unsigned long long)h->history.kept.prepared.name.index);
}

void sim_end_oracles(struct sim *self)
{
    const struct history_kept *a = &self->hosts[0].disk, *b = &self->hosts[1].disk;
    bool are_equal =
        a->term == b->term && a->writer == b->writer && (a->count == 0) == (b->count == 0) &&
        (a->count == 0 ||
         revision_name_equal(&a->revisions[a->count - 1].name, &b->revisions[b->count - 1].name));
    if (self->hosts[0].has_disk || self->hosts[1].has_disk)
        sim_check(self, ORACLE_EQUAL, are_equal, "node 1 has %llu, node 2 has %llu",
                  (unsigned long long)self->hosts[0].newest.index,
                  (unsigned long long)self->hosts[1].newest.index);
    for (size_t host = 0; host < SIM_HOSTS; host++)
        end_host(self, host);
    uint64_t oldest = a->count == 0 ? 0 : a->revisions[0].name.index;
    for (size_t i = 0; i < self->made_count; i++) {
        const struct sim_made *made = &self->made[i];
        if (made->is_done && made->revision.name.index >= oldest)
            sim_check(self, ORACLE_LOST, made->was_set_aside || has(a, &made->revision.name),
                      "%llu (%s) was told as done, and is gone",
                      (unsigned long long)made->revision.name.index, made->revision.what);
    }
}
