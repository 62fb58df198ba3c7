#include "failover/partner_act.h"

#include <errno.h>

#include "failover/partner_sign.h"

enum { LEASE_S = 1, CENTISECOND_US = 10000 };

static bool is_meant(const struct ip *ip, uint8_t family)
{
    return ip->family != 0 && (family == 0 || ip->family == family);
}

/* ---- the kernel's addresses ---- */

int partner_lease(struct partner *self, uint8_t home, uint8_t family)
{
    int interface = self->watch.interface, error = interface > 0 ? 0 : -ENODEV;
    for (size_t i = 0; i < PARTNER_HOME_MAX && interface > 0; i++) {
        const struct ip *ip = &self->settings.home[home][i];
        if (!is_meant(ip, family))
            continue;
        address_watch_expect(&self->watch, ip, true);
        int failed = address_lease(&self->address, interface, ip, LEASE_S);
        /* Without the way it is held as well, and answers some milliseconds later. */
        if (failed == 0 && ip->family == 6 && address_watch_is_settling(&self->watch, ip))
            (void)address_open_way(&self->address, interface, ip, LEASE_S);
        error = failed < 0 ? failed : error;
    }
    self->address_error = error;
    return error;
}

void partner_release(struct partner *self, uint8_t home, uint8_t family)
{
    int interface = self->watch.interface;
    for (size_t i = 0; i < PARTNER_HOME_MAX && interface > 0; i++) {
        const struct ip *ip = &self->settings.home[home][i];
        if (!is_meant(ip, family))
            continue;
        address_watch_expect(&self->watch, ip, false);
        int error = address_delete(&self->address, interface, ip);
        if (error < 0 && error != -EADDRNOTAVAIL)
            self->address_error = error;
    }
}

void partner_keep_note(struct partner *self, const struct partner_note *note)
{
    self->is_changed = true;
    if (self->note_count == PARTNER_NOTES_MAX)
        self->notes_lost++;
    else
        self->notes[self->note_count++] = *note;
}

/* ---- advertisements ---- */

uint16_t partner_interval_cs(const struct partner_settings *settings)
{
    return (uint16_t)(settings->interval_us / CENTISECOND_US);
}

const struct ip *partner_source(const struct partner *self, uint8_t family)
{
    const struct partner_settings *settings = &self->settings;
    return settings->has_router && settings->is_multicast
               ? &self->vrrp[family == 6].source
               : &settings->own[settings->self][family == 6];
}

uint8_t partner_addresses(const struct partner_settings *settings, uint8_t home, uint8_t family,
                          struct ip addresses[PARTNER_HOME_MAX])
{
    uint8_t count = 0;
    for (size_t i = PARTNER_HOME_MAX; i-- > 0;)
        if (settings->home[home][i].family == family)
            addresses[count++] = settings->home[home][i];
    return count;
}

static void advertise(struct partner *self, uint8_t home, uint8_t family, uint8_t priority)
{
    const struct partner_settings *settings = &self->settings;
    struct vrrp_socket *socket = &self->vrrp[family == 6];
    uint8_t bytes[ADVERTISEMENT_SIZE_MAX + BEAT_SIZE];
    struct advertisement advertisement = {
        .vrid = settings->vrid[home],
        .priority = priority,
        .interval_cs = partner_interval_cs(settings),
        .family = family,
    };
    advertisement.address_count =
        partner_addresses(settings, home, family, advertisement.addresses);
    if (socket->fd < 0 || advertisement.address_count == 0)
        return;
    const struct ip group = vrrp_socket_group(family);
    const struct ip *source = partner_source(self, family);
    const struct ip *target =
        settings->is_multicast ? &group : &settings->own[1 - settings->self][family == 6];
    size_t size = advertisement_encode(&advertisement, source, target, self->checksum, bytes);
    if (!settings->has_router)
        size = partner_sign(self, family == 6, &advertisement, bytes, size);
    partner_count_unsent(self, vrrp_socket_send(socket, source, target, bytes, size));
}

void partner_advertise(struct partner *self, uint8_t home, uint8_t family, uint8_t priority)
{
    if (family != 6)
        advertise(self, home, 4, priority);
    if (family != 4)
        advertise(self, home, 6, priority);
}

/* ---- neighbours ---- */

void partner_count_unsent(struct partner *self, int error)
{
    if (error < 0)
        self->unsent++;
}

void partner_count_frame(struct partner *self, int error)
{
    partner_count_unsent(self, error);
    self->has_sent |= error >= 0;
    self->has_not_sent |= error < 0;
}

void partner_announce(struct partner *self, uint8_t home, uint8_t family)
{
    for (size_t i = 0; i < PARTNER_HOME_MAX; i++) {
        const struct ip *ip = &self->settings.home[home][i];
        if (is_meant(ip, family))
            partner_count_frame(self, neighbour_announce(&self->neighbour, ip));
    }
}

/* sources: an address of each family, or none. */
static void solicit(struct partner *self, const struct ip *sources, const struct ip *target)
{
    const struct ip *source = &sources[target->family == 6];
    if (target->family != 0 && source->family != 0)
        partner_count_frame(self, neighbour_solicit(&self->neighbour, source, target));
}

void partner_ask_witnesses(struct partner *self, const struct ip *sources)
{
    for (size_t i = 0; i < self->settings.witness_count; i++)
        solicit(self, sources, &self->settings.witnesses[i]);
}

void partner_confirm(struct partner *self, uint8_t home)
{
    partner_ask_witnesses(self, self->settings.home[home]);
}

void partner_probe(struct partner *self)
{
    const struct partner_settings *settings = &self->settings;
    partner_ask_witnesses(self, settings->own[settings->self]);
    for (size_t family = 0; settings->has_partner && family < 2; family++)
        solicit(self, settings->own[settings->self], &settings->own[1 - settings->self][family]);
}
