#include <assert.h>

#include "failover/pair.h"

const char *pair_state_word(enum pair_state state)
{
    static const char *const words[] = {"backup", "active", "yielding"};
    assert(state <= PAIR_YIELDING);
    return words[state];
}

const char *pair_reason_word(enum pair_reason reason)
{
    static const char *const words[PAIR_REASONS] = {
        [PAIR_STARTED] = "start",
        [PAIR_GOODBYE] = "goodbye",
        [PAIR_PARTNER_UNFIT] = "partner-unfit",
        [PAIR_PARTNER_ISOLATED] = "partner-isolated",
        [PAIR_PARTNER_STOPPING] = "partner-stopping",
        [PAIR_TRIPWIRE] = "tripwire",
        [PAIR_REFUSED] = "port-refused",
        [PAIR_SILENCE] = "silence",
        [PAIR_UNHEARD] = "unheard",
        [PAIR_AGENTS_LOST_IT] = "agents-lost-it",
        [PAIR_UNANSWERED] = "unanswered",
        [PAIR_VACANT] = "vacant",
        [PAIR_PARTNER_UNSYNCED] = "partner-unsynced",
        [PAIR_GIVE_BACK] = "give-back",
        [PAIR_HANDOVER] = "handover",
        [PAIR_UPGRADED] = "upgraded",
        [PAIR_OVERLAP] = "overlap",
        [PAIR_PREVAILED] = "prevailed",
        [PAIR_MOVED] = "moved",
        [PAIR_WOKE_LATE] = "woke-late",
        [PAIR_STOPPED] = "stop",
    };
    assert(reason < PAIR_REASONS);
    return words[reason];
}

const char *pair_fault_word(enum pair_fault fault)
{
    static const char *const words[] = {"sound",          "worker-unfit", "isolated",
                                        "address-failed", "leaving",      "stopping"};
    assert(fault <= PAIR_FAULT_LAST);
    return words[fault];
}
