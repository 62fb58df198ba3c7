#include "replication/link_monitor.h"

#include "replication/link_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* No two monitors of a process have the same name, also not one after the other: ZeroMQ lets go of
 * a name some time after the close. */
int link_monitor_open(struct link_monitor *self, void *context, void *watched, int events)
{
    static atomic_uint opened;
    char endpoint[64];
    int written =
        snprintf(endpoint, sizeof endpoint, "inproc://monitor-%u", atomic_fetch_add(&opened, 1));
    assert(written > 0 && (size_t)written < sizeof endpoint);
    *self = (struct link_monitor){.socket = zmq_socket(context, ZMQ_PAIR)};
    const int none = 0, unlimited = 0;
    if (self->socket == NULL || zmq_setsockopt(self->socket, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_setsockopt(self->socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) != 0 ||
        zmq_socket_monitor(watched, endpoint, events) != 0)
        return -errno;
    self->watched = watched;
    return zmq_connect(self->socket, endpoint) == 0 ? 0 : -errno;
}

/* An event is two parts: {event, value} of 16 and 32 bits in the host's order, and an endpoint. */
int link_monitor_next(struct link_monitor *self)
{
    zmq_msg_t part;
    zmq_msg_init(&part);
    uint16_t event = 0;
    if (link_socket_receive(self->socket, &part)) {
        assert(zmq_msg_size(&part) == sizeof event + sizeof(uint32_t));
        memcpy(&event, zmq_msg_data(&part), sizeof event);
        link_socket_skip_rest(self->socket, &part);
    }
    zmq_msg_close(&part);
    return event;
}

void link_monitor_close(struct link_monitor *self)
{
    if (self->watched != NULL)
        zmq_socket_monitor(self->watched, NULL, 0);
    if (self->socket != NULL)
        zmq_close(self->socket);
    *self = (struct link_monitor){0};
}
