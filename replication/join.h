/* replication/join.h -- how a server's agent becomes known: a token, one question, one answer.
 *
 *   operator:  tandemctl token ...       --> token text, for as many servers as it is good for
 *   agent:     JOIN, under a new key     --> either node
 *   node:      JOINED or a refusal       <-- and the order that enrols it goes to both nodes
 *
 * The token names the nodes, their addresses and public keys, so that the agent tells its secret to
 * nobody else; the secret stands for the operator's word. Only its digest is ever stored.
 *
 * JOIN and its answer are MessagePack maps as in replication/message.h, of at most JOIN_SIZE_MAX
 * bytes; unknown keys are skipped:
 *
 *   JOIN    0: 16  1 cluster  2 token  3 secret  4 server  5 capacity  6 IPv4  7 IPv6  8 machine
 *           9 tags
 *   answer  0: 17  1 is_joined  2 sentence  3 server  4 [port]  5 is_for_now
 *
 * Pure; libsodium for text and digest only. */
#ifndef TANDEM_REPLICATION_JOIN_H
#define TANDEM_REPLICATION_JOIN_H

#include "replication/document.h"
#include "replication/pack.h"

enum {
    JOIN_SIZE_MAX = 1024, /* bytes of a JOIN and of its answer */
    JOIN_TOKEN_ID_MAX = 16,
    JOIN_SECRET_SIZE = 32,
    JOIN_DIGEST_SIZE = 32,
    JOIN_TAGS_MAX = 40, /* bytes: "rack=7 row=b" */
    JOIN_SENTENCE_MAX = 200,
    JOIN_TEXT_MAX = 1024, /* bytes of a token's text, with its NUL */
};

struct join_token {
    char cluster[DOCUMENT_NAME_MAX + 1];
    char id[JOIN_TOKEN_ID_MAX + 1];
    uint8_t secret[JOIN_SECRET_SIZE];
    size_t node_count;
    struct join_node {
        char name[DOCUMENT_NAME_MAX + 1];
        struct ip address;
        uint16_t port;
        char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE]; /* [1] "": it has one */
    } nodes[DOCUMENT_NODES_MAX];
};

/* One word of [A-Za-z0-9_.-] into text[JOIN_TEXT_MAX]; false when it does not fit. */
bool join_token_text(const struct join_token *self, char *text);
/* False when it is no token, or of a later version. */
bool join_token_parse(struct join_token *self, struct pack_space *space, const char *text);

/* What a node keeps of the secret. */
void join_digest(const uint8_t secret[JOIN_SECRET_SIZE], uint8_t digest[JOIN_DIGEST_SIZE]);

struct join {
    char cluster[DOCUMENT_NAME_MAX + 1];
    char token[JOIN_TOKEN_ID_MAX + 1];
    uint8_t secret[JOIN_SECRET_SIZE];
    char server[DOCUMENT_NAME_MAX + 1];
    uint32_t capacity;
    struct ip addresses[2];           /* [0] IPv4, [1] IPv6 */
    uint8_t machine[MACHINE_ID_SIZE]; /* what the agent's machine is known by */
    char tags[JOIN_TAGS_MAX + 1];
};

/* Does it begin as a JOIN does? Who joined already may ask again under its key, which is known. */
bool join_is(const uint8_t *bytes, size_t size);
/* Into bytes[JOIN_SIZE_MAX]; returns the size. */
size_t join_encode(const struct join *self, uint8_t *bytes);
bool join_decode(struct join *self, struct pack_space *space, const uint8_t *bytes, size_t size);

struct join_answer {
    bool is_joined;
    bool is_for_now; /* a refusal for want of knowledge: the other node may say otherwise, or later
                        this one; false in an answer without it */
    char sentence[JOIN_SENTENCE_MAX + 1]; /* why not; printable */
    char server[DOCUMENT_NAME_MAX + 1];
    size_t port_count;
    uint16_t ports[DOCUMENT_PORTS_MAX]; /* that the agent is to watch */
};

size_t join_answer_encode(const struct join_answer *self, uint8_t *bytes);
bool join_answer_decode(struct join_answer *self, struct pack_space *space, const uint8_t *bytes,
                        size_t size);

#endif
