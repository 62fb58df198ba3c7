#include "replication/ip.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

bool ip_parse(const char *text, struct ip *ip)
{
    struct ip parsed = {0};
    if (inet_pton(AF_INET, text, parsed.bytes) == 1)
        parsed.family = 4;
    else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
        parsed.family = 6;
    else
        return false;
    *ip = parsed;
    return true;
}

const char *ip_text(const struct ip *ip, char *text)
{
    assert(ip->family == 0 || ip->family == 4 || ip->family == 6);
    if (ip->family == 0)
        return strcpy(text, "none");
    const char *written =
        inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, text, IP_TEXT_SIZE);
    assert(written != NULL);
    return written;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
