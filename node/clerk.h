/* node/clerk.h -- the thread that keeps the documents, so that no other one waits for their files.
 *
 * One job after the other, each told when it is done. The control thread asks it to keep the
 * history, to take a bundle in, to say what of one is lacking, to read a piece of a file for the
 * partner, and to take one of the partner's. */
#ifndef TANDEM_NODE_CLERK_H
#define TANDEM_NODE_CLERK_H

#include "replication/archive.h"

enum { CLERK_JOBS_MAX = 16 };

enum clerk_kind {
    CLERK_KEEP,      /* kept; and swept: what no revision of it needs is removed */
    CLERK_TAKE_IN,   /* fd, which is closed -> bundle */
    CLERK_LACKS,     /* bundle -> lacks, lack_count */
    CLERK_READ,      /* piece -> its bytes */
    CLERK_TAKE,      /* piece */
    CLERK_SET_ASIDE, /* bundle, index: into STATE/set-aside-INDEX */
};

struct clerk_job {
    enum clerk_kind kind;
    bool is_swept;
    struct history_kept kept;
    int fd;
    uint64_t index;
    uint8_t bundle[REVISION_DIGEST_SIZE];
    size_t lack_count;
    uint8_t lacks[ARCHIVE_LACKS_MAX][REVISION_DIGEST_SIZE];
    struct history_piece piece; /* its bytes lie in buffer */
    uint8_t buffer[HISTORY_PIECE_MAX];
    int error;                           /* of a job that is done: 0 or -errno */
    char sentence[ARCHIVE_SENTENCE_MAX]; /* likewise, of TAKE_IN and SET_ASIDE */
};

struct clerk;

/* The archive outlives it, and is written by it alone. 0 or -errno. */
int clerk_open(struct clerk **clerk, const struct archive *archive);
void clerk_close(struct clerk *clerk); /* what is queued is done first; NULL is fine */

/* Queues a job: one to be filled in place and handed over; NULL: CLERK_JOBS_MAX wait. */
struct clerk_job *clerk_take(struct clerk *clerk);
void clerk_do(struct clerk *clerk, struct clerk_job *job);

/* Readable when a job is done. */
int clerk_fd(const struct clerk *clerk);
/* The oldest that is done, valid until the next call; NULL: none. */
const struct clerk_job *clerk_next(struct clerk *clerk);

#endif
