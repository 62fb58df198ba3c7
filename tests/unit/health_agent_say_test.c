/* An agent and a node that does not read: real sockets, the reporter's time given. */
#include "health/agent/say.h"

#include "unit/link_ends.h"

static struct end node;
static struct link *link;
static struct reporter reporter;
static struct reporter_update update;
static struct report figures;
static struct pack_space space;
static struct message heard;
static size_t report_count; /* that the node has read */
static uint32_t sockets;    /* in the last of them */

static void open_agent_link(void)
{
    struct link_peer peer = {.dial = true, .address = loopback(4), .port = link_port(node.link)};
    strcpy(peer.keys[0], node_keys.public_key);
    struct link_config config = {.peer_count = 1, .peers = &peer};
    strcpy(config.public_key, agent_keys[0].public_key);
    strcpy(config.secret_key, agent_keys[0].secret_key);
    ck_assert_msg(link_open(&link, &config, error) == 0, "%s", error);
}

static void step(int64_t at_ms, struct reporter_event event)
{
    say_step(&reporter, link, at_ms, &event, &update);
}

/* What came for the agent, into its reporter; true when it was a message. */
static bool agent_hears(int64_t at_ms)
{
    struct link_event event;
    link_receive(link, &event);
    if (event.type == LINK_UP)
        step(at_ms, (struct reporter_event){.type = REPORTER_LINK_UP});
    if (event.type != LINK_FRAME)
        return false;
    ck_assert_int_eq(message_decode(&heard, &space, event.bytes, event.size, NULL), MESSAGE_OK);
    step(at_ms, (struct reporter_event){.type = REPORTER_MESSAGE, .message = &heard});
    return true;
}

static void answer_hello(void)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    static struct message message;
    message.type = MESSAGE_HELLO;
    message.hello = (struct message_hello){.protocol_min = 1,
                                           .protocol_max = 1,
                                           .role = MESSAGE_NODE,
                                           .name = "ns1",
                                           .cluster = "lab",
                                           .boot = 11,
                                           .heard_boot = 7,
                                           .synced = true};
    ck_assert_int_eq(link_send(node.link, 0, bytes, message_encode(&message, bytes)), 0);
}

/* The node reads all that waits; what fills the way is no message. */
static void node_reads(void)
{
    struct link_event event;
    do {
        link_receive(node.link, &event);
        if (event.type != LINK_FRAME ||
            message_decode(&heard, &space, event.bytes, event.size, NULL) != MESSAGE_OK)
            continue;
        if (heard.type == MESSAGE_HELLO)
            answer_hello();
        if (heard.type != MESSAGE_DELTA)
            continue;
        struct report report;
        const struct record *record = &heard.records.records[0];
        ck_assert_int_eq(report_decode(&report, &space, record->value, record->value_size),
                         REPORT_OK);
        report_count++;
        sockets = report.services[0].sockets;
    } while (event.type != LINK_NOTHING || link_pending(node.link));
}

static void sample(int64_t at_ms, uint32_t now_sockets)
{
    figures.services[0].sockets = now_sockets;
    step(at_ms, (struct reporter_event){.type = REPORTER_SAMPLE, .report = &figures});
}

/* They know each other, and the first report was read. */
static void begin(void)
{
    make_keys(2);
    node = open_node(0);
    open_agent_link();
    pack_space_open(&space);
    report_count = 0;
    struct reporter_config config = {.cluster = "lab",
                                     .server = "media1",
                                     .node_count = 1,
                                     .boot = 7,
                                     .interval_ms = 1000,
                                     .gap_ms = 100,
                                     .lack_ms = 100,
                                     .socket_step = 10,
                                     .permille_step = 50};
    reporter_init(&reporter, &config);
    figures = (struct report){.service_count = 1, .services = {{.port = 1755, .listening = true}}};
    sample(0, 0);
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (report_count == 0) {
        ck_assert_int_lt(now_ms(), deadline);
        agent_hears(0);
        node_reads();
    }
}

static void end(void)
{
    link_close(link);
    link_close(node.link);
    pack_space_close(&space);
}

/* Two seconds of figures find the way full. When the node reads again it gets the last of them,
 * within the gap between two reports, and none of those before. */
START_TEST(a_node_that_reads_again_gets_the_newest_report_alone)
{
    begin();
    struct end agent = {.link = link};
    fill(&agent, 0);
    uint64_t unsendable = counts(&agent).unsendable;
    for (uint32_t i = 1; i <= 20; i++) {
        sample(100 * i, 1000 * i);
        ck_assert_uint_eq(counts(&agent).unsendable, unsendable + i);
        ck_assert(reporter.nodes[0].unsent);
    }
    report_count = 0;
    int64_t deadline = now_ms() + DEADLINE_MS, quiet_ms = now_ms();
    for (int64_t at_ms = 2000; report_count == 0; at_ms = now_ms() - quiet_ms < 300 ? 2099 : 2100) {
        ck_assert_int_lt(now_ms(), deadline);
        node_reads();
        agent_hears(at_ms);
        step(at_ms, (struct reporter_event){.type = REPORTER_TIMEOUT});
    }
    ck_assert_uint_eq(report_count, 1);
    ck_assert_uint_eq(sockets, 20000);
    ck_assert(!reporter.nodes[0].unsent);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("health/agent/say");
    SUITE_CASE(suite, "full", a_node_that_reads_again_gets_the_newest_report_alone);
    return suite_run(suite);
}
