#include "node/ctl/documents.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/ctl/print.h"
#include "node/generation.h"
#include "replication/bundle_draft.h"
#include "replication/file.h"

extern char **environ;

/* ---- a document and its files, read as a node would ---- */

struct reading {
    struct generation *generation;
    struct load_memory memory; /* of the draft */
    struct bundle_draft draft;
    int body_fd; /* -1, or the files, one after the other */
    int error;
    size_t records;
};

static void close_reading(struct reading *self)
{
    generation_close(self->generation);
    load_memory_close(&self->memory);
    if (self->body_fd >= 0)
        close(self->body_fd);
}

static void take_file(void *context, const char *name, const char *text, size_t size)
{
    struct reading *self = context;
    struct bundle_file file = {.name = name, .size = size};
    bundle_digest(text, size, file.digest);
    if (bundle_draft_add(&self->draft, &file) && self->body_fd >= 0 && self->error == 0)
        self->error = file_write(self->body_fd, text, size);
}

static bool read_zones(struct reading *self, char *error)
{
    struct generation *generation = self->generation;
    struct load_source source = generation->source;
    struct load_memory memory;
    const struct view *view;
    source.read = take_file;
    source.context = self;
    take_file(self, load_name(&source), generation->text, generation->size);
    if (!load_view(&source, &generation->document, generation->document.nodes[0].name,
                   generation->pools, &memory, &view, error))
        return false;
    self->records = view_record_count(view);
    load_memory_close(&memory);
    if (self->draft.is_full)
        snprintf(error, LOAD_ERROR_MAX, "%s: it has too many files, or one of too long a name",
                 source.path);
    else if (self->error != 0)
        snprintf(error, LOAD_ERROR_MAX, "%s: no memory for its files", source.path);
    return !self->draft.is_full && self->error == 0;
}

/* running: to which it is compared; NULL. */
static int read_document(struct reading *self, const char *path, const struct generation *running,
                         int body_fd)
{
    char error[LOAD_ERROR_MAX];
    *self = (struct reading){.body_fd = body_fd};
    if (load_memory_open(&self->memory, BUNDLE_DRAFT_SIZE) != 0)
        return print_failure(PRINT_SYSTEM, "no memory");
    bundle_draft_init(&self->draft, self->memory.base);
    self->generation = generation_open(path, running, NULL, error);
    if (self->generation != NULL && read_zones(self, error))
        return 0;
    return print_failure(PRINT_REFUSED, "%s", error);
}

int documents_check(const char *path)
{
    struct reading reading;
    int status = read_document(&reading, path, NULL, -1);
    if (status == 0)
        printf("%s: ok, %zu zones with %zu records, %zu pools, %zu servers\n", path,
               reading.generation->document.zone_count, reading.records,
               reading.generation->document.pool_count, reading.generation->document.server_count);
    close_reading(&reading);
    return status;
}

/* ---- handed over ---- */

static int copy(int from, int to)
{
    char buffer[65536];
    if (lseek(from, 0, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got <= 0)
            return got == 0 ? 0 : -errno;
        int error = file_write(to, buffer, (size_t)got);
        if (error != 0)
            return error;
    }
}

static int write_all(int fd, const struct reading *reading)
{
    char head[10];
    snprintf(head, sizeof head, "%08zx\n", reading->draft.size);
    int error = file_write(fd, head, 9);
    if (error == 0)
        error = file_write(fd, reading->draft.list, reading->draft.size);
    if (error == 0)
        error = copy(reading->body_fd, fd);
    if (error == 0 && lseek(fd, 0, SEEK_SET) < 0)
        error = -errno;
    return error;
}

int documents_pack(const char *path, int *fd)
{
    struct reading reading;
    int body_fd = memfd_create("tandem-files", MFD_CLOEXEC);
    *fd = memfd_create("tandem-document", MFD_CLOEXEC);
    if (body_fd < 0 || *fd < 0)
        return print_failure(PRINT_SYSTEM, "no memory for its files");
    int status = read_document(&reading, path, NULL, body_fd);
    int error = status == 0 ? write_all(*fd, &reading) : 0;
    if (error != 0)
        status = print_failure(PRINT_SYSTEM, "%s: its files cannot be handed over: %s", path,
                               strerror(-error));
    close_reading(&reading);
    return status;
}

/* ---- what is in force ---- */

static const char *text_of(const json_t *history, const char *key)
{
    const char *text = json_string_value(json_object_get(history, key));
    return text == NULL ? "" : text;
}

/* That revision, or the newest; NULL: there is none. */
static const json_t *find_revision(const json_t *history, long long revision)
{
    const json_t *revisions = json_object_get(history, "revisions");
    size_t count = json_array_size(revisions);
    if (revision == 0)
        return count == 0 ? NULL : json_array_get(revisions, count - 1);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(revisions, i);
        if (json_integer_value(json_object_get(one, "revision")) == revision)
            return one;
    }
    return NULL;
}

static bool open_revision(const json_t *history, const json_t *revision, struct archive *archive,
                          uint8_t *digest)
{
    snprintf(archive->state, sizeof archive->state, "%s", text_of(history, "state"));
    return bundle_from_hex(text_of(revision, "bundle"), digest);
}

bool documents_file_differs(const json_t *history)
{
    struct archive archive;
    struct load_memory memory;
    struct bundle bundle;
    uint8_t digest[REVISION_DIGEST_SIZE];
    size_t size;
    const json_t *revision = find_revision(history, 0);
    if (revision == NULL || !open_revision(history, revision, &archive, digest) ||
        load_memory_open(&memory, BUNDLE_DRAFT_SIZE) != 0)
        return false;
    char *text = file_read(text_of(history, "file"), 0, DOCUMENT_SIZE_MAX, &size);
    bool differs = false;
    if (text != NULL && archive_bundle(&archive, digest, &bundle, &memory.arena)) {
        bundle_digest(text, size, digest);
        differs = memcmp(digest, bundle.files[0].digest, sizeof digest) != 0;
    }
    free(text);
    load_memory_close(&memory);
    return differs;
}

int documents_export(const json_t *history, const char *folder, long long revision)
{
    struct archive archive;
    uint8_t digest[REVISION_DIGEST_SIZE];
    char sentence[ARCHIVE_SENTENCE_MAX];
    const json_t *found = find_revision(history, revision);
    if (found == NULL && revision == 0)
        return print_failure(PRINT_REFUSED,
                             "no revision is in force: each node serves its file, this one %s",
                             text_of(history, "file"));
    if (found == NULL || !open_revision(history, found, &archive, digest))
        return print_failure(PRINT_REFUSED,
                             "no revision of this number is kept: see \"tandemctl history\"");
    if (archive_export(&archive, digest, folder, sentence) != 0)
        return print_failure(PRINT_SYSTEM, "%s", sentence);
    printf("%s: revision %lld\n", folder,
           (long long)json_integer_value(json_object_get(found, "revision")));
    return 0;
}

/* ---- compared ---- */

/* One of the two that are compared: a file's bundle, or one that is kept. */
struct side {
    const char *word;              /* of it, in the output */
    const struct archive *archive; /* NULL: files lie as they are named, beside this one: */
    const char *path;
    struct bundle bundle;
};

/* From malloc. */
static char *path_on(const struct side *side, const struct bundle_file *file)
{
    _Alignas(16) char room[3 * ARCHIVE_PATH_MAX];
    char hex[BUNDLE_HEX_SIZE], whole[ARCHIVE_PATH_MAX + BUNDLE_HEX_SIZE + 16];
    struct arena arena;
    arena_init(&arena, room, sizeof room);
    if (side->archive == NULL) {
        const char *found = file == &side->bundle.files[0]
                                ? side->path
                                : document_path(side->path, file->name, &arena);
        return found == NULL ? NULL : strdup(found);
    }
    bundle_hex(file->digest, hex);
    snprintf(whole, sizeof whole, "%s/archive/%s", side->archive->state, hex);
    return strdup(whole);
}

static void run_diff(const struct side *a, const struct bundle_file *in_a, const struct side *b,
                     const struct bundle_file *in_b)
{
    char label_a[BUNDLE_NAME_MAX + 64], label_b[BUNDLE_NAME_MAX + 64];
    char *path_a = path_on(a, in_a), *path_b = path_on(b, in_b);
    char *arguments[] = {(char[]){"diff"},
                         (char[]){"-u"},
                         (char[]){"--label"},
                         label_a,
                         (char[]){"--label"},
                         label_b,
                         path_a,
                         path_b,
                         NULL};
    pid_t child;
    snprintf(label_a, sizeof label_a, "%s (%s)", in_a->name, a->word);
    snprintf(label_b, sizeof label_b, "%s (%s)", in_b->name, b->word);
    fflush(stdout);
    if (path_a == NULL || path_b == NULL ||
        posix_spawnp(&child, "diff", NULL, NULL, arguments, environ) != 0)
        printf("%s differs\n", in_b->name);
    else
        waitpid(child, NULL, 0);
    free(path_a);
    free(path_b);
}

/* The document is one, whatever each calls it. */
static const struct bundle_file *counterpart(const struct side *from, size_t position,
                                             const struct side *to)
{
    return position == 0 ? &to->bundle.files[0]
                         : bundle_find(&to->bundle, from->bundle.files[position].name);
}

static bool compare(const struct side *a, const struct side *b)
{
    bool is_other = false;
    for (size_t i = 0; i < b->bundle.count; i++) {
        const struct bundle_file *in_b = &b->bundle.files[i], *in_a = counterpart(b, i, a);
        bool is_same = in_a != NULL && memcmp(in_a->digest, in_b->digest, sizeof in_a->digest) == 0;
        is_other |= !is_same;
        if (in_a == NULL)
            printf("only in %s: %s\n", b->word, in_b->name);
        else if (!is_same)
            run_diff(a, in_a, b, in_b);
    }
    for (size_t i = 1; i < a->bundle.count; i++)
        if (bundle_find(&b->bundle, a->bundle.files[i].name) == NULL) {
            printf("only in %s: %s\n", a->word, a->bundle.files[i].name);
            is_other = true;
        }
    return is_other;
}

/* What is in force: a revision, or what the node's own file says. */
static int open_force(const json_t *history, struct side *side, struct archive *archive,
                      struct generation **generation, struct reading *reading)
{
    char error[LOAD_ERROR_MAX];
    uint8_t digest[REVISION_DIGEST_SIZE];
    const json_t *revision = find_revision(history, 0);
    *side = (struct side){.word = "in force", .path = text_of(history, "file")};
    if (revision == NULL) {
        int status = read_document(reading, side->path, NULL, -1);
        *generation = reading->generation;
        reading->generation = NULL;
        struct arena *arena = status == 0 ? &(*generation)->memory.arena : NULL;
        if (status == 0 &&
            !bundle_parse(&side->bundle, reading->draft.list, reading->draft.size, arena))
            status = print_failure(PRINT_SYSTEM, "no memory");
        return status;
    }
    if (!open_revision(history, revision, archive, digest))
        return print_failure(PRINT_SYSTEM, "the node does not say what is in force");
    *generation = generation_of_bundle(archive, digest, NULL, NULL, error);
    if (*generation == NULL)
        return print_failure(PRINT_SYSTEM, "%s", error);
    side->archive = archive;
    side->bundle = (*generation)->bundle;
    return 0;
}

int documents_diff(const json_t *history, const char *path)
{
    struct archive archive;
    struct side force, file = {.word = "the file"};
    struct reading reading = {.body_fd = -1}, other = {.body_fd = -1};
    struct generation *generation = NULL;
    file.path = path == NULL ? text_of(history, "file") : path;
    int status = open_force(history, &force, &archive, &generation, &reading);
    if (status == 0)
        status = read_document(&other, file.path, generation, -1);
    if (status == 0 && !bundle_parse(&file.bundle, other.draft.list, other.draft.size,
                                     &other.generation->memory.arena))
        status = print_failure(PRINT_SYSTEM, "no memory");
    if (status == 0) {
        status = compare(&force, &file);
        if (other.generation->differs[0] != '\0')
            printf("restart needed for: %s\n", other.generation->differs);
    }
    close_reading(&other);
    close_reading(&reading);
    generation_close(generation);
    return status;
}
