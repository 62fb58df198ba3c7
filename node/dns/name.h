/* node/dns/name.h -- domain names in wire form (RFC 1035 §3.1).
 *
 * A name is at most NAME_SIZE_MAX bytes of length-prefixed labels ending in the root label.
 * Comparison ignores the case of ASCII letters (RFC 4343); lookups use a lower-cased copy, answers
 * keep the case of the query. */
#ifndef TANDEM_NODE_DNS_NAME_H
#define TANDEM_NODE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAME_SIZE_MAX = 255, /* bytes, with the root label */
    NAME_LABEL_MAX = 63, /* bytes of one label */
    NAME_LABELS_MAX = 127,
    NAME_TEXT_MAX = 1024, /* text form with escapes and NUL always fits */
};

/* Size in bytes of the uncompressed name at bytes[0..size), or 0 when it is malformed, compressed
 * or does not end within size. */
size_t name_size(const uint8_t *bytes, size_t size);

/* Copy the name lower-cased into lower[NAME_SIZE_MAX]; returns its size. */
size_t name_lower(const uint8_t *name, uint8_t *lower);

bool name_equal(const uint8_t *a, const uint8_t *b);

/* Is name equal to or below ancestor? */
bool name_is_within(const uint8_t *name, const uint8_t *ancestor);

size_t name_label_count(const uint8_t *name); /* without the root label */

/* Parse text ("www.example", final dot optional, \DDD and \X escapes); false when it is no name. */
bool name_parse(const char *text, uint8_t *name, size_t *size);

/* Text form with final dot into text[NAME_TEXT_MAX]; returns text. */
const char *name_text(const uint8_t *name, char *text);

/* A keyed hash (SipHash) of a lower-cased name, so that nobody outside can choose names that
 * collide. */
uint64_t name_hash(const uint8_t *lower, size_t size, const uint8_t key[16]);

#endif
