/* node/dns/zone_lines.h -- the text of a zone file to logical lines (RFC 1035 §5.1).
 *
 * Comments are dropped, parentheses join lines, quotes and escapes keep what they protect. ldns
 * would accept an unclosed quote or parenthesis in silence; here it is a mistake at the line where
 * it begins. */
#ifndef TANDEM_NODE_DNS_ZONE_LINES_H
#define TANDEM_NODE_DNS_ZONE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZONE_LINE_MAX = 10000 }; /* bytes; below ldns's own limit of 10230 */

struct zone_lines {
    const char *text, *end;
    uint32_t line;       /* of the next byte, from 1 */
    uint32_t start_line; /* where the logical line began */
    bool begins_blank;   /* the line begins with a space: its owner is the one before */
    bool after_blank;    /* words are kept apart by one space */
    size_t size;
    char bytes[ZONE_LINE_MAX + 1]; /* the logical line, NUL-terminated */
    const char *mistake;           /* a sentence, when zone_lines_next said ZONE_LINES_MISTAKE */
};

enum zone_lines_result { ZONE_LINES_LINE, ZONE_LINES_END, ZONE_LINES_MISTAKE };

void zone_lines_open(struct zone_lines *self, const char *text, size_t size);

/* The next logical line that is not empty. A mistake is at start_line. */
enum zone_lines_result zone_lines_next(struct zone_lines *self);

/* Read a time: "3600", "1h30m" (the units s, m, h, d, w as BIND has them), at most 2^31 - 1 s (RFC
 * 2181 §8). False when it is none. */
bool zone_lines_seconds(const char *word, uint32_t *seconds);

/* Cut the next word off *rest: returns it, NUL-terminated in place, or NULL at the end. Quotes
 * stay. */
char *zone_lines_word(char **rest);

#endif
