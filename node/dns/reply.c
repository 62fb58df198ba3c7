#include "node/dns/reply.h"

#include <assert.h>
#include <string.h>

enum {
    TYPE_OPT = 41,
    OPT_SIZE = 11,
    OPTION_NSID = 3,
    OPTION_EXTENDED = 15, /* RFC 8914 */
    OPTION_HEAD_SIZE = 4,
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_CD = 0x0010,
    RECORD_HEAD_SIZE = 12 /* pointer, type, class, TTL, length */
};

static void put_u16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static bool sends_nsid(const struct reply *self)
{
    return self->query->wants_nsid && self->nsid != NULL;
}

static size_t text_size(const struct reply *self)
{
    return self->extended_text == NULL ? 0 : strlen(self->extended_text);
}

static size_t opt_size(const struct reply *self)
{
    if (!self->query->has_edns)
        return 0;
    return OPT_SIZE + (sends_nsid(self) ? OPTION_HEAD_SIZE + strlen(self->nsid) : 0) +
           (self->has_extended ? OPTION_HEAD_SIZE + 2 + text_size(self) : 0);
}

void reply_begin(struct reply *self, const struct query *query, const uint8_t *question,
                 const char *nsid, uint8_t *bytes, size_t size_max)
{
    self->bytes = bytes;
    self->query = query;
    self->nsid = nsid;
    self->size = query->question_end;
    self->size_max = size_max;
    self->counts[0] = self->counts[1] = self->counts[2] = 0;
    self->rcode = REPLY_NOERROR;
    self->authoritative = self->full = self->has_extended = false;
    assert(self->size <= self->size_max);
    memcpy(bytes + QUERY_HEADER_SIZE, question, self->size - QUERY_HEADER_SIZE);
}

void reply_clear(struct reply *self)
{
    self->size = self->query->question_end;
    self->counts[0] = self->counts[1] = self->counts[2] = 0;
}

static bool has_room(struct reply *self, size_t size)
{
    if (!self->full && size <= self->size_max - self->size)
        return true;
    self->full = true;
    return false;
}

static void put_owner(struct reply *self, size_t owner)
{
    assert(owner >= QUERY_HEADER_SIZE);
    assert(owner <= REPLY_POINTER_MAX);
    put_u16(self->bytes + self->size, 0xc000U | (uint32_t)owner);
    self->size += 2;
}

/* Copy one record behind the owner just written; returns what follows it in the set. */
static const uint8_t *put_record(struct reply *self, const uint8_t *record)
{
    size_t size = 10U + (size_t)(record[8] << 8 | record[9]);
    memcpy(self->bytes + self->size, record, size);
    self->size += size;
    return record + size;
}

size_t reply_add(struct reply *self, enum reply_section section, size_t owner,
                 const struct view_rrset *rrset)
{
    /* Aliases do not take so much: at most 16 of them, each within 300 bytes. */
    if (owner > REPLY_POINTER_MAX || !has_room(self, 2U * rrset->count + rrset->size)) {
        self->full = true;
        return 0;
    }
    size_t first = self->size + RECORD_HEAD_SIZE;
    const uint8_t *record = rrset->bytes;
    for (size_t i = 0; i < rrset->count; i++) {
        put_owner(self, owner);
        record = put_record(self, record);
    }
    self->counts[section] = (uint16_t)(self->counts[section] + rrset->count);
    return first;
}

size_t reply_add_record(struct reply *self, enum reply_section section, size_t owner, uint16_t type,
                        uint32_t ttl_s, const uint8_t *rdata, size_t rdata_size)
{
    assert(rdata_size <= UINT16_MAX);
    if (owner > REPLY_POINTER_MAX || !has_room(self, RECORD_HEAD_SIZE + rdata_size)) {
        self->full = true;
        return 0;
    }
    put_owner(self, owner);
    uint8_t *at = self->bytes + self->size;
    put_u16(at, type);
    put_u16(at + 2, 1); /* IN */
    put_u16(at + 4, ttl_s >> 16);
    put_u16(at + 6, ttl_s);
    put_u16(at + 8, (uint32_t)rdata_size);
    memcpy(at + 10, rdata, rdata_size);
    self->size += 10 + rdata_size;
    self->counts[section]++;
    return self->size - rdata_size;
}

void reply_extend(struct reply *self, enum reply_extended extended, const char *text)
{
    assert(text == NULL || strlen(text) <= REPLY_EXTENDED_TEXT_MAX);
    self->has_extended = true;
    self->extended = (uint16_t)extended;
    self->extended_text = text;
}

static void put_option(struct reply *self, uint16_t code, const void *bytes, size_t size)
{
    put_u16(self->bytes + self->size, code);
    put_u16(self->bytes + self->size + 2, (uint32_t)size);
    memcpy(self->bytes + self->size + OPTION_HEAD_SIZE, bytes, size);
    self->size += OPTION_HEAD_SIZE + size;
}

/* RFC 6891 §6.1: the upper bits of the rcode, version 0, DO as it was asked. */
static void put_opt(struct reply *self)
{
    uint8_t *opt = self->bytes + self->size;
    opt[0] = 0;
    put_u16(opt + 1, TYPE_OPT);
    put_u16(opt + 3, QUERY_UDP_SIZE_MAX);
    opt[5] = (uint8_t)(self->rcode >> 4);
    opt[6] = 0;
    put_u16(opt + 7, self->query->wants_dnssec ? 0x8000 : 0);
    self->size += OPT_SIZE;
    size_t options = self->size;
    if (sends_nsid(self))
        put_option(self, OPTION_NSID, self->nsid, strlen(self->nsid));
    if (self->has_extended) {
        uint8_t extended[2 + REPLY_EXTENDED_TEXT_MAX];
        put_u16(extended, self->extended);
        memcpy(extended + 2, self->extended_text == NULL ? "" : self->extended_text,
               text_size(self));
        put_option(self, OPTION_EXTENDED, extended, 2 + text_size(self));
    }
    put_u16(opt + 9, (uint32_t)(self->size - options));
    self->counts[REPLY_ADDITIONAL]++;
}

size_t reply_finish(struct reply *self, bool *truncated)
{
    const struct query *query = self->query;
    if (self->full || opt_size(self) > self->size_max - self->size) {
        self->full = true;
        reply_clear(self);
    }
    assert(opt_size(self) <= self->size_max - self->size);
    *truncated = self->full;
    if (query->has_edns)
        put_opt(self);
    uint32_t flags = FLAG_QR | (query->flags & (FLAG_RD | FLAG_CD | 0x7800)) | (self->rcode & 15);
    flags |= self->authoritative ? FLAG_AA : 0;
    flags |= self->full ? FLAG_TC : 0;
    put_u16(self->bytes, query->id);
    put_u16(self->bytes + 2, flags);
    put_u16(self->bytes + 4, query->question_end > QUERY_HEADER_SIZE ? 1 : 0);
    for (size_t i = 0; i < 3; i++)
        put_u16(self->bytes + 6 + 2 * i, self->counts[i]);
    return self->size;
}
