/* replication/schema.h -- options as rows of a table.
 *
 * One row per option: key, type, range, unit, default, whether it is required, one sentence. The
 * row reads and checks the value, words the complaint and prints its entry of the manual. Every
 * complaint is at the offending word and says what was found and what was expected.
 *
 *   {"stale", SCHEMA_DURATION, SCHEMA_FIELD(struct document_pool, stale_ms), .min = 500,
 *    .max = 60000, .unit_ms = 1, .preset = "2s", .help = "A report older than this is no report."}
 *
 * Values that need more than one row to be judged are SCHEMA_LATER: the table knows the key, who
 * uses the table reads the value. */
#ifndef TANDEM_REPLICATION_SCHEMA_H
#define TANDEM_REPLICATION_SCHEMA_H

#include "replication/ip.h"
#include "replication/yaml.h"

enum {
    SCHEMA_NAME_MAX = 30,     /* bytes of a name */
    SCHEMA_DOMAIN_SIZE = 255, /* a domain name as text and its NUL (RFC 1035 §2.3.4) */
    SCHEMA_KEY_SIZE = 41,     /* Z85 text of a key and its NUL */
    SCHEMA_KEYS_MAX = 2,      /* while one is exchanged for another */
    SCHEMA_EXPECTED_SIZE = 128,
};

enum schema_type {
    SCHEMA_NUMBER,    /* digits, min..max, into an integer of 1, 2 or 4 bytes */
    SCHEMA_DURATION,  /* 500ms, 5s, 2m, 1h; min..max in ms, into an integer of unit_ms */
    SCHEMA_BOOLEAN,   /* true or false, into a bool */
    SCHEMA_WORD,      /* `expected` itself; not stored */
    SCHEMA_NAME,      /* of [a-z0-9-], into a const char *, like the next three */
    SCHEMA_DOMAIN,    /* a domain name; stored in lower case without the final dot */
    SCHEMA_PATH,      /* not empty */
    SCHEMA_INTERFACE, /* a name that Linux allows */
    SCHEMA_KEYS, /* a public key in Z85, or a list of at most SCHEMA_KEYS_MAX different ones, into
                         char[SCHEMA_KEYS_MAX][SCHEMA_KEY_SIZE]; never repeated in words */
    SCHEMA_IP,   /* an address of one host, into struct ip */
    SCHEMA_IP_PAIR, /* one, or a list of at most one of each family, into struct ip[2] */
    SCHEMA_IPS,     /* a list of 1..max different ones, into struct ip[max] */
    SCHEMA_PORTS,   /* a list of 1..max different ports, into uint16_t[max] */
    SCHEMA_SECTION, /* a map with rows of its own, about the same struct */
    SCHEMA_ENTRIES, /* a map of 1..max names to maps with rows of their own. Each is a struct of
                         entry_size that begins with `const char *name`. In place when the field has
                         room for max of them, else in the arena and the field points to them */
    SCHEMA_LATER,   /* as `expected` says; not stored */
};

struct schema_option {
    const char *key; /* NULL ends a table */
    enum schema_type type;
    size_t offset, size; /* of the field; size 0: not stored */
    size_t count_offset; /* lists and entries: of their size_t count */
    int64_t min, max;
    int64_t unit_ms;
    bool required;
    const char *preset; /* the default, as one would write it, when there is one */
    const struct schema_option *options;
    size_t entry_size;
    const char *expected; /* in words; NULL: the type says it */
    const char *help;     /* one sentence for the manual */
};

#define SCHEMA_FIELD(type, member)                                                                 \
    .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define SCHEMA_COUNT(type, member) .count_offset = offsetof(type, member)

/* The key "format" of the root must be there and be ours. Checked first, so that a newer file is
 * called newer and not mistaken. */
bool schema_check_format(const struct yaml_file *file, const struct yaml_node *root, unsigned ours);

/* Read a map by its rows into *target, with the defaults of what is not there. False with a
 * complaint: an unknown key (with a suggestion when one is near), a missing one, a value that its
 * row refuses. */
bool schema_read(const struct yaml_file *file, const struct yaml_node *map,
                 const struct schema_option *options, void *target);

/* Read one value by its row (of any type but SECTION, ENTRIES and LATER) into *target. */
bool schema_value(const struct yaml_file *file, const struct yaml_node *value,
                  const struct schema_option *option, void *target);

/* The text of a domain name in lower case without the final dot into domain[SCHEMA_DOMAIN_SIZE];
 * false when it is none. Labels are of letters, digits, '-', '_' and '/' (RFC 2317). */
bool schema_domain(const char *text, char *domain);

/* 1..SCHEMA_NAME_MAX of [a-z0-9-], not beginning or ending with '-'. */
bool schema_name(const char *text);

/* What is expected, in words: the row's own, or made in words[SCHEMA_EXPECTED_SIZE]. */
const char *schema_words(const struct schema_option *option, char *words);

/* Complaints; always false. "found 'x', expected y" about a value, about its key, and in a
 * sentence of one's own about a value or about its key (or the map itself where there is none). */
bool schema_expected(const struct yaml_file *file, const struct yaml_node *value,
                     const char *expected);
bool schema_expected_key(const struct yaml_file *file, const struct yaml_node *value,
                         const char *expected);
__attribute__((format(printf, 3, 4))) bool
schema_refuse(const struct yaml_file *file, const struct yaml_node *value, const char *format, ...);
__attribute__((format(printf, 3, 4))) bool schema_refuse_key(const struct yaml_file *file,
                                                             const struct yaml_node *value,
                                                             const char *format, ...);
bool schema_refuse_memory(const struct yaml_file *file, const struct yaml_node *value);

/* The nearest of the words offered to a mistyped one, if it is near enough to be meant. */
struct schema_nearest {
    const char *word;
    const char *best;  /* NULL: none */
    unsigned distance; /* of best */
};

void schema_offer(struct schema_nearest *self, const char *candidate);

/* A page of 80 columns into text[size]: the introduction, then an entry for each row, with those
 * below it indented. Returns the bytes used without the NUL. Cut when it does not fit. */
size_t schema_manual(const char *introduction, const struct schema_option *options, char *text,
                     size_t size);

#endif
