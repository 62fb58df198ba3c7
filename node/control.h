/* node/control.h -- tandemctl's socket: one line of JSON in, one line of JSON out, then closed.
 *
 *   {"command": "status"}   servers   counters   events   doctor   version   reload   upgrade
 *   {"command": "drain", "server": "media1"}   undrain
 *   {"command": "set", "pool": "stream", "group-size": 2, "rounds": 1}
 *   {"command": "token", "pool": "stream", "uses": 20, "prefix": "192.0.2.96/27", "for_s": 3600}
 *   {"command": "revoke", "server": "media9"}   remove
 *   {"command": "apply", "name": "tandem.yaml", "confirm_s": 60}   rollback, confirm, promote
 *       apply with a descriptor (SCM_RIGHTS), from which the files are read: archive_take_in
 *
 * An order is answered when it is stored, so a request may be open for a while: it has a ticket.
 * Only root and the user the worker runs as may connect (mode 0600, and SO_PEERCRED). All in the
 * control thread, never blocking; at most CONTROL_CLIENTS_MAX at once: whoever comes while so many
 * are asked is told to try again. */
#ifndef TANDEM_NODE_CONTROL_H
#define TANDEM_NODE_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONTROL_CLIENTS_MAX = 16,
    CONTROL_REQUEST_MAX = 1024,  /* bytes of a request */
    CONTROL_TIMEOUT_MS = 5000,   /* to ask within */
    CONTROL_PATIENCE_MS = 60000, /* and to have the answer: both nodes check a document */
    CONTROL_ERROR_MAX = 256
};

struct control;

struct control_request {
    uint64_t ticket; /* to answer by; never 0 */
    uint32_t uid;    /* who asks */
    json_t *json;    /* an object; valid until the next call */
};

/* Makes the socket at path. 0, or -errno with a sentence. */
int control_open(struct control **control, const char *path, char *error);
void control_close(struct control *control);

int control_fd(const struct control *control);

/* The next whole request; false when there is none now. */
bool control_next(struct control *control, int64_t now_ms, struct control_request *request);

/* The descriptor that came with the request, to be closed by the caller; -1: none did. */
int control_take_fd(struct control *control, uint64_t ticket);

/* Answer and close; json is taken over. A ticket whose client is gone is ignored. */
void control_answer(struct control *control, uint64_t ticket, json_t *json);

/* When a client that says nothing is to be dropped; INT64_MAX: never. */
int64_t control_deadline(const struct control *control);

#endif
