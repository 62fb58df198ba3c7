#include "sim/takeover/takeover.h"

enum {
    LOCK_US = SECOND,           /* arp's locktime: one answer is not replaced by another so soon */
    PATIENCE_US_MIN = 100 * MS, /* without an answer, before the MAC is asked for anew */
    PATIENCE_US_MAX = 1500 * MS,
    BROADCASTS = 20, /* of so many turns, one brings a frame to every node */
};

void client_open(struct takeover *self)
{
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++)
            self->entries[home][family] = (struct client_entry){.place = NOBODY};
}

static void ask_who_has(struct takeover *self, uint8_t home, uint8_t family)
{
    for (uint8_t node = 0; node < NODES; node++) {
        struct packet *packet =
            path_lan(self, CLIENTS, node, PACKET_WHO_HAS, (uint8_t)(1U << family));
        if (packet != NULL)
            packet->home = home;
    }
}

/* An announcement changes the cache at once, an answer once in a second. */
void client_arrives(struct takeover *self, const struct packet *packet)
{
    bool is_answer = packet->kind == PACKET_ARP_ANSWER;
    if (!is_answer && packet->kind != PACKET_ANNOUNCEMENT)
        return;
    for (uint8_t family = 0; family < FAMILIES; family++) {
        struct client_entry *entry = &self->entries[packet->home][family];
        if ((packet->families & 1U << family) == 0 ||
            (is_answer && self->now_us < entry->locked_us))
            continue;
        if (entry->place != packet->source)
            takeover_trace(self, "clients: home%d IPv%d is at %s%d", packet->home + 1,
                           family == 0 ? 4 : 6, packet->source < NODES ? "ns" : "place",
                           packet->source + 1);
        entry->place = packet->source;
        entry->locked_us = self->now_us + LOCK_US;
    }
}

/* Every cache is empty, as after a restart of the clients. */
void client_rearp(struct takeover *self)
{
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++) {
            self->entries[home][family].place = NOBODY;
            self->entries[home][family].locked_us = 0;
            self->entries[home][family].rearp_us = self->now_us;
        }
}

static bool is_lost(struct takeover *self, const struct path *path)
{
    return path->cuts > 0 || (path->loss > 0 && takeover_dice(self, 1000) < path->loss);
}

/* A query and its answer take no time. */
static bool is_served(struct takeover *self, uint8_t home, uint8_t family)
{
    uint8_t place = self->entries[home][family].place;
    if (place >= NODES || !kernel_holds(self, &self->hosts[place], home, family) ||
        !worker_answers(&self->hosts[place]))
        return false;
    return !is_lost(self, &self->lan[CLIENTS][place]) && !is_lost(self, &self->lan[place][CLIENTS]);
}

static void ask(struct takeover *self, uint8_t home, uint8_t family)
{
    struct client_entry *entry = &self->entries[home][family];
    bool is_answered = is_served(self, home, family);
    sums.asks++;
    sums.answered += is_answered;
    if (is_answered) {
        entry->answered_us = self->now_us;
        entry->rearp_us = INT64_MAX;
    } else if (entry->rearp_us == INT64_MAX) {
        entry->rearp_us = self->now_us + takeover_draw(self, PATIENCE_US_MIN, PATIENCE_US_MAX);
    }
    if (entry->rearp_us > self->now_us || self->is_lan_quiet)
        return;
    entry->rearp_us = self->now_us + takeover_draw(self, PATIENCE_US_MIN, PATIENCE_US_MAX);
    ask_who_has(self, home, family);
}

/* Queries are frames too, to whom they go; now and then one goes to all. */
static void send_frames(struct takeover *self)
{
    bool is_broadcast = self->is_lan_busy || takeover_dice(self, BROADCASTS) == 0;
    for (uint8_t node = 0; node < NODES; node++) {
        bool is_asked = is_broadcast;
        for (uint8_t home = 0; home < NODES; home++)
            is_asked |= self->entries[home][0].place == node;
        if (is_asked && !is_lost(self, &self->lan[CLIENTS][node]))
            self->hosts[node].tap_us = self->now_us;
    }
}

void client_ask(struct takeover *self)
{
    self->ask_us = self->now_us + self->interval_us;
    for (uint8_t home = 0; home < NODES; home++)
        for (uint8_t family = 0; family < FAMILIES; family++)
            ask(self, home, family);
    if (!self->is_lan_quiet)
        send_frames(self);
}
