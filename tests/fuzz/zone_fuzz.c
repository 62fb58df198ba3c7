/* Any text as a zone file: refused with one sentence, or a zone that is whole, makes a view, and
 * answers for every name and type it has. $INCLUDE "1" to "3" are what follows in the input, parts
 * being divided by a byte 1.
 *
 * Decoders: node/dns/zone.c node/dns/zone_lines.c node/dns/zone_rdata.c node/dns/zone_draft.c */
#include <stdalign.h>
#include <stdlib.h>

#include "fuzz/answer_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__lsan_default_suppressions(void);

/* ldns 1.8.3 itself loses some bytes for malformed records of a few types (IPSECKEY): no more than
 * the operator's own file has, which is then refused. What we would forget to give back is seen by
 * the unit tests, which suppress nothing. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libldns\n";
}

enum { PARTS_MAX = 4, READS_MAX = 16 };

struct parts {
    const char *text[PARTS_MAX];
    size_t size[PARTS_MAX], count;
    unsigned reads; /* bounded, as files are that include themselves more than once */
};

static struct parts divide(const char *text, size_t size)
{
    struct parts parts = {.count = 0};
    for (;;) {
        const char *end = size == 0 ? NULL : memchr(text, 1, size);
        bool is_last = end == NULL || parts.count == PARTS_MAX - 1;
        size_t part = is_last ? size : (size_t)(end - text);
        parts.text[parts.count] = text;
        parts.size[parts.count++] = part;
        if (is_last)
            return parts;
        text += part + 1;
        size -= part + 1;
    }
}

static const char *read_part(void *context, const char *path, size_t *size)
{
    struct parts *parts = context;
    size_t part = (size_t)(path[0] - '0');
    if (strlen(path) != 1 || part >= parts->count || parts->reads++ >= READS_MAX)
        return NULL;
    *size = parts->size[part];
    return parts->text[part];
}

/* "file:line: sentence", one line of it. */
static void check_error(const char *error)
{
    size_t size = strnlen(error, ZONE_ERROR_MAX);
    assert(size > 4 && size < ZONE_ERROR_MAX);
    const char *colon = strchr(error, ':');
    assert(colon != NULL);
    assert(colon[1] >= '1' && colon[1] <= '9');
    colon += 1 + strspn(colon + 1, "0123456789");
    assert(strncmp(colon, ": ", 2) == 0);
    assert(strchr(error, '\n') == NULL);
}

static void check_rrset(const struct zone_rrset *rrset)
{
    const uint8_t *rdata = rrset->rdata, *end = rdata + rrset->rdata_size;
    assert(rrset->count > 0);
    assert(rrset->ttl_s <= INT32_MAX);
    for (size_t i = 0; i < rrset->count; i++) {
        assert(end - rdata >= 2);
        size_t size = walk_u16(rdata);
        assert((size_t)(end - rdata) - 2 >= size);
        rdata += 2 + size;
    }
    assert(rdata == end);
}

/* How many records it has. */
static size_t check_name(const struct zone *zone, const struct zone_name *name)
{
    uint8_t lower[NAME_SIZE_MAX];
    size_t records = 0;
    assert(name_size(name->owner, name->owner_size) == name->owner_size);
    name_lower(name->owner, lower);
    assert(memcmp(lower, name->owner, name->owner_size) == 0);
    assert(name_is_within(name->owner, zone->origin));
    for (size_t i = 0; i < name->rrset_count; i++) {
        check_rrset(&name->rrsets[i]);
        assert(zone_rrset(name, name->rrsets[i].type) == &name->rrsets[i]);
        records += name->rrsets[i].count;
    }
    return records;
}

/* What the zone has is never refused, or too large for TCP. */
static void ask(const struct view *view, const struct zone_name *name, uint16_t type)
{
    uint8_t query[QUERY_HEADER_SIZE + NAME_SIZE_MAX + 4] = {1, 2, 0, 0, 0, 1};
    size_t at = QUERY_HEADER_SIZE;
    memcpy(query + at, name->owner, name->owner_size);
    at += name->owner_size;
    query[at++] = (uint8_t)(type >> 8);
    query[at++] = (uint8_t)type;
    query[at++] = 0;
    query[at++] = 1;
    enum answer_reason reason = walk_ask(view, query, at);
    assert(reason != ANSWER_REFUSED_ZONE);
    assert(reason != ANSWER_FORMERR);
    assert(reason != ANSWER_NOTIMP);
    assert(reason != ANSWER_TRUNCATED);
}

static void check_view(const struct zone *zone, struct arena *arena)
{
    char error[VIEW_ERROR_MAX];
    const struct view_config config = {.zone_count = 1, .zones = zone};
    const struct view *view = view_build(&config, arena, error);
    assert(view != NULL);
    assert(view_record_count(view) == zone->record_count);
    for (size_t i = 0; i < zone->name_count; i++) {
        ask(view, &zone->names[i], 255);
        for (size_t set = 0; set < zone->names[i].rrset_count; set++)
            ask(view, &zone->names[i], zone->names[i].rrsets[set].type);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static alignas(64) uint8_t memory[64 << 20];
    static const uint8_t origin[] = "\7example";
    struct parts parts = divide((const char *)bytes, size);
    struct zone_files files = {read_part, &parts};
    struct arena arena;
    struct zone zone;
    char error[ZONE_ERROR_MAX] = "";
    if (size > 65536)
        return 0;
    arena_init(&arena, memory, sizeof memory);
    if (!zone_parse(&zone, "f", parts.text[0], parts.size[0], origin, &files, &arena, error)) {
        check_error(error);
        return 0;
    }
    size_t records = 0;
    assert(name_equal(zone.names[0].owner, origin));
    for (size_t i = 0; i < zone.name_count; i++)
        records += check_name(&zone, &zone.names[i]);
    assert(records == zone.record_count);
    check_view(&zone, &arena);
    return 0;
}
