#include "failover/partner_sign.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

void partner_derive_keys(struct partner *self)
{
    static const char purpose[] = "advertisement";
    for (size_t i = 0; i < self->settings.beat_key_count; i++)
        crypto_generichash(self->advertisement_keys[i], BEAT_KEY_SIZE, (const uint8_t *)purpose,
                           sizeof purpose - 1, self->settings.beat_keys[i], BEAT_KEY_SIZE);
}

static uint64_t said(const struct advertisement *advertisement)
{
    return (uint64_t)advertisement->vrid << 8 | advertisement->priority;
}

size_t partner_sign(struct partner *self, size_t family, const struct advertisement *advertisement,
                    uint8_t bytes[ADVERTISEMENT_SIZE_MAX + BEAT_SIZE], size_t size)
{
    assert(family < 2);
    assert(size <= ADVERTISEMENT_SIZE_MAX);
    struct beat beat = {.sender = self->settings.self,
                        .cluster = self->settings.cluster,
                        .boot = self->boot,
                        .sequence = ++self->advertised[family],
                        .heard_ago_us = UINT32_MAX,
                        .document = said(advertisement)};
    beat_echo(&self->advertisers[family], &beat.echo_boot, &beat.echo_sequence);
    beat_encode(&beat, self->advertisement_keys[0], bytes + size);
    return size + BEAT_SIZE;
}

bool partner_is_signed(struct partner *self, size_t family,
                       const struct advertisement *advertisement, const uint8_t *bytes, size_t size)
{
    assert(family < 2);
    struct beat_memory *memory = &self->advertisers[family];
    const struct beat_expectation expected = {.cluster = self->settings.cluster,
                                              .sender = (uint8_t)(1 - self->settings.self),
                                              .boot = self->boot,
                                              .sequence = self->advertised[family]};
    bool is_first = memory->boot == 0 && expected.sequence < BEAT_RECENT;
    struct beat beat;
    if (size < BEAT_SIZE)
        return false;
    enum beat_refusal refusal =
        beat_decode(bytes + size - BEAT_SIZE, BEAT_SIZE, self->advertisement_keys,
                    self->settings.beat_key_count, &expected, memory, &beat);
    if (refusal == BEAT_UNPROVEN)
        return is_first;
    return refusal == BEAT_ACCEPTED && beat.document == said(advertisement);
}
