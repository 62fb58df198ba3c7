#include "replication/table.h"

#include <assert.h>
#include <string.h>

/* ---- SipHash-2-4 (Aumasson and Bernstein, 2012): keyed for the slots, with a fixed key for the
 * digest, which both nodes must compute alike ---- */

static const uint8_t digest_key[16] = "tandem-digest-1";

struct sip {
    uint64_t v0, v1, v2, v3;
    uint64_t word;     /* bytes not yet mixed in, little end first */
    size_t size_bytes; /* of all bytes so far */
};

static uint64_t load_le64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_rounds(struct sip *self, int rounds)
{
    while (rounds-- > 0) {
        self->v0 += self->v1;
        self->v2 += self->v3;
        self->v1 = rotate_left(self->v1, 13) ^ self->v0;
        self->v3 = rotate_left(self->v3, 16) ^ self->v2;
        self->v0 = rotate_left(self->v0, 32) + self->v3;
        self->v2 += self->v1;
        self->v1 = rotate_left(self->v1, 17) ^ self->v2;
        self->v3 = rotate_left(self->v3, 21) ^ self->v0;
        self->v2 = rotate_left(self->v2, 32);
    }
}

static void sip_begin(struct sip *self, const uint8_t key[16])
{
    uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
    *self = (struct sip){.v0 = k0 ^ 0x736f6d6570736575,
                         .v1 = k1 ^ 0x646f72616e646f6d,
                         .v2 = k0 ^ 0x6c7967656e657261,
                         .v3 = k1 ^ 0x7465646279746573};
}

static void sip_mix(struct sip *self, uint64_t word)
{
    self->v3 ^= word;
    sip_rounds(self, 2);
    self->v0 ^= word;
}

static void sip_bytes(struct sip *self, const void *bytes, size_t size_bytes)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < size_bytes; i++) {
        self->word |= (uint64_t)at[i] << (8 * (self->size_bytes % 8));
        self->size_bytes++;
        if (self->size_bytes % 8 == 0) {
            sip_mix(self, self->word);
            self->word = 0;
        }
    }
}

static void sip_uint(struct sip *self, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    sip_bytes(self, bytes, sizeof bytes);
}

static uint64_t sip_end(struct sip *self)
{
    sip_mix(self, self->word | (uint64_t)self->size_bytes << 56);
    self->v2 ^= 0xff;
    sip_rounds(self, 4);
    return self->v0 ^ self->v1 ^ self->v2 ^ self->v3;
}

static uint64_t hash_key_of(const struct table *self, const struct record_key *key)
{
    struct sip sip;
    sip_begin(&sip, self->hash_key);
    sip_uint(&sip, key->kind);
    sip_bytes(&sip, key->name, strlen(key->name));
    return sip_end(&sip);
}

static uint64_t digest_of(const struct table_entry *entry)
{
    struct sip sip;
    sip_begin(&sip, digest_key);
    sip_uint(&sip, entry->key.kind);
    sip_uint(&sip, entry->version.incarnation);
    sip_uint(&sip, entry->version.sequence);
    sip_bytes(&sip, entry->key.name, strlen(entry->key.name));
    return sip_end(&sip);
}

/* ---- the table ---- */

bool table_init(struct table *self, struct arena *arena, size_t capacity,
                const uint8_t hash_key[16])
{
    assert(capacity >= 1);
    assert(capacity < UINT32_MAX / 4);
    /* Never more than half full, so that a probe is short and always ends at a free slot. */
    size_t slot_count = 2;
    while (slot_count < 2 * capacity)
        slot_count *= 2;
    *self = (struct table){.capacity = capacity, .slot_count = slot_count};
    memcpy(self->hash_key, hash_key, sizeof self->hash_key);
    self->entries = arena_take_array(arena, capacity, sizeof *self->entries);
    self->slots = arena_take_array(arena, slot_count, sizeof *self->slots);
    return self->entries != NULL && self->slots != NULL;
}

/* The slot of the key, or the free slot where it belongs. A slot holds a position plus one. */
static uint32_t *slot_of(const struct table *self, const struct record_key *key, uint64_t hash)
{
    size_t mask = self->slot_count - 1;
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &self->slots[at];
        if (*slot == 0)
            return slot;
        const struct table_entry *entry = &self->entries[*slot - 1];
        if (entry->hash == hash && record_key_equal(&entry->key, key))
            return slot;
    }
}

static void state(struct table *self, struct table_entry *entry, const struct record *record,
                  int64_t now_ms)
{
    entry->version = record->version;
    entry->stated_ms = now_ms - record->age_ms;
    entry->value_size = record->value_size;
    memcpy(entry->value, record->value, record->value_size);
    self->digest += digest_of(entry);
}

static struct table_entry *add(struct table *self, uint32_t *slot, const struct record_key *key,
                               uint64_t hash)
{
    if (self->count == self->capacity)
        return NULL;
    struct table_entry *entry = &self->entries[self->count];
    self->count++;
    *slot = (uint32_t)self->count;
    entry->key = *key;
    entry->hash = hash;
    return entry;
}

enum table_outcome table_merge(struct table *self, const struct record *record, int64_t now_ms,
                               struct table_entry **entry)
{
    assert(record->value_size <= RECORD_VALUE_MAX);
    assert(record->age_ms <= RECORD_AGE_MS_MAX);
    assert(record_compare(record->version, (struct record_version){0}) > 0);
    uint64_t hash = hash_key_of(self, &record->key);
    uint32_t *slot = slot_of(self, &record->key, hash);
    if (*slot == 0) {
        *entry = add(self, slot, &record->key, hash);
        if (*entry == NULL)
            return TABLE_FULL;
        state(self, *entry, record, now_ms);
        return TABLE_ADDED;
    }
    struct table_entry *known = &self->entries[*slot - 1];
    *entry = known;
    int order = record_compare(record->version, known->version);
    if (order < 0)
        return TABLE_OLDER;
    if (order == 0) {
        if (known->stated_ms < now_ms - record->age_ms)
            known->stated_ms = now_ms - record->age_ms;
        return TABLE_SAME;
    }
    self->digest -= digest_of(known);
    state(self, known, record, now_ms);
    return TABLE_RAISED;
}

static void unlink_change(struct table *self, struct table_entry *entry)
{
    if (entry->earlier != NULL)
        entry->earlier->later = entry->later;
    else
        self->oldest_change = entry->later;
    if (entry->later != NULL)
        entry->later->earlier = entry->earlier;
    else
        self->newest_change = entry->earlier;
}

void table_mark(struct table *self, struct table_entry *entry)
{
    assert(entry >= self->entries);
    assert(entry < self->entries + self->count);
    if (entry->change != 0)
        unlink_change(self, entry);
    entry->change = ++self->last_change;
    entry->later = NULL;
    entry->earlier = self->newest_change;
    if (self->newest_change != NULL)
        self->newest_change->later = entry;
    else
        self->oldest_change = entry;
    self->newest_change = entry;
}

struct table_entry *table_find(const struct table *self, const struct record_key *key)
{
    uint32_t slot = *slot_of(self, key, hash_key_of(self, key));
    return slot == 0 ? NULL : &self->entries[slot - 1];
}

const struct table_entry *table_changed_after(const struct table *self, uint64_t change)
{
    const struct table_entry *first = NULL;
    for (const struct table_entry *entry = self->newest_change;
         entry != NULL && entry->change > change; entry = entry->earlier)
        first = entry;
    return first;
}

const struct table_entry *table_at(const struct table *self, size_t position)
{
    assert(position < self->count);
    return &self->entries[position];
}

uint64_t table_digest(const struct table *self)
{
    return self->digest;
}

void table_record(const struct table_entry *entry, int64_t now_ms, struct record *record)
{
    int64_t age_ms = now_ms - entry->stated_ms;
    if (age_ms < 0)
        age_ms = 0;
    record->key = entry->key;
    record->version = entry->version;
    record->age_ms = age_ms > RECORD_AGE_MS_MAX ? RECORD_AGE_MS_MAX : (uint32_t)age_ms;
    record->value_size = entry->value_size;
    memcpy(record->value, entry->value, entry->value_size);
}
