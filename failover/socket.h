/* failover/socket.h -- what the guardian's sockets have in common: how they are opened, and how a
 * refusal is told.
 *
 * Every one of them is non-blocking, closed on exec, and sent before all else on this host. An open
 * that fails says in one sentence what a person can do. */
#ifndef TANDEM_FAILOVER_SOCKET_H
#define TANDEM_FAILOVER_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ip;

enum {
    SOCKET_SENTENCE_SIZE = 512,
    SOCKET_TRAFFIC_CLASS = 0xc0,   /* CS6, network control (RFC 4594 §3.1) */
    SOCKET_PRIORITY = 6,           /* of the queue of the interface: before all but 7 */
    SOCKET_RECEIVE_BYTES = 262144, /* some seconds of the partner's datagrams */
};

struct socket_option {
    int level, name, value;
};

/* A socket with SOCK_NONBLOCK and SOCK_CLOEXEC, or -errno. */
int socket_open(int domain, int type, int protocol);

/* Set each option, in order; 0 or -errno of the first that fails. */
int socket_set(int fd, const struct socket_option *options, size_t count);

/* The options that mark what is sent to family 4 or 6 as network control. They go last: the kernel
 * derives the priority anew from the traffic class of IPv4. 0 or -errno. */
int socket_set_class(int fd, uint8_t family);

/* Bind to the address and port, whether or not the address is there yet. 0 or -errno. */
int socket_bind(int fd, const struct ip *ip, uint16_t port);

/* Close *fd if it is open, and mark it closed: -1. */
void socket_close(int *fd);

/* Write the sentence about what failed, with what a person can do about that error; returns it. */
int socket_refused(int error, char sentence[SOCKET_SENTENCE_SIZE], const char *what, ...)
    __attribute__((format(printf, 3, 4)));

#endif
