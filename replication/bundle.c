#include "replication/bundle.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "tandem bundle 1\n";

size_t bundle_begin(char *line)
{
    memcpy(line, first_line, sizeof first_line);
    return sizeof first_line - 1;
}

bool bundle_name_is_valid(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return size > 0 && size <= BUNDLE_NAME_MAX;
}

size_t bundle_line(char *line, const struct bundle_file *file)
{
    char hex[BUNDLE_HEX_SIZE];
    assert(bundle_name_is_valid(file->name));
    bundle_hex(file->digest, hex);
    int size = snprintf(line, BUNDLE_LINE_MAX + 1, "%s %llu %s\n", hex,
                        (unsigned long long)file->size, file->name);
    return (size_t)size;
}

void bundle_digest(const void *bytes, size_t size, uint8_t *digest)
{
    crypto_generichash(digest, REVISION_DIGEST_SIZE, bytes, size, NULL, 0);
}

void bundle_hex(const uint8_t *digest, char *text)
{
    sodium_bin2hex(text, BUNDLE_HEX_SIZE, digest, REVISION_DIGEST_SIZE);
}

static bool take_hex(const char *text, uint8_t *digest)
{
    size_t size;
    return sodium_hex2bin(digest, REVISION_DIGEST_SIZE, text, 2 * REVISION_DIGEST_SIZE, NULL, &size,
                          NULL) == 0 &&
           size == REVISION_DIGEST_SIZE;
}

bool bundle_from_hex(const char *text, uint8_t *digest)
{
    return strlen(text) == 2 * REVISION_DIGEST_SIZE && take_hex(text, digest);
}

/* ---- reading ---- */

static bool take_size(const char **next, const char *end, uint64_t *size)
{
    const char *digit = *next;
    *size = 0;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++) {
        *size = *size * 10 + (uint64_t)(*digit - '0');
        if (*size > HISTORY_FILE_SIZE_MAX)
            return false;
    }
    bool is_one = digit > *next && digit < end && *digit == ' ';
    *next = digit + 1;
    return is_one;
}

/* One line, without its end. */
static bool take_line(struct bundle_file *file, const char *line, size_t size, struct arena *arena)
{
    const char *end = line + size, *next = line + 2 * REVISION_DIGEST_SIZE;
    if (size <= 2 * REVISION_DIGEST_SIZE || *next != ' ' || !take_hex(line, file->digest))
        return false;
    next++;
    if (!take_size(&next, end, &file->size))
        return false;
    file->name = arena_text(arena, next, (size_t)(end - next));
    return file->name != NULL && strlen(file->name) == (size_t)(end - next) &&
           bundle_name_is_valid(file->name);
}

static int compare(const void *a, const void *b)
{
    const struct bundle_file *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool sort(struct bundle *self, struct arena *arena)
{
    self->by_name = arena_take_array(arena, self->count, sizeof *self->by_name);
    if (self->by_name == NULL)
        return false;
    for (size_t i = 0; i < self->count; i++)
        self->by_name[i] = &self->files[i];
    qsort(self->by_name, self->count, sizeof *self->by_name, compare);
    for (size_t i = 1; i < self->count; i++)
        if (strcmp(self->by_name[i - 1]->name, self->by_name[i]->name) == 0)
            return false;
    return true;
}

bool bundle_parse(struct bundle *self, const char *text, size_t size, struct arena *arena)
{
    const char *end = text + size, *line = text + sizeof first_line - 1;
    *self = (struct bundle){0};
    if (size < sizeof first_line || memcmp(text, first_line, sizeof first_line - 1) != 0)
        return false;
    for (const char *c = line; c < end; c++)
        self->count += *c == '\n';
    if (self->count == 0 || self->count > BUNDLE_FILES_MAX || end[-1] != '\n')
        return false;
    self->files = arena_take_array(arena, self->count, sizeof *self->files);
    if (self->files == NULL)
        return false;
    for (size_t i = 0; i < self->count; i++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!take_line(&self->files[i], line, (size_t)(stop - line), arena))
            return false;
        line = stop + 1;
    }
    return sort(self, arena);
}

const struct bundle_file *bundle_find(const struct bundle *self, const char *name)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(self->by_name[middle]->name, name);
        if (order == 0)
            return self->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
