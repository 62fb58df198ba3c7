#include "failover/partner.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "failover/partner_act.h"
#include "failover/partner_read.h"
#include "failover/partner_router.h"
#include "failover/partner_sign.h"
#include "failover/sockaddr.h"

enum {
    LEARN_US = 1000000,   /* between questions for the partner's MAC */
    WITNESS_US = 5000000, /* between questions to the witnesses while nothing is in doubt */
    OWNERS_US = 300000,   /* between questions who has an address that waits to be claimed */
    LATE_INTERVALS = 5,   /* rule 7 */
    ASK_SIZE = 17,        /* a query for the root's SOA */
    EVENTS_MAX = 16,
};

/* ---- sending ---- */

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
    beat_encode(&beat, self->settings.beat_keys[0], bytes);
    partner_count_unsent(self, beat_socket_send(&self->beats, bytes, sizeof bytes));
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
    partner_count_unsent(
        self, sendto(self->ask_fd, query, sizeof query, 0, (struct sockaddr *)&name, size) < 0
                  ? -errno
                  : 0);
    self->is_asking = true;
    return was_unanswered;
}

/* ---- actions ---- */

static void keep_note(struct partner *self, const struct pair_action *action)
{
    partner_keep_note(self, &(struct partner_note){.home = action->home,
                                                   .was = pair_state_word(action->was),
                                                   .is = pair_state_word(action->is),
                                                   .reason = pair_reason_word(action->reason)});
}

/* Carry out one action; true with *event when its outcome is to be told. */
static bool perform(struct partner *self, int64_t now_us, const struct pair_action *action,
                    struct pair_event *event)
{
    switch (action->kind) {
    case PAIR_ADD:
    case PAIR_REFRESH:
        *event = (struct pair_event){.kind = partner_lease(self, action->home, 0) < 0
                                                 ? PAIR_EVENT_ADD_FAILED
                                                 : PAIR_EVENT_ADDED,
                                     .home = action->home};
        return true;
    case PAIR_DELETE:
        partner_release(self, action->home, 0);
        break;
    case PAIR_ANNOUNCE:
        partner_announce(self, action->home, 0);
        break;
    case PAIR_CONFIRM:
        partner_confirm(self, action->home);
        break;
    case PAIR_ADVERTISE:
        partner_advertise(self, action->home, 0, action->priority);
        break;
    case PAIR_BEAT:
        send_beat(self, now_us);
        break;
    case PAIR_PROBE:
        partner_probe(self);
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
    case PAIR_LEFT:
        self->has_left = true;
        break;
    case PAIR_STAYED:
        self->has_stayed = true;
        break;
    case PAIR_END:
        self->is_over = true;
        break;
    }
    return false;
}

/* One event, what follows from it, and what follows from that. */
static void tell_pair(struct partner *self, int64_t now_us, const struct pair_event *event)
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

void partner_tell(struct partner *self, int64_t now_us, const struct pair_event *event)
{
    if (self->settings.has_router)
        partner_router_tell(self, now_us, event);
    else
        tell_pair(self, now_us, event);
}

void partner_hears(struct partner *self, int64_t now_us, enum pair_event_kind kind, uint8_t home,
                   uint8_t family)
{
    if (self->settings.has_router)
        partner_router_hears(self, now_us, kind, home, family);
    else
        partner_happens(self, now_us, kind, home);
}

void partner_happens(struct partner *self, int64_t now_us, enum pair_event_kind kind, uint8_t home)
{
    partner_tell(self, now_us, &(struct pair_event){.kind = kind, .home = home});
}

void partner_hears_frame(struct partner *self, int64_t now_us)
{
    self->frame_us = now_us;
    partner_happens(self, now_us, PAIR_EVENT_FRAME, 0);
}

/* ---- turns ---- */

bool partner_is_untouched(const struct partner *self, uint8_t home)
{
    const struct pair_home *one = &self->pair.homes[home];
    if (self->settings.has_router)
        return router_is_untouched(&self->router, home);
    return one->state == PAIR_BACKUP && one->claimed_us == INT64_MIN && !one->was_partners;
}

/* Before a first claim: does anybody have the address already? Each interval while this node
 * listens, and then as often as a stranger is remembered a few times over. */
static void ask_owners(struct partner *self, int64_t now_us)
{
    if (now_us < self->owners_us)
        return;
    int64_t window_us = PAIR_SILENT_INTERVALS * self->settings.interval_us;
    int64_t pause_us = now_us - self->lan_us < window_us ? self->settings.interval_us : OWNERS_US;
    self->owners_us = INT64_MAX; /* unless one is left to be asked for */
    for (uint8_t home = 0; home < PAIR_NODES; home++)
        for (size_t i = 0; i < PARTNER_HOME_MAX && partner_is_untouched(self, home); i++) {
            const struct ip *ip = &self->settings.home[home][i];
            if (ip->family == 0)
                continue;
            self->owners_us = now_us + pause_us;
            partner_count_frame(self, neighbour_probe(&self->neighbour, ip));
        }
}

/* Who its partner is on the LAN, by MAC, and how the witnesses are. */
static void ask_lan(struct partner *self, int64_t now_us)
{
    if (now_us < self->learn_us)
        return;
    bool is_known = self->knows_mac || !self->settings.has_partner;
    self->learn_us = now_us + (is_known ? WITNESS_US : LEARN_US);
    partner_probe(self);
}

/* Of advertisements the kernel does not tell that it dropped them at the interface: a frame that
 * was sent is a proof, an advertisement that was is none. */
static void tell_sent(struct partner *self, int64_t now_us)
{
    if (self->has_sent || self->has_not_sent)
        partner_tell(self, now_us,
                     &(struct pair_event){.kind = PAIR_EVENT_SENT, .is = self->has_sent});
    self->has_sent = self->has_not_sent = false;
}

/* When whoever decides has something to do. */
static int64_t decision_us(const struct partner *self)
{
    return self->settings.has_router ? router_deadline_us(&self->router)
                                     : pair_deadline_us(&self->pair);
}

void partner_wake(struct partner *self, int64_t now_us)
{
    int64_t late_us = now_us - self->deadline_us;
    self->is_late = late_us > LATE_INTERVALS * self->settings.interval_us;
    if (!self->is_late)
        return;
    self->wakes_late++;
    self->lateness_us = late_us;
    partner_tell(self, now_us,
                 &(struct pair_event){.kind = PAIR_EVENT_WOKE, .lateness_us = late_us});
}

/* Has any frame come in, though none that is read? Not asked, for it costs a system call, while the
 * partner's frames tell. The first count is of what came beside those, and of no later time. */
static void listen_to_all(struct partner *self, int64_t now_us)
{
    bool is_told = now_us - self->frame_us < self->settings.interval_us * 3 / 2;
    if (!is_told && neighbour_heard(&self->neighbour) && self->is_counting)
        partner_happens(self, now_us, PAIR_EVENT_FRAME, 0);
    self->is_counting = !is_told;
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
    listen_to_all(self, now_us);
    tell_sent(self, now_us);
    if (is_late)
        partner_happens(self, now_us, PAIR_EVENT_DRAINED, 0);
    ask_lan(self, now_us);
    ask_owners(self, now_us);
    partner_try_spare(self, now_us);
    if (is_read || now_us >= decision_us(self))
        partner_happens(self, now_us, PAIR_EVENT_TIMEOUT, 0);
}

int64_t partner_deadline_us(struct partner *self)
{
    int64_t due_us = decision_us(self), spare_us = partner_spare_deadline_us(self);
    due_us = spare_us < due_us ? spare_us : due_us;
    self->deadline_us = self->owners_us < due_us ? self->owners_us : due_us;
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

/* The pair's own link, and a socket to ask the partner's DNS with. */
static int open_pair_link(struct partner *self, char *sentence)
{
    const struct partner_settings *settings = &self->settings;
    uint8_t me = settings->self, other = (uint8_t)(1 - me);
    int error = beat_socket_open(&self->beats, &settings->pair[me], &settings->pair[other],
                                 settings->beat_port, sentence);
    if (error == 0)
        error = tripwire_open(&self->tripwire, &settings->pair[me], &settings->pair[other],
                              settings->tripwire_port, me == 0, sentence);
    if (error == 0)
        self->ask_fd =
            socket_open(partner_asked(settings)->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    return error;
}

static int open_towards_partner(struct partner *self, char *sentence)
{
    const struct partner_settings *settings = &self->settings;
    uint8_t me = settings->self, other = (uint8_t)(1 - me);
    int error = settings->has_router ? 0 : open_pair_link(self, sentence);
    for (size_t family = 0; family < 2 && error == 0; family++)
        if (settings->own[me][family].family != 0 && settings->own[other][family].family != 0)
            error = vrrp_socket_open(&self->vrrp[family], settings->interface,
                                     &settings->own[me][family], sentence);
    return error;
}

static int open_towards_lan(struct partner *self, char *sentence)
{
    struct ip homes[PARTNER_HOME_MAX * PAIR_NODES];
    size_t count = 0;
    for (size_t home = 0; home < PAIR_NODES; home++)
        for (size_t i = 0; i < PARTNER_HOME_MAX; i++)
            if (self->settings.home[home][i].family != 0)
                homes[count++] = self->settings.home[home][i];
    int error = neighbour_open(&self->neighbour, self->settings.interface, sentence);
    if (error == 0)
        error = address_watch_open(&self->watch, self->settings.interface, homes, count, sentence);
    return error;
}

void partner_ask_again(struct partner *self, int64_t now_us)
{
    self->lan_us = self->learn_us = self->owners_us = now_us;
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
                                       .interval_us = settings->interval_us,
                                       .flap_us = PAIR_FLAP_US,
                                       .hold_us_max = PAIR_HOLD_US_MAX,
                                       .document = settings->document};
    for (size_t i = 0; i < PARTNER_WITNESSES_MAX; i++)
        self->witness_us[i] = INT64_MIN;
    if (sodium_init() < 0) {
        snprintf(sentence, PARTNER_SENTENCE_SIZE, "the system has no random numbers to begin with");
        return -EIO;
    }
    randombytes_buf(&self->boot, sizeof self->boot);
    self->boot |= 1; /* never 0 */
    partner_derive_keys(self);
    pair_init(&self->pair, &config, now_us);
    for (size_t i = 0; i < PAIR_NODES; i++)
        self->owners[i].heard_us = self->speakers[i].heard_us = INT64_MIN;
    self->deletions.begun_us = self->deletions.noted_us = INT64_MIN;
    bool has_spare = settings->spare[0].family != 0 || settings->spare[1].family != 0;
    self->spare = (struct partner_spare){
        .seek_us =
            has_spare && settings->witness_count > 0 && !settings->has_router ? now_us : INT64_MAX,
        .claim_us = INT64_MAX,
        .taken_us = INT64_MIN};
    partner_ask_again(self, now_us);
    self->ready = PARTNER_WATCH; /* its first reading tells the carrier */
    int error = address_open(&self->address);
    if (error < 0)
        snprintf(sentence, PARTNER_SENTENCE_SIZE, "the kernel's addresses cannot be reached (%s)",
                 strerror(-error));
    if (error == 0)
        error = open_towards_lan(self, sentence);
    if (error == 0 && settings->has_partner)
        error = open_towards_partner(self, sentence);
    if (error == 0 && settings->has_router)
        partner_router_init(self, now_us);
    return error;
}

struct partner_holding partner_holding(const struct partner *self, uint8_t home, uint8_t family)
{
    const struct pair_home *of_pair = &self->pair.homes[home];
    const struct router_home *of_router = &self->router.homes[home][family == 6];
    if (self->settings.has_router)
        return (struct partner_holding){.is_held = of_router->vrrp.state == VRRP_ACTIVE,
                                        .since_us = of_router->since_us,
                                        .reason = vrrp_reason_word(of_router->reason)};
    return (struct partner_holding){.is_held =
                                        of_pair->state != PAIR_BACKUP && !of_pair->is_refused,
                                    .since_us = of_pair->since_us,
                                    .reason = pair_reason_word(of_pair->reason)};
}

bool partner_is_stopping(const struct partner *self)
{
    return self->settings.has_router ? self->router.stopping : self->pair.stopping;
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
        if (self->settings.has_router || self->pair.homes[home].state != PAIR_BACKUP)
            partner_release(self, home, 0); /* told to end before the partner took over */
    address_watch_close(&self->watch);
    address_close(&self->address);
    sodium_memzero(self->settings.beat_keys, sizeof self->settings.beat_keys);
    sodium_memzero(self->advertisement_keys, sizeof self->advertisement_keys);
}
