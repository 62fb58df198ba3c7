#include "failover/address_watch.h"

#include <assert.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    READINGS_MAX = 64,    /* in one call */
    BUFFER_SIZE = 32768,  /* the kernel fills no more in a listing */
    ROOM_BYTES = 1 << 20, /* a host may have thousands of addresses change at once */
};

/* ---- asking ---- */

static int ask(struct address_watch *self, void *request, size_t size)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent =
        sendto(self->fd, request, size, 0, (const struct sockaddr *)&kernel, sizeof kernel);
    return sent < 0 ? -errno : 0;
}

static void forget_addresses(struct address_watch *self)
{
    for (size_t i = 0; i < self->count; i++) {
        self->addresses[i].is_present = false;
        self->addresses[i].is_settling = false;
    }
}

/* Ask for the interface, and for every address of the host. */
static int list_again(struct address_watch *self)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
        struct rtattr attribute;
        char name[IF_NAMESIZE];
    } link = {
        .header = {.nlmsg_len = sizeof link,
                   .nlmsg_type = RTM_GETLINK,
                   .nlmsg_flags = NLM_F_REQUEST,
                   .nlmsg_seq = ++self->sequence},
        .attribute = {.rta_len = RTA_LENGTH(IF_NAMESIZE), .rta_type = IFLA_IFNAME},
    };
    struct {
        struct nlmsghdr header;
        struct ifaddrmsg address;
    } addresses = {
        .header = {.nlmsg_len = sizeof addresses,
                   .nlmsg_type = RTM_GETADDR,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                   .nlmsg_seq = ++self->sequence},
    };
    memcpy(link.name, self->name, sizeof link.name);
    forget_addresses(self);
    self->is_doubtful = false;
    self->is_listing = true;
    int error = ask(self, &link, sizeof link);
    if (error == 0)
        error = ask(self, &addresses, sizeof addresses);
    if (error < 0)
        self->is_doubtful = true; /* tried again at the next reading */
    return error;
}

/* ---- hearing ---- */

static void set_gone(struct address_watch *self)
{
    self->interface = 0;
    self->is_up = false;
    forget_addresses(self);
}

/* The attribute of that type in what follows the fixed part, or NULL. */
static const struct rtattr *find(const void *first, size_t size, unsigned short type)
{
    const uint8_t *at = first;
    while (size >= sizeof(struct rtattr)) {
        const struct rtattr *one = (const void *)at;
        size_t step = RTA_ALIGN((size_t)one->rta_len);
        if (one->rta_len < sizeof *one || one->rta_len > size)
            return NULL;
        if (one->rta_type == type)
            return one;
        if (step >= size)
            return NULL;
        at += step;
        size -= step;
    }
    return NULL;
}

static void hear_link(struct address_watch *self, const struct nlmsghdr *message)
{
    const struct ifinfomsg *link = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *link))
        return;
    const struct rtattr *name =
        find(IFLA_RTA(link), message->nlmsg_len - NLMSG_LENGTH(sizeof *link), IFLA_IFNAME);
    bool is_named = name != NULL && RTA_PAYLOAD(name) <= sizeof self->name &&
                    strncmp(RTA_DATA(name), self->name, RTA_PAYLOAD(name)) == 0;
    bool is_deleted = message->nlmsg_type == RTM_DELLINK;
    if (!is_named || is_deleted) {
        if (link->ifi_index == self->interface)
            set_gone(self);
        return;
    }
    /* Made anew while its addresses were not looked at: they are listed again. */
    if (self->interface != link->ifi_index && !self->is_listing)
        self->is_doubtful = true;
    self->interface = link->ifi_index;
    self->is_up = (link->ifi_flags & IFF_UP) != 0 && (link->ifi_flags & IFF_LOWER_UP) != 0;
}

static struct watched_address *watched(struct address_watch *self, const struct ip *ip)
{
    for (size_t i = 0; i < self->count; i++)
        if (ip_equal(&self->addresses[i].ip, ip))
            return &self->addresses[i];
    return NULL;
}

static void hear_address(struct address_watch *self, const struct nlmsghdr *message)
{
    const struct ifaddrmsg *address = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *address) ||
        address->ifa_index != (unsigned)self->interface)
        return;
    size_t size_of_rest = message->nlmsg_len - NLMSG_LENGTH(sizeof *address);
    /* IPv4 has its own address as LOCAL, which differs on a point-to-point link; IPv6 may not. */
    const struct rtattr *local = find(IFA_RTA(address), size_of_rest, IFA_LOCAL);
    if (local == NULL)
        local = find(IFA_RTA(address), size_of_rest, IFA_ADDRESS);
    size_t size = address->ifa_family == AF_INET ? 4 : 16;
    if (local == NULL || RTA_PAYLOAD(local) != size)
        return;
    struct ip ip = {.family = size == 4 ? 4 : 6};
    memcpy(ip.bytes, RTA_DATA(local), size);
    struct watched_address *one = watched(self, &ip);
    bool is_present = message->nlmsg_type == RTM_NEWADDR;
    if (one == NULL)
        return;
    one->is_settling = false;
    if (one->is_present == is_present)
        return;
    one->is_present = is_present;
    one->is_told = false;
}

static void hear(struct address_watch *self, const struct nlmsghdr *message)
{
    const struct nlmsgerr *error = NLMSG_DATA(message);
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        hear_link(self, message);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        hear_address(self, message);
        break;
    case NLMSG_DONE:
        if (message->nlmsg_seq == self->sequence)
            self->is_listing = false;
        break;
    case NLMSG_ERROR: /* an answer to the request for the interface: there is none of the name */
        if (message->nlmsg_len >= NLMSG_LENGTH(sizeof *error) && error->error == -ENODEV)
            set_gone(self);
        else
            self->is_doubtful = true;
        break;
    default:
        break;
    }
    /* The addresses changed under the kernel's hand while it listed them. */
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
        self->is_doubtful = true;
}

static void hear_all(struct address_watch *self, const uint8_t *bytes, size_t size)
{
    while (size >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *one = (const void *)bytes;
        size_t step = NLMSG_ALIGN((size_t)one->nlmsg_len);
        if (one->nlmsg_len < sizeof *one || one->nlmsg_len > size)
            return;
        hear(self, one);
        if (step >= size)
            return;
        bytes += step;
        size -= step;
    }
}

/* Read what waits. 0: all of it; 1: there is more; or -errno. */
static int drain(struct address_watch *self)
{
    for (int i = 0; i < READINGS_MAX; i++) {
        _Alignas(struct nlmsghdr) uint8_t bytes[BUFFER_SIZE];
        struct sockaddr_nl from = {0};
        socklen_t from_size = sizeof from;
        ssize_t got =
            recvfrom(self->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_size);
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got < 0 && errno != ENOBUFS)
            return -errno;
        if (got < 0)
            self->is_doubtful = true;
        else if (from.nl_pid == 0) /* the kernel's, and no other process's */
            hear_all(self, bytes, (size_t)got);
    }
    return 1;
}

/* Drain, and list again as often as news were lost. 0: what is kept is what is; 1: not yet. */
static int catch_up(struct address_watch *self)
{
    int more = drain(self);
    if (more == 0 && self->is_doubtful) {
        self->resyncs++;
        more = list_again(self);
        if (more == 0)
            more = drain(self);
    }
    if (more != 0)
        return more;
    return self->is_doubtful || self->is_listing ? 1 : 0;
}

/* ---- telling ---- */

static bool tell_link(struct address_watch *self, struct address_watch_event *event)
{
    if (self->told_interface != self->interface) {
        /* Deleted and made anew between two readings: both are told, one after the other. */
        bool is_gone = self->told_interface != 0;
        self->told_interface = is_gone ? 0 : self->interface;
        self->told_up = false;
        event->kind = is_gone ? ADDRESS_WATCH_GONE : ADDRESS_WATCH_RETURNED;
        event->interface = self->told_interface;
        return true;
    }
    if (self->told_up == self->is_up)
        return false;
    self->told_up = self->is_up;
    event->kind = ADDRESS_WATCH_CARRIER;
    event->is_up = self->is_up;
    return true;
}

static bool tell_address(struct watched_address *one, struct address_watch_event *event)
{
    if (one->is_present == one->is_expected)
        one->is_told = false;
    if (one->is_present == one->is_expected || one->is_settling || one->is_told)
        return false;
    one->is_told = true;
    event->kind = one->is_present ? ADDRESS_WATCH_STRANGE : ADDRESS_WATCH_MISSING;
    event->ip = one->ip;
    return true;
}

int address_watch_read(struct address_watch *self, struct address_watch_event *event)
{
    int error = catch_up(self);
    if (error != 0)
        return error < 0 ? error : 0;
    *event = (struct address_watch_event){.interface = self->interface, .is_up = self->is_up};
    if (tell_link(self, event))
        return 1;
    for (size_t i = 0; i < self->count; i++)
        if (tell_address(&self->addresses[i], event))
            return 1;
    return 0;
}

void address_watch_expect(struct address_watch *self, const struct ip *ip, bool is_expected)
{
    struct watched_address *one = watched(self, ip);
    assert(one != NULL);
    one->is_expected = is_expected;
    /* Of IPv6 the kernel tells a new address some time after it has granted it (its duplicate
     * detection, even where it is left out, is queued work). */
    one->is_settling = is_expected && !one->is_present;
}

bool address_watch_is_settling(const struct address_watch *self, const struct ip *ip)
{
    for (size_t i = 0; i < self->count; i++)
        if (ip_equal(&self->addresses[i].ip, ip))
            return self->addresses[i].is_settling;
    return false;
}

/* ---- open and close ---- */

static int open_events(struct address_watch *self)
{
    const struct sockaddr_nl name = {.nl_family = AF_NETLINK,
                                     .nl_groups =
                                         RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    const struct socket_option room = {SOL_SOCKET, SO_RCVBUF, ROOM_BYTES};
    const struct socket_option forced = {SOL_SOCKET, SO_RCVBUFFORCE, ROOM_BYTES};
    self->fd = socket_open(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (self->fd < 0)
        return self->fd;
    if (socket_set(self->fd, &forced, 1) < 0) /* more than the system's limit, where allowed */
        socket_set(self->fd, &room, 1);
    if (bind(self->fd, (const struct sockaddr *)&name, sizeof name) < 0)
        return -errno;
    return list_again(self);
}

int address_watch_open(struct address_watch *self, const char *interface, const struct ip *ips,
                       size_t count, char sentence[SOCKET_SENTENCE_SIZE])
{
    assert(count <= ADDRESS_WATCH_MAX);
    assert(strlen(interface) < IF_NAMESIZE);
    *self = (struct address_watch){.fd = -1, .count = count};
    snprintf(self->name, sizeof self->name, "%s", interface);
    for (size_t i = 0; i < count; i++)
        self->addresses[i].ip = ips[i];
    int error = open_events(self);
    if (error == 0)
        error = catch_up(self);
    if (error == 0 && self->interface == 0)
        error = -ENODEV;
    if (error != 0)
        return socket_refused(error < 0 ? error : -EBUSY, sentence,
                              "the watch over interface %s and its addresses", interface);
    self->told_interface = self->interface;
    self->told_up = !self->is_up; /* so that the first reading tells it */
    return 0;
}

void address_watch_close(struct address_watch *self)
{
    socket_close(&self->fd);
}
