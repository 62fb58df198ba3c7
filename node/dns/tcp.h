/* node/dns/tcp.h -- DNS over TCP (RFC 7766): one thread, one epoll.
 *
 * Pipelined queries are answered in order. A connection ends after TCP_IDLE_MS without a whole
 * query, when it does not take its answers for TCP_IDLE_MS, and, oldest idle first, when more than
 * TCP_CONNECTIONS_MAX are open. */
#ifndef TANDEM_NODE_DNS_TCP_H
#define TANDEM_NODE_DNS_TCP_H

#include "node/dns/udp.h"

enum { TCP_CONNECTIONS_MAX = 1024, TCP_IDLE_MS = 10000 };

struct tcp;

/* Takes the addresses, port and publisher of the configuration. 0, or -errno with a sentence in
 * error[256]. */
int tcp_open(struct tcp **tcp, const struct udp_config *config, char *error);
void tcp_close(struct tcp *tcp);

const struct udp_counts *tcp_counts(const struct tcp *tcp);

#endif
