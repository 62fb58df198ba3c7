/* Bundles of the archive: taken in, completed, exported, and swept out. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replication/archive_parts.h"
#include "replication/file.h"

enum { ARENA_SIZE = 1 << 29 }; /* reserved, taken when touched: the longest list fits */

static bool open_arena(struct arena *arena)
{
    void *base = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    arena_init(arena, base, ARENA_SIZE);
    return true;
}

static void close_arena(struct arena *arena)
{
    munmap(arena->base, arena->size_bytes);
}

bool archive_bundle(const struct archive *self, const uint8_t *digest, struct bundle *bundle,
                    struct arena *arena)
{
    size_t size;
    char *text = archive_read(self, digest, &size);
    bool is_one = text != NULL && bundle_parse(bundle, text, size, arena);
    free(text);
    return is_one;
}

/* Whole and undamaged. */
static bool is_here(const struct archive *self, const uint8_t *digest)
{
    size_t size;
    char *text = archive_read(self, digest, &size);
    free(text);
    return text != NULL;
}

size_t archive_lacks(const struct archive *self, const uint8_t *bundle,
                     uint8_t lacks[][REVISION_DIGEST_SIZE])
{
    struct arena arena;
    struct bundle found;
    size_t count = 0;
    if (!open_arena(&arena))
        return 0;
    if (!archive_bundle(self, bundle, &found, &arena)) {
        memcpy(lacks[count++], bundle, REVISION_DIGEST_SIZE);
        found.count = 0;
    }
    for (size_t i = 0; i < found.count && count < ARCHIVE_LACKS_MAX; i++)
        if (!is_here(self, found.files[i].digest))
            memcpy(lacks[count++], found.files[i].digest, REVISION_DIGEST_SIZE);
    close_arena(&arena);
    return count;
}

/* ---- from a descriptor ---- */

/* All of size bytes, from malloc; NULL with errno: EPIPE when it ends before. */
static char *read_part(int fd, size_t size)
{
    char *bytes = malloc(size + 1);
    for (size_t got = 0; bytes != NULL && got < size;) {
        ssize_t now = read(fd, bytes + got, size - got);
        if (now < 0 && errno == EINTR)
            continue;
        if (now <= 0) {
            if (now == 0)
                errno = EPIPE;
            free(bytes);
            return NULL;
        }
        got += (size_t)now;
    }
    return bytes;
}

static int take_file(const struct archive *self, int fd, const struct bundle_file *file,
                     char *sentence)
{
    uint8_t digest[REVISION_DIGEST_SIZE];
    char *bytes = read_part(fd, file->size);
    int error = bytes == NULL ? -errno : archive_add(self, bytes, file->size, digest);
    free(bytes);
    if (error == 0 && memcmp(digest, file->digest, sizeof digest) != 0)
        error = -EBADMSG;
    if (error != 0)
        snprintf(sentence, ARCHIVE_SENTENCE_MAX, "%.200s cannot be kept in %.200s: %s", file->name,
                 self->state, strerror(-error));
    return error;
}

/* The descriptor begins with the size of the list, in eight hex digits and a line's end. */
static char *read_list(int fd, size_t *size)
{
    char *head = read_part(fd, 9), *end;
    if (head == NULL)
        return NULL;
    head[8] = '\0';
    *size = strtoul(head, &end, 16);
    bool is_size = end == head + 8 && *size <= BUNDLE_LIST_SIZE_MAX;
    free(head);
    if (is_size)
        return read_part(fd, *size);
    errno = EBADMSG;
    return NULL;
}

int archive_take_in(const struct archive *self, int fd, uint8_t *bundle, char *sentence)
{
    struct arena arena;
    struct bundle list;
    struct stat status;
    size_t size;
    snprintf(sentence, ARCHIVE_SENTENCE_MAX, "what was handed over is no bundle of files");
    if (fstat(fd, &status) != 0 ||
        !S_ISREG(status.st_mode)) /* of a pipe the end might never come */
        return -EBADMSG;
    char *text = read_list(fd, &size);
    if (text == NULL || !open_arena(&arena)) {
        int error = -errno;
        free(text);
        return error;
    }
    int error = bundle_parse(&list, text, size, &arena) ? 0 : -EBADMSG;
    for (size_t i = 0; error == 0 && i < list.count; i++)
        error = take_file(self, fd, &list.files[i], sentence);
    if (error == 0)
        error = archive_add(self, text, size, bundle);
    if (error == 0)
        sentence[0] = '\0';
    close_arena(&arena);
    free(text);
    return error;
}

/* ---- to a folder ---- */

/* "zones/../a" and "/etc/a" lie in it too: "..", "." and the first slashes are left out. */
static bool place(const char *folder, const char *name, char *path)
{
    size_t used = (size_t)snprintf(path, ARCHIVE_PATH_MAX, "%s", folder);
    while (*name != '\0') {
        size_t size = strcspn(name, "/");
        bool is_kept = size > 0 && !(size <= 2 && strncmp(name, "..", size) == 0);
        if (is_kept) {
            if (mkdir(path, 0755) != 0 && errno != EEXIST)
                return false;
            used +=
                (size_t)snprintf(path + used, ARCHIVE_PATH_MAX - used, "/%.*s", (int)size, name);
            if (used >= ARCHIVE_PATH_MAX)
                return false;
        }
        name += size + (name[size] == '/');
    }
    return true;
}

static int export_file(const struct archive *self, const struct bundle_file *file,
                       const char *folder, char *path)
{
    size_t size;
    char *text = archive_read(self, file->digest, &size);
    int error = text == NULL || !place(folder, file->name, path) ? -errno : 0;
    int fd =
        error == 0 ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
    if (error == 0 && fd < 0)
        error = -errno;
    if (error == 0)
        error = file_write(fd, text, size);
    if (fd >= 0 && close(fd) != 0 && error == 0)
        error = -errno;
    free(text);
    return error;
}

int archive_export(const struct archive *self, const uint8_t *bundle, const char *folder,
                   char *sentence)
{
    struct arena arena;
    struct bundle list;
    char path[ARCHIVE_PATH_MAX];
    snprintf(sentence, ARCHIVE_SENTENCE_MAX, "its files are not kept here any more");
    if (!open_arena(&arena))
        return -ENOMEM;
    int error = archive_bundle(self, bundle, &list, &arena) ? 0 : -ENOENT;
    for (size_t i = 0; error == 0 && i < list.count; i++) {
        error = export_file(self, &list.files[i], folder, path);
        if (error != 0)
            snprintf(sentence, ARCHIVE_SENTENCE_MAX, "%.300s cannot be written to %.150s: %s",
                     list.files[i].name, folder, strerror(-error));
    }
    if (error == 0)
        sentence[0] = '\0';
    close_arena(&arena);
    return error;
}

/* ---- what is needed no more ---- */

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, REVISION_DIGEST_SIZE);
}

/* Of one revision: its bundle's list and files, into a tree of digests that lie in the arena. */
static void need(const struct archive *self, const struct revision *revision, struct arena *arena,
                 void **needed)
{
    struct bundle list = {0};
    uint8_t *bundle = arena_take(arena, REVISION_DIGEST_SIZE);
    if (revision->name.index == 0 || bundle == NULL)
        return;
    memcpy(bundle, revision->bundle, REVISION_DIGEST_SIZE);
    void **found = tsearch(bundle, needed, compare_digests);
    if (found == NULL || *found != bundle) /* another revision's as well */
        return;
    if (!archive_bundle(self, bundle, &list, arena))
        return;
    for (size_t i = 0; i < list.count; i++)
        tsearch(list.files[i].digest, needed, compare_digests);
}

static void keep_it(void *digest)
{
    (void)digest; /* it lies in the arena */
}

static bool is_needed(const char *name, void *const *needed)
{
    uint8_t digest[REVISION_DIGEST_SIZE];
    return !bundle_from_hex(name, digest) || tfind(digest, needed, compare_digests) != NULL;
}

void archive_sweep(const struct archive *self, const struct history_kept *kept)
{
    char path[ARCHIVE_PATH_MAX];
    struct arena arena;
    void *needed = NULL;
    if (!open_arena(&arena))
        return;
    for (size_t i = 0; i < kept->count; i++)
        need(self, &kept->revisions[i], &arena, &needed);
    need(self, &kept->prepared, &arena, &needed);
    need(self, &kept->set_aside, &arena, &needed);
    archive_path(self, "archive", path);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (!is_needed(entry->d_name, &needed))
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    tdestroy(needed, keep_it);
    close_arena(&arena);
}
