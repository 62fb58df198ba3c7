/* failover/reception.h -- is this node heard on the service LAN, and does it hear?
 *
 * Reception is probed, not awaited: on a quiet LAN nothing comes by itself. While there is a doubt
 * every witness (the configured hosts, and always the partner's own address) is asked once an
 * interval, by ARP or neighbour solicitation. Any frame proves that frames come in; a witness's
 * reply proves that they go out too. What the kernel refuses to send is such a doubt.
 *
 *   isolated =  carrier down                                              until it is up
 *            or no frame for 10 intervals, for 5 when the partner is silent or isolated,
 *               and 3 questions in them                                   until a frame comes
 *            or nothing was sent that the kernel was given, for 5 intervals
 *                                                                  until it sends again
 *            or no reply to 4 questions in as many intervals, while the partner
 *               says that it has one                  until a reply comes, its beats
 *                                                       end, or say that it is isolated
 *
 * With no witness configured "no frame" never holds: silence proves nothing where nobody has to
 * answer. Pure; times are microseconds of a clock that never goes back. */
#ifndef TANDEM_FAILOVER_RECEPTION_H
#define TANDEM_FAILOVER_RECEPTION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RECEPTION_DOUBT_INTERVALS = 2,  /* without a frame: witnesses are asked */
    RECEPTION_REPLY_INTERVALS = 4,  /* of asking without a reply, that the partner has */
    RECEPTION_FRAME_INTERVALS = 10, /* without a frame */
    RECEPTION_ALONE_INTERVALS = 5,  /* the same, when the partner has no say */
    RECEPTION_FRAME_QUESTIONS = 3,  /* asked in vain meanwhile */
    RECEPTION_SEND_INTERVALS = 5,   /* in which the kernel sent nothing */
    RECEPTION_FRESH_INTERVALS = 2,  /* so long a reply counts as one I have */
};

enum reception_state {
    RECEPTION_PROVEN,
    RECEPTION_NO_CARRIER, /* isolated, as are the next three */
    RECEPTION_NO_FRAME,
    RECEPTION_NO_REPLY,
    RECEPTION_NO_SEND,
    RECEPTION_STATE_LAST = RECEPTION_NO_SEND,
};

struct reception {
    int64_t interval_us;
    bool has_witness; /* configured, beside the partner */
    enum reception_state state;
    bool carrier;
    int64_t frame_us;   /* when the last frame came */
    int64_t reply_us;   /* when the last reply of a witness came; INT64_MIN: never */
    int64_t unsent_us;  /* nothing was sent since; INT64_MAX: what was tried last was */
    int64_t probing_us; /* since when witnesses are asked; INT64_MAX: they are not */
    unsigned asked;     /* times since the last reply */
    int64_t ask_us;     /* when to ask next; INT64_MAX: not probing */
};

void reception_init(struct reception *self, int64_t now_us, int64_t interval_us, bool has_witness);

/* Begin anew, as after a late wake-up: what did not come while nobody looked proves nothing. */
void reception_forgive(struct reception *self, int64_t now_us);

void reception_frame(struct reception *self, int64_t now_us);
/* A reply is a frame too. True: the first after RECEPTION_REPLY_INTERVALS of asking without. */
bool reception_reply(struct reception *self, int64_t now_us);
/* The kernel took what it was given to send to the LAN, some of it, or none. */
void reception_sent(struct reception *self, int64_t now_us, bool is_sent);
void reception_carrier(struct reception *self, int64_t now_us, bool is_up);

enum reception_partner {
    RECEPTION_PARTNER_SILENT, /* or isolated: it has no say */
    RECEPTION_PARTNER_SPEAKS, /* its beats are heard */
    RECEPTION_PARTNER_REPLIED /* and say, as of now, that a witness answers it */
};

/* Judge at now_us. in_doubt: the partner's signs are missing, or it asks its witnesses itself. A
 * partner that fell silent has no witness: perhaps it was itself the only one that I have. */
void reception_judge(struct reception *self, int64_t now_us, bool in_doubt,
                     enum reception_partner partner);

/* True once an interval while probing: ask every witness now. */
bool reception_ask(struct reception *self, int64_t now_us);

bool reception_is_isolated(const struct reception *self);
/* Has a witness answered within the last two intervals? */
bool reception_has_reply(const struct reception *self, int64_t now_us);
/* For how long witnesses were asked without an answer; 0 when they are not asked. */
int64_t reception_unanswered_us(const struct reception *self, int64_t now_us);

/* When to judge or ask next; INT64_MAX: nothing is due. */
int64_t reception_deadline_us(const struct reception *self);

const char *reception_word(enum reception_state state);

#endif
