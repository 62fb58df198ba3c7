/* replication/link_zap.h -- who may speak: the peers' keys, and the question at each handshake.
 *
 * ZeroMQ asks one in-process REP socket about each client that proved to own its key (ZAP, ZeroMQ
 * RFC 27). Without that socket CURVE lets everybody in, so it is bound before anything listens. A
 * key that may come in becomes the User-Id of its frames. Part of the link; nobody else includes
 * it. */
#ifndef TANDEM_REPLICATION_LINK_ZAP_H
#define TANDEM_REPLICATION_LINK_ZAP_H

#include "replication/link.h"

/* The peers by key, sorted, each under one or two: 10,000 agents are found in 14 steps. */
struct link_keys {
    size_t count;
    struct link_key {
        char text[LINK_KEY_SIZE];
        size_t peer;
    } * entries;
};

/* Z85 of 32 bytes? */
bool link_key_is_valid(const char *text);

/* 0, or -errno with a sentence in error[LINK_ERROR_MAX]. */
int link_keys_open(struct link_keys *self, const struct link_peer *peers, size_t peer_count,
                   char *error);
void link_keys_close(struct link_keys *self);

/* The peer with that key, or SIZE_MAX. */
size_t link_keys_find(const struct link_keys *self, const char *text);

/* What the User-Id of an admitted stranger begins with; no character of Z85. */
#define LINK_STRANGER_MARK ' '

struct link_zap {
    void *socket;          /* NULL: not open */
    unsigned admitted;     /* so many unknown keys more may come in */
    uint64_t refused;      /* handshakes */
    char last_refused[64]; /* the address of the last, as ZeroMQ gives it */
};

/* 0 or -errno. */
int link_zap_open(struct link_zap *self, void *context);

/* Answer the questions that wait, up to a budget; a handshake stands still until then. */
void link_zap_serve(struct link_zap *self, const struct link_keys *keys);
void link_zap_close(struct link_zap *self);

#endif
