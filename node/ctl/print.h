/* node/ctl/print.h -- a node's answer, for people. */
#ifndef TANDEM_NODE_CTL_PRINT_H
#define TANDEM_NODE_CTL_PRINT_H

#include <jansson.h>

enum { PRINT_REFUSED = 100, PRINT_SYSTEM = 111 }; /* exit status: it cannot be; the system */

/* One sentence on standard error; returns status. */
__attribute__((format(printf, 2, 3))) int print_failure(int status, const char *format, ...);

/* Print the answer to a command on standard output; what is missing in it is left out. */
void print_answer(const char *command, const json_t *answer);

#endif
