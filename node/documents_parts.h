/* node/documents_parts.h -- between documents.c and documents_work.c: for them alone. */
#ifndef TANDEM_NODE_DOCUMENTS_PARTS_H
#define TANDEM_NODE_DOCUMENTS_PARTS_H

#include "node/worker.h"

/* To the partner. */
void documents_send(struct worker *self, const struct history_message *message);

/* What is due: a piece asked for again, the next bundle, the builder that is free. */
void documents_work(struct worker *self, int64_t now_ms);
/* The builder's word on it: "" or why not; NULL: its files cannot be had. */
void documents_end_work(struct worker *self, int64_t now_ms, const char *sentence);

/* Of the clerk: what lacks; a piece that was taken; one that was read for the partner. */
void documents_take_lacks(struct worker *self, int64_t now_ms, const struct clerk_job *job);
void documents_take_taken(struct worker *self, int64_t now_ms, const struct clerk_job *job);
void documents_tell_piece(struct worker *self, const struct clerk_job *job);

/* Of the partner: a piece, and its question for one. */
void documents_take_piece(struct documents *documents, const struct history_piece *piece);
void documents_read_piece(struct documents *documents, const struct history_piece *piece);

#endif
