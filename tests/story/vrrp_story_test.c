/* Two routers elect one, over the bytes of advertisements: what each does, with the millisecond.
 * The LAN is perfect but for what the story cuts; a packet takes 100 us. */
#include "failover/advertisement.h"
#include "failover/vrrp.h"

#include <stdio.h>
#include <string.h>

#include "unit/said.h"
#include "unit/suite.h"

enum { FLIGHTS_MAX = 16, DELAY_US = 100 };

/* An advertisement under way to the other router. */
struct flight {
    int64_t at_us;
    size_t to, size; /* size 0: a free place */
    uint8_t bytes[ADVERTISEMENT_SIZE_MAX];
};

static struct vrrp routers[2];
static bool is_holding[2], is_deaf[2], is_refused[2];
static struct flight flights[FLIGHTS_MAX];
static int64_t clock_us;

static struct ip host(size_t router)
{
    return (struct ip){.family = 4, .bytes = {192, 0, 2, (uint8_t)(11 + router)}};
}

static void send_advertisement(size_t from, uint8_t priority)
{
    struct advertisement advertisement = {.vrid = 51,
                                          .priority = priority,
                                          .interval_cs = routers[from].config.interval_cs,
                                          .family = 4,
                                          .address_count = 1,
                                          .addresses = {host(42)}};
    struct ip source = host(from), destination = host(1 - from);
    size_t i = 0;
    while (i < FLIGHTS_MAX && flights[i].size > 0)
        i++;
    ck_assert_uint_lt(i, FLIGHTS_MAX);
    flights[i].at_us = clock_us + DELAY_US;
    flights[i].to = 1 - from;
    flights[i].size = advertisement_encode(&advertisement, &source, &destination,
                                           ADVERTISEMENT_PSEUDO, flights[i].bytes);
}

static void happens(size_t router, struct vrrp_event event);

static void perform(size_t router, const struct vrrp_action *action)
{
    switch (action->kind) {
    case VRRP_ADVERTISE:
        send_advertisement(router, action->priority);
        break;
    case VRRP_ADD:
        is_holding[router] = !is_refused[router];
        break;
    case VRRP_DELETE:
        is_holding[router] = false;
        break;
    case VRRP_ANNOUNCE:
        break;
    case VRRP_NOTE:
        say("%lld.%03lld r%zu %s>%s %s\n", (long long)(clock_us / 1000),
            (long long)(clock_us % 1000), router, vrrp_state_word(action->was),
            vrrp_state_word(action->is), vrrp_reason_word(action->reason));
        break;
    }
}

static void happens(size_t router, struct vrrp_event event)
{
    struct vrrp_actions todo;
    vrrp_step(&routers[router], clock_us, &event, &todo);
    for (size_t i = 0; i < todo.count; i++)
        perform(router, &todo.list[i]);
    if (routers[router].state == VRRP_ACTIVE && is_refused[router])
        happens(router, (struct vrrp_event){.kind = VRRP_ADDRESS_FAILED});
}

static void tell(size_t router, enum vrrp_event_kind kind)
{
    happens(router, (struct vrrp_event){.kind = kind});
}

static void deliver(struct flight *flight)
{
    struct advertisement_received received = {
        .ttl = 255, .source = host(1 - flight->to), .destination = host(flight->to)};
    struct advertisement_expectation expected = {
        .vrid = 51, .interval_cs = 1, .own = host(flight->to), .partner = host(1 - flight->to)};
    struct advertisement_heard heard;
    ck_assert_int_eq(
        advertisement_decode(flight->bytes, flight->size, &received, &expected, &heard),
        ADVERTISEMENT_ACCEPTED);
    flight->size = 0;
    if (is_deaf[flight->to])
        return;
    happens(flight->to, (struct vrrp_event){.kind = VRRP_ADVERTISEMENT,
                                            .priority = heard.advertisement.priority,
                                            .interval_cs = heard.advertisement.interval_cs,
                                            .source = received.source});
}

/* The next packet due at until_us or before, or NULL. */
static struct flight *next_flight(int64_t until_us)
{
    struct flight *next = NULL;
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        if (flights[i].size > 0 && flights[i].at_us <= until_us &&
            (next == NULL || flights[i].at_us < next->at_us))
            next = &flights[i];
    }
    return next;
}

/* Sockets are drained before timers are looked at, as the guardian does. */
static void run_until(int64_t until_ms)
{
    int64_t until_us = until_ms * 1000;
    for (;;) {
        size_t first = vrrp_deadline_us(&routers[1]) < vrrp_deadline_us(&routers[0]) ? 1 : 0;
        int64_t deadline_us = vrrp_deadline_us(&routers[first]);
        struct flight *flight = next_flight(deadline_us < until_us ? deadline_us : until_us);
        if (flight != NULL) {
            clock_us = flight->at_us;
            deliver(flight);
        } else if (deadline_us <= until_us) {
            clock_us = deadline_us;
            tell(first, VRRP_TIMEOUT);
        } else {
            break;
        }
    }
    clock_us = until_us;
}

/* r0 is of priority 200, r1 of 100; an interval of 10 ms; a hold of 50 ms. */
static void begin(void)
{
    memset(flights, 0, sizeof flights);
    memset(is_holding, 0, sizeof is_holding);
    clock_us = 0;
    said[0] = '\0';
    for (size_t i = 0; i < 2; i++) {
        struct vrrp_config config = {.priority = i == 0 ? 200 : 100,
                                     .interval_cs = 1,
                                     .is_preempting = true,
                                     .hold_us = 50000,
                                     .own = host(i)};
        vrrp_init(&routers[i], &config);
        tell(i, VRRP_FIT);
    }
}

static void begin_both(void)
{
    begin();
    tell(0, VRRP_START);
    tell(1, VRRP_START);
    run_until(100);
    said[0] = '\0';
}

START_TEST(of_two_that_start_at_once_the_stronger_becomes_active)
{
    begin();
    tell(0, VRRP_START);
    tell(1, VRRP_START);
    run_until(10000);
    ck_assert_str_eq(said, "0.000 r0 initialize>backup start\n"
                           "0.000 r1 initialize>backup start\n"
                           "32.187 r0 backup>active partner-silent\n");
    ck_assert(is_holding[0]);
    ck_assert(!is_holding[1]);
}
END_TEST

START_TEST(the_weaker_takes_over_from_a_dead_one_and_gives_back_after_the_hold)
{
    begin_both();
    /* r0 last advertised at 92.187 and is killed at 100: nothing of it runs. */
    vrrp_init(&routers[0], &(struct vrrp_config){.priority = 200,
                                                 .interval_cs = 1,
                                                 .is_preempting = true,
                                                 .hold_us = 50000,
                                                 .own = host(0)});
    run_until(200);
    tell(0, VRRP_START);
    tell(0, VRRP_FIT);
    run_until(10000);
    ck_assert_str_eq(said, "128.380 r1 backup>active partner-silent\n"
                           "200.000 r0 initialize>backup fit\n"
                           "280.667 r0 backup>active preempt\n"
                           "280.767 r1 active>backup higher-priority\n");
}
END_TEST

START_TEST(a_planned_stop_costs_the_skew_alone)
{
    begin_both();
    tell(0, VRRP_STOP);
    run_until(1000);
    ck_assert_str_eq(said, "100.000 r0 active>initialize stop\n"
                           "106.193 r1 backup>active partner-left\n");
    ck_assert(!is_holding[0]);
    ck_assert(is_holding[1]);
}
END_TEST

START_TEST(two_that_did_not_hear_each_other_settle_by_the_first_packet)
{
    begin_both();
    is_deaf[1] = true;
    run_until(200);
    ck_assert(is_holding[0]);
    ck_assert(is_holding[1]);
    is_deaf[1] = false;
    run_until(1000);
    ck_assert_str_eq(said, "128.380 r1 backup>active partner-silent\n"
                           "202.287 r1 active>backup higher-priority\n");
    ck_assert(is_holding[0]);
    ck_assert(!is_holding[1]);
}
END_TEST

START_TEST(who_cannot_add_the_address_leaves_it_to_the_partner)
{
    begin();
    is_refused[0] = true;
    tell(0, VRRP_START);
    tell(1, VRRP_START);
    run_until(60);
    ck_assert_str_eq(said, "0.000 r0 initialize>backup start\n"
                           "0.000 r1 initialize>backup start\n"
                           "32.187 r0 backup>active partner-silent\n"
                           "32.187 r0 active>backup address-failed\n"
                           "38.380 r1 backup>active partner-left\n");
    ck_assert(is_holding[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("VRRP: two routers");
    SUITE_CASE(suite, "vrrp", of_two_that_start_at_once_the_stronger_becomes_active,
               the_weaker_takes_over_from_a_dead_one_and_gives_back_after_the_hold,
               a_planned_stop_costs_the_skew_alone,
               two_that_did_not_hear_each_other_settle_by_the_first_packet,
               who_cannot_add_the_address_leaves_it_to_the_partner);
    return suite_run(suite);
}
