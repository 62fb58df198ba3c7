/* tests/bench/blast.c -- ask a name server over UDP as fast as it answers, or at a given rate.
 *
 *   tandem-blast ADDRESS PORT NAMES SECONDS [RATE [pause]]
 *
 * NAMES holds names, one a line, asked for A with EDNS in turn. FLOWS sockets, so that a server
 * with several sockets a port sees several clients. Without RATE each keeps WINDOW queries in
 * flight: the answers per second are the server's limit. With RATE (queries/s) each query has its
 * time, and its latency counts from then even when it left late. Spins: give it a CPU of its own;
 * or with "pause" let it sleep between: a millisecond of latency, and the CPU is left to others.
 * Prints "answers/s p50_us p99_us lost rcodes_not_0"; of the first tenth nothing counts. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    FLOWS = 16,
    WINDOW = 32,
    BATCH = 32,
    RING = 4096, /* queries of a flow whose times are remembered; a divisor of 65536 */
    NAMES_MAX = 4096,
    QUERY_MAX = 300,
    LATENCY_US_MAX = 100000,
    GIVEN_UP_MS = 500,       /* a query without an answer for so long is lost */
    PAUSE_NS = 200000,       /* at a rate: what is due meanwhile leaves so late at the most */
    RECEIVE_BYTES = 4 << 20, /* what arrives while this program has no CPU is not lost */
};

struct query {
    size_t size;
    uint8_t bytes[QUERY_MAX];
};

struct flow {
    int fd;
    uint16_t oldest_id, next_id; /* those between are answered, given up or in flight */
    unsigned in_flight;
    int64_t asked_ns[RING]; /* by id; 0: answered or given up */
};

static struct query queries[NAMES_MAX];
static size_t query_count, next_query;
static struct flow flows[FLOWS];
static uint32_t latencies[LATENCY_US_MAX + 1];
static uint64_t answers, lost, errors;
static bool is_counting;

static void die(const char *what)
{
    perror(what);
    exit(111);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void make_query(struct query *query, const char *name)
{
    static const uint8_t header[12] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    static const uint8_t rest[] = {0, 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    memcpy(query->bytes, header, sizeof header);
    query->size = sizeof header;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || query->size + label + 1 + sizeof rest > QUERY_MAX)
            exit(100);
        query->bytes[query->size++] = (uint8_t)label;
        memcpy(query->bytes + query->size, name, label);
        query->size += label;
        name += label;
        name += *name == '.';
    }
    memcpy(query->bytes + query->size, rest, sizeof rest);
    query->size += sizeof rest;
}

static void read_names(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die(path);
    char line[256];
    while (query_count < NAMES_MAX && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, " \n")] = '\0';
        make_query(&queries[query_count++], line);
    }
    fclose(file);
    if (query_count == 0)
        exit(100);
}

static void open_flows(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        exit(100);
    for (int i = 0; i < FLOWS; i++) {
        flows[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (flows[i].fd < 0 || connect(flows[i].fd, (struct sockaddr *)&to, sizeof to) != 0)
            die("socket");
        const int room = RECEIVE_BYTES;
        setsockopt(flows[i].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    }
}

/* Send up to count queries, whose time is asked_ns. Returns how many went. */
static unsigned ask(struct flow *flow, unsigned count, int64_t asked_ns)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    uint8_t bytes[BATCH][QUERY_MAX];
    memset(messages, 0, sizeof messages);
    count = count > BATCH ? BATCH : count;
    for (unsigned i = 0; i < count; i++) {
        const struct query *query = &queries[(next_query + i) % query_count];
        uint16_t id = (uint16_t)(flow->next_id + i);
        memcpy(bytes[i], query->bytes, query->size);
        bytes[i][0] = (uint8_t)(id >> 8);
        bytes[i][1] = (uint8_t)id;
        parts[i] = (struct iovec){bytes[i], query->size};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        flow->asked_ns[id % RING] = asked_ns;
    }
    int sent = sendmmsg(flow->fd, messages, count, 0);
    if (sent < 0)
        return 0;
    flow->next_id = (uint16_t)(flow->next_id + sent);
    flow->in_flight += (unsigned)sent;
    next_query += (size_t)sent;
    return (unsigned)sent;
}

static void take_answer(struct flow *flow, const uint8_t *answer, int64_t now)
{
    int64_t *asked_ns = &flow->asked_ns[(answer[0] << 8 | answer[1]) % RING];
    if (*asked_ns == 0)
        return;
    int64_t latency_us = (now - *asked_ns) / 1000;
    *asked_ns = 0;
    flow->in_flight--;
    if (!is_counting)
        return;
    answers++;
    errors += (answer[3] & 15) != 0;
    latencies[latency_us < LATENCY_US_MAX ? latency_us : LATENCY_US_MAX]++;
}

/* Queries are given up in the order in which they were asked. */
static void give_up(struct flow *flow, int64_t now)
{
    for (; flow->oldest_id != flow->next_id; flow->oldest_id++) {
        int64_t *asked_ns = &flow->asked_ns[flow->oldest_id % RING];
        if (*asked_ns != 0 && now - *asked_ns < GIVEN_UP_MS * 1000000LL)
            return;
        if (*asked_ns != 0) {
            lost += is_counting;
            flow->in_flight--;
            *asked_ns = 0;
        }
    }
}

static void hear(struct flow *flow)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    uint8_t bytes[BATCH][64];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int received = recvmmsg(flow->fd, messages, BATCH, 0, NULL);
    int64_t now = now_ns();
    for (int i = 0; i < received; i++) {
        if (messages[i].msg_len >= 12)
            take_answer(flow, bytes[i], now);
    }
    give_up(flow, now);
}

static void blast(double seconds, double rate, bool pauses)
{
    const int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);
    uint64_t due = 0, asked = 0;
    for (int64_t now = start; now < end; now = now_ns()) {
        is_counting = now - start > (end - start) / 10;
        if (rate > 0)
            due = (uint64_t)((double)(now - start) * rate / 1e9);
        for (int i = 0; i < FLOWS; i++) {
            hear(&flows[i]);
            if (rate == 0 && flows[i].in_flight < WINDOW)
                ask(&flows[i], WINDOW - flows[i].in_flight, now_ns());
            else if (rate > 0 && asked < due && flows[i].in_flight < RING / 2)
                asked += ask(&flows[i], 1, start + (int64_t)((double)asked * 1e9 / rate));
        }
        if (pauses && asked >= due)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}

static unsigned percentile_us(double share)
{
    uint64_t below = 0;
    for (unsigned us = 0; us <= LATENCY_US_MAX; us++) {
        below += latencies[us];
        if ((double)below >= share * (double)answers)
            return us;
    }
    return LATENCY_US_MAX;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 7 || (argc == 7 && strcmp(argv[6], "pause") != 0)) {
        fprintf(stderr, "usage: tandem-blast ADDRESS PORT NAMES SECONDS [RATE [pause]]\n");
        return 100;
    }
    read_names(argv[3]);
    open_flows(argv[1], (uint16_t)atoi(argv[2]));
    double seconds = atof(argv[4]);
    blast(seconds, argc > 5 ? atof(argv[5]) : 0, argc == 7);
    printf("%.0f %u %u %llu %llu\n", (double)answers / (seconds * 0.9), percentile_us(0.5),
           percentile_us(0.99), (unsigned long long)lost, (unsigned long long)errors);
    return answers > 0 ? 0 : 1;
}
