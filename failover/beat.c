#include "failover/beat.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum {
    AT_VERSION = 0,
    AT_SENDER = 1,
    AT_FLAGS = 2,
    AT_HOLDS = 3,
    AT_CLUSTER = 4,
    AT_BOOT = 8,
    AT_SEQUENCE = 16,
    AT_ECHO_BOOT = 24,
    AT_ECHO_SEQUENCE = 32,
    AT_HEARD_AGO = 40,
    AT_LATENESS = 44,
    AT_UNANSWERED = 48,
    AT_DOCUMENT = 52,
    AT_HANDOVERS = 60,
    AT_AGENTS_FRESH = 68,
    AT_AGENTS_LOST = 70,
    AT_TAG = 72,
    FLAGS_KNOWN = BEAT_FIT | BEAT_SYNCED | BEAT_ISOLATED | BEAT_STOPPING | BEAT_PROBING |
                  BEAT_ANSWERED | BEAT_KEEPING,
    HOLDS_MAX = 3,
    HANDOVER_NODE_SHIFT = 30, /* the node stands in the two bits above the version */
};

_Static_assert(AT_TAG + BEAT_TAG_SIZE == BEAT_SIZE, "the tag ends the beat");
_Static_assert(BEAT_HANDOVER_MAX == (1 << HANDOVER_NODE_SHIFT) - 1, "the version is 30 bits");
_Static_assert(BEAT_KEY_SIZE == crypto_generichash_KEYBYTES, "the key of BLAKE2b");
_Static_assert(BEAT_TAG_SIZE == crypto_verify_16_BYTES, "tags are compared in constant time");

static const char *const refusal_words[BEAT_REFUSALS] = {
    [BEAT_ACCEPTED] = "accepted",       [BEAT_BAD_SIZE] = "bad-size",
    [BEAT_BAD_VERSION] = "bad-version", [BEAT_BAD_TAG] = "bad-tag",
    [BEAT_BAD_CLUSTER] = "bad-cluster", [BEAT_BAD_SENDER] = "bad-sender",
    [BEAT_BAD_FIELD] = "bad-field",     [BEAT_UNPROVEN] = "unproven",
    [BEAT_REPLAYED] = "replayed",
};

static void put(uint8_t *to, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get(const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | from[i];
    return value;
}

/* What the sender promises and the receiver demands of the fields. */
static bool is_in_range(const struct beat *beat)
{
    if (beat->sender > 1 || beat->holds > HOLDS_MAX)
        return false;
    if (beat->boot == 0 || beat->sequence == 0)
        return false;
    /* Sequences begin at 1: never heard is both zero, heard is neither. */
    if ((beat->echo_boot == 0) != (beat->echo_sequence == 0))
        return false;
    for (size_t home = 0; home < 2; home++) {
        if (beat->handovers[home].node > 1 || beat->handovers[home].version > BEAT_HANDOVER_MAX)
            return false;
    }
    return beat->agents_lost <= beat->agents_fresh;
}

static void tag(const uint8_t bytes[BEAT_SIZE], const uint8_t key[BEAT_KEY_SIZE],
                uint8_t made[BEAT_TAG_SIZE])
{
    /* Fails for sizes out of range only, and these are fixed. */
    int failed = crypto_generichash(made, BEAT_TAG_SIZE, bytes, AT_TAG, key, BEAT_KEY_SIZE);
    assert(failed == 0);
}

uint32_t beat_cluster(const char *name)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    assert(name != NULL);
    int failed =
        crypto_generichash(hash, sizeof hash, (const uint8_t *)name, strlen(name), NULL, 0);
    assert(failed == 0);
    return (uint32_t)get(hash, 4);
}

void beat_encode(const struct beat *beat, const uint8_t key[BEAT_KEY_SIZE],
                 uint8_t bytes[BEAT_SIZE])
{
    assert(is_in_range(beat));
    assert((beat->flags & ~FLAGS_KNOWN) == 0);
    bytes[AT_VERSION] = BEAT_VERSION;
    bytes[AT_SENDER] = beat->sender;
    bytes[AT_FLAGS] = beat->flags;
    bytes[AT_HOLDS] = beat->holds;
    put(bytes + AT_CLUSTER, 4, beat->cluster);
    put(bytes + AT_BOOT, 8, beat->boot);
    put(bytes + AT_SEQUENCE, 8, beat->sequence);
    put(bytes + AT_ECHO_BOOT, 8, beat->echo_boot);
    put(bytes + AT_ECHO_SEQUENCE, 8, beat->echo_sequence);
    put(bytes + AT_HEARD_AGO, 4, beat->heard_ago_us);
    put(bytes + AT_LATENESS, 4, beat->lateness_us);
    put(bytes + AT_UNANSWERED, 4, beat->unanswered_us);
    put(bytes + AT_DOCUMENT, 8, beat->document);
    for (size_t home = 0; home < 2; home++)
        put(bytes + AT_HANDOVERS + 4 * home, 4,
            (uint64_t)beat->handovers[home].node << HANDOVER_NODE_SHIFT |
                beat->handovers[home].version);
    put(bytes + AT_AGENTS_FRESH, 2, beat->agents_fresh);
    put(bytes + AT_AGENTS_LOST, 2, beat->agents_lost);
    tag(bytes, key, bytes + AT_TAG);
}

static void decode_fields(const uint8_t bytes[BEAT_SIZE], struct beat *beat)
{
    *beat = (struct beat){
        .sender = bytes[AT_SENDER],
        .flags = bytes[AT_FLAGS] & FLAGS_KNOWN,
        .holds = bytes[AT_HOLDS],
        .cluster = (uint32_t)get(bytes + AT_CLUSTER, 4),
        .boot = get(bytes + AT_BOOT, 8),
        .sequence = get(bytes + AT_SEQUENCE, 8),
        .echo_boot = get(bytes + AT_ECHO_BOOT, 8),
        .echo_sequence = get(bytes + AT_ECHO_SEQUENCE, 8),
        .heard_ago_us = (uint32_t)get(bytes + AT_HEARD_AGO, 4),
        .lateness_us = (uint32_t)get(bytes + AT_LATENESS, 4),
        .unanswered_us = (uint32_t)get(bytes + AT_UNANSWERED, 4),
        .document = get(bytes + AT_DOCUMENT, 8),
        .agents_fresh = (uint16_t)get(bytes + AT_AGENTS_FRESH, 2),
        .agents_lost = (uint16_t)get(bytes + AT_AGENTS_LOST, 2),
    };
    for (size_t home = 0; home < 2; home++) {
        uint32_t packed = (uint32_t)get(bytes + AT_HANDOVERS + 4 * home, 4);
        beat->handovers[home].version = packed & BEAT_HANDOVER_MAX;
        beat->handovers[home].node = (uint8_t)(packed >> HANDOVER_NODE_SHIFT);
    }
}

static bool is_tagged(const uint8_t bytes[BEAT_SIZE], const uint8_t (*keys)[BEAT_KEY_SIZE],
                      size_t key_count)
{
    for (size_t i = 0; i < key_count; i++) {
        uint8_t made[BEAT_TAG_SIZE];
        tag(bytes, keys[i], made);
        if (crypto_verify_16(made, bytes + AT_TAG) == 0)
            return true;
    }
    return false;
}

/* Does the beat echo a beat of mine, of this life, that was sent? */
static bool is_echo_of_mine(const struct beat *beat, const struct beat_expectation *mine)
{
    return beat->echo_boot == mine->boot && beat->echo_sequence <= mine->sequence;
}

/* Recent, and more than any accepted beat has echoed: a recording of the partner's life before this
 * one echoes no more than I accepted from it, however quickly it is played back. */
static bool is_proof(const struct beat *beat, const struct beat_expectation *mine,
                     const struct beat_memory *memory)
{
    return is_echo_of_mine(beat, mine) && mine->sequence - beat->echo_sequence <= BEAT_RECENT &&
           beat->echo_sequence > memory->proof;
}

/* A candidate is echoed in place of the proven boot, so it must not come between me and a partner
 * that lives: only when some of my beats went out since I heard it. */
static void propose(const struct beat *beat, const struct beat_expectation *mine,
                    struct beat_memory *memory)
{
    if (memory->boot != 0 && mine->sequence - memory->accepted_at < BEAT_MISSED)
        return;
    if (beat->boot == memory->candidate && beat->sequence <= memory->candidate_sequence)
        return;
    memory->candidate = beat->boot;
    memory->candidate_sequence = beat->sequence;
}

static void remember(const struct beat *beat, const struct beat_expectation *mine,
                     struct beat_memory *memory)
{
    memory->boot = beat->boot;
    memory->sequence = beat->sequence;
    memory->candidate = 0;
    memory->candidate_sequence = 0;
    memory->accepted_at = mine->sequence;
    if (is_echo_of_mine(beat, mine) && beat->echo_sequence > memory->proof)
        memory->proof = beat->echo_sequence;
}

enum beat_refusal beat_accept(const struct beat *beat, const struct beat_expectation *expected,
                              struct beat_memory *memory)
{
    assert(expected->boot != 0);
    assert(expected->sender <= 1);
    if (beat->cluster != expected->cluster)
        return BEAT_BAD_CLUSTER;
    if (beat->sender != expected->sender)
        return BEAT_BAD_SENDER;
    if (!is_in_range(beat))
        return BEAT_BAD_FIELD;
    if (beat->boot == memory->boot && beat->sequence <= memory->sequence)
        return BEAT_REPLAYED;
    if (beat->boot != memory->boot && !is_proof(beat, expected, memory)) {
        propose(beat, expected, memory);
        return BEAT_UNPROVEN;
    }
    remember(beat, expected, memory);
    return BEAT_ACCEPTED;
}

enum beat_refusal beat_decode(const uint8_t *bytes, size_t size,
                              const uint8_t (*keys)[BEAT_KEY_SIZE], size_t key_count,
                              const struct beat_expectation *expected, struct beat_memory *memory,
                              struct beat *beat)
{
    assert(key_count >= 1);
    assert(key_count <= BEAT_KEYS_MAX);
    if (size != BEAT_SIZE)
        return BEAT_BAD_SIZE;
    if (bytes[AT_VERSION] != BEAT_VERSION)
        return BEAT_BAD_VERSION;
    if (!is_tagged(bytes, keys, key_count))
        return BEAT_BAD_TAG;

    struct beat decoded;
    decode_fields(bytes, &decoded);
    enum beat_refusal refusal = beat_accept(&decoded, expected, memory);
    if (refusal == BEAT_ACCEPTED)
        *beat = decoded;
    return refusal;
}

void beat_echo(const struct beat_memory *memory, uint64_t *boot, uint64_t *sequence)
{
    bool is_candidate = memory->candidate != 0;
    *boot = is_candidate ? memory->candidate : memory->boot;
    *sequence = is_candidate ? memory->candidate_sequence : memory->sequence;
}

const char *beat_refusal_word(enum beat_refusal refusal)
{
    assert(refusal < BEAT_REFUSALS);
    return refusal_words[refusal];
}
