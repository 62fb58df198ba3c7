#include "node/dns/zone_rdata.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "node/dns/zone_lines.h"

enum {
    NUMBER_TEXT_MAX = 32,
    /* RFC 6895 §3.1: these are for questions, as OPT is; 0 and 65535 are reserved. */
    TYPE_META_FIRST = 128,
    TYPE_META_LAST = 255,
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct zone_rdata *self,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->mistake, sizeof self->mistake, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- numbers ---- */

/* The word at *at, cut to text[NUMBER_TEXT_MAX]; false at the end or at a quote, behind which no
 * type has a number. */
static bool next_word(const char **at, char *text)
{
    size_t size = strcspn(*at, " ");
    if (size == 0 || **at == '"')
        return false;
    size_t kept = size < NUMBER_TEXT_MAX ? size : NUMBER_TEXT_MAX - 1U;
    memcpy(text, *at, kept);
    text[kept] = '\0';
    *at += size + strspn(*at + size, " ");
    return true;
}

/* Digits only, up to max. */
static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    *number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        *number = *number * 10 + (uint64_t)(*at - '0');
        if (*number > max)
            return false;
    }
    return *text != '\0';
}

/* Can this field of a record hold the number that the word says? */
static bool holds(const ldns_rdf *field, const char *word)
{
    static const uint64_t max[5] = {0, 0xff, 0xffff, 0, 0xffffffff};
    uint64_t number;
    uint32_t seconds;
    size_t size = ldns_rdf_size(field);
    bool is_name = word[0] < '0' || word[0] > '9'; /* "RSASHA256", "DANE-EE" */
    switch (ldns_rdf_get_type(field)) {
    case LDNS_RDF_TYPE_PERIOD:
        return zone_lines_seconds(word, &seconds);
    case LDNS_RDF_TYPE_ALG:
    case LDNS_RDF_TYPE_CERT_ALG:
    case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
    case LDNS_RDF_TYPE_SELECTOR:
    case LDNS_RDF_TYPE_MATCHING_TYPE:
        return is_name || (size <= 4 && read_number(word, max[size], &number));
    case LDNS_RDF_TYPE_INT8:
    case LDNS_RDF_TYPE_INT16:
    case LDNS_RDF_TYPE_INT32:
        return size <= 4 && read_number(word, max[size], &number);
    default:
        return true;
    }
}

/* SVCB and HTTPS (RFC 9460 §7.2): the port of a service. */
static bool is_port(const char *word)
{
    uint64_t port;
    char digits[NUMBER_TEXT_MAX];
    const char *value = word + strlen("port=");
    snprintf(digits, sizeof digits, "%s", value + (*value == '"' ? 1 : 0));
    digits[strcspn(digits, "\"")] = '\0';
    return read_number(digits, UINT16_MAX, &port);
}

/* Fields of one word each stand before those of many, so that words and fields go together. */
static bool check_numbers(struct zone_rdata *self, const ldns_rr *rr, const char *text)
{
    char word[NUMBER_TEXT_MAX];
    const char *at = text;
    for (size_t i = 0; i < ldns_rr_rd_count(rr) && next_word(&at, word); i++)
        if (!holds(ldns_rr_rdf(rr, i), word))
            return refuse(self, "found '%s', expected a number that its field can hold", word);
    if (self->type != LDNS_RR_TYPE_SVCB && self->type != LDNS_RR_TYPE_HTTPS)
        return true;
    for (at = text; next_word(&at, word);)
        if (strncasecmp(word, "port=", strlen("port=")) == 0 && !is_port(word))
            return refuse(self, "found '%s', expected a port up to 65535", word);
    return true;
}

/* ---- form ---- */

/* Is it so many names, then rest bytes, and nothing else? */
static bool is_names(const struct zone_rdata *self, unsigned count, size_t rest)
{
    size_t at = 0;
    for (; count > 0; count--) {
        size_t size = name_size(self->bytes + at, self->size - at);
        if (size == 0)
            return false;
        at += size;
    }
    return at + rest == self->size;
}

/* What is looked into when it is served must have its form, whatever ldns takes: a query must never
 * meet a CNAME that is no name. */
static bool has_form(const struct zone_rdata *self)
{
    switch (self->type) {
    case LDNS_RR_TYPE_A:
        return self->size == 4;
    case LDNS_RR_TYPE_AAAA:
        return self->size == 16;
    case LDNS_RR_TYPE_NS:
    case LDNS_RR_TYPE_CNAME:
    case LDNS_RR_TYPE_DNAME:
        return is_names(self, 1, 0);
    case LDNS_RR_TYPE_SOA:
        return is_names(self, 2, 20);
    default:
        return true;
    }
}

/* RFC 3597 §5: "\# LENGTH HEX", and no byte of it may be lost on the way. */
static bool has_length_given(const struct zone_rdata *self, const char *text)
{
    char word[NUMBER_TEXT_MAX];
    uint64_t size;
    const char *at = text;
    return next_word(&at, word) && next_word(&at, word) && read_number(word, UINT16_MAX, &size) &&
           size == self->size;
}

static bool check(struct zone_rdata *self, const ldns_rr *rr, const char *type, const char *text)
{
    bool is_generic = strncmp(text, "\\#", 2) == 0;
    const ldns_rr_descriptor *descriptor = ldns_rr_descript(self->type);
    if (!has_form(self) || (is_generic && !has_length_given(self, text)) ||
        ldns_rr_rd_count(rr) < ldns_rr_descriptor_minimum(descriptor))
        return refuse(self, "found '%.16s %.80s', expected the data of a record of type %.16s",
                      type, text, type);
    return is_generic || check_numbers(self, rr, text);
}

/* ---- ldns ---- */

static bool copy_rdata(struct zone_rdata *self, const ldns_rr *rr)
{
    ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
    bool is_copied = buffer != NULL && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK &&
                     ldns_buffer_position(buffer) <= sizeof self->bytes;
    if (is_copied) {
        self->size = (uint16_t)ldns_buffer_position(buffer);
        memcpy(self->bytes, ldns_buffer_begin(buffer), self->size);
    }
    if (buffer != NULL)
        ldns_buffer_free(buffer);
    return is_copied || refuse(self, "found a record that is too large");
}

/* "MX" or, after RFC 3597 §5, "TYPE15". */
static bool read_type(const char *word, uint16_t *type)
{
    uint64_t number;
    if (strncasecmp(word, "TYPE", 4) == 0 && word[4] >= '0' && word[4] <= '9') {
        if (!read_number(word + 4, UINT16_MAX, &number))
            return false;
    } else {
        number = ldns_get_rr_type_by_name(word); /* 0: not known */
    }
    *type = (uint16_t)number;
    return number > 0 && number < UINT16_MAX && number != LDNS_RR_TYPE_OPT &&
           (number < TYPE_META_FIRST || number > TYPE_META_LAST);
}

bool zone_rdata_read(struct zone_rdata *self, const char *type, const char *text,
                     const uint8_t *origin)
{
    char origin_text[NAME_TEXT_MAX];
    char line[ZONE_LINE_MAX + 32];
    if (!read_type(type, &self->type))
        return refuse(self, "found '%.80s', expected a record type", type);
    int size = snprintf(line, sizeof line, "owner. 0 IN %s %s", type, text);
    if (size < 0 || (size_t)size >= sizeof line)
        return refuse(self, "found a record that is too large");
    ldns_rr *rr = NULL;
    ldns_rdf *origin_rdf =
        ldns_rdf_new_frm_str(LDNS_RDF_TYPE_DNAME, name_text(origin, origin_text));
    ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, origin_rdf, NULL);
    ldns_rdf_deep_free(origin_rdf);
    if (status != LDNS_STATUS_OK)
        return refuse(self, "found '%.16s %.80s', expected the data of a record of type %.16s (%s)",
                      type, text, type, ldns_get_errorstr_by_id(status));
    assert(ldns_rr_get_type(rr) == self->type);
    bool is_read = copy_rdata(self, rr) && check(self, rr, type, text);
    ldns_rr_free(rr);
    return is_read;
}
