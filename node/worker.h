/* node/worker.h -- the shell around node/node.h: descriptors to events, updates to calls.
 *
 *   main.c     arguments, start in order, exit codes
 *   loop.c     the control thread: epoll, frames, requests, timers
 *   perform.c  an update's messages, stores, notes and replies, carried out in that order
 *   request.c  tandemctl's requests
 *   admit.c    those about who may join, and who asks to
 *   documents.c  which document is in force: the history's updates, and requests about it
 *
 * Threads: control (this one, owns everything here), DNS threads and TCP (serve the published
 * view), disk (store and log), builder (while zones are read anew), clerk (the files of documents).
 */
#ifndef TANDEM_NODE_WORKER_H
#define TANDEM_NODE_WORKER_H

#include "failover/channel.h"
#include "failover/page.h"
#include "node/control.h"
#include "node/disk.h"
#include "node/dns/tcp.h"
#include "node/dns/udp.h"
#include "node/documents.h"
#include "node/generation.h"
#include "node/joiners.h"
#include "node/log.h"
#include "node/node.h"
#include "node/publish.h"
#include "node/reload.h"
#include "node/told.h"
#include "replication/link.h"
#include "replication/warm.h"

enum {
    WORKER_DISK_MS = 1000, /* so long an order's answer waits for the disk */
};

struct worker {
    const char *config_path, *node_name;
    char beat_key_path[4096], state_path[4096];
    struct load_memory memory; /* what is not of one document alone */
    struct generation *served; /* the document that is in force */
    struct node node;
    struct node_update *update;
    struct publisher publisher;
    struct udp *udp;
    struct tcp *tcp;
    struct link *link;
    char public_key[LINK_KEY_SIZE]; /* that it runs with; "" without a link */
    struct link_peer *peers;        /* [1 + seats]: who may speak */
    struct log *log;
    struct store *store;
    struct disk *disk;
    struct control *control;
    struct reload *reload;
    struct documents documents;
    struct page *page;                  /* NULL: no guardian */
    int channel_fd;                     /* -1: no guardian */
    struct told told;                   /* what it said */
    struct channel_message told_agents; /* what it was told of them */
    int64_t agents_due_ms;
    int signal_fd, epoll_fd;
    struct link_counts link_counts;                           /* as logged last */
    struct record_version told_handovers[DOCUMENT_NODES_MAX]; /* to the guardian */
    uint64_t poison_logged; /* queries dropped as such, as logged last */
    uint64_t reload_ticket; /* who waits for the reload; 0: nobody */
    struct worker_wait {    /* tandemctl's orders that are on their way to the disk */
        uint64_t ticket;    /* 0: none */
        int64_t since_ms;
    } waits[CONTROL_CLIENTS_MAX];
    bool is_roll_due;  /* who is known changed: the document is to be planned again */
    size_t strangers;  /* that came in while some token lived */
    unsigned admitted; /* so many may at most before the next look */
    struct joiners joiners;
    struct worker_token { /* whose text is told when it is stored */
        uint64_t ticket;
        char text[JOIN_TEXT_MAX];
    } tokens[CONTROL_CLIENTS_MAX];
    int64_t housekeeping_due_ms;
    uint8_t *warm; /* warm_room bytes: what the warm file will hold */
    size_t warm_room;
    int64_t audited_ms[DOCUMENT_NODES_MAX]; /* wall clock: what an earlier life wrote of a node */
    struct warm_time warm_time;
    uint8_t *frame; /* MESSAGE_SIZE_MAX bytes: the one being sent */
    bool is_stopping;
};

int64_t worker_now_ms(void);
/* Since 1970. */
int64_t worker_wall_ms(void);

/* Who may speak by the document in force: the partner, then the agent of each server, by its seat.
 * Into peers[1 + seats]. */
void worker_describe_peers(const struct worker *self, struct link_peer *peers);

/* Run until told to stop. 0 or -errno. */
int worker_loop(struct worker *self);

/* Apply one event and carry out what follows from it. */
void worker_step(struct worker *self, int64_t now_ms, const struct node_event *event);

/* Tell those who have waited for the disk for long that it does not answer. */
void worker_end_waits(struct worker *self, int64_t now_ms);

/* One request of tandemctl. */
void worker_request(struct worker *self, int64_t now_ms, const struct control_request *request);
/* Somebody had this node do something that is no order: for the audit of both. */
void worker_did(struct worker *self, int64_t now_ms, const struct control_request *request,
                const char *deed);
/* Read the file anew; 0, -EBUSY, -EEXIST: a revision of the history is in force; or -errno. */
int worker_reload(struct worker *self);
/* One sentence in answer to a request that cannot be. */
void worker_refuse(struct worker *self, uint64_t ticket, const char *sentence);
/* Who gave it: "root@ns1", "uid1000@ns1". Into author[ORDER_AUTHOR_MAX + 1]. */
void worker_author(const struct worker *self, const struct control_request *request, char *author);

/* admit.c: as many strangers as may come in during the next second; a JOIN, of a stranger or of a
 * peer; the answer to it, when the ticket is one of theirs. */
void worker_admit(struct worker *self, int64_t now_ms);
void worker_join(struct worker *self, int64_t now_ms, const struct link_event *event);
bool worker_answer_join(struct worker *self, int64_t now_ms, uint64_t ticket,
                        enum node_outcome outcome);
void worker_request_token(struct worker *self, int64_t now_ms,
                          const struct control_request *request);
void worker_request_revoke(struct worker *self, int64_t now_ms,
                           const struct control_request *request);
void worker_request_remove(struct worker *self, int64_t now_ms,
                           const struct control_request *request);
/* The text of the token that was asked for by this ticket, if one was, into the answer. */
void worker_tell_token(struct worker *self, uint64_t ticket, json_t *answer);
/* Plan the document again, when who is known changed and no reload is under way. */
void worker_call_roll(struct worker *self);

/* documents.c: what the disk holds, into self->served when it can be, else with a sentence in
 * error[LOAD_ERROR_MAX]; 0 or -errno. The thread that keeps it, likewise. What the disk held, when
 * the node has started. The end. */
int worker_load_documents(struct worker *self, char *error);
/* Until the file is forgotten: it is served again, for that cannot be (false: it is anyway). */
bool worker_return_to_file(struct worker *self, const char *error);
void worker_forget_file(struct worker *self);
int worker_open_documents(struct worker *self);
void worker_start_documents(struct worker *self, int64_t now_ms);
void worker_close_documents(struct worker *self);
/* One event, and what follows from it; a message of the partner's; what the clerk has done; the end
 * of a check, of a bundle that was to be served, or of what was to be kept (false: it was none of
 * these). */
void worker_history(struct worker *self, int64_t now_ms, struct history_event *event);
void worker_take_history(struct worker *self, int64_t now_ms, const uint8_t *bytes, size_t size);
void worker_take_clerk(struct worker *self, int64_t now_ms);
bool worker_end_build(struct worker *self, int64_t now_ms, const char *error);
/* What is due, or waits for the builder; and when it is. */
void worker_turn_documents(struct worker *self, int64_t now_ms);
int64_t worker_documents_deadline(const struct worker *self);
/* False: it is not about documents. */
bool worker_request_document(struct worker *self, int64_t now_ms,
                             const struct control_request *request);

#endif
