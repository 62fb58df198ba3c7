#include <assert.h>
#include <string.h>

#include "sim/takeover/takeover.h"

enum { WAY_US_MIN = 40, WAY_US_MAX = 160 };

void path_open(struct takeover *self)
{
    self->free_count = PACKETS_MAX;
    for (uint16_t i = 0; i < PACKETS_MAX; i++)
        self->free[i] = i;
}

bool path_is_clean(const struct path *path)
{
    return path->cuts == 0 && path->loss == 0 && path->delay_us == 0;
}

bool path_is_open(const struct takeover *self, uint8_t from, uint8_t to)
{
    return self->lan[from][to].cuts == 0;
}

uint16_t path_index(const struct takeover *self, const struct packet *packet)
{
    return (uint16_t)(packet - self->packets);
}

void path_free(struct takeover *self, uint16_t packet)
{
    assert(self->free_count < PACKETS_MAX);
    self->free[self->free_count++] = packet;
}

struct packet *path_take(struct takeover *self)
{
    assert(self->free_count > 0);
    sums.packets++;
    return &self->packets[self->free[--self->free_count]];
}

static bool is_lost(struct takeover *self, const struct path *path)
{
    return path->cuts > 0 || (path->loss > 0 && takeover_dice(self, 1000) < path->loss);
}

static void set_off(struct takeover *self, struct path *path, const struct packet *packet)
{
    int64_t due_us = self->now_us + takeover_draw(self, WAY_US_MIN, WAY_US_MAX);
    if (path->delay_us > 0)
        due_us += (int64_t)takeover_dice(self, path->delay_us);
    if (path->reorders)
        due_us += (int64_t)takeover_dice(self, (uint64_t)self->interval_us * 3);
    else if (due_us < path->last_us)
        due_us = path->last_us;
    path->last_us = due_us;
    clock_push(self, due_us, path_index(self, packet));
}

/* The caller fills the rest in at once: it is read when it arrives, or by the double below. */
static struct packet *send(struct takeover *self, struct path *path, const struct packet *head)
{
    if (is_lost(self, path))
        return NULL;
    struct packet *packet = path_take(self);
    memcpy(packet, head, offsetof(struct packet, beat));
    set_off(self, path, packet);
    return packet;
}

struct packet *path_pair(struct takeover *self, uint8_t from, enum packet_kind kind)
{
    const struct packet head = {.kind = (uint8_t)kind, .from = from, .to = (uint8_t)(1 - from)};
    return send(self, &self->pair_link[from], &head);
}

struct packet *path_lan(struct takeover *self, uint8_t from, uint8_t to, enum packet_kind kind,
                        uint8_t families)
{
    struct path *path = &self->lan[from][to];
    struct packet head = {
        .kind = (uint8_t)kind, .from = from, .to = to, .families = families, .source = from};
    if (path->cuts > 0)
        return NULL;
    /* Each family is a packet of its own, and lost alone; the rest of their way they share. */
    if (path->loss > 0)
        for (uint8_t family = 0; family < FAMILIES; family++)
            if (takeover_dice(self, 1000) < path->loss)
                head.families &= (uint8_t) ~(1U << family);
    if (head.families == 0)
        return NULL;
    struct packet *packet = path_take(self);
    memcpy(packet, &head, offsetof(struct packet, beat));
    set_off(self, path, packet);
    return packet;
}
