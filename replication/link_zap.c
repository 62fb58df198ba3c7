#include "replication/link_zap.h"

#include "replication/link_socket.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RAW_KEY_SIZE = 32,
    QUESTIONS_MAX = 32, /* answered at a time, about 10 us each */
};

bool link_key_is_valid(const char *text)
{
    uint8_t raw[RAW_KEY_SIZE];
    return strnlen(text, LINK_KEY_SIZE) == LINK_KEY_SIZE - 1 && zmq_z85_decode(raw, text) != NULL;
}

static int compare_keys(const void *a, const void *b)
{
    const struct link_key *left = a, *right = b;
    return strcmp(left->text, right->text);
}

/* 0 or -EINVAL. */
static int add_keys(struct link_keys *self, const struct link_peer *peer, size_t number,
                    char *error)
{
    for (size_t i = 0; i < LINK_KEYS_MAX && (i == 0 || peer->keys[i][0] != '\0'); i++) {
        if (!link_key_is_valid(peer->keys[i])) {
            snprintf(error, LINK_ERROR_MAX, "the public key of peer %zu is not 40 Z85 characters",
                     number);
            return -EINVAL;
        }
        struct link_key *entry = &self->entries[self->count++];
        entry->peer = number;
        memcpy(entry->text, peer->keys[i], LINK_KEY_SIZE);
    }
    return 0;
}

int link_keys_open(struct link_keys *self, const struct link_peer *peers, size_t peer_count,
                   char *error)
{
    *self = (struct link_keys){.entries =
                                   calloc(LINK_KEYS_MAX * peer_count + 1, sizeof *self->entries)};
    if (self->entries == NULL) {
        snprintf(error, LINK_ERROR_MAX, "no memory for the keys of %zu peers", peer_count);
        return -ENOMEM;
    }
    for (size_t i = 0; i < peer_count; i++) {
        if (peers[i].keys[0][0] == '\0' && !peers[i].dial) /* nobody has this number */
            continue;
        if (add_keys(self, &peers[i], i, error) != 0)
            return -EINVAL;
    }
    qsort(self->entries, self->count, sizeof *self->entries, compare_keys);
    for (size_t i = 1; i < self->count; i++) {
        if (compare_keys(&self->entries[i - 1], &self->entries[i]) == 0) {
            snprintf(error, LINK_ERROR_MAX, "peers %zu and %zu have the same key %s",
                     self->entries[i - 1].peer, self->entries[i].peer, self->entries[i].text);
            return -EINVAL;
        }
    }
    return 0;
}

void link_keys_close(struct link_keys *self)
{
    free(self->entries);
    *self = (struct link_keys){0};
}

size_t link_keys_find(const struct link_keys *self, const char *text)
{
    struct link_key wanted;
    if (strnlen(text, sizeof wanted.text) != sizeof wanted.text - 1)
        return SIZE_MAX;
    memcpy(wanted.text, text, sizeof wanted.text);
    const struct link_key *found =
        bsearch(&wanted, self->entries, self->count, sizeof *self->entries, compare_keys);
    return found == NULL ? SIZE_MAX : found->peer;
}

int link_zap_open(struct link_zap *self, void *context)
{
    *self = (struct link_zap){.socket = zmq_socket(context, ZMQ_REP)};
    const int none = 0;
    if (self->socket == NULL || zmq_setsockopt(self->socket, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_bind(self->socket, "inproc://zeromq.zap.01") != 0)
        return -errno;
    return 0;
}

/* A question's parts: version, request id, domain, address, routing id, mechanism, credentials. */
struct question {
    char request[32];
    size_t request_size;
    char address[sizeof((struct link_zap *)0)->last_refused];
    char mechanism[8];
    uint8_t key[RAW_KEY_SIZE];
    size_t key_size;
};

/* Copy a part's bytes, cut at size_max; returns how many. */
static size_t take_part(zmq_msg_t *part, void *bytes, size_t size_max)
{
    size_t size = zmq_msg_size(part) < size_max ? zmq_msg_size(part) : size_max;
    memcpy(bytes, zmq_msg_data(part), size);
    return size;
}

static bool receive_question(void *socket, struct question *question)
{
    *question = (struct question){0};
    zmq_msg_t part;
    zmq_msg_init(&part);
    bool received = link_socket_receive(socket, &part);
    bool more = received;
    for (size_t i = 0; more; i++) {
        if (i == 1)
            question->request_size = take_part(&part, question->request, sizeof question->request);
        else if (i == 3)
            take_part(&part, question->address, sizeof question->address - 1);
        else if (i == 5)
            take_part(&part, question->mechanism, sizeof question->mechanism - 1);
        else if (i == 6)
            question->key_size = take_part(&part, question->key, sizeof question->key);
        more = zmq_msg_more(&part) && link_socket_receive(socket, &part);
    }
    zmq_msg_close(&part);
    return received;
}

/* An answer's parts: version, request id, status, text, user id, metadata. */
static void send_answer(void *socket, const struct question *question, bool welcome,
                        const char *user)
{
    const char *status = welcome ? "200" : "400";
    const char *text = welcome ? "OK" : "unknown key";
    link_socket_send(socket, "1.0", 3, ZMQ_SNDMORE);
    link_socket_send(socket, question->request, question->request_size, ZMQ_SNDMORE);
    link_socket_send(socket, status, strlen(status), ZMQ_SNDMORE);
    link_socket_send(socket, text, strlen(text), ZMQ_SNDMORE);
    link_socket_send(socket, user, welcome ? strlen(user) : 0, ZMQ_SNDMORE);
    link_socket_send(socket, "", 0, 0);
}

void link_zap_serve(struct link_zap *self, const struct link_keys *keys)
{
    struct question question;
    for (int i = 0; i < QUESTIONS_MAX && receive_question(self->socket, &question); i++) {
        char user[1 + LINK_KEY_SIZE] = {LINK_STRANGER_MARK};
        bool is_key = strcmp(question.mechanism, "CURVE") == 0 &&
                      question.key_size == RAW_KEY_SIZE &&
                      zmq_z85_encode(user + 1, question.key, RAW_KEY_SIZE) != NULL;
        bool is_known = is_key && link_keys_find(keys, user + 1) != SIZE_MAX;
        bool welcome = is_known || (is_key && self->admitted > 0);
        self->admitted -= welcome && !is_known;
        if (!welcome) {
            self->refused++;
            memcpy(self->last_refused, question.address, sizeof self->last_refused);
        }
        send_answer(self->socket, &question, welcome, is_known ? user + 1 : user);
    }
}

void link_zap_close(struct link_zap *self)
{
    if (self->socket != NULL)
        zmq_close(self->socket);
    self->socket = NULL;
}
