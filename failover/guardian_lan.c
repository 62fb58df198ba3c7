#include "failover/guardian_lan.h"

#include <stdio.h>
#include <string.h>

#include "failover/guardian_log.h"

enum {
    AGAIN_US = 60000000, /* of the same stranger */
    NEW_US = 5000000,    /* of another one */
    SAID_US = 1000000,
    MAC_TEXT_SIZE = 3 * NEIGHBOUR_MAC_SIZE,
};

void guardian_lan_init(struct guardian_lan *self)
{
    *self = (struct guardian_lan){0};
    for (size_t i = 0; i < PAIR_NODES; i++) {
        self->owners[i].told_us = self->speakers[i].told_us = INT64_MIN;
        self->said_us[i][0] = self->said_us[i][1] = INT64_MIN;
    }
}

static bool is_due(int64_t now_us, int64_t then_us, int64_t pause_us)
{
    return then_us == INT64_MIN || now_us - then_us >= pause_us;
}

/* Is this stranger to be told of now? Then it counts as told. */
static bool is_news(struct guardian_told *told, int64_t now_us,
                    const struct partner_stranger *stranger)
{
    if (stranger->times == told->last.times)
        return false;
    bool is_new = memcmp(stranger->mac, told->last.mac, sizeof stranger->mac) != 0 ||
                  !ip_equal(&stranger->ip, &told->last.ip);
    if (!is_due(now_us, told->told_us, is_new ? NEW_US : AGAIN_US))
        return false;
    told->told_us = now_us;
    told->last = *stranger;
    return true;
}

static const char *mac_text(const uint8_t *mac, char text[MAC_TEXT_SIZE])
{
    snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return text;
}

static void note_owner(struct guardian *self, uint8_t home)
{
    const struct partner_stranger *owner = &self->partner.owners[home];
    char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
    guardian_note(self,
                  "guardian owner ours -> foreign reason=foreign-owner home=%s address=%s mac=%s "
                  "interface=%s: take the address from the host with this MAC; %s",
                  self->settings.node_names[home], ip_text(&owner->ip, ip),
                  mac_text(owner->mac, mac), self->settings.interface,
                  partner_is_untouched(&self->partner, home)
                      ? "this node does not claim it before"
                      : "the pair held it before, and defends it");
}

static void note_speaker(struct guardian *self, uint8_t home)
{
    char ip[IP_TEXT_SIZE];
    unsigned vrid = self->settings.partner.vrid[home];
    ip_text(&self->partner.speakers[home].ip, ip);
    guardian_note(self,
                  "guardian vrid ours -> shared reason=foreign-vrid home=%s vrid=%u source=%s "
                  "interface=%s: VRID %u is also used by %s: choose another vrid",
                  self->settings.node_names[home], vrid, ip, self->settings.interface, vrid, ip);
}

/* RFC 9568 §7.1: what differs is logged, though it counts. */
static void note_said(struct guardian *self, uint8_t home, size_t family)
{
    const struct partner_said *is = &self->partner.said[home][family];
    const char *reason = (is->notes & ADVERTISEMENT_OTHER_ADDRESSES) != 0  ? "other-addresses"
                         : (is->notes & ADVERTISEMENT_OTHER_INTERVAL) != 0 ? "other-interval"
                                                                           : "agreed";
    unsigned was = self->lan.said[home][family].notes;
    guardian_note(self,
                  "guardian advertisement %s -> %s reason=%s home=%s family=%s interval_ms=%u "
                  "own_interval_ms=%lld",
                  was == 0 ? "same" : "different", is->notes == 0 ? "same" : "different", reason,
                  self->settings.node_names[home], family == 0 ? "IPv4" : "IPv6",
                  is->interval_cs * 10U, (long long)self->settings.partner.interval_us / 1000);
}

/* Once a change: what agrees from the first is not worth a line. */
static void watch_said(struct guardian *self, int64_t now_us, uint8_t home, size_t family)
{
    const struct partner_said *is = &self->partner.said[home][family];
    struct partner_said *was = &self->lan.said[home][family];
    bool is_same =
        is->notes == was->notes && (is->notes == 0 || is->interval_cs == was->interval_cs);
    if (!is->is_heard || is_same || !is_due(now_us, self->lan.said_us[home][family], SAID_US))
        return;
    note_said(self, home, family);
    *was = *is;
    self->lan.said_us[home][family] = now_us;
}

void guardian_note_lan(struct guardian *self, int64_t now_us)
{
    for (uint8_t home = 0; home < PAIR_NODES; home++) {
        if (is_news(&self->lan.owners[home], now_us, &self->partner.owners[home]))
            note_owner(self, home);
        if (is_news(&self->lan.speakers[home], now_us, &self->partner.speakers[home]))
            note_speaker(self, home);
        watch_said(self, now_us, home, 0);
        watch_said(self, now_us, home, 1);
    }
}
