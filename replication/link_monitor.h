/* replication/link_monitor.h -- what happens to a socket's connections.
 *
 * ZeroMQ's I/O thread writes each event to an in-process PAIR and *waits* when nobody takes it, so
 * the reading end has no queue limit, is connected before the first event, and is closed only after
 * the events were stopped. Part of the link; nobody else includes it. */
#ifndef TANDEM_REPLICATION_LINK_MONITOR_H
#define TANDEM_REPLICATION_LINK_MONITOR_H

struct link_monitor {
    void *watched; /* the socket whose events these are; NULL: not open */
    void *socket;  /* the reading end */
};

/* events: ZMQ_EVENT_* ored. 0 or -errno. */
int link_monitor_open(struct link_monitor *self, void *context, void *watched, int events);

/* One ZMQ_EVENT_*, or 0 when there is none just now. */
int link_monitor_next(struct link_monitor *self);

/* Before the watched socket is closed. Takes a zeroed or half-open one. */
void link_monitor_close(struct link_monitor *self);

#endif
