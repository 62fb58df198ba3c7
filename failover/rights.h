/* failover/rights.h -- what each of the two programs may do, and nothing else.
 *
 * tandemd is started by root, or by systemd as user tandem with ambient capabilities. It reads its
 * files, becomes user tandem and keeps four capabilities; for the worker it passes one on, which
 * the worker gives away as soon as its ports are bound. Neither can ever gain another: the bounding
 * set is empty, no_new_privs is set, and no program of theirs has a set-user-ID bit to it.
 *
 *               tandemd                                     tandem-worker
 *   permitted   NET_ADMIN NET_RAW IPC_LOCK SYS_NICE,        NET_BIND_SERVICE until it has bound,
 *               NET_BIND_SERVICE                            then none
 *   effective   the first four                              the same
 *   inheritable NET_BIND_SERVICE                            the same
 *   ambient     NET_BIND_SERVICE                            the same
 *   bounding    none                                        none
 *
 * To empty the bounding set takes CAP_SETPCAP, which root has and the systemd unit grants; who
 * starts tandemd without it keeps the bounding set it was given, and no_new_privs makes it void.
 *
 * Linux keeps capabilities by thread: call these before a second thread is started. They look at
 * /etc/passwd alone, not at name services: those may be down at boot, and would load libraries
 * into a program that must stay small. */
#ifndef TANDEM_FAILOVER_RIGHTS_H
#define TANDEM_FAILOVER_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#define RIGHTS_USER "tandem"

enum {
    RIGHTS_SENTENCE_SIZE = 256,
    RIGHTS_PRIORITY = 1, /* SCHED_FIFO: above every ordinary process, below what others chose */
};

struct rights_user {
    uid_t uid; /* whom the program runs as */
    gid_t gid;
    bool is_root; /* started by root: rights_guard becomes that user */
};

/* Whom tandemd will be: user tandem if root started it, else who started it. 0, or -errno and a
 * sentence that says what to do. */
int rights_user(struct rights_user *user, char sentence[RIGHTS_SENTENCE_SIZE]);

/* tandemd, when its keys are read: become the user, keep what the table says and lose the rest.
 * has_interface: service addresses are to be added, which takes CAP_NET_ADMIN and CAP_NET_RAW. 0,
 * or -errno and a sentence that says what is missing; then end. */
int rights_guard(const struct rights_user *user, bool has_interface,
                 char sentence[RIGHTS_SENTENCE_SIZE]);

/* tandem-worker, first of all: no core dump (it would delay the guardian's notice of a death, and
 * hold keys), no new privilege, an empty bounding set. */
void rights_serve(void);
/* tandem-worker, when its ports are bound: no capability is left. 0 or -errno. */
int rights_end(void);

/* All memory of this process, now and later, stays in RAM: a page that must be read from a disk
 * first would delay a beat. Not for children. 0 or -errno, -EPERM or -ENOMEM when not allowed. */
int rights_lock_memory(void);

/* The calling thread runs before all ordinary ones, with RIGHTS_PRIORITY; what it starts does not.
 * 0 or -errno, -EPERM when not allowed. */
int rights_come_first(void);

#endif
