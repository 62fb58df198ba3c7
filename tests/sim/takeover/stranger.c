#include <string.h>

#include "sim/takeover/takeover.h"

enum { RECORD_EVERY = 16, KEEP_EVERY = 64 };

/* One of so many is kept; half of the room is for the seed's first life of each node. */
void stranger_record(struct takeover *self, const struct packet *packet)
{
    if (self->heard++ % RECORD_EVERY != 0)
        return;
    uint32_t place = self->recorded < RECORDINGS_MAX
                         ? self->recorded
                         : RECORDINGS_MAX / 2 + self->recorded % (RECORDINGS_MAX / 2);
    self->recorded++;
    self->recordings[place] = *packet;
}

static const struct packet *recording(struct takeover *self, enum packet_kind kind,
                                      enum packet_kind as_bytes, uint8_t from)
{
    uint32_t count = self->recorded < RECORDINGS_MAX ? self->recorded : RECORDINGS_MAX;
    if (count == 0)
        return NULL;
    uint32_t first = (uint32_t)takeover_dice(self, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct packet *packet = &self->recordings[(first + i) % count];
        if ((packet->kind == kind || packet->kind == as_bytes) && packet->from == from)
            return packet;
    }
    return NULL;
}

/* On the pair link, as if from the partner's address and port: elsewhere the kernel drops it. */
static void send_beat(struct takeover *self, uint8_t node, const uint8_t *bytes, uint16_t size)
{
    struct packet *packet = path_pair(self, (uint8_t)(1 - node), PACKET_BEAT_BYTES);
    if (packet == NULL)
        return;
    packet->from = STRANGER;
    packet->size = size;
    memcpy(packet->bytes, bytes, size);
}

static void replay_beat(struct takeover *self, uint8_t node, bool is_altered)
{
    uint8_t bytes[BEAT_SIZE];
    const struct packet *packet =
        recording(self, PACKET_BEAT, PACKET_BEAT_BYTES, (uint8_t)(1 - node));
    if (packet == NULL)
        return;
    if (packet->kind == PACKET_BEAT)
        beat_encode(&packet->beat, takeover_key, bytes);
    else
        memcpy(bytes, packet->bytes, BEAT_SIZE);
    if (is_altered)
        bytes[takeover_dice(self, BEAT_SIZE)] ^= (uint8_t)(1U << takeover_dice(self, 8));
    send_beat(self, node, bytes, BEAT_SIZE);
}

/* Of the pair's key: another cluster, or a second node of my own name. Of another key: anything. */
static void forge_beat(struct takeover *self, uint8_t node, uint64_t choice)
{
    uint8_t bytes[BEAT_SIZE], key[BEAT_KEY_SIZE];
    memcpy(key, takeover_key, sizeof key);
    struct beat beat = {.sender = (uint8_t)(1 - node),
                        .flags = (uint8_t)takeover_dice(self, 128),
                        .holds = (uint8_t)takeover_dice(self, 4),
                        .cluster = 1,
                        .boot = self->hosts[1 - node].boot | 1,
                        .sequence = self->hosts[1 - node].sequence + 1000,
                        .echo_boot = self->hosts[node].boot | 1,
                        .echo_sequence = self->hosts[node].sequence + 1};
    if (choice == 0)
        key[takeover_dice(self, sizeof key)] ^= 1;
    else if (choice == 1)
        beat.cluster = 2;
    else
        beat.sender = node;
    beat_encode(&beat, key, bytes);
    send_beat(self, node, bytes, choice == 0 && takeover_dice(self, 4) == 0 ? 40 : BEAT_SIZE);
}

static void send_advertisement(struct takeover *self, uint8_t node, uint8_t source, uint8_t ttl,
                               const struct advertisement *advertisement, bool is_altered)
{
    uint8_t family = advertisement->family == 4 ? 0 : 1;
    struct packet *packet =
        path_lan(self, STRANGER, node, PACKET_ADVERTISEMENT_BYTES, (uint8_t)(1U << family));
    if (packet == NULL)
        return;
    struct ip from = host_address(source, family), to = host_address(node, family);
    packet->source = source;
    packet->ttl = ttl;
    packet->size = (uint16_t)advertisement_encode(advertisement, &from, &to, ADVERTISEMENT_PSEUDO,
                                                  packet->bytes);
    if (is_altered)
        packet->bytes[takeover_dice(self, packet->size)] ^= 1;
}

/* Each wrong in one way: whose address, TTL, VRID, or a bit of it; or all right. */
static void forge_advertisement(struct takeover *self, uint8_t node, bool is_right)
{
    static const uint8_t priorities[] = {0, 1, 100, 200, 254, 255};
    uint8_t home = (uint8_t)takeover_dice(self, NODES), family = (uint8_t)takeover_dice(self, 2);
    uint64_t wrong = is_right ? 4 : takeover_dice(self, 4);
    struct advertisement advertisement = {.vrid = wrong == 2 ? 77 : takeover_vrid[home],
                                          .priority =
                                              priorities[takeover_dice(self, sizeof priorities)],
                                          .interval_cs = (uint16_t)(self->interval_us / (10 * MS)),
                                          .family = family == 0 ? 4 : 6,
                                          .address_count = 1,
                                          .addresses = {host_home(home, family)}};
    send_advertisement(self, node, wrong == 0 ? STRANGER : (uint8_t)(1 - node),
                       wrong == 1 ? 254 : ADVERTISEMENT_TTL, &advertisement, wrong == 3);
}

/* A foreign host says that it has a service address: everybody hears it. */
static void claim(struct takeover *self, uint8_t home)
{
    const uint8_t hearers[] = {NS1, NS2, CLIENTS};
    for (size_t i = 0; i < sizeof hearers; i++) {
        struct packet *packet =
            path_lan(self, STRANGER, hearers[i], PACKET_ANNOUNCEMENT, FAMILIES_ALL);
        if (packet != NULL)
            packet->home = home;
    }
}

void stranger_act(struct takeover *self, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_FORGED_BEATS:
        if (takeover_dice(self, 2) == 0)
            replay_beat(self, fault->node, true);
        else
            forge_beat(self, fault->node, takeover_dice(self, 3));
        break;
    case FAULT_REPLAYED_BEATS:
        for (int i = 0; i < 4; i++)
            replay_beat(self, fault->node, false);
        break;
    case FAULT_FORGED_ADVERTISEMENTS:
        forge_advertisement(self, fault->node, false);
        break;
    case FAULT_REPLAYED_ADVERTISEMENTS:
        forge_advertisement(self, fault->node, true);
        break;
    case FAULT_FOREIGN_CLAIM:
        claim(self, fault->choice % NODES);
        break;
    default:
        break;
    }
}
