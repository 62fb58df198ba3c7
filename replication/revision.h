/* replication/revision.h -- one document of those that were in force, one after the other.
 *
 * A revision says what it consists of (the digest of its bundle: the document's text and the zone
 * files that it names), after which one it came, and who made it so, when and how. Its name is its
 * index and the digest of all of that, so that two nodes with one name in common have everything
 * before it in common as well.
 *
 * Bytes: a MessagePack map, part of the messages in replication/history_message.h. Pure. */
#ifndef TANDEM_REPLICATION_REVISION_H
#define TANDEM_REPLICATION_REVISION_H

#include "replication/pack.h"

enum {
    REVISION_ID_SIZE = 16,
    REVISION_DIGEST_SIZE = 32, /* BLAKE2b-256, of bundles and their files */
    REVISION_AUTHOR_MAX = 32,
    REVISION_WHAT_MAX = 63,
    REVISION_SIZE_MAX = 320, /* bytes of one encoded */
};

struct revision_name {
    uint64_t index; /* 1, 2, 3 ..., more than that of the one before; 0: none */
    uint8_t id[REVISION_ID_SIZE];
};

struct revision {
    struct revision_name name;
    struct revision_name parent; /* the one before; index 0: it is the first */
    uint64_t term;               /* of the writer that made it: see replication/history.h */
    uint8_t writer;              /* its number: 1 or 2 */
    uint32_t format;             /* of the document */
    uint64_t made_s;             /* when, since 1970, by the writer's clock */
    uint64_t until_s;            /* it ends then, unless it is confirmed; 0: it does not */
    uint8_t bundle[REVISION_DIGEST_SIZE]; /* what it consists of */
    char author[REVISION_AUTHOR_MAX + 1]; /* "root@ns1" */
    char what[REVISION_WHAT_MAX + 1];     /* "apply tandem.yaml", "rollback 3" */
};

/* Gives it the id that its other fields have. */
void revision_seal(struct revision *self);
/* Is that its id? */
bool revision_is_sealed(const struct revision *self);

/* Two digests of REVISION_DIGEST_SIZE bytes. */
bool revision_digest_equal(const uint8_t *a, const uint8_t *b);
bool revision_name_equal(const struct revision_name *a, const struct revision_name *b);

void revision_pack_name(struct pack_writer *writer, const struct revision_name *name);
bool revision_copy_name(const struct msgpack_object *object, struct revision_name *name);

void revision_pack(struct pack_writer *writer, const struct revision *self);
/* False when it is no revision, or its id is that of another. */
bool revision_copy(const struct msgpack_object *object, struct revision *self);

#endif
