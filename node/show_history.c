#include "node/show_history.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "node/show.h"

static const char *const relations[] = {[HISTORY_UNHEARD] = "silent",
                                        [HISTORY_EQUAL] = "equal",
                                        [HISTORY_AHEAD] = "ahead",
                                        [HISTORY_BEHIND] = "behind",
                                        [HISTORY_DIVERGED] = "diverged"};

static json_t *show_revision(const struct revision *revision)
{
    json_int_t now_s = (json_int_t)time(NULL);
    char bundle[BUNDLE_HEX_SIZE];
    bundle_hex(revision->bundle, bundle);
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:s, s:s, s:s}", "revision", (json_int_t)revision->name.index,
                  "term", (json_int_t)revision->term, "age_s", now_s - (json_int_t)revision->made_s,
                  "author", revision->author, "what", revision->what, "bundle", bundle);
    if (revision->until_s != 0)
        json_object_set_new(json, "to_confirm_s",
                            json_integer((json_int_t)revision->until_s - now_s));
    return json;
}

json_t *show_history(const struct documents *documents, int64_t now_ms, const char *const *names,
                     const char *file, const char *differs)
{
    const struct history *history = &documents->history;
    const struct history_kept *kept = &history->durable;
    json_t *revisions = json_array();
    for (size_t i = 0; i < kept->count; i++)
        json_array_append_new(revisions, show_revision(&kept->revisions[i]));
    const char *relation =
        history->config.has_partner ? relations[history_relation(history, now_ms)] : "none";
    return json_pack("{s:i, s:o, s:I, s:s*, s:I, s:I, s:s, s:s, s:s, s:s}", "exit", 0, "revisions",
                     revisions, "term", (json_int_t)kept->term, "writer", names[kept->writer - 1],
                     "served", (json_int_t)history->served.index, "prepared",
                     (json_int_t)kept->prepared.name.index, "partner", relation, "state",
                     documents->archive.state, "file", file, "restart_needed", differs);
}

/* ---- status ---- */

/* What the partner says of itself, for status speaks for both. */
static void add_partners_alarms(json_t *status, const struct history *history, const char *other)
{
    const struct history_state *partner = &history->partner;
    uint64_t newest = partner->count == 0 ? 0 : partner->names[partner->count - 1].index;
    if (partner->refused.index != 0)
        show_add_alarm(status, "%s cannot take revision %llu: %s", other,
                       (unsigned long long)partner->refused.index, partner->why);
    if (partner->served.index != newest)
        show_add_alarm(status,
                       "%s does not serve revision %llu, which is in force there: see its status",
                       other, (unsigned long long)newest);
}

static void add_alarms(json_t *status, const struct documents *documents, int64_t now_ms,
                       const char *const *names, const char *differs)
{
    const struct history *history = &documents->history;
    const struct history_kept *kept = &history->durable;
    const char *self = names[history->config.number - 1],
               *other = names[2 - history->config.number];
    const struct revision *head = history_head(history);
    unsigned long long index = head == NULL ? 0 : (unsigned long long)head->name.index;
    if (differs[0] != '\0')
        show_add_alarm(status, "restart needed on %s for: %s", self, differs);
    if (head != NULL && history->not_served[0] != '\0')
        show_add_alarm(status, "%s cannot serve revision %llu, which is in force: %s", self, index,
                       history->not_served);
    if (history->refused.index != 0)
        show_add_alarm(status, "%s cannot take revision %llu of %s: %s", self,
                       (unsigned long long)history->refused.index, other, history->why);
    if (history_is_heard(history, now_ms))
        add_partners_alarms(status, history, other);
    if (history_relation(history, now_ms) == HISTORY_DIVERGED)
        show_add_alarm(status,
                       "the documents of both nodes differ: those of %s, the writer, will stand",
                       names[kept->writer - 1]);
    if (kept->set_aside.name.index != 0)
        show_add_alarm(status,
                       "revision %llu of %s differed from the other node's and was set aside: see "
                       "%s/set-aside-%llu; the next apply ends this alarm",
                       (unsigned long long)kept->set_aside.name.index, self,
                       documents->archive.state, (unsigned long long)kept->set_aside.name.index);
    if (head != NULL && head->until_s != 0)
        show_add_alarm(status, "revision %llu waits for \"tandemctl confirm\"", index);
}

void show_add_document(json_t *status, const struct documents *documents, int64_t now_ms,
                       const char *const *names, const char *differs)
{
    const struct history *history = &documents->history;
    const struct revision *head = history_head(history);
    add_alarms(status, documents, now_ms, names, differs);
    json_object_set_new(
        status, "document",
        json_pack("{s:I, s:s*, s:b}", "revision", head == NULL ? 0 : (json_int_t)head->name.index,
                  "writer", names[history->durable.writer - 1], "is_served",
                  head == NULL || revision_name_equal(&head->name, &history->served)));
}
