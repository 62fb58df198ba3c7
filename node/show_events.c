#include <stdlib.h>

#include "node/show_parts.h"

/* A transition from wherever it is kept. */
struct event {
    int64_t at_ms;
    uint64_t number;  /* as it is counted where it is kept */
    const char *node; /* on which it happened */
    const char *area, *subject, *pool, *from, *to, *reason;
};

enum { EVENTS_MAX = (int)NODE_HISTORY_MAX + (int)DOCUMENT_NODES_MAX * (int)NODE_SLOTS };

static int compare(const void *a, const void *b)
{
    const struct event *first = a, *second = b;
    return (first->at_ms > second->at_ms) - (first->at_ms < second->at_ms);
}

/* What this worker saw, and what each node's guardian told. */
static size_t gather(const struct node *node, struct event *events)
{
    const struct document *document = node->plan.document;
    const char *self = document->nodes[node->config.self].name;
    uint64_t last = node->history_count;
    size_t count = 0;
    for (uint64_t i = last > NODE_HISTORY_MAX ? last - NODE_HISTORY_MAX : 0; i < last; i++) {
        const struct node_note *note = &node->history[i % NODE_HISTORY_MAX].note;
        events[count++] =
            (struct event){note->at_ms, i,          self,     note->area,  note->subject,
                           note->pool,  note->from, note->to, note->reason};
    }
    for (size_t i = 0; i < document->node_count; i++)
        for (size_t slot = 0; slot < NODE_SLOTS; slot++) {
            const struct node_transition *kept = &node->transitions[i][slot];
            const struct transition *told = &kept->told;
            if (told->number > 0)
                events[count++] = (struct event){kept->at_ms,
                                                 told->number,
                                                 document->nodes[i].name,
                                                 told->area,
                                                 told->subject,
                                                 NULL,
                                                 told->from[0] == '\0' ? NULL : told->from,
                                                 told->to,
                                                 told->reason};
        }
    return count;
}

json_t *show_transitions(const struct node *node, int64_t now_ms)
{
    struct event events[EVENTS_MAX];
    size_t count = gather(node, events);
    qsort(events, count, sizeof *events, compare);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct event *one = &events[i];
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "age_ms",
                            (json_int_t)(now_ms - one->at_ms), "number", (json_int_t)one->number,
                            "node", one->node, "area", one->area, "subject", one->subject, "pool",
                            one->pool, "from", one->from, "to", one->to, "reason", one->reason));
    }
    return list;
}

json_t *show_events(const struct node *node, int64_t now_ms)
{
    return json_pack("{s:s, s:i, s:o}", "asked", node->plan.document->nodes[node->config.self].name,
                     "exit", 0, "events", show_transitions(node, now_ms));
}
