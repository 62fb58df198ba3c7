#include "replication/link.h"

#include "replication/link_dial.h"
#include "replication/link_zap.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    MONITOR_BATCH_MAX = 64, /* a listener's events read at a time */
    LISTENER_THREADS = 2,   /* that do the handshakes, encryption and socket calls */
    FAILED_EVENTS = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
    LISTENER_EVENTS = FAILED_EVENTS | ZMQ_EVENT_DISCONNECTED,
};

/* Where a peer that dialled in spoke last. */
struct route {
    bool known;
    uint8_t id[LINK_ROUTE_SIZE];
};

struct link {
    void *context;
    bool context_is_lent; /* to end it is not ours */
    int epoll_fd;
    struct link_keys keys;
    struct link_zap zap; /* this and the next four: only when it listens */
    void *router;
    struct link_monitor router_monitor;
    uint16_t port;
    struct route *routes; /* [peer_count] */
    size_t peer_count;
    size_t dial_count;
    struct link_dial dials[LINK_DIALS_MAX];
    size_t turn;              /* whose socket is read first: 0 the ROUTER, 1 + i dials[i] */
    unsigned stranger_frames; /* so many more are taken */
    zmq_msg_t frame;          /* lent to the caller until its next call */
    uint64_t failed_handshakes, ended_connections, unsendable, odd_frames, oversized_frames;
};

/* ---- open and close ---- */

__attribute__((format(printf, 3, 4))) static int fail(char *error, int code, const char *format,
                                                      ...)
{
    assert(code < 0);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, LINK_ERROR_MAX, format, arguments);
    va_end(arguments);
    return code;
}

static int check_own_key(const struct link_config *config, char *error)
{
    char public_key[LINK_KEY_SIZE];
    if (!link_public_key(config->secret_key, public_key))
        return fail(error, -EINVAL, "the secret key is not 40 Z85 characters");
    if (strncmp(public_key, config->public_key, LINK_KEY_SIZE) != 0)
        return fail(error, -EINVAL,
                    "the secret key belongs to the public key %s, which is not the one configured",
                    public_key);
    return 0;
}

static int listen_on(struct link *self, const struct ip *address, uint16_t port, char *error)
{
    char endpoint[LINK_ENDPOINT_SIZE];
    link_socket_endpoint(address, port, endpoint);
    int failed = link_socket_set_family(self->router, address);
    if (failed == 0 && zmq_bind(self->router, endpoint) != 0)
        failed = -errno;
    if (failed != 0) {
        const char *advice = failed == -EADDRINUSE ? "; stop what listens there already" : "";
        if (failed == -EADDRNOTAVAIL || failed == -ENODEV)
            advice = "; give this machine that address first";
        return fail(error, failed, "cannot listen on %s: %s%s", endpoint, zmq_strerror(-failed),
                    advice);
    }
    size_t size = sizeof endpoint;
    failed = zmq_getsockopt(self->router, ZMQ_LAST_ENDPOINT, endpoint, &size);
    assert(failed == 0);
    self->port = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    return 0;
}

static int open_listener(struct link *self, const struct link_config *config, char *error)
{
    int failed = link_zap_open(&self->zap, self->context);
    if (failed == 0) {
        self->router = link_socket_open(self->context, LINK_SOCKET_LISTENER, config, NULL);
        failed = self->router == NULL ? -errno : 0;
    }
    if (failed == 0)
        failed =
            link_monitor_open(&self->router_monitor, self->context, self->router, LISTENER_EVENTS);
    if (failed == 0)
        failed = link_socket_watch(self->zap.socket, self->epoll_fd);
    if (failed == 0)
        failed = link_socket_watch(self->router, self->epoll_fd);
    if (failed == 0)
        failed = link_socket_watch(self->router_monitor.socket, self->epoll_fd);
    if (failed != 0)
        return fail(error, failed, "cannot make the listening socket: %s", zmq_strerror(-failed));
    self->port = config->bind_port;
    for (size_t i = 0; failed == 0 && i < config->bind_count; i++)
        failed = listen_on(self, &config->bind_addresses[i], self->port, error);
    return failed;
}

static int open_dial(struct link *self, const struct link_config *config, size_t peer, char *error)
{
    const struct link_peer *node = &config->peers[peer];
    if (self->dial_count == LINK_DIALS_MAX)
        return fail(error, -EINVAL, "more than %d peers are to be dialled", LINK_DIALS_MAX);
    if (node->address.family == 0 || node->port == 0)
        return fail(error, -EINVAL, "peer %zu is to be dialled but has no address or port", peer);
    struct link_dial *dial = &self->dials[self->dial_count++];
    int failed = link_dial_open(dial, self->context, self->epoll_fd, config, peer);
    if (failed != 0)
        return fail(error, failed, "cannot dial %s: %s", dial->endpoint, zmq_strerror(-failed));
    return 0;
}

/* The context makes its threads with the first socket, so their number is set before. */
static int open_context(struct link *self, const struct link_config *config, char *error)
{
    self->routes = calloc(config->peer_count + 1, sizeof *self->routes);
    self->peer_count = config->peer_count;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->context_is_lent = config->context != NULL;
    self->context = self->context_is_lent ? config->context : zmq_ctx_new();
    if (self->routes == NULL || self->epoll_fd < 0 || self->context == NULL)
        return fail(error, -errno, "cannot start ZeroMQ: %s", zmq_strerror(errno));
    if (self->context_is_lent)
        return 0;
    int threads = config->bind_count > 0 ? LISTENER_THREADS : 1;
    int failed = zmq_ctx_set(self->context, ZMQ_IO_THREADS, threads);
    assert(failed == 0);
    return 0;
}

int link_open(struct link **link, const struct link_config *config, char *error)
{
    assert(config->peer_count == 0 || config->peers != NULL);
    assert(config->bind_count == 0 || config->bind_addresses != NULL);
    assert(config->bind_count == 0 || config->context == NULL); /* one ZAP handler a context */
    struct link *self = calloc(1, sizeof *self);
    if (self == NULL)
        return fail(error, -ENOMEM, "no memory for a link");
    self->epoll_fd = -1;
    zmq_msg_init(&self->frame);
    int failed = check_own_key(config, error);
    if (failed == 0)
        failed = link_keys_open(&self->keys, config->peers, config->peer_count, error);
    if (failed == 0)
        failed = open_context(self, config, error);
    if (failed == 0 && config->bind_count > 0)
        failed = open_listener(self, config, error);
    for (size_t i = 0; failed == 0 && i < config->peer_count; i++) {
        if (config->peers[i].dial)
            failed = open_dial(self, config, i, error);
    }
    if (failed != 0) {
        link_close(self);
        return failed;
    }
    *link = self;
    return 0;
}

/* The ZAP socket outlives the listener: a handshake must never find it gone. */
void link_close(struct link *self)
{
    if (self == NULL)
        return;
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    for (size_t i = 0; i < self->dial_count; i++)
        link_dial_close(&self->dials[i]);
    link_monitor_close(&self->router_monitor);
    if (self->router != NULL)
        zmq_close(self->router);
    link_zap_close(&self->zap);
    zmq_msg_close(&self->frame);
    if (self->context != NULL && !self->context_is_lent)
        while (zmq_ctx_term(self->context) != 0 && errno == EINTR)
            ;
    link_keys_close(&self->keys);
    free(self->routes);
    free(self);
}

/* ---- waiting ---- */

uint16_t link_port(const struct link *self)
{
    return self->port;
}

int link_fd(const struct link *self)
{
    return self->epoll_fd;
}

/* Asks every socket, also once one is known to be readable: only so do those that are rarely used
 * let go of their dead connections. */
bool link_pending(struct link *self)
{
    bool pending = false;
    if (self->router != NULL) {
        pending |= link_socket_is_readable(self->zap.socket);
        pending |= link_socket_is_readable(self->router);
        pending |= link_socket_is_readable(self->router_monitor.socket);
    }
    for (size_t i = 0; i < self->dial_count; i++)
        pending |= link_dial_is_pending(&self->dials[i]);
    return pending;
}

/* ---- receiving ---- */

/* Whose key the frame in hand came under, looked up for each frame: ZeroMQ cannot end a connection
 * whose key is withdrawn. From the last part, because 4.3.4 loses the property on the first. A peer
 * cannot set it: ZeroMQ puts what ZAP said before what the peer says of itself. */
static size_t frame_author(struct link *self)
{
    const char *user = zmq_msg_gets(&self->frame, "User-Id");
    if (user == NULL)
        return SIZE_MAX;
    /* Who came in as a stranger may have become known since. */
    return link_keys_find(&self->keys, user + (user[0] == LINK_STRANGER_MARK));
}

/* A stranger may speak while it is admitted, and little. */
static bool take_stranger(struct link *self, zmq_msg_t *id, struct link_event *event)
{
    const char *user = zmq_msg_gets(&self->frame, "User-Id");
    if (user == NULL || user[0] != LINK_STRANGER_MARK || self->stranger_frames == 0 ||
        zmq_msg_size(&self->frame) > LINK_STRANGER_SIZE_MAX || zmq_msg_size(id) != LINK_ROUTE_SIZE)
        return false;
    self->stranger_frames--;
    *event = link_socket_frame(&self->frame, 0);
    event->type = LINK_STRANGER;
    snprintf(event->stranger.key, sizeof event->stranger.key, "%s", user + 1);
    memcpy(event->stranger.route, zmq_msg_data(id), LINK_ROUTE_SIZE);
    return true;
}

/* Takes one message, {routing id, frame}. A routing id of another size is one the peer brought
 * itself, which none of our programs does. */
static bool receive_from_router(struct link *self, struct link_event *event)
{
    zmq_msg_t id;
    zmq_msg_init(&id);
    bool given = false;
    if (link_socket_receive(self->router, &id)) {
        bool has_frame = zmq_msg_more(&id) && link_socket_receive(self->router, &self->frame);
        bool odd = !has_frame || link_socket_is_odd(self->router, &self->frame);
        size_t peer = odd ? SIZE_MAX : frame_author(self);
        bool known = peer != SIZE_MAX && zmq_msg_size(&id) == LINK_ROUTE_SIZE;
        if (known && link_socket_is_oversized(&self->frame)) {
            self->oversized_frames++;
        } else if (known) {
            assert(peer < self->peer_count);
            self->routes[peer].known = true;
            memcpy(self->routes[peer].id, zmq_msg_data(&id), LINK_ROUTE_SIZE);
            *event = link_socket_frame(&self->frame, peer);
            memcpy(&event->session, self->routes[peer].id + 1, sizeof event->session);
            given = true;
        } else if (!odd && peer == SIZE_MAX && take_stranger(self, &id, event)) {
            given = true;
        } else {
            self->odd_frames++;
        }
    }
    zmq_msg_close(&id);
    return given;
}

static void serve_handshakes(struct link *self)
{
    link_zap_serve(&self->zap, &self->keys);
    for (int i = 0; i < MONITOR_BATCH_MAX; i++) {
        int monitor_event = link_monitor_next(&self->router_monitor);
        if (monitor_event == 0)
            break;
        self->failed_handshakes += (monitor_event & FAILED_EVENTS) != 0;
        self->ended_connections += monitor_event == ZMQ_EVENT_DISCONNECTED;
    }
}

void link_receive(struct link *self, struct link_event *event)
{
    *event = (struct link_event){.type = LINK_NOTHING};
    if (self->router != NULL)
        serve_handshakes(self);
    /* In turn, so that a talkative peer does not silence the others' sockets. */
    size_t socket_count = 1 + self->dial_count;
    for (size_t i = 0; i < socket_count; i++) {
        size_t turn = self->turn;
        self->turn = (turn + 1) % socket_count;
        if (turn > 0 && link_dial_receive(&self->dials[turn - 1], &self->frame, event))
            return;
        if (turn == 0 && self->router != NULL && receive_from_router(self, event))
            return;
    }
}

/* ---- sending ---- */

static struct link_dial *find_dial(struct link *self, size_t peer)
{
    for (size_t i = 0; i < self->dial_count; i++) {
        if (self->dials[i].peer == peer)
            return &self->dials[i];
    }
    return NULL;
}

static int send_to_router(struct link *self, struct route *route, const uint8_t *bytes, size_t size)
{
    if (!route->known)
        return -EHOSTUNREACH;
    int failed = link_socket_send(self->router, route->id, LINK_ROUTE_SIZE, ZMQ_SNDMORE);
    if (failed == -EHOSTUNREACH)
        route->known = false;
    return failed != 0 ? failed : link_socket_send(self->router, bytes, size, 0);
}

int link_send(struct link *self, size_t peer, const uint8_t *bytes, size_t size)
{
    assert(peer < self->peer_count);
    assert(size > 0);
    assert(size <= LINK_FRAME_SIZE_MAX);
    struct link_dial *dial = find_dial(self, peer);
    int failed = dial != NULL ? link_dial_send(dial, bytes, size)
                              : send_to_router(self, &self->routes[peer], bytes, size);
    self->unsendable += failed != 0;
    return failed;
}

int link_answer(struct link *self, const struct link_stranger *stranger, const uint8_t *bytes,
                size_t size)
{
    assert(size > 0);
    assert(size <= LINK_FRAME_SIZE_MAX);
    struct route route = {.known = true};
    memcpy(route.id, stranger->route, sizeof route.id);
    int failed = send_to_router(self, &route, bytes, size);
    self->unsendable += failed != 0;
    return failed;
}

unsigned link_admit(struct link *self, unsigned strangers)
{
    unsigned left = self->zap.admitted;
    self->zap.admitted = self->stranger_frames = strangers;
    return left;
}

/* ---- status and keys ---- */

/* Nothing more is sent to a connection whose key is not, or no longer, that peer's. */
static void forget_routes(struct link *self, const struct link_keys *next)
{
    for (size_t i = 0; i < self->keys.count; i++) {
        const struct link_key *before = &self->keys.entries[i];
        if (link_keys_find(next, before->text) != before->peer)
            self->routes[before->peer].known = false;
    }
}

int link_replace_keys(struct link *self, const struct link_peer *peers, char *error)
{
    struct link_keys next;
    int failed = link_keys_open(&next, peers, self->peer_count, error);
    if (failed == 0) {
        forget_routes(self, &next);
        for (size_t i = 0; i < self->dial_count; i++)
            link_dial_use_keys(&self->dials[i], peers[self->dials[i].peer].keys);
        struct link_keys before = self->keys;
        self->keys = next;
        next = before;
    }
    link_keys_close(&next);
    return failed;
}

const char *link_last_refused(const struct link *self)
{
    return self->zap.last_refused;
}

void link_counts(const struct link *self, struct link_counts *counts)
{
    *counts = (struct link_counts){.refused_keys = self->zap.refused,
                                   .failed_handshakes = self->failed_handshakes,
                                   .unsendable = self->unsendable,
                                   .odd_frames = self->odd_frames,
                                   .oversized_frames = self->oversized_frames,
                                   .ended_connections = self->ended_connections};
    for (size_t i = 0; i < self->dial_count; i++) {
        counts->failed_handshakes += self->dials[i].failed_handshakes;
        counts->odd_frames += self->dials[i].odd_frames;
        counts->oversized_frames += self->dials[i].oversized_frames;
    }
}

void link_keygen(char *public_key, char *secret_key)
{
    int failed = zmq_curve_keypair(public_key, secret_key);
    assert(failed == 0);
}

bool link_public_key(const char *secret_key, char *public_key)
{
    return link_key_is_valid(secret_key) && zmq_curve_public(public_key, secret_key) == 0;
}
