#include "failover/beat_socket.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>

#include "failover/sockaddr.h"

enum {
    ERRORS_MAX = 16, /* of one reading */
    SEND_TRIES = 3,  /* news of earlier datagrams may stand before this one */
};

/* Both sockets have one name, so both say that they share it; afterwards no third one may. */
static int open_bound(const struct beat_socket *self)
{
    int fd = socket_open(self->own.family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    if (fd < 0)
        return fd;
    const struct socket_option options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1},
        {SOL_SOCKET, SO_RCVBUF, SOCKET_RECEIVE_BYTES},
    };
    int error = socket_set(fd, options, sizeof options / sizeof *options);
    if (error == 0)
        error = socket_bind(fd, &self->own, self->port);
    if (error == 0)
        return fd;
    socket_close(&fd);
    return error;
}

static int close_name(const struct beat_socket *self)
{
    const struct socket_option alone = {SOL_SOCKET, SO_REUSEADDR, 0};
    int error = socket_set(self->fd, &alone, 1);
    return error < 0 ? error : socket_set(self->strange_fd, &alone, 1);
}

/* A filter that lets nothing pass: the kernel counts what it drops, and wakes nobody. */
static int count_strangers(const struct beat_socket *self)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog program = {1, &nothing};
    if (setsockopt(self->strange_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return -errno;
    return 0;
}

/* Until there is a way to the partner this fails, and is tried again at each beat. */
static int connect_partner(struct beat_socket *self)
{
    struct sockaddr_storage name;
    socklen_t size = sockaddr_make(&name, &self->partner, self->port);
    if (connect(self->fd, (struct sockaddr *)&name, size) < 0)
        return -errno;
    self->is_connected = true;
    return 0;
}

int beat_socket_open(struct beat_socket *self, const struct ip *own, const struct ip *partner,
                     uint16_t port, char sentence[SOCKET_SENTENCE_SIZE])
{
    assert(own->family == partner->family);
    assert(port != 0);
    *self = (struct beat_socket){
        .fd = -1, .strange_fd = -1, .own = *own, .partner = *partner, .port = port};
    const struct socket_option errors = {own->family == 4 ? IPPROTO_IP : IPPROTO_IPV6,
                                         own->family == 4 ? IP_RECVERR : IPV6_RECVERR, 1};
    int error = self->fd = open_bound(self);
    if (error >= 0)
        error = socket_set(self->fd, &errors, 1);
    if (error >= 0)
        error = socket_set_class(self->fd, own->family);
    if (error >= 0)
        connect_partner(self); /* first, so that no beat of its is a stranger's */
    if (error >= 0)
        error = self->strange_fd = open_bound(self);
    if (error >= 0)
        error = count_strangers(self);
    if (error >= 0)
        error = close_name(self);
    if (error < 0) {
        char text[IP_TEXT_SIZE];
        return socket_refused(error, sentence, "the socket for beats (UDP port %u of %s)", port,
                              ip_text(own, text));
    }
    return 0;
}

void beat_socket_close(struct beat_socket *self)
{
    socket_close(&self->strange_fd);
    socket_close(&self->fd);
}

/* ---- news about what was sent ---- */

static bool is_port_unreachable(const struct sock_extended_err *error)
{
    return (error->ee_origin == SO_EE_ORIGIN_ICMP && error->ee_type == ICMP_DEST_UNREACH &&
            error->ee_code == ICMP_PORT_UNREACH) ||
           (error->ee_origin == SO_EE_ORIGIN_ICMP6 && error->ee_type == ICMPV6_DEST_UNREACH &&
            error->ee_code == ICMPV6_PORT_UNREACH);
}

/* A router or a firewall on the way that says so knows nothing of the partner. */
static bool is_from(const struct sock_extended_err *error, const struct ip *partner)
{
    struct sockaddr_storage offender = {0};
    size_t size = partner->family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memcpy(&offender, SO_EE_OFFENDER(error), size);
    struct ip from = sockaddr_ip(&offender);
    return ip_equal(&from, partner);
}

static bool is_refusal(struct msghdr *message, const struct ip *partner)
{
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL;
         one = CMSG_NXTHDR(message, one)) {
        bool is_error = (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_RECVERR) ||
                        (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_RECVERR);
        const struct sock_extended_err *error = (const struct sock_extended_err *)CMSG_DATA(one);
        if (is_error && is_port_unreachable(error) && is_from(error, partner))
            return true;
    }
    return false;
}

/* Read the queue of errors: while anything is in it, the socket is readable. */
static void read_errors(struct beat_socket *self)
{
    for (int i = 0; i < ERRORS_MAX; i++) {
        _Alignas(struct cmsghdr) uint8_t control[512];
        struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
        if (recvmsg(self->fd, &message, MSG_ERRQUEUE) < 0)
            return;
        self->is_refused |= is_refusal(&message, &self->partner);
    }
}

bool beat_socket_refused(struct beat_socket *self)
{
    bool is_refused = self->is_refused;
    self->is_refused = false;
    return is_refused;
}

/* ---- datagrams ---- */

int beat_socket_send(struct beat_socket *self, const uint8_t *bytes, size_t size)
{
    int error = self->is_connected ? 0 : connect_partner(self);
    for (int i = 0; i < SEND_TRIES && error == 0; i++) {
        if (send(self->fd, bytes, size, 0) >= 0)
            return 0;
        if (i + 1 == SEND_TRIES || errno == EAGAIN || errno == EPERM)
            error = -errno;
        else
            read_errors(self);
    }
    return error;
}

/* The name is looked at although the socket is connected: what came before that is in its queue. */
static void keep_partners(const struct beat_socket *self, struct beat_batch *batch,
                          const struct mmsghdr *messages, const struct sockaddr_storage *names,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!sockaddr_is(&names[i], &self->partner, self->port))
            continue;
        batch->datagrams[batch->count] = batch->datagrams[i];
        batch->datagrams[batch->count++].size = messages[i].msg_len;
    }
}

int beat_socket_receive(struct beat_socket *self, struct beat_batch *batch)
{
    struct sockaddr_storage names[BEAT_SOCKET_BATCH];
    struct iovec parts[BEAT_SOCKET_BATCH];
    struct mmsghdr messages[BEAT_SOCKET_BATCH];
    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < BEAT_SOCKET_BATCH; i++) {
        parts[i] = (struct iovec){batch->datagrams[i].bytes, BEAT_SOCKET_DATAGRAM_SIZE};
        messages[i].msg_hdr.msg_name = &names[i];
        messages[i].msg_hdr.msg_namelen = sizeof names[i];
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    batch->count = 0;
    int got = recvmmsg(self->fd, messages, BEAT_SOCKET_BATCH, MSG_DONTWAIT, NULL);
    if (got < 0) { /* news are told before datagrams, and wake without one */
        read_errors(self);
        got = recvmmsg(self->fd, messages, BEAT_SOCKET_BATCH, MSG_DONTWAIT, NULL);
    }
    batch->is_more = got == BEAT_SOCKET_BATCH;
    if (got < 0)
        return errno == EAGAIN ? 0 : -errno;
    keep_partners(self, batch, messages, names, (size_t)got);
    return 0;
}

uint32_t beat_socket_strange(const struct beat_socket *self)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof memory;
    getsockopt(self->strange_fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
    return memory[SK_MEMINFO_DROPS];
}
