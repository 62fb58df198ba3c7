/* node/ctl/doctor.h -- what tandemctl itself adds to the doctor's answer. */
#ifndef TANDEM_NODE_CTL_DOCTOR_H
#define TANDEM_NODE_CTL_DOCTOR_H

#include <jansson.h>

/* Look at the file that the answer names as the pair's key, and add what is found to its checks and
 * its exit status. Here, for a node's threads wait for no disk. */
void doctor_add_key(json_t *answer);

#endif
