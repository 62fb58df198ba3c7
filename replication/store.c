#include "replication/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replication/file.h"
#include "replication/store_slot.h"

#define FILE_NAME "orders"
#define NEW_NAME  "orders.new"

static const char header[] = "tandem orders 1\n"; /* written without its NUL */

enum {
    HEADER_SIZE = sizeof header - 1,
    HEADER_COMMON_SIZE = sizeof "tandem orders " - 1, /* what every version begins with */
};

struct store {
    int directory_fd, fd;
    size_t slot_count;  /* of the file */
    size_t order_count; /* of the tree */
    void *orders;       /* struct record, newest of each key; a tree of search.h */
    bool suspect;       /* a sync failed: what the file holds is not known until it is rewritten */
};

enum finding { SOUND, TORN, DAMAGED };

/* ---- the newest of each key ---- */

static int compare_names(const void *a, const void *b)
{
    const struct record *left = a, *right = b;
    return strcmp(left->key.name, right->key.name);
}

static struct record *find_order(const struct store *self, const struct record *like)
{
    struct record *const *found = tfind(like, &self->orders, compare_names);
    return found == NULL ? NULL : *found;
}

/* A new order in the tree, or NULL without memory or room. */
static struct record *add_order(struct store *self, const struct record *record)
{
    if (self->order_count == STORE_ORDERS_MAX)
        return NULL;
    struct record *order = malloc(sizeof *order);
    if (order == NULL)
        return NULL;
    *order = *record;
    if (tsearch(order, &self->orders, compare_names) == NULL) {
        free(order);
        return NULL;
    }
    self->order_count++;
    return order;
}

static void remove_order(struct store *self, struct record *order)
{
    tdelete(order, &self->orders, compare_names);
    self->order_count--;
    free(order);
}

static void forget_orders(struct store *self)
{
    tdestroy(self->orders, free);
    self->orders = NULL;
    self->order_count = 0;
}

struct walk {
    void (*take)(void *context, const struct record *record);
    void *context;
};

static void walk_node(const void *node, VISIT visit, void *closure)
{
    const struct walk *walk = closure;
    struct record *const *order = node;
    if (visit == postorder || visit == leaf) /* each node once, by name */
        walk->take(walk->context, *order);
}

void store_load(const struct store *self, void (*take)(void *context, const struct record *record),
                void *context)
{
    struct walk walk = {take, context};
    twalk_r(self->orders, walk_node, &walk);
}

size_t store_count(const struct store *self)
{
    return self->order_count;
}

/* ---- writing ---- */

static int write_at(int fd, const void *bytes, size_t size, off_t offset)
{
    const uint8_t *next = bytes;
    while (size > 0) {
        ssize_t written = pwrite(fd, next, size, offset);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            next += written;
            size -= (size_t)written;
            offset += written;
        }
    }
    return 0;
}

static off_t slot_offset(size_t slot)
{
    return HEADER_SIZE + (off_t)slot * STORE_SLOT_SIZE;
}

struct copy {
    int fd, failed;
    size_t slot_count;
};

static void copy_order(void *context, const struct record *record)
{
    struct copy *copy = context;
    uint8_t slot[STORE_SLOT_SIZE];
    store_slot_encode(record, slot);
    if (copy->failed == 0)
        copy->failed = write_at(copy->fd, slot, sizeof slot, slot_offset(copy->slot_count++));
}

/* Write the orders into a new file and put it in the place of the old. Until the rename nothing has
 * changed; a failure after it leaves the new file, which holds the same. */
static int rewrite(struct store *self)
{
    int fd = openat(self->directory_fd, NEW_NAME,
                    O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    struct copy copy = {.fd = fd, .failed = write_at(fd, header, HEADER_SIZE, 0)};
    store_load(self, copy_order, &copy);
    if (copy.failed == 0 && fsync(fd) != 0)
        copy.failed = -errno;
    if (copy.failed == 0 &&
        renameat(self->directory_fd, NEW_NAME, self->directory_fd, FILE_NAME) != 0)
        copy.failed = -errno;
    if (copy.failed != 0) {
        close(fd);
        unlinkat(self->directory_fd, NEW_NAME, 0);
        return copy.failed;
    }
    if (self->fd >= 0)
        close(self->fd);
    self->fd = fd;
    self->slot_count = copy.slot_count;
    self->suspect = fsync(self->directory_fd) != 0;
    return self->suspect ? -errno : 0;
}

static int append_slot(struct store *self, const struct record *record)
{
    uint8_t slot[STORE_SLOT_SIZE];
    store_slot_encode(record, slot);
    int failed = write_at(self->fd, slot, sizeof slot, slot_offset(self->slot_count));
    /* After a failed sync the kernel calls the pages clean: a second one would lie. */
    if (failed == 0 && fsync(self->fd) != 0) {
        failed = -errno;
        self->suspect = true;
    }
    if (failed == 0)
        self->slot_count++;
    else if (ftruncate(self->fd, slot_offset(self->slot_count)) != 0)
        self->suspect = true;
    return failed;
}

static bool is_long(const struct store *self)
{
    return self->slot_count >= STORE_LOG_SLOTS_MIN &&
           self->slot_count >= STORE_LOG_FACTOR * (self->order_count + 1);
}

int store_append(struct store *self, const struct record *record)
{
    assert(record->key.kind == RECORD_ORDER);
    assert(record_name_is_valid(record->key.name, strnlen(record->key.name, RECORD_NAME_MAX + 1)));
    assert(record->value_size <= RECORD_VALUE_MAX);
    assert(record->age_ms <= RECORD_AGE_MS_MAX);
    struct record *order = find_order(self, record);
    if (order != NULL && record_compare(order->version, record->version) >= 0)
        return 0;
    if (self->suspect || is_long(self)) {
        int failed = rewrite(self);
        if (failed != 0 && self->suspect)
            return failed; /* a log that is merely long goes on growing */
    }
    bool is_new = order == NULL;
    if (is_new)
        order = add_order(self, record);
    if (order == NULL)
        return self->order_count == STORE_ORDERS_MAX ? -ENOSPC : -ENOMEM;
    struct record before = *order;
    *order = *record;
    int failed = append_slot(self, record);
    if (failed != 0 && is_new)
        remove_order(self, order);
    else if (failed != 0)
        *order = before;
    return failed;
}

/* ---- opening ---- */

__attribute__((format(printf, 3, 4))) static int say(char *sentence, int code, const char *format,
                                                     ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, STORE_SENTENCE_MAX, format, arguments);
    va_end(arguments);
    return code;
}

/* Reads up to size bytes, fewer only at the end of the file; -errno. */
static ssize_t read_at(int fd, void *bytes, size_t size, off_t offset)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = pread(fd, (uint8_t *)bytes + used, size - used, offset + (off_t)used);
        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)used;
}

/* Of one key the later slot is the newer, for an older version is never appended. */
static int keep(struct store *self, const struct record *record)
{
    struct record *order = find_order(self, record);
    if (order == NULL)
        return add_order(self, record) == NULL ? -ENOMEM : 0;
    *order = *record;
    return 0;
}

/* Reads slots up to the first that is not whole and sound. 0 or -errno. */
static int read_slots(struct store *self, enum finding *finding)
{
    for (*finding = SOUND; *finding == SOUND;) {
        uint8_t slot[STORE_SLOT_SIZE + 1]; /* one byte more tells whether anything follows */
        ssize_t size = read_at(self->fd, slot, sizeof slot, slot_offset(self->slot_count));
        struct record record;
        if (size <= 0)
            return (int)size;
        if (size < STORE_SLOT_SIZE || !store_slot_decode(slot, &record)) {
            *finding = size <= STORE_SLOT_SIZE ? TORN : DAMAGED;
            continue;
        }
        int failed = keep(self, &record);
        if (failed != 0)
            return failed;
        self->slot_count++;
    }
    return 0;
}

static int read_file(struct store *self, enum finding *finding)
{
    char start[HEADER_SIZE];
    ssize_t size = read_at(self->fd, start, sizeof start, 0);
    if (size < 0)
        return (int)size;
    char version = size == HEADER_SIZE ? start[HEADER_COMMON_SIZE] : '\0';
    if (version > header[HEADER_COMMON_SIZE] && version <= '9' &&
        memcmp(start, header, HEADER_COMMON_SIZE) == 0)
        return -EPROTONOSUPPORT;
    *finding = DAMAGED;
    if (size != HEADER_SIZE || memcmp(start, header, HEADER_SIZE) != 0)
        return 0;
    return read_slots(self, finding);
}

/* Renames the file to the first free name and begins an empty one. */
static int set_aside(struct store *self, const char *directory, char *sentence)
{
    char path[PATH_MAX], aside[PATH_MAX + 20];
    int failed = snprintf(path, sizeof path, "%s/%s", directory, FILE_NAME) >= (int)sizeof path
                     ? -ENAMETOOLONG
                     : file_set_aside(path, aside, sizeof aside);
    if (failed != 0)
        return say(sentence, failed, "%s/%s is damaged and cannot be renamed: %s", directory,
                   FILE_NAME, strerror(-failed));
    forget_orders(self);
    failed = rewrite(self);
    if (failed != 0)
        return say(sentence, failed, "cannot write %s/%s: %s", directory, FILE_NAME,
                   strerror(-failed));
    return say(sentence, 0,
               "%s/%s was damaged: it is now %s, and the orders are awaited from the partner",
               directory, FILE_NAME, strrchr(aside, '/') + 1);
}

static int cut_end(struct store *self, const char *directory, char *sentence)
{
    if (ftruncate(self->fd, slot_offset(self->slot_count)) != 0 || fsync(self->fd) != 0)
        return say(sentence, -errno, "cannot cut the torn end of %s/%s: %s", directory, FILE_NAME,
                   strerror(errno));
    return say(sentence, 0, "%s/%s ended in an order that was not fully written: it is cut off",
               directory, FILE_NAME);
}

static int open_file(struct store *self, const char *directory, char *sentence)
{
    self->fd = openat(self->directory_fd, FILE_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    enum finding finding = SOUND;
    int failed = self->fd < 0 ? -errno : read_file(self, &finding);
    if (self->fd < 0 && failed == -ENOENT)
        failed = rewrite(self);
    if (failed == -EPROTONOSUPPORT)
        return say(sentence, failed, "%s/%s was written by a later version of Tandem: install that",
                   directory, FILE_NAME);
    if (failed != 0)
        return say(sentence, failed, "cannot open %s/%s: %s", directory, FILE_NAME,
                   strerror(-failed));
    if (finding == DAMAGED)
        return set_aside(self, directory, sentence);
    return finding == TORN ? cut_end(self, directory, sentence) : 0;
}

int store_open(struct store **store, const char *directory, char *sentence)
{
    sentence[0] = '\0';
    struct store *self = calloc(1, sizeof *self);
    if (self == NULL || sodium_init() < 0) {
        free(self);
        return say(sentence, -ENOMEM, "no memory for the orders");
    }
    self->fd = -1;
    self->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = 0;
    if (self->directory_fd < 0)
        failed = say(sentence, -errno,
                     "cannot open the directory %s: %s; give it to the user that runs "
                     "tandem-worker, or change paths: state",
                     directory, strerror(errno));
    else
        failed = open_file(self, directory, sentence);
    if (failed != 0) {
        store_close(self);
        return failed;
    }
    *store = self;
    return 0;
}

void store_close(struct store *self)
{
    if (self == NULL)
        return;
    forget_orders(self);
    if (self->fd >= 0)
        close(self->fd);
    if (self->directory_fd >= 0)
        close(self->directory_fd);
    free(self);
}
