/* tests/bench/outage.c -- how long addresses went unanswered, and who answered then.
 *
 *   tandem-outage [--lost-ms MS] [--every-ms MS] NAME ADDRESS...
 *
 * Asks each of up to ADDRESSES_MAX name servers for NAME's A, with NSID (RFC 5001), once a
 * millisecond on the clock, or every MS (1..999); one in which it did not run is left out, never
 * caught up with. What comes is told on standard input, a line each, and answered on standard
 * output:
 *
 *   who         a line an address: who answered last of what was asked in the last SEEN_MS
 *               who address=192.0.2.53 nsid=ns1 asked=200 answered=200
 *   begin       what was asked so far counts no more
 *               begin
 *   mark [T0]   t0 is now: before what is about to be broken is broken; or at T0 nanoseconds, also
 *               of a moment to come
 *               mark t0_ns=81234567890
 *   report NSID a line an address: first_ms is how long after t0 the first answer by NSID arrived
 *               ("-": none yet); of what was asked since EARLIER_MS before t0 and at least LOST_MS
 *               ago, how much is lost (unanswered for LOST_MS) or failed (RCODE not 0); quiet_ is
 *               the same of the time before, lost and failed together; late_ms is the longest that
 *               this program did not run since t0; by counts the answers by who gave them
 *               report address=192.0.2.53 first_ms=12.345 asked=1000 lost=12 failed=0
 *                 quiet_asked=900 quiet_lost=0 late_ms=1.1 by=ns1:100,ns2:888      (one line)
 *   gaps MS     a line for each gap of at least MS that was not told before, in questions that were
 *               asked at least LOST_MS ago: from the first that was lost or failed to the next that
 *               was not; and a line with how many
 *               gap address=192.0.2.53 from_ns=81234567890 ms=61.020
 *               gaps count=1
 *
 * LOST_MS is 1000, or what --lost-ms says. It ends with its standard input. Times are
 * CLOCK_MONOTONIC; a core is used to about 10 %. It stands for a client elsewhere: where it may, it
 * runs before ordinary programs, for those of the lab (the clean-up of one that was killed among
 * them) must not take the CPU from who measures them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    ADDRESSES_MAX = 4,
    QUERIES_MAX = 600 * 1000, /* an address: ten minutes */
    NSIDS_MAX = 8,
    NSID_SIZE_MAX = 32,
    QUERY_SIZE_MAX = 300,
    LINE_MAX = 128,
    EARLIER_MS = 100, /* what was asked so shortly before t0 may be lost because of the fault */
    SEEN_MS = 300,
    PENDING_MS = 50, /* what was asked so shortly ago may still be answered */
    NEVER = 0,
    EXIT_USAGE = 100,
    EXIT_SYSTEM = 111,
    TYPE_OPT = 41,
    OPTION_NSID = 3,
};

static const int64_t ms_ns = 1000000;

struct query {
    int64_t sent_ns, answered_ns; /* NEVER */
    uint8_t nsid;                 /* index into nsids */
    uint8_t rcode;
};

struct target {
    const char *address;
    int fd;
    uint32_t asked, begun; /* queries from begun on count */
    uint32_t seen;         /* those before it are in no gap that is still to be told */
    struct query queries[QUERIES_MAX];
};

static struct target targets[ADDRESSES_MAX];
static size_t target_count;
static char nsids[NSIDS_MAX][NSID_SIZE_MAX] = {"-"}; /* the first: none was given */
static size_t nsid_count = 1;
static uint8_t question[QUERY_SIZE_MAX];
static size_t question_size;
static int64_t t0_ns = NEVER, ran_ns, late_ns;
static int64_t lost_ns = 1000000000; /* LOST_MS */
static int64_t every_ns = 1000000;

static _Noreturn void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "tandem-outage: %s: %s\n", what, why);
    exit(status);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void write_question(const char *name)
{
    static const uint8_t header[12] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    /* A, IN; OPT of 1232 bytes with an empty NSID, which asks for one (RFC 5001 §2.1). */
    static const uint8_t rest[] = {0, 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0};
    memcpy(question, header, sizeof header);
    question_size = sizeof header;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || question_size + label + 1 + sizeof rest > QUERY_SIZE_MAX)
            fail(EXIT_USAGE, name, "is not a domain name");
        question[question_size++] = (uint8_t)label;
        memcpy(question + question_size, name, label);
        question_size += label;
        name += label;
        name += *name == '.';
    }
    memcpy(question + question_size, rest, sizeof rest);
    question_size += sizeof rest;
}

static void open_target(const char *address)
{
    struct addrinfo *to = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (target_count == ADDRESSES_MAX || getaddrinfo(address, "53", &hints, &to) != 0)
        fail(EXIT_USAGE, address, "is no address, or one too many");
    struct target *target = &targets[target_count++];
    target->address = address;
    target->fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (target->fd < 0 || connect(target->fd, to->ai_addr, to->ai_addrlen) != 0)
        fail(EXIT_SYSTEM, address, strerror(errno));
    freeaddrinfo(to);
}

static void ask(struct target *self)
{
    if (self->asked == QUERIES_MAX)
        fail(EXIT_SYSTEM, self->address, "asked for ten minutes: that is all it remembers");
    question[0] = (uint8_t)(self->asked >> 8);
    question[1] = (uint8_t)self->asked;
    self->queries[self->asked++] = (struct query){.sent_ns = now_ns()};
    /* The first send may only report that an earlier question was refused (ICMP); one that cannot
     * leave at all goes unanswered. */
    for (int i = 0; i < 2; i++)
        if (send(self->fd, question, question_size, 0) >= 0)
            return;
}

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Behind the name at offset, or size when it does not end. */
static size_t skip_name(const uint8_t *bytes, size_t size, size_t offset)
{
    while (offset < size && bytes[offset] != 0 && bytes[offset] < 0xc0)
        offset += 1u + bytes[offset];
    if (offset >= size)
        return size;
    return offset + (bytes[offset] == 0 ? 1 : 2);
}

/* Index of that NSID among those seen so far; 0 when it is empty or one too many. */
static uint8_t nsid_index(const uint8_t *text, size_t size)
{
    if (size == 0 || size >= NSID_SIZE_MAX)
        return 0;
    for (size_t i = 1; i < nsid_count; i++)
        if (strlen(nsids[i]) == size && memcmp(nsids[i], text, size) == 0)
            return (uint8_t)i;
    if (nsid_count == NSIDS_MAX)
        return 0;
    memcpy(nsids[nsid_count], text, size);
    return (uint8_t)nsid_count++;
}

static uint8_t find_nsid(const uint8_t *options, size_t size)
{
    for (size_t at = 0; at + 4 <= size;) {
        size_t length = read_u16(options + at + 2);
        if (at + 4 + length > size)
            break;
        if (read_u16(options + at) == OPTION_NSID)
            return nsid_index(options + at + 4, length);
        at += 4 + length;
    }
    return 0;
}

/* Whose answer it is: the NSID of its OPT record. */
static uint8_t who_answered(const uint8_t *bytes, size_t size)
{
    size_t at = 12;
    for (unsigned i = read_u16(bytes + 4); i > 0; i--)
        at = skip_name(bytes, size, at) + 4;
    int records = read_u16(bytes + 6) + read_u16(bytes + 8) + read_u16(bytes + 10);
    for (; records > 0; records--) {
        at = skip_name(bytes, size, at);
        if (at + 10 > size || at + 10 + read_u16(bytes + at + 8) > size)
            return 0;
        if (read_u16(bytes + at) == TYPE_OPT)
            return find_nsid(bytes + at + 10, read_u16(bytes + at + 8));
        at += 10u + read_u16(bytes + at + 8);
    }
    return 0;
}

static void hear(struct target *self)
{
    uint8_t bytes[4096];
    ssize_t size;
    while ((size = recv(self->fd, bytes, sizeof bytes, 0)) >= 0 || errno == ECONNREFUSED) {
        if (size < 12)
            continue;
        /* The last question of that id: one is used again after a minute. */
        uint32_t back = (uint16_t)(self->asked - 1 - read_u16(bytes));
        if (back >= self->asked)
            continue;
        struct query *query = &self->queries[self->asked - 1 - back];
        if (query->answered_ns != NEVER)
            continue;
        query->answered_ns = now_ns();
        query->rcode = bytes[3] & 15;
        query->nsid = who_answered(bytes, (size_t)size);
    }
}

static void tell_who(const struct target *self)
{
    unsigned asked = 0, answered = 0;
    uint8_t nsid = 0;
    const int64_t now = now_ns();
    for (uint32_t i = self->asked; i > 0 && now - self->queries[i - 1].sent_ns < SEEN_MS * ms_ns;
         i--) {
        const struct query *query = &self->queries[i - 1];
        if (now - query->sent_ns < PENDING_MS * ms_ns)
            continue;
        bool is_answered = query->answered_ns != NEVER && query->rcode == 0;
        if (is_answered && answered == 0)
            nsid = query->nsid;
        asked++;
        answered += is_answered;
    }
    printf("who address=%s nsid=%s asked=%u answered=%u\n", self->address, nsids[nsid], asked,
           answered);
}

struct tally {
    unsigned asked, lost, failed;
};

static bool is_lost(const struct query *query)
{
    return query->answered_ns == NEVER || query->answered_ns - query->sent_ns >= lost_ns;
}

static void count(struct tally *tally, const struct query *query)
{
    tally->asked++;
    tally->lost += is_lost(query);
    tally->failed += query->answered_ns != NEVER && query->rcode != 0;
}

/* When the first answer by that node arrived after t0; INT64_MAX: none yet. */
static int64_t first_answer_ns(const struct target *self, const char *nsid)
{
    int64_t first_ns = INT64_MAX;
    for (uint32_t i = self->begun; i < self->asked; i++) {
        const struct query *query = &self->queries[i];
        if (query->answered_ns > t0_ns && query->answered_ns < first_ns && query->rcode == 0 &&
            strcmp(nsids[query->nsid], nsid) == 0)
            first_ns = query->answered_ns;
    }
    return first_ns;
}

static void tell_report(const struct target *self, const char *nsid)
{
    struct tally quiet = {0}, event = {0};
    unsigned by[NSIDS_MAX] = {0};
    const int64_t settled_ns = now_ns() - lost_ns, event_ns = t0_ns - EARLIER_MS * ms_ns;
    for (uint32_t i = self->begun; i < self->asked; i++) {
        const struct query *query = &self->queries[i];
        if (query->sent_ns <= settled_ns)
            count(query->sent_ns < event_ns ? &quiet : &event, query);
        by[query->nsid] += query->answered_ns != NEVER && query->sent_ns >= event_ns;
    }
    char first[32] = "-";
    int64_t first_ns = first_answer_ns(self, nsid);
    if (first_ns != INT64_MAX)
        snprintf(first, sizeof first, "%.3f", (double)(first_ns - t0_ns) / 1e6);
    printf("report address=%s first_ms=%s asked=%u lost=%u failed=%u quiet_asked=%u quiet_lost=%u "
           "late_ms=%.1f by=",
           self->address, first, event.asked, event.lost, event.failed, quiet.asked,
           quiet.lost + quiet.failed, (double)late_ns / 1e6);
    const char *separator = "";
    for (size_t i = 0; i < nsid_count; i++) {
        if (by[i] == 0)
            continue;
        printf("%s%s:%u", separator, nsids[i], by[i]);
        separator = ",";
    }
    printf("\n");
}

/* Returns how many it told. A gap whose end is not yet known stays for the next time. */
static unsigned tell_gaps(struct target *self, int64_t least_ns)
{
    unsigned told = 0;
    const int64_t settled_ns = now_ns() - lost_ns;
    uint32_t first = self->seen; /* of the gap at hand, or `i` when there is none */
    for (uint32_t i = self->seen; i < self->asked && self->queries[i].sent_ns <= settled_ns; i++) {
        const struct query *query = &self->queries[i];
        if (is_lost(query) || query->rcode != 0)
            continue;
        const int64_t from_ns = self->queries[first].sent_ns;
        if (first < i && query->sent_ns - from_ns >= least_ns) {
            printf("gap address=%s from_ns=%lld ms=%.3f\n", self->address, (long long)from_ns,
                   (double)(query->sent_ns - from_ns) / 1e6);
            told++;
        }
        self->seen = first = i + 1;
    }
    return told;
}

static void tell_all_gaps(int64_t least_ns)
{
    unsigned told = 0;
    for (size_t i = 0; i < target_count; i++)
        told += tell_gaps(&targets[i], least_ns);
    printf("gaps count=%u\n", told);
}

static void obey(char *line)
{
    char *rest = line;
    const char *verb = strsep(&rest, " ");
    if (strcmp(verb, "mark") == 0) {
        t0_ns = rest == NULL ? now_ns() : strtoll(rest, NULL, 10);
        late_ns = 0;
        printf("mark t0_ns=%lld\n", (long long)t0_ns);
    } else if (strcmp(verb, "begin") == 0) {
        for (size_t i = 0; i < target_count; i++)
            targets[i].begun = targets[i].asked;
        printf("begin\n");
    } else if (strcmp(verb, "who") == 0) {
        for (size_t i = 0; i < target_count; i++)
            tell_who(&targets[i]);
    } else if (strcmp(verb, "report") == 0 && rest != NULL) {
        for (size_t i = 0; i < target_count; i++)
            tell_report(&targets[i], rest);
    } else if (strcmp(verb, "gaps") == 0 && rest != NULL) {
        tell_all_gaps(atoi(rest) * ms_ns);
    } else {
        fail(EXIT_USAGE, line, "is not who, begin, mark [T0], report NSID or gaps MS");
    }
    fflush(stdout);
}

/* Reads what has come on standard input and obeys the lines that are complete; false at its end. */
static bool read_orders(void)
{
    static char line[LINE_MAX];
    static size_t size;
    ssize_t got = read(STDIN_FILENO, line + size, sizeof line - size);
    if (got <= 0)
        return false;
    size += (size_t)got;
    for (char *end; (end = memchr(line, '\n', size)) != NULL;) {
        *end = '\0';
        obey(line);
        size -= (size_t)(end + 1 - line);
        memmove(line, end + 1, size);
    }
    if (size == sizeof line)
        fail(EXIT_USAGE, "standard input", "a line is too long");
    return true;
}

static int open_timer(void)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec each = {.it_interval = {.tv_nsec = every_ns},
                              .it_value = {.tv_nsec = every_ns}};
    if (timer < 0 || timerfd_settime(timer, 0, &each, NULL) != 0)
        fail(EXIT_SYSTEM, "timer", strerror(errno));
    return timer;
}

/* How long it did not run although the timer wanted it to. */
static void note_lateness(void)
{
    const int64_t now = now_ns();
    if (now - ran_ns - every_ns > late_ns && ran_ns != 0)
        late_ns = now - ran_ns - every_ns;
    ran_ns = now;
}

static int64_t *option_of(const char *word)
{
    if (strcmp(word, "--lost-ms") == 0)
        return &lost_ns;
    return strcmp(word, "--every-ms") == 0 ? &every_ns : NULL;
}

int main(int argc, char **argv)
{
    int first = 1;
    for (int64_t *option; first + 1 < argc && (option = option_of(argv[first])) != NULL; first += 2)
        *option = atoi(argv[first + 1]) * ms_ns;
    if (argc < first + 2 || lost_ns <= 0 || every_ns <= 0 || every_ns >= 1000 * ms_ns)
        fail(EXIT_USAGE, "usage", "tandem-outage [--lost-ms MS] [--every-ms MS] NAME ADDRESS...");
    (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
    write_question(argv[first]);
    for (int i = first + 1; i < argc; i++)
        open_target(argv[i]);
    struct pollfd waits[ADDRESSES_MAX + 2];
    for (size_t i = 0; i < target_count; i++)
        waits[i] = (struct pollfd){.fd = targets[i].fd, .events = POLLIN};
    struct pollfd *timer = &waits[target_count], *orders = timer + 1;
    *timer = (struct pollfd){.fd = open_timer(), .events = POLLIN};
    *orders = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (poll(waits, target_count + 2, -1) < 0)
            fail(EXIT_SYSTEM, "poll", strerror(errno));
        for (size_t i = 0; i < target_count; i++)
            if (waits[i].revents != 0)
                hear(&targets[i]);
        uint64_t expired;
        if (timer->revents != 0 && read(timer->fd, &expired, sizeof expired) == sizeof expired) {
            note_lateness();
            for (size_t i = 0; i < target_count; i++)
                ask(&targets[i]);
        }
        if (orders->revents != 0 && !read_orders())
            return EXIT_SUCCESS;
    }
}
