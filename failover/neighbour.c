#include "failover/neighbour.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "failover/sockaddr.h"

enum {
    SKIPPED_MAX = 64,     /* refused frames in one reading */
    FRAME_SIZE_MAX = 256, /* what is longer has options that are of no interest, and is cut */
    NEXT_HEADER_AT = 20,  /* from here on in the frame */
    ICMPV6_TYPE_AT = 54,
    NEXT_ICMPV6 = 58,
    SOLICITATION = 135,
    ADVERTISEMENT = 136,
};

/* ---- open and close ---- */

#define LOAD(size, at)      BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(at))
#define IF_NOT(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define IF(value, skip)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0)
#define PASS(size)          BPF_STMT(BPF_RET | BPF_K, size)

/* Frames of a VLAN on this interface come to its taps, too, without their tag: they are of another
 * LAN. */
static struct sock_filter neighbours_only[] = {
    LOAD(BPF_B, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
    IF_NOT(0, 9),
    LOAD(BPF_H, 12),
    IF(ETHERTYPE_ARP, 6),
    IF_NOT(ETHERTYPE_IPV6, 6),
    LOAD(BPF_B, NEXT_HEADER_AT),
    IF_NOT(NEXT_ICMPV6, 4),
    LOAD(BPF_B, ICMPV6_TYPE_AT),
    IF(SOLICITATION, 1),
    IF_NOT(ADVERTISEMENT, 1),
    PASS(FRAME_SIZE_MAX),
    PASS(0),
};

/* One byte of each: what matters is that it came. */
static struct sock_filter everything[] = {PASS(1)};

/* Deaf until it is bound, so no frame comes past the filter. */
static int open_packets(int interface, struct sock_filter *filter, unsigned short filter_count,
                        int receive_bytes)
{
    int fd = socket_open(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0)
        return fd;
    const struct sock_fprog program = {filter_count, filter};
    const struct socket_option options[] = {
        {SOL_PACKET, PACKET_IGNORE_OUTGOING, 1},
        {SOL_SOCKET, SO_RCVBUF, receive_bytes},
        {SOL_SOCKET, SO_PRIORITY, SOCKET_PRIORITY},
    };
    const struct sockaddr_ll name = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface};
    int error = socket_set(fd, options, sizeof options / sizeof *options);
    if (error == 0 && (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
                       bind(fd, (const struct sockaddr *)&name, sizeof name) < 0))
        error = -errno;
    if (error == 0)
        return fd;
    socket_close(&fd);
    return error;
}

static int read_mac(struct neighbour *self, const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (ioctl(self->fd, SIOCGIFHWADDR, &request) < 0)
        return -errno;
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return -EPROTONOSUPPORT;
    memcpy(self->mac, request.ifr_hwaddr.sa_data, sizeof self->mac);
    return 0;
}

int neighbour_open(struct neighbour *self, const char *interface,
                   char sentence[SOCKET_SENTENCE_SIZE])
{
    *self = (struct neighbour){.fd = -1, .tap_fd = -1};
    int index = (int)if_nametoindex(interface), error = index == 0 ? -ENODEV : 0;
    if (error == 0)
        error = self->fd =
            open_packets(index, neighbours_only, sizeof neighbours_only / sizeof *neighbours_only,
                         SOCKET_RECEIVE_BYTES);
    if (error >= 0)
        error = read_mac(self, interface);
    if (error >= 0) /* the kernel makes the least of a queue of 0 that there is */
        error = self->tap_fd = open_packets(index, everything, 1, 0);
    if (error < 0)
        return socket_refused(error, sentence, "the socket for ARP and neighbour discovery on %s",
                              interface);
    return 0;
}

void neighbour_close(struct neighbour *self)
{
    socket_close(&self->tap_fd);
    socket_close(&self->fd);
}

/* ---- saying ---- */

static int send_frame(struct neighbour *self, const uint8_t *bytes, size_t size)
{
    return send(self->fd, bytes, size, 0) < 0 ? -errno : 0;
}

int neighbour_announce(struct neighbour *self, const struct ip *ip)
{
    uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX];
    return send_frame(self, bytes, neighbour_frame_announce(self->mac, ip, bytes));
}

int neighbour_solicit(struct neighbour *self, const struct ip *source, const struct ip *target)
{
    uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX];
    return send_frame(self, bytes, neighbour_frame_solicit(self->mac, source, target, bytes));
}

int neighbour_probe(struct neighbour *self, const struct ip *target)
{
    uint8_t bytes[NEIGHBOUR_FRAME_SIZE_MAX];
    return send_frame(self, bytes, neighbour_frame_probe(self->mac, target, bytes));
}

/* ---- hearing ---- */

/* Frames since this was asked last, and those of them that found the queue full. */
static struct tpacket_stats statistics(int fd)
{
    struct tpacket_stats since = {0};
    socklen_t size = sizeof since;
    getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &since, &size);
    return since;
}

int neighbour_receive(struct neighbour *self, struct neighbour_event *event)
{
    for (int i = 0; i < SKIPPED_MAX; i++) {
        uint8_t bytes[FRAME_SIZE_MAX];
        ssize_t got = recv(self->fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EAGAIN) {
            self->lost += statistics(self->fd).tp_drops;
            return 0;
        }
        if (got < 0)
            return -errno;
        enum neighbour_refusal refusal = neighbour_frame_decode(bytes, (size_t)got, event);
        if (refusal == NEIGHBOUR_ACCEPTED) {
            event->is_ours = memcmp(event->mac, self->mac, sizeof self->mac) == 0;
            return 1;
        }
        self->refused[refusal]++;
    }
    return 0;
}

bool neighbour_heard(struct neighbour *self)
{
    return statistics(self->tap_fd).tp_packets > 0;
}
