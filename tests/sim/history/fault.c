/* The network between the two, what goes wrong, and what an operator asks for. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/history/history.h"

/* ---- the network ---- */

static void put(struct sim *self, size_t to, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < SIM_PACKETS_MAX; i++) {
        struct sim_packet *packet = &self->packets[i];
        if (packet->due_ms != 0)
            continue;
        int64_t most = self->now_ms < self->delay_until_ms ? 1500 : 10;
        packet->due_ms = self->now_ms + 1 + (int64_t)sim_dice(self, (uint64_t)most);
        packet->to = to;
        packet->size = size;
        memcpy(packet->bytes, bytes, size);
        return;
    }
}

void sim_send(struct sim *self, size_t from, const struct history_message *message)
{
    static uint8_t bytes[HISTORY_MESSAGE_SIZE_MAX];
    size_t size = history_message_encode(message, bytes);
    assert(size <= sizeof self->packets[0].bytes);
    if (self->now_ms < self->cut_until_ms ||
        (self->now_ms < self->loss_until_ms && sim_dice(self, 3) == 0))
        return;
    put(self, 1 - from, bytes, size);
    if (self->now_ms < self->twice_until_ms)
        put(self, 1 - from, bytes, size);
}

void sim_step_network(struct sim *self)
{
    for (size_t i = 0; i < SIM_PACKETS_MAX; i++) {
        struct sim_packet *packet = &self->packets[i];
        struct history_message message;
        if (packet->due_ms == 0 || self->now_ms < packet->due_ms ||
            self->now_ms < self->hosts[packet->to].stalled_until_ms)
            continue;
        packet->due_ms = 0;
        bool is_one = history_message_is(packet->bytes, packet->size) &&
                      history_message_decode(&message, &self->space, packet->bytes, packet->size);
        assert(is_one);
        sim_give(self, packet->to,
                 &(struct history_event){.type = HISTORY_HEARD, .message = &message});
    }
}

/* ---- the operator ---- */

static void ask(struct sim *self, enum sim_fault kind)
{
    size_t host = sim_dice(self, SIM_HOSTS);
    /* Most often where it may be had. */
    if (kind != ASK_PROMOTE && sim_dice(self, 5) != 0)
        host = self->hosts[0].history.kept.writer - 1U;
    struct sim_host *h = &self->hosts[host];
    size_t number = sim_dice(self, SIM_BUNDLES);
    struct history_request request = {.ticket = ++self->tickets, .format = 1, .author = "root@ns"};
    if (!h->is_up || h->ticket != 0 || self->now_ms < h->stalled_until_ms ||
        request.ticket >= SIM_TICKETS_MAX)
        return;
    sim_bundle(number, request.bundle);
    sim_bundle(0, request.first);
    request.has_first = true;
    request.verb = kind == ASK_CONFIRM    ? HISTORY_CONFIRM
                   : kind == ASK_ROLLBACK ? HISTORY_ROLLBACK
                   : kind == ASK_PROMOTE  ? HISTORY_PROMOTE
                                          : HISTORY_APPLY;
    request.is_alone = kind == ASK_ALONE;
    request.confirm_s = kind == ASK_UNCONFIRMED ? 10 : 0;
    if (kind == ASK_ROLLBACK && sim_dice(self, 2) == 0 && h->history.kept.count > 0)
        request.index = h->history.kept.revisions[sim_dice(self, h->history.kept.count)].name.index;
    snprintf(request.what, sizeof request.what, "apply %zu, %llu", number,
             (unsigned long long)request.ticket);
    h->has_bundle[number] |= request.verb == HISTORY_APPLY;
    h->has_bundle[0] = true;
    h->ticket = request.ticket;
    h->asked_ms = self->now_ms;
    sim_trace(self, "%zu is asked: verb %d bundle %zu alone %d confirm %u", host + 1, request.verb,
              number, request.is_alone, request.confirm_s);
    sim_give(self, host, &(struct history_event){.type = HISTORY_ASKED, .request = &request});
}

/* ---- trouble ---- */

static void cut(struct sim *self, int64_t until_ms)
{
    self->cut_until_ms = until_ms;
    for (size_t i = 0; i < SIM_PACKETS_MAX; i++)
        self->packets[i].due_ms = 0;
    if (sim_dice(self, 2) == 0) /* TCP may tell of it, or may not */
        for (size_t host = 0; host < SIM_HOSTS; host++)
            sim_give(self, host, &(struct history_event){.type = HISTORY_PARTNER_LOST});
}

static void begin(struct sim *self, enum sim_fault kind)
{
    int64_t for_ms = 500 + (int64_t)sim_dice(self, 8000), until_ms = self->now_ms + for_ms;
    size_t host = sim_dice(self, SIM_HOSTS);
    sim_faults[kind]++;
    switch (kind) {
    case FAULT_LOSS:
        self->loss_until_ms = until_ms;
        break;
    case FAULT_DELAY:
        self->delay_until_ms = until_ms;
        break;
    case FAULT_TWICE:
        self->twice_until_ms = until_ms;
        break;
    case FAULT_CUT:
        cut(self, until_ms);
        break;
    case FAULT_BOTH_CRASH:
        sim_crash(self, 1 - host, 300 + (int64_t)sim_dice(self, 6000));
        sim_crash(self, host, for_ms);
        break;
    case FAULT_CRASH:
        sim_crash(self, host, for_ms);
        break;
    case FAULT_DISK:
        self->hosts[host].disk_bad_until_ms = until_ms;
        break;
    case FAULT_UNFIT: /* what once fitted on a node does so for ever */
        for (size_t i = 1; i < SIM_BUNDLES; i++)
            if (!self->hosts[host].has_bundle[i] && sim_dice(self, 3) == 0)
                self->hosts[host].is_unfit[i] = true;
        break;
    case FAULT_STALL:
        self->hosts[host].stalled_until_ms = until_ms;
        break;
    default:
        ask(self, kind);
    }
}

void sim_step_faults(struct sim *self)
{
    if (self->now_ms >= SIM_MS) {
        self->loss_until_ms = self->delay_until_ms = self->twice_until_ms = self->cut_until_ms = 0;
        for (size_t host = 0; host < SIM_HOSTS; host++) {
            self->hosts[host].disk_bad_until_ms = self->hosts[host].stalled_until_ms = 0;
            memset(self->hosts[host].is_unfit, 0, sizeof self->hosts[host].is_unfit);
        }
        return;
    }
    if (self->now_ms < self->next_fault_ms)
        return;
    self->next_fault_ms = self->now_ms + 50 + (int64_t)sim_dice(self, 3000);
    begin(self, (enum sim_fault)sim_dice(self, FAULTS));
}
