/* Any bytes: report_decode takes them or says why not, and what it takes is the same after encoding
 * and decoding.
 *
 * Decoders: health/report.c:get_u32|decode_.+|report_decode|report_service */
#include "health/report.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_same_after_encoding(const struct report *first, struct pack_space *space)
{
    struct report second;
    uint8_t encoded[RECORD_VALUE_MAX], again[RECORD_VALUE_MAX];
    size_t size = report_encode(first, encoded);
    assert(size <= RECORD_VALUE_MAX);
    assert(report_decode(&second, space, encoded, size) == REPORT_OK);
    assert(memcmp(first, &second, sizeof second) == 0); /* the decoder begins with zeroes */
    assert(report_encode(&second, again) == size);
    assert(memcmp(encoded, again, size) == 0);
    for (size_t i = 0; i < first->service_count; i++)
        assert(report_service(first, first->services[i].port) == &first->services[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct pack_space space;
    if (space.zone == NULL)
        pack_space_open(&space);
    struct report report;
    enum report_reason reason = report_decode(&report, &space, bytes, size);
    assert(report_reason_text(reason) != NULL);
    if (reason == REPORT_OK)
        check_same_after_encoding(&report, &space);
    return 0;
}
