/* replication/link_dial.h -- one DEALER and the connection it keeps up to a node.
 *
 *        HANDSHAKE_SUCCEEDED: tell UP          DISCONNECTED
 *   down ----------------------------> up --------------------> closing
 *     ^                                                            |
 *     +------------- nothing left to receive: tell DOWN -----------+
 *
 * Down, the socket is not read, so no frame comes before UP; the monitor's event is always there
 * before the first frame, both being queued by the same thread in that order.
 *
 * A node whose key is being changed has one of two, and which is found out by dialling: a node that
 * is dialled under a key that is not its own ends the connection in the handshake, without a word.
 * So when a handshake fails, the other key's turn is at once, and after both failed again after
 * LINK_DIAL_TURN_MS. Part of the link; nobody else includes it. */
#ifndef TANDEM_REPLICATION_LINK_DIAL_H
#define TANDEM_REPLICATION_LINK_DIAL_H

#include "replication/link_monitor.h"
#include "replication/link_socket.h"

enum { LINK_DIAL_TURN_MS = 250 };

enum link_dial_state { LINK_DIAL_DOWN, LINK_DIAL_UP, LINK_DIAL_CLOSING };

struct link_dial {
    enum link_dial_state state;
    size_t peer;
    void *socket;
    struct link_monitor monitor;
    char endpoint[LINK_ENDPOINT_SIZE];
    char keys[LINK_KEYS_MAX][LINK_KEY_SIZE]; /* the node's; [1] "": it has one */
    size_t key;                              /* it is dialled under keys[key] */
    bool is_second_turn;                     /* the other one just failed too */
    bool is_waiting;                         /* for the timer, after both */
    int redial_fd;                           /* a timer: see link_dial.c */
    bool redial_armed;
    uint64_t failed_handshakes, odd_frames, oversized_frames;
};

/* Begins to dial config->peers[peer]. 0 or -errno; close it in either case. */
int link_dial_open(struct link_dial *self, void *context, int epoll_fd,
                   const struct link_config *config, size_t peer);
void link_dial_close(struct link_dial *self);

/* Other keys. A connection that was dialled under none of them is dialled anew. */
void link_dial_use_keys(struct link_dial *self, const char keys[LINK_KEYS_MAX][LINK_KEY_SIZE]);

/* May link_dial_receive have something? */
bool link_dial_is_pending(struct link_dial *self);

/* The next event; false when there is none or a frame was odd. The bytes of a frame stay in
 * *frame. */
bool link_dial_receive(struct link_dial *self, zmq_msg_t *frame, struct link_event *event);

/* As link_send. */
int link_dial_send(struct link_dial *self, const uint8_t *bytes, size_t size);

#endif
