/* health/agent/say.h -- a step of the reporter, and what it says onto the wire.
 *
 * The link queues a few frames for a node, and then refuses: the new one, not the old. So a report
 * that is refused goes back to the reporter, which says the newest one when there is room. */
#ifndef TANDEM_HEALTH_AGENT_SAY_H
#define TANDEM_HEALTH_AGENT_SAY_H

#include "health/agent/reporter.h"
#include "replication/link.h"

/* Apply one event at now_ms; node i is peer i of the link. Afterwards *update holds what became of
 * that event alone. */
void say_step(struct reporter *reporter, struct link *link, int64_t now_ms,
              const struct reporter_event *event, struct reporter_update *update);

#endif
