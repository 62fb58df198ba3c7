/* A million merges at random: records of every kind reach three tables in orders of their own, some
 * twice, some again long after a newer one; then the tables tell each other what they hold. Each
 * merge is asked of a plain oracle besides, an array with the highest version that the table was
 * fed of each key, and in the end all three tables hold byte for byte what the oracle has.
 *
 * Their clocks differ by days, and ages are told later than they were true, as on a network: of the
 * same version the youngest age stands, wherever it was heard. */
#include "replication/table.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/suite.h"

enum {
    MERGES = 1000000,
    TABLES = 3,
    SCENES = 45, /* each with other records and other orders */
    KINDS = RECORD_TRANSITION,
    KEYS = 240,
    VERSIONS = 10, /* of each key */
    STATEMENTS = KEYS * VERSIONS,
    ROUNDS = 3,        /* of everybody telling everybody: the last changes nothing */
    ENTRY_SIZE = 1024, /* of the dump, at most */
};

static const int64_t clock_ms[TABLES] = {0, 86400000 * 3LL, -7777777}; /* beside the true time */
static const uint8_t hash_keys[TABLES][16] = {"one key", "another", "and a third"};

static uint64_t dice;
static size_t merges;

/* splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t throw_dice(uint64_t sides)
{
    uint64_t z = dice += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % sides;
}

/* ---- what is stated ---- */

static struct record statements[STATEMENTS]; /* those of one key lie together */
static int64_t stated_ms[STATEMENTS];        /* true time */

static void name_key(struct record_key *key, size_t number)
{
    *key = (struct record_key){.kind = (enum record_kind)(RECORD_REPORT + number % KINDS)};
    static const char *const before[] = {
        [RECORD_REPORT] = "media", [RECORD_HANDED_OUT] = "ns1/stream/media",
        [RECORD_NODE] = "ns",      [RECORD_ORDER] = "drain/media",
        [RECORD_FITNESS] = "ns",   [RECORD_TRANSITION] = "ns2/",
    };
    bool is_of_all = throw_dice(8) == 0; /* the same name in several kinds */
    snprintf(key->name, sizeof key->name, "%s%zu", is_of_all ? "of-all/" : before[key->kind],
             number / KINDS);
}

/* Small numbers, so that incarnation and sequence both decide, and some of the largest. */
static struct record_version version_of(enum record_kind kind)
{
    uint64_t beyond = throw_dice(8) == 0 ? UINT64_MAX - 8 : 0;
    if (kind != RECORD_ORDER)
        return (struct record_version){beyond + 1 + throw_dice(4), 1 + throw_dice(6)};
    struct record_version version = record_order_version(
        beyond + 1 + throw_dice(4), (uint8_t)(1 + throw_dice(2)), throw_dice(3) << 60);
    return throw_dice(2) == 0 ? version : record_order_end(version);
}

static bool is_stated(size_t first, size_t end, struct record_version version)
{
    for (size_t i = first; i < end; i++)
        if (statements[i].version.incarnation == version.incarnation &&
            statements[i].version.sequence == version.sequence)
            return true;
    return false;
}

/* One writer states a version once: nothing else has it, so it has one value. */
static void make_statements(void)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        size_t first = i / VERSIONS * VERSIONS;
        struct record *record = &statements[i];
        *record = (struct record){.value_size = (uint16_t)throw_dice(RECORD_VALUE_MAX + 1)};
        if (i == first)
            name_key(&record->key, i / VERSIONS);
        else
            record->key = statements[first].key;
        do
            record->version = version_of(record->key.kind);
        while (is_stated(first, i, record->version));
        for (size_t at = 0; at < record->value_size; at++)
            record->value[at] = (uint8_t)throw_dice(256);
        stated_ms[i] = (int64_t)throw_dice(100000);
    }
}

/* ---- the plain oracle ---- */

struct known {
    size_t statement;  /* SIZE_MAX: none */
    int64_t stated_ms; /* true time, by the youngest age told of it */
};

static struct known fed[TABLES][KEYS];

/* Not record_compare: a second opinion. */
static bool is_newer(size_t a, size_t b)
{
    struct record_version left = statements[a].version, right = statements[b].version;
    if (left.incarnation == right.incarnation)
        return left.sequence > right.sequence;
    return left.incarnation > right.incarnation;
}

static enum table_outcome feed_oracle(struct known *known, size_t statement, int64_t heard_ms)
{
    bool is_new = known->statement == SIZE_MAX;
    if (is_new || is_newer(statement, known->statement)) {
        *known = (struct known){statement, heard_ms};
        return is_new ? TABLE_ADDED : TABLE_RAISED;
    }
    if (statement != known->statement)
        return TABLE_OLDER;
    if (heard_ms > known->stated_ms)
        known->stated_ms = heard_ms;
    return TABLE_SAME;
}

/* ---- the tables ---- */

static struct table tables[TABLES];

static void open_tables(void)
{
    static alignas(16) uint8_t memory[TABLES][1 << 18];
    for (size_t i = 0; i < TABLES; i++) {
        struct arena arena;
        arena_init(&arena, memory[i], sizeof memory[i]);
        memset(memory[i], 0, sizeof memory[i]);
        ck_assert(table_init(&tables[i], &arena, KEYS, hash_keys[i]));
        for (size_t key = 0; key < KEYS; key++)
            fed[i][key].statement = SIZE_MAX;
    }
}

/* A record of age_ms comes to a table at the true time now_ms. */
static void merge(size_t to, size_t statement, const struct record *record, int64_t now_ms)
{
    struct table_entry *entry = NULL;
    enum table_outcome outcome = table_merge(&tables[to], record, now_ms + clock_ms[to], &entry);
    struct known *known = &fed[to][statement / VERSIONS];
    /* Check marks each claim it looks at, which takes longer than a merge. */
    if (outcome != feed_oracle(known, statement, now_ms - record->age_ms) || entry == NULL)
        ck_abort_msg("merge %zu of %s: %d", merges, record->key.name, (int)outcome);
    merges++;
}

static void state(size_t to, size_t statement, int64_t now_ms)
{
    struct record record = statements[statement];
    int64_t age_ms = now_ms - stated_ms[statement] + (int64_t)throw_dice(2000);
    record.age_ms = age_ms < 0 ? 0 : (uint32_t)age_ms;
    merge(to, statement, &record, now_ms);
}

/* All that a table hears, in an order of its own: some statements never come, some twice, and every
 * third merge is the replay of one that came before. */
static void tell_statements(size_t to, int64_t now_ms)
{
    static size_t order[STATEMENTS];
    for (size_t i = 0; i < STATEMENTS; i++) {
        size_t at = throw_dice(i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    size_t count = STATEMENTS - throw_dice(STATEMENTS / 4);
    for (size_t i = 0; i < count; i++) {
        state(to, order[i], now_ms);
        if (throw_dice(8) == 0)
            state(to, order[i], now_ms);
        for (size_t replays = throw_dice(5); replays > 0; replays--)
            state(to, order[throw_dice(i + 1)], now_ms);
        now_ms += (int64_t)throw_dice(40);
    }
}

/* A snapshot of one table, told to another. */
static void tell_table(size_t from, size_t to, int64_t now_ms)
{
    for (size_t i = 0; i < tables[from].count; i++) {
        const struct table_entry *entry = table_at(&tables[from], i);
        struct record record;
        size_t key = 0;
        while (!record_key_equal(&statements[key * VERSIONS].key, &entry->key))
            key++;
        table_record(entry, now_ms + clock_ms[from], &record);
        merge(to, fed[from][key].statement, &record, now_ms);
    }
}

/* ---- the dumps ---- */

static char dumps[TABLES + 1][KEYS][ENTRY_SIZE];

static void dump_record(char *text, const struct record_key *key, struct record_version version,
                        const uint8_t *value, size_t size, int64_t since_ms)
{
    int used =
        snprintf(text, ENTRY_SIZE, "%d %s %" PRIu64 " %" PRIu64 " %" PRId64 " %zu ", (int)key->kind,
                 key->name, version.incarnation, version.sequence, since_ms, size);
    for (size_t i = 0; i < size; i++)
        used += snprintf(text + used, ENTRY_SIZE - (size_t)used, "%02x", value[i]);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void dump_table(size_t which)
{
    const struct table *table = &tables[which];
    memset(dumps[which], 0, sizeof dumps[which]);
    for (size_t i = 0; i < table->count; i++) {
        const struct table_entry *entry = table_at(table, i);
        if (table_find(table, &entry->key) != entry)
            ck_abort_msg("%s is not found again", entry->key.name);
        dump_record(dumps[which][i], &entry->key, entry->version, entry->value, entry->value_size,
                    entry->stated_ms - clock_ms[which]);
    }
    qsort(dumps[which], KEYS, ENTRY_SIZE, compare_texts);
}

/* What all tables together were fed. */
static void dump_oracle(void)
{
    memset(dumps[TABLES], 0, sizeof dumps[TABLES]);
    for (size_t key = 0; key < KEYS; key++) {
        struct known best = {.statement = SIZE_MAX};
        for (size_t i = 0; i < TABLES; i++)
            if (fed[i][key].statement != SIZE_MAX)
                feed_oracle(&best, fed[i][key].statement, fed[i][key].stated_ms);
        const struct record *record = &statements[best.statement];
        dump_record(dumps[TABLES][key], &record->key, record->version, record->value,
                    record->value_size, best.stated_ms);
    }
    qsort(dumps[TABLES], KEYS, ENTRY_SIZE, compare_texts);
}

/* ---- the test ---- */

static void play(uint64_t seed)
{
    dice = seed;
    open_tables();
    make_statements();
    for (size_t to = 0; to < TABLES; to++)
        tell_statements(to, 100000);
    dump_oracle(); /* before they tell each other: that adds nothing that nobody was fed */
    int64_t now_ms = 300000;
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t from = 0; from < TABLES; from++)
            for (size_t step = 1; step < TABLES; step++)
                tell_table(from, (from + step) % TABLES, now_ms += (int64_t)throw_dice(1000));
    for (size_t i = 0; i < TABLES; i++) {
        dump_table(i);
        ck_assert_uint_eq(tables[i].count, KEYS);
        ck_assert_uint_eq(table_digest(&tables[i]), table_digest(&tables[0]));
        for (size_t key = 0; key < KEYS; key++)
            if (strcmp(dumps[i][key], dumps[TABLES][key]) != 0)
                ck_assert_str_eq(dumps[i][key], dumps[TABLES][key]);
        ck_assert_mem_eq(dumps[i], dumps[TABLES], sizeof dumps[i]);
    }
}

START_TEST(a_million_merges_in_any_order_give_byte_equal_tables)
{
    for (uint64_t seed = 1; seed <= SCENES; seed++)
        play(seed);
    ck_assert_uint_ge(merges, MERGES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/table, merges");
    SUITE_CASE(suite, "merges", a_million_merges_in_any_order_give_byte_equal_tables);
    return suite_run(suite);
}
