/* replication/machine.h -- what a machine is known by: a hash of what a copy of it would not have
 * (health/agent/machine.h makes it). */
#ifndef TANDEM_REPLICATION_MACHINE_H
#define TANDEM_REPLICATION_MACHINE_H

enum { MACHINE_ID_SIZE = 16 }; /* bytes */

#endif
