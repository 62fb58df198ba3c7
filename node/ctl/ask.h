/* node/ctl/ask.h -- a question to a node, through its socket (node/control.h), and the answer. */
#ifndef TANDEM_NODE_CTL_ASK_H
#define TANDEM_NODE_CTL_ASK_H

#include <jansson.h>
#include <stdbool.h>

enum { ASK_ANSWER_MAX = 64 << 20 }; /* bytes */

/* The socket of the node that runs here, into path[size], if that is one: how many do. */
size_t ask_find(char *path, size_t size);

/* A connection, on which nothing is waited for longer than so; or -errno. The caller closes it. */
int ask_connect(const char *path, int wait_s);

/* Ask, handing over passed_fd (-1: nothing), and wait for the answer; the caller's. NULL when there
 * is none in time, or none that is JSON. */
json_t *ask(int fd, const json_t *request, int passed_fd);

#endif
