/* tests/next/next.h -- what a program of the next version says, to see that the versions mix.
 *
 * Its protocol is one version higher, and it says more: a key in every message, an element at the
 * end of every record and version, a record of a kind of its own in every list, and a key in every
 * value. tandem-worker-next and tandem-agent-next are this version's programs with message_encode,
 * message_protocol and order_encode replaced by these (see tests/CMakeLists.txt); tandem-sim has
 * some of its hosts speak so. The product has no hook for it. */
#ifndef TANDEM_TESTS_NEXT_NEXT_H
#define TANDEM_TESTS_NEXT_NEXT_H

#include "replication/message.h"

enum {
    NEXT_PROTOCOL = MESSAGE_PROTOCOL_MAX + 1,
    NEXT_KEY = 100,      /* of messages */
    NEXT_KIND = 99,      /* of records */
    NEXT_VALUE_KEY = 60, /* of values */
};

/* A message that this version encoded into bytes[MESSAGE_SIZE_MAX], as the next one writes it;
 * returns the size. Values of orders stay as they are: their writer alone adds to them. */
size_t next_message(const struct message *message, uint8_t *bytes, size_t size);

/* A value with one key more, if it fits in value[RECORD_VALUE_MAX] and is not there yet; returns
 * the size. */
size_t next_value(uint8_t *value, size_t size);

#endif
