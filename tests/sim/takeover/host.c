#include <assert.h>
#include <string.h>

#include "sim/takeover/takeover.h"

enum {
    LEARN_US = SECOND, /* between questions for the partner's MAC */
    EVENTS_MAX = 16,
};

const uint8_t takeover_key[BEAT_KEY_SIZE] = "the key of the pair, 32 bytes..";
const struct pair_home host_beyond = {.state = PAIR_YIELDING,
                                      .is_partners = true,
                                      .is_granted = true,
                                      .is_refused = true,
                                      .is_kept = true};
const uint8_t takeover_vrid[NODES] = {51, 52};

struct ip host_address(uint8_t place, uint8_t family)
{
    struct ip ip = {.family = family == 0 ? 4 : 6, .bytes = {10, 0, 0, 0}};
    if (family == 1)
        ip.bytes[0] = 0xfe, ip.bytes[1] = 0x80;
    ip.bytes[family == 0 ? 3 : 15] = (uint8_t)(1 + place);
    return ip;
}

struct ip host_home(uint8_t home, uint8_t family)
{
    return host_address((uint8_t)(53 + home), family);
}

void host_wake_by(const struct takeover *self, struct host *host, int64_t at_us)
{
    assert(at_us >= self->now_us);
    if (host->process == PROCESS_RUNS && at_us < host->wake_us)
        host->wake_us = at_us;
}

/* ---- sending, as failover/partner.c does ---- */

static void send_as_bytes(struct packet *packet, uint8_t family, uint16_t interval_cs)
{
    struct advertisement advertisement = {.vrid = takeover_vrid[packet->home],
                                          .priority = packet->priority,
                                          .interval_cs = interval_cs,
                                          .family = family == 0 ? 4 : 6,
                                          .address_count = 1,
                                          .addresses = {host_home(packet->home, family)}};
    struct ip source = host_address(packet->from, family),
              target = host_address(packet->to, family);
    packet->size = (uint16_t)advertisement_encode(&advertisement, &source, &target,
                                                  ADVERTISEMENT_PSEUDO, packet->bytes);
}

void host_send_advertisement(struct takeover *self, struct host *host, uint8_t home,
                             uint8_t families, uint8_t priority)
{
    uint8_t to = (uint8_t)(1 - host->self);
    if (self->vrrp_cuts[host->self] > 0)
        return;
    for (uint8_t family = 0; family < FAMILIES; family++) {
        uint8_t part =
            (uint8_t)(self->travels_as_bytes ? families & 1U << family : (unsigned)families);
        if (part == 0)
            continue;
        struct packet *packet = path_lan(
            self, host->self, to,
            self->travels_as_bytes ? PACKET_ADVERTISEMENT_BYTES : PACKET_ADVERTISEMENT, part);
        if (packet != NULL) {
            packet->home = home;
            packet->priority = priority;
            packet->ttl = ADVERTISEMENT_TTL;
            if (self->travels_as_bytes)
                send_as_bytes(packet, family, (uint16_t)(self->interval_us / (10 * MS)));
            stranger_record(self, packet);
        }
        if (!self->travels_as_bytes)
            return;
    }
}

/* A frame is given to the kernel, which says whether it sent it. */
static void count_frame(struct host *host)
{
    host->has_sent |= !host->sends_fail;
    host->has_not_sent |= host->sends_fail;
}

void host_announce(struct takeover *self, struct host *host, uint8_t home, uint8_t families)
{
    count_frame(host);
    const uint8_t hearers[] = {(uint8_t)(1 - host->self), CLIENTS};
    for (size_t i = 0; i < sizeof hearers; i++) {
        struct packet *packet =
            path_lan(self, host->self, hearers[i], PACKET_ANNOUNCEMENT, families);
        if (packet != NULL)
            packet->home = home;
    }
}

static void probe(struct takeover *self, struct host *host)
{
    sums.clauses[CLAUSE_PROBED]++;
    count_frame(host);
    path_lan(self, host->self, (uint8_t)(1 - host->self), PACKET_PROBE, FAMILIES_ALL);
    if (self->witness_count > 0)
        path_lan(self, host->self, WITNESSES, PACKET_PROBE, FAMILIES_ALL);
}

static void confirm(struct takeover *self, struct host *host, uint8_t home)
{
    count_frame(host);
    struct packet *packet = self->witness_count == 0
                                ? NULL
                                : path_lan(self, host->self, WITNESSES, PACKET_PROBE, FAMILIES_ALL);
    if (packet == NULL)
        return;
    packet->is = true;
    packet->home = home;
}

static void send_beat(struct takeover *self, struct host *host)
{
    struct beat beat;
    pair_beat(&host->pair, self->now_us, &beat);
    if (self->has_opinion)
        oracle_says(self, host, &beat);
    beat.cluster = 1;
    beat.boot = host->boot;
    beat.sequence = ++host->sequence;
    beat_echo(&host->memory, &beat.echo_boot, &beat.echo_sequence);
    struct packet *packet = path_pair(self, host->self, PACKET_BEAT);
    if (packet == NULL)
        return;
    packet->beat = beat;
    stranger_record(self, packet);
    if (!self->travels_as_bytes)
        return;
    packet->kind = PACKET_BEAT_BYTES;
    packet->size = BEAT_SIZE;
    beat_encode(&beat, takeover_key, packet->bytes);
}

static bool ask(struct takeover *self, struct host *host)
{
    bool was_unanswered = host->is_asking;
    path_lan(self, host->self, (uint8_t)(1 - host->self), PACKET_QUERY, 1);
    host->is_asking = true;
    sums.clauses[CLAUSE_ASKED]++;
    return was_unanswered;
}

/* ---- actions ---- */

static void note(struct takeover *self, struct host *host, const struct pair_action *action)
{
    takeover_trace(self, "ns%d home%d %s > %s %s", host->self + 1, action->home + 1,
                   pair_state_word(action->was), pair_state_word(action->is),
                   pair_reason_word(action->reason));
    sums.reasons[action->reason]++;
    /* Without beats, who forges the partner's advertisements moves what he likes. */
    self->claims += action->was == PAIR_BACKUP && self->now_us - self->forged_us > SECOND;
}

/* Carry out one action; true with *event when its outcome is to be told. */
static bool perform(struct takeover *self, struct host *host, const struct pair_action *action,
                    struct pair_event *event)
{
    uint8_t home = action->home;
    switch (action->kind) {
    case PAIR_ADD:
    case PAIR_REFRESH:
        *event = (struct pair_event){.kind = kernel_lease(self, host, home) ? PAIR_EVENT_ADDED
                                                                            : PAIR_EVENT_ADD_FAILED,
                                     .home = home};
        return true;
    case PAIR_DELETE:
        kernel_release(host, home);
        break;
    case PAIR_ANNOUNCE:
        host_announce(self, host, home, FAMILIES_ALL);
        break;
    case PAIR_CONFIRM:
        confirm(self, host, home);
        break;
    case PAIR_ADVERTISE:
        host_send_advertisement(self, host, home, FAMILIES_ALL, action->priority);
        break;
    case PAIR_BEAT:
        send_beat(self, host);
        break;
    case PAIR_PROBE:
        probe(self, host);
        break;
    case PAIR_ASK:
        *event = (struct pair_event){.kind = PAIR_EVENT_ASKED, .is = false};
        return ask(self, host);
    case PAIR_EMPTY:
        host->emptying |= (uint8_t)(1U << home);
        host->empties_anew = true;
        break;
    case PAIR_NOTE:
        note(self, host, action);
        break;
    case PAIR_LEFT:
        host->has_left = true;
        break;
    case PAIR_STAYED:
    case PAIR_ALARM:
        break;
    case PAIR_END:
        host->is_over = true;
        break;
    }
    return false;
}

void host_tell(struct takeover *self, struct host *host, const struct pair_event *event)
{
    struct pair_event queue[EVENTS_MAX];
    size_t count = 1;
    queue[0] = *event;
    for (size_t i = 0; i < count; i++) {
        struct pair_actions todo;
        host->told_event = queue[i].kind;
        bool was_isolated = reception_is_isolated(&host->pair.reception);
        pair_step(&host->pair, self->now_us, &queue[i], &todo);
        oracle_told(self, host, was_isolated);
        if (self->has_opinion)
            oracle_agrees(self, host, &queue[i], &todo);
        for (size_t j = 0; j < todo.count; j++) {
            oracle_act(self, host, &todo.list[j]);
            if (count < EVENTS_MAX && perform(self, host, &todo.list[j], &queue[count]))
                count++;
        }
    }
}

void host_happens(struct takeover *self, struct host *host, enum pair_event_kind kind, uint8_t home)
{
    host_tell(self, host, &(struct pair_event){.kind = kind, .home = home});
}

/* ---- turns, as failover/partner.c and guardian.c take them ---- */

/* Has any frame come in since this was asked last? */
static bool has_heard(struct takeover *self, struct host *host)
{
    if (host->tap_us > self->now_us)
        return false;
    host->tap_us = INT64_MAX;
    return true;
}

static bool is_any_waiting(const struct takeover *self, const struct host *host)
{
    return host->beats.count + host->vrrp.count + host->neighbours.count + host->tripwire.count +
                   host->answers.count >
               0 ||
           kernel_has_news(self, host);
}

/* Before anything else is told or read. */
static bool wake_partner(struct takeover *self, struct host *host)
{
    int64_t late_us = self->now_us - host->deadline_us;
    bool is_late = late_us > LATE_INTERVALS * self->interval_us;
    if (is_late && !self->are_routers)
        host_tell(self, host,
                  &(struct pair_event){.kind = PAIR_EVENT_WOKE, .lateness_us = late_us});
    if (is_late && !self->are_routers && self->has_opinion)
        oracle_wakes(self, host, pair_deadline_us(&host->pair));
    return is_late;
}

static void tell_sent(struct takeover *self, struct host *host)
{
    if (host->has_sent || host->has_not_sent)
        host_tell(self, host, &(struct pair_event){.kind = PAIR_EVENT_SENT, .is = host->has_sent});
    host->has_sent = host->has_not_sent = false;
}

static void turn_partner(struct takeover *self, struct host *host, bool is_late)
{
    bool is_read = is_late || is_any_waiting(self, host);
    if (is_read)
        host_happens(self, host, PAIR_EVENT_READING, 0);
    host_read(self, host, is_late);
    if (has_heard(self, host))
        host_happens(self, host, PAIR_EVENT_FRAME, 0);
    tell_sent(self, host);
    host->is_draining = false;
    if (is_late)
        host_happens(self, host, PAIR_EVENT_DRAINED, 0);
    if (!host->knows_mac && self->now_us >= host->learn_us) {
        host->learn_us = self->now_us + LEARN_US;
        probe(self, host);
    }
    if (is_read || self->now_us >= pair_deadline_us(&host->pair))
        host_happens(self, host, PAIR_EVENT_TIMEOUT, 0);
}

static void tell_fitness(struct takeover *self, struct host *host)
{
    bool is_fit = host->supervise.worker == SUPERVISE_ALIVE && host->gate.is_fit;
    if (is_fit == host->is_fit && host->is_synced == host->was_synced)
        return;
    if (self->are_routers && is_fit != host->is_fit)
        router_fit(self, host, is_fit);
    host->is_fit = is_fit;
    host->was_synced = host->is_synced;
    if (!self->are_routers)
        host_tell(self, host,
                  &(struct pair_event){
                      .kind = PAIR_EVENT_WORKER, .fit = is_fit, .synced = host->is_synced});
}

static void watch_queues(struct takeover *self, struct host *host)
{
    uint8_t homes = host->emptying;
    if (homes == 0)
        return;
    uint64_t empties = worker_empties(self, host);
    bool is_new = host->empties_anew;
    host->empties_anew = false;
    if (is_new)
        host->empties = empties;
    if (is_new || empties == host->empties)
        return;
    host->emptying = 0;
    for (uint8_t home = 0; home < NODES; home++)
        if ((homes & 1U << home) != 0)
            host_happens(self, host, PAIR_EVENT_QUEUE_EMPTY, home);
}

/* A planned stop: first the partner takes over, then the worker ends. */
static void take_stop(struct takeover *self, struct host *host)
{
    if (!host->is_stop_asked)
        return;
    host->is_stop_asked = false;
    if (self->are_routers) {
        router_stop(self, host);
        worker_dispatch(self, host, SUPERVISE_STOP, SUPERVISE_STOP_ASKED);
    } else {
        host_happens(self, host, PAIR_EVENT_STOP, 0);
    }
}

/* A planned absence: likewise, and another worker follows. */
static void take_upgrade(struct takeover *self, struct host *host)
{
    if (host->upgrades_asked == 0 || self->now_us < host->upgrade_us)
        return;
    host->upgrades_asked--;
    host->upgrade_us = self->now_us + SECOND;
    host_happens(self, host, PAIR_EVENT_LEAVE, 0);
}

static void plan_wake(struct takeover *self, struct host *host)
{
    int64_t due_us = worker_deadline_us(host);
    host->deadline_us =
        self->are_routers ? router_deadline_us(host) : pair_deadline_us(&host->pair);
    if (!self->are_routers && self->has_opinion)
        oracle_wakes(self, host, host->deadline_us);
    if (host->deadline_us < due_us)
        due_us = host->deadline_us;
    host->wake_us = due_us > self->now_us ? due_us : self->now_us + 1;
}

static void note_waking(struct takeover *self, struct host *host)
{
    if (self->now_us - host->deadline_us <= LATE_INTERVALS * self->interval_us)
        return;
    host->is_draining = !self->are_routers;
    host->woke_us = self->now_us;
    host->listens_us = self->now_us + PAIR_SILENT_INTERVALS * self->interval_us;
    host->sound_us = INT64_MAX;
}

/* Of the oracle: fit and synced since, as the node itself sees it. */
static void note_sound(struct takeover *self, struct host *host)
{
    bool is_sound = pair_fault(&host->pair) == PAIR_SOUND && host->pair.synced;
    if (!is_sound)
        host->sound_us = INT64_MAX;
    else if (host->sound_us == INT64_MAX)
        host->sound_us = self->now_us;
}

void host_turn(struct takeover *self, struct host *host)
{
    sums.turns++;
    note_waking(self, host);
    bool is_late = wake_partner(self, host);
    worker_turn(self, host);
    take_stop(self, host);
    take_upgrade(self, host);
    tell_fitness(self, host);
    if (self->are_routers)
        router_turn(self, host, is_late);
    else
        turn_partner(self, host, is_late);
    if (host->has_left)
        worker_dispatch(self, host, SUPERVISE_REPLACE, 0);
    host->has_left = false;
    if (host->is_over)
        worker_dispatch(self, host, SUPERVISE_STOP, SUPERVISE_STOP_ASKED);
    worker_judge(self, host);
    watch_queues(self, host);
    if (supervise_deadline_ms(&host->supervise) <= self->now_us / MS)
        worker_dispatch(self, host, SUPERVISE_TIMEOUT, 0);
    tell_fitness(self, host);
    if (host->process != PROCESS_RUNS)
        return;
    if (!self->are_routers)
        note_sound(self, host);
    plan_wake(self, host);
}

/* ---- lives ---- */

static void empty(struct takeover *self, struct queue *queue)
{
    for (; queue->count > 0; queue->count--) {
        path_free(self, queue->packets[queue->at]);
        queue->at = (uint16_t)((queue->at + 1) % QUEUE_MAX);
    }
}

static void empty_all(struct takeover *self, struct host *host)
{
    empty(self, &host->beats);
    empty(self, &host->vrrp);
    empty(self, &host->neighbours);
    empty(self, &host->tripwire);
    empty(self, &host->answers);
}

static void start_pair(struct takeover *self, struct host *host)
{
    const struct pair_config config = {.self = host->self,
                                       .has_partner = !self->is_alone,
                                       .has_witness = self->witness_count > 0,
                                       .interval_us = self->interval_us,
                                       .flap_us = self->flap_us,
                                       .hold_us_max = self->hold_us_max};
    pair_init(&host->pair, &config, self->now_us);
    host->beyond = host_beyond;
    opinion_start(&host->opinion, &config, self->now_us);
}

void host_start(struct takeover *self, struct host *host)
{
    takeover_trace(self, "ns%d starts", host->self + 1);
    kernel_start(host);
    host->process = PROCESS_RUNS;
    host->is_frozen = false;
    host->started_us = host->deadline_us = self->now_us;
    host->wake_us = host->learn_us = self->now_us;
    host->boot = takeover_dice(self, UINT64_MAX) | 1;
    host->sequence = 0;
    host->memory = (struct beat_memory){0};
    host->knows_mac = host->is_asking = host->is_over = host->has_left = false;
    host->is_stop_asked = false;
    host->upgrades_asked = 0;
    host->is_carrier_told = false;
    host->is_hanging = host->is_fit = host->is_synced = host->was_synced = false;
    host->emptying = 0;
    host->empties_anew = false;
    host->connection = 0;
    host->able_us = host->sound_us = INT64_MAX;
    host->woke_us = self->now_us;
    host->listens_us = self->now_us + PAIR_SILENT_INTERVALS * self->interval_us;
    host->homecoming_us = INT64_MIN;
    host->hold_us = PAIR_HOLD_US_MIN;
    host->clauses = 0;
    host->is_draining = host->is_reset_asked = false;
    self->changed_us = self->now_us;
    memset(host->told, 0, sizeof host->told);
    supervise_init(&host->supervise);
    gate_init(&host->gate);
    if (self->are_routers)
        router_start(self, host);
    else
        start_pair(self, host);
    worker_start(host);
    worker_dispatch(self, host, SUPERVISE_START, SUPERVISE_STARTED);
}

/* Both processes end; keeps_power: their kernel closes what they had, and their leases run out. */
void host_kill(struct takeover *self, struct host *host, int64_t restart_us, bool keeps_power)
{
    host->kernel.is_on = host->kernel.is_on && keeps_power;
    kernel_close_all(self, host);
    empty_all(self, host);
    host->process = PROCESS_DEAD;
    host->is_frozen = false;
    host->restart_us = restart_us;
    host->worker.life = WORKER_NONE;
    host->died_us = self->now_us;
}

/* The guardian ends by itself, as after a planned stop. */
void host_exit(struct takeover *self, struct host *host)
{
    takeover_trace(self, "ns%d ends", host->self + 1);
    for (uint8_t home = 0; home < NODES; home++)
        kernel_release(host, home);
    host_kill(self, host, self->now_us + takeover_draw(self, 200 * MS, 3 * SECOND), true);
}

void host_sleep(struct takeover *self, struct host *host, int64_t until_us, bool is_frozen)
{
    assert(until_us > self->now_us);
    host->process = PROCESS_SLEEPS;
    host->is_frozen = is_frozen;
    host->wake_us = until_us;
    host->died_us = self->now_us;
}
