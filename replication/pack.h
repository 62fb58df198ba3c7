/* replication/pack.h -- MessagePack to and from bounded buffers.
 *
 * All that Tandem says over ZeroMQ is maps with small integer keys. Writing goes into a fixed
 * buffer and remembers overflow, so that a caller checks once at the end. Reading first scans the
 * bytes: depth, element counts against what is there, known type bytes, nothing left over. Only
 * then does msgpack-c see them (a few hostile bytes would otherwise make it ask for gigabytes). */
#ifndef TANDEM_REPLICATION_PACK_H
#define TANDEM_REPLICATION_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/ip.h"

enum {
    PACK_DEPTH_MAX = 8,
    PACK_KEY_MAX = 127,   /* of a map: one byte on the wire */
    PACK_SIZE_MAX = 65536 /* bytes of one message */
};

enum pack_reason {
    PACK_OK,
    PACK_EMPTY,
    PACK_TOO_LARGE,     /* more than PACK_SIZE_MAX bytes, or no memory to parse them */
    PACK_TOO_DEEP,      /* nested deeper than PACK_DEPTH_MAX */
    PACK_TOO_MANY,      /* declares more elements than bytes could hold */
    PACK_TRUNCATED,     /* ends inside an element */
    PACK_TRAILING,      /* bytes after the end */
    PACK_TYPE,          /* 0xc1, or an extension type */
    PACK_DUPLICATE_KEY, /* a map has a key twice */
    PACK_NOT_A_MAP,     /* the outermost element is no map, or the key of a map is no integer of
                           one byte, 0..PACK_KEY_MAX */
    PACK_REASON_COUNT
};

/* "too-deep", and so on: the word for logs, counters and tests. */
const char *pack_reason_text(enum pack_reason reason);

/* What was passed over, since only a later version knows what it means. */
enum pack_unknown {
    PACK_UNKNOWN_FIELD,       /* a key of a message */
    PACK_UNKNOWN_ELEMENT,     /* at the end of a list of a fixed length */
    PACK_UNKNOWN_KIND,        /* a record, or its version */
    PACK_UNKNOWN_VALUE_FIELD, /* a key of a record's value */
    PACK_UNKNOWN_COUNT
};

/* "unknown-field", and so on: the word of its counter. */
const char *pack_unknown_text(enum pack_unknown what);

/* ---- writing ---- */

struct pack_writer {
    uint8_t *bytes;
    size_t size, size_max;
    bool overflowed;
};

void pack_begin(struct pack_writer *self, uint8_t *bytes, size_t size_max);
void pack_map(struct pack_writer *self, uint32_t pairs);
void pack_array(struct pack_writer *self, uint32_t elements);
void pack_uint(struct pack_writer *self, uint64_t value);
void pack_bool(struct pack_writer *self, bool value);
void pack_text(struct pack_writer *self, const char *text);
void pack_bytes(struct pack_writer *self, const void *bytes, size_t size);
void pack_ip(struct pack_writer *self, const struct ip *ip);

/* ---- reading ---- */

/* One element; its texts and bytes lie in the buffer that was parsed. The type is msgpack-c's own
 * and is not to be looked into outside pack.c. */
struct msgpack_object;

/* What a parse allocates, used again for each: one chunk of 64 KiB that stays, and what a larger
 * message needs until the next parse, at most 48 bytes for each byte of the message. */
struct pack_space {
    void *zone;
    uint64_t unknown[PACK_UNKNOWN_COUNT]; /* passed over since it was opened */
};

void pack_space_open(struct pack_space *self);
void pack_space_close(struct pack_space *self);

/* Scan and parse one map of size bytes. On PACK_OK *map is valid until the next parse in the same
 * space and as long as bytes is. */
enum pack_reason pack_parse(struct pack_space *space, const uint8_t *bytes, size_t size,
                            const struct msgpack_object **map);

/* The value of a key in a map with integer keys, or NULL (also when map is NULL or no map). */
const struct msgpack_object *pack_get(const struct msgpack_object *map, uint64_t key);

/* Each is false (and leaves its outputs alone) when the object is NULL, of another type or out of
 * range. */
bool pack_get_uint(const struct msgpack_object *object, uint64_t max, uint64_t *value);
bool pack_get_bool(const struct msgpack_object *object, bool *value);
bool pack_get_text(const struct msgpack_object *object, const char **text, size_t *size);
bool pack_get_bytes(const struct msgpack_object *object, const uint8_t **bytes, size_t *size);

/* A copy of a text of 0..max bytes, all from `first` (' ' or '!') to '~', into text[max + 1]; of
 * bytes of exactly that size; of an address (4 or 16 bytes; none: family 0). */
bool pack_copy_text(const struct msgpack_object *object, char first, char *text, size_t max);
bool pack_copy_bytes(const struct msgpack_object *object, uint8_t *bytes, size_t size);
bool pack_copy_ip(const struct msgpack_object *object, struct ip *ip);

/* The keys from first to last, at most 63, as a set. */
static inline uint64_t pack_keys(unsigned first, unsigned last)
{
    return ~UINT64_C(0) >> (63 - last) & ~UINT64_C(0) << first;
}

/* Count the keys of a map that are not in this set; the elements of an array beyond so many. */
void pack_pass_keys(struct pack_space *self, enum pack_unknown what,
                    const struct msgpack_object *map, uint64_t known);
void pack_pass_elements(struct pack_space *self, const struct msgpack_object *array, size_t known);

bool pack_is_array(const struct msgpack_object *object);
/* Number of elements of an array (or pairs of a map); 0 when the object is NULL or neither. */
size_t pack_count(const struct msgpack_object *object);
/* Element of an array; NULL when there is none at this position, or the object is no array. */
const struct msgpack_object *pack_at(const struct msgpack_object *array, size_t position);

#endif
