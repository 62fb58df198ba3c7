#include <assert.h>

#include "sim/takeover/takeover.h"

enum { NOTICE_US_MIN = 10, NOTICE_US_MAX = 80 };

/* ---- leases ---- */

bool kernel_holds(const struct takeover *self, const struct host *host, uint8_t home,
                  uint8_t family)
{
    const struct lease *lease = &host->kernel.leases[home][family];
    return host->kernel.is_on && lease->is_present && lease->expires_us > self->now_us;
}

/* Both families, as the guardian's shell does; re-armed at whole seconds. */
bool kernel_lease(struct takeover *self, struct host *host, uint8_t home)
{
    host->kernel.is_expected[home] = true;
    /* What was never granted is not missed. */
    host->kernel.is_told[home] = host->adds_fail && !kernel_holds(self, host, home, 0);
    if (host->adds_fail)
        return false;
    int64_t expires_us = self->now_us + takeover_draw(self, LEASE_US_MIN, LEASE_US_MAX);
    for (uint8_t family = 0; family < FAMILIES; family++)
        host->kernel.leases[home][family] =
            (struct lease){.is_present = true, .expires_us = expires_us};
    return true;
}

void kernel_release(struct host *host, uint8_t home)
{
    host->kernel.is_expected[home] = false;
    for (uint8_t family = 0; family < FAMILIES; family++)
        host->kernel.leases[home][family].is_present = false;
}

/* The guardian starts: residual addresses are removed. */
void kernel_start(struct host *host)
{
    host->kernel.is_on = true;
    for (uint8_t home = 0; home < NODES; home++)
        kernel_release(host, home);
}

void kernel_carrier(struct takeover *self, struct host *host, bool is_up)
{
    host->kernel.carrier = is_up;
    host->is_carrier_told = false;
    host_wake_by(self, host, self->now_us + takeover_draw(self, NOTICE_US_MIN, 2 * MS));
}

/* ---- the tripwire ---- */

/* A segment that is lost is sent again. */
static void say_broken(struct takeover *self, uint8_t from, uint32_t connection)
{
    struct packet *packet = path_pair(self, from, PACKET_TRIPWIRE);
    if (packet == NULL) {
        self->closing[from] = connection;
        return;
    }
    packet->is = false;
    packet->connection = connection;
    self->closing[from] = 0;
}

void kernel_close_all(struct takeover *self, struct host *host)
{
    if (host->connection != 0 && host->kernel.is_on)
        say_broken(self, host->self, host->connection);
    host->connection = 0;
}

static void say_up(struct takeover *self, struct host *host, uint32_t connection)
{
    struct packet *packet = path_pair(self, (uint8_t)(1 - host->self), PACKET_TRIPWIRE);
    if (packet == NULL)
        return; /* it is dialled again */
    packet->is = true;
    packet->connection = connection;
}

static void dial(struct takeover *self)
{
    struct host *listener = &self->hosts[0], *dialler = &self->hosts[1];
    bool is_open = self->pair_link[0].cuts == 0 && self->pair_link[1].cuts == 0;
    if (dialler->process != PROCESS_RUNS || dialler->connection != 0 || !is_open ||
        !listener->kernel.is_on)
        return;
    if (listener->process == PROCESS_DEAD) {
        path_pair(self, 0, PACKET_DIAL_REFUSED);
        return;
    }
    uint32_t connection = ++self->connections;
    say_up(self, listener, connection);
    say_up(self, dialler, connection);
    dialler->connection = connection;
}

/* The dialler's clock, and what the kernels say again. A connection that only one end still has is
 * reset when that end says something, or given up. */
void kernel_dial(struct takeover *self)
{
    if (self->are_routers)
        return;
    for (uint8_t i = 0; i < NODES; i++)
        if (self->closing[i] != 0 && self->hosts[i].kernel.is_on && takeover_dice(self, 20) == 0)
            say_broken(self, i, self->closing[i]);
    if (self->now_us < self->dial_us)
        return;
    self->dial_us = self->now_us + takeover_draw(self, 100 * MS, 800 * MS);
    for (uint8_t i = 0; i < NODES; i++) {
        struct host *host = &self->hosts[i], *other = &self->hosts[1 - i];
        bool is_half = host->connection != 0 && host->connection != other->connection;
        if (!is_half || takeover_dice(self, 4) != 0)
            continue;
        if (other->kernel.is_on && other->process != PROCESS_SLEEPS)
            say_broken(self, (uint8_t)(1 - i), host->connection);
        else if (host->self == 1)
            host->connection = 0;
    }
    dial(self);
}

/* ---- what arrives ---- */

static bool push(struct takeover *self, struct queue *queue, uint16_t packet)
{
    if (queue->count == QUEUE_MAX) {
        path_free(self, packet);
        return false;
    }
    queue->packets[(queue->at + queue->count++) % QUEUE_MAX] = packet;
    return true;
}

static struct queue *socket_of(struct host *host, enum packet_kind kind)
{
    switch (kind) {
    case PACKET_BEAT:
    case PACKET_BEAT_BYTES:
    case PACKET_REFUSED:
        return &host->beats;
    case PACKET_TRIPWIRE:
    case PACKET_DIAL_REFUSED:
        return &host->tripwire;
    case PACKET_ADVERTISEMENT:
    case PACKET_ADVERTISEMENT_BYTES:
        return &host->vrrp;
    case PACKET_ANSWER:
        return &host->answers;
    default:
        return &host->neighbours;
    }
}

/* What a kernel answers by itself, frozen processes or not. */
static void answer(struct takeover *self, struct host *host, const struct packet *packet)
{
    struct packet *reply;
    uint8_t families = 0;
    switch (packet->kind) {
    case PACKET_PROBE: /* it asks for this host's own address */
        path_lan(self, host->self, packet->from, PACKET_REPLY, packet->families);
        break;
    case PACKET_WHO_HAS:
        for (uint8_t family = 0; family < FAMILIES; family++)
            if (kernel_holds(self, host, packet->home, family))
                families |= (uint8_t)(packet->families & 1U << family);
        reply = families == 0
                    ? NULL
                    : path_lan(self, host->self, packet->from, PACKET_ARP_ANSWER, families);
        if (reply != NULL)
            reply->home = packet->home;
        break;
    case PACKET_QUERY:
        if (worker_answers(host))
            path_lan(self, host->self, packet->from, PACKET_ANSWER, 1);
        break;
    case PACKET_BEAT:
    case PACKET_BEAT_BYTES:
        if (host->process == PROCESS_DEAD && packet->from < NODES)
            path_pair(self, host->self, PACKET_REFUSED);
        break;
    default:
        break;
    }
}

static void arrive_at_host(struct takeover *self, struct host *host, uint16_t index)
{
    struct packet *packet = &self->packets[index];
    if (!host->kernel.is_on) {
        path_free(self, index);
        return;
    }
    answer(self, host, packet);
    bool is_lan = packet->kind >= PACKET_ADVERTISEMENT;
    if (is_lan)
        host->tap_us = self->now_us; /* a frame */
    if (host->process == PROCESS_DEAD || packet->kind == PACKET_QUERY) {
        path_free(self, index);
        return;
    }
    if (push(self, socket_of(host, packet->kind), index))
        host_wake_by(self, host, self->now_us + takeover_draw(self, NOTICE_US_MIN, NOTICE_US_MAX));
}

static struct path *path_of(struct takeover *self, const struct packet *packet)
{
    bool is_lan = packet->kind >= PACKET_ADVERTISEMENT;
    uint8_t from = is_lan ? packet->from : (uint8_t)(1 - packet->to);
    return is_lan ? &self->lan[from][packet->to] : &self->pair_link[from];
}

/* It comes twice: the second is on its way. */
static void double_packet(struct takeover *self, const struct packet *packet)
{
    uint16_t share = path_of(self, packet)->duplication;
    if (share == 0 || packet->is_double || takeover_dice(self, 1000) >= share)
        return;
    struct packet *copy = path_take(self);
    *copy = *packet;
    copy->is_double = true;
    clock_push(self, self->now_us + takeover_draw(self, 10, self->interval_us * 2),
               path_index(self, copy));
}

/* To the address in whose name it was asked. */
static void witness_answers(struct takeover *self, const struct packet *packet)
{
    struct packet *reply = path_lan(self, WITNESSES, packet->from, PACKET_REPLY, packet->families);
    if (reply == NULL)
        return;
    reply->is = packet->is;
    reply->home = packet->home;
}

void kernel_arrives(struct takeover *self, uint16_t index)
{
    struct packet *packet = &self->packets[index];
    double_packet(self, packet);
    if (packet->to < NODES) {
        arrive_at_host(self, &self->hosts[packet->to], index);
        return;
    }
    if (packet->to == CLIENTS)
        client_arrives(self, packet);
    else if (packet->to == WITNESSES && self->witness_count > 0 && self->witnesses_dead == 0)
        witness_answers(self, packet);
    path_free(self, index);
}
