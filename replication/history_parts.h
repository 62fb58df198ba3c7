/* replication/history_parts.h -- what history.c and history_rules.c share; nobody else's. */
#ifndef TANDEM_REPLICATION_HISTORY_PARTS_H
#define TANDEM_REPLICATION_HISTORY_PARTS_H

#include "replication/history.h"

/* ---- history.c: what is known ---- */

bool history_is_none(const struct revision_name *name);
const struct revision *history_newest(const struct history_kept *kept);   /* NULL: none */
struct revision_name history_partners_newest(const struct history *self); /* index 0: none */
/* How many of this node's revisions, from the first, the partner has as well, and how many of its
 * own those are: up to the newest that both name. */
size_t history_common(const struct history *self, size_t *partners);
/* As it was told, or as it is prepared here; NULL: not known. */
const struct revision *history_learned(const struct history *self,
                                       const struct revision_name *name);

/* ---- history_rules.c: what follows from it ---- */

/* Takes one step at most; true: self->kept has changed. */
bool history_decide(struct history *self, int64_t now_ms, uint64_t wall_s,
                    struct history_update *update);
void history_ask(struct history *self, int64_t now_ms, const struct history_request *request,
                 struct history_update *update);
/* The request under way, if there is one, ends so. */
void history_end_request(struct history *self, struct history_update *update,
                         enum history_outcome outcome, const char *sentence);
/* The same, when what it waited for has come. */
void history_finish(struct history *self, int64_t now_ms, struct history_update *update);

#endif
