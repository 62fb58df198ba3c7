/* Zone text to a zone and a view, or to one sentence with its place. */
#include <assert.h>
#include <string.h>

#include "node/dns/view.h"

static _Alignas(64) uint8_t memory[64 << 20];

static void check_zone(const struct zone *zone, struct arena *arena)
{
    char error[VIEW_ERROR_MAX];
    assert(zone->name_count >= 1);
    assert(zone_rrset(&zone->names[0], 6) != NULL);
    for (size_t i = 0; i < zone->name_count; i++)
        assert(name_is_within(zone->names[i].owner, zone->origin));
    struct view_config config = {.zone_count = 1, .zones = zone, .nsid = "fuzz"};
    const struct view *view = view_build(&config, arena, error);
    assert(view != NULL);
    assert(view_record_count(view) == zone->record_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t origin[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    struct arena arena;
    struct zone zone;
    char error[ZONE_ERROR_MAX] = "";
    if (size > 65536)
        return 0;
    arena_init(&arena, memory, sizeof memory);
    if (zone_parse(&zone, "z", (const char *)bytes, size, origin, NULL, &arena, error)) {
        check_zone(&zone, &arena);
    } else {
        assert(strchr(error, ':') != NULL);
        assert(strchr(error, '\n') == NULL);
    }
    return 0;
}
