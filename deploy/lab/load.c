/* tandem-lab-load ADDRESS PORT N: clients of a server, as far as its sockets can tell.
 *
 * Opens N TCP connections one after the other (about 30 microseconds each in the lab), says
 * "holding N" on stdout, and holds them until it is ended by a signal, which closes them all. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "deploy/lab/limits.h"

enum {
    CONNECT_TIMEOUT_S = 5,
    DESCRIPTORS_OWN = 16, /* what the process itself needs */
    EXIT_USAGE = 100,
    EXIT_SYSTEM = 111,
};

static void open_one(const struct addrinfo *to, unsigned long number, char **argv)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
        connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        fprintf(stderr, "tandem-lab-load: connection %lu to %s port %s: %s\n", number, argv[1],
                argv[2], strerror(errno == EINPROGRESS ? ETIMEDOUT : errno));
        exit(EXIT_SYSTEM);
    }
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long count = argc == 4 ? strtoul(argv[3], &end, 10) : 0;
    if (end == NULL || *end != '\0' || count == 0) {
        fputs("usage: tandem-lab-load ADDRESS PORT N\n", stderr);
        return EXIT_USAGE;
    }
    rlim_t descriptors = limits_raise_descriptors();
    if (count + DESCRIPTORS_OWN > descriptors) {
        fprintf(stderr, "tandem-lab-load: %lu connections need as many descriptors; %lu allowed\n",
                count, (unsigned long)descriptors);
        return EXIT_SYSTEM;
    }
    struct addrinfo *to = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    int error = getaddrinfo(argv[1], argv[2], &hints, &to);
    if (error != 0) {
        fprintf(stderr, "tandem-lab-load: %s port %s: %s\n", argv[1], argv[2], gai_strerror(error));
        return EXIT_USAGE;
    }
    for (unsigned long i = 1; i <= count; i++)
        open_one(to, i, argv);
    freeaddrinfo(to);
    printf("holding %lu\n", count);
    fflush(stdout);
    for (;;)
        pause();
}
