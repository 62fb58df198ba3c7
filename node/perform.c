/* What the machine decided, carried out. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "node/audit.h"
#include "node/worker.h"

static void send_messages(struct worker *self, const struct replica_update *update)
{
    for (size_t i = 0; i < update->send_count; i++) {
        size_t size = message_encode(&update->sends[i].message, self->frame);
        /* Lost is lost: the next version vector repairs it; the link counts it. */
        (void)link_send(self->link, update->sends[i].peer, self->frame, size);
    }
}

/* The place of this ticket, or NULL; of ticket 0: a free one, else the one that waits longest. */
static struct worker_wait *wait_of(struct worker *self, uint64_t ticket)
{
    struct worker_wait *longest = &self->waits[0];
    for (size_t i = 0; i < sizeof self->waits / sizeof *self->waits; i++) {
        if (self->waits[i].ticket == ticket)
            return &self->waits[i];
        if (self->waits[i].since_ms < longest->since_ms)
            longest = &self->waits[i];
    }
    return ticket == 0 ? longest : NULL;
}

static void reply(struct worker *self, int64_t now_ms, uint64_t ticket, enum node_outcome outcome)
{
    bool is_done = outcome == NODE_DONE || outcome == NODE_DONE_PARTNER_AWAY;
    bool is_disks = outcome == NODE_NOT_STORED || outcome == NODE_NOT_YET_DURABLE;
    int status = is_done ? 0 : is_disks ? 111 : 100;
    if (worker_answer_join(self, now_ms, ticket, outcome)) /* who joins asks again */
        return;
    struct worker_wait *wait = wait_of(self, ticket);
    if (wait != NULL)
        wait->ticket = 0;
    json_t *answer = json_pack("{s:s, s:i}", is_done ? "outcome" : "error",
                               node_outcome_text(outcome), "exit", status);
    worker_tell_token(self, ticket, answer);
    control_answer(self->control, ticket, answer);
}

static void store_orders(struct worker *self, int64_t now_ms, const struct node_update *update)
{
    for (size_t i = 0; i < update->store_count; i++) {
        const struct node_store *store = &update->stores[i];
        int error = disk_store(self->disk, &store->record, store->ticket);
        if (error == 0 && store->ticket != 0 && !joiners_is_ticket(store->ticket))
            *wait_of(self, 0) = (struct worker_wait){store->ticket, now_ms};
        if (error == 0)
            continue;
        log_limited(self->log, now_ms, "disk-queue-full", "disk order=%s reason=disk-queue-full",
                    store->record.key.name);
        if (store->ticket != 0)
            reply(self, now_ms, store->ticket, NODE_NOT_STORED);
    }
}

static void log_note(struct worker *self, int64_t now_ms, const struct node_note *note)
{
    bool has_pool = note->pool != NULL;
    /* A thousand servers may change in one second: what matters is in status, the log is bounded.
     * */
    log_limited(self->log, now_ms, note->reason, "%s %s%s%s %s%s%s%sreason=%s", note->area,
                note->subject, has_pool ? " pool=" : "", has_pool ? note->pool : "",
                note->from == NULL ? "" : note->from, note->from == NULL ? "" : " -> ",
                note->to == NULL ? "" : note->to, note->to == NULL ? "" : " ", note->reason);
}

/* What an earlier life wrote already comes again with the partner's snapshot. */
static void write_audit(struct worker *self, int64_t now_ms, const struct node_update *update)
{
    enum { ROUNDING_MS = 250 }; /* ages travel in ms, and take a moment */
    for (size_t i = 0; i < update->audit_count; i++) {
        const struct node_audit *audit = &update->audits[i];
        char line[AUDIT_LINE_MAX];
        int64_t wall_ms = worker_wall_ms() - (now_ms - audit->at_ms);
        if (audit->node != self->node.config.self &&
            wall_ms <= self->audited_ms[audit->node] + ROUNDING_MS)
            continue;
        audit_line(line, wall_ms, self->served->document.nodes[audit->node].name, &audit->told);
        if (disk_audit(self->disk, line) != 0)
            log_limited(self->log, now_ms, "audit-full",
                        "disk audit line dropped reason=audit-full");
    }
}

void worker_end_waits(struct worker *self, int64_t now_ms)
{
    for (size_t i = 0; i < sizeof self->waits / sizeof *self->waits; i++) {
        const struct worker_wait *wait = &self->waits[i];
        if (wait->ticket != 0 && now_ms - wait->since_ms >= WORKER_DISK_MS)
            reply(self, now_ms, wait->ticket, NODE_NOT_YET_DURABLE);
    }
}

void worker_step(struct worker *self, int64_t now_ms, const struct node_event *event)
{
    struct node_update *update = self->update;
    node_step(&self->node, now_ms, event, update);
    send_messages(self, &update->replica);
    store_orders(self, now_ms, update);
    write_audit(self, now_ms, update);
    for (size_t i = 0; i < update->note_count; i++)
        log_note(self, now_ms, &update->notes[i]);
    if (update->note_count > 0)
        disk_wake(self->disk);
    self->is_roll_due |= update->has_other_servers;
    if (update->reply_ticket != 0)
        reply(self, now_ms, update->reply_ticket, update->reply);
}
