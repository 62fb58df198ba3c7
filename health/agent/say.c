#include "health/agent/say.h"

#include <errno.h>

/* Which nodes' queues were full, a bit each. */
static unsigned send_all(struct link *link, const struct reporter_update *update)
{
    static uint8_t frame[MESSAGE_SIZE_MAX];
    unsigned full = 0;
    for (size_t i = 0; i < update->send_count; i++) {
        const struct reporter_send *send = &update->sends[i];
        size_t size = message_encode(&send->message, frame);
        if (link_send(link, send->node, frame, size) == -EAGAIN &&
            send->message.type == MESSAGE_DELTA)
            full |= 1U << send->node;
    }
    return full;
}

void say_step(struct reporter *reporter, struct link *link, int64_t now_ms,
              const struct reporter_event *event, struct reporter_update *update)
{
    static struct reporter_update after; /* of an UNSENT, which says nothing at once */
    reporter_step(reporter, now_ms, event, update);
    unsigned full = send_all(link, update);
    for (size_t i = 0; i < REPORTER_NODES_MAX; i++)
        if ((full >> i & 1) != 0)
            reporter_step(reporter, now_ms,
                          &(struct reporter_event){.type = REPORTER_UNSENT, .node = i}, &after);
}
