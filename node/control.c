#include "node/control.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/asked.h"

struct client {
    int fd;        /* -1: free */
    int passed_fd; /* that came with the request; -1: none */
    uint64_t ticket;
    uint32_t uid;
    int64_t since_ms;
    size_t read; /* bytes of request */
    bool asked;  /* the request was whole and handed out */
    char request[CONTROL_REQUEST_MAX + 1];
    char *answer; /* malloc'd; NULL: none yet */
    size_t answer_size, written;
};

struct control {
    int fd, listen_fd;
    char path[sizeof((struct sockaddr_un){0}).sun_path];
    uint64_t last_ticket;
    json_t *json; /* of the request handed out last */
    struct client clients[CONTROL_CLIENTS_MAX];
};

/* ---- open and close ---- */

/* A socket file may be left by a worker that was killed; one that answers is somebody else's. */
static int remove_residual(const char *path, const struct sockaddr_un *address, char *error)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return -errno;
    int connected = connect(probe, (const struct sockaddr *)address, sizeof *address);
    close(probe);
    if (connected == 0) {
        snprintf(error, CONTROL_ERROR_MAX,
                 "%s is in use: another tandem-worker of this node is running, stop it first",
                 path);
        return -EADDRINUSE;
    }
    struct stat status;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path);
    return 0;
}

static int listen_at(const char *path, char *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(error, CONTROL_ERROR_MAX, "%s: the path is too long for a socket", path);
        return -ENAMETOOLONG;
    }
    strcpy(address.sun_path, path);
    int result = remove_residual(path, &address, error);
    if (result != 0)
        return result;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    mode_t mask = umask(0177);
    result = bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
                     listen(fd, CONTROL_CLIENTS_MAX) != 0
                 ? -errno
                 : 0;
    umask(mask);
    if (result == 0)
        return fd;
    snprintf(error, CONTROL_ERROR_MAX,
             "%s: cannot listen there (%s): give its directory to the user of tandem-worker, or "
             "change paths: run",
             path, strerror(-result));
    close(fd);
    return result;
}

static int watch(struct control *self, int fd, uint32_t events, int operation, size_t number)
{
    struct epoll_event event = {.events = events, .data.u64 = number};
    return epoll_ctl(self->fd, operation, fd, &event) == 0 ? 0 : -errno;
}

int control_open(struct control **control, const char *path, char *error)
{
    struct control *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    error[0] = '\0';
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        self->clients[i].fd = self->clients[i].passed_fd = -1;
    self->listen_fd = -1;
    self->fd = epoll_create1(EPOLL_CLOEXEC);
    int result = self->fd < 0 ? -errno : listen_at(path, error);
    if (result >= 0) {
        self->listen_fd = result;
        strcpy(self->path, path);
        result = watch(self, self->listen_fd, EPOLLIN, EPOLL_CTL_ADD, CONTROL_CLIENTS_MAX);
    }
    if (result != 0) {
        control_close(self);
        return result;
    }
    *control = self;
    return 0;
}

static void drop(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    if (client->passed_fd >= 0)
        close(client->passed_fd);
    free(client->answer);
    *client = (struct client){.fd = -1, .passed_fd = -1};
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        drop(&control->clients[i]);
    if (control->listen_fd >= 0) {
        unlink(control->path);
        close(control->listen_fd);
    }
    if (control->fd >= 0)
        close(control->fd);
    json_decref(control->json);
    free(control);
}

int control_fd(const struct control *control)
{
    return control->fd;
}

/* ---- clients ---- */

/* Of one line: what a new socket always has room for. */
static void turn_away(int fd)
{
    static const char sentence[] =
        "{\"error\": \"as many requests as there may be are being answered: try again\", "
        "\"exit\": 111}\n";
    (void)send(fd, sentence, sizeof sentence - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void accept_client(struct control *self, int64_t now_ms)
{
    int fd = accept4(self->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    size_t number = 0;
    while (number < CONTROL_CLIENTS_MAX && self->clients[number].fd >= 0)
        number++;
    if (number == CONTROL_CLIENTS_MAX) {
        turn_away(fd);
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        (credentials.uid != 0 && credentials.uid != geteuid()) ||
        watch(self, fd, EPOLLIN, EPOLL_CTL_ADD, number) != 0) {
        close(fd);
        return;
    }
    self->clients[number] = (struct client){.fd = fd,
                                            .passed_fd = -1,
                                            .ticket = ++self->last_ticket,
                                            .uid = credentials.uid,
                                            .since_ms = now_ms};
}

static void write_answer(struct client *client)
{
    while (client->written < client->answer_size) {
        ssize_t written = send(client->fd, client->answer + client->written,
                               client->answer_size - client->written, MSG_NOSIGNAL);
        if (written < 0 && errno == EAGAIN)
            return;
        if (written <= 0)
            break;
        client->written += (size_t)written;
    }
    drop(client);
}

static void answer_client(struct control *self, size_t number, json_t *json)
{
    struct client *client = &self->clients[number];
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        drop(client);
        return;
    }
    client->answer = text;
    client->answer_size = strlen(text);
    text[client->answer_size++] = '\n'; /* in the place of the NUL: it is sent, not read */
    watch(self, client->fd, EPOLLOUT, EPOLL_CTL_MOD, number);
    write_answer(client);
}

static json_t *refusal(const char *sentence)
{
    return json_pack("{s:s, s:i}", "error", sentence, "exit", 100);
}

/* Bytes, and a descriptor that may come with them; of several the first. */
static ssize_t receive(struct client *client)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {client->request + client->read, CONTROL_REQUEST_MAX - client->read};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
    int fd;
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return got;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    if (client->passed_fd < 0)
        client->passed_fd = fd;
    else
        close(fd);
    return got;
}

/* True when the client's request is whole; it was then parsed into self->json. */
static bool read_request(struct control *self, size_t number)
{
    struct client *client = &self->clients[number];
    ssize_t got = receive(client);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0) {
        drop(client);
        return false;
    }
    client->read += (size_t)got;
    client->request[client->read] = '\0';
    char *end = strchr(client->request, '\n');
    if (end == NULL && client->read < CONTROL_REQUEST_MAX)
        return false;
    client->asked = true;
    json_decref(self->json);
    self->json = end == NULL ? NULL : asked_parse(client->request, (size_t)(end - client->request));
    if (self->json != NULL)
        return true;
    answer_client(self, number, refusal("the request is not one line with a JSON object"));
    return false;
}

/* When it has been there for too long. */
static int64_t end_ms(const struct client *client)
{
    return client->since_ms + (client->asked ? CONTROL_PATIENCE_MS : CONTROL_TIMEOUT_MS) + 1;
}

static void drop_late(struct control *self, int64_t now_ms)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (self->clients[i].fd >= 0 && now_ms >= end_ms(&self->clients[i]))
            drop(&self->clients[i]);
}

/* A client that sends on after its request, or hangs up, is of no more interest. */
static bool serve_client(struct control *self, size_t number)
{
    struct client *client = &self->clients[number];
    if (client->fd < 0)
        return false;
    if (client->answer != NULL)
        write_answer(client);
    else if (client->asked)
        drop(client);
    else
        return read_request(self, number);
    return false;
}

bool control_next(struct control *control, int64_t now_ms, struct control_request *request)
{
    drop_late(control, now_ms);
    struct epoll_event event;
    while (epoll_wait(control->fd, &event, 1, 0) == 1) {
        size_t number = event.data.u64;
        if (number == CONTROL_CLIENTS_MAX) {
            accept_client(control, now_ms);
            continue;
        }
        if (!serve_client(control, number))
            continue;
        *request = (struct control_request){.ticket = control->clients[number].ticket,
                                            .uid = control->clients[number].uid,
                                            .json = control->json};
        return true;
    }
    return false;
}

int control_take_fd(struct control *control, uint64_t ticket)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0 && control->clients[i].ticket == ticket) {
            int fd = control->clients[i].passed_fd;
            control->clients[i].passed_fd = -1;
            return fd;
        }
    return -1;
}

void control_answer(struct control *control, uint64_t ticket, json_t *json)
{
    assert(ticket != 0);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0 && control->clients[i].ticket == ticket) {
            answer_client(control, i, json);
            return;
        }
    json_decref(json);
}

int64_t control_deadline(const struct control *control)
{
    int64_t earliest_ms = INT64_MAX;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &control->clients[i];
        if (client->fd >= 0 && end_ms(client) < earliest_ms)
            earliest_ms = end_ms(client);
    }
    return earliest_ms;
}
