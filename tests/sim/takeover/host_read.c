#include "sim/takeover/takeover.h"

enum { READS_MAX = 64, DRAIN_MAX = 4096 };

/* The sockets of failover/partner_read.c, in its order. */

static struct packet *next(struct takeover *self, struct queue *queue)
{
    struct packet *packet = &self->packets[queue->packets[queue->at]];
    queue->at = (uint16_t)((queue->at + 1) % QUEUE_MAX);
    queue->count--;
    return packet;
}

static void take_beat(struct takeover *self, struct host *host, const struct packet *packet)
{
    const struct beat_expectation expected = {.cluster = 1,
                                              .sender = (uint8_t)(1 - host->self),
                                              .boot = host->boot,
                                              .sequence = host->sequence};
    struct beat decoded;
    const struct beat *beat = &packet->beat;
    enum beat_refusal refusal;
    if (packet->kind == PACKET_BEAT) {
        refusal = beat_accept(beat, &expected, &host->memory);
    } else {
        refusal = beat_decode(packet->bytes, packet->size, &takeover_key, 1, &expected,
                              &host->memory, &decoded);
        beat = &decoded;
    }
    sums.beat_refusals[refusal]++;
    if (refusal != BEAT_ACCEPTED)
        return;
    /* One that was lost on its way, of the partner's present life, is only late. */
    if (packet->from == STRANGER && beat->boot != self->hosts[1 - host->self].boot)
        takeover_broken(self, ORACLE_STILL, "ns%d believes a stranger's beat", host->self + 1);
    host_tell(self, host, &(struct pair_event){.kind = PAIR_EVENT_BEAT, .beat = beat});
}

static void read_beats(struct takeover *self, struct host *host, int reads_max)
{
    bool is_refused = false;
    for (int i = 0; i < reads_max && host->beats.count > 0; i++) {
        struct packet *packet = next(self, &host->beats);
        if (packet->kind == PACKET_REFUSED)
            is_refused = true;
        else
            take_beat(self, host, packet);
        path_free(self, path_index(self, packet));
    }
    if (is_refused)
        host_happens(self, host, PAIR_EVENT_REFUSED, 0);
}

static void hear_advertisement(struct takeover *self, struct host *host, uint8_t home,
                               uint8_t family, uint8_t priority, uint16_t interval_cs)
{
    if (self->are_routers) {
        router_hears(self, host, home, family, priority, interval_cs);
        return;
    }
    host_tell(
        self, host,
        &(struct pair_event){.kind = PAIR_EVENT_ADVERTISEMENT, .home = home, .priority = priority});
}

static void take_bytes(struct takeover *self, struct host *host, const struct packet *packet)
{
    uint8_t family = (packet->families & 1) != 0 ? 0 : 1;
    enum advertisement_refusal refusal = ADVERTISEMENT_BAD_VRID;
    for (uint8_t home = 0; home < NODES && refusal == ADVERTISEMENT_BAD_VRID; home++) {
        struct advertisement_heard heard;
        const struct advertisement_received received = {
            .ttl = packet->ttl,
            .source = host_address(packet->source, family),
            .destination = host_address(host->self, family)};
        const struct advertisement_expectation expected = {
            .vrid = takeover_vrid[home],
            .interval_cs = (uint16_t)(self->interval_us / (10 * MS)),
            .own = host_address(host->self, family),
            .partner = host_address((uint8_t)(1 - host->self), family),
            .address_count = 1,
            .addresses = {host_home(home, family)}};
        refusal = advertisement_decode(packet->bytes, packet->size, &received, &expected, &heard);
        if (refusal == ADVERTISEMENT_ACCEPTED)
            hear_advertisement(self, host, home, family, heard.advertisement.priority,
                               heard.advertisement.interval_cs);
    }
    sums.advertisement_refusals[refusal]++;
}

static void read_vrrp(struct takeover *self, struct host *host, int reads_max)
{
    for (int i = 0; i < reads_max && host->vrrp.count > 0; i++) {
        struct packet *packet = next(self, &host->vrrp);
        if (!self->are_routers)
            host_happens(self, host, PAIR_EVENT_FRAME, 0);
        if (packet->kind == PACKET_ADVERTISEMENT_BYTES) {
            take_bytes(self, host, packet);
        } else {
            for (uint8_t family = 0; family < FAMILIES; family++)
                if ((packet->families & 1U << family) != 0)
                    hear_advertisement(self, host, packet->home, family, packet->priority,
                                       (uint16_t)(self->interval_us / (10 * MS)));
            sums.advertisement_refusals[ADVERTISEMENT_ACCEPTED]++;
        }
        path_free(self, path_index(self, packet));
    }
}

/* source: whose MAC it says. Who does not know the partner's takes any for it. */
static void take_claim(struct takeover *self, struct host *host, const struct packet *packet)
{
    bool is_partners = packet->source < NODES || !host->knows_mac;
    host_happens(self, host, is_partners ? PAIR_EVENT_ANNOUNCED : PAIR_EVENT_FOREIGN, packet->home);
}

static void take_neighbour(struct takeover *self, struct host *host, const struct packet *packet)
{
    host_happens(self, host, PAIR_EVENT_FRAME, 0);
    if (packet->kind == PACKET_REPLY) {
        host->knows_mac |= packet->from < NODES;
        host_happens(self, host, PAIR_EVENT_REPLY, 0);
        if (packet->is)
            host_happens(self, host, PAIR_EVENT_CONFIRMED, packet->home);
    } else if (packet->kind == PACKET_WHO_HAS) {
        host_happens(self, host, PAIR_EVENT_WHO_HAS, packet->home);
    } else if (packet->kind == PACKET_ANNOUNCEMENT) {
        take_claim(self, host, packet);
    }
}

static void read_neighbours(struct takeover *self, struct host *host, int reads_max)
{
    for (int i = 0; i < reads_max && host->neighbours.count > 0; i++) {
        struct packet *packet = next(self, &host->neighbours);
        if (!self->are_routers)
            take_neighbour(self, host, packet);
        path_free(self, path_index(self, packet));
    }
}

static void read_tripwire(struct takeover *self, struct host *host)
{
    while (host->tripwire.count > 0) {
        struct packet *packet = next(self, &host->tripwire);
        if (packet->kind == PACKET_DIAL_REFUSED) {
            host_happens(self, host, PAIR_EVENT_REFUSED, 0);
        } else if (packet->is) {
            host->connection = packet->connection; /* the newest replaces an older one */
            host_tell(self, host, &(struct pair_event){.kind = PAIR_EVENT_TRIPWIRE, .is = true});
        } else if (packet->connection == host->connection) {
            host->connection = 0;
            host_tell(self, host, &(struct pair_event){.kind = PAIR_EVENT_TRIPWIRE, .is = false});
        }
        path_free(self, path_index(self, packet));
    }
}

/* ---- what others do to the addresses ---- */

static bool is_present(const struct takeover *self, const struct host *host, uint8_t home)
{
    return kernel_holds(self, host, home, 0) && kernel_holds(self, host, home, 1);
}

static bool is_missing(const struct takeover *self, const struct host *host, uint8_t home)
{
    return host->kernel.is_expected[home] && !host->kernel.is_told[home] &&
           !is_present(self, host, home);
}

bool kernel_has_news(const struct takeover *self, const struct host *host)
{
    return !host->is_carrier_told || is_missing(self, host, 0) || is_missing(self, host, 1);
}

/* And of addresses that are gone, which this node does not hold: nothing is to be done. */
static void tell_carrier(struct takeover *self, struct host *host)
{
    host_tell(self, host,
              &(struct pair_event){.kind = PAIR_EVENT_CARRIER, .is = host->kernel.carrier});
    for (uint8_t home = 0; home < NODES; home++)
        if (host->pair.homes[home].state == PAIR_BACKUP)
            host_happens(self, host, PAIR_EVENT_DELETED, home);
}

static void read_watch(struct takeover *self, struct host *host)
{
    if (!host->is_carrier_told && !self->are_routers)
        tell_carrier(self, host);
    host->is_carrier_told = true;
    for (uint8_t home = 0; home < NODES; home++) {
        if (!is_missing(self, host, home))
            continue;
        host->kernel.is_told[home] = true;
        sums.clauses[CLAUSE_REASSERTED]++;
        if (self->are_routers)
            router_lost(self, host, home);
        else
            host_happens(self, host, PAIR_EVENT_DELETED, home);
    }
}

static void read_answers(struct takeover *self, struct host *host)
{
    bool is_answered = host->answers.count > 0;
    while (host->answers.count > 0)
        path_free(self, path_index(self, next(self, &host->answers)));
    if (!is_answered)
        return;
    host->is_asking = false;
    sums.clauses[CLAUSE_ASK_ANSWERED]++;
    host_tell(self, host, &(struct pair_event){.kind = PAIR_EVENT_ASKED, .is = true});
}

void host_read(struct takeover *self, struct host *host, bool is_late)
{
    const int reads_max = is_late ? DRAIN_MAX : READS_MAX;
    read_beats(self, host, reads_max);
    read_vrrp(self, host, reads_max);
    read_neighbours(self, host, reads_max);
    read_tripwire(self, host);
    read_watch(self, host);
    read_answers(self, host);
}
