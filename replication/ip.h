/* replication/ip.h -- an IPv4 or IPv6 address as a value. */
#ifndef TANDEM_REPLICATION_IP_H
#define TANDEM_REPLICATION_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_TEXT_SIZE = 46 }; /* the longest text form and its NUL */

struct ip {
    uint8_t family;    /* 4, 6, or 0 for "none" */
    uint8_t bytes[16]; /* network order; IPv4 in the first four, the rest zero */
};

/* Reads the text forms of RFC 4291 §2.2 and dotted quads; false leaves *ip alone. */
bool ip_parse(const char *text, struct ip *ip);

/* Writes the text form (RFC 5952) into text[IP_TEXT_SIZE] and returns text; "none" for family 0. */
const char *ip_text(const struct ip *ip, char *text);

bool ip_equal(const struct ip *a, const struct ip *b);

#endif
