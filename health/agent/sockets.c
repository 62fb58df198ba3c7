#include "health/agent/sockets.h"

#include <assert.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
    BUFFER_SIZE = 65536,
    RECEIVE_SIZE = 1 << 20,
    TRIES_MAX = 4,      /* of a dump that was interrupted by changes */
    ANSWER_S_MAX = 2,   /* the kernel answers at once; without an answer the dump has failed */
    PORT_OPERATIONS = 5 /* of the filter, for each port */
};

struct sockets {
    struct nl_sock *netlink; /* NULL: to be opened */
    struct inet_diag_bc_op filter[PORT_OPERATIONS * REPORT_SERVICES_MAX];
    size_t filter_size;    /* bytes */
    struct report *report; /* being filled */
};

/* ---- the filter ---- */

/* sock_diag(7) has a small machine for filters: an operation says by how many bytes to go on when
 * it holds and when not; who arrives just behind the last one is taken, who is sent beyond it is
 * not. The kernel refuses a filter whose targets are not on the path on which all hold.
 *
 *     port >= p0, else next      (S_GE and S_LE have the port in an operation of their own)
 *     port <= p0, else next
 *     take it                    (a jump to the end; not behind the last port)
 *     port >= p1, else beyond ... */
static void build_filter(struct sockets *self, const uint16_t *ports, size_t port_count)
{
    enum { SIZE = sizeof(struct inet_diag_bc_op), BLOCK = PORT_OPERATIONS * SIZE };
    self->filter_size = BLOCK * port_count - SIZE;
    for (size_t i = 0; i < port_count; i++) {
        struct inet_diag_bc_op *at = &self->filter[PORT_OPERATIONS * i];
        bool is_last = i + 1 == port_count;
        /* The last one has no jump, and "next" is one beyond the end: the same distances. */
        at[0] = (struct inet_diag_bc_op){INET_DIAG_BC_S_GE, 2 * SIZE, BLOCK};
        at[1].no = ports[i];
        at[2] = (struct inet_diag_bc_op){INET_DIAG_BC_S_LE, 2 * SIZE, BLOCK - 2 * SIZE};
        at[3].no = ports[i];
        if (!is_last)
            at[4] = (struct inet_diag_bc_op){INET_DIAG_BC_JMP, SIZE,
                                             (uint16_t)(self->filter_size - BLOCK * i - 4 * SIZE)};
    }
}

/* ---- open and close ---- */

static int error_of(int netlink_error)
{
    switch (-netlink_error) {
    case NLE_NOMEM:
        return -ENOBUFS;
    case NLE_OBJ_NOTFOUND:
        return -ENOENT;
    case NLE_PERM:
        return -EPERM;
    case NLE_AGAIN:
        return -ETIMEDOUT;
    default:
        return -EIO;
    }
}

static void close_netlink(struct sockets *self)
{
    nl_socket_free(self->netlink);
    self->netlink = NULL;
}

static int open_netlink(struct sockets *self)
{
    struct timeval patience = {.tv_sec = ANSWER_S_MAX};
    self->netlink = nl_socket_alloc();
    if (self->netlink == NULL)
        return -ENOMEM;
    int error = nl_connect(self->netlink, NETLINK_SOCK_DIAG);
    if (error == 0)
        error = nl_socket_set_buffer_size(self->netlink, RECEIVE_SIZE, 0);
    if (error == 0)
        error = nl_socket_set_msg_buf_size(self->netlink, BUFFER_SIZE);
    if (error == 0 && setsockopt(nl_socket_get_fd(self->netlink), SOL_SOCKET, SO_RCVTIMEO,
                                 &patience, sizeof patience) != 0)
        error = -NLE_FAILURE;
    if (error == 0)
        return 0;
    close_netlink(self);
    return error_of(error);
}

int sockets_open(struct sockets **sockets, const uint16_t *ports, size_t port_count)
{
    assert(port_count >= 1);
    assert(port_count <= REPORT_SERVICES_MAX);
    struct sockets *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    build_filter(self, ports, port_count);
    int error = open_netlink(self);
    if (error != 0) {
        free(self);
        return error;
    }
    *sockets = self;
    return 0;
}

void sockets_close(struct sockets *sockets)
{
    if (sockets == NULL)
        return;
    close_netlink(sockets);
    free(sockets);
}

/* ---- dumps ---- */

static int dump_once(struct sockets *self, int family, uint32_t states)
{
    struct inet_diag_req_v2 request = {
        .sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states};
    struct nl_msg *message = nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
    if (message == NULL)
        return -NLE_NOMEM;
    int error = nlmsg_append(message, &request, sizeof request, NLMSG_ALIGNTO);
    if (error == 0)
        error = nla_put(message, INET_DIAG_REQ_BYTECODE, (int)self->filter_size, self->filter);
    if (error == 0)
        error = nl_send_auto(self->netlink, message);
    nlmsg_free(message);
    return error < 0 ? error : nl_recvmsgs_default(self->netlink);
}

/* Both families, each socket handed to take. Interrupted by changes it begins anew from what
 * self->report was; interrupted each time on a busy host, the last count is near enough. After any
 * other error the rest of the answer may still be under way: the next dump opens a new socket. */
static int dump(struct sockets *self, uint32_t states, nl_recvmsg_msg_cb_t take)
{
    const struct report before = *self->report;
    if (self->netlink == NULL) {
        int opened = open_netlink(self);
        if (opened != 0)
            return opened;
    }
    nl_socket_modify_cb(self->netlink, NL_CB_VALID, NL_CB_CUSTOM, take, self);
    int error = -NLE_DUMP_INTR;
    for (int i = 0; i < TRIES_MAX && error == -NLE_DUMP_INTR; i++) {
        *self->report = before;
        error = dump_once(self, AF_INET, states);
        if (error == 0)
            error = dump_once(self, AF_INET6, states);
    }
    if (error == 0 || error == -NLE_DUMP_INTR)
        return 0;
    close_netlink(self);
    return error_of(error);
}

/* The service a dumped socket belongs to, or NULL. */
static struct report_service *service_of(const struct sockets *self, struct nl_msg *message,
                                         const struct inet_diag_msg **found)
{
    const struct nlmsghdr *header = nlmsg_hdr(message);
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        !nlmsg_valid_hdr(header, sizeof(struct inet_diag_msg)))
        return NULL;
    *found = nlmsg_data(header);
    for (size_t i = 0; i < self->report->service_count; i++)
        if (self->report->services[i].port == ntohs((*found)->id.idiag_sport))
            return &self->report->services[i];
    return NULL;
}

static int take_established(struct nl_msg *message, void *argument)
{
    const struct inet_diag_msg *found;
    struct report_service *service = service_of(argument, message, &found);
    if (service != NULL)
        service->sockets++;
    return NL_OK;
}

/* Of several listeners on one port the fullest tells the most. */
static int take_listener(struct nl_msg *message, void *argument)
{
    const struct inet_diag_msg *found;
    struct report_service *service = service_of(argument, message, &found);
    if (service == NULL)
        return NL_OK;
    if (!service->listening || found->idiag_rqueue > service->queue) {
        service->queue = found->idiag_rqueue;
        service->queue_max = found->idiag_wqueue;
    }
    service->listening = true;
    return NL_OK;
}

int sockets_listening(struct sockets *self, struct report *report)
{
    struct report read = *report;
    for (size_t i = 0; i < read.service_count; i++) {
        read.services[i].listening = false;
        read.services[i].queue = read.services[i].queue_max = 0;
    }
    self->report = &read;
    int error = dump(self, 1U << TCP_LISTEN, take_listener);
    self->report = NULL;
    if (error == 0)
        *report = read;
    return error;
}

int sockets_established(struct sockets *self, struct report *report)
{
    struct report read = *report;
    for (size_t i = 0; i < read.service_count; i++)
        read.services[i].sockets = 0;
    self->report = &read;
    int error = dump(self, 1U << TCP_ESTABLISHED, take_established);
    self->report = NULL;
    if (error == 0)
        *report = read;
    return error;
}
