/* What is lacking of a bundle, and its build: to see whether it can be served, or to serve it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/documents_parts.h"

void documents_send(struct worker *self, const struct history_message *message)
{
    struct documents *documents = &self->documents;
    size_t size = history_message_encode(message, documents->frame);
    if (self->link != NULL) /* lost is lost: it is told again */
        (void)link_send(self->link, REPLICA_PARTNER, documents->frame, size);
}

void documents_end_work(struct worker *self, int64_t now_ms, const char *sentence)
{
    struct documents *documents = &self->documents;
    bool is_check = documents->is_check;
    uint8_t bundle[REVISION_DIGEST_SIZE];
    char told[HISTORY_SENTENCE_MAX + 1];
    memcpy(bundle, documents->bundle, sizeof bundle);
    snprintf(told, sizeof told, "%s", sentence == NULL ? "its files are not here" : sentence);
    documents->work = DOCUMENTS_NO_WORK;
    if (is_check)
        worker_history(self, now_ms,
                       &(struct history_event){.type = HISTORY_CHECKED,
                                               .bundle = bundle,
                                               .sentence = sentence == NULL ? NULL : told});
    else
        worker_history(self, now_ms,
                       &(struct history_event){.type = HISTORY_IS_SERVED, .sentence = told});
}

static bool ask_what_lacks(struct documents *documents)
{
    struct clerk_job *job = clerk_take(documents->clerk);
    if (job == NULL)
        return false;
    job->kind = CLERK_LACKS;
    memcpy(job->bundle, documents->bundle, sizeof job->bundle);
    clerk_do(documents->clerk, job);
    documents->work = DOCUMENTS_ASKED;
    return true;
}

static void begin_work(struct documents *documents)
{
    if (documents->work != DOCUMENTS_NO_WORK ||
        (!documents->is_check_due && !documents->is_serve_due))
        return;
    documents->is_check = documents->is_check_due;
    memcpy(documents->bundle,
           documents->is_check ? documents->check : documents->history.serving_bundle,
           sizeof documents->bundle);
    if (!ask_what_lacks(documents))
        return;
    if (documents->is_check)
        documents->is_check_due = false;
    else
        documents->is_serve_due = false;
}

static void want_piece(struct worker *self, int64_t now_ms)
{
    struct documents *documents = &self->documents;
    struct history_message message = {.type = HISTORY_WANT_PIECE};
    memcpy(message.piece.digest, documents->lacks[documents->lack], sizeof message.piece.digest);
    message.piece.offset = documents->offset;
    documents->fetch_due_ms = now_ms + DOCUMENTS_FETCH_MS;
    documents_send(self, &message);
}

void documents_take_lacks(struct worker *self, int64_t now_ms, const struct clerk_job *job)
{
    struct documents *documents = &self->documents;
    if (documents->work != DOCUMENTS_ASKED)
        return;
    documents->lack_count = job->lack_count;
    documents->lack = documents->attempts = 0;
    documents->offset = 0;
    memcpy(documents->lacks, job->lacks, sizeof documents->lacks);
    documents->work = job->lack_count == 0 ? DOCUMENTS_COMPLETE : DOCUMENTS_FETCHING;
    if (documents->work == DOCUMENTS_FETCHING && self->link == NULL)
        documents_end_work(self, now_ms, NULL);
    else if (documents->work == DOCUMENTS_FETCHING)
        want_piece(self, now_ms);
}

/* A piece of the partner's: to the disk, when it is the one that is due. */
void documents_take_piece(struct documents *documents, const struct history_piece *piece)
{
    if (documents->work != DOCUMENTS_FETCHING || piece->offset != documents->offset ||
        memcmp(piece->digest, documents->lacks[documents->lack], sizeof piece->digest) != 0)
        return;
    struct clerk_job *job = clerk_take(documents->clerk);
    if (job == NULL) /* it is asked for again */
        return;
    job->kind = CLERK_TAKE;
    job->piece = *piece;
    memcpy(job->buffer, piece->bytes, piece->size);
    job->piece.bytes = job->buffer;
    clerk_do(documents->clerk, job);
}

void documents_take_taken(struct worker *self, int64_t now_ms, const struct clerk_job *job)
{
    struct documents *documents = &self->documents;
    const struct history_piece *piece = &job->piece;
    if (documents->work != DOCUMENTS_FETCHING || piece->offset != documents->offset ||
        memcmp(piece->digest, documents->lacks[documents->lack], sizeof piece->digest) != 0)
        return; /* the same piece came twice */
    if (job->error != 0) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "its files cannot be kept here: %s",
                 strerror(-job->error));
        documents_end_work(self, now_ms, sentence);
        return;
    }
    documents->attempts = 0;
    documents->offset += piece->size;
    if (documents->offset < piece->file_size) {
        want_piece(self, now_ms);
        return;
    }
    documents->offset = 0;
    if (++documents->lack < documents->lack_count)
        want_piece(self, now_ms);
    else if (!ask_what_lacks(documents)) /* a list has told of more */
        documents_end_work(self, now_ms, NULL);
}

static void ask_again(struct worker *self, int64_t now_ms)
{
    struct documents *documents = &self->documents;
    if (documents->work != DOCUMENTS_FETCHING || now_ms < documents->fetch_due_ms)
        return;
    if (++documents->attempts > DOCUMENTS_FETCH_MAX)
        documents_end_work(self, now_ms, NULL);
    else
        want_piece(self, now_ms);
}

static void begin_build(struct worker *self)
{
    struct documents *documents = &self->documents;
    if (documents->work != DOCUMENTS_COMPLETE || reload_is_running(self->reload))
        return;
    struct roll *roll = roll_take(&self->node);
    if (roll != NULL &&
        reload_start(self->reload, documents->is_check ? RELOAD_CHECK : RELOAD_BUNDLE, self->served,
                     roll, documents->bundle) == 0)
        documents->work = DOCUMENTS_BUILDING;
}

void documents_work(struct worker *self, int64_t now_ms)
{
    ask_again(self, now_ms);
    begin_work(&self->documents);
    begin_build(self);
}

/* ---- the partner's questions ---- */

void documents_tell_piece(struct worker *self, const struct clerk_job *job)
{
    struct history_message message = {.type = HISTORY_PIECE, .piece = job->piece};
    if (job->error == 0)
        documents_send(self, &message);
}

/* The partner's question, answered when it was read. */
void documents_read_piece(struct documents *documents, const struct history_piece *piece)
{
    struct clerk_job *job = clerk_take(documents->clerk);
    if (job == NULL) /* it asks again */
        return;
    job->kind = CLERK_READ;
    job->piece = *piece;
    clerk_do(documents->clerk, job);
}
