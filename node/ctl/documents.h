/* node/ctl/documents.h -- documents and their files, for tandemctl: checked, handed over, compared
 * with what is in force, and written to a folder. Each returns an exit status, and says on standard
 * error why it is not 0. Waits for the disk. */
#ifndef TANDEM_NODE_CTL_DOCUMENTS_H
#define TANDEM_NODE_CTL_DOCUMENTS_H

#include <jansson.h>
#include <stdbool.h>

/* Could it be served? */
int documents_check(const char *path);

/* The same, and a descriptor with all its files (replication/archive.h: archive_take_in). */
int documents_pack(const char *path, int *fd);

/* By the answer to "history": what is in force and what the file would make of it, as diff -u; path
 * NULL: the node's own file. 1: they differ. */
int documents_diff(const json_t *history, const char *path);

/* Is the document of the node's own file another than that which is in force? */
bool documents_file_differs(const json_t *history);

/* The files of a revision (0: of the one in force) into a folder. */
int documents_export(const json_t *history, const char *folder, long long revision);

#endif
