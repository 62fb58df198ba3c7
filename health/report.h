/* health/report.h -- an agent's statement about its server, to and from a record's value.
 *
 * MessagePack map: 1 services [[port, listening, sockets, queue, queue_max]], 2 cpu, 3 memory,
 * 4 disk, 5 received, 6 sent. All six are required. Unknown keys and further elements of a
 * service's array are a later version's and are skipped. */
#ifndef TANDEM_HEALTH_REPORT_H
#define TANDEM_HEALTH_REPORT_H

#include "replication/pack.h"
#include "replication/record.h"

enum { REPORT_SERVICES_MAX = 8 };

struct report_service {
    uint16_t port; /* not 0; no two services have the same */
    bool listening;
    uint32_t sockets;          /* established TCP connections, both families */
    uint32_t queue, queue_max; /* accept queue of the listener, the fullest if several; queue is at
                                  most one above queue_max */
};

struct report {
    size_t service_count; /* 0..REPORT_SERVICES_MAX */
    struct report_service services[REPORT_SERVICES_MAX];
    uint16_t cpu_permille, memory_permille, disk_permille; /* 0..1000 busy or in use */
    uint64_t received_bytes_per_s, sent_bytes_per_s;       /* all interfaces but lo */
};

enum report_reason {
    REPORT_OK,
    REPORT_MALFORMED,     /* no MessagePack map as replication/pack.h takes them */
    REPORT_MISSING_FIELD, /* a key, or an element of a service */
    REPORT_BAD_FIELD,     /* of the wrong type or out of its range */
    REPORT_DUPLICATE_PORT,
    REPORT_REASON_COUNT
};

/* The word for logs, counters and tests. */
const char *report_reason_text(enum report_reason reason);

/* Encode into value[RECORD_VALUE_MAX]; returns the size. Asserts the ranges above: within them a
 * report always fits (195 bytes at most). */
size_t report_encode(const struct report *self, uint8_t *value);

/* Decode; on anything but REPORT_OK *self is undefined. */
enum report_reason report_decode(struct report *self, struct pack_space *space,
                                 const uint8_t *value, size_t size);

/* The service on this port, or NULL. */
const struct report_service *report_service(const struct report *self, uint16_t port);

#endif
