#include "health/agent/sample.h"

#include <assert.h>
#include <string.h>

/* ---- words and numbers of a line ---- */

/* The text up to the next line's beginning; false at the end of all. */
static bool take_line(const char **text, const char **line, const char **end)
{
    if (**text == '\0')
        return false;
    *line = *text;
    *end = strchr(*text, '\n');
    if (*end == NULL)
        *end = *text + strlen(*text);
    *text = **end == '\n' ? *end + 1 : *end;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && is_blank(**at))
        (*at)++;
}

/* Up to the next blank; its size, 0 at the end of the line. */
static size_t take_word(const char **at, const char *end, const char **word)
{
    skip_blanks(at, end);
    *word = *at;
    while (*at < end && !is_blank(**at))
        (*at)++;
    return (size_t)(*at - *word);
}

static bool is_word(const char *word, size_t size, const char *expected)
{
    return size == strlen(expected) && memcmp(word, expected, size) == 0;
}

/* False when the next word is no number of 64 bits. */
static bool take_number(const char **at, const char *end, uint64_t *number)
{
    const char *word;
    size_t size = take_word(at, end, &word);
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (word[i] < '0' || word[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(word[i] - '0'), &value))
            return false;
    }
    *number = value;
    return size > 0;
}

/* As many numbers as there are, at most max; the rest is left alone. */
static size_t take_numbers(const char *at, const char *end, uint64_t *numbers, size_t max)
{
    size_t count = 0;
    while (count < max && take_number(&at, end, &numbers[count]))
        count++;
    return count;
}

/* ---- the files ---- */

/* proc(5): cpu user nice system idle iowait irq softirq steal guest guest_nice. Guests' time is
 * within user and nice. The oldest kernels end with idle. */
static void read_stat(struct sample *self, const char *text)
{
    enum { IDLE = 3, IOWAIT = 4, STEAL = 7, FIELDS = STEAL + 1 };
    const char *line, *end, *word;
    while (take_line(&text, &line, &end)) {
        uint64_t ticks[FIELDS] = {0};
        size_t size = take_word(&line, end, &word);
        if (!is_word(word, size, "cpu"))
            continue;
        if (take_numbers(line, end, ticks, FIELDS) <= IDLE)
            return;
        for (size_t i = 0; i < FIELDS; i++) {
            self->cpu_total += ticks[i];
            self->cpu_busy += i == IDLE || i == IOWAIT ? 0 : ticks[i];
        }
        return;
    }
}

/* Kernels before 3.14 have no MemAvailable: then what is free or cached. */
static void read_meminfo(struct sample *self, const char *text)
{
    uint64_t reusable_kb = 0;
    bool is_available_known = false;
    const char *line, *end, *word;
    while (take_line(&text, &line, &end)) {
        uint64_t kb;
        size_t size = take_word(&line, end, &word);
        if (!take_number(&line, end, &kb))
            continue;
        if (is_word(word, size, "MemTotal:")) {
            self->memory_total_kb = kb;
        } else if (is_word(word, size, "MemAvailable:")) {
            self->memory_available_kb = kb;
            is_available_known = true;
        } else if (is_word(word, size, "MemFree:") || is_word(word, size, "Buffers:") ||
                   is_word(word, size, "Cached:")) {
            reusable_kb += kb;
        }
    }
    if (!is_available_known)
        self->memory_available_kb = reusable_kb;
}

static bool is_disk(const char *name, size_t size)
{
    static const char *const others[] = {"loop", "ram", "zram", "fd", "sr"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t prefix = strlen(others[i]);
        if (size > prefix && memcmp(name, others[i], prefix) == 0 && name[prefix] >= '0' &&
            name[prefix] <= '9')
            return false;
    }
    return size > 0 && size <= SAMPLE_DISK_NAME_MAX;
}

/* Documentation/admin-guide/iostats.rst: major minor name and at least 11 fields, of which the 10th
 * is the milliseconds spent doing I/O. */
static void read_diskstats(struct sample *self, const char *text)
{
    enum { FIELDS = 11, BUSY = 9 };
    const char *line, *end, *name;
    while (self->disk_count < SAMPLE_DISKS_MAX && take_line(&text, &line, &end)) {
        uint64_t device, fields[FIELDS];
        if (!take_number(&line, end, &device) || !take_number(&line, end, &device))
            continue;
        size_t size = take_word(&line, end, &name);
        if (!is_disk(name, size) || take_numbers(line, end, fields, FIELDS) < FIELDS)
            continue;
        struct sample_disk *disk = &self->disks[self->disk_count++];
        memcpy(disk->name, name, size);
        disk->name[size] = '\0';
        disk->busy_ms = fields[BUSY];
    }
}

/* Two lines of titles, then "name:" and 8 fields of what is received, 8 of what is sent, bytes
 * first. Old kernels leave no blank behind the colon. */
static void read_net_dev(struct sample *self, const char *text)
{
    enum { RECEIVED = 0, SENT = 8, FIELDS = SENT + 1 };
    const char *line, *end;
    while (take_line(&text, &line, &end)) {
        uint64_t fields[FIELDS];
        skip_blanks(&line, end);
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (colon == NULL || is_word(line, (size_t)(colon - line), "lo") ||
            take_numbers(colon + 1, end, fields, FIELDS) < FIELDS)
            continue;
        self->received_bytes += fields[RECEIVED];
        self->sent_bytes += fields[SENT];
    }
}

void sample_read(struct sample *self, int64_t at_ms, const struct sample_texts *texts)
{
    *self = (struct sample){.at_ms = at_ms};
    read_stat(self, texts->stat);
    read_meminfo(self, texts->meminfo);
    read_diskstats(self, texts->diskstats);
    read_net_dev(self, texts->net_dev);
}

/* ---- figures ---- */

static uint64_t grown(uint64_t earlier, uint64_t later)
{
    return later > earlier ? later - earlier : 0;
}

static uint16_t permille(uint64_t part, uint64_t whole)
{
    if (part >= whole)
        return whole == 0 ? 0 : 1000;
    if (whole > UINT64_MAX / 1000)
        return (uint16_t)(part / (whole / 1000));
    return (uint16_t)(part * 1000 / whole);
}

static uint64_t per_second(uint64_t bytes, uint64_t elapsed_ms)
{
    if (bytes > UINT64_MAX / 1000)
        return UINT64_MAX / elapsed_ms;
    return bytes * 1000 / elapsed_ms;
}

/* A disk that only one of the two knows came or went. */
static uint64_t busiest_disk_ms(const struct sample *earlier, const struct sample *later)
{
    uint64_t busiest_ms = 0;
    for (size_t i = 0; i < later->disk_count; i++)
        for (size_t j = 0; j < earlier->disk_count; j++) {
            if (strcmp(later->disks[i].name, earlier->disks[j].name) != 0)
                continue;
            uint64_t busy_ms = grown(earlier->disks[j].busy_ms, later->disks[i].busy_ms);
            if (busy_ms > busiest_ms)
                busiest_ms = busy_ms;
        }
    return busiest_ms;
}

void sample_figures(const struct sample *earlier, const struct sample *later, struct report *report)
{
    report->memory_permille =
        permille(grown(later->memory_available_kb, later->memory_total_kb), later->memory_total_kb);
    report->cpu_permille = report->disk_permille = 0;
    report->received_bytes_per_s = report->sent_bytes_per_s = 0;
    if (later->at_ms <= earlier->at_ms)
        return;
    uint64_t elapsed_ms = (uint64_t)(later->at_ms - earlier->at_ms);
    report->cpu_permille = permille(grown(earlier->cpu_busy, later->cpu_busy),
                                    grown(earlier->cpu_total, later->cpu_total));
    report->disk_permille = permille(busiest_disk_ms(earlier, later), elapsed_ms);
    report->received_bytes_per_s =
        per_second(grown(earlier->received_bytes, later->received_bytes), elapsed_ms);
    report->sent_bytes_per_s =
        per_second(grown(earlier->sent_bytes, later->sent_bytes), elapsed_ms);
    assert(report->cpu_permille <= 1000);
    assert(report->disk_permille <= 1000);
}
