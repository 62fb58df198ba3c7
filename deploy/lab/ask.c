/* tandem-lab-ask: a resolver that writes down when it was told what.
 *
 *   --server ADDRESS   whom to ask, port 53 over UDP
 *   --name NAME        what to ask for
 *   --type A|AAAA      default A
 *   --every MS         one question each MS milliseconds (may be 0.5); answers are not awaited
 *   --count N          how many questions; 0, the default: until SIGTERM or SIGINT
 *   --timeout MS       a question older than this went unanswered; default 1000
 *   --connect PORT     await each answer, open one TCP connection to the address it names, and
 *                      hold it
 *   --hold             when all is asked, hold the connections until SIGTERM or SIGINT
 *   --now              print the present instant and end
 *
 * One line for each question: SENT ANSWERED RCODE ADDRESS, instants in microseconds of
 * CLOCK_MONOTONIC (one clock for the whole lab), "-" where there is none:
 *
 *   81233001 81233164 NOERROR 192.0.2.102
 *   81238001 - TIMEOUT -                                                                     */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <ldns/ldns.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "deploy/lab/limits.h"

enum {
    QUERY_SIZE_MAX = 512,
    ANSWER_SIZE_MAX = 65535,
    IDS = 65536, /* so many questions may be unanswered at a time */
    CONNECT_TIMEOUT_S = 2,
    EXIT_USAGE = 100,
    EXIT_SYSTEM = 111,
};

struct asker {
    int socket;
    uint8_t query[QUERY_SIZE_MAX]; /* complete but for its id, the first two bytes */
    size_t query_size;
    ldns_rr_type type;
    int64_t every_us, timeout_us;
    uint64_t count; /* 0: no end */
    uint64_t asked, settled;
    const char *connect_port; /* NULL: open no connections */
    bool hold;
    int64_t sent_us[IDS]; /* by id; 0: not waited for */
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static _Noreturn void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "tandem-lab-ask: %s: %s\n", what, why);
    exit(status);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The first address of the asked type in the answer section, as text; "-" when there is none. */
static void answer_address(const ldns_pkt *packet, ldns_rr_type type, char text[INET6_ADDRSTRLEN])
{
    const ldns_rr_list *answer = ldns_pkt_answer(packet);
    snprintf(text, INET6_ADDRSTRLEN, "-");
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        if (ldns_rr_get_type(rr) != type)
            continue;
        const ldns_rdf *address = ldns_rr_rdf(rr, 0);
        inet_ntop(type == LDNS_RR_TYPE_A ? AF_INET : AF_INET6, ldns_rdf_data(address), text,
                  INET6_ADDRSTRLEN);
        return;
    }
}

static void settle(struct asker *self, int64_t sent_us, int64_t answered_us, const char *rcode,
                   const char *address)
{
    if (answered_us == 0)
        printf("%lld - %s %s\n", (long long)sent_us, rcode, address);
    else
        printf("%lld %lld %s %s\n", (long long)sent_us, (long long)answered_us, rcode, address);
    self->settled++;
}

/* Open one connection to the address and keep it: the descriptor is never closed. */
static void connect_to(const char *address, const char *port)
{
    struct addrinfo *to = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(address, port, &hints, &to) != 0)
        return;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
        connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        fprintf(stderr, "tandem-lab-ask: %s port %s: %s\n", address, port, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(to);
}

static void receive(struct asker *self)
{
    static uint8_t bytes[ANSWER_SIZE_MAX];
    ssize_t size;
    while ((size = recv(self->socket, bytes, sizeof bytes, MSG_DONTWAIT)) >= 2) {
        int64_t answered_us = now_us();
        size_t id = (size_t)bytes[0] << 8 | bytes[1];
        if (self->sent_us[id] == 0)
            continue;
        char address[INET6_ADDRSTRLEN] = "-";
        ldns_pkt *packet = NULL;
        if (ldns_wire2pkt(&packet, bytes, (size_t)size) != LDNS_STATUS_OK) {
            settle(self, self->sent_us[id], answered_us, "UNREADABLE", address);
        } else {
            char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet));
            answer_address(packet, self->type, address);
            settle(self, self->sent_us[id], answered_us, rcode, address);
            free(rcode);
            ldns_pkt_free(packet);
        }
        self->sent_us[id] = 0;
        if (self->connect_port != NULL && address[0] != '-')
            connect_to(address, self->connect_port);
    }
}

static void ask(struct asker *self)
{
    size_t id = self->asked % IDS;
    if (self->sent_us[id] != 0)
        fail(EXIT_USAGE, "too many questions unanswered", "a longer --every or shorter --timeout");
    self->query[0] = (uint8_t)(id >> 8);
    self->query[1] = (uint8_t)id;
    self->sent_us[id] = now_us();
    self->asked++;
    /* The first send may only report that an earlier question was refused (ICMP); one that cannot
     * leave at all goes unanswered. */
    for (int i = 0; i < 2; i++)
        if (send(self->socket, self->query, self->query_size, MSG_DONTWAIT) >= 0)
            return;
}

/* Settle the questions that are too old: they are the oldest, so begin where the last one ended.
 * Returns the instant at which the next one is too old, INT64_MAX if none is waited for. */
static int64_t give_up(struct asker *self, uint64_t *oldest)
{
    for (; *oldest < self->asked; ++*oldest) {
        int64_t *sent_us = &self->sent_us[*oldest % IDS];
        if (*sent_us == 0)
            continue;
        if (now_us() - *sent_us < self->timeout_us)
            return *sent_us + self->timeout_us;
        settle(self, *sent_us, 0, "TIMEOUT", "-");
        *sent_us = 0;
    }
    return INT64_MAX;
}

static void run(struct asker *self)
{
    uint64_t oldest = 0;
    int64_t next_us = now_us();
    while (!ended && (self->count == 0 || self->settled < self->count)) {
        bool more = self->count == 0 || self->asked < self->count;
        bool waits = self->connect_port != NULL && self->settled < self->asked;
        if (more && !waits && now_us() >= next_us) {
            ask(self);
            next_us += self->every_us;
        }
        int64_t due_us = give_up(self, &oldest);
        waits = self->connect_port != NULL && self->settled < self->asked;
        if ((self->count == 0 || self->asked < self->count) && !waits && next_us < due_us)
            due_us = next_us;
        int64_t left_us = due_us == INT64_MAX ? 0 : due_us - now_us();
        if (left_us < 0)
            left_us = 0;
        struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        struct pollfd wait = {.fd = self->socket, .events = POLLIN};
        if (ppoll(&wait, 1, &left, NULL) > 0)
            receive(self);
    }
}

static void write_query(struct asker *self, const char *name)
{
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    if (owner == NULL)
        fail(EXIT_USAGE, name, "is not a domain name");
    ldns_pkt *packet = ldns_pkt_query_new(owner, self->type, LDNS_RR_CLASS_IN, 0);
    uint8_t *bytes = NULL;
    if (packet == NULL || ldns_pkt2wire(&bytes, packet, &self->query_size) != LDNS_STATUS_OK ||
        self->query_size > sizeof self->query)
        fail(EXIT_SYSTEM, name, "cannot be written as a query");
    memcpy(self->query, bytes, self->query_size);
    free(bytes);
    ldns_pkt_free(packet);
}

static void open_socket(struct asker *self, const char *server)
{
    struct addrinfo *to = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(server, "53", &hints, &to) != 0)
        fail(EXIT_USAGE, server, "is not an address");
    self->socket = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (self->socket < 0 || connect(self->socket, to->ai_addr, to->ai_addrlen) != 0)
        fail(EXIT_SYSTEM, server, strerror(errno));
    freeaddrinfo(to);
}

static int64_t milliseconds(const char *text)
{
    char *rest = NULL;
    double value = strtod(text, &rest);
    if (rest == text || *rest != '\0' || !(value >= 0 && value <= 1e9))
        fail(EXIT_USAGE, text, "is not a number of milliseconds");
    return (int64_t)(value * 1000);
}

static void read_options(struct asker *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"server", 1, NULL, 's'}, {"name", 1, NULL, 'n'},    {"type", 1, NULL, 't'},
        {"every", 1, NULL, 'e'},  {"count", 1, NULL, 'c'},   {"timeout", 1, NULL, 'o'},
        {"hold", 0, NULL, 'h'},   {"connect", 1, NULL, 'p'}, {"now", 0, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    const char *server = NULL, *name = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's')
            server = optarg;
        else if (option == 'n')
            name = optarg;
        else if (option == 't')
            self->type = ldns_get_rr_type_by_name(optarg);
        else if (option == 'e')
            self->every_us = milliseconds(optarg);
        else if (option == 'c')
            self->count = strtoull(optarg, NULL, 10);
        else if (option == 'o')
            self->timeout_us = milliseconds(optarg);
        else if (option == 'h')
            self->hold = true;
        else if (option == 'p')
            self->connect_port = optarg;
        else if (option == 'w') {
            printf("%lld\n", (long long)now_us());
            exit(EXIT_SUCCESS);
        } else
            exit(EXIT_USAGE);
    }
    if (server == NULL || name == NULL || optind != argc)
        fail(EXIT_USAGE, "usage", "--server ADDRESS --name NAME, see the first lines of ask.c");
    if (self->type != LDNS_RR_TYPE_A && self->type != LDNS_RR_TYPE_AAAA)
        fail(EXIT_USAGE, "--type", "A or AAAA");
    write_query(self, name);
    open_socket(self, server);
}

int main(int argc, char **argv)
{
    static struct asker self = {
        .type = LDNS_RR_TYPE_A, .every_us = 1000 * 1000, .timeout_us = 1000 * 1000};
    read_options(&self, argc, argv);
    limits_raise_descriptors();
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction on_end = {.sa_handler = end};
    sigaction(SIGTERM, &on_end, NULL);
    sigaction(SIGINT, &on_end, NULL);
    run(&self);
    while (self.hold && !ended)
        pause();
    return EXIT_SUCCESS;
}
