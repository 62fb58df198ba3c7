#include "replication/table.h"

#include <sodium.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

enum { CAPACITY = 512 };

static alignas(16) uint8_t memory[2][1 << 20];
static const uint8_t hash_key[2][16] = {"one key", "another"};

static struct table table_of(size_t which, size_t capacity)
{
    struct arena arena;
    struct table table;
    arena_init(&arena, memory[which], sizeof memory[which]);
    ck_assert(table_init(&table, &arena, capacity, hash_key[which]));
    return table;
}

static struct record report(const char *name, uint64_t incarnation, uint64_t sequence,
                            const char *value)
{
    struct record record = {.key = {.kind = RECORD_REPORT},
                            .version = {incarnation, sequence},
                            .value_size = (uint16_t)strlen(value)};
    snprintf(record.key.name, sizeof record.key.name, "%s", name);
    memcpy(record.value, value, record.value_size);
    return record;
}

static enum table_outcome merge(struct table *table, struct record record)
{
    struct table_entry *entry;
    return table_merge(table, &record, 0, &entry);
}

static void merge_and_mark(struct table *table, const char *name, uint64_t sequence)
{
    struct table_entry *entry;
    struct record record = report(name, 1, sequence, "");
    table_merge(table, &record, 0, &entry);
    table_mark(table, entry);
}

START_TEST(the_higher_version_stands_whatever_the_order)
{
    struct table table = table_of(0, CAPACITY);
    ck_assert_int_eq(merge(&table, report("media1", 1, 2, "b")), TABLE_ADDED);
    ck_assert_int_eq(merge(&table, report("media1", 1, 1, "a")), TABLE_OLDER);
    ck_assert_int_eq(merge(&table, report("media1", 1, 2, "x")), TABLE_SAME);
    ck_assert_int_eq(merge(&table, report("media1", 2, 1, "cc")), TABLE_RAISED);
    const struct table_entry *entry =
        table_find(&table, &(struct record_key){RECORD_REPORT, "media1"});
    ck_assert_uint_eq(entry->value_size, 2);
    ck_assert_mem_eq(entry->value, "cc", 2);
    ck_assert_uint_eq(entry->version.incarnation, 2);
    ck_assert_uint_eq(table.count, 1);
}
END_TEST

START_TEST(the_same_name_of_another_kind_is_another_record)
{
    struct table table = table_of(0, CAPACITY);
    merge(&table, report("ns1", 1, 1, ""));
    ck_assert_ptr_null(table_find(&table, &(struct record_key){RECORD_NODE, "ns1"}));
    struct record node = report("ns1", 1, 1, "");
    node.key.kind = RECORD_NODE;
    ck_assert_int_eq(merge(&table, node), TABLE_ADDED);
}
END_TEST

START_TEST(a_full_table_refuses_new_keys_and_goes_on_with_the_known)
{
    struct table table = table_of(0, 2);
    struct table_entry *entry;
    struct record third = report("media3", 1, 1, "");
    merge(&table, report("media1", 1, 1, ""));
    merge(&table, report("media2", 1, 1, ""));
    uint64_t digest = table_digest(&table);
    ck_assert_int_eq(table_merge(&table, &third, 0, &entry), TABLE_FULL);
    ck_assert_ptr_null(entry);
    ck_assert_ptr_null(table_find(&table, &third.key));
    ck_assert_uint_eq(table_digest(&table), digest);
    ck_assert_int_eq(merge(&table, report("media2", 1, 2, "")), TABLE_RAISED);
}
END_TEST

START_TEST(every_key_is_found_again_when_the_table_is_full)
{
    struct table table = table_of(0, CAPACITY);
    char name[16];
    for (size_t i = 0; i < CAPACITY; i++) {
        snprintf(name, sizeof name, "media%zu", i);
        ck_assert_int_eq(merge(&table, report(name, 1, i + 1, "")), TABLE_ADDED);
    }
    for (size_t i = 0; i < CAPACITY; i++) {
        struct record_key key = {.kind = RECORD_REPORT};
        snprintf(key.name, sizeof key.name, "media%zu", i);
        ck_assert_ptr_eq(table_find(&table, &key), table_at(&table, i));
        ck_assert_uint_eq(table_at(&table, i)->version.sequence, i + 1);
    }
}
END_TEST

START_TEST(an_arena_too_small_is_refused)
{
    struct arena arena;
    struct table table;
    arena_init(&arena, memory[0], 4096);
    ck_assert(!table_init(&table, &arena, CAPACITY, hash_key[0]));
}
END_TEST

START_TEST(an_age_becomes_an_instant_and_an_age_again)
{
    struct table table = table_of(0, CAPACITY);
    struct table_entry *entry;
    struct record record = report("media1", 1, 1, "x"), told;
    record.age_ms = 300;
    table_merge(&table, &record, 1000, &entry);
    ck_assert_int_eq(entry->stated_ms, 700);
    table_record(entry, 1250, &told);
    ck_assert_uint_eq(told.age_ms, 550);
    ck_assert(record_key_equal(&told.key, &record.key));
    ck_assert_mem_eq(told.value, "x", 1);
    table_record(entry, 600, &told); /* stated in the future: the clocks of nobody are compared */
    ck_assert_uint_eq(told.age_ms, 0);
    table_record(entry, 1000 + 2 * (int64_t)RECORD_AGE_MS_MAX, &told);
    ck_assert_uint_eq(told.age_ms, RECORD_AGE_MS_MAX);
}
END_TEST

START_TEST(only_a_younger_age_corrects_the_instant_of_the_same_version)
{
    struct table table = table_of(0, CAPACITY);
    struct table_entry *entry;
    struct record record = report("media1", 1, 1, "");
    record.age_ms = 300;
    table_merge(&table, &record, 1000, &entry);
    record.age_ms = 900;
    ck_assert_int_eq(table_merge(&table, &record, 1000, &entry), TABLE_SAME);
    ck_assert_int_eq(entry->stated_ms, 700);
    record.age_ms = 100;
    table_merge(&table, &record, 1000, &entry);
    ck_assert_int_eq(entry->stated_ms, 900);
}
END_TEST

/* The names changed after a point, in order, as one text. */
static const char *changed_after(const struct table *table, uint64_t change)
{
    static char text[256];
    text[0] = '\0';
    for (const struct table_entry *entry = table_changed_after(table, change); entry != NULL;
         entry = entry->later)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", entry->key.name);
    return text;
}

START_TEST(changes_come_in_the_order_of_the_last_mark_each_record_once)
{
    struct table table = table_of(0, CAPACITY);
    merge_and_mark(&table, "a", 1);
    merge_and_mark(&table, "b", 1);
    merge_and_mark(&table, "c", 1);
    uint64_t told = table.last_change;
    ck_assert_str_eq(changed_after(&table, told), "");
    merge_and_mark(&table, "b", 2);
    merge_and_mark(&table, "d", 1);
    merge_and_mark(&table, "b", 3);
    ck_assert_str_eq(changed_after(&table, told), "d b ");
    ck_assert_str_eq(changed_after(&table, 0), "a c d b ");
    merge_and_mark(&table, "a", 2);
    ck_assert_str_eq(changed_after(&table, told), "d b a ");
}
END_TEST

START_TEST(a_merge_alone_is_no_change)
{
    struct table table = table_of(0, CAPACITY);
    merge(&table, report("a", 1, 1, ""));
    ck_assert_ptr_null(table_changed_after(&table, 0));
    ck_assert_uint_eq(table.last_change, 0);
}
END_TEST

/* Two tables with different hash keys that were told the same in another order. */
START_TEST(the_digest_depends_on_keys_and_versions_alone)
{
    struct table a = table_of(0, CAPACITY), b = table_of(1, 8);
    ck_assert_uint_eq(table_digest(&a), table_digest(&b));
    merge(&a, report("media1", 1, 1, "old"));
    merge(&a, report("media2", 3, 1, ""));
    merge(&a, report("media1", 1, 7, "new"));
    merge(&b, report("media1", 1, 7, "new"));
    ck_assert_uint_ne(table_digest(&a), table_digest(&b));
    merge(&b, report("media2", 3, 1, ""));
    ck_assert_uint_eq(table_digest(&a), table_digest(&b));
    merge(&b, report("media2", 3, 2, ""));
    ck_assert_uint_ne(table_digest(&a), table_digest(&b));
}
END_TEST

/* Two entries that swap their versions must not look the same. */
START_TEST(the_digest_binds_a_version_to_its_key)
{
    struct table a = table_of(0, CAPACITY), b = table_of(1, CAPACITY);
    merge(&a, report("media1", 1, 1, ""));
    merge(&a, report("media2", 1, 2, ""));
    merge(&b, report("media1", 1, 2, ""));
    merge(&b, report("media2", 1, 1, ""));
    ck_assert_uint_ne(table_digest(&a), table_digest(&b));
}
END_TEST

/* The nodes of a pair may be of different builds: the digest is SipHash-2-4, as libsodium has it,
 * of kind, incarnation and sequence (64 bits each, little end first) and the name. */
START_TEST(the_digest_is_the_same_in_every_build)
{
    struct table table = table_of(0, CAPACITY);
    merge(&table, report("media1", 2, 3, ""));
    static const uint8_t key[crypto_shorthash_KEYBYTES] = "tandem-digest-1";
    uint8_t stated[24 + 6] = {[0] = RECORD_REPORT, [8] = 2, [16] = 3}, hash[8];
    memcpy(stated + 24, "media1", 6);
    crypto_shorthash(hash, stated, sizeof stated, key);
    uint64_t expected = 0;
    for (size_t i = 0; i < 8; i++)
        expected |= (uint64_t)hash[i] << (8 * i);
    ck_assert_uint_eq(table_digest(&table), expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/table");
    SUITE_CASE(suite, "merge", the_higher_version_stands_whatever_the_order,
               the_same_name_of_another_kind_is_another_record,
               a_full_table_refuses_new_keys_and_goes_on_with_the_known,
               every_key_is_found_again_when_the_table_is_full, an_arena_too_small_is_refused);
    SUITE_CASE(suite, "age", an_age_becomes_an_instant_and_an_age_again,
               only_a_younger_age_corrects_the_instant_of_the_same_version);
    SUITE_CASE(suite, "changes", changes_come_in_the_order_of_the_last_mark_each_record_once,
               a_merge_alone_is_no_change);
    SUITE_CASE(suite, "digest", the_digest_depends_on_keys_and_versions_alone,
               the_digest_binds_a_version_to_its_key, the_digest_is_the_same_in_every_build);
    return suite_run(suite);
}
