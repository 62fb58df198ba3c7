/* failover/address.h -- service addresses in the kernel, as leases.
 *
 * A leased address is added with a lifetime. Who holds it refreshes it in time; when the holder is
 * killed or frozen, the kernel removes it by itself, at whole seconds: a lease of 1 s ends 1.0 to
 * 2.6 s after its last refresh. So no dead node keeps an address.
 *
 * IPv4 is added as /32, IPv6 as /128 without duplicate detection (which would delay it by a second
 * and more, and latch a failure after a split) and with preferred lifetime 0, so that the kernel
 * never chooses it as the source of the node's own connections. Neither gets a prefix route.
 *
 * What is sent to a new IPv6 address the kernel takes in only when work that it has queued was
 * done: some milliseconds later on a busy host. A way is a local route to the address that bridges
 * this time. It has a lifetime as well, and beside the address it changes nothing.
 *
 * Blocking calls, about 0.1 ms each; one struct address serves one thread. */
#ifndef TANDEM_FAILOVER_ADDRESS_H
#define TANDEM_FAILOVER_ADDRESS_H

#include "replication/ip.h"

struct nl_sock;

struct address {
    struct nl_sock *socket; /* rtnetlink, commands only; NULL when closed */
};

/* 0 or -errno. */
int address_open(struct address *self);
/* Accepts one that was never opened, if it is zeroed. */
void address_close(struct address *self);

/* Index (> 0) of the interface of that name, or -errno; -ENODEV when there is none. */
int address_interface(const char *name);

/* Add the address to the interface, or refresh it, for valid_s seconds (1..3600) from now. 0 or
 * -errno: -EPERM without CAP_NET_ADMIN, -ENODEV when the interface is gone. */
int address_lease(struct address *self, int interface, const struct ip *ip, uint32_t valid_s);

/* Take in what is sent to this IPv6 address for valid_s seconds (1..3600) from now, to the
 * moment. 0 or -errno as address_lease. */
int address_open_way(struct address *self, int interface, const struct ip *ip, uint32_t valid_s);

/* Remove the address, leased or not, from the interface, and the way to it. 0 or -errno:
 * -EADDRNOTAVAIL when it was not there, -EPERM without CAP_NET_ADMIN even then. */
int address_delete(struct address *self, int interface, const struct ip *ip);

/* Remove the address from the interface in whatever form somebody left it there. The number
 * removed, 0 when there was none, or -errno as address_delete; -EBUSY when it is the first address
 * of an IPv4 subnet, with which the kernel would delete the others. Lists every address of the
 * host. */
int address_remove_residual(struct address *self, int interface, const struct ip *ip);

/* 1 when any interface of this host has the address, 0 when none has, or -errno. Lists every
 * address of the host: not for a loop. */
int address_is_present(struct address *self, const struct ip *ip);

#endif
