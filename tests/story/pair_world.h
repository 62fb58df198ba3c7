/* tests/story/pair_world.h -- two nodes' pairs, their LAN and their pair link, a millisecond at a
 * time, and what became of each address as a line of text. */
#ifndef TANDEM_TESTS_STORY_PAIR_WORLD_H
#define TANDEM_TESTS_STORY_PAIR_WORLD_H

#include "failover/pair.h"

#include <stdio.h>
#include <string.h>

#include "unit/said.h"
#include "unit/suite.h"

enum { INTERVAL_MS = 10, SIGNS_MAX = 64 };

/* What is on its way to a node, and arrives a millisecond later. */
struct sign {
    int64_t due_ms;
    bool is_beat;
    struct beat beat;
    struct pair_event event;
};

static struct world_node {
    bool runs;                  /* the guardian: not killed, not frozen */
    bool lan_in, lan_out, link; /* what arrives, what leaves, the pair link */
    bool link_in;               /* what arrives on that */
    bool reads;                 /* the DNS threads empty their queues */
    bool refuses;               /* the kernel takes no address */
    size_t announcements;       /* that left it */
    size_t confirmations;       /* asked for */
    bool holds[PAIR_NODES];     /* in the kernel */
    bool ended;
    struct pair pair;
    struct sign signs[SIGNS_MAX];
    size_t sign_count;
} world[PAIR_NODES];
static int64_t now_ms;
static bool witness_lives;

static void happen(size_t number, const struct pair_event *event);

static void send_sign(size_t to, const struct sign *sign)
{
    struct world_node *node = &world[to];
    ck_assert_uint_lt(node->sign_count, SIGNS_MAX);
    if (!node->runs)
        return;
    node->signs[node->sign_count] = *sign;
    node->signs[node->sign_count++].due_ms = now_ms + 1;
}

static bool is_lan_open(size_t from, size_t to)
{
    return world[from].lan_out && world[to].lan_in;
}

static void do_action(size_t number, const struct pair_action *action)
{
    struct world_node *node = &world[number];
    size_t other = 1 - number;
    struct sign sign = {0};
    switch (action->kind) {
    case PAIR_ADD:
    case PAIR_REFRESH:
        node->holds[action->home] |= !node->refuses;
        happen(number, &(struct pair_event){.kind = node->refuses ? PAIR_EVENT_ADD_FAILED
                                                                  : PAIR_EVENT_ADDED,
                                            .home = action->home});
        break;
    case PAIR_DELETE: /* its lease may have ended before */
        node->holds[action->home] = false;
        break;
    case PAIR_CONFIRM:
        ck_assert_msg(node->holds[action->home], "asked in the name of what it does not hold");
        node->confirmations++;
        sign.event = (struct pair_event){.kind = PAIR_EVENT_CONFIRMED, .home = action->home};
        if (node->lan_out && node->lan_in && witness_lives)
            send_sign(number, &sign);
        break;
    case PAIR_ANNOUNCE:
        ck_assert_msg(node->holds[action->home], "announced what it does not hold");
        node->announcements++;
        sign.event = (struct pair_event){.kind = PAIR_EVENT_ANNOUNCED, .home = action->home};
        if (is_lan_open(number, other))
            send_sign(other, &sign);
        break;
    case PAIR_ADVERTISE:
        sign.event = (struct pair_event){
            .kind = PAIR_EVENT_ADVERTISEMENT, .home = action->home, .priority = action->priority};
        if (is_lan_open(number, other))
            send_sign(other, &sign);
        break;
    case PAIR_BEAT:
        sign.is_beat = true;
        pair_beat(&node->pair, now_ms * 1000, &sign.beat);
        if (node->link && world[other].link && world[other].link_in)
            send_sign(other, &sign);
        break;
    case PAIR_PROBE:
        sign.event = (struct pair_event){.kind = PAIR_EVENT_REPLY};
        if (node->lan_out && node->lan_in &&
            (witness_lives || (is_lan_open(number, other) && is_lan_open(other, number))))
            send_sign(number, &sign);
        break;
    case PAIR_EMPTY:
        sign.event = (struct pair_event){.kind = PAIR_EVENT_QUEUE_EMPTY, .home = action->home};
        if (node->reads)
            send_sign(number, &sign);
        break;
    case PAIR_NOTE:
        say("%s%lld ns%zu home%u %s>%s %s", said[0] == '\0' ? "" : "\n", (long long)now_ms,
            number + 1, action->home + 1, pair_state_word(action->was), pair_state_word(action->is),
            pair_reason_word(action->reason));
        break;
    case PAIR_END:
        node->ended = true;
        break;
    case PAIR_LEFT:
    case PAIR_STAYED:
        say("%s%lld ns%zu %s", said[0] == '\0' ? "" : "\n", (long long)now_ms, number + 1,
            action->kind == PAIR_LEFT ? "left" : "stayed");
        break;
    case PAIR_ASK:
    case PAIR_ALARM:
        break;
    }
}

static void happen(size_t number, const struct pair_event *event)
{
    struct pair_actions todo;
    pair_step(&world[number].pair, now_ms * 1000, event, &todo);
    for (size_t i = 0; i < todo.count; i++)
        do_action(number, &todo.list[i]);
}

static void happens(size_t number, enum pair_event_kind kind)
{
    happen(number, &(struct pair_event){.kind = kind});
}

/* Take in all that has arrived, then judge, as the guardian does. */
static void read_signs(size_t number)
{
    struct world_node *node = &world[number];
    struct sign waiting[SIGNS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < node->sign_count; i++)
        if (node->signs[i].due_ms <= now_ms)
            waiting[count++] = node->signs[i];
    memmove(node->signs, node->signs + count, (node->sign_count - count) * sizeof *node->signs);
    node->sign_count -= count;
    if (count > 0)
        happens(number, PAIR_EVENT_READING);
    for (size_t i = 0; i < count; i++) {
        if (waiting[i].is_beat) {
            happen(number, &(struct pair_event){.kind = PAIR_EVENT_BEAT, .beat = &waiting[i].beat});
        } else {
            if (waiting[i].event.kind != PAIR_EVENT_QUEUE_EMPTY)
                happens(number, PAIR_EVENT_FRAME);
            happen(number, &waiting[i].event);
        }
    }
    happens(number, PAIR_EVENT_TIMEOUT);
}

static void pass_ms(int64_t ms)
{
    for (int64_t end_ms = now_ms + ms; now_ms < end_ms;) {
        now_ms++;
        for (size_t i = 0; i < PAIR_NODES; i++)
            if (world[i].runs && !world[i].ended)
                read_signs(i);
    }
}

static void worker_is(size_t number, bool fit, bool synced)
{
    happen(number, &(struct pair_event){.kind = PAIR_EVENT_WORKER, .fit = fit, .synced = synced});
}

static void start_node(size_t number, bool has_witness)
{
    const struct pair_config config = {.self = (uint8_t)number,
                                       .has_partner = true,
                                       .has_witness = has_witness,
                                       .interval_us = INTERVAL_MS * 1000,
                                       .flap_us = PAIR_FLAP_US,
                                       .hold_us_max = PAIR_HOLD_US_MAX};
    world[number] = (struct world_node){.runs = true,
                                        .lan_in = true,
                                        .lan_out = true,
                                        .link = true,
                                        .link_in = true,
                                        .reads = true};
    pair_init(&world[number].pair, &config, now_ms * 1000);
}

/* Both nodes at home, with a living witness; the clock is at a second, and nothing is said yet. */
static void at_home(void)
{
    now_ms = 0;
    witness_lives = true;
    said[0] = '\0';
    for (size_t i = 0; i < PAIR_NODES; i++)
        start_node(i, true);
    for (size_t i = 0; i < PAIR_NODES; i++)
        worker_is(i, true, true);
    pass_ms(1000 - now_ms);
    ck_assert(world[0].holds[0]);
    ck_assert(world[1].holds[1]);
    said[0] = '\0';
}

/* The guardian and its worker end at once; the kernel lives and closes their connections. */
static inline void kill_node(size_t number)
{
    world[number].runs = false;
    world[number].sign_count = 0;
    memset(world[number].holds, 0, sizeof world[number].holds);
    happen(1 - number, &(struct pair_event){.kind = PAIR_EVENT_TRIPWIRE, .is = false});
}

/* The guardian that slept goes on. */
static inline void wake_node(size_t number, int64_t late_ms)
{
    world[number].runs = true;
    happen(number, &(struct pair_event){.kind = PAIR_EVENT_WOKE, .lateness_us = late_ms * 1000});
    read_signs(number);
    happens(number, PAIR_EVENT_DRAINED);
}

static inline void set_lan(size_t number, bool in, bool out)
{
    world[number].lan_in = in;
    world[number].lan_out = out;
}

/* Nobody hears the other; each still hears the clients. */
static inline void part(bool is_parted)
{
    for (size_t i = 0; i < PAIR_NODES; i++) {
        world[i].link = !is_parted;
        set_lan(i, !is_parted, !is_parted);
    }
}

static inline void pass_with_clients_ms(int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        pass_ms(1);
        for (size_t node = 0; node < PAIR_NODES; node++)
            if (world[node].runs)
                happens(node, PAIR_EVENT_FRAME);
    }
}

#endif
