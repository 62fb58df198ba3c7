/* failover/tripwire.h -- one idle TCP connection between the guardians, there to break.
 *
 * When a process is killed its kernel closes its sockets, and the partner is told within a
 * millisecond, where silence takes five intervals. (The kernel frees memory before it closes
 * sockets, 0.1 ms a megabyte: therefore a guardian is small.)
 *
 *   primary: listens, takes the partner alone        secondary: dials, again after 100 ms .. 1 s
 *
 * The partner's newest connection replaces an older one. Strangers are dropped by a filter before
 * their connection exists. What is read is counted and means nothing.
 *
 * Only a partner's kernel that ends the connection breaks it: by reset, or by closing. That nothing
 * comes back at all says as much about the way as about the partner: it is LOST after some seconds
 * and dialled anew, which is no sign of death (silence is told by beats, far sooner).
 *
 * Non-blocking; one thread. Needs no capability. */
#ifndef TANDEM_FAILOVER_TRIPWIRE_H
#define TANDEM_FAILOVER_TRIPWIRE_H

#include "failover/socket.h"
#include "replication/ip.h"

enum {
    TRIPWIRE_REDIAL_MS_MIN = 100, /* doubling from there */
    TRIPWIRE_REDIAL_MS_MAX = 1000,
};

enum tripwire_event {
    TRIPWIRE_NOTHING,
    TRIPWIRE_UP,
    TRIPWIRE_RESET,   /* broken: the partner's kernel knows nothing of the connection any more */
    TRIPWIRE_CLOSED,  /* broken: the partner's guardian ended, or its kernel did it for it */
    TRIPWIRE_LOST,    /* no sign of death: the way to the partner is interrupted */
    TRIPWIRE_REFUSED, /* dialling, nobody listens there: its host lives, its guardian does not */
};

struct tripwire {
    int epoll_fd;  /* watch it for reading; -1: closed */
    int listen_fd; /* the primary's; -1 */
    int fd;        /* the connection, or the dial under way; -1 */
    int timer_fd;  /* the secondary's next dial; -1 */
    bool is_up;
    int redial_ms;
    struct ip own, partner;
    uint16_t port;
    uint64_t bytes_read;
};

/* The addresses are of one family; the own one need not be there yet. listens: the primary. 0, or
 * -errno and a sentence. tripwire_close in either case. */
int tripwire_open(struct tripwire *self, const struct ip *own, const struct ip *partner,
                  uint16_t port, bool listens, char sentence[SOCKET_SENTENCE_SIZE]);
/* Accepts one that is half open, closed, or zeroed but for its descriptors of -1. */
void tripwire_close(struct tripwire *self);

/* What happened next; NOTHING: no more is waiting. A few system calls at most. */
enum tripwire_event tripwire_read(struct tripwire *self);

const char *tripwire_word(enum tripwire_event event);

#endif
