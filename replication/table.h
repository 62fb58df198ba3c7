/* replication/table.h -- all records one node knows.
 *
 * A fixed table in the caller's memory: open addressing over a keyed hash, entries in slots that
 * never move, and a list of the entries in the order in which they were last marked as changed. A
 * sender that remembers the change number up to which it has told its peer finds what is left to
 * tell by walking the end of that list: a delta is conflated by construction. A snapshot is the
 * walk over all positions.
 *
 *     change:   1   4   5   9  12            sent = 5
 *     entry:    c   a   e   b   d       ->   delta = b, d
 *
 * Not thread-safe; owned by one thread. Records are never removed (a later version may say
 * "gone"); a full table refuses new keys and goes on with the known ones. */
#ifndef TANDEM_REPLICATION_TABLE_H
#define TANDEM_REPLICATION_TABLE_H

#include "replication/arena.h"
#include "replication/record.h"

enum table_outcome {
    TABLE_ADDED,  /* the key was not known */
    TABLE_RAISED, /* a higher version replaced a lower one */
    TABLE_SAME,   /* known already */
    TABLE_OLDER,  /* a higher version is known */
    TABLE_FULL,   /* the key is not known and there is no room */
};

struct table_entry {
    struct record_key key;
    struct record_version version;
    int64_t stated_ms;                   /* when its writer stated it, on this node's clock */
    uint64_t change;                     /* its place in the order of changes; 0 = never marked */
    struct table_entry *earlier, *later; /* the list of changes, to be followed, not altered */
    uint64_t hash;                       /* private */
    uint16_t value_size;
    uint8_t value[RECORD_VALUE_MAX];
};

struct table {
    struct table_entry *entries; /* private; [0, count) are in use */
    uint32_t *slots;             /* private */
    size_t count, capacity, slot_count;
    struct table_entry *oldest_change, *newest_change;
    uint64_t last_change; /* the highest change number given out */
    uint64_t digest;
    uint8_t hash_key[16];
};

/* Takes room for capacity (>= 1) records; false when the arena has none. hash_key is random, so
 * that names cannot be chosen to collide. */
bool table_init(struct table *self, struct arena *arena, size_t capacity,
                const uint8_t hash_key[16]);

/* Merge one record at now_ms. On TABLE_ADDED and TABLE_RAISED *entry is the entry, its stated_ms is
 * now_ms - age_ms, and it is *not* marked as changed: whether a peer needs it is the caller's to
 * say (table_mark). On SAME and OLDER it is the known entry; on SAME a younger age than known
 * corrects its stated_ms. On FULL *entry is NULL. O(1). */
enum table_outcome table_merge(struct table *self, const struct record *record, int64_t now_ms,
                               struct table_entry **entry);

/* Give the entry the next change number: every peer is yet to be told. O(1). */
void table_mark(struct table *self, struct table_entry *entry);

/* NULL when not known. O(1). */
struct table_entry *table_find(const struct table *self, const struct record_key *key);

/* The entry with the lowest change number above change, or NULL. Costs the length of what follows.
 * */
const struct table_entry *table_changed_after(const struct table *self, uint64_t change);

/* Entries by position 0..count-1, in the order of their arrival; positions never change. */
const struct table_entry *table_at(const struct table *self, size_t position);

/* Equal on two nodes exactly if (up to hash collisions) they hold the same keys in the same
 * versions: the sum over all entries of an unkeyed 64-bit hash of key and version. */
uint64_t table_digest(const struct table *self);

/* A record as it is told to a peer at now_ms. */
void table_record(const struct table_entry *entry, int64_t now_ms, struct record *record);

#endif
