#include "replication/history_file.h"

#include <string.h>

#include "unit/suite.h"

static struct pack_space space;
static uint8_t bytes[HISTORY_MESSAGE_SIZE_MAX];

static struct revision revision_of(uint64_t index)
{
    struct revision revision = {.name.index = index,
                                .parent.index = index - 1,
                                .term = 3,
                                .writer = 2,
                                .format = 1,
                                .made_s = 1700000000,
                                .until_s = 1700000060,
                                .bundle = {1, 2, 3},
                                .author = "root@ns2",
                                .what = "apply tandem.yaml"};
    revision_seal(&revision);
    return revision;
}

/* Encoded and decoded again; every shorter one is refused. */
static struct history_message pass(const struct history_message *message)
{
    struct history_message read;
    size_t size = history_message_encode(message, bytes);
    ck_assert(history_message_is(bytes, size));
    for (size_t i = 0; i < size; i++)
        ck_assert(!history_message_decode(&read, &space, bytes, i));
    ck_assert(history_message_decode(&read, &space, bytes, size));
    ck_assert_int_eq(read.type, message->type);
    return read;
}

START_TEST(a_state_survives_its_bytes)
{
    struct history_message message = {.type = HISTORY_STATE,
                                      .state = {.term = 7,
                                                .writer = 2,
                                                .count = HISTORY_MAX,
                                                .refused = {4, {9}},
                                                .why = "zone x: line 3",
                                                .served = {5, {8}}}};
    pack_space_open(&space);
    for (size_t i = 0; i < HISTORY_MAX; i++)
        message.state.names[i] = (struct revision_name){UINT64_MAX - HISTORY_MAX + i, {(uint8_t)i}};
    struct history_state read = pass(&message).state;
    ck_assert_uint_eq(read.term, 7);
    ck_assert_uint_eq(read.writer, 2);
    ck_assert_uint_eq(read.count, HISTORY_MAX);
    for (size_t i = 0; i < HISTORY_MAX; i++)
        ck_assert(revision_name_equal(&read.names[i], &message.state.names[i]));
    ck_assert_uint_eq(read.prepared.index, 0);
    ck_assert(revision_name_equal(&read.refused, &message.state.refused));
    ck_assert(revision_name_equal(&read.served, &message.state.served));
    ck_assert_str_eq(read.why, "zone x: line 3");
    pack_space_close(&space);
}
END_TEST

START_TEST(indexes_that_do_not_rise_are_refused)
{
    struct history_message read,
        message = {.type = HISTORY_STATE, .state = {.term = 1, .writer = 1, .count = 2}};
    pack_space_open(&space);
    message.state.names[0].index = message.state.names[1].index = 4;
    ck_assert(
        !history_message_decode(&read, &space, bytes, history_message_encode(&message, bytes)));
    message.state.names[0].index = 0;
    ck_assert(
        !history_message_decode(&read, &space, bytes, history_message_encode(&message, bytes)));
    pack_space_close(&space);
}
END_TEST

START_TEST(a_revision_survives_and_one_that_was_altered_is_refused)
{
    struct history_message message = {.type = HISTORY_REVISION, .revision = revision_of(5)};
    pack_space_open(&space);
    struct revision read = pass(&message).revision;
    ck_assert(revision_name_equal(&read.name, &message.revision.name));
    ck_assert_str_eq(read.what, "apply tandem.yaml");
    ck_assert_str_eq(read.author, "root@ns2");
    ck_assert_uint_eq(read.until_s, 1700000060);
    message.revision.until_s++;
    struct history_message altered;
    ck_assert(
        !history_message_decode(&altered, &space, bytes, history_message_encode(&message, bytes)));
    message = (struct history_message){.type = HISTORY_WANT, .want = read.name};
    struct revision_name want = pass(&message).want;
    ck_assert(revision_name_equal(&want, &read.name));
    pack_space_close(&space);
}
END_TEST

START_TEST(a_piece_survives_and_lies_within_its_file)
{
    static uint8_t content[HISTORY_PIECE_MAX] = {1, 2, 3};
    struct history_message read, message = {.type = HISTORY_PIECE,
                                            .piece = {.digest = {7},
                                                      .offset = 65536,
                                                      .file_size = 65536 + sizeof content,
                                                      .size = sizeof content,
                                                      .bytes = content}};
    pack_space_open(&space);
    size_t size = history_message_encode(&message, bytes);
    ck_assert(history_message_decode(&read, &space, bytes, size));
    ck_assert_uint_eq(read.piece.size, sizeof content);
    ck_assert_mem_eq(read.piece.bytes, content, sizeof content);
    message.piece.file_size--;
    size = history_message_encode(&message, bytes);
    ck_assert(!history_message_decode(&read, &space, bytes, size));
    message = (struct history_message){.type = HISTORY_WANT_PIECE, .piece = {.offset = 9}};
    ck_assert_uint_eq(pass(&message).piece.offset, 9);
    message.piece.offset = HISTORY_FILE_SIZE_MAX + 1;
    size = history_message_encode(&message, bytes);
    ck_assert(!history_message_decode(&read, &space, bytes, size));
    pack_space_close(&space);
}
END_TEST

START_TEST(what_the_disk_holds_survives_and_damage_is_found)
{
    static uint8_t file[HISTORY_FILE_MAX];
    static struct history_kept kept = {.term = 9, .writer = 2, .count = HISTORY_MAX}, read;
    pack_space_open(&space);
    for (size_t i = 0; i < HISTORY_MAX; i++)
        kept.revisions[i] = revision_of(10 + i);
    kept.prepared = revision_of(99);
    kept.set_aside = revision_of(50);
    size_t size = history_file_encode(&kept, file);
    ck_assert_int_eq(history_file_decode(&read, &space, file, size), HISTORY_FILE_OK);
    ck_assert_mem_eq(&read, &kept, sizeof kept);
    for (size_t i = 0; i < size; i += 7) {
        file[i] ^= 0x10;
        ck_assert_int_ne(history_file_decode(&read, &space, file, size), HISTORY_FILE_OK);
        file[i] ^= 0x10;
        ck_assert_int_eq(history_file_decode(&read, &space, file, i), HISTORY_FILE_DAMAGED);
    }
    file[sizeof "tandem history " - 1] = '2';
    ck_assert_int_eq(history_file_decode(&read, &space, file, size), HISTORY_FILE_LATER);
    pack_space_close(&space);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/history_message");
    SUITE_CASE(suite, "message", a_state_survives_its_bytes, indexes_that_do_not_rise_are_refused,
               a_revision_survives_and_one_that_was_altered_is_refused,
               a_piece_survives_and_lies_within_its_file);
    SUITE_CASE(suite, "file", what_the_disk_holds_survives_and_damage_is_found);
    return suite_run(suite);
}
