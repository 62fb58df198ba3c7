#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "failover/partner_act.h"
#include "failover/partner_read.h"
#include "failover/partner_router.h"
#include "failover/partner_sign.h"
#include "failover/sockaddr.h"

enum {
    READS_MAX = 64, /* of one socket in one turn: a flood delays no beat */
    /* After a long sleep: more than the kernel keeps for a socket, so that what is read last is of
     * now. Some milliseconds at the worst. */
    DRAIN_MAX = 4096,
    UNKNOWN_INTERVALS = 3, /* for a partner that lives to say which MAC it has */
    DELETIONS_US = 60000000,
    DELETIONS_MANY = 3,           /* in that time */
    DELETIONS_NOTE_US = 10000000, /* between lines about it */
    DNS_HEADER_SIZE = 12,
    DNS_QR = 0x80,
};

static void take_datagram(struct partner *self, int64_t now_us,
                          const struct beat_expectation *expected,
                          const struct beat_datagram *datagram)
{
    struct beat beat;
    enum beat_refusal refusal =
        beat_decode(datagram->bytes, datagram->size, self->settings.beat_keys,
                    self->settings.beat_key_count, expected, &self->memory, &beat);
    self->beat_refusals[refusal]++;
    if (refusal == BEAT_ACCEPTED)
        partner_tell(self, now_us, &(struct pair_event){.kind = PAIR_EVENT_BEAT, .beat = &beat});
}

static void read_beats(struct partner *self, int64_t now_us, int reads_max)
{
    const struct beat_expectation expected = {.cluster = self->settings.cluster,
                                              .sender = (uint8_t)(1 - self->settings.self),
                                              .boot = self->boot,
                                              .sequence = self->sequence};
    struct beat_batch batch = {.is_more = self->beats.fd >= 0};
    for (int i = 0; i < reads_max / BEAT_SOCKET_BATCH && batch.is_more; i++) {
        if (beat_socket_receive(&self->beats, &batch) < 0)
            break;
        for (size_t j = 0; j < batch.count; j++)
            take_datagram(self, now_us, &expected, &batch.datagrams[j]);
    }
    if (self->beats.fd >= 0 && beat_socket_refused(&self->beats))
        partner_happens(self, now_us, PAIR_EVENT_REFUSED, 0);
}

static void read_tripwire(struct partner *self, int64_t now_us, int reads_max)
{
    for (int i = 0; i < reads_max && self->tripwire.epoll_fd >= 0; i++) {
        enum tripwire_event event = tripwire_read(&self->tripwire);
        if (event == TRIPWIRE_NOTHING)
            return;
        if (event == TRIPWIRE_REFUSED)
            partner_happens(self, now_us, PAIR_EVENT_REFUSED, 0);
        else if (event != TRIPWIRE_LOST) /* the way is interrupted: no sign of a death */
            partner_tell(
                self, now_us,
                &(struct pair_event){.kind = PAIR_EVENT_TRIPWIRE, .is = event == TRIPWIRE_UP});
    }
}

static void meet(struct partner_stranger *stranger, int64_t now_us, const struct ip *ip)
{
    stranger->heard_us = now_us;
    stranger->times++;
    stranger->ip = *ip;
}

static void take_packet(struct partner *self, int64_t now_us, size_t family,
                        const struct vrrp_packet *packet)
{
    const struct partner_settings *settings = &self->settings;
    enum advertisement_refusal refusal = ADVERTISEMENT_BAD_VRID;
    for (uint8_t home = 0; home < PAIR_NODES && refusal == ADVERTISEMENT_BAD_VRID; home++) {
        struct advertisement_heard heard;
        const struct advertisement_received received = {.ttl = packet->ttl,
                                                        .source = packet->source,
                                                        .destination = packet->destination,
                                                        .is_multicast = packet->is_multicast};
        struct advertisement_expectation expected = {
            .vrid = settings->vrid[home],
            .interval_cs = partner_interval_cs(settings),
            .is_multicast = settings->is_multicast,
            .own = *partner_source(self, family == 0 ? 4 : 6),
            .partner = settings->own[1 - settings->self][family],
        };
        expected.address_count =
            partner_addresses(settings, home, family == 0 ? 4 : 6, expected.addresses);
        refusal = advertisement_decode(packet->payload, packet->size, &received, &expected, &heard);
        if (refusal == ADVERTISEMENT_ACCEPTED && !settings->has_router &&
            !partner_is_signed(self, family, &heard.advertisement, packet->payload, packet->size))
            refusal = ADVERTISEMENT_UNPROVEN;
        if (refusal == ADVERTISEMENT_BAD_SOURCE)
            meet(&self->speakers[home], now_us, &packet->source);
        if (refusal != ADVERTISEMENT_ACCEPTED)
            continue;
        self->said[home][family] = (struct partner_said){
            .is_heard = true, .interval_cs = heard.advertisement.interval_cs, .notes = heard.notes};
        if (family == 0) /* IPv6 has but one form, which says nothing of the other */
            self->checksum = heard.checksum;
        if (settings->has_router)
            partner_router_advertised(self, now_us, home, &heard.advertisement, &packet->source);
        else
            partner_tell(self, now_us,
                         &(struct pair_event){.kind = PAIR_EVENT_ADVERTISEMENT,
                                              .home = home,
                                              .priority = heard.advertisement.priority});
    }
    self->advertisement_refusals[refusal]++;
}

static void read_vrrp(struct partner *self, int64_t now_us, size_t family, int reads_max)
{
    struct vrrp_batch batch;
    batch.is_more = self->vrrp[family].fd >= 0;
    for (int i = 0; i < reads_max / VRRP_SOCKET_BATCH && batch.is_more; i++) {
        if (vrrp_socket_receive(&self->vrrp[family], &batch) < 0)
            return;
        if (batch.count > 0)
            partner_hears_frame(self, now_us);
        for (size_t j = 0; j < batch.count; j++)
            take_packet(self, now_us, family, &batch.packets[j]);
    }
}

/* The home that an address belongs to, or PAIR_NODES. */
static uint8_t home_of(const struct partner *self, const struct ip *ip)
{
    for (uint8_t home = 0; home < PAIR_NODES; home++)
        for (size_t i = 0; i < PARTNER_HOME_MAX; i++)
            if (ip_equal(ip, &self->settings.home[home][i]))
                return home;
    return PAIR_NODES;
}

static bool is_partners_own(const struct partner *self, const struct ip *ip)
{
    const struct ip *partner = self->settings.own[1 - self->settings.self];
    return self->settings.has_partner && (ip_equal(ip, &partner[0]) || ip_equal(ip, &partner[1]));
}

/* Is this one of the witnesses, or the partner? Notes which of them was heard. */
static bool hear_witness(struct partner *self, int64_t now_us, const struct ip *ip)
{
    for (size_t i = 0; i < self->settings.witness_count; i++)
        if (ip_equal(ip, &self->settings.witnesses[i])) {
            self->witness_us[i] = now_us;
            return true;
        }
    return is_partners_own(self, ip);
}

/* Is this the partner's MAC? Before it is known, anybody's: it is asked for it, and a partner that
 * lives answers soon. One that does not answer has no address either. */
static bool is_partners(const struct partner *self, int64_t now_us, uint8_t home,
                        const struct neighbour_event *event)
{
    const struct partner_settings *settings = &self->settings;
    /* RFC 9568 §7.3: the MAC of a virtual router, which a router of another make may use. */
    const uint8_t virtual_mac[NEIGHBOUR_MAC_SIZE] = {
        0, 0, 0x5e, 0, event->sender.family == 4 ? 1 : 2, settings->vrid[home]};
    if (!settings->has_partner)
        return false;
    if (settings->has_router && memcmp(event->mac, virtual_mac, sizeof virtual_mac) == 0)
        return true;
    return self->knows_mac ? memcmp(event->mac, self->partner_mac, sizeof self->partner_mac) == 0
                           : now_us - self->lan_us < UNKNOWN_INTERVALS * settings->interval_us;
}

static bool is_spare(const struct partner *self, const struct ip *ip)
{
    return ip->family != 0 && ip_equal(ip, &self->settings.spare[ip->family == 6]);
}

/* To whom: a home's address, when it was asked in that one's name. */
static void take_reply(struct partner *self, int64_t now_us, const struct neighbour_event *event)
{
    uint8_t home = event->kind == NEIGHBOUR_REPLY ? home_of(self, &event->target) : PAIR_NODES;
    partner_happens(self, now_us, PAIR_EVENT_REPLY, 0);
    if (event->kind == NEIGHBOUR_REPLY && is_spare(self, &event->target))
        partner_spare_answered(self, now_us);
    if (home < PAIR_NODES)
        partner_hears(self, now_us, PAIR_EVENT_CONFIRMED, home, event->target.family);
}

/* Somebody says where an address is: in a reply, an announcement, or by asking in its name. */
static void take_claim(struct partner *self, int64_t now_us, const struct neighbour_event *event)
{
    bool is_question = event->kind == NEIGHBOUR_WHO_HAS;
    if (is_partners_own(self, &event->sender)) {
        memcpy(self->partner_mac, event->mac, sizeof self->partner_mac);
        self->knows_mac = true;
    }
    /* The partner claims it as well. */
    if (is_spare(self, &event->sender) && self->knows_mac &&
        memcmp(event->mac, self->partner_mac, sizeof event->mac) != 0)
        self->spare.taken_us = now_us;
    if (!is_question && hear_witness(self, now_us, &event->sender))
        take_reply(self, now_us, event);
    uint8_t home = home_of(self, &event->sender);
    if (home == PAIR_NODES)
        return;
    if (!is_partners(self, now_us, home, event)) {
        meet(&self->owners[home], now_us, &event->sender);
        memcpy(self->owners[home].mac, event->mac, sizeof event->mac);
        partner_hears(self, now_us, PAIR_EVENT_FOREIGN, home, event->sender.family);
    } else {
        partner_hears(self, now_us, PAIR_EVENT_ANNOUNCED, home, event->sender.family);
    }
}

static void read_neighbours(struct partner *self, int64_t now_us, int reads_max)
{
    struct neighbour_event event;
    for (int i = 0; i < reads_max && self->neighbour.fd >= 0; i++) {
        if (neighbour_receive(&self->neighbour, &event) <= 0)
            break;
        if (event.is_ours)
            continue;
        partner_hears_frame(self, now_us);
        take_claim(self, now_us, &event);
        uint8_t home = event.kind == NEIGHBOUR_WHO_HAS ? home_of(self, &event.target) : PAIR_NODES;
        if (home < PAIR_NODES)
            partner_hears(self, now_us, PAIR_EVENT_WHO_HAS, home, event.target.family);
    }
}

/* By whoever configures this host; it is added again, and said, but not for each. A link that is
 * down has none of IPv6 by itself. */
static void note_deletion(struct partner *self, int64_t now_us, uint8_t home)
{
    struct partner_deletions *deletions = &self->deletions;
    if (!self->watch.is_up)
        return;
    if (deletions->begun_us == INT64_MIN || now_us - deletions->begun_us > DELETIONS_US)
        *deletions =
            (struct partner_deletions){.begun_us = now_us, .noted_us = deletions->noted_us};
    deletions->count++;
    if (deletions->noted_us != INT64_MIN && now_us - deletions->noted_us < DELETIONS_NOTE_US)
        return;
    deletions->noted_us = now_us;
    partner_keep_note(self, &(struct partner_note){.home = home,
                                                   .was = pair_state_word(PAIR_ACTIVE),
                                                   .is = pair_state_word(PAIR_ACTIVE),
                                                   .reason = "deleted"});
}

bool partner_is_robbed(const struct partner *self, int64_t now_us)
{
    return self->deletions.count > DELETIONS_MANY &&
           now_us - self->deletions.begun_us <= DELETIONS_US;
}

static void take_change(struct partner *self, int64_t now_us,
                        const struct address_watch_event *event)
{
    bool is_up = event->kind == ADDRESS_WATCH_CARRIER && event->is_up;
    uint8_t home = event->kind == ADDRESS_WATCH_MISSING ? home_of(self, &event->ip) : PAIR_NODES;
    switch (event->kind) {
    case ADDRESS_WATCH_RETURNED:
        partner_reopen(self);
        partner_ask_again(self, now_us);
        break;
    case ADDRESS_WATCH_GONE:
    case ADDRESS_WATCH_CARRIER:
        if (is_up)
            partner_ask_again(self, now_us);
        partner_tell(self, now_us, &(struct pair_event){.kind = PAIR_EVENT_CARRIER, .is = is_up});
        break;
    case ADDRESS_WATCH_MISSING:
        if (home == PAIR_NODES)
            break;
        note_deletion(self, now_us, home);
        partner_hears(self, now_us, PAIR_EVENT_DELETED, home, event->ip.family);
        break;
    case ADDRESS_WATCH_STRANGE:
        self->alarms++;
        break;
    }
}

/* What others did to the interface and to the addresses on it. */
static void read_watch(struct partner *self, int64_t now_us, int reads_max)
{
    struct address_watch_event event;
    for (int i = 0; i < reads_max && self->watch.fd >= 0; i++) {
        if (address_watch_read(&self->watch, &event) <= 0)
            return;
        take_change(self, now_us, &event);
    }
}

static void read_answers(struct partner *self, int64_t now_us, int reads_max)
{
    uint8_t bytes[512];
    bool is_answered = false;
    for (int i = 0; i < reads_max && self->ask_fd >= 0; i++) {
        struct sockaddr_storage name;
        socklen_t size = sizeof name;
        ssize_t got = recvfrom(self->ask_fd, bytes, sizeof bytes, MSG_DONTWAIT,
                               (struct sockaddr *)&name, &size);
        if (got < 0)
            break;
        is_answered |=
            sockaddr_is(&name, partner_asked(&self->settings), self->settings.dns_port) &&
            got >= DNS_HEADER_SIZE && (bytes[2] & DNS_QR) != 0;
    }
    if (!is_answered)
        return;
    self->is_asking = false;
    partner_tell(self, now_us, &(struct pair_event){.kind = PAIR_EVENT_ASKED, .is = true});
}

void partner_mark(struct partner *self, int fd)
{
    if (fd == self->beats.fd)
        self->ready |= PARTNER_BEATS;
    else if (fd == self->tripwire.epoll_fd)
        self->ready |= PARTNER_TRIPWIRE;
    else if (fd == self->vrrp[0].fd)
        self->ready |= PARTNER_VRRP;
    else if (fd == self->vrrp[1].fd)
        self->ready |= PARTNER_VRRP << 1;
    else if (fd == self->neighbour.fd)
        self->ready |= PARTNER_NEIGHBOURS;
    else if (fd == self->watch.fd)
        self->ready |= PARTNER_WATCH;
    else if (fd == self->ask_fd)
        self->ready |= PARTNER_ANSWERS;
}

/* Signs of life first: what else is read may lead to a decision. */
void partner_read(struct partner *self, int64_t now_us, bool is_late)
{
    const int reads_max = is_late ? DRAIN_MAX : READS_MAX;
    unsigned ready = self->ready;
    self->ready = 0;
    if ((ready & PARTNER_BEATS) != 0)
        read_beats(self, now_us, reads_max);
    for (size_t family = 0; family < 2; family++)
        if ((ready & (unsigned)PARTNER_VRRP << family) != 0)
            read_vrrp(self, now_us, family, reads_max);
    if ((ready & PARTNER_NEIGHBOURS) != 0)
        read_neighbours(self, now_us, reads_max);
    if ((ready & PARTNER_TRIPWIRE) != 0)
        read_tripwire(self, now_us, reads_max);
    if ((ready & PARTNER_WATCH) != 0)
        read_watch(self, now_us, reads_max);
    if ((ready & PARTNER_ANSWERS) != 0)
        read_answers(self, now_us, reads_max);
}
