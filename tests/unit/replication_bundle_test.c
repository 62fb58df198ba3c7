#include "replication/bundle_draft.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static _Alignas(16) uint8_t room[1 << 16];
static struct arena arena;
static struct bundle bundle;

#define HEX_A "0000000000000000000000000000000000000000000000000000000000000001"
#define HEX_B "00000000000000000000000000000000000000000000000000000000000000ff"

static bool parse(const char *text)
{
    arena_init(&arena, room, sizeof room);
    return bundle_parse(&bundle, text, strlen(text), &arena);
}

START_TEST(a_list_is_read_and_its_files_are_found_by_name)
{
    ck_assert(parse("tandem bundle 1\n" HEX_B " 12 tandem.yaml\n" HEX_A " 0 a zone\n"));
    ck_assert_uint_eq(bundle.count, 2);
    ck_assert_str_eq(bundle.files[0].name, "tandem.yaml");
    ck_assert_uint_eq(bundle.files[0].size, 12);
    ck_assert_uint_eq(bundle.files[0].digest[31], 0xff);
    ck_assert_ptr_eq(bundle_find(&bundle, "a zone"), &bundle.files[1]);
    ck_assert_ptr_eq(bundle_find(&bundle, "tandem.yaml"), &bundle.files[0]);
    ck_assert_ptr_null(bundle_find(&bundle, "b"));
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
    static const char *const texts[] = {
        "",
        "tandem bundle 1\n",
        "tandem bundle 2\n" HEX_A " 1 a\n",
        "tandem bundle 1\n" HEX_A " 1 a",
        "tandem bundle 1\n" HEX_A " 1 \n",
        "tandem bundle 1\n" HEX_A "  a\n",
        "tandem bundle 1\n" HEX_A " 67108865 a\n",
        "tandem bundle 1\n" HEX_A " 99999999999999999999999 a\n",
        "tandem bundle 1\n" HEX_A " 1a a\n",
        "tandem bundle 1\n" HEX_A " 1\n",
        "tandem bundle 1\n" HEX_A "\n",
        "tandem bundle 1\n0001 1 a\n",
        "tandem bundle 1\nx" HEX_A " 1 a\n",
        "tandem bundle 1\n" HEX_A " 1 a\tb\n",
        "tandem bundle 1\n" HEX_A " 1 a\n" HEX_B " 1 a\n",
        "tandem bundle 1\n" HEX_A " 1 a\n\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(!parse(texts[i]), "%zu: %s", i, texts[i]);
    ck_assert(parse("tandem bundle 1\n" HEX_A " 67108864 a\n"));
}
END_TEST

START_TEST(a_digest_and_its_hex_are_the_same)
{
    uint8_t digest[REVISION_DIGEST_SIZE], again[REVISION_DIGEST_SIZE];
    char hex[BUNDLE_HEX_SIZE];
    bundle_digest("abc", 3, digest);
    bundle_hex(digest, hex);
    /* BLAKE2b-256 of "abc" */
    ck_assert_str_eq(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    ck_assert(bundle_from_hex(hex, again));
    ck_assert_mem_eq(digest, again, sizeof digest);
    ck_assert(!bundle_from_hex("bddd", again));
    hex[0] = 'x';
    ck_assert(!bundle_from_hex(hex, again));
}
END_TEST

START_TEST(a_draft_lists_each_name_once)
{
    void *memory = aligned_alloc(16, BUNDLE_DRAFT_SIZE);
    struct bundle_draft draft;
    struct bundle_file file = {.name = "tandem.yaml", .size = 7, .digest = {1}};
    ck_assert_ptr_nonnull(memory);
    memset(memory, 0, BUNDLE_DRAFT_NAMES_SIZE);
    bundle_draft_init(&draft, memory);
    ck_assert(bundle_draft_add(&draft, &file));
    ck_assert(!bundle_draft_add(&draft, &file));
    file.name = "zone";
    ck_assert(bundle_draft_add(&draft, &file));
    ck_assert(!draft.is_full);
    arena_init(&arena, room, sizeof room);
    ck_assert(bundle_parse(&bundle, draft.list, draft.size, &arena));
    ck_assert_uint_eq(bundle.count, 2);
    ck_assert_uint_eq(bundle.files[1].size, 7);
    file.name = "no\nname";
    ck_assert(!bundle_draft_add(&draft, &file));
    ck_assert(draft.is_full);
    file.name = "another"; /* it is not a whole list any more */
    ck_assert(!bundle_draft_add(&draft, &file));
    free(memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/bundle");
    SUITE_CASE(suite, "bundle", a_list_is_read_and_its_files_are_found_by_name,
               what_is_no_list_is_refused, a_digest_and_its_hex_are_the_same);
    SUITE_CASE(suite, "draft", a_draft_lists_each_name_once);
    return suite_run(suite);
}
