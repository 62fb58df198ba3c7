#include "failover/address.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

enum {
    ADDRESS_VALID_S_MAX = 3600,
    ADDRESS_DUMPS_MAX = 8 /* tries to list the addresses while somebody else changes them */
};

int address_open(struct address *self)
{
    assert(self != NULL);
    self->socket = nl_socket_alloc();
    if (self->socket == NULL)
        return -ENOMEM;
    if (nl_connect(self->socket, NETLINK_ROUTE) < 0) {
        address_close(self);
        return -EIO;
    }
    return 0;
}

void address_close(struct address *self)
{
    if (self->socket != NULL)
        nl_socket_free(self->socket);
    self->socket = NULL;
}

int address_interface(const char *name)
{
    unsigned index = if_nametoindex(name);
    if (index == 0)
        return errno == ENXIO ? -ENODEV : -errno;
    assert(index <= INT32_MAX);
    return (int)index;
}

static size_t ip_size(const struct ip *ip)
{
    assert(ip->family == 4 || ip->family == 6);
    return ip->family == 4 ? 4 : 16;
}

/* A request about one address, built in place: libnl takes 2 to 3 microseconds more of 15, and
 * allocates. */
struct request {
    struct nlmsghdr header;
    struct ifaddrmsg address;
    uint8_t attributes[96];
};

static void put(struct request *request, unsigned short type, const void *bytes, size_t size)
{
    const struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};
    size_t at = request->header.nlmsg_len - offsetof(struct request, attributes);
    assert(at + RTA_SPACE(size) <= sizeof request->attributes);
    memcpy(request->attributes + at, &attribute, sizeof attribute);
    memcpy(request->attributes + at + sizeof attribute, bytes, size);
    request->header.nlmsg_len += (uint32_t)RTA_SPACE(size);
}

/* The address as a host's, on the interface. */
static struct request request_of(uint16_t type, uint16_t flags, int interface, const struct ip *ip)
{
    assert(interface > 0);
    struct request request = {
        .header = {.nlmsg_len = offsetof(struct request, attributes),
                   .nlmsg_type = type,
                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)},
        .address = {.ifa_family = ip->family == 4 ? AF_INET : AF_INET6,
                    .ifa_prefixlen = (uint8_t)(ip_size(ip) * 8),
                    .ifa_index = (unsigned)interface},
    };
    /* Without ADDRESS the kernel would delete the address whatever its prefix is. */
    put(&request, IFA_LOCAL, ip->bytes, ip_size(ip));
    put(&request, IFA_ADDRESS, ip->bytes, ip_size(ip));
    return request;
}

/* Send a request and wait for the kernel's verdict, which is returned as it is: libnl's own error
 * numbers would lose which errno it was. What else waits is of an earlier request, and dropped. */
static int ask(struct address *self, struct nlmsghdr *request)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int fd = nl_socket_get_fd(self->socket);
    request->nlmsg_seq = ++self->sequence;
    if (sendto(fd, request, request->nlmsg_len, 0, (const struct sockaddr *)&kernel,
               sizeof kernel) < 0)
        return -errno;
    for (;;) {
        _Alignas(struct nlmsghdr) uint8_t bytes[1024];
        const struct nlmsghdr *answer = (const void *)bytes;
        const struct nlmsgerr *verdict = NLMSG_DATA(answer);
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got >= (ssize_t)NLMSG_LENGTH(sizeof *verdict) && answer->nlmsg_type == NLMSG_ERROR &&
            answer->nlmsg_seq == request->nlmsg_seq)
            return verdict->error;
    }
}

int address_lease(struct address *self, int interface, const struct ip *ip, uint32_t valid_s)
{
    assert(valid_s >= 1);
    assert(valid_s <= ADDRESS_VALID_S_MAX);
    bool is_ipv6 = ip->family == 6;
    const uint32_t flags = is_ipv6 ? IFA_F_NODAD | IFA_F_NOPREFIXROUTE : IFA_F_NOPREFIXROUTE;
    const struct ifa_cacheinfo lifetime = {.ifa_valid = valid_s,
                                           .ifa_prefered = is_ipv6 ? 0 : valid_s};
    /* NLM_F_REPLACE: one that is there already gets the new lifetime instead of EEXIST. */
    struct request request = request_of(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, interface, ip);
    put(&request, IFA_FLAGS, &flags, sizeof flags);
    put(&request, IFA_CACHEINFO, &lifetime, sizeof lifetime);
    return ask(self, &request.header);
}

int address_delete(struct address *self, int interface, const struct ip *ip)
{
    struct request request = request_of(RTM_DELADDR, 0, interface, ip);
    return ask(self, &request.header);
}

static bool is_same(struct rtnl_addr *address, const struct ip *ip)
{
    struct nl_addr *local = rtnl_addr_get_local(address);
    return local != NULL && nl_addr_get_family(local) == (ip->family == 4 ? AF_INET : AF_INET6) &&
           nl_addr_get_len(local) == ip_size(ip) &&
           memcmp(nl_addr_get_binary_addr(local), ip->bytes, ip_size(ip)) == 0;
}

/* Every address of the host, to be freed by the caller. 0 or -errno. */
static int list(struct address *self, struct nl_cache **all)
{
    int listed = -NLE_DUMP_INTR;
    for (int i = 0; listed == -NLE_DUMP_INTR && i < ADDRESS_DUMPS_MAX; i++)
        listed = rtnl_addr_alloc_cache(self->socket, all);
    if (listed < 0)
        return listed == -NLE_DUMP_INTR ? -EBUSY : -EIO;
    return 0;
}

/* The first IPv4 address of a subnet: the kernel deletes the subnet's other addresses with it
 * (unless promote_secondaries is set), and one of them may be the node's own. */
static bool takes_others_along(struct rtnl_addr *address)
{
    return rtnl_addr_get_family(address) == AF_INET && rtnl_addr_get_prefixlen(address) < 32 &&
           (rtnl_addr_get_flags(address) & IFA_F_SECONDARY) == 0;
}

int address_remove_residual(struct address *self, int interface, const struct ip *ip)
{
    /* First the form we would add, because the kernel's answer to that tells whether we may remove
     * addresses at all. */
    int error = address_delete(self, interface, ip);
    if (error < 0 && error != -EADDRNOTAVAIL)
        return error;
    int removed = error == 0;
    struct nl_cache *all = NULL;
    error = list(self, &all);
    if (error < 0)
        return error;
    for (struct nl_object *one = nl_cache_get_first(all); one != NULL && error == 0;
         one = nl_cache_get_next(one)) {
        struct rtnl_addr *address = (struct rtnl_addr *)one;
        struct nl_msg *request = NULL;
        if (rtnl_addr_get_ifindex(address) != interface || !is_same(address, ip))
            continue;
        if (takes_others_along(address))
            error = -EBUSY;
        else if (rtnl_addr_build_delete_request(address, NLM_F_REQUEST | NLM_F_ACK, &request) < 0)
            error = -ENOMEM;
        else
            error = ask(self, nlmsg_hdr(request));
        removed += error == 0;
        nlmsg_free(request);
    }
    nl_cache_free(all);
    return error < 0 ? error : removed;
}

int address_is_present(struct address *self, const struct ip *ip)
{
    struct nl_cache *all = NULL;
    int error = list(self, &all);
    if (error < 0)
        return error;
    int present = 0;
    for (struct nl_object *one = nl_cache_get_first(all); one != NULL && present == 0;
         one = nl_cache_get_next(one))
        present = is_same((struct rtnl_addr *)one, ip);
    nl_cache_free(all);
    return present;
}
