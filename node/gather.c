#include "node/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT_SIZE = 4096, PATH_SIZE = 128 };

/* The file's beginning as text; false when it cannot be read. */
static bool read_text(const char *path, char text[TEXT_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, TEXT_SIZE - 1);
    if (fd >= 0)
        close(fd);
    text[got < 0 ? 0 : got] = '\0';
    return got > 0;
}

static int read_setting(const char *family, const char *interface, const char *setting)
{
    char path[PATH_SIZE], text[TEXT_SIZE];
    snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, interface, setting);
    return read_text(path, text) ? atoi(text) : DOCTOR_UNREAD;
}

/* Of IPv4 the larger of the interface's and that of all counts. */
static int setting4(const char *interface, const char *setting)
{
    int of_all = read_setting("ipv4", "all", setting),
        own = read_setting("ipv4", interface, setting);
    return of_all > own ? of_all : own;
}

static void gather_settings(struct doctor_facts *facts)
{
    facts->arp_ignore = setting4(facts->interface, "arp_ignore");
    facts->arp_announce = setting4(facts->interface, "arp_announce");
    facts->drop_gratuitous_arp = setting4(facts->interface, "drop_gratuitous_arp");
    facts->rp_filter = setting4(facts->interface, "rp_filter");
    facts->drop_unsolicited_na = read_setting("ipv6", facts->interface, "drop_unsolicited_na");
}

static void gather_interface(struct doctor_facts *facts)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", facts->interface);
    bool is_there = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    facts->interface_error = is_there ? NULL : strerror(errno);
    if (is_there) {
        facts->is_up = (request.ifr_flags & IFF_UP) != 0;
        facts->has_carrier = (request.ifr_flags & IFF_RUNNING) != 0;
        facts->is_ethernet =
            ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
    }
    if (fd >= 0)
        close(fd);
}

/* The guardian is this process's parent. */
static void gather_rights(struct doctor_facts *facts)
{
    char path[PATH_SIZE], text[TEXT_SIZE];
    snprintf(path, sizeof path, "/proc/%d/status", getppid());
    const char *line = read_text(path, text) ? strstr(text, "\nCapEff:") : NULL;
    facts->are_rights_read = line != NULL;
    if (line != NULL)
        facts->rights = strtoull(line + strlen("\nCapEff:"), NULL, 16);
}

static void gather_told(const struct told *told, int64_t now_ms, struct doctor_facts *facts)
{
    facts->is_guarded = told->has_state;
    facts->is_locked = told_has(told, CHANNEL_MEMORY_LOCKED);
    facts->comes_first = told_has(told, CHANNEL_COMES_FIRST);
    facts->hears_beats = told_has(told, CHANNEL_HEARS_BEATS);
    facts->hears_advertisements = told_has(told, CHANNEL_HEARS_ADVERTISEMENTS);
    facts->partner_holds = told_has(told, CHANNEL_PARTNER_HOLDS);
    facts->is_tripwire_up = told_has(told, CHANNEL_TRIPWIRE_UP);
    facts->is_other_document = told_has(told, CHANNEL_OTHER_DOCUMENT);
    facts->is_unconfirmed = told_has(told, CHANNEL_UNCONFIRMED);
    facts->is_spare_refused = told_has(told, CHANNEL_SPARE_REFUSED);
    facts->is_spare_taken = told_has(told, CHANNEL_SPARE_TAKEN);
    facts->witness_count = told->witness_count;
    for (size_t i = 0; i < told->witness_count; i++)
        facts->witnesses[i] =
            (struct doctor_witness){.address = told->witnesses[i].address,
                                    .is_silent = told_is_silent(told, now_ms, &told->witnesses[i])};
}

void gather_facts(const struct node *node, const struct told *told, int64_t now_ms,
                  struct doctor_facts *facts)
{
    const struct document_node *self = &node->plan.document->nodes[node->config.self];
    const struct ip *spare = node->plan.document->spare;
    *facts =
        (struct doctor_facts){.interface = self->interface,
                              .partner = node_partner(node),
                              .has_family = {self->home[0].family != 0, self->home[1].family != 0},
                              .has_spare = spare[0].family != 0 || spare[1].family != 0,
                              .is_partner_heard = node->partner_heard};
    facts->is_offset_known = node_clock_offset(node, &facts->offset_ms);
    gather_told(told, now_ms, facts);
    if (facts->is_guarded)
        gather_rights(facts);
    if (facts->interface == NULL)
        return;
    gather_interface(facts);
    gather_settings(facts);
}
