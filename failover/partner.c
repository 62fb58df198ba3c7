#include "failover/partner.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "failover/partner_read.h"
#include "failover/sockaddr.h"

enum {
    LEASE_S = 1,
    CENTISECOND_US = 10000,
    LEARN_US = 1000000, /* between questions for the partner's MAC */
    LATE_INTERVALS = 5, /* rule 7 */
    ASK_SIZE = 17,      /* a query for the root's SOA */
    EVENTS_MAX = 16,
};

/* ---- the kernel's addresses ---- */

/* Add or refresh both families. ADDED, or ADD_FAILED when any is refused. */
static struct pair_event lease(struct partner *self, uint8_t home)
{
    int interface = self->watch.interface, error = interface > 0 ? 0 : -ENODEV;
    for (size_t family = 0; family < 2 && interface > 0; family++) {
        const struct ip *ip = &self->settings.home[home][family];
        if (ip->family == 0)
            continue;
        address_watch_expect(&self->watch, ip, true);
        int failed = address_lease(&self->address, interface, ip, LEASE_S);
        error = failed < 0 ? failed : error;
    }
    self->address_error = error;
    return (struct pair_event){.kind = error < 0 ? PAIR_EVENT_ADD_FAILED : PAIR_EVENT_ADDED,
                               .home = home};
}

static void release(struct partner *self, uint8_t home)
{
    int interface = self->watch.interface;
    for (size_t family = 0; family < 2 && interface > 0; family++) {
        const struct ip *ip = &self->settings.home[home][family];
        if (ip->family == 0)
            continue;
        address_watch_expect(&self->watch, ip, false);
        int error = address_delete(&self->address, interface, ip);
        if (error < 0 && error != -EADDRNOTAVAIL)
            self->address_error = error;
    }
}

/* ---- sending ---- */

static void count_unsent(struct partner *self, int error)
{
    if (error < 0)
        self->unsent++;
}

uint16_t partner_interval_cs(const struct partner_settings *settings)
{
    return (uint16_t)(settings->interval_us / CENTISECOND_US);
}

static void send_advertisement(struct partner *self, uint8_t home, uint8_t priority)
{
    for (size_t family = 0; family < 2; family++) {
        struct vrrp_socket *socket = &self->vrrp[family];
        const struct ip *ip = &self->settings.home[home][family];
        uint8_t bytes[ADVERTISEMENT_SIZE_MAX];
        if (socket->fd < 0 || ip->family == 0)
            continue;
        struct advertisement advertisement = {
            .vrid = self->settings.vrid[home],
            .priority = priority,
            .interval_cs = partner_interval_cs(&self->settings),
            .family = ip->family,
            .address_count = 1,
            .addresses = {*ip},
        };
        const struct ip *source = &self->settings.own[self->settings.self][family];
        const struct ip *target = &self->settings.own[1 - self->settings.self][family];
        size_t size = advertisement_encode(&advertisement, source, target, self->checksum, bytes);
        count_unsent(self, vrrp_socket_send(socket, source, target, bytes, size));
    }
}

static void announce(struct partner *self, uint8_t home)
{
    for (size_t family = 0; family < 2; family++)
        if (self->settings.home[home][family].family != 0)
            count_unsent(self,
                         neighbour_announce(&self->neighbour, &self->settings.home[home][family]));
}

static void solicit(struct partner *self, const struct ip *target)
{
    const struct ip *source = &self->settings.own[self->settings.self][target->family == 6];
    if (target->family != 0 && source->family != 0)
        count_unsent(self, neighbour_solicit(&self->neighbour, source, target));
}

/* Every witness, and always the partner's own addresses. */
static void probe(struct partner *self)
{
    const struct partner_settings *settings = &self->settings;
    for (size_t i = 0; i < settings->witness_count; i++)
        solicit(self, &settings->witnesses[i]);
    for (size_t family = 0; settings->has_partner && family < 2; family++)
        solicit(self, &settings->own[1 - settings->self][family]);
}

static void send_beat(struct partner *self, int64_t now_us)
{
    struct beat beat;
    uint8_t bytes[BEAT_SIZE];
    if (self->beats.fd < 0)
        return;
    pair_beat(&self->pair, now_us, &beat);
    beat.cluster = self->settings.cluster;
    beat.boot = self->boot;
    beat.sequence = ++self->sequence;
    beat_echo(&self->memory, &beat.echo_boot, &beat.echo_sequence);
    beat_encode(&beat, self->settings.beat_key, bytes);
    count_unsent(self, beat_socket_send(&self->beats, bytes, sizeof bytes));
    if (beat_socket_refused(&self->beats))
        self->ready |= PARTNER_BEATS; /* read in the next turn */
}

const struct ip *partner_asked(const struct partner_settings *settings)
{
    const struct ip *own = settings->own[1 - settings->self];
    return &own[own[0].family == 0];
}

/* Rule 4: one query to the partner's DNS, on its own address. Returns what became of the last. */
static bool ask(struct partner *self)
{
    static const uint8_t query[ASK_SIZE] = {0x54, 0x44, 0, 0, 0, 1, [14] = 6, [16] = 1};
    const struct partner_settings *settings = &self->settings;
    struct sockaddr_storage name;
    bool was_unanswered = self->is_asking;
    if (self->ask_fd < 0)
        return was_unanswered;
    socklen_t size = sockaddr_make(&name, partner_asked(settings), settings->dns_port);
    count_unsent(self,
                 sendto(self->ask_fd, query, sizeof query, 0, (struct sockaddr *)&name, size) < 0
                     ? -errno
                     : 0);
    self->is_asking = true;
    return was_unanswered;
}

/* ---- actions ---- */

static void keep_note(struct partner *self, const struct pair_action *action)
{
    self->is_changed = true;
    if (self->note_count == PARTNER_NOTES_MAX) {
        self->notes_lost++;
        return;
    }
    self->notes[self->note_count++] = (struct partner_note){
        .home = action->home, .was = action->was, .is = action->is, .reason = action->reason};
}

/* Carry out one action; true with *event when its outcome is to be told. */
static bool perform(struct partner *self, int64_t now_us, const struct pair_action *action,
                    struct pair_event *event)
{
    switch (action->kind) {
    case PAIR_ADD:
    case PAIR_REFRESH:
        *event = lease(self, action->home);
        return true;
    case PAIR_DELETE:
        release(self, action->home);
        break;
    case PAIR_ANNOUNCE:
        announce(self, action->home);
        break;
    case PAIR_ADVERTISE:
        send_advertisement(self, action->home, action->priority);
        break;
    case PAIR_BEAT:
        send_beat(self, now_us);
        break;
    case PAIR_PROBE:
        probe(self);
        break;
    case PAIR_ASK:
        if (!ask(self))
            break;
        *event = (struct pair_event){.kind = PAIR_EVENT_ASKED, .is = false};
        return true;
    case PAIR_EMPTY:
        self->emptying |= (uint8_t)(1U << action->home);
        self->empties_anew = true;
        break;
    case PAIR_NOTE:
        keep_note(self, action);
        break;
    case PAIR_ALARM:
        self->alarms++;
        break;
    case PAIR_END:
        self->is_over = true;
        break;
    }
    return false;
}

/* One event, what follows from it, and what follows from that. */
void partner_tell(struct partner *self, int64_t now_us, const struct pair_event *event)
{
    struct pair_event queue[EVENTS_MAX] = {*event};
    size_t count = 1;
    for (size_t i = 0; i < count; i++) {
        struct pair_actions todo;
        pair_step(&self->pair, now_us, &queue[i], &todo);
        for (size_t j = 0; j < todo.count; j++) {
            struct pair_event outcome;
            if (perform(self, now_us, &todo.list[j], &outcome) && count < EVENTS_MAX)
                queue[count++] = outcome;
        }
    }
}

void partner_happens(struct partner *self, int64_t now_us, enum pair_event_kind kind, uint8_t home)
{
    partner_tell(self, now_us, &(struct pair_event){.kind = kind, .home = home});
}

/* ---- turns ---- */

void partner_wake(struct partner *self, int64_t now_us)
{
    int64_t late_us = now_us - self->deadline_us;
    self->is_late = late_us > LATE_INTERVALS * self->settings.interval_us;
    if (!self->is_late)
        return;
    self->wakes_late++;
    partner_tell(self, now_us,
                 &(struct pair_event){.kind = PAIR_EVENT_WOKE, .lateness_us = late_us});
}

void partner_turn(struct partner *self, int64_t now_us)
{
    bool is_late = self->is_late;
    self->is_late = false;
    if (is_late)
        self->ready = ~0U; /* more may have come since we were woken */
    bool is_read = self->ready != 0;
    if (is_read)
        partner_happens(self, now_us, PAIR_EVENT_READING, 0);
    partner_read(self, now_us, is_late);
    if (neighbour_heard(&self->neighbour))
        partner_happens(self, now_us, PAIR_EVENT_FRAME, 0);
    if (is_late)
        partner_happens(self, now_us, PAIR_EVENT_DRAINED, 0);
    if (self->settings.has_partner && !self->knows_mac && now_us >= self->learn_us) {
        self->learn_us = now_us + LEARN_US;
        probe(self);
    }
    if (is_read || now_us >= pair_deadline_us(&self->pair))
        partner_happens(self, now_us, PAIR_EVENT_TIMEOUT, 0);
}

int64_t partner_deadline_us(struct partner *self)
{
    self->deadline_us = pair_deadline_us(&self->pair);
    return self->deadline_us;
}

size_t partner_fds(const struct partner *self, int fds[PARTNER_FDS_MAX])
{
    const int all[PARTNER_FDS_MAX] = {self->beats.fd,   self->tripwire.epoll_fd, self->vrrp[0].fd,
                                      self->vrrp[1].fd, self->neighbour.fd,      self->watch.fd,
                                      self->ask_fd};
    size_t count = 0;
    for (size_t i = 0; i < PARTNER_FDS_MAX; i++)
        if (all[i] >= 0)
            fds[count++] = all[i];
    return count;
}

/* ---- open and close ---- */

static int open_towards_partner(struct partner *self, char *sentence)
{
    const struct partner_settings *settings = &self->settings;
    uint8_t me = settings->self, other = (uint8_t)(1 - me);
    int error = beat_socket_open(&self->beats, &settings->pair[me], &settings->pair[other],
                                 settings->beat_port, sentence);
    if (error == 0)
        error = tripwire_open(&self->tripwire, &settings->pair[me], &settings->pair[other],
                              settings->tripwire_port, me == 0, sentence);
    for (size_t family = 0; family < 2 && error == 0; family++)
        if (settings->own[me][family].family != 0 && settings->own[other][family].family != 0)
            error = vrrp_socket_open(&self->vrrp[family], settings->interface,
                                     &settings->own[me][family], sentence);
    return error;
}

static int open_towards_lan(struct partner *self, char *sentence)
{
    struct ip homes[2 * PAIR_NODES];
    size_t count = 0;
    for (size_t home = 0; home < PAIR_NODES; home++)
        for (size_t family = 0; family < 2; family++)
            if (self->settings.home[home][family].family != 0)
                homes[count++] = self->settings.home[home][family];
    int error = neighbour_open(&self->neighbour, self->settings.interface, sentence);
    if (error == 0)
        error = address_watch_open(&self->watch, self->settings.interface, homes, count, sentence);
    return error;
}

/* The interface was made anew: sockets that were bound to the old one hear nothing more. */
void partner_reopen(struct partner *self)
{
    char sentence[PARTNER_SENTENCE_SIZE];
    const struct partner_settings *settings = &self->settings;
    const struct ip *own = settings->own[settings->self];
    neighbour_close(&self->neighbour);
    if (neighbour_open(&self->neighbour, settings->interface, sentence) < 0)
        neighbour_close(&self->neighbour);
    for (size_t family = 0; family < 2; family++) {
        if (self->vrrp[family].fd < 0)
            continue;
        vrrp_socket_close(&self->vrrp[family]);
        if (vrrp_socket_open(&self->vrrp[family], settings->interface, &own[family], sentence) < 0)
            vrrp_socket_close(&self->vrrp[family]);
    }
    self->reopened++;
    self->is_reopened = true;
}

int partner_open(struct partner *self, const struct partner_settings *settings, int64_t now_us,
                 char sentence[PARTNER_SENTENCE_SIZE])
{
    assert(settings->self < PAIR_NODES);
    *self =
        (struct partner){.settings = *settings,
                         .beats = {.fd = -1, .strange_fd = -1},
                         .tripwire = {.epoll_fd = -1, .listen_fd = -1, .fd = -1, .timer_fd = -1},
                         .vrrp = {{.fd = -1}, {.fd = -1}},
                         .neighbour = {.fd = -1, .tap_fd = -1},
                         .ask_fd = -1,
                         .deadline_us = now_us};
    const struct pair_config config = {.self = settings->self,
                                       .has_partner = settings->has_partner,
                                       .has_witness = settings->witness_count > 0,
                                       .interval_us = settings->interval_us};
    if (sodium_init() < 0) {
        snprintf(sentence, PARTNER_SENTENCE_SIZE, "the system has no random numbers to begin with");
        return -EIO;
    }
    randombytes_buf(&self->boot, sizeof self->boot);
    self->boot |= 1; /* never 0 */
    pair_init(&self->pair, &config, now_us);
    int error = address_open(&self->address);
    if (error < 0)
        snprintf(sentence, PARTNER_SENTENCE_SIZE, "the kernel's addresses cannot be reached (%s)",
                 strerror(-error));
    if (error == 0)
        error = open_towards_lan(self, sentence);
    if (error == 0 && settings->has_partner)
        error = open_towards_partner(self, sentence);
    if (error < 0)
        return error;
    if (settings->has_partner)
        self->ask_fd =
            socket_open(partner_asked(settings)->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    return 0;
}

void partner_close(struct partner *self)
{
    socket_close(&self->ask_fd);
    for (size_t family = 0; family < 2; family++)
        vrrp_socket_close(&self->vrrp[family]);
    tripwire_close(&self->tripwire);
    beat_socket_close(&self->beats);
    neighbour_close(&self->neighbour);
    for (uint8_t home = 0; home < PAIR_NODES && self->address.socket != NULL; home++)
        if (self->pair.homes[home].state != PAIR_BACKUP)
            release(self, home); /* told to end before the partner took over */
    address_watch_close(&self->watch);
    address_close(&self->address);
    sodium_memzero(self->settings.beat_key, sizeof self->settings.beat_key);
}
