#include "node/dns/zone_draft.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS_AT_FIRST = 64 };

/* The file is the operator's own, so that the hash needs no secret; the view's has one. */
static const uint8_t hash_key[16] = "zone file names";

bool zone_draft_open(struct zone_draft *self, const uint8_t *origin, struct arena *arena)
{
    uint8_t *lower = arena_take(arena, NAME_SIZE_MAX);
    *self = (struct zone_draft){.arena = arena, .origin = lower, .slot_count = SLOTS_AT_FIRST};
    self->slots = arena_take_array(arena, self->slot_count, sizeof *self->slots);
    if (lower == NULL || self->slots == NULL)
        return false;
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

struct draft_name *zone_draft_find(const struct zone_draft *self, const uint8_t *lower, size_t size)
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

struct draft_rrset *zone_draft_rrset(const struct draft_name *name, uint16_t type)
{
    struct draft_rrset *rrset = name->rrsets;
    while (rrset != NULL && rrset->type != type)
        rrset = rrset->next;
    return rrset;
}

static bool has_rdata(const struct draft_rrset *rrset, const uint8_t *rdata, size_t size)
{
    for (const struct draft_rdata *each = rrset->first; each != NULL; each = each->next)
        if (each->size == size && memcmp(each->bytes, rdata, size) == 0)
            return true;
    return false;
}

static struct draft_rrset *add_rrset(struct zone_draft *self, struct draft_name *name,
                                     uint16_t type, uint32_t ttl_s, uint32_t line)
{
    struct draft_rrset *rrset = zone_draft_rrset(name, type);
    if (rrset != NULL) {
        /* RFC 2181 §5.2: TTLs of one set are one; the lowest is the safe reading of a mistake. */
        if (ttl_s < rrset->ttl_s)
            rrset->ttl_s = ttl_s;
        return rrset;
    }
    rrset = arena_take(self->arena, sizeof *rrset);
    if (rrset == NULL)
        return NULL;
    rrset->type = type;
    rrset->ttl_s = ttl_s;
    rrset->line = line;
    struct draft_rrset **last = &name->rrsets;
    while (*last != NULL)
        last = &(*last)->next;
    *last = rrset;
    name->rrset_count++;
    return rrset;
}

bool zone_draft_add(struct zone_draft *self, const uint8_t *lower, size_t owner_size, uint16_t type,
                    uint32_t ttl_s, uint32_t line, const uint8_t *rdata, size_t rdata_size)
{
    assert(rdata_size <= UINT16_MAX);
    struct draft_name *name = add_name(self, lower, owner_size);
    if (name == NULL)
        return false;
    struct draft_rrset *rrset = add_rrset(self, name, type, ttl_s, line);
    if (rrset == NULL)
        return false;
    if (has_rdata(rrset, rdata, rdata_size) || rrset->count == UINT16_MAX)
        return true;
    struct draft_rdata *added = arena_take(self->arena, sizeof *added + rdata_size);
    if (added == NULL)
        return false;
    added->size = (uint16_t)rdata_size;
    memcpy(added->bytes, rdata, rdata_size);
    if (rrset->last == NULL)
        rrset->first = added;
    else
        rrset->last->next = added;
    rrset->last = added;
    rrset->count++;
    rrset->size += 2 + (uint32_t)rdata_size;
    self->record_count++;
    return true;
}

/* ---- the whole ---- */

static bool refuse(struct zone_draft *self, uint32_t line, const char *sentence,
                   const uint8_t *owner)
{
    char text[NAME_TEXT_MAX] = "";
    if (owner != NULL)
        name_text(owner, text);
    snprintf(self->error, ZONE_ERROR_MAX, "%s:%u: %s%s%.250s", self->file, line, sentence,
             owner == NULL ? "" : " at ", text);
    return false;
}

/* RFC 1034 §3.6.2, RFC 4034 §2.4 (signatures stand beside an alias), RFC 6672 §2.4. */
static bool check_name(struct zone_draft *self, const struct draft_name *name)
{
    const struct draft_rrset *cname = zone_draft_rrset(name, ZONE_CNAME);
    const struct draft_rrset *dname = zone_draft_rrset(name, ZONE_DNAME);
    if (cname != NULL && cname->count > 1)
        return refuse(self, cname->line, "found more than one CNAME, expected one", name->owner);
    if (dname != NULL && dname->count > 1)
        return refuse(self, dname->line, "found more than one DNAME, expected one", name->owner);
    for (const struct draft_rrset *each = name->rrsets; cname != NULL && each != NULL;
         each = each->next)
        if (each->type != ZONE_CNAME && each->type != ZONE_RRSIG && each->type != ZONE_NSEC)
            return refuse(self, each->line > cname->line ? each->line : cname->line,
                          "found a CNAME beside other records, expected it alone", name->owner);
    const struct draft_rrset *soa = zone_draft_rrset(name, ZONE_SOA);
    if (soa != NULL && name->owner_size != self->origin_size)
        return refuse(self, soa->line, "found a SOA, expected it only at the zone's own name, not",
                      name->owner);
    return true;
}

static bool check(struct zone_draft *self)
{
    const struct draft_name *apex = zone_draft_find(self, self->origin, self->origin_size);
    const struct draft_rrset *soa = apex == NULL ? NULL : zone_draft_rrset(apex, ZONE_SOA);
    if (soa == NULL)
        return refuse(self, 1, "found no SOA, expected one", self->origin);
    if (soa->count > 1)
        return refuse(self, soa->line, "found a second SOA, expected one", self->origin);
    if (zone_draft_rrset(apex, ZONE_NS) == NULL)
        return refuse(self, soa->line, "found no NS record, expected at least one", self->origin);
    for (size_t i = 0; i < self->slot_count; i++)
        if (self->slots[i] != NULL && !check_name(self, self->slots[i]))
            return false;
    return true;
}

/* RFC 4592 §2.2.2: a name that has descendants exists, if empty. */
static bool add_empty_non_terminals(struct zone_draft *self)
{
    /* add_name may move the table: walk a copy of what is there now. */
    size_t count = 0;
    struct draft_name **names = arena_take_array(self->arena, self->name_count + 1, sizeof *names);
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
            if (zone_draft_find(self, owner, size) != NULL)
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
    name->rrsets = arena_take_array(arena, draft->rrset_count + 1U, sizeof *name->rrsets);
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
        return refuse(self, 1, "the zone takes more memory than expected", NULL);
    *zone = (struct zone){.origin = self->origin,
                          .origin_size = self->origin_size,
                          .record_count = self->record_count};
    zone->names = arena_take_array(self->arena, self->name_count, sizeof *zone->names);
    const struct draft_name *apex = zone_draft_find(self, self->origin, self->origin_size);
    bool has_memory =
        zone->names != NULL && finish_name(self->arena, apex, &zone->names[zone->name_count++]);
    for (size_t i = 0; has_memory && i < self->slot_count; i++)
        if (self->slots[i] != NULL && self->slots[i] != apex)
            has_memory = finish_name(self->arena, self->slots[i], &zone->names[zone->name_count++]);
    if (!has_memory)
        return refuse(self, 1, "the zone takes more memory than expected", NULL);
    zone->serial = read_serial(zone_draft_rrset(apex, ZONE_SOA));
    return true;
}

const struct zone_rrset *zone_rrset(const struct zone_name *name, uint16_t type)
{
    for (size_t i = 0; i < name->rrset_count; i++)
        if (name->rrsets[i].type == type)
            return &name->rrsets[i];
    return NULL;
}
