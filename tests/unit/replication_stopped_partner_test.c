/* A partner that does not read for a while: two replicas, real sockets between them, the replicas'
 * time given. The connection stands, as when a thread hangs, for as long as ZeroMQ's own threads do
 * not miss each other: they stop reading, too, when their queue is full. */
#include "replica_fixture.h"
#include "unit/link_ends.h"

enum {
    STEP_MS = 10,       /* of the replicas' time */
    STOPPED_MS = 15000, /* likewise: so long ns2 does not read */
    ORDERS = 200,       /* each given anew every REPLICA_DELTA_MS: 1.4 MB a second */
    QUIET_MS = 5,       /* of real time: nothing more is on its way on loopback */
};

static struct side {
    struct fixture fixture;
    struct end end;
    struct pack_space space;
    uint64_t unsent;
    bool is_up; /* of ns1, which dials */
} ns1, ns2;

static void act(struct side *self, int64_t at_ms, const struct replica_event *event)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    struct replica_update *update = &self->fixture.update;
    replica_step(&self->fixture.replica, at_ms, event, update);
    for (size_t i = 0; i < update->send_count; i++) {
        size_t size = message_encode(&update->sends[i].message, bytes);
        self->unsent += link_send(self->end.link, 0, bytes, size) != 0;
    }
}

/* All that waits for it; true when there was something. */
static bool reads(struct side *self, int64_t at_ms)
{
    static struct message message;
    struct link_event event;
    bool has_read = false;
    do {
        link_receive(self->end.link, &event);
        if (event.type == LINK_UP || event.type == LINK_DOWN) {
            self->is_up = event.type == LINK_UP;
            act(self, at_ms,
                &(struct replica_event){.type = self->is_up ? REPLICA_LINK_UP : REPLICA_LINK_DOWN});
        }
        if (event.type != LINK_FRAME)
            continue;
        has_read = true;
        ck_assert_int_eq(message_decode(&message, &self->space, event.bytes, event.size, NULL),
                         MESSAGE_OK);
        act(self, at_ms, &(struct replica_event){.type = REPLICA_MESSAGE, .message = &message});
    } while (event.type != LINK_NOTHING || link_pending(self->end.link));
    return has_read;
}

static void times_out(struct side *self, int64_t at_ms)
{
    for (int i = 0; i < 8 && replica_deadline(&self->fixture.replica) <= at_ms; i++)
        act(self, at_ms, &(struct replica_event){.type = REPLICA_TIMEOUT});
}

/* A moment of both, until nothing more comes. */
static void turn_both(int64_t at_ms)
{
    times_out(&ns1, at_ms);
    times_out(&ns2, at_ms);
    int64_t deadline = now_ms() + DEADLINE_MS;
    for (int64_t quiet_ms = now_ms(); now_ms() - quiet_ms < QUIET_MS || !ns1.is_up;) {
        ck_assert_int_lt(now_ms(), deadline);
        bool has_read = reads(&ns1, at_ms);
        has_read |= reads(&ns2, at_ms);
        if (has_read)
            quiet_ms = now_ms();
    }
}

static void give_orders(int64_t at_ms)
{
    uint8_t value[RECORD_VALUE_MAX] = {0};
    for (size_t i = 0; i < ORDERS; i++) {
        struct record_key key = {.kind = RECORD_ORDER};
        snprintf(key.name, sizeof key.name, "drain/media%zu", i);
        ck_assert_ptr_nonnull(
            replica_write(&ns1.fixture.replica, at_ms, &key, value, sizeof value));
    }
}

static bool is_same(void)
{
    return table_digest(&ns1.fixture.table) == table_digest(&ns2.fixture.table);
}

/* ns1 dials, ns2 listens; both are synced. */
static int64_t begin(void)
{
    make_keys(2);
    fixture_start(&ns1.fixture, 1, 11, 2 * ORDERS);
    fixture_start(&ns2.fixture, 2, 21, 2 * ORDERS);
    ns2.end = open_node(0);
    ns1.end = open_agent(&agent_keys[0], link_port(ns2.end.link));
    pack_space_open(&ns1.space);
    pack_space_open(&ns2.space);
    act(&ns1, 0, &(struct replica_event){.type = REPLICA_START});
    act(&ns2, 0, &(struct replica_event){.type = REPLICA_START});
    int64_t at_ms = 0;
    for (; ns1.fixture.replica.sync != REPLICA_SYNCED || ns2.fixture.replica.sync != REPLICA_SYNCED;
         at_ms += STEP_MS)
        turn_both(at_ms);
    return at_ms;
}

static void end(void)
{
    link_close(ns1.end.link);
    link_close(ns2.end.link);
    pack_space_close(&ns1.space);
    pack_space_close(&ns2.space);
    fixture_end(&ns1.fixture);
    fixture_end(&ns2.fixture);
}

/* What finds its queue full is dropped and counted, and a second after the partner reads again it
 * has the newest of all. */
START_TEST(a_partner_that_reads_again_has_the_newest_within_a_second)
{
    int64_t at_ms = begin();
    ck_assert_uint_eq(counts(&ns1.end).unsendable, 0);
    for (int64_t until_ms = at_ms + STOPPED_MS; at_ms < until_ms; at_ms += STEP_MS) {
        if (at_ms % REPLICA_DELTA_MS == 0)
            give_orders(at_ms);
        times_out(&ns1, at_ms);
    }
    ck_assert_uint_gt(ns1.unsent, 0);
    ck_assert_uint_eq(counts(&ns1.end).unsendable, ns1.unsent);
    ck_assert(!is_same());
    for (int64_t since_ms = at_ms; !is_same(); at_ms += STEP_MS) {
        ck_assert_int_le(at_ms - since_ms, REPLICA_VERSIONS_MS + 2 * REPLICA_DELTA_MS);
        turn_both(at_ms);
    }
    end();
}
END_TEST

int main(void)
{
    setenv("CK_DEFAULT_TIMEOUT", "60", 0);
    Suite *suite = suite_create("replication: a stopped partner");
    SUITE_CASE(suite, "stopped", a_partner_that_reads_again_has_the_newest_within_a_second);
    return suite_run(suite);
}
