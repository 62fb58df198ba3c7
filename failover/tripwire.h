/* failover/tripwire.h -- one idle TCP connection between the guardians, there to break.
 *
 * When a process is killed its kernel closes its sockets: the partner is told within a millisecond,
 * where silence takes five intervals. A guardian is small so that this holds (the kernel frees
 * memory before it closes sockets). The primary listens, the secondary dials, again every
 * TRIPWIRE_REDIAL_MS. Only the partner's address is accepted; its newest connection replaces an
 * older one. What is read is dropped. Non-blocking; one thread. */
#ifndef TANDEM_FAILOVER_TRIPWIRE_H
#define TANDEM_FAILOVER_TRIPWIRE_H

#include "replication/ip.h"

enum { TRIPWIRE_REDIAL_MS = 200 };

enum tripwire_event { TRIPWIRE_NOTHING, TRIPWIRE_UP, TRIPWIRE_BROKEN, TRIPWIRE_REFUSED };

struct tripwire {
    int epoll_fd;  /* readable when tripwire_read() is to be called; -1: closed */
    int listen_fd; /* the primary's; -1 */
    int fd;        /* the connection; -1 */
    int timer_fd;  /* the secondary's, for the next dial */
    bool is_up;
    struct ip own, partner;
    uint16_t port;
};

/* The own address need not be there yet. 0 or -errno. */
int tripwire_open(struct tripwire *self, const struct ip *own, const struct ip *partner,
                  uint16_t port, bool listens);
void tripwire_close(struct tripwire *self);

/* What happened; call until NOTHING. */
enum tripwire_event tripwire_read(struct tripwire *self);

#endif
