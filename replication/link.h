/* replication/link.h -- the wire between agents and nodes: ZeroMQ with CURVE.
 *
 * A node binds one ROUTER for its agents and its partner and, if it is the one that dials, connects
 * one DEALER to its partner. An agent connects one DEALER to each node. Peers are told apart by
 * their CURVE key alone, never by anything they say: peers[i] of the configuration is peer i of
 * every call. A key that is not among them is refused in the handshake (ZAP, fail closed) and
 * counted.
 *
 * Owned by one thread, one in a process (a second ZeroMQ context may race with the first when both
 * end), or several of one thread in one context that is given to them. Open it before threads, so
 * that they inherit its caller's signal mask and none of its sockets, and after the last fork that
 * does not exec. It needs one descriptor for each connection.
 *
 * About 0.8 ms of processor time for each handshake, 28 KiB for each connection. */
#ifndef TANDEM_REPLICATION_LINK_H
#define TANDEM_REPLICATION_LINK_H

#include "replication/ip.h"

#include <stdbool.h>

enum {
    LINK_KEY_SIZE = 41,            /* Z85 text and its NUL */
    LINK_KEYS_MAX = 2,             /* of one peer, while one is changed for another */
    LINK_FRAME_SIZE_MAX = 65536,   /* bytes; a larger frame is dropped and counted, and one of more
                                    than twice that ends its connection */
    LINK_STRANGER_SIZE_MAX = 1024, /* bytes of a stranger's frame; a larger one is dropped */
    LINK_ROUTE_SIZE = 5,           /* bytes of ZeroMQ's name of a connection: 0 and a number */
    LINK_DIALS_MAX = 2,            /* an agent dials two nodes, a node at most its partner */
    LINK_ERROR_MAX = 256,          /* bytes of a sentence, with its NUL */
};

struct link_peer {
    /* Public; it speaks under either. [0] "" without dial: nobody has this number; [1] "": it has
     * one. */
    char keys[LINK_KEYS_MAX][LINK_KEY_SIZE];
    bool dial; /* connect to address:port, where it has one of its keys, which is found out */
    struct ip address;
    uint16_t port;
};

struct link_config {
    char public_key[LINK_KEY_SIZE], secret_key[LINK_KEY_SIZE];
    size_t bind_count; /* 0: does not listen (an agent) */
    const struct ip *bind_addresses;
    uint16_t bind_port; /* 0: the kernel chooses, see link_port */
    size_t peer_count;
    const struct link_peer *peers; /* copied; no two with the same key */
    bool quick;    /* node to node: dial again within 40 ms, miss the peer after 1.5 s */
    void *context; /* ZeroMQ's, of links none of which listens: it outlives them, and its options
                      are the giver's; NULL: the link makes its own */
};

enum link_event_type {
    LINK_NOTHING,  /* nothing more just now */
    LINK_UP,       /* the dialled connection to peer is through its handshake */
    LINK_DOWN,     /* it is gone, or was refused; told again at each refusal */
    LINK_FRAME,    /* bytes from peer */
    LINK_STRANGER, /* bytes from stranger, whom no key of ours is known of (link_admit) */
};

/* Who spoke under a key that is nobody's, and how to answer it. */
struct link_stranger {
    char key[LINK_KEY_SIZE];
    uint8_t route[LINK_ROUTE_SIZE];
};

/* Of a dialled peer: UP comes before the first frame of a connection, DOWN after the last. It is
 * dialled again without end. A peer that dials in has no UP and DOWN, only frames. */
struct link_event {
    enum link_event_type type;
    size_t peer;
    bool refused;         /* LINK_DOWN: because the peer does not know our key */
    const uint8_t *bytes; /* LINK_FRAME: valid until the next call */
    size_t size;
    uint32_t session; /* LINK_FRAME: which connection, of a peer that dialled in; else 0 */
    struct link_stranger stranger; /* LINK_STRANGER */
};

/* Counted, never logged here. */
struct link_counts {
    uint64_t refused_keys; /* handshakes with an unknown key */
    uint64_t
        failed_handshakes; /* that broke off otherwise, once they were ZeroMQ's protocol at all */
    uint64_t unsendable;   /* frames not sent: peer away, or its queue full */
    uint64_t odd_frames;   /* of several parts, empty, or not from one of the keys */
    uint64_t oversized_frames;  /* of more than LINK_FRAME_SIZE_MAX bytes, up to twice that */
    uint64_t ended_connections; /* that were accepted, whyever they ended: also for what is not
                                   ZeroMQ's protocol, or for a frame of still more bytes */
};

struct link;

/* 0, or -errno with a sentence in error[LINK_ERROR_MAX]; -EINVAL: it is the configuration. Binds
 * every address before it returns; dials later. */
int link_open(struct link **link, const struct link_config *config, char *error);
void link_close(struct link *link); /* NULL is fine */

/* Other keys for the peers: peers[peer_count], as at the opening; who is dialled, and where, stays.
 * What comes with a key that is withdrawn is odd from now on, and who was dialled under it is
 * dialled anew. 0, or as link_open: then nothing changed. O(peers x log peers). */
int link_replace_keys(struct link *link, const struct link_peer *peers, char *error);

/* From now on so many more unknown keys may come through the handshake, and so many frames of them;
 * 0, as at the beginning: none. Returns how many might still have come in. What comes on a
 * connection whose key was withdrawn is never a stranger's. */
unsigned link_admit(struct link *link, unsigned strangers);
/* To that connection. As link_send. */
int link_answer(struct link *link, const struct link_stranger *stranger, const uint8_t *bytes,
                size_t size);

/* The port it listens on; 0 when it does not. */
uint16_t link_port(const struct link *link);

/* An epoll descriptor, readable when something may have happened. Level-triggered; because ZeroMQ's
 * own descriptors are not, call link_pending before every wait. */
int link_fd(const struct link *link);
bool link_pending(struct link *link);

/* The next event; LINK_NOTHING when there is none. Call until then, or up to a budget. Takes one
 * message of each socket at most: one that was odd gives LINK_NOTHING although link_pending. */
void link_receive(struct link *link, struct link_event *event);

/* 0, or -EHOSTUNREACH when the peer is away (dialled: between DOWN and UP; else: it never spoke, or
 * is gone), or -EAGAIN when its queue is full. Never blocks; size is 1..LINK_FRAME_SIZE_MAX. To a
 * peer that dialled in, it goes to the connection on which that last spoke. */
int link_send(struct link *link, size_t peer, const uint8_t *bytes, size_t size);

/* The address a refused handshake last came from, for the log; "" when none. */
const char *link_last_refused(const struct link *link);
void link_counts(const struct link *link, struct link_counts *counts);

/* A new key pair into public_key and secret_key [LINK_KEY_SIZE]. */
void link_keygen(char *public_key, char *secret_key);
/* The public key of a secret one; false when it is no key. */
bool link_public_key(const char *secret_key, char *public_key);

#endif
