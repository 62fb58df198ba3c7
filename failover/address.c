#include "failover/address.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <string.h>
#include <sys/socket.h>

enum {
    ADDRESS_VALID_S_MAX = 3600,
    ADDRESS_DUMPS_MAX = 8, /* tries to list the addresses while somebody else changes them */
    ADDRESS_WAY_METRIC = 1 /* the kernel's own route to an address has 0: both must be able to be */
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

/* The address on the interface as libnl knows it, or NULL without memory. The caller puts it. */
static struct rtnl_addr *host_address(int interface, const struct ip *ip)
{
    assert(interface > 0);
    struct rtnl_addr *address = rtnl_addr_alloc();
    struct nl_addr *local =
        nl_addr_build(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, ip_size(ip));
    if (address != NULL && local != NULL) {
        nl_addr_set_prefixlen(local, (int)ip_size(ip) * 8);
        rtnl_addr_set_ifindex(address, interface);
        if (rtnl_addr_set_local(address, local) < 0) {
            rtnl_addr_put(address);
            address = NULL;
        }
    } else if (address != NULL) {
        rtnl_addr_put(address);
        address = NULL;
    }
    if (local != NULL)
        nl_addr_put(local);
    return address;
}

static int take_error(struct sockaddr_nl *from, struct nlmsgerr *answer, void *error)
{
    (void)from;
    *(int *)error = answer->error;
    return NL_STOP;
}

static int take_success(struct nl_msg *answer, void *error)
{
    (void)answer;
    *(int *)error = 0;
    return NL_STOP;
}

/* Send a request and wait for the kernel's verdict, which is returned as it is: libnl's own error
 * numbers would lose which errno it was. Frees the message. */
static int ask(struct address *self, struct nl_msg *request)
{
    int error = -EIO;
    struct nl_cb *answers = nl_cb_alloc(NL_CB_DEFAULT);
    if (answers == NULL) {
        nlmsg_free(request);
        return -ENOMEM;
    }
    nl_cb_err(answers, NL_CB_CUSTOM, take_error, &error);
    nl_cb_set(answers, NL_CB_ACK, NL_CB_CUSTOM, take_success, &error);
    if (nl_send_auto(self->socket, request) >= 0)
        nl_recvmsgs(self->socket, answers);
    nl_cb_put(answers);
    nlmsg_free(request);
    return error;
}

int address_lease(struct address *self, int interface, const struct ip *ip, uint32_t valid_s)
{
    assert(valid_s >= 1);
    assert(valid_s <= ADDRESS_VALID_S_MAX);
    struct rtnl_addr *address = host_address(interface, ip);
    if (address == NULL)
        return -ENOMEM;
    bool is_ipv6 = ip->family == 6;
    rtnl_addr_set_flags(address, is_ipv6 ? IFA_F_NODAD | IFA_F_NOPREFIXROUTE : IFA_F_NOPREFIXROUTE);
    rtnl_addr_set_valid_lifetime(address, valid_s);
    rtnl_addr_set_preferred_lifetime(address, is_ipv6 ? 0 : valid_s);
    struct nl_msg *request = NULL;
    /* NLM_F_REPLACE: one that is there already gets the new lifetime instead of EEXIST. */
    int built = rtnl_addr_build_add_request(address, NLM_F_CREATE | NLM_F_REPLACE, &request);
    rtnl_addr_put(address);
    return built < 0 ? -ENOMEM : ask(self, request);
}

/* The way to an IPv6 address: made or made anew (RTM_NEWROUTE, for valid_s seconds), or unmade. */
static int ask_way(struct address *self, int type, int flags, int interface, const struct ip *ip,
                   uint32_t valid_s)
{
    assert(interface > 0);
    assert(ip->family == 6);
    struct rtmsg route = {
        .rtm_family = AF_INET6,
        .rtm_dst_len = 128,
        .rtm_table = RT_TABLE_LOCAL,
        .rtm_protocol = RTPROT_STATIC,
        .rtm_scope = RT_SCOPE_UNIVERSE,
        .rtm_type = RTN_LOCAL,
    };
    struct nl_msg *request = nlmsg_alloc_simple(type, flags);
    if (request == NULL)
        return -ENOMEM;
    if (nlmsg_append(request, &route, sizeof route, NLMSG_ALIGNTO) < 0 ||
        nla_put(request, RTA_DST, (int)ip_size(ip), ip->bytes) < 0 ||
        nla_put_u32(request, RTA_OIF, (uint32_t)interface) < 0 ||
        nla_put_u32(request, RTA_PRIORITY, ADDRESS_WAY_METRIC) < 0 ||
        (valid_s > 0 && nla_put_u32(request, RTA_EXPIRES, valid_s) < 0)) {
        nlmsg_free(request);
        return -ENOMEM;
    }
    return ask(self, request);
}

int address_open_way(struct address *self, int interface, const struct ip *ip, uint32_t valid_s)
{
    assert(valid_s >= 1);
    assert(valid_s <= ADDRESS_VALID_S_MAX);
    return ask_way(self, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, interface, ip, valid_s);
}

int address_delete(struct address *self, int interface, const struct ip *ip)
{
    /* Mostly there is none, and one that stays ends by itself: nothing may keep the address. */
    if (ip->family == 6)
        (void)ask_way(self, RTM_DELROUTE, 0, interface, ip, 0);
    struct rtnl_addr *address = host_address(interface, ip);
    if (address == NULL)
        return -ENOMEM;
    struct nl_msg *request = NULL;
    int built = rtnl_addr_build_delete_request(address, 0, &request);
    rtnl_addr_put(address);
    return built < 0 ? -ENOMEM : ask(self, request);
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
        else if (rtnl_addr_build_delete_request(address, 0, &request) < 0)
            error = -ENOMEM;
        else
            error = ask(self, request);
        removed += error == 0;
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
