/* node/audit.h -- who had which node do what: lines of JSON, on both nodes, only ever appended.
 *
 *   {"at":"2026-11-27T19:25:03.123Z","node":"ns1","who":"root@ns1","what":"drain",
 *    "subject":"media1","because":"disk"}
 *
 *   directory/audit    the lines; when it has AUDIT_SIZE_MAX bytes it becomes
 *   directory/audit.1  in the place of the one before
 *
 * A node writes what was ordered of it, and what its partner tells of itself, also later, when they
 * hear each other again: the last 64 of it. Files wait for the disk; for the disk's thread. */
#ifndef TANDEM_NODE_AUDIT_H
#define TANDEM_NODE_AUDIT_H

#include "node/transition.h"

enum {
    AUDIT_LINE_MAX = 512, /* bytes, with the newline and the NUL */
    AUDIT_SIZE_MAX = 4 << 20,
};

/* One line, newline included, into line[AUDIT_LINE_MAX]. wall_ms: since 1970. */
void audit_line(char *line, int64_t wall_ms, const char *node, const struct transition *told);

/* 0 or -errno: then nothing of it is in the file. */
int audit_append(const char *directory, const char *line);

/* When that line was written, by its "at"; 0: not about that node, or no line of ours. Pure. */
int64_t audit_line_ms(const char *line, size_t size, const char *node);

/* When the last line about that node was written, by its "at"; 0: there is none, or no file. */
int64_t audit_last_ms(const char *directory, const char *node);

#endif
