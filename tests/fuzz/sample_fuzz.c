/* The texts of /proc that an agent reads, now and a second later: eight parts, divided by a byte 0.
 * Whatever they say, the figures are within the bounds of a report, which can be encoded.
 *
 * Decoders: health/agent/sample.c */
#include "health/agent/sample.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { ROOM = 8192 };

/* The text that the rest begins with; "" when nothing is left. The rest ends with a zero byte. */
static const char *take_text(const char **rest, const char *end)
{
    const char *text = *rest;
    if (text >= end)
        return "";
    *rest += strlen(text) + 1;
    return text;
}

static struct sample take_sample(int64_t at_ms, const char **rest, const char *end)
{
    struct sample sample;
    struct sample_texts texts;
    texts.stat = take_text(rest, end);
    texts.meminfo = take_text(rest, end);
    texts.diskstats = take_text(rest, end);
    texts.net_dev = take_text(rest, end);
    sample_read(&sample, at_ms, &texts);
    assert(sample.at_ms == at_ms);
    assert(sample.disk_count <= SAMPLE_DISKS_MAX);
    for (size_t i = 0; i < sample.disk_count; i++)
        assert(strnlen(sample.disks[i].name, sizeof sample.disks[i].name) <= SAMPLE_DISK_NAME_MAX);
    return sample;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static char copy[ROOM + 1];
    if (size > ROOM)
        return 0;
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    const char *rest = copy, *end = copy + size;
    struct sample earlier = take_sample(1000, &rest, end), later = take_sample(2000, &rest, end);
    struct report report = {0};
    uint8_t value[RECORD_VALUE_MAX];
    sample_figures(&earlier, &later, &report);
    assert(report_encode(&report, value) <= sizeof value);
    sample_figures(&later, &earlier, &report); /* no time has passed: no rates */
    assert(report.cpu_permille == 0 && report.received_bytes_per_s == 0);
    return 0;
}
