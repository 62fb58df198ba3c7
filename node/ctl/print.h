/* node/ctl/print.h -- a node's answer, for people. */
#ifndef TANDEM_NODE_CTL_PRINT_H
#define TANDEM_NODE_CTL_PRINT_H

#include <jansson.h>

/* Print the answer to a command on standard output; what is missing in it is left out. */
void print_answer(const char *command, const json_t *answer);

#endif
