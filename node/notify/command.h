/* node/notify/command.h -- the command that is told an event: a program, run without a shell, in a
 * process group of its own, with the event in its environment:
 *
 *   TANDEM_ID        ns1-17-1795829183: the same however often it is told
 *   TANDEM_AT        seconds since 1970
 *   TANDEM_NODE TANDEM_AREA TANDEM_SUBJECT TANDEM_FROM TANDEM_TO TANDEM_REASON
 *                    as tandemctl events has them; FROM may be empty
 *   TANDEM_TRY       1, 2 ...
 *   TANDEM_MISSED    events that were dropped so far, as too many waited
 *
 * It reads nothing, and says what it has to say to where this program does. */
#ifndef TANDEM_NODE_NOTIFY_COMMAND_H
#define TANDEM_NODE_NOTIFY_COMMAND_H

#include <sys/types.h>

#include "node/notify/outbox.h"

enum { COMMAND_ID_SIZE = 128 };

struct command {
    pid_t pid;  /* 0: it does not run */
    int pid_fd; /* readable when it has ended; -1 */
};

/* The id of an event, into id[COMMAND_ID_SIZE]. */
void command_id(const struct outbox_event *event, char *id);

/* Run it for the first event that waits. 0 or -errno. */
int command_run(struct command *self, const char *path, const struct outbox *outbox);
/* Kill it, with all that is in its group. */
void command_kill(const struct command *self);
/* True when it has ended: its exit status, or 128 and its signal. */
bool command_has_ended(struct command *self, int *status);

#endif
