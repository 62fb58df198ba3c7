#include "node/ctl/ask.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

size_t ask_find(char *path, size_t size)
{
    glob_t found;
    int result = glob("/run/tandem/*.sock", 0, NULL, &found);
    size_t count = result == 0 ? found.gl_pathc : 0;
    if (count == 1)
        snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return count;
}

int ask_connect(const char *path, int wait_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = wait_s};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

/* The whole answer up to its newline, from malloc; NULL when the node goes away or is too slow. */
static char *read_answer(int fd)
{
    size_t size = 0, room = 65536;
    char *text = malloc(room);
    while (text != NULL && room <= ASK_ANSWER_MAX) {
        ssize_t got = recv(fd, text + size, room - size - 1, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
        if (text[size - 1] == '\n') {
            text[size - 1] = '\0';
            return text;
        }
        if (room - size < 2) {
            char *larger = realloc(text, room *= 2);
            if (larger == NULL)
                break;
            text = larger;
        }
    }
    free(text);
    return NULL;
}

/* With the descriptor that goes with them; -1: none does. */
static bool send_line(int fd, const char *line, size_t size, int passed_fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {(char *)line, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof passed_fd);
        memcpy(CMSG_DATA(header), &passed_fd, sizeof passed_fd);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)size;
}

json_t *ask(int fd, const json_t *request, int passed_fd)
{
    char *line = json_dumps(request, JSON_COMPACT);
    if (line == NULL)
        return NULL;
    size_t size = strlen(line);
    line[size++] = '\n';
    bool sent = send_line(fd, line, size, passed_fd);
    free(line);
    char *text = sent ? read_answer(fd) : NULL;
    json_t *answer = text == NULL ? NULL : json_loads(text, 0, NULL);
    free(text);
    return answer;
}
