#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/documents_parts.h"

/* ---- the history's updates ---- */

static void keep(struct worker *self)
{
    struct documents *documents = &self->documents;
    struct clerk_job *job = clerk_take(documents->clerk);
    documents->is_keep_due = job == NULL;
    if (job == NULL)
        return;
    job->kind = CLERK_KEEP;
    job->kept = documents->history.kept;
    job->is_swept = documents->work == DOCUMENTS_NO_WORK &&
                    documents->request_stage == DOCUMENTS_NO_REQUEST &&
                    documents->history.stage != HISTORY_CHECKING;
    clerk_do(documents->clerk, job);
}

static void set_aside(struct worker *self)
{
    struct documents *documents = &self->documents;
    const struct revision *revision = &documents->history.durable.set_aside;
    struct clerk_job *job = clerk_take(documents->clerk);
    documents->is_aside_due = job == NULL;
    if (job == NULL)
        return;
    log_line(self->log, "document revision=%llu set-aside reason=diverged: the other node's stands",
             (unsigned long long)revision->name.index);
    job->kind = CLERK_SET_ASIDE;
    job->index = revision->name.index;
    memcpy(job->bundle, revision->bundle, sizeof job->bundle);
    clerk_do(documents->clerk, job);
}

static int exit_status(enum history_outcome outcome)
{
    if (outcome <= HISTORY_DONE_LATE || outcome == HISTORY_NOTHING_TO_DO)
        return 0;
    return outcome == HISTORY_NOT_KEPT || outcome == HISTORY_NOT_KEPT_YET ? 111 : 100;
}

/* For the audit and the events of both nodes. */
static void note_deed(struct worker *self, int64_t now_ms)
{
    const struct history_request *request = &self->documents.history.request;
    static const char *const deeds[] = {"apply", "rollback", "confirm", "promote"};
    struct transition told = {0};
    snprintf(told.subject, sizeof told.subject, "%s", self->node_name);
    snprintf(told.to, sizeof told.to, "%s", deeds[request->verb]);
    snprintf(told.author, sizeof told.author, "%.*s", TRANSITION_AUTHOR_MAX, request->author);
    if (request->verb != HISTORY_PROMOTE)
        snprintf(told.note, sizeof told.note, "revision %llu, %.40s",
                 (unsigned long long)self->documents.history.made.index, request->what);
    worker_step(self, now_ms, &(struct node_event){.type = NODE_DID, .transition = &told});
}

static void answer(struct worker *self, int64_t now_ms, const struct history_update *update)
{
    int status = exit_status(update->outcome);
    const char *text = history_outcome_text(update->outcome);
    char line[HISTORY_SENTENCE_MAX + 256];
    bool is_done = update->outcome <= HISTORY_DONE_LATE;
    const char *differs = self->served->differs;
    if (is_done)
        note_deed(self, now_ms);
    if (update->sentence[0] != '\0')
        snprintf(line, sizeof line, "%s: %s", text, update->sentence);
    else if (is_done && differs[0] != '\0')
        snprintf(line, sizeof line, "%s; restart needed for: %s", text, differs);
    else
        snprintf(line, sizeof line, "%s", text);
    json_t *json = json_pack("{s:s, s:i}", status == 0 ? "outcome" : "error", line, "exit", status);
    if (is_done && self->documents.history.request.verb != HISTORY_PROMOTE)
        json_object_set_new(json, "revision",
                            json_integer((json_int_t)self->documents.history.made.index));
    control_answer(self->control, update->reply_ticket, json);
}

void worker_history(struct worker *self, int64_t now_ms, struct history_event *event)
{
    struct documents *documents = &self->documents;
    struct history_update *update = &documents->update;
    uint64_t before =
        documents->history.durable.count == 0 ? 0 : history_head(&documents->history)->name.index;
    event->wall_s = (uint64_t)worker_wall_ms() / 1000;
    uint32_t format = replica_partner_format(&self->node.replica);
    documents->history.partner_format = format == 0 ? DOCUMENT_FORMAT : format;
    history_step(&documents->history, now_ms, event, update);
    const struct revision *head = history_head(&documents->history);
    if (head != NULL && head->name.index != before && event->type == HISTORY_KEPT)
        log_line(self->log, "document revision=%llu in-force reason=agreed by=%s: %s",
                 (unsigned long long)head->name.index, head->author, head->what);
    for (size_t i = 0; i < update->send_count; i++)
        documents_send(self, &update->sends[i]);
    if (update->keep)
        keep(self);
    if (update->check) {
        documents->is_check_due = true;
        memcpy(documents->check, update->bundle, sizeof documents->check);
    }
    documents->is_serve_due |= update->serve;
    if (update->set_aside)
        set_aside(self);
    if (update->reply_ticket != 0)
        answer(self, now_ms, update);
}

/* ---- requests ---- */

static void refuse_request(struct worker *self, const char *sentence)
{
    struct documents *documents = &self->documents;
    documents->request_stage = DOCUMENTS_NO_REQUEST;
    if (documents->request_fd >= 0)
        close(documents->request_fd);
    documents->request_fd = -1;
    worker_refuse(self, documents->request.ticket, sentence);
}

static void begin_intake(struct worker *self)
{
    struct documents *documents = &self->documents;
    struct clerk_job *job = clerk_take(documents->clerk);
    if (job == NULL) {
        refuse_request(self, "the disk does not keep up: try again in a while");
        return;
    }
    job->kind = CLERK_TAKE_IN;
    job->fd = documents->request_fd;
    documents->request_fd = -1;
    documents->request_stage = DOCUMENTS_INTAKE;
    clerk_do(documents->clerk, job);
}

static void end_intake(struct worker *self, int64_t now_ms, const struct clerk_job *job)
{
    struct documents *documents = &self->documents;
    documents->request_stage = DOCUMENTS_NO_REQUEST;
    if (job->error != 0) {
        refuse_request(self, job->sentence);
        return;
    }
    memcpy(documents->request.bundle, job->bundle, sizeof documents->request.bundle);
    worker_history(self, now_ms,
                   &(struct history_event){.type = HISTORY_ASKED, .request = &documents->request});
}

static void begin_first(struct worker *self)
{
    struct documents *documents = &self->documents;
    if (documents->request_stage == DOCUMENTS_FIRST && !reload_is_running(self->reload) &&
        reload_start(self->reload, RELOAD_KEEP, self->served, NULL, NULL) == 0)
        documents->request_stage = DOCUMENTS_KEEPING;
}

static void take_options(struct worker *self, const struct control_request *request,
                         struct history_request *taken)
{
    json_int_t confirm_s = json_integer_value(json_object_get(request->json, "confirm_s"));
    json_int_t index = json_integer_value(json_object_get(request->json, "revision"));
    const char *name = json_string_value(json_object_get(request->json, "name"));
    taken->ticket = request->ticket;
    taken->format = DOCUMENT_FORMAT;
    taken->confirm_s = confirm_s < 0 ? 0 : (uint32_t)confirm_s;
    taken->index = index < 0 ? UINT64_MAX : (uint64_t)index;
    taken->is_alone = json_is_true(json_object_get(request->json, "alone"));
    worker_author(self, request, taken->author);
    snprintf(taken->what, sizeof taken->what, "apply %.50s", name == NULL ? "" : name);
    for (char *c = taken->what; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static void request_apply(struct worker *self, const struct control_request *request,
                          const struct history_request *taken)
{
    struct documents *documents = &self->documents;
    const char *sentence = NULL;
    int fd = control_take_fd(self->control, request->ticket);
    if (documents->request_stage != DOCUMENTS_NO_REQUEST)
        sentence = history_outcome_text(HISTORY_BUSY);
    else if (!history_is_writer(&documents->history))
        sentence = history_outcome_text(HISTORY_NOT_THE_WRITER);
    else if (fd < 0)
        sentence = "no files came with it: give \"tandemctl apply FILE\"";
    if (sentence != NULL) {
        if (fd >= 0)
            close(fd);
        worker_refuse(self, request->ticket, sentence);
        return;
    }
    documents->request = *taken;
    documents->request_fd = fd;
    documents->request_stage = DOCUMENTS_FIRST;
    if (documents->history.kept.count > 0)
        begin_intake(self);
}

bool worker_request_document(struct worker *self, int64_t now_ms,
                             const struct control_request *request)
{
    static const struct {
        const char *command;
        enum history_verb verb;
    } verbs[] = {{"apply", HISTORY_APPLY},
                 {"rollback", HISTORY_ROLLBACK},
                 {"confirm", HISTORY_CONFIRM},
                 {"promote", HISTORY_PROMOTE}};
    const char *command = json_string_value(json_object_get(request->json, "command"));
    size_t i = 0;
    while (i < sizeof verbs / sizeof *verbs && strcmp(verbs[i].command, command) != 0)
        i++;
    if (i == sizeof verbs / sizeof *verbs)
        return false;
    struct history_request taken = {.verb = verbs[i].verb};
    take_options(self, request, &taken);
    if (taken.confirm_s > HISTORY_CONFIRM_S_MAX)
        worker_refuse(self, request->ticket, "a document is confirmed within a day");
    else if (taken.verb == HISTORY_APPLY)
        request_apply(self, request, &taken);
    else
        worker_history(self, now_ms,
                       &(struct history_event){.type = HISTORY_ASKED, .request = &taken});
    return true;
}

/* ---- what comes in ---- */

void worker_take_history(struct worker *self, int64_t now_ms, const uint8_t *bytes, size_t size)
{
    struct history_message message;
    if (!history_message_decode(&message, &self->node.space, bytes, size))
        log_limited(self->log, now_ms, "bad-history", "refuse history reason=bad-message");
    else if (message.type == HISTORY_PIECE)
        documents_take_piece(&self->documents, &message.piece);
    else if (message.type == HISTORY_WANT_PIECE)
        documents_read_piece(&self->documents, &message.piece);
    else
        worker_history(self, now_ms,
                       &(struct history_event){.type = HISTORY_HEARD, .message = &message});
}

static void take_job(struct worker *self, int64_t now_ms, const struct clerk_job *job)
{
    switch (job->kind) {
    case CLERK_KEEP:
        if (job->error != 0)
            log_line(self->log, "disk history not-written reason=%s", strerror(-job->error));
        worker_history(self, now_ms,
                       &(struct history_event){.type = HISTORY_KEPT, .error = job->error});
        break;
    case CLERK_TAKE_IN:
        end_intake(self, now_ms, job);
        break;
    case CLERK_LACKS:
        documents_take_lacks(self, now_ms, job);
        break;
    case CLERK_READ:
        documents_tell_piece(self, job);
        break;
    case CLERK_TAKE:
        documents_take_taken(self, now_ms, job);
        break;
    case CLERK_SET_ASIDE:
        if (job->error != 0)
            log_line(self->log, "disk set-aside not-written reason=%s", job->sentence);
        break;
    }
}

void worker_take_clerk(struct worker *self, int64_t now_ms)
{
    const struct clerk_job *job;
    while ((job = clerk_next(self->documents.clerk)) != NULL)
        take_job(self, now_ms, job);
}

bool worker_end_build(struct worker *self, int64_t now_ms, const char *error)
{
    struct documents *documents = &self->documents;
    switch (reload_what(self->reload)) {
    case RELOAD_FILE:
    case RELOAD_AGAIN:
        return false;
    case RELOAD_KEEP:
        documents->request.has_first = error[0] == '\0';
        memcpy(documents->request.first, reload_bundle(self->reload),
               sizeof documents->request.first);
        if (error[0] != '\0')
            log_line(self->log, "document first not-kept: %s", error);
        begin_intake(self);
        return true;
    case RELOAD_CHECK:
    case RELOAD_BUNDLE:
        documents_end_work(self, now_ms, error);
        return true;
    }
    return false;
}

void worker_turn_documents(struct worker *self, int64_t now_ms)
{
    struct documents *documents = &self->documents;
    if (documents->is_keep_due)
        keep(self);
    if (documents->is_aside_due)
        set_aside(self);
    documents_work(self, now_ms);
    begin_first(self);
    if (now_ms >= history_deadline(&documents->history))
        worker_history(self, now_ms, &(struct history_event){.type = HISTORY_TIMEOUT});
}

int64_t worker_documents_deadline(const struct worker *self)
{
    const struct documents *documents = &self->documents;
    int64_t due_ms = history_deadline(&documents->history);
    if (documents->work == DOCUMENTS_FETCHING && documents->fetch_due_ms < due_ms)
        return documents->fetch_due_ms;
    return due_ms;
}

/* ---- the beginning ---- */

/* In the place of what the file says: the revision that is in force. With a sentence when it is
 * not, or is something else. */
static void begin_with(struct worker *self, const struct revision *head, char *error)
{
    struct documents *documents = &self->documents;
    struct generation *file = self->served;
    uint8_t digest[REVISION_DIGEST_SIZE], lacks[ARCHIVE_LACKS_MAX][REVISION_DIGEST_SIZE];
    bool is_whole = archive_lacks(&documents->archive, head->bundle, lacks) == 0;
    struct generation *next =
        is_whole ? generation_of_bundle(&documents->archive, head->bundle, file, NULL, error)
                 : NULL;
    if (!is_whole)
        snprintf(error, LOAD_ERROR_MAX,
                 "files of revision %llu lack or are damaged: the node's own file is served until "
                 "the partner has told them again",
                 (unsigned long long)head->name.index);
    if (next != NULL && !node_has_room(&self->node, &next->document)) {
        snprintf(error, LOAD_ERROR_MAX, "it has more servers than this worker has room for");
        generation_close(next);
        next = NULL;
    }
    if (next == NULL) {
        snprintf(documents->start_sentence, sizeof documents->start_sentence, "%s", error);
        return;
    }
    bundle_digest(file->text, file->size, digest);
    if (memcmp(digest, next->bundle.files[0].digest, sizeof digest) != 0)
        snprintf(error, LOAD_ERROR_MAX,
                 "%s differs from revision %llu, which is in force: see \"tandemctl diff\"",
                 self->config_path, (unsigned long long)head->name.index);
    node_adopt(&self->node, worker_now_ms(), &next->plan);
    self->served = next;
    documents->file = file;
}

bool worker_return_to_file(struct worker *self, const char *error)
{
    struct documents *documents = &self->documents;
    struct generation *next = self->served;
    if (documents->file == NULL)
        return false;
    snprintf(documents->start_sentence, sizeof documents->start_sentence, "%s", error);
    node_adopt(&self->node, worker_now_ms(), &documents->file->plan);
    self->served = documents->file;
    documents->file = NULL;
    generation_close(next);
    return true;
}

void worker_forget_file(struct worker *self)
{
    generation_close(self->documents.file);
    self->documents.file = NULL;
}

int worker_load_documents(struct worker *self, char *error)
{
    struct documents *documents = &self->documents;
    char sentence[ARCHIVE_SENTENCE_MAX];
    int result = archive_open(&documents->archive, self->state_path, sentence);
    if (result == 0)
        result = archive_load(&documents->archive, &documents->kept, sentence);
    documents->has_kept = result > 0;
    error[0] = '\0';
    if (documents->has_kept && documents->kept.count > 0)
        begin_with(self, &documents->kept.revisions[documents->kept.count - 1], error);
    if (sentence[0] != '\0')
        snprintf(error, LOAD_ERROR_MAX, "%s", sentence);
    return result < 0 ? result : 0;
}

int worker_open_documents(struct worker *self)
{
    struct documents *documents = &self->documents;
    struct history_config config = {.number = (uint8_t)(self->node.config.self + 1),
                                    .has_partner = document_has_partner(&self->served->document),
                                    .format = DOCUMENT_FORMAT};
    history_init(&documents->history, &config);
    documents->request_fd = -1;
    documents->frame = malloc(HISTORY_MESSAGE_SIZE_MAX);
    return documents->frame == NULL ? -ENOMEM : clerk_open(&documents->clerk, &documents->archive);
}

void worker_start_documents(struct worker *self, int64_t now_ms)
{
    struct documents *documents = &self->documents;
    const struct history_kept *kept = documents->has_kept ? &documents->kept : NULL;
    worker_history(self, now_ms,
                   &(struct history_event){
                       .type = HISTORY_START, .kept = kept, .sentence = documents->start_sentence});
}

void worker_close_documents(struct worker *self)
{
    clerk_close(self->documents.clerk);
    if (self->documents.frame != NULL && self->documents.request_fd >= 0)
        close(self->documents.request_fd);
    free(self->documents.frame);
}
