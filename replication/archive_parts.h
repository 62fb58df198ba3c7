/* replication/archive_parts.h -- what archive.c and archive_bundle.c share; nobody else's. */
#ifndef TANDEM_REPLICATION_ARCHIVE_PARTS_H
#define TANDEM_REPLICATION_ARCHIVE_PARTS_H

#include "replication/archive.h"

/* STATE/name, and where a file lies, into path[ARCHIVE_PATH_MAX]. */
void archive_path(const struct archive *self, const char *name, char *path);
void archive_file_path(const struct archive *self, const uint8_t *digest, char *path);

#endif
