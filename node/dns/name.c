#include "node/dns/name.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static uint8_t lower_byte(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

size_t name_size(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && at < NAME_SIZE_MAX) {
        uint8_t label = bytes[at];
        if (label == 0)
            return at + 1;
        if (label > NAME_LABEL_MAX) /* a compression pointer, or RFC 6891's extended label */
            return 0;
        at += 1U + label;
    }
    return 0;
}

size_t name_lower(const uint8_t *name, uint8_t *lower)
{
    size_t at = 0;
    /* The length bytes are at most 63, so that lowering all bytes alike does not touch them. */
    while (name[at] != 0) {
        size_t end = at + 1U + name[at];
        assert(end < NAME_SIZE_MAX);
        for (; at < end; at++)
            lower[at] = lower_byte(name[at]);
    }
    lower[at] = 0;
    return at + 1;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t a_size = name_size(a, NAME_SIZE_MAX), b_size = name_size(b, NAME_SIZE_MAX);
    if (a_size != b_size)
        return false;
    for (size_t i = 0; i < a_size; i++)
        if (lower_byte(a[i]) != lower_byte(b[i]))
            return false;
    return true;
}

bool name_is_within(const uint8_t *name, const uint8_t *ancestor)
{
    size_t labels = name_label_count(name), ancestor_labels = name_label_count(ancestor);
    for (; labels > ancestor_labels; labels--)
        name += 1U + name[0];
    return name_equal(name, ancestor);
}

size_t name_label_count(const uint8_t *name)
{
    size_t count = 0;
    for (; name[0] != 0; name += 1U + name[0])
        count++;
    return count;
}

/* One byte of text, escaped or not (RFC 1035 §5.1); false at a broken escape. */
static bool read_byte(const char **text, uint8_t *byte)
{
    const char *at = *text;
    if (*at != '\\') {
        *byte = (uint8_t)*at;
        *text = at + 1;
        return true;
    }
    at++;
    if (*at < '0' || *at > '9') {
        *byte = (uint8_t)*at;
        *text = at + 1;
        return *at != '\0';
    }
    unsigned value = 0;
    for (int i = 0; i < 3; i++, at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (unsigned)(*at - '0');
    }
    *byte = (uint8_t)value;
    *text = at;
    return value <= 255;
}

bool name_parse(const char *text, uint8_t *name, size_t *size)
{
    size_t length_at = 0, at = 1; /* the length byte of the label being read; the next free one */
    if (strcmp(text, ".") == 0) {
        name[0] = 0;
        *size = 1;
        return true;
    }
    while (*text != '\0') {
        if (*text == '.') {
            text++;
            if (at == length_at + 1) /* an empty label */
                return false;
            name[length_at] = (uint8_t)(at - length_at - 1);
            length_at = at++;
            continue;
        }
        /* Room for this byte and the root label behind it. */
        if (at >= NAME_SIZE_MAX - 1 || at - length_at > NAME_LABEL_MAX ||
            !read_byte(&text, &name[at++]))
            return false;
    }
    if (at > length_at + 1) {
        name[length_at] = (uint8_t)(at - length_at - 1);
        length_at = at;
    }
    if (length_at == 0) /* nothing at all */
        return false;
    name[length_at] = 0;
    *size = length_at + 1;
    return true;
}

const char *name_text(const uint8_t *name, char *text)
{
    char *at = text;
    if (name[0] == 0)
        *at++ = '.';
    for (; name[0] != 0; name += 1U + name[0]) {
        for (size_t i = 1; i <= name[0]; i++) {
            uint8_t byte = name[i];
            if (byte == '.' || byte == '\\' || byte == '"' || byte == ';' || byte == '(' ||
                byte == ')' || byte == '@' || byte == '$')
                *at++ = '\\';
            if (byte > ' ' && byte < 0x7f)
                *at++ = (char)byte;
            else
                at += snprintf(at, 5, "\\%03u", byte);
        }
        *at++ = '.';
    }
    *at = '\0';
    assert(at - text < NAME_TEXT_MAX);
    return text;
}

uint64_t name_hash(const uint8_t *lower, size_t size, const uint8_t key[16])
{
    static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "SipHash-2-4");
    static_assert(crypto_shorthash_KEYBYTES == 16, "SipHash-2-4");
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, lower, size, key);
    return hash;
}
