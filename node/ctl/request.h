/* node/ctl/request.h -- the words of a command, and what the node is asked by them. */
#ifndef TANDEM_NODE_CTL_REQUEST_H
#define TANDEM_NODE_CTL_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

struct arguments {
    const char *socket; /* NULL: the only one of /run/tandem */
    bool json, back, alone;
    long confirm_s;          /* 0: it needs no confirmation */
    const char *because;     /* NULL: not said */
    long for_s;              /* 0: without end */
    const char *pool, *uses; /* of a token */
    const char *prefixes[2]; /* likewise */
    const char *command;
    int count; /* words after the command */
    char **words;
};

/* NULL when the words are no command. */
json_t *make_request(const struct arguments *arguments);

#endif
