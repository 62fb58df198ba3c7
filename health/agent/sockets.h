/* health/agent/sockets.h -- TCP sockets of this host's services, from the kernel (sock_diag).
 *
 * Needs no privilege. The kernel filters by local port: one dump a family for all ports. Counting
 * costs some 0.5 ms to walk the kernel's table (more where that is large), 0.1 us for each socket
 * of another port and 1 to 2 us for each that is counted. Listening sockets tell their accept
 * queue's length and limit, in less than a millisecond for all. A listener on :: serves both
 * families.
 *
 * Owned by one thread; a call blocks for as long as the dump takes, at most some seconds. */
#ifndef TANDEM_HEALTH_AGENT_SOCKETS_H
#define TANDEM_HEALTH_AGENT_SOCKETS_H

#include "health/report.h"

struct sockets;

/* For port_count ports, 1..REPORT_SERVICES_MAX. 0 or -errno. */
int sockets_open(struct sockets **sockets, const uint16_t *ports, size_t port_count);
void sockets_close(struct sockets *sockets); /* NULL is fine */

/* Set listening, queue and queue_max of the report's services, whose ports are those of the open.
 * 0, or -errno: the figures are as before, and the next call begins afresh. -ENOENT: this kernel
 * has no inet_diag. */
int sockets_listening(struct sockets *self, struct report *report);

/* Set sockets of the report's services. Likewise. */
int sockets_established(struct sockets *self, struct report *report);

#endif
