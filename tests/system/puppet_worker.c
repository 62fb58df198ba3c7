/* tests/system/puppet_worker.c -- a worker that does as the test says, in tandem-worker's place.
 *
 * It uses the real page and the real channel, so that tandemd can be tested against every way in
 * which a worker may behave. The first word of the file PUPPET_ORDERS at each start decides:
 *
 *   serve       live on the page, say READY and SYNC, exit 0 at STOP; holds PUPPET_MB of memory;
 *               answers the guardian's probes as a worker of one DNS thread
 *   mute        the same, but its DNS thread is hung half a second later; its control thread is not
 *   poisoned    the same, but it aborts half a second later
 *   deaf        the same, but never reads its channel
 *   exit-N      exit N at once
 *   liar        say READY without a life on the page
 *   babbler     serve, after messages that make no sense
 *   deserter    serve, but close the channel and live on
 *
 * mute and poisoned have a query of type A for PUPPET_QUERY (a name) in hand from then on. What it
 * is told, it writes to standard error: "puppet address ADDRESS held=1 reason=ready". */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failover/channel.h"
#include "failover/page.h"
#include "replication/ip.h"

enum { TURN_MS = 20, HEALTHY_TURNS = 25 };

static volatile sig_atomic_t is_reload_asked;

static char orders[32];
static struct page *page;
static int probe_fd;

static void on_hangup(int signal)
{
    (void)signal;
    is_reload_asked = 1;
}

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static void read_orders(void)
{
    const char *path = getenv("PUPPET_ORDERS");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (file == NULL || fscanf(file, "%31s", orders) != 1)
        strcpy(orders, "serve");
    if (file != NULL)
        fclose(file);
}

/* Memory that is really there, in small pages: what the kernel must free after SIGKILL. */
static void grow(void)
{
    const char *text = getenv("PUPPET_MB");
    size_t size = text != NULL ? strtoul(text, NULL, 10) << 20 : 0;
    if (size == 0)
        return;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        exit(111);
    madvise(memory, size, MADV_NOHUGEPAGE);
    memset(memory, 1, size);
}

static void babble(int channel)
{
    static const char nonsense[200] = "nonsense";
    for (size_t size = 1; size < sizeof nonsense; size += 21)
        send(channel, nonsense, size, MSG_DONTWAIT);
    channel_send(channel, &(struct channel_message){.kind = CHANNEL_STOP});
}

static void print_address(const struct channel_message *message)
{
    char text[IP_TEXT_SIZE];
    fprintf(stderr, "puppet address %s held=%d reason=%s\n", ip_text(&message->address, text),
            message->held, message->reason);
}

/* ---- a DNS thread, as far as the guardian sees it ---- */

static void open_probes(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    probe_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* As the worker does. The guardian hears lo alone, and to the kernel what this host sends to an
     * address of another interface has come in there, unless its sender is bound to lo. */
    if (setsockopt(probe_fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") < 0 ||
        bind(probe_fd, (struct sockaddr *)&name, size) < 0 ||
        getsockname(probe_fd, (struct sockaddr *)&name, &size) < 0)
        exit(111);
    page->threads[0].probe_port = ntohs(name.sin_port);
    page->thread_count = 1;
}

/* What comes goes back as an answer: QR set. */
static void answer_probes(void)
{
    uint8_t bytes[sizeof(struct page_probe) + PAGE_PROBE_QUERY_MAX];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t received;
    while ((received = recvfrom(probe_fd, bytes, sizeof bytes, MSG_DONTWAIT,
                                (struct sockaddr *)&from, &size)) > 0) {
        bytes[sizeof(struct page_probe) + 2] |= 0x80;
        sendto(probe_fd, bytes, (size_t)received, 0, (struct sockaddr *)&from, size);
    }
}

/* A query of type A for the name, no flags, no EDNS; returns its size. */
static size_t write_query(const char *name, uint8_t bytes[300])
{
    static const uint8_t header[12] = {0, 0, 0, 0, 0, 1}, end[] = {0, 0, 1, 0, 1};
    size_t size = sizeof header;
    memcpy(bytes, header, sizeof header);
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        bytes[size++] = (uint8_t)label;
        memcpy(bytes + size, name, label);
        size += label;
        name += label + (name[label] == '.');
    }
    memcpy(bytes + size, end, sizeof end);
    return size + sizeof end;
}

static void take_poison(void)
{
    uint8_t query[300];
    size_t size = write_query(getenv("PUPPET_QUERY"), query);
    page_note_begin(page_own_note(page, 0), query, size);
    if (strcmp(orders, "poisoned") == 0)
        abort();
}

/* One turn of both its threads. */
static void work(void)
{
    static int turns;
    bool is_bad = strcmp(orders, "mute") == 0 || strcmp(orders, "poisoned") == 0;
    page->control_progress++;
    if (is_bad && ++turns == HEALTHY_TURNS)
        take_poison();
    if (!is_bad || turns < HEALTHY_TURNS)
        answer_probes();
}

static void obey(int channel)
{
    for (;;) {
        struct channel_message message;
        struct pollfd readable[] = {{.fd = channel, .events = POLLIN},
                                    {.fd = probe_fd, .events = POLLIN}};
        poll(readable, strcmp(orders, "serve") == 0 ? 2 : 1, TURN_MS);
        work();
        if (is_reload_asked) {
            is_reload_asked = 0;
            fprintf(stderr, "puppet reloads\n");
        }
        int received = channel_receive(channel, &message);
        if (received == -EPIPE)
            exit(3);
        if (received == 1 && message.kind == CHANNEL_STOP)
            exit(0);
        if (received == 1)
            print_address(&message);
    }
}

int main(int argc, char **argv)
{
    read_orders();
    if (strncmp(orders, "exit-", 5) == 0)
        return atoi(orders + 5);
    if (strcmp(argv[argc - 1], "--check") == 0)
        return 0;
    const char *page_text = option(argc, argv, "--page-fd");
    const char *channel_text = option(argc, argv, "--channel-fd");
    if (page_text == NULL || channel_text == NULL)
        return 100;
    int channel = atoi(channel_text);
    if (channel_open_worker(channel) < 0 || page_open(atoi(page_text), &page) < 0)
        return 111;
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = on_hangup}, NULL);
    page_catch_faults(page);
    open_probes();
    grow();
    if (strcmp(orders, "liar") != 0 && page_live(page) < 0)
        return 111;
    if (strcmp(orders, "babbler") == 0)
        babble(channel);
    channel_send(channel, &(struct channel_message){.kind = CHANNEL_READY});
    channel_send(channel, &(struct channel_message){.kind = CHANNEL_SYNC, .synced = true});
    if (strcmp(orders, "deserter") == 0)
        close(channel);
    if (strcmp(orders, "deaf") == 0 || strcmp(orders, "deserter") == 0)
        for (;;) {
            poll(&(struct pollfd){.fd = probe_fd, .events = POLLIN}, 1, TURN_MS);
            work();
        }
    obey(channel);
}
