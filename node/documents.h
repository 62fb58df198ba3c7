/* node/documents.h -- the shell around replication/history.h: its updates carried out.
 *
 *   tandemctl apply -> control -> clerk takes the files in -> HISTORY_ASKED
 *   check: clerk says what lacks -> fetched from the partner, piece by piece -> builder builds it
 *   keep:  clerk            serve: likewise to check, and the builder publishes it
 *
 * Owned by the control thread. */
#ifndef TANDEM_NODE_DOCUMENTS_H
#define TANDEM_NODE_DOCUMENTS_H

#include "node/clerk.h"
#include "node/reload.h"

enum {
    DOCUMENTS_FETCH_MS = 500, /* a piece that did not come is asked for again, */
    DOCUMENTS_FETCH_MAX = 10, /* so often */
};

/* A bundle that is to be built: to see whether it can be, or to be served. */
enum documents_work {
    DOCUMENTS_NO_WORK,
    DOCUMENTS_ASKED,    /* the clerk looks what is lacking */
    DOCUMENTS_FETCHING, /* piece by piece */
    DOCUMENTS_COMPLETE, /* it waits for the builder */
    DOCUMENTS_BUILDING,
};

/* How far a request is that is not the history's yet. */
enum documents_request {
    DOCUMENTS_NO_REQUEST,
    DOCUMENTS_FIRST,   /* what is served now waits for the builder, to be kept */
    DOCUMENTS_KEEPING, /* the builder keeps it */
    DOCUMENTS_INTAKE,  /* the clerk takes its files in */
};

struct documents {
    struct archive archive;
    struct clerk *clerk; /* NULL: not yet */
    struct history history;
    struct history_update update;
    bool has_kept; /* what the disk held at the start, until the history has it */
    struct history_kept kept;
    struct generation *file; /* at the start: what is served where that cannot be; NULL */
    char start_sentence[HISTORY_SENTENCE_MAX + 1]; /* why what it held could not be served */
    bool is_keep_due, is_aside_due;                /* the clerk's queue was full */
    enum documents_work work;
    bool is_check_due, is_serve_due; /* what is to be built next */
    bool is_check;                   /* what is being built: else it is to be served */
    uint8_t check[REVISION_DIGEST_SIZE], bundle[REVISION_DIGEST_SIZE];
    size_t lack_count, lack;
    uint8_t lacks[ARCHIVE_LACKS_MAX][REVISION_DIGEST_SIZE];
    uint64_t offset;
    unsigned attempts;
    int64_t fetch_due_ms;
    enum documents_request request_stage;
    struct history_request request;
    int request_fd; /* -1: none */
    uint8_t *frame; /* HISTORY_MESSAGE_SIZE_MAX bytes */
};

#endif
