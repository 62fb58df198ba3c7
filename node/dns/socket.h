/* node/dns/socket.h -- bound sockets for DNS, or a sentence that says why not.
 *
 * Every socket is bound to one address, with IP_FREEBIND: the address need not be there yet, may
 * come and go, and an answer leaves from the address that was asked, with no further word. */
#ifndef TANDEM_NODE_DNS_SOCKET_H
#define TANDEM_NODE_DNS_SOCKET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "replication/ip.h"

enum {
    SOCKET_ERROR_MAX = 256,
    SOCKET_RECEIVE_BYTES = 4 << 20, /* asked for; the kernel grants up to net.core.rmem_max */
    SOCKET_BACKLOG = 1024,          /* connections not yet accepted; up to net.core.somaxconn */
};

union socket_name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Bind a non-blocking UDP socket to address and *port; port 0: the kernel chooses, and *port is
 * what it chose. The first of a set is bound as if alone, so that another program on that port is
 * noticed even if it would share; then it shares with the others of its set (SO_REUSEPORT), among
 * which the kernel spreads the clients. Returns the descriptor, or -errno with a sentence in
 * error[SOCKET_ERROR_MAX]. */
int socket_open_udp(const struct ip *address, uint16_t *port, bool is_first, char *error);

/* The same for a listening TCP socket, whose connections inherit TCP_NODELAY. */
int socket_open_tcp(const struct ip *address, uint16_t *port, char *error);

/* The sentence for a socket that could not be had: what happened and what to do. */
void socket_explain(int error_number, const char *protocol, const struct ip *address, uint16_t port,
                    char *error);

/* The address and port of a client. */
struct ip socket_ip(const union socket_name *name);
uint16_t socket_port(const union socket_name *name);

#endif
