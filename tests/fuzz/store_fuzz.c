/* The file of the orders. The first byte says how: odd, the rest is one slot, or less of one; even,
 * a whole file. Each whole slot gets a right sum first, but in a file only every other time the
 * last one, so that every field is reached, and torn ends and damage besides.
 *
 * What a slot holds can be written and read again. A file is opened, with a sentence when anything
 * was mended, or refused with one; and what was opened is opened again, without a sentence, and
 * holds the same.
 *
 * Decoders: replication/store_slot.c replication/store.c:read_.+|keep|store_load|walk_node */
#include "replication/store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replication/store_slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { HEADER_SIZE = 16, SLOTS_MAX = 8, ROOM = HEADER_SIZE + SLOTS_MAX * STORE_SLOT_SIZE };

static char directory[] = "/dev/shm/tandem-store-fuzz-XXXXXX";

static void unlink_in(const char *name)
{
    char path[sizeof directory + 32];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
}

static void remove_directory(void)
{
    unlink_in("orders");
    unlink_in("orders.damaged-1");
    rmdir(directory);
}

static void check_slot(const uint8_t *bytes, size_t size)
{
    uint8_t slot[STORE_SLOT_SIZE] = {0}, again[STORE_SLOT_SIZE];
    struct record first, second;
    memcpy(slot, bytes, size < sizeof slot ? size : sizeof slot);
    store_slot_decode(slot, &first);
    store_slot_seal(slot);
    if (!store_slot_decode(slot, &first))
        return;
    assert(record_compare(first.version, (struct record_version){0}) > 0);
    store_slot_encode(&first, again);
    assert(store_slot_decode(again, &second));
    assert(record_key_equal(&first.key, &second.key));
    assert(record_compare(first.version, second.version) == 0);
    assert(first.age_ms == second.age_ms);
    assert(first.value_size == second.value_size);
    assert(memcmp(first.value, second.value, first.value_size) == 0);
}

static void write_file(const uint8_t *bytes, size_t size)
{
    char path[sizeof directory + 32];
    snprintf(path, sizeof path, "%s/orders", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) != 0)
        abort();
}

/* What is held, as a sum over all of it. */
static void add_up(void *context, const struct record *record)
{
    uint64_t *sum = context;
    assert(record->key.kind == RECORD_ORDER);
    assert(record_name_is_valid(record->key.name, strlen(record->key.name)));
    *sum = *sum * 31 + record->version.incarnation + record->version.sequence + record->age_ms +
           record->value_size + strlen(record->key.name);
}

static void check_file(const uint8_t *bytes, size_t size)
{
    struct store *store;
    char sentence[STORE_SENTENCE_MAX];
    uint64_t sum = 0, again = 0;
    unlink_in("orders.damaged-1");
    write_file(bytes, size);
    if (store_open(&store, directory, sentence) != 0) {
        assert(sentence[0] != '\0');
        return;
    }
    size_t count = store_count(store);
    store_load(store, add_up, &sum);
    store_close(store);
    assert(store_open(&store, directory, sentence) == 0);
    assert(sentence[0] == '\0');
    assert(store_count(store) == count);
    store_load(store, add_up, &again);
    store_close(store);
    assert(sum == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t file[ROOM];
    if (directory[sizeof directory - 2] == 'X') {
        if (mkdtemp(directory) == NULL)
            abort();
        atexit(remove_directory);
    }
    if (size < 1 || size - 1 > sizeof file)
        return 0;
    uint8_t how = bytes[0];
    bytes++;
    size--;
    if (how % 2 == 1) {
        check_slot(bytes, size);
        return 0;
    }
    memcpy(file, bytes, size);
    bool is_last_sealed = how & 2;
    for (size_t at = HEADER_SIZE; at + STORE_SLOT_SIZE <= size; at += STORE_SLOT_SIZE)
        if (is_last_sealed || at + 2 * (size_t)STORE_SLOT_SIZE <= size)
            store_slot_seal(file + at);
    check_file(file, size);
    return 0;
}
