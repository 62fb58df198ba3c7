#include "node/doctor.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bits of capabilities(7), which the kernel never changes. */
enum { RIGHT_NET_ADMIN = 12, RIGHT_NET_RAW = 13 };

struct report {
    struct doctor_check *checks;
    size_t count;
};

__attribute__((format(printf, 4, 5))) static void
add(struct report *self, const char *name, enum doctor_level level, const char *format, ...)
{
    assert(self->count < DOCTOR_CHECKS_MAX);
    struct doctor_check *check = &self->checks[self->count++];
    va_list arguments;
    check->name = name;
    check->level = level;
    va_start(arguments, format);
    vsnprintf(check->sentence, sizeof check->sentence, format, arguments);
    va_end(arguments);
}

/* ---- the host ---- */

static void examine_interface(struct report *self, const struct doctor_facts *facts)
{
    const char *name = facts->interface;
    if (facts->interface_error != NULL)
        add(self, "interface", DOCTOR_FAIL, "%s: %s: create it, or correct nodes.*.interface", name,
            facts->interface_error);
    else if (!facts->is_ethernet)
        add(self, "interface", DOCTOR_FAIL,
            "%s is no Ethernet: addresses can be announced on nothing else", name);
    else if (!facts->is_up)
        add(self, "interface", DOCTOR_FAIL, "%s is down: ip link set %s up", name, name);
    else if (!facts->has_carrier)
        add(self, "interface", DOCTOR_FAIL, "%s has no carrier: look at its cable and switch port",
            name);
    else
        add(self, "interface", DOCTOR_OK, "%s is an Ethernet, up, with carrier", name);
}

/* A setting that is to have at least, or at most, this value. */
static void examine_setting(struct report *self, const struct doctor_facts *facts,
                            const char *check, const char *setting, int value, int wanted,
                            const char *why)
{
    bool is_bound_below = wanted > 0;
    bool is_well = is_bound_below ? value >= wanted : value == wanted;
    if (value == DOCTOR_UNREAD)
        add(self, check, DOCTOR_WARN, "%s of %s cannot be read: look at /proc/sys/net", setting,
            facts->interface);
    else if (is_well)
        add(self, check, DOCTOR_OK, "%s is %d", setting, value);
    else
        add(self, check, DOCTOR_WARN, "%s is %d: %s: sysctl -w net.%s.conf.%s.%s=%d", setting,
            value, why, strcmp(setting, "drop_unsolicited_na") == 0 ? "ipv6" : "ipv4",
            facts->interface, setting, wanted);
}

static void examine_settings(struct report *self, const struct doctor_facts *facts)
{
    examine_setting(self, facts, "arp-ignore", "arp_ignore", facts->arp_ignore, 1,
                    "this host answers on the LAN for addresses of its other interfaces");
    examine_setting(self, facts, "arp-announce", "arp_announce", facts->arp_announce, 2,
                    "its questions on the LAN may name an address of another interface");
    examine_setting(self, facts, "gratuitous-arp", "drop_gratuitous_arp",
                    facts->drop_gratuitous_arp, 0,
                    "it does not hear where the partner's addresses went");
    examine_setting(self, facts, "unsolicited-na", "drop_unsolicited_na",
                    facts->drop_unsolicited_na, 0,
                    "it does not hear where the partner's addresses went");
    if (facts->rp_filter == 1)
        add(self, "rp-filter", DOCTOR_OK,
            "rp_filter is 1, strict: well while answers leave by %s; else set it to 2",
            facts->interface);
    else if (facts->rp_filter != DOCTOR_UNREAD)
        add(self, "rp-filter", DOCTOR_OK, "rp_filter is %d", facts->rp_filter);
}

/* ---- the guardian ---- */

static bool has_right(const struct doctor_facts *facts, int right)
{
    return (facts->rights >> right & 1) != 0;
}

static void examine_guardian(struct report *self, const struct doctor_facts *facts)
{
    if (!facts->is_guarded) {
        add(self, "guardian", DOCTOR_FAIL,
            "no guardian speaks to this worker: start tandemd, which starts it");
        return;
    }
    add(self, "guardian", DOCTOR_OK, "it speaks to the worker");
    if (facts->interface != NULL && !facts->are_rights_read)
        add(self, "capabilities", DOCTOR_WARN,
            "those of tandemd cannot be read: is /proc mounted with hidepid?");
    else if (facts->interface != NULL && has_right(facts, RIGHT_NET_ADMIN) &&
             has_right(facts, RIGHT_NET_RAW))
        add(self, "capabilities", DOCTOR_OK, "tandemd may add addresses and announce them");
    else if (facts->interface != NULL)
        add(self, "capabilities", DOCTOR_FAIL,
            "tandemd lacks CAP_NET_ADMIN or CAP_NET_RAW: start it by deploy/tandem.service or as "
            "root");
    if (facts->is_locked)
        add(self, "memory", DOCTOR_OK, "all of tandemd is locked in memory");
    else
        add(self, "memory", DOCTOR_WARN,
            "tandemd is not locked in memory, so a beat may wait for a disk: grant CAP_IPC_LOCK");
    if (facts->comes_first)
        add(self, "priority", DOCTOR_OK, "tandemd runs before ordinary programs");
    else
        add(self, "priority", DOCTOR_WARN,
            "tandemd has ordinary priority, so a beat may wait for other programs: grant "
            "CAP_SYS_NICE");
}

/* ---- the pair ---- */

static void examine_witnesses(struct report *self, const struct doctor_facts *facts, size_t family)
{
    static const char *const names[2] = {"witness-ipv4", "witness-ipv6"};
    const uint8_t wanted = family == 0 ? 4 : 6;
    size_t count = 0, answering = 0;
    char silent[IP_TEXT_SIZE] = "";
    if (!facts->has_family[family])
        return;
    for (size_t i = 0; i < facts->witness_count; i++) {
        const struct doctor_witness *witness = &facts->witnesses[i];
        if (witness->address.family != wanted)
            continue;
        count++;
        answering += !witness->is_silent;
        if (witness->is_silent)
            ip_text(&witness->address, silent);
    }
    if (count == 0)
        add(self, names[family], DOCTOR_WARN,
            "none is configured: name the gateway, and best a second host, as witness");
    else if (answering == 0)
        add(self, names[family], DOCTOR_FAIL, "%s does not answer: is that host there?", silent);
    else if (answering < count)
        add(self, names[family], DOCTOR_WARN, "%s does not answer: is that host there?", silent);
    else
        add(self, names[family], DOCTOR_OK, "%zu of %zu answer", answering, count);
}

/* What a switch or a cloud does to an address that moves: the traps of takeover. */
static void examine_moves(struct report *self, const struct doctor_facts *facts)
{
    if (facts->witness_count == 0)
        return;
    if (facts->is_unconfirmed)
        add(self, "confirmed", DOCTOR_FAIL,
            "no witness answers to a service address that this node holds: allow it at this node's "
            "port (port security, ARP inspection, the cloud's check of addresses)");
    else
        add(self, "confirmed", DOCTOR_OK, "a witness answers to what this node holds");
    if (!facts->has_spare)
        return;
    if (facts->is_spare_taken)
        add(self, "spare", DOCTOR_WARN,
            "somebody has the spare address: name one that is nobody's in the document");
    else if (facts->is_spare_refused)
        add(self, "spare", DOCTOR_FAIL,
            "no witness answers to the spare address, so the partner's would not move here: allow "
            "both homes at this node's port (port security, ARP inspection, the cloud's check)");
    else
        add(self, "spare", DOCTOR_OK, "a witness answers to the spare address: one may move here");
}

static void examine_paths(struct report *self, const struct doctor_facts *facts)
{
    const char *partner = facts->partner;
    if (facts->hears_beats)
        add(self, "beats", DOCTOR_OK, "those of %s are heard", partner);
    else
        add(self, "beats", DOCTOR_FAIL,
            "none of %s is heard: is its tandemd running, and does UDP pass between the pair "
            "addresses?",
            partner);
    if (facts->hears_advertisements)
        add(self, "advertisements", DOCTOR_OK, "those of %s are heard", partner);
    else if (facts->hears_beats && !facts->partner_holds)
        add(self, "advertisements", DOCTOR_OK, "%s holds no address to advertise", partner);
    else
        add(self, "advertisements", DOCTOR_FAIL,
            "none of %s is heard: does IP protocol 112 pass on the service LAN?", partner);
    if (facts->is_tripwire_up)
        add(self, "tripwire", DOCTOR_OK, "the connection to %s stands", partner);
    else
        add(self, "tripwire", DOCTOR_WARN,
            "there is no connection to %s, so its death is found by silence alone: does TCP pass "
            "between the pair addresses?",
            partner);
}

static void examine_partner(struct report *self, const struct doctor_facts *facts)
{
    examine_paths(self, facts);
    if (facts->is_partner_heard)
        add(self, "records", DOCTOR_OK, "those of %s come in", facts->partner);
    else
        add(self, "records", DOCTOR_FAIL,
            "none of %s comes in: does TCP pass to the replication port, and are the keys right?",
            facts->partner);
    if (facts->is_other_document)
        add(self, "document", DOCTOR_FAIL,
            "%s has another one: give both nodes the same file, and restart the one that is behind",
            facts->partner);
    else if (facts->hears_beats)
        add(self, "document", DOCTOR_OK, "%s has the same", facts->partner);
    if (!facts->is_offset_known)
        add(self, "clock", DOCTOR_WARN, "that of %s is not known", facts->partner);
    else if (facts->offset_ms > DOCTOR_OFFSET_MS || facts->offset_ms < -DOCTOR_OFFSET_MS)
        add(self, "clock", DOCTOR_WARN,
            "that of %s is %+.1f s from this node's: let both follow NTP", facts->partner,
            (double)facts->offset_ms / 1000);
    else
        add(self, "clock", DOCTOR_OK, "that of %s is %+.1f s from this node's", facts->partner,
            (double)facts->offset_ms / 1000);
}

size_t doctor_examine(const struct doctor_facts *facts,
                      struct doctor_check checks[DOCTOR_CHECKS_MAX])
{
    struct report report = {.checks = checks};
    examine_guardian(&report, facts);
    if (facts->interface != NULL) {
        examine_interface(&report, facts);
        examine_settings(&report, facts);
    }
    if (facts->interface != NULL && facts->partner != NULL && facts->is_guarded) {
        examine_witnesses(&report, facts, 0);
        examine_witnesses(&report, facts, 1);
        examine_moves(&report, facts);
        examine_partner(&report, facts);
    }
    return report.count;
}

void doctor_judge_key(const char *path, const char *error, unsigned mode,
                      struct doctor_check *check)
{
    struct report report = {.checks = check};
    if (error != NULL)
        add(&report, "beat-key", DOCTOR_FAIL,
            "%s: %s: make it on one node by tandemctl keygen, and "
            "give both the same file",
            path, error);
    else if ((mode & 077) != 0)
        add(&report, "beat-key", DOCTOR_FAIL, "%s is open to others (mode %04o): chmod 600 %s",
            path, mode & 07777, path);
    else
        add(&report, "beat-key", DOCTOR_OK, "%s is its owner's alone", path);
}

const char *doctor_level_word(enum doctor_level level)
{
    static const char *const words[] = {"ok", "warn", "fail"};
    assert(level <= DOCTOR_FAIL);
    return words[level];
}
