/* replication/history_message.h -- what two nodes tell each other of the documents they have.
 *
 *   key 0 is the type; then:
 *   STATE     1 term  2 writer  3 [name]  4 prepared (a name, or absent)  5 refused (likewise)
 *             6 why  7 served (a name)
 *   WANT      1 name                                 a revision is asked for
 *   REVISION  1 revision                             and told
 *   WANT_PIECE 1 digest  2 offset                    a piece of a file is asked for
 *   PIECE     1 digest  2 offset  3 size  4 bytes    and told; size is the whole file's
 *
 * A name is [index, id]. The types are beside those of replication/message.h, on the same
 * connection. Pure. */
#ifndef TANDEM_REPLICATION_HISTORY_MESSAGE_H
#define TANDEM_REPLICATION_HISTORY_MESSAGE_H

#include "replication/revision.h"

enum {
    HISTORY_MAX = 32, /* revisions kept, of which any can be gone back to */
    HISTORY_SENTENCE_MAX = 511,
    HISTORY_PIECE_MAX = 32768,
    HISTORY_MESSAGE_SIZE_MAX = HISTORY_PIECE_MAX + 256,
    HISTORY_FILE_SIZE_MAX = 64 << 20, /* bytes of one file of a bundle */
};

enum history_message_type {
    HISTORY_STATE = 32,
    HISTORY_WANT = 33,
    HISTORY_REVISION = 34,
    HISTORY_WANT_PIECE = 35,
    HISTORY_PIECE = 36,
};

struct history_state {
    uint64_t term;
    uint8_t writer;
    size_t count;                            /* 0..HISTORY_MAX */
    struct revision_name names[HISTORY_MAX]; /* of those kept, the newest last */
    struct revision_name prepared; /* stored and checked, not yet in force; index 0: none */
    struct revision_name refused;  /* one of the partner's that cannot be in force here, */
    char why[HISTORY_SENTENCE_MAX + 1];
    struct revision_name served; /* what is answered by */
};

struct history_piece {
    uint8_t digest[REVISION_DIGEST_SIZE];
    uint64_t offset, file_size;
    size_t size;          /* 0..HISTORY_PIECE_MAX */
    const uint8_t *bytes; /* into the message, when decoded */
};

struct history_message {
    enum history_message_type type;
    union {
        struct history_state state;
        struct revision_name want;
        struct revision revision;
        struct history_piece piece; /* WANT_PIECE, PIECE */
    };
};

/* Is it one of these, by its first bytes? */
bool history_message_is(const uint8_t *bytes, size_t size);

/* Into bytes[HISTORY_MESSAGE_SIZE_MAX]; returns the size. */
size_t history_message_encode(const struct history_message *self, uint8_t *bytes);
/* False: refused, and *self is undefined. */
bool history_message_decode(struct history_message *self, struct pack_space *space,
                            const uint8_t *bytes, size_t size);

#endif
