#include "replication/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/suite.h"

static char folder[] = "/tmp/tandem-archive-XXXXXX", sentence[ARCHIVE_SENTENCE_MAX];
static struct archive archive;

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(archive_open(&archive, folder, sentence), 0);
    ck_assert_int_eq(archive_open(&archive, folder, sentence), 0);
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const uint8_t *digest)
{
    static char path[256];
    char hex[BUNDLE_HEX_SIZE];
    bundle_hex(digest, hex);
    snprintf(path, sizeof path, "%s/archive/%s", folder, hex);
    return path;
}

static void write_at(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static bool is_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* A bundle of two files, as tandemctl hands it over. */
static int hand_over(const char *document, const char *zone, const char *zone_name)
{
    char line[BUNDLE_LINE_MAX + 1], list[3 * BUNDLE_LINE_MAX], all[8192];
    struct bundle_file files[] = {{.name = "tandem.yaml", .size = strlen(document)},
                                  {.name = zone_name, .size = strlen(zone)}};
    bundle_digest(document, strlen(document), files[0].digest);
    bundle_digest(zone, strlen(zone), files[1].digest);
    size_t size = bundle_begin(list);
    for (size_t i = 0; i < 2; i++) {
        size_t line_size = bundle_line(line, &files[i]);
        memcpy(list + size, line, line_size);
        size += line_size;
    }
    list[size] = '\0';
    int fd = memfd_create("test", MFD_CLOEXEC);
    int length = snprintf(all, sizeof all, "%08zx\n%s%s%s", size, list, document, zone);
    ck_assert_int_eq(write(fd, all, (size_t)length), length);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void take_in(const char *document, const char *zone, const char *zone_name, uint8_t *bundle)
{
    int fd = hand_over(document, zone, zone_name);
    ck_assert_msg(archive_take_in(&archive, fd, bundle, sentence) == 0, "%s", sentence);
    close(fd);
}

START_TEST(what_is_added_is_read_and_damage_is_not_believed)
{
    uint8_t digest[REVISION_DIGEST_SIZE], again[REVISION_DIGEST_SIZE];
    size_t size;
    setup();
    ck_assert_int_eq(archive_add(&archive, "abc", 3, digest), 0);
    ck_assert_int_eq(archive_add(&archive, "abc", 3, again), 0);
    ck_assert_mem_eq(digest, again, sizeof digest);
    char *text = archive_read(&archive, digest, &size);
    ck_assert_str_eq(text, "abc");
    free(text);
    write_at(path_of(digest), "abd");
    ck_assert_ptr_null(archive_read(&archive, digest, &size));
    ck_assert_int_eq(errno, EBADMSG);
    ck_assert_int_eq(archive_add(&archive, "abc", 3, digest), 0);
    text = archive_read(&archive, digest, &size);
    ck_assert_str_eq(text, "abc");
    free(text);
    digest[0] ^= 1;
    ck_assert_ptr_null(archive_read(&archive, digest, &size));
    ck_assert_int_eq(errno, ENOENT);
    teardown();
}
END_TEST

START_TEST(a_file_goes_over_in_pieces)
{
    static uint8_t content[3 * HISTORY_PIECE_MAX / 2], buffer[HISTORY_PIECE_MAX];
    struct history_piece piece = {0};
    uint8_t digest[REVISION_DIGEST_SIZE];
    struct archive other;
    char there[64];
    setup();
    memset(content, 'x', sizeof content);
    ck_assert_int_eq(archive_add(&archive, content, sizeof content, digest), 0);
    snprintf(there, sizeof there, "%s/there", folder);
    ck_assert_int_eq(mkdir(there, 0700), 0);
    ck_assert_int_eq(archive_open(&other, there, sentence), 0);
    memcpy(piece.digest, digest, sizeof digest);
    ck_assert_int_eq(archive_piece(&archive, &piece, buffer), 0);
    ck_assert_uint_eq(piece.size, HISTORY_PIECE_MAX);
    ck_assert_uint_eq(piece.file_size, sizeof content);
    ck_assert_int_eq(archive_take_piece(&other, &piece), 0);
    piece.offset = piece.size + 1;
    ck_assert_int_eq(archive_piece(&archive, &piece, buffer), 0);
    ck_assert_int_eq(archive_take_piece(&other, &piece), -EBADMSG); /* another was due */
    piece.offset = HISTORY_PIECE_MAX;
    ck_assert_int_eq(archive_piece(&archive, &piece, buffer), 0);
    ck_assert_int_eq(archive_take_piece(&other, &piece), 0);
    size_t size;
    char *text = archive_read(&other, digest, &size);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(size, sizeof content);
    free(text);
    piece = (struct history_piece){.size = 3, .file_size = 3, .bytes = (const uint8_t *)"abc"};
    ck_assert_int_eq(archive_take_piece(&other, &piece), -EBADMSG); /* not what it is called */
    teardown();
}
END_TEST

START_TEST(a_bundle_is_taken_in_whole_or_not_at_all)
{
    uint8_t bundle[REVISION_DIGEST_SIZE], lacks[ARCHIVE_LACKS_MAX][REVISION_DIGEST_SIZE];
    static _Alignas(16) uint8_t room[1 << 16];
    struct arena arena;
    struct bundle list;
    setup();
    take_in("the document", "the zone", "zones/a", bundle);
    ck_assert_uint_eq(archive_lacks(&archive, bundle, lacks), 0);
    arena_init(&arena, room, sizeof room);
    ck_assert(archive_bundle(&archive, bundle, &list, &arena));
    ck_assert_uint_eq(list.count, 2);
    write_at(path_of(list.files[1].digest), "the zome");
    ck_assert_uint_eq(archive_lacks(&archive, bundle, lacks), 1);
    unlink(path_of(list.files[1].digest));
    ck_assert_uint_eq(archive_lacks(&archive, bundle, lacks), 1);
    ck_assert_mem_eq(lacks[0], list.files[1].digest, sizeof lacks[0]);
    unlink(path_of(bundle));
    ck_assert_uint_eq(archive_lacks(&archive, bundle, lacks), 1);
    ck_assert_mem_eq(lacks[0], bundle, sizeof lacks[0]);
    int fd = hand_over("the document", "the zone", "zones/a");
    ck_assert_int_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
    lseek(fd, 0, SEEK_SET);
    ck_assert_int_eq(archive_take_in(&archive, fd, bundle, sentence), -EPIPE);
    ck_assert_str_ne(sentence, "");
    close(fd);
    fd = open("/dev/zero", O_RDONLY);
    ck_assert_int_eq(archive_take_in(&archive, fd, bundle, sentence), -EBADMSG);
    close(fd);
    teardown();
}
END_TEST

START_TEST(an_export_stays_within_its_folder)
{
    uint8_t bundle[REVISION_DIGEST_SIZE];
    char out[64];
    setup();
    take_in("the document", "the zone", "../../zones/../a/.//b", bundle);
    snprintf(out, sizeof out, "%s/out", folder);
    ck_assert_msg(archive_export(&archive, bundle, out, sentence) == 0, "%s", sentence);
    ck_assert(is_there("out/tandem.yaml"));
    ck_assert(is_there("out/zones/a/b"));
    bundle[0] ^= 1;
    ck_assert_int_ne(archive_export(&archive, bundle, out, sentence), 0);
    teardown();
}
END_TEST

static struct revision revision_of(uint64_t index, const uint8_t *bundle)
{
    struct revision revision = {.name.index = index, .term = 1, .writer = 1};
    memcpy(revision.bundle, bundle, sizeof revision.bundle);
    revision_seal(&revision);
    return revision;
}

START_TEST(what_no_revision_needs_is_swept_out)
{
    static struct history_kept kept = {.term = 1, .writer = 1, .count = 1};
    uint8_t first[REVISION_DIGEST_SIZE], second[REVISION_DIGEST_SIZE], third[REVISION_DIGEST_SIZE],
        lacks[ARCHIVE_LACKS_MAX][REVISION_DIGEST_SIZE];
    setup();
    take_in("document 1", "the zone", "zone", first);
    take_in("document 2", "the zone", "zone", second);
    take_in("document 3", "another", "zone", third);
    kept.revisions[0] = revision_of(1, first);
    kept.set_aside = revision_of(2, third);
    archive_sweep(&archive, &kept);
    ck_assert_uint_eq(archive_lacks(&archive, first, lacks), 0);
    ck_assert_uint_eq(archive_lacks(&archive, third, lacks), 0);
    ck_assert_uint_eq(archive_lacks(&archive, second, lacks), 1); /* its list is gone */
    kept.set_aside = (struct revision){0};
    kept.prepared = revision_of(2, first);
    archive_sweep(&archive, &kept);
    ck_assert_uint_eq(archive_lacks(&archive, third, lacks), 1);
    ck_assert_uint_eq(archive_lacks(&archive, first, lacks), 0);
    teardown();
}
END_TEST

START_TEST(the_history_is_kept_and_damage_is_set_aside)
{
    static struct history_kept kept = {.term = 4, .writer = 2, .count = 1}, read;
    uint8_t none[REVISION_DIGEST_SIZE] = {0};
    char path[64];
    setup();
    ck_assert_int_eq(archive_load(&archive, &read, sentence), 0);
    ck_assert_str_eq(sentence, "");
    kept.revisions[0] = revision_of(7, none);
    ck_assert_int_eq(archive_keep(&archive, &kept), 0);
    ck_assert_int_eq(archive_load(&archive, &read, sentence), 1);
    ck_assert_mem_eq(&read, &kept, sizeof kept);
    snprintf(path, sizeof path, "%s/history", folder);
    write_at(path, "tandem history 2\n and what it has, which is more than thirty-two bytes");
    ck_assert_int_eq(archive_load(&archive, &read, sentence), -EPROTONOSUPPORT);
    ck_assert(is_there("history"));
    write_at(path, "tandem history 1\n and so on, which is more than thirty-two bytes long");
    ck_assert_int_eq(archive_load(&archive, &read, sentence), 0);
    ck_assert_msg(strstr(sentence, "it is now") != NULL, "%s", sentence);
    ck_assert(is_there("history.damaged-1"));
    teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/archive");
    SUITE_CASE(suite, "files", what_is_added_is_read_and_damage_is_not_believed,
               a_file_goes_over_in_pieces);
    SUITE_CASE(suite, "bundles", a_bundle_is_taken_in_whole_or_not_at_all,
               an_export_stays_within_its_folder, what_no_revision_needs_is_swept_out);
    SUITE_CASE(suite, "history", the_history_is_kept_and_damage_is_set_aside);
    return suite_run(suite);
}
