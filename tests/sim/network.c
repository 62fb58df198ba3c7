#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

enum { LATE_READ_MS = 20 }; /* after a wake-up whose timers come first */

/* ---- connections ---- */

size_t sim_agent_connection(const struct sim *self, size_t agent, size_t node)
{
    assert(agent < self->agent_count);
    return 1 + agent * SIM_NODES + node;
}

void sim_network_open(struct sim *self)
{
    self->connections[SIM_PARTNER_CONNECTION] =
        (struct sim_connection){.dialler = 1,
                                .listener = 0,
                                .change_due_ms = INT64_MAX,
                                .sound_since_ms = INT64_MAX,
                                .clean_since_ms = INT64_MAX};
    self->connection_count = 1;
    self->weather_changed = true;
    for (size_t agent = 0; agent < self->agent_count; agent++)
        for (size_t node = 0; node < SIM_NODES; node++)
            self->connections[self->connection_count++] =
                (struct sim_connection){.dialler = (int)(SIM_NODES + agent),
                                        .listener = node,
                                        .change_due_ms = INT64_MAX,
                                        .sound_since_ms = INT64_MAX,
                                        .clean_since_ms = INT64_MAX};
}

void sim_network_close(struct sim *self)
{
    for (size_t i = 0; i < self->frame_count; i++)
        free(self->frames[i].bytes);
    self->frame_count = 0;
}

/* ---- weather ---- */

static void suffer(const struct sim_fault *fault, size_t number, struct sim_connection *connection)
{
    bool is_partner = connection->dialler < SIM_NODES;
    size_t agent = (size_t)(connection->dialler - SIM_NODES);
    bool is_shut = false;
    switch (fault->kind) {
    case SIM_LOSS:
    case SIM_DELAY:
    case SIM_DUPLICATION:
    case SIM_REORDERING:
        if (fault->subject == SIZE_MAX || fault->subject == number)
            connection->weather |= 1U << fault->kind;
        return;
    case SIM_ONE_WAY:
        if (fault->subject == number)
            connection->is_open[fault->other] = false;
        return;
    case SIM_PARTITION:
        is_shut = is_partner;
        break;
    case SIM_AGENT_CUT:
        is_shut = !is_partner && fault->subject == agent && fault->other == connection->listener;
        break;
    case SIM_AGENT_LOST:
        is_shut = !is_partner && fault->subject == agent;
        break;
    case SIM_NODE_DEAF:
        is_shut = is_partner ? fault->other == 1 : fault->subject == connection->listener;
        break;
    default:
        return;
    }
    if (is_shut)
        connection->is_open[0] = connection->is_open[1] = false;
}

bool sim_is_clean(const struct sim *self, size_t connection, int64_t ms)
{
    int64_t since_ms = self->connections[connection].clean_since_ms;
    return since_ms != INT64_MAX && self->now_ms - since_ms >= ms;
}

static void watch(const struct sim *self, bool holds, int64_t *since_ms)
{
    if (!holds)
        *since_ms = INT64_MAX;
    else if (*since_ms == INT64_MAX)
        *since_ms = self->now_ms;
}

static void watch_clean(struct sim *self, struct sim_connection *connection)
{
    static const uint32_t rough = 1U << SIM_LOSS | 1U << SIM_DELAY | 1U << SIM_REORDERING;
    bool is_sound = connection->up && connection->is_whole && (connection->weather & rough) == 0;
    watch(self, is_sound, &connection->sound_since_ms);
    watch(self,
          is_sound && sim_is_awake(self, connection->dialler) &&
              sim_is_awake(self, (int)connection->listener),
          &connection->clean_since_ms);
}

static void change_weather(struct sim *self)
{
    self->weather_changed = false;
    for (size_t i = 0; i < self->connection_count; i++) {
        struct sim_connection *connection = &self->connections[i];
        connection->weather = 0;
        connection->is_open[0] = connection->is_open[1] = true;
        for (size_t fault = 0; fault < self->fault_count; fault++)
            suffer(&self->faults[fault], i, connection);
        connection->is_dead =
            sim_is_dead(self, connection->dialler) || sim_is_dead(self, (int)connection->listener);
        connection->is_whole =
            !connection->is_dead && connection->is_open[0] && connection->is_open[1];
        watch_clean(self, connection);
    }
}

/* ---- connections that come and go ---- */

static void tell_dialler(struct sim *self, const struct sim_connection *connection, bool up)
{
    if (sim_is_dead(self, connection->dialler))
        return;
    sim_trace(self, "link %d-%zu %s", connection->dialler, connection->listener,
              up ? "up" : "down");
    if (connection->dialler < SIM_NODES)
        sim_node_event(self, (size_t)connection->dialler,
                       &(struct node_event){.type = up ? NODE_LINK_UP : NODE_LINK_DOWN});
    else
        sim_agent_event(self, (size_t)(connection->dialler - SIM_NODES),
                        &(struct reporter_event){.type = up ? REPORTER_LINK_UP : REPORTER_LINK_DOWN,
                                                 .node = connection->listener});
}

/* TCP breaks soon after an end died, and by its heartbeat some time after a path is cut; it comes
 * back some time after both are there again. A dialler that does nothing notices when it wakes. */
static void step_connection(struct sim *self, struct sim_connection *connection)
{
    if (connection->is_whole == connection->up) {
        connection->change_due_ms = INT64_MAX;
        return;
    }
    int64_t wait_ms = connection->is_dead ? 20 : connection->up ? 1500 : 150;
    if (connection->change_due_ms == INT64_MAX)
        connection->change_due_ms = self->now_ms + 1 + (int64_t)sim_dice(self, (uint64_t)wait_ms);
    if (self->now_ms < connection->change_due_ms ||
        (!connection->is_dead && !sim_is_awake(self, connection->dialler)))
        return;
    connection->change_due_ms = INT64_MAX;
    connection->up = connection->is_whole;
    connection->epoch++;
    tell_dialler(self, connection, connection->up);
    watch_clean(self, connection);
}

void sim_network_break(struct sim *self, int host)
{
    for (size_t i = 0; i < self->connection_count; i++) {
        struct sim_connection *connection = &self->connections[i];
        bool is_dialler = connection->dialler == host;
        if (!connection->up || (!is_dialler && (int)connection->listener != host))
            continue;
        connection->change_due_ms = INT64_MAX;
        connection->up = false;
        connection->epoch++;
        if (!is_dialler)
            tell_dialler(self, connection, false);
        watch_clean(self, connection);
    }
}

/* ---- frames ---- */

static bool is_before(const struct sim_frame *a, const struct sim_frame *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void swap(struct sim_frame *a, struct sim_frame *b)
{
    struct sim_frame kept = *a;
    *a = *b;
    *b = kept;
}

static void push(struct sim *self, const struct sim_frame *frame)
{
    assert(self->frame_count < SIM_FRAMES_MAX);
    size_t at = self->frame_count++;
    self->frames[at] = *frame;
    for (; at > 0 && is_before(&self->frames[at], &self->frames[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&self->frames[at], &self->frames[(at - 1) / 2]);
}

static struct sim_frame pop(struct sim *self)
{
    struct sim_frame first = self->frames[0];
    self->frames[0] = self->frames[--self->frame_count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < self->frame_count; child++)
            if (is_before(&self->frames[child], &self->frames[least]))
                least = child;
        if (least == at)
            return first;
        swap(&self->frames[at], &self->frames[least]);
        at = least;
    }
}

static bool has_weather(const struct sim_connection *connection, enum sim_fault_kind kind)
{
    return (connection->weather & 1U << kind) != 0;
}

static int64_t delay_ms(struct sim *self, const struct sim_connection *connection)
{
    int64_t ms = (int64_t)sim_dice(self, 3);
    if (has_weather(connection, SIM_DELAY))
        ms += (int64_t)sim_dice(self, 300);
    if (has_weather(connection, SIM_REORDERING))
        ms += (int64_t)sim_dice(self, 60);
    return ms;
}

/* In every other seed one of the two nodes, and every third agent, is of the next version. */
bool sim_is_next(const struct sim *self, int host)
{
    if (self->seed / 2 % 2 == 0)
        return false;
    return host < SIM_NODES ? (uint64_t)host == self->seed / 4 % 2
                            : (uint64_t)host % 3 == self->seed / 4 % 3;
}

void sim_send(struct sim *self, size_t number, bool to_listener, const struct message *message)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    const struct sim_connection *connection = &self->connections[number];
    if (!connection->up || !connection->is_open[to_listener])
        return;
    if (has_weather(connection, SIM_LOSS) && sim_dice(self, 100) < 30)
        return;
    size_t size = message_encode(message, bytes);
    if (sim_is_next(self, to_listener ? connection->dialler : (int)connection->listener))
        size = next_message(message, bytes, size);
    size_t copies = has_weather(connection, SIM_DUPLICATION) && sim_dice(self, 100) < 30 ? 2 : 1;
    for (size_t i = 0; i < copies; i++) {
        struct sim_frame frame = {.due_ms = self->now_ms + delay_ms(self, connection),
                                  .order = self->frame_order++,
                                  .connection = number,
                                  .to_listener = to_listener,
                                  .epoch = connection->epoch,
                                  .size = (uint32_t)size,
                                  .bytes = malloc(size)};
        assert(frame.bytes != NULL);
        memcpy(frame.bytes, bytes, size);
        push(self, &frame);
    }
}

static void deliver_to_node(struct sim *self, size_t node, size_t peer,
                            const struct sim_frame *frame)
{
    sim_node_event(
        self, node,
        &(struct node_event){
            .type = NODE_FRAME, .peer = peer, .bytes = frame->bytes, .size = frame->size});
}

static void deliver(struct sim *self, const struct sim_frame *frame)
{
    const struct sim_connection *connection = &self->connections[frame->connection];
    bool is_partner = connection->dialler < SIM_NODES;
    sim_sums.frames++;
    if (frame->to_listener)
        deliver_to_node(
            self, connection->listener,
            is_partner ? REPLICA_PARTNER : 1 + (size_t)(connection->dialler - SIM_NODES), frame);
    else if (is_partner)
        deliver_to_node(self, (size_t)connection->dialler, REPLICA_PARTNER, frame);
    else {
        enum message_reason reason =
            message_decode(self->room.message, &self->space, frame->bytes, frame->size, NULL);
        assert(reason == MESSAGE_OK);
        sim_agent_event(self, (size_t)(connection->dialler - SIM_NODES),
                        &(struct reporter_event){.type = REPORTER_MESSAGE,
                                                 .node = connection->listener,
                                                 .message = self->room.message});
    }
}

void sim_network_step(struct sim *self)
{
    if (self->weather_changed)
        change_weather(self);
    for (size_t i = 0; i < self->connection_count; i++)
        step_connection(self, &self->connections[i]);
    while (self->frame_count > 0 && self->frames[0].due_ms <= self->now_ms) {
        struct sim_frame frame = pop(self);
        const struct sim_connection *connection = &self->connections[frame.connection];
        int to = frame.to_listener ? (int)connection->listener : connection->dialler;
        bool is_lost = !connection->up || connection->epoch != frame.epoch || sim_is_dead(self, to);
        if (!is_lost && !sim_is_awake(self, to)) {
            /* It waits in the socket until its host wakes, or until timers had their turn. */
            const struct sim_fault *stall = sim_find_fault(self, SIM_NODE_STALL, (size_t)to);
            frame.due_ms = stall->until_ms + (stall->other == 0 ? 0 : LATE_READ_MS);
            push(self, &frame);
            continue;
        }
        if (!is_lost)
            deliver(self, &frame);
        free(frame.bytes);
    }
}
