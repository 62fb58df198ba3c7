/* failover/guardian_gate.h -- the guardian's gate: probes and the page in, its verdict out. */
#ifndef TANDEM_FAILOVER_GUARDIAN_GATE_H
#define TANDEM_FAILOVER_GUARDIAN_GATE_H

#include "failover/guardian.h"

/* Begin or end the gate's life with the worker's; when it is due, take in answers, judge, and send
 * the next round. A change of the verdict is noted. */
void guardian_step_gate(struct guardian *self, int64_t now_ms);

/* Tell the pair when each DNS thread was seen without a query, since the pair asked. Known from the
 * polls that find a probe alone; a worker that is never without queries is not waited for long. */
void guardian_watch_queues(struct guardian *self, int64_t now_us);

#endif
