#include "node/dns/query.h"

#include <assert.h>
#include <string.h>

enum {
    FLAG_QR = 0x8000,
    OPCODE_MASK = 0x7800, /* 0 is QUERY */
    TYPE_OPT = 41,
    OPT_DO = 0x8000,
    OPTION_NSID = 3,
    RECORD_FIXED_SIZE = 10, /* type, class, TTL, length */
    RECORDS_MAX = 16        /* in the additional section: OPT, and perhaps TSIG or SIG(0) */
};

static const char *const reason_texts[QUERY_REASON_COUNT] = {
    [QUERY_OK] = "ok",
    [QUERY_DROP_SHORT] = "short",
    [QUERY_DROP_RESPONSE] = "response",
    [QUERY_NOTIMP_OPCODE] = "opcode",
    [QUERY_FORMERR_COUNT] = "counts",
    [QUERY_FORMERR_NAME] = "name",
    [QUERY_FORMERR_RECORD] = "record",
    [QUERY_FORMERR_OPT] = "opt",
    [QUERY_FORMERR_TRAILING] = "trailing-bytes",
    [QUERY_BADVERS] = "edns-version",
};

const char *query_reason_text(enum query_reason reason)
{
    assert(reason < QUERY_REASON_COUNT);
    return reason_texts[reason];
}

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* RFC 6891 §6.1.2: {code, length, data}* must fill the RDATA exactly. Unknown options are ignored.
 * */
static bool read_options(struct query *self, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        if (size < 4 || read_u16(bytes + 2) > size - 4)
            return false;
        size_t option_size = 4U + read_u16(bytes + 2);
        if (read_u16(bytes) == OPTION_NSID)
            self->wants_nsid = true;
        bytes += option_size;
        size -= option_size;
    }
    return true;
}

/* The fixed part is at bytes: type, class = UDP size, TTL = rcode, version, DO, length. */
static enum query_reason read_opt(struct query *self, const uint8_t *name, const uint8_t *bytes,
                                  size_t rdata_size)
{
    if (self->has_edns || name[0] != 0) /* RFC 6891 §6.1.1: one, at the root */
        return QUERY_FORMERR_OPT;
    self->has_edns = true;
    uint16_t udp_size = read_u16(bytes + 2);
    self->udp_size = udp_size < QUERY_UDP_SIZE_MIN ? QUERY_UDP_SIZE_MIN : udp_size;
    if (bytes[5] != 0)
        return QUERY_BADVERS;
    self->wants_dnssec = (read_u16(bytes + 6) & OPT_DO) != 0;
    return read_options(self, bytes + RECORD_FIXED_SIZE, rdata_size) ? QUERY_OK : QUERY_FORMERR_OPT;
}

static enum query_reason read_additional(struct query *self, const uint8_t *bytes, size_t size,
                                         size_t at, uint16_t count)
{
    if (count > RECORDS_MAX)
        return QUERY_FORMERR_COUNT;
    bool is_badvers = false;
    for (uint16_t i = 0; i < count; i++) {
        size_t owner_size = name_size(bytes + at, size - at);
        if (owner_size == 0 || size - at - owner_size < RECORD_FIXED_SIZE)
            return QUERY_FORMERR_RECORD;
        const uint8_t *fixed = bytes + at + owner_size;
        size_t rdata_size = read_u16(fixed + 8);
        size_t record_size = owner_size + RECORD_FIXED_SIZE + rdata_size;
        if (record_size > size - at)
            return QUERY_FORMERR_RECORD;
        if (read_u16(fixed) == TYPE_OPT) {
            enum query_reason reason = read_opt(self, bytes + at, fixed, rdata_size);
            if (reason != QUERY_OK && reason != QUERY_BADVERS)
                return reason;
            is_badvers |= reason == QUERY_BADVERS;
        }
        at += record_size;
    }
    if (at != size)
        return QUERY_FORMERR_TRAILING;
    return is_badvers ? QUERY_BADVERS : QUERY_OK;
}

enum query_reason query_parse(struct query *self, const uint8_t *bytes, size_t size)
{
    self->name = NULL;
    self->name_size = 0;
    self->type = self->class = 0;
    self->question_end = QUERY_HEADER_SIZE;
    self->has_edns = self->wants_dnssec = self->wants_nsid = false;
    self->udp_size = QUERY_UDP_SIZE_MIN;
    if (size < QUERY_HEADER_SIZE)
        return QUERY_DROP_SHORT;
    self->id = read_u16(bytes);
    self->flags = read_u16(bytes + 2);
    if (self->flags & FLAG_QR)
        return QUERY_DROP_RESPONSE;
    if (self->flags & OPCODE_MASK)
        return QUERY_NOTIMP_OPCODE;
    /* One question; nothing in the answer and authority sections (IXFR's SOA is not served). */
    if (read_u16(bytes + 4) != 1 || read_u16(bytes + 6) != 0)
        return QUERY_FORMERR_COUNT;
    size_t at = QUERY_HEADER_SIZE;
    self->name_size = name_size(bytes + at, size - at);
    if (self->name_size == 0 || size - at - self->name_size < 4)
        return QUERY_FORMERR_NAME;
    self->name = bytes + at;
    name_lower(self->name, self->lower);
    at += self->name_size;
    self->type = read_u16(bytes + at);
    self->class = read_u16(bytes + at + 2);
    at += 4;
    self->question_end = at;
    if (read_u16(bytes + 8) != 0)
        return QUERY_FORMERR_COUNT;
    return read_additional(self, bytes, size, at, read_u16(bytes + 10));
}
