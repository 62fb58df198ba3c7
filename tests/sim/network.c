#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

/* ---- connections ---- */

size_t sim_agent_connection(const struct sim *self, size_t agent, size_t node)
{
    assert(agent < self->agent_count);
    return 1 + agent * SIM_NODES + node;
}

void sim_network_open(struct sim *self)
{
    self->connections[SIM_PARTNER_CONNECTION] =
        (struct sim_connection){.dialler = 1, .listener = 0, .change_due_ms = 0};
    self->connection_count = 1;
    for (size_t agent = 0; agent < self->agent_count; agent++)
        for (size_t node = 0; node < SIM_NODES; node++)
            self->connections[self->connection_count++] = (struct sim_connection){
                .dialler = (int)(SIM_NODES + agent), .listener = node, .change_due_ms = 0};
}

void sim_network_close(struct sim *self)
{
    for (size_t i = 0; i < self->frame_count; i++)
        free(self->frames[i].bytes);
    self->frame_count = 0;
}

static bool is_cut(const struct sim_fault *fault, const struct sim_connection *connection,
                   bool to_listener)
{
    bool is_partner = connection->dialler < SIM_NODES;
    size_t agent = (size_t)(connection->dialler - SIM_NODES);
    switch (fault->kind) {
    case SIM_PARTITION:
        return is_partner;
    case SIM_ONE_WAY: /* subject does not hear the other */
        return is_partner && fault->subject == (to_listener ? 0U : 1U);
    case SIM_AGENT_CUT:
        return !is_partner && fault->subject == agent && fault->other == connection->listener;
    case SIM_AGENT_LOST:
        return !is_partner && fault->subject == agent;
    default:
        return false;
    }
}

bool sim_is_open(const struct sim *self, const struct sim_connection *connection, bool to_listener)
{
    for (size_t i = 0; i < self->fault_count; i++)
        if (is_cut(&self->faults[i], connection, to_listener))
            return false;
    return true;
}

static bool is_dead(const struct sim *self, int host)
{
    return host < SIM_NODES ? !self->nodes[host].alive : !self->agents[host - SIM_NODES].alive;
}

static void tell_dialler(struct sim *self, const struct sim_connection *connection, bool up)
{
    if (is_dead(self, connection->dialler))
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
 * back some time after both are there again. */
static void step_connection(struct sim *self, struct sim_connection *connection)
{
    bool dead = is_dead(self, connection->dialler) || is_dead(self, (int)connection->listener);
    bool whole =
        !dead && sim_is_open(self, connection, true) && sim_is_open(self, connection, false);
    if (whole == connection->up) {
        connection->change_due_ms = INT64_MAX;
        return;
    }
    if (connection->change_due_ms == INT64_MAX)
        connection->change_due_ms =
            self->now_ms + 1 + (int64_t)sim_dice(self, connection->up ? (dead ? 20 : 1500) : 150);
    if (self->now_ms < connection->change_due_ms ||
        (!dead && !sim_is_awake(self, connection->dialler)))
        return;
    connection->change_due_ms = INT64_MAX;
    connection->up = whole;
    connection->epoch++;
    tell_dialler(self, connection, whole);
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

static int64_t delay_ms(struct sim *self)
{
    int64_t ms = (int64_t)sim_dice(self, 3);
    if (sim_has_fault(self, SIM_DELAY))
        ms += (int64_t)sim_dice(self, 300);
    if (sim_has_fault(self, SIM_REORDERING))
        ms += (int64_t)sim_dice(self, 60);
    return ms;
}

void sim_send(struct sim *self, size_t number, bool to_listener, const struct message *message)
{
    static uint8_t bytes[MESSAGE_SIZE_MAX];
    const struct sim_connection *connection = &self->connections[number];
    if (!connection->up || !sim_is_open(self, connection, to_listener))
        return;
    if (sim_has_fault(self, SIM_LOSS) && sim_dice(self, 100) < 30)
        return;
    size_t size = message_encode(message, bytes);
    size_t copies = sim_has_fault(self, SIM_DUPLICATION) && sim_dice(self, 100) < 30 ? 2 : 1;
    for (size_t i = 0; i < copies; i++) {
        struct sim_frame frame = {.due_ms = self->now_ms + delay_ms(self),
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
    else if (message_decode(self->message, &self->space, frame->bytes, frame->size, NULL) ==
             MESSAGE_OK)
        sim_agent_event(self, (size_t)(connection->dialler - SIM_NODES),
                        &(struct reporter_event){.type = REPORTER_MESSAGE,
                                                 .node = connection->listener,
                                                 .message = self->message});
    else
        sim_fail(self, "an agent was sent a message that does not decode");
}

void sim_network_step(struct sim *self)
{
    for (size_t i = 0; i < self->connection_count; i++)
        step_connection(self, &self->connections[i]);
    while (self->frame_count > 0 && self->frames[0].due_ms <= self->now_ms) {
        struct sim_frame frame = pop(self);
        const struct sim_connection *connection = &self->connections[frame.connection];
        int to = frame.to_listener ? (int)connection->listener : connection->dialler;
        if (connection->up && connection->epoch == frame.epoch && !is_dead(self, to) &&
            !sim_is_awake(self, to)) {
            /* It waits in the socket until its host wakes. */
            frame.due_ms = self->now_ms + 1;
            push(self, &frame);
            continue;
        }
        if (connection->up && connection->epoch == frame.epoch && !is_dead(self, to))
            deliver(self, &frame);
        free(frame.bytes);
    }
}
