/* The values of options: text to numbers, names, addresses and lists of them. */
#include "replication/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- what is expected, in words ---- */

static const struct duration_unit {
    const char *suffix;
    int64_t ms;
} duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { DURATION_UNITS = sizeof duration_units / sizeof *duration_units };

static const struct duration_unit *largest_unit(int64_t duration_ms)
{
    const struct duration_unit *unit = duration_units;
    while (duration_ms == 0 ? unit->ms != 1000 : duration_ms % unit->ms != 0)
        unit++;
    return unit;
}

static void duration_words(const struct schema_option *option, char *words)
{
    const struct duration_unit *from = largest_unit(option->min), *to = largest_unit(option->max);
    snprintf(words, SCHEMA_EXPECTED_SIZE, "a duration from %" PRId64 "%s to %" PRId64 "%s%s",
             option->min / from->ms, from->suffix, option->max / to->ms, to->suffix,
             option->unit_ms == 1000 ? " in whole seconds" : "");
}

static const char key_words[] =
    "a public key as tandemctl keygen prints it: 40 characters of Z85, in quotes";

static const char *const type_words[] = {
    [SCHEMA_BOOLEAN] = "true or false",
    [SCHEMA_NAME] = "a name of 1 to 30 of a-z, 0-9 and inner '-'",
    [SCHEMA_DOMAIN] = "a domain name",
    [SCHEMA_PATH] = "a path",
    [SCHEMA_INTERFACE] = "the name of a network interface, of 1 to 15 characters",
    [SCHEMA_KEYS] = "a public key as tandemctl keygen prints it: 40 characters of Z85, in quotes, "
                    "or a list of two while one is exchanged for the other",
    [SCHEMA_IP] = "the IPv4 or IPv6 address of a host",
    [SCHEMA_IP_PAIR] = "an address, or a list of one IPv4 and one IPv6 address",
    [SCHEMA_SECTION] = "a map",
};

const char *schema_words(const struct schema_option *option, char *words)
{
    if (option->expected != NULL)
        return option->expected;
    switch (option->type) {
    case SCHEMA_NUMBER:
        snprintf(words, SCHEMA_EXPECTED_SIZE, "a number from %" PRId64 " to %" PRId64, option->min,
                 option->max);
        return words;
    case SCHEMA_DURATION:
        duration_words(option, words);
        return words;
    case SCHEMA_IPS:
    case SCHEMA_PORTS:
        snprintf(words, SCHEMA_EXPECTED_SIZE, "a list of 1 to %" PRId64 " %s", option->max,
                 option->type == SCHEMA_IPS ? "addresses" : "ports");
        return words;
    default:
        assert(type_words[option->type] != NULL);
        return type_words[option->type];
    }
}

/* ---- numbers ---- */

/* The digits at *text as a number of at most max; *text then points behind them. A leading zero is
 * refused: some read 010 as eight. */
static bool read_digits(const char **text, int64_t max, int64_t *number)
{
    const char *at = *text;
    int64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (max - (*at - '0')) / 10)
            return false;
        value = value * 10 + (*at - '0');
    }
    if (at == *text || (**text == '0' && at - *text > 1))
        return false;
    *text = at;
    *number = value;
    return true;
}

static bool read_number(const char *text, int64_t min, int64_t max, int64_t *number)
{
    return read_digits(&text, max, number) && *text == '\0' && *number >= min;
}

static bool read_duration(const char *text, const struct schema_option *option, int64_t *number)
{
    int64_t count;
    if (!read_digits(&text, option->max, &count))
        return false;
    for (size_t i = 0; i < DURATION_UNITS; i++) {
        if (strcmp(text, duration_units[i].suffix) != 0)
            continue;
        if (count > option->max / duration_units[i].ms)
            return false;
        int64_t duration_ms = count * duration_units[i].ms;
        *number = duration_ms / option->unit_ms;
        return duration_ms >= option->min && duration_ms % option->unit_ms == 0;
    }
    return false;
}

/* Into an integer of size bytes, which has room for every number its row lets through. */
static void store_number(int64_t number, size_t size, void *field)
{
    uint8_t one = (uint8_t)number;
    uint16_t two = (uint16_t)number;
    uint32_t four = (uint32_t)number;
    const void *from = size == sizeof one   ? &one
                       : size == sizeof two ? (const void *)&two
                                            : (const void *)&four;
    assert(number >= 0);
    assert(size == sizeof one || size == sizeof two || size == sizeof four);
    assert(number >> (8 * size) == 0);
    memcpy(field, from, size);
}

/* ---- texts ---- */

bool schema_name(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size > SCHEMA_NAME_MAX || text[0] == '-' || text[size - 1] == '-')
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

bool schema_domain(const char *text, char *domain)
{
    enum { LABEL_MAX = 63, TEXT_MAX = 253 }; /* RFC 1035 §2.3.4, without the dot of the root */
    size_t size = strlen(text), label_size = 0;
    if (strcmp(text, ".") == 0) {
        memcpy(domain, ".", 2);
        return true;
    }
    if (size > 0 && text[size - 1] == '.')
        size--;
    if (size == 0 || size > TEXT_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool is_upper = text[i] >= 'A' && text[i] <= 'Z';
        domain[i] = (char)(is_upper ? text[i] - 'A' + 'a' : text[i]);
        if (domain[i] == '.') {
            if (label_size == 0)
                return false;
            label_size = 0;
        } else if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_/*", domain[i]) == NULL ||
                   ++label_size > LABEL_MAX) {
            return false;
        }
    }
    domain[size] = '\0';
    return label_size > 0;
}

/* As dev_valid_name of Linux wants it, and without what a shell or ip(8) would stumble over. */
static bool is_interface(const char *text)
{
    enum { IFNAMSIZ = 16 }; /* with the NUL */
    return text[0] != '\0' && strlen(text) < IFNAMSIZ && strpbrk(text, " /:'\"\\") == NULL &&
           strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* Z85 (ZeroMQ RFC 32): five characters for each four bytes, most significant first. */
static bool is_key(const char *text)
{
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              ".-:+=^!/*?&<>()[]{}@%$#";
    if (strlen(text) != SCHEMA_KEY_SIZE - 1)
        return false;
    uint64_t group = 0;
    for (size_t i = 0; i < SCHEMA_KEY_SIZE - 1; i++) {
        const char *digit = strchr(z85, text[i]);
        if (digit == NULL)
            return false;
        group = (i % 5 == 0 ? 0 : group * 85) + (uint64_t)(digit - z85);
        if (i % 5 == 4 && group > UINT32_MAX)
            return false;
    }
    return true;
}

/* ---- addresses and lists ---- */

/* An address that one host can have: not "any", not multicast or broadcast, not IPv4 in disguise,
 * which would pass for a second address. */
static bool read_host(const struct yaml_node *value, struct ip *ip)
{
    static const uint8_t zeros[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (value->kind != YAML_SCALAR || !ip_parse(value->text, ip))
        return false;
    if (ip->family == 4)
        return ip->bytes[0] != 0 && ip->bytes[0] < 224;
    return memcmp(ip->bytes, zeros, sizeof zeros) != 0 && ip->bytes[0] != 0xff &&
           memcmp(ip->bytes, mapped, sizeof mapped) != 0;
}

static bool read_pair(const struct yaml_file *file, const struct yaml_node *value,
                      struct ip pair[2])
{
    bool is_list = value->kind == YAML_LIST;
    if (value->kind == YAML_MAP || (is_list && value->count == 0))
        return schema_expected(file, value, type_words[SCHEMA_IP_PAIR]);
    for (const struct yaml_node *each = is_list ? value->first : value; each != NULL;
         each = is_list ? each->next : NULL) {
        struct ip ip;
        if (!read_host(each, &ip))
            return schema_expected(file, each, type_words[SCHEMA_IP]);
        struct ip *place = &pair[ip.family == 6];
        if (place->family != 0)
            return schema_refuse(file, each, "found '%s', expected no second IPv%u address",
                                 each->text, ip.family);
        *place = ip;
    }
    return true;
}

/* One element of a list, behind count others; it must differ from them. */
static bool read_element(const struct yaml_file *file, const struct yaml_node *value,
                         enum schema_type type, size_t count, void *field)
{
    static const struct schema_option port = {.type = SCHEMA_NUMBER, .min = 1, .max = UINT16_MAX};
    size_t size = type == SCHEMA_IPS ? sizeof(struct ip) : sizeof(uint16_t);
    uint8_t *element = (uint8_t *)field + count * size;
    int64_t number;
    char words[SCHEMA_EXPECTED_SIZE];
    if (type == SCHEMA_IPS) {
        struct ip ip;
        if (!read_host(value, &ip))
            return schema_expected(file, value, type_words[SCHEMA_IP]);
        memcpy(element, &ip, sizeof ip);
    } else {
        if (value->kind != YAML_SCALAR || !read_number(value->text, port.min, port.max, &number))
            return schema_expected(file, value, schema_words(&port, words));
        store_number(number, size, element);
    }
    for (size_t i = 0; i < count; i++)
        if (memcmp((uint8_t *)field + i * size, element, size) == 0)
            return schema_refuse(file, value, "found '%s' a second time, expected it once",
                                 value->text);
    return true;
}

static bool read_list(const struct yaml_file *file, const struct yaml_node *value,
                      const struct schema_option *option, void *target)
{
    char words[SCHEMA_EXPECTED_SIZE];
    if (value->kind != YAML_LIST)
        return schema_expected(file, value, schema_words(option, words));
    if (value->count == 0)
        return schema_expected(file, value, schema_words(option, words));
    if (value->count > (size_t)option->max)
        return schema_refuse(file, value, "found a list of %zu, expected %s", value->count,
                             schema_words(option, words));
    size_t count = 0;
    for (const struct yaml_node *each = value->first; each != NULL; each = each->next)
        if (!read_element(file, each, option->type, count++, (uint8_t *)target + option->offset))
            return false;
    memcpy((uint8_t *)target + option->count_offset, &count, sizeof count);
    return true;
}

/* A key is not repeated: it might be the secret one, put here by mistake. */
static bool refuse_key(const struct yaml_file *file, const struct yaml_node *value)
{
    size_t size = strlen(value->text);
    return size == SCHEMA_KEY_SIZE - 1
               ? schema_refuse(file, value, "found 40 characters that are no Z85, expected %s",
                               key_words)
               : schema_refuse(file, value, "found %zu characters, expected %s", size, key_words);
}

static bool read_keys(const struct yaml_file *file, const struct yaml_node *value,
                      char (*keys)[SCHEMA_KEY_SIZE])
{
    bool is_list = value->kind == YAML_LIST;
    size_t count = 0;
    if (value->kind == YAML_MAP ||
        (is_list && (value->count == 0 || value->count > SCHEMA_KEYS_MAX)))
        return schema_expected(file, value, type_words[SCHEMA_KEYS]);
    for (const struct yaml_node *each = is_list ? value->first : value; each != NULL;
         each = is_list ? each->next : NULL) {
        if (each->kind != YAML_SCALAR || each->text[0] == '\0')
            return schema_expected(file, each, key_words);
        if (!is_key(each->text))
            return refuse_key(file, each);
        memcpy(keys[count++], each->text, SCHEMA_KEY_SIZE);
    }
    return count < 2 || strcmp(keys[0], keys[1]) != 0 ||
           schema_refuse(file, value->first->next, "found the first key again, expected another");
}

/* ---- one value ---- */

/* Is the text what its row wants? Then *number is its number, or domain its normal form. */
static bool is_right(const struct schema_option *option, const char *text, int64_t *number,
                     char *domain)
{
    switch (option->type) {
    case SCHEMA_NUMBER:
        return read_number(text, option->min, option->max, number);
    case SCHEMA_DURATION:
        return read_duration(text, option, number);
    case SCHEMA_BOOLEAN:
        *number = strcmp(text, "true") == 0;
        return *number == 1 || strcmp(text, "false") == 0;
    case SCHEMA_WORD:
        return strcmp(text, option->expected) == 0;
    case SCHEMA_NAME:
        return schema_name(text);
    case SCHEMA_DOMAIN:
        return schema_domain(text, domain);
    case SCHEMA_PATH:
        return text[0] != '\0';
    case SCHEMA_INTERFACE:
        return is_interface(text);
    default:
        assert(false); /* the other types are not of one text */
        return false;
    }
}

static bool read_text(const struct yaml_file *file, const struct yaml_node *value,
                      const struct schema_option *option, void *field)
{
    char words[SCHEMA_EXPECTED_SIZE], domain[SCHEMA_DOMAIN_SIZE];
    const char *text = value->text;
    int64_t number = 0;
    if (value->kind != YAML_SCALAR || !is_right(option, text, &number, domain))
        return schema_expected(file, value, schema_words(option, words));
    if (option->size == 0)
        return true;
    switch (option->type) {
    case SCHEMA_NUMBER:
    case SCHEMA_DURATION:
    case SCHEMA_BOOLEAN:
        store_number(number, option->size, field);
        return true;
    case SCHEMA_DOMAIN:
        text = arena_text(file->arena, domain, strlen(domain));
        if (text == NULL)
            return schema_refuse_memory(file, value);
        break;
    default:
        break;
    }
    memcpy(field, &text, sizeof text);
    return true;
}

bool schema_value(const struct yaml_file *file, const struct yaml_node *value,
                  const struct schema_option *option, void *target)
{
    void *field = (uint8_t *)target + option->offset;
    struct ip ip;
    switch (option->type) {
    case SCHEMA_IP:
        if (!read_host(value, &ip))
            return schema_expected(file, value, type_words[SCHEMA_IP]);
        memcpy(field, &ip, sizeof ip);
        return true;
    case SCHEMA_IP_PAIR:
        return read_pair(file, value, field);
    case SCHEMA_KEYS:
        return read_keys(file, value, field);
    case SCHEMA_IPS:
    case SCHEMA_PORTS:
        return read_list(file, value, option, target);
    default:
        return read_text(file, value, option, field);
    }
}
