/* replication/bundle.h -- what a document consists of: its own text, and each file that is read for
 * its zones.
 *
 *   tandem bundle 1
 *   f7c3...e1 1432 tandem.yaml           the first is the document
 *   09aa...4c 612 tandem.example.zone    digest (BLAKE2b-256), bytes, name
 *
 * A name is what the document, or the zone file that includes it, calls the file; one name, one
 * file. The digest of this list is the bundle's. Pure. */
#ifndef TANDEM_REPLICATION_BUNDLE_H
#define TANDEM_REPLICATION_BUNDLE_H

#include <stdbool.h>

#include "replication/arena.h"
#include "replication/history_message.h"

enum {
    BUNDLE_FILES_MAX = 131072,
    BUNDLE_NAME_MAX = 1023,
    BUNDLE_HEX_SIZE = 2 * REVISION_DIGEST_SIZE + 1,
    BUNDLE_LINE_MAX = BUNDLE_HEX_SIZE + 22 + BUNDLE_NAME_MAX + 1,
    BUNDLE_LIST_SIZE_MAX = HISTORY_FILE_SIZE_MAX,
};

struct bundle_file {
    const char *name;
    uint8_t digest[REVISION_DIGEST_SIZE];
    uint64_t size; /* 0..HISTORY_FILE_SIZE_MAX */
};

struct bundle {
    size_t count; /* >= 1 */
    struct bundle_file *files;
    const struct bundle_file **by_name; /* sorted */
};

/* The list's text, of size bytes. False: it is none, or has a name twice, or the arena is too
 * small. The text need not outlive the call. */
bool bundle_parse(struct bundle *self, const char *text, size_t size, struct arena *arena);

/* NULL: it has no file of that name. O(log count). */
const struct bundle_file *bundle_find(const struct bundle *self, const char *name);

/* The first line, and one more, into line[BUNDLE_LINE_MAX + 1]; each returns its size. */
size_t bundle_begin(char *line);
size_t bundle_line(char *line, const struct bundle_file *file);

bool bundle_name_is_valid(const char *name);

void bundle_digest(const void *bytes, size_t size, uint8_t *digest);
/* In hex, NUL-terminated, into text[BUNDLE_HEX_SIZE]. */
void bundle_hex(const uint8_t *digest, char *text);
/* And back; false: it is no digest. */
bool bundle_from_hex(const char *text, uint8_t *digest);

#endif
