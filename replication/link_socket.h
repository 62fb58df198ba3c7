/* replication/link_socket.h -- a ZeroMQ socket as the link wants it: its options, and calls that do
 * not stop at a signal. Part of the link; nobody else includes it. */
#ifndef TANDEM_REPLICATION_LINK_SOCKET_H
#define TANDEM_REPLICATION_LINK_SOCKET_H

#include "replication/link.h"

#include <zmq.h>

enum link_socket_role {
    LINK_SOCKET_LISTENER, /* a node's ROUTER */
    LINK_SOCKET_NODE,     /* a node's DEALER to its partner */
    LINK_SOCKET_AGENT,    /* an agent's DEALER to a node */
};

enum { LINK_ENDPOINT_SIZE = sizeof "tcp://[]:65535" + IP_TEXT_SIZE };

/* A socket with all its options set, neither bound nor connected; NULL with errno. server_key is
 * the public key of the node that a DEALER will dial, unused for a listener. */
void *link_socket_open(void *context, enum link_socket_role role, const struct link_config *config,
                       const char *server_key);

/* "tcp://192.0.2.11:7353" into text[LINK_ENDPOINT_SIZE]; port 0 becomes "*", which binds to any. */
void link_socket_endpoint(const struct ip *address, uint16_t port, char *text);

/* ZeroMQ resolves and binds by the family of the option, not of the address: set it before each
 * zmq_bind and zmq_connect. 0 or -errno. */
int link_socket_set_family(void *socket, const struct ip *address);

/* The next part into *part, which is initialised; false when there is none just now. */
bool link_socket_receive(void *socket, zmq_msg_t *part);

/* Drop what follows *part in its message; true when anything did. A message arrives whole, so this
 * takes as many parts as the peer sent within MAXMSGSIZE each and its queue. */
bool link_socket_skip_rest(void *socket, zmq_msg_t *part);

/* Drops what follows *frame in its message; true when anything did, or when *frame is empty. */
bool link_socket_is_odd(void *socket, zmq_msg_t *frame);

/* Is *frame of more than LINK_FRAME_SIZE_MAX bytes? */
bool link_socket_is_oversized(zmq_msg_t *frame);

/* The event that hands up the bytes of *frame. */
struct link_event link_socket_frame(zmq_msg_t *frame, size_t peer);

/* 0, or -errno: the part was not taken. Never blocks. */
int link_socket_send(void *socket, const void *bytes, size_t size, int flags);

/* Is there a message to receive? Also lets the socket tidy up after connections that ended, which
 * it does in no thread but its owner's. */
bool link_socket_is_readable(void *socket);

/* Have the epoll descriptor report that the socket's state may have changed. 0 or -errno. */
int link_socket_watch(void *socket, int epoll_fd);

#endif
