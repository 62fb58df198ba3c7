/* health/agent/machine.h -- what a machine is known by, so that a cloned image is not taken for it.
 *
 * A hash of the installation (/etc/machine-id), the board (DMI, where it may be read) and the
 * hardware addresses of the network interfaces that are devices, or, where none is one, of all but
 * the loopback. A clone has other addresses; a network card that is replaced makes another machine
 * of it, and its server joins again. Reads files; never fails: what cannot be read says nothing. */
#ifndef TANDEM_HEALTH_AGENT_MACHINE_H
#define TANDEM_HEALTH_AGENT_MACHINE_H

#include <stdint.h>

#include "replication/machine.h"

void machine_id(uint8_t id[MACHINE_ID_SIZE]);

#endif
