#include "replication/warm.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replication/file.h"
#include "replication/little_endian.h"

static const char header[16] = "tandem warm 1\n";

enum {
    AT_BOOT = sizeof header,
    AT_BOOT_MS = 32,
    AT_WALL_MS = 40,
    AT_COUNT = 48,
    AT_RECORDS = 56,
    SUM_SIZE = WARM_FRAME_SIZE - AT_RECORDS,
    RECORD_NAME = 24,
    PATH_SIZE = 4096,
};

/* ---- time ---- */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? now.tv_sec * 1000 + now.tv_nsec / 1000000 : 0;
}

void warm_now(struct warm_time *now)
{
    now->boot_ms = clock_ms(CLOCK_BOOTTIME);
    now->wall_ms = clock_ms(CLOCK_REALTIME);
}

void warm_boot(struct warm_time *now)
{
    char text[64] = "";
    memset(now->boot, 0, sizeof now->boot);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    if (got > 0 &&
        sodium_hex2bin(now->boot, sizeof now->boot, text, (size_t)got, "-\n", NULL, NULL) != 0)
        memset(now->boot, 0, sizeof now->boot);
}

uint32_t warm_away_ms(const struct warm_time *then, const struct warm_time *now)
{
    bool is_same_boot = memcmp(then->boot, now->boot, sizeof then->boot) == 0 &&
                        !sodium_is_zero(then->boot, sizeof then->boot);
    int64_t then_ms = is_same_boot ? then->boot_ms : then->wall_ms;
    int64_t now_ms = is_same_boot ? now->boot_ms : now->wall_ms;
    if (then_ms < 0 || now_ms < then_ms || now_ms - then_ms > RECORD_AGE_MS_MAX)
        return RECORD_AGE_MS_MAX;
    return (uint32_t)(now_ms - then_ms);
}

/* ---- writing ---- */

void warm_begin(struct warm_writer *self, const struct warm_time *now, uint8_t *bytes, size_t room)
{
    assert(room >= WARM_FRAME_SIZE);
    *self = (struct warm_writer){.bytes = bytes, .room = room - SUM_SIZE, .size = AT_RECORDS};
    memset(bytes, 0, AT_RECORDS);
    memcpy(bytes, header, sizeof header);
    memcpy(bytes + AT_BOOT, now->boot, sizeof now->boot);
    put_number(bytes + AT_BOOT_MS, 8, (uint64_t)now->boot_ms);
    put_number(bytes + AT_WALL_MS, 8, (uint64_t)now->wall_ms);
}

bool warm_add(struct warm_writer *self, const struct record *record)
{
    size_t name_size = strlen(record->key.name);
    size_t size = RECORD_NAME + name_size + record->value_size;
    if (size > self->room - self->size)
        return false;
    uint8_t *bytes = self->bytes + self->size;
    put_number(bytes, 1, record->key.kind);
    put_number(bytes + 1, 1, name_size);
    put_number(bytes + 2, 2, record->value_size);
    put_number(bytes + 4, 4, record->age_ms);
    put_number(bytes + 8, 8, record->version.incarnation);
    put_number(bytes + 16, 8, record->version.sequence);
    memcpy(bytes + RECORD_NAME, record->key.name, name_size);
    memcpy(bytes + RECORD_NAME + name_size, record->value, record->value_size);
    self->size += size;
    self->count++;
    return true;
}

size_t warm_end(struct warm_writer *self)
{
    put_number(self->bytes + AT_COUNT, 4, self->count);
    return self->size + SUM_SIZE;
}

void warm_seal(uint8_t *bytes, size_t size)
{
    assert(size >= WARM_FRAME_SIZE);
    crypto_generichash(bytes + size - SUM_SIZE, SUM_SIZE, bytes, size - SUM_SIZE, NULL, 0);
}

/* ---- reading ---- */

bool warm_open(struct warm_reader *self, const uint8_t *bytes, size_t size)
{
    uint8_t sum[SUM_SIZE];
    if (size < WARM_FRAME_SIZE || memcmp(bytes, header, sizeof header) != 0)
        return false;
    crypto_generichash(sum, sizeof sum, bytes, size - SUM_SIZE, NULL, 0);
    if (memcmp(sum, bytes + size - SUM_SIZE, sizeof sum) != 0)
        return false;
    *self = (struct warm_reader){.bytes = bytes,
                                 .size = size - SUM_SIZE,
                                 .position = AT_RECORDS,
                                 .left = (uint32_t)get_number(bytes + AT_COUNT, 4)};
    memcpy(self->written.boot, bytes + AT_BOOT, sizeof self->written.boot);
    self->written.boot_ms = (int64_t)get_number(bytes + AT_BOOT_MS, 8);
    self->written.wall_ms = (int64_t)get_number(bytes + AT_WALL_MS, 8);
    return true;
}

bool warm_next(struct warm_reader *self, struct record *record)
{
    const uint8_t *bytes = self->bytes + self->position;
    size_t room = self->size - self->position;
    if (self->left == 0 || room < RECORD_NAME)
        return false;
    size_t name_size = get_number(bytes + 1, 1), value_size = get_number(bytes + 2, 2);
    uint64_t kind = get_number(bytes, 1), age_ms = get_number(bytes + 4, 4);
    if (value_size > RECORD_VALUE_MAX || room - RECORD_NAME < name_size + value_size ||
        !record_kind_is_known(kind) || age_ms > RECORD_AGE_MS_MAX ||
        !record_name_is_valid((const char *)bytes + RECORD_NAME, name_size))
        return false;
    *record = (struct record){.key.kind = (enum record_kind)kind,
                              .version = {get_number(bytes + 8, 8), get_number(bytes + 16, 8)},
                              .age_ms = (uint32_t)age_ms,
                              .value_size = (uint16_t)value_size};
    if (record_compare(record->version, (struct record_version){0}) == 0)
        return false;
    memcpy(record->key.name, bytes + RECORD_NAME, name_size);
    memcpy(record->value, bytes + RECORD_NAME + name_size, value_size);
    self->position += RECORD_NAME + name_size + value_size;
    self->left--;
    return true;
}

/* ---- the file ---- */

int warm_save(const char *directory, const uint8_t *bytes, size_t size)
{
    char path[PATH_SIZE], next[PATH_SIZE];
    if (snprintf(path, sizeof path, "%s/warm", directory) >= (int)sizeof path ||
        snprintf(next, sizeof next, "%s/warm.new", directory) >= (int)sizeof next)
        return -ENAMETOOLONG;
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int error = file_write(fd, bytes, size);
    if (close(fd) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(next, path) != 0)
        error = -errno;
    if (error != 0)
        unlink(next); /* a full disk has room again */
    return error;
}

static size_t take_all(struct warm_reader *reader, const struct warm_time *now,
                       void (*take)(void *context, const struct record *record), void *context)
{
    uint32_t away_ms = warm_away_ms(&reader->written, now);
    size_t count = 0;
    for (struct record record; warm_next(reader, &record); count++) {
        uint64_t age_ms = (uint64_t)record.age_ms + away_ms;
        record.age_ms = age_ms > RECORD_AGE_MS_MAX ? RECORD_AGE_MS_MAX : (uint32_t)age_ms;
        take(context, &record);
    }
    return count;
}

size_t warm_load(const char *directory, const struct warm_time *now,
                 void (*take)(void *context, const struct record *record), void *context,
                 char *sentence)
{
    char path[PATH_SIZE], aside[PATH_SIZE];
    struct warm_reader reader;
    size_t size, count = 0;
    sentence[0] = '\0';
    if (snprintf(path, sizeof path, "%s/warm", directory) >= (int)sizeof path ||
        snprintf(aside, sizeof aside, "%s/warm.damaged", directory) >= (int)sizeof aside)
        return 0;
    char *bytes = file_read(path, O_NOFOLLOW, WARM_FILE_SIZE_MAX, &size);
    if (bytes == NULL && errno == ENOENT)
        return 0;
    if (bytes != NULL && warm_open(&reader, (const uint8_t *)bytes, size))
        count = take_all(&reader, now, take, context);
    else
        snprintf(sentence, WARM_SENTENCE_MAX,
                 "%.400s is damaged%s: what the servers said last is awaited from them", path,
                 rename(path, aside) == 0 ? ", it is now warm.damaged" : "");
    free(bytes);
    return count;
}
