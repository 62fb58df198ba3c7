#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "failover/partner_read.h"

enum { READ_MAX = 64 /* of one socket in one turn: a flood delays no beat */ };

static void tell(struct partner *self, int64_t now_us, enum pair_event_kind kind, uint8_t home)
{
    partner_tell(self, now_us, &(struct pair_event){.kind = kind, .home = home});
}

static void read_beats(struct partner *self, int64_t now_us)
{
    const struct beat_expectation expected = {.cluster = self->settings.cluster,
                                              .sender = (uint8_t)(1 - self->settings.self),
                                              .boot = self->boot,
                                              .sequence = self->sequence};
    for (int i = 0; i < READ_MAX && self->beats.fd >= 0; i++) {
        uint8_t bytes[BEAT_SIZE + 1];
        struct beat beat;
        ssize_t got = beat_socket_receive(&self->beats, bytes, sizeof bytes, &self->strange);
        if (got == -ECONNREFUSED) {
            tell(self, now_us, PAIR_EVENT_REFUSED, 0);
            continue;
        }
        if (got <= 0)
            return;
        enum beat_refusal refusal = beat_decode(bytes, (size_t)got, &self->settings.beat_key, 1,
                                                &expected, &self->memory, &beat);
        self->beat_refusals[refusal]++;
        if (refusal == BEAT_ACCEPTED)
            partner_tell(self, now_us,
                         &(struct pair_event){.kind = PAIR_EVENT_BEAT, .beat = &beat});
    }
}

static void read_tripwire(struct partner *self, int64_t now_us)
{
    for (int i = 0; i < READ_MAX && self->tripwire.epoll_fd >= 0; i++) {
        enum tripwire_event event = tripwire_read(&self->tripwire);
        if (event == TRIPWIRE_NOTHING)
            return;
        if (event == TRIPWIRE_REFUSED)
            tell(self, now_us, PAIR_EVENT_REFUSED, 0);
        else
            partner_tell(
                self, now_us,
                &(struct pair_event){.kind = PAIR_EVENT_TRIPWIRE, .is = event == TRIPWIRE_UP});
    }
}

static void take_packet(struct partner *self, int64_t now_us, size_t family,
                        const struct vrrp_packet *packet)
{
    const struct partner_settings *settings = &self->settings;
    enum advertisement_refusal refusal = ADVERTISEMENT_BAD_VRID;
    for (uint8_t home = 0; home < PAIR_NODES && refusal == ADVERTISEMENT_BAD_VRID; home++) {
        struct advertisement_heard heard;
        const struct advertisement_received received = {
            .ttl = packet->ttl, .source = packet->source, .destination = self->vrrp[family].own};
        const struct advertisement_expectation expected = {
            .vrid = settings->vrid[home],
            .interval_cs = (uint16_t)(settings->interval_us / 10000),
            .own = self->vrrp[family].own,
            .partner = self->vrrp[family].partner,
            .address_count = 1,
            .addresses = {settings->home[home][family]},
        };
        refusal = advertisement_decode(packet->bytes, packet->size, &received, &expected, &heard);
        if (refusal != ADVERTISEMENT_ACCEPTED)
            continue;
        self->checksum = heard.checksum;
        partner_tell(self, now_us,
                     &(struct pair_event){.kind = PAIR_EVENT_ADVERTISEMENT,
                                          .home = home,
                                          .priority = heard.advertisement.priority});
    }
    self->advertisement_refusals[refusal]++;
}

static void read_vrrp(struct partner *self, int64_t now_us)
{
    for (size_t family = 0; family < 2; family++) {
        struct vrrp_packet packet;
        for (int i = 0; i < READ_MAX && self->vrrp[family].fd >= 0; i++) {
            if (!vrrp_socket_receive(&self->vrrp[family], &packet))
                break;
            tell(self, now_us, PAIR_EVENT_FRAME, 0);
            take_packet(self, now_us, family, &packet);
        }
    }
}

/* The home that an address belongs to, or PAIR_NODES. */
static uint8_t home_of(const struct partner *self, const struct ip *ip)
{
    uint8_t home = 0;
    while (home < PAIR_NODES && !ip_equal(ip, &self->settings.home[home][0]) &&
           !ip_equal(ip, &self->settings.home[home][1]))
        home++;
    return home;
}

static bool is_witness(const struct partner *self, const struct ip *ip)
{
    const struct ip *partner = self->settings.own[1 - self->settings.self];
    for (size_t i = 0; i < self->settings.witness_count; i++)
        if (ip_equal(ip, &self->settings.witnesses[i]))
            return true;
    return self->settings.has_partner && (ip_equal(ip, &partner[0]) || ip_equal(ip, &partner[1]));
}

static void take_neighbour(struct partner *self, int64_t now_us,
                           const struct neighbour_event *event)
{
    const struct ip *partner = self->settings.own[1 - self->settings.self];
    uint8_t home = home_of(self, &event->ip);
    bool is_at = event->kind == NEIGHBOUR_IS_AT;
    if (is_at && self->settings.has_partner &&
        (ip_equal(&event->ip, &partner[0]) || ip_equal(&event->ip, &partner[1]))) {
        memcpy(self->partner_mac, event->mac, sizeof self->partner_mac);
        self->knows_mac = true;
    }
    if (is_at && is_witness(self, &event->ip))
        tell(self, now_us, PAIR_EVENT_REPLY, 0);
    else
        tell(self, now_us, PAIR_EVENT_FRAME, 0);
    if (home == PAIR_NODES)
        return;
    bool is_partners =
        self->knows_mac && memcmp(event->mac, self->partner_mac, sizeof self->partner_mac) == 0;
    if (!is_at)
        tell(self, now_us, PAIR_EVENT_WHO_HAS, home);
    else if (is_partners || (self->settings.has_partner && !self->knows_mac))
        tell(self, now_us, PAIR_EVENT_ANNOUNCED, home);
    else
        tell(self, now_us, PAIR_EVENT_FOREIGN, home);
}

static void read_neighbours(struct partner *self, int64_t now_us)
{
    const int fds[] = {self->neighbour.arp_fd, self->neighbour.icmp_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        struct neighbour_event event;
        for (int j = 0; j < READ_MAX && fds[i] >= 0; j++) {
            if (!neighbour_receive(&self->neighbour, fds[i], &event))
                break;
            take_neighbour(self, now_us, &event);
        }
    }
}

static void read_answers(struct partner *self, int64_t now_us)
{
    uint8_t bytes[512];
    bool is_answered = false;
    for (int i = 0; i < READ_MAX && self->ask_fd >= 0; i++) {
        ssize_t got = recv(self->ask_fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0)
            break;
        is_answered |= got >= 12 && bytes[0] == 0x54 && bytes[1] == 0x44 && (bytes[2] & 0x80) != 0;
    }
    if (!is_answered)
        return;
    self->is_asking = false;
    partner_tell(self, now_us, &(struct pair_event){.kind = PAIR_EVENT_ASKED, .is = true});
}

enum {
    READY_BEATS = 1,
    READY_TRIPWIRE = 2,
    READY_VRRP = 4,
    READY_NEIGHBOURS = 8,
    READY_ANSWERS = 16
};

void partner_mark(struct partner *self, int fd)
{
    if (fd == self->beats.fd)
        self->ready |= READY_BEATS;
    else if (fd == self->tripwire.epoll_fd)
        self->ready |= READY_TRIPWIRE;
    else if (fd == self->vrrp[0].fd || fd == self->vrrp[1].fd)
        self->ready |= READY_VRRP;
    else if (fd == self->neighbour.arp_fd || fd == self->neighbour.icmp_fd)
        self->ready |= READY_NEIGHBOURS;
    else if (fd == self->ask_fd)
        self->ready |= READY_ANSWERS;
}

/* Signs of life first: what else is read may lead to a decision. */
void partner_read(struct partner *self, int64_t now_us)
{
    unsigned ready = self->ready;
    self->ready = 0;
    if ((ready & READY_BEATS) != 0)
        read_beats(self, now_us);
    if ((ready & READY_VRRP) != 0)
        read_vrrp(self, now_us);
    if ((ready & READY_NEIGHBOURS) != 0)
        read_neighbours(self, now_us);
    if ((ready & READY_TRIPWIRE) != 0)
        read_tripwire(self, now_us);
    if ((ready & READY_ANSWERS) != 0)
        read_answers(self, now_us);
}
