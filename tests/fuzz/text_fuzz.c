/* Short texts that people or other programs write: a key file, an address, the name of a domain, a
 * line of the audit. The first byte says which.
 *
 * Decoders: replication/key.c:key_is_line|is_z85 replication/ip.c
 * Decoders: node/dns/name.c:name_parse|read_byte node/audit.c:audit_line_ms */
#include <assert.h>
#include <string.h>

#include "node/audit.h"
#include "node/dns/name.h"
#include "replication/ip.h"
#include "replication/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { KEY, ADDRESS, NAME, AUDIT, KINDS, ROOM = 2048 };

static void check_key(const uint8_t *bytes, size_t size)
{
    if (!key_is_line((const char *)bytes, size))
        return;
    assert(size == KEY_SIZE - 1 || size == KEY_SIZE);
    for (size_t i = 0; i < KEY_SIZE - 1; i++)
        assert(bytes[i] > ' ' && bytes[i] <= '~');
}

static void check_address(const char *text)
{
    struct ip ip, again;
    char written[IP_TEXT_SIZE];
    if (!ip_parse(text, &ip))
        return;
    assert(ip.family == 4 || ip.family == 6);
    ip_text(&ip, written);
    assert(ip_parse(written, &again));
    assert(ip_equal(&ip, &again));
}

static void check_name(const char *text)
{
    uint8_t name[NAME_SIZE_MAX], again[NAME_SIZE_MAX];
    char written[NAME_TEXT_MAX];
    size_t size, again_size;
    if (!name_parse(text, name, &size))
        return;
    assert(size <= NAME_SIZE_MAX);
    assert(name_size(name, size) == size);
    assert(name_parse(name_text(name, written), again, &again_size));
    assert(again_size == size);
    assert(memcmp(name, again, size) == 0);
}

static void check_audit(const uint8_t *bytes, size_t size)
{
    char line[AUDIT_LINE_MAX];
    const struct transition told = {.number = 1, .to = "drain", .author = "root@ns1"};
    int64_t at_ms = audit_line_ms((const char *)bytes, size, "ns1");
    if (at_ms <= 0)
        return;
    audit_line(line, at_ms, "ns1", &told);
    assert(audit_line_ms(line, strlen(line) - 1, "ns1") == at_ms);
    assert(audit_line_ms(line, strlen(line) - 1, "ns2") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static char text[ROOM + 1];
    if (size < 1 || size > ROOM)
        return 0;
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = '\0';
    switch (bytes[0] % KINDS) {
    case KEY:
        check_key(bytes + 1, size - 1);
        break;
    case ADDRESS:
        check_address(text);
        break;
    case NAME:
        check_name(text);
        break;
    default:
        check_audit(bytes + 1, size - 1);
        break;
    }
    return 0;
}
