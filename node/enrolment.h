/* node/enrolment.h -- who may join, who did, and whose key is withdrawn: orders, as records.
 *
 *   token/ID       {1: in force, 2: digest, 3: pool, 4: uses, 5: prefix, 6: its bits,
 *                   14: that of IPv6 beside one of IPv4, 15: its bits}
 *   enrol/SERVER   {1: enrolled, 2: key, 3: pool, 4: capacity, 5: IPv4, 6: IPv6, 7: machine,
 *                   8: token, 13: tags}
 *   revoke/SERVER  {1: withdrawn, 2: key, 14: second key, of a server that has two}
 *
 * and in each {9: author, 11: given}, in a token's {12: until}. Like all orders either node writes
 * them at any time, and the higher version stands. A key that is withdrawn is so whatever else says
 * that it is enrolled: revocation beats enrolment. A server that was removed stays as a record that
 * says so, so that nobody brings it back by an old one. */
#ifndef TANDEM_NODE_ENROLMENT_H
#define TANDEM_NODE_ENROLMENT_H

#include "node/order.h"
#include "replication/join.h"

struct token {
    char id[JOIN_TOKEN_ID_MAX + 1];
    bool in_force;
    uint8_t digest[JOIN_DIGEST_SIZE]; /* of its secret */
    char pool[DOCUMENT_NAME_MAX + 1];
    uint32_t uses; /* 1..TOKEN_USES_MAX servers */
    struct token_prefix {
        struct ip address; /* family 0: none */
        uint8_t bits;
    } prefixes[2]; /* [0] IPv4, [1] IPv6: where an address of a server that joins lies */
    char author[ORDER_AUTHOR_MAX + 1];
    uint64_t given_s, until_s; /* wall clock */
};

enum { TOKEN_USES_MAX = 10000 };

struct enrolment {
    char server[DOCUMENT_NAME_MAX + 1];
    bool is_enrolled; /* false: it was removed */
    char key[DOCUMENT_KEY_SIZE];
    char pool[DOCUMENT_NAME_MAX + 1];
    uint32_t capacity;
    struct ip addresses[2];
    uint8_t machine[MACHINE_ID_SIZE];
    char token[JOIN_TOKEN_ID_MAX + 1];
    char tags[JOIN_TAGS_MAX + 1];
    char author[ORDER_AUTHOR_MAX + 1];
    uint64_t given_s;
};

struct revocation {
    char server[DOCUMENT_NAME_MAX + 1];
    bool is_revoked;
    char keys[DOCUMENT_KEYS_MAX][DOCUMENT_KEY_SIZE]; /* [1] "": it had one */
    char author[ORDER_AUTHOR_MAX + 1];
    uint64_t given_s;
};

void token_key(const char *id, struct record_key *key);
void enrolment_key(const char *server, struct record_key *key);
void revocation_key(const char *server, struct record_key *key);
/* Is it one of the two that change who is known? */
bool enrolment_is_of(const struct record_key *key);

/* Each into value[RECORD_VALUE_MAX]; returns the size. */
size_t token_encode(const struct token *self, uint8_t *value);
size_t enrolment_encode(const struct enrolment *self, uint8_t *value);
size_t revocation_encode(const struct revocation *self, uint8_t *value);

/* False when the key is of another kind, or the value none of ours. */
bool token_decode(struct token *self, struct pack_space *space, const struct record_key *key,
                  const uint8_t *value, size_t size);
bool enrolment_decode(struct enrolment *self, struct pack_space *space,
                      const struct record_key *key, const uint8_t *value, size_t size);
bool revocation_decode(struct revocation *self, struct pack_space *space,
                       const struct record_key *key, const uint8_t *value, size_t size);

/* Does the address lie in the prefix of its family? */
bool token_has_address(const struct token *self, const struct ip *address);

#endif
