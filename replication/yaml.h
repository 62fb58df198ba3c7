/* replication/yaml.h -- YAML text to a tree whose every node knows its place.
 *
 * A small part of YAML: maps, lists and texts of one line, one document. Anchors, aliases, tags,
 * directives and control characters are refused: a configuration is read by people. Depth, number
 * and sizes are bounded, also before libyaml works on them, as some of its loops are quadratic.
 * The tree lies in the arena; libyaml's own memory is given back before the call ends. */
#ifndef TANDEM_REPLICATION_YAML_H
#define TANDEM_REPLICATION_YAML_H

#include <stdbool.h>

#include "replication/seen.h"

enum {
    YAML_DEPTH_MAX = 8,
    YAML_NODES_MAX = 1 << 20,
    YAML_TEXT_MAX = 1024,      /* bytes of one text */
    YAML_STRETCH_MAX = 131072, /* bytes from one value to the next: comments and blank lines */
    YAML_ERROR_MAX = 512,
};

/* The file that is read, for everything that reads it. */
struct yaml_file {
    const char *name;    /* in complaints only */
    struct arena *arena; /* what the tree and all made of it lie in */
    char *error;         /* YAML_ERROR_MAX bytes: the first complaint */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    uint32_t line, column;          /* where it begins, from 1; columns are characters */
    const char *text;               /* YAML_SCALAR: "" when nothing is there */
    const char *key;                /* in a map; else NULL */
    uint32_t key_line, key_column;  /* of the key */
    struct yaml_node *first, *next; /* children; the next of the same parent */
    size_t count;                   /* of children */
};

/* The tree of text[0..size), or NULL with a complaint. The text is not needed afterwards. */
const struct yaml_node *yaml_parse(const struct yaml_file *file, const char *text, size_t size);

/* The value of a key, or NULL. O(count). */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Complain in one line, "name:line:column: sentence". Always false. */
__attribute__((format(printf, 4, 5))) bool yaml_refuse(const struct yaml_file *file, size_t line,
                                                       size_t column, const char *format, ...);

/* Add a word with its line and column to what may occur once. False with a complaint there when it
 * was seen before: "found 'text' a second time, expected ...; the first is in line 7". text NULL:
 * it is not to be repeated. */
bool yaml_once(const struct yaml_file *file, struct seen *seen, const struct seen_word *word,
               const char *text, const char *expected);

#endif
