#include "replication/link_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

/* Hidden as a draft by the header of 4.3.4, but the library knows it. Without it a socket whose
 * ZAP domain is not asked about lets everybody in. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

enum {
    ROLE_COUNT = 3,
    UNSET = -2,               /* no option uses it */
    CURVE_OVERHEAD = 33,      /* bytes that encryption adds to a frame: name, nonce, flags, tag */
    CLASS_CONTROL = 6 << 5,   /* CS6, network control (RFC 4594 §3.2) */
    KEEPALIVE_IDLE_S = 10,    /* a peer whose host died is let go within 25 s even if nothing is */
    KEEPALIVE_INTERVAL_S = 5, /* sent to it, so that its descriptor comes back */
    KEEPALIVE_COUNT = 3,
};

/* Never changed after the socket is bound or connected: 4.3.4 crashes when a queue limit changes
 * under a dying connection. Times in milliseconds.
 *
 * LINGER           what is unsent at the end is dropped; else closing could hang.
 * IMMEDIATE        a DEALER queues only for a connection that stands. Reports of before an outage
 *                  would come as lies after it.
 * ROUTER_MANDATORY an unreachable peer is an error, not a silent loss.
 * SNDHWM, RCVHWM   frames queued for each connection. Between nodes a version vector of 10,000
 *                  records is 27 frames at once; an agent has one report under way and wants no
 *                  older one.
 * HANDSHAKE_IVL    who has not authenticated by then is dropped. 10,000 agents that come back at
 *                  once cost 7 to 9 s of processor time: a shorter limit would have them fail, come
 *                  again and never get through.
 * BACKLOG          the default of 100 refuses most of those agents.
 * RECONNECT_IVL    to this a random part of up to the same length is added. Between nodes 20 to
 *                  40 ms without growing: a restarted node must have all records within 500 ms.
 *                  Agents 100 to 200 ms, doubled up to 1.1 s: they are back about a second after
 *                  their node and do not arrive all at once.
 * CONNECT_TIMEOUT  else a SYN that was lost is repeated ever more rarely, up to 63 s.
 * HEARTBEAT_*      only the side that dials sends pings; by their TTL the other side misses them
 *                  too. At 10,000 agents pings from the node would cost half a processor. Failover
 *                  does not rest on these. The TTL must stay below 65.5 s, where it wraps.
 * TCP_MAXRT        unacknowledged bytes end a connection after so long. */
static const struct option {
    int name;
    int values[ROLE_COUNT]; /* by enum link_socket_role */
} options[] = {
    /*                        listener, node, agent */
    {ZMQ_LINGER, {0, 0, 0}},
    {ZMQ_IMMEDIATE, {UNSET, 1, 1}},
    {ZMQ_ROUTER_MANDATORY, {1, UNSET, UNSET}},
    {ZMQ_SNDHWM, {64, 64, 4}},
    {ZMQ_RCVHWM, {64, 64, 16}},
    {ZMQ_HANDSHAKE_IVL, {10000, 10000, 10000}},
    {ZMQ_BACKLOG, {4096, UNSET, UNSET}},
    {ZMQ_RECONNECT_IVL, {UNSET, 20, 100}},
    {ZMQ_RECONNECT_IVL_MAX, {UNSET, 0, 1000}},
    {ZMQ_CONNECT_TIMEOUT, {UNSET, 250, 1000}},
    {ZMQ_HEARTBEAT_IVL, {0, 500, 1000}},
    {ZMQ_HEARTBEAT_TIMEOUT, {UNSET, 1500, 3000}},
    {ZMQ_HEARTBEAT_TTL, {UNSET, 1500, 4000}},
    {ZMQ_TCP_MAXRT, {5000, 5000, 5000}},
    {ZMQ_TCP_KEEPALIVE, {1, 1, 1}},
    {ZMQ_TCP_KEEPALIVE_IDLE, {KEEPALIVE_IDLE_S, KEEPALIVE_IDLE_S, KEEPALIVE_IDLE_S}},
    {ZMQ_TCP_KEEPALIVE_INTVL, {KEEPALIVE_INTERVAL_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_INTERVAL_S}},
    {ZMQ_TCP_KEEPALIVE_CNT, {KEEPALIVE_COUNT, KEEPALIVE_COUNT, KEEPALIVE_COUNT}},
    {ZMQ_TOS, {CLASS_CONTROL, CLASS_CONTROL, CLASS_CONTROL}},
    {ZMQ_CURVE_SERVER, {1, UNSET, UNSET}},
    {ZMQ_ZAP_ENFORCE_DOMAIN, {1, UNSET, UNSET}},
};

static int set_options(void *socket, enum link_socket_role role)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int value = options[i].values[role];
        if (value != UNSET && zmq_setsockopt(socket, options[i].name, &value, sizeof value) != 0)
            return -1;
    }
    /* Unlimited by default: nine bytes from a stranger would make a node reserve a gigabyte.
     * Twice what is taken, because ZeroMQ does not tell of a frame that it refuses itself. */
    int64_t size_max = 2 * LINK_FRAME_SIZE_MAX + CURVE_OVERHEAD;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
}

static int set_keys(void *socket, enum link_socket_role role, const struct link_config *config,
                    const char *server_key)
{
    if (zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, config->public_key, LINK_KEY_SIZE) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, config->secret_key, LINK_KEY_SIZE) != 0)
        return -1;
    if (role == LINK_SOCKET_LISTENER)
        return zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "tandem", strlen("tandem"));
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, LINK_KEY_SIZE);
}

void *link_socket_open(void *context, enum link_socket_role role, const struct link_config *config,
                       const char *server_key)
{
    assert((int)role < ROLE_COUNT);
    assert((server_key == NULL) == (role == LINK_SOCKET_LISTENER));
    void *socket = zmq_socket(context, role == LINK_SOCKET_LISTENER ? ZMQ_ROUTER : ZMQ_DEALER);
    if (socket == NULL)
        return NULL;
    if (set_options(socket, role) != 0 || set_keys(socket, role, config, server_key) != 0) {
        int saved = errno;
        zmq_close(socket);
        errno = saved;
        return NULL;
    }
    return socket;
}

void link_socket_endpoint(const struct ip *address, uint16_t port, char *text)
{
    char host[IP_TEXT_SIZE], number[sizeof "65535"];
    snprintf(number, sizeof number, "%u", port);
    snprintf(text, LINK_ENDPOINT_SIZE, address->family == 6 ? "tcp://[%s]:%s" : "tcp://%s:%s",
             ip_text(address, host), port == 0 ? "*" : number);
}

int link_socket_set_family(void *socket, const struct ip *address)
{
    assert(address->family == 4 || address->family == 6);
    int is_ipv6 = address->family == 6;
    return zmq_setsockopt(socket, ZMQ_IPV6, &is_ipv6, sizeof is_ipv6) == 0 ? 0 : -errno;
}

bool link_socket_receive(void *socket, zmq_msg_t *part)
{
    int size;
    do {
        size = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    assert(size >= 0 || errno == EAGAIN);
    return size >= 0;
}

bool link_socket_skip_rest(void *socket, zmq_msg_t *part)
{
    bool skipped = false;
    while (zmq_msg_more(part) && link_socket_receive(socket, part))
        skipped = true;
    return skipped;
}

bool link_socket_is_odd(void *socket, zmq_msg_t *frame)
{
    bool several = link_socket_skip_rest(socket, frame);
    return several || zmq_msg_size(frame) == 0;
}

bool link_socket_is_oversized(zmq_msg_t *frame)
{
    return zmq_msg_size(frame) > LINK_FRAME_SIZE_MAX;
}

struct link_event link_socket_frame(zmq_msg_t *frame, size_t peer)
{
    return (struct link_event){.type = LINK_FRAME,
                               .peer = peer,
                               .bytes = zmq_msg_data(frame),
                               .size = zmq_msg_size(frame)};
}

int link_socket_send(void *socket, const void *bytes, size_t size, int flags)
{
    int sent;
    do {
        sent = zmq_send(socket, bytes, size, flags | ZMQ_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

bool link_socket_is_readable(void *socket)
{
    int events = 0, failed;
    size_t size = sizeof events;
    do {
        failed = zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
    } while (failed != 0 && errno == EINTR);
    assert(failed == 0);
    return (events & ZMQ_POLLIN) != 0;
}

int link_socket_watch(void *socket, int epoll_fd)
{
    int fd = -1;
    size_t size = sizeof fd;
    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) != 0)
        return -errno;
    struct epoll_event interest = {.events = EPOLLIN};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &interest) == 0 ? 0 : -errno;
}
