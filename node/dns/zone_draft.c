#include "node/dns/zone_draft.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS_AT_FIRST = 64 };

/* The file is the operator's own, so that the hash needs no secret; the view's has one. */
static const uint8_t hash_key[16] = "zone file names";

bool zone_draft_refuse(struct zone_draft *self, uint32_t line, const char *format, ...)
{
    int used = snprintf(self->error, ZONE_ERROR_MAX, "%.250s:%u: ", self->file, line);
    assert(used > 0);
    assert(used < ZONE_ERROR_MAX);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->error + used, ZONE_ERROR_MAX - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

static bool refuse_memory(struct zone_draft *self)
{
    return zone_draft_refuse(self, 1, "the zone takes more memory than expected");
}

bool zone_draft_open(struct zone_draft *self, const char *file, const uint8_t *origin,
                     struct arena *arena, char *error)
{
    uint8_t *lower = arena_take(arena, NAME_SIZE_MAX);
    *self = (struct zone_draft){.file = file,
                                .arena = arena,
                                .error = error,
                                .origin = lower,
                                .slot_count = SLOTS_AT_FIRST};
    self->slots = arena_take_array(arena, self->slot_count, sizeof *self->slots);
    if (lower == NULL || self->slots == NULL)
        return refuse_memory(self);
    self->origin_size = name_lower(origin, lower);
    return true;
}

static struct draft_name **find_slot(struct draft_name **slots, size_t slot_count,
                                     const uint8_t *lower, size_t size, uint64_t hash)
{
    size_t slot = hash & (slot_count - 1);
    while (slots[slot] != NULL && (slots[slot]->hash != hash || slots[slot]->owner_size != size ||
                                   memcmp(slots[slot]->owner, lower, size) != 0))
        slot = (slot + 1) & (slot_count - 1);
    return &slots[slot];
}

/* NULL when the name has nothing. */
static struct draft_name *find(const struct zone_draft *self, const uint8_t *lower, size_t size)
{
    return *find_slot(self->slots, self->slot_count, lower, size, name_hash(lower, size, hash_key));
}

static bool grow(struct zone_draft *self)
{
    size_t slot_count = 2 * self->slot_count;
    struct draft_name **slots = arena_take_array(self->arena, slot_count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < self->slot_count; i++) {
        struct draft_name *name = self->slots[i];
        if (name != NULL)
            *find_slot(slots, slot_count, name->owner, name->owner_size, name->hash) = name;
    }
    self->slots = slots;
    self->slot_count = slot_count;
    return true;
}

/* The name, added if it is new; NULL: no memory. */
static struct draft_name *add_name(struct zone_draft *self, const uint8_t *lower, size_t size)
{
    uint64_t hash = name_hash(lower, size, hash_key);
    struct draft_name **slot = find_slot(self->slots, self->slot_count, lower, size, hash);
    if (*slot != NULL)
        return *slot;
    struct draft_name *name = arena_take(self->arena, sizeof *name + size);
    if (name == NULL)
        return NULL;
    name->hash = hash;
    name->owner_size = (uint16_t)size;
    memcpy(name->owner, lower, size);
    *slot = name;
    self->name_count++;
    if (2 * self->name_count > self->slot_count && !grow(self))
        return NULL;
    return name;
}

/* ---- one record ---- */

static struct draft_rrset *find_rrset(const struct draft_name *name, uint16_t type)
{
    struct draft_rrset *rrset = name->rrsets;
    while (rrset != NULL && rrset->type != type)
        rrset = rrset->next;
    return rrset;
}

/* Names within RDATA are compared without case where the RDATA is one name (RFC 4343 §3). */
static bool is_same(const struct draft_rdata *there, const struct zone_rdata *rdata)
{
    if (there->size != rdata->size)
        return false;
    if (rdata->type == ZONE_NS || rdata->type == ZONE_CNAME || rdata->type == ZONE_DNAME)
        return name_equal(there->bytes, rdata->bytes);
    return memcmp(there->bytes, rdata->bytes, rdata->size) == 0;
}

static bool has_rdata(const struct draft_rrset *rrset, const struct zone_rdata *rdata)
{
    for (const struct draft_rdata *each = rrset->first; each != NULL; each = each->next)
        if (is_same(each, rdata))
            return true;
    return false;
}

/* RFC 4034 §2.4: beside an alias stand the records of its own DNSSEC, and nothing else. */
static bool stands_beside_alias(uint16_t type)
{
    return type == ZONE_RRSIG || type == ZONE_NSEC;
}

/* Can a set of this new type stand with those that the name has? (RFC 1034 §3.6.2) */
static bool check_neighbours(struct zone_draft *self, uint32_t line, const struct draft_name *name,
                             uint16_t type)
{
    char text[NAME_TEXT_MAX];
    for (const struct draft_rrset *each = name->rrsets; each != NULL; each = each->next) {
        bool is_alias = type == ZONE_CNAME || each->type == ZONE_CNAME;
        uint16_t other = type == ZONE_CNAME ? each->type : type;
        if (is_alias && !stands_beside_alias(other))
            return zone_draft_refuse(
                self, line, "found a CNAME beside other records, expected it alone at %.200s",
                name_text(name->owner, text));
    }
    if (type == ZONE_SOA && name->owner_size != self->origin_size)
        return zone_draft_refuse(self, line,
                                 "found a SOA at %.200s, expected it at the zone's own name only",
                                 name_text(name->owner, text));
    return true;
}

/* Can one more record join the set? An alias is one (RFC 2181 §10.1, RFC 6672 §2.4), and a SOA. */
static bool check_room(struct zone_draft *self, uint32_t line, const struct draft_name *name,
                       const struct draft_rrset *rrset, size_t size)
{
    enum { HEAD_SIZE = 10 }; /* of a record in an answer, beside its length and RDATA */
    char text[NAME_TEXT_MAX];
    bool is_single =
        rrset->type == ZONE_CNAME || rrset->type == ZONE_DNAME || rrset->type == ZONE_SOA;
    if (is_single && rrset->count == 1)
        return zone_draft_refuse(self, line, "found a second %s, expected one at %.200s",
                                 rrset->type == ZONE_CNAME   ? "CNAME"
                                 : rrset->type == ZONE_DNAME ? "DNAME"
                                                             : "SOA",
                                 name_text(name->owner, text));
    if (rrset->size + HEAD_SIZE * (rrset->count + 1U) + 2 + size > ZONE_RRSET_SIZE_MAX)
        return zone_draft_refuse(self, line,
                                 "found more records of one type at %.200s than fit an answer "
                                 "(%d bytes)",
                                 name_text(name->owner, text), ZONE_RRSET_SIZE_MAX);
    return true;
}

/* The set of this type, added if it is new; NULL with a sentence. */
static struct draft_rrset *add_rrset(struct zone_draft *self, uint32_t line,
                                     struct draft_name *name, uint16_t type, uint32_t ttl_s)
{
    struct draft_rrset *rrset = find_rrset(name, type);
    if (rrset != NULL) {
        /* RFC 2181 §5.2: TTLs of one set are one; the lowest is the safe reading of a mistake. */
        if (ttl_s < rrset->ttl_s)
            rrset->ttl_s = ttl_s;
        return rrset;
    }
    if (!check_neighbours(self, line, name, type))
        return NULL;
    rrset = arena_take(self->arena, sizeof *rrset);
    if (rrset == NULL) {
        refuse_memory(self);
        return NULL;
    }
    rrset->type = type;
    rrset->ttl_s = ttl_s;
    struct draft_rrset **last = &name->rrsets;
    while (*last != NULL)
        last = &(*last)->next;
    *last = rrset;
    name->rrset_count++;
    return rrset;
}

static bool append_rdata(struct zone_draft *self, struct draft_rrset *rrset,
                         const struct zone_rdata *rdata)
{
    struct draft_rdata *added = arena_take(self->arena, sizeof *added + rdata->size);
    if (added == NULL)
        return refuse_memory(self);
    added->size = rdata->size;
    memcpy(added->bytes, rdata->bytes, rdata->size);
    if (rrset->last == NULL)
        rrset->first = added;
    else
        rrset->last->next = added;
    rrset->last = added;
    rrset->count++;
    rrset->size += 2U + rdata->size;
    self->record_count++;
    return true;
}

bool zone_draft_add(struct zone_draft *self, uint32_t line, const uint8_t *lower, uint32_t ttl_s,
                    const struct zone_rdata *rdata)
{
    struct draft_name *name = add_name(self, lower, name_size(lower, NAME_SIZE_MAX));
    if (name == NULL)
        return refuse_memory(self);
    struct draft_rrset *rrset = add_rrset(self, line, name, rdata->type, ttl_s);
    if (rrset == NULL)
        return false;
    if (has_rdata(rrset, rdata))
        return true;
    if (rdata->type == ZONE_SOA) {
        self->soa_file = self->file;
        self->soa_line = line;
    }
    return check_room(self, line, name, rrset, rdata->size) && append_rdata(self, rrset, rdata);
}

/* ---- the whole ---- */

static bool check(struct zone_draft *self)
{
    char text[NAME_TEXT_MAX];
    const struct draft_name *apex = find(self, self->origin, self->origin_size);
    name_text(self->origin, text);
    if (apex == NULL || find_rrset(apex, ZONE_SOA) == NULL)
        return zone_draft_refuse(self, 1, "found no SOA, expected one at %.200s", text);
    if (find_rrset(apex, ZONE_NS) == NULL) {
        self->file = self->soa_file;
        return zone_draft_refuse(self, self->soa_line,
                                 "found no NS record, expected at least one at %.200s", text);
    }
    return true;
}

/* RFC 4592 §2.2.2: a name that has descendants exists, if empty. */
static bool add_empty_non_terminals(struct zone_draft *self)
{
    /* add_name may move the table: walk a copy of what is there now. */
    size_t count = 0;
    struct draft_name **names = arena_take_array(self->arena, self->name_count, sizeof *names);
    if (names == NULL)
        return false;
    for (size_t i = 0; i < self->slot_count; i++)
        if (self->slots[i] != NULL)
            names[count++] = self->slots[i];
    for (size_t i = 0; i < count; i++) {
        const uint8_t *owner = names[i]->owner;
        size_t size = names[i]->owner_size;
        while (size > self->origin_size) {
            size -= 1U + owner[0];
            owner += 1U + owner[0];
            if (find(self, owner, size) != NULL)
                break;
            if (add_name(self, owner, size) == NULL)
                return false;
        }
    }
    return true;
}

static bool finish_rrset(struct arena *arena, const struct draft_rrset *draft,
                         struct zone_rrset *rrset)
{
    uint8_t *rdata = arena_take(arena, draft->size);
    if (rdata == NULL)
        return false;
    *rrset = (struct zone_rrset){.type = draft->type,
                                 .count = draft->count,
                                 .ttl_s = draft->ttl_s,
                                 .rdata_size = draft->size,
                                 .rdata = rdata};
    for (const struct draft_rdata *each = draft->first; each != NULL; each = each->next) {
        rdata[0] = (uint8_t)(each->size >> 8);
        rdata[1] = (uint8_t)each->size;
        memcpy(rdata + 2, each->bytes, each->size);
        rdata += 2 + each->size;
    }
    return true;
}

static bool finish_name(struct arena *arena, const struct draft_name *draft, struct zone_name *name)
{
    *name = (struct zone_name){
        .owner = draft->owner, .owner_size = draft->owner_size, .rrset_count = draft->rrset_count};
    name->rrsets = arena_take_array(arena, draft->rrset_count, sizeof *name->rrsets);
    if (name->rrsets == NULL)
        return false;
    struct zone_rrset *rrset = name->rrsets;
    for (const struct draft_rrset *each = draft->rrsets; each != NULL; each = each->next)
        if (!finish_rrset(arena, each, rrset++))
            return false;
    return true;
}

/* The serial follows the two names in a SOA's RDATA (RFC 1035 §3.3.13). */
static uint32_t read_serial(const struct draft_rrset *soa)
{
    assert(soa != NULL);
    assert(soa->first != NULL);
    const uint8_t *rdata = soa->first->bytes;
    size_t at = name_size(rdata, soa->first->size);
    at += name_size(rdata + at, soa->first->size - at);
    assert(at + 20 == soa->first->size);
    return (uint32_t)rdata[at] << 24 | (uint32_t)rdata[at + 1] << 16 |
           (uint32_t)rdata[at + 2] << 8 | rdata[at + 3];
}

bool zone_draft_finish(struct zone_draft *self, struct zone *zone)
{
    if (!check(self))
        return false;
    if (!add_empty_non_terminals(self))
        return refuse_memory(self);
    *zone = (struct zone){.origin = self->origin,
                          .origin_size = self->origin_size,
                          .record_count = self->record_count};
    zone->names = arena_take_array(self->arena, self->name_count, sizeof *zone->names);
    const struct draft_name *apex = find(self, self->origin, self->origin_size);
    bool has_memory =
        zone->names != NULL && finish_name(self->arena, apex, &zone->names[zone->name_count++]);
    for (size_t i = 0; has_memory && i < self->slot_count; i++)
        if (self->slots[i] != NULL && self->slots[i] != apex)
            has_memory = finish_name(self->arena, self->slots[i], &zone->names[zone->name_count++]);
    if (!has_memory)
        return refuse_memory(self);
    zone->serial = read_serial(find_rrset(apex, ZONE_SOA));
    return true;
}

const struct zone_rrset *zone_rrset(const struct zone_name *name, uint16_t type)
{
    for (size_t i = 0; i < name->rrset_count; i++)
        if (name->rrsets[i].type == type)
            return &name->rrsets[i];
    return NULL;
}
