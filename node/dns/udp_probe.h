/* node/dns/udp_probe.h -- a DNS thread's end of the guardian's probes.
 *
 * The guardian asks each thread by itself: on a socket of the thread's own, bound to the node's own
 * address, whose port stands in the shared page. The thread serves it in the loop that serves its
 * other sockets and answers with the function that answers everybody, so who hears from it knows
 * that resolvers do. A probe is a struct page_probe and a query behind it; its answer the same
 * struct and the answer. Nothing else is served there, and nobody but this host. */
#ifndef TANDEM_NODE_DNS_UDP_PROBE_H
#define TANDEM_NODE_DNS_UDP_PROBE_H

#include "node/dns/udp.h"

struct udp_probe {
    int fd; /* -1: none */
    struct ip address;
    uint32_t thread;
    uint64_t boot;
};

/* Bind the socket of this thread and write its port into the page. 0, or -errno with a sentence in
 * error[SOCKET_ERROR_MAX]. */
int udp_probe_open(struct udp_probe *self, const struct ip *address, struct page *page,
                   size_t thread, char *error);
void udp_probe_close(struct udp_probe *self);

/* Serve the probes that wait, at most a few; counted apart from queries. The calling thread is a
 * registered reader of the publisher. */
void udp_probe_serve(struct udp_probe *self, const struct publisher *publisher, uint64_t *dice,
                     struct udp_counts *counts);

#endif
