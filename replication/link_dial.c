#include "replication/link_dial.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    REDIAL_MS = 1000,
    FAILED_EVENTS = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                    ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
    WATCHED_EVENTS = FAILED_EVENTS | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                     ZMQ_EVENT_CONNECT_RETRIED,
};

static int open_redial_timer(struct link_dial *self, int epoll_fd)
{
    self->redial_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event interest = {.events = EPOLLIN};
    if (self->redial_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, self->redial_fd, &interest) != 0)
        return -errno;
    return 0;
}

int link_dial_open(struct link_dial *self, void *context, int epoll_fd,
                   const struct link_config *config, size_t peer)
{
    const struct link_peer *node = &config->peers[peer];
    *self = (struct link_dial){.peer = peer, .redial_fd = -1};
    memcpy(self->keys, node->keys, sizeof self->keys);
    link_socket_endpoint(&node->address, node->port, self->endpoint);
    enum link_socket_role role = config->quick ? LINK_SOCKET_NODE : LINK_SOCKET_AGENT;
    self->socket = link_socket_open(context, role, config, self->keys[0]);
    int failed = self->socket == NULL ? -errno : open_redial_timer(self, epoll_fd);
    if (failed == 0)
        failed = link_monitor_open(&self->monitor, context, self->socket, WATCHED_EVENTS);
    if (failed == 0)
        failed = link_socket_watch(self->socket, epoll_fd);
    if (failed == 0)
        failed = link_socket_watch(self->monitor.socket, epoll_fd);
    if (failed == 0)
        failed = link_socket_set_family(self->socket, &node->address);
    if (failed == 0 && zmq_connect(self->socket, self->endpoint) != 0)
        failed = -errno;
    return failed;
}

void link_dial_close(struct link_dial *self)
{
    link_monitor_close(&self->monitor);
    if (self->socket != NULL)
        zmq_close(self->socket);
    if (self->redial_fd >= 0)
        close(self->redial_fd);
}

bool link_dial_is_pending(struct link_dial *self)
{
    bool frame_waits = link_socket_is_readable(self->socket) && self->state != LINK_DIAL_DOWN;
    bool event_waits = link_socket_is_readable(self->monitor.socket);
    return frame_waits || event_waits || self->state == LINK_DIAL_CLOSING;
}

/* After what it takes for a protocol error (a refused key, a frame too large) ZeroMQ gives the
 * connection up for good and says nothing; otherwise it soon says CONNECT_RETRIED. So each end of a
 * connection arms a timer, and if it expires we dial anew. 0: it is disarmed. */
static void arm_redial(struct link_dial *self, int after_ms)
{
    struct itimerspec timer = {
        .it_value = {.tv_sec = after_ms / 1000, .tv_nsec = after_ms % 1000 * 1000000L}};
    int failed = timerfd_settime(self->redial_fd, 0, &timer, NULL);
    assert(failed == 0);
    self->redial_armed = after_ms > 0;
}

/* ZeroMQ ignores a second connect to an endpoint that it still remembers, so first forget. The key
 * that is set now holds for the connections after it. */
static void redial(struct link_dial *self)
{
    int failed =
        zmq_setsockopt(self->socket, ZMQ_CURVE_SERVERKEY, self->keys[self->key], LINK_KEY_SIZE);
    assert(failed == 0);
    zmq_disconnect(self->socket, self->endpoint);
    bool again = zmq_connect(self->socket, self->endpoint) != 0;
    self->is_waiting = false;
    arm_redial(self, again ? REDIAL_MS : 0);
}

static void redial_if_due(struct link_dial *self)
{
    uint64_t expirations;
    if (self->redial_armed && read(self->redial_fd, &expirations, sizeof expirations) > 0)
        redial(self);
}

void link_dial_use_keys(struct link_dial *self, const char keys[LINK_KEYS_MAX][LINK_KEY_SIZE])
{
    char used[LINK_KEY_SIZE];
    memcpy(used, self->keys[self->key], sizeof used);
    memcpy(self->keys, keys, sizeof self->keys);
    self->key = strcmp(self->keys[1], used) == 0 ? 1 : 0;
    self->is_second_turn = false;
    if (strcmp(self->keys[self->key], used) == 0)
        return;
    if (self->state == LINK_DIAL_UP)
        self->state = LINK_DIAL_CLOSING;
    redial(self);
}

/* The other key's turn, at once. Where neither is the node's they go on by turns, but slowly;
 * meanwhile ZeroMQ is not to try the last one again. */
static void try_other_key(struct link_dial *self)
{
    if (self->keys[1][0] == '\0' || self->is_waiting)
        return;
    self->key = 1 - self->key;
    if (self->is_second_turn) {
        zmq_disconnect(self->socket, self->endpoint);
        arm_redial(self, LINK_DIAL_TURN_MS);
        self->is_waiting = true;
    } else {
        redial(self);
    }
    self->is_second_turn = !self->is_second_turn;
}

/* What the connection before says late leaves the wait as it is. */
static void arm_unless_waiting(struct link_dial *self, int after_ms)
{
    if (!self->is_waiting)
        arm_redial(self, after_ms);
}

/* True when the monitor's event is one to tell. */
static bool apply(struct link_dial *self, int monitor_event, struct link_event *event)
{
    self->failed_handshakes += (monitor_event & FAILED_EVENTS) != 0;
    switch (monitor_event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        arm_redial(self, 0);
        self->is_second_turn = false;
        self->state = LINK_DIAL_UP;
        *event = (struct link_event){.type = LINK_UP, .peer = self->peer};
        return true;
    case ZMQ_EVENT_DISCONNECTED:
        arm_unless_waiting(self, REDIAL_MS);
        if (self->state == LINK_DIAL_UP)
            self->state = LINK_DIAL_CLOSING;
        return false;
    case ZMQ_EVENT_CONNECT_RETRIED:
        arm_unless_waiting(self, 0);
        return false;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        try_other_key(self);
        return false;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        *event = (struct link_event){.type = LINK_DOWN, .peer = self->peer, .refused = true};
        return true;
    default:
        return false;
    }
}

bool link_dial_receive(struct link_dial *self, zmq_msg_t *frame, struct link_event *event)
{
    redial_if_due(self);
    for (;;) {
        if (self->state != LINK_DIAL_DOWN && link_socket_receive(self->socket, frame)) {
            bool odd = link_socket_is_odd(self->socket, frame);
            bool oversized = !odd && link_socket_is_oversized(frame);
            self->odd_frames += odd;
            self->oversized_frames += oversized;
            if (odd || oversized)
                return false;
            *event = link_socket_frame(frame, self->peer);
            return true;
        }
        if (self->state == LINK_DIAL_CLOSING) {
            self->state = LINK_DIAL_DOWN;
            *event = (struct link_event){.type = LINK_DOWN, .peer = self->peer};
            return true;
        }
        int monitor_event = link_monitor_next(&self->monitor);
        if (monitor_event == 0)
            return false;
        if (apply(self, monitor_event, event))
            return true;
    }
}

int link_dial_send(struct link_dial *self, const uint8_t *bytes, size_t size)
{
    if (self->state != LINK_DIAL_UP)
        return -EHOSTUNREACH;
    return link_socket_send(self->socket, bytes, size, 0);
}
