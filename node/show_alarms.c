#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "failover/advertisement.h"
#include "node/show_parts.h"

enum {
    IMPOSTOR_MS = 60000, /* since the last, until it is told no more */
    FOREIGN_MS = 3000,   /* likewise; a HELLO is repeated each second */
};

__attribute__((format(printf, 2, 3))) static void alarm_line(json_t *alarms, const char *format,
                                                             ...)
{
    char line[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    json_array_append_new(alarms, json_string(line));
}

/* A node's addresses that its partner holds, and no order says so. */
static void alarm_away(const struct node *node, json_t *alarms)
{
    const struct document *document = node->plan.document;
    for (size_t i = 0; i < document->node_count && document->node_count > 1; i++) {
        bool is_self = i == node->config.self;
        const struct status *other = is_self ? &node->partner : &node->status;
        const struct ip *home = document->nodes[i].home;
        const struct status_held *held =
            show_find_held(other, home[0].family != 0 ? &home[0] : &home[1]);
        if (held != NULL && !node->handovers[i].away && (!is_self || node->partner_heard))
            alarm_line(alarms, "the addresses of %s are held by %s (%s)", document->nodes[i].name,
                       document->nodes[1 - i].name, held->reason);
    }
}

/* Why a node may hold no address; all words are its guardian's. */
static void alarm_unfit(const char *name, const struct fitness *fitness, json_t *alarms)
{
    static const struct {
        const char *word, *sentence;
    } rows[] = {
        {"no-carrier", "its interface has no carrier"},
        {"no-frame", "nothing comes in from the LAN"},
        {"no-reply", "no witness answers"},
        {"no-send", "its kernel sends nothing to the LAN"},
        {"no-worker", "its worker is not ready yet"},
        {"unproven", "its worker was not seen to answer on the node's own address yet"},
        {"thread-silent", "a DNS thread of its worker does not answer"},
        {"control-stalled", "the control thread of its worker stands still"},
        {"worker-dead", "its worker is dead"},
        {"stopping", "its worker is stopping"},
    };
    bool is_isolated = strcmp(fitness->fault, "isolated") == 0;
    const char *word = is_isolated                                   ? fitness->reception
                       : strcmp(fitness->fault, "worker-unfit") == 0 ? fitness->gate
                                                                     : fitness->fault;
    const char *sentence = "see the log of its tandemd";
    if (strcmp(word, "address-failed") == 0)
        sentence = "its kernel refuses the addresses";
    else if (strcmp(word, "leaving") == 0)
        sentence = "its worker is being replaced";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(word, rows[i].word) == 0)
            sentence = rows[i].sentence;
    alarm_line(alarms, "%s is %s: %s (%s)", name, is_isolated ? "isolated" : "not fit", sentence,
               word);
}

static void alarm_fitness(const struct node *node, json_t *alarms)
{
    const struct document *document = node->plan.document;
    for (size_t i = 0; i < document->node_count; i++) {
        const struct fitness *fitness = &node->fitness[i].fitness;
        bool is_heard = i == node->config.self || node->partner_heard;
        if (is_heard && fitness->fault[0] != '\0' && strcmp(fitness->fault, "sound") != 0)
            alarm_unfit(document->nodes[i].name, fitness, alarms);
    }
}

static void alarm_strangers(const struct node *node, const struct told *told, int64_t now_ms,
                            json_t *alarms)
{
    static const uint8_t unknown[CHANNEL_MAC_SIZE];
    for (size_t i = 0; i < node->plan.document->node_count; i++) {
        const struct told_stranger *stranger = &told->strangers[i];
        const struct ip *home = node->plan.document->nodes[i].home;
        const uint8_t *mac = stranger->mac;
        char address[IP_TEXT_SIZE], who[32] = "";
        if (stranger->heard_ms == INT64_MIN || now_ms - stranger->heard_ms > TOLD_STRANGER_MS)
            continue;
        if (memcmp(mac, unknown, sizeof unknown) != 0)
            snprintf(who, sizeof who, " (%02x:%02x:%02x:%02x:%02x:%02x)", mac[0], mac[1], mac[2],
                     mac[3], mac[4], mac[5]);
        alarm_line(alarms,
                   "somebody else%s answers for %s: find that host, and take it off the LAN", who,
                   ip_text(home[0].family != 0 ? &home[0] : &home[1], address));
    }
}

/* Somebody else speaks under an agent's key. */
static void alarm_impostors(const struct node *node, int64_t now_ms, json_t *alarms)
{
    for (size_t i = 0; i < node->seat_count; i++) {
        const struct replica_peer *peer = &node->replica.peers[1 + i];
        if (peer->name == NULL || peer->impostor_ms == INT64_MIN ||
            now_ms - peer->impostor_ms > IMPOSTOR_MS)
            continue;
        if (peer->impostor == REPLICA_WRONG_MACHINE)
            alarm_line(alarms,
                       "the key of %s is used from another machine (wrong-machine): have that one "
                       "join by itself, or revoke the key",
                       peer->name);
        else
            alarm_line(alarms,
                       "two agents speak under the key of %s (two-sessions): end one of them, or "
                       "revoke the key",
                       peer->name);
    }
}

/* A node or an agent with which this one has no protocol version in common. */
static void alarm_foreign(const struct node *node, int64_t now_ms, json_t *alarms)
{
    const char *self = node->replica.config.name;
    for (size_t i = 0; i <= node->seat_count; i++) {
        const struct replica_peer *peer = &node->replica.peers[i];
        const struct replica_foreign *foreign = &peer->foreign;
        if (peer->name == NULL || foreign->at_ms == INT64_MIN ||
            now_ms - foreign->at_ms > FOREIGN_MS)
            continue;
        bool is_older = foreign->max < MESSAGE_PROTOCOL_MIN;
        alarm_line(
            alarms,
            "%s%s speaks protocol %llu to %llu, %s speaks %d to %d (wrong-protocol): upgrade "
            "%s%s",
            i == REPLICA_PARTNER ? "" : "the agent of ", peer->name,
            (unsigned long long)foreign->min, (unsigned long long)foreign->max, self,
            MESSAGE_PROTOCOL_MIN, MESSAGE_PROTOCOL_MAX,
            is_older && i != REPLICA_PARTNER ? "the agent of " : "", is_older ? peer->name : self);
    }
}

/* What is refused again and again says what is wrong with the partner. */
static void alarm_refusals(const struct node *node, const struct told *told, int64_t now_ms,
                           json_t *alarms)
{
    static const struct {
        enum channel_group group;
        size_t which;
        const char *sentence;
    } rows[] = {
        {CHANNEL_BEATS, BEAT_BAD_CLUSTER,
         "the partner %s says another cluster name (bad-cluster): give both nodes one document"},
        {CHANNEL_BEATS, BEAT_BAD_TAG,
         "the partner %s has another key (bad-tag): give both nodes the same beat.key"},
        {CHANNEL_BEATS, BEAT_BAD_VERSION,
         "the partner %s is of another version (bad-version): upgrade the older one"},
        {CHANNEL_BEATS, BEAT_BAD_SENDER,
         "the partner says my own name (bad-sender): start it with --node %s"},
        {CHANNEL_ADVERTISEMENTS, ADVERTISEMENT_BAD_SOURCE,
         "somebody else than %s advertises the VRID of this pair (source): give one of them "
         "another vrid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows && node_partner(node) != NULL; i++)
        if (told_rises(told, now_ms, rows[i].group, rows[i].which)) {
            char line[200];
            const char *name = strstr(rows[i].sentence, "%s");
            snprintf(line, sizeof line, "%.*s%s%s", (int)(name - rows[i].sentence),
                     rows[i].sentence, node_partner(node), name + 2);
            alarm_line(alarms, "%s", line);
        }
}

/* Whom no witness answers at all has no confirmation to miss. */
static void alarm_witnesses(const struct node *node, const struct told *told, int64_t now_ms,
                            json_t *alarms)
{
    bool is_one_heard = false;
    for (size_t i = 0; i < told->witness_count; i++) {
        char text[IP_TEXT_SIZE];
        bool is_silent = told_is_silent(told, now_ms, &told->witnesses[i]);
        is_one_heard |= !is_silent;
        if (is_silent)
            alarm_line(alarms, "the witness %s does not answer",
                       ip_text(&told->witnesses[i].address, text));
    }
    if (is_one_heard && told_has(told, CHANNEL_UNCONFIRMED))
        alarm_line(
            alarms,
            "no witness answers to a service address that %s holds: does a switch or a cloud "
            "keep it from %s's MAC (port security, ARP inspection)?",
            node->plan.document->nodes[node->config.self].name,
            node->plan.document->nodes[node->config.self].name);
}

/* Where the partner is heard on one way and not on the other; witnesses; flaps. */
static void alarm_paths(const struct node *node, const struct told *told, int64_t now_ms,
                        json_t *alarms)
{
    const char *partner = node_partner(node);
    bool hears_beats = told_has(told, CHANNEL_HEARS_BEATS);
    if (partner != NULL && told_has(told, CHANNEL_HAS_PARTNER) && !hears_beats &&
        node->partner_heard)
        alarm_line(alarms, "beats of %s are not heard, its records are: look at UDP port %u of %s",
                   partner, node->plan.document->beat_port, "the pair link");
    if (hears_beats && told_has(told, CHANNEL_PARTNER_HOLDS) &&
        !told_has(told, CHANNEL_HEARS_ADVERTISEMENTS))
        alarm_line(alarms,
                   "advertisements of %s are not heard, its beats are: look at the service "
                   "LAN, and for a filter of protocol 112",
                   partner);
    if (told_has(told, CHANNEL_OTHER_DOCUMENT))
        alarm_line(alarms,
                   "the partner %s has another document: give both nodes the same file, and "
                   "restart the one that is behind",
                   partner);
    alarm_witnesses(node, told, now_ms, alarms);
    if (told_has(told, CHANNEL_DELETED))
        alarm_line(alarms,
                   "something on %s deletes its service addresses again and again: keep "
                   "NetworkManager, systemd-networkd (KeepConfiguration=) and the like off them",
                   node->plan.document->nodes[node->config.self].name);
    uint32_t hold_s = told->state.hold_ms[node->config.self] / 1000;
    if (told_has(told, CHANNEL_HAS_PARTNER) && hold_s > PAIR_HOLD_US_MIN / 1000000)
        alarm_line(alarms,
                   "%s lost its home soon after its return: it takes it back when it was "
                   "fit for %u s; \"failover reset\" forgets that",
                   node->plan.document->nodes[node->config.self].name, hold_s);
}

static void alarm_pools(const struct node *node, json_t *alarms)
{
    const struct document *document = node->plan.document;
    for (size_t i = 0; i < document->pool_count; i++) {
        const struct node_pool *pool = &node->plan.pools[i];
        if (pool->verdicts.frozen)
            alarm_line(alarms,
                       "pool %s is frozen: %zu of %zu servers fell silent at once, their "
                       "verdicts from before stand",
                       document->pools[i].name, pool->verdicts.silent_count, pool->verdicts.count);
        if (pool->at_last_resort && pool->verdicts.count == 0)
            alarm_line(alarms,
                       "pool %s has no servers: \"tandemctl token --pool %s\" lets them join",
                       document->pools[i].name, document->pools[i].name);
        else if (pool->at_last_resort)
            alarm_line(alarms, "pool %s has no fit server: it answers by its last resort",
                       document->pools[i].name);
    }
}

bool show_partner_lives(const struct told *told)
{
    return told_has(told, CHANNEL_HEARS_ADVERTISEMENTS) || told_has(told, CHANNEL_PARTNER_ABLE);
}

static void alarm_partner(const struct node *node, const struct told *told, json_t *alarms)
{
    const char *partner = node_partner(node);
    bool hears_beats = told_has(told, CHANNEL_HEARS_BEATS);
    if (partner == NULL || node->partner_heard)
        return;
    if (hears_beats && !told_has(told, CHANNEL_PARTNER_ABLE))
        alarm_line(alarms,
                   "the partner %s is not heard, and its beats say that it is not fit: see "
                   "the log of its tandemd",
                   partner);
    else if (hears_beats)
        alarm_line(alarms,
                   "the partner %s is not heard, but its beats are: look at TCP port %u of "
                   "the pair link",
                   partner, node->plan.document->replication_port);
    else if (told_has(told, CHANNEL_HEARS_ADVERTISEMENTS))
        alarm_line(alarms,
                   "the partner %s is not heard, but its advertisements are: look at the "
                   "pair link",
                   partner);
    else
        alarm_line(alarms, "the partner %s is not heard", partner);
}

json_t *show_alarms(const struct node *node, const struct told *told, int64_t now_ms)
{
    json_t *alarms = json_array();
    const struct document *document = node->plan.document;
    alarm_partner(node, told, alarms);
    if (node->replica.sync != REPLICA_SYNCED)
        alarm_line(alarms, "%s has no snapshot yet: pools are not answered",
                   document->nodes[node->config.self].name);
    if (node->partner_heard && node->partner_known && node->partner.sync != REPLICA_SYNCED)
        alarm_line(alarms, "%s has no snapshot yet: it does not answer pools", node_partner(node));
    if (node->replica.counts[REPLICA_TABLE_FULL] > 0)
        alarm_line(alarms, "the table of records is full: new records are refused");
    alarm_fitness(node, alarms);
    alarm_impostors(node, now_ms, alarms);
    alarm_foreign(node, now_ms, alarms);
    if (told->has_state) {
        alarm_strangers(node, told, now_ms, alarms);
        alarm_refusals(node, told, now_ms, alarms);
        alarm_paths(node, told, now_ms, alarms);
    }
    alarm_away(node, alarms);
    for (size_t i = 0; i < document->node_count; i++)
        if (node->handovers[i].away)
            alarm_line(alarms, "the addresses of %s are handed over to its partner, by %s",
                       document->nodes[i].name, node->handovers[i].author);
    alarm_pools(node, alarms);
    return alarms;
}
