#include "node/dns/query.h"

#include <assert.h>
#include <string.h>

enum {
    FLAG_QR = 0x8000,
    OPCODE_MASK = 0x7800, /* 0 is QUERY */
    TYPE_OPT = 41,
    TYPE_IXFR = 251,
    OPT_DO = 0x8000,
    OPTION_NSID = 3,
    RECORD_FIXED_SIZE = 10, /* type, class, TTL, length */
    RECORDS_MAX = 16,       /* behind the question: OPT, and perhaps TSIG, SIG(0) or IXFR's SOA */
    POINTER_MIN = 0xc0      /* RFC 1035 §4.1.4 */
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

/* Size of the owner at bytes[0..size): labels up to the root or to a pointer, which is passed over
 * unread. 0: malformed. */
static size_t owner_size(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && at < NAME_SIZE_MAX) {
        uint8_t label = bytes[at];
        if (label >= POINTER_MIN)
            return at + 2 <= size ? at + 2 : 0;
        if (label > NAME_LABEL_MAX)
            return 0;
        at += 1U + label;
        if (label == 0)
            return at;
    }
    return 0;
}

/* The count records that remain, of which only an OPT is looked into. */
static enum query_reason read_records(struct query *self, const uint8_t *bytes, size_t size,
                                      unsigned count)
{
    if (count > RECORDS_MAX)
        return QUERY_FORMERR_COUNT;
    bool is_badvers = false;
    for (; count > 0; count--) {
        size_t owner = owner_size(bytes, size);
        if (owner == 0 || size - owner < RECORD_FIXED_SIZE)
            return QUERY_FORMERR_RECORD;
        const uint8_t *fixed = bytes + owner;
        size_t rdata_size = read_u16(fixed + 8);
        size_t record_size = owner + RECORD_FIXED_SIZE + rdata_size;
        if (record_size > size)
            return QUERY_FORMERR_RECORD;
        if (read_u16(fixed) == TYPE_OPT) {
            enum query_reason reason = read_opt(self, bytes, fixed, rdata_size);
            if (reason != QUERY_OK && reason != QUERY_BADVERS)
                return reason;
            is_badvers |= reason == QUERY_BADVERS;
        }
        bytes += record_size;
        size -= record_size;
    }
    if (size > 0)
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
    /* RFC 9619: one question; and no answer. */
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
    /* RFC 1995 §3: IXFR alone has an authority section, the SOA that the asker has. */
    uint16_t authority_count = read_u16(bytes + 8);
    if (authority_count > (self->type == TYPE_IXFR ? 1 : 0))
        return QUERY_FORMERR_COUNT;
    return read_records(self, bytes + at, size - at,
                        (unsigned)authority_count + read_u16(bytes + 10));
}
